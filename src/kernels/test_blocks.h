// In which leaf rows end, 31 tests at a time: what leaves.h does, for processors that permute bytes (AVX-512 VBMI).
//
// A row's codes lie together, a byte a slot, in one to four lines of 64 bytes. A block holds the upper five levels of a tree, or of a subtree, as
// 31 tests: one permute brings the codes that they read next to each other, one comparison answers all of them, and a bit a test says who goes
// right. Which of the 32 ways out the row takes is read from the bits five times, for 16 rows or 16 trees in one vector. So a tree of depth 10 is
// two loads of what the row needs instead of twenty, one after the other. Below ten levels rows walk as in leaves.h.
//
// A tree of at most 32 leaves that is deeper than five levels, as boosting grows them leaf by leaf, is one block as well: it has no more than 31 tests,
// wherever they stand. Each leaf says which of them are on the way to it and how they must answer (LeafPaths); the 32 leaves compare that with the
// answers at once, and one finds all as it wants it. This is QuickScorer with a comparison in place of its loop over the tests that fail: one row
// of 100 such trees in 0.67 us (walked: 2.2).
//
// 100 trees of depth 10 on 60 features, 2.3 GHz: 4,096 rows in 1.9 ms (leaves.h: 3.5), one row in 1.07 us (2.3), of which the lines of the second-level
// cache are most: three a tree. Where a block leads, and a place's value, stood beside the tests before: five lines, 1.4 us. Trees of at most 64 leaves
// are quicker by the bits of leaves.h, but for one row.
#pragma once

#include <cstdint>

namespace hayate::kernels {

constexpr int64_t kLineBytes = 64, kMostLineSlots = 256;
constexpr int64_t kBlockTests = 31, kBlockWays = 32;

/// Test i stands above tests 2 i + 1 (left) and 2 i + 2 (right). Codes and cuts as in leaves.h, a slot a feature: a row goes right when what its slot
/// keeps is less than ncut, so a test that is not there has 0 and sends every row left. A missing value is kept as 0; where a row has one, `lefts` is
/// asked which tests send it left.
struct alignas(64) TestBlock {
  uint8_t slots[kBlockWays];
  uint8_t ncuts[kBlockWays];
};

/// Of each leaf the tests above it, and those of them that it stands to the right of, a bit a test. A leaf that is not there wants the last place of the
/// block, where there never is a test, to send rows right.
struct alignas(64) LeafPaths {
  uint32_t tests[kBlockWays];
  uint32_t rights[kBlockWays];
};

/// Where rows walk below their last block; nodes are counted over all trees.
struct LineNode {
  uint32_t child;  ///< the left one; the right one follows; a leaf's own place
  uint8_t slot;
  uint8_t ncut;
  uint8_t shift = 0;  ///< 1 where missing values go left: both sides are compared less 1, which turns what is kept of them into 255
  uint8_t zero = 0;
};

/// Trees of at most 5 levels have one stage: tree t's block is tops[t], and its way w out is place 32 t + w. Others have two: the way leads to block
/// 32 t + w below, and that one's way v out is place 32 (32 t + w) + v. Every place is there, though no row may come to it. With paths there is one stage
/// too: leaf w of tree t is place 32 t + w.
struct BlockedTrees {
  const TestBlock *tops, *below;                ///< below: null with one stage
  const LeafPaths* paths;                       ///< of each tree; null where the tests of a block stand as TestBlock says
  const uint32_t *lefts_of_tops, *lefts_below;  ///< of each block: a bit a test
  const uint32_t* ends;                         ///< of each place: the node, counted over all trees; null: places are what is asked for
  const int32_t* steps;                         ///< of each tree: the longest way from an end to a leaf; null where nobody walks
  const LineNode* nodes;                        ///< of all trees; null where nobody walks
  int32_t lines;                                ///< of a row: 1, 2 or 4
};

struct TestBlockKernels {
  /// Whether this processor has what the others need. Where not, they are null.
  bool (*available)();
  /// at[i]: the node or the place that row i < num_rows <= kUnitRows ends in when it goes down tree t. `missing`: some row may miss a value.
  void (*leaves_of_rows)(const BlockedTrees& trees, int64_t t, const uint8_t* rows, int64_t num_rows, bool missing, uint32_t* at);
  /// at[t]: the node or the place that one row ends in, of trees [first, first + count).
  void (*leaves_of_row)(const BlockedTrees& trees, int64_t first, int64_t count, const uint8_t* row, bool missing, uint32_t* at);
  /// Rows of what slot after slot keeps for kUnitRows rows: byte s of row i at rows[i * row_bytes + s] from unit[64 s + i]. Returns whether a value is
  /// missing.
  bool (*turn_unit)(const uint8_t* unit, int64_t num_slots, int64_t row_bytes, uint8_t* rows);
  /// What slots keep of one row's values: 255 - the number of the feature's cuts below the value, missing ones 0. Returns whether one is missing.
  /// From cuts[cut_start[s]] on: the last cut of every sixteen but the last sixteen, then all cuts, both filled up to a multiple of 16 with infinity.
  bool (*code_row)(const float* cuts, const uint32_t* cut_start, const uint32_t* features, int64_t num_slots, const float* values, int64_t stride,
                   uint8_t* row);
};

const TestBlockKernels& test_block_kernels();

}  // namespace hayate::kernels
