// A tree is grown breadth-first from a queue, which is also the order in which its nodes are stored. A node is a range of
// the tree's rows; a split partitions the range in place and keeps the order of rows on both sides.
//
// Every node's own value is stored, and nothing a node does depends on how deep the tree may still become: that is why a
// tree of depth d is the top of a deeper one.
#include "learn/tree.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <utility>

#include "base/random.h"
#include "learn/channel_measure.h"
#include "learn/codes.h"
#include "learn/packed_measure.h"
#include "learn/prune.h"

namespace hayate::learn {
namespace {

/// Sets that one tree can have: a node names its set in 16 bits. Nodes beyond try no categories.
constexpr size_t kMostSets = 65'534;

template <class Measure>
class Grower {
 public:
  Grower(const Training& training, uint64_t tree_number, Scratch& scratch)
      : training_(training),
        scratch_(scratch),
        tree_(scratch.tree),
        measure_(training, scratch),
        feature_key_(random_key(training.seed, Stage::features, training.entity, tree_number)),
        threshold_key_(random_key(training.seed, Stage::threshold, training.entity, tree_number)),
        width_(training.values_per_node()),
        deviates_(training.target.criterion == Criterion::absolute_error),
        monotone_(!training.monotone.empty()),
        words_(training.group_words),
        random_cuts_(training.params.splitter == "random") {}

  Tree grow(const kernels::Mass& mass) {
    make_room(2);
    if constexpr (requires { measure_.pair_units(scratch_.sample.draws, mass); }) measure_.pair_units(scratch_.sample.draws, mass);
    add({0, uint32_t(scratch_.sample.rows.size()), 1, 0, mass}, {});
    std::fill_n(scratch_.open.begin(), words_, ~uint64_t{0});
    for (size_t head = 0; head < count_ && !training_.stopped(); ++head) visit(uint32_t(head), Pending(scratch_.queue[head]));
    return taken();
  }

 private:
  /// All lists have places for so many nodes. They stay for the next tree: trees of one forest are alike.
  void make_room(size_t nodes) {
    if (tree_.nodes.size() >= nodes) return;
    tree_.nodes.resize(nodes), tree_.weight.resize(nodes), tree_.values.resize(nodes * width_), scratch_.queue.resize(nodes);
    if (deviates_) tree_.deviation.resize(nodes);
    if (training_.matrix.ranked) tree_.thresholds.resize(nodes);
    if (monotone_) scratch_.bounds.resize(nodes);
    if (words_ > 0) scratch_.open.resize(nodes * words_);
  }

  /// The tree in lists of its own.
  Tree taken() {
    const auto first = [](const auto& list, size_t count) {
      return std::vector(list.begin(), list.begin() + ptrdiff_t(std::min(count, list.size())));
    };
    return {.nodes = first(tree_.nodes, count_),
            .values = first(tree_.values, count_ * width_),
            .weight = first(tree_.weight, count_),
            .deviation = first(tree_.deviation, count_),
            .thresholds = first(tree_.thresholds, count_),
            .sets = std::exchange(tree_.sets, {})};
  }

  /// A node stands at the same place in the queue and in the tree.
  void add(const Pending& node, const Bounds& bounds) {
    tree_.nodes[count_] = {uint32_t(count_) << 1, 0, TreeNode::kLeafCut};
    scratch_.queue[count_] = node;
    if (!tree_.thresholds.empty()) tree_.thresholds[count_] = 0;
    if (monotone_) scratch_.bounds[count_] = bounds;
    ++count_;
  }

  void visit(uint32_t place, const Pending& at) {
    Sample& sample = scratch_.sample;
    const size_t rows = at.end - at.begin;
    NodeRows node{std::span(sample.rows).subspan(at.begin, rows), std::span(sample.draws).subspan(at.begin, rows), at.mass, 0, {}};
    if (random_cuts_) node.key = random_bits(threshold_key_, at.path);
    if (monotone_) node.bounds = scratch_.bounds[place];
    const Totals totals = measure_.enter(node, &tree_.values[place * width_], deviates_ ? &tree_.deviation[place] : nullptr);
    tree_.weight[place] = totals.weight;
    if (may_split(at, totals) && find_split(place, at, node)) divide(place, at, node);
  }

  bool may_split(const Pending& at, const Totals& totals) const {
    const ForestParams& p = training_.params;
    return !totals.pure && (p.max_depth == 0 || at.depth < p.max_depth) &&
           totals.count >= uint64_t(std::max(p.min_samples_split, 2 * p.min_samples_leaf)) && tree_.sets.size() < kMostSets;
  }

  /// The best split of a sample of features. When none of them can split the node (all constant there), looks further.
  /// All features that tell two rows apart have the same gain, so for two rows the first such feature is looked for.
  bool find_split(uint32_t place, const Pending& at, const NodeRows& node) {
    constexpr int64_t kMore = 8;
    const bool two = node.rows.size() == 2;
    measure_.prepare(node);
    scratch_.order.restart(random_bits(feature_key_, at.path));
    std::span<const uint16_t> next = draw(place, two ? 1 : training_.features_per_node);
    for (; !next.empty(); next = draw(place, two ? 1 : kMore))
      if (measure_.search(node, next)) return true;
    return false;
  }

  /// The next `count` features of the node's order that may be tested there, or as many as are left.
  std::span<const uint16_t> draw(uint32_t place, int64_t count) {
    if (words_ == 0) return scratch_.order.next(count);
    scratch_.allowed.clear();
    while (int64_t(scratch_.allowed.size()) < count) {
      const std::span<const uint16_t> one = scratch_.order.next(1);
      if (one.empty()) break;
      if (is_open(place, one[0])) scratch_.allowed.push_back(one[0]);
    }
    return scratch_.allowed;
  }

  /// Whether the feature and all tested above the node are members of one group.
  bool is_open(uint32_t place, uint16_t feature) const {
    for (size_t w = 0; w < words_; ++w)
      if (scratch_.open[place * words_ + w] & training_.groups_of[feature * words_ + w]) return true;
    return false;
  }

  void divide(uint32_t place, const Pending& at, const NodeRows& node) {
    const Divided split = measure_.divide(node);
    assert(split.left > 0 && split.left < int64_t(node.rows.size()));
    if (count_ + 2 > tree_.nodes.size()) make_room(2 * count_ + 2);
    TreeNode& stored = tree_.nodes[place];
    stored = {uint32_t(count_) << 1 | uint32_t(split.missing_left), split.feature, split.cut};
    if (split.is_set) {
      stored.cut = uint16_t(tree_.sets.size());
      tree_.sets.push_back(split.set);
    } else if (training_.matrix.ranked) {
      tree_.thresholds[place] = split.threshold;
    }
    const uint32_t middle = at.begin + uint32_t(split.left);
    Bounds left = node.bounds, right = node.bounds;
    if (split.direction > 0) left.highest = right.lowest = split.middle;
    if (split.direction < 0) left.lowest = right.highest = split.middle;
    add({at.begin, middle, at.path * 2, at.depth + 1, split.mass}, left);
    add({middle, at.end, at.path * 2 + 1, at.depth + 1, {at.mass.count - split.mass.count, at.mass.marked - split.mass.marked}}, right);
    for (size_t w = 0; w < words_; ++w) {
      const uint64_t open = scratch_.open[place * words_ + w] & training_.groups_of[split.feature * words_ + w];
      scratch_.open[(count_ - 2) * words_ + w] = scratch_.open[(count_ - 1) * words_ + w] = open;
    }
  }

  const Training& training_;
  Scratch& scratch_;
  Tree& tree_;
  Measure measure_;
  size_t count_ = 0;  ///< nodes known so far
  uint64_t feature_key_, threshold_key_;
  size_t width_;
  bool deviates_, monotone_;
  size_t words_;  ///< Training::group_words
  bool random_cuts_;
};

/// Turns draws into what the packed records count: times the weight, and marked with the class. Returns their sums.
kernels::Mass set_units(const Target& target, Sample& sample) {
  for (size_t i = 0; i < sample.rows.size() && !target.weights.whole.empty(); ++i) sample.draws[i] *= target.weights.whole[size_t(sample.rows[i])];
  const int32_t* const classes = target.labels.classes.empty() ? nullptr : target.labels.classes.data();
  return kernels::forest_kernels().mark_units(classes, sample.rows.data(), int64_t(sample.rows.size()), sample.draws.data());
}

/// Weighs the classes of this tree's draws so that all weigh the same.
void balance(const Target& target, const Sample& sample, RowWeights& weights) {
  const auto given = [&](int32_t row) { return target.weights.real.empty() ? 1.0 : target.weights.real[size_t(row)]; };
  const std::span<const int32_t> classes = target.labels.classes;
  std::vector<double> of_class(size_t(target.labels.num_classes), 0.0);
  double all = 0, present = 0, largest = 0;
  for (size_t i = 0; i < sample.rows.size(); ++i) of_class[size_t(classes[size_t(sample.rows[i])])] += sample.draws[i] * given(sample.rows[i]);
  for (const double weight : of_class) all += weight, present += weight > 0;
  weights.real.resize(classes.size()), weights.whole.resize(classes.size());
  for (const int32_t row : sample.rows) {
    const double weight = given(row) * all / (present * of_class[size_t(classes[size_t(row)])]);
    weights.real[size_t(row)] = weight;
    largest = std::max(largest, weight);
  }
  for (const int32_t row : sample.rows)
    weights.whole[size_t(row)] = uint32_t(std::max(1.0, std::nearbyint(weights.real[size_t(row)] * (0x1p20 / largest))));
}

kernels::Mass draw(const Training& training, std::span<const uint32_t> marks, uint64_t tree_number, Scratch& scratch) {
  const kernels::Mass mass = draw_sample(training.rows, marks, training.params, training.seed, training.entity, tree_number, scratch.sample);
  if (training.target.weigh_per_tree) balance(training.target, scratch.sample, scratch.weights);
  return mass;
}

}  // namespace

Tree grow_tree(const Training& training, uint64_t tree_number, Scratch& scratch) {
  Sample& sample = scratch.sample;
  kernels::Mass mass = draw(training, training.marks, tree_number, scratch);
  scratch.spare_rows.resize(sample.rows.size() + 16), scratch.spare_units.resize(sample.rows.size() + 16);
  if (training.target.packed && training.marks.empty()) mass = set_units(training.target, sample);
  Tree tree = training.target.packed ? Grower<PackedMeasure>(training, tree_number, scratch).grow(mass)
                                     : Grower<ChannelMeasure>(training, tree_number, scratch).grow({});
  if (!training.stopped()) prune(training, tree);  // else it is only begun
  return tree;
}

bool goes_left(const BinnedMatrix& matrix, const Tree& tree, uint32_t at, int32_t row) {
  const TreeNode& node = tree.nodes[at];
  return with_codes(matrix, node.feature, [&](const auto* codes, auto missing) {
    const auto code = codes[row];
    if (code == missing) return node.missing_left();
    if (!matrix.categorical.empty() && matrix.categorical[node.feature]) return tree.sets[node.cut].has(uint8_t(code));
    return matrix.ranked ? matrix.ranked->values_of(node.feature)[code] <= tree.thresholds[at] : code <= node.cut;
  });
}

void weigh_nodes(const Training& training, uint64_t tree_number, Scratch& scratch, Tree& tree) {
  const Target& target = training.target;
  draw(training, {}, tree_number, scratch);
  const std::vector<double>& real = target.weigh_per_tree ? scratch.weights.real : target.weights.real;
  const bool deviates = target.criterion == Criterion::absolute_error;
  tree.weight.assign(tree.nodes.size(), 0.0), tree.deviation.assign(deviates ? tree.nodes.size() : 0, 0.0);
  for (size_t i = 0; i < scratch.sample.rows.size(); ++i) {
    const int32_t row = scratch.sample.rows[i];
    const double weight = scratch.sample.draws[i] * (real.empty() ? 1.0 : real[size_t(row)]);
    for (uint32_t at = 0;; at = tree.nodes[at].child() + (goes_left(training.matrix, tree, at, row) ? 0 : 1)) {
      tree.weight[at] += weight;
      if (deviates) tree.deviation[at] += weight * std::abs(target.labels.values[size_t(row)] - tree.values[at]);
      if (tree.nodes[at].is_leaf()) break;
    }
  }
}

}  // namespace hayate::learn
