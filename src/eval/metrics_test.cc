#include "hayate/metrics.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/random.h"
#include "eval/correlation.h"
#include "eval/metrics_json.h"
#include "eval/reference_cases.h"

using namespace hayate;
using eval::Case;
using eval::read_cases;

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

Evaluation evaluate(const Case& c) {
  const std::vector<double> weight = c.column("weight");
  if (c.kind == "regression") return evaluate_regression(c.column("label"), c.column("prediction"), weight).value();
  const std::vector<int32_t> label = c.codes("label"), prediction = c.codes("prediction");
  std::vector<std::vector<double>> probability;
  ClassPredictions input;
  const int classes = c.kind == "binary" ? 2 : 4;
  for (int k = 0; k < classes; ++k) {
    input.classes.push_back(std::to_string(k));
    probability.push_back(c.column("probability_" + std::to_string(k)));
  }
  input.label = label, input.prediction = prediction, input.weight = weight;
  input.probability.assign(probability.begin(), probability.end());
  return evaluate_classification(input).value();
}

bool close(double got, double want) { return std::abs(got - want) <= 1e-9 * std::max(1.0, std::abs(want)); }

/// The value of a metric, NaN when it is undefined; an undefined metric says why.
double value(const Evaluation& e, std::string_view name) {
  for (const MetricValue& m : e.metrics) {
    if (m.metric->name != name) continue;
    CHECK_MESSAGE(m.value.has_value() == m.reason.empty(), name);
    return m.value.value_or(kNaN);
  }
  FAIL("no metric " << name);
  return kNaN;
}

std::string reason(const Evaluation& e, std::string_view name) {
  for (const MetricValue& m : e.metrics)
    if (m.metric->name == name) return m.reason;
  return "";
}

Evaluation regression(std::vector<double> label, std::vector<double> prediction, std::vector<double> weight = {}) {
  return evaluate_regression(label, prediction, weight).value();
}

Evaluation classes(std::vector<int32_t> label, std::vector<int32_t> prediction, int count = 2, std::vector<double> last = {}) {
  ClassPredictions input;
  for (int k = 0; k < count; ++k) input.classes.push_back(std::string(1, char('a' + k)));
  input.label = label, input.prediction = prediction;
  if (!last.empty()) input.probability.resize(size_t(count)), input.probability.back() = last;
  return evaluate_classification(input).value();
}

}  // namespace

TEST_CASE("metrics: equal scikit-learn and scipy on every reference case") {
  int compared = 0;
  for (const Case& c : read_cases()) {
    if (c.kind == "by_date") continue;
    const Evaluation e = evaluate(c);
    for (const auto& [name, want] : c.lines) {
      if (!find_metric(name) || (name == "spearman" && c.lines.contains("weight"))) continue;
      const double got = value(e, name);
      CHECK_MESSAGE((std::isnan(want[0]) ? std::isnan(got) : close(got, want[0])),
                    c.name << ": " << name << " is " << got << ", expected " << want[0]);
      ++compared;
    }
  }
  CHECK(compared >= 190);
}

TEST_CASE("metrics: IC by date equals pandas, whatever the order of rows") {
  for (const Case& c : read_cases()) {
    if (c.kind != "by_date") continue;
    std::vector<double> date = c.column("date"), label = c.column("label"), prediction = c.column("prediction");
    for (const bool reversed : {false, true}) {
      if (reversed) {
        for (auto* column : {&date, &label, &prediction}) std::reverse(column->begin(), column->end());
      }
      const std::vector<int64_t> dates(date.begin(), date.end());
      const std::vector<IcDay> days = ic_by_date(dates, label, prediction);
      REQUIRE(days.size() == c.column("daily_ic").size());
      for (size_t i = 0; i < days.size(); ++i) {
        const double ic = c.column("daily_ic")[i], rank_ic = c.column("daily_rank_ic")[i];
        CHECK(days[i].date == int64_t(i));
        CHECK((std::isnan(ic) ? std::isnan(days[i].ic) : close(days[i].ic, ic)));
        CHECK((std::isnan(rank_ic) ? std::isnan(days[i].rank_ic) : close(days[i].rank_ic, rank_ic)));
      }
      CHECK(days[7].pairs == 0);
      for (const MetricValue& m : ic_metrics(days)) CHECK(close(m.value.value(), c.column(m.metric->name)[0]));
    }
  }
}

TEST_CASE("metrics: the table has a row for each, in groups, with a convention") {
  for (const MetricInfo& m : kMetrics) {
    CHECK(find_metric(m.name) == &m);
    CHECK(std::string_view(m.convention).size() > 10);
  }
  CHECK(find_metric("sharpe") == nullptr);
  CHECK(std::is_sorted(std::begin(kMetrics), std::end(kMetrics), [](const MetricInfo& a, const MetricInfo& b) { return a.group < b.group; }));
}

TEST_CASE("regression: rows with a NaN or a weight of zero are left out and counted") {
  const Evaluation e = regression({1, kNaN, 3, 4, 5}, {2, 2, kNaN, 4, 9}, {1, 1, 1, 1, 0});
  CHECK(e.rows == 2);
  CHECK(e.rows_left_out == 3);
  CHECK(value(e, "mae") == 0.5);
  const Evaluation no_nan = regression({1, 4}, {2, 4}, {1, 1});
  for (const MetricValue& m : e.metrics) CHECK(m.value == no_nan.value(m.metric->name));
}

TEST_CASE("regression: no rows, all NaN, zero weights: undefined with a reason") {
  for (const Evaluation& e : {regression({}, {}), regression({kNaN, 1}, {1, kNaN}), regression({1, 2}, {1, 2}, {0, 0})}) {
    CHECK(e.metrics.size() == 11);
    for (const MetricValue& m : e.metrics) {
      CHECK(!m.value);
      CHECK(!m.reason.empty());
    }
  }
  CHECK(reason(regression({}, {}), "rmse") == "no rows");
}

TEST_CASE("regression: a negative or infinite weight is an error that names the row") {
  const std::vector<double> y = {1, 2}, negative = {1, -1}, infinite = {kInf, 1};
  CHECK(evaluate_regression(y, y, negative).error().where == "row 2");
  CHECK(evaluate_regression(y, y, infinite).error().where == "row 1");
}

TEST_CASE("regression: an infinite prediction makes means undefined and leaves ranks alone") {
  const Evaluation e = regression({1, 2, 3, 4}, {1, 2, 3, kInf});
  for (const char* name : {"mae", "rmse", "mape", "r2", "pearson", "explained_variance"}) CHECK(std::isnan(value(e, name)));
  CHECK(value(e, "median_absolute_error") == 0);
  CHECK(value(e, "spearman") == 1);
  CHECK(value(e, "hit_rate") == 1);
  const Evaluation both = regression({kInf, -kInf, 1}, {kInf, kInf, 1});
  CHECK(value(both, "median_absolute_error") == 0);
}

TEST_CASE("regression: values too large or too small to be squared") {
  const Evaluation huge = regression({1e200, -1e200, 0}, {1e200, -1e200, 1e199});
  CHECK(std::isnan(value(huge, "mse")));
  CHECK(value(huge, "pearson") == doctest::Approx(regression({1, -1, 0}, {1, -1, 0.1}).value("pearson").value()).epsilon(1e-12));
  const Evaluation tiny = regression({1e-200, -1e-200, 0}, {1e-200, -1e-200, 1e-201});
  CHECK(value(tiny, "pearson") == doctest::Approx(value(huge, "pearson")).epsilon(1e-12));
}

TEST_CASE("regression: noise of 1e-3 on an offset of 1e8 keeps its correlation") {
  std::vector<double> x, y;
  long double sx = 0, sy = 0, sxx = 0, syy = 0, sxy = 0;
  for (uint64_t i = 0; i < 1000; ++i) {
    x.push_back(1e8 + 1e-3 * random_unit(1, i));
    y.push_back(1e8 + 1e-3 * (random_unit(1, i) + random_unit(2, i)));
    sx += x.back(), sy += y.back();
  }
  for (size_t i = 0; i < x.size(); ++i) {
    const long double a = x[i] - sx / 1000, b = y[i] - sy / 1000;
    sxx += a * a, syy += b * b, sxy += a * b;
  }
  CHECK(pearson(x, y) == doctest::Approx(double(sxy / std::sqrt(sxx * syy))).epsilon(1e-9));
}

TEST_CASE("regression: a constant label that no sum of doubles hits exactly") {
  const Evaluation e = regression({0.1, 0.1, 0.1}, {0.3, 0.3, 0.3});
  CHECK(value(e, "r2") == 0);
  CHECK(value(e, "explained_variance") == 1);
  CHECK(reason(e, "pearson") == "the label is constant");
}

TEST_CASE("hit rate: labels of zero are left out, a prediction of zero is a miss") {
  CHECK(value(regression({1, -1, 0, 2}, {3, 1, 5, 0}), "hit_rate") == doctest::Approx(1.0 / 3));
  CHECK(reason(regression({0, 0}, {1, -1}), "hit_rate") == "every label is zero");
}

TEST_CASE("classification: one class, one row, no rows") {
  const Evaluation one = classes({1, 1}, {1, 1}, 2, {0.9, 0.8});
  CHECK(value(one, "accuracy") == 1);
  CHECK(value(one, "matthews_corrcoef") == 0);
  CHECK(reason(one, "cohen_kappa") == "labels and predictions hold one and the same class");
  CHECK(reason(one, "roc_auc") == "the label holds one class only");
  const Evaluation none = classes({-1, 0}, {0, -1});
  CHECK(none.rows == 0);
  CHECK(none.rows_left_out == 2);
  for (const MetricValue& m : none.metrics) CHECK(!m.value);
  CHECK(value(classes({0}, {1}), "accuracy") == 0);
}

TEST_CASE("classification: weight 2 is the row twice") {
  ClassPredictions once, twice;
  once.classes = twice.classes = {"a", "b", "c"};
  const std::vector<int32_t> y = {0, 1, 2, 1, 0}, p = {0, 2, 2, 1, 1}, y2 = {0, 1, 2, 1, 0, 0, 1}, p2 = {0, 2, 2, 1, 1, 0, 2};
  const std::vector<double> weight = {2, 2, 1, 1, 1};
  std::vector<std::vector<double>> q(3), q2(3);
  for (size_t i = 0; i < 7; ++i) {
    const size_t row = i < 5 ? i : i - 5;
    const double a = random_unit(5, row), b = (1 - a) * random_unit(6, row);
    for (size_t k = 0; k < 3; ++k) {
      const double x[] = {a, b, 1 - a - b};
      if (i < 5) q[k].push_back(x[k]);
      q2[k].push_back(x[k]);
    }
  }
  once.label = y, once.prediction = p, once.weight = weight, once.probability.assign(q.begin(), q.end());
  twice.label = y2, twice.prediction = p2, twice.probability.assign(q2.begin(), q2.end());
  const Evaluation a = evaluate_classification(once).value(), b = evaluate_classification(twice).value();
  CHECK(a.confusion == b.confusion);
  for (const MetricValue& m : a.metrics)
    if (m.metric->better != Better::neither && m.value) CHECK_MESSAGE(close(*m.value, b.value(m.metric->name).value()), m.metric->name);
  CHECK(reason(a, "roc_auc_ovo") == "pairs of classes take no weights");
}

TEST_CASE("classification: probabilities that are missing, NaN or out of range") {
  CHECK(reason(classes({0, 1}, {0, 1}), "log_loss") == "no probability of class 'a' (a column probability_a)");
  CHECK(reason(classes({0, 1}, {0, 1}, 2, {0.5, 1.5}), "brier") == "a probability lies outside 0 .. 1");
  CHECK(classes({0, 1}, {0, 1}, 2, {0.5, kNaN}).rows == 1);
  CHECK(reason(classes({0, 1}, {0, 1}, 3, {0.1, 0.2}), "roc_auc") == "no probability of class 'a' (a column probability_a)");
}

TEST_CASE("classification: a class that labels never hold leaves one-against-the-rest undefined") {
  ClassPredictions input;
  input.classes = {"a", "b", "c"};
  const std::vector<int32_t> y = {0, 1, 0}, p = {0, 2, 0};
  const std::vector<double> q = {0.2, 0.3, 0.3};
  input.label = y, input.prediction = p, input.probability = {q, q, q};
  const Evaluation e = evaluate_classification(input).value();
  CHECK(reason(e, "roc_auc") == "no label is 'c', so one against the rest has one side only");
  CHECK(value(e, "balanced_accuracy") == 0.5);
  CHECK(value(e, "precision") == doctest::Approx(1.0 / 3));
}

TEST_CASE("IC: dates that say nothing, and ratios that do not exist") {
  const std::vector<int64_t> dates = {1, 1, 2, 3, 3};
  const std::vector<double> y = {1, 2, 5, 1, 1}, p = {1, 2, 3, 4, 5};
  const std::vector<IcDay> days = ic_by_date(dates, y, p);
  CHECK(days[0].ic == doctest::Approx(1));
  CHECK(std::isnan(days[1].ic));
  CHECK(std::isnan(days[2].rank_ic));
  CHECK(days[2].squared_error == 25);
  CHECK(days[2].naive_squared_error == 2);
  const std::vector<MetricValue> m = ic_metrics(days);
  CHECK(m[0].value == doctest::Approx(1));
  CHECK(m[1].reason == "one date only");
  CHECK(ic_metrics({})[0].reason == "no date has two pairs and no constant side");
  const std::vector<IcDay> same = {{1, 3, 0.5, 0.5, 0, 0}, {2, 3, 0.5, 0.5, 0, 0}};
  CHECK(ic_metrics(same)[1].reason == "the same value on every date");
}

TEST_CASE("forecast: scores of groups are those of their rows alone") {
  std::vector<int32_t> group;
  std::vector<double> y, p;
  for (uint64_t i = 0; i < 6000; ++i) {
    group.push_back(int32_t(random_below(1, i, 7)) == 3 ? 0 : int32_t(random_below(1, i, 7)));
    y.push_back(i % 50 == 0 ? kNaN : random_unit(2, i) - 0.5);
    p.push_back(random_unit(3, i) - 0.5);
  }
  const std::vector<ForecastScore> scores = score_forecasts(group, 8, y, p);
  REQUIRE(scores.size() == 8);
  for (int32_t g = 0; g < 8; ++g) {
    std::vector<double> a, b;
    for (size_t i = 0; i < y.size(); ++i)
      if (group[i] == g) a.push_back(y[i]), b.push_back(p[i]);
    const ForecastScore want = score_forecast(a, b), &got = scores[size_t(g)];
    CHECK(got.rows == want.rows);
    CHECK(got.rows_left_out == want.rows_left_out);
    if (want.rows == 0) continue;
    CHECK(got.rmse == want.rmse);
    CHECK(got.correlation == want.correlation);
    CHECK(got.hit_rate == want.hit_rate);
  }
  CHECK(scores[3].rows == 0);
  CHECK(std::isnan(scores[7].rmse));
}

TEST_CASE("forecast: the naive forecast is no change; values agree with the metrics of the same name") {
  const std::vector<double> y = {0.01, -0.02, 0.03, kNaN}, p = {0.02, -0.01, -0.01, 0.5};
  const ForecastScore s = score_forecast(y, p);
  const Evaluation e = evaluate_regression(y, p).value();
  CHECK(s.rmse == value(e, "rmse"));
  CHECK(s.mae == value(e, "mae"));
  CHECK(s.correlation == value(e, "pearson"));
  CHECK(s.hit_rate == value(e, "hit_rate"));
  CHECK(s.naive_rmse == value(evaluate_regression(y, std::vector<double>{0, 0, 0, kNaN}).value(), "rmse"));
}

TEST_CASE("buckets: equal counts by ascending prediction, ties together") {
  std::vector<double> y, p;
  for (int i = 0; i < 100; ++i) p.push_back(double((i * 37) % 100)), y.push_back(2 * p.back() + 1);
  const std::vector<Bucket> tenths = bucket_by_prediction(y, p);
  REQUIRE(tenths.size() == 10);
  for (size_t i = 0; i < 10; ++i) {
    CHECK(tenths[i].rows == 10);
    CHECK(tenths[i].mean_prediction == doctest::Approx(10.0 * double(i) + 4.5));
    CHECK(tenths[i].mean_label == doctest::Approx(2 * tenths[i].mean_prediction + 1));
    CHECK(tenths[i].standard_error == doctest::Approx(2 * std::sqrt(82.5 / 9 / 10)));
  }
  const std::vector<Bucket> tied = bucket_by_prediction(std::vector<double>{1, 2, 3, 4}, std::vector<double>{0, 0, 0, 9});
  REQUIRE(tied.size() == 2);
  CHECK(tied[0].rows == 3);
  CHECK(tied[0].mean_label == 2);
  CHECK(std::isnan(tied[1].standard_error));
  CHECK(bucket_by_prediction({}, {}).empty());
}

TEST_CASE("ranks: ties share their mean, signs of zero are one value") {
  CHECK(mean_ranks(std::vector<double>{3, 1, 3, 2}) == std::vector<double>{3.5, 1, 3.5, 2});
  CHECK(mean_ranks(std::vector<double>{0.0, -0.0, -1, kInf}) == std::vector<double>{2.5, 2.5, 1, 4});
  CHECK(mean_ranks({}).empty());
  CHECK(std::isnan(spearman(std::vector<double>{1, kNaN}, std::vector<double>{1, 2})));
}

TEST_CASE("problem: inferred from the label") {
  const std::vector<std::string> text = {"up", "down"};
  std::vector<int64_t> few, many;
  for (int i = 0; i < 100; ++i) few.push_back(i % 20), many.push_back(i % 21);
  const auto problem = [](const Column& c) { return infer_problem(c, "y").value().problem; };
  CHECK(problem(make_column(std::vector<double>{0, 1})) == Problem::regression);
  CHECK(problem(make_text_column(text)) == Problem::classification);
  CHECK(problem(make_column(few)) == Problem::classification);
  CHECK(problem(make_column(many)) == Problem::regression);
  CHECK(infer_problem(make_column(few), "y").value().why == "label 'y' holds 20 different integers");
  CHECK(!infer_problem(make_date_column({1, 2}), "y").ok());
  CHECK(parse_problem("regresion", "--problem").error().hint.find("regression") != std::string::npos);
}

TEST_CASE("json: undefined is null with its reason, the confusion matrix is rows") {
  JsonWriter json;
  json.object();
  eval::write_evaluation(json, classes({0, 1, 1}, {0, 1, 0}));
  json.end();
  const std::string text = json.text();
  CHECK(text.find("\"problem\":\"classification\",\"rows\":3,\"rows_left_out\":0,\"classes\":[\"a\",\"b\"]") != std::string::npos);
  CHECK(text.find("\"roc_auc\":null") != std::string::npos);
  CHECK(text.find("Undefined here: no probability of class 'a'") != std::string::npos);
  CHECK(text.find("\"confusion_matrix\":[[1,0],[1,1]]") != std::string::npos);
}
