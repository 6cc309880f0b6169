// What stands in the columns of a table: range, mean, quantiles, different values, the most frequent one, a histogram. Exact,
// in memory that does not depend on the number of rows: quantiles are found by counting, a few passes that each narrow the
// range in which one lies by 4,096; only the number of different values is an estimate where there are more than 100,000.
// The figures do not depend on chunks or workers.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "exec/pool.h"
#include "exec/steps.h"
#include "hayate/error.h"
#include "hayate/table.h"
#include "io/chunks.h"

namespace hayate::aggregate {

inline constexpr double kDescribed[] = {0.05, 0.25, 0.5, 0.75, 0.95};
inline constexpr size_t kHistogramBins = 16;

/// One column. Quantiles are linear between the two nearest values.
struct ColumnSummary {
  std::string name;
  Dtype dtype = Dtype::float64;
  std::string zone;
  int64_t rows = 0, missing = 0;
  Column extremes;                      ///< least and greatest as text; without rows when there is no value
  std::optional<double> mean, std_dev;  ///< of numbers and bools
  std::vector<double> quantiles;        ///< kDescribed of numbers, dates (days) and times (microseconds); empty for others
  int64_t distinct = 0;                 ///< different values
  bool distinct_is_exact = true;
  std::optional<std::string> frequent;  ///< the most frequent value, the least of several; none where distinct is an estimate
  int64_t frequent_rows = 0;
  std::vector<int64_t> histogram;  ///< kHistogramBins of equal width from least to greatest; empty for text
};

struct TableSummary {
  int64_t rows = 0;
  std::vector<ColumnSummary> columns;
};

/// Values are counted one by one in a quarter of `memory_limit_bytes` at most: where a table has so many columns that 100,000 values of each do
/// not fit, fewer of each are, and the number of different ones is an estimate sooner.
Result<TableSummary> describe(io::ChunkReader& chunks, exec::Pool& pool, exec::Steps& steps, const exec::Cancellation& cancel,
                              int64_t memory_limit_bytes = INT64_MAX);

/// ▁▂▃▄▅▆▇█ for counts; a blank where there is none.
std::string blocks_of(const std::vector<int64_t>& counts);

}  // namespace hayate::aggregate
