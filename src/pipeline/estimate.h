// What a run would do and take, before it does it: `hayate run --dry-run`.
#pragma once

#include <string>
#include <vector>

#include "pipeline/run.h"

namespace hayate::pipeline {

struct StepEstimate {
  std::string name;
  int64_t items = 0;
  int64_t reused = 0;  ///< of the items: their results are stored
  double seconds = 0;  ///< wall
  int64_t bytes = 0;   ///< held at its peak
};

struct RunEstimate {
  std::vector<StepEstimate> steps;
  double seconds = 0;
  int64_t peak_bytes = 0, memory_limit_bytes = 0;
  int workers = 1;
  int64_t symbols = 0, rows = 0;
  double learnt_from = 0;  ///< finished tasks that the seconds of training are learnt from; 0: a guess
};

/// Reads and checks the bars (their number and length decide the rest) and computes nothing. Errors as run().
Result<RunEstimate> estimate_run(const RunRequest& request, exec::Steps& steps);

}  // namespace hayate::pipeline
