// See boosting.h for what is computed.
//
// accumulate() is where large tables spend their time. Each update is a load, an add and a store to one of 64 places, and the
// processor retires one store a cycle: 0.28 ns an update is reached by reading eight codes in one load and by giving 32
// features their turn in each row, which hides the latency of a place that is hit twice in a row. Tried and slower: 8 or 16
// features (0.39, 0.33 ns), byte loads (0.32), 64 features (their 32 KB of places push the codes out of the first cache).
//
// This is the floor: a loop of the stores alone takes 0.276 ns each at 3.6 GHz, whatever their width, the distance of features
// or the number of rows in hand. Of 64 ms for 100 trees on 10,240 x 64, 43 are 144 million updates (0.30 ns with their fetches;
// 45 % of them at roots), 9 the search, 4 dividing rows, 1.5 zeroing. Two features as one code of 4,096 places halve the stores,
// but the table fills the first cache: 0.25 ns for each feature, before its sums are pulled apart. Rows of one code side by side (an order of
// rows per feature, made once) would sum in a register, but then 10,240 records, 80 KB, are read out of order from the second cache 64 times a
// tree. Dividing rows: bytes brought together by plain loads and shifts instead of a gather take 14 % of the time instead of 7.
//
// search() is where small tables spend theirs: 64 candidates of two children per feature. A histogram is kept as sums up to
// each bin, so the larger child costs one subtraction and no second running sum. All candidates of a feature are held
// against one bar, the best so far, and only what reaches it (a feature in four at first, soon one in thirty) is looked at
// singly. What is best therefore depends on the candidates alone, not on lanes, tiles or workers. Tried without effect (2,000 x 60: 21.9 ms
// against 21.4): asking whether both sides are large enough only where the bar is reached, which takes a third of the operations out of
// a candidate.
#include "kernels/boosting.h"

#include <cstring>

#include "kernels/sixteen.h"

HAYATE_KERNELS_BEGIN
namespace {

[[maybe_unused]] constexpr uint8_t kMissing = 255;
constexpr int kBlock = 64;  // bins that are summed up together

constexpr int kWords = kLanes / 2;  // 64-bit words in a vector
typedef uint64_t U64 __attribute__((vector_size(4 * kLanes)));
typedef U64 StoredU64 __attribute__((may_alias));

inline U64 load(const uint64_t* from) { return *reinterpret_cast<const StoredU64*>(from); }
inline void store(uint64_t* to, U64 x) { *reinterpret_cast<StoredU64*>(to) = x; }
inline F32 splat(float x) { return F32{} + x; }

/// The low, or the high, halves of the words of a and then of b.
inline U32 low_halves(U64 a, U64 b) {
#if defined(__AVX512F__)
  return __builtin_shufflevector(U32(a), U32(b), 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
#elif defined(__AVX2__)
  return __builtin_shufflevector(U32(a), U32(b), 0, 2, 4, 6, 8, 10, 12, 14);
#else
  return __builtin_shufflevector(U32(a), U32(b), 0, 2, 4, 6);
#endif
}
inline U32 high_halves(U64 a, U64 b) {
#if defined(__AVX512F__)
  return __builtin_shufflevector(U32(a), U32(b), 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
#elif defined(__AVX2__)
  return __builtin_shufflevector(U32(a), U32(b), 1, 3, 5, 7, 9, 11, 13, 15);
#else
  return __builtin_shufflevector(U32(a), U32(b), 1, 3, 5, 7);
#endif
}

// ---- rows of a tile

typedef uint8_t Bytes16 __attribute__((vector_size(16)));

/// Rows of 8 columns from 8 columns of 8 rows, two rows a vector.
inline void transpose8(const uint64_t* columns, Bytes16* rows) {
  typedef uint16_t Pairs __attribute__((vector_size(16)));
  Bytes16 column[8];
  for (int k = 0; k < 8; ++k) {
    typedef uint64_t Words __attribute__((vector_size(16)));
    column[k] = Bytes16(Words{columns[k], 0});
  }
  Pairs pair[4], four[4];
  for (int k = 0; k < 4; ++k)
    pair[k] = Pairs(__builtin_shufflevector(column[2 * k], column[2 * k + 1], 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23));
  for (int k = 0; k < 2; ++k) {
    four[2 * k] = __builtin_shufflevector(pair[2 * k], pair[2 * k + 1], 0, 8, 1, 9, 2, 10, 3, 11);
    four[2 * k + 1] = __builtin_shufflevector(pair[2 * k], pair[2 * k + 1], 4, 12, 5, 13, 6, 14, 7, 15);
  }
  typedef uint32_t Fours __attribute__((vector_size(16)));
  for (int k = 0; k < 2; ++k) {
    rows[2 * k] = Bytes16(__builtin_shufflevector(Fours(four[k]), Fours(four[k + 2]), 0, 4, 1, 5));
    rows[2 * k + 1] = Bytes16(__builtin_shufflevector(Fours(four[k]), Fours(four[k + 2]), 2, 6, 3, 7));
  }
}

/// boost_place() of 16 codes; missing ones at `last`.
inline Bytes16 places_of(Bytes16 codes, uint8_t last) {
  const Bytes16 place = (codes & 0xC0) | (codes & 7) << 3 | ((codes >> 3) & 7);
  return place < last ? place : Bytes16{} + last;
}

void fill_tile(const uint8_t* const* columns, int32_t num_columns, int64_t num_rows, int32_t slots, int64_t row_bytes, uint8_t* places) {
  const uint8_t last = uint8_t(missing_place(slots));
  for (int64_t first = 0; first < num_rows; first += 8) {
    const int64_t rows = num_rows - first < 8 ? num_rows - first : 8;
    for (int64_t group = 0; group < row_bytes; group += 8) {
      uint64_t column[8] = {};
      for (int64_t k = 0; k < 8 && group + k < num_columns; ++k) memcpy(&column[k], columns[group + k] + first, size_t(rows));
      Bytes16 out[4];
      transpose8(column, out);
      for (int k = 0; k < 4; ++k) out[k] = places_of(out[k], last);
      for (int64_t i = 0; i < rows; ++i) memcpy(places + (first + i) * row_bytes + group, reinterpret_cast<const char*>(out) + 8 * i, 8);
    }
  }
}

// ---- histograms

template <int kFeatures, int kSlots>
inline void add_row(const uint8_t* places, uint64_t record, uint64_t* histogram) {
#pragma GCC unroll 4
  for (int first = 0; first + 8 <= kFeatures; first += 8) {
    uint64_t eight;
    memcpy(&eight, places + first, 8);
#pragma GCC unroll 8
    for (int k = 0; k < 8; ++k) histogram[(first + k) * kSlots + int(eight >> (8 * k) & 255)] += record;
  }
  if constexpr (kFeatures % 8 != 0) {
    constexpr int kFirst = kFeatures / 8 * 8;
    uint32_t four;
    memcpy(&four, places + kFirst, 4);
#pragma GCC unroll 4
    for (int k = 0; k < 4; ++k) histogram[(kFirst + k) * kSlots + int(four >> (8 * k) & 255)] += record;
  }
}

template <int kFeatures, int kSlots>
void add_rows(const BoostTile& tile, const uint32_t* rows, int64_t num_rows, const uint64_t* records, uint64_t* histogram) {
  constexpr int64_t kAhead = 24;  // rows whose codes are asked for early: they lie far apart in a small node of a large table
  const uint8_t* places = tile.places;
  const int64_t row_bytes = tile.row_bytes;
  if (!rows) {
    for (int64_t row = 0; row < num_rows; ++row) add_row<kFeatures, kSlots>(places + row * row_bytes, records[row], histogram);
    return;
  }
  int64_t i = 0;
  for (; i + kAhead < num_rows; ++i) {
    const int64_t ahead = rows[i + kAhead];
    __builtin_prefetch(places + ahead * row_bytes);
    __builtin_prefetch(records + ahead);
    add_row<kFeatures, kSlots>(places + rows[i] * row_bytes, records[rows[i]], histogram);
  }
  for (; i < num_rows; ++i) add_row<kFeatures, kSlots>(places + rows[i] * row_bytes, records[rows[i]], histogram);
}

using AddRows = void (*)(const BoostTile&, const uint32_t*, int64_t, const uint64_t*, uint64_t*);
template <int kSlots>
constexpr AddRows kAddRows[] = {add_rows<4, kSlots>,  add_rows<8, kSlots>,  add_rows<12, kSlots>, add_rows<16, kSlots>,
                                add_rows<20, kSlots>, add_rows<24, kSlots>, add_rows<28, kSlots>, add_rows<32, kSlots>};

void accumulate(const BoostTile& tile, const uint32_t* rows, int64_t num_rows, const uint64_t* records, uint64_t* histogram) {
  const int which = tile.width / 4 - 1;
  const AddRows add = tile.slots == 64    ? kAddRows<64>[which]
                      : tile.slots == 72  ? kAddRows<72>[which]
                      : tile.slots == 128 ? kAddRows<128>[which]
                                          : kAddRows<256>[which];
  add(tile, rows, num_rows, records, histogram);
}

void widen(const uint64_t* histogram, int64_t size, const BoostPacking& packing, uint64_t* wide) {
  const uint32_t g_shift = 64 - packing.sum_bits, count_bits = packing.count_bits;
  const uint64_t count_mask = (uint64_t{1} << count_bits) - 1, h_mask = packing.counted() ? 0 : (uint64_t{1} << (g_shift - count_bits)) - 1;
  for (int64_t i = 0; i < size; ++i) {
    const uint64_t x = histogram[i];
    wide[i] += uint64_t(int64_t(x) >> g_shift);
    wide[size + i] += (x & count_mask) + ((x >> count_bits & h_mask) << packing.wide_count_bits);
  }
}

// ---- the best split

#define HAYATE_INLINE inline __attribute__((always_inline))

#if defined(__AVX512F__)
using Mask = __mmask16;
HAYATE_INLINE Mask greater(F32 a, F32 b) { return _mm512_cmp_ps_mask(__m512(a), __m512(b), _CMP_GT_OQ); }
HAYATE_INLINE Mask at_least(F32 a, F32 b) { return _mm512_cmp_ps_mask(__m512(a), __m512(b), _CMP_GE_OQ); }
HAYATE_INLINE Mask at_most(U32 a, U32 b) { return _mm512_cmple_epu32_mask(__m512i(a), __m512i(b)); }
HAYATE_INLINE Mask both(Mask a, Mask b) { return Mask(a & b); }
HAYATE_INLINE uint64_t bits(Mask mask) { return mask; }
HAYATE_INLINE F32 where(Mask mask, F32 x) { return F32(_mm512_maskz_mov_ps(mask, __m512(x))); }
HAYATE_INLINE Mask mask_of(uint64_t bits) { return Mask(bits); }
#else
using Mask = I32;
HAYATE_INLINE Mask greater(F32 a, F32 b) { return a > b; }
HAYATE_INLINE Mask at_least(F32 a, F32 b) { return a >= b; }
HAYATE_INLINE Mask at_most(U32 a, U32 b) { return a <= b; }
HAYATE_INLINE Mask both(Mask a, Mask b) { return a & b; }
HAYATE_INLINE F32 where(Mask mask, F32 x) { return F32(I32(x) & mask); }
/// The mask whose bits() are the low ones of `bits`.
HAYATE_INLINE Mask mask_of(uint64_t bits) {
  I32 lane_bit;
  for (int lane = 0; lane < kLanes; ++lane) lane_bit[lane] = 1 << lane;
  return (I32(splat(uint32_t(bits))) & lane_bit) != 0;
}
#if defined(__AVX2__)
HAYATE_INLINE uint64_t bits(Mask mask) { return uint32_t(_mm256_movemask_ps(__m256(mask))); }
#else
HAYATE_INLINE uint64_t bits(Mask mask) { return uint32_t(_mm_movemask_ps(__m128(mask))); }
#endif
#endif

constexpr int kVectors = kBlock / kLanes;     // of 32-bit lanes, for a block of bins
constexpr int kBlockWords = kBlock / kWords;  // of 64-bit words

/// The sums of a block of bins in vectors; wide ones have two planes.
template <int kPlanes>
struct Block {
  U64 at[kPlanes][kBlockWords];
};

/// Turns bins into sums up to each, from `before`, which moves on.
HAYATE_INLINE void cumulate(U64* sum, uint64_t& before) {
  constexpr int kAtOnce = 8 / kWords;  // vectors for the bins that a running sum adds at once
  for (int i = kAtOnce; i < kBlockWords; ++i) sum[i] += sum[i - kAtOnce];
  const U64* last = sum + kBlockWords - kAtOnce;
#if defined(__AVX512F__)
  const __m512i zero = _mm512_setzero_si512(), all = __m512i(last[0]);
  __m512i x = _mm512_alignr_epi64(all, zero, 7);
  x = _mm512_add_epi64(x, _mm512_alignr_epi64(x, zero, 7));
  x = _mm512_add_epi64(x, _mm512_alignr_epi64(x, zero, 6));
  const U64 start[1] = {U64(_mm512_add_epi64(x, _mm512_alignr_epi64(x, zero, 4))) + before};
  before = start[0][7] + last[0][7];
#else
  U64 start[kAtOnce];
  for (int lane = 0; lane < 8; ++lane) {
    start[lane / kWords][lane % kWords] = before;
    before += last[lane / kWords][lane % kWords];
  }
#endif
  for (int i = 0; i < kBlockWords; ++i) sum[i] += start[i % kAtOnce];
}

/// Sums of one side.
struct Side {
  U32 g, h, count;
  HAYATE_INLINE Side operator+(const Side& other) const { return {g + other.g, h + other.h, count + other.count}; }
};

// How sums are read from the words of a histogram, sixteen or fewer at once. Where fields of a word meet, the top of the lower
// one may stand below the last bit of the upper one: less than a unit of a sum of many.

/// Records whose rows have equal h.
struct CountedReader {
  static constexpr int kPlanes = 1;
  static constexpr bool kCounts = false;  // the count is h
  CountedReader(const BoostPacking&, const BoostNode&) {}
  float g(const BoostNode& node) const { return float(node.sums.g); }
  float h(const BoostNode& node) const { return float(node.sums.h); }
  HAYATE_INLINE Side side(const U64 (&at)[1][kBlockWords], int v) const { return side_of(at[0][2 * v], at[0][2 * v + 1]); }
  HAYATE_INLINE Side splat_side(const uint64_t (&word)[1]) const { return side_of(U64{} + word[0], U64{} + word[0]); }

 private:
  HAYATE_INLINE static Side side_of(U64 a, U64 b) {
    const U32 count = low_halves(a, b);
    return {high_halves(a, b), count, count};
  }
};

/// Records of three fields.
struct PackedReader {
  static constexpr int kPlanes = 1;
  static constexpr bool kCounts = true;
  uint32_t g_shift, h_shift;
  U32 h_mask, count_mask;
  PackedReader(const BoostPacking& packing, const BoostNode&)
      : g_shift(32 - packing.sum_bits),
        h_shift(packing.count_bits),
        h_mask(splat(uint32_t((uint64_t{1} << (64 - packing.sum_bits - packing.count_bits)) - 1))),
        count_mask(splat((1u << packing.count_bits) - 1)) {}
  float g(const BoostNode& node) const { return float(node.sums.g); }
  float h(const BoostNode& node) const { return float(node.sums.h); }
  HAYATE_INLINE Side side(const U64 (&at)[1][kBlockWords], int v) const { return side_of(at[0][2 * v], at[0][2 * v + 1]); }
  HAYATE_INLINE Side splat_side(const uint64_t (&word)[1]) const { return side_of(U64{} + word[0], U64{} + word[0]); }

 private:
  HAYATE_INLINE Side side_of(U64 a, U64 b) const {
    return {U32(I32(high_halves(a, b)) >> g_shift), low_halves(a >> h_shift, b >> h_shift) & h_mask, low_halves(a, b) & count_mask};
  }
};

/// Wide sums.
struct WideReader {
  static constexpr int kPlanes = 2;
  static constexpr bool kCounts = true;
  uint32_t g_shift, h_shift;
  U32 count_mask;
  WideReader(const BoostPacking& packing, const BoostNode& node)
      : g_shift(node.g_shift),
        h_shift(packing.counted() ? 0 : packing.wide_count_bits + node.h_shift),
        count_mask(splat(uint32_t((uint64_t{1} << packing.wide_count_bits) - 1))) {}
  float g(const BoostNode& node) const { return float(node.sums.g >> node.g_shift); }
  float h(const BoostNode& node) const { return float(node.sums.h >> node.h_shift); }
  HAYATE_INLINE Side side(const U64 (&at)[2][kBlockWords], int v) const {
    return side_of(at[0][2 * v], at[0][2 * v + 1], at[1][2 * v], at[1][2 * v + 1]);
  }
  HAYATE_INLINE Side splat_side(const uint64_t (&word)[2]) const {
    return side_of(U64{} + word[0], U64{} + word[0], U64{} + word[1], U64{} + word[1]);
  }

 private:
  HAYATE_INLINE Side side_of(U64 g_a, U64 g_b, U64 a, U64 b) const {
    return {low_halves(g_a >> g_shift, g_b >> g_shift), low_halves(a >> h_shift, b >> h_shift), low_halves(a, b) & count_mask};
  }
};

/// Codes of the places of a block.
struct BlockCodes {
  uint8_t of[kBlock];
  constexpr BlockCodes() : of() {
    for (uint8_t code = 0; code < kBlock; ++code) of[boost_place(code)] = code;
  }
};
constexpr BlockCodes kBlockCodes;

/// A node's constants in vectors, and its best split so far.
template <class Reader>
class Search {
 public:
  Search(const BoostPacking& packing, const BoostNode& node, BoostSplit* best) : reader_(packing, node), best_(best) {
    const float h = reader_.h(node), whole = h + 2 * node.lambda, count = float(node.min_count);
    const float weight = !Reader::kCounts && count > node.min_weight ? count : node.min_weight;
    mean_ = splat(reader_.g(node) / whole), lambda_ = splat(node.lambda), whole_ = splat(whole), least_ = splat(weight + node.lambda);
    min_count_ = splat(uint32_t(node.min_count)), slack_ = splat(uint32_t(node.sums.count - 2 * node.min_count));
    set_bar();
  }

  /// The cuts of a block. With `missing` these count to the left side.
  HAYATE_INLINE void look(const Block<Reader::kPlanes>& sums, int32_t feature, int block, const Side* missing) {
    F32 above[kVectors], below[kVectors];
    uint64_t better = 0;
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) {
      Side left = reader_.side(sums.at, v);
      Mask may = at_most(left.count - min_count_, slack_);
      if (missing) {
        may = at_least(to_float(left.count), splat(1.0f));
        left = left + *missing;
        if (Reader::kCounts) may = both(may, at_most(left.count - min_count_, slack_));
      }
      const F32 a = to_float(left.h) + lambda_, b = whole_ - a, d = to_float(left.g) - mean_ * a;
      above[v] = d * d, below[v] = a * b;
      Mask mask = both(both(greater(above[v], bar_ * below[v]), at_least(a, least_)), at_least(b, least_));
      if (Reader::kCounts || missing) mask = both(mask, may);
      better |= bits(mask) << (v * kLanes);
    }
    if (__builtin_expect(better != 0, 0)) record(above, below, better, feature, block, missing != nullptr);
  }

  HAYATE_INLINE const Reader& reader() const { return reader_; }

 private:
  /// What reaches the bar is worth a second look: it lies below the best by more than the roundings of a comparison.
  void set_bar() { bar_ = splat(best_->above / best_->below * (1 - 0x1p-20f)); }

  /// Candidates at the bits of `better` against the best. Fractions of floats are compared in float64 without rounding; all but
  /// the few within roundings of the largest are sorted out by their quotients first.
  __attribute__((noinline)) void record(const F32* above, const F32* below, uint64_t better, int32_t feature, int block, bool missing_left) {
    F32 ratio[kVectors], most = {};
    for (int v = 0; v < kVectors; ++v) {
      ratio[v] = where(mask_of(better >> (v * kLanes)), above[v] / below[v]);
      most = ratio[v] > most ? ratio[v] : most;
    }
    float top = 0;
    for (int lane = 0; lane < kLanes; ++lane) top = most[lane] > top ? most[lane] : top;
    const F32 near = splat(top * (1 - 0x1p-20f));
    uint64_t rest = 0;
    for (int v = 0; v < kVectors; ++v) rest |= bits(at_least(ratio[v], near)) << (v * kLanes);
    alignas(64) float over[kBlock], under[kBlock];
    memcpy(over, above, sizeof over);
    memcpy(under, below, sizeof under);
    for (rest &= better; rest != 0; rest &= rest - 1) {
      const int i = __builtin_ctzll(rest);
      const double mine = double(over[i]) * double(best_->below), other = double(best_->above) * double(under[i]);
      const BoostSplit candidate{over[i], under[i], true, missing_left, uint8_t(block + kBlockCodes.of[i]), feature};
      if (mine > other || (mine == other && candidate.rank() < best_->rank())) *best_ = candidate;
    }
    set_bar();
  }

  Reader reader_;
  BoostSplit* best_;
  F32 mean_, lambda_, whole_, least_, bar_;
  U32 min_count_, slack_;
};

/// One histogram, or two that lie `size` words apart.
template <int kPlanes>
struct Bins {
  uint64_t* first;
  int64_t size;

  HAYATE_INLINE uint64_t* plane(int p) const { return first + p * size; }
  HAYATE_INLINE Block<kPlanes> load_block(int at) const {
    Block<kPlanes> out;
    for (int p = 0; p < kPlanes; ++p)
      for (int i = 0; i < kBlockWords; ++i) out.at[p][i] = load(plane(p) + at + i * kWords);
    return out;
  }
  HAYATE_INLINE void store_block(int at, const Block<kPlanes>& block) const {
    for (int p = 0; p < kPlanes; ++p)
      for (int i = 0; i < kBlockWords; ++i) store(plane(p) + at + i * kWords, block.at[p][i]);
  }
};

/// A feature of one block without missing values: both children from one pass over its words.
template <class Reader>
HAYATE_INLINE void search_plain(Bins<Reader::kPlanes> small, Bins<Reader::kPlanes> large, int32_t feature, Search<Reader>* in_small,
                                Search<Reader>* in_large) {
  Block<Reader::kPlanes> sums = small.load_block(0);
  for (int p = 0; p < Reader::kPlanes; ++p) {
    uint64_t before = 0;
    cumulate(sums.at[p], before);
  }
  if (in_small) {
    small.store_block(0, sums);
    in_small->look(sums, feature, 0, nullptr);
  }
  if (!large.first) return;
  Block<Reader::kPlanes> rest = large.load_block(0);
  for (int p = 0; p < Reader::kPlanes; ++p)
    for (int i = 0; i < kBlockWords; ++i) rest.at[p][i] -= sums.at[p][i];
  if (!in_large) return;
  large.store_block(0, rest);
  in_large->look(rest, feature, 0, nullptr);
}

/// Any feature. The word of missing values may lie among the bins: it is taken out, and put back at the end.
template <class Reader>
void search_any(const BoostFeature& feature, int32_t slots, Bins<Reader::kPlanes> small, Bins<Reader::kPlanes> large, int32_t number,
                Search<Reader>* in_small, Search<Reader>* in_large) {
  constexpr int kPlanes = Reader::kPlanes;
  const int place = missing_place(slots), end = (feature.last_code / kBlock + 1) * kBlock;
  const bool inside = feature.has_missing && place < end;
  uint64_t missing[kPlanes] = {}, rest_missing[kPlanes] = {}, before[kPlanes] = {};
  for (int p = 0; feature.has_missing && p < kPlanes; ++p) {
    missing[p] = small.plane(p)[place];
    if (large.first) rest_missing[p] = large.plane(p)[place] - missing[p];
    if (inside) small.plane(p)[place] = 0;
  }
  const Side small_missing = in_small ? in_small->reader().splat_side(missing) : Side();
  const Side large_missing = in_large ? in_large->reader().splat_side(rest_missing) : Side();
  const bool small_misses = missing[kPlanes - 1] != 0, large_misses = rest_missing[kPlanes - 1] != 0;
  for (int at = 0; at < end; at += kBlock) {
    Block<kPlanes> sums = small.load_block(at);
    for (int p = 0; p < kPlanes; ++p) cumulate(sums.at[p], before[p]);
    small.store_block(at, sums);
    if (in_small) in_small->look(sums, number, at, nullptr);
    if (in_small && small_misses) in_small->look(sums, number, at, &small_missing);
    if (!large.first) continue;
    for (int p = 0; inside && place < at + kBlock && p < kPlanes; ++p) large.plane(p)[place] = small.plane(p)[place];
    Block<kPlanes> rest = large.load_block(at);
    for (int p = 0; p < kPlanes; ++p)
      for (int i = 0; i < kBlockWords; ++i) rest.at[p][i] -= sums.at[p][i];
    large.store_block(at, rest);
    if (in_large) in_large->look(rest, number, at, nullptr);
    if (in_large && large_misses) in_large->look(rest, number, at, &large_missing);
  }
  for (int p = 0; feature.has_missing && p < kPlanes; ++p) {
    small.plane(p)[place] = missing[p];
    if (large.first) large.plane(p)[place] = rest_missing[p];
  }
}

template <class Reader>
void search_tile(const BoostFeature* features, int32_t num_features, int32_t slots, int64_t size, const BoostPacking& packing, uint64_t* small,
                 uint64_t* large, const BoostNode* small_node, const BoostNode* large_node, BoostSplit* small_split, BoostSplit* large_split) {
  const BoostNode none;
  BoostSplit unused;
  Search<Reader> in_small(packing, small_node ? *small_node : none, small_node ? small_split : &unused);
  Search<Reader> in_large(packing, large_node ? *large_node : none, large_node ? large_split : &unused);
  for (int32_t f = 0; f < num_features; ++f) {
    const Bins<Reader::kPlanes> of_small{small + f * slots, size}, of_large{large ? large + f * slots : nullptr, size};
    const bool plain = features[f].last_code < kBlock && !features[f].has_missing;
    if (plain && features[f].last_code == 0) continue;
    if (plain && small_node && large_node)
      search_plain<Reader>(of_small, of_large, features[f].number, &in_small, &in_large);
    else if (plain && large_node)
      search_plain<Reader>(of_small, of_large, features[f].number, nullptr, &in_large);
    else
      search_any<Reader>(features[f], slots, of_small, of_large, features[f].number, small_node ? &in_small : nullptr,
                         large_node ? &in_large : nullptr);
  }
}

void search(const BoostFeature* features, int32_t num_features, int32_t slots, int64_t size, const BoostPacking& packing, uint64_t* small,
            uint64_t* large, const BoostNode* small_node, const BoostNode* large_node, BoostSplit* small_split, BoostSplit* large_split) {
  const auto run = packing.wide ? search_tile<WideReader> : packing.counted() ? search_tile<CountedReader> : search_tile<PackedReader>;
  run(features, num_features, slots, size, packing, small, large, small_node, large_node, small_split, large_split);
}

// ---- rows of a node

#if defined(__AVX512F__)

/// Sixteen rows at a time: gather the codes, compare, and compress each side to the front.
int64_t divide(const uint8_t* codes, uint8_t cut, bool missing_left, int64_t num_rows, uint32_t* rows, uint32_t* spare) {
  int64_t left = 0, right = 0;
  const __m512i byte = _mm512_set1_epi32(255), shift = _mm512_set1_epi32(missing_left), limit = _mm512_set1_epi32(cut + missing_left);
  for (int64_t i = 0; i < num_rows; i += 16) {
    const __mmask16 here = __mmask16(num_rows - i >= 16 ? 0xFFFF : (1 << (num_rows - i)) - 1);
    const __m512i row = _mm512_maskz_loadu_epi32(here, rows + i);
    const __m512i code = _mm512_mask_i32gather_epi32(_mm512_setzero_si512(), here, row, codes, 1);
    const __mmask16 goes_right = _mm512_mask_cmpgt_epu32_mask(here, _mm512_and_si512(_mm512_add_epi32(code, shift), byte), limit);
    const __mmask16 goes_left = __mmask16(here & ~goes_right);
    const int go_left = __builtin_popcount(goes_left), go_right = __builtin_popcount(goes_right);
    _mm512_mask_storeu_epi32(rows + left, __mmask16((1 << go_left) - 1), _mm512_maskz_compress_epi32(goes_left, row));
    _mm512_storeu_si512(spare + right, _mm512_maskz_compress_epi32(goes_right, row));
    left += go_left, right += go_right;
  }
  memcpy(rows + left, spare, size_t(right) * sizeof(uint32_t));
  return left;
}

#else

int64_t divide(const uint8_t* codes, uint8_t cut, bool missing_left, int64_t num_rows, uint32_t* rows, uint32_t* spare) {
  int64_t left = 0, right = 0;
  for (int64_t i = 0; i < num_rows; ++i) {
    const uint32_t row = rows[i];
    const bool goes_right = uint8_t(codes[row] + missing_left) > cut + missing_left;
    rows[left] = row, spare[right] = row;
    left += !goes_right, right += goes_right;
  }
  memcpy(rows + left, spare, size_t(right) * sizeof(uint32_t));
  return left;
}

#endif

// ---- derivatives

/// e^x for x <= 0 in float32, error below 2 ulp; 0 below -87. Source: Cephes expf (Moshier), the same reduction and polynomial.
inline float exponential(float x) {
  const float bounded = x < -87.0f ? -87.0f : x;
  const float steps = bounded * 1.44269504f + 0x1.8p23f, k = steps - 0x1.8p23f;
  const float r = (bounded - k * 0.693359375f) + k * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f, p = p * r + 8.3334519073e-3f, p = p * r + 4.1665795894e-2f, p = p * r + 1.6666665459e-1f,
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  const uint32_t power = (__builtin_bit_cast(uint32_t, steps) + 127u) << 23;
  const float value = p * __builtin_bit_cast(float, power);
  return x < -87.0f ? 0.0f : value;
}

void logistic(const double* scores, const float* sign, int64_t num_rows, float* g, float* h) {
  for (int64_t i = 0; i < num_rows; ++i) {
    const float t = float(scores[i]) * sign[i];
    const float z = exponential(t < 0 ? t : -t), q = 1.0f / (1.0f + z), r = z * q;
    g[i] = sign[i] * (t < 0 ? r : q);
    h[i] = q * r;
  }
}

void softmax(const double* scores, int32_t num_classes, int64_t num_rows, int64_t begin, int64_t end, float* shares) {
  constexpr int64_t kAtOnce = 64;
  for (int64_t first = begin; first < end; first += kAtOnce) {
    const int64_t rows = end - first < kAtOnce ? end - first : kAtOnce;
    double most[kAtOnce];
    float sum[kAtOnce] = {};
    for (int64_t i = 0; i < rows; ++i) most[i] = scores[first + i];
    for (int64_t k = 1; k < num_classes; ++k)
      for (int64_t i = 0; i < rows; ++i) most[i] = scores[k * num_rows + first + i] > most[i] ? scores[k * num_rows + first + i] : most[i];
    for (int64_t k = 0; k < num_classes; ++k)
      for (int64_t i = 0; i < rows; ++i) {
        const float share = exponential(float(scores[k * num_rows + first + i] - most[i]));
        shares[k * num_rows + first + i] = share;
        sum[i] += share;
      }
    for (int64_t k = 0; k < num_classes; ++k)
      for (int64_t i = 0; i < rows; ++i) shares[k * num_rows + first + i] /= sum[i];
  }
}

float largest(const float* x, int64_t count) {
  // Without their sign, floats ascend as whole numbers do.
  uint32_t most = 0;
  for (int64_t i = 0; i < count; ++i) {
    uint32_t bits;
    memcpy(&bits, x + i, sizeof bits);
    bits &= 0x7FFFFFFFu;
    most = bits > most ? bits : most;
  }
  return __builtin_bit_cast(float, most);
}

void fix(const float* g, float g_scale, const float* h, float h_scale, int64_t count, FinePair* fine) {
  for (int64_t i = 0; i < count; ++i) fine[i] = {int32_t(g[i] * g_scale), h ? int32_t(h[i] * h_scale) : 1};
}

void pack(const FinePair* fine, uint32_t g_shift, uint32_t h_shift, const uint8_t* times, bool times_count, const BoostPacking& packing,
          int64_t num_rows, uint64_t* records) {
  const uint32_t g_place = 64 - packing.sum_bits, h_place = packing.count_bits;
  const int32_t g_half = g_shift ? 1 << (g_shift - 1) : 0, h_half = h_shift && !packing.counted() ? 1 << (h_shift - 1) : 0;
  if (packing.counted())
    for (int64_t i = 0; i < num_rows; ++i) records[i] = uint64_t(int64_t((fine[i].g + g_half) >> g_shift)) << g_place;
  else
    for (int64_t i = 0; i < num_rows; ++i)
      records[i] = (uint64_t(int64_t((fine[i].g + g_half) >> g_shift)) << g_place) + (uint64_t((fine[i].h + h_half) >> h_shift) << h_place);
  if (times)
    for (int64_t i = 0; i < num_rows; ++i) records[i] *= times[i];
  for (int64_t i = 0; i < num_rows; ++i) records[i] += times && times_count ? times[i] : 1;
}

}  // namespace

extern const BoostKernels kBoostKernels;
const BoostKernels kBoostKernels = {fill_tile, accumulate, widen, search, divide, logistic, softmax, largest, fix, pack};

HAYATE_KERNELS_END
