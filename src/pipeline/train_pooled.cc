// Scope "pooled": one model for the universe. Features of all symbols stand in one matrix, rows in the panel's order; folds
// are cut over the union of all dates, so that a date is on one side for every symbol. Trees are spread over the workers.
//
// Learners that see codes alone (trees with bins) never have the features as a table: every fold computes those of its own rows,
// a symbol at a time, and keeps their codes (see learn/bin_rows.cc). 500 symbols x 2,500 bars x 158 features, four fifths of them
// trained on: 0.4 GB for the whole process instead of 1.5. The others (linear ones, bins = exact, processors that are fitted, [tune])
// get a float32 table.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "base/clock.h"
#include "hayate/compiled.h"
#include "hayate/folds.h"
#include "hayate/learner.h"
#include "pipeline/costs.h"
#include "pipeline/decay.h"
#include "pipeline/feature_rows.h"
#include "pipeline/fold_table.h"
#include "pipeline/grown_piece.h"
#include "pipeline/label_span.h"
#include "pipeline/task_result.h"
#include "pipeline/trained.h"
#include "pipeline/tune_fold.h"

namespace hayate::pipeline {
namespace {

/// The union of all dates, and where each row stands in it.
struct Calendar {
  std::vector<int64_t> dates;    ///< ascending
  std::vector<int32_t> date_of;  ///< per panel row
};

Calendar calendar_of(const Panel& panel) {
  Calendar out;
  out.dates = panel.times;
  std::sort(out.dates.begin(), out.dates.end());
  out.dates.erase(std::unique(out.dates.begin(), out.dates.end()), out.dates.end());
  out.date_of.resize(panel.times.size());
  for (size_t row = 0; row < out.date_of.size(); ++row)
    out.date_of[row] = int32_t(std::lower_bound(out.dates.begin(), out.dates.end(), panel.times[row]) - out.dates.begin());
  return out;
}

/// Whether features flow into codes and are never a table.
bool flows(const Plan& plan) { return plan.scalers.empty() && !plan.study && learns_from_codes(plan.params); }

/// Labels of the whole panel, made when the first fold is not stored as it is, and features where they do not flow, made when the first has to
/// be trained.
struct PooledTable {
  std::vector<double> labels;  ///< per panel row
  std::vector<int64_t> ends;   ///< until when each label reads
  std::vector<float> values;   ///< column-major; empty when nothing has any more use for them
  std::optional<FoldTable> folds;
};

void compute_labels(const TrainJob& job, PooledTable& out) {
  const Panel& panel = job.panel;
  const size_t rows = size_t(panel.num_rows());
  out.labels.resize(rows);
  std::vector<Workspace> space(static_cast<size_t>(job.pool.workers()));
  job.steps.begin("compute", int64_t(panel.num_symbols()));
  job.pool.run(
      int64_t(panel.num_symbols()),
      [&](int64_t s, int worker) {
        evaluate(*job.plan.label_program, bars_of(*job.plan.label_program, panel, size_t(s)), space[size_t(worker)],
                 out.labels.data() + panel.offsets[size_t(s)], rows);
        job.steps.advance(1);
      },
      &job.cancel);
  if (!job.cancel.stopped()) out.ends = label_ends(*job.plan.label_program, panel);
}

void compute_features(const TrainJob& job, PooledTable& out) {
  const Panel& panel = job.panel;
  const size_t rows = size_t(panel.num_rows()), features = job.plan.features->num_outputs();
  const size_t stride = (rows + 15) / 16 * 16;  // whole lines: see evaluate_block
  out.values.resize(stride * features);
  std::vector<Workspace> space(static_cast<size_t>(job.pool.workers()));
  job.steps.begin("compute", int64_t(panel.num_symbols()));
  const auto blocks = symbol_blocks(*job.plan.features, panel.offsets, size_t(job.pool.workers()));
  job.pool.run(
      int64_t(blocks.size()),
      [&](int64_t b, int worker) {
        std::vector<Bars> bars;
        std::vector<float*> to;
        for (const size_t s : blocks[size_t(b)])
          bars.push_back(bars_of(*job.plan.features, panel, s)), to.push_back(out.values.data() + panel.offsets[s]);
        evaluate_block(*job.plan.features, bars, space[size_t(worker)], std::span<float* const>(to), stride);
        job.steps.advance(int64_t(blocks[size_t(b)].size()));
      },
      &job.cancel);
  job.steps.begin("bin");
  if (job.cancel.stopped()) return;
  out.folds.emplace(job.plan, FloatColumns{out.values.data(), int64_t(rows), int64_t(features), int64_t(stride), job.plan.features->names()},
                    panel.times);
  if (!out.folds->needs_values()) out.values = {};
}

/// 1 for every date position inside the ranges.
std::vector<uint8_t> mark(const std::vector<DateRange>& ranges, size_t num_dates) {
  std::vector<uint8_t> inside(num_dates, 0);
  for (const DateRange& range : ranges) std::fill(inside.begin() + range.begin, inside.begin() + range.end, uint8_t{1});
  return inside;
}

std::vector<int32_t> rows_on(const Calendar& calendar, const std::vector<DateRange>& ranges) {
  const std::vector<uint8_t> inside = mark(ranges, calendar.dates.size());
  std::vector<int32_t> rows;
  for (size_t row = 0; row < calendar.date_of.size(); ++row)
    if (inside[size_t(calendar.date_of[row])]) rows.push_back(int32_t(row));
  return rows;
}

/// Rows after a symbol's last label that no fold has tested: the last fold's model answers for them.
void add_newest(const Panel& panel, const std::vector<double>& labels, const std::vector<uint8_t>& tested, std::vector<int32_t>& test) {
  for (size_t s = 0; s < panel.num_symbols(); ++s)
    for (int64_t row = panel.offsets[s + 1] - 1; row >= panel.offsets[s] && !std::isfinite(labels[size_t(row)]); --row)
      if (!tested[size_t(row)]) test.push_back(int32_t(row));
  std::sort(test.begin(), test.end());
}

constexpr int64_t kForecastRows = 16'384;

struct FoldRows {
  std::vector<int32_t> train, test;  ///< of the panel, ascending
};

/// Trains on codes of the fold's own rows, and predicts its test rows.
Result<void> train_codes(const TrainJob& job, const Labels& all, std::span<const float> weights_of_all, const FoldRows& rows, TrainKey key,
                         TaskResult& out) {
  const Plan& plan = job.plan;
  const RowSource source = feature_rows(*plan.features, job.panel, job.pool, job.cancel);
  HY_TRY(BinnedMatrix matrix, bin_fold(plan.params, plan.problem, !weights_of_all.empty(), source, rows.train));
  job.steps.begin("train");
  std::vector<double> answers;
  std::vector<float> weights;
  std::vector<int32_t> groups;
  for (const int32_t row : rows.train) {
    answers.push_back(all.values[size_t(row)]);
    if (!weights_of_all.empty()) weights.push_back(weights_of_all[size_t(row)]);
    if (plan.problem == Problem::ranking) groups.push_back(all.groups[size_t(row)]);
  }
  Labels labels = Labels::numbers(answers);
  labels.problem = plan.problem, labels.groups = groups;
  HY_TRY(out.predictor, train_on_codes(plan.params, std::move(matrix), labels, weights, key, &job.pool, &job.cancel));
  job.steps.begin("predict", int64_t(rows.test.size()));
  out.prediction.resize(rows.test.size());
  const CompiledForest forest(std::get<Forest>(out.predictor));
  source.read(rows.test, [&](int64_t first, const FloatColumns& values, int) {
    forest.predict(values, std::span(out.prediction).subspan(size_t(first), size_t(values.num_rows)));
  });
  return {};
}

/// The same on the table of values.
Result<void> train_values(const TrainJob& job, const Labels& labels, std::span<const float> weights, const FoldRows& rows, TrainKey key,
                          FoldTable& table, TaskResult& out) {
  table.stop_with(&job.cancel);
  const FloatColumns of_fold = table.begin(rows.train, &job.pool);
  LearnerParams params = job.plan.params;
  if (job.plan.study) {
    job.steps.begin("tune");
    HY_TRY(TunedFold tuned, tune_fold(job.plan, of_fold, rows.train, labels.values, weights, job.panel.times, job.pool, job.cancel));
    params = std::move(tuned.params);
    out.tuned.push_back(std::move(tuned.chosen));
    job.steps.begin("bin");
  }
  HY_TRY(Trainer* const trainer, table.prepare(rows.train, params));
  job.steps.begin("train");
  HY_TRY(out.predictor, trainer->train(labels, weights, key, &job.pool, &job.cancel));
  job.steps.begin("predict", int64_t(rows.test.size()));
  out.prediction.resize(rows.test.size());
  job.pool.run(int64_t(rows.test.size() + kForecastRows - 1) / kForecastRows, [&](int64_t piece, int) {
    const size_t first = size_t(piece * kForecastRows), count = std::min<size_t>(size_t(kForecastRows), rows.test.size() - first);
    trainer->predict(out.predictor, std::span(rows.test).subspan(first, count), std::span(out.prediction).subspan(first, count));
  });
  out.fits = table.fits();
  return {};
}

/// Predicts rows of the panel with the models of an earlier run, whose features lie in no table: computed, scaled as its last fit says, predicted.
void predict_anew(const TrainJob& job, const std::vector<int32_t>& rows, TaskResult& result) {
  const Plan& plan = job.plan;
  job.steps.begin("predict", int64_t(rows.size()));
  result.prediction.resize(rows.size());
  std::vector<std::vector<float>> scaled(size_t(job.pool.workers()));
  feature_rows(*plan.features, job.panel, job.pool, job.cancel).read(rows, [&](int64_t first, const FloatColumns& values, int worker) {
    const auto out = std::span(result.prediction).subspan(size_t(first), size_t(values.num_rows));
    if (plan.scalers.empty()) return predict(result.predictor, values, out);
    std::vector<float>& copy = scaled[size_t(worker)];
    copy.resize(size_t(values.num_rows * values.num_features));
    for (int64_t f = 0; f < values.num_features; ++f) std::copy_n(values.column(f), values.num_rows, copy.data() + f * values.num_rows);
    apply_scalers(plan.scalers, result.fits, {copy.data(), values.num_rows, values.num_features, values.num_rows});
    predict(result.predictor, {copy.data(), values.num_rows, values.num_features, values.num_rows}, out);
  });
}

void label_rows(const std::vector<int32_t>& rows, size_t f, const std::vector<double>& labels, TaskResult& out) {
  out.rows.assign(rows.begin(), rows.end());
  out.fold.assign(rows.size(), int32_t(f));
  out.label.clear();
  for (const int32_t row : rows) out.label.push_back(labels[size_t(row)]);
}

/// All folds' rows in the panel's order.
Forecast forecast_of(const Panel& panel, const std::vector<TaskResult>& folds) {
  struct Place {
    int64_t row;
    size_t fold, index;
  };
  std::vector<Place> places;
  for (size_t f = 0; f < folds.size(); ++f)
    for (size_t i = 0; i < folds[f].rows.size(); ++i) places.push_back({folds[f].rows[i], f, i});
  std::sort(places.begin(), places.end(), [](const Place& a, const Place& b) { return a.row != b.row ? a.row < b.row : a.fold < b.fold; });
  Forecast out;
  size_t symbol = 0;
  for (const Place& place : places) {
    while (place.row >= panel.offsets[symbol + 1]) ++symbol;
    if (out.symbols.empty() || out.symbols.back() != panel.symbols[symbol]) out.symbols.push_back(panel.symbols[symbol]);
    out.symbol.push_back(int32_t(out.symbols.size()) - 1);
    out.fold.push_back(int32_t(place.fold));
    out.time.push_back(panel.times[size_t(place.row)]);
    out.label.push_back(folds[place.fold].label[place.index]);
    out.prediction.push_back(folds[place.fold].prediction[place.index]);
  }
  return out;
}

Result<TaskResult> train_fold(const TrainJob& job, const Calendar& calendar, PooledTable& table, size_t f, FoldRows rows) {
  const Plan& plan = job.plan;
  TaskResult out;
  std::erase_if(rows.train, [&](int32_t row) { return !std::isfinite(table.labels[size_t(row)]); });
  if (rows.train.empty())
    return input_error("no training row has a label", "fold " + std::to_string(f),
                       plan.label_program->has_cross_sections()
                           ? "a label over the symbols of a date needs two of them: leave out dates with one symbol"
                           : "give longer training windows, or bars that the label can be computed on");
  job.steps.begin("bin");
  Labels labels = Labels::numbers(table.labels);
  labels.problem = plan.problem, labels.groups = calendar.date_of;
  std::vector<float> weights;
  if (plan.spec.model.half_life > 0) weights = decayed_weights(days_of(job.panel.times, job.panel.daily), rows.train, plan.spec.model.half_life);
  const TrainKey key{uint64_t(plan.spec.model.seed), f};
  HY_CHECK(table.folds ? train_values(job, labels, weights, rows, key, *table.folds, out) : train_codes(job, labels, weights, rows, key, out));
  job.steps.end();
  label_rows(rows.test, f, table.labels, out);
  out.train_rows = {int64_t(rows.train.size())};
  return out;
}

/// Of all symbols and their bars: every fold of a pooled run depends on them.
Hash128 input_of(const TrainJob& job) {
  Hasher hasher;
  for (size_t s = 0; s < job.panel.num_symbols(); ++s) hasher.text(job.panel.symbols[s]).number(job.input_hash[s].low).number(job.input_hash[s].high);
  return hasher.finish();
}

/// For every fold a hash of all bars before its first test date, and of which symbols have bars from there on, whose newest training rows then reach
/// into the test (label_span.h): these decide its models (grown_piece.h). Empty where other bars do too. Every bar is gone through once: the hash
/// of a symbol's rows is looked at in passing.
std::vector<Hash128> hashes_before(const TrainJob& job, const Calendar& calendar, const std::vector<Fold>& folds) {
  if (!job.store_stays || !is_settled_by_its_past(job.plan) || has_cross_sections(job.plan.scalers)) return {};
  const Panel& panel = job.panel;
  std::vector<Hasher> before(folds.size());
  for (size_t s = 0; s < panel.num_symbols(); ++s) {
    std::vector<Hasher> columns(panel.fields.size() + 1);
    int64_t row = panel.offsets[s];
    for (size_t f = 0; f < folds.size(); ++f) {
      const auto from = calendar.date_of.begin();
      const int64_t end = std::lower_bound(from + row, from + panel.offsets[s + 1], int32_t(folds[f].test.front().begin)) - from;
      columns.back().bytes(panel.times.data() + row, size_t(end - row) * sizeof(int64_t));
      for (size_t c = 0; c < panel.fields.size(); ++c) columns[c].bytes(panel.values[c].data() + row, size_t(end - row) * sizeof(double));
      row = end;
      if (row == panel.offsets[s]) continue;
      before[f].text(panel.symbols[s]).number(uint64_t(row - panel.offsets[s])).number(row < panel.offsets[s + 1]);
      for (const Hasher& column : columns) before[f].number(column.finish().low).number(column.finish().high);
    }
  }
  std::vector<Hash128> out;
  for (Hasher& hasher : before) {
    for (const std::string& field : panel.fields) hasher.text(field);
    out.push_back(hasher.number(panel.daily).text(panel.zone).finish());
  }
  return out;
}

}  // namespace

Result<TaskBytes> pooled_bytes(const Plan& plan, const Panel& panel) {
  const int64_t rows = panel.num_rows(), features = int64_t(plan.expressions.size());
  int64_t longest = 0;
  for (size_t s = 0; s < panel.num_symbols(); ++s) longest = std::max(longest, panel.offsets[s + 1] - panel.offsets[s]);
  // A label, until when it reads, its date, whether it was tested, and the lists of a fold's rows.
  TaskBytes out{rows * (8 + 8 + 4 + 1 + 8), longest * features * 5 + longest * 8 * 64};
  if (!flows(plan)) {
    // A cell is a float32 value, then its rank (2 bytes below 65,536 rows, else
    // 4) and its place in the sorted values, then its codes.
    out.fixed += rows * features * (4 + (rows < 65'536 ? 2 : 4) + 4 + 2 + (plan.scalers.empty() ? 0 : 4) + (plan.study ? 14 : 0)) + rows * 48;
    return out;
  }
  SplitSpec split = plan.spec.split;
  split.purge_days = plan.purge_days;
  const Calendar calendar = calendar_of(panel);
  HY_TRY(const auto folds, make_folds(split, calendar.dates, panel.daily));
  std::vector<int64_t> rows_before(calendar.dates.size() + 1, 0);
  for (const int32_t date : calendar.date_of) ++rows_before[size_t(date) + 1];
  std::partial_sum(rows_before.begin(), rows_before.end(), rows_before.begin());
  const auto rows_in = [&](const std::vector<DateRange>& ranges) {
    int64_t count = 0;
    for (const DateRange& range : ranges) count += rows_before[size_t(range.end)] - rows_before[size_t(range.begin)];
    return count;
  };
  CodeBytes largest;
  int64_t tested = 0;
  for (const Fold& fold : folds) {
    const CodeBytes codes = code_bytes(plan.params, plan.problem, plan.spec.model.half_life > 0, rows_in(fold.train), features);
    largest.codes = std::max(largest.codes, codes.codes), largest.per_worker = std::max(largest.per_worker, codes.per_worker);
    tested += rows_in(fold.test);
  }
  // A predicted row is its place, fold, label and prediction; at the end, when there are no codes, the forecast and the table written too.
  out.fixed += std::max(largest.codes + tested * 28, tested * 100), out.each += largest.per_worker;
  return out;
}

Result<Trained> train_pooled(const TrainJob& job) {
  SplitSpec split = job.plan.spec.split;
  split.purge_days = job.plan.purge_days;
  const Calendar calendar = calendar_of(job.panel);
  HY_TRY(const auto folds, make_folds(split, calendar.dates, job.panel.daily));
  TaskInputs inputs = task_inputs(job.plan);
  inputs.bars = input_of(job);
  exec::CostModel costs(job.costs);
  const double fold_work = pooled_work(job.plan, job.panel.num_rows(), int64_t(calendar.dates.size())) / double(std::max<size_t>(1, folds.size()));
  const std::vector<Hash128> before = hashes_before(job, calendar, folds);
  PooledTable table;
  std::vector<uint8_t> tested(calendar.date_of.size(), 0);
  std::vector<TaskResult> results;
  std::string bytes;  // of the result that is stored

  Trained out;
  out.train_rows.emplace_back(), out.tuned.emplace_back();
  for (size_t f = 0; f < folds.size(); ++f) {
    TaskTrace trace;
    trace.step = "train", trace.key = "fold " + std::to_string(f), trace.begin = wall_seconds() - job.run_began;
    trace.input = inputs.bars, trace.result = task_key(inputs, trace.step, trace.key);
    FoldRows rows{{}, rows_on(calendar, folds[f].test)};
    for (const int32_t row : rows.test) tested[size_t(row)] = 1;
    FoldPiece piece{.begin = f, .end = f + 1, .key = trace.key, .result = trace.result, .models = {}};
    if (!before.empty()) {
      TaskInputs read = inputs;
      read.bars = before[f];
      piece.can_grow = true, piece.models = task_key(read, "models", trace.key);
    }
    auto stored = reuse(job.store, trace.result);
    if (stored) {
      trace.reused = true, trace.outcome = exec::Outcome::reused;
    } else {
      if (table.ends.empty()) compute_labels(job, table);
      if (job.cancel.stopped()) return out;
      if (f + 1 == folds.size()) add_newest(job.panel, table.labels, tested, rows.test);
      stored = piece.can_grow ? earlier_result(*job.store, piece) : std::nullopt;
      if (stored) {
        predict_anew(job, rows.test, *stored);
        if (job.cancel.stopped()) return out;
        label_rows(rows.test, f, table.labels, *stored);
        trace.new_rows = int64_t(rows.test.size());
      } else {
        if (!flows(job.plan) && !table.folds) compute_features(job, table);
        if (job.cancel.stopped()) return out;
        rows.train = rows_on(calendar, folds[f].train);
        drop_overlapping(rows.train, job.panel.times, table.ends, folds[f], calendar.dates);
        HY_TRY(stored, train_fold(job, calendar, table, f, std::move(rows)));
        costs.observe(fold_work, (wall_seconds() - job.run_began - trace.begin) * job.pool.workers());
      }
      if (job.store) HY_CHECK(store_result(*job.store, piece, *stored, trace.new_rows < 0, wall_seconds() - job.run_began - trace.begin, bytes));
    }
    results.push_back(std::move(*stored));
    trace.end = wall_seconds() - job.run_began;
    if (job.finished) HY_CHECK(job.finished(trace));
    out.train_rows[0].push_back(results.back().train_rows[0]);
    out.tuned[0].insert(out.tuned[0].end(), results.back().tuned.begin(), results.back().tuned.end());
    out.tasks.push_back(std::move(trace));
  }
  out.forecast = forecast_of(job.panel, results);
  out.keys = {""};
  out.predictors.push_back(std::move(results.back().predictor));
  out.fits.push_back(std::move(results.back().fits));
  out.num_models = int64_t(folds.size());
  out.costs = costs.fit();
  return out;
}

}  // namespace hayate::pipeline
