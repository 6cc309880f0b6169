// In which leaf rows end: the inner loops of prediction.
//
// Many rows, codes (add_leaves). Rows come in units of 64. The upper part of a tree is answered by bits: each of its tests
// compares the codes of all 64 rows at once and splits the set of rows that reached it in two, whether or not any did; the set
// that reaches an exit marks its rows with the exit's number. A tree of at most kMostExits leaves is all upper part, and nothing
// is left to do: this is QuickScorer's idea with the rows, not the leaves, as bits of the vector, so a test costs the same work
// for 64 rows that it costs QuickScorer for 8. What is below the exits is walked without a branch, eight rows at a time: a step
// is four loads, a compare and an add, eight independent chains hide its 12 cycles of latency, and a leaf leads to itself.
//
// One row, values (leaves_of_row): there is nothing to spread bits over, so eight trees are walked at a time, comparing the
// values themselves. A float becomes an int32 that orders as it does (key_of), so that a missing value can be less than, or
// more than, every threshold: which of the two a test wants is decided by the slot it reads, not by a branch.
//
// Processors that permute bytes have a quicker way for larger trees, and for one row: test_blocks.h.
//
// Measured on an AVX-512 server core (100 trees of depth 10 on 60 features, forest of 2,000 rows): bench/results/predict.md.
// Tried and dropped: gathers of 16 nodes and 16 codes (vpgatherdd costs as many loads, and 1.3 times the whole), a walk from the
// root of every tree (all loads, no bits).
#pragma once

#include <cstdint>

namespace hayate::kernels {

constexpr int64_t kUnitRows = 64;
constexpr int32_t kMostExits = 64;

/// Codes are stored as 255 - code, so that a row goes right when what is stored is less than 255 - cut, and a leaf, with 0 there,
/// is never left. Slot s of a unit is the 64 bytes at `64 * s`: the codes of one feature, missing values on the side that the
/// tests of the slot send them to.
struct UnitTest {
  uint16_t slot8;  ///< 8 * slot
  uint8_t ncut;    ///< 255 - cut
  uint8_t from;    ///< the side that reaches the test: 0 all rows; 2 i + 1 what goes left at test i, 2 i + 2 what goes right there
};

/// A node of the part that is walked.
struct WalkNode {
  uint32_t child;  ///< the left one; the right one follows; a leaf's own place
  uint16_t slot8;
  uint8_t ncut;
  uint8_t zero = 0;
};
static_assert(sizeof(WalkNode) == 8);

/// One tree for rows with codes.
struct CodedTree {
  const UnitTest* tests;      ///< num_exits - 1, each above those it leads to
  const uint8_t* exit_sides;  ///< the side that leaves the upper part, as UnitTest::from
  const uint32_t* exits;      ///< the node each stands for
  int32_t num_exits;          ///< 1 .. kMostExits
  int32_t steps;              ///< the longest way from an exit to a leaf
  const WalkNode* nodes;
  const double* values;       ///< `width` a node
  const double* exit_values;  ///< of the exits' nodes; read when there are no steps
  int64_t width;
};

/// A node for one row with values; all trees stand in one array.
struct KeyNode {
  int32_t key;     ///< of the threshold: a larger key goes right; INT32_MAX in a leaf
  uint32_t slot;   ///< 2 * feature + (0: missing goes left, 1: right)
  uint32_t child;  ///< the left child's place among all nodes; a leaf's own
};

struct LeafKernels {
  /// Adds to scores[(64 * u + i) * stride + k] value k of the leaf that row i of unit u ends in. Units are `unit_bytes` apart.
  void (*add_leaves)(const CodedTree&, const uint8_t* units, int64_t unit_bytes, int64_t num_units, int64_t stride, double* scores);
  /// Codes as the units' slots keep them: code 64 u + i at units[u * unit_bytes + i]; `codes` has 64 * num_units places.
  void (*fill_slot)(const uint8_t* codes, bool missing_left, int64_t unit_bytes, int64_t num_units, uint8_t* units);
  /// keys[2 f] and keys[2 f + 1]: the values' keys with a missing one below, and above, all others; x(f) is values[f * stride].
  void (*keys_of_row)(const float* values, int64_t stride, int64_t num_features, int32_t* keys);
  /// at[t]: the node that the row ends in, counted over all trees. `roots` has num_trees places, steps[t / 8] the most that one
  /// of the eight trees from 8 * (t / 8) needs.
  void (*leaves_of_row)(const KeyNode* nodes, const uint32_t* roots, const int32_t* steps, int64_t num_trees, const int32_t* keys, uint32_t* at);
};

const LeafKernels& leaf_kernels();

/// An int32 that orders as the float does; -0.0 is 0.0. Not for NaN.
static inline int32_t key_of(float x) {
  const float positive_zero = x + 0.0f;
  int32_t bits;
  __builtin_memcpy(&bits, &positive_zero, sizeof bits);
  return bits ^ (bits >> 31 & 0x7FFFFFFF);
}

}  // namespace hayate::kernels
