// From the columns of a table to the metrics of `hayate evaluate`.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "base/missing.h"
#include "base/strings.h"
#include "eval/evaluation_rows.h"

namespace hayate {
namespace {

using eval::DateUnit;
using eval::EvaluationRows;
using eval::kNoDate;

constexpr size_t kMostClasses = 1000;  // the confusion matrix is 8 MB then; more is a label of numbers or of names

/// The columns that are compared; the last two may be absent.
struct ComparedColumns {
  const Column *label = nullptr, *prediction = nullptr, *weight = nullptr, *by_date = nullptr;
};

Result<ComparedColumns> find_columns(const Table& table, const EvaluateSpec& spec) {
  ComparedColumns c;
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
Result<std::vector<double>> weights_of(const ComparedColumns& c, const EvaluateSpec& spec) {
  if (!c.weight) return std::vector<double>();
  return numbers_of(*c.weight, spec.weight);
}

DateUnit unit_of(Dtype dtype) {
  switch (dtype) {
    case Dtype::text:
    case Dtype::category:
      return DateUnit::position;
    case Dtype::date:
      return DateUnit::day;
    case Dtype::timestamp:
      return DateUnit::microsecond;
    default:
      return DateUnit::number;
  }
}

void read_dates(const Column& column, EvaluationRows& out) {
  out.date_unit = unit_of(column.dtype);
  out.date.assign(size_t(column.length), kNoDate);
  std::unordered_map<std::string, int64_t> position_of;
  if (out.date_unit == DateUnit::position) {
    const std::vector<std::string> names = class_names(column);
    for (size_t i = 0; i < names.size(); ++i) position_of[names[i]] = int64_t(i);
  }
  for (int64_t row = 0; row < column.length; ++row) {
    if (column.is_null(row)) continue;
    int64_t& date = out.date[size_t(row)];
    if (out.date_unit == DateUnit::position)
      date = position_of[std::string(column.text(row))];
    else if (out.date_unit == DateUnit::microsecond)
      date = column.as<int64_t>()[size_t(row)];
    else if (const double number = column.number(row); !std::isnan(number))
      date = int64_t(number);
  }
}

Result<void> read_numbers(const ComparedColumns& c, const EvaluateSpec& spec, EvaluationRows& out) {
  HY_TRY(out.label, numbers_of(*c.label, spec.label));
  HY_TRY(out.prediction, numbers_of(*c.prediction, spec.prediction));
  return {};
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

/// The same of whole numbers that lie close together, which most classes are: a table instead of a hash of every row (1 ns, not 20).
/// Nothing when they are something else.
std::optional<Encoded> encode_whole(const Column& column) {
  constexpr double kMostApart = 65'535, kExact = 0x1p53;  // beyond it a double does not say which integer it was
  const std::vector<double> numbers = to_doubles(column);
  double low = std::numeric_limits<double>::infinity(), high = -low;
  bool whole = true;
  for (const double x : numbers) {
    low = x < low ? x : low, high = x > high ? x : high;
    whole &= x == std::floor(x) || x != x;
  }
  if (!whole || !(high - low <= kMostApart) || low <= -kExact || high >= kExact) return std::nullopt;
  Encoded out;
  out.codes.reserve(numbers.size());
  std::vector<int32_t> code_of(low <= high ? size_t(high - low) + 1 : 0, -1);
  for (size_t row = 0; row < numbers.size(); ++row) {
    if (numbers[row] != numbers[row]) {
      out.codes.push_back(-1);
      continue;
    }
    int32_t& code = code_of[size_t(numbers[row] - low)];
    if (code < 0) code = int32_t(out.names.size()), out.names.push_back(class_name(column, int64_t(row)));
    out.codes.push_back(code);
  }
  return out;
}

Encoded encode(const Column& column) {
  if (column.dtype == Dtype::text || column.dtype == Dtype::category) return encode_by(column, [&](int64_t row) { return column.text(row); });
  if (is_integer(column.dtype) || column.dtype == Dtype::boolean)
    if (auto whole = encode_whole(column)) return *std::move(whole);
  const auto by_integer = [&]<class Integer>(std::span<const Integer> values) {
    return encode_by(column, [&column, values](int64_t row) { return column.is_null(row) ? std::optional<Integer>() : values[size_t(row)]; });
  };
  if (column.dtype == Dtype::int64) return by_integer(column.as<int64_t>());
  if (column.dtype == Dtype::uint64) return by_integer(column.as<uint64_t>());
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
    std::sort(names.begin(), names.end(), [&](const std::string& a, const std::string& b) {
      return *number(a) != *number(b) ? *number(a) < *number(b) : a < b;  // integers that one double stands for
    });
  else
    std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
}

constexpr std::string_view kProbability = "probability_";

bool is_text(const Column& column) { return column.dtype == Dtype::text || column.dtype == Dtype::category; }

/// The class whose probability a column holds; empty when it holds none. Where classes are numbers or true and false, probability_1.0 and
/// probability_True (as pandas spells them) belong to the class 1, and a name that is no number to none: it would be one class more.
std::string class_of_probability(std::string_view column_name, const ComparedColumns& c) {
  if (!column_name.starts_with(kProbability)) return "";
  const std::string name(column_name.substr(kProbability.size()));
  if (is_text(*c.label) || is_text(*c.prediction)) return name;
  if (lower(name) == "true") return "1";
  if (lower(name) == "false") return "0";
  const auto number = parse_number(name);
  if (!number || !std::isfinite(*number)) return "";
  return class_name(make_column(std::vector<double>{*number}), 0);
}

/// Classes of labels, predictions and probability columns. Zeros alone (or ones) are still a question of two classes.
std::vector<std::string> all_classes(const Table& table, const ComparedColumns& c) {
  std::vector<std::string> names = class_names(*c.label);
  for (std::string& name : class_names(*c.prediction)) names.push_back(std::move(name));
  for (const std::string& column : table.names)
    if (std::string name = class_of_probability(column, c); !name.empty()) names.push_back(std::move(name));
  if (std::all_of(names.begin(), names.end(), [](const std::string& n) { return n == "0" || n == "1"; })) names.insert(names.end(), {"0", "1"});
  sort_classes(names);
  return names;
}

/// Codes that are places in `classes`.
std::vector<int32_t> placed(Encoded encoded, const std::vector<std::string>& classes) {
  std::unordered_map<std::string_view, int32_t> place_of;
  for (size_t i = 0; i < classes.size(); ++i) place_of[classes[i]] = int32_t(i);
  std::vector<int32_t> place;
  for (const std::string& name : encoded.names) place.push_back(place_of[name]);
  for (int32_t& code : encoded.codes)
    if (code >= 0) code = place[size_t(code)];
  return std::move(encoded.codes);
}

std::vector<int32_t> codes_of(const Column& column, const std::vector<std::string>& classes) { return placed(encode(column), classes); }

/// A float that is neither whole nor a class of the label is a probability in the wrong place.
Result<void> check_predictions(const ComparedColumns& c, const EvaluateSpec& spec) {
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

/// By class; the column called as the class itself goes before those that spell it otherwise.
Result<std::vector<std::vector<double>>> probabilities_of(const Table& table, const ComparedColumns& c, const std::vector<std::string>& classes) {
  std::vector<std::vector<double>> out;
  for (const std::string& name : classes) {
    std::string column_name = std::string(kProbability) + name;
    if (!table.find(column_name)) {
      const auto other =
          std::find_if(table.names.begin(), table.names.end(), [&](const std::string& column) { return class_of_probability(column, c) == name; });
      column_name = other == table.names.end() ? "" : *other;
    }
    out.emplace_back();
    if (column_name.empty()) continue;
    HY_TRY(out.back(), numbers_of(*table.find(column_name), column_name));
  }
  return out;
}

Result<void> read_classes(const Table& table, const ComparedColumns& c, const EvaluateSpec& spec, EvaluationRows& out) {
  HY_CHECK(check_predictions(c, spec));
  out.classes = all_classes(table, c);
  if (out.classes.size() > kMostClasses)
    return input_error(
        fmt::format("columns '{}' and '{}' hold {} classes, the most is {}", spec.label, spec.prediction, out.classes.size(), kMostClasses),
        spec.label, "pass --problem regression, or choose the column of classes");
  out.label_class = codes_of(*c.label, out.classes), out.predicted_class = codes_of(*c.prediction, out.classes);
  HY_TRY(out.probability, probabilities_of(table, c, out.classes));
  return {};
}

}  // namespace

std::string class_name(const Column& column, int64_t row) {
  if (column.dtype == Dtype::text || column.dtype == Dtype::category) return std::string(column.text(row));
  const double number = column.number(row);
  if (std::isnan(number)) return "";
  if (column.dtype == Dtype::int64) return std::to_string(column.as<int64_t>()[size_t(row)]);
  if (column.dtype == Dtype::uint64) return std::to_string(column.as<uint64_t>()[size_t(row)]);
  const bool whole = number == std::floor(number) && std::abs(number) < 0x1p53;
  return whole ? std::to_string(int64_t(number)) : format_shortest(number);
}

std::vector<std::string> class_names(const Column& column) {
  std::vector<std::string> names = encode(column).names;
  sort_classes(names);
  return names;
}

ClassCodes class_codes(const Column& column) {
  Encoded encoded = encode(column);
  std::vector<std::string> names = encoded.names;
  sort_classes(names);
  std::vector<int32_t> codes = placed(std::move(encoded), names);
  return {std::move(names), std::move(codes)};
}

namespace eval {

Result<ProblemChoice> evaluation_problem(const Table& table, const EvaluateSpec& spec) {
  HY_TRY(const ComparedColumns columns, find_columns(table, spec));
  HY_TRY(ProblemChoice choice, infer_problem(*columns.label, spec.label));
  if (choice.problem == Problem::classification || !is_numeric(columns.prediction->dtype)) return choice;
  std::vector<double> named;
  for (const std::string& column : table.names)
    if (const auto number = parse_number(class_of_probability(column, columns))) named.push_back(*number);
  std::sort(named.begin(), named.end());
  const auto has_no_name = [&](double value) { return !std::isnan(value) && !std::binary_search(named.begin(), named.end(), value); };
  for (const Column* column : {columns.label, columns.prediction})
    for (int64_t row = 0; row < column->length; ++row)
      if (has_no_name(column->number(row))) return choice;
  if (named.size() < 2) return choice;
  return ProblemChoice{Problem::classification, fmt::format("columns {}<class> name each value of '{}'", kProbability, spec.label)};
}

Result<EvaluationRows> evaluation_rows(const Table& table, const EvaluateSpec& spec) {
  HY_TRY(const ComparedColumns columns, find_columns(table, spec));
  EvaluationRows out;
  if (spec.problem) {
    out.problem = *spec.problem;
  } else {
    HY_TRY(const ProblemChoice choice, evaluation_problem(table, spec));
    out.problem = choice.problem;
  }
  HY_CHECK(out.problem == Problem::regression ? read_numbers(columns, spec, out) : read_classes(table, columns, spec, out));
  HY_TRY(out.weight, weights_of(columns, spec));
  if (columns.by_date) read_dates(*columns.by_date, out);
  return out;
}

ClassPredictions class_predictions(const EvaluationRows& rows) {
  ClassPredictions out{rows.classes, rows.label_class, rows.predicted_class, {}, rows.weight};
  out.probability.assign(rows.probability.begin(), rows.probability.end());
  return out;
}

std::vector<double> probability_of(const EvaluationRows& rows, size_t k) {
  std::vector<double> out = rows.probability[k];
  if (!out.empty() || rows.classes.size() != 2) return out;
  for (const double other : rows.probability[1 - k]) out.push_back(1 - other);
  return out;
}

std::vector<IcDay> ic_days(const EvaluationRows& rows) {
  const bool numbers = rows.problem == Problem::regression, two_classes = !numbers && rows.classes.size() == 2;
  const std::vector<double> probability = two_classes ? probability_of(rows, 1) : std::vector<double>();
  std::vector<int64_t> dates;
  std::vector<double> label, prediction;
  for (size_t row = 0; row < rows.date.size(); ++row) {
    if (rows.date[row] == kNoDate) continue;
    dates.push_back(rows.date[row]);
    label.push_back(numbers ? rows.label[row] : two_classes && rows.label_class[row] >= 0 ? double(rows.label_class[row]) : kNaN);
    prediction.push_back(numbers ? rows.prediction[row] : probability.empty() ? kNaN : probability[row]);
  }
  return ic_by_date(dates, label, prediction);
}

Result<Evaluation> evaluate_rows(const EvaluationRows& rows) {
  HY_TRY(Evaluation out, rows.problem == Problem::regression ? evaluate_regression(rows.label, rows.prediction, rows.weight)
                                                             : evaluate_classification(class_predictions(rows)));
  if (rows.date_unit == DateUnit::none) return out;
  for (MetricValue& metric : ic_metrics(ic_days(rows))) out.metrics.push_back(std::move(metric));
  return out;
}

}  // namespace eval

Result<Evaluation> evaluate_table(const Table& table, const EvaluateSpec& spec) {
  HY_TRY(const EvaluationRows rows, eval::evaluation_rows(table, spec));
  return eval::evaluate_rows(rows);
}

}  // namespace hayate
