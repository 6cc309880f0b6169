#include "learn/linear_table.h"

#include <fmt/format.h>

#include <cmath>

#include "learn/training_rows.h"

namespace hayate {

using namespace learn;

namespace learn {
namespace {

Result<void> check_finite(const FloatColumns& values, std::span<const int32_t> rows, const exec::Cancellation* cancel) {
  for (int64_t f = 0; f < values.num_features && !stopped(cancel); ++f)
    for (const int32_t row : rows)
      if (std::isinf(values.column(f)[row]))
        return input_error(values.names.empty() ? fmt::format("feature number {} is infinite in row {}", f + 1, row + 1)
                                                : fmt::format("feature '{}' is infinite in row {}", values.names[size_t(f)], row + 1),
                           "features",
                           "a linear model takes finite values and missing ones; trees order infinities, or leave the column out with --features");
  return {};
}

/// Standard deviations, or 1; 0 where the values are one and the same but for rounding.
std::vector<double> scales_of(const Moments& moments, bool standardize) {
  const size_t features = moments.mean.size();
  std::vector<double> scale(features, 0.0);
  for (size_t f = 0; f < features; ++f) {
    const double deviation = std::sqrt(moments.products[f * features + f] / moments.weight);
    if (deviation > 1e-12 * std::abs(moments.mean[f])) scale[f] = standardize ? deviation : 1.0;
  }
  return scale;
}

}  // namespace

Result<Examples> examples_of(const GramBlocks& blocks, std::span<const int32_t> rows, const Labels& labels, std::span<const float> weights,
                             bool standardize, exec::Pool* pool, const exec::Cancellation* cancel) {
  Examples out;
  out.weights.assign(weights.begin(), weights.end());
  HY_TRY(out.rows, rows_that_count(blocks.values().num_rows, rows, labels, weights));
  HY_CHECK(check_finite(blocks.values(), out.rows, cancel));
  out.moments = blocks.moments(out.rows, weights, pool, cancel);
  if (stopped(cancel)) return stopped_error("moments");
  out.scale = scales_of(out.moments, standardize);
  for (const double scale : out.scale) out.inverse.push_back(scale > 0 ? 1 / scale : 0.0);
  return out;
}

void unscale(const Examples& examples, std::span<double> coefficients, double& intercept) {
  for (size_t f = 0; f < coefficients.size(); ++f) {
    coefficients[f] *= examples.inverse[f];
    intercept -= coefficients[f] * examples.moments.mean[f];
  }
}

}  // namespace learn

struct LinearTable::State {
  GramBlocks blocks;
};

LinearTable::LinearTable(const FloatColumns& values) : state_(new State{GramBlocks(values)}) {}
LinearTable::~LinearTable() = default;

Result<Linear> LinearTable::train(std::span<const int32_t> rows, const Labels& labels, std::span<const float> weights, const LinearParams& params,
                                  exec::Pool* pool, const exec::Cancellation* cancel) const {
  HY_TRY(const Examples examples, examples_of(state_->blocks, rows, labels, weights, params.standardize, pool, cancel));
  return train_least_squares(state_->blocks, examples, labels, penalty_of(params), pool, cancel);
}

Result<Linear> LinearTable::train(std::span<const int32_t> rows, const Labels& labels, std::span<const float> weights, const LogisticParams& params,
                                  exec::Pool* pool, const exec::Cancellation* cancel) const {
  HY_TRY(const Examples examples, examples_of(state_->blocks, rows, labels, weights, params.standardize, pool, cancel));
  return train_logistic(state_->blocks, examples, labels, penalty_of(params), pool, cancel);
}

}  // namespace hayate
