// The reader goes over a file in pieces that fit the second-level cache, and over a piece column by column.
//
//   One pass, for files whose head has no quotes: a chunk goes from behind the first newline in its block to the first one behind the
//   block; scan_fields finds the ends of its fields; the chunk before, which was begun earlier, says where its rows stand, and each
//   column is read into its place in one loop made for the type that the column had so far. A value that does not fit widens the type and
//   starts the column of this chunk again.
//
//   Two passes, where a quote turns up: kernels::count_block first counts quotes and newlines of every 256 KiB block, as if it started
//   outside and inside quotes. The parity of the quotes before a block picks one, so every chunk knows where its first record starts and
//   which row it is. Then chunks are read as above, by any worker in any order.
//
//   The kinds of values seen, or-ed over the chunks, decide the dtype. Chunks read as something narrower are converted in place (int64 to
//   float64, dates to times) or read again (to text: every value as written).
//
// A file is not read into memory but piece by piece by the workers, into buffers that stay in the processor's cache. Whenever anything is
// wrong with a file, it is read as a whole and parsed again: errors need lines, and odd quotes the exact scanner.
//
// Numbers go straight to their final place, 8 bytes a row whatever the type: nothing is copied at the end but dates (narrowed to 4 bytes)
// and truth values (to bits). Texts are joined as soon as all chunks before are there, while they are in the caches. Who only groups by
// texts gets codes of them (CsvOptions::coded_text), numbers that a worker gives in order of arrival and that are sorted at the end. The
// order of work can't show in the result: the set of kinds is the same in any order, and each chunk owns its rows.
//
// What it costs: 10 M rows x 9 columns, 570 MB, on a machine at work: 0.88 CPU s, two sums by a text key 0.56. The system takes its part:
// it copies the file, and gives and clears the pages of 940 MB of table.
//
// Dropped: deciding types from a sample (the 20,001st value is the one that is different); one state machine over bytes (3 times slower
// than masks); field positions of the whole file at once (4 bytes a field, 360 MB for 10 M rows x 9).
#include "io/csv.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <functional>
#include <limits>
#include <mutex>
#include <unordered_map>
#include <unordered_set>

#include "base/strings.h"
#include "io/chunk_formats.h"
#include "io/code_book.h"
#include "io/csv_scan.h"
#include "io/csv_value.h"
#include "io/files.h"
#include "io/large_memory.h"
#include "io/retype.h"
#include "kernels/csv_scan.h"

namespace hayate::io {
namespace {

constexpr size_t kChunk = size_t{256} << 10;
constexpr int64_t kColumnBytes = 1200;  // of memory for a column before its first row: 0.5 KB measured where a table of a million is read
constexpr size_t kSlack = 64;
constexpr size_t kCopy = CodeBook::kShort;  // bytes of short text copied at once
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// Bytes that are written once and not cleared before.
struct TextPart {
  std::unique_ptr<char[]> bytes;
  size_t size = 0;
};

/// The rows of one chunk in one column, as far as they are not in the column's slots.
struct ColumnChunk {
  int64_t* slots = nullptr;  // one a row; before they are needed: none
  int32_t* codes = nullptr;  // as == category: one a row instead
  int worker = 0;            // whose codes these are
  bool only_types = false;   // nobody wants the values
  uint16_t seen = 0;
  Dtype as = Dtype::float64;   // how the slots of this chunk are filled
  std::vector<uint8_t> nulls;  // one byte a row, or empty: none
  TextPart text;               // as == text: the values one after another; slots hold where each begins
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

/// The texts of a column one behind the other. Whoever has read a chunk brings over what has become ready, while it is in the
/// caches and its memory can be used again; `done` chunks are in it.
struct JoinedText {
  GrowingBytes bytes;
  size_t size = 0, done = 0;
};

struct CsvColumn {
  std::string name;
  size_t index = 0;  // in the file
  CsvRules rules;
  bool as_text = false;
  const Dtype* wanted = nullptr;   // asked for; text and categories are read as_text
  std::atomic<bool> coded{false};  // text goes into codes while few are different
  std::shared_ptr<int64_t> slots;  // 8 bytes a row; doubles and unsigned by bits
  std::shared_ptr<int32_t> codes;  // of the texts in the worker's book
  JoinedText text;
  std::atomic<uint16_t> seen{0};  // so far: the type to try first
  Dtype dtype = Dtype::float64;   // at the end
};

/// The fields of a chunk. A field begins behind the end before it, and the first one behind ends[-1], which is -1. Rows that follow
/// one another make a run: its row i is ends[run.end + i * width] and the width - 1 behind it. Blank lines stand between runs.
struct Rows {
  struct Run {
    size_t row, end, rows;
  };
  std::string_view data;                                   // of the chunk
  const char *first_safe = nullptr, *last_safe = nullptr;  // 16 bytes before the one and behind the other can be read
  std::vector<char> buffer;                                // where it stands when it comes from a file, between kSlack bytes
  uint32_t* ends = nullptr;
  std::vector<Run> runs;
  std::vector<CsvField> record;  // of the exact scanner
  std::vector<char> unquoted;
  std::vector<CodeBook> books;  // by column

  void make_room(size_t bytes) {
    if (capacity_ >= bytes + 65) return;
    capacity_ = bytes + 65;
    memory_.reset(new uint32_t[capacity_ + 1]);
    memory_[0] = UINT32_MAX;
    ends = memory_.get() + 1;
  }

 private:
  std::unique_ptr<uint32_t[]> memory_;
  size_t capacity_ = 0;
};

class CsvParser {
 public:
  /// All bytes in memory.
  CsvParser(std::string_view bytes, const std::string& path, const CsvOptions& options) : bytes_(bytes), path_(path), options_(options) {}
  /// Bytes in a file, of which `head` are the first.
  CsvParser(const InputFile& file, std::string_view head, const std::string& path, const CsvOptions& options)
      : bytes_(head), file_(&file), path_(path), options_(options) {}

  Result<Table> parse();
  /// Nothing when the file must be read as a whole: something is wrong with it, or its quotes need the exact scanner.
  std::optional<Result<Table>> parse_in_pieces();

  Result<std::vector<std::string>> read_header();
  /// Settles the types in a pass over the file that keeps no values; read_window can be called after it.
  Result<void> find_types(const std::vector<std::string>& names);
  /// Names and dtypes, without rows.
  Table schema() const;
  /// The rows of chunks [begin, end) of find_types.
  Result<Table> read_window(size_t begin, size_t end);
  /// The end of the chunks from `begin` on that make up about `bytes` of the file; num_chunks() at the end.
  size_t window_end(size_t begin, size_t bytes) const;
  size_t num_chunks() const { return chunks_.size(); }
  bool has_values(size_t column) const { return columns_[column].seen != 0 || columns_[column].dtype == Dtype::text || columns_[column].wanted; }
  /// The header does not end in the head that was given.
  bool header_is_cut() const { return file_ && body_begin_ >= bytes_.size() && body_begin_ < size_t(file_->size()); }

 private:
  Result<void> choose_columns(const std::vector<std::string>& names);
  void cut_chunks();
  bool in_one_pass(const std::function<void(Chunk& chunk, Rows& rows, int worker)>& read);
  bool find_block(size_t block, size_t step, Rows& rows);
  bool may_be_one_pass(size_t step);
  Result<void> cut_chunks_exactly();
  Result<void> read_chunks();
  bool read_in_one_pass();
  Result<void> prepare_columns();
  void read_columns(Chunk& chunk, Rows& rows);
  Result<void> type_chunks();
  void type_chunk(Chunk& chunk, Rows& rows, std::vector<int64_t>* slots);
  void type_columns(Chunk& chunk, Rows& rows, std::vector<int64_t>* slots);
  void allocate();
  void join_all_ready(size_t chunk);
  int64_t* slots_of(CsvColumn& column);
  int32_t* codes_of(CsvColumn& column);
  bool give_slots(const Chunk& chunk, CsvColumn& column, ColumnChunk& part);
  void run(int64_t count, const std::function<void(int64_t, int)>& task);
  bool stopped() const { return options_.cancel && options_.cancel->stopped(); }

  bool find_rows(Chunk& chunk, Rows& rows);
  bool scan_rows(Chunk& chunk, Rows& rows, std::string_view data);
  bool find_rows_exactly(Chunk& chunk, Rows& rows);
  bool keep_rows(Chunk& chunk, Rows& rows, size_t num_ends, size_t num_rows);
  bool are_even(const Rows& rows, size_t num_ends, size_t num_rows) const;
  void read_column(Chunk& chunk, Rows& rows, CsvColumn& column, ColumnChunk& part);
  void read_wanted_column(Chunk& chunk, Rows& rows, CsvColumn& column, ColumnChunk& part);
  CsvRules rules_of(const std::string& name, const Dtype* wanted) const;
  bool read_column_as(Dtype as, const Chunk& chunk, Rows& rows, CsvColumn& column, ColumnChunk& part);

  void close_gaps();
  Result<void> decide_types();
  void convert_chunks();
  void convert_chunk(Chunk& chunk, Rows& rows);
  Column finish_column(size_t column);

  Result<Table> finish();
  std::string_view piece(size_t begin, size_t size, Rows& rows) const;
  /// What a worker looks at in one go: enough rows also where they are wide, as far as memory goes.
  size_t block_bytes() const { return std::max(kChunk, std::min(64 * body_begin_, size_t(options_.memory_limit_bytes / 64))); }
  /// Whether the records of a chunk, which are more than one block only where one record is, fit beside what is made of them.
  bool fits(const Chunk& chunk) const { return int64_t(chunk.end - chunk.begin) <= std::max<int64_t>(options_.memory_limit_bytes / 16, 4 * kChunk); }
  Error record_error(const Chunk& chunk) const;
  /// Records an Error of this chunk; in pieces it only says that there is one.
  bool refuse(Chunk& chunk, const std::function<Error()>& why) const;
  template <class Visit>
  bool each_field(const Rows& rows, size_t column, Visit&& visit) const;
  template <class Read, class Visit>
  bool each_plain(const Rows& rows, size_t column, Read&& read, Visit&& visit) const;
  void read_text(const Chunk& chunk, Rows& rows, CsvColumn& column, ColumnChunk& part);
  bool read_codes(const Chunk& chunk, Rows& rows, CsvColumn& column, ColumnChunk& part);
  Dtype text_dtype(const CsvColumn& column) const { return column.coded.load(std::memory_order_relaxed) ? Dtype::category : Dtype::text; }
  Dtype type_to_read(uint16_t seen, const CsvColumn& column, const ColumnChunk& part) const;
  void join_text(size_t column);
  void join_ready_text(size_t column);
  Column finish_codes(size_t column);
  std::string text_at(size_t begin, size_t size) const;
  std::string line_at(size_t offset) const;
  Error error_at(std::string what, size_t offset, std::string_view value, std::string hint) const;
  Error ragged_error(size_t offset, size_t fields) const;
  Error fault_error(CsvFault fault, size_t offset) const;
  Error encoding_error(size_t offset) const;
  Error memory_error() const;
  Error changed_error() const;

  std::string_view bytes_;                 // all of the file, or its head
  const InputFile* file_ = nullptr;        // where the rest is
  size_t body_begin_ = 0, body_size_ = 0;  // behind the header
  const std::string& path_;
  const CsvOptions& options_;
  CsvDialect dialect_;
  size_t width_ = 0;  // fields of the header
  bool exact_ = false;
  bool one_pass_ = false;  // there are no quotes, as far as is known
  bool streamed_ = false;  // the file is never read as a whole
  std::atomic<bool> no_memory_{false};
  // Columns share locks: there may be a million of them.
  using Locks = std::array<std::mutex, 64>;
  std::mutex& lock_of(Locks& locks, const CsvColumn& column) const { return locks[size_t(&column - columns_.data()) % locks.size()]; }
  Locks making_, joining_;  // of slots and codes; of texts joined
  int64_t rows_ = 0;
  std::vector<CsvColumn> columns_;
  std::vector<Chunk> chunks_;
  std::vector<std::atomic<bool>> read_;  // by chunk
  std::vector<Rows> scratch_ = std::vector<Rows>(size_t(options_.pool ? options_.pool->workers() : 1));
};

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r") == std::string_view::npos; }

/// A piece of a value for an error: printable and short.
std::string shown(std::string_view value) {
  std::string out;
  for (const char c : value.substr(0, 60)) out += uint8_t(c) < 32 || c == 127 ? '?' : c;
  while (!out.empty() && find_invalid_utf8(out) != std::string_view::npos) out.resize(find_invalid_utf8(out));
  return value.size() > 60 ? out + "..." : out;
}

/// Bytes [begin, begin + size) of the file, fewer at its end.
std::string CsvParser::text_at(size_t begin, size_t size) const {
  if (!file_) return std::string(bytes_.substr(std::min(begin, bytes_.size()), size));
  std::string out(size, '\0');
  const auto got = file_->read_at(int64_t(begin), out.data(), size);
  out.resize(got.ok() ? got.value() : 0);
  return out;
}

Error CsvParser::error_at(std::string what, size_t offset, std::string_view value, std::string hint) const {
  int64_t line = 1;
  for (size_t at = 0; at < offset; at += kChunk) {
    const std::string before = text_at(at, std::min(kChunk, offset - at));
    line += std::count(before.begin(), before.end(), dialect_.newline);
  }
  return input_error(std::move(what), fmt::format("{}:{}: {}", path_, line, shown(value)), std::move(hint));
}

/// The line from `offset` on, as much of it as an error shows.
std::string CsvParser::line_at(size_t offset) const {
  std::string line = text_at(offset, 256);
  line.resize(std::min(line.find(dialect_.newline), line.size()));
  return line;
}

Error CsvParser::ragged_error(size_t offset, size_t fields) const {
  return error_at(fmt::format("{} field{}, the header has {}", fields, fields == 1 ? "" : "s", width_), offset, line_at(offset),
                  dialect_.separator == ',' ? "quote values that hold a comma, or mend the line" : "mend the line");
}

Error CsvParser::fault_error(CsvFault fault, size_t offset) const {
  if (fault == CsvFault::open_quote)
    return error_at("a quote is never closed", offset, line_at(offset), "close it, or double a quote that belongs to the value");
  return error_at("text behind a closing quote", offset, line_at(offset), "double a quote that belongs to the value");
}

Error CsvParser::encoding_error(size_t offset) const {
  constexpr size_t kBack = 4096;
  const std::string before = text_at(offset - std::min(offset, kBack), std::min(offset, kBack));
  const size_t newline = before.rfind(dialect_.newline);
  const std::string line = line_at(offset - before.size() + (newline == std::string::npos ? 0 : newline + 1));
  if (text_at(offset, 1) == std::string(1, '\0'))
    return error_at("a NUL byte: this is no text file", offset, line, "name a CSV file; UTF-16 is read with --encoding utf-16");
  return error_at("bytes that are not UTF-8", offset, line, "name its encoding, such as --encoding cp932, or convert it to UTF-8");
}

Error CsvParser::memory_error() const {
  return {Kind::budget, fmt::format("no memory for {} rows x {} columns", rows_, columns_.size()), path_, "read fewer columns with --columns"};
}

Error CsvParser::record_error(const Chunk& chunk) const {
  const int64_t bytes = int64_t(chunk.end - chunk.begin);
  return {Kind::budget,
          fmt::format("a record of {}: more than fits into the memory limit of {}", format_bytes(bytes), format_bytes(options_.memory_limit_bytes)),
          fmt::format("{}, from byte {} on", path_, body_begin_ + chunk.begin),
          fmt::format("--memory-limit {} would do; or is there a quote that nothing closes?", format_bytes(16 * bytes))};
}

void CsvParser::run(int64_t count, const std::function<void(int64_t, int)>& task) {
  if (options_.pool && count > 1) {
    options_.pool->run(count, task);
  } else {
    for (int64_t i = 0; i < count; ++i) task(i, 0);
  }
}

/// Bytes of the body: from memory, or from the file into the worker's buffer. Fewer than asked where the file was cut
/// since it was opened.
std::string_view CsvParser::piece(size_t begin, size_t size, Rows& rows) const {
  if (!file_) {
    const std::string_view data = bytes_.substr(body_begin_ + begin, size);
    rows.first_safe = begin == 0 ? data.data() + std::min(kCopy, data.size()) : data.data();
    rows.last_safe = bytes_.data() + bytes_.size() - std::min(kCopy, bytes_.size());
    return data;
  }
  rows.buffer.resize(std::max(rows.buffer.size(), size + 2 * kSlack));
  const auto got = file_->read_at(int64_t(body_begin_ + begin), rows.buffer.data() + kSlack, size);
  rows.first_safe = rows.buffer.data() + kSlack, rows.last_safe = rows.first_safe + size;
  return {rows.first_safe, got.ok() ? got.value() : 0};
}

bool CsvParser::refuse(Chunk& chunk, const std::function<Error()>& why) const {
  if (file_ && !streamed_)
    chunk.malformed = true;
  else
    chunk.error = why();
  return false;
}

Result<std::vector<std::string>> CsvParser::read_header() {
  if (bytes_.empty()) return input_error("the file is empty", path_, "a CSV file begins with a line of column names");
  if (bytes_.starts_with("\xFF\xFE") || bytes_.starts_with("\xFE\xFF"))
    return input_error("the file is in UTF-16", path_, "read it with --encoding utf-16");
  if (const size_t nul = bytes_.substr(0, 4096).find('\0'); nul != std::string_view::npos) return encoding_error(nul);

  size_t at = bytes_.starts_with("\xEF\xBB\xBF") ? 3 : 0;
  dialect_ = sniff_dialect(bytes_.substr(at), !file_ || int64_t(bytes_.size()) == file_->size());
  std::vector<CsvField> fields;
  while (true) {
    if (at == bytes_.size()) return input_error("no header: the file holds blank lines only", path_, "a CSV file begins with a line of column names");
    const size_t begin = at;
    if (const CsvFault fault = next_record(bytes_, dialect_, &at, &fields); fault != CsvFault::none) return fault_error(fault, at);
    if (fields.size() > 1 || !is_blank(bytes_.substr(begin, fields[0].end - begin))) break;
  }
  if (const size_t bad = find_invalid_utf8(bytes_.substr(0, at)); bad != std::string_view::npos) return encoding_error(bad);
  body_begin_ = at;
  body_size_ = (file_ ? size_t(file_->size()) : bytes_.size()) - at;
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
  return names;
}

Result<void> CsvParser::choose_columns(const std::vector<std::string>& names) {
  const int64_t columns = int64_t(options_.columns.empty() ? names.size() : options_.columns.size());
  if (columns > options_.memory_limit_bytes / kColumnBytes)
    return Error{Kind::budget, fmt::format("{} columns take more than the memory limit of {}", columns, format_bytes(options_.memory_limit_bytes)),
                 path_, fmt::format("--memory-limit {} would do, or read fewer of them with --columns", format_bytes(columns * kColumnBytes))};
  std::unordered_map<std::string_view, size_t> index_of;
  for (size_t i = 0; i < names.size(); ++i) index_of[names[i]] = i;
  const std::vector<std::string>& wanted = options_.columns.empty() ? names : options_.columns;
  columns_ = std::vector<CsvColumn>(wanted.size());
  for (size_t i = 0; i < wanted.size(); ++i) {
    const auto found = index_of.find(wanted[i]);
    if (found == index_of.end()) return unknown_name("column", wanted[i], names, path_);
    CsvColumn& column = columns_[i];
    column.name = wanted[i], column.index = found->second;
    column.wanted = wanted_type(options_.types, column.name);
    column.rules = rules_of(column.name, column.wanted);
    column.coded = options_.coded_text && !column.wanted;
    column.as_text = column.wanted ? *column.wanted == Dtype::text || *column.wanted == Dtype::category
                                   : std::find(options_.as_text.begin(), options_.as_text.end(), column.name) != options_.as_text.end();
  }
  return check_types(options_.types, names);
}

CsvRules CsvParser::rules_of(const std::string& name, const Dtype* wanted) const {
  const CsvForm& form = options_.form;
  CsvRules out = {.compact_dates = lower(name) == "date"};
  if (wanted) out = rules_for(*wanted);
  out.symbol = name == "symbol" && (!wanted || *wanted == Dtype::text || *wanted == Dtype::category);
  out.comma_decimal = form.decimal ? form.decimal == ',' : dialect_.separator == ';' && !form.thousands;
  out.point_decimal = form.decimal != ',';
  out.thousands = form.thousands;
  if (!form.missing.empty()) out.missing = &form.missing;
  return out;
}

/// Chunks begin behind the first record end of each block. Block k starts inside quotes when an odd number of quotes
/// stands before it.
void CsvParser::cut_chunks() {
  const size_t step = block_bytes();
  const size_t num_blocks = (body_size_ + step - 1) / step;
  char last_byte = dialect_.newline;
  std::vector<kernels::CsvBlock> blocks(num_blocks);
  run(int64_t(num_blocks), [&](int64_t k, int worker) {
    const std::string_view block = piece(size_t(k) * step, std::min(step, body_size_ - size_t(k) * step), scratch_[size_t(worker)]);
    blocks[size_t(k)] = kernels::csv_kernels().count_block(block.data(), block.size(), dialect_.newline);
    if (size_t(k) + 1 == num_blocks && !block.empty()) last_byte = block.back();
  });

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
  rows_ = newlines + (last_byte != dialect_.newline);
  if (!chunks_.empty()) chunks_.back().end = body_size_, chunks_.back().room = rows_ - chunks_.back().row;
  exact_ = inside != 0;
}

/// Whether one pass over the file may do: it is large, and its head has no quotes. Guesses the number of rows from those of the head.
bool CsvParser::may_be_one_pass(size_t step) {
  const std::string_view head = bytes_.substr(body_begin_), lines = head.substr(0, head.rfind(dialect_.newline) + 1);
  if (!file_ || body_size_ < 8 * step || lines.empty() || bytes_.find('"') != std::string_view::npos) return false;
  const double rows = double(std::count(lines.begin(), lines.end(), dialect_.newline));
  rows_ = int64_t(1.02 * rows * double(body_size_) / double(lines.size())) + 1000;
  chunks_ = std::vector<Chunk>((body_size_ + step - 1) / step);
  chunks_[0].end = lines.size(), chunks_[0].room = INT64_MAX;  // for a look at the types
  return true;
}

/// The rows of a chunk of a file without quotes: from behind the first newline in its block to the first one behind the block.
bool CsvParser::find_block(size_t block, size_t step, Rows& rows) {
  Chunk& chunk = chunks_[block];
  const size_t begin = block * step, rest = body_size_ - begin;
  for (size_t size = std::min(step + step / 16, rest);; size = std::min(2 * size, rest)) {
    if (size > 4 * step && int64_t(size) > options_.memory_limit_bytes / 16) return false;
    const std::string_view data = piece(begin, size, rows);
    if (data.size() != size) return false;
    const size_t first = block == 0 ? 0 : data.find(dialect_.newline) + 1;
    const size_t end = size < step ? size : data.find(dialect_.newline, step) + 1;
    if (size < rest && ((block > 0 && first == 0) || end == 0)) continue;  // a line longer than what was read
    const size_t to = end == 0 || size < step ? size : end, from = block > 0 && first == 0 ? to : first;
    chunk.begin = begin + from, chunk.end = begin + to, chunk.room = INT64_MAX;
    return scan_rows(chunk, rows, data.substr(from, to - from));
  }
}

/// Reads a file without counting its quotes and rows beforehand: a chunk learns where its rows stand from the one before, which was begun
/// earlier and needs to have found its rows for that, not read them. False: the guesses were wrong, and nothing was read.
bool CsvParser::in_one_pass(const std::function<void(Chunk& chunk, Rows& rows, int worker)>& read) {
  const size_t step = block_bytes();
  one_pass_ = true;
  std::vector<std::atomic<int64_t>> rows_before(chunks_.size() + 1);
  for (size_t k = 1; k <= chunks_.size(); ++k) rows_before[k] = -1;
  std::atomic<bool> failed = false;
  run(int64_t(chunks_.size()), [&](int64_t k, int worker) {
    Chunk& chunk = chunks_[size_t(k)];
    Rows& rows = scratch_[size_t(worker)];
    if (!failed && (stopped() || !find_block(size_t(k), step, rows))) failed = true;
    rows_before[size_t(k)].wait(-1);
    chunk.row = rows_before[size_t(k)], chunk.room = chunk.rows;
    if (chunk.row + chunk.rows > rows_) failed = true;
    rows_before[size_t(k) + 1] = chunk.row + chunk.rows;
    rows_before[size_t(k) + 1].notify_all();
    if (!failed) read(chunk, rows, worker);
  });
  one_pass_ = false;
  for (const Chunk& chunk : chunks_)
    if (failed || chunk.malformed || chunk.error) return false;
  rows_ = rows_before.back();
  return true;
}

/// The same by next_record, for files whose quotes do not follow the rules. A file is looked at through a window that
/// grows when a record does not end inside it.
Result<void> CsvParser::cut_chunks_exactly() {
  exact_ = true;
  chunks_.clear();
  rows_ = 0;
  std::vector<CsvField> fields;
  size_t window = file_ ? 4 * kChunk : body_size_;
  for (size_t begin = 0; begin < body_size_;) {
    const std::string_view data = piece(begin, std::min(window, body_size_ - begin), scratch_[0]);
    const bool whole = begin + data.size() >= body_size_;
    if (data.empty()) return changed_error();
    size_t at = 0, last = 0;
    for (CsvFault fault = CsvFault::none; at < data.size();) {
      last = at;
      fault = next_record(data, dialect_, &at, &fields);
      const bool cut = !whole && (fault == CsvFault::open_quote || at >= data.size() - 1);  // or one whose '\n' may follow
      if (cut) break;
      if (fault != CsvFault::none) return fault_error(fault, body_begin_ + begin + at);
      if (chunks_.empty() || begin + last - chunks_.back().begin >= kChunk) {
        Chunk chunk;
        chunk.begin = begin + last, chunk.row = rows_;
        chunks_.push_back(std::move(chunk));
      }
      chunks_.back().end = begin + at;
      ++chunks_.back().room;
      ++rows_;
      last = at;
    }
    if (last == 0) {
      if (int64_t(window) >= options_.memory_limit_bytes / 4) return fault_error(CsvFault::open_quote, body_begin_ + begin);
      window *= 2;
    }
    begin += last;
  }
  return {};
}

int64_t* CsvParser::slots_of(CsvColumn& column) {
  const std::lock_guard lock(lock_of(making_, column));
  if (!column.slots) column.slots = std::static_pointer_cast<int64_t>(allocate_large(size_t(rows_ + 1) * sizeof(int64_t)));
  if (!column.slots) no_memory_ = true;
  return column.slots.get();
}

int32_t* CsvParser::codes_of(CsvColumn& column) {
  const std::lock_guard lock(lock_of(making_, column));
  if (!column.codes) column.codes = std::static_pointer_cast<int32_t>(allocate_large(size_t(rows_ + 1) * sizeof(int32_t)));
  if (!column.codes) no_memory_ = true;
  return column.codes.get();
}

/// False: no memory.
bool CsvParser::give_slots(const Chunk& chunk, CsvColumn& column, ColumnChunk& part) {
  if (part.slots) return true;
  int64_t* const slots = slots_of(column);
  if (slots) part.slots = slots + chunk.row;
  return slots;
}

/// The first chunk says what columns will most likely be: memory for that is taken now, by all workers, and the rest where it is needed.
void CsvParser::allocate() {
  for (CsvColumn& column : columns_) column.slots.reset(), column.codes.reset();
  std::vector<int64_t> slots;
  constexpr size_t kMany = 8;
  if (chunks_.size() >= kMany) {
    type_chunk(chunks_[0], scratch_[0], &slots);
    chunks_[0].malformed = false, chunks_[0].error.reset(), chunks_[0].rows = 0;
  }
  run(int64_t(columns_.size()), [&](int64_t c, int) {
    CsvColumn& column = columns_[size_t(c)];
    if (column.coded && column.seen == 0) return;
    const bool is_text = column.as_text || column.rules.symbol || reading_dtype(column.seen, column.rules) == Dtype::text;
    is_text&& column.coded ? void(codes_of(column)) : void(slots_of(column));
  });
}

/// Before chunks are read, `rows_` of them at most.
Result<void> CsvParser::prepare_columns() {
  const double needed = double(rows_ + 1) * double(columns_.size()) * sizeof(int64_t);
  if (needed > double(options_.memory_limit_bytes)) return memory_error();
  allocate();
  if (no_memory_) return memory_error();
  for (CsvColumn& column : columns_) column.text.size = column.text.done = 0;
  for (Rows& rows : scratch_) rows.books.clear(), rows.books.resize(options_.coded_text ? columns_.size() : 0);
  read_ = std::vector<std::atomic<bool>>(chunks_.size());
  return {};
}

Result<void> CsvParser::read_chunks() {
  HY_CHECK(prepare_columns());
  run(int64_t(chunks_.size()), [&](int64_t k, int worker) {
    Chunk& chunk = chunks_[size_t(k)];
    Rows& rows = scratch_[size_t(worker)];
    if (stopped()) return;
    if (exact_ ? find_rows_exactly(chunk, rows) : find_rows(chunk, rows)) read_columns(chunk, rows);
    join_all_ready(size_t(k));
  });
  if (stopped()) return reading_stopped(path_);
  if (no_memory_) return memory_error();
  for (Chunk& chunk : chunks_) {
    if (chunk.malformed) break;
    if (chunk.error) return std::move(*chunk.error);
  }
  return {};
}

void CsvParser::join_all_ready(size_t chunk) {
  read_[chunk].store(true, std::memory_order_release);
  for (size_t c = 0; c < columns_.size(); ++c) join_ready_text(c);
}

void CsvParser::read_columns(Chunk& chunk, Rows& rows) {
  chunk.columns = std::vector<ColumnChunk>(columns_.size());
  for (size_t c = 0; c < columns_.size() && !no_memory_; ++c) {
    read_column(chunk, rows, columns_[c], chunk.columns[c]);
    columns_[c].seen.fetch_or(chunk.columns[c].seen, std::memory_order_relaxed);
  }
}

bool CsvParser::find_rows(Chunk& chunk, Rows& rows) {
  if (!fits(chunk)) return chunk.error = record_error(chunk), false;
  const std::string_view data = piece(chunk.begin, chunk.end - chunk.begin, rows);
  if (data.size() != chunk.end - chunk.begin) return chunk.malformed = true, false;  // the file was cut since it was opened
  return scan_rows(chunk, rows, data);
}

/// The rows of `data`, which are those of the chunk.
bool CsvParser::scan_rows(Chunk& chunk, Rows& rows, std::string_view data) {
  rows.data = data;
  const size_t offset = body_begin_ + chunk.begin;
  rows.make_room(data.size());
  kernels::CsvScan scan = kernels::csv_kernels().scan_fields(data.data(), data.size(), dialect_.separator, dialect_.newline, rows.ends);
  if (scan.malformed || (one_pass_ && scan.has_quotes)) return chunk.malformed = true, false;
  if (scan.has_nul) return refuse(chunk, [&] { return encoding_error(offset + data.find('\0')); });
  if (scan.has_high)
    if (const size_t bad = find_invalid_utf8(data); bad != std::string_view::npos) return refuse(chunk, [&] { return encoding_error(offset + bad); });
  if (!data.empty() && data.back() != dialect_.newline) {
    ++scan.num_rows;
    rows.ends[scan.num_ends++] = uint32_t(data.size());
  }
  return keep_rows(chunk, rows, scan.num_ends, scan.num_rows);
}

bool CsvParser::find_rows_exactly(Chunk& chunk, Rows& rows) {
  if (!fits(chunk)) return chunk.error = record_error(chunk), false;
  const std::string_view data = rows.data = piece(chunk.begin, chunk.end - chunk.begin, rows);
  if (data.size() != chunk.end - chunk.begin) return chunk.malformed = true, false;
  const size_t offset = body_begin_ + chunk.begin;
  if (const size_t nul = data.find('\0'); nul != std::string_view::npos) return chunk.error = encoding_error(offset + nul), false;
  if (const size_t bad = find_invalid_utf8(data); bad != std::string_view::npos) return chunk.error = encoding_error(offset + bad), false;
  rows.make_room(data.size());
  size_t count = 0, num_rows = 0;
  for (size_t at = 0; at < data.size();) {
    next_record(data, dialect_, &at, &rows.record);  // without fault: cut_chunks_exactly went here before
    for (size_t i = 0; i + 1 < rows.record.size(); ++i) rows.ends[count++] = uint32_t(rows.record[i].end);
    ++num_rows;
    rows.ends[count++] = uint32_t(at - (data[at - 1] == dialect_.newline));
  }
  return keep_rows(chunk, rows, count, num_rows);
}

/// Whether every `width`th end is that of a line and no other one is.
bool CsvParser::are_even(const Rows& rows, size_t num_ends, size_t num_rows) const {
  if (width_ == 1 || num_ends != num_rows * width_) return false;
  bool even = true;
  for (size_t at = width_ - 1; at < num_ends; at += width_) even &= rows.ends[at] == rows.data.size() || rows.data[rows.ends[at]] == dialect_.newline;
  return even;
}

/// Checks that every row has the header's width and drops blank lines.
bool CsvParser::keep_rows(Chunk& chunk, Rows& rows, size_t num_ends, size_t num_rows) {
  const std::string_view data = rows.data;
  rows.runs.clear();
  size_t kept = 0;
  if (are_even(rows, num_ends, num_rows)) {
    rows.runs.push_back({0, 0, kept = num_rows});
    num_ends = 0;
  }
  size_t start = 0;
  for (size_t i = 0; i < num_ends; ++i) {
    if (rows.ends[i] != data.size() && data[rows.ends[i]] != dialect_.newline) continue;
    const size_t fields = i - start + 1, begin = rows.ends[ptrdiff_t(start) - 1] + 1u;
    const bool blank = fields == 1 && is_blank(data.substr(begin, rows.ends[i] - begin));
    if (!blank && fields != width_) return refuse(chunk, [&] { return ragged_error(body_begin_ + chunk.begin + begin, fields); });
    if (!blank) {
      if (rows.runs.empty() || rows.runs.back().end + rows.runs.back().rows * width_ != start) rows.runs.push_back({kept, start, 0});
      ++rows.runs.back().rows;
      ++kept;
    }
    start = i + 1;
  }
  if (int64_t(kept) > chunk.room) return chunk.malformed = true, false;  // the file changed since it was counted
  chunk.rows = int64_t(kept);
  return true;
}

/// Calls visit(row, begin, end) for one column, fields as written with their quotes, until it says false.
template <class Visit>
bool CsvParser::each_field(const Rows& rows, size_t column, Visit&& visit) const {
  const char* data = rows.data.data();
  const bool last = column + 1 == width_;
  for (const Rows::Run& part : rows.runs) {
    const uint32_t* end_at = rows.ends + part.end + column;
    for (size_t row = part.row; row < part.row + part.rows; ++row, end_at += width_) {
      const char *begin = data + (end_at[-1] + 1u), *end = data + *end_at;
      if (last && end > begin && end[-1] == '\r') --end;
      if (!visit(row, begin, end)) return false;
    }
  }
  return true;
}

/// The same by read(fields, row, first row): a kernel that goes on from `row` as long as fields are plain. visit() is called for the
/// others, and where a kernel can't look at the bytes around.
template <class Read, class Visit>
bool CsvParser::each_plain(const Rows& rows, size_t column, Read&& read, Visit&& visit) const {
  const char* data = rows.data.data();
  for (const Rows::Run& part : rows.runs) {
    kernels::CsvFields fields = {data, rows.ends + part.end + column, width_, part.rows, column + 1 == width_};
    const auto begin_of = [&](size_t row) { return data + (fields.ends[ptrdiff_t(row * width_) - 1] + 1u); };
    while (fields.rows > 0 && begin_of(fields.rows - 1) > rows.last_safe) --fields.rows;
    size_t unsafe = 0;
    while (unsafe < fields.rows && begin_of(unsafe) < rows.first_safe) ++unsafe;
    for (size_t row = 0; row < part.rows; ++row) {
      if (row >= unsafe && row < fields.rows) row = read(fields, row, part.row);
      if (row == part.rows) break;
      const char *begin = begin_of(row), *end = data + fields.ends[row * width_];
      if (fields.last && end > begin && end[-1] == '\r') --end;
      if (!visit(part.row + row, begin, end)) return false;
    }
  }
  return true;
}

/// What a column is read as that has had these kinds of values.
Dtype CsvParser::type_to_read(uint16_t seen, const CsvColumn& column, const ColumnChunk& part) const {
  const Dtype dtype = column.as_text ? Dtype::text : reading_dtype(seen, column.rules);
  return dtype == Dtype::text && !part.only_types ? text_dtype(column) : dtype;
}

/// Tries the type that the column has had so far; a value that does not fit widens it.
void CsvParser::read_column(Chunk& chunk, Rows& rows, CsvColumn& column, ColumnChunk& part) {
  if (column.wanted && !column.as_text) return read_wanted_column(chunk, rows, column, part);
  const uint16_t known = column.seen.load(std::memory_order_relaxed);
  const bool fresh = known == 0 && !column.rules.symbol;
  Dtype as = fresh && !column.as_text ? Dtype::int64 : type_to_read(known, column, part);
  // Ends: the value that did not fit is in part.seen, so the next type has a place for it and for all before it; what was coded is not
  // coded any more.
  while (!read_column_as(as, chunk, rows, column, part)) as = type_to_read(part.seen, column, part);
}

void set_null(std::vector<uint8_t>& nulls, size_t rows, size_t row) {
  if (nulls.empty()) nulls.resize(rows);
  nulls[row] = 1;
}

/// A column of the type that was asked for: the first value without a place there is an Error.
void CsvParser::read_wanted_column(Chunk& chunk, Rows& rows, CsvColumn& column, ColumnChunk& part) {
  if (!give_slots(chunk, column, part)) return;
  const Dtype wanted = *column.wanted;
  const bool to_real = wanted == Dtype::float32 || wanted == Dtype::float64;
  const bool plain_integers = !to_real && column.rules.plain_values() && !column.rules.compact_dates;
  const bool plain_reals = to_real && column.rules.plain_reals();
  part.as = wanted;
  part.nulls.clear();
  uint16_t seen = 0;
  each_field(rows, column.index, [&](size_t row, const char* begin, const char* end) {
    CsvValue value;
    int64_t* slot = &part.slots[row];
    if (plain_integers && read_plain_integer(begin, end, &value.integer))
      value.seen = value.integer < 0 ? kSeenNegative : kSeenInteger;
    else if (plain_reals && read_plain_real(begin, end, &value.real))
      value.seen = kSeenPoint;
    else
      value = read_value(unquote({begin, size_t(end - begin)}, &rows.unquoted), column.rules);
    seen |= value.seen;
    if (value.seen == 0) {
      *slot = to_real ? bits_of(kNaN) : 0;
      return set_null(part.nulls, size_t(chunk.rows), row), true;
    }
    if (fit_value(value, wanted, slot)) return true;
    const std::string_view text = unquote({begin, size_t(end - begin)}, &rows.unquoted);
    return refuse(chunk, [&] {
      return error_at(fmt::format("'{}' in column '{}' is no {}", shown(text), column.name, dtype_name(wanted)),
                      body_begin_ + chunk.begin + size_t(begin - rows.data.data()), text,
                      "mend the value, or give the column another type in --types");
    });
  });
  part.seen |= seen;
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

void CsvParser::read_text(const Chunk& chunk, Rows& rows, CsvColumn& column, ColumnChunk& part) {
  int64_t* slots = part.slots;
  size_t room = 0;
  bool plain = !column.rules.missing;  // no value is missing or in quotes
  each_field(rows, column.index, [&](size_t, const char* begin, const char* end) {
    room += size_t(end - begin);
    plain &= end > begin && !is_odd_first(*begin);
    return true;
  });
  part.text.bytes.reset(new char[room + kCopy]);
  char* const text_begin = part.text.bytes.get();
  char* put = text_begin;
  const char* const last_safe = rows.last_safe;
  const auto copy = [&](const char* from, size_t size, bool safe) {
    if (safe) std::memcpy(put, from, kCopy);  // a fixed size: one load and one store
    if (!safe || size > kCopy) std::memcpy(put, from, size);
    put += size;
  };
  const auto plain_value = [&](size_t row, const char* begin, const char* end) {
    slots[row] = put - text_begin;
    return copy(begin, size_t(end - begin), begin <= last_safe), true;
  };
  const auto any_value = [&](size_t row, const char* begin, const char* end) {
    const std::string_view text = unquote({begin, size_t(end - begin)}, &rows.unquoted);
    slots[row] = put - text_begin;
    if (column.rules.symbol ? text.empty() : is_missing(text)) return set_null(part.nulls, size_t(chunk.rows), row), true;
    if (column.rules.missing && column.rules.names_missing(text)) return set_null(part.nulls, size_t(chunk.rows), row), true;
    return copy(text.data(), text.size(), text.data() == begin && begin <= last_safe), true;
  };
  plain ? each_field(rows, column.index, plain_value) : each_field(rows, column.index, any_value);
  part.text.size = size_t(put - text_begin);
  if (column.rules.symbol || column.as_text) part.seen |= kSeenText;
}

/// False: too many different texts.
bool CsvParser::read_codes(const Chunk& chunk, Rows& rows, CsvColumn& column, ColumnChunk& part) {
  int32_t* const codes = part.codes;
  part.worker = int(&rows - scratch_.data());
  CodeBook& book = rows.books[size_t(&column - columns_.data())];
  const bool fits = each_field(rows, column.index, [&](size_t row, const char* begin, const char* end) {
    const size_t size = size_t(end - begin);
    if (size - 1 < kCopy && begin <= rows.last_safe && !is_odd_first(*begin) && !column.rules.missing)
      return codes[row] = book.code_of_short(begin, size), true;
    const std::string_view text = unquote({begin, size}, &rows.unquoted);
    codes[row] = 0;
    if (column.rules.symbol ? text.empty() : is_missing(text)) return set_null(part.nulls, size_t(chunk.rows), row), true;
    if (column.rules.missing && column.rules.names_missing(text)) return set_null(part.nulls, size_t(chunk.rows), row), true;
    return codes[row] = book.code_of(text), true;
  });
  book.count_rows(chunk.rows);
  if (!fits || book.is_too_large()) return column.coded = false, false;
  if (column.rules.symbol || column.as_text) part.seen |= kSeenText;
  return true;
}

/// False: a value has no place in a column of `as`; part.seen tells which kinds there were up to it.
bool CsvParser::read_column_as(Dtype as, const Chunk& chunk, Rows& rows, CsvColumn& column, ColumnChunk& part) {
  part.as = as;
  part.nulls.clear();
  part.text = {};
  if (as == Dtype::category) {
    int32_t* const codes = codes_of(column);
    if (!codes) return true;
    part.codes = codes + chunk.row;
    return read_codes(chunk, rows, column, part);
  }
  if (!give_slots(chunk, column, part)) return true;
  if (as == Dtype::text) return read_text(chunk, rows, column, part), true;

  int64_t* slots = part.slots;
  uint16_t seen = 0;
  // The plain form of each type is read here; quotes, blanks, signs, missing values and everything else by read_value.
  const auto any_value = [&](size_t row, const char* begin, const char* end) {
    const CsvValue value = read_value(unquote({begin, size_t(end - begin)}, &rows.unquoted), column.rules);
    seen |= value.seen;
    if (value.seen != 0) return slot_of(value, as, &slots[row]);
    slots[row] = as == Dtype::float64 ? bits_of(kNaN) : 0;
    set_null(part.nulls, size_t(chunk.rows), row);
    return true;
  };
  bool fits;
  if (as == Dtype::int64 && !column.rules.compact_dates && column.rules.plain_values()) {
    bool negative = false;
    fits = each_plain(
        rows, column.index,
        [&](const kernels::CsvFields& fields, size_t row, size_t first_row) {
          const size_t behind = kernels::csv_kernels().read_integers(fields, row, slots + first_row, &negative);
          if (behind > row) seen |= kSeenInteger;
          return behind;
        },
        any_value);
    if (negative) seen |= kSeenNegative;
  } else if (as == Dtype::float64 && column.rules.plain_reals()) {
    fits = each_plain(
        rows, column.index,
        [&](const kernels::CsvFields& fields, size_t row, size_t first_row) {
          const size_t behind = kernels::csv_kernels().read_reals(fields, row, slots + first_row);
          if (behind > row) seen |= kSeenPoint;
          return behind;
        },
        [&](size_t row, const char* begin, const char* end) {
          double real;
          if (!read_long_real(begin, end, &real)) return any_value(row, begin, end);
          slots[row] = bits_of(real);
          return seen |= kSeenPoint, true;
        });
  } else if (as == Dtype::date && column.rules.plain_values()) {
    fits = each_field(rows, column.index, [&](size_t row, const char* begin, const char* end) {
      int32_t days;
      if (!read_plain_date(begin, end, &days)) return any_value(row, begin, end);
      slots[row] = days;
      return seen |= kSeenDate, true;
    });
  } else {
    fits = each_field(rows, column.index, any_value);
  }
  part.seen |= seen;
  return fits;
}

template <class Slot>
void move_rows(const std::shared_ptr<Slot>& column, int64_t row, int64_t rows, Slot** slots) {
  if (!*slots) return;
  std::memmove(column.get() + row, *slots, size_t(rows) * sizeof(Slot));
  *slots = column.get() + row;
}

/// Moves the rows of each chunk to their place when blank lines left room between chunks.
void CsvParser::close_gaps() {
  int64_t row = 0;
  for (Chunk& chunk : chunks_) {
    if (chunk.row != row)
      for (size_t c = 0; c < columns_.size(); ++c) {
        move_rows(columns_[c].slots, row, chunk.rows, &chunk.columns[c].slots);
        move_rows(columns_[c].codes, row, chunk.rows, &chunk.columns[c].codes);
      }
    chunk.row = row;
    row += chunk.rows;
  }
  rows_ = row;
}

/// Brings over the text of a chunk that has been read. Its slots become places in the column.
void CsvParser::join_text(size_t c) {
  JoinedText& joined = columns_[c].text;
  Chunk& chunk = chunks_[joined.done++];
  ColumnChunk& part = chunk.columns[c];
  if (!joined.bytes.resize(joined.size + part.text.size)) no_memory_ = true;
  if (no_memory_) return;
  for (int64_t row = 0; row < chunk.rows; ++row) part.slots[row] += int64_t(joined.size);
  if (part.text.size > 0) std::memcpy(joined.bytes.data() + joined.size, part.text.bytes.get(), part.text.size);
  joined.size += part.text.size;
  part.text = {};
}

/// The same for all chunks that are ready, unless another worker is at it.
void CsvParser::join_ready_text(size_t c) {
  JoinedText& joined = columns_[c].text;
  const std::unique_lock lock(lock_of(joining_, columns_[c]), std::try_to_lock);
  if (!lock.owns_lock()) return;
  while (joined.done < chunks_.size() && read_[joined.done].load(std::memory_order_acquire)) {
    const Chunk& chunk = chunks_[joined.done];
    if (no_memory_ || chunk.malformed || chunk.columns.size() <= c || chunk.columns[c].as != Dtype::text) return;
    join_text(c);
  }
}

/// A file has one decimal mark. In a semicolon file where some columns hold 1,5 and others 1.5, one of them is a
/// thousands mark and nothing says which: both stay text.
Result<void> CsvParser::decide_types() {
  uint16_t marks = 0;
  for (CsvColumn& column : columns_) {
    const uint16_t seen = column.seen;
    column.dtype = column.as_text ? Dtype::text : column.wanted ? *column.wanted : dtype_of(seen, column.rules);
    if (column.wanted && !column.as_text && (seen & kSeenZonedTime) && (seen & ~kSeenZonedTime))
      return input_error(fmt::format("column '{}' holds times with and without a zone", column.name), path_, "give it the type text");
    if (column.wanted && !column.as_text && (seen & kSeenPoint) && (seen & kSeenComma))
      return input_error(fmt::format("column '{}' holds 1,5 and 1.5", column.name), path_,
                         "say which is the decimal mark: --decimal , --thousands .");
    if (column.dtype == Dtype::float64) marks = uint16_t(marks | (column.seen & (kSeenPoint | kSeenComma)));
  }
  if (marks != (kSeenPoint | kSeenComma)) return {};
  for (CsvColumn& column : columns_)
    if (column.dtype == Dtype::float64 && !column.wanted && (column.seen & marks)) column.dtype = Dtype::text;
  return {};
}

void CsvParser::convert_chunks() {
  run(int64_t(chunks_.size()), [&](int64_t k, int worker) { convert_chunk(chunks_[size_t(k)], scratch_[size_t(worker)]); });
}

/// Brings the columns of a chunk that were read as something narrower to their dtype.
void CsvParser::convert_chunk(Chunk& chunk, Rows& rows) {
  bool found = false;
  for (size_t c = 0; c < columns_.size(); ++c) {
    CsvColumn& column = columns_[c];
    ColumnChunk& part = chunk.columns[c];
    int64_t* slots = part.slots;
    if (part.as == column.dtype) continue;
    if (part.as == Dtype::int64 && column.dtype == Dtype::float64) {
      for (int64_t row = 0; row < chunk.rows; ++row) slots[row] = bits_of(!part.nulls.empty() && part.nulls[size_t(row)] ? kNaN : double(slots[row]));
    } else {
      const int64_t before = chunk.rows;
      if (!found && (!(exact_ ? find_rows_exactly(chunk, rows) : find_rows(chunk, rows)) || chunk.rows != before)) {
        chunk.malformed = true;  // the file changed since it was read
        return;
      }
      found = true;
      if (!read_column_as(column.dtype, chunk, rows, column, part) && column.dtype != Dtype::category) chunk.malformed = true;
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

/// The names of all workers in their order, and every code that of its name there.
Column CsvParser::finish_codes(size_t index) {
  CsvColumn& column = columns_[index];
  std::vector<std::string> names;
  for (const Rows& rows : scratch_) names.insert(names.end(), rows.books[index].names().begin(), rows.books[index].names().end());
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  std::vector<std::vector<int32_t>> place(scratch_.size());  // of each worker's codes
  for (size_t w = 0; w < scratch_.size(); ++w)
    for (const std::string& name : scratch_[w].books[index].names())
      place[w].push_back(int32_t(std::lower_bound(names.begin(), names.end(), name) - names.begin()));
  for (Chunk& chunk : chunks_) {
    const ColumnChunk& part = chunk.columns[index];
    if (place[size_t(part.worker)].empty()) continue;  // nothing but missing values
    int32_t* const codes = part.codes;
    const int32_t* const to = place[size_t(part.worker)].data();
    for (int64_t row = 0; row < chunk.rows; ++row) codes[row] = to[codes[row]];
  }
  Column out;
  out.dtype = Dtype::category, out.length = rows_;
  out.values = {column.codes, reinterpret_cast<const uint8_t*>(column.codes.get()), size_t(rows_) * sizeof(int32_t)};
  out.validity = validity_of(chunks_, index, rows_);
  out.dictionary = std::make_shared<const Column>(make_text_column(names));
  return out;
}

Column CsvParser::finish_column(size_t index) {
  CsvColumn& column = columns_[index];
  if (column.dtype == Dtype::category) return finish_codes(index);
  int64_t* slots = slots_of(column);
  if (!slots) return Column();
  Column out;
  const bool narrow = column.dtype != Dtype::text && dtype_width(column.dtype) != sizeof(int64_t);
  if (narrow) return column_of_slots(column.dtype, {slots, size_t(rows_)}, validity_of(chunks_, index, rows_), "");
  out.dtype = column.dtype, out.length = rows_;
  out.validity = validity_of(chunks_, index, rows_);
  const auto whole = [&](size_t rows) { return Buffer{column.slots, reinterpret_cast<const uint8_t*>(slots), rows * sizeof(int64_t)}; };
  if (column.dtype == Dtype::text) {
    while (column.text.done < chunks_.size() && !no_memory_) join_text(index);
    if (no_memory_) return Column();
    slots[rows_] = int64_t(column.text.size);
    out.values = column.text.bytes.release();
    out.offsets = whole(size_t(rows_) + 1);
    if (column.wanted && *column.wanted == Dtype::category) return categorized(out);
  } else {
    if (column.dtype == Dtype::timestamp && (column.seen & kSeenZonedTime)) out.zone = "UTC";
    out.values = whole(size_t(rows_));
  }
  return out;
}

Result<Table> CsvParser::finish() {
  close_gaps();
  HY_CHECK(decide_types());
  for (bool again = true; again;) {  // ends: what has too many different texts is not coded any more
    again = false;
    for (CsvColumn& column : columns_)
      if (column.dtype == Dtype::text || column.dtype == Dtype::category) column.dtype = text_dtype(column);
    convert_chunks();
    for (const CsvColumn& column : columns_) again |= column.dtype == Dtype::category && !column.coded;
  }
  std::vector<Column> finished(columns_.size());
  run(int64_t(columns_.size()), [&](int64_t c, int) { finished[size_t(c)] = finish_column(size_t(c)); });
  if (no_memory_) return memory_error();
  Table table;
  for (size_t c = 0; c < columns_.size(); ++c) table.add(columns_[c].name, std::move(finished[c]));
  return table;
}

bool any_malformed(const std::vector<Chunk>& chunks) {
  return std::any_of(chunks.begin(), chunks.end(), [](const Chunk& chunk) { return chunk.malformed; });
}

Result<Table> CsvParser::parse() {
  HY_TRY(const std::vector<std::string> names, read_header());
  HY_CHECK(choose_columns(names));
  cut_chunks();
  if (!exact_) HY_CHECK(read_chunks());
  if (exact_ || any_malformed(chunks_)) {
    HY_CHECK(cut_chunks_exactly());
    for (CsvColumn& column : columns_) column.seen = 0;
    HY_CHECK(read_chunks());
  }
  return finish();
}

bool CsvParser::read_in_one_pass() {
  if (!may_be_one_pass(block_bytes()) || !prepare_columns().ok()) return false;
  const bool done = in_one_pass([&](Chunk& chunk, Rows& rows, int) {
    read_columns(chunk, rows);
    join_all_ready(size_t(&chunk - chunks_.data()));
  });
  return done && !no_memory_;
}

std::optional<Result<Table>> CsvParser::parse_in_pieces() {
  const auto names = read_header();
  if (!names.ok() || body_begin_ == bytes_.size()) return std::nullopt;  // the header may go on behind the head
  if (auto chosen = choose_columns(names.value()); !chosen.ok()) return Result<Table>(std::move(chosen.error()));
  if (!read_in_one_pass()) {
    if (stopped()) return Result<Table>(reading_stopped(path_));
    for (CsvColumn& column : columns_) column.seen = 0;
    cut_chunks();
    if (exact_) return std::nullopt;
    if (auto read = read_chunks(); !read.ok()) return Result<Table>(std::move(read.error()));
    if (any_malformed(chunks_)) return std::nullopt;
  }
  Result<Table> table = finish();
  if (any_malformed(chunks_)) return std::nullopt;
  return table;
}

void CsvParser::type_chunk(Chunk& chunk, Rows& rows, std::vector<int64_t>* slots) {
  if (exact_ ? find_rows_exactly(chunk, rows) : find_rows(chunk, rows)) type_columns(chunk, rows, slots);
}

void CsvParser::type_columns(Chunk& chunk, Rows& rows, std::vector<int64_t>* slots) {
  if (slots->size() < size_t(chunk.rows)) slots->resize(size_t(chunk.rows));
  for (CsvColumn& column : columns_) {
    const uint16_t known = column.seen.load(std::memory_order_relaxed);
    if (column.as_text || column.rules.symbol || (known != 0 && !column.wanted && reading_dtype(known, column.rules) == Dtype::text)) continue;
    ColumnChunk part;
    part.slots = slots->data();
    part.only_types = true;
    read_column(chunk, rows, column, part);
    column.seen.fetch_or(part.seen, std::memory_order_relaxed);
  }
}

Result<void> CsvParser::type_chunks() {
  std::vector<std::vector<int64_t>> slots(scratch_.size());
  run(int64_t(chunks_.size()), [&](int64_t k, int worker) {
    if (!stopped()) type_chunk(chunks_[size_t(k)], scratch_[size_t(worker)], &slots[size_t(worker)]);
  });
  if (stopped()) return reading_stopped(path_);
  for (Chunk& chunk : chunks_) {
    if (chunk.malformed) break;
    if (chunk.error) return std::move(*chunk.error);
  }
  return {};
}

Error CsvParser::changed_error() const { return input_error("the file changed while it was read", path_, "read it again when nobody writes to it"); }

Result<void> CsvParser::find_types(const std::vector<std::string>& names) {
  streamed_ = true;
  HY_CHECK(choose_columns(names));
  std::vector<std::vector<int64_t>> slots(scratch_.size());
  const bool done =
      may_be_one_pass(block_bytes()) && in_one_pass([&](Chunk& chunk, Rows& rows, int worker) { type_columns(chunk, rows, &slots[size_t(worker)]); });
  if (stopped()) return reading_stopped(path_);
  if (!done) {
    for (CsvColumn& column : columns_) column.seen = 0;
    cut_chunks();
    if (!exact_) HY_CHECK(type_chunks());
  }
  if (exact_ || any_malformed(chunks_)) {
    HY_CHECK(cut_chunks_exactly());
    for (CsvColumn& column : columns_) column.seen = 0;
    HY_CHECK(type_chunks());
    if (any_malformed(chunks_)) return changed_error();
  }
  HY_CHECK(decide_types());
  rows_ = 0;
  for (Chunk& chunk : chunks_) chunk.row = rows_, chunk.room = chunk.rows, rows_ += chunk.rows;
  return {};
}

Table CsvParser::schema() const {
  Table out;
  for (const CsvColumn& column : columns_) {
    Column empty;
    empty.dtype = column.dtype;
    if (column.dtype == Dtype::timestamp && (column.seen & kSeenZonedTime)) empty.zone = "UTC";
    if (column.dtype == Dtype::text) empty.offsets = make_buffer(std::vector<int64_t>{0});
    if (column.wanted && *column.wanted == Dtype::category) empty = categorized(empty);
    out.add(column.name, std::move(empty));
  }
  return out;
}

size_t CsvParser::window_end(size_t begin, size_t bytes) const {
  size_t end = begin;
  while (end < chunks_.size() && (end == begin || chunks_[end].end - chunks_[begin].begin <= bytes)) ++end;
  return end;
}

/// A parser of its own for the window: its columns start with all kinds of values that the file has, so they are read
/// as, and decided to be, what the whole file is.
Result<Table> CsvParser::read_window(size_t begin, size_t end) {
  CsvParser window(*file_, bytes_, path_, options_);
  window.dialect_ = dialect_, window.body_begin_ = body_begin_, window.body_size_ = body_size_, window.width_ = width_;
  window.exact_ = exact_, window.streamed_ = true;
  window.columns_ = std::vector<CsvColumn>(columns_.size());
  for (size_t c = 0; c < columns_.size(); ++c) {
    CsvColumn& column = window.columns_[c];
    column.name = columns_[c].name, column.index = columns_[c].index, column.rules = columns_[c].rules;
    column.as_text = columns_[c].as_text, column.wanted = columns_[c].wanted, column.seen = columns_[c].seen.load();
    column.coded = columns_[c].coded.load();
  }
  for (size_t k = begin; k < end; ++k) {
    Chunk chunk;
    chunk.begin = chunks_[k].begin, chunk.end = chunks_[k].end, chunk.row = window.rows_, chunk.room = chunks_[k].room;
    window.rows_ += chunk.room;
    window.chunks_.push_back(std::move(chunk));
  }
  std::swap(window.scratch_, scratch_);
  const Result<void> read = window.read_chunks();
  std::swap(window.scratch_, scratch_);
  if (!read.ok()) return read.error();
  if (any_malformed(window.chunks_)) return changed_error();
  std::swap(window.scratch_, scratch_);
  Result<Table> table = window.finish();
  std::swap(window.scratch_, scratch_);
  if (table.ok() && any_malformed(window.chunks_)) return changed_error();
  for (size_t c = 0; c < columns_.size(); ++c) columns_[c].coded = window.columns_[c].coded.load();
  return table;
}

/// The file, the bytes that its header is in, and the parser that looks at both.
class CsvChunks final : public ChunkReader {
 public:
  CsvChunks(std::shared_ptr<const InputFile> file, const std::string& path, const CsvOptions& options, size_t chunk_bytes)
      : file_(std::move(file)), path_(path), options_(options), chunk_bytes_(chunk_bytes) {}

  Result<std::vector<std::string>> read_header() {
    for (size_t size = kCsvSample;; size *= 4) {
      head_.resize(size);
      HY_TRY(const size_t got, file_->read_at(0, head_.data(), size));
      head_.resize(got);
      parser_ = std::make_unique<CsvParser>(*file_, head_, path_, options_);
      auto names = parser_->read_header();
      if (int64_t(got) >= file_->size() || (names.ok() && !parser_->header_is_cut())) return names;
      if (int64_t(size) >= options_.memory_limit_bytes / 4) return names;
    }
  }

  Result<void> open() {
    HY_TRY(const std::vector<std::string> names, read_header());
    HY_CHECK(parser_->find_types(names));
    schema_ = parser_->schema();
    return {};
  }

  const Table& schema() const override { return schema_; }
  bool has_values(size_t column) const override { return parser_->has_values(column); }

  Result<std::optional<Table>> next() override {
    while (at_ < parser_->num_chunks()) {
      const size_t end = parser_->window_end(at_, chunk_bytes_);
      HY_TRY(Table table, parser_->read_window(at_, end));
      at_ = end;
      if (table.num_rows() > 0) return std::optional(std::move(table));
    }
    at_ = 0;
    return std::optional<Table>();
  }

 private:
  std::shared_ptr<const InputFile> file_;
  const std::string path_;
  const CsvOptions options_;
  size_t chunk_bytes_, at_ = 0;
  std::string head_;
  std::unique_ptr<CsvParser> parser_;
  Table schema_;
};

}  // namespace

Result<Table> parse_csv(std::string_view bytes, const std::string& path, const CsvOptions& options) {
  return CsvParser(bytes, path, options).parse();
}

Result<Table> read_csv_file(const std::string& path, const CsvOptions& options) {
  if (file_size(path).value_or(0) > int64_t(4 * kChunk)) {
    HY_TRY(const std::shared_ptr<const InputFile> file, InputFile::open(path));
    std::string head(kCsvSample, '\0');
    HY_TRY(const size_t got, file->read_at(0, head.data(), head.size()));
    head.resize(got);
    if (auto table = CsvParser(*file, head, path, options).parse_in_pieces()) return std::move(*table);
  }
  HY_TRY(const Buffer bytes, read_file(path));
  return parse_csv({reinterpret_cast<const char*>(bytes.data), bytes.size}, path, options);
}

Result<std::unique_ptr<ChunkReader>> csv_chunks(std::shared_ptr<const InputFile> file, const std::string& path, const CsvOptions& options,
                                                size_t chunk_bytes) {
  auto chunks = std::make_unique<CsvChunks>(std::move(file), path, options, chunk_bytes);
  HY_CHECK(chunks->open());
  return std::unique_ptr<ChunkReader>(std::move(chunks));
}

Result<std::vector<std::string>> csv_names(const InputFile& file, const std::string& path) {
  const std::shared_ptr<const InputFile> borrowed(&file, [](const InputFile*) {});
  return CsvChunks(borrowed, path, {}, 0).read_header();
}

}  // namespace hayate::io
