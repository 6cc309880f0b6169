#include "hayate/curves.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/random.h"
#include "eval/reference_cases.h"
#include "exec/pool.h"

using namespace hayate;

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

void check_points(const std::vector<CurvePoint>& got, const std::vector<double>& x, const std::vector<double>& y,
                  const std::vector<double>& threshold) {
  REQUIRE(got.size() == threshold.size());
  for (size_t i = 0; i < got.size(); ++i) {
    CHECK(got[i].x == doctest::Approx(x[i]).epsilon(1e-12));
    CHECK(got[i].y == doctest::Approx(y[i]).epsilon(1e-12));
    CHECK(got[i].threshold == threshold[i]);
  }
}

/// Labels that follow the prediction with noise, ten rows a date with a shared error.
struct Sample {
  std::vector<double> label, prediction;
  std::vector<int64_t> date;
  explicit Sample(uint64_t seed, size_t rows = 400) {
    for (uint64_t i = 0; i < rows; ++i) {
      prediction.push_back(random_unit(seed, 3 * i) - 0.5);
      label.push_back(prediction.back() + 0.5 * (random_unit(seed, 3 * i + 1) - 0.5) + 2 * (random_unit(seed + 1, i / 10) - 0.5));
      date.push_back(int64_t(i / 10));
    }
  }
};

MetricInterval find(const std::vector<MetricInterval>& intervals, std::string_view name) {
  for (const MetricInterval& i : intervals)
    if (i.metric->name == name) return i;
  return {};
}

}  // namespace

TEST_CASE("curves: equal scikit-learn's roc_curve and precision_recall_curve") {
  int compared = 0;
  for (const eval::Case& c : eval::read_cases()) {
    if (!c.lines.contains("roc_x")) continue;
    const std::vector<double> label = c.column("label"), score = c.column("probability_1"), weight = c.column("weight");
    check_points(roc_curve({label, score, weight}), c.column("roc_x"), c.column("roc_y"), c.column("roc_threshold"));
    // scikit-learn goes up and ends in (0, 1) without a threshold.
    std::vector<CurvePoint> curve = precision_recall_curve({label, score, weight});
    std::vector<double> threshold = c.column("pr_threshold");
    threshold.push_back(std::numeric_limits<double>::infinity());
    std::reverse(curve.begin(), curve.end());
    check_points(curve, c.column("pr_x"), c.column("pr_y"), threshold);
    ++compared;
  }
  CHECK(compared >= 4);
}

TEST_CASE("curves: one class, no rows, NaN, weights of zero") {
  const std::vector<double> ones = {1, 1}, score = {0.2, 0.7}, zeros = {0, 0};
  CHECK(roc_curve({ones, score, {}}).empty());
  CHECK(roc_curve({zeros, score, {}}).empty());
  CHECK(roc_curve({{}, {}, {}}).empty());
  CHECK(precision_recall_curve({zeros, score, {}}).empty());
  CHECK(precision_recall_curve({ones, score, zeros}).empty());
  const std::vector<double> mixed = {1, 0, kNaN, 1, 0.5}, scores = {0.9, 0.1, 0.5, kNaN, 0.3};
  CHECK(roc_curve({mixed, scores, {}}).size() == 3);
}

TEST_CASE("curves: thinning keeps the ends and the shape") {
  std::vector<CurvePoint> curve;
  for (int i = 0; i <= 10000; ++i) curve.push_back({double(-i), i / 1e4, std::sqrt(i / 1e4)});
  const std::vector<CurvePoint> few = thin(curve, 100);
  CHECK(few.size() < 210);
  CHECK(few.front().x == 0);
  CHECK(few.back().x == 1);
  for (size_t i = 1; i < few.size(); ++i) CHECK(std::max(few[i].x - few[i - 1].x, few[i].y - few[i - 1].y) < 0.021);
  CHECK(thin({}, 10).empty());
}

TEST_CASE("bootstrap: an interval surrounds the value, and is the same for any pool") {
  const Sample s(1);
  exec::Pool one(1), three(3);
  const Bootstrap bootstrap{.resamples = 100, .level = 0.9, .seed = 5};
  const auto a = bootstrap_regression(s.label, s.prediction, {}, bootstrap, one).value(),
             b = bootstrap_regression(s.label, s.prediction, {}, bootstrap, three).value();
  const Evaluation whole = evaluate_regression(s.label, s.prediction).value();
  REQUIRE(a.size() == whole.metrics.size());
  for (size_t i = 0; i < a.size(); ++i) {
    CHECK((a[i].low == b[i].low || (std::isnan(a[i].low) && std::isnan(b[i].low))));
    const std::optional<double> value = whole.metrics[i].value;
    if (!value) continue;
    CHECK_MESSAGE(a[i].low < *value, a[i].metric->name);
    CHECK_MESSAGE(a[i].high > *value, a[i].metric->name);
  }
}

TEST_CASE("bootstrap: 90 % intervals hold the truth about nine times in ten") {
  exec::Pool pool(1);
  int held = 0;
  for (uint64_t seed = 100; seed < 160; ++seed) {
    std::vector<double> label, prediction(100, 0);
    for (uint64_t i = 0; i < 100; ++i) label.push_back(random_unit(seed, i) - 0.5);
    const auto intervals = bootstrap_regression(label, prediction, {}, {.resamples = 100, .level = 0.9, .seed = seed}, pool).value();
    const MetricInterval mse = find(intervals, "mse");
    held += mse.low <= 1 / 12.0 && mse.high >= 1 / 12.0;
  }
  CHECK(held >= 46);
  CHECK(held <= 60);
}

TEST_CASE("bootstrap: rows of a date that err together widen the interval") {
  const Sample s(3);
  exec::Pool pool(1);
  const auto rows = bootstrap_regression(s.label, s.prediction, {}, {.seed = 1}, pool).value();
  const auto dates = bootstrap_regression(s.label, s.prediction, {}, {.seed = 1, .group = s.date}, pool).value();
  const MetricInterval a = find(rows, "rmse"), b = find(dates, "rmse");
  CHECK(b.high - b.low > 1.5 * (a.high - a.low));
}

TEST_CASE("bootstrap: stopped early it says so, and one that is never stopped is as without") {
  const Sample s(2);
  exec::Pool pool(2);
  exec::Cancellation never, now;
  now.stop();
  const exec::Cancellation late(never, 1e-9);
  const auto run = [&](const exec::Cancellation* cancel) {
    return bootstrap_regression(s.label, s.prediction, {}, {.resamples = 50, .seed = 3, .cancel = cancel}, pool);
  };
  CHECK(run(&now).error().kind == Kind::interrupted);
  CHECK(run(&late).error().kind == Kind::timeout);
  CHECK(find(run(&never).value(), "rmse").low == find(run(nullptr).value(), "rmse").low);
}

TEST_CASE("bootstrap: classes, undefined metrics, and settings out of range") {
  exec::Pool pool(1);
  const std::vector<int32_t> label = {0, 1, 1, 0, 1, 0, 0, 1}, prediction = {0, 1, 0, 0, 1, 1, 0, 1}, ones(8, 1);
  const std::vector<double> probability = {0.1, 0.9, 0.4, 0.2, 0.8, 0.7, 0.3, 0.6};
  ClassPredictions input{{"down", "up"}, label, prediction, {{}, probability}, {}};
  const auto intervals = bootstrap_classification(input, {.seed = 2}, pool).value();
  CHECK(intervals.size() == 17);
  CHECK(find(intervals, "accuracy").low < 0.75);
  CHECK(find(intervals, "accuracy").high > 0.75);
  CHECK(find(intervals, "roc_auc").high == 1);
  input.label = ones;
  CHECK(std::isnan(find(bootstrap_classification(input, {}, pool).value(), "roc_auc").low));
  CHECK(bootstrap_classification(input, {.resamples = 1}, pool).error().kind == Kind::usage);
  CHECK(bootstrap_regression({}, {}, {}, {.level = 1}, pool).error().kind == Kind::usage);
  CHECK(std::isnan(bootstrap_regression({}, {}, {}, {}, pool).value()[0].low));
}
