// `hayate automl`: the best model of a table inside a budget of seconds.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "exec/exec_config.h"
#include "exec/steps.h"
#include "hayate/curves.h"
#include "io/files.h"
#include "io/reader.h"
#include "tune/objective.h"

namespace hayate::pipeline {

struct AutomlRequest {
  std::vector<std::string> input;
  std::string label;
  std::vector<std::string> features;
  std::string weight, by_date, objective;
  double at = 0;  ///< the recall or precision of the objectives that have one
  /// "0.8,0.1,0.1": shares of rows that train, validate and test, drawn at random (of dates, in their order, with by_date); or a
  /// column that holds train, validate (or validation) and test.
  std::string split = "0.8,0.1,0.1";
  int64_t purge_days = 0;
  double budget_seconds = 60;
  std::optional<Problem> problem;
  std::optional<io::FileKind> kind;
  io::ReadOptions reading = {};  ///< columns, types and CSV form of the input; the rest is filled in
  uint64_t seed = 0;
  std::string model;  ///< file to write
  exec::ExecConfig exec;
};

/// One configuration that was tried, scored on rows that did not train.
struct Candidate {
  std::string learner, params;
  double value = 0;    ///< of the objective, out of sample
  double seconds = 0;  ///< from its start to its score
  double weight = 0;   ///< in the final model; they add up to 1
};

struct AutomlOutcome {
  const tune::Objective* objective = nullptr;
  Problem problem = Problem::regression;
  std::string why;  ///< how the problem was found, when it was not given
  int64_t train_rows = 0, test_rows = 0, rows_left_out = 0;
  int64_t searched_rows = 0;           ///< that candidates learnt from: all that train, or as many of them as the budget allows
  int64_t test_rows_left_out = 0;      ///< of the report, for want of time
  std::vector<Candidate> leaderboard;  ///< best first
  double first_model_seconds = 0;      ///< when the model file could be used for the first time
  std::string pilot_learner;           ///< of the last of the first models
  int64_t pilot_rows = 0;              ///< that it learnt from
  bool only_pilot = false;             ///< no candidate ended in time: the file holds a first model
  double seconds = 0;
  std::string stopped;  ///< why the search ended
  Evaluation test;      ///< of the final model on the test rows
  std::vector<MetricInterval> intervals;
  std::set<std::string> full_categories;  ///< features of as many categories as a model can know, or more
};

/// The plan: a small model first, written at once, so that the file can be used after a hundredth of the budget, and on more rows while
/// that is cheap; each learner at its defaults, of trees a few first; then points of each learner's space, more of them for learners that
/// do well. The best candidate is written as the search goes on, as often as a tenth of the time allows: who is killed keeps it. Work is
/// begun only when what it took before says that it ends in time, and with it the training of the final model and the report; what takes
/// longer is given up. Where folds of all candidates would not end in time, each is scored on one fold, boosting before forests unless classes
/// are many; where even the defaults would not, they learn from a sample of the rows, and what time is left trains the best of them on all, with
/// fewer trees where it must. The final model is a blend of the best by their out-of-sample predictions, trained on all rows but the test's. How
/// far a search gets depends on the machine: equal calls may give different models. Errors: those of tune_table; (budget): it was over before
/// the table was read.
Result<AutomlOutcome> automl_table(const AutomlRequest& request, exec::Steps& steps, const exec::Cancellation& cancel);

}  // namespace hayate::pipeline
