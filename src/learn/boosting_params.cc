#include "learn/boosting_params.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"
#include "hayate/metrics.h"
#include "learn/params.h"

namespace hayate {

namespace {

bool watches(const MetricInfo& metric, Problem problem) {
  if (metric.better == Better::neither) return false;
  return problem == Problem::classification ? metric.group == MetricGroup::classification : metric.group != MetricGroup::classification;
}

/// The metrics that early stopping can watch, of one problem or (null) of all.
std::vector<std::string> metric_names(const Problem* problem) {
  std::vector<std::string> names = {"auto"};
  for (const MetricInfo& metric : kMetrics)
    if (metric.better != Better::neither && (!problem || watches(metric, *problem))) names.emplace_back(metric.name);
  return names;
}

Result<void> check_metric(const std::string& metric, const Problem* problem, const std::string& where) {
  const std::vector<std::string> names = metric_names(problem);
  if (std::find(names.begin(), names.end(), metric) != names.end()) return {};
  return unknown_name(problem ? fmt::format("{} metric", problem_name(*problem)) : "metric", metric, names, where);
}

}  // namespace

Result<void> check_values(const BoostingParams& params, const std::string& where) { return check_metric(params.metric, nullptr, where); }

Result<void> check_shape(const BoostingParams& params, Problem problem, int64_t) {
  if (params.num_leaves == 1) return usage_error("a tree of one leaf learns nothing", "num_leaves", "num_leaves=31, or 0 for no limit");
  if (params.objective != "auto" && problem != Problem::regression)
    return usage_error(fmt::format("objective {} is one for regression, the problem is {}", params.objective, problem_name(problem)), "objective",
                       "leave objective out, or --problem regression");
  if (params.monotone.empty()) return check_metric(params.metric, &problem, "metric");
  if (params.objective == "absolute_error" || params.objective == "quantile")
    return usage_error(fmt::format("monotone does not go with objective {}: its leaves are quantiles", params.objective), "monotone",
                       "objective=huber, or leave monotone out");
  return check_metric(params.metric, &problem, "metric");
}

int64_t most_bytes(const BoostingParams& params, int64_t rows, int64_t num_features) {
  // A node is 8 bytes and an 8-byte value. How many trees a round grows is known with the classes: a few are taken.
  constexpr int64_t kTreesOfARound = 4;
  int64_t leaves = std::max<int64_t>(1, rows / params.min_samples_leaf);
  if (params.num_leaves > 0) leaves = std::min(leaves, params.num_leaves);
  if (params.max_depth > 0 && params.max_depth < 40) leaves = std::min(leaves, int64_t{1} << params.max_depth);
  return params.num_trees * kTreesOfARound * leaves * 2 * 16 + num_features * (params.bins * 4 + 8);
}

}  // namespace hayate
