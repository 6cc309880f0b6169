// The best split of a node of several classes by Gini impurity: the inner loops of forests that learn more than two classes, or classes
// with weights.
//
// With n the weight of a node, t_k that of class k, and L, l_k those of the left side, the gain is
//   sum over k of d_k^2 / (L (n - L)),  d_k = (n - L) l_k - L (t_k - l_k) = n l_k - L t_k
// All of d_k, L and n are whole numbers. What is looked at in float32, or modulo 2^32, only sorts out what can't be the best; what can is
// measured in float64 in the order of the classes, so that the answer is the same on every instruction set, and however it was found.
// Ties: the lowest cut, then missing values to the right; over features, the first one.
//
// split_few: every row of a node of up to 32 is a lane, and its code a cut. A row is added to all cuts that have it on their left side at once,
// in 16 bits; without d_k: sum of d_k^2 = n^2 sum of l_k^2 - 2 n L sum of l_k t_k + L^2 sum of t_k^2. Neither a histogram nor an order is
// needed, and what is spent follows the rows and the classes that are there.
//
// split_bins: lanes are bins of a histogram that has a row for each class.
//
// Forests of 100 trees on digits (1,797 x 64, ten classes, five folds; bench/forest_real) took 280 ms by sums of one group of rows after the other
// (learn/channel_measure.cc) and take 115. Of these a fifth goes into counting the larger nodes, a fifth into split_few, a tenth into split_bins.
#pragma once

#include <cstdint>

namespace hayate::kernels {

/// A split; rows with code <= cut go left.
struct ClassSplit {
  double gain = -1;  ///< below 0: none found
  uint32_t cut = 0;
  bool missing_left = false;
};

/// A node of at most so many rows and so much weight is few.
constexpr int64_t kFewClassRows = 32;
constexpr uint32_t kFewClassWeight = 255;
/// Bins of a node of at most so much weight, whose square fits 31 bits, are looked at in 32 bits.
constexpr uint32_t kMostClassWeight = 46'340;
/// Codes are kept with their top bit turned over, so that they order as signed numbers; a missing value is above all others.
constexpr int16_t kMissingLane = 0x7FFF;
constexpr int16_t lane_code(uint16_t code) { return int16_t(code ^ 0x8000); }

/// The rows of a node, those of a class together.
struct FewClasses {
  int32_t num_rows, num_classes;    ///< classes that are there
  uint32_t total, least;            ///< weight, and the least of it on each side
  uint32_t squares;                 ///< sum of t_k^2
  uint16_t weights[kFewClassRows];  ///< by row
  uint16_t totals[kFewClassRows];   ///< t_k
  uint8_t ends[kFewClassRows];      ///< where the rows of a class end
};

/// Up to 256 bins of a node: histogram of class k at sums + k * stride.
struct ClassBins {
  uint32_t* sums;           ///< sums up to each bin when it was searched
  int64_t stride;           ///< a multiple of 16, more than num_codes; bins behind the last are 0 or hold missing values
  int32_t num_codes;        ///< codes that are cuts: 0 .. num_codes - 1
  int32_t num_classes;      ///< classes that are there
  const uint32_t* totals;   ///< t_k
  const uint32_t* missing;  ///< weight without a value by class, or nullptr
  uint32_t total, least;    ///< below 2^31
};

struct ClassKernels {
  /// Replaces `best` where it finds a strictly larger gain. `codes`: 32, of the rows in their order, kMissingLane behind them; `misses`: some
  /// row has no value.
  void (*split_few)(const FewClasses&, const int16_t* codes, bool misses, ClassSplit& best);
  void (*split_bins)(const ClassBins&, ClassSplit& best);
};

const ClassKernels& class_kernels();

}  // namespace hayate::kernels
