#include "kernels/csv_scan.h"

#include <immintrin.h>

#include <cstring>

#include "kernels/isa.h"

HAYATE_KERNELS_BEGIN

namespace {

/// 64 bytes, compared with one character at a time.
struct Block64 {
#if defined(__AVX512BW__)
  __m512i all;

  explicit Block64(const char* data) : all(_mm512_loadu_si512(data)) {}
  uint64_t equal(char c) const { return _mm512_cmpeq_epi8_mask(all, _mm512_set1_epi8(c)); }
  /// Joins what the bytes were to what is in `seen` and `least`.
  void join(Block64* seen, Block64* least) const {
    seen->all = _mm512_or_si512(seen->all, all);
    least->all = _mm512_min_epu8(least->all, all);
  }
  bool any_high() const { return _mm512_movepi8_mask(all) != 0; }
#elif defined(__AVX2__)
  __m256i low, high;

  explicit Block64(const char* data)
      : low(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(data))), high(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(data) + 1)) {}
  uint64_t equal(char c) const {
    const __m256i wanted = _mm256_set1_epi8(c);
    const uint32_t first = uint32_t(_mm256_movemask_epi8(_mm256_cmpeq_epi8(low, wanted)));
    return first | uint64_t(uint32_t(_mm256_movemask_epi8(_mm256_cmpeq_epi8(high, wanted)))) << 32;
  }
  void join(Block64* seen, Block64* least) const {
    seen->low = _mm256_or_si256(seen->low, low), seen->high = _mm256_or_si256(seen->high, high);
    least->low = _mm256_min_epu8(least->low, low), least->high = _mm256_min_epu8(least->high, high);
  }
  bool any_high() const { return _mm256_movemask_epi8(_mm256_or_si256(low, high)) != 0; }
#else
  __m128i part[4];

  explicit Block64(const char* data) {
    for (int i = 0; i < 4; ++i) part[i] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(data) + i);
  }
  uint64_t equal(char c) const {
    const __m128i wanted = _mm_set1_epi8(c);
    uint64_t mask = 0;
    for (int i = 0; i < 4; ++i) mask |= uint64_t(uint32_t(_mm_movemask_epi8(_mm_cmpeq_epi8(part[i], wanted)))) << (16 * i);
    return mask;
  }
  void join(Block64* seen, Block64* least) const {
    for (int i = 0; i < 4; ++i) seen->part[i] = _mm_or_si128(seen->part[i], part[i]), least->part[i] = _mm_min_epu8(least->part[i], part[i]);
  }
  bool any_high() const { return _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(part[0], part[1]), _mm_or_si128(part[2], part[3]))) != 0; }
#endif
};

/// Bit i of the result: parity of bits 0 .. i.
uint64_t prefix_xor(uint64_t bits) {
  for (int shift = 1; shift < 64; shift *= 2) bits ^= bits << shift;
  return bits;
}

/// All ones when the top bit is set.
uint64_t spread_top(uint64_t bits) { return uint64_t(int64_t(bits) >> 63); }

/// Calls visit(64 readable bytes, offset, how many of them are data); the last ones are padded with blanks.
template <class Visitor>
void visit_blocks(const char* data, size_t size, Visitor&& visit) {
  size_t at = 0;
  for (; at + 64 <= size; at += 64) visit(data + at, at, size_t{64});
  if (at == size) return;
  char padded[64];
  std::memset(padded, ' ', sizeof padded);
  std::memcpy(padded, data + at, size - at);
  visit(padded, at, size - at);
}

constexpr uint64_t kTop = uint64_t{1} << 63;

/// Quote state carried from block to block, and whether quotes stand only where masks understand them.
struct QuoteState {
  uint64_t inside = 0;        // all ones when the block starts inside quotes
  uint64_t may_open = 1;      // bit 0: the byte before the block is a separator, a newline or a quote
  bool close_at_top = false;  // the last byte of the block before was a closing quote
  bool malformed = false;

  /// Which bytes stand inside quotes (the opening quote does, the closing one does not).
  uint64_t step(uint64_t quotes, uint64_t marks, uint64_t newlines, uint64_t returns) {
    const uint64_t in = prefix_xor(quotes) ^ inside;
    const uint64_t openers = quotes & in, closers = quotes & ~in;
    const uint64_t before = marks | quotes, after = before | (returns & (newlines >> 1));
    malformed |= (openers & ~((before << 1) | may_open)) != 0;
    malformed |= (closers & ~kTop & ~(after >> 1)) != 0;
    malformed |= close_at_top && !(after & 1);
    close_at_top = (closers & kTop) != 0;
    may_open = before >> 63;
    inside = spread_top(in);
    return in;
  }
};

/// Writes base + position of each set bit, and up to 16 entries behind them that do not count. Returns how many bits are set.
size_t write_positions(uint64_t bits, uint32_t base, uint32_t* out) {
#if defined(__AVX512F__)
  const uint32_t* const begin = out;
  __m512i at = _mm512_add_epi32(_mm512_set1_epi32(int(base)), _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
  for (int part = 0; part < 4; ++part, bits >>= 16, at = _mm512_add_epi32(at, _mm512_set1_epi32(16))) {
    _mm512_storeu_si512(out, _mm512_maskz_compress_epi32(__mmask16(bits), at));
    out += __builtin_popcountll(bits & 0xFFFF);
  }
  return size_t(out - begin);
#else
  // Eight at a time without a branch for each.
  const size_t count = size_t(__builtin_popcountll(bits));
  for (size_t written = 0; written < count; written += 8)
    for (size_t i = 0; i < 8; ++i, bits &= bits - 1) out[written + i] = base + uint32_t(bits ? __builtin_ctzll(bits) : 0);
  return count;
#endif
}

CsvBlock count_block(const char* block, size_t block_size, char newline) {
  CsvBlock out = {false, {0, 0}, {-1, -1}};
  uint64_t inside = 0;
  visit_blocks(block, block_size, [&](const char* data, size_t at, size_t) {
    const Block64 bytes(data);
    const uint64_t quotes = bytes.equal('"'), newlines = bytes.equal(newline);
    const uint64_t in = (quotes ? prefix_xor(quotes) : 0) ^ inside;
    for (int hypothesis = 0; hypothesis < 2; ++hypothesis) {
      const uint64_t real = newlines & (hypothesis ? in : ~in);
      out.newlines[hypothesis] += __builtin_popcountll(real);
      if (real && out.first_newline[hypothesis] < 0) out.first_newline[hypothesis] = int64_t(at) + __builtin_ctzll(real);
    }
    inside = spread_top(in);
  });
  out.odd_quotes = inside != 0;
  return out;
}

CsvScan scan_fields(const char* data, size_t data_size, char separator, char newline, uint32_t* ends) {
  CsvScan out = {0, 0, false, false, false, false};
  uint64_t any_quotes = 0;
  QuoteState state;
  char ones[64], zeros[64];
  memset(ones, 0xFF, sizeof ones), memset(zeros, 0, sizeof zeros);
  Block64 seen(zeros), least(ones);
  visit_blocks(data, data_size, [&](const char* block, size_t at, size_t size) {
    const Block64 bytes(block);
    const uint64_t quotes = bytes.equal('"'), newlines = bytes.equal(newline), marks = bytes.equal(separator) | newlines;
    uint64_t in = state.inside;
    any_quotes |= quotes;
    if (quotes | uint64_t(state.close_at_top))
      in = state.step(quotes, marks, newlines, bytes.equal('\r'));
    else
      state.may_open = marks >> 63;
    bytes.join(&seen, &least);
    uint64_t real = marks & ~in;
    if (size < 64) real &= (uint64_t{1} << size) - 1;
    out.num_rows += size_t(__builtin_popcountll(real & newlines));
    out.num_ends += write_positions(real, uint32_t(at), ends + out.num_ends);
  });
  out.malformed = state.malformed || state.inside != 0;
  out.has_quotes = any_quotes != 0;
  out.has_high = seen.any_high();
  out.has_nul = least.equal('\0') != 0;
  return out;
}

}  // namespace

extern const CsvKernels kCsvKernels;
const CsvKernels kCsvKernels = {count_block, scan_fields};

HAYATE_KERNELS_END
