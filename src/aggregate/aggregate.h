// Group-by over chunks of rows within a memory limit. The answer is sorted by its keys, missing last, and is the same to
// the byte for any chunk size, number of workers and memory limit: nothing that is computed depends on the order of rows
// but `first` and `last`, which go by row numbers.
//
//   1. names and conditions are checked against the schema                      prepare
//   2. a pass over the columns: ranges, dictionaries (a text file's types were a pass before)      plan.h
//   3. a pass over the rows: keys are packed, conditions applied; few possible keys: states stand in a dense table for
//      each worker; many: rows go to partitions by range of key, to disk when memory runs short      partitions.h
//   4. partition by partition, in order: groups, states, answers, --having      groups.h
//
// Statistics that optimize left in the file stand for step 2, for the columns that they know: step 3 finds the ranges of the same columns again,
// block by block before a value of it is used, and compares. A block with a value outside them, or other extremes, counts or names at the end,
// means that the file is not the one that was optimized: all is begun anew without them, so that the answer is the same to the byte in any case.
//
// Cost: see bench/groupby. Means of three float64 columns of 1 M rows by a text of one byte, in memory: 8 to 9 ms of CPU, of which the texts' codes
// take 2.7, the pass over the values for their ranges (they must be known before sums are exact) 1.5, keys 1 and the sums 3.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "aggregate/calls.h"
#include "aggregate/condition.h"
#include "exec/pool.h"
#include "exec/steps.h"
#include "hayate/error.h"
#include "hayate/table.h"
#include "io/chunks.h"

namespace hayate::aggregate {

struct Spec {
  std::vector<std::string> by;  ///< any number; none: the whole table is one group
  std::vector<Call> calls;
  std::optional<Condition> where, having;
  std::string statistics = {};  ///< what optimize wrote of the table (statistics.h), if it did
};

/// Parses what was typed: `by` separated by commas, `calls` as parse_calls, conditions empty for none.
Result<Spec> parse_spec(const std::string& by, const std::string& calls, const std::string& where, const std::string& having);

/// The columns that `spec` reads, each once. Names that are not in `columns` are usage Errors; empty `columns`: not known yet.
Result<std::vector<std::string>> columns_read(const Spec& spec, const std::vector<std::string>& columns);

struct Outcome {
  int64_t rows = 0, groups = 0;  ///< rows of the input, rows of the answer
  int64_t spilled_bytes = 0;
  int64_t partitions = 0;  ///< 0: dense
  bool used_statistics = false;
};

/// `memory_bytes`: what may be used beyond what the process holds now. The answer is handed to `sink` in pieces, in order, at
/// least one (without rows if there are none).
Result<Outcome> aggregate(io::ChunkReader& chunks, Spec spec, exec::Pool& pool, int64_t memory_bytes, exec::Steps& steps,
                          const exec::Cancellation& cancel, const std::function<Result<void>(const Table&)>& sink);

}  // namespace hayate::aggregate
