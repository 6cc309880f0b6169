// How good predictions are. Every metric is one row of kMetrics: its name, the problem it belongs to, which way is
// better, and its convention in one sentence. Values equal scikit-learn 1.9, scipy 1.17 and pandas 3.1 to 1e-9
// (tests/data/metrics_reference.json); where those raise, warn or answer NaN, a metric here is undefined and says why.
//
//   HY_TRY(Evaluation e, evaluate_regression(label, prediction));
//   e.metrics[2].metric->name == "rmse", e.metrics[2].value == 0.0213
//
// Rows in which the label, the prediction or the weight is NaN, or the weight 0, are left out and counted. An infinite
// value stays in: metrics that it makes infinite are undefined, those by rank are not. Sums are doubles in row order on one thread, so
// the same rows in the same order give the same bytes. All functions are pure and safe to call from many threads.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hayate/error.h"
#include "hayate/problem.h"
#include "hayate/table.h"

namespace hayate {

/// "regression" or "classification"; anything else is a usage Error with the nearest name.
Result<Problem> parse_problem(std::string_view name, std::string where);

/// What a label column asks for when nobody says: regression for floats; classification for bool, text and category, and
/// for integers of at most kMaxIntegerClasses different values; regression for other integers. `why` is one clause for
/// stderr ("label 'y' holds 2 different integers"). Dates and times are an input Error.
struct ProblemChoice {
  Problem problem = Problem::regression;
  std::string why;
};
inline constexpr int kMaxIntegerClasses = 20;
Result<ProblemChoice> infer_problem(const Column& label, std::string_view name);

enum class MetricGroup : uint8_t { regression, classification, by_date };
enum class Better : uint8_t { lower, higher, neither };

struct MetricInfo {
  const char* name;
  MetricGroup group;
  Better better;
  const char* convention;
};

/// All metrics, in the order in which they are printed. w is the row's weight, 1 when there is none.
inline constexpr MetricInfo kMetrics[] = {
    {"mae", MetricGroup::regression, Better::lower, "weighted mean of |label - prediction|"},
    {"mse", MetricGroup::regression, Better::lower, "weighted mean of (label - prediction)^2"},
    {"rmse", MetricGroup::regression, Better::lower, "square root of mse"},
    {"mape", MetricGroup::regression, Better::lower,
     "weighted mean of |label - prediction| / max(|label|, 2.2e-16), as a fraction; a label of zero makes it huge"},
    {"median_absolute_error", MetricGroup::regression, Better::lower,
     "median of |label - prediction|; with weights the averaged inverted distribution function at one half"},
    {"r2", MetricGroup::regression, Better::higher,
     "1 - sum w (label - prediction)^2 / sum w (label - mean)^2; constant label: 1 when every prediction is exact, else 0; needs two rows"},
    {"explained_variance", MetricGroup::regression, Better::higher,
     "1 - var(label - prediction) / var(label); constant label: 1 when the error is constant, else 0"},
    {"rmsle", MetricGroup::regression, Better::lower,
     "square root of the weighted mean of (log(1 + label) - log(1 + prediction))^2; needs values above -1"},
    {"pearson", MetricGroup::regression, Better::higher, "correlation of label and prediction (weighted); needs two rows and no constant side"},
    {"spearman", MetricGroup::regression, Better::higher,
     "pearson of the ranks, ties share their mean rank; rows count alike, so undefined with weights"},
    {"hit_rate", MetricGroup::regression, Better::higher,
     "weighted share of rows whose prediction has the sign of the label; labels of zero are left out, a prediction of zero is a miss"},
    {"accuracy", MetricGroup::classification, Better::higher, "weighted share of rows whose predicted class is the label"},
    {"balanced_accuracy", MetricGroup::classification, Better::higher, "mean recall over the classes that labels hold"},
    {"precision", MetricGroup::classification, Better::higher,
     "of the positive class (the last of two), else mean over classes; 0 for a class that is never predicted"},
    {"recall", MetricGroup::classification, Better::higher,
     "of the positive class (the last of two), else mean over classes; 0 for a class that labels never hold"},
    {"f1", MetricGroup::classification, Better::higher,
     "2 TP / (2 TP + FP + FN) of the positive class (the last of two), else mean over classes; 0 when there is no true positive"},
    {"precision_weighted", MetricGroup::classification, Better::higher,
     "mean precision over classes, each weighted by its labels, with two classes too; 0 for a class that is never predicted"},
    {"recall_weighted", MetricGroup::classification, Better::higher, "mean recall over classes, each weighted by its labels: the accuracy"},
    {"f1_weighted", MetricGroup::classification, Better::higher, "mean f1 over classes, each weighted by its labels, with two classes too"},
    {"matthews_corrcoef", MetricGroup::classification, Better::higher,
     "correlation of the confusion matrix, any number of classes; 0 when one side holds one class only"},
    {"cohen_kappa", MetricGroup::classification, Better::higher, "agreement beyond chance, unweighted categories"},
    {"roc_auc", MetricGroup::classification, Better::higher,
     "area under the ROC curve of the positive class's probability, ties count half; more than two classes: mean of one against the rest"},
    {"roc_auc_ovr_weighted", MetricGroup::classification, Better::higher,
     "one against the rest, each class weighted by its labels; two classes: roc_auc"},
    {"roc_auc_ovo", MetricGroup::classification, Better::higher,
     "mean over pairs of classes of the area among the rows of the two, by either one's probability (Hand and Till 2001); two classes: roc_auc; "
     "rows count alike, so undefined with weights"},
    {"roc_auc_ovo_weighted", MetricGroup::classification, Better::higher, "as roc_auc_ovo, each pair weighted by its rows"},
    {"average_precision", MetricGroup::classification, Better::higher,
     "sum of precision times step in recall, without interpolation; more than two classes: mean of one against the rest"},
    {"log_loss", MetricGroup::classification, Better::lower,
     "mean of -ln(probability of the label), probabilities clipped to [2.2e-16, 1 - 2.2e-16]"},
    {"brier", MetricGroup::classification, Better::lower,
     "mean of (probability of the positive class - outcome)^2; more than two classes: summed over classes"},
    {"confusion_matrix", MetricGroup::classification, Better::neither,
     "summed weights: row is the label, column the prediction, in the order of classes"},
    {"ic", MetricGroup::by_date, Better::higher,
     "mean over dates of pearson(prediction, label) across symbols; dates with fewer than two pairs or a constant side are left out; no weights"},
    {"icir", MetricGroup::by_date, Better::higher, "ic / its standard deviation over dates (n - 1), not annualised"},
    {"rank_ic", MetricGroup::by_date, Better::higher, "as ic, with spearman"},
    {"rank_icir", MetricGroup::by_date, Better::higher, "rank_ic / its standard deviation over dates (n - 1), not annualised"},
};

/// The row of kMetrics called `name`, or nullptr.
const MetricInfo* find_metric(std::string_view name);

/// A metric of some rows. No value: undefined, and `reason` says why ("the label holds one class only").
struct MetricValue {
  const MetricInfo* metric = nullptr;
  std::optional<double> value;
  std::string reason;
};

/// `metrics` has one entry per row of kMetrics of the problem, in that order; the confusion matrix's entry has no value,
/// its numbers stand in `confusion`, classes x classes by rows (label, prediction).
struct Evaluation {
  Problem problem = Problem::regression;
  int64_t rows = 0;           ///< rows that count
  int64_t rows_left_out = 0;  ///< rows with a NaN, or with weight 0
  std::vector<MetricValue> metrics;
  std::vector<std::string> classes;
  std::vector<double> confusion;

  /// The value of a metric; nothing when it is undefined or not among `metrics`.
  std::optional<double> value(std::string_view name) const;
};

/// All regression metrics. Spans are of equal length; `weight` may be empty (all 1). Error: a negative or infinite weight.
/// No rows, or weights that sum to zero: every metric is undefined.
Result<Evaluation> evaluate_regression(std::span<const double> label, std::span<const double> prediction, std::span<const double> weight = {});

/// Labels and predictions as indices into `classes`; -1 is missing. With two classes the second one is the positive class.
/// `probability` is empty, or has one span per class (an empty span: not known). Two classes need one of them only.
struct ClassPredictions {
  std::vector<std::string> classes;
  std::span<const int32_t> label, prediction;
  std::vector<std::span<const double>> probability;
  std::span<const double> weight;
};

/// All classification metrics. A row with a NaN probability is left out. Macro means go over the classes that labels or
/// predictions hold. Without probabilities the metrics that need them are undefined. Errors as above.
Result<Evaluation> evaluate_classification(const ClassPredictions& input);

/// The columns of a table that `hayate evaluate` compares. `weight` and `by_date` may be empty. Classes are those of labels,
/// predictions and columns probability_<class>; 0 alone, or 1 alone, still means the two classes 0 and 1. `by_date` adds
/// the metrics of MetricGroup::by_date; for two classes they compare the positive class's probability with the outcome, for
/// more they are undefined.
struct EvaluateSpec {
  std::string label, prediction, weight, by_date;
  std::optional<Problem> problem;
};
/// Errors: a column that is not there, text where numbers are needed, a predicted value that is no class.
Result<Evaluation> evaluate_table(const Table& table, const EvaluateSpec& spec);

/// The name of row `row`'s class: text as it is, whole numbers without a point, other numbers in their shortest form,
/// false and true as "0" and "1"; "" when missing. This is how classes are named in probability_<class>.
std::string class_name(const Column& column, int64_t row);
/// Distinct classes of a column in order: by value when all names are numbers, else by bytes.
std::vector<std::string> class_names(const Column& column);
/// The same, and the place of each row's class among them, -1 where it is missing.
struct ClassCodes {
  std::vector<std::string> names;
  std::vector<int32_t> codes;
};
ClassCodes class_codes(const Column& column);

/// The cross-section of one date. NaN: undefined (see kMetrics). Squared errors are sums over the pairs, of the
/// predictions and of the naive forecast.
struct IcDay {
  int64_t date = 0;
  int64_t pairs = 0;  ///< rows with label and prediction
  double ic = 0, rank_ic = 0;
  double squared_error = 0, naive_squared_error = 0;
};
/// One entry per distinct date, ascending. Rows may come in any order; of one date they are taken in row order.
std::vector<IcDay> ic_by_date(std::span<const int64_t> dates, std::span<const double> label, std::span<const double> prediction);
/// ic, icir, rank_ic, rank_icir of the days.
std::vector<MetricValue> ic_metrics(std::span<const IcDay> days);

/// How a forecast of numbers did on some rows: of a symbol, a fold, a universe. The naive forecast is 0, "no change": for
/// returns it is what a forecast has to beat, and unlike the mean of the training rows it can't be wrong in sign.
/// NaN: undefined. Unweighted.
struct ForecastScore {
  int64_t rows = 0, rows_left_out = 0;
  double mae = 0, rmse = 0, naive_rmse = 0;
  double correlation = 0;  ///< pearson over the rows, so over time for one symbol
  double hit_rate = 0;
};
ForecastScore score_forecast(std::span<const double> label, std::span<const double> prediction);
/// The same for every group: group[i] in [0, num_groups) is the group of row i (its fold, its symbol).
std::vector<ForecastScore> score_forecasts(std::span<const int32_t> group, int32_t num_groups, std::span<const double> label,
                                           std::span<const double> prediction);

/// Rows whose prediction lies in one part of `num_buckets` parts of equal count.
struct Bucket {
  int64_t rows = 0;
  double mean_prediction = 0, mean_label = 0;
  double standard_error = 0;  ///< of mean_label: standard deviation (n - 1) / sqrt(rows), as if rows were independent; NaN for one row
};
/// Buckets by ascending prediction. Equal predictions share a bucket (that of their mean rank), so buckets may be uneven;
/// empty ones are left out.
std::vector<Bucket> bucket_by_prediction(std::span<const double> label, std::span<const double> prediction, int num_buckets = 10);

/// Pearson's correlation of the rows in which both are numbers, in [-1, 1]; NaN with fewer than two or a constant side.
double pearson(std::span<const double> x, std::span<const double> y);
/// The same of the ranks.
double spearman(std::span<const double> x, std::span<const double> y);
/// Ranks from 1; equal values share their mean rank. No NaN.
std::vector<double> mean_ranks(std::span<const double> values);

}  // namespace hayate
