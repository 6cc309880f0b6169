// What a table does not hold as its files have it, or its file as the table has it: decimals of more digits than a float64, times finer than a microsecond, large integers among
// floats, of which a reader takes the nearest value; and columns that some files lack. A reader says so here; commands tell the user.
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "hayate/table.h"

namespace hayate::io {

/// What is said of a column of one file that holds integers and decimals.
inline constexpr const char* kBesideDecimals = "holds integers beside decimals and is read as float64, which rounds large ones";

/// What is said of times that are finer than a microsecond.
inline constexpr const char* kCutTimes = "of nanoseconds is cut to microseconds";

/// The first such value of each column of each file. Any number of threads may add.
class Roundings {
 public:
  struct First {
    std::string done;   ///< what was done to the column: "of decimal128(38, 20) is rounded to float64"
    std::string value;  ///< as the file has it
    std::string hint;   ///< how to read it as it is; may be empty
  };
  /// Keeps what was added first.
  void add(const std::string& column, const std::string& path, First first);
  /// Integers of `part`, read from `path`, that became float64 in `whole`, because other files have floats or negative numbers there.
  void add_widened(const Table& part, const Table& whole, const std::string& path);
  /// Infinite numbers of rows that are written to `path` in JSON, which has none.
  void add_infinite(const Table& rows, const std::string& path);
  /// What is said as it is.
  void add_note(const std::string& message);
  /// `files` of `all` files lack the column, `path` before others.
  void add_absent(const std::string& column, const std::string& path, int64_t files, int64_t all);
  /// What was added of a file, by column.
  std::map<std::string, First> of(const std::string& path) const;
  /// A line for each column, whatever order they were added in: its first file, and how many others there are.
  /// Without the hints where no flag --types would take them.
  std::vector<std::string> messages(bool with_hints = true) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::map<std::string, First>> columns_;  // by name, then by path
  std::map<std::string, std::string> absent_;                    // by name
  std::set<std::string> notes_;
};

}  // namespace hayate::io
