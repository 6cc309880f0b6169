// What reads a CSV file: its parts, and what they share. csv.cc says how it goes about it.
//
//   csv.cc          header, dialect, columns, and the order of what follows
//   csv_rows.cc     chunks of a file and the fields in them
//   csv_columns.cc  the values of a column
//   csv_finish.cc   types, and columns from the chunks
//   csv_chunks.cc   files larger than memory
//   csv_errors.cc   what is wrong, and in which line
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "io/code_book.h"
#include "io/csv.h"
#include "io/csv_scan.h"
#include "io/csv_value.h"
#include "io/files.h"
#include "io/large_memory.h"
#include "kernels/csv_numbers.h"
#include "kernels/csv_scan.h"

namespace hayate::io {

inline constexpr size_t kCsvChunkBytes = size_t{256} << 10;
inline constexpr size_t kCsvSlack = 64;
inline constexpr size_t kCsvCopy = CodeBook::kShort;  // bytes of short text copied at once
inline constexpr double kCsvNaN = std::numeric_limits<double>::quiet_NaN();

/// Bytes that are written once and not cleared before.
struct CsvTextPart {
  std::unique_ptr<char[]> bytes;
  size_t size = 0;
};

/// The rows of one chunk in one column, as far as they are not in the column's slots.
struct CsvColumnChunk {
  int64_t* slots = nullptr;  // one a row; before they are needed: none
  int32_t* codes = nullptr;  // as == category: one a row instead
  int worker = 0;            // whose codes these are
  bool only_types = false;   // nobody wants the values
  uint16_t seen = 0;
  Dtype as = Dtype::float64;   // how the slots of this chunk are filled
  std::vector<uint8_t> nulls;  // one byte a row, or empty: none
  CsvTextPart text;            // as == text: the values one after another; slots hold where each begins
  std::string beyond;          // the first integer that its float64 does not hold
};

struct CsvChunk {
  size_t begin = 0, end = 0;  // in the body
  int64_t row = 0;            // of its first record, blank lines counted as records
  int64_t room = 0;           // records it may have
  int64_t rows = 0;           // records it has
  bool malformed = false;
  std::optional<Error> error;
  std::vector<CsvColumnChunk> columns;
};

/// The texts of a column one behind the other. Whoever has read a chunk brings over what has become ready, while it is in the
/// caches and its memory can be used again; `done` chunks are in it.
struct CsvJoinedText {
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
  CsvJoinedText text;
  std::atomic<uint16_t> seen{0};  // so far: the type to try first
  Dtype dtype = Dtype::float64;   // at the end
};

/// The fields of a chunk. A field begins behind the end before it, and the first one behind ends[-1], which is -1. Rows that follow
/// one another make a run: its row i is ends[run.end + i * width] and the width - 1 behind it. Blank lines stand between runs.
struct CsvRows {
  struct Run {
    size_t row, end, rows;
  };
  std::string_view data;                                   // of the chunk
  const char *first_safe = nullptr, *last_safe = nullptr;  // 16 bytes before the one and behind the other can be read
  std::vector<char> buffer;                                // where it stands when it comes from a file, between kCsvSlack bytes
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
  int64_t bytes_of(size_t begin, size_t end) const { return int64_t(chunks_[end - 1].end - chunks_[begin].begin); }
  bool has_values(size_t column) const { return columns_[column].seen != 0 || columns_[column].dtype == Dtype::text || columns_[column].wanted; }
  /// The header does not end in the head that was given.
  bool header_is_cut() const { return file_ && body_begin_ >= bytes_.size() && body_begin_ < size_t(file_->size()); }

 private:
  Result<void> choose_columns(const std::vector<std::string>& names);
  void cut_chunks();
  bool in_one_pass(const std::function<void(CsvChunk& chunk, CsvRows& rows, int worker)>& read);
  bool find_block(size_t block, size_t step, CsvRows& rows);
  bool may_be_one_pass(size_t step);
  Result<void> cut_chunks_exactly();
  Result<void> read_chunks();
  bool read_in_one_pass();
  Result<void> prepare_columns();
  void read_columns(CsvChunk& chunk, CsvRows& rows);
  Result<void> type_chunks();
  void type_chunk(CsvChunk& chunk, CsvRows& rows, std::vector<int64_t>* slots);
  void type_columns(CsvChunk& chunk, CsvRows& rows, std::vector<int64_t>* slots);
  void allocate();
  void join_all_ready(size_t chunk);
  int64_t* slots_of(CsvColumn& column);
  int32_t* codes_of(CsvColumn& column);
  bool give_slots(const CsvChunk& chunk, CsvColumn& column, CsvColumnChunk& part);
  void run(int64_t count, const std::function<void(int64_t, int)>& task);
  bool stopped() const { return options_.cancel && options_.cancel->stopped(); }

  bool find_rows(CsvChunk& chunk, CsvRows& rows);
  bool scan_rows(CsvChunk& chunk, CsvRows& rows, std::string_view data);
  bool find_rows_exactly(CsvChunk& chunk, CsvRows& rows);
  bool keep_rows(CsvChunk& chunk, CsvRows& rows, size_t num_ends, size_t num_rows);
  bool are_even(const CsvRows& rows, size_t num_ends, size_t num_rows) const;
  void read_column(CsvChunk& chunk, CsvRows& rows, CsvColumn& column, CsvColumnChunk& part);
  void read_wanted_column(CsvChunk& chunk, CsvRows& rows, CsvColumn& column, CsvColumnChunk& part);
  CsvRules rules_of(const std::string& name, const Dtype* wanted) const;
  bool read_column_as(Dtype as, const CsvChunk& chunk, CsvRows& rows, CsvColumn& column, CsvColumnChunk& part);

  void close_gaps();
  Result<void> decide_types();
  void convert_chunks();
  void convert_chunk(CsvChunk& chunk, CsvRows& rows);
  Column finish_column(size_t column);

  void tell_roundings() const;
  Result<Table> finish();
  std::string_view piece(size_t begin, size_t size, CsvRows& rows) const;
  /// What a worker looks at in one go: enough rows also where they are wide, as far as memory goes.
  size_t block_bytes() const { return std::max(kCsvChunkBytes, std::min(64 * body_begin_, size_t(options_.memory_limit_bytes / 64))); }
  /// Whether the records of a chunk, which are more than one block only where one record is, fit beside what is made of them.
  bool fits(const CsvChunk& chunk) const {
    return int64_t(chunk.end - chunk.begin) <= std::max<int64_t>(options_.memory_limit_bytes / 16, 4 * kCsvChunkBytes);
  }
  Error record_error(const CsvChunk& chunk) const;
  /// Records an Error of this chunk; in pieces it only says that there is one.
  bool refuse(CsvChunk& chunk, const std::function<Error()>& why) const;
  template <class Visit>
  bool each_field(const CsvRows& rows, size_t column, Visit&& visit) const;
  template <class Read, class Visit>
  bool each_plain(const CsvRows& rows, size_t column, Read&& read, Visit&& visit) const;
  void read_text(const CsvChunk& chunk, CsvRows& rows, CsvColumn& column, CsvColumnChunk& part);
  bool read_codes(const CsvChunk& chunk, CsvRows& rows, CsvColumn& column, CsvColumnChunk& part);
  Dtype text_dtype(const CsvColumn& column) const { return column.coded.load(std::memory_order_relaxed) ? Dtype::category : Dtype::text; }
  Dtype type_to_read(uint16_t seen, const CsvColumn& column, const CsvColumnChunk& part) const;
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
  std::vector<CsvChunk> chunks_;
  std::vector<std::atomic<bool>> read_;  // by chunk
  std::vector<CsvRows> scratch_ = std::vector<CsvRows>(size_t(options_.pool ? options_.pool->workers() : 1));
};

/// Calls visit(row, begin, end) for one column, fields as written with their quotes, until it says false.
template <class Visit>
bool CsvParser::each_field(const CsvRows& rows, size_t column, Visit&& visit) const {
  const char* data = rows.data.data();
  const bool last = column + 1 == width_;
  for (const CsvRows::Run& part : rows.runs) {
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
bool CsvParser::each_plain(const CsvRows& rows, size_t column, Read&& read, Visit&& visit) const {
  const char* data = rows.data.data();
  for (const CsvRows::Run& part : rows.runs) {
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

inline void set_null(std::vector<uint8_t>& nulls, size_t rows, size_t row) {
  if (nulls.empty()) nulls.resize(rows);
  nulls[row] = 1;
}

/// A piece of a value for an error: printable and short.
std::string shown_csv(std::string_view value);

inline bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r") == std::string_view::npos; }

inline bool any_malformed(const std::vector<CsvChunk>& chunks) {
  return std::any_of(chunks.begin(), chunks.end(), [](const CsvChunk& chunk) { return chunk.malformed; });
}

}  // namespace hayate::io
