#include "features/windows.h"

#include <algorithm>

namespace hayate {
namespace {

using kernels::WindowLink;

/// Rows in the newer part of a window. Multiples of 4 are halved, of 3 split 2 : 1, so that the usual 5, 10, 20, 30, 60 are made of
/// each other.
int64_t newer_rows(int64_t window) {
  if (window % 4 == 0) return window / 2;
  if (window % 3 == 0) return window / 3 * 2;
  return (window + 1) / 2;
}

int32_t add_sum(std::vector<WindowLink>& links, int64_t window) {
  if (const int32_t known = link_of(links, window); known >= 0) return known;
  WindowLink link{.window = window};
  if (window > kernels::kLongestDirect) {
    link.newer = add_sum(links, newer_rows(window));
    link.older = add_sum(links, window - newer_rows(window));
  }
  links.push_back(link);
  return int32_t(links.size()) - 1;
}

std::vector<int64_t> ascending(std::span<const int64_t> windows) {
  std::vector<int64_t> sorted(windows.begin(), windows.end());
  std::sort(sorted.begin(), sorted.end());
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  return sorted;
}

}  // namespace

std::vector<WindowLink> sum_links(std::span<const int64_t> windows) {
  std::vector<WindowLink> links;
  for (int64_t window : ascending(windows)) add_sum(links, window);
  return links;
}

std::vector<kernels::ExtremesLink> extremes_links(std::span<const int64_t> windows) {
  std::vector<kernels::ExtremesLink> links = {{.window = 1}};
  for (int64_t window : ascending(windows)) {
    while (links.back().window * 2 < window) {
      const int64_t longest = std::max<int64_t>(links.back().window, 1);
      links.push_back({.window = longest * 2, .part = link_of(links, longest)});
    }
    if (link_of(links, window) < 0) links.push_back({.window = window, .part = int32_t(links.size()) - 1});
  }
  return links;
}

}  // namespace hayate
