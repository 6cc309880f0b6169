#include <doctest/doctest.h>

#include "kernels/dispatch.h"
#include "learn/tree_test_data.h"

using namespace hayate;
using namespace hayate::test;

namespace {

/// The structure and values of a forest without its importance, which sums over a different set of nodes.
bool same_trees(const Forest& a, const Forest& b) { return a.nodes == b.nodes && a.values == b.values && a.tree_start == b.tree_start; }

}  // namespace

TEST_CASE("forest: a planted signal is learnt") {
  const Data train_data = make_data(2000, 10, 1), test_data = make_data(2000, 10, 2);
  const auto rows = all_rows(2000);
  const BinnedMatrix matrix = bin(train_data, rows);
  const Forest numbers = train(matrix, rows, Labels::numbers(train_data.y), "num_trees=100,max_depth=12");
  CHECK(r2(test_data.y, predicted(numbers, test_data.raw())) > 0.9);
  CHECK(numbers.importance[0] > 0.6);
  CHECK(numbers.importance[0] + numbers.importance[1] > 0.85);
  CHECK(std::accumulate(numbers.importance.begin(), numbers.importance.end(), 0.0) == doctest::Approx(1));
  for (const What what : {What::two, What::five}) {
    const Data a = data_for(what, 2000, 10, 1), b = data_for(what, 2000, 10, 2);
    const Forest forest = train(matrix, rows, labels_of(a, what), "num_trees=100,max_depth=12,max_features=all");
    const std::vector<double> out = predicted(forest, b.raw());
    const size_t width = size_t(forest.num_outputs());
    int right = 0;
    for (size_t row = 0; row < 2000; ++row) {
      const auto begin = out.begin() + int64_t(row * width);
      CHECK(std::accumulate(begin, begin + int64_t(width), 0.0) == doctest::Approx(1));
      right += std::max_element(begin, begin + int64_t(width)) - begin == b.classes[row];
    }
    CHECK(right > (what == What::two ? 1750 : 1400));
  }
}

TEST_CASE("forest: fewer trees and less depth are a read of a bigger forest") {
  for (const What what : kEach) {
    Data d = data_for(what, 300, 7, 4);
    sow_missing(d, 5);
    const auto rows = all_rows(300);
    const BinnedMatrix matrix = bin(d, rows);
    const Forest big = train(matrix, rows, labels_of(d, what), "num_trees=20,max_depth=0");
    for (const auto& [trees, depth] : {std::pair{5, 1}, {20, 3}, {7, 6}, {1, 100}}) {
      const Forest small = train(matrix, rows, labels_of(d, what), "num_trees=" + std::to_string(trees) + ",max_depth=" + std::to_string(depth));
      CHECK(predicted(small, d.raw()) == predicted(big, d.raw(), {trees, depth}));
    }
  }
}

TEST_CASE("forest: the same bytes for any number of workers and every instruction set; other bytes for another seed") {
  for (const What what : kEach) {
    Data d = data_for(what, 700, 30, 6);
    sow_missing(d, 7);
    const auto rows = all_rows(700);
    const BinnedMatrix matrix = bin(d, rows);
    const std::vector<float> weights(700, 0.3f);
    for (const std::span<const float> w : {std::span<const float>(), std::span<const float>(weights)}) {
      const Forest alone = train(matrix, rows, labels_of(d, what), "num_trees=17", w);
      for (const int workers : {1, 2, 5}) {
        exec::Pool pool(workers);
        CHECK(train(matrix, rows, labels_of(d, what), "num_trees=17", w, &pool) == alone);
      }
      for (const kernels::Isa isa : {kernels::Isa::baseline, kernels::Isa::avx2, kernels::Isa::avx512}) {
        kernels::set_isa(isa);
        CHECK(train(matrix, rows, labels_of(d, what), "num_trees=17", w) == alone);
      }
      kernels::set_isa(kernels::detected_isa());
      CHECK_FALSE(train(matrix, rows, labels_of(d, what), "num_trees=17", w, nullptr, 2) == alone);
    }
  }
}

TEST_CASE("forest: without bootstrap the order of rows does not matter; a row of weight 2 is that row twice; 0 is none") {
  for (const What what : kEach) {
    Data d = data_for(what, 200, 5, 8);
    sow_missing(d, 9);
    const auto rows = all_rows(200);
    const BinnedMatrix matrix = bin(d, rows);
    const Labels labels = labels_of(d, what);
    const std::string params = "num_trees=5,bootstrap=false";
    std::vector<int32_t> reversed(rows.rbegin(), rows.rend());
    CHECK(same_trees(train(matrix, reversed, labels, params), train(matrix, rows, labels, params)));
    std::vector<float> weights(200);
    std::vector<int32_t> repeated;
    for (int32_t row = 0; row < 200; ++row) {
      weights[size_t(row)] = float(random_below(10, uint64_t(row), 4));
      for (int copy = 0; copy < int(weights[size_t(row)]); ++copy) repeated.push_back(row);
    }
    const Forest weighted = train(matrix, rows, labels, params, weights), expected = train(matrix, repeated, labels, params);
    CHECK(weighted.nodes == expected.nodes);
    for (size_t i = 0; i < weighted.values.size(); ++i) CHECK(weighted.values[i] == doctest::Approx(expected.values[i]).epsilon(1e-12));
  }
}

TEST_CASE("forest: weights that are no whole numbers scale out, and weigh") {
  for (const What what : kEach) {
    const Data d = data_for(what, 300, 5, 11);
    const auto rows = all_rows(300);
    const BinnedMatrix matrix = bin(d, rows);
    std::vector<float> weights(300), scaled(300);
    for (size_t i = 0; i < 300; ++i) weights[i] = float(random_unit(12, i)), scaled[i] = 8 * weights[i];
    CHECK(train(matrix, rows, labels_of(d, what), "num_trees=5", weights).nodes ==
          train(matrix, rows, labels_of(d, what), "num_trees=5", scaled).nodes);
  }
  // Rows of weight near 0 hardly count: the mean is that of the others.
  const std::vector<double> y = {1, 1, 1, 1, 9};
  const Data flat{5, 1, std::vector<float>(5, 0), y, {}};
  const std::vector<float> weights = {0.5f, 0.5f, 0.5f, 0.5f, 0.25f};
  const auto rows = all_rows(5);
  const Forest forest = train(bin(flat, rows), rows, Labels::numbers(y), "num_trees=1,bootstrap=false", weights);
  CHECK(forest.values[0] == doctest::Approx((2 + 9 * 0.25) / 2.25).epsilon(1e-15));
}

TEST_CASE("forest: a deep tree without bootstrap returns its labels to the last bit, outliers or not") {
  Data d = make_data(500, 6, 13);
  d.y[17] = 1e12;
  const auto rows = all_rows(500);
  const Forest forest = train(bin(d, rows, 255), rows, Labels::numbers(d.y), "num_trees=3,max_depth=0,bootstrap=false,max_features=all");
  const std::vector<double> out = predicted(forest, d.raw());
  for (size_t i = 0; i < 500; ++i) CHECK(out[i] == doctest::Approx(d.y[i]).epsilon(1e-15));
}

TEST_CASE("forest: node values are means of the labels, at any offset and scale") {
  for (const double offset : {0.0, 1e9, -1e15, 1e300})
    for (const double scale : {1.0, 1e-3, 1e-300, 1e300}) {
      Data d = make_data(400, 3, 14);
      double sum = 0;
      for (double& y : d.y) y = offset + y * scale, sum += y / 400;
      const auto rows = all_rows(400);
      const Forest forest = train(bin(d, rows), rows, Labels::numbers(d.y), "num_trees=1,bootstrap=false");
      CHECK(forest.values[0] == doctest::Approx(sum).epsilon(1e-13));
      CHECK((forest.nodes.size() > 3 || offset != 0));
    }
}

TEST_CASE("forest: constant labels, one class, one row, constant and missing features give single nodes") {
  Data d = make_data(50, 3, 15);
  const auto rows = all_rows(50);
  const BinnedMatrix matrix = bin(d, rows);
  const auto is_stump = [](const Forest& forest, double value) {
    return forest.num_trees() == 4 && forest.nodes.size() == 4 && std::ranges::all_of(forest.values, [&](double v) { return v == value; });
  };
  CHECK(is_stump(train(matrix, rows, Labels::numbers(std::vector<double>(50, 0.1)), "num_trees=4"), 0.1));
  CHECK(is_stump(train(matrix, rows, Labels::ids(std::vector<int32_t>(50, 1), 2), "num_trees=4"), 1));
  CHECK(is_stump(train(matrix, rows, Labels::ids(std::vector<int32_t>(50, 0), 2), "num_trees=4"), 0));
  CHECK(is_stump(train(matrix, rows, Labels::ids(std::vector<int32_t>(50, 0), 1), "num_trees=4"), 1));
  CHECK(is_stump(train(matrix, {7}, Labels::numbers(d.y), "num_trees=4"), d.y[7]));
  std::fill(d.columns.begin(), d.columns.begin() + 100, 3.0f), std::fill(d.columns.begin() + 100, d.columns.end(), kNaN);
  const Forest blind = train(bin(d, rows), rows, Labels::numbers(d.y), "num_trees=4");
  CHECK(blind.nodes.size() == 4);
  CHECK(blind.importance == std::vector<double>(3, 0.0));
  const Data none = {50, 0, {}, d.y, {}};
  CHECK(train(bin(none, rows), rows, Labels::numbers(d.y), "num_trees=4").nodes.size() == 4);
}

TEST_CASE("forest: a node whose sample of features is constant looks at the others") {
  Data d = make_data(100, 50, 16);
  std::fill(d.columns.begin() + 100, d.columns.end(), 1.0f);
  const auto rows = all_rows(100);
  const Forest forest = train(bin(d, rows), rows, Labels::numbers(d.y), "num_trees=10,max_features=1");
  CHECK(forest.nodes.size() > 500);
  CHECK(forest.importance[0] == 1.0);
}

TEST_CASE("forest: missing values go the way that helps, or with the heavier side") {
  // Missing or not is all that matters; then missing behaves as the low values do.
  for (const bool low : {false, true}) {
    Data d{200, 1, std::vector<float>(200), std::vector<double>(200), {}};
    for (int i = 0; i < 200; ++i) {
      d.columns[size_t(i)] = i < 50 ? kNaN : float(i % 10);
      d.y[size_t(i)] = i < 50 || (low && i % 10 < 3) ? 5 : 1;
    }
    const auto rows = all_rows(200);
    const Forest forest = train(bin(d, rows), rows, Labels::numbers(d.y), "num_trees=3,max_depth=1,max_samples=1");
    for (int row : {0, 50, 59}) {
      double out;
      predict_row(forest, {&d.columns[size_t(row)], 1}, {&out, 1});
      CHECK(out == (row == 0 || (row == 50 && low) ? 5 : 1));
    }
  }
  Data d{10, 1, {0, 0, 0, 1, 1, 1, 1, 1, 1, 1}, {0, 0, 0, 1, 1, 1, 1, 1, 1, 1}, {}};
  const auto rows = all_rows(10);
  const Forest forest = train(bin(d, rows), rows, Labels::numbers(d.y), "num_trees=1,bootstrap=false");
  double out;
  predict_row(forest, {&kNaN, 1}, {&out, 1});
  CHECK(out == 1);
}

TEST_CASE("forest: codes, raw values and single rows predict the same, on cuts and on odd values too") {
  for (const What what : kEach) {
    Data d = data_for(what, 400, 6, 17);
    sow_missing(d, 18);
    auto rows = all_rows(400);
    rows.resize(250);
    const float odd[] = {0.0f, -0.0f, 1e-45f, -1e-45f, std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
                         kNaN, 3e38f, -3e38f};
    for (int64_t row = 300; row < 400; ++row)
      for (int64_t f = 0; f < 6; ++f) {
        const Cuts own = bin(d, rows).cuts;
        const std::span<const float> cuts = own.of(f);
        d.at(row, f) = row % 2 ? odd[(row + f) % 9] : cuts[size_t(row * 7 + f) % cuts.size()];
        if (row >= 390) break;
      }
    const BinnedMatrix matrix = bin(d, rows);
    const Forest forest = train(matrix, rows, labels_of(d, what), "num_trees=30");
    check_ways_agree(forest, matrix, d);
  }
}

TEST_CASE("forest: limits on rows per leaf and node hold") {
  const Data d = make_data(500, 8, 19);
  const auto rows = all_rows(500);
  const BinnedMatrix matrix = bin(d, rows);
  const Forest forest = train(matrix, rows, Labels::numbers(d.y), "num_trees=5,max_depth=0,min_samples_leaf=10,bootstrap=false");
  for (int64_t t = 0; t < 5; ++t) {
    std::vector<int> reached(forest.tree(t).size());
    for (const int32_t row : rows) {
      uint32_t at = 0;
      while (!forest.tree(t)[at].is_leaf()) {
        const TreeNode& node = forest.tree(t)[at];
        at = node.child() + (matrix.columns().column(node.feature)[row] > node.cut ? 1 : 0);
      }
      ++reached[at];
    }
    for (size_t i = 0; i < reached.size(); ++i)
      if (forest.tree(t)[i].is_leaf()) CHECK(reached[i] >= 10);
  }
  CHECK(train(matrix, rows, Labels::numbers(d.y), "num_trees=5,min_samples_split=501,bootstrap=false").nodes.size() == 5);
  CHECK(train(matrix, rows, Labels::numbers(d.y), "num_trees=5,max_samples=0.002").nodes.size() == 5);
}

TEST_CASE("forest: 70,000 distinct values") {
  Data d{70'000, 1, {}, {}, {}};
  for (int i = 0; i < 70'000; ++i) d.columns.push_back(float((i * 7919) % 70'000)), d.y.push_back(double(d.columns.back()));
  const auto rows = all_rows(70'000);
  const Forest forest = train(bin(d, rows, 255), rows, Labels::numbers(d.y), "num_trees=10");
  CHECK(r2(d.y, predicted(forest, d.raw())) > 0.9999);
}

TEST_CASE("forest: two classes are split as the numbers 0 and 1 are, whatever the size of nodes and the kind of codes") {
  for (const auto& [num_rows, bins] : {std::pair{300, "64"}, {40'000, "64"}, {70'000, "255"}, {3000, "exact"}, {40'000, "exact"}}) {
    Data d = make_data(num_rows, 4, 30);
    for (int64_t row = 0; row < num_rows; row += 7) d.at(row, 0) = kNaN;
    const auto rows = all_rows(num_rows);
    const std::vector<double> numbers(d.classes.begin(), d.classes.end());
    const BinnedMatrix matrix = std::string(bins) == "exact"
                                    ? std::move(exact_columns(std::make_shared<RankedMatrix>(rank_columns(d.raw())), rows)).value()
                                    : bin(d, rows, std::stoi(bins));
    const std::string params = std::string("num_trees=2,max_depth=7,max_features=2,bins=") + bins;
    const Forest classes = train(matrix, rows, Labels::ids(d.classes, 2), params), regression = train(matrix, rows, Labels::numbers(numbers), params);
    CAPTURE(num_rows);
    CAPTURE(bins);
    CHECK(classes.nodes == regression.nodes);
    CHECK(classes.thresholds == regression.thresholds);
    REQUIRE(classes.values.size() == regression.values.size());
    for (size_t i = 0; i < classes.values.size(); ++i) CHECK(classes.values[i] == doctest::Approx(regression.values[i]).epsilon(1e-12));
  }
}

TEST_CASE("forest: counts beyond 2^24 are exact, from weights and from rows") {
  constexpr int64_t kDraws = (int64_t{1} << 24) + 7;
  Data d{3, 1, {0, 1, 2}, {5, 1, 0}, {1, 0, 1}};
  const auto share = [](int64_t ones, int64_t all) { return double(ones) / double(all); };
  // Row 0 as often as 2^24 + 5 makes, the others once.
  std::vector<int32_t> rows(size_t(kDraws) - 2, 0);
  rows.push_back(1), rows.push_back(2);
  const Forest many = train(bin(d, all_rows(3)), rows, Labels::ids(d.classes, 2), "num_trees=1,bootstrap=false,max_depth=1,max_features=all");
  CHECK(many.values[0] == share(kDraws - 1, kDraws));
  REQUIRE(many.nodes.size() == 3);
  CHECK(many.values[1] == 1);
  CHECK(many.values[2] == 0.5);

  Data heavy{400, 1, {}, {}, {}};
  for (int i = 0; i < 400; ++i) heavy.columns.push_back(float(i)), heavy.classes.push_back(i % 3 == 0), heavy.y.push_back(i % 3 == 0);
  std::vector<float> weights(400, 65'535);
  weights[399] = 1;
  const Forest weighed = train(bin(heavy, all_rows(400), 255), all_rows(400), Labels::ids(heavy.classes, 2),
                               "num_trees=1,bootstrap=false,max_depth=2,max_features=all", weights);
  CHECK(weighed.values[0] == share(int64_t{133} * 65'535 + 1, int64_t{399} * 65'535 + 1));
  const Forest summed = train(bin(heavy, all_rows(400), 255), all_rows(400), Labels::numbers(heavy.y),
                              "num_trees=1,bootstrap=false,max_depth=2,max_features=all", weights);
  CHECK(summed.nodes == weighed.nodes);
}

TEST_CASE("forest: refusals") {
  const Data d = make_data(20, 2, 20);
  const auto rows = all_rows(20);
  const BinnedMatrix matrix = bin(d, rows);
  const auto error = [&](const std::vector<int32_t>& on, const Labels& labels, std::vector<float> weights = {}, const char* params = "") {
    return train_forest(matrix, on, labels, weights, params_of(params), 1, 0).error();
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
  ForestParams params;
  params.num_trees = 0;
  CHECK(train_forest(matrix, rows, numbers, {}, params, 1, 0).error().kind == Kind::usage);
  params = {}, params.max_features = "many";
  CHECK(train_forest(matrix, rows, numbers, {}, params, 1, 0).error().kind == Kind::usage);
  exec::Cancellation cancel;
  cancel.stop();
  CHECK(train_forest(matrix, rows, numbers, {}, {}, 1, 0, nullptr, &cancel).error().kind == Kind::interrupted);
}
