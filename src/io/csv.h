// CSV bytes in memory to a table.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "exec/pool.h"
#include "exec/steps.h"
#include "hayate/error.h"
#include "hayate/table.h"
#include "io/csv_form.h"
#include "io/roundings.h"

namespace hayate::io {

struct CsvOptions {
  std::vector<std::string> columns;  ///< wanted, in this order; empty: all
  std::vector<std::string> as_text;  ///< columns that stay text whatever they hold
  exec::Pool* pool = nullptr;        ///< nullptr: the calling thread alone
  int64_t memory_limit_bytes = INT64_MAX;
  std::vector<NamedType> types = {};           ///< of these columns: a value that does not fit is an Error
  CsvForm form = {};                           ///< its encoding is the caller's to undo
  char separator = 0;                          ///< 0: found from the first records
  bool coded_text = false;                     ///< text of which few values are different comes as a category, names sorted
  const exec::Cancellation* cancel = nullptr;  ///< told to stop: an Error (interrupted)
  exec::Steps* steps = nullptr;                ///< told of the bytes that are read in chunks
  Roundings* roundings = nullptr;              ///< told of integers that float64 does not hold, beside decimals
};

/// Reads CSV with one header line. Separator , ; tab or |, found from the first records unless it is given. Types come from all values of
/// a column (csv_value.h); missing values are null, and NaN beneath the null in a float64 column. A column without
/// values, and every column of a file with a header only, is float64. Unnamed columns are called "Unnamed: 0" and
/// repeated names "a.1", as pandas does. The result does not depend on the workers.
///
/// Errors name `path`, the line (from 1, the header's; lines inside quotes count) and the value: an empty file, a line
/// with more or fewer fields than the header, a quote that never closes or has text behind it, NUL bytes, bytes that
/// are not UTF-8, a value that is not of the type that was asked for. A name in `types` that no column has is a usage Error.
Result<Table> parse_csv(std::string_view bytes, const std::string& path, const CsvOptions& options = {});

/// The same for a file, which is read piece by piece and never in memory as a whole, unless something is wrong with it.
Result<Table> read_csv_file(const std::string& path, const CsvOptions& options = {});

}  // namespace hayate::io
