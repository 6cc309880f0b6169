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
Result<void> store(const Field& field, T parsed, T* target, std::string_view value, const std::string& where) {
  if (field.bounded && (double(parsed) < field.least || double(parsed) > field.most))
    return wrong_value(field, value, where, fmt::format("between {:.15g} and {:.15g}", field.least, field.most),
                       fmt::format("{} {}", field.flag(), field.text()));
  *target = parsed;
  return {};
}

}  // namespace

std::string Field::flag() const { return "--" + dashed(name); }

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
    return unknown_name(argument.empty() ? name : lower(argument), value, choices, std::move(where));
  const auto outcome =
      std::visit(Overloaded{[&](bool* b) -> Result<void> {
                              if (value != "true" && value != "false")
                                return wrong_value(*this, value, where, "true or false", fmt::format("{} = true", name));
                              *b = value == "true";
                              return {};
                            },
                            [&](int64_t* n) -> Result<void> {
                              const auto parsed = parse_integer(value);
                              if (!parsed) return wrong_value(*this, value, where, "a whole number", fmt::format("{} {}", flag(), text()));
                              return store(*this, *parsed, n, value, where);
                            },
                            [&](double* x) -> Result<void> {
                              const auto parsed = parse_number(value);
                              if (!parsed) return wrong_value(*this, value, where, "a number", fmt::format("{} {}", flag(), text()));
                              return store(*this, *parsed, x, value, where);
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
                                return wrong_value(*this, value, where, "a size", fmt::format("{} 2GB, 512MiB or a number of bytes", flag()));
                              return store(*this, *parsed, &b->value, value, where);
                            },
                            [&](Seconds* s) -> Result<void> {
                              const auto parsed = parse_seconds(value);
                              if (!parsed) return wrong_value(*this, value, where, "a duration", fmt::format("{} 300s, 5m or 200ms", flag()));
                              return store(*this, *parsed, &s->value, value, where);
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
