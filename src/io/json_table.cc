// Tables in JSON. Every value becomes a cell of 16 bytes in its column (text in one run of bytes a column); when all are
// read, the kinds seen decide the dtype, as in CSV: over all values, never by a sample.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <unordered_map>

#include "base/strings.h"
#include "io/chunk_formats.h"
#include "io/csv_scan.h"
#include "io/csv_value.h"
#include "io/formats.h"
#include "io/json_cursor.h"

namespace hayate::io {
namespace {

constexpr const char* kWriteRecords = "write a table as an array of records, or a record a line";

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

/// What the values of a column are, or-ed over its rows.
struct Kinds {
  int cells = 0;          ///< CellKind bits
  uint16_t dates = 0;     ///< CsvSeen bits of texts that are dates or times
  bool no_dates = false;  ///< another text is among them

  void join(const Kinds& other) { cells |= other.cells, dates |= other.dates, no_dates |= other.no_dates; }
  Dtype dtype() const;
};

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

  Kinds kinds() const;
  /// The column of values that are these kinds, here or elsewhere in the file.
  Column finish(size_t rows, const Kinds& kinds);

 private:
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
Dtype Kinds::dtype() const {
  const auto only = [&](int allowed) { return (cells & ~allowed) == 0; };
  if (cells == 0) return Dtype::float64;
  if (only(kBool)) return Dtype::boolean;
  if (only(kInteger | kNegative)) return Dtype::int64;
  if (only(kInteger | kUnsigned)) return Dtype::uint64;
  if (only(kInteger | kUnsigned | kNegative | kReal)) return Dtype::float64;
  return !only(kText) || no_dates ? Dtype::text : dtype_of(dates, {});
}

Kinds ColumnCells::kinds() const {
  Kinds out;
  out.cells = seen_;
  if (seen_ != kText) return out;  // nothing, or no dates alone
  for (const Cell& cell : cells_) {
    if (cell.kind != kText) continue;
    const uint16_t kind = read_value(text(cell), {}).seen;
    out.no_dates = !(kind & (kSeenDate | kSeenTime | kSeenZonedTime));
    if (out.no_dates) break;
    out.dates |= kind;
  }
  return out;
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

Column ColumnCells::finish(size_t rows, const Kinds& kinds) {
  cells_.resize(rows);
  Column out;
  out.dtype = kinds.dtype(), out.length = int64_t(rows), out.validity = validity();
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
    if (kinds.dates & kSeenZonedTime) out.zone = "UTC";
    out.values = fixed<int64_t>([&](const Cell& cell) {
      if (cell.kind == kNull) return int64_t{0};
      const CsvValue value = read_value(text(cell), {});
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
    if (columns_.empty()) return input_error("the file holds no records", path_, kWriteRecords);
    std::vector<std::string> names;
    for (const ColumnCells& column : columns_) names.push_back(column.name);
    Table out;
    for (const std::string& name : options_.columns.empty() ? names : options_.columns) {
      const auto found = index_of_.find(name);
      if (found == index_of_.end()) return unknown_name("column", name, names, path_);
      ColumnCells& column = columns_[found->second];
      out.add(name, column.finish(rows_, column.kinds()));
    }
    return out;
  }

  /// Joins what is here to what was found in other parts of the file, in `names` and `kinds`.
  void join_kinds(std::vector<std::string>* names, std::unordered_map<std::string, Kinds>* kinds) const {
    for (const ColumnCells& column : columns_) {
      const auto [at, fresh] = kinds->try_emplace(column.name);
      if (fresh) names->push_back(column.name);
      at->second.join(column.kinds());
    }
  }
  size_t rows() const { return rows_; }
  /// These columns, of these kinds in the whole file; one that is not here has no values.
  Table finish_as(const std::vector<std::string>& names, const std::unordered_map<std::string, Kinds>& kinds) {
    Table out;
    for (const std::string& name : names) {
      const auto found = index_of_.find(name);
      ColumnCells none(name);
      out.add(name, (found == index_of_.end() ? none : columns_[found->second]).finish(rows_, kinds.at(name)));
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

/// Records line by line, some bytes of the file at a time. What is cut off is a record that the next piece begins with.
class JsonLinesChunks final : public ChunkReader {
 public:
  JsonLinesChunks(std::shared_ptr<const InputFile> file, const std::string& path, const ReadOptions& options, int64_t limit_bytes, size_t chunk_bytes)
      : file_(std::move(file)), path_(path), options_(options), limit_bytes_(limit_bytes), chunk_bytes_(chunk_bytes) {}

  /// Goes through the file once for its columns and their types.
  Result<void> open() {
    std::vector<std::string> names;
    while (true) {
      TableCells cells(path_, options_);
      HY_TRY(const bool more, read_piece(&cells));
      if (!more) break;
      cells.join_kinds(&names, &kinds_);
    }
    if (names.empty()) return input_error(file_->size() == 0 ? "the file is empty" : "the file holds no records", path_, kWriteRecords);
    names_ = options_.columns.empty() ? names : options_.columns;
    for (const std::string& name : names_)
      if (!kinds_.contains(name)) return unknown_name("column", name, names, path_);
    schema_ = TableCells(path_, options_).finish_as(names_, kinds_);
    return {};
  }

  const Table& schema() const override { return schema_; }
  bool has_values(size_t column) const override { return kinds_.at(names_[column]).cells != 0; }

  Result<std::optional<Table>> next() override {
    while (true) {
      TableCells cells(path_, options_);
      HY_TRY(const bool more, read_piece(&cells));
      if (!more) return std::optional<Table>();
      if (cells.rows() == 0) continue;
      std::vector<std::string> known;
      std::unordered_map<std::string, Kinds> here = kinds_;
      cells.join_kinds(&known, &here);
      for (const std::string& name : names_)
        if (here.at(name).dtype() != kinds_.at(name).dtype()) return changed();
      return std::optional(cells.finish_as(names_, kinds_));
    }
  }

 private:
  Error changed() const { return input_error("the file changed while it was read", path_, "read it again when nobody writes to it"); }

  /// Where the last whole record of `text` ends: a newline behind a closing brace. 0: there is none.
  static size_t last_record_end(std::string_view text) {
    for (size_t end = text.rfind('\n'); end != std::string_view::npos && end > 0; end = text.rfind('\n', end - 1)) {
      const size_t last = text.find_last_not_of(" \t\r\n", end);
      if (last == std::string_view::npos) return 0;
      if (text[last] == '}') return end + 1;
    }
    return 0;
  }

  /// Adds the records of the next piece; false at the end of the file, behind which it begins anew.
  Result<bool> read_piece(TableCells* cells) {
    if (at_ >= file_->size()) return at_ = 0, line_ = 1, false;
    size_t end = 0;
    for (size_t size = chunk_bytes_; end == 0; size *= 2) {
      if (int64_t(size) > limit_bytes_ && size > chunk_bytes_)
        return Error{Kind::budget, "a record that does not fit the memory", fmt::format("{}:{}", path_, line_), "raise --memory-limit"};
      bytes_.resize(size);
      HY_TRY(const size_t got, file_->read_at(at_, bytes_.data(), size));
      bytes_.resize(got);
      end = at_ + int64_t(got) >= file_->size() || got < size ? got : last_record_end(bytes_);
      if (got == 0) return changed();
    }
    std::string_view text = std::string_view(bytes_).substr(0, end);
    if (at_ == 0 && text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    if (find_invalid_utf8(text) != std::string_view::npos)
      return input_error("no valid JSON: bytes that are not UTF-8", path_, "convert the file to UTF-8");
    JsonCursor cursor(text, path_, line_);
    while (cursor.peek() != '\0')
      if (!cells->add_record(cursor)) return cursor.error();
    at_ += int64_t(end), line_ += std::count(text.begin(), text.end(), '\n');
    return true;
  }

  std::shared_ptr<const InputFile> file_;
  const std::string path_;
  const ReadOptions options_;
  const int64_t limit_bytes_;
  const size_t chunk_bytes_;
  int64_t at_ = 0, line_ = 1;
  std::string bytes_;
  std::vector<std::string> names_;
  std::unordered_map<std::string, Kinds> kinds_;
  Table schema_;
};

}  // namespace

Result<std::unique_ptr<ChunkReader>> json_lines_chunks(std::shared_ptr<const InputFile> file, const std::string& path, const ReadOptions& options,
                                                       int64_t limit_bytes, size_t chunk_bytes) {
  auto chunks = std::make_unique<JsonLinesChunks>(std::move(file), path, options, limit_bytes, chunk_bytes);
  HY_CHECK(chunks->open());
  return std::unique_ptr<ChunkReader>(std::move(chunks));
}

Result<Table> parse_json_table(std::string_view bytes, const std::string& path, const ReadOptions& options, bool lines) {
  if (bytes.starts_with("\xEF\xBB\xBF")) bytes.remove_prefix(3);
  if (trim(bytes).empty()) return input_error("the file is empty", path, kWriteRecords);
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
