#include "learn/channel_measure.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

#include "base/random.h"
#include "learn/codes.h"
#include "learn/deviation.h"
#include "learn/impurity.h"

namespace hayate::learn {
namespace {

constexpr uint64_t kCategoryRows = 3;  ///< rows drawn from which on a category of a node has a place of its own in the order

uint32_t bits_of(uint64_t x) { return uint32_t(std::bit_width(x)); }

/// Puts the rows of a node that go left before the others, both in their old order.
template <class GoesLeft>
int64_t partition_rows(const NodeRows& node, Scratch& scratch, GoesLeft goes_left) {
  size_t left = 0, right = 0;
  for (size_t i = 0; i < node.rows.size(); ++i) {
    const int32_t row = node.rows[i];
    const uint32_t unit = node.units[i];
    const bool goes = goes_left(row);
    node.rows[left] = row, node.units[left] = unit;
    scratch.spare_rows[right] = row, scratch.spare_units[right] = unit;
    left += goes, right += !goes;
  }
  std::copy_n(scratch.spare_rows.begin(), right, node.rows.begin() + ptrdiff_t(left));
  std::copy_n(scratch.spare_units.begin(), right, node.units.begin() + ptrdiff_t(left));
  return int64_t(left);
}

/// Sorts by the upper half, a byte of it a pass; equal ones keep their order.
void sort_keys(std::vector<uint64_t>& keys, std::vector<uint64_t>& spare) {
  constexpr size_t kFew = 64;
  if (keys.size() <= kFew) return std::sort(keys.begin(), keys.end());
  uint64_t seen = 0;
  for (const uint64_t key : keys) seen |= key;
  spare.resize(keys.size());
  for (int shift = 32; shift < 64 && seen >> shift != 0; shift += 8) {
    uint32_t count[256] = {};
    for (const uint64_t key : keys) ++count[key >> shift & 255];
    std::exclusive_scan(count, count + 256, count, 0u);
    for (const uint64_t key : keys) spare[count[key >> shift & 255]++] = key;
    keys.swap(spare);
  }
}

}  // namespace

ChannelMeasure::ChannelMeasure(const Training& training, Scratch& scratch)
    : training_(training),
      scratch_(scratch),
      target_(training.target),
      whole_(training.target.weigh_per_tree ? scratch.weights.whole : training.target.weights.whole),
      real_(training.target.weigh_per_tree ? scratch.weights.real : training.target.weights.real),
      class_search_(training, whole_) {
  num_classes_ = target_.labels.problem == Problem::classification ? size_t(target_.labels.num_classes) : 0;
  width_ = 2 + std::max(num_classes_, size_t{1});
  total_.resize(width_), left_.resize(width_), right_.resize(width_), groups_.missing.resize(width_);
}

// ---- the node itself

Totals ChannelMeasure::enter(const NodeRows& node, double* value, double* deviation) {
  std::fill(total_.begin(), total_.end(), uint64_t{0});
  if (classes() && whole_.empty() && training_.monotone.empty()) {
    count_classes(node);
    const size_t shares = training_.values_per_node();
    for (size_t k = 0; k < shares; ++k) value[k] = double(total_[shares > 1 ? 2 + k : width_ - 1]) / double(total_[1]);
    return {total_[0], double(total_[1]), pure()};
  }
  set_shift(node);
  for (size_t i = 0; i < node.rows.size(); ++i) {
    const int32_t row = node.rows[i];
    const uint64_t weight = node.units[i] * weight_of(row);
    total_[0] += node.units[i], total_[1] += weight;
    if (classes())
      total_[2 + size_t(target_.labels.classes[size_t(row)])] += weight;
    else
      total_[2] += weight * uint64_t((target_.fixed[size_t(row)] - low_) >> shift_);
  }
  const double weight = values(node, value);
  if (!training_.monotone.empty()) *value = std::clamp(*value, node.bounds.lowest, node.bounds.highest);
  if (deviation) {
    *deviation = 0;
    for (size_t i = 0; i < node.rows.size(); ++i)
      *deviation += node.units[i] * real_weight_of(node.rows[i]) * std::abs(target_.labels.values[size_t(node.rows[i])] - *value);
  }
  return {total_[0], weight, pure()};
}

/// The sums of a node of classes without weights: its shares are exact quotients of them.
void ChannelMeasure::count_classes(const NodeRows& node) {
  // Most rows of a node are of one class: counted in turns in three places, one row does not wait for the one before it.
  constexpr size_t kTurns = 4;
  if (num_classes_ <= 64 && node.rows.size() >= 16) {
    uint32_t turns[kTurns - 1][64];
    for (auto& turn : turns) std::fill_n(turn, num_classes_, 0u);
    const int32_t* const classes = target_.labels.classes.data();
    size_t i = 0;
    for (; i + kTurns <= node.rows.size(); i += kTurns) {
      for (size_t turn = 0; turn + 1 < kTurns; ++turn) turns[turn][classes[node.rows[i + turn]]] += node.units[i + turn];
      total_[2 + size_t(classes[node.rows[i + kTurns - 1]])] += node.units[i + kTurns - 1];
    }
    for (; i < node.rows.size(); ++i) total_[2 + size_t(classes[node.rows[i]])] += node.units[i];
    for (const auto& turn : turns)
      for (size_t k = 0; k < num_classes_; ++k) total_[2 + k] += turn[k];
  } else {
    for (size_t i = 0; i < node.rows.size(); ++i) total_[2 + size_t(target_.labels.classes[size_t(node.rows[i])])] += node.units[i];
  }
  total_[0] = total_[1] = std::accumulate(total_.begin() + 2, total_.end(), uint64_t{0});
}

void ChannelMeasure::set_shift(const NodeRows& node) {
  if (classes()) return;
  low_ = high_ = target_.fixed[size_t(node.rows[0])];
  uint64_t weight = 0;
  for (size_t i = 0; i < node.rows.size(); ++i) {
    const int64_t label = target_.fixed[size_t(node.rows[i])];
    low_ = std::min(low_, label), high_ = std::max(high_, label);
    weight += uint64_t(node.units[i]) * weight_of(node.rows[i]);
  }
  const uint32_t range = bits_of(uint64_t(high_ - low_)), room = std::min(30u, 62 - std::min(61u, bits_of(weight)));
  shift_ = range > room ? range - room : 0;
}

bool ChannelMeasure::pure() const {
  if (!classes()) return low_ == high_;
  return std::count(total_.begin() + 2, total_.end(), uint64_t{0}) >= int64_t(num_classes_) - 1;
}

/// The node's values from the weights as given, added in the order of its rows; returns the weight.
double ChannelMeasure::values(const NodeRows& node, double* value) const {
  const Labels& labels = target_.labels;
  const size_t shares = training_.values_per_node();
  std::fill(value, value + shares, 0.0);
  double weight = 0;
  for (size_t i = 0; i < node.rows.size(); ++i) {
    const int32_t row = node.rows[i];
    const double own = node.units[i] * real_weight_of(row);
    weight += own;
    if (!classes())
      value[0] += own * labels.values[size_t(row)];
    else if (shares > 1 || labels.classes[size_t(row)] == int32_t(num_classes_) - 1)
      value[shares > 1 ? labels.classes[size_t(row)] : 0] += own;
  }
  for (size_t k = 0; k < shares; ++k) value[k] /= weight;
  if (!classes() && low_ == high_)
    value[0] = labels.values[size_t(node.rows[0])];
  else if (target_.criterion == Criterion::absolute_error)
    value[0] = median_of(node);
  return weight;
}

/// The label at which half of the weight is reached; the middle between two where it is reached exactly.
double ChannelMeasure::median_of(const NodeRows& node) const {
  std::vector<std::pair<double, double>> labels;
  double weight = 0, below = 0;
  for (size_t i = 0; i < node.rows.size(); ++i)
    labels.emplace_back(target_.labels.values[size_t(node.rows[i])], node.units[i] * real_weight_of(node.rows[i]));
  std::sort(labels.begin(), labels.end());
  for (const auto& label : labels) weight += label.second;
  for (size_t i = 0; i < labels.size(); ++i) {
    below += labels[i].second;
    if (2 * below == weight && i + 1 < labels.size()) return labels[i].first / 2 + labels[i + 1].first / 2;
    if (2 * below >= weight) return labels[i].first;
  }
  return labels.back().first;
}

void ChannelMeasure::prepare(const NodeRows& node) {
  best_ = {};
  by_class_ = class_search_.take(node, total_);
  if (by_class_) return;
  const size_t rows = node.rows.size();
  own_weight_.resize(rows), own_label_.resize(rows);
  for (size_t i = 0; i < rows; ++i) {
    const int32_t row = node.rows[i];
    own_weight_[i] = node.units[i] * weight_of(row);
    own_label_[i] = classes() ? uint64_t(target_.labels.classes[size_t(row)]) : uint64_t((target_.fixed[size_t(row)] - low_) >> shift_);
  }
  if (target_.criterion != Criterion::absolute_error) return;
  ranked_labels_.assign(own_label_.begin(), own_label_.end());
  std::sort(ranked_labels_.begin(), ranked_labels_.end());
  ranked_labels_.erase(std::unique(ranked_labels_.begin(), ranked_labels_.end()), ranked_labels_.end());
  label_rank_.resize(rows);
  for (size_t i = 0; i < rows; ++i) {
    if (i % 4096 == 0 && training_.stopped()) return;  // nothing is searched any more
    label_rank_[i] = uint32_t(std::lower_bound(ranked_labels_.begin(), ranked_labels_.end(), int64_t(own_label_[i])) - ranked_labels_.begin());
  }
}

// ---- groups

void ChannelMeasure::add(uint64_t* sums, size_t place) const {
  sums[1] += own_weight_[place];
  if (classes())
    sums[2 + own_label_[place]] += own_weight_[place];
  else
    sums[2] += own_weight_[place] * own_label_[place];
}

template <class Code>
void ChannelMeasure::group_dense(const NodeRows& node, const Code* codes, Code missing, size_t num_codes) {
  histogram_.assign((num_codes + 1) * width_, 0);
  for (size_t i = 0; i < node.rows.size(); ++i) {
    const Code code = codes[node.rows[i]];
    uint64_t* sums = &histogram_[(code == missing ? num_codes : size_t(code)) * width_];
    sums[0] += node.units[i];
    add(sums, i);
  }
  for (size_t code = 0; code < num_codes; ++code) {
    const uint64_t* sums = &histogram_[code * width_];
    if (sums[0] == 0) continue;
    groups_.codes.push_back(uint32_t(code));
    groups_.sums.insert(groups_.sums.end(), sums, sums + width_);
  }
  std::copy_n(histogram_.end() - ptrdiff_t(width_), width_, groups_.missing.begin());
}

template <class Code>
void ChannelMeasure::group_sorted(const NodeRows& node, const Code* codes, Code missing) {
  keys_.clear();
  std::fill(groups_.missing.begin(), groups_.missing.end(), uint64_t{0});
  for (size_t i = 0; i < node.rows.size(); ++i) {
    const Code code = codes[node.rows[i]];
    if (code != missing) {
      keys_.push_back(uint64_t(code) << 32 | i);
      continue;
    }
    groups_.missing[0] += node.units[i];
    groups_.missing_order.push_back(uint32_t(i));
    add(groups_.missing.data(), i);
  }
  sort_keys(keys_, spare_keys_);
  for (const uint64_t key : keys_) {
    const uint32_t code = uint32_t(key >> 32), place = uint32_t(key);
    if (groups_.codes.empty() || groups_.codes.back() != code) {
      groups_.codes.push_back(code);
      groups_.sums.resize(groups_.sums.size() + width_);
      groups_.end.push_back(uint32_t(groups_.order.size()));
    }
    uint64_t* sums = groups_.sums.data() + groups_.sums.size() - width_;
    sums[0] += node.units[place];
    add(sums, place);
    groups_.order.push_back(place);
    groups_.end.back() = uint32_t(groups_.order.size());
  }
}

void ChannelMeasure::group(const NodeRows& node, uint16_t feature) {
  groups_.codes.clear(), groups_.sums.clear(), groups_.end.clear(), groups_.order.clear(), groups_.missing_order.clear();
  with_codes(training_.matrix, feature, [&](const auto* codes, auto missing) {
    // Present codes are below `missing` for ranks, and at most the number of cuts for bins.
    const size_t num_codes = training_.matrix.ranked ? size_t(missing) : training_.matrix.cuts.of(feature).size() + 1;
    if (target_.criterion != Criterion::absolute_error && num_codes <= 2 * node.rows.size())
      group_dense(node, codes, missing, num_codes);
    else
      group_sorted(node, codes, missing);
  });
}

// ---- candidates

/// Sum of the labels of a group of rows, from its weight and its sum of shifted labels.
double ChannelMeasure::labels_of(uint64_t weight, uint64_t sum) const {
  return target_.label_of(0) * double(weight) + (double(low_) * double(weight) + std::ldexp(double(sum), int(shift_))) * target_.unit * 4;
}

/// What a node of these sums would predict; one number to learn, or the share of class 1.
double ChannelMeasure::number_of(const uint64_t* sums) const {
  return (classes() ? double(sums[width_ - 1]) : labels_of(sums[1], sums[2])) / double(sums[1]);
}

bool ChannelMeasure::large_enough() const {
  const uint64_t least = uint64_t(training_.params.min_samples_leaf);
  return left_[0] >= least && total_[0] - left_[0] >= least;
}

/// Of the split into left_ and the rest; below 0 when the criterion rules it out.
double ChannelMeasure::gain() const {
  const double weight_left = double(left_[1]), weight_right = double(total_[1] - left_[1]);
  double sum = 0;
  switch (target_.criterion) {
    case Criterion::entropy:
      for (size_t k = 2; k < width_; ++k) sum += x_log_x(double(left_[k])) + x_log_x(double(total_[k] - left_[k])) - x_log_x(double(total_[k]));
      sum -= x_log_x(weight_left) + x_log_x(weight_right) - x_log_x(double(total_[1]));
      return std::max(sum, 0.0);
    case Criterion::poisson: {
      const double left = labels_of(left_[1], left_[2]), right = labels_of(total_[1] - left_[1], total_[2] - left_[2]);
      const double all = labels_of(total_[1], total_[2]);
      if (!(left > 0) || !(right > 0)) return -1;
      const auto term = [](double sum_of_labels, double weight) { return sum_of_labels * kernels::baseline::logarithm(sum_of_labels / weight); };
      return std::max(0.0, term(left, weight_left) + term(right, weight_right) - term(all, double(total_[1])));
    }
    default:
      for (size_t k = 2; k < width_; ++k) {
        const double d = weight_right * double(left_[k]) - weight_left * double(total_[k] - left_[k]);
        sum += d * d;
      }
      return sum / (weight_left * weight_right);
  }
}

void ChannelMeasure::move(const uint64_t* sums, bool add_them) {
  for (size_t k = 0; k < width_; ++k) left_[k] += add_them ? sums[k] : uint64_t{0} - sums[k];
}

/// A monotone feature's children keep its order, and the bounds that splits above have set. Other features may split as they
/// like: their children's values are cut off at the bounds (enter). This is what scikit-learn does.
bool ChannelMeasure::within_bounds(const NodeRows& node, uint16_t feature, double left, double right) const {
  const int8_t direction = training_.monotone[feature];
  if (direction == 0) return true;
  return (left - right) * direction <= 0 && std::min(left, right) >= node.bounds.lowest && std::max(left, right) <= node.bounds.highest;
}

void ChannelMeasure::consider(const NodeRows& node, uint16_t feature, size_t boundary, bool missing_left) {
  if (!large_enough()) return;
  const double found = gain();
  if (found <= best_.gain) return;
  if (!training_.monotone.empty()) {
    for (size_t k = 0; k < width_; ++k) right_[k] = total_[k] - left_[k];
    if (!within_bounds(node, feature, number_of(left_.data()), number_of(right_.data()))) return;
  }
  offer(feature, boundary, missing_left, found);
}

/// The split after place `boundary` of the order becomes the best one.
void ChannelMeasure::offer(uint16_t feature, size_t boundary, bool missing_left, double found) {
  best_ = {};
  best_.gain = found, best_.feature = feature, best_.missing_left = missing_left, best_.misses = groups_.missing[0] > 0, best_.is_set = categories_;
  for (size_t g = 0; g < order_.size() && categories_; ++g) {
    best_.present.add(uint8_t(code_at(g)));
    if (g <= boundary) best_.set.add(uint8_t(code_at(g)));
  }
  if (categories_ && missing_left)
    for (const uint32_t code : few_) best_.set.add(uint8_t(code));
  if (!training_.monotone.empty()) best_.left = number_of(left_.data()), best_.right = number_of(right_.data());
  if (categories_) return;
  best_.cut = code_at(boundary), best_.next = code_at(std::min(boundary + 1, groups_.size() - 1));
  if (training_.matrix.ranked) best_.threshold = drawn_ ? *drawn_ : threshold_between(feature, best_.cut, best_.next);
}

/// Every boundary of the groups in their order, with missing values on either side.
void ChannelMeasure::scan(const NodeRows& node, uint16_t feature) {
  const bool misses = groups_.missing[0] > 0;
  std::fill(left_.begin(), left_.end(), uint64_t{0});
  for (size_t g = 0; g + (misses ? 0 : 1) < order_.size(); ++g) {
    move(sums_of(g), true);
    consider(node, feature, g, false);
    if (!misses) continue;
    move(groups_.missing.data(), true);
    consider(node, feature, g, true);
    move(groups_.missing.data(), false);
  }
}

/// Categories in the order of their mean label: the best set of them is then a beginning of the order (Fisher 1958) for one
/// number to learn and two classes. For more classes the order by the share of each class is tried. Of rows drawn with
/// replacement, categories of one or two go with the missing values: each would go by its own label (flights of 4,000 planes, 5,000 rows: AUC
/// 0.707 with them and 0.716 without). Of all rows (bootstrap=false) every category counts, so that a row of weight 2 is that row twice.
void ChannelMeasure::scan_categories(const NodeRows& node, uint16_t feature) {
  std::erase_if(order_, [&](uint32_t g) {
    if (!training_.params.bootstrap || groups_.sums[g * width_] >= kCategoryRows) return false;
    for (size_t k = 0; k < width_; ++k) groups_.missing[k] += groups_.sums[g * width_ + k];
    few_.push_back(groups_.codes[g]);
    return true;
  });
  const std::vector<uint32_t> all = order_;
  for (size_t k = num_classes_ == 2 ? 3 : 2; k < width_; ++k) {
    const auto mean = [&](uint32_t g) { return double(groups_.sums[g * width_ + k]) / double(groups_.sums[g * width_ + 1]); };
    order_ = all;
    std::stable_sort(order_.begin(), order_.end(), [&](uint32_t a, uint32_t b) { return mean(a) < mean(b); });
    scan(node, feature);
  }
}

void ChannelMeasure::shuffle_categories(uint64_t key) {
  for (uint32_t i = uint32_t(order_.size()); i > 1; --i) std::swap(order_[i - 1], order_[random_below(key, i, i)]);
}

/// One boundary drawn at random. Of bins, any edge between the lowest and the highest code of the node is as likely; of exact
/// ranks, any value between the lowest and the highest value; of categories, any in a random order of them.
void ChannelMeasure::scan_drawn(const NodeRows& node, uint16_t feature) {
  const bool misses = groups_.missing[0] > 0;
  const uint64_t key = random_bits(node.key, training_.key_of(feature));
  const double draw = random_unit(key, 0);
  size_t boundary = 0;
  if (categories_) shuffle_categories(key);
  if (categories_ || groups_.size() < 2) {
    boundary = std::min(size_t(draw * double(groups_.size() - (misses ? 0 : 1))), groups_.size() - 1);
  } else if (training_.matrix.ranked) {
    const std::span<const float> values = training_.matrix.ranked->values_of(feature);
    const float low = values[groups_.codes.front()], high = values[groups_.codes.back()];
    drawn_ = std::clamp(float(low + draw * (double(high) - low)), low, std::nextafter(high, low));
    while (values[groups_.codes[boundary + 1]] <= *drawn_) ++boundary;
  } else {
    const uint32_t low = groups_.codes.front(), span = groups_.codes.back() - low;
    const uint32_t cut = low + std::min(uint32_t(draw * span), span - 1);
    while (groups_.codes[boundary + 1] <= cut) ++boundary;
  }
  std::fill(left_.begin(), left_.end(), uint64_t{0});
  for (size_t g = 0; g <= boundary; ++g) move(sums_of(g), true);
  consider(node, feature, boundary, false);
  if (misses) move(groups_.missing.data(), true), consider(node, feature, boundary, true);
  drawn_.reset();
}

/// Sums of absolute deviations from the medians of both sides, from each end.
void ChannelMeasure::scan_deviations(uint16_t feature) {
  const bool misses = groups_.missing[0] > 0;
  const size_t count = groups_.size();
  // Of groups 0 .. g, or of g + 1 .. when `from_end`; and of the missing rows when they are `with` them.
  const auto deviations = [&](bool from_end, bool with) {
    DeviationSet set(ranked_labels_);
    std::vector<uint64_t> out(count);
    if (with)
      for (const uint32_t place : groups_.missing_order) set.add(label_rank_[place], own_weight_[place]);
    for (size_t step = 0; step < count && !training_.stopped(); ++step) {
      const size_t g = from_end ? count - 1 - step : step;
      if (from_end) out[g] = set.deviation();
      for (size_t i = g == 0 ? 0 : groups_.end[g - 1]; i < groups_.end[g]; ++i) set.add(label_rank_[groups_.order[i]], own_weight_[groups_.order[i]]);
      if (!from_end) out[g] = set.deviation();
    }
    return out;
  };
  DeviationSet all(ranked_labels_);
  for (size_t i = 0; i < label_rank_.size() && !training_.stopped(); ++i) all.add(label_rank_[i], own_weight_[i]);
  const uint64_t before = all.deviation();
  for (const bool missing_left : {false, true}) {
    if (missing_left && !misses) break;
    const std::vector<uint64_t> left = deviations(false, missing_left), right = deviations(true, misses && !missing_left);
    if (training_.stopped()) return;  // a feature of 60,000 rows takes ten milliseconds
    std::fill(left_.begin(), left_.end(), uint64_t{0});
    if (missing_left) move(groups_.missing.data(), true);
    for (size_t g = 0; g < count; ++g) {
      move(sums_of(g), true);
      if (!large_enough()) continue;
      const double found = double(before - left[g] - right[g]);
      if (found > best_.gain) offer(feature, g, missing_left, found);
    }
  }
}

bool ChannelMeasure::search(const NodeRows& node, std::span<const uint16_t> features) {
  for (const uint16_t feature : features) {
    if (training_.stopped()) break;
    if (by_class_) {
      const kernels::ClassSplit& found = class_search_.best();
      if (class_search_.search(node, feature))
        best_.gain = found.gain, best_.feature = feature, best_.cut = found.cut, best_.missing_left = found.missing_left;
      continue;
    }
    group(node, feature);
    if (groups_.size() == 0 || (groups_.size() == 1 && groups_.missing[0] == 0)) continue;
    order_.resize(groups_.size()), few_.clear();
    std::iota(order_.begin(), order_.end(), 0u);
    categories_ = !training_.matrix.categorical.empty() && training_.matrix.categorical[feature] != 0;
    if (training_.params.splitter == "random")
      scan_drawn(node, feature);
    else if (target_.criterion == Criterion::absolute_error)
      scan_deviations(feature);
    else if (categories_)
      scan_categories(node, feature);
    else
      scan(node, feature);
  }
  return best_.gain >= 0;
}

// ---- the split

float ChannelMeasure::threshold_between(uint16_t feature, uint32_t cut, uint32_t next) const {
  const std::span<const float> values = training_.matrix.ranked->values_of(feature);
  return cut == next ? std::numeric_limits<float>::infinity() : cut_between(values[cut], values[next]);
}

Divided ChannelMeasure::divide(const NodeRows& node) {
  Divided out;
  with_codes(training_.matrix, best_.feature, [&](const auto* codes, auto missing) {
    uint32_t next = missing;  // the smallest code to the right; that of missing values is above all others
    bool misses = false;
    out.left = partition_rows(node, scratch_, [&](int32_t row) {
      const auto code = codes[row];
      if (best_.is_set) return code == missing ? best_.missing_left : best_.set.has(uint8_t(code));
      misses |= code == missing;
      next = code > best_.cut ? std::min(next, uint32_t(code)) : next;
      return code == missing ? best_.missing_left : code <= best_.cut;
    });
    if (!by_class_) return;
    best_.misses = misses, best_.next = next == missing ? best_.cut : next;
    if (training_.matrix.ranked) best_.threshold = threshold_between(best_.feature, best_.cut, best_.next);
  });
  out.feature = best_.feature, out.is_set = best_.is_set, out.set = best_.set, out.threshold = best_.threshold;
  uint64_t left_weight = 0;
  for (size_t i = 0; i < size_t(out.left); ++i) left_weight += node.units[i] * weight_of(node.rows[i]);
  // What training did not see here, a missing value or a category, goes to the heavier side, left when equal.
  out.missing_left = best_.misses ? best_.missing_left : 2 * left_weight >= total_[1];
  if (!training_.monotone.empty()) out.direction = training_.monotone[best_.feature], out.middle = best_.left / 2 + best_.right / 2;
  if (best_.is_set && out.missing_left)
    for (size_t w = 0; w < out.set.bits.size(); ++w) out.set.bits[w] |= ~best_.present.bits[w];
  else if (!best_.is_set && !training_.matrix.ranked)
    out.cut = uint16_t(best_.cut + (best_.next > best_.cut ? (best_.next - 1 - best_.cut) / 2 : 0));
  return out;
}

}  // namespace hayate::learn
