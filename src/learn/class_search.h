// Looks for the best split of a node of several classes by Gini impurity with kernels::ClassKernels: what ChannelMeasure does for every criterion
// and kind of feature, for the one case that most forests of classes are. The splits are the same.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/class_splits.h"
#include "learn/tree.h"

namespace hayate::learn {

class ClassSearch {
 public:
  /// `whole`: weights by row, or none.
  ClassSearch(const Training& training, std::span<const uint32_t> whole);

  /// Takes up a node; false when it is none for these kernels. `sums`: rows drawn, weight, weight of each class.
  bool take(const NodeRows& node, std::span<const uint64_t> sums);
  /// Looks at a feature of the node in hand; true when its split is better than all before.
  bool search(const NodeRows& node, uint16_t feature);
  const kernels::ClassSplit& best() const { return best_; }

 private:
  void sort_rows(const NodeRows& node);
  void spread_rows(const NodeRows& node);
  template <class Code>
  void search_few(const Code* codes, Code missing);
  template <class Code>
  void search_bins(const NodeRows& node, const Code* codes, Code missing, int32_t num_codes, bool has_missing);

  const Training& training_;
  std::span<const uint32_t> whole_;
  bool fits_ = false;                                       ///< what is learnt, and how
  bool all_fit_ = false;                                    ///< codes of every feature fit a histogram
  uint32_t least_ = 1;                                      ///< weight on each side
  std::vector<uint32_t> slot_of_class_, totals_, missing_;  ///< by class; of those that are there, by slot
  kernels::ClassSplit best_;
  uint32_t total_ = 0;
  bool is_few_ = false;
  kernels::FewClasses few_{};
  std::array<int32_t, size_t(kernels::kFewClassRows)> few_rows_{};  ///< those of a class together
  alignas(64) std::array<int16_t, size_t(kernels::kFewClassRows)> few_codes_{};
  std::vector<uint32_t> slots_, weights_;  ///< by place in the node; where the histogram of the class begins
  AlignedBytes sums_;
};

}  // namespace hayate::learn
