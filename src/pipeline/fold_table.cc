#include "pipeline/fold_table.h"

#include <algorithm>

namespace hayate::pipeline {

FoldTable::FoldTable(const Plan& plan, const FloatColumns& values, std::span<const int64_t> times)
    : plan_(&plan), values_(values), times_(times), fold_(values) {
  if (plan.scalers.empty() && !plan.study) trainer_ = make_trainer(plan.params, values);
}

void FoldTable::stop_with(const exec::Cancellation* cancel) {
  cancel_ = cancel;
  if (trainer_) trainer_->stop_with(cancel);
}

FloatColumns FoldTable::begin(std::span<const int32_t> train, exec::Pool* pool) {
  if (plan_->scalers.empty()) return fold_;
  scaled_.resize(size_t(values_.stride * values_.num_features));
  for (int64_t f = 0; f < values_.num_features && !(cancel_ && cancel_->stopped()); ++f)
    std::copy_n(values_.column(f), values_.num_rows, scaled_.data() + f * values_.stride);
  fits_ = scale_fold(*plan_, {scaled_.data(), values_.num_rows, values_.num_features, values_.stride}, train, pool, times_, cancel_);
  fold_.data = scaled_.data();
  return fold_;
}

Result<Trainer*> FoldTable::prepare(std::span<const int32_t> train, const LearnerParams& params) {
  if (!plan_->scalers.empty() || plan_->study) trainer_ = make_trainer(params, fold_);
  trainer_->stop_with(cancel_);
  HY_CHECK(trainer_->prepare(train));
  return trainer_.get();
}

}  // namespace hayate::pipeline
