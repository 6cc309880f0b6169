// Trees that are answered by bits and by walking: kernels/leaves.h says how.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "kernels/leaves.h"
#include "model/coded_trees.h"

namespace hayate {

class UnitTrees final : public CodedTrees {
 public:
  /// `exits` from 0 to 64 as CompiledForest has it. Null when the tests read more features than there are slots for: 4,096 in the worst case.
  static std::unique_ptr<const UnitTrees> make(const Forest& forest, ForestCut cut, int exits);

 private:
  struct Tree {
    size_t tests, exits, nodes;  ///< where its own begin
    int32_t num_exits, steps;
  };

  UnitTrees(const Forest& forest, const std::vector<uint32_t>& heights) : CodedTrees(forest, heights, Missing::by_slot) {}
  void add(const uint8_t* units, size_t num_units, size_t stride, double* scores) const override;
  size_t num_trees() const override { return trees_.size(); }

  uint16_t slot8(const TreeNode& node) const { return uint16_t(8 * slot(node)); }
  void add_tree(size_t t, const uint32_t* heights, int exits);
  void add_top(size_t t, const uint32_t* heights, size_t most_exits, Tree& out);
  void add_nodes(std::span<const TreeNode> tree, const uint32_t* heights);
  kernels::CodedTree tree(size_t t) const;

  std::vector<kernels::UnitTest> tests_;
  std::vector<uint8_t> exit_sides_;
  std::vector<uint32_t> exits_;
  std::vector<double> exit_values_;
  std::vector<kernels::WalkNode> nodes_;
  std::vector<Tree> trees_;
};

}  // namespace hayate
