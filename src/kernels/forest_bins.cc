// Sorting: Batcher's bitonic merge sort (Knuth 5.3.4) over rows of 16 lanes, all exchanges ascending: runs of p rows are merged by exchanging row i
// with row 2 p - 1 - i, then rows k apart for k = p / 2 .. 1. Whatever stays within 16 rows is done in registers, and two steps with rows
// farther apart at once, four rows being closed under them; his odd-even merge has a seventh fewer exchanges, but none of this. Rows
// behind the last count as infinite, and nothing moves there.
//
// Codes: a binary search whose steps are taken by 16 values at a time. With AVX-512 up to 63 cuts lie in registers, a level
// of the search tree in each; otherwise the compiler gathers.
#include "kernels/forest_bins.h"

#include "kernels/sixteen.h"

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

inline I32 smaller_of(I32 a, I32 b) {
#if defined(__AVX512F__)
  return I32(_mm512_min_epi32(__m512i(a), __m512i(b)));
#elif defined(__AVX2__)
  return I32(_mm256_min_epi32(__m256i(a), __m256i(b)));
#else
  return a < b ? a : b;
#endif
}
inline I32 larger_of(I32 a, I32 b) {
#if defined(__AVX512F__)
  return I32(_mm512_max_epi32(__m512i(a), __m512i(b)));
#elif defined(__AVX2__)
  return I32(_mm256_max_epi32(__m256i(a), __m256i(b)));
#else
  return a < b ? b : a;
#endif
}
inline void exchange(I32& low, I32& high) {
  const I32 a = low, b = high;
  low = smaller_of(a, b), high = larger_of(a, b);
}

typedef I32 StoredI32 __attribute__((may_alias));
constexpr int kHeld = 16;  // rows in registers

/// Rows k apart in aligned blocks of 2 k, for k = kFrom, kFrom / 2 .. 1.
template <int kFrom>
inline void merge_held(I32* rows) {
  for (int i = 0; i < kHeld; ++i)
    if ((i & kFrom) == 0) exchange(rows[i], rows[i + kFrom]);
  if constexpr (kFrom > 1) merge_held<kFrom / 2>(rows);
}

/// Merges runs of kRun rows into runs of 16.
template <int kRun>
inline void sort_held(I32* rows) {
  for (int i = 0; i < kHeld; ++i)
    if ((i & kRun) == 0) exchange(rows[i], rows[i ^ (2 * kRun - 1)]);
  if constexpr (kRun > 1) merge_held<kRun / 2>(rows);
  if constexpr (kRun < kHeld / 2) sort_held<2 * kRun>(rows);
}

/// Sixteen rows at a time: `work` on each vector of lanes.
template <class Work>
inline void hold_rows(int32_t* tile, int64_t num_rows, Work&& work) {
  for (int64_t first = 0; first < num_rows; first += kHeld)
    for (int part = 0; part < kParts; ++part) {
      int32_t* const from = tile + first * kWide + part * kLanes;
      const int64_t count = num_rows - first < kHeld ? num_rows - first : kHeld;
      I32 rows[kHeld];
      for (int i = 0; i < kHeld; ++i) rows[i] = i < count ? *reinterpret_cast<const StoredI32*>(from + i * kWide) : I32{} + kLast;
      work(rows);
      for (int i = 0; i < kHeld && i < count; ++i) *reinterpret_cast<StoredI32*>(from + i * kWide) = rows[i];
    }
}

/// Exchanges two steps of rows a < b < c < d: a with d and b with c if `kCrossed`, else a with c and b with d; then a with b and c with d.
template <bool kWhole, bool kCrossed>
inline void exchange_four(int32_t* tile, int64_t num_rows, int64_t a, int64_t b, int64_t c, int64_t d) {
  for (int part = 0; part < kParts; ++part) {
    const auto place = [&](int64_t row) { return reinterpret_cast<StoredI32*>(tile + row * kWide + part * kLanes); };
    const auto read = [&](int64_t row) { return kWhole || row < num_rows ? *place(row) : I32{} + kLast; };
    const auto write = [&](int64_t row, I32 values) {
      if (kWhole || row < num_rows) *place(row) = values;
    };
    I32 at_a = read(a), at_b = read(b), at_c = read(c), at_d = read(d);
    exchange(at_a, kCrossed ? at_d : at_c), exchange(at_b, kCrossed ? at_c : at_d);
    exchange(at_a, at_b), exchange(at_c, at_d);
    write(a, at_a), write(b, at_b), write(c, at_c), write(d, at_d);
  }
}

/// Two steps in each block of `block` rows: rows across the block's middle mirrored in it, or half a block apart; then a quarter apart.
template <bool kMirrored>
void merge_twice(int32_t* tile, int64_t num_rows, int64_t block) {
  const int64_t quarter = block / 4;
  for (int64_t base = 0; base < num_rows; base += block) {
    const bool whole = base + block <= num_rows;
    for (int64_t a = base; a < base + quarter && a < num_rows; ++a) {
      const int64_t b = a + quarter, d = kMirrored ? 2 * base + block - 1 - a : b + 2 * quarter, c = d - quarter;
      (whole ? exchange_four<true, kMirrored> : exchange_four<false, kMirrored>)(tile, num_rows, a, b, c, d);
    }
  }
}

void sort_rows(int32_t* tile, int64_t num_rows) {
  hold_rows(tile, num_rows, [](I32* rows) { sort_held<1>(rows); });
  for (int64_t run = kHeld; run < num_rows; run *= 2) {
    merge_twice<true>(tile, num_rows, 2 * run);
    int64_t block = run / 2;
    for (; block > kHeld; block /= 4) merge_twice<false>(tile, num_rows, block);
    if (block == kHeld)
      hold_rows(tile, num_rows, [](I32* rows) { merge_held<kHeld / 2>(rows); });
    else
      hold_rows(tile, num_rows, [](I32* rows) { merge_held<kHeld / 4>(rows); });
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

SortedCounts sort_columns(const float* columns, int64_t stride, int64_t num_columns, const int32_t* rows, int64_t num_rows, SortedRow* sorted) {
  int32_t* tile = reinterpret_cast<int32_t*>(sorted);
  for (int64_t c = 0; c < kWide; ++c)
    for (int64_t i = 0; i < num_rows; ++i) tile[i * kWide + c] = c < num_columns ? order_of(columns[c * stride + rows[i]]) : kLast;
  sort_rows(tile, num_rows);
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
