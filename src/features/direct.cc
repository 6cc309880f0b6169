#include "features/direct.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/missing.h"

namespace hayate::direct {
namespace {

using Series = std::vector<double>;

/// The window that ends at row t: all its rows, and the finite ones with their distance from t.
struct Window {
  std::vector<double> rows;
  std::vector<double> values;
  std::vector<double> ages;
};

Window window_at(const Series& x, size_t t, int64_t n) {
  Window w;
  const size_t begin = n == 0 || int64_t(t) < n ? 0 : t + 1 - size_t(n);
  for (size_t i = begin; i <= t; ++i) {
    w.rows.push_back(x[i]);
    if (!std::isfinite(x[i])) continue;
    w.values.push_back(x[i]);
    w.ages.push_back(double(t - i));
  }
  return w;
}

double total(const Series& v) {
  long double sum = 0;
  for (double x : v) sum += x;
  return double(sum);
}
double average(const Series& v) { return v.empty() ? kNaN : total(v) / double(v.size()); }

/// sum((x - mean x)(y - mean y))
double co_moment(const Series& x, const Series& y) {
  long double mean_x = 0, mean_y = 0, sum = 0;
  for (size_t i = 0; i < x.size(); ++i) mean_x += x[i], mean_y += y[i];
  mean_x /= (long double)(x.size()), mean_y /= (long double)(x.size());
  for (size_t i = 0; i < x.size(); ++i) sum += (x[i] - mean_x) * (y[i] - mean_y);
  return double(sum);
}
double variance(const Series& v) { return v.size() < 2 ? kNaN : co_moment(v, v) / double(v.size() - 1); }
double deviation(const Series& v) { return std::sqrt(variance(v)); }

double moment(const Series& v, int power) {
  const double mean = average(v);
  long double sum = 0;
  for (double x : v) sum += std::pow((long double)(x)-mean, power);
  return double(sum / (long double)(v.size()));
}

bool all_equal(const Series& v) {
  return std::all_of(v.begin(), v.end(), [&](double x) { return x == v[0]; });
}

double skewness(const Series& v) {
  const double n = double(v.size());
  if (n < 3) return kNaN;
  if (all_equal(v)) return 0;
  const double m2 = moment(v, 2);
  if (m2 <= 1e-14) return kNaN;
  return std::sqrt(n * (n - 1)) / (n - 2) * moment(v, 3) / (m2 * std::sqrt(m2));
}

double kurtosis(const Series& v) {
  const double n = double(v.size());
  if (n < 4) return kNaN;
  if (all_equal(v)) return -3;
  const double m2 = moment(v, 2);
  if (m2 <= 1e-14) return kNaN;
  return ((n * n - 1) * moment(v, 4) / (m2 * m2) - 3 * (n - 1) * (n - 1)) / ((n - 2) * (n - 3));
}

double quantile(Series v, double q) {
  if (v.empty()) return kNaN;
  std::sort(v.begin(), v.end());
  const double position = q * double(v.size() - 1);
  const size_t low = size_t(position);
  if (double(low) == position) return v[low];
  return v[low] + (v[low + 1] - v[low]) * (position - double(low));
}

double rank(const Window& w) {
  const double last = w.rows.back();
  if (!std::isfinite(last)) return kNaN;
  double below = 0, equal = 0;
  for (double x : w.values) below += x < last, equal += x == last;
  return (below + (equal + 1) / 2) / double(w.values.size());
}

double absolute_deviation(const Series& v) {
  const double mean = average(v);
  double sum = 0;
  for (double x : v) sum += std::abs(x - mean);
  return v.empty() ? kNaN : sum / double(v.size());
}

double weighted_mean(const Window& w) {
  if (w.values.empty()) return kNaN;
  const double rows = double(w.rows.size());
  double sum = 0;
  for (size_t i = 0; i < w.values.size(); ++i) sum += w.values[i] * (rows - w.ages[i]);
  return sum / (rows * (rows + 1) / 2) / double(w.values.size());
}

bool holds_infinity(const Window& w) {
  return std::any_of(w.rows.begin(), w.rows.end(), [](double x) { return std::isinf(x); });
}

double slope(const Window& w) {
  if (w.values.size() < 2 || holds_infinity(w)) return kNaN;
  return -co_moment(w.ages, w.values) / co_moment(w.ages, w.ages);
}

double residual(const Window& w) {
  if (w.values.size() < 2 || !std::isfinite(w.rows.back()) || holds_infinity(w)) return kNaN;
  if (w.values.size() == 2) return 0;  // a line goes through two points
  return w.rows.back() - (average(w.values) + slope(w) * average(w.ages));
}

double rsquare(const Window& w, int64_t n) {
  if (w.values.size() < 2 || holds_infinity(w)) return kNaN;
  if (n > 0 && deviation(w.values) <= 2e-5) return kNaN;
  const double xy = co_moment(w.ages, w.values);
  return xy * xy / (co_moment(w.ages, w.ages) * co_moment(w.values, w.values));
}

/// Position of the best row, from 1; a missing row beats every value. `sign` is 1 for the largest, -1 for the smallest.
double index_of(const Window& w, double sign) {
  if (w.values.empty()) return kNaN;
  size_t best = 0;
  for (size_t i = 0; i < w.rows.size(); ++i) {
    if (!std::isfinite(w.rows[i])) return double(i + 1);
    if (sign * w.rows[i] > sign * w.rows[best]) best = i;
  }
  return double(best + 1);
}

double rolled(const GraphNode& node, const Series& x, size_t t) {
  const Window w = window_at(x, t, node.n);
  const Series& v = w.values;
  switch (node.op) {
    case Op::sum:
      return v.empty() ? kNaN : total(v);
    case Op::mean:
      return average(v);
    case Op::variance:
      return variance(v);
    case Op::deviation:
      return deviation(v);
    case Op::largest:
      return v.empty() ? kNaN : *std::max_element(v.begin(), v.end());
    case Op::smallest:
      return v.empty() ? kNaN : *std::min_element(v.begin(), v.end());
    case Op::index_of_largest:
      return index_of(w, 1);
    case Op::index_of_smallest:
      return index_of(w, -1);
    case Op::rank:
      return rank(w);
    case Op::quantile:
      return quantile(v, node.p);
    case Op::skewness:
      return skewness(v);
    case Op::kurtosis:
      return kurtosis(v);
    case Op::absolute_deviation:
      return absolute_deviation(v);
    case Op::slope:
      return slope(w);
    case Op::rsquare:
      return rsquare(w, node.n);
    case Op::residual:
      return residual(w);
    case Op::weighted_mean:
      return weighted_mean(w);
    default:
      return kNaN;
  }
}

double two_sided(const GraphNode& node, const Series& x, const Series& y, size_t t) {
  Series joint_x, joint_y;
  const size_t begin = int64_t(t) < node.n ? 0 : t + 1 - size_t(node.n);
  for (size_t i = begin; i <= t; ++i) {
    if (!std::isfinite(x[i]) || !std::isfinite(y[i])) continue;
    joint_x.push_back(x[i]), joint_y.push_back(y[i]);
  }
  if (joint_x.size() < 2) return kNaN;
  const double xy = co_moment(joint_x, joint_y);
  if (node.op == Op::covariance) return xy / double(joint_x.size() - 1);
  if (deviation(window_at(x, t, node.n).values) <= 2e-5 || deviation(window_at(y, t, node.n).values) <= 2e-5) return kNaN;
  return xy / std::sqrt(co_moment(joint_x, joint_x) * co_moment(joint_y, joint_y));
}

/// pandas ewm(alpha, adjust=True, ignore_na=False).mean()
Series ewm(const Series& x, double alpha) {
  Series out(x.size(), kNaN);
  double mean = kNaN, weight = 1;
  for (size_t t = 0; t < x.size(); ++t) {
    const bool present = std::isfinite(x[t]);
    if (std::isnan(mean)) {
      mean = present ? x[t] : kNaN;
    } else {
      weight *= 1 - alpha;
      if (present && mean != x[t]) mean = (weight * mean + x[t]) / (weight + 1);
      if (present) weight += 1;
    }
    out[t] = mean;
  }
  return out;
}

double expanding_ema(const Series& x, size_t t) {
  const double decay = 1 - 2 / (2 + double(t));
  double weight = 1, weights = 0, sum = 0;
  bool any = false;
  for (size_t i = t + 1; i-- > 0; weight *= decay) {
    weights += weight;
    if (std::isfinite(x[i])) sum += weight * x[i], any = true;
  }
  return any ? sum / weights : kNaN;
}

bool is_nan(double x) { return x != x; }

double elementwise(const GraphNode& node, double a, double b, double c) {
  switch (node.op) {
    case Op::absolute:
      return std::abs(a);
    case Op::sign:
      return a > 0 ? 1 : a < 0 ? -1 : a;
    case Op::logarithm:
      return std::log(a);
    case Op::invert:
      return a == 0;
    case Op::complement:
      return -a - 1;
    case Op::is_present:
      return !is_nan(a);
    case Op::add:
      return a + b;
    case Op::subtract:
      return a - b;
    case Op::multiply:
      return a * b;
    case Op::divide:
      return a / b;
    case Op::power:
      return std::pow(a, b);
    case Op::maximum:
      return is_nan(a) || is_nan(b) ? kNaN : std::max(a, b);
    case Op::minimum:
      return is_nan(a) || is_nan(b) ? kNaN : std::min(a, b);
    case Op::greater:
      return a > b;
    case Op::greater_equal:
      return a >= b;
    case Op::less:
      return a < b;
    case Op::less_equal:
      return a <= b;
    case Op::equal:
      return a == b;
    case Op::not_equal:
      return a != b;
    case Op::bit_and:
      return double(int64_t(a) & int64_t(b));
    case Op::bit_or:
      return double(int64_t(a) | int64_t(b));
    case Op::choose:
      return a != 0 ? b : c;
    default:
      return kNaN;
  }
}

double value_of(const Graph& graph, const std::vector<Series>& done, const GraphNode& node, size_t t) {
  const auto operand = [&](int i) {
    return node.in[i] < 0 ? 0.0 : graph.node(node.in[i]).op == Op::constant ? graph.node(node.in[i]).p : done[size_t(node.in[i])][t];
  };
  if (is_elementwise(node.op)) return elementwise(node, operand(0), operand(1), operand(2));
  const Series& x = done[size_t(node.in[0])];
  switch (node.op) {
    case Op::cast:
      return x[t];
    case Op::first:
      return x[0];
    case Op::shift:
      return int64_t(t) < node.n || int64_t(t) - node.n >= int64_t(x.size()) ? kNaN : x[size_t(int64_t(t) - node.n)];
    case Op::correlation:
    case Op::covariance:
      return two_sided(node, x, done[size_t(node.in[1])], t);
    case Op::expanding_ema:
      return expanding_ema(x, t);
    default:
      return rolled(node, x, t);
  }
}

}  // namespace

std::vector<Series> evaluate(const Graph& graph, const std::vector<Series>& fields) {
  const size_t rows = fields.empty() ? 0 : fields[0].size();
  std::vector<Series> done;
  for (const GraphNode& node : graph.nodes()) {
    Series out(rows);
    if (node.op == Op::ewm) out = ewm(done[size_t(node.in[0])], node.p);
    for (size_t t = 0; t < rows && node.op != Op::ewm && node.op != Op::constant; ++t)
      out[t] = node.op == Op::field ? fields[size_t(node.n)][t] : value_of(graph, done, node, t);
    if (node.type == ValueType::float32)
      for (double& x : out) x = double(float(x));
    done.push_back(std::move(out));
  }
  std::vector<Series> outputs;
  for (int32_t i : graph.outputs) outputs.push_back(done[size_t(i)]);
  return outputs;
}

}  // namespace hayate::direct
