// Columns as 64-bit words whose unsigned order is the order of the values (aggregate/words.h), and what their values lie between:
// the two loops that every row of a group-by goes through first.
#pragma once

#include <cstdint>

namespace hayate::kernels {

/// The type of an array in memory. `word`: a float64 as its word.
enum class Element : uint8_t { int8, int16, int32, int64, uint8, uint16, uint32, uint64, float32, float64, word };

/// Of the values that are neither NaN nor infinite and not 0: the bits of their sizes as float64. `least` is beyond all sizes
/// when there is none.
struct SizeRange {
  uint64_t least = INT64_MAX, greatest = 0;
  bool infinite = false;
};

/// What becomes of float64 values as float32, over all that were looked at.
struct Narrowing {
  bool exact = true;      ///< every one comes back bit for bit
  bool close = true;      ///< or is off by at most atol + rtol * |value|; NaN is close to NaN
  bool infinite = false;  ///< a finite one becomes infinite
};

/// Cuts reals that are multiples of 2^scale and below 2^(scale + 2 * cut) in size into two whole numbers of at most `cut` bits and a sign, by
/// additions of doubles alone. x + 1.5 * 2^(52 + k) is rounded to a multiple of 2^k, and as bits it is that multiple, counted from the bits of
/// 1.5 * 2^(52 + k) on: so x = 2^(scale + cut) * (high - bits of `high_zero`) + 2^scale * (low - bits of `low_zero`), without rounding, and bits
/// may be summed as whole numbers. (Shifting the mantissa takes some fifteen instructions where this takes four.)
struct Halving {
  double high_zero = 0, low_zero = 0;
};
/// 0 < cut <= 50; -1074 <= scale and scale + cut <= 970, so that both are normal numbers.
inline Halving halving_at(int scale, int cut) {
  const auto zero = [](int k) { return __builtin_bit_cast(double, uint64_t(52 + k + 1023) << 52 | uint64_t{1} << 51); };
  return {zero(scale + cut), zero(scale)};
}

/// Keys whose sums are made at once, a vector each.
inline constexpr int64_t kFewKeys = 4;

struct WordKernels {
  /// words[i] of an integer array. Signed ones and narrow unsigned ones have their sign bit turned; uint64 stays as it is.
  void (*whole)(Element element, const void* from, int64_t count, uint64_t* words);
  /// words[i] of float32 or float64 as float64; missing[i] is 1 for NaN, whose word is 0. Returns how many are missing.
  int64_t (*real)(Element element, const void* from, int64_t count, uint64_t* words, uint8_t* missing);
  /// The least and the greatest word of an integer array, joined to what is there.
  void (*whole_range)(Element element, const void* from, int64_t count, uint64_t* least, uint64_t* greatest);
  /// The same for the values that are not NaN, and their sizes. Returns how many are NaN.
  int64_t (*real_range)(Element element, const void* from, int64_t count, uint64_t* least, uint64_t* greatest, SizeRange* sizes);
  /// into[i] += (word of from[i] - least) << shift, for an integer array; uint64 are words.
  void (*add_shifted)(Element element, const void* from, int64_t count, uint64_t least, int shift, uint64_t* into);
  /// into[i] |= 1 << (word of from[i] - least + shift), below 64.
  void (*set_bits)(Element element, const void* from, int64_t count, uint64_t least, int shift, uint64_t* into);
  /// Finite reals (float32, float64, word) cut in two by `at` (see there): high[i] and low[i] are the bits of the two sums.
  void (*halves)(Element element, const void* from, int64_t count, Halving at, uint64_t* low, uint64_t* high);
  /// For keys below kFewKeys from `first_key` on: adds words[i] to sums[keys[i] - first_key]; others are passed over.
  void (*sum_by_key)(const uint64_t* keys, const uint64_t* words, int64_t count, uint64_t first_key, uint64_t* sums);
  /// The same for both halves of reals, which go from register to register.
  void (*sum_halves_by_key)(Element element, const void* from, const uint64_t* keys, int64_t count, Halving at, uint64_t first_key, uint64_t* low,
                            uint64_t* high);
  /// Joins what becomes of these values. Returns how many are NaN.
  int64_t (*narrowing)(const double* from, int64_t count, double rtol, double atol, Narrowing* seen);
};

const WordKernels& word_kernels();

}  // namespace hayate::kernels
