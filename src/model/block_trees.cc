#include "model/block_trees.h"

#include <algorithm>
#include <array>
#include <limits>

#include "model/scores.h"

namespace hayate {
namespace {

constexpr size_t kSixteen = 16, kWays = size_t(kernels::kBlockWays);
constexpr uint32_t kLevels = 5;  // of a block
constexpr size_t kMostDeepTrees = 2048;

size_t num_tests(std::span<const uint32_t> heights) {
  return size_t(std::count_if(heights.begin(), heights.end(), [](uint32_t height) { return height > 0; }));
}

}  // namespace

std::unique_ptr<const BlockTrees> BlockTrees::make(const Forest& forest, ForestCut cut) {
  if (!kernels::test_block_kernels().available()) return nullptr;
  const std::vector<uint32_t> heights = heights_of(forest, cut);
  std::unique_ptr<BlockTrees> out(new BlockTrees(forest, heights));
  if (out->num_slots_ > size_t(kernels::kMostLineSlots)) return nullptr;
  out->lines_ = out->num_slots_ <= 64 ? 1 : out->num_slots_ <= 128 ? 2 : 4;
  const size_t trees = trees_used(forest, cut);
  out->tops_.resize(trees), out->lefts_of_tops_.resize(trees);
  bool deep = false, one_block_each = true;
  for (size_t t = 0; t < trees; ++t) {
    const size_t first = forest.tree_start[t];
    deep |= heights[first] > kLevels;
    one_block_each &= num_tests(std::span(heights).subspan(first, forest.tree_start[t + 1] - first)) <= size_t(kernels::kBlockTests);
  }
  if (deep && one_block_each) {
    out->set_paths(heights);
  } else {
    if (deep && trees > kMostDeepTrees) return nullptr;
    out->set_blocks(heights, deep);
  }
  out->set_cuts();
  return out;
}

/// Whether a node is a leaf is a coin's toss: no branch for it.
void BlockTrees::fill(std::span<const TreeNode> tree, const uint32_t* heights, uint32_t root, kernels::TestBlock& block, uint32_t& lefts,
                      std::span<uint32_t, kWays> reached) const {
  std::array<uint32_t, 2 * kWays> at;
  at[0] = root;
  uint32_t sides = 0;
  for (size_t i = 0; i + 1 < kWays; ++i) {
    const uint32_t place = at[i], inner = uint32_t(heights[place] > 0), mask = 0 - inner;
    const TreeNode& node = tree[place];
    block.slots[i] = uint8_t(slot(node) & mask), block.ncuts[i] = uint8_t((255u - node.cut) & mask),
    sides |= (uint32_t{node.missing_left()} & inner) << i;
    at[2 * i + 1] = (node.child() & mask) | (place & ~mask), at[2 * i + 2] = at[2 * i + 1] + inner;
  }
  lefts = sides;
  std::copy_n(at.begin() + kernels::kBlockTests, kWays, reached.begin());
}

void BlockTrees::set_blocks(const std::vector<uint32_t>& heights, bool two_stages) {
  const size_t trees = num_trees(), blocks_below = two_stages ? kWays : 0, places = kWays * (two_stages ? kWays : 1);
  below_.resize(trees * blocks_below), lefts_below_.resize(trees * blocks_below);
  const bool walks = *std::max_element(heights.begin(), heights.end()) > (two_stages ? 2 : 1) * kLevels;
  const bool by_node = walks || forest_.values_per_node() > 1;
  if (walks) steps_.resize(trees), set_nodes(heights);
  by_node ? ends_.resize(trees * places) : (values_.resize(trees * places), void());
  std::vector<uint32_t> ends(places);
  for (size_t t = 0; t < trees; ++t) {
    const std::span<const TreeNode> tree = forest_.tree(int64_t(t));
    const uint32_t root = forest_.tree_start[t];
    const uint32_t* const own = heights.data() + root;
    std::array<uint32_t, kWays> reached;
    fill(tree, own, 0, tops_[t], lefts_of_tops_[t], two_stages ? std::span<uint32_t, kWays>(reached) : std::span<uint32_t, kWays>(ends));
    for (size_t way = 0; way < blocks_below; ++way) {
      const std::span<uint32_t, kWays> out = std::span(ends).subspan(way * kWays).first<kWays>();
      const size_t block = t * kWays + way;
      if (own[reached[way]] == 0)
        std::fill(out.begin(), out.end(), reached[way]);
      else
        fill(tree, own, reached[way], below_[block], lefts_below_[block], out);
    }
    for (size_t place = 0; walks && place < places; ++place) steps_[t] = std::max(steps_[t], int32_t(own[ends[place]]));
    for (size_t place = 0; place < places; ++place)
      if (by_node)
        ends_[t * places + place] = root + ends[place];
      else
        values_[t * places + place] = forest_.values[root + ends[place]];
  }
}

void BlockTrees::set_paths(const std::vector<uint32_t>& heights) {
  constexpr uint32_t kNoTest = 1u << kernels::kBlockTests;
  struct Path {
    uint32_t tests = 0, rights = 0;
  };
  const bool by_node = forest_.values_per_node() > 1;
  paths_.resize(num_trees());
  by_node ? ends_.resize(num_trees() * kWays) : (values_.resize(num_trees() * kWays), void());
  for (size_t t = 0; t < num_trees(); ++t) {
    const std::span<const TreeNode> tree = forest_.tree(int64_t(t));
    const uint32_t root = forest_.tree_start[t];
    std::fill_n(paths_[t].tests, kWays, kNoTest), std::fill_n(paths_[t].rights, kWays, kNoTest);
    std::vector<Path> paths(tree.size());
    std::vector<bool> reached(tree.size());
    reached[0] = true;
    size_t tests = 0, leaves = 0;
    for (uint32_t at = 0; at < tree.size(); ++at) {
      if (!reached[at]) continue;
      const Path path = paths[at];
      if (heights[root + at] == 0) {
        paths_[t].tests[leaves] = path.tests, paths_[t].rights[leaves] = path.rights;
        by_node ? void(ends_[t * kWays + leaves] = root + at) : void(values_[t * kWays + leaves] = forest_.values[root + at]);
        ++leaves;
        continue;
      }
      const TreeNode& node = tree[at];
      const uint32_t bit = 1u << tests, left = node.child();
      tops_[t].slots[tests] = uint8_t(slot(node)), tops_[t].ncuts[tests] = uint8_t(255u - node.cut);
      if (node.missing_left()) lefts_of_tops_[t] |= bit;
      paths[left] = {path.tests | bit, path.rights}, paths[left + 1] = {path.tests | bit, path.rights | bit};
      reached[left] = reached[left + 1] = true;
      ++tests;
    }
  }
}

void BlockTrees::set_nodes(const std::vector<uint32_t>& heights) {
  nodes_.resize(heights.size() - 1);
  for (size_t t = 0; t < num_trees(); ++t)
    for (uint32_t root = forest_.tree_start[t], at = root; at < forest_.tree_start[t + 1]; ++at) {
      const TreeNode& node = forest_.nodes[at];
      const uint8_t shift = node.missing_left();
      if (heights[at] > 0)
        nodes_[at] = {root + node.child(), uint8_t(slot(node)), uint8_t(255 - node.cut - shift), shift};
      else
        nodes_[at] = {at, 0, 0};
    }
}

void BlockTrees::set_cuts() {
  tested_.resize(num_slots_), cut_start_.resize(num_slots_);
  for (size_t feature = 0; feature < slot_of_.size() / 2; ++feature) {
    const uint32_t slot = slot_of_[2 * feature];
    if (slot == kNone) continue;
    tested_[slot] = uint32_t(feature), cut_start_[slot] = uint32_t(cuts_.size());
    const std::span<const float> own = forest_.cuts.of(int64_t(feature));
    const size_t sixteens = own.size() / kSixteen + 1;
    const size_t first = cuts_.size();
    cuts_.resize(first + kSixteen * (1 + sixteens), std::numeric_limits<float>::infinity());
    for (size_t line = 0; line + 1 < sixteens; ++line) cuts_[first + line] = own[kSixteen * line + kSixteen - 1];
    std::copy(own.begin(), own.end(), cuts_.begin() + ptrdiff_t(first + kSixteen));
  }
}

kernels::BlockedTrees BlockTrees::trees() const {
  return {.tops = tops_.data(),
          .below = below_.empty() ? nullptr : below_.data(),
          .paths = paths_.empty() ? nullptr : paths_.data(),
          .lefts_of_tops = lefts_of_tops_.data(),
          .lefts_below = lefts_below_.data(),
          .ends = ends_.empty() ? nullptr : ends_.data(),
          .steps = steps_.empty() ? nullptr : steps_.data(),
          .nodes = nodes_.data(),
          .lines = lines_};
}

void BlockTrees::add(const uint8_t* units, size_t num_units, size_t stride, double* scores) const {
  const kernels::TestBlockKernels& kernels = kernels::test_block_kernels();
  const kernels::BlockedTrees all = trees();
  const size_t row_bytes = size_t(lines_ * kernels::kLineBytes), together = kCachedBytes / (kUnit * row_bytes),
               width = size_t(forest_.values_per_node());
  const double* const values = this->values();
  std::vector<uint8_t> rows(std::min(together, num_units) * kUnit * row_bytes);
  for (size_t first = 0; first < num_units; first += together) {
    const size_t count = std::min(together, num_units - first);
    bool missing = false;
    for (size_t u = 0; u < count; ++u)
      missing |= kernels.turn_unit(units + (first + u) * unit_bytes(), int64_t(num_slots_), int64_t(row_bytes), rows.data() + u * kUnit * row_bytes);
    for (size_t t = 0; t < num_trees(); ++t)
      for (size_t u = 0; u < count; ++u) {
        uint32_t at[kUnit];
        kernels.leaves_of_rows(all, int64_t(t), rows.data() + u * kUnit * row_bytes, kernels::kUnitRows, missing, at);
        double* const own = scores + (first + u) * kUnit * stride + score_of_tree(forest_, t);
        if (width == 1)
          for (size_t i = 0; i < kUnit; ++i) own[i * stride] += values[at[i]];
        else
          for (size_t i = 0; i < kUnit; ++i)
            for (size_t k = 0; k < width; ++k) own[i * stride + k] += values[at[i] * width + k];
      }
  }
}

void BlockTrees::predict_row(const float* values, int64_t stride, std::span<double> out) const {
  alignas(64) std::array<uint8_t, kernels::kMostLineSlots> row;
  const kernels::TestBlockKernels& kernels = kernels::test_block_kernels();
  const bool missing = kernels.code_row(cuts_.data(), cut_start_.data(), tested_.data(), int64_t(num_slots_), values, stride, row.data());
  begin_rows(forest_, out);
  double* const scores = out.data() + score_place(forest_);
  const double* const leaf_values = this->values();
  constexpr size_t kAtOnce = 32;
  uint32_t at[kAtOnce];
  const kernels::BlockedTrees all = trees();
  for (size_t first = 0; first < num_trees(); first += kAtOnce) {
    const size_t count = std::min(kAtOnce, num_trees() - first);
    kernels.leaves_of_row(all, int64_t(first), int64_t(count), row.data(), missing, at);
    add_values(forest_, first, {at, count}, leaf_values, scores);
  }
  finish_rows(forest_, num_trees(), out);
}

}  // namespace hayate
