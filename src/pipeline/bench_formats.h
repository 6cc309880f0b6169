// hayate bench io: one table saved and loaded in every format, by hayate and by whatever else a Python offers, and what came
// back held against what was saved. Seconds are the best of up to three runs, on files that the operating system still
// holds in memory: a cold disk would time the disk. hayate's own saving includes the sync to disk that it always does.
#pragma once

#include <string>
#include <vector>

#include "exec/pool.h"
#include "exec/steps.h"
#include "hayate/error.h"
#include "hayate/table.h"

namespace hayate::pipeline {

/// Rows of user_id, age, income, category (4 texts) and score, drawn from (seed, row).
Table generated_table(int64_t rows, uint64_t seed);

/// What is not as it was, a phrase per column or for the whole: "score: 3 values", "age is int64, was int32". A change of type that
/// changes no value is listed in `types` instead. A missing float and NaN are the same, and so are text and category.
struct TableDifferences {
  std::vector<std::string> values, types;
};
TableDifferences differences(const Table& original, const Table& loaded);

/// One program and one format.
struct FormatTime {
  std::string program, format;  ///< "hayate", "csv.zst"
  double save_seconds = 0, load_seconds = 0;
  int64_t bytes = 0;
  std::string differences;  ///< values that came back as others; "": none
  std::string types;        ///< types that came back as others
};

struct FormatsReport {
  int64_t rows = 0, columns = 0, table_bytes = 0;
  std::vector<FormatTime> times;     ///< format by format, hayate first
  std::vector<std::string> missing;  ///< "polars: not installed"
};

/// `python`: the interpreter whose libraries are timed too. Files stand in a temporary folder, which is removed.
Result<FormatsReport> time_formats(const Table& table, const std::string& python, exec::Pool& pool, int64_t memory_limit_bytes, exec::Steps& steps,
                                   const exec::Cancellation& cancel);

/// hayate's best format by seconds of a save and a load, by bytes, and by their product, among those that lost no value; "" for none.
struct BestFormats {
  std::string speed, size, both;
};
BestFormats best_formats(const FormatsReport& report);

}  // namespace hayate::pipeline
