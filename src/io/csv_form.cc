#include "io/csv_form.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"

namespace hayate::io {
namespace {

constexpr Dtype kTypes[] = {Dtype::boolean, Dtype::int8,   Dtype::int16,     Dtype::int32,  Dtype::int64,
                            Dtype::uint8,   Dtype::uint16, Dtype::uint32,    Dtype::uint64, Dtype::float32,
                            Dtype::float64, Dtype::date,   Dtype::timestamp, Dtype::text,   Dtype::category};

Result<Dtype> type_named(std::string_view name, std::string_view part) {
  std::vector<std::string> names;
  for (const Dtype dtype : kTypes) {
    names.emplace_back(dtype_name(dtype));
    if (name == names.back()) return dtype;
  }
  return unknown_name("type", name, names, fmt::format("--types {}", part));
}

/// One of `marks`, or 0 for an empty text.
Result<char> mark_of(std::string_view text, std::string_view marks, const char* flag) {
  if (text.empty()) return char(0);
  if (text.size() == 1 && marks.find(text[0]) != std::string_view::npos) return text[0];
  std::string known;
  for (const char mark : marks) known += fmt::format("{}'{}'", known.empty() ? "" : " ", mark);
  return usage_error(fmt::format("'{}' is no mark in a number", text), flag, fmt::format("one of: {}", known));
}

}  // namespace

Result<std::vector<NamedType>> parse_types(std::string_view text) {
  std::vector<NamedType> out;
  if (trim(text).empty()) return out;
  for (const std::string& part : split(text, ',')) {
    const size_t equals = part.rfind('=');
    const std::string name(trim(std::string_view(part).substr(0, equals)));
    if (equals == std::string::npos || name.empty())
      return usage_error(fmt::format("'{}' does not give a column a type", part), "--types",
                         "write COLUMN=TYPE,..., such as --types 'a=int64,b=text'");
    HY_TRY(const Dtype dtype, type_named(trim(std::string_view(part).substr(equals + 1)), part));
    if (wanted_type(out, name)) return usage_error(fmt::format("column '{}' has two types", name), "--types", "name it once");
    out.push_back({name, dtype});
  }
  return out;
}

Result<CsvForm> parse_csv_form(std::string_view decimal, std::string_view thousands, std::string_view missing, std::string_view encoding) {
  CsvForm out;
  HY_TRY(out.decimal, mark_of(decimal, ".,", "--decimal"));
  HY_TRY(out.thousands, mark_of(thousands, ",.'_ ", "--thousands"));
  if (out.thousands && out.thousands == (out.decimal ? out.decimal : '.'))
    return usage_error(fmt::format("'{}' can't be the decimal mark and the thousands mark", out.thousands), "--thousands",
                       out.decimal ? "name two different marks" : "say the decimal mark too: --decimal ,");
  for (const std::string& word : split(missing, ','))
    if (!trim(word).empty()) out.missing.emplace_back(trim(word));
  HY_TRY(out.encoding, encoding_named(encoding.empty() ? "utf-8" : encoding));
  return out;
}

const Dtype* wanted_type(const std::vector<NamedType>& types, std::string_view column) {
  const auto found = std::find_if(types.begin(), types.end(), [&](const NamedType& type) { return type.column == column; });
  return found == types.end() ? nullptr : &found->dtype;
}

Result<void> check_types(const std::vector<NamedType>& types, const std::vector<std::string>& names) {
  for (const NamedType& type : types)
    if (std::find(names.begin(), names.end(), type.column) == names.end()) return unknown_name("column", type.column, names, "--types");
  return {};
}

}  // namespace hayate::io
