// Who goes on. A trial is looked at on rungs: budgets grace * factor^k below max_t, then max_t itself. All trials of a wave
// reach a rung before anybody decides, and decisions read scores and trial numbers alone: the order in which work ends, and
// the number of workers, have no say. (Deciding at each arrival lets 8 ascending scores all pass and stops 7 of 8 descending.)
#pragma once

#include <cstdint>
#include <vector>

#include "hayate/error.h"

namespace hayate::tune {

inline constexpr const char* kSchedulers[] = {"none", "asha", "asha_stopping", "hyperband", "median"};
/// none: every trial gets max_t at once. asha: the best 1 / factor of a rung are promoted; a trial that stays behind is paused, and
/// promoted later when trials that come after it put it into that part (Li et al. 2018). asha_stopping: staying behind is
/// final. hyperband: brackets that begin at higher and higher rungs, each an asha of its own. median: stopped when below the
/// median of the rung (from 3 trials on).
/// A verdict of asha_stopping, or inside a bracket, is that of Optuna's SuccessiveHalvingPruner on the last trial to arrive, but that
/// of equal scores the first trials pass, not all. Optuna's MedianPruner takes the median of the other trials that are complete, and
/// compares with it the best score up to now: here it is the median of all trials on the rung, the trial itself among them, and their
/// scores there. Optuna's HyperbandPruner has no bracket that begins at max_t where max_t is between two rungs, and gives trials to
/// brackets by a checksum of their number.
enum class Scheduler : uint8_t { none, asha, asha_stopping, hyperband, median };

struct ScheduleSpec {
  Scheduler scheduler = Scheduler::none;
  int64_t grace_period = 10, reduction_factor = 2, max_t = 100;
};

/// Usage Errors: a grace period above max_t, a reduction factor below 2.
Result<void> check_schedule(const ScheduleSpec& spec);

/// The ladder of a bracket: budgets ascending, the last one max_t.
std::vector<int64_t> rungs_of(const ScheduleSpec& spec, int64_t bracket = 0);
/// Brackets: 1, or for hyperband one per rung that a bracket can begin at.
int64_t num_brackets(const ScheduleSpec& spec);
/// The bracket of a trial. Hyperband fills them in proportion to the trials that each begins with.
int64_t bracket_of(const ScheduleSpec& spec, int64_t trial);

/// What is known of a trial: its scores on the rungs of its bracket so far, the higher the better; NaN: failed there.
struct Climb {
  int64_t bracket = 0;
  bool in_wave = true;  ///< of the newest wave; asha_stopping leaves earlier ones alone
  std::vector<double> scores;
  bool is_over = false;  ///< of a search that was made longer since: others are compared with it, it never goes on
};

/// The trials that go on to their next rung, ascending. Every trial of the wave stands on a rung, or has failed or ended.
std::vector<int64_t> promotions(const ScheduleSpec& spec, const std::vector<Climb>& climbs);

}  // namespace hayate::tune
