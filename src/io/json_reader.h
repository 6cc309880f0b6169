// Small JSON documents (settings, metrics, manifests) as plain values. Tables in JSON are read by read_table.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "hayate/error.h"

namespace hayate::io {

/// One JSON value. Objects keep their keys in order; numbers without fraction or exponent are int64 where they fit.
struct Json {
  using Array = std::vector<Json>;
  using Object = std::vector<std::pair<std::string, Json>>;
  std::variant<std::nullptr_t, bool, int64_t, double, std::string, Array, Object> value = nullptr;

  bool is_null() const { return std::holds_alternative<std::nullptr_t>(value); }
  /// The member `key` of an object, or nullptr (also when this is no object).
  const Json* find(std::string_view key) const;
  const Object* object() const { return std::get_if<Object>(&value); }
  const Array* array() const { return std::get_if<Array>(&value); }
  const std::string* text() const { return std::get_if<std::string>(&value); }
  const bool* flag() const { return std::get_if<bool>(&value); }
  const int64_t* integer() const { return std::get_if<int64_t>(&value); }
  /// An integer or a floating number as double; `missing` for anything else.
  double number(double missing) const;
};

/// `source` is the file named in errors. At most 1,024 levels deep.
Result<Json> parse_json(std::string_view text, const std::string& source);
Result<Json> read_json(const std::string& path);

}  // namespace hayate::io
