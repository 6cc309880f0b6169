#include "io/chunks.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "base/strings.h"
#include "exec/granted.h"
#include "io/chunk_formats.h"
#include "io/file_columns.h"
#include "io/formats.h"
#include "io/large_memory.h"
#include "io/partitions.h"
#include "io/retype.h"

namespace hayate::io {
namespace {

int64_t memory_of(const ReadOptions& options) {
  return options.memory_limit_bytes > 0 ? options.memory_limit_bytes : exec::granted_memory().value / 5 * 4;
}

Table without_rows(const Table& table) {
  Table out = slice(table, 0, 0);
  return out;
}

class TableChunks final : public ChunkReader {
 public:
  /// `coded`: categories stand for text (ReadOptions::coded_text).
  TableChunks(Table table, int64_t chunk_rows, bool coded = false)
      : table_(std::move(table)), chunk_rows_(chunk_rows > 0 ? chunk_rows : std::max<int64_t>(table_.num_rows(), 1)) {
    schema_ = without_rows(table_);
    for (Column& column : schema_.columns)
      if (coded && column.dtype == Dtype::category) column = make_text_column({});
    for (const Column& column : table_.columns) held_ += column.bytes();
  }
  const Table& schema() const override { return schema_; }
  int64_t held_bytes() const override { return held_; }
  const Table* whole() const override { return chunk_rows_ >= table_.num_rows() ? &table_ : nullptr; }
  Result<std::optional<Table>> next() override {
    if (at_ == table_.num_rows()) return at_ = 0, std::optional<Table>();
    const int64_t count = std::min(chunk_rows_, table_.num_rows() - at_);
    Table chunk = count == table_.num_rows() ? table_ : slice(table_, at_, count);
    at_ += count;
    return std::optional(std::move(chunk));
  }

 private:
  Table table_, schema_;
  int64_t chunk_rows_, at_ = 0, held_ = 0;
};

/// The chunks of another reader cut to a number of rows.
class CutChunks final : public ChunkReader {
 public:
  CutChunks(std::unique_ptr<ChunkReader> from, int64_t chunk_rows) : from_(std::move(from)), chunk_rows_(chunk_rows) {}
  const Table& schema() const override { return from_->schema(); }
  bool has_values(size_t column) const override { return from_->has_values(column); }
  int64_t held_bytes() const override { return from_->held_bytes(); }
  Result<std::optional<Table>> next() override {
    if (at_ == rows_) {
      HY_TRY(auto chunk, from_->next());
      at_ = rows_ = 0;
      if (!chunk) return chunk;
      whole_ = std::move(*chunk), rows_ = whole_.num_rows();
    }
    const int64_t count = std::min(chunk_rows_, rows_ - at_);
    Table chunk = slice(whole_, at_, count);
    at_ += count;
    if (at_ == rows_) whole_ = {};
    return std::optional(std::move(chunk));
  }

 private:
  std::unique_ptr<ChunkReader> from_;
  int64_t chunk_rows_, at_ = 0, rows_ = 0;
  Table whole_;
};

/// Files one after another, their columns in one order and of one dtype.
class ChainedChunks final : public ChunkReader {
 public:
  ChainedChunks(std::vector<std::unique_ptr<ChunkReader>> files, std::span<const std::string> paths, Table schema,
                std::shared_ptr<Roundings> roundings)
      : files_(std::move(files)), paths_(paths.begin(), paths.end()), schema_(std::move(schema)), roundings_(std::move(roundings)) {}
  const Table& schema() const override { return schema_; }
  Result<std::optional<Table>> next() override {
    for (; at_ < files_.size(); ++at_) {
      HY_TRY(auto chunk, files_[at_]->next());
      if (!chunk) continue;
      if (roundings_) roundings_->add_widened(*chunk, schema_, paths_[at_]);
      Table out;
      for (size_t c = 0; c < schema_.num_columns(); ++c)
        out.add(schema_.names[c], widened(*chunk->find(schema_.names[c]), schema_.columns[c].dtype, schema_.columns[c].zone));
      return std::optional(std::move(out));
    }
    at_ = 0;
    return std::optional<Table>();
  }

 private:
  std::vector<std::unique_ptr<ChunkReader>> files_;
  const std::vector<std::string> paths_;
  size_t at_ = 0;
  Table schema_;
  const std::shared_ptr<Roundings> roundings_;
};

/// The chunks of a file with the types that were asked for and the columns of its folders.
class FinishedChunks final : public ChunkReader {
 public:
  FinishedChunks(std::unique_ptr<ChunkReader> from, std::string path, std::vector<NamedType> types, std::vector<NamedType> keys,
                 std::vector<std::string> columns)
      : from_(std::move(from)), path_(std::move(path)), types_(std::move(types)), keys_(std::move(keys)), columns_(std::move(columns)) {}
  Result<void> open() {
    HY_TRY(schema_, finished(from_->schema()));
    return {};
  }
  const Table& schema() const override { return schema_; }
  bool has_values(size_t column) const override {
    const std::string& name = schema_.names[column];
    if (wanted_type(types_, name)) return true;
    for (const Partition& key : partitions_of(path_))
      if (key.name == name) return key.value.has_value();
    const auto& names = from_->schema().names;
    return from_->has_values(size_t(std::find(names.begin(), names.end(), name) - names.begin()));
  }
  int64_t held_bytes() const override { return from_->held_bytes(); }
  Result<std::optional<Table>> next() override {
    HY_TRY(auto chunk, from_->next());
    if (!chunk) return chunk;
    HY_TRY(Table table, finished(std::move(*chunk)));
    return std::optional(std::move(table));
  }

 private:
  Result<Table> finished(Table table) const {
    HY_CHECK(retype(types_, path_, &table));
    return with_partitions(std::move(table), path_, keys_, columns_);
  }

  std::unique_ptr<ChunkReader> from_;
  const std::string path_;
  const std::vector<NamedType> types_, keys_;
  const std::vector<std::string> columns_;
  Table schema_;
};

Result<FileKind> kind_of_input(const std::string& path, const ReadOptions& options) {
  if (options.kind) return *options.kind;
  if (path == "-") return usage_error("standard input has no name to tell its format", "-", "say it with --format, such as --format csv");
  HY_CHECK(check_readable(path));
  return kind_of(path);
}

/// Bytes of the table once it is read, guessed from the first rows of a text file; nothing where only reading tells.
Result<std::optional<int64_t>> guess_memory(const std::string& path, const FileKind& kind, const ReadOptions& options) {
  const auto size = file_size(path);
  if (!size || kind.codec != Codec::none) return std::optional<int64_t>();
  if (kind.format == Format::parquet) {
    ReadOptions inner = options;
    inner.columns = columns_in_file(path, options.columns), inner.types = types_in_file(path, options.types);
    HY_TRY(const int64_t memory, parquet_memory(path, inner, memory_of(options)));
    return std::optional(memory);
  }
  if (kind.format != Format::csv) return std::optional(kind.format == Format::arrow ? 2 * *size : 6 * *size);
  HY_TRY(const auto file, InputFile::open(path));
  std::string head(size_t{1} << 16, '\0');
  HY_TRY(const size_t got, file->read_at(0, head.data(), head.size()));
  const auto lines = std::max<int64_t>(1, std::count(head.begin(), head.begin() + std::ptrdiff_t(got), '\n'));
  const auto fields =
      lines + std::count_if(head.begin(), head.begin() + std::ptrdiff_t(got), [](char c) { return c == ',' || c == ';' || c == '\t' || c == '|'; });
  const double rows = double(*size) / double(std::max<size_t>(got, 1)) * double(lines);
  const double width = double(fields) / double(lines);
  const double part = options.columns.empty() ? 1.0 : std::min(1.0, double(options.columns.size()) / width);
  return std::optional(int64_t(part * (rows * width * 9 + double(*size))));
}

/// The chunks of one file, its columns of the types that it has.
Result<std::unique_ptr<ChunkReader>> stream_as_written(const std::string& path, const FileKind& kind, const ReadOptions& options,
                                                       const std::vector<std::string>& as_text) {
  const int64_t memory = memory_of(options);
  keep_large_memory(memory);
  // A chunk of text takes some three times its bytes in memory.
  const size_t chunk_bytes = size_t(std::clamp<int64_t>(memory / 24, int64_t{1} << 20, int64_t{64} << 20));
  switch (kind.format) {
    case Format::csv: {
      HY_TRY(auto file, open_unpacked(path, kind.codec));
      if (options.csv.encoding != Encoding::utf8) {
        HY_TRY(file, decode_file(*file, options.csv.encoding, path));
      }
      const CsvOptions csv = {.columns = options.columns,
                              .as_text = as_text,
                              .pool = options.pool,
                              .memory_limit_bytes = memory,
                              .types = options.types,
                              .form = options.csv,
                              .separator = kind.separator,
                              .coded_text = options.coded_text,
                              .cancel = options.cancel,
                              .steps = options.steps,
                              .roundings = options.roundings.get()};
      return csv_chunks(std::move(file), path, csv, chunk_bytes);
    }
    case Format::parquet:
      return parquet_chunks(path, options, memory, 2 * chunk_bytes);
    case Format::arrow:
      return arrow_chunks(path, options, memory);
    case Format::json:
    case Format::jsonl: {
      HY_TRY(auto file, open_unpacked(path, kind.codec));
      return json_chunks(std::move(file), path, options, kind.format == Format::jsonl, memory, chunk_bytes);
    }
    case Format::hdf5:
      return hdf5_chunks(path, options, memory, 2 * chunk_bytes);
    case Format::npy: {
      HY_TRY(auto file, open_unpacked(path, kind.codec));
      return npy_chunks(std::move(file), path, options, 2 * chunk_bytes);
    }
  }
  return usage_error("an unknown format", path, "see --format");
}

/// How one file is read chunk by chunk; `keys`: types of the keys of its folders.
Result<std::unique_ptr<ChunkReader>> stream_file(const std::string& path, const FileKind& kind, const ReadOptions& options,
                                                 const std::vector<std::string>& as_text, const std::vector<NamedType>& keys) {
  const bool csv = kind.format == Format::csv;
  if (!csv && !options.csv.is_default()) return usage_error("--decimal, --thousands, --na and --encoding are for CSV files", path, "leave them out");
  ReadOptions inner = options;
  inner.columns = columns_in_file(path, options.columns), inner.types = types_in_file(path, options.types);
  std::vector<NamedType> types = csv ? std::vector<NamedType>() : inner.types;
  // Decimals of Parquet and Arrow files are read by what is wanted of them; other readers look at no types.
  HY_TRY(auto chunks, stream_as_written(path, kind, inner, as_text));
  if (types.empty() && partitions_of(path).empty()) return chunks;
  if (inner.columns.empty()) HY_CHECK(check_types(types, chunks->schema().names));
  auto finished = std::make_unique<FinishedChunks>(std::move(chunks), path, std::move(types), keys, options.columns);
  HY_CHECK(finished->open());
  return std::unique_ptr<ChunkReader>(std::move(finished));
}

/// The dtypes that hold the values of all files; names of `first` in its order.
Result<Table> merge_schemas(const std::vector<std::unique_ptr<ChunkReader>>& files, std::span<const std::string> paths) {
  std::vector<Table> schemas;
  for (const auto& file : files) schemas.push_back(file->schema());
  HY_TRY(Table out, concatenate(schemas, paths));  // checks the names
  for (size_t c = 0; c < out.num_columns(); ++c) {
    std::optional<Column> common;
    for (size_t f = 0; f < files.size(); ++f) {
      const auto at = size_t(std::find(schemas[f].names.begin(), schemas[f].names.end(), out.names[c]) - schemas[f].names.begin());
      const Column& column = schemas[f].columns[at];
      if (!files[f]->has_values(at)) continue;
      if (!common) {
        common = column;
        continue;
      }
      Dtype wide{};
      if (!widen(common->dtype, column.dtype, &wide) || (common->dtype == column.dtype && common->zone.empty() != column.zone.empty()))
        return input_error(
            fmt::format("column '{}' is {} here and {} in the files before it", out.names[c], dtype_name(column.dtype), dtype_name(common->dtype)),
            paths[f], "give the column one type in all files");
      if (common->zone != column.zone) common->zone = common->zone.empty() ? column.zone : column.zone.empty() ? common->zone : "UTC";
      common->dtype = wide;
    }
    if (common) out.columns[c] = widened(slice(*common, 0, 0), common->dtype, common->zone);
  }
  return out;
}

/// Columns that are text in one CSV file and something else in another are text in all of them.
Result<void> reopen_as_text(std::span<const std::string> paths, std::span<const ReadOptions> asked, const std::vector<NamedType>& keys,
                            std::vector<std::unique_ptr<ChunkReader>>* files) {
  std::unordered_map<std::string, int> seen;  // bit 0: text, bit 1: other
  for (const auto& file : *files)
    for (size_t c = 0; c < file->schema().num_columns(); ++c)
      if (file->has_values(c)) seen[file->schema().names[c]] |= file->schema().columns[c].dtype == Dtype::text ? 1 : 2;
  std::vector<std::string> as_text;
  for (const auto& [name, kinds] : seen)
    if (kinds == 3) as_text.push_back(name);
  for (size_t f = 0; f < files->size() && !as_text.empty(); ++f) {
    HY_TRY(const FileKind kind, kind_of_input(paths[f], asked[f]));
    if (kind.format != Format::csv) continue;
    HY_TRY((*files)[f], stream_file(paths[f], kind, asked[f], as_text, keys));
  }
  return {};
}

/// Gives every file the columns of all.
Result<void> complete_files(std::span<const std::string> paths, const ReadOptions& options, std::vector<std::unique_ptr<ChunkReader>>* files) {
  std::vector<Table> schemas;
  for (const auto& file : *files) schemas.push_back(file->schema());
  HY_TRY(const std::vector<std::string> columns, columns_of_all(schemas, paths, options));
  for (size_t f = 0; f < files->size(); ++f)
    if (schemas[f].names != columns) (*files)[f] = completed(std::move((*files)[f]), columns);
  return {};
}

Result<std::unique_ptr<ChunkReader>> stream_files(std::span<const std::string> paths, const ReadOptions& options) {
  const std::vector<NamedType> keys = partition_types({paths.begin(), paths.end()}, options.types);
  std::vector<std::unique_ptr<ChunkReader>> files;
  std::vector<ReadOptions> asked;  // of each file
  for (const std::string& path : paths) {
    HY_TRY(const FileKind kind, kind_of_input(path, options));
    ReadOptions own = options;
    auto file = stream_file(path, kind, own, {}, keys);
    if (!file.ok() && paths.size() > 1)
      if (auto other = options_without_lacking(path, options, file.error())) file = stream_file(path, kind, own = std::move(*other), {}, keys);
    if (!file.ok()) return std::move(file.error());
    files.push_back(std::move(file).value()), asked.push_back(std::move(own));
  }
  if (files.size() == 1) return std::move(files[0]);
  HY_CHECK(reopen_as_text(paths, asked, keys, &files));
  if (options.roundings) HY_CHECK(complete_files(paths, options, &files));
  HY_TRY(Table schema, merge_schemas(files, paths));
  return std::unique_ptr<ChunkReader>(std::make_unique<ChainedChunks>(std::move(files), paths, std::move(schema), options.roundings));
}

/// Whether all of `paths` together take less than a third of the memory once they are read.
Result<bool> fits_memory(std::span<const std::string> paths, const ReadOptions& options) {
  int64_t total = 0;
  for (const std::string& path : paths) {
    HY_TRY(const FileKind kind, kind_of_input(path, options));
    auto guessed = guess_memory(path, kind, options);
    if (!guessed.ok() && paths.size() > 1)
      if (const auto other = options_without_lacking(path, options, guessed.error())) guessed = guess_memory(path, kind, *other);
    HY_TRY(const auto guess, std::move(guessed));
    if (!guess) {  // a pipe or packed: read at once only when it is small for sure
      const auto size = file_size(path);
      if (path == "-" || !size) return false;
      total += 40 * *size;
    } else {
      total += *guess;
    }
    if (total > memory_of(options) / 3) return false;
  }
  return true;
}

}  // namespace

std::unique_ptr<ChunkReader> chunks_of(Table table, int64_t chunk_rows) { return std::make_unique<TableChunks>(std::move(table), chunk_rows); }

Result<std::vector<std::string>> column_names(std::span<const std::string> paths, const ReadOptions& options) {
  std::vector<std::string> names;
  std::unordered_set<std::string> known;
  const auto add = [&](const std::string& name) {
    if (known.insert(name).second) names.push_back(name);
  };
  for (const std::string& path : paths) {
    HY_TRY(const std::vector<std::string> own, names_in_file(path, options));
    if (own.empty()) return own;
    for (const std::string& name : own) add(name);
  }
  for (const std::string& path : paths)
    for (const Partition& key : partitions_of(path)) add(key.name);
  return names;
}

Result<std::string> stored_statistics(std::span<const std::string> paths, const ReadOptions& options) {
  if (paths.size() != 1 || !file_size(paths[0])) return std::string();
  HY_TRY(const FileKind kind, kind_of_input(paths[0], options));
  if (kind.format == Format::parquet) return parquet_statistics(paths[0], memory_of(options));
  if (kind.format == Format::arrow) return arrow_statistics(paths[0], memory_of(options));
  return std::string();
}

/// Whether every category in these files stands for text: nobody asked for one.
static bool all_csv(std::span<const std::string> paths, const ReadOptions& options) {
  for (const NamedType& type : options.types)
    if (type.dtype == Dtype::category) return false;
  return std::all_of(paths.begin(), paths.end(), [&](const std::string& path) {
    const auto kind = kind_of_input(path, options);
    return kind.ok() && kind.value().format == Format::csv && partitions_of(path).empty();
  });
}

/// What a table may take that is read as a whole: of JSON so much as records take that have most of their columns. A table of records that lack
/// nearly all of them is mostly missing values, which are faster in chunks.
static int64_t whole_memory(std::span<const std::string> paths, const ReadOptions& options) {
  constexpr int64_t kFloor = int64_t{512} << 20, kTimes = 64;
  int64_t bytes = 0;
  for (const std::string& path : paths) {
    const auto kind = kind_of_input(path, options);
    if (!kind.ok() || (kind.value().format != Format::json && kind.value().format != Format::jsonl)) return memory_of(options);
    bytes += file_size(path).value_or(0);
  }
  return std::min(memory_of(options), std::max(kFloor, kTimes * bytes));
}

Result<std::unique_ptr<ChunkReader>> open_chunks(std::span<const std::string> paths, const ChunkOptions& options) {
  assert(!paths.empty());
  ReadOptions read = options.read;
  read.coded_text = read.coded_text && all_csv(paths, read);
  HY_TRY(const bool fits, fits_memory(paths, read));
  if (fits) {
    ReadOptions whole = read;
    whole.memory_limit_bytes = whole_memory(paths, read);
    auto table = read_tables(paths, whole);
    if (table.ok()) return std::unique_ptr<ChunkReader>(std::make_unique<TableChunks>(std::move(table).value(), options.chunk_rows, read.coded_text));
    if (table.error().kind != Kind::budget) return std::move(table.error());
  }
  HY_TRY(auto chunks, stream_files(paths, read));
  if (options.chunk_rows > 0) return std::unique_ptr<ChunkReader>(std::make_unique<CutChunks>(std::move(chunks), options.chunk_rows));
  return chunks;
}

}  // namespace hayate::io
