// Sums without rounding. A sum is a whole number of `words` 64-bit words (two's complement, low word first) times a power
// of two chosen so that no bit of any value falls off either end. Addition of whole numbers has no order: rows may come in
// any chunks, on any workers, from disk or from memory, and the sum is the same; it is rounded once, when it is printed.
//
// How many words: values between 2^-24 and 1 (ten million uniform numbers) have their lowest bit at 2^-76; with 24 bits for
// ten million carries a sum has 101 bits, two words. Squares need twice the bits. The widest column that float64 can hold
// needs 34 words for its sum, 67 for its squares.
//
// Dropped: compensated sums (same bytes only for one order of rows, so partitions, workers and spilled parts would have to
// keep it); reproducible sums by bins (Demmel and Nguyen 2013; six doubles a sum and an error that grows with the range).
#pragma once

#include <cstdint>

namespace hayate::aggregate {

/// Where the bits of a column's values lie: every value is a multiple of 2^low and below 2^high in size.
struct BitRange {
  int low = 0, high = 0;
};

/// The bits of finite doubles whose sizes lie between `least` (not zero) and `greatest`.
BitRange bits_between(double least, double greatest);
/// Words for a sum of `rows` values; `squares`: of their squares.
int words_for(BitRange range, int64_t rows, bool squares);

using Wide = unsigned __int128;

/// Adds (or subtracts) value * 2^shift. The caller chose the words so that it fits.
inline void add_shifted(uint64_t* words, int count, Wide value, int shift, bool negative) {
  int at = shift >> 6;
  const int bits = shift & 63;
  const uint64_t low = uint64_t(value), high = uint64_t(value >> 64);
  const uint64_t parts[3] = {low << bits, bits ? (low >> (64 - bits)) | (high << bits) : high, bits ? high >> (64 - bits) : 0};
  uint64_t carry = 0;
  for (int i = 0; at < count; ++i, ++at) {
    if (i >= 3 && carry == 0) return;
    const uint64_t part = i < 3 ? parts[i] : 0;
    if (negative) {
      const uint64_t before = words[at], step = before - part;
      words[at] = step - carry;
      carry = uint64_t(before < part) | uint64_t(step < carry);
    } else {
      const uint64_t step = words[at] + part;
      words[at] = step + carry;
      carry = uint64_t(step < part) | uint64_t(words[at] < step);
    }
  }
}

/// The parts of a finite double: mantissa * 2^(exponent), and its sign.
struct DoubleParts {
  uint64_t mantissa;
  int exponent;
  bool negative;
};
inline DoubleParts parts_of(uint64_t bits) {
  const int biased = int(bits >> 52 & 0x7FF);
  const uint64_t fraction = bits & ((uint64_t{1} << 52) - 1);
  return {biased ? fraction | uint64_t{1} << 52 : fraction, (biased ? biased : 1) - 1075, bits >> 63 != 0};
}

/// words += other.
inline void add_words(uint64_t* words, const uint64_t* other, int count) {
  uint64_t carry = 0;
  for (int i = 0; i < count; ++i) {
    const uint64_t step = words[i] + other[i];
    const uint64_t sum = step + carry;
    carry = uint64_t(step < other[i]) | uint64_t(sum < step);
    words[i] = sum;
  }
}

/// The double nearest to words * 2^scale (ties to even).
double to_double(const uint64_t* words, int count, int scale);
/// The double nearest to the mean of `rows` values: one rounding of the sum and one of the division.
double mean_of(const uint64_t* sum, int count, int scale, int64_t rows);
/// Variance with divisor rows - 1: (rows * squares - sum^2) / (rows * (rows - 1)), where the numerator is exact, so that
/// nothing cancels. `scale` is that of the sum; squares have twice that. Needs rows >= 2.
double variance_of(const uint64_t* sum, int sum_words, const uint64_t* squares, int square_words, int scale, int64_t rows);

}  // namespace hayate::aggregate
