// Arithmetic on kPackLanes lanes at once, for the functions of lanes.h. Two vectors to a pack: a chain of dependent operations of one vector leaves
// the units idle half of the time. With AVX-512 a pack is all lanes of a tile.
#pragma once

#include "kernels/vectors.h"

HAYATE_KERNELS_BEGIN
namespace {

#if defined(__AVX512F__)
constexpr int kPackVector = 64;
#else
constexpr int kPackVector = kShortVector;
#endif
constexpr int kPackVectors = 2, kVectorLanes = kPackVector / 8, kPackLanes = kPackVectors * kVectorLanes;

typedef double Vector __attribute__((vector_size(kPackVector)));
typedef int64_t VectorMask __attribute__((vector_size(kPackVector)));
typedef Vector UnalignedVector __attribute__((aligned(8), may_alias));

struct Mask {
  VectorMask v[kPackVectors];
};

struct Pack {
  Vector v[kPackVectors];

  Pack() = default;
  // Vector by vector: copied as one piece, a pack is kept in memory between the rows, which costs up to 3 times the arithmetic.
  Pack(const Pack& other) : v{other.v[0], other.v[1]} {}
  Pack& operator=(const Pack& other) {
    v[0] = other.v[0], v[1] = other.v[1];
    return *this;
  }
  Pack(double x) {
    for (Vector& part : v) part = Vector{} + x;
  }
  // By value: a reference to unaligned memory would pass for an aligned one.
  Pack(Vector a, Vector b) : v{a, b} {}
};

#define HAYATE_PACK_OPERATOR(Result, op) \
  inline Result operator op(const Pack& a, const Pack& b) { return {a.v[0] op b.v[0], a.v[1] op b.v[1]}; }
HAYATE_PACK_OPERATOR(Pack, +)
HAYATE_PACK_OPERATOR(Pack, -)
HAYATE_PACK_OPERATOR(Pack, *)
HAYATE_PACK_OPERATOR(Pack, /)
HAYATE_PACK_OPERATOR(Mask, <)
HAYATE_PACK_OPERATOR(Mask, >)
HAYATE_PACK_OPERATOR(Mask, <=)
HAYATE_PACK_OPERATOR(Mask, >=)
HAYATE_PACK_OPERATOR(Mask, ==)
HAYATE_PACK_OPERATOR(Mask, !=)
#undef HAYATE_PACK_OPERATOR

inline Pack operator-(const Pack& a) { return {-a.v[0], -a.v[1]}; }
inline Mask operator&(const Mask& a, const Mask& b) { return {a.v[0] & b.v[0], a.v[1] & b.v[1]}; }
inline Mask operator|(const Mask& a, const Mask& b) { return {a.v[0] | b.v[0], a.v[1] | b.v[1]}; }
inline Mask operator^(const Mask& a, const Mask& b) { return {a.v[0] ^ b.v[0], a.v[1] ^ b.v[1]}; }
inline Mask operator~(const Mask& a) { return {~a.v[0], ~a.v[1]}; }

/// where ? a : b
inline Pack select(const Mask& where, const Pack& a, const Pack& b) { return {where.v[0] ? a.v[0] : b.v[0], where.v[1] ? a.v[1] : b.v[1]}; }
/// b where either is NaN.
inline Pack larger_of(const Pack& a, const Pack& b) { return select(a > b, a, b); }
/// A NaN keeps its sign: with NaN of two signs, which of two operands survives would be the compiler's choice.
inline Vector absolute(Vector x) { return reinterpret_cast<Vector>(reinterpret_cast<VectorMask>(x) & (INT64_MAX | (x != x))); }
inline Pack absolute(const Pack& x) { return {absolute(x.v[0]), absolute(x.v[1])}; }
inline Mask is_missing(const Pack& x) { return x != x; }

inline bool all(const Mask& where) {
  const VectorMask both = where.v[0] & where.v[1];
  int64_t bits = -1;
  for (int i = 0; i < kVectorLanes; ++i) bits &= both[i];
  return bits != 0;
}

inline Pack load(const double* from) {
  return {*reinterpret_cast<const UnalignedVector*>(from), *reinterpret_cast<const UnalignedVector*>(from + kVectorLanes)};
}
inline void store(const Pack& x, double* to) {
  *reinterpret_cast<UnalignedVector*>(to) = x.v[0], *reinterpret_cast<UnalignedVector*>(to + kVectorLanes) = x.v[1];
}

}  // namespace
HAYATE_KERNELS_END
