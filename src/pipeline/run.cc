#include "pipeline/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/clock.h"
#include "base/json.h"
#include "base/strings.h"
#include "io/json_reader.h"
#include "io/writer.h"
#include "pipeline/bar_check.h"
#include "pipeline/manifest.h"
#include "pipeline/run_files.h"
#include "pipeline/spec.h"
#include "pipeline/trained.h"

namespace hayate::pipeline {
namespace {

void append(std::vector<Finding>& to, std::vector<Finding> from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

/// Leaves out the symbols that failed the check.
Panel without_failures(Panel panel, const std::vector<Finding>& failures) {
  std::set<std::string> bad;
  for (const Finding& finding : failures) bad.insert(finding.symbol);
  std::vector<size_t> good;
  for (size_t s = 0; s < panel.num_symbols(); ++s)
    if (!bad.contains(panel.symbols[s])) good.push_back(s);
  return good.size() == panel.num_symbols() ? std::move(panel) : select_symbols(panel, good);
}

std::string counted_kinds(const std::vector<Finding>& findings) {
  std::map<std::string, int64_t> kinds;
  for (const Finding& finding : findings) ++kinds[finding.kind];
  std::vector<std::string> parts;
  for (const auto& [kind, count] : kinds) parts.push_back(fmt::format("{} {}", count, kind));
  return join(parts, ", ");
}

Error nothing_left(const std::vector<Finding>& failures) {
  const Finding& first = failures.front();
  return input_error(fmt::format("every symbol failed ({})", counted_kinds(failures)),
                     fmt::format("{}{}", first.symbol, first.time.empty() ? "" : " " + first.time), fmt::format("the first: {}", first.what));
}

/// How many workers the memory limit allows for symbol tasks; an Error names the limit that would do.
Result<int> workers_that_fit(const Plan& plan, const Panel& panel, const exec::ExecConfig& exec, int workers) {
  const int64_t limit = exec::memory_limit_bytes(exec), now = resident_bytes();
  int64_t longest = 0, results = 0;
  for (size_t s = 0; s < panel.num_symbols(); ++s) {
    const int64_t rows = int64_t(panel.series_times(s).size());
    longest = std::max(longest, rows);
    results += symbol_result_bytes(plan, rows);
  }
  const bool pooled = plan.spec.model.scope == "pooled";
  const int64_t fixed = now + (pooled ? pooled_bytes(plan, panel.num_rows()) : results), each = pooled ? 0 : symbol_task_bytes(plan, longest);
  if (fixed + each > limit)
    return Error{Kind::budget, fmt::format("the step train needs {}, the limit is {}", format_bytes(fixed + each), format_bytes(limit)),
                 "--memory-limit",
                 fmt::format("--memory-limit {}MB would do{}", (fixed + each) / 1'000'000 + 1,
                             pooled ? ", or scope = \"symbol\"" : ", or fewer or shallower trees")};
  return each == 0 ? workers : int(std::min<int64_t>(workers, std::max<int64_t>(1, (limit - fixed) / each)));
}

std::vector<std::string> task_records(const Trained& trained) {
  std::vector<std::string> records;
  for (const TaskTrace& task : trained.tasks) {
    JsonWriter json;
    json.object().key("record").value("task").key("step").value(task.step).key("key").value(task.key).key("state").value("run").end();
    records.push_back(json.text());
  }
  return records;
}

std::string first_record(const RunRequest& request) {
  JsonWriter json;
  json.object().key("record").value("run").key("hayate").value(request.version).key("spec_hash").value(spec_hash(request.spec));
  json.key("spec").value(spec_toml(request.spec)).end();
  return json.text();
}

}  // namespace

std::string RunStats::line() const {
  return fmt::format("{} symbols in {}: {:.0f} symbols per second, {} cache hits, peak {}, speed-up {:.2f} on {} worker{}", symbols,
                     format_seconds(wall_seconds), symbols_per_second(), cache_hits, format_bytes(peak_memory_bytes), speed_up(), workers,
                     workers == 1 ? "" : "s");
}

Result<RunOutcome> run(const RunRequest& request, exec::Steps& steps, const exec::Cancellation& cancel) {
  const double began = wall_seconds(), cpu_began = cpu_seconds();
  HY_TRY(Plan plan, make_plan(request.spec));
  RunOutcome outcome;
  outcome.run_dir = request.run_dir.empty() ? fmt::format("runs/{}-{}", timestamp_now(), spec_hash(request.spec).substr(0, 8)) : request.run_dir;
  HY_CHECK(Manifest::check(outcome.run_dir, spec_hash(request.spec)));
  HY_TRY(const auto paths, io::expand_inputs(request.spec.universe.input));

  const int asked = exec::worker_count(request.exec);
  exec::Pool pool(asked);
  steps.begin("read", int64_t(paths.size()));
  HY_TRY(io::BarsResult bars, io::read_bars(paths, pool));
  outcome.failures = bars.bars.failures, outcome.warnings = bars.bars.warnings;
  HY_CHECK(compile_plan(plan, bars.bars.panel.fields));

  steps.begin("check", int64_t(bars.bars.panel.num_symbols()));
  BarFindings found = check_bars(bars.bars.panel, plan.spec.universe.adjust == "adj_close");
  append(outcome.failures, std::move(found.failures));
  append(outcome.warnings, std::move(found.warnings));
  Panel panel = without_failures(bars.bars.panel, outcome.failures);
  if (panel.num_symbols() == 0 && !outcome.failures.empty()) return nothing_left(outcome.failures);
  std::vector<std::string> used = plan.features->fields();
  used.insert(used.end(), plan.label_program->fields().begin(), plan.label_program->fields().end());
  HY_TRY(const bool vwap_added, prepare_bars(plan.spec.universe.adjust, used, panel));
  if (vwap_added) outcome.messages.emplace_back("vwap is absent: (high + low + close) / 3 is used");
  HY_TRY(const int workers, workers_that_fit(plan, panel, request.exec, asked));
  HY_TRY(Manifest manifest, Manifest::begin(outcome.run_dir, spec_hash(request.spec)));
  HY_CHECK(manifest.append(first_record(request)));

  exec::Pool fewer(workers < asked ? workers : 1);
  const TrainJob job{plan, panel, workers < asked ? fewer : pool, workers, steps, cancel, request.exec.timeout.value, began};
  auto training = plan.spec.model.scope == "pooled" ? train_pooled(job) : train_symbols(job);
  if (cancel.stopped())
    return Error{Kind::interrupted, "interrupted while training; no result was written", outcome.run_dir,
                 fmt::format("the same spec with --run-dir {} starts it again", outcome.run_dir)};
  HY_TRY(Trained trained, std::move(training));
  append(outcome.failures, trained.failures);
  if (trained.forests.empty()) return nothing_left(outcome.failures);
  std::stable_sort(outcome.failures.begin(), outcome.failures.end(), [](const Finding& a, const Finding& b) { return a.symbol < b.symbol; });
  HY_CHECK(manifest.append_all(task_records(trained)));

  steps.begin("evaluate", int64_t(trained.forecast.num_rows()));
  HY_TRY(outcome.scores, score(trained.forecast, plan.spec.model.scope == "pooled", trained.train_rows));

  steps.begin("write");
  const auto path = [&](const char* name) { return outcome.run_dir + "/" + name; };
  HY_CHECK(io::write_table(path("predictions.parquet"), forecast_table(trained.forecast, panel.daily, panel.zone)));
  const Model model = model_of(plan, trained);
  HY_CHECK(io::write_file(path("model.hyt"), serialize(model)));
  HY_CHECK(io::write_file(path("metrics.json"), metrics_json(trained.forecast, outcome.scores)));
  HY_CHECK(io::write_file(path("failures.json"), failures_json(outcome.failures)));
  outcome.forecast = std::move(trained.forecast);
  steps.end();

  RunStats& stats = outcome.stats;
  stats.symbols = int64_t(panel.num_symbols() - trained.failures.size()), stats.failed = int64_t(outcome.failures.size());
  stats.rows = panel.num_rows(), stats.models = trained.num_models, stats.workers = workers;
  outcome.steps = steps.records();
  stats.wall_seconds = wall_seconds() - began, stats.cpu_seconds = cpu_seconds() - cpu_began, stats.peak_memory_bytes = peak_memory_bytes();
  HY_CHECK(io::write_file(path("report.html"), eval::render_report(report_data(request, plan, outcome, bars, trained, model))));
  HY_CHECK(io::write_file(path("events.jsonl"), events_jsonl(outcome.steps, trained.tasks, stats)));
  HY_CHECK(manifest.append("{\"record\":\"end\",\"stats\":" + stats_json(stats) + "}"));
  return outcome;
}

Result<RunStats> read_stats(const std::string& run_dir) {
  HY_TRY(const auto records, read_manifest(run_dir));
  if (!records.empty()) {
    HY_TRY(const io::Json last, io::parse_json(records.back(), run_dir + "/manifest"));
    if (const io::Json* counters = last.find("stats")) {
      const auto number = [&](const char* name) { return counters->find(name) ? counters->find(name)->number(0) : 0.0; };
      RunStats stats;
      stats.symbols = int64_t(number("symbols")), stats.failed = int64_t(number("failed")), stats.rows = int64_t(number("rows")),
      stats.models = int64_t(number("models"));
      stats.wall_seconds = number("wall_s"), stats.cpu_seconds = number("cpu_s"), stats.peak_memory_bytes = int64_t(number("peak_rss_bytes"));
      stats.workers = int(number("workers")), stats.cache_hits = int64_t(number("cache_hits"));
      return stats;
    }
  }
  return input_error("this run did not finish", run_dir, "run the same spec again with this --run-dir");
}

}  // namespace hayate::pipeline
