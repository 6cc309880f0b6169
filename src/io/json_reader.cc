#include "io/json_reader.h"

#include "io/csv_scan.h"
#include "io/files.h"
#include "io/json_cursor.h"

namespace hayate::io {
namespace {

constexpr int kMaxDepth = 1024;

bool read_value_at(JsonCursor& cursor, int depth, Json* out) {
  if (depth > kMaxDepth) return cursor.fail("more than 1,024 levels");
  if (cursor.take('{')) {
    Json::Object members;
    for (bool more = !cursor.take('}'); more; more = cursor.more('}')) {
      std::string_view name;
      if (!cursor.string(&name)) return false;
      members.emplace_back(std::string(name), Json());
      if (!cursor.expect(':') || !read_value_at(cursor, depth + 1, &members.back().second)) return false;
    }
    out->value = std::move(members);
    return !cursor.failed();
  }
  if (cursor.take('[')) {
    Json::Array items;
    for (bool more = !cursor.take(']'); more; more = cursor.more(']')) {
      items.emplace_back();
      if (!read_value_at(cursor, depth + 1, &items.back())) return false;
    }
    out->value = std::move(items);
    return !cursor.failed();
  }
  JsonScalar scalar;
  if (!cursor.scalar(&scalar)) return false;
  if (scalar.kind == JsonScalar::boolean) out->value = scalar.whole != 0;
  if (scalar.kind == JsonScalar::integer) out->value = scalar.whole;
  if (scalar.kind == JsonScalar::real || scalar.kind == JsonScalar::unsigned_integer || scalar.kind == JsonScalar::long_integer)
    out->value = scalar.number;
  if (scalar.kind == JsonScalar::text) out->value = std::string(scalar.text_value);
  return true;
}

}  // namespace

const Json* Json::find(std::string_view key) const {
  if (const Object* members = object())
    for (const auto& [name, member] : *members)
      if (name == key) return &member;
  return nullptr;
}

double Json::number(double missing) const {
  if (const int64_t* whole = integer()) return double(*whole);
  if (const double* real = std::get_if<double>(&value)) return *real;
  return missing;
}

Result<Json> parse_json(std::string_view text, const std::string& source) {
  if (find_invalid_utf8(text) != std::string_view::npos)
    return input_error("no valid JSON: bytes that are not UTF-8", source, "convert the file to UTF-8");
  JsonCursor cursor(text, source);
  Json out;
  if (!read_value_at(cursor, 0, &out)) return cursor.error();
  if (cursor.peek() != '\0') return cursor.fail("text behind the value"), cursor.error();
  return out;
}

Result<Json> read_json(const std::string& path) {
  HY_TRY(const Buffer bytes, read_file(path));
  return parse_json({reinterpret_cast<const char*>(bytes.data), bytes.size}, path);
}

}  // namespace hayate::io
