// Objectives, rankings, early stopping, monotone, categorical and grouped features of boosting.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>

#include "base/random.h"
#include "exec/pool.h"
#include "hayate/learner.h"
#include "hayate/metrics.h"
#include "kernels/dispatch.h"

using namespace hayate;

namespace {

struct Data {
  int64_t num_rows, num_features;
  std::vector<float> columns;
  std::vector<double> y;
  std::vector<int32_t> classes, groups;

  FloatColumns raw() const { return {columns.data(), num_rows, num_features, num_rows, {}}; }
  float& at(int64_t row, int64_t feature) { return columns[size_t(feature * num_rows + row)]; }
};

double normal(uint64_t key, uint64_t i) {
  double sum = -6;
  for (uint64_t k = 0; k < 12; ++k) sum += random_unit(key, 12 * i + k);
  return sum;
}

/// y = x0 + noise; groups of 20 rows.
Data make_data(int64_t rows, int64_t features, uint64_t seed) {
  Data d{rows, features, std::vector<float>(size_t(rows * features)), {}, {}, {}};
  for (size_t i = 0; i < d.columns.size(); ++i) d.columns[i] = float(normal(seed, i));
  for (int64_t row = 0; row < rows; ++row) {
    d.y.push_back(double(d.at(row, 0)) + normal(seed + 1, uint64_t(row)));
    d.classes.push_back(d.y.back() > 0);
    d.groups.push_back(int32_t(row / 20));
  }
  return d;
}

std::vector<int32_t> all_rows(int64_t count) {
  std::vector<int32_t> rows(static_cast<size_t>(count));
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

BoostingParams params_of(const std::string& text) { return std::get<BoostingParams>(learner_params("boosting", text).value()); }

BinnedMatrix bin(const Data& d, const std::vector<int32_t>& rows, const BoostingParams& params) {
  const FeatureRoles roles = feature_roles(params.categorical, "", {}, d.num_features).value();
  return std::move(bin_values(d.raw(), rows, int(params.bins), roles.categorical)).value();
}

Result<Forest> try_train(const Data& d, const Labels& labels, const std::string& text, exec::Pool* pool = nullptr,
                         std::span<const float> weights = {}) {
  const BoostingParams params = params_of(text);
  const auto rows = all_rows(d.num_rows);
  return train_boosting(bin(d, rows, params), rows, labels, weights, params, 1, 0, pool);
}
Forest train(const Data& d, const Labels& labels, const std::string& text, exec::Pool* pool = nullptr, std::span<const float> weights = {}) {
  auto forest = try_train(d, labels, text, pool, weights);
  REQUIRE(forest.ok());
  return std::move(forest).value();
}
Labels ranking(const Data& d) { return {Problem::ranking, d.y, {}, 0, d.groups, {}}; }

std::vector<double> predicted(const Forest& forest, const FloatColumns& raw) {
  std::vector<double> out(size_t(raw.num_rows * forest.num_outputs()));
  predict(forest, raw, out);
  return out;
}

double share_below(const std::vector<double>& y, const std::vector<double>& p) {
  double below = 0;
  for (size_t i = 0; i < y.size(); ++i) below += y[i] < p[i];
  return below / double(y.size());
}

}  // namespace

TEST_CASE("boosting: quantiles cover their share of new labels") {
  const Data a = make_data(4000, 3, 1), b = make_data(4000, 3, 2);
  for (const double alpha : {0.1, 0.5, 0.9}) {
    const Forest forest = train(a, Labels::numbers(a.y), "objective=quantile,num_leaves=8,alpha=" + std::to_string(alpha));
    CHECK(share_below(b.y, predicted(forest, b.raw())) == doctest::Approx(alpha).epsilon(0.04));
  }
  std::vector<double> zero(5);
  const Data few{5, 1, {1, 1, 1, 1, 1}, {1, 2, 3, 4, 100}, {}, {}};
  CHECK(train(few, Labels::numbers(few.y), "objective=absolute_error,num_trees=1").start[0] == 3);
  CHECK(train(few, Labels::numbers(few.y), "objective=quantile,alpha=0.4,num_trees=1").start[0] == 2.5);
  const std::vector<float> weights = {1, 1, 1, 1, 4};
  CHECK(train(few, Labels::numbers(few.y), "objective=absolute_error,num_trees=1", nullptr, weights).start[0] == 52);
}

TEST_CASE("boosting: absolute and Huber loss are not moved by outliers") {
  Data d = make_data(3000, 3, 3);
  const Data clean = d;
  for (size_t i = 0; i < 3000; i += 25) d.y[i] += 1000;
  const auto error = [&](const std::string& params) {
    const std::vector<double> p = predicted(train(d, Labels::numbers(d.y), params), d.raw());
    double sum = 0;
    for (int64_t i = 0; i < 3000; ++i) sum += std::abs(p[size_t(i)] - double(clean.columns[size_t(i)]));
    return sum / 3000;
  };
  CHECK(error("objective=squared_error") > 10);
  CHECK(error("objective=absolute_error") < 0.4);
  CHECK(error("objective=huber,huber_delta=1") < 0.5);
}

TEST_CASE("boosting: Poisson predicts means of counts, at any scale") {
  for (const double scale : {1.0, 1e6}) {
    Data d = make_data(4000, 2, 4);
    double sum = 0;
    for (int64_t i = 0; i < 4000; ++i) {
      const double mean = scale * std::exp(double(d.at(i, 0)));
      d.y[size_t(i)] = mean * (random_unit(5, uint64_t(i)) < 0.5 ? 2 : 0);
      sum += d.y[size_t(i)];
    }
    const Forest forest = train(d, Labels::numbers(d.y), "objective=poisson,num_trees=60");
    const std::vector<double> p = predicted(forest, d.raw());
    CHECK(std::accumulate(p.begin(), p.end(), 0.0) == doctest::Approx(sum).epsilon(0.02));
    for (const double value : p) CHECK(value > 0);
    CHECK(pearson(p, std::vector<double>(d.y)) > 0.5);
  }
  Data d = make_data(50, 1, 6);
  CHECK(try_train(d, Labels::numbers(d.y), "objective=poisson").error().hint == "its labels are 0 or more");
  std::fill(d.y.begin(), d.y.end(), 0.0);
  CHECK(try_train(d, Labels::numbers(d.y), "objective=poisson").error().kind == Kind::input);
}

TEST_CASE("boosting: a ranking orders rows within their group, whatever the level of the group") {
  Data a = make_data(4000, 4, 7), b = make_data(4000, 4, 8);
  for (Data* d : {&a, &b})
    for (size_t i = 0; i < 4000; ++i) d->y[i] += 50 * double(d->groups[i] % 7);
  const Forest forest = train(a, ranking(a), "num_leaves=8");
  CHECK(forest.problem == Problem::ranking);
  const std::vector<int64_t> dates(b.groups.begin(), b.groups.end());
  double ic = 0;
  for (const IcDay& day : ic_by_date(dates, b.y, predicted(forest, b.raw()))) ic += day.rank_ic / 200;
  CHECK(ic > 0.6);  // 0.68 is what x0 itself has
  // Grades of 0 to 4, as search engines have them.
  for (double& y : a.y) y = std::clamp(std::floor(y - 50 * std::floor(y / 50)), 0.0, 4.0);
  CHECK(train(a, ranking(a), "num_leaves=8").nodes.size() > 100);
  Labels without = ranking(a);
  without.groups = {};
  CHECK(try_train(a, without, "").error().kind == Kind::input);
}

TEST_CASE("boosting: one row per group, and groups of equal labels, teach a ranking nothing") {
  Data d = make_data(200, 2, 9);
  std::iota(d.groups.begin(), d.groups.end(), 0);
  CHECK(train(d, ranking(d), "num_trees=3").nodes.size() == 3);
  std::fill(d.groups.begin(), d.groups.end(), 5), std::fill(d.y.begin(), d.y.end(), 2.0);
  CHECK(train(d, ranking(d), "num_trees=3").nodes.size() == 3);
}

TEST_CASE("boosting: early stopping keeps the rounds up to the best one, which are those of a training without") {
  const Data d = make_data(1000, 5, 10);
  for (const char* metric : {"auto", "mae", "pearson", "ic", "rank_ic"}) {
    Labels labels = Labels::numbers(d.y);
    labels.groups = d.groups;
    const std::string stop = std::string("learning_rate=0.3,early_stopping_rounds=5,validation_fraction=0.3,metric=") + metric;
    const Forest stopped = train(d, labels, "num_trees=500," + stop);
    CAPTURE(metric);
    CHECK(stopped.num_trees() < 200);
    CHECK(std::accumulate(stopped.importance.begin(), stopped.importance.end(), 0.0) == doctest::Approx(1));
    // The same rows by hand: the last 30 % of the groups.
    const auto rows = all_rows(700);
    const BoostingParams params = params_of("learning_rate=0.3,num_trees=" + std::to_string(stopped.num_trees()));
    const Forest plain = std::move(train_boosting(bin(d, all_rows(1000), params), rows, labels, {}, params, 1, 0)).value();
    CHECK(plain.nodes == stopped.nodes);
    CHECK(plain.values == stopped.values);
    CHECK(plain.importance == stopped.importance);
  }
  const auto rounds = [&](const std::string& params) {
    return train(d, Labels::ids(d.classes, 2), "num_trees=300,learning_rate=0.3," + params).num_trees();
  };
  CHECK(rounds("early_stopping_rounds=5,metric=roc_auc") < 100);
  CHECK(rounds("early_stopping_rounds=5,metric=log_loss") == rounds("early_stopping_rounds=5"));
  CHECK(rounds("early_stopping_rounds=300") <= 300);
}

TEST_CASE("boosting: what early stopping can't watch") {
  const Data d = make_data(100, 2, 11);
  CHECK(learner_params("boosting", "metric=rmsee").error().hint == "did you mean 'rmse'?");
  CHECK(try_train(d, Labels::numbers(d.y), "metric=roc_auc").error().kind == Kind::usage);
  CHECK(try_train(d, Labels::ids(d.classes, 2), "objective=huber").error().kind == Kind::usage);
  CHECK(try_train(d, Labels::numbers(d.y), "early_stopping_rounds=5,metric=ic").error().kind == Kind::input);
  CHECK(try_train(d, Labels::numbers(d.y), "early_stopping_rounds=5,validation_fraction=0.999").error().kind == Kind::input);
}

TEST_CASE("boosting: bounded features move predictions one way only") {
  Data d = make_data(3000, 3, 12);
  for (int64_t i = 0; i < 3000; ++i) d.y[size_t(i)] = std::sin(3 * double(d.at(i, 0))) + double(d.at(i, 1)) + 0.3 * normal(13, uint64_t(i));
  for (int64_t i = 0; i < 3000; ++i) d.classes[size_t(i)] = d.y[size_t(i)] > 0;
  const auto worst = [&](const Forest& forest, double direction) {
    double against = 0;
    for (int64_t i = 0; i < 200; ++i) {
      Data line{100, 3, std::vector<float>(300), {}, {}, {}};
      for (int64_t step = 0; step < 100; ++step) {
        for (int64_t f = 0; f < 3; ++f) line.at(step, f) = d.at(i, f);
        line.at(step, 0) = float(-3 + 0.06 * double(step));
      }
      const std::vector<double> p = predicted(forest, line.raw());
      const size_t width = size_t(forest.num_outputs());
      for (size_t step = 1; step < 100; ++step)
        against = std::max(against, direction * (p[(step - 1) * width + width - 1] - p[step * width + width - 1]));
    }
    return against;
  };
  for (const Labels& labels : {Labels::numbers(d.y), Labels::ids(d.classes, 2)}) {
    CHECK(worst(train(d, labels, ""), 1) > 0.1);
    CHECK(worst(train(d, labels, "monotone=0:1"), 1) <= 0);
    CHECK(worst(train(d, labels, "monotone=0:-1;1:1"), -1) <= 0);
  }
  CHECK(try_train(d, Labels::numbers(d.y), "monotone=0:1,objective=quantile").error().kind == Kind::usage);
  CHECK(try_train(d, Labels::ids(d.classes, 3), "monotone=0:1").error().kind == Kind::usage);
  CHECK(try_train(d, Labels::numbers(d.y), "monotone=7:1").error().kind == Kind::usage);
}

TEST_CASE("boosting: categories split into any two sets; unknown ones go with the missing") {
  Data d = make_data(4000, 2, 14);
  for (int64_t i = 0; i < 4000; ++i) {
    const int category = int(random_below(15, uint64_t(i), 40));
    d.at(i, 0) = category == 39 ? std::numeric_limits<float>::quiet_NaN() : float(category * 3);
    d.y[size_t(i)] = category * 7 % 2 ? 5.0 : -5.0;  // by turns: no order of the numbers helps
    d.classes[size_t(i)] = d.y[size_t(i)] > 0;
  }
  const std::string one = "num_trees=1,learning_rate=1,num_leaves=2";
  const Forest forest = train(d, Labels::numbers(d.y), one + ",categorical=0");
  REQUIRE(forest.sets.size() == 1);
  const std::vector<double> p = predicted(forest, d.raw());
  for (size_t i = 0; i < 4000; ++i) CHECK(p[i] == doctest::Approx(d.y[i]).epsilon(1e-6));
  CHECK(predicted(train(d, Labels::numbers(d.y), one), d.raw()) != p);
  std::vector<float> unknown = {1, 0}, missing = {std::numeric_limits<float>::quiet_NaN(), 0};
  double of_unknown, of_missing;
  predict_row(forest, unknown, {&of_unknown, 1}), predict_row(forest, missing, {&of_missing, 1});
  CHECK(of_unknown == of_missing);
  // Codes and values agree; early stopping and left-out rows walk the same sets.
  const std::string drawn = "categorical=0,num_trees=20,bagging_fraction=0.7,early_stopping_rounds=10,validation_fraction=0.2";
  const BoostingParams params = params_of(drawn);
  const auto rows = all_rows(4000);
  const BinnedMatrix matrix = bin(d, rows, params);
  const Forest stopped = std::move(train_boosting(matrix, rows, Labels::ids(d.classes, 2), {}, params, 1, 0)).value();
  std::vector<double> coded(8000);
  predict_codes(stopped, matrix.columns(), rows, coded);
  CHECK(coded == predicted(stopped, d.raw()));
}

TEST_CASE("boosting: categories of few rows go where missing values go, unless leaves may be as small") {
  Data d = make_data(1200, 2, 14);
  for (int64_t i = 0; i < 1200; ++i) {
    const int64_t category = i < 1000 ? i % 3 : 3 + (i - 1000) / 5;  // three of many rows, forty of five
    d.at(i, 0) = float(category);
    d.y[size_t(i)] = category < 3 ? double(category) : category % 2 ? 5.0 : -5.0;
  }
  for (const char* least : {"10", "20", "5"}) {
    const Forest forest = train(d, Labels::numbers(d.y), std::string("num_trees=1,num_leaves=3,categorical=0,min_samples_leaf=") + least);
    const std::vector<float> missing = {std::numeric_limits<float>::quiet_NaN(), 0}, one = {3, 0}, other = {4, 0};
    std::vector<double> answers(3);
    predict_row(forest, missing, {&answers[0], 1}), predict_row(forest, one, {&answers[1], 1}), predict_row(forest, other, {&answers[2], 1});
    CHECK((answers[1] == answers[2]) == (least != std::string("5")));
    if (answers[1] == answers[2]) CHECK(answers[1] == answers[0]);
  }
}

/// The features tested on the way to each leaf of every tree.
std::vector<std::set<int32_t>> paths_of(const Forest& forest) {
  std::vector<std::set<int32_t>> out;
  for (int64_t t = 0; t < forest.num_trees(); ++t) {
    const auto walk = [&](const auto& self, uint32_t at, std::set<int32_t> tested) -> void {
      const TreeNode& node = forest.tree(t)[at];
      if (node.is_leaf()) return out.push_back(tested);
      tested.insert(node.feature);
      self(self, node.child(), tested), self(self, node.child() + 1, tested);
    };
    walk(walk, 0, {});
  }
  return out;
}

TEST_CASE("boosting: features that lead to one leaf are all of one group") {
  Data d = make_data(3000, 6, 21);
  for (int64_t i = 0; i < 3000; ++i)
    d.y[size_t(i)] = double(d.at(i, 0)) * double(d.at(i, 1)) + double(d.at(i, 2)) * double(d.at(i, 3)) + double(d.at(i, 4)) + double(d.at(i, 5));
  const std::vector<std::set<int32_t>> groups = {{0, 1}, {1, 2, 3}, {4, 5}};  // 4 and 5 are named nowhere
  const auto fits = [&](const std::set<int32_t>& path) {
    return std::any_of(groups.begin(), groups.end(),
                       [&](const auto& group) { return std::includes(group.begin(), group.end(), path.begin(), path.end()); });
  };
  // Each way of searching: the fast one, all candidates singly, categories.
  for (const char* also : {"", ",lambda_l1=0.5", ",monotone=4:1", ",grow_policy=depthwise,max_depth=5", ",feature_fraction=0.6"}) {
    CAPTURE(also);
    const auto bound = paths_of(train(d, Labels::numbers(d.y), std::string("interactions=0;1|3;2; 1") + also));
    CHECK(std::all_of(bound.begin(), bound.end(), fits));
    CHECK(std::any_of(bound.begin(), bound.end(), [](const auto& path) { return path == std::set<int32_t>{1, 2, 3}; }));
    const auto free = paths_of(train(d, Labels::numbers(d.y), std::string("num_trees=20") + also));
    CHECK_FALSE(std::all_of(free.begin(), free.end(), fits));
  }
  const Forest all = train(d, Labels::numbers(d.y), ""), together = train(d, Labels::numbers(d.y), "interactions=0;1;2;3;4;5");
  CHECK(all.nodes == together.nodes);
  CHECK(all.values == together.values);
  // Alone, each feature gives a sum of functions of one.
  for (const auto& path : paths_of(train(d, Labels::numbers(d.y), "interactions=0|1|2|3|4|5"))) CHECK(path.size() <= 1);
  CHECK(try_train(d, Labels::numbers(d.y), "interactions=0;17").error().kind == Kind::usage);
}

TEST_CASE("boosting: bounds hold beside categories, missing values, penalties and bagging; a row of weight 2 is that row twice") {
  constexpr int64_t kRows = 2000;
  Data d = make_data(kRows, 4, 22);
  for (int64_t i = 0; i < kRows; ++i) {
    d.at(i, 3) = float(random_below(23, uint64_t(i), 12));
    d.y[size_t(i)] = double(d.at(i, 0)) + std::sin(4 * double(d.at(i, 0))) + (int(d.at(i, 3)) % 3 == 0 ? 2.0 : 0.0) * double(d.at(i, 1));
    for (int64_t f = 0; f < 4; ++f)
      if (random_below(24, uint64_t(4 * i + f), 7) == 0) d.at(i, f) = std::numeric_limits<float>::quiet_NaN();
    d.classes[size_t(i)] = d.y[size_t(i)] > 0;
  }
  for (const Labels& labels : {Labels::numbers(d.y), Labels::ids(d.classes, 2)})
    for (const char* also : {"", ",lambda_l1=2,lambda_l2=3", ",bagging_fraction=0.6,feature_fraction=0.8", ",interactions=0;3|1;3"}) {
      CAPTURE(also);
      const Forest forest = train(d, labels, std::string("monotone=0:1,categorical=3,num_trees=40") + also);
      const size_t width = size_t(forest.num_outputs());
      for (int64_t i = 0; i < 300; ++i) {
        Data line{60, 4, std::vector<float>(240), {}, {}, {}};
        for (int64_t step = 0; step < 60; ++step) {
          for (int64_t f = 1; f < 4; ++f) line.at(step, f) = d.at(i, f);
          line.at(step, 0) = float(-3 + 0.1 * double(step));
        }
        const std::vector<double> p = predicted(forest, line.raw());
        for (size_t step = 1; step < 60; ++step) CHECK(p[step * width + width - 1] >= p[(step - 1) * width + width - 1]);
      }
    }
  // Every second row has weight 2, or stands there twice.
  const auto rows = all_rows(kRows);
  std::vector<int32_t> repeated;
  std::vector<float> weights;
  for (const int32_t row : rows) repeated.insert(repeated.end(), row % 2 ? 2 : 1, row), weights.push_back(row % 2 ? 2.0f : 1.0f);
  const BoostingParams params = params_of("monotone=0:1,categorical=3,num_trees=20,min_samples_leaf=1");
  const BinnedMatrix matrix = bin(d, rows, params);
  for (const Labels& labels : {Labels::numbers(d.y), Labels::ids(d.classes, 2)}) {
    const Forest weighed = std::move(train_boosting(matrix, rows, labels, weights, params, 1, 0)).value();
    const Forest twice = std::move(train_boosting(matrix, repeated, labels, {}, params, 1, 0)).value();
    CHECK(weighed.nodes == twice.nodes);
    CHECK(weighed.values == twice.values);
    CHECK(weighed.sets == twice.sets);
  }
}

TEST_CASE("boosting: the metric that stops counts a held-out row of weight 2 twice") {
  Data d = make_data(1200, 5, 25);
  const auto rows = all_rows(1200);
  std::vector<int32_t> repeated;
  std::vector<float> weights, ones(1200, 1.0f);
  for (const int32_t row : rows) {
    const bool heavy = row >= 840 && d.at(row, 0) > 0;  // among the last 30 % of the groups, which are held out
    repeated.insert(repeated.end(), heavy ? 2 : 1, row), weights.push_back(heavy ? 2.0f : 1.0f);
  }
  for (const char* metric : {"auto", "mae", "rmse", "log_loss", "roc_auc"}) {
    const bool classes = std::string(metric) == "log_loss" || std::string(metric) == "roc_auc";
    Labels labels = classes ? Labels::ids(d.classes, 2) : Labels::numbers(d.y);
    labels.groups = d.groups;
    const BoostingParams params =
        params_of(std::string("min_samples_leaf=1,learning_rate=0.2,early_stopping_rounds=10,validation_fraction=0.3,metric=") + metric);
    const BinnedMatrix matrix = bin(d, rows, params);
    const auto stopped = [&](const std::vector<int32_t>& on, const std::vector<float>& by) {
      return std::move(train_boosting(matrix, on, labels, by, params, 1, 0)).value();
    };
    CAPTURE(metric);
    CHECK(stopped(rows, weights).num_trees() == stopped(repeated, ones).num_trees());
    CHECK(stopped(rows, weights).nodes == stopped(repeated, ones).nodes);
  }
}

TEST_CASE("boosting: the same bytes with every option for any number of workers and every instruction set") {
  Data d = make_data(20'000, 12, 16);
  for (int64_t i = 0; i < 20'000; ++i) d.at(i, 3) = float(random_below(17, uint64_t(i), 30));
  for (const char* text : {"objective=absolute_error", "objective=huber", "lambda_l1=3", "monotone=0:1", "categorical=3", "early_stopping_rounds=2",
                           "interactions=0;3|1;3"})
    for (const bool ranks : {false, true}) {
      if (ranks && std::string(text).starts_with("objective")) continue;
      const std::string params = std::string(text) + ",num_trees=4,bagging_fraction=0.8";
      const Labels labels = ranks ? ranking(d) : Labels::numbers(d.y);
      const Forest alone = train(d, labels, params);
      for (const int workers : {2, 7}) {
        exec::Pool pool(workers);
        CHECK(train(d, labels, params, &pool) == alone);
      }
      for (const kernels::Isa isa : {kernels::Isa::baseline, kernels::Isa::avx2}) {
        kernels::set_isa(isa);
        CHECK(train(d, labels, params) == alone);
      }
      kernels::set_isa(kernels::detected_isa());
    }
}
