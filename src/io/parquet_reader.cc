// Parquet through Arrow C++, on our threads. Flat columns of numbers, times and text are decoded to their place (parquet_direct.h); of others a task
// reads one column of a run of row groups with a reader of its own over the shared footer. What the footer claims is checked against the
// file's size before anything is allocated.
#include <arrow/chunked_array.h>
#include <arrow/io/interfaces.h>
#include <arrow/record_batch.h>
#include <arrow/result.h>
#include <arrow/table.h>
#include <arrow/type.h>
#include <fmt/format.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/schema.h>
#include <parquet/exception.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>
#include <parquet/properties.h>

#include <algorithm>

#include "base/strings.h"
#include "io/arrow_module.h"
#include "io/arrow_table.h"
#include "io/parquet_direct.h"

namespace hayate::io {
namespace {

constexpr const char* kDamaged = "the file is no Parquet file or is damaged; write or download it again";

/// Runs what may throw inside Arrow (thrift, parquet) and turns it into an Error.
template <class T, class Work>
Result<T> guarded(const std::string& path, Work&& work) {
  try {
    return work();
  } catch (const std::bad_alloc&) {
    return Error{Kind::budget, "reading needs more memory than there is", path, "read fewer columns with --columns"};
  } catch (const std::exception& e) {
    return arrow_error(arrow::Status::Invalid(e.what()), path, kDamaged);
  }
}

struct ParquetFile {
  std::shared_ptr<arrow::io::RandomAccessFile> file;
  std::shared_ptr<parquet::FileMetaData> footer;
  std::shared_ptr<LimitedPool> pool;

  /// A reader of its own for each task: one FileReader is not thread safe.
  Result<std::unique_ptr<parquet::arrow::FileReader>> reader(const std::string& path) const {
    parquet::ArrowReaderProperties properties(/*use_threads=*/false);
    properties.set_pre_buffer(false);  // it would read on Arrow's own threads
    auto raw = parquet::ParquetFileReader::Open(file, parquet::ReaderProperties(pool.get()), footer);
    auto made = parquet::arrow::FileReader::Make(pool.get(), std::move(raw), properties);
    if (!made.ok()) return arrow_error(made.status(), path, kDamaged);
    return std::move(*made);
  }
};

/// Leaves of the Parquet schema that make up one field, and their decoded size a value at least.
void leaves_of(const parquet::arrow::SchemaField& field, std::vector<int>* leaves) {
  if (field.column_index >= 0) leaves->push_back(field.column_index);
  for (const parquet::arrow::SchemaField& child : field.children) leaves_of(child, leaves);
}

int64_t value_width(parquet::Type::type type) {
  switch (type) {
    case parquet::Type::BOOLEAN:
      return 1;
    case parquet::Type::INT32:
    case parquet::Type::FLOAT:
      return 4;
    default:
      return 8;
  }
}

constexpr int64_t kParquetFooterAt = -8;     // from the end of the file
constexpr int64_t kParquetFooterTimes = 22;  // memory of a footer of 100,000 columns and their table: 18 times its bytes measured

/// Refuses column chunks that lie outside the file, and tables that would not fit the memory.
Result<void> check_footer(const parquet::FileMetaData& footer, std::span<const int> leaves, int64_t file_bytes, int64_t limit_bytes,
                          const std::string& path) {
  double decoded = 0;
  for (int group = 0; group < footer.num_row_groups(); ++group) {
    const auto rows = footer.RowGroup(group);
    if (rows->num_rows() < 0) return input_error("the footer has a negative number of rows", path, kDamaged);
    for (const int leaf : leaves) {
      const auto chunk = rows->ColumnChunk(leaf);
      int64_t begin = chunk->data_page_offset();
      if (chunk->has_dictionary_page() && chunk->dictionary_page_offset() > 0) begin = std::min(begin, chunk->dictionary_page_offset());
      const int64_t size = chunk->total_compressed_size();
      if (begin < 0 || size < 0 || begin > file_bytes || size > file_bytes - begin)
        return input_error("a column lies outside the file", path, kDamaged);
      decoded += double(rows->num_rows()) * double(value_width(footer.schema()->Column(leaf)->physical_type()));
    }
  }
  if (decoded > double(limit_bytes))
    return Error{
        Kind::budget,
        fmt::format("the file says that it holds {}, the limit is {}", format_bytes(int64_t(std::min(decoded, 9e18))), format_bytes(limit_bytes)),
        path, "raise --memory-limit, or read fewer columns with --columns"};
  return {};
}

/// One task: a column of row groups [begin, end).
struct Piece {
  size_t column;
  int begin, end;
  std::shared_ptr<arrow::ChunkedArray> values;
  std::optional<Error> error;
};

void read_piece(const ParquetFile& file, const std::vector<int>& leaves, const std::string& path, Piece* piece) {
  const auto done = guarded<bool>(path, [&]() -> Result<bool> {
    HY_TRY(const auto reader, file.reader(path));
    std::vector<int> groups;
    for (int group = piece->begin; group < piece->end; ++group) groups.push_back(group);
    const auto table = reader->ReadRowGroups(groups, leaves);
    if (!table.ok()) return arrow_error(table.status(), path, kDamaged);
    if ((*table)->num_columns() != 1) return input_error("a column is missing", path, kDamaged);
    piece->values = (*table)->column(0);
    return true;
  });
  if (!done.ok()) piece->error = done.error();
}

/// The columns that are not there yet, through Arrow's table reader.
Result<void> read_others(const ParquetFile& file, const arrow::Schema& schema, const std::vector<int>& fields,
                         const std::vector<std::vector<int>>& leaves, const std::string& path, const ReadOptions& options,
                         std::vector<std::optional<Column>>* columns) {
  std::vector<size_t> left;
  for (size_t i = 0; i < fields.size(); ++i)
    if (!(*columns)[i]) left.push_back(i);
  const int groups = file.footer->num_row_groups();
  const int workers = options.pool ? options.pool->workers() : 1;
  const int step = std::max<int>(1, groups * int(left.size()) / (8 * workers));  // about eight tasks a worker
  std::vector<Piece> pieces;
  for (const size_t column : left)
    for (int begin = 0; begin < groups; begin += step) pieces.push_back({column, begin, std::min(groups, begin + step), nullptr, {}});
  exec::run_all(int64_t(pieces.size()), options.pool, [&](int64_t i) {
    if (!options.stopped()) read_piece(file, leaves[pieces[size_t(i)].column], path, &pieces[size_t(i)]);
  });
  if (options.stopped()) return reading_stopped(path);

  std::vector<arrow::ArrayVector> chunks(fields.size());
  for (Piece& piece : pieces) {
    if (piece.error) return std::move(*piece.error);
    for (const auto& chunk : piece.values->chunks()) chunks[piece.column].push_back(chunk);
    piece.values = nullptr;
  }
  std::vector<Result<Column>> read(left.size(), Result<Column>(Column()));
  exec::run_all(int64_t(left.size()), options.pool, [&](int64_t i) {
    const size_t column = left[size_t(i)];
    const auto& field = *schema.field(fields[column]);
    read[size_t(i)] = column_from(arrow::ChunkedArray(std::move(chunks[column]), field.type()), file.pool, field.name(), path, options);
  });
  for (size_t i = 0; i < left.size(); ++i) {
    HY_TRY((*columns)[left[i]], std::move(read[i]));
  }
  return {};
}

Result<Table> read_opened(const ParquetFile& file, const std::string& path, const ReadOptions& options, int64_t file_bytes, int64_t limit_bytes) {
  HY_TRY(const auto reader, file.reader(path));
  std::shared_ptr<arrow::Schema> schema;
  if (const arrow::Status status = reader->GetSchema(&schema); !status.ok()) return arrow_error(status, path, kDamaged);
  schema = with_own_names(schema);
  HY_TRY(const std::vector<int> fields, choose_fields(*schema, options.columns, path));
  std::vector<std::vector<int>> leaves(fields.size());
  std::vector<int> all_leaves;
  for (size_t i = 0; i < fields.size(); ++i) {
    leaves_of(reader->manifest().schema_fields[size_t(fields[i])], &leaves[i]);
    all_leaves.insert(all_leaves.end(), leaves[i].begin(), leaves[i].end());
  }
  HY_CHECK(check_footer(*file.footer, all_leaves, file_bytes, limit_bytes, path));

  std::vector<std::optional<Column>> columns(fields.size());
  std::vector<ParquetLeaf> flat;
  std::vector<size_t> flat_places;
  for (size_t i = 0; i < fields.size(); ++i)
    if (leaves[i].size() == 1) flat.push_back({leaves[i][0], schema->field(fields[i])->type()}), flat_places.push_back(i);
  const auto open = [&] { return parquet::ParquetFileReader::Open(file.file, parquet::ReaderProperties(file.pool.get()), file.footer); };
  auto decoded = read_parquet_columns(*file.footer, open, flat, limit_bytes, options.pool, [&] { return options.stopped(); });
  for (size_t i = 0; i < flat.size(); ++i) columns[flat_places[i]] = std::move(decoded[i]);
  if (options.stopped()) return reading_stopped(path);
  HY_CHECK(read_others(file, *schema, fields, leaves, path, options, &columns));

  Table out;
  for (size_t column = 0; column < fields.size(); ++column) {
    const std::string& name = schema->field(fields[column])->name();
    if (columns[column]->length != file.footer->num_rows())
      return input_error(fmt::format("column '{}' has {} rows of {}", name, columns[column]->length, file.footer->num_rows()), path, kDamaged);
    out.add(name, std::move(*columns[column]));
  }
  return out;
}

/// The footer, the fields wanted of it, and their leaves.
struct OpenedParquet {
  ParquetFile file;
  int64_t file_bytes = 0;
  std::shared_ptr<arrow::Schema> schema;
  std::vector<int> fields, leaves;
};

Result<OpenedParquet> open_parquet(const std::string& path, const ReadOptions& options, int64_t limit_bytes) {
  OpenedParquet out;
  out.file.pool = std::make_shared<LimitedPool>(limit_bytes);
  HY_TRY(out.file.file, open_random_access(path, out.file.pool.get()));
  return guarded<OpenedParquet>(path, [&]() -> Result<OpenedParquet> {
    const auto size = out.file.file->GetSize();
    if (!size.ok()) return arrow_error(size.status(), path, kDamaged);
    out.file_bytes = *size;
    HY_CHECK(check_schema_size(*out.file.file, "footer", kParquetFooterAt, kParquetFooterTimes, limit_bytes, path));
    out.file.footer = parquet::ParquetFileReader::Open(out.file.file, parquet::ReaderProperties(out.file.pool.get()))->metadata();
    HY_TRY(const auto reader, out.file.reader(path));
    if (const arrow::Status status = reader->GetSchema(&out.schema); !status.ok()) return arrow_error(status, path, kDamaged);
    out.schema = with_own_names(out.schema);
    HY_TRY(out.fields, choose_fields(*out.schema, options.columns, path));
    for (const int field : out.fields) leaves_of(reader->manifest().schema_fields[size_t(field)], &out.leaves);
    return std::move(out);
  });
}

/// One reader over all row groups, which decodes page by page: memory is that of a batch and of the packed column chunks
/// of one row group.
class ParquetChunks final : public ChunkReader {
 public:
  ParquetChunks(OpenedParquet opened, std::string path, int64_t batch_rows, const ReadOptions& options)
      : opened_(std::move(opened)), path_(std::move(path)), batch_rows_(batch_rows), options_(options), steps_(options.steps) {
    if (steps_) steps_->add_input(opened_.file_bytes);
  }

  const Table& schema() const override { return schema_; }

  Result<void> open() {
    for (const int field : opened_.fields) {
      const arrow::Field& of = *opened_.schema->field(field);
      HY_TRY(Column column, column_from(arrow::ChunkedArray(arrow::ArrayVector{}, of.type()), opened_.file.pool, of.name(), path_, options_));
      schema_.add(of.name(), std::move(column));
    }
    return {};
  }

  Result<std::optional<Table>> next() override {
    return guarded<std::optional<Table>>(path_, [&]() -> Result<std::optional<Table>> {
      if (!batches_) HY_CHECK(start());
      while (true) {
        std::shared_ptr<arrow::RecordBatch> batch;
        if (const arrow::Status status = batches_->ReadNext(&batch); !status.ok()) return arrow_error(status, path_, kDamaged);
        if (!batch) return batches_.reset(), reader_.reset(), std::optional<Table>();
        if (batch->num_rows() == 0) continue;
        // Rows stand for bytes: columns of a row group are read side by side.
        const double share = double(batch->num_rows()) / double(std::max<int64_t>(1, opened_.file.footer->num_rows()));
        if (steps_) steps_->read(int64_t(double(opened_.file_bytes) * share));
        return table_of(*batch);
      }
    });
  }

 private:
  Result<void> start() {
    parquet::ArrowReaderProperties properties(/*use_threads=*/false);
    properties.set_pre_buffer(false);
    properties.set_batch_size(batch_rows_);
    parquet::ReaderProperties pages(opened_.file.pool.get());
    pages.enable_buffered_stream();  // a column chunk is read as it is decoded, not at once
    auto made = parquet::arrow::FileReader::Make(opened_.file.pool.get(),
                                                 parquet::ParquetFileReader::Open(opened_.file.file, pages, opened_.file.footer), properties);
    if (!made.ok()) return arrow_error(made.status(), path_, kDamaged);
    reader_ = std::move(*made);
    std::vector<int> groups(size_t(opened_.file.footer->num_row_groups()));
    for (size_t i = 0; i < groups.size(); ++i) groups[i] = int(i);
    std::vector<int> leaves = opened_.leaves;
    std::sort(leaves.begin(), leaves.end());
    leaves.erase(std::unique(leaves.begin(), leaves.end()), leaves.end());
    auto batches = reader_->GetRecordBatchReader(groups, leaves);
    if (!batches.ok()) return arrow_error(batches.status(), path_, kDamaged);
    batches_ = std::move(*batches);
    return {};
  }

  Result<std::optional<Table>> table_of(const arrow::RecordBatch& batch) const {
    Table out;
    for (const int field : opened_.fields) {
      const auto place = std::count_if(opened_.fields.begin(), opened_.fields.end(), [&](int other) { return other < field; });
      if (place >= batch.num_columns()) return input_error("a column is missing", path_, kDamaged);
      const arrow::Field& of = *opened_.schema->field(field);
      HY_TRY(Column column, column_from(arrow::ChunkedArray(batch.column(int(place))), opened_.file.pool, of.name(), path_, options_));
      if (column.length != batch.num_rows()) return input_error("columns of different lengths", path_, kDamaged);
      out.add(of.name(), std::move(column));
    }
    return std::optional(std::move(out));
  }

  OpenedParquet opened_;
  const std::string path_;
  int64_t batch_rows_;
  const ReadOptions options_;
  exec::Steps* steps_;
  Table schema_;
  std::unique_ptr<parquet::arrow::FileReader> reader_;
  std::unique_ptr<arrow::RecordBatchReader> batches_;
};

/// What a row takes while it is read in batches, twice: numbers by their width; texts, and the dictionary that every row group has of its own, by
/// their bytes in the file. A short row group with a large dictionary does not make the batches of the others small.
int64_t batch_bytes_of_row(const parquet::FileMetaData& footer, std::span<const int> leaves) {
  constexpr int64_t kShort = 1024;
  int64_t rows = 0;
  double all = 0, most = 0;
  for (int group = 0; group < footer.num_row_groups(); ++group) {
    const auto meta = footer.RowGroup(group);
    double bytes = 0;
    for (const int leaf : leaves) bytes += 2 * double(std::max<int64_t>(0, meta->ColumnChunk(leaf)->total_uncompressed_size()));
    rows += meta->num_rows(), all += bytes;
    most = std::max(most, bytes / double(std::max(meta->num_rows(), kShort)));
  }
  const double narrow = 16.0 * double(std::max<size_t>(leaves.size(), 1));
  return int64_t(std::min(1e15, std::max({narrow, most, all / double(std::max<int64_t>(rows, 1))})));
}

}  // namespace

Result<Table> with_arrow::read_parquet(const std::string& path, const ReadOptions& options, int64_t limit_bytes) {
  ParquetFile file;
  file.pool = std::make_shared<LimitedPool>(limit_bytes);
  HY_TRY(file.file, open_random_access(path, file.pool.get()));
  return guarded<Table>(path, [&]() -> Result<Table> {
    const auto size = file.file->GetSize();
    if (!size.ok()) return arrow_error(size.status(), path, kDamaged);
    HY_CHECK(check_schema_size(*file.file, "footer", kParquetFooterAt, kParquetFooterTimes, limit_bytes, path));
    file.footer = parquet::ParquetFileReader::Open(file.file, parquet::ReaderProperties(file.pool.get()))->metadata();
    return read_opened(file, path, options, *size, limit_bytes);
  });
}

Result<std::unique_ptr<ChunkReader>> with_arrow::parquet_chunks(const std::string& path, const ReadOptions& options, int64_t limit_bytes,
                                                                size_t chunk_bytes) {
  HY_TRY(OpenedParquet opened, open_parquet(path, options, limit_bytes));
  return guarded<std::unique_ptr<ChunkReader>>(path, [&]() -> Result<std::unique_ptr<ChunkReader>> {
    HY_CHECK(check_footer(*opened.file.footer, opened.leaves, opened.file_bytes, INT64_MAX, path));
    const int64_t batch_rows = std::clamp<int64_t>(int64_t(chunk_bytes) / batch_bytes_of_row(*opened.file.footer, opened.leaves), 16, 1 << 20);
    auto chunks = std::make_unique<ParquetChunks>(std::move(opened), path, batch_rows, options);
    HY_CHECK(chunks->open());
    return std::unique_ptr<ChunkReader>(std::move(chunks));
  });
}

Result<std::vector<std::string>> with_arrow::parquet_names(const std::string& path, int64_t limit_bytes) {
  HY_TRY(const OpenedParquet opened, open_parquet(path, {}, limit_bytes));
  return opened.schema->field_names();
}

Result<std::string> with_arrow::parquet_statistics(const std::string& path, int64_t limit_bytes) {
  HY_TRY(const OpenedParquet opened, open_parquet(path, {}, limit_bytes));
  return statistics_of(*opened.schema);
}

Result<int64_t> with_arrow::parquet_memory(const std::string& path, const ReadOptions& options, int64_t limit_bytes) {
  HY_TRY(const OpenedParquet opened, open_parquet(path, options, limit_bytes));
  return guarded<int64_t>(path, [&]() -> Result<int64_t> {
    double bytes = 0;
    for (int group = 0; group < opened.file.footer->num_row_groups(); ++group) {
      const auto rows = opened.file.footer->RowGroup(group);
      for (const int leaf : opened.leaves) {
        const int64_t width = value_width(opened.file.footer->schema()->Column(leaf)->physical_type());
        const bool text = opened.file.footer->schema()->Column(leaf)->physical_type() == parquet::Type::BYTE_ARRAY;
        bytes += std::max(double(rows->num_rows()) * double(text ? 24 : width), double(rows->ColumnChunk(leaf)->total_uncompressed_size()));
      }
    }
    return int64_t(std::min(2 * bytes, 9e18));  // pieces, and the column they are joined to
  });
}

}  // namespace hayate::io
