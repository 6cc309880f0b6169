// hayate run SPEC.toml, and what looks at or finishes its folder: resume, explain, stats.
#include "pipeline/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "base/json.h"
#include "base/strings.h"
#include "cli/all_commands.h"
#include "cli/outputs.h"
#include "cli/signals.h"
#include "io/files.h"
#include "pipeline/estimate.h"
#include "pipeline/run_files.h"
#include "pipeline/run_metrics.h"
#include "pipeline/run_records.h"
#include "pipeline/spec.h"

namespace hayate::cli {

namespace fs = std::filesystem;

namespace {

constexpr size_t kSymbolsShown = 20;

std::string number(double value, const char* format) { return std::isnan(value) ? "-" : fmt::format(fmt::runtime(format), value); }

std::string score_row(const std::string& name, const ForecastScore& score) {
  const double ratio = score.rmse / score.naive_rmse - 1;
  return fmt::format("{} {:>8} {:>10} {:>10} {:>9} {:>8} {:>8}\n", padded(name, 12), score.rows, number(score.rmse, "{:.6f}"),
                     number(score.naive_rmse, "{:.6f}"), number(100 * ratio, "{:+.2f} %"), number(score.correlation, "{:+.3f}"),
                     number(100 * score.hit_rate, "{:.1f} %"));
}

std::string result_table(const pipeline::RunOutcome& outcome) {
  const auto& scores = outcome.scores;
  std::string out =
      fmt::format("{} {:>8} {:>10} {:>10} {:>9} {:>8} {:>8}\n", padded("symbol", 12), "rows", "RMSE", "naive", "vs naive", "corr", "hit rate");
  for (size_t s = 0; s < std::min(scores.symbols.size(), kSymbolsShown); ++s) out += score_row(outcome.forecast.symbols[s], scores.symbols[s]);
  if (scores.symbols.size() > kSymbolsShown) out += fmt::format("... and {} more symbols in the report\n", scores.symbols.size() - kSymbolsShown);
  out += score_row("universe", scores.summary);
  std::vector<std::string> parts;
  for (const MetricValue& metric : scores.ic)
    parts.push_back(fmt::format("{} {}", metric.metric->name, metric.value ? fmt::format("{:+.4f}", *metric.value) : "undefined: " + metric.reason));
  int64_t dates = 0;
  for (const IcDay& day : scores.days) dates += !std::isnan(day.ic);
  return out + fmt::format("by date ({} dates): {}\n", dates, join(parts, ", ")) +
         "out of sample; naive: a forecast of 0; corr: over time; hit rate: sign of the label met\n";
}

Result<int> print_plan(const RunSpec& spec) {
  fmt::print("{}", pipeline::spec_toml(spec));
  return 0;
}

}  // namespace

namespace {

/// Runs and prints, for `run` and `resume` alike.
Result<int> run_and_print(const pipeline::RunRequest& request, const std::string& timings, const std::string& metrics, const Console& console) {
  exec::Steps steps(console.progress);
  HY_TRY(const pipeline::RunOutcome outcome, pipeline::run(request, steps, interruption()));
  for (const std::string& message : outcome.messages) console.say(message);
  say_findings(console, "warning", outcome.warnings);
  say_findings(console, "failed", outcome.failures);
  HY_CHECK(write_timings(timings, outcome.steps, outcome.stats.workers));
  if (!metrics.empty()) HY_CHECK(io::write_file(metrics, pipeline::run_metrics(outcome.stats, outcome.steps)));
  const std::string report = outcome.run_dir + "/report.html";
  if (console.json) {
    console.print(fmt::format("{{\"run_dir\":\"{}\",\"report\":\"{}\",\"stats\":{},\"metrics\":{}}}\n", json_escape(outcome.run_dir),
                              json_escape(report), pipeline::stats_json(outcome.stats), pipeline::metrics_json(outcome.forecast, outcome.scores)));
  } else {
    console.print(result_table(outcome));
    console.print(fmt::format("{}\nreport: {}\n", outcome.stats.line(), report));
  }
  return outcome.failures.empty() ? 0 : 3;
}

std::string count_of(const pipeline::StepEstimate& step) {
  return step.reused > 0 ? fmt::format("{} ({} reused)", step.items, step.reused) : fmt::format("{}", step.items);
}

Result<int> print_estimate(const pipeline::RunRequest& request, const Console& console) {
  exec::Steps steps(console.progress);
  HY_TRY(const pipeline::RunEstimate plan, pipeline::estimate_run(request, steps));
  if (console.json) {
    JsonWriter json(1);
    json.object().key("symbols").value(plan.symbols).key("rows").value(plan.rows).key("workers").value(plan.workers);
    json.key("seconds").value(plan.seconds).key("peak_bytes").value(plan.peak_bytes).key("memory_limit_bytes").value(plan.memory_limit_bytes);
    json.key("learnt_from").value(plan.learnt_from).key("steps").array();
    for (const pipeline::StepEstimate& step : plan.steps) {
      json.object().key("name").value(step.name).key("items").value(step.items).key("reused").value(step.reused);
      json.key("seconds").value(step.seconds).key("bytes").value(step.bytes).end();
    }
    console.print(json.end().end().text() + "\n");
    return 0;
  }
  console.print(fmt::format("{:<12} {:>20} {:>10} {:>10}\n", "step", "items", "seconds", "memory"));
  for (const pipeline::StepEstimate& step : plan.steps)
    console.print(fmt::format("{:<12} {:>20} {:>10.2f} {:>10}\n", step.name, count_of(step), step.seconds, format_bytes(step.bytes)));
  console.print(fmt::format("{} symbols, {} bars on {} worker{}: about {} and {} of the {} allowed\n", plan.symbols, plan.rows, plan.workers,
                            plan.workers == 1 ? "" : "s", format_seconds(plan.seconds), format_bytes(plan.peak_bytes),
                            format_bytes(plan.memory_limit_bytes)));
  console.print(plan.learnt_from > 0 ? fmt::format("learnt from {:.0f} tasks of earlier runs\n", plan.learnt_from)
                                     : "a guess: no earlier run of this learner has taught what tasks cost here\n");
  return 0;
}

}  // namespace

Result<int> run_command(RunOptions& options, const Console& console) {
  pipeline::RunRequest request;
  request.exec = options.exec;
  HY_TRY(request.spec, pipeline::read_run_spec(options.spec_file, &request.exec));
  if (options.print_spec) return print_plan(request.spec);
  request.run_dir = options.run_dir;
  request.version = version_text();
  return options.dry_run ? print_estimate(request, console) : run_and_print(request, options.timings, options.metrics_file, console);
}

Result<int> resume_command(ResumeOptions& options, const Console& console) {
  HY_TRY(auto request, pipeline::read_request(options.run_dir));
  if (!request) {
    HY_TRY(const pipeline::RunStats stats, pipeline::read_stats(options.run_dir));
    console.print(console.json ? pipeline::stats_json(stats) + "\n" : fmt::format("this run is finished: {}\n", stats.line()));
    return 0;
  }
  request->version = version_text();
  // Relative paths of the run began in its folder; those of this command begin in ours.
  std::error_code failure;
  request->run_dir = fs::absolute(options.run_dir, failure).lexically_normal().string();
  const std::string metrics = options.metrics_file.empty() ? "" : fs::absolute(options.metrics_file, failure).string();
  fs::current_path(request->folder, failure);
  if (failure)
    return input_error("the folder that this run was started in is gone", request->folder,
                       "make it again, or run the spec again with another --run-dir");
  return run_and_print(*request, "", metrics, console);
}

Result<int> explain_command(StatsOptions& options, const Console& console) {
  HY_TRY(const auto tasks, pipeline::read_tasks(options.run_dir));
  size_t width = 12;
  for (const pipeline::TaskRecord& task : tasks) width = std::max(width, task.key.size());
  JsonWriter json(1);
  json.object().key("tasks").array();
  for (const pipeline::TaskRecord& task : tasks) {
    json.object().key("step").value(task.step).key("key").value(task.key).key("state").value(task.state).key("reason").value(task.reason).end();
    if (!console.json) console.print(fmt::format("{:<8} {} {:<7} {}\n", task.step, padded(task.key, width), task.state, task.reason));
  }
  if (console.json) console.print(json.end().end().text() + "\n");
  return 0;
}

Result<int> stats_command(StatsOptions& options, const Console& console) {
  HY_TRY(const pipeline::RunStats stats, pipeline::read_stats(options.run_dir));
  if (console.json) {
    console.print(pipeline::stats_json(stats) + "\n");
    return 0;
  }
  const auto line = [&](const char* name, const std::string& value) { console.print(fmt::format("{:<12} {}\n", name, value)); };
  const auto pool = [](const exec::PoolUse& use, int workers) {
    const double busy = 100 * pipeline::RunStats::busy_share(use, workers);
    return fmt::format("{} worker{}, {:.1f} % busy, {:.1f} % idle", workers, workers == 1 ? "" : "s", busy, 100 - busy);
  };
  line("symbols", fmt::format("{}", stats.symbols)), line("failed", fmt::format("{}", stats.failed));
  line("bars", fmt::format("{}", stats.rows)), line("models", fmt::format("{}", stats.models));
  line("wall", format_seconds(stats.wall_seconds)), line("cpu", format_seconds(stats.cpu_seconds));
  line("busy share", fmt::format("{:.0f} % of {} worker{}", 100 * stats.speed_up() / stats.workers, stats.workers, stats.workers == 1 ? "" : "s"));
  line("cpu pool", pool(stats.cpu_pool, stats.workers)), line("io pool", pool(stats.io_pool, stats.io_workers));
  line("speed-up", fmt::format("{:.2f} over one worker", stats.speed_up()));
  line("queue wait", fmt::format("{} on average, {} at most", format_seconds(stats.queue_seconds), format_seconds(stats.longest_queue_seconds)));
  line("attempts", fmt::format("{} at tasks", stats.attempts));
  line("peak memory", fmt::format("{} of {} allowed", format_bytes(stats.peak_memory_bytes), format_bytes(stats.memory_limit_bytes)));
  line("cache hits", fmt::format("{} of {}", stats.cache_hits, stats.cache_hits + stats.cache_misses));
  console.print(stats.line() + "\n");
  return 0;
}

}  // namespace hayate::cli
