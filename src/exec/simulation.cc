#include "exec/simulation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "base/random.h"
#include "exec/schedule.h"

namespace hayate::exec {
namespace {

constexpr double kTimeout = 60;         // seconds after which a task that hangs is stopped
constexpr double kWriteSeconds = 0.01;  // a result and its record
constexpr double kForever = std::numeric_limits<double>::infinity();

class Draw {
 public:
  explicit Draw(uint64_t seed) : key_(mix64(seed + 0x5D)) {}
  double unit() { return random_unit(key_, index_++); }
  bool chance(double p) { return unit() < p; }
  int below(int bound) { return int(unit() * bound); }
  double normal() {
    const double radius = std::sqrt(-2 * std::log(1 - unit()));
    return radius * std::cos(2 * std::numbers::pi * unit());
  }

 private:
  uint64_t key_, index_ = 0;
};

/// A task as it really is, and what became of it.
struct Truth {
  double seconds = 0, guess = 0;
  int64_t bytes = 0, guessed_bytes = 0;
  bool poison = false;
  bool recorded = false;  // on the disk: outlives the coordinator
  bool given_up = false;
  int crashes = 0, timeouts = 0, memory = 0;  // of this coordinator's life
  int64_t last_bytes = -1;                    // of an attempt that ran out of memory
  bool last_alone = false;
  double not_before = 0;
};

/// An attempt in hand: what it will come to, and when.
struct Attempt {
  int64_t task = 0;
  Start start;
  double ends = 0;
  Outcome outcome = Outcome::done;
};

class World {
 public:
  World(const SimulationSpec& spec, uint64_t seed) : spec_(spec), draw_(seed), active_(spec.workers) { make_tasks(); }

  SimulationResult run() {
    for (int life = 0; life <= spec_.coordinator_kills && result_.broken.empty(); ++life) live(life < spec_.coordinator_kills);
    result_.makespan = now_;
    double sum = 0, longest = 0;
    for (const Truth& task : tasks_) {
      sum += task.seconds + kWriteSeconds, longest = std::max(longest, task.seconds + kWriteSeconds);
      result_.done += task.recorded, result_.given_up += task.given_up;
      if (task.recorded == task.given_up) broke("a task ended {} times", int(task.recorded) + int(task.given_up));
      if (task.given_up && !task.poison && spec_.crash == 0 && spec_.hang == 0 && task.memory == 0) broke("a sound task was given up");
    }
    result_.lower_bound = std::max(sum / spec_.workers, longest);
    if (eta_at_tenth_ > 0) result_.eta_error = eta_at_tenth_ / now_ - 1;
    return result_;
  }

 private:
  template <class... Args>
  void broke(fmt::format_string<Args...> text, Args&&... args) {
    if (result_.broken.empty()) result_.broken = fmt::format(text, std::forward<Args>(args)...) + fmt::format(" at {:.3f} s", now_);
  }

  void make_tasks() {
    double sum = 0;
    for (int i = 0; i < spec_.tasks; ++i) {
      Truth task;
      task.seconds = std::exp(spec_.sigma * draw_.normal());
      task.guess = task.seconds * std::exp(spec_.guess_error * draw_.normal());
      task.bytes = int64_t(1e6 * task.seconds);
      task.guessed_bytes = int64_t(double(task.bytes) * (spec_.bytes_limit > 0 ? std::exp(0.3 * draw_.normal()) : 1));
      sum += double(task.bytes);
      tasks_.push_back(task);
    }
    for (int i = 0; i < spec_.poison; ++i) tasks_[size_t(draw_.below(spec_.tasks))].poison = true;
    bytes_limit_ = int64_t(spec_.bytes_limit * sum / spec_.tasks);
    kill_gap_ = sum / 1e6 / spec_.workers;
  }

  /// What an earlier run over such tasks has learnt: E[log seconds | log guess] is a line of slope below 1.
  CostFit learnt() const {
    if (!spec_.learnt) return {};
    const double signal = spec_.sigma * spec_.sigma, noise = spec_.guess_error * spec_.guess_error, slope = signal / (signal + noise);
    return {0, slope, std::sqrt(std::max(slope * noise, 1e-4)), 0, 500};
  }

  /// One coordinator from its start to its end, or to its being killed.
  void live(bool to_be_killed) {
    std::vector<int64_t> left;
    std::vector<TaskGuess> guesses;
    for (int64_t i = 0; i < spec_.tasks; ++i) {
      Truth& task = tasks_[size_t(i)];
      task.crashes = task.timeouts = task.memory = 0, task.last_bytes = -1, task.not_before = 0, task.given_up = false;
      if (!task.recorded) left.push_back(i), guesses.push_back({task.guess, bytes_limit_ > 0 ? task.guessed_bytes : 0});
    }
    Schedule schedule(guesses, {spec_.workers, bytes_limit_, retries_}, learnt());
    schedule.set_active(active_);
    const double dies = to_be_killed ? now_ + kill_gap_ * draw_.unit() : kForever;
    hand_.clear();
    while (!schedule.finished() && result_.broken.empty()) {
      while (const auto start = schedule.next(now_)) begin(schedule, left[size_t(start->task)], *start);
      if (hand_.empty() && schedule.wake_at() == kForever && !schedule.finished()) return broke("nothing in hand, nothing to wait for, tasks left");
      if (!step(schedule, left, dies)) return;
    }
  }

  void begin(const Schedule& schedule, int64_t index, const Start& start) {
    Truth& task = tasks_[size_t(index)];
    if (task.recorded || task.given_up) broke("a task that is over was started");
    if (int(hand_.size()) >= schedule.active()) broke("{} in hand, {} active", hand_.size() + 1, schedule.active());
    if (start.alone && !hand_.empty()) broke("not alone");
    if (bytes_limit_ > 0 && !start.alone && schedule.bytes_in_hand() > bytes_limit_) broke("more bytes in hand than the limit");
    if (now_ < task.not_before) broke("tried again before its pause was over");
    if (task.last_bytes >= 0 && start.bytes <= task.last_bytes && start.alone == task.last_alone) broke("tried again with the memory that failed");
    ++result_.attempts;
    Attempt attempt{index, start, now_ + task.seconds + kWriteSeconds, Outcome::done};
    if (task.poison || draw_.chance(spec_.crash))
      attempt.outcome = Outcome::crashed, attempt.ends = now_ + task.seconds * draw_.unit();
    else if (draw_.chance(spec_.hang))
      attempt.outcome = Outcome::timed_out, attempt.ends = now_ + kTimeout;
    else if (bytes_limit_ > 0 && task.bytes > std::max(start.bytes, start.alone ? bytes_limit_ : 0))
      attempt.outcome = Outcome::out_of_memory, attempt.ends = now_ + 0.5 * task.seconds;
    else if (draw_.chance(spec_.disk_error))
      attempt.outcome = Outcome::crashed;  // the result could not be written
    hand_.push_back(attempt);
  }

  /// On to the next event. False when the coordinator is killed.
  bool step(Schedule& schedule, const std::vector<int64_t>& left, double dies) {
    const auto first = std::min_element(hand_.begin(), hand_.end(), [](const Attempt& a, const Attempt& b) { return a.ends < b.ends; });
    const double event = std::min(first == hand_.end() ? kForever : first->ends, schedule.wake_at());
    if (dies <= event) return now_ = dies, false;
    watch_eta(schedule, event);
    now_ = std::max(now_, event);
    if (spec_.cores_change && draw_.chance(0.05)) schedule.set_active(active_ = 1 + draw_.below(spec_.workers));
    if (first != hand_.end() && first->ends <= now_) {
      const Attempt attempt = *first;
      hand_.erase(first);
      end(schedule, attempt, std::find(left.begin(), left.end(), attempt.task) - left.begin());
    }
    return true;
  }

  void end(Schedule& schedule, const Attempt& attempt, int64_t index) {
    Truth& task = tasks_[size_t(attempt.task)];
    if (attempt.outcome == Outcome::done) {
      if (task.recorded) broke("a result was recorded twice");
      task.recorded = true;  // result, then record: both are there, or neither
    }
    const bool again = schedule.finish(index, attempt.outcome, now_);
    int tries = 0, allowed = 0;
    if (attempt.outcome == Outcome::crashed) tries = ++task.crashes, allowed = retries_.crashes;
    if (attempt.outcome == Outcome::timed_out) tries = ++task.timeouts, allowed = retries_.timeouts;
    if (attempt.outcome == Outcome::out_of_memory) tries = ++task.memory, allowed = retries_.memory;
    if (attempt.outcome != Outcome::done && again != (tries <= allowed)) broke("try {} of {} and {}", tries, allowed, again ? "again" : "not again");
    if (attempt.outcome != Outcome::done && !again) task.given_up = true;
    task.last_bytes = attempt.outcome == Outcome::out_of_memory ? attempt.start.bytes : -1, task.last_alone = attempt.start.alone;
    task.not_before = again ? now_ + std::min(retries_.longest_pause, retries_.first_pause * std::exp2(tries - 1)) : 0;
  }

  /// Asks for the estimate once a tenth of the run is over; the run's length is known only afterwards, so it is asked at
  /// the moment that a tenth of the lower bound has passed.
  void watch_eta(const Schedule& schedule, double event) {
    const double tenth = 0.1 * kill_gap_;
    if (eta_at_tenth_ > 0 || event < tenth || now_ > tenth) return;
    eta_at_tenth_ = tenth + schedule.seconds_left(tenth);
  }

  const SimulationSpec spec_;
  Draw draw_;
  SimulationResult result_;
  std::vector<Truth> tasks_;
  std::vector<Attempt> hand_;
  Retries retries_{3, 3, 1, 1, 60};
  int64_t bytes_limit_ = 0;
  int active_;
  double now_ = 0, kill_gap_ = 0, eta_at_tenth_ = 0;
};

}  // namespace

SimulationResult simulate(const SimulationSpec& spec, uint64_t seed) { return World(spec, seed).run(); }

SimulationSpec any_day(uint64_t seed) {
  Draw draw(seed + 0xDA1);
  SimulationSpec spec;
  spec.tasks = 1 + draw.below(300), spec.workers = 1 + draw.below(24);
  spec.sigma = 1.5 * draw.unit(), spec.guess_error = draw.unit();
  spec.learnt = draw.chance(0.5), spec.cores_change = draw.chance(0.3);
  if (draw.chance(0.5)) spec.bytes_limit = 1 + 20 * draw.unit();
  if (draw.chance(0.4)) spec.crash = 0.2 * draw.unit();
  if (draw.chance(0.3)) spec.hang = 0.05 * draw.unit();
  if (draw.chance(0.3)) spec.disk_error = 0.05 * draw.unit();
  if (draw.chance(0.3)) spec.poison = 1 + draw.below(3);
  if (draw.chance(0.4)) spec.coordinator_kills = 1 + draw.below(3);
  return spec;
}

}  // namespace hayate::exec
