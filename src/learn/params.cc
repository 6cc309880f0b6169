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

Result<void> check_bins(const std::string& bins, const std::string& where) {
  if (bins == "exact") return {};
  const auto count = parse_integer(bins);
  if (count && *count >= 2 && *count <= kMaxBins) return {};
  return usage_error(fmt::format("bins must be between 2 and {}, or exact, not '{}'", kMaxBins, bins), where, "bins=64");
}

/// "a:1;b:-1" as pairs; a name may hold colons. An entry without a number is an error.
Result<std::vector<std::pair<std::string, double>>> numbers_by_name(std::string_view text, const std::string& what, const std::string& where) {
  std::vector<std::pair<std::string, double>> out;
  for (const std::string& entry : split(text, ';')) {
    if (trim(entry).empty()) continue;
    const size_t colon = entry.rfind(':');
    const auto number = colon == std::string::npos ? std::nullopt : parse_number(trim(std::string_view(entry).substr(colon + 1)));
    if (!number) return usage_error(fmt::format("'{}' of {} is not NAME:NUMBER", entry, what), where, what + "=first:1;second:-1");
    out.emplace_back(trim(std::string_view(entry).substr(0, colon)), *number);
  }
  return out;
}

Result<void> check_class_weight(const std::string& text, const std::string& where) {
  if (text == "none" || text == "balanced" || text == "balanced_subsample") return {};
  const auto weights = numbers_by_name(text, "class_weight", where);
  if (!weights.ok() || weights.value().empty())
    return usage_error(fmt::format("class_weight '{}' is none of none, balanced, balanced_subsample, NAME:WEIGHT;NAME:WEIGHT", text), where,
                       "class_weight=balanced");
  for (const auto& [name, weight] : weights.value())
    if (!std::isfinite(weight) || weight < 0)
      return usage_error(fmt::format("the weight of class '{}' is {}", name, weight), where, "weights are finite numbers, 0 or more");
  return {};
}

}  // namespace

Result<size_t> feature_place(const std::string& name, std::span<const std::string> names, int64_t num_features, const std::string& param) {
  for (size_t i = 0; i < names.size(); ++i)
    if (names[i] == name) return i;
  if (!names.empty()) return unknown_name("feature", name, names, param);
  const auto number = parse_integer(name);
  if (number && *number >= 0 && *number < num_features) return size_t(*number);
  return usage_error(fmt::format("unknown feature '{}'", name), param, fmt::format("features are called 0 to {} here", num_features - 1));
}

int max_bins(const ForestParams& params) { return params.bins == "exact" ? 0 : int(parse_integer(params.bins).value_or(0)); }

Result<FeatureRoles> feature_roles(const ForestParams& params, std::span<const std::string> names, int64_t num_features) {
  return feature_roles(params.categorical, params.monotone, names, num_features);
}

Result<FeatureRoles> feature_roles(std::string_view categorical, std::string_view monotone, std::span<const std::string> names,
                                   int64_t num_features) {
  FeatureRoles roles;
  for (const std::string& entry : split(categorical, ';')) {
    if (trim(entry).empty()) continue;
    HY_TRY(const size_t place, feature_place(std::string(trim(entry)), names, num_features, "categorical"));
    roles.categorical.resize(size_t(num_features));
    roles.categorical[place] = 1;
  }
  HY_TRY(const auto directions, numbers_by_name(monotone, "monotone", "monotone"));
  for (const auto& [name, direction] : directions) {
    HY_TRY(const size_t place, feature_place(name, names, num_features, "monotone"));
    if (direction != 1 && direction != -1 && direction != 0)
      return usage_error(fmt::format("the direction of '{}' is {}", name, direction), "monotone", "1: never falls, -1: never rises");
    if (!roles.categorical.empty() && roles.categorical[place])
      return usage_error(fmt::format("'{}' is categorical: its values have no order", name), "monotone",
                         "leave it out of monotone or of categorical");
    roles.monotone.resize(size_t(num_features));
    if (roles.monotone[place] * direction < 0)
      return usage_error(fmt::format("'{}' may only rise and only fall", name), "monotone", "one direction a feature");
    roles.monotone[place] = int8_t(direction);
  }
  return roles;
}

Result<std::vector<std::vector<uint8_t>>> interaction_groups(std::string_view text, std::span<const std::string> names, int64_t num_features) {
  std::vector<std::vector<uint8_t>> groups;
  std::vector<uint8_t> unnamed(static_cast<size_t>(num_features), 1);
  for (const std::string& entry : split(text, '|')) {
    std::vector<uint8_t> members(static_cast<size_t>(num_features));
    for (const std::string& name : split(entry, ';')) {
      if (trim(name).empty()) continue;
      HY_TRY(const size_t place, feature_place(std::string(trim(name)), names, num_features, "interactions"));
      members[place] = 1, unnamed[place] = 0;
    }
    if (std::find(members.begin(), members.end(), 1) != members.end()) groups.push_back(std::move(members));
  }
  if (!groups.empty() && std::find(unnamed.begin(), unnamed.end(), 1) != unnamed.end()) groups.push_back(std::move(unnamed));
  return groups;
}

namespace learn {

Result<Criterion> criterion_of(const ForestParams& params, Problem problem) {
  const bool classes = problem == Problem::classification;
  const std::string& name = params.criterion;
  if (classes && (name == "auto" || name == "gini")) return Criterion::gini;
  if (classes && (name == "entropy" || name == "log_loss")) return Criterion::entropy;
  if (!classes && (name == "auto" || name == "squared_error")) return Criterion::squared_error;
  if (!classes && name == "absolute_error") return Criterion::absolute_error;
  if (!classes && name == "poisson") return Criterion::poisson;
  return usage_error(fmt::format("criterion {} is not one for {}", name, problem_name(problem)), "criterion",
                     classes ? "one of: gini, entropy, log_loss" : "one of: squared_error, absolute_error, poisson");
}

Result<std::vector<double>> given_class_weights(const ForestParams& params, const Labels& labels) {
  if (labels.problem != Problem::classification && params.class_weight != "none")
    return usage_error("class_weight needs classes, the problem is regression", "class_weight", "leave class_weight out");
  std::vector<double> weights(size_t(labels.num_classes), 1.0);
  if (params.class_weight == "none" || params.class_weight.starts_with("balanced")) return weights;
  std::vector<std::string> names(labels.class_names.begin(), labels.class_names.end());
  for (int32_t c = 0; c < labels.num_classes && labels.class_names.empty(); ++c) names.push_back(std::to_string(c));
  HY_TRY(const auto given, numbers_by_name(params.class_weight, "class_weight", "class_weight"));
  for (const auto& [name, weight] : given) {
    const auto place = std::find(names.begin(), names.end(), name);
    if (place == names.end()) return unknown_name("class", name, names, "class_weight");
    weights[size_t(place - names.begin())] = weight;
  }
  return weights;
}

}  // namespace learn

Result<int64_t> features_per_node(const ForestParams& params, Problem problem, int64_t num_features) {
  const int64_t count = count_of(params.max_features, problem, num_features);
  if (count == 0 && num_features > 0) return wrong_max_features(params.max_features, "max_features");
  return count;
}

Result<void> check_values(const ForestParams& params, const std::string& where) {
  if (count_of(params.max_features, Problem::regression, 1) == 0) return wrong_max_features(params.max_features, where);
  HY_CHECK(check_bins(params.bins, where));
  if (params.max_leaf_nodes == 1) return usage_error("max_leaf_nodes is 0 or at least 2, not 1", where, "max_leaf_nodes=31");
  return check_class_weight(params.class_weight, where);
}

Result<void> check_shape(const ForestParams& params, Problem problem, int64_t num_features) {
  HY_CHECK(features_per_node(params, problem, num_features));
  HY_CHECK(learn::criterion_of(params, problem));
  return {};
}

int64_t most_bytes(const ForestParams& params, int64_t rows, int64_t num_features) {
  // A leaf has a row of its own, of min_samples_leaf that were drawn, and there are at most 2^depth. Of n rows drawn with replacement 0.632 n are
  // different ones, +- 0.31 sqrt(n) in one tree and a hundredth of n in many; 8 more for few rows. A node is 8 bytes and an 8-byte value. A feature
  // has its cuts and its gain.
  const double drawn = params.bootstrap ? double(rows) * params.max_samples : double(rows);
  const double different = params.bootstrap ? std::min(0.65 * double(rows) + 8, drawn + 1) : double(rows);
  const int64_t by_rows =
      std::clamp<int64_t>(int64_t(std::min(different, drawn / double(params.min_samples_leaf) + 1)), 1, std::max<int64_t>(rows, 1));
  const int64_t leaves = params.max_depth > 0 && params.max_depth < 40 ? std::min(by_rows, int64_t{1} << params.max_depth) : by_rows;
  return params.num_trees * leaves * 2 * 16 + num_features * (max_bins(params) * 4 + 8);
}

namespace {

/// A score has a coefficient a feature; `scores` classes at most.
int64_t linear_bytes(int64_t scores, int64_t num_features) { return (scores * (num_features + 1) + num_features) * 8; }

}  // namespace

int64_t most_bytes(const LinearParams&, int64_t, int64_t num_features) { return linear_bytes(1, num_features); }
int64_t most_bytes(const LogisticParams&, int64_t rows, int64_t num_features) { return linear_bytes(std::min<int64_t>(rows, 100), num_features); }

}  // namespace hayate
