// hayate automl: the best model inside a budget.
#include "pipeline/automl.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "base/strings.h"
#include "cli/all_commands.h"
#include "cli/outputs.h"
#include "cli/signals.h"
#include "hayate/metrics.h"

namespace hayate::cli {
namespace {

constexpr size_t kMostCandidates = 10;  ///< candidates printed

const MetricInterval* interval_of(const pipeline::AutomlOutcome& outcome, const MetricInfo* metric) {
  const auto found =
      std::find_if(outcome.intervals.begin(), outcome.intervals.end(), [metric](const MetricInterval& i) { return i.metric == metric; });
  return found == outcome.intervals.end() ? nullptr : &*found;
}

std::string report_json(const pipeline::AutomlOutcome& o, const AutomlOptions& options) {
  JsonWriter json(1);
  json.object().key("model").value(options.model).key("objective").value(o.objective->name).key("problem").value(problem_name(o.problem));
  json.key("train_rows")
      .value(o.train_rows)
      .key("searched_rows")
      .value(o.searched_rows)
      .key("test_rows")
      .value(o.test_rows)
      .key("budget_s")
      .value(options.budget.value);
  json.key("seconds").value(o.seconds).key("first_model_s").value(o.first_model_seconds).key("stopped").value(o.stopped);
  json.key("leaderboard").array();
  for (const pipeline::Candidate& c : o.leaderboard)
    json.object()
        .key("learner")
        .value(c.learner)
        .key("params")
        .value(c.params)
        .key("value")
        .value(c.value)
        .key("seconds")
        .value(c.seconds)
        .key("weight")
        .value(c.weight)
        .end();
  json.end().key("test").object();
  for (const MetricValue& metric : o.test.metrics) {
    if (metric.metric->better == Better::neither) continue;
    json.key(metric.metric->name).object().key("value").value(metric.value.value_or(std::nan("")));
    const MetricInterval* interval = interval_of(o, metric.metric);
    json.key("low").value(interval ? interval->low : std::nan("")).key("high").value(interval ? interval->high : std::nan("")).end();
  }
  return json.end().end().text() + "\n";
}

std::string report_text(const pipeline::AutomlOutcome& o) {
  std::string out = fmt::format("{:>4}  {:>12}  {:>9}  {:>6}  {}\n", "rank", "value", "time", "weight", "model");
  for (size_t i = 0; i < o.leaderboard.size(); ++i) {
    const pipeline::Candidate& c = o.leaderboard[i];
    if (i >= kMostCandidates && c.weight == 0) continue;
    out += fmt::format("{:>4}  {:>12.6g}  {:>9}  {:>6}  {} {}\n", i + 1, c.value, format_seconds(c.seconds),
                       c.weight > 0 ? fmt::format("{:.2f}", c.weight) : "", c.learner, c.params);
  }
  out += fmt::format("\n{} test rows\n", o.test_rows);
  for (const MetricValue& metric : o.test.metrics) {
    if (!metric.value) continue;
    const MetricInterval* interval = interval_of(o, metric.metric);
    out += fmt::format("{:<22} {:>12.6g}{}\n", metric.metric->name, *metric.value,
                       interval ? fmt::format("   95 % {:.6g} to {:.6g}", interval->low, interval->high) : "");
  }
  return out;
}

}  // namespace

Result<int> automl_command(AutomlOptions& options, const Console& console) {
  pipeline::AutomlRequest r;
  r.input = options.input, r.label = options.label, r.weight = options.weight, r.by_date = options.by_date, r.objective = options.objective;
  r.at = options.at, r.split = options.split, r.purge_days = options.purge_days, r.budget_seconds = options.budget.value;
  r.seed = uint64_t(options.seed), r.model = options.model, r.exec = options.exec;
  for (const std::string& name : split(options.features, ','))
    if (!trim(name).empty()) r.features.emplace_back(trim(name));
  if (!options.problem.empty()) {
    HY_TRY(r.problem, parse_problem(options.problem, "--problem"));
  }
  HY_TRY(r.kind, asked_kind(options.format));
  HY_TRY(r.reading, reading_options(options.reading));
  exec::Steps steps(console.progress);
  HY_TRY(const auto outcome, pipeline::automl_table(r, steps, interruption()));
  if (!outcome.why.empty()) console.say(fmt::format("problem: {} ({})", problem_name(outcome.problem), outcome.why));
  if (outcome.rows_left_out > 0) console.say(fmt::format("{} rows have no finite label, weight or date and are left out", outcome.rows_left_out));
  console.say(fmt::format("objective {}: {} candidates on {} rows in {} of {} ({}); a first model stood after {}", outcome.objective->name,
                          outcome.leaderboard.size(), outcome.train_rows, format_seconds(outcome.seconds), format_seconds(options.budget.value),
                          outcome.stopped, format_seconds(outcome.first_model_seconds)));
  if (outcome.searched_rows < outcome.train_rows && !outcome.only_pilot)
    console.say(
        fmt::format("candidates learnt from {} of {} rows, which is what the budget allows; the best of them then from all, as far as time went",
                    outcome.searched_rows, outcome.train_rows));
  if (outcome.test_rows_left_out > 0)
    console.say(fmt::format("the report is of {} of {} test rows: a larger --budget takes all of them", outcome.test_rows,
                            outcome.test_rows + outcome.test_rows_left_out));
  if (outcome.only_pilot)
    console.say(fmt::format("no candidate ended in time: the model is a first one, {} of {} of {} rows; give a larger --budget",
                            outcome.pilot_learner == "forest" ? "a small forest" : "a short boosting", outcome.pilot_rows, outcome.train_rows));
  say_full_categories(console, outcome.full_categories);
  HY_CHECK(write_timings(options.timings, steps.records(), exec::worker_count(options.exec)));
  console.print(console.json ? report_json(outcome, options) : report_text(outcome));
  return 0;
}

}  // namespace hayate::cli
