#include "io/row_encoder.h"

#include <bit>

#include "io/cell_text.h"
#include "kernels/csv_cells.h"
#include "table/elements.h"

namespace hayate::io {
namespace {

constexpr size_t kNarrow = 16, kWide = 96;
constexpr size_t kManyColumns = 256;
static_assert(kWide > kMostCellText + 3 && kTextCopy == kNarrow);

}  // namespace

void WrittenNames::prepare(const Column& column, const RowStyle& style) {
  if (column.dtype != Dtype::category || (column.dictionary == known_ && ends_.size() == size_t(column.dictionary->length) + 1)) return;
  known_ = column.dictionary;
  text_.clear();
  ends_ = {0};
  longest_ = 0;
  for (int64_t i = 0; i < known_->length; ++i) {
    const std::string_view name = known_->text(i);
    text_.wrote(style.put_text(name, text_.room(style.growth * name.size() + 2)));
    longest_ = std::max(longest_, text_.text().size() - ends_.back());
    ends_.push_back(text_.text().size());
  }
  text_.room(kTextCopy);  // so that a name can be copied with what stands behind it
}

// ---- Blocks --------------------------------------------------------------------------------------------------------

Result<void> RowEncoder::write(const Table& group) {
  for (size_t c = 0; c < group.num_columns(); ++c) names_[c].prepare(group.columns[c], style_);
  const std::optional<Values> few = few_values(group);
  const int64_t blocks = (group.num_rows() + block_rows_ - 1) / block_rows_, wave = int64_t(strips_.size()) * (block_rows_ > 1 ? 4 : 1);
  for (int64_t first = 0; first < blocks; first += wave) {
    const int64_t count = std::min(wave, blocks - first);
    next_.resize(size_t(std::max<int64_t>(next_.size(), count)));
    Result<void> written;
    const auto task = [&](int64_t i, int worker) {
      if (i == 0) return void(written = put_ready());  // the wave before, while this one is written down
      const int64_t begin = (first + i - 1) * block_rows_;
      next_[size_t(i - 1)].clear();
      const int64_t end = std::min(begin + block_rows_, group.num_rows());
      if (few)
        append_few_values(group, *few, begin, end, &strips_[size_t(worker)], &next_[size_t(i - 1)]);
      else
        append_rows(group, begin, end, worker, &next_[size_t(i - 1)]);
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

Result<void> RowEncoder::put(std::string_view text) {
  HY_CHECK(put_ready());
  return text.empty() ? Result<void>() : sink_->write(text.data(), text.size());
}

Result<void> RowEncoder::put_ready() {
  const size_t count = std::exchange(num_ready_, 0);
  for (size_t i = 0; i < count; ++i)
    if (const std::string_view text = ready_[i].text(); !text.empty()) HY_CHECK(sink_->write(text.data(), text.size()));
  return {};
}

void RowEncoder::set_style(RowStyle style, size_t num_columns) {
  style_ = std::move(style);
  names_.resize(num_columns);
  constexpr size_t kStripBytes = size_t{1} << 21, kMostRows = size_t(kernels::ShortestDigits::kRows);
  strip_rows_ = int64_t(std::clamp<size_t>(kStripBytes / (kWide * std::max<size_t>(num_columns, 1)), 1, kMostRows));
  // Several blocks are in hand at once, so those of wide tables have fewer rows.
  constexpr size_t kBlockBytes = size_t{1} << 20, kMostBlockRows = 4096, kLikelyBytes = 16;  // of a cell
  size_t row_bytes = kLikelyBytes * num_columns + 1;
  for (const std::string& text : style_.before) row_bytes += text.size();
  block_rows_ = int64_t(std::clamp<size_t>(kBlockBytes / row_bytes, 1, kMostBlockRows));
  for (const std::string& text : style_.before) {
    before_at_.push_back(before_.size()), before_size_.push_back(text.size());
    before_.insert(before_.end(), text.begin(), text.end());
    before_.resize(before_.size() + kTextCopy);
    all_before_ += text.size();
  }
  if (num_columns < kManyColumns) return;
  for (size_t c = 0; c < num_columns; ++c) {
    missing_at_.push_back(missing_row_.size());
    if (!style_.before.empty()) missing_row_ += style_.before[c];
    missing_row_ += style_.missing;
    missing_row_ += c + 1 == num_columns ? style_.behind : style_.separator;
  }
  missing_at_.push_back(missing_row_.size());
}

// ---- Strips --------------------------------------------------------------------------------------------------------

void RowEncoder::append_rows(const Table& group, int64_t begin, int64_t end, int worker, TextBlock* out) {
  Strip& strip = strips_[size_t(worker)];
  strip.columns.resize(group.num_columns());
  if (!strip.cells) strip.cells = std::make_unique_for_overwrite<char[]>(group.num_columns() * size_t(strip_rows_) * kWide);
  strip.sizes.resize(group.num_columns() * size_t(strip_rows_));
  for (int64_t row = begin; row < end; row += strip_rows_) append_strip(group, row, std::min(strip_rows_, end - row), &strip, out);
}

void RowEncoder::append_strip(const Table& group, int64_t begin, int64_t rows, Strip* strip, TextBlock* out) const {
  size_t room = kWide + (all_before_ + 1) * size_t(rows);  // cells are copied with what stands behind them
  bool all_narrow = true;
  for (size_t c = 0; c < group.num_columns(); ++c) {
    const size_t place = c * size_t(strip_rows_);
    strip->columns[c] = {Cells::narrow, strip->cells.get() + place * kWide, strip->sizes.data() + place,
                         c + 1 == group.num_columns() ? style_.behind : style_.separator};
    room += write_cells(group, c, begin, rows, &strip->columns[c]);
    all_narrow &= strip->columns[c].form == Cells::narrow;
  }
  char* const at = out->room(room);
  out->wrote(all_narrow && before_.empty() ? join_narrow(*strip, rows, at) : join_rows(group, begin, *strip, rows, at));
}

/// CSV whose cells are all narrow.
char* RowEncoder::join_narrow(const Strip& strip, int64_t rows, char* at) {
  for (int64_t row = 0; row < rows; ++row)
    for (const Cells& column : strip.columns) {
      std::memcpy(at, column.cells + size_t(row) * kNarrow, kNarrow);
      at += column.sizes[row];
    }
  return at;
}

char* RowEncoder::put_before(size_t column, char* at) const {
  const char* const text = before_.data() + before_at_[column];
  const size_t size = before_size_[column];
  for (size_t done = 0; done < size; done += kTextCopy) std::memcpy(at + done, text + done, kTextCopy);
  return at + size;
}

char* RowEncoder::join_rows(const Table& group, int64_t begin, const Strip& strip, int64_t rows, char* at) const {
  const size_t columns = strip.columns.size();
  for (int64_t row = 0; row < rows; ++row) {
    if (style_.between && rows_ + begin + row > 0) *at++ = style_.between;
    for (size_t c = 0; c < columns; ++c) {
      if (!before_.empty()) at = put_before(c, at);
      at = put_cell(group, c, strip.columns[c], row, begin + row, at);
    }
  }
  return at;
}

/// The cell of row `row`, which is at `place` of `cells`.
inline char* RowEncoder::put_cell(const Table& group, size_t c, const Cells& cells, int64_t place, int64_t row, char* at) const {
  if (cells.form == Cells::narrow) {
    std::memcpy(at, cells.cells + size_t(place) * kNarrow, kNarrow);
    return at + cells.sizes[place];
  }
  if (cells.form == Cells::wide) {
    const char* const cell = cells.cells + size_t(place) * kWide;
    std::memcpy(at, cell, 32);
    if (cells.sizes[place] > 32) std::memcpy(at + 32, cell + 32, kWide - 32);
    return at + cells.sizes[place];
  }
  at = put_value(group.columns[c], names_[c], cells.form, row, at);
  *at++ = cells.end;
  return at;
}

// ---- Rows with few values ------------------------------------------------------------------------------------------

namespace {
/// Calls visit(row) for every row with a value, of a column that has a bitmap.
template <class Visit>
void each_value(const Column& column, Visit&& visit) {
  for (int64_t first = 0; first < column.length; first += 64) {
    uint64_t bits = 0;
    std::memcpy(&bits, column.validity.data + first / 8, size_t(std::min<int64_t>(8, (column.length - first + 7) / 8)));
    if (column.length - first < 64) bits &= (uint64_t{1} << (column.length - first)) - 1;
    for (; bits; bits &= bits - 1) visit(first + std::countr_zero(bits));
  }
}
}  // namespace

std::optional<RowEncoder::Values> RowEncoder::few_values(const Table& group) const {
  constexpr int64_t kFew = 16;  // cells for each that has a value
  const int64_t rows = group.num_rows(), cells = rows * int64_t(group.num_columns());
  if (group.num_columns() < kManyColumns) return std::nullopt;
  int64_t most = cells / kFew;
  for (const Column& column : group.columns)
    if (most -= rows - column.count_nulls(); most < 0) return std::nullopt;
  Values out;
  out.begin.assign(size_t(rows) + 1, 0);
  const auto each = [&](const Column& column, auto&& visit) {
    if (column.validity.data) return each_value(column, visit);
    for (int64_t row = 0; row < rows; ++row) visit(row);
  };
  for (const Column& column : group.columns) each(column, [&](int64_t row) { ++out.begin[size_t(row) + 1]; });
  for (size_t row = 0; row < size_t(rows); ++row) out.begin[row + 1] += out.begin[row];
  out.columns.resize(out.begin.back());
  std::vector<size_t> next = out.begin;
  for (size_t c = 0; c < group.num_columns(); ++c) each(group.columns[c], [&](int64_t row) { out.columns[next[size_t(row)]++] = uint32_t(c); });
  return out;
}

void RowEncoder::append_few_values(const Table& group, const Values& values, int64_t begin, int64_t end, Strip* strip, TextBlock* out) const {
  if (!strip->cells) strip->cells = std::make_unique_for_overwrite<char[]>(group.num_columns() * size_t(strip_rows_) * kWide);
  strip->sizes.resize(std::max<size_t>(strip->sizes.size(), 1));
  for (int64_t row = begin; row < end; ++row) {
    if (style_.between && rows_ + row > 0) out->append(style_.between);
    size_t done = 0;  // columns
    for (size_t i = values.begin[size_t(row)]; i < values.begin[size_t(row) + 1]; ++i) {
      const size_t c = values.columns[i];
      out->append(std::string_view(missing_row_).substr(missing_at_[done], missing_at_[c] - missing_at_[done]));
      Cells cell{Cells::narrow, strip->cells.get(), strip->sizes.data(), c + 1 == group.num_columns() ? style_.behind : style_.separator};
      const size_t most = write_cells(group, c, row, 1, &cell);
      char* at = out->room(missing_at_[c + 1] - missing_at_[c] + most + kWide);
      if (!before_.empty()) at = put_before(c, at);
      out->wrote(put_cell(group, c, cell, 0, row, at));
      done = c + 1;
    }
    out->append(std::string_view(missing_row_).substr(missing_at_[done]));
  }
}

/// Of a text or a category.
char* RowEncoder::put_value(const Column& column, const WrittenNames& names, Cells::Form form, int64_t row, char* out) const {
  const auto put = [&](std::string_view text) { out = std::copy(text.begin(), text.end(), out); };
  if (column.is_null(row)) return put(style_.missing), out;
  if (form == Cells::names) return put(names[column.as<int32_t>()[size_t(row)]]), out;
  const std::string_view text = column.text(row);
  if (form == Cells::quoted || (text.empty() && !style_.quotes_bare)) return style_.put_text(text, out);
  if (style_.quotes_bare) *out++ = '"';
  put(text);
  if (style_.quotes_bare) *out++ = '"';
  return out;
}

// ---- Cells ---------------------------------------------------------------------------------------------------------

/// Says how rows are written; returns how many bytes they take at most.
size_t RowEncoder::write_cells(const Table& group, size_t c, int64_t begin, int64_t rows, Cells* out) const {
  const Column& column = group.columns[c];
  if (column.dtype == Dtype::text) return write_texts(column, begin, rows, out);
  if (column.dtype == Dtype::category && names_[c].longest() < kNarrow)
    write_names(column, names_[c], begin, rows, out);
  else if (column.dtype == Dtype::category)
    return out->form = Cells::names, size_t(rows) * (std::max(names_[c].longest(), style_.missing.size()) + 1);
  else if (!write_numbers(column, begin, rows, *out))
    out->form = Cells::wide, write_wide(column, begin, rows, *out);
  size_t bytes = 0;
  for (int64_t row = 0; row < rows; ++row) bytes += out->sizes[row];
  return bytes;
}

uint8_t RowEncoder::put_missing(char end, char* cell) const {
  std::memcpy(cell, style_.missing.data(), style_.missing.size());
  cell[style_.missing.size()] = end;
  return uint8_t(style_.missing.size() + 1);
}

size_t RowEncoder::write_texts(const Column& column, int64_t begin, int64_t rows, Cells* out) const {
  const auto* const offsets = reinterpret_cast<const int64_t*>(column.offsets.data) + begin;
  const char* const bytes = reinterpret_cast<const char*>(column.values.data);
  const size_t size = size_t(offsets[rows] - offsets[0]), quotes = style_.quotes_bare ? 1 : 0;
  const size_t most = style_.growth * size + (std::max<size_t>(2, style_.missing.size()) + 1) * size_t(rows);
  out->form = Cells::quoted;
  if (column.validity.data || !style_.is_all_bare(bytes + offsets[0], size)) return most;
  int64_t longest = 0;
  for (int64_t row = 0; row < rows; ++row) longest = std::max(longest, offsets[row + 1] - offsets[row]);
  out->form = Cells::bare;
  if (size_t(longest) + 2 * quotes >= kNarrow || size_t(offsets[rows]) + kNarrow > column.values.size) return most;
  out->form = Cells::narrow;
  for (int64_t row = 0; row < rows; ++row) {
    char* const cell = out->cells + size_t(row) * kNarrow;
    cell[0] = '"';
    std::memcpy(cell + quotes, bytes + offsets[row], kNarrow);
    size_t count = quotes + size_t(offsets[row + 1] - offsets[row]);
    if (quotes || count == 0) cell[0] = cell[quotes ? count : 1] = '"', count += quotes ? 1 : 2;
    cell[count] = out->end;
    out->sizes[row] = uint8_t(count + 1);
  }
  return most;
}

void RowEncoder::write_names(const Column& column, const WrittenNames& names, int64_t begin, int64_t rows, Cells* out) const {
  const int32_t* const codes = column.as<int32_t>().data() + begin;
  for (int64_t row = 0; row < rows; ++row) {
    char* const cell = out->cells + size_t(row) * kNarrow;
    if (column.is_null(begin + row)) {
      out->sizes[row] = put_missing(out->end, cell);
      continue;
    }
    const std::string_view name = names[codes[row]];
    std::memcpy(cell, name.data(), kNarrow);
    cell[name.size()] = out->end;
    out->sizes[row] = uint8_t(name.size() + 1);
  }
}

/// A number that is not missing as digits[i] has it, if it has it.
char* RowEncoder::put_real(const Column& column, int64_t row, bool negative, const kernels::ShortestDigits& digits, int64_t i, char* out) {
  if (digits.count[i] == 0) return write_cell_text(column, row, out);
  *out = '-';
  return digits.put(i, out + negative);
}

/// Narrow too. False: one has more digits. A cell is written with room behind it, which the next one takes back.
bool RowEncoder::write_floats(const Column& column, int64_t begin, int64_t rows, const Cells& out) const {
  const float* const values = column.as<float>().data() + begin;
  kernels::ShortestDigits digits;
  kernels::shortest_kernels().floats(values, rows, &digits);
  for (int64_t row = 0; row < rows; ++row) {
    char* const cell = out.cells + size_t(row) * kNarrow;
    if (column.is_null(begin + row) || is_missing(values[row])) {
      out.sizes[row] = put_missing(out.end, cell);
      continue;
    }
    char* const behind_text = put_real(column, begin + row, values[row] < 0, digits, row, cell);
    if (behind_text - cell >= int64_t(kNarrow)) return false;
    *behind_text = out.end;
    out.sizes[row] = uint8_t(behind_text + 1 - cell);
  }
  return true;
}

namespace {
/// Whether the first of some doubles have no common form, so that looking at all of them would be in vain.
bool are_long(const double* values, int64_t rows) {
  constexpr int64_t kLook = 8;
  uint64_t words[2 * kLook];
  uint8_t sizes[kLook];
  char text[kMostCellText];
  if (rows < kLook || kernels::csv_cell_kernels().decimals(values, kLook, ',', words, sizes) < kLook) return false;
  return std::all_of(values, values + kLook,
                     [&](double value) { return !std::isnan(value) && write_long_real(value, text) - text >= int64_t(kNarrow); });
}
}  // namespace

/// Numbers of common forms, narrow. False: not all of them are.
bool RowEncoder::write_numbers(const Column& column, int64_t begin, int64_t rows, const Cells& out) const {
  if (column.dtype == Dtype::float32) return write_floats(column, begin, rows, out);
  if (column.validity.data) return std::fill_n(out.sizes, rows, uint8_t{0}), false;
  auto* const words = reinterpret_cast<uint64_t*>(out.cells);
  const kernels::CsvCellKernels& kernels = kernels::csv_cell_kernels();
  if (is_integer(column.dtype)) return kernels.wholes(element_of(column.dtype), rows_at(column, begin), rows, out.end, words, out.sizes);
  if (column.dtype != Dtype::float64) return false;
  const double* const values = column.as<double>().data() + begin;
  if (are_long(values, rows)) return std::fill_n(out.sizes, rows, uint8_t{0}), false;
  if (kernels.decimals(values, rows, out.end, words, out.sizes) == 0) return true;
  bool fits = true;
  for (int64_t row = 0; row < rows; ++row) {
    if (out.sizes[row] > 0) continue;
    char text[kMostCellText], *const cell = out.cells + size_t(row) * kNarrow;
    if (is_missing(values[row])) {
      out.sizes[row] = put_missing(out.end, cell);
      continue;
    }
    if (!fits) continue;
    const size_t size = size_t(write_cell_text(column, begin + row, text) - text);
    if (size >= kNarrow) {
      fits = false;
      continue;
    }
    std::memcpy(cell, text, size);
    cell[size] = out.end, out.sizes[row] = uint8_t(size + 1);
  }
  return fits;
}

/// Doubles after write_numbers has tried: its narrow cells, as far as they are there, become wide ones from the last on.
void RowEncoder::widen_reals(const Column& column, int64_t begin, int64_t rows, const Cells& out) const {
  const double* const values = column.as<double>().data() + begin;
  kernels::ShortestDigits digits;
  double others[kernels::ShortestDigits::kRows];
  int64_t count = 0;
  const auto is_absent = [&](int64_t row) { return column.is_null(begin + row) || is_missing(values[row]); };
  for (int64_t row = 0; row < rows; ++row)
    if (out.sizes[row] == 0 && !is_absent(row)) others[count++] = values[row];
  kernels::shortest_kernels().doubles(others, count, &digits);
  for (int64_t row = rows; row-- > 0;) {
    char narrow[kNarrow], *const cell = out.cells + size_t(row) * kWide;
    std::memcpy(narrow, out.cells + size_t(row) * kNarrow, kNarrow);
    if (out.sizes[row] > 0) {
      std::memcpy(cell, narrow, kNarrow);
      continue;
    }
    if (is_absent(row)) {
      out.sizes[row] = put_missing(out.end, cell);
      continue;
    }
    char* const behind_text = put_real(column, begin + row, values[row] < 0, digits, --count, cell);
    *behind_text = out.end;
    out.sizes[row] = uint8_t(behind_text + 1 - cell);
  }
}

void RowEncoder::write_wide(const Column& column, int64_t begin, int64_t rows, const Cells& out) const {
  if (column.dtype == Dtype::float64) return widen_reals(column, begin, rows, out);
  const CellWriter writer = cell_writer(column.dtype);
  const bool quotes = style_.quotes_times && (column.dtype == Dtype::date || column.dtype == Dtype::timestamp);
  for (int64_t row = 0; row < rows; ++row) {
    char* cell = out.cells + size_t(row) * kWide;
    char* const first = cell;
    if (column.is_null(begin + row) || (column.dtype == Dtype::float32 && is_missing(column.as<float>()[size_t(begin + row)]))) {
      out.sizes[row] = put_missing(out.end, cell);
      continue;
    }
    if (quotes) *cell++ = '"';
    cell = writer(column, begin + row, cell);
    if (quotes) *cell++ = '"';
    *cell++ = out.end;
    out.sizes[row] = uint8_t(cell - first);
  }
}

}  // namespace hayate::io
