// Parquet and Arrow IPC through Arrow C++, on the calling thread and, the columns of a row group of Parquet, on a pool. Nothing in the bytes
// tells the time, the path or the machine; the version of Arrow stands in a Parquet footer ("created_by").
#include <arrow/io/interfaces.h>
#include <arrow/ipc/dictionary.h>
#include <arrow/ipc/options.h>
#include <arrow/ipc/writer.h>
#include <arrow/record_batch.h>
#include <arrow/result.h>
#include <arrow/table.h>
#include <arrow/type.h>
#include <arrow/util/base64.h>
#include <arrow/util/compression.h>
#include <arrow/util/key_value_metadata.h>
#include <arrow/util/thread_pool.h>
#include <fmt/format.h>
#include <parquet/arrow/writer.h>
#include <parquet/properties.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>
#include <string_view>
#include <unordered_set>

#include "base/hash.h"
#include "io/arrow_module.h"
#include "io/arrow_table.h"
#include "io/run_on.h"
#include "io/writer.h"

namespace hayate::io {
namespace {

/// A sink as Arrow writes to it. The sink's own Error is kept: Arrow would pass on its text alone. Small writes are gathered: Parquet
/// makes four for every column, 640 for the 158 of a small table.
class SinkStream final : public arrow::io::OutputStream {
 public:
  explicit SinkStream(std::unique_ptr<ByteSink> sink) : sink_(std::move(sink)) {}

  arrow::Status Write(const void* data, int64_t size) override {
    const auto written = gather(static_cast<const char*>(data), size_t(size));
    if (!written.ok()) {
      error = written.error();
      return arrow::Status::IOError(written.error().what);
    }
    position_ += size;
    return arrow::Status::OK();
  }
  using arrow::io::Writable::Write;
  arrow::Result<int64_t> Tell() const override { return position_; }
  arrow::Status Close() override { return closed_ = true, arrow::Status::OK(); }
  bool closed() const override { return closed_; }

  Result<void> publish() {
    HY_CHECK(flush_gathered());
    return sink_->publish();
  }

  std::optional<Error> error;

 private:
  static constexpr size_t kGathered = 64 * 1024;

  Result<void> gather(const char* data, size_t size) {
    if (gathered_.size() + size > kGathered) HY_CHECK(flush_gathered());
    if (size > kGathered) return sink_->write(data, size);
    gathered_.insert(gathered_.end(), data, data + size);
    return {};
  }
  Result<void> flush_gathered() {
    if (gathered_.empty()) return {};
    const auto written = sink_->write(gathered_.data(), gathered_.size());
    gathered_.clear();
    return written;
  }

  std::unique_ptr<ByteSink> sink_;
  std::vector<char> gathered_;
  int64_t position_ = 0;
  bool closed_ = false;
};

std::shared_ptr<arrow::Schema> arrow_schema(const Table& table) {
  arrow::FieldVector fields;
  for (size_t i = 0; i < table.num_columns(); ++i) fields.push_back(arrow::field(table.names[i], arrow_type(table.columns[i])));
  return arrow::schema(std::move(fields));
}

/// The column with nothing in its bytes that its values do not say: IPC writes buffers as they are, with what stands
/// under nulls and in the bits behind the last row, which depends on how the column came about.
Column canonical(const Column& column) {
  Column out = slice(column, 0, column.length);  // bits behind the last row become 0
  if (column.count_nulls() == 0) return out.validity = {}, out;
  if (column.dtype == Dtype::text) {
    std::vector<std::string> values;
    values.reserve(size_t(column.length));
    for (int64_t row = 0; row < column.length; ++row) values.emplace_back(column.text(row));
    const Buffer validity = out.validity;
    out = make_text_column(values);
    out.validity = validity;
    return out;
  }
  std::vector<uint8_t> values(out.values.data, out.values.data + out.values.size);
  const size_t width = dtype_width(column.dtype);
  for (int64_t row = 0; row < column.length; ++row) {
    if (!column.is_null(row)) continue;
    if (column.dtype == Dtype::boolean)
      values[size_t(row >> 3)] = uint8_t(values[size_t(row >> 3)] & ~(1 << (row & 7)));
    else
      std::memset(values.data() + size_t(row) * width, 0, width);
  }
  out.values = make_buffer(std::move(values));
  return out;
}

/// The column with a dictionary of the names that its rows use, where it has thousands and a quarter is not used: Parquet hashes and
/// writes them all for every row group. Smaller ones stay whole, so that names without rows survive.
Column with_used_names(const Column& column) {
  constexpr int64_t kMany = 4096;
  if (column.dtype != Dtype::category || column.dictionary->length < kMany) return column;
  std::vector<int32_t> place(size_t(column.dictionary->length), -1), codes(size_t(column.length), 0);
  const std::span<const int32_t> from = column.as<int32_t>();
  for (int64_t row = 0; row < column.length; ++row)
    if (!column.is_null(row)) place[size_t(from[size_t(row)])] = 0;
  std::vector<int64_t> names;
  for (size_t code = 0; code < place.size(); ++code)
    if (place[code] == 0) place[code] = int32_t(names.size()), names.push_back(int64_t(code));
  if (4 * int64_t(names.size()) >= 3 * column.dictionary->length) return column;
  for (int64_t row = 0; row < column.length; ++row)
    if (!column.is_null(row)) codes[size_t(row)] = place[size_t(from[size_t(row)])];
  Column out = column;
  out.dictionary = std::make_shared<const Column>(take(*column.dictionary, names));
  out.values = make_buffer(std::move(codes));
  return out;
}

/// Text as a category of the names that its rows have, in the order in which they come. Given texts, Parquet's writer hashes every one of them and
/// compares it to the least and the greatest so far, a third of what saving a table of numbers and one column of four names took.
Column with_codes(const Column& text) {
  struct Slot {
    uint64_t low = 0, high = 0;
    int64_t code = -1;
  };
  constexpr size_t kWhole = 8;  // bytes of a name that `high` holds; `low` is their number
  std::vector<Slot> slots(256);
  std::vector<int64_t> firsts;  // by name: a row that has it
  std::vector<int32_t> codes(size_t(text.length), 0);
  const auto slot_of = [&](uint64_t low, uint64_t high, std::string_view name) {
    const size_t mask = slots.size() - 1;
    size_t at = size_t(((low ^ std::rotl(high, 32)) * 0x9E3779B97F4A7C15u) >> 32) & mask;
    const auto is_here = [&](const Slot& slot) {
      return slot.low == low && slot.high == high && (name.size() <= kWhole || text.text(firsts[size_t(slot.code)]) == name);
    };
    while (slots[at].code >= 0 && !is_here(slots[at])) at = (at + 1) & mask;
    return at;
  };
  const auto* const offsets = reinterpret_cast<const int64_t*>(text.offsets.data);
  const auto* const bytes = reinterpret_cast<const char*>(text.values.data);
  for (int64_t row = 0; row < text.length; ++row) {
    if (text.is_null(row)) continue;
    const int64_t begin = offsets[row];
    const std::string_view name(bytes + begin, size_t(offsets[row + 1] - begin));
    uint64_t low = name.size(), high = 0;
    if (name.size() <= kWhole) {
      for (size_t i = 0; i < name.size(); ++i) high = high << 8 | uint8_t(name[i]);
    } else {
      const Hash128 hash = hash_bytes(name.data(), name.size());
      low = hash.low, high = hash.high;
    }
    size_t at = slot_of(low, high, name);
    if (slots[at].code < 0) {
      if (2 * (firsts.size() + 1) > slots.size()) {
        std::vector<Slot> before(2 * slots.size());
        before.swap(slots);
        for (const Slot& slot : before)
          if (slot.code >= 0) slots[slot_of(slot.low, slot.high, text.text(firsts[size_t(slot.code)]))] = slot;
        at = slot_of(low, high, name);
      }
      slots[at] = {low, high, int64_t(firsts.size())};
      firsts.push_back(row);
    }
    codes[size_t(row)] = int32_t(slots[at].code);
  }
  Column out = text;
  out.dtype = Dtype::category, out.offsets = {};
  out.dictionary = std::make_shared<const Column>(take(text, firsts));
  out.values = make_buffer(std::move(codes));
  return out;
}

/// What both formats share: the stream, the schema, and Status turned into Error.
class ArrowEncoder : public Encoder {
 public:
  ArrowEncoder(std::unique_ptr<ByteSink> sink, std::string path, std::string statistics)
      : stream_(std::make_shared<SinkStream>(std::move(sink))), path_(std::move(path)), statistics_(std::move(statistics)) {}

  Result<void> begin(const Table& table) override {
    schema_ = arrow_schema(table);
    if (!statistics_.empty()) schema_ = schema_->WithMetadata(arrow::key_value_metadata({kStatisticsKey}, {statistics_}));
    return checked([&] { return open(table); });
  }
  Result<void> write(const Table& group) override {
    return checked([&] { return write_group(group); });
  }
  Result<void> finish() override {
    HY_CHECK(checked([&] { return close(); }));
    return stream_->publish();
  }

 protected:
  virtual arrow::Status open(const Table& table) = 0;
  virtual arrow::Status write_group(const Table& group) = 0;
  virtual arrow::Status close() = 0;

  std::shared_ptr<SinkStream> stream_;
  std::shared_ptr<arrow::Schema> schema_;

 private:
  template <class Work>
  Result<void> checked(Work&& work) {
    arrow::Status status;
    try {
      status = work();
    } catch (const std::exception& e) {
      status = arrow::Status::UnknownError(e.what());
    }
    if (stream_->error) return *stream_->error;
    if (status.ok()) return {};
    if (status.IsOutOfMemory()) return Error{Kind::budget, "no memory left to write", path_, "write fewer columns with --columns"};
    return Error{Kind::io, fmt::format("cannot be written: {}", status.message()), path_, "write another format, such as .csv"};
  }

  std::string path_, statistics_;
};

/// Runs what Arrow asks for on a pool, all columns of a row group at once: Arrow asks for them one after the other and then waits for all. Texts go
/// first, as they take longest.
class ColumnExecutor final : public arrow::internal::Executor {
 public:
  ColumnExecutor(exec::Pool* pool, const Table& table) : pool_(pool) {
    for (const bool texts : {true, false})
      for (size_t c = 0; c < table.num_columns(); ++c)
        if (texts == (table.columns[c].dtype == Dtype::text || table.columns[c].dtype == Dtype::category)) order_.push_back(c);
  }
  int GetCapacity() override { return pool_->workers(); }

 protected:
  arrow::Status SpawnReal(arrow::internal::TaskHints, arrow::internal::FnOnce<void()> task, arrow::StopToken, StopCallback&&) override {
    tasks_.push_back(std::move(task));
    if (tasks_.size() < order_.size()) return arrow::Status::OK();
    auto columns = std::exchange(tasks_, {});
    pool_->run(int64_t(order_.size()), [&](int64_t i, int) { std::move(columns[order_[size_t(i)]])(); });
    return arrow::Status::OK();
  }

 private:
  exec::Pool* pool_;
  std::vector<size_t> order_;
  std::vector<arrow::internal::FnOnce<void()>> tasks_;
};

class ParquetEncoder final : public ArrowEncoder {
 public:
  ParquetEncoder(std::unique_ptr<ByteSink> sink, std::string path, Codec pages, std::string statistics, exec::Pool* pool)
      : ArrowEncoder(std::move(sink), std::move(path), std::move(statistics)), pages_(pages), pool_(pool) {}

 protected:
  arrow::Status open(const Table& table) override { return none_ = table, arrow::Status::OK(); }  // the file begins with rows to look at
  arrow::Status write_group(const Table& group) override {
    if (!writer_) ARROW_RETURN_NOT_OK(make_writer(group));
    if (group.num_rows() == 0) return arrow::Status::OK();
    arrow::ArrayVector arrays(group.num_columns());
    const bool together = is_small(group);
    run_on(together ? pool_ : nullptr, int64_t(arrays.size()), [&](int64_t c, int) {
      const Column& column = group.columns[size_t(c)];
      arrays[size_t(c)] = arrow_array(coded_[size_t(c)] ? with_codes(column) : with_used_names(column));
    });
    if (!together) return writer_->WriteTable(*arrow::Table::Make(written_, arrays, group.num_rows()), kRowGroup);
    ARROW_RETURN_NOT_OK(writer_->NewBufferedRowGroup());
    return writer_->WriteRecordBatch(*arrow::RecordBatch::Make(written_, group.num_rows(), std::move(arrays)));
  }
  arrow::Status close() override {
    if (!writer_) ARROW_RETURN_NOT_OK(make_writer(none_));
    return writer_->Close();
  }

 private:
  /// `first`: the rows to be written first.
  arrow::Status make_writer(const Table& first) {
    parquet::WriterProperties::Builder properties;
    properties.compression(pages_ == Codec::zstd ? parquet::Compression::ZSTD : parquet::Compression::SNAPPY)
        ->max_row_group_length(kRowGroup)
        ->disable_dictionary();
    // A dictionary pays where values repeat; for others the writer would hash a megabyte of them and give up.
    arrow::FieldVector fields = schema_->fields();
    coded_.assign(first.num_columns(), false);
    for (size_t i = 0; i < first.num_columns(); ++i) {
      const Column& column = first.columns[i];
      if (repeats(column)) {
        properties.enable_dictionary(first.names[i]);
        coded_[i] = column.dtype == Dtype::text;
        if (coded_[i]) fields[i] = fields[i]->WithType(arrow::dictionary(arrow::int32(), fields[i]->type()));
      } else if (is_integer(column.dtype) || column.dtype == Dtype::timestamp)  // half of snappy's bytes for ids, and read three times as fast
        properties.encoding(first.names[i], parquet::Encoding::DELTA_BINARY_PACKED);
      else if (pages_ != Codec::zstd && !shrinks(column))
        properties.compression(first.names[i], parquet::Compression::UNCOMPRESSED);
    }
    const bool any = std::find(coded_.begin(), coded_.end(), true) != coded_.end();
    written_ = any ? arrow::schema(std::move(fields), schema_->metadata()) : schema_;
    parquet::ArrowWriterProperties::Builder arrow_properties;
    if (pool_) executor_ = std::make_unique<ColumnExecutor>(pool_, first);
    arrow_properties.store_schema()->set_use_threads(pool_ != nullptr)->set_executor(executor_.get());
    ARROW_ASSIGN_OR_RAISE(
        writer_, parquet::arrow::FileWriter::Open(*written_, arrow::default_memory_pool(), stream_, properties.build(), arrow_properties.build()));
    if (written_ == schema_) return arrow::Status::OK();
    // Readers are told of texts, not of the codes in which they were handed over.
    ARROW_ASSIGN_OR_RAISE(const std::shared_ptr<arrow::Buffer> told, arrow::ipc::SerializeSchema(*schema_));
    const std::string text = arrow::util::base64_encode(std::string_view(*told));
    return writer_->AddKeyValueMetadata(arrow::key_value_metadata({"ARROW:schema"}, {text}));
  }

  /// Floats hardly ever do; of whole numbers and text some rows, spread over all, tell.
  static bool repeats(const Column& column) {
    if (column.dtype == Dtype::category || column.dtype == Dtype::date) return true;
    constexpr int64_t kSample = 1024;
    const int64_t step = std::max<int64_t>(1, column.length / kSample);
    std::unordered_set<std::string_view> seen;
    int64_t looked = 0;
    for (int64_t row = 0; row < column.length; row += step, ++looked) {
      if (column.dtype == Dtype::text)
        seen.insert(column.text(row));
      else if (is_integer(column.dtype))
        seen.insert({reinterpret_cast<const char*>(column.values.data) + size_t(row) * dtype_width(column.dtype), dtype_width(column.dtype)});
      else
        return false;
    }
    return 4 * int64_t(seen.size()) < 3 * looked || looked < kSample;
  }

  /// Whether snappy makes numbers less by a sixteenth or more: floats of many digits it only copies, once more each time they are read.
  static bool shrinks(const Column& column) {
    constexpr int64_t kSample = 64 * 1024;
    const int64_t bytes = column.length * int64_t(dtype_width(column.dtype)), size = std::min(bytes, kSample);
    if (bytes == 0) return true;
    const auto codec = arrow::util::Codec::Create(arrow::Compression::SNAPPY);
    if (!codec.ok()) return true;
    const int64_t begin = (bytes - size) / 2 / 8 * 8;
    std::vector<uint8_t> out(size_t((*codec)->MaxCompressedLen(size, nullptr)));
    const auto got = (*codec)->Compress(size, column.values.data + begin, int64_t(out.size()), out.data());
    return !got.ok() || *got < size - size / 16;
  }

  /// Whether all columns of a row group are encoded at once and wait in memory for each other; the bytes are the same either way. With 48 MiB, for
  /// 158 features of 65,536 rows, they took 126 MB more and the file no less time: floats are hardly more than copied.
  bool is_small(const Table& group) const {
    constexpr int64_t kMost = int64_t{16} << 20;
    int64_t bytes = 0;
    for (const Column& column : group.columns) bytes += column.values.size + column.offsets.size;
    return pool_ && bytes <= kMost;
  }

  Codec pages_;
  exec::Pool* pool_;
  Table none_;                              // without rows
  std::shared_ptr<arrow::Schema> written_;  // schema_ with dictionaries where texts repeat
  std::vector<bool> coded_;                 // these columns
  std::unique_ptr<ColumnExecutor> executor_;
  std::unique_ptr<parquet::arrow::FileWriter> writer_;
};

/// The IPC file format. Its dictionaries stand behind the batches, where all their names are known: the footer says
/// where, and readers of files go by the footer. (Arrow's own writer would write one in front that grows by deltas,
/// which Polars does not read.)
class IpcEncoder final : public ArrowEncoder {
 public:
  using ArrowEncoder::ArrowEncoder;

 protected:
  arrow::Status open(const Table&) override {
    options_.use_threads = false;
    fields_ = std::make_unique<arrow::ipc::DictionaryFieldMapper>(*schema_);
    ARROW_ASSIGN_OR_RAISE(writer_, arrow::ipc::internal::MakePayloadFileWriter(stream_.get(), schema_, options_));
    ARROW_RETURN_NOT_OK(writer_->Start());
    arrow::ipc::IpcPayload payload;
    ARROW_RETURN_NOT_OK(arrow::ipc::GetSchemaPayload(*schema_, options_, *fields_, &payload));
    return writer_->WritePayload(payload);
  }

  arrow::Status write_group(const Table& group) override {
    arrow::ArrayVector arrays;
    for (const Column& column : group.columns) arrays.push_back(arrow_array(canonical(column)));
    dictionaries_.clear();
    for (const Column& column : group.columns) dictionaries_.push_back(column.dictionary);
    arrow::ipc::IpcPayload payload;
    ARROW_RETURN_NOT_OK(
        arrow::ipc::GetRecordBatchPayload(*arrow::RecordBatch::Make(schema_, group.num_rows(), std::move(arrays)), options_, &payload));
    return writer_->WritePayload(payload);
  }

  arrow::Status close() override {
    for (size_t i = 0; i < dictionaries_.size(); ++i) {
      if (!dictionaries_[i]) continue;
      ARROW_ASSIGN_OR_RAISE(const int64_t id, fields_->GetFieldId({int(i)}));
      arrow::ipc::IpcPayload payload;
      ARROW_RETURN_NOT_OK(arrow::ipc::GetDictionaryPayload(id, arrow_array(canonical(*dictionaries_[i])), options_, &payload));
      ARROW_RETURN_NOT_OK(writer_->WritePayload(payload));
    }
    return writer_->Close();
  }

 private:
  arrow::ipc::IpcWriteOptions options_ = arrow::ipc::IpcWriteOptions::Defaults();
  std::unique_ptr<arrow::ipc::DictionaryFieldMapper> fields_;
  std::unique_ptr<arrow::ipc::internal::IpcPayloadWriter> writer_;
  std::vector<std::shared_ptr<const Column>> dictionaries_;  // of the newest group: the last one has all names
};

}  // namespace

Result<std::unique_ptr<Encoder>> with_arrow::parquet_encoder(std::unique_ptr<ByteSink> sink, std::string path, Codec pages, std::string statistics,
                                                             exec::Pool* pool) {
  return std::unique_ptr<Encoder>(std::make_unique<ParquetEncoder>(std::move(sink), std::move(path), pages, std::move(statistics), pool));
}
Result<std::unique_ptr<Encoder>> with_arrow::arrow_encoder(std::unique_ptr<ByteSink> sink, std::string path, std::string statistics) {
  return std::unique_ptr<Encoder>(std::make_unique<IpcEncoder>(std::move(sink), std::move(path), std::move(statistics)));
}

}  // namespace hayate::io
