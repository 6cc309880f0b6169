// What the tasks of the last run over the same files were made of, kept among the stored results, so that `hayate explain`
// can say which input changed and not only that one did.
#pragma once

#include <map>
#include <string>

#include "cache/store.h"
#include "pipeline/task_result.h"
#include "pipeline/trained.h"

namespace hayate::pipeline {

class LastInputs {
 public:
  /// Reads what `store` has for this plan's files and scope; nothing is known when it has none.
  LastInputs(const Plan& plan, cache::Store& store);

  /// Why a task was run: "bars changed", "its stored result is gone"; "" when there is nothing to compare with.
  std::string why_run(const TaskTrace& task) const;
  /// Stores those of this run's tasks.
  Result<void> write(const std::vector<TaskTrace>& tasks, cache::Store& store) const;

 private:
  Hash128 key_;
  TaskInputs now_;  ///< of this run, without bars
  bool known_ = false;
  TaskInputs before_;
  std::map<std::string, Hash128> bars_;  ///< by task
};

}  // namespace hayate::pipeline
