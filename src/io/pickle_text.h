// The text form of Python's pickle (protocol 0), in which pandas keeps lists of names in HDF5 attributes. Only plain
// values are read: None, bool, numbers, text, lists, tuples, dicts. Nothing is looked up or run; any other opcode is refused.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "io/json_reader.h"

namespace hayate::io {

/// The value, or nothing for what is not a plain value. Tuples become arrays, keys of a dict text.
std::optional<Json> read_pickle_text(std::string_view text);

/// The value as Python's pickle.dumps(value, 0) would be read back: arrays as lists, but `tuples` as tuples inside a list.
std::string write_pickle_text(const Json& value, bool tuples = false);

}  // namespace hayate::io
