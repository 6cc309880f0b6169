// Trainers of linear models, for make_trainer.
#pragma once

#include <memory>

#include "hayate/learner.h"

namespace hayate::learn {

std::unique_ptr<Trainer> trainer_of(const LinearParams& params, const FloatColumns& values);
std::unique_ptr<Trainer> trainer_of(const LogisticParams& params, const FloatColumns& values);

}  // namespace hayate::learn
