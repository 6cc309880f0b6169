// Where the fields of a CSV file end, 64 bytes at a time as bit masks. A prefix xor over the mask of quotes tells which
// bytes stand inside quotes (a doubled quote leaves and enters again), so separators and newlines inside fall away with
// one `and`.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hayate::kernels {

/// One block read in two hypotheses: [0] it starts outside quotes, [1] inside.
struct CsvBlock {
  bool odd_quotes;
  int64_t newlines[2];       ///< those outside quotes
  int64_t first_newline[2];  ///< position in the block, or -1
};

struct CsvScan {
  size_t num_ends;  ///< entries written to `ends`
  size_t num_rows;  ///< newlines among them
  bool malformed;   ///< a quote that masks do not understand: opened inside a field, closed before its end, or never closed
  bool has_quotes, has_nul;
  bool has_high;  ///< bytes above 127
};

/// Fields of one column in rows that follow one another: that of row r ends at ends[r * width] and begins behind ends[r * width - 1].
/// 16 bytes before and behind every one of them can be read.
struct CsvFields {
  const char* data;
  const uint32_t* ends;
  size_t width, rows;
  bool last;  ///< of the line: a '\r' at its end is not part of the field
};

struct CsvKernels {
  CsvBlock (*count_block)(const char* data, size_t size, char newline);
  /// ends: positions of all separators and newlines outside quotes, ascending. `data` starts outside quotes, at a record. Room for
  /// size + 64 entries; size < 4 GiB.
  CsvScan (*scan_fields)(const char* data, size_t size, char separator, char newline, uint32_t* ends);
  /// slots[r] from row `row` on, while fields hold "1" or "-25": 1 to 16 digits without leading zeros. Returns the first row that holds
  /// something else, or fields.rows; `negative` becomes true when a value was below zero.
  size_t (*read_integers)(const CsvFields& fields, size_t row, int64_t* slots, bool* negative);
  /// The same for the bits of the doubles nearest to "12.5" or "-0.125": 1 to 8 digits, a point, 1 to 8 digits, at most 15 in all.
  size_t (*read_reals)(const CsvFields& fields, size_t row, int64_t* slots);
};

const CsvKernels& csv_kernels();

}  // namespace hayate::kernels
