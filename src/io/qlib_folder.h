// qlib's folders of bars (microsoft/qlib, qlib/data/storage/file_storage.py), daily ones:
//
//   calendars/day.txt                       one date a line, ascending
//   instruments/all.txt                     SYMBOL <tab> first date <tab> last date; a symbol with several spans has several lines
//   features/<symbol>/<field>.day.bin       lower case; little-endian float32: a place in the calendar, counted from 0, then
//                                           a value for that date and every later one, NaN where there is none
//
// As a table: symbol, date, and one float32 column a field, sorted by symbol and date. The format has no rows, only values, so
// a date on which a symbol has no value in any field is no row: halts come back as they are in files of bars, and
// `--calendar union` makes rows of them. A row that is there and holds nothing is written as NaN with other bits than the plain
// one (kEmptyRow); qlib sees a NaN like any other, and here the row comes back, so a table comes back as it went.
#pragma once

#include <string>
#include <vector>

#include "base/hash.h"
#include "hayate/error.h"
#include "hayate/table.h"
#include "io/reader.h"

namespace hayate::io {

/// A folder with the subfolders features, and calendars or instruments.
bool is_qlib_folder(const std::string& path);

/// A symbol that cannot be read, and why.
struct UnreadableSymbol {
  std::string symbol;
  Error error;
};

struct QlibFolder {
  Table table;
  std::vector<UnreadableSymbol> unreadable;  ///< left out of the table, in byte order
};

/// Reads the folder. Symbols with torn or lying files are left out and listed: a size that is no whole number of values, a place
/// outside the calendar, more values than there are dates left, no folder. A missing or unordered calendar, instruments that are no
/// list of symbols and dates, and a folder without any readable symbol are Errors. All sizes are checked before memory is taken.
Result<QlibFolder> read_qlib_folder(const std::string& path, const ReadOptions& options);

/// Hash of the calendar, the instruments and every value file that they name.
Result<Hash128> hash_qlib_folder(const std::string& path);

struct QlibExport {
  int64_t rows = 0, symbols = 0, fields = 0;
  int64_t rounded = 0;                 ///< values that float32 does not hold exactly
  std::vector<std::string> lost = {};  ///< symbols such as NA, which qlib's own reader takes for a missing value
};

/// Writes a table of daily bars (symbol, date, numbers) as a new folder that appears complete or not at all: made under a hidden
/// name beside `path`, synced and renamed. `path` must not exist, or be an empty folder: nothing is ever overwritten. Refused: minute
/// bars, text columns, a (symbol, date) twice, symbols that differ only in case, names that are no file names. `source` names the table.
Result<QlibExport> write_qlib_folder(const std::string& path, const Table& table, const std::string& source);

}  // namespace hayate::io
