// Columns of an Arrow file that need nothing but their values, brought batch by batch straight to where they stay.
//
// Read as a whole, every value is copied into its batch and from there into the column, and both places are memory that the system clears first.
// Here memory for each column is taken once, in large pages where there are some; workers read batches, one at a time in memory that
// the one before left warm, and copy each array to its place.
#pragma once

#include <arrow/ipc/type_fwd.h>
#include <arrow/type_fwd.h>

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "exec/pool.h"
#include "hayate/table.h"

namespace hayate::io {

struct IpcField {
  int column;  ///< number of its array in the batches that the readers give
  std::shared_ptr<arrow::DataType> type;
  std::shared_ptr<const Column> dictionary;  ///< of a category
};

/// Whether values of a type are numbers, dates, microseconds, text, or int32 codes of a dictionary.
bool is_plain_type(const arrow::DataType& type);

/// Where the rows of a file's batches stand: all are of one length, but for the last, which may be shorter.
struct IpcBatches {
  int64_t count = 0, length = 0, rows = 0;

  int64_t begin(int64_t batch) const { return batch * length; }
  int64_t end(int64_t batch) const { return batch + 1 == count ? rows : begin(batch + 1); }
};
/// As its first and its last batch tell; nothing when they are not so, or there is none. `first` is the first batch. Arrow's own count of rows
/// reads the whole file.
std::optional<IpcBatches> batches_of(arrow::ipc::RecordBatchFileReader& file, const arrow::RecordBatch& first);

/// Opens the file anew; nullptr when it can't be.
using OpenIpcFile = std::function<std::shared_ptr<arrow::ipc::RecordBatchFileReader>()>;

/// The column of each field, all of plain types. Nothing in the place of one that is not as a plain writer leaves it (batches of the same length
/// but for the last, sound texts and codes): whoever looks at all of it says what is wrong. All that is taken is at most `limit_bytes`, less
/// what batches take while they are read.
std::vector<std::optional<Column>> read_ipc_columns(const OpenIpcFile& open, const IpcBatches& batches, std::span<const IpcField> fields,
                                                    int64_t limit_bytes, exec::Pool* pool);

}  // namespace hayate::io
