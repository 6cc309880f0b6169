// The tables of learner parameters: help, docs, range errors and parsing walk them. Every alternative of LearnerParams has
// visit_fields, check_values (what a range can't say, after each change), check_shape (what the data must fit) and most_bytes.
#pragma once

#include <string>

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
  field("bins", p.bins, "most bins a feature is cut into", Range{2, kMaxBins});
}
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

}  // namespace hayate
