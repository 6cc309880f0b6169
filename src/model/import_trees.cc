#include "model/import_trees.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <utility>

#include "base/strings.h"
#include "model/forest_section.h"

namespace hayate {
namespace {

constexpr const char* kWriteAgain = "write the model again in its own program";

/// Per feature: 2 when it is tested for categories; empty when none is.
std::vector<uint8_t> find_ranges(const ImportedForest& forest) {
  std::vector<uint8_t> out(forest.features.size(), 0);
  for (const ImportedTree& tree : forest.trees)
    for (const ImportedNode& node : tree.nodes)
      if (node.set >= 0) out[size_t(node.feature)] = 2;
  return std::find(out.begin(), out.end(), 2) == out.end() ? std::vector<uint8_t>() : out;
}

void sort_values(std::vector<float>& values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

/// What the nodes compare every feature with, ascending.
std::vector<std::vector<float>> compared_values(const ImportedForest& forest) {
  std::vector<std::vector<float>> out(forest.features.size());
  std::vector<size_t> most(out.size(), 1 << 16);  // values before those that trees repeat are dropped
  for (const ImportedTree& tree : forest.trees) {
    std::set<std::pair<int32_t, int32_t>> taken;  // sets and features: nodes may share a set
    for (const ImportedNode& node : tree.nodes) {
      if (node.is_leaf()) continue;
      std::vector<float>& own = out[size_t(node.feature)];
      if (node.set < 0 && std::isfinite(node.threshold)) own.push_back(node.threshold + 0.0f);  // no -0.0
      if (node.set < 0 || !taken.emplace(node.set, node.feature).second) continue;
      const std::vector<float>& turns = tree.sets[size_t(node.set)].turns;
      own.insert(own.end(), turns.begin(), turns.end());
      if (own.size() > most[size_t(node.feature)])
        sort_values(own), most[size_t(node.feature)] = std::max(most[size_t(node.feature)], 2 * own.size());
    }
  }
  for (std::vector<float>& own : out) sort_values(own);
  return out;
}

/// These values as cuts. `by_node`: when a feature has more than a code can tell apart, only the ranges keep theirs.
Cuts cuts_of(const ImportedForest& imported, const std::vector<uint8_t>& ranges, bool& by_node) {
  const std::vector<std::vector<float>> values = compared_values(imported);
  const auto is_range = [&](size_t f) { return !ranges.empty() && ranges[f] != 0; };
  by_node = false;
  for (size_t f = 0; f < values.size(); ++f) by_node |= !is_range(f) && values[f].size() >= kMissingCode;
  Cuts cuts;
  for (size_t f = 0; f < values.size(); ++f) {
    if (!by_node || is_range(f)) cuts.values.insert(cuts.values.end(), values[f].begin(), values[f].end());
    cuts.start.push_back(uint32_t(cuts.values.size()));
  }
  return cuts;
}

/// Where the threshold stands among the cuts of its feature; behind the last one when all present values go left.
uint16_t cut_of(const Cuts& cuts, const ImportedNode& node) {
  const auto own = cuts.of(node.feature);
  return uint16_t(std::lower_bound(own.begin(), own.end(), node.threshold) - own.begin());
}

constexpr size_t kMostSets = size_t{1} << 22;  // of 32 bytes, in all trees

/// Appends what a node says of the ranges of its feature. False: sets enough.
bool append_sets(const ImportedTree& tree, const ImportedNode& node, Forest& forest) {
  const std::span<const float> cuts = forest.cuts.of(node.feature);
  const size_t first = forest.sets.size(), own = forest.sets_of(node.feature);
  if (first - forest.set_start.back() + own > TreeNode::kLeafCut || first + own > kMostSets) return false;
  forest.sets.resize(first + own);
  const std::vector<float> threshold = std::isfinite(node.threshold) ? std::vector<float>{node.threshold} : std::vector<float>();
  const std::vector<float>& turns = node.set < 0 ? threshold : tree.sets[size_t(node.set)].turns;
  bool left = node.set < 0 || tree.sets[size_t(node.set)].begins_left;
  size_t turn = 0;
  for (size_t code = 0; code <= cuts.size(); ++code) {
    if (left) forest.sets[first + code / 256].add(uint8_t(code % 256));
    if (code < cuts.size() && turn < turns.size() && cuts[code] == turns[turn]) left = !left, ++turn;
  }
  return true;
}

size_t most_ranges(const Forest& forest) {
  size_t most = 0;
  for (int64_t f = 0; f < forest.num_features(); ++f)
    if (forest.is_ranges(f)) most = std::max(most, forest.cuts.of(f).size());
  return most;
}

enum class Appended { whole, no_tree, too_many_sets };

/// Appends the tree breadth-first, brothers side by side.
Appended append_tree(const ImportedTree& tree, bool by_node, Forest& forest) {
  std::vector<uint32_t> order = {0};
  for (size_t i = 0; i < order.size(); ++i) {
    const ImportedNode& from = tree.nodes[order[i]];
    forest.values.push_back(from.is_leaf() ? from.value : 0);
    if (!tree.cover.empty()) forest.cover.push_back(float(tree.cover[order[i]]));
    if (by_node) forest.thresholds.push_back(from.is_leaf() || forest.is_ranges(from.feature) ? 0 : from.threshold + 0.0f);
    if (from.is_leaf()) {
      if (!std::isfinite(from.value)) return Appended::no_tree;
      forest.nodes.push_back({uint32_t(i) << 1, 0, TreeNode::kLeafCut});
      continue;
    }
    if (from.left >= tree.nodes.size() || from.right >= tree.nodes.size() || order.size() + 2 > tree.nodes.size() || std::isnan(from.threshold))
      return Appended::no_tree;
    const bool nothing_present_left = from.threshold == -std::numeric_limits<float>::infinity();
    if (nothing_present_left) return Appended::no_tree;
    uint16_t cut = 0;
    if (forest.is_ranges(from.feature)) {
      cut = uint16_t(forest.sets.size() - forest.set_start.back());
      if (!append_sets(tree, from, forest)) return Appended::too_many_sets;
    } else if (!by_node) {
      cut = cut_of(forest.cuts, from);
    }
    forest.nodes.push_back({uint32_t(order.size()) << 1 | (from.missing_left ? 1u : 0u), uint16_t(from.feature), cut});
    order.push_back(from.left), order.push_back(from.right);
  }
  forest.tree_start.push_back(uint32_t(forest.nodes.size()));
  if (!forest.categorical.empty()) forest.set_start.push_back(uint32_t(forest.sets.size()));
  return Appended::whole;
}

}  // namespace

void add_to_set(ImportedSet& set, uint32_t first, uint32_t last, bool behind_zero) {
  const auto below = [](uint32_t number) { return std::nextafter(float(number), -std::numeric_limits<float>::infinity()); };
  const float begin = first == 0 && behind_zero ? -1.0f : below(first);
  if (!set.turns.empty() && set.turns.back() == begin)
    set.turns.back() = below(last);
  else
    set.turns.push_back(begin), set.turns.push_back(below(last));
}

float float_at_most(double x) {
  const float near = float(x);
  return double(near) > x ? std::nextafter(near, -std::numeric_limits<float>::infinity()) : near;
}

void add_to_second(ImportedTree& tree, bool is_second) {
  for (ImportedNode& node : tree.nodes)
    if (!is_second) node.value = -node.value;
}

std::string category_name(const io::Json& category) {
  if (const std::string* text = category.text()) return *text;
  if (const bool* flag = category.flag()) return *flag ? "1" : "0";
  const double number = category.number(std::nan(""));
  if (std::isnan(number)) return "";
  return number == std::floor(number) && std::abs(number) < 0x1p53 ? fmt::format("{}", int64_t(number)) : format_shortest(number);
}

Result<Model> model_of(ImportedForest imported, const std::string& format, const std::string& where) {
  if (imported.features.empty() || imported.features.size() > 65'535)
    return input_error(fmt::format("{} features", imported.features.size()), where, kWriteAgain);
  if (!problem_holds(imported.problem, imported.num_classes, imported.link, imported.start.size()))
    return input_error(fmt::format("{} scores for {}", imported.start.size(),
                                   imported.num_classes > 0 ? fmt::format("{} classes", imported.num_classes) : "a number"),
                       where, "a number and two classes take one score, more classes one each: train two classes with a binary objective");
  Forest forest;
  forest.problem = imported.problem, forest.num_classes = imported.num_classes;
  forest.joined = Joined::sum, forest.link = imported.link, forest.start = imported.start;
  forest.categorical = find_ranges(imported);
  if (!forest.categorical.empty()) forest.set_start = {0};
  bool by_node = false;
  forest.cuts = cuts_of(imported, forest.categorical, by_node);
  for (size_t t = 0; t < imported.trees.size(); ++t) {
    const Appended appended = append_tree(imported.trees[t], by_node, forest);
    if (appended == Appended::no_tree) return input_error(fmt::format("tree {} does not hold together", t), where, kWriteAgain);
    if (appended == Appended::too_many_sets)
      return input_error(
          fmt::format("tree {}: splits on features of {} categories and more take more than a model file holds", t, most_ranges(forest)), where,
          "train with fewer trees or leaves, or join the rare categories");
  }
  if (forest.cover.size() != forest.nodes.size()) forest.cover.clear();
  forest.importance.assign(imported.features.size(), 0);
  Model model;
  model.problem = imported.problem, model.learner = "boosting", model.label = "label", model.features = std::move(imported.features);
  for (int32_t c = 0; c < imported.num_classes; ++c) model.classes.push_back(fmt::format("{}", c));
  model.notes.emplace_back("imported", format);
  for (size_t f = 0; f < imported.categories.size(); ++f)
    for (std::string& name : imported.categories[f]) model.notes.emplace_back("category " + model.features[f], std::move(name));
  model.keys = {""};
  model.predictors = {std::move(forest)};
  return model;
}

}  // namespace hayate
