#include "pipeline/table_columns.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/strings.h"
#include "hayate/binned.h"
#include "hayate/metrics.h"

namespace hayate::pipeline {

Result<std::vector<std::string>> feature_names(const Table& table, const std::vector<std::string>& asked, const std::vector<std::string>& others) {
  for (const std::string& name : asked) HY_CHECK(table.column(name, "--features"));
  if (!asked.empty()) return asked;
  std::vector<std::string> names;
  for (const std::string& name : table.names) {
    const bool identity = name == "symbol" || name == "date" || name == "datetime";
    if (!identity && std::find(others.begin(), others.end(), name) == others.end()) names.push_back(name);
  }
  return names;
}

namespace {

std::vector<float> numbers_of(const Column& column, const std::vector<std::string>& categories) {
  std::map<std::string, float> number;
  for (size_t i = 0; i < categories.size(); ++i) number[categories[i]] = float(i);
  std::vector<float> out;
  out.reserve(size_t(column.length));
  for (int64_t row = 0; row < column.length; ++row) {
    const auto place = number.find(class_name(column, row));
    out.push_back(place == number.end() ? std::numeric_limits<float>::quiet_NaN() : place->second);
  }
  return out;
}

/// Numbers as float32, NaN for null, without a copy of the column as doubles: its pages would cost more than the numbers.
void copy_floats(const Column& column, float* out) {
  if (column.dtype == Dtype::float32 && !column.validity.data) {
    std::ranges::copy(column.as<float>(), out);
    return;
  }
  constexpr int64_t kRows = 1 << 13;
  for (int64_t row = 0; row < column.length; row += kRows)
    std::ranges::transform(to_doubles(slice(column, row, std::min(kRows, column.length - row))), out + row,
                           [](double value) { return float(value); });
}

constexpr std::string_view kCategoryNote = "category ";

/// Error (input): numbers, where all categories that the model knows are texts: none would be found.
Result<void> check_kind(const Column& column, const std::string& name, const std::vector<std::string>& categories, const std::string& where) {
  const auto is_number = [](const std::string& text) { return parse_number(text).has_value(); };
  if (!is_numeric(column.dtype) || std::any_of(categories.begin(), categories.end(), is_number)) return {};
  int64_t row = 0;
  while (row < column.length && class_name(column, row).empty()) ++row;
  if (row == column.length) return {};
  return input_error(fmt::format("column '{}' holds {}, the model knows categories such as '{}'", name, dtype_name(column.dtype), categories.front()),
                     where, "give the column the texts that the model was trained with");
}

/// Error (input): a category that float32 rounds to another one.
Result<void> check_distinct(const Column& column, const std::string& name, const std::string& where) {
  constexpr double kExact = 0x1p24, kMostExact = 0x1p53;  // whole numbers up to here are floats, doubles
  if (!is_numeric(column.dtype)) return {};
  for (int64_t row = 0; row < column.length; ++row) {
    const double value = column.number(row);
    if (!(std::abs(value) > kExact) || std::isinf(value) || (std::abs(value) < kMostExact && double(float(value)) == value)) continue;
    return input_error(
        fmt::format("feature '{}' is categorical and holds {}: of numbers above 16777216 not all are told apart", name, class_name(column, row)),
        where, fmt::format("--types '{}=text', for training and for prediction", name));
  }
  return {};
}

Error no_numbers(const Column& column, const std::string& name, const std::string& where) {
  const bool text = column.dtype == Dtype::text || column.dtype == Dtype::category;
  return input_error(fmt::format("column '{}' holds {}, expected numbers", name, dtype_name(column.dtype)), where,
                     text ? fmt::format("forest and boosting learn from texts with --params 'categorical={}' (several: categorical=a;b); "
                                        "or name the columns of numbers with --features a,b,c",
                                        name)
                          : "name the columns of numbers with --features a,b,c");
}

}  // namespace

Result<void> fill_floats(const Table& table, const std::vector<std::string>& names, const std::string& where, const Categories& categories,
                         float* out, int64_t stride) {
  for (const std::string& name : names) {
    HY_TRY(const Column* column, table.column(name, where));
    const auto known = categories.find(name);
    if (known != categories.end() && known->second.empty()) HY_CHECK(check_distinct(*column, name, where));
    if (known != categories.end() && !(known->second.empty() && is_numeric(column->dtype))) {
      HY_CHECK(check_kind(*column, name, known->second, where));
      std::ranges::copy(numbers_of(*column, known->second), out);
    } else if (is_numeric(column->dtype)) {
      copy_floats(*column, out);
    } else {
      return no_numbers(*column, name, where);
    }
    out += stride;
  }
  return {};
}

Result<std::vector<float>> float_columns(const Table& table, const std::vector<std::string>& names, const std::string& where,
                                         const Categories& categories) {
  std::vector<float> out(names.size() * size_t(table.num_rows()));
  HY_CHECK(fill_floats(table, names, where, categories, out.data(), table.num_rows()));
  return out;
}

Result<std::vector<float>> weight_column(const Table& table, const std::string& name, const std::string& where) {
  HY_TRY(const Column* column, table.column(name, "--weight"));
  if (!is_numeric(column->dtype))
    return input_error(fmt::format("column '{}' holds {}, expected numbers", name, dtype_name(column->dtype)), "--weight",
                       "name a column of numbers from 0 on");
  HY_TRY(std::vector<float> out, float_columns(table, {name}, "--weight"));
  for (size_t row = 0; row < out.size(); ++row)
    if (out[row] < 0 || std::isinf(out[row]))
      return input_error(fmt::format("the weight '{}' of row {} is {}", name, row + 1, class_name(*table.find(name), int64_t(row))), where,
                         "weights are numbers from 0 to 3e38");
  return out;
}

Result<Categories> text_categories(const Table& schema, const Table& table, const LearnerParams& params) {
  const std::string text = std::visit(
      [](const auto& p) {
        if constexpr (requires { p.categorical; })
          return p.categorical;
        else
          return std::string();
      },
      params);
  Categories out;
  for (const std::string& entry : split(text, ';')) {
    const std::string name(trim(entry));
    if (name.empty()) continue;
    HY_TRY(const Column* column, schema.column(name, "categorical"));
    out[name] = is_numeric(column->dtype) ? std::vector<std::string>() : class_names(*table.find(name));
  }
  return out;
}

std::string note(const Model& model, const std::string& name) {
  for (const auto& [key, value] : model.notes)
    if (key == name) return value;
  return "";
}

void note_categories(const Categories& categories, Model& model) {
  for (const auto& [column, names] : categories)
    for (const std::string& name : names) model.notes.emplace_back(std::string(kCategoryNote) + column, name);
}

Categories noted_categories(const Model& model) {
  Categories out;
  for (const auto& [note, name] : model.notes)
    if (note.starts_with(kCategoryNote)) out[note.substr(kCategoryNote.size())].push_back(name);
  return out;
}

std::set<std::string> full_categories(const Predictor& predictor, const std::vector<std::string>& features) {
  std::set<std::string> out;
  const auto look = [&](const Forest& forest) {
    for (size_t f = 0; f < features.size(); ++f) {
      const bool of_categories = forest.is_categorical(int64_t(f)) && !forest.is_ranges(int64_t(f));
      if (of_categories && int(forest.cuts.of(int64_t(f)).size()) == kMaxCategories) out.insert(features[f]);
    }
  };
  if (const Forest* forest = std::get_if<Forest>(&predictor)) look(*forest);
  if (const Blend* blend = std::get_if<Blend>(&predictor))
    for (const auto& part : blend->parts)
      if (const Forest* forest = std::get_if<Forest>(&part)) look(*forest);
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
  // Rows of one key mostly follow each other: a row whose key is that of the one before is not looked up.
  const bool text = column->dtype == Dtype::text || column->dtype == Dtype::category;
  std::string last;
  std::vector<int32_t>* of_last = nullptr;
  for (int64_t row = 0; row < table.num_rows(); ++row) {
    if (text && of_last && column->text(row) == last) {
      of_last->push_back(int32_t(row));
      continue;
    }
    std::string name = class_name(*column, row);
    if (name.empty()) continue;
    if (name != last) of_last = &groups[name], last = std::move(name);
    of_last->push_back(int32_t(row));
  }
  return groups;
}

Result<std::vector<double>> date_order(const Table& table, const std::string& name) {
  HY_TRY(const Column* column, table.column(name, "--by-date"));
  std::vector<double> out;
  const bool text = column->dtype == Dtype::text || column->dtype == Dtype::category;
  std::vector<std::string_view> texts;
  for (int64_t row = 0; text && row < column->length; ++row) texts.push_back(column->text(row));
  std::sort(texts.begin(), texts.end());
  texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
  for (int64_t row = 0; row < column->length; ++row) {
    if (column->is_null(row))
      out.push_back(std::nan(""));
    else if (text)
      out.push_back(double(std::lower_bound(texts.begin(), texts.end(), column->text(row)) - texts.begin()));
    else
      out.push_back(column->number(row));
  }
  return out;
}

Result<std::vector<double>> date_days(const Table& table, const std::string& name) {
  HY_TRY(const Column* column, table.column(name, "--by-date"));
  if (column->dtype == Dtype::text || column->dtype == Dtype::category)
    return input_error(fmt::format("column '{}' holds text: how many days lie between two of them is not known", name), "--half-life",
                       "write dates as 2024-01-31, or name a column of dates or of day numbers");
  HY_TRY(std::vector<double> days, date_order(table, name));
  constexpr double kMicrosecondsOfDay = 86'400e6;
  if (column->dtype == Dtype::timestamp)
    for (double& day : days) day /= kMicrosecondsOfDay;
  return days;
}

namespace {

/// Error (input): fractions of many values, which are amounts. Each would be a class of its own.
Result<void> check_amounts(const Column& column, const std::string& name, const ClassCodes& found) {
  constexpr size_t kMostFractions = 100;
  if ((column.dtype != Dtype::float32 && column.dtype != Dtype::float64) || found.names.size() <= kMostFractions) return {};
  const std::vector<double> numbers = to_doubles(column);
  const auto fraction = std::find_if(numbers.begin(), numbers.end(), [](double x) { return std::isfinite(x) && x != std::floor(x); });
  if (fraction == numbers.end()) return {};
  return input_error(fmt::format("the label '{}' holds {} different numbers ({}, ...): amounts, no classes", name, found.names.size(),
                                 column.dtype == Dtype::float32 ? fmt::format("{}", float(*fraction)) : format_shortest(*fraction)),
                     "--label", "--problem regression, or a column that holds classes (fewer values, whole numbers, text)");
}

}  // namespace

Result<LabelColumn> label_column(const Table& table, const std::string& name, std::optional<Problem> problem) {
  HY_TRY(const Column* column, table.column(name, "--label"));
  LabelColumn out;
  if (problem) {
    out.problem = *problem;
  } else {
    HY_TRY(ProblemChoice choice, infer_problem(*column, name));
    out.problem = choice.problem, out.why = choice.why;
  }
  if (out.problem != Problem::classification) {
    if (!is_numeric(column->dtype))
      return input_error(fmt::format("the label '{}' holds {}, expected numbers", name, dtype_name(column->dtype)), "--label",
                         "--problem classification learns classes");
    out.numbers = to_doubles(*column);
    return out;
  }
  ClassCodes found = class_codes(*column);
  HY_CHECK(check_amounts(*column, name, found));
  out.class_names = std::move(found.names), out.classes = std::move(found.codes);
  return out;
}

}  // namespace hayate::pipeline
