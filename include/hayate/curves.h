// Curves of a question of two classes, and how sure a metric is. Calibration is bucket_by_prediction(outcome, probability) of
// metrics.h: mean probability against the share of positives, with its standard error.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "hayate/error.h"
#include "hayate/metrics.h"

namespace hayate::exec {
class Cancellation;
class Pool;
}  // namespace hayate::exec

namespace hayate {

/// A row is predicted positive when its score is `threshold` or more.
struct CurvePoint {
  double threshold = 0;
  double x = 0, y = 0;
};

/// Outcomes (1 positive, 0 negative; anything else is left out) and their scores. `weight` may be empty. Spans are of equal
/// length; rows with a NaN or a weight that is not above 0 are left out.
struct ScoredRows {
  std::span<const double> outcome, score, weight;
};

/// Receiver operating characteristic: x the false positive rate, y the true positive rate, from (0, 0) at threshold infinity to
/// (1, 1). Points on a straight line between their neighbours are left out (as scikit-learn's roc_curve does). Empty when
/// there are no positives or no negatives.
std::vector<CurvePoint> roc_curve(const ScoredRows& rows);

/// x recall, y precision, by falling threshold, one point per distinct score, after (0, 1) at threshold infinity. Empty when
/// there are no positives.
std::vector<CurvePoint> precision_recall_curve(const ScoredRows& rows);

/// At most about 2 * `steps` points: those that are 1 / steps or more away from the last one kept, and the ends. For drawing.
std::vector<CurvePoint> thin(std::span<const CurvePoint> curve, int steps);

/// Resampling: rows (or whole groups of rows, such as dates, when `group` is given: rows of one date are not independent) are
/// drawn with replacement, as many as there are.
struct Bootstrap {
  int resamples = 200;
  double level = 0.95;
  uint64_t seed = 0;
  std::span<const int64_t> group = {};
  const exec::Cancellation* cancel = nullptr;  ///< says "enough": the resamples that are measured by then stand for all, if they are 20 or more
};
inline constexpr int kLeastResamples = 20;
/// The middle `level` of the resampled values. NaN when the metric is undefined in more than half of the resamples.
struct MetricInterval {
  const MetricInfo* metric = nullptr;
  double low = 0, high = 0;
};
/// One interval per metric of the problem (none for the confusion matrix). Resamples are keyed by their number: the same for
/// any pool. Errors: those of the evaluation; usage: resamples outside 20 .. 100,000, a level outside 0.5 .. 0.999; timeout and
/// interrupted: fewer than 20 were measured when `cancel` said stop.
Result<std::vector<MetricInterval>> bootstrap_regression(std::span<const double> label, std::span<const double> prediction,
                                                         std::span<const double> weight, const Bootstrap& bootstrap, exec::Pool& pool);
Result<std::vector<MetricInterval>> bootstrap_classification(const ClassPredictions& input, const Bootstrap& bootstrap, exec::Pool& pool);

}  // namespace hayate
