#include "hayate/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "base/strings.h"
#include "eval/scores.h"

namespace hayate {

Result<Problem> parse_problem(std::string_view name, std::string where) {
  const std::vector<std::string> names = {"regression", "classification"};
  if (name == names[0]) return Problem::regression;
  if (name == names[1]) return Problem::classification;
  return unknown_name("problem", name, names, std::move(where));
}

namespace {

/// Distinct values, at most `limit`, of integers of 64 bits that doubles do not tell apart.
size_t count_distinct_wide(const Column& column, size_t limit) {
  std::set<uint64_t> seen;
  const std::span<const uint64_t> bits = column.as<uint64_t>();  // of signed ones as well
  for (int64_t row = 0; row < column.length && seen.size() < limit; ++row)
    if (!column.is_null(row)) seen.insert(bits[size_t(row)]);
  return seen.size();
}

/// Distinct values of an integer column, at most `limit`. Those close to the first one are ticked off in a table: a set would take
/// 30 ns a row.
size_t count_distinct(const Column& column, size_t limit) {
  constexpr int64_t kRowsAtOnce = 1 << 14;
  constexpr double kNear = 4096;
  std::vector<uint8_t> near(2 * size_t(kNear) + 1);
  std::set<double> far;
  size_t distinct = 0;
  std::optional<double> first;
  for (int64_t begin = 0; begin < column.length && distinct < limit; begin += kRowsAtOnce) {
    for (const double x : to_doubles(slice(column, begin, std::min(kRowsAtOnce, column.length - begin)))) {
      if (x != x) continue;
      if (std::fabs(x) >= 0x1p53) return count_distinct_wide(column, limit);
      if (!first) first = x;
      if (std::fabs(x - *first) <= kNear)
        near[size_t(x - *first + kNear)] = 1;
      else if (far.size() < limit)
        far.insert(x);
    }
    distinct = far.size() + size_t(std::count(near.begin(), near.end(), 1));
  }
  return std::min(distinct, limit);
}

/// Whole numbers of few values, as integers beside missing ones become them in pandas.
bool holds_few_integers(const Column& label) {
  std::set<double> values;
  for (int64_t row = 0; row < label.length; ++row) {
    const double value = label.number(row);
    if (std::isnan(value)) continue;
    if (std::isinf(value) || value != std::floor(value)) return false;
    values.insert(value);
    if (values.size() > size_t(kMaxIntegerClasses)) return false;
  }
  return values.size() > 1;
}
constexpr const char* kFewIntegers = ", few whole numbers: --problem classification, if they are classes";

}  // namespace

Result<ProblemChoice> infer_problem(const Column& label, std::string_view name) {
  const std::string holds = fmt::format("label '{}' holds ", name);
  switch (label.dtype) {
    case Dtype::float32:
    case Dtype::float64:
      return ProblemChoice{Problem::regression, holds + dtype_name(label.dtype) + (holds_few_integers(label) ? kFewIntegers : "")};
    case Dtype::boolean:
    case Dtype::text:
    case Dtype::category:
      return ProblemChoice{Problem::classification, holds + dtype_name(label.dtype)};
    case Dtype::date:
    case Dtype::timestamp:
      return input_error(fmt::format("label '{}' holds {}, expected numbers or classes", name, dtype_name(label.dtype)), std::string(name),
                         "choose a column of numbers, text or true / false");
    default:
      break;
  }
  const size_t distinct = count_distinct(label, size_t(kMaxIntegerClasses) + 1);
  if (distinct > size_t(kMaxIntegerClasses))
    return ProblemChoice{Problem::regression, fmt::format("{}more than {} integers", holds, kMaxIntegerClasses)};
  return ProblemChoice{Problem::classification, fmt::format("{}{} different integer{}", holds, distinct, distinct == 1 ? "" : "s")};
}

const MetricInfo* find_metric(std::string_view name) {
  for (const MetricInfo& metric : kMetrics)
    if (metric.name == name) return &metric;
  return nullptr;
}

std::optional<double> Evaluation::value(std::string_view name) const {
  for (const MetricValue& m : metrics)
    if (m.metric->name == name) return m.value;
  return std::nullopt;
}

namespace eval {

Result<void> check_weights(std::span<const double> weight) {
  for (size_t i = 0; i < weight.size(); ++i)
    if (weight[i] < 0 || std::isinf(weight[i]))
      return input_error(fmt::format("weight {} is {}", weight[i], weight[i] < 0 ? "negative" : "infinite"), fmt::format("row {}", i + 1),
                         "weights are 0 or more");
  return {};
}

std::string no_rows_reason(int64_t rows) {
  if (rows == 0) return "no rows";
  return fmt::format("all {} rows lack a label, a prediction or a weight above 0", rows);
}

}  // namespace eval
}  // namespace hayate
