#include "kernels/leaves.h"

#include "kernels/isa.h"

#if defined(__AVX512BW__)
#include <immintrin.h>
#endif

HAYATE_KERNELS_BEGIN
namespace {

/// exit[i]: the number of the exit that row i of a unit leaves the upper part by.
#if defined(__AVX512BW__)
[[gnu::noinline]] void find_exits(const CodedTree& tree, const uint8_t* codes, uint8_t* exit) {
  uint64_t sides[2 * kMostExits];  // a bit per row
  sides[0] = ~uint64_t{0};
  uint64_t* side = sides + 1;
  for (const UnitTest *test = tree.tests, *end = test + tree.num_exits - 1; test < end; ++test, side += 2) {
    const uint64_t right = _mm512_cmplt_epu8_mask(_mm512_loadu_si512(codes + 8 * test->slot8), _mm512_set1_epi8(char(test->ncut)));
    const uint64_t here = sides[test->from];
    side[0] = here & ~right;
    side[1] = here & right;
  }
  __m512i found = _mm512_setzero_si512(), number = found;
  for (int32_t e = 0; e < tree.num_exits; ++e, number = _mm512_add_epi8(number, _mm512_set1_epi8(1)))
    found = _mm512_mask_mov_epi8(found, sides[tree.exit_sides[e]], number);
  _mm512_storeu_si512(exit, found);
}
#else
#if defined(__AVX2__)
constexpr int64_t kBytes = 32;
#else
constexpr int64_t kBytes = 16;
#endif
typedef uint8_t Bytes __attribute__((vector_size(kBytes)));
typedef Bytes LoadedBytes __attribute__((may_alias, aligned(1)));

inline Bytes load(const uint8_t* from) { return *reinterpret_cast<const LoadedBytes*>(from); }
inline Bytes splat(uint8_t x) { return Bytes{} + x; }

[[gnu::noinline]] void find_exits(const CodedTree& tree, const uint8_t* codes, uint8_t* exit) {
  Bytes sides[2 * kMostExits];  // a byte per row
  const UnitTest* end = tree.tests + tree.num_exits - 1;
  for (const uint8_t* last = codes + kUnitRows; codes < last; codes += kBytes, exit += kBytes) {
    sides[0] = splat(0xFF);
    Bytes* side = sides + 1;
    for (const UnitTest* test = tree.tests; test < end; ++test, side += 2) {
      const Bytes right = Bytes(load(codes + 8 * test->slot8) < splat(test->ncut)), here = sides[test->from];
      side[0] = here & ~right;
      side[1] = here & right;
    }
    Bytes found = {}, number = {};
    for (int32_t e = 0; e < tree.num_exits; ++e, number += 1) found |= sides[tree.exit_sides[e]] & number;
    __builtin_memcpy(exit, &found, kBytes);
  }
}
#endif

constexpr int64_t kTogether = 8;

/// Moves the rows of a unit from their exits to their leaves, eight at a time.
[[gnu::noinline]] void walk(const CodedTree& tree, const uint8_t* codes, const uint8_t* exit, uint32_t* at) {
  const uint32_t* exits = tree.exits;
  const WalkNode* nodes = tree.nodes;
  const int32_t steps = tree.steps;
  for (const uint8_t* end = codes + kUnitRows; codes < end; codes += kTogether, exit += kTogether, at += kTogether) {
    uint32_t place[kTogether];
    for (int64_t k = 0; k < kTogether; ++k) place[k] = exits[exit[k]];
    for (int32_t step = 0; step < steps; ++step)
      for (int64_t k = 0; k < kTogether; ++k) {
        const WalkNode& node = nodes[place[k]];
        place[k] = node.child + (codes[8 * int64_t(node.slot8) + k] < node.ncut);
      }
    for (int64_t k = 0; k < kTogether; ++k) at[k] = place[k];
  }
}

template <class Index>
[[gnu::noinline]] void add_values(const double* values, int64_t width, const Index* at, int64_t num_rows, int64_t stride, double* scores) {
  if (width == 1 && stride == 1) {
    for (int64_t i = 0; i < num_rows; ++i) scores[i] += values[at[i]];
  } else {
    for (int64_t i = 0; i < num_rows; ++i)
      for (int64_t k = 0; k < width; ++k) scores[i * stride + k] += values[at[i] * width + k];
  }
}

void add_leaves(const CodedTree& tree, const uint8_t* units, int64_t unit_bytes, int64_t num_units, int64_t stride, double* scores) {
  for (int64_t u = 0; u < num_units; ++u, units += unit_bytes, scores += kUnitRows * stride) {
    uint8_t exit[kUnitRows] = {};
    if (tree.num_exits > 1) find_exits(tree, units, exit);
    if (tree.steps == 0) {
      add_values(tree.exit_values, tree.width, exit, kUnitRows, stride, scores);
      continue;
    }
    uint32_t at[kUnitRows];
    walk(tree, units, exit, at);
    add_values(tree.values, tree.width, at, kUnitRows, stride, scores);
  }
}

void fill_slot(const uint8_t* codes, bool missing_left, int64_t unit_bytes, int64_t num_units, uint8_t* units) {
  const uint8_t missing = missing_left ? 255 : 0;
  for (int64_t u = 0; u < num_units; ++u, codes += kUnitRows, units += unit_bytes) {
    uint8_t stored[kUnitRows];
    for (int64_t i = 0; i < kUnitRows; ++i) stored[i] = codes[i] == 255 ? missing : uint8_t(255 - codes[i]);
    __builtin_memcpy(units, stored, kUnitRows);
  }
}

void keys_of_row(const float* values, int64_t stride, int64_t num_features, int32_t* keys) {
  for (int64_t f = 0; f < num_features; ++f) {
    const float x = values[f * stride];
    const bool missing = x != x;
    const int32_t key = key_of(x);
    keys[2 * f] = missing ? INT32_MIN : key;
    keys[2 * f + 1] = missing ? INT32_MAX : key;
  }
}

/// The nodes that a row ends in, of kTrees trees side by side.
template <int64_t kTrees>
inline void walk_trees(const KeyNode* nodes, const uint32_t* roots, int32_t steps, const int32_t* keys, uint32_t* at) {
  uint32_t place[kTrees];
  for (int64_t k = 0; k < kTrees; ++k) place[k] = roots[k];
  for (int32_t step = 0; step < steps; ++step)
    for (int64_t k = 0; k < kTrees; ++k) {
      const KeyNode& node = nodes[place[k]];
      place[k] = node.child + uint32_t(keys[node.slot] > node.key);
    }
  for (int64_t k = 0; k < kTrees; ++k) at[k] = place[k];
}

void leaves_of_row(const KeyNode* nodes, const uint32_t* roots, const int32_t* steps, int64_t num_trees, const int32_t* keys, uint32_t* at) {
  int64_t t = 0;
  for (; t + kTogether <= num_trees; t += kTogether) walk_trees<kTogether>(nodes, roots + t, steps[t / kTogether], keys, at + t);
  for (; t < num_trees; ++t) walk_trees<1>(nodes, roots + t, steps[t / kTogether], keys, at + t);
}

}  // namespace

extern const LeafKernels kLeafKernels;
const LeafKernels kLeafKernels = {add_leaves, fill_slot, keys_of_row, leaves_of_row};

HAYATE_KERNELS_END
