// How windows are put together from shorter ones, for the kernels in moments.h, extremes.h and quantile.h.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "kernels/extremes.h"
#include "kernels/moments.h"
#include "kernels/quantile.h"

namespace hayate {

/// Index of the link of window `window`; it must be there.
template <class Link>
int32_t link_of(const std::vector<Link>& links, int64_t window) {
  for (size_t i = 0; i < links.size(); ++i)
    if (links[i].window == window) return int32_t(i);
  return -1;
}

/// Links for sums over these windows (0: all rows so far). How a window is split depends on its length alone.
std::vector<kernels::WindowLink> sum_links(std::span<const int64_t> windows);
std::vector<kernels::ExtremesLink> extremes_links(std::span<const int64_t> windows);

/// Links for sorted windows of at most kLongestMerged rows, with the networks that they point to.
struct SortedWindows {
  std::vector<kernels::SortedLink> links;
  std::deque<std::vector<kernels::Comparator>> comparators;
  std::deque<std::vector<uint8_t>> orders;
};
SortedWindows sorted_windows(std::span<const int64_t> windows);

/// Batcher's odd-even merge of a sorted run on wires 0 .. m-1 with one on wires m .. m+n-1, for any m and n (Knuth, volume 3,
/// 5.3.4). After it, rank k is on wire order[k].
struct MergeNetwork {
  std::vector<kernels::Comparator> comparators;
  std::vector<uint8_t> order;
};
MergeNetwork merge_network(int m, int n);

}  // namespace hayate
