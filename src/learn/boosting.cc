// Rounds of boosting: derivatives of the loss at the scores so far, turned into whole numbers; a tree that splits on them;
// leaf values; scores. Derivatives are kept twice: as 31-bit whole numbers, whose sums over the rows of a leaf are exact and
// give its value, and rounded to the few bits that a record has room for, whose sums choose the splits. Both scales follow the
// largest derivative of the round by powers of two, so no step depends on the order of rows or on who computed it.
#include "hayate/boosting.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

#include "base/random.h"
#include "learn/boost_loss.h"
#include "learn/boost_tree.h"
#include "learn/boosting_params.h"
#include "learn/sample.h"
#include "learn/training_rows.h"

namespace hayate {
namespace {

using namespace learn;

constexpr int64_t kRowsAtOnce = 8192;    ///< rows of a task
constexpr int64_t kNarrowRows = 16'383;  ///< rows whose sums one word holds with bits to spare
constexpr float kMostRepeats = 64;       ///< a whole weight up to here is the row that many times

Result<void> check_params(BoostingParams params) {
  FieldList fields = fields_of(params);
  for (Field& field : fields) HY_CHECK(field.set(field.text(), "boosting parameters", ""));
  return check_values(params, "boosting parameters");
}

BoostTarget make_target(const Labels& labels, std::span<const float> weights, std::span<const int32_t> rows) {
  BoostTarget target;
  target.problem = labels.problem, target.num_classes = labels.num_classes;
  double largest = 0;
  for (const int32_t row : rows) {
    if (labels.problem == Problem::classification)
      target.classes.push_back(labels.classes[size_t(row)]);
    else
      target.numbers.push_back(labels.values[size_t(row)]), largest = std::max(largest, std::fabs(labels.values[size_t(row)]));
    if (!weights.empty()) target.weights.push_back(weights[size_t(row)]);
  }
  if (largest > 0) std::frexp(largest, &target.exponent);
  for (double& number : target.numbers) number = std::ldexp(number, -target.exponent);
  if (std::all_of(target.weights.begin(), target.weights.end(), [](float w) { return w == 1; })) target.weights.clear();
  return target;
}

/// Whole weights repeat a row; empty when the weights are something else.
std::vector<uint8_t> repeats_of(const BoostTarget& target) {
  const auto repeats = [](float w) { return w <= kMostRepeats && w == std::floor(w); };
  if (!std::all_of(target.weights.begin(), target.weights.end(), repeats)) return {};
  std::vector<uint8_t> times;
  for (const float w : target.weights) times.push_back(uint8_t(w));
  return times;
}

uint32_t bits_of(uint64_t x) { return uint32_t(std::bit_width(x)); }

/// The power of two that brings numbers up to `largest` below 2^30.
float scale_for(float largest) {
  if (largest == 0) return 0;
  int exponent = 0;
  std::frexp(largest, &exponent);
  return std::ldexp(1.0f, std::min(30 - exponent, 120));
}

/// Derivatives of the round as whole numbers.
struct Derivatives {
  std::vector<float> g, h;
  std::vector<int32_t> fine_g, fine_h;  ///< h is empty when every row's is 1
  double g_unit = 1, h_unit = 1;        ///< what 1 in `fine_*` stands for
};

class Booster {
 public:
  Booster(const BinnedMatrix& matrix, std::span<const int32_t> rows, const Labels& labels, std::span<const float> weights,
          const BoostingParams& params, uint64_t seed, uint64_t entity, exec::Crew& crew)
      : params_(params),
        seed_(seed),
        entity_(entity),
        crew_(crew),
        target_(make_target(labels, weights, rows)),
        table_(matrix, rows),
        loss_(make_loss(target_, params)),
        times_(repeats_of(target_)),
        num_rows_(rows.size()),
        grower_(table_, limits(), crew) {
    counted_ = loss_->is_counted() && (target_.weights.empty() || times_count());
    forest_.problem = labels.problem, forest_.num_classes = labels.num_classes;
    forest_.joined = Joined::sum, forest_.link = loss_->link();
    forest_.cuts = matrix.cuts;
    forest_.importance.assign(size_t(matrix.num_features), 0.0);
    choose_packing();
  }

  Forest train(const exec::Cancellation* cancel) {
    begin();
    for (int64_t round = 0; round < params_.num_trees && !(cancel && cancel->stopped()); ++round) {
      draw_rows(round);
      loss_->begin_round(scores_);
      for (int32_t k = 0; k < forest_.num_scores(); ++k) grow(k);
    }
    return finish();
  }

 private:
  TreeLimits limits() const {
    return {.num_leaves = params_.num_leaves,
            .max_depth = params_.max_depth,
            .depthwise = params_.grow_policy == "depthwise",
            .min_samples_leaf = params_.min_samples_leaf,
            .min_child_weight = params_.min_child_weight,
            .lambda_l1 = std::ldexp(params_.lambda_l1, -target_.exponent),
            .lambda_l2 = params_.lambda_l2,
            .min_gain = std::ldexp(params_.min_gain, -2 * target_.exponent)};
  }

  /// Splits the 64 bits of a record so that the sums of a node fit; tables of more rows have blocks of kNarrowRows.
  void choose_packing() {
    const uint64_t most = times_.empty() ? 1 : *std::max_element(times_.begin(), times_.end());
    const uint64_t total = times_.empty() ? num_rows_ : std::accumulate(times_.begin(), times_.end(), uint64_t{0});
    kernels::BoostPacking& p = records_.packing;
    p.wide = total > uint64_t(kNarrowRows);
    const uint32_t bits = bits_of(p.wide ? uint64_t(kNarrowRows) : total);
    records_.block_rows = kNarrowRows / int64_t(most);
    p.count_bits = counted_ ? 32 : bits;
    p.sum_bits = counted_ ? 32 : (64 - bits) / 2;
    p.wide_count_bits = counted_ ? 32 : bits_of(total);
    g_shift_ = uint32_t(std::max(0, int(31 + bits) - int(p.sum_bits)));
    h_shift_ = uint32_t(std::max(0, int(30 + bits) - int(std::min(31u, 64 - p.sum_bits - p.count_bits))));
    if (p.wide) h_shift_ = uint32_t(std::max(int(h_shift_), int(bits_of(total) + 30 + p.wide_count_bits) - 64));
    records_.g_bits = 30 - g_shift_ + bits_of(most), records_.h_bits = 30 - h_shift_ + bits_of(most);
    records_.words.resize(num_rows_);
  }

  void begin() {
    forest_.start = loss_->start();
    scores_.resize(forest_.start.size() * num_rows_);
    for (size_t k = 0; k < forest_.start.size(); ++k) std::fill_n(scores_.begin() + ptrdiff_t(k * num_rows_), num_rows_, forest_.start[k]);
    derivatives_.g.resize(num_rows_), derivatives_.fine_g.resize(num_rows_);
    if (!counted_) derivatives_.h.resize(num_rows_), derivatives_.fine_h.resize(num_rows_);
    every_feature_.resize(size_t(table_.num_features()));
    std::iota(every_feature_.begin(), every_feature_.end(), 0);
    if (params_.feature_fraction == 1) tiles_ = make_tiles(table_, every_feature_, crew_);
    bag_.resize(num_rows_);
    std::iota(bag_.begin(), bag_.end(), 0u);
  }

  /// Calls task(begin, end) for pieces of the rows.
  template <class Task>
  void by_rows(Task task) {
    const int64_t rows = int64_t(num_rows_);
    crew_.run((rows + kRowsAtOnce - 1) / kRowsAtOnce,
              [&](int64_t i, int) { task(size_t(i * kRowsAtOnce), size_t(std::min(rows, (i + 1) * kRowsAtOnce))); });
  }

  void draw_rows(int64_t round) {
    if (params_.bagging_fraction == 1 || round % params_.bagging_freq != 0) return;
    const uint64_t key = random_key(seed_, Stage::subsample, entity_, uint64_t(round / params_.bagging_freq));
    int64_t wanted = std::max(int64_t{1}, int64_t(std::llround(params_.bagging_fraction * double(num_rows_))));
    bag_.clear(), left_out_.clear();
    for (size_t i = 0; i < num_rows_; ++i) {
      const bool taken = int64_t(random_below(key, i, uint32_t(num_rows_ - i))) < wanted;
      (taken ? bag_ : left_out_).push_back(uint32_t(i));
      wanted -= taken;
    }
  }

  void draw_features() {
    if (params_.feature_fraction == 1) return;
    FeatureOrder order(table_.num_features());
    order.restart(random_key(seed_, Stage::features, entity_, uint64_t(forest_.num_trees())));
    const auto drawn = order.next(std::max(int64_t{1}, int64_t(std::llround(params_.feature_fraction * double(table_.num_features())))));
    std::vector<int32_t> features(drawn.begin(), drawn.end());
    std::sort(features.begin(), features.end());
    tiles_ = make_tiles(table_, features, crew_);
  }

  /// Derivatives by score k, fixed and packed.
  void derive(int32_t k) {
    Derivatives& d = derivatives_;
    const auto& kernels = kernels::boost_kernels();
    const std::span<const double> scores = std::span(scores_).subspan(size_t(k) * num_rows_, num_rows_);
    std::vector<float> largest_g((num_rows_ + kRowsAtOnce - 1) / kRowsAtOnce), largest_h(largest_g.size());
    by_rows([&](size_t begin, size_t end) {
      loss_->derivatives(k, scores, begin, end, d.g.data(), d.h.data());
      if (loss_->is_counted() && !counted_) std::fill(d.h.begin() + ptrdiff_t(begin), d.h.begin() + ptrdiff_t(end), 1.0f);
      if (!target_.weights.empty() && times_.empty())
        for (size_t i = begin; i < end; ++i) d.g[i] *= target_.weights[i], d.h[i] *= target_.weights[i];
      largest_g[begin / kRowsAtOnce] = kernels.largest(d.g.data() + begin, int64_t(end - begin));
      if (!counted_) largest_h[begin / kRowsAtOnce] = kernels.largest(d.h.data() + begin, int64_t(end - begin));
    });
    const float g_scale = scale_for(*std::max_element(largest_g.begin(), largest_g.end()));
    const float h_scale = counted_ ? 1 : scale_for(*std::max_element(largest_h.begin(), largest_h.end()));
    by_rows([&](size_t begin, size_t end) {
      const int64_t count = int64_t(end - begin);
      kernels.fix(d.g.data() + begin, g_scale, count, d.fine_g.data() + begin);
      if (!counted_) kernels.fix(d.h.data() + begin, h_scale, count, d.fine_h.data() + begin);
      kernels.pack(d.fine_g.data() + begin, counted_ ? nullptr : d.fine_h.data() + begin, g_shift_, h_shift_,
                   times_.empty() ? nullptr : times_.data() + begin, times_count(), records_.packing, count, records_.words.data() + begin);
    });
    d.g_unit = g_scale > 0 ? 1.0 / double(g_scale) : 0, d.h_unit = h_scale > 0 ? 1.0 / double(h_scale) : 1;
    records_.g_unit = std::ldexp(d.g_unit, int(g_shift_));
    records_.h_unit = counted_ ? 1 : std::ldexp(d.h_unit, int(h_shift_));
  }

  void grow(int32_t k) {
    derive(k);
    draw_features();
    tree_.rows = bag_;
    grower_.grow(tiles_, records_, tree_);
    const size_t first = forest_.values.size();
    forest_.values.resize(first + tree_.nodes.size());
    const std::span<double> values = std::span(forest_.values).subspan(first);
    double* scores = scores_.data() + size_t(k) * num_rows_;
    crew_.run(int64_t(tree_.leaves.size()), [&](int64_t i, int) {
      const LeafRows& leaf = tree_.leaves[size_t(i)];
      const std::span<const uint32_t> rows = std::span(tree_.rows).subspan(size_t(leaf.begin), size_t(leaf.end - leaf.begin));
      const double value = leaf_value(rows);
      values[leaf.node] = value;
      for (const uint32_t row : rows) scores[row] += value;
    });
    for (const uint32_t row : left_out_) scores[row] += values[leaf_of(row)];
    for (size_t i = 0; i < tree_.nodes.size(); ++i)
      if (!tree_.nodes[i].is_leaf()) forest_.importance[tree_.nodes[i].feature] += tree_.gains[i];
    forest_.nodes.insert(forest_.nodes.end(), tree_.nodes.begin(), tree_.nodes.end());
    forest_.tree_start.push_back(uint32_t(forest_.nodes.size()));
  }

  double leaf_value(std::span<const uint32_t> rows) const {
    const Derivatives& d = derivatives_;
    int64_t g = 0, h = 0;
    for (const uint32_t row : rows) g += int64_t{d.fine_g[row]} * times(row);
    for (const uint32_t row : rows) h += (counted_ ? 1 : int64_t{d.fine_h[row]}) * times(row);
    const double slope = double(g) * d.g_unit, curve = counted_ ? double(h) : double(h) * d.h_unit;
    const double shrunk = std::max(0.0, std::fabs(slope) - std::ldexp(params_.lambda_l1, -target_.exponent));
    if (shrunk == 0 || curve + params_.lambda_l2 <= 0) return 0;
    return -params_.learning_rate * std::copysign(shrunk, slope) / (curve + params_.lambda_l2);
  }

  /// A row that is repeated counts as often, as long as nothing asks how many rows there are.
  bool times_count() const { return !times_.empty() && params_.min_samples_leaf == 1; }
  int64_t times(uint32_t row) const { return times_.empty() ? 1 : times_[row]; }

  /// The leaf of a row that the tree did not learn from.
  uint32_t leaf_of(uint32_t row) const {
    uint32_t at = 0;
    while (!tree_.nodes[at].is_leaf()) {
      const TreeNode& node = tree_.nodes[at];
      const uint8_t code = table_.column(node.feature)[row];
      const bool left = code == kMissingCode ? node.missing_left() : code <= node.cut;
      at = node.child() + (left ? 0 : 1);
    }
    return at;
  }

  /// Back to the scale of the labels; importance as shares.
  Forest finish() {
    for (double& value : forest_.values) value = std::ldexp(value, target_.exponent);
    for (double& value : forest_.start) value = std::ldexp(value, target_.exponent);
    const double sum = std::accumulate(forest_.importance.begin(), forest_.importance.end(), 0.0);
    for (double& gain : forest_.importance) gain = sum > 0 ? gain / sum : 0;
    return std::move(forest_);
  }

  const BoostingParams params_;
  const uint64_t seed_, entity_;
  exec::Crew& crew_;
  const BoostTarget target_;
  const BoostTable table_;
  const std::unique_ptr<Loss> loss_;
  const std::vector<uint8_t> times_;
  const size_t num_rows_;
  TreeGrower grower_;
  bool counted_ = false;
  uint32_t g_shift_ = 0, h_shift_ = 0;
  std::vector<int32_t> every_feature_;
  TileSet tiles_;
  Records records_;
  Derivatives derivatives_;
  std::vector<double> scores_;  ///< score by score
  std::vector<uint32_t> bag_, left_out_;
  GrownTree tree_;
  Forest forest_;
};

}  // namespace

Result<Forest> train_boosting(const BinnedMatrix& matrix, std::span<const int32_t> rows, const Labels& labels, std::span<const float> weights,
                              const BoostingParams& params, uint64_t seed, uint64_t entity, exec::Pool* pool, const exec::Cancellation* cancel) {
  HY_CHECK(check_params(params));
  HY_CHECK(check_shape(params, labels.problem, matrix.num_features));
  HY_TRY(const std::vector<int32_t> counted, rows_that_count(matrix.num_rows, rows, labels, weights));
  // Below this a round is over before another worker has looked up.
  constexpr int64_t kWorthSharing = 100'000;
  exec::Crew crew(int64_t(counted.size()) * matrix.num_features < kWorthSharing ? nullptr : pool);
  Forest forest;
  crew.lead([&] { forest = Booster(matrix, counted, labels, weights, params, seed, entity, crew).train(cancel); });
  if (cancel && cancel->stopped()) return Error{Kind::interrupted, "training was stopped", "boosting", "run it again"};
  return forest;
}

}  // namespace hayate
