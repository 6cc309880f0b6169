#include "exec/schedule.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/random.h"

namespace hayate::exec {
namespace {

/// Below so many finished tasks nothing is known about costs; below so many tasks there is nothing to estimate.
constexpr double kLearntWeight = 8;
constexpr size_t kProbedTasks = 40;
/// How often each worker may take a task past one that waits for memory, and how far it looks for it.
constexpr int kPassesPerWorker = 4;
constexpr size_t kLookAhead = 1000;

/// Of log(work), over the tasks that have any.
double work_variance(const std::vector<TaskGuess>& guesses) {
  double n = 0, sum = 0, squares = 0;
  for (const TaskGuess& guess : guesses) {
    if (!(guess.work > 0)) continue;
    const double x = std::log(guess.work);
    n += 1, sum += x, squares += x * x;
  }
  return n > 0 ? std::max(0.0, squares / n - sum / n * (sum / n)) : 0;
}

void remove(std::vector<int64_t>& from, int64_t task) { from.erase(std::find(from.begin(), from.end(), task)); }

}  // namespace

const char* outcome_name(Outcome outcome) {
  constexpr const char* kNames[] = {"done", "reused", "failed", "crashed", "out of memory", "timed out"};
  return kNames[int(outcome)];
}

Schedule::Schedule(std::vector<TaskGuess> guesses, const ScheduleLimits& limits, const CostFit& learnt)
    : limits_(limits), prior_(learnt), model_(learnt, work_variance(guesses)), active_(std::max(1, limits.workers)) {
  limits_.workers = active_;
  for (TaskGuess& guess : guesses) {
    Task task;
    task.guess = guess, task.bytes = guess.bytes;
    task.alone = limits_.bytes > 0 && guess.bytes > limits_.bytes;
    tasks_.push_back(task);
  }
  order_tasks(learnt.weight < kLearntWeight && tasks_.size() >= kProbedTasks);
}

void Schedule::order_tasks(bool probe) {
  std::vector<int64_t> longest(tasks_.size());
  std::iota(longest.begin(), longest.end(), 0);
  std::stable_sort(longest.begin(), longest.end(), [&](int64_t a, int64_t b) { return tasks_[size_t(a)].guess.work > tasks_[size_t(b)].guess.work; });
  std::vector<uint8_t> is_probe(longest.size(), 0);
  const size_t probes = probe ? longest.size() / 5 : 0;
  for (size_t i = 0; i < probes; ++i) is_probe[(2 * i + 1) * longest.size() / (2 * probes)] = 1;
  const auto add = [&](int64_t task) { (tasks_[size_t(task)].alone ? alone_ : order_).push_back(task); };
  for (size_t i = longest.size(); i-- > 0;)
    if (is_probe[i]) add(longest[i]);
  for (size_t i = 0; i < longest.size(); ++i)
    if (!is_probe[i]) add(longest[i]);
}

std::optional<Start> Schedule::next(double now) {
  end_pauses(now);
  if (alone_in_hand_ || in_hand() >= active_) return std::nullopt;
  const std::optional<int64_t> chosen = choose();
  if (!chosen) return std::nullopt;
  Task& task = tasks_[size_t(*chosen)];
  task.state = State::in_hand, task.began = now;
  in_hand_.push_back(*chosen);
  bytes_in_hand_ += task.bytes;
  alone_in_hand_ = task.alone;
  return Start{*chosen, task.attempts++, task.bytes, task.alone};
}

std::optional<int64_t> Schedule::choose() {
  for (const int64_t task : again_)
    if (fits(tasks_[size_t(task)])) return remove(again_, task), task;
  if (const auto task = choose_in_order()) return task;
  if (!in_hand_.empty() || alone_.empty()) return std::nullopt;
  const int64_t task = alone_.front();
  alone_.erase(alone_.begin());
  return task;
}

/// The longest that fits. One that does not may be passed by shorter ones, but not for ever.
std::optional<int64_t> Schedule::choose_in_order() {
  while (first_ < order_.size() && tasks_[size_t(order_[first_])].state != State::waiting) ++first_, passed_ = 0;
  const size_t end = std::min(order_.size(), first_ + kLookAhead);
  for (size_t i = first_; i < end; ++i) {
    const Task& task = tasks_[size_t(order_[i])];
    if (task.state != State::waiting || !fits(task)) continue;
    if (i > first_ && ++passed_ > kPassesPerWorker * limits_.workers) return std::nullopt;
    return order_[i];
  }
  return std::nullopt;
}

void Schedule::end_pauses(double now) {
  for (size_t i = 0; i < paused_.size();) {
    const Task& task = tasks_[size_t(paused_[i])];
    if (task.ready_at > now) {
      ++i;
      continue;
    }
    (task.alone ? alone_ : again_).push_back(paused_[i]);
    paused_.erase(paused_.begin() + std::ptrdiff_t(i));
  }
}

double Schedule::wake_at() const {
  double at = std::numeric_limits<double>::infinity();
  for (const int64_t task : paused_) at = std::min(at, tasks_[size_t(task)].ready_at);
  return at;
}

bool Schedule::finish(int64_t index, Outcome outcome, double now, double helped) {
  Task& task = tasks_[size_t(index)];
  remove(in_hand_, index);
  bytes_in_hand_ -= task.bytes;
  alone_in_hand_ = false;
  if (outcome == Outcome::done) model_.observe(task.guess.work, now - task.began + helped);
  task.state = State::over;
  return try_again(task, outcome, now) && (paused_.push_back(index), true);
}

bool Schedule::try_again(Task& task, Outcome outcome, double now) {
  const Retries& allowed = limits_.retries;
  int tries = 0;
  switch (outcome) {
    case Outcome::done:
    case Outcome::reused:
    case Outcome::failed:
      return false;
    case Outcome::crashed:
      if ((tries = ++task.crashes) > allowed.crashes) return false;
      task.alone |= tries > 1;  // whoever dies again does so alone
      break;
    case Outcome::timed_out:
      if ((tries = ++task.timeouts) > allowed.timeouts) return false;
      break;
    case Outcome::out_of_memory:
      if ((tries = ++task.memory) > allowed.memory) return false;
      task.bytes = std::max<int64_t>(2 * task.bytes, 1);
      task.alone |= tries > 1 || (limits_.bytes > 0 && task.bytes > limits_.bytes);
      break;
  }
  const double pause = std::min(allowed.longest_pause, allowed.first_pause * std::exp2(tries - 1));
  const auto index = uint64_t(&task - tasks_.data());
  task.ready_at = now + pause * (1 + 0.5 * random_unit(mix64(index), uint64_t(task.attempts)));
  task.state = State::again;
  return true;
}

bool Schedule::finished() const {
  return in_hand_.empty() && again_.empty() && paused_.empty() && alone_.empty() &&
         std::all_of(order_.begin() + std::ptrdiff_t(first_), order_.end(),
                     [&](int64_t task) { return tasks_[size_t(task)].state != State::waiting; });
}

void Schedule::set_active(int workers) { active_ = std::clamp(workers, 1, limits_.workers); }

double Schedule::seconds_left(double now) const {
  std::vector<Running> running;
  for (const int64_t task : in_hand_) running.push_back({tasks_[size_t(task)].guess.work, now - tasks_[size_t(task)].began});
  const CostFit fit = model_.fit(running);
  double all = 0, longest = 0;
  for (const Task& task : tasks_) {
    if (task.state == State::over) continue;
    const double elapsed = task.state == State::in_hand ? now - task.began : 0;
    const double left = fit.seconds(task.guess.work, elapsed) - elapsed;
    all += left, longest = std::max(longest, left / double(std::clamp<int64_t>(task.guess.parts, 1, active_)));
  }
  return std::max(all / active_, longest);
}

}  // namespace hayate::exec
