// Scope "pooled": one model for the universe. Features of all symbols stand in one matrix, rows in the panel's order; folds
// are cut over the union of all dates, so that a date is on one side for every symbol. Trees are spread over the workers.
#include <algorithm>
#include <cmath>

#include "base/clock.h"
#include "hayate/binned.h"
#include "hayate/folds.h"
#include "pipeline/trained.h"

namespace hayate::pipeline {
namespace {

struct PooledTable {
  std::vector<float> values;     ///< column-major, panel.num_rows() a column
  std::vector<double> labels;    ///< per panel row
  std::vector<int64_t> dates;    ///< union, ascending
  std::vector<int32_t> date_of;  ///< per panel row
};

PooledTable compute_all(const TrainJob& job) {
  const Panel& panel = job.panel;
  const size_t rows = size_t(panel.num_rows()), features = job.plan.features->num_outputs();
  PooledTable out;
  out.values.resize(rows * features);
  out.labels.resize(rows);
  std::vector<Workspace> feature_space(static_cast<size_t>(job.pool.workers())), label_space(static_cast<size_t>(job.pool.workers()));
  job.steps.begin("compute", int64_t(panel.num_symbols()));
  job.pool.run(
      int64_t(panel.num_symbols()),
      [&](int64_t s, int worker) {
        const auto begin = size_t(panel.offsets[size_t(s)]);
        evaluate(*job.plan.features, bars_of(*job.plan.features, panel, size_t(s)), feature_space[size_t(worker)], out.values.data() + begin, rows);
        evaluate(*job.plan.label_program, bars_of(*job.plan.label_program, panel, size_t(s)), label_space[size_t(worker)], out.labels.data() + begin,
                 rows);
        job.steps.advance();
      },
      &job.cancel);
  out.dates = panel.times;
  std::sort(out.dates.begin(), out.dates.end());
  out.dates.erase(std::unique(out.dates.begin(), out.dates.end()), out.dates.end());
  out.date_of.resize(rows);
  for (size_t row = 0; row < rows; ++row)
    out.date_of[row] = int32_t(std::lower_bound(out.dates.begin(), out.dates.end(), panel.times[row]) - out.dates.begin());
  return out;
}

/// 1 for every date position inside the ranges.
std::vector<uint8_t> mark(const std::vector<DateRange>& ranges, size_t num_dates) {
  std::vector<uint8_t> inside(num_dates, 0);
  for (const DateRange& range : ranges) std::fill(inside.begin() + range.begin, inside.begin() + range.end, uint8_t{1});
  return inside;
}

std::vector<int32_t> rows_on(const PooledTable& table, const std::vector<DateRange>& ranges, bool labelled_only) {
  const std::vector<uint8_t> inside = mark(ranges, table.dates.size());
  std::vector<int32_t> rows;
  for (size_t row = 0; row < table.date_of.size(); ++row)
    if (inside[size_t(table.date_of[row])] && (!labelled_only || std::isfinite(table.labels[row]))) rows.push_back(int32_t(row));
  return rows;
}

/// Rows after a symbol's last label that no fold has tested: the last fold's model answers for them.
void add_newest(const Panel& panel, const PooledTable& table, const std::vector<uint8_t>& tested, std::vector<int32_t>& test) {
  for (size_t s = 0; s < panel.num_symbols(); ++s)
    for (int64_t row = panel.offsets[s + 1] - 1; row >= panel.offsets[s] && !std::isfinite(table.labels[size_t(row)]); --row)
      if (!tested[size_t(row)]) test.push_back(int32_t(row));
  std::sort(test.begin(), test.end());
}

constexpr int64_t kPredictRows = 16'384;

void predict_rows(const TrainJob& job, const Forest& forest, const BinnedMatrix& matrix, const std::vector<int32_t>& rows, std::vector<double>& out) {
  out.resize(rows.size());
  job.pool.run(int64_t(rows.size() + kPredictRows - 1) / kPredictRows, [&](int64_t morsel, int) {
    const size_t begin = size_t(morsel * kPredictRows), count = std::min<size_t>(size_t(kPredictRows), rows.size() - begin);
    predict_codes(forest, matrix.columns(), std::span(rows).subspan(begin, count), std::span(out).subspan(begin, count));
  });
}

struct PredictedRow {
  int32_t row, fold;
  double prediction;
};

Forecast forecast_of(const Panel& panel, const PooledTable& table, std::vector<PredictedRow> rows) {
  std::sort(rows.begin(), rows.end(), [](const PredictedRow& a, const PredictedRow& b) { return a.row != b.row ? a.row < b.row : a.fold < b.fold; });
  Forecast out;
  size_t symbol = 0;
  for (const PredictedRow& predicted : rows) {
    while (predicted.row >= panel.offsets[symbol + 1]) ++symbol;
    if (out.symbols.empty() || out.symbols.back() != panel.symbols[symbol]) out.symbols.push_back(panel.symbols[symbol]);
    out.symbol.push_back(int32_t(out.symbols.size()) - 1);
    out.fold.push_back(predicted.fold);
    out.time.push_back(panel.times[size_t(predicted.row)]);
    out.label.push_back(table.labels[size_t(predicted.row)]);
    out.prediction.push_back(predicted.prediction);
  }
  return out;
}

}  // namespace

int64_t pooled_bytes(const Plan& plan, int64_t rows) {
  // A cell is a float32 value, then its rank (2 bytes below 65,536 rows, else 4) and its place in the sorted values, then its codes.
  return rows * int64_t(plan.expressions.size()) * (4 + (rows < 65'536 ? 2 : 4) + 4 + 2) + rows * 64;
}

Result<Trained> train_pooled(const TrainJob& job) {
  const Plan& plan = job.plan;
  PooledTable table = compute_all(job);
  SplitSpec split = plan.spec.split;
  split.purge_days = plan.purge_days;
  HY_TRY(const auto folds, make_folds(split, table.dates, job.panel.daily));

  Trained out;
  job.steps.begin("bin");
  const int64_t rows = job.panel.num_rows();
  const RankedMatrix ranked = rank_columns({table.values.data(), rows, int64_t(plan.features->num_outputs()), rows});
  table.values = {};
  out.train_rows.emplace_back();
  std::vector<PredictedRow> predicted;
  Forest last;
  std::vector<uint8_t> tested(size_t(rows), 0);
  for (size_t f = 0; f < folds.size(); ++f) {
    if (job.cancel.stopped()) return out;
    const std::string key = "fold " + std::to_string(f);
    const double began = wall_seconds() - job.run_began;
    job.steps.begin("bin");
    const std::vector<int32_t> train = rows_on(table, folds[f].train, true);
    std::vector<int32_t> test = rows_on(table, folds[f].test, false);
    for (const int32_t row : test) tested[size_t(row)] = 1;
    if (f + 1 == folds.size()) add_newest(job.panel, table, tested, test);
    HY_TRY(const BinnedMatrix matrix, bin_columns(ranked, train, int(plan.params.bins)));
    job.steps.begin("train", plan.params.num_trees);
    HY_TRY(last,
           train_forest(matrix, train, Labels::numbers(table.labels), {}, plan.params, uint64_t(plan.spec.model.seed), f, &job.pool, &job.cancel));
    job.steps.begin("predict", int64_t(test.size()));
    std::vector<double> prediction;
    predict_rows(job, last, matrix, test, prediction);
    job.steps.end();
    for (size_t i = 0; i < test.size(); ++i) predicted.push_back({test[i], int32_t(f), prediction[i]});
    out.train_rows[0].push_back(int64_t(train.size()));
    out.tasks.push_back({"fold", key, 0, began, wall_seconds() - job.run_began});
  }
  out.forecast = forecast_of(job.panel, table, std::move(predicted));
  out.keys = {""};
  out.forests.push_back(std::move(last));
  out.num_models = int64_t(folds.size());
  return out;
}

}  // namespace hayate::pipeline
