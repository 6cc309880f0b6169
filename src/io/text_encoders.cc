// CSV, JSON and .npy.
#include <fmt/format.h>

#include <cmath>
#include <cstring>

#include "base/json.h"
#include "io/cell_text.h"
#include "io/encoders.h"
#include "io/npy_header.h"

namespace hayate::io {
namespace {

/// Text gathered before it goes to the sink.
class TextBuffer {
 public:
  explicit TextBuffer(std::unique_ptr<ByteSink> sink) : sink_(std::move(sink)) {}

  std::string text;

  Result<void> flush_when_full() { return text.size() < kFull ? Result<void>() : flush(); }
  Result<void> publish() {
    HY_CHECK(flush());
    return sink_->publish();
  }

 private:
  static constexpr size_t kFull = size_t{1} << 20;

  Result<void> flush() {
    HY_CHECK(sink_->write(text.data(), text.size()));
    text.clear();
    return {};
  }

  std::unique_ptr<ByteSink> sink_;
};

/// RFC 4180; also quoted: what is empty or has blanks at an end, so that it is not taken for missing or for a blank line.
void append_csv_text(std::string_view value, std::string* out) {
  const bool bare = !value.empty() && value.front() != ' ' && value.back() != ' ' && value.find_first_of(",\"\r\n\t") == std::string_view::npos;
  if (bare) {
    out->append(value);
    return;
  }
  out->push_back('"');
  for (const char c : value) {
    if (c == '"') out->push_back('"');
    out->push_back(c);
  }
  out->push_back('"');
}

class CsvEncoder final : public Encoder {
 public:
  explicit CsvEncoder(std::unique_ptr<ByteSink> sink) : out_(std::move(sink)) {}

  Result<void> begin(const Table& schema) override {
    for (size_t i = 0; i < schema.names.size(); ++i) {
      if (i > 0) out_.text += ',';
      append_csv_text(schema.names[i], &out_.text);
    }
    out_.text += '\n';
    return {};
  }

  Result<void> write(const Table& group) override {
    for (int64_t row = 0; row < group.num_rows(); ++row) {
      for (size_t i = 0; i < group.columns.size(); ++i) {
        if (i > 0) out_.text += ',';
        append_cell(group.columns[i], row);
      }
      // A single missing value would be a blank line, which readers skip.
      if (group.columns.size() == 1 && out_.text.back() == '\n') out_.text += "\"\"";
      out_.text += '\n';
      HY_CHECK(out_.flush_when_full());
    }
    return {};
  }

  Result<void> finish() override { return out_.publish(); }

 private:
  void append_cell(const Column& column, int64_t row) {
    if (is_missing_cell(column, row)) return;
    if (column.dtype == Dtype::text || column.dtype == Dtype::category)
      append_csv_text(column.text(row), &out_.text);
    else
      append_cell_text(column, row, &out_.text);
  }

  TextBuffer out_;
};

class JsonEncoder final : public Encoder {
 public:
  JsonEncoder(std::unique_ptr<ByteSink> sink, bool lines) : out_(std::move(sink)), lines_(lines) {}

  Result<void> begin(const Table& schema) override {
    for (const std::string& name : schema.names) keys_.push_back(fmt::format("{}\"{}\":", keys_.empty() ? "{" : ",", json_escape(name)));
    if (!lines_) out_.text += '[';
    return {};
  }

  Result<void> write(const Table& group) override {
    for (int64_t row = 0; row < group.num_rows(); ++row) {
      if (!lines_) out_.text += first_ ? "\n" : ",\n";
      first_ = false;
      for (size_t i = 0; i < group.columns.size(); ++i) {
        out_.text += keys_[i];
        append_value(group.columns[i], row);
      }
      out_.text += lines_ ? "}\n" : "}";
      HY_CHECK(out_.flush_when_full());
    }
    return {};
  }

  Result<void> finish() override {
    if (!lines_) out_.text += "\n]\n";
    return out_.publish();
  }

 private:
  void append_value(const Column& column, int64_t row) {
    const bool is_float = column.dtype == Dtype::float32 || column.dtype == Dtype::float64;
    if (is_missing_cell(column, row) || (is_float && std::isinf(column.number(row)))) {
      out_.text += "null";
    } else if (column.dtype == Dtype::text || column.dtype == Dtype::category) {
      out_.text += '"';
      out_.text += json_escape(column.text(row));
      out_.text += '"';
    } else if (column.dtype == Dtype::date || column.dtype == Dtype::timestamp) {
      out_.text += '"';
      append_cell_text(column, row, &out_.text);
      out_.text += '"';
    } else {
      append_cell_text(column, row, &out_.text);
    }
  }

  TextBuffer out_;
  std::vector<std::string> keys_;  // {"a":   ,"b":
  bool lines_, first_ = true;
};

/// Its header holds the number of rows, so the values wait in memory until the end.
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
    const size_t begin = values_.size();
    values_.resize(begin + rows * group.num_columns() * width);
    for (size_t c = 0; c < group.num_columns(); ++c) {
      const Column& column = group.columns[c];
      const bool is_float = header_.dtype == Dtype::float32 || header_.dtype == Dtype::float64;
      if (column.count_nulls() > 0 && !is_float)
        return input_error(fmt::format("column '{}' has missing values, which {} in .npy cannot hold", group.names[c], dtype_name(header_.dtype)),
                           path_, "write .parquet");
      char* at = values_.data() + begin + c * width;
      for (size_t row = 0; row < rows; ++row, at += group.num_columns() * width) put(column, int64_t(row), at);
    }
    header_.shape[0] += rows;
    return {};
  }

  Result<void> finish() override {
    const std::string header = make_npy_header(header_);
    HY_CHECK(sink_->write(header.data(), header.size()));
    HY_CHECK(sink_->write(values_.data(), values_.size()));
    return sink_->publish();
  }

 private:
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
  std::string path_;
  NpyHeader header_;
  std::vector<char> values_;
};

}  // namespace

std::unique_ptr<Encoder> csv_encoder(std::unique_ptr<ByteSink> sink) { return std::make_unique<CsvEncoder>(std::move(sink)); }
std::unique_ptr<Encoder> json_encoder(std::unique_ptr<ByteSink> sink, bool lines) { return std::make_unique<JsonEncoder>(std::move(sink), lines); }
std::unique_ptr<Encoder> npy_encoder(std::unique_ptr<ByteSink> sink, std::string path) {
  return std::make_unique<NpyEncoder>(std::move(sink), std::move(path));
}

}  // namespace hayate::io
