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
  /// `values` must stay as long as needs_values(), `times` of their rows as long as this.
  FoldTable(const Plan& plan, const FloatColumns& values, std::span<const int64_t> times);

  /// From now on begin(), prepare() and the trainer stop when `cancel` says so; what begin() has given is then of no use.
  void stop_with(const exec::Cancellation* cancel);
  bool needs_values() const { return !plan_->scalers.empty() || plan_->study || trainer_->keeps_values(); }
  /// The table of the fold with these training rows. Features are scaled on
  /// `pool`, which may be null.
  FloatColumns begin(std::span<const int32_t> train, exec::Pool* pool);
  /// The trainer of the fold that was begun, prepared for its training rows. It
  /// is good until the next call. `params` are the plan's, or what a search
  /// found.
  Result<Trainer*> prepare(std::span<const int32_t> train, const LearnerParams& params);
  /// What was fitted for the last fold; empty without scalers.
  const std::vector<double>& fits() const { return fits_; }

 private:
  const Plan* plan_;
  FloatColumns values_;
  std::span<const int64_t> times_;
  FloatColumns fold_;  ///< values_, or scaled_
  std::vector<float> scaled_;
  std::vector<double> fits_;
  std::unique_ptr<Trainer> trainer_;
  const exec::Cancellation* cancel_ = nullptr;
};

}  // namespace hayate::pipeline
