// Writes tables in any known format, row by row order kept, published atomically. The bytes depend on the rows alone,
// never on how they were cut into append() calls: rows are gathered into groups of row_group_rows() before they are encoded.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/hash.h"
#include "exec/pool.h"
#include "hayate/error.h"
#include "hayate/table.h"
#include "io/files.h"

namespace hayate::io {

/// Rows of one Parquet row group or one Arrow record batch, at most: 41 MB of Alpha158 in float32.
inline constexpr int64_t kRowGroup = 65'536;
/// Rows of a group of a table with such columns: a group is in memory twice while its rows are put together, so that of a wide table has fewer.
int64_t row_group_rows(const Table& schema);

/// csv: RFC 4180 quoting, "\n" line ends, shortest numbers that read back exactly, missing empty, ISO dates.
/// parquet: snappy, dictionary pages for text, category and dates. arrow, feather: IPC file. json: array of records;
/// jsonl: a record a line; missing and infinite numbers are null there. npy: all columns numeric, one 2-D array.
class TableWriter {
 public:
  /// `path` "-": standard output in `kind`; "none": nothing is written, only checksum() is computed; else the extension
  /// of the path names the kind unless `kind` is given. The folder must exist; nothing stands at `path` before finish().
  /// `narrow`: codes and offsets are written in the Column::file_width of the first table, and rows for which that is too
  /// narrow are an Error; else as int32 and int64.
  /// `statistics`: a text about the rows that Parquet and Arrow files keep in their metadata (stored_statistics in chunks.h); the others have no
  /// place for it.
  /// `pool` (may be null) outlives the writer and helps with formats of text; not from within a task of it.
  static Result<TableWriter> open(const std::string& path, std::optional<FileKind> kind = {}, bool narrow = false, exec::Pool* pool = nullptr,
                                  const std::string& statistics = {});

  TableWriter(TableWriter&&) noexcept;
  TableWriter& operator=(TableWriter&&) noexcept;
  ~TableWriter();  ///< without finish(): what was written is removed

  /// Adds rows. Every table must have the names and dtypes of the first; dictionaries of a category may differ.
  Result<void> append(const Table& rows);
  /// Writes what is pending and publishes. A writer that never saw a table is an assertion.
  Result<void> finish();

  int64_t num_rows() const;
  /// After finish(), for "none" alone: a hash of names, dtypes and values (null and NaN are the same).
  Hash128 checksum() const;

 private:
  struct State;
  explicit TableWriter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// open, append, finish. The checksum is of use for "none" only.
Result<Hash128> write_table(const std::string& path, const Table& table, std::optional<FileKind> kind = {}, exec::Pool* pool = nullptr);

}  // namespace hayate::io
