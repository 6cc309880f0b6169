// Tables in JSON. Records are read in pieces, as an array or a record a line; columns (pandas' form) as a whole, for a row is only complete when
// the last column has been seen. Every value becomes 64 bits and a kind in its column (text in one run of bytes a column); when all are
// read, the kinds seen decide the dtype, as in CSV: over all values, never by a sample.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cassert>
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
  explicit ColumnCells(std::string_view column) : name(column) {
    for (const char c : name) is_plain &= c != '"' && c != '\\' && uint8_t(c) >= 0x20;
  }

  std::string name;
  bool is_plain = true;  // the name stands in JSON as it is

  void set(size_t row, const JsonScalar& value) {
    uint64_t slot = uint64_t(value.whole);
    if (value.kind == JsonScalar::real) {
      slot = std::bit_cast<uint64_t>(value.number);
    } else if (value.kind == JsonScalar::text) {
      slot = bytes_.size();
      bytes_.insert(bytes_.end(), value.text_value.begin(), value.text_value.end());
      if (row >= sizes_.size()) sizes_.resize(std::max(row + 1, 2 * sizes_.size()));
      sizes_[row] = uint32_t(value.text_value.size());
    }
    if (row == kinds_.size()) return slots_.push_back(slot), kinds_.push_back(kind_of(value.kind));
    if (row > kinds_.size()) resize(row + 1);
    slots_[row] = slot, kinds_[row] = kind_of(value.kind);
  }

  /// Of the first `rows` cells: what stands behind them is of a record that was cut off.
  Kinds kinds(size_t rows) const;
  /// The column of values that are these kinds, here or elsewhere in the file.
  Column finish(size_t rows, const Kinds& kinds);
  void reserve(size_t rows) { slots_.reserve(rows), kinds_.reserve(rows); }
  int64_t memory() const {
    return int64_t(slots_.capacity() * sizeof(uint64_t) + kinds_.capacity() + sizes_.capacity() * sizeof(uint32_t) + bytes_.capacity());
  }

 private:
  void resize(size_t rows) { slots_.resize(rows), kinds_.resize(rows); }
  std::string_view text(size_t row) const { return {bytes_.data() + slots_[row], sizes_[row]}; }
  std::string written(size_t row) const;
  Buffer validity() const;
  template <class T, class Value>
  Buffer fixed(Value&& value) const;
  Buffer reals() const;

  std::vector<uint64_t> slots_;  // of a number its bits, of a text where it begins
  std::vector<CellKind> kinds_;
  std::vector<uint32_t> sizes_;  // of texts; empty before the first
  std::vector<char> bytes_;
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

Kinds ColumnCells::kinds(size_t rows) const {
  Kinds out;
  rows = std::min(rows, kinds_.size());
  int seen = 0;
  for (size_t row = 0; row < rows; ++row) seen |= kinds_[row];
  out.cells = seen;
  for (size_t row = 0; row < rows && (seen & kInteger) && !(out.cells & kNegative); ++row)
    if (kinds_[row] == kInteger && int64_t(slots_[row]) < 0) out.cells |= kNegative;
  if (out.cells != kText) return out;  // nothing, or no dates alone
  for (size_t row = 0; row < rows; ++row) {
    if (kinds_[row] != kText) continue;
    const uint16_t kind = read_value(text(row), {}).seen;
    out.no_dates = !(kind & (kSeenDate | kSeenTime | kSeenZonedTime));
    if (out.no_dates) break;
    out.dates |= kind;
  }
  return out;
}

/// A cell of a column that is text because of other cells.
std::string ColumnCells::written(size_t row) const {
  if (kinds_[row] == kBool) return slots_[row] ? "true" : "false";
  if (kinds_[row] == kInteger) return std::to_string(int64_t(slots_[row]));
  if (kinds_[row] == kUnsigned) return std::to_string(slots_[row]);
  return format_shortest(std::bit_cast<double>(slots_[row]));
}

Buffer ColumnCells::validity() const {
  if (std::none_of(kinds_.begin(), kinds_.end(), [](CellKind kind) { return kind == kNull; })) return {};
  std::vector<uint8_t> bits((kinds_.size() + 7) / 8, 0);
  for (size_t row = 0; row < kinds_.size(); ++row) bits[row >> 3] = uint8_t(bits[row >> 3] | (kinds_[row] != kNull) << (row & 7));
  return make_buffer(std::move(bits));
}

template <class T, class Value>
Buffer ColumnCells::fixed(Value&& value) const {
  std::vector<T> out(kinds_.size());
  for (size_t row = 0; row < out.size(); ++row) out[row] = value(row);
  return make_buffer(std::move(out));
}

Buffer ColumnCells::reals() const {
  return fixed<double>([&](size_t row) {
    const CellKind kind = kinds_[row];
    if (kind == kReal) return std::bit_cast<double>(slots_[row]);
    if (kind == kNull) return std::numeric_limits<double>::quiet_NaN();
    return kind == kUnsigned ? double(slots_[row]) : double(int64_t(slots_[row]));
  });
}

Column ColumnCells::finish(size_t rows, const Kinds& kinds) {
  resize(rows);
  Column out;
  out.dtype = kinds.dtype(), out.length = int64_t(rows), out.validity = validity();
  if (out.dtype == Dtype::float64) {
    out.values = kinds.cells == kReal && !out.validity.data ? make_buffer(std::move(slots_)) : reals();
  } else if (out.dtype == Dtype::int64 || out.dtype == Dtype::uint64) {
    out.values = make_buffer(std::move(slots_));
  } else if (out.dtype == Dtype::boolean) {
    std::vector<uint8_t> bits((rows + 7) / 8, 0);
    for (size_t row = 0; row < rows; ++row) bits[row >> 3] = uint8_t(bits[row >> 3] | int(slots_[row]) << (row & 7));
    out.values = make_buffer(std::move(bits));
  } else if (out.dtype == Dtype::date) {
    out.values = fixed<int32_t>([&](size_t row) { return kinds_[row] == kNull ? 0 : int32_t(read_value(text(row), {}).integer); });
  } else if (out.dtype == Dtype::timestamp) {
    if (kinds.dates & kSeenZonedTime) out.zone = "UTC";
    out.values = fixed<int64_t>([&](size_t row) {
      if (kinds_[row] == kNull) return int64_t{0};
      const CsvValue value = read_value(text(row), {});
      return value.seen == kSeenDate ? value.integer * 86'400'000'000 : value.integer;
    });
  } else {
    std::vector<int64_t> offsets = {0};
    offsets.reserve(rows + 1);
    std::vector<char> bytes;
    bytes.reserve(bytes_.size());
    for (size_t row = 0; row < rows; ++row) {
      if (kinds_[row] == kText) {
        const std::string_view value = text(row);
        bytes.insert(bytes.end(), value.begin(), value.end());
      } else if (kinds_[row] != kNull) {
        const std::string number = written(row);
        bytes.insert(bytes.end(), number.begin(), number.end());
      }
      offsets.push_back(int64_t(bytes.size()));
    }
    out.values = make_buffer(std::move(bytes));
    out.offsets = make_buffer(std::move(offsets));
  }
  slots_ = {}, kinds_ = {}, sizes_ = {}, bytes_ = {};
  return out;
}

/// Columns in order of first appearance.
class TableCells {
 public:
  TableCells(const std::string& path, const ReadOptions& options) : path_(path), options_(options) {}

  /// Reading fails at about the place where cells and the columns made of them would take more.
  void limit_memory(int64_t bytes) { limit_bytes_ = bytes; }
  /// What they took when that happened, or 0.
  int64_t needed_bytes() const { return needed_bytes_; }

  /// {"name": value, ...}
  bool add_record(JsonCursor& cursor) {
    if (!cursor.expect('{')) return false;
    size_t guess = 0;  // records mostly repeat the names of the one before
    for (bool more = !cursor.take('}'); more; more = cursor.more('}')) {
      if (guess < columns_.size() && columns_[guess].is_plain && cursor.take_name(columns_[guess].name)) {
        if (!add_value(cursor, columns_[guess++], rows_)) return false;
        continue;
      }
      std::string_view name;
      if (!cursor.string(&name)) return false;
      ColumnCells& column = column_of(name, guess++);
      if (!cursor.expect(':') || !add_value(cursor, column, rows_)) return false;
    }
    if (cursor.failed()) return false;
    return ++rows_, true;
  }

  /// {"column": {"row": value, ...}, ...} or {"column": [value, ...], ...}
  bool add_columns(JsonCursor& cursor) {
    if (!cursor.expect('{')) return false;
    for (bool more = !cursor.take('}'); more; more = cursor.more('}')) {
      std::string_view name;
      if (!cursor.string(&name)) return false;
      ColumnCells& column = column_of(name, columns_.size());
      column.reserve(rows_);
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
      out.add(name, column.finish(rows_, column.kinds(rows_)));
    }
    return out;
  }

  /// Joins what is here to what was found in other parts of the file, in `names` and `kinds`.
  void join_kinds(std::vector<std::string>* names, std::unordered_map<std::string, Kinds>* kinds) const {
    for (const ColumnCells& column : columns_) {
      const auto [at, fresh] = kinds->try_emplace(column.name);
      if (fresh) names->push_back(column.name);
      at->second.join(column.kinds(rows_));
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

  bool fits_memory(JsonCursor& cursor) {
    constexpr size_t kLook = 8192;      // values between two looks
    constexpr int64_t kKeyBytes = 120;  // of a row's name and its place
    next_look_ = values_ + std::max(kLook, 8 * columns_.size());
    int64_t bytes = int64_t(row_keys_.size()) * kKeyBytes;
    for (const ColumnCells& column : columns_) bytes += column.memory() + column.memory() / 2;  // and half as much when it is a column
    if (bytes <= limit_bytes_) return true;
    needed_bytes_ = bytes;
    return cursor.fail("too much memory");
  }

  bool add_value(JsonCursor& cursor, ColumnCells& column, size_t row) {
    JsonScalar value;
    if (!cursor.scalar(&value)) return false;
    column.set(row, value);
    return ++values_ < next_look_ || fits_memory(cursor);
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
      const size_t row = row_of_key(key, place++);
      if (!cursor.expect(':') || !add_value(cursor, column, row)) return false;
    }
    rows_ = std::max({rows_, row_keys_.size(), counted_});
    return !cursor.failed();
  }

  size_t row_of_key(std::string_view key, size_t place) {
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
  size_t add_key(const std::string& key) {
    row_of_.emplace(key, row_keys_.size());
    row_keys_.push_back(key);
    return row_keys_.size() - 1;
  }

  const std::string& path_;
  const ReadOptions& options_;
  std::vector<ColumnCells> columns_;
  std::unordered_map<std::string, size_t> index_of_;
  size_t counted_ = 0;  // rows as long as their keys are "0", "1", "2" and so on, which pandas makes of a table without an index
  std::vector<std::string> row_keys_;
  std::unordered_map<std::string, size_t> row_of_;
  size_t rows_ = 0;
  int64_t limit_bytes_ = INT64_MAX, needed_bytes_ = 0;
  size_t values_ = 0, next_look_ = 0;
};

/// Records one behind the other, or in an array. Text may end in the middle of one: what is there of it is read again with the text behind it.
class RecordReader {
 public:
  explicit RecordReader(bool lines) : next_(lines ? Next::record_or_end : Next::opening) {}

  /// Adds whole records. `whole`: no text follows. False: the text is no such thing.
  bool read(JsonCursor& cursor, bool whole, TableCells* cells) {
    taken_ = 0;
    while (!cursor.at_end()) {
      if (!step(cursor, cells)) return !whole && cursor.may_be_cut();
      taken_ = cursor.offset();
    }
    taken_ = cursor.offset();
    if (whole && next_ != Next::record_or_end && next_ != Next::nothing) return cursor.fail("the text ends too early");
    return true;
  }
  /// Bytes of the text that the last read() is done with.
  size_t taken() const { return taken_; }

  /// One that begins in front of a record behind others.
  static RecordReader behind_others(bool lines) {
    RecordReader out(lines);
    if (!lines) out.next_ = Next::record;
    return out;
  }
  bool is_before_record() const { return next_ == Next::record || next_ == Next::record_or_end; }

 private:
  enum class Next : uint8_t { opening, record_or_closing, record, comma_or_closing, nothing, record_or_end };

  bool step(JsonCursor& cursor, TableCells* cells) {
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
        return cells->add_record(cursor);
      case Next::nothing:
        return cursor.fail("text behind the table");
    }
    return false;
  }
  bool go_to(Next next) { return next_ = next, true; }

  Next next_;
  size_t taken_ = 0;
};

constexpr const char* kNotUtf8 = "no valid JSON: bytes that are not UTF-8";

/// Text without the bytes of a character at its end that goes on behind it.
std::string_view whole_characters(std::string_view text) {
  for (size_t back = 1; back <= std::min<size_t>(3, text.size()); ++back) {
    const uint8_t byte = uint8_t(text[text.size() - back]);
    if ((byte & 0xC0) == 0x80) continue;
    const size_t size = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1;
    return size > back ? text.substr(0, text.size() - back) : text;
  }
  return text;
}

/// Records, some bytes of the file at a time. What is cut off is a record that the next piece begins with.
class JsonRecordChunks final : public ChunkReader {
 public:
  JsonRecordChunks(std::shared_ptr<const InputFile> file, const std::string& path, const ReadOptions& options, bool lines, int64_t limit_bytes,
                   size_t chunk_bytes)
      : file_(std::move(file)), path_(path), options_(options), lines_(lines), limit_bytes_(limit_bytes), chunk_bytes_(chunk_bytes) {}

  /// Goes through the file once for its columns and their types.
  Result<void> open() {
    if (options_.steps) options_.steps->add_input(file_->size());
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

  /// Adds the records of the next piece; false at the end of the file, behind which it begins anew.
  Result<bool> read_piece(TableCells* cells) {
    if (at_ >= file_->size()) return at_ = 0, line_ = 1, records_ = RecordReader(lines_), false;
    for (size_t size = chunk_bytes_;; size *= 2) {
      if (int64_t(size) > limit_bytes_ && size > chunk_bytes_)
        return Error{Kind::budget, "a record that does not fit the memory", fmt::format("{}:{}", path_, line_), "raise --memory-limit"};
      if (options_.stopped()) return reading_stopped(path_);
      bytes_.resize(size);
      HY_TRY(const size_t got, file_->read_at(at_, bytes_.data(), size));
      if (got == 0) return changed();
      const bool whole = got < size || at_ + int64_t(got) >= file_->size();
      HY_TRY(const size_t taken, add_records({bytes_.data(), got}, whole, cells));
      if (options_.steps) options_.steps->read(int64_t(taken));
      if (taken > 0) return at_ += int64_t(taken), line_ += std::count(bytes_.begin(), bytes_.begin() + std::ptrdiff_t(taken), '\n'), true;
    }
  }

  /// How many of the bytes are done with.
  Result<size_t> add_records(std::string_view bytes, bool whole, TableCells* cells) {
    std::string_view text = whole ? bytes : whole_characters(bytes);
    if (at_ == 0 && text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    if (find_invalid_utf8(text) != std::string_view::npos) return input_error(kNotUtf8, path_, "convert the file to UTF-8");
    JsonCursor cursor(text, path_, line_);
    if (!records_.read(cursor, whole, cells)) return cursor.error();
    return whole ? bytes.size() : records_.taken() > 0 ? size_t(text.data() - bytes.data()) + records_.taken() : 0;
  }

  std::shared_ptr<const InputFile> file_;
  const std::string path_;
  const ReadOptions options_;
  const bool lines_;
  const int64_t limit_bytes_;
  const size_t chunk_bytes_;
  RecordReader records_{lines_};
  int64_t at_ = 0, line_ = 1;
  std::string bytes_;
  std::vector<std::string> names_;
  std::unordered_map<std::string, Kinds> kinds_;
  Table schema_;
};

}  // namespace

namespace {

/// Whether the file is an object of columns.
Result<bool> has_columns(const InputFile& file) {
  char bytes[4096];
  for (int64_t at = 0; at < file.size();) {
    HY_TRY(const size_t got, file.read_at(at, bytes, sizeof bytes));
    if (got == 0) return false;
    std::string_view text(bytes, got);
    if (at == 0 && text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    if (const size_t first = text.find_first_not_of(" \t\r\n"); first != std::string_view::npos) return text[first] == '{';
    at += int64_t(got);
  }
  return false;
}

Result<Table> read_columns(const InputFile& file, const std::string& path, const ReadOptions& options, int64_t limit_bytes) {
  if (file.size() > limit_bytes / 2)
    return Error{Kind::budget,
                 fmt::format("the file has {} in pandas' column form, which is read as a whole, and the limit is {}", format_bytes(file.size()),
                             format_bytes(limit_bytes)),
                 path, fmt::format("--memory-limit {} may do, or write records: to_json(orient='records')", format_bytes(4 * file.size()))};
  std::vector<char> bytes(size_t(file.size()));
  HY_TRY(const size_t got, file.read_at(0, bytes.data(), bytes.size()));
  bytes.resize(got);
  return parse_json_table(make_buffer(std::move(bytes)), path, options, false, limit_bytes);
}

}  // namespace

Result<std::unique_ptr<ChunkReader>> json_chunks(std::shared_ptr<const InputFile> file, const std::string& path, const ReadOptions& options,
                                                 bool lines, int64_t limit_bytes, size_t chunk_bytes) {
  HY_TRY(const bool columns, lines ? Result<bool>(false) : has_columns(*file));
  if (columns) {
    HY_TRY(Table table, read_columns(*file, path, options, limit_bytes));
    return chunks_of(std::move(table), 0);
  }
  auto chunks = std::make_unique<JsonRecordChunks>(std::move(file), path, options, lines, limit_bytes / 8, chunk_bytes);
  HY_CHECK(chunks->open());
  return std::unique_ptr<ChunkReader>(std::move(chunks));
}

namespace {

/// Where the next record begins, if text from `at` on looks so: a brace, in an array a comma, and a brace again. Inside a string it may be wrong.
size_t next_record(std::string_view text, size_t at, bool lines) {
  while ((at = text.find('}', at)) != std::string_view::npos) {
    size_t next = text.find_first_not_of(" \t\r\n", ++at);
    if (!lines && next != std::string_view::npos && text[next] == ',') next = text.find_first_not_of(" \t\r\n", next + 1);
    if (next == std::string_view::npos || text[next] == '{') return next;
  }
  return at;
}

/// Records in pieces that workers read at the same time. Where a piece ends is a guess, which holds when all of them are read to their ends: the
/// first begins with a record, so the second does, and so on. Nothing: it did not hold, or something is wrong with the text.
std::optional<Result<Table>> parse_in_parallel(std::string_view text, const std::string& path, const ReadOptions& options, bool lines,
                                               int64_t limit_bytes) {
  constexpr size_t kLeast = size_t{1} << 20;
  const size_t wanted_pieces = std::min(4 * size_t(options.pool->workers()), text.size() / kLeast);
  std::vector<size_t> cuts = {0};
  for (size_t k = 1; k < wanted_pieces; ++k) {
    const size_t cut = next_record(text, std::max(text.size() / wanted_pieces * k, cuts.back() + 1), lines);
    if (cut == std::string_view::npos) break;
    cuts.push_back(cut);
  }
  const size_t pieces = cuts.size();
  cuts.push_back(text.size());
  struct Piece {
    TableCells cells;
    std::vector<std::string> names;
    std::unordered_map<std::string, Kinds> kinds;
    Table table;
    bool is_read = false;
  };
  std::vector<Piece> parts;
  for (size_t k = 0; k < pieces; ++k) parts.push_back({TableCells(path, options), {}, {}, {}});
  options.pool->run(int64_t(pieces), [&](int64_t k, int) {
    Piece& piece = parts[size_t(k)];
    const std::string_view own = text.substr(cuts[size_t(k)], cuts[size_t(k) + 1] - cuts[size_t(k)]);
    if (find_invalid_utf8(own) != std::string_view::npos) return;
    piece.cells.limit_memory(limit_bytes / int64_t(pieces));
    JsonCursor cursor(own, path);
    const bool last = size_t(k) + 1 == pieces;
    RecordReader reader = k == 0 ? RecordReader(lines) : RecordReader::behind_others(lines);
    piece.is_read = reader.read(cursor, last, &piece.cells) && reader.taken() == own.size() && (last || reader.is_before_record());
    if (piece.is_read) piece.cells.join_kinds(&piece.names, &piece.kinds);
  });
  std::vector<std::string> names;
  std::unordered_map<std::string, Kinds> kinds;
  for (const Piece& piece : parts) {
    if (!piece.is_read) return std::nullopt;
    for (const std::string& name : piece.names) {
      const auto [at, fresh] = kinds.try_emplace(name);
      if (fresh) names.push_back(name);
      at->second.join(piece.kinds.at(name));
    }
  }
  const std::vector<std::string>& wanted = options.columns.empty() ? names : options.columns;
  if (names.empty() || std::any_of(wanted.begin(), wanted.end(), [&](const std::string& name) { return !kinds.contains(name); })) return std::nullopt;
  options.pool->run(int64_t(pieces), [&](int64_t k, int) { parts[size_t(k)].table = parts[size_t(k)].cells.finish_as(wanted, kinds); });
  Table out;
  for (const std::string& name : wanted) out.add(name, Column());
  exec::run_all(int64_t(wanted.size()), options.pool, [&](int64_t c) {
    std::vector<Column> columns;
    for (Piece& piece : parts) columns.push_back(std::move(piece.table.columns[size_t(c)]));
    [[maybe_unused]] const bool same = concatenate(columns, &out.columns[size_t(c)]);
    assert(same);
  });
  return out;
}

}  // namespace

Result<Table> parse_json_table(Buffer bytes, const std::string& path, const ReadOptions& options, bool lines, int64_t limit_bytes) {
  std::string_view text(reinterpret_cast<const char*>(bytes.data), bytes.size);
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  if (trim(text).empty()) return input_error("the file is empty", path, kWriteRecords);
  const bool columns = !lines && trim(text.substr(0, 4096)).starts_with('{');
  if (options.pool && options.pool->workers() > 1 && !columns)
    if (auto table = parse_in_parallel(text, path, options, lines, limit_bytes - int64_t(bytes.size))) return std::move(*table);
  if (find_invalid_utf8(text) != std::string_view::npos) return input_error(kNotUtf8, path, "convert the file to UTF-8");
  TableCells table(path, options);
  JsonCursor cursor(text, path);
  table.limit_memory(limit_bytes - int64_t(bytes.size));
  if (!lines && cursor.peek() == '{') {
    if (table.add_columns(cursor) && !cursor.at_end()) cursor.fail("text behind the table");
  } else {
    RecordReader(lines).read(cursor, true, &table);
  }
  if (table.needed_bytes() > 0) {
    const double part = double(std::max<size_t>(cursor.offset(), 1)) / double(text.size());
    return Error{Kind::budget, fmt::format("the table takes more memory than the limit of {} while it is read", format_bytes(limit_bytes)), path,
                 fmt::format("--memory-limit {} would do, or write records: to_json(orient='records') is read in pieces",
                             format_bytes(int64_t(double(table.needed_bytes()) / part) + int64_t(bytes.size) + limit_bytes / 8))};
  }
  if (cursor.failed()) return cursor.error();
  bytes = {};  // all texts are copied
  return table.finish();
}

}  // namespace hayate::io
