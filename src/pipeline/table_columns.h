// Columns of a table as learners and models read them.
#pragma once

#include <cmath>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "hayate/error.h"
#include "hayate/learner.h"
#include "hayate/model.h"
#include "hayate/problem.h"
#include "hayate/table.h"

namespace hayate::pipeline {

/// The columns to learn from: those asked for (usage Error when one is not there), or, asked for none, every column that is not
/// among `others` nor called symbol, date or datetime.
Result<std::vector<std::string>> feature_names(const Table& table, const std::vector<std::string>& asked, const std::vector<std::string>& others);

/// Text features as numbers: what each text of a column is called by, in their order. A model keeps them as notes. No text at all: the
/// categories of the column are numbers.
using Categories = std::map<std::string, std::vector<std::string>>;
/// Of the columns that params call categorical. `schema` has all columns, `table` has the rows of those of text.
Result<Categories> text_categories(const Table& schema, const Table& table, const LearnerParams& params);
void note_categories(const Categories& categories, Model& model);
Categories noted_categories(const Model& model);
/// The features of which a predictor knows as many categories as it can know: training may have had more.
std::set<std::string> full_categories(const Predictor& predictor, const std::vector<std::string>& features);

/// The note called `name`, or "".
std::string note(const Model& model, const std::string& name);

/// The named columns as float32, column-major; text where `categories` has the column. Error (input): no such column, or one that
/// holds no numbers; numbers of categories that float32 would take for one another.
Result<std::vector<float>> float_columns(const Table& table, const std::vector<std::string>& names, const std::string& where,
                                         const Categories& categories = {});

/// The same of some rows of a larger block: column i begins at out + i * stride.
Result<void> fill_floats(const Table& table, const std::vector<std::string>& names, const std::string& where, const Categories& categories,
                         float* out, int64_t stride);

/// The column of weights as float32. Error (input): one that is below 0 or too large.
Result<std::vector<float>> weight_column(const Table& table, const std::string& name, const std::string& where);

/// Rows of each key in the order of the keys, rows without one left out; one group named "" without a key column.
Result<std::map<std::string, std::vector<int32_t>>> rows_by_key(const Table& table, const std::string& key, const std::string& where);

/// Numbers that ascend with the dates of a column: days, microseconds, numbers as they are, or the order of texts; NaN where one is
/// missing.
Result<std::vector<double>> date_order(const Table& table, const std::string& name);
/// The same in days. Error (input): texts, which have no distance.
Result<std::vector<double>> date_days(const Table& table, const std::string& name);

/// A label as numbers (regression, ranking) or as classes, -1 where it is missing.
struct LabelColumn {
  Problem problem = Problem::regression;
  std::string why;  ///< how the problem was found, when it was not given
  std::vector<double> numbers;
  std::vector<int32_t> classes;
  std::vector<std::string> class_names;

  bool known(int32_t row) const { return problem == Problem::classification ? classes[size_t(row)] >= 0 : std::isfinite(numbers[size_t(row)]); }
};

/// The column `name` for `problem`, or for the problem that its type suggests. Errors (input): text to be learnt as a number, dates.
Result<LabelColumn> label_column(const Table& table, const std::string& name, std::optional<Problem> problem);

}  // namespace hayate::pipeline
