#include "eval/evaluation_page.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <fstream>

#include "base/random.h"
#include "eval/page_checks.h"
#include "exec/pool.h"

using namespace hayate;
using namespace hayate::eval;

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
const std::string kEvil = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>\x01\xff&lt;";

/// A number from a bell curve (twelve uniforms, Irwin-Hall).
double bell(uint64_t key, uint64_t index) {
  double sum = -6;
  for (uint64_t i = 0; i < 12; ++i) sum += random_unit(key, index * 12 + i);
  return sum;
}

/// Returns of `symbols` symbols on `dates` dates and predictions of them; `skill` is their correlation.
EvaluationRows returns(int dates, int symbols, double skill) {
  EvaluationRows rows;
  rows.date_unit = DateUnit::day;
  for (uint64_t i = 0; i < uint64_t(dates * symbols); ++i) {
    const double truth = bell(1, i);
    rows.label.push_back(0.01 * truth);
    rows.prediction.push_back(0.002 * (skill * truth + std::sqrt(1 - skill * skill) * bell(2, i)));
    rows.date.push_back(15'000 + int64_t(i) / symbols);
  }
  return rows;
}

/// Rows of classes with the probability of each; it is exact, so that calibration lies on the diagonal.
EvaluationRows classes_of(std::vector<std::string> names, int num_rows) {
  EvaluationRows rows;
  rows.problem = Problem::classification, rows.classes = std::move(names);
  const size_t size = rows.classes.size();
  rows.probability.resize(size);
  for (uint64_t i = 0; i < uint64_t(num_rows); ++i) {
    std::vector<double> p;
    double sum = 0;
    for (size_t k = 0; k < size; ++k) p.push_back(0.05 + random_unit(3 + k, i)), sum += p.back();
    double draw = random_unit(99, i) * sum;
    size_t label = 0, best = 0;
    while (label + 1 < size && draw > p[label]) draw -= p[label++];
    for (size_t k = 0; k < size; ++k) best = p[k] > p[best] ? k : best, rows.probability[k].push_back(p[k] / sum);
    rows.label_class.push_back(int32_t(label)), rows.predicted_class.push_back(int32_t(best));
  }
  return rows;
}

EvaluationData measured(const EvaluationRows& rows, int workers = 1) {
  exec::Pool pool(workers);
  EvaluationData data = measure_evaluation(rows, evaluate_rows(rows).value(), pool).value();
  data.columns = {"next", "prediction", "", rows.date.empty() ? "" : "date", rows.problem};
  data.inputs = {"predictions.parquet"};
  return data;
}

/// The page, checked; `HAYATE_SAMPLES=build/samples eval_test` leaves it there, to be looked at.
std::string page_of(const EvaluationData& data, const char* sample = nullptr) {
  const std::string html = render_evaluation(data);
  check_page(html);
  CHECK(html == render_evaluation(data));
  const char* folder = std::getenv("HAYATE_SAMPLES");
  if (folder && sample) std::ofstream(fmt::format("{}/{}.html", folder, sample)) << html;
  return html;
}

}  // namespace

TEST_CASE("evaluation page: a regression by date") {
  const EvaluationData data = measured(returns(300, 20, 0.1));
  const std::string html = page_of(data, "evaluation_regression");
  for (const std::string_view part :
       {"Outcome by prediction decile", "Prediction against label", "Errors", "Cumulative IC and rank IC", "href=\"#def-rmse\"",
        "weighted mean of |label - prediction|", "resamples of whole dates", "predictions.parquet", "prefers-color-scheme:dark"})
    CHECK_MESSAGE(contains(html, part), part);
  CHECK_FALSE(contains(html, "no data</text>"));
  CHECK_FALSE(contains(html, "Confusion"));
  CHECK(data.errors.size() == 6000);
  CHECK(data.deciles.size() == 10);
  CHECK(data.bins.size() == 40);
  CHECK(data.days.size() == 300);
}

TEST_CASE("evaluation page: two classes") {
  const EvaluationData data = measured(classes_of({"down", "up"}, 4000));
  const std::string html = page_of(data, "evaluation_two_classes");
  for (const std::string_view part :
       {"ROC", "Precision and recall", "Calibration", "predicted up", "Positive class", "resamples of single rows", "class up"})
    CHECK_MESSAGE(contains(html, part), part);
  CHECK_FALSE(contains(html, "no data</text>"));
  CHECK_FALSE(contains(html, "By date"));
  REQUIRE(data.curves.size() == 1);
  CHECK(data.curves[0].name == "up");
  CHECK(data.curves[0].share == doctest::Approx(0.5).epsilon(0.1));
  // Exact probabilities: every group lies within four standard errors of the diagonal.
  for (const Bucket& b : data.curves[0].calibration) CHECK(std::abs(b.mean_label - b.mean_prediction) < 4 * b.standard_error);
}

TEST_CASE("evaluation page: the confusion matrix has counts and shares of the row") {
  EvaluationRows rows;
  rows.problem = Problem::classification, rows.classes = {"a", "b"}, rows.probability.resize(2);
  rows.label_class = {0, 0, 0, 0, 1, 1}, rows.predicted_class = {0, 0, 0, 1, 1, 0};
  const std::string html = page_of(measured(rows));
  CHECK(contains(html, "<td>3 (75.0 %)</td><td>1 (25.0 %)</td><td>4 (66.7 %)</td>"));
  CHECK(contains(html, "<td>1 (50.0 %)</td><td>1 (50.0 %)</td><td>2 (33.3 %)</td>"));
  CHECK(contains(html, "no curves"));
}

TEST_CASE("evaluation page: many classes show the most frequent ones") {
  std::vector<std::string> names;
  for (int k = 0; k < 30; ++k) names.push_back(fmt::format("kind {}", k + 10));
  const EvaluationData data = measured(classes_of(names, 600));
  const std::string html = page_of(data, "evaluation_many_classes");
  CHECK(data.curves.size() == 5);
  CHECK(contains(html, "The 5 most frequent of 30 classes"));
  CHECK(contains(html, "By class"));
  CHECK_FALSE(contains(html, "Confusion matrix"));
  CHECK(contains(page_of(measured(classes_of({"a", "b", "c"}, 600)), "evaluation_three_classes"), "Each class against all others."));
}

TEST_CASE("evaluation page: the verdict does not sell noise") {
  CHECK(contains(evaluation_verdict(measured(returns(200, 10, 0.0))), "not distinguishable from luck"));
  CHECK(contains(evaluation_verdict(measured(returns(200, 10, 0.3))), "better than luck, which gives 0."));
  CHECK(contains(evaluation_verdict(measured(returns(200, 10, -0.3))), "worse than luck"));
  CHECK(contains(evaluation_verdict(measured(classes_of({"0", "1"}, 2000))), "ROC AUC 0."));
  EvaluationRows hard = classes_of({"0", "1"}, 2000);
  for (auto& p : hard.probability) p.clear();
  CHECK(contains(evaluation_verdict(measured(hard)), "balanced accuracy 0.6"));
}

TEST_CASE("evaluation page: rows that do not count are in no drawing") {
  EvaluationRows rows = returns(30, 10, 0.2), fewer = rows;
  const size_t count = rows.label.size();
  rows.weight.assign(count + 3, 1.0), fewer.weight.assign(count, 1.0);
  rows.label.insert(rows.label.end(), {kNaN, 5, 5}), rows.prediction.insert(rows.prediction.end(), {5, kNaN, 5});
  rows.weight.back() = 0;
  rows.date.clear(), fewer.date.clear(), rows.date_unit = fewer.date_unit = DateUnit::none;
  const EvaluationData data = measured(rows), expected = measured(fewer);
  CHECK(data.errors == expected.errors);
  CHECK(data.deciles.back().mean_label == expected.deciles.back().mean_label);
  CHECK(contains(page_of(data), "3 of 303 rows left out"));
}

TEST_CASE("evaluation page: hostile names are inert") {
  EvaluationData data = measured(classes_of({kEvil, "</td></table>", "\"><svg onload=alert(1)>"}, 300));
  data.inputs = {kEvil}, data.columns = {kEvil, kEvil, kEvil, kEvil, std::nullopt};
  const std::string html = page_of(data, "evaluation_hostile");
  CHECK_FALSE(contains(html, "<img"));
  CHECK_FALSE(contains(html, "<svg onload"));
  CHECK_FALSE(contains(html, "\x01"));
  EvaluationData numbers = measured(returns(30, 5, 0.1));
  numbers.columns = {kEvil, kEvil, kEvil, kEvil, std::nullopt}, numbers.date_unit = DateUnit::number;
  CHECK_FALSE(contains(page_of(numbers), "<img"));
}

TEST_CASE("evaluation page: nothing, one row, constants and infinities are still a page") {
  EvaluationRows rows;
  CHECK(contains(page_of(measured(rows), "evaluation_empty"), "No row has a label and a prediction."));
  rows.label = {1}, rows.prediction = {2};
  page_of(measured(rows));
  rows.label = {1, 1, 1}, rows.prediction = {2, 2, 2}, rows.date = {1, 1, kNoDate}, rows.date_unit = DateUnit::microsecond;
  CHECK(contains(page_of(measured(rows)), "No date has an IC"));
  EvaluationRows infinite = returns(30, 5, 0.1);
  infinite.label[3] = INFINITY, infinite.prediction[7] = -INFINITY, infinite.label[9] = 1e300;
  page_of(measured(infinite));
  EvaluationRows one_class = classes_of({"0", "1"}, 50);
  for (int32_t& label : one_class.label_class) label = 0;
  page_of(measured(one_class));
  EvaluationRows unlabelled = classes_of({"0", "1"}, 50);
  for (int32_t& label : unlabelled.label_class) label = -1;
  CHECK(contains(page_of(measured(unlabelled)), "No row has a label and a prediction."));
  rows = {}, rows.problem = Problem::classification;
  page_of(measured(rows));
}

TEST_CASE("evaluation page: the same bytes for any number of workers") {
  const EvaluationRows rows = returns(60, 8, 0.1);
  CHECK(render_evaluation(measured(rows, 1)) == render_evaluation(measured(rows, 3)));
}
