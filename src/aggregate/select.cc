#include "aggregate/select.h"

#include <algorithm>
#include <bit>
#include <cassert>

namespace hayate::aggregate {
namespace {

constexpr int kDigit = 8;
constexpr size_t kFew = 48;  // up to which values are better compared

Neighbours select_of_few(std::span<uint64_t> values, size_t rank) {
  const auto at = values.begin() + std::ptrdiff_t(rank);
  std::nth_element(values.begin(), at, values.end());
  return {*at, rank + 1 < values.size() ? *std::min_element(at + 1, values.end()) : *at};
}

}  // namespace

Neighbours select(std::span<uint64_t> values, size_t rank, uint64_t least, uint64_t greatest) {
  assert(rank < values.size());
  uint64_t above = 0;  // the next value, where it is not among those that are left
  bool is_last = false;
  while (values.size() > kFew && least < greatest) {
    const int shift = std::max(0, int(std::bit_width(greatest - least)) - kDigit);
    uint32_t counts[size_t{1} << kDigit] = {};
    for (const uint64_t value : values) ++counts[(value - least) >> shift];
    uint64_t digit = 0;
    for (; rank >= counts[digit]; ++digit) rank -= counts[digit];
    const uint64_t first = least + (digit << shift), last = std::min(greatest, first + ((uint64_t{1} << shift) - 1));
    if (!is_last && rank + 1 == counts[digit]) {  // the next one begins another digit
      uint64_t next = UINT64_MAX;
      bool any = false;
      for (const uint64_t value : values) {
        any |= value > last;
        next = value > last ? std::min(next, value) : next;
      }
      if (any) above = next, is_last = true;
    }
    size_t kept = 0;
    for (size_t i = 0; i < values.size(); ++i) {
      const uint64_t value = values[i];
      values[i] = values[kept], values[kept] = value;
      kept += value - first <= last - first;
    }
    values = values.first(kept), least = first, greatest = last;
  }
  Neighbours out = least < greatest ? select_of_few(values, rank) : Neighbours{least, least};
  if (is_last && rank + 1 == values.size()) out.above = above;
  return out;
}

}  // namespace hayate::aggregate
