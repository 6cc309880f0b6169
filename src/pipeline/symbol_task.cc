#include "pipeline/symbol_task.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <mutex>
#include <new>

#include "base/clock.h"
#include "features/evaluate_rows.h"
#include "hayate/learner.h"
#include "pipeline/costs.h"
#include "pipeline/decay.h"
#include "pipeline/label_span.h"
#include "pipeline/tune_fold.h"

namespace hayate::pipeline {
namespace {

/// Work of a piece (costs.h): 40 ms at 2 ns, the guess before anything was measured.
constexpr double kPieceWork = 20e6;
/// Work of a fold that is worth waking other workers for each of its steps.
constexpr double kLargeWork = 250e6;

std::vector<int32_t> rows_in(const std::vector<DateRange>& ranges) {
  std::vector<int32_t> rows;
  for (const DateRange& range : ranges)
    for (int64_t row = range.begin; row < range.end; ++row) rows.push_back(int32_t(row));
  return rows;
}

std::vector<int32_t> labelled(std::vector<int32_t> rows, std::span<const double> labels) {
  std::erase_if(rows, [&](int32_t row) { return !std::isfinite(labels[size_t(row)]); });
  return rows;
}

/// The newest rows have no label yet. Walk-forward blocks hold them already; other splits leave them to the last fold's model.
void add_newest(const std::vector<Fold>& folds, std::span<const double> labels, std::vector<int32_t>& test) {
  std::vector<uint8_t> tested(labels.size(), 0);
  for (const Fold& fold : folds)
    for (const DateRange& range : fold.test) std::fill(tested.begin() + range.begin, tested.begin() + range.end, uint8_t{1});
  size_t row = labels.size();
  while (row > 0 && !std::isfinite(labels[row - 1])) --row;
  for (; row < labels.size(); ++row)
    if (!tested[row]) test.push_back(int32_t(row));
}

/// Random numbers of a symbol's fold: keyed by names, so that other symbols and their order do not matter.
uint64_t entity_of(const std::string& symbol, size_t fold) { return checksum(symbol.data(), symbol.size()) + fold; }

Error stopped_error(const std::string& symbol) { return {Kind::interrupted, "training was stopped", symbol, "run it again"}; }

template <class T>
void append(std::vector<T>&& from, std::vector<T>& to) {
  if (to.empty())
    to = std::move(from);
  else
    to.insert(to.end(), from.begin(), from.end());
}

}  // namespace

PartSeconds& PartSeconds::operator+=(const PartSeconds& other) {
  compute += other.compute, bin += other.bin, train += other.train, predict += other.predict;
  return *this;
}

Result<SymbolFolds> folds_of_symbol(const Plan& plan, const Panel& panel, size_t symbol, const TaskInputs& inputs) {
  SplitSpec split = plan.spec.split;
  split.purge_days = plan.purge_days;
  const auto times = panel.series_times(symbol);
  SymbolFolds out;
  HY_TRY(out.folds, make_folds(split, times, panel.daily));
  const std::string& name = panel.symbols[symbol];
  const double each = symbol_work(plan, int64_t(times.size())) / double(out.folds.size());
  const auto together = std::max<size_t>(1, size_t(kPieceWork / each));
  const size_t pieces = (out.folds.size() + together - 1) / together;
  out.large = each > kLargeWork;
  for (size_t i = 0; i < pieces; ++i) {
    FoldPiece piece{i * out.folds.size() / pieces, (i + 1) * out.folds.size() / pieces, name, {}};
    if (pieces > 1) piece.key = fmt::format("{} folds {}-{}", name, piece.begin, piece.end - 1);
    piece.result = task_key(inputs, "train", piece.key);
    out.pieces.push_back(std::move(piece));
  }
  return out;
}

namespace {

/// What a space does is stopped with `cancel`, as long as this lives.
class Stopping {
 public:
  Stopping(Workspace& space, const exec::Cancellation& cancel) : space_(space) { space_.stop_with(&cancel); }
  ~Stopping() { space_.stop_with(nullptr); }
  Stopping(const Stopping&) = delete;
  Stopping& operator=(const Stopping&) = delete;

 private:
  Workspace& space_;
};

/// The same values from one worker or from many.
void compute_features(const Program& program, const Bars& bars, std::span<SymbolScratch> scratch, int own, exec::Pool* pool,
                      const exec::Cancellation& cancel, float* out, size_t stride, double& seconds) {
  std::mutex mutex;
  const auto timed = [&](int worker, auto&& work) {
    const double begin = thread_cpu_seconds();
    Workspace& space = scratch[size_t(worker)].features;
    const Stopping stopping(space, cancel);
    work(space);
    const std::lock_guard lock(mutex);
    seconds += thread_cpu_seconds() - begin;
  };
  const auto morsels = row_morsels(program, int64_t(bars.rows));
  if (!pool || morsels.size() == 1) return timed(own, [&](Workspace& space) { evaluate(program, bars, space, out, stride); });
  std::atomic<bool> out_of_memory = false;
  pool->run(int64_t(morsels.size()), [&](int64_t i, int worker) {
    try {
      const auto [begin, end] = morsels[size_t(i)];
      timed(worker, [&](Workspace& space) { evaluate_morsel(program, bars, begin, end, space, out, stride); });
    } catch (const std::bad_alloc&) {
      out_of_memory = true;  // told by the thread whose task it is
    }
  });
  if (out_of_memory) throw std::bad_alloc();
}

}  // namespace

SymbolTable compute_symbol(const Plan& plan, const Panel& panel, size_t symbol, std::span<const int64_t> ends, std::span<SymbolScratch> scratch,
                           int worker, exec::Pool* pool, const exec::Cancellation& cancel, PartSeconds& seconds) {
  SymbolScratch& own = scratch[size_t(worker)];
  const Bars bars = bars_of(*plan.features, panel, symbol);
  const size_t stride = (bars.rows + 15) / 16 * 16, features = plan.features->num_outputs();
  own.values.resize(stride * features);
  compute_features(*plan.features, bars, scratch, worker, pool, cancel, own.values.data(), stride, seconds.compute);
  const double begin = thread_cpu_seconds();
  own.labels.resize(bars.rows);
  const Stopping stopping(own.label, cancel);
  evaluate(*plan.label_program, bars_of(*plan.label_program, panel, symbol), own.label, own.labels.data(), bars.rows);
  seconds.compute += thread_cpu_seconds() - begin;
  return {symbol,
          {own.values.data(), int64_t(bars.rows), int64_t(features), int64_t(stride), plan.features->names()},
          own.labels,
          ends.subspan(size_t(panel.offsets[symbol]), bars.rows)};
}

Result<TaskResult> train_piece(const Plan& plan, const Panel& panel, const SymbolTable& table, const SymbolFolds& folds, const FoldPiece& piece,
                               FoldTable& folds_table, exec::Pool* pool, const exec::Cancellation& cancel, PartSeconds& seconds) {
  const std::string& symbol = panel.symbols[table.symbol];
  const auto times = panel.series_times(table.symbol);
  double mark = thread_cpu_seconds();
  const auto lap = [&mark](double& part) {
    const double now = thread_cpu_seconds();
    part += now - mark;
    mark = now;
  };
  TaskResult out;
  folds_table.stop_with(&cancel);
  for (size_t f = piece.begin; f < piece.end; ++f) {
    if (cancel.stopped()) return stopped_error(symbol);
    const Fold& fold = folds.folds[f];
    std::vector<int32_t> train = labelled(rows_in(fold.train), table.labels);
    drop_overlapping(train, times, table.ends, fold, times);
    std::vector<int32_t> test = rows_in(fold.test);
    if (f + 1 == folds.folds.size()) add_newest(folds.folds, table.labels, test);
    const FloatColumns of_fold = folds_table.begin(train, pool);
    const TrainKey key{uint64_t(plan.spec.model.seed), entity_of(symbol, f)};
    std::vector<float> weights;
    if (plan.spec.model.half_life > 0) weights = decayed_weights(days_of(times, panel.daily), train, plan.spec.model.half_life);
    LearnerParams params = plan.params;
    if (plan.study) {
      exec::Pool alone(1);
      HY_TRY(TunedFold tuned, tune_fold(plan, of_fold, train, table.labels, weights, times, pool ? *pool : alone, cancel));
      params = std::move(tuned.params);
      out.tuned.push_back(std::move(tuned.chosen));
    }
    HY_TRY(Trainer* const trainer, folds_table.prepare(train, params));
    lap(seconds.bin);
    HY_TRY(out.predictor, trainer->train(Labels::numbers(table.labels), weights, key, pool, &cancel));
    lap(seconds.train);
    const size_t begin = out.prediction.size();
    out.prediction.resize(begin + test.size());
    trainer->predict(out.predictor, test, std::span(out.prediction).subspan(begin));
    if (cancel.stopped()) return stopped_error(symbol);
    for (const int32_t row : test) {
      out.rows.push_back(row);
      out.fold.push_back(int32_t(f));
      out.label.push_back(table.labels[size_t(row)]);
    }
    out.train_rows.push_back(int64_t(train.size()));
    lap(seconds.predict);
  }
  out.fits = folds_table.fits();
  return out;
}

void append_piece(TaskResult&& piece, TaskResult& all) {
  append(std::move(piece.rows), all.rows), append(std::move(piece.fold), all.fold);
  append(std::move(piece.label), all.label), append(std::move(piece.prediction), all.prediction);
  append(std::move(piece.train_rows), all.train_rows), append(std::move(piece.tuned), all.tuned);
  all.fits = std::move(piece.fits), all.predictor = std::move(piece.predictor);
}

}  // namespace hayate::pipeline
