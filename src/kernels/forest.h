// Best split of a node by histograms of packed integers.
//
// A row of a node carries a record: count in the low `count_bits` bits and count * label above, both whole numbers. Adding
// records adds both at once, the sums are exact, and so they do not depend on the order of rows, on threads or on the
// instruction set. With q = sum of labels and n = count, left l and right r, the gain of a split is
//   D^2 / (n_l n_r),  D = n_r q_l - n_l q_r   (a whole number)
// which is n times the drop of the variance, or of Gini impurity for labels 0 and 1. D is exact; the last two roundings
// are those of one product and one quotient, the same in every copy. A split that leaves a side with fewer than
// `min_count` does not count, so no division by zero makes an infinite gain.
// Ties: the first feature in the order given, then the lowest cut, then missing to the right.
#pragma once

#include <cstdint>

namespace hayate::kernels {

/// Codes of all features, column by column; 255 is missing.
struct CodeTable {
  const uint8_t* codes;
  int64_t stride;
  const uint8_t* last_code;    ///< per feature: the largest code of a present value
  const uint8_t* has_missing;  ///< per feature: 1 when some row may be missing
};

/// The rows of a node, what they carry, and the totals.
template <class Record>
struct PackedNode {
  const int32_t* rows;
  const Record* records;
  int64_t num_rows;
  uint32_t count_bits;
  Record total;        ///< sum of the records
  uint64_t min_count;  ///< at least 1
};

struct Split {
  double gain = -1;  ///< below 0: none found
  uint16_t feature = 0;
  uint8_t cut = 0;            ///< code <= cut goes left
  bool missing_left = false;  ///< tried both ways where the node has missing values
  bool node_misses = false;   ///< the node has rows without a value of this feature
};

/// What one instruction set offers. Each function replaces `best` where it finds a strictly larger gain.
struct ForestKernels {
  /// Records of 32 bits: 2 * count_bits + bits of a label <= 32. Gains are float32.
  void (*best_split32)(const CodeTable&, const PackedNode<uint32_t>&, const uint16_t* features, int64_t num_features, Split& best);
  /// Records of 64 bits: 2 * count_bits + bits of a label <= 64. Gains are float64.
  void (*best_split64)(const CodeTable&, const PackedNode<uint64_t>&, const uint16_t* features, int64_t num_features, Split& best);
};

const ForestKernels& forest_kernels();

}  // namespace hayate::kernels
