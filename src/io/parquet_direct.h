// Columns of a Parquet file that need nothing but decoding, decoded straight to where they stay.
//
// Arrow's table reader makes an array for each row group, in which values are copied once more to stand side by side, checks it in full, and the
// arrays are then joined to one. Its column readers, one layer below, decode pages to any place: here that is the value's own in a column
// for which memory is taken once.
#pragma once

#include <arrow/type_fwd.h>
#include <parquet/type_fwd.h>

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "exec/pool.h"
#include "hayate/table.h"

namespace parquet {
class ParquetFileReader;
}

namespace hayate::io {

struct ParquetLeaf {
  int leaf;                               ///< number of the column in the footer
  std::shared_ptr<arrow::DataType> type;  ///< as Arrow would read it
};

/// Opens the file anew; may throw what Arrow throws.
using OpenParquetFile = std::function<std::unique_ptr<parquet::ParquetFileReader>()>;

/// The column of each leaf. Nothing in the place of one that is not flat numbers, dates, microseconds or text, or that is not sound: the table reader
/// says what is wrong with it. All that is taken is at most `limit_bytes`. `stopped` is asked before every row group.
std::vector<std::optional<Column>> read_parquet_columns(const parquet::FileMetaData& footer, const OpenParquetFile& open,
                                                        std::span<const ParquetLeaf> leaves, int64_t limit_bytes, exec::Pool* pool,
                                                        const std::function<bool()>& stopped);

}  // namespace hayate::io
