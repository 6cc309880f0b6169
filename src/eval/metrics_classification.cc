// Classification metrics of scikit-learn, weighted, two classes or more: one confusion matrix, and one walk down the
// scores of each class for the metrics of ranking.
#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <numeric>

#include "eval/scores.h"
#include "eval/thresholds.h"
#include "hayate/metrics.h"

namespace hayate {
namespace {

using eval::ScoreSheet;
using eval::Threshold;

/// The rows that count, closed up. probability[k] is empty when it is not known; for two classes the missing one is
/// filled in as 1 - the other.
struct Rows {
  std::vector<int32_t> label, prediction;
  std::vector<double> weight;
  std::vector<std::vector<double>> probability;
};

bool counts(const ClassPredictions& input, size_t i) {
  if (input.label[i] < 0 || input.prediction[i] < 0) return false;
  if (!input.weight.empty() && !(input.weight[i] > 0)) return false;
  return std::none_of(input.probability.begin(), input.probability.end(), [&](auto p) { return !p.empty() && std::isnan(p[i]); });
}

void complete_binary(std::vector<std::vector<double>>& probability) {
  if (probability.size() != 2 || probability[0].empty() == probability[1].empty()) return;
  const std::vector<double>& known = probability[probability[0].empty()];
  std::vector<double>& missing = probability[probability[1].empty()];
  missing.resize(known.size());
  std::transform(known.begin(), known.end(), missing.begin(), [](double p) { return 1 - p; });
}

Rows rows_that_count(const ClassPredictions& input) {
  Rows rows;
  rows.probability.resize(input.classes.size());
  for (size_t i = 0; i < input.label.size(); ++i) {
    if (!counts(input, i)) continue;
    rows.label.push_back(input.label[i]);
    rows.prediction.push_back(input.prediction[i]);
    rows.weight.push_back(input.weight.empty() ? 1.0 : input.weight[i]);
    for (size_t k = 0; k < input.probability.size(); ++k)
      if (!input.probability[k].empty()) rows.probability[k].push_back(input.probability[k][i]);
  }
  complete_binary(rows.probability);
  return rows;
}

/// Summed weights by (label, prediction), with their margins.
struct Confusion {
  size_t classes = 0;
  std::vector<double> cells, labels, predictions;
  double total = 0, correct = 0;

  double at(size_t label, size_t prediction) const { return cells[label * classes + prediction]; }
  bool held(size_t k) const { return labels[k] + predictions[k] > 0; }
};

Confusion confusion_of(const Rows& rows, size_t classes) {
  Confusion c{classes, std::vector<double>(classes * classes), std::vector<double>(classes), std::vector<double>(classes)};
  for (size_t i = 0; i < rows.label.size(); ++i) c.cells[size_t(rows.label[i]) * classes + size_t(rows.prediction[i])] += rows.weight[i];
  for (size_t a = 0; a < classes; ++a) {
    for (size_t b = 0; b < classes; ++b) c.labels[a] += c.at(a, b), c.predictions[b] += c.at(a, b);
    c.correct += c.at(a, a);
    c.total += c.labels[a];
  }
  return c;
}

/// part / whole, and 0 of nothing.
double share(double part, double whole) { return whole > 0 ? part / whole : 0.0; }

double precision(const Confusion& c, size_t k) { return share(c.at(k, k), c.predictions[k]); }
double recall(const Confusion& c, size_t k) { return share(c.at(k, k), c.labels[k]); }
double f1(const Confusion& c, size_t k) { return share(2 * c.at(k, k), c.labels[k] + c.predictions[k]); }

/// The positive class's value of two classes, else the mean over the classes that rows hold.
double averaged(const Confusion& c, double (*of_class)(const Confusion&, size_t)) {
  if (c.classes == 2) return of_class(c, 1);
  double sum = 0, count = 0;
  for (size_t k = 0; k < c.classes; ++k)
    if (c.held(k)) sum += of_class(c, k), ++count;
  return sum / count;
}

/// The mean over the classes by their labels.
double weighted(const Confusion& c, double (*of_class)(const Confusion&, size_t)) {
  double sum = 0;
  for (size_t k = 0; k < c.classes; ++k) sum += c.labels[k] * of_class(c, k);
  return sum / c.total;
}

double balanced_accuracy(const Confusion& c) {
  double sum = 0, count = 0;
  for (size_t k = 0; k < c.classes; ++k)
    if (c.labels[k] > 0) sum += recall(c, k), ++count;
  return sum / count;
}

double dot(const std::vector<double>& a, const std::vector<double>& b) { return std::inner_product(a.begin(), a.end(), b.begin(), 0.0); }

int64_t classes_in(const std::vector<double>& margin) {
  return std::count_if(margin.begin(), margin.end(), [](double w) { return w > 0; });
}

/// Gorodkin (2004), as scikit-learn writes it.
double matthews_corrcoef(const Confusion& c) {
  if (classes_in(c.labels) < 2 || classes_in(c.predictions) < 2) return 0.0;
  const double both = c.correct * c.total - dot(c.labels, c.predictions);
  const double labels = c.total * c.total - dot(c.labels, c.labels), predictions = c.total * c.total - dot(c.predictions, c.predictions);
  return both / std::sqrt(labels * predictions);
}

void add_kappa(ScoreSheet& sheet, const Confusion& c) {
  const double expected_disagreement = c.total - dot(c.labels, c.predictions) / c.total;
  if (classes_in(c.labels) == 1 && c.correct == c.total)
    sheet.undefined("cohen_kappa", "labels and predictions hold one and the same class");
  else
    sheet.add("cohen_kappa", 1 - (c.total - c.correct) / expected_disagreement);
}

std::vector<Threshold> thresholds(const Rows& rows, size_t k) {
  return eval::walk_down(rows.probability[k], [&](size_t row) { return size_t(rows.label[row]) == k; }, [&](size_t row) { return rows.weight[row]; });
}

double roc_auc(const std::vector<Threshold>& thresholds) {
  double positive = 0, negative = 0, area = 0;
  for (const Threshold& t : thresholds) {
    area += t.negative * (positive + t.positive / 2);
    positive += t.positive, negative += t.negative;
  }
  return area / (positive * negative);
}

double average_precision(const std::vector<Threshold>& thresholds) {
  double positive = 0, negative = 0, sum = 0;
  for (const Threshold& t : thresholds) {
    positive += t.positive, negative += t.negative;
    sum += t.positive * (positive / (positive + negative));
  }
  return share(sum, positive);
}

/// Why the metrics of probabilities have no value; empty when they have one.
std::string probability_problem(const Rows& rows, const std::vector<std::string>& classes) {
  for (size_t k = 0; k < classes.size(); ++k)
    if (rows.probability[k].empty()) return fmt::format("no probability of class '{}' (a column probability_{})", classes[k], classes[k]);
  for (const std::vector<double>& p : rows.probability)
    for (const double x : p)
      if (x < 0 || x > 1) return "a probability lies outside 0 .. 1";
  return "";
}

constexpr const char* kAreas[] = {"roc_auc", "roc_auc_ovr_weighted", "roc_auc_ovo", "roc_auc_ovo_weighted"};

/// Of every other class the chance that a row of class k has a higher probability of k than a row of it, ties half.
std::vector<double> areas_against(const Rows& rows, size_t k, const Confusion& c) {
  std::vector<double> out(c.classes, 0.0);
  const std::vector<eval::KeyedRow> order = eval::order_rows(rows.probability[k]);
  double above = c.labels[k];
  eval::for_each_tie(order, [&](size_t begin, size_t end) {
    double level = 0;
    for (size_t i = begin; i < end; ++i) level += size_t(rows.label[size_t(order[i].row)]) == k;
    above -= level;
    for (size_t i = begin; i < end; ++i) out[size_t(rows.label[size_t(order[i].row)])] += above + level / 2;
  });
  for (size_t other = 0; other < c.classes; ++other) out[other] /= c.labels[k] * c.labels[other];
  return out;
}

/// Every class has rows, and all weigh 1.
void add_pairs(ScoreSheet& sheet, const Rows& rows, const Confusion& c) {
  std::vector<std::vector<double>> areas;
  for (size_t k = 0; k < c.classes; ++k) areas.push_back(areas_against(rows, k, c));
  double sum = 0, sum_by_rows = 0, pairs = 0, pair_rows = 0;
  for (size_t a = 0; a < c.classes; ++a)
    for (size_t b = a + 1; b < c.classes; ++b) {
      const double area = (areas[a][b] + areas[b][a]) / 2, own = c.labels[a] + c.labels[b];
      sum += area, ++pairs, sum_by_rows += own * area, pair_rows += own;
    }
  sheet.add("roc_auc_ovo", sum / pairs);
  sheet.add("roc_auc_ovo_weighted", sum_by_rows / pair_rows);
}

/// The areas under ROC curves; `one_by_rest` and `by_labels` are the two means of one class against the rest.
void add_areas(ScoreSheet& sheet, const Rows& rows, const Confusion& c, double one_by_rest, double by_labels) {
  if (classes_in(c.labels) < 2) {
    for (const char* name : kAreas) sheet.undefined(name, "the label holds one class only");
    return;
  }
  sheet.add("roc_auc", one_by_rest);
  sheet.add("roc_auc_ovr_weighted", by_labels);
  const bool alike = std::all_of(rows.weight.begin(), rows.weight.end(), [](double w) { return w == 1; });
  if (c.classes > 2 && alike) return add_pairs(sheet, rows, c);
  for (const char* name : {"roc_auc_ovo", "roc_auc_ovo_weighted"})
    c.classes == 2 ? sheet.add(name, one_by_rest) : sheet.undefined(name, "pairs of classes take no weights");
}

void add_ranking(ScoreSheet& sheet, const Rows& rows, const Confusion& c, const std::vector<std::string>& classes) {
  for (size_t k = 0; k < classes.size() && classes.size() != 2; ++k) {
    if (c.labels[k] > 0 && c.labels[k] < c.total) continue;
    const std::string reason =
        fmt::format("{} label is '{}', so one against the rest has one side only", c.labels[k] > 0 ? "every" : "no", classes[k]);
    for (const char* name : kAreas) sheet.undefined(name, reason);
    return sheet.undefined("average_precision", reason);
  }
  double auc = 0, auc_by_labels = 0, labels = 0, precision_sum = 0;
  const size_t first = classes.size() == 2 ? 1 : 0;
  for (size_t k = first; k < classes.size(); ++k) {
    const std::vector<Threshold> walk = thresholds(rows, k);
    const double own = roc_auc(walk);
    auc += own, auc_by_labels += c.labels[k] * own, labels += c.labels[k];
    precision_sum += average_precision(walk);
  }
  const double count = double(classes.size() - first);
  add_areas(sheet, rows, c, auc / count, auc_by_labels / labels);
  sheet.add("average_precision", precision_sum / count);
}

double log_loss(const Rows& rows, double total) {
  constexpr double kLeast = std::numeric_limits<double>::epsilon();
  double sum = 0;
  for (size_t i = 0; i < rows.label.size(); ++i)
    sum -= rows.weight[i] * std::log(std::clamp(rows.probability[size_t(rows.label[i])][i], kLeast, 1 - kLeast));
  return sum / total;
}

double brier(const Rows& rows, double total) {
  const size_t first = rows.probability.size() == 2 ? 1 : 0;
  double sum = 0;
  for (size_t i = 0; i < rows.label.size(); ++i)
    for (size_t k = first; k < rows.probability.size(); ++k) {
      const double miss = rows.probability[k][i] - (size_t(rows.label[i]) == k ? 1.0 : 0.0);
      sum += rows.weight[i] * miss * miss;
    }
  return sum / total;
}

void add_all(ScoreSheet& sheet, const Rows& rows, const Confusion& c, const std::vector<std::string>& classes) {
  sheet.add("accuracy", c.correct / c.total);
  sheet.add("balanced_accuracy", balanced_accuracy(c));
  sheet.add("precision", averaged(c, precision));
  sheet.add("recall", averaged(c, recall));
  sheet.add("f1", averaged(c, f1));
  sheet.add("precision_weighted", weighted(c, precision));
  sheet.add("recall_weighted", weighted(c, recall));
  sheet.add("f1_weighted", weighted(c, f1));
  sheet.add("matthews_corrcoef", matthews_corrcoef(c));
  add_kappa(sheet, c);
  if (const std::string reason = probability_problem(rows, classes); !reason.empty()) {
    for (const char* name : kAreas) sheet.undefined(name, reason);
    for (const char* name : {"average_precision", "log_loss", "brier"}) sheet.undefined(name, reason);
  } else {
    add_ranking(sheet, rows, c, classes);
    sheet.add("log_loss", log_loss(rows, c.total));
    sheet.add("brier", brier(rows, c.total));
  }
  sheet.undefined("confusion_matrix", "");
}

}  // namespace

Result<Evaluation> evaluate_classification(const ClassPredictions& input) {
  assert(input.label.size() == input.prediction.size() && (input.probability.empty() || input.probability.size() == input.classes.size()));
  HY_CHECK(eval::check_weights(input.weight));
  const Rows rows = rows_that_count(input);
  const Confusion confusion = confusion_of(rows, input.classes.size());
  Evaluation out;
  out.problem = Problem::classification;
  out.rows = int64_t(rows.label.size());
  out.rows_left_out = int64_t(input.label.size()) - out.rows;
  out.classes = input.classes;
  out.confusion = confusion.cells;
  ScoreSheet sheet(MetricGroup::classification);
  if (out.rows == 0)
    sheet.all_undefined(eval::no_rows_reason(int64_t(input.label.size())));
  else
    add_all(sheet, rows, confusion, input.classes);
  out.metrics = sheet.take();
  return out;
}

}  // namespace hayate
