// Between Arrow arrays and columns of hayate. The one header of hayate that knows Arrow's types: include it in few files
// (it costs a second of compile time each).
#pragma once

#include <arrow/io/type_fwd.h>
#include <arrow/type_fwd.h>

#include <memory>
#include <string>
#include <vector>

#include "hayate/error.h"
#include "hayate/table.h"
#include "io/files.h"
#include "io/limited_pool.h"
#include "io/reader.h"

namespace hayate::io {

/// An Error for what Arrow reports about `path`: no memory is Kind::budget, everything else a broken file.
Error arrow_error(const arrow::Status& status, const std::string& path, const char* hint);

/// Refuses a `part` of a file (its footer, or the schema that a stream begins with) that is not to be unpacked within `limit_bytes`: one of hundreds
/// of thousands of columns. Its size is the int32 at byte `at` of the file, from the end where that is negative; it and the columns take `times` its
/// bytes. What is no such file is left to the reader.
Result<void> check_schema_size(arrow::io::RandomAccessFile& file, const char* part, int64_t at, int64_t times, int64_t limit_bytes,
                               const std::string& path);

/// One column from the chunks of an Arrow column. Values are shared with Arrow's buffers where the layouts agree;
/// `pool`, whence they came, is kept alive with them. Arrays are validated in full first: offsets, dictionary codes and
/// UTF-8 of a foreign file may be anything. `where` is the file, `name` the column, for errors. Decimals whose type `options` name are text with
/// all of their digits, unless that is float64: retype (retype.h) makes of them what was asked for. What is rounded is told to options.roundings.
Result<Column> column_from(const arrow::ChunkedArray& chunks, const std::shared_ptr<LimitedPool>& pool, const std::string& name,
                           const std::string& where, const ReadOptions& options);

/// Under which name a schema's metadata hold what TableWriter was given as statistics; and that text, or "".
inline constexpr const char* kStatisticsKey = "hayate.statistics";
std::string statistics_of(const arrow::Schema& schema);

/// The schema with one name for each field: a repeated one is "a.1", as in CSV.
std::shared_ptr<arrow::Schema> with_own_names(const std::shared_ptr<arrow::Schema>& schema);

/// Indices of the fields to read: the wanted names in their order, or all but pandas' index columns. An index called
/// symbol, date or datetime is a column of bars and is read.
Result<std::vector<int>> choose_fields(const arrow::Schema& schema, const std::vector<std::string>& wanted, const std::string& path);

/// The Arrow type that `column` has in files, and the column as an array of it, sharing its bytes.
std::shared_ptr<arrow::DataType> arrow_type(const Column& column);
std::shared_ptr<arrow::Array> arrow_array(const Column& column);

/// `path` opened for random access ("-" and pipes: read to their end). All reading happens on the calling thread: Arrow's
/// own files read footers on Arrow's threads, which then free memory of `pool` after it is gone.
Result<std::shared_ptr<arrow::io::RandomAccessFile>> open_random_access(const std::string& path, LimitedPool* pool);

}  // namespace hayate::io
