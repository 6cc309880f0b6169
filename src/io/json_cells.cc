#include "io/json_cells.h"

#include <fmt/format.h>

#include <limits>

#include "base/strings.h"
#include "io/cell_text.h"
#include "io/csv_value.h"

namespace hayate::io {

/// Text is a date or a time only when every text of the column is one. Integers beyond 64 bits are text, unless the column holds floats.
Dtype JsonKinds::dtype() const {
  const auto only = [&](int allowed) { return (cells & ~allowed) == 0; };
  if (cells == 0) return Dtype::float64;
  if (only(kBool)) return Dtype::boolean;
  if (only(kInteger | kNegative)) return Dtype::int64;
  if (only(kInteger | kUnsigned)) return Dtype::uint64;
  const bool are_digits = (cells & kLong) && !(cells & kReal);
  if (only(kInteger | kUnsigned | kNegative | kReal | kLong)) return are_digits ? Dtype::text : Dtype::float64;
  return !only(kText) || no_dates ? Dtype::text : dtype_of(dates, {});
}

void JsonKinds::tell(const std::string& column, const std::string& path, Roundings* roundings) const {
  if (!roundings || beyond.empty() || dtype() != Dtype::float64) return;
  roundings->add(column, path, {kBesideDecimals, beyond, ""});
}

JsonKinds JsonColumn::kinds(size_t rows) const {
  JsonKinds out;
  const size_t cells = std::min(std::max(rows, first_) - first_, kinds_.size());
  int seen = 0;
  for (size_t cell = 0; cell < cells; ++cell) seen |= kinds_[cell];
  out.cells = seen;
  for (size_t cell = 0; cell < cells && (seen & kInteger) && !(out.cells & kNegative); ++cell)
    if (kinds_[cell] == kInteger && int64_t(slots_[cell]) < 0) out.cells |= kNegative;
  for (size_t cell = 0; cell < cells && (seen & (kInteger | kUnsigned | kLong)) && out.beyond.empty(); ++cell) {
    if (kinds_[cell] == kInteger && is_beyond_float64(int64_t(slots_[cell]))) out.beyond = std::to_string(int64_t(slots_[cell]));
    if (kinds_[cell] == kUnsigned && is_beyond_float64(uint64_t(slots_[cell]))) out.beyond = std::to_string(uint64_t(slots_[cell]));
    if (kinds_[cell] == kLong && fmt::format("{:.0f}", real(cell)) != text(cell)) out.beyond = text(cell);
  }
  if (out.cells != kText) return out;  // nothing, or no dates alone
  for (size_t cell = 0; cell < cells; ++cell) {
    if (kinds_[cell] != kText) continue;
    const uint16_t kind = read_value(text(cell), {}).seen;
    out.no_dates = !(kind & (kSeenDate | kSeenTime | kSeenZonedTime));
    if (out.no_dates) break;
    out.dates |= kind;
  }
  return out;
}

void JsonColumn::begin_at_row_0() {
  slots_.insert(slots_.begin(), first_, 0);
  kinds_.insert(kinds_.begin(), first_, kNull);
  if (!sizes_.empty()) sizes_.insert(sizes_.begin(), first_, 0);
  first_ = 0;
}

/// A cell of a column that is float64: a number.
double JsonColumn::real(size_t row) const {
  if (kinds_[row] == kReal) return std::bit_cast<double>(slots_[row]);
  if (kinds_[row] == kLong) return read_value(text(row), {}).real;
  return kinds_[row] == kUnsigned ? double(slots_[row]) : double(int64_t(slots_[row]));
}

/// A cell of a column that is text because of other cells.
std::string JsonColumn::written(size_t row) const {
  if (kinds_[row] == kLong) return std::string(text(row));
  if (kinds_[row] == kBool) return slots_[row] ? "true" : "false";
  if (kinds_[row] == kInteger) return std::to_string(int64_t(slots_[row]));
  if (kinds_[row] == kUnsigned) return std::to_string(slots_[row]);
  return format_shortest(std::bit_cast<double>(slots_[row]));
}

Buffer JsonColumn::validity() const {
  if (std::none_of(kinds_.begin(), kinds_.end(), [](JsonKinds::Cell kind) { return kind == kNull; })) return {};
  std::vector<uint8_t> bits((kinds_.size() + 7) / 8, 0);
  for (size_t row = 0; row < kinds_.size(); ++row) bits[row >> 3] = uint8_t(bits[row >> 3] | (kinds_[row] != kNull) << (row & 7));
  return make_buffer(std::move(bits));
}

template <class T, class Value>
Buffer JsonColumn::fixed(Value&& value) const {
  std::vector<T> out(kinds_.size());
  for (size_t row = 0; row < out.size(); ++row) out[row] = value(row);
  return make_buffer(std::move(out));
}

Buffer JsonColumn::reals() const {
  return fixed<double>([&](size_t row) { return kinds_[row] == kNull ? std::numeric_limits<double>::quiet_NaN() : real(row); });
}

Column JsonColumn::finish(size_t rows, const JsonKinds& kinds) {
  if (first_ > 0) begin_at_row_0();
  resize(rows);
  Column out;
  out.dtype = kinds.dtype(), out.length = int64_t(rows), out.validity = validity();
  if (out.dtype == Dtype::float64) {
    out.values = kinds.cells == kReal && !out.validity.data ? make_buffer(std::move(slots_)) : reals();
  } else if (out.dtype == Dtype::int64 || out.dtype == Dtype::uint64) {
    out.values = make_buffer(std::move(slots_));
  } else if (out.dtype == Dtype::boolean) {
    std::vector<uint8_t> bits((rows + 7) / 8, 0);
    for (size_t row = 0; row < rows; ++row) bits[row >> 3] = uint8_t(bits[row >> 3] | int(slots_[row]) << (row & 7));
    out.values = make_buffer(std::move(bits));
  } else if (out.dtype == Dtype::date) {
    out.values = fixed<int32_t>([&](size_t row) { return kinds_[row] == kNull ? 0 : int32_t(read_value(text(row), {}).integer); });
  } else if (out.dtype == Dtype::timestamp) {
    if (kinds.dates & kSeenZonedTime) out.zone = "UTC";
    out.values = fixed<int64_t>([&](size_t row) {
      if (kinds_[row] == kNull) return int64_t{0};
      const CsvValue value = read_value(text(row), {});
      return value.seen == kSeenDate ? value.integer * 86'400'000'000 : value.integer;
    });
  } else {
    std::vector<int64_t> offsets = {0};
    offsets.reserve(rows + 1);
    std::vector<char> bytes;
    bytes.reserve(bytes_.size());
    for (size_t row = 0; row < rows; ++row) {
      if (kinds_[row] == kText) {
        const std::string_view value = text(row);
        bytes.insert(bytes.end(), value.begin(), value.end());
      } else if (kinds_[row] != kNull) {
        const std::string number = written(row);
        bytes.insert(bytes.end(), number.begin(), number.end());
      }
      offsets.push_back(int64_t(bytes.size()));
    }
    out.values = make_buffer(std::move(bytes));
    out.offsets = make_buffer(std::move(offsets));
  }
  slots_ = {}, kinds_ = {}, sizes_ = {}, bytes_ = {};
  return out;
}

}  // namespace hayate::io
