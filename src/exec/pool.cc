// A task costs one fetch_add: workers take the next position of a shared order. Workers sleep between runs.
#include "exec/pool.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <numeric>
#include <thread>

#include "base/clock.h"

namespace hayate::exec {
namespace {

struct Batch {
  const std::vector<int64_t>* order = nullptr;  // null: positions are the indices
  int64_t count = 0;
  const std::function<void(int64_t, int)>* task = nullptr;
  const Cancellation* cancel = nullptr;
};

}  // namespace

Cancellation::Cancellation(const Cancellation& parent, double seconds) : parent_(&parent), deadline_(seconds > 0 ? wall_seconds() + seconds : 0) {}

bool Cancellation::timed_out() const { return deadline_ > 0 && wall_seconds() > deadline_; }

struct Pool::State {
  std::mutex mutex;
  std::condition_variable wake, finished;
  std::vector<std::thread> threads;
  Batch batch;
  uint64_t generation = 0;  // counts run() calls; a thread that sees a new one takes part in it
  int active = 0;           // threads still inside the current batch
  bool closing = false;
  std::atomic<int64_t> next{0}, done{0};
  std::vector<double> busy;

  void take_part(const Batch& batch_in_hand, int worker) {
    const double begin = wall_seconds();
    while (!(batch_in_hand.cancel && batch_in_hand.cancel->stopped())) {
      const int64_t position = next.fetch_add(1, std::memory_order_relaxed);
      if (position >= batch_in_hand.count) break;
      (*batch_in_hand.task)(batch_in_hand.order ? (*batch_in_hand.order)[size_t(position)] : position, worker);
      done.fetch_add(1, std::memory_order_relaxed);
    }
    busy[size_t(worker)] = wall_seconds() - begin;
  }

  void live(int worker) {
    uint64_t seen = 0;
    std::unique_lock lock(mutex);
    while (true) {
      wake.wait(lock, [&] { return closing || generation != seen; });
      if (closing) return;
      seen = generation;
      const Batch in_hand = batch;
      lock.unlock();
      take_part(in_hand, worker);
      lock.lock();
      if (--active == 0) finished.notify_one();
    }
  }

  PoolUse run(const Batch& work) {
    const double begin = wall_seconds();
    {
      const std::lock_guard lock(mutex);
      batch = work;
      next = 0, done = 0;
      active = int(threads.size());
      ++generation;
    }
    if (!threads.empty()) wake.notify_all();
    take_part(work, 0);
    std::unique_lock lock(mutex);
    finished.wait(lock, [&] { return active == 0; });
    return {wall_seconds() - begin, std::accumulate(busy.begin(), busy.end(), 0.0), done.load()};
  }
};

Pool::Pool(int workers) : state_(std::make_unique<State>()) {
  state_->busy.resize(size_t(workers));
  for (int worker = 1; worker < workers; ++worker) state_->threads.emplace_back([this, worker] { state_->live(worker); });
}

Pool::~Pool() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->closing = true;
  }
  state_->wake.notify_all();
  for (std::thread& thread : state_->threads) thread.join();
}

int Pool::workers() const { return int(state_->busy.size()); }

PoolUse Pool::run(const std::vector<int64_t>& order, const std::function<void(int64_t, int)>& task, const Cancellation* cancel) {
  return state_->run({&order, int64_t(order.size()), &task, cancel});
}

PoolUse Pool::run(int64_t count, const std::function<void(int64_t, int)>& task, const Cancellation* cancel) {
  return state_->run({nullptr, count, &task, cancel});
}

std::vector<int64_t> longest_first(const std::vector<double>& cost) {
  std::vector<int64_t> order(cost.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return cost[size_t(a)] > cost[size_t(b)]; });
  return order;
}

}  // namespace hayate::exec
