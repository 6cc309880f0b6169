// Layouts of trees that test codes, for many rows. Codes are made a block of rows at a time, and what is tested of them is kept in slots, one a feature
// or one for each side that its tests send missing values to (kernels/leaves.h); all trees pass over a block while it is in the first-level cache. How
// a tree finds the leaves is the layout's own: by bits and walking (unit_trees.h), or 31 tests at a time (block_trees.h).
//
// Nodes keep the places that they have in the forest, so the forest's own values serve (of one value a leaf BlockTrees has a copy, by way). A layout
// answers for the trees and the depth that it was made with; the forest must outlive it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "hayate/model.h"
#include "kernels/leaves.h"

namespace hayate {

/// Whether codes decide every test of the forest: one with categories has no codes, nor has one with thresholds of its own.
inline bool has_codes(const Forest& forest) { return forest.thresholds.empty() && forest.categorical.empty(); }

/// Whether trees have, on average, so few leaves that bits alone answer them.
bool few_leaves(const Forest& forest);

/// Of each node of all trees used the longest way down; 0 where rows stop. A place more is there to be read.
std::vector<uint32_t> heights_of(const Forest& forest, ForestCut cut);

class CodedTrees {
 public:
  virtual ~CodedTrees() = default;

  void predict(const FloatColumns& raw, std::span<double> out) const;
  void predict_codes(const CodeColumns& codes, std::span<const int32_t> rows, std::span<double> out) const;
  /// Seconds for all trees on rows of any codes: the best of three times.
  double measure() const;

 protected:
  static constexpr size_t kCachedBytes = 24 << 10;  ///< of codes, while all trees pass over them
  static constexpr size_t kUnit = size_t(kernels::kUnitRows);

  enum class Missing : uint8_t { by_slot, right };  ///< a slot for each side; one slot, where a missing value is kept as what goes right

  /// has_codes(forest).
  CodedTrees(const Forest& forest, const std::vector<uint32_t>& heights, Missing missing);

  /// Adds the trees to the scores of 64 rows a unit; codes of slot s are at 64 * s of a unit, units `unit_bytes()` apart.
  virtual void add(const uint8_t* units, size_t num_units, size_t stride, double* scores) const = 0;
  virtual size_t num_trees() const = 0;

  size_t unit_bytes() const;
  uint32_t slot(const TreeNode& node) const { return slot_of_[size_t(node.feature) * 2 + node.missing_left()]; }

  static constexpr uint32_t kNone = ~0u;
  const Forest& forest_;
  size_t num_slots_ = 0;
  std::vector<uint32_t> slot_of_;  ///< by 2 * feature + missing_left: the codes of a feature; both are the same where it has one slot

 private:
  template <class CodesOf>
  void predict_blocks(size_t num_rows, CodesOf codes_of, std::span<double> out) const;
};

}  // namespace hayate
