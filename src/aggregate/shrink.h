// Smaller dtypes for the columns of a table: what each value range allows, decided from all values in one pass, done in a
// second one, so a file of any size can be shrunk within the memory for its dictionaries.
//
//   lossless    the narrowest integer, signed or unsigned; float32 where every value comes back bit for bit; a dictionary
//               where its codes and names take fewer bytes than offsets and text
//   tolerance   float32 also where every value stays within atol + rtol * |value|
//   compact     signed int8, int16, int32 by range; float64 always to float32; text to a category where the different values
//               are fewer than half of the rows
//
// Nulls stay nulls. bool, dates and times are as narrow as they get. Bytes are those of Arrow's buffers in the types that
// the column has in files (Column::file_width), without validity.
#pragma once

#include <string>
#include <vector>

#include "exec/pool.h"
#include "exec/steps.h"
#include "hayate/error.h"
#include "hayate/table.h"
#include "io/chunks.h"

namespace hayate::aggregate {

enum class ShrinkMode : uint8_t { lossless, tolerance, compact };

struct ShrinkOptions {
  ShrinkMode mode = ShrinkMode::lossless;
  double rtol = 1e-6, atol = 0;  ///< of mode tolerance
};

struct ShrunkColumn {
  std::string name;
  Dtype before = Dtype::float64, after = Dtype::float64;
  int file_width = 0;  ///< of the new column: bytes of a code or an offset
  int64_t bytes_before = 0, bytes_after = 0;
  int64_t missing = 0;
  bool lossy = false;  ///< at least one value is another one afterwards
  std::string why;     ///< for a person: what decided
};

struct ShrinkPlan {
  int64_t rows = 0;
  std::string statistics;  ///< of the new columns, where their values are the old ones (statistics.h)
  std::vector<ShrunkColumn> columns;
};

/// The first pass. `names_bytes` bounds the texts that are kept in mind; a column with more stays text.
Result<ShrinkPlan> plan_shrink(io::ChunkReader& chunks, const ShrinkOptions& options, exec::Pool& pool, int64_t names_bytes, exec::Steps& steps,
                               const exec::Cancellation& cancel);

/// A chunk of the table in the dtypes of the plan. A value that has no place in them (the file changed since the first
/// pass) is an Error: nothing ever wraps.
Result<Table> shrink(const Table& chunk, const ShrinkPlan& plan, exec::Pool& pool);

}  // namespace hayate::aggregate
