// The run of a spec: plan, read, check, train, evaluate, write. The only place that knows this order.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "exec/exec_config.h"
#include "exec/pool.h"
#include "exec/steps.h"
#include "hayate/error.h"
#include "hayate/panel.h"
#include "hayate/run.h"
#include "pipeline/advice.h"
#include "pipeline/forecast.h"

namespace hayate::pipeline {

struct RunRequest {
  RunSpec spec;
  exec::ExecConfig exec;
  std::string run_dir;  ///< empty: runs/<time>-<spec hash>
  std::string version;  ///< of hayate, for the report
  std::string folder;   ///< that relative paths began in, of a run that is resumed
  bool resume = false;  ///< go on in run_dir with what its manifest and stored results hold
};

/// Counters of a run, as its last manifest record and `hayate stats` have them.
struct RunStats {
  int64_t symbols = 0, failed = 0, rows = 0, models = 0;
  double wall_seconds = 0, cpu_seconds = 0;
  int64_t peak_memory_bytes = 0;
  int64_t memory_limit_bytes = 0;
  int workers = 1, io_workers = 1;
  int fewest_workers = 1;  ///< that pressure on the machine left with a task
  int64_t cache_hits = 0, cache_misses = 0, cache_damaged = 0;
  int64_t attempts = 0;                                 ///< at tasks
  double queue_seconds = 0, longest_queue_seconds = 0;  ///< that a task waited for a worker, on average and at most
  exec::PoolUse cpu_pool, io_pool;                      ///< wall and busy seconds

  /// Busy seconds of a pool over those that its workers had.
  static double busy_share(const exec::PoolUse& use, int workers) {
    return use.wall_seconds > 0 ? use.busy_seconds / (use.wall_seconds * workers) : 0;
  }
  double symbols_per_second() const { return wall_seconds > 0 ? double(symbols) / wall_seconds : 0; }
  /// Busy CPU over wall.
  double speed_up() const { return wall_seconds > 0 ? cpu_seconds / wall_seconds : 0; }
  /// "4 symbols in 0.8 s: 5 symbols per second, 0 cache hits, peak 120 MB, speed-up 1.9 on 2 workers"
  std::string line() const;
};

struct RunOutcome {
  std::string run_dir;
  Forecast forecast;
  Scores scores;
  std::vector<Advice> advice;  ///< per symbol of the forecast; empty without [advice]
  std::vector<Finding> failures, warnings;
  std::vector<std::string> messages;  ///< what a user should know: vwap computed, ...
  std::vector<exec::StepRecord> steps;
  RunStats stats;
};

/// Computes and writes the whole run folder. A symbol that fails is in `failures`; an Error only when nothing could be
/// done: a wrong spec, no readable bars, every symbol failed, no room on the disk, interrupted.
Result<RunOutcome> run(const RunRequest& request, exec::Steps& steps, const exec::Cancellation& cancel);

/// What the folder of an interrupted run asks for: its spec and its exec config. Nothing when it is finished. Errors (input):
/// no run there, or made by another build of hayate.
Result<std::optional<RunRequest>> read_request(const std::string& run_dir);

/// The counters of a finished run's folder.
Result<RunStats> read_stats(const std::string& run_dir);

/// A task as `hayate explain` lists it.
struct TaskRecord {
  std::string step, key, state, reason;  ///< state: "reused" or "run"
};
Result<std::vector<TaskRecord>> read_tasks(const std::string& run_dir);

/// The folder of stored results that the exec config means; "" for off.
std::string cache_folder(const exec::ExecConfig& exec);

}  // namespace hayate::pipeline
