// A tree is grown breadth-first from a queue, which is also the order in which its nodes are stored. A node is a range of
// the tree's rows; a split partitions the range in place and keeps the order of rows on both sides.
//
// Every node's own value is stored, and nothing a node does depends on how deep the tree may still become: that is why a
// tree of depth d is the top of a deeper one.
#include "learn/tree.h"

#include <algorithm>
#include <bit>
#include <cassert>

#include "base/random.h"

namespace hayate::learn {
namespace {

using kernels::Split;

/// A node: a range of the tree's rows and how often each counts, and their sums.
struct NodeRows {
  std::span<int32_t> rows;
  std::span<uint32_t> units;
  kernels::Mass mass;
};

/// What the stopping rules need to know of a node.
struct Totals {
  uint64_t count = 0;  ///< rows drawn, repeats included
  double weight = 0;
  bool pure = false;
};

uint32_t bits_of(uint64_t x) { return uint32_t(std::bit_width(x)); }

kernels::CodeTable code_table(const Training& t) {
  return {t.matrix.codes.data(), t.places.data(), t.matrix.stride, t.last_code.data(), t.matrix.has_missing.data()};
}

double label_of(const Target& target, double fixed) { return (target.base + fixed * target.unit) * 4; }

/// Sums of count and of count * label in one integer a row. Labels are shifted right per node until the sums fit, so the
/// resolution follows the node's own range of labels: an outlier costs precision only where it is.
class PackedMeasure {
 public:
  PackedMeasure(const Training& training, Scratch& scratch)
      : training_(training),
        scratch_(scratch),
        kernels_(kernels::forest_kernels()),
        table_(code_table(training)),
        classes_(training.target.labels.problem == Problem::classification) {}

  Totals enter(const NodeRows& node, double* value) {
    count_ = node.mass.count;
    range_ = classes_ ? class_range(node.mass) : numbers_range(node);
    *value = value_of(node);
    return {count_, double(count_), range_.low == range_.high};
  }

  static bool heavier_left(const NodeRows& node, const kernels::Division& found) { return 2 * found.mass.count >= node.mass.count; }

  void prepare(const NodeRows& node) {
    // 12 bits of a label are enough to rank splits as well as all bits do; more are taken where they are free.
    constexpr uint32_t kEnough = 12;
    const uint32_t range = bits_of(uint64_t(range_.high - range_.low));
    count_bits_ = bits_of(count_);
    narrow_ = 2 * count_bits_ + std::min(range, kEnough) <= 32;
    const uint32_t room = (narrow_ ? 32 : 64) - 2 * count_bits_;
    shift_ = range > room ? range - room : 0;
    if (narrow_)
      total32_ = fill(node, scratch_.records32, kernels_.class_records32, kernels_.number_records32);
    else
      total64_ = fill(node, scratch_.records64, kernels_.class_records64, kernels_.number_records64);
  }

  void search(const NodeRows& node, std::span<const uint16_t> features, Split& best) const {
    const uint64_t least = uint64_t(training_.params.min_samples_leaf);
    const int64_t rows = int64_t(node.rows.size());
    if (narrow_)
      kernels_.best_split32(table_, {node.rows.data(), scratch_.records32.data(), rows, count_bits_, total32_, least}, features.data(),
                            int64_t(features.size()), best);
    else
      kernels_.best_split64(table_, {node.rows.data(), scratch_.records64.data(), rows, count_bits_, total64_, least}, features.data(),
                            int64_t(features.size()), best);
  }

 private:
  kernels::LabelRange numbers_range(const NodeRows& node) const {
    return kernels_.label_range(training_.target.fixed.data(), node.rows.data(), node.units.data(), int64_t(node.rows.size()));
  }

  static kernels::LabelRange class_range(const kernels::Mass& mass) { return {int64_t(mass.marked), mass.marked == mass.count, mass.marked > 0}; }

  /// A node of equal labels has that label, to the last bit.
  double value_of(const NodeRows& node) const {
    const Target& target = training_.target;
    const double mean = double(range_.sum) / double(count_);
    if (classes_) return target.labels.num_classes == 1 ? 1.0 : mean;
    return range_.low == range_.high ? target.labels.values[node.rows[0]] : label_of(target, mean);
  }

  template <class Record, class FillClasses, class FillNumbers>
  Record fill(const NodeRows& node, std::vector<Record>& records, FillClasses fill_classes, FillNumbers fill_numbers) const {
    const int64_t rows = int64_t(node.rows.size());
    if (records.size() < node.rows.size()) records.resize(node.rows.size());
    if (!classes_)
      return fill_numbers(training_.target.fixed.data(), range_.low, shift_, count_bits_, node.rows.data(), node.units.data(), rows, records.data());
    fill_classes(node.units.data(), count_bits_, rows, records.data());
    return Record(range_.sum) << count_bits_ | Record(count_);
  }

  const Training& training_;
  Scratch& scratch_;
  const kernels::ForestKernels& kernels_;
  kernels::CodeTable table_;
  bool classes_;
  uint64_t count_ = 0;
  kernels::LabelRange range_{};
  uint32_t count_bits_ = 0, shift_ = 0;
  bool narrow_ = false;
  uint32_t total32_ = 0;
  uint64_t total64_ = 0;
};

/// Sums in separate 64-bit channels: rows drawn, weight, then weight * label, or the weight of each class.
class ChannelMeasure {
 public:
  ChannelMeasure(const Training& training, Scratch& scratch) : training_(training), histogram_(scratch.channels) {
    classes_ = training.target.labels.problem == Problem::classification ? size_t(training.target.labels.num_classes) : 0;
    width_ = 2 + std::max(classes_, size_t{1});
    total_.resize(width_), left_.resize(width_);
  }

  Totals enter(const NodeRows& node, double* value) {
    std::fill(total_.begin(), total_.end(), uint64_t{0});
    set_shift(node);
    for (size_t i = 0; i < node.rows.size(); ++i) add(node, i, total_.data());
    return {total_[0], values(node, value), pure()};
  }

  bool heavier_left(const NodeRows& node, const kernels::Division& found) const {
    int64_t balance = 0;
    for (size_t i = 0; i < node.rows.size(); ++i) {
      const int64_t weight = int64_t(node.units[i] * weight_of(node.rows[i]));
      balance += int64_t(i) < found.left ? weight : -weight;
    }
    return balance >= 0;
  }

  void prepare(const NodeRows&) {}

  void search(const NodeRows& node, std::span<const uint16_t> features, Split& best) {
    for (const uint16_t feature : features) {
      histogram_.assign(256 * width_, 0);
      const uint8_t* codes = training_.matrix.columns().column(feature);
      for (size_t i = 0; i < node.rows.size(); ++i) add(node, i, &histogram_[codes[node.rows[i]] * width_]);
      scan(feature, best);
    }
  }

 private:
  void set_shift(const NodeRows& node) {
    if (classes_ > 0) return;
    low_ = high_ = training_.target.fixed[node.rows[0]];
    uint64_t weight = 0;
    for (size_t i = 0; i < node.rows.size(); ++i) {
      const int64_t label = training_.target.fixed[node.rows[i]];
      low_ = std::min(low_, label), high_ = std::max(high_, label);
      weight += uint64_t(node.units[i]) * weight_of(node.rows[i]);
    }
    const uint32_t range = bits_of(uint64_t(high_ - low_)), room = std::min(30u, 62 - std::min(61u, bits_of(weight)));
    shift_ = range > room ? range - room : 0;
  }

  uint64_t weight_of(int32_t row) const { return training_.target.weights.empty() ? 1 : training_.target.weights[row]; }

  void add(const NodeRows& node, size_t i, uint64_t* channels) const {
    const int32_t row = node.rows[i];
    const uint64_t weight = node.units[i] * weight_of(row);
    channels[0] += node.units[i], channels[1] += weight;
    if (classes_ > 0)
      channels[2 + training_.target.labels.classes[row]] += weight;
    else
      channels[2] += weight * uint64_t((training_.target.fixed[row] - low_) >> shift_);
  }

  bool pure() const {
    if (classes_ == 0) return low_ == high_;
    return std::count(total_.begin() + 2, total_.end(), uint64_t{0}) >= int64_t(classes_) - 1;
  }

  /// The node's values from the weights as given, added in the order of its rows; returns the weight.
  double values(const NodeRows& node, double* value) const {
    const Target& target = training_.target;
    const size_t shares = classes_ > 2 ? classes_ : 1;
    std::fill(value, value + shares, 0.0);
    double weight = 0;
    for (size_t i = 0; i < node.rows.size(); ++i) {
      const int32_t row = node.rows[i];
      const double own = node.units[i] * (target.real_weights.empty() ? 1.0 : double(target.real_weights[row]));
      weight += own;
      if (classes_ == 0)
        value[0] += own * target.labels.values[row];
      else if (shares > 1 || target.labels.classes[row] == int32_t(classes_) - 1)
        value[shares > 1 ? target.labels.classes[row] : 0] += own;
    }
    for (size_t k = 0; k < shares; ++k) value[k] /= weight;
    if (classes_ == 0 && low_ == high_) value[0] = target.labels.values[node.rows[0]];
    return weight;
  }

  double gain() const {
    const uint64_t least = uint64_t(training_.params.min_samples_leaf);
    if (left_[0] < least || total_[0] - left_[0] < least) return -1;
    const double weight_left = double(left_[1]), weight_right = double(total_[1] - left_[1]);
    double sum = 0;
    for (size_t k = 2; k < width_; ++k) {
      const double d = weight_right * double(left_[k]) - weight_left * double(total_[k] - left_[k]);
      sum += d * d;
    }
    return sum / (weight_left * weight_right);
  }

  void move(const uint64_t* channels, bool add_them) {
    for (size_t k = 0; k < width_; ++k) left_[k] += add_them ? channels[k] : uint64_t{0} - channels[k];
  }

  void scan(uint16_t feature, Split& best) {
    const uint64_t* missing = &histogram_[kMissingCode * width_];
    const int last = training_.last_code[feature];
    const auto consider = [&](int cut, bool missing_left) {
      const double found = gain();
      if (found > best.gain) best = {found, feature, uint8_t(cut), missing_left};
    };
    std::fill(left_.begin(), left_.end(), uint64_t{0});
    for (int cut = 0; cut < last + (missing[0] > 0 ? 1 : 0); ++cut) {
      move(&histogram_[size_t(cut) * width_], true);
      consider(cut, false);
      if (missing[0] == 0 || left_[0] == 0) continue;
      move(missing, true);
      consider(cut, true);
      move(missing, false);
    }
  }

  const Training& training_;
  std::vector<uint64_t>& histogram_;
  std::vector<uint64_t> total_, left_;
  size_t classes_, width_;
  int64_t low_ = 0, high_ = 0;
  uint32_t shift_ = 0;
};

template <class Measure>
class Grower {
 public:
  Grower(const Training& training, uint64_t tree_number, Scratch& scratch)
      : training_(training),
        scratch_(scratch),
        kernels_(kernels::forest_kernels()),
        tree_(scratch.tree),
        measure_(training, scratch),
        feature_key_(random_key(training.seed, Stage::features, training.entity, tree_number)) {
    const Labels& labels = training.target.labels;
    width_ = labels.num_classes > 2 ? size_t(labels.num_classes) : 1;
  }

  void grow(const kernels::Mass& mass) {
    tree_.nodes.clear(), tree_.values.clear(), tree_.weight.clear(), scratch_.queue.clear();
    add({0, uint32_t(scratch_.sample.rows.size()), 1, 0, mass});
    for (size_t head = 0; head < scratch_.queue.size(); ++head) visit(uint32_t(head), Pending(scratch_.queue[head]));
  }

 private:
  /// A node stands at the same place in the queue and in the tree.
  void add(const Pending& node) {
    tree_.nodes.push_back({uint32_t(tree_.nodes.size()) << 1, 0, TreeNode::kLeafCut});
    scratch_.queue.push_back(node);
    tree_.weight.push_back(0);
    tree_.values.resize(tree_.values.size() + width_);
  }

  void visit(uint32_t place, const Pending& at) {
    Sample& sample = scratch_.sample;
    const NodeRows node{std::span(sample.rows).subspan(at.begin, at.end - at.begin), std::span(sample.draws).subspan(at.begin, at.end - at.begin),
                        at.mass};
    const Totals totals = measure_.enter(node, &tree_.values[place * width_]);
    tree_.weight[place] = totals.weight;
    if (!may_split(at, totals)) return;
    const Split split = find_split(at, node);
    if (split.gain >= 0) divide(place, at, node, split);
  }

  bool may_split(const Pending& at, const Totals& totals) const {
    const ForestParams& p = training_.params;
    return !totals.pure && (p.max_depth == 0 || at.depth < p.max_depth) &&
           totals.count >= uint64_t(std::max(p.min_samples_split, 2 * p.min_samples_leaf));
  }

  /// The best split of a sample of features. When none of them can split the node (all constant there), looks further.
  /// All features that tell two rows apart have the same gain, so for two rows the first such feature is looked for.
  Split find_split(const Pending& at, const NodeRows& node) {
    constexpr int64_t kMore = 8;
    const bool two = node.rows.size() == 2;
    Split best;
    measure_.prepare(node);
    scratch_.order.restart(random_bits(feature_key_, at.path));
    std::span<const uint16_t> next = scratch_.order.next(two ? 1 : training_.features_per_node);
    for (; !next.empty() && best.gain < 0; next = scratch_.order.next(two ? 1 : kMore)) measure_.search(node, next, best);
    return best;
  }

  void divide(uint32_t place, const Pending& at, const NodeRows& node, const Split& split) {
    const uint8_t* codes = training_.matrix.columns().column(split.feature);
    const kernels::Division found = kernels_.divide_rows(codes, split.cut, split.missing_left, int64_t(node.rows.size()), node.rows.data(),
                                                         node.units.data(), scratch_.spare_rows.data(), scratch_.spare_units.data());
    assert(found.left > 0 && found.left < int64_t(node.rows.size()));
    // In the middle of the gap up to the next code of the node: as good on the training rows, fairer to rows in the gap.
    const uint16_t cut = found.next_code == kMissingCode ? split.cut : uint16_t(split.cut + (found.next_code - 1 - split.cut) / 2);
    // Missing values that training did not see here go to the heavier side, left when equal.
    const bool missing_left = found.misses ? split.missing_left : measure_.heavier_left(node, found);
    tree_.nodes[place] = {uint32_t(tree_.nodes.size()) << 1 | uint32_t(missing_left), split.feature, cut};
    const uint32_t middle = at.begin + uint32_t(found.left);
    add({at.begin, middle, at.path * 2, at.depth + 1, found.mass});
    add({middle, at.end, at.path * 2 + 1, at.depth + 1, {at.mass.count - found.mass.count, at.mass.marked - found.mass.marked}});
  }

  const Training& training_;
  Scratch& scratch_;
  const kernels::ForestKernels& kernels_;
  Tree& tree_;
  Measure measure_;
  uint64_t feature_key_;
  size_t width_;
};

/// Turns draws into what the packed records count: times the weight, and marked with the class.
void set_units(const Target& target, Sample& sample) {
  for (size_t i = 0; i < sample.rows.size() && !target.weights.empty(); ++i) sample.draws[i] *= target.weights[sample.rows[i]];
  for (size_t i = 0; i < sample.rows.size() && !target.labels.classes.empty(); ++i)
    sample.draws[i] |= target.labels.classes[sample.rows[i]] == 1 ? kernels::kMark : 0;
}

kernels::Mass mass_of(std::span<const uint32_t> units) {
  kernels::Mass mass{0, 0};
  for (const uint32_t u : units) mass.count += u & ~kernels::kMark, mass.marked += u & kernels::kMark ? u & ~kernels::kMark : 0;
  return mass;
}

}  // namespace

Tree grow_tree(const Training& training, uint64_t tree_number, Scratch& scratch) {
  Sample& sample = scratch.sample;
  draw_sample(training.rows, training.params, training.seed, training.entity, tree_number, sample);
  scratch.spare_rows.resize(sample.rows.size() + 16), scratch.spare_units.resize(sample.rows.size() + 16);
  if (training.target.packed) {
    set_units(training.target, sample);
    Grower<PackedMeasure>(training, tree_number, scratch).grow(mass_of(sample.draws));
  } else {
    Grower<ChannelMeasure>(training, tree_number, scratch).grow(mass_of(sample.draws));
  }
  return scratch.tree;
}

}  // namespace hayate::learn
