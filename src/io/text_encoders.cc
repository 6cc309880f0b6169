// CSV, JSON and .npy.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "base/json.h"
#include "io/cell_text.h"
#include "io/encoders.h"
#include "io/npy_header.h"

namespace hayate::io {
namespace {

constexpr size_t kCopy = 16;  // bytes of short text copied at once

/// The text of some rows, with room behind it.
class TextBlock {
 public:
  /// Where the next `size` bytes may be written; wrote(end) says how far they were.
  char* room(size_t size) {
    if (capacity_ - size_ < size) grow(size);
    return bytes_.get() + size_;
  }
  void wrote(const char* end) { size_ = size_t(end - bytes_.get()); }
  void append(std::string_view text) {
    char* out = room(text.size() + 8);
    // Short texts, which most are, without a call.
    if (text.size() <= 16) {
      if (text.size() >= 8) {
        std::memcpy(out, text.data(), 8), std::memcpy(out + text.size() - 8, text.data() + text.size() - 8, 8);
      } else if (text.size() >= 4) {
        std::memcpy(out, text.data(), 4), std::memcpy(out + text.size() - 4, text.data() + text.size() - 4, 4);
      } else {
        for (size_t i = 0; i < text.size(); ++i) out[i] = text[i];
      }
    } else {
      std::memcpy(out, text.data(), text.size());
    }
    size_ += text.size();
  }
  void append(char c) { *room(1) = c, ++size_; }
  std::string_view text() const { return {bytes_.get(), size_}; }
  void clear() { size_ = 0; }

 private:
  void grow(size_t size) {
    const size_t capacity = std::max(2 * capacity_, size_ + size + (size_t{64} << 10));
    std::unique_ptr<char[]> bytes(new char[capacity]);
    std::memcpy(bytes.get(), bytes_.get(), size_);
    bytes_ = std::move(bytes), capacity_ = capacity;
  }
  std::unique_ptr<char[]> bytes_ = std::unique_ptr<char[]>(new char[1]);
  size_t size_ = 0, capacity_ = 0;
};

/// Encoders of text: blocks of rows are written down by the workers of a pool, and go to the sink in order.
class RowEncoder : public Encoder {
 public:
  RowEncoder(std::unique_ptr<ByteSink> sink, exec::Pool* pool) : sink_(std::move(sink)), pool_(pool) {}

  bool takes_any_rows() const override { return true; }

  Result<void> write(const Table& group) override {
    prepare(group);
    const int64_t blocks = (group.num_rows() + kBlockRows - 1) / kBlockRows, wave = pool_ ? 4 * int64_t(pool_->workers()) : 1;
    for (int64_t first = 0; first < blocks; first += wave) {
      const int64_t count = std::min(wave, blocks - first);
      next_.resize(size_t(std::max<int64_t>(next_.size(), count)));
      Result<void> written;
      const auto task = [&](int64_t i, int) {
        if (i == 0) return void(written = put_ready());  // the wave before, while this one is written down
        const int64_t begin = (first + i - 1) * kBlockRows;
        next_[size_t(i - 1)].clear();
        append_rows(group, begin, std::min(begin + kBlockRows, group.num_rows()), &next_[size_t(i - 1)]);
      };
      if (pool_)
        pool_->run(count + 1, task);
      else
        for (int64_t i = 0; i <= count; ++i) task(i, 0);
      HY_CHECK(std::move(written));
      ready_.swap(next_);
      num_ready_ = size_t(count);
    }
    rows_ += group.num_rows();
    return {};
  }

 protected:
  /// Before the rows of a group are written down.
  virtual void prepare(const Table&) {}
  virtual void append_rows(const Table& group, int64_t begin, int64_t end, TextBlock* out) const = 0;
  /// What stands in front of all rows, or behind them.
  Result<void> put(std::string_view text) {
    HY_CHECK(put_ready());
    return text.empty() ? Result<void>() : sink_->write(text.data(), text.size());
  }
  Result<void> publish() { return sink_->publish(); }

  int64_t rows_ = 0;  ///< of the groups before

 private:
  static constexpr int64_t kBlockRows = 4096;
  Result<void> put_ready() {
    const size_t count = std::exchange(num_ready_, 0);
    for (size_t i = 0; i < count; ++i)
      if (const std::string_view text = ready_[i].text(); !text.empty()) HY_CHECK(sink_->write(text.data(), text.size()));
    return {};
  }

  std::unique_ptr<ByteSink> sink_;
  exec::Pool* pool_;
  std::vector<TextBlock> next_, ready_;
  size_t num_ready_ = 0;
};

/// Bytes of `word` that are zero, or lie just above one that is: never none where there is one.
uint64_t zero_bytes(uint64_t word) { return (word - 0x0101010101010101u) & ~word & 0x8080808080808080u; }

/// RFC 4180; also quoted: what is empty or has blanks at an end, so that it is not taken for missing or for a blank line.
bool is_bare(std::string_view value) {
  if (value.empty() || value.front() == ' ' || value.back() == ' ') return false;
  size_t at = 0;
  for (; at + 8 <= value.size(); at += 8) {
    uint64_t word;
    std::memcpy(&word, value.data() + at, 8);
    const uint64_t control = (word - 0x2020202020202020u) & ~word & 0x8080808080808080u;
    if (zero_bytes(word ^ 0x2C2C2C2C2C2C2C2Cu) | zero_bytes(word ^ 0x2222222222222222u) | control) break;
  }
  return value.find_first_of(",\"\r\n\t", at) == std::string_view::npos;
}

/// Takes up to 2 * size + 2 bytes.
char* put_csv_text(std::string_view value, char* out) {
  if (is_bare(value)) return std::copy(value.begin(), value.end(), out);
  *out++ = '"';
  for (const char c : value) {
    if (c == '"') *out++ = '"';
    *out++ = c;
  }
  *out++ = '"';
  return out;
}

void append_csv_text(std::string_view value, TextBlock* out) { out->wrote(put_csv_text(value, out->room(2 * value.size() + 2))); }

/// Whether none of these bytes asks for quotes, wherever it stands: a blank or less, a quote, a comma ('!' passes for one that does).
bool is_all_bare(const char* text, size_t size) {
  uint64_t odd = 0;
  size_t at = 0;
  for (; at + 8 <= size; at += 8) {
    uint64_t word;
    std::memcpy(&word, text + at, 8);
    odd |= ((word - 0x2323232323232323u) & ~word & 0x8080808080808080u) | zero_bytes(word ^ 0x2C2C2C2C2C2C2C2Cu);
  }
  for (; at < size; ++at) odd |= uint64_t(uint8_t(text[at]) <= '"') | uint64_t(text[at] == ',');
  return odd == 0;
}

/// The names of a category as they are written, made once for each dictionary.
class WrittenNames {
 public:
  template <class Append>
  void prepare(const Column& column, Append&& append) {
    if (column.dtype != Dtype::category || (column.dictionary == known_ && ends_.size() == size_t(column.dictionary->length) + 1)) return;
    known_ = column.dictionary;
    text_.clear();
    ends_ = {0};
    longest_ = 0;
    for (int64_t i = 0; i < known_->length; ++i) {
      append(known_->text(i), &text_);
      longest_ = std::max(longest_, text_.text().size() - ends_.back());
      ends_.push_back(text_.text().size());
    }
    text_.room(kCopy);  // so that a name can be copied with what stands behind it
  }
  std::string_view operator[](int32_t code) const { return text_.text().substr(ends_[size_t(code)], ends_[size_t(code) + 1] - ends_[size_t(code)]); }
  size_t longest() const { return longest_; }

 private:
  std::shared_ptr<const Column> known_;
  TextBlock text_;
  std::vector<size_t> ends_;
  size_t longest_ = 0;
};

/// A column on its way into CSV, some rows of it: what they are is looked at once, not once a cell.
struct CsvCells {
  using Writer = char* (*)(const CsvCells& cells, int64_t row, char* out);
  const Column* column = nullptr;
  const WrittenNames* names = nullptr;
  CellWriter number = nullptr;
  const char* safe = nullptr;  ///< text up to here has kCopy bytes behind it
  Writer write = nullptr;

  static char* copy(const char* from, size_t size, bool whole, char* out) {
    if (whole) std::memcpy(out, from, kCopy);  // a fixed size: one load and one store
    if (!whole || size > kCopy) std::memcpy(out, from, size);
    return out + size;
  }
  static char* write_number(const CsvCells& cells, int64_t row, char* out) { return cells.number(*cells.column, row, out); }
  static char* write_or_nothing(const CsvCells& cells, int64_t row, char* out) {
    return is_missing_cell(*cells.column, row) ? out : cells.number(*cells.column, row, out);
  }
  static char* write_name(const CsvCells& cells, int64_t row, char* out) {
    if (cells.column->is_null(row)) return out;
    const std::string_view name = (*cells.names)[cells.column->as<int32_t>()[size_t(row)]];
    return copy(name.data(), name.size(), true, out);
  }
  static char* write_bare_text(const CsvCells& cells, int64_t row, char* out) {
    const auto* offsets = reinterpret_cast<const int64_t*>(cells.column->offsets.data) + row;
    const char* text = reinterpret_cast<const char*>(cells.column->values.data) + offsets[0];
    if (offsets[1] == offsets[0]) return write_any_text(cells, row, out);
    return copy(text, size_t(offsets[1] - offsets[0]), text <= cells.safe, out);
  }
  static char* write_any_text(const CsvCells& cells, int64_t row, char* out) {
    return cells.column->is_null(row) ? out : put_csv_text(cells.column->text(row), out);
  }
};

class CsvEncoder final : public RowEncoder {
 public:
  using RowEncoder::RowEncoder;

  Result<void> begin(const Table& schema) override {
    TextBlock out;
    for (size_t i = 0; i < schema.names.size(); ++i) {
      if (i > 0) out.append(',');
      append_csv_text(schema.names[i], &out);
    }
    out.append('\n');
    names_.resize(schema.num_columns());
    return put(out.text());
  }
  Result<void> finish() override {
    HY_CHECK(put(""));
    return publish();
  }

 private:
  void prepare(const Table& group) override {
    for (size_t c = 0; c < group.num_columns(); ++c) names_[c].prepare(group.columns[c], append_csv_text);
  }

  void append_rows(const Table& group, int64_t begin, int64_t end, TextBlock* out) const override {
    std::vector<CsvCells> cells;
    size_t room = 0;
    for (size_t c = 0; c < group.num_columns(); ++c) cells.push_back(cells_of(group.columns[c], c, begin, end, &room));
    char* at = out->room(room);
    // A single missing value would be a blank line, which readers skip.
    const bool single = cells.size() == 1;
    for (int64_t row = begin; row < end; ++row) {
      if (single && is_missing_cell(group.columns[0], row)) *at++ = '"', *at++ = '"';
      for (const CsvCells& column : cells) {
        at = column.write(column, row, at);
        *at++ = ',';
      }
      at[-1] = '\n';
    }
    out->wrote(at);
  }

  /// How rows [begin, end) of a column are written, and at most how many bytes they take more than `room`.
  CsvCells cells_of(const Column& column, size_t c, int64_t begin, int64_t end, size_t* room) const {
    CsvCells out;
    out.column = &column;
    const size_t rows = size_t(end - begin);
    *room += rows * (kMostCellText + 1);
    if (column.dtype == Dtype::category) {
      out.names = &names_[c], out.write = CsvCells::write_name;
      *room += rows * names_[c].longest();
    } else if (column.dtype == Dtype::text) {
      const auto* offsets = reinterpret_cast<const int64_t*>(column.offsets.data);
      const char* text = reinterpret_cast<const char*>(column.values.data);
      const size_t size = size_t(offsets[end] - offsets[begin]);
      const bool bare = !column.validity.data && is_all_bare(text + offsets[begin], size);
      out.write = bare ? CsvCells::write_bare_text : CsvCells::write_any_text;
      out.safe = text + column.values.size - std::min(kCopy, column.values.size + 1);
      *room += 2 * size;
    } else {
      const bool may_miss = column.validity.data || column.dtype == Dtype::float32 || column.dtype == Dtype::float64;
      out.number = cell_writer(column.dtype);
      out.write = may_miss ? CsvCells::write_or_nothing : CsvCells::write_number;
    }
    return out;
  }

  std::vector<WrittenNames> names_;  // by column
};

void append_json_text(std::string_view value, TextBlock* out) {
  out->append('"');
  out->append(json_escape(value));
  out->append('"');
}

class JsonEncoder final : public RowEncoder {
 public:
  JsonEncoder(std::unique_ptr<ByteSink> sink, bool lines, exec::Pool* pool) : RowEncoder(std::move(sink), pool), lines_(lines) {}

  Result<void> begin(const Table& schema) override {
    for (const std::string& name : schema.names) keys_.push_back(fmt::format("{}\"{}\":", keys_.empty() ? "{" : ",", json_escape(name)));
    names_.resize(schema.num_columns());
    return put(lines_ ? "" : "[");
  }
  Result<void> finish() override {
    HY_CHECK(put(lines_ ? "" : "\n]\n"));
    return publish();
  }

 private:
  void prepare(const Table& group) override {
    for (size_t c = 0; c < group.num_columns(); ++c) names_[c].prepare(group.columns[c], append_json_text);
  }

  void append_rows(const Table& group, int64_t begin, int64_t end, TextBlock* out) const override {
    for (int64_t row = begin; row < end; ++row) {
      if (!lines_) out->append(rows_ + row == 0 ? "\n" : ",\n");
      for (size_t c = 0; c < group.columns.size(); ++c) {
        out->append(keys_[c]);
        append_value(group.columns[c], c, row, out);
      }
      out->append(lines_ ? "}\n" : "}");
    }
  }
  void append_value(const Column& column, size_t c, int64_t row, TextBlock* out) const {
    const bool is_float = column.dtype == Dtype::float32 || column.dtype == Dtype::float64;
    if (is_missing_cell(column, row) || (is_float && std::isinf(column.number(row)))) return out->append("null");
    if (column.dtype == Dtype::text) return append_json_text(column.text(row), out);
    if (column.dtype == Dtype::category) return out->append(names_[c][column.as<int32_t>()[size_t(row)]]);
    const bool quoted = column.dtype == Dtype::date || column.dtype == Dtype::timestamp;
    if (quoted) out->append('"');
    out->wrote(write_cell_text(column, row, out->room(kMostCellText)));
    if (quoted) out->append('"');
  }

  std::vector<std::string> keys_;    // {"a":   ,"b":
  std::vector<WrittenNames> names_;  // by column
  bool lines_;
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

std::unique_ptr<Encoder> csv_encoder(std::unique_ptr<ByteSink> sink, exec::Pool* pool) { return std::make_unique<CsvEncoder>(std::move(sink), pool); }
std::unique_ptr<Encoder> json_encoder(std::unique_ptr<ByteSink> sink, bool lines, exec::Pool* pool) {
  return std::make_unique<JsonEncoder>(std::move(sink), lines, pool);
}
std::unique_ptr<Encoder> npy_encoder(std::unique_ptr<ByteSink> sink, std::string path) {
  return std::make_unique<NpyEncoder>(std::move(sink), std::move(path));
}

}  // namespace hayate::io
