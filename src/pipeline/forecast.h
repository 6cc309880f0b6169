// The out-of-sample answer of a run, row by row, and everything that is said about it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hayate/metrics.h"
#include "hayate/table.h"

namespace hayate::pipeline {

/// Predicted rows sorted by (symbol, date), one per out-of-sample (symbol, date). `label` is NaN where it is not known.
struct Forecast {
  std::vector<std::string> symbols;  ///< in byte order; symbol[i] indexes it
  std::vector<int32_t> symbol, fold;
  std::vector<int64_t> time;
  std::vector<double> label, prediction;

  size_t num_rows() const { return time.size(); }
};

/// symbol, date (or datetime), fold, label, prediction.
Table forecast_table(const Forecast& forecast, bool daily, const std::string& zone);

struct FoldTally {
  int fold = 0;
  std::string symbol;  ///< empty: the universe
  int64_t train_rows = 0, test_rows = 0, first_time = 0, last_time = 0;
  ForecastScore score;
};

/// All scores of a forecast; metrics.json and the report hold nothing else.
struct Scores {
  Evaluation universe;                 ///< all rows with a label
  ForecastScore summary;               ///< the same rows
  std::vector<ForecastScore> symbols;  ///< per Forecast::symbols
  std::vector<IcDay> days;
  std::vector<MetricValue> ic;
  std::vector<Bucket> buckets;
  std::vector<FoldTally> folds;  ///< scope symbol: per (symbol, fold); pooled: per fold
};

/// `train_rows[s][f]` (pooled: train_rows[0][f]) is how many rows trained fold f.
Result<Scores> score(const Forecast& forecast, bool pooled, const std::vector<std::vector<int64_t>>& train_rows);

}  // namespace hayate::pipeline
