// One encoder per format; TableWriter (writer.h) chooses it and cuts the rows into groups.
#pragma once

#include <memory>

#include "base/hash.h"
#include "exec/pool.h"
#include "hayate/error.h"
#include "hayate/table.h"
#include "io/files.h"

namespace hayate::io {

/// Turns groups of rows into bytes on a sink. All groups have the names, dtypes and zones of `schema`.
class Encoder {
 public:
  virtual ~Encoder() = default;
  /// Called once, first. `schema` has no rows.
  virtual Result<void> begin(const Table& schema) = 0;
  virtual Result<void> write(const Table& group) = 0;
  /// The bytes do not depend on how the rows are cut into groups.
  virtual bool takes_any_rows() const { return false; }
  /// Ends the file and publishes the sink.
  virtual Result<void> finish() = 0;
};

/// `pool` (may be null) writes blocks of rows down at the same time.
std::unique_ptr<Encoder> csv_encoder(std::unique_ptr<ByteSink> sink, exec::Pool* pool, char separator = ',');
std::unique_ptr<Encoder> json_encoder(std::unique_ptr<ByteSink> sink, bool lines, exec::Pool* pool);
std::unique_ptr<Encoder> npy_encoder(std::unique_ptr<ByteSink> sink, std::string path);
/// `pages`: zstd, or none for snappy. `statistics`: kept in the metadata, if there are any. `pool` (may be null) encodes columns at the same time.
Result<std::unique_ptr<Encoder>> parquet_encoder(std::unique_ptr<ByteSink> sink, std::string path, Codec pages, std::string statistics,
                                                 exec::Pool* pool);
Result<std::unique_ptr<Encoder>> arrow_encoder(std::unique_ptr<ByteSink> sink, std::string path, std::string statistics = {});
/// Writes nothing; finish() leaves a hash of names, dtypes and values in `*result`, where null and NaN are the same.
std::unique_ptr<Encoder> checksum_encoder(Hash128* result);

}  // namespace hayate::io
