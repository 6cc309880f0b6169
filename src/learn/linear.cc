// Least squares on the Gram matrix. Forming it squares the condition number; two rounds of refinement with residuals from the
// rows themselves bring the coefficients back to what a factorisation of the rows would give.
#include "hayate/linear.h"

#include <cmath>

#include "learn/linear_table.h"
#include "learn/quadratic.h"

namespace hayate::learn {
namespace {

/// The Gram matrix of scaled features; rows and columns of a feature that carries nothing are 0.
std::vector<double> scaled_products(const Examples& examples) {
  const size_t features = examples.scale.size();
  std::vector<double> out = examples.moments.products;
  for (size_t i = 0; i < features; ++i)
    for (size_t j = 0; j < features; ++j) out[i * features + j] *= examples.inverse[i] * examples.inverse[j];
  return out;
}

double mean_label(const Examples& examples, const Labels& labels) {
  double sum = 0;
  for (const int32_t row : examples.rows) sum += examples.weight(row) * labels.values[size_t(row)];
  return sum / examples.moments.weight;
}

/// Sum over rows of w z (y - mean - z b) for the scaled features z.
std::vector<double> pull_of(const Tiles& tiles, const Examples& examples, const Labels& labels, double mean, std::span<const double> b,
                            exec::Pool* pool, const exec::Cancellation* cancel) {
  const int64_t features = tiles.values.num_features;
  return sum_over(tiles.count(), size_t(features), pool, cancel, [&](int64_t t, std::vector<double>& sums) {
    std::vector<double> tile(size_t(features * kTileRows)), score(static_cast<size_t>(kTileRows), 0.0);
    const std::span<const int32_t> rows = tiles.load(t, tile.data());
    kernels::gram_kernels().add_scaled(tile.data(), features, b.data(), score.data());
    for (size_t i = 0; i < rows.size(); ++i) score[i] = examples.weight(rows[i]) * (labels.values[size_t(rows[i])] - mean - score[i]);
    for (size_t i = rows.size(); i < score.size(); ++i) score[i] = 0;
    kernels::gram_kernels().add_products(tile.data(), features, score.data(), 1, false, sums.data(), 1);
  });
}

/// The features that carry something: a matrix and vectors of these alone.
struct Live {
  std::vector<size_t> features;
  std::vector<double> products;
};

Live live_part(const Examples& examples) {
  Live out;
  for (size_t f = 0; f < examples.scale.size(); ++f)
    if (examples.scale[f] > 0) out.features.push_back(f);
  const std::vector<double> all = scaled_products(examples);
  for (const size_t i : out.features)
    for (const size_t j : out.features) out.products.push_back(all[i * examples.scale.size() + j]);
  return out;
}

std::vector<double> gather(const Live& live, std::span<const double> all) {
  std::vector<double> out;
  for (const size_t f : live.features) out.push_back(all[f]);
  return out;
}

}  // namespace

Result<Linear> train_least_squares(const GramBlocks& blocks, const Examples& examples, const Labels& labels, Penalty penalty, exec::Pool* pool,
                                   const exec::Cancellation* cancel) {
  constexpr int kRefinements = 2;
  const size_t features = examples.scale.size();
  const double mean = mean_label(examples, labels);
  const Tiles tiles{blocks.values(), examples.rows, examples.moments.mean, examples.inverse};
  const Live live = live_part(examples);
  const size_t size = live.features.size();
  std::vector<double> b(features, 0.0);
  std::vector<double> pull = gather(live, pull_of(tiles, examples, labels, mean, b, pool, cancel));
  if (penalty.l1 > 0) {
    const std::vector<double> found =
        elastic_net(live.products, size, pull, penalty.l1, penalty.l2, std::vector<unsigned char>(size, 0), std::vector<double>(size, 0.0), cancel);
    for (size_t i = 0; i < size; ++i) b[live.features[i]] = found[i];
  } else {
    const LeastSquares system(live.products, size, penalty.l2, cancel);
    for (int round = 0; round <= kRefinements && !stopped(cancel); ++round) {
      if (round > 0) {
        pull = gather(live, pull_of(tiles, examples, labels, mean, b, pool, cancel));
        for (size_t i = 0; i < size; ++i) pull[i] -= penalty.l2 * b[live.features[i]];
      }
      const std::vector<double> step = system.solve(pull);
      for (size_t i = 0; i < size; ++i) b[live.features[i]] += step[i];
    }
  }
  if (stopped(cancel)) return stopped_error("linear");
  Linear out;
  double intercept = mean;
  unscale(examples, b, intercept);
  out.intercepts = {intercept}, out.coefficients = std::move(b), out.fill = examples.moments.mean;
  return out;
}

}  // namespace hayate::learn
