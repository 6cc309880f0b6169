// The tables of learner parameters: help, docs, range errors and parsing walk them. Every alternative of LearnerParams has
// visit_fields, check_values (what a range can't say, after each change), check_shape (what the data must fit) and most_bytes.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/fields.h"
#include "hayate/binned.h"
#include "hayate/forest.h"
#include "hayate/linear.h"

namespace hayate {

template <class Visitor>
void visit_fields(ForestParams& p, Visitor&& field) {
  field("num_trees", p.num_trees, "trees in the forest", Range{1, 100'000});
  field("max_depth", p.max_depth, "splits from the root to the deepest leaf; 0 means no limit", Range{0, 65'535});
  field("max_features", p.max_features,
        "features tried at a node: a number, a fraction, sqrt, third or all; auto is sqrt for classification and third for regression",
        Argument{"auto|sqrt|third|all|N|0.5"});
  field("min_samples_leaf", p.min_samples_leaf, "rows drawn that each side of a split keeps at least", Range{1, 1'000'000'000});
  field("min_samples_split", p.min_samples_split, "rows drawn below which a node is not split", Range{2, 1'000'000'000});
  field("bootstrap", p.bootstrap, "each tree draws its rows with replacement; false: every row once");
  field("max_samples", p.max_samples, "rows a tree draws, as a fraction of the training rows", Range{0.0001, 1});
  field("bins", p.bins, "most bins a feature is cut into, 2 to 255; exact tries every threshold there is", Argument{"64|255|exact|N"});
  field("criterion", p.criterion, "what a split lowers; auto is gini for classification and squared_error for regression",
        Choices{{"auto", "gini", "entropy", "log_loss", "squared_error", "absolute_error", "poisson"}});
  field("splitter", p.splitter, "best: the best cut of a feature; random: one cut drawn per feature (extra trees)", Choices{{"best", "random"}});
  field("class_weight", p.class_weight, "weight of each class: none, balanced, balanced_subsample (per tree) or NAME:WEIGHT;NAME:WEIGHT",
        Argument{"none|balanced|balanced_subsample|NAME:WEIGHT;..."});
  field("max_leaf_nodes", p.max_leaf_nodes, "leaves a tree keeps, those where impurity drops most; 0 means no limit", Range{0, 1'000'000'000});
  field("min_impurity_decrease", p.min_impurity_decrease, "by how much a split must lower the tree's impurity", Range{0, 1e300});
  field("ccp_alpha", p.ccp_alpha, "minimal cost-complexity pruning: what each leaf must lower impurity by", Range{0, 1e300});
  field("monotone", p.monotone, "features with which the prediction may only rise (1) or only fall (-1)", Argument{"NAME:1;NAME:-1"});
  field("categorical", p.categorical,
        "features whose values are categories: a split sends any set of them left; of more than 254 the most frequent are known",
        Argument{"NAME;NAME"});
  field("interactions", p.interactions, "groups of features: those that lead to one leaf are all of one group; the unnamed make one more",
        Argument{"NAME;NAME|NAME;NAME"});
  field("oob_score", p.oob_score, "predict every training row by the trees that did not draw it");
}
/// The place of a feature by its name, or by its number where features have no names. Error (usage) at `param`: unknown.
Result<size_t> feature_place(const std::string& name, std::span<const std::string> names, int64_t num_features, const std::string& param);
/// "a;b|b;c" as groups of flags by feature, the last one for features that no group names; none when `text` is empty.
/// Error (usage): a name that is no feature.
Result<std::vector<std::vector<uint8_t>>> interaction_groups(std::string_view text, std::span<const std::string> names, int64_t num_features);
Result<void> check_values(const ForestParams& params, const std::string& where);
Result<void> check_shape(const ForestParams& params, Problem problem, int64_t num_features);
int64_t most_bytes(const ForestParams& params, int64_t rows, int64_t num_features);

template <class Params, class Visitor>
void visit_penalty(Params& p, Visitor&& field) {
  field("l2", p.l2, "half the penalty on the squares of the coefficients (ridge), against the sum over the rows", Range{0, 1e15});
  field("l1", p.l1, "the penalty on their sizes (lasso), against the sum over the rows", Range{0, 1e15});
  field("l1_ratio", p.l1_ratio, "the share of l2 that is laid on the sizes instead (elastic net)", Range{0, 1});
  field("standardize", p.standardize, "penalties apply to features divided by their standard deviation in the training rows");
}
template <class Visitor>
void visit_fields(LinearParams& p, Visitor&& field) {
  visit_penalty(p, field);
}
template <class Visitor>
void visit_fields(LogisticParams& p, Visitor&& field) {
  visit_penalty(p, field);
}
inline Result<void> check_values(const LinearParams&, const std::string&) { return {}; }
inline Result<void> check_values(const LogisticParams&, const std::string&) { return {}; }
inline Result<void> check_shape(const LinearParams&, Problem, int64_t) { return {}; }
inline Result<void> check_shape(const LogisticParams&, Problem, int64_t) { return {}; }
int64_t most_bytes(const LinearParams& params, int64_t rows, int64_t num_features);
int64_t most_bytes(const LogisticParams& params, int64_t rows, int64_t num_features);

namespace learn {

/// What a split lowers.
enum class Criterion { gini, entropy, squared_error, absolute_error, poisson };
/// Error (usage): the criterion is one for another problem.
Result<Criterion> criterion_of(const ForestParams& params, Problem problem);
/// class_weight's own numbers; 1 for the rest, and for `balanced`, which counts rows. Error (usage): an unknown class.
Result<std::vector<double>> given_class_weights(const ForestParams& params, const Labels& labels);

}  // namespace learn

}  // namespace hayate
