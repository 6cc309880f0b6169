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

struct CsvKernels {
  CsvBlock (*count_block)(const char* data, size_t size, char newline);
  /// ends: positions of all separators and newlines outside quotes, ascending. `data` starts outside quotes, at a record. Room for
  /// size + 64 entries; size < 4 GiB.
  CsvScan (*scan_fields)(const char* data, size_t size, char separator, char newline, uint32_t* ends);
};

const CsvKernels& csv_kernels();

}  // namespace hayate::kernels
