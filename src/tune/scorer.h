// What a configuration scores: trains it as far as a budget says and measures it on rows that did not train. Configurations
// that differ in prefix parameters alone share one forest.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "exec/pool.h"
#include "hayate/learner.h"
#include "hayate/metrics.h"
#include "tune/reads.h"

namespace hayate::tune {

/// A table to learn from: only rows that may train (label and weight known).
struct Examples {
  FloatColumns values;
  Problem problem = Problem::regression;
  std::vector<std::string> classes;  ///< names; empty for regression
  std::vector<double> numbers;       ///< regression: the label per row
  std::vector<int32_t> ids;          ///< classification: the class per row
  std::vector<float> weights;        ///< per row; empty: 1
  std::vector<int64_t> dates;        ///< per row, ascending with the date; empty: none
  int64_t num_rows() const { return values.num_rows; }
  Labels labels() const {
    if (problem != Problem::classification) return Labels::numbers(numbers);
    Labels out = Labels::ids(ids, int32_t(classes.size()));
    out.class_names = classes;
    return out;
  }
};

/// How trials are scored. out_of_bag: a forest on all rows, each row by the trees that did not draw it. folds: the mean over
/// shuffled folds (stratified by class). walk_forward: the mean over blocks of dates, each predicted from all dates before it
/// less `purge_days` (dates that rows have, not days of a calendar).
enum class Scoring : uint8_t { out_of_bag, folds, walk_forward };
struct ScoringSpec {
  Scoring scoring = Scoring::folds;
  int64_t num_folds = 5, purge_days = 0;
  const MetricInfo* metric = nullptr;
  uint64_t seed = 0;
  bool only_last = false;           ///< the last fold alone is tested
  std::vector<double> shares = {};  ///< that will be asked for: models that several requests read are read for all of them at once
};

/// The rows of one train and test pair.
struct RowFold {
  std::vector<int32_t> train, test;
};
/// Folds of a table; Errors (input): too few rows or dates. Under out_of_bag one fold whose test rows are its training rows;
/// under folds rows are taken in their order, fold by fold.
Result<std::vector<RowFold>> make_row_folds(const Examples& examples, const ScoringSpec& spec);

/// The listed rows as examples of their own, their values in `storage`. Once `cancel` says stop, they mean nothing.
Examples select(const Examples& examples, std::span<const int32_t> rows, exec::Pool& pool, const exec::Cancellation& cancel,
                std::unique_ptr<float[]>& storage);

/// The metric of predictions (row-major, rows.size() x outputs) of the listed rows; rows predicted as NaN are left out.
/// NaN when it is undefined.
double measure(const Examples& examples, const MetricInfo& metric, std::span<const int32_t> rows, std::span<const double> predictions);

/// Params to score, trained to `share` of their iterations (num_trees, rounds); learners without iterations ignore it.
struct Request {
  LearnerParams params;
  double share = 1;
};
struct Score {
  double value = 0;     ///< of the metric; NaN: failed or undefined
  double seconds = 0;   ///< of training and prediction, shared evenly by the requests that were answered together
  std::string failure;  ///< why there is no value
};

/// Trees or rounds that a model has at most; 0 for learners without iterations.
int64_t iterations_of(const LearnerParams& params);

class Scorer {
 public:
  /// `examples.values` must stay. Errors: those of make_row_folds. Once `cancel` says stop, a scorer whose rows mean nothing.
  static Result<std::unique_ptr<Scorer>> make(Examples examples, const ScoringSpec& spec, exec::Pool& pool, const exec::Cancellation& cancel);

  /// Scores in the order of the requests; they do not depend on which are asked for together, nor on the pool. Once `cancel`
  /// says stop, the scores mean nothing.
  std::vector<Score> score(const std::vector<Request>& requests, const exec::Cancellation& cancel);
  int64_t models_trained() const { return models_trained_; }

  /// What `params` predict for every row when it does not train: row-major, in the order of the examples given; NaN where no
  /// fold tests a row. `train_seconds` is the longest training.
  struct OutOfSample {
    std::vector<double> predictions;
    double train_seconds = 0;
    std::optional<Predictor> last = {};  ///< the model of the last fold: under out_of_bag it has learnt from all rows
  };
  Result<OutOfSample> predict_all(const LearnerParams& params, const exec::Cancellation& cancel);

 private:
  struct Group;
  struct Prepared {
    std::unique_ptr<Trainer> trainer;
    size_t fold = ~size_t{0};
  };
  struct Kept {
    Predictor predictor;
    int64_t iterations = 0, depth = 0;
  };
  Scorer(const ScoringSpec& spec, exec::Pool& pool) : spec_(spec), pool_(pool) {}
  std::vector<Group> groups_of(const std::vector<Request>& requests) const;
  void draw_for(const ForestParams& params, int64_t trees, const exec::Cancellation& cancel);
  void score_fold(std::vector<Group>& groups, size_t fold, const exec::Cancellation& cancel);
  Result<const Trainer*> trainer_for(const LearnerParams& params, size_t fold, const exec::Cancellation& cancel);
  void score_group(Group& group, size_t fold, const Trainer& trainer, exec::Pool* pool, const exec::Cancellation& cancel);
  Result<const Predictor*> train_group(Group& group, size_t fold, const Trainer& trainer, exec::Pool* pool, const exec::Cancellation& cancel);
  std::vector<std::vector<double>> predict_cuts(const LearnerParams& params, std::span<const ForestCut> cuts, size_t fold, const Trainer& trainer,
                                                const Predictor& predictor, exec::Pool* pool, const exec::Cancellation& cancel) const;

  Examples examples_;
  ScoringSpec spec_;
  exec::Pool& pool_;
  std::unique_ptr<float[]> shuffled_;  ///< under folds: the values in an order that puts the rows of a fold side by side
  std::vector<int32_t> order_;         ///< of the rows as they are here: their places in the examples given; empty: the same
  std::vector<RowFold> folds_;
  std::vector<Prepared> prepared_;
  std::map<std::string, std::vector<Kept>> kept_;  ///< by group, per fold: models that later rungs read on
  std::map<double, Draws> draws_;                  ///< by max_samples, under out_of_bag
  std::map<std::string, Score> known_;             ///< by params and iterations
  int64_t models_trained_ = 0;
};

}  // namespace hayate::tune
