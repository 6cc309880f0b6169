#include "pipeline/fold_table.h"

namespace hayate::pipeline {

FoldTable::FoldTable(const Plan& plan, const FloatColumns& values, std::span<const int64_t> times)
    : plan_(&plan), values_(values), times_(times), fold_(values) {
  if (plan.scalers.empty() && !plan.study) trainer_ = make_trainer(plan.params, values);
}

FloatColumns FoldTable::begin(std::span<const int32_t> train, exec::Pool* pool) {
  if (plan_->scalers.empty()) return fold_;
  scaled_.assign(values_.data, values_.data + values_.stride * values_.num_features);
  fits_ = scale_fold(*plan_, {scaled_.data(), values_.num_rows, values_.num_features, values_.stride}, train, pool, times_);
  fold_.data = scaled_.data();
  return fold_;
}

Result<Trainer*> FoldTable::prepare(std::span<const int32_t> train, const LearnerParams& params) {
  if (!plan_->scalers.empty() || plan_->study) trainer_ = make_trainer(params, fold_);
  HY_CHECK(trainer_->prepare(train));
  return trainer_.get();
}

}  // namespace hayate::pipeline
