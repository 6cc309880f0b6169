// What [features] processors names: how feature values are changed between the expressions and the learner.
//
//   processors = ["cs_zscore", "robust_zscore", "winsorize(0.01)", "fillna(0)"]
//
// They act in their order. Those that need no fitting and stand first are expressions: cs_zscore makes of every feature
// CSZScore(feature), fillna(0) If((feature)==(feature), feature, 0), so that models, reports and predictions hold the feature as
// it is learnt from. The others are fitted on the training rows of each fold alone, feature by feature (scope "symbol": symbol by
// symbol), each on what the one before it left; what was fitted for the last fold lies in the model file (docs/formats/model.md).
// A cross-section that follows a fitted one is another feature in every fold: it is taken after the fit, over the symbols of each date, and
// needs one model for the universe (scope "pooled"): a symbol that has folds of its own would see its neighbours scaled by rows that are no
// training rows of theirs.
//
// A fitted value is two numbers: robust_zscore its median and scale, winsorize its bounds. A feature without a value in the training
// rows has NaN for both, and is NaN.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "exec/pool.h"
#include "hayate/error.h"
#include "hayate/model.h"

namespace hayate::pipeline {

struct Scaler {
  enum class Type : uint8_t { cs_zscore, cs_rank, robust_zscore, winsorize, fillna };
  Type type = Type::fillna;
  double value = 0;  ///< of winsorize and fillna
  bool operator==(const Scaler&) const = default;
};

/// One name of processors, as documentation shows it.
struct ScalerName {
  const char* name;
  Scaler::Type type;
  bool has_value, fitted;
  double initial, least, most;  ///< of the value
  const char* meaning;
};
std::span<const ScalerName> scaler_names();

/// Scalers as the spec names them: those that are expressions, and those that act on values.
struct ScalerList {
  std::vector<Scaler> expressions, fitted;
};
/// `fitted` begins with the first scaler that is; what follows it may need no fit. Errors (usage): an unknown name, a value out of range.
Result<ScalerList> parse_scalers(const std::vector<std::string>& texts, const std::string& where);
/// Whether one of them is taken over the symbols of a date.
bool has_cross_sections(std::span<const Scaler> scalers);
/// "robust_zscore, winsorize(0.01)"; what parse_scalers reads.
std::vector<std::string> scaler_texts(std::span<const Scaler> scalers);

/// `text` as the scalers leave it: an expression again.
std::string scaled_expression(std::span<const Scaler> scalers, std::string text);

/// Feature columns that are scaled in place.
struct ScaledColumns {
  float* data = nullptr;
  int64_t num_rows = 0, num_features = 0, stride = 0;
  std::span<float> column(int64_t feature) const { return {data + feature * stride, size_t(num_rows)}; }
};

/// Fits every scaler on the rows listed, in order, and applies it to all rows. Returns two numbers per fitted scaler and feature, scaler by
/// scaler. Features are shared out to the workers of `pool`, which may be null. `times` are those of the rows; only cross-sections need them.
std::vector<double> fit_scalers(std::span<const Scaler> scalers, const ScaledColumns& columns, std::span<const int32_t> rows, exec::Pool* pool,
                                std::span<const int64_t> times = {}, const exec::Cancellation* cancel = nullptr);
/// Applies what fit_scalers returned.
void apply_scalers(std::span<const Scaler> scalers, std::span<const double> fits, const ScaledColumns& columns, std::span<const int64_t> times = {});
/// Numbers that fit_scalers returns.
size_t num_fits(std::span<const Scaler> scalers, int64_t num_features);

/// Writes scalers and fits (one list per key of the model) into the notes of a model. Nothing when there are no scalers.
void note_scalers(std::span<const Scaler> scalers, std::span<const std::vector<double>> fits, Model& model);

/// The scalers that a model's notes hold, ready to be applied to rows of a key.
class ModelScalers {
 public:
  /// Error (input): the notes are not what note_scalers writes; (usage) cross-sections, unless the caller has `whole_dates`.
  static Result<ModelScalers> of(const Model& model, const std::string& where, bool whole_dates = false);
  /// Scales columns whose rows belong to `key`, as the model's training rows were. `key` must be one that the model has a predictor for.
  /// `times`: of the rows, which are all of their dates; only cross-sections need them.
  void apply(const std::string& key, const ScaledColumns& columns, std::span<const int64_t> times = {}) const;
  bool has_cross_sections() const { return pipeline::has_cross_sections(scalers_); }
  bool empty() const { return scalers_.empty(); }

 private:
  std::vector<Scaler> scalers_;
  bool one_model_ = false;
  std::map<std::string, std::vector<double>> fits_;  ///< by key
};

}  // namespace hayate::pipeline
