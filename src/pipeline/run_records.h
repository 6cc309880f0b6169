// What the records of a run's manifest say, and the run folder's own affairs: docs/formats/run.md.
#pragma once

#include <string>
#include <vector>

#include "base/hash.h"
#include "io/json_reader.h"
#include "pipeline/run.h"
#include "pipeline/trained.h"

namespace hayate::pipeline {

std::string first_record(const RunRequest& request);
std::string inputs_record(const std::vector<Hash128>& hashes);
/// `reason`: why the task was run, or could be reused.
std::string task_record(const TaskTrace& task, const std::string& reason);
std::string end_record(const RunStats& stats);

/// Error when a run that is to go on began with other bars.
Result<void> check_inputs(const std::string& run_dir, const std::vector<Hash128>& hashes);

/// Where a run without a shared cache stores the results of its tasks until it is finished.
std::string own_store(const std::string& run_dir);
/// Removes what a finished run has no more use for: an earlier process may have ended between its last record and this.
void tidy_run_folder(const std::string& run_dir);

std::string stats_json(const RunStats& stats);

}  // namespace hayate::pipeline
