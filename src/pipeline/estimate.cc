#include "pipeline/estimate.h"

#include <algorithm>

#include "base/clock.h"
#include "hayate/folds.h"
#include "io/files.h"
#include "pipeline/costs.h"
#include "pipeline/prepared_run.h"
#include "pipeline/symbol_task.h"
#include "pipeline/task_result.h"
#include "pipeline/trained.h"

namespace hayate::pipeline {
namespace {

struct TaskSums {
  int64_t tasks = 0, reused = 0;
  double seconds = 0, longest = 0;
};

TaskSums symbol_tasks(const Plan& plan, const PreparedRun& prepared, const exec::CostFit& fit, const cache::Store* store) {
  TaskInputs inputs = task_inputs(plan);
  TaskSums out;
  for (size_t s = 0; s < prepared.panel.num_symbols(); ++s) {
    inputs.bars = prepared.input_hash[s];
    const auto folds = folds_of_symbol(plan, prepared.panel, s, inputs);
    if (!folds.ok()) continue;
    const std::vector<FoldPiece>& pieces = folds.value().pieces;
    const auto reused = std::count_if(pieces.begin(), pieces.end(), [&](const FoldPiece& piece) { return has_models(store, piece); });
    const auto tasks = int64_t(pieces.size());
    out.tasks += tasks, out.reused += reused;
    if (reused == tasks) continue;
    const double work = symbol_work(plan, int64_t(prepared.panel.series_times(s).size())) / double(tasks);
    const double seconds = fit.seconds(work * double(tasks - reused));
    out.seconds += seconds, out.longest = std::max(out.longest, seconds / double(tasks - reused));
  }
  return out;
}

Result<TaskSums> pooled_tasks(const Plan& plan, const Panel& panel, const exec::CostFit& fit) {
  std::vector<int64_t> dates = panel.times;
  std::sort(dates.begin(), dates.end());
  dates.erase(std::unique(dates.begin(), dates.end()), dates.end());
  SplitSpec split = plan.spec.split;
  split.purge_days = plan.purge_days;
  HY_TRY(const auto folds, make_folds(split, dates, panel.daily));
  TaskSums out;
  out.tasks = int64_t(folds.size());
  const double work = pooled_work(plan, panel.num_rows(), int64_t(dates.size())) / double(folds.size());
  out.seconds = fit.seconds(work) * double(folds.size());
  return out;
}

}  // namespace

Result<RunEstimate> estimate_run(const RunRequest& request, exec::Steps& steps) {
  HY_TRY(Plan plan, make_plan(request.spec));
  HY_TRY(const auto paths, io::expand_inputs(request.spec.universe.input));
  const int asked = exec::worker_count(request.exec);
  exec::Pool pool(asked);
  const double began = wall_seconds();
  HY_TRY(const PreparedRun prepared, prepare_run(plan, paths, request.exec, pool, steps, exec::Cancellation()));
  steps.end();
  const double prepared_seconds = wall_seconds() - began;
  const int64_t held = resident_bytes();
  HY_TRY(const MemoryShare share, share_memory(plan, prepared.panel, request.exec, asked));

  const std::string cache = cache_folder(request.exec);
  auto opened = cache.empty() ? Result<cache::Store>(input_error("", "", "")) : cache::Store::open(cache);
  cache::Store* const store = opened.ok() ? &opened.value() : nullptr;
  const Costs costs = store ? read_costs(*store) : Costs();
  const exec::CostFit fit = task_fit(costs, task_name(plan));
  const Panel& panel = prepared.panel;
  RunEstimate out;
  out.workers = share.workers, out.symbols = int64_t(panel.num_symbols()), out.rows = panel.num_rows();
  out.memory_limit_bytes = share.limit, out.learnt_from = fit.weight, out.peak_bytes = share.peak();
  TaskSums tasks;
  if (plan.spec.model.scope == "pooled") {
    HY_TRY(tasks, pooled_tasks(plan, panel, fit));
  } else {
    tasks = symbol_tasks(plan, prepared, fit, store);
  }
  const double train = std::max(tasks.seconds / share.workers, tasks.longest);
  out.steps = {{"read, check", int64_t(paths.size()), 0, prepared_seconds, held},
               {"train", tasks.tasks, tasks.reused, train, share.peak()},
               {"evaluate", panel.num_rows(), 0, step_fit(costs, "evaluate").seconds(double(panel.num_rows())), share.fixed},
               {"write", panel.num_rows(), 0, step_fit(costs, "write").seconds(double(panel.num_rows())), share.fixed}};
  for (const StepEstimate& step : out.steps) out.seconds += step.seconds;
  return out;
}

}  // namespace hayate::pipeline
