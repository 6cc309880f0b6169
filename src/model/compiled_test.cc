#include "hayate/compiled.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "base/random.h"
#include "kernels/every_isa.h"
#include "kernels/test_blocks.h"

using namespace hayate;

namespace {

constexpr uint16_t kLeaf = TreeNode::kLeafCut;

/// Draws one after the other.
struct Draws {
  uint64_t key, next = 0;
  uint32_t below(uint32_t bound) { return random_below(key, next++, bound); }
  double unit() { return random_unit(key, next++); }
};

/// Nodes breadth-first; each one splits with the chance given while the depth and the number of leaves allow.
void grow(Forest& forest, Draws& draws, double chance, uint32_t most_depth, size_t most_leaves) {
  std::vector<TreeNode> tree(1);
  std::vector<uint32_t> depths = {0};
  for (uint32_t at = 0; at < tree.size(); ++at) {
    if (depths[at] >= most_depth || (tree.size() + 1) / 2 >= most_leaves || (at > 0 && draws.unit() > chance)) {
      tree[at] = {2 * at, 0, kLeaf};
      continue;
    }
    const uint32_t feature = draws.below(uint32_t(forest.num_features()));
    const size_t cuts = forest.cuts.of(feature).size();
    tree[at] = {uint32_t(tree.size()) * 2 + draws.below(2), uint16_t(feature), uint16_t(draws.below(uint32_t(cuts) + 1))};
    tree.resize(tree.size() + 2), depths.resize(tree.size(), depths[at] + 1);
  }
  forest.nodes.insert(forest.nodes.end(), tree.begin(), tree.end());
  forest.tree_start.push_back(uint32_t(forest.nodes.size()));
}

struct Shape {
  int classes;
  Joined joined;
  uint32_t trees, depth;
  double chance;
  int features;
  size_t leaves = 1 << 20;
};

Forest random_forest(const Shape& shape, uint64_t seed) {
  Draws draws{seed};
  Forest f;
  f.problem = shape.classes > 0 ? Problem::classification : Problem::regression;
  f.num_classes = shape.classes, f.joined = shape.joined;
  if (shape.joined == Joined::sum) {
    f.link = shape.classes > 2 ? Link::softmax : shape.classes == 2 ? Link::logistic : Link::identity;
    f.start.assign(size_t(f.num_scores()), 0.25);
  }
  for (int feature = 0; feature < shape.features; ++feature) {
    for (uint32_t cut = 0, cuts = draws.below(255); cut < cuts; ++cut) f.cuts.values.push_back(float(cut) - 60);
    f.cuts.start.push_back(uint32_t(f.cuts.values.size()));
  }
  for (uint32_t t = 0; t < shape.trees; ++t) grow(f, draws, shape.chance, shape.depth, shape.leaves);
  for (size_t i = 0; i < f.nodes.size() * size_t(f.values_per_node()); ++i) f.values.push_back(draws.unit() - 0.3);
  return f;
}

/// Every value a threshold can meet: on it, beside it, missing, infinite.
std::vector<float> random_columns(int64_t rows, int64_t features, uint64_t seed) {
  Draws draws{seed};
  std::vector<float> values(size_t(rows * features));
  const float special[] = {std::nanf(""), std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(), -0.0f};
  for (float& value : values) value = draws.below(6) == 0 ? special[draws.below(4)] : float(draws.below(260)) - 64 + (draws.below(2) ? 0.5f : 0);
  return values;
}

constexpr Shape kShapes[] = {{0, Joined::mean, 9, 10, 0.9, 7},
                             {2, Joined::mean, 70, 6, 0.8, 40},
                             {5, Joined::mean, 3, 8, 0.8, 3},
                             {0, Joined::sum, 20, 14, 0.6, 11},
                             {2, Joined::sum, 13, 5, 1.0, 300},
                             {3, Joined::sum, 12, 9, 0.85, 4},
                             {0, Joined::mean, 1, 0, 0, 1},
                             {0, Joined::mean, 17, 7, 1.0, 2},
                             {2, Joined::mean, 30, 12, 0.9, 100},
                             // Deeper than five levels and of at most 32 leaves: their paths are compared.
                             {0, Joined::sum, 40, 14, 0.7, 11, 32},
                             {3, Joined::sum, 30, 9, 0.75, 90, 31},
                             {5, Joined::mean, 17, 12, 0.7, 200, 20},
                             // More nodes than most batches have rows: walked as they are.
                             {2, Joined::mean, 12, 12, 0.97, 9},
                             {3, Joined::sum, 6, 13, 0.95, 5}};
constexpr ForestCut kCuts[] = {{}, {1, 0}, {5, 3}, {0, 6}, {1000, 1}};

std::vector<double> one_by_one(const Forest& forest, const FloatColumns& raw, ForestCut cut) {
  std::vector<double> out(size_t(raw.num_rows * forest.num_outputs()));
  std::vector<float> row(static_cast<size_t>(raw.num_features));
  for (int64_t i = 0; i < raw.num_rows; ++i) {
    for (int64_t f = 0; f < raw.num_features; ++f) row[size_t(f)] = raw.column(f)[i];
    predict_row(forest, row, std::span(out).subspan(size_t(i * forest.num_outputs()), size_t(forest.num_outputs())), cut);
  }
  return out;
}

void check_same(const Forest& forest, int64_t rows, ForestCut cut) {
  const std::vector<float> values = random_columns(rows, forest.num_features(), uint64_t(rows));
  const FloatColumns raw{values.data(), rows, forest.num_features(), rows};
  const std::vector<double> expected = one_by_one(forest, raw, cut);
  std::vector<double> out(expected.size());
  predict(forest, raw, out, cut);
  CHECK(out == expected);
  for (const int exits : {CompiledForest::kBlocks, 0, 1, 17, 64}) {
    const CompiledForest compiled(forest, cut, exits);
    std::fill(out.begin(), out.end(), -1.0);
    compiled.predict(raw, out);
    CHECK(out == expected);
    std::vector<float> row(static_cast<size_t>(raw.num_features));
    const size_t outputs = size_t(forest.num_outputs());
    for (int64_t i = 0; i < std::min<int64_t>(rows, 40); ++i) {
      for (int64_t f = 0; f < raw.num_features; ++f) row[size_t(f)] = raw.column(f)[i];
      compiled.predict_row(row, std::span(out).first(outputs));
      CHECK(std::equal(out.begin(), out.begin() + ptrdiff_t(outputs), expected.begin() + i * ptrdiff_t(outputs)));
    }
  }
}

}  // namespace

TEST_CASE("compiled: every kernel on every instruction set gives the bytes of one step at a time") {
  uint64_t seed = 1;
  for (const Shape& shape : kShapes) {
    const Forest forest = random_forest(shape, seed++);
    for (const ForestCut cut : kCuts)
      for (const int64_t rows : {1, 9, 17, 64, 140, 1500}) kernels::on_every_isa([&] { check_same(forest, rows, cut); });
  }
}

TEST_CASE("compiled: codes and any order of rows give the bytes of the values") {
  for (const Shape& shape : kShapes) {
    const Forest forest = random_forest(shape, 99);
    const std::vector<float> values = random_columns(400, forest.num_features(), 5);
    const FloatColumns raw{values.data(), 400, forest.num_features(), 400};
    std::vector<uint8_t> codes(values.size());
    code_columns(forest.cuts, raw, codes.data(), 400);
    const CodeColumns coded{codes.data(), 400, forest.num_features(), 400};
    const std::vector<double> all = one_by_one(forest, raw, {});
    const size_t outputs = size_t(forest.num_outputs());
    for (const int32_t count : {300, 139, 5}) {
      std::vector<int32_t> rows(static_cast<size_t>(count));
      for (int32_t i = 0; i < count; ++i) rows[size_t(i)] = (i * 7 + 3) % 400;
      std::vector<double> expected, out(rows.size() * outputs);
      for (const int32_t row : rows)
        expected.insert(expected.end(), all.begin() + row * ptrdiff_t(outputs), all.begin() + (row + 1) * ptrdiff_t(outputs));
      predict_codes(forest, coded, rows, out);
      CHECK(out == expected);
      std::fill(out.begin(), out.end(), 0.0);
      CompiledForest::fastest(forest).predict_codes(coded, rows, out);
      CHECK(out == expected);
    }
  }
}

TEST_CASE("compiled: a row is answered as asked for, and by the usual way where that can't be") {
  const Forest forest = random_forest(kShapes[1], 1);
  const bool can = kernels::test_block_kernels().available();
  CHECK(CompiledForest(forest, {}, CompiledForest::kBlocks).exits() == (can ? CompiledForest::kBlocks : CompiledForest::kUsualExits));
  CHECK(CompiledForest(forest, {}, CompiledForest::kBlocks).exits_of_row() == (can ? CompiledForest::kBlocks : 0));
  CHECK(CompiledForest(forest, {}, 17).exits() == 17);
  CHECK(CompiledForest(forest, {}, 17).exits_of_row() == 0);
  Shape wide = kShapes[0];
  wide.features = 2000, wide.trees = 40;
  CHECK(CompiledForest(random_forest(wide, 8), {}, CompiledForest::kBlocks).exits() == CompiledForest::kUsualExits);
}

TEST_CASE("compiled: thresholds of its own, and categories") {
  Forest forest = random_forest(kShapes[0], 3);
  std::vector<float> thresholds;
  for (int64_t t = 0; t < forest.num_trees(); ++t)
    for (uint32_t at = 0; at < forest.tree(t).size(); ++at) thresholds.push_back(forest.tree(t)[at].is_leaf() ? 0 : forest.threshold(t, at));
  for (TreeNode& node : forest.nodes)
    if (!node.is_leaf()) node.cut = 0;
  forest.thresholds = thresholds;
  forest.cuts = {std::vector<uint32_t>(size_t(kShapes[0].features) + 1, 0), {}};
  kernels::on_every_isa([&] { check_same(forest, 100, {}); });
  kernels::on_every_isa([&] { check_same(forest, 100, {4, 5}); });

  Forest categories = random_forest(kShapes[7], 4);
  categories.categorical = {1, 0};
  categories.set_start.assign(size_t(categories.num_trees()) + 1, 0);
  for (int64_t t = 0; t < categories.num_trees(); ++t) {
    for (uint32_t at = categories.tree_start[size_t(t)]; at < categories.tree_start[size_t(t) + 1]; ++at)
      if (TreeNode& node = categories.nodes[at]; !node.is_leaf() && node.feature == 0) {
        node.cut = uint16_t(categories.sets.size() - categories.set_start[size_t(t)]);
        categories.sets.emplace_back();
        for (uint32_t c = 0; c < 255; ++c)
          if (random_below(at, c, 2)) categories.sets.back().add(uint8_t(c));
      }
    categories.set_start[size_t(t) + 1] = uint32_t(categories.sets.size());
  }
  check_same(categories, 100, {});
}

TEST_CASE("compiled: more features than a unit has slots for") {
  Shape wide = kShapes[0];
  wide.features = 9000, wide.trees = 40;
  const Forest forest = random_forest(wide, 8);
  REQUIRE(forest.nodes.size() > 10'000);
  check_same(forest, 70, {});
}
