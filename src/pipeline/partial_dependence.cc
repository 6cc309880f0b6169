#include "pipeline/partial_dependence.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "base/strings.h"
#include "hayate/compiled.h"
#include "io/writer.h"
#include "pipeline/model_rows.h"
#include "pipeline/scalers.h"
#include "pipeline/table_columns.h"

namespace hayate::pipeline {
namespace {

constexpr double kFrom = 0.05, kTo = 0.95;

/// scipy's mquantiles of sorted values, alphap = betap = 0.4.
double quantile(const std::vector<double>& sorted, double p) {
  const double n = double(sorted.size()), place = n * p + 0.4 + 0.2 * p, k = std::floor(std::clamp(place, 1.0, std::max(1.0, n - 1)));
  const double share = std::clamp(place - k, 0.0, 1.0);
  const size_t left = size_t(k) - 1, right = std::min(left + 1, sorted.size() - 1);
  return (1 - share) * sorted[left] + share * sorted[right];
}

/// Missing values and infinities are no part of a grid.
std::vector<double> grid_of(std::span<const float> column, size_t most, bool categories) {
  std::vector<double> sorted;
  for (const float x : column)
    if (std::isfinite(x)) sorted.push_back(double(x));
  std::sort(sorted.begin(), sorted.end());
  std::vector<double> distinct = sorted;
  distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
  if (categories || distinct.size() < most) return distinct;
  const double from = quantile(sorted, kFrom), to = quantile(sorted, kTo), step = (to - from) / double(most - 1);
  if (!(from < to)) return {from};
  std::vector<double> out;
  for (size_t i = 0; i < most; ++i) out.push_back(i + 1 < most ? from + double(i) * step : to);
  return out;
}

/// A model and its rows, laid out once for all values of the grids.
struct HeldKey {
  const Predictor* predictor;
  std::optional<CompiledForest> compiled;
  std::vector<float> values;
  int64_t num_rows;

  void predict(const std::vector<float>& held, std::span<double> out) const {
    const FloatColumns columns{held.data(), num_rows, int64_t(held.size()) / num_rows, num_rows, {}};
    compiled ? compiled->predict(columns, out) : hayate::predict(*predictor, columns, out);
  }
};

std::vector<HeldKey> keys_of(const Model& model, const ModelRows& rows) {
  std::vector<HeldKey> out;
  for (const auto& [name, own] : rows.by_key) {
    const Predictor* predictor = model.find(name);
    if (!predictor || own.empty()) continue;
    HeldKey& key = out.emplace_back(HeldKey{predictor, {}, rows.gather(own), int64_t(own.size())});
    if (const Forest* forest = std::get_if<Forest>(predictor)) key.compiled.emplace(*forest);
  }
  return out;
}

/// The sums over the rows of what is predicted with `features` held at `values`, by output.
std::vector<double> held_sums(const std::vector<HeldKey>& keys, std::span<const size_t> features, std::span<const float> values, size_t width) {
  std::vector<double> sums(width, 0.0);
  for (const HeldKey& key : keys) {
    std::vector<float> held = key.values;
    for (size_t i = 0; i < features.size(); ++i) std::fill_n(held.begin() + ptrdiff_t(features[i]) * key.num_rows, key.num_rows, values[i]);
    std::vector<double> answers(size_t(key.num_rows) * width);
    key.predict(held, answers);
    for (size_t i = 0; i < answers.size(); ++i) sums[i % width] += answers[i];
  }
  return sums;
}

/// The values of a grid as texts, where the feature holds texts.
std::vector<std::string> labels_of(const Categories& categories, const std::string& feature, const std::vector<double>& grid) {
  std::vector<std::string> out;
  if (const auto found = categories.find(feature); found != categories.end())
    for (const double code : grid) out.push_back(found->second[size_t(code)]);
  return out;
}

Result<std::vector<size_t>> features_asked(const ImportanceRequest& request, const Model& model) {
  std::vector<size_t> out(request.features.empty() ? model.features.size() : 0);
  std::iota(out.begin(), out.end(), size_t{0});
  for (const std::string& name : request.features) {
    const auto place = std::find(model.features.begin(), model.features.end(), name);
    if (place == model.features.end()) return unknown_name("feature", name, model.features, "--features");
    out.push_back(size_t(place - model.features.begin()));
  }
  if (request.pair && out.size() != 2)
    return usage_error(fmt::format("a pair is two features, here are {}", out.size()), "--pair", "--features a,b --pair");
  return out;
}

/// Of a curve; of a surface over all its points; of several outputs the largest.
double spread(const Dependence& dependence) {
  double out = 0;
  for (const std::vector<double>& means : dependence.means) {
    const double mean = std::accumulate(means.begin(), means.end(), 0.0) / double(means.size());
    double squares = 0;
    for (const double value : means) squares += (value - mean) * (value - mean);
    out = std::max(out, means.size() > 1 ? std::sqrt(squares / double(means.size() - 1)) : 0);
  }
  return out;
}

/// One row a point: feature and value (of both of a pair), then a column an output.
Table table_of(const ImportanceOutcome& outcome) {
  const size_t features = outcome.dependences.front().features.size();
  std::vector<std::vector<int32_t>> names(features);
  std::vector<std::vector<double>> values(features), means(outcome.outputs.size());
  std::vector<std::string> dictionary;
  for (const Dependence& one : outcome.dependences) {
    const size_t first = dictionary.size(), fast = features == 2 ? one.grids[1].size() : 1;
    dictionary.insert(dictionary.end(), one.features.begin(), one.features.end());
    for (size_t i = 0; i < one.means[0].size(); ++i) {
      for (size_t f = 0; f < features; ++f) {
        names[f].push_back(int32_t(first + f));
        values[f].push_back(one.grids[f][f == 0 ? i / fast : i % fast]);
      }
      for (size_t k = 0; k < means.size(); ++k) means[k].push_back(one.means[k][i]);
    }
  }
  Table out;
  for (size_t f = 0; f < features; ++f) {
    const std::string behind = features == 2 ? fmt::format("_{}", f + 1) : "";
    out.add("feature" + behind, make_category_column(std::move(names[f]), dictionary));
    out.add("value" + behind, make_column(std::move(values[f])));
  }
  for (size_t k = 0; k < means.size(); ++k)
    out.add(outcome.outputs[k].empty() ? "mean" : "mean_" + outcome.outputs[k], make_column(std::move(means[k])));
  return out;
}

}  // namespace

Result<ImportanceOutcome> by_partial_dependence(const ImportanceRequest& request, const Model& model, const Table& table, exec::Pool& pool,
                                                exec::Steps& steps, const exec::Cancellation& cancel) {
  HY_TRY(const std::vector<size_t> asked, features_asked(request, model));
  HY_TRY(const ModelScalers scalers, ModelScalers::of(model, request.model));
  if (!scalers.empty())
    return usage_error("the features of this model are scaled by what training saw, so a grid of their values would mean nothing",
                       "--method partial_dependence", "--method permutation");
  HY_TRY(const ModelRows rows, model_rows(table, model, request.input.front()));
  const Categories categories = noted_categories(model);
  ImportanceOutcome out;
  const bool classes = model.problem == Problem::classification;
  out.outputs = !classes ? std::vector<std::string>{""} : model.classes.size() <= 2 ? std::vector{model.classes.back()} : model.classes;
  out.what = classes ? "standard deviation of the mean probability over the feature's grid"
                     : "standard deviation of the mean prediction over the feature's grid";
  const auto grid = [&](size_t feature) {
    const Forest* forest = std::get_if<Forest>(&model.predictors.front());
    const bool is_category = categories.count(model.features[feature]) > 0 || (forest && forest->is_categorical(int64_t(feature)));
    return grid_of({rows.values.data() + feature * size_t(rows.num_rows), size_t(rows.num_rows)}, size_t(request.grid), is_category);
  };
  // Every point of every grid is a task.
  struct Point {
    size_t dependence, place;
    std::vector<size_t> features;
    std::vector<float> values;
  };
  std::vector<Point> points;
  for (size_t i = 0; i < asked.size(); i += request.pair ? 2 : 1) {
    Dependence& one = out.dependences.emplace_back();
    std::vector<size_t> own = {asked[i]};
    if (request.pair) own.push_back(asked[i + 1]);
    for (const size_t feature : own) {
      one.features.push_back(model.features[feature]), one.grids.push_back(grid(feature));
      if (one.grids.back().empty())
        return input_error(fmt::format("the feature '{}' has no value in this table", one.features.back()), request.input.front(),
                           "give rows that have one");
      one.labels.push_back(labels_of(categories, one.features.back(), one.grids.back()));
    }
    const size_t fast = request.pair ? one.grids[1].size() : 1, count = one.grids[0].size() * fast;
    one.means.assign(out.outputs.size(), std::vector<double>(count));
    for (size_t at = 0; at < count; ++at) {
      std::vector<float> values = {float(one.grids[0][at / fast])};
      if (request.pair) values.push_back(float(one.grids[1][at % fast]));
      points.push_back({out.dependences.size() - 1, at, own, std::move(values)});
    }
  }
  const std::vector<HeldKey> keys = keys_of(model, rows);
  int64_t answered = 0;
  for (const HeldKey& key : keys) answered += key.num_rows;
  if (answered == 0) return input_error("no row has a model for its key", request.input.front(), "give rows of the keys that the model has");
  const size_t width = classes ? model.classes.size() : 1;
  steps.begin("hold", int64_t(points.size()));
  pool.run(
      int64_t(points.size()),
      [&](int64_t i, int) {
        const Point& point = points[size_t(i)];
        const std::vector<double> sums = held_sums(keys, point.features, point.values, width);
        std::vector<std::vector<double>>& means = out.dependences[point.dependence].means;
        for (size_t k = 0; k < means.size(); ++k) means[k][point.place] = sums[means.size() == 1 ? width - 1 : k] / double(answered);
        steps.advance();
      },
      &cancel);
  for (const Dependence& one : out.dependences)
    out.features.push_back({request.pair ? one.features[0] + " x " + one.features[1] : one.features[0], spread(one), 0});
  if (!request.output.empty() && !cancel.stopped()) HY_CHECK(io::write_table(request.output, table_of(out), request.kind));
  return out;
}

}  // namespace hayate::pipeline
