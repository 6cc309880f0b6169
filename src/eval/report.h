// The report of a run: one HTML file that opens offline and needs no script. The caller fills plain data; this file
// knows how to say it, and how not to say more than the data holds.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "eval/chart.h"
#include "hayate/metrics.h"
#include "hayate/panel.h"

namespace hayate::eval {

/// Everything below: NaN (kUndefined) means "not measured" or "undefined" and is shown as a dash. Times are days since 1970-01-01
/// when ReportData::daily, else microseconds UTC: a Panel's own unit. Counts are exact; text is escaped on output.
struct NameValue {
  std::string name, value;
};

/// One row of the spec as it was used: name "model.learner", value "forest", origin "spec.toml", "flag" or "default".
struct SpecEntry {
  std::string name, value, origin;
};

struct InputFile {
  std::string path;
  int64_t rows = 0, bytes = 0;
  std::string hash;  ///< of the content
};

/// What was read. `files` may hold hundreds; the totals are shown first and the list folded away.
struct DataSummary {
  std::vector<InputFile> files;
  int64_t rows = 0, symbols = 0;
  int64_t first_time = 0, last_time = 0;  ///< shown when rows > 0
  std::string hash;                       ///< of all content, in an order that does not depend on the file system
};

/// Out-of-sample scores of one symbol over time. `error` is ReportData::error_metric of the model, `naive_error` that
/// of the naive forecast on the same rows. `corr` is Pearson(prediction, label) over time; hit rate in [0, 1].
struct SymbolScore {
  std::string symbol;
  int64_t rows = 0;  ///< out-of-sample rows with a label
  double error = kUndefined, naive_error = kUndefined, corr = kUndefined, hit_rate = kUndefined;
};

/// Scores of one fold's test block: of one symbol (scope "symbol") or of the universe (`symbol` empty, scope "pooled").
struct FoldScore {
  int fold = 0;
  std::string symbol;
  int64_t train_rows = 0, test_rows = 0;
  int64_t first_time = 0, last_time = 0;  ///< of the test block
  double error = kUndefined, naive_error = kUndefined, corr = kUndefined;
};

/// The cross-section of one date, ascending in time. IC is NaN on dates with fewer than two pairs. The squared errors
/// are sums over the rows of the date, of the model and of the naive forecast; NaN when the problem is not regression.
struct DateScore {
  int64_t time = 0;
  int64_t symbols = 0;
  double ic = kUndefined, rank_ic = kUndefined;
  double squared_error = kUndefined, naive_squared_error = kUndefined;
};

/// Means over dates, as metrics.json holds them. ICIR is mean / std (ddof 1), not annualised.
struct UniverseScore {
  int64_t rows = 0;   ///< out-of-sample rows with a label
  int64_t dates = 0;  ///< distinct out-of-sample dates with a label
  double error = kUndefined, naive_error = kUndefined, hit_rate = kUndefined;
  double ic = kUndefined, icir = kUndefined, rank_ic = kUndefined, rank_icir = kUndefined;
};

/// A row that has no label yet, predicted by the last fold's model.
struct NewestPrediction {
  std::string symbol;
  int64_t time = 0;
  double prediction = kUndefined;
  std::string advice = {};         ///< BUY, HOLD or SELL; empty when none was asked for
  double confidence = kUndefined;  ///< in [0, 1]
  std::string reason = {};
};

struct FeatureGain {
  std::string feature, expression;
  double gain = kUndefined;  ///< any scale; shown as a share of the sum
};

struct StepTime {
  std::string step;  ///< the name on the progress line: read, check, compute, bin, train, predict, evaluate, write
  double wall_s = 0, cpu_s = 0;
  int64_t items = 0;
  std::string unit;  ///< what an item is: "rows", "symbols", "models"; may be empty
};

/// One task on one worker, in seconds since the start of the run.
struct TaskSpan {
  std::string step, key;  ///< key: "7203 fold 2"
  int worker = 0;
  double start_s = 0, end_s = 0;
};

/// How many tasks of a step were taken from an earlier run or the cache, how many were run, and the reason.
struct Reuse {
  std::string step;
  int64_t reused = 0, run = 0;
  std::string reason;
};

/// What the search of a fold found on its training rows.
struct TunedFold {
  int fold = 0;
  std::string symbol;  ///< empty: the universe
  std::string params;  ///< "num_trees=50,max_depth=6"
  double value = 0;    ///< of ReportData::tuned_metric
};

struct ReportData {
  std::string title;            ///< "hayate run" when empty
  std::string run_id, created;  ///< folder name; date and time of the run, as text
  std::string problem;          ///< "regression" or "classification"
  std::string scope;            ///< "symbol" or "pooled"
  std::string error_metric;     ///< what `error` is: "RMSE", "log loss"; smaller is better
  std::string naive_forecast;   ///< what the naive forecast is: "the mean label of the training rows"
  std::string label;            ///< the label's expression
  int label_horizon = 1;        ///< rows from a prediction to the row that completes its label; widens standard errors
  bool daily = true;

  std::vector<SpecEntry> spec;
  std::string spec_toml, spec_hash;
  std::vector<NameValue> versions;  ///< hayate, compiler, instruction set, libraries
  DataSummary data;

  UniverseScore universe;
  std::vector<SymbolScore> symbols;  ///< every symbol that has predictions
  std::vector<FoldScore> folds;
  std::vector<TunedFold> tuned;  ///< empty without a search
  std::string tuned_metric;      ///< "rmse"
  std::vector<DateScore> dates;
  std::vector<Bucket> buckets;  ///< tenths of the rows (fewer with ties), ascending in prediction
  std::vector<NewestPrediction> newest;
  std::vector<FeatureGain> features;
  std::string importance_note;  ///< "mean gain over the last fold's 4 models"

  std::vector<Finding> warnings, failures;
  std::vector<StepTime> steps;
  std::vector<TaskSpan> tasks;
  std::vector<Reuse> reuse;
  double wall_s = kUndefined, cpu_s = kUndefined;
  int64_t peak_rss_bytes = 0, memory_limit_bytes = 0;
  int workers = 0;

  std::vector<NameValue> conventions;  ///< name of a metric and its definition; replaces the report's own of that name
};

/// One sentence that says what the out-of-sample numbers say, and whether they differ from luck:
/// "4 symbols, 2,766 out-of-sample dates: RMSE 2.1 % above the naive forecast; mean IC 0.012 (t = 0.6: not
/// distinguishable from luck)". t is the mean over its Newey-West standard error with label_horizon lags.
std::string verdict(const ReportData& data);

/// The whole file. The same data gives the same bytes.
std::string render_report(const ReportData& data);

}  // namespace hayate::eval
