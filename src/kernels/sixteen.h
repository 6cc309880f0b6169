// Sixteen lanes of 32 bits as one, two or four vectors of the compiler, whichever the instruction set has: what the kernels of trees share.
// Included by kernels only: everything is in the anonymous namespace of the instruction set.
#pragma once

#include <cstdint>

#include "kernels/intrinsics.h"
#include "kernels/isa.h"

HAYATE_KERNELS_BEGIN
namespace {

#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX2__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif
[[maybe_unused]] constexpr int kParts = 16 / kLanes;  // vectors for 16 lanes
typedef uint32_t U32 __attribute__((vector_size(4 * kLanes)));
typedef int32_t I32 __attribute__((vector_size(4 * kLanes)));
typedef float F32 __attribute__((vector_size(4 * kLanes)));
typedef U32 StoredU32 __attribute__((may_alias));

[[maybe_unused]] inline U32 load(const uint32_t* from) { return *reinterpret_cast<const StoredU32*>(from); }
inline U32 splat(uint32_t x) { return U32{} + x; }
inline F32 to_float(U32 x) { return __builtin_convertvector(I32(x), F32); }

}  // namespace
HAYATE_KERNELS_END
