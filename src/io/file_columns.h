// Several files as one table, by the names of their columns: a column that a file lacks is missing in its rows, and that is said.
//
// Of every file those columns are read that it has. All are asked for the wanted ones first, as most files of a folder are alike; one that
// refuses is asked for its names, which Parquet, Arrow and plain CSV tell without their values, or read with all columns.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "hayate/error.h"
#include "io/chunks.h"
#include "io/reader.h"

namespace hayate::io {

/// The columns of a file, without those of its folders. Empty: only reading tells.
Result<std::vector<std::string>> names_in_file(const std::string& path, const ReadOptions& options);

/// What to ask of one of several files that `refused` options because it lacks a wanted column, or one with a type: those that it has, one at
/// least, or all. Nothing: the Error is another one.
std::optional<ReadOptions> options_without_lacking(const std::string& path, const ReadOptions& options, const Error& refused);

/// The columns of the table that all files make: the wanted ones, or all in the order in which they come first, those of folders last. Tells
/// options.roundings which of them some files lack. Usage Error: a wanted column, or one with a type, that no file has.
Result<std::vector<std::string>> columns_of_all(std::span<const Table> tables, std::span<const std::string> paths, const ReadOptions& options);

/// The table with these columns; those that it lacks have no values.
Table completed(const Table& table, const std::vector<std::string>& columns);
/// The same for all chunks of a file.
std::unique_ptr<ChunkReader> completed(std::unique_ptr<ChunkReader> chunks, std::vector<std::string> columns);

}  // namespace hayate::io
