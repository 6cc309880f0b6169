// Which task next: the decisions of a run without threads and without a clock, so that the same code is driven by the
// pool and by a simulation that replays any day from a seed (simulation.h).
//
// Longest predicted first: the last worker to finish then finishes a short task. Makespan over the lower bound, 500
// lognormal tasks (sigma 1) on 16 workers, guesses off by sd 0.5: 1.004 on average; in order of arrival 1.17, in static
// chunks 1.49. Workers take their next task one by one from this one order, so there is nothing to steal at the tail.
// Where nothing was learnt yet about costs, a fifth of the tasks, spread over all sizes, goes first, the shortest before the others: without
// them the first tenth of a run is spent in the longest tasks, of which none has finished, and no estimate of the rest is better
// than a guess. It costs 0.3 % of the makespan.
//
// Memory: a task starts when its predicted bytes fit beside those in hand. Smaller ones may pass one that does not fit
// yet, but only so often; a task larger than the limit runs with nothing beside it. A task that failed is tried again
// after a pause when its failure is of a kind that may pass, each kind with a budget of its own; after running out of
// memory it asks for twice as much, then runs alone. What a user must mend is not tried again.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "exec/cost_model.h"

namespace hayate::exec {

struct TaskGuess {
  double work = 1;    ///< in the units that the cost model learns
  int64_t bytes = 0;  ///< held while it runs
  int64_t parts = 1;  ///< that several workers may do at once
};

/// How an attempt ended. `reused`: nothing was computed, so it says nothing of costs; `failed` is for good: bad data, a wrong
/// parameter.
enum class Outcome { done, reused, failed, crashed, out_of_memory, timed_out };
const char* outcome_name(Outcome outcome);

/// How often each kind is tried again.
struct Retries {
  int crashes = 3, memory = 3, timeouts = 0;
  double first_pause = 1, longest_pause = 60;  ///< seconds; doubled from one to the next, up to half as long again by chance
};

struct ScheduleLimits {
  int workers = 1;
  int64_t bytes = 0;  ///< for all tasks in hand; 0: no limit
  Retries retries;
};

/// What a worker is told to do.
struct Start {
  int64_t task = 0;
  int attempt = 0;     ///< 0: the first
  int64_t bytes = 0;   ///< what it may hold: more after it ran out
  bool alone = false;  ///< nothing runs beside it
};

class Schedule {
 public:
  Schedule(std::vector<TaskGuess> guesses, const ScheduleLimits& limits, const CostFit& learnt = {});

  /// The next task for a worker that is free at `now` (seconds on any steady clock); nothing when all are in hand or done,
  /// too much is in hand, or a pause has to pass: ask again after finish() or at wake_at().
  std::optional<Start> next(double now);
  /// True when the task is tried again later. `helped`: seconds that other workers spent on parts of it.
  bool finish(int64_t task, Outcome outcome, double now, double helped = 0);
  /// Whether a worker for which next() has nothing may do parts of a task in hand, while `helping` others do so.
  bool may_help(int helping) const { return !alone_in_hand_ && in_hand() + helping < active_; }
  /// Nothing is left to start, now or later, and nothing is in hand.
  bool finished() const;
  /// When the earliest pause ends; infinity without one.
  double wake_at() const;

  /// How many tasks may be in hand from now on, 1 .. workers: those above it end as they are.
  void set_active(int workers);
  int active() const { return active_; }
  int in_hand() const { return int(in_hand_.size()); }
  int64_t bytes_in_hand() const { return bytes_in_hand_; }

  /// Expected seconds from `now` to the end, with the workers that are active.
  double seconds_left(double now) const;
  /// What was learnt up to now.
  CostFit learnt() const { return model_.fit(); }

 private:
  /// waiting: for its first attempt; again: for another one.
  enum class State : uint8_t { waiting, again, in_hand, over };
  struct Task {
    TaskGuess guess;
    State state = State::waiting;
    int attempts = 0, crashes = 0, memory = 0, timeouts = 0;
    int64_t bytes = 0;  ///< of the next attempt
    bool alone = false;
    double began = 0, ready_at = 0;
  };

  void order_tasks(bool probe);
  bool fits(const Task& task) const { return limits_.bytes == 0 || bytes_in_hand_ + task.bytes <= limits_.bytes; }
  void end_pauses(double now);
  bool try_again(Task& task, Outcome outcome, double now);
  std::optional<int64_t> choose();
  std::optional<int64_t> choose_in_order();

  std::vector<Task> tasks_;
  ScheduleLimits limits_;
  CostFit prior_;
  CostModel model_;
  std::vector<int64_t> order_;  ///< of first attempts; those before first_ have begun
  size_t first_ = 0;
  std::vector<int64_t> again_;   ///< to be tried again at once
  std::vector<int64_t> paused_;  ///< to be tried again at their ready_at
  std::vector<int64_t> alone_;   ///< run when nothing else can be started and nothing is in hand
  std::vector<int64_t> in_hand_;
  int64_t bytes_in_hand_ = 0;
  bool alone_in_hand_ = false;
  int active_;
  int passed_ = 0;  ///< starts since the first in order was passed over for its bytes
};

}  // namespace hayate::exec
