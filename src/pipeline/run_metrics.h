// A run's counters in the text format that Prometheus reads (its node exporter takes such a file from a folder). Names have
// the prefix hayate_ and end in their base unit; what only grows within a run ends in _total. Labels have few values: steps
// and pools, never symbols.
#pragma once

#include <string>
#include <vector>

#include "exec/steps.h"
#include "pipeline/run.h"

namespace hayate::pipeline {

std::string run_metrics(const RunStats& stats, const std::vector<exec::StepRecord>& steps);

}  // namespace hayate::pipeline
