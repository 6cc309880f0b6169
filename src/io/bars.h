// Bars of a universe from any number of files: the input of every run.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/hash.h"
#include "exec/pool.h"
#include "hayate/error.h"
#include "hayate/panel.h"
#include "io/reader.h"

namespace hayate::io {

struct BarsFile {
  std::string path;
  Hash128 hash;      ///< of the file's bytes
  int64_t rows = 0;  ///< rows read; 0 for an unreadable file
};

/// What the files hold. Nothing in it depends on the order of `paths` or on the number of workers.
struct BarsResult {
  PanelResult bars;                        ///< fields in byte order of their names
  std::vector<Hash128> input_hash;         ///< per panel symbol: of its own rows (times, field names, values)
  std::vector<BarsFile> files;             ///< sorted by path
  int64_t num_rows = 0;                    ///< rows in all files, those of failed symbols included
  std::vector<std::string> messages = {};  ///< values that float64 does not hold, and times that are cut
};

/// Reads `paths` (expand_inputs made them; files and qlib folders) in parallel and merges them into one panel. A file without a `symbol` column
/// holds one symbol, named by stem(path); a symbol may be spread over files; a field that a file lacks is NaN there.
/// Failures, one line a symbol, which is then left out: "unreadable" (only in a set of several files; a single one is
/// an Error), "no rows", "name" (a symbol with "../" or a control character in it, or empty), "duplicate" (a date
/// twice, in one file or over two), "text" (text in a number column), "mixed" (minute bars in a set of daily bars, or
/// the reverse: fewer symbols lose). Warnings: "unsorted". An Error also when no file could be read.
/// Memory: the panel, one column more, and one file per worker.
/// `reading`: its limits of memory and time hold for each file. Error (budget): a file needs more.
Result<BarsResult> read_bars(std::span<const std::string> paths, exec::Pool& pool, const ReadOptions& reading = {});

}  // namespace hayate::io
