#include "pipeline/learning_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/clock.h"
#include "base/hash.h"
#include "hayate/metrics.h"
#include "pipeline/prepare.h"
#include "pipeline/table_columns.h"
#include "pipeline/training_table.h"

namespace hayate::pipeline {
namespace {

/// What training takes beside the columns read: of a feature its value, its codes in two layouts and a half more of them where two
/// folds meet; of a row its labels, sums and places in trees.
constexpr int64_t kCellBytes = 4 + 2 + 1, kRowBytes = 200;

bool one_value(const tune::Examples& e) {
  const auto same = [](const auto& values) { return std::all_of(values.begin(), values.end(), [&](const auto& v) { return v == values.front(); }); };
  return e.problem == Problem::classification ? same(e.ids) : same(e.numbers);
}

Categories all_text(const Table& table, const std::vector<std::string>& features) {
  Categories out;
  for (const std::string& name : features)
    if (const Column* column = table.find(name); column && (column->dtype == Dtype::text || column->dtype == Dtype::category))
      out[name] = class_names(*column);
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
  const io::ReadOptions reading = reading_with(source.reading, source.kind, pool, memory_limit_bytes, source.cancel);
  HY_TRY(TrainingTable input, TrainingTable::open(paths, reading, source.features, {source.label, source.weight, source.by_date, source.split}));
  HY_CHECK(input.schema().column(source.label, "--label"));
  HY_TRY(const Table table, input.read_rest());
  HY_TRY(LabelColumn label, label_column(table, source.label, source.problem));
  LearningTable out;
  out.features = input.features();
  const std::string& where = source.input.front();
  if (out.features.empty()) return input_error("no column is left to learn from", where, "name the columns to learn from with --features a,b,c");
  if (source.params) {
    HY_TRY(out.categories, text_categories(input.schema(), table, *source.params));
  } else {
    out.categories = all_text(table, out.features);
  }
  const int64_t rows = table.num_rows(), cells = rows * int64_t(out.features.size());
  HY_CHECK(check_memory("train", resident_bytes() + cells * kCellBytes + rows * kRowBytes, memory_limit_bytes, "name fewer columns with --features"));
  const auto stopped = [&]() -> Result<void> {
    if (source.cancel && source.cancel->stopped()) return Error{Kind::interrupted, "interrupted", where, "run the same command again"};
    return {};
  };
  HY_CHECK(stopped());
  HY_TRY(std::vector<float> values, input.read_features(rows, where, out.categories));
  HY_CHECK(stopped());
  std::vector<float> weights;
  std::vector<double> dates;
  const Column* split = nullptr;
  if (!source.weight.empty()) {
    HY_TRY(weights, weight_column(table, source.weight, where));
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
    if (label.known(row) && (weights.empty() || weights[at] > 0) && (dates.empty() || !std::isnan(dates[at]))) kept.push_back(row);
  }
  out.rows = table.num_rows(), out.rows_left_out = out.rows - int64_t(kept.size()), out.why = label.why;
  if (kept.empty())
    return weights.empty()
               ? input_error("no row has a label", where, "give rows whose label is not missing")
               : input_error("no row has a label and a weight above 0", where, "give rows whose label is not missing and that weigh something");
  tune::Examples& e = out.examples;
  e.problem = label.problem, e.classes = label.class_names;
  const size_t all = size_t(table.num_rows());
  size_t to = 0;  // in place: never past what is still to be read
  for (size_t f = 0; f < out.features.size() && kept.size() < all; ++f)
    for (const int32_t row : kept) values[to++] = values[f * all + size_t(row)];
  if (to > 0) values.resize(to);
  out.values = std::move(values);
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
