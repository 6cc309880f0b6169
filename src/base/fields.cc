#include "base/fields.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"

namespace hayate {
namespace {

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

std::string dashed(std::string name) {
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

Error wrong_value(const Field& field, std::string_view value, std::string where, std::string expected, std::string hint) {
  return usage_error(fmt::format("{} must be {}, not '{}'", field.name, expected, value), std::move(where), std::move(hint));
}

/// Checks the range and stores; `Unit` is the field's own type.
template <class T>
Result<void> store(const Field& field, T parsed, T* target, std::string_view value, const std::string& where, const std::string& origin) {
  if (field.bounded && !(double(parsed) >= field.least && double(parsed) <= field.most))  // NaN neither
    return wrong_value(field, value, where, fmt::format("between {:.15g} and {:.15g}", field.least, field.most), field.written(field.text(), origin));
  *target = parsed;
  return {};
}

}  // namespace

std::string Field::flag() const { return "--" + dashed(name); }

std::string Field::written(std::string_view value, std::string_view from) const {
  if (from == "command line") return fmt::format("{} {}", flag(), value);
  if (from == "environment") return fmt::format("{}={}", environment(), value);
  const bool bare = value == "true" || value == "false" || parse_number(value).has_value();
  return bare ? fmt::format("{} = {}", name, value) : fmt::format("{} = \"{}\"", name, value);
}

std::string Field::environment() const {
  std::string out = "HAYATE_" + name;
  std::transform(out.begin(), out.end(), out.begin(), [](char c) { return c >= 'a' && c <= 'z' ? char(c - 'a' + 'A') : c; });
  return out;
}

std::string Field::text() const {
  return std::visit(
      Overloaded{[](const bool* b) { return std::string(*b ? "true" : "false"); }, [](const int64_t* n) { return std::to_string(*n); },
                 [](const double* x) { return format_shortest(*x); }, [](const std::string* s) { return *s; },
                 [](const std::vector<std::string>* list) { return join(*list, ","); }, [](const Bytes* b) { return std::to_string(b->value); },
                 [](const Seconds* s) { return format_shortest(s->value) + "s"; }},
      target);
}

Result<void> Field::set(std::string_view value, std::string where, std::string new_origin) {
  if (!choices.empty() && !is_list() && std::find(choices.begin(), choices.end(), value) == choices.end())
    return unknown_name(!argument.empty() ? lower(argument) : positional ? "argument" : name, value, choices, std::move(where));
  const auto outcome =
      std::visit(Overloaded{[&](bool* b) -> Result<void> {
                              if (value != "true" && value != "false")
                                return wrong_value(*this, value, where, "true or false", written("true", new_origin));
                              *b = value == "true";
                              return {};
                            },
                            [&](int64_t* n) -> Result<void> {
                              const auto parsed = parse_integer(value);
                              if (!parsed) return wrong_value(*this, value, where, "a whole number", written(text(), new_origin));
                              return store(*this, *parsed, n, value, where, new_origin);
                            },
                            [&](double* x) -> Result<void> {
                              const auto parsed = parse_number(value);
                              if (!parsed) return wrong_value(*this, value, where, "a number", written(text(), new_origin));
                              return store(*this, *parsed, x, value, where, new_origin);
                            },
                            [&](std::string* s) -> Result<void> {
                              *s = value;
                              return {};
                            },
                            [&](std::vector<std::string>* list) -> Result<void> {
                              list->emplace_back(value);
                              return {};
                            },
                            [&](Bytes* b) -> Result<void> {
                              const auto parsed = parse_bytes(value);
                              if (!parsed)
                                return wrong_value(*this, value, where, "a size", written("2GB", new_origin) + ", 512MiB or a number of bytes");
                              return store(*this, *parsed, &b->value, value, where, new_origin);
                            },
                            [&](Seconds* s) -> Result<void> {
                              const auto parsed = parse_seconds(value);
                              if (!parsed) return wrong_value(*this, value, where, "a duration", written("300s", new_origin) + ", 5m or 200ms");
                              return store(*this, *parsed, &s->value, value, where, new_origin);
                            }},
                 target);
  if (outcome.ok()) origin = std::move(new_origin);
  return outcome;
}

Field* find_field(FieldList& fields, std::string_view name) {
  for (Field& field : fields)
    if (field.name == name) return &field;
  return nullptr;
}

std::vector<std::string> field_names(const FieldList& fields) {
  std::vector<std::string> names;
  for (const Field& field : fields) names.push_back(field.name);
  return names;
}

}  // namespace hayate
