#include "model/layouts.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <limits>

#include "base/clock.h"
#include "base/random.h"
#include "model/scores.h"

namespace hayate {
namespace {

using kernels::kUnitRows;

constexpr size_t kCachedBytes = 24 << 10;  // of codes, while all trees pass over them
constexpr size_t kCodedUnits = 16;         // coded together: taking up a feature's cuts costs as much as coding 50 values
constexpr size_t kMostSlots = 8192;        // UnitTest::slot8
constexpr size_t kUnit = size_t(kUnitRows);

/// Of each node of a tree, from `heights` on, the longest way down; 0 where rows stop. A place more is there to be read. Whether a node is a
/// leaf is a coin's toss: no branch for it, here and where nodes are laid out.
void find_heights(std::span<const TreeNode> tree, int64_t steps, uint32_t* heights) {
  for (size_t at = tree.size(); at-- > 0;) {
    const uint32_t child = tree[at].child(), below = std::max(heights[child], heights[child + 1]) + 1;
    heights[at] = tree[at].is_leaf() ? 0 : below;
  }
  if (steps >= int64_t(heights[0])) return;
  std::vector<uint32_t> depth(tree.size(), 0);
  for (size_t at = 0; at < tree.size(); ++at)
    if (!tree[at].is_leaf()) depth[tree[at].child()] = depth[tree[at].child() + 1] = depth[at] + 1;
  for (size_t at = 0; at < tree.size(); ++at) heights[at] = uint32_t(std::min(int64_t{heights[at]}, std::max<int64_t>(0, steps - depth[at])));
}

/// Those of the nodes of all trees that are used.
std::vector<uint32_t> heights_of(const Forest& forest, ForestCut cut) {
  const size_t trees = trees_used(forest, cut);
  std::vector<uint32_t> heights(forest.tree_start[trees] + 1);
  for (size_t t = 0; t < trees; ++t) find_heights(forest.tree(int64_t(t)), steps_allowed(forest, cut), heights.data() + forest.tree_start[t]);
  return heights;
}

}  // namespace

/// Gives a slot to everything that is tested.
void CodedTrees::set_slots(const std::vector<uint32_t>& heights) {
  std::vector<uint8_t> tested(size_t(forest_.num_features()) * 2 + 2);
  for (size_t at = 0; at + 1 < heights.size(); ++at)
    tested[size_t(forest_.nodes[at].feature) * 2 + forest_.nodes[at].missing_left()] |= uint8_t(heights[at] > 0);
  for (size_t i = 0; i < slot_of_.size(); ++i)
    if (tested[i]) slot_of_[i] = uint32_t(num_slots_++);
}

uint16_t CodedTrees::slot8(const TreeNode& node) const { return uint16_t(8 * slot_of_[size_t(node.feature) * 2 + node.missing_left()]); }

/// The upper part of tree t: inner nodes in the order they stand in, breadth-first, while there are exits left.
void CodedTrees::add_top(size_t t, const uint32_t* heights, size_t most_exits, Tree& out) {
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

void CodedTrees::add_nodes(std::span<const TreeNode> tree, const uint32_t* heights) {
  const size_t first = nodes_.size();
  nodes_.resize(first + tree.size());
  for (uint32_t at = 0; at < tree.size(); ++at) {
    const uint32_t mask = 0 - uint32_t(heights[at] > 0);
    nodes_[first + at] = {(tree[at].child() & mask) | (at & ~mask), uint16_t(slot8(tree[at]) & mask), uint8_t((255u - tree[at].cut) & mask)};
  }
}

CodedTrees::CodedTrees(const Forest& forest, ForestCut cut, int exits) : forest_(forest), slot_of_(size_t(forest.num_features()) * 2, kNone) {
  assert(has_codes(forest) && exits >= 0 && exits <= kernels::kMostExits);
  const std::vector<uint32_t> all_heights = heights_of(forest, cut);
  set_slots(all_heights);
  if (!fits()) return;
  nodes_.reserve(all_heights.size());
  for (size_t t = 0; t < trees_used(forest, cut); ++t) {
    const std::span<const TreeNode> tree = forest.tree(int64_t(t));
    const uint32_t* const heights = all_heights.data() + forest.tree_start[t];
    const bool few_leaves = tree.size() < 2 * size_t(kernels::kMostExits);
    Tree out{tests_.size(), exits_.size(), nodes_.size(), 0, 0};
    add_top(t, heights, exits == 0 ? 1 : few_leaves ? size_t(kernels::kMostExits) : size_t(exits), out);
    if (out.steps > 0) add_nodes(tree, heights);
    trees_.push_back(out);
  }
}

bool CodedTrees::fits() const { return num_slots_ <= kMostSlots; }
size_t CodedTrees::unit_bytes() const { return std::max<size_t>(1, num_slots_) * kUnit; }

kernels::CodedTree CodedTrees::tree(size_t t) const {
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

void CodedTrees::add(const uint8_t* units, size_t num_units, size_t stride, double* scores) const {
  const auto add_leaves = kernels::leaf_kernels().add_leaves;
  const size_t together = std::max<size_t>(1, kCachedBytes / unit_bytes());
  for (size_t first = 0; first < num_units; first += together)
    for (size_t t = 0; t < trees_.size(); ++t)
      add_leaves(tree(t), units + first * unit_bytes(), int64_t(unit_bytes()), int64_t(std::min(together, num_units - first)), int64_t(stride),
                 scores + first * kUnit * stride + score_of_tree(forest_, t));
}

/// codes_of(feature, first, count, to) writes the codes of some rows.
template <class CodesOf>
void CodedTrees::predict_blocks(size_t num_rows, CodesOf codes_of, std::span<double> out) const {
  const size_t block_rows = std::min(kCodedUnits * kUnit, (num_rows + kUnit - 1) / kUnit * kUnit), outputs = size_t(forest_.num_outputs()),
               scores = size_t(forest_.num_scores());
  std::vector<uint8_t> units(block_rows / kUnit * unit_bytes()), codes(block_rows);
  std::vector<double> sums(block_rows * scores);
  begin_rows(forest_, out);
  for (size_t first = 0; first < num_rows; first += block_rows) {
    const size_t count = std::min(block_rows, num_rows - first);
    const size_t num_units = (count + kUnit - 1) / kUnit;
    for (size_t feature = 0; feature < slot_of_.size() / 2; ++feature) {
      const uint32_t* slot = &slot_of_[2 * feature];
      if (slot[0] == kNone && slot[1] == kNone) continue;
      codes_of(int64_t(feature), first, count, codes.data());
      for (const bool left : {false, true})
        if (slot[left] != kNone)
          kernels::leaf_kernels().fill_slot(codes.data(), left, int64_t(unit_bytes()), int64_t(num_units), units.data() + slot[left] * kUnit);
    }
    double* row = out.data() + first * outputs + score_place(forest_);
    for (size_t i = 0; i < count; ++i)
      for (size_t k = 0; k < scores; ++k) sums[i * scores + k] = row[i * outputs + k];
    add(units.data(), num_units, scores, sums.data());
    for (size_t i = 0; i < count; ++i)
      for (size_t k = 0; k < scores; ++k) row[i * outputs + k] = sums[i * scores + k];
  }
  finish_rows(forest_, trees_.size(), out);
}

void CodedTrees::predict(const FloatColumns& raw, std::span<double> out) const {
  const auto codes_of = [&](int64_t feature, size_t first, size_t count, uint8_t* to) {
    code_values(forest_.cuts.of(feature), {raw.column(feature) + first, count}, to);
  };
  predict_blocks(size_t(raw.num_rows), codes_of, out);
}

void CodedTrees::predict_codes(const CodeColumns& codes, std::span<const int32_t> rows, std::span<double> out) const {
  const auto codes_of = [&](int64_t feature, size_t first, size_t count, uint8_t* to) {
    const uint8_t* column = codes.column(feature);
    for (size_t i = 0; i < count; ++i) to[i] = column[rows[first + i]];
  };
  predict_blocks(rows.size(), codes_of, out);
}

double CodedTrees::measure() const {
  constexpr size_t kUnits = 4;
  std::vector<uint8_t> units(kUnits * unit_bytes());
  for (size_t i = 0; i < slot_of_.size(); ++i) {
    if (slot_of_[i] == kNone) continue;
    const uint32_t num_codes = uint32_t(forest_.cuts.of(int64_t(i / 2)).size()) + 1;
    for (size_t row = 0; row < kUnits * kUnit; ++row)
      units[row / kUnit * unit_bytes() + slot_of_[i] * kUnit + row % kUnit] = uint8_t(255 - random_below(i, row, num_codes));
  }
  const size_t scores = size_t(forest_.num_scores());
  std::vector<double> sums(kUnits * kUnit * scores);
  double best = std::numeric_limits<double>::infinity();
  for (int repeat = 0; repeat < 3; ++repeat) {
    const double begin = wall_seconds();
    add(units.data(), kUnits, scores, sums.data());
    best = std::min(best, wall_seconds() - begin);
  }
  return best;
}

KeyedTrees::KeyedTrees(const Forest& forest, ForestCut cut) : forest_(forest) {
  assert(has_keys(forest));
  const std::vector<uint32_t> all_heights = heights_of(forest, cut);
  nodes_.reserve(all_heights.size());
  for (size_t t = 0; t < trees_used(forest, cut); ++t) {
    const std::span<const TreeNode> tree = forest.tree(int64_t(t));
    const uint32_t root = forest.tree_start[t];
    const uint32_t* const heights = all_heights.data() + root;
    for (uint32_t at = 0; at < tree.size(); ++at) {
      const TreeNode& node = tree[at];
      if (heights[at] == 0)
        nodes_.push_back({std::numeric_limits<int32_t>::max(), 0, root + at});
      else
        nodes_.push_back({kernels::key_of(forest.threshold(int64_t(t), at)), 2u * node.feature + !node.missing_left(), root + node.child()});
    }
    roots_.push_back(root);
    if (t % 8 == 0) steps_.push_back(0);
    steps_.back() = std::max(steps_.back(), int32_t(heights[0]));
  }
}

void KeyedTrees::add(const int32_t* keys, double* scores) const {
  constexpr size_t kAtOnce = 64;
  uint32_t at[kAtOnce];
  const size_t width = size_t(forest_.values_per_node());
  for (size_t first = 0; first < roots_.size(); first += kAtOnce) {
    const size_t count = std::min(kAtOnce, roots_.size() - first);
    kernels::leaf_kernels().leaves_of_row(nodes_.data(), roots_.data() + first, steps_.data() + first / 8, int64_t(count), keys, at);
    for (size_t i = 0; i < count; ++i) {
      double* score = scores + score_of_tree(forest_, first + i);
      for (size_t k = 0; k < width; ++k) score[k] += forest_.values[at[i] * width + k];
    }
  }
}

void KeyedTrees::predict_row(const float* values, int64_t stride, std::span<double> out) const {
  constexpr size_t kFew = 1024;
  std::array<int32_t, 2 * kFew> few;
  std::vector<int32_t> many;
  const size_t features = size_t(forest_.num_features());
  if (features > kFew) many.resize(2 * features);
  int32_t* keys = features > kFew ? many.data() : few.data();
  kernels::leaf_kernels().keys_of_row(values, stride, int64_t(features), keys);
  begin_rows(forest_, out);
  add(keys, out.data() + score_place(forest_));
  finish_rows(forest_, roots_.size(), out);
}

namespace {

constexpr size_t kMixedRows = 256;  // together
constexpr uint32_t kUnknown = ~0u;  // missing, or no category

}  // namespace

MixedTrees::MixedTrees(const Forest& forest, ForestCut cut)
    : forest_(forest), slot_of_(size_t(forest.num_features()), kUnknown), num_trees_(trees_used(forest, cut)) {
  const std::vector<uint32_t> heights = heights_of(forest, cut);
  nodes_.reserve(heights.size());
  for (size_t t = 0; t < num_trees_; ++t) {
    const std::span<const TreeNode> tree = forest.tree(int64_t(t));
    const uint32_t root = forest.tree_start[t];
    for (uint32_t at = 0; at < tree.size(); ++at) {
      const TreeNode& node = tree[at];
      Node out{root + node.child(), node.feature, 0, 0, heights[root + at] == 0, forest.is_categorical(node.feature), node.missing_left()};
      if (!out.stops && out.categorical) {
        uint32_t& slot = slot_of_[node.feature];
        if (slot == kUnknown) slot = uint32_t(num_slots_++);
        out.column = slot, out.set = forest.set_start[t] + node.cut;
      } else if (!out.stops) {
        out.threshold = forest.threshold(int64_t(t), at);
      }
      nodes_.push_back(out);
    }
  }
}

void MixedTrees::code_block(const FloatColumns& raw, size_t first, size_t count, std::vector<uint32_t>& codes) const {
  for (size_t feature = 0; feature < slot_of_.size(); ++feature) {
    if (slot_of_[feature] == kUnknown) continue;
    const std::span<const float> known = forest_.cuts.of(int64_t(feature));
    const bool ranges = forest_.is_ranges(int64_t(feature));
    const float* const values = raw.column(int64_t(feature)) + first;
    uint32_t* const out = codes.data() + slot_of_[feature] * kMixedRows;
    for (size_t i = 0; i < count; ++i) {
      const auto place = std::lower_bound(known.begin(), known.end(), values[i]);
      const bool found = values[i] == values[i] && (ranges || (place != known.end() && *place == values[i]));
      out[i] = found ? uint32_t(place - known.begin()) : kUnknown;
    }
  }
}

void MixedTrees::predict(const FloatColumns& raw, std::span<double> out) const {
  const size_t outputs = size_t(forest_.num_outputs()), width = size_t(forest_.values_per_node()), rows = size_t(raw.num_rows);
  std::vector<uint32_t> codes(num_slots_ * kMixedRows);
  begin_rows(forest_, out);
  for (size_t first = 0; first < rows; first += kMixedRows) {
    const size_t count = std::min(kMixedRows, rows - first);
    code_block(raw, first, count, codes);
    const auto goes_left = [&](const Node& node, size_t i) {
      if (node.categorical) {
        const uint32_t code = codes[node.column * kMixedRows + i];
        return code == kUnknown ? node.missing_left : forest_.sets[node.set + code / 256].has(uint8_t(code % 256));
      }
      const float x = raw.column(node.column)[first + i];
      return x != x ? node.missing_left : x <= node.threshold;
    };
    for (size_t t = 0; t < num_trees_; ++t) {
      double* const scores = out.data() + first * outputs + score_place(forest_) + score_of_tree(forest_, t);
      for (size_t i = 0; i < count; ++i) {
        uint32_t at = forest_.tree_start[t];
        while (!nodes_[at].stops) at = nodes_[at].child + (goes_left(nodes_[at], i) ? 0 : 1);
        for (size_t k = 0; k < width; ++k) scores[i * outputs + k] += forest_.values[at * width + k];
      }
    }
  }
  finish_rows(forest_, num_trees_, out);
}

}  // namespace hayate
