// Layouts of the same trees: by codes for many rows, by keys of values for one (kernels/leaves.h has the loops), and for many rows of trees
// that test categories. Nodes keep the places that they have in the forest, so the forest's own values serve all. A layout answers for the
// trees and the depth that it was made with; the forest must outlive it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "hayate/model.h"
#include "kernels/leaves.h"

namespace hayate {

/// Whether codes, or values, decide every test of the forest: one with categories has neither layout, one with thresholds of its own no codes.
inline bool has_codes(const Forest& forest) { return forest.thresholds.empty() && forest.categorical.empty(); }
inline bool has_keys(const Forest& forest) { return forest.categorical.empty(); }

/// All trees for many rows with codes. What 24 KB hold of them stays in the first-level cache while all trees pass over it. Only features that some
/// tree tests are coded, once for the tests that send missing values left and once for those that send them right.
class CodedTrees {
 public:
  /// `exits` as CompiledForest has it; has_codes(forest).
  CodedTrees(const Forest& forest, ForestCut cut, int exits);
  /// False when the tests read more features than there are slots for: 4,096 in the worst case. Then nothing else may be called.
  bool fits() const;

  /// Adds the trees to what stands in `out`, row-major as predict() gives it, and finishes.
  void predict(const FloatColumns& raw, std::span<double> out) const;
  void predict_codes(const CodeColumns& codes, std::span<const int32_t> rows, std::span<double> out) const;
  /// Seconds for all trees on rows of any codes: the best of three times.
  double measure() const;

 private:
  struct Tree {
    size_t tests, exits, nodes;  ///< where its own begin
    int32_t num_exits, steps;
  };
  static constexpr uint32_t kNone = ~0u;

  void set_slots(const std::vector<uint32_t>& heights);
  uint16_t slot8(const TreeNode& node) const;
  void add_top(size_t t, const uint32_t* heights, size_t most_exits, Tree& out);
  void add_nodes(std::span<const TreeNode> tree, const uint32_t* heights);
  kernels::CodedTree tree(size_t t) const;
  size_t unit_bytes() const;
  void add(const uint8_t* units, size_t num_units, size_t stride, double* scores) const;
  template <class CodesOf>
  void predict_blocks(size_t num_rows, CodesOf codes_of, std::span<double> out) const;

  const Forest& forest_;
  size_t num_slots_ = 0;
  std::vector<uint32_t> slot_of_;  ///< by 2 * feature + missing_left: the codes of a feature, with missing values on that side
  std::vector<kernels::UnitTest> tests_;
  std::vector<uint8_t> exit_sides_;
  std::vector<uint32_t> exits_;
  std::vector<double> exit_values_;
  std::vector<kernels::WalkNode> nodes_;
  std::vector<Tree> trees_;
};

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
