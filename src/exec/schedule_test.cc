#include "exec/schedule.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/random.h"
#include "exec/simulation.h"

using namespace hayate;
using namespace hayate::exec;

namespace {
std::vector<TaskGuess> works(std::initializer_list<double> values) {
  std::vector<TaskGuess> out;
  for (const double value : values) out.push_back({value, 0});
  return out;
}
/// Costs are known: no task goes first to find them out.
constexpr CostFit kKnown{0, 1, 0.5, 0, 100};
}  // namespace

TEST_CASE("schedule: longest first, ties by index, no more than the active ones in hand") {
  Schedule schedule(works({1, 3, 3, 2}), {2, 0, {}});
  CHECK(schedule.next(0)->task == 1);
  CHECK(schedule.next(0)->task == 2);
  CHECK_FALSE(schedule.next(0));
  CHECK_FALSE(schedule.finish(1, Outcome::done, 1));
  schedule.set_active(1);
  CHECK_FALSE(schedule.next(1));
  schedule.finish(2, Outcome::done, 2);
  CHECK(schedule.next(2)->task == 3);
  schedule.finish(3, Outcome::done, 3);
  CHECK(schedule.next(3)->task == 0);
  CHECK_FALSE(schedule.finished());
  schedule.finish(0, Outcome::done, 4);
  CHECK(schedule.finished());
}

TEST_CASE("schedule: no tasks are finished at once") { CHECK(Schedule({}, {4, 0, {}}).finished()); }

TEST_CASE("schedule: bytes decide who runs beside whom; one too large for the limit runs alone, last") {
  Schedule schedule({{9, 200}, {5, 70}, {4, 60}, {3, 20}}, {4, 100, {}});
  CHECK(schedule.next(0)->task == 1);
  CHECK(schedule.next(0)->task == 3);  // 2 does not fit beside 1
  CHECK_FALSE(schedule.next(0));
  schedule.finish(1, Outcome::done, 1);
  CHECK(schedule.next(1)->task == 2);
  schedule.finish(2, Outcome::done, 2);
  CHECK_FALSE(schedule.next(2));
  schedule.finish(3, Outcome::done, 3);
  const auto last = schedule.next(3);
  CHECK(last->task == 0);
  CHECK(last->alone);
}

TEST_CASE("schedule: a large task is passed by small ones only so often") {
  std::vector<TaskGuess> guesses = {{100, 60}, {90, 60}};
  for (int i = 0; i < 100; ++i) guesses.push_back({1, 30});
  Schedule schedule(guesses, {2, 100, {}}, kKnown);
  CHECK(schedule.next(0)->task == 0);
  int passed = 0;
  while (const auto small = schedule.next(0)) ++passed, schedule.finish(small->task, Outcome::done, 0);
  CHECK(passed == 8);
  schedule.finish(0, Outcome::done, 1);
  CHECK(schedule.next(1)->task == 1);
}

TEST_CASE("schedule: each kind of failure has its own budget, pauses grow, what a user must mend is not tried again") {
  Schedule schedule(works({1}), {1, 0, {2, 1, 0, 1, 60}});
  double now = 0, before = 0;
  for (int i = 0; i < 2; ++i) {
    CHECK(schedule.next(now)->attempt == i);
    CHECK(schedule.finish(0, Outcome::crashed, now));
    CHECK_FALSE(schedule.next(now));
    const double pause = schedule.wake_at() - now;
    CHECK(pause >= std::exp2(i));
    CHECK(pause <= 1.5 * std::exp2(i));
    CHECK(pause > before);
    now = schedule.wake_at(), before = pause;
  }
  CHECK(schedule.next(now)->alone);  // who died twice runs alone
  CHECK(schedule.finish(0, Outcome::out_of_memory, now));
  now = schedule.wake_at();
  CHECK(schedule.next(now));
  CHECK_FALSE(schedule.finish(0, Outcome::crashed, now));
  CHECK(schedule.finished());

  Schedule other(works({1}), {1, 0, {}});
  other.next(0);
  CHECK_FALSE(other.finish(0, Outcome::failed, 0));
  Schedule slow(works({1}), {1, 0, {}});
  slow.next(0);
  CHECK_FALSE(slow.finish(0, Outcome::timed_out, 0));
}

TEST_CASE("schedule: after running out of memory a task gets more, then runs alone") {
  Schedule schedule({{1, 10}, {2, 10}}, {2, 100, {}});
  schedule.next(0), schedule.next(0);
  CHECK(schedule.finish(0, Outcome::out_of_memory, 0));
  double now = schedule.wake_at();
  CHECK(schedule.next(now)->bytes == 20);
  CHECK(schedule.finish(0, Outcome::out_of_memory, now));
  now = schedule.wake_at();
  CHECK_FALSE(schedule.next(now));  // the other is still in hand
  schedule.finish(1, Outcome::done, now);
  const auto last = schedule.next(now);
  CHECK(last->alone);
  CHECK(last->bytes == 40);
}

TEST_CASE("cost model: level, slope and spread come out of what is observed, what still runs counts too") {
  CostModel model;
  for (uint64_t i = 0; i < 2000; ++i) {
    const double work = 1000 * std::exp(3 * random_unit(1, i));
    const double noise = random_unit(2, i) + random_unit(3, i) + random_unit(4, i) - 1.5;  // sd 0.5
    model.observe(work, 1e-3 * std::pow(work, 0.7) * std::exp(0.4 * noise));
  }
  const CostFit fit = model.fit();
  CHECK(fit.slope == doctest::Approx(0.7).epsilon(0.05));
  CHECK(fit.spread == doctest::Approx(0.2).epsilon(0.1));
  CHECK(fit.seconds(5000) == doctest::Approx(1e-3 * std::pow(5000, 0.7) * std::exp(0.02)).epsilon(0.03));
  CHECK(fit.seconds(5000, 1) > 1);
  const std::vector<Running> slow(200, Running{5000, 10});
  CHECK(model.fit(slow).seconds(5000) > fit.seconds(5000));
}

TEST_CASE("cost model: one run's lesson is the next one's guess, and is unlearnt when it no longer holds") {
  CostModel first;
  for (int i = 1; i <= 100; ++i) first.observe(i, 2.0 * i);
  const CostFit learnt = first.fit();
  CHECK(learnt.weight == 100);
  CHECK(CostModel(learnt).fit().seconds(50) == doctest::Approx(100).epsilon(0.05));
  CostModel second(learnt);
  for (int i = 1; i <= 1000; ++i) second.observe(i % 100 + 1, 4.0 * (i % 100 + 1));
  CHECK(second.fit().seconds(50) == doctest::Approx(200).epsilon(0.1));
}

TEST_CASE("cost model: equal works, one observation and none give finite answers") {
  CostModel model;
  CHECK(std::isfinite(model.fit().seconds(1)));
  model.observe(5, 3);
  CHECK(model.fit().seconds(5) == doctest::Approx(3).epsilon(0.2));
  for (int i = 0; i < 50; ++i) model.observe(5, 3);
  CHECK(model.fit().seconds(5) == doctest::Approx(3).epsilon(0.05));
  CHECK(std::isfinite(model.fit().seconds(0)));
}

TEST_CASE("simulation: 200 days of every kind keep all promises") {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    const SimulationResult day = simulate(any_day(seed), seed);
    INFO("./dev soak schedule --sim-seed ", seed);
    REQUIRE(day.broken == "");
  }
}

TEST_CASE("simulation: 500 lognormal tasks on 16 workers end within 1 % of the lower bound, and when they were said to") {
  double sum = 0;
  int close = 0, close_at_first = 0;
  const int days = 100;
  for (uint64_t seed = 0; seed < days; ++seed) {
    SimulationSpec spec;
    const SimulationResult day = simulate(spec, seed);
    REQUIRE(day.broken == "");
    sum += day.makespan / day.lower_bound;
    close += std::abs(day.eta_error) < 0.15;
    spec.learnt = false;
    close_at_first += std::abs(simulate(spec, seed).eta_error) < 0.15;
  }
  MESSAGE("makespan / lower bound ", sum / days, ", estimate within 15 %: ", close, " of ", days, ", nothing learnt before: ", close_at_first);
  CHECK(sum / days <= 1.01);
  CHECK(close >= 98);
  CHECK(close_at_first >= 90);
}
