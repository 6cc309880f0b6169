// Records and columns of a JSON text as cells: what stands where, token by token. Records mostly repeat the names of the one before, in its order,
// so a name is compared with the one that is expected there and looked up only where it is another.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "hayate/error.h"
#include "hayate/table.h"
#include "io/formats.h"
#include "io/json_cells.h"
#include "io/json_cursor.h"
#include "io/reader.h"

namespace hayate::io {

inline constexpr const char* kWriteJsonRecords = "write a table as an array of records, or a record a line";
inline constexpr const char* kJsonNotUtf8 = "no valid JSON: bytes that are not UTF-8";

/// What columns take before their rows do.
struct JsonWidth {
  static constexpr int64_t kNames = 8;  // copies of a name that are alive at once

  size_t columns = 0;
  int64_t bytes = 0;

  void add(std::string_view name) { ++columns, bytes += kColumnBytes + kNames * int64_t(name.size()); }
  /// That they do not fit `limit_bytes`.
  Error refusal(const std::string& path, int64_t limit_bytes) const;
};

/// Columns in order of first appearance.
class JsonCells {
 public:
  JsonCells(const std::string& path, const ReadOptions& options) : path_(path), options_(options) {}

  /// Reading fails where cells and the columns made of them would take more than `bytes`, or a record has columns that take more than `width_bytes`.
  void limit_memory(int64_t bytes, int64_t width_bytes) { limit_bytes_ = bytes, width_limit_bytes_ = width_bytes; }
  /// The same where rows times columns of more than one row would.
  void limit_table(int64_t bytes) { table_limit_bytes_ = bytes; }
  /// What cells took when that happened, or 0.
  int64_t needed_bytes() const { return needed_bytes_; }
  /// Whether a record, or columns' form, had too many columns. Those beyond the limit were counted, not kept.
  bool is_too_wide() const { return too_wide_; }
  JsonWidth width() const { return {width_.columns + beyond_.columns, width_.bytes + beyond_.bytes}; }

  /// {"name": value, ...}
  bool add_record(JsonCursor& cursor);

  /// {"column": {"row": value, ...}, ...} or {"column": [value, ...], ...}
  bool add_columns(JsonCursor& cursor);

  Result<Table> finish();

  /// Joins what is here to what was found in other parts of the file, in `names` and `kinds`.
  void join_kinds(std::vector<std::string>* names, std::unordered_map<std::string, JsonKinds>* kinds) const;
  size_t rows() const { return rows_; }
  size_t columns() const { return columns_.size(); }
  /// These columns, of these kinds in the whole file; one that is not here has no values.
  Table finish_as(const std::vector<std::string>& names, const std::unordered_map<std::string, JsonKinds>& kinds);
  /// All columns, each of the kinds that it has here.
  Table finish_alone(std::vector<JsonKinds>* kinds);
  /// About as many rows will come.
  void expect(size_t rows) { rows_to_come_ = rows; }
  /// The table will have so many columns, wherever they are.
  void expect_columns(size_t columns) { columns_to_come_ = columns; }

 private:
  /// Nothing: one more would be too wide. It is counted. `first`: the row from which on a column that is new may have values.
  JsonColumn* column_of(std::string_view name, size_t guess, size_t first);
  void learn_token(std::string_view between, JsonColumn* column);

  bool fits_memory(JsonCursor& cursor);
  bool fits(JsonCursor& cursor, int64_t bytes);
  bool fits_rows(JsonCursor& cursor, size_t rows);
  bool fits_width(JsonCursor& cursor);
  bool make_room(JsonCursor& cursor, JsonColumn& column, size_t rows);
  void expect_rows(const JsonCursor& cursor);

  bool add_value(JsonCursor& cursor, JsonColumn& column, size_t row);

  bool add_list(JsonCursor& cursor, JsonColumn& column);

  /// Rows are matched by their keys, which mostly come in the same order in every column.
  bool add_rows(JsonCursor& cursor, JsonColumn& column);

  bool refuse_shape(JsonCursor& cursor, std::string what, const char* hint) const;
  void tell_names_of_rows() const;

  size_t row_of_key(std::string_view key, size_t place);
  size_t add_key(const std::string& key);

  const std::string& path_;
  const ReadOptions& options_;
  std::vector<JsonColumn> columns_;
  std::unordered_map<std::string, size_t> index_of_;
  size_t counted_ = 0;  // rows as long as their keys are "0", "1", "2" and so on, which pandas makes of a table without an index
  std::vector<std::string> row_keys_;
  std::unordered_map<std::string, size_t> row_of_;
  size_t rows_ = 0;
  int64_t limit_bytes_ = INT64_MAX, width_limit_bytes_ = INT64_MAX, table_limit_bytes_ = INT64_MAX, needed_bytes_ = 0;
  int64_t held_bytes_ = 0;    // of cells and row keys, as of the last look and what rows took since
  JsonWidth width_, beyond_;  // of the columns that are kept; of those of this record that are not
  bool too_wide_ = false;
  size_t values_ = 0, next_look_ = 0;
  bool expected_ = false;
  size_t rows_to_come_ = 0, columns_to_come_ = 0;
};

/// Records one behind the other, or in an array. Text may end in the middle of one: what is there of it is read again with the text behind it.
class JsonRecordReader {
 public:
  explicit JsonRecordReader(bool lines) : next_(lines ? Next::record_or_end : Next::opening) {}

  /// Adds whole records. `whole`: no text follows. False: the text is no such thing.
  bool read(JsonCursor& cursor, bool whole, JsonCells* cells);
  /// Bytes of the text that the last read() is done with.
  size_t taken() const { return taken_; }

  /// One that begins in front of a record behind others.
  static JsonRecordReader behind_others(bool lines) {
    JsonRecordReader out(lines);
    if (!lines) out.next_ = Next::record;
    return out;
  }
  bool is_before_record() const { return next_ == Next::record || next_ == Next::record_or_end; }

 private:
  enum class Next : uint8_t { opening, record_or_closing, record, comma_or_closing, nothing, record_or_end };

  bool step(JsonCursor& cursor, JsonCells* cells);
  bool go_to(Next next) { return next_ = next, true; }

  Next next_;
  size_t taken_ = 0;
};

}  // namespace hayate::io
