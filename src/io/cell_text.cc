#include "io/cell_text.h"

#include <array>
#include <cassert>
#include <charconv>
#include <cmath>
#include <cstring>
#include <type_traits>

namespace hayate::io {
namespace {

constexpr auto kPairs = [] {
  std::array<char, 200> out{};
  for (int i = 0; i < 100; ++i) out[size_t(2 * i)] = char('0' + i / 10), out[size_t(2 * i + 1)] = char('0' + i % 10);
  return out;
}();

/// `count` digits of a number that has no more, zeros in front.
void write_padded(uint64_t value, int count, char* out) {
  for (; count >= 2; count -= 2, value /= 100) std::memcpy(out + count - 2, kPairs.data() + 2 * (value % 100), 2);
  if (count == 1) *out = char('0' + value % 10);
}

char* write_whole(uint64_t value, char* out) {
  int count = 1;
  for (uint64_t rest = value; rest >= 10; rest /= 10) ++count;
  write_padded(value, count, out);
  return out + count;
}

template <class T>
char* write_integer(T value, char* out) {
  if constexpr (std::is_signed_v<T>) {
    if (value < 0) return *out = '-', write_whole(0 - uint64_t(value), out + 1);
  }
  return write_whole(uint64_t(value), out);
}

/// Numbers with few decimals, as prices have: what round trips in fewer digits than the type can tell apart is the shortest text, and the
/// only one of its length. 6 ns instead of 40; others go to std::to_chars. nullptr: this is one of those.
template <class Float>
char* write_decimal(Float value, char* out) {
  constexpr bool kDouble = sizeof(Float) == 8;
  constexpr int kDecimals = kDouble ? 6 : 3;
  constexpr double kScale = kDouble ? 1e6 : 1e3, kBeyond = kDouble ? 1e15 : 1e6;
  const double size = std::fabs(double(value)), scaled = size * kScale;
  if (!(size >= 1e-4 && scaled < kBeyond)) return nullptr;
  const uint64_t whole = uint64_t(scaled + 0.5);
  if (Float(double(whole) / kScale) != Float(size) || whole >= uint64_t(kBeyond)) return nullptr;
  constexpr uint64_t kUnit = uint64_t(kScale);
  if (value < 0) *out++ = '-';
  out = write_whole(whole / kUnit, out);
  *out++ = '.';
  write_padded(whole % kUnit, kDecimals, out);
  int kept = kDecimals;
  while (kept > 1 && out[kept - 1] == '0') --kept;
  return out + kept;
}

/// As Python prints floats: digits between 1e-4 and 1e16, an exponent outside.
template <class Float>
char* write_float(Float value, char* out) {
  if (char* const end = write_decimal(value, out)) return end;
  const Float size = std::fabs(value);
  const bool plain = size == 0 || (size >= Float(1e-4) && size < Float(1e16)) || !std::isfinite(value);
  char* end = std::to_chars(out, out + kMostCellText, value, plain ? std::chars_format::fixed : std::chars_format::scientific).ptr;
  if (plain && std::isfinite(value) && !std::memchr(out, '.', size_t(end - out))) *end++ = '.', *end++ = '0';
  return end;
}

char* write_text(std::string_view text, char* out) {
  assert(text.size() <= kMostCellText);
  std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

}  // namespace

bool is_missing_cell(const Column& column, int64_t row) {
  if (column.is_null(row)) return true;
  if (column.dtype == Dtype::float64) return std::isnan(column.as<double>()[size_t(row)]);
  return column.dtype == Dtype::float32 && std::isnan(column.as<float>()[size_t(row)]);
}

int64_t integer_cell(const Column& column, int64_t row) {
  const size_t at = size_t(row);
  switch (column.dtype) {
    case Dtype::boolean:
      return column.values.data[row >> 3] >> (row & 7) & 1;
    case Dtype::int8:
      return column.as<int8_t>()[at];
    case Dtype::int16:
      return column.as<int16_t>()[at];
    case Dtype::int32:
    case Dtype::date:
      return column.as<int32_t>()[at];
    case Dtype::uint8:
      return column.as<uint8_t>()[at];
    case Dtype::uint16:
      return column.as<uint16_t>()[at];
    case Dtype::uint32:
      return column.as<uint32_t>()[at];
    case Dtype::int64:
    case Dtype::uint64:
    case Dtype::timestamp:
      return column.as<int64_t>()[at];
    default:
      assert(false && "no integer");
      return 0;
  }
}

char* write_cell_text(const Column& column, int64_t row, char* out) {
  switch (column.dtype) {
    case Dtype::float32:
      return write_float(column.as<float>()[size_t(row)], out);
    case Dtype::float64:
      return write_float(column.as<double>()[size_t(row)], out);
    case Dtype::boolean:
      return write_text(integer_cell(column, row) ? "true" : "false", out);
    case Dtype::date:
      return write_text(format_date(column.as<int32_t>()[size_t(row)]), out);
    case Dtype::timestamp:
      return write_text(format_timestamp(column.as<int64_t>()[size_t(row)], column.zone), out);
    case Dtype::uint64:
      return write_integer(column.as<uint64_t>()[size_t(row)], out);
    default:
      return write_integer(integer_cell(column, row), out);
  }
}

void append_cell_text(const Column& column, int64_t row, std::string* out) {
  char text[kMostCellText];
  out->append(text, write_cell_text(column, row, text));
}

}  // namespace hayate::io
