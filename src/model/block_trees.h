// Trees that are answered 31 tests at a time, for many rows and for one: kernels/test_blocks.h says how.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "kernels/test_blocks.h"
#include "model/coded_trees.h"

namespace hayate {

class BlockTrees final : public CodedTrees {
 public:
  /// Null when the processor can't permute bytes, the tests read more than 256 features, or trees deeper than five levels are more than 2,048 (10 KB
  /// each; 0.4 KB and any number where all have at most 32 leaves).
  static std::unique_ptr<const BlockTrees> make(const Forest& forest, ForestCut cut);

  /// Value f of the row is values[f * stride]; `out` has num_outputs() places. No allocation.
  void predict_row(const float* values, int64_t stride, std::span<double> out) const;

 private:
  BlockTrees(const Forest& forest, const std::vector<uint32_t>& heights) : CodedTrees(forest, heights, Missing::right) {}
  void add(const uint8_t* units, size_t num_units, size_t stride, double* scores) const override;
  size_t num_trees() const override { return tops_.size(); }

  /// Tests from `root` down, of a tree and its nodes' heights, and the nodes that the ways out lead to; where no row comes, some leaf.
  void fill(std::span<const TreeNode> tree, const uint32_t* heights, uint32_t root, kernels::TestBlock& block, uint32_t& lefts,
            std::span<uint32_t, size_t(kernels::kBlockWays)> reached) const;
  void set_blocks(const std::vector<uint32_t>& heights, bool two_stages);
  /// Of trees of at most 32 leaves.
  void set_paths(const std::vector<uint32_t>& heights);
  void set_nodes(const std::vector<uint32_t>& heights);
  void set_cuts();
  kernels::BlockedTrees trees() const;
  /// Of what the kernels find.
  const double* values() const { return values_.empty() ? forest_.values.data() : values_.data(); }

  std::vector<kernels::TestBlock> tops_, below_;
  std::vector<uint32_t> lefts_of_tops_, lefts_below_;
  std::vector<kernels::LeafPaths> paths_;  ///< empty where blocks go by levels
  std::vector<double> values_;             ///< of every place, where rows have one value and nobody walks
  std::vector<uint32_t> ends_;             ///< else the nodes
  std::vector<int32_t> steps_;             ///< empty where nobody walks
  std::vector<kernels::LineNode> nodes_;
  int32_t lines_ = 1;
  std::vector<float> cuts_;  ///< of the slots, as code_row() reads them
  std::vector<uint32_t> cut_start_, tested_;
};

}  // namespace hayate
