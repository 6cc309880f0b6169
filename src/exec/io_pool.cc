#include "exec/io_pool.h"

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "base/clock.h"

namespace hayate::exec {

struct IoPool::State {
  const int workers;
  const double began = wall_seconds();
  mutable std::mutex mutex;
  std::condition_variable changed;
  std::multimap<double, std::function<void()>> queue;  // by the time they are due
  std::vector<std::thread> threads;
  int in_hand = 0;
  bool closing = false;
  double busy = 0;
  int64_t jobs = 0;

  explicit State(int count) : workers(count) {}

  bool is_due() const { return !queue.empty() && queue.begin()->first <= wall_seconds(); }

  void live() {
    std::unique_lock lock(mutex);
    while (!closing) {
      if (!is_due()) {
        if (queue.empty())
          changed.wait(lock);
        else
          changed.wait_for(lock, std::chrono::duration<double>(queue.begin()->first - wall_seconds()));
        continue;
      }
      const auto job = std::move(queue.begin()->second);
      queue.erase(queue.begin());
      ++in_hand;
      lock.unlock();
      const double start = wall_seconds();
      job();
      const double seconds = wall_seconds() - start;
      lock.lock();
      --in_hand, ++jobs, busy += seconds;
      changed.notify_all();
    }
  }
};

IoPool::IoPool(int workers) : state_(std::make_unique<State>(workers)) {}

IoPool::~IoPool() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->closing = true;
  }
  state_->changed.notify_all();
  for (std::thread& thread : state_->threads) thread.join();
}

void IoPool::submit(std::function<void()> job, double delay) {
  {
    const std::lock_guard lock(state_->mutex);
    state_->queue.emplace(wall_seconds() + delay, std::move(job));
    while (int(state_->threads.size()) < state_->workers) state_->threads.emplace_back([state = state_.get()] { state->live(); });
  }
  state_->changed.notify_one();
}

void IoPool::drain() {
  std::unique_lock lock(state_->mutex);
  state_->changed.wait(lock, [&] { return state_->in_hand == 0 && !state_->is_due(); });
}

int IoPool::workers() const { return state_->workers; }

PoolUse IoPool::use() const {
  const std::lock_guard lock(state_->mutex);
  PoolUse out;
  out.wall_seconds = wall_seconds() - state_->began, out.busy_seconds = state_->busy, out.tasks = state_->jobs;
  return out;
}

}  // namespace hayate::exec
