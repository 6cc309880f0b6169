// Predictions of training rows by the trees that did not draw them, gathered while the trees are grown.
#pragma once

#include <cstdint>
#include <vector>

#include "hayate/forest.h"
#include "learn/tree.h"

namespace hayate::learn {

/// Sums over the trees of one worker. Values are added as whole numbers of a fixed step, so that neither the order of trees
/// nor the worker that grew them shows in the result.
class OutOfBagSums {
 public:
  explicit OutOfBagSums(const Training& training);
  /// `counts`: draws of each training row by this tree.
  void add(const Training& training, const Tree& tree, const std::vector<uint32_t>& counts);
  void merge(const OutOfBagSums& other);
  /// Per training row; `places` says where each stands among the rows that the caller gave, of which there are `num_given`.
  OutOfBag finish(const Training& training, std::span<const int32_t> places, size_t num_given) const;

 private:
  size_t width_;
  double low_ = 0, step_ = 1;
  std::vector<int64_t> sums_;  ///< width_ a training row
  std::vector<uint32_t> trees_;
};

}  // namespace hayate::learn
