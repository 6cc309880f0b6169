// Many short batches of tasks in a row. Pool::run() wakes sleeping threads, which takes longer than a batch of some
// microseconds; a Crew keeps the pool's workers at hand for as long as one piece of work goes on. One thread leads: it does the
// serial parts and calls run(), in which it takes tasks like everybody else. Nobody waits for a worker that has not come yet.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

#include "exec/pool.h"

namespace hayate::exec {

class Crew {
 public:
  /// Null: the leader works alone.
  explicit Crew(Pool* pool) : pool_(pool) {}
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  int workers() const { return pool_ ? pool_->workers() : 1; }

  /// Runs `work` on one thread of the pool while the others wait for batches; they wait awake, so keep it short of serial parts.
  void lead(const std::function<void()>& work);

  using Task = std::function<void(int64_t index, int worker)>;
  /// For `work` alone: task(index, worker) for every index below `count` (under 2^24); returns when all are done.
  void run(int64_t count, const Task& task);

 private:
  void help(int worker);
  bool take(uint64_t& ticket, int worker);

  Pool* pool_;
  int leader_ = 0;
  // The batch in hand as one number, so that no worker can mix two of them: generation << 48 | count << 24 | next index.
  std::atomic<uint64_t> ticket_{0};
  std::atomic<const Task*> task_{nullptr};
  std::atomic<int64_t> done_{0};
  std::atomic<bool> closed_{false};
};

}  // namespace hayate::exec
