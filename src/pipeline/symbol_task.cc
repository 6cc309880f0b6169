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

template <class T>
void append(std::vector<T>&& from, std::vector<T>& to) {
  if (to.empty())
    to = std::move(from);
  else
    to.insert(to.end(), from.begin(), from.end());
}

}  // namespace

Error stopped_error(const std::string& symbol) { return {Kind::interrupted, "training was stopped", symbol, "run it again"}; }

PartSeconds& PartSeconds::operator+=(const PartSeconds& other) {
  compute += other.compute, bin += other.bin, train += other.train, predict += other.predict;
  return *this;
}

namespace {

/// Bars of the first `rows` rows, as features and label read them: series across symbols are among them.
Hash128 hash_of_rows(const Panel& panel, size_t symbol, int64_t rows) {
  Hasher hasher;
  hasher.number(panel.daily).text(panel.zone).bytes(panel.series_times(symbol).data(), size_t(rows) * sizeof(int64_t));
  for (size_t f = 0; f < panel.fields.size(); ++f)
    hasher.text(panel.fields[f]).bytes(panel.series(int(f), symbol).data(), size_t(rows) * sizeof(double));
  return hasher.finish();
}

/// Folds that make some 40 ms together, counted by the first, so that where a piece ends does not move when bars are added.
size_t folds_together(const Plan& plan, const std::vector<Fold>& folds) {
  return std::max<size_t>(1, size_t(kPieceWork / symbol_work(plan, folds.front().test.back().end)));
}

}  // namespace

bool is_settled_by_its_past(const Plan& plan) {
  const bool fitted_on_all = !plan.scalers.empty() && plan.spec.features.fit == "all";
  return plan.spec.split.method != "combinatorial_purged" && !fitted_on_all;
}

bool has_models(const cache::Store* store, const FoldPiece& piece) {
  return store && (store->has(piece.result) || (piece.can_grow && store->has(piece.models)));
}

Result<SymbolFolds> folds_of_symbol(const Plan& plan, const Panel& panel, size_t symbol, const TaskInputs& inputs) {
  SplitSpec split = plan.spec.split;
  split.purge_days = plan.purge_days;
  const auto times = panel.series_times(symbol);
  SymbolFolds out;
  HY_TRY(out.folds, make_folds(split, times, panel.daily));
  const std::string& name = panel.symbols[symbol];
  const auto rows = int64_t(times.size());
  const size_t together = folds_together(plan, out.folds);
  const bool by_past = is_settled_by_its_past(plan) && !plan.label_program->has_cross_sections();  // where labels end is up to other symbols
  out.large = symbol_work(plan, rows) / double(out.folds.size()) > kLargeWork;
  for (size_t begin = 0; begin < out.folds.size(); begin += together) {
    FoldPiece piece{.begin = begin, .end = std::min(begin + together, out.folds.size()), .key = name, .result = {}, .models = {}};
    if (together < out.folds.size()) piece.key = fmt::format("{} folds {}-{}", name, piece.begin, piece.end - 1);
    const bool last = piece.end == out.folds.size();
    TaskInputs read = inputs;
    if (by_past && !last)
      read.bars = hash_of_rows(panel, symbol, std::min(rows, out.folds[piece.end - 1].test.back().end + plan.label_program->look_ahead()));
    piece.result = task_key(read, "train", piece.key);
    if (by_past && last) {
      read.bars = hash_of_rows(panel, symbol, out.folds.back().test.front().begin);
      piece.can_grow = true, piece.models = task_key(read, "models", piece.key);
    }
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

std::span<const double> symbol_labels(const Plan& plan, const Panel& panel, size_t symbol, SymbolScratch& scratch, const exec::Cancellation& cancel) {
  const Bars bars = bars_of(*plan.label_program, panel, symbol);
  scratch.labels.resize(bars.rows);
  const Stopping stopping(scratch.label, cancel);
  evaluate(*plan.label_program, bars, scratch.label, scratch.labels.data(), bars.rows);
  return scratch.labels;
}

std::vector<int32_t> test_rows(const SymbolFolds& folds, size_t f, std::span<const double> labels) {
  std::vector<int32_t> out = rows_in(folds.folds[f].test);
  if (f + 1 == folds.folds.size()) add_newest(folds.folds, labels, out);
  return out;
}

SymbolTable compute_symbol(const Plan& plan, const Panel& panel, size_t symbol, std::span<const int64_t> ends, std::span<SymbolScratch> scratch,
                           int worker, exec::Pool* pool, const exec::Cancellation& cancel, PartSeconds& seconds) {
  SymbolScratch& own = scratch[size_t(worker)];
  const Bars bars = bars_of(*plan.features, panel, symbol);
  const size_t stride = (bars.rows + 15) / 16 * 16, features = plan.features->num_outputs();
  own.values.resize(stride * features);
  compute_features(*plan.features, bars, scratch, worker, pool, cancel, own.values.data(), stride, seconds.compute);
  const double begin = thread_cpu_seconds();
  const std::span<const double> labels = symbol_labels(plan, panel, symbol, own, cancel);
  seconds.compute += thread_cpu_seconds() - begin;
  return {symbol,
          {own.values.data(), int64_t(bars.rows), int64_t(features), int64_t(stride), plan.features->names()},
          labels,
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
    const std::vector<int32_t> test = test_rows(folds, f, table.labels);
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
