// A task of known order costs one fetch_add: workers take the next position. One of a schedule costs a lock and the
// schedule's own bookkeeping (0.3 us). Workers sleep between runs. Those for which a schedule has nothing left look for a task
// in hand that is done in parts, and take parts of it: so a symbol a hundred times as long as the others ends with them.
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

/// Takes tasks of a batch until none is left. Returns how many.
int64_t take_part(const Batch& batch, std::atomic<int64_t>& next, int worker) {
  for (int64_t done = 0;; ++done) {
    if (batch.cancel && batch.cancel->stopped()) return done;
    const int64_t position = next.fetch_add(1, std::memory_order_relaxed);
    if (position >= batch.count) return done;
    (*batch.task)(batch.order ? (*batch.order)[size_t(position)] : position, worker);
  }
}

}  // namespace

Cancellation::Cancellation(const Cancellation& parent, double seconds) : parent_(&parent), deadline_(seconds > 0 ? wall_seconds() + seconds : 0) {}

bool Cancellation::timed_out() const { return deadline_ > 0 && wall_seconds() > deadline_; }

struct Pool::State {
  const double made = wall_seconds();
  PoolUse total;

  virtual ~State() = default;
  virtual int workers() const = 0;
  virtual PoolUse run(const Batch& work) = 0;
};

struct Pool::Threads final : Pool::State {
  std::mutex mutex;
  std::condition_variable wake, finished;
  std::vector<std::thread> threads;
  Batch batch;
  uint64_t generation = 0;  // counts run() calls; a thread that sees a new one takes part in it
  int active = 0;           // threads still inside the current batch
  bool closing = false;
  std::atomic<int64_t> next{0}, done{0};
  std::vector<double> busy;

  explicit Threads(int workers) : busy(size_t(workers)) {
    for (int worker = 1; worker < workers; ++worker) threads.emplace_back([this, worker] { live(worker); });
  }

  ~Threads() override {
    {
      const std::lock_guard lock(mutex);
      closing = true;
    }
    wake.notify_all();
    for (std::thread& thread : threads) thread.join();
  }

  int workers() const override { return int(busy.size()); }

  void join_in(const Batch& work, int worker) {
    const double begin = wall_seconds();
    done.fetch_add(take_part(work, next, worker), std::memory_order_relaxed);
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
      join_in(in_hand, worker);
      lock.lock();
      if (--active == 0) finished.notify_one();
    }
  }

  PoolUse run(const Batch& work) override {
    const double begin = wall_seconds();
    {
      const std::lock_guard lock(mutex);
      batch = work;
      next = 0, done = 0;
      active = int(threads.size());
      ++generation;
    }
    if (!threads.empty()) wake.notify_all();
    join_in(work, 0);
    std::unique_lock lock(mutex);
    finished.wait(lock, [&] { return active == 0; });
    PoolUse use;
    use.wall_seconds = wall_seconds() - begin, use.busy_seconds = std::accumulate(busy.begin(), busy.end(), 0.0), use.tasks = done.load();
    total += use;
    return use;
  }
};

Pool::Pool(int workers) : state_(std::make_unique<Threads>(workers)) {}
Pool::Pool(std::unique_ptr<State> state) : state_(std::move(state)) {}
Pool::~Pool() = default;

int Pool::workers() const { return state_->workers(); }

PoolUse Pool::run(const std::vector<int64_t>& order, const std::function<void(int64_t, int)>& task, const Cancellation* cancel) {
  return state_->run({&order, int64_t(order.size()), &task, cancel});
}

PoolUse Pool::run(int64_t count, const std::function<void(int64_t, int)>& task, const Cancellation* cancel) {
  return state_->run({nullptr, count, &task, cancel});
}

namespace {

constexpr double kLookSeconds = 0.1;  // between two looks at pressure and costs; also how late a wait notices a stop

/// A batch of a task in hand, which workers with nothing to start may join.
struct OpenBatch {
  const Batch& batch;
  std::atomic<int64_t> next{0};
  int helpers = 0;
  double helped = 0;  // seconds
};

}  // namespace

/// One run of a schedule: what its workers share.
class Pool::ScheduleRun {
 public:
  ScheduleRun(Schedule& schedule, int workers, const Attempt& attempt, const Cancellation* cancel, const Watch& watch)
      : schedule_(schedule), workers_(workers), attempt_(attempt), cancel_(cancel), watch_(watch), looked_(began_), cpu_(cpu_seconds()) {}

  void work(int worker);
  /// Runs a batch of the task in hand of `worker`. Returns the seconds of those who helped.
  double share(const Batch& batch, int worker);

  int workers() const { return workers_; }
  PoolUse use() const { return use_; }

 private:
  bool help(std::unique_lock<std::mutex>& lock, int worker);
  void wait(std::unique_lock<std::mutex>& lock, double now);
  void look(double now);
  void adapt(double now);

  Schedule& schedule_;
  const int workers_;
  const Attempt& attempt_;
  const Cancellation* cancel_;
  const Watch& watch_;
  std::mutex mutex_;
  std::condition_variable changed_, left_;
  int waiting_ = 0, helping_ = 0;
  std::vector<OpenBatch*> open_;
  const double began_ = wall_seconds();
  double looked_, cpu_;
  PoolUse use_;
};

/// The pool of one worker of a schedule and of those who are idle.
struct Pool::Idle final : Pool::State {
  ScheduleRun& owner;
  const int worker;
  double helped = 0;

  Idle(ScheduleRun& run_of, int number) : owner(run_of), worker(number) {}
  int workers() const override { return owner.workers(); }
  PoolUse run(const Batch& work) override {
    const double begin = wall_seconds(), help = owner.share(work, worker);
    helped += help;
    PoolUse use;
    use.wall_seconds = wall_seconds() - begin, use.busy_seconds = use.wall_seconds + help, use.tasks = work.count;
    total += use;
    return use;
  }
};

void Pool::ScheduleRun::work(int worker) {
  auto state = std::make_unique<Idle>(*this, worker);
  double& helped = state->helped;
  Pool idle(std::move(state));
  std::unique_lock lock(mutex_);
  while (!(cancel_ && cancel_->stopped()) && !schedule_.finished()) {
    const double now = wall_seconds();
    if (now - looked_ > kLookSeconds) look(now);
    const auto start = schedule_.next(now);
    if (!start) {
      if (!help(lock, worker)) wait(lock, now);
      continue;
    }
    if (start->attempt == 0) use_.queue_seconds += now - began_, use_.longest_queue_seconds = std::max(use_.longest_queue_seconds, now - began_);
    lock.unlock();
    helped = 0;
    const Outcome outcome = attempt_(*start, worker, idle);
    const double end = wall_seconds();
    lock.lock();
    schedule_.finish(start->task, outcome, end, helped);
    ++use_.tasks, use_.busy_seconds += end - now;
    if (waiting_ > 0) changed_.notify_all();
  }
  changed_.notify_all();
}

double Pool::ScheduleRun::share(const Batch& batch, int worker) {
  OpenBatch open{batch};
  // Closed when this ends, however it ends: nobody is inside any more.
  struct Closing {
    ScheduleRun& run;
    OpenBatch& open;
    ~Closing() {
      std::unique_lock lock(run.mutex_);
      std::erase(run.open_, &open);
      run.left_.wait(lock, [this] { return open.helpers == 0; });
    }
  };
  {
    const std::lock_guard lock(mutex_);
    open_.push_back(&open);
    if (waiting_ > 0) changed_.notify_all();
  }
  {
    const Closing closing{*this, open};
    take_part(batch, open.next, worker);
  }
  return open.helped;
}

/// Joins a batch of a task in hand until nothing is left of it; false when there is none to join.
bool Pool::ScheduleRun::help(std::unique_lock<std::mutex>& lock, int worker) {
  if (!schedule_.may_help(helping_)) return false;
  const auto at = std::find_if(open_.begin(), open_.end(), [](const OpenBatch* open) { return open->next < open->batch.count; });
  if (at == open_.end()) return false;
  OpenBatch& open = **at;
  ++helping_, ++open.helpers;
  lock.unlock();
  const double begin = wall_seconds();
  take_part(open.batch, open.next, worker);
  const double seconds = wall_seconds() - begin;
  lock.lock();
  open.helped += seconds, use_.busy_seconds += seconds;
  --helping_;
  if (--open.helpers == 0) left_.notify_all();
  return true;
}

void Pool::ScheduleRun::wait(std::unique_lock<std::mutex>& lock, double now) {
  ++waiting_;
  changed_.wait_for(lock, std::chrono::duration<double>(std::clamp(schedule_.wake_at() - now, 0.0, kLookSeconds)));
  --waiting_;
}

void Pool::ScheduleRun::look(double now) {
  if (watch_.pressure) adapt(now);
  looked_ = now;
  if (watch_.seconds_left) watch_.seconds_left(schedule_.seconds_left(now));
}

void Pool::ScheduleRun::adapt(double now) {
  Reading reading = read_pressure();
  const double cpu = cpu_seconds();
  reading.cpu_share = (cpu - cpu_) / ((now - looked_) * std::max(1, schedule_.in_hand() + helping_));
  cpu_ = cpu;
  schedule_.set_active(watch_.pressure->adapt(reading));
}

PoolUse Pool::run(Schedule& schedule, const Attempt& attempt, const Cancellation* cancel, const Watch& watch) {
  ScheduleRun shared(schedule, workers(), attempt, cancel, watch);
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
