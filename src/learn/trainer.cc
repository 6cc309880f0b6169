#include <cassert>

#include "hayate/binned.h"
#include "hayate/learner.h"
#include "learn/linear_trainer.h"

namespace hayate {
namespace {

/// Learners of trees: ranks once per table, cuts and codes once per fold.
template <class Params, auto kTrain>
class TreeTrainer final : public Trainer {
 public:
  TreeTrainer(const Params& params, const FloatColumns& values) : Trainer(params), bins_(params.bins), ranked_(rank_columns(values)) {}

  bool keeps_values() const override { return false; }

  Result<void> prepare(std::span<const int32_t> rows) override {
    HY_TRY(matrix_, bin_columns(ranked_, rows, int(bins_)));
    rows_.assign(rows.begin(), rows.end());
    return {};
  }

  bool prepares_for(const LearnerParams& params) const override {
    const Params* own = std::get_if<Params>(&params);
    return own && own->bins == bins_;
  }

  Result<Predictor> train_as(const LearnerParams& params, const Labels& labels, std::span<const float> weights, TrainKey key, exec::Pool* pool,
                             const exec::Cancellation* cancel) const override {
    HY_TRY(Forest forest, kTrain(matrix_, rows_, labels, weights, std::get<Params>(params), key.seed, key.entity, pool, cancel));
    return Predictor(std::move(forest));
  }

  void predict(const Predictor& predictor, std::span<const int32_t> rows, std::span<double> out) const override {
    predict_codes(std::get<Forest>(predictor), matrix_.columns(), rows, out);
  }

 private:
  int64_t bins_;
  RankedMatrix ranked_;
  BinnedMatrix matrix_;
  std::vector<int32_t> rows_;
};

using learn::trainer_of;
std::unique_ptr<Trainer> trainer_of(const ForestParams& params, const FloatColumns& values) {
  return std::make_unique<TreeTrainer<ForestParams, train_forest>>(params, values);
}

}  // namespace

std::unique_ptr<Trainer> make_trainer(const LearnerParams& params, const FloatColumns& values) {
  return std::visit([&values](const auto& p) { return trainer_of(p, values); }, params);
}

}  // namespace hayate
