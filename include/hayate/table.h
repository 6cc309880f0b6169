// Named columns of equal length in Arrow's memory layout. Columns are immutable and shared: copying a Table copies
// pointers. A column either owns its bytes or keeps alive whoever does (an Arrow buffer, a mapped file).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hayate/error.h"

namespace hayate {

enum class Dtype : uint8_t {
  boolean,  ///< bits, least significant first
  int8,
  int16,
  int32,
  int64,
  uint8,
  uint16,
  uint32,
  uint64,
  float32,
  float64,
  date,       ///< int32 days since 1970-01-01
  timestamp,  ///< int64 microseconds since 1970-01-01 UTC; Column::zone names a zone, or is empty for naive time
  text,       ///< UTF-8 bytes with int64 offsets (Arrow large_utf8)
  category,   ///< int32 codes into a dictionary of text
};

inline constexpr int64_t kMicrosecondsPerDay = 86'400'000'000;

const char* dtype_name(Dtype dtype);
/// Bytes of one value; 0 for boolean (bits) and text (offsets).
size_t dtype_width(Dtype dtype);
bool is_integer(Dtype dtype);
bool is_numeric(Dtype dtype);  ///< integers, floats and boolean

/// A run of bytes and whoever keeps it alive.
struct Buffer {
  std::shared_ptr<const void> owner;
  const uint8_t* data = nullptr;
  size_t size = 0;
};

template <class T>
Buffer make_buffer(std::vector<T> values) {
  auto owner = std::make_shared<const std::vector<T>>(std::move(values));
  return {owner, reinterpret_cast<const uint8_t*>(owner->data()), owner->size() * sizeof(T)};
}

/// One typed array. Row i is null when `validity` is not empty and its bit i is 0. Values start at row 0 of `values`.
struct Column {
  Dtype dtype = Dtype::float64;
  int64_t length = 0;
  Buffer values;                             ///< fixed-width values, bits, codes, or the bytes of text
  Buffer offsets;                            ///< text only: length + 1 int64
  Buffer validity;                           ///< bits, or empty: no nulls
  std::shared_ptr<const Column> dictionary;  ///< category only: a text column without nulls
  std::string zone;                          ///< timestamp only
  int file_width = 0;                        ///< bytes of an offset (text: 4, 8) or code (category: 1, 2, 4) in the file it is from; 0: not known

  /// The values as T; the caller asks for the type that `dtype` has.
  template <class T>
  std::span<const T> as() const {
    return {reinterpret_cast<const T*>(values.data), size_t(length)};
  }
  bool is_null(int64_t row) const { return validity.data && !(validity.data[row >> 3] >> (row & 7) & 1); }
  int64_t count_nulls() const;
  /// Text of row `row` of a text or category column; "" for null.
  std::string_view text(int64_t row) const;
  /// A numeric value as double; NaN for null. Dates are days, timestamps microseconds.
  double number(int64_t row) const;
  /// Bytes held by the buffers, dictionary included.
  int64_t bytes() const;
};

Column make_column(std::vector<double> values);
Column make_column(std::vector<float> values);
Column make_column(std::vector<int32_t> values);
Column make_column(std::vector<int64_t> values);
Column make_column(std::vector<uint8_t> values);
Column make_date_column(std::vector<int32_t> days);
Column make_timestamp_column(std::vector<int64_t> microseconds, std::string zone);
Column make_text_column(std::span<const std::string> values);
/// codes[i] in [0, names.size()).
Column make_category_column(std::vector<int32_t> codes, std::span<const std::string> names);

/// Rows [begin, begin + count) as a column of its own (copies bits and offsets, shares fixed-width values).
Column slice(const Column& column, int64_t begin, int64_t count);
/// All numeric values as float64, NaN for null. Dates and text are refused by assertion: check is_numeric first.
std::vector<double> to_doubles(const Column& column);

struct Table {
  std::vector<std::string> names;
  std::vector<Column> columns;

  int64_t num_rows() const { return columns.empty() ? 0 : columns[0].length; }
  size_t num_columns() const { return columns.size(); }
  /// The column called `name`, or nullptr.
  const Column* find(std::string_view name) const;
  /// The column called `name`, or a usage Error with the nearest name; `where` says where the name was typed.
  Result<const Column*> column(std::string_view name, std::string where) const;
  void add(std::string name, Column column);
};

Table slice(const Table& table, int64_t begin, int64_t count);
/// Row rows[i] for each i, in any order, any number of times (copies; a category keeps its dictionary).
Column take(const Column& column, std::span<const int64_t> rows);
Table take(const Table& table, std::span<const int64_t> rows);

/// The narrowest dtype that holds the values of both: integers widen to integers (uint64 with a signed one to float64),
/// integers with floats to float64, date with timestamp to timestamp, text with category to text. Nothing else mixes:
/// false.
bool widen(Dtype a, Dtype b, Dtype* out);
/// The column in a dtype that `widen` gave for its own and another; `zone` is that of a timestamp. Without any value it may
/// become anything.
Column widened(const Column& column, Dtype to, const std::string& zone);
/// The columns one below another, widened to one dtype. A column without any value takes the dtype of the others.
/// Columns that do not mix: false.
bool concatenate(std::span<const Column> parts, Column* out);
/// The tables one below another, matched by column name in the first one's order. `sources` name the tables in the
/// input Error for other names or for dtypes that do not mix. Needs at least one table.
Result<Table> concatenate(std::span<const Table> tables, std::span<const std::string> sources);

/// "2024-01-05" for a day number; "2024-01-05T09:00:00Z" style for microseconds.
std::string format_date(int32_t days);
std::string format_timestamp(int64_t microseconds, std::string_view zone);
/// Days since 1970-01-01 of "2024-01-05", "2024/01/05" or "20240105" (proleptic Gregorian); false when it is no date.
bool parse_date(std::string_view text, int32_t* days);
int32_t days_from_civil(int year, int month, int day);

}  // namespace hayate
