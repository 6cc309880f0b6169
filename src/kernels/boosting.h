// The inner loops of boosting: derivatives of a loss, histograms of them, the best split of a node, dividing its rows.
//
// A training row carries a record: its first derivative g, its second derivative h and a count, all whole numbers in one
// 64-bit word, so that one addition adds all three. The sums are exact: they do not depend on the order of rows, on threads
// or on the instruction set, and the histogram of a child is that of its parent less its brother's.
//
// With G, H the sums of a node, l those of the left side, a = H_l + lambda, S = H + 2 lambda, b = S - a, the loss that a split
// saves is, up to a constant of the node and a factor,
//   D^2 / (a b),  D = G_l - (G / S) a
// which is large without the cancellation of g_l^2 / a + g_r^2 / b - g^2 / (H + lambda). It is looked at in float32: a handful
// of roundings that are the same on every instruction set; what is found is measured again in float64 from the sums.
#pragma once

#include <cstdint>

namespace hayate::kernels {

/// Features whose codes lie side by side: `width` bytes a row, each the place of its bin in the feature's histogram.
struct BoostTile {
  const uint8_t* places;  ///< of row 0; those of row r at places + r * row_bytes
  int64_t row_bytes;      ///< 16 or 32
  int32_t width;          ///< a multiple of 4, up to kTileWidth
  int32_t slots;          ///< 64, 72, 128 or 256 a feature
};
constexpr int32_t kTileWidth = 32;

/// Where bin `code` stands in the histogram of a feature: 64 bins are an 8 x 8 matrix read by columns, so that eight vectors
/// of 8 hold bins 8 l, 8 l + 1 ... in lane l and a running sum over bins is seven vertical adds and one sum over lanes.
/// Missing values have the last place of the 64, 128 or 256, or place 64 of 72.
constexpr uint8_t boost_place(uint8_t code) { return uint8_t((code & 0xC0) | (code & 7) << 3 | (code >> 3 & 7)); }
constexpr int32_t missing_place(int32_t slots) { return slots == 72 ? 64 : slots - 1; }

/// How g, h and the count share a word: g in the top `sum_bits` bits, h below it above `count_bits`. With 32 count bits there
/// is no h: every row has the same, and the count stands for it. Sums over more rows than a word can hold are wide: two words.
struct BoostPacking {
  uint32_t sum_bits = 32, count_bits = 32;
  bool wide = false;
  uint32_t wide_count_bits = 32;  ///< in the second word of a wide sum; 32 when counted
  bool counted() const { return count_bits == 32; }
};

/// Sums over rows in the units of the records.
struct BoostSums {
  int64_t g = 0, h = 0, count = 0;
  BoostSums operator+(const BoostSums& other) const { return {g + other.g, h + other.h, count + other.count}; }
  BoostSums operator-(const BoostSums& other) const { return {g - other.g, h - other.h, count - other.count}; }
};

/// A node whose best split is wanted. lambda and min_weight are in units of h.
struct BoostNode {
  BoostSums sums;
  float lambda = 0;
  float min_weight = 1;   ///< least h on each side, at least 1
  int64_t min_count = 1;  ///< rows on each side
  /// Of a wide histogram: bits dropped so that every sum fits 31; lambda and min_weight are in what is left of the unit.
  uint32_t g_shift = 0, h_shift = 0;
};

/// A split as the fraction above / below of which the largest wins. Ties: the first feature, then the lowest cut, then missing
/// values to the right.
struct BoostSplit {
  float above = 0, below = 1;  ///< above 0: none found
  bool found = false;
  bool missing_left = false;
  uint8_t cut = 0;  ///< code <= cut goes left
  int32_t feature = 0;

  int64_t rank() const { return int64_t{feature} << 9 | cut << 1 | int{missing_left}; }
};

/// A feature of a tile: its number, the largest code of a present value, and whether some row lacks one.
struct BoostFeature {
  int32_t number;
  uint8_t last_code;
  uint8_t has_missing;
};

/// Derivatives of one row as whole numbers of at most 30 bits and a sign.
struct FinePair {
  int32_t g, h;
};

/// What one instruction set offers.
struct BoostKernels {
  /// Transposes columns of codes (`columns[k]`, bytes by row) into rows of a tile. Writes row_bytes * num_rows bytes.
  void (*fill_tile)(const uint8_t* const* columns, int32_t num_columns, int64_t num_rows, int32_t slots, int64_t row_bytes, uint8_t* places);

  /// histogram[feature * slots + place] += records[row] over the rows listed, or the rows 0 .. num_rows - 1 when `rows` is null.
  void (*accumulate)(const BoostTile&, const uint32_t* rows, int64_t num_rows, const uint64_t* records, uint64_t* histogram);

  /// Adds a histogram of records to a wide one: g in the first `size` words, what is left of a record in the `size` words behind
  /// them, its count in the low wide_count_bits, h above.
  void (*widen)(const uint64_t* histogram, int64_t size, const BoostPacking&, uint64_t* wide);

  /// Turns `small`, the histogram of one child as accumulate() left it, into sums of all bins up to each; takes it from `large`,
  /// which holds the parent's sums and then those of the other child (null: a root, or a child alone); and looks for a
  /// split of each child whose node is given that is better than the one it is handed. `small` and `large` are wide when the
  /// packing says so. A child without node will not be split: what is left in its place is of no use.
  void (*search)(const BoostFeature* features, int32_t num_features, int32_t slots, int64_t size, const BoostPacking&, uint64_t* small,
                 uint64_t* large, const BoostNode* small_node, const BoostNode* large_node, BoostSplit* small_split, BoostSplit* large_split);

  /// Moves rows that go left before those that go right, both in their old order; returns how many go left. `spare` has room for
  /// num_rows + 16.
  int64_t (*divide)(const uint8_t* codes, uint8_t cut, bool missing_left, int64_t num_rows, uint32_t* rows, uint32_t* spare);

  /// Derivatives of the logistic loss at `scores`; `sign` is +1 for class 0 and -1 for class 1.
  void (*logistic)(const double* scores, const float* sign, int64_t num_rows, float* g, float* h);
  /// e^score over the sum of all classes' e^score, of rows begin .. end; scores and shares class by class.
  void (*softmax)(const double* scores, int32_t num_classes, int64_t num_rows, int64_t begin, int64_t end, float* shares);
  /// The largest |x|; infinity and NaN do not occur.
  float (*largest)(const float* x, int64_t count);
  /// fine[i] = {g[i] * g_scale, h[i] * h_scale}, towards 0; h is 1 when `h` is null.
  void (*fix)(const float* g, float g_scale, const float* h, float h_scale, int64_t count, FinePair* fine);
  /// Records of g >> g_shift and h >> h_shift, rounded (without h when the packing has none). `times` (may be null) repeats a
  /// row; its count becomes that number too with `times_count`, else it stays 1.
  void (*pack)(const FinePair* fine, uint32_t g_shift, uint32_t h_shift, const uint8_t* times, bool times_count, const BoostPacking&,
               int64_t num_rows, uint64_t* records);
};

const BoostKernels& boost_kernels();

}  // namespace hayate::kernels
