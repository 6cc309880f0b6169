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

TEST_CASE("LightGBM's text: weights that are no whole numbers keep their shares") {
  Model model = boosted(Problem::regression, 0, Link::identity);
  Forest& forest = std::get<Forest>(model.predictors[0]);
  for (float& weight : forest.cover) weight *= 0.3f;
  const auto back = from_lightgbm(to_lightgbm(model).value(), "m.txt");
  REQUIRE(back.ok());
  const Forest& read = std::get<Forest>(back.value().predictors[0]);
  for (size_t node = 0; node < forest.cover.size(); ++node)
    CHECK(double(read.cover[node]) / double(read.cover[0]) == doctest::Approx(double(forest.cover[node]) / double(forest.cover[0])).epsilon(1e-6));
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
  CHECK(refused(with(text, "decision_type=8", "decision_type=1")));  // categorical, without a set
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
  CHECK(refused(with(text, "gbtree", "dart")));  // without weights
  CHECK(refused(with(text, "gbtree", "gblinear")));
  CHECK(refused(with(text, "\"num_class\": \"0\"", "\"num_class\": \"0\", \"num_target\": \"2\"")));
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

namespace {

/// One split of a feature by a set, left 1, right 2.
double side(const Model& model, float x) {
  double out = 0;
  predict(model.predictors[0], {&x, 1, 1, 1}, {&out, 1});
  return out;
}

/// Categories 0, 3, 4 and 40.
const char* const kSet = R"(tree
num_tree_per_iteration=1
objective=regression
feature_names=town
feature_infos=0:3:4:40:7

Tree=0
num_leaves=2
num_cat=1
split_feature=0
threshold=0
decision_type=1
left_child=-1
right_child=-2
leaf_value=1 2
cat_boundaries=0 2
cat_threshold=25 256

end of trees
)";

const char* const kSetJson = R"({"learner": {
  "gradient_booster": {"name": "gbtree", "model": {"tree_info": [0], "trees": [{
    "left_children": [1, -1, -1], "right_children": [2, -1, -1], "split_indices": [0, 0, 0], "split_conditions": [1e-45, 1, 2],
    "default_left": [0, 0, 0], "split_type": [1, 0, 0], "categories": [0, 3, 4, 40], "categories_nodes": [0], "categories_segments": [0],
    "categories_sizes": [4]}]}},
  "objective": {"name": "reg:squarederror"}, "learner_model_param": {"base_score": "0", "num_class": "0", "num_feature": "1"}}})";

}  // namespace

TEST_CASE("LightGBM's text: categories cut digits off, what is not listed goes right") {
  const auto read = from_lightgbm(kSet, "m.txt");
  REQUIRE(read.ok());
  const auto kept = parse_model(serialize(read.value()), "m.hyt");
  REQUIRE(kept.ok());
  CHECK(kept.value() == read.value());
  const auto again = from_lightgbm(to_lightgbm(read.value()).value(), "m.txt");
  for (const Model* model : {&kept.value(), &again.value()}) {
    for (const float x : {0.0f, -0.0f, -0.9f, 0.9f, 3.0f, 3.5f, 4.999f, 40.0f, 40.5f}) CHECK(side(*model, x) == 1);
    for (const float x : {-1.0f, -7.0f, 1.0f, 2.99f, 5.0f, 39.99f, 41.0f, 64.0f, 1e9f, 1e30f, kNaN}) CHECK(side(*model, x) == 2);
    CHECK(side(*model, std::numeric_limits<float>::infinity()) == 2);
  }
}

TEST_CASE("LightGBM's text: sets that do not hold together") {
  const auto refused = [](const std::string& bytes) {
    const auto model = from_lightgbm(bytes, "m.txt");
    return !model.ok() && model.error().kind == Kind::input && !model.error().hint.empty();
  };
  const std::string text = kSet;
  CHECK(refused(with(text, "num_cat=1", "num_cat=2")));
  CHECK(refused(with(text, "num_cat=1", "num_cat=0")));
  CHECK(refused(with(text, "num_cat=1", "num_cat=-1")));
  CHECK(refused(with(text, "num_cat=1", "num_cat=9223372036854775807")));
  CHECK(refused(with(text, "threshold=0", "threshold=1")));
  CHECK(refused(with(text, "threshold=0", "threshold=-1")));
  CHECK(refused(with(text, "threshold=0", "threshold=nan")));
  CHECK(refused(with(text, "cat_boundaries=0 2", "cat_boundaries=0 3")));
  CHECK(refused(with(text, "cat_boundaries=0 2", "cat_boundaries=1 2")));
  CHECK(refused(with(text, "cat_boundaries=0 2", "cat_boundaries=2 0")));
  CHECK(refused(with(text, "cat_boundaries=0 2", "cat_boundaries=0 -2")));
  CHECK(refused(with(text, "cat_threshold=25 256", "cat_threshold=25")));
  CHECK(refused(with(text, "cat_threshold=25 256", "cat_threshold=25 -1")));
  CHECK(refused(with(text, "cat_threshold=25 256", "cat_threshold=25 4294967296")));
  CHECK(refused(text + "\npandas_categorical:[[1, 2], [3]]\n"));
  CHECK(refused(text + "\npandas_categorical:[1]\n"));
  CHECK(from_lightgbm(text + "\npandas_categorical:[[\"a\"], [\"b\"]]\n", "m.txt").ok());
}

TEST_CASE("XGBoost's JSON: listed categories go right, others left, missing ones their own way") {
  for (const bool missing_left : {false, true}) {
    const auto read = from_xgboost(missing_left ? with(kSetJson, "\"default_left\": [0", "\"default_left\": [1") : kSetJson, "m.json");
    REQUIRE(read.ok());
    const auto kept = parse_model(serialize(read.value()), "m.hyt");
    REQUIRE(kept.ok());
    for (const float x : {0.0f, -0.0f, 0.9f, 3.5f, 4.999f, 40.0f}) CHECK(side(kept.value(), x) == 2);
    for (const float x : {-0.5f, -1.0f, 1.0f, 2.99f, 5.0f, 41.0f, 1e9f}) CHECK(side(kept.value(), x) == 1);
    CHECK(side(kept.value(), kNaN) == (missing_left ? 1 : 2));
    CHECK(to_lightgbm(kept.value()).ok() == missing_left);
  }
}

TEST_CASE("XGBoost's JSON: categories that lie outside their list, and names that do") {
  const std::string text = kSetJson;
  const auto refused = [](const std::string& json) {
    const auto model = from_xgboost(json, "m.json");
    return !model.ok() && model.error().kind == Kind::input && !model.error().hint.empty();
  };
  CHECK(refused(with(text, "\"categories_sizes\": [4]", "\"categories_sizes\": [5]")));
  CHECK(refused(with(text, "\"categories_sizes\": [4]", "\"categories_sizes\": [-1]")));
  CHECK(refused(with(text, "\"categories_sizes\": [4]", "\"categories_sizes\": [1e300]")));
  CHECK(refused(with(text, "\"categories_sizes\": [4]", "\"categories_sizes\": []")));
  CHECK(refused(with(text, "\"categories_segments\": [0]", "\"categories_segments\": [1]")));
  CHECK(refused(with(text, "\"categories_segments\": [0]", "\"categories_segments\": [-1]")));
  CHECK(refused(with(text, "\"categories_nodes\": [0]", "\"categories_nodes\": [3]")));
  CHECK(refused(with(text, "\"categories_nodes\": [0]", "\"categories_nodes\": [1]")));
  CHECK(refused(with(text, "\"categories\": [0, 3", "\"categories\": [0, 3.5")));
  CHECK(refused(with(text, "\"categories\": [0, 3", "\"categories\": [-1, 3")));
  CHECK(refused(with(text, "\"categories\": [0, 3", "\"categories\": [16777216, 3")));
  CHECK(refused(with(text, "\"categories\": [0, 3", "\"categories\": [\"a\", 3")));
  CHECK(refused(with(text, "\"split_type\": [1", "\"split_type\": [0")));
  const auto named = [&](const std::string& enc) { return with(text, "\"tree_info\"", "\"cats\": {\"enc\": " + enc + "}, \"tree_info\""); };
  CHECK(refused(named(R"([{"offsets": [0, 1, 9], "values": [97, 98]}])")));
  CHECK(refused(named(R"([{"offsets": [1, 0], "values": [97, 98]}])")));
  CHECK(refused(named(R"([{"offsets": [], "values": []}, {"offsets": [], "values": []}])")));
  const auto cut_off = from_xgboost(named(R"([{"offsets": [0, 1, 2], "values": [-59, -116]}])"), "m.json");
  REQUIRE(cut_off.ok());
  CHECK(cut_off.value().notes.size() == 1);
  const auto read = from_xgboost(named(R"([{"offsets": [0, 1, 3], "values": [97, 98, 99]}])"), "m.json");
  REQUIRE(read.ok());
  CHECK(read.value().notes[1] == std::pair<std::string, std::string>{"category f0", "a"});
}

TEST_CASE("imported categories: more than a byte tells apart, beside more thresholds than cuts") {
  constexpr uint32_t kTrees = 700;
  std::string trees = "tree\nnum_tree_per_iteration=1\nobjective=regression\nfeature_names=town x\n\n";
  for (uint32_t t = 0; t < kTrees; ++t) {
    std::string words;
    for (uint32_t w = 0; w <= 3 * t / 32; ++w) words += (w ? " " : "") + std::to_string(w == 3 * t / 32 ? 1u << (3 * t % 32) : 0u);
    trees += "Tree=" + std::to_string(t) + "\nnum_leaves=3\nnum_cat=1\nsplit_feature=0 1\nthreshold=0 " + std::to_string(t) +
             "\ndecision_type=1 8\nleft_child=1 -1\nright_child=-3 -2\nleaf_value=1 10 0\ncat_boundaries=0 " + std::to_string(3 * t / 32 + 1) +
             "\ncat_threshold=" + words + "\n\n";
  }
  const auto read = from_lightgbm(trees + "end of trees\n", "m.txt");
  REQUIRE(read.ok());
  const auto kept = parse_model(serialize(read.value()), "m.hyt");
  REQUIRE(kept.ok());
  for (const uint32_t town : {0u, 3u, 300u, 765u, 768u, 771u, 2097u, 1u, 2098u}) {
    const float row[] = {float(town), 100.0f};
    double out = 0;
    predict(kept.value().predictors[0], {row, 1, 2, 1}, {&out, 1});
    CHECK(out == (town % 3 != 0 || town / 3 >= kTrees ? 0 : town / 3 >= 100 ? 1 : 10));
  }
}

TEST_CASE("two classes with a score each become one score") {
  const std::string text = to_lightgbm(boosted(Problem::regression, 0, Link::identity)).value();
  const auto one = from_lightgbm(text, "m.txt");
  const auto two = from_lightgbm(
      with(with(text, "num_tree_per_iteration=1", "num_tree_per_iteration=2"), "objective=regression", "objective=multiclass num_class:2"), "m.txt");
  REQUIRE(two.ok());
  CHECK(two.value().classes == std::vector<std::string>{"0", "1"});
  // The first tree is the first class's, the second one, a leaf of 0.1, the other's.
  const std::vector<double> sums = predicted(one.value()), shares = predicted(two.value());
  for (size_t row = 0; row < sums.size(); ++row)
    CHECK(shares[2 * row + 1] == doctest::Approx(1 / (1 + std::exp((sums[row] - 0.1) - 0.1))).epsilon(1e-12));
}

TEST_CASE("export: one of several models is named by its key") {
  Model model = boosted(Problem::regression, 0, Link::identity);
  model.key_column = "symbol", model.keys = {"6501", "7203"}, model.predictors.push_back(model.predictors[0]);
  CHECK(to_onnx(model).error().kind == Kind::usage);
  CHECK(to_onnx(model, "7203").ok());
  CHECK(to_lightgbm(model, "7204").error().hint.find("7203") != std::string::npos);
}
