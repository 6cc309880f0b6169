// JSON and .npy.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "base/json.h"
#include "io/cell_text.h"
#include "io/encoders.h"
#include "io/npy_header.h"
#include "io/row_encoder.h"

namespace hayate::io {
namespace {

/// Whether none of these bytes is escaped: a quote, a backslash or what is below a blank.
bool is_json_bare(const char* text, size_t size) {
  bool odd = false;
  for (size_t i = 0; i < size; ++i) odd |= (uint8_t(text[i]) < ' ') | (text[i] == '"') | (text[i] == '\\');
  return !odd;
}

char* put_json_text(std::string_view value, char* out) {
  const auto put = [&](std::string_view text) { out = std::copy(text.begin(), text.end(), out); };
  *out++ = '"';
  is_json_bare(value.data(), value.size()) ? put(value) : put(json_escape(value));
  *out++ = '"';
  return out;
}

class JsonEncoder final : public RowEncoder {
 public:
  JsonEncoder(std::unique_ptr<ByteSink> sink, bool lines, exec::Pool* pool) : RowEncoder(std::move(sink), pool), lines_(lines) {}

  Result<void> begin(const Table& schema) override {
    RowStyle style;
    for (const std::string& name : schema.names)
      style.before.push_back(fmt::format("{}\"{}\":", !style.before.empty() ? "" : lines_ ? "{" : "\n{", json_escape(name)));
    style.behind = '}', style.between = lines_ ? '\n' : ',';
    style.missing = "null", style.infinity_is_missing = true;
    style.quotes_times = style.quotes_bare = true;
    style.growth = 6, style.put_text = put_json_text, style.is_all_bare = is_json_bare;
    set_style(std::move(style), schema.num_columns());
    return put(lines_ ? "" : "[");
  }
  Result<void> finish() override {
    HY_CHECK(put(!lines_ ? "\n]\n" : rows() > 0 ? "\n" : ""));
    return publish();
  }

 private:
  bool lines_;
};

/// Its header holds the number of rows, so the values wait until the end: in memory, and in a temporary file where they are many.
class NpyEncoder final : public Encoder {
 public:
  NpyEncoder(std::unique_ptr<ByteSink> sink, std::string path) : sink_(std::move(sink)), path_(std::move(path)) {}

  Result<void> begin(const Table& schema) override {
    header_.dtype = schema.columns[0].dtype;
    header_.shape = {0, schema.num_columns()};
    for (size_t i = 0; i < schema.num_columns(); ++i) {
      if (!is_numeric(schema.columns[i].dtype))
        return input_error(fmt::format("column '{}' is {}: .npy holds numbers only", schema.names[i], dtype_name(schema.columns[i].dtype)), path_,
                           "leave it out with --columns, or write .parquet");
      if (!widen(header_.dtype, schema.columns[i].dtype, &header_.dtype)) header_.dtype = Dtype::float64;  // bool among numbers
    }
    return {};
  }

  Result<void> write(const Table& group) override {
    const size_t rows = size_t(group.num_rows()), width = header_.dtype == Dtype::boolean ? 1 : dtype_width(header_.dtype);
    if (values_.size() > kHeldBytes) HY_CHECK(move_to_file());
    const size_t begin = values_.size();
    values_.resize(begin + rows * group.num_columns() * width);
    for (size_t c = 0; c < group.num_columns(); ++c) {
      const Column& column = group.columns[c];
      const bool is_float = header_.dtype == Dtype::float32 || header_.dtype == Dtype::float64;
      if (column.count_nulls() > 0 && !is_float)
        return input_error(fmt::format("column '{}' has missing values, which {} in .npy cannot hold", group.names[c], dtype_name(header_.dtype)),
                           path_, "write .parquet");
      if (const auto beyond = is_float ? first_beyond_float64(column) : std::nullopt)
        return input_error(fmt::format("column '{}' has {}, which {} in .npy cannot hold", group.names[c], *beyond, dtype_name(header_.dtype)), path_,
                           "leave out columns of other types with --columns, or write .parquet");
      char* at = values_.data() + begin + c * width;
      for (size_t row = 0; row < rows; ++row, at += group.num_columns() * width) put(column, int64_t(row), at);
    }
    header_.shape[0] += rows;
    return {};
  }

  Result<void> finish() override {
    const std::string header = make_npy_header(header_);
    HY_CHECK(sink_->write(header.data(), header.size()));
    std::vector<char> piece(size_t{1} << 20);
    for (int64_t at = 0; file_ && at < file_->size(); at += int64_t(piece.size())) {
      piece.resize(size_t(std::min<int64_t>(int64_t(piece.size()), file_->size() - at)));
      HY_CHECK(file_->read_at(at, piece.data(), piece.size()));
      HY_CHECK(sink_->write(piece.data(), piece.size()));
    }
    HY_CHECK(sink_->write(values_.data(), values_.size()));
    return sink_->publish();
  }

 private:
  Result<void> move_to_file() {
    if (!file_) {
      HY_TRY(TemporaryFile made, TemporaryFile::create());
      file_.emplace(std::move(made));
    }
    HY_CHECK(file_->write_at(file_->reserve(int64_t(values_.size())), values_.data(), values_.size()));
    values_.clear();
    return {};
  }

  void put(const Column& column, int64_t row, char* at) const {
    if (header_.dtype == Dtype::boolean) {
      *at = char(column.number(row));
    } else if (header_.dtype == Dtype::float64) {
      const double value = column.number(row);
      std::memcpy(at, &value, sizeof value);
    } else if (header_.dtype == Dtype::float32) {
      const float value = float(column.number(row));
      std::memcpy(at, &value, sizeof value);
    } else {
      const int64_t value = integer_cell(column, row);
      std::memcpy(at, &value, dtype_width(header_.dtype));  // little-endian: the low bytes come first
    }
  }

  std::unique_ptr<ByteSink> sink_;
  static constexpr size_t kHeldBytes = size_t{16} << 20;
  std::string path_;
  NpyHeader header_;
  std::optional<TemporaryFile> file_;  // of the values that do not wait in memory
  std::vector<char> values_;
};

}  // namespace

std::unique_ptr<Encoder> json_encoder(std::unique_ptr<ByteSink> sink, bool lines, exec::Pool* pool) {
  return std::make_unique<JsonEncoder>(std::move(sink), lines, pool);
}
std::unique_ptr<Encoder> npy_encoder(std::unique_ptr<ByteSink> sink, std::string path) {
  return std::make_unique<NpyEncoder>(std::move(sink), std::move(path));
}

}  // namespace hayate::io
