// What both linear learners are given: the rows that count, and features around their training mean on one scale.
#pragma once

#include <vector>

#include "hayate/linear.h"
#include "learn/gram.h"
#include "learn/tiles.h"

namespace hayate::learn {

/// Penalties as the minimisation takes them.
struct Penalty {
  double l1 = 0, l2 = 0;
};
template <class Params>
Penalty penalty_of(const Params& p) {
  return {p.l1 + p.l1_ratio * p.l2, (1 - p.l1_ratio) * p.l2};
}

/// Rows of positive weight, with everything that training reads of them, in order.
struct Examples {
  std::vector<int32_t> rows;
  std::vector<float> weights;  ///< by row of the table; empty: 1
  Moments moments;
  std::vector<double> scale;    ///< features are divided by it; 0 for a feature that carries nothing
  std::vector<double> inverse;  ///< 1 / scale, 0 for 0: what tiles are multiplied by
  double weight(int32_t row) const { return weights.empty() ? 1.0 : double(weights[size_t(row)]); }
};

/// Checks rows, labels, weights and values; `blocks` gives the moments. Error (interrupted).
Result<Examples> examples_of(const GramBlocks& blocks, std::span<const int32_t> rows, const Labels& labels, std::span<const float> weights,
                             bool standardize, exec::Pool* pool, const exec::Cancellation* cancel);

/// Coefficients of scaled, centred features as those of the values themselves; `intercept` moves with them.
void unscale(const Examples& examples, std::span<double> coefficients, double& intercept);

Result<Linear> train_least_squares(const GramBlocks& blocks, const Examples& examples, const Labels& labels, Penalty penalty, exec::Pool* pool,
                                   const exec::Cancellation* cancel);
Result<Linear> train_logistic(const GramBlocks& blocks, const Examples& examples, const Labels& labels, Penalty penalty, exec::Pool* pool,
                              const exec::Cancellation* cancel);

}  // namespace hayate::learn
