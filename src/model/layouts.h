// Layouts of trees that test values: by keys for one row (kernels/leaves.h has the loop), and for many rows of trees that test categories. Those that
// test codes are in coded_trees.h, and what is said there of a forest and its layout holds here.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "hayate/model.h"
#include "kernels/leaves.h"

namespace hayate {

/// Whether values decide every test of the forest: one with categories has no such layout.
inline bool has_keys(const Forest& forest) { return forest.categorical.empty(); }

/// All trees for one row with values.
class KeyedTrees {
 public:
  /// has_keys(forest)
  KeyedTrees(const Forest& forest, ForestCut cut);

  /// Value f of the row is values[f * stride]; `out` has num_outputs() places. No allocation up to 1,024 features.
  void predict_row(const float* values, int64_t stride, std::span<double> out) const;

 private:
  void add(const int32_t* keys, double* scores) const;

  const Forest& forest_;
  std::vector<kernels::KeyNode> nodes_;
  std::vector<uint32_t> roots_;
  std::vector<int32_t> steps_;  ///< a number for eight trees
};

/// All trees for many rows, where some test categories: each value is looked up among the categories once, not at every node. 100 trees of 31
/// leaves that test 200 categories: two fifths of the time.
class MixedTrees {
 public:
  MixedTrees(const Forest& forest, ForestCut cut);

  void predict(const FloatColumns& raw, std::span<double> out) const;

 private:
  struct Node {
    uint32_t child;   ///< the left one, among all nodes
    uint32_t column;  ///< of codes where categories are tested, else of values
    uint32_t set;
    float threshold;
    bool stops, categorical, missing_left;
  };

  void code_block(const FloatColumns& raw, size_t first, size_t count, std::vector<uint32_t>& codes) const;

  const Forest& forest_;
  std::vector<Node> nodes_;
  std::vector<uint32_t> slot_of_;  ///< by feature: its column of codes
  size_t num_slots_ = 0, num_trees_ = 0;
};

}  // namespace hayate
