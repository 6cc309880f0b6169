// What one CSV field says: missing, or a number, a date, a truth value, or only text. The kinds seen in a column are
// or-ed over all its rows, and the whole set decides the column's dtype: nothing is decided by a sample.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "hayate/table.h"

namespace hayate::io {

/// Bits of the kinds of values that a column holds. Missing values leave no bit.
enum CsvSeen : uint16_t {
  kSeenBoolean = 1 << 0,      ///< true True TRUE false False FALSE
  kSeenInteger = 1 << 1,      ///< 0 .. 2^63 - 1
  kSeenNegative = 1 << 2,     ///< -2^63 .. -1
  kSeenUnsigned = 1 << 3,     ///< 2^63 .. 2^64 - 1
  kSeenHuge = 1 << 4,         ///< an integer beyond both
  kSeenReal = 1 << 5,         ///< 1e5, inf, -0: a float64 without a decimal mark
  kSeenPoint = 1 << 6,        ///< 1.5
  kSeenComma = 1 << 7,        ///< 1,5 (in files separated by semicolons)
  kSeenDate = 1 << 8,         ///< 2024-01-05 2024/01/05
  kSeenCompactDate = 1 << 9,  ///< 20240105, in a column called date
  kSeenTime = 1 << 10,        ///< 2024-01-05 09:30[:00[.123456]], a T for the blank
  kSeenZonedTime = 1 << 11,   ///< the same with Z or +09:00 behind
  kSeenText = 1 << 12,        ///< anything else; also 007, whose zeros a number would lose
};

struct CsvRules {
  bool comma_decimal = false;  ///< the separator leaves the comma free, or it was asked for
  bool compact_dates = false;  ///< the column is called date
  bool symbol = false;         ///< the column is called symbol: text as written, missing only when empty (a symbol may be NA or TRUE)
  bool point_decimal = true;   ///< 1.5 is a number
  bool leading_zeros = false;  ///< 007 is a number: the column was asked to be one
  bool single = false;         ///< numbers are rounded to the nearest float32, once
  char thousands = 0;          ///< between groups of three digits before the decimal mark; 0: none
  const std::vector<std::string>* missing = nullptr;  ///< further words that are missing, in every column

  /// The plain form of an integer or a date is one, so it need not come to read_value; the same for a float.
  bool plain_values() const { return !missing; }
  bool plain_reals() const { return !missing && point_decimal && !single && thousands != '.'; }
  bool names_missing(std::string_view text) const;
};
/// Of a column that was asked to be of `dtype`.
CsvRules rules_for(Dtype dtype);

/// One value: `seen` is 0 when it is missing. `integer` holds integers (unsigned ones as bits), booleans, days and
/// microseconds; `real` holds every number.
struct CsvValue {
  uint16_t seen = 0;
  int64_t integer = 0;
  double real = 0;
};

/// May a field that begins so be missing, or in quotes?
extern const std::array<bool, 256> kOddFirst;
inline bool is_odd_first(char first) { return kOddFirst[uint8_t(first)]; }

/// Is this one of the texts that pandas.read_csv takes for missing ("", "NA", "NaN", "null", "#N/A", ...)?
bool is_missing(std::string_view text);

/// Reads a field without its quotes. Blanks around numbers and dates are ignored.
CsvValue read_value(std::string_view text, const CsvRules& rules);

/// The dtype that holds all values seen without losing what was written: int64, uint64, float64, bool, date, timestamp;
/// text for every other mixture. Nothing seen: float64.
Dtype dtype_of(uint16_t seen, const CsvRules& rules);
/// The type to read further values as. It differs from dtype_of where that is text today but may be float64 tomorrow: an
/// integer beyond 64 bits is text among integers, and a float64 once a 0.5 stands below it.
Dtype reading_dtype(uint16_t seen, const CsvRules& rules);

/// The 64-bit slot of a value in a column that was asked to be of `to` (no text): integers and dates as they are, floats as the bits of a
/// double. False: it has no place there. Whole floats below 2^53 are integers, 0 and 1 truth values, a date is a time at midnight.
bool fit_value(const CsvValue& value, Dtype to, int64_t* slot);

inline int64_t bits_of(double value) {
  int64_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

/// Reads "1", "-25": an integer of at most 18 digits without leading zeros or blanks. False: read_value must look.
inline bool read_plain_integer(const char* begin, const char* end, int64_t* out) {
  const bool negative = begin < end && *begin == '-';
  begin += negative;
  const auto digits = end - begin;
  if (digits < 1 || digits > 18 || (*begin == '0' && (digits > 1 || negative))) return false;
  int64_t value = 0;
  for (; begin < end; ++begin) {
    const unsigned digit = unsigned(*begin) - '0';
    if (digit > 9) return false;
    value = value * 10 + digit;
  }
  *out = negative ? -value : value;
  return true;
}

/// The same for at most 8 digits without a sign, all at once: eight bytes up to `end`, of which those before `begin` are
/// made zeros (D. Lemire, "Quickly parsing eight digits", 2018). The 8 bytes before `end` must be readable.
inline bool read_short_integer(const char* begin, const char* end, int64_t* out) {
  const auto digits = end - begin;
  if (digits < 1 || digits > 8 || (*begin == '0' && digits > 1)) return false;
  uint64_t text;
  std::memcpy(&text, end - 8, 8);
  constexpr uint64_t kZeros = 0x3030303030303030;
  const uint64_t mine = ~uint64_t{0} << (64 - 8 * digits);
  text = ((text ^ kZeros) & mine);  // digits are 0 .. 9 now
  if (((text | (text + 0x0606060606060606)) & 0xF0F0F0F0F0F0F0F0) != 0) return false;
  text = text * 10 + (text >> 8);
  constexpr uint64_t kPairs = 0x000000FF000000FF;
  *out = int64_t(((text & kPairs) * 0x000F424000000064 + ((text >> 16) & kPairs) * 0x0000271000000001) >> 32);
  return true;
}

/// Reads "12.5", "-0.125": digits, a point, digits; at most 15 digits in all, so that digits / 10^k is one correctly
/// rounded division of two exact doubles (Clinger 1990). False: read_value must look.
inline bool read_plain_real(const char* begin, const char* end, double* out) {
  constexpr double kPowers[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
  const bool negative = begin < end && *begin == '-';
  begin += negative;
  if (end - begin > 16) return false;
  int64_t digits = 0;
  const char* at = begin;
  for (; at < end && unsigned(*at) - '0' <= 9; ++at) digits = digits * 10 + (*at - '0');
  const char* point = at;
  if (at == begin || at == end || *at != '.' || at + 1 == end) return false;
  for (++at; at < end && unsigned(*at) - '0' <= 9; ++at) digits = digits * 10 + (*at - '0');
  if (at != end) return false;
  const double value = double(digits) / kPowers[end - point - 1];
  *out = negative ? -value : value;
  return true;
}

/// The double nearest to digits / 10^places, of which there may be up to 19.
double decimal_quotient(uint64_t digits, int places);

inline constexpr std::array<uint64_t, 20> kPowersOfTen = [] {
  std::array<uint64_t, 20> powers{1};
  for (size_t i = 1; i < powers.size(); ++i) powers[i] = 10 * powers[i - 1];
  return powers;
}();

/// The number that eight bytes 0 to 9 are, the first one in the lowest byte.
inline uint64_t number_of_eight(uint64_t digits) {
  constexpr uint64_t kPairs = 0x000000FF000000FF;
  digits = digits * 10 + (digits >> 8);
  return ((digits & kPairs) * 0x000F424000000064 + ((digits >> 16) & kPairs) * 0x0000271000000001) >> 32;
}

/// Reads the digits from `at` on behind those that `value` has, and returns where they end. More than 19 of them overflow.
inline const char* read_digits(const char* at, const char* end, uint64_t* value) {
  uint64_t out = *value;
  while (end - at >= 8) {
    uint64_t text;
    std::memcpy(&text, at, sizeof text);
    text ^= 0x3030303030303030;
    const uint64_t others = (text | (text + 0x0606060606060606)) & 0xF0F0F0F0F0F0F0F0;
    if (others != 0) {
      const int digits = std::countr_zero(others) / 8;  // the first one that is none is marked, whatever is behind it
      if (digits > 0) out = out * kPowersOfTen[size_t(digits)] + number_of_eight(text << (64 - 8 * digits));
      return *value = out, at + digits;
    }
    out = out * 100'000'000 + number_of_eight(text), at += 8;
  }
  for (; at < end && unsigned(*at) - '0' <= 9; ++at) out = out * 10 + uint64_t(*at - '0');
  return *value = out, at;
}
/// "0.12345678901234567": up to 19 digits and a point among them; a sign may stand in front. False: read_value must look.
bool read_long_real(const char* begin, const char* end, double* out);

/// Reads "2024-01-05" and "2024/01/05".
inline bool read_plain_date(const char* begin, const char* end, int32_t* days) {
  return end - begin == 10 && (begin[4] == '-' || begin[4] == '/') && parse_date({begin, 10}, days);
}

}  // namespace hayate::io
