// The one place where threads are made. A Pool runs tasks of known order on a fixed number of workers; it knows that
// tasks exist, not what they compute. No task may start a pool of its own.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace hayate::exec {

/// Says "stop" to tasks in hand: kernels ask stopped() every few milliseconds and return early when it is true. Set by a
/// signal or a failed sibling, never cleared; one made for a task also stops with its parent and at its deadline.
class Cancellation {
 public:
  Cancellation() = default;
  /// For one task: `seconds` from now, or never when 0. `parent` must outlive this.
  Cancellation(const Cancellation& parent, double seconds);

  bool stopped() const { return stop_.load(std::memory_order_relaxed) || (parent_ && (parent_->stopped() || timed_out())); }
  /// The deadline has passed.
  bool timed_out() const;
  void stop() { stop_.store(true, std::memory_order_relaxed); }

 private:
  std::atomic<bool> stop_{false};
  const Cancellation* parent_ = nullptr;
  double deadline_ = 0;  // wall_seconds(); 0: none
};

class Pressure;
class Schedule;
struct Start;
enum class Outcome;

/// What is looked at ten times a second while a schedule runs.
struct Watch {
  Pressure* pressure = nullptr;                   ///< says how many tasks may be in hand; null: as many as there are workers
  std::function<void(double)> seconds_left = {};  ///< told of the expected seconds to the end, from any worker, one at a time
};

/// What the workers of one run() did, or of all runs so far.
struct PoolUse {
  double wall_seconds = 0;
  double busy_seconds = 0;                              ///< in tasks, summed over workers
  int64_t tasks = 0;                                    ///< attempts, where tasks are tried again
  double queue_seconds = 0, longest_queue_seconds = 0;  ///< from the start of the run to the first attempt of a task, summed and at most

  PoolUse& operator+=(const PoolUse& other);
};

class Pool {
 public:
  /// `workers` >= 1. The calling thread is one of them, so Pool(1) starts no thread.
  explicit Pool(int workers);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  int workers() const;

  /// Calls task(index, worker) once for every index in `order`, handing them out in that order; returns when all are
  /// done. `worker` in [0, workers()) names the caller's scratch space. When `cancel` says stop, indices not yet
  /// started are skipped. Tasks must not throw. Not reentrant.
  PoolUse run(const std::vector<int64_t>& order, const std::function<void(int64_t index, int worker)>& task, const Cancellation* cancel = nullptr);

  /// The same for 0 .. count - 1 in ascending order.
  PoolUse run(int64_t count, const std::function<void(int64_t index, int worker)>& task, const Cancellation* cancel = nullptr);

  /// What does a task of a schedule. `idle` is a pool of this worker and of those that have nothing left to start: they join a
  /// batch that the attempt runs on it, now or later, so that one task of many parts leaves no core idle. Its workers have
  /// the numbers of this pool's. It is good until the attempt returns, on its thread. An attempt must not throw.
  using Attempt = std::function<Outcome(const Start& start, int worker, Pool& idle)>;
  /// Tasks of a schedule, in the order in which it hands them out, until it is finished or `cancel` says stop.
  PoolUse run(Schedule& schedule, const Attempt& attempt, const Cancellation* cancel = nullptr, const Watch& watch = {});

  /// All runs since the pool was made; its wall seconds are those since then.
  PoolUse use() const;

 private:
  struct State;
  struct Threads;
  struct Idle;
  class ScheduleRun;
  explicit Pool(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// task(0) .. task(count - 1): on the pool when there is one, else on the calling thread in order.
template <class Task>
void run_all(int64_t count, Pool* pool, Task task) {
  if (pool && count > 1) {
    pool->run(count, [&](int64_t index, int) { task(index); });
  } else {
    for (int64_t index = 0; index < count; ++index) task(index);
  }
}

/// Indices 0 .. cost.size() - 1, most expensive first, ties by index: with one queue this keeps the last worker from
/// finishing alone (makespan / lower bound 1.001 against 1.05 first-in first-out; 500 lognormal tasks, 8 workers).
std::vector<int64_t> longest_first(const std::vector<double>& cost);

}  // namespace hayate::exec
