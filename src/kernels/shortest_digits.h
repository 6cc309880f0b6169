// The fewest digits that read back as a float or double, many numbers at once: Schubfach (io/shortest.h says where it is from) for sizes of which
// everything fits two words, with the powers of ten exact. Every step is a loop over rows that becomes vectors; one by one a double takes four times
// as long, half of that for its digits.
#pragma once

#include <cstdint>

namespace hayate::kernels {

/// What at most kRows numbers look like.
struct ShortestDigits {
  static constexpr int64_t kRows = 256, kRoom = 32, kCopy = 16;

  char text[kRoom * kRows + kCopy];  ///< kRoom bytes a number: its digits from begin[i] on, zeros behind them
  uint64_t begin[kRows];
  uint64_t count[kRows];  ///< of digits, without zeros at their end; 0: not of a size that this can do
  int64_t point[kRows];   ///< digits in front of the point, 16 at most; zeros behind it where this is below 0, three at most

  /// Number `i` without its sign as "0.00012" or "12.0", at least one digit on either side of the point; up to 40 bytes are written. Returns where it ends.
  char* put(int64_t i, char* out) const {
    const char* const digits = text + kRoom * i + begin[i];
    const int64_t before = point[i], size = int64_t(count[i]);
    if (before > 0) {
      __builtin_memcpy(out, digits, kCopy);
      out[before] = '.';
      __builtin_memcpy(out + before + 1, digits + before, kCopy);
      return out + 1 + (size > before ? size : before + 1);
    }
    __builtin_memcpy(out, "0.000000", 8);
    out += 2 - before;
    __builtin_memcpy(out, digits, kCopy);
    out[kCopy] = digits[kCopy];
    return out + size;
  }
};

struct ShortestKernels {
  /// Of sizes from 1e-4 to below 1e16 that are no power of two: of the shortest decimals that round to the double the nearest to it, as std::to_chars
  /// has it.
  void (*doubles)(const double* from, int64_t count, ShortestDigits* out);
  /// The same of floats, to below 2^24.
  void (*floats)(const float* from, int64_t count, ShortestDigits* out);
};

const ShortestKernels& shortest_kernels();

}  // namespace hayate::kernels
