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
constexpr int64_t kPieceRows = 32'768;     ///< rows that one worker divides at a time
constexpr int64_t kWorthSharing = 20'000;  ///< updates of a histogram, about 6 us, below which calling others costs more than they give

/// A split as measured from the sums of its sides.
struct Candidate {
  double gain = 0;  ///< 0: none
  int32_t feature = 0;
  uint8_t cut = 0;
  bool missing_left = false;
  BoostSums left;
  double left_value = 0, right_value = 0;  ///< where leaf values have bounds
  CategorySet categories;                  ///< of a categorical feature: those that go left
};

struct Node {
  int64_t begin = 0, end = 0;
  int64_t depth = 0;
  BoostSums sums;
  int32_t histogram = -1;  ///< its place in the pool; -1: none
  Candidate best;
  uint32_t left = 0;             ///< its left child's number, the right one follows; 0: a leaf
  std::vector<uint32_t> groups;  ///< of TreeLimits::interactions: those that hold all features tested on the way here
  double low = -std::numeric_limits<double>::infinity(), high = std::numeric_limits<double>::infinity();  ///< bounds of values below

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

uint32_t bits_of(int64_t x) { return uint32_t(std::bit_width(uint64_t(x))); }

}  // namespace

double leaf_step(double g, double h, double lambda_l1, double lambda_l2) {
  const double shrunk = std::max(0.0, std::fabs(g) - lambda_l1);
  return shrunk == 0 || h + lambda_l2 <= 0 ? 0 : -std::copysign(shrunk, g) / (h + lambda_l2);
}

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
  std::vector<uint8_t> codes_by_row;  ///< of the feature in hand, when columns were handed over
  std::vector<AlignedBytes> narrow;   ///< per worker: histogram of one tile in records
  std::vector<AlignedBytes> pieces;   ///< wide histograms of parts of a node's rows
  AlignedBytes alone;                 ///< histograms of a child whose brother is not looked at

  State(const BoostTable& t, const TreeLimits& l, exec::Crew& c)
      : table(t), limits(l), crew(c), spare(size_t(t.num_rows() + 16 * (t.num_rows() / kPieceRows + 2))) {}

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
    if (pool_bytes != histogram_bytes()) pool.clear(), pieces.clear(), pool_bytes = histogram_bytes();
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

  BoostSums missing_of(const Tile& tile, size_t f, const uint64_t* bins) const {
    return tile.features[f].has_missing ? sums_at(tile, bins, kernels::missing_place(tile.codes.slots)) : BoostSums();
  }

  /// The cut in the middle of the bins that are empty in this node; where missing values go, the larger child where it has none.
  void settle(const Tile& tile, size_t f, const uint64_t* bins, int cut, bool missing_left, const Node& node, Candidate& out) const {
    const auto count_up_to = [&](int code) { return sums_at(tile, bins, kernels::boost_place(uint8_t(code))).count; };
    const int last = tile.features[f].last_code;
    int next = cut + 1;
    while (next <= last && count_up_to(next) == count_up_to(cut)) ++next;
    out.cut = uint8_t(next <= last ? cut + (next - 1 - cut) / 2 : cut);
    out.missing_left = missing_of(tile, f, bins).count > 0 ? missing_left : 2 * out.left.count >= node.sums.count;
  }

  /// What the kernel found, measured from the sums.
  Candidate measure(const Tile& tile, const uint64_t* histogram, const Node& node, const BoostSplit& split) const {
    const size_t f =
        size_t(std::find_if(tile.features.begin(), tile.features.end(), [&](const BoostFeature& x) { return x.number == split.feature; }) -
               tile.features.begin());
    const uint64_t* bins = histogram + int64_t(f) * tile.codes.slots;
    Candidate out;
    out.feature = split.feature;
    out.left = sums_at(tile, bins, kernels::boost_place(split.cut));
    if (split.missing_left) out.left = out.left + missing_of(tile, f, bins);
    out.gain = gain_of(node.sums, out.left);
    settle(tile, f, bins, split.cut, split.missing_left, node, out);
    return out;
  }

  // ---- the best split where the fast search does not know the rules: bounds on leaf values, absolute penalties

  static constexpr double kCategorySmoothing = 10, kCategoryPenalty = 10;
  static constexpr int64_t kCategoryRows = 10;
  /// Above this lambda nothing of h would be left in the float32 of the fast search.
  static constexpr double kMostLambda = 0x1p31;
  bool is_plain() const {
    return !table.has_categories() && limits.lambda_l1 == 0 && limits.monotone.empty() && limits.lambda_l2 / records->h_unit < kMostLambda;
  }

  double value_of(const BoostSums& sums, const Node& node) const {
    return std::clamp(leaf_step(double(sums.g) * records->g_unit, double(sums.h) * records->h_unit, limits.lambda_l1, limits.lambda_l2), node.low,
                      node.high);
  }
  /// Loss that a leaf of value w saves.
  double saved(const BoostSums& sums, double w) const {
    const double g = double(sums.g) * records->g_unit, h = double(sums.h) * records->h_unit;
    return -(g * w + 0.5 * (h + limits.lambda_l2) * w * w + limits.lambda_l1 * std::fabs(w));
  }
  /// The same of a side of a split on categories, which pays for having chosen among so many splits.
  double saved_by_categories(const BoostSums& sums) const {
    const double g = double(sums.g) * records->g_unit, h = double(sums.h) * records->h_unit, lambda = limits.lambda_l2 + kCategoryPenalty;
    const double w = leaf_step(g, h, limits.lambda_l1, lambda);
    return -(g * w + 0.5 * (h + lambda) * w * w + limits.lambda_l1 * std::fabs(w));
  }

  bool is_allowed(const BoostSums& side) const {
    return side.count >= limits.min_samples_leaf && side.h >= 1 && double(side.h) * records->h_unit >= limits.min_child_weight;
  }

  Candidate weigh(const Node& node, int32_t feature, const BoostSums& left) const {
    const BoostSums right = node.sums - left;
    Candidate out;
    if (!is_allowed(left) || !is_allowed(right)) return out;
    out.left = left, out.feature = feature;
    out.left_value = value_of(left, node), out.right_value = value_of(right, node);
    const int direction = limits.monotone.empty() ? 0 : limits.monotone[size_t(feature)];
    if (direction * (out.right_value - out.left_value) < 0) return out;
    const double both = table.is_categorical(feature) ? saved_by_categories(left) + saved_by_categories(right)
                                                      : saved(left, out.left_value) + saved(right, out.right_value);
    out.gain = both - saved(node.sums, value_of(node.sums, node));
    return out;
  }

  /// Every cut of every feature of a tile, one after the other.
  Candidate search_all(const Tile& tile, const uint64_t* histogram, const Node& node) const {
    Candidate best;
    for (size_t f = 0; f < tile.features.size(); ++f) {
      if (!may_test(node, tile.features[f].number)) continue;
      const uint64_t* bins = histogram + int64_t(f) * tile.codes.slots;
      const BoostSums missing = missing_of(tile, f, bins);
      if (table.is_categorical(tile.features[f].number)) {
        search_categories(tile, f, bins, missing, node, best);
        continue;
      }
      for (int cut = 0; cut <= tile.features[f].last_code; ++cut)
        for (const bool missing_left : {false, true}) {
          if (missing_left && missing.count == 0) continue;
          const BoostSums present = sums_at(tile, bins, kernels::boost_place(uint8_t(cut)));
          Candidate found = weigh(node, tile.features[f].number, missing_left ? present + missing : present);
          if (!is_larger(found, best)) continue;
          settle(tile, f, bins, cut, missing_left, node, found);
          best = found;
        }
    }
    return best;
  }

  /// Categories of the node in the order of their step, cut in two at every place. Their sums are differences of sums up to a code.
  ///
  /// Those of few rows go where missing values and unknown categories go: in a deep node nearly all are, and what their steps say is noise
  /// that a sorted order turns into gain (flights of 4,000 planes, 5,000 rows: AUC 0.656 with them and 0.708 without).
  void search_categories(const Tile& tile, size_t f, const uint64_t* bins, const BoostSums& missing, const Node& node, Candidate& best) const {
    struct Category {
      double step;
      uint8_t code;
      BoostSums sums;
    };
    const int64_t least_rows = std::min(kCategoryRows, limits.min_samples_leaf);
    std::vector<Category> categories;
    CategorySet few;
    BoostSums before, others = missing;
    for (int code = 0; code <= tile.features[f].last_code; ++code) {
      const BoostSums up_to = sums_at(tile, bins, kernels::boost_place(uint8_t(code))), own = up_to - before;
      before = up_to;
      if (own.count == 0) continue;
      if (own.count < least_rows) {
        others = others + own;
        few.add(uint8_t(code));
        continue;
      }
      const double h = double(own.h) * records->h_unit;
      categories.push_back({double(own.g) * records->g_unit / (h + kCategorySmoothing), uint8_t(code), own});
    }
    std::sort(categories.begin(), categories.end(),
              [](const Category& a, const Category& b) { return a.step != b.step ? a.step < b.step : a.code < b.code; });
    BoostSums left;
    CategorySet set, set_and_few = few;
    for (const Category& category : categories) {
      left = left + category.sums;
      set.add(category.code), set_and_few.add(category.code);
      for (const bool others_left : {false, true}) {
        if (others_left && others.count == 0) continue;
        Candidate found = weigh(node, tile.features[f].number, others_left ? left + others : left);
        if (!is_larger(found, best)) continue;
        found.categories = others_left ? set_and_few : set;
        found.missing_left = others.count > 0 ? others_left : 2 * found.left.count >= node.sums.count;
        best = found;
      }
    }
  }

  bool may_test(const Node& node, int32_t feature) const {
    if (limits.interactions.empty()) return true;
    return std::any_of(node.groups.begin(), node.groups.end(), [&](uint32_t group) { return limits.interactions[group][size_t(feature)] != 0; });
  }

  static bool is_larger(const Candidate& a, const Candidate& b) {
    return a.gain > b.gain || (a.gain == b.gain && a.gain > 0 && a.feature < b.feature);
  }

  /// The better one of two; ties as in kernels/boosting.h.
  bool is_better(const BoostSplit& a, const Candidate& of_a, const BoostSplit& b, const Candidate& of_b) const {
    if (!is_plain()) return is_larger(of_a, of_b);
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

  /// What is looked for in each tile: the best splits of two children from the parent's histogram, which becomes that of `large`,
  /// or of one node by itself when `large` is null.
  struct Quest {
    const Node* small;
    const Node* large;
    uint64_t* small_words;
    uint64_t* large_words;
    std::optional<BoostNode> small_node, large_node;  ///< absent: it can't be split
  };

  Found search_tile(const Tile& tile, const Quest& quest) {
    Found found;
    // Where all candidates are looked at singly, the kernel only sums up: nothing reaches this bar.
    if (!is_plain()) found.small.above = found.large.above = std::numeric_limits<float>::max();
    uint64_t* of_small = part(quest.small_words, tile);
    uint64_t* of_large = quest.large_words ? part(quest.large_words, tile) : nullptr;
    // Runs of features that both children may test. What is left of the others is of no use: no node below may test them either.
    for (size_t first = 0, last; first < tile.features.size(); first = last) {
      const auto allowed = [&](size_t f) { return may_test(*quest.small, tile.features[f].number); };
      last = limits.interactions.empty() ? tile.features.size() : first + 1;
      while (last < tile.features.size() && allowed(last) == allowed(first)) ++last;
      if (!allowed(first)) continue;
      const int64_t at = int64_t(first) * tile.codes.slots;
      kernels.search(&tile.features[first], int32_t(last - first), tile.codes.slots, tile.words(), records->packing, of_small + at,
                     of_large ? of_large + at : nullptr, quest.small_node ? &*quest.small_node : nullptr,
                     quest.large_node ? &*quest.large_node : nullptr, &found.small, &found.large);
    }
    if (!is_plain()) {
      if (quest.small_node) found.small_best = search_all(tile, of_small, *quest.small);
      if (quest.large_node) found.large_best = search_all(tile, of_large, *quest.large);
      return found;
    }
    if (found.small.found) found.small_best = measure(tile, of_small, *quest.small, found.small);
    if (found.large.found) found.large_best = measure(tile, of_large, *quest.large, found.large);
    return found;
  }

  /// Parts in which the rows of a node are summed up: more than one only where tiles alone would leave workers idle.
  int64_t parts_of(const Node& node) const {
    const int64_t tiles_here = int64_t(tiles->tiles.size()), workers = crew.workers();
    if (!records->packing.wide || workers == 1 || tiles_here >= 4 * workers) return 1;
    return std::clamp(node.rows() / (2 * records->block_rows), int64_t{1}, 2 * workers);
  }

  /// Sums up the smaller child's rows and searches every tile, by one worker or by all.
  std::vector<Found> search_tiles(const Quest& quest) {
    const Node& small = *quest.small;
    const int64_t count = int64_t(tiles->tiles.size()), parts = parts_of(small);
    std::vector<Found> found(static_cast<size_t>(count));
    const auto whole_tile = [&](int64_t t, int worker) {
      const Tile& tile = tiles->tiles[size_t(t)];
      sum_up(tile, small.begin, small.end, part(quest.small_words, tile), worker);
      found[size_t(t)] = search_tile(tile, quest);
    };
    if ((small.rows() + 64) * tiles->words / 64 < kWorthSharing) {
      for (int64_t t = 0; t < count; ++t) whole_tile(t, 0);
    } else if (parts == 1) {
      crew.run(count, whole_tile);
    } else {
      while (int64_t(pieces.size()) < parts) pieces.emplace_back(pool_bytes);
      const auto words_of = [&](int64_t piece) { return reinterpret_cast<uint64_t*>(pieces[size_t(piece)].data()); };
      crew.run(count * parts, [&](int64_t i, int worker) {
        const Tile& tile = tiles->tiles[size_t(i / parts)];
        const int64_t piece = i % parts, begin = small.begin + small.rows() * piece / parts, end = small.begin + small.rows() * (piece + 1) / parts;
        sum_up(tile, begin, end, part(words_of(piece), tile), worker);
      });
      crew.run(count, [&](int64_t t, int) {
        const Tile& tile = tiles->tiles[size_t(t)];
        uint64_t* sum = part(quest.small_words, tile);
        std::memcpy(sum, part(words_of(0), tile), size_t(2 * tile.words()) * sizeof(uint64_t));
        for (int64_t piece = 1; piece < parts; ++piece) {
          const uint64_t* more = part(words_of(piece), tile);
          for (int64_t i = 0; i < 2 * tile.words(); ++i) sum[i] += more[i];
        }
        found[size_t(t)] = search_tile(tile, quest);
      });
    }
    return found;
  }

  void search(Node* small, uint64_t* small_words, Node* large, uint64_t* large_words) {
    Quest quest{small, large, small_words, large_words, {}, {}};
    if (may_split(*small)) quest.small_node = search_node(*small);
    if (large && may_split(*large)) quest.large_node = search_node(*large);
    Found best;
    for (const Found& here : search_tiles(quest)) {
      if (is_better(here.small, here.small_best, best.small, small->best)) best.small = here.small, small->best = here.small_best;
      if (large && is_better(here.large, here.large_best, best.large, large->best)) best.large = here.large, large->best = here.large_best;
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

  /// Calls task(number, begin, end) for pieces of rows[begin .. end).
  template <class Task>
  void by_pieces(int64_t begin, int64_t end, Task task) {
    crew.run((end - begin + kPieceRows - 1) / kPieceRows, [&](int64_t i, int) {
      const int64_t first = begin + i * kPieceRows;
      task(i, first, std::min(end, first + kPieceRows));
    });
  }

  BoostSums total() {
    const int64_t count = int64_t(rows->size()), block = std::min(records->packing.wide ? records->block_rows : count, kPieceRows);
    std::vector<BoostSums> sums(size_t(count / kPieceRows + 1));
    by_pieces(0, count, [&](int64_t piece, int64_t begin, int64_t end) {
      for (int64_t first = begin; first < end; first += block) {
        uint64_t word = 0;
        for (int64_t i = first; i < std::min(end, first + block); ++i) word += records->words[(*rows)[size_t(i)]];
        sums[size_t(piece)] = sums[size_t(piece)] + sums_of(word, records->packing);
      }
    });
    return std::accumulate(sums.begin(), sums.end(), BoostSums());
  }

  int64_t divide_categories(const Candidate& by, const uint8_t* codes, int64_t begin, int64_t end) {
    uint8_t goes_right[256];
    for (int code = 0; code < 256; ++code) goes_right[code] = !(code == kMissingCode ? by.missing_left : by.categories.has(uint8_t(code)));
    uint32_t *left = rows->data() + begin, *right = spare.data();
    for (int64_t i = begin; i < end; ++i) {
      const uint32_t row = (*rows)[size_t(i)];
      const bool goes = goes_right[codes[row]];
      *left = row, *right = row;
      left += !goes, right += goes;
    }
    std::copy(spare.data(), right, left);
    return left - (rows->data() + begin);
  }

  /// Puts the rows that go left before the others; returns how many there are.
  int64_t divide(const Candidate& by, int64_t begin, int64_t end) {
    if (table.is_handed_over()) codes_by_row.resize(size_t(table.num_rows()) + 3);
    const auto codes_of = [&](int64_t first, int64_t last) {
      return table.codes(by.feature, std::span(*rows).subspan(size_t(first), size_t(last - first)), codes_by_row.data());
    };
    if (table.is_categorical(by.feature)) return divide_categories(by, codes_of(begin, end), begin, end);
    if (end - begin < 2 * kPieceRows || crew.workers() == 1)
      return kernels.divide(codes_of(begin, end), by.cut, by.missing_left, end - begin, rows->data() + begin, spare.data());
    // Each piece by itself; then left parts and right parts move together, each in the order of the pieces.
    std::vector<int64_t> lefts(size_t((end - begin + kPieceRows - 1) / kPieceRows));
    by_pieces(begin, end, [&](int64_t piece, int64_t first, int64_t last) {
      lefts[size_t(piece)] =
          kernels.divide(codes_of(first, last), by.cut, by.missing_left, last - first, rows->data() + first, spare.data() + first + 16 * piece);
    });
    const int64_t left = std::accumulate(lefts.begin(), lefts.end(), int64_t{0});
    std::vector<int64_t> before(lefts.size());
    std::exclusive_scan(lefts.begin(), lefts.end(), before.begin(), int64_t{0});
    by_pieces(begin, end, [&](int64_t piece, int64_t first, int64_t last) {
      const uint32_t* from = rows->data() + first;
      const int64_t here = lefts[size_t(piece)], left_to = begin + before[size_t(piece)],
                    right_to = begin + left + (first - begin) - before[size_t(piece)];
      std::copy(from, from + here, spare.data() + left_to);
      std::copy(from + here, from + (last - first), spare.data() + right_to);
    });
    by_pieces(begin, end, [&](int64_t, int64_t first, int64_t last) { std::copy(spare.data() + first, spare.data() + last, rows->data() + first); });
    return left;
  }

  void plant() {
    nodes.clear(), open.clear();
    Node root;
    root.end = int64_t(rows->size());
    root.sums = total();
    root.groups.resize(limits.interactions.size());
    std::iota(root.groups.begin(), root.groups.end(), 0u);
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
    const int64_t count = divide(best, begin, nodes[number].end);
    assert(count > 0 && count < nodes[number].rows());
    Node a, b;
    a.begin = begin, a.end = b.begin = begin + count, b.end = nodes[number].end;
    a.depth = b.depth = nodes[number].depth + 1;
    a.sums = best.left, b.sums = nodes[number].sums - best.left;
    a.low = b.low = nodes[number].low, a.high = b.high = nodes[number].high;
    const int direction = limits.monotone.empty() ? 0 : limits.monotone[size_t(best.feature)];
    const double middle = best.left_value + (best.right_value - best.left_value) / 2;
    if (direction > 0) a.high = b.low = middle;
    if (direction < 0) a.low = b.high = middle;
    for (const uint32_t group : nodes[number].groups)
      if (limits.interactions[group][size_t(best.feature)]) a.groups.push_back(group);
    b.groups = a.groups;
    nodes[number].left = left;
    nodes.push_back(a), nodes.push_back(b);
    ++num_leaves;
    if (num_leaves != limits.num_leaves) search_children(number, left);
  }

  /// Nodes in the order of their depth, children side by side.
  void finish(GrownTree& tree) const {
    tree.nodes.clear(), tree.gains.clear(), tree.leaves.clear(), tree.sets.clear();
    std::vector<uint32_t> order = {0};
    for (size_t i = 0; i < order.size(); ++i) {
      const Node& node = nodes[order[i]];
      if (node.left == 0) {
        tree.nodes.push_back({uint32_t(i) << 1, 0, TreeNode::kLeafCut});
        tree.gains.push_back(0);
        tree.leaves.push_back({uint32_t(i), node.begin, node.end, node.low, node.high});
        continue;
      }
      const bool categorical = table.is_categorical(node.best.feature);
      const uint16_t cut = categorical ? uint16_t(tree.sets.size()) : node.best.cut;
      if (categorical) tree.sets.push_back(node.best.categories);
      tree.nodes.push_back({uint32_t(order.size()) << 1 | uint32_t(node.best.missing_left), uint16_t(node.best.feature), cut});
      tree.gains.push_back(node.best.gain);
      order.push_back(node.left), order.push_back(node.left + 1);
    }
  }
};

TreeGrower::TreeGrower(const BoostTable& table, const TreeLimits& limits, exec::Crew& crew) : state_(std::make_unique<State>(table, limits, crew)) {}
TreeGrower::~TreeGrower() = default;

void TreeGrower::grow(const TileSet& tiles, const Records& records, GrownTree& tree, const exec::Cancellation* cancel) {
  State& s = *state_;
  s.tiles = &tiles, s.records = &records, s.rows = &tree.rows;
  s.prepare_memory();
  s.plant();
  const auto stopped = [cancel] { return cancel && cancel->stopped(); };
  while (!stopped() && !s.open.empty() && (s.limits.num_leaves == 0 || s.num_leaves < s.limits.num_leaves)) s.split(s.next_leaf());
  s.finish(tree);
}

}  // namespace hayate::learn
