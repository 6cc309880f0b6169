// How windows are put together from shorter ones, for the kernels in moments.h and extremes.h.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/extremes.h"
#include "kernels/moments.h"

namespace hayate {

/// Index of the link of window `window`; it must be there.
template <class Link>
int32_t link_of(const std::vector<Link>& links, int64_t window) {
  for (size_t i = 0; i < links.size(); ++i)
    if (links[i].window == window) return int32_t(i);
  return -1;
}

/// Links for sums over these windows, each 1 or more. How a window is split depends on its length alone.
std::vector<kernels::WindowLink> sum_links(std::span<const int64_t> windows);
std::vector<kernels::ExtremesLink> extremes_links(std::span<const int64_t> windows);

}  // namespace hayate
