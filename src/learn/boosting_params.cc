#include "learn/boosting_params.h"

#include <fmt/format.h>

#include <algorithm>

namespace hayate {

Result<void> check_values(const BoostingParams&, const std::string&) { return {}; }

Result<void> check_shape(const BoostingParams& params, Problem, int64_t) {
  if (params.num_leaves == 1) return usage_error("a tree of one leaf learns nothing", "num_leaves", "num_leaves=31, or 0 for no limit");
  return {};
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
