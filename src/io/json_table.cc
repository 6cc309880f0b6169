// A JSON text as a table. Records are read in pieces, from the file straight into a worker's cache; what is not records, or no JSON, or of columns
// whose type needs the text a second time is read at once, by one worker, who says what is wrong and where.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>

#include "base/strings.h"
#include "io/csv_scan.h"
#include "io/formats.h"
#include "io/json_pieces.h"
#include "io/json_records.h"
#include "io/run_on.h"

namespace hayate::io {
namespace {

/// Text in memory or in a file.
class JsonText {
 public:
  explicit JsonText(std::string_view text) : text_(text), size_(text.size()) {}
  explicit JsonText(const InputFile& file) : file_(&file), size_(size_t(file.size())) {}

  size_t size() const { return size_; }
  /// The text from `begin` to `end` or its own end, which may stand in `room`. Nothing: it can't be read.
  std::optional<std::string_view> read(size_t begin, size_t end, std::vector<char>* room) const {
    end = std::min(end, size_);
    if (!file_) return text_.substr(begin, end - begin);
    if (room->size() < end - begin) room->resize(end - begin);
    const auto got = file_->read_at(int64_t(begin), room->data(), end - begin);
    if (!got.ok() || got.value() != end - begin) return std::nullopt;
    return std::string_view(room->data(), end - begin);
  }

 private:
  std::string_view text_;
  const InputFile* file_ = nullptr;
  size_t size_;
};

/// Where the next record begins, if text from `at` on looks so: a brace, in an array a comma, and a brace again. Inside a string it may be wrong.
size_t next_record(std::string_view text, size_t at, bool lines) {
  while ((at = text.find('}', at)) != std::string_view::npos) {
    size_t next = text.find_first_not_of(" \t\r\n", ++at);
    if (!lines && next != std::string_view::npos && text[next] == ',') next = text.find_first_not_of(" \t\r\n", next + 1);
    if (next == std::string_view::npos || text[next] == '{') return next;
  }
  return at;
}

constexpr size_t kPiece = size_t{256} << 10;  // with its cells about what a core's own cache holds; 64 KiB to 1 MiB take the same time
constexpr size_t kBehind = 4096;              // of text behind a piece, in which its last record mostly ends

/// Records in pieces of a text. Where a piece ends is a guess, which holds when all of them are read to their ends: the first begins with a record,
/// so the second does, and so on.
class RecordPieces {
 public:
  RecordPieces(const JsonText& text, size_t begin, const std::string& path, const ReadOptions& options, bool lines, int64_t limit_bytes)
      : text_(text),
        begin_(begin),
        path_(path),
        options_(options),
        lines_(lines),
        limit_bytes_(limit_bytes),
        stack_(text.size() - begin, limit_bytes) {}

  /// Nothing: the guess did not hold, or something is wrong with the text.
  std::optional<Table> read() {
    const size_t count = (text_.size() - begin_ + kPiece - 1) / kPiece;
    std::atomic<size_t> next{0};
    std::atomic<bool> fine{true};
    run_on(options_.pool, workers(), [&](int64_t, int) {
      std::vector<char> room;
      for (size_t k = next++; k < count && fine && !options_.stopped(); k = next++)
        if (!read_piece(k, &room)) fine = false;
    });
    if (!fine || options_.stopped()) return std::nullopt;
    auto table = stack_.finish(options_.columns, options_.pool);
    for (size_t c = 0; table && c < table->num_columns(); ++c)
      stack_.kinds_of(table->names[c]).tell(table->names[c], path_, options_.roundings.get());
    return table;
  }

 private:
  int workers() const { return options_.pool ? options_.pool->workers() : 1; }

  /// Where the record behind `at` begins: the first one of a piece. Nothing: not in the text there.
  std::optional<size_t> cut(std::string_view text, size_t at, bool is_end) const {
    const size_t found = at < text.size() ? next_record(text, at, lines_) : std::string_view::npos;
    if (found != std::string_view::npos) return found;
    return is_end ? std::optional(text.size()) : std::nullopt;
  }

  bool read_piece(size_t k, std::vector<char>* room) {
    const size_t begin = begin_ + k * kPiece;
    for (size_t behind = kBehind; behind <= kPiece; behind *= 16) {
      const auto text = text_.read(begin, begin + kPiece + behind, room);
      if (!text) return false;
      const bool is_end = begin + text->size() == text_.size();
      const auto first = k == 0 ? std::optional<size_t>(0) : cut(*text, 0, is_end), last = cut(*text, kPiece, is_end);
      if (first && last) return parse(k, text->substr(*first, *last - *first), is_end && *last == text->size());
    }
    return false;  // a record longer than that
  }

  bool parse(size_t k, std::string_view text, bool is_last) {
    JsonPiece piece;
    if (!text.empty()) {
      if (find_invalid_utf8(text) != std::string_view::npos) return false;
      JsonCells cells(path_, options_);
      cells.limit_memory(limit_bytes_ / (2 * workers()), limit_bytes_ / (2 * workers()));
      cells.expect(stack_.rows_of_a_piece());
      JsonCursor cursor(text, path_);
      JsonRecordReader reader = k == 0 ? JsonRecordReader(lines_) : JsonRecordReader::behind_others(lines_);
      if (!reader.read(cursor, is_last, &cells) || reader.taken() != text.size() || !(is_last || reader.is_before_record())) return false;
      if (cells.columns() > JsonPieces::kMostColumns) return false;
      piece.rows = int64_t(cells.rows());
      piece.table = cells.finish_alone(&piece.kinds);
    }
    return stack_.add(k, std::move(piece), text.size());
  }

  const JsonText& text_;
  const size_t begin_;
  const std::string& path_;
  const ReadOptions& options_;
  const bool lines_;
  const int64_t limit_bytes_;
  JsonPieces stack_;
};

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

/// In pieces, where that may gain something.
std::optional<Table> read_in_pieces(const JsonText& text, const std::string& path, const ReadOptions& options, bool lines, int64_t limit_bytes) {
  constexpr size_t kLeast = 4 * kPiece;
  if (text.size() < kLeast) return std::nullopt;
  std::vector<char> room;
  const auto head = text.read(0, 4096, &room);
  if (!head) return std::nullopt;
  const size_t begin = head->starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
  if (!lines && trim(head->substr(begin)).starts_with('{')) return std::nullopt;
  return RecordPieces(text, begin, path, options, lines, limit_bytes).read();
}

Result<Table> parse_at_once(Buffer bytes, const std::string& path, const ReadOptions& options, bool lines, int64_t limit_bytes) {
  std::string_view text(reinterpret_cast<const char*>(bytes.data), bytes.size);
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  if (trim(text).empty()) return input_error("the file is empty", path, kWriteJsonRecords);
  if (find_invalid_utf8(text) != std::string_view::npos) return input_error(kJsonNotUtf8, path, "convert the file to UTF-8");
  JsonCells table(path, options);
  JsonCursor cursor(text, path);
  table.limit_memory(limit_bytes - int64_t(bytes.size), limit_bytes);
  if (!lines && cursor.peek() == '{') {
    if (table.add_columns(cursor) && !cursor.at_end()) cursor.fail("text behind the table");
  } else {
    JsonRecordReader(lines).read(cursor, true, &table);
  }
  if (table.is_too_wide()) return table.width().refusal(path, limit_bytes);
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

}  // namespace

Result<Table> read_json_table(const std::string& path, const ReadOptions& options, bool lines, int64_t limit_bytes) {
  if (!file_size(path)) {
    HY_TRY(Buffer bytes, read_unpacked(path, Codec::none, limit_bytes));
    return parse_json_table(std::move(bytes), path, options, lines, limit_bytes);
  }
  HY_TRY(const auto file, InputFile::open(path));
  if (auto table = read_in_pieces(JsonText(*file), path, options, lines, limit_bytes)) return std::move(*table);
  if (options.stopped()) return reading_stopped(path);
  HY_TRY(Buffer bytes, read_file(path));
  return parse_at_once(std::move(bytes), path, options, lines, limit_bytes);
}

Result<Table> parse_json_table(Buffer bytes, const std::string& path, const ReadOptions& options, bool lines, int64_t limit_bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data), bytes.size);
  if (auto table = read_in_pieces(JsonText(text), path, options, lines, limit_bytes - int64_t(bytes.size))) return std::move(*table);
  return parse_at_once(std::move(bytes), path, options, lines, limit_bytes);
}

}  // namespace hayate::io
