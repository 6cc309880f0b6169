// The inner loops of growing a tree: best split of a node, and dividing its rows.
//
// A row of a node carries a record: count in the low `count_bits` bits and count * label above, both whole numbers. Adding
// records adds both at once, the sums are exact, and so they do not depend on the order of rows, on threads or on the
// instruction set. With q = sum of labels and n = count, left l and right r, the gain of a split is
//   D^2 / (n_l n_r),  D = n_r q_l - n_l q_r   (a whole number)
// which is n times the drop of the variance, or of Gini impurity for labels 0 and 1. D is exact; what follows are four
// roundings (D, its square, n_l n_r, the quotient) that are the same wherever and in whatever order a split is looked at.
// Missing values go right or, together with some present ones, left. Ties: the first feature in the order given, then the
// lowest cut, then missing to the right.
#pragma once

#include <cstdint>

namespace hayate::kernels {

/// Codes of all features row by row, each as scan_place() of the code: the features that a node tries are then bytes of one or
/// two cache lines a row, and the rows of small nodes are what misses the cache. The first row is aligned to 64 bytes.
struct CodeTable {
  const uint8_t* rows;
  int64_t stride;              ///< bytes a row: a multiple of 8, at least the number of features
  const uint8_t* last_code;    ///< per feature: the largest code of a present value
  const uint8_t* has_missing;  ///< per feature: 1 when some row may be missing
  bool narrow;                 ///< every code is below 64: no feature has more bins or misses values
  /// The codes themselves, feature by feature, for nodes that have many of all rows: a line is 64 rows of one feature then, instead of one or two
  /// rows of all. nullptr: they are not there.
  const uint8_t* columns = nullptr;
  int64_t column_stride = 0, num_rows = 0;
};

/// Where a histogram keeps the bin of `code`: 64 bins are a 4 x 16 matrix read by columns, so that four vectors of 16 hold
/// bins 4 l, 4 l + 1, 4 l + 2, 4 l + 3 in lane l and a running sum over bins is three vertical adds and one sum over lanes.
constexpr uint8_t scan_place(uint8_t code) { return uint8_t((code & 0xC0) | (code & 3) << 4 | (code >> 2 & 15)); }
/// The way back.
constexpr uint8_t code_at(uint8_t place) { return uint8_t((place & 0xC0) | (place & 15) << 2 | (place >> 4 & 3)); }

/// The rows of a node, what they carry, and the totals.
template <class Record>
struct PackedNode {
  const int32_t* rows;
  const Record* records;
  int64_t num_rows;
  uint32_t count_bits;
  Record total;        ///< sum of the records
  uint64_t min_count;  ///< least count on each side: at least 1, and 2 * min_count <= count of the total
};

struct Split {
  double gain = -1;  ///< below 0: none found
  uint16_t feature = 0;
  uint16_t cut = 0;           ///< code <= cut goes left
  bool missing_left = false;  ///< tried both ways where the node has missing values
};

/// How a row's units say how often it counts, and of two classes which one it is.
/// marked: the top bit marks class 1, the other bits count. Numbers to learn have no class, and so no mark.
/// paired: a record of 16 count bits, count | count * class << 16: what a search adds up, without a pass over the rows to make it.
enum class Units : uint8_t { marked, paired };
constexpr uint32_t kMark = 0x80000000u;
constexpr uint32_t kPairBits = 16;
constexpr uint64_t kMostPaired = (1u << 15) - 1;  ///< count of a node up to which the sums of its paired units and their products fit

/// Sums of the counts of rows.
struct Mass {
  uint64_t count;   ///< of all
  uint64_t marked;  ///< of those of class 1
};

/// Rows of a sample, and the sums of their units.
struct Drawn {
  int64_t rows;
  Mass mass;
};

/// Sum of count * label over the rows of a node, and the range of their labels.
struct LabelRange {
  int64_t sum, low, high;
};

/// Where a row goes: left with code <= cut, or without a value if missing_left.
struct Test {
  uint16_t feature;
  uint16_t cut;
  bool missing_left;
};

/// The codes of a node's rows for the features of its last search, brought together row by row. Searches fill it where they gain by it, and
/// dividing the node by one of these features then reads bytes that lie in order instead of a line of the table for every row.
struct PickedCodes {
  uint8_t* places = nullptr;  ///< aligned to 64 bytes, kPickedBytes and 1,024 more
  int64_t width = 0;          ///< bytes a row: 1, 4, 8, 16, 32 or 64; 0: nothing is there
  int64_t column = 0;         ///< which of them is the feature of the best split
};
constexpr int64_t kPickedBytes = 64 << 10;

/// What dividing the rows of a node found.
struct Division {
  int64_t left;        ///< rows that go left
  Mass mass;           ///< of the rows that go left
  uint16_t next_code;  ///< the smallest code to the right that is not missing; that of missing values when there is none
  bool misses;         ///< some row has no value
};

/// Features of one search.
constexpr int64_t kMostSearched = 1 << 15;

/// A node of at most so many rows, total count and total label is searched faster, in bytes and 16-bit sums (forest_few.h).
constexpr int64_t kFewRows = 32;
constexpr uint32_t kFewCount = 255, kFewLabels = 65'535, kFewLabelBits = 16;

/// What one instruction set offers.
struct ForestKernels {
  /// Replaces `best` where it finds a strictly larger gain. Records of 32 bits: 2 * count_bits + bits of a label <= 32, gains
  /// are float32. At most kMostSearched features.
  void (*best_split32)(const CodeTable&, const PackedNode<uint32_t>&, const uint16_t* features, int64_t num_features, PickedCodes&, Split& best);
  /// Records of 64 bits: 2 * count_bits + bits of a label <= 64. Gains are float64.
  void (*best_split64)(const CodeTable&, const PackedNode<uint64_t>&, const uint16_t* features, int64_t num_features, Split& best);

  /// Moves rows and units that go left before those that go right, both in their old order. `spare_*` have num_rows + 16 places. What is
  /// picked is of a search of these rows whose best split is the test.
  Division (*divide_rows)(const CodeTable&, const PickedCodes&, const Test&, Units form, int64_t num_rows, int32_t* rows, uint32_t* units,
                          int32_t* spare_rows, uint32_t* spare_units);

  LabelRange (*label_range)(const int64_t* fixed, const int32_t* rows, const uint32_t* units, int64_t num_rows);
  /// records[i] = units * ((fixed[row] - low) >> shift) << count_bits | units; returns their sum.
  uint32_t (*number_records32)(const int64_t* fixed, int64_t low, uint32_t shift, uint32_t count_bits, const int32_t* rows, const uint32_t* units,
                               int64_t num_rows, uint32_t* records);
  uint64_t (*number_records64)(const int64_t* fixed, int64_t low, uint32_t shift, uint32_t count_bits, const int32_t* rows, const uint32_t* units,
                               int64_t num_rows, uint64_t* records);
  /// The same for two classes, labels 0 and 1, from marked units; `records` may be `units`.
  void (*class_records32)(const uint32_t* units, uint32_t count_bits, int64_t num_rows, uint32_t* records);
  void (*class_records64)(const uint32_t* units, uint32_t count_bits, int64_t num_rows, uint64_t* records);

  /// ++counts[random_below(key, i, num_rows)] for i = 0 .. draws - 1.
  void (*count_draws)(uint64_t key, int64_t draws, uint32_t num_rows, uint32_t* counts);

  /// Rows that were drawn, in their order, and their units: how often, with marks[i], which may be nullptr, kMark for a row of class 1 and 0 for
  /// another. `kept` and `units` have num_rows + 16 places.
  Drawn (*keep_drawn)(const int32_t* rows, const uint32_t* counts, const uint32_t* marks, int64_t num_rows, int32_t* kept, uint32_t* units);
  /// Marks the units of rows of class 1; `classes`, by row, may be nullptr. Returns the sums.
  Mass (*mark_units)(const int32_t* classes, const int32_t* rows, int64_t num_rows, uint32_t* units);

  /// Codes column by column to CodeTable::rows. Bytes of a row behind its features are 0.
  void (*table_rows)(const uint8_t* columns, int64_t column_stride, int64_t num_rows, int64_t num_features, int64_t row_stride, uint8_t* rows);
};

const ForestKernels& forest_kernels();

}  // namespace hayate::kernels
