#include "learn/linear_trainer.h"

#include <algorithm>

#include "learn/stopped.h"

namespace hayate::learn {
namespace {

template <class Params>
class LinearTrainer final : public Trainer {
 public:
  LinearTrainer(const Params& params, const FloatColumns& values) : Trainer(params), values_(values), table_(values) {}

  bool keeps_values() const override { return true; }

  Result<void> prepare(std::span<const int32_t> rows) override {
    rows_.assign(rows.begin(), rows.end());
    return {};
  }

  bool prepares_for(const LearnerParams& params) const override { return std::holds_alternative<Params>(params); }

  Result<Predictor> train_as(const LearnerParams& params, const Labels& labels, std::span<const float> weights, TrainKey, exec::Pool* pool,
                             const exec::Cancellation* cancel, const ForestExtras&) const override {
    HY_TRY(Linear linear, table_.train(rows_, labels, weights, std::get<Params>(params), pool, cancel));
    return Predictor(std::move(linear));
  }

  void predict(const Predictor& predictor, std::span<const int32_t> rows, std::span<double> out) const override {
    constexpr size_t kBlock = 1024;
    const size_t outputs = size_t(num_outputs(predictor)), features = size_t(values_.num_features);
    std::vector<float> block(std::min(kBlock, rows.size()) * features);
    for (size_t first = 0; first < rows.size() && !stopped(cancel_); first += kBlock) {
      const size_t count = std::min(kBlock, rows.size() - first);
      for (size_t f = 0; f < features; ++f)
        for (size_t i = 0; i < count; ++i) block[f * count + i] = values_.column(int64_t(f))[rows[first + i]];
      hayate::predict(predictor, {block.data(), int64_t(count), int64_t(features), int64_t(count)}, out.subspan(first * outputs, count * outputs));
    }
  }

 private:
  FloatColumns values_;
  LinearTable table_;
  std::vector<int32_t> rows_;
};

}  // namespace

std::unique_ptr<Trainer> trainer_of(const LinearParams& params, const FloatColumns& values) {
  return std::make_unique<LinearTrainer<LinearParams>>(params, values);
}
std::unique_ptr<Trainer> trainer_of(const LogisticParams& params, const FloatColumns& values) {
  return std::make_unique<LinearTrainer<LogisticParams>>(params, values);
}

}  // namespace hayate::learn
