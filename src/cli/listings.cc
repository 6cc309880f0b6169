// hayate sets, indicators and operators: what there is, from the tables that the program itself works with.
#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "base/strings.h"
#include "cli/all_commands.h"
#include "cli/outputs.h"
#include "features/talib.h"
#include "features/talib_pages.h"
#include "hayate/features.h"
#include "hayate/indicators.h"

namespace hayate::cli {

Result<int> sets_command(LookupOptions& options, const Console& console) {
  if (!options.name.empty()) {
    HY_TRY(const FeatureSet* set, feature_set(options.name, "hayate sets"));
    const auto expressions = expressions_of(*set);
    if (console.json) {
      JsonWriter json(1);
      json.object().key("name").value(set->name).key("title").value(set->title).key("description").value(set->description).key("features").array();
      for (const NamedExpression& named : expressions) json.object().key("name").value(named.name).key("expression").value(named.text).end();
      console.print(json.end().end().text() + "\n");
      return 0;
    }
    console.print(fmt::format("# {}: {}\n# {}\n", set->name, set->title, set->description));
    for (const NamedExpression& named : expressions) console.print(fmt::format("{} = {}\n", named.name, named.text));
    return 0;
  }
  JsonWriter json(1);
  json.array();
  for (const FeatureSet& set : feature_sets()) {
    json.object().key("name").value(set.name).key("title").value(set.title).key("features").value(set.num_features).end();
    if (!console.json) console.print(fmt::format("{:<12} {:>4} features  {}\n", set.name, set.num_features, set.title));
  }
  if (console.json) console.print(json.end().text() + "\n");
  return 0;
}

namespace {

/// The columns of an indicator with its defaults.
std::vector<NamedExpression> columns_of(const Indicator& indicator) {
  auto columns = indicator_features(indicator.name, {});
  assert(columns.ok());
  return std::move(columns).value();
}

/// Leading rows of a column without a value.
int64_t lookback_of(const NamedExpression& column, const Indicator& indicator) {
  const auto program = Program::compile({&column, 1}, inputs_of(indicator));
  assert(program.ok());
  return program.value().lookback(0);
}

int64_t lookback_of(const Indicator& indicator) {
  int64_t rows = 0;
  for (const NamedExpression& column : columns_of(indicator)) rows = std::max(rows, lookback_of(column, indicator));
  return rows;
}

void write_param(JsonWriter& json, std::string_view name, double initial, double least, double most, bool whole) {
  json.object().key("name").value(name).key("default").value(initial).key("min").value(least).key("max").value(most);
  json.key("type").value(whole ? "integer" : "number").end();
}

std::string param_text(std::string_view name, double initial, double least, double most, bool whole) {
  return fmt::format("{} = {}: {}from {} to {}", name, format_plain(initial), whole ? "whole, " : "", format_plain(least), format_plain(most));
}

void write_indicator(JsonWriter& json, const Indicator& indicator) {
  json.object().key("name").value(indicator.name).key("signature").value(signature_of(indicator)).key("title").value(indicator.title);
  json.key("group").value(indicator.group).key("formula").value(indicator.formula).key("inputs").array();
  for (const std::string& input : inputs_of(indicator)) json.value(input);
  json.end().key("params").array();
  for (const IndicatorParam& param : params_of(indicator)) write_param(json, param.name, param.initial, param.least, param.most, param.whole);
  json.end().key("lookback").object().key("formula").value(indicator.lookback).key("default").value(lookback_of(indicator)).end();
  json.key("missing").value(indicator.missing).key("outputs").array();
  const auto columns = columns_of(indicator);
  const auto outputs = outputs_of(indicator);
  for (size_t i = 0; i < outputs.size(); ++i) {
    json.object().key("name").value(outputs[i].name).key("column").value(columns[i].name).key("expression").value(columns[i].text);
    json.key("lookback").value(lookback_of(columns[i], indicator)).end();
  }
  json.end().key("example").value(fmt::format("hayate features --indicator '{}'", signature_of(indicator))).end();
}

void print_fact(const Console& console, std::string_view name, std::string_view text) {
  if (!text.empty()) console.print(fmt::format("  {:<9} {}\n", name, text));
}

void print_indicator(const Console& console, const Indicator& indicator) {
  console.print(fmt::format("{}\n", signature_of(indicator)));
  print_fact(console, "title", indicator.title);
  print_fact(console, "group", indicator.group);
  print_fact(console, "formula", indicator.formula);
  print_fact(console, "inputs", join(inputs_of(indicator), ", "));
  for (const IndicatorParam& param : params_of(indicator))
    print_fact(console, "param", param_text(param.name, param.initial, param.least, param.most, param.whole));
  print_fact(console, "lookback", fmt::format("{}: {} rows without a value before every output has one", indicator.lookback, lookback_of(indicator)));
  print_fact(console, "missing", indicator.missing);
  for (const NamedExpression& column : columns_of(indicator)) print_fact(console, "column", fmt::format("{} = {}", column.name, column.text));
  print_fact(console, "example", fmt::format("--indicator '{}'", signature_of(indicator)));
}

Result<const Indicator*> indicator_called(const std::string& name) {
  if (const Indicator* found = find_indicator(name)) return found;
  std::vector<std::string> names;
  for (const Indicator& indicator : indicators()) names.emplace_back(indicator.name);
  return unknown_name("indicator", name, names, "hayate indicators " + name);
}

}  // namespace

Result<int> indicators_command(LookupOptions& options, const Console& console) {
  JsonWriter json(1);
  if (!options.name.empty()) {
    HY_TRY(const Indicator* indicator, indicator_called(options.name));
    write_indicator(json, *indicator);
    console.json ? console.print(json.text() + "\n") : print_indicator(console, *indicator);
    return 0;
  }
  json.array();
  for (const Indicator& indicator : indicators()) {
    if (console.json)
      write_indicator(json, indicator);
    else
      console.print(fmt::format("{:<48} {:<11} {}\n", signature_of(indicator), indicator.group, indicator.title));
  }
  if (console.json) console.print(json.end().text() + "\n");
  return 0;
}

namespace {

/// An operator's fields in the order in which they are shown.
std::vector<std::pair<const char*, std::string_view>> facts_of(const Operator& op) {
  return {{"summary", op.summary}, {"formula", op.formula}, {"window", op.window},  {"missing", op.missing},
          {"quirk", op.quirk},     {"cost", op.cost},       {"example", op.example}};
}

void write_operator(JsonWriter& json, const Operator& op) {
  json.object().key("name").value(op.name).key("signature").value(op.signature).key("infix").value(op.infix);
  for (const auto& [name, text] : facts_of(op)) json.key(name).value(text);
  json.end();
}

void print_operator(const Console& console, const Operator& op) {
  console.print(fmt::format("{}{}\n", op.signature, op.infix.empty() ? "" : fmt::format("   also written a {} b", op.infix)));
  for (const auto& [name, text] : facts_of(op)) print_fact(console, name, text.empty() ? "none" : text);
}

// ---- TA-Lib's functions ---------------------------------------------------------------------------------------------------

using kernels::ta::Entry;

std::string name_of(const Entry& function) { return fmt::format("ta.{}", function.name); }

std::string lookback_text(const Entry& function) {
  const std::string_view formula = talib_page(function).lookback;
  return formula.empty() ? fmt::format("{}", talib_lookback(function)) : fmt::format("{}: {} with the defaults", formula, talib_lookback(function));
}

/// A function's facts, under the names that operators have where they mean the same.
std::vector<std::pair<const char*, std::string>> facts_of(const Entry& function) {
  return {{"summary", function.title},
          {"formula", std::string(talib_page(function).formula)},
          {"window", talib_window(function)},
          {"missing", talib_missing(function)},
          {"missing_compat_talib", talib_missing_exact(function)},
          {"unstable", talib_unstable(function)},
          {"cost", talib_cost(function)},
          {"example", talib_example(function)}};
}

void write_function(JsonWriter& json, const Entry& function) {
  json.object().key("name").value(name_of(function)).key("signature").value(talib_signature(function)).key("infix").value("");
  for (const auto& [name, text] : facts_of(function)) json.key(name).value(text);
  json.key("group").value(function.group).key("inputs").array();
  for (int i = 0; i < function.num_inputs(); ++i) json.value(function.inputs[i]);
  json.end().key("params").array();
  for (int i = 0; i < function.num_params(); ++i) {
    const auto& param = function.params[i];
    write_param(json, param.name, param.initial, param.least, param.most, param.whole);
  }
  json.end().key("outputs").array();
  for (int o = 0; o < function.num_outputs(); ++o)
    json.object().key("name").value(function.outputs[o]).key("type").value(function.is_whole(o) ? "integer" : "number").end();
  json.end().key("lookback").object().key("formula").value(talib_page(function).lookback).key("default").value(talib_lookback(function)).end();
  json.key("memory").value(talib_memory(function)).key("unstable_period").value(talib_page(function).unstable).end();
}

void print_function(const Console& console, const Entry& function) {
  console.print(talib_signature(function) + "\n");
  print_fact(console, "group", function.group);
  print_fact(console, "inputs", fmt::format("{}", fmt::join(function.inputs, function.inputs + function.num_inputs(), ", ")));
  for (int i = 0; i < function.num_params(); ++i) {
    const auto& param = function.params[i];
    print_fact(console, "param", param_text(param.name, param.initial, param.least, param.most, param.whole));
  }
  std::string outputs;
  for (int o = 0; o < function.num_outputs(); ++o)
    outputs += fmt::format("{}{}{}", o == 0 ? "" : ", ", function.outputs[o], function.is_whole(o) ? " (whole)" : "");
  print_fact(console, "outputs", outputs);
  print_fact(console, "lookback", lookback_text(function));
  for (const auto& [name, text] : facts_of(function)) print_fact(console, std::string_view(name) == "missing_compat_talib" ? "  talib" : name, text);
}

Error unknown_operator(const std::string& name) {
  std::vector<std::string> names;
  for (const Operator& op : operators()) names.emplace_back(op.name);
  for (std::string& function : talib_names()) names.push_back(std::move(function));
  return unknown_name("operator", name, names, "hayate operators " + name);
}

Result<int> print_one(const std::string& name, const Console& console) {
  const Operator* op = find_operator(name);
  const Entry* function = name.starts_with("ta.") ? find_talib(name) : nullptr;
  if (!op && !function) return unknown_operator(name);
  if (!console.json) {
    op ? print_operator(console, *op) : print_function(console, *function);
    return 0;
  }
  JsonWriter json(1);
  op ? write_operator(json, *op) : write_function(json, *function);
  console.print(json.text() + "\n");
  return 0;
}

}  // namespace

Result<int> operators_command(LookupOptions& options, const Console& console) {
  if (!options.name.empty()) return print_one(options.name, console);
  JsonWriter json(1);
  json.array();
  for (const Operator& op : operators()) {
    write_operator(json, op);
    if (!console.json) console.print(fmt::format("{:<28} {}\n", op.signature, op.summary));
  }
  for (const auto& group : kernels::ta::function_groups())
    for (const Entry& function : group) {
      write_function(json, function);
      if (!console.json) console.print(fmt::format("{:<28} {}\n", name_of(function), function.title));
    }
  if (console.json) console.print(json.end().text() + "\n");
  return 0;
}

}  // namespace hayate::cli
