#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "hayate/model.h"

using namespace hayate;

namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

/// Two trees over two features. Tree 0: x0 <= 1.5 ? 10 : (x1 <= 0, missing left ? 20 : 40). Tree 1: is x1 missing ? 8 : 4.
Forest small_forest() {
  Forest f;
  f.cuts.start = {0, 1, 2};
  f.cuts.values = {1.5f, 0.0f};
  const uint16_t leaf = TreeNode::kLeafCut;
  f.nodes = {{2, 0, 0}, {2, 0, leaf}, {7, 1, 0}, {6, 0, leaf}, {8, 0, leaf}, {2, 1, 1}, {2, 0, leaf}, {4, 0, leaf}};
  f.tree_start = {0, 5, 8};
  f.values = {25, 10, 30, 20, 40, 5, 4, 8};
  f.importance = {0.5, 0.5};
  return f;
}

}  // namespace

TEST_CASE("predict: raw, coded and one row agree, missing goes where the split says") {
  const Forest forest = small_forest();
  const float x0[] = {1.5f, 2, 2, 2, kNaN, -kInf, kInf, std::nextafter(1.5f, 2.0f)};
  const float x1[] = {5, -0.0f, 0.5f, kNaN, -1, kNaN, kInf, -kInf};
  const double expected[] = {7, 12, 22, 14, 12, 9, 22, 12};
  std::vector<float> columns(x0, x0 + 8);
  columns.insert(columns.end(), x1, x1 + 8);
  std::vector<double> raw(8), coded(8);
  predict(forest, {columns.data(), 8, 2, 8}, raw);
  std::vector<uint8_t> codes(16);
  code_columns(forest.cuts, {columns.data(), 8, 2, 8}, codes.data(), 8);
  const int32_t rows[] = {0, 1, 2, 3, 4, 5, 6, 7};
  predict_codes(forest, {codes.data(), 8, 2, 8}, rows, coded);
  for (size_t i = 0; i < 8; ++i) {
    double one;
    const float row[] = {x0[i], x1[i]};
    predict_row(forest, row, {&one, 1});
    CHECK(raw[i] == expected[i]);
    CHECK(coded[i] == expected[i]);
    CHECK(one == expected[i]);
  }
}

TEST_CASE("predict: fewer trees and less depth read the values of inner nodes") {
  const Forest forest = small_forest();
  const float row[] = {2, 1};
  double out;
  const auto with = [&](int64_t trees, int64_t depth) { return predict_row(forest, row, {&out, 1}, {trees, depth}), out; };
  CHECK(with(0, 0) == 22);
  CHECK(with(1, 0) == 40);
  CHECK(with(1, 1) == 30);
  CHECK(with(2, 1) == 17);
  CHECK(with(99, 99) == 22);
}

TEST_CASE("predict: two classes store one share, three store all") {
  Forest forest;
  forest.problem = Problem::classification;
  forest.cuts.start = {0, 0};
  forest.nodes = {{0, 0, TreeNode::kLeafCut}};
  forest.tree_start = {0, 1};
  const float row[] = {1};
  forest.num_classes = 2, forest.values = {0.25};
  double two[2];
  predict_row(forest, row, two);
  CHECK(two[0] == 0.75);
  CHECK(two[1] == 0.25);
  forest.num_classes = 3, forest.values = {0.5, 0.25, 0.25};
  double three[3];
  predict_row(forest, row, three);
  CHECK(three[0] == 0.5);
  CHECK(three[2] == 0.25);
}

TEST_CASE("predict: many rows of trees that test categories and ranges answer as one row does") {
  // Feature 0 has thresholds, 1 the categories -1, 1, 3, 2 ranges around 0 .. 299.
  Forest f;
  f.problem = Problem::classification, f.num_classes = 3;
  f.cuts.start = {0, 1, 4, 304};
  f.cuts.values = {0.5f, -1, 1, 3};
  for (int cut = 0; cut < 300; ++cut) f.cuts.values.push_back(float(cut));
  f.categorical = {0, 1, 2};
  f.set_start = {0}, f.sets.resize(2 * 3);
  const uint16_t leaf = TreeNode::kLeafCut;
  for (uint32_t t = 0; t < 2; ++t) {
    for (const TreeNode& node : {TreeNode{2 + t, 0, 0}, TreeNode{6, 1, 0}, TreeNode{11 - t, 2, 1}, TreeNode{6, 0, leaf}, TreeNode{8, 0, leaf},
                                 TreeNode{10, 0, leaf}, TreeNode{12, 0, leaf}})
      f.nodes.push_back(node);
    f.tree_start.push_back(uint32_t(f.nodes.size()));
    f.sets[3 * t].add(uint8_t(t)), f.sets[3 * t].add(2);
    for (uint32_t code = 0; code < 300; code += 3 + t) f.sets[3 * t + 1 + code / 256].add(uint8_t(code % 256));
    f.set_start.push_back(3 * (t + 1));
  }
  for (size_t i = 0; i < 3 * f.nodes.size(); ++i) f.values.push_back(0.125 * double(i * 7 % 11));
  f.importance = {0, 0, 0};
  constexpr int64_t kRows = 600;
  std::vector<float> columns;
  const float strange[] = {kNaN, kInf, -kInf, -0.0f, 0.5f};
  for (size_t i = 0; i < 3 * kRows; ++i) columns.push_back(i % 7 == 0 ? strange[i / 7 % 5] : float(i * 31 % (i < 2 * kRows ? 5 : 310)) - 1);
  for (const ForestCut cut : {ForestCut{}, ForestCut{1, 0}, ForestCut{0, 1}}) {
    std::vector<double> all(3 * kRows), one(3);
    predict(f, {columns.data(), kRows, 3, kRows}, all, cut);
    for (size_t i = 0; i < size_t(kRows); ++i) {
      const float row[] = {columns[i], columns[kRows + i], columns[2 * kRows + i]};
      predict_row(f, row, one, cut);
      for (size_t k = 0; k < 3; ++k) REQUIRE(all[3 * i + k] == one[k]);
    }
  }
}

TEST_CASE("predict: no rows") {
  predict(small_forest(), {nullptr, 0, 2, 0}, {});
  predict_codes(small_forest(), {nullptr, 0, 2, 0}, {}, {});
}
