// Vectors of 64-bit words, of the length that the instruction set has, for kernels that count and write digits.
#pragma once

#include "kernels/vectors.h"
#if defined(__x86_64__)
#include "kernels/intrinsics.h"
#endif

HAYATE_KERNELS_BEGIN

#if defined(__AVX512F__)
inline constexpr int kWordsBytes = 64;
#else
inline constexpr int kWordsBytes = int(kShortVector);
#endif
inline constexpr int64_t kWordLanes = kWordsBytes / 8;

typedef uint64_t Words __attribute__((vector_size(kWordsBytes)));
typedef int64_t Ints __attribute__((vector_size(kWordsBytes)));
typedef double Reals __attribute__((vector_size(kWordsBytes)));

template <class Word>
HAYATE_INLINE static inline Words load_words(const Word* from) {
  Words out;
  memcpy(&out, from, kWordsBytes);
  return out;
}
template <class Vector, class Word>
HAYATE_INLINE static inline void store_words(Vector words, Word* to) {
  memcpy(to, &words, kWordsBytes);
}

/// Products of the lower halves of words.
HAYATE_INLINE static inline Words times(Words a, Words b) {
#if defined(__AVX512F__)
  return Words(_mm512_mul_epu32(__m512i(a), __m512i(b)));
#elif defined(__AVX2__)
  return Words(_mm256_mul_epu32(__m256i(a), __m256i(b)));
#elif defined(__SSE2__)
  return Words(_mm_mul_epu32(__m128i(a), __m128i(b)));
#else
  return (a & 0xFFFFFFFF) * (b & 0xFFFFFFFF);
#endif
}
HAYATE_INLINE static inline Words times(Words a, uint64_t b) { return times(a, Words{} + b); }

/// Whole numbers below 2^52 as doubles.
HAYATE_INLINE static inline Reals reals_of(Words whole) {
  constexpr double kMagic = 0x1p52;
  return Reals(whole | __builtin_bit_cast(uint64_t, kMagic)) - kMagic;
}

HAYATE_KERNELS_END
