// A table some rows at a time, as often as needed: what is larger than memory is aggregated, shrunk and described in
// several passes over its file.
//
// A text file has its types only when all of its values were seen, so opening one is a pass of its own, which keeps
// nothing: chunks have the types that the whole table would have, whatever their size.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "hayate/error.h"
#include "hayate/table.h"
#include "io/reader.h"

namespace hayate::io {

struct ChunkOptions {
  ReadOptions read;        ///< memory_limit_bytes bounds the chunk in hand and what reading it takes
  int64_t chunk_rows = 0;  ///< most rows of a chunk; 0: as many as the memory suggests
};

class ChunkReader {
 public:
  virtual ~ChunkReader() = default;
  /// Names and dtypes of all chunks, without rows. A category's dictionary is that of the chunk alone. A chunk may hold categories
  /// where this says text, if that was asked for (ReadOptions::coded_text).
  virtual const Table& schema() const = 0;
  /// The next rows, at least one; nothing at the end. The call after that begins anew.
  virtual Result<std::optional<Table>> next() = 0;
  /// False for a column of which it is known that it has no value: its dtype gives way to that of other files.
  virtual bool has_values(size_t) const { return true; }
  /// Bytes that stay in memory between calls because the table is there as a whole.
  virtual int64_t held_bytes() const { return 0; }
  /// The table, where it is in memory as a whole and comes as one chunk.
  virtual const Table* whole() const { return nullptr; }
};

/// The names of the columns in `paths`, without reading values where the format allows it. Empty where only reading tells.
Result<std::vector<std::string>> column_names(std::span<const std::string> paths, const ReadOptions& options);

/// What TableWriter was given as statistics of the one file that `paths` is, if its format keeps them; "" otherwise. The file may have other rows by now.
Result<std::string> stored_statistics(std::span<const std::string> paths, const ReadOptions& options);

/// The files as one table, with the types and errors of read_tables. A table that takes less than a third of the memory
/// is read as a whole at once, on all workers; others chunk by chunk: CSV (compressed or from a pipe: unpacked into a
/// temporary file first), Parquet, Arrow, JSON records, HDF5 and .npy. JSON in pandas' column form must fit the memory.
Result<std::unique_ptr<ChunkReader>> open_chunks(std::span<const std::string> paths, const ChunkOptions& options);

/// A table in memory as chunks of at most `chunk_rows` rows (0: one chunk).
std::unique_ptr<ChunkReader> chunks_of(Table table, int64_t chunk_rows);

}  // namespace hayate::io
