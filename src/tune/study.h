// A search: trials drawn by a sampler, promoted by a scheduler, scored on rows that did not train, recorded in a journal. The
// outcome is a function of the spec and the table: not of workers, of the order in which work ends, or of interruptions.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "exec/steps.h"
#include "hayate/learner.h"
#include "tune/journal.h"
#include "tune/sampler.h"
#include "tune/schedule.h"
#include "tune/scorer.h"
#include "tune/space.h"

namespace hayate::tune {

struct StudySpec {
  LearnerParams params;  ///< of every trial, but for what the space says
  Space space;
  Sampler sampler = Sampler::random;
  ScheduleSpec schedule;
  ScoringSpec scoring;
  int64_t num_trials = 20;
  uint64_t seed = 0;
};

struct Trial {
  Config config;
  LearnerParams params;
  std::vector<double> point;
  int64_t bracket = 0;
  std::vector<double> values;    ///< of the metric, per rung of its bracket reached; NaN: failed there
  std::vector<int64_t> budgets;  ///< of these rungs
  double seconds = 0;
  TrialState state = TrialState::running;
  std::string stop_reason;

  double value() const { return values.empty() ? std::nan("") : values.back(); }
  int64_t budget() const { return budgets.empty() ? 0 : budgets.back(); }
};

struct Study {
  std::vector<Trial> trials;
  std::optional<size_t> best;  ///< the best value among the trials that got the whole budget; ties by number
  int64_t models_trained = 0;
};

/// Names and values of the space against the learner's parameters: every choice and both ends of every range are tried.
Result<void> check_space(const Space& space, const LearnerParams& params, const std::string& where);
/// The params of a configuration.
Result<LearnerParams> apply_config(const Config& config, LearnerParams params, const std::string& where);

/// How trials of this spec are scored when nobody says: out-of-bag for forests that draw their rows, over dates when there are
/// dates, else by folds.
Scoring default_scoring(const StudySpec& spec, bool has_dates);

/// Runs the search. `journal` may be null; one of fewer trials is gone on with: without a scheduler or history that is the search of
/// all trials, else later trials start from what earlier ones found. Errors: (input) too few rows, no trial has a score; (usage) what
/// the space does not allow, a journal of more trials; (interrupted).
Result<Study> run_study(const StudySpec& spec, const Examples& examples, Journal* journal, exec::Pool& pool, exec::Steps& steps,
                        const exec::Cancellation& cancel);

}  // namespace hayate::tune
