// Round trips and hostile text. That the other programs read what is written, and write what is read, is shown with the programs
// themselves in tests/python/test_exchange.py.
#include "hayate/exchange.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

using namespace hayate;

namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

/// Two rounds over two features; the second tree is a single leaf, and one split separates missing from present.
Model boosted(Problem problem, int32_t classes, Link link) {
  Forest f;
  f.problem = problem, f.num_classes = classes, f.joined = Joined::sum, f.link = link;
  f.cuts.start = {0, 2, 3};
  f.cuts.values = {-1.5f, 1.5f, 0.1f};
  const uint16_t leaf = TreeNode::kLeafCut;
  for (int32_t t = 0; t < 2 * f.num_scores(); ++t) {
    if (t % 2 == 1) {
      f.nodes.push_back({0, 0, leaf});
      f.values.push_back(0.1 * t);
      f.cover.push_back(9);
    } else {
      for (const TreeNode& node : {TreeNode{2, 0, 1}, TreeNode{7, 1, 0}, TreeNode{4, 0, leaf}, TreeNode{6, 0, leaf}, TreeNode{10, 0, 2},
                                   TreeNode{10, 0, leaf}, TreeNode{12, 0, leaf}})
        f.nodes.push_back(node);
      for (const double value : {0.0, 0.0, 0.3 + t, -0.2, 0.0, 0.7, 1.0 / 3}) f.values.push_back(value);
      for (const float cover : {9.0f, 5.0f, 4.0f, 2.0f, 3.0f, 2.0f, 1.0f}) f.cover.push_back(cover);
    }
    f.tree_start.push_back(uint32_t(f.nodes.size()));
  }
  f.start.assign(size_t(f.num_scores()), 0.5);
  f.importance = {0, 0};
  Model m;
  m.problem = problem, m.learner = "boosting", m.label = "y", m.features = {"a", "b c"}, m.keys = {""}, m.predictors = {f};
  for (int32_t c = 0; c < classes; ++c) m.classes.push_back(std::to_string(c));
  return m;
}

constexpr int64_t kRows = 8;
const float kColumns[] = {-2, -1.5f, 0, 1.5f, 2, kNaN, kNaN, 1.6f, 0, 0.1f, 0.2f, kNaN, kNaN, 0.1f, kNaN, -7};

std::vector<double> predicted(const Model& model) {
  std::vector<double> out(size_t(kRows) * size_t(num_outputs(model.predictors[0])));
  predict(model.predictors[0], {kColumns, kRows, 2, kRows}, out);
  return out;
}

void check_near(const std::vector<double>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  for (size_t i = 0; i < a.size(); ++i) CHECK(a[i] == doctest::Approx(b[i]).epsilon(1e-14));
}

const char* const kTree = R"({"learner": {
  "gradient_booster": {"name": "gbtree", "model": {"tree_info": [0], "trees": [{
    "left_children": [1, -1, -1], "right_children": [2, -1, -1], "split_indices": [1, 0, 0], "split_conditions": [0.5, -2, 3],
    "default_left": [1, 0, 0], "split_type": [0, 0, 0], "sum_hessian": [10, 4, 6]}]}},
  "objective": {"name": "binary:logistic"}, "feature_names": [],
  "learner_model_param": {"base_score": "[5E-1]", "num_class": "0", "num_feature": "2"}}})";

std::string with(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("LightGBM's text: what is written is read as the same predictions") {
  for (const Model& model : {boosted(Problem::regression, 0, Link::identity), boosted(Problem::regression, 0, Link::exponential),
                             boosted(Problem::classification, 2, Link::logistic), boosted(Problem::classification, 3, Link::softmax),
                             boosted(Problem::ranking, 0, Link::identity)}) {
    const auto text = to_lightgbm(model);
    REQUIRE(text.ok());
    const auto back = from_lightgbm(text.value(), "m.txt");
    REQUIRE(back.ok());
    CHECK(back.value().problem == model.problem);
    CHECK(back.value().classes == model.classes);
    CHECK(back.value().features == std::vector<std::string>{"a", "b_c"});
    CHECK(std::get<Forest>(back.value().predictors[0]).cover == std::get<Forest>(model.predictors[0]).cover);
    check_near(predicted(back.value()), predicted(model));
    CHECK(parse_model(serialize(back.value()), "m.hyt").ok());
  }
}

TEST_CASE("LightGBM's text: a mean of trees becomes a sum of shares") {
  Model model = boosted(Problem::regression, 0, Link::identity);
  Forest& forest = std::get<Forest>(model.predictors[0]);
  forest.joined = Joined::mean, forest.start.clear();
  const auto back = from_lightgbm(to_lightgbm(model).value(), "m.txt");
  REQUIRE(back.ok());
  check_near(predicted(back.value()), predicted(model));
}

TEST_CASE("LightGBM's text: what it can't be read as, and what hayate has no place for") {
  const std::string text = to_lightgbm(boosted(Problem::regression, 0, Link::identity)).value();
  const auto refused = [](const std::string& bytes) {
    const auto model = from_lightgbm(bytes, "m.txt");
    return !model.ok() && model.error().kind == Kind::input && model.error().where == "m.txt" && !model.error().hint.empty();
  };
  CHECK(refused(""));
  CHECK(refused("tree\nfeature_names=a b\n"));
  CHECK(refused(with(text, "decision_type=8", "decision_type=1")));  // categorical
  CHECK(refused(with(text, "decision_type=8", "decision_type=4")));  // zero is missing
  CHECK(refused(with(text, "is_linear=0", "is_linear=1")));
  CHECK(refused(with(text, "objective=regression", "objective=cross_entropy")));
  CHECK(refused(with(text, "split_feature=0", "split_feature=7")));
  CHECK(refused(with(text, "left_child=1", "left_child=0")));  // a node that is its own child
  CHECK(refused(with(text, "left_child=1", "left_child=99")));
  CHECK(refused(with(text, "num_leaves=4", "num_leaves=5")));
  CHECK(refused(with(text, "num_leaves=4", "num_leaves=999999999999")));
  CHECK(refused(with(text, "leaf_value=", "leaf_value=nan ")));
  // Both trees of one round: two scores, of a number and of two classes.
  const std::string two_scores = with(text, "num_tree_per_iteration=1", "num_tree_per_iteration=2");
  CHECK(refused(two_scores));
  CHECK(refused(with(two_scores, "objective=regression", "objective=binary sigmoid:1")));
  CHECK(refused(with(two_scores, "objective=regression", "objective=multiclass num_class:2")));
  for (size_t size = 0; size < text.find("end of trees"); size += 13) {
    const auto cut = from_lightgbm(text.substr(0, size), "m.txt");
    if (cut.ok()) CHECK(parse_model(serialize(cut.value()), "m.hyt").ok());
  }
  CHECK(to_lightgbm(
            Model{Problem::regression, "linear", "y", {"a"}, {}, "", "", {}, {""}, {Linear{Problem::regression, 0, Link::identity, {0}, {1}, {0}}}})
            .error()
            .kind == Kind::usage);
}

TEST_CASE("XGBoost's JSON: below the threshold goes left, base_score is an answer") {
  const auto model = from_xgboost(kTree, "m.json");
  REQUIRE(model.ok());
  const auto probability = [&](float x) {
    const float row[] = {0, x};
    double out[2];
    predict(model.value().predictors[0], {row, 1, 2, 1}, out);
    return out[1];
  };
  const double left = 1 / (1 + std::exp(2.0)), right = 1 / (1 + std::exp(-3.0));
  CHECK(probability(std::nextafter(0.5f, 0.0f)) == doctest::Approx(left));
  CHECK(probability(0.5f) == doctest::Approx(right));
  CHECK(probability(kNaN) == doctest::Approx(left));
  CHECK(model.value().features == std::vector<std::string>{"f0", "f1"});
}

TEST_CASE("XGBoost's JSON: what it can't be read as") {
  const std::string text = kTree;
  const auto refused = [](const std::string& json) {
    const auto model = from_xgboost(json, "m.json");
    return !model.ok() && model.error().kind == Kind::input && !model.error().hint.empty();
  };
  CHECK(refused(""));
  CHECK(refused("[]"));
  CHECK(refused("{}"));
  CHECK(refused(text + "{"));
  CHECK(refused(std::string(100, '[')));
  CHECK(refused(with(text, "gbtree", "dart")));
  CHECK(refused(with(text, "binary:logistic", "survival:cox")));
  CHECK(refused(with(text, "\"split_type\": [0", "\"split_type\": [1")));
  CHECK(refused(with(text, "\"left_children\": [1", "\"left_children\": [0")));
  CHECK(refused(with(text, "\"left_children\": [1", "\"left_children\": [3")));
  CHECK(refused(with(text, "\"split_indices\": [1", "\"split_indices\": [2")));
  CHECK(refused(with(text, "\"tree_info\": [0]", "\"tree_info\": [1]")));
  CHECK(refused(with(text, "\"tree_info\": [0]", "\"tree_info\": []")));
  CHECK(refused(with(text, "[5E-1]", "[2]")));
  CHECK(refused(with(text, "\"num_feature\": \"2\"", "\"num_feature\": \"99999999\"")));
  for (size_t size = 0; size < text.size(); ++size) REQUIRE(refused(text.substr(0, size)));
}

TEST_CASE("export: one of several models is named by its key") {
  Model model = boosted(Problem::regression, 0, Link::identity);
  model.key_column = "symbol", model.keys = {"6501", "7203"}, model.predictors.push_back(model.predictors[0]);
  CHECK(to_onnx(model).error().kind == Kind::usage);
  CHECK(to_onnx(model, "7203").ok());
  CHECK(to_lightgbm(model, "7204").error().hint.find("7203") != std::string::npos);
}
