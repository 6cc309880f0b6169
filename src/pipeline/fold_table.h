// The feature table that folds train on: as it is, or scaled anew for each fold, fitted on that fold's training rows.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "hayate/learner.h"
#include "pipeline/plan.h"

namespace hayate::pipeline {

class FoldTable {
 public:
  /// `values` must stay as long as needs_values().
  FoldTable(const Plan& plan, const FloatColumns& values);

  bool needs_values() const { return !plan_->scalers.empty() || trainer_->keeps_values(); }
  /// The trainer of the fold with these training rows, prepared for them. It is good until the next call. Features are scaled on `pool`, which may be null.
  Result<Trainer*> prepare(std::span<const int32_t> train, exec::Pool* pool);
  /// What was fitted for the last fold; empty without scalers.
  const std::vector<double>& fits() const { return fits_; }

 private:
  const Plan* plan_;
  FloatColumns values_;
  std::vector<float> scaled_;
  std::vector<double> fits_;
  std::unique_ptr<Trainer> trainer_;
};

}  // namespace hayate::pipeline
