#include "io/csv_value.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>
#include <type_traits>

#include "base/strings.h"

namespace hayate::io {
namespace {

/// pandas 3.1 STR_NA_VALUES.
constexpr std::string_view kMissing[] = {"",     "#N/A", "#N/A N/A", "#NA",  "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
                                         "<NA>", "N/A",  "NA",       "NULL", "NaN",     "None",     "n/a",  "nan",  "null"};

/// The bytes that a missing value may begin with.
constexpr std::array<bool, 256> kMissingFirst = [] {
  std::array<bool, 256> first{};
  for (const std::string_view missing : kMissing)
    if (!missing.empty()) first[uint8_t(missing.front())] = true;
  return first;
}();

bool same_ignoring_case(std::string_view text, std::string_view lower_case) { return text.size() == lower_case.size() && lower(text) == lower_case; }

/// Digits of a fixed width as a number, or -1.
int number_at(std::string_view text, size_t at, size_t width) {
  int value = 0;
  for (size_t i = at; i < at + width; ++i) {
    if (i >= text.size() || !is_digit(text[i])) return -1;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

/// "Z", "+09:00", "-0530", "+09" as minutes east of UTC.
bool read_offset(std::string_view text, int* minutes) {
  if (text == "Z") return *minutes = 0, true;
  if (text.size() < 3 || (text[0] != '+' && text[0] != '-')) return false;
  const int hours = number_at(text, 1, 2);
  const size_t rest = text.size() > 3 && text[3] == ':' ? 4 : 3;
  const int part = text.size() == 3 ? 0 : text.size() == rest + 2 ? number_at(text, rest, 2) : -1;
  if (hours < 0 || hours > 23 || part < 0 || part > 59) return false;
  *minutes = (text[0] == '-' ? -1 : 1) * (hours * 60 + part);
  return true;
}

/// "09:30", "09:30:15", "09:30:15.123456" at the start of `text`; returns how many characters were read, 0 for none.
size_t read_clock(std::string_view text, int64_t* microseconds) {
  const int hour = number_at(text, 0, 2), minute = number_at(text, 3, 2);
  if (text.size() < 5 || text[2] != ':' || hour < 0 || hour > 23 || minute < 0 || minute > 59) return 0;
  *microseconds = (hour * 60 + minute) * int64_t{60'000'000};
  if (text.size() < 6 || text[5] != ':') return 5;
  const int second = number_at(text, 6, 2);
  if (second < 0 || second > 59) return 0;
  *microseconds += second * int64_t{1'000'000};
  if (text.size() < 9 || text[8] != '.') return 8;
  size_t at = 9;
  int64_t scale = 100'000;
  for (; at < text.size() && is_digit(text[at]); ++at, scale /= 10) {
    if (scale == 0 && text[at] != '0') return 0;  // finer than a microsecond: it stays text rather than lose digits
    *microseconds += (text[at] - '0') * scale;
  }
  return at > 9 ? at : 0;
}

bool read_date_or_time(std::string_view text, CsvValue* out) {
  int32_t days = 0;
  if (text.size() < 10 || (text[4] != '-' && text[4] != '/') || !parse_date(text.substr(0, 10), &days)) return false;
  if (text.size() == 10) return *out = {kSeenDate, days, 0}, true;
  int64_t clock = 0;
  if (text[10] != ' ' && text[10] != 'T') return false;
  const size_t read = read_clock(text.substr(11), &clock);
  if (read == 0) return false;
  const std::string_view zone = text.substr(11 + read);
  int minutes = 0;
  if (!zone.empty() && !read_offset(zone, &minutes)) return false;
  const int64_t when = days * int64_t{86'400'000'000} + clock - minutes * int64_t{60'000'000};
  return *out = {uint16_t(zone.empty() ? kSeenTime : kSeenZonedTime), when, 0}, true;
}

/// strtod reads what from_chars calls out of range as infinity or zero, rounded as IEEE 754 says.
template <class Real>
bool read_real(std::string_view text, Real* out) {
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), *out);
  if (end != text.data() + text.size()) return false;
  if (code == std::errc::result_out_of_range)
    *out = Real(std::is_same_v<Real, float> ? std::strtof(std::string(text).c_str(), nullptr) : std::strtod(std::string(text).c_str(), nullptr));
  return true;
}

bool read_double(std::string_view text, const CsvRules& rules, double* out) {
  if (!rules.single) return read_real(text, out);
  float rounded = 0;
  const bool whole = read_real(text, &rounded);
  if (!std::isinf(rounded)) return *out = double(rounded), whole;
  return read_real(text, out);  // infinite as float32 alone: fit_value refuses it
}

/// "1,234,567.5" without its thousands marks; false when the digits before the decimal mark do not stand in groups of three.
bool ungroup(std::string_view text, const CsvRules& rules, std::string* out) {
  const size_t end = std::min(text.find_first_of(rules.point_decimal ? (rules.comma_decimal ? ".,eE" : ".eE") : ",eE"), text.size());
  size_t group = 0;
  for (size_t i = 0; i < end; ++i) {
    if (is_digit(text[i])) {
      ++group;
      out->push_back(text[i]);
      continue;
    }
    const bool first = out->size() == group;
    if (text[i] != rules.thousands || group == 0 || (first ? group > 3 : group != 3)) return false;
    group = 0;
  }
  out->append(text.substr(end));
  return group == 3;
}

/// An integer without sign: fits int64, uint64, or neither.
CsvValue read_whole(std::string_view digits, bool negative, const CsvRules& rules) {
  CsvValue out;
  read_double(digits, rules, &out.real);
  if (negative) out.real = -out.real;
  uint64_t size = 0;
  const auto code = std::from_chars(digits.data(), digits.data() + digits.size(), size).ec;
  constexpr uint64_t kHalf = uint64_t{1} << 63;
  if (code != std::errc() || (negative && size > kHalf)) return out.seen = kSeenHuge, out;
  if (negative && size == 0) return out.seen = kSeenReal, out;
  out.integer = int64_t(negative ? 0 - size : size);
  out.seen = negative ? kSeenNegative : size < kHalf ? kSeenInteger : kSeenUnsigned;
  return out;
}

bool read_number(std::string_view text, const CsvRules& rules, CsvValue* out) {
  const bool negative = text.front() == '-';
  if (negative || text.front() == '+') text.remove_prefix(1);
  if (text.empty()) return false;
  if (same_ignoring_case(text, "inf") || same_ignoring_case(text, "infinity")) {
    const double infinity = std::numeric_limits<double>::infinity();
    return *out = {kSeenReal, 0, negative ? -infinity : infinity}, true;
  }
  std::string ungrouped;
  if (rules.thousands && text.find(rules.thousands) != std::string_view::npos) {
    if (!ungroup(text, rules, &ungrouped)) return false;
    text = ungrouped;
  }
  if (text.find_first_not_of("0123456789") == std::string_view::npos) {
    if (text.size() > 1 && text[0] == '0' && !rules.leading_zeros) return false;
    return *out = read_whole(text, negative, rules), true;
  }
  const char* allowed = !rules.point_decimal ? "0123456789,eE+-" : rules.comma_decimal ? "0123456789.,eE+-" : "0123456789.eE+-";
  if (text.find_first_not_of(allowed) != std::string_view::npos) return false;
  const size_t comma = text.find(',');
  std::string with_point;
  if (comma != std::string_view::npos) {
    with_point = text;
    with_point[comma] = '.';
    text = with_point;
  }
  if (!(is_digit(text.front()) || (text.front() == '.' && text.size() > 1 && is_digit(text[1]))) || !read_double(text, rules, &out->real))
    return false;
  if (negative) out->real = -out->real;
  out->seen = comma != std::string_view::npos ? kSeenComma : text.find('.') != std::string_view::npos ? kSeenPoint : kSeenReal;
  return true;
}

int boolean_of(std::string_view text) {
  if (text == "true" || text == "True" || text == "TRUE") return 1;
  if (text == "false" || text == "False" || text == "FALSE") return 0;
  return -1;
}

}  // namespace

const std::array<bool, 256> kOddFirst = [] {
  std::array<bool, 256> first = kMissingFirst;
  first['"'] = true;
  return first;
}();

namespace {

using Wide = unsigned __int128;

/// 10^k moved up to the highest bit, and 2^127 divided by that (for 1 it is 2^64, less 1).
struct Power {
  uint64_t shifted, reciprocal;
  int up;
};
constexpr std::array<Power, 20> kDivisors = [] {
  std::array<Power, 20> out{};
  for (size_t i = 0; i < out.size(); ++i) {
    const int up = std::countl_zero(kPowersOfTen[i]);
    const uint64_t shifted = kPowersOfTen[i] << up;
    const Wide reciprocal = (Wide{1} << 127) / shifted;
    out[i] = {shifted, reciprocal >> 64 ? UINT64_MAX : uint64_t(reciprocal), up};
  }
  return out;
}();

}  // namespace

/// A division of whole numbers that leaves 63 bits or more and a rest, so one rounding of what is not nothing; nearly always a multiplication tells
/// as much (D. Lemire, "Number parsing at a gigabyte per second", 2021, with the 64 bits of a reciprocal that so few digits need).
double decimal_quotient(uint64_t digits, int places) {
  if (digits == 0) return 0;
  const Power& power = kDivisors[size_t(places)];
  const int up = std::countl_zero(digits), power_up = power.up;
  const uint64_t divisor = power.shifted;
  // Half of the quotient, with a bit for what is lost, is a signed number: those become doubles without a branch.
  const double scale = std::bit_cast<double>(uint64_t(1023 - 62 + power_up - up) << 52);
  // The quotient is `near` to `near + 2`. Mostly all of these are rounded alike: no end of a rounding interval (a multiple of 512) is close.
  const uint64_t near = uint64_t((Wide(digits << up) * power.reciprocal) >> 64);
  if (((near + 2) & 511) > 4) return double(int64_t(near >> 1 | 1)) * scale;
  const Wide dividend = Wide(digits << up) << 63;
  const uint64_t quotient = uint64_t(dividend / divisor), rest = uint64_t(dividend) - quotient * divisor;
  return double(int64_t(quotient >> 1 | (quotient & 1) | uint64_t(rest != 0))) * scale;
}

bool read_long_real(const char* begin, const char* end, double* out) {
  const char* const first = begin + (begin < end && *begin == '-');
  uint64_t digits = 0;
  const char* const point = read_digits(first, end, &digits);
  if (point == first || point == end || *point != '.' || end - first > 20 || point + 1 == end) return false;
  if (read_digits(point + 1, end, &digits) != end) return false;
  const double size = decimal_quotient(digits, int(end - point - 1));
  return *out = first > begin ? -size : size, true;
}

bool is_missing(std::string_view text) {
  if (text.empty()) return true;
  if (text.size() > 8) return false;
  if (!kMissingFirst[uint8_t(text.front())]) return false;
  for (const std::string_view missing : kMissing)
    if (text == missing) return true;
  return false;
}

bool CsvRules::names_missing(std::string_view text) const {
  const std::string_view bare = trim(text);
  return std::find(missing->begin(), missing->end(), bare) != missing->end();
}

CsvRules rules_for(Dtype dtype) {
  CsvRules out;
  out.compact_dates = dtype == Dtype::date || dtype == Dtype::timestamp;
  out.single = dtype == Dtype::float32;
  out.leading_zeros = true;
  return out;
}

namespace {

struct Limits {
  int64_t least, most;
};
template <class T>
constexpr Limits limits_of() {
  return {int64_t(std::numeric_limits<T>::min()), int64_t(std::numeric_limits<T>::max())};
}

/// What an integer type holds, as far as int64 can say it.
Limits limits_of(Dtype dtype) {
  switch (dtype) {
    case Dtype::int8:
      return limits_of<int8_t>();
    case Dtype::int16:
      return limits_of<int16_t>();
    case Dtype::int32:
      return limits_of<int32_t>();
    case Dtype::uint8:
      return limits_of<uint8_t>();
    case Dtype::uint16:
      return limits_of<uint16_t>();
    case Dtype::uint32:
      return limits_of<uint32_t>();
    case Dtype::uint64:
      return {0, std::numeric_limits<int64_t>::max()};
    default:
      return limits_of<int64_t>();
  }
}

bool fit_integer(const CsvValue& value, Dtype to, int64_t* slot) {
  constexpr double kExact = 9007199254740992;  // 2^53: from it on a float does not say which integer was written
  if (value.seen == kSeenUnsigned) return *slot = value.integer, to == Dtype::uint64;
  int64_t integer = value.integer;
  if (value.seen & (kSeenReal | kSeenPoint | kSeenComma)) {
    if (!(std::fabs(value.real) < kExact) || value.real != std::trunc(value.real)) return false;
    integer = int64_t(value.real);
  } else if (!(value.seen & (kSeenInteger | kSeenNegative))) {
    return false;
  }
  const Limits limits = limits_of(to);
  return *slot = integer, integer >= limits.least && integer <= limits.most;
}

bool fit_real(const CsvValue& value, Dtype to, int64_t* slot) {
  constexpr int kNumbers = kSeenInteger | kSeenNegative | kSeenUnsigned | kSeenHuge | kSeenReal | kSeenPoint | kSeenComma;
  const double real = to == Dtype::float32 ? double(float(value.real)) : value.real;
  *slot = bits_of(real);
  return (value.seen & kNumbers) && std::isinf(real) == std::isinf(value.real);
}

}  // namespace

bool fit_value(const CsvValue& value, Dtype to, int64_t* slot) {
  constexpr int64_t kDay = 86'400'000'000;
  const bool is_day = value.seen == kSeenDate || value.seen == kSeenCompactDate;
  switch (to) {
    case Dtype::boolean:
      *slot = value.integer;
      return value.seen == kSeenBoolean || (value.seen == kSeenInteger && value.integer <= 1);
    case Dtype::float32:
    case Dtype::float64:
      return fit_real(value, to, slot);
    case Dtype::date:
      return *slot = value.integer, is_day;
    case Dtype::timestamp:
      return *slot = is_day ? value.integer * kDay : value.integer, is_day || value.seen == kSeenTime || value.seen == kSeenZonedTime;
    default:
      return fit_integer(value, to, slot);
  }
}

CsvValue read_value(std::string_view text, const CsvRules& rules) {
  CsvValue out;
  if (rules.missing && rules.names_missing(text)) return out;
  if (rules.symbol) return out.seen = text.empty() ? 0 : kSeenText, out;
  if (is_missing(text)) return out;
  const std::string_view bare = trim(text);
  if (is_missing(bare)) return out;
  int32_t days = 0;
  if (rules.compact_dates && bare.size() == 8 && parse_date(bare, &days)) return {kSeenCompactDate, days, read_whole(bare, false, rules).real};
  if (read_date_or_time(bare, &out) || read_number(bare, rules, &out)) return out;
  if (const int flag = boolean_of(bare); flag >= 0) return {kSeenBoolean, flag, 0};
  return {kSeenText, 0, 0};
}

namespace {
constexpr int kWhole = kSeenInteger | kSeenNegative | kSeenCompactDate;
constexpr int kReal = kSeenReal | kSeenPoint | kSeenComma;
constexpr int kNumber = kWhole | kSeenUnsigned | kSeenHuge | kReal;
}  // namespace

Dtype dtype_of(uint16_t seen, const CsvRules& rules) {
  const auto only = [&](int allowed) { return (seen & ~allowed) == 0; };
  if (rules.symbol) return Dtype::text;
  if (seen == 0) return Dtype::float64;
  if (only(kSeenBoolean)) return Dtype::boolean;
  if (only(kSeenDate | kSeenCompactDate)) return Dtype::date;
  if (only(kSeenDate | kSeenTime) || only(kSeenZonedTime)) return Dtype::timestamp;
  if (only(kWhole)) return Dtype::int64;
  if (only(kSeenInteger | kSeenCompactDate | kSeenUnsigned)) return Dtype::uint64;
  const bool two_marks = (seen & kSeenPoint) && (seen & kSeenComma);
  return only(kNumber) && (seen & kReal) && !two_marks ? Dtype::float64 : Dtype::text;
}

Dtype reading_dtype(uint16_t seen, const CsvRules& rules) {
  const Dtype dtype = dtype_of(seen, rules);
  return dtype == Dtype::text && !rules.symbol && (seen & ~kNumber) == 0 ? Dtype::float64 : dtype;
}

}  // namespace hayate::io
