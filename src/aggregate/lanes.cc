#include "aggregate/lanes.h"

#include <algorithm>
#include <bit>

namespace hayate::aggregate {
namespace {

/// Places the parts of 2^log_rows rows; false when one of them is too wide.
bool place(int log_rows, Lanes* lanes) {
  size_t word = 0;
  int used = 0;
  for (Lanes::Whole& whole : lanes->wholes) {
    const int bits = whole.bits + log_rows;
    if (bits > 64) return false;
    if (used + bits > 64) ++word, used = 0;
    whole.word = word, whole.shift = used;
    used += bits;
  }
  ++word;
  for (Lanes::Real& real : lanes->reals) {
    if (real.cut + log_rows > 62) return false;
    real.word = word;
    word += 2;
  }
  lanes->words = word, lanes->most_rows = int64_t{1} << log_rows;
  return true;
}

/// True when the accumulator is a sum that can stand in parts.
bool add_lane(const Plan& plan, size_t at, Lanes* lanes) {
  const Accumulator& to = plan.accumulators[at];
  // A part holds up to 2^log_rows times its greatest value, and rows count up to 2^log_rows itself.
  if (to.op == Op::rows) return lanes->wholes.push_back({int(at), -1, 0, 0, 0, 1}), true;
  if (to.input < 0) return false;
  const ColumnRange& range = plan.ranges[plan.inputs[size_t(to.input)]];
  if (range.missing > 0 || !range.has_values()) return false;
  if (to.op == Op::sum_whole && to.words == 1)
    return lanes->wholes.push_back({int(at), to.input, range.least, 0, 0, int(std::bit_width(range.greatest - range.least))}), true;
  if (to.op != Op::sum_real || to.words > 2 || range.sizes.infinite) return false;
  const int width = bits_between(std::bit_cast<double>(range.sizes.least), std::bit_cast<double>(range.sizes.greatest)).high - to.scale;
  return lanes->reals.push_back({int(at), to.input, to.scale, std::max((width + 1) / 2, 1), 0}), true;
}

template <size_t kWords>
void add_rows(const uint64_t* keys, const uint64_t* parts, size_t stride, size_t count, uint64_t* sums) {
  constexpr size_t kAhead = 16;
  for (size_t row = 0; row < count; ++row) {
    __builtin_prefetch(sums + keys[std::min(row + kAhead, count - 1)] * kWords, 1);
    uint64_t* const to = sums + keys[row] * kWords;
    for (size_t word = 0; word < kWords; ++word) to[word] += parts[word * stride + row];
  }
}

}  // namespace

std::optional<Lanes> plan_lanes(const Plan& plan, size_t groups) {
  constexpr int kMost = 24, kLeast = 12;
  constexpr size_t kMostWords = 8, kRowsPerUnpacking = 16;  // unpacking a group costs what adding some rows does
  Lanes out;
  for (size_t at = 0; at < plan.accumulators.size(); ++at)
    if (!add_lane(plan, at, &out)) return std::nullopt;
  if (!place(kLeast, &out)) return std::nullopt;
  const size_t fewest = out.words;
  int log_rows = kMost;
  while (log_rows > kLeast && !(place(log_rows, &out) && out.words == fewest)) --log_rows;
  place(log_rows, &out);
  if (out.words > kMostWords || size_t(out.most_rows) < kRowsPerUnpacking * groups) return std::nullopt;
  return out;
}

void make_parts(const Lanes& lanes, std::span<const LaneInput> inputs, size_t count, size_t stride, uint64_t* parts) {
  const kernels::WordKernels& kernels = kernels::word_kernels();
  const size_t packed = lanes.wholes.back().word + 1;
  const Lanes::Whole& rows = lanes.wholes[0];
  for (size_t word = 0; word < packed; ++word) std::fill_n(parts + word * stride, count, word == rows.word ? uint64_t{1} << rows.shift : 0);
  for (const Lanes::Whole& whole : lanes.wholes) {
    if (whole.input < 0) continue;
    const LaneInput& from = inputs[size_t(whole.input)];
    kernels.add_shifted(from.element, from.values, int64_t(count), whole.least, whole.shift, parts + whole.word * stride);
  }
  for (const Lanes::Real& real : lanes.reals) {
    const LaneInput& from = inputs[size_t(real.input)];
    kernels.halves(from.element, from.values, int64_t(count), real.scale, real.cut, parts + real.word * stride, parts + (real.word + 1) * stride);
  }
}

void add_parts(const Lanes& lanes, const uint64_t* keys, const uint64_t* parts, size_t stride, size_t count, uint64_t* sums) {
  using Add = void (*)(const uint64_t*, const uint64_t*, size_t, size_t, uint64_t*);
  constexpr Add kAdd[] = {add_rows<1>, add_rows<2>, add_rows<3>, add_rows<4>, add_rows<5>, add_rows<6>, add_rows<7>, add_rows<8>};
  if (count > 0) kAdd[lanes.words - 1](keys, parts, stride, count, sums);
}

void unpack(const Lanes& lanes, const Plan& plan, size_t groups, uint64_t* sums, uint64_t* states) {
  const int rows_bits = int(std::bit_width(uint64_t(lanes.most_rows))) - 1;
  const auto part = [&](const Lanes::Whole& whole, const uint64_t* of) {
    const int bits = whole.bits + rows_bits;
    return of[whole.word] >> whole.shift & (bits == 64 ? UINT64_MAX : (uint64_t{1} << bits) - 1);
  };
  for (size_t group = 0; group < groups; ++group, sums += lanes.words, states += plan.state_words()) {
    const uint64_t rows = part(lanes.wholes[0], sums);
    if (rows == 0) continue;
    for (const Lanes::Whole& whole : lanes.wholes) {
      uint64_t* const to = states + plan.accumulators[size_t(whole.accumulator)].offset;
      *to += whole.input < 0 ? rows : part(whole, sums) + uint64_t(whole_of(whole.least)) * rows;
    }
    for (const Lanes::Real& real : lanes.reals) {
      const Accumulator& at = plan.accumulators[size_t(real.accumulator)];
      const __int128 low = int64_t(sums[real.word]), high = int64_t(sums[real.word + 1]);
      const Wide total = Wide(low) + (Wide(high) << real.cut);
      const uint64_t words[2] = {uint64_t(total), uint64_t(total >> 64)};
      add_words(states + at.offset, words, at.words);
    }
    std::fill_n(sums, lanes.words, uint64_t{0});
  }
}

}  // namespace hayate::aggregate
