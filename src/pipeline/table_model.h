// Models of plain tables: `hayate train` and `hayate predict --model`; and of new bars: `hayate predict --run`.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/hash.h"
#include "exec/exec_config.h"
#include "exec/pool.h"
#include "exec/steps.h"
#include "hayate/model.h"
#include "hayate/panel.h"
#include "hayate/table.h"
#include "io/files.h"
#include "io/reader.h"

namespace hayate::pipeline {

struct TrainRequest {
  std::vector<std::string> input;
  std::string label;
  std::vector<std::string> features;  ///< empty: every column but label, weight, key, by_date and symbol, date, datetime
  std::string weight, key, learner = "forest", params;
  std::string by_date;   ///< column of dates: what ranking ranks within, and what early stopping holds out by; empty: none
  double half_life = 0;  ///< days of by_date in which the weight of a row halves; 0: never
  std::optional<Problem> problem;
  uint64_t seed = 0;
  std::string model;                                            ///< file to write
  std::string warm_start;                                       ///< model to go on from; empty: none
  Calibration::Method calibration = Calibration::Method::none;  ///< of the probabilities of a classification
  std::string oob;                                              ///< file for the out-of-bag predictions of the training rows; empty: none
  std::optional<io::FileKind> kind;                             ///< of what is read or written; empty: the file name says
  io::ReadOptions reading = {};                                 ///< columns, types and CSV form of the input; the rest is filled in
  exec::ExecConfig exec;
};

struct TrainOutcome {
  Problem problem = Problem::regression;
  std::string why;  ///< how the problem was found, when it was not given
  int64_t rows = 0, rows_left_out = 0, models = 0, features = 0;
  std::optional<double> oob_score;  ///< accuracy or R2, with params oob_score=true; the mean over keys, by their rows
  int64_t oob_rows = 0;
  std::vector<Finding> failures;          ///< keys that could not be trained
  std::set<std::string> full_categories;  ///< features of as many categories as a model can know, or more
};

/// Rows whose label (or weight, or key, or date) is missing never train. Numbers are taken as float32, text as categories where params
/// name the column in `categorical`. Errors: no such column, another text feature, no rows, a label of one value; with a key the last two fail that key alone.
Result<TrainOutcome> train_table(const TrainRequest& request, exec::Steps& steps, const exec::Cancellation& cancel);

struct PredictRequest {
  std::vector<std::string> input;
  std::string model, output;
  std::optional<io::FileKind> kind;  ///< of what is read or written; empty: the file name says
  ForestCut cut;
  bool leaves = false;  ///< also leaf_<tree>: the leaf that the row reaches
  exec::ExecConfig exec;
  io::ReadOptions reading = {};  ///< columns, types and CSV form of a table; the rest is filled in
};

struct PredictOutcome {
  int64_t rows = 0, rows_without_model = 0;
  Hash128 checksum;  ///< when the output was "none"
  std::vector<Finding> failures;
  std::vector<std::string> messages;
};

/// Every row is kept, in order: the input's columns that are no features, then `prediction`, then probability_<class> for
/// classification. NaN (missing) where a key has no model.
Result<PredictOutcome> predict_table(const PredictRequest& request, exec::Steps& steps, const exec::Cancellation& cancel);

/// The features and models of a run on new bars: symbol, date, prediction for every bar. `request.model` is the run folder.
Result<PredictOutcome> predict_bars(const PredictRequest& request, exec::Steps& steps, const exec::Cancellation& cancel);

}  // namespace hayate::pipeline
