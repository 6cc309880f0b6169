#include "pipeline/spec.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/hash.h"
#include "base/json.h"
#include "base/strings.h"
#include "pipeline/spec_file.h"

namespace hayate::pipeline {
namespace {

struct Section {
  std::string name;
  FieldList fields;
};

std::vector<Section> sections_of(RunSpec& spec, exec::ExecConfig* exec) {
  std::vector<Section> sections;
  visit_sections(spec, [&](const char* name, auto& section) {
    sections.push_back({name, {}});
    visit_fields(section, FieldCollector(sections.back().fields));
  });
  if (exec) sections.push_back({"exec", fields_of(*exec)});
  return sections;
}

Result<Section*> find_section(std::vector<Section>& sections, const std::string& name, const std::string& where) {
  std::vector<std::string> names;
  for (Section& section : sections) {
    if (section.name == name) return &section;
    names.push_back(section.name);
  }
  if (name.empty())
    return usage_error("a setting stands above the first section", where, fmt::format("put it under one of [{}]", join(names, "], [")));
  return unknown_name("section", name, names, where);
}

Result<void> set_entry(const SpecEntry& entry, Field& field, const std::string& where) {
  if (entry.is_array && !field.is_list())
    return usage_error(fmt::format("{} takes one value, not an array", entry.key), where, fmt::format("{} = ...", entry.key));
  if (entry.key == "params") return field.set(join(entry.values, ","), where, "spec");
  for (const std::string& value : entry.values) HY_CHECK(field.set(value, where, "spec"));
  return {};
}

Result<void> check_required(const std::vector<Section>& sections, const std::string& source) {
  for (const Section& section : sections)
    for (const Field& field : section.fields)
      if (field.required && field.text().empty())
        return usage_error(fmt::format("[{}] {} is missing", section.name, field.name), source,
                           fmt::format("[{}]\n       {} = \"...\"  # {}", section.name, field.name, field.help));
  return {};
}

std::string quoted(const std::string& text) { return '"' + json_escape(text) + '"'; }

std::string value_toml(const Field& field) {
  if (const auto* list = std::get_if<std::vector<std::string>*>(&field.target)) {
    std::vector<std::string> parts;
    for (const std::string& value : **list) parts.push_back(quoted(value));
    // One set is written as it was when there could be one alone: specs keep their hashes, and runs their folders.
    if (field.name == "set" && parts.size() <= 1) return parts.empty() ? "\"\"" : parts[0];
    return "[" + join(parts, ", ") + "]";
  }
  if (std::holds_alternative<std::string*>(field.target)) return quoted(field.text());
  return field.text();
}

/// "a=1,b=2" -> { a = 1, b = 2 }; text values are quoted.
std::string params_toml(const std::string& params) {
  std::string out;
  for (const std::string& pair : split(params, ',')) {
    const size_t equals = pair.find('=');
    if (equals == std::string::npos) continue;
    const std::string name(trim(std::string_view(pair).substr(0, equals))), value(trim(std::string_view(pair).substr(equals + 1)));
    const bool bare = parse_number(value).has_value() || value == "true" || value == "false";
    out += fmt::format("{}{} = {}", out.empty() ? "" : ", ", name, bare ? value : quoted(value));
  }
  return out.empty() ? "{}" : "{ " + out + " }";
}

}  // namespace

Result<RunSpec> parse_run_spec(const std::string& text, const std::string& source, exec::ExecConfig* exec) {
  HY_TRY(const auto entries, parse_spec_text(text, source));
  RunSpec spec;
  spec.split.purge_days = -1;
  // An [advice] section asks for advice, whatever else it says.
  if (std::any_of(entries.begin(), entries.end(), [](const SpecEntry& entry) { return entry.section == "advice"; })) spec.advice.rule = "rank";
  exec::ExecConfig from_file;
  auto sections = sections_of(spec, exec ? &from_file : nullptr);
  for (const SpecEntry& entry : entries) {
    const std::string where = fmt::format("{}:{}", source, entry.line);
    HY_TRY(Section * section, find_section(sections, entry.section, where));
    if (entry.key.empty()) continue;
    Field* field = find_field(section->fields, entry.key);
    if (!field) return unknown_name("key", entry.key, field_names(section->fields), fmt::format("{} [{}]", where, entry.section));
    HY_CHECK(set_entry(entry, *field, where));
    if (entry.section == "features" || entry.section == "label")
      for (size_t i = 0; i < entry.values.size(); ++i) spec.places.emplace(entry.values[i], entry.places[i]);
    if (entry.section == "exec") {
      FieldList stronger = fields_of(*exec);
      exec::ExecConfig defaults;
      FieldList weakest = fields_of(defaults);
      Field* target = find_field(stronger, entry.key);
      if (target->text() == find_field(weakest, entry.key)->text()) HY_CHECK(target->set(field->text(), where, source));
    }
  }
  std::erase(spec.features.set, "");
  HY_CHECK(check_required(sections, source));
  const auto in_tune = [&](const char* key) {
    return std::any_of(entries.begin(), entries.end(), [key](const SpecEntry& e) { return e.section == "tune" && (!key || e.key == key); });
  };
  if (in_tune(nullptr) && !in_tune("space"))
    return usage_error("[tune] space is missing: there is nothing to search", source, "[tune]\n       space = [\"num_trees=choice(50,100,200)\"]");
  if (spec.features.set.empty() && spec.features.indicators.empty() && spec.features.expressions.empty())
    return usage_error("no features are asked for", fmt::format("{} [features]", source),
                       "set = \"alpha158\", indicators = [\"rsi(period=14)\"], or expressions = [\"ma5 = Mean($close,5)/$close\"]");
  return spec;
}

Result<RunSpec> read_run_spec(const std::string& path, exec::ExecConfig* exec) {
  HY_TRY(const std::string text, read_spec_text(path));
  return parse_run_spec(text, path, exec);
}

std::string spec_toml(const RunSpec& spec, bool with_input) {
  RunSpec copy = spec;
  std::string out;
  for (const Section& section : sections_of(copy, nullptr)) {
    out += fmt::format("{}[{}]\n", out.empty() ? "" : "\n", section.name);
    for (const Field& field : section.fields) {
      if (field.name == "input" && !with_input) continue;
      out += fmt::format("{} = {}\n", field.name, field.name == "params" ? params_toml(field.text()) : value_toml(field));
    }
  }
  return out;
}

std::string spec_hash(const RunSpec& spec) {
  const std::string text = spec_toml(spec);
  return hash_bytes(text.data(), text.size()).hex();
}

}  // namespace hayate::pipeline
