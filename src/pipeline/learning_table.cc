#include "pipeline/learning_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/hash.h"
#include "hayate/metrics.h"
#include "io/reader.h"
#include "pipeline/table_columns.h"

namespace hayate::pipeline {
namespace {

bool one_value(const tune::Examples& e) {
  const auto same = [](const auto& values) { return std::all_of(values.begin(), values.end(), [&](const auto& v) { return v == values.front(); }); };
  return e.problem == Problem::classification ? same(e.ids) : same(e.numbers);
}

Categories all_text(const Table& table, const std::vector<std::string>& features) {
  Categories out;
  for (const std::string& name : features)
    if (const auto column = table.column(name, ""); column.ok() && (column.value()->dtype == Dtype::text || column.value()->dtype == Dtype::category))
      out[name] = class_names(*column.value());
  return out;
}

}  // namespace

std::string LearningTable::hash() const {
  Hasher hasher;
  for (const std::string& name : features) hasher.text(name);
  hasher.bytes(values.data(), values.size() * sizeof(float));
  for (const auto& [name, texts] : categories) {
    hasher.text(name);
    for (const std::string& text : texts) hasher.text(text);
  }
  for (const std::string& name : examples.classes) hasher.text(name);
  hasher.bytes(examples.numbers.data(), examples.numbers.size() * sizeof(double)).bytes(examples.ids.data(), examples.ids.size() * sizeof(int32_t));
  hasher.bytes(examples.weights.data(), examples.weights.size() * sizeof(float))
      .bytes(examples.dates.data(), examples.dates.size() * sizeof(int64_t));
  for (const std::string& part : split) hasher.text(part);
  return hasher.finish().hex();
}

Result<LearningTable> read_learning_table(const LearningSource& source, exec::Pool& pool, exec::Steps& steps, int64_t memory_limit_bytes) {
  HY_TRY(const auto paths, io::expand_inputs(source.input));
  steps.begin("read", int64_t(paths.size()));
  HY_TRY(const Table table, io::read_tables(paths, {{}, source.kind, &pool, memory_limit_bytes}));
  HY_TRY(LabelColumn label, label_column(table, source.label, source.problem));
  LearningTable out;
  HY_TRY(out.features, feature_names(table, source.features, {source.label, source.weight, source.by_date, source.split}));
  const std::string& where = source.input.front();
  if (out.features.empty()) return input_error("no column is left to learn from", where, "name the columns to learn from with --features a,b,c");
  if (source.params) {
    HY_TRY(out.categories, text_categories(table, *source.params));
  } else {
    out.categories = all_text(table, out.features);
  }
  HY_TRY(std::vector<float> values, float_columns(table, out.features, where, out.categories));
  std::vector<float> weights;
  std::vector<double> dates;
  const Column* split = nullptr;
  if (!source.weight.empty()) {
    HY_TRY(weights, float_columns(table, {source.weight}, "--weight"));
  }
  if (!source.by_date.empty()) {
    HY_TRY(dates, date_order(table, source.by_date));
  }
  if (!source.split.empty()) {
    HY_TRY(split, table.column(source.split, "--split"));
  }

  std::vector<int32_t> kept;
  for (int32_t row = 0; row < table.num_rows(); ++row) {
    const auto at = size_t(row);
    if (!weights.empty() && (weights[at] < 0 || std::isinf(weights[at])))
      return input_error(fmt::format("the weight of row {} is {}", row + 1, weights[at]), where, "weights are finite numbers, 0 or more");
    if (label.known(row) && (weights.empty() || weights[at] > 0) && (dates.empty() || !std::isnan(dates[at]))) kept.push_back(row);
  }
  out.rows = table.num_rows(), out.rows_left_out = out.rows - int64_t(kept.size()), out.why = label.why;
  if (kept.empty()) return input_error("no row has a label", where, "give rows whose label is not missing");
  tune::Examples& e = out.examples;
  e.problem = label.problem, e.classes = label.class_names;
  const size_t all = size_t(table.num_rows());
  if (kept.size() == all) {
    out.values = std::move(values);
  } else {
    for (size_t f = 0; f < out.features.size(); ++f)
      for (const int32_t row : kept) out.values.push_back(values[f * all + size_t(row)]);
  }
  e.values = {out.values.data(), int64_t(kept.size()), int64_t(out.features.size()), int64_t(kept.size()), out.features};
  for (const int32_t row : kept) {
    const auto at = size_t(row);
    if (e.problem == Problem::classification)
      e.ids.push_back(label.classes[at]);
    else
      e.numbers.push_back(label.numbers[at]);
    if (!weights.empty()) e.weights.push_back(weights[at]);
    if (!dates.empty()) e.dates.push_back(int64_t(dates[at]));
    if (split) out.split.push_back(class_name(*split, row));
  }
  if (one_value(e))
    return input_error("the label has one value only: there is nothing to learn", where, "give rows with at least two different labels");
  return out;
}

}  // namespace hayate::pipeline
