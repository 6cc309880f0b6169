// The table of boosting's parameters, as src/learn/params.h has it for forests.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/fields.h"
#include "hayate/boosting.h"

namespace hayate {

template <class Visitor>
void visit_fields(BoostingParams& p, Visitor&& field) {
  field("num_trees", p.num_trees, "rounds: trees that are added up (with three classes or more, trees per class)", Range{1, 100'000});
  field("learning_rate", p.learning_rate, "what each tree's values are multiplied with", Range{1e-6, 10});
  field("objective", p.objective, "loss of regression; auto is squared_error",
        Choices{{"auto", "squared_error", "absolute_error", "quantile", "huber", "poisson"}});
  field("alpha", p.alpha, "quantile: share of the labels below the prediction", Range{0.0001, 0.9999});
  field("huber_delta", p.huber_delta, "huber: errors above count as absolute ones", Range{1e-300, 1e300});
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
  field("monotone", p.monotone, "features with which the prediction may only rise (1) or only fall (-1)", Argument{"NAME:1;NAME:-1"});
  field("categorical", p.categorical,
        "features whose values are categories: a split sends any set of them left; of more than 254 the most frequent are known",
        Argument{"NAME;NAME"});
  field("interactions", p.interactions, "groups of features: those that lead to one leaf are all of one group; the unnamed make one more",
        Argument{"NAME;NAME|NAME;NAME"});
  field("truncation_level", p.truncation_level, "ranking: pairs count that have a row among so many first ones", Range{1, 1e9});
  field("early_stopping_rounds", p.early_stopping_rounds, "stop after so many rounds without a better score on held-out rows; 0 means never",
        Range{0, 100'000});
  field("validation_fraction", p.validation_fraction, "early stopping: share of the rows held out, the last ones", Range{0.0001, 0.9999});
  field("metric", p.metric, "early stopping: what is watched; auto is the loss itself, else a metric of hayate evaluate", Argument{"auto|METRIC"});
}
Result<void> check_values(const BoostingParams& params, const std::string& where);
Result<void> check_shape(const BoostingParams& params, Problem problem, int64_t num_features);
int64_t most_bytes(const BoostingParams& params, int64_t rows, int64_t num_features);

}  // namespace hayate
