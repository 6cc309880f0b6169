#include "learn/class_search.h"

#include <algorithm>
#include <cstring>

#include "learn/codes.h"

namespace hayate::learn {
namespace {

constexpr size_t kMostCodes = 256;
constexpr int64_t kStride = 272;  // a place more for missing values, in sixteens; no power of two, so that classes do not share sets of a cache

size_t num_codes_of(const BinnedMatrix& matrix, int64_t feature) {
  return matrix.ranked ? matrix.ranked->values_of(feature).size() : matrix.cuts.of(feature).size() + 1;
}

}  // namespace

ClassSearch::ClassSearch(const Training& training, std::span<const uint32_t> whole) : training_(training), whole_(whole) {
  const Target& target = training.target;
  const BinnedMatrix& matrix = training.matrix;
  fits_ = target.labels.problem == Problem::classification && target.criterion == Criterion::gini && training.params.splitter == "best" &&
          training.monotone.empty() && matrix.categorical.empty() && (whole.empty() || training.params.min_samples_leaf == 1) &&
          (!matrix.ranked || !matrix.ranked->ranks16.empty());
  if (!fits_) return;
  least_ = uint32_t(std::min<int64_t>(training.params.min_samples_leaf, INT32_MAX));
  size_t most = 0;
  for (int64_t f = 0; f < matrix.num_features; ++f) most = std::max(most, num_codes_of(matrix, f));
  all_fit_ = most <= kMostCodes;
  slot_of_class_.resize(size_t(target.labels.num_classes));
}

bool ClassSearch::take(const NodeRows& node, std::span<const uint64_t> sums) {
  constexpr uint64_t kMost = (uint64_t{1} << 31) - 1;
  if (!fits_ || sums[1] > kMost) return false;
  total_ = uint32_t(sums[1]);
  is_few_ = int64_t(node.rows.size()) <= kernels::kFewClassRows && total_ <= kernels::kFewClassWeight;
  // Sums past 32 bits are measured cut by cut: not for a few rows, which are sorted faster.
  const bool is_heavy = total_ > kernels::kMostClassWeight, is_long = int64_t(node.rows.size()) > 4 * kernels::kFewClassRows;
  if (!is_few_ && (!all_fit_ || (is_heavy && !is_long))) return false;
  best_ = {};
  totals_.clear();
  for (size_t c = 0; c < slot_of_class_.size(); ++c) {
    if (sums[2 + c] == 0) continue;
    slot_of_class_[c] = uint32_t(totals_.size());
    totals_.push_back(uint32_t(sums[2 + c]));
  }
  is_few_ ? sort_rows(node) : spread_rows(node);
  return true;
}

/// Brings the rows of each class together.
void ClassSearch::sort_rows(const NodeRows& node) {
  const size_t rows = node.rows.size();
  few_.num_rows = int32_t(rows), few_.num_classes = int32_t(totals_.size()), few_.total = total_, few_.least = least_;
  few_.squares = 0;
  std::array<uint8_t, size_t(kernels::kFewClassRows)> slot{};
  std::fill_n(few_.ends, totals_.size(), uint8_t{0});
  for (size_t i = 0; i < rows; ++i) {
    slot[i] = uint8_t(slot_of_class_[size_t(training_.target.labels.classes[size_t(node.rows[i])])]);
    ++few_.ends[slot[i]];
  }
  for (size_t k = 0, end = 0; k < totals_.size(); ++k) {
    few_.totals[k] = uint16_t(totals_[k]);
    few_.squares += totals_[k] * totals_[k];
    end += few_.ends[k];
    few_.ends[k] = uint8_t(end);
  }
  for (size_t i = rows; i-- > 0;) {  // from behind: ends become begins, and are ends again below
    const size_t at = --few_.ends[slot[i]];
    few_rows_[at] = node.rows[i];
    few_.weights[at] = uint16_t(node.units[i] * (whole_.empty() ? 1 : whole_[size_t(node.rows[i])]));
  }
  for (size_t k = 0; k + 1 < totals_.size(); ++k) few_.ends[k] = few_.ends[k + 1];
  few_.ends[totals_.size() - 1] = uint8_t(rows);
  std::fill(few_codes_.begin() + ptrdiff_t(rows), few_codes_.end(), kernels::kMissingLane);
}

void ClassSearch::spread_rows(const NodeRows& node) {
  const size_t rows = node.rows.size();
  if (slots_.size() < rows) slots_.resize(rows), weights_.resize(rows);
  for (size_t i = 0; i < rows; ++i) {
    const auto row = size_t(node.rows[i]);
    slots_[i] = slot_of_class_[size_t(training_.target.labels.classes[row])] * uint32_t(kStride);
    weights_[i] = node.units[i] * (whole_.empty() ? 1 : whole_[row]);
  }
  const size_t bytes = totals_.size() * size_t(kStride) * sizeof(uint32_t);
  if (sums_.size() < bytes) sums_ = AlignedBytes::unfilled(bytes);
}

template <class Code>
void ClassSearch::search_few(const Code* codes, Code missing) {
  bool misses = false;
  for (size_t i = 0; i < size_t(few_.num_rows); ++i) {
    const Code code = codes[few_rows_[i]];
    misses |= code == missing;
    few_codes_[i] = code == missing ? kernels::kMissingLane : kernels::lane_code(uint16_t(code));
  }
  kernels::class_kernels().split_few(few_, few_codes_.data(), misses, best_);
}

template <class Code>
void ClassSearch::search_bins(const NodeRows& node, const Code* codes, Code missing, int32_t num_codes, bool has_missing) {
  uint32_t* const sums = reinterpret_cast<uint32_t*>(sums_.data());
  const size_t used = (size_t(num_codes) + 16) / 16 * 16 * sizeof(uint32_t);
  for (size_t k = 0; k < totals_.size(); ++k) std::memset(sums + k * size_t(kStride), 0, used);
  const auto add = [&](auto place_of) {
    for (size_t i = 0; i < node.rows.size(); ++i) sums[slots_[i] + place_of(codes[node.rows[i]])] += weights_[i];
  };
  if (has_missing)
    add([&](Code code) { return code == missing ? uint32_t(num_codes) : uint32_t(code); });
  else
    add([](Code code) { return uint32_t(code); });
  bool misses = false;
  missing_.resize(totals_.size());
  for (size_t k = 0; k < totals_.size(); ++k) missing_[k] = sums[k * size_t(kStride) + size_t(num_codes)], misses |= missing_[k] > 0;
  const kernels::ClassBins bins{.sums = sums,
                                .stride = kStride,
                                .num_codes = num_codes,
                                .num_classes = int32_t(totals_.size()),
                                .totals = totals_.data(),
                                .missing = misses ? missing_.data() : nullptr,
                                .total = total_,
                                .least = least_};
  kernels::class_kernels().split_bins(bins, best_);
}

bool ClassSearch::search(const NodeRows& node, uint16_t feature) {
  const double before = best_.gain;
  const BinnedMatrix& matrix = training_.matrix;
  const auto look = [&](const auto* codes, auto missing) {
    const size_t num_codes = num_codes_of(matrix, feature);
    if (num_codes < 2 && !matrix.has_missing[feature]) return;
    if (is_few_)
      search_few(codes, missing);
    else
      search_bins(node, codes, missing, int32_t(num_codes), matrix.has_missing[feature] != 0);
  };
  if (!matrix.ranked)
    look(matrix.codes.data() + feature * matrix.stride, uint8_t{kMissingCode});
  else
    look(matrix.ranked->ranks16.data() + size_t(feature) * size_t(matrix.num_rows), uint16_t(matrix.ranked->values_of(feature).size()));
  return best_.gain > before;
}

}  // namespace hayate::learn
