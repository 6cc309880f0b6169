// The codes of one feature, whatever their width: bytes of bins, or 16 or 32-bit ranks.
#pragma once

#include <cstdint>

#include "hayate/binned.h"

namespace hayate::learn {

/// Calls read(codes, missing_code) with a pointer to the feature's codes.
template <class Read>
decltype(auto) with_codes(const BinnedMatrix& matrix, int64_t feature, Read read) {
  if (!matrix.ranked) return read(matrix.codes.data() + feature * matrix.stride, uint8_t{kMissingCode});
  const RankedMatrix& ranked = *matrix.ranked;
  const size_t begin = size_t(feature * ranked.num_rows), missing = ranked.values_of(feature).size();
  if (!ranked.ranks16.empty()) return read(ranked.ranks16.data() + begin, uint16_t(missing));
  return read(ranked.ranks32.data() + begin, uint32_t(missing));
}

/// Bytes of a row of codes, so that a row lies in few cache lines: of a matrix by rows, which may be large, and of a table that is made beside the
/// columns, whose rows begin with a line (5000 x 160: 3 % of training).
int64_t row_stride_of(int64_t num_features);
int64_t table_stride_of(int64_t num_features);
/// A matrix whose codes lie row by row as one whose codes lie column by column.
BinnedMatrix by_columns(const BinnedMatrix& matrix);

/// The largest float32 that does not lie above the middle of the gap a < b; a <= result < b.
float cut_between(float a, float b);

}  // namespace hayate::learn
