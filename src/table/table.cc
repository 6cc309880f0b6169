#include "hayate/table.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/strings.h"

namespace hayate {

const char* dtype_name(Dtype dtype) {
  constexpr const char* kNames[] = {"bool",   "int8",    "int16",   "int32", "int64",     "uint8", "uint16",  "uint32",
                                    "uint64", "float32", "float64", "date",  "timestamp", "text",  "category"};
  return kNames[size_t(dtype)];
}

size_t dtype_width(Dtype dtype) {
  constexpr size_t kWidths[] = {0, 1, 2, 4, 8, 1, 2, 4, 8, 4, 8, 4, 8, 0, 4};
  return kWidths[size_t(dtype)];
}

bool is_integer(Dtype dtype) { return dtype >= Dtype::int8 && dtype <= Dtype::uint64; }
bool is_numeric(Dtype dtype) { return dtype <= Dtype::float64; }

int64_t Column::count_nulls() const {
  if (!validity.data) return 0;
  int64_t valid = 0, row = 0;
  for (uint64_t word; row + 64 <= length; row += 64) {
    std::memcpy(&word, validity.data + (row >> 3), sizeof word);
    valid += std::popcount(word);
  }
  for (; row < length; ++row) valid += !is_null(row);
  return length - valid;
}

std::string_view Column::text(int64_t row) const {
  if (is_null(row)) return {};
  if (dtype == Dtype::category) return dictionary->text(as<int32_t>()[size_t(row)]);
  assert(dtype == Dtype::text);
  const auto ends = reinterpret_cast<const int64_t*>(offsets.data);
  return {reinterpret_cast<const char*>(values.data) + ends[row], size_t(ends[row + 1] - ends[row])};
}

namespace {

/// Calls visit(span of values) with the C++ type of a fixed-width column.
template <class Visitor>
void visit_values(const Column& column, Visitor&& visit) {
  switch (column.dtype) {
    case Dtype::int8:
      return visit(column.as<int8_t>());
    case Dtype::int16:
      return visit(column.as<int16_t>());
    case Dtype::int32:
    case Dtype::date:
      return visit(column.as<int32_t>());
    case Dtype::int64:
    case Dtype::timestamp:
      return visit(column.as<int64_t>());
    case Dtype::uint8:
      return visit(column.as<uint8_t>());
    case Dtype::uint16:
      return visit(column.as<uint16_t>());
    case Dtype::uint32:
      return visit(column.as<uint32_t>());
    case Dtype::uint64:
      return visit(column.as<uint64_t>());
    case Dtype::float32:
      return visit(column.as<float>());
    case Dtype::float64:
      return visit(column.as<double>());
    case Dtype::boolean:
    case Dtype::text:
    case Dtype::category:
      assert(false && "no fixed-width numbers");
  }
}

bool bit(const Buffer& bits, int64_t row) { return bits.data[row >> 3] >> (row & 7) & 1; }

template <class T>
Column fixed_width(Dtype dtype, std::vector<T> values) {
  Column column;
  column.dtype = dtype;
  column.length = int64_t(values.size());
  column.values = make_buffer(std::move(values));
  return column;
}

Buffer slice_bits(const Buffer& bits, int64_t begin, int64_t count) {
  if (!bits.data) return {};
  std::vector<uint8_t> out(size_t(count + 7) / 8, 0);
  for (int64_t i = 0; i < count; ++i)
    if (bit(bits, begin + i)) out[size_t(i >> 3)] = uint8_t(out[size_t(i >> 3)] | 1 << (i & 7));
  return make_buffer(std::move(out));
}

}  // namespace

double Column::number(int64_t row) const {
  if (is_null(row)) return std::numeric_limits<double>::quiet_NaN();
  if (dtype == Dtype::boolean) return bit(values, row);
  double out = 0;
  visit_values(*this, [&](auto span) { out = double(span[size_t(row)]); });
  return out;
}

int64_t Column::bytes() const { return int64_t(values.size + offsets.size + validity.size) + (dictionary ? dictionary->bytes() : 0); }

Column make_column(std::vector<double> values) { return fixed_width(Dtype::float64, std::move(values)); }
Column make_column(std::vector<float> values) { return fixed_width(Dtype::float32, std::move(values)); }
Column make_column(std::vector<int32_t> values) { return fixed_width(Dtype::int32, std::move(values)); }
Column make_column(std::vector<int64_t> values) { return fixed_width(Dtype::int64, std::move(values)); }
Column make_column(std::vector<uint8_t> values) { return fixed_width(Dtype::uint8, std::move(values)); }
Column make_date_column(std::vector<int32_t> days) { return fixed_width(Dtype::date, std::move(days)); }

Column make_timestamp_column(std::vector<int64_t> microseconds, std::string zone) {
  Column column = fixed_width(Dtype::timestamp, std::move(microseconds));
  column.zone = std::move(zone);
  return column;
}

Column make_text_column(std::span<const std::string> values) {
  Column column;
  column.dtype = Dtype::text;
  column.length = int64_t(values.size());
  std::vector<int64_t> offsets = {0};
  std::vector<char> bytes;
  offsets.reserve(values.size() + 1);
  for (const std::string& value : values) {
    bytes.insert(bytes.end(), value.begin(), value.end());
    offsets.push_back(int64_t(bytes.size()));
  }
  column.values = make_buffer(std::move(bytes));
  column.offsets = make_buffer(std::move(offsets));
  return column;
}

Column make_category_column(std::vector<int32_t> codes, std::span<const std::string> names) {
  Column column = fixed_width(Dtype::category, std::move(codes));
  column.dictionary = std::make_shared<const Column>(make_text_column(names));
  return column;
}

Column slice(const Column& column, int64_t begin, int64_t count) {
  assert(begin >= 0 && count >= 0 && begin + count <= column.length);
  Column out = column;
  out.length = count;
  out.validity = slice_bits(column.validity, begin, count);
  if (column.dtype == Dtype::boolean) {
    out.values = slice_bits(column.values, begin, count);
  } else if (column.dtype == Dtype::text) {
    const auto ends = reinterpret_cast<const int64_t*>(column.offsets.data);
    std::vector<int64_t> offsets(size_t(count) + 1);
    for (int64_t i = 0; i <= count; ++i) offsets[size_t(i)] = ends[begin + i] - ends[begin];
    out.values.data += ends[begin];
    out.values.size = size_t(offsets.back());
    out.offsets = make_buffer(std::move(offsets));
  } else {
    out.values.data += size_t(begin) * dtype_width(column.dtype);
    out.values.size = size_t(count) * dtype_width(column.dtype);
  }
  return out;
}

std::vector<double> to_doubles(const Column& column) {
  assert(is_numeric(column.dtype));
  std::vector<double> out(static_cast<size_t>(column.length));
  if (column.dtype == Dtype::boolean) {
    for (size_t row = 0; row < out.size(); ++row) out[row] = bit(column.values, int64_t(row));
  } else {
    visit_values(column, [&](auto span) {
      for (size_t row = 0; row < out.size(); ++row) out[row] = double(span[row]);
    });
  }
  if (column.validity.data)
    for (size_t row = 0; row < out.size(); ++row)
      if (column.is_null(int64_t(row))) out[row] = std::numeric_limits<double>::quiet_NaN();
  return out;
}

const Column* Table::find(std::string_view name) const {
  for (size_t i = 0; i < names.size(); ++i)
    if (names[i] == name) return &columns[i];
  return nullptr;
}

Result<const Column*> Table::column(std::string_view name, std::string where) const {
  if (const Column* found = find(name)) return found;
  return unknown_name("column", name, names, std::move(where));
}

void Table::add(std::string name, Column column) {
  assert(columns.empty() || column.length == num_rows());
  names.push_back(std::move(name));
  columns.push_back(std::move(column));
}

Table slice(const Table& table, int64_t begin, int64_t count) {
  Table out;
  for (size_t i = 0; i < table.columns.size(); ++i) out.add(table.names[i], slice(table.columns[i], begin, count));
  return out;
}

namespace {

Buffer take_bits(const Buffer& bits, std::span<const int64_t> rows) {
  if (!bits.data) return {};
  std::vector<uint8_t> out((rows.size() + 7) / 8, 0);
  for (size_t i = 0; i < rows.size(); ++i) out[i >> 3] = uint8_t(out[i >> 3] | int(bit(bits, rows[i])) << (i & 7));
  return make_buffer(std::move(out));
}

void take_text(const Column& column, std::span<const int64_t> rows, Column* out) {
  std::vector<int64_t> offsets = {0};
  std::vector<char> bytes;
  for (const int64_t row : rows) {
    const std::string_view text = column.text(row);
    bytes.insert(bytes.end(), text.begin(), text.end());
    offsets.push_back(int64_t(bytes.size()));
  }
  out->values = make_buffer(std::move(bytes));
  out->offsets = make_buffer(std::move(offsets));
}

}  // namespace

Column take(const Column& column, std::span<const int64_t> rows) {
  Column out = column;
  out.length = int64_t(rows.size());
  out.validity = take_bits(column.validity, rows);
  if (column.dtype == Dtype::boolean) {
    out.values = take_bits(column.values, rows);
  } else if (column.dtype == Dtype::text) {
    take_text(column, rows, &out);
  } else {
    const size_t width = dtype_width(column.dtype);
    std::vector<uint8_t> values(rows.size() * width);
    for (size_t i = 0; i < rows.size(); ++i) std::memcpy(values.data() + i * width, column.values.data + size_t(rows[i]) * width, width);
    out.values = make_buffer(std::move(values));
  }
  return out;
}

Table take(const Table& table, std::span<const int64_t> rows) {
  Table out;
  for (size_t i = 0; i < table.columns.size(); ++i) out.add(table.names[i], take(table.columns[i], rows));
  return out;
}

// Days <-> civil date by eras of 400 years (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
int32_t days_from_civil(int year, int month, int day) {
  year -= month <= 2;
  const int era = (year >= 0 ? year : year - 399) / 400;
  const int year_of_era = year - era * 400;
  const int day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

std::string format_date(int32_t days) {
  const int64_t z = int64_t(days) + 719468;
  const int64_t era = (z >= 0 ? z : z - 146096) / 146097;
  const int64_t day_of_era = z - era * 146097;
  const int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t shifted = (5 * day_of_year + 2) / 153;
  const int64_t month = shifted + (shifted < 10 ? 3 : -9);
  return fmt::format("{:04}-{:02}-{:02}", year_of_era + era * 400 + (month <= 2), month, day_of_year - (153 * shifted + 2) / 5 + 1);
}

std::string format_timestamp(int64_t microseconds, std::string_view zone) {
  const int64_t days = (microseconds >= 0 ? microseconds : microseconds - (kMicrosecondsPerDay - 1)) / kMicrosecondsPerDay;
  const int64_t rest = microseconds - days * kMicrosecondsPerDay, seconds = rest / 1'000'000, micro = rest % 1'000'000;
  std::string out = fmt::format("{}T{:02}:{:02}:{:02}", format_date(int32_t(days)), seconds / 3600, seconds / 60 % 60, seconds % 60);
  if (micro) out += fmt::format(".{:06}", micro);
  return zone.empty() ? out : out + "Z";
}

bool parse_date(std::string_view text, int32_t* days) {
  int parts[3];
  const bool compact = text.size() == 8;
  if (!compact && !(text.size() == 10 && (text[4] == '-' || text[4] == '/') && text[7] == text[4])) return false;
  const size_t begins[3] = {0, compact ? 4u : 5u, compact ? 6u : 8u}, sizes[3] = {4, 2, 2};
  for (int i = 0; i < 3; ++i) {
    parts[i] = 0;
    for (size_t j = 0; j < sizes[i]; ++j) {
      const char c = text[begins[i] + j];
      if (c < '0' || c > '9') return false;
      parts[i] = parts[i] * 10 + (c - '0');
    }
  }
  const auto [year, month, day] = parts;
  constexpr int kMicrosecondsPerDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (month < 1 || month > 12 || day < 1) return false;
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  if (day > kMicrosecondsPerDays[month - 1] + (month == 2 && leap)) return false;
  *days = days_from_civil(year, month, day);
  return true;
}

}  // namespace hayate
