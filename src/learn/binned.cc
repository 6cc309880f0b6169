// From floats to ranks to codes.
//
// A column is sorted once (radix, 8 bits a pass, passes in which all values agree are skipped). A fold then needs no
// sorting and no float: it counts its training rows per rank, walks the counts to place the cuts, writes one table
// rank -> code and looks every row up in it. That is what makes the second and every further fold cheap.
#include "hayate/binned.h"

#include <fmt/format.h>

#include <bit>
#include <cassert>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>
#include <numeric>

namespace hayate {

AlignedBytes::AlignedBytes(size_t size) : size_(size) {
  auto* bytes = static_cast<uint8_t*>(std::aligned_alloc(64, (size + 63) / 64 * 64 + 64));
  if (!bytes) throw std::bad_alloc();
  std::memset(bytes, 0, size);
  bytes_.reset(bytes);
}
void AlignedBytes::Free::operator()(uint8_t* bytes) const { std::free(bytes); }

namespace {

/// Bits that order as the floats do; -0.0 becomes 0.0 first.
uint32_t order_bits(float x) {
  const uint32_t bits = std::bit_cast<uint32_t>(x + 0.0f);
  return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}
float float_of(uint32_t order) { return std::bit_cast<float>(order & 0x80000000u ? order & 0x7FFFFFFFu : ~order); }

/// A value's order in the upper half, its row in the lower one.
using Keyed = uint64_t;

void sort_by_order(std::vector<Keyed>& keyed, std::vector<Keyed>& spare) {
  uint32_t counts[4][256] = {};
  for (const Keyed k : keyed)
    for (int pass = 0; pass < 4; ++pass) ++counts[pass][k >> (32 + 8 * pass) & 255];
  spare.resize(keyed.size());
  for (int pass = 0; pass < 4; ++pass) {
    uint32_t* count = counts[pass];
    if (!keyed.empty() && count[keyed[0] >> (32 + 8 * pass) & 255] == keyed.size()) continue;
    std::exclusive_scan(count, count + 256, count, 0u);
    for (const Keyed k : keyed) spare[count[k >> (32 + 8 * pass) & 255]++] = k;
    keyed.swap(spare);
  }
}

/// Ranks of one column; appends its distinct values.
template <class Rank>
void rank_column(std::span<const float> column, Rank* ranks, std::vector<float>& distinct, std::vector<Keyed>& keyed, std::vector<Keyed>& spare) {
  keyed.clear();
  for (size_t row = 0; row < column.size(); ++row)
    if (column[row] == column[row]) keyed.push_back(uint64_t(order_bits(column[row])) << 32 | row);
  sort_by_order(keyed, spare);
  const size_t before = distinct.size();
  for (size_t i = 0; i < keyed.size(); ++i) {
    const uint32_t order = uint32_t(keyed[i] >> 32);
    if (i == 0 || order != uint32_t(keyed[i - 1] >> 32)) distinct.push_back(float_of(order));
    ranks[uint32_t(keyed[i])] = Rank(distinct.size() - before - 1);
  }
  const Rank missing = Rank(distinct.size() - before);
  for (size_t row = 0; row < column.size(); ++row)
    if (column[row] != column[row]) ranks[row] = missing;
}

/// The largest float32 that does not lie above the middle of the gap a < b; a <= result < b.
float cut_between(float a, float b) {
  constexpr float kMost = std::numeric_limits<float>::max(), kInfinity = std::numeric_limits<float>::infinity();
  if (a == -kInfinity) return b == kInfinity ? 0.0f : -kInfinity;
  if (b == kInfinity) return kMost;
  const double middle = (double(a) + double(b)) / 2;
  float cut = float(middle);
  if (double(cut) > middle) cut = std::nextafter(cut, -kInfinity);
  return cut + 0.0f;
}

/// Cuts of one feature. `counts[r]`: training rows of rank r.
void place_cuts(std::span<const float> values, std::span<const uint32_t> counts, int max_bins, std::vector<float>& cuts) {
  int64_t rows = 0, distinct = 0;
  for (size_t r = 0; r < values.size(); ++r) rows += counts[r], distinct += counts[r] > 0;
  const bool each = distinct <= max_bins;  // a bin for every value
  int64_t bins_left = max_bins, in_bin = 0;
  float last = 0;
  bool closed = false;  // the bin is full: the next value opens another one
  for (size_t r = 0; r < values.size() && bins_left > 0; ++r) {
    if (counts[r] == 0) continue;
    if (closed) cuts.push_back(cut_between(last, values[r])), in_bin = 0;
    in_bin += counts[r];
    last = values[r];
    // Heavy values fill a bin alone; what is left is spread evenly over the bins that are left.
    closed = bins_left > 1 && (each || in_bin * bins_left >= rows);
    if (closed) rows -= in_bin, --bins_left;
  }
}

template <class Rank>
void bin_column(const Rank* ranks, std::span<const float> values, std::span<const int32_t> train_rows, int max_bins, std::vector<uint32_t>& counts,
                std::vector<uint8_t>& code_of, BinnedMatrix& matrix, size_t feature) {
  counts.assign(values.size() + 1, 0);
  for (const int32_t row : train_rows) ++counts[ranks[row]];
  place_cuts(values, counts, max_bins, matrix.cuts.values);
  matrix.cuts.start.push_back(uint32_t(matrix.cuts.values.size()));
  matrix.has_missing[feature] = counts[values.size()] > 0;
  const std::span<const float> cuts = matrix.cuts.of(int64_t(feature));
  code_of.resize(values.size() + 1);
  size_t code = 0;
  for (size_t r = 0; r < values.size(); ++r) {
    while (code < cuts.size() && cuts[code] < values[r]) ++code;
    code_of[r] = uint8_t(code);
  }
  code_of[values.size()] = kMissingCode;
  uint8_t* out = matrix.codes.data() + int64_t(feature) * matrix.stride;
  for (int64_t row = 0; row < matrix.num_rows; ++row) out[row] = code_of[ranks[row]];
}

}  // namespace

RankedMatrix rank_columns(const FloatColumns& raw) {
  assert(raw.num_rows < int64_t{1} << 31);
  RankedMatrix out{raw.num_rows, raw.num_features, {}, {}, {0}, {}};
  const bool small = raw.num_rows < 65'536;
  (small ? out.ranks16.resize(size_t(raw.num_rows * raw.num_features)) : out.ranks32.resize(size_t(raw.num_rows * raw.num_features)));
  std::vector<Keyed> keyed, spare;
  for (int64_t feature = 0; feature < raw.num_features; ++feature) {
    const std::span<const float> column(raw.column(feature), size_t(raw.num_rows));
    const size_t begin = size_t(feature * raw.num_rows);
    if (small)
      rank_column(column, out.ranks16.data() + begin, out.distinct, keyed, spare);
    else
      rank_column(column, out.ranks32.data() + begin, out.distinct, keyed, spare);
    out.distinct_start.push_back(out.distinct.size());
  }
  return out;
}

Result<BinnedMatrix> bin_columns(const RankedMatrix& ranked, std::span<const int32_t> train_rows, int max_bins) {
  if (max_bins < 2 || max_bins > kMaxBins)
    return usage_error(fmt::format("bins must be between 2 and {}, not {}", kMaxBins, max_bins), "bins", "bins=64");
  if (train_rows.empty()) return usage_error("no training rows", "bin_columns", "give at least one row with a label");
  if (ranked.num_features > kMaxFeatures)
    return usage_error(fmt::format("{} features, a forest takes at most {}", ranked.num_features, kMaxFeatures), "features",
                       "choose features with --features");
  BinnedMatrix matrix;
  matrix.num_rows = ranked.num_rows, matrix.num_features = ranked.num_features;
  matrix.has_missing.resize(size_t(ranked.num_features));
  matrix.stride = (ranked.num_rows + 63) / 64 * 64;
  matrix.codes = AlignedBytes(size_t(matrix.stride * ranked.num_features));
  std::vector<uint32_t> counts;
  std::vector<uint8_t> code_of;
  for (int64_t feature = 0; feature < ranked.num_features; ++feature) {
    const size_t begin = size_t(feature * ranked.num_rows);
    const std::span<const float> values = ranked.values_of(feature);
    if (!ranked.ranks16.empty())
      bin_column(ranked.ranks16.data() + begin, values, train_rows, max_bins, counts, code_of, matrix, size_t(feature));
    else
      bin_column(ranked.ranks32.data() + begin, values, train_rows, max_bins, counts, code_of, matrix, size_t(feature));
  }
  return matrix;
}

}  // namespace hayate
