// One value of a table as the text that CSV and JSON hold.
#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <string>

#include "hayate/table.h"

namespace hayate::io {

/// Null, or NaN in a float column.
bool is_missing_cell(const Column& column, int64_t row);

/// A value of an integer, boolean, date or timestamp column; unsigned ones as bits.
int64_t integer_cell(const Column& column, int64_t row);

/// Appends a value that is not missing and not text: integers; floats with the fewest digits that read back as the same
/// number, always with a point or an exponent so that they stay floats ("3.0", "1e+300", "inf"); True / False as "true" /
/// "false"; dates as 2024-01-05, times as 2024-01-05T09:30:00Z.
void append_cell_text(const Column& column, int64_t row, std::string* out);
/// The same to a place with room for kMostCellText bytes; returns where the text ends.
char* write_cell_text(const Column& column, int64_t row, char* out);
inline constexpr size_t kMostCellText = 64;
/// The same for a double that is known to have many digits: it is not looked at whether few would do.
char* write_long_real(double value, char* out);
/// write_cell_text for columns of one dtype; null for text and categories.
using CellWriter = char* (*)(const Column& column, int64_t row, char* out);
CellWriter cell_writer(Dtype dtype);

/// Whether no float64 is this integer: of 54 digits or more in binary.
constexpr bool is_beyond_float64(uint64_t size) { return size >> 53 != 0 && std::bit_width(size) - std::countr_zero(size) > 53; }
constexpr bool is_beyond_float64(int64_t value) { return is_beyond_float64(value < 0 ? 0 - uint64_t(value) : uint64_t(value)); }

/// The first value of an integer column that no float64 is, as text; nothing where there is none.
std::optional<std::string> first_beyond_float64(const Column& column);

}  // namespace hayate::io
