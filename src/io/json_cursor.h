// Walks JSON text token by token (RFC 8259, strictly: no NaN, no comments, no trailing commas). Its own parser because
// Arrow's libparquet exports a simdjson of its own under the same names: a second one in the same process crashed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "hayate/error.h"

namespace hayate::io {

/// A string, number, true, false or null.
struct JsonScalar {
  enum Kind : uint8_t { null, boolean, integer, unsigned_integer, real, text };
  Kind kind = null;
  int64_t whole = 0;            ///< integer; boolean; unsigned_integer (2^63 and above) by bits
  double number = 0;            ///< integer, unsigned_integer, real
  std::string_view text_value;  ///< unescaped; valid until the next string is read
};

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
  /// Steps over `token`, of three bytes or more, if it is next.
  bool take_token(std::string_view token) {
    if (peek() != token.front() || size_t(end_ - at_) < token.size() || !are_same(at_, token.data(), token.size())) return false;
    return at_ += token.size(), true;
  }
  bool scalar(JsonScalar* out);
  /// In an object or array after a member: true after ',' (more to come), false after `closing` or at a fault.
  bool more(char closing) { return take(',') || (!take(closing) && miss_end(closing)); }

  bool failed() const { return problem_ != nullptr; }
  /// Bytes before the place.
  size_t offset() const { return size_t(at_ - text_.data()); }
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
  void skip_blanks() {
    while (at_ < end_ && uint8_t(*at_) <= ' ' && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
  }
  bool miss(char c);
  bool miss_end(char closing);
  bool literal(std::string_view word);
  bool number(JsonScalar* out);
  bool common_number(JsonScalar* out);
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
