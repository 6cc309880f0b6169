// Sorting: Batcher's odd-even merge sort (Knuth 5.2.2 M) over rows of 16 lanes. For 500 rows it takes 9,300 exchanges of a
// minimum and a maximum, 0.6 us a column where a radix sort of the one column takes 3; from about 2,000 rows on radix wins.
// Rows are sorted in blocks of 256 first, which stay in the first-level cache.
//
// Codes: a binary search whose steps are taken by 16 values at a time. With AVX-512 up to 63 cuts lie in registers, a level
// of the search tree in each; otherwise the compiler gathers.
#include "kernels/forest_bins.h"

#include "kernels/intrinsics.h"
#include "kernels/isa.h"

HAYATE_KERNELS_BEGIN
namespace {

constexpr int64_t kWide = kSortedTogether;
constexpr int32_t kLast = 0x7FFFFFFF;  // a NaN, and the order of all NaNs

/// A whole number that orders as the float does; its own inverse.
inline int32_t order_of(float x) {
  const float positive_zero = x + 0.0f;
  int32_t bits;
  __builtin_memcpy(&bits, &positive_zero, sizeof bits);
  return x == x ? bits ^ (bits >> 31 & kLast) : kLast;
}

inline void exchange(int32_t* __restrict low, int32_t* __restrict high, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    const int32_t a = low[i], b = high[i];
    low[i] = a < b ? a : b;
    high[i] = a < b ? b : a;
  }
}

/// The stages of the network that merge runs of `from` rows into runs of at least `to` (or all) rows.
void merge_runs(int32_t* tile, int64_t num_rows, int64_t from, int64_t to) {
  for (int64_t p = from; p < num_rows && p < to; p *= 2)
    for (int64_t k = p; k >= 1; k /= 2)
      for (int64_t j = k % p; j + k < num_rows; j += 2 * k) {
        if (j / (2 * p) != (j + k) / (2 * p)) continue;
        const int64_t rows = num_rows - j - k < k ? num_rows - j - k : k;
        for (int64_t i = 0; i < rows; ++i) exchange(tile + (j + i) * kWide, tile + (j + k + i) * kWide, kWide);
      }
}

/// Turns orders back into floats and counts.
SortedCounts finish_columns(int32_t* tile, int64_t num_rows) {
  SortedCounts counts{};
  int32_t last[kWide];
  for (int64_t c = 0; c < kWide; ++c) last[c] = kLast;
  for (int64_t i = 0; i < num_rows; ++i)
    for (int64_t c = 0; c < kWide; ++c) {
      const int32_t order = tile[i * kWide + c];
      counts.present[c] += order != kLast;
      counts.distinct[c] += (order != kLast) & (order != last[c]);
      last[c] = order;
      tile[i * kWide + c] = order ^ (order >> 31 & kLast);
    }
  return counts;
}

SortedCounts sort_columns(const float* columns, int64_t stride, int64_t num_columns, const int32_t* rows, int64_t num_rows, float* sorted) {
  constexpr int64_t kBlock = 256;
  int32_t* tile = reinterpret_cast<int32_t*>(sorted);
  for (int64_t c = 0; c < kWide; ++c)
    for (int64_t i = 0; i < num_rows; ++i) tile[i * kWide + c] = c < num_columns ? order_of(columns[c * stride + rows[i]]) : kLast;
  for (int64_t first = 0; first < num_rows; first += kBlock)
    merge_runs(tile + first * kWide, num_rows - first < kBlock ? num_rows - first : kBlock, 1, kBlock);
  merge_runs(tile, num_rows, kBlock, num_rows);
  return finish_columns(tile, num_rows);
}

constexpr int64_t kBlockValues = 16;

/// One block by halving a window over all cuts, the same sizes for every value.
inline void code_block(const float* cuts, int64_t num_cuts, const float* values, uint8_t* codes) {
  int32_t at[kBlockValues] = {};
  int32_t left = int32_t(num_cuts);
  for (; left > 1; left -= left / 2)
    for (int64_t i = 0; i < kBlockValues; ++i) at[i] += cuts[at[i] + left / 2 - 1] < values[i] ? left / 2 : 0;
  for (int64_t i = 0; i < kBlockValues; ++i) {
    const int32_t code = at[i] + (left == 1 && cuts[at[i]] < values[i] ? 1 : 0);
    codes[i] = uint8_t(values[i] == values[i] ? code : 255);
  }
}

void code_any(const float* cuts, int64_t num_cuts, const float* values, int64_t num_values, uint8_t* codes) {
  int64_t i = 0;
  for (; i + kBlockValues <= num_values; i += kBlockValues) code_block(cuts, num_cuts, values + i, codes + i);
  if (i == num_values) return;
  float rest[kBlockValues] = {};
  uint8_t rest_codes[kBlockValues];
  for (int64_t k = i; k < num_values; ++k) rest[k - i] = values[k];
  code_block(cuts, num_cuts, rest, rest_codes);
  for (int64_t k = i; k < num_values; ++k) codes[k] = rest_codes[k - i];
}

#if defined(__AVX512F__)

/// Up to 63 cuts, padded with infinity to a full tree of six levels. Level k has 2^k cuts, which one permute looks up.
void code_in_registers(const float* cuts, int64_t num_cuts, const float* values, int64_t num_values, uint8_t* codes) {
  alignas(64) float level[6][32];
  for (int k = 0; k < 6; ++k)
    for (int64_t i = 0; i < 32; ++i) {
      const int64_t place = ((2 * i + 1) << (5 - k)) - 1;
      level[k][i] = place < num_cuts ? cuts[place] : __builtin_inff();
    }
  const __m512 root = _mm512_set1_ps(level[0][0]);
  const __m512 l1 = _mm512_load_ps(level[1]), l2 = _mm512_load_ps(level[2]), l3 = _mm512_load_ps(level[3]), l4 = _mm512_load_ps(level[4]);
  const __m512 l5a = _mm512_load_ps(level[5]), l5b = _mm512_load_ps(level[5] + 16);
  const __m512i one = _mm512_set1_epi32(1), missing = _mm512_set1_epi32(255);
  const auto down = [&](__m512i at, __m512 cut, __m512 x) {
    const __m512i twice = _mm512_add_epi32(at, at);
    return _mm512_mask_add_epi32(twice, _mm512_cmp_ps_mask(cut, x, _CMP_LT_OQ), twice, one);
  };
  for (int64_t i = 0; i < num_values; i += 16) {
    const __mmask16 here = __mmask16(num_values - i >= 16 ? 0xFFFF : (1 << (num_values - i)) - 1);
    const __m512 x = _mm512_maskz_loadu_ps(here, values + i);
    __m512i at = down(_mm512_setzero_si512(), root, x);
    at = down(at, _mm512_permutexvar_ps(at, l1), x);
    at = down(at, _mm512_permutexvar_ps(at, l2), x);
    at = down(at, _mm512_permutexvar_ps(at, l3), x);
    at = down(at, _mm512_permutexvar_ps(at, l4), x);
    at = down(at, _mm512_permutex2var_ps(l5a, at, l5b), x);
    at = _mm512_mask_mov_epi32(at, _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q), missing);
    _mm_mask_storeu_epi8(codes + i, here, _mm512_cvtepi32_epi8(at));
  }
}

void code_values(const float* cuts, int64_t num_cuts, const float* values, int64_t num_values, uint8_t* codes) {
  (num_cuts < 64 ? code_in_registers : code_any)(cuts, num_cuts, values, num_values, codes);
}

#else

void code_values(const float* cuts, int64_t num_cuts, const float* values, int64_t num_values, uint8_t* codes) {
  code_any(cuts, num_cuts, values, num_values, codes);
}

#endif

}  // namespace

extern const BinKernels kBinKernels;
const BinKernels kBinKernels = {sort_columns, code_values};

HAYATE_KERNELS_END
