#include "hayate/binned.h"
#include "hayate/learner.h"
#include "learn/linear_trainer.h"

namespace hayate {
namespace {

/// Forests: cuts and codes are made from the values once per fold; ranks once per table where every threshold is wanted.
class ForestTrainer final : public Trainer {
 public:
  ForestTrainer(const ForestParams& params, const FloatColumns& values) : Trainer(params), params_(params), values_(values) {
    if (max_bins(params) == 0) ranked_ = std::make_shared<const RankedMatrix>(rank_columns(values));
  }

  bool keeps_values() const override { return true; }

  Result<void> prepare(std::span<const int32_t> rows) override {
    HY_TRY(const FeatureRoles roles, feature_roles(params_, values_.names, values_.num_features));
    if (ranked_) {
      HY_TRY(matrix_, exact_columns(ranked_, rows, roles.categorical));
    } else {
      HY_TRY(matrix_, bin_values(values_, rows, max_bins(params_), roles.categorical, Spread::ends));
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
    if (forest.thresholds.empty()) return predict_codes(forest, matrix_.columns(), rows, out);
    std::vector<float> row(size_t(values_.num_features));
    const size_t outputs = size_t(forest.num_outputs());
    for (size_t i = 0; i < rows.size(); ++i) {
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
    HY_TRY(matrix_, bin_values(values_, rows, int(params_.bins), roles.categorical));
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
    predict_codes(std::get<Forest>(predictor), matrix_.columns(), rows, out);
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

}  // namespace hayate
