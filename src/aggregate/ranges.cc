#include "aggregate/ranges.h"

#include <algorithm>

namespace hayate::aggregate {
namespace {

void add_sizes(const uint64_t* words, const uint8_t* missing, int64_t count, ColumnRange* range) {
  for (int64_t i = 0; i < count; ++i) {
    if (missing[i]) continue;
    const uint64_t size = double_bits_of(words[i]) & ~kSignBit;
    if (size == kInfinity) {
      range->sizes.infinite = true;
    } else if (size != 0) {
      range->sizes.least = std::min(range->sizes.least, size);
      range->sizes.greatest = std::max(range->sizes.greatest, size);
    }
  }
}

/// Rows of a column with nulls, or of bits.
void add_by_words(const Column& column, int64_t begin, int64_t count, ColumnRange* range) {
  uint64_t words[kRangeRows];
  uint8_t missing[kRangeRows];
  read_words(column, begin, count, words, missing);
  for (int64_t i = 0; i < count; ++i) {
    range->missing += missing[i];
    range->least = missing[i] ? range->least : std::min(range->least, words[i]);
    range->greatest = std::max(range->greatest, words[i]);
  }
  if (word_kind(column.dtype) == WordKind::real) add_sizes(words, missing, count, range);
}

}  // namespace

void add_values(const Column& column, int64_t begin, int64_t count, ColumnRange* range) {
  range->rows += count;
  const kernels::WordKernels& kernels = kernels::word_kernels();
  if (column.validity.data || column.dtype == Dtype::boolean)
    add_by_words(column, begin, count, range);
  else if (word_kind(column.dtype) == WordKind::real)
    range->missing += kernels.real_range(element_of(column.dtype), rows_at(column, begin), count, &range->least, &range->greatest, &range->sizes);
  else
    kernels.whole_range(element_of(column.dtype), rows_at(column, begin), count, &range->least, &range->greatest);
}

void merge_range(const ColumnRange& from, ColumnRange* into) {
  into->rows += from.rows, into->missing += from.missing;
  into->least = std::min(into->least, from.least), into->greatest = std::max(into->greatest, from.greatest);
  into->sizes.least = std::min(into->sizes.least, from.sizes.least), into->sizes.greatest = std::max(into->sizes.greatest, from.sizes.greatest);
  into->sizes.infinite |= from.sizes.infinite;
}

}  // namespace hayate::aggregate
