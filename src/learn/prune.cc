#include "learn/prune.h"

#include <queue>

#include "learn/impurity.h"

namespace hayate::learn {
namespace {

/// Per node, what its split lowers the impurity of the whole tree by; 0 in leaves.
std::vector<double> decreases(const Training& training, const Tree& tree) {
  std::vector<double> out(tree.nodes.size(), 0.0);
  for (size_t at = 0; at < tree.nodes.size(); ++at)
    if (!tree.nodes[at].is_leaf()) out[at] = impurity_decrease(tree, at, training.target.criterion, training.target.labels) / tree.weight[0];
  return out;
}

using Kept = std::vector<uint8_t>;  ///< per node: 1 when it stays a split (if all above it do)

void keep_large_decreases(const std::vector<double>& decrease, double least, Kept& kept) {
  for (size_t at = 0; at < kept.size(); ++at) kept[at] = kept[at] && decrease[at] >= least;
}

/// Splits the leaf whose split lowers impurity most until there are enough; of equals the earlier one in the tree.
void keep_best_leaves(const Tree& tree, const std::vector<double>& decrease, int64_t leaves, Kept& kept) {
  const auto worse = [&](uint32_t a, uint32_t b) { return decrease[a] != decrease[b] ? decrease[a] < decrease[b] : a > b; };
  std::priority_queue<uint32_t, std::vector<uint32_t>, decltype(worse)> open(worse);
  Kept chosen(kept.size(), 0);
  const auto offer = [&](uint32_t at) {
    if (kept[at]) open.push(at);
  };
  offer(0);
  for (int64_t have = 1; have < leaves && !open.empty(); ++have) {
    const uint32_t at = open.top();
    open.pop();
    chosen[at] = 1;
    offer(tree.nodes[at].child()), offer(tree.nodes[at].child() + 1);
  }
  kept.swap(chosen);
}

/// The smallest subtree of least impurity + alpha * leaves (Breiman, Friedman, Olshen, Stone 1984, 3.3), from the leaves up.
void keep_worth_their_leaves(const Tree& tree, const std::vector<double>& decrease, double alpha, Kept& kept) {
  std::vector<double> worth(kept.size(), 0.0);
  for (size_t at = kept.size(); at-- > 0;) {
    if (!kept[at]) continue;
    const size_t left = tree.nodes[at].child();
    worth[at] = decrease[at] - alpha + worth[left] + worth[left + 1];
    if (worth[at] <= 0) kept[at] = 0, worth[at] = 0;
  }
}

/// The tree of the splits kept, breadth-first again.
Tree part_of(const Tree& tree, const Kept& kept, size_t width) {
  Tree out;
  std::vector<uint32_t> from = {0};
  for (uint32_t at = 0; at < from.size(); ++at) {
    const uint32_t old = from[at];
    TreeNode node{uint32_t(at) << 1, 0, TreeNode::kLeafCut};
    if (kept[old]) {
      node = tree.nodes[old];
      node.link = uint32_t(from.size()) << 1 | uint32_t(node.missing_left());
      from.push_back(tree.nodes[old].child()), from.push_back(tree.nodes[old].child() + 1);
    }
    out.nodes.push_back(node);
    out.weight.push_back(tree.weight[old]);
    out.values.insert(out.values.end(), tree.values.begin() + ptrdiff_t(old * width), tree.values.begin() + ptrdiff_t((old + 1) * width));
    if (!tree.deviation.empty()) out.deviation.push_back(tree.deviation[old]);
    if (!tree.thresholds.empty()) out.thresholds.push_back(kept[old] ? tree.thresholds[old] : 0.0f);
  }
  return out;
}

/// Sets of categories in the order of the nodes that are left.
void move_sets(const BinnedMatrix& matrix, const Tree& from, Tree& to) {
  for (TreeNode& node : to.nodes)
    if (!node.is_leaf() && !matrix.categorical.empty() && matrix.categorical[node.feature]) {
      to.sets.push_back(from.sets[node.cut]);
      node.cut = uint16_t(to.sets.size() - 1);
    }
}

}  // namespace

void prune(const Training& training, Tree& tree) {
  const ForestParams& params = training.params;
  if (params.min_impurity_decrease == 0 && params.max_leaf_nodes == 0 && params.ccp_alpha == 0) return;
  const std::vector<double> decrease = decreases(training, tree);
  Kept kept(tree.nodes.size());
  for (size_t at = 0; at < kept.size(); ++at) kept[at] = !tree.nodes[at].is_leaf();
  // The slack of scikit-learn: a decrease that differs from the least by rounding alone counts as enough.
  constexpr double kEpsilon = 2.220446049250313e-16;
  if (params.min_impurity_decrease > 0) keep_large_decreases(decrease, params.min_impurity_decrease - kEpsilon, kept);
  if (params.max_leaf_nodes > 0) keep_best_leaves(tree, decrease, params.max_leaf_nodes, kept);
  if (params.ccp_alpha > 0) {
    keep_worth_their_leaves(tree, decrease, params.ccp_alpha, kept);
  }
  Tree part = part_of(tree, kept, training.values_per_node());
  move_sets(training.matrix, tree, part);
  tree = std::move(part);
}

}  // namespace hayate::learn
