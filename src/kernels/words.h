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
  /// Finite reals (float32, float64, word) as multiples of 2^scale, which all of them are: low[i] + high[i] * 2^cut, both with the sign of
  /// the real, and low below 2^cut in size. They have at most 2 * cut bits; cut < 64.
  void (*halves)(Element element, const void* from, int64_t count, int scale, int cut, uint64_t* low, uint64_t* high);
  /// Joins what becomes of these values. Returns how many are NaN.
  int64_t (*narrowing)(const double* from, int64_t count, double rtol, double atol, Narrowing* seen);
};

const WordKernels& word_kernels();

}  // namespace hayate::kernels
