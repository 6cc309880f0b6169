// From bars as they were read to bars that a plan's programs can be evaluated on.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "exec/exec_config.h"
#include "exec/pool.h"
#include "hayate/features.h"
#include "hayate/panel.h"
#include "io/reader.h"

namespace hayate::pipeline {

struct CheckedBars {
  Panel panel;  ///< of the symbols that can be used
  std::vector<Finding> failures, warnings;
};

/// What is left when symbols are taken out that reading or check_bars found unusable. Error (input): none.
/// `read` is taken, so that bars are never there twice.
Result<CheckedBars> check_universe(PanelResult read, const std::string& adjust);

/// The error when every symbol failed: how many of each kind, and the first.
Error nothing_left(const std::vector<Finding>& failures);

/// Brings a panel into the form that `programs` read: prices adjusted as asked, vwap added when it is missing and wanted, cross-sections over
/// all of its symbols. Returns what the user is told, a line each: that vwap was added, or which symbols lack it while others have it.
/// Errors: no column to adjust by; not enough memory.
Result<std::vector<std::string>> prepare_bars(const std::string& adjust, std::initializer_list<const Program*> programs, Panel& panel,
                                              exec::Pool& pool, const exec::ExecConfig& exec);

/// Error (budget) when `needed` bytes are more than the limit; it names the limit that would do, then `hint`, another thing to try.
Result<void> check_memory(const std::string& step, int64_t needed, int64_t limit, const std::string& hint);

/// How many workers, at most `workers`, the memory limit allows in a step that holds `fixed` bytes and `each` more per worker.
/// Error (budget): not even one; it names the limit that would do, then `hint`, another thing to try.
Result<int> workers_within(const exec::ExecConfig& exec, const std::string& step, int64_t fixed, int64_t each, int workers, const std::string& hint);

/// What the config allows the reading of one file.
io::ReadOptions reading_limits(const exec::ExecConfig& exec, const exec::Cancellation* cancel);
/// What a request says of its table, with what the run has for it.
io::ReadOptions reading_with(io::ReadOptions asked, const std::optional<io::FileKind>& kind, exec::Pool& pool, int64_t memory_limit_bytes,
                             const exec::Cancellation* cancel);

}  // namespace hayate::pipeline
