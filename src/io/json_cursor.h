// Walks JSON text token by token (RFC 8259, strictly: no NaN, no comments, no trailing commas). Its own parser because
// Arrow's libparquet exports a simdjson of its own under the same names: a second one in the same process crashed.
#pragma once

#include <emmintrin.h>

#include <algorithm>
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
  enum Kind : uint8_t { null, boolean, integer, unsigned_integer, real, text, long_integer };
  Kind kind = null;
  int64_t whole = 0;            ///< integer; boolean; unsigned_integer (2^63 and above) by bits
  double number = 0;            ///< integer, unsigned_integer, real, long_integer
  std::string_view text_value;  ///< unescaped; valid until the next string is read; of a long_integer, which no 64 bits hold, its digits
};

/// Sixteen bytes 0 to 9 as a number, the first one in the lowest byte: pairs, fours and eights of digits side by side.
inline uint64_t number_of_sixteen(__m128i digits) {
  const __m128i none = _mm_setzero_si128(), tens = _mm_set1_epi32(10 | 1 << 16);
  const __m128i pairs = _mm_packs_epi32(_mm_madd_epi16(_mm_unpacklo_epi8(digits, none), tens), _mm_madd_epi16(_mm_unpackhi_epi8(digits, none), tens));
  const __m128i fours = _mm_madd_epi16(pairs, _mm_set1_epi32(100 | 1 << 16));
  const __m128i eights = _mm_madd_epi16(_mm_packs_epi32(fours, fours), _mm_set1_epi32(10'000 | 1 << 16));
  const uint64_t both = uint64_t(_mm_cvtsi128_si64(eights));
  return uint64_t(uint32_t(both)) * 100'000'000 + (both >> 32);
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

  /// An integer or real (`slot` holds its bits) of up to 17 digits as most are written, at this very place. Where they end is found for 32 bytes at
  /// once, and the last 16 become a number at once, those in front of the point moved up to those behind. False: something else, for scalar() to
  /// look at; nothing is read then.
  bool common_number(JsonScalar::Kind* kind, uint64_t* slot) {
    constexpr int kAhead = 33, kBehind = 17;
    if (end_ - at_ < kAhead || at_ - text_.data() < kBehind) return false;
    const bool negative = *at_ == '-';
    const char* const first = at_ + negative;
    uint32_t others = others_among(first);
    if (others == 0) return false;
    const int whole = std::countr_zero(others);
    if (whole == 0 || (*first == '0' && whole > 1)) return false;
    const char* end = first + whole;
    if (*end == '.') {
      others &= others - 1;
      if (others == 0) return false;
      end = first + std::countr_zero(others);
      const int digits = int(end - first) - 1, places = digits - whole;
      if (places == 0 || digits > 17 || places > 16) return false;
      const __m128i behind = mask_of(places);
      const __m128i joined = _mm_or_si128(_mm_and_si128(behind, sixteen(end - 16)), _mm_andnot_si128(behind, sixteen(end - 17)));
      uint64_t value = number_of_sixteen(_mm_and_si128(digits_of(joined), mask_of(std::min(digits, 16))));
      value += digits > 16 ? uint64_t(*first - '0') * 10'000'000'000'000'000 : 0;
      const double size = decimal_quotient(value, places);
      *kind = JsonScalar::real, *slot = std::bit_cast<uint64_t>(negative ? -size : size);
    } else {
      if (whole > 16) return false;
      const uint64_t value = number_of_sixteen(_mm_and_si128(digits_of(sixteen(end - 16)), mask_of(whole)));
      if (negative && value == 0) return false;  // a float
      *kind = JsonScalar::integer, *slot = negative ? 0 - value : value;
    }
    if (*end == 'e' || *end == 'E' || *end == '.') return false;
    return at_ = end, true;
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
  /// The same for what is JSON and yet no table.
  bool refuse(std::string what, const char* hint);
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
  static __m128i sixteen(const char* at) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at)); }
  static __m128i digits_of(__m128i text) { return _mm_sub_epi8(text, _mm_set1_epi8('0')); }
  /// All bits of the last `count` of 16 bytes.
  static __m128i mask_of(int count) {
    static constexpr char kMask[33] = "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF";
    return sixteen(kMask + count);
  }
  /// A bit for each of 32 bytes that is no digit.
  static uint32_t others_among(const char* at) {
    const auto are_digits = [](__m128i value) { return uint32_t(_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(value, _mm_set1_epi8(9)), value))); };
    return ~(are_digits(digits_of(sixteen(at))) | are_digits(digits_of(sixteen(at + 16))) << 16);
  }
  /// A bit for each of 16 bytes that does not stand for itself in a string: a quote, a backslash, a control character.
  static uint32_t odd_among(const char* at) {
    const __m128i text = sixteen(at);
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
  const char *problem_ = nullptr, *hint_ = nullptr;
  std::string refused_;
  std::string scratch_;
};

}  // namespace hayate::io
