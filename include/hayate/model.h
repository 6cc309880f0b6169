// What a trained model is: cut points, trees, names; how it predicts; and the bytes of its file (docs/formats/model.md).
// Nothing here trains: hayate/forest.h does. Everything is a plain value; a loaded or trained model is read-only and may
// be used from any number of threads at once.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hayate/error.h"
#include "hayate/problem.h"

namespace hayate {

/// float32 values column by column: value (row, feature) is data[feature * stride + row]. NaN is missing, infinities are ordered.
struct FloatColumns {
  const float* data = nullptr;
  int64_t num_rows = 0;
  int64_t num_features = 0;
  int64_t stride = 0;  ///< values from one column to the next, >= num_rows

  const float* column(int64_t feature) const { return data + feature * stride; }
};

/// The code of a missing value (NaN). Codes of present values are 0 .. 254.
constexpr uint8_t kMissingCode = 255;

/// One byte per value, column by column, made with the Cuts that the forest carries.
struct CodeColumns {
  const uint8_t* data = nullptr;
  int64_t num_rows = 0;
  int64_t num_features = 0;
  int64_t stride = 0;  ///< bytes from one column to the next

  const uint8_t* column(int64_t feature) const { return data + feature * stride; }
};

/// Thresholds per feature, ascending. The code of x is the number of cuts below x, so `x <= cut[c]` is `code <= c`;
/// -0.0 equals 0.0. Cuts are float32: the comparison gives the same answer in float32 and in float64.
struct Cuts {
  std::vector<uint32_t> start = {0};  ///< feature f owns values start[f] .. start[f + 1]
  std::vector<float> values;

  int64_t num_features() const { return int64_t(start.size()) - 1; }
  std::span<const float> of(int64_t feature) const { return {values.data() + start[feature], values.data() + start[feature + 1]}; }
  /// The largest x that goes left at cut `c`; +infinity when `c` is past the last cut (missing against present).
  float threshold(int64_t feature, uint32_t c) const;
  bool operator==(const Cuts&) const = default;
};

/// Codes of raw values of one feature; at most 254 cuts. `codes` has room for values.size() bytes.
void code_values(std::span<const float> cuts, std::span<const float> values, uint8_t* codes);
/// Codes of all columns of `raw` into `codes`, columns `stride` bytes apart. raw.num_features == cuts.num_features().
void code_columns(const Cuts& cuts, const FloatColumns& raw, uint8_t* codes, int64_t stride);

/// One node, 8 bytes. The nodes of a tree stand breadth-first, brothers side by side, the root at 0.
struct TreeNode {
  uint32_t link = 0;     ///< index of the left child within the tree * 2 + (1 when missing values go left); the right child follows the left
  uint16_t feature = 0;  ///< 0 in a leaf
  uint16_t cut = 0;      ///< rows with code <= cut go left; kLeafCut in a leaf, whose child is the leaf itself

  static constexpr uint16_t kLeafCut = 0xFFFF;
  bool is_leaf() const { return cut == kLeafCut; }
  uint32_t child() const { return link >> 1; }
  bool missing_left() const { return link & 1; }
  bool operator==(const TreeNode&) const = default;
};
static_assert(sizeof(TreeNode) == 8);

/// A sum or mean of trees. Every node, not only leaves, has its own values, so that the first T trees cut at depth D are
/// bit for bit the forest that training with num_trees = T, max_depth = D would give.
struct Forest {
  Problem problem = Problem::regression;
  int32_t num_classes = 0;              ///< 0 for regression
  Cuts cuts;                            ///< num_features is cuts.num_features()
  std::vector<uint32_t> tree_start{0};  ///< tree t owns nodes tree_start[t] .. tree_start[t + 1]
  std::vector<TreeNode> nodes;
  std::vector<double> values;      ///< values_per_node() a node: the mean label; the share of class 1; the share of each class (3 or more)
  std::vector<double> importance;  ///< gain per feature, sums to 1 (all 0 when no tree splits)

  int64_t num_features() const { return cuts.num_features(); }
  int64_t num_trees() const { return int64_t(tree_start.size()) - 1; }
  int32_t values_per_node() const { return num_classes > 2 ? num_classes : 1; }
  /// Numbers predicted per row: 1 for regression, num_classes for classification.
  int32_t num_outputs() const { return problem == Problem::classification ? num_classes : 1; }
  std::span<const TreeNode> tree(int64_t t) const { return {nodes.data() + tree_start[t], nodes.data() + tree_start[t + 1]}; }
  bool operator==(const Forest&) const = default;
};

/// Which part of a forest answers: the first num_trees trees, cut at max_depth (the root has depth 0). 0 means all.
struct ForestCut {
  int64_t num_trees = 0;
  int64_t max_depth = 0;
};

/// Predicts every row of `raw`: `out` is row-major, num_rows x num_outputs() (regression: the mean over trees;
/// classification: class probabilities averaged over trees). A missing value goes where training sent it. Trees are
/// added in their order in float64, so the answer does not depend on how rows are cut into calls.
/// raw.num_features == forest.num_features().
void predict(const Forest& forest, const FloatColumns& raw, std::span<double> out, ForestCut cut = {});
/// The same from codes (a BinnedMatrix made with the same cuts) for the rows listed, in their order.
void predict_codes(const Forest& forest, const CodeColumns& codes, std::span<const int32_t> rows, std::span<double> out, ForestCut cut = {});
/// One row of num_features() values without any allocation; `out` has num_outputs() places. Equals predict() bit for bit.
void predict_row(const Forest& forest, std::span<const float> row, std::span<double> out, ForestCut cut = {});

/// One learner's result for one problem: one forest, or one per key (symbol). Later learners join as further kinds.
struct Model {
  Problem problem = Problem::regression;
  std::string learner = "forest";
  std::string label;                                       ///< name of the label column
  std::vector<std::string> features;                       ///< names, in the order of the columns
  std::vector<std::string> classes;                        ///< names in class order; empty for regression
  std::string params;                                      ///< "num_trees=50,max_depth=8": what training was asked for
  std::string key_column;                                  ///< name of the key column; empty for one model
  std::vector<std::pair<std::string, std::string>> notes;  ///< free text pairs: feature expressions, spec, data
  std::vector<std::string> keys;                           ///< ascending, unique, one per forest; {""} for one model
  std::vector<Forest> forests;

  /// The forest of `key`, or null. One model without a key column answers to every key.
  const Forest* find(std::string_view key) const;
  bool operator==(const Model&) const = default;
};

/// The bytes of a .hyt file; the same model gives the same bytes (no time, no path). The caller writes them.
/// `model.keys` must ascend, and every forest must have features.size() features and classes.size() classes.
std::string serialize(const Model& model);

/// A model from the bytes of a .hyt file. Any flipped, missing or added byte is an Error (Kind::input), as is a file of
/// another kind or a newer version. `where` names the source in errors.
Result<Model> parse_model(std::string_view bytes, const std::string& where);
/// The same from a file.
Result<Model> load_model(const std::string& path);

}  // namespace hayate
