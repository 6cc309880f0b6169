#include "hayate/boosting.h"

#include <doctest/doctest.h>

#include <map>

#include "kernels/dispatch.h"
#include "learn/tree_test_data.h"

using namespace hayate;
using namespace hayate::test;

namespace {

BoostingParams boosting_params(const std::string& text) { return std::get<BoostingParams>(learner_params("boosting", text).value()); }

Forest boost(const BinnedMatrix& matrix, const std::vector<int32_t>& rows, const Labels& labels, const std::string& params,
             std::span<const float> weights = {}, exec::Pool* pool = nullptr, uint64_t seed = 1) {
  auto forest = train_boosting(matrix, rows, labels, weights, boosting_params(params), seed, 3, pool);
  REQUIRE(forest.ok());
  return std::move(forest).value();
}

/// How many training rows end in each leaf of tree t.
std::map<uint32_t, int64_t> rows_per_leaf(const Forest& forest, int64_t t, const BinnedMatrix& matrix, const std::vector<int32_t>& rows) {
  std::map<uint32_t, int64_t> counts;
  for (const int32_t row : rows) {
    uint32_t at = 0;
    while (!forest.tree(t)[at].is_leaf()) {
      const TreeNode& node = forest.tree(t)[at];
      const uint8_t code = matrix.columns().column(node.feature)[row];
      at = node.child() + ((code == kMissingCode ? node.missing_left() : code <= node.cut) ? 0 : 1);
    }
    ++counts[at];
  }
  return counts;
}

int64_t depth_of(std::span<const TreeNode> tree, uint32_t at = 0) {
  return tree[at].is_leaf() ? 0 : 1 + std::max(depth_of(tree, tree[at].child()), depth_of(tree, tree[at].child() + 1));
}

}  // namespace

TEST_CASE("boosting: a planted signal is learnt") {
  const auto rows = all_rows(2000);
  const Data a = make_data(2000, 10, 1, 2), b = make_data(2000, 10, 2, 2);
  for (const char* policy : {"grow_policy=leafwise", "grow_policy=depthwise,max_depth=4"}) {
    const Forest forest = boost(bin(a, rows), rows, Labels::numbers(a.y), policy);
    CHECK(r2(b.y, predicted(forest, b.raw())) > 0.95);
    CHECK(forest.importance[0] > 0.6);
    CHECK(forest.importance[0] + forest.importance[1] > 0.95);
    CHECK(std::accumulate(forest.importance.begin(), forest.importance.end(), 0.0) == doctest::Approx(1));
  }
  for (const What what : {What::two, What::five}) {
    const Data c = data_for(what, 2000, 10, 1), d = data_for(what, 2000, 10, 2);
    const Forest forest = boost(bin(c, rows), rows, labels_of(c, what), "");
    const std::vector<double> out = predicted(forest, d.raw());
    const size_t width = size_t(forest.num_outputs());
    int right = 0;
    for (size_t row = 0; row < 2000; ++row) {
      const auto begin = out.begin() + int64_t(row * width);
      CHECK(std::accumulate(begin, begin + int64_t(width), 0.0) == doctest::Approx(1));
      right += std::max_element(begin, begin + int64_t(width)) - begin == d.classes[row];
    }
    CHECK(right > (what == What::two ? 1800 : 1500));
  }
}

TEST_CASE("boosting: the first split is the best of all, as a plain search in float64 finds it") {
  for (const What what : {What::numbers, What::two})
    for (const bool missing : {false, true})
      for (const int64_t num_rows : {60, 700, 20'000})
        for (const double lambda : {0.0, 7.5}) {
          Data d = data_for(what, num_rows, 5, uint64_t(num_rows));
          if (missing) sow_missing(d, 5);
          const auto rows = all_rows(num_rows);
          const BinnedMatrix matrix = bin(d, rows, num_rows == 700 ? 200 : 64);
          const Forest forest =
              boost(matrix, rows, labels_of(d, what), "num_trees=1,num_leaves=2,min_samples_leaf=7,lambda_l2=" + std::to_string(lambda));
          const double p = 1 / (1 + std::exp(-forest.start[0]));
          const auto slope = [&](size_t i) { return what == What::numbers ? forest.start[0] - d.y[i] : p - d.classes[i]; };
          const double curve = what == What::numbers ? 1 : p * (1 - p);
          double best = 0;
          double found = 0;
          for (int64_t f = 0; f < 5; ++f)
            for (uint32_t cut = 0; cut <= matrix.cuts.of(f).size(); ++cut)
              for (const bool missing_left : {false, true}) {
                double g[2] = {}, h[2] = {}, count[2] = {};
                for (const int32_t row : rows) {
                  const uint8_t code = matrix.columns().column(f)[row];
                  const int side = (code == kMissingCode ? missing_left : code <= cut) ? 0 : 1;
                  g[side] += slope(size_t(row)), h[side] += curve, count[side] += 1;
                }
                const double gain = g[0] * g[0] / (h[0] + lambda) + g[1] * g[1] / (h[1] + lambda);
                if (count[0] < 7 || count[1] < 7) continue;
                best = std::max(best, gain);
                const TreeNode& root = forest.nodes[0];
                if (root.feature == f && root.cut == cut && root.missing_left() == missing_left) found = gain;
              }
          CAPTURE(num_rows);
          CHECK(found >= best * (1 - 1e-3));
        }
}

TEST_CASE("boosting: fewer rounds are a read of more") {
  for (const What what : kEach) {
    Data d = data_for(what, 300, 7, 4);
    sow_missing(d, 5);
    const auto rows = all_rows(300);
    const BinnedMatrix matrix = bin(d, rows);
    const std::string drawn = ",bagging_fraction=0.7,bagging_freq=3,feature_fraction=0.5";
    const Forest big = boost(matrix, rows, labels_of(d, what), "num_trees=20" + drawn);
    for (const int trees : {1, 7, 20}) {
      const Forest small = boost(matrix, rows, labels_of(d, what), "num_trees=" + std::to_string(trees) + drawn);
      CHECK(predicted(small, d.raw()) == predicted(big, d.raw(), {trees, 0}));
    }
  }
}

TEST_CASE("boosting: the same bytes for any number of workers and every instruction set; other bytes for another seed") {
  for (const What what : kEach)
    for (const int64_t num_rows : {900, 17'000}) {
      Data d = data_for(what, num_rows, num_rows == 900 ? 130 : 40, 6);
      sow_missing(d, 7);
      const auto rows = all_rows(num_rows);
      const std::vector<float> weights(size_t(num_rows), 0.3f), whole(size_t(num_rows), 3);
      for (const int bins : {64, 255}) {
        const BinnedMatrix matrix = bin(d, rows, bins);
        for (const std::span<const float> w : {std::span<const float>(), std::span<const float>(weights), std::span<const float>(whole)}) {
          const std::string params = "num_trees=4,bagging_fraction=0.8,feature_fraction=0.9";
          const Forest alone = boost(matrix, rows, labels_of(d, what), params, w);
          for (const int workers : {1, 2, 7}) {
            exec::Pool pool(workers);
            CHECK(boost(matrix, rows, labels_of(d, what), params, w, &pool) == alone);
          }
          for (const kernels::Isa isa : {kernels::Isa::baseline, kernels::Isa::avx2, kernels::Isa::avx512}) {
            kernels::set_isa(isa);
            CHECK(boost(matrix, rows, labels_of(d, what), params, w) == alone);
          }
          kernels::set_isa(kernels::detected_isa());
          CHECK_FALSE(boost(matrix, rows, labels_of(d, what), params, w, nullptr, 2) == alone);
        }
      }
    }
}

TEST_CASE("boosting: the order of rows does not matter; a row of weight 2 is that row twice; 0 is none") {
  for (const What what : kEach)
    for (const int64_t num_rows : {200, 12'000}) {
      Data d = data_for(what, num_rows, 5, 8);
      sow_missing(d, 9);
      const auto rows = all_rows(num_rows);
      const BinnedMatrix matrix = bin(d, rows);
      const Labels labels = labels_of(d, what);
      const std::string params = "num_trees=8,min_samples_leaf=1";
      std::vector<int32_t> reversed(rows.rbegin(), rows.rend());
      const Forest straight = boost(matrix, rows, labels, params), back = boost(matrix, reversed, labels, params);
      CHECK(straight.nodes == back.nodes);
      for (size_t i = 0; i < straight.values.size(); ++i) CHECK(straight.values[i] == doctest::Approx(back.values[i]).epsilon(1e-12));
      std::vector<float> weights(rows.size());
      std::vector<int32_t> repeated;
      for (const int32_t row : rows) {
        weights[size_t(row)] = float(random_below(10, uint64_t(row), 4));
        for (int copy = 0; copy < int(weights[size_t(row)]); ++copy) repeated.push_back(row);
      }
      const Forest weighted = boost(matrix, rows, labels, params, weights), expected = boost(matrix, repeated, labels, params);
      CHECK(weighted.nodes == expected.nodes);
      CHECK(weighted.cover == expected.cover);
      for (size_t i = 0; i < weighted.values.size(); ++i) CHECK(weighted.values[i] == doctest::Approx(expected.values[i]).epsilon(1e-9));
    }
}

TEST_CASE("boosting: the order of columns only renames features") {
  // Numbers, for gains of classes in small nodes are often equal.
  Data d = make_data(500, 40, 21, 2), swapped = d;
  for (int64_t f = 0; f < 40; ++f) std::copy_n(d.columns.begin() + f * 500, 500, swapped.columns.begin() + (39 - f) * 500);
  const auto rows = all_rows(500);
  const Forest one = boost(bin(d, rows), rows, Labels::numbers(d.y), "num_trees=20");
  const Forest other = boost(bin(swapped, rows), rows, Labels::numbers(d.y), "num_trees=20");
  CHECK(one.values == other.values);
  for (size_t i = 0; i < one.nodes.size(); ++i)
    if (!one.nodes[i].is_leaf()) CHECK(one.nodes[i].feature == 39 - other.nodes[i].feature);
}

TEST_CASE("boosting: weights that are no whole numbers scale out, and weigh") {
  for (const What what : kEach) {
    const Data d = data_for(what, 300, 5, 11);
    const auto rows = all_rows(300);
    const BinnedMatrix matrix = bin(d, rows);
    std::vector<float> weights(300), scaled(300);
    for (size_t i = 0; i < 300; ++i) weights[i] = float(0.01 + random_unit(12, i)), scaled[i] = 8 * weights[i];
    CHECK(boost(matrix, rows, labels_of(d, what), "num_trees=5,min_child_weight=0", weights).nodes ==
          boost(matrix, rows, labels_of(d, what), "num_trees=5,min_child_weight=0", scaled).nodes);
  }
  const std::vector<double> y = {1, 1, 1, 1, 9};
  const Data flat{5, 1, std::vector<float>(5, 0), y, {}};
  const std::vector<float> weights = {0.5f, 0.5f, 0.5f, 0.5f, 0.25f};
  const auto rows = all_rows(5);
  CHECK(boost(bin(flat, rows), rows, Labels::numbers(y), "num_trees=1", weights).start[0] == doctest::Approx((2 + 9 * 0.25) / 2.25).epsilon(1e-15));
}

TEST_CASE("boosting: training scores are what predict answers, at any offset and scale of the labels") {
  for (const double offset : {0.0, 1e9, -1e15, 1e300})
    for (const double scale : {1.0, 1e-3, 1e-150, 1e300}) {
      Data d = make_data(400, 3, 14, 2);
      double sum = 0;
      for (double& y : d.y) y = offset + y * scale, sum += y / 400;
      const auto rows = all_rows(400);
      const Forest forest = boost(bin(d, rows), rows, Labels::numbers(d.y), "num_trees=40,learning_rate=0.3");
      CHECK(forest.start[0] == doctest::Approx(sum).epsilon(1e-13));
      if (offset == 0 && scale < 1e100) CHECK(r2(d.y, predicted(forest, d.raw())) > 0.97);
      for (const double p : predicted(forest, d.raw())) CHECK(std::isfinite(p));
    }
}

TEST_CASE("boosting: an outlier does not blind the trees to the other rows") {
  Data d = make_data(2000, 3, 15, 2);
  d.y[17] = 1e4;
  const auto rows = all_rows(2000);
  const Forest forest = boost(bin(d, rows), rows, Labels::numbers(d.y), "num_trees=300,min_samples_leaf=1");
  std::vector<double> out = predicted(forest, d.raw());
  out.erase(out.begin() + 17), d.y.erase(d.y.begin() + 17);
  CHECK(r2(d.y, out) > 0.9);
}

TEST_CASE("boosting: constant labels, one class, one row, constant and missing features give single nodes") {
  Data d = make_data(50, 3, 15, 2);
  const auto rows = all_rows(50);
  const BinnedMatrix matrix = bin(d, rows);
  const auto is_stump = [&](const Forest& forest, double value) {
    const std::vector<double> out = predicted(forest, d.raw());
    return forest.nodes.size() == size_t(forest.num_trees()) && std::ranges::all_of(out, [&](double v) { return std::abs(v - value) < 1e-12; });
  };
  const std::string four = "num_trees=4,min_samples_leaf=1";
  CHECK(is_stump(boost(matrix, rows, Labels::numbers(std::vector<double>(50, 0.1)), four), 0.1));
  CHECK(is_stump(boost(matrix, rows, Labels::ids(std::vector<int32_t>(50, 0), 1), four), 1));
  CHECK(is_stump(boost(matrix, {7}, Labels::numbers(d.y), four), d.y[7]));
  for (const int32_t id : {0, 1, 2}) {
    const Forest forest = boost(matrix, rows, Labels::ids(std::vector<int32_t>(50, id), 3), four);
    CHECK(forest.nodes.size() == 12);
    CHECK(predicted(forest, d.raw())[size_t(id)] > 0.999);
  }
  for (const int32_t id : {0, 1}) {
    const Forest forest = boost(matrix, rows, Labels::ids(std::vector<int32_t>(50, id), 2), four);
    CHECK(forest.nodes.size() == 4);
    CHECK(predicted(forest, d.raw())[size_t(id)] > 0.999);
  }
  std::fill(d.columns.begin(), d.columns.begin() + 100, 3.0f), std::fill(d.columns.begin() + 100, d.columns.end(), kNaN);
  const Forest blind = boost(bin(d, rows), rows, Labels::numbers(d.y), four);
  CHECK(blind.nodes.size() == 4);
  CHECK(blind.importance == std::vector<double>(3, 0.0));
  const Data none = {50, 0, {}, d.y, {}};
  CHECK(boost(bin(none, rows), rows, Labels::numbers(d.y), four).nodes.size() == 4);
}

TEST_CASE("boosting: missing values go the way that helps, or with the larger side") {
  for (const int bins : {2, 10, 64, 65, 128, 255})
    for (const bool low : {false, true}) {
      Data d{3000, 1, std::vector<float>(3000), std::vector<double>(3000), {}};
      for (int i = 0; i < 3000; ++i) d.columns[size_t(i)] = i < 700 ? kNaN : float(i % 300);
      const auto rows = all_rows(3000);
      const BinnedMatrix matrix = bin(d, rows, bins);
      const float middle = matrix.cuts.values[size_t(bins / 2 - 1)];
      for (size_t i = 0; i < 3000; ++i) d.y[i] = i < 700 || (low && d.columns[i] <= middle) ? 5 : 1;
      const Forest forest = boost(matrix, rows, Labels::numbers(d.y), "num_trees=1,learning_rate=1,num_leaves=2,min_samples_leaf=1");
      REQUIRE(forest.nodes.size() == 3);
      const std::vector<double> out = predicted(forest, d.raw());
      CAPTURE(bins);
      for (size_t i = 0; i < 3000; ++i) CHECK(out[i] == doctest::Approx(d.y[i]).epsilon(1e-6));
    }
  Data d{10, 1, {0, 0, 0, 1, 1, 1, 1, 1, 1, 1}, {0, 0, 0, 1, 1, 1, 1, 1, 1, 1}, {}};
  const auto rows = all_rows(10);
  const Forest forest = boost(bin(d, rows), rows, Labels::numbers(d.y), "num_trees=1,learning_rate=1,min_samples_leaf=1");
  double out;
  predict_row(forest, {&kNaN, 1}, {&out, 1});
  CHECK(out == doctest::Approx(1));
}

TEST_CASE("boosting: codes, raw values and single rows predict the same") {
  for (const What what : kEach) {
    Data d = data_for(what, 400, 6, 17);
    sow_missing(d, 18);
    auto rows = all_rows(400);
    rows.resize(250);
    const BinnedMatrix matrix = bin(d, rows);
    const Forest forest = boost(matrix, rows, labels_of(d, what), "num_trees=30");
    check_ways_agree(forest, matrix, d);
  }
}

TEST_CASE("boosting: limits on leaves, depth, rows per leaf, weight and gain hold") {
  const Data d = make_data(3000, 8, 19, 2);
  const auto rows = all_rows(3000);
  const BinnedMatrix matrix = bin(d, rows);
  for (const What what : {What::numbers, What::two}) {
    const Labels labels = labels_of(d, what);
    for (const char* policy : {",grow_policy=leafwise", ",grow_policy=depthwise"}) {
      const Forest forest = boost(matrix, rows, labels, std::string("num_trees=5,num_leaves=0,max_depth=6,min_samples_leaf=33") + policy);
      for (int64_t t = 0; t < 5; ++t) {
        CHECK(depth_of(forest.tree(t)) <= 6);
        CHECK(forest.cover[forest.tree_start[size_t(t)]] == 3000);
        for (const auto& [leaf, count] : rows_per_leaf(forest, t, matrix, rows)) {
          CHECK(count >= 33);
          CHECK(forest.cover[forest.tree_start[size_t(t)] + leaf] == float(count));
        }
      }
      CHECK(boost(matrix, rows, labels, std::string("num_trees=1,num_leaves=9") + policy).nodes.size() == 17);
      CHECK(boost(matrix, rows, labels, std::string("num_trees=1,min_gain=1e6") + policy).nodes.size() == 1);
      CHECK(boost(matrix, rows, labels, std::string("num_trees=1,min_child_weight=2000") + policy).nodes.size() == 1);
      CHECK(boost(matrix, rows, labels, std::string("num_trees=1,min_samples_leaf=1501") + policy).nodes.size() == 1);
    }
  }
  const Forest depthwise = boost(matrix, rows, Labels::numbers(d.y), "num_trees=1,num_leaves=8,grow_policy=depthwise");
  CHECK(depth_of(depthwise.tree(0)) == 3);
}

TEST_CASE("boosting: penalties shrink leaf values") {
  const std::vector<double> y = {0, 0, 0, 0, 10, 10, 10, 10};
  const Data d{8, 1, {0, 0, 0, 0, 1, 1, 1, 1}, y, {}};
  const auto rows = all_rows(8);
  const auto high = [&](const std::string& params) {
    return predicted(boost(bin(d, rows), rows, Labels::numbers(y), "num_trees=1,learning_rate=1,min_samples_leaf=1" + params), d.raw())[7];
  };
  CHECK(high("") == doctest::Approx(10));
  CHECK(high(",lambda_l2=4") == doctest::Approx(5 + 20.0 / 8));
  CHECK(high(",lambda_l1=4") == doctest::Approx(5 + 16.0 / 4));
  CHECK(high(",lambda_l1=100") == doctest::Approx(5));
}

TEST_CASE("boosting: a leaf of confident rows keeps its weight") {
  // Far from the boundary second derivatives are tiny; rounded away, leaves would be without weight.
  Data d = make_data(4000, 2, 22, 2);
  const auto rows = all_rows(4000);
  const BinnedMatrix matrix = bin(d, rows);
  for (size_t i = 0; i < 4000; ++i) d.classes[i] = d.columns[i] > matrix.cuts.values[30];
  const Forest forest = boost(matrix, rows, Labels::ids(d.classes, 2), "num_trees=300,min_child_weight=0");
  for (const double p : predicted(forest, d.raw())) CHECK((p < 0.01 || p > 0.99));
  for (const double value : forest.values) CHECK(std::isfinite(value));
}

TEST_CASE("boosting: 70,000 distinct values; rows of a fold that repeat and skip") {
  Data d{70'000, 1, {}, {}, {}};
  for (int i = 0; i < 70'000; ++i) d.columns.push_back(float((i * 7919) % 70'000)), d.y.push_back(double(d.columns.back()));
  std::vector<int32_t> rows;
  for (int32_t i = 0; i < 70'000; i += 3) rows.push_back(i), rows.push_back(i);
  const Forest forest = boost(bin(d, rows, 255), rows, Labels::numbers(d.y), "num_trees=50,learning_rate=0.3");
  CHECK(r2(d.y, predicted(forest, d.raw())) > 0.999);
}

TEST_CASE("boosting: refusals") {
  const Data d = make_data(20, 2, 20, 2);
  const auto rows = all_rows(20);
  const BinnedMatrix matrix = bin(d, rows);
  const auto error = [&](const std::vector<int32_t>& on, const Labels& labels, std::vector<float> weights = {}) {
    return train_boosting(matrix, on, labels, weights, {}, 1, 0).error();
  };
  const Labels numbers = Labels::numbers(d.y);
  CHECK(error({}, numbers).what == "no rows to train on");
  CHECK(error({20}, numbers).what == "row 20 of 20 rows");
  std::vector<double> bad = d.y;
  bad[3] = kNaN;
  CHECK(error(rows, Labels::numbers(bad)).what == "the label of row 3 is nan");
  CHECK(error(rows, Labels::ids(d.classes, 1)).kind == Kind::input);
  CHECK(error(rows, numbers, std::vector<float>(20, 0)).what == "no rows to train on");
  CHECK(error(rows, numbers, std::vector<float>(20, -1)).what == "the weight of row 0 is -1");
  for (const char* text : {"num_trees=0", "learning_rate=0", "bins=256", "grow_policy=best", "bagging_fraction=0", "max_feature=3"}) {
    CAPTURE(text);
    CHECK(learner_params("boosting", text).error().kind == Kind::usage);
  }
  BoostingParams params;
  params.num_leaves = 1;
  CHECK(train_boosting(matrix, rows, numbers, {}, params, 1, 0).error().kind == Kind::usage);
  exec::Cancellation cancel;
  cancel.stop();
  CHECK(train_boosting(matrix, rows, numbers, {}, {}, 1, 0, nullptr, &cancel).error().kind == Kind::interrupted);
}
