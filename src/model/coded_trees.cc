#include "model/coded_trees.h"

#include <algorithm>
#include <cassert>
#include <limits>

#include "base/clock.h"
#include "base/random.h"
#include "model/scores.h"

namespace hayate {
namespace {

constexpr size_t kCodedUnits = 16;  // coded together: taking up a feature's cuts costs as much as coding 50 values

/// Of each node of a tree, from `heights` on. Whether a node is a leaf is a coin's toss: no branch for it, here and where nodes are laid out.
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

}  // namespace

std::vector<uint32_t> heights_of(const Forest& forest, ForestCut cut) {
  const size_t trees = trees_used(forest, cut);
  std::vector<uint32_t> heights(forest.tree_start[trees] + 1);
  for (size_t t = 0; t < trees; ++t) find_heights(forest.tree(int64_t(t)), steps_allowed(forest, cut), heights.data() + forest.tree_start[t]);
  return heights;
}

bool few_leaves(const Forest& forest) { return forest.nodes.size() < 2 * size_t(kernels::kMostExits) * size_t(forest.num_trees()); }

/// Gives a slot to everything that is tested.
CodedTrees::CodedTrees(const Forest& forest, const std::vector<uint32_t>& heights, Missing missing)
    : forest_(forest), slot_of_(size_t(forest.num_features()) * 2, kNone) {
  assert(has_codes(forest));
  std::vector<uint8_t> tested(size_t(forest.num_features()) * 2 + 2);
  for (size_t at = 0; at + 1 < heights.size(); ++at)
    tested[size_t(forest.nodes[at].feature) * 2 + forest.nodes[at].missing_left()] |= uint8_t(heights[at] > 0);
  for (size_t i = 0; missing == Missing::by_slot && i < slot_of_.size(); ++i)
    if (tested[i]) slot_of_[i] = uint32_t(num_slots_++);
  for (size_t i = 0; missing == Missing::right && i < slot_of_.size(); i += 2)
    if (tested[i] || tested[i + 1]) slot_of_[i] = slot_of_[i + 1] = uint32_t(num_slots_++);
}

size_t CodedTrees::unit_bytes() const { return std::max<size_t>(1, num_slots_) * kUnit; }

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
        if (slot[left] != kNone && !(left && slot[0] == slot[1]))
          kernels::leaf_kernels().fill_slot(codes.data(), left, int64_t(unit_bytes()), int64_t(num_units), units.data() + slot[left] * kUnit);
    }
    double* row = out.data() + first * outputs + score_place(forest_);
    for (size_t i = 0; i < count; ++i)
      for (size_t k = 0; k < scores; ++k) sums[i * scores + k] = row[i * outputs + k];
    add(units.data(), num_units, scores, sums.data());
    for (size_t i = 0; i < count; ++i)
      for (size_t k = 0; k < scores; ++k) row[i * outputs + k] = sums[i * scores + k];
  }
  finish_rows(forest_, num_trees(), out);
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

}  // namespace hayate
