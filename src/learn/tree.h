// Grows one tree. What a node measures is a policy: PackedMeasure (whole-number counts, one number to learn: regression and
// two classes) and ChannelMeasure (real weights, or three classes and more).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "hayate/forest.h"
#include "kernels/forest.h"
#include "learn/sample.h"

namespace hayate::learn {

/// What is learnt, as whole numbers, so that sums are exact and need no order. Indexed by row of the matrix.
struct Target {
  Labels labels;
  std::vector<int64_t> fixed;     ///< regression: (label - base) / unit, rounded
  double base = 0, unit = 1;      ///< in quarters of a label, so that the widest range of doubles has a difference
  std::vector<uint32_t> weights;  ///< whole-number weights, of real ones scaled so that the largest is 2^20; empty: all 1
  std::span<const float> real_weights;
  bool packed = true;  ///< PackedMeasure can do it
};

/// Everything a tree needs beside its own random numbers.
struct Training {
  const BinnedMatrix& matrix;
  const ForestParams& params;
  const Target& target;
  std::span<const int32_t> rows;   ///< training rows of positive weight
  std::vector<uint8_t> last_code;  ///< per feature
  AlignedBytes places;             ///< the codes of the matrix as places in a histogram
  int64_t features_per_node = 1;
  uint64_t seed = 0, entity = 0;
};

struct Tree {
  std::vector<TreeNode> nodes;
  std::vector<double> values;
  std::vector<double> weight;  ///< of each node's rows; what importance needs
};

/// A node that is still to be looked at.
struct Pending {
  uint32_t begin, end;  ///< of the tree's rows
  uint64_t path;        ///< 1 for the root; 2 p and 2 p + 1 for the children of p (modulo 2^64)
  int64_t depth;
  kernels::Mass mass;
};

/// Memory that trees on one worker share.
struct Scratch {
  explicit Scratch(int64_t num_features) : order(num_features) {}
  Sample sample;
  FeatureOrder order;
  Tree tree;
  std::vector<Pending> queue;
  std::vector<int32_t> spare_rows;  ///< for all rows of a tree and 16 more
  std::vector<uint32_t> spare_units;
  std::vector<uint32_t> records32;
  std::vector<uint64_t> records64, channels;
};

Tree grow_tree(const Training& training, uint64_t tree_number, Scratch& scratch);

}  // namespace hayate::learn
