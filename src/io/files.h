// Files as the command line names them: inputs expanded to sorted paths, a format told from the name, whole files read
// and hashed, and outputs that appear complete or not at all.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "hayate/error.h"
#include "hayate/table.h"

namespace hayate::io {

/// How the rows of a file are written down.
enum class Format { csv, parquet, arrow, json, jsonl, npy, hdf5 };
/// What wraps them.
enum class Codec { none, gzip, zstd };

struct FileKind {
  Format format = Format::csv;
  Codec codec = Codec::none;
  Codec pages = Codec::none;  ///< of a Parquet file that is written: none is snappy; reading takes whatever is there
  char separator = 0;         ///< of a CSV file; 0: what the first records say, a comma in what is written
};

/// One row per extension; the order is the order in which they are listed to the user.
struct Extension {
  std::string_view name;  ///< with its dot, lower case
  FileKind kind;
};
inline constexpr Extension kExtensions[] = {
    {".csv", {Format::csv, Codec::none}},
    {".csv.gz", {Format::csv, Codec::gzip}},
    {".csv.zst", {Format::csv, Codec::zstd}},
    {".tsv", {Format::csv, Codec::none, Codec::none, '\t'}},
    {".tsv.gz", {Format::csv, Codec::gzip, Codec::none, '\t'}},
    {".tsv.zst", {Format::csv, Codec::zstd, Codec::none, '\t'}},
    {".parquet", {Format::parquet, Codec::none}},
    {".zstd.parquet", {Format::parquet, Codec::none, Codec::zstd}},
    {".arrow", {Format::arrow, Codec::none}},
    {".feather", {Format::arrow, Codec::none}},
    {".json", {Format::json, Codec::none}},
    {".jsonl", {Format::jsonl, Codec::none}},
    {".npy", {Format::npy, Codec::none}},
    {".h5", {Format::hdf5, Codec::none}},
};

/// The kind that a path's extension names (case ignored), or a usage Error that lists the known extensions.
Result<FileKind> kind_of(std::string_view path);
/// How bytes that begin so are wrapped, told from the mark of gzip or zstd.
Codec codec_of(const uint8_t* data, size_t size);
/// The kind called `name` as --format takes it: an extension without its dot ("csv", "csv.gz"); `where` names the flag.
Result<FileKind> kind_named(std::string_view name, std::string where);
/// The file name without folders and without its known extension: "prices/BRK.B.csv.gz" -> "BRK.B".
std::string stem(std::string_view path);

/// What a reader that was told to stop says.
Error reading_stopped(const std::string& path);

/// Files, globs and folders as one list of paths, sorted by bytes, each once. A folder stands for its own files with a
/// known extension (hidden ones are left out; of subfolders those called key=value are gone into: partitions.h), a qlib folder (qlib_folder.h) for itself; "-" stands for standard input and is kept. A missing
/// file, an empty folder and a glob without a match are Errors.
Result<std::vector<std::string>> expand_inputs(std::span<const std::string> inputs);
Result<std::vector<std::string>> expand_input(const std::string& input);

/// An Error when `path` is no file that can be opened for reading.
Result<void> check_readable(const std::string& path);
/// Bytes of a file, or nothing where that has no meaning (a pipe, a device, "-").
std::optional<int64_t> file_size(const std::string& path);
/// The whole file in memory ("-": standard input). Read, not mapped: a file cut while it is mapped would kill the process.
Result<Buffer> read_file(const std::string& path);
/// The first bytes of standard input, fewer than `size` only where it ends; who reads it next begins behind them.
Result<std::string> take_stdin(size_t size);
/// Calls visit(bytes, size) for the file ("-": standard input) in pieces of up to 1 MiB, until it returns an Error.
Result<void> read_pieces(const std::string& path, const std::function<Result<void>(const uint8_t* data, size_t size)>& visit);

/// A regular file open for reading at any place, by any number of threads at once.
class InputFile {
 public:
  static Result<std::shared_ptr<const InputFile>> open(const std::string& path);
  /// Takes over an open descriptor of a regular file; `path` names it in errors.
  static std::shared_ptr<const InputFile> from_descriptor(int file, std::string path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  /// Its size when it was opened.
  int64_t size() const { return size_; }
  int descriptor() const { return file_; }
  /// How many bytes were read: fewer than `size` only where the file ends.
  Result<size_t> read_at(int64_t offset, void* into, size_t size) const;

 private:
  InputFile(std::string path, int file, int64_t size) : path_(std::move(path)), file_(file), size_(size) {}

  std::string path_;
  int file_;
  int64_t size_;
};

/// A file without a name in the folder of temporary files ($TMPDIR, else /tmp): gone when its descriptor is closed, and
/// with the process. Writing and reading may go on at any places at once, from any thread.
class TemporaryFile {
 public:
  static Result<TemporaryFile> create();
  TemporaryFile(TemporaryFile&& other) noexcept;
  TemporaryFile& operator=(TemporaryFile&&) = delete;
  ~TemporaryFile();

  /// Reserves room behind what is there; returns where it begins.
  int64_t reserve(int64_t size) { return size_.fetch_add(size); }
  Result<void> write_at(int64_t offset, const void* data, size_t size);
  /// Exactly `size` bytes; fewer in the file is an Error.
  Result<void> read_at(int64_t offset, void* into, size_t size) const;
  int64_t size() const { return size_; }
  /// The descriptor, which is the caller's now.
  int release();

 private:
  TemporaryFile(int file, std::string folder) : file_(file), folder_(std::move(folder)) {}

  int file_;
  std::string folder_;
  std::atomic<int64_t> size_{0};
};

/// Hash of a file's bytes, read in pieces of 1 MiB.
Result<Hash128> hash_file(const std::string& path);

/// Where a writer puts bytes. Not thread safe.
class ByteSink {
 public:
  virtual ~ByteSink() = default;
  virtual Result<void> write(const void* data, size_t size) = 0;
  /// Makes what was written visible and durable. Called once, last.
  virtual Result<void> publish() = 0;
};

/// A file that appears complete or not at all: written under a hidden temporary name in the same folder, then synced,
/// renamed over `path`, and the folder synced. Destroyed without publish(), it removes the temporary file and leaves
/// what stood at `path` alone. A path that is a device or a pipe (/dev/stdout, /dev/null) is written directly.
class AtomicFile final : public ByteSink {
 public:
  static Result<std::unique_ptr<AtomicFile>> create(const std::string& path);
  ~AtomicFile() override;
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  Result<void> write(const void* data, size_t size) override;
  Result<void> publish() override;

 private:
  AtomicFile() = default;

  std::string path_, target_, temporary_;  // target_: path_ with links followed; temporary_: empty for a device
  int file_ = -1;
  int64_t written_ = 0, sent_ = 0;  // sent_: on its way to the disk
};

/// Writes a whole small file atomically.
Result<void> write_file(const std::string& path, std::string_view bytes);

/// Standard output as a sink; publish() only reports what could not be written.
std::unique_ptr<ByteSink> stdout_sink();

}  // namespace hayate::io
