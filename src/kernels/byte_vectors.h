// Vectors of bytes, for kernels only: everything is in the anonymous namespace of the instruction set.
#pragma once

#include "kernels/intrinsics.h"
#include "kernels/isa.h"

HAYATE_KERNELS_BEGIN
namespace {

/// Whether AVX-512 VBMI is there, which x86-64-v4 does not promise. No constant: what sets one when the program starts is compiled for AVX-512, and
/// would run on any processor.
[[maybe_unused]] inline bool permutes_bytes() { return __builtin_cpu_supports("avx512vbmi") != 0; }

/// Rows and columns of 16 x 16 bytes change places.
[[maybe_unused]] inline void transpose(__m128i (&block)[16]) {
  for (int step = 0; step < 4; ++step) {
    __m128i next[16];
    for (int i = 0; i < 8; ++i) next[2 * i] = _mm_unpacklo_epi8(block[i], block[i + 8]), next[2 * i + 1] = _mm_unpackhi_epi8(block[i], block[i + 8]);
    for (int i = 0; i < 16; ++i) block[i] = next[i];
  }
}

}  // namespace
HAYATE_KERNELS_END
