// Trains a random forest on a BinnedMatrix. hayate/binned.h makes the matrix, hayate/model.h predicts.
//
//   RankedMatrix ranked = rank_columns({values, rows, features, stride});                   // once per table
//   HY_TRY(BinnedMatrix matrix, bin_columns(ranked, train_rows, int(params.bins)));         // once per fold
//   HY_TRY(Forest forest, train_forest(matrix, train_rows, Labels::numbers(y), {}, params, seed, entity));
//   predict_codes(forest, matrix.columns(), test_rows, out);
//
// The result depends on the data, the params, the seed and the entity alone: the same bytes for any number of workers
// and on every instruction set. Random numbers are keyed by (seed, entity, tree, path of the node), so that a forest of
// T trees is the beginning of a bigger one and a tree of depth d is the top of a deeper one.
#pragma once

#include <cstdint>
#include <span>
#include <string>

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
  int64_t bins = 64;                  ///< most bins per feature, 2 .. 255
};

/// Features tried at a node: auto is sqrt for classification and a third for regression; at least 1, rounded down.
/// Error (usage) when max_features is no such word or number.
Result<int64_t> features_per_node(const ForestParams& params, Problem problem, int64_t num_features);

/// What is to be learnt, indexed by row of the matrix.
struct Labels {
  Problem problem = Problem::regression;
  std::span<const double> values;    ///< regression, and ranking: the higher, the better
  std::span<const int32_t> classes;  ///< classification: 0 .. num_classes - 1
  int32_t num_classes = 0;
  std::span<const int32_t> groups = {};  ///< ranking: rows of one group (a date) are ranked among themselves

  static Labels numbers(std::span<const double> values) { return {Problem::regression, values, {}, 0, {}}; }
  static Labels ids(std::span<const int32_t> classes, int32_t num_classes) { return {Problem::classification, {}, classes, num_classes, {}}; }
};

/// Trains on `rows` of the matrix (they may repeat). `weights`, by row of the matrix, may be empty; they multiply with the
/// bootstrap. A row of weight 2 is that row twice when bootstrap is off. With a pool the trees are spread over its
/// workers; without, the calling thread does all.
/// Errors (usage): params out of range; (input): no rows, a label that is not finite or a class outside
/// 0 .. num_classes - 1, a weight that is negative or not finite, weights that are all 0; (interrupted): cancelled.
/// One row, one class or a constant label give trees of one node.
Result<Forest> train_forest(const BinnedMatrix& matrix, std::span<const int32_t> rows, const Labels& labels, std::span<const float> weights,
                            const ForestParams& params, uint64_t seed, uint64_t entity, exec::Pool* pool = nullptr,
                            const exec::Cancellation* cancel = nullptr);

}  // namespace hayate
