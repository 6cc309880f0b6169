// What no dtype holds as a file has it: decimals of more digits than a float64, times finer than a microsecond, large integers among floats. A reader takes the nearest
// value and says so here; commands tell the user.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "hayate/table.h"

namespace hayate::io {

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
  /// A line for each column, whatever order they were added in: its first file, and how many others there are.
  std::vector<std::string> messages() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::map<std::string, First>> columns_;  // by name, then by path
};

}  // namespace hayate::io
