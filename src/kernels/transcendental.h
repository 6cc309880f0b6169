// Logarithm, exponential and power, the same bytes on every instruction set and every C library: only additions,
// multiplications, divisions and bits, in a fixed order, without branches where they are used in loops.
#pragma once

#include "kernels/vectors.h"

HAYATE_KERNELS_BEGIN

static inline uint64_t bits_of(double x) { return __builtin_bit_cast(uint64_t, x); }
static inline double from_bits(uint64_t bits) { return __builtin_bit_cast(double, bits); }

inline constexpr double kInfinity = __builtin_inf();
inline constexpr double kLn2High = 6.93147180369123816490e-01, kLn2Low = 1.90821492927058770002e-10;

/// x = 2^exponent * (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)), for normal x > 0.
struct Reduced {
  double exponent, f;
};
static inline Reduced reduce(double x) {
  constexpr uint64_t kSqrtHalf = 0x3fe6a09e00000000u, kOne = 0x3ff0000000000000u;
  const uint64_t shifted = bits_of(x) + (kOne - kSqrtHalf);
  // The exponent as a double without a conversion that only AVX-512 has: its bits below 2^52.
  const double exponent = from_bits(0x4330000000000000u | (shifted >> 52)) - (0x1p52 + 1023);
  return {exponent, from_bits((shifted & 0x000fffffffffffffu) + kSqrtHalf) - 1};
}

/// Natural logarithm, error below 1 ulp. Source: fdlibm e_log.c (Sun Microsystems 1993), the same reduction and polynomial
/// without its branches. log(0) = -inf, below 0 NaN.
static inline double logarithm(double x) {
  const bool tiny = x < 0x1p-1022;
  const Reduced r = reduce(tiny ? x * 0x1p54 : x);
  const double k = tiny ? r.exponent - 54 : r.exponent, f = r.f;
  const double half = 0.5 * f * f, s = f / (2 + f), z = s * s, w = z * z;
  const double odd = w * (3.999999999940941908e-01 + w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01));
  const double even = z * (6.666666666666735130e-01 + w * (2.857142874366239149e-01 + w * (1.818357216161805012e-01 + w * 1.479819860511658591e-01)));
  const double value = s * (half + (odd + even)) + k * kLn2Low - half + f + k * kLn2High;
  const double special = x == 0 ? -kInfinity : x == kInfinity ? x : kNaN;
  return (x > 0) & (x < kInfinity) ? value : special;
}

/// The same for a float: the double logarithm rounded, error below 0.5001 ulp of float.
static inline float logarithm(float x) { return float(logarithm(double(x))); }

/// An unevaluated sum of two doubles.
struct Pair {
  double high, low;
};

/// a * b exactly (Dekker 1971; no fused multiply-add). |a|, |b| below 2^996.
static inline Pair exact_product(double a, double b) {
  const auto upper = [](double x) { return from_bits(bits_of(x) & 0xfffffffff8000000u); };
  const double a1 = upper(a), a2 = a - a1, b1 = upper(b), b2 = b - b1, high = a * b;
  return {high, ((a1 * b1 - high) + a1 * b2 + a2 * b1) + a2 * b2};
}

/// a + b exactly (Knuth).
static inline Pair exact_sum(double a, double b) {
  const double high = a + b, part = high - a;
  return {high, (a - (high - part)) + (b - part)};
}

/// log(x) for x > 0 with an error near 2^-65: s = f / (2 + f) as a pair, log(1 + f) = 2 (s + s^3/3 + s^5/5 + ...).
static inline Pair logarithm_pair(double x) {
  const bool tiny = x < 0x1p-1022;
  Reduced r = reduce(tiny ? x * 0x1p54 : x);
  r.exponent -= tiny ? 54 : 0;
  const double sum = 2 + r.f, sum_low = r.f - (sum - 2);
  const double s = r.f / sum;
  const Pair back = exact_product(s, sum);
  const double s_low = (((r.f - back.high) - back.low) - s * sum_low) / sum;
  // s^3 / 3 carries the pair; the terms from s^5 on need only one double.
  const Pair square = exact_product(s, s);
  const Pair cube = exact_product(square.high, s);
  const double cube_low = cube.low + square.low * s + 3 * square.high * s_low;
  const double z = square.high;
  const double tail =
      z * cube.high *
      (2.0 / 5 +
       z * (2.0 / 7 +
            z * (2.0 / 9 +
                 z * (2.0 / 11 +
                      z * (2.0 / 13 +
                           z * (2.0 / 15 + z * (2.0 / 17 + z * (2.0 / 19 + z * (2.0 / 21 + z * (2.0 / 23 + z * (2.0 / 25 + z * (2.0 / 27))))))))))));
  // 2/3 as a pair.
  constexpr double kTwoThirds = 0x1.5555555555555p-1, kTwoThirdsLow = 0x1.5555555555555p-55;
  const Pair third = exact_product(cube.high, kTwoThirds);
  const double third_low = third.low + cube.high * kTwoThirdsLow + cube_low * kTwoThirds;
  const Pair lead = exact_sum(2 * s, third.high);
  const Pair whole = exact_sum(r.exponent * kLn2High, lead.high);  // the product is exact: kLn2High has 32 digits
  return exact_sum(whole.high, whole.low + (lead.low + (2 * s_low + third_low + (tail + r.exponent * kLn2Low))));
}

/// e^(x + rest), error below 1 ulp; |rest| is at most an ulp of x. Overflows to inf, underflows to 0.
static inline double exponential(double x, double rest) {
  const double bounded = x > 800 ? 800 : x < -800 ? -800 : x, low = bounded == x ? rest : 0;
  const double steps = bounded * 1.44269504088896338700 + 0x1.8p52, k = steps - 0x1.8p52;  // nearest whole number
  const double high = bounded - k * kLn2High, r = high + (low - k * kLn2Low);
  const double r_low = (high - r) + (low - k * kLn2Low);
  const double tail =
      r * r * r *
      (1.0 / 6 +
       r * (1.0 / 24 +
            r * (1.0 / 120 +
                 r * (1.0 / 720 +
                      r * (1.0 / 5040 +
                           r * (1.0 / 40320 + r * (1.0 / 362880 +
                                                   r * (1.0 / 3628800 + r * (1.0 / 39916800 + r * (1.0 / 479001600 + r * (1.0 / 6227020800)))))))))));
  const Pair lead = exact_sum(1, r);
  const double value = lead.high + (lead.low + (r_low + (0.5 * r * r + tail)));
  // 2^k in two factors, so that results below 2^-1022 round once.
  const int64_t power = int64_t(bits_of(steps) & 0x000fffffffffffffu) - (int64_t(1) << 51), half = power >> 1;
  return value * from_bits(uint64_t(half + 1023) << 52) * from_bits(uint64_t(power - half + 1023) << 52);
}

/// x^y as C's pow: x^0 = 1 and 1^y = 1 even for NaN, a negative x needs a whole y.
static inline double power(double x, double y) {
  if (y == 0 || x == 1) return 1;
  if (x != x || y != y) return kNaN;
  const double size = x < 0 ? -x : x, rounded = __builtin_trunc(y);
  const bool whole = rounded == y, odd = whole && (y < 0 ? -y : y) < 0x1p53 && (int64_t(y) & 1);
  const bool negative = odd && (bits_of(x) >> 63);
  const double sign = negative ? -1 : 1;
  if (y - y != 0) return size == 1 ? 1 : (size > 1) == (y > 0) ? kInfinity : 0;
  if (size == 0) return y > 0 ? sign * 0 : sign * kInfinity;
  if (size == kInfinity) return y > 0 ? sign * kInfinity : sign * 0;
  if (x < 0 && !whole) return kNaN;
  if (size == 1) return sign;
  const Pair log = logarithm_pair(size);
  if (y > 0x1p60 || y < -0x1p60) return (log.high > 0) == (y > 0) ? sign * kInfinity : sign * 0;
  const Pair product = exact_product(log.high, y);
  return sign * exponential(product.high, product.low + log.low * y);
}
static inline float power(float x, float y) { return float(power(double(x), double(y))); }

HAYATE_KERNELS_END
