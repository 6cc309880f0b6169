#include "pipeline/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <mutex>

#include "base/clock.h"
#include "base/json.h"
#include "base/strings.h"
#include "cache/store.h"
#include "io/json_reader.h"
#include "io/writer.h"
#include "pipeline/manifest.h"
#include "pipeline/prepare.h"
#include "pipeline/run_files.h"
#include "pipeline/spec.h"
#include "pipeline/task_result.h"
#include "pipeline/trained.h"

namespace hayate::pipeline {
namespace {

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

/// What each symbol's task reads, as a hash, in the order of `panel`, whose symbols are some of those that were read: its own bars,
/// and with cross-sections those of every symbol beside it.
std::vector<Hash128> input_hashes(const io::BarsResult& bars, const Panel& panel, bool of_all) {
  std::vector<Hash128> out;
  Hasher all;
  size_t at = 0;
  for (const std::string& symbol : panel.symbols) {
    while (bars.bars.panel.symbols[at] != symbol) ++at;
    out.push_back(bars.input_hash[at]);
    all.text(symbol).number(out.back().low).number(out.back().high);
  }
  const Hash128 universe = all.finish();
  if (of_all)
    for (Hash128& hash : out) hash = Hasher().number(hash.low).number(hash.high).number(universe.low).number(universe.high).finish();
  return out;
}

std::string first_record(const RunRequest& request) {
  JsonWriter json;
  json.object().key("record").value("run").key("hayate").value(request.version).key("program").value(program_hash().hex());
  json.key("spec_hash").value(spec_hash(request.spec)).key("spec").value(spec_toml(request.spec)).key("exec").object();
  exec::ExecConfig exec = request.exec;
  for (const Field& field : fields_of(exec)) json.key(field.name).value(field.text());
  return json.end().end().text();
}

std::string inputs_record(const std::vector<Hash128>& hashes) {
  Hasher all;
  for (const Hash128& hash : hashes) all.number(hash.low).number(hash.high);
  return fmt::format("{{\"record\":\"inputs\",\"hash\":\"{}\"}}", all.finish().hex());
}

std::string task_record(const TaskTrace& task) {
  JsonWriter json;
  json.object().key("record").value("task").key("step").value(task.step).key("key").value(task.key);
  json.key("state").value(task.reused ? "reused" : "run").key("result").value(task.result.hex()).end();
  return json.text();
}

/// Records of one kind, parsed. A record that is no JSON is a defect of ours and is passed over.
std::vector<io::Json> records_called(const std::vector<std::string>& records, const std::string& kind) {
  std::vector<io::Json> out;
  for (const std::string& text : records) {
    auto json = io::parse_json(text, "manifest");
    const io::Json* name = json.ok() ? json.value().find("record") : nullptr;
    if (name && name->text() && *name->text() == kind) out.push_back(std::move(json.value()));
  }
  return out;
}

std::string text_of(const io::Json& json, std::string_view name) {
  const io::Json* member = json.find(name);
  return member && member->text() ? *member->text() : "";
}

/// A new manifest with its first records, or the old one when its inputs are still the same.
Result<Manifest> open_manifest(const RunRequest& request, const std::string& run_dir, const std::vector<Hash128>& hashes) {
  const std::string hash = spec_hash(request.spec), inputs = inputs_record(hashes);
  if (request.resume) {
    HY_TRY(const auto records, read_manifest(run_dir));
    const auto before = records_called(records, "inputs");
    if (!before.empty() && inputs.find(text_of(before[0], "hash")) == std::string::npos)
      return input_error("the bars are not those that this run began with", run_dir, "run the spec again with another --run-dir");
    return Manifest::resume(run_dir, hash);
  }
  return Manifest::begin(run_dir, hash, {first_record(request), inputs});
}

/// A run asks for each result once: keeping them in memory too would gain nothing.
constexpr cache::Bounds kRunBounds{0, cache::Bounds().folder};

/// Where a run without a shared cache stores the results of its tasks until it is finished.
std::string own_store(const std::string& run_dir) { return run_dir + "/tasks"; }

/// What a finished run has no more use for. An earlier process may have ended between its last record and this.
void tidy(const std::string& run_dir) {
  std::error_code ignored;
  std::filesystem::remove_all(own_store(run_dir), ignored);
  remove_unfinished(run_dir);
}

}  // namespace

std::string RunStats::line() const {
  return fmt::format("{} symbols in {}: {:.0f} symbols per second, {} cache hits, peak {}, speed-up {:.2f} on {} worker{}", symbols,
                     format_seconds(wall_seconds), symbols_per_second(), cache_hits, format_bytes(peak_memory_bytes), speed_up(), workers,
                     workers == 1 ? "" : "s");
}

namespace {

/// Bars that are fit to be learnt from, in the order in which they became so.
struct Prepared {
  io::BarsResult bars;  ///< as read
  Panel panel;          ///< without failed symbols, adjusted
  std::vector<Hash128> hashes;
};

/// Reads, compiles the plan against the columns, checks. Findings and messages go to `outcome`.
Result<Prepared> prepare(Plan& plan, const std::vector<std::string>& paths, const exec::ExecConfig& exec, exec::Pool& pool, exec::Steps& steps,
                         RunOutcome& outcome) {
  Prepared out;
  steps.begin("read", int64_t(paths.size()));
  HY_TRY(out.bars, io::read_bars(paths, pool));
  HY_CHECK(compile_plan(plan, out.bars.bars.panel.fields));

  steps.begin("check", int64_t(out.bars.bars.panel.num_symbols()));
  HY_TRY(CheckedBars checked, check_universe(out.bars.bars, plan.spec.universe.adjust));
  outcome.failures = std::move(checked.failures), outcome.warnings = std::move(checked.warnings);
  out.panel = std::move(checked.panel);
  out.hashes = input_hashes(out.bars, out.panel, plan.features->has_cross_sections() || plan.label_program->has_cross_sections());

  if (!plan.features->stages().empty() || !plan.label_program->stages().empty()) steps.begin("compute");
  HY_TRY(const bool vwap_added, prepare_bars(plan.spec.universe.adjust, {&*plan.features, &*plan.label_program}, out.panel, pool, exec));
  if (vwap_added) outcome.messages.emplace_back(kVwapAdded);
  if (!plan.scalers.empty() && plan.spec.features.fit == "all")
    outcome.messages.emplace_back("warning: fit = \"all\": processors are fitted on test rows too, so the test is no test");
  return out;
}

/// Trains every task on `pool`, with stored results and a record of each in the manifest.
Result<Trained> train(const Plan& plan, const Prepared& prepared, const RunRequest& request, exec::Pool& pool, exec::Steps& steps,
                      const exec::Cancellation& cancel, double began, cache::Store& store, Manifest& manifest, const std::string& run_dir) {
  std::mutex recording;
  const auto record = [&](const TaskTrace& task) {
    const std::lock_guard lock(recording);
    return manifest.append(task_record(task));
  };
  const TrainJob job{plan, prepared.panel, prepared.hashes, pool, steps, cancel, request.exec.timeout.value, began, &store, record};
  auto trained = plan.spec.model.scope == "pooled" ? train_pooled(job) : train_symbols(job);
  if (cancel.stopped()) return Error{Kind::interrupted, "interrupted; finished tasks are kept", run_dir, fmt::format("hayate resume {}", run_dir)};
  return trained;
}

}  // namespace

Result<RunOutcome> run(const RunRequest& request, exec::Steps& steps, const exec::Cancellation& cancel) {
  const double began = wall_seconds(), cpu_began = cpu_seconds();
  const std::string hash = spec_hash(request.spec);
  HY_TRY(Plan plan, make_plan(request.spec));
  RunOutcome outcome;
  outcome.run_dir = request.run_dir.empty() ? fmt::format("runs/{}-{}", timestamp_now(), hash.substr(0, 8)) : request.run_dir;
  HY_CHECK(Manifest::check(outcome.run_dir, hash));
  HY_TRY(const auto paths, io::expand_inputs(request.spec.universe.input));

  const int asked = exec::worker_count(request.exec);
  exec::Pool pool(asked);
  HY_TRY(Prepared prepared, prepare(plan, paths, request.exec, pool, steps, outcome));
  HY_TRY(const int workers, workers_that_fit(plan, prepared.panel, request.exec, asked));
  exec::Pool fewer(workers < asked ? workers : 1);

  HY_TRY(Manifest manifest, open_manifest(request, outcome.run_dir, prepared.hashes));
  const std::string shared = cache_folder(request.exec);
  HY_TRY(cache::Store store, cache::Store::open(shared.empty() ? own_store(outcome.run_dir) : shared, kRunBounds));
  HY_TRY(Trained trained, train(plan, prepared, request, workers < asked ? fewer : pool, steps, cancel, began, store, manifest, outcome.run_dir));
  outcome.failures.insert(outcome.failures.end(), trained.failures.begin(), trained.failures.end());
  if (trained.predictors.empty()) return nothing_left(outcome.failures);
  std::stable_sort(outcome.failures.begin(), outcome.failures.end(), [](const Finding& a, const Finding& b) { return a.symbol < b.symbol; });

  steps.begin("evaluate", int64_t(trained.forecast.num_rows()));
  HY_TRY(outcome.scores, score(trained.forecast, plan.spec.model.scope == "pooled", trained.train_rows));

  if (plan.spec.advice.rule != "none") {
    HY_TRY(outcome.advice, advise(plan.spec.advice, trained.forecast, prepared.panel));
  }

  steps.begin("write");
  const auto path = [&](const char* name) { return outcome.run_dir + "/" + name; };
  HY_CHECK(io::write_table(path("predictions.parquet"), forecast_table(trained.forecast, prepared.panel.daily, prepared.panel.zone)));
  const Model model = model_of(plan, trained);
  HY_CHECK(io::write_file(path("model.hyt"), serialize(model)));
  HY_CHECK(io::write_file(path("metrics.json"), metrics_json(trained.forecast, outcome.scores)));
  HY_CHECK(io::write_file(path("failures.json"), failures_json(outcome.failures)));
  if (!outcome.advice.empty()) HY_CHECK(io::write_file(path("advice.json"), advice_json(outcome.advice, prepared.panel)));
  outcome.forecast = std::move(trained.forecast);
  steps.end();
  outcome.steps = steps.records();

  RunStats& stats = outcome.stats;
  stats.symbols = int64_t(prepared.panel.num_symbols() - trained.failures.size()), stats.failed = int64_t(outcome.failures.size());
  stats.rows = prepared.panel.num_rows(), stats.models = trained.num_models, stats.workers = workers, stats.cache_hits = store.use().hits;
  stats.wall_seconds = wall_seconds() - began, stats.cpu_seconds = cpu_seconds() - cpu_began, stats.peak_memory_bytes = peak_memory_bytes();
  HY_CHECK(io::write_file(path("report.html"), eval::render_report(report_data(request, plan, outcome, prepared.bars, trained, model))));
  HY_CHECK(io::write_file(path("events.jsonl"), events_jsonl(outcome.steps, trained.tasks, stats)));
  HY_CHECK(manifest.append("{\"record\":\"end\",\"stats\":" + stats_json(stats) + "}"));
  HY_CHECK(manifest.sync());
  tidy(outcome.run_dir);
  return outcome;
}

std::string cache_folder(const exec::ExecConfig& exec) {
  if (exec.cache == "off") return "";
  return exec.cache.empty() ? cache::user_folder() : exec.cache;
}

Result<std::optional<RunRequest>> read_request(const std::string& run_dir) {
  HY_TRY(const auto records, read_manifest(run_dir));
  const auto first = records_called(records, "run");
  if (first.empty()) return input_error("the manifest of this run is damaged", run_dir + "/manifest", "run the spec again with another --run-dir");
  if (!records_called(records, "end").empty()) {
    if (const FolderLock lock = FolderLock::take(run_dir)) tidy(run_dir);
    return std::optional<RunRequest>();
  }
  if (text_of(first[0], "program") != program_hash().hex())
    return input_error(fmt::format("this run was begun by another build ({})", text_of(first[0], "hayate")), run_dir,
                       "finish it with that build, or run the spec again with another --run-dir");
  RunRequest request;
  HY_TRY(request.spec, parse_run_spec(text_of(first[0], "spec"), run_dir + "/manifest", nullptr));
  if (const io::Json* settings = first[0].find("exec"))
    for (Field& field : fields_of(request.exec))
      if (const std::string text = text_of(*settings, field.name); text != field.text()) HY_CHECK(field.set(text, run_dir + "/manifest", "manifest"));
  request.run_dir = run_dir;
  request.resume = true;
  return std::optional(std::move(request));
}

Result<std::vector<TaskRecord>> read_tasks(const std::string& run_dir) {
  HY_TRY(const auto records, read_manifest(run_dir));
  std::vector<TaskRecord> out;
  std::map<std::string, size_t> place;
  for (const io::Json& json : records_called(records, "task")) {
    TaskRecord task{text_of(json, "step"), text_of(json, "key"), text_of(json, "state"), ""};
    task.reason = task.state == "reused" ? "bars, expressions, params and program are those of a stored result"
                                         : "no stored result for these bars, expressions, params and program";
    // A resumed run tells of a task again: the last word counts.
    const auto [at, fresh] = place.try_emplace(task.step + " " + task.key, out.size());
    if (fresh)
      out.push_back(std::move(task));
    else
      out[at->second] = std::move(task);
  }
  return out;
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
