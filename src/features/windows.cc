#include "features/windows.h"

#include <algorithm>

namespace hayate {
namespace {

using kernels::Comparator;
using kernels::SortedLink;
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

int32_t add_sorted(std::vector<SortedLink>& links, int64_t window) {
  if (const int32_t known = link_of(links, window); known >= 0) return known;
  SortedLink link;
  link.window = window;
  if (window > 1) {
    link.newer = add_sorted(links, newer_rows(window));
    link.older = add_sorted(links, window - newer_rows(window));
    links[size_t(link.newer)].is_part = links[size_t(link.older)].is_part = true;
  }
  links.push_back(link);
  return int32_t(links.size()) - 1;
}

std::vector<uint8_t> every_other(const std::vector<uint8_t>& wires, size_t first) {
  std::vector<uint8_t> out;
  for (size_t i = first; i < wires.size(); i += 2) out.push_back(wires[i]);
  return out;
}

/// Merges two sorted lists of wires; returns the wires in order of rank.
std::vector<uint8_t> merge(const std::vector<uint8_t>& x, const std::vector<uint8_t>& y, std::vector<Comparator>& comparators) {
  if (x.empty()) return y;
  if (y.empty()) return x;
  if (x.size() == 1 && y.size() == 1) {
    comparators.push_back({x[0], y[0]});
    return {x[0], y[0]};
  }
  const std::vector<uint8_t> odd = merge(every_other(x, 0), every_other(y, 0), comparators);
  const std::vector<uint8_t> even = merge(every_other(x, 1), every_other(y, 1), comparators);
  std::vector<uint8_t> out = {odd[0]};
  size_t i = 1, j = 0;
  for (; i < odd.size() && j < even.size(); ++i, ++j) {
    comparators.push_back({odd[i], even[j]});
    out.push_back(odd[i]), out.push_back(even[j]);
  }
  out.insert(out.end(), odd.begin() + ptrdiff_t(i), odd.end());
  out.insert(out.end(), even.begin() + ptrdiff_t(j), even.end());
  return out;
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
  for (int64_t window : ascending(windows)) {
    if (window == 0)
      links.push_back({.window = 0});
    else
      add_sum(links, window);
  }
  return links;
}

std::vector<kernels::ExtremesLink> extremes_links(std::span<const int64_t> windows) {
  std::vector<kernels::ExtremesLink> links = {{.window = 1}};
  for (int64_t window : ascending(windows)) {
    if (window == 0) {
      links.insert(links.begin() + 1, kernels::ExtremesLink{.window = 0, .part = 0});
      continue;
    }
    while (links.back().window * 2 < window) {
      const int64_t longest = std::max<int64_t>(links.back().window, 1);
      links.push_back({.window = longest * 2, .part = link_of(links, longest)});
    }
    if (link_of(links, window) < 0) links.push_back({.window = window, .part = int32_t(links.size()) - 1});
  }
  return links;
}

SortedWindows sorted_windows(std::span<const int64_t> windows) {
  SortedWindows out;
  for (int64_t window : ascending(windows))
    if (window > 0 && window <= kernels::kLongestMerged) add_sorted(out.links, window);
  for (SortedLink& link : out.links) {
    if (link.newer < 0) continue;
    MergeNetwork network = merge_network(int(out.links[size_t(link.newer)].window), int(out.links[size_t(link.older)].window));
    const auto& comparators = out.comparators.emplace_back(std::move(network.comparators));
    const auto& order = out.orders.emplace_back(std::move(network.order));
    link.comparators = comparators.data(), link.num_comparators = int32_t(comparators.size()), link.order = order.data();
  }
  return out;
}

MergeNetwork merge_network(int m, int n) {
  std::vector<uint8_t> x, y;
  for (int i = 0; i < m; ++i) x.push_back(uint8_t(i));
  for (int i = 0; i < n; ++i) y.push_back(uint8_t(m + i));
  MergeNetwork out;
  out.order = merge(x, y, out.comparators);
  return out;
}

}  // namespace hayate
