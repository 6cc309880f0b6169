#include "io/json_records.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "base/strings.h"
#include "io/csv_value.h"

namespace hayate::io {
namespace {

constexpr const char* kToRecords = "write records, such as with pandas' to_json(orient='records')";
constexpr int64_t kCellBytes = sizeof(uint64_t) + sizeof(uint32_t) + 1;  // of a row of a column: slot, size of a text, kind

/// Whether a value that is no object begins with `c`.
bool is_value(char c) { return c == '[' || c == '"' || c == '-' || c == 't' || c == 'f' || c == 'n' || (c >= '0' && c <= '9'); }

/// Steps over a column of columns' form.
bool skip_column(JsonCursor& cursor) {
  JsonScalar value;
  if (cursor.take('[')) {
    for (bool more = !cursor.take(']'); more; more = cursor.more(']'))
      if (!cursor.scalar(&value)) return false;
    return !cursor.failed();
  }
  std::string_view key;
  cursor.take('{');
  for (bool more = !cursor.take('}'); more; more = cursor.more('}'))
    if (!cursor.string(&key) || !cursor.expect(':') || !cursor.scalar(&value)) return false;
  return !cursor.failed();
}

}  // namespace

Error JsonWidth::refusal(const std::string& path, int64_t limit_bytes) const {
  return {Kind::budget, fmt::format("{} columns take more than the memory limit of {}", columns, format_bytes(limit_bytes)), path,
          fmt::format("--memory-limit {} may do, or leave columns out where the file is made", format_bytes(bytes + bytes / 16))};
}

/// Records mostly have the names of the one before and the same blanks around them: what stands between two values is one comparison then.
bool JsonCells::add_record(JsonCursor& cursor) {
  cursor.peek();
  beyond_ = {};
  size_t next = 0;
  while (next < columns_.size() && !columns_[next].token.empty() && cursor.take_token(columns_[next].token))
    if (!add_value(cursor, columns_[next++], rows_)) return false;
  size_t begin = cursor.offset();
  if (next == 0 && is_value(cursor.peek())) return cursor.refuse("a value, where a record with the names of its columns is expected", kToRecords);
  if (next == 0 && !cursor.expect('{')) return false;
  for (bool more = next == 0 ? !cursor.take('}') : cursor.more('}'); more; begin = cursor.offset(), more = cursor.more('}')) {
    std::string_view name;
    if (!cursor.string(&name)) return false;
    JsonColumn* const column = column_of(name, next, rows_);
    if (!cursor.expect(':')) return false;
    cursor.peek();
    if (!column) {
      JsonScalar value;
      if (!cursor.scalar(&value)) return false;
      continue;
    }
    if (next < columns_.size() && column == &columns_[next]) learn_token(cursor.since(begin), column);
    next = size_t(column - columns_.data()) + 1;
    if (!add_value(cursor, *column, rows_)) return false;
  }
  if (cursor.failed()) return false;
  if (!fits_width(cursor) || !fits_rows(cursor, rows_ + 1)) return false;
  return ++rows_, true;
}

void JsonCells::learn_token(std::string_view between, JsonColumn* column) {
  constexpr size_t kLongest = 256;
  if (between.size() <= kLongest && column->token != between) column->token = between;
}

bool JsonCells::add_columns(JsonCursor& cursor) {
  if (!cursor.expect('{')) return false;
  for (bool more = !cursor.take('}'); more; more = cursor.more('}')) {
    std::string_view name;
    if (!cursor.string(&name)) return false;
    JsonColumn* const column = column_of(name, columns_.size(), 0);
    if (column && rows_ > column->room() && !make_room(cursor, *column, rows_)) return false;
    if (!cursor.expect(':')) return false;
    const char opening = cursor.peek();
    if (opening != '{' && opening != '[' && opening != '\0')
      return cursor.refuse("an object of values, where an array of records or columns are expected",
                           "call a file of a record a line .jsonl; one record goes into an array, such as [{\"a\": 1}]");
    if (!(!column ? skip_column(cursor) : opening == '[' ? add_list(cursor, *column) : add_rows(cursor, *column))) return false;
  }
  if (cursor.failed() || !fits_width(cursor) || !fits_rows(cursor, rows_)) return false;
  return tell_names_of_rows(), true;
}

Result<Table> JsonCells::finish() {
  if (columns_.empty()) return input_error("the file holds no records", path_, kWriteJsonRecords);
  std::vector<std::string> names;
  for (const JsonColumn& column : columns_) names.push_back(column.name);
  Table out;
  for (const std::string& name : options_.columns.empty() ? names : options_.columns) {
    const auto found = index_of_.find(name);
    if (found == index_of_.end()) return unknown_name("column", name, names, path_);
    JsonColumn& column = columns_[found->second];
    const JsonKinds kinds = column.kinds(rows_);
    kinds.tell(name, path_, options_.roundings.get());
    out.add(name, column.finish(rows_, kinds));
  }
  return out;
}

void JsonCells::join_kinds(std::vector<std::string>* names, std::unordered_map<std::string, JsonKinds>* kinds) const {
  for (const JsonColumn& column : columns_) {
    const auto [at, fresh] = kinds->try_emplace(column.name);
    if (fresh) names->push_back(column.name);
    at->second.join(column.kinds(rows_));
  }
}

Table JsonCells::finish_as(const std::vector<std::string>& names, const std::unordered_map<std::string, JsonKinds>& kinds) {
  std::map<std::pair<Dtype, bool>, Column> none;  // one for all columns of a type that have no values here
  Table out;
  for (const std::string& name : names) {
    const JsonKinds& own = kinds.at(name);
    if (const auto found = index_of_.find(name); found != index_of_.end()) {
      out.add(name, columns_[found->second].finish(rows_, own));
      continue;
    }
    const auto [at, fresh] = none.try_emplace({own.dtype(), (own.dates & kSeenZonedTime) != 0});
    if (fresh) at->second = JsonColumn("").finish(rows_, own);
    out.add(name, at->second);
  }
  return out;
}

Table JsonCells::finish_alone(std::vector<JsonKinds>* kinds) {
  Table out;
  for (JsonColumn& column : columns_) {
    kinds->push_back(column.kinds(rows_));
    out.add(column.name, column.finish(rows_, kinds->back()));
  }
  return out;
}

JsonColumn* JsonCells::column_of(std::string_view name, size_t guess, size_t first) {
  constexpr size_t kFew = 64;  // columns for which it is known that room for their rows is little
  if (guess < columns_.size() && columns_[guess].name == name) return &columns_[guess];
  std::string key(name);
  if (const auto found = index_of_.find(key); found != index_of_.end()) return &columns_[found->second];
  JsonWidth wider = width_;
  wider.add(name);
  if (wider.bytes > width_limit_bytes_) return beyond_.add(name), nullptr;
  width_ = wider;
  index_of_.emplace(std::move(key), columns_.size());
  columns_.emplace_back(name, first);
  if (columns_.size() <= kFew) columns_.back().reserve(rows_to_come_);
  return &columns_.back();
}

bool JsonCells::fits_memory(JsonCursor& cursor) {
  constexpr size_t kLook = 8192;      // values between two looks
  constexpr int64_t kKeyBytes = 120;  // of a row's name and its place
  next_look_ = values_ + std::max(kLook, 8 * columns_.size());
  held_bytes_ = int64_t(row_keys_.size()) * kKeyBytes;
  for (const JsonColumn& column : columns_) held_bytes_ += column.memory();
  return fits(cursor, held_bytes_) && (expect_rows(cursor), true);
}

/// Cells, half as much when they become columns, and the columns themselves: a third of what they take when they are written, too.
bool JsonCells::fits(JsonCursor& cursor, int64_t bytes) {
  const int64_t needed = bytes + bytes / 2 + width_.bytes / 3;
  if (needed <= limit_bytes_) return true;
  needed_bytes_ = needed;
  return cursor.fail("too much memory");
}

/// A table has a cell where a record has no such name, too.
bool JsonCells::fits_rows(JsonCursor& cursor, size_t rows) {
  const double bytes = double(rows) * double(std::max(columns_.size(), columns_to_come_)) * double(sizeof(uint64_t) + 1);
  if (bytes <= double(limit_bytes_) && (rows == 1 || bytes <= double(table_limit_bytes_))) return true;
  needed_bytes_ = int64_t(bytes);
  return cursor.fail("too much memory");
}

bool JsonCells::fits_width(JsonCursor& cursor) {
  too_wide_ = beyond_.columns > 0;
  return !too_wide_ || cursor.fail("too many columns");
}

/// Looked at for every column that grows: a file with a column for every row takes the square of its size.
bool JsonCells::make_room(JsonCursor& cursor, JsonColumn& column, size_t rows) {
  rows = std::max(rows, column.room() + column.held_rows());
  held_bytes_ += int64_t(rows - column.room()) * kCellBytes;
  if (!fits(cursor, held_bytes_)) return false;
  return column.reserve(rows), true;
}

/// Room for as many rows as the rest of the text has, if it goes on so: arrays that grow take their pages twice, and copy them. Not for columns that
/// few rows have.
void JsonCells::expect_rows(const JsonCursor& cursor) {
  if (expected_ || rows_ == 0) return;
  expected_ = true;
  const double rows = 1.02 * double(rows_) * double(cursor.size()) / double(cursor.offset());
  if (rows * double(columns_.size()) * double(kCellBytes) > 0.5 * double(limit_bytes_)) return;
  for (JsonColumn& column : columns_) {
    if (2 * column.held_rows() < rows_) continue;
    held_bytes_ += std::max<int64_t>(0, int64_t(rows) - int64_t(column.room())) * kCellBytes;
    column.reserve(size_t(rows));
  }
}

bool JsonCells::add_value(JsonCursor& cursor, JsonColumn& column, size_t row) {
  JsonScalar::Kind kind;
  uint64_t slot = 0;
  std::string_view text;
  if (row >= column.room() && !make_room(cursor, column, row + 1)) return false;
  cursor.peek();
  if (cursor.common_number(&kind, &slot)) {
    column.set(row, kind, slot);
  } else if (cursor.common_string(&text)) {
    column.set_text(row, text);
  } else {
    JsonScalar value;
    if (const char opening = cursor.peek(); opening == '{' || opening == '[')
      return refuse_shape(cursor, fmt::format("column '{}' holds a nested value", column.name),
                          "flatten it where the file is made, such as with pandas.json_normalize");
    if (!cursor.scalar(&value)) return false;
    column.set(row, value);
  }
  return ++values_ < next_look_ || fits_memory(cursor);
}

/// The same for what looks like other forms of pandas, whose names say what they are.
bool JsonCells::refuse_shape(JsonCursor& cursor, std::string what, const char* hint) const {
  const std::string& first = columns_[0].name;
  const bool is_split = first == "columns" && (columns_.size() == 1 || columns_[1].name == "index" || columns_[1].name == "data");
  if (is_split || first == "schema")
    return cursor.refuse(fmt::format("pandas' form orient='{}' is not read", is_split ? "split" : "table"), kToRecords);
  return cursor.refuse(std::move(what), hint);
}

/// Columns whose names count while those of rows do not are most likely rows.
void JsonCells::tell_names_of_rows() const {
  if (!options_.roundings || row_keys_.empty() || columns_.size() < 2) return;
  for (size_t c = 0; c < columns_.size(); ++c)
    if (columns_[c].name != std::to_string(c)) return;
  if (row_of_.contains("0")) return;
  options_.roundings->add_note(
      fmt::format("warning: {} looks as if pandas wrote it with orient='index': '{}', '{}' and so on are read as columns, and "
                  "the names '{}' and so on of rows are left out; {}",
                  path_, columns_[0].name, columns_[1].name, row_keys_[0], kToRecords));
}

bool JsonCells::add_list(JsonCursor& cursor, JsonColumn& column) {
  size_t row = 0;
  cursor.take('[');
  for (bool more = !cursor.take(']'); more; more = cursor.more(']'))
    if (!add_value(cursor, column, row++)) return false;
  if (columns_.size() > 1 && row != rows_)
    return refuse_shape(cursor, fmt::format("column '{}' has another length than '{}': {} and {}", column.name, columns_[0].name, row, rows_),
                        "give all columns a value for every row, null where there is none");
  rows_ = row;
  return !cursor.failed();
}

bool JsonCells::add_rows(JsonCursor& cursor, JsonColumn& column) {
  size_t place = 0;
  cursor.take('{');
  for (bool more = !cursor.take('}'); more; more = cursor.more('}')) {
    std::string_view key;
    if (!cursor.string(&key)) return false;
    const size_t row = row_of_key(key, place++);
    if (!cursor.expect(':') || !add_value(cursor, column, row)) return false;
  }
  rows_ = std::max({rows_, row_keys_.size(), counted_});
  return !cursor.failed();
}

size_t JsonCells::row_of_key(std::string_view key, size_t place) {
  if (row_keys_.empty()) {
    int64_t number = -1;
    const bool counts = read_plain_integer(key.data(), key.data() + key.size(), &number) && number >= 0 && size_t(number) <= counted_;
    if (counts) return counted_ = std::max(counted_, size_t(number) + 1), size_t(number);
    for (size_t row = 0; row < counted_; ++row) add_key(std::to_string(row));
  }
  if (place < row_keys_.size() && row_keys_[place] == key) return place;
  const auto found = row_of_.find(std::string(key));
  return found != row_of_.end() ? found->second : add_key(std::string(key));
}

size_t JsonCells::add_key(const std::string& key) {
  row_of_.emplace(key, row_keys_.size());
  row_keys_.push_back(key);
  return row_keys_.size() - 1;
}

bool JsonRecordReader::read(JsonCursor& cursor, bool whole, JsonCells* cells) {
  taken_ = 0;
  while (!cursor.at_end()) {
    if (!step(cursor, cells)) return !whole && cursor.may_be_cut();
    taken_ = cursor.offset();
  }
  taken_ = cursor.offset();
  if (whole && next_ != Next::record_or_end && next_ != Next::nothing) return cursor.fail("the text ends too early");
  return true;
}

bool JsonRecordReader::step(JsonCursor& cursor, JsonCells* cells) {
  switch (next_) {
    case Next::opening:
      return cursor.expect('[') && go_to(Next::record_or_closing);
    case Next::record_or_closing:
      if (cursor.take(']')) return go_to(Next::nothing);
      [[fallthrough]];
    case Next::record:
      return cells->add_record(cursor) && go_to(Next::comma_or_closing);
    case Next::comma_or_closing:
      if (cursor.more(']')) return go_to(Next::record);
      return !cursor.failed() && go_to(Next::nothing);
    case Next::record_or_end:
      if (cursor.peek() == '[') return cursor.refuse("an array, where a record a line is expected", "call a file of one array of records .json");
      return cells->add_record(cursor);
    case Next::nothing:
      return cursor.fail("text behind the table");
  }
  return false;
}

}  // namespace hayate::io
