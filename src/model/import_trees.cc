#include "model/import_trees.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "model/forest_section.h"

namespace hayate {
namespace {

constexpr const char* kWriteAgain = "write the model again in its own program";

/// The thresholds of every feature as its cuts; none at all when a feature has more than a code can tell apart.
Cuts cuts_of(const ImportedForest& forest) {
  std::vector<std::vector<float>> values(forest.features.size());
  for (const ImportedTree& tree : forest.trees)
    for (const ImportedNode& node : tree.nodes)
      if (!node.is_leaf() && std::isfinite(node.threshold)) values[size_t(node.feature)].push_back(node.threshold + 0.0f);  // no -0.0
  Cuts cuts, none;
  for (std::vector<float>& own : values) {
    std::sort(own.begin(), own.end());
    own.erase(std::unique(own.begin(), own.end()), own.end());
    cuts.values.insert(cuts.values.end(), own.begin(), own.end());
    cuts.start.push_back(uint32_t(cuts.values.size()));
    none.start.push_back(0);
  }
  const bool fits = std::none_of(values.begin(), values.end(), [](const auto& own) { return own.size() >= kMissingCode; });
  return fits ? cuts : none;
}

bool has_splits(const ImportedForest& forest) {
  return std::any_of(forest.trees.begin(), forest.trees.end(), [](const ImportedTree& tree) { return tree.nodes.size() > 1; });
}

/// Where the threshold stands among the cuts of its feature; behind the last one when all present values go left.
uint16_t cut_of(const Cuts& cuts, const ImportedNode& node) {
  const auto own = cuts.of(node.feature);
  return uint16_t(std::lower_bound(own.begin(), own.end(), node.threshold) - own.begin());
}

/// Appends the tree breadth-first, brothers side by side. False: it is no tree.
bool append_tree(const ImportedTree& tree, bool by_node, Forest& forest) {
  std::vector<uint32_t> order = {0};
  for (size_t i = 0; i < order.size(); ++i) {
    const ImportedNode& from = tree.nodes[order[i]];
    forest.values.push_back(from.is_leaf() ? from.value : 0);
    if (!tree.cover.empty()) forest.cover.push_back(float(tree.cover[order[i]]));
    if (by_node) forest.thresholds.push_back(from.is_leaf() ? 0 : from.threshold + 0.0f);
    if (from.is_leaf()) {
      if (!std::isfinite(from.value)) return false;
      forest.nodes.push_back({uint32_t(i) << 1, 0, TreeNode::kLeafCut});
      continue;
    }
    if (from.left >= tree.nodes.size() || from.right >= tree.nodes.size() || order.size() + 2 > tree.nodes.size() || std::isnan(from.threshold))
      return false;
    const bool nothing_present_left = from.threshold == -std::numeric_limits<float>::infinity();
    if (nothing_present_left) return false;
    forest.nodes.push_back(
        {uint32_t(order.size()) << 1 | (from.missing_left ? 1u : 0u), uint16_t(from.feature), by_node ? uint16_t{0} : cut_of(forest.cuts, from)});
    order.push_back(from.left), order.push_back(from.right);
  }
  forest.tree_start.push_back(uint32_t(forest.nodes.size()));
  return true;
}

}  // namespace

float float_at_most(double x) {
  const float near = float(x);
  return double(near) > x ? std::nextafter(near, -std::numeric_limits<float>::infinity()) : near;
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
  forest.cuts = cuts_of(imported);
  const bool by_node = forest.cuts.values.empty() && has_splits(imported);
  for (size_t t = 0; t < imported.trees.size(); ++t)
    if (!append_tree(imported.trees[t], by_node, forest)) return input_error(fmt::format("tree {} does not hold together", t), where, kWriteAgain);
  if (forest.cover.size() != forest.nodes.size()) forest.cover.clear();
  forest.importance.assign(imported.features.size(), 0);
  Model model;
  model.problem = imported.problem, model.learner = "boosting", model.label = "label", model.features = std::move(imported.features);
  for (int32_t c = 0; c < imported.num_classes; ++c) model.classes.push_back(fmt::format("{}", c));
  model.notes.emplace_back("imported", format);
  model.keys = {""};
  model.predictors = {std::move(forest)};
  return model;
}

}  // namespace hayate
