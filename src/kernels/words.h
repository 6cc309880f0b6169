// Columns as 64-bit words whose unsigned order is the order of the values (aggregate/words.h), and what their values lie between:
// the two loops that every row of a group-by goes through first.
#pragma once

#include <cstdint>

namespace hayate::kernels {

/// The type of an array in memory.
enum class Element : uint8_t { int8, int16, int32, int64, uint8, uint16, uint32, uint64, float32, float64 };

/// Of the values that are neither NaN nor infinite and not 0: the bits of their sizes as float64. `least` is beyond all sizes
/// when there is none.
struct SizeRange {
  uint64_t least = INT64_MAX, greatest = 0;
  bool infinite = false;
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
  /// into[i] += (words[i] - least) << shift.
  void (*add_shifted)(const uint64_t* words, int64_t count, uint64_t least, int shift, uint64_t* into);
  /// The finite reals that words stand for as multiples of 2^scale, which all of them are: low[i] + high[i] * 2^cut, both with the sign of
  /// the real, and low below 2^cut in size. They have at most 2 * cut bits; cut < 64.
  void (*halves)(const uint64_t* words, int64_t count, int scale, int cut, uint64_t* low, uint64_t* high);
};

const WordKernels& word_kernels();

}  // namespace hayate::kernels
