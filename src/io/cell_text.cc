#include "io/cell_text.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <type_traits>

#include "io/shortest.h"

namespace hayate::io {
namespace {

/// The digits of a number below 10^8, the first one in the lowest byte: halves of halves, two or four side by side in one word, by
/// multiplications with 1/100 and 1/10 that are exact for numbers so small.
[[gnu::always_inline]] inline uint64_t eight_digits(uint64_t value) {
  const uint64_t fours = value / 10'000 | (value % 10'000) << 32;
  const uint64_t hundreds = (fours * 10'486 >> 20) & 0x0000007F0000007F;
  const uint64_t twos = hundreds | (fours - 100 * hundreds) << 16;
  const uint64_t tens = (twos * 103 >> 10) & 0x000F000F000F000F;
  return tens | (twos - 10 * tens) << 8;
}

/// Writes digits from the lowest byte on; 8 bytes are stored whatever counts.
void put_digits(uint64_t digits, char* out) {
  digits += 0x3030303030303030;
  std::memcpy(out, &digits, sizeof digits);
}

char* write_whole(uint64_t value, char* out) {
  constexpr uint64_t kEight = 100'000'000;
  if (value >= kEight) {
    out = write_whole(value / kEight, out);
    put_digits(eight_digits(value % kEight), out);
    return out + 8;
  }
  const uint64_t digits = eight_digits(value);
  const int zeros = std::countr_zero(digits | uint64_t{1} << 56) / 8;  // in front; of 0 one digit stays
  put_digits(digits >> (8 * zeros), out);
  return out + 8 - zeros;
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
  constexpr double kScale = kDouble ? 1e6 : 1e3, kBeyond = kDouble ? 1e15 : 1e6;
  const double size = std::fabs(double(value)), scaled = size * kScale;
  if (!(size >= 1e-4 && scaled < kBeyond)) return nullptr;
  const uint64_t whole = uint64_t(scaled + 0.5);
  if (Float(double(whole) / kScale) != Float(size) || whole >= uint64_t(kBeyond)) return nullptr;
  constexpr uint64_t kUnit = uint64_t(kScale), kRest = 100'000'000 / kUnit;
  *out = '-';
  out = write_whole(whole / kUnit, out + (value < 0));
  *out++ = '.';
  const uint64_t digits = eight_digits(whole % kUnit * kRest);
  put_digits(digits, out);
  return out + 8 - std::countl_zero(digits | 1) / 8;  // zeros behind are left out, but for the first
}

/// digits * 10^exponent, below zero, as up to 17 digits with a point among them or "0." and zeros in front. Put together in registers: what is
/// written to memory in pieces and copied from there at once has to wait for the pieces. 5 ns instead of 13.
char* write_with_point(uint64_t digits, int exponent, char* out) {
  using Wide = unsigned __int128;
  constexpr uint64_t kEight = 100'000'000, kSixteen = kEight * kEight, kZeros = 0x3030303030303030;
  const auto put_sixteen = [](Wide text, char* to) { std::memcpy(to, &text, sizeof text); };
  const uint64_t top = digits / kSixteen, rest = digits % kSixteen;
  const uint64_t first = eight_digits(rest / kEight), second = eight_digits(rest % kEight);
  const int has_top = top > 0;  // half of all doubles: no branch knows which
  const int zeros = (first > 0 ? std::countr_zero(first) : 64 + std::countr_zero(second)) / 8 * (1 - has_top);
  const Wide text = (Wide(second + kZeros) << 64 | (first + kZeros)) >> (8 * zeros);
  const int count = 16 - zeros;
  const int point = count + exponent;  // digits in front of it, less the top one
  if (point + has_top <= 0) {
    put_sixteen(Wide(kZeros) << 64 | kZeros, out);
    out[1] = '.';
    out += 2 - point - has_top;
    *out = char('0' + top);
    put_sixteen(text, out + has_top);
    return out + has_top + count;
  }
  *out = char('0' + top);
  out += has_top;
  put_sixteen(text, out);
  out[point] = '.';
  put_sixteen(text >> (8 * point), out + point + 1);
  return out + count + 1;
}

/// The shortest text of a positive double, with an exponent where it is not `plain`.
char* write_shortest(double size, bool plain, char* out) {
  const Decimal decimal = shortest_decimal(size);
  if (plain && decimal.exponent < 0) return write_with_point(decimal.digits, decimal.exponent, out);
  constexpr size_t kCopy = 24;  // more than there are digits: a copy of fixed size is no call
  char digits[3 * kCopy];
  const int count = int(write_whole(decimal.digits, digits) - digits), point = count + decimal.exponent;
  const auto put = [&](int begin, int end) { std::memcpy(out, digits + begin, kCopy), out += end - begin; };
  if (plain) {
    put(0, count), out = std::fill_n(out, decimal.exponent, '0');
    *out++ = '.', *out++ = '0';
    return out;
  }
  put(0, 1);
  if (count > 1) *out++ = '.', put(1, count);
  *out++ = 'e', *out++ = point > 0 ? '+' : '-';
  const int exponent = std::abs(point - 1);
  if (exponent < 10) *out++ = '0';
  return write_whole(uint64_t(exponent), out);
}

/// As Python prints floats: digits between 1e-4 and 1e16, an exponent outside.
template <class Float>
char* write_digits(Float value, char* out) {
  const Float size = std::fabs(value);
  const bool plain = size == 0 || (size >= Float(1e-4) && size < Float(1e16)) || !std::isfinite(value);
  if (sizeof(Float) == sizeof(double) && std::isfinite(value) && size > 0) {
    *out = '-';
    return write_shortest(double(size), plain, out + (value < 0));
  }
  char* end = std::to_chars(out, out + kMostCellText, value, plain ? std::chars_format::fixed : std::chars_format::scientific).ptr;
  if (plain && std::isfinite(value) && !std::memchr(out, '.', size_t(end - out))) *end++ = '.', *end++ = '0';
  return end;
}

template <class Float>
char* write_float(Float value, char* out) {
  char* const end = write_decimal(value, out);
  return end ? end : write_digits(value, out);
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

namespace {
template <class T>
char* write_integer_cell(const Column& column, int64_t row, char* out) {
  return write_integer(column.as<T>()[size_t(row)], out);
}
template <class T>
char* write_float_cell(const Column& column, int64_t row, char* out) {
  return write_float(column.as<T>()[size_t(row)], out);
}

/// The last `count` digits, zeros in front.
char* write_digits_of(uint32_t value, int count, char* out) {
  for (int i = count; i-- > 0; value /= 10) out[i] = char('0' + value % 10);
  return out + count;
}

/// format_date without a string of its own (a column of times took a hundred times what one of whole numbers does): years 1 to 9999 here, by the
/// same eras.
char* write_date(int64_t days, char* out) {
  constexpr int64_t kFirst = -719'162, kLast = 2'932'896;
  if (days < kFirst || days > kLast) return write_text(format_date(int32_t(days)), out);
  const auto z = uint32_t(days + 719'468), era = z / 146'097, day_of_era = z - era * 146'097;
  const uint32_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const uint32_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const uint32_t shifted = (5 * day_of_year + 2) / 153, month = shifted < 10 ? shifted + 3 : shifted - 9;
  out = write_digits_of(year_of_era + era * 400 + (month <= 2 ? 1 : 0), 4, out);
  *out++ = '-';
  out = write_digits_of(month, 2, out);
  *out++ = '-';
  return write_digits_of(day_of_year - (153 * shifted + 2) / 5 + 1, 2, out);
}

/// As format_timestamp.
char* write_timestamp(int64_t microseconds, bool zoned, char* out) {
  constexpr int64_t kDay = 86'400'000'000;
  const int64_t days = microseconds / kDay - (microseconds % kDay < 0), rest = microseconds - days * kDay;
  const auto seconds = uint32_t(rest / 1'000'000), micro = uint32_t(rest % 1'000'000);
  out = write_date(days, out);
  *out++ = 'T';
  out = write_digits_of(seconds / 3600, 2, out);
  *out++ = ':';
  out = write_digits_of(seconds / 60 % 60, 2, out);
  *out++ = ':';
  out = write_digits_of(seconds % 60, 2, out);
  if (micro) *out++ = '.', out = write_digits_of(micro, 6, out);
  if (zoned) *out++ = 'Z';
  return out;
}
}  // namespace

CellWriter cell_writer(Dtype dtype) {
  switch (dtype) {
    case Dtype::boolean:
      return [](const Column& column, int64_t row, char* out) { return write_text(integer_cell(column, row) ? "true" : "false", out); };
    case Dtype::int8:
      return write_integer_cell<int8_t>;
    case Dtype::int16:
      return write_integer_cell<int16_t>;
    case Dtype::int32:
      return write_integer_cell<int32_t>;
    case Dtype::int64:
      return write_integer_cell<int64_t>;
    case Dtype::uint8:
      return write_integer_cell<uint8_t>;
    case Dtype::uint16:
      return write_integer_cell<uint16_t>;
    case Dtype::uint32:
      return write_integer_cell<uint32_t>;
    case Dtype::uint64:
      return write_integer_cell<uint64_t>;
    case Dtype::float32:
      return write_float_cell<float>;
    case Dtype::float64:
      return write_float_cell<double>;
    case Dtype::date:
      return [](const Column& column, int64_t row, char* out) { return write_date(column.as<int32_t>()[size_t(row)], out); };
    case Dtype::timestamp:
      return
          [](const Column& column, int64_t row, char* out) { return write_timestamp(column.as<int64_t>()[size_t(row)], !column.zone.empty(), out); };
    default:
      return nullptr;
  }
}

char* write_long_real(double value, char* out) { return write_digits(value, out); }

char* write_cell_text(const Column& column, int64_t row, char* out) { return cell_writer(column.dtype)(column, row, out); }

void append_cell_text(const Column& column, int64_t row, std::string* out) {
  char text[kMostCellText];
  out->append(text, write_cell_text(column, row, text));
}

std::optional<std::string> first_beyond_float64(const Column& column) {
  if (column.dtype != Dtype::int64 && column.dtype != Dtype::uint64) return std::nullopt;
  for (int64_t row = 0; row < column.length; ++row) {
    if (column.is_null(row)) continue;
    const int64_t value = integer_cell(column, row);
    if (!(column.dtype == Dtype::int64 ? is_beyond_float64(value) : is_beyond_float64(uint64_t(value)))) continue;
    std::string out;
    append_cell_text(column, row, &out);
    return out;
  }
  return std::nullopt;
}

}  // namespace hayate::io
