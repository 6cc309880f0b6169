#include "io/arrow_module.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <atomic>
#include <filesystem>

namespace hayate::io {
namespace {

std::atomic<const ArrowModule*> loaded = nullptr;

#define HAYATE_TEXT_OF(name) #name
#define HAYATE_NAME_OF(name) HAYATE_TEXT_OF(name)

/// The library, or why there is none.
struct Loading {
  const ArrowModule* module = nullptr;
  std::string what, where, hint;
};

/// Beside the program, or where it was built.
Loading load() {
  std::error_code ignored;
  const std::filesystem::path built = HAYATE_ARROW_LIBRARY, program = std::filesystem::read_symlink("/proc/self/exe", ignored);
  const std::filesystem::path beside = program.parent_path() / built.filename();
  const std::string file = (std::filesystem::exists(beside, ignored) ? beside : built).string();
  void* const library = ::dlopen(file.c_str(), RTLD_LAZY | RTLD_LOCAL);
  const void* const module = library ? ::dlsym(library, HAYATE_NAME_OF(HAYATE_ARROW_MODULE)) : nullptr;
  if (!module) {
    const char* const said = ::dlerror();
    return {nullptr, fmt::format("cannot be loaded: {}", said ? said : "it is empty"), "",
            "keep libhayate_arrow.so of the same build beside the program, and pyarrow where it was built with; or use plain CSV"};
  }
  const void* const stamp = ::dlsym(library, HAYATE_NAME_OF(HAYATE_ARROW_STAMP));
  const std::string theirs = stamp ? *static_cast<const char* const*>(stamp) : "without a stamp";
  if (theirs == kArrowStamp) return {static_cast<const ArrowModule*>(module), "", "", ""};
  return {nullptr, fmt::format("is of another build: {}, and the program is {}", theirs, kArrowStamp), file,
          "install the program and libhayate_arrow.so of one build together, or build both again; plain CSV and JSON work without it"};
}

}  // namespace

Result<const ArrowModule*> arrow_module(const std::string& path) {
  static const Loading loading = load();
  loaded = loading.module;
  if (loading.module) return loading.module;
  return Error{Kind::io, "the part of hayate that reads and writes Parquet, Arrow and compressed files " + loading.what,
               loading.where.empty() ? path : fmt::format("{}, needed for {}", loading.where, path), loading.hint};
}

void release_arrow_memory() {
  if (const ArrowModule* module = loaded) module->release_memory();
}

Result<Table> read_parquet(const std::string& path, const ReadOptions& options, int64_t limit_bytes) {
  HY_TRY(const ArrowModule* const arrow, arrow_module(path));
  return arrow->read_parquet(path, options, limit_bytes);
}
Result<std::unique_ptr<ChunkReader>> parquet_chunks(const std::string& path, const ReadOptions& options, int64_t limit_bytes, size_t chunk_bytes) {
  HY_TRY(const ArrowModule* const arrow, arrow_module(path));
  return arrow->parquet_chunks(path, options, limit_bytes, chunk_bytes);
}
Result<std::vector<std::string>> parquet_names(const std::string& path, int64_t limit_bytes) {
  HY_TRY(const ArrowModule* const arrow, arrow_module(path));
  return arrow->parquet_names(path, limit_bytes);
}
Result<std::string> parquet_statistics(const std::string& path, int64_t limit_bytes) {
  HY_TRY(const ArrowModule* const arrow, arrow_module(path));
  return arrow->parquet_statistics(path, limit_bytes);
}
Result<int64_t> parquet_memory(const std::string& path, const ReadOptions& options, int64_t limit_bytes) {
  HY_TRY(const ArrowModule* const arrow, arrow_module(path));
  return arrow->parquet_memory(path, options, limit_bytes);
}
Result<std::unique_ptr<Encoder>> parquet_encoder(std::unique_ptr<ByteSink> sink, std::string path, Codec pages, std::string statistics,
                                                 exec::Pool* pool) {
  HY_TRY(const ArrowModule* const arrow, arrow_module(path));
  return arrow->parquet_encoder(std::move(sink), std::move(path), pages, std::move(statistics), pool);
}

Result<Table> read_arrow(const std::string& path, const ReadOptions& options, int64_t limit_bytes) {
  HY_TRY(const ArrowModule* const arrow, arrow_module(path));
  return arrow->read_arrow(path, options, limit_bytes);
}
Result<std::unique_ptr<ChunkReader>> arrow_chunks(const std::string& path, const ReadOptions& options, int64_t limit_bytes) {
  HY_TRY(const ArrowModule* const arrow, arrow_module(path));
  return arrow->arrow_chunks(path, options, limit_bytes);
}
Result<std::vector<std::string>> arrow_names(const std::string& path, int64_t limit_bytes) {
  HY_TRY(const ArrowModule* const arrow, arrow_module(path));
  return arrow->arrow_names(path, limit_bytes);
}
Result<std::string> arrow_statistics(const std::string& path, int64_t limit_bytes) {
  HY_TRY(const ArrowModule* const arrow, arrow_module(path));
  return arrow->arrow_statistics(path, limit_bytes);
}
Result<std::unique_ptr<Encoder>> arrow_encoder(std::unique_ptr<ByteSink> sink, std::string path, std::string statistics) {
  HY_TRY(const ArrowModule* const arrow, arrow_module(path));
  return arrow->arrow_encoder(std::move(sink), std::move(path), std::move(statistics));
}

Result<Buffer> decompress(const Buffer& bytes, Codec codec, const std::string& path, int64_t limit_bytes) {
  HY_TRY(const ArrowModule* const arrow, arrow_module(path));
  return arrow->decompress(bytes, codec, path, limit_bytes);
}
Result<std::unique_ptr<ByteSink>> compressed_sink(std::unique_ptr<ByteSink> below, Codec codec) {
  if (codec == Codec::none) return below;
  HY_TRY(const ArrowModule* const arrow, arrow_module("a compressed output"));
  return arrow->compressed_sink(std::move(below), codec);
}
Result<Buffer> read_unpacked(const std::string& path, Codec codec, int64_t limit_bytes) {
  HY_TRY(Buffer bytes, read_file(path));
  if (codec == Codec::none && path == "-") codec = codec_of(bytes.data, bytes.size);
  return codec == Codec::none ? std::move(bytes) : decompress(bytes, codec, path, limit_bytes);
}
Result<std::shared_ptr<const InputFile>> open_unpacked(const std::string& path, Codec codec) {
  if (codec == Codec::none && path != "-" && file_size(path)) return InputFile::open(path);
  HY_TRY(TemporaryFile file, TemporaryFile::create());
  std::string begin;
  if (codec == Codec::none && path == "-") {
    HY_TRY(begin, take_stdin(4));
    codec = codec_of(reinterpret_cast<const uint8_t*>(begin.data()), begin.size());
  }
  if (codec == Codec::none) {
    HY_CHECK(file.write_at(file.reserve(int64_t(begin.size())), begin.data(), begin.size()));
    HY_CHECK(read_pieces(path, [&](const uint8_t* data, size_t size) { return file.write_at(file.reserve(int64_t(size)), data, size); }));
  } else {
    HY_TRY(const ArrowModule* const arrow, arrow_module(path));
    HY_CHECK(arrow->unpack(path, begin, codec, file));
  }
  return InputFile::from_descriptor(file.release(), path);
}

}  // namespace hayate::io
