// The reader goes over a file once in pieces that fit the second-level cache, and over a piece column by column:
//
//   1. count_block: quotes and newlines of every 256 KiB block, as if it started outside and inside quotes. The parity of
//      the quotes before a block picks one, so every chunk knows where its first record starts and which row it is.
//   2. Per chunk (any worker, any order): scan_fields finds the field ends; they are checked to be rows of equal width;
//      then each column is read in one loop made for the type that the column had so far. A value that does not fit
//      widens the type and starts the column of this chunk again.
//   3. The kinds of values seen, or-ed over the chunks, decide the dtype. Chunks read as something narrower are converted
//      in place (int64 to float64, dates to times) or read again (to text: every value as written).
//
// Numbers go straight to their final place, 8 bytes a row whatever the type: nothing is copied at the end but text,
// dates (narrowed to 4 bytes) and truth values (to bits). The order of work can't show in the result: the set of kinds
// is the same in any order, and each chunk owns its rows.
//
// Dropped: deciding types from a sample (the 20,001st value is the one that is different); one state machine over bytes
// (3 times slower than masks); field positions of the whole file at once (4 bytes a field, 360 MB for 10 M rows x 9).
#include "io/csv.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <functional>
#include <limits>
#include <unordered_map>
#include <unordered_set>

#include "base/strings.h"
#include "io/csv_scan.h"
#include "io/csv_value.h"

namespace hayate::io {
namespace {

constexpr size_t kChunk = size_t{256} << 10;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// The rows of one chunk in one column, as far as they are not in the column's slots.
struct ColumnChunk {
  uint16_t seen = 0;
  Dtype as = Dtype::float64;   // how the slots of this chunk are filled
  std::vector<uint8_t> nulls;  // one byte a row, or empty: none
  std::vector<char> text;      // as == text: the values one after another; slots hold where each begins
};

struct Chunk {
  size_t begin = 0, end = 0;  // in the body
  int64_t row = 0;            // of its first record, blank lines counted as records
  int64_t room = 0;           // records it may have
  int64_t rows = 0;           // records it has
  bool malformed = false;
  std::optional<Error> error;
  std::vector<ColumnChunk> columns;
};

struct CsvColumn {
  std::string name;
  size_t index = 0;  // in the file
  CsvRules rules;
  bool as_text = false;
  std::shared_ptr<int64_t> slots;  // 8 bytes a row; doubles and unsigned by bits
  std::atomic<uint16_t> seen{0};   // so far: the type to try first
  Dtype dtype = Dtype::float64;    // at the end
};

/// Field ends of a chunk as rows of equal width.
struct Rows {
  std::unique_ptr<uint32_t[]> ends;
  size_t capacity = 0;
  std::vector<uint32_t> begins;  // of each row; ends[row * width + column]
  std::vector<CsvField> record;  // of the exact scanner
  std::vector<char> unquoted;

  uint32_t* room_for(size_t bytes) {
    if (capacity < bytes + 64) ends.reset(new uint32_t[capacity = bytes + 64]);
    return ends.get();
  }
};

class CsvParser {
 public:
  CsvParser(std::string_view bytes, std::string path, const CsvOptions& options) : bytes_(bytes), path_(std::move(path)), options_(options) {}

  Result<Table> parse();

 private:
  Result<void> read_header();
  Result<void> choose_columns(const std::vector<std::string>& names);
  void cut_chunks();
  Result<void> cut_chunks_exactly();
  Result<void> read_chunks();
  void run(int64_t count, const std::function<void(int64_t, int)>& task);

  void read_chunk(Chunk& chunk, Rows& rows);
  bool find_rows(Chunk& chunk, Rows& rows);
  bool find_rows_exactly(Chunk& chunk, Rows& rows);
  bool keep_rows(Chunk& chunk, Rows& rows, size_t count);
  void read_column(const Chunk& chunk, Rows& rows, CsvColumn& column, ColumnChunk& part);
  bool read_column_as(Dtype as, const Chunk& chunk, Rows& rows, CsvColumn& column, ColumnChunk& part);

  void close_gaps();
  void decide_types();
  void convert_chunks();
  void convert_chunk(Chunk& chunk, Rows& rows);
  Column finish_column(size_t column);

  std::string_view chunk_bytes(const Chunk& chunk) const { return body_.substr(chunk.begin, chunk.end - chunk.begin); }
  std::string_view field(const Chunk& chunk, const Rows& rows, size_t row, size_t column) const;
  Error error_at(std::string what, size_t offset, std::string_view value, std::string hint) const;
  Error ragged_error(size_t offset, size_t fields) const;
  Error fault_error(CsvFault fault, size_t offset) const;
  Error encoding_error(size_t offset) const;

  std::string_view bytes_, body_;  // body_: behind the header
  std::string path_;
  const CsvOptions& options_;
  CsvDialect dialect_;
  size_t width_ = 0;  // fields of the header
  bool exact_ = false;
  int64_t rows_ = 0;
  std::vector<CsvColumn> columns_;
  std::vector<Chunk> chunks_;
};

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r") == std::string_view::npos; }

/// A piece of a value for an error: printable and short.
std::string shown(std::string_view value) {
  std::string out;
  for (const char c : value.substr(0, 60)) out += uint8_t(c) < 32 || c == 127 ? '?' : c;
  while (!out.empty() && find_invalid_utf8(out) != std::string_view::npos) out.resize(find_invalid_utf8(out));
  return value.size() > 60 ? out + "..." : out;
}

Error CsvParser::error_at(std::string what, size_t offset, std::string_view value, std::string hint) const {
  const auto line = 1 + std::count(bytes_.begin(), bytes_.begin() + std::ptrdiff_t(offset), dialect_.newline);
  return input_error(std::move(what), fmt::format("{}:{}: {}", path_, line, shown(value)), std::move(hint));
}

/// The line that starts at `offset`, for an error.
std::string_view line_at(std::string_view bytes, size_t offset, char newline) {
  return bytes.substr(offset, std::min(bytes.find(newline, offset), bytes.size()) - offset);
}

Error CsvParser::ragged_error(size_t offset, size_t fields) const {
  return error_at(fmt::format("{} field{}, the header has {}", fields, fields == 1 ? "" : "s", width_), offset,
                  line_at(bytes_, offset, dialect_.newline),
                  dialect_.separator == ',' ? "quote values that hold a comma, or mend the line" : "mend the line");
}

Error CsvParser::fault_error(CsvFault fault, size_t offset) const {
  const std::string_view line = line_at(bytes_, offset, dialect_.newline);
  if (fault == CsvFault::open_quote)
    return error_at("a quote is never closed", offset, line, "close it, or double a quote that belongs to the value");
  return error_at("text behind a closing quote", offset, line, "double a quote that belongs to the value");
}

Error CsvParser::encoding_error(size_t offset) const {
  size_t begin = offset;
  while (begin > 0 && bytes_[begin - 1] != dialect_.newline) --begin;
  const std::string_view line = line_at(bytes_, begin, dialect_.newline);
  if (bytes_[offset] == '\0')
    return error_at("a NUL byte: this is no text file", offset, line, "name a CSV file; UTF-16 is converted with iconv -f utf-16 -t utf-8");
  return error_at("bytes that are not UTF-8", offset, line, "convert the file first, such as iconv -f cp932 -t utf-8");
}

void CsvParser::run(int64_t count, const std::function<void(int64_t, int)>& task) {
  if (options_.pool && count > 1) {
    options_.pool->run(count, task);
  } else {
    for (int64_t i = 0; i < count; ++i) task(i, 0);
  }
}

Result<void> CsvParser::read_header() {
  if (bytes_.starts_with("\xEF\xBB\xBF")) bytes_.remove_prefix(3);
  if (bytes_.empty()) return input_error("the file is empty", path_, "a CSV file begins with a line of column names");
  if (bytes_.starts_with("\xFF\xFE") || bytes_.starts_with("\xFE\xFF"))
    return input_error("the file is in UTF-16", path_, "convert it first: iconv -f utf-16 -t utf-8");
  if (const size_t nul = bytes_.substr(0, 4096).find('\0'); nul != std::string_view::npos) return encoding_error(nul);

  dialect_ = sniff_dialect(bytes_);
  std::vector<CsvField> fields;
  size_t at = 0;
  while (true) {
    if (at == bytes_.size()) return input_error("no header: the file holds blank lines only", path_, "a CSV file begins with a line of column names");
    const size_t begin = at;
    if (const CsvFault fault = next_record(bytes_, dialect_, &at, &fields); fault != CsvFault::none) return fault_error(fault, at);
    if (fields.size() > 1 || !is_blank(bytes_.substr(begin, fields[0].end - begin))) break;
  }
  if (const size_t bad = find_invalid_utf8(bytes_.substr(0, at)); bad != std::string_view::npos) return encoding_error(bad);
  body_ = bytes_.substr(at);
  width_ = fields.size();

  std::vector<std::string> names;
  std::unordered_set<std::string> taken;
  std::vector<char> scratch;
  for (const CsvField& field : fields) {
    std::string name(trim(unquote(bytes_.substr(field.begin, field.end - field.begin), &scratch)));
    if (name.empty()) name = fmt::format("Unnamed: {}", names.size());
    std::string fresh = name;
    for (int again = 1; !taken.insert(fresh).second; ++again) fresh = fmt::format("{}.{}", name, again);
    names.push_back(fresh);
  }
  return choose_columns(names);
}

Result<void> CsvParser::choose_columns(const std::vector<std::string>& names) {
  std::unordered_map<std::string_view, size_t> index_of;
  for (size_t i = 0; i < names.size(); ++i) index_of[names[i]] = i;
  const std::vector<std::string>& wanted = options_.columns.empty() ? names : options_.columns;
  columns_ = std::vector<CsvColumn>(wanted.size());
  for (size_t i = 0; i < wanted.size(); ++i) {
    const auto found = index_of.find(wanted[i]);
    if (found == index_of.end()) return unknown_name("column", wanted[i], names, path_);
    CsvColumn& column = columns_[i];
    column.name = wanted[i], column.index = found->second;
    column.rules = {.comma_decimal = dialect_.separator == ';', .compact_dates = lower(wanted[i]) == "date", .symbol = wanted[i] == "symbol"};
    column.as_text = std::find(options_.as_text.begin(), options_.as_text.end(), wanted[i]) != options_.as_text.end();
  }
  return {};
}

/// Chunks begin behind the first record end of each block. Block k starts inside quotes when an odd number of quotes
/// stands before it.
void CsvParser::cut_chunks() {
  const size_t step = std::max(kChunk, 64 * (bytes_.size() - body_.size()));  // wide rows: enough of them in a chunk
  const size_t num_blocks = (body_.size() + step - 1) / step;
  std::vector<CsvBlock> blocks(num_blocks);
  run(int64_t(num_blocks), [&](int64_t k, int) { blocks[size_t(k)] = count_block(body_.substr(size_t(k) * step, step), dialect_); });

  chunks_.clear();
  int64_t newlines = 0;
  int inside = 0;
  for (size_t k = 0; k < num_blocks; ++k) {
    const int64_t first = blocks[k].first_newline[inside];
    if (k == 0 || first >= 0) {
      Chunk chunk;
      chunk.begin = k == 0 ? 0 : k * step + size_t(first) + 1;
      chunk.row = k == 0 ? 0 : newlines + 1;
      if (!chunks_.empty()) chunks_.back().end = chunk.begin, chunks_.back().room = chunk.row - chunks_.back().row;
      chunks_.push_back(std::move(chunk));
    }
    newlines += blocks[k].newlines[inside];
    inside ^= int(blocks[k].odd_quotes);
  }
  const bool open_end = !body_.empty() && body_.back() != dialect_.newline;
  rows_ = newlines + open_end;
  if (!chunks_.empty()) chunks_.back().end = body_.size(), chunks_.back().room = rows_ - chunks_.back().row;
  exact_ = inside != 0;
}

/// The same by next_record, for files whose quotes do not follow the rules.
Result<void> CsvParser::cut_chunks_exactly() {
  const size_t header = bytes_.size() - body_.size();
  exact_ = true;
  chunks_.clear();
  rows_ = 0;
  std::vector<CsvField> fields;
  for (size_t at = 0; at < body_.size();) {
    if (chunks_.empty() || at - chunks_.back().begin >= kChunk) {
      Chunk chunk;
      chunk.begin = at, chunk.row = rows_;
      chunks_.push_back(std::move(chunk));
    }
    if (const CsvFault fault = next_record(body_, dialect_, &at, &fields); fault != CsvFault::none) return fault_error(fault, header + at);
    chunks_.back().end = at;
    ++chunks_.back().room;
    ++rows_;
  }
  return {};
}

Result<void> CsvParser::read_chunks() {
  for (CsvColumn& column : columns_) {
    column.slots = std::shared_ptr<int64_t>(static_cast<int64_t*>(std::malloc(size_t(rows_ + 1) * sizeof(int64_t))), std::free);
    if (!column.slots)
      return Error{Kind::budget, fmt::format("no memory for {} rows x {} columns", rows_, columns_.size()), path_,
                   "read fewer columns with --columns"};
  }
  std::vector<Rows> scratch(size_t(options_.pool ? options_.pool->workers() : 1));
  run(int64_t(chunks_.size()), [&](int64_t k, int worker) { read_chunk(chunks_[size_t(k)], scratch[size_t(worker)]); });
  for (Chunk& chunk : chunks_) {
    if (chunk.malformed) break;
    if (chunk.error) return std::move(*chunk.error);
  }
  return {};
}

void CsvParser::read_chunk(Chunk& chunk, Rows& rows) {
  if (!(exact_ ? find_rows_exactly(chunk, rows) : find_rows(chunk, rows))) return;
  chunk.columns = std::vector<ColumnChunk>(columns_.size());
  for (size_t c = 0; c < columns_.size(); ++c) {
    read_column(chunk, rows, columns_[c], chunk.columns[c]);
    columns_[c].seen.fetch_or(chunk.columns[c].seen, std::memory_order_relaxed);
  }
}

bool CsvParser::find_rows(Chunk& chunk, Rows& rows) {
  const std::string_view data = chunk_bytes(chunk);
  const size_t offset = bytes_.size() - body_.size() + chunk.begin;
  CsvScan scan = scan_fields(data, dialect_, rows.room_for(data.size()));
  if (scan.malformed) return chunk.malformed = true, false;
  if (scan.has_nul) return chunk.error = encoding_error(offset + data.find('\0')), false;
  if (scan.has_high)
    if (const size_t bad = find_invalid_utf8(data); bad != std::string_view::npos) return chunk.error = encoding_error(offset + bad), false;
  if (!data.empty() && data.back() != dialect_.newline) rows.ends[scan.count++] = uint32_t(data.size());
  return keep_rows(chunk, rows, scan.count);
}

bool CsvParser::find_rows_exactly(Chunk& chunk, Rows& rows) {
  const std::string_view data = chunk_bytes(chunk);
  const size_t offset = bytes_.size() - body_.size() + chunk.begin;
  if (const size_t nul = data.find('\0'); nul != std::string_view::npos) return chunk.error = encoding_error(offset + nul), false;
  if (const size_t bad = find_invalid_utf8(data); bad != std::string_view::npos) return chunk.error = encoding_error(offset + bad), false;
  uint32_t* ends = rows.room_for(data.size());
  size_t count = 0;
  for (size_t at = 0; at < data.size();) {
    next_record(data, dialect_, &at, &rows.record);  // without fault: cut_chunks_exactly went here before
    for (size_t i = 0; i + 1 < rows.record.size(); ++i) ends[count++] = uint32_t(rows.record[i].end);
    ends[count++] = uint32_t(at - (data[at - 1] == dialect_.newline));
  }
  return keep_rows(chunk, rows, count);
}

/// Checks that the field ends are rows of the header's width and drops blank lines.
bool CsvParser::keep_rows(Chunk& chunk, Rows& rows, size_t count) {
  const std::string_view data = chunk_bytes(chunk);
  const auto ends_row = [&](uint32_t end) { return end == data.size() || data[end] == dialect_.newline; };
  uint32_t* ends = rows.ends.get();
  rows.begins.clear();
  uint32_t begin = 0;
  size_t kept = 0;
  for (size_t at = 0; at < count;) {
    size_t fields = 1;
    while (!ends_row(ends[at + fields - 1])) ++fields;
    const uint32_t row_end = ends[at + fields - 1];
    if (fields == 1 && is_blank(data.substr(begin, row_end - begin))) {
      // a blank line
    } else if (fields != width_) {
      return chunk.error = ragged_error(bytes_.size() - body_.size() + chunk.begin + begin, fields), false;
    } else {
      if (kept != at) std::memmove(ends + kept, ends + at, fields * sizeof *ends);
      kept += fields;
      rows.begins.push_back(begin);
    }
    at += fields;
    begin = row_end + 1;
  }
  chunk.rows = int64_t(rows.begins.size());
  return true;
}

/// The field as written, quotes included.
std::string_view CsvParser::field(const Chunk& chunk, const Rows& rows, size_t row, size_t column) const {
  const uint32_t* ends = rows.ends.get() + row * width_ + column;
  const char* data = body_.data() + chunk.begin;
  const uint32_t begin = column == 0 ? rows.begins[row] : ends[-1] + 1;
  uint32_t end = *ends;
  if (column + 1 == width_ && end > begin && data[end - 1] == '\r') --end;
  return {data + begin, end - begin};
}

/// Tries the type that the column has had so far; a value that does not fit widens it.
void CsvParser::read_column(const Chunk& chunk, Rows& rows, CsvColumn& column, ColumnChunk& part) {
  const uint16_t known = column.seen.load(std::memory_order_relaxed);
  const bool fresh = known == 0 && !column.rules.symbol;
  Dtype as = column.as_text ? Dtype::text : fresh ? Dtype::int64 : reading_dtype(known, column.rules);
  // Ends: the value that did not fit is in part.seen, so the next type has a place for it and for all before it.
  while (!read_column_as(as, chunk, rows, column, part)) as = reading_dtype(part.seen, column.rules);
}

void set_null(std::vector<uint8_t>& nulls, size_t rows, size_t row) {
  if (nulls.empty()) nulls.resize(rows);
  nulls[row] = 1;
}

int64_t bits_of(double value) {
  int64_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

/// What a value is in a column of `as`: false when it has no place there.
bool slot_of(const CsvValue& value, Dtype as, int64_t* slot) {
  constexpr int kNumbers = kSeenInteger | kSeenNegative | kSeenUnsigned | kSeenHuge | kSeenReal | kSeenPoint | kSeenComma | kSeenCompactDate;
  const auto one_of = [&](int kinds) { return (value.seen & kinds) != 0; };
  *slot = value.seen == kSeenCompactDate ? int64_t(value.real) : value.integer;
  switch (as) {
    case Dtype::int64:
      return one_of(kSeenInteger | kSeenNegative | kSeenCompactDate);
    case Dtype::uint64:
      return one_of(kSeenInteger | kSeenUnsigned | kSeenCompactDate);
    case Dtype::float64:
      *slot = bits_of(value.real);
      return one_of(kNumbers);
    case Dtype::boolean:
      return one_of(kSeenBoolean);
    case Dtype::date:
      *slot = value.integer;
      return one_of(kSeenDate | kSeenCompactDate);
    case Dtype::timestamp:
      if (value.seen == kSeenDate) *slot = value.integer * 86'400'000'000;
      return one_of(kSeenDate | kSeenTime | kSeenZonedTime);
    default:
      return false;
  }
}

bool CsvParser::read_column_as(Dtype as, const Chunk& chunk, Rows& rows, CsvColumn& column, ColumnChunk& part) {
  const size_t count = size_t(chunk.rows);
  int64_t* slots = column.slots.get() + chunk.row;
  uint16_t seen = 0;
  part.as = as;
  part.nulls.clear();
  part.text.clear();
  if (as == Dtype::text) {
    for (size_t row = 0; row < count; ++row) {
      const std::string_view text = unquote(field(chunk, rows, row, column.index), &rows.unquoted);
      slots[row] = int64_t(part.text.size());
      if (column.rules.symbol ? text.empty() : is_missing(text))
        set_null(part.nulls, count, row);
      else
        part.text.insert(part.text.end(), text.begin(), text.end());
    }
    part.seen |= column.rules.symbol || column.as_text ? uint16_t{kSeenText} : uint16_t{0};
    return true;
  }
  for (size_t row = 0; row < count; ++row) {
    const std::string_view raw = field(chunk, rows, row, column.index);
    const char *begin = raw.data(), *end = begin + raw.size();
    if (as == Dtype::int64 && !column.rules.compact_dates && read_plain_integer(begin, end, &slots[row])) {
      seen |= slots[row] < 0 ? kSeenNegative : kSeenInteger;
      continue;
    }
    double real;
    if (as == Dtype::float64 && read_plain_real(begin, end, &real)) {
      slots[row] = bits_of(real);
      seen |= kSeenPoint;
      continue;
    }
    const CsvValue value = read_value(unquote(raw, &rows.unquoted), column.rules);
    seen |= value.seen;
    if (value.seen == 0) {
      slots[row] = as == Dtype::float64 ? bits_of(kNaN) : 0;
      set_null(part.nulls, count, row);
    } else if (!slot_of(value, as, &slots[row])) {
      part.seen |= seen;
      return false;
    }
  }
  part.seen |= seen;
  return true;
}

/// Moves the rows of each chunk to their place when blank lines left room between chunks.
void CsvParser::close_gaps() {
  int64_t row = 0;
  for (Chunk& chunk : chunks_) {
    if (chunk.row != row)
      for (CsvColumn& column : columns_) std::memmove(column.slots.get() + row, column.slots.get() + chunk.row, size_t(chunk.rows) * sizeof(int64_t));
    chunk.row = row;
    row += chunk.rows;
  }
  rows_ = row;
}

/// A file has one decimal mark. In a semicolon file where some columns hold 1,5 and others 1.5, one of them is a
/// thousands mark and nothing says which: both stay text.
void CsvParser::decide_types() {
  uint16_t marks = 0;
  for (CsvColumn& column : columns_) {
    column.dtype = column.as_text ? Dtype::text : dtype_of(column.seen, column.rules);
    if (column.dtype == Dtype::float64) marks = uint16_t(marks | (column.seen & (kSeenPoint | kSeenComma)));
  }
  if (marks != (kSeenPoint | kSeenComma)) return;
  for (CsvColumn& column : columns_)
    if (column.dtype == Dtype::float64 && (column.seen & marks)) column.dtype = Dtype::text;
}

void CsvParser::convert_chunks() {
  std::vector<Rows> scratch(size_t(options_.pool ? options_.pool->workers() : 1));
  run(int64_t(chunks_.size()), [&](int64_t k, int worker) { convert_chunk(chunks_[size_t(k)], scratch[size_t(worker)]); });
}

/// Brings the columns of a chunk that were read as something narrower to their dtype.
void CsvParser::convert_chunk(Chunk& chunk, Rows& rows) {
  bool found = false;
  for (size_t c = 0; c < columns_.size(); ++c) {
    CsvColumn& column = columns_[c];
    ColumnChunk& part = chunk.columns[c];
    int64_t* slots = column.slots.get() + chunk.row;
    if (part.as == column.dtype) continue;
    if (part.as == Dtype::int64 && column.dtype == Dtype::float64) {
      for (int64_t row = 0; row < chunk.rows; ++row) slots[row] = bits_of(!part.nulls.empty() && part.nulls[size_t(row)] ? kNaN : double(slots[row]));
    } else {
      if (!found) exact_ ? find_rows_exactly(chunk, rows) : find_rows(chunk, rows);
      found = true;
      read_column_as(column.dtype, chunk, rows, column, part);
    }
    part.as = column.dtype;
  }
}

Buffer validity_of(const std::vector<Chunk>& chunks, size_t column, int64_t rows) {
  bool any = false;
  for (const Chunk& chunk : chunks) any |= !chunk.columns[column].nulls.empty();
  if (!any) return {};
  std::vector<uint8_t> bits(size_t(rows + 7) / 8, 0xFF);
  for (const Chunk& chunk : chunks) {
    const std::vector<uint8_t>& nulls = chunk.columns[column].nulls;
    for (size_t i = 0; i < nulls.size(); ++i) {
      const size_t row = size_t(chunk.row) + i;
      if (nulls[i]) bits[row >> 3] = uint8_t(bits[row >> 3] & ~(1 << (row & 7)));
    }
  }
  return make_buffer(std::move(bits));
}

Column CsvParser::finish_column(size_t index) {
  CsvColumn& column = columns_[index];
  int64_t* slots = column.slots.get();
  Column out;
  out.dtype = column.dtype, out.length = rows_;
  out.validity = validity_of(chunks_, index, rows_);
  const auto whole = [&](size_t rows) { return Buffer{column.slots, reinterpret_cast<const uint8_t*>(slots), rows * sizeof(int64_t)}; };
  if (column.dtype == Dtype::boolean) {
    std::vector<uint8_t> bits(size_t(rows_ + 7) / 8, 0);
    for (size_t row = 0; row < size_t(rows_); ++row) bits[row >> 3] = uint8_t(bits[row >> 3] | slots[row] << (row & 7));
    out.values = make_buffer(std::move(bits));
  } else if (column.dtype == Dtype::date) {
    std::vector<int32_t> days(slots, slots + rows_);
    out.values = make_buffer(std::move(days));
  } else if (column.dtype == Dtype::text) {
    size_t size = 0;
    for (const Chunk& chunk : chunks_) size += chunk.columns[index].text.size();
    std::vector<char> text;
    text.reserve(size);
    for (Chunk& chunk : chunks_) {
      std::vector<char>& part = chunk.columns[index].text;
      for (int64_t row = chunk.row; row < chunk.row + chunk.rows; ++row) slots[row] += int64_t(text.size());
      text.insert(text.end(), part.begin(), part.end());
      part = {};
    }
    slots[rows_] = int64_t(text.size());
    out.values = make_buffer(std::move(text));
    out.offsets = whole(size_t(rows_) + 1);
  } else {
    if (column.dtype == Dtype::timestamp && (column.seen & kSeenZonedTime)) out.zone = "UTC";
    out.values = whole(size_t(rows_));
  }
  return out;
}

Result<Table> CsvParser::parse() {
  HY_CHECK(read_header());
  cut_chunks();
  if (!exact_) HY_CHECK(read_chunks());
  if (exact_ || std::any_of(chunks_.begin(), chunks_.end(), [](const Chunk& chunk) { return chunk.malformed; })) {
    HY_CHECK(cut_chunks_exactly());
    for (CsvColumn& column : columns_) column.seen = 0;
    HY_CHECK(read_chunks());
  }
  close_gaps();
  decide_types();
  convert_chunks();

  std::vector<Column> finished(columns_.size());
  run(int64_t(columns_.size()), [&](int64_t c, int) { finished[size_t(c)] = finish_column(size_t(c)); });
  Table table;
  for (size_t c = 0; c < columns_.size(); ++c) table.add(columns_[c].name, std::move(finished[c]));
  return table;
}

}  // namespace

Result<Table> parse_csv(std::string_view bytes, const std::string& path, const CsvOptions& options) {
  return CsvParser(bytes, path, options).parse();
}

}  // namespace hayate::io
