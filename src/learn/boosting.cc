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
#include <optional>

#include "base/random.h"
#include "learn/boost_loss.h"
#include "learn/boost_tree.h"
#include "learn/boost_watch.h"
#include "learn/boosting_params.h"
#include "learn/params.h"
#include "learn/sample.h"
#include "learn/stopped.h"
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
    if (!labels.groups.empty()) target.groups.push_back(labels.groups[size_t(row)]);
    if (!weights.empty()) target.weights.push_back(weights[size_t(row)]);
  }
  if (largest > 0) std::frexp(largest, &target.exponent);
  for (double& number : target.numbers) number = std::ldexp(number, -target.exponent);
  if (std::all_of(target.weights.begin(), target.weights.end(), [](float w) { return w == 1; })) target.weights.clear();
  return target;
}

/// The same of other rows, in the scale of `as`.
BoostTarget make_target(const Labels& labels, std::span<const float> weights, std::span<const int32_t> rows, const BoostTarget& as) {
  BoostTarget target = make_target(labels, weights, rows);
  for (double& number : target.numbers) number = std::ldexp(number, target.exponent - as.exponent);
  target.exponent = as.exponent;
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
  std::vector<float> g, h;  ///< h is empty when every row's is 1
  std::vector<kernels::FinePair> fine;
  double g_unit = 1, h_unit = 1;  ///< what 1 in `fine` stands for
};

class Booster {
 public:
  /// `given_up`: null, or the matrix, whose rows are all learnt from and whose columns may be freed.
  Booster(const BinnedMatrix& matrix, BinnedMatrix* given_up, std::span<const int32_t> rows, std::span<const int32_t> held_out, const Labels& labels,
          std::span<const float> weights, const BoostingParams& params, const FeatureRoles& roles, const std::vector<std::vector<uint8_t>>& groups,
          uint64_t seed, uint64_t entity, exec::Crew& crew, const exec::Cancellation* cancel)
      : params_(params),
        seed_(seed),
        entity_(entity),
        crew_(crew),
        cancel_(cancel),
        target_(make_target(labels, weights, rows)),
        table_(matrix, rows, crew, cancel),
        given_up_(given_up),
        loss_(make_loss(target_, params)),
        times_(repeats_of(target_)),
        num_rows_(rows.size()),
        by_name_(params.feature_fraction < 1 ? features_by_name(matrix.names) : std::vector<uint16_t>()),
        grower_(table_, limits(roles, groups), crew) {
    counted_ = loss_->is_counted() && (target_.weights.empty() || times_count());
    forest_.problem = labels.problem, forest_.num_classes = labels.num_classes;
    forest_.joined = Joined::sum, forest_.link = loss_->link();
    forest_.cuts = matrix.cuts;
    forest_.categorical = matrix.categorical;
    if (!forest_.categorical.empty()) forest_.set_start = {0};
    forest_.importance.assign(size_t(matrix.num_features), 0.0);
    choose_packing();
    if (!held_out.empty()) watch_.emplace(matrix, held_out, make_target(labels, weights, held_out, target_), *loss_, params_, crew, cancel_);
  }

  /// Means nothing once `cancel` says stop.
  Forest train() {
    begin();
    for (int64_t round = 0; round < params_.num_trees && !stopped(cancel_); ++round) {
      draw_rows(round);
      crew_.run(int64_t(loss_->num_pieces()), [&](int64_t piece, int) { loss_->begin_round(scores_, size_t(piece)); });
      for (int32_t k = 0; k < forest_.num_scores() && !stopped(cancel_); ++k) grow(k);
      if (stopped(cancel_)) return {};
      if (watch_ && watch_->is_over(forest_)) break;
    }
    if (watch_) watch_->keep_best(forest_);
    return finish();
  }

 private:
  TreeLimits limits(const FeatureRoles& roles, const std::vector<std::vector<uint8_t>>& groups) const {
    constexpr int64_t kMostSets = 65'000;  // a node names its set of categories in 16 bits
    const bool few = table_.has_categories() && (params_.num_leaves == 0 || params_.num_leaves > kMostSets);
    return {.num_leaves = few ? kMostSets : params_.num_leaves,
            .max_depth = params_.max_depth,
            .depthwise = params_.grow_policy == "depthwise",
            .min_samples_leaf = params_.min_samples_leaf,
            .min_child_weight = params_.min_child_weight,
            .lambda_l1 = std::ldexp(params_.lambda_l1, -target_.exponent),
            .lambda_l2 = params_.lambda_l2,
            .min_gain = std::ldexp(params_.min_gain, -2 * target_.exponent),
            .monotone = roles.monotone,
            .interactions = groups};
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
    derivatives_.g.resize(num_rows_), derivatives_.fine.resize(num_rows_);
    if (!counted_) derivatives_.h.resize(num_rows_);
    every_feature_.resize(size_t(table_.num_features()));
    std::iota(every_feature_.begin(), every_feature_.end(), 0);
    if (given_up_)
      move_to_tiles(table_, *given_up_, crew_, cancel_, tiles_);
    else if (params_.feature_fraction == 1)
      tiles_ = make_tiles(table_, every_feature_, crew_, cancel_);
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
    FeatureOrder order(table_.num_features(), by_name_);
    order.restart(random_key(seed_, Stage::features, entity_, uint64_t(forest_.num_trees())));
    const auto drawn = order.next(std::max(int64_t{1}, int64_t(std::llround(params_.feature_fraction * double(table_.num_features())))));
    std::vector<int32_t> features(drawn.begin(), drawn.end());
    std::sort(features.begin(), features.end());
    tiles_ = make_tiles(table_, features, crew_, cancel_);
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
      kernels.fix(d.g.data() + begin, g_scale, counted_ ? nullptr : d.h.data() + begin, h_scale, count, d.fine.data() + begin);
      kernels.pack(d.fine.data() + begin, g_shift_, h_shift_, times_.empty() ? nullptr : times_.data() + begin, times_count(), records_.packing,
                   count, records_.words.data() + begin);
    });
    d.g_unit = g_scale > 0 ? 1.0 / double(g_scale) : 0, d.h_unit = h_scale > 0 ? 1.0 / double(h_scale) : 1;
    records_.g_unit = std::ldexp(d.g_unit, int(g_shift_));
    records_.h_unit = counted_ ? 1 : std::ldexp(d.h_unit, int(h_shift_));
  }

  void grow(int32_t k) {
    derive(k);
    draw_features();
    if (stopped(cancel_)) return;
    if (params_.bagging_fraction == 1) {
      tree_.rows.resize(num_rows_);
      std::iota(tree_.rows.begin(), tree_.rows.end(), 0u);
    } else {
      tree_.rows = bag_;
    }
    grower_.grow(tiles_, records_, tree_, cancel_);
    const size_t first = forest_.values.size();
    forest_.values.resize(first + tree_.nodes.size());
    const std::span<double> values = std::span(forest_.values).subspan(first);
    double* scores = scores_.data() + size_t(k) * num_rows_;
    settle_leaves(values, scores);
    append_cover();
    for (const uint32_t row : left_out_) scores[row] += values[leaf_of(tree_, table_, row)];
    if (watch_) watch_->add(k, tree_, values);
    for (size_t i = 0; i < tree_.nodes.size(); ++i)
      if (!tree_.nodes[i].is_leaf()) forest_.importance[tree_.nodes[i].feature] += tree_.gains[i];
    forest_.nodes.insert(forest_.nodes.end(), tree_.nodes.begin(), tree_.nodes.end());
    forest_.tree_start.push_back(uint32_t(forest_.nodes.size()));
    forest_.sets.insert(forest_.sets.end(), tree_.sets.begin(), tree_.sets.end());
    if (!forest_.categorical.empty()) forest_.set_start.push_back(uint32_t(forest_.sets.size()));
  }

  /// Sums of derivatives over some rows of a leaf.
  struct LeafSums {
    int64_t g = 0, h = 0;
  };

  LeafSums leaf_sums(std::span<const uint32_t> rows) const {
    const std::vector<kernels::FinePair>& fine = derivatives_.fine;
    LeafSums sums;
    if (times_.empty())
      for (const uint32_t row : rows) sums.g += fine[row].g, sums.h += fine[row].h;
    else
      for (const uint32_t row : rows) sums.g += int64_t{fine[row].g} * times_[row], sums.h += int64_t{fine[row].h} * times_[row];
    return sums;
  }

  double leaf_value(const LeafRows& leaf, const LeafSums& sums, const double* scores) const {
    if (loss_->sets_leaves()) return params_.learning_rate * loss_->leaf_value({scores, num_rows_}, rows_of(leaf.begin, leaf.end));
    const double h = counted_ ? double(sums.h) : double(sums.h) * derivatives_.h_unit;
    const double step = leaf_step(double(sums.g) * derivatives_.g_unit, h, std::ldexp(params_.lambda_l1, -target_.exponent), params_.lambda_l2);
    return params_.learning_rate * std::clamp(step, leaf.low, leaf.high);
  }

  std::span<const uint32_t> rows_of(int64_t begin, int64_t end) const { return std::span(tree_.rows).subspan(size_t(begin), size_t(end - begin)); }

  /// Values of the leaves, and the scores of their rows. Large leaves are cut into pieces.
  void settle_leaves(std::span<double> values, double* scores) {
    struct Piece {
      size_t leaf;
      int64_t begin, end;
      LeafSums sums;
    };
    std::vector<Piece> pieces;
    for (size_t i = 0; i < tree_.leaves.size(); ++i)
      for (int64_t begin = tree_.leaves[i].begin; begin < tree_.leaves[i].end; begin += 4 * kRowsAtOnce)
        pieces.push_back({i, begin, std::min(tree_.leaves[i].end, begin + 4 * kRowsAtOnce), {}});
    const auto each = [&](auto task) {
      if (int64_t(tree_.rows.size()) < kRowsAtOnce)
        for (Piece& piece : pieces) task(piece);
      else
        crew_.run(int64_t(pieces.size()), [&](int64_t i, int) { task(pieces[size_t(i)]); });
    };
    each([&](Piece& piece) { piece.sums = leaf_sums(rows_of(piece.begin, piece.end)); });
    std::vector<LeafSums> sums(tree_.leaves.size());
    for (const Piece& piece : pieces) sums[piece.leaf].g += piece.sums.g, sums[piece.leaf].h += piece.sums.h;
    for (size_t i = 0; i < tree_.leaves.size(); ++i) values[tree_.leaves[i].node] = leaf_value(tree_.leaves[i], sums[i], scores);
    each([&](Piece& piece) {
      const double value = values[tree_.leaves[piece.leaf].node];
      for (const uint32_t row : rows_of(piece.begin, piece.end)) scores[row] += value;
    });
  }

  /// A row that is repeated counts as often, as long as nothing asks how many rows there are.
  bool times_count() const { return !times_.empty() && params_.min_samples_leaf == 1; }

  /// Weight of the rows that reached each node: of a leaf its rows, of the others their children. Children come later.
  void append_cover() {
    std::vector<double> cover(tree_.nodes.size());
    for (const LeafRows& leaf : tree_.leaves) {
      if (target_.weights.empty()) cover[leaf.node] = double(leaf.end - leaf.begin);
      for (int64_t i = leaf.begin; !target_.weights.empty() && i < leaf.end; ++i) cover[leaf.node] += target_.weight(tree_.rows[size_t(i)]);
    }
    for (size_t i = tree_.nodes.size(); i-- > 0;)
      if (!tree_.nodes[i].is_leaf()) cover[i] = cover[tree_.nodes[i].child()] + cover[tree_.nodes[i].child() + 1];
    forest_.cover.insert(forest_.cover.end(), cover.begin(), cover.end());
  }

  /// Back to the scale of the labels; importance as shares.
  Forest finish() {
    for (double& value : forest_.values) value = loss_->unscaled_value(value, target_.exponent);
    for (double& value : forest_.start) value = loss_->unscaled_start(value, target_.exponent);
    const double sum = std::accumulate(forest_.importance.begin(), forest_.importance.end(), 0.0);
    for (double& gain : forest_.importance) gain = sum > 0 ? gain / sum : 0;
    return std::move(forest_);
  }

  const BoostingParams params_;
  const uint64_t seed_, entity_;
  exec::Crew& crew_;
  const exec::Cancellation* const cancel_;  ///< may be null
  const BoostTarget target_;
  BoostTable table_;
  BinnedMatrix* const given_up_;  ///< may be null
  const std::unique_ptr<Loss> loss_;
  const std::vector<uint8_t> times_;
  const size_t num_rows_;
  const std::vector<uint16_t> by_name_;  ///< features_by_name(), where features are drawn
  TreeGrower grower_;
  bool counted_ = false;
  uint32_t g_shift_ = 0, h_shift_ = 0;
  std::vector<int32_t> every_feature_;
  TileSet tiles_;
  Records records_;
  Derivatives derivatives_;
  std::vector<double> scores_;            ///< score by score
  std::vector<uint32_t> bag_, left_out_;  ///< with bagging
  GrownTree tree_;
  Forest forest_;
  std::optional<Watch> watch_;
};

/// What the objective needs of the labels.
Result<void> check_labels(const Labels& labels, std::span<const int32_t> rows, const BoostingParams& params) {
  if (labels.problem == Problem::ranking && labels.groups.empty())
    return input_error("ranking needs a group for every row", "labels", "name the column of dates: --by-date COL");
  if (params.objective != "poisson") return {};
  double sum = 0;
  for (const int32_t row : rows) {
    if (labels.values[size_t(row)] < 0)
      return input_error(fmt::format("the label of row {} is {}", row, labels.values[size_t(row)]), "objective=poisson", "its labels are 0 or more");
    sum += labels.values[size_t(row)];
  }
  if (sum == 0)
    return input_error("every label is 0: the logarithm of their mean is not finite", "objective=poisson", "give rows with a positive label");
  return {};
}

/// The rows to learn from, or what is wrong with them or with the params.
Result<std::vector<int32_t>> checked_rows(const BinnedMatrix& matrix, std::span<const int32_t> rows, const Labels& labels,
                                          std::span<const float> weights, const BoostingParams& params) {
  HY_CHECK(check_params(params));
  HY_CHECK(check_shape(params, labels.problem, matrix.num_features));
  HY_TRY(std::vector<int32_t> counted, rows_that_count(matrix.num_rows, rows, labels, weights));
  HY_CHECK(check_labels(labels, counted, params));
  return counted;
}

/// `given_up`: null, or the matrix, whose columns may be freed.
Result<Forest> train(const BinnedMatrix& matrix, BinnedMatrix* given_up, std::vector<int32_t> counted, const Labels& labels,
                     std::span<const float> weights, const BoostingParams& params, uint64_t seed, uint64_t entity, exec::Pool* pool,
                     const exec::Cancellation* cancel) {
  HY_TRY(const FeatureRoles roles, feature_roles(params.categorical, params.monotone, matrix.names, matrix.num_features));
  HY_TRY(const auto groups, interaction_groups(params.interactions, matrix.names, matrix.num_features));
  if (!roles.monotone.empty() && labels.num_classes > 2)
    return usage_error(fmt::format("monotone has no meaning for {} classes", labels.num_classes), "monotone", "leave monotone out");
  std::vector<int32_t> held_out;
  if (params.early_stopping_rounds > 0) {
    HY_TRY(held_out, hold_out(labels, params, counted));
  }
  // Below this a round is over before another worker has looked up.
  constexpr int64_t kWorthSharing = 100'000;
  exec::Crew crew(int64_t(counted.size()) * matrix.num_features < kWorthSharing ? nullptr : pool);
  Forest forest;
  crew.lead([&] {
    forest = Booster(matrix, counted.size() == size_t(matrix.num_rows) ? given_up : nullptr, counted, held_out, labels, weights, params, roles,
                     groups, seed, entity, crew, cancel)
                 .train();
  });
  if (stopped(cancel)) return stopped_error("boosting");
  return forest;
}

}  // namespace

Result<Forest> train_boosting(const BinnedMatrix& matrix, std::span<const int32_t> rows, const Labels& labels, std::span<const float> weights,
                              const BoostingParams& params, uint64_t seed, uint64_t entity, exec::Pool* pool, const exec::Cancellation* cancel) {
  HY_TRY(std::vector<int32_t> counted, checked_rows(matrix, rows, labels, weights, params));
  return train(matrix, nullptr, std::move(counted), labels, weights, params, seed, entity, pool, cancel);
}

bool frees_columns(const BoostingParams& params) {
  return params.feature_fraction == 1 && params.bagging_fraction == 1 && params.early_stopping_rounds == 0;
}

Result<Forest> train_boosting_on(BinnedMatrix matrix, const Labels& labels, std::span<const float> weights, const BoostingParams& params,
                                 uint64_t seed, uint64_t entity, exec::Pool* pool, const exec::Cancellation* cancel) {
  std::vector<int32_t> rows(size_t(matrix.num_rows));
  std::iota(rows.begin(), rows.end(), 0);
  HY_TRY(std::vector<int32_t> counted, checked_rows(matrix, rows, labels, weights, params));
  rows = {};
  return train(matrix, frees_columns(params) ? &matrix : nullptr, std::move(counted), labels, weights, params, seed, entity, pool, cancel);
}

}  // namespace hayate
