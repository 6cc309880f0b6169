// Floating-point numbers as whole numbers of the same order: sign and magnitude become two's complement. Minimum, maximum and
// comparison of such keys are single instructions on every instruction set, and missing rows become the first or last key.
#pragma once

#include "kernels/vectors.h"

HAYATE_KERNELS_BEGIN

template <class Float>
struct KeyOf;
template <>
struct KeyOf<float> {
  using Key = int32_t;
};
template <>
struct KeyOf<double> {
  using Key = int64_t;
};
template <class Float>
using Key = typename KeyOf<Float>::Key;

/// Beyond the keys of all numbers, infinities included.
template <class Key>
inline constexpr Key kFirstKey = Key(Key(1) << (sizeof(Key) * 8 - 1));
template <class Key>
inline constexpr Key kLastKey = Key(~kFirstKey<Key>);

template <class Float>
static inline Key<Float> key_of(Float x, Key<Float> missing) {
  const Float plain = x + Float(0);  // -0 becomes 0: they are equal
  const Key<Float> bits = __builtin_bit_cast(Key<Float>, plain);
  const Key<Float> key = bits ^ ((bits >> (sizeof(Float) * 8 - 1)) & kLastKey<Key<Float>>);
  return is_finite(x) ? key : missing;
}

/// The number of a key that is not a missing row's.
template <class Float>
static inline Float number_of(Key<Float> key) {
  return __builtin_bit_cast(Float, Key<Float>(key ^ ((key >> (sizeof(Float) * 8 - 1)) & kLastKey<Key<Float>>)));
}

template <class Float>
static inline Float number_or_nan(Key<Float> key) {
  const Float missing = sizeof(Float) == 4 ? Float(kNaN32) : Float(kNaN);
  return ((key == kFirstKey<Key<Float>>) | (key == kLastKey<Key<Float>>)) ? missing : number_of<Float>(key);
}

HAYATE_KERNELS_END
