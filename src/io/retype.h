// Columns brought to the types that a user named.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "io/csv_form.h"

namespace hayate::io {

/// The values in 64-bit slots (floats as the bits of a double, which fit) as a column of `dtype`, which is no text.
Column column_of_slots(Dtype dtype, std::span<const int64_t> slots, Buffer validity, std::string zone);
/// A text column as a category, its names in the order of first use.
Column categorized(const Column& text);

/// The column as `dtype`. A value that has no place there (300 in int8, 1.5 in an integer, a name in a number) is an Error with its row
/// (from 1), `name` and itself; floats are rounded to the nearest. Numbers and dates in text are read as in CSV.
Result<Column> retyped(const Column& column, Dtype dtype, const std::string& name, const std::string& path);
/// The columns of `table` that `types` names; the others stay.
Result<void> retype(const std::vector<NamedType>& types, const std::string& path, Table* table);

}  // namespace hayate::io
