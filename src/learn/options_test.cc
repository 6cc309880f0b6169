// The options of a forest, each against what it means: brute force, a direct definition, or another way to say the same.
#include <doctest/doctest.h>

#include <functional>
#include <map>
#include <set>

#include "kernels/dispatch.h"
#include "learn/impurity.h"
#include "learn/sample.h"
#include "learn/tree_test_data.h"

using namespace hayate;
using namespace hayate::test;

namespace {

constexpr const char* kWhole = ",bootstrap=false,max_features=all";

/// The matrix that `params` ask for.
BinnedMatrix matrix_for(const Data& d, const std::vector<int32_t>& rows, const std::string& params) {
  const ForestParams p = params_of(params);
  const FeatureRoles roles = feature_roles(p, {}, d.num_features).value();
  if (max_bins(p) == 0) return std::move(exact_columns(std::make_shared<RankedMatrix>(rank_columns(d.raw())), rows, roles.categorical)).value();
  return std::move(bin_values(d.raw(), rows, max_bins(p), roles.categorical)).value();
}

Forest train_on(const Data& d, const Labels& labels, const std::string& params, std::span<const float> weights = {}, exec::Pool* pool = nullptr) {
  const auto rows = all_rows(d.num_rows);
  return train(matrix_for(d, rows, params), rows, labels, params, weights, pool);
}

/// Impurity of some rows by its definition.
double impurity(const Labels& labels, const std::vector<int32_t>& rows, const std::string& criterion) {
  const double n = double(rows.size());
  std::map<double, double> count;
  double mean = 0;
  for (const int32_t row : rows) {
    const double label = labels.classes.empty() ? labels.values[size_t(row)] : labels.classes[size_t(row)];
    count[label] += 1, mean += label / n;
  }
  double sum = 0;
  std::vector<double> sorted;
  for (const auto& [label, times] : count) {
    if (criterion == "gini") sum += times / n * (1 - times / n);
    if (criterion == "entropy") sum -= times / n * std::log2(times / n);
    if (criterion == "squared_error") sum += times / n * (label - mean) * (label - mean);
    if (criterion == "poisson" && label > 0) sum += times / n * label * std::log(label / mean);
    for (int i = 0; i < int(times); ++i) sorted.push_back(label);
  }
  if (criterion == "absolute_error")
    for (const double label : sorted) sum += std::abs(label - sorted[sorted.size() / 2]) / n;
  return sum;
}

/// By how much a division of all rows lowers impurity.
double decrease(const Labels& labels, int64_t num_rows, const std::string& criterion, const std::function<bool(int32_t)>& goes_left) {
  std::vector<int32_t> left, right;
  for (int32_t row = 0; row < num_rows; ++row) (goes_left(row) ? left : right).push_back(row);
  if (left.empty() || right.empty()) return -1;
  const double all = double(num_rows), a = double(left.size()) / all, b = double(right.size()) / all;
  return impurity(labels, all_rows(num_rows), criterion) - a * impurity(labels, left, criterion) - b * impurity(labels, right, criterion);
}

/// The best there is over every threshold of every feature, missing values either way.
double best_decrease(const Data& d, const Labels& labels, const std::string& criterion) {
  double best = -1;
  for (int64_t f = 0; f < d.num_features; ++f)
    for (int64_t at = 0; at < d.num_rows; ++at)
      for (const bool missing_left : {false, true}) {
        const float cut = d.raw().column(f)[at];
        best = std::max(best, decrease(labels, d.num_rows, criterion, [&](int32_t row) {
                          const float x = d.raw().column(f)[row];
                          return x != x ? missing_left : x <= cut;
                        }));
      }
  return best;
}

double root_decrease(const Data& d, const Forest& forest, const Labels& labels, const std::string& criterion) {
  return decrease(labels, d.num_rows, criterion, [&](int32_t row) { return forest.goes_left(0, 0, d.raw().column(forest.nodes[0].feature)[row]); });
}

int64_t leaves_of(std::span<const TreeNode> tree) {
  return std::count_if(tree.begin(), tree.end(), [](const TreeNode& node) { return node.is_leaf(); });
}

/// Options that only the general measure has, with data that suits each.
struct Option {
  What what;
  const char* params;
};
constexpr Option kOptions[] = {{What::numbers, "bins=exact"},
                               {What::two, "bins=exact"},
                               {What::five, "bins=exact,criterion=entropy"},
                               {What::two, "criterion=log_loss"},
                               {What::numbers, "criterion=absolute_error,max_depth=4"},
                               {What::numbers, "criterion=absolute_error,max_depth=4,bins=exact"},
                               {What::five, "class_weight=balanced"},
                               {What::two, "class_weight=balanced_subsample"},
                               {What::two, "class_weight=0:1;1:2.5"},
                               {What::numbers, "splitter=random"},
                               {What::five, "splitter=random,bins=exact"},
                               {What::numbers, "monotone=0:1;2:-1"},
                               {What::two, "monotone=0:1,bins=exact"},
                               {What::numbers, "categorical=3"},
                               {What::five, "categorical=3,bins=exact"},
                               {What::two, "categorical=3,splitter=random"},
                               {What::numbers, "max_leaf_nodes=7"},
                               {What::two, "ccp_alpha=0.002"},
                               {What::numbers, "min_impurity_decrease=0.01"}};

/// Feature 3 becomes eight categories, of which some go with the label and some are missing.
Data option_data(What what, int64_t rows, uint64_t seed) {
  Data d = data_for(what, rows, 6, seed);
  sow_missing(d, seed + 1);
  for (int64_t row = 0; row < rows; ++row) {
    const int group = int(random_below(seed + 2, uint64_t(row), 8));
    d.at(row, 3) = group == 7 ? kNaN : float(group);
    d.y[size_t(row)] += group % 2;
    d.classes[size_t(row)] = group == 4 ? 0 : d.classes[size_t(row)];
  }
  return d;
}

}  // namespace

TEST_CASE("options: the root takes the best split there is, for every criterion, with missing values, binned or exact") {
  for (uint64_t seed = 1; seed <= 12; ++seed)
    for (const char* bins : {"255", "exact"}) {
      const auto check = [&](What what, const std::string& criterion) {
        Data d = data_for(what, 40, 3, seed);
        if (seed % 2) sow_missing(d, seed + 100);
        if (criterion == "poisson")
          for (double& y : d.y) y = std::floor(std::abs(y));
        const Labels labels = labels_of(d, what);
        const Forest forest = train_on(d, labels, "num_trees=1,max_depth=1,criterion=" + criterion + ",bins=" + bins + kWhole);
        REQUIRE(forest.nodes.size() == 3);
        CHECK(root_decrease(d, forest, labels, criterion) == doctest::Approx(best_decrease(d, labels, criterion)).epsilon(1e-9));
      };
      for (const What what : {What::two, What::five})
        for (const char* criterion : {"gini", "entropy"}) check(what, criterion);
      for (const char* criterion : {"squared_error", "absolute_error", "poisson"}) check(What::numbers, criterion);
    }
}

TEST_CASE("options: absolute_error predicts the median, poisson and squared_error the mean") {
  const Data d{5, 1, std::vector<float>(5, 0), {1, 2, 4, 100, 3}, {}};
  CHECK(train_on(d, Labels::numbers(d.y), "num_trees=1,bootstrap=false,criterion=absolute_error").values[0] == 3);
  CHECK(train_on(d, Labels::numbers(d.y), "num_trees=1,bootstrap=false,criterion=poisson").values[0] == 22);
  const std::vector<float> weights = {1, 1, 0, 1, 1};
  CHECK(train_on(d, Labels::numbers(d.y), "num_trees=1,bootstrap=false,criterion=absolute_error", weights).values[0] == 2.5);
  const std::vector<float> heavy = {1, 1, 1, 7, 1};
  CHECK(train_on(d, Labels::numbers(d.y), "num_trees=1,bootstrap=false,criterion=absolute_error", heavy).values[0] == 100);
}

TEST_CASE("options: all give the same bytes for any number of workers and every instruction set, other bytes for another seed") {
  for (const Option& option : kOptions) {
    CAPTURE(std::string(option.params));
    const Data d = option_data(option.what, 300, 5);
    const Labels labels = labels_of(d, option.what);
    const std::string params = std::string("num_trees=9,") + option.params;
    const Forest alone = train_on(d, labels, params);
    CHECK(alone.nodes.size() > 9);
    for (const int workers : {1, 3}) {
      exec::Pool pool(workers);
      CHECK(train_on(d, labels, params, {}, &pool) == alone);
    }
    for (const kernels::Isa isa : {kernels::Isa::baseline, kernels::Isa::avx2, kernels::Isa::avx512}) {
      kernels::set_isa(isa);
      CHECK(train_on(d, labels, params) == alone);
    }
    kernels::set_isa(kernels::detected_isa());
    const auto rows = all_rows(300);
    CHECK_FALSE(train(matrix_for(d, rows, params), rows, labels, params, {}, nullptr, 2) == alone);
  }
}

TEST_CASE("options: fewer trees are the beginning of more, and a warm start goes on as if it had never stopped") {
  for (const Option& option : kOptions) {
    CAPTURE(std::string(option.params));
    const Data d = option_data(option.what, 200, 6);
    const auto rows = all_rows(200);
    const std::string params = std::string(",") + option.params;
    const BinnedMatrix matrix = matrix_for(d, rows, option.params);
    std::vector<float> weights(200);
    for (size_t i = 0; i < 200; ++i) weights[i] = 0.25f + float(random_unit(9, i));
    const Labels labels = labels_of(d, option.what);
    const Forest small = train(matrix, rows, labels, "num_trees=4" + params, weights),
                 big = train(matrix, rows, labels, "num_trees=9" + params, weights);
    CHECK(predicted(small, d.raw()) == predicted(big, d.raw(), {4, 0}));
    const auto warm = train_forest(matrix, rows, labels, weights, params_of("num_trees=9" + params), 1, 3, nullptr, nullptr, {&small, nullptr});
    REQUIRE(warm.ok());
    CHECK(warm.value() == big);
    CHECK(train_forest(matrix, rows, labels, weights, params_of("num_trees=3" + params), 1, 3, nullptr, nullptr, {&small, nullptr}).error().kind ==
          Kind::usage);
  }
}

TEST_CASE("options: a row of weight 2 is that row twice, the order of rows and of features does not matter (no bootstrap)") {
  for (const Option& option : kOptions) {
    // A random cut is keyed by the feature's place; balanced weights are rounded to 20 bits, which may settle a tie another way.
    if (const std::string params = option.params; params.find("random") != params.npos || params.find("balanced") != params.npos) continue;
    CAPTURE(std::string(option.params));
    const Data d = option_data(option.what, 120, 7);
    const auto rows = all_rows(120);
    const std::string params = std::string("num_trees=2,bootstrap=false,") + option.params;
    const BinnedMatrix matrix = matrix_for(d, rows, params);
    std::vector<float> weights(120);
    std::vector<int32_t> repeated;
    for (int32_t row = 0; row < 120; ++row) {
      weights[size_t(row)] = float(random_below(10, uint64_t(row), 4));
      for (int copy = 0; copy < int(weights[size_t(row)]); ++copy) repeated.push_back(row);
    }
    const Labels labels = labels_of(d, option.what);
    const std::vector<double> weighted = predicted(train(matrix, rows, labels, params, weights), d.raw()),
                              twice = predicted(train(matrix, repeated, labels, params), d.raw());
    for (size_t i = 0; i < twice.size(); ++i) REQUIRE(weighted[i] == doctest::Approx(twice[i]).epsilon(1e-5));
    const std::vector<int32_t> reversed(rows.rbegin(), rows.rend());
    CHECK(train(matrix, reversed, labels, params).nodes == train(matrix, rows, labels, params).nodes);
  }
  // With all features tried, their order decides between equal gains alone.
  const Data d = make_data(300, 4, 8);
  Data turned = d;
  for (int64_t f = 0; f < 4; ++f) std::copy_n(d.columns.begin() + f * 300, 300, turned.columns.begin() + (3 - f) * 300);
  for (const char* bins : {"64", "exact"}) {
    const std::string params = std::string("num_trees=1,min_samples_leaf=10,max_depth=4,bins=") + bins + kWhole;
    const Forest a = train_on(d, Labels::numbers(d.y), params), b = train_on(turned, Labels::numbers(d.y), params);
    CHECK(predicted(a, d.raw()) == predicted(b, turned.raw()));
  }
}

TEST_CASE("options: columns in another order, by their names, give the same trees") {
  const std::vector<std::string> names = {"f0", "f1", "f2", "volume", "f10", "age", "f3", "f4", "f20", "z"};
  const std::vector<size_t> moved = {7, 2, 9, 0, 4, 1, 8, 5, 3, 6};  // column i of the other table
  for (const What what : kEach)
    for (const char* params : {"num_trees=8", "num_trees=8,bins=exact", "num_trees=8,splitter=random",
                               "num_trees=8,max_features=1,splitter=random,bins=exact", "num_trees=8,max_features=0.7,bins=255,max_leaf_nodes=12",
                               "num_trees=8,categorical=f20;f0,max_features=3", "feature_fraction=0.5,min_samples_leaf=5"}) {
      const bool boosting = std::string_view(params).starts_with("feature_fraction");
      if (boosting && what != What::numbers) continue;  // gains of classes in small nodes are often equal, and the first column wins
      Data d = data_for(what, 300, 10, 31);
      sow_missing(d, 5);
      for (size_t i = 0; i < 300; ++i) d.columns[8 * 300 + i] = float(int(i % 7)), d.columns[i] = std::round(2 * d.columns[i]);
      Data other = d;
      std::vector<std::string> other_names(10);
      for (size_t f = 0; f < 10; ++f)
        std::copy_n(d.columns.begin() + ptrdiff_t(moved[f] * 300), 300, other.columns.begin() + ptrdiff_t(f * 300)), other_names[f] = names[moved[f]];
      const auto rows = all_rows(300);
      const auto learn = [&](const Data& table, const std::vector<std::string>& called) {
        FloatColumns values = table.raw();
        values.names = called;
        const auto trainer = make_trainer(learner_params(boosting ? "boosting" : "forest", params).value(), values);
        REQUIRE(trainer->prepare(rows).ok());
        return std::get<Forest>(trainer->train(labels_of(table, what), {}, {4, 2}).value());
      };
      const Forest one = learn(d, names), two = learn(other, other_names);
      INFO(std::string(params));
      CHECK(predicted(one, d.raw()) == predicted(two, other.raw()));
      if (boosting) continue;
      CHECK(one.cover == two.cover);
      for (size_t f = 0; f < 10; ++f) CHECK(one.importance[moved[f]] == doctest::Approx(two.importance[f]));
    }
}

TEST_CASE("options: features that lead to one leaf are all of one group") {
  const auto paths_of = [](const Forest& forest) {
    std::set<std::set<int>> paths;
    for (int64_t t = 0; t < forest.num_trees(); ++t) {
      const auto tree = forest.tree(t);
      std::vector<std::set<int>> above(tree.size());
      for (size_t at = 0; at < tree.size(); ++at) {
        paths.insert(above[at]);
        if (tree[at].is_leaf()) continue;
        std::set<int> below = above[at];
        below.insert(tree[at].feature);
        above[tree[at].child()] = above[tree[at].child() + 1] = below;
      }
    }
    return paths;
  };
  const std::vector<std::set<int>> groups = {{0, 1}, {1, 2, 3}, {4, 5}};  // 4 and 5 are named nowhere
  const auto fits = [&](const std::set<int>& path) {
    return std::any_of(groups.begin(), groups.end(),
                       [&](const auto& group) { return std::includes(group.begin(), group.end(), path.begin(), path.end()); });
  };
  for (const What what : kEach) {
    const Data d = data_for(what, 600, 6, 21);
    const auto rows = all_rows(600);
    const BinnedMatrix matrix = bin(d, rows);
    for (const char* also : {"", ",splitter=random", ",max_features=all,max_leaf_nodes=30", ",max_features=1,min_samples_leaf=4"}) {
      CAPTURE(std::string(also));
      const auto bound = paths_of(train(matrix, rows, labels_of(d, what), std::string("num_trees=20,interactions=0;1|3;2; 1") + also));
      CHECK(std::all_of(bound.begin(), bound.end(), fits));
      CHECK(bound.count({0, 1}) == 1);
    }
    const Forest all = train(matrix, rows, labels_of(d, what), ""), together = train(matrix, rows, labels_of(d, what), "interactions=0;1;2;3;4;5");
    CHECK(all == together);
    for (const auto& path : paths_of(train(matrix, rows, labels_of(d, what), "interactions=0|1|2|3|4|5"))) CHECK(path.size() <= 1);
  }
  const Data wide = make_data(300, 150, 3);  // a group a feature: more than 64
  std::string alone = "0";
  for (int f = 1; f < 150; ++f) alone += "|" + std::to_string(f);
  for (const auto& path : paths_of(train(bin(wide, all_rows(300)), all_rows(300), Labels::numbers(wide.y), "num_trees=5,interactions=" + alone)))
    CHECK(path.size() <= 1);
  const Data d = make_data(50, 3, 1);
  CHECK(train_forest(bin(d, all_rows(50)), all_rows(50), Labels::numbers(d.y), {}, params_of("interactions=0;17"), 1, 1).error().kind == Kind::usage);
}

TEST_CASE("options: balanced classes weigh the same; explicit weights are row weights") {
  const Data d = option_data(What::five, 400, 9);
  const Labels labels = Labels::ids(d.classes, 5);
  std::vector<double> counts(5, 0.0);
  for (const int32_t c : d.classes) counts[size_t(c)] += 1;
  std::vector<float> balanced(400), chosen(400);
  for (size_t i = 0; i < 400; ++i) balanced[i] = float(400 / (5 * counts[size_t(d.classes[i])])), chosen[i] = d.classes[i] == 2 ? 3.5f : 1.0f;
  CHECK(train_on(d, labels, "num_trees=3,class_weight=balanced").nodes == train_on(d, labels, "num_trees=3", balanced).nodes);
  CHECK(train_on(d, labels, "num_trees=3,class_weight=2:3.5").nodes == train_on(d, labels, "num_trees=3", chosen).nodes);
  const Forest root = train_on(d, labels, "num_trees=2,class_weight=balanced_subsample");
  for (const size_t first : {size_t{0}, size_t{root.tree_start[1]} * 5})
    for (size_t k = 0; k < 5; ++k) CHECK(root.values[first + k] == doctest::Approx(0.2).epsilon(1e-12));
}

TEST_CASE("options: limits on leaves and impurity keep the best part of the tree") {
  for (const What what : kEach) {
    const Data d = data_for(what, 300, 5, 10);
    const Labels labels = labels_of(d, what);
    const std::string params = std::string("num_trees=1,max_depth=0") + kWhole;
    const Forest full = train_on(d, labels, params), few = train_on(d, labels, params + ",max_leaf_nodes=9");
    CHECK(leaves_of(few.tree(0)) == 9);
    CHECK(leaves_of(train_on(d, labels, params + ",max_leaf_nodes=100000").tree(0)) == leaves_of(full.tree(0)));
    CHECK(train_on(d, labels, params + ",min_impurity_decrease=1e9").nodes.size() == 1);
    CHECK(train_on(d, labels, params + ",ccp_alpha=1e9").nodes.size() == 1);
    // More alpha never gives more leaves, and each tree is a part of the full one.
    int64_t before = leaves_of(full.tree(0));
    for (const double alpha : {1e-6, 1e-4, 1e-3, 1e-2, 1e-1}) {
      const Forest pruned = train_on(d, labels, params + ",ccp_alpha=" + std::to_string(alpha));
      CHECK(leaves_of(pruned.tree(0)) <= before);
      before = leaves_of(pruned.tree(0));
      CHECK((pruned.nodes[0].feature == full.nodes[0].feature || pruned.nodes.size() == 1));
    }
    CHECK(before < leaves_of(full.tree(0)));
  }
}

TEST_CASE("options: predictions are monotone where asked for, everywhere") {
  for (const char* bins : {"64", "exact"})
    for (const What what : {What::numbers, What::two}) {
      const Data d = data_for(what, 500, 4, 11);
      const std::string params = std::string("num_trees=10,monotone=0:1;1:-1,bins=") + bins;
      const Forest forest = train_on(d, labels_of(d, what), params);
      CHECK(forest.nodes.size() > 100);
      for (uint64_t i = 0; i < 200; ++i) {
        std::vector<float> row;
        for (uint64_t f = 0; f < 4; ++f) row.push_back(float(4 * random_unit(i, f) - 2));
        for (const size_t feature : {size_t{0}, size_t{1}}) {
          double before = feature == 0 ? -1e300 : 1e300;
          for (float x = -3; x < 3; x += 0.25f) {
            row[feature] = x;
            std::vector<double> out(size_t(forest.num_outputs()));
            predict_row(forest, row, out);
            REQUIRE((feature == 0 ? out.back() >= before - 1e-12 : out.back() <= before + 1e-12));
            before = out.back();
          }
        }
      }
    }
}

TEST_CASE("options: categories split by the best set, for numbers and two classes") {
  for (uint64_t seed = 1; seed <= 10; ++seed)
    for (const What what : {What::numbers, What::two})
      for (const char* bins : {"64", "exact"}) {
        Data d = data_for(what, 60, 1, seed);
        for (int64_t row = 0; row < 60; ++row) d.at(row, 0) = float(random_below(seed + 5, uint64_t(row), 6)) * 10;
        const Labels labels = labels_of(d, what);
        const std::string criterion = what == What::numbers ? "squared_error" : "gini";
        const Forest forest = train_on(d, labels, std::string("num_trees=1,max_depth=1,categorical=0,bins=") + bins + kWhole);
        double best = -1;
        for (unsigned set = 1; set < 63; ++set)
          best = std::max(best, decrease(labels, 60, criterion, [&](int32_t row) { return set >> int(d.columns[size_t(row)] / 10) & 1; }));
        REQUIRE(forest.nodes.size() == 3);
        CHECK(root_decrease(d, forest, labels, criterion) == doctest::Approx(best).epsilon(1e-9));
      }
}

TEST_CASE("options: categories drawn once or twice go where missing values go") {
  for (const What what : {What::numbers, What::two})
    for (const char* bins : {"64", "exact"}) {
      constexpr int64_t kRare = 200;
      Data d = data_for(what, 600, 1, 3);
      for (int64_t row = 0; row < 600; ++row) {
        const int64_t category = row < kRare ? row + 2 : row % 2;
        d.at(row, 0) = float(category);
        d.y[size_t(row)] = double(category % 2), d.classes[size_t(row)] = int32_t(category % 2);
      }
      const Forest forest = train_on(d, labels_of(d, what), std::string("num_trees=1,max_depth=1,categorical=0,bins=") + bins);
      const auto answer = [&](float category) {
        std::vector<double> out(size_t(forest.num_outputs()));
        predict_row(forest, std::vector<float>{category}, out);
        return out;
      };
      CHECK(answer(0) != answer(1));
      int64_t alone = 0;
      for (int64_t category = 2; category < kRare + 2; ++category) alone += answer(float(category)) != answer(kNaN);
      CHECK(alone < kRare / 10);  // one in 12 is drawn three times or more, of which half go the other way
    }
}

TEST_CASE("options: an unknown category goes where missing values go; codes, values and single rows agree") {
  for (const char* bins : {"64", "exact"})
    for (const What what : kEach) {
      Data d = option_data(what, 400, 12);
      std::vector<int32_t> rows = all_rows(300);
      for (int64_t row = 300; row < 400; ++row) d.at(row, 3) = float(row % 13) * 0.5f - 1;  // half of them are no category
      const std::string params = std::string("num_trees=20,categorical=3,bins=") + bins;
      const BinnedMatrix matrix = matrix_for(d, rows, params);
      const Forest forest = train(matrix, rows, labels_of(d, what), params);
      CHECK(forest.sets.size() > 5);
      check_ways_agree(forest, matrix, d);
      std::vector<double> one(size_t(forest.num_outputs())), missing(one.size());
      for (int64_t row = 0; row < 400; ++row) {
        std::vector<float> values = d.row(row);
        if (const float x = values[3]; x != x || x == std::floor(x)) continue;
        predict_row(forest, values, one);
        values[3] = kNaN;
        predict_row(forest, values, missing);
        CHECK(missing == one);
      }
    }
}

TEST_CASE("options: exact training reaches every value: 70,000 and more of them, and gives back the labels") {
  for (const int64_t count : {1000, 70'000}) {
    Data d{count, 1, {}, {}, {}};
    for (int64_t i = 0; i < count; ++i) d.columns.push_back(float((i * 7919) % count));
    for (int64_t i = 0; i < count; ++i) d.y.push_back(double(random_below(3, uint64_t(d.columns[size_t(i)]), 1'000'000)));
    const Forest forest = train_on(d, Labels::numbers(d.y), std::string("num_trees=1,max_depth=0,bins=exact") + kWhole);
    CHECK(predicted(forest, d.raw()) == d.y);
    std::set<float> thresholds;
    for (size_t i = 0; i < forest.nodes.size(); ++i)
      if (!forest.nodes[i].is_leaf()) thresholds.insert(forest.thresholds[i]);
    CHECK(int64_t(thresholds.size()) > count * 99 / 100);
  }
}

TEST_CASE("options: exact splits are the bins' where there is a bin for each value") {
  for (const What what : kEach) {
    Data d = data_for(what, 250, 4, 14);
    sow_missing(d, 15);
    const std::vector<float> weights(250, 0.3f);  // no whole numbers, so that both ways measure alike
    const std::string params = std::string("num_trees=3,max_depth=6,min_samples_leaf=3") + kWhole;
    CHECK(predicted(train_on(d, labels_of(d, what), params + ",bins=exact", weights), d.raw()) ==
          predicted(train_on(d, labels_of(d, what), params + ",bins=255", weights), d.raw()));
  }
}

TEST_CASE("options: random cuts learn, and one draw of a cut is all a feature gets") {
  const Data d = make_data(2000, 10, 1), test_data = make_data(2000, 10, 2);
  for (const char* bins : {"64", "exact"}) {
    const Forest forest = train_on(d, Labels::numbers(d.y), std::string("num_trees=100,max_depth=0,splitter=random,bins=") + bins + kWhole);
    CHECK(r2(test_data.y, predicted(forest, test_data.raw())) > 0.85);
  }
  const Data one = make_data(100, 1, 3);
  std::set<double> cuts;
  const Forest forest = train_on(one, Labels::numbers(one.y), "num_trees=50,max_depth=1,splitter=random,bins=exact,bootstrap=false");
  for (int64_t t = 0; t < 50; ++t) cuts.insert(forest.threshold(t, 0));
  CHECK(cuts.size() == 50);
  const auto [low, high] = std::minmax_element(one.columns.begin(), one.columns.end());
  CHECK(*cuts.begin() >= double(*low));
  CHECK(*cuts.rbegin() < double(*high));
}

TEST_CASE("options: out-of-bag predictions are those of the trees that did not draw the row") {
  for (const char* more : {"", ",max_samples=0.4", ",bootstrap=false,max_samples=0.5", ",bins=exact", ",categorical=3"})
    for (const What what : kEach) {
      CAPTURE(more);
      const Data d = option_data(what, 150, 16);
      const auto rows = all_rows(150);
      const Labels labels = labels_of(d, what);
      const std::string text = std::string("num_trees=20,oob_score=true") + more;
      const ForestParams params = params_of(text);
      const BinnedMatrix matrix = matrix_for(d, rows, text);
      OutOfBag got, by_many;
      const Forest forest = std::move(train_forest(matrix, rows, labels, {}, params, 1, 3, nullptr, nullptr, {nullptr, &got})).value();
      exec::Pool pool(3);
      REQUIRE(train_forest(matrix, rows, labels, {}, params, 1, 3, &pool, nullptr, {nullptr, &by_many}).ok());
      CHECK(std::ranges::equal(by_many.predictions, got.predictions, [](double a, double b) { return a == b || (a != a && b != b); }));
      const size_t outputs = size_t(forest.num_outputs());
      std::vector<double> sums(150 * outputs), trees(150);
      learn::Sample sample;
      for (int64_t t = 0; t < 20; ++t) {
        learn::draw_sample(rows, {}, params, 1, 3, uint64_t(t), sample);
        const std::vector<double> with = predicted(forest, d.raw(), {t + 1, 0}),
                                  without = t ? predicted(forest, d.raw(), {t, 0}) : std::vector<double>(with.size());
        for (size_t row = 0; row < 150; ++row) {
          if (sample.counts[row] > 0) continue;
          trees[row] += 1;
          for (size_t k = 0; k < outputs; ++k)
            sums[row * outputs + k] += with[row * outputs + k] * double(t + 1) - without[row * outputs + k] * double(t);
        }
      }
      double right = 0;
      for (size_t row = 0; row < 150; ++row) {
        for (size_t k = 0; k < outputs; ++k)
          if (trees[row] > 0)
            REQUIRE(got.predictions[row * outputs + k] == doctest::Approx(sums[row * outputs + k] / trees[row]).epsilon(1e-9));
          else
            REQUIRE(std::isnan(got.predictions[row * outputs + k]));
        const auto begin = got.predictions.begin() + ptrdiff_t(row * outputs);
        right += trees[row] > 0 && std::max_element(begin, begin + ptrdiff_t(outputs)) - begin == d.classes[row];
      }
      const auto drawn_by_all = std::count(trees.begin(), trees.end(), 0.0);
      CHECK(got.rows == 150 - drawn_by_all);
      if (what != What::numbers) CHECK(got.score == doctest::Approx(right / double(got.rows)));
      if (what == What::numbers && drawn_by_all == 0) CHECK(got.score == doctest::Approx(r2(d.y, got.predictions)));
    }
}

TEST_CASE("options: leaves and paths lead to what is predicted") {
  const Data d = option_data(What::two, 100, 17);
  for (const char* more : {"", ",bins=exact", ",categorical=3"}) {
    const Forest forest = train_on(d, labels_of(d, What::two), std::string("num_trees=5") + more);
    std::vector<uint32_t> leaves(100 * 5);
    apply(forest, d.raw(), leaves);
    const std::vector<double> out = predicted(forest, d.raw());
    for (size_t row = 0; row < 100; ++row) {
      double sum = 0;
      std::vector<float> values;
      for (int64_t f = 0; f < 6; ++f) values.push_back(d.raw().column(f)[row]);
      for (size_t t = 0; t < 5; ++t) {
        const uint32_t leaf = leaves[row * 5 + t];
        CHECK(forest.tree(int64_t(t))[leaf].is_leaf());
        sum += forest.values[forest.tree_start[t] + leaf];
        const std::vector<uint32_t> path = decision_path(forest, int64_t(t), values);
        CHECK(path.front() == 0);
        CHECK(path.back() == leaf);
      }
      CHECK(out[row * 2 + 1] == sum / 5);
    }
  }
}

TEST_CASE("options: columns without values, without difference, one row, one class") {
  for (const Option& option : kOptions) {
    CAPTURE(std::string(option.params));
    Data d = option_data(option.what, 60, 18);
    const std::string params = std::string("num_trees=3,") + option.params;
    std::fill(d.columns.begin() + 2 * 60, d.columns.begin() + 4 * 60, kNaN);
    std::fill(d.columns.begin() + 4 * 60, d.columns.end(), 1.0f);
    CHECK(train_on(d, labels_of(d, option.what), params).num_trees() == 3);
    std::fill(d.columns.begin(), d.columns.end(), kNaN);
    CHECK(train_on(d, labels_of(d, option.what), params).nodes.size() == 3);
    const auto rows = std::vector<int32_t>{7};
    CHECK(train(matrix_for(d, rows, params), rows, labels_of(d, option.what), params).nodes.size() == 3);
    std::fill(d.y.begin(), d.y.end(), 2.5), std::fill(d.classes.begin(), d.classes.end(), 1);
    const Forest constant = train_on(d, labels_of(d, option.what), params);
    CHECK(constant.nodes.size() == 3);
  }
}

TEST_CASE("options: refusals") {
  const Data d = make_data(50, 3, 19);
  const auto error = [&](What what, const std::string& params) {
    const auto rows = all_rows(50);
    return train_forest(bin(d, rows), rows, labels_of(d, what), {}, params_of(params), 1, 0).error();
  };
  CHECK(error(What::two, "criterion=poisson").what == "criterion poisson is not one for classification");
  CHECK(error(What::numbers, "criterion=gini").hint == "one of: squared_error, absolute_error, poisson");
  CHECK(error(What::numbers, "criterion=poisson").kind == Kind::input);
  CHECK(error(What::numbers, "class_weight=balanced").kind == Kind::usage);
  CHECK(error(What::two, "class_weight=7:2").what == "unknown class '7'");
  CHECK(error(What::numbers, "monotone=3:1").what == "unknown feature '3'");
  CHECK(error(What::numbers, "monotone=2:0.5").what == "the direction of '2' is 0.5");
  CHECK(error(What::five, "monotone=2:1").kind == Kind::usage);
  CHECK(error(What::numbers, "monotone=2:1,criterion=absolute_error").kind == Kind::usage);
  CHECK(error(What::numbers, "criterion=absolute_error,splitter=random").kind == Kind::usage);
  CHECK(error(What::numbers, "oob_score=true,bootstrap=false").kind == Kind::usage);
  CHECK(error(What::numbers, "monotone=1:1,categorical=1").kind == Kind::usage);
  for (const char* text : {"bins=1", "bins=some", "criterion=mse", "class_weight=yes", "class_weight=1:-2", "max_leaf_nodes=1", "splitter=worst"}) {
    CAPTURE(text);
    CHECK(learner_params("forest", text).error().kind == Kind::usage);
  }
}
