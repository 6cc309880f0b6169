#include "pipeline/fold_table.h"

namespace hayate::pipeline {

FoldTable::FoldTable(const Plan& plan, const FloatColumns& values) : plan_(&plan), values_(values) {
  if (plan.scalers.empty()) trainer_ = make_trainer(plan.params, values);
}

Result<Trainer*> FoldTable::prepare(std::span<const int32_t> train, exec::Pool* pool) {
  if (!plan_->scalers.empty()) {
    scaled_.assign(values_.data, values_.data + values_.stride * values_.num_features);
    fits_ = scale_fold(*plan_, {scaled_.data(), values_.num_rows, values_.num_features, values_.stride}, train, pool);
    trainer_ = make_trainer(plan_->params, {scaled_.data(), values_.num_rows, values_.num_features, values_.stride});
  }
  HY_CHECK(trainer_->prepare(train));
  return trainer_.get();
}

}  // namespace hayate::pipeline
