#include "pipeline/forecast.h"

#include <cmath>
#include <limits>
#include <map>

#include "hayate/panel.h"

namespace hayate::pipeline {

Table forecast_table(const Forecast& forecast, bool daily, const std::string& zone) {
  Table table = key_columns(forecast.symbol, forecast.symbols, forecast.time, daily, zone);
  table.add("fold", make_column(forecast.fold));
  table.add("label", make_column(forecast.label));
  table.add("prediction", make_column(forecast.prediction));
  return table;
}

namespace {

/// Rows of each (symbol, fold), or of each fold when pooled, as groups numbered in that order.
struct FoldGroups {
  std::vector<FoldTally> tallies;
  std::vector<int32_t> group;
};

FoldGroups group_folds(const Forecast& forecast, bool pooled, const std::vector<std::vector<int64_t>>& train_rows) {
  std::map<std::pair<int32_t, int32_t>, int32_t> numbers;
  const auto key = [&](size_t row) { return std::pair(pooled ? 0 : forecast.symbol[row], forecast.fold[row]); };
  for (size_t row = 0; row < forecast.num_rows(); ++row) numbers[key(row)] = 0;
  FoldGroups out;
  for (auto& [place, number] : numbers) {
    number = int32_t(out.tallies.size());
    FoldTally tally;
    tally.fold = place.second;
    if (!pooled) tally.symbol = forecast.symbols[size_t(place.first)];
    tally.train_rows = train_rows[size_t(place.first)][size_t(place.second)];
    tally.first_time = std::numeric_limits<int64_t>::max();
    tally.last_time = std::numeric_limits<int64_t>::min();
    out.tallies.push_back(std::move(tally));
  }
  out.group.resize(forecast.num_rows());
  for (size_t row = 0; row < forecast.num_rows(); ++row) {
    const int32_t number = out.group[row] = numbers[key(row)];
    FoldTally& tally = out.tallies[size_t(number)];
    tally.test_rows += 1;
    tally.first_time = std::min(tally.first_time, forecast.time[row]);
    tally.last_time = std::max(tally.last_time, forecast.time[row]);
  }
  return out;
}

}  // namespace

Result<Scores> score(const Forecast& forecast, bool pooled, const std::vector<std::vector<int64_t>>& train_rows) {
  Scores out;
  HY_TRY(out.universe, evaluate_regression(forecast.label, forecast.prediction));
  out.summary = score_forecast(forecast.label, forecast.prediction);
  out.symbols = score_forecasts(forecast.symbol, int32_t(forecast.symbols.size()), forecast.label, forecast.prediction);
  out.days = ic_by_date(forecast.time, forecast.label, forecast.prediction);
  out.ic = ic_metrics(out.days);
  out.buckets = bucket_by_prediction(forecast.label, forecast.prediction);
  FoldGroups groups = group_folds(forecast, pooled, train_rows);
  const auto fold_scores = score_forecasts(groups.group, int32_t(groups.tallies.size()), forecast.label, forecast.prediction);
  for (size_t i = 0; i < fold_scores.size(); ++i) groups.tallies[i].score = fold_scores[i];
  out.folds = std::move(groups.tallies);
  return out;
}

}  // namespace hayate::pipeline
