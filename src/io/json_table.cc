// Tables in JSON. Every value becomes a cell of 16 bytes in its column (text in one run of bytes a column); when all are
// read, the kinds seen decide the dtype, as in CSV: over all values, never by a sample.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <unordered_map>

#include "base/strings.h"
#include "io/csv_scan.h"
#include "io/csv_value.h"
#include "io/formats.h"
#include "io/json_cursor.h"

namespace hayate::io {
namespace {

enum CellKind : uint8_t { kNull = 0, kBool = 1, kInteger = 2, kUnsigned = 4, kReal = 8, kText = 16, kNegative = 32 };

struct Cell {
  union {
    int64_t integer = 0;
    double real;
    uint64_t begin;  // of the text
  };
  uint32_t size = 0;
  CellKind kind = kNull;
};

CellKind kind_of(JsonScalar::Kind kind) {
  constexpr CellKind kKinds[] = {kNull, kBool, kInteger, kUnsigned, kReal, kText};
  return kKinds[kind];
}

class ColumnCells {
 public:
  explicit ColumnCells(std::string_view column) : name(column) {}

  std::string name;

  void set(size_t row, const JsonScalar& value) {
    if (row >= cells_.size()) cells_.resize(row + 1);
    Cell& cell = cells_[row];
    cell = Cell{};
    cell.kind = kind_of(value.kind);
    if (value.kind == JsonScalar::real) {
      cell.real = value.number;
    } else if (value.kind == JsonScalar::text) {
      cell.begin = bytes_.size(), cell.size = uint32_t(value.text_value.size());
      bytes_.insert(bytes_.end(), value.text_value.begin(), value.text_value.end());
    } else {
      cell.integer = value.whole;
    }
    seen_ |= cell.kind | (value.kind == JsonScalar::integer && value.whole < 0 ? kNegative : 0);
  }

  Column finish(size_t rows);

 private:
  Dtype dtype() const;
  std::string_view text(const Cell& cell) const { return {bytes_.data() + cell.begin, cell.size}; }
  std::string written(const Cell& cell) const;
  Buffer validity() const;
  template <class T, class Value>
  Buffer fixed(Value&& value) const;

  std::vector<Cell> cells_;
  std::vector<char> bytes_;
  int seen_ = 0;
};

/// Text is a date or a time only when every text of the column is one.
Dtype ColumnCells::dtype() const {
  const auto only = [&](int allowed) { return (seen_ & ~allowed) == 0; };
  if (seen_ == 0) return Dtype::float64;
  if (only(kBool)) return Dtype::boolean;
  if (only(kInteger | kNegative)) return Dtype::int64;
  if (only(kInteger | kUnsigned)) return Dtype::uint64;
  if (only(kInteger | kUnsigned | kNegative | kReal)) return Dtype::float64;
  if (!only(kText)) return Dtype::text;
  uint16_t seen = 0;
  for (const Cell& cell : cells_) {
    if (cell.kind != kText) continue;
    const uint16_t kind = read_value(text(cell), {}).seen;
    if (!(kind & (kSeenDate | kSeenTime | kSeenZonedTime))) return Dtype::text;
    seen |= kind;
  }
  return dtype_of(seen, {});
}

/// A cell of a column that is text because of other cells.
std::string ColumnCells::written(const Cell& cell) const {
  if (cell.kind == kBool) return cell.integer ? "true" : "false";
  if (cell.kind == kInteger) return std::to_string(cell.integer);
  if (cell.kind == kUnsigned) return std::to_string(uint64_t(cell.integer));
  if (cell.kind == kReal) return format_shortest(cell.real);
  return std::string(text(cell));
}

Buffer ColumnCells::validity() const {
  if (std::none_of(cells_.begin(), cells_.end(), [](const Cell& cell) { return cell.kind == kNull; })) return {};
  std::vector<uint8_t> bits((cells_.size() + 7) / 8, 0);
  for (size_t row = 0; row < cells_.size(); ++row) bits[row >> 3] = uint8_t(bits[row >> 3] | (cells_[row].kind != kNull) << (row & 7));
  return make_buffer(std::move(bits));
}

template <class T, class Value>
Buffer ColumnCells::fixed(Value&& value) const {
  std::vector<T> out(cells_.size());
  for (size_t row = 0; row < out.size(); ++row) out[row] = value(cells_[row]);
  return make_buffer(std::move(out));
}

Column ColumnCells::finish(size_t rows) {
  cells_.resize(rows);
  Column out;
  out.dtype = dtype(), out.length = int64_t(rows), out.validity = validity();
  if (out.dtype == Dtype::float64) {
    out.values = fixed<double>([](const Cell& cell) {
      if (cell.kind == kNull) return std::numeric_limits<double>::quiet_NaN();
      return cell.kind == kReal ? cell.real : cell.kind == kUnsigned ? double(uint64_t(cell.integer)) : double(cell.integer);
    });
  } else if (out.dtype == Dtype::int64 || out.dtype == Dtype::uint64) {
    out.values = fixed<int64_t>([](const Cell& cell) { return cell.integer; });
  } else if (out.dtype == Dtype::boolean) {
    std::vector<uint8_t> bits((rows + 7) / 8, 0);
    for (size_t row = 0; row < rows; ++row) bits[row >> 3] = uint8_t(bits[row >> 3] | int(cells_[row].integer) << (row & 7));
    out.values = make_buffer(std::move(bits));
  } else if (out.dtype == Dtype::date) {
    out.values = fixed<int32_t>([&](const Cell& cell) { return cell.kind == kNull ? 0 : int32_t(read_value(text(cell), {}).integer); });
  } else if (out.dtype == Dtype::timestamp) {
    out.values = fixed<int64_t>([&](const Cell& cell) {
      if (cell.kind == kNull) return int64_t{0};
      const CsvValue value = read_value(text(cell), {});
      if (value.seen == kSeenZonedTime) out.zone = "UTC";
      return value.seen == kSeenDate ? value.integer * 86'400'000'000 : value.integer;
    });
  } else {
    std::vector<int64_t> offsets = {0};
    std::vector<char> bytes;
    bytes.reserve(bytes_.size());
    for (const Cell& cell : cells_) {
      const std::string_view value = cell.kind == kText ? text(cell) : std::string_view();
      bytes.insert(bytes.end(), value.begin(), value.end());
      if (cell.kind != kText && cell.kind != kNull) {
        const std::string number = written(cell);
        bytes.insert(bytes.end(), number.begin(), number.end());
      }
      offsets.push_back(int64_t(bytes.size()));
    }
    out.values = make_buffer(std::move(bytes));
    out.offsets = make_buffer(std::move(offsets));
  }
  return out;
}

/// Columns in order of first appearance.
class TableCells {
 public:
  TableCells(const std::string& path, const ReadOptions& options) : path_(path), options_(options) {}

  /// {"name": value, ...}
  bool add_record(JsonCursor& cursor) {
    if (!cursor.expect('{')) return false;
    size_t guess = 0;  // records mostly repeat the names of the one before
    for (bool more = !cursor.take('}'); more; more = cursor.more('}')) {
      std::string_view name;
      if (!cursor.string(&name)) return false;
      ColumnCells& column = column_of(name, guess++);
      if (!cursor.expect(':') || !add_value(cursor, column, rows_)) return false;
    }
    ++rows_;
    return !cursor.failed();
  }

  /// [record, ...]
  bool add_records(JsonCursor& cursor) {
    if (!cursor.expect('[')) return false;
    for (bool more = !cursor.take(']'); more; more = cursor.more(']'))
      if (!add_record(cursor)) return false;
    return !cursor.failed();
  }

  /// {"column": {"row": value, ...}, ...} or {"column": [value, ...], ...}
  bool add_columns(JsonCursor& cursor) {
    if (!cursor.expect('{')) return false;
    for (bool more = !cursor.take('}'); more; more = cursor.more('}')) {
      std::string_view name;
      if (!cursor.string(&name)) return false;
      ColumnCells& column = column_of(name, columns_.size());
      if (!cursor.expect(':')) return false;
      const char opening = cursor.peek();
      if (opening != '{' && opening != '[') return cursor.fail("a column that is neither a list nor an object of rows");
      if (!(opening == '[' ? add_list(cursor, column) : add_rows(cursor, column))) return false;
    }
    return !cursor.failed();
  }

  Result<Table> finish() {
    if (columns_.empty()) return input_error("the file holds no records", path_, "write a table as an array of records, or a record a line");
    std::vector<std::string> names;
    for (const ColumnCells& column : columns_) names.push_back(column.name);
    Table out;
    for (const std::string& name : options_.columns.empty() ? names : options_.columns) {
      const auto found = index_of_.find(name);
      if (found == index_of_.end()) return unknown_name("column", name, names, path_);
      out.add(name, columns_[found->second].finish(rows_));
    }
    return out;
  }

 private:
  ColumnCells& column_of(std::string_view name, size_t guess) {
    if (guess < columns_.size() && columns_[guess].name == name) return columns_[guess];
    const auto [at, fresh] = index_of_.try_emplace(std::string(name), columns_.size());
    if (fresh) columns_.emplace_back(name);
    return columns_[at->second];
  }

  static bool add_value(JsonCursor& cursor, ColumnCells& column, size_t row) {
    JsonScalar value;
    if (!cursor.scalar(&value)) return false;
    return column.set(row, value), true;
  }

  bool add_list(JsonCursor& cursor, ColumnCells& column) {
    size_t row = 0;
    cursor.take('[');
    for (bool more = !cursor.take(']'); more; more = cursor.more(']'))
      if (!add_value(cursor, column, row++)) return false;
    if (columns_.size() > 1 && row != rows_) return cursor.fail("a column of another length than the first");
    rows_ = row;
    return !cursor.failed();
  }

  /// Rows are matched by their keys, which mostly come in the same order in every column.
  bool add_rows(JsonCursor& cursor, ColumnCells& column) {
    size_t place = 0;
    cursor.take('{');
    for (bool more = !cursor.take('}'); more; more = cursor.more('}')) {
      std::string_view key;
      if (!cursor.string(&key)) return false;
      size_t row = place++;
      if (row >= row_keys_.size() || row_keys_[row] != key) {
        const auto [at, fresh] = row_of_.try_emplace(std::string(key), row_keys_.size());
        if (fresh) row_keys_.emplace_back(key);
        row = at->second;
      }
      if (!cursor.expect(':') || !add_value(cursor, column, row)) return false;
    }
    rows_ = std::max(rows_, row_keys_.size());
    return !cursor.failed();
  }

  const std::string& path_;
  const ReadOptions& options_;
  std::vector<ColumnCells> columns_;
  std::unordered_map<std::string, size_t> index_of_;
  std::vector<std::string> row_keys_;
  std::unordered_map<std::string, size_t> row_of_;
  size_t rows_ = 0;
};

}  // namespace

Result<Table> parse_json_table(std::string_view bytes, const std::string& path, const ReadOptions& options, bool lines) {
  if (bytes.starts_with("\xEF\xBB\xBF")) bytes.remove_prefix(3);
  if (trim(bytes).empty()) return input_error("the file is empty", path, "write a table as an array of records, or a record a line");
  if (find_invalid_utf8(bytes) != std::string_view::npos)
    return input_error("no valid JSON: bytes that are not UTF-8", path, "convert the file to UTF-8");
  TableCells table(path, options);
  JsonCursor cursor(bytes, path);
  bool read = true;
  if (lines) {
    while (read && cursor.peek() != '\0') read = table.add_record(cursor);
  } else {
    read = cursor.peek() == '{' ? table.add_columns(cursor) : table.add_records(cursor);
    if (read && cursor.peek() != '\0') read = cursor.fail("text behind the table");
  }
  if (!read) return cursor.error();
  return table.finish();
}

}  // namespace hayate::io
