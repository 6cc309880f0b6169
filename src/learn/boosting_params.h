// The table of boosting's parameters, as src/learn/params.h has it for forests.
#pragma once

#include "base/fields.h"
#include "hayate/boosting.h"

namespace hayate {

template <class Visitor>
void visit_fields(BoostingParams& p, Visitor&& field) {
  field("num_trees", p.num_trees, "rounds: trees that are added up (with three classes or more, trees per class)", Range{1, 100'000});
  field("learning_rate", p.learning_rate, "what each tree's values are multiplied with", Range{1e-6, 10});
  field("num_leaves", p.num_leaves, "most leaves of a tree; 0 means no limit", Range{0, 1'000'000});
  field("max_depth", p.max_depth, "splits from the root to the deepest leaf; 0 means no limit", Range{0, 65'535});
  field("grow_policy", p.grow_policy, "leafwise splits the leaf of the largest gain next, depthwise goes level by level",
        Choices{{"leafwise", "depthwise"}});
  field("min_samples_leaf", p.min_samples_leaf, "rows that each side of a split keeps at least", Range{1, 1'000'000'000});
  field("min_child_weight", p.min_child_weight, "sum of second derivatives that each side of a split keeps at least", Range{0, 1e15});
  field("lambda_l1", p.lambda_l1, "penalty on the absolute values of leaves", Range{0, 1e15});
  field("lambda_l2", p.lambda_l2, "penalty on the squared values of leaves", Range{0, 1e15});
  field("min_gain", p.min_gain, "loss that a split must save at least", Range{0, 1e15});
  field("feature_fraction", p.feature_fraction, "share of the features that each tree may use", Range{0.0001, 1});
  field("bagging_fraction", p.bagging_fraction, "share of the rows that each tree learns from", Range{0.0001, 1});
  field("bagging_freq", p.bagging_freq, "rounds between two draws of rows", Range{1, 100'000});
  field("bins", p.bins, "most bins a feature is cut into", Range{2, kMaxBins});
}
Result<void> check_values(const BoostingParams& params, const std::string& where);
Result<void> check_shape(const BoostingParams& params, Problem problem, int64_t num_features);
int64_t most_bytes(const BoostingParams& params, int64_t rows, int64_t num_features);

}  // namespace hayate
