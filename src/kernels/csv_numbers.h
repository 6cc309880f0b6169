// The numbers of a column of a CSV file, many rows at once, as far as they are written plainly; others are left to who asks.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hayate::kernels {

/// Fields of one column in rows that follow one another: that of row r ends at ends[r * width] and begins behind ends[r * width - 1].
/// 16 bytes before and behind every one of them can be read.
struct CsvFields {
  const char* data;
  const uint32_t* ends;
  size_t width, rows;
  bool last;  ///< of the line: a '\r' at its end is not part of the field
};

struct CsvNumberKernels {
  /// slots[r] from row `row` on, while fields hold "1" or "-25": 1 to 16 digits without leading zeros. Returns the first row that holds
  /// something else, or fields.rows; `negative` becomes true when a value was below zero.
  size_t (*read_integers)(const CsvFields& fields, size_t row, int64_t* slots, bool* negative);
  /// The same for the bits of the doubles nearest to "12.5" or "-0.125": 1 to 8 digits, a point, 1 to 8 digits, at most 15 in all.
  size_t (*read_reals)(const CsvFields& fields, size_t row, int64_t* slots);
};

const CsvNumberKernels& csv_number_kernels();

}  // namespace hayate::kernels
