#include "pipeline/grown_piece.h"

#include <cstring>
#include <unordered_map>

#include "base/clock.h"
#include "features/evaluate_rows.h"

namespace hayate::pipeline {
namespace {

/// What the last model of `result` says of these rows, ascending.
std::vector<double> predicted(const Plan& plan, const Panel& panel, size_t symbol, std::span<const int64_t> rows, const TaskResult& result,
                              SymbolScratch& scratch) {
  const size_t stride = (rows.size() + 15) / 16 * 16, features = plan.features->num_outputs();
  scratch.values.resize(stride * features);
  std::vector<float*> columns(features);
  for (size_t f = 0; f < features; ++f) columns[f] = scratch.values.data() + f * stride;
  evaluate_rows(*plan.features, bars_of(*plan.features, panel, symbol), rows, scratch.features, columns);
  if (!plan.scalers.empty())
    apply_scalers(plan.scalers, result.fits, {scratch.values.data(), int64_t(rows.size()), int64_t(features), int64_t(stride)});
  std::vector<double> out(rows.size());
  predict(result.predictor, {scratch.values.data(), int64_t(rows.size()), int64_t(features), int64_t(stride)}, out);
  return out;
}

}  // namespace

std::optional<TaskResult> earlier_result(cache::Store& store, const FoldPiece& piece) {
  const cache::Value bytes = store.get(piece.models);
  Hash128 result;
  if (!bytes || bytes->size() != sizeof result) return std::nullopt;
  std::memcpy(&result, bytes->data(), sizeof result);
  return reuse(&store, result);
}

Result<void> store_result(cache::Store& store, const FoldPiece& piece, const TaskResult& result, bool findable, double seconds, std::string& bytes) {
  serialize(result, bytes);
  HY_CHECK(store.put({piece.result, bytes, seconds}));
  if (!findable || !piece.can_grow) return {};
  return store.put({piece.models, {reinterpret_cast<const char*>(&piece.result), sizeof piece.result}, seconds});
}

Result<int64_t> grow_piece(const Plan& plan, const Panel& panel, size_t symbol, const SymbolFolds& folds, const FoldPiece& piece, TaskResult& result,
                           SymbolScratch& scratch, const exec::Cancellation& cancel, PartSeconds& seconds) {
  const double begin = thread_cpu_seconds();
  const std::span<const double> labels = symbol_labels(plan, panel, symbol, scratch, cancel);
  const auto last = int32_t(piece.end - 1);
  std::unordered_map<int64_t, double> known;
  while (!result.rows.empty() && result.fold.back() == last) {
    known.emplace(result.rows.back(), result.prediction.back());
    result.rows.pop_back(), result.fold.pop_back(), result.prediction.pop_back();
  }
  const std::vector<int32_t> test = test_rows(folds, size_t(last), labels);
  std::vector<int64_t> unknown;
  for (const int32_t row : test)
    if (!known.contains(row)) unknown.push_back(row);
  if (!unknown.empty()) {
    const std::vector<double> values = predicted(plan, panel, symbol, unknown, result, scratch);
    for (size_t i = 0; i < unknown.size(); ++i) known.emplace(unknown[i], values[i]);
  }
  if (cancel.stopped()) return stopped_error(panel.symbols[symbol]);
  for (const int32_t row : test) result.rows.push_back(row), result.fold.push_back(last), result.prediction.push_back(known.at(row));
  result.label.clear();
  for (const int64_t row : result.rows) result.label.push_back(labels[size_t(row)]);
  seconds.predict += thread_cpu_seconds() - begin;
  return int64_t(unknown.size());
}

}  // namespace hayate::pipeline
