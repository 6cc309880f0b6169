// Columns of an Arrow file that are written plainly, read from the file straight to where they stay.
//
// Arrow reads a batch at a time: every value is copied into the batch and from there into the column, and both places are memory that the system
// clears first. Here the layout of all batches is read first (tables of flatbuffers in front of each), memory for the whole column is
// taken once, in large pages where there are some, and workers read each batch's values to their place in it.
#pragma once

#include <arrow/type_fwd.h>

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "exec/pool.h"
#include "hayate/table.h"
#include "io/files.h"

namespace hayate::io {

/// Where the values of one batch lie: absolute places in the file, in the order of the schema's fields.
struct IpcBatch {
  struct Node {
    int64_t rows, nulls;
  };
  struct Run {
    int64_t begin, size;
  };
  int64_t rows = 0;
  std::vector<Node> nodes;
  std::vector<Run> buffers;
};

/// The batches of an uncompressed file in the file format. Nothing: it is written in another way, or damaged; Arrow's reader knows.
std::optional<std::vector<IpcBatch>> read_ipc_layout(const InputFile& file);

/// Whether a field is of numbers, dates, microseconds, text, or int32 codes of a dictionary.
bool is_plain_field(const arrow::Field& field);

/// The columns fields[i] of a file with this schema and these batches; dictionaries[i] is that of a category. Nothing in the place of a column that
/// is not plain or not sound: Arrow's reader says what is wrong with it. All that is taken is at most `limit_bytes`.
std::vector<std::optional<Column>> read_ipc_columns(const InputFile& file, const arrow::Schema& schema, const std::vector<IpcBatch>& batches,
                                                    std::span<const int> fields, std::span<const std::shared_ptr<const Column>> dictionaries,
                                                    int64_t limit_bytes, exec::Pool* pool);

}  // namespace hayate::io
