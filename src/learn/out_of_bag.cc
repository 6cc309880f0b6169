#include "learn/out_of_bag.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace hayate::learn {
namespace {

/// Where each of `rows` ends; eight go down at a time, so that their cache misses overlap.
template <class Take>
void walk_rows(const Training& training, const Tree& tree, const std::vector<uint32_t>& counts, Take take) {
  constexpr size_t kLanes = 8;
  std::array<size_t, kLanes> place{};
  std::array<uint32_t, kLanes> at{};
  size_t lanes = 0;
  const auto finish = [&] {
    for (bool moved = true; moved;) {
      moved = false;
      for (size_t lane = 0; lane < lanes; ++lane) {
        const TreeNode& node = tree.nodes[at[lane]];
        if (node.is_leaf()) continue;
        at[lane] = node.child() + (goes_left(training.matrix, tree, at[lane], training.rows[place[lane]]) ? 0 : 1);
        moved = true;
      }
    }
    for (size_t lane = 0; lane < lanes; ++lane) take(place[lane], at[lane]);
    lanes = 0;
  };
  for (size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] > 0) continue;
    place[lanes] = i, at[lanes] = 0;
    if (++lanes == kLanes) finish();
  }
  finish();
}

}  // namespace

/// Sums of up to 100,000 trees stay below 2^62.
OutOfBagSums::OutOfBagSums(const Training& training)
    : width_(training.values_per_node()), sums_(training.rows.size() * width_), trees_(training.rows.size()) {
  double high = 1;
  const Labels& labels = training.target.labels;
  if (labels.problem == Problem::regression) {
    low_ = high = labels.values[size_t(training.rows[0])] / 2;
    for (const int32_t row : training.rows)
      low_ = std::min(low_, labels.values[size_t(row)] / 2), high = std::max(high, labels.values[size_t(row)] / 2);
  }
  int exponent = 0;
  std::frexp(high - low_, &exponent);
  step_ = std::ldexp(1.0, std::max(-1000, exponent - 44));
}

void OutOfBagSums::add(const Training& training, const Tree& tree, const std::vector<uint32_t>& counts) {
  const bool numbers = training.target.labels.problem == Problem::regression;
  walk_rows(training, tree, counts, [&](size_t place, uint32_t leaf) {
    ++trees_[place];
    for (size_t k = 0; k < width_; ++k) {
      const double value = tree.values[leaf * width_ + k];
      sums_[place * width_ + k] += std::llrint(((numbers ? value / 2 : value) - low_) / step_);
    }
  });
}

void OutOfBagSums::merge(const OutOfBagSums& other) {
  for (size_t i = 0; i < sums_.size(); ++i) sums_[i] += other.sums_[i];
  for (size_t i = 0; i < trees_.size(); ++i) trees_[i] += other.trees_[i];
}

OutOfBag OutOfBagSums::finish(const Training& training, std::span<const int32_t> places, size_t num_given) const {
  const Labels& labels = training.target.labels;
  const bool numbers = labels.problem == Problem::regression;
  const size_t outputs = numbers ? 1 : size_t(labels.num_classes);
  OutOfBag out;
  out.predictions.assign(num_given * outputs, std::numeric_limits<double>::quiet_NaN());
  int64_t right = 0;
  double mean = 0, squares = 0, rest = 0;
  for (size_t i = 0; i < trees_.size(); ++i) {
    if (trees_[i] == 0) continue;
    ++out.rows;
    double* row = &out.predictions[size_t(places[i]) * outputs];
    for (size_t k = 0; k < width_; ++k) row[outputs == 2 ? 1 : k] = double(sums_[i * width_ + k]) / trees_[i] * step_ + low_;
    if (outputs == 2) row[0] = 1 - row[1];
    if (numbers) row[0] *= 2;
    const size_t place = size_t(training.rows[i]);
    if (!numbers) {
      right += std::max_element(row, row + outputs) - row == labels.classes[place];
      continue;
    }
    const double label = labels.values[place], from_mean = label - mean;
    mean += from_mean / double(out.rows);
    squares += from_mean * (label - mean), rest += (label - row[0]) * (label - row[0]);
  }
  const double score = numbers ? 1 - rest / squares : double(right) / double(out.rows);
  out.score = std::isfinite(score) ? score : std::numeric_limits<double>::quiet_NaN();
  return out;
}

}  // namespace hayate::learn
