// What a trained model is: trees or coefficients, names; how it predicts; and the bytes of its file (docs/formats/model.md).
// Nothing here trains: hayate/learner.h does. Everything is a plain value; a loaded or trained model is read-only and may
// be used from any number of threads at once.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "hayate/error.h"
#include "hayate/problem.h"

namespace hayate {

/// float32 values column by column: value (row, feature) is data[feature * stride + row]. NaN is missing, infinities are ordered.
struct FloatColumns {
  const float* data = nullptr;
  int64_t num_rows = 0;
  int64_t num_features = 0;
  int64_t stride = 0;                       ///< values from one column to the next, >= num_rows
  std::span<const std::string> names = {};  ///< of the columns, for params that name some; empty: they are called 0, 1, ...

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

/// The categories of one feature that go left: bit c of 256 for code c.
struct CategorySet {
  std::array<uint64_t, 4> bits{};

  bool has(uint8_t code) const { return bits[code >> 6] >> (code & 63) & 1; }
  void add(uint8_t code) { bits[code >> 6] |= uint64_t{1} << (code & 63); }
  bool operator==(const CategorySet&) const = default;
};

/// How the scores of a sum of trees, or of a linear model, become what is predicted.
enum class Link : uint8_t {
  identity = 0,
  logistic = 1,     ///< two classes, one score: p(class 1) = 1 / (1 + e^-score)
  softmax = 2,      ///< one score per class
  exponential = 3,  ///< Poisson: e^score
};

/// Maps of what a classifier says to probabilities that come true as often as they say: one for two classes, else one per class.
/// A mean of trees gives its shares to the maps, a sum of trees or a linear model its scores: the maps stand in for the link.
/// With several classes the results are divided by their sum. As scikit-learn's CalibratedClassifierCV has it.
struct Calibration {
  enum class Method : uint8_t {
    none = 0,
    platt = 1,     ///< p = 1 / (1 + e^(x s + y)) of a score s: one pair (x, y) a map
    isotonic = 2,  ///< linear between knots (x, y), both ascending; beyond them as at the last
  };
  Method method = Method::none;
  std::vector<uint32_t> start;  ///< map k owns pairs start[k] .. start[k + 1]
  std::vector<double> x, y;

  bool empty() const { return method == Method::none; }
  /// `in`: what each map reads; `out`: a probability per class. They may be the same place.
  void apply(std::span<const double> in, std::span<double> out) const;
  bool operator==(const Calibration&) const = default;
};

/// How the trees of a forest are joined.
enum class Joined : uint8_t {
  mean = 0,  ///< a random forest: each tree answers by itself, and the answers are averaged
  sum = 1,   ///< boosting: tree t adds to score t % num_scores(), on top of `start`, and the link makes the answer
};

/// A mean or sum of trees. Every node, not only leaves, has its own values, so that the first T trees of a mean cut at depth D
/// are bit for bit the forest that training with num_trees = T, max_depth = D would give.
struct Forest {
  Problem problem = Problem::regression;
  int32_t num_classes = 0;  ///< 0 for regression and ranking
  Joined joined = Joined::mean;
  Link link = Link::identity;           ///< of a sum
  std::vector<double> start;            ///< of a sum: num_scores() values, the scores before the first tree
  Cuts cuts;                            ///< num_features is cuts.num_features()
  std::vector<uint32_t> tree_start{0};  ///< tree t owns nodes tree_start[t] .. tree_start[t + 1]
  std::vector<TreeNode> nodes;
  std::vector<double>
      values;                ///< values_per_node() a node: the mean label; the share of class 1; the share of each class (3 or more); what a sum adds
  std::vector<float> cover;  ///< weight of the training rows that reached each node; empty when not known (imported models)
  std::vector<double> importance;  ///< gain per feature, sums to 1 (all 0 when no tree splits)

  /// Per node when training tried every threshold there is (bins = exact): rows with x <= thresholds[node] go left, `cut` is 0
  /// and a feature has no cuts, unless its values are categories. Empty otherwise.
  std::vector<float> thresholds;
  /// Per feature: 1 when its values are categories. Its cuts are the categories known, ascending; `cut` of a node that tests it
  /// counts from set_start[t] into `sets`. A value that is none of them goes where missing ones go. Empty when no feature is.
  /// 2 when its cuts part all numbers into ranges, however many, and a node tests for a set of ranges: code / 256 sets behind the
  /// first one is that of a code. What imported models have, where a category is a whole number and digits behind the point don't count.
  std::vector<uint8_t> categorical;
  std::vector<uint32_t> set_start;  ///< tree t owns sets set_start[t] .. set_start[t + 1]; empty with `categorical`
  std::vector<CategorySet> sets;

  Calibration calibration = {};  ///< of a classification; empty: none

  bool is_categorical(int64_t feature) const { return !categorical.empty() && categorical[size_t(feature)] != 0; }
  bool is_ranges(int64_t feature) const { return !categorical.empty() && categorical[size_t(feature)] == 2; }
  /// How many of `sets` a node has that tests this categorical feature.
  size_t sets_of(int64_t feature) const { return is_ranges(feature) ? cuts.of(feature).size() / 256 + 1 : 1; }
  /// Where a row with the value x of its feature goes from inner node `node` of tree t: what every way to predict agrees with.
  bool goes_left(int64_t t, uint32_t node, float x) const;
  /// Of an inner node that tests no categories: the largest x that goes left.
  float threshold(int64_t t, uint32_t node) const;

  int64_t num_features() const { return cuts.num_features(); }
  int64_t num_trees() const { return int64_t(tree_start.size()) - 1; }
  int32_t values_per_node() const { return num_classes > 2 && joined == Joined::mean ? num_classes : 1; }
  /// Sums kept per row: one, or one per class with three classes and more.
  int32_t num_scores() const { return num_classes > 2 ? num_classes : 1; }
  /// Numbers predicted per row: 1 for regression, num_classes for classification.
  int32_t num_outputs() const { return problem == Problem::classification ? num_classes : 1; }
  std::span<const TreeNode> tree(int64_t t) const { return {nodes.data() + tree_start[t], nodes.data() + tree_start[t + 1]}; }
  bool operator==(const Forest&) const = default;
};

/// score k = intercepts[k] + sum over features of coefficients[k * num_features + f] * x[f], x[f] = fill[f] where it is missing;
/// the link makes the answer of the scores. Scalers are multiplied into the coefficients.
struct Linear {
  Problem problem = Problem::regression;
  int32_t num_classes = 0;           ///< 0 for regression
  Link link = Link::identity;        ///< identity, logistic or softmax
  std::vector<double> intercepts;    ///< one a score: 1 for regression and two classes, else one per class
  std::vector<double> coefficients;  ///< score by score
  std::vector<double> fill;          ///< per feature, finite: the mean of the training rows
  Calibration calibration = {};      ///< of a classification; empty: none

  int64_t num_features() const { return int64_t(fill.size()); }
  int32_t num_scores() const { return int32_t(intercepts.size()); }
  int32_t num_outputs() const { return problem == Problem::classification ? num_classes : 1; }
  bool operator==(const Linear&) const = default;
};

/// A weighted mean of what its parts predict: numbers, or probabilities. What `hayate automl` makes of several models.
struct Blend {
  Problem problem = Problem::regression;
  int32_t num_classes = 0;                          ///< 0 for regression
  std::vector<double> weights;                      ///< one a part, finite and above 0
  std::vector<std::variant<Forest, Linear>> parts;  ///< at least one, all for the same features and classes

  int64_t num_features() const;
  int32_t num_outputs() const { return problem == Problem::classification ? num_classes : 1; }
  int32_t num_scores() const { return num_classes > 2 ? num_classes : 1; }
  bool operator==(const Blend&) const = default;
};

/// What one training gives.
using Predictor = std::variant<Forest, Linear, Blend>;

Problem problem_of(const Predictor& predictor);
int64_t num_features(const Predictor& predictor);
int32_t num_outputs(const Predictor& predictor);
/// What each feature counts for, adding up to 1 (all 0 when nothing does): gain of a forest; |coefficient| x spread is not
/// known to a linear model, so it has none and gives an empty list.
std::vector<double> importance_of(const Predictor& predictor);

/// Which part of a forest answers: the first num_trees trees (of a sum: the first num_trees rounds, each num_scores() trees),
/// cut at max_depth (the root has depth 0; a sum can't be cut at a depth, and max_depth is ignored). 0 means all.
struct ForestCut {
  int64_t num_trees = 0;
  int64_t max_depth = 0;
};

/// Predicts every row of `raw`: `out` is row-major, num_rows x num_outputs() (regression: the mean over trees;
/// classification: probabilities, a column per class). A missing value goes where training sent it. Trees are
/// added in their order in float64, so the answer does not depend on how rows are cut into calls.
/// raw.num_features == forest.num_features().
void predict(const Forest& forest, const FloatColumns& raw, std::span<double> out, ForestCut cut = {});
/// The same of any predictor; `cut` concerns forests. A linear model adds its terms in the order of the features, in float64.
void predict(const Linear& linear, const FloatColumns& raw, std::span<double> out);
void predict(const Blend& blend, const FloatColumns& raw, std::span<double> out);
void predict(const Predictor& predictor, const FloatColumns& raw, std::span<double> out, ForestCut cut = {});
/// The same from codes (a BinnedMatrix made with the same cuts) for the rows listed, in their order. The forest has no
/// thresholds of its own.
void predict_codes(const Forest& forest, const CodeColumns& codes, std::span<const int32_t> rows, std::span<double> out, ForestCut cut = {});
/// One row of num_features() values without any allocation; `out` has num_outputs() places. Equals predict() bit for bit.
void predict_row(const Forest& forest, std::span<const float> row, std::span<double> out, ForestCut cut = {});

/// The leaf that every row of `raw` reaches in every tree used, as its index within the tree: row-major, num_rows x trees.
void apply(const Forest& forest, const FloatColumns& raw, std::span<uint32_t> out, ForestCut cut = {});
/// The nodes of tree t that one row passes, root first, leaf last.
std::vector<uint32_t> decision_path(const Forest& forest, int64_t t, std::span<const float> row, ForestCut cut = {});

/// What the maps of a calibration read: row-major, num_rows x (1 for two classes, else one per class). `predictor` has no calibration.
std::vector<double> calibration_inputs(const Predictor& predictor, const FloatColumns& raw);

/// What the scores of one row become: `out` has 1 place for one score without classes, else one per class.
void apply_link(Link link, std::span<const double> scores, std::span<double> out);

/// One learner's result for one problem: one predictor, or one per key (symbol).
struct Model {
  Problem problem = Problem::regression;
  std::string learner = "forest";
  std::string label;                                       ///< name of the label column
  std::vector<std::string> features;                       ///< names, in the order of the columns
  std::vector<std::string> classes;                        ///< names in class order; empty for regression
  std::string params;                                      ///< "num_trees=50,max_depth=8": what training was asked for
  std::string key_column;                                  ///< name of the key column; empty for one model
  std::vector<std::pair<std::string, std::string>> notes;  ///< free text pairs: feature expressions, spec, data
  std::vector<std::string> keys;                           ///< ascending, unique, one per predictor; {""} for one model
  std::vector<Predictor> predictors;

  /// The place of `key` in `keys`, or nothing. One model without a key column answers to every key.
  std::optional<size_t> place_of(std::string_view key) const;
  /// The predictor of `key`, or null.
  const Predictor* find(std::string_view key) const;
  bool operator==(const Model&) const = default;
};

/// The predictor of `key`, or the only one when `key` is empty. Errors (usage): several and no key; a key nobody has.
Result<const Predictor*> pick_predictor(const Model& model, std::string_view key);

/// The bytes of a .hyt file; the same model gives the same bytes (no time, no path). The caller writes them.
/// `model.keys` must ascend, and every predictor must have features.size() features and classes.size() classes.
std::string serialize(const Model& model);

/// A predictor as the bytes that a .hyt file keeps of it: a tenth of its memory for a forest of classes. Whoever trains many
/// packs each where it was trained.
struct PackedPredictor {
  uint32_t kind = 0;
  uint64_t size = 0;  ///< of the bytes without the zeros at their end
  uint64_t checksum = 0;
  std::string bytes;
};
PackedPredictor pack(const Predictor& predictor);
/// The bytes that serialize() gives of `head` with these predictors, one per key, in pieces: the first Error of `write` ends it.
Result<void> write_model(const Model& head, std::span<const PackedPredictor> predictors, const std::function<Result<void>(std::string_view)>& write);

/// A model from the bytes of a .hyt file. Any flipped, missing or added byte is an Error (Kind::input), as is a file of
/// another kind or a newer version. `where` names the source in errors.
Result<Model> parse_model(std::string_view bytes, const std::string& where);
/// A predictor alone, for whoever stores it among other things and checks those bytes himself. `out` has a multiple of 8 bytes.
void append_predictor(const Predictor& predictor, std::string& out);
/// Takes a predictor that append_predictor wrote off the front of `bytes`. Nothing when they are no such thing.
std::optional<Predictor> take_predictor(std::string_view& bytes);
/// parse_model() of a file.
Result<Model> load_model(const std::string& path);

/// A .hyt file whose predictors are unpacked when they are asked for: of 5,000 models those that a table has rows for.
class ModelFile {
 public:
  /// Every byte of the file is held against its checksum here.
  static Result<ModelFile> open(const std::string& path);
  ModelFile(ModelFile&&) noexcept;
  ModelFile& operator=(ModelFile&&) noexcept;
  ~ModelFile();

  /// The model without its predictors.
  const Model& head() const;
  /// The predictor of head().keys[place]. From any number of threads.
  Result<Predictor> predictor(size_t place) const;

 private:
  struct State;
  explicit ModelFile(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace hayate
