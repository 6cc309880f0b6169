#include "tune/reads.h"

#include <algorithm>
#include <cassert>
#include <limits>

#include "learn/sample.h"

namespace hayate::tune {
namespace {

constexpr size_t kLanes = 16;
constexpr int64_t kNoEnd = std::numeric_limits<int64_t>::max();

/// A cut with its ends spelt out: trees [0, trees), and the place of its depth among all depths asked for.
struct Read {
  int64_t trees;
  size_t depth;
};

/// The depths asked for, ascending, and what each cut reads.
struct Reads {
  std::vector<int64_t> depths;
  std::vector<Read> of;
};

Reads reads_of(const Forest& forest, std::span<const ForestCut> cuts) {
  const int64_t per_round = forest.joined == Joined::sum ? forest.num_scores() : 1;
  const auto depth_of = [&](const ForestCut& cut) { return cut.max_depth > 0 && forest.joined == Joined::mean ? cut.max_depth : kNoEnd; };
  Reads out;
  for (const ForestCut& cut : cuts) out.depths.push_back(depth_of(cut));
  std::sort(out.depths.begin(), out.depths.end());
  out.depths.erase(std::unique(out.depths.begin(), out.depths.end()), out.depths.end());
  for (const ForestCut& cut : cuts)
    out.of.push_back({cut.num_trees > 0 ? std::min(cut.num_trees * per_round, forest.num_trees()) : forest.num_trees(),
                      size_t(std::lower_bound(out.depths.begin(), out.depths.end(), depth_of(cut)) - out.depths.begin())});
  return out;
}

/// One block of rows on its way through the forest.
class Block {
 public:
  Block(const Forest& forest, const Reads& reads, std::span<const int32_t> rows)
      : forest_(forest),
        reads_(reads),
        rows_(rows),
        width_(size_t(forest.values_per_node())),
        scores_(size_t(forest.joined == Joined::sum ? forest.num_scores() : forest.values_per_node())),
        by_value_(!forest.thresholds.empty() || !forest.categorical.empty()),
        codes_(size_t(forest.num_features()) * rows.size()),
        sums_(reads.depths.size() * rows.size() * scores_, 0.0),
        trees_(rows.size(), 0),
        lanes_(rows.size()) {
    if (forest.joined == Joined::sum)
      for (size_t i = 0; i < sums_.size(); ++i) sums_[i] = forest.start[i % scores_];
  }

  void code(const FloatColumns& values) {
    if (by_value_) {
      values_.resize(codes_.size());
      for (int64_t f = 0; f < values.num_features; ++f)
        for (size_t i = 0; i < rows_.size(); ++i) values_[size_t(f) * rows_.size() + i] = values.column(f)[rows_[i]];
      return;
    }
    const auto features = size_t(values.num_features);
    std::vector<float> own(rows_.size());
    std::vector<uint8_t> column(rows_.size());
    for (size_t f = 0; f < features; ++f) {
      for (size_t i = 0; i < rows_.size(); ++i) own[i] = values.column(int64_t(f))[rows_[i]];
      code_values(forest_.cuts.of(int64_t(f)), own, column.data());
      for (size_t i = 0; i < rows_.size(); ++i) codes_[i * features + f] = column[i];
    }
  }

  void add_tree(int64_t t, const Draws* draws) {
    size_t answering = 0;
    for (size_t i = 0; i < rows_.size(); ++i) {
      const bool answers = !draws || !draws->drew(t, rows_[i]);
      lanes_[answering] = uint32_t(i);
      answering += answers, trees_[i] += answers;
    }
    for (size_t first = 0; first < answering; first += kLanes) {
      const std::span<const uint32_t> rows = std::span(lanes_).subspan(first, std::min(kLanes, answering - first));
      by_value_ ? walk<true>(t, rows) : walk<false>(t, rows);
    }
  }

  /// What has been added up to now, read at a depth.
  void answer(size_t depth, double* out) const {
    const size_t outputs = size_t(forest_.num_outputs());
    for (size_t i = 0; i < rows_.size(); ++i, out += outputs) {
      const std::span<const double> sums(sums_.data() + (depth * rows_.size() + i) * scores_, scores_);
      if (forest_.joined == Joined::sum) {
        apply_link(forest_.link, sums, {out, outputs});
      } else if (outputs == 2) {
        out[1] = sums[0] / double(trees_[i]), out[0] = 1.0 - out[1];
      } else {
        for (size_t k = 0; k < outputs; ++k) out[k] = sums[k] / double(trees_[i]);
      }
    }
  }

 private:
  /// Where a row goes next in a tree of thresholds or categories.
  uint32_t step_by_value(int64_t t, std::span<const TreeNode> tree, uint32_t at, uint32_t place) const {
    const TreeNode& node = tree[at];
    if (node.is_leaf()) return at;
    return node.child() + (forest_.goes_left(t, at, values_[size_t(node.feature) * rows_.size() + place]) ? 0 : 1);
  }

  /// A missing code goes where the node says; see model/predict.cc.
  static uint32_t step(const TreeNode& node, uint8_t code) {
    const uint32_t missing_left = node.link & 1;
    return node.child() + (uint8_t(code + missing_left) > node.cut + missing_left ? 1 : 0);
  }

  /// Up to sixteen rows down one tree, stopping at each depth to add what stands there. Lanes past the last row repeat it: loops of
  /// a fixed length keep sixteen independent chains of loads in flight.
  template <bool kByValue>
  void walk(int64_t t, std::span<const uint32_t> rows) {
    const std::span<const TreeNode> tree = forest_.tree(t);
    const TreeNode* const nodes = tree.data();
    uint32_t at[kLanes] = {}, place[kLanes];
    const uint8_t* codes[kLanes];
    for (size_t lane = 0; lane < kLanes; ++lane) {
      place[lane] = rows[std::min(lane, rows.size() - 1)];
      codes[lane] = codes_.data() + place[lane] * size_t(forest_.num_features());
    }
    int64_t taken = 0;
    bool arrived = false;
    for (size_t d = 0; d < reads_.depths.size(); ++d) {
      for (; taken < reads_.depths[d] && !arrived; ++taken) {
        uint32_t moved = 0;
        for (size_t lane = 0; lane < kLanes; ++lane) {
          const TreeNode node = nodes[at[lane]];
          const uint32_t next = kByValue ? step_by_value(t, tree, at[lane], place[lane]) : step(node, codes[lane][node.feature]);
          moved |= next ^ at[lane];
          at[lane] = next;
        }
        arrived = moved == 0;
      }
      add_values(t, d, {at, rows.size()}, place);
    }
  }

  /// What stands at the nodes that rows have reached, to their sums at a depth.
  void add_values(int64_t t, size_t depth, std::span<const uint32_t> at, const uint32_t* place) {
    const double* const values = forest_.values.data() + size_t(forest_.tree_start[size_t(t)]) * width_;
    double* const sums = sums_.data() + depth * rows_.size() * scores_ + (forest_.joined == Joined::sum ? size_t(t) % scores_ : 0);
    if (width_ == 1) {
      for (size_t lane = 0; lane < at.size(); ++lane) sums[place[lane] * scores_] += values[at[lane]];
      return;
    }
    for (size_t lane = 0; lane < at.size(); ++lane)
      for (size_t k = 0; k < width_; ++k) sums[place[lane] * scores_ + k] += values[at[lane] * width_ + k];
  }

  const Forest& forest_;
  const Reads& reads_;
  std::span<const int32_t> rows_;
  size_t width_, scores_;
  bool by_value_;                ///< nodes have thresholds of their own, or test categories
  std::vector<uint8_t> codes_;   ///< row by row
  std::vector<float> values_;    ///< column by column, by_value_ alone
  std::vector<double> sums_;     ///< by depth, row, score
  std::vector<int64_t> trees_;   ///< that answered, per row
  std::vector<uint32_t> lanes_;  ///< rows that the tree in hand answers for
};

/// Rows that go through the forest together. Every block reads all nodes, so blocks are as large as their codes and sums stay in a
/// cache of the second level (10,000 rows, 200 trees of depth 15: 105 ms with 256 rows, 75 ms with 1,250); eight or more of them
/// share out well.
size_t block_rows(const Forest& forest, const Reads& reads, size_t num_rows) {
  constexpr size_t kCache = size_t{1} << 18, kLeast = 256, kMost = 4096;
  const size_t row_bytes = size_t(forest.num_features()) + reads.depths.size() * size_t(forest.num_scores()) * sizeof(double) + 16;
  return std::max(kLeast, std::min({kCache / row_bytes, kMost, num_rows / 8}));
}

}  // namespace

Draws::Draws(std::span<const int32_t> rows, int64_t num_rows, const ForestParams& params, uint64_t seed, uint64_t entity, int64_t num_trees,
             exec::Pool* pool, const exec::Cancellation& cancel)
    : words_(size_t(num_rows + 63) / 64), num_trees_(num_trees), bits_(words_ * size_t(num_trees), 0) {
  exec::run_all(num_trees, pool, [&](int64_t tree) {
    if (cancel.stopped()) return;
    learn::Sample sample;
    learn::draw_sample(rows, {}, params, seed, entity, uint64_t(tree), sample);
    for (const int32_t row : sample.rows) bits_[size_t(tree) * words_ + size_t(row >> 6)] |= uint64_t{1} << (row & 63);
  });
}

std::vector<std::vector<double>> read_cuts(const Forest& forest, const FloatColumns& values, std::span<const int32_t> rows,
                                           std::span<const ForestCut> cuts, const Draws* draws, exec::Pool* pool, const exec::Cancellation& cancel) {
  const size_t outputs = size_t(forest.num_outputs());
  const Reads reads = reads_of(forest, cuts);
  std::vector<std::vector<double>> out(cuts.size(), std::vector<double>(rows.size() * outputs));
  const size_t together = block_rows(forest, reads, rows.size());
  exec::run_all(int64_t((rows.size() + together - 1) / together), pool, [&](int64_t index) {
    const size_t first = size_t(index) * together;
    Block block(forest, reads, rows.subspan(first, std::min(together, rows.size() - first)));
    block.code(values);
    int64_t most = 0;
    for (const Read& read : reads.of) most = std::max(most, read.trees);
    for (int64_t t = 0; t < most && !cancel.stopped(); ++t) {
      block.add_tree(t, draws);
      for (size_t c = 0; c < cuts.size(); ++c)
        if (reads.of[c].trees == t + 1) block.answer(reads.of[c].depth, out[c].data() + first * outputs);
    }
  });
  return out;
}

}  // namespace hayate::tune
