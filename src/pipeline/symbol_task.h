// The task of one symbol, in parts: which folds it has, its features, and training and predictions of some of its folds.
//
// Folds do not depend on each other, so those of a long series are cut into pieces, which several workers may do at once and
// which are stored and recorded one by one: who is killed in a symbol of 20 years does not begin it again. A piece is as
// many folds as take some 40 ms; a symbol of a few years is one piece, for a result of 5 ms is not worth two files. Where the
// cuts are follows from the plan and the first bars alone, so every run finds the pieces of every other, one with later bars too.
//
// What a piece depends on are the bars up to the last that its labels read, and only those are in its key. The last piece
// has test rows that have just come in; its models are older. So it has two keys: that of its result, and that of its models, under
// which a later run with more bars finds what to go on from (grown_piece.h).
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/hash.h"
#include "hayate/folds.h"
#include "pipeline/fold_table.h"
#include "pipeline/plan.h"
#include "pipeline/task_result.h"

namespace hayate::pipeline {

/// CPU seconds of the parts of a task.
struct PartSeconds {
  double compute = 0, bin = 0, train = 0, predict = 0;
  PartSeconds& operator+=(const PartSeconds& other);
};

/// Folds that are done together: [begin, end) of the symbol's. A symbol that is one piece has its name for a key.
struct FoldPiece {
  size_t begin = 0, end = 0;
  std::string key;
  Hash128 result;         ///< the key of what it leaves in a store
  bool can_grow = false;  ///< later bars leave its models as they are
  Hash128 models;         ///< where it can: the key under which stands the key of the newest result with the same models
};

/// Whether a fold has the same training rows, features and labels whatever bars come from its first test date on, as long as every symbol that
/// has bars there had some before. Walk-forward and a holdout from a date train on what is before the test, purged by the label's horizon; parts
/// of all dates move with every date.
bool is_settled_by_its_past(const Plan& plan);

/// Whether there is nothing to train.
bool has_models(const cache::Store* store, const FoldPiece& piece);

struct SymbolFolds {
  std::vector<Fold> folds;
  std::vector<FoldPiece> pieces;  ///< in order, together all folds
  bool large = false;             ///< a single fold is worth all workers
};

/// Error (input): fewer dates than one fold needs.
Result<SymbolFolds> folds_of_symbol(const Plan& plan, const Panel& panel, size_t symbol, const TaskInputs& inputs);

/// Buffers of one worker, reused from symbol to symbol.
struct SymbolScratch {
  Workspace features, label;
  std::vector<float> values;
  std::vector<double> labels;
  std::string bytes;  ///< of the result to be stored
};

/// What its folds read. Owned by the scratch that it was computed in.
struct SymbolTable {
  size_t symbol = 0;
  FloatColumns values;
  std::span<const double> labels;
  std::span<const int64_t> ends;  ///< until when each label reads
};

/// Features and label of a symbol; `ends` are those of the whole panel. Only begun when `cancel` says stop, which train_piece() says then. The
/// features of a long symbol are computed in stretches of rows on `pool`, when there is one, each in `scratch` of its worker; the table is the scratch
/// of `worker`. Adds its CPU seconds to `seconds`.
SymbolTable compute_symbol(const Plan& plan, const Panel& panel, size_t symbol, std::span<const int64_t> ends, std::span<SymbolScratch> scratch,
                           int worker, exec::Pool* pool, const exec::Cancellation& cancel, PartSeconds& seconds);

/// Labels of all rows of a symbol, in `scratch`; only begun when `cancel` says stop.
std::span<const double> symbol_labels(const Plan& plan, const Panel& panel, size_t symbol, SymbolScratch& scratch, const exec::Cancellation& cancel);

/// The rows that fold `f` predicts, ascending: its test rows, and by the last fold the newest rows, which have no label yet.
std::vector<int32_t> test_rows(const SymbolFolds& folds, size_t f, std::span<const double> labels);

Error stopped_error(const std::string& symbol);

/// Trains and predicts the folds of a piece. `folds_table` is of table.values, this thread's own. With a pool a fold is spread over
/// its workers. Errors: no training row with a label; interrupted or timed out.
Result<TaskResult> train_piece(const Plan& plan, const Panel& panel, const SymbolTable& table, const SymbolFolds& folds, const FoldPiece& piece,
                               FoldTable& folds_table, exec::Pool* pool, const exec::Cancellation& cancel, PartSeconds& seconds);

/// Appends the results of the next piece to those of the pieces before it.
void append_piece(TaskResult&& piece, TaskResult& all);

}  // namespace hayate::pipeline
