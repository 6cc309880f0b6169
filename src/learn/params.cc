#include "learn/params.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/strings.h"

namespace hayate {
namespace {

const std::vector<std::string> kFeatureWords = {"auto", "sqrt", "third", "all"};

Error wrong_max_features(std::string_view text, const std::string& where) {
  Error error = unknown_name("max_features", text, kFeatureWords, where);
  error.hint += "; or a whole number (12) or a fraction below 1 (0.3)";
  return error;
}

/// How many of `num_features` a word, number or fraction means; 0 when it is none of these.
int64_t count_of(const std::string& text, Problem problem, int64_t num_features) {
  const double all = double(num_features);
  const auto at_least_one = [](double count) { return std::max(int64_t{1}, int64_t(count)); };
  if (text == "all") return num_features;
  if (text == "sqrt" || (text == "auto" && problem == Problem::classification)) return at_least_one(std::sqrt(all));
  if (text == "third" || text == "auto") return at_least_one(all / 3);
  if (const auto number = parse_integer(text)) return *number >= 1 ? std::min(*number, num_features) : 0;
  const auto fraction = parse_number(text);
  return fraction && *fraction > 0 && *fraction <= 1 ? at_least_one(*fraction * all) : 0;
}

}  // namespace

Result<int64_t> features_per_node(const ForestParams& params, Problem problem, int64_t num_features) {
  const int64_t count = count_of(params.max_features, problem, num_features);
  if (count == 0 && num_features > 0) return wrong_max_features(params.max_features, "max_features");
  return count;
}

Result<void> set_forest_param(ForestParams& params, std::string_view name, std::string_view value, const std::string& where) {
  FieldList fields = fields_of(params);
  Field* field = find_field(fields, name);
  if (!field) return unknown_name("forest parameter", name, field_names(fields), where);
  const std::string before = field->text();
  if (Result<void> set = field->set(value, where, "params"); !set.ok()) {
    set.error().hint = fmt::format("{}={}", name, before);
    return set;
  }
  if (count_of(params.max_features, Problem::regression, 1) == 0) return wrong_max_features(value, where);
  return {};
}

Result<ForestParams> parse_forest_params(std::string_view text, const std::string& where) {
  ForestParams params;
  for (const std::string& pair : split(text, ',')) {
    const std::string_view trimmed = trim(pair);
    if (trimmed.empty()) continue;
    const size_t equals = trimmed.find('=');
    if (equals == std::string_view::npos) return usage_error(fmt::format("'{}' is not name=value", trimmed), where, "num_trees=50,max_depth=8");
    HY_CHECK(set_forest_param(params, trim(trimmed.substr(0, equals)), trim(trimmed.substr(equals + 1)), where));
  }
  return params;
}

std::string format_params(const ForestParams& params) {
  ForestParams copy = params;
  std::string out;
  for (const Field& field : fields_of(copy)) out += fmt::format("{}{}={}", out.empty() ? "" : ",", field.name, field.text());
  return out;
}

}  // namespace hayate
