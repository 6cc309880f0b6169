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

Result<void> check_values(const ForestParams& params, const std::string& where) {
  if (count_of(params.max_features, Problem::regression, 1) == 0) return wrong_max_features(params.max_features, where);
  return {};
}

Result<void> check_shape(const ForestParams& params, Problem problem, int64_t num_features) {
  const auto count = features_per_node(params, problem, num_features);
  return count.ok() ? Result<void>() : count.error();
}

int64_t most_bytes(const ForestParams& params, int64_t rows, int64_t num_features) {
  // A tree of n training rows has at most n leaves and 2^depth; a node is 8 bytes and an 8-byte value. A feature has its cuts and its gain.
  const int64_t leaves = params.max_depth > 0 && params.max_depth < 40 ? std::min(rows, int64_t{1} << params.max_depth) : rows;
  return params.num_trees * leaves * 2 * 16 + num_features * (params.bins * 4 + 8);
}

namespace {

/// A score has a coefficient a feature; `scores` classes at most.
int64_t linear_bytes(int64_t scores, int64_t num_features) { return (scores * (num_features + 1) + num_features) * 8; }

}  // namespace

int64_t most_bytes(const LinearParams&, int64_t, int64_t num_features) { return linear_bytes(1, num_features); }
int64_t most_bytes(const LogisticParams&, int64_t rows, int64_t num_features) { return linear_bytes(std::min<int64_t>(rows, 100), num_features); }

}  // namespace hayate
