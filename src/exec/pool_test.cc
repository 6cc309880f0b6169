#include "exec/pool.h"

#include <doctest/doctest.h>

#include <atomic>
#include <set>

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
