// The best split of a node of few rows, without a histogram: the rows' own codes are the candidate cuts, and what goes left at each of them
// is counted by comparing every row's code with it, 64 candidates at a time in bytes.
//
// The codes of a node lie row by row, kWidth features of each. A vector of 64 bytes is then 64 / kWidth rows of as many features, which are its
// candidates; repeated 64 / kWidth times, a row's codes are compared with all of them at once, and where they are no larger the row's count and
// label are added. So m rows of F features take m * m * F / 64 comparisons, which below some 24 rows is less than counting m rows into
// F histograms and reading these. Counts and labels of classes are bytes; labels that are numbers have the 16 bits that PackedMeasure leaves them.
//
// Sums are below 2^16 and counts below 2^8, so products are exact in float32 and every gain is the one that forest_search.h computes.
#pragma once

#include "kernels/forest_picked.h"

#if defined(__AVX512BW__)

HAYATE_KERNELS_BEGIN
namespace {

/// The codes of the places in the bytes of a vector.
inline __m512i codes_of(__m512i places) {
  const __m512i lane = _mm512_slli_epi16(_mm512_and_si512(places, _mm512_set1_epi8(15)), 2);
  const __m512i vector = _mm512_and_si512(_mm512_srli_epi16(places, 4), _mm512_set1_epi8(3));
  return _mm512_ternarylogic_epi64(lane, vector, _mm512_and_si512(places, _mm512_set1_epi8(char(0xC0))), 0xFE);
}

/// What a search of few rows reads.
struct FewRows {
  int64_t num_rows;
  int64_t num_features;  ///< of each row, from the first
  alignas(64) uint8_t counts[kFewRows];
  alignas(64) uint16_t labels[kFewRows];
  alignas(64) uint8_t codes[kFewRows * kMostPicked];

  void set_records(const PackedNode<uint32_t>& node) {
    num_rows = node.num_rows;
    const __m512i mask = _mm512_set1_epi32(int((1u << node.count_bits) - 1));
    for (int64_t i = 0; i < num_rows; i += 16) {
      const __mmask16 here = __mmask16(num_rows - i >= 16 ? 0xFFFF : (1 << (num_rows - i)) - 1);
      const __m512i record = _mm512_maskz_loadu_epi32(here, node.records + i);
      _mm_store_si128(reinterpret_cast<__m128i*>(counts + i), _mm512_cvtepi32_epi8(_mm512_and_si512(record, mask)));
      _mm256_store_si256(reinterpret_cast<__m256i*>(labels + i),
                         _mm512_cvtepi32_epi16(_mm512_srl_epi32(record, _mm_cvtsi32_si128(int(node.count_bits)))));
    }
  }

  /// Returns whether some code may be that of a missing value.
  bool set_codes(const PickedCodes& picked, int64_t count) {
    num_features = count;
    __mmask64 missing = 0;
    for (int64_t at = 0; at < num_rows * picked.width; at += 64) {
      const __m512i own = codes_of(_mm512_load_si512(picked.places + at));
      _mm512_store_si512(codes + at, own);
      missing |= _mm512_cmpeq_epi8_mask(own, _mm512_set1_epi8(char(0xFF)));
    }
    return missing != 0;
  }
};

// ---- what goes left at 64 candidates

/// The codes of a row, as often as a vector takes them.
template <int kWidth>
inline __m512i repeat_row(const uint8_t* codes) {
  if constexpr (kWidth == 4) {
    int32_t row;
    __builtin_memcpy(&row, codes, sizeof row);
    return _mm512_set1_epi32(row);
  } else if constexpr (kWidth == 8) {
    int64_t row;
    __builtin_memcpy(&row, codes, sizeof row);
    return _mm512_set1_epi64(row);
  } else if constexpr (kWidth == 16) {
    return _mm512_broadcast_i32x4(_mm_load_si128(reinterpret_cast<const __m128i*>(codes)));
  } else if constexpr (kWidth == 32) {
    return _mm512_broadcast_i64x4(_mm256_load_si256(reinterpret_cast<const __m256i*>(codes)));
  } else {
    return _mm512_load_si512(codes);
  }
}

/// Of 16 candidates.
struct SixteenSums {
  __m512i counts, labels;
};

/// Counts, and labels times counts: bytes in `low`, or 16 bits in `low` and `high`.
template <bool kWide>
struct LeftSums {
  __m512i count, low, high;

  static LeftSums zero() { return {_mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512()}; }

  inline void add(__mmask64 where, __m512i more, __m512i label) {
    count = _mm512_mask_add_epi8(count, where, count, more);
    if constexpr (kWide) {
      low = _mm512_mask_add_epi16(low, __mmask32(where), low, label);
      high = _mm512_mask_add_epi16(high, __mmask32(where >> 32), high, label);
    } else {
      low = _mm512_mask_add_epi8(low, where, low, label);
    }
  }
  inline void add(const LeftSums& other) {
    count = _mm512_add_epi8(count, other.count);
    low = kWide ? _mm512_add_epi16(low, other.low) : _mm512_add_epi8(low, other.low);
    if constexpr (kWide) high = _mm512_add_epi16(high, other.high);
  }
  /// Those of candidates 16 kGroup .. 16 kGroup + 15.
  template <int kGroup>
  inline SixteenSums group() const {
    const __m512i counts = _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(count, kGroup));
    if constexpr (kWide) return {counts, _mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64(kGroup < 2 ? low : high, kGroup % 2))};
    return {counts, _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(low, kGroup))};
  }
  inline SixteenSums group(int number) const {
    const auto sixteen = [number](const __m512i& bytes) { return reinterpret_cast<const __m128i*>(&bytes)[number]; };
    const __m512i counts = _mm512_cvtepu8_epi32(sixteen(count));
    if constexpr (kWide) return {counts, _mm512_cvtepu16_epi32(reinterpret_cast<const __m256i*>(number < 2 ? &low : &high)[number % 2])};
    return {counts, _mm512_cvtepu8_epi32(sixteen(low))};
  }
};

/// 64 candidates, of which the bits in `here` are any.
template <bool kWide>
struct Candidates {
  __m512i own;  ///< their codes
  LeftSums<kWide> left;
  uint64_t here;
  uint32_t missing_left;
};

template <int kWidth, bool kWide>
class FewSearch {
  using Sums = LeftSums<kWide>;

 public:
  FewSearch(const FewRows& few, bool some_miss, Search32& search)
      : few_(few),
        search_(search),
        total_count_(_mm512_cvtepi32_ps(__m512i(search.count))),
        total_label_(_mm512_cvtepi32_ps(__m512i(search.sum))),
        missing_(Sums::zero()),
        some_miss_(some_miss) {
    if (some_miss_) add_missing();
  }

  /// The best split.
  Found run() {
    const int64_t vectors = (few_.num_rows * kWidth + 63) / 64;
    int64_t v = 0;
    for (; v + 4 <= vectors; v += 4) look_at<4>(v);
    for (; v + 2 <= vectors; v += 2) look_at<2>(v);
    if (v < vectors) look_at<1>(v);
    return take_best();
  }

 private:
  static constexpr int kMostVectors = 2 * kFewRows * kWidth / 64 + 1;  // missing rows on either side

  inline __m512i label_of(int64_t i) const { return kWide ? _mm512_set1_epi16(short(few_.labels[i])) : _mm512_set1_epi8(char(few_.labels[i])); }

  void add_missing() {
    const __m512i missing = _mm512_set1_epi8(char(0xFF));
    for (int64_t i = 0; i < few_.num_rows; ++i)
      missing_.add(_mm512_cmpeq_epi8_mask(repeat_row<kWidth>(few_.codes + kWidth * i), missing), _mm512_set1_epi8(char(few_.counts[i])), label_of(i));
  }

  template <int kTogether>
  inline void look_at(int64_t v) {
    __m512i own[kTogether];
    Sums left[kTogether];
    for (int t = 0; t < kTogether; ++t) own[t] = _mm512_load_si512(few_.codes + 64 * (v + t)), left[t] = Sums::zero();
    for (int64_t i = 0; i < few_.num_rows; ++i) {
      const __m512i row = repeat_row<kWidth>(few_.codes + kWidth * i), count = _mm512_set1_epi8(char(few_.counts[i])), label = label_of(i);
      for (int t = 0; t < kTogether; ++t) left[t].add(_mm512_cmple_epu8_mask(row, own[t]), count, label);
    }
    for (int t = 0; t < kTogether; ++t) consider(candidates_of(v + t), own[t], left[t]);
  }

  /// The bytes of a vector that are a feature of a row.
  uint64_t candidates_of(int64_t v) const {
    const uint64_t each = kWidth == 64 ? 1 : ~uint64_t{0} / ((uint64_t{1} << kWidth % 64) - 1);
    const uint64_t features = each * (few_.num_features == 64 ? ~uint64_t{0} : (uint64_t{1} << few_.num_features) - 1);
    const int64_t bytes = few_.num_rows * kWidth - 64 * v;
    return bytes >= 64 ? features : features & ((uint64_t{1} << bytes) - 1);
  }

  inline void consider(uint64_t here, __m512i own, Sums left) {
    add({own, left, here, 0});
    if (!some_miss_) return;
    // At a missing row everything is on the left already; where a feature misses none, this is what was looked at before.
    left.add(missing_);
    add({own, left, here & _mm512_cmplt_epu8_mask(own, _mm512_set1_epi8(char(0xFF))), 1});
  }

  inline void add(const Candidates<kWide>& candidates) {
    candidates_[num_vectors_] = candidates;
    __m512* const rough = rough_[num_vectors_++];
    add_rough<0>(candidates, rough), add_rough<1>(candidates, rough), add_rough<2>(candidates, rough), add_rough<3>(candidates, rough);
  }

  /// What candidates are compared by.
  struct Gains {
    __m512 square, sides;
  };
  inline Gains gains(const SixteenSums& left) const {
    const __m512 count = _mm512_cvtepi32_ps(left.counts), label = _mm512_cvtepi32_ps(left.labels);
    const __m512 d = _mm512_sub_ps(_mm512_mul_ps(total_count_, label), _mm512_mul_ps(total_label_, count));
    return {_mm512_mul_ps(d, d), _mm512_mul_ps(count, _mm512_sub_ps(total_count_, count))};
  }

  /// See Search32::rough(); below 0 where there is no candidate.
  template <int kGroup>
  inline void add_rough(const Candidates<kWide>& candidates, __m512* rough) {
    const SixteenSums left = candidates.left.template group<kGroup>();
    const Gains own = gains(left);
    __mmask16 here = __mmask16(candidates.here >> 16 * kGroup);
    if (!search_.any_count) here = _mm512_mask_cmple_epu32_mask(here, _mm512_sub_epi32(left.counts, __m512i(search_.least)), __m512i(search_.slack));
    rough[kGroup] = _mm512_mask_mul_ps(_mm512_set1_ps(-1), here, own.square, _mm512_rcp14_ps(own.sides));
    highest_ = _mm512_max_ps(rough[kGroup], highest_);
  }

  Found take_best() {
    const float highest = _mm512_reduce_max_ps(highest_);
    if (highest < 0) return {-1, 0};
    const __m512 enough = _mm512_set1_ps(Search32::reaching(highest));
    for (int v = 0; v < num_vectors_; ++v) {
      uint64_t reaching = 0;
      for (int group = 0; group < 4; ++group) reaching |= uint64_t{_mm512_cmp_ps_mask(rough_[v][group], enough, _CMP_GE_OQ)} << 16 * group;
      while (reaching != 0) {
        const int group = __builtin_ctzll(reaching) / 16;
        take_group(candidates_[v], group, __mmask16(reaching >> 16 * group));
        reaching &= ~(uint64_t{0xFFFF} << 16 * group);
      }
    }
    return search_.best();
  }

  inline void take_group(const Candidates<kWide>& candidates, int group, __mmask16 reaching) {
    const Gains own = gains(candidates.left.group(group));
    const __m512i feature = kWidth == 4    ? _mm512_set_epi32(3, 2, 1, 0, 3, 2, 1, 0, 3, 2, 1, 0, 3, 2, 1, 0)
                            : kWidth == 8  ? _mm512_set_epi32(7, 6, 5, 4, 3, 2, 1, 0, 7, 6, 5, 4, 3, 2, 1, 0)
                            : kWidth == 16 ? lane_numbers()
                                           : _mm512_add_epi32(lane_numbers(), _mm512_set1_epi32(group % (kWidth / 16) * 16));
    const __m512i cut = _mm512_cvtepu8_epi32(reinterpret_cast<const __m128i*>(&candidates.own)[group]);
    const __m512i rank =
        _mm512_or_si512(_mm512_slli_epi32(feature, 17), _mm512_or_si512(_mm512_slli_epi32(cut, 1), _mm512_set1_epi32(int(candidates.missing_left))));
    search_.take_in_any_order(reaching, own.square, own.sides, U32(rank));
  }

  static __m512i lane_numbers() { return _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0); }

  const FewRows& few_;
  Search32& search_;
  __m512 total_count_, total_label_, highest_ = _mm512_set1_ps(-1);
  Sums missing_;
  bool some_miss_;
  int num_vectors_ = 0;
  Candidates<kWide> candidates_[kMostVectors];
  __m512 rough_[kMostVectors][4];
};

template <int kWidth>
Found search_few_of_width(const FewRows& few, bool some_miss, Search32& search) {
  return search.sum[0] < 256 ? FewSearch<kWidth, false>(few, some_miss, search).run() : FewSearch<kWidth, true>(few, some_miss, search).run();
}

/// Whether the node has few rows, and its sums fit.
inline bool is_few(const PackedNode<uint32_t>& node, const Search32& search) {
  return node.num_rows <= kFewRows && search.count[0] <= kFewCount && search.sum[0] <= kFewLabels;
}

/// The best split.
Found search_few(const PackedNode<uint32_t>& node, const PickedCodes& picked, int64_t num_features, Search32& search) {
  FewRows few;
  few.set_records(node);
  const bool some_miss = few.set_codes(picked, num_features);
  const auto search_width = picked.width == 4    ? search_few_of_width<4>
                            : picked.width == 8  ? search_few_of_width<8>
                            : picked.width == 16 ? search_few_of_width<16>
                            : picked.width == 32 ? search_few_of_width<32>
                                                 : search_few_of_width<64>;
  return search_width(few, some_miss, search);
}

}  // namespace
HAYATE_KERNELS_END

#endif
