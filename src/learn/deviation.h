// Sums of absolute deviations from the median of a growing set, for criterion absolute_error.
#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <vector>

namespace hayate::learn {

/// Members are known beforehand by the rank of their label; adding one and asking both take O(log n): two Fenwick trees, over
/// weight and over weight * label.
class DeviationSet {
 public:
  /// `labels` ascending, by rank.
  explicit DeviationSet(std::span<const int64_t> labels)
      : labels_(labels), weights_(labels.size() + 1), products_(labels.size() + 1), top_(std::bit_floor(labels.size())) {}

  void add(uint32_t rank, uint64_t weight) {
    weight_ += weight, product_ += weight * uint64_t(labels_[rank]);
    for (size_t at = rank + 1; at < weights_.size(); at += at & (0 - at)) weights_[at] += weight, products_[at] += weight * uint64_t(labels_[rank]);
  }

  /// Sum over the set of weight * |label - median|; exact, modulo 2^64.
  uint64_t deviation() const {
    if (weight_ == 0) return 0;
    size_t at = 0;
    uint64_t below = 0, product_below = 0;  // of the ranks before the median's
    for (size_t step = top_; step > 0; step /= 2)
      if (at + step < weights_.size() && 2 * (below + weights_[at + step]) < weight_)
        at += step, below += weights_[at], product_below += products_[at];
    const uint64_t median = uint64_t(labels_[at]);
    return median * below - product_below + (product_ - product_below) - median * (weight_ - below);
  }

 private:
  std::span<const int64_t> labels_;
  std::vector<uint64_t> weights_, products_;
  size_t top_;
  uint64_t weight_ = 0, product_ = 0;
};

}  // namespace hayate::learn
