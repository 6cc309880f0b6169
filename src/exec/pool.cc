// A task of known order costs one fetch_add: workers take the next position. One of a schedule costs a lock and the
// schedule's own bookkeeping (0.3 us). Workers sleep between runs.
#include "exec/pool.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <numeric>
#include <thread>

#include "base/clock.h"
#include "exec/pressure.h"
#include "exec/schedule.h"

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
  const double made = wall_seconds();
  PoolUse total;

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
    PoolUse use;
    use.wall_seconds = wall_seconds() - begin, use.busy_seconds = std::accumulate(busy.begin(), busy.end(), 0.0), use.tasks = done.load();
    total += use;
    return use;
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

namespace {

constexpr double kLookSeconds = 0.1;  // between two looks at pressure and costs; also how late a wait notices a stop

/// One run of a schedule: what its workers share.
class ScheduleRun {
 public:
  ScheduleRun(Schedule& schedule, const std::function<Outcome(const Start&, int)>& attempt, const Cancellation* cancel, const Watch& watch)
      : schedule_(schedule), attempt_(attempt), cancel_(cancel), watch_(watch), looked_(began_), cpu_(cpu_seconds()) {}

  void work(int worker) {
    std::unique_lock lock(mutex_);
    while (!(cancel_ && cancel_->stopped()) && !schedule_.finished()) {
      const double now = wall_seconds();
      if (now - looked_ > kLookSeconds) look(now);
      const auto start = schedule_.next(now);
      if (!start) {
        wait(lock, now);
        continue;
      }
      if (start->attempt == 0) use_.queue_seconds += now - began_, use_.longest_queue_seconds = std::max(use_.longest_queue_seconds, now - began_);
      lock.unlock();
      const Outcome outcome = attempt_(*start, worker);
      const double end = wall_seconds();
      lock.lock();
      schedule_.finish(start->task, outcome, end);
      ++use_.tasks, use_.busy_seconds += end - now;
      if (waiting_ > 0) changed_.notify_all();
    }
    changed_.notify_all();
  }

  PoolUse use() const { return use_; }

 private:
  void wait(std::unique_lock<std::mutex>& lock, double now) {
    ++waiting_;
    changed_.wait_for(lock, std::chrono::duration<double>(std::clamp(schedule_.wake_at() - now, 0.0, kLookSeconds)));
    --waiting_;
  }

  void look(double now) {
    if (watch_.pressure) adapt(now);
    looked_ = now;
    if (watch_.seconds_left) watch_.seconds_left(schedule_.seconds_left(now));
  }

  void adapt(double now) {
    Reading reading = read_pressure();
    const double cpu = cpu_seconds();
    reading.cpu_share = (cpu - cpu_) / ((now - looked_) * std::max(1, schedule_.in_hand()));
    cpu_ = cpu;
    schedule_.set_active(watch_.pressure->adapt(reading));
  }

  Schedule& schedule_;
  const std::function<Outcome(const Start&, int)>& attempt_;
  const Cancellation* cancel_;
  const Watch& watch_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int waiting_ = 0;
  const double began_ = wall_seconds();
  double looked_, cpu_;
  PoolUse use_;
};

}  // namespace

PoolUse Pool::run(Schedule& schedule, const std::function<Outcome(const Start&, int)>& attempt, const Cancellation* cancel, const Watch& watch) {
  ScheduleRun shared(schedule, attempt, cancel, watch);
  const PoolUse before = state_->total;
  const std::function<void(int64_t, int)> work = [&](int64_t, int worker) { shared.work(worker); };
  const double wall = state_->run({nullptr, workers(), &work, nullptr}).wall_seconds;
  PoolUse use = shared.use();
  use.wall_seconds = wall;
  state_->total = before;  // the loops above are no tasks
  state_->total += use;
  return use;
}

PoolUse Pool::use() const {
  PoolUse out = state_->total;
  out.wall_seconds = wall_seconds() - state_->made;
  return out;
}

PoolUse& PoolUse::operator+=(const PoolUse& other) {
  wall_seconds += other.wall_seconds, busy_seconds += other.busy_seconds, tasks += other.tasks;
  queue_seconds += other.queue_seconds, longest_queue_seconds = std::max(longest_queue_seconds, other.longest_queue_seconds);
  return *this;
}

std::vector<int64_t> longest_first(const std::vector<double>& cost) {
  std::vector<int64_t> order(cost.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return cost[size_t(a)] > cost[size_t(b)]; });
  return order;
}

}  // namespace hayate::exec
