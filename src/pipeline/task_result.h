// What one task of a run leaves behind, as bytes that can be stored and reused: predictions and the last model of a
// symbol, or of one fold of a pooled run.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/hash.h"
#include "cache/store.h"
#include "hayate/model.h"
#include "pipeline/plan.h"

namespace hayate::pipeline {

struct TaskResult {
  std::vector<int64_t> rows;  ///< predicted rows: of the symbol's series, or of the panel
  std::vector<int32_t> fold;  ///< of each row
  std::vector<double> label, prediction;
  std::vector<int64_t> train_rows;  ///< per fold of the task
  std::vector<double> fits;         ///< of the last of them: what scale_fold returned
  std::vector<TunedParams> tuned;   ///< per fold of the task, with [tune]
  Predictor predictor;              ///< of the last of them

  bool operator==(const TaskResult&) const = default;
};

/// Into `out`, whose memory is used again.
void serialize(const TaskResult& result, std::string& out);
/// Error (input): the bytes are no such result. The store's checksum has been verified already.
Result<TaskResult> parse_task_result(std::string_view bytes);

/// The result stored under `key`, when there is one that can be used; `store` may be null.
std::optional<TaskResult> reuse(cache::Store* store, const Hash128& key);

/// Everything that decides the result of a task beside its name: the program itself (bytes of this executable), features and
/// their processors, label, split, model (learner, scope, params, seed), and the bars that the task reads.
struct TaskInputs {
  Hash128 program, features, label, split, model, bars;
  bool operator==(const TaskInputs&) const = default;
};

/// All but the bars, which differ from task to task.
TaskInputs task_inputs(const Plan& plan);
Hash128 task_key(const TaskInputs& inputs, std::string_view step, std::string_view name);
/// The names of those that differ, "bars, label"; "" when none does.
std::string changed_inputs(const TaskInputs& before, const TaskInputs& now);

/// Hash of this process's executable; the same for its whole life.
const Hash128& program_hash();

}  // namespace hayate::pipeline
