// Trains a random forest on a BinnedMatrix. hayate/binned.h makes the matrix, hayate/model.h predicts.
//
//   RankedMatrix ranked = rank_columns({values, rows, features, stride});                   // once per table
//   HY_TRY(BinnedMatrix matrix, bin_columns(ranked, train_rows, max_bins(params), {}, Spread::ends));  // once per fold
//   HY_TRY(Forest forest, train_forest(matrix, train_rows, Labels::numbers(y), {}, params, seed, entity));
//   predict_codes(forest, matrix.columns(), test_rows, out);
//
// The result depends on the data, the params, the seed and the entity alone: the same bytes for any number of workers
// and on every instruction set. Random numbers are keyed by (seed, entity, tree, path of the node), so that a forest of
// T trees is the beginning of a bigger one and a tree of depth d is the top of a deeper one. Features are drawn in the order of
// their names: columns in another order give the same trees.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "hayate/binned.h"
#include "hayate/error.h"
#include "hayate/model.h"

namespace hayate::exec {
class Pool;
class Cancellation;
}  // namespace hayate::exec

namespace hayate {

/// The parameters of a forest; src/learn/params.h lists them with their ranges and help, hayate/learner.h parses them.
struct ForestParams {
  int64_t num_trees = 100;
  int64_t max_depth = 10;             ///< the root has depth 0; 0: no limit
  std::string max_features = "auto";  ///< features tried at a node: auto | sqrt | third | all | a number >= 1 | a fraction below 1
  int64_t min_samples_leaf = 1;       ///< rows drawn (a row drawn twice counts twice) that each child keeps at least
  int64_t min_samples_split = 2;      ///< rows drawn below which a node is a leaf
  bool bootstrap = true;              ///< each tree draws rows with replacement; false: every row once
  double max_samples = 1.0;           ///< rows a tree draws, as a fraction of the training rows (0 < x <= 1)
  std::string bins = "64";            ///< most bins per feature, 2 .. 255; exact: every threshold there is
  std::string criterion = "auto";     ///< auto is gini for classes and squared_error for numbers; entropy (log_loss), absolute_error, poisson
  std::string splitter = "best";      ///< best cut of a feature; random: one cut of each feature drawn, the best of them taken (extra trees)
  std::string class_weight = "none";  ///< none | balanced | balanced_subsample | "no:1;yes:5" (classes not named weigh 1)
  int64_t max_leaf_nodes = 0;         ///< leaves a tree keeps, grown where impurity drops most; 0: no limit
  double min_impurity_decrease = 0;   ///< a split must lower the tree's impurity by this much
  double ccp_alpha = 0;               ///< minimal cost-complexity pruning: prunes what lowers impurity by less than this per leaf
  std::string monotone;               ///< "price:1;age:-1": the prediction never falls (1) or never rises (-1) with the feature
  std::string categorical;            ///< "sector;country": features whose values are categories
  std::string interactions;           ///< "a;b|b;c": features that may meet on a path from the root (hayate/boosting.h); empty: any
  bool oob_score = false;             ///< predicts each training row by the trees that did not draw it
};

/// `bins` as a number; 0 for exact.
int max_bins(const ForestParams& params);

/// What params say of single features, by their place.
struct FeatureRoles {
  std::vector<uint8_t> categorical;  ///< 1: categories; empty when none is
  std::vector<int8_t> monotone;      ///< 1, -1 or 0; empty when none is bound
};
/// Error (usage): a name that is no feature, a direction that is not 1 or -1, a feature with both roles.
Result<FeatureRoles> feature_roles(const ForestParams& params, std::span<const std::string> names, int64_t num_features);
/// The same of "sector;country" and "price:1;age:-1".
Result<FeatureRoles> feature_roles(std::string_view categorical, std::string_view monotone, std::span<const std::string> names, int64_t num_features);

/// Features tried at a node: auto is sqrt for classification and a third for regression; at least 1, rounded down.
/// Error (usage) when max_features is no such word or number.
Result<int64_t> features_per_node(const ForestParams& params, Problem problem, int64_t num_features);

/// What is to be learnt, indexed by row of the matrix.
struct Labels {
  Problem problem = Problem::regression;
  std::span<const double> values;    ///< regression, and ranking: the higher, the better
  std::span<const int32_t> classes;  ///< classification: 0 .. num_classes - 1
  int32_t num_classes = 0;
  std::span<const int32_t> groups = {};           ///< ranking: rows of one group (a date) are ranked among themselves
  std::span<const std::string> class_names = {};  ///< for class_weight; empty: the classes are called 0, 1, ...

  static Labels numbers(std::span<const double> values) { return {Problem::regression, values, {}, 0, {}, {}}; }
  static Labels ids(std::span<const int32_t> classes, int32_t num_classes) { return {Problem::classification, {}, classes, num_classes, {}, {}}; }
};

/// Predictions of the training rows by trees that did not draw them (params.oob_score).
struct OutOfBag {
  std::vector<double> predictions;  ///< row-major, as many as training rows were given x outputs; NaN: every tree drew the row
  int64_t rows = 0;                 ///< that have a prediction
  double score = 0;                 ///< of these rows, by weight: accuracy for classes, R2 for numbers; NaN without rows
};

/// What train_forest can do beside training.
struct ForestExtras {
  const Forest* start = nullptr;   ///< warm start: its trees are the first ones (same data, params, seed and entity; fewer trees)
  OutOfBag* out_of_bag = nullptr;  ///< filled when params.oob_score
};

/// Trains on `rows` of the matrix (they may repeat). `weights`, by row of the matrix, may be empty; they multiply with the
/// bootstrap and with class weights. A row of weight 2 is that row twice when bootstrap is off. With a pool the trees are
/// spread over its workers; without, the calling thread does all.
/// Errors (usage): params out of range or that do not go together, a start that is no beginning of this forest; (input): no
/// rows, a label that is not finite or a class outside 0 .. num_classes - 1, a negative label with poisson, a weight that is
/// negative or not finite, weights that are all 0; (interrupted): cancelled.
/// One row, one class or a constant label give trees of one node.
Result<Forest> train_forest(const BinnedMatrix& matrix, std::span<const int32_t> rows, const Labels& labels, std::span<const float> weights,
                            const ForestParams& params, uint64_t seed, uint64_t entity, exec::Pool* pool = nullptr,
                            const exec::Cancellation* cancel = nullptr, const ForestExtras& extras = {});

}  // namespace hayate
