#include "io/encoding.h"

#include <fmt/format.h>
#include <iconv.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "base/strings.h"

namespace hayate::io {
namespace {

constexpr size_t kDecodedPiece = size_t{1} << 18;

struct NamedEncoding {
  const char* name;
  Encoding encoding;
};
constexpr NamedEncoding kEncodings[] = {{"utf-8", Encoding::utf8}, {"utf-16", Encoding::utf16}, {"cp932", Encoding::cp932}};

std::string hex_of(const uint8_t* bytes, size_t size) {
  std::string out;
  for (size_t i = 0; i < size; ++i) out += fmt::format("{}{:02X}", i ? " " : "", bytes[i]);
  return out;
}

Error no_character(const std::string& what, const std::string& path, int64_t line, int64_t offset, const std::string& hex) {
  return input_error(what, fmt::format("{}:{}: {} at byte {}", path, line, hex, offset), "name the encoding that the file is in with --encoding");
}

class Utf16Decoder final : public Decoder {
 public:
  explicit Utf16Decoder(std::string path) : path_(std::move(path)) {}

  Result<void> add(const uint8_t* data, size_t size, std::string* out) override {
    for (size_t i = 0; i < size; ++i) {
      if (!half_) {
        first_ = data[i], half_ = true;
        continue;
      }
      half_ = false;
      offset_ += 2;
      HY_CHECK(take(first_, data[i], out));
    }
    return {};
  }

  Result<void> finish() override {
    if (half_) return no_character("an odd number of bytes is no UTF-16", path_, line_, offset_, hex_of(&first_, 1));
    if (high_) return lone(high_, offset_ - 2);
    if (offset_ == 0) return no_mark();
    return {};
  }

 private:
  Error no_mark() const {
    return input_error("no byte order mark: this is not known to be UTF-16", path_,
                       "leave --encoding out for UTF-8; UTF-16 without a mark is converted with iconv -f utf-16le -t utf-8");
  }
  Error lone(uint32_t unit, int64_t offset) const {
    return no_character("half of a surrogate pair is no character", path_, line_, offset, fmt::format("U+{:04X}", unit));
  }

  /// One unit, whose bytes end at offset_.
  Result<void> take(uint8_t first, uint8_t second, std::string* out) {
    if (offset_ == 2) {
      if (!(first == 0xFF && second == 0xFE) && !(first == 0xFE && second == 0xFF)) return no_mark();
      big_ = first == 0xFE;
      return {};
    }
    const uint32_t unit = big_ ? uint32_t(first) << 8 | second : uint32_t(second) << 8 | first;
    const bool low = unit >= 0xDC00 && unit < 0xE000;
    if (low != (high_ != 0)) return low ? lone(unit, offset_ - 2) : lone(high_, offset_ - 4);
    if (low) {
      append_utf8(0x10000 + ((high_ - 0xD800) << 10) + (unit - 0xDC00), out);
      high_ = 0;
    } else if (unit >= 0xD800 && unit < 0xDC00) {
      high_ = unit;
    } else {
      line_ += unit == '\n';
      append_utf8(unit, out);
    }
    return {};
  }

  const std::string path_;
  bool big_ = false, half_ = false;
  uint8_t first_ = 0;
  uint32_t high_ = 0;  // the first of a pair
  int64_t offset_ = 0, line_ = 1;
};

/// By iconv. Bytes that are no whole character yet wait for the next piece.
class IconvDecoder final : public Decoder {
 public:
  IconvDecoder(iconv_t converter, std::string path) : converter_(converter), path_(std::move(path)) {}
  ~IconvDecoder() override { ::iconv_close(converter_); }

  Result<void> add(const uint8_t* data, size_t size, std::string* out) override {
    waiting_.insert(waiting_.end(), data, data + size);
    size_t at = 0;
    while (at < waiting_.size()) {
      char* from = reinterpret_cast<char*>(waiting_.data()) + at;
      size_t left = waiting_.size() - at, room = sizeof buffer_;
      char* to = buffer_;
      const size_t code = ::iconv(converter_, &from, &left, &to, &room);
      const int reason = code == size_t(-1) ? errno : 0;
      const size_t put = sizeof buffer_ - room;
      line_ += std::count(buffer_, buffer_ + put, '\n');
      out->append(buffer_, put);
      at = waiting_.size() - left;
      if (reason == EINVAL) break;
      if (reason != 0 && reason != E2BIG) return bad(at);
    }
    offset_ += int64_t(at);
    waiting_.erase(waiting_.begin(), waiting_.begin() + std::ptrdiff_t(at));
    return {};
  }

  Result<void> finish() override {
    if (!waiting_.empty()) return bad(0);
    return {};
  }

 private:
  Error bad(size_t at) const {
    const size_t size = std::min<size_t>(2, waiting_.size() - at);
    return no_character("bytes that are no character of cp932", path_, line_, offset_ + int64_t(at), hex_of(waiting_.data() + at, size));
  }

  iconv_t converter_;
  const std::string path_;
  std::vector<uint8_t> waiting_;
  char buffer_[size_t{1} << 16];
  int64_t offset_ = 0, line_ = 1;  // of waiting_
};

}  // namespace

Result<Encoding> encoding_named(std::string_view name) {
  std::vector<std::string> names;
  for (const NamedEncoding& known : kEncodings) {
    names.emplace_back(known.name);
    if (lower(name) == known.name) return known.encoding;
  }
  return unknown_name("encoding", name, names, "--encoding");
}

Result<std::unique_ptr<Decoder>> make_decoder(Encoding encoding, std::string path) {
  if (encoding == Encoding::utf16) return std::unique_ptr<Decoder>(std::make_unique<Utf16Decoder>(std::move(path)));
  iconv_t converter = ::iconv_open("UTF-8", "CP932");
  if (converter == iconv_t(-1))  // NOLINT(performance-no-int-to-ptr): how iconv says so
    return input_error("this system's iconv does not know cp932", path, "install the gconv modules of glibc, or convert the file elsewhere");
  return std::unique_ptr<Decoder>(std::make_unique<IconvDecoder>(converter, std::move(path)));
}

Result<Buffer> decode(const Buffer& bytes, Encoding encoding, const std::string& path, int64_t limit_bytes) {
  HY_TRY(const auto decoder, make_decoder(encoding, path));
  auto text = std::make_shared<std::string>();
  text->reserve(std::min(bytes.size + bytes.size / 8, size_t(limit_bytes)));
  for (size_t at = 0; at < bytes.size; at += kDecodedPiece) {
    HY_CHECK(decoder->add(bytes.data + at, std::min(kDecodedPiece, bytes.size - at), text.get()));
    if (int64_t(text->size()) > limit_bytes)
      return Error{Kind::budget, fmt::format("is more than {} in UTF-8", format_bytes(limit_bytes)), path, "raise --memory-limit"};
  }
  HY_CHECK(decoder->finish());
  const auto data = reinterpret_cast<const uint8_t*>(text->data());
  const size_t size = text->size();
  return Buffer{std::move(text), data, size};
}

Result<std::shared_ptr<const InputFile>> decode_file(const InputFile& file, Encoding encoding, const std::string& path) {
  HY_TRY(const auto decoder, make_decoder(encoding, path));
  HY_TRY(TemporaryFile into, TemporaryFile::create());
  std::vector<uint8_t> piece(kDecodedPiece);
  std::string text;
  for (int64_t at = 0;;) {
    HY_TRY(const size_t got, file.read_at(at, piece.data(), piece.size()));
    if (got == 0) break;
    at += int64_t(got);
    text.clear();
    HY_CHECK(decoder->add(piece.data(), got, &text));
    HY_CHECK(into.write_at(into.reserve(int64_t(text.size())), text.data(), text.size()));
  }
  HY_CHECK(decoder->finish());
  return InputFile::from_descriptor(into.release(), path);
}

}  // namespace hayate::io
