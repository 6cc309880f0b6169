// A symbol that has more bars than when its models were trained: they are kept, and the rows that are new are predicted. So the nightly
// run over one more day costs a row of features and a prediction per symbol, until a new fold begins. The result is that of training anew, to
// the byte: what a model learnt from lies before its fold's test rows, a stored model predicts what the trained one did, and labels,
// which arrive later than their rows, are all computed again.
#pragma once

#include <optional>

#include "pipeline/symbol_task.h"

namespace hayate::pipeline {

/// The newest result with the models of this piece, from fewer or other late bars; nothing when there is none that can be used.
std::optional<TaskResult> earlier_result(cache::Store& store, const FoldPiece& piece);
/// Stores a result that took so many seconds, and lets later runs find it by its models when they are `findable`. `bytes` is memory to use again.
/// Errors: those of Store::put.
Result<void> store_result(cache::Store& store, const FoldPiece& piece, const TaskResult& result, bool findable, double seconds, std::string& bytes);

/// Makes of an earlier result that of today's bars; returns how many rows were predicted. Error (interrupted): told to stop, `result` is of no use.
Result<int64_t> grow_piece(const Plan& plan, const Panel& panel, size_t symbol, const SymbolFolds& folds, const FoldPiece& piece, TaskResult& result,
                           SymbolScratch& scratch, const exec::Cancellation& cancel, PartSeconds& seconds);

}  // namespace hayate::pipeline
