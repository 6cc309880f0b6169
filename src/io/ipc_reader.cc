#include <arrow/buffer.h>
#include <arrow/chunked_array.h>
#include <arrow/io/interfaces.h>
#include <arrow/ipc/options.h>
#include <arrow/ipc/reader.h>
#include <arrow/record_batch.h>
#include <arrow/result.h>
#include <arrow/type.h>
#include <arrow/util/key_value_metadata.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "io/arrow_table.h"
#include "io/chunk_formats.h"
#include "io/formats.h"

namespace hayate::io {
namespace {

constexpr const char* kDamaged = "the file is no Arrow file or is damaged; write or download it again";

/// A schema, the fields wanted of it, and their columns in every batch.
struct Batches {
  std::shared_ptr<arrow::Schema> schema;
  std::vector<int> fields;
  std::vector<std::vector<std::shared_ptr<arrow::Array>>> columns;  // [place in fields][batch]
};

arrow::ipc::IpcReadOptions ipc_options(LimitedPool* pool) {
  arrow::ipc::IpcReadOptions options;
  options.memory_pool = pool;
  options.use_threads = false;
  options.ensure_alignment = arrow::ipc::Alignment::kDataTypeSpecificAlignment;
  return options;
}

/// Batches have the fields of included_fields in the order of the schema.
void add_batch(const arrow::RecordBatch& batch, const std::vector<int>& included, Batches* out) {
  for (size_t i = 0; i < out->fields.size(); ++i) {
    const auto place = std::lower_bound(included.begin(), included.end(), out->fields[i]) - included.begin();
    out->columns[i].push_back(batch.column(int(place)));
  }
}

/// The file format and the stream format differ in how a reader is opened and how it hands out batches.
template <class Reader, class NextBatch>
Result<Batches> read_batches(const std::string& path, const ReadOptions& options, LimitedPool* pool, Reader&& open, NextBatch&& next) {
  arrow::ipc::IpcReadOptions ipc = ipc_options(pool);
  auto first = open(ipc);
  if (!first.ok()) return arrow_error(first.status(), path, kDamaged);
  Batches out;
  out.schema = (*first)->schema();
  HY_TRY(out.fields, choose_fields(*out.schema, options.columns, path));
  out.columns.resize(out.fields.size());
  ipc.included_fields = out.fields;
  std::sort(ipc.included_fields.begin(), ipc.included_fields.end());
  ipc.included_fields.erase(std::unique(ipc.included_fields.begin(), ipc.included_fields.end()), ipc.included_fields.end());
  const auto reader = open(ipc);  // again, now that the fields are known: the others are not even read from the disk
  if (!reader.ok()) return arrow_error(reader.status(), path, kDamaged);
  for (int i = 0;; ++i) {
    const arrow::Result<std::shared_ptr<arrow::RecordBatch>> batch = next(**reader, i);
    if (!batch.ok()) return arrow_error(batch.status(), path, kDamaged);
    if (!*batch) return out;
    if ((*batch)->num_columns() != int(ipc.included_fields.size())) return input_error("a batch has another number of columns", path, kDamaged);
    add_batch(**batch, ipc.included_fields, &out);
  }
}

Result<Batches> read_file_format(const std::shared_ptr<arrow::io::RandomAccessFile>& file, const std::string& path, const ReadOptions& options,
                                 LimitedPool* pool) {
  const auto open = [&](const arrow::ipc::IpcReadOptions& ipc) { return arrow::ipc::RecordBatchFileReader::Open(file, ipc); };
  return read_batches(path, options, pool, open,
                      [](arrow::ipc::RecordBatchFileReader& reader, int i) -> arrow::Result<std::shared_ptr<arrow::RecordBatch>> {
                        if (i == reader.num_record_batches()) return std::shared_ptr<arrow::RecordBatch>();
                        return reader.ReadRecordBatch(i);
                      });
}

Result<Batches> read_stream_format(const std::shared_ptr<arrow::io::RandomAccessFile>& file, const std::string& path, const ReadOptions& options,
                                   LimitedPool* pool) {
  const auto open = [&](const arrow::ipc::IpcReadOptions& ipc) -> arrow::Result<std::shared_ptr<arrow::ipc::RecordBatchStreamReader>> {
    ARROW_RETURN_NOT_OK(file->Seek(0));
    return arrow::ipc::RecordBatchStreamReader::Open(file, ipc);
  };
  return read_batches(path, options, pool, open, [](arrow::ipc::RecordBatchStreamReader& reader, int) { return reader.Next(); });
}

Result<Table> read_opened(const std::shared_ptr<arrow::io::RandomAccessFile>& file, const std::shared_ptr<LimitedPool>& pool, const std::string& path,
                          const ReadOptions& options) {
  char magic[6] = {};
  const auto got = file->ReadAt(0, sizeof magic, magic);
  if (!got.ok()) return arrow_error(got.status(), path, kDamaged);
  if (std::string_view(magic, 4) == "FEA1")
    return input_error("the file is in the old Feather format, version 1", path,
                       "write it again with version 2: pyarrow.feather.write_feather(table, path)");
  const bool file_format = std::string_view(magic, 6) == "ARROW1";
  HY_TRY(const Batches batches,
         file_format ? read_file_format(file, path, options, pool.get()) : read_stream_format(file, path, options, pool.get()));
  std::vector<Result<Column>> columns(batches.fields.size(), Result<Column>(Column()));
  exec::run_all(int64_t(columns.size()), options.pool, [&](int64_t i) {
    const arrow::Field& field = *batches.schema->field(batches.fields[size_t(i)]);
    columns[size_t(i)] = column_from(arrow::ChunkedArray(batches.columns[size_t(i)], field.type()), pool, field.name(), path);
  });
  Table out;
  for (size_t i = 0; i < batches.fields.size(); ++i) {
    const arrow::Field& field = *batches.schema->field(batches.fields[i]);
    HY_TRY(Column column, std::move(columns[i]));
    if (!out.columns.empty() && column.length != out.num_rows())
      return input_error(fmt::format("column '{}' has another length", field.name()), path, kDamaged);
    out.add(field.name(), std::move(column));
  }
  return out;
}

/// The batches of a file or stream, one at a time.
class ArrowChunks final : public ChunkReader {
 public:
  ArrowChunks(std::shared_ptr<arrow::io::RandomAccessFile> file, std::shared_ptr<LimitedPool> pool, std::string path, exec::Steps* steps)
      : file_(std::move(file)), pool_(std::move(pool)), path_(std::move(path)), steps_(steps) {}

  const Table& schema() const override { return schema_; }

  Result<void> open(const ReadOptions& options) {
    char magic[6] = {};
    const auto got = file_->ReadAt(0, sizeof magic, magic);
    if (!got.ok()) return arrow_error(got.status(), path_, kDamaged);
    file_format_ = std::string_view(magic, 6) == "ARROW1";
    const auto size = file_->GetSize();
    if (steps_ && size.ok()) size_ = *size, steps_->add_input(size_);
    HY_CHECK(start());
    const std::shared_ptr<arrow::Schema> schema = file_format_ ? file_reader_->schema() : stream_reader_->schema();
    HY_TRY(fields_, choose_fields(*schema, options.columns, path_));
    included_ = fields_;
    std::sort(included_.begin(), included_.end());
    included_.erase(std::unique(included_.begin(), included_.end()), included_.end());
    for (const int field : fields_) {
      HY_TRY(Column column,
             column_from(arrow::ChunkedArray(arrow::ArrayVector{}, schema->field(field)->type()), pool_, schema->field(field)->name(), path_));
      schema_.add(schema->field(field)->name(), std::move(column));
    }
    return start();
  }
  std::vector<std::string> names() const { return schema_.names; }

  Result<std::optional<Table>> next() override {
    while (true) {
      if (file_format_ && at_ == file_reader_->num_record_batches()) return at_ = 0, told_ = 0, std::optional<Table>();
      const auto batch = file_format_ ? file_reader_->ReadRecordBatch(at_) : stream_reader_->Next();
      if (!batch.ok()) return arrow_error(batch.status(), path_, kDamaged);
      ++at_;
      if (!*batch) {
        HY_CHECK(start());
        return std::optional<Table>();
      }
      tell();
      if ((*batch)->num_rows() > 0) return table_of(**batch);
    }
  }

 private:
  /// How far the file has been read: by batches, or where the stream stands.
  void tell() {
    if (!steps_) return;
    const auto at = file_->Tell();
    const int64_t now = file_format_ ? size_ / std::max(1, file_reader_->num_record_batches()) * at_ : at.ok() ? *at : told_;
    steps_->read(now - std::exchange(told_, now));
  }

  Result<void> start() {
    arrow::ipc::IpcReadOptions ipc = ipc_options(pool_.get());
    ipc.included_fields = included_;
    at_ = 0, told_ = 0;
    if (file_format_) {
      auto opened = arrow::ipc::RecordBatchFileReader::Open(file_, ipc);
      if (!opened.ok()) return arrow_error(opened.status(), path_, kDamaged);
      file_reader_ = std::move(*opened);
    } else {
      if (const auto sought = file_->Seek(0); !sought.ok()) return arrow_error(sought, path_, kDamaged);
      auto opened = arrow::ipc::RecordBatchStreamReader::Open(file_, ipc);
      if (!opened.ok()) return arrow_error(opened.status(), path_, kDamaged);
      stream_reader_ = std::move(*opened);
    }
    return {};
  }

  Result<std::optional<Table>> table_of(const arrow::RecordBatch& batch) const {
    Table out;
    if (batch.num_columns() != int(included_.size())) return input_error("a batch has another number of columns", path_, kDamaged);
    for (size_t i = 0; i < fields_.size(); ++i) {
      const auto place = std::lower_bound(included_.begin(), included_.end(), fields_[i]) - included_.begin();
      HY_TRY(Column column, column_from(arrow::ChunkedArray(batch.column(int(place))), pool_, schema_.names[i], path_));
      out.add(schema_.names[i], std::move(column));
    }
    return std::optional(std::move(out));
  }

  std::shared_ptr<arrow::io::RandomAccessFile> file_;
  std::shared_ptr<LimitedPool> pool_;
  const std::string path_;
  exec::Steps* steps_;
  int64_t size_ = 0, told_ = 0;
  bool file_format_ = false;
  int at_ = 0;
  std::vector<int> fields_, included_;
  Table schema_;
  std::shared_ptr<arrow::ipc::RecordBatchFileReader> file_reader_;
  std::shared_ptr<arrow::ipc::RecordBatchStreamReader> stream_reader_;
};

Result<std::unique_ptr<ArrowChunks>> open_arrow(const std::string& path, const ReadOptions& options, int64_t limit_bytes) {
  auto pool = std::make_shared<LimitedPool>(limit_bytes);
  HY_TRY(auto file, open_random_access(path, pool.get()));
  auto chunks = std::make_unique<ArrowChunks>(std::move(file), std::move(pool), path, options.steps);
  HY_CHECK(chunks->open(options));
  return chunks;
}

}  // namespace

Result<Table> read_arrow(const std::string& path, const ReadOptions& options, int64_t limit_bytes) {
  const auto pool = std::make_shared<LimitedPool>(limit_bytes);
  HY_TRY(const auto file, open_random_access(path, pool.get()));
  try {
    return read_opened(file, pool, path, options);
  } catch (const std::exception& e) {  // Arrow reports by Status; this is for its allocations
    return arrow_error(arrow::Status::OutOfMemory(e.what()), path, kDamaged);
  }
}

Result<std::unique_ptr<ChunkReader>> arrow_chunks(const std::string& path, const ReadOptions& options, int64_t limit_bytes) {
  HY_TRY(auto chunks, open_arrow(path, options, limit_bytes));
  return std::unique_ptr<ChunkReader>(std::move(chunks));
}

Result<std::vector<std::string>> arrow_names(const std::string& path, int64_t limit_bytes) {
  HY_TRY(const auto chunks, open_arrow(path, {}, limit_bytes));
  return chunks->names();
}

}  // namespace hayate::io
