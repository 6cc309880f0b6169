// One chunk reader per format; open_chunks (chunks.h) chooses.
#pragma once

#include "io/chunks.h"
#include "io/csv.h"

namespace hayate::io {

/// `file` is read at any place; `path` names it in errors. `chunk_bytes`: how much of the file makes a chunk.
Result<std::unique_ptr<ChunkReader>> csv_chunks(std::shared_ptr<const InputFile> file, const std::string& path, const CsvOptions& options,
                                                size_t chunk_bytes);
/// `limit_bytes` bounds what Arrow may allocate at once, a chunk has at most `chunk_bytes` of values.
Result<std::unique_ptr<ChunkReader>> parquet_chunks(const std::string& path, const ReadOptions& options, int64_t limit_bytes, size_t chunk_bytes);
Result<std::unique_ptr<ChunkReader>> arrow_chunks(const std::string& path, const ReadOptions& options, int64_t limit_bytes);

/// JSON records, in an array or a record a line (`lines`); one that takes an eighth of `limit_bytes` is a budget Error. Columns, which have no
/// rows to read in pieces, are read as a whole within `limit_bytes`.
Result<std::unique_ptr<ChunkReader>> json_chunks(std::shared_ptr<const InputFile> file, const std::string& path, const ReadOptions& options,
                                                 bool lines, int64_t limit_bytes, size_t chunk_bytes);
/// HDF5: a worker process turns the file piece by piece into a temporary one.
Result<std::unique_ptr<ChunkReader>> hdf5_chunks(const std::string& path, const ReadOptions& options, int64_t limit_bytes, size_t chunk_bytes);
Result<std::unique_ptr<ChunkReader>> npy_chunks(std::shared_ptr<const InputFile> file, const std::string& path, const ReadOptions& options,
                                                size_t chunk_bytes);

/// Names from the header of a CSV file with this separator (0: found from its first records), from the footer of a Parquet file, from the schema
/// of an Arrow file.
Result<std::vector<std::string>> csv_names(const InputFile& file, const std::string& path, char separator);
Result<std::vector<std::string>> parquet_names(const std::string& path, int64_t limit_bytes);
Result<std::vector<std::string>> arrow_names(const std::string& path, int64_t limit_bytes);

/// What the metadata of a Parquet or Arrow file hold as statistics, or "".
Result<std::string> parquet_statistics(const std::string& path, int64_t limit_bytes);
Result<std::string> arrow_statistics(const std::string& path, int64_t limit_bytes);

/// Bytes that the wanted columns take in memory, as the footer has it; an Error when the file is no Parquet file.
Result<int64_t> parquet_memory(const std::string& path, const ReadOptions& options, int64_t limit_bytes);

/// The bytes of `path` ("-": standard input), unpacked, in a temporary file that nobody else sees and that is gone with
/// the last reader. A regular file without codec is opened as it is; standard input without one may be wrapped in one.
Result<std::shared_ptr<const InputFile>> open_unpacked(const std::string& path, Codec codec);

}  // namespace hayate::io
