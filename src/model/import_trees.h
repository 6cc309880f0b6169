// Trees as other programs write them down, and the model they make.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hayate/error.h"
#include "hayate/model.h"
#include "io/json_reader.h"

namespace hayate {

/// A test for some of all whole numbers, as of numbers on a line: values up to the first turn go to one side, those from there up to the
/// second one to the other side, and so on. Digits behind the point don't count.
struct ImportedSet {
  bool begins_left = false;
  std::vector<float> turns;  ///< ascending
};

/// Values up to `threshold` go left, or those that `set` says. `left` and `right` are places in ImportedTree::nodes; both 0 in a leaf.
struct ImportedNode {
  int32_t feature = 0;
  float threshold = 0;
  bool missing_left = false;
  uint32_t left = 0, right = 0;
  double value = 0;  ///< of a leaf
  int32_t set = -1;  ///< a place in ImportedTree::sets; of a split by categories

  bool is_leaf() const { return left == 0 && right == 0; }
};

/// In any order, the root first.
struct ImportedTree {
  std::vector<ImportedNode> nodes;
  std::vector<double> cover;  ///< by node; empty when not known
  std::vector<ImportedSet> sets;
};

/// A sum of trees; tree t adds to score t % start.size().
struct ImportedForest {
  Problem problem = Problem::regression;
  int32_t num_classes = 0;
  Link link = Link::identity;
  std::vector<double> start;
  std::vector<std::string> features;
  std::vector<std::vector<std::string>> categories = {};  ///< by feature: what is called 0, 1, ... in a table, when the file tells
  std::vector<ImportedTree> trees;
};

/// Adds the whole numbers from `first` up to below `last`, all above those added before, to what does not go where the set begins.
/// `behind_zero`: where values between -1 and 0 belong to 0, as their digits are cut off.
void add_to_set(ImportedSet& set, uint32_t first, uint32_t last, bool behind_zero);
/// Whole numbers below it are float32 values with all of their neighbours.
constexpr uint32_t kMostCategories = 1u << 24;

/// The largest float32 <= x: a float32 value is <= x exactly when it is <= that.
float float_at_most(double x);

/// Two classes with a score each, p = softmax(a, b), are p = logistic(b - a) of one: the trees of the first score count the other way.
void add_to_second(ImportedTree& tree, bool is_second);

/// What a category is called in a table: a text, or a number as class_name() writes it.
std::string category_name(const io::Json& category);

/// Nodes in our order, thresholds as cuts, or one a node when a feature has more than 254; features that some split by categories tests
/// become ranges (Forest::categorical). Classes are named "0", "1", ... Errors (input):
/// scores that do not fit the classes, a node reached twice or from outside, a value that is not finite,
/// sets that would take more than 128 MiB.
Result<Model> model_of(ImportedForest forest, const std::string& format, const std::string& where);

}  // namespace hayate
