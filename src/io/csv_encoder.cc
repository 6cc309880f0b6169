// Tables as CSV. A block of rows is written strip by strip, and a strip column by column: every value becomes a cell with the character behind
// it in a place of fixed size, numbers of common forms many at once (kernels/csv_cells.h). Then rows are put together: where a cell goes
// depends on the sizes of those before alone, which are known, so this is a load, a store and an addition a cell.
//
// What it costs: 10 M rows x 9 (50 M whole numbers, 10 M decimals, 30 M short texts), 509 MB: 0.66 to 0.71 CPU s, of which the system takes about
// a third to copy the bytes into its pages; the way before, a call for each cell, 1.06 to 1.38 in the same minutes. Doubles of 17 digits go one by
// one (shortest.h), and a file of nothing else costs most there.
//
// Dropped: all cells of a column before the next one straight to their rows: they overwrite each other's beginnings, or have to be copied byte by
// byte.
#include <fmt/format.h>

#include <cmath>
#include <memory>

#include "io/cell_text.h"
#include "io/row_encoder.h"
#include "kernels/csv_cells.h"
#include "table/elements.h"

namespace hayate::io {
namespace {

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

/// The values of a column in one strip of rows, each as it is written, with the separator or line end behind it.
struct StripColumn {
  enum Form : uint8_t {
    narrow,  ///< 16 bytes a cell
    wide,    ///< kWide bytes a cell
    text,    ///< copied from the column
    quoted,  ///< the same, where some need quotes or are missing
  };
  Form form = narrow;
  const char* cells = nullptr;     ///< of narrow and wide ones
  const uint8_t* sizes = nullptr;  ///< of these cells
};

constexpr size_t kNarrow = 16, kWide = 96;
static_assert(kWide > kMostCellText && kTextCopy == kNarrow);

/// A worker's strip. Its cells are not cleared: a small table touches few of their pages.
struct Strip {
  std::unique_ptr<char[]> cells;
  std::vector<uint8_t> sizes;
  std::vector<StripColumn> columns;
};

class CsvEncoder final : public RowEncoder {
 public:
  CsvEncoder(std::unique_ptr<ByteSink> sink, exec::Pool* pool) : RowEncoder(std::move(sink), pool), strips_(size_t(num_workers())) {}

  Result<void> begin(const Table& schema) override {
    TextBlock out;
    for (size_t i = 0; i < schema.names.size(); ++i) {
      if (i > 0) out.append(',');
      append_csv_text(schema.names[i], &out);
    }
    out.append('\n');
    names_.resize(schema.num_columns());
    // A single missing value would be a blank line, which readers skip.
    missing_ = schema.num_columns() == 1 ? "\"\"" : "";
    constexpr size_t kStripBytes = size_t{1} << 21, kMostRows = 256;
    strip_rows_ = int64_t(std::clamp<size_t>(kStripBytes / (kWide * schema.num_columns()), 1, kMostRows));
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

  void append_rows(const Table& group, int64_t begin, int64_t end, int worker, TextBlock* out) override {
    Strip& strip = strips_[size_t(worker)];
    strip.columns.resize(group.num_columns());
    if (!strip.cells) strip.cells = std::make_unique_for_overwrite<char[]>(group.num_columns() * size_t(strip_rows_) * kWide);
    strip.sizes.resize(group.num_columns() * size_t(strip_rows_));
    for (int64_t row = begin; row < end; row += strip_rows_) append_strip(group, row, std::min(strip_rows_, end - row), &strip, out);
  }

  void append_strip(const Table& group, int64_t begin, int64_t rows, Strip* strip, TextBlock* out) const {
    size_t room = kWide;  // cells are copied with what stands behind them
    bool all_narrow = true;
    for (size_t c = 0; c < group.num_columns(); ++c) {
      const size_t place = c * size_t(strip_rows_);
      room += write_cells(group, c, begin, rows, strip->cells.get() + place * kWide, strip->sizes.data() + place, &strip->columns[c]);
      all_narrow &= strip->columns[c].form == StripColumn::narrow;
    }
    char* at = out->room(room);
    at = all_narrow ? join_narrow(*strip, rows, at) : join_rows(group, begin, *strip, rows, at);
    out->wrote(at);
  }

  static char* join_narrow(const Strip& strip, int64_t rows, char* at) {
    for (int64_t row = 0; row < rows; ++row)
      for (const StripColumn& column : strip.columns) {
        std::memcpy(at, column.cells + size_t(row) * kNarrow, kNarrow);
        at += column.sizes[row];
      }
    return at;
  }

  char* join_rows(const Table& group, int64_t begin, const Strip& strip, int64_t rows, char* at) const {
    const size_t columns = strip.columns.size();
    for (int64_t row = 0; row < rows; ++row)
      for (size_t c = 0; c < columns; ++c) {
        const StripColumn& column = strip.columns[c];
        if (column.form == StripColumn::narrow) {
          std::memcpy(at, column.cells + size_t(row) * kNarrow, kNarrow);
          at += column.sizes[row];
        } else if (column.form == StripColumn::wide) {
          const char* const cell = column.cells + size_t(row) * kWide;
          std::memcpy(at, cell, 32);
          if (column.sizes[row] > 32) std::memcpy(at + 32, cell + 32, kWide - 32);
          at += column.sizes[row];
        } else {
          at = write_text(group.columns[c], begin + row, column.form == StripColumn::text, at);
          *at++ = behind(c, columns);
        }
      }
    return at;
  }

  static char behind(size_t column, size_t columns) { return column + 1 == columns ? '\n' : ','; }

  char* write_text(const Column& column, int64_t row, bool bare, char* out) const {
    if (column.is_null(row)) return std::copy(missing_.begin(), missing_.end(), out);
    const std::string_view text = column.text(row);
    return bare && !text.empty() ? std::copy(text.begin(), text.end(), out) : put_csv_text(text, out);
  }

  /// Says how rows are written; returns how many bytes they take at most.
  size_t write_cells(const Table& group, size_t c, int64_t begin, int64_t rows, char* cells, uint8_t* sizes, StripColumn* out) const {
    const Column& column = group.columns[c];
    const char end = behind(c, group.num_columns());
    out->cells = cells, out->sizes = sizes, out->form = StripColumn::narrow;
    if (column.dtype == Dtype::text) return write_texts(column, begin, rows, end, cells, sizes, out);
    if (column.dtype == Dtype::category && names_[c].longest() < kNarrow)
      write_names(column, names_[c], begin, rows, end, cells, sizes);
    else if (column.dtype == Dtype::category)
      return out->form = StripColumn::quoted, size_t(rows) * (2 * names_[c].longest() + 3);
    else if (!write_numbers(column, begin, rows, end, cells, sizes))
      out->form = StripColumn::wide, write_wide(column, begin, rows, end, cells, sizes);
    size_t bytes = 0;
    for (int64_t row = 0; row < rows; ++row) bytes += sizes[row];
    return bytes;
  }

  size_t put_missing(char end, char* cell) const {
    std::memcpy(cell, missing_.data(), missing_.size());
    cell[missing_.size()] = end;
    return missing_.size() + 1;
  }

  size_t write_texts(const Column& column, int64_t begin, int64_t rows, char end, char* cells, uint8_t* sizes, StripColumn* out) const {
    const auto* const offsets = reinterpret_cast<const int64_t*>(column.offsets.data) + begin;
    const char* const bytes = reinterpret_cast<const char*>(column.values.data);
    const size_t size = size_t(offsets[rows] - offsets[0]), most = 2 * size + 3 * size_t(rows);
    out->form = StripColumn::quoted;
    if (column.validity.data || !is_all_bare(bytes + offsets[0], size)) return most;
    int64_t longest = 0;
    for (int64_t row = 0; row < rows; ++row) longest = std::max(longest, offsets[row + 1] - offsets[row]);
    out->form = StripColumn::text;
    if (longest >= int64_t(kNarrow) || size_t(offsets[rows]) + kNarrow > column.values.size) return most;
    out->form = StripColumn::narrow;
    for (int64_t row = 0; row < rows; ++row) {
      char* const cell = cells + size_t(row) * kNarrow;
      std::memcpy(cell, bytes + offsets[row], kNarrow);
      size_t count = size_t(offsets[row + 1] - offsets[row]);
      if (count == 0) cell[0] = cell[1] = '"', count = 2;
      cell[count] = end;
      sizes[row] = uint8_t(count + 1);
    }
    return most;
  }

  void write_names(const Column& column, const WrittenNames& names, int64_t begin, int64_t rows, char end, char* cells, uint8_t* sizes) const {
    const int32_t* const codes = column.as<int32_t>().data() + begin;
    for (int64_t row = 0; row < rows; ++row) {
      char* const cell = cells + size_t(row) * kNarrow;
      if (column.is_null(begin + row)) {
        sizes[row] = uint8_t(put_missing(end, cell));
        continue;
      }
      const std::string_view name = names[codes[row]];
      std::memcpy(cell, name.data(), kNarrow);
      cell[name.size()] = end;
      sizes[row] = uint8_t(name.size() + 1);
    }
  }

  /// Narrow too. False: one has more digits. A cell is written with room behind it, which the next one takes back.
  bool write_floats(const Column& column, int64_t begin, int64_t rows, char end, char* cells, uint8_t* sizes) const {
    const CellWriter writer = cell_writer(Dtype::float32);
    for (int64_t row = 0; row < rows; ++row) {
      char* const cell = cells + size_t(row) * kNarrow;
      if (std::isnan(column.as<float>()[size_t(begin + row)])) {
        sizes[row] = uint8_t(put_missing(end, cell));
        continue;
      }
      char* const behind_text = writer(column, begin + row, cell);
      if (behind_text - cell >= int64_t(kNarrow)) return false;
      *behind_text = end;
      sizes[row] = uint8_t(behind_text + 1 - cell);
    }
    return true;
  }

  /// Numbers of common forms, narrow. False: not all of them are.
  bool write_numbers(const Column& column, int64_t begin, int64_t rows, char end, char* cells, uint8_t* sizes) const {
    if (column.validity.data) return false;
    auto* const words = reinterpret_cast<uint64_t*>(cells);
    const kernels::CsvCellKernels& kernels = kernels::csv_cell_kernels();
    if (is_integer(column.dtype)) return kernels.wholes(element_of(column.dtype), rows_at(column, begin), rows, end, words, sizes);
    if (column.dtype == Dtype::float32) return write_floats(column, begin, rows, end, cells, sizes);
    if (column.dtype != Dtype::float64) return false;
    const double* const values = column.as<double>().data() + begin;
    if (are_long(values, rows)) return std::fill_n(sizes, rows, uint8_t{0}), false;
    if (kernels.decimals(values, rows, end, words, sizes) == 0) return true;
    bool fits = true;
    for (int64_t row = 0; row < rows; ++row) {
      if (sizes[row] > 0) continue;
      char text[kMostCellText], *const cell = cells + size_t(row) * kNarrow;
      if (std::isnan(values[row])) {
        sizes[row] = uint8_t(put_missing(end, cell));
        continue;
      }
      if (!fits) continue;
      const size_t size = size_t(write_cell_text(column, begin + row, text) - text);
      if (size >= kNarrow) {
        fits = false;
        continue;
      }
      std::memcpy(cell, text, size);
      cell[size] = end, sizes[row] = uint8_t(size + 1);
    }
    return fits;
  }

  /// Whether the first of some doubles have no common form, so that looking at all of them would be in vain.
  static bool are_long(const double* values, int64_t rows) {
    constexpr int64_t kLook = 8;
    uint64_t words[2 * kLook];
    uint8_t sizes[kLook];
    char text[kMostCellText];
    if (rows < kLook || kernels::csv_cell_kernels().decimals(values, kLook, ',', words, sizes) < kLook) return false;
    return std::all_of(values, values + kLook,
                       [&](double value) { return !std::isnan(value) && write_long_real(value, text) - text >= int64_t(kNarrow); });
  }

  /// Doubles after write_numbers has tried: its narrow cells, as far as they are there, become wide ones from the last on.
  void widen_reals(const double* values, int64_t rows, char end, char* cells, uint8_t* sizes) const {
    for (int64_t row = rows; row-- > 0;) {
      char narrow[kNarrow], *const cell = cells + size_t(row) * kWide;
      std::memcpy(narrow, cells + size_t(row) * kNarrow, kNarrow);
      if (sizes[row] > 0) {
        std::memcpy(cell, narrow, kNarrow);
        continue;
      }
      if (std::isnan(values[row])) {
        sizes[row] = uint8_t(put_missing(end, cell));
        continue;
      }
      char* const behind_text = write_long_real(values[row], cell);
      *behind_text = end;
      sizes[row] = uint8_t(behind_text + 1 - cell);
    }
  }

  void write_wide(const Column& column, int64_t begin, int64_t rows, char end, char* cells, uint8_t* sizes) const {
    if (column.dtype == Dtype::float64 && !column.validity.data) return widen_reals(column.as<double>().data() + begin, rows, end, cells, sizes);
    const CellWriter writer = cell_writer(column.dtype);
    for (int64_t row = 0; row < rows; ++row) {
      char* const cell = cells + size_t(row) * kWide;
      if (is_missing_cell(column, begin + row)) {
        sizes[row] = uint8_t(put_missing(end, cell));
        continue;
      }
      char* const behind_text = writer(column, begin + row, cell);
      *behind_text = end;
      sizes[row] = uint8_t(behind_text + 1 - cell);
    }
  }

  std::vector<WrittenNames> names_;  // by column
  std::vector<Strip> strips_;        // by worker
  std::string missing_;              // how a missing value is written
  int64_t strip_rows_ = 1;
};

}  // namespace

std::unique_ptr<Encoder> csv_encoder(std::unique_ptr<ByteSink> sink, exec::Pool* pool) { return std::make_unique<CsvEncoder>(std::move(sink), pool); }

}  // namespace hayate::io
