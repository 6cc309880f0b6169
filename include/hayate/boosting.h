// Gradient boosting: trees grown one after another, each on the gradient of the loss that is left, added up.
//
//   HY_TRY(BinnedMatrix matrix, bin_columns(ranked, train_rows, int(params.bins)));
//   HY_TRY(Forest forest, train_boosting(matrix, train_rows, Labels::ids(y, 2), {}, params, seed, entity));
//   predict_codes(forest, matrix.columns(), test_rows, out);
//
// The result is a Forest that is a sum. It depends on the data, the params, the seed and the entity alone: the same bytes
// for any number of workers and on every instruction set, and, as long as nothing is drawn and no group is ranked, for any
// order of the rows. The first T rounds are the model that training with num_trees = T gives (without early stopping).
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "hayate/binned.h"
#include "hayate/error.h"
#include "hayate/forest.h"
#include "hayate/model.h"

namespace hayate {

/// The parameters of boosting; src/learn/boosting_params.h lists them with their ranges and help.
struct BoostingParams {
  int64_t num_trees = 100;  ///< rounds; with three classes or more each round grows one tree per class
  double learning_rate = 0.1;
  std::string objective = "auto";        ///< auto | squared_error | absolute_error | quantile | huber | poisson: the loss of regression
  double alpha = 0.5;                    ///< quantile: the share of labels that is to lie below the prediction
  double huber_delta = 1;                ///< huber: the error from which on it counts as absolute error
  int64_t num_leaves = 31;               ///< most leaves of a tree; 0: no limit
  int64_t max_depth = 0;                 ///< the root has depth 0; 0: no limit
  std::string grow_policy = "leafwise";  ///< leafwise: the leaf of the largest gain is split next; depthwise: level by level
  int64_t min_samples_leaf = 20;         ///< training rows that each child keeps at least
  double min_child_weight = 1e-3;        ///< sum of second derivatives (times weight) that each child keeps at least
  double lambda_l1 = 0, lambda_l2 = 0;   ///< penalties on leaf values
  double min_gain = 0;                   ///< loss that a split must save at least
  double feature_fraction = 1;           ///< features that a tree may use
  double bagging_fraction = 1;           ///< rows that a tree learns from, drawn without replacement
  int64_t bagging_freq = 1;              ///< rounds between two draws of rows
  int64_t bins = 64;                     ///< most bins per feature, 2 .. 255
  std::string monotone;                  ///< "price:1;age:-1": the score never falls (1) or never rises (-1) with the feature
  std::string categorical;               ///< "sector;country": features whose values are categories
  std::string interactions;              ///< "a;b|b;c": features that may meet on a path from the root; empty: any
  int64_t truncation_level = 30;         ///< ranking: pairs are learnt that have a row among this many first ones
  int64_t early_stopping_rounds = 0;     ///< stop when `metric` has not improved for so many rounds, keep the best; 0: never
  double validation_fraction = 0.1;      ///< early stopping: share of the rows held out, the last ones (groups: the last ones)
  std::string metric = "auto";           ///< early stopping: auto is the loss itself; else a name of hayate evaluate
};

/// Trains on `rows` of the matrix (they may repeat). `weights`, by row of the matrix, may be empty. Whole weights up to 64
/// are exact: a row of weight 2 is that row twice (but with min_samples_leaf above 1 it counts as one row). With a pool the work of each tree is
/// spread over its workers.
///
/// Two classes: logistic loss, more: softmax. Regression: `objective`; absolute_error and quantile choose splits by the sign of
/// errors, and a leaf's value is the quantile of its errors; huber is squared up to huber_delta; poisson predicts e^score, labels
/// are 0 or more. Ranking: LambdaRank (Burges 2010) with the pairs and norms of LightGBM 4: labels that are all whole numbers from
/// 0 to 31 gain 2^label - 1, others their rank within the group from 0 to 1.
///
/// With derivatives g and h summed over the rows of a leaf its value is -learning_rate * g / (h + lambda_l2), and a split saves
/// (g_l^2 / (h_l + lambda_l2) + g_r^2 / (h_r + lambda_l2) - g^2 / (h + lambda_l2)) / 2
/// (Chen, Guestrin 2016; lambda_l1 shrinks |g| first). Missing values go the way that saves more; where a node has none,
/// they follow the larger child. The scores begin at the best constant, which no penalty touches.
///
/// Bounded features get the values of all leaves below a split on one side of the middle of its two (LightGBM's basic method).
/// Categories of a node are put in the order of g / (h + 10) and cut in two, with 10 more of lambda_l2 (LightGBM's cat_smooth and
/// cat_l2); a category that training did not see goes where missing values go.
///
/// With `interactions` all features tested on the way to a leaf are members of one group (they may be members of others too);
/// features named in no group make up one more (scikit-learn's interaction_cst).
///
/// Early stopping holds out the rows that come last in `rows`, or, when labels have groups, those of the highest groups; metrics
/// by date (ic, rank_ic, ...) need groups. The forest has the rounds up to the best one.
/// Errors as train_forest(); also (input) a negative label or no positive one with poisson, ranking without groups, too few rows
/// to hold some out; (usage) an objective or metric that does not go with the problem, monotone with several classes or with a loss
/// whose leaves are quantiles.
/// One row, one class or a constant label give trees of one node.
Result<Forest> train_boosting(const BinnedMatrix& matrix, std::span<const int32_t> rows, const Labels& labels, std::span<const float> weights,
                              const BoostingParams& params, uint64_t seed, uint64_t entity, exec::Pool* pool = nullptr,
                              const exec::Cancellation* cancel = nullptr);
/// The same on all rows of a matrix that nobody needs any more: a column is freed as soon as its codes stand side by side with those of others,
/// so that one copy of all codes is there, not two. With early stopping, bagging or feature sampling, which read columns again, both stay.
Result<Forest> train_boosting_on(BinnedMatrix matrix, const Labels& labels, std::span<const float> weights, const BoostingParams& params,
                                 uint64_t seed, uint64_t entity, exec::Pool* pool = nullptr, const exec::Cancellation* cancel = nullptr);
/// Whether it frees columns.
bool frees_columns(const BoostingParams& params);

}  // namespace hayate
