// Arrays of numbers in a section of a .hyt file: appended to a text of bytes, and taken from one that may be anybody's.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hayate {

inline size_t round_up(size_t size, size_t to) { return (size + to - 1) / to * to; }

template <class T>
void put_value(std::string& out, const T& value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

/// The values, and zero bytes up to a multiple of 8.
template <class T>
void put_array(std::string& out, const std::vector<T>& values) {
  out.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
  out.resize(round_up(out.size(), 8));
}

/// What is left of a section. A read past its end fails and stays failed; nothing is allocated on the word of a count alone.
class Bytes {
 public:
  explicit Bytes(std::string_view bytes) : left_(bytes), size_(bytes.size()) {}

  template <class T>
  bool read(T& value) {
    if (left_.size() < sizeof(T)) return false;
    std::copy_n(left_.begin(), sizeof(T), reinterpret_cast<char*>(&value));
    left_.remove_prefix(sizeof(T));
    return true;
  }
  bool text(std::string& out) {
    uint64_t size = 0;
    if (!read(size) || size > left_.size()) return false;
    out = left_.substr(0, size);
    left_.remove_prefix(size);
    return true;
  }
  bool list(std::vector<std::string>& out) {
    uint64_t count = 0;
    if (!read(count) || count > left_.size() / sizeof(uint64_t)) return false;
    out.resize(count);
    for (std::string& entry : out)
      if (!text(entry)) return false;
    return true;
  }
  template <class T>
  bool array(std::vector<T>& out, uint64_t count) {
    if (count > left_.size() / sizeof(T)) return false;
    out.resize(count);
    std::copy_n(left_.begin(), count * sizeof(T), reinterpret_cast<char*>(out.data()));
    left_.remove_prefix(count * sizeof(T));
    const size_t padding = round_up(size_ - left_.size(), 8) - (size_ - left_.size());
    if (padding > left_.size()) return false;
    left_.remove_prefix(padding);
    return true;
  }
  bool bytes(std::string_view& out, uint64_t size) {
    if (size > left_.size()) return false;
    out = left_.substr(0, size);
    left_.remove_prefix(size);
    return true;
  }
  bool empty() const { return left_.empty(); }

 private:
  std::string_view left_;
  size_t size_;
};

}  // namespace hayate
