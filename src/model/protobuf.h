// Writes Protocol Buffers' wire format: the five messages of an ONNX file need no more than this, and libprotobuf exists
// a second time inside Arrow.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace hayate {

class ProtobufWriter {
 public:
  ProtobufWriter& number(uint32_t field, int64_t value) { return tag(field, 0), varint(uint64_t(value)), *this; }
  ProtobufWriter& real(uint32_t field, float value) {
    tag(field, 5);
    return raw(&value, sizeof value), *this;
  }
  /// A string, bytes or message.
  ProtobufWriter& bytes(uint32_t field, std::string_view value) { return tag(field, 2), varint(value.size()), bytes_.append(value), *this; }
  ProtobufWriter& message(uint32_t field, const ProtobufWriter& value) { return bytes(field, value.bytes_); }
  ProtobufWriter& reals(uint32_t field, std::span<const float> values) {
    tag(field, 2), varint(values.size_bytes());
    return raw(values.data(), values.size_bytes()), *this;
  }
  ProtobufWriter& numbers(uint32_t field, std::span<const int64_t> values) {
    ProtobufWriter packed;
    for (const int64_t value : values) packed.varint(uint64_t(value));
    return message(field, packed);
  }

  const std::string& text() const { return bytes_; }

 private:
  void tag(uint32_t field, uint32_t wire) { varint(field << 3 | wire); }
  void varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_ += char(0x80 | (value & 0x7F));
    bytes_ += char(value);
  }
  void raw(const void* data, size_t size) { bytes_.append(static_cast<const char*>(data), size); }

  std::string bytes_;
};

}  // namespace hayate
