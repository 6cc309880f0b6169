// Does a spec let a model see what it could not have known? The checks run the pipeline's own code (expressions, cross-sections, scaling,
// folds) on bars that were cut, moved or disturbed, and compare; none takes the spec's word for it.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "exec/exec_config.h"
#include "exec/pool.h"
#include "exec/steps.h"
#include "hayate/panel.h"
#include "hayate/run.h"

namespace hayate::pipeline {

struct LeakCheck {
  const char* name;
  const char* meaning;  ///< of a finding
};

/// In the order in which they are done and reported.
inline constexpr LeakCheck kLeakChecks[] = {
    {"look_ahead", "the expression of a feature reads later rows: a negative Ref or Delta, a label maker"},
    {"future_cut", "a feature changes when the bars after a date are cut off"},
    {"moved_start", "a feature changes when the bars begin later, after all that its windows and fading weights hold"},
    {"label_equal", "a feature equals the label or a return of the next 20 rows: |correlation| above 0.999"},
    {"future_column",
     "a column of your own repeats later prices, returns of the next 20 rows or another column a few rows early, has gaps filled from them, was "
     "scaled with them or is made of windows around its rows; the close or the volume was smoothed"},
    {"scaler_rows", "a processor is fitted on rows outside the training rows"},
    {"fold_overlap", "the label of a training row reaches into the test block of its fold"},
};

struct LeakFinding {
  std::string check, feature, symbol, time, what;
};

struct LeakOutcome {
  int64_t features = 0, symbols = 0, rows = 0;
  std::vector<LeakFinding> findings;  ///< in the order of kLeakChecks, then of the features
  std::vector<std::string> notes;     ///< one per check: what was compared, or why it was not; in the order of kLeakChecks
  std::vector<Finding> failures;      ///< symbols that were left out
  bool clean() const { return findings.empty(); }
};

/// Checks a spec on its own bars. Errors: what `run` would refuse before it computes (names, params), but look-ahead and a purge
/// that is too short, which are findings here; no readable bars; interrupted.
Result<LeakOutcome> check_leakage(const RunSpec& spec, const exec::ExecConfig& exec, exec::Steps& steps, const exec::Cancellation& cancel);

}  // namespace hayate::pipeline
