// Resamples are gathered rows, not weights: metrics of ranks have no weighted form, and a gathered resample is measured by the
// same code as the rows themselves.
#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "base/missing.h"
#include "base/random.h"
#include "eval/order.h"
#include "exec/pool.h"
#include "hayate/curves.h"

namespace hayate {
namespace {

/// Rows by group: rows[offsets[g]] .. rows[offsets[g + 1] - 1] are drawn together.
struct Groups {
  std::vector<int64_t> rows;
  std::vector<size_t> offsets = {0};
  size_t size() const { return offsets.size() - 1; }
};

Groups groups_of(std::span<const int64_t> group, size_t num_rows) {
  assert(group.empty() || group.size() == num_rows);
  Groups out;
  out.rows.resize(num_rows);
  if (group.empty()) {
    std::iota(out.rows.begin(), out.rows.end(), 0);
    out.offsets.resize(num_rows + 1);
    std::iota(out.offsets.begin(), out.offsets.end(), 0);
    return out;
  }
  const std::vector<eval::KeyedRow> order = eval::order_rows(group);
  std::transform(order.begin(), order.end(), out.rows.begin(), [](const eval::KeyedRow& r) { return r.row; });
  eval::for_each_tie(order, [&](size_t, size_t end) { out.offsets.push_back(end); });
  return out;
}

std::vector<int64_t> draw(const Groups& groups, uint64_t seed, int64_t resample) {
  const uint64_t key = random_key(seed, Stage::resample, uint64_t(resample));
  std::vector<int64_t> rows;
  rows.reserve(groups.rows.size());
  for (size_t i = 0; i < groups.size(); ++i) {
    const size_t g = random_below(key, i, uint32_t(groups.size()));
    rows.insert(rows.end(), groups.rows.begin() + ptrdiff_t(groups.offsets[g]), groups.rows.begin() + ptrdiff_t(groups.offsets[g + 1]));
  }
  return rows;
}

template <class T>
std::vector<T> gather(std::span<const T> values, const std::vector<int64_t>& rows) {
  std::vector<T> out;
  if (values.empty()) return out;
  out.reserve(rows.size());
  for (const int64_t row : rows) out.push_back(values[size_t(row)]);
  return out;
}

/// Linear between the two nearest values of an ascending list.
double quantile(const std::vector<double>& sorted, double q) {
  const double at = q * double(sorted.size() - 1);
  const auto below = size_t(at);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (at - double(below)) * (sorted[above] - sorted[below]);
}

MetricInterval interval_of(const MetricInfo* metric, std::vector<double> values, const Bootstrap& bootstrap) {
  const size_t measured = values.size();
  std::erase_if(values, [](double v) { return std::isnan(v); });
  if (2 * values.size() < measured) return {metric, kNaN, kNaN};
  std::sort(values.begin(), values.end());
  const double tail = (1 - bootstrap.level) / 2;
  return {metric, quantile(values, tail), quantile(values, 1 - tail)};
}

Result<void> check_bootstrap(const Bootstrap& b) {
  if (b.resamples < kLeastResamples || b.resamples > 100'000)
    return usage_error(fmt::format("{} resamples, expected 20 to 100000", b.resamples), "bootstrap",
                       "200 give the ends of an interval to a tenth of its width");
  if (!(b.level >= 0.5 && b.level <= 0.999))
    return usage_error(fmt::format("level {}, expected 0.5 to 0.999", b.level), "bootstrap", "0.95 is usual");
  return {};
}

/// `evaluate` measures the given rows; `whole` names the metrics.
Result<std::vector<MetricInterval>> intervals(const Evaluation& whole, size_t num_rows, const Bootstrap& bootstrap, exec::Pool& pool,
                                              const std::function<Evaluation(const std::vector<int64_t>&)>& evaluate) {
  const Groups groups = groups_of(bootstrap.group, num_rows);
  std::vector<std::vector<double>> values(whole.metrics.size(), std::vector<double>(size_t(bootstrap.resamples)));
  std::vector<char> is_measured(size_t(bootstrap.resamples), 0);
  pool.run(
      bootstrap.resamples,
      [&](int64_t resample, int) {
        const Evaluation e = evaluate(draw(groups, bootstrap.seed, resample));
        for (size_t m = 0; m < values.size(); ++m) values[m][size_t(resample)] = e.metrics[m].value.value_or(kNaN);
        is_measured[size_t(resample)] = 1;
      },
      bootstrap.cancel);
  const auto measured = std::count(is_measured.begin(), is_measured.end(), 1);
  if (measured < kLeastResamples)
    return Error{bootstrap.cancel->timed_out() ? Kind::timeout : Kind::interrupted,
                 fmt::format("{} of {} resamples were measured in time", measured, bootstrap.resamples), "bootstrap",
                 "give more time, or fewer resamples"};
  for (std::vector<double>& own : values) {
    size_t kept = 0;
    for (size_t i = 0; i < own.size(); ++i)
      if (is_measured[i]) own[kept++] = own[i];
    own.resize(kept);
  }
  std::vector<MetricInterval> out;
  for (size_t m = 0; m < values.size(); ++m)
    if (whole.metrics[m].metric->better != Better::neither) out.push_back(interval_of(whole.metrics[m].metric, std::move(values[m]), bootstrap));
  return out;
}

}  // namespace

Result<std::vector<MetricInterval>> bootstrap_regression(std::span<const double> label, std::span<const double> prediction,
                                                         std::span<const double> weight, const Bootstrap& bootstrap, exec::Pool& pool) {
  HY_CHECK(check_bootstrap(bootstrap));
  HY_TRY(const Evaluation whole, evaluate_regression(label, prediction, weight));
  return intervals(whole, label.size(), bootstrap, pool, [&](const std::vector<int64_t>& rows) {
    return evaluate_regression(gather(label, rows), gather(prediction, rows), gather(weight, rows)).value();
  });
}

Result<std::vector<MetricInterval>> bootstrap_classification(const ClassPredictions& input, const Bootstrap& bootstrap, exec::Pool& pool) {
  HY_CHECK(check_bootstrap(bootstrap));
  HY_TRY(const Evaluation whole, evaluate_classification(input));
  return intervals(whole, input.label.size(), bootstrap, pool, [&](const std::vector<int64_t>& rows) {
    const std::vector<int32_t> label = gather(input.label, rows), prediction = gather(input.prediction, rows);
    const std::vector<double> weight = gather(input.weight, rows);
    std::vector<std::vector<double>> probability;
    for (const std::span<const double> p : input.probability) probability.push_back(gather(p, rows));
    ClassPredictions drawn{input.classes, label, prediction, {}, weight};
    drawn.probability.assign(probability.begin(), probability.end());
    return evaluate_classification(drawn).value();
  });
}

}  // namespace hayate
