#include <arrow/array.h>
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

#include "io/arrow_module.h"
#include "io/arrow_table.h"
#include "io/ipc_direct.h"

namespace hayate::io {
namespace {

constexpr const char* kDamagedFile = "the file is no Arrow file or is damaged; write or download it again";

/// Arrow's arrays of some fields.
using FieldArrays = std::vector<std::vector<std::shared_ptr<arrow::Array>>>;  // [place in fields][batch]

/// `included`: the fields that are read, ascending, of `num_fields`. Arrow takes memory for the bodies of batches from `pool` only when it reads
/// all of them.
arrow::ipc::IpcReadOptions ipc_options(LimitedPool* pool, const std::vector<int>& included = {}, int num_fields = 0) {
  arrow::ipc::IpcReadOptions options;
  if (int(included.size()) < num_fields) options.included_fields = included;
  options.memory_pool = pool;
  options.use_threads = false;
  options.ensure_alignment = arrow::ipc::Alignment::kDataTypeSpecificAlignment;
  return options;
}

constexpr int64_t kIpcFooterAt = -10;    // from the end of the file
constexpr int64_t kIpcSchemaTimes = 60;  // memory of a footer of 100,000 columns and their table: 52 times its bytes measured

bool is_file_format(std::string_view magic) { return magic.starts_with("ARROW1"); }

/// That the schema fits: in the footer of a file; at the begin of a stream, behind 4 bytes of 0xFF since Arrow 0.15.
Result<void> check_width(arrow::io::RandomAccessFile& file, std::string_view magic, int64_t limit_bytes, const std::string& path) {
  if (is_file_format(magic)) return check_schema_size(file, "footer", kIpcFooterAt, kIpcSchemaTimes, limit_bytes, path);
  return check_schema_size(file, "schema", magic.starts_with("\xFF\xFF\xFF\xFF") ? 4 : 0, kIpcSchemaTimes, limit_bytes, path);
}

/// Fields in the order of the schema, each once, as Arrow hands out their columns.
std::vector<int> included_of(std::span<const int> fields) {
  std::vector<int> included(fields.begin(), fields.end());
  std::sort(included.begin(), included.end());
  included.erase(std::unique(included.begin(), included.end()), included.end());
  return included;
}

/// A file of either format, as Arrow opens it: the file format hands out batches by number, a stream one after another.
struct ArrowFile {
  std::shared_ptr<arrow::io::RandomAccessFile> file;
  const std::string& path;
  LimitedPool* pool;
  bool is_stream;
  int num_fields = 0;

  Result<std::shared_ptr<arrow::Schema>> schema() const {
    if (is_stream) {
      HY_TRY(const auto reader, open_stream(ipc_options(pool)));
      return with_own_names(reader->schema());
    }
    HY_TRY(const auto reader, open_file(ipc_options(pool)));
    return with_own_names(reader->schema());
  }

  /// The columns of `fields`; the other fields are not even read from the disk.
  Result<FieldArrays> read(std::span<const int> fields) const {
    const std::vector<int> included = included_of(fields);
    const arrow::ipc::IpcReadOptions options = ipc_options(pool, included, num_fields);
    if (is_stream) {
      HY_TRY(const auto reader, open_stream(options));
      return collect(fields, included, [&](int) { return reader->Next(); });
    }
    HY_TRY(const auto reader, open_file(options));
    return collect(fields, included, [&](int i) -> arrow::Result<std::shared_ptr<arrow::RecordBatch>> {
      if (i >= reader->num_record_batches()) return std::shared_ptr<arrow::RecordBatch>();
      return reader->ReadRecordBatch(i);
    });
  }

  Result<std::shared_ptr<arrow::ipc::RecordBatchFileReader>> open_file(const arrow::ipc::IpcReadOptions& options) const {
    auto opened = arrow::ipc::RecordBatchFileReader::Open(file, options);
    if (!opened.ok()) return arrow_error(opened.status(), path, kDamagedFile);
    return *opened;
  }

 private:
  Result<std::shared_ptr<arrow::ipc::RecordBatchStreamReader>> open_stream(const arrow::ipc::IpcReadOptions& options) const {
    if (const auto sought = file->Seek(0); !sought.ok()) return arrow_error(sought, path, kDamagedFile);
    auto opened = arrow::ipc::RecordBatchStreamReader::Open(file, options);
    if (!opened.ok()) return arrow_error(opened.status(), path, kDamagedFile);
    return *opened;
  }
  template <class NextBatch>
  Result<FieldArrays> collect(std::span<const int> fields, const std::vector<int>& included, NextBatch&& next) const {
    FieldArrays out(fields.size());
    for (int i = 0;; ++i) {
      const arrow::Result<std::shared_ptr<arrow::RecordBatch>> batch = next(i);
      if (!batch.ok()) return arrow_error(batch.status(), path, kDamagedFile);
      if (!*batch) return out;
      if ((*batch)->num_columns() != int(included.size())) return input_error("a batch has another number of columns", path, kDamagedFile);
      for (size_t f = 0; f < fields.size(); ++f)
        out[f].push_back((*batch)->column(int(std::lower_bound(included.begin(), included.end(), fields[f]) - included.begin())));
    }
  }
};

Result<std::vector<Column>> columns_from(const ArrowFile& from, const std::shared_ptr<LimitedPool>& pool, const arrow::Schema& schema,
                                         std::span<const int> fields, const ReadOptions& options) {
  HY_TRY(const FieldArrays batches, from.read(fields));
  std::vector<Result<Column>> read(fields.size(), Result<Column>(Column()));
  exec::run_all(int64_t(fields.size()), options.pool, [&](int64_t i) {
    const arrow::Field& field = *schema.field(fields[size_t(i)]);
    read[size_t(i)] = column_from(arrow::ChunkedArray(batches[size_t(i)], field.type()), pool, field.name(), from.path, options);
  });
  std::vector<Column> out;
  for (Result<Column>& column : read) {
    HY_TRY(Column made, std::move(column));
    out.push_back(std::move(made));
  }
  return out;
}

/// The dictionary of an array of the first batch, which the file format has whole before any batch; nothing when there is a null in it. A row
/// whose code is that of a null is null itself: that is seen when all of them are read.
Result<std::shared_ptr<const Column>> dictionary_of(const std::shared_ptr<arrow::Array>& first, const std::shared_ptr<LimitedPool>& pool,
                                                    const std::string& name, const std::string& path) {
  if (static_cast<const arrow::DictionaryArray&>(*first).dictionary()->null_count() > 0) return std::shared_ptr<const Column>();
  HY_TRY(const Column column, column_from(arrow::ChunkedArray(first), pool, name, path, {}));
  return column.dictionary;
}

/// What the first and the last batch are looked at for, beside their length: dictionaries; without any, one field of few bytes. A small file is looked
/// at whole: of a batch of which it does not read all fields Arrow believes any length, and takes it from memory that nobody limits.
std::vector<int> fields_to_look_at(const arrow::Schema& schema, const std::vector<int>& included, int64_t file_bytes) {
  constexpr int64_t kSmall = int64_t{1} << 20;
  if (file_bytes <= kSmall) return included;
  std::vector<int> out;
  for (const int field : included)
    if (schema.field(field)->type()->id() == arrow::Type::DICTIONARY) out.push_back(field);
  const auto fixed = [&](int field) { return arrow::is_fixed_width(schema.field(field)->type()->id()); };
  if (out.empty() && !included.empty())
    out.push_back(*std::min_element(included.begin(), included.end(), [&](int a, int b) { return fixed(a) > fixed(b); }));
  return out;
}

/// Columns that are brought straight to their place (ipc_direct.h); nothing in the place of the others.
Result<std::vector<std::optional<Column>>> plain_columns(const ArrowFile& from, const std::shared_ptr<LimitedPool>& pool, const arrow::Schema& schema,
                                                         std::span<const int> fields, int64_t limit_bytes, exec::Pool* workers) {
  std::vector<std::optional<Column>> out(fields.size());
  const std::vector<int> included = included_of(fields);
  const std::vector<int> looked_at = fields_to_look_at(schema, included, from.file->GetSize().ValueOr(0));
  const auto place = [](const std::vector<int>& among, int field) {
    return int(std::lower_bound(among.begin(), among.end(), field) - among.begin());
  };
  const auto open = [&](const std::vector<int>& of) {
    auto file = from.open_file(ipc_options(pool.get(), of, from.num_fields));
    return file.ok() ? std::move(file).value() : nullptr;
  };
  const auto file = open(looked_at);
  if (!file || file->num_record_batches() == 0) return out;
  const auto first = file->ReadRecordBatch(0);
  if (!first.ok() || (*first)->num_columns() != int(looked_at.size())) return out;  // whoever reads the other columns says what is wrong
  const auto batches = batches_of(*file, **first);
  if (!batches) return out;
  std::vector<IpcField> plain;
  std::vector<size_t> places;  // in `fields`, of those that are plain
  for (size_t i = 0; i < fields.size(); ++i) {
    const arrow::Field& field = *schema.field(fields[i]);
    if (!is_plain_type(*field.type())) continue;
    IpcField own = {place(included, fields[i]), field.type(), nullptr};
    if (field.type()->id() == arrow::Type::DICTIONARY) {
      HY_TRY(own.dictionary, dictionary_of((*first)->column(place(looked_at, fields[i])), pool, field.name(), from.path));
      if (!own.dictionary) continue;
    }
    plain.push_back(std::move(own)), places.push_back(i);
  }
  if (plain.empty()) return out;
  auto columns = read_ipc_columns([&] { return open(included); }, *batches, plain, limit_bytes - pool->bytes_allocated(), workers);
  for (size_t i = 0; i < columns.size(); ++i) out[places[i]] = std::move(columns[i]);
  return out;
}

Result<Table> read_opened(const std::shared_ptr<arrow::io::RandomAccessFile>& file, const std::shared_ptr<LimitedPool>& pool, const std::string& path,
                          const ReadOptions& options, int64_t limit_bytes) {
  char magic[6] = {};
  const auto got = file->ReadAt(0, sizeof magic, magic);
  if (!got.ok()) return arrow_error(got.status(), path, kDamagedFile);
  if (std::string_view(magic, 4) == "FEA1")
    return input_error("the file is in the old Feather format, version 1", path,
                       "write it again with version 2: pyarrow.feather.write_feather(table, path)");
  HY_CHECK(check_width(*file, {magic, sizeof magic}, limit_bytes, path));
  ArrowFile from = {file, path, pool.get(), !is_file_format({magic, sizeof magic})};
  HY_TRY(const std::shared_ptr<arrow::Schema> schema, from.schema());
  from.num_fields = schema->num_fields();
  HY_TRY(const std::vector<int> fields, choose_fields(*schema, options.columns, path));
  std::vector<std::optional<Column>> columns(fields.size());
  if (!from.is_stream) {
    HY_TRY(columns, plain_columns(from, pool, *schema, fields, limit_bytes, options.pool));
  }
  std::vector<int> left;
  for (size_t i = 0; i < fields.size(); ++i)
    if (!columns[i]) left.push_back(fields[i]);
  if (!left.empty()) {
    HY_TRY(std::vector<Column> others, columns_from(from, pool, *schema, left, options));
    for (size_t i = 0, next = 0; i < fields.size(); ++i)
      if (!columns[i]) columns[i] = std::move(others[next++]);
  }
  Table out;
  for (size_t i = 0; i < fields.size(); ++i) {
    const std::string& name = schema->field(fields[i])->name();
    if (!out.columns.empty() && columns[i]->length != out.num_rows())
      return input_error(fmt::format("column '{}' has another length", name), path, kDamagedFile);
    out.add(name, std::move(*columns[i]));
  }
  return out;
}

/// The batches of a file or stream, one at a time.
class ArrowChunks final : public ChunkReader {
 public:
  ArrowChunks(std::shared_ptr<arrow::io::RandomAccessFile> file, std::shared_ptr<LimitedPool> pool, std::string path, const ReadOptions& options)
      : file_(std::move(file)), pool_(std::move(pool)), path_(std::move(path)), options_(options), steps_(options.steps) {}

  const Table& schema() const override { return schema_; }

  Result<void> open() {
    char magic[6] = {};
    const auto got = file_->ReadAt(0, sizeof magic, magic);
    if (!got.ok()) return arrow_error(got.status(), path_, kDamagedFile);
    file_format_ = is_file_format({magic, sizeof magic});
    const auto size = file_->GetSize();
    if (steps_ && size.ok()) size_ = *size, steps_->add_input(size_);
    HY_CHECK(check_width(*file_, {magic, sizeof magic}, pool_->limit_bytes(), path_));
    HY_CHECK(start());
    const auto schema = with_own_names(file_format_ ? file_reader_->schema() : stream_reader_->schema());
    HY_TRY(fields_, choose_fields(*schema, options_.columns, path_));
    included_ = included_of(fields_), num_fields_ = schema->num_fields();
    for (const int field : fields_) {
      HY_TRY(Column column, column_from(arrow::ChunkedArray(arrow::ArrayVector{}, schema->field(field)->type()), pool_, schema->field(field)->name(),
                                        path_, options_));
      schema_.add(schema->field(field)->name(), std::move(column));
    }
    return start();
  }
  std::vector<std::string> names() const { return schema_.names; }

  Result<std::optional<Table>> next() override {
    while (true) {
      if (file_format_ && at_ == file_reader_->num_record_batches()) return at_ = 0, told_ = 0, std::optional<Table>();
      const auto batch = file_format_ ? file_reader_->ReadRecordBatch(at_) : stream_reader_->Next();
      if (!batch.ok()) return arrow_error(batch.status(), path_, kDamagedFile);
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
    const arrow::ipc::IpcReadOptions ipc = ipc_options(pool_.get(), included_, num_fields_);
    at_ = 0, told_ = 0;
    if (file_format_) {
      auto opened = arrow::ipc::RecordBatchFileReader::Open(file_, ipc);
      if (!opened.ok()) return arrow_error(opened.status(), path_, kDamagedFile);
      file_reader_ = std::move(*opened);
    } else {
      if (const auto sought = file_->Seek(0); !sought.ok()) return arrow_error(sought, path_, kDamagedFile);
      auto opened = arrow::ipc::RecordBatchStreamReader::Open(file_, ipc);
      if (!opened.ok()) return arrow_error(opened.status(), path_, kDamagedFile);
      stream_reader_ = std::move(*opened);
    }
    return {};
  }

  Result<std::optional<Table>> table_of(const arrow::RecordBatch& batch) const {
    Table out;
    if (batch.num_columns() != int(included_.size())) return input_error("a batch has another number of columns", path_, kDamagedFile);
    for (size_t i = 0; i < fields_.size(); ++i) {
      const auto place = std::lower_bound(included_.begin(), included_.end(), fields_[i]) - included_.begin();
      HY_TRY(Column column, column_from(arrow::ChunkedArray(batch.column(int(place))), pool_, schema_.names[i], path_, options_));
      out.add(schema_.names[i], std::move(column));
    }
    return std::optional(std::move(out));
  }

  std::shared_ptr<arrow::io::RandomAccessFile> file_;
  std::shared_ptr<LimitedPool> pool_;
  const std::string path_;
  const ReadOptions options_;
  exec::Steps* steps_;
  int64_t size_ = 0, told_ = 0;
  bool file_format_ = false;
  int at_ = 0, num_fields_ = 0;
  std::vector<int> fields_, included_;
  Table schema_;
  std::shared_ptr<arrow::ipc::RecordBatchFileReader> file_reader_;
  std::shared_ptr<arrow::ipc::RecordBatchStreamReader> stream_reader_;
};

Result<std::unique_ptr<ArrowChunks>> open_arrow(const std::string& path, const ReadOptions& options, int64_t limit_bytes) {
  auto pool = std::make_shared<LimitedPool>(limit_bytes);
  HY_TRY(auto file, open_random_access(path, pool.get()));
  auto chunks = std::make_unique<ArrowChunks>(std::move(file), std::move(pool), path, options);
  HY_CHECK(chunks->open());
  return chunks;
}

}  // namespace

Result<Table> with_arrow::read_arrow(const std::string& path, const ReadOptions& options, int64_t limit_bytes) {
  const auto pool = std::make_shared<LimitedPool>(limit_bytes);
  HY_CHECK(check_readable(path));
  HY_TRY(const auto file, open_random_access(path, pool.get()));
  try {
    return read_opened(file, pool, path, options, limit_bytes);
  } catch (const std::exception& e) {  // Arrow reports by Status; this is for its allocations
    return arrow_error(arrow::Status::OutOfMemory(e.what()), path, kDamagedFile);
  }
}

Result<std::unique_ptr<ChunkReader>> with_arrow::arrow_chunks(const std::string& path, const ReadOptions& options, int64_t limit_bytes) {
  HY_TRY(auto chunks, open_arrow(path, options, limit_bytes));
  return std::unique_ptr<ChunkReader>(std::move(chunks));
}

Result<std::string> with_arrow::arrow_statistics(const std::string& path, int64_t limit_bytes) {
  LimitedPool pool(limit_bytes);
  HY_TRY(const auto file, open_random_access(path, &pool));
  char magic[6] = {};
  const auto got = file->ReadAt(0, sizeof magic, magic);
  if (!got.ok()) return arrow_error(got.status(), path, kDamagedFile);
  HY_CHECK(check_width(*file, {magic, sizeof magic}, limit_bytes, path));
  HY_TRY(const auto schema, ArrowFile({file, path, &pool, !is_file_format({magic, sizeof magic})}).schema());
  return statistics_of(*schema);
}

Result<std::vector<std::string>> with_arrow::arrow_names(const std::string& path, int64_t limit_bytes) {
  HY_TRY(const auto chunks, open_arrow(path, {}, limit_bytes));
  return chunks->names();
}

}  // namespace hayate::io
