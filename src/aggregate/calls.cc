#include "aggregate/calls.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/strings.h"

namespace hayate::aggregate {
namespace {

constexpr const char* kExample = "such as mean(price),quantile(price,0.9),count()";

/// The parts of `text` between separators that stand outside parentheses and double quotes.
std::vector<std::string_view> split_outside(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  size_t begin = 0;
  int depth = 0;
  bool quoted = false;
  for (size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && text[i] == '"') quoted = !quoted;
    if (i < text.size() && !quoted) depth += (text[i] == '(') - (text[i] == ')');
    if (i == text.size() || (text[i] == separator && depth == 0 && !quoted)) parts.push_back(trim(text.substr(begin, i - begin))), begin = i + 1;
  }
  return parts;
}

/// What other programs call a function that has another name here; "": none.
std::string_view own_name(std::string_view name) {
  constexpr std::pair<std::string_view, std::string_view> kOthers[] = {
      {"avg", "mean"},
      {"average", "mean"},
      {"stddev", "std"},
      {"stdev", "std"},
      {"sd", "std"},
      {"stddev_samp", "std"},
      {"variance", "var"},
      {"var_samp", "var"},
      {"nunique", "distinct"},
      {"n_unique", "distinct"},
      {"unique", "distinct"},
      {"count_distinct", "distinct"},
      {"size", "count"},
      {"len", "count"},
      {"n", "count"},
      {"percentile", "quantile"},
      {"quantile_cont", "quantile"},
      {"total", "sum"},
      {"minimum", "min"},
      {"maximum", "max"},
  };
  const std::string wanted = lower(name);
  for (const auto& [other, own] : kOthers)
    if (other == wanted) return own;
  return "";
}

/// A name without the quotes around it; one of its own is written twice there.
std::string unquoted(std::string_view name) {
  if (name.size() < 2 || name.front() != '"' || name.back() != '"') return std::string(name);
  std::string out;
  for (size_t i = 1; i + 1 < name.size(); ++i) {
    out += name[i];
    if (name[i] == '"' && name[i + 1] == '"') ++i;
  }
  return out;
}

}  // namespace

Result<Call> parse_call(std::string_view text, const std::string& where) {
  Call call;
  call.text = std::string(trim(text));
  const std::string at = fmt::format("{} {}", where, call.text);
  const size_t open = call.text.find('(');
  if (open == std::string::npos || call.text.back() != ')') return usage_error("an aggregate is written as a call", at, kExample);
  const std::string name(trim(std::string_view(call.text).substr(0, open)));
  const auto facts = std::find_if(std::begin(kFunctions), std::end(kFunctions), [&](const FunctionFacts& f) { return name == f.name; });
  if (facts == std::end(kFunctions)) {
    std::vector<std::string> names;
    for (const FunctionFacts& f : kFunctions) names.emplace_back(f.name);
    Error error = unknown_name("aggregate", name, names, at);
    if (const std::string_view own = own_name(name); !own.empty()) error.hint = fmt::format("it is called {} here", own);
    return error;
  }
  call.function = facts->function;
  const std::string_view inside = trim(std::string_view(call.text).substr(open + 1, call.text.size() - open - 2));
  const std::vector<std::string_view> arguments = inside.empty() ? std::vector<std::string_view>() : split_outside(inside, ',');
  const size_t most = call.function == Function::quantile ? 2 : 1, least = call.function == Function::count ? 0 : most;
  if (arguments.size() < least || arguments.size() > most)
    return usage_error(fmt::format("{} takes {}", name,
                                   most == 2 ? "a column and a number from 0 to 1"
                                   : least   ? "one column"
                                             : "one column or none"),
                       at, facts->meaning);
  if (!arguments.empty() && arguments[0] == "*") return usage_error("'*' is no column", at, "count() counts rows");
  if (!arguments.empty()) call.column = unquoted(arguments[0]);
  if (!arguments.empty() && call.column.empty()) return usage_error("a column without a name", at, kExample);
  if (call.function == Function::median) call.q = 0.5;
  if (call.function == Function::quantile) {
    const auto q = parse_number(arguments[1]);
    if (!q || !(*q >= 0 && *q <= 1))
      return usage_error(fmt::format("quantile takes a number from 0 to 1, not '{}'", arguments[1]), at, facts->meaning);
    call.q = *q;
  }
  return call;
}

Result<std::vector<Call>> parse_calls(std::string_view text, const std::string& where) {
  std::vector<Call> calls;
  for (const std::string_view part : split_outside(text, ',')) {
    HY_TRY(Call call, parse_call(part, where));
    for (const Call& other : calls)
      if (other.text == call.text) return usage_error(fmt::format("'{}' is asked for twice", call.text), where, "leave one of them out");
    calls.push_back(std::move(call));
  }
  return calls;
}

Result<void> check_call(const Call& call, const Table& schema, const std::string& where) {
  if (call.column.empty()) return {};
  HY_TRY(const Column* column, schema.column(call.column, fmt::format("{} {}", where, call.text)));
  const auto facts = std::find_if(std::begin(kFunctions), std::end(kFunctions), [&](const FunctionFacts& f) { return call.function == f.function; });
  if (facts->numbers_only && !is_numeric(column->dtype))
    return usage_error(fmt::format("{} needs numbers, column '{}' is {}", facts->name, call.column, dtype_name(column->dtype)),
                       fmt::format("{} {}", where, call.text), "count, min, max, first, last and distinct take any column");
  return {};
}

}  // namespace hayate::aggregate
