// A TOML file as a flat list of settings with the line each stands on, so that fields can take them and errors name them.
#pragma once

#include <string>
#include <vector>

#include "hayate/error.h"
#include "hayate/expression.h"

namespace hayate::pipeline {

struct SpecEntry {
  std::string section;  ///< "" for keys above the first table
  std::string key;
  /// The value as text; an array gives one each; an inline table `{ a = 1, b = 2 }` gives "a=1", "b=2".
  std::vector<std::string> values;
  bool is_array = false;
  int line = 0;
  std::vector<TextPlace> places = {};  ///< of the values; the column of a text that stands in the file as it is
};

/// Entries in the file's order. Errors: no such file, not TOML (with line), a value that is no number, text, bool, date,
/// array or table of those.
Result<std::vector<SpecEntry>> read_spec_file(const std::string& path);
/// The text of a file.
Result<std::string> read_spec_text(const std::string& path);
Result<std::vector<SpecEntry>> parse_spec_text(const std::string& text, const std::string& source);

}  // namespace hayate::pipeline
