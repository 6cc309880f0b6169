#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "base/random.h"
#include "hayate/explain.h"

using namespace hayate;

namespace {

constexpr int64_t kFeatures = 5;

double draw(uint64_t& index) { return random_unit(random_key(5, Stage::permutation), index++); }

/// A random tree whose nodes may use a feature more than once on a way; covers add up.
void add_tree(Forest& forest, uint64_t& index, int depth, size_t width) {
  std::vector<TreeNode> nodes = {{}};
  std::vector<float> cover = {100};
  std::vector<int> depths = {0};
  for (size_t at = 0; at < nodes.size(); ++at) {
    if (depths[at] == depth || draw(index) < 0.1) {
      nodes[at] = {uint32_t(at) << 1, 0, TreeNode::kLeafCut};
      continue;
    }
    const uint16_t feature = uint16_t(draw(index) * kFeatures);
    nodes[at] = {uint32_t(nodes.size()) << 1 | uint32_t(draw(index) < 0.5), feature, uint16_t(draw(index) * 4)};
    const float left = cover[at] * float(0.1 + 0.8 * draw(index));
    for (const float share : {left, cover[at] - left}) nodes.push_back({}), cover.push_back(share), depths.push_back(depths[at] + 1);
  }
  for (size_t i = 0; i < nodes.size() * width; ++i) forest.values.push_back(draw(index));
  forest.nodes.insert(forest.nodes.end(), nodes.begin(), nodes.end());
  forest.cover.insert(forest.cover.end(), cover.begin(), cover.end());
  forest.tree_start.push_back(uint32_t(forest.nodes.size()));
}

Forest random_forest(Problem problem, int32_t classes, Joined joined) {
  Forest forest;
  forest.problem = problem, forest.num_classes = classes, forest.joined = joined;
  if (joined == Joined::sum) {
    forest.link = classes > 2 ? Link::softmax : classes == 2 ? Link::logistic : Link::identity;
    forest.start.assign(size_t(forest.num_scores()), 0.25);
  }
  for (int f = 0; f < kFeatures; ++f) {
    for (const float cut : {-0.5f, 0.0f, 0.5f}) forest.cuts.values.push_back(cut);
    forest.cuts.start.push_back(uint32_t(forest.cuts.values.size()));
  }
  forest.importance.assign(kFeatures, 0);
  uint64_t index = 0;
  for (int t = 0; t < 6; ++t) add_tree(forest, index, 4, size_t(forest.values_per_node()));
  return forest;
}

/// What the trees answer, averaged or added, when only the features of `known` are: others follow the covers.
double expected(const Forest& forest, int64_t tree, uint32_t at, const float* row, unsigned known, size_t k) {
  const TreeNode& node = forest.tree(tree)[at];
  const size_t first = forest.tree_start[size_t(tree)];
  if (node.is_leaf()) return forest.values[(first + at) * size_t(forest.values_per_node()) + k];
  const auto below = [&](uint32_t child) { return expected(forest, tree, child, row, known, k); };
  if (known >> node.feature & 1) {
    const float x = row[node.feature];
    const bool left = x != x ? node.missing_left() : x <= forest.cuts.threshold(node.feature, node.cut);
    return below(node.child() + (left ? 0 : 1));
  }
  const double left = double(forest.cover[first + node.child()]), right = double(forest.cover[first + node.child() + 1]);
  return (left * below(node.child()) + right * below(node.child() + 1)) / double(forest.cover[first + at]);
}

double expected(const Forest& forest, const float* row, unsigned known, size_t score) {
  double sum = forest.joined == Joined::sum ? forest.start[score] : 0;
  for (int64_t t = 0; t < forest.num_trees(); ++t) {
    if (forest.joined == Joined::mean) sum += expected(forest, t, 0, row, known, score) / double(forest.num_trees());
    if (forest.joined == Joined::sum && size_t(t) % size_t(forest.num_scores()) == score) sum += expected(forest, t, 0, row, known, 0);
  }
  return sum;
}

double factorial(int n) { return n < 2 ? 1 : n * factorial(n - 1); }

/// Shapley's formula, over all subsets.
double shapley(const Forest& forest, const float* row, int feature, size_t score) {
  double sum = 0;
  for (unsigned known = 0; known < 1u << kFeatures; ++known) {
    if (known >> feature & 1) continue;
    const int size = __builtin_popcount(known);
    const double weight = factorial(size) * factorial(kFeatures - size - 1) / factorial(kFeatures);
    sum += weight * (expected(forest, row, known | 1u << feature, score) - expected(forest, row, known, score));
  }
  return sum;
}

}  // namespace

TEST_CASE("SHAP values of trees are Shapley's, by all subsets") {
  struct Kind {
    Problem problem;
    int32_t classes;
    Joined joined;
  };
  for (const Kind& kind :
       {Kind{Problem::regression, 0, Joined::mean}, Kind{Problem::classification, 2, Joined::mean}, Kind{Problem::classification, 3, Joined::mean},
        Kind{Problem::regression, 0, Joined::sum}, Kind{Problem::classification, 2, Joined::sum}, Kind{Problem::classification, 3, Joined::sum}}) {
    const Forest forest = random_forest(kind.problem, kind.classes, kind.joined);
    const size_t scores = size_t(num_explained(forest));
    constexpr int64_t kRows = 12;
    std::vector<float> columns(kFeatures * kRows);
    uint64_t index = 1000;
    for (float& x : columns) x = draw(index) < 0.15 ? std::numeric_limits<float>::quiet_NaN() : float(draw(index) * 2 - 1);
    std::vector<double> shares(size_t(kRows) * scores * (kFeatures + 1));
    REQUIRE(shap_values(forest, {columns.data(), kRows, kFeatures, kRows}, shares).ok());
    for (size_t row = 0; row < kRows; ++row) {
      float values[kFeatures];
      for (size_t f = 0; f < kFeatures; ++f) values[f] = columns[f * kRows + row];
      for (size_t k = 0; k < scores; ++k) {
        const double* own = shares.data() + (row * scores + k) * (kFeatures + 1);
        double sum = 0;
        for (int f = 0; f < kFeatures; ++f) {
          CHECK(own[f] == doctest::Approx(shapley(forest, values, f, k)).epsilon(1e-9));
          sum += own[f];
        }
        CHECK(own[kFeatures] == doctest::Approx(expected(forest, values, 0, k)).epsilon(1e-9));
        CHECK(sum + own[kFeatures] == doctest::Approx(expected(forest, values, (1u << kFeatures) - 1, k)).epsilon(1e-9));
      }
    }
  }
}

TEST_CASE("SHAP values of a linear model are its terms around the mean") {
  const Linear linear{Problem::regression, 0, Link::identity, {1}, {2, -3}, {10, 20}};
  const float columns[] = {11, std::numeric_limits<float>::quiet_NaN(), 20, 22};
  std::vector<double> shares(6);
  REQUIRE(shap_values(linear, {columns, 2, 2, 2}, shares).ok());
  CHECK(shares == std::vector<double>{2, 0, -39, 0, -6, -39});
}

TEST_CASE("SHAP values need covers") {
  Forest forest = random_forest(Problem::regression, 0, Joined::mean);
  forest.cover.clear();
  std::vector<double> shares(kFeatures + 1);
  const float row[kFeatures] = {};
  CHECK(shap_values(forest, {row, 1, kFeatures, 1}, shares).error().kind == Kind::usage);
}
