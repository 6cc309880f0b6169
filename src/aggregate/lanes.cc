#include "aggregate/lanes.h"

#include <algorithm>
#include <bit>

namespace hayate::aggregate {
namespace {

constexpr size_t kFewGroups = 2 * kernels::kFewKeys;
constexpr int kLeastLog = 12, kMostLog = 24;  // of rows between two unpackings

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
    if (real.cut.cut + log_rows > 62) return false;
    real.word = word;
    word += 2;
  }
  if (!lanes->sets.empty()) ++word;
  lanes->words = word, lanes->most_rows = int64_t{1} << log_rows;
  return true;
}

/// False when the numbers of all sets together do not fit one word.
bool add_set(int accumulator, int input, const ColumnRange& range, Lanes* lanes) {
  Lanes::Set set{accumulator, input, range.least, 0, 0};
  for (const Lanes::Set& other : lanes->sets) {
    if (other.input == input) return set = other, set.accumulator = accumulator, lanes->sets.push_back(set), true;
    set.shift = std::max(set.shift, other.shift + other.bits);
  }
  if (range.greatest - range.least >= uint64_t(64 - set.shift)) return false;
  set.bits = int(range.greatest - range.least) + 1;
  return lanes->sets.push_back(set), true;
}

/// True when the accumulator is a sum that can stand in parts, or a set.
bool add_lane(const Plan& plan, size_t at, Lanes* lanes) {
  const Accumulator& to = plan.accumulators[at];
  // A part holds up to 2^log_rows times its greatest value, and rows count up to 2^log_rows itself.
  if (to.op == Op::rows) return lanes->wholes.push_back({int(at), -1, 0, 0, 0, 1}), true;
  if (to.input < 0) return false;
  const ColumnRange& range = plan.ranges[plan.inputs[size_t(to.input)]];
  if (range.missing > 0 || !range.has_values()) return false;
  if (to.op == Op::sum_whole && to.words == 1)
    return lanes->wholes.push_back({int(at), to.input, range.least, 0, 0, int(std::bit_width(range.greatest - range.least))}), true;
  if ((to.op == Op::least || to.op == Op::greatest) && word_kind(plan.schema.columns[plan.inputs[size_t(to.input)]].dtype) != WordKind::real)
    return add_set(int(at), to.input, range, lanes);
  if (to.op != Op::sum_real || to.words > 2) return false;
  const auto cut = cut_of(range, to.scale);
  if (cut) lanes->reals.push_back({int(at), to.input, *cut, 0});
  return cut.has_value();
}

template <size_t kWords, bool kSets>
void add_to_groups(const uint64_t* keys, const uint64_t* parts, size_t stride, size_t count, uint64_t* sums) {
  constexpr size_t kAhead = 16;
  for (size_t row = 0; row < count; ++row) {
    __builtin_prefetch(sums + keys[std::min(row + kAhead, count - 1)] * kWords, 1);
    uint64_t* const to = sums + keys[row] * kWords;
    for (size_t word = 0; word + kSets < kWords; ++word) to[word] += parts[word * stride + row];
    if (kSets) to[kWords - 1] |= parts[(kWords - 1) * stride + row];
  }
}

/// Words in which wholes stand, for all rows: word w of row r is parts[w * stride + r].
void make_whole_parts(const Lanes& lanes, std::span<const LaneInput> inputs, size_t count, size_t stride, uint64_t* parts) {
  const Lanes::Whole& rows = lanes.wholes[0];
  for (size_t word = 0; word < lanes.packed_words(); ++word)
    std::fill_n(parts + word * stride, count, word == rows.word ? uint64_t{1} << rows.shift : 0);
  for (const Lanes::Whole& whole : lanes.wholes) {
    if (whole.input < 0) continue;
    const LaneInput& from = inputs[size_t(whole.input)];
    kernels::word_kernels().add_shifted(from.element, from.values, int64_t(count), whole.least, whole.shift, parts + whole.word * stride);
  }
}

void make_set_parts(const Lanes& lanes, std::span<const LaneInput> inputs, size_t count, uint64_t* parts) {
  std::fill_n(parts, count, uint64_t{0});
  for (const Lanes::Set& set : lanes.sets) {
    const LaneInput& from = inputs[size_t(set.input)];
    kernels::word_kernels().set_bits(from.element, from.values, int64_t(count), set.least, set.shift, parts);
  }
}

void make_real_parts(const Lanes& lanes, std::span<const LaneInput> inputs, size_t count, size_t stride, uint64_t* parts) {
  for (const Lanes::Real& real : lanes.reals) {
    const LaneInput& from = inputs[size_t(real.input)];
    kernels::word_kernels().halves(from.element, from.values, int64_t(count), real.cut.at, parts + real.word * stride,
                                   parts + (real.word + 1) * stride);
  }
}

void add_to_few_groups(const Lanes& lanes, std::span<const LaneInput> inputs, const uint64_t* keys, size_t count, size_t stride, size_t groups,
                       const uint64_t* parts, uint64_t* sums) {
  const kernels::WordKernels& kernels = kernels::word_kernels();
  for (size_t first = 0; first < groups; first += kernels::kFewKeys) {
    const size_t here = std::min(size_t(kernels::kFewKeys), groups - first);
    uint64_t low[kernels::kFewKeys], high[kernels::kFewKeys];
    const auto add = [&](size_t word, const uint64_t* by_key) {
      for (size_t k = 0; k < here; ++k) sums[(first + k) * lanes.words + word] += by_key[k];
    };
    for (size_t word = 0; word < lanes.packed_words(); ++word) {
      std::fill_n(low, kernels::kFewKeys, uint64_t{0});
      kernels.sum_by_key(keys, parts + word * stride, int64_t(count), first, low);
      add(word, low);
    }
    for (const Lanes::Real& real : lanes.reals) {
      const LaneInput& from = inputs[size_t(real.input)];
      std::fill_n(low, kernels::kFewKeys, uint64_t{0}), std::fill_n(high, kernels::kFewKeys, uint64_t{0});
      kernels.sum_halves_by_key(from.element, from.values, keys, int64_t(count), real.cut.at, first, low, high);
      add(real.word, low), add(real.word + 1, high);
    }
  }
  if (lanes.sets.empty()) return;
  // Side by side, as a row would wait for the one before it in the same place.
  constexpr size_t kSides = 4;
  uint64_t seen[kFewGroups][kSides] = {};
  const uint64_t* const set = parts + (lanes.words - 1) * stride;
  for (size_t row = 0; row < count; ++row) seen[keys[row]][row % kSides] |= set[row];
  for (size_t group = 0; group < groups; ++group)
    for (const uint64_t bits : seen[group]) sums[group * lanes.words + lanes.words - 1] |= bits;
}

}  // namespace

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
      add_halves(at, real.cut, sums[real.word], sums[real.word + 1], rows, states);
    }
    for (const Lanes::Set& set : lanes.sets) {
      const Accumulator& at = plan.accumulators[size_t(set.accumulator)];
      const uint64_t seen = sums[lanes.words - 1] << (64 - set.shift - set.bits) >> (64 - set.bits);
      uint64_t* const to = states + at.offset;
      *to = at.op == Op::least ? std::min(*to, set.least + uint64_t(std::countr_zero(seen)))
                               : std::max(*to, set.least + uint64_t(std::bit_width(seen)) - 1);
    }
    std::fill_n(sums, lanes.words, uint64_t{0});
  }
}

std::optional<Lanes> plan_lanes(const Plan& plan, size_t groups) {
  constexpr size_t kMostWords = 8, kRowsPerUnpacking = 16;  // unpacking a group costs what adding some rows does
  Lanes out;
  for (size_t at = 0; at < plan.accumulators.size(); ++at)
    if (!add_lane(plan, at, &out)) return std::nullopt;
  // In as few words as possible, and most rows in those; in more words where rows would be unpacked too often otherwise.
  int log_rows = kLeastLog;
  while ((size_t{1} << log_rows) < kRowsPerUnpacking * groups) ++log_rows;
  if (log_rows > kMostLog || !place(log_rows, &out) || out.words > kMostWords) return std::nullopt;
  const size_t fewest = out.words;
  for (int more = kMostLog; more > log_rows; --more)
    if (place(more, &out) && out.words == fewest) return out;
  place(log_rows, &out);
  return out;
}

void add_rows(const Lanes& lanes, std::span<const LaneInput> inputs, const uint64_t* keys, size_t count, size_t groups, std::vector<uint64_t>* parts,
              uint64_t* sums) {
  using Add = void (*)(const uint64_t*, const uint64_t*, size_t, size_t, uint64_t*);
  constexpr Add kAdd[] = {add_to_groups<1, false>, add_to_groups<2, false>, add_to_groups<3, false>, add_to_groups<4, false>,
                          add_to_groups<5, false>, add_to_groups<6, false>, add_to_groups<7, false>, add_to_groups<8, false>};
  constexpr Add kAddSets[] = {nullptr,
                              add_to_groups<2, true>,
                              add_to_groups<3, true>,
                              add_to_groups<4, true>,
                              add_to_groups<5, true>,
                              add_to_groups<6, true>,
                              add_to_groups<7, true>,
                              add_to_groups<8, true>};
  constexpr size_t kApart = 8;  // words between two arrays of parts, so that they do not meet in the cache
  if (count == 0) return;
  const size_t stride = count + kApart;
  parts->resize(std::max(parts->size(), lanes.words * stride));
  make_whole_parts(lanes, inputs, count, stride, parts->data());
  if (!lanes.sets.empty()) make_set_parts(lanes, inputs, count, parts->data() + (lanes.words - 1) * stride);
  if (groups <= kFewGroups) return add_to_few_groups(lanes, inputs, keys, count, stride, groups, parts->data(), sums);
  make_real_parts(lanes, inputs, count, stride, parts->data());
  (lanes.sets.empty() ? kAdd : kAddSets)[lanes.words - 1](keys, parts->data(), stride, count, sums);
}

}  // namespace hayate::aggregate
