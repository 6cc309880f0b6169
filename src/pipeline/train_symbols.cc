// Scope "symbol": a task is one symbol from bars to predictions. Nothing of one symbol reaches another, so a bad symbol
// fails alone and the bytes do not depend on who computes what, or on which symbols are beside it.
#include <fmt/format.h>

#include <cmath>
#include <new>

#include "base/clock.h"
#include "base/hash.h"
#include "base/strings.h"
#include "hayate/folds.h"
#include "hayate/learner.h"
#include "pipeline/costs.h"
#include "pipeline/decay.h"
#include "pipeline/fold_table.h"
#include "pipeline/label_span.h"
#include "pipeline/task_result.h"
#include "pipeline/trained.h"
#include "pipeline/tune_fold.h"

namespace hayate::pipeline {
namespace {

/// CPU seconds of the parts of a task.
struct PartSeconds {
  double compute = 0, bin = 0, train = 0, predict = 0;
  PartSeconds& operator+=(const PartSeconds& other) {
    compute += other.compute, bin += other.bin, train += other.train, predict += other.predict;
    return *this;
  }
};

/// Buffers of one worker, reused from symbol to symbol.
struct Scratch {
  Workspace features, label;
  std::vector<float> values;
  std::vector<double> labels;
};

/// What became of one symbol.
struct SymbolSlot {
  TaskResult result;
  PartSeconds seconds;
  TaskTrace trace;                 ///< of the last attempt
  std::vector<TaskTrace> earlier;  ///< of those before
  std::optional<Finding> failure;
  std::optional<Error> fatal;  ///< concerns every symbol, so it ends the run
};

std::vector<int32_t> rows_in(const std::vector<DateRange>& ranges) {
  std::vector<int32_t> rows;
  for (const DateRange& range : ranges)
    for (int64_t row = range.begin; row < range.end; ++row) rows.push_back(int32_t(row));
  return rows;
}

std::vector<int32_t> labelled(std::vector<int32_t> rows, const std::vector<double>& labels) {
  std::erase_if(rows, [&](int32_t row) { return !std::isfinite(labels[size_t(row)]); });
  return rows;
}

FloatColumns compute_features(const Plan& plan, const Panel& panel, size_t symbol, Scratch& scratch) {
  const Bars bars = bars_of(*plan.features, panel, symbol);
  const size_t stride = (bars.rows + 15) / 16 * 16, features = plan.features->num_outputs();
  scratch.values.resize(stride * features);
  evaluate(*plan.features, bars, scratch.features, scratch.values.data(), stride);
  scratch.labels.resize(bars.rows);
  evaluate(*plan.label_program, bars_of(*plan.label_program, panel, symbol), scratch.label, scratch.labels.data(), bars.rows);
  return {scratch.values.data(), int64_t(bars.rows), int64_t(features), int64_t(stride), plan.features->names()};
}

/// The newest rows have no label yet. Walk-forward blocks hold them already; other splits leave them to the last fold's model.
void add_newest(const std::vector<uint8_t>& tested, const std::vector<double>& labels, std::vector<int32_t>& test) {
  size_t row = labels.size();
  while (row > 0 && !std::isfinite(labels[row - 1])) --row;
  for (; row < labels.size(); ++row)
    if (!tested[row]) test.push_back(int32_t(row));
}

/// Random numbers of a symbol's fold: keyed by names, so that other symbols and their order do not matter.
uint64_t entity_of(const std::string& symbol, size_t fold) { return checksum(symbol.data(), symbol.size()) + fold; }

Result<void> train_folds(const TrainJob& job, size_t symbol_index, const std::vector<Fold>& folds, const FloatColumns& values,
                         const std::vector<double>& labels, std::span<const int64_t> ends, const exec::Cancellation& cancel, PartSeconds& seconds,
                         TaskResult& out) {
  const Plan& plan = job.plan;
  const std::string& symbol = job.panel.symbols[symbol_index];
  const auto times = job.panel.series_times(symbol_index);
  double mark = thread_cpu_seconds();
  const auto lap = [&mark](double& part) {
    const double now = thread_cpu_seconds();
    part += now - mark;
    mark = now;
  };
  FoldTable table(plan, values, times);
  std::vector<uint8_t> tested(labels.size(), 0);
  for (size_t f = 0; f < folds.size(); ++f) {
    std::vector<int32_t> train = labelled(rows_in(folds[f].train), labels);
    drop_overlapping(train, times, ends, folds[f], times);
    std::vector<int32_t> test = rows_in(folds[f].test);
    for (const int32_t row : test) tested[size_t(row)] = 1;
    if (f + 1 == folds.size()) add_newest(tested, labels, test);
    const FloatColumns of_fold = table.begin(train, nullptr);
    const TrainKey key{uint64_t(plan.spec.model.seed), entity_of(symbol, f)};
    std::vector<float> weights;
    if (plan.spec.model.half_life > 0) weights = decayed_weights(days_of(times, job.panel.daily), train, plan.spec.model.half_life);
    LearnerParams params = plan.params;
    if (plan.study) {
      exec::Pool alone(1);
      HY_TRY(TunedFold tuned, tune_fold(plan, of_fold, train, labels, weights, times, alone, cancel));
      params = std::move(tuned.params);
      out.tuned.push_back(std::move(tuned.chosen));
    }
    HY_TRY(Trainer* const trainer, table.prepare(train, params));
    lap(seconds.bin);
    HY_TRY(out.predictor, trainer->train(Labels::numbers(labels), weights, key, nullptr, &cancel));
    lap(seconds.train);
    const size_t begin = out.prediction.size();
    out.prediction.resize(begin + test.size());
    trainer->predict(out.predictor, test, std::span(out.prediction).subspan(begin));
    for (const int32_t row : test) {
      out.rows.push_back(row);
      out.fold.push_back(int32_t(f));
      out.label.push_back(labels[size_t(row)]);
    }
    out.train_rows.push_back(int64_t(train.size()));
    lap(seconds.predict);
  }
  out.fits = table.fits();
  return {};
}

/// Trains one symbol anew. Errors: too few dates, no labels, interrupted or timed out.
Result<void> compute_symbol(const TrainJob& job, size_t symbol, const std::vector<int64_t>& ends, Scratch& scratch, const exec::Cancellation& cancel,
                            SymbolSlot& out) {
  SplitSpec split = job.plan.spec.split;
  split.purge_days = job.plan.purge_days;
  HY_TRY(const auto folds, make_folds(split, job.panel.series_times(symbol), job.panel.daily));
  const double begin = thread_cpu_seconds();
  const FloatColumns values = compute_features(job.plan, job.panel, symbol, scratch);
  out.seconds.compute = thread_cpu_seconds() - begin;
  const auto own_ends = std::span(ends).subspan(size_t(job.panel.offsets[symbol]), scratch.labels.size());
  return train_folds(job, symbol, folds, values, scratch.labels, own_ends, cancel, out.seconds, out.result);
}

/// Files an error where it belongs: a line of this symbol's, or the end of the run.
exec::Outcome file_error(const TrainJob& job, const exec::Cancellation& cancel, const Error& error, SymbolSlot& out) {
  const std::string& symbol = out.trace.key;
  if (cancel.timed_out() && !job.cancel.stopped()) {
    const std::string what = fmt::format("took longer than {}; a longer --timeout, fewer trees or fewer features", format_seconds(job.task_timeout));
    out.failure = Finding{symbol, "timeout", what, 0, "", ""};
    return exec::Outcome::timed_out;
  }
  if (error.kind == Kind::input)
    out.failure = Finding{symbol, "training", error.what + "; " + error.hint, 0, "", ""};
  else
    out.fatal = error;
  return exec::Outcome::failed;
}

Result<exec::Outcome> run_symbol(const TrainJob& job, size_t symbol, const std::vector<int64_t>& ends, Scratch& scratch,
                                 const exec::Cancellation& siblings, SymbolSlot& out) {
  exec::Outcome outcome = exec::Outcome::done;
  if (auto stored = reuse(job.store, out.trace.result)) {
    out.trace.reused = true, outcome = exec::Outcome::reused;
    out.result = std::move(*stored);
  } else {
    const exec::Cancellation cancel(siblings, job.task_timeout);
    const auto computed = compute_symbol(job, symbol, ends, scratch, cancel, out);
    if (!computed.ok()) return file_error(job, cancel, computed.error(), out);
    if (job.store) HY_CHECK(job.store->put({out.trace.result, serialize(out.result), wall_seconds() - job.run_began - out.trace.begin}));
  }
  out.trace.end = wall_seconds() - job.run_began;
  if (job.finished) HY_CHECK(job.finished(out.trace));
  return outcome;
}

/// One attempt at a symbol, whatever becomes of it.
exec::Outcome attempt_symbol(const TrainJob& job, const exec::Start& start, const std::vector<int64_t>& ends, Scratch& scratch,
                             const exec::Cancellation& siblings, SymbolSlot& out) {
  out.result = {}, out.seconds = {}, out.failure.reset();
  try {
    const auto outcome = run_symbol(job, size_t(start.task), ends, scratch, siblings, out);
    if (outcome.ok()) return outcome.value();
    out.fatal = outcome.error();
    return exec::Outcome::failed;
  } catch (const std::bad_alloc&) {
    out.result = {}, scratch = {};  // the next attempt begins with nothing held
    out.failure = Finding{out.trace.key, "memory", "needed more memory than there was; fewer --workers or a machine with more memory", 0, "", ""};
    return exec::Outcome::out_of_memory;
  }
}

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
  return predictor_bytes(plan.params, train_rows, int64_t(plan.expressions.size())) + rows * 40;
}

namespace {

/// What is known of every symbol's task before it begins. One whose result is stored is no work.
std::vector<exec::TaskGuess> guess_tasks(const TrainJob& job, std::vector<SymbolSlot>& slots) {
  TaskInputs inputs = task_inputs(job.plan);
  std::vector<exec::TaskGuess> out;
  for (size_t s = 0; s < slots.size(); ++s) {
    TaskTrace& trace = slots[s].trace;
    trace.step = "train", trace.key = job.panel.symbols[s], trace.input = inputs.bars = job.input_hash[s];
    trace.result = task_key(inputs, trace.step, trace.key);
    const auto rows = int64_t(job.panel.series_times(s).size());
    const bool stored = job.store && job.store->has(trace.result);
    out.push_back({stored ? 0 : symbol_work(job.plan, rows), job.bytes > 0 ? symbol_task_bytes(job.plan, rows) : 0});
  }
  return out;
}

}  // namespace

Result<Trained> train_symbols(const TrainJob& job) {
  const size_t symbols = job.panel.num_symbols();
  const std::vector<int64_t> ends = label_ends(*job.plan.label_program, job.panel);
  std::vector<SymbolSlot> slots(symbols);
  std::vector<Scratch> scratch(static_cast<size_t>(job.pool.workers()));
  exec::Schedule schedule(guess_tasks(job, slots), {job.pool.workers(), job.bytes, job.retries}, job.costs);
  exec::Cancellation siblings(job.cancel, 0);  // stopped by the first that finds that none can go on
  job.steps.begin("train", int64_t(symbols));
  const double began = wall_seconds();
  job.pool.run(schedule,
               [&](const exec::Start& start, int worker) {
                 SymbolSlot& slot = slots[size_t(start.task)];
                 if (start.attempt > 0) slot.earlier.push_back(slot.trace);
                 const double now = wall_seconds();
                 slot.trace.worker = worker, slot.trace.attempt = start.attempt;
                 slot.trace.begin = now - job.run_began, slot.trace.wait = now - began;
                 slot.trace.outcome = attempt_symbol(job, start, ends, scratch[size_t(worker)], siblings, slot);
                 slot.trace.end = wall_seconds() - job.run_began;
                 if (slot.fatal) siblings.stop();
                 job.steps.advance(1, slot.trace.reused);
                 return slot.trace.outcome;
               },
               &siblings, {job.pressure, [&](double seconds) { job.steps.expect(seconds); }});

  Trained out;
  if (job.cancel.stopped()) return out;
  for (const SymbolSlot& slot : slots)
    if (slot.fatal) return *slot.fatal;
  PartSeconds seconds;
  for (size_t s = 0; s < symbols; ++s) {
    SymbolSlot& slot = slots[s];
    seconds += slot.seconds;
    out.tasks.insert(out.tasks.end(), slot.earlier.begin(), slot.earlier.end());
    out.tasks.push_back(slot.trace);
    if (slot.failure)
      out.failures.push_back(*slot.failure);
    else
      append_forecast(job.panel, s, slot.result, out);
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
