#include <arrow/result.h>
#include <arrow/util/compression.h>
#include <fmt/format.h>

#include <cstring>
#include <utility>

#include "base/strings.h"
#include "io/arrow_module.h"
#include "io/large_memory.h"

namespace hayate::io {
namespace {

Result<std::unique_ptr<arrow::util::Codec>> make_codec(Codec codec, const std::string& path) {
  const auto type = codec == Codec::gzip ? arrow::Compression::GZIP : arrow::Compression::ZSTD;
  // gzip: that of its command-line tool. zstd: rows of numbers take 5 to 10 % less on level 1 than on 3, and a half to a quarter of the time.
  constexpr int kGzipLevel = 6, kZstdLevel = 1;
  auto made = arrow::util::Codec::Create(type, codec == Codec::gzip ? kGzipLevel : kZstdLevel);
  if (!made.ok()) return input_error("this build of Arrow has no such codec", path, "write the file without compression");
  return std::move(*made);
}

/// Memory that grows by doubling without being cleared; its owner becomes that of a Buffer.
struct Growing {
  std::shared_ptr<uint8_t> bytes;
  size_t capacity = 0, size = 0;

  bool grow(size_t to) {
    std::shared_ptr<uint8_t> larger = std::static_pointer_cast<uint8_t>(allocate_large(to));
    if (!larger) return false;
    if (size) std::memcpy(larger.get(), bytes.get(), size);
    bytes = std::move(larger), capacity = to;
    return true;
  }
};

/// Whether the first bytes of a file are those of a member or frame.
bool begins_as(Codec codec, const uint8_t* data, size_t size) {
  if (codec == Codec::gzip) return size >= 2 && data[0] == 0x1F && data[1] == 0x8B;
  const bool frame = size >= 4 && data[0] == 0x28 && data[1] == 0xB5 && data[2] == 0x2F && data[3] == 0xFD;
  return frame || (size >= 4 && data[0] >> 4 == 5 && data[1] == 0x2A && data[2] == 0x4D && data[3] == 0x18);  // one that is skipped
}

Error not_compressed(Codec codec, const std::string& path) {
  const bool gzip = codec == Codec::gzip;
  return input_error(fmt::format("the file is not compressed with {}", gzip ? "gzip" : "zstd"), path,
                     fmt::format("call it without {} if it is plain text, or download it again", gzip ? ".gz" : ".zst"));
}

Error torn(const std::string& path) { return input_error("the compressed data is damaged or cut off", path, "copy or download the file again"); }

}  // namespace

Result<Buffer> with_arrow::decompress(const Buffer& bytes, Codec codec, const std::string& path, int64_t limit_bytes) {
  HY_TRY(const auto made, make_codec(codec, path));
  auto decompressor = made->MakeDecompressor();
  if (!decompressor.ok() || bytes.size == 0) return torn(path);
  if (!begins_as(codec, bytes.data, bytes.size)) return not_compressed(codec, path);
  arrow::util::Decompressor& stream = **decompressor;

  Growing out;
  size_t at = 0;
  size_t wanted = std::max<size_t>(4 * bytes.size, 1 << 16);
  const int64_t most = limit_bytes / 2;  // what has been unpacked is there twice while it moves, and a table is made of it
  while (true) {
    if (out.size == out.capacity) {
      if (int64_t(out.capacity) >= most || !out.grow(std::min(wanted, size_t(most))))
        return Error{Kind::budget, fmt::format("unpacks to more than {}, half of the memory limit", format_bytes(most)), path,
                     "raise --memory-limit, or unpack the file and read it in parts"};
      wanted = 2 * out.capacity;
    }
    const auto step = stream.Decompress(int64_t(bytes.size - at), bytes.data + at, int64_t(out.capacity - out.size), out.bytes.get() + out.size);
    if (!step.ok()) return torn(path);
    at += size_t(step->bytes_read);
    out.size += size_t(step->bytes_written);
    if (stream.IsFinished()) {
      if (at == bytes.size) break;
      if (!stream.Reset().ok()) return torn(path);
    } else if (step->bytes_read == 0 && step->bytes_written == 0) {
      if (at == bytes.size || !step->need_more_output) return torn(path);
      if (!out.grow(std::min(2 * out.capacity, size_t(most)))) return torn(path);
    }
  }
  const uint8_t* data = out.bytes.get();
  return Buffer{std::move(out.bytes), data, out.size};
}

namespace {

constexpr size_t kPiece = size_t{1} << 20;

/// Appends to a temporary file what a stream unpacks to.
class Unpacking {
 public:
  Unpacking(arrow::util::Decompressor& stream, const std::string& path, TemporaryFile& to) : stream_(stream), path_(path), to_(to) {}

  Result<void> add(const uint8_t* data, size_t size) {
    for (size_t at = 0; at < size || full_;) {
      if (stream_.IsFinished() && !stream_.Reset().ok()) return torn(path_);
      const auto step = stream_.Decompress(int64_t(size - at), data + at, int64_t(out_.size()), out_.data());
      if (!step.ok()) return torn(path_);
      if (step->bytes_read == 0 && step->bytes_written == 0) {
        if (!step->need_more_output) return torn(path_);
        out_.resize(2 * out_.size());
      }
      at += size_t(step->bytes_read);
      full_ = size_t(step->bytes_written) == out_.size();
      HY_CHECK(to_.write_at(to_.reserve(step->bytes_written), out_.data(), size_t(step->bytes_written)));
    }
    return {};
  }
  bool finished() const { return stream_.IsFinished(); }

 private:
  arrow::util::Decompressor& stream_;
  const std::string& path_;
  TemporaryFile& to_;
  std::vector<uint8_t> out_ = std::vector<uint8_t>(kPiece);
  bool full_ = false;  // the last step filled the output: there may be more without further input
};

}  // namespace

Result<void> with_arrow::unpack(const std::string& path, std::string_view begin, Codec codec, TemporaryFile& to) {
  HY_TRY(const auto made, make_codec(codec, path));
  auto stream = made->MakeDecompressor();
  if (!stream.ok()) return torn(path);
  Unpacking unpacking(**stream, path, to);
  if (!begin.empty()) HY_CHECK(unpacking.add(reinterpret_cast<const uint8_t*>(begin.data()), begin.size()));
  bool first = begin.empty();
  HY_CHECK(read_pieces(path, [&](const uint8_t* data, size_t size) -> Result<void> {
    if (std::exchange(first, false) && !begins_as(codec, data, size)) return not_compressed(codec, path);
    return unpacking.add(data, size);
  }));
  return unpacking.finished() ? Result<void>() : torn(path);
}

namespace {

class CompressedSink final : public ByteSink {
 public:
  CompressedSink(std::unique_ptr<ByteSink> below, std::shared_ptr<arrow::util::Compressor> stream)
      : below_(std::move(below)), stream_(std::move(stream)) {
    input_.reserve(kPiece);
  }

  /// Full pieces go to the compressor, so the output depends on the bytes and not on how they were cut into calls.
  Result<void> write(const void* data, size_t size) override {
    auto from = static_cast<const uint8_t*>(data);
    while (size > 0) {
      const size_t part = std::min(size, kPiece - input_.size());
      input_.insert(input_.end(), from, from + part);
      from += part, size -= part;
      if (input_.size() == kPiece) HY_CHECK(compress());
    }
    return {};
  }

  Result<void> publish() override {
    HY_CHECK(compress());
    while (true) {
      const auto step = stream_->End(int64_t(output_.size()), output_.data());
      if (!step.ok()) return failed();
      HY_CHECK(below_->write(output_.data(), size_t(step->bytes_written)));
      if (!step->should_retry) return below_->publish();
    }
  }

 private:
  static Error failed() { return {Kind::io, "compression failed", "", "write the file without compression"}; }

  Result<void> compress() {
    for (size_t at = 0; at < input_.size();) {
      const auto step = stream_->Compress(int64_t(input_.size() - at), input_.data() + at, int64_t(output_.size()), output_.data());
      if (!step.ok()) return failed();
      at += size_t(step->bytes_read);
      HY_CHECK(below_->write(output_.data(), size_t(step->bytes_written)));
    }
    input_.clear();
    return {};
  }

  std::unique_ptr<ByteSink> below_;
  std::shared_ptr<arrow::util::Compressor> stream_;
  std::vector<uint8_t> input_, output_ = std::vector<uint8_t>(kPiece);
};

}  // namespace

Result<std::unique_ptr<ByteSink>> with_arrow::compressed_sink(std::unique_ptr<ByteSink> below, Codec codec) {
  HY_TRY(const auto made, make_codec(codec, ""));
  auto stream = made->MakeCompressor();
  if (!stream.ok()) return Error{Kind::io, "compression failed", "", "write the file without compression"};
  return std::unique_ptr<ByteSink>(std::make_unique<CompressedSink>(std::move(below), std::move(*stream)));
}

}  // namespace hayate::io
