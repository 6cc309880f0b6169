#include "exec/pool.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <set>
#include <thread>

#include "base/clock.h"
#include "exec/pressure.h"
#include "exec/schedule.h"

using namespace hayate::exec;

TEST_CASE("pool: every index once, on any number of workers") {
  for (int workers : {1, 2, 7}) {
    Pool pool(workers);
    for (int64_t count : {0, 1, 5, 1000}) {
      std::vector<std::atomic<int>> seen(static_cast<size_t>(count));
      const PoolUse use = pool.run(count, [&](int64_t i, int worker) {
        REQUIRE(worker < workers);
        ++seen[size_t(i)];
      });
      CHECK(use.tasks == count);
      for (const auto& n : seen) CHECK(n == 1);
    }
  }
}

TEST_CASE("pool: one worker keeps the given order") {
  Pool pool(1);
  std::vector<int64_t> got;
  pool.run({3, 1, 2}, [&](int64_t i, int) { got.push_back(i); });
  CHECK(got == std::vector<int64_t>{3, 1, 2});
}

TEST_CASE("pool: after stop() no task begins") {
  Pool pool(2);
  Cancellation cancel;
  std::atomic<int> begun{0};
  pool.run(
      1000,
      [&](int64_t, int) {
        if (++begun == 10) cancel.stop();
      },
      &cancel);
  CHECK(begun <= 12);
}

TEST_CASE("cancellation: a task stops with its parent and at its own deadline") {
  Cancellation parent;
  const Cancellation patient(parent, 0), hasty(parent, 1e-9);
  CHECK_FALSE(patient.stopped());
  while (!hasty.stopped()) {
  }
  CHECK(hasty.timed_out());
  parent.stop();
  CHECK(patient.stopped());
  CHECK_FALSE(patient.timed_out());
}

TEST_CASE("pool: longest first, ties by index") { CHECK(longest_first({1, 3, 3, 2}) == std::vector<int64_t>{1, 2, 3, 0}); }

TEST_CASE("pool: a schedule's tasks run once each, those that fail are tried again, use is counted") {
  Pool pool(3);
  std::vector<TaskGuess> guesses(200, TaskGuess{1, 0});
  Schedule schedule(guesses, {3, 0, {2, 0, 0, 0.001, 0.001}});
  std::vector<std::atomic<int>> tries(guesses.size());
  const PoolUse use = pool.run(schedule, [&](const Start& start, int worker, Pool&) {
    REQUIRE(worker < 3);
    ++tries[size_t(start.task)];
    return start.task % 10 == 0 && start.attempt == 0 ? Outcome::crashed : start.task == 7 ? Outcome::failed : Outcome::done;
  });
  CHECK(schedule.finished());
  for (size_t i = 0; i < tries.size(); ++i) CHECK(tries[i] == (i % 10 == 0 ? 2 : 1));
  CHECK(use.tasks == 220);
  CHECK(pool.use().tasks == 220);
  CHECK(use.busy_seconds <= 3 * use.wall_seconds);
}

TEST_CASE("pool: a schedule stops when told to, also while it waits for a pause to pass") {
  Pool pool(2);
  Cancellation cancel;
  Schedule schedule({{1, 0}, {1, 0}}, {2, 0, {3, 0, 0, 3600, 3600}});
  const double began = hayate::wall_seconds();
  pool.run(
      schedule,
      [&](const Start& start, int, Pool&) {
        if (start.task == 1) cancel.stop();
        return Outcome::crashed;
      },
      &cancel);
  CHECK(hayate::wall_seconds() - began < 5);
  CHECK_FALSE(schedule.finished());
}

TEST_CASE("pool: a task of a schedule costs less than a microsecond on one worker") {
  Pool pool(1);
  Schedule schedule(std::vector<TaskGuess>(200'000, TaskGuess{1, 0}), {1, 0, {}});
  const PoolUse use = pool.run(schedule, [](const Start&, int, Pool&) { return Outcome::done; });
  MESSAGE("a task of a schedule: ", 1e9 * use.wall_seconds / double(use.tasks), " ns");
  CHECK(use.tasks == 200'000);
}

TEST_CASE("pool: workers with nothing to start join a batch of a task in hand") {
  Pool pool(4);
  Schedule schedule({{1, 0}}, {4, 0, {}});
  std::vector<std::atomic<int>> done(64), by(4);
  const PoolUse use = pool.run(schedule, [&](const Start&, int, Pool& idle) {
    CHECK(idle.workers() == 4);
    idle.run(int64_t(done.size()), [&](int64_t part, int worker) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
      ++done[size_t(part)], ++by[size_t(worker)];
    });
    for (const auto& times : done) CHECK(times == 1);  // all of it is over when run() returns
    return Outcome::done;
  });
  CHECK(std::count_if(by.begin(), by.end(), [](const auto& parts) { return parts > 0; }) > 1);
  CHECK(use.tasks == 1);
  CHECK(use.busy_seconds > 64 * 0.002);
}

TEST_CASE("pool: nobody joins a task that must be alone") {
  Pool pool(4);
  Schedule schedule({{1, 100}}, {4, 10, {}});
  std::vector<std::atomic<int>> by(4);
  pool.run(schedule, [&](const Start& start, int, Pool& idle) {
    CHECK(start.alone);
    idle.run(8, [&](int64_t, int worker) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
      ++by[size_t(worker)];
    });
    return Outcome::done;
  });
  CHECK(std::count_if(by.begin(), by.end(), [](const auto& parts) { return parts > 0; }) == 1);
}
