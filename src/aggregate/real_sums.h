// Exact sums of reals as sums of two whole numbers each (kernels::Halving), where all values of a column lie close enough together for that.
#pragma once

#include <bit>
#include <optional>
#include <span>

#include "aggregate/plan.h"

namespace hayate::aggregate {

struct RealCut {
  int cut = 0;
  kernels::Halving at = {};
};

/// Of values that are multiples of 2^scale; nothing when halves would have more than 50 bits, or when one is infinite.
std::optional<RealCut> cut_of(const ColumnRange& range, int scale);

/// state += sums of halves: those of `rows` values, as bits.
void add_halves(const Accumulator& to, const RealCut& cut, uint64_t low, uint64_t high, uint64_t rows, uint64_t* state);

/// Sums of the values of one group, none missing or infinite, and of their squares.
class ValueSums {
 public:
  /// Whether squares of so many values cannot overflow.
  static bool holds(const RealCut& cut, size_t count) { return 2 * cut.cut + int(std::bit_width(count)) < 127; }
  explicit ValueSums(const RealCut& cut) : cut_(cut) {}
  void add(std::span<const uint64_t> words);
  /// Adds them to the accumulator's place in a state; `to` is of sum_real or squares_real.
  void put(const Accumulator& to, uint64_t* state) const;

 private:
  using Whole = __int128;
  RealCut cut_;
  Whole low_ = 0, high_ = 0, low_low_ = 0, low_high_ = 0, high_high_ = 0;
};

}  // namespace hayate::aggregate
