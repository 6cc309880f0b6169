// A table as a search learns from it: features, label, weights and dates of the rows that may train.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "exec/pool.h"
#include "exec/steps.h"
#include "hayate/table.h"
#include "io/files.h"
#include "io/reader.h"
#include "pipeline/table_columns.h"
#include "tune/scorer.h"

namespace hayate::pipeline {

struct LearningSource {
  std::vector<std::string> input;
  std::string label;
  std::vector<std::string> features;   ///< empty: every column but label, weight, date and split column, symbol, date and datetime
  std::string weight, by_date, split;  ///< columns; empty: none
  std::optional<Problem> problem;
  std::optional<io::FileKind> kind;
  io::ReadOptions reading = {};  ///< columns, types and CSV form of the input; the rest is filled in
  /// Text among the features is read as categories: of the columns that the params call categorical, or, without params, of all.
  std::optional<LearnerParams> params;
  const exec::Cancellation* cancel = nullptr;  ///< told to stop, reading ends soon with an Error (interrupted)
};

struct LearningTable {
  std::vector<std::string> features;
  std::vector<float> values;  ///< what examples.values shows
  tune::Examples examples;
  Categories categories;           ///< the text features
  std::vector<std::string> split;  ///< of the split column, per example; empty: none
  std::string why;                 ///< how the problem was found, when it was not given
  int64_t rows = 0, rows_left_out = 0;
  /// Of everything that training reads.
  std::string hash() const;
};

/// Rows without a label, a weight above 0 or a date are left out. Errors (usage): no such column; (input): text features that are no categories, no row
/// left, a label of one value; (interrupted): told to stop.
Result<LearningTable> read_learning_table(const LearningSource& source, exec::Pool& pool, exec::Steps& steps, int64_t memory_limit_bytes);

}  // namespace hayate::pipeline
