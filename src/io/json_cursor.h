// Walks JSON text token by token (RFC 8259, strictly: no NaN, no comments, no trailing commas). Its own parser because
// Arrow's libparquet exports a simdjson of its own under the same names: a second one in the same process crashed.
#pragma once

#include <emmintrin.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "hayate/error.h"
#include "io/csv_value.h"

namespace hayate::io {

/// A string, number, true, false or null.
struct JsonScalar {
  enum Kind : uint8_t { null, boolean, integer, unsigned_integer, real, text };
  Kind kind = null;
  int64_t whole = 0;            ///< integer; boolean; unsigned_integer (2^63 and above) by bits
  double number = 0;            ///< integer, unsigned_integer, real
  std::string_view text_value;  ///< unescaped; valid until the next string is read
};

/// The number that `count` digits in front of `end` are, 1 to 19 of them; 24 bytes in front of `end` must be readable.
inline uint64_t digits_before(const char* end, int count) {
  const auto eight = [&](int behind, int digits) {  // of which the last `digits` count
    uint64_t text;
    std::memcpy(&text, end - behind - 8, sizeof text);
    text ^= 0x3030303030303030;
    return number_of_eight(digits < 8 ? text & ~uint64_t{0} << (64 - 8 * digits) : text);
  };
  uint64_t out = eight(0, count);
  if (count > 8) out += 100'000'000 * eight(8, count - 8);
  if (count > 16) out += 10'000'000'000'000'000 * eight(16, count - 16);
  return out;
}

/// A place in JSON text. Every function skips blanks first; after one has returned false by a fault, error() says what
/// was wrong and where, and the cursor must not be used further. The text must be valid UTF-8.
class JsonCursor {
 public:
  /// `first_line`: the line number of the text's first line in `source`.
  JsonCursor(std::string_view text, const std::string& source, int64_t first_line = 1)
      : text_(text), at_(text.data()), end_(at_ + text.size()), source_(source), first_line_(first_line) {}

  /// The next character that is no blank, or '\0' at the end.
  char peek() {
    skip_blanks();
    return at_ < end_ ? *at_ : '\0';
  }
  /// Nothing but blanks is left.
  bool at_end() {
    skip_blanks();
    return at_ == end_;
  }
  /// Steps over `c` if it is next.
  bool take(char c) {
    if (peek() != c || at_ == end_) return false;
    return ++at_, true;
  }
  /// Steps over `c`, or fails with "expected c".
  bool expect(char c) { return take(c) || miss(c); }
  /// A string, unescaped. The view points into the text or into the cursor's scratch.
  bool string(std::string_view* out);
  /// Steps over `token`, of three bytes or more, if it is what follows, blanks and all.
  bool take_token(std::string_view token) {
    if (size_t(end_ - at_) < token.size() || !are_same(at_, token.data(), token.size())) return false;
    return at_ += token.size(), true;
  }
  bool scalar(JsonScalar* out);

  /// An integer or real (`slot` holds its bits) of up to 19 digits as most are written, at this very place. Where the digits end is found for 32
  /// bytes at once, and the digits are read from their end. False: something else, for scalar() to look at; nothing is read then.
  bool common_number(JsonScalar::Kind* kind, uint64_t* slot) {
    constexpr int kAhead = 33, kBehind = 24;
    if (end_ - at_ < kAhead || at_ - text_.data() < kBehind) return false;
    const bool negative = *at_ == '-';
    const char* const first = at_ + negative;
    uint32_t others = others_among(first);
    if (others == 0) return false;
    const int whole = std::countr_zero(others);
    if (whole == 0 || whole > 18 || (*first == '0' && whole > 1)) return false;
    uint64_t value = digits_before(first + whole, whole);
    int end = whole;
    if (first[whole] == '.') {
      others &= others - 1;
      if (others == 0) return false;
      end = std::countr_zero(others);
      const int places = end - whole - 1;
      if (places == 0 || whole + places > 19) return false;
      value = value * kPowersOfTen[size_t(places)] + digits_before(first + end, places);
      const double size = decimal_quotient(value, places);
      *kind = JsonScalar::real, *slot = std::bit_cast<uint64_t>(negative ? -size : size);
    } else {
      if (negative && value == 0) return false;  // a float
      *kind = JsonScalar::integer, *slot = negative ? 0 - value : value;
    }
    if (const char next = first[end]; next == 'e' || next == 'E' || next == '.') return false;
    return at_ = first + end, true;
  }

  /// A string without escapes at this very place; false: scalar() must look, nothing is read.
  bool common_string(std::string_view* out) {
    if (end_ - at_ < 18 || *at_ != '"') return false;
    const uint32_t odd = odd_among(at_ + 1);
    if (odd == 0) return false;
    const int size = std::countr_zero(odd);
    if (at_[1 + size] != '"') return false;
    *out = {at_ + 1, size_t(size)};
    return at_ += size + 2, true;
  }
  /// In an object or array after a member: true after ',' (more to come), false after `closing` or at a fault.
  bool more(char closing) { return take(',') || (!take(closing) && miss_end(closing)); }

  bool failed() const { return problem_ != nullptr; }
  /// Bytes before the place.
  size_t offset() const { return size_t(at_ - text_.data()); }
  /// The text from an offset to the place.
  std::string_view since(size_t offset) const { return {text_.data() + offset, this->offset() - offset}; }
  size_t size() const { return text_.size(); }
  /// Whether more text behind this one could mend the fault.
  bool may_be_cut() const { return end_ - at_ < kLongestToken; }
  /// Marks the place as faulty; the first fault counts.
  bool fail(const char* problem);
  Error error() const;
  /// "source:line" of the place.
  std::string where() const;

 private:
  static constexpr int kLongestToken = 12;  // \ud83d\ude00: of those at whose beginning a fault is found
  template <class T>
  static bool starts_same(const char* a, const char* b) {
    T x, y;
    std::memcpy(&x, a, sizeof x), std::memcpy(&y, b, sizeof y);
    return x == y;
  }
  /// Three bytes or more, without a call.
  static bool are_same(const char* a, const char* b, size_t size) {
    if (size < 8)
      return size < 4 ? starts_same<uint16_t>(a, b) && a[2] == b[2]
                      : starts_same<uint32_t>(a, b) && starts_same<uint32_t>(a + size - 4, b + size - 4);
    for (size_t at = 0; at + 8 < size; at += 8)
      if (!starts_same<uint64_t>(a + at, b + at)) return false;
    return starts_same<uint64_t>(a + size - 8, b + size - 8);
  }
  /// A bit for each of 32 bytes that is no digit.
  static uint32_t others_among(const char* at) {
    const auto digits = [](const char* sixteen) {
      const __m128i text = _mm_loadu_si128(reinterpret_cast<const __m128i*>(sixteen));
      const __m128i value = _mm_sub_epi8(text, _mm_set1_epi8('0'));
      return uint32_t(_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(value, _mm_set1_epi8(9)), value)));
    };
    return ~(digits(at) | digits(at + 16) << 16);
  }
  /// A bit for each of 16 bytes that does not stand for itself in a string: a quote, a backslash, a control character.
  static uint32_t odd_among(const char* at) {
    const __m128i text = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(text, _mm_set1_epi8(0x1F)), text);
    const __m128i marks = _mm_or_si128(_mm_cmpeq_epi8(text, _mm_set1_epi8('"')), _mm_cmpeq_epi8(text, _mm_set1_epi8('\\')));
    return uint32_t(_mm_movemask_epi8(_mm_or_si128(control, marks)));
  }
  void skip_blanks() {
    while (at_ < end_ && uint8_t(*at_) <= ' ' && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
  }
  bool miss(char c);
  bool miss_end(char closing);
  bool literal(std::string_view word);
  bool number(JsonScalar* out);
  bool short_number(JsonScalar* out);
  bool escape();
  bool hex4(uint32_t* out);

  std::string_view text_;
  const char *at_, *end_;
  const std::string& source_;
  int64_t first_line_;
  const char* problem_ = nullptr;
  std::string scratch_;
};

}  // namespace hayate::io
