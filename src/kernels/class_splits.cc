// See class_splits.h.
#include "kernels/class_splits.h"

#include <cstring>

#include "kernels/sixteen.h"

HAYATE_KERNELS_BEGIN
namespace {

#define HAYATE_INLINE inline __attribute__((always_inline))

constexpr int kShorts = kLanes == 4 ? 8 : 16;  // lanes of 16 bits: most nodes have no more rows than sixteen
typedef int16_t I16 __attribute__((vector_size(2 * kShorts)));
typedef uint16_t U16 __attribute__((vector_size(2 * kShorts)));

#if defined(__AVX512F__)
HAYATE_INLINE uint32_t bits(I32 mask) { return uint32_t(_mm512_movepi32_mask(__m512i(mask))); }
/// Adds x to the lanes whose code is at least `code`.
HAYATE_INLINE U16 add_from(U16 sum, I16 codes, I16 code, U16 x) {
  return U16(_mm256_mask_add_epi16(__m256i(sum), _mm256_cmpge_epi16_mask(__m256i(codes), __m256i(code)), __m256i(sum), __m256i(x)));
}
#else
#if defined(__AVX2__)
HAYATE_INLINE uint32_t bits(I32 mask) { return uint32_t(_mm256_movemask_ps(__m256(mask))); }
#else
HAYATE_INLINE uint32_t bits(I32 mask) { return uint32_t(_mm_movemask_ps(__m128(mask))); }
#endif
HAYATE_INLINE U16 add_from(U16 sum, I16 codes, I16 code, U16 x) { return sum + (U16(codes >= code) & x); }
#endif

/// The float below which a quotient is less than `gain`, whatever was rounded.
HAYATE_INLINE float bar_of(double gain, int32_t num_classes) { return float(gain) * (1 - float(num_classes + 16) * 0x1p-22f); }

/// What is kept of a feature.
struct Found {
  double gain = -1;
  uint32_t code = 0;
  bool missing_left = false;

  HAYATE_INLINE void offer(double other, uint32_t other_code, bool left) {
    if (other < gain || (other == gain && (other_code > code || (other_code == code && left >= missing_left)))) return;
    gain = other, code = other_code, missing_left = left;
  }
  HAYATE_INLINE void end(ClassSplit& best) const {
    if (gain > best.gain) best = {gain, code, missing_left};
  }
};

// ---- few rows

/// The sums of all cuts: of the left side, of the squares of its classes, and of their products with t_k. The codes of the rows move up by
/// `shift`, with which a missing value comes before all others.
template <int kRows>
struct FewSums {
  alignas(64) uint16_t left[kRows], squares[kRows], products[kRows];

  HAYATE_INLINE FewSums(const FewClasses& node, const int16_t* code_of, int16_t shift) {
    constexpr int kVectors = kRows / kShorts;
    I16 codes[kVectors];
    U16 l[kVectors] = {}, s[kVectors] = {}, p[kVectors] = {};
    memcpy(codes, code_of, sizeof codes);
    for (int v = 0; v < kVectors; ++v) codes[v] = I16(U16(codes[v]) + uint16_t(shift));
    for (int32_t k = 0, row = 0; k < node.num_classes; ++k) {
      U16 own[kVectors] = {};
      for (const int32_t end = node.ends[k]; row < end; ++row) {
        const I16 code = I16{} + int16_t(code_of[row] + shift);
        const U16 weight = U16{} + node.weights[row];
        for (int v = 0; v < kVectors; ++v) own[v] = add_from(own[v], codes[v], code, weight);
      }
      const U16 total = U16{} + node.totals[k];
      for (int v = 0; v < kVectors; ++v) l[v] += own[v], s[v] += own[v] * own[v], p[v] += own[v] * total;
    }
    memcpy(left, l, sizeof l), memcpy(squares, s, sizeof s), memcpy(products, p, sizeof p);
  }
};

HAYATE_INLINE U32 widened(const uint16_t* from) {
  typedef uint16_t Half __attribute__((vector_size(2 * kLanes), may_alias));
  return __builtin_convertvector(*reinterpret_cast<const Half*>(from), U32);
}

/// Offers the cuts of the rows in `allowed` that are near the best of them, when they reach the bar.
template <int kRows>
HAYATE_INLINE void look_few(const FewClasses& node, const int16_t* code_of, uint32_t allowed, bool missing_left, float bar, Found& found) {
  constexpr int kPieces = kRows / kLanes;
  const FewSums<kRows> sums(node, code_of, missing_left);
  alignas(64) uint32_t above_of[kRows], below_of[kRows];
  const uint32_t n = node.total;
  F32 ratio[kPieces], most = {};
  uint32_t reaches = 0;
  for (int part = 0; part < kPieces; ++part) {
    const int at = part * kLanes;
    const U32 left = widened(sums.left + at), right = n - left;
    const U32 above = n * (n * widened(sums.squares + at) - 2u * left * widened(sums.products + at)) + left * left * node.squares,
              below = left * right;
    memcpy(above_of + at, &above, sizeof above), memcpy(below_of + at, &below, sizeof below);
    const F32 over = to_float(above), under = to_float(below);
    const I32 least = I32(splat(node.least));
    const I32 may = (I32(left) >= least) & (I32(right) >= least) & (over > bar * under);
    reaches |= bits(may) << at;
    ratio[part] = F32(I32(over / under) & may);
    most = ratio[part] > most ? ratio[part] : most;
  }
  reaches &= allowed;
  if (reaches == 0) return;
  float top = 0;
  for (int lane = 0; lane < kLanes; ++lane) top = most[lane] > top ? most[lane] : top;
  const F32 least = F32{} + top * (1 - 0x1p-20f);
  uint32_t near = 0;
  for (int part = 0; part < kPieces; ++part) near |= bits(I32(ratio[part] >= least)) << (part * kLanes);
  // The largest quotient may belong to a row that is not allowed: then all that reach the bar are measured.
  for (uint32_t rest = (reaches & near) ? reaches & near : reaches; rest != 0; rest &= rest - 1) {
    const int i = __builtin_ctz(rest);
    found.offer(double(above_of[i]) / double(below_of[i]), uint16_t(code_of[i]) ^ 0x8000u, missing_left);
  }
}

template <int kRows>
void split_rows(const FewClasses& node, const int16_t* code_of, bool misses, ClassSplit& best) {
  const float bar = bar_of(best.gain, node.num_classes);
  Found found;
  uint32_t present = ~uint32_t{0};
  for (int32_t i = 0; misses && i < kRows; ++i) present &= ~(uint32_t(code_of[i] == kMissingLane) << i);
  look_few<kRows>(node, code_of, present, false, bar, found);
  if (misses) look_few<kRows>(node, code_of, present, true, bar, found);
  found.end(best);
}

void split_few(const FewClasses& node, const int16_t* code_of, bool misses, ClassSplit& best) {
  return node.num_rows <= 16 ? split_rows<16>(node, code_of, misses, best) : split_rows<32>(node, code_of, misses, best);
}

// ---- bins

/// Sums up to each lane.
HAYATE_INLINE U32 running(U32 x) {
#if defined(__AVX512F__)
  const __m512i zero = _mm512_setzero_si512();
  __m512i y = __m512i(x);
  y = _mm512_add_epi32(y, _mm512_alignr_epi32(y, zero, 15));
  y = _mm512_add_epi32(y, _mm512_alignr_epi32(y, zero, 14));
  y = _mm512_add_epi32(y, _mm512_alignr_epi32(y, zero, 12));
  y = _mm512_add_epi32(y, _mm512_alignr_epi32(y, zero, 8));
  return U32(y);
#elif defined(__AVX2__)
  const U32 zero = {};
  x += __builtin_shufflevector(zero, x, 0, 8, 9, 10, 11, 12, 13, 14);
  x += __builtin_shufflevector(zero, x, 0, 0, 8, 9, 10, 11, 12, 13);
  x += __builtin_shufflevector(zero, x, 0, 0, 0, 0, 8, 9, 10, 11);
  return x;
#else
  const U32 zero = {};
  x += __builtin_shufflevector(zero, x, 0, 4, 5, 6);
  x += __builtin_shufflevector(zero, x, 0, 0, 4, 5);
  return x;
#endif
}

void cumulate(const ClassBins& bins) {
  for (int32_t k = 0; k < bins.num_classes; ++k) {
    uint32_t* const own = bins.sums + k * bins.stride;
    uint32_t before = 0;
    for (int32_t at = 0; at < bins.num_codes; at += kLanes) {
      const U32 sum = running(load(own + at)) + before;
      memcpy(own + at, &sum, sizeof sum);
      before = sum[kLanes - 1];
    }
  }
}

/// The gain of one cut.
double gain_of(const ClassBins& bins, int32_t code, bool missing_left) {
  double left = 0, sum = 0;
  const auto of_class = [&](int32_t k) { return double(bins.sums[k * bins.stride + code]) + (missing_left ? double(bins.missing[k]) : 0.0); };
  for (int32_t k = 0; k < bins.num_classes; ++k) left += of_class(k);
  const double right = double(bins.total) - left;
  for (int32_t k = 0; k < bins.num_classes; ++k) {
    const double own = of_class(k), d = right * own - left * (double(bins.totals[k]) - own);
    sum += d * d;
  }
  return sum / (left * right);
}

/// A block of cuts, looked at in 32 bits: every product of two weights fits 31.
HAYATE_INLINE void look_bins(const ClassBins& bins, int32_t at, bool missing_left, float bar, Found& found) {
  U32 left = {}, present = {};
  for (int32_t k = 0; k < bins.num_classes; ++k) present += load(bins.sums + k * bins.stride + at);
  left = present;
  if (missing_left)
    for (int32_t k = 0; k < bins.num_classes; ++k) left += bins.missing[k];
  const U32 n = splat(bins.total);
  F32 above = {};
  for (int32_t k = 0; k < bins.num_classes; ++k) {
    const U32 own = load(bins.sums + k * bins.stride + at) + (missing_left ? bins.missing[k] : 0);
    const F32 d = to_float(n * own - left * bins.totals[k]);
    above += d * d;
  }
  const U32 right = n - left;
  const F32 below = to_float(left) * to_float(right);
  const I32 least = I32(splat(bins.least));
  const I32 may = (I32(left) >= least) & (I32(right) >= least) & (I32(present) > 0) & (above > bar * below);
  uint32_t reaches = bits(may);
  if (bins.num_codes - at < kLanes) reaches &= (1u << (bins.num_codes - at)) - 1;
  if (__builtin_expect(reaches == 0, 1)) return;
  const F32 ratio = above / below;
  float top = 0;
  for (uint32_t rest = reaches; rest != 0; rest &= rest - 1) top = ratio[__builtin_ctz(rest)] > top ? ratio[__builtin_ctz(rest)] : top;
  const float near = bar_of(double(top), bins.num_classes);
  for (uint32_t rest = reaches; rest != 0; rest &= rest - 1)
    if (const int i = __builtin_ctz(rest); ratio[i] >= near) found.offer(gain_of(bins, at + i, missing_left), uint32_t(at + i), missing_left);
}

/// The same one by one, of any weights.
void look_singly(const ClassBins& bins, int32_t code, bool missing_left, Found& found) {
  uint64_t present = 0, missing = 0;
  for (int32_t k = 0; k < bins.num_classes; ++k) present += bins.sums[k * bins.stride + code], missing += missing_left ? bins.missing[k] : 0;
  const uint64_t left = present + missing;
  if (present == 0 || left < bins.least || bins.total - left < bins.least) return;
  found.offer(gain_of(bins, code, missing_left), uint32_t(code), missing_left);
}

void split_bins(const ClassBins& bins, ClassSplit& best) {
  cumulate(bins);
  Found found;
  for (int pass = 0; pass < (bins.missing ? 2 : 1); ++pass) {
    const bool missing_left = pass == 1;
    if (bins.total <= kMostClassWeight) {
      for (int32_t at = 0; at < bins.num_codes; at += kLanes)
        look_bins(bins, at, missing_left, bar_of(found.gain > best.gain ? found.gain : best.gain, bins.num_classes), found);
    } else {
      for (int32_t code = 0; code < bins.num_codes; ++code) look_singly(bins, code, missing_left, found);
    }
  }
  found.end(best);
}

}  // namespace

extern const ClassKernels kClassKernels;
const ClassKernels kClassKernels = {split_few, split_bins};

HAYATE_KERNELS_END
