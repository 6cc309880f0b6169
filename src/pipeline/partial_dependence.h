// What a model predicts on average while one or two features are held: `hayate importance --method partial_dependence`.
#pragma once

#include "hayate/table.h"
#include "pipeline/importance.h"

namespace hayate::pipeline {

/// Friedman 2001. Errors (usage): a feature that the model does not have, a pair that is not two; features scaled in training, whose values
/// mean nothing outside; (input): a feature without a value.
Result<ImportanceOutcome> by_partial_dependence(const ImportanceRequest& request, const Model& model, const Table& table, exec::Pool& pool,
                                                exec::Steps& steps, const exec::Cancellation& cancel);

}  // namespace hayate::pipeline
