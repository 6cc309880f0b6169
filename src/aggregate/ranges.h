// What all values of a column are between: found block by block, by any worker, and merged without order.
#pragma once

#include <memory>

#include "aggregate/names.h"
#include "aggregate/words.h"
#include "hayate/table.h"
#include "kernels/words.h"

namespace hayate::aggregate {

struct ColumnRange {
  int64_t rows = 0, missing = 0;
  uint64_t least = UINT64_MAX, greatest = 0;           ///< words; places for text
  kernels::SizeRange sizes = {};                       ///< of reals
  std::shared_ptr<const SortedNames> names = nullptr;  ///< of text and categories
  std::shared_ptr<const Column> dictionary = nullptr;  ///< the names as a column, for categories

  bool has_values() const { return rows > missing; }
};

/// Rows that are looked at together.
inline constexpr int64_t kRangeRows = 4096;

/// Adds at most kRangeRows rows of a column that is not text; NaN is missing.
void add_values(const Column& column, int64_t begin, int64_t count, ColumnRange* range);
/// Adds rows, missing ones, extremes and sizes.
void merge_range(const ColumnRange& from, ColumnRange* into);

}  // namespace hayate::aggregate
