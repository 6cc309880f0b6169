#include "io/ipc_direct.h"

#include <arrow/type.h>
#include <arrow/type_traits.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <string_view>

#include "io/csv_scan.h"
#include "io/large_memory.h"

namespace hayate::io {
namespace {

using arrow::Type;

/// A flatbuffer whose sizes and places may be anything: what lies outside reads as 0 and is remembered.
class Flatbuffer {
 public:
  explicit Flatbuffer(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  template <class T>
  T at(size_t place) {
    T out{};
    if (place > bytes_.size() || bytes_.size() - place < sizeof(T)) return bad_ = true, out;
    std::memcpy(&out, bytes_.data() + place, sizeof(T));
    return out;
  }
  size_t root() { return at<uint32_t>(0); }
  /// The place of a field of a table, 0 where it has its default.
  size_t field(size_t table, size_t number) {
    const size_t slots = size_t(int64_t(table) - at<int32_t>(table)), slot = 4 + 2 * number;
    if (slot + 2 > at<uint16_t>(slots)) return 0;
    const size_t offset = at<uint16_t>(slots + slot);
    return offset > 0 ? table + offset : 0;
  }
  template <class T>
  T number(size_t table, size_t field_number) {
    const size_t place = field(table, field_number);
    return place > 0 ? at<T>(place) : T{};
  }
  size_t child(size_t table, size_t field_number) {
    const size_t place = field(table, field_number);
    return place > 0 ? place + at<uint32_t>(place) : 0;
  }
  /// The places of the elements of a vector of structs.
  std::vector<size_t> elements(size_t table, size_t field_number, size_t width) {
    std::vector<size_t> out;
    const size_t place = child(table, field_number);
    if (place == 0) return out;
    const size_t count = at<uint32_t>(place);
    if (bad_ || count > (bytes_.size() - place) / width) return bad_ = true, out;
    for (size_t i = 0; i < count; ++i) out.push_back(place + 4 + i * width);
    return out;
  }
  bool is_bad() const { return bad_; }

 private:
  std::span<const uint8_t> bytes_;
  bool bad_ = false;
};

bool read_exactly(const InputFile& file, int64_t at, void* into, size_t size) {
  const auto got = file.read_at(at, into, size);
  return got.ok() && got.value() == size;
}

std::optional<std::vector<uint8_t>> read_run(const InputFile& file, int64_t at, int64_t size) {
  if (at < 0 || size < 0 || at > file.size() || size > file.size() - at) return std::nullopt;
  std::vector<uint8_t> bytes(static_cast<size_t>(size));
  if (!read_exactly(file, at, bytes.data(), bytes.size())) return std::nullopt;
  return bytes;
}

/// Numbers of the fields of Arrow's tables (File.fbs, Message.fbs).
constexpr size_t kFooterBatches = 3, kMessageType = 1, kMessageHeader = 2, kBatchRows = 0, kBatchNodes = 1, kBatchBuffers = 2, kBatchCompression = 3;
constexpr uint8_t kRecordBatch = 3;

struct Block {
  int64_t begin, metadata_size, body_size;
};

/// The footer's list of batches: within the file, and no more of them than it can hold.
std::optional<std::vector<Block>> read_blocks(const InputFile& file) {
  constexpr int64_t kMagic = 6, kTail = kMagic + 4;
  char magic[kMagic];
  const auto tail = read_run(file, file.size() - kTail, kTail);
  if (!tail || !read_exactly(file, 0, magic, kMagic) || std::memcmp(magic, "ARROW1", kMagic) != 0 ||
      std::memcmp(tail->data() + 4, "ARROW1", kMagic) != 0)
    return std::nullopt;
  int32_t footer_size = 0;
  std::memcpy(&footer_size, tail->data(), sizeof footer_size);
  const auto footer = read_run(file, file.size() - kTail - footer_size, footer_size);
  if (!footer) return std::nullopt;
  Flatbuffer flat(*footer);
  std::vector<Block> blocks;
  int64_t left = file.size();
  for (const size_t at : flat.elements(flat.root(), kFooterBatches, 24)) {
    const Block block = {flat.at<int64_t>(at), flat.at<int32_t>(at + 8), flat.at<int64_t>(at + 16)};
    if (block.begin < 0 || block.begin > file.size() || block.metadata_size < 8 || block.metadata_size > left) return std::nullopt;
    left -= block.metadata_size;
    if (block.body_size < 0 || block.body_size > left) return std::nullopt;
    left -= block.body_size;
    blocks.push_back(block);
  }
  if (flat.is_bad()) return std::nullopt;
  return blocks;
}

std::optional<IpcBatch> read_batch_layout(const InputFile& file, const Block& block) {
  const auto metadata = read_run(file, block.begin, block.metadata_size);
  if (!metadata) return std::nullopt;
  int32_t marks[2];  // 0xFFFFFFFF, and the size of what follows
  std::memcpy(marks, metadata->data(), sizeof marks);
  if (marks[0] != -1 || marks[1] < 0 || marks[1] > block.metadata_size - 8) return std::nullopt;
  Flatbuffer flat(std::span<const uint8_t>(*metadata).subspan(8, size_t(marks[1])));
  const size_t message = flat.root(), batch = flat.child(message, kMessageHeader);
  if (flat.number<uint8_t>(message, kMessageType) != kRecordBatch || batch == 0 || flat.field(batch, kBatchCompression) > 0) return std::nullopt;
  IpcBatch out;
  out.rows = flat.number<int64_t>(batch, kBatchRows);
  for (const size_t at : flat.elements(batch, kBatchNodes, 16)) out.nodes.push_back({flat.at<int64_t>(at), flat.at<int64_t>(at + 8)});
  const int64_t body = block.begin + block.metadata_size;
  for (const size_t at : flat.elements(batch, kBatchBuffers, 16)) {
    const IpcBatch::Run run = {flat.at<int64_t>(at), flat.at<int64_t>(at + 8)};
    if (run.begin < 0 || run.size < 0 || run.begin > block.body_size || run.size > block.body_size - run.begin) return std::nullopt;
    out.buffers.push_back({body + run.begin, run.size});
  }
  if (flat.is_bad() || out.rows < 0) return std::nullopt;
  return out;
}

/// How the values of a field are written, and as what they are read.
struct FieldForm {
  enum Kind : uint8_t { other, fixed, text, codes } kind = other;
  Dtype dtype = Dtype::float64;
  size_t width = 0;  ///< of a value, offset or code in the file
};

FieldForm form_of_field(const arrow::DataType& type) {
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

/// How many buffers a field has, all in one node; 0: its layout is not known here.
int buffers_of(const arrow::DataType& type) {
  if (arrow::is_base_binary_like(type.id())) return 3;
  return arrow::is_fixed_width(type.id()) || type.id() == Type::DICTIONARY ? 2 : 0;
}

/// A column on its way: memory for all of its rows, which tasks fill batch by batch.
class ColumnReading {
 public:
  /// `place`: of the field among those of the schema; `buffer`: of its first buffer.
  ColumnReading(const InputFile& file, const std::vector<IpcBatch>& batches, const arrow::DataType& type, size_t place, size_t buffer,
                std::shared_ptr<const Column> dictionary)
      : file_(file), batches_(batches), form_(form_of_field(type)), place_(place), buffer_(buffer) {
    out_.dtype = form_.dtype, out_.dictionary = std::move(dictionary);
    if (form_.kind == FieldForm::text || form_.kind == FieldForm::codes) out_.file_width = int(form_.width);
    if (type.id() == Type::TIMESTAMP) out_.zone = static_cast<const arrow::TimestampType&>(type).timezone();
    for (const IpcBatch& batch : batches_) begins_.push_back(out_.length), out_.length += batch.rows;
  }

  /// Looks at what the batches say of the column, and where text ends; bytes that it takes, nothing when it can't be read here.
  std::optional<int64_t> plan() {
    for (size_t b = 0; b < batches_.size(); ++b)
      if (!plan_batch(b)) return std::nullopt;
    const int64_t width = form_.kind == FieldForm::text ? 8 : int64_t(form_.width);
    return out_.length / 8 + (out_.length + 1) * width + text_bytes_;
  }

  bool take_memory() {
    const size_t rows = size_t(out_.length);
    if (form_.kind == FieldForm::text) {
      offsets_ = std::static_pointer_cast<int64_t>(allocate_large((rows + 1) * sizeof(int64_t)));
      if (!offsets_) return false;
      offsets_.get()[rows] = text_bytes_;
    }
    const size_t size = form_.kind == FieldForm::text ? size_t(text_bytes_) : rows * form_.width;
    values_ = std::static_pointer_cast<uint8_t>(allocate_large(size));
    if (has_nulls_) validity_.assign((rows + 7) / 8, 0xFF);
    return values_ != nullptr;
  }

  void read(size_t b) {
    if (!(form_.kind == FieldForm::text ? read_text(b) : read_fixed(b)) || !read_validity(b)) is_bad_ = true;
  }

  std::optional<Column> finish() {
    if (is_bad_) return std::nullopt;
    const size_t rows = size_t(out_.length);
    out_.values = {values_, values_.get(), form_.kind == FieldForm::text ? size_t(text_bytes_) : rows * form_.width};
    if (offsets_) out_.offsets = {offsets_, reinterpret_cast<const uint8_t*>(offsets_.get()), (rows + 1) * sizeof(int64_t)};
    if (has_nulls_) out_.validity = make_buffer(std::move(validity_));
    return std::move(out_);
  }

 private:
  const IpcBatch::Run& run(size_t b, size_t number) const { return batches_[b].buffers[buffer_ + number]; }
  bool batch_has_nulls(size_t b) const { return batches_[b].nodes[place_].nulls != 0 && run(b, 0).size > 0; }

  bool plan_batch(size_t b) {
    const IpcBatch& batch = batches_[b];
    const IpcBatch::Node& node = batch.nodes[place_];
    const int64_t width = int64_t(form_.width), rows = batch.rows, values = rows + (form_.kind == FieldForm::text);
    if (node.rows != rows) return false;
    // The bits of a batch with nulls are read to whole bytes of the column's.
    const bool whole_bytes = begins_[b] % 8 == 0 && (rows % 8 == 0 || begins_[b] + rows == out_.length);
    if (node.nulls != 0 && (!whole_bytes || run(b, 0).size < (rows + 7) / 8)) return false;
    has_nulls_ |= batch_has_nulls(b) && rows > 0;
    if (rows > 0 && run(b, 1).size < values * width) return false;
    return form_.kind != FieldForm::text || plan_text(b);
  }

  bool plan_text(size_t b) {
    int64_t first = 0, last = 0;
    const int64_t rows = batches_[b].rows, width = int64_t(form_.width), at = run(b, 1).begin;
    if (rows > 0 && (!read_exactly(file_, at, &first, form_.width) || !read_exactly(file_, at + rows * width, &last, form_.width))) return false;
    if (first < 0 || last < first || last > run(b, 2).size) return false;
    texts_.push_back({first, last, text_bytes_});
    text_bytes_ += last - first;
    return true;
  }

  bool read_fixed(size_t b) {
    const size_t rows = size_t(batches_[b].rows);
    uint8_t* const into = values_.get() + size_t(begins_[b]) * form_.width;
    if (!read_exactly(file_, run(b, 1).begin, into, rows * form_.width)) return false;
    if (form_.kind == FieldForm::fixed) return true;
    const auto* const codes = reinterpret_cast<const uint32_t*>(into);
    uint32_t most = 0;
    for (size_t i = 0; i < rows; ++i) most = std::max(most, codes[i]);
    return rows == 0 || int64_t(most) < out_.dictionary->length;
  }

  bool read_text(size_t b) {
    const auto [first, last, base] = texts_[b];
    uint8_t* const bytes = values_.get() + base;
    if (!read_exactly(file_, run(b, 2).begin + first, bytes, size_t(last - first))) return false;
    return form_.width == 8 ? read_offsets<int64_t>(b) : read_offsets<int32_t>(b);
  }

  /// Offsets count from the column's first byte. They must not fall, and end where characters do.
  template <class Offset>
  bool read_offsets(size_t b) {
    const auto [first, last, base] = texts_[b];
    const size_t rows = size_t(batches_[b].rows);
    int64_t* const into = offsets_.get() + begins_[b];
    std::vector<Offset> narrow(sizeof(Offset) == 8 ? 0 : rows);
    Offset* const from = sizeof(Offset) == 8 ? reinterpret_cast<Offset*>(into) : narrow.data();
    if (!read_exactly(file_, run(b, 1).begin, from, rows * sizeof(Offset))) return false;
    int64_t before = first;
    bool falls = false;
    for (size_t i = 0; i < rows; ++i) {
      const int64_t offset = from[i];
      falls |= offset < before;
      before = offset;
      into[i] = offset - first;
    }
    if (falls || before > last) return false;
    const bool fine = are_utf8_texts({reinterpret_cast<const char*>(values_.get()) + base, size_t(last - first)}, {into, rows});
    for (size_t i = 0; i < rows; ++i) into[i] += base;
    return fine;
  }

  bool read_validity(size_t b) {
    if (!has_nulls_ || !batch_has_nulls(b)) return true;
    return read_exactly(file_, run(b, 0).begin, validity_.data() + begins_[b] / 8, size_t(batches_[b].rows + 7) / 8);
  }

  struct Text {
    int64_t first, last, base;  // offsets in the batch, and where its bytes begin here
  };

  const InputFile& file_;
  const std::vector<IpcBatch>& batches_;
  const FieldForm form_;
  const size_t place_, buffer_;
  Column out_;
  std::vector<int64_t> begins_;  // first row of each batch
  std::vector<Text> texts_;
  int64_t text_bytes_ = 0;
  bool has_nulls_ = false;
  std::shared_ptr<uint8_t> values_;
  std::shared_ptr<int64_t> offsets_;
  std::vector<uint8_t> validity_;
  std::atomic<bool> is_bad_{false};
};

}  // namespace

std::optional<std::vector<IpcBatch>> read_ipc_layout(const InputFile& file) {
  const auto blocks = read_blocks(file);
  if (!blocks) return std::nullopt;
  std::vector<IpcBatch> out;
  int64_t rows_left = file.size();  // a row of a plain column takes a byte or more
  for (const Block& block : *blocks) {
    auto batch = read_batch_layout(file, block);
    if (!batch || batch->rows > rows_left) return std::nullopt;
    rows_left -= batch->rows;
    out.push_back(std::move(*batch));
  }
  return out;
}

bool is_plain_field(const arrow::Field& field) { return form_of_field(*field.type()).kind != FieldForm::other; }

std::vector<std::optional<Column>> read_ipc_columns(const InputFile& file, const arrow::Schema& schema, const std::vector<IpcBatch>& batches,
                                                    std::span<const int> fields, std::span<const std::shared_ptr<const Column>> dictionaries,
                                                    int64_t limit_bytes, exec::Pool* pool) {
  std::vector<std::optional<Column>> out(fields.size());
  std::vector<size_t> first_buffer = {0};
  for (const auto& field : schema.fields()) {
    const int count = buffers_of(*field->type());
    if (count == 0) return out;
    first_buffer.push_back(first_buffer.back() + size_t(count));
  }
  for (const IpcBatch& batch : batches)
    if (batch.nodes.size() != size_t(schema.num_fields()) || batch.buffers.size() != first_buffer.back()) return out;
  if (!schema.is_native_endian() || batches.empty()) return out;

  std::vector<std::unique_ptr<ColumnReading>> columns(fields.size());
  for (size_t i = 0; i < fields.size(); ++i) {
    const size_t place = size_t(fields[i]);
    const auto& type = *schema.field(fields[i])->type();
    const FieldForm form = form_of_field(type);
    if (form.kind == FieldForm::other || (form.kind == FieldForm::codes && !dictionaries[i])) continue;
    columns[i] = std::make_unique<ColumnReading>(file, batches, type, place, first_buffer[place], dictionaries[i]);
    const auto bytes = columns[i]->plan();
    if (!bytes || *bytes > limit_bytes) {
      columns[i].reset();
      continue;
    }
    limit_bytes -= *bytes;
  }
  exec::run_all(int64_t(columns.size()), pool, [&](int64_t i) {
    if (columns[size_t(i)] && !columns[size_t(i)]->take_memory()) columns[size_t(i)].reset();
  });
  exec::run_all(int64_t(columns.size() * batches.size()), pool, [&](int64_t task) {
    const size_t i = size_t(task) / batches.size();
    if (columns[i]) columns[i]->read(size_t(task) % batches.size());
  });
  for (size_t i = 0; i < columns.size(); ++i)
    if (columns[i]) out[i] = columns[i]->finish();
  return out;
}

}  // namespace hayate::io
