// Writes JSON text: numbers in their shortest exact form, NaN and infinities as null, control characters escaped.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace hayate {

/// json.object().key("rows").value(3).key("names").array().value("a").end().end();
class JsonWriter {
 public:
  /// `indent` 0: one line.
  explicit JsonWriter(int indent = 0) : indent_(indent) {}

  JsonWriter& object() { return open('{', '}'); }
  JsonWriter& array() { return open('[', ']'); }
  JsonWriter& end();
  JsonWriter& key(std::string_view name);
  JsonWriter& value(std::string_view text);
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(const std::string& text) { return value(std::string_view(text)); }
  JsonWriter& value(double number);
  JsonWriter& value(int64_t number);
  JsonWriter& value(int number) { return value(int64_t(number)); }
  JsonWriter& value(uint64_t number);
  JsonWriter& value(bool flag);
  /// A number that is written already ("123456789012345678").
  JsonWriter& number(std::string_view digits);
  JsonWriter& null();

  const std::string& text() const { return out_; }

 private:
  JsonWriter& open(char bracket, char closing);
  void separate();
  void new_line();

  int indent_;
  std::string out_, closings_;
  bool first_ = true, after_key_ = false;
};

/// The text between double quotes, escaped.
std::string json_escape(std::string_view text);

}  // namespace hayate
