// `hayate tune`: a search over the parameters of a learner on a table.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "exec/exec_config.h"
#include "exec/steps.h"
#include "io/files.h"
#include "io/reader.h"
#include "tune/study.h"

namespace hayate::pipeline {

struct TuneRequest {
  std::vector<std::string> input;
  std::string label;
  std::vector<std::string> features;  ///< empty: every column but label, weight, date column and symbol, date, datetime
  std::string weight, learner, params;
  std::vector<std::string> space;
  std::optional<Problem> problem;
  std::optional<io::FileKind> kind;
  io::ReadOptions reading = {};  ///< columns, types and CSV form of the input; the rest is filled in
  int64_t trials = 20;
  tune::Sampler sampler = tune::Sampler::random;
  tune::ScheduleSpec schedule;
  std::string metric;                    ///< empty: accuracy, or rmse
  std::optional<tune::Scoring> scoring;  ///< empty: see tune::default_scoring
  int64_t folds = 5, purge_days = 0;
  std::string by_date;  ///< column of dates; empty: none
  uint64_t seed = 0;
  std::string output;  ///< folder
  exec::ExecConfig exec;
};

/// The metric that trials of a problem are compared by: `asked`, or accuracy
/// and rmse. Errors (usage) at `where`.
Result<const MetricInfo*> tuning_metric(const std::string& asked, Problem problem, bool by_date, const std::string& where);

struct TuneOutcome {
  tune::StudySpec spec;
  tune::Study study;
  Problem problem = Problem::regression;
  std::string why;        ///< how the problem was found, when it was not given
  std::string scored_by;  ///< "out-of-bag rows", ...
  int64_t rows = 0, rows_left_out = 0;
  int64_t events_found = 0;  ///< lines of the journal that were there: the search went on from them
  std::vector<std::string> files;
};

/// Searches, and writes trials.csv, best.json, journal.log and drawings to `output`; a folder that holds the journal of the same
/// search is gone on with. Errors: (usage) unknown names, a space or a metric that does not fit, the journal of another
/// search; (input) no such column, too few rows; (interrupted).
Result<TuneOutcome> tune_table(const TuneRequest& request, exec::Steps& steps, const exec::Cancellation& cancel);

}  // namespace hayate::pipeline
