#include "aggregate/real_sums.h"

#include <algorithm>
#include <bit>

namespace hayate::aggregate {

std::optional<RealCut> cut_of(const ColumnRange& range, int scale) {
  if (range.sizes.infinite) return std::nullopt;
  const int width = bits_between(std::bit_cast<double>(range.sizes.least), std::bit_cast<double>(range.sizes.greatest)).high - scale;
  const int cut = std::max((width + 1) / 2, 1);
  if (cut > 50 || scale + cut > 970) return std::nullopt;  // beyond what halves can be counted from
  return RealCut{cut, kernels::halving_at(scale, cut)};
}

void add_halves(const Accumulator& to, const RealCut& cut, uint64_t low, uint64_t high, uint64_t rows, uint64_t* state) {
  const auto sum_from = [&](uint64_t sum, double zero) { return Wide(__int128(int64_t(sum - std::bit_cast<uint64_t>(zero) * rows))); };
  const Wide total = sum_from(low, cut.at.low_zero) + (sum_from(high, cut.at.high_zero) << cut.cut);
  const uint64_t words[2] = {uint64_t(total), uint64_t(total >> 64)};
  add_words(state + to.offset, words, to.words);
}

void ValueSums::add(std::span<const uint64_t> words) {
  constexpr size_t kStrip = 256;
  const uint64_t low_zero = std::bit_cast<uint64_t>(cut_.at.low_zero), high_zero = std::bit_cast<uint64_t>(cut_.at.high_zero);
  uint64_t lows[kStrip], highs[kStrip];
  for (; !words.empty(); words = words.subspan(std::min(kStrip, words.size()))) {
    const size_t count = std::min(kStrip, words.size());
    kernels::word_kernels().halves(kernels::Element::word, words.data(), int64_t(count), cut_.at, lows, highs);
    int64_t low_sum = 0, high_sum = 0;
    Whole low_low = 0, low_high = 0, high_high = 0;
    for (size_t i = 0; i < count; ++i) {
      const int64_t low = int64_t(lows[i] - low_zero), high = int64_t(highs[i] - high_zero);
      low_sum += low, high_sum += high;
      low_low += Whole(low) * low, low_high += Whole(low) * high, high_high += Whole(high) * high;
    }
    low_ += low_sum, high_ += high_sum;
    low_low_ += low_low, low_high_ += low_high, high_high_ += high_high;
  }
}

void ValueSums::put(const Accumulator& to, uint64_t* state) const {
  const auto add = [&](Whole sum, int shift) { add_shifted(state + to.offset, to.words, sum < 0 ? Wide(-sum) : Wide(sum), shift, sum < 0); };
  if (to.op == Op::sum_real) {
    add(low_, 0), add(high_, cut_.cut);
  } else {
    add(high_high_, 2 * cut_.cut), add(low_high_, cut_.cut + 1), add(low_low_, 0);
  }
}

}  // namespace hayate::aggregate
