// Numbers for the different texts of a column while it is read: a text of at most 16 bytes is two words, and finding its number a
// multiplication and a comparison.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace hayate::io {

/// Of one worker; not thread safe. Texts hold no NUL byte.
class CodeBook {
 public:
  static constexpr size_t kShort = 16;

  /// The number of a text of 1 to kShort bytes; kShort bytes from `text` on can be read. Numbers count from 0 in order of arrival.
  int32_t code_of_short(const char* text, size_t size) {
    if (slots_.empty()) grow();
    Key key;
    std::memcpy(&key, text, sizeof key);
    key.low &= kMasks[size].low, key.high &= kMasks[size].high;
    const size_t mask = slots_.size() - 1;
    for (size_t at = size_t(((key.low ^ (key.high * 0x9E3779B97F4A7C15u)) * 0xD6E8FEB86659FD93u) >> 32) & mask;; at = (at + 1) & mask) {
      Slot& slot = slots_[at];
      if (slot.key.low == key.low && slot.key.high == key.high) return slot.code;
      if (slot.key.low == 0) return add(key, &slot, {text, size});
    }
  }
  /// The same for any text.
  int32_t code_of(std::string_view text);

  /// By number.
  const std::vector<std::string>& names() const { return names_; }
  void count_rows(int64_t rows) { rows_ += rows; }
  /// Texts hardly ever repeat, or they take more memory than codes save.
  bool is_too_large() const { return names_.size() > kMost || (names_.size() > 4096 && 2 * int64_t(names_.size()) > rows_); }

 private:
  struct Key {
    uint64_t low, high;
  };
  struct Slot {
    Key key;  // low == 0: free, for texts hold no NUL byte
    int32_t code;
  };
  static constexpr size_t kMost = size_t{1} << 18;
  static constexpr std::array<Key, kShort + 1> kMasks = [] {
    std::array<Key, kShort + 1> masks{};
    for (size_t size = 0; size <= kShort; ++size)
      masks[size] = {size >= 8 ? UINT64_MAX : (uint64_t{1} << (8 * size)) - 1, size <= 8    ? 0
                                                                               : size == 16 ? UINT64_MAX
                                                                                            : (uint64_t{1} << (8 * (size - 8))) - 1};
    return masks;
  }();

  int32_t add(const Key& key, Slot* slot, std::string_view text);
  void grow();

  std::vector<Slot> slots_;
  std::unordered_map<std::string, int32_t> long_;  // of more than kShort bytes
  std::vector<std::string> names_;
  int64_t rows_ = 0;
};

}  // namespace hayate::io
