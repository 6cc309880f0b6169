#include "model/layouts.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <limits>

#include "model/coded_trees.h"
#include "model/scores.h"

namespace hayate {

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
  for (size_t first = 0; first < roots_.size(); first += kAtOnce) {
    const size_t count = std::min(kAtOnce, roots_.size() - first);
    kernels::leaf_kernels().leaves_of_row(nodes_.data(), roots_.data() + first, steps_.data() + first / 8, int64_t(count), keys, at);
    add_values(forest_, first, {at, count}, forest_.values.data(), scores);
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
