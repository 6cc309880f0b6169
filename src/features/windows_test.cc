#include "features/windows.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace hayate;

TEST_CASE("every merge network sorts two sorted runs") {
  // By the 0-1 principle it is enough to try runs of zeros and ones; a sorted one is a count of ones.
  for (int m = 0; m <= 32; ++m) {
    for (int n = 0; n <= 32; ++n) {
      const MergeNetwork network = merge_network(m, n);
      REQUIRE(int(network.order.size()) == m + n);
      for (int ones_m = 0; ones_m <= m; ++ones_m) {
        for (int ones_n = 0; ones_n <= n; ++ones_n) {
          std::vector<int> wires;
          for (int i = 0; i < m; ++i) wires.push_back(i >= m - ones_m);
          for (int i = 0; i < n; ++i) wires.push_back(i >= n - ones_n);
          for (const auto& c : network.comparators)
            if (wires[c.a] > wires[c.b]) std::swap(wires[c.a], wires[c.b]);
          bool sorted = true;
          for (int k = 0; k < m + n; ++k) sorted &= wires[network.order[size_t(k)]] == (k >= m + n - ones_m - ones_n);
          REQUIRE(sorted);
        }
      }
    }
  }
}

TEST_CASE("windows are made of parts that add up and come before them") {
  for (int64_t window = 1; window <= 400; ++window) {
    const auto links = sum_links(std::vector<int64_t>{window, 60, window});
    CHECK(link_of(links, window) >= 0);
    for (size_t i = 0; i < links.size(); ++i) {
      if (links[i].newer < 0) {
        CHECK(links[i].window <= kernels::kLongestDirect);
        continue;
      }
      CHECK((size_t(links[i].newer) < i && size_t(links[i].older) < i));
      CHECK(links[size_t(links[i].newer)].window + links[size_t(links[i].older)].window == links[i].window);
    }
    const auto extremes = extremes_links(std::vector<int64_t>{window, 0});
    for (size_t i = 0; i < extremes.size(); ++i) {
      if (extremes[i].window <= 1) continue;
      const int64_t part = extremes[size_t(extremes[i].part)].window;
      CHECK((part < extremes[i].window && 2 * part >= extremes[i].window));
    }
  }
}

TEST_CASE("how a window is split does not depend on the set") {
  const auto parts = [](const std::vector<kernels::WindowLink>& links, int64_t window) {
    const auto& link = links[size_t(link_of(links, window))];
    return std::pair(links[size_t(link.newer)].window, links[size_t(link.older)].window);
  };
  CHECK(parts(sum_links(std::vector<int64_t>{5, 10, 20, 30, 60}), 60) == std::pair<int64_t, int64_t>{30, 30});
  CHECK(parts(sum_links(std::vector<int64_t>{5, 10, 20, 30, 60}), 30) == std::pair<int64_t, int64_t>{20, 10});
  for (int64_t window = 9; window < 300; ++window)
    CHECK(parts(sum_links(std::vector<int64_t>{window}), window) == parts(sum_links(std::vector<int64_t>{window, window - 1, 5, 60, 299}), window));
  CHECK(sum_links(std::vector<int64_t>{5, 10, 20, 30, 60}).size() == 5);
}
