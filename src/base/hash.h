// One 128-bit hash for everything that is named by its content: specs, inputs, models, manifest records.
// Not cryptographic: it guards against accidents (a torn file, a changed price), not against an adversary.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace hayate {

struct Hash128 {
  uint64_t low = 0, high = 0;
  bool operator==(const Hash128&) const = default;
  /// 32 lower-case hex digits.
  std::string hex() const;
};

/// Streams bytes into a hash; the result depends on the bytes alone, not on how they were cut into calls.
class Hasher {
 public:
  explicit Hasher(uint64_t seed = 0);
  Hasher& bytes(const void* data, size_t size);
  /// Length first, so that ("ab","c") and ("a","bc") differ.
  Hasher& text(std::string_view text);
  Hasher& number(uint64_t value) { return bytes(&value, sizeof value); }
  Hash128 finish() const;

 private:
  void block(const unsigned char* data);
  uint64_t a_, b_, total_ = 0;
  unsigned char tail_[16];
  size_t tail_size_ = 0;
};

Hash128 hash_bytes(const void* data, size_t size, uint64_t seed = 0);
/// The low half of hash_bytes: the checksum of files and records.
uint64_t checksum(const void* data, size_t size);

}  // namespace hayate
