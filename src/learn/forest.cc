// Checks what the caller gave, turns labels and weights into whole numbers once, grows the trees (one task each) and joins
// them in their order.
#include "hayate/forest.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <iterator>

#include "exec/pool.h"
#include "learn/params.h"
#include "learn/tree.h"

namespace hayate {
namespace {

using namespace learn;

Result<void> check_params(ForestParams params) {
  FieldList fields = fields_of(params);
  for (Field& field : fields) HY_CHECK(field.set(field.text(), "forest parameters", ""));
  return {};
}

Result<void> check_label(const Labels& labels, int32_t row) {
  if (labels.problem == Problem::classification) {
    const int32_t id = labels.classes[row];
    if (id >= 0 && id < labels.num_classes) return {};
    return input_error(fmt::format("class {} of row {} is not one of {} classes", id, row, labels.num_classes), "labels",
                       "number the classes from 0");
  }
  if (std::isfinite(labels.values[row])) return {};
  return input_error(fmt::format("the label of row {} is {}", row, labels.values[row]), "labels",
                     "leave out rows whose label is not a finite number");
}

/// The training rows that count: those of positive weight.
Result<std::vector<int32_t>> rows_that_count(const BinnedMatrix& matrix, std::span<const int32_t> rows, const Labels& labels,
                                             std::span<const float> weights) {
  std::vector<int32_t> kept;
  kept.reserve(rows.size());
  for (const int32_t row : rows) {
    if (row < 0 || row >= matrix.num_rows)
      return input_error(fmt::format("row {} of {} rows", row, matrix.num_rows), "training rows", "name rows of the matrix");
    HY_CHECK(check_label(labels, row));
    const float weight = weights.empty() ? 1.0f : weights[row];
    if (!std::isfinite(weight) || weight < 0)
      return input_error(fmt::format("the weight of row {} is {}", row, weight), "weights", "weights are finite numbers, 0 or more");
    if (weight > 0) kept.push_back(row);
  }
  if (kept.empty()) return input_error("no rows to train on", "training rows", "give rows with a label and a positive weight");
  return kept;
}

float largest_weight(std::span<const int32_t> rows, std::span<const float> weights) {
  float largest = 0;
  for (const int32_t row : rows) largest = std::max(largest, weights[row]);
  return largest;
}

bool are_whole(std::span<const int32_t> rows, std::span<const float> weights) {
  return std::all_of(rows.begin(), rows.end(), [&](int32_t row) { return weights[row] <= 65'535 && weights[row] == std::floor(weights[row]); });
}

/// Whole weights count like repeated rows, as long as nothing asks how many rows there are; others are scaled to 20 bits.
void set_weights(std::span<const int32_t> rows, std::span<const float> weights, const ForestParams& params, Target& target) {
  if (weights.empty()) return;
  const bool whole = are_whole(rows, weights) && params.min_samples_leaf == 1 && params.min_samples_split == 2;
  const double scale = whole ? 1.0 : 0x1p20 / double(largest_weight(rows, weights));
  target.real_weights = weights;
  target.packed = whole;
  target.weights.resize(weights.size());
  for (const int32_t row : rows) target.weights[row] = uint32_t(std::max(1.0, std::nearbyint(double(weights[row]) * scale)));
}

/// Sum of counts that one tree can reach.
uint64_t most_units(std::span<const int32_t> rows, const ForestParams& params, const Target& target) {
  const auto weight = [&](int32_t row) { return target.weights.empty() ? uint64_t{1} : target.weights[row]; };
  const uint64_t draws = uint64_t(draws_per_tree(params, int64_t(rows.size())));
  uint64_t largest = 1;
  for (const int32_t row : rows) largest = std::max(largest, weight(row));
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

Target make_target(std::span<const int32_t> rows, const Labels& labels, std::span<const float> weights, const ForestParams& params) {
  constexpr uint64_t kMostPacked = uint64_t{1} << 26;  // leaves 12 bits of a 64-bit record for the label
  Target target;
  target.labels = labels;
  set_weights(rows, weights, params, target);
  const uint64_t units = most_units(rows, params, target);
  target.packed = target.packed && labels.num_classes <= 2 && units < kMostPacked;
  if (labels.problem == Problem::regression) set_fixed(rows, units, target);
  return target;
}

/// n_l n_r / n * (difference of the children's values)^2, over the node's values: what the split took from the sum of squares.
double gain_of(const Tree& tree, size_t node, size_t width) {
  const size_t left = tree.nodes[node].child(), right = left + 1;
  double squares = 0;
  for (size_t k = 0; k < width; ++k) {
    const double difference = tree.values[left * width + k] - tree.values[right * width + k];
    squares += difference * difference;
  }
  return tree.weight[left] * tree.weight[right] / (tree.weight[left] + tree.weight[right]) * squares;
}

void append_tree(const Tree& tree, Forest& forest) {
  for (size_t node = 0; node < tree.nodes.size(); ++node)
    if (!tree.nodes[node].is_leaf()) forest.importance[tree.nodes[node].feature] += gain_of(tree, node, size_t(forest.values_per_node()));
  forest.nodes.insert(forest.nodes.end(), tree.nodes.begin(), tree.nodes.end());
  forest.values.insert(forest.values.end(), tree.values.begin(), tree.values.end());
  std::transform(tree.weight.begin(), tree.weight.end(), std::back_inserter(forest.cover), [](double weight) { return float(weight); });
  forest.tree_start.push_back(uint32_t(forest.nodes.size()));
}

Forest join_trees(const Training& training, const std::vector<Tree>& trees) {
  Forest forest;
  forest.problem = training.target.labels.problem;
  forest.num_classes = training.target.labels.num_classes;
  forest.cuts = training.matrix.cuts;
  forest.importance.assign(size_t(training.matrix.num_features), 0.0);
  for (const Tree& tree : trees) append_tree(tree, forest);
  double sum = 0;
  for (const double gain : forest.importance) sum += gain;
  if (sum > 0)
    for (double& gain : forest.importance) gain /= sum;
  return forest;
}

AlignedBytes histogram_places(const BinnedMatrix& matrix) {
  AlignedBytes places(matrix.codes.size());
  for (size_t i = 0; i < places.size(); ++i) places.data()[i] = kernels::scan_place(matrix.codes.data()[i]);
  return places;
}

std::vector<Tree> grow_trees(const Training& training, exec::Pool* pool, const exec::Cancellation* cancel) {
  std::vector<Tree> trees(size_t(training.params.num_trees));
  std::vector<Scratch> scratch(size_t(pool ? pool->workers() : 1), Scratch(training.matrix.num_features));
  const auto grow = [&](int64_t t, int worker) { trees[size_t(t)] = grow_tree(training, uint64_t(t), scratch[size_t(worker)]); };
  if (pool) {
    pool->run(training.params.num_trees, grow, cancel);
  } else {
    for (int64_t t = 0; t < training.params.num_trees && !(cancel && cancel->stopped()); ++t) grow(t, 0);
  }
  return trees;
}

}  // namespace

Result<Forest> train_forest(const BinnedMatrix& matrix, std::span<const int32_t> rows, const Labels& labels, std::span<const float> weights,
                            const ForestParams& params, uint64_t seed, uint64_t entity, exec::Pool* pool, const exec::Cancellation* cancel) {
  HY_CHECK(check_params(params));
  HY_TRY(const int64_t tried, features_per_node(params, labels.problem, matrix.num_features));
  HY_TRY(const std::vector<int32_t> counted, rows_that_count(matrix, rows, labels, weights));
  const Target target = make_target(counted, labels, weights, params);
  std::vector<uint8_t> last_code(size_t(matrix.num_features));
  for (int64_t f = 0; f < matrix.num_features; ++f) last_code[size_t(f)] = uint8_t(matrix.cuts.of(f).size());
  const Training training{matrix, params, target, counted, std::move(last_code), histogram_places(matrix), tried, seed, entity};
  const std::vector<Tree> trees = grow_trees(training, pool, cancel);
  if (cancel && cancel->stopped()) return Error{Kind::interrupted, "training was stopped", "forest", "run it again"};
  return join_trees(training, trees);
}

}  // namespace hayate
