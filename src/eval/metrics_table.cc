// From the columns of a table to the metrics of `hayate evaluate`.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <unordered_map>

#include "base/strings.h"
#include "hayate/metrics.h"

namespace hayate {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr size_t kMostClasses = 1000;  // the confusion matrix is 8 MB then; more is a label of numbers or of names

/// The columns that are compared; the last two may be absent.
struct Columns {
  const Column *label = nullptr, *prediction = nullptr, *weight = nullptr, *by_date = nullptr;
};

Result<Columns> find_columns(const Table& table, const EvaluateSpec& spec) {
  Columns c;
  HY_TRY(c.label, table.column(spec.label, "--label"));
  HY_TRY(c.prediction, table.column(spec.prediction, "--prediction"));
  if (!spec.weight.empty()) {
    HY_TRY(c.weight, table.column(spec.weight, "--weight"));
  }
  if (!spec.by_date.empty()) {
    HY_TRY(c.by_date, table.column(spec.by_date, "--by-date"));
  }
  return c;
}

Result<std::vector<double>> numbers_of(const Column& column, std::string_view name) {
  if (is_numeric(column.dtype)) return to_doubles(column);
  return input_error(fmt::format("column '{}' holds {}, expected numbers", name, dtype_name(column.dtype)), std::string(name),
                     "choose a column of numbers, or --problem classification");
}

/// Weights of all rows, or none.
Result<std::vector<double>> weights_of(const Columns& c, const EvaluateSpec& spec) {
  if (!c.weight) return std::vector<double>();
  return numbers_of(*c.weight, spec.weight);
}

/// A whole number for every distinct date, ascending with it; rows without a date get none.
struct DateKeys {
  std::vector<int64_t> rows, keys;
};

DateKeys date_keys(const Column& column) {
  std::unordered_map<std::string, int64_t> code_of;
  const bool is_text = column.dtype == Dtype::text || column.dtype == Dtype::category;
  if (is_text) {
    const std::vector<std::string> names = class_names(column);
    for (size_t i = 0; i < names.size(); ++i) code_of[names[i]] = int64_t(i);
  }
  DateKeys out;
  for (int64_t row = 0; row < column.length; ++row) {
    if (column.is_null(row)) continue;
    const double number = is_text ? 0.0 : column.number(row);
    if (std::isnan(number)) continue;
    out.rows.push_back(row);
    out.keys.push_back(is_text                            ? code_of[std::string(column.text(row))]
                       : column.dtype == Dtype::timestamp ? column.as<int64_t>()[size_t(row)]
                                                          : int64_t(number));
  }
  return out;
}

void append_by_date(Evaluation& out, const Column& dates, const std::vector<double>& label, const std::vector<double>& prediction) {
  const DateKeys keyed = date_keys(dates);
  std::vector<double> y, p;
  for (const int64_t row : keyed.rows) y.push_back(label[size_t(row)]), p.push_back(prediction[size_t(row)]);
  for (MetricValue& metric : ic_metrics(ic_by_date(keyed.keys, y, p))) out.metrics.push_back(std::move(metric));
}

Result<Evaluation> evaluate_numbers(const Columns& c, const EvaluateSpec& spec) {
  HY_TRY(const std::vector<double> label, numbers_of(*c.label, spec.label));
  HY_TRY(const std::vector<double> prediction, numbers_of(*c.prediction, spec.prediction));
  HY_TRY(const std::vector<double> weight, weights_of(c, spec));
  HY_TRY(Evaluation out, evaluate_regression(label, prediction, weight));
  if (c.by_date) append_by_date(out, *c.by_date, label, prediction);
  return out;
}

/// The class of every row as a number in order of appearance, -1 for none, and the names of those numbers.
struct Encoded {
  std::vector<int32_t> codes;
  std::vector<std::string> names;
};

/// Encodes by value(row), something that can be hashed and is equal for equal classes; names are made once per class.
template <class Value>
Encoded encode_by(const Column& column, Value value) {
  Encoded out;
  out.codes.reserve(size_t(column.length));
  std::unordered_map<decltype(value(0)), int32_t> code_of;
  for (int64_t row = 0; row < column.length; ++row) {
    const auto [at, fresh] = code_of.try_emplace(value(row), int32_t(out.names.size()));
    if (fresh) {
      std::string name = class_name(column, row);
      if (name.empty())
        at->second = -1;
      else
        out.names.push_back(std::move(name));
    }
    out.codes.push_back(at->second);
  }
  return out;
}

Encoded encode(const Column& column) {
  if (column.dtype == Dtype::text || column.dtype == Dtype::category) return encode_by(column, [&](int64_t row) { return column.text(row); });
  // By bits: 0.0 and -0.0 are one class, and so are all missing rows (a NaN would never equal itself).
  return encode_by(column, [&](int64_t row) {
    const double number = column.number(row);
    return std::bit_cast<uint64_t>(std::isnan(number) ? kNaN : number + 0.0);
  });
}

/// Numbers by value when all names are numbers, else by bytes.
void sort_classes(std::vector<std::string>& names) {
  const auto number = [](const std::string& name) { return parse_number(name); };
  const bool numeric = std::all_of(names.begin(), names.end(), [&](const std::string& n) { return number(n) && std::isfinite(*number(n)); });
  if (numeric)
    std::sort(names.begin(), names.end(), [&](const std::string& a, const std::string& b) { return *number(a) < *number(b); });
  else
    std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
}

constexpr std::string_view kProbability = "probability_";

/// Classes of labels, predictions and probability columns. Zeros alone (or ones) are still a question of two classes.
std::vector<std::string> all_classes(const Table& table, const Columns& c) {
  std::vector<std::string> names = class_names(*c.label);
  for (std::string& name : class_names(*c.prediction)) names.push_back(std::move(name));
  for (const std::string& column : table.names)
    if (column.starts_with(kProbability)) names.push_back(column.substr(kProbability.size()));
  if (std::all_of(names.begin(), names.end(), [](const std::string& n) { return n == "0" || n == "1"; })) names.insert(names.end(), {"0", "1"});
  sort_classes(names);
  return names;
}

std::vector<int32_t> codes_of(const Column& column, const std::vector<std::string>& classes) {
  Encoded encoded = encode(column);
  std::vector<int32_t> place;
  for (const std::string& name : encoded.names) place.push_back(int32_t(std::find(classes.begin(), classes.end(), name) - classes.begin()));
  for (int32_t& code : encoded.codes)
    if (code >= 0) code = place[size_t(code)];
  return std::move(encoded.codes);
}

/// A float that is neither whole nor a class of the label is a probability in the wrong place.
Result<void> check_predictions(const Columns& c, const EvaluateSpec& spec) {
  if (c.prediction->dtype != Dtype::float32 && c.prediction->dtype != Dtype::float64) return {};
  const std::vector<std::string> known = class_names(*c.label);
  for (int64_t row = 0; row < c.prediction->length; ++row) {
    const double value = c.prediction->number(row);
    if (std::isnan(value) || value == std::floor(value)) continue;
    const std::string name = class_name(*c.prediction, row);
    if (std::find(known.begin(), known.end(), name) == known.end())
      return input_error(fmt::format("column '{}' holds {}, which is no class of '{}'", spec.prediction, name, spec.label),
                         fmt::format("row {}", row + 1),
                         "give the predicted class there and its probability in a column probability_<class>, or pass --problem regression");
  }
  return {};
}

Result<std::vector<std::vector<double>>> probabilities_of(const Table& table, const std::vector<std::string>& classes) {
  std::vector<std::vector<double>> out;
  for (const std::string& name : classes) {
    const std::string column_name = std::string(kProbability) + name;
    const Column* column = table.find(column_name);
    out.emplace_back();
    if (!column) continue;
    HY_TRY(out.back(), numbers_of(*column, column_name));
  }
  return out;
}

/// The IC of a question of two classes is that of the positive class's probability and the outcome 0 or 1.
void append_by_date(Evaluation& out, const Column& dates, const ClassPredictions& input) {
  const auto probability = [&](size_t row) {
    return !input.probability[1].empty() ? input.probability[1][row] : !input.probability[0].empty() ? 1 - input.probability[0][row] : kNaN;
  };
  std::vector<double> label, score;
  for (size_t row = 0; row < input.label.size() && input.classes.size() == 2; ++row) {
    label.push_back(input.label[row] < 0 ? kNaN : double(input.label[row]));
    score.push_back(probability(row));
  }
  label.resize(input.label.size(), kNaN), score.resize(input.label.size(), kNaN);
  append_by_date(out, dates, label, score);
}

Result<Evaluation> evaluate_classes(const Table& table, const Columns& c, const EvaluateSpec& spec) {
  HY_CHECK(check_predictions(c, spec));
  ClassPredictions input;
  input.classes = all_classes(table, c);
  if (input.classes.size() > kMostClasses)
    return input_error(
        fmt::format("columns '{}' and '{}' hold {} classes, the most is {}", spec.label, spec.prediction, input.classes.size(), kMostClasses),
        spec.label, "pass --problem regression, or choose the column of classes");
  const std::vector<int32_t> label = codes_of(*c.label, input.classes), prediction = codes_of(*c.prediction, input.classes);
  HY_TRY(const auto probability, probabilities_of(table, input.classes));
  HY_TRY(const std::vector<double> weight, weights_of(c, spec));
  input.label = label, input.prediction = prediction, input.weight = weight;
  input.probability.assign(probability.begin(), probability.end());
  HY_TRY(Evaluation out, evaluate_classification(input));
  if (c.by_date) append_by_date(out, *c.by_date, input);
  return out;
}

}  // namespace

std::string class_name(const Column& column, int64_t row) {
  if (column.dtype == Dtype::text || column.dtype == Dtype::category) return std::string(column.text(row));
  const double number = column.number(row);
  if (std::isnan(number)) return "";
  const bool whole = number == std::floor(number) && std::abs(number) < 0x1p53;
  return whole ? std::to_string(int64_t(number)) : format_shortest(number);
}

std::vector<std::string> class_names(const Column& column) {
  std::vector<std::string> names = encode(column).names;
  sort_classes(names);
  return names;
}

Result<Evaluation> evaluate_table(const Table& table, const EvaluateSpec& spec) {
  HY_TRY(const Columns columns, find_columns(table, spec));
  Problem problem = Problem::regression;
  if (spec.problem) {
    problem = *spec.problem;
  } else {
    HY_TRY(const ProblemChoice choice, infer_problem(*columns.label, spec.label));
    problem = choice.problem;
  }
  return problem == Problem::regression ? evaluate_numbers(columns, spec) : evaluate_classes(table, columns, spec);
}

}  // namespace hayate
