#include "features/windows.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace hayate;

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
    const auto extremes = extremes_links(std::vector<int64_t>{window, 3});
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
