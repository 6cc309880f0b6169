// HDF5 as pandas writes it (to_hdf), through libhdf5, which is one global lock and crashes on some hostile files: reading
// happens in a process of its own, with its memory and time limited (hdf5_worker.cc). docs/formats/tables.md has the layout.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "hayate/error.h"
#include "hayate/table.h"
#include "io/encoders.h"
#include "io/reader.h"

namespace hayate::io {

/// Whether libhdf5 was there when hayate was built; where not, everything here returns an Error that says so.
bool hdf5_is_built();

/// The pandas table in `path`, 'table' or 'fixed' layout, read in this process: for the worker, and for tests on files that
/// are known to be sound.
Result<Table> parse_hdf5_file(const std::string& path, const std::vector<std::string>& columns, Roundings* roundings = nullptr);
/// The same in pieces of rows that take about `piece_bytes` in the file, at least one, which may have no rows.
Result<void> parse_hdf5_pieces(const std::string& path, const std::vector<std::string>& columns, int64_t piece_bytes,
                               const std::function<Result<void>(const Table&)>& visit, Roundings* roundings = nullptr);

/// The same by a worker process with at most `limit_bytes`; in this process where no worker program was named.
Result<Table> read_hdf5(const std::string& path, const ReadOptions& options, int64_t limit_bytes);

/// The name under which a worker process (exec/process.h) is asked to read a file: its main() calls hdf5_worker for it.
inline constexpr const char* kHdf5Worker = "read-hdf5-worker";
/// The worker's side: arguments behind kHdf5Worker. The table goes to the descriptor that the parent opened, an Error to stdout.
int hdf5_worker(const std::vector<std::string>& arguments);

/// 'table' layout under the key "data", as pandas.read_hdf(path) takes it. Values wait in memory until the end: the width of
/// text stands in front of them.
std::unique_ptr<Encoder> hdf5_encoder(std::unique_ptr<ByteSink> sink, std::string path);

}  // namespace hayate::io
