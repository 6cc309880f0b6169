// Small pieces that the kernels of features share, compiled with each instruction set (see isa.h). Loops are plain loops
// over rows: the compiler vectorises them, and every row sees the same operations in the same order on every instruction set.
#pragma once

#include <cstdint>
#include <cstring>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "kernels/cells.h"
#include "kernels/isa.h"

HAYATE_KERNELS_BEGIN

// Before a loop whose rows do not depend on each other where the compiler can't see it: it compares at most ten pairs of arrays.
// HAYATE_UNROLL: before a short loop whose counting costs as much as its body.
#if defined(__clang__)
#define HAYATE_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#define HAYATE_UNROLL _Pragma("clang loop unroll_count(5)")
#else
#define HAYATE_INDEPENDENT _Pragma("GCC ivdep")
#define HAYATE_UNROLL _Pragma("GCC unroll 5")
#endif

// For what a loop over rows does to one of them: a call would keep the loop from becoming vectors.
#define HAYATE_INLINE __attribute__((always_inline))

/// Bytes of the vectors for kernels that keep many of them: the AVX-512 machines we measured do two of these at the price of a longer one.
#if defined(__AVX2__)
inline constexpr int64_t kShortVector = 32;
#else
inline constexpr int64_t kShortVector = 16;
#endif

static inline bool is_finite(double x) { return x - x == 0; }
static inline bool is_finite(float x) { return x - x == 0; }

static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

/// Division of many numbers by one, 1 or more: with a fused multiply-add a product with the inverse and one correction of it, which is the
/// quotient to the last bit (P. Markstein, 1990) at a third of a division's price. A quotient too small for that is the product itself, and
/// that with every instruction set.
struct Divisor {
  double by, inverse;

  explicit Divisor(double number) : by(number), inverse(1 / number) {}
  Divisor(double number, double one_over_it) : by(number), inverse(one_over_it) {}
  HAYATE_INLINE double of(double x) const {
    const double product = x * inverse;
#if defined(__FMA__)
    const double rest = __builtin_fma(-product, by, x);
    const double quotient = __builtin_fma(rest < 1e300 ? rest : 1e300, inverse, product);  // the rest of an infinity is NaN
#else
    const double quotient = x / by;
#endif
    return __builtin_fabs(product) > 1e-290 ? quotient : product;
  }
};

/// 64 bytes to a line-aligned address past the caches; the line is complete, so it is never read.
static inline void stream_line(float* to, const float* from) {
#if defined(__AVX512F__)
  _mm512_stream_ps(to, _mm512_loadu_ps(from));
#elif defined(__AVX__)
  _mm256_stream_ps(to, _mm256_loadu_ps(from));
  _mm256_stream_ps(to + 8, _mm256_loadu_ps(from + 8));
#elif defined(__SSE2__)
  for (int i = 0; i < 16; i += 4) _mm_stream_ps(to + i, _mm_loadu_ps(from + i));
#else
  memcpy(to, from, 64);
#endif
}

/// The chosen rows among `rows` values; `row` is the number of the first.
static inline void append_wanted(StreamedColumn& column, int64_t row, const float* values, int64_t rows) {
  for (; column.written < column.num_wanted; ++column.written) {
    const int64_t i = column.wanted[column.written] - column.wanted_origin - row;
    if (i >= rows) return;
    column.out[column.written] = values[i];
  }
}

/// Appends `rows` values to a column; `row` is the number of the first. The 16 floats before `values` are scratch.
static inline void append(StreamedColumn& column, int64_t row, float* values, int64_t rows) {
  if (column.wanted) return append_wanted(column, row, values, rows);
  const int64_t dropped = most(0, column.first - row);
  values += dropped, row += dropped;
  rows = least(rows - dropped, column.last - row);
  if (rows <= 0) return;
  // The carry stands at the end of its array, so that both copies are of whole vectors.
  memcpy(values - 16, column.carry, sizeof column.carry);
  values -= column.carried, rows += column.carried;
  float* to = column.out + column.written;
  // Only the first rows of a column can start inside a line.
  const int64_t head = least(rows, (64 - int64_t(reinterpret_cast<uintptr_t>(to) & 63)) % 64 / 4);
  if (head > 0) memcpy(to, values, size_t(head) * sizeof(float));
  int64_t done = head;
  for (; done + 16 <= rows; done += 16) stream_line(to + done, values + done);
  column.written += done;
  column.carried = int32_t(rows - done);
  memcpy(column.carry, values + rows - 16, sizeof column.carry);
}

/// Stores what is left of a column.
static inline void finish(StreamedColumn& column) {
  memcpy(column.out + column.written, column.carry + 16 - column.carried, size_t(column.carried) * sizeof(float));
  column.written += column.carried, column.carried = 0;
}

HAYATE_KERNELS_END
