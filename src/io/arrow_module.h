// Everything that hayate does with Arrow, in a library of its own that is loaded when the first Parquet, Arrow or compressed file, or object
// store, is read or written.
//
// Linked into the command, libarrow and libparquet took 6 of the 10 ms in which it starts: 60 MB to map, 99,000 addresses to move (which
// touches 800 pages), 8,900 names to look up, OpenSSL's and the AWS client's constructors. Linking them --as-needed or binding lazily, which is what the
// linker does here anyway, changes nothing: almost all of it are tables of virtual functions, which need their addresses at once.
//
// The library uses what the program has of hayate (Table, files, pools: there is one copy of each), so the program is linked with the names
// that the library lacks (CMakeLists.txt takes the list from the library itself). The functions below are those of formats.h,
// chunk_formats.h, encoders.h and compressed_sink.h; there, under the same names, stand calls of these.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "io/chunk_formats.h"
#include "io/compressed_sink.h"
#include "io/encoders.h"
#include "io/formats.h"

namespace hayate::io {

/// A place in an object store, opened.
class ObjectStore {
 public:
  virtual ~ObjectStore() = default;
  /// Paths in the store that the place stands for.
  virtual Result<std::vector<std::string>> list() = 0;
  /// The bytes of one of them, piece by piece; `url` is its name in errors.
  virtual Result<void> read(const std::string& path, const std::string& url, const std::function<Result<void>(const char*, size_t)>& take) = 0;
  /// An upload. Without publish() nothing appears.
  virtual Result<std::unique_ptr<ByteSink>> write() = 0;
};

/// Their definitions, in the library.
namespace with_arrow {

decltype(io::read_parquet) read_parquet;
decltype(io::parquet_chunks) parquet_chunks;
decltype(io::parquet_names) parquet_names;
decltype(io::parquet_statistics) parquet_statistics;
decltype(io::parquet_memory) parquet_memory;
decltype(io::parquet_encoder) parquet_encoder;
decltype(io::read_arrow) read_arrow;
decltype(io::arrow_chunks) arrow_chunks;
decltype(io::arrow_names) arrow_names;
decltype(io::arrow_statistics) arrow_statistics;
decltype(io::arrow_encoder) arrow_encoder;
decltype(io::decompress) decompress;
decltype(io::compressed_sink) compressed_sink;
/// Appends what `path` unpacks to; `begin`: its first bytes, where they were taken from it already.
Result<void> unpack(const std::string& path, std::string_view begin, Codec codec, TemporaryFile& to);
Result<std::unique_ptr<ObjectStore>> open_store(const std::string& url);
void release_memory();

}  // namespace with_arrow

struct ArrowModule {
  decltype(&with_arrow::read_parquet) read_parquet;
  decltype(&with_arrow::parquet_chunks) parquet_chunks;
  decltype(&with_arrow::parquet_names) parquet_names;
  decltype(&with_arrow::parquet_statistics) parquet_statistics;
  decltype(&with_arrow::parquet_memory) parquet_memory;
  decltype(&with_arrow::parquet_encoder) parquet_encoder;
  decltype(&with_arrow::read_arrow) read_arrow;
  decltype(&with_arrow::arrow_chunks) arrow_chunks;
  decltype(&with_arrow::arrow_names) arrow_names;
  decltype(&with_arrow::arrow_statistics) arrow_statistics;
  decltype(&with_arrow::arrow_encoder) arrow_encoder;
  decltype(&with_arrow::decompress) decompress;
  decltype(&with_arrow::compressed_sink) compressed_sink;
  decltype(&with_arrow::unpack) unpack;
  decltype(&with_arrow::open_store) open_store;
  decltype(&with_arrow::release_memory) release_memory;
};

/// What the two sides agree on: the version, and a hash of the headers that the library includes and of the compiler's options. Made by the
/// build (cmake/module_stamp.cmake), compiled into both.
extern const char kArrowStamp[];

/// The library's functions; loads it the first time. An Error, about `path`, where it does not lie beside the program or where it was built, or
/// has another stamp: called nevertheless, the library of another build took tables for what they were not.
Result<const ArrowModule*> arrow_module(const std::string& path);

/// Gives the system what Arrow's allocator holds and nobody uses, if it was loaded.
void release_arrow_memory();

/// The name under which the library has its ArrowModule.
#define HAYATE_ARROW_MODULE hayate_arrow_module
/// And its stamp, a const char*; this must stay as it is in all versions.
#define HAYATE_ARROW_STAMP hayate_arrow_stamp

}  // namespace hayate::io
