#include "pipeline/run.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/clock.h"
#include "base/strings.h"
#include "cache/store.h"
#include "io/writer.h"
#include "pipeline/commits.h"
#include "pipeline/costs.h"
#include "pipeline/prepared_run.h"
#include "pipeline/run_files.h"
#include "pipeline/run_records.h"
#include "pipeline/spec.h"
#include "pipeline/trained.h"

namespace hayate::pipeline {
namespace {

/// A run asks for each result once: keeping them in memory too would gain nothing.
constexpr cache::Bounds kRunBounds{0, cache::Bounds().folder};

/// A new manifest with its first records, or the old one when its inputs are still the same.
Result<Manifest> open_manifest(const RunRequest& request, const std::string& run_dir, const std::vector<Hash128>& hashes) {
  const std::string hash = spec_hash(request.spec);
  if (!request.resume) return Manifest::begin(run_dir, hash, {first_record(request), inputs_record(hashes)});
  HY_CHECK(check_inputs(run_dir, hashes));
  return Manifest::resume(run_dir, hash);
}

}  // namespace

std::string RunStats::line() const {
  return fmt::format("{} symbols in {}: {:.0f} symbols per second, {} cache hits, peak {}, speed-up {:.2f} on {} worker{}", symbols,
                     format_seconds(wall_seconds), symbols_per_second(), cache_hits, format_bytes(peak_memory_bytes), speed_up(), workers,
                     workers == 1 ? "" : "s");
}

namespace {

/// What everything after the first bar is done with.
struct Workshop {
  exec::Pool& pool;
  exec::Steps& steps;
  const exec::Cancellation& cancel;
  const MemoryShare& share;
  double began;
};

/// Trains every task, with stored results and a record of each in the manifest.
Result<Trained> train(const Plan& plan, const PreparedRun& prepared, const RunRequest& request, const Workshop& shop, cache::Store& store,
                      Manifest& manifest, Costs& costs, RunOutcome& outcome) {
  const LastInputs last(plan, store);
  Commits commits(store, manifest, last, exec::io_worker_count(request.exec));
  exec::Pressure pressure(shop.pool.workers(), shop.share.limit);
  TrainJob job{plan, prepared.panel, prepared.input_hash, shop.pool, shop.steps, shop.cancel, request.exec.timeout.value, shop.began, &store};
  job.finished = [&](const TaskTrace& task) { return commits.record(task); };
  job.store_stays = !cache_folder(request.exec).empty();
  job.costs = task_fit(costs, task_name(plan)), job.retries = exec::retries_of(request.exec);
  job.bytes = shop.share.limit - shop.share.fixed;
  if (request.exec.monitoring == "on") job.pressure = &pressure;
  auto trained = plan.spec.model.scope == "pooled" ? train_pooled(job) : train_symbols(job);
  if (shop.cancel.stopped())
    return Error{Kind::interrupted, "interrupted; finished tasks are kept", outcome.run_dir, fmt::format("hayate resume {}", outcome.run_dir)};
  if (!trained.ok() && trained.error().kind == Kind::io && cache_folder(request.exec).empty()) {
    Error error = trained.error();
    error.hint = fmt::format("mend that (room on the disk, say), then: hayate resume {}", outcome.run_dir);
    return error;
  }
  if (!trained.ok()) return trained;
  costs[task_name(plan)] = trained.value().costs;
  if (job.store_stays) HY_CHECK(last.write(trained.value().tasks, store));
  outcome.stats.io_pool = commits.io().use(), outcome.stats.io_workers = commits.io().workers();
  outcome.stats.fewest_workers = pressure.fewest();
  return trained;
}

void count(const PreparedRun& prepared, const Trained& trained, const cache::Store& store, const Workshop& shop, double cpu_began, RunStats& stats) {
  const cache::StoreUse use = store.use();
  const exec::PoolUse pool = shop.pool.use();
  stats.symbols = int64_t(prepared.panel.num_symbols() - trained.failures.size());
  stats.rows = prepared.panel.num_rows(), stats.models = trained.num_models, stats.workers = shop.pool.workers();
  stats.cache_hits = std::count_if(trained.tasks.begin(), trained.tasks.end(), [](const TaskTrace& task) { return task.reused; });
  stats.cache_misses = int64_t(trained.tasks.size()) - stats.cache_hits, stats.cache_damaged = use.damaged;
  stats.attempts = int64_t(trained.tasks.size()), stats.cpu_pool = pool, stats.memory_limit_bytes = shop.share.limit;
  for (const TaskTrace& task : trained.tasks) {
    stats.queue_seconds += task.wait / double(trained.tasks.size());
    stats.longest_queue_seconds = std::max(stats.longest_queue_seconds, task.wait);
  }
  stats.wall_seconds = wall_seconds() - shop.began, stats.cpu_seconds = cpu_seconds() - cpu_began, stats.peak_memory_bytes = peak_memory_bytes();
}

/// What the steps of this run took, for the next one. That it could not be kept is no reason to fail.
void learn(const PreparedRun& prepared, const RunOutcome& outcome, cache::Store& store, Costs& costs) {
  for (const exec::StepRecord& step : outcome.steps)
    if (step.name == "read" || step.name == "check" || step.name == "evaluate" || step.name == "write")
      learn_step(costs, step.name, prepared.panel.num_rows(), step.wall_seconds);
  (void)write_costs(store, costs);
}

/// The models, packed on all workers, go to their file from where they were packed: as one text of bytes they would be copied twice more.
Result<void> write_models(const Model& model, const std::string& path, exec::Pool& pool) {
  std::vector<PackedPredictor> packed(model.predictors.size());
  exec::run_all(int64_t(packed.size()), &pool, [&](int64_t i) { packed[size_t(i)] = pack(model.predictors[size_t(i)]); });
  HY_TRY(const auto file, io::AtomicFile::create(path));
  HY_CHECK(write_model(model, packed, [&file](std::string_view bytes) { return file->write(bytes.data(), bytes.size()); }));
  return file->publish();
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
  HY_TRY(PreparedRun prepared, prepare_run(plan, paths, request.exec, pool, steps, cancel));
  outcome.failures = std::move(prepared.failures), outcome.warnings = std::move(prepared.warnings), outcome.messages = std::move(prepared.messages);
  HY_TRY(const MemoryShare share, share_memory(plan, prepared.panel, request.exec, asked));
  exec::Pool fewer(share.workers < asked ? share.workers : 1);
  const Workshop shop{share.workers < asked ? fewer : pool, steps, cancel, share, began};

  HY_TRY(Manifest manifest, open_manifest(request, outcome.run_dir, prepared.input_hash));
  const std::string shared = cache_folder(request.exec);
  HY_TRY(cache::Store store, shared.empty() ? cache::Store::open_log(own_store(outcome.run_dir)) : cache::Store::open(shared, kRunBounds));
  Costs costs = read_costs(store);
  HY_TRY(Trained trained, train(plan, prepared, request, shop, store, manifest, costs, outcome));
  outcome.failures.insert(outcome.failures.end(), trained.failures.begin(), trained.failures.end());
  if (trained.predictors.empty()) return nothing_left(outcome.failures);
  std::stable_sort(outcome.failures.begin(), outcome.failures.end(), [](const Finding& a, const Finding& b) { return a.symbol < b.symbol; });
  outcome.stats.failed = int64_t(outcome.failures.size());

  steps.begin("evaluate", int64_t(trained.forecast.num_rows()));
  HY_TRY(outcome.scores, score(trained.forecast, plan.spec.model.scope == "pooled", trained.train_rows));

  if (plan.spec.advice.rule != "none") {
    HY_TRY(outcome.advice, advise(plan.spec.advice, trained.forecast, prepared.panel));
  }

  steps.begin("write");
  const auto path = [&](const char* name) { return outcome.run_dir + "/" + name; };
  HY_CHECK(io::write_table(path("predictions.parquet"), forecast_table(trained.forecast, prepared.panel.daily, prepared.panel.zone)));
  const Model model = model_of(plan, trained);
  HY_CHECK(write_models(model, path("model.hyt"), shop.pool));
  HY_CHECK(io::write_file(path("metrics.json"), metrics_json(trained.forecast, outcome.scores, trained.tuned, trained.keys,
                                                             plan.study ? plan.study->scoring.metric->name : "")));
  HY_CHECK(io::write_file(path("failures.json"), failures_json(outcome.failures)));
  if (!outcome.advice.empty()) HY_CHECK(io::write_file(path("advice.json"), advice_json(outcome.advice, prepared.panel)));
  outcome.forecast = std::move(trained.forecast);
  steps.end();
  outcome.steps = steps.records();
  if (!shared.empty()) {
    learn(prepared, outcome, store, costs);
    store.sync();
  }

  count(prepared, trained, store, shop, cpu_began, outcome.stats);
  HY_CHECK(io::write_file(path("report.html"), eval::render_report(report_data(request, plan, outcome, prepared.bars, trained, model))));
  if (request.exec.monitoring == "off") trained.tasks.clear();
  HY_CHECK(io::write_file(path("events.jsonl"), events_jsonl(outcome.steps, trained.tasks, outcome.stats)));
  HY_CHECK(manifest.append(end_record(outcome.stats)));
  HY_CHECK(manifest.sync());
  tidy_run_folder(outcome.run_dir);
  return outcome;
}

std::string cache_folder(const exec::ExecConfig& exec) {
  if (exec.cache == "off") return "";
  return exec.cache.empty() ? cache::user_folder() : exec.cache;
}

}  // namespace hayate::pipeline
