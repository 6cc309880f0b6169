// What training gives, whichever scope it had.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cache/store.h"
#include "exec/pool.h"
#include "exec/pressure.h"
#include "exec/schedule.h"
#include "exec/steps.h"
#include "hayate/model.h"
#include "hayate/panel.h"
#include "pipeline/forecast.h"
#include "pipeline/plan.h"

namespace hayate::pipeline {

/// One task on one worker, in seconds since the start of the run.
struct TaskTrace {
  std::string step, key;
  int worker = 0;
  double begin = 0, end = 0;
  double wait = 0;  ///< from the first moment when it could have begun
  int attempt = 0;  ///< 0: the first
  bool reused = false;
  exec::Outcome outcome = exec::Outcome::done;
  int64_t new_rows = -1;  ///< predicted with models that were stored (grown_piece.h); -1: everything was computed, or reused
  Hash128 input;          ///< of the bars that it reads
  Hash128 result;         ///< the key of its stored result
};

struct Trained {
  Forecast forecast;
  std::vector<std::string> keys;                 ///< per model: its symbol, or "" when pooled
  std::vector<Predictor> predictors;             ///< of the last fold
  std::vector<std::vector<double>> fits;         ///< of the same folds: what scale_fold returned
  std::vector<std::vector<int64_t>> train_rows;  ///< [symbol of the forecast, or 0 when pooled][fold]
  std::vector<std::vector<TunedParams>> tuned;   ///< the same of what [tune] found; empty lists without
  std::vector<Finding> failures;
  std::vector<TaskTrace> tasks;  ///< every attempt
  int64_t num_models = 0;        ///< of all folds, reused ones too
  exec::CostFit costs;           ///< of its tasks, with what this run taught
};

/// What both scopes are given. `run_began` is wall_seconds() at the start of the run.
struct TrainJob {
  const Plan& plan;
  const Panel& panel;
  const std::vector<Hash128>& input_hash;  ///< per symbol of the panel: of its bars
  exec::Pool& pool;
  exec::Steps& steps;
  const exec::Cancellation& cancel;
  double task_timeout;  ///< seconds; 0: none
  double run_began;
  cache::Store* store = nullptr;  ///< results to reuse and to add to; null: none
  bool store_stays = false;       ///< it outlives the run, so what a later run can go on from is worth storing
  /// Told of every finished task, from any worker, one at a time; an Error ends the run.
  std::function<Result<void>(const TaskTrace&)> finished = {};
  exec::CostFit costs = {};  ///< what is known of its tasks
  exec::Retries retries = {};
  int64_t bytes = 0;                   ///< for all tasks in hand; 0: no limit
  exec::Pressure* pressure = nullptr;  ///< null: not watched
};

/// Both return early, with what they have, once `cancel` says stop.
/// One model per symbol: features, folds, training and prediction of a symbol are one task.
Result<Trained> train_symbols(const TrainJob& job);
/// One model for the universe, folds over the union of all dates.
Result<Trained> train_pooled(const TrainJob& job);

/// Bytes that one worker needs for a symbol of `rows` rows, and that a finished symbol leaves behind.
int64_t symbol_task_bytes(const Plan& plan, int64_t rows);
int64_t symbol_result_bytes(const Plan& plan, int64_t rows);
/// What training one model for the universe holds beside the bars, and beside that per worker. Errors: those of make_folds().
struct TaskBytes {
  int64_t fixed = 0, each = 0;
};
Result<TaskBytes> pooled_bytes(const Plan& plan, const Panel& panel);

}  // namespace hayate::pipeline
