// A table to learn from, read so that its features are in memory once: as one block of float32. What fits a third of the memory
// limit is read at once; of the rest only a chunk is there beside the block, and the file is gone through twice. Where not even the
// block fits, learners that need codes alone read the features as rows, up to three times (learn/bin_rows.cc): a cell then takes a byte
// instead of four.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "exec/pool.h"
#include "hayate/binned.h"
#include "hayate/table.h"
#include "io/chunks.h"
#include "pipeline/table_columns.h"

namespace hayate::pipeline {

/// Features by column, each of all rows as float32.
struct FeatureColumns {
  std::vector<std::span<const float>> columns;
  std::vector<std::shared_ptr<const void>> held;  ///< who keeps them
};

class TrainingTable {
 public:
  /// Opens the files as one table; `others` are columns that are no features. Errors (usage): a column that is not there; as read_tables().
  static Result<TrainingTable> open(std::span<const std::string> paths, const io::ReadOptions& reading, const std::vector<std::string>& asked,
                                    const std::vector<std::string>& others);

  const std::vector<std::string>& features() const { return features_; }
  /// Names and types of all columns, without rows.
  const Table& schema() const { return chunks_->schema(); }

  /// Reads all rows of the columns that are no features, and of features that are text.
  Result<Table> read_rest();
  /// Reads the features of all `rows` rows, column-major, and closes the files. Errors (input): a column that holds no numbers.
  Result<std::vector<float>> read_features(int64_t rows, const std::string& where, const Categories& categories);

  /// The same as columns that stay where they were read: those of float32 without nulls, in files that were read at once, take no more memory.
  Result<FeatureColumns> read_columns(int64_t rows, const std::string& where, const Categories& categories);
  /// Bytes that read_columns() takes beside what is held.
  int64_t column_bytes(int64_t rows) const;

  /// The features as rows that are read from the files whenever they are asked for. A reading that fails says why in `failure`, and hands out no
  /// more rows. All that is named must outlive the source. When `cancel` says stop, rows not yet read are skipped.
  RowSource feature_rows(const std::string& where, const Categories& categories, exec::Pool& pool, const exec::Cancellation& cancel,
                         std::optional<Error>& failure);
  /// Bytes that feature_rows() takes beside the chunk that it reads.
  static int64_t row_block_bytes(int64_t num_features);

 private:
  Result<void> read_rows(std::span<const int32_t> rows, const std::string& where, const Categories& categories, exec::Pool& pool,
                         const exec::Cancellation& cancel, const RowSource::Take& take);

  std::unique_ptr<io::ChunkReader> chunks_;
  std::vector<std::string> features_;
  exec::Pool* pool_ = nullptr;  ///< of the reading
};

}  // namespace hayate::pipeline
