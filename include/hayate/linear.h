// Linear models: least squares, ridge, lasso and elastic net in one learner, and logistic regression of two or more classes
// in another. hayate/learner.h names and parses them and trains them beside the other learners.
//
//   linear     1/2 sum w (y - b0 - x b)^2         + l1 |b|_1 + 1/2 l2 |b|^2
//   logistic   -    sum w log p(class of the row) + l1 |b|_1 + 1/2 l2 |b|^2        p by logistic or softmax
//
// Penalties stand against the sum over the rows, as in scikit-learn's Ridge (alpha = l2) and LogisticRegression (C = 1 / l2);
// its Lasso and ElasticNet divide the first term by the rows (alpha = l1 / rows). Intercepts are never penalised.
// A missing value counts as the mean of the training rows; with `standardize` features are divided by their standard deviation
// there, and the scalers are multiplied into the coefficients, so that a model is for values as they are.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "hayate/error.h"
#include "hayate/forest.h"
#include "hayate/model.h"

namespace hayate {

/// The parameters; src/learn/params.h lists them with their ranges and help.
struct LinearParams {
  double l2 = 0;
  double l1 = 0;
  double l1_ratio = 0;  ///< the share of l2 that is laid on |b|_1 instead: elastic net with one strength
  bool standardize = true;
};
struct LogisticParams {
  double l2 = 1;
  double l1 = 0;
  double l1_ratio = 0;
  bool standardize = true;
};

/// One table, for training linear models on many subsets of its rows, with many params: what depends on the rows alone (means,
/// Gram matrix in float64) is put together from blocks of the table that are summed once. Safe for several threads.
class LinearTable {
 public:
  /// `values` must stay.
  explicit LinearTable(const FloatColumns& values);
  ~LinearTable();

  /// Trains on `rows`, distinct or not (a row named twice counts twice); `weights`, by row of the table, may be empty. The same
  /// bytes for any pool. Constant features and those without a value get the coefficient 0; among features that depend on
  /// each other the solution of least squares is the shortest one.
  /// Errors (input): no rows of positive weight, an infinite feature, a label that is not finite or no class, a weight that is
  /// negative or not finite; one class only; (interrupted): cancelled.
  Result<Linear> train(std::span<const int32_t> rows, const Labels& labels, std::span<const float> weights, const LinearParams& params,
                       exec::Pool* pool = nullptr, const exec::Cancellation* cancel = nullptr) const;
  Result<Linear> train(std::span<const int32_t> rows, const Labels& labels, std::span<const float> weights, const LogisticParams& params,
                       exec::Pool* pool = nullptr, const exec::Cancellation* cancel = nullptr) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace hayate
