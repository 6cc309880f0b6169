// From argv to fields: names first, then what is required, then values, so that a typing slip costs no file access and
// the first message is about the first thing that is wrong.
#include <fmt/format.h>

#include <cstdlib>

#include "base/strings.h"
#include "cli/command.h"
#include "pipeline/spec_file.h"

namespace hayate::cli {
namespace {

struct Assignment {
  Field* field;
  std::string value, where, origin;
};

std::vector<std::string> flag_names(const FieldList& fields) {
  std::vector<std::string> names;
  for (const Field& field : fields)
    if (!field.positional) names.push_back(field.flag());
  return names;
}

Field* field_of_flag(FieldList& fields, std::string_view flag) {
  for (Field& field : fields)
    if (field.flag() == flag) return &field;
  return nullptr;
}

Field* next_positional(FieldList& fields, const std::vector<Assignment>& given) {
  for (Field& field : fields) {
    if (!field.positional) continue;
    bool taken = false;
    for (const Assignment& a : given) taken |= a.field == &field;
    if (!taken || field.is_list()) return &field;
  }
  return nullptr;
}

Result<std::vector<Assignment>> match_names(const Command& command, FieldList& fields, std::span<const std::string> argv) {
  const std::string where = fmt::format("hayate {}", command.name);
  std::vector<Assignment> given;
  for (size_t i = 0; i < argv.size(); ++i) {
    const std::string& word = argv[i];
    if (!word.starts_with("--") || word == "--") {
      Field* field = next_positional(fields, given);
      if (word.size() > 1 && word[0] == '-' && !parse_number(word)) field = field_of_flag(fields, word == "-h" ? "--help" : word);
      if (!field)
        return usage_error(fmt::format("'{}' is not expected here", word), where,
                           fmt::format("hayate {} --help shows what this command takes", command.name));
      given.push_back({field, field->is_switch() ? "true" : word, fmt::format("{} {}", where, word), "command line"});
      continue;
    }
    const size_t equals = word.find('=');
    const std::string flag = word.substr(0, equals);
    Field* field = field_of_flag(fields, flag);
    if (!field) return unknown_name("flag", flag, flag_names(fields), where);
    if (equals != std::string::npos) {
      given.push_back({field, word.substr(equals + 1), fmt::format("{} {}", where, flag), "command line"});
    } else if (field->is_switch()) {
      given.push_back({field, "true", where, "command line"});
    } else if (i + 1 < argv.size()) {
      given.push_back({field, argv[++i], fmt::format("{} {}", where, flag), "command line"});
    } else {
      return usage_error(fmt::format("{} needs a value", flag), where,
                         fmt::format("{} {}", flag, field->argument.empty() ? "VALUE" : field->argument));
    }
  }
  return given;
}

bool is_given(const std::vector<Assignment>& given, const Field& field) {
  for (const Assignment& a : given)
    if (a.field == &field) return true;
  return false;
}

/// Keys of the --spec file for fields that the command line does not set.
Result<void> match_spec_file(const std::string& path, FieldList& fields, std::vector<Assignment>& given, TextPlaces& places) {
  HY_TRY(const auto entries, pipeline::read_spec_file(path));
  std::vector<Assignment> weaker;
  for (const auto& entry : entries) {
    Field* field = entry.section.empty() ? find_field(fields, entry.key) : nullptr;
    const std::string where = fmt::format("{}:{}", path, entry.line);
    if (!field) return unknown_name("key", entry.section.empty() ? entry.key : entry.section + "." + entry.key, field_names(fields), where);
    if (is_given(given, *field)) continue;
    for (size_t i = 0; i < entry.values.size(); ++i) {
      weaker.push_back({field, entry.values[i], where, path});
      places.emplace(entry.values[i], entry.places[i]);
    }
  }
  given.insert(given.end(), weaker.begin(), weaker.end());
  return {};
}

void match_environment(FieldList& fields, std::vector<Assignment>& given) {
  FieldList exec_fields;
  exec::ExecConfig names_only;
  visit_fields(names_only, FieldCollector(exec_fields));
  for (const Field& exec_field : exec_fields) {
    Field* field = find_field(fields, exec_field.name);
    const char* value = field ? std::getenv(field->environment().c_str()) : nullptr;
    if (value && !is_given(given, *field)) given.push_back({field, value, field->environment(), "environment"});
  }
}

}  // namespace

Result<void> read_arguments(const Command& command, Invocation& invocation, std::span<const std::string> argv) {
  FieldList& fields = invocation.fields;
  HY_TRY(auto given, match_names(command, fields, argv));
  for (const Assignment& a : given)
    if (a.field->name == "help") return a.field->set("true", a.where, a.origin);
  match_environment(fields, given);
  for (const Assignment& a : given)
    if (a.field->name == "spec" && invocation.compute) {
      HY_CHECK(match_spec_file(a.value, fields, given, invocation.compute->places));
      break;
    }
  // A choice is a name: a misspelt one is reported before a missing flag is.
  for (const Assignment& a : given)
    if (!a.field->choices.empty()) HY_CHECK(a.field->set(a.value, a.where, a.origin));
  for (const Field& field : fields)
    if (field.required && !is_given(given, field)) {
      const std::string argument = field.positional && field.argument.empty() ? join(field.choices, "|") : field.argument;
      const std::string shown = field.positional ? argument : argument.empty() ? field.flag() : fmt::format("{} {}", field.flag(), argument);
      return usage_error(fmt::format("{} is missing", shown), fmt::format("hayate {}", command.name), fmt::format("{}: {}", shown, field.help));
    }
  for (const Assignment& a : given)
    if (a.field->choices.empty()) HY_CHECK(a.field->set(a.value, a.where, a.origin));
  return {};
}

}  // namespace hayate::cli
