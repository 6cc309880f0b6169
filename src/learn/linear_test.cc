#include "hayate/linear.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <string>

#include "base/random.h"
#include "exec/pool.h"
#include "learn/quadratic.h"

using namespace hayate;

namespace {

constexpr double kNear = 1e-9;

/// A table of random values with what is learnt from it.
struct Data {
  int64_t rows, features;
  std::vector<float> values;
  std::vector<double> labels;
  std::vector<int32_t> classes;

  FloatColumns columns() const { return {values.data(), rows, features, rows}; }
  float& at(int64_t row, int64_t feature) { return values[size_t(feature * rows + row)]; }
};

double normal(uint64_t key, uint64_t i) {
  double sum = 0;
  for (uint64_t k = 0; k < 12; ++k) sum += random_unit(key, i * 12 + k);
  return sum - 6;
}

Data make_data(int64_t rows, int64_t features, int32_t num_classes = 2, uint64_t seed = 1) {
  Data data{rows, features, {}, {}, {}};
  for (int64_t i = 0; i < rows * features; ++i) data.values.push_back(float(normal(seed, uint64_t(i))));
  for (int64_t row = 0; row < rows; ++row) {
    double sum = 0.5 * normal(seed + 1, uint64_t(row)) + 3;
    for (int64_t f = 0; f < features; ++f) sum += double(data.at(row, f)) * (f % 3 == 0 ? 1 : f % 3 == 1 ? -0.5 : 0);
    data.labels.push_back(sum);
    data.classes.push_back(std::clamp(int32_t(std::floor((sum - 3) / 1.5)) + num_classes / 2, 0, num_classes - 1));
  }
  return data;
}

std::vector<int32_t> all_rows(const Data& data) {
  std::vector<int32_t> rows(size_t(data.rows));
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

template <class Params>
Linear train(const Data& data, const std::vector<int32_t>& rows, const Params& params, const std::vector<float>& weights = {},
             exec::Pool* pool = nullptr) {
  const LinearTable table(data.columns());
  const bool classification = std::is_same_v<Params, LogisticParams>;
  const Labels labels =
      classification ? Labels::ids(data.classes, *std::max_element(data.classes.begin(), data.classes.end()) + 1) : Labels::numbers(data.labels);
  auto linear = table.train(rows, labels, weights, params, pool);
  REQUIRE(linear.ok());
  return std::move(linear.value());
}

double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  double most = 0;
  for (size_t i = 0; i < a.size(); ++i) most = std::max(most, std::abs(a[i] - b[i]));
  return most;
}

/// The gradient of the smooth part of a linear model's objective, per feature, for raw coefficients of unscaled features.
std::vector<double> pull(const Data& data, const Linear& linear) {
  std::vector<double> out(size_t(data.features), 0.0);
  for (int64_t row = 0; row < data.rows; ++row) {
    double left = data.labels[size_t(row)] - linear.intercepts[0];
    for (int64_t f = 0; f < data.features; ++f) left -= linear.coefficients[size_t(f)] * double(data.values[size_t(f * data.rows + row)]);
    for (int64_t f = 0; f < data.features; ++f) out[size_t(f)] += left * double(data.values[size_t(f * data.rows + row)]);
  }
  return out;
}

}  // namespace

TEST_CASE("linear: least squares leaves nothing that a feature could still explain") {
  const Data data = make_data(700, 9);
  for (const double x : pull(data, train(data, all_rows(data), LinearParams{}))) CHECK(std::abs(x) < 1e-9);
}

TEST_CASE("linear: ridge and lasso are where the pull on each coefficient equals its penalty") {
  const Data data = make_data(900, 12);
  LinearParams params;
  params.standardize = false;
  for (const double l2 : {0.0, 30.0})
    for (const double l1 : {0.0, 25.0, 1e6}) {
      CAPTURE(l1);
      params.l2 = l2, params.l1 = l1;
      const Linear linear = train(data, all_rows(data), params);
      const std::vector<double> left = pull(data, linear);
      for (size_t f = 0; f < left.size(); ++f) {
        const double b = linear.coefficients[f], own = left[f] - l2 * b;
        if (b == 0)
          CHECK(std::abs(own) <= l1 * (1 + 1e-9) + 1e-9);
        else
          CHECK(own == doctest::Approx(b > 0 ? l1 : -l1).epsilon(1e-9).scale(1));
      }
      if (l1 == 25) CHECK(std::count(linear.coefficients.begin(), linear.coefficients.end(), 0.0) > 0);
      if (l1 == 1e6) CHECK(linear.coefficients == std::vector<double>(12, 0.0));
    }
}

TEST_CASE("linear: an elastic net of one strength is the two penalties that it stands for") {
  const Data data = make_data(300, 6);
  LinearParams net, two;
  net.l2 = 40, net.l1_ratio = 0.25, two.l2 = 30, two.l1 = 10;
  CHECK(train(data, all_rows(data), net) == train(data, all_rows(data), two));
}

TEST_CASE("linear and logistic: weight 2 is a row twice, weight 0 none") {
  const Data data = make_data(520, 5, 3);
  std::vector<float> weights(520);
  std::vector<int32_t> repeated;
  for (int32_t row = 0; row < 520; ++row)
    for (int32_t k = 0; k < (weights[size_t(row)] = float(row % 3), row % 3); ++k) repeated.push_back(row);
  LinearParams lasso;
  lasso.l1 = 5;
  CHECK(largest_difference(train(data, all_rows(data), LinearParams{}, weights).coefficients, train(data, repeated, LinearParams{}).coefficients) <
        kNear);
  CHECK(largest_difference(train(data, all_rows(data), lasso, weights).coefficients, train(data, repeated, lasso).coefficients) < kNear);
  CHECK(largest_difference(train(data, all_rows(data), LogisticParams{}, weights).coefficients,
                           train(data, repeated, LogisticParams{}).coefficients) < 1e-7);
}

TEST_CASE("linear: constant, empty and dependent features; fewer rows than features") {
  Data data = make_data(400, 6);
  for (int64_t row = 0; row < 400; ++row) {
    data.at(row, 1) = 1e6f, data.at(row, 3) = std::nanf("");
    data.at(row, 5) = data.at(row, 0);
    if (row % 7 == 0) data.at(row, 4) = std::nanf("");
  }
  const Linear linear = train(data, all_rows(data), LinearParams{});
  CHECK(linear.coefficients[1] == 0);
  CHECK(linear.coefficients[3] == 0);
  CHECK(linear.fill[3] == 0);
  CHECK(linear.coefficients[5] == doctest::Approx(linear.coefficients[0]).epsilon(1e-6));  // the shortest solution shares
  CHECK(linear.coefficients[0] == doctest::Approx(0.5).epsilon(0.2));
  double sum = 0, count = 0;
  for (int64_t row = 0; row < 400; ++row)
    if (!std::isnan(data.at(row, 4))) sum += double(data.at(row, 4)), ++count;
  CHECK(linear.fill[4] == doctest::Approx(sum / count));
  CHECK(std::isfinite(train(data, {3, 8, 90}, LinearParams{}).intercepts[0]));
  CHECK(train(data, {3}, LinearParams{}).intercepts[0] == data.labels[3]);
  const Linear logistic = train(data, all_rows(data), LogisticParams{});
  CHECK(logistic.coefficients[1] == 0);
  CHECK(std::isfinite(logistic.intercepts[0]));
}

TEST_CASE("linear: a large mean costs no digits") {
  Data data = make_data(1000, 4), moved = data;
  for (int64_t row = 0; row < 1000; ++row)
    for (int64_t f = 0; f < 4; ++f) {
      data.at(row, f) = std::round(data.at(row, f) * 1024);
      moved.at(row, f) = data.at(row, f) + float(1 << 22);
    }
  CHECK(largest_difference(train(data, all_rows(data), LinearParams{}).coefficients, train(moved, all_rows(moved), LinearParams{}).coefficients) <
        1e-12);
}

TEST_CASE("linear: the same bytes for any pool; a fold's do not depend on rows outside of it") {
  Data data = make_data(5000, 7, 3);
  for (int64_t row = 0; row < 5000; row += 97) data.at(row, 2) = std::nanf("");
  exec::Pool three(3), eight(8);
  const std::vector<int32_t> rows = all_rows(data), fold(rows.begin() + 300, rows.begin() + 3900);
  CHECK(train(data, rows, LinearParams{}) == train(data, rows, LinearParams{}, {}, &three));
  CHECK(train(data, rows, LogisticParams{}) == train(data, rows, LogisticParams{}, {}, &eight));
  const LinearTable table(data.columns());
  const Labels labels = Labels::numbers(data.labels);
  REQUIRE(table.train(rows, labels, {}, LinearParams{}).ok());  // sums every block
  const Linear after = table.train(fold, labels, {}, LinearParams{}).value();
  Data other = data;
  for (int64_t f = 0; f < 7; ++f)
    for (int64_t row = 0; row < 5000; ++row)
      if (row < 300 || row >= 3900) other.at(row, f) = 1e9f;
  CHECK(train(other, fold, LinearParams{}) == after);
}

TEST_CASE("logistic: gradient 0 at what is found, for two classes and more, and probabilities of classes told apart for sure") {
  for (const int32_t num_classes : {2, 4, 200}) {
    Data data = make_data(1500, 5, num_classes);
    // More unknowns than a Hessian is made of, some classes with 104 rows, most with 4.
    for (int32_t row = 0; row < 1500 && num_classes == 200; ++row) data.classes[size_t(row)] = row < 700 ? row % 7 : row % 200;
    LogisticParams params;
    params.standardize = false, params.l2 = 3;
    const Linear linear = train(data, all_rows(data), params);
    const size_t outputs = size_t(linear.num_outputs());
    std::vector<double> p(1500 * outputs);
    predict(linear, data.columns(), p);
    for (size_t k = 0; k < size_t(linear.num_scores()); ++k) {
      const size_t own = linear.num_scores() == 1 ? 1 : k;
      double sum = 0;
      std::vector<double> gradient(5, 0.0);
      for (size_t row = 0; row < 1500; ++row) {
        const double miss = p[row * outputs + own] - (size_t(data.classes[row]) == own ? 1 : 0);
        sum += miss;
        for (size_t f = 0; f < 5; ++f) gradient[f] += miss * double(data.at(int64_t(row), int64_t(f)));
      }
      CHECK(std::abs(sum) < 1e-6);
      for (size_t f = 0; f < 5; ++f) CHECK(std::abs(gradient[f] + 3 * linear.coefficients[k * 5 + f]) < 1e-6);
    }
  }
  Data separate = make_data(200, 1);
  for (int64_t row = 0; row < 200; ++row) separate.classes[size_t(row)] = separate.at(row, 0) > 0;
  LogisticParams none;
  none.l2 = 0;
  const Linear linear = train(separate, all_rows(separate), none);
  CHECK(std::isfinite(linear.coefficients[0]));
  CHECK(linear.coefficients[0] > 10);
}

TEST_CASE("logistic: lasso sets coefficients to 0, a class without rows has probability near 0") {
  Data data = make_data(600, 6, 3);
  LogisticParams params;
  params.l2 = 0, params.l1 = 20;
  const Linear sparse = train(data, all_rows(data), params);
  CHECK(std::count(sparse.coefficients.begin(), sparse.coefficients.end(), 0.0) > 3);
  std::vector<int32_t> rows = all_rows(data);
  std::erase_if(rows, [&](int32_t row) { return data.classes[size_t(row)] == 0; });
  const Linear without = train(data, rows, LogisticParams{});
  std::vector<double> p(600 * 3);
  predict(without, data.columns(), p);
  for (size_t row = 0; row < 600; ++row) CHECK(p[row * 3] < 1e-3);
}

TEST_CASE("linear: what can't be trained says why") {
  Data data = make_data(50, 3);
  const LinearTable table(data.columns());
  const auto what = [&](const std::vector<int32_t>& rows, const std::vector<float>& weights = {}) {
    return table.train(rows, Labels::numbers(data.labels), weights, LinearParams{}).error().what;
  };
  CHECK(what({}) == "no rows to train on");
  CHECK(what({60}) == "row 60 of 50 rows");
  CHECK(what(all_rows(data), std::vector<float>(50, 0.0f)) == "no rows to train on");
  CHECK(what(all_rows(data), std::vector<float>(50, -1.0f)) == "the weight of row 0 is -1");
  data.at(7, 1) = std::numeric_limits<float>::infinity();
  CHECK(what(all_rows(data)) == "feature number 2 is infinite in row 8");
  data.labels[4] = std::nan("");
  CHECK(what(all_rows(data)) == "the label of row 4 is nan");
  data.classes.assign(50, 0);
  CHECK(table.train(all_rows(data), Labels::ids(data.classes, 1), {}, LogisticParams{}).error().what.size() > 0);
}

TEST_CASE("eigenvalues: vectors are orthonormal and give the matrix back") {
  for (const size_t n : {1, 2, 3, 17, 40}) {
    std::vector<double> q(n * n);
    for (size_t i = 0; i < n; ++i)
      for (size_t j = 0; j <= i; ++j) q[i * n + j] = q[j * n + i] = i < n / 2 ? normal(3, i * n + j) : 0;  // half of it singular
    const learn::Eigen eigen = learn::eigen_of(q, n);
    double worst = 0;
    for (size_t i = 0; i < n; ++i)
      for (size_t j = 0; j < n; ++j) {
        double sum = 0, product = 0;
        for (size_t k = 0; k < n; ++k) {
          sum += eigen.vectors[k * n + i] * eigen.values[k] * eigen.vectors[k * n + j];
          product += eigen.vectors[i * n + k] * eigen.vectors[j * n + k];
        }
        worst = std::max({worst, std::abs(sum - q[i * n + j]), std::abs(product - (i == j ? 1 : 0))});
      }
    CHECK(worst < 1e-12);
    CHECK(std::is_sorted(eigen.values.begin(), eigen.values.end()));
  }
}
