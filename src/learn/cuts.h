// Where cuts stand: shared by the ways to a BinnedMatrix, so that all of them place the same.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "hayate/binned.h"

namespace hayate::learn {

/// The training values of a feature without NaN, ascending; value i is first[i * step].
struct SortedValues {
  const float* first;
  int64_t step, count, distinct;
  float operator[](int64_t i) const { return first[i * step]; }
};

/// How many rows the bins of a feature take.
struct Spacing {
  int max_bins;
  Spread spread;

  /// Of `rows` rows that are left for bin `bin` and those behind it, how many it takes.
  int64_t take(int bin, int64_t rows) const {
    const int64_t left = max_bins - bin;
    if (spread == Spread::even) return (rows + left - 1) / left;
    const double before = share(bin);
    return std::max(int64_t{1}, int64_t(std::ceil(double(rows) * (share(bin + 1) - before) / (1 - before))));
  }

 private:
  double share(int bins) const {
    const double first = double(bins) * bins, rest = double(max_bins - bins) * (max_bins - bins);
    return first / (first + rest);
  }
};

/// Each bin takes the fewest of the rows left that are its share of them, and the rest of its last value's rows: a
/// heavy value fills a bin alone, and what is left is spread over the bins that are left.
void place_cuts(const SortedValues& values, const Spacing& spacing, std::vector<float>& cuts);

/// The training rows that place the cuts: all of them, or a sample of a long table.
std::vector<int32_t> cut_rows(std::span<const int32_t> train_rows, int max_bins);

inline bool is_categorical(std::span<const uint8_t> categorical, int64_t feature) {
  return !categorical.empty() && categorical[size_t(feature)] != 0;
}

/// A category, and how many training rows have it.
struct CategoryCount {
  float value;
  int64_t rows;
};
/// What training values, in any order with repeats, are there.
std::vector<CategoryCount> count_categories(std::vector<float> values);
/// The categories of a feature, ascending. At most 254, for a byte names them, and "missing": of more the most frequent, of as
/// frequent ones the smaller.
void place_categories(std::vector<CategoryCount> found, std::vector<float>& cuts);

/// Code of a value of a categorical feature; of NaN and of values that training did not have, the missing code.
uint8_t category_code(std::span<const float> known, float x);

/// An empty matrix of the right size, or what is wrong with the request.
Result<BinnedMatrix> begin_matrix(int64_t num_rows, int64_t num_features, std::span<const int32_t> train_rows, int max_bins,
                                  std::span<const std::string> names, std::span<const uint8_t> categorical);

/// Closes the cuts of the next feature.
void end_feature(BinnedMatrix& matrix, bool has_missing);

}  // namespace hayate::learn
