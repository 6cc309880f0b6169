#include "eval/correlation.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

#include "base/missing.h"
#include "eval/order.h"
#include "hayate/metrics.h"

namespace hayate::eval {
namespace {

/// Calls visit(x, y, w) for every row that counts.
template <class Visit>
void for_each_row(std::span<const double> x, std::span<const double> y, std::span<const double> weight, Visit visit) {
  assert(x.size() == y.size() && (weight.empty() || weight.size() == x.size()));
  for (size_t i = 0; i < x.size(); ++i) {
    const double w = weight.empty() ? 1.0 : weight[i];
    if (!std::isnan(x[i]) && !std::isnan(y[i]) && w > 0) visit(x[i], y[i], w);
  }
}

/// Rows, weight, means and ranges.
Moments first_pass(std::span<const double> x, std::span<const double> y, std::span<const double> weight) {
  Moments m;
  m.min_x = m.min_y = std::numeric_limits<double>::infinity();
  m.max_x = m.max_y = -std::numeric_limits<double>::infinity();
  for_each_row(x, y, weight, [&](double a, double b, double w) {
    ++m.rows;
    m.weight += w;
    m.mean_x += w * a, m.mean_y += w * b;
    m.min_x = std::min(m.min_x, a), m.max_x = std::max(m.max_x, a);
    m.min_y = std::min(m.min_y, b), m.max_y = std::max(m.max_y, b);
  });
  m.mean_x /= m.weight, m.mean_y /= m.weight;
  return m;
}

/// Adds the sums of products of (x - mean) * scale_x and (y - mean) * scale_y.
void second_pass(Moments& m, std::span<const double> x, std::span<const double> y, std::span<const double> weight, double scale_x, double scale_y) {
  double rest_x = 0, rest_y = 0;
  for_each_row(x, y, weight, [&](double a, double b, double w) {
    const double dx = (a - m.mean_x) * scale_x, dy = (b - m.mean_y) * scale_y;
    rest_x += w * dx, rest_y += w * dy;
    m.xx += w * dx * dx, m.yy += w * dy * dy, m.xy += w * dx * dy;
  });
  m.xx -= rest_x * rest_x / m.weight;
  m.yy -= rest_y * rest_y / m.weight;
  m.xy -= rest_x * rest_y / m.weight;
}

}  // namespace

Moments moments(std::span<const double> x, std::span<const double> y, std::span<const double> weight) {
  Moments m = first_pass(x, y, weight);
  if (m.rows > 0) second_pass(m, x, y, weight, 1, 1);
  return m;
}

double correlation(std::span<const double> x, std::span<const double> y, std::span<const double> weight) {
  Moments m = first_pass(x, y, weight);
  if (m.rows < 2 || m.constant_x() || m.constant_y()) return kNaN;
  // Deviations in units of the range: squares of 1e-200 or 1e200 neither vanish nor overflow.
  second_pass(m, x, y, weight, 1 / (m.max_x - m.min_x), 1 / (m.max_y - m.min_y));
  return std::clamp(m.xy / std::sqrt(m.xx * m.yy), -1.0, 1.0);
}

}  // namespace hayate::eval

namespace hayate {

double pearson(std::span<const double> x, std::span<const double> y) { return eval::correlation(x, y); }

std::vector<double> mean_ranks(std::span<const double> values) {
  const std::vector<eval::KeyedRow> order = eval::order_rows(values);
  std::vector<double> ranks(values.size());
  eval::for_each_tie(order, [&](size_t begin, size_t end) {
    const double rank = double(begin + end + 1) / 2;  // the mean of begin + 1 .. end
    for (size_t i = begin; i < end; ++i) ranks[size_t(order[i].row)] = rank;
  });
  return ranks;
}

double spearman(std::span<const double> x, std::span<const double> y) {
  assert(x.size() == y.size());
  std::vector<double> a, b;
  for (size_t i = 0; i < x.size(); ++i)
    if (!std::isnan(x[i]) && !std::isnan(y[i])) a.push_back(x[i]), b.push_back(y[i]);
  return eval::correlation(mean_ranks(a), mean_ranks(b));
}

}  // namespace hayate
