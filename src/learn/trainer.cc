#include <numeric>

#include "hayate/binned.h"
#include "hayate/compiled.h"
#include "hayate/learner.h"
#include "learn/codes.h"
#include "learn/linear_trainer.h"
#include "learn/stopped.h"

namespace hayate {
namespace {

using learn::stopped;
using learn::stopped_error;

/// Predictions of a forest from codes; where they take long, some rows at a time, with a look at whether to go on.
void predict_rows(const Forest& forest, const CodeColumns& codes, std::span<const int32_t> rows, std::span<double> out,
                  const exec::Cancellation* cancel) {
  constexpr size_t kStepsAtOnce = 200'000;  // rows times trees: some 2 ms
  const size_t outputs = size_t(forest.num_outputs()), step = std::max<size_t>(256, kStepsAtOnce / size_t(std::max<int64_t>(1, forest.num_trees())));
  if (!cancel || rows.size() <= step) return predict_codes(forest, codes, rows, out);
  const CompiledForest compiled(forest);
  for (size_t first = 0; first < rows.size() && !stopped(cancel); first += step) {
    const size_t count = std::min(step, rows.size() - first);
    compiled.predict_codes(codes, rows.subspan(first, count), out.subspan(first * outputs, count * outputs));
  }
}

/// Forests: cuts and codes are made from the values once per fold; ranks once per table where every threshold is wanted.
class ForestTrainer final : public Trainer {
 public:
  ForestTrainer(const ForestParams& params, const FloatColumns& values) : Trainer(params), params_(params), values_(values) {}

  bool keeps_values() const override { return true; }

  Result<void> prepare(std::span<const int32_t> rows) override {
    HY_TRY(const FeatureRoles roles, feature_roles(params_, values_.names, values_.num_features));
    if (max_bins(params_) == 0) {
      if (!ranked_) ranked_ = std::make_shared<const RankedMatrix>(rank_columns(values_, cancel_));
      if (stopped(cancel_)) return ranked_.reset(), stopped_error("bins");
      HY_TRY(matrix_, exact_columns(ranked_, rows, roles.categorical, cancel_));
    } else {
      HY_TRY(matrix_, bin_values(values_, rows, max_bins(params_), roles.categorical, Spread::ends, nullptr, cancel_));
    }
    rows_.assign(rows.begin(), rows.end());
    return {};
  }

  bool prepares_for(const LearnerParams& params) const override {
    const ForestParams* other = std::get_if<ForestParams>(&params);
    return other && max_bins(*other) == max_bins(params_) && other->categorical == params_.categorical;
  }

  Result<Predictor> train_as(const LearnerParams& params, const Labels& labels, std::span<const float> weights, TrainKey key, exec::Pool* pool,
                             const exec::Cancellation* cancel, const ForestExtras& extras) const override {
    HY_TRY(Forest forest, train_forest(matrix_, rows_, labels, weights, std::get<ForestParams>(params), key.seed, key.entity, pool, cancel, extras));
    return Predictor(std::move(forest));
  }

  void predict(const Predictor& predictor, std::span<const int32_t> rows, std::span<double> out) const override {
    const Forest& forest = std::get<Forest>(predictor);
    if (forest.thresholds.empty()) return predict_rows(forest, matrix_.columns(), rows, out, cancel_);
    std::vector<float> row(size_t(values_.num_features));
    const size_t outputs = size_t(forest.num_outputs());
    for (size_t i = 0; i < rows.size() && !stopped(cancel_); ++i) {
      for (size_t f = 0; f < row.size(); ++f) row[f] = values_.column(int64_t(f))[rows[i]];
      predict_row(forest, row, out.subspan(i * outputs, outputs));
    }
  }

 private:
  ForestParams params_;
  FloatColumns values_;
  std::shared_ptr<const RankedMatrix> ranked_;
  BinnedMatrix matrix_;
  std::vector<int32_t> rows_;
};

/// Boosting: cuts and codes once per fold.
class BoostingTrainer final : public Trainer {
 public:
  BoostingTrainer(const BoostingParams& params, const FloatColumns& values) : Trainer(params), params_(params), values_(values) {}

  bool keeps_values() const override { return true; }

  Result<void> prepare(std::span<const int32_t> rows) override {
    HY_TRY(const FeatureRoles roles, feature_roles(params_.categorical, params_.monotone, values_.names, values_.num_features));
    HY_TRY(matrix_, bin_values(values_, rows, int(params_.bins), roles.categorical, Spread::even, nullptr, cancel_));
    rows_.assign(rows.begin(), rows.end());
    return {};
  }

  bool prepares_for(const LearnerParams& params) const override {
    const BoostingParams* other = std::get_if<BoostingParams>(&params);
    return other && other->bins == params_.bins && other->categorical == params_.categorical;
  }

  Result<Predictor> train_as(const LearnerParams& params, const Labels& labels, std::span<const float> weights, TrainKey key, exec::Pool* pool,
                             const exec::Cancellation* cancel, const ForestExtras&) const override {
    HY_TRY(Forest forest, train_boosting(matrix_, rows_, labels, weights, std::get<BoostingParams>(params), key.seed, key.entity, pool, cancel));
    return Predictor(std::move(forest));
  }

  void predict(const Predictor& predictor, std::span<const int32_t> rows, std::span<double> out) const override {
    predict_rows(std::get<Forest>(predictor), matrix_.columns(), rows, out, cancel_);
  }

 private:
  BoostingParams params_;
  FloatColumns values_;
  BinnedMatrix matrix_;
  std::vector<int32_t> rows_;
};

using learn::trainer_of;

std::unique_ptr<Trainer> trainer_of(const ForestParams& params, const FloatColumns& values) {
  return std::make_unique<ForestTrainer>(params, values);
}

std::unique_ptr<Trainer> trainer_of(const BoostingParams& params, const FloatColumns& values) {
  return std::make_unique<BoostingTrainer>(params, values);
}

}  // namespace

std::unique_ptr<Trainer> make_trainer(const LearnerParams& params, const FloatColumns& values) {
  return std::visit([&values](const auto& p) { return trainer_of(p, values); }, params);
}

namespace {

int bins_of(const LearnerParams& params) {
  if (const auto* forest = std::get_if<ForestParams>(&params)) return max_bins(*forest);
  if (const auto* boosting = std::get_if<BoostingParams>(&params)) return int(boosting->bins);
  return 0;
}

/// Whether training reads codes row by row and nothing else (see train_forest()).
bool reads_rows(const LearnerParams& params, Problem problem, bool weighted) {
  const auto* forest = std::get_if<ForestParams>(&params);
  return forest && !weighted && problem == Problem::regression && forest->splitter == "best" && forest->criterion != "absolute_error" &&
         forest->criterion != "poisson" && forest->monotone.empty() && forest->categorical.empty() && !forest->oob_score;
}

}  // namespace

bool learns_from_codes(const LearnerParams& params) { return bins_of(params) > 0; }

Result<BinnedMatrix> bin_fold(const LearnerParams& params, Problem problem, bool weighted, const RowSource& source,
                              std::span<const int32_t> train_rows) {
  FeatureRoles roles;
  if (const auto* forest = std::get_if<ForestParams>(&params)) {
    HY_TRY(roles, feature_roles(*forest, source.names, source.num_features));
  }
  if (const auto* boosting = std::get_if<BoostingParams>(&params)) {
    HY_TRY(roles, feature_roles(boosting->categorical, boosting->monotone, source.names, source.num_features));
  }
  const Spread spread = std::holds_alternative<ForestParams>(params) ? Spread::ends : Spread::even;
  return bin_rows(source, train_rows, bins_of(params), roles.categorical, spread, reads_rows(params, problem, weighted));
}

Result<Predictor> train_on_codes(const LearnerParams& params, BinnedMatrix matrix, const Labels& labels, std::span<const float> weights, TrainKey key,
                                 exec::Pool* pool, const exec::Cancellation* cancel) {
  if (const auto* boosting = std::get_if<BoostingParams>(&params)) {
    HY_TRY(Forest trees, train_boosting_on(std::move(matrix), labels, weights, *boosting, key.seed, key.entity, pool, cancel));
    return Predictor(std::move(trees));
  }
  std::vector<int32_t> rows(size_t(matrix.num_rows));
  std::iota(rows.begin(), rows.end(), 0);
  HY_TRY(Forest trees, train_forest(matrix, rows, labels, weights, std::get<ForestParams>(params), key.seed, key.entity, pool, cancel));
  return Predictor(std::move(trees));
}

CodeBytes code_bytes(const LearnerParams& params, Problem problem, bool weighted, int64_t train_rows, int64_t num_features) {
  const int64_t by_columns = train_rows * num_features;
  // Boosting keeps the codes of a feature together to divide rows, and those of 32 features side by side to count them. Beside them
  // stand a row's place, derivatives and prediction. Where columns are freed meanwhile, 32 features are there twice.
  if (const auto* boosting = std::get_if<BoostingParams>(&params)) {
    const int64_t side_by_side = train_rows * ((num_features + 31) / 32 * 32 + 48);
    return {side_by_side + (frees_columns(*boosting) ? train_rows * std::min(int64_t{32}, num_features) : by_columns), 1 << 22};
  }
  const bool rows_alone = reads_rows(params, problem, weighted);
  const int64_t by_rows = train_rows * (rows_alone ? learn::row_stride_of(num_features) : learn::table_stride_of(num_features));
  // Of a tree: rows drawn, how often, what they carry, and room to divide them. Of all trees: rows, labels as whole numbers.
  return {by_rows + (rows_alone ? 0 : by_columns) + train_rows * 20, train_rows * 28 + (1 << 22)};
}

}  // namespace hayate
