// The value of a rank among values in any order, for medians and quantiles of groups. std::nth_element asks of every value, about three times over,
// which side it belongs to, and the processor guesses many of the answers wrong. Here values are counted by their leading bits between a least and a
// greatest one; the counts say among which of them the rank is, and only these, mostly few, are looked at further. Median and standard deviation
// of 10 M rows in 10,000 groups took 0.10 s of CPU less with it.
//
// Words (words.h) of reals are linear between two powers of two, so whatever values a column has, those near a quantile spread over many counts.
// Where they do not, the same is done again with the few values' own range: each time it is a 256th of the one before, so the time is linear in
// any case.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace hayate::aggregate {

struct Neighbours {
  uint64_t at = 0, above = 0;  ///< the value of the rank, and that of the next one
};

/// Of values between `least` and `greatest`, which are reordered: the one of `rank` (from 0 on), and the next one, or the same again where there is
/// none.
Neighbours select(std::span<uint64_t> values, size_t rank, uint64_t least, uint64_t greatest);

}  // namespace hayate::aggregate
