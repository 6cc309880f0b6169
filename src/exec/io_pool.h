// Threads that wait: for a disk to say that it has what was written, later for a network. They hold no core while they
// wait, so that the workers of exec::Pool, of which there is one per core, never have to.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "exec/pool.h"

namespace hayate::exec {

class IoPool {
 public:
  /// `workers` >= 1; the threads start with the first job.
  explicit IoPool(int workers);
  /// Waits for the jobs in hand; those whose time has not come are dropped.
  ~IoPool();
  IoPool(const IoPool&) = delete;
  IoPool& operator=(const IoPool&) = delete;

  /// Runs `job` `delay` seconds from now or as soon after as a thread is free; jobs that are due run in the order of their
  /// time. Any thread. A job must not throw.
  void submit(std::function<void()> job, double delay = 0);
  /// Returns when no job is due or in hand. Those with a delay still to pass stay.
  void drain();

  int workers() const;
  /// Since it was made: busy are the seconds in jobs, waiting included.
  PoolUse use() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace hayate::exec
