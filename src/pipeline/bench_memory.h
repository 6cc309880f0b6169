// hayate bench memory: what a table takes in memory as it is, with smaller dtypes, and read in chunks; the same group means
// from each, compared.
#pragma once

#include <string>
#include <vector>

#include "exec/pool.h"
#include "exec/steps.h"
#include "hayate/error.h"

namespace hayate::pipeline {

/// One stage: resident bytes of this process before it, at most in it, and after it, what it no longer needs given back.
struct MemoryStage {
  std::string name;
  double seconds = 0;
  int64_t before = 0, peak = 0, after = 0;
};

struct MemoryReport {
  int64_t rows = 0, chunk_rows = 0;
  int64_t bytes_before = 0, bytes_after = 0;  ///< of the table's columns, before and after optimisation
  std::vector<std::string> by;                ///< the key of the group means: the first column of text; without one the whole table is a group
  int64_t groups = 0;
  std::vector<MemoryStage> stages;
  std::string differences;    ///< between the answers; "": none
  bool peaks_are_own = true;  ///< false: this system does not let a process start its peak anew, so a peak is that of all stages so far
};

/// The table in `paths` (files of any format), read whole, shrunk without loss, and in a hundred chunks.
Result<MemoryReport> measure_memory(const std::vector<std::string>& paths, exec::Pool& pool, int64_t memory_limit_bytes, exec::Steps& steps,
                                    const exec::Cancellation& cancel);

}  // namespace hayate::pipeline
