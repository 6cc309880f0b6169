// Learners: the table of what `train` can train, their parameters, and Trainer, which trains one table fold by fold.
//
//   HY_TRY(const LearnerParams params, learner_params("forest", "num_trees=50,max_depth=8"));
//   const auto trainer = make_trainer(params, {values, rows, features, stride});   // once per table
//   HY_CHECK(trainer->prepare(train_rows));                                        // once per fold: cuts, codes
//   HY_TRY(Predictor predictor, trainer->train(Labels::numbers(y), {}, {seed, entity}));
//   trainer->predict(predictor, test_rows, out);
//
// Everything a learner gives depends on the data, the params, the seed and the entity alone: the same bytes for any number
// of workers and on every instruction set.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "hayate/binned.h"
#include "hayate/boosting.h"
#include "hayate/error.h"
#include "hayate/forest.h"
#include "hayate/linear.h"
#include "hayate/model.h"

namespace hayate {

/// One learner, as help and errors show it.
struct Learner {
  std::string_view name;  ///< "forest"
  std::string_view summary;
  bool regression, classification, ranking;  ///< the problems it solves

  bool solves(Problem problem) const;
};

/// One parameter of a learner, as help shows it.
struct ParamInfo {
  std::string name, value;  ///< "max_depth", "0": the default
  std::string help;
  std::string values;  ///< "leafwise|depthwise", "0 to 65535", "NAME;NAME"; empty: true or false
};

std::span<const Learner> learners();
std::vector<ParamInfo> params_of(const Learner& learner);
std::vector<std::string> learner_names();
/// The learner called `name`, or a usage error with the nearest name.
Result<const Learner*> find_learner(std::string_view name, const std::string& where);

/// Parameters of one learner; the alternative held says which. In the order of learners().
using LearnerParams = std::variant<ForestParams, BoostingParams, LinearParams, LogisticParams>;

/// "num_trees=50,max_depth=8" over the defaults of the learner. Unknown learners and names are errors with the nearest name,
/// values are checked.
Result<LearnerParams> learner_params(std::string_view learner, std::string_view text = "", const std::string& where = "--params");
/// One name and value, as a TOML table or a search space gives them.
Result<void> set_param(LearnerParams& params, std::string_view name, std::string_view value, const std::string& where);
/// All fields as "name=value,..." in the order of the table: what Model::params stores.
std::string format_params(const LearnerParams& params);
const Learner& learner_of(const LearnerParams& params);
/// Checks that need the shape of the data: the problem is one the learner solves, max_features is in range, ...
Result<void> check_params(const LearnerParams& params, Problem problem, int64_t num_features);

/// Error (usage): a parameter that is not at its default and does nothing, as others are (alpha without objective=quantile). Those
/// named in `varied`, which a search sets, count as set, and what they decide as open.
Result<void> check_effects(const LearnerParams& params, Problem problem, std::span<const std::string> varied = {},
                           const std::string& where = "--params");

/// Most bytes that a predictor trained on `rows` rows can take.
int64_t predictor_bytes(const LearnerParams& params, int64_t rows, int64_t num_features);

/// What random numbers are keyed by: equal keys give equal models, whatever is trained beside them.
struct TrainKey {
  uint64_t seed = 0;
  uint64_t entity = 0;  ///< of the symbol and fold, so that they do not share their draws
};

/// One table of float32 features, prepared for training on many subsets of its rows (folds, rungs, params). prepare() is not for
/// several threads at once; what is const is.
class Trainer {
 public:
  explicit Trainer(LearnerParams params) : params_(std::move(params)) {}
  virtual ~Trainer() = default;

  /// True when training and predicting read the values given to make_trainer(), which then must stay; false when they may be
  /// freed or overwritten once it has returned.
  virtual bool keeps_values() const = 0;
  /// From now on prepare() and predict() stop when `cancel` says so: prepare() with an Error (interrupted), predict() with rows left out, which is
  /// for the caller to notice. train() is given its own.
  void stop_with(const exec::Cancellation* cancel) { cancel_ = cancel; }
  /// Chooses the rows that the next train() learns from (they may repeat), and computes what depends on them alone.
  /// Errors (input): no rows; (usage): params out of range; (interrupted).
  virtual Result<void> prepare(std::span<const int32_t> rows) = 0;
  /// Trains on the rows prepared. `labels` and `weights` (may be empty) are indexed by row of the table. With a pool the work
  /// is spread over its workers. `extras` concern forests; other learners ignore them. Errors as train_forest().
  Result<Predictor> train(const Labels& labels, std::span<const float> weights, TrainKey key, exec::Pool* pool = nullptr,
                          const exec::Cancellation* cancel = nullptr, const ForestExtras& extras = {}) const {
    return train_as(params_, labels, weights, key, pool, cancel, extras);
  }
  /// Whether prepare() does for `params` what it does for the trainer's own: train_as() takes these.
  virtual bool prepares_for(const LearnerParams& params) const = 0;
  /// train() with other params: what was prepared serves them too. Any thread, several at once.
  virtual Result<Predictor> train_as(const LearnerParams& params, const Labels& labels, std::span<const float> weights, TrainKey key,
                                     exec::Pool* pool = nullptr, const exec::Cancellation* cancel = nullptr,
                                     const ForestExtras& extras = {}) const = 0;
  /// Rows of the table as `predictor`, of the last prepare(), predicts them: the bytes of predict() on their values, sooner.
  /// May be called from several threads. `out` is row-major, rows.size() x num_outputs.
  virtual void predict(const Predictor& predictor, std::span<const int32_t> rows, std::span<double> out) const = 0;

 protected:
  const exec::Cancellation* cancel_ = nullptr;

 private:
  LearnerParams params_;
};

std::unique_ptr<Trainer> make_trainer(const LearnerParams& params, const FloatColumns& values);

/// Whether the learner sees nothing but codes (trees with bins): a table can then flow into it and is never there as a whole.
bool learns_from_codes(const LearnerParams& params);
/// The codes of one fold for train_on_codes(), made of a table as it is read (see bin_rows()). `weighted`: rows will have weights.
Result<BinnedMatrix> bin_fold(const LearnerParams& params, Problem problem, bool weighted, const RowSource& source,
                              std::span<const int32_t> train_rows);
/// Trains on all rows of a matrix of bin_fold(), which it uses up, by which `labels` and `weights` are indexed. What a Trainer of the whole table, prepared for
/// the same rows, gives.
Result<Predictor> train_on_codes(const LearnerParams& params, BinnedMatrix matrix, const Labels& labels, std::span<const float> weights, TrainKey key,
                                 exec::Pool* pool = nullptr, const exec::Cancellation* cancel = nullptr);
/// Bytes of codes that bin_fold() and train_on_codes() hold at once, and bytes beside them per worker.
struct CodeBytes {
  int64_t codes = 0, per_worker = 0;
};
CodeBytes code_bytes(const LearnerParams& params, Problem problem, bool weighted, int64_t train_rows, int64_t num_features);

}  // namespace hayate
