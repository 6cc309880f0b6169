// Regression metrics of scikit-learn and scipy, weighted. Three passes: sums, central moments, order (median and ranks).
#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

#include "eval/correlation.h"
#include "eval/scores.h"
#include "hayate/metrics.h"

namespace hayate {
namespace {

using eval::Moments;
using eval::ScoreSheet;

/// The rows that count, closed up. `weight` is empty when all are 1.
struct ErrorRows {
  std::vector<double> label, prediction, weight, error;
  double w(size_t i) const { return weight.empty() ? 1.0 : weight[i]; }
};

// inf - inf would be NaN and spoil the order of errors; an infinity that is predicted exactly has no error.
double error_of(double label, double prediction) { return label == prediction ? 0.0 : label - prediction; }

ErrorRows rows_that_count(std::span<const double> label, std::span<const double> prediction, std::span<const double> weight) {
  ErrorRows rows;
  for (size_t i = 0; i < label.size(); ++i) {
    if (std::isnan(label[i]) || std::isnan(prediction[i]) || (!weight.empty() && !(weight[i] > 0))) continue;
    rows.label.push_back(label[i]);
    rows.prediction.push_back(prediction[i]);
    rows.error.push_back(error_of(label[i], prediction[i]));
    if (!weight.empty()) rows.weight.push_back(weight[i]);
  }
  return rows;
}

double median(std::vector<double> values) {
  const size_t half = values.size() / 2;
  const auto middle = values.begin() + ptrdiff_t(half);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

/// Hyndman and Fan (1996), type 2: the value at which the summed weight reaches half; the mean of two when it does so exactly.
double weighted_median(const std::vector<double>& values, const std::vector<double>& weight) {
  std::vector<std::pair<double, double>> sorted(values.size());
  for (size_t i = 0; i < values.size(); ++i) sorted[i] = {values[i], weight[i]};
  std::sort(sorted.begin(), sorted.end());
  double total = 0, below = 0;
  for (const auto& [value, w] : sorted) total += w;
  for (size_t i = 0; i < sorted.size(); ++i) {
    below += sorted[i].second;
    if (below < total / 2) continue;
    const bool exactly_half = below - total / 2 <= std::numeric_limits<double>::epsilon() && i + 1 < sorted.size();
    return exactly_half ? (sorted[i].first + sorted[i + 1].first) / 2 : sorted[i].first;
  }
  return sorted.back().first;
}

double median_absolute_error(const ErrorRows& rows) {
  std::vector<double> absolute = rows.error;
  for (double& e : absolute) e = std::abs(e);
  return rows.weight.empty() ? median(std::move(absolute)) : weighted_median(absolute, rows.weight);
}

struct Sums {
  double weight = 0, absolute = 0, squared = 0, relative = 0, log_squared = 0, hits = 0, directions = 0;
  bool has_log = true;  ///< every label and prediction is above -1
};

int sign(double value) { return (value > 0) - (value < 0); }

Sums sums_of(const ErrorRows& rows) {
  Sums s;
  for (size_t i = 0; i < rows.label.size(); ++i) {
    const double w = rows.w(i), y = rows.label[i], p = rows.prediction[i], e = rows.error[i];
    s.weight += w;
    s.absolute += w * std::abs(e);
    s.squared += w * (e * e);
    s.relative += w * (std::abs(e) / std::max(std::abs(y), std::numeric_limits<double>::epsilon()));
    s.has_log = s.has_log && y > -1 && p > -1;
    if (s.has_log) {
      const double log_error = std::log1p(y) - std::log1p(p);
      s.log_squared += w * (log_error * log_error);
    }
    if (y != 0) s.directions += w, s.hits += sign(y) == sign(p) ? w : 0.0;
  }
  return s;
}

/// 1 - unexplained / total, with scikit-learn's answers when the label is constant.
double explained_share(double unexplained, double total, bool constant_label) {
  if (constant_label) return unexplained == 0 ? 1.0 : 0.0;
  return 1 - unexplained / total;
}

void add_correlations(ScoreSheet& sheet, const ErrorRows& rows, const Moments& m) {
  const char* undefined = m.rows < 2       ? "fewer than two rows"
                          : m.constant_x() ? "the label is constant"
                          : m.constant_y() ? "the prediction is constant"
                                           : nullptr;
  if (undefined)
    sheet.undefined("pearson", undefined);
  else
    sheet.add("pearson", eval::correlation(rows.label, rows.prediction, rows.weight));
  if (undefined || !rows.weight.empty())
    sheet.undefined("spearman", undefined ? undefined : "ranks have no weighted form here");
  else
    sheet.add("spearman", spearman(rows.label, rows.prediction));
}

void add_all(ScoreSheet& sheet, const ErrorRows& rows) {
  const Sums s = sums_of(rows);
  const Moments m = eval::moments(rows.label, rows.prediction, rows.weight);
  const Moments errors = eval::moments(rows.label, rows.error, rows.weight);
  sheet.add("mae", s.absolute / s.weight);
  sheet.add("mse", s.squared / s.weight);
  sheet.add("rmse", std::sqrt(s.squared / s.weight));
  sheet.add("mape", s.relative / s.weight);
  sheet.add("median_absolute_error", median_absolute_error(rows));
  if (rows.label.size() < 2)
    sheet.undefined("r2", "fewer than two rows");
  else
    sheet.add("r2", explained_share(s.squared, m.xx, m.constant_x()));
  sheet.add("explained_variance", explained_share(errors.constant_y() ? 0.0 : errors.yy, m.xx, m.constant_x()));
  if (s.has_log)
    sheet.add("rmsle", std::sqrt(s.log_squared / s.weight));
  else
    sheet.undefined("rmsle", "a label or prediction is -1 or less");
  add_correlations(sheet, rows, m);
  if (s.directions > 0)
    sheet.add("hit_rate", s.hits / s.directions);
  else
    sheet.undefined("hit_rate", "every label is zero");
}

}  // namespace

Result<Evaluation> evaluate_regression(std::span<const double> label, std::span<const double> prediction, std::span<const double> weight) {
  assert(label.size() == prediction.size() && (weight.empty() || weight.size() == label.size()));
  HY_CHECK(eval::check_weights(weight));
  const ErrorRows rows = rows_that_count(label, prediction, weight);
  Evaluation out;
  out.problem = Problem::regression;
  out.rows = int64_t(rows.label.size());
  out.rows_left_out = int64_t(label.size()) - out.rows;
  ScoreSheet sheet(MetricGroup::regression);
  if (out.rows == 0)
    sheet.all_undefined(eval::no_rows_reason(int64_t(label.size())));
  else
    add_all(sheet, rows);
  out.metrics = sheet.take();
  return out;
}

}  // namespace hayate
