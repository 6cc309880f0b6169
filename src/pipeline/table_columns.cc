#include "pipeline/table_columns.h"

#include <fmt/format.h>

#include <cmath>

#include "hayate/metrics.h"

namespace hayate::pipeline {

Result<std::vector<float>> float_columns(const Table& table, const std::vector<std::string>& names, const std::string& where) {
  std::vector<float> out;
  out.reserve(names.size() * size_t(table.num_rows()));
  for (const std::string& name : names) {
    HY_TRY(const Column* column, table.column(name, where));
    if (!is_numeric(column->dtype))
      return input_error(fmt::format("column '{}' holds {}, expected numbers", name, dtype_name(column->dtype)), where,
                         "name the columns to learn from with --features a,b,c");
    for (const double value : to_doubles(*column)) out.push_back(float(value));
  }
  return out;
}

Result<std::map<std::string, std::vector<int32_t>>> rows_by_key(const Table& table, const std::string& key, const std::string& where) {
  std::map<std::string, std::vector<int32_t>> groups;
  if (key.empty()) {
    auto& rows = groups[""];
    for (int64_t row = 0; row < table.num_rows(); ++row) rows.push_back(int32_t(row));
    return groups;
  }
  HY_TRY(const Column* column, table.column(key, where));
  for (int64_t row = 0; row < table.num_rows(); ++row)
    if (const std::string name = class_name(*column, row); !name.empty()) groups[name].push_back(int32_t(row));
  return groups;
}

Result<LabelColumn> label_column(const Table& table, const std::string& name, std::optional<Problem> problem) {
  HY_TRY(const Column* column, table.column(name, "--label"));
  LabelColumn out;
  if (problem) {
    out.problem = *problem;
  } else {
    HY_TRY(ProblemChoice choice, infer_problem(*column, name));
    out.problem = choice.problem, out.why = choice.why;
  }
  if (out.problem == Problem::regression) {
    if (!is_numeric(column->dtype))
      return input_error(fmt::format("the label '{}' holds {}, expected numbers", name, dtype_name(column->dtype)), "--label",
                         "--problem classification learns classes");
    out.numbers = to_doubles(*column);
    return out;
  }
  out.class_names = class_names(*column);
  std::map<std::string, int32_t> number;
  for (size_t i = 0; i < out.class_names.size(); ++i) number[out.class_names[i]] = int32_t(i);
  for (int64_t row = 0; row < column->length; ++row) {
    const std::string found = class_name(*column, row);
    out.classes.push_back(found.empty() ? -1 : number[found]);
  }
  return out;
}

}  // namespace hayate::pipeline
