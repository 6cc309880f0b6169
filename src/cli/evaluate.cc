// hayate evaluate: all metrics with their conventions, and a page of them.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/json.h"
#include "base/strings.h"
#include "cli/all_commands.h"
#include "cli/outputs.h"
#include "eval/evaluation_page.h"
#include "eval/metrics_json.h"
#include "exec/exec_config.h"
#include "exec/pool.h"
#include "hayate/metrics.h"
#include "io/files.h"
#include "io/reader.h"

namespace hayate::cli {
namespace {

using Intervals = std::vector<MetricInterval>;

/// The interval of a metric that has one.
const MetricInterval* find_interval(const Intervals& intervals, const MetricInfo* metric) {
  const auto found =
      std::find_if(intervals.begin(), intervals.end(), [&](const MetricInterval& i) { return i.metric == metric && !std::isnan(i.low); });
  return found == intervals.end() ? nullptr : &*found;
}

std::string evaluation_json(const Evaluation& evaluation, const Intervals& intervals, int64_t resamples) {
  JsonWriter json(1);
  json.object();
  eval::write_evaluation(json, evaluation);
  if (resamples > 0) {
    json.key("resamples").value(resamples).key("intervals").object();
    for (const MetricInterval& i : intervals) {
      json.key(i.metric->name);
      std::isnan(i.low) ? json.null() : json.array().value(i.low).value(i.high).end();
    }
    json.end();
  }
  return json.end().text() + "\n";
}

std::string evaluation_table(const Evaluation& evaluation, const Intervals& intervals) {
  std::string out = fmt::format(
      "{}, {} rows{}\n", problem_name(evaluation.problem), evaluation.rows,
      evaluation.rows_left_out > 0 ? fmt::format(" ({} without a label, a prediction or a weight left out)", evaluation.rows_left_out) : "");
  for (const MetricValue& metric : evaluation.metrics) {
    if (std::string_view(metric.metric->name) == "confusion_matrix") continue;
    const std::string value = metric.value ? fmt::format("{:.6g}", *metric.value) : "-";
    const MetricInterval* interval = find_interval(intervals, metric.metric);
    const std::string range = interval ? fmt::format("[{:.6g}, {:.6g}]", interval->low, interval->high) : "";
    out += fmt::format("{:<22} {:>12}  {}{}\n", metric.metric->name, value, intervals.empty() ? "" : fmt::format("{:<24} ", range),
                       metric.reason.empty() ? metric.metric->convention : "undefined: " + metric.reason);
  }
  const size_t classes = evaluation.classes.size();
  if (classes > 0) out += "confusion matrix (rows: label, columns: prediction)\n";
  for (size_t row = 0; row < classes; ++row) {
    out += fmt::format("{:<22}", evaluation.classes[row]);
    for (size_t column = 0; column < classes; ++column) out += fmt::format(" {:>12.6g}", evaluation.confusion[row * classes + column]);
    out += "\n";
  }
  return out;
}

Result<void> write_page(const std::string& file, const std::vector<std::string>& inputs, const EvaluateSpec& spec, const eval::EvaluationRows& rows,
                        const Evaluation& evaluation) {
  exec::Pool pool(exec::worker_count({}));
  HY_TRY(eval::EvaluationData data, eval::measure_evaluation(rows, evaluation, pool));
  data.inputs = inputs, data.columns = spec;
  return io::write_file(file, eval::render_evaluation(data));
}

/// Whether predictions and labels have no class in common, as when they are written in two ways (1.0 and yes).
bool share_no_class(const eval::EvaluationRows& rows) {
  if (rows.problem != Problem::classification) return false;
  std::vector<uint8_t> predicted(rows.classes.size());
  bool some = false;
  for (const int32_t own : rows.predicted_class)
    if (own >= 0) predicted[size_t(own)] = 1, some = true;
  const auto was_predicted = [&](int32_t own) { return own >= 0 && predicted[size_t(own)]; };
  return some && std::none_of(rows.label_class.begin(), rows.label_class.end(), was_predicted);
}

}  // namespace

Result<int> evaluate_command(EvaluateOptions& options, const Console& console) {
  EvaluateSpec spec{options.label, options.prediction, options.weight, options.by_date, std::nullopt};
  if (!options.problem.empty()) {
    HY_TRY(spec.problem, parse_problem(options.problem, "--problem"));
  }
  HY_TRY(const auto kind, asked_kind(options.format));
  HY_TRY(const auto paths, io::expand_inputs(options.input));
  HY_TRY(io::ReadOptions reading, reading_options(options.reading));
  reading.kind = kind;
  HY_TRY(const Table table, io::read_tables(paths, reading));
  if (!spec.problem) {
    HY_TRY(const ProblemChoice choice, eval::evaluation_problem(table, spec));
    console.say(fmt::format("problem: {} ({})", problem_name(choice.problem), choice.why));
  }
  HY_TRY(const eval::EvaluationRows rows, eval::evaluation_rows(table, spec));
  HY_TRY(const Evaluation evaluation, eval::evaluate_rows(rows));
  if (evaluation.rows > 0 && share_no_class(rows))
    console.say(fmt::format("no class of '{}' is one of '{}': are both written alike?", spec.prediction, spec.label));
  if (!options.html.empty()) {
    HY_CHECK(write_page(options.html, paths, spec, rows, evaluation));
    console.say("page: " + options.html);
  }
  Intervals intervals;
  if (options.bootstrap > 0) {
    exec::Pool pool(exec::worker_count({}));
    HY_TRY(intervals, eval::metric_intervals(rows, int(options.bootstrap), pool));
  }
  console.print(console.json ? evaluation_json(evaluation, intervals, options.bootstrap) : evaluation_table(evaluation, intervals));
  return 0;
}

}  // namespace hayate::cli
