#include "io/parquet_direct.h"

#include <arrow/type.h>
#include <parquet/column_reader.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>
#include <parquet/schema.h>

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

/// How many values are decoded at once where they do not go to their place right away.
constexpr int64_t kBatch = 4096;

/// What a leaf is read as; `width` is that of a value in the column.
struct LeafForm {
  enum Kind : uint8_t { other, fixed, narrow, text } kind = other;
  Dtype dtype = Dtype::float64;
  size_t width = 0;
};

LeafForm form_of_int32_leaf(Type::type id) {
  switch (id) {
    case Type::INT32:
      return {LeafForm::fixed, Dtype::int32, 4};
    case Type::UINT32:
      return {LeafForm::fixed, Dtype::uint32, 4};
    case Type::DATE32:
      return {LeafForm::fixed, Dtype::date, 4};
    case Type::INT8:
      return {LeafForm::narrow, Dtype::int8, 1};
    case Type::UINT8:
      return {LeafForm::narrow, Dtype::uint8, 1};
    case Type::INT16:
      return {LeafForm::narrow, Dtype::int16, 2};
    case Type::UINT16:
      return {LeafForm::narrow, Dtype::uint16, 2};
    default:
      return {};
  }
}

bool is_microseconds(const parquet::ColumnDescriptor& descriptor, const arrow::DataType& type) {
  const auto& logical = descriptor.logical_type();
  if (!logical || !logical->is_timestamp() || type.id() != Type::TIMESTAMP) return false;
  return static_cast<const parquet::TimestampLogicalType&>(*logical).time_unit() == parquet::LogicalType::TimeUnit::MICROS &&
         static_cast<const arrow::TimestampType&>(type).unit() == arrow::TimeUnit::MICRO;
}

LeafForm form_of_leaf(const parquet::ColumnDescriptor& descriptor, const arrow::DataType& type) {
  if (descriptor.max_repetition_level() > 0 || descriptor.max_definition_level() > 1) return {};
  const Type::type id = type.id();
  switch (descriptor.physical_type()) {
    case parquet::Type::INT32:
      return form_of_int32_leaf(id);
    case parquet::Type::INT64:
      if (id == Type::INT64) return {LeafForm::fixed, Dtype::int64, 8};
      if (id == Type::UINT64) return {LeafForm::fixed, Dtype::uint64, 8};
      return is_microseconds(descriptor, type) ? LeafForm{LeafForm::fixed, Dtype::timestamp, 8} : LeafForm{};
    case parquet::Type::FLOAT:
      return id == Type::FLOAT ? LeafForm{LeafForm::fixed, Dtype::float32, 4} : LeafForm{};
    case parquet::Type::DOUBLE:
      return id == Type::DOUBLE ? LeafForm{LeafForm::fixed, Dtype::float64, 8} : LeafForm{};
    case parquet::Type::BYTE_ARRAY:
      return id == Type::STRING || id == Type::LARGE_STRING ? LeafForm{LeafForm::text, Dtype::text, 8} : LeafForm{};
    default:
      return {};
  }
}

/// A column on its way: memory for all of its rows, which tasks fill, each those of one row group.
class ColumnDecoding {
 public:
  /// `bytes_left`: what texts may still take, together with those of other columns.
  ColumnDecoding(const parquet::FileMetaData& footer, const ParquetLeaf& leaf, std::atomic<int64_t>* bytes_left)
      : leaf_(leaf.leaf),
        form_(form_of_leaf(*footer.schema()->Column(leaf.leaf), *leaf.type)),
        texts_(size_t(footer.num_row_groups())),
        bytes_left_(bytes_left) {
    is_optional_ = footer.schema()->Column(leaf.leaf)->max_definition_level() > 0;
    out_.dtype = form_.dtype;
    if (form_.kind == LeafForm::text) out_.file_width = leaf.type->id() == Type::STRING ? 4 : 8;
    if (form_.dtype == Dtype::timestamp) out_.zone = static_cast<const arrow::TimestampType&>(*leaf.type).timezone();
    for (int group = 0; group < footer.num_row_groups(); ++group) begins_.push_back(out_.length), out_.length += footer.RowGroup(group)->num_rows();
    begins_.push_back(out_.length);
    missing_.resize(begins_.size());
  }

  bool is_known() const { return form_.kind != LeafForm::other; }
  int64_t fixed_bytes() const { return (out_.length + 1) * int64_t(form_.width); }

  bool take_memory() { return (values_ = std::static_pointer_cast<uint8_t>(allocate_large(size_t(fixed_bytes())))) != nullptr; }

  void decode(parquet::ParquetFileReader& file, int group) {
    const auto reader = file.RowGroup(group)->Column(leaf_);
    if (!decode_rows(*reader, size_t(group)) || reader->HasNext()) is_bad_ = true;  // fewer values than rows, or more
  }
  void fail() { is_bad_ = true; }
  bool is_bad() const { return is_bad_; }

  /// Memory for the texts, when all groups are decoded.
  bool take_text_memory() {
    if (form_.kind != LeafForm::text) return true;
    if (!texts_.take_memory()) return false;
    return offsets()[out_.length] = texts_.size(), true;
  }
  /// Brings the texts of a group to their place.
  void place_text(size_t group) {
    if (form_.kind != LeafForm::text) return;
    const std::span<int64_t> own(offsets() + begins_[group], size_t(begins_[group + 1] - begins_[group]));
    if (!are_utf8_texts({texts_.bytes(group).data(), texts_.bytes(group).size()}, own)) is_bad_ = true;
    texts_.place(group, own);
  }

  std::optional<Column> finish() {
    if (is_bad_) return std::nullopt;
    const size_t rows = size_t(out_.length);
    if (form_.kind == LeafForm::text) {
      out_.offsets = {values_, values_.get(), (rows + 1) * sizeof(int64_t)};
      out_.values = texts_.finish();
    } else {
      out_.values = {values_, values_.get(), rows * form_.width};
    }
    out_.validity = validity();
    return std::move(out_);
  }

 private:
  int64_t* offsets() { return reinterpret_cast<int64_t*>(values_.get()); }
  uint8_t* place(int64_t row) { return values_.get() + size_t(row) * form_.width; }

  bool decode_rows(parquet::ColumnReader& reader, size_t group) {
    switch (reader.type()) {
      case parquet::Type::INT32:
        return form_.kind == LeafForm::fixed ? decode_fixed<parquet::Int32Type>(reader, group)
               : form_.dtype == Dtype::int8  ? decode_narrow<int8_t>(reader, group)
               : form_.dtype == Dtype::uint8 ? decode_narrow<uint8_t>(reader, group)
               : form_.dtype == Dtype::int16 ? decode_narrow<int16_t>(reader, group)
                                             : decode_narrow<uint16_t>(reader, group);
      case parquet::Type::INT64:
        return decode_fixed<parquet::Int64Type>(reader, group);
      case parquet::Type::FLOAT:
        return decode_fixed<parquet::FloatType>(reader, group);
      case parquet::Type::DOUBLE:
        return decode_fixed<parquet::DoubleType>(reader, group);
      case parquet::Type::BYTE_ARRAY:
        return decode_text(reader, group);
      default:
        return false;
    }
  }

  /// Calls take(row, levels, values read) for the batches of a row group, whose values `into(row)` is for.
  template <class Type, class Into, class Take>
  bool decode_batches(parquet::ColumnReader& reader, size_t group, int64_t batch, Into&& into, Take&& take) {
    auto& typed = static_cast<parquet::TypedColumnReader<Type>&>(reader);
    std::vector<int16_t> levels(is_optional_ ? size_t(batch) : 0);
    for (int64_t row = begins_[group]; row < begins_[group + 1];) {
      int64_t count = 0;
      const int64_t read =
          typed.ReadBatch(std::min(batch, begins_[group + 1] - row), is_optional_ ? levels.data() : nullptr, nullptr, into(row), &count);
      if (read <= 0 || count < 0 || count > read || read > begins_[group + 1] - row) return false;
      if (!is_optional_ && count != read) return false;
      if (!take(row, std::span<const int16_t>(levels).first(is_optional_ ? size_t(read) : 0), read, count)) return false;
      row += read;
    }
    return true;
  }

  /// Values stand side by side without the missing ones: from the last on, each goes to its row.
  template <class T>
  void spread(int64_t row, std::span<const int16_t> levels, int64_t count, size_t group, T* values) {
    if (count == int64_t(levels.size())) return;
    for (int64_t i = int64_t(levels.size()); i-- > 0;) {
      values[i] = levels[size_t(i)] > 0 && count > 0 ? values[--count] : T{};
      if (levels[size_t(i)] == 0) set_missing(row + i, group);
    }
  }

  template <class Type>
  bool decode_fixed(parquet::ColumnReader& reader, size_t group) {
    using T = typename Type::c_type;
    const auto into = [&](int64_t row) { return reinterpret_cast<T*>(place(row)); };
    return decode_batches<Type>(reader, group, is_optional_ ? kBatch : begins_[group + 1] - begins_[group], into,
                                [&](int64_t row, std::span<const int16_t> levels, int64_t, int64_t count) {
                                  if (is_optional_) spread(row, levels, count, group, into(row));
                                  return true;
                                });
  }

  template <class T>
  bool decode_narrow(parquet::ColumnReader& reader, size_t group) {
    std::vector<int32_t> wide(static_cast<size_t>(kBatch));
    return decode_batches<parquet::Int32Type>(
        reader, group, kBatch, [&](int64_t) { return wide.data(); },
        [&](int64_t row, std::span<const int16_t> levels, int64_t read, int64_t count) {
          if (is_optional_) spread(row, levels, count, group, wide.data());
          T* const out = reinterpret_cast<T*>(place(row));
          for (int64_t i = 0; i < read; ++i) out[i] = T(wide[size_t(i)]);
          return true;
        });
  }

  bool decode_text(parquet::ColumnReader& reader, size_t group) {
    std::vector<parquet::ByteArray> views(static_cast<size_t>(kBatch));
    std::vector<char>& bytes = texts_.bytes(group);
    return decode_batches<parquet::ByteArrayType>(
        reader, group, kBatch, [&](int64_t) { return views.data(); },
        [&](int64_t row, std::span<const int16_t> levels, int64_t read, int64_t count) {
          if (is_optional_) spread(row, levels, count, group, views.data());
          size_t size = bytes.size(), more = 0;
          for (int64_t i = 0; i < read; ++i) more += views[size_t(i)].len;
          if (bytes_left_->fetch_sub(2 * int64_t(more)) < 2 * int64_t(more)) return false;  // here, and where they stay
          bytes.resize(size + more);
          int64_t* const begins = offsets() + row;
          for (int64_t i = 0; i < read; ++i) {
            const parquet::ByteArray& view = views[size_t(i)];
            begins[i] = int64_t(size);
            if (view.len == 1)
              bytes[size] = char(*view.ptr);
            else if (view.len > 0)
              std::memcpy(bytes.data() + size, view.ptr, view.len);
            size += view.len;
          }
          return true;
        });
  }

  /// Bits of a row group begin with its first row.
  void set_missing(int64_t row, size_t group) {
    std::vector<uint8_t>& bits = missing_[group];
    const size_t at = size_t(row - begins_[group]);
    if (bits.empty()) bits.resize(size_t(begins_[group + 1] - begins_[group] + 7) / 8);
    bits[at >> 3] = uint8_t(bits[at >> 3] | 1 << (at & 7));
  }

  Buffer validity() const {
    if (std::all_of(missing_.begin(), missing_.end(), [](const auto& bits) { return bits.empty(); })) return {};
    std::vector<uint8_t> out(size_t(out_.length + 7) / 8, 0xFF);
    for (size_t group = 0; group < missing_.size(); ++group)
      for (size_t i = 0; i < 8 * missing_[group].size(); ++i) {
        const size_t row = size_t(begins_[group]) + i;
        if (missing_[group][i >> 3] >> (i & 7) & 1) out[row >> 3] = uint8_t(out[row >> 3] & ~(1 << (row & 7)));
      }
    return make_buffer(std::move(out));
  }

  const int leaf_;
  const LeafForm form_;
  bool is_optional_ = false;
  Column out_;
  std::vector<int64_t> begins_;                // first row of each row group, and the number of rows
  std::shared_ptr<uint8_t> values_;            // of text, the offsets
  TextRuns texts_;                             // by row group
  std::vector<std::vector<uint8_t>> missing_;  // by row group, a bit for a row without a value; empty: all have one
  std::atomic<int64_t>* bytes_left_;
  std::atomic<bool> is_bad_{false};
};

}  // namespace

std::vector<std::optional<Column>> read_parquet_columns(const parquet::FileMetaData& footer, const OpenParquetFile& open,
                                                        std::span<const ParquetLeaf> leaves, int64_t limit_bytes, exec::Pool* pool,
                                                        const std::function<bool()>& stopped) {
  std::vector<std::optional<Column>> out(leaves.size());
  std::atomic<int64_t> bytes_left{limit_bytes};
  std::vector<std::unique_ptr<ColumnDecoding>> columns;
  std::vector<size_t> places;  // of these columns in the answer
  for (size_t i = 0; i < leaves.size(); ++i) {
    auto column = std::make_unique<ColumnDecoding>(footer, leaves[i], &bytes_left);
    if (!column->is_known() || column->fixed_bytes() > bytes_left) continue;
    bytes_left -= column->fixed_bytes();
    columns.push_back(std::move(column)), places.push_back(i);
  }
  exec::run_all(int64_t(columns.size()), pool, [&](int64_t i) {
    if (!columns[size_t(i)]->take_memory()) columns[size_t(i)]->fail();
  });

  const int64_t groups = footer.num_row_groups();
  std::vector<std::unique_ptr<parquet::ParquetFileReader>> files(size_t(pool ? pool->workers() : 1));  // of each worker: they are not thread safe
  run_on(pool, int64_t(columns.size()) * groups, [&](int64_t task, int worker) {
    ColumnDecoding& column = *columns[size_t(task / groups)];
    if (column.is_bad() || stopped()) return column.fail();
    try {
      auto& file = files[size_t(worker)];
      if (!file) file = open();
      column.decode(*file, int(task % groups));
    } catch (const std::exception&) {
      column.fail();
    }
  });
  exec::run_all(int64_t(columns.size()), pool, [&](int64_t i) {
    ColumnDecoding& column = *columns[size_t(i)];
    if (!column.is_bad() && !column.take_text_memory()) column.fail();
  });
  exec::run_all(int64_t(columns.size()) * groups, pool, [&](int64_t task) {
    ColumnDecoding& column = *columns[size_t(task / groups)];
    if (!column.is_bad()) column.place_text(size_t(task % groups));
  });
  for (size_t i = 0; i < columns.size(); ++i) out[places[i]] = columns[i]->finish();
  return out;
}

}  // namespace hayate::io
