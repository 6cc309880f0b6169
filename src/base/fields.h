// A config is a plain struct whose fields are listed once, in visit_fields(config, field). Flags, TOML keys, environment
// variables, help, completion, range errors, --print-config and the hash of a spec all walk that list.
//
//   template <class Visitor> void visit_fields(ExecConfig& c, Visitor&& field) {
//     field("workers", c.workers, "CPU workers; 0 means one per granted core", Range{0, 1024});
//     field("cache", c.cache, "folder of stored results, or off", Argument{"DIR"});
//   }
//   FieldList fields = fields_of(config);
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "hayate/error.h"

namespace hayate {

struct Bytes {
  int64_t value = 0;
};
struct Seconds {
  double value = 0;
};

/// What may be said of a field beside its help.
struct Range {
  double least, most;
};
struct Choices {
  std::vector<std::string> names;
};
struct Argument {
  const char* name;  ///< how the value is called in help: FILE, DIR, NAME=EXPR
};
struct Required {};
struct Positional {};  ///< given without a flag; also as --name

struct Field {
  using Target = std::variant<bool*, int64_t*, double*, std::string*, std::vector<std::string>*, Bytes*, Seconds*>;

  std::string name;  ///< snake_case: the TOML key; the flag is --name with dashes
  Target target;
  std::string help;
  std::string argument;
  std::vector<std::string> choices;
  double least = 0, most = 0;
  bool bounded = false, required = false, positional = false;
  std::string origin;  ///< where the value came from: "", "command line", "environment", or a file

  bool is_switch() const { return std::holds_alternative<bool*>(target); }
  bool is_list() const { return std::holds_alternative<std::vector<std::string>*>(target); }
  std::string flag() const;         ///< --memory-limit
  std::string environment() const;  ///< HAYATE_MEMORY_LIMIT
  /// How a value is written where it came `from`: --workers 2, HAYATE_WORKERS=2, or as TOML: workers = 2.
  std::string written(std::string_view value, std::string_view from) const;
  /// The value now, in the form in which it can be typed ("2000000000", "300s", "a,b").
  std::string text() const;
  /// Parses `value` into the target; lists take one more element. `where` names the place for errors.
  Result<void> set(std::string_view value, std::string where, std::string new_origin);
};

using FieldList = std::vector<Field>;

/// The visitor that collects a config's fields.
class FieldCollector {
 public:
  explicit FieldCollector(FieldList& fields) : fields_(fields) {}

  template <class T, class... Remarks>
  void operator()(const char* name, T& target, const char* help, Remarks&&... remarks) {
    Field field;
    field.name = name, field.target = &target, field.help = help;
    (remark(field, std::forward<Remarks>(remarks)), ...);
    fields_.push_back(std::move(field));
  }

 private:
  static void remark(Field& f, Range r) { f.least = r.least, f.most = r.most, f.bounded = true; }
  static void remark(Field& f, Choices c) { f.choices = std::move(c.names); }
  static void remark(Field& f, Argument a) { f.argument = a.name; }
  static void remark(Field& f, Required) { f.required = true; }
  static void remark(Field& f, Positional) { f.positional = true; }

  FieldList& fields_;
};

template <class Config>
FieldList fields_of(Config& config) {
  FieldList fields;
  visit_fields(config, FieldCollector(fields));
  return fields;
}

Field* find_field(FieldList& fields, std::string_view name);
std::vector<std::string> field_names(const FieldList& fields);

}  // namespace hayate
