// The page of `hayate evaluate --html`: the metrics with their conventions and intervals, and the drawings that say where
// they come from. One HTML file that opens offline and needs no script, in the dress of the report of a run.
#pragma once

#include <string>
#include <vector>

#include "eval/chart.h"
#include "eval/evaluation_rows.h"
#include "hayate/curves.h"

namespace hayate::eval {

/// One class against all others, by its probability. Curves are empty where undefined; calibration compares the mean
/// probability of rows with the share of them that are of the class.
struct ClassCurves {
  std::string name;
  double share = kUndefined;  ///< of rows with a probability that are of the class
  std::vector<CurvePoint> roc, precision_recall;
  std::vector<Bucket> calibration;
};

/// What the page says. Text from outside may hold anything; NaN means undefined and is shown as a dash.
struct EvaluationData {
  std::vector<std::string> inputs;
  EvaluateSpec columns;
  Evaluation evaluation;
  std::vector<MetricInterval> intervals;  ///< the middle 95 % of resamples
  int resamples = 0;                      ///< none: no intervals

  std::vector<double> errors;         ///< regression: prediction - label of the rows that count
  std::vector<Bucket> deciles, bins;  ///< regression: by prediction, ten and finer
  std::vector<ClassCurves> curves;    ///< classification: the positive class, or the most frequent ones of many

  std::vector<IcDay> days;  ///< by date, ascending
  DateUnit date_unit = DateUnit::none;
};

/// The middle 95 % of each metric over `resamples` of the rows, or of whole dates when there are dates. Errors: those of bootstrap_regression.
Result<std::vector<MetricInterval>> metric_intervals(const EvaluationRows& rows, int resamples, exec::Pool& pool);

/// Everything that is measured for the page beside `evaluation`, which is evaluate_rows(rows). Rows are resampled on the
/// pool, whole dates when there are dates: rows of one date are not independent. Errors: those of evaluate_rows.
Result<EvaluationData> measure_evaluation(const EvaluationRows& rows, Evaluation evaluation, exec::Pool& pool);

/// One sentence: how many rows, the metric that says most, and whether its interval excludes luck.
std::string evaluation_verdict(const EvaluationData& data);

/// The whole file. The same data gives the same bytes.
std::string render_evaluation(const EvaluationData& data);

}  // namespace hayate::eval
