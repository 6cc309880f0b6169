// XGBoost's JSON of a model. A tree is parallel arrays; a node without a left child (-1) is a leaf whose value stands in
// split_conditions; values BELOW the threshold go left, in float32, so our threshold is the next float32 down.
// Source: XGBoost's doc/model.schema and src/tree/tree_model.cc.
#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "base/strings.h"
#include "hayate/exchange.h"
#include "io/json_reader.h"
#include "model/import_trees.h"

namespace hayate {
namespace {

/// The value behind a dotted path, or nothing.
const io::Json* at(const io::Json& json, std::string_view path) {
  const io::Json* here = &json;
  for (const std::string& name : split(path, '.'))
    if (!(here = here->find(name))) return nullptr;
  return here;
}

std::string text_at(const io::Json& json, std::string_view path) {
  const io::Json* found = at(json, path);
  return found && found->text() ? *found->text() : "";
}

const io::Json::Array& items_at(const io::Json& json, std::string_view path) {
  static const io::Json::Array nothing;
  const io::Json* found = at(json, path);
  return found && found->array() ? *found->array() : nothing;
}

/// Numbers and flags; what is neither is NaN.
std::vector<double> numbers_at(const io::Json& json, std::string_view path) {
  std::vector<double> out;
  for (const io::Json& item : items_at(json, path)) out.push_back(item.flag() ? double(*item.flag()) : item.number(std::nan("")));
  return out;
}

Error unreadable(const std::string& where, std::string what) {
  return input_error("XGBoost model: " + std::move(what), where, "write it with Booster.save_model('model.json') of a gbtree booster");
}

struct Objective {
  const char* name;
  Problem problem;
  Link link;
};
constexpr Objective kObjectives[] = {
    {"reg:squarederror", Problem::regression, Link::identity},    {"reg:linear", Problem::regression, Link::identity},
    {"reg:absoluteerror", Problem::regression, Link::identity},   {"reg:pseudohubererror", Problem::regression, Link::identity},
    {"reg:quantileerror", Problem::regression, Link::identity},   {"reg:gamma", Problem::regression, Link::exponential},
    {"reg:tweedie", Problem::regression, Link::exponential},      {"count:poisson", Problem::regression, Link::exponential},
    {"binary:logistic", Problem::classification, Link::logistic}, {"multi:softprob", Problem::classification, Link::softmax},
    {"multi:softmax", Problem::classification, Link::softmax},    {"rank:ndcg", Problem::ranking, Link::identity},
    {"rank:pairwise", Problem::ranking, Link::identity},          {"rank:map", Problem::ranking, Link::identity},
};

const Objective* find_objective(std::string_view name) {
  for (const Objective& objective : kObjectives)
    if (objective.name == name) return &objective;
  return nullptr;
}

/// base_score is written as what is predicted, not as a score; XGBoost 3 writes "[5E-1]", older versions "5E-1".
std::vector<double> start_of(std::string text, Link link, size_t scores) {
  if (text.size() > 1 && text.front() == '[') text = text.substr(1, text.size() - 2);
  std::vector<double> out;
  for (const std::string& part : split(text, ',')) {
    const double answer = parse_number(trim(part)).value_or(std::nan(""));
    out.push_back(link == Link::logistic ? std::log(answer / (1 - answer)) : link == Link::exponential ? std::log(answer) : answer);
  }
  if (out.size() == 1) out.resize(scores, out[0]);
  return out;
}

Result<ImportedTree> read_tree(const io::Json& json, size_t features, const std::string& where) {
  const auto left = numbers_at(json, "left_children"), right = numbers_at(json, "right_children");
  const auto feature = numbers_at(json, "split_indices"), condition = numbers_at(json, "split_conditions");
  const auto default_left = numbers_at(json, "default_left"), kind = numbers_at(json, "split_type"), cover = numbers_at(json, "sum_hessian");
  const size_t nodes = left.size();
  if (nodes == 0 || right.size() != nodes || feature.size() != nodes || condition.size() != nodes || default_left.size() != nodes)
    return unreadable(where, "a tree whose arrays have different lengths");
  ImportedTree tree;
  tree.nodes.resize(nodes);
  for (size_t i = 0; i < nodes; ++i) {
    ImportedNode& node = tree.nodes[i];
    if (!(left[i] >= 0)) {
      node.value = condition[i];
      continue;
    }
    if (i < kind.size() && kind[i] != 0) return unreadable(where, "splits on categories, which are not imported");
    if (!(feature[i] >= 0 && feature[i] < double(features)) || left[i] >= double(nodes) || !(right[i] > 0 && right[i] < double(nodes)))
      return unreadable(where, "a split that leads outside the tree");
    const float below = std::nextafter(float(condition[i]), -std::numeric_limits<float>::infinity());
    node = {int32_t(feature[i]), below, default_left[i] != 0, uint32_t(left[i]), uint32_t(right[i]), 0};
  }
  if (cover.size() == nodes) tree.cover = cover;
  return tree;
}

}  // namespace

Result<Model> from_xgboost(std::string_view text, const std::string& where) {
  HY_TRY(const io::Json root, io::parse_json(text, where));
  const std::string booster = text_at(root, "learner.gradient_booster.name"), name = text_at(root, "learner.objective.name");
  if (booster != "gbtree") return unreadable(where, booster.empty() ? "it does not begin as one" : fmt::format("booster '{}'", booster));
  const Objective* objective = find_objective(name);
  if (!objective) return unreadable(where, fmt::format("objective '{}' turns scores into answers in a way hayate does not know", name));

  ImportedForest forest;
  forest.problem = objective->problem, forest.link = objective->link;
  const int64_t features = parse_integer(text_at(root, "learner.learner_model_param.num_feature")).value_or(0);
  const int64_t classes = parse_integer(text_at(root, "learner.learner_model_param.num_class")).value_or(0);
  const size_t scores = classes > 2 ? size_t(classes) : 1;
  if (features < 1 || features > 65'535 || classes > 65'535) return unreadable(where, fmt::format("{} features, {} classes", features, classes));
  if (objective->problem == Problem::classification) forest.num_classes = classes > 2 ? int32_t(classes) : 2;
  if (classes == 2 && objective->link == Link::softmax) return unreadable(where, "two classes with a score each: train it with binary:logistic");
  for (const io::Json& feature : items_at(root, "learner.feature_names"))
    if (const std::string* text_of = feature.text()) forest.features.push_back(*text_of);
  for (int64_t f = int64_t(forest.features.size()); f < features; ++f) forest.features.push_back(fmt::format("f{}", f));
  if (int64_t(forest.features.size()) != features)
    return unreadable(where, fmt::format("{} names for {} features", forest.features.size(), features));
  forest.start = start_of(text_at(root, "learner.learner_model_param.base_score"), objective->link, scores);
  if (forest.start.size() != scores || !std::isfinite(forest.start[0])) return unreadable(where, "a base_score that is no number");

  // Rounds may hold several trees a score (num_parallel_tree), in any order: ours is score 0, 1, ... again and again.
  const io::Json::Array& trees = items_at(root, "learner.gradient_booster.model.trees");
  const std::vector<double> score_of = numbers_at(root, "learner.gradient_booster.model.tree_info");
  if (trees.empty() || score_of.size() != trees.size())
    return unreadable(where, fmt::format("{} trees, {} tree_info", trees.size(), score_of.size()));
  std::vector<std::vector<size_t>> by_score(scores);
  for (size_t t = 0; t < trees.size(); ++t) {
    if (!(score_of[t] >= 0 && score_of[t] < double(scores))) return unreadable(where, "a tree of a class that is not there");
    by_score[size_t(score_of[t])].push_back(t);
  }
  for (size_t round = 0; round < by_score[0].size(); ++round)
    for (const std::vector<size_t>& own : by_score) {
      if (own.size() != by_score[0].size()) return unreadable(where, "classes with different numbers of trees");
      HY_TRY(ImportedTree tree, read_tree(trees[own[round]], size_t(features), where));
      forest.trees.push_back(std::move(tree));
    }
  return model_of(std::move(forest), "xgboost", where);
}

}  // namespace hayate
