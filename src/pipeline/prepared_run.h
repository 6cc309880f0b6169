// A run up to its first task: bars read, checked, hashed, the plan compiled against them, the memory shared out.
#pragma once

#include <string>
#include <vector>

#include "exec/exec_config.h"
#include "exec/steps.h"
#include "io/bars.h"
#include "pipeline/plan.h"
#include "pipeline/prepare.h"

namespace hayate::pipeline {

/// What the report says of the bars as they were read.
struct BarsSummary {
  std::vector<io::BarsFile> files;
  int64_t rows = 0;                       ///< in all files
  int64_t symbols = 0;                    ///< that could be read
  int64_t first_time = 0, last_time = 0;  ///< 0 without rows
  bool daily = true;
};

struct PreparedRun {
  BarsSummary bars;
  Panel panel;                      ///< without failed symbols, adjusted
  std::vector<Hash128> input_hash;  ///< per symbol of the panel: what its task reads
  std::vector<Finding> failures, warnings;
  std::vector<std::string> messages;
};

/// Steps read, check and, for cross-sections, compute. Errors: no readable bars, every symbol failed, expressions that the columns do not allow.
Result<PreparedRun> prepare_run(Plan& plan, const std::vector<std::string>& paths, const exec::ExecConfig& exec, exec::Pool& pool, exec::Steps& steps,
                                const exec::Cancellation& cancel);

/// How the memory limit is shared out among tasks.
struct MemoryShare {
  int workers = 1;  ///< as many tasks at once as fit
  int64_t limit = 0;
  int64_t fixed = 0;  ///< what is held now, and the results of all tasks
  int64_t each = 0;   ///< of the largest task
  int64_t peak() const { return fixed + each * workers; }
};

/// Error (budget): not even one task fits; it names the limit that would do.
Result<MemoryShare> share_memory(const Plan& plan, const Panel& panel, const exec::ExecConfig& exec, int workers);

}  // namespace hayate::pipeline
