// CSV files larger than memory: a pass for the types, then windows of chunks.
#include "io/chunk_formats.h"
#include "io/csv_parser.h"
#include "io/retype.h"

namespace hayate::io {

void CsvParser::type_chunk(CsvChunk& chunk, CsvRows& rows, std::vector<int64_t>* slots) {
  if (exact_ ? find_rows_exactly(chunk, rows) : find_rows(chunk, rows)) type_columns(chunk, rows, slots);
}

void CsvParser::type_columns(CsvChunk& chunk, CsvRows& rows, std::vector<int64_t>* slots) {
  if (options_.steps) options_.steps->read(int64_t(chunk.end - chunk.begin));
  if (slots->size() < size_t(chunk.rows)) slots->resize(size_t(chunk.rows));
  for (CsvColumn& column : columns_) {
    const uint16_t known = column.seen.load(std::memory_order_relaxed);
    if (column.as_text || column.rules.symbol || (known != 0 && !column.wanted && reading_dtype(known, column.rules) == Dtype::text)) continue;
    CsvColumnChunk part;
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
  for (CsvChunk& chunk : chunks_) {
    if (chunk.malformed) break;
    if (chunk.error) return std::move(*chunk.error);
  }
  return {};
}

Result<void> CsvParser::find_types(const std::vector<std::string>& names) {
  streamed_ = true;
  HY_CHECK(choose_columns(names));
  std::vector<std::vector<int64_t>> slots(scratch_.size());
  const bool done = may_be_one_pass(block_bytes()) &&
                    in_one_pass([&](CsvChunk& chunk, CsvRows& rows, int worker) { type_columns(chunk, rows, &slots[size_t(worker)]); });
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
  for (CsvChunk& chunk : chunks_) chunk.row = rows_, chunk.room = chunk.rows, rows_ += chunk.rows;
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
    CsvChunk chunk;
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

namespace {

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
    if (options_.steps) options_.steps->add_input(file_->size());
    HY_CHECK(parser_->find_types(names));
    schema_ = parser_->schema();
    return {};
  }

  const Table& schema() const override { return schema_; }
  bool has_values(size_t column) const override { return parser_->has_values(column); }

  Result<std::optional<Table>> next() override {
    while (at_ < parser_->num_chunks()) {
      const size_t end = parser_->window_end(at_, chunk_bytes_);
      if (options_.steps) options_.steps->read(parser_->bytes_of(at_, end));
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

Result<std::unique_ptr<ChunkReader>> csv_chunks(std::shared_ptr<const InputFile> file, const std::string& path, const CsvOptions& options,
                                                size_t chunk_bytes) {
  auto chunks = std::make_unique<CsvChunks>(std::move(file), path, options, chunk_bytes);
  HY_CHECK(chunks->open());
  return std::unique_ptr<ChunkReader>(std::move(chunks));
}

Result<std::vector<std::string>> csv_names(const InputFile& file, const std::string& path, char separator) {
  const std::shared_ptr<const InputFile> borrowed(&file, [](const InputFile*) {});
  CsvOptions options;
  options.separator = separator;
  return CsvChunks(borrowed, path, options, 0).read_header();
}

}  // namespace hayate::io
