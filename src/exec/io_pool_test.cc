#include "exec/io_pool.h"

#include <doctest/doctest.h>

#include <atomic>
#include <mutex>
#include <vector>

#include "base/clock.h"

using namespace hayate;
using namespace hayate::exec;

TEST_CASE("io pool: every job once, from any thread, more of them than workers") {
  IoPool pool(3);
  std::atomic<int> done{0};
  for (int i = 0; i < 1000; ++i) pool.submit([&] { ++done; });
  pool.drain();
  CHECK(done == 1000);
  CHECK(pool.use().tasks == 1000);
}

TEST_CASE("io pool: a job waits for its time, what is due runs in the order of its time") {
  IoPool pool(1);
  std::vector<int> order;
  const double began = wall_seconds();
  std::atomic<double> late{0};
  std::atomic<bool> over{false};
  pool.submit([&] { late = wall_seconds() - began, order.push_back(3), over = true; }, 0.05);
  pool.submit([&] { order.push_back(1); });
  pool.submit([&] { order.push_back(2); });
  pool.drain();
  while (!over) {
  }
  CHECK(late >= 0.05);
  CHECK(order == std::vector<int>{1, 2, 3});
}

TEST_CASE("io pool: ends with jobs whose time has not come") {
  std::atomic<int> done{0};
  {
    IoPool pool(2);
    pool.submit([&] { ++done; }, 3600);
    pool.submit([&] { ++done; });
    pool.drain();
  }
  CHECK(done == 1);
}
