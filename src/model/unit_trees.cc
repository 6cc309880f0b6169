#include "model/unit_trees.h"

#include <algorithm>
#include <cassert>

#include "model/scores.h"

namespace hayate {
namespace {

constexpr size_t kMostSlots = 8192;  // UnitTest::slot8

}  // namespace

std::unique_ptr<const UnitTrees> UnitTrees::make(const Forest& forest, ForestCut cut, int exits) {
  assert(exits >= 0 && exits <= kernels::kMostExits);
  const std::vector<uint32_t> heights = heights_of(forest, cut);
  std::unique_ptr<UnitTrees> out(new UnitTrees(forest, heights));
  if (out->num_slots_ > kMostSlots) return nullptr;
  out->nodes_.reserve(heights.size());
  for (size_t t = 0; t < trees_used(forest, cut); ++t) out->add_tree(t, heights.data() + forest.tree_start[t], exits);
  return out;
}

void UnitTrees::add_tree(size_t t, const uint32_t* heights, int exits) {
  const std::span<const TreeNode> tree = forest_.tree(int64_t(t));
  const bool few_leaves = tree.size() < 2 * size_t(kernels::kMostExits);
  Tree out{tests_.size(), exits_.size(), nodes_.size(), 0, 0};
  add_top(t, heights, exits == 0 ? 1 : few_leaves ? size_t(kernels::kMostExits) : size_t(exits), out);
  if (out.steps > 0) add_nodes(tree, heights);
  trees_.push_back(out);
}

/// The upper part of tree t: inner nodes in the order they stand in, breadth-first, while there are exits left.
void UnitTrees::add_top(size_t t, const uint32_t* heights, size_t most_exits, Tree& out) {
  const std::span<const TreeNode> tree = forest_.tree(int64_t(t));
  const size_t width = size_t(forest_.values_per_node());
  std::vector<std::pair<uint32_t, uint8_t>> reached = {{0, uint8_t(0)}};  // nodes, and the sides that reach them
  for (size_t next = 0, num_exits = 1; next < reached.size(); ++next) {
    const auto [at, side] = reached[next];
    if (heights[at] > 0 && num_exits < most_exits) {
      const uint8_t left = uint8_t(2 * num_exits - 1);
      tests_.push_back({slot8(tree[at]), uint8_t(255 - tree[at].cut), side});
      reached.emplace_back(tree[at].child(), left), reached.emplace_back(tree[at].child() + 1, uint8_t(left + 1));
      ++num_exits;
      continue;
    }
    const auto values = forest_.values.begin() + ptrdiff_t((forest_.tree_start[t] + at) * width);
    exits_.push_back(at), exit_sides_.push_back(side), exit_values_.insert(exit_values_.end(), values, values + ptrdiff_t(width));
    out.steps = std::max(out.steps, int32_t(heights[at])), ++out.num_exits;
  }
}

void UnitTrees::add_nodes(std::span<const TreeNode> tree, const uint32_t* heights) {
  const size_t first = nodes_.size();
  nodes_.resize(first + tree.size());
  for (uint32_t at = 0; at < tree.size(); ++at) {
    const uint32_t mask = 0 - uint32_t(heights[at] > 0);
    nodes_[first + at] = {(tree[at].child() & mask) | (at & ~mask), uint16_t(slot8(tree[at]) & mask), uint8_t((255u - tree[at].cut) & mask)};
  }
}

kernels::CodedTree UnitTrees::tree(size_t t) const {
  const Tree& own = trees_[t];
  const size_t width = size_t(forest_.values_per_node());
  return {.tests = tests_.data() + own.tests,
          .exit_sides = exit_sides_.data() + own.exits,
          .exits = exits_.data() + own.exits,
          .num_exits = own.num_exits,
          .steps = own.steps,
          .nodes = nodes_.data() + own.nodes,
          .values = forest_.values.data() + forest_.tree_start[t] * width,
          .exit_values = exit_values_.data() + own.exits * width,
          .width = int64_t(width)};
}

void UnitTrees::add(const uint8_t* units, size_t num_units, size_t stride, double* scores) const {
  const auto add_leaves = kernels::leaf_kernels().add_leaves;
  const size_t together = std::max<size_t>(1, kCachedBytes / unit_bytes());
  for (size_t first = 0; first < num_units; first += together)
    for (size_t t = 0; t < trees_.size(); ++t)
      add_leaves(tree(t), units + first * unit_bytes(), int64_t(unit_bytes()), int64_t(std::min(together, num_units - first)), int64_t(stride),
                 scores + first * kUnit * stride + score_of_tree(forest_, t));
}

}  // namespace hayate
