#include "kernels/test_blocks.h"

#include "kernels/isa.h"
#include "kernels/leaves.h"

#if defined(__AVX512BW__)
#include "kernels/byte_vectors.h"
#endif

HAYATE_KERNELS_BEGIN
#if defined(__AVX512BW__)
namespace {

#define HAYATE_PERMUTES_BYTES __attribute__((target("avx512vbmi")))

constexpr uint32_t kWays = uint32_t(kBlockWays);

bool available() { return permutes_bytes(); }

/// What a row's lines keep in the slots of a block.
template <int kLines>
struct Row;

template <>
struct Row<1> {
  __m512i line;
  explicit Row(const uint8_t* row) : line(_mm512_loadu_si512(row)) {}
  HAYATE_PERMUTES_BYTES __m512i pick(__m512i slots) const { return _mm512_permutexvar_epi8(slots, line); }
};

template <>
struct Row<2> {
  __m512i first, second;
  explicit Row(const uint8_t* row) : first(_mm512_loadu_si512(row)), second(_mm512_loadu_si512(row + 64)) {}
  HAYATE_PERMUTES_BYTES __m512i pick(__m512i slots) const { return _mm512_permutex2var_epi8(first, slots, second); }
};

template <>
struct Row<4> {
  Row<2> lower, upper;
  explicit Row(const uint8_t* row) : lower(row), upper(row + 128) {}
  HAYATE_PERMUTES_BYTES __m512i pick(__m512i slots) const {
    return _mm512_mask_mov_epi8(lower.pick(slots), _mm512_movepi8_mask(slots), upper.pick(slots));
  }
};

/// A bit a test: whether the row goes right.
template <int kLines, bool kMissing>
HAYATE_PERMUTES_BYTES inline uint32_t answer(const TestBlock& block, const uint32_t& lefts, const Row<kLines>& row) {
  const __m256i slots = _mm256_load_si256(reinterpret_cast<const __m256i*>(block.slots));
  const __m256i codes = _mm512_castsi512_si256(row.pick(_mm512_castsi256_si512(slots)));
  const uint32_t right = _mm256_cmplt_epu8_mask(codes, _mm256_load_si256(reinterpret_cast<const __m256i*>(block.ncuts)));
  if constexpr (!kMissing) return right;
  return right & ~(uint32_t(_mm256_testn_epi8_mask(codes, codes)) & lefts);
}

/// The leaf whose path the answers follow.
inline uint32_t leaf_of(uint32_t answers, const LeafPaths& paths) {
  const __m512i all = _mm512_set1_epi32(int32_t(answers));
  const auto follows = [all](const uint32_t* tests, const uint32_t* rights) {
    return _mm512_testn_epi32_mask(_mm512_xor_si512(all, _mm512_load_si512(rights)), _mm512_load_si512(tests));
  };
  const __mmask16 lower = follows(paths.tests, paths.rights), upper = follows(paths.tests + 16, paths.rights + 16);
  return uint32_t(__builtin_ctz(_mm512_kunpackw(upper, lower)));
}

/// From the answers of 16 blocks the ways out: the tests of level l begin at bit 2^l - 1.
inline __m512i ways_out(__m512i answers) {
  const __m512i one = _mm512_set1_epi32(1);
  const auto down = [one](__m512i way, __m512i level) {
    return _mm512_ternarylogic_epi32(_mm512_add_epi32(way, way), _mm512_srlv_epi32(level, way), one, 0xF8);  // a | (b & c)
  };
  __m512i way = _mm512_and_si512(answers, one);
  way = down(way, _mm512_srli_epi32(answers, 1));
  way = down(way, _mm512_srli_epi32(answers, 3));
  way = down(way, _mm512_srli_epi32(answers, 7));
  return down(way, _mm512_srli_epi32(answers, 15));
}

inline void ways_of(const uint32_t* answers, int64_t count, uint32_t* ways) {
  for (int64_t i = 0; i < count; i += 16) _mm512_store_si512(ways + i, ways_out(_mm512_load_si512(answers + i)));
}

/// Walks below the blocks, eight side by side; row_of(i) is the row that place i is of, steps those of the longest way.
template <class RowOf>
inline void walk(const LineNode* nodes, int32_t steps, int64_t count, RowOf row_of, uint32_t* at) {
  constexpr int64_t kTogether = 8;
  const auto step_from = [nodes](uint32_t place, const uint8_t* row) {
    const LineNode& node = nodes[place];
    return node.child + (uint8_t(row[node.slot] - node.shift) < node.ncut);
  };
  int64_t i = 0;
  for (; i + kTogether <= count; i += kTogether) {
    uint32_t place[kTogether];
    const uint8_t* rows[kTogether];
    for (int64_t k = 0; k < kTogether; ++k) place[k] = at[i + k], rows[k] = row_of(i + k);
    for (int32_t step = 0; step < steps; ++step)
      for (int64_t k = 0; k < kTogether; ++k) place[k] = step_from(place[k], rows[k]);
    for (int64_t k = 0; k < kTogether; ++k) at[i + k] = place[k];
  }
  for (; i < count; ++i)
    for (int32_t step = 0; step < steps; ++step) at[i] = step_from(at[i], row_of(i));
}

template <int kLines, bool kMissing>
HAYATE_PERMUTES_BYTES void find_leaves_of_rows(const BlockedTrees& trees, int64_t t, const uint8_t* rows, int64_t num_rows, uint32_t* at) {
  constexpr int64_t kBytes = kLines * kLineBytes;
  alignas(64) uint32_t answers[kUnitRows] = {}, ways[kUnitRows];
  const auto row = [rows](int64_t i) { return Row<kLines>(rows + i * kBytes); };
  for (int64_t i = 0; i < num_rows; ++i) answers[i] = answer<kLines, kMissing>(trees.tops[t], trees.lefts_of_tops[t], row(i));
  if (trees.paths)
    for (int64_t i = 0; i < num_rows; ++i) ways[i] = leaf_of(answers[i], trees.paths[t]);
  else
    ways_of(answers, num_rows, ways);
  const uint32_t first = uint32_t(t) * kWays;
  if (!trees.below) {
    for (int64_t i = 0; i < num_rows; ++i) at[i] = first + ways[i];
  } else {
    const TestBlock* const below = trees.below + first;
    const uint32_t* const lefts = trees.lefts_below + first;
    for (int64_t i = 0; i < num_rows; ++i) answers[i] = answer<kLines, kMissing>(below[ways[i]], lefts[ways[i]], row(i));
    for (int64_t i = 0; i < num_rows; ++i) at[i] = (first + ways[i]) * kWays;
    ways_of(answers, num_rows, ways);
    for (int64_t i = 0; i < num_rows; ++i) at[i] += ways[i];
  }
  if (!trees.ends) return;
  for (int64_t i = 0; i < num_rows; ++i) at[i] = trees.ends[at[i]];
  if (trees.steps) walk(trees.nodes, trees.steps[t], num_rows, [rows](int64_t i) { return rows + i * kBytes; }, at);
}

template <int kLines, bool kMissing>
HAYATE_PERMUTES_BYTES void find_leaves_of_row(const BlockedTrees& trees, int64_t first, int64_t num_trees, const uint8_t* bytes, uint32_t* at) {
  constexpr int64_t kTogether = 16;
  alignas(64) uint32_t answers[kTogether] = {}, ways[kTogether];
  const Row<kLines> row(bytes);
  for (int64_t last = first + num_trees; first < last; first += kTogether, at += kTogether) {
    const int64_t count = last - first < kTogether ? last - first : kTogether;
    for (int64_t k = 0; k < count; ++k) answers[k] = answer<kLines, kMissing>(trees.tops[first + k], trees.lefts_of_tops[first + k], row);
    if (trees.paths)
      for (int64_t k = 0; k < count; ++k) ways[k] = leaf_of(answers[k], trees.paths[first + k]);
    else
      ways_of(answers, kTogether, ways);
    for (int64_t k = 0; k < count; ++k) at[k] = uint32_t(first + k) * kWays + ways[k];
    if (trees.below) {
      for (int64_t k = 0; k < count; ++k) answers[k] = answer<kLines, kMissing>(trees.below[at[k]], trees.lefts_below[at[k]], row);
      ways_of(answers, kTogether, ways);
      for (int64_t k = 0; k < count; ++k) at[k] = at[k] * kWays + ways[k];
    }
    if (!trees.ends) continue;
    for (int64_t k = 0; k < count; ++k) at[k] = trees.ends[at[k]];
    if (!trees.steps) continue;
    int32_t steps = 0;
    for (int64_t k = 0; k < count; ++k) steps = steps > trees.steps[first + k] ? steps : trees.steps[first + k];
    walk(trees.nodes, steps, count, [bytes](int64_t) { return bytes; }, at);
  }
}

/// By the lines of a row: 1, 2 or 4.
template <bool kMissing>
struct Finding {
  static constexpr decltype(&find_leaves_of_rows<1, kMissing>) of_rows[] = {find_leaves_of_rows<1, kMissing>, find_leaves_of_rows<2, kMissing>,
                                                                            find_leaves_of_rows<4, kMissing>};
  static constexpr decltype(&find_leaves_of_row<1, kMissing>) of_row[] = {find_leaves_of_row<1, kMissing>, find_leaves_of_row<2, kMissing>,
                                                                          find_leaves_of_row<4, kMissing>};
};

void leaves_of_rows(const BlockedTrees& trees, int64_t t, const uint8_t* rows, int64_t num_rows, bool missing, uint32_t* at) {
  (missing ? Finding<true>::of_rows : Finding<false>::of_rows)[trees.lines / 2](trees, t, rows, num_rows, at);
}

void leaves_of_row(const BlockedTrees& trees, int64_t first, int64_t count, const uint8_t* row, bool missing, uint32_t* at) {
  (missing ? Finding<true>::of_row : Finding<false>::of_row)[trees.lines / 2](trees, first, count, row, at);
}

/// Sixteen slots of sixteen rows at a time.
bool turn_unit(const uint8_t* unit, int64_t num_slots, int64_t row_bytes, uint8_t* rows) {
  constexpr int64_t kBlock = 16;
  __m128i least = _mm_set1_epi8(-1);
  for (int64_t slot = 0; slot < num_slots; slot += kBlock)
    for (int64_t first = 0; first < kUnitRows; first += kBlock) {
      __m128i block[kBlock];
      for (int64_t s = 0; s < kBlock; ++s) {
        block[s] =
            slot + s < num_slots ? _mm_loadu_si128(reinterpret_cast<const __m128i*>(unit + (slot + s) * kUnitRows + first)) : _mm_set1_epi8(-1);
        least = _mm_min_epu8(least, block[s]);
      }
      transpose(block);
      for (int64_t i = 0; i < kBlock; ++i) _mm_storeu_si128(reinterpret_cast<__m128i*>(rows + (first + i) * row_bytes + slot), block[i]);
    }
  return _mm_testn_epi8_mask(least, least) != 0;
}

bool code_row(const float* cuts, const uint32_t* cut_start, const uint32_t* features, int64_t num_slots, const float* values, int64_t stride,
              uint8_t* row) {
  bool any_missing = false;
  for (int64_t s = 0; s < num_slots; ++s) {
    const float value = values[int64_t(features[s]) * stride];
    const __m512 x = _mm512_set1_ps(value);
    const auto below = [x](const float* line) { return uint32_t(__builtin_popcount(_mm512_cmp_ps_mask(_mm512_loadu_ps(line), x, _CMP_LT_OQ))); };
    const float* const own = cuts + cut_start[s];
    const uint32_t lines = below(own), code = 16 * lines + below(own + 16 + 16 * lines);
    const bool missing = value != value;
    row[s] = uint8_t(missing ? 0 : 255 - code);
    any_missing |= missing;
  }
  return any_missing;
}

}  // namespace

extern const TestBlockKernels kTestBlockKernels;
const TestBlockKernels kTestBlockKernels = {available, leaves_of_rows, leaves_of_row, turn_unit, code_row};
#else
namespace {

bool available() { return false; }

}  // namespace

extern const TestBlockKernels kTestBlockKernels;
const TestBlockKernels kTestBlockKernels = {available, nullptr, nullptr, nullptr, nullptr};
#endif
HAYATE_KERNELS_END
