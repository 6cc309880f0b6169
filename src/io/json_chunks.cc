// A JSON file some rows at a time: records as an array or a record a line; columns (pandas' form) as a whole, for a row is only complete when the
// last column has been seen. The types of the whole file are those of a first pass over it.
#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"
#include "io/chunk_formats.h"
#include "io/csv_scan.h"
#include "io/formats.h"
#include "io/json_records.h"

namespace hayate::io {
namespace {

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
    JsonWidth width;
    while (true) {
      JsonCells cells(path_, options_);
      HY_TRY(const bool more, read_piece(&cells));
      if (!more) break;
      cells.join_kinds(&names, &kinds_);
      while (width.columns < names.size()) width.add(names[width.columns]);
      if (width.bytes > limit_bytes_) return width.refusal(path_, limit_bytes_);
    }
    if (names.empty()) return input_error(file_->size() == 0 ? "the file is empty" : "the file holds no records", path_, kWriteJsonRecords);
    names_ = options_.columns.empty() ? names : options_.columns;
    for (const std::string& name : names_)
      if (!kinds_.contains(name)) return unknown_name("column", name, names, path_);
    for (const std::string& name : names_) kinds_.at(name).tell(name, path_, options_.roundings.get());
    schema_ = JsonCells(path_, options_).finish_as(names_, kinds_);
    return {};
  }

  const Table& schema() const override { return schema_; }
  bool has_values(size_t column) const override { return kinds_.at(names_[column]).cells != 0; }

  Result<std::optional<Table>> next() override {
    while (true) {
      JsonCells cells(path_, options_);
      cells.expect_columns(names_.size());
      HY_TRY(const bool more, read_piece(&cells));
      if (!more) return std::optional<Table>();
      if (cells.rows() == 0) continue;
      std::vector<std::string> known;
      std::unordered_map<std::string, JsonKinds> here;
      cells.join_kinds(&known, &here);
      for (const std::string& name : known) {
        const auto before = kinds_.find(name);
        if (before == kinds_.end()) return changed();
        JsonKinds now = before->second;
        now.join(here.at(name));
        if (now.dtype() != before->second.dtype()) return changed();
      }
      return std::optional(cells.finish_as(names_, kinds_));
    }
  }

 private:
  static constexpr size_t kLeastPiece = 4096;
  // Memory of a table in chunks of text. Cells of short numbers take 3 times their text; only records of which each lacks most of the columns take
  // more than 8 times, and are faster in few rows at once: a table has all of its columns in every row.
  static constexpr int64_t kCells = 8, kLeastChunk = int64_t{1} << 20;

  Error too_large() const {
    return {Kind::budget, "a record that does not fit the memory", fmt::format("{}:{}", path_, line_), "raise --memory-limit"};
  }
  Error changed() const { return input_error("the file changed while it was read", path_, "read it again when nobody writes to it"); }

  /// Adds the records of the next piece; false at the end of the file, behind which it begins anew.
  Result<bool> read_piece(JsonCells* cells) {
    if (at_ >= file_->size()) return at_ = 0, line_ = 1, piece_bytes_ = chunk_bytes_, records_ = JsonRecordReader(lines_), false;
    cells->limit_memory(std::max(limit_bytes_ / 2, 4 * int64_t(chunk_bytes_)), limit_bytes_);
    cells->limit_table(kCells * std::max(int64_t(chunk_bytes_), kLeastChunk));
    for (size_t size = piece_bytes_;; size *= 2) {
      if (int64_t(size) > limit_bytes_ / 8 && size > chunk_bytes_) return too_large();
      if (options_.stopped()) return reading_stopped(path_);
      bytes_.resize(size);
      HY_TRY(const size_t got, file_->read_at(at_, bytes_.data(), size));
      if (got == 0) return changed();
      const bool whole = got < size || at_ + int64_t(got) >= file_->size();
      HY_TRY(const size_t taken, add_records({bytes_.data(), got}, whole, cells));
      if (options_.steps) options_.steps->read(int64_t(taken));
      // Where cells fill the memory before the text does, the rest is not looked at every time.
      piece_bytes_ = std::min(chunk_bytes_, cells->needed_bytes() > 0 ? std::max(2 * taken, kLeastPiece) : 2 * size);
      if (taken > 0) return at_ += int64_t(taken), line_ += std::count(bytes_.begin(), bytes_.begin() + std::ptrdiff_t(taken), '\n'), true;
    }
  }

  /// How many of the bytes are done with.
  Result<size_t> add_records(std::string_view bytes, bool whole, JsonCells* cells) {
    std::string_view text = whole ? bytes : whole_characters(bytes);
    if (at_ == 0 && text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    if (find_invalid_utf8(text) != std::string_view::npos) return input_error(kJsonNotUtf8, path_, "convert the file to UTF-8");
    JsonCursor cursor(text, path_, line_);
    const bool fine = records_.read(cursor, whole, cells), full = cells->needed_bytes() > 0;
    if (cells->is_too_wide()) return cells->width().refusal(path_, limit_bytes_);
    if (!fine && full && records_.taken() == 0) return too_large();
    if (!fine && !full) return cursor.error();
    if (whole && !full) return bytes.size();
    return records_.taken() > 0 ? size_t(text.data() - bytes.data()) + records_.taken() : 0;
  }

  std::shared_ptr<const InputFile> file_;
  const std::string path_;
  const ReadOptions options_;
  const bool lines_;
  const int64_t limit_bytes_;
  const size_t chunk_bytes_;
  size_t piece_bytes_ = chunk_bytes_;  // of text for the next piece
  JsonRecordReader records_{lines_};
  int64_t at_ = 0, line_ = 1;
  std::string bytes_;
  std::vector<std::string> names_;
  std::unordered_map<std::string, JsonKinds> kinds_;
  Table schema_;
};

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
  auto chunks = std::make_unique<JsonRecordChunks>(std::move(file), path, options, lines, limit_bytes, chunk_bytes);
  HY_CHECK(chunks->open());
  return std::unique_ptr<ChunkReader>(std::move(chunks));
}

}  // namespace hayate::io
