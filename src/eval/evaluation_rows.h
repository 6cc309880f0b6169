// The columns of a table that `hayate evaluate` compares, as numbers: what its metrics and its page are computed from.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "hayate/metrics.h"

namespace hayate::eval {

inline constexpr int64_t kNoDate = std::numeric_limits<int64_t>::min();

/// What EvaluationRows::date counts. `number` is a column of numbers as it is; `position` numbers distinct texts in order.
enum class DateUnit : uint8_t { none, day, microsecond, number, position };

/// One entry per row of the table, or an empty vector for what was not given. Missing: NaN, class -1, kNoDate.
struct EvaluationRows {
  Problem problem = Problem::regression;
  std::vector<double> label, prediction;  ///< regression
  std::vector<std::string> classes;       ///< classification; of two, the second is the positive one
  std::vector<int32_t> label_class, predicted_class;
  std::vector<std::vector<double>> probability;  ///< one per class, empty when not known
  std::vector<double> weight;
  std::vector<int64_t> date;  ///< ascends with the date
  DateUnit date_unit = DateUnit::none;
};

/// What is measured when spec.problem does not say: what the label looks like; and classes where a number's label and prediction are each
/// named by a column probability_<class>. Errors: those of infer_problem, or no such column.
Result<ProblemChoice> evaluation_problem(const Table& table, const EvaluateSpec& spec);

/// Errors: those of evaluate_table.
Result<EvaluationRows> evaluation_rows(const Table& table, const EvaluateSpec& spec);

/// All metrics of the rows, those by date included when there are dates: evaluate_table is this after evaluation_rows.
Result<Evaluation> evaluate_rows(const EvaluationRows& rows);

/// Views of the rows of a classification.
ClassPredictions class_predictions(const EvaluationRows& rows);

/// The probability of class `k`, from the other one's when only that is known of two; empty when not known.
std::vector<double> probability_of(const EvaluationRows& rows, size_t k);

/// The cross-section of every date; empty without dates. The IC of a question of two classes is that of the positive class's
/// probability and the outcome 0 or 1; of more classes it is undefined.
std::vector<IcDay> ic_days(const EvaluationRows& rows);

}  // namespace hayate::eval
