// Cross-sections by date (IC) and forecasts by group: rows are put in order of their key once, then each group is
// gathered into two short arrays and measured like any other pair of columns.
#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/missing.h"
#include "eval/correlation.h"
#include "eval/order.h"
#include "eval/scores.h"
#include "hayate/metrics.h"

namespace hayate {
namespace {

using eval::KeyedRow;

struct Pairs {
  std::vector<double> label, prediction;
  void clear() { label.clear(), prediction.clear(); }
  void add(double y, double p) {
    if (!std::isnan(y) && !std::isnan(p)) label.push_back(y), prediction.push_back(p);
  }
};

IcDay ic_of(int64_t date, const Pairs& pairs) {
  IcDay day{date, int64_t(pairs.label.size()), pearson(pairs.prediction, pairs.label), spearman(pairs.prediction, pairs.label)};
  for (size_t i = 0; i < pairs.label.size(); ++i) {
    const double y = pairs.label[i], e = y - pairs.prediction[i];
    day.squared_error += e * e;
    day.naive_squared_error += y * y;
  }
  return day;
}

struct MeanAndRatio {
  std::string reason, ratio_reason;  ///< why there is no mean, no ratio
  double mean = kNaN, ratio = kNaN;
};

MeanAndRatio mean_and_ratio(std::span<const IcDay> days, double IcDay::* field) {
  std::vector<double> values;
  for (const IcDay& day : days)
    if (std::isfinite(day.*field)) values.push_back(day.*field);
  MeanAndRatio out;
  if (values.empty()) {
    out.reason = out.ratio_reason = "no date has two pairs and no constant side";
    return out;
  }
  out.mean = std::accumulate(values.begin(), values.end(), 0.0) / double(values.size());
  double squares = 0;
  for (const double v : values) squares += (v - out.mean) * (v - out.mean);
  if (values.size() < 2)
    out.ratio_reason = "one date only";
  else if (std::all_of(values.begin(), values.end(), [&](double v) { return v == values[0]; }))
    out.ratio_reason = "the same value on every date";
  out.ratio = out.mean / std::sqrt(squares / double(values.size() - 1));
  return out;
}

void add_or_reason(eval::ScoreSheet& sheet, const char* name, double value, const std::string& reason) {
  reason.empty() ? sheet.add(name, value) : sheet.undefined(name, reason);
}

double root_mean(double sum, int64_t rows) { return rows > 0 ? std::sqrt(sum / double(rows)) : kNaN; }

}  // namespace

std::vector<IcDay> ic_by_date(std::span<const int64_t> dates, std::span<const double> label, std::span<const double> prediction) {
  assert(dates.size() == label.size() && label.size() == prediction.size());
  const std::vector<KeyedRow> order = eval::order_rows(dates);
  std::vector<IcDay> days;
  Pairs pairs;
  eval::for_each_tie(order, [&](size_t begin, size_t end) {
    pairs.clear();
    for (size_t i = begin; i < end; ++i) pairs.add(label[size_t(order[i].row)], prediction[size_t(order[i].row)]);
    days.push_back(ic_of(dates[size_t(order[begin].row)], pairs));
  });
  return days;
}

std::vector<MetricValue> ic_metrics(std::span<const IcDay> days) {
  eval::ScoreSheet sheet(MetricGroup::by_date);
  const MeanAndRatio ic = mean_and_ratio(days, &IcDay::ic), rank_ic = mean_and_ratio(days, &IcDay::rank_ic);
  add_or_reason(sheet, "ic", ic.mean, ic.reason);
  add_or_reason(sheet, "icir", ic.ratio, ic.ratio_reason);
  add_or_reason(sheet, "rank_ic", rank_ic.mean, rank_ic.reason);
  add_or_reason(sheet, "rank_icir", rank_ic.ratio, rank_ic.ratio_reason);
  return sheet.take();
}

ForecastScore score_forecast(std::span<const double> label, std::span<const double> prediction) {
  assert(label.size() == prediction.size());
  double absolute = 0, squared = 0, naive = 0;
  int64_t directions = 0, hits = 0;
  ForecastScore score;
  for (size_t i = 0; i < label.size(); ++i) {
    const double y = label[i], p = prediction[i], e = y - p;
    if (std::isnan(y) || std::isnan(p)) continue;
    ++score.rows;
    absolute += std::abs(e), squared += e * e, naive += y * y;
    if (y != 0) ++directions, hits += y > 0 ? p > 0 : p < 0;
  }
  score.rows_left_out = int64_t(label.size()) - score.rows;
  score.mae = score.rows > 0 ? absolute / double(score.rows) : kNaN;
  score.rmse = root_mean(squared, score.rows);
  score.naive_rmse = root_mean(naive, score.rows);
  score.correlation = pearson(label, prediction);
  score.hit_rate = directions > 0 ? double(hits) / double(directions) : kNaN;
  return score;
}

std::vector<ForecastScore> score_forecasts(std::span<const int32_t> group, int32_t num_groups, std::span<const double> label,
                                           std::span<const double> prediction) {
  assert(group.size() == label.size());
  const std::vector<int64_t> keys(group.begin(), group.end());
  const std::vector<KeyedRow> order = eval::order_rows(keys);
  std::vector<ForecastScore> scores(size_t(num_groups), score_forecast({}, {}));
  std::vector<double> y, p;
  eval::for_each_tie(order, [&](size_t begin, size_t end) {
    y.clear(), p.clear();
    for (size_t i = begin; i < end; ++i) y.push_back(label[size_t(order[i].row)]), p.push_back(prediction[size_t(order[i].row)]);
    scores[size_t(group[size_t(order[begin].row)])] = score_forecast(y, p);
  });
  return scores;
}

std::vector<Bucket> bucket_by_prediction(std::span<const double> label, std::span<const double> prediction, int num_buckets) {
  assert(label.size() == prediction.size() && num_buckets >= 1);
  Pairs pairs;
  for (size_t i = 0; i < label.size(); ++i) pairs.add(label[i], prediction[i]);
  const std::vector<double> ranks = mean_ranks(pairs.prediction);
  const double per_bucket = double(ranks.size()) / num_buckets;
  std::vector<Bucket> buckets(static_cast<size_t>(num_buckets));
  std::vector<size_t> bucket_of(ranks.size());
  for (size_t i = 0; i < ranks.size(); ++i) {
    Bucket& b = buckets[bucket_of[i] = std::min(buckets.size() - 1, size_t((ranks[i] - 0.5) / per_bucket))];
    ++b.rows;
    b.mean_prediction += pairs.prediction[i], b.mean_label += pairs.label[i];
  }
  for (Bucket& b : buckets) b.mean_prediction /= double(b.rows), b.mean_label /= double(b.rows);
  for (size_t i = 0; i < ranks.size(); ++i) {
    Bucket& b = buckets[bucket_of[i]];
    b.standard_error += (pairs.label[i] - b.mean_label) * (pairs.label[i] - b.mean_label);
  }
  for (Bucket& b : buckets) b.standard_error = b.rows > 1 ? std::sqrt(b.standard_error / double(b.rows - 1) / double(b.rows)) : kNaN;
  std::erase_if(buckets, [](const Bucket& b) { return b.rows == 0; });
  return buckets;
}

}  // namespace hayate
