#include "io/ipc_direct.h"

#include <arrow/array.h>
#include <arrow/buffer.h>
#include <arrow/ipc/reader.h>
#include <arrow/record_batch.h>
#include <arrow/result.h>
#include <arrow/type.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <exception>
#include <string_view>

#include "io/csv_scan.h"
#include "io/large_memory.h"
#include "io/run_on.h"
#include "io/text_runs.h"

namespace hayate::io {
namespace {

using arrow::Type;

/// How the values of a field are written, and as what they are read.
struct FieldForm {
  enum Kind : uint8_t { other, fixed, text, codes } kind = other;
  Dtype dtype = Dtype::float64;
  size_t width = 0;  ///< of a value, offset or code in the file
};

FieldForm form_of_type(const arrow::DataType& type) {
  switch (type.id()) {
    case Type::INT8:
      return {FieldForm::fixed, Dtype::int8, 1};
    case Type::INT16:
      return {FieldForm::fixed, Dtype::int16, 2};
    case Type::INT32:
      return {FieldForm::fixed, Dtype::int32, 4};
    case Type::INT64:
      return {FieldForm::fixed, Dtype::int64, 8};
    case Type::UINT8:
      return {FieldForm::fixed, Dtype::uint8, 1};
    case Type::UINT16:
      return {FieldForm::fixed, Dtype::uint16, 2};
    case Type::UINT32:
      return {FieldForm::fixed, Dtype::uint32, 4};
    case Type::UINT64:
      return {FieldForm::fixed, Dtype::uint64, 8};
    case Type::FLOAT:
      return {FieldForm::fixed, Dtype::float32, 4};
    case Type::DOUBLE:
      return {FieldForm::fixed, Dtype::float64, 8};
    case Type::DATE32:
      return {FieldForm::fixed, Dtype::date, 4};
    case Type::TIMESTAMP:
      if (static_cast<const arrow::TimestampType&>(type).unit() == arrow::TimeUnit::MICRO) return {FieldForm::fixed, Dtype::timestamp, 8};
      return {};
    case Type::STRING:
      return {FieldForm::text, Dtype::text, 4};
    case Type::LARGE_STRING:
      return {FieldForm::text, Dtype::text, 8};
    case Type::DICTIONARY:
      if (static_cast<const arrow::DictionaryType&>(type).index_type()->id() == Type::INT32) return {FieldForm::codes, Dtype::category, 4};
      return {};
    default:
      return {};
  }
}

/// A column on its way: memory for all of its rows, which tasks fill, each those of one batch.
class ColumnReading {
 public:
  /// `bytes_left`: what texts may still take, together with those of other columns.
  ColumnReading(const IpcField& field, const IpcBatches& batches, std::atomic<int64_t>* bytes_left)
      : column_(field.column), form_(form_of_type(*field.type)), batches_(batches), texts_(size_t(batches.count)), bytes_left_(bytes_left) {
    out_.dtype = form_.dtype, out_.dictionary = field.dictionary, out_.length = batches.rows;
    if (form_.kind == FieldForm::text || form_.kind == FieldForm::codes) out_.file_width = int(form_.width);
    if (field.type->id() == Type::TIMESTAMP) out_.zone = static_cast<const arrow::TimestampType&>(*field.type).timezone();
  }

  int64_t fixed_bytes() const { return (out_.length + 1) * int64_t(place_width()) + out_.length / 8; }
  bool take_memory() {
    validity_.assign(size_t(out_.length + 7) / 8, 0xFF);
    return (values_ = std::static_pointer_cast<uint8_t>(allocate_large(size_t(out_.length + 1) * place_width()))) != nullptr;
  }

  void fail() { is_bad_ = true; }
  bool is_bad() const { return is_bad_; }

  void copy(const arrow::RecordBatch& batch, int64_t b) {
    const bool is_there = column_ < batch.num_columns();
    if (!is_there || !copy_array(*batch.column(column_)->data(), b)) fail();
  }

  /// Memory for the texts, when all batches are copied.
  bool take_text_memory() {
    if (form_.kind != FieldForm::text) return true;
    if (!texts_.take_memory()) return false;
    return offsets()[out_.length] = texts_.size(), true;
  }
  /// Brings the texts of a batch to their place.
  void place_text(int64_t b) {
    if (form_.kind != FieldForm::text) return;
    texts_.place(size_t(b), {offsets() + batches_.begin(b), size_t(batches_.end(b) - batches_.begin(b))});
  }

  std::optional<Column> finish() {
    if (is_bad_) return std::nullopt;
    const size_t rows = size_t(out_.length);
    if (form_.kind == FieldForm::text) {
      out_.offsets = {values_, values_.get(), (rows + 1) * sizeof(int64_t)};
      out_.values = texts_.finish();
    } else {
      out_.values = {values_, values_.get(), rows * form_.width};
    }
    if (has_nulls_) out_.validity = make_buffer(std::move(validity_));
    return std::move(out_);
  }

 private:
  size_t place_width() const { return form_.kind == FieldForm::text ? sizeof(int64_t) : form_.width; }
  int64_t* offsets() { return reinterpret_cast<int64_t*>(values_.get()); }

  /// The first `size` bytes of a buffer of the array; nullptr when they are not there.
  static const uint8_t* bytes_of(const arrow::ArrayData& array, size_t buffer, int64_t size) {
    if (buffer >= array.buffers.size() || !array.buffers[buffer] || array.buffers[buffer]->size() < size) return nullptr;
    return array.buffers[buffer]->data();
  }

  bool copy_array(const arrow::ArrayData& array, int64_t b) {
    const int64_t rows = batches_.end(b) - batches_.begin(b);
    if (array.length != rows || array.offset != 0) return false;
    if (rows == 0) return true;
    if (!copy_validity(array, b)) return false;
    if (form_.kind == FieldForm::text) return form_.width == 8 ? copy_text<int64_t>(array, b) : copy_text<int32_t>(array, b);
    const uint8_t* const from = bytes_of(array, 1, rows * int64_t(form_.width));
    if (!from) return false;
    uint8_t* const into = values_.get() + size_t(batches_.begin(b)) * form_.width;
    std::memcpy(into, from, size_t(rows) * form_.width);
    return form_.kind == FieldForm::fixed || codes_hold({reinterpret_cast<const uint32_t*>(into), size_t(rows)});
  }

  bool codes_hold(std::span<const uint32_t> codes) const {
    uint32_t most = 0;
    for (const uint32_t code : codes) most = std::max(most, code);
    return most < out_.dictionary->length;
  }

  /// The bits of a batch with nulls must begin with a byte of the column's. The rest of its last byte belongs to the next batch, which has no nulls then.
  bool copy_validity(const arrow::ArrayData& array, int64_t b) {
    if (array.GetNullCount() == 0) return true;
    const int64_t begin = batches_.begin(b), rows = batches_.end(b) - begin, bytes = (rows + 7) / 8;
    const uint8_t* const bits = bytes_of(array, 0, bytes);
    if (!bits || begin % 8 != 0) return false;
    uint8_t* const into = validity_.data() + begin / 8;
    std::memcpy(into, bits, size_t(bytes));
    if (rows % 8 != 0) into[bytes - 1] |= uint8_t(0xFF << rows % 8);
    has_nulls_ = true;
    return true;
  }

  /// Offsets count from the batch's first byte until texts are placed. They must not fall, and end where characters do.
  template <class Offset>
  bool copy_text(const arrow::ArrayData& array, int64_t b) {
    const int64_t rows = array.length;
    const auto* const from = reinterpret_cast<const Offset*>(bytes_of(array, 1, (rows + 1) * int64_t(sizeof(Offset))));
    if (!from) return false;
    const int64_t first = from[0], last = from[rows];
    if (first < 0 || last < first) return false;
    const uint8_t* const bytes = last == first ? nullptr : bytes_of(array, 2, last);
    if (!bytes && last > first) return false;
    const int64_t twice = 2 * (last - first);  // here, and where they stay
    if (bytes_left_->fetch_sub(twice) < twice) return false;
    int64_t* const into = offsets() + batches_.begin(b);
    int64_t before = first;
    bool falls = false;
    for (int64_t i = 0; i < rows; ++i) {
      falls |= from[i] < before;
      before = from[i];
      into[i] = before - first;
    }
    if (falls || before > last) return false;
    std::vector<char>& own = texts_.bytes(size_t(b));
    if (bytes) own.assign(bytes + first, bytes + last);
    return are_utf8_texts({own.data(), own.size()}, {into, size_t(rows)});
  }

  const int column_;
  const FieldForm form_;
  const IpcBatches batches_;
  Column out_;
  std::shared_ptr<uint8_t> values_;  // of text, the offsets
  std::vector<uint8_t> validity_;
  TextRuns texts_;  // by batch
  std::atomic<int64_t>* bytes_left_;
  std::atomic<bool> has_nulls_{false}, is_bad_{false};
};

}  // namespace

bool is_plain_type(const arrow::DataType& type) { return form_of_type(type).kind != FieldForm::other; }

std::optional<IpcBatches> batches_of(arrow::ipc::RecordBatchFileReader& file, const arrow::RecordBatch& first) {
  constexpr int64_t kMostRows = int64_t{1} << 48;
  if (file.num_record_batches() == 0 || !file.schema()->is_native_endian()) return std::nullopt;
  if (first.num_rows() > kMostRows / file.num_record_batches()) return std::nullopt;
  IpcBatches out = {file.num_record_batches(), first.num_rows(), first.num_rows()};
  if (out.count == 1) return out;
  const auto last = file.ReadRecordBatch(int(out.count) - 1);
  if (!last.ok() || (*last)->num_rows() > out.length) return std::nullopt;
  out.rows = out.begin(out.count - 1) + (*last)->num_rows();
  return out;
}

std::vector<std::optional<Column>> read_ipc_columns(const OpenIpcFile& open, const IpcBatches& batches, std::span<const IpcField> fields,
                                                    int64_t limit_bytes, exec::Pool* pool) {
  std::vector<std::optional<Column>> out(fields.size());
  std::vector<std::shared_ptr<arrow::ipc::RecordBatchFileReader>> files(size_t(pool ? pool->workers() : 1));  // each worker opens its own
  std::atomic<int64_t> bytes_left{limit_bytes};
  std::vector<std::unique_ptr<ColumnReading>> columns;
  std::vector<size_t> places;  // of these columns in the answer
  for (size_t i = 0; i < fields.size(); ++i) {
    auto column = std::make_unique<ColumnReading>(fields[i], batches, &bytes_left);
    if (column->fixed_bytes() > bytes_left) continue;
    bytes_left -= column->fixed_bytes();
    columns.push_back(std::move(column)), places.push_back(i);
  }
  const auto each = [&](auto&& work) {
    exec::run_all(int64_t(columns.size()), pool, [&](int64_t i) {
      ColumnReading& column = *columns[size_t(i)];
      if (!column.is_bad() && !work(column)) column.fail();
    });
  };
  each([](ColumnReading& column) { return column.take_memory(); });
  run_on(pool, batches.count, [&](int64_t b, int worker) {
    try {
      auto& file = files[size_t(worker)];
      if (!file) file = open();
      const auto batch = file ? file->ReadRecordBatch(int(b)) : arrow::Status::IOError("");
      for (const auto& column : columns)
        if (!batch.ok())
          column->fail();
        else if (!column->is_bad())
          column->copy(**batch, b);
    } catch (const std::exception&) {  // Arrow's allocations
      for (const auto& column : columns) column->fail();
    }
  });
  each([](ColumnReading& column) { return column.take_text_memory(); });
  exec::run_all(int64_t(columns.size()) * batches.count, pool, [&](int64_t task) {
    ColumnReading& column = *columns[size_t(task / batches.count)];
    if (!column.is_bad()) column.place_text(task % batches.count);
  });
  for (size_t i = 0; i < columns.size(); ++i) out[places[i]] = columns[i]->finish();
  return out;
}

}  // namespace hayate::io
