// One function per format; read_table (reader.h) chooses. `limit_bytes` bounds what a reader may allocate.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "hayate/error.h"
#include "hayate/table.h"
#include "io/files.h"
#include "io/reader.h"

namespace hayate::io {

/// Memory of a column of text before its first row: name, cells, builders, and what a table, a chunk of it and a writer keep of it. Of 88,500
/// columns head takes 1.5 KB each, convert to .csv 2.3, to .arrow 2.6.
inline constexpr int64_t kColumnBytes = 2700;

Result<Table> read_parquet(const std::string& path, const ReadOptions& options, int64_t limit_bytes);
/// Arrow IPC: the file format (.arrow, .feather) and the stream format, told apart by their first bytes.
Result<Table> read_arrow(const std::string& path, const ReadOptions& options, int64_t limit_bytes);
/// A file (or "-") of JSON, as parse_json_table has it.
Result<Table> read_json_table(const std::string& path, const ReadOptions& options, bool lines, int64_t limit_bytes);
/// JSON in memory: an array of records or an object of columns as pandas writes them; `lines`: a record a line.
/// `bytes` are given up as soon as they are not needed any more.
Result<Table> parse_json_table(Buffer bytes, const std::string& path, const ReadOptions& options, bool lines, int64_t limit_bytes);
/// A NumPy array of numbers or bools in memory: one dimension is the column "0", two are columns "0", "1", ...
Result<Table> parse_npy(const Buffer& bytes, const std::string& path, const ReadOptions& options);

/// The bytes of a file; of standard input without codec also what is wrapped in one.
Result<Buffer> read_unpacked(const std::string& path, Codec codec, int64_t limit_bytes);
/// Gzip (any number of members) or zstd (any number of frames) unpacked. Torn bytes, bytes behind the end and more than
/// half of `limit_bytes` are Errors.
Result<Buffer> decompress(const Buffer& bytes, Codec codec, const std::string& path, int64_t limit_bytes);

}  // namespace hayate::io
