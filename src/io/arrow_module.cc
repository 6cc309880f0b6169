#include "io/arrow_module.h"

#include <dlfcn.h>

#include <atomic>
#include <filesystem>

namespace hayate::io {
namespace {

std::atomic<const ArrowModule*> loaded = nullptr;

#define HAYATE_TEXT_OF(name) #name
#define HAYATE_NAME_OF(name) HAYATE_TEXT_OF(name)

/// Beside the program, or where it was built.
const ArrowModule* load(std::string* why) {
  std::error_code ignored;
  const std::filesystem::path built = HAYATE_ARROW_LIBRARY, program = std::filesystem::read_symlink("/proc/self/exe", ignored);
  const std::filesystem::path beside = program.parent_path() / built.filename();
  void* const library = ::dlopen((std::filesystem::exists(beside, ignored) ? beside : built).c_str(), RTLD_LAZY | RTLD_LOCAL);
  const void* const found = library ? ::dlsym(library, HAYATE_NAME_OF(HAYATE_ARROW_MODULE)) : nullptr;
  if (const char* said = found ? nullptr : ::dlerror()) *why = said;
  return static_cast<const ArrowModule*>(found);
}

}  // namespace

Result<const ArrowModule*> arrow_module(const std::string& path) {
  static std::string why;
  static const ArrowModule* const module = load(&why);
  loaded = module;
  if (!module)
    return Error{Kind::io, "the part of hayate that reads and writes Parquet, Arrow and compressed files cannot be loaded: " + why, path,
                 "keep libhayate_arrow.so beside the program, and pyarrow where it was built with; or use plain CSV"};
  return module;
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
Result<std::shared_ptr<const InputFile>> open_unpacked(const std::string& path, Codec codec) {
  if (codec == Codec::none && path != "-" && file_size(path)) return InputFile::open(path);
  HY_TRY(TemporaryFile file, TemporaryFile::create());
  if (codec == Codec::none) {
    HY_CHECK(read_pieces(path, [&](const uint8_t* data, size_t size) { return file.write_at(file.reserve(int64_t(size)), data, size); }));
  } else {
    HY_TRY(const ArrowModule* const arrow, arrow_module(path));
    HY_CHECK(arrow->unpack(path, codec, file));
  }
  return InputFile::from_descriptor(file.release(), path);
}

}  // namespace hayate::io
