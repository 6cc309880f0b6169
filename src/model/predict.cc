// Prediction by trees, three ways with the same bytes. A few rows go down one step at a time. Up to half as many rows as a tree has nodes walk over
// the nodes as they are, eight side by side: 100 rows of 100 trees of depth 10 in 0.27 ms (laid out anew: 0.73). For more rows the trees are laid out
// anew (model/coded_trees.h, model/layouts.h): about 10 ns a node.
#include <algorithm>
#include <cassert>
#include <limits>

#include "hayate/compiled.h"
#include "model/block_trees.h"
#include "model/layouts.h"
#include "model/scores.h"
#include "model/unit_trees.h"

namespace hayate {

void begin_rows(const Forest& forest, std::span<double> out) {
  std::fill(out.begin(), out.end(), 0.0);
  if (forest.joined == Joined::mean) return;
  const size_t outputs = size_t(forest.num_outputs());
  for (size_t row = 0; row < out.size(); row += outputs)
    std::copy(forest.start.begin(), forest.start.end(), out.begin() + ptrdiff_t(row + score_place(forest)));
}

namespace {

/// What the scores of one row become, by the link or by what stands in for it.
template <class Model>
void finish_scores(const Model& model, std::span<const double> scores, std::span<double> out) {
  if (model.calibration.empty())
    apply_link(model.link, scores, out);
  else
    model.calibration.apply(scores, out);
}

}  // namespace

void finish_rows(const Forest& forest, size_t trees, std::span<double> out) {
  const size_t outputs = size_t(forest.num_outputs()), scores = size_t(forest.num_scores());
  if (forest.joined == Joined::sum) {
    for (size_t row = 0; row < out.size(); row += outputs)
      finish_scores(forest, out.subspan(row + score_place(forest), scores), out.subspan(row, outputs));
    return;
  }
  for (double& value : out) value /= double(trees);
  if (outputs == 2)
    for (size_t i = 0; i < out.size(); i += 2) out[i] = 1.0 - out[i + 1];
  if (!forest.calibration.empty())
    for (size_t row = 0; row < out.size(); row += outputs)
      forest.calibration.apply(out.subspan(row + score_place(forest), scores), out.subspan(row, outputs));
}

namespace {

constexpr int64_t kBlockRows = 256;  // of a linear model
constexpr size_t kFewRows = 16;

void add_values(const Forest& forest, size_t tree, uint32_t at, double* out) {
  const size_t width = size_t(forest.values_per_node());
  const double* values = forest.values.data() + (forest.tree_start[tree] + at) * width;
  for (size_t k = 0; k < width; ++k) out[score_place(forest) + score_of_tree(forest, tree) + k] += values[k];
}

/// Where a row ends in tree t; goes_left(node) answers for it.
template <class GoesLeft>
uint32_t descend(std::span<const TreeNode> tree, int64_t steps, GoesLeft goes_left) {
  uint32_t at = 0;
  for (int64_t taken = 0; taken < steps && !tree[at].is_leaf(); ++taken) at = tree[at].child() + (goes_left(at) ? 0 : 1);
  return at;
}

/// Adds all trees to `count` rows, one step at a time; goes_left(i, t, node) answers for row i.
template <class GoesLeft>
void add_trees_stepwise(const Forest& forest, size_t count, ForestCut cut, double* out, GoesLeft goes_left) {
  for (size_t t = 0; t < trees_used(forest, cut); ++t)
    for (size_t i = 0; i < count; ++i) {
      const uint32_t at = descend(forest.tree(int64_t(t)), steps_allowed(forest, cut), [&](uint32_t node) { return goes_left(i, int64_t(t), node); });
      add_values(forest, t, at, out + i * size_t(forest.num_outputs()));
    }
}

/// Whether a row with `code` goes left at a node that tests a code.
bool code_goes_left(const Forest& forest, int64_t t, const TreeNode& node, uint8_t code) {
  if (code == kMissingCode) return node.missing_left();
  return forest.is_categorical(node.feature) ? forest.sets[forest.set_start[size_t(t)] + node.cut].has(code) : code <= node.cut;
}

/// Whether so many rows are quickest with the nodes as they are: more than pay for the codes of all features, fewer than pay for laying trees out anew.
bool better_as_they_are(const Forest& forest, ForestCut cut, size_t num_rows) {
  const size_t trees = trees_used(forest, cut), ways = num_rows * trees;
  return has_codes(forest) && num_rows > 1 && ways >= 8 * size_t(forest.num_features()) && 2 * ways <= forest.tree_start[trees];
}

constexpr size_t kTogether = 8, kWalkedRows = 128;  // side by side, and coded together

/// Moves kTogether rows from the root to where they end. A leaf is its own child, which no code is too large for. `codes` of slot 2 f + 1 are those of
/// feature f with missing values least, of slot 2 f with missing values largest.
void walk_as_it_is(std::span<const TreeNode> tree, int64_t steps, const uint8_t* codes, uint32_t* at) {
  uint32_t place[kTogether] = {}, moved = 1;
  for (int64_t taken = 0; taken < steps && moved; ++taken) {
    moved = 0;
    for (size_t k = 0; k < kTogether; ++k) {
      const TreeNode& node = tree[place[k]];
      const size_t slot = 2 * size_t(node.feature) + node.missing_left();
      const uint32_t next = node.child() + uint32_t(codes[slot * kWalkedRows + k] > node.cut);
      moved |= next ^ place[k], place[k] = next;
    }
  }
  std::copy_n(place, kTogether, at);
}

/// codes_of(feature, first, count, to) writes the codes of some rows.
template <class CodesOf>
void predict_as_they_are(const Forest& forest, ForestCut cut, size_t num_rows, CodesOf codes_of, std::span<double> out) {
  const size_t features = size_t(forest.num_features()), outputs = size_t(forest.num_outputs()), trees = trees_used(forest, cut);
  std::vector<uint8_t> codes(2 * features * kWalkedRows);
  begin_rows(forest, out);
  for (size_t first = 0; first < num_rows; first += kWalkedRows) {
    const size_t count = std::min(kWalkedRows, num_rows - first);
    for (size_t feature = 0; feature < features; ++feature) {
      uint8_t* const right = codes.data() + 2 * feature * kWalkedRows;
      codes_of(int64_t(feature), first, count, right);
      std::transform(right, right + count, right + kWalkedRows, [](uint8_t code) { return code == kMissingCode ? uint8_t(0) : code; });
    }
    for (size_t t = 0; t < trees; ++t)
      for (size_t i = 0; i < count; i += kTogether) {
        uint32_t at[kTogether];
        walk_as_it_is(forest.tree(int64_t(t)), steps_allowed(forest, cut), codes.data() + i, at);
        for (size_t k = 0; k < std::min(kTogether, count - i); ++k) add_values(forest, t, at[k], out.data() + (first + i + k) * outputs);
      }
  }
  finish_rows(forest, trees, out);
}

/// What is usually quickest for so many rows; null where the tests read too many features.
std::shared_ptr<const CodedTrees> usual_trees(const Forest& forest, ForestCut cut, size_t num_rows) {
  constexpr size_t kManyRows = 512;  // below, blocks cost more to be laid out than they save
  if (num_rows > kManyRows && !few_leaves(forest))
    if (std::shared_ptr<const CodedTrees> blocks = BlockTrees::make(forest, cut)) return blocks;
  return UnitTrees::make(forest, cut, CompiledForest::kUsualExits);
}

}  // namespace

void predict_codes(const Forest& forest, const CodeColumns& codes, std::span<const int32_t> rows, std::span<double> out, ForestCut cut) {
  assert(codes.num_features == forest.num_features() && out.size() == rows.size() * size_t(forest.num_outputs()));
  assert(forest.thresholds.empty());
  if (better_as_they_are(forest, cut, rows.size())) {
    const auto codes_of = [&](int64_t feature, size_t first, size_t count, uint8_t* to) {
      const uint8_t* const column = codes.column(feature);
      for (size_t i = 0; i < count; ++i) to[i] = column[rows[first + i]];
    };
    return predict_as_they_are(forest, cut, rows.size(), codes_of, out);
  }
  if (rows.size() > kFewRows && has_codes(forest))
    if (const auto coded = usual_trees(forest, cut, rows.size())) return coded->predict_codes(codes, rows, out);
  begin_rows(forest, out);
  add_trees_stepwise(forest, rows.size(), cut, out.data(), [&](size_t i, int64_t t, uint32_t at) {
    const TreeNode& node = forest.tree(t)[at];
    return code_goes_left(forest, t, node, codes.column(node.feature)[rows[i]]);
  });
  finish_rows(forest, trees_used(forest, cut), out);
}

void predict(const Forest& forest, const FloatColumns& raw, std::span<double> out, ForestCut cut) {
  assert(raw.num_features == forest.num_features() && out.size() == size_t(raw.num_rows) * size_t(forest.num_outputs()));
  if (better_as_they_are(forest, cut, size_t(raw.num_rows))) {
    const auto codes_of = [&](int64_t feature, size_t first, size_t count, uint8_t* to) {
      code_values(forest.cuts.of(feature), {raw.column(feature) + first, count}, to);
    };
    return predict_as_they_are(forest, cut, size_t(raw.num_rows), codes_of, out);
  }
  if (raw.num_rows > int64_t(kFewRows) && has_codes(forest))
    if (const auto coded = usual_trees(forest, cut, size_t(raw.num_rows))) return coded->predict(raw, out);
  if (raw.num_rows > int64_t(kFewRows) && has_keys(forest)) {
    const KeyedTrees keyed(forest, cut);
    const size_t outputs = size_t(forest.num_outputs());
    for (size_t i = 0; i < size_t(raw.num_rows); ++i) keyed.predict_row(raw.data + i, raw.stride, out.subspan(i * outputs, outputs));
    return;
  }
  if (raw.num_rows > int64_t(kFewRows)) return MixedTrees(forest, cut).predict(raw, out);
  begin_rows(forest, out);
  add_trees_stepwise(forest, size_t(raw.num_rows), cut, out.data(),
                     [&](size_t i, int64_t t, uint32_t at) { return forest.goes_left(t, at, raw.column(forest.tree(t)[at].feature)[i]); });
  finish_rows(forest, trees_used(forest, cut), out);
}

void predict_row(const Forest& forest, std::span<const float> row, std::span<double> out, ForestCut cut) {
  assert(int64_t(row.size()) == forest.num_features() && out.size() == size_t(forest.num_outputs()));
  begin_rows(forest, out);
  for (size_t t = 0; t < trees_used(forest, cut); ++t) {
    const std::span<const TreeNode> tree = forest.tree(int64_t(t));
    const uint32_t at =
        descend(tree, steps_allowed(forest, cut), [&](uint32_t node) { return forest.goes_left(int64_t(t), node, row[tree[node].feature]); });
    add_values(forest, t, at, out.data());
  }
  finish_rows(forest, trees_used(forest, cut), out);
}

float Forest::threshold(int64_t t, uint32_t node) const {
  const size_t place = tree_start[size_t(t)] + node;
  return thresholds.empty() ? cuts.threshold(nodes[place].feature, nodes[place].cut) : thresholds[place];
}

bool Forest::goes_left(int64_t t, uint32_t node, float x) const {
  const TreeNode& at = nodes[tree_start[size_t(t)] + node];
  if (x != x) return at.missing_left();
  if (!is_categorical(at.feature)) return x <= threshold(t, node);
  const std::span<const float> known = cuts.of(at.feature);
  const auto place = std::lower_bound(known.begin(), known.end(), x);
  const size_t code = size_t(place - known.begin());
  const CategorySet* const own = &sets[set_start[size_t(t)] + at.cut];
  if (is_ranges(at.feature)) return own[code / 256].has(uint8_t(code % 256));
  if (place == known.end() || *place != x) return at.missing_left();
  return own->has(uint8_t(code));
}

void apply(const Forest& forest, const FloatColumns& raw, std::span<uint32_t> out, ForestCut cut) {
  const size_t trees = trees_used(forest, cut);
  assert(raw.num_features == forest.num_features() && out.size() == size_t(raw.num_rows) * trees);
  for (size_t t = 0; t < trees; ++t) {
    const std::span<const TreeNode> tree = forest.tree(int64_t(t));
    for (int64_t row = 0; row < raw.num_rows; ++row)
      out[size_t(row) * trees + t] =
          descend(tree, steps_allowed(forest, cut), [&](uint32_t at) { return forest.goes_left(int64_t(t), at, raw.column(tree[at].feature)[row]); });
  }
}

std::vector<uint32_t> decision_path(const Forest& forest, int64_t t, std::span<const float> row, ForestCut cut) {
  const std::span<const TreeNode> tree = forest.tree(t);
  std::vector<uint32_t> path;
  const uint32_t leaf = descend(tree, steps_allowed(forest, cut), [&](uint32_t at) {
    path.push_back(at);
    return forest.goes_left(t, at, row[tree[at].feature]);
  });
  path.push_back(leaf);
  return path;
}

void predict(const Linear& linear, const FloatColumns& raw, std::span<double> out) {
  const size_t scores = size_t(linear.num_scores()), outputs = size_t(linear.num_outputs()), features = size_t(linear.num_features());
  assert(raw.num_features == linear.num_features() && out.size() == size_t(raw.num_rows) * outputs);
  std::vector<double> row_scores(size_t(std::min(kBlockRows, raw.num_rows)) * scores);
  for (int64_t first = 0; first < raw.num_rows; first += kBlockRows) {
    const size_t count = size_t(std::min(kBlockRows, raw.num_rows - first));
    for (size_t i = 0; i < count; ++i) std::copy(linear.intercepts.begin(), linear.intercepts.end(), row_scores.begin() + ptrdiff_t(i * scores));
    for (size_t f = 0; f < features; ++f)
      for (size_t i = 0; i < count; ++i) {
        const float x = raw.column(int64_t(f))[first + int64_t(i)];
        const double value = x != x ? linear.fill[f] : double(x);
        for (size_t k = 0; k < scores; ++k) row_scores[i * scores + k] += linear.coefficients[k * features + f] * value;
      }
    for (size_t i = 0; i < count; ++i)
      finish_scores(linear, std::span(row_scores).subspan(i * scores, scores), out.subspan((size_t(first) + i) * outputs, outputs));
  }
}

void predict(const Blend& blend, const FloatColumns& raw, std::span<double> out) {
  std::fill(out.begin(), out.end(), 0.0);
  std::vector<double> own(out.size());
  double sum = 0;
  for (size_t part = 0; part < blend.parts.size(); ++part) {
    std::visit([&](const auto& p) { predict(p, raw, own); }, blend.parts[part]);
    for (size_t i = 0; i < out.size(); ++i) out[i] += blend.weights[part] * own[i];
    sum += blend.weights[part];
  }
  for (double& value : out) value /= sum;
}

void predict(const Predictor& predictor, const FloatColumns& raw, std::span<double> out, ForestCut cut) {
  if (const Forest* forest = std::get_if<Forest>(&predictor)) return predict(*forest, raw, out, cut);
  if (const Linear* linear = std::get_if<Linear>(&predictor)) return predict(*linear, raw, out);
  predict(std::get<Blend>(predictor), raw, out);
}

}  // namespace hayate
