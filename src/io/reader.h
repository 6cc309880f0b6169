// Reads a table from a file of any known format. What each format becomes is in docs/formats/tables.md. A torn, foreign
// or hostile file is an Error: no reader crashes, throws, or takes memory on the word of a size written in the file.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "exec/pool.h"
#include "exec/steps.h"
#include "hayate/error.h"
#include "hayate/table.h"
#include "io/csv_form.h"
#include "io/files.h"
#include "io/roundings.h"

namespace hayate::io {

struct ReadOptions {
  std::vector<std::string> columns;   ///< the columns wanted, in this order; empty: all of them
  std::optional<FileKind> kind;       ///< for "-" and names that say nothing; else the extension decides
  exec::Pool* pool = nullptr;         ///< workers for one large file; nullptr: the calling thread alone
  int64_t memory_limit_bytes = 0;     ///< a table that would need more is refused; 0: 80 % of what the machine grants
  std::vector<NamedType> types = {};  ///< of columns by name; an unknown name is a usage Error, a value that does not fit an input Error
  double timeout_seconds = 0;         ///< of a file that a worker process reads (HDF5); 0: ten minutes
  CsvForm csv = {};                   ///< how CSV files are written; other formats refuse anything but the defaults
  bool coded_text = false;            ///< text columns of CSV files may come as categories: what reads words by code need not look at every row's
  const exec::Cancellation* cancel = nullptr;  ///< told to stop, reading CSV, Parquet or several files ends soon with an Error (interrupted)

  std::shared_ptr<Roundings> roundings = nullptr;  ///< told of values that no dtype holds; null: nobody wants to know
  exec::Steps* steps = nullptr;                    ///< told of the bytes of files that are read in chunks

  bool stopped() const { return cancel && cancel->stopped(); }
};

/// The table in `path`: a file, a qlib folder, or standard input ("-"). Folders key=value above it are columns too (partitions.h). An unknown name in `columns` is a usage Error with the nearest name.
/// Columns that pandas stored as an index (named so in the file's metadata) are left out.
Result<Table> read_table(const std::string& path, const ReadOptions& options = {});

/// Several files as one table, in the order of `paths`. Columns are matched by name; one that a file lacks is missing in its rows, where
/// options.roundings is there to be told, else an Error (the first file's order is kept, see file_columns.h); types are widened as `concatenate` in hayate/table.h does, and a column that is text in one
/// CSV file is text as written in all of them.
Result<Table> read_tables(std::span<const std::string> paths, const ReadOptions& options = {});

}  // namespace hayate::io
