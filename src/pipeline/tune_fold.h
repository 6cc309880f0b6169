// The search that a [tune] section asks for: before a fold trains, on the rows
// that it trains on.
//
// Each fold of each task searches for itself: params chosen with rows of a
// later block would carry its answers into the test of an earlier one. Trials
// are scored on rows of the fold's training alone, as `hayate tune` scores
// them: walk-forward over its dates, purged by the plan's purge, or out of bag.
// The winner then trains on all of the fold's training rows. A fold's search
// depends on its rows, the space and the seed alone, so a run gives the same
// bytes for any number of workers, and a resumed one those of one that was
// never killed.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "exec/pool.h"
#include "hayate/learner.h"
#include "pipeline/plan.h"

namespace hayate::pipeline {

/// The study of a spec: what `[tune]` says, every name and value checked.
/// Errors (usage).
Result<tune::StudySpec> study_of(const TuneSpec& spec, const LearnerParams& params, Problem problem, int64_t seed, int64_t purge_days);

struct TunedFold {
  LearnerParams params;
  TunedParams chosen;
};

/// Searches on the training rows of a fold: `train` are rows of `values`, by
/// which `labels`, `weights` (may be empty) and `times` are indexed. Errors:
/// (input) too few dates for the blocks, no trial has a score; (interrupted).
Result<TunedFold> tune_fold(const Plan& plan, const FloatColumns& values, std::span<const int32_t> train, std::span<const double> labels,
                            std::span<const float> weights, std::span<const int64_t> times, exec::Pool& pool, const exec::Cancellation& cancel);

}  // namespace hayate::pipeline
