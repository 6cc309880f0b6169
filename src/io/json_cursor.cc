#include "io/json_cursor.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/strings.h"
#include "io/csv_value.h"

namespace hayate::io {
namespace {

/// A byte that a string may hold as it stands.
bool is_plain(char c) { return c != '"' && c != '\\' && uint8_t(c) >= 0x20; }

}  // namespace

bool JsonCursor::miss(char c) {
  switch (c) {
    case '{':
      return fail("expected an object");
    case '[':
      return fail("expected an array");
    case ':':
      return fail("expected ':' behind a name");
    default:
      return fail(at_ == end_ ? "the text ends too early" : "an unexpected character");
  }
}

bool JsonCursor::miss_end(char closing) {
  return fail(at_ == end_ ? "the text ends too early" : closing == '}' ? "expected ',' or '}'" : "expected ',' or ']'");
}

bool JsonCursor::fail(const char* problem) {
  if (!problem_) problem_ = problem;
  return false;
}

bool JsonCursor::refuse(std::string what, const char* hint) {
  if (!problem_) problem_ = "", refused_ = std::move(what), hint_ = hint;
  return false;
}

std::string JsonCursor::where() const { return fmt::format("{}:{}", source_, first_line_ + std::count(text_.data(), at_, '\n')); }

Error JsonCursor::error() const {
  std::string near;
  for (const char* c = at_; c < end_ && c < at_ + 30 && uint8_t(*c) >= 0x20; ++c) near += *c;
  const std::string place = near.empty() ? where() : fmt::format("{}: {}", where(), near);
  if (hint_) return input_error(refused_, place, hint_);
  return input_error(fmt::format("no valid JSON: {}", problem_), place, "check that the file is complete; NaN and Infinity are no JSON, write null");
}

bool JsonCursor::string(std::string_view* out) {
  if (!take('"')) return fail("expected a string");
  const char* begin = at_;
  while (end_ - at_ >= 16 && odd_among(at_) == 0) at_ += 16;
  while (at_ < end_ && is_plain(*at_)) ++at_;
  if (at_ < end_ && *at_ == '"') return *out = {begin, size_t(at_++ - begin)}, true;
  scratch_.assign(begin, at_);
  while (at_ < end_ && *at_ != '"') {
    if (*at_ == '\\') {
      if (!escape()) return false;
    } else if (uint8_t(*at_) < 0x20) {
      return fail("a control character inside a string");
    } else {
      scratch_ += *at_++;
    }
  }
  if (at_ == end_) return fail("a string that never ends");
  ++at_;
  return *out = scratch_, true;
}

/// \n, \u00e9, \ud83d\ude00: at the backslash.
bool JsonCursor::escape() {
  constexpr std::string_view kNames = "\"\\/bfnrt", kValues = "\"\\/\b\f\n\r\t";
  if (++at_ == end_) return fail("a string that never ends");
  if (*at_ != 'u') {
    const size_t place = kNames.find(*at_);
    if (place == std::string_view::npos) return fail("an unknown escape in a string");
    return scratch_ += kValues[place], ++at_, true;
  }
  uint32_t code = 0, low = 0;
  if (!hex4(&code)) return false;
  if (code >= 0xD800 && code < 0xE000) {
    if (code >= 0xDC00 || end_ - at_ < 2 || at_[0] != '\\' || at_[1] != 'u') return fail("half of a surrogate pair in a string");
    ++at_;
    if (!hex4(&low)) return false;
    if (low < 0xDC00 || low >= 0xE000) return fail("half of a surrogate pair in a string");
    code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
  }
  return append_utf8(code, &scratch_), true;
}

/// Four hex digits behind the 'u' at which the cursor stands.
bool JsonCursor::hex4(uint32_t* out) {
  if (end_ - at_ < 5) return fail("a string that never ends");
  const auto [end, code] = std::from_chars(at_ + 1, at_ + 5, *out, 16);
  if (code != std::errc() || end != at_ + 5) return fail("four hex digits expected behind \\u");
  return at_ += 5, true;
}

bool JsonCursor::literal(std::string_view word) {
  if (std::string_view(at_, size_t(end_ - at_)).starts_with(word)) return at_ += word.size(), true;
  return fail("expected a value");
}

/// A number of up to 18 digits with a point among them or none: nearly every one. False: another, or one that is none; nothing is read then.
bool JsonCursor::short_number(JsonScalar* out) {
  const char* const digits = at_ + (*at_ == '-');
  uint64_t value = 0;
  const char* const point = read_digits(digits, end_, &value);
  const char* end = point;
  if (point == digits || (*digits == '0' && point - digits > 1)) return false;
  if (point < end_ && *point == '.') end = read_digits(point + 1, end_, &value);
  const bool whole = end == point;
  if (end - digits > (whole ? 18 : 20) || end == point + 1 || (end < end_ && (*end == '.' || *end == 'e' || *end == 'E'))) return false;
  const bool negative = digits > at_;
  if (whole) {
    if (negative && value == 0) return false;  // a float
    out->kind = JsonScalar::integer, out->whole = negative ? -int64_t(value) : int64_t(value), out->number = double(out->whole);
  } else {
    const double size = decimal_quotient(value, int(end - point - 1));
    out->kind = JsonScalar::real, out->number = negative ? -size : size;
  }
  return at_ = end, true;
}

bool JsonCursor::number(JsonScalar* out) {
  if (short_number(out)) return true;
  const char* begin = at_;
  const char* c = at_ + (*at_ == '-');
  const char* digits = c;
  const auto unknown = [&] {
    if (c == end_) at_ = c;  // the text ends in it
    return fail("a number that JSON does not know");
  };
  while (c < end_ && is_digit(*c)) ++c;
  if (c == digits || (*digits == '0' && c - digits > 1)) return unknown();
  const bool whole = c == end_ || (*c != '.' && *c != 'e' && *c != 'E');
  if (!whole) {
    if (*c == '.') {
      const char* fraction = ++c;
      while (c < end_ && is_digit(*c)) ++c;
      if (c == fraction) return unknown();
    }
    if (c < end_ && (*c == 'e' || *c == 'E')) {
      ++c;
      if (c < end_ && (*c == '+' || *c == '-')) ++c;
      const char* exponent = c;
      while (c < end_ && is_digit(*c)) ++c;
      if (c == exponent) return unknown();
    }
  }
  at_ = c;
  out->kind = JsonScalar::real;
  if (whole && read_plain_integer(begin, c, &out->whole)) return out->kind = JsonScalar::integer, out->number = double(out->whole), true;
  if (!whole && (read_plain_real(begin, c, &out->number) || read_long_real(begin, c, &out->number))) return true;
  const CsvValue value = read_value({begin, size_t(c - begin)}, {});
  out->number = value.real, out->whole = value.integer;
  if (value.seen & (kSeenInteger | kSeenNegative)) out->kind = JsonScalar::integer;
  if (value.seen & kSeenUnsigned) out->kind = JsonScalar::unsigned_integer;
  const bool is_zero = value.real == 0;  // -0
  if (whole && out->kind == JsonScalar::real && !is_zero) out->kind = JsonScalar::long_integer, out->text_value = {begin, size_t(c - begin)};
  return true;
}

bool JsonCursor::scalar(JsonScalar* out) {
  *out = {};
  switch (peek()) {
    case '"':
      out->kind = JsonScalar::text;
      return string(&out->text_value);
    case 't':
      out->kind = JsonScalar::boolean, out->whole = 1;
      return literal("true");
    case 'f':
      out->kind = JsonScalar::boolean;
      return literal("false");
    case 'n':
      return literal("null");
    case '{':
    case '[':
      return fail("a nested value");
    default:
      if (at_ < end_ && (*at_ == '-' || is_digit(*at_))) return number(out);
      return fail(at_ == end_ ? "the text ends too early" : "expected a value");
  }
}

}  // namespace hayate::io
