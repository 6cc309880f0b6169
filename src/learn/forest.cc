// Checks what the caller gave, turns labels and weights into whole numbers once, grows the trees (one task each) and joins
// them in their order.
#include "hayate/forest.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <iterator>
#include <optional>

#include "exec/pool.h"
#include "learn/codes.h"
#include "learn/impurity.h"
#include "learn/out_of_bag.h"
#include "learn/params.h"
#include "learn/share.h"
#include "learn/tree.h"

namespace hayate {
namespace {

using namespace learn;

Result<void> check_fields(ForestParams params) {
  FieldList fields = fields_of(params);
  for (Field& field : fields) HY_CHECK(field.set(field.text(), "forest parameters", ""));
  return check_values(params, "forest parameters");
}

Result<void> check_label(const Labels& labels, Criterion criterion, int32_t row) {
  if (labels.problem == Problem::classification) {
    const int32_t id = labels.classes[row];
    if (id >= 0 && id < labels.num_classes) return {};
    return input_error(fmt::format("class {} of row {} is not one of {} classes", id, row, labels.num_classes), "labels",
                       "number the classes from 0");
  }
  if (criterion == Criterion::poisson && labels.values[row] < 0)
    return input_error(fmt::format("the label of row {} is {}, poisson learns counts", row, labels.values[row]), "labels",
                       "labels of 0 or more, or criterion=squared_error");
  if (std::isfinite(labels.values[row])) return {};
  return input_error(fmt::format("the label of row {} is {}", row, labels.values[row]), "labels",
                     "leave out rows whose label is not a finite number");
}

/// The training rows that count: those of positive weight.
struct CountedRows {
  std::vector<int32_t> rows, places;  ///< and where each stands among the rows given
};

Result<CountedRows> rows_that_count(const BinnedMatrix& matrix, std::span<const int32_t> rows, const Labels& labels, Criterion criterion,
                                    std::span<const float> weights, const std::vector<double>& class_weights) {
  CountedRows kept;
  kept.rows.reserve(rows.size()), kept.places.reserve(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    const int32_t row = rows[i];
    if (row < 0 || row >= matrix.num_rows)
      return input_error(fmt::format("row {} of {} rows", row, matrix.num_rows), "training rows", "name rows of the matrix");
    HY_CHECK(check_label(labels, criterion, row));
    const float weight = weights.empty() ? 1.0f : weights[row];
    if (!std::isfinite(weight) || weight < 0)
      return input_error(fmt::format("the weight of row {} is {}", row, weight), "weights", "weights are finite numbers, 0 or more");
    if (weight > 0 && (class_weights.empty() || class_weights[size_t(labels.classes[row])] > 0))
      kept.rows.push_back(row), kept.places.push_back(int32_t(i));
  }
  if (kept.rows.empty()) return input_error("no rows to train on", "training rows", "give rows with a label and a positive weight");
  return kept;
}

/// So that all classes present weigh the same, and all rows together what they weighed before.
std::vector<double> balanced_weights(std::span<const int32_t> rows, const Labels& labels, std::span<const float> weights) {
  std::vector<double> of_class(size_t(labels.num_classes), 0.0);
  double all = 0, present = 0;
  for (const int32_t row : rows) of_class[size_t(labels.classes[row])] += weights.empty() ? 1.0 : double(weights[row]);
  for (const double weight : of_class) all += weight, present += weight > 0;
  for (double& weight : of_class) weight = weight > 0 ? all / (present * weight) : 1.0;
  return of_class;
}

/// Whole weights count like repeated rows, as long as nothing asks how many rows there are; others are scaled to 20 bits.
/// Returns whether they are whole.
bool set_weights(std::span<const int32_t> rows, std::span<const float> weights, const std::vector<double>& class_weights, const Target& target,
                 const ForestParams& params, RowWeights& out) {
  if (weights.empty() && class_weights.empty()) return true;
  const Labels& labels = target.labels;
  const size_t num_rows = weights.empty() ? labels.classes.size() : weights.size();
  out.real.resize(num_rows), out.whole.resize(num_rows);
  double largest = 0;
  bool whole = params.min_samples_leaf == 1 && params.min_samples_split == 2;
  for (const int32_t row : rows) {
    const double weight = (weights.empty() ? 1.0 : double(weights[row])) * (class_weights.empty() ? 1.0 : class_weights[size_t(labels.classes[row])]);
    out.real[size_t(row)] = weight;
    largest = std::max(largest, weight);
    whole = whole && weight <= 65'535 && weight == std::floor(weight);
  }
  const double scale = whole ? 1.0 : 0x1p20 / largest;
  for (const int32_t row : rows) out.whole[size_t(row)] = uint32_t(std::max(1.0, std::nearbyint(out.real[size_t(row)] * scale)));
  return whole;
}

/// Sum of counts that one tree can reach.
uint64_t most_units(std::span<const int32_t> rows, const ForestParams& params, const Target& target) {
  const uint64_t draws = uint64_t(draws_per_tree(params, int64_t(rows.size())));
  if (target.weigh_per_tree) return draws << 20;
  uint64_t largest = 1;
  for (const int32_t row : rows) largest = std::max(largest, target.weights.whole.empty() ? uint64_t{1} : target.weights.whole[size_t(row)]);
  return draws * largest;
}

/// Labels in steps of a power of two so fine that all sums of one tree stay below 2^62.
void set_fixed(std::span<const int32_t> rows, uint64_t units, Target& target) {
  const Labels& labels = target.labels;
  target.fixed.resize(labels.values.size());
  const auto quarter = [&](int32_t row) { return labels.values[row] * 0.25; };
  double low = quarter(rows[0]), high = low;
  for (const int32_t row : rows) low = std::min(low, quarter(row)), high = std::max(high, quarter(row));
  int exponent = 0;
  std::frexp(high - low, &exponent);
  const int steps = std::min(1000, 61 - int(std::bit_width(units)) - exponent);
  target.base = low, target.unit = std::ldexp(1.0, -steps);
  const double scale = std::ldexp(1.0, steps);
  for (const int32_t row : rows) target.fixed[row] = std::llrint((quarter(row) - low) * scale);
}

/// True when the tests and the criterion are those of PackedMeasure.
bool is_simple(const BinnedMatrix& matrix, const ForestParams& params, const FeatureRoles& roles, Criterion criterion) {
  return (!matrix.ranked || !matrix.ranked->ranks16.empty()) && matrix.categorical.empty() && roles.monotone.empty() && params.splitter == "best" &&
         (criterion == Criterion::gini || criterion == Criterion::squared_error);
}

Target make_target(std::span<const int32_t> rows, const Labels& labels, std::span<const float> weights, const std::vector<double>& class_weights,
                   const ForestParams& params, Criterion criterion, bool simple) {
  constexpr uint64_t kMostPacked = uint64_t{1} << 26;  // leaves 12 bits of a 64-bit record for the label
  Target target;
  target.labels = labels;
  target.criterion = criterion;
  target.weigh_per_tree = params.class_weight == "balanced_subsample";
  const bool whole = set_weights(rows, weights, class_weights, target, params, target.weights);
  const uint64_t units = most_units(rows, params, target);
  target.packed = simple && whole && !target.weigh_per_tree && labels.num_classes <= 2 && units < kMostPacked;
  if (labels.problem == Problem::regression) set_fixed(rows, units, target);
  return target;
}

/// Inner nodes first in a list: whether a node is one is a coin's toss, and a wrong guess costs as much as the rest.
void append_tree(const Training& training, const Tree& tree, std::vector<uint32_t>& inner, Forest& forest) {
  inner.resize(tree.nodes.size() + 1);
  size_t count = 0;
  for (uint32_t node = 0; node < tree.nodes.size(); ++node) inner[count] = node, count += !tree.nodes[node].is_leaf();
  for (size_t i = 0; i < count; ++i)
    forest.importance[tree.nodes[inner[i]].feature] += impurity_decrease(tree, inner[i], training.target.criterion, training.target.labels);
  forest.nodes.insert(forest.nodes.end(), tree.nodes.begin(), tree.nodes.end());
  forest.values.insert(forest.values.end(), tree.values.begin(), tree.values.end());
  forest.thresholds.insert(forest.thresholds.end(), tree.thresholds.begin(), tree.thresholds.end());
  forest.sets.insert(forest.sets.end(), tree.sets.begin(), tree.sets.end());
  if (!forest.categorical.empty()) forest.set_start.push_back(uint32_t(forest.sets.size()));
  forest.cover.insert(forest.cover.end(), tree.weight.begin(), tree.weight.end());
  forest.tree_start.push_back(uint32_t(forest.nodes.size()));
}

Forest join_trees(const Training& training, const std::vector<Tree>& trees) {
  Forest forest;
  forest.problem = training.target.labels.problem;
  forest.num_classes = training.target.labels.num_classes;
  forest.cuts = training.matrix.cuts;
  forest.importance.assign(size_t(training.matrix.num_features), 0.0);
  forest.categorical = training.matrix.categorical;
  if (!forest.categorical.empty()) forest.set_start = {0};
  size_t nodes = 0;
  for (const Tree& tree : trees) nodes += tree.nodes.size();
  forest.nodes.reserve(nodes), forest.cover.reserve(nodes), forest.values.reserve(nodes * training.values_per_node());
  std::vector<uint32_t> inner;
  for (const Tree& tree : trees) append_tree(training, tree, inner, forest);
  double sum = 0;
  for (const double gain : forest.importance) sum += gain;
  if (sum > 0)
    for (double& gain : forest.importance) gain /= sum;
  return forest;
}

AlignedBytes code_table(const BinnedMatrix& matrix, int64_t stride, exec::Pool* pool) {
  AlignedBytes rows(size_t(matrix.num_rows * stride));
  share_rows(matrix.num_rows, pool, [&](int64_t first, int64_t count) {
    kernels::forest_kernels().table_rows(matrix.codes.data() + first, matrix.stride, count, matrix.num_features, stride,
                                         rows.data() + first * stride);
  });
  return rows;
}

Tree tree_of(const Forest& forest, int64_t t) {
  const auto part = [](const auto& all, size_t begin, size_t end) {
    return std::vector(all.begin() + ptrdiff_t(begin), all.begin() + ptrdiff_t(end));
  };
  const size_t begin = forest.tree_start[size_t(t)], end = forest.tree_start[size_t(t) + 1], width = size_t(forest.values_per_node());
  Tree tree;
  tree.nodes = part(forest.nodes, begin, end);
  tree.values = part(forest.values, begin * width, end * width);
  if (!forest.thresholds.empty()) tree.thresholds = part(forest.thresholds, begin, end);
  if (!forest.categorical.empty()) tree.sets = part(forest.sets, forest.set_start[size_t(t)], forest.set_start[size_t(t) + 1]);
  return tree;
}

/// What belongs to one worker.
struct Worker {
  Scratch scratch;
  std::optional<OutOfBagSums> out_of_bag;
};

/// Rows times features tried, over all trees, below which a second worker starts later than the first one is done (0.1 ms).
constexpr double kWorthSharing = 8000;

std::vector<Tree> grow_trees(const Training& training, exec::Pool* pool, const exec::Cancellation* cancel, const Forest* start,
                             std::optional<OutOfBagSums>& out_of_bag) {
  std::vector<Tree> trees(size_t(training.params.num_trees));
  if (double(trees.size()) * double(training.rows.size()) * double(training.features_per_node) < kWorthSharing) pool = nullptr;
  std::vector<Worker> workers;
  for (int w = 0; w < (pool ? pool->workers() : 1); ++w) workers.push_back({Scratch(training), {}});
  const auto grow = [&](int64_t t, int w) {
    Worker& worker = workers[size_t(w)];
    Tree& tree = trees[size_t(t)];
    if (start && t < start->num_trees())
      weigh_nodes(training, uint64_t(t), worker.scratch, tree = tree_of(*start, t));
    else
      tree = grow_tree(training, uint64_t(t), worker.scratch);
    if (!training.params.oob_score || training.stopped()) return;
    if (!worker.out_of_bag) worker.out_of_bag.emplace(training);
    worker.out_of_bag->add(training, tree, worker.scratch.sample.counts);
  };
  if (pool) {
    pool->run(training.params.num_trees, grow, cancel);
  } else {
    for (int64_t t = 0; t < training.params.num_trees && !(cancel && cancel->stopped()); ++t) grow(t, 0);
  }
  for (Worker& worker : workers) {
    if (!worker.out_of_bag) continue;
    if (out_of_bag)
      out_of_bag->merge(*worker.out_of_bag);
    else
      out_of_bag = std::move(worker.out_of_bag);
  }
  return trees;
}

/// What params, labels and roles rule out together.
Result<void> check_together(const ForestParams& params, const Labels& labels, const FeatureRoles& roles, Criterion criterion) {
  if (labels.problem == Problem::ranking) return usage_error("a forest does not rank", "--learner", "--problem regression learns the label itself");
  if (!roles.monotone.empty() && (labels.num_classes > 2 || criterion == Criterion::absolute_error))
    return usage_error(
        fmt::format("monotone features do not go with {}", labels.num_classes > 2 ? "more than two classes" : "criterion absolute_error"), "monotone",
        "leave monotone out");
  if (criterion == Criterion::absolute_error && (params.splitter == "random" || !roles.categorical.empty()))
    return usage_error("criterion absolute_error goes with splitter=best and without categories", "criterion", "criterion=squared_error");
  if (params.oob_score && !params.bootstrap && params.max_samples == 1)
    return usage_error("oob_score needs trees that leave rows out", "oob_score", "bootstrap=true, or max_samples below 1");
  return {};
}

/// Trees of another forest, or of other data, can't be the beginning.
Result<void> check_start(const Forest& start, const BinnedMatrix& matrix, const Labels& labels, const ForestParams& params) {
  const bool same = start.problem == labels.problem && start.num_classes == labels.num_classes && start.joined == Joined::mean &&
                    start.cuts == matrix.cuts && start.categorical == matrix.categorical && start.thresholds.empty() == !matrix.ranked;
  if (!same)
    return usage_error("the model to start from was trained on other data, bins or features", "warm start",
                       "give the data and params it was trained with");
  if (start.num_trees() > params.num_trees)
    return usage_error(fmt::format("the model to start from has {} trees, {} are asked for", start.num_trees(), params.num_trees), "warm start",
                       fmt::format("num_trees={} or more", start.num_trees()));
  return {};
}

std::vector<uint32_t> marks_of(std::span<const int32_t> rows, const Target& target) {
  if (!target.packed || target.weigh_per_tree || !target.weights.whole.empty() || target.labels.classes.empty()) return {};
  std::vector<uint32_t> marks(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) marks[i] = target.labels.classes[size_t(rows[i])] == 1 ? kernels::kMark : 0;
  return marks;
}

std::vector<uint8_t> last_codes(const BinnedMatrix& matrix) {
  std::vector<uint8_t> last;
  for (int64_t f = 0; f < matrix.num_features && !matrix.ranked; ++f) last.push_back(uint8_t(matrix.cuts.of(f).size()));
  return last;
}

std::vector<uint16_t> missing_ranks(const BinnedMatrix& matrix) {
  std::vector<uint16_t> missing;
  for (int64_t f = 0; f < matrix.num_features && matrix.ranked; ++f) missing.push_back(uint16_t(matrix.ranked->values_of(f).size()));
  return missing;
}

std::vector<uint16_t> places_of(std::span<const uint16_t> by_name) {
  std::vector<uint16_t> out(by_name.size());
  for (size_t place = 0; place < by_name.size(); ++place) out[by_name[place]] = uint16_t(place);
  return out;
}

size_t words_of(size_t groups) { return (groups + 63) / 64; }

/// A bit per group, in words by feature.
std::vector<uint64_t> groups_by_feature(const std::vector<std::vector<uint8_t>>& groups, int64_t num_features) {
  const size_t words = words_of(groups.size());
  std::vector<uint64_t> out(size_t(num_features) * words);
  for (size_t g = 0; g < groups.size(); ++g)
    for (size_t f = 0; f < size_t(num_features); ++f) out[f * words + g / 64] |= uint64_t{groups[g][f]} << g % 64;
  return out;
}

bool is_narrow(const BinnedMatrix& matrix) {
  if (std::find(matrix.has_missing.begin(), matrix.has_missing.end(), 1) != matrix.has_missing.end()) return false;
  for (int64_t f = 0; f < matrix.num_features; ++f)
    if (matrix.cuts.of(f).size() >= 64) return false;
  return true;
}

}  // namespace

Result<Forest> train_forest(const BinnedMatrix& matrix, std::span<const int32_t> rows, const Labels& labels, std::span<const float> weights,
                            const ForestParams& params, uint64_t seed, uint64_t entity, exec::Pool* pool, const exec::Cancellation* cancel,
                            const ForestExtras& extras) {
  HY_CHECK(check_fields(params));
  HY_TRY(const int64_t tried, features_per_node(params, labels.problem, matrix.num_features));
  HY_TRY(const Criterion criterion, criterion_of(params, labels.problem));
  HY_TRY(const FeatureRoles roles, feature_roles(params, matrix.names, matrix.num_features));
  HY_TRY(const auto groups, interaction_groups(params.interactions, matrix.names, matrix.num_features));
  HY_CHECK(check_together(params, labels, roles, criterion));
  if (extras.start) HY_CHECK(check_start(*extras.start, matrix, labels, params));
  HY_TRY(std::vector<double> class_weights, given_class_weights(params, labels));
  if (std::all_of(class_weights.begin(), class_weights.end(), [](double w) { return w == 1; })) class_weights.clear();
  HY_TRY(const CountedRows counted, rows_that_count(matrix, rows, labels, criterion, weights, class_weights));
  if (params.class_weight == "balanced") class_weights = balanced_weights(counted.rows, labels, weights);
  const Target target = make_target(counted.rows, labels, weights, class_weights, params, criterion, is_simple(matrix, params, roles, criterion));
  if (matrix.row_stride > 0 && !(target.packed && !params.oob_score && !extras.start))
    return train_forest(by_columns(matrix), rows, labels, weights, params, seed, entity, pool, cancel, extras);
  const int64_t stride = matrix.row_stride > 0 ? matrix.row_stride : table_stride_of(matrix.num_features);
  const AlignedBytes table = target.packed && !matrix.ranked && matrix.row_stride == 0 ? code_table(matrix, stride, pool) : AlignedBytes();
  const std::vector<uint16_t> by_name = features_by_name(matrix.names);
  const Training training{.matrix = matrix,
                          .params = params,
                          .target = target,
                          .rows = counted.rows,
                          .marks = marks_of(counted.rows, target),
                          .monotone = roles.monotone,
                          .last_code = last_codes(matrix),
                          .table = matrix.row_stride > 0 ? matrix.codes.data() : table.data(),
                          .table_stride = stride,
                          .narrow = is_narrow(matrix),
                          .missing_ranks = missing_ranks(matrix),
                          .by_name = by_name,
                          .place_of = places_of(by_name),
                          .group_words = words_of(groups.size()),
                          .groups_of = groups_by_feature(groups, matrix.num_features),
                          .features_per_node = tried,
                          .seed = seed,
                          .entity = entity,
                          .cancel = cancel};
  std::optional<OutOfBagSums> out_of_bag;
  const std::vector<Tree> trees = grow_trees(training, pool, cancel, extras.start, out_of_bag);
  if (cancel && cancel->stopped()) return Error{Kind::interrupted, "training was stopped", "forest", "run it again"};
  if (out_of_bag && extras.out_of_bag) *extras.out_of_bag = out_of_bag->finish(training, counted.places, rows.size());
  return join_trees(training, trees);
}

}  // namespace hayate
