// Trees as other programs write them down, and the model they make.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hayate/error.h"
#include "hayate/model.h"

namespace hayate {

/// Values up to `threshold` go left. `left` and `right` are places in ImportedTree::nodes; both 0 in a leaf.
struct ImportedNode {
  int32_t feature = 0;
  float threshold = 0;
  bool missing_left = false;
  uint32_t left = 0, right = 0;
  double value = 0;  ///< of a leaf

  bool is_leaf() const { return left == 0 && right == 0; }
};

/// In any order, the root first.
struct ImportedTree {
  std::vector<ImportedNode> nodes;
  std::vector<double> cover;  ///< by node; empty when not known
};

/// A sum of trees; tree t adds to score t % start.size().
struct ImportedForest {
  Problem problem = Problem::regression;
  int32_t num_classes = 0;
  Link link = Link::identity;
  std::vector<double> start;
  std::vector<std::string> features;
  std::vector<ImportedTree> trees;
};

/// The largest float32 <= x: a float32 value is <= x exactly when it is <= that.
float float_at_most(double x);

/// Nodes in our order, thresholds as cuts, or one a node when a feature has more than 254. Classes are named "0", "1", ... Errors (input):
/// scores that do not fit the classes, a node reached twice or from outside, a value that is not finite.
Result<Model> model_of(ImportedForest forest, const std::string& format, const std::string& where);

}  // namespace hayate
