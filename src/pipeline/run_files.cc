#include "pipeline/run_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <filesystem>
#include <map>

#include "base/json.h"
#include "base/strings.h"
#include "eval/metrics_json.h"
#include "kernels/dispatch.h"
#include "pipeline/run_records.h"
#include "pipeline/spec.h"

namespace hayate::pipeline {
namespace {

void write_score(JsonWriter& json, const ForecastScore& score) {
  json.key("rows").value(score.rows).key("rmse").value(score.rmse).key("naive_rmse").value(score.naive_rmse);
  json.key("mae").value(score.mae).key("corr").value(score.correlation).key("hit_rate").value(score.hit_rate);
}

}  // namespace

namespace {

/// What every fold's search found.
void write_tuned(JsonWriter& json, const std::vector<std::vector<TunedParams>>& tuned, const std::vector<std::string>& keys,
                 const std::string& metric) {
  json.key("tuned").array();
  for (size_t s = 0; s < tuned.size(); ++s)
    for (size_t f = 0; f < tuned[s].size(); ++f) {
      json.object().key("fold").value(int64_t(f)).key("symbol").value(keys[s]);
      json.key("params").value(tuned[s][f].config).key(metric).value(tuned[s][f].value).end();
    }
  json.end();
}

}  // namespace

std::string metrics_json(const Forecast& forecast, const Scores& scores, const std::vector<std::vector<TunedParams>>& tuned,
                         const std::vector<std::string>& keys, const std::string& metric) {
  JsonWriter json(1);
  json.object()
      .key("problem")
      .value("regression")
      .key("rows")
      .value(scores.universe.rows)
      .key("rows_without_label")
      .value(scores.universe.rows_left_out);
  std::vector<MetricValue> all = scores.universe.metrics;
  all.insert(all.end(), scores.ic.begin(), scores.ic.end());
  eval::write_metrics(json, all);
  json.key("universe").object();
  write_score(json, scores.summary);
  json.end().key("naive_forecast").value("0, \"no change\"");
  json.key("symbols").array();
  for (size_t s = 0; s < scores.symbols.size(); ++s) {
    json.object().key("symbol").value(forecast.symbols[s]);
    write_score(json, scores.symbols[s]);
    json.end();
  }
  json.end().key("folds").array();
  for (const FoldTally& fold : scores.folds) {
    json.object()
        .key("fold")
        .value(fold.fold)
        .key("symbol")
        .value(fold.symbol)
        .key("train_rows")
        .value(fold.train_rows)
        .key("test_rows")
        .value(fold.test_rows);
    write_score(json, fold.score);
    json.end();
  }
  json.end();
  if (!metric.empty()) write_tuned(json, tuned, keys, metric);
  return json.end().text() + "\n";
}

std::string failures_json(const std::vector<Finding>& failures) {
  JsonWriter json(1);
  json.array();
  for (const Finding& finding : failures) {
    json.object().key("symbol").value(finding.symbol).key("kind").value(finding.kind).key("what").value(finding.what);
    json.key("row").value(finding.row).key("date").value(finding.time).key("value").value(finding.value).end();
  }
  return json.end().text() + "\n";
}

std::string events_jsonl(const std::vector<exec::StepRecord>& steps, const std::vector<TaskTrace>& tasks, const RunStats& stats) {
  std::string out;
  for (const TaskTrace& task : tasks) {
    JsonWriter json;
    json.object().key("event").value("task").key("step").value(task.step).key("key").value(task.key).key("worker").value(task.worker);
    json.key("begin_s").value(task.begin).key("end_s").value(task.end);
    json.key("wait_s").value(task.wait).key("attempt").value(task.attempt).key("outcome").value(exec::outcome_name(task.outcome)).end();
    out += json.text() + "\n";
  }
  for (const exec::StepRecord& step : steps) {
    JsonWriter json;
    json.object().key("event").value("step").key("step").value(step.name).key("wall_s").value(step.wall_seconds);
    json.key("cpu_s").value(step.cpu_seconds).key("items").value(step.items).end();
    out += json.text() + "\n";
  }
  return out + "{\"event\":\"end\",\"stats\":" + stats_json(stats) + "}\n";
}

Model model_of(const Plan& plan, Trained& trained) {
  Model model;
  model.problem = plan.problem;
  model.learner = plan.spec.model.learner;
  model.label = plan.label.text;
  model.params = format_params(plan.params);
  model.key_column = plan.spec.model.scope == "symbol" ? "symbol" : "";
  for (const NamedExpression& named : plan.expressions) {
    model.features.push_back(named.name);
    model.notes.emplace_back("feature " + named.name, named.text);
  }
  model.notes.emplace_back("adjust", plan.spec.universe.adjust);
  model.notes.emplace_back("spec", spec_toml(plan.spec, false));
  model.keys = trained.keys;
  for (size_t k = 0; k < trained.tuned.size(); ++k)
    if (!trained.tuned[k].empty()) model.notes.emplace_back("tuned params of " + trained.keys[k], trained.tuned[k].back().config);
  note_scalers(plan.scalers, trained.fits, model);
  model.predictors = std::move(trained.predictors);
  return model;
}

namespace {

std::vector<eval::SpecEntry> spec_entries(const RunSpec& spec) {
  std::vector<eval::SpecEntry> out;
  RunSpec copy = spec, defaults;
  defaults.split.purge_days = -1;
  std::map<std::string, std::string> usual;
  visit_sections(defaults, [&](const std::string& section, auto& fields) {
    for (const Field& field : fields_of(fields)) usual[section + "." + field.name] = field.text();
  });
  visit_sections(copy, [&](const std::string& section, auto& fields) {
    for (const Field& field : fields_of(fields)) {
      const std::string name = section + "." + field.name;
      out.push_back({name, field.text(), usual[name] == field.text() ? "default" : "spec"});
    }
  });
  return out;
}

eval::DataSummary data_summary(const BarsSummary& bars) {
  eval::DataSummary out;
  Hasher all;
  for (const io::BarsFile& file : bars.files) {
    std::error_code ignored;
    const auto size = std::filesystem::file_size(file.path, ignored);
    out.files.push_back({file.path, file.rows, ignored ? 0 : int64_t(size), file.hash.hex()});
    all.number(file.hash.low).number(file.hash.high);
  }
  out.rows = bars.rows, out.symbols = bars.symbols, out.first_time = bars.first_time, out.last_time = bars.last_time;
  out.hash = all.finish().hex();
  return out;
}

double value_or_nan(const std::vector<MetricValue>& metrics, std::string_view name) {
  for (const MetricValue& metric : metrics)
    if (metric.metric->name == name && metric.value) return *metric.value;
  return eval::kUndefined;
}

void fill_scores(const Forecast& forecast, const Scores& scores, eval::ReportData& out) {
  out.universe.rows = scores.summary.rows;
  out.universe.error = scores.summary.rmse, out.universe.naive_error = scores.summary.naive_rmse, out.universe.hit_rate = scores.summary.hit_rate;
  out.universe.ic = value_or_nan(scores.ic, "ic"), out.universe.icir = value_or_nan(scores.ic, "icir");
  out.universe.rank_ic = value_or_nan(scores.ic, "rank_ic"), out.universe.rank_icir = value_or_nan(scores.ic, "rank_icir");
  for (const IcDay& day : scores.days) {
    if (day.pairs > 0) ++out.universe.dates;
    out.dates.push_back({day.date, day.pairs, day.ic, day.rank_ic, day.squared_error, day.naive_squared_error});
  }
  for (size_t s = 0; s < scores.symbols.size(); ++s) {
    const ForecastScore& score = scores.symbols[s];
    out.symbols.push_back({forecast.symbols[s], score.rows, score.rmse, score.naive_rmse, score.correlation, score.hit_rate});
  }
  for (const FoldTally& fold : scores.folds)
    out.folds.push_back({fold.fold, fold.symbol, fold.train_rows, fold.test_rows, fold.first_time, fold.last_time, fold.score.rmse,
                         fold.score.naive_rmse, fold.score.correlation});
  out.buckets = scores.buckets;
}

/// The last row of each symbol whose label is not known yet.
void fill_newest(const Forecast& forecast, const std::vector<Advice>& advice, eval::ReportData& out) {
  for (size_t row = 0; row < forecast.num_rows(); ++row) {
    const bool last = row + 1 == forecast.num_rows() || forecast.symbol[row + 1] != forecast.symbol[row];
    if (!last || !std::isnan(forecast.label[row])) continue;
    const size_t symbol = size_t(forecast.symbol[row]);
    eval::NewestPrediction& newest =
        out.newest.emplace_back(eval::NewestPrediction{forecast.symbols[symbol], forecast.time[row], forecast.prediction[row]});
    if (!advice.empty())
      newest.advice = action_name(advice[symbol].action), newest.confidence = advice[symbol].confidence, newest.reason = advice[symbol].reason;
  }
}

void fill_importance(const Plan& plan, const Model& model, eval::ReportData& out) {
  std::vector<double> mean(plan.expressions.size(), 0);
  for (const Predictor& predictor : model.predictors) {
    const std::vector<double> importance = importance_of(predictor);
    for (size_t f = 0; f < importance.size(); ++f) mean[f] += importance[f] / double(model.predictors.size());
  }
  for (size_t f = 0; f < mean.size(); ++f) out.features.push_back({plan.expressions[f].name, plan.expressions[f].text, mean[f]});
  out.importance_note =
      fmt::format("mean gain over the last fold's {}", model.predictors.size() == 1 ? "model" : fmt::format("{} models", model.predictors.size()));
}

std::string created_text() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  char text[64];
  return std::string(text, std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &local));
}

}  // namespace

eval::ReportData report_data(const RunRequest& request, const Plan& plan, const RunOutcome& outcome, const BarsSummary& bars, const Trained& trained,
                             const Model& model) {
  eval::ReportData out;
  out.run_id = std::filesystem::path(outcome.run_dir).filename().string();
  out.created = created_text();
  out.problem = "regression", out.scope = plan.spec.model.scope, out.error_metric = "RMSE";
  out.naive_forecast = "0, \"no change\"";
  out.label = plan.label.text;
  out.label_horizon = int(std::max<int64_t>(1, plan.label_program->look_ahead()));
  out.daily = bars.daily;
  out.spec = spec_entries(plan.spec);
  out.spec_toml = spec_toml(plan.spec);
  out.spec_hash = spec_hash(plan.spec);
  out.versions = {{"hayate", request.version}, {"compiler", __VERSION__}, {"instruction set", kernels::isa_name(kernels::active_isa())}};
  out.data = data_summary(bars);
  fill_scores(outcome.forecast, outcome.scores, out);
  fill_newest(outcome.forecast, outcome.advice, out);
  fill_importance(plan, model, out);
  if (plan.study) out.tuned_metric = plan.study->scoring.metric->name;
  for (size_t s = 0; s < trained.tuned.size(); ++s)
    for (size_t f = 0; f < trained.tuned[s].size(); ++f)
      out.tuned.push_back({int(f), trained.keys[s], trained.tuned[s][f].config, trained.tuned[s][f].value});
  out.warnings = outcome.warnings, out.failures = outcome.failures;
  for (const exec::StepRecord& step : outcome.steps) out.steps.push_back({step.name, step.wall_seconds, step.cpu_seconds, step.items, ""});
  for (const TaskTrace& task : trained.tasks) out.tasks.push_back({task.step, task.key, task.worker, task.begin, task.end});
  const int64_t reused = std::count_if(trained.tasks.begin(), trained.tasks.end(), [](const TaskTrace& task) { return task.reused; });
  out.reuse.push_back(
      {"train", reused, int64_t(trained.tasks.size()) - reused, "a result is reused when bars, expressions, params and program are the same"});
  out.wall_s = outcome.stats.wall_seconds, out.cpu_s = outcome.stats.cpu_seconds;
  out.peak_rss_bytes = outcome.stats.peak_memory_bytes, out.memory_limit_bytes = exec::memory_limit_bytes(request.exec);
  out.workers = outcome.stats.workers;
  for (const std::vector<MetricValue>& list : {outcome.scores.universe.metrics, outcome.scores.ic})
    for (const MetricValue& metric : list) out.conventions.push_back({metric.metric->name, metric.metric->convention});
  return out;
}

}  // namespace hayate::pipeline
