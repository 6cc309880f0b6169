// What `optimize` found of a table's columns, as a text that Parquet and Arrow files carry in their metadata, so that group-by need not look for it
// again: for a file larger than memory that is one reading of two.
//
//   {"rows":3,"columns":[{"name":"a","dtype":"int8","missing":0,"least":"9223372036854775809",...},
//                        {"name":"b","dtype":"category","missing":1,"distinct":2,"names":["x","y"]}]}
//
// A file may have been edited since. Nothing here is believed: aggregate.h says how it is held against the rows.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "aggregate/ranges.h"
#include "hayate/table.h"

namespace hayate::aggregate {

struct KnownColumn {
  std::string name;
  Dtype dtype = Dtype::float64;
  ColumnRange range;  ///< of a category: rows, missing and names
};

/// Names that take more than this together are left out, with their column.
inline constexpr size_t kMostNameBytes = size_t{64} << 10;

std::string write_statistics(int64_t rows, const std::vector<KnownColumn>& columns);

/// For each column of `schema` what `text` says of it; nothing where it does not, says it of another dtype, or makes no sense.
std::vector<std::optional<ColumnRange>> read_statistics(const std::string& text, const Table& schema);

/// Whether values that are within `from` are possible where all are within `claim`.
bool lies_within(const ColumnRange& from, const ColumnRange& claim);
/// Whether both say the same of rows, missing ones, extremes and sizes.
bool same_range(const ColumnRange& a, const ColumnRange& b);

}  // namespace hayate::aggregate
