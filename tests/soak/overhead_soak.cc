// What the machinery of a run costs: the main job's tasks in a plain loop over the same functions, by the scheduler, and by the
// scheduler with manifest, stored results and group commit, in turns.  overhead_soak SPEC.toml FOLDER ROUNDS
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "io/files.h"
#include "pipeline/commits.h"
#include "pipeline/label_span.h"
#include "pipeline/prepared_run.h"
#include "pipeline/run_records.h"
#include "pipeline/spec.h"
#include "pipeline/symbol_task.h"

using namespace hayate;
using namespace hayate::pipeline;
namespace fs = std::filesystem;

namespace {

constexpr double kAllowed = 1.03;

struct Cost {
  double wall = 0, cpu = 0;
};

Cost measure(const std::function<void()>& work) {
  const double wall = wall_seconds(), cpu = cpu_seconds();
  work();
  return {wall_seconds() - wall, cpu_seconds() - cpu};
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

struct Job {
  Plan plan;
  PreparedRun prepared;
  std::string folder;

  /// Every symbol's task by the functions that do it, longest first, and nothing else.
  void plain_loop(exec::Pool& pool) const {
    const Panel& panel = prepared.panel;
    const std::vector<int64_t> ends = label_ends(*plan.label_program, panel);
    TaskInputs inputs = task_inputs(plan);
    std::vector<double> rows;
    for (size_t s = 0; s < panel.num_symbols(); ++s) rows.push_back(double(panel.series_times(size_t(s)).size()));
    std::vector<SymbolScratch> scratch(size_t(pool.workers()));
    std::vector<TaskResult> results(panel.num_symbols());
    const exec::Cancellation never;
    pool.run(exec::longest_first(rows), [&](int64_t s, int worker) {
      const auto folds = folds_of_symbol(plan, panel, size_t(s), inputs);
      if (!folds.ok()) return;
      PartSeconds seconds;
      const SymbolTable table = compute_symbol(plan, panel, size_t(s), ends, scratch, worker, nullptr, never, seconds);
      FoldTable fold_table(plan, table.values, panel.series_times(size_t(s)));
      for (const FoldPiece& piece : folds.value().pieces) {
        auto result = train_piece(plan, panel, table, folds.value(), piece, fold_table, nullptr, never, seconds);
        if (result.ok()) append_piece(std::move(result.value()), results[size_t(s)]);
      }
    });
  }

  void scheduled(exec::Pool& pool, cache::Store* store, std::function<Result<void>(const TaskTrace&)> finished) const {
    exec::Steps steps;
    const exec::Cancellation never;
    TrainJob job{plan, prepared.panel, prepared.input_hash, pool, steps, never, 0, wall_seconds(), store};
    job.finished = std::move(finished);
    if (!train_symbols(job).ok()) std::abort();
  }

  void recorded(exec::Pool& pool) const {
    auto manifest = Manifest::begin(folder, "0", {inputs_record(prepared.input_hash)});
    auto store = cache::Store::open_log(own_store(folder));
    if (!manifest.ok() || !store.ok()) std::abort();
    const LastInputs last(plan, store.value());
    Commits commits(store.value(), manifest.value(), last, 2);
    scheduled(pool, &store.value(), [&](const TaskTrace& task) { return commits.record(task); });
  }
};

/// Rounds of all three in turns; prints medians of each over the plain loop of its round, and the seconds of CPU that manifest and
/// store add to the scheduler's. False when the scheduler's CPU seconds exceed what is allowed.
bool compare(const Job& job, int workers, int rounds) {
  exec::Pool pool(workers);
  const std::function<void()> ways[] = {[&] { job.plain_loop(pool); }, [&] { job.scheduled(pool, nullptr, {}); }, [&] { job.recorded(pool); }};
  for (const auto& way : ways) way(), fs::remove_all(job.folder);
  std::vector<double> wall[3], cpu[3], added;
  for (int round = 0; round < rounds; ++round) {
    Cost costs[3];
    for (int at = 0; at < 3; ++at) {
      costs[(at + round) % 3] = measure(ways[(at + round) % 3]);
      fs::remove_all(job.folder);
    }
    for (int way = 0; way < 3; ++way) wall[way].push_back(costs[way].wall / costs[0].wall), cpu[way].push_back(costs[way].cpu / costs[0].cpu);
    added.push_back(costs[2].cpu - costs[1].cpu);
    if (round == 0)
      fmt::print("{} worker{}: a plain loop takes {:.2f} s, {:.2f} s of CPU\n", workers, workers == 1 ? "" : "s", costs[0].wall, costs[0].cpu);
  }
  const char* names[] = {"plain loop", "scheduled", "scheduled, recorded, stored"};
  for (int way = 1; way < 3; ++way) fmt::print("| {} | {} | {:.3f} | {:.3f} |\n", names[way], workers, median(wall[way]), median(cpu[way]));
  fmt::print("added {} {:.4f}\n", workers, median(added));
  return median(cpu[1]) <= kAllowed;
}

bool schedule_is_cheap() {
  constexpr int64_t kTasks = 1'000'000;
  exec::Pool pool(1);
  exec::Schedule schedule(std::vector<exec::TaskGuess>(kTasks, exec::TaskGuess{1, 0}), {1, 0, {}});
  const double seconds = measure([&] { pool.run(schedule, [](const exec::Start&, int, exec::Pool&) { return exec::Outcome::done; }); }).cpu;
  fmt::print("a task takes {:.0f} ns to schedule\n", 1e9 * seconds / double(kTasks));
  return seconds <= 1e-6 * double(kTasks);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return fmt::print("usage: overhead_soak SPEC.toml FOLDER ROUNDS\n"), 2;
  keep_freed_memory();  // as the command does
  exec::ExecConfig config;
  const auto spec = read_run_spec(argv[1], &config);
  auto plan = spec.ok() ? make_plan(spec.value()) : Result<Plan>(spec.error());
  if (!plan.ok()) return fmt::print("{}\n", plan.error().what), 1;
  Job job{std::move(plan.value()), {}, argv[2]};
  exec::Pool pool(1);
  exec::Steps steps;
  auto prepared = prepare_run(job.plan, io::expand_inputs(job.plan.spec.universe.input).value(), config, pool, steps, exec::Cancellation());
  if (!prepared.ok()) return fmt::print("{}\n", prepared.error().what), 1;
  job.prepared = std::move(prepared.value());
  const int rounds = std::atoi(argv[3]);
  const bool one = compare(job, 1, rounds), two = compare(job, 2, rounds);
  return schedule_is_cheap() && one && two ? 0 : 1;
}
