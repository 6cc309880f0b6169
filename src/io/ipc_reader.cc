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

#include "io/arrow_table.h"
#include "io/formats.h"

namespace hayate::io {
namespace {

constexpr const char* kDamaged = "the file is no Arrow file or is damaged; write or download it again";

arrow::ipc::IpcReadOptions ipc_options(LimitedPool* pool) {
  arrow::ipc::IpcReadOptions options;
  options.memory_pool = pool;
  options.use_threads = false;
  options.ensure_alignment = arrow::ipc::Alignment::kDataTypeSpecificAlignment;
  return options;
}

struct Batches {
  std::shared_ptr<arrow::Schema> schema;
  std::vector<std::shared_ptr<arrow::RecordBatch>> batches;
};

arrow::Result<Batches> read_file_format(const std::shared_ptr<arrow::io::RandomAccessFile>& file, LimitedPool* pool) {
  ARROW_ASSIGN_OR_RAISE(const auto reader, arrow::ipc::RecordBatchFileReader::Open(file, ipc_options(pool)));
  Batches out;
  out.schema = reader->schema();
  for (int i = 0; i < reader->num_record_batches(); ++i) {
    ARROW_ASSIGN_OR_RAISE(auto batch, reader->ReadRecordBatch(i));
    out.batches.push_back(std::move(batch));
  }
  return out;
}

arrow::Result<Batches> read_stream_format(const std::shared_ptr<arrow::io::RandomAccessFile>& file, LimitedPool* pool) {
  ARROW_ASSIGN_OR_RAISE(const auto reader, arrow::ipc::RecordBatchStreamReader::Open(file, ipc_options(pool)));
  Batches out;
  out.schema = reader->schema();
  while (true) {
    std::shared_ptr<arrow::RecordBatch> batch;
    ARROW_RETURN_NOT_OK(reader->ReadNext(&batch));
    if (!batch) return out;
    out.batches.push_back(std::move(batch));
  }
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
  auto read = file_format ? read_file_format(file, pool.get()) : read_stream_format(file, pool.get());
  if (!read.ok()) return arrow_error(read.status(), path, kDamaged);

  HY_TRY(const std::vector<int> fields, choose_fields(*read->schema, options.columns, path));
  Table out;
  for (const int field : fields) {
    arrow::ArrayVector chunks;
    for (const auto& batch : read->batches) chunks.push_back(batch->column(field));
    const std::string& name = read->schema->field(field)->name();
    HY_TRY(Column column, column_from(arrow::ChunkedArray(std::move(chunks), read->schema->field(field)->type()), pool, name, path));
    if (!out.columns.empty() && column.length != out.num_rows())
      return input_error(fmt::format("column '{}' has another length", name), path, kDamaged);
    out.add(name, std::move(column));
  }
  return out;
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

}  // namespace hayate::io
