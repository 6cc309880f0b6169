// A tree grows by splitting one leaf after the other: the one whose split saves most (leafwise), or level by level
// (depthwise). Of two children the smaller one's histogram is summed up from its rows, tile by tile, and taken from the
// parent's, which becomes the larger one's, in the same pass that looks for the best splits of both.
//
// Rows of a node are a range of one list; a split partitions the range and keeps the order on both sides. Everything that
// decides is a whole number or computed from whole numbers, so the tree does not depend on who summed up what, when.
//
// Histograms are kept for leaves that may still be split. When they would take more than kMostBytes, leaves go without and
// their children are summed up from their rows.
#include "learn/boost_tree.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <optional>

namespace hayate::learn {
namespace {

using kernels::BoostFeature;
using kernels::BoostNode;
using kernels::BoostSplit;
using kernels::BoostSums;

constexpr size_t kMostBytes = size_t{1} << 29;
constexpr int64_t kWorthSharing = 20'000;  ///< updates of a histogram, about 6 us, below which calling others costs more than they give

/// A split as measured from the sums of its sides.
struct Candidate {
  double gain = 0;  ///< 0: none
  int32_t feature = 0;
  uint8_t cut = 0;
  bool missing_left = false;
  BoostSums left;
};

struct Node {
  int64_t begin = 0, end = 0;
  int64_t depth = 0;
  BoostSums sums;
  int32_t histogram = -1;  ///< its place in the pool; -1: none
  Candidate best;
  uint32_t left = 0;  ///< its left child's number, the right one follows; 0: a leaf
  bool missing_left = false;
  uint8_t cut = 0;

  int64_t rows() const { return end - begin; }
};

BoostSums sums_of(uint64_t word, const kernels::BoostPacking& packing) {
  const int64_t g = int64_t(word) >> (64 - packing.sum_bits);
  const int64_t count = int64_t(word & ((uint64_t{1} << packing.count_bits) - 1));
  if (packing.counted()) return {g, count, count};
  const uint64_t h_mask = (uint64_t{1} << (64 - packing.sum_bits - packing.count_bits)) - 1;
  return {g, int64_t(word >> packing.count_bits & h_mask), count};
}

BoostSums wide_sums_of(uint64_t first, uint64_t second, const kernels::BoostPacking& packing) {
  const int64_t count = int64_t(second & ((uint64_t{1} << packing.wide_count_bits) - 1));
  return {int64_t(first), packing.counted() ? count : int64_t(second >> packing.wide_count_bits), count};
}

BoostSums operator+(const BoostSums& a, const BoostSums& b) { return {a.g + b.g, a.h + b.h, a.count + b.count}; }

uint32_t bits_of(int64_t x) { return uint32_t(std::bit_width(uint64_t(x))); }

}  // namespace

struct TreeGrower::State {
  const BoostTable& table;
  const TreeLimits limits;
  exec::Crew& crew;
  const kernels::BoostKernels& kernels = kernels::boost_kernels();

  // Of the tree in hand.
  const TileSet* tiles = nullptr;
  const Records* records = nullptr;
  std::vector<uint32_t>* rows = nullptr;
  std::vector<Node> nodes;
  std::vector<uint32_t> open;  ///< leaves that may be split, as a heap
  int64_t num_leaves = 0;

  // Kept from tree to tree.
  std::vector<AlignedBytes> pool;
  std::vector<int32_t> unused;
  size_t pool_bytes = 0;
  std::vector<uint32_t> spare;
  std::vector<AlignedBytes> narrow;  ///< per worker: histogram of one tile in records
  AlignedBytes alone;                ///< histograms of a child whose brother is not looked at

  State(const BoostTable& t, const TreeLimits& l, exec::Crew& c) : table(t), limits(l), crew(c), spare(size_t(t.num_rows()) + 16) {}

  // ---- histograms

  int planes() const { return records->packing.wide ? 2 : 1; }
  size_t histogram_bytes() const { return size_t(tiles->words) * size_t(planes()) * sizeof(uint64_t); }
  uint64_t* words(int32_t histogram) { return reinterpret_cast<uint64_t*>(pool[size_t(histogram)].data()); }
  /// Where a tile's words begin in a histogram.
  uint64_t* part(uint64_t* histogram, const Tile& tile) const { return histogram + tile.offset * planes(); }

  int32_t take_histogram() {
    if (unused.empty()) {
      if (pool.size() >= 2 && (pool.size() + 1) * pool_bytes > kMostBytes) return -1;
      pool.emplace_back(pool_bytes);
      return int32_t(pool.size()) - 1;
    }
    const int32_t last = unused.back();
    unused.pop_back();
    return last;
  }
  void give_back(Node& node) {
    if (node.histogram >= 0) unused.push_back(node.histogram);
    node.histogram = -1;
  }

  void prepare_memory() {
    if (pool_bytes != histogram_bytes()) pool.clear(), pool_bytes = histogram_bytes();
    unused.resize(pool.size());
    std::iota(unused.rbegin(), unused.rend(), 0);
    if (records->packing.wide && narrow.empty())
      for (int w = 0; w < crew.workers(); ++w) narrow.emplace_back(size_t(kernels::kTileWidth) * 256 * sizeof(uint64_t));
  }

  /// The histogram of a tile over rows[begin .. end); `out` is overwritten. A root of all rows reads them as they lie.
  void sum_up(const Tile& tile, int64_t begin, int64_t end, uint64_t* out, int worker) {
    const bool all = end - begin == table.num_rows();
    const auto add = [&](int64_t first, int64_t last, uint64_t* to) {
      if (!all) return kernels.accumulate(tile.codes, rows->data() + first, last - first, records->words.data(), to);
      kernels::BoostTile from = tile.codes;
      from.places += first * from.row_bytes;
      kernels.accumulate(from, nullptr, last - first, records->words.data() + first, to);
    };
    std::memset(out, 0, size_t(tile.words() * planes()) * sizeof(uint64_t));
    if (!records->packing.wide) return add(begin, end, out);
    uint64_t* block = reinterpret_cast<uint64_t*>(narrow[size_t(worker)].data());
    for (int64_t first = begin; first < end; first += records->block_rows) {
      std::memset(block, 0, size_t(tile.words()) * sizeof(uint64_t));
      add(first, std::min(end, first + records->block_rows), block);
      kernels.widen(block, tile.words(), records->packing, out);
    }
  }

  // ---- the best split

  BoostNode search_node(const Node& node) const {
    BoostNode out;
    out.sums = node.sums;
    out.min_count = limits.min_samples_leaf;
    if (records->packing.wide) {
      const auto shift = [&](uint32_t bits) { return uint32_t(std::max(0, int(bits_of(node.rows()) + bits) - 31)); };
      out.g_shift = shift(records->g_bits), out.h_shift = shift(records->h_bits);
    }
    const double unit = records->h_unit * double(int64_t{1} << out.h_shift);
    out.lambda = float(limits.lambda_l2 / unit);
    out.min_weight = float(std::max(1.0, limits.min_child_weight / unit));
    return out;
  }

  /// Loss that a split saves, from the sums of its sides; see kernels/boosting.h for why in this form.
  double gain_of(const BoostSums& all, const BoostSums& left) const {
    const double lambda = limits.lambda_l2 / records->h_unit;
    const double whole = double(all.h) + 2 * lambda, a = double(left.h) + lambda, b = double(all.h - left.h) + lambda;
    const double d = double(left.g) * whole - double(all.g) * a, g = double(all.g);
    const double saved = d / a * (d / b) / whole - g * g * lambda / (whole * (double(all.h) + lambda));
    return 0.5 * saved * (records->g_unit * records->g_unit / records->h_unit);
  }

  BoostSums sums_at(const Tile& tile, const uint64_t* bins, int place) const {
    const kernels::BoostPacking& packing = records->packing;
    return packing.wide ? wide_sums_of(bins[place], bins[tile.words() + place], packing) : sums_of(bins[place], packing);
  }

  /// What the kernel found, measured from the sums; the cut moves to the middle of the bins that are empty in this node.
  Candidate measure(const Tile& tile, const uint64_t* histogram, const Node& node, const BoostSplit& split) const {
    const size_t f =
        size_t(std::find_if(tile.features.begin(), tile.features.end(), [&](const BoostFeature& x) { return x.number == split.feature; }) -
               tile.features.begin());
    const uint64_t* bins = histogram + int64_t(f) * tile.codes.slots;
    const auto up_to = [&](int code) { return sums_at(tile, bins, kernels::boost_place(uint8_t(code))); };
    const BoostSums present = up_to(split.cut);
    Candidate out{0, split.feature, split.cut, split.missing_left, present};
    BoostSums missing;
    if (tile.features[f].has_missing) missing = sums_at(tile, bins, kernels::missing_place(tile.codes.slots));
    if (split.missing_left) out.left = present + missing;
    out.gain = gain_of(node.sums, out.left);
    const int last = tile.features[f].last_code;
    int next = split.cut + 1;
    while (next <= last && up_to(next).count == present.count) ++next;
    if (next <= last) out.cut = uint8_t(split.cut + (next - 1 - split.cut) / 2);
    if (missing.count == 0) out.missing_left = 2 * out.left.count >= node.sums.count;
    return out;
  }

  /// The better one of two; ties as in kernels/boosting.h.
  static bool is_better(const BoostSplit& a, const BoostSplit& b) {
    if (!a.found) return false;
    const double mine = double(a.above) * double(b.below), other = double(b.above) * double(a.below);
    return mine > other || (mine == other && a.rank() < b.rank());
  }

  bool may_split(const Node& node) const {
    return node.rows() >= 2 * limits.min_samples_leaf && node.rows() >= 2 && (limits.max_depth == 0 || node.depth < limits.max_depth);
  }

  struct Found {
    BoostSplit small, large;
    Candidate small_best, large_best;
  };

  /// One tile: histogram of the smaller child (or of a root), of the larger one, best splits. Null: not looked at.
  Found search_tile(const Tile& tile, const Node* small, uint64_t* small_words, const Node* large, uint64_t* large_words, const BoostNode* small_node,
                    const BoostNode* large_node, int worker) {
    Found found;
    uint64_t* of_small = part(small_words, tile);
    uint64_t* of_large = large_words ? part(large_words, tile) : nullptr;
    sum_up(tile, small->begin, small->end, of_small, worker);
    kernels.search(tile.features.data(), int32_t(tile.features.size()), tile.codes.slots, tile.words(), records->packing, of_small, of_large,
                   small_node, large_node, &found.small, &found.large);
    if (found.small.found) found.small_best = measure(tile, of_small, *small, found.small);
    if (found.large.found) found.large_best = measure(tile, of_large, *large, found.large);
    return found;
  }

  /// Finds the best splits of two children from the parent's histogram (`large_words`, which becomes that of `large`), or of one
  /// node by itself when `large` is null.
  void search(Node* small, uint64_t* small_words, Node* large, uint64_t* large_words) {
    const bool small_may = may_split(*small), large_may = large && may_split(*large);
    const BoostNode small_node = search_node(*small), large_node = large ? search_node(*large) : BoostNode();
    std::vector<Found> found(tiles->tiles.size());
    const auto one = [&](int64_t t, int worker) {
      found[size_t(t)] = search_tile(tiles->tiles[size_t(t)], small, small_words, large, large_words, small_may ? &small_node : nullptr,
                                     large_may ? &large_node : nullptr, worker);
    };
    if ((small->rows() + 64) * tiles->words / 64 < kWorthSharing)
      for (size_t t = 0; t < found.size(); ++t) one(int64_t(t), 0);
    else
      crew.run(int64_t(found.size()), one);
    Found best;
    for (const Found& here : found) {
      if (is_better(here.small, best.small)) best.small = here.small, small->best = here.small_best;
      if (large && is_better(here.large, best.large)) best.large = here.large, large->best = here.large_best;
    }
  }

  // ---- growing

  bool comes_later(uint32_t a, uint32_t b) const {
    const Node &x = nodes[a], &y = nodes[b];
    if (limits.depthwise && x.depth != y.depth) return x.depth > y.depth;
    return x.best.gain != y.best.gain ? x.best.gain < y.best.gain : a > b;
  }

  /// Puts a leaf that was searched among those that may be split, or lets go of its histogram.
  void file(uint32_t number) {
    Node& node = nodes[number];
    if (node.best.gain <= limits.min_gain || node.best.gain <= 0) return give_back(node);
    open.push_back(number);
    std::push_heap(open.begin(), open.end(), [this](uint32_t a, uint32_t b) { return comes_later(a, b); });
  }

  uint32_t next_leaf() {
    std::pop_heap(open.begin(), open.end(), [this](uint32_t a, uint32_t b) { return comes_later(a, b); });
    const uint32_t number = open.back();
    open.pop_back();
    return number;
  }

  BoostSums total() const {
    BoostSums sums;
    const int64_t block = records->packing.wide ? records->block_rows : int64_t(rows->size());
    for (size_t first = 0; first < rows->size(); first += size_t(block)) {
      uint64_t word = 0;
      const size_t last = std::min(rows->size(), first + size_t(block));
      for (size_t i = first; i < last; ++i) word += records->words[(*rows)[i]];
      sums = sums + sums_of(word, records->packing);
    }
    return sums;
  }

  void plant() {
    nodes.clear(), open.clear();
    Node root;
    root.end = int64_t(rows->size());
    root.sums = total();
    nodes.push_back(root);
    num_leaves = 1;
    if (tiles->tiles.empty() || !may_split(nodes[0]) || limits.num_leaves == 1) return;
    nodes[0].histogram = take_histogram();
    search(&nodes[0], words(nodes[0].histogram), nullptr, nullptr);
    file(0);
  }

  void search_children(uint32_t parent, uint32_t left) {
    Node &a = nodes[left], &b = nodes[left + 1];
    Node &small = a.rows() <= b.rows() ? a : b, &large = a.rows() <= b.rows() ? b : a;
    const int32_t of_parent = nodes[parent].histogram;
    nodes[parent].histogram = -1;
    if (!may_split(large) && !may_split(small)) {
      if (of_parent >= 0) unused.push_back(of_parent);
      return;
    }
    small.histogram = take_histogram();
    uint64_t* small_words = small.histogram >= 0 ? words(small.histogram) : spare_words();
    if (of_parent >= 0) {
      large.histogram = of_parent;
      search(&small, small_words, &large, words(of_parent));
    } else {
      search(&small, small_words, nullptr, nullptr);
      large.histogram = take_histogram();
      search(&large, large.histogram >= 0 ? words(large.histogram) : spare_words(), nullptr, nullptr);
    }
    file(left), file(left + 1);
  }

  uint64_t* spare_words() {
    if (alone.size() < pool_bytes) alone = AlignedBytes(pool_bytes);
    return reinterpret_cast<uint64_t*>(alone.data());
  }

  void split(uint32_t number) {
    const uint32_t left = uint32_t(nodes.size());
    const Candidate best = nodes[number].best;
    const int64_t begin = nodes[number].begin;
    const int64_t count =
        kernels.divide(table.column(best.feature), best.cut, best.missing_left, nodes[number].rows(), rows->data() + begin, spare.data());
    assert(count > 0 && count < nodes[number].rows());
    Node a, b;
    a.begin = begin, a.end = b.begin = begin + count, b.end = nodes[number].end;
    a.depth = b.depth = nodes[number].depth + 1;
    a.sums = best.left, b.sums = nodes[number].sums - best.left;
    nodes[number].left = left;
    nodes.push_back(a), nodes.push_back(b);
    ++num_leaves;
    if (num_leaves != limits.num_leaves) search_children(number, left);
  }

  /// Nodes in the order of their depth, children side by side.
  void finish(GrownTree& tree) const {
    tree.nodes.clear(), tree.gains.clear(), tree.leaves.clear();
    std::vector<uint32_t> order = {0};
    for (size_t i = 0; i < order.size(); ++i) {
      const Node& node = nodes[order[i]];
      if (node.left == 0) {
        tree.nodes.push_back({uint32_t(i) << 1, 0, TreeNode::kLeafCut});
        tree.gains.push_back(0);
        tree.leaves.push_back({uint32_t(i), node.begin, node.end});
        continue;
      }
      tree.nodes.push_back({uint32_t(order.size()) << 1 | uint32_t(node.best.missing_left), uint16_t(node.best.feature), node.best.cut});
      tree.gains.push_back(node.best.gain);
      order.push_back(node.left), order.push_back(node.left + 1);
    }
  }
};

TreeGrower::TreeGrower(const BoostTable& table, const TreeLimits& limits, exec::Crew& crew) : state_(std::make_unique<State>(table, limits, crew)) {}
TreeGrower::~TreeGrower() = default;

void TreeGrower::grow(const TileSet& tiles, const Records& records, GrownTree& tree) {
  State& s = *state_;
  s.tiles = &tiles, s.records = &records, s.rows = &tree.rows;
  s.prepare_memory();
  s.plant();
  while (!s.open.empty() && (s.limits.num_leaves == 0 || s.num_leaves < s.limits.num_leaves)) s.split(s.next_leaf());
  s.finish(tree);
}

}  // namespace hayate::learn
