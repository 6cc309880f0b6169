// A value of any column as one 64-bit word whose unsigned order is the order of the values: what keys are packed from,
// what minimum and maximum compare, what a spilled row holds.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

#include "hayate/table.h"
#include "kernels/words.h"
#include "table/elements.h"

namespace hayate::aggregate {

constexpr uint64_t kSignBit = uint64_t{1} << 63;
constexpr uint64_t kInfinity = uint64_t{0x7FF} << 52;  ///< bits of the double

inline uint64_t word_of(int64_t value) { return uint64_t(value) ^ kSignBit; }
inline int64_t whole_of(uint64_t word) { return int64_t(word ^ kSignBit); }
/// -0 stands just below 0. NaN is missing and has no word.
inline uint64_t word_of(double value) {
  const uint64_t bits = std::bit_cast<uint64_t>(value);
  return bits & kSignBit ? ~bits : bits | kSignBit;
}
inline uint64_t double_bits_of(uint64_t word) { return word & kSignBit ? word ^ kSignBit : ~word; }
inline double double_of(uint64_t word) { return std::bit_cast<double>(double_bits_of(word)); }

/// -0 as 0, which it equals: in keys, and where different values are counted.
inline uint64_t without_sign_of_zero(uint64_t word) { return word == word_of(-0.0) ? word_of(0.0) : word; }

/// What a word stands for.
enum class WordKind : uint8_t {
  whole,           ///< integers up to int64, bool, dates and times
  unsigned_whole,  ///< uint64: the value itself
  real,            ///< float32 and float64, as float64
  text,            ///< place in a sorted dictionary
};
WordKind word_kind(Dtype dtype);

/// Words of rows [begin, begin + count) of a column that is not text; missing[i] is 1 for null and NaN, whose word is 0.
/// Returns whether any is missing. Both arrays have `count` entries.
bool read_words(const Column& column, int64_t begin, int64_t count, uint64_t* words, uint8_t* missing);

}  // namespace hayate::aggregate
