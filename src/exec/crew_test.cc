#include "exec/crew.h"

#include <doctest/doctest.h>

#include <vector>

using namespace hayate::exec;

TEST_CASE("crew: every task of every batch is done once, in whatever number of workers") {
  for (const int workers : {1, 2, 7}) {
    Pool pool(workers);
    Crew crew(&pool);
    int64_t led = 0;
    for (int again = 0; again < 20; ++again)
      crew.lead([&] {
        for (int64_t count : {0, 1, 2, 3, 100, 7}) {
          std::vector<int> done(size_t(count), 0);
          std::vector<int64_t> by(size_t(workers), 0);
          crew.run(count, [&](int64_t i, int worker) { ++done[size_t(i)], ++by[size_t(worker)]; });
          int64_t all = 0;
          for (const int64_t tasks : by) all += tasks;
          CHECK(all == count);
          for (const int times : done) CHECK(times == 1);
          ++led;
        }
      });
    CHECK(led == 120);
  }
}

TEST_CASE("crew: without a pool the leader does everything") {
  Crew crew(nullptr);
  CHECK(crew.workers() == 1);
  int64_t sum = 0;
  crew.lead([&] { crew.run(5, [&](int64_t i, int worker) { sum += i + worker; }); });
  CHECK(sum == 10);
}
