// Scope "symbol": a task is one symbol from bars to predictions. Nothing of one symbol reaches another, so a bad symbol
// fails alone and the bytes do not depend on who computes what, or on which symbols are beside it. A long symbol's task is done
// in pieces (symbol_task.h), in which workers join that have no symbol left to begin.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <new>

#include "base/clock.h"
#include "base/strings.h"
#include "pipeline/costs.h"
#include "pipeline/grown_piece.h"
#include "pipeline/label_span.h"
#include "pipeline/symbol_task.h"
#include "pipeline/task_result.h"
#include "pipeline/trained.h"

namespace hayate::pipeline {
namespace {

/// What became of one symbol.
struct SymbolSlot {
  SymbolFolds folds;
  std::optional<Error> refused;     ///< it has too few dates for a fold
  std::vector<TaskTrace> pieces;    ///< of the last attempt, by piece
  std::vector<TaskResult> results;  ///< by piece
  PartSeconds seconds;
  TaskTrace trace;                 ///< of the last attempt
  std::vector<TaskTrace> earlier;  ///< of those before
  std::optional<Finding> failure;
  std::optional<Error> fatal;  ///< concerns every symbol, so it ends the run
};

/// What all attempts share.
struct Workplace {
  const TrainJob& job;
  const std::vector<int64_t> ends = label_ends(*job.plan.label_program, job.panel);
  std::vector<SymbolScratch> scratch = std::vector<SymbolScratch>(size_t(job.pool.workers()));
  exec::Cancellation siblings{job.cancel, 0};  ///< stopped by the first that finds that none can go on
  const double began = wall_seconds();

  double now() const { return wall_seconds() - job.run_began; }
};

/// One attempt at a symbol.
class SymbolAttempt {
 public:
  SymbolAttempt(Workplace& place, const exec::Start& start, int worker, exec::Pool& idle, SymbolSlot& slot)
      : place_(place), job_(place.job), start_(start), worker_(worker), idle_(idle), slot_(slot), cancel_(place.siblings, job_.task_timeout) {}

  exec::Outcome run() {
    begin();
    exec::Outcome outcome = exec::Outcome::reused;
    try {
      if (!error_) {
        reuse_pieces();
        if (!missing_.empty() && !error_) compute_pieces(), outcome = exec::Outcome::done;
      }
    } catch (const std::bad_alloc&) {
      out_of_memory_ = true;
    }
    if (out_of_memory_) outcome = file_shortage();
    if (error_) outcome = file(*error_);
    slot_.trace.end = place_.now(), slot_.trace.outcome = outcome, slot_.trace.reused = outcome == exec::Outcome::reused;
    return outcome;
  }

 private:
  void begin() {
    if (start_.attempt > 0) slot_.earlier.push_back(slot_.trace);
    slot_.seconds = {}, slot_.failure.reset(), error_ = slot_.refused;
    slot_.pieces.resize(slot_.folds.pieces.size()), slot_.results.resize(slot_.folds.pieces.size());
    started(worker_, slot_.trace);
  }

  void started(int worker, TaskTrace& trace) const {
    trace.worker = worker, trace.attempt = start_.attempt;
    trace.begin = place_.now(), trace.wait = wall_seconds() - place_.began;
  }

  void reuse_pieces() {
    for (size_t i = 0; i < slot_.folds.pieces.size(); ++i) {
      const FoldPiece& piece = slot_.folds.pieces[i];
      TaskTrace& trace = slot_.pieces[i];
      if (trace.end > 0) continue;  // done in an earlier attempt
      trace.step = slot_.trace.step, trace.key = piece.key, trace.input = slot_.trace.input, trace.result = piece.result;
      started(worker_, trace);
      auto stored = reuse(job_.store, piece.result);
      if (!stored) {
        if (!grow(i)) missing_.push_back(int64_t(i));
        if (error_) return;
        continue;
      }
      trace.reused = true, trace.outcome = exec::Outcome::reused;
      if (const auto done = finish(i, std::move(*stored)); !done.ok()) return fail(i, done.error());
    }
  }

  /// Goes on from a stored result with the same models and fewer bars; false where there is none.
  bool grow(size_t i) {
    const FoldPiece& piece = slot_.folds.pieces[i];
    auto earlier = job_.store_stays && piece.can_grow ? earlier_result(*job_.store, piece) : std::nullopt;
    if (!earlier) return false;
    const auto rows =
        grow_piece(job_.plan, job_.panel, size_t(start_.task), slot_.folds, piece, *earlier, place_.scratch[size_t(worker_)], cancel_, slot_.seconds);
    if (!rows.ok()) return fail(i, rows.error()), true;
    slot_.pieces[i].new_rows = rows.value();
    if (const auto done = keep(i, std::move(*earlier), worker_); !done.ok()) fail(i, done.error());
    return true;
  }

  void compute_pieces() {
    table_ = compute_symbol(job_.plan, job_.panel, size_t(start_.task), place_.ends, place_.scratch, worker_, start_.alone ? nullptr : &idle_,
                            cancel_, slot_.seconds);
    fold_tables_.resize(place_.scratch.size());
    const bool shared = !start_.alone && !slot_.folds.large && missing_.size() > 1;
    exec::Pool* const inside = slot_.folds.large && !start_.alone ? &idle_ : nullptr;
    if (shared)
      idle_.run(missing_, [&](int64_t piece, int worker) { attempt_piece(size_t(piece), worker, nullptr); });
    else
      for (const int64_t piece : missing_) attempt_piece(size_t(piece), worker_, inside);
  }

  /// Those that come after one that failed are left: of several the first is told, whoever did which.
  void attempt_piece(size_t piece, int worker, exec::Pool* pool) {
    if (failed_) return;
    try {
      const auto done = compute_piece(piece, worker, pool);
      if (!done.ok()) fail(piece, done.error());
    } catch (const std::bad_alloc&) {
      out_of_memory_ = failed_ = true;
    }
  }

  Result<void> compute_piece(size_t i, int worker, exec::Pool* pool) {
    auto& fold_table = fold_tables_[size_t(worker)];
    if (!fold_table) fold_table.emplace(job_.plan, table_.values, job_.panel.series_times(table_.symbol));
    started(worker, slot_.pieces[i]);
    PartSeconds seconds;
    HY_TRY(TaskResult result, train_piece(job_.plan, job_.panel, table_, slot_.folds, slot_.folds.pieces[i], *fold_table, pool, cancel_, seconds));
    {
      const std::lock_guard lock(mutex_);
      slot_.seconds += seconds;
    }
    return keep(i, std::move(result), worker);
  }

  /// Stores a result and is done with it.
  Result<void> keep(size_t i, TaskResult&& result, int worker) {
    const bool findable = job_.store_stays && slot_.pieces[i].new_rows < 0;  // models that were found stay where they are
    if (job_.store)
      HY_CHECK(store_result(*job_.store, slot_.folds.pieces[i], result, findable, place_.now() - slot_.pieces[i].begin,
                            place_.scratch[size_t(worker)].bytes));
    return finish(i, std::move(result));
  }

  /// Of a symbol only the last model is kept.
  Result<void> finish(size_t piece, TaskResult&& result) {
    slot_.results[piece] = std::move(result);
    if (piece + 1 < slot_.results.size()) slot_.results[piece].predictor = {};
    slot_.pieces[piece].end = place_.now();
    return job_.finished ? job_.finished(slot_.pieces[piece]) : Result<void>();
  }

  void fail(size_t piece, const Error& error) {
    const std::lock_guard lock(mutex_);
    if (!error_ || piece < failed_piece_) error_ = error, failed_piece_ = piece;
    failed_ = true;
  }

  /// Files an error where it belongs: a line of this symbol's, or the end of the run.
  exec::Outcome file(const Error& error) {
    const std::string& symbol = slot_.trace.key;
    if (cancel_.timed_out() && !job_.cancel.stopped()) {
      const std::string what =
          fmt::format("took longer than {}; a longer --timeout, fewer trees or fewer features", format_seconds(job_.task_timeout));
      slot_.failure = Finding{symbol, "timeout", what, 0, "", ""};
      return exec::Outcome::timed_out;
    }
    if (error.kind == Kind::input)
      slot_.failure = Finding{symbol, "training", error.what + "; " + error.hint, 0, "", ""};
    else if (!place_.siblings.stopped())  // else it is the echo of another's
      slot_.fatal = error, place_.siblings.stop();
    return exec::Outcome::failed;
  }

  exec::Outcome file_shortage() {
    place_.scratch[size_t(worker_)] = {};  // the next attempt begins with nothing held
    slot_.failure = Finding{slot_.trace.key, "memory", "needed more memory than there was; fewer --workers or a machine with more memory", 0, "", ""};
    return exec::Outcome::out_of_memory;
  }

  Workplace& place_;
  const TrainJob& job_;
  const exec::Start& start_;
  const int worker_;
  exec::Pool& idle_;
  SymbolSlot& slot_;
  const exec::Cancellation cancel_;
  SymbolTable table_;
  std::vector<int64_t> missing_;                       ///< pieces that have to be computed
  std::vector<std::optional<FoldTable>> fold_tables_;  ///< by worker
  std::mutex mutex_;                                   ///< of the seconds and the error
  std::atomic<bool> failed_{false}, out_of_memory_{false};
  std::optional<Error> error_;
  size_t failed_piece_ = 0;
};

/// Rows of all symbols in the panel's order, which is that of their names.
void append_forecast(const Panel& panel, size_t symbol, TaskResult& result, Trained& out) {
  Forecast& all = out.forecast;
  const int32_t number = int32_t(all.symbols.size());
  all.symbols.push_back(panel.symbols[symbol]);
  const auto times = panel.series_times(symbol);
  for (size_t i = 0; i < result.rows.size(); ++i) {
    all.symbol.push_back(number);
    all.fold.push_back(result.fold[i]);
    all.time.push_back(times[size_t(result.rows[i])]);
    all.label.push_back(result.label[i]);
    all.prediction.push_back(result.prediction[i]);
  }
  out.keys.push_back(panel.symbols[symbol]);
  out.predictors.push_back(std::move(result.predictor));
  out.fits.push_back(std::move(result.fits));
  out.num_models += int64_t(result.train_rows.size());
  out.train_rows.push_back(std::move(result.train_rows));
  out.tuned.push_back(std::move(result.tuned));
}

}  // namespace

int64_t symbol_task_bytes(const Plan& plan, int64_t rows) {
  // float32 value, u16 rank and sorted float32 of every cell, its code in two
  // layouts, and scratch of the evaluator.
  return rows * int64_t(plan.expressions.size()) * (4 + 2 + 4 + 2 + (plan.scalers.empty() ? 0 : 4) + (plan.study ? 14 : 0)) + rows * 8 * 64;
}

int64_t symbol_result_bytes(const Plan& plan, int64_t rows) {
  const int64_t train_rows = std::min(rows, plan.spec.split.train_days);
  // A predicted row stands in its task's result, in the forecast of all, and at the end in the table that is written.
  return predictor_bytes(plan.params, train_rows, int64_t(plan.expressions.size())) + rows * 100;
}

namespace {

/// What is known of every symbol's task before it begins. Pieces whose results are stored are no work.
std::vector<exec::TaskGuess> guess_tasks(const TrainJob& job, std::vector<SymbolSlot>& slots) {
  TaskInputs inputs = task_inputs(job.plan);
  std::vector<exec::TaskGuess> out;
  for (size_t s = 0; s < slots.size(); ++s) {
    SymbolSlot& slot = slots[s];
    slot.trace.step = "train", slot.trace.key = job.panel.symbols[s], slot.trace.input = inputs.bars = job.input_hash[s];
    auto folds = folds_of_symbol(job.plan, job.panel, s, inputs);
    if (!folds.ok()) {
      slot.refused = folds.error();
      out.push_back({0, 0});
      continue;
    }
    slot.folds = std::move(folds.value());
    const auto rows = int64_t(job.panel.series_times(s).size());
    const auto pieces = int64_t(slot.folds.pieces.size());
    const auto missing = pieces - std::count_if(slot.folds.pieces.begin(), slot.folds.pieces.end(),
                                                [&](const FoldPiece& piece) { return has_models(job.store, piece); });
    out.push_back({symbol_work(job.plan, rows) * double(missing) / double(pieces), job.bytes > 0 ? symbol_task_bytes(job.plan, rows) : 0,
                   slot.folds.large ? INT64_MAX : missing});
  }
  return out;
}

}  // namespace

Result<Trained> train_symbols(const TrainJob& job) {
  const size_t symbols = job.panel.num_symbols();
  std::vector<SymbolSlot> slots(symbols);
  exec::Schedule schedule(guess_tasks(job, slots), {job.pool.workers(), job.bytes, job.retries}, job.costs);
  job.steps.begin("train", int64_t(symbols));
  Workplace place{job};
  job.pool.run(schedule,
               [&](const exec::Start& start, int worker, exec::Pool& idle) {
                 const exec::Outcome outcome = SymbolAttempt(place, start, worker, idle, slots[size_t(start.task)]).run();
                 job.steps.advance(1, outcome == exec::Outcome::reused);
                 return outcome;
               },
               &place.siblings, {job.pressure, [&](double seconds) { job.steps.expect(seconds); }});

  Trained out;
  if (job.cancel.stopped()) return out;
  for (const SymbolSlot& slot : slots)
    if (slot.fatal) return *slot.fatal;
  PartSeconds seconds;
  for (size_t s = 0; s < symbols; ++s) {
    SymbolSlot& slot = slots[s];
    seconds += slot.seconds;
    out.tasks.insert(out.tasks.end(), slot.earlier.begin(), slot.earlier.end());
    if (slot.failure) {
      out.tasks.push_back(slot.trace);
      out.failures.push_back(*slot.failure);
      continue;
    }
    out.tasks.insert(out.tasks.end(), slot.pieces.begin(), slot.pieces.end());
    TaskResult all;
    for (TaskResult& piece : slot.results) append_piece(std::move(piece), all);
    append_forecast(job.panel, s, all, out);
  }
  out.costs = schedule.learnt();
  const int64_t trained = int64_t(out.keys.size());
  job.steps.end_as({{"compute", seconds.compute, trained},
                    {"bin", seconds.bin, out.num_models},
                    {"train", seconds.train, out.num_models},
                    {"predict", seconds.predict, out.num_models}});
  return out;
}

}  // namespace hayate::pipeline
