// What the searches for a split share: sixteen candidates in vectors, the best one of each lane, and nodes of few rows.
// Included by kernels only: everything is in the anonymous namespace of the instruction set.
#pragma once

#include "kernels/forest.h"
#include "kernels/sixteen.h"

HAYATE_KERNELS_BEGIN
namespace {

constexpr int kSmall = 16;  // rows of a node that does without histograms

typedef U32 LooseU32 __attribute__((may_alias, aligned(4)));

inline U32 load_unaligned(const void* from) { return *static_cast<const LooseU32*>(from); }

/// Whether a >= b in some lane.
inline bool any_reaches(F32 a, F32 b) {
#if defined(__AVX512F__)
  return _mm512_cmp_ps_mask(__m512(a), __m512(b), _CMP_GE_OQ) != 0;
#elif defined(__AVX2__)
  return _mm256_movemask_ps(_mm256_cmp_ps(__m256(a), __m256(b), _CMP_GE_OQ)) != 0;
#else
  return _mm_movemask_ps(_mm_cmpge_ps(__m128(a), __m128(b))) != 0;
#endif
}

/// 1 / x to 11 bits; processors differ in the bits behind.
inline F32 rough_reciprocal(F32 x) {
#if defined(__AVX512F__)
  return F32(_mm512_rcp14_ps(__m512(x)));
#elif defined(__AVX2__)
  return F32(_mm256_rcp_ps(__m256(x)));
#else
  return F32(_mm_rcp_ps(__m128(x)));
#endif
}

/// The larger one; b where a is NaN.
inline F32 larger(F32 a, F32 b) {
#if defined(__AVX512F__)
  return F32(_mm512_max_ps(__m512(a), __m512(b)));
#elif defined(__AVX2__)
  return F32(_mm256_max_ps(__m256(a), __m256(b)));
#else
  return F32(_mm_max_ps(__m128(a), __m128(b)));
#endif
}

inline float largest_lane(F32 x) {
#if defined(__AVX512F__)
  return _mm512_reduce_max_ps(__m512(x));
#else
  float out = x[0];
  for (int lane = 1; lane < kLanes; ++lane) out = x[lane] > out ? x[lane] : out;
  return out;
#endif
}

/// Of pairs of 16-bit numbers with a sign: the product of the lower ones plus that of the upper ones.
inline U32 add_products(U32 a, U32 b) {
#if defined(__AVX512BW__)
  return U32(_mm512_madd_epi16(__m512i(a), __m512i(b)));
#elif defined(__AVX2__)
  return U32(_mm256_madd_epi16(__m256i(a), __m256i(b)));
#else
  return U32(_mm_madd_epi16(__m128i(a), __m128i(b)));
#endif
}

/// Sum over the lanes before each one.
inline U32 lanes_before(U32 x) {
#if defined(__AVX512F__)
  const __m512i zero = _mm512_setzero_si512();
  __m512i v = _mm512_alignr_epi32(__m512i(x), zero, 15);
  v = _mm512_add_epi32(v, _mm512_alignr_epi32(v, zero, 15));
  v = _mm512_add_epi32(v, _mm512_alignr_epi32(v, zero, 14));
  v = _mm512_add_epi32(v, _mm512_alignr_epi32(v, zero, 12));
  return U32(_mm512_add_epi32(v, _mm512_alignr_epi32(v, zero, 8)));
#elif defined(__AVX2__)
  const __m256i zero = _mm256_setzero_si256();
  const __m256i one = _mm256_set_epi32(6, 5, 4, 3, 2, 1, 0, 0), two = _mm256_set_epi32(5, 4, 3, 2, 1, 0, 0, 0),
                four = _mm256_set_epi32(3, 2, 1, 0, 0, 0, 0, 0);
  __m256i v = _mm256_blend_epi32(_mm256_permutevar8x32_epi32(__m256i(x), one), zero, 0x01);
  v = _mm256_add_epi32(v, _mm256_blend_epi32(_mm256_permutevar8x32_epi32(v, one), zero, 0x01));
  v = _mm256_add_epi32(v, _mm256_blend_epi32(_mm256_permutevar8x32_epi32(v, two), zero, 0x03));
  return U32(_mm256_add_epi32(v, _mm256_blend_epi32(_mm256_permutevar8x32_epi32(v, four), zero, 0x0F)));
#else
  U32 out = {};
  for (int lane = 1; lane < kLanes; ++lane) out[lane] = out[lane - 1] + x[lane - 1];
  return out;
#endif
}

/// A split as one number that ascends in the order of ties.
constexpr uint32_t rank_of(uint32_t feature_place, uint32_t cut, uint32_t missing_left) { return feature_place << 17 | cut << 1 | missing_left; }

/// A split by its gain, below 0 if there is none, and rank_of().
struct Found {
  float gain;
  uint32_t rank;
};

/// A node's constants in vectors, and the best split of each lane.
///
/// Gains are found in two steps. Roughly, by the reciprocal that a processor estimates: the largest of many candidates without a branch that
/// could be guessed wrong. Then exactly, by division, of those few that reach the largest rough one but for its error.
struct Search32 {
  U32 mask, count, sum, cross, least, slack;
  uint32_t count_bits;
  bool any_count;  // min_count is 1: an empty side gives 0 / 0, which is larger than nothing
  bool pairs;      // counts and sums of labels are halves of a record, and below 2^15
  F32 gain[kParts];
  U32 rank[kParts];

  explicit Search32(const PackedNode<uint32_t>& node) : count_bits(node.count_bits), any_count(node.min_count == 1) {
    const uint32_t low = (1u << count_bits) - 1, total_count = node.total & low;
    const uint32_t total_sum = node.total >> count_bits;
    pairs = count_bits == kPairBits && total_count <= kMostPaired && total_sum <= kMostPaired;
    mask = splat(low), count = splat(total_count), sum = splat(total_sum), cross = splat(total_count << 16 | (uint32_t(-total_sum) & 0xFFFF));
    least = splat(uint32_t(node.min_count)), slack = splat(total_count - 2 * uint32_t(node.min_count));
    for (int part = 0; part < kParts; ++part) gain[part] = F32{} - 1.0f, rank[part] = splat(0);
  }

  /// A candidate's gain is square / sides.
  struct Quotient {
    F32 square, sides;
  };
  inline Quotient quotient(U32 left) const {
    const U32 left_count = left & mask, left_sum = left >> count_bits;
    const F32 d = to_float(count * left_sum - sum * left_count);
    return {d * d, to_float(left_count) * to_float(count - left_count)};
  }

  /// The gain but for kRoughly of it. NaN where a side is empty, below 0 where it is too small.
  template <bool kPairs>
  inline F32 rough(U32 left) const {
    const U32 left_count = left & mask;
    const F32 d = to_float(kPairs ? add_products(left, cross) : count * (left >> count_bits) - sum * left_count);
    const F32 n = to_float(left_count), sides = n * (to_float(count) - n);
    const F32 found = d * d * rough_reciprocal(sides);
    return any_count ? found : left_count - least <= slack ? found : F32{} - 1.0f;
  }
  static constexpr float kRoughly = 0x1p-11f;
  /// What a rough gain reaches when the gain itself may be as large as another one, known roughly or exactly.
  static constexpr float reaching(float gain) { return gain * (1 - 2 * kRoughly); }

  inline void take(int part, const Quotient& q, U32 left, U32 left_rank) {
    F32 found = q.square / q.sides;
    if (!any_count) found = (left & mask) - least <= slack ? found : F32{} - 1.0f;
    rank[part] = found > gain[part] ? left_rank : rank[part];
    gain[part] = found > gain[part] ? found : gain[part];
  }
  inline void consider(int part, U32 left, U32 left_rank) { take(part, quotient(left), left, left_rank); }

#if defined(__AVX512F__)
  /// For candidates that do not come in the order of their ranks; those in `where` leave enough rows on both sides.
  inline void take_in_any_order(__mmask16 where, __m512 square, __m512 sides, U32 left_rank) {
    const __m512 found = _mm512_div_ps(square, sides), own = __m512(gain[0]);
    const __mmask16 ties = _mm512_mask_cmp_ps_mask(where, found, own, _CMP_EQ_OQ);
    const __mmask16 better =
        _mm512_mask_cmp_ps_mask(where, found, own, _CMP_GT_OQ) | _mm512_mask_cmplt_epu32_mask(ties, __m512i(left_rank), __m512i(rank[0]));
    gain[0] = F32(_mm512_mask_mov_ps(own, better, found));
    rank[0] = U32(_mm512_mask_mov_epi32(__m512i(rank[0]), better, __m512i(left_rank)));
  }
#endif

  /// A little less than the best gain of all lanes: a candidate whose square is less than this times its sides is not better.
  static float bound(float top) { return top * 0.999999f; }

  /// The best of all lanes: of equal gains the one of the lowest rank. As one number, the gain's bits above those of the rank turned round.
  Found best() const {
#if defined(__AVX512F__)
    const __m512i gains = _mm512_castps_si512(__m512(gain[0])), ranks = _mm512_xor_si512(__m512i(rank[0]), _mm512_set1_epi32(-1));
    const __m512i eight = _mm512_max_epi64(_mm512_unpacklo_epi32(ranks, gains), _mm512_unpackhi_epi32(ranks, gains));
    const __m256i four = _mm256_max_epi64(_mm512_castsi512_si256(eight), _mm512_extracti64x4_epi64(eight, 1));
    const __m128i two = _mm_max_epi64(_mm256_castsi256_si128(four), _mm256_extracti128_si256(four, 1));
    const int64_t one = _mm_cvtsi128_si64(_mm_max_epi64(two, _mm_unpackhi_epi64(two, two)));
    return {__builtin_bit_cast(float, uint32_t(uint64_t(one) >> 32)), ~uint32_t(one)};
#else
    Found out{-1, ~0u};
    for (int lane = 0; lane < 16; ++lane) {
      const float own = gain[lane / kLanes][lane % kLanes];
      const uint32_t own_rank = rank[lane / kLanes][lane % kLanes];
      if (own > out.gain || (own == out.gain && own_rank < out.rank)) out = {own, own_rank};
    }
    return out;
#endif
  }
};

/// Replaces `best` where `found` is better, and returns the place of its feature; -1 when `best` stays.
inline int64_t take_found(const Found& found, const uint16_t* features, Split& best) {
  if (!(double(found.gain) > best.gain)) return -1;
  best = {double(found.gain), features[found.rank >> 17], uint16_t(found.rank >> 1), (found.rank & 1) != 0};
  return found.rank >> 17;
}

// ---- up to 16 rows

/// In each group of kGroup lanes, the value of the group's lane i. Groups as wide as a vector or wider are a plain broadcast.
template <int kGroup>
inline U32 spread(const uint32_t* values, int first, int i) {
  if constexpr (kGroup >= kLanes) {
    return splat(values[first / kGroup * kGroup + i]);
  } else {
#if defined(__AVX512F__)
    const __m512i lane = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    const __m512i from = _mm512_add_epi32(_mm512_and_epi32(lane, _mm512_set1_epi32(-kGroup)), _mm512_set1_epi32(i));
    return U32(_mm512_permutexvar_epi32(from, __m512i(load(values + first))));
#elif defined(__AVX2__)
    const __m256i from =
        _mm256_add_epi32(_mm256_and_si256(_mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0), _mm256_set1_epi32(-kGroup)), _mm256_set1_epi32(i));
    return U32(_mm256_permutevar8x32_epi32(__m256i(load(values + first)), from));
#endif
  }
}

/// 16 candidates: kGroup rows of each of 16 / kGroup features, the first of them at `place`.
template <int kGroup, uint32_t kNone, bool kMisses>
void search_candidates(const uint32_t* codes, const PackedNode<uint32_t>& node, uint32_t place, Search32& search) {
  alignas(64) static constexpr struct Places {
    uint32_t of[16];
    constexpr Places() : of() {
      for (uint32_t lane = 0; lane < 16; ++lane) of[lane] = rank_of(lane / kGroup, 0, 0);
    }
  } kPlaces;
  for (int part = 0; part < kParts; ++part) {
    const U32 own = load(codes + part * kLanes);
    U32 left = {}, missing = {};
    for (int i = 0; i < int(node.num_rows); ++i) {
      const U32 code = spread<kGroup>(codes, part * kLanes, i);
      left = own >= code ? left + node.records[i] : left;
      if (kMisses) missing = code == kNone ? missing + node.records[i] : missing;
    }
    const U32 rank = load(kPlaces.of + part * kLanes) + rank_of(place, 0, 0) + (own << 1);
    search.consider(part, left, rank);
    // A missing row is no candidate: everything at or below its code is the whole node, as it is without `missing`.
    if (kMisses) search.consider(part, own == kNone ? left : left + missing, rank + 1);
  }
}

/// Nodes of up to kGroup rows. codes.of(feature, row) is a code, kNone where the value is missing.
template <int kGroup, uint32_t kNone, class Codes>
void search_rows32(const Codes& codes, const PackedNode<uint32_t>& node, const uint16_t* features, int64_t num_features, Search32& search) {
  constexpr int64_t kTogether = 8;
  alignas(64) uint32_t own[kTogether * kGroup];
  for (int i = 0; i < kTogether * kGroup; ++i) own[i] = kNone;
  for (int64_t first = 0; first < num_features; first += kTogether) {
    const int64_t together = num_features - first < kTogether ? num_features - first : kTogether;
    uint32_t may_miss = 0;
    for (int64_t k = 0; k < together; ++k) {
      const auto column = codes.column(features[first + k]);
      for (int64_t i = 0; i < node.num_rows; ++i) own[k * kGroup + i] = column.raw(node.rows[i]);
      may_miss |= codes.has_missing[features[first + k]];
      if constexpr (!Codes::kMapped) column.map(own + k * kGroup, node.num_rows);
    }
    for (int64_t i = together * kGroup; i < kTogether * kGroup; ++i) own[i] = kNone;
    if constexpr (Codes::kMapped) Codes::map(own, kTogether * kGroup);
    for (int64_t k = 0; k < together; k += 16 / kGroup)
      (may_miss ? search_candidates<kGroup, kNone, true> : search_candidates<kGroup, kNone, false>)(own + k * kGroup, node, uint32_t(first + k),
                                                                                                    search);
  }
}

/// The first feature that tells two rows apart; its gain is that of every other such feature.
template <class Codes>
void split_two(const Codes& codes, const PackedNode<uint32_t>& node, const uint16_t* features, int64_t num_features, Split& best) {
  for (int64_t k = 0; k < num_features; ++k) {
    const auto column = codes.column(features[k]);
    const uint32_t a = column.code(node.rows[0]), b = column.code(node.rows[1]);
    if (a == b) continue;
    Search32 search(node);
    search.consider(0, splat(node.records[a < b ? 0 : 1]), splat(0));
    const double gain = search.best().gain;
    if (gain > best.gain) best = {gain, features[k], uint16_t(a < b ? a : b), false};
    return;
  }
}

/// Nodes of up to 16 rows; false when there are more.
template <uint32_t kNone, class Codes>
bool search_small(const Codes& codes, const PackedNode<uint32_t>& node, const uint16_t* features, int64_t num_features, Split& best) {
  if (node.num_rows > kSmall) return false;
  if (node.num_rows == 2) {
    split_two(codes, node, features, num_features, best);
    return true;
  }
  Search32 search(node);
  if (node.num_rows <= 4)
    search_rows32<4, kNone>(codes, node, features, num_features, search);
  else if (node.num_rows <= 8)
    search_rows32<8, kNone>(codes, node, features, num_features, search);
  else
    search_rows32<16, kNone>(codes, node, features, num_features, search);
  take_found(search.best(), features, best);
  return true;
}

// ---- 64-bit records: large nodes, where the scan is a small part

inline double gain64(const PackedNode<uint64_t>& node, uint64_t left) {
  const uint64_t mask = (uint64_t{1} << node.count_bits) - 1, right = node.total - left;
  const uint64_t left_count = left & mask, right_count = right & mask;
  if (left_count < node.min_count || right_count < node.min_count) return -1;
  const double d = double(int64_t(right_count * (left >> node.count_bits) - left_count * (right >> node.count_bits)));
  return d * d / (double(left_count) * double(right_count));
}

/// The sum of units, and which part of it is class 1.
inline Mass mass_of(Units form, uint64_t count, uint64_t marked) {
  constexpr uint64_t kLow = (1u << kPairBits) - 1;
  return form == Units::paired ? Mass{count & kLow, count >> kPairBits} : Mass{count, marked};
}

}  // namespace
HAYATE_KERNELS_END
