// Codes of a node brought together: of every row the features that its search looks at, in 4, 8, 16, 32 or 64 bytes one row after another.
//
// Counting a row into eight histograms straight from the table takes 31 reads and writes of memory, of which a core does three a cycle, and 0.43 ns
// an update; from codes that lie together it waits for nothing but its eight stores, one a cycle (0.275 ns at 3.6 GHz). Bringing them together
// takes a permute for every two lines of the row, 0.7 ns a row: 0.36 ns an update in all for 8 features, 0.29 for 50. Both in one loop, or in
// blocks of fewer than 64 rows, is slower than one after the other (0.37 to 0.5).
#pragma once

#include "kernels/byte_vectors.h"
#include "kernels/forest_search.h"

#if defined(__AVX512BW__)

HAYATE_KERNELS_BEGIN
namespace {

constexpr int64_t kMostPicked = 64, kMostLines = 4;  // features; lines of 64 bytes a row

template <int kWidth>
inline void store_picked(uint8_t* to, __m512i places) {
  if constexpr (kWidth == 4) {
    const int four = _mm_cvtsi128_si32(_mm512_castsi512_si128(places));
    __builtin_memcpy(to, &four, sizeof four);
  } else if constexpr (kWidth == 8)
    _mm_storel_epi64(reinterpret_cast<__m128i*>(to), _mm512_castsi512_si128(places));
  else if constexpr (kWidth == 16)
    _mm_store_si128(reinterpret_cast<__m128i*>(to), _mm512_castsi512_si128(places));
  else if constexpr (kWidth == 32)
    _mm256_store_si256(reinterpret_cast<__m256i*>(to), _mm512_castsi512_si256(places));
  else
    _mm512_store_si512(to, places);
}

/// Bytes of line `line` that a row of `stride` bytes has.
inline __mmask64 bytes_of_line(int64_t stride, int64_t line) {
  const int64_t left = stride - 64 * line;
  return left >= 64 ? ~uint64_t{0} : left > 0 ? (uint64_t{1} << left) - 1 : 0;
}

/// The numbers of up to 64 features, which are below 256; 0 behind the last.
inline __m512i feature_bytes(const uint16_t* features, int64_t count) {
  const __mmask32 low = __mmask32(count >= 32 ? ~0u : (1u << count) - 1), high = __mmask32(count > 32 ? (uint64_t{1} << (count - 32)) - 1 : 0);
  const __m512i first = _mm512_maskz_loadu_epi16(low, features), second = _mm512_maskz_loadu_epi16(high, features + (count > 32 ? 32 : 0));
  return _mm512_inserti64x4(_mm512_castsi256_si512(_mm512_cvtepi16_epi8(first)), _mm512_cvtepi16_epi8(second), 1);
}

/// Rows of so many lines.
template <int kWidth, int kLines>
__attribute__((target("avx512vbmi"))) void pick_rows(const CodeTable& table, const int32_t* rows, int64_t num_rows, const uint16_t* features,
                                                     int64_t count, uint8_t* places) {
  const __m512i from = feature_bytes(features, count);
  const __mmask64 behind = _mm512_cmpgt_epu8_mask(from, _mm512_set1_epi8(127));  // in the third line or the fourth
  const __mmask64 first_bytes = bytes_of_line(table.stride, 0), last_bytes = bytes_of_line(table.stride, kLines - 1);
  const uint8_t* const first = table.rows;
  const int64_t stride = table.stride;
  const auto line = [](const uint8_t* row, int number, __mmask64 bytes) { return _mm512_maskz_loadu_epi8(bytes, row + 64 * number); };
  const auto pick_row = [&](int64_t i) __attribute__((target("avx512vbmi"), always_inline)) {
    const uint8_t* row = first + stride * rows[i];
    __m512i own;
    if constexpr (kLines == 1) {
      own = _mm512_permutexvar_epi8(from, line(row, 0, first_bytes));
    } else {
      own = _mm512_permutex2var_epi8(_mm512_loadu_si512(row), from, kLines == 2 ? line(row, 1, last_bytes) : _mm512_loadu_si512(row + 64));
      if constexpr (kLines == 3) own = _mm512_mask_permutexvar_epi8(own, behind, from, line(row, 2, last_bytes));
      if constexpr (kLines == 4)
        own = _mm512_mask_mov_epi8(own, behind, _mm512_permutex2var_epi8(_mm512_loadu_si512(row + 128), from, line(row, 3, last_bytes)));
    }
    store_picked<kWidth>(places + kWidth * i, own);
  };
  int64_t i = 0;
  for (; i + 4 <= num_rows; i += 4) pick_row(i), pick_row(i + 1), pick_row(i + 2), pick_row(i + 3);
  for (; i < num_rows; ++i) pick_row(i);
}

template <int kWidth>
struct PickingRows {
  static constexpr decltype(&pick_rows<kWidth, 1>) of[kMostLines] = {pick_rows<kWidth, 1>, pick_rows<kWidth, 2>, pick_rows<kWidth, 3>,
                                                                     pick_rows<kWidth, 4>};
};

/// One feature of many rows: a byte a row.
void pick_one(const CodeTable& table, const int32_t* rows, int64_t num_rows, uint16_t feature, uint8_t* places) {
  const uint8_t* const column = table.rows + feature;
  const int64_t stride = table.stride;
  for (int64_t i = 0; i < num_rows; ++i) places[i] = column[stride * rows[i]];
}

/// False where the codes of the search stay in the table: the processor can't permute bytes, too many features, rows or bytes a row.
bool pick(const CodeTable& table, const PackedNode<uint32_t>& node, const uint16_t* features, int64_t count, PickedCodes& picked) {
  picked.width = 0;
  if (!permutes_bytes() || count > kMostPicked || table.stride > 64 * kMostLines) return false;
  if (count == 1 && node.num_rows > kFewRows && node.num_rows <= kPickedBytes) {
    pick_one(table, node.rows, node.num_rows, features[0], picked.places);
    picked.width = 1;
    return true;
  }
  const int64_t width = count <= 4 ? 4 : count <= 8 ? 8 : count <= 16 ? 16 : count <= 32 ? 32 : 64;
  if (node.num_rows * width > kPickedBytes) return false;
  picked.width = width;
  const auto& of_width = width == 4    ? PickingRows<4>::of
                         : width == 8  ? PickingRows<8>::of
                         : width == 16 ? PickingRows<16>::of
                         : width == 32 ? PickingRows<32>::of
                                       : PickingRows<64>::of;
  of_width[(table.stride - 1) / 64](table, node.rows, node.num_rows, features, count, picked.places);
  return true;
}

// ---- histograms

/// Features [first, first + kCount) of what is picked; histogram k is at k * kApart.
template <int kCount, int kApart>
void count_picked(const PackedNode<uint32_t>& node, const PickedCodes& picked, int64_t first, uint32_t* histograms) {
  const uint8_t* places = picked.places + first;
  const int64_t width = picked.width;
  for (int64_t i = 0; i < node.num_rows; ++i, places += width) {
    const uint32_t record = node.records[i];
    for (int k = 0; k < kCount; ++k) histograms[k * kApart + places[k]] += record;
  }
}

/// One feature, whose records would wait for each other: four histograms take turns.
template <int kApart>
void count_one(const PackedNode<uint32_t>& node, const PickedCodes& picked, uint32_t* histogram) {
  alignas(64) uint32_t turns[4][kApart] = {};
  int64_t i = 0;
  for (; i < node.num_rows - 3; i += 4)
    for (int t = 0; t < 4; ++t) turns[t][picked.places[i + t]] += node.records[i + t];
  for (; i < node.num_rows; ++i) turns[0][picked.places[i]] += node.records[i];
  for (int bin = 0; bin < kApart; ++bin) histogram[bin] = (turns[0][bin] + turns[1][bin]) + (turns[2][bin] + turns[3][bin]);
}

template <int kApart>
struct CountingPicked {
  static constexpr void (*of[8])(const PackedNode<uint32_t>&, const PickedCodes&, int64_t, uint32_t*) = {
      count_picked<1, kApart>, count_picked<2, kApart>, count_picked<3, kApart>, count_picked<4, kApart>,
      count_picked<5, kApart>, count_picked<6, kApart>, count_picked<7, kApart>, count_picked<8, kApart>};
};

// ---- dividing

/// The codes of rows i .. i + 15 from what is picked, which may be read so far.
template <int kWidth>
inline __m128i picked_places(const uint8_t* column, int64_t i) {
  if constexpr (kWidth == 1) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(column + i));
  } else if constexpr (kWidth == 4) {
    const uint8_t* row = column + 4 * i;
    const uint64_t at = reinterpret_cast<uint64_t>(row) % 4;
    return _mm512_cvtepi32_epi8(_mm512_srl_epi32(_mm512_load_si512(row - at), _mm_cvtsi64_si128(int64_t(8 * at))));
  } else if constexpr (kWidth == 8) {
    const uint8_t* row = column + 8 * i;
    const uint64_t at = reinterpret_cast<uint64_t>(row) % 8;
    const __m128i shift = _mm_cvtsi64_si128(int64_t(8 * at));
    const __m128i low = _mm512_cvtepi64_epi8(_mm512_srl_epi64(_mm512_load_si512(row - at), shift));
    return _mm_unpacklo_epi64(low, _mm512_cvtepi64_epi8(_mm512_srl_epi64(_mm512_load_si512(row - at + 64), shift)));
  } else {
    const auto half = [&](int64_t first) {
      __m128i places = _mm_cvtsi32_si128(column[kWidth * first]);
      places = _mm_insert_epi8(places, column[kWidth * (first + 1)], 1), places = _mm_insert_epi8(places, column[kWidth * (first + 2)], 2);
      places = _mm_insert_epi8(places, column[kWidth * (first + 3)], 3), places = _mm_insert_epi8(places, column[kWidth * (first + 4)], 4);
      places = _mm_insert_epi8(places, column[kWidth * (first + 5)], 5), places = _mm_insert_epi8(places, column[kWidth * (first + 6)], 6);
      return _mm_insert_epi8(places, column[kWidth * (first + 7)], 7);
    };
    return _mm_unpacklo_epi64(half(i), half(i + 8));
  }
}

}  // namespace
HAYATE_KERNELS_END

#endif
