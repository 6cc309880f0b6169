// A BinnedMatrix of a table that is never there as a whole: its rows are computed when they are read, some at a time, and only
// their codes stay. The table is read up to three times, each time the rows that are needed alone:
//
//   1. the rows that place the cuts (a sample of a long table; see binned.cc): a thousand or four, kept as floats;
//   2. of features that have few distinct values there, all training rows: what is kept is how often each value is there;
//   3. the training rows: each block is coded while it lies in the cache.
//
// So cuts, codes and everything trained on them are the bytes that bin_values() gives of the whole table, whatever the blocks.
// Features of a universe (500 symbols x 2,500 bars x 158) take 0.2 GB as codes, 0.8 as floats; computing them three times takes less
// time than writing the floats once and reading them back.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <numeric>

#include "hayate/binned.h"
#include "kernels/forest.h"
#include "learn/codes.h"
#include "learn/cuts.h"

namespace hayate {
namespace {

using namespace learn;

/// How often each value is there. NaN is counted apart; -0.0 is 0.0. Open addressing, at most half full.
class ValueCounts {
 public:
  void add(float x, uint32_t times = 1) {
    if (2 * (used_ + 1) > slots_.size()) grow();
    Slot& slot = find(x + 0.0f);
    used_ += slot.times == 0;
    slot.value = x + 0.0f, slot.times += times;
  }
  void add(const ValueCounts& other) {
    for (const Slot& slot : other.slots_)
      if (slot.times > 0) add(slot.value, slot.times);
  }
  /// All values, ascending, each as often as it is there; `distinct` is how many different ones.
  std::vector<float> sorted(int64_t& distinct) const {
    std::vector<Slot> present;
    std::copy_if(slots_.begin(), slots_.end(), std::back_inserter(present), [](const Slot& slot) { return slot.times > 0; });
    std::sort(present.begin(), present.end(), [](const Slot& a, const Slot& b) { return a.value < b.value; });
    distinct = int64_t(present.size());
    std::vector<float> out;
    for (const Slot& slot : present) out.insert(out.end(), slot.times, slot.value);
    return out;
  }
  /// The values, each once, in any order.
  std::vector<CategoryCount> categories() const {
    std::vector<CategoryCount> out;
    for (const Slot& slot : slots_)
      if (slot.times > 0) out.push_back({slot.value, slot.times});
    return out;
  }

 private:
  struct Slot {
    float value = 0;
    uint32_t times = 0;
  };

  Slot& find(float x) {
    const uint64_t hash = uint64_t(std::bit_cast<uint32_t>(x)) * 0x9E3779B97F4A7C15u;
    for (size_t at = hash >> shift_;; at = (at + 1) & (slots_.size() - 1))
      if (slots_[at].times == 0 || slots_[at].value == x) return slots_[at];
  }
  void grow() {
    std::vector<Slot> before = std::move(slots_);
    slots_.assign(before.empty() ? 64 : 2 * before.size(), {});
    shift_ = 64 - std::countr_zero(slots_.size());
    for (const Slot& slot : before)
      if (slot.times > 0) find(slot.value) = slot;
  }

  std::vector<Slot> slots_;
  size_t used_ = 0;
  int shift_ = 64;
};

std::vector<float> sorted_values(const float* column, int64_t count, int64_t& distinct) {
  std::vector<float> out;
  for (int64_t i = 0; i < count; ++i)
    if (column[i] == column[i]) out.push_back(column[i] + 0.0f);
  std::sort(out.begin(), out.end());
  distinct = 0;
  for (size_t i = 0; i < out.size(); ++i) distinct += i == 0 || out[i] != out[i - 1];
  return out;
}

/// Values of some rows, column by column.
std::vector<float> read_values(const RowSource& source, std::span<const int32_t> rows) {
  const size_t count = rows.size();
  std::vector<float> out(count * size_t(source.num_features));
  source.read(rows, [&](int64_t first, const FloatColumns& block, int) {
    for (int64_t f = 0; f < block.num_features; ++f) std::copy_n(block.column(f), block.num_rows, out.data() + f * int64_t(count) + first);
  });
  return out;
}

/// How often each value of each of `features` is there in `rows`; place i of the result is that of features[i].
std::vector<ValueCounts> count_values(const RowSource& source, std::span<const int32_t> rows, const std::vector<int64_t>& features) {
  std::vector<std::vector<ValueCounts>> of_worker(size_t(source.workers), std::vector<ValueCounts>(features.size()));
  source.read(rows, [&](int64_t, const FloatColumns& block, int worker) {
    for (size_t i = 0; i < features.size(); ++i)
      for (const float x : std::span(block.column(features[i]), size_t(block.num_rows)))
        if (x == x) of_worker[size_t(worker)][i].add(x);
  });
  for (size_t w = 1; w < of_worker.size(); ++w)
    for (size_t i = 0; i < features.size(); ++i) of_worker[0][i].add(of_worker[w][i]);
  return std::move(of_worker[0]);
}

/// Fills matrix.cuts. Which of its training rows miss a value is found when they are coded.
void place_all(const RowSource& source, std::span<const int32_t> train_rows, const Spacing& spacing, std::span<const uint8_t> categorical,
               BinnedMatrix& matrix) {
  const int max_bins = spacing.max_bins;
  const std::vector<int32_t> for_cuts = cut_rows(train_rows, max_bins);
  const bool sampled = for_cuts.size() < train_rows.size();
  const std::vector<float> values = read_values(source, for_cuts);
  const auto column = [&](int64_t feature) { return values.data() + feature * int64_t(for_cuts.size()); };
  std::vector<int64_t> counted;  // features whose training rows are all looked at
  for (int64_t f = 0; f < source.num_features; ++f) {
    int64_t distinct = 0;
    if (sampled) (void)sorted_values(column(f), int64_t(for_cuts.size()), distinct);
    if (is_categorical(categorical, f) || (sampled && distinct <= max_bins)) counted.push_back(f);
  }
  const std::vector<ValueCounts> counts = counted.empty() ? std::vector<ValueCounts>() : count_values(source, train_rows, counted);
  for (int64_t f = 0, next = 0; f < source.num_features; ++f) {
    const ValueCounts* whole = next < int64_t(counted.size()) && counted[size_t(next)] == f ? &counts[size_t(next++)] : nullptr;
    if (is_categorical(categorical, f)) {
      place_categories(whole->categories(), matrix.cuts.values);
    } else {
      int64_t distinct = 0;
      const std::vector<float> sorted = whole ? whole->sorted(distinct) : sorted_values(column(f), int64_t(for_cuts.size()), distinct);
      place_cuts({sorted.data(), 1, int64_t(sorted.size()), distinct}, spacing, matrix.cuts.values);
    }
    end_feature(matrix, false);
  }
}

void code_column(const BinnedMatrix& matrix, int64_t feature, std::span<const float> values, uint8_t* codes) {
  if (!is_categorical(matrix.categorical, feature)) return code_values(matrix.cuts.of(feature), values, codes);
  for (size_t i = 0; i < values.size(); ++i) codes[i] = category_code(matrix.cuts.of(feature), values[i]);
}

/// Codes of `rows`, by the cuts of the matrix.
void code_rows(const RowSource& source, std::span<const int32_t> rows, bool by_rows, BinnedMatrix& matrix) {
  matrix.stride = by_rows ? 0 : (matrix.num_rows + 63) / 64 * 64;
  matrix.row_stride = by_rows ? row_stride_of(matrix.num_features) : 0;
  matrix.codes = AlignedBytes(size_t(by_rows ? matrix.row_stride * matrix.num_rows : matrix.stride * matrix.num_features));
  std::vector<std::vector<uint8_t>> blocks(size_t(source.workers)), missing(size_t(source.workers), std::vector<uint8_t>(matrix.has_missing.size()));
  source.read(rows, [&](int64_t first, const FloatColumns& block, int worker) {
    std::vector<uint8_t>& scratch = blocks[size_t(worker)];
    const int64_t scratch_stride = (block.num_rows + 63) / 64 * 64;
    if (by_rows && int64_t(scratch.size()) < scratch_stride * matrix.num_features) scratch.resize(size_t(scratch_stride * matrix.num_features));
    for (int64_t f = 0; f < matrix.num_features; ++f) {
      uint8_t* codes = by_rows ? scratch.data() + f * scratch_stride : matrix.codes.data() + f * matrix.stride + first;
      code_column(matrix, f, {block.column(f), size_t(block.num_rows)}, codes);
      if (std::memchr(codes, kMissingCode, size_t(block.num_rows))) missing[size_t(worker)][size_t(f)] = 1;
    }
    if (by_rows)
      kernels::forest_kernels().table_rows(scratch.data(), scratch_stride, block.num_rows, matrix.num_features, matrix.row_stride,
                                           matrix.codes.data() + first * matrix.row_stride);
  });
  for (const auto& of_worker : missing)
    for (size_t f = 0; f < of_worker.size(); ++f) matrix.has_missing[f] |= of_worker[f];
}

}  // namespace

namespace learn {

int64_t row_stride_of(int64_t num_features) {
  return num_features > 64 ? (num_features + 31) / 32 * 32 : int64_t(std::bit_ceil(uint64_t(std::max<int64_t>(num_features, 8))));
}

int64_t table_stride_of(int64_t num_features) { return num_features > 64 ? (num_features + 63) / 64 * 64 : row_stride_of(num_features); }

BinnedMatrix by_columns(const BinnedMatrix& matrix) {
  BinnedMatrix out;
  out.num_rows = matrix.num_rows, out.num_features = matrix.num_features, out.cuts = matrix.cuts;
  out.has_missing = matrix.has_missing, out.categorical = matrix.categorical, out.names = matrix.names;
  out.stride = (out.num_rows + 63) / 64 * 64;
  out.codes = AlignedBytes(size_t(out.stride * out.num_features));
  for (int64_t row = 0; row < out.num_rows; ++row)
    for (int64_t f = 0; f < out.num_features; ++f)
      out.codes.data()[f * out.stride + row] = kernels::code_at(matrix.codes.data()[row * matrix.row_stride + f]);
  return out;
}

}  // namespace learn

Result<BinnedMatrix> bin_rows(const RowSource& source, std::span<const int32_t> train_rows, int max_bins, std::span<const uint8_t> categorical,
                              Spread spread, bool by_rows) {
  HY_TRY(BinnedMatrix matrix, begin_matrix(int64_t(train_rows.size()), source.num_features, train_rows, max_bins, source.names, categorical));
  place_all(source, train_rows, {max_bins, spread}, categorical, matrix);
  code_rows(source, train_rows, by_rows, matrix);
  return matrix;
}

}  // namespace hayate
