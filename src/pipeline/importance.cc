#include "pipeline/importance.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/random.h"
#include "base/strings.h"
#include "hayate/explain.h"
#include "hayate/metrics.h"
#include "io/reader.h"
#include "io/writer.h"
#include "pipeline/model_rows.h"
#include "pipeline/partial_dependence.h"
#include "pipeline/prepare.h"
#include "pipeline/table_columns.h"

namespace hayate::pipeline {
namespace {

// ---- gain

Result<ImportanceOutcome> by_gain(const Model& model) {
  ImportanceOutcome out;
  out.what = model.predictors.size() == 1 ? "share of the gain of all splits"
                                          : fmt::format("share of the gain of all splits, mean over {} models", model.predictors.size());
  for (const std::string& name : model.features) out.features.push_back({name, 0, 0});
  for (const Predictor& predictor : model.predictors) {
    const std::vector<double> importance = importance_of(predictor);
    if (importance.empty())
      return usage_error(fmt::format("a {} model has no splits and no gain", model.learner), "--method gain",
                         "--method permutation --input TABLE --label COL");
    for (size_t f = 0; f < importance.size(); ++f) out.features[f].importance += importance[f] / double(model.predictors.size());
  }
  return out;
}

// ---- permutation

/// The labels of a table by the classes of the model, or as numbers.
struct Truth {
  std::vector<double> numbers;
  std::vector<int32_t> classes;
};

Result<Truth> truth_of(const Table& table, const Model& model, const std::string& label) {
  HY_TRY(const LabelColumn column,
         label_column(table, label, model.problem == Problem::classification ? Problem::classification : Problem::regression));
  Truth out;
  out.numbers = column.numbers;
  std::vector<int32_t> of_model;
  for (const std::string& name : column.class_names) {
    const auto place = std::find(model.classes.begin(), model.classes.end(), name);
    if (place == model.classes.end())
      return input_error(fmt::format("the label '{}' holds the class '{}', which the model has not learnt", label, name), "--label",
                         "classes of the model: " + join(model.classes, ", "));
    of_model.push_back(int32_t(place - model.classes.begin()));
  }
  for (const int32_t c : column.classes) out.classes.push_back(c < 0 ? -1 : of_model[size_t(c)]);
  return out;
}

/// The metric of predictions, row-major as predict() gives them; NaN when it is undefined.
double score_of(const Model& model, const Truth& truth, const std::vector<double>& answers, const std::string& metric) {
  if (model.problem != Problem::classification) {
    const auto evaluation = evaluate_regression(truth.numbers, answers);
    return evaluation.ok() ? evaluation.value().value(metric).value_or(std::nan("")) : std::nan("");
  }
  const size_t width = model.classes.size(), rows = truth.classes.size();
  std::vector<std::vector<double>> columns(width, std::vector<double>(rows));
  std::vector<int32_t> predicted(rows);
  for (size_t row = 0; row < rows; ++row) {
    const auto first = answers.begin() + ptrdiff_t(row * width);
    predicted[row] = std::isnan(*first) ? -1 : int32_t(std::max_element(first, first + ptrdiff_t(width)) - first);
    for (size_t c = 0; c < width; ++c) columns[c][row] = first[ptrdiff_t(c)];
  }
  ClassPredictions input{model.classes, truth.classes, predicted, {}, {}};
  for (const auto& column : columns) input.probability.emplace_back(column);
  const auto evaluation = evaluate_classification(input);
  return evaluation.ok() ? evaluation.value().value(metric).value_or(std::nan("")) : std::nan("");
}

/// Predictions of all rows while `feature` (-1: none) reads the value of the row order[i] in place of the i-th row of its key.
std::vector<double> predict_shuffled(const Model& model, const ModelRows& rows, int64_t feature, uint64_t key) {
  const size_t width = model.problem == Problem::classification ? model.classes.size() : 1;
  std::vector<double> answers(size_t(rows.num_rows) * width, std::nan(""));
  for (const auto& [name, own] : rows.by_key) {
    const Predictor* predictor = model.find(name);
    if (!predictor) continue;
    std::vector<float> values = rows.gather(own);
    if (feature >= 0)  // Fisher-Yates
      for (size_t i = own.size(); i > 1; --i)
        std::swap(values[size_t(feature) * own.size() + i - 1], values[size_t(feature) * own.size() + random_below(key, i, uint32_t(i))]);
    std::vector<double> part(own.size() * width);
    predict(*predictor, {values.data(), int64_t(own.size()), rows.num_features, int64_t(own.size())}, part);
    for (size_t i = 0; i < own.size(); ++i)
      std::copy_n(part.begin() + ptrdiff_t(i * width), width, answers.begin() + ptrdiff_t(size_t(own[i]) * width));
  }
  return answers;
}

Result<const MetricInfo*> metric_of(const Model& model, const std::string& asked) {
  const bool classes = model.problem == Problem::classification;
  const std::string name = !asked.empty() ? asked : !classes ? "rmse" : model.classes.size() == 2 ? "roc_auc" : "log_loss";
  const MetricInfo* metric = find_metric(name);
  std::vector<std::string> names;
  for (const MetricInfo& known : kMetrics)
    if (known.group == (classes ? MetricGroup::classification : MetricGroup::regression) && known.better != Better::neither)
      names.emplace_back(known.name);
  if (!metric || std::find(names.begin(), names.end(), name) == names.end()) return unknown_name("metric", name, names, "--metric");
  return metric;
}

Result<ImportanceOutcome> by_permutation(const ImportanceRequest& request, const Model& model, const Table& table, exec::Pool& pool,
                                         exec::Steps& steps, const exec::Cancellation& cancel) {
  HY_TRY(const MetricInfo* metric, metric_of(model, request.metric));
  HY_TRY(const Truth truth, truth_of(table, model, request.label));
  HY_TRY(const ModelRows rows, model_rows(table, model, request.input.front()));
  ImportanceOutcome out;
  out.metric = metric->name;
  out.score = score_of(model, truth, predict_shuffled(model, rows, -1, 0), out.metric);
  if (std::isnan(out.score))
    return input_error(fmt::format("{} is undefined on this table", out.metric), request.input.front(),
                       "give rows with labels of at least two values");
  const double sign = metric->better == Better::higher ? 1 : -1;
  out.what = fmt::format("{} of {} when the values change places, mean of {}; {} as it is", metric->better == Better::higher ? "loss" : "rise",
                         out.metric, request.repeats, format_shortest(out.score));
  const size_t repeats = size_t(request.repeats);
  std::vector<double> losses(model.features.size() * repeats);
  steps.begin("permute", int64_t(losses.size()));
  pool.run(
      int64_t(losses.size()),
      [&](int64_t i, int) {
        const size_t feature = size_t(i) / repeats;
        const uint64_t key = random_key(request.seed, Stage::permutation, feature, size_t(i) % repeats);
        losses[size_t(i)] = sign * (out.score - score_of(model, truth, predict_shuffled(model, rows, int64_t(feature), key), out.metric));
        steps.advance();
      },
      &cancel);
  for (size_t f = 0; f < model.features.size(); ++f) {
    const auto own = std::span(losses).subspan(f * repeats, repeats);
    const double mean = std::accumulate(own.begin(), own.end(), 0.0) / double(repeats);
    double squares = 0;
    for (const double loss : own) squares += (loss - mean) * (loss - mean);
    out.features.push_back({model.features[f], mean, repeats > 1 ? std::sqrt(squares / double(repeats - 1)) : 0});
  }
  return out;
}

// ---- SHAP

constexpr int64_t kShapRows = 64;

/// SHAP values of all rows: [row][explained][features + 1], NaN where a key has no model.
Result<std::vector<double>> all_shap_values(const Model& model, const ModelRows& rows, size_t explained, exec::Pool& pool, exec::Steps& steps,
                                            const exec::Cancellation& cancel) {
  const size_t places = explained * (model.features.size() + 1);
  std::vector<double> out(size_t(rows.num_rows) * places, std::nan(""));
  for (const auto& [name, own] : rows.by_key) {
    const Predictor* predictor = model.find(name);
    if (!predictor) continue;
    std::vector<double> nothing;  // a forest without covers fails for no rows too
    HY_CHECK(shap_values(*predictor, {nullptr, 0, rows.num_features, 0}, nothing));
    pool.run((int64_t(own.size()) + kShapRows - 1) / kShapRows,
             [&](int64_t morsel, int) {
               const size_t begin = size_t(morsel * kShapRows), count = std::min(size_t(kShapRows), own.size() - begin);
               const std::vector<float> values = rows.gather(std::span(own).subspan(begin, count));
               std::vector<double> part(count * places);
               (void)shap_values(*predictor, {values.data(), int64_t(count), rows.num_features, int64_t(count)}, part);
               for (size_t i = 0; i < count; ++i)
                 std::copy_n(part.begin() + ptrdiff_t(i * places), places, out.begin() + ptrdiff_t(size_t(own[begin + i]) * places));
               steps.advance(int64_t(count));
             },
             &cancel);
  }
  return out;
}

/// One column per feature (and class, with three and more), and the mean over the training rows behind them.
Table shap_table(const Model& model, const std::vector<double>& values, size_t explained) {
  const size_t places = model.features.size() + 1, rows = values.size() / (places * explained);
  Table table;
  for (size_t k = 0; k < explained; ++k)
    for (size_t f = 0; f < places; ++f) {
      std::vector<double> column(rows);
      for (size_t row = 0; row < rows; ++row) column[row] = values[(row * explained + k) * places + f];
      const std::string name = f + 1 < places ? model.features[f] : "expected";
      table.add(explained == 1 ? name : name + "_" + model.classes[k], make_column(std::move(column)));
    }
  return table;
}

Result<ImportanceOutcome> by_shap(const ImportanceRequest& request, const Model& model, const Table& table, exec::Pool& pool, exec::Steps& steps,
                                  const exec::Cancellation& cancel) {
  HY_TRY(const ModelRows rows, model_rows(table, model, request.input.front()));
  const size_t explained = size_t(num_explained(model.predictors.front())), places = model.features.size() + 1;
  steps.begin("explain", rows.num_rows);
  HY_TRY(const std::vector<double> values, all_shap_values(model, rows, explained, pool, steps, cancel));
  ImportanceOutcome out;
  out.what = explained == 1 ? "mean |SHAP value| over the rows" : "mean |SHAP value| over the rows, added over the classes";
  for (const std::string& name : model.features) out.features.push_back({name, 0, 0});
  int64_t explained_rows = 0;
  for (size_t row = 0; row < size_t(rows.num_rows); ++row) {
    const double* own = values.data() + row * explained * places;
    if (std::isnan(own[0])) continue;
    ++explained_rows;
    for (size_t k = 0; k < explained; ++k)
      for (size_t f = 0; f + 1 < places; ++f) out.features[f].importance += std::abs(own[k * places + f]);
  }
  for (FeatureImportance& feature : out.features) feature.importance /= double(std::max<int64_t>(1, explained_rows));
  if (!request.output.empty() && !cancel.stopped()) {
    steps.begin("write", rows.num_rows);
    HY_CHECK(io::write_table(request.output, shap_table(model, values, explained), request.kind));
  }
  return out;
}

/// A flag that the method does not read would be taken for obeyed.
Result<void> check_flags(const ImportanceRequest& request) {
  using enum ImportanceMethod;
  const struct {
    const char* flag;
    bool given;
    std::vector<ImportanceMethod> readers;
  } flags[] = {{"--metric", !request.metric.empty(), {permutation}},
               {"--output", !request.output.empty(), {shap, partial_dependence}},
               {"--features", !request.features.empty(), {partial_dependence}},
               {"--pair", request.pair, {partial_dependence}}};
  for (const auto& [flag, given, readers] : flags) {
    if (!given || std::find(readers.begin(), readers.end(), request.method) != readers.end()) continue;
    std::vector<std::string> names;
    for (const ImportanceMethod reader : readers) names.emplace_back(kImportanceMethods[size_t(reader)]);
    return usage_error(fmt::format("{} has no use for {}", kImportanceMethods[size_t(request.method)], flag), flag,
                       fmt::format("leave it out, or --method {}", join(names, " | ")));
  }
  return {};
}

}  // namespace

Result<ImportanceOutcome> importance_of_model(const ImportanceRequest& request, exec::Steps& steps, const exec::Cancellation& cancel) {
  HY_CHECK(check_flags(request));
  if (request.method != ImportanceMethod::gain && request.input.empty())
    return usage_error(fmt::format("{} needs a table", kImportanceMethods[size_t(request.method)]), "--input", "--input TABLE, or --method gain");
  if (request.method == ImportanceMethod::permutation && request.label.empty())
    return usage_error("permutation needs the column that was to be predicted", "--label", "--label COL, or --method shap");
  HY_TRY(const Model model, load_model(request.model));
  HY_TRY(ImportanceOutcome out, [&]() -> Result<ImportanceOutcome> {
    if (request.method == ImportanceMethod::gain) return by_gain(model);
    HY_TRY(const auto paths, io::expand_inputs(request.input));
    exec::Pool pool(exec::worker_count(request.exec));
    steps.begin("read", int64_t(paths.size()));
    HY_TRY(const Table table,
           io::read_tables(paths, reading_with(request.reading, request.kind, pool, exec::memory_limit_bytes(request.exec), &cancel)));
    if (table.num_rows() == 0) return input_error("the table has no rows", request.input.front(), "give rows to look at");
    if (request.method == ImportanceMethod::partial_dependence) return by_partial_dependence(request, model, table, pool, steps, cancel);
    return request.method == ImportanceMethod::permutation ? by_permutation(request, model, table, pool, steps, cancel)
                                                           : by_shap(request, model, table, pool, steps, cancel);
  }());
  steps.end();
  if (cancel.stopped()) return Error{Kind::interrupted, "interrupted", "importance", "run the same command again"};
  std::stable_sort(out.features.begin(), out.features.end(),
                   [](const FeatureImportance& a, const FeatureImportance& b) { return a.importance > b.importance; });
  return out;
}

}  // namespace hayate::pipeline
