// XGBoost's JSON of a model. A tree is parallel arrays; a node without a left child (-1) is a leaf whose value stands in
// split_conditions; values BELOW the threshold go left, in float32, so our threshold is the next float32 down.
// Source: XGBoost's doc/model.schema and src/tree/tree_model.cc.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "base/strings.h"
#include "hayate/exchange.h"
#include "io/json_reader.h"
#include "model/forest_section.h"
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

constexpr const char* kWriteAsJson = "write it with Booster.save_model('model.json') of a gbtree or dart booster";

Error unreadable(const std::string& where, std::string what, std::string hint = kWriteAsJson) {
  return input_error("XGBoost model: " + std::move(what), where, std::move(hint));
}

struct Objective {
  const char* name;
  Problem problem;
  Link link;
};
constexpr Objective kObjectives[] = {
    {"reg:squarederror", Problem::regression, Link::identity},    {"reg:linear", Problem::regression, Link::identity},
    {"reg:squaredlogerror", Problem::regression, Link::identity}, {"reg:expectileerror", Problem::regression, Link::identity},
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

std::string known_objectives() {
  std::vector<std::string> out;
  for (const Objective& objective : kObjectives) out.emplace_back(objective.name);
  return join(out, ", ");
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

/// What table columns call the categories 0, 1, ..., by feature, as XGBoost 3.1 and later keep it; empty when it does not. A feature with a name
/// beyond ASCII has none: XGBoost 3.2 writes the offsets of pandas' names in characters, and cuts off as many bytes as that is too few.
Result<std::vector<std::vector<std::string>>> category_names(const io::Json& model, size_t features, const std::string& where) {
  std::vector<std::vector<std::string>> out;
  const io::Json::Array& columns = items_at(model, "cats.enc");
  if (columns.empty()) return out;
  if (columns.size() != features) return unreadable(where, fmt::format("categories of {} features, there are {}", columns.size(), features));
  out.resize(features);
  for (size_t f = 0; f < features; ++f) {
    const io::Json::Array& values = items_at(columns[f], "values");
    if (!columns[f].find("offsets")) {
      for (const io::Json& value : values) out[f].push_back(category_name(value));
      continue;
    }
    std::string bytes;
    for (const io::Json& value : values) bytes += char(uint8_t(int(value.number(0)) & 255));
    const std::vector<double> offsets = numbers_at(columns[f], "offsets");
    for (size_t i = 0; i + 1 < offsets.size(); ++i) {
      if (!(offsets[i] >= 0 && offsets[i] <= offsets[i + 1] && offsets[i + 1] <= double(bytes.size())))
        return unreadable(where, fmt::format("the names of the categories of feature {} do not hold together", f));
      out[f].push_back(bytes.substr(size_t(offsets[i]), size_t(offsets[i + 1]) - size_t(offsets[i])));
    }
    if (std::any_of(bytes.begin(), bytes.end(), [](char byte) { return uint8_t(byte) > 127; })) out[f].clear();
  }
  return out;
}

/// The splits by categories of a tree, by node; -1 of others. The listed ones go right, all others left, but missing ones, which have a way of
/// their own.
Result<std::vector<int32_t>> read_sets(const io::Json& json, size_t nodes, std::vector<ImportedSet>& sets, const std::string& where) {
  std::vector<int32_t> out(nodes, -1);
  const auto own_nodes = numbers_at(json, "categories_nodes"), begin = numbers_at(json, "categories_segments"),
             size = numbers_at(json, "categories_sizes"), listed = numbers_at(json, "categories");
  if (begin.size() != own_nodes.size() || size.size() != own_nodes.size())
    return unreadable(where, fmt::format("{} splits by categories with {} segments of {} sizes", own_nodes.size(), begin.size(), size.size()));
  double taken = 0;
  for (size_t i = 0; i < own_nodes.size(); ++i) {
    if (!(own_nodes[i] >= 0 && own_nodes[i] < double(nodes)) || begin[i] != taken || !(size[i] >= 0 && size[i] <= double(listed.size()) - taken))
      return unreadable(where, "the categories of a split lie outside their list");
    taken += size[i];
    std::vector<double> own(listed.begin() + ptrdiff_t(begin[i]), listed.begin() + ptrdiff_t(taken));
    std::sort(own.begin(), own.end());
    own.erase(std::unique(own.begin(), own.end()), own.end());
    out[size_t(own_nodes[i])] = int32_t(sets.size());
    ImportedSet& set = sets.emplace_back(ImportedSet{true, {}});
    for (const double category : own) {
      if (!(category >= 0 && category < kMostCategories) || category != std::floor(category))
        return unreadable(where, fmt::format("category {}, expected whole numbers from 0 to {}", category, kMostCategories - 1));
      add_to_set(set, uint32_t(category), uint32_t(category) + 1, false);
    }
  }
  return out;
}

/// `scale`: of the leaves.
Result<ImportedTree> read_tree(const io::Json& json, size_t features, double scale, const std::string& where) {
  const auto left = numbers_at(json, "left_children"), right = numbers_at(json, "right_children");
  const auto feature = numbers_at(json, "split_indices"), condition = numbers_at(json, "split_conditions");
  const auto default_left = numbers_at(json, "default_left"), kind = numbers_at(json, "split_type"), cover = numbers_at(json, "sum_hessian");
  const size_t nodes = left.size();
  if (nodes == 0 || right.size() != nodes || feature.size() != nodes || condition.size() != nodes || default_left.size() != nodes)
    return unreadable(where, "a tree whose arrays have different lengths");
  ImportedTree tree;
  tree.nodes.resize(nodes);
  HY_TRY(const std::vector<int32_t> sets, read_sets(json, nodes, tree.sets, where));
  for (size_t i = 0; i < nodes; ++i) {
    ImportedNode& node = tree.nodes[i];
    if (!(left[i] >= 0)) {
      node.value = condition[i] * scale;
      continue;
    }
    if (!(feature[i] >= 0 && feature[i] < double(features)) || left[i] >= double(nodes) || !(right[i] > 0 && right[i] < double(nodes)))
      return unreadable(where, "a split that leads outside the tree");
    const bool by_categories = i < kind.size() && kind[i] != 0;
    if (by_categories != (sets[i] >= 0)) return unreadable(where, "a split by categories without a list of them");
    if (by_categories) {
      node = {int32_t(feature[i]), 0, default_left[i] != 0, uint32_t(left[i]), uint32_t(right[i]), 0, sets[i]};
      continue;
    }
    const float below = std::nextafter(float(condition[i]), -std::numeric_limits<float>::infinity());
    node = {int32_t(feature[i]), below, default_left[i] != 0, uint32_t(left[i]), uint32_t(right[i])};
  }
  if (cover.size() == nodes) tree.cover = cover;
  return tree;
}

/// Booster.predict() takes all trees, and so do we; XGBClassifier and its like take those up to the best round of early stopping.
void note_best_round(const io::Json& root, int64_t trees_a_score, int64_t a_round, Model& model) {
  const std::optional<int64_t> best = parse_integer(text_at(root, "learner.attributes.best_iteration"));
  if (best && *best >= 0 && *best < trees_a_score / a_round - 1)
    model.notes.emplace_back("early stopping",
                             fmt::format("best with the first {0} trees of {1}: predict --num-trees {0}", (*best + 1) * a_round, trees_a_score));
}

/// The trees as ours stand: score 0, 1, ... again and again. The file's rounds may hold several a score (num_parallel_tree), in any order.
Result<std::vector<std::vector<size_t>>> trees_by_score(const io::Json& model, size_t scores, const std::string& where) {
  const io::Json::Array& trees = items_at(model, "trees");
  const std::vector<double> score_of = numbers_at(model, "tree_info");
  if (trees.empty() || score_of.size() != trees.size())
    return unreadable(where, fmt::format("{} trees, {} tree_info", trees.size(), score_of.size()));
  if (parse_integer(text_at(trees[0], "tree_param.size_leaf_vector")).value_or(1) > 1)
    return unreadable(where, "trees that answer several numbers at once (multi_strategy=multi_output_tree)",
                      "train it with multi_strategy=one_output_per_tree");
  std::vector<std::vector<size_t>> out(scores);
  for (size_t t = 0; t < trees.size(); ++t) {
    if (!(score_of[t] >= 0 && score_of[t] < double(scores))) return unreadable(where, "a tree of a class that is not there");
    out[size_t(score_of[t])].push_back(t);
  }
  for (const std::vector<size_t>& own : out)
    if (own.size() != out[0].size()) return unreadable(where, "classes with different numbers of trees");
  return out;
}

}  // namespace

Result<Model> from_xgboost(std::string_view text, const std::string& where) {
  if (text.starts_with("{L") || text.starts_with("{i") || text.starts_with("{U") || text.starts_with("{l"))
    return unreadable(where, "binary JSON (.ubj), which is not read");
  HY_TRY(const io::Json root, io::parse_json(text, where));
  const std::string booster = text_at(root, "learner.gradient_booster.name"), name = text_at(root, "learner.objective.name");
  const bool dart = booster == "dart";  // its trees are those of a gbtree inside, each with a weight
  if (booster != "gbtree" && !dart)
    return unreadable(where, booster.empty() ? "it does not begin as one" : fmt::format("booster '{}' is no sum of trees", booster),
                      booster.empty() ? kWriteAsJson : "train it with booster gbtree or dart");
  const Objective* objective = find_objective(name);
  if (!objective)
    return unreadable(where, fmt::format("objective '{}' turns scores into answers in a way hayate does not know", name),
                      "objectives that are read: " + known_objectives());

  ImportedForest forest;
  forest.problem = objective->problem, forest.link = objective->link;
  const int64_t features = parse_integer(text_at(root, "learner.learner_model_param.num_feature")).value_or(0);
  const int64_t classes = parse_integer(text_at(root, "learner.learner_model_param.num_class")).value_or(0);
  const bool two_scores = classes == 2 && objective->link == Link::softmax;
  const size_t scores = classes > 2 || two_scores ? size_t(classes) : 1;
  if (features < 1 || features > 65'535 || classes > 65'535) return unreadable(where, fmt::format("{} features, {} classes", features, classes));
  if (const std::string targets = text_at(root, "learner.learner_model_param.num_target"); parse_integer(targets).value_or(1) > 1)
    return unreadable(where, targets + " numbers a row (multi_strategy or several quantiles), a hayate model answers one",
                      "train one model a target");
  if (objective->problem == Problem::classification) forest.num_classes = classes > 2 ? int32_t(classes) : 2;
  for (const io::Json& feature : items_at(root, "learner.feature_names"))
    if (const std::string* text_of = feature.text()) forest.features.push_back(*text_of);
  for (int64_t f = int64_t(forest.features.size()); f < features; ++f) forest.features.push_back(fmt::format("f{}", f));
  if (int64_t(forest.features.size()) != features)
    return unreadable(where, fmt::format("{} names for {} features", forest.features.size(), features));
  forest.start = start_of(text_at(root, "learner.learner_model_param.base_score"), objective->link, scores);
  if (forest.start.size() != scores || !all_finite(forest.start)) return unreadable(where, "a base_score that is no number");

  const io::Json* const trees_of = at(root, dart ? "learner.gradient_booster.gbtree.model" : "learner.gradient_booster.model");
  if (!trees_of) return unreadable(where, "it holds no trees");
  const io::Json::Array& trees = items_at(*trees_of, "trees");
  const std::vector<double> weights = numbers_at(root, "learner.gradient_booster.weight_drop");
  if (dart && weights.size() != trees.size()) return unreadable(where, fmt::format("{} weights for {} trees", weights.size(), trees.size()));
  HY_TRY(forest.categories, category_names(*trees_of, size_t(features), where));
  HY_TRY(const auto by_score, trees_by_score(*trees_of, scores, where));
  for (size_t round = 0; round < by_score[0].size(); ++round)
    for (size_t score = 0; score < scores; ++score) {
      const size_t t = by_score[score][round];
      HY_TRY(ImportedTree tree, read_tree(trees[t], size_t(features), dart ? weights[t] : 1, where));
      if (two_scores) add_to_second(tree, score == 1);
      forest.trees.push_back(std::move(tree));
    }
  if (two_scores) forest.start = {forest.start[1] - forest.start[0]}, forest.link = Link::logistic;
  const int64_t trees_a_score = int64_t(forest.trees.size() / forest.start.size());
  HY_TRY(Model model, model_of(std::move(forest), "xgboost", where));
  const int64_t parallel = parse_integer(text_at(*trees_of, "gbtree_model_param.num_parallel_tree")).value_or(1);
  note_best_round(root, trees_a_score, (two_scores ? 2 : 1) * std::clamp<int64_t>(parallel, 1, trees_a_score), model);
  return model;
}

}  // namespace hayate
