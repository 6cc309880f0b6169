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

constexpr uint64_t kEightZeros = 0x3030303030303030;

/// The last `size` (1 to 8) of the eight characters before `end` as digits from 0 to 9 each, those before as 0.
uint64_t digits_before(const char* end, size_t size) {
  uint64_t text;
  memcpy(&text, end - 8, 8);
  return (text ^ kEightZeros) & (~uint64_t{0} << (64 - 8 * size));
}

/// Not 0 when one of them was no digit.
uint64_t no_digits(uint64_t text) { return (text | (text + 0x0606060606060606)) & 0xF0F0F0F0F0F0F0F0; }

/// D. Lemire, "Quickly parsing eight digits" (2018).
uint64_t eight_digits(uint64_t text) {
  constexpr uint64_t kPairs = 0x000000FF000000FF;
  text = text * 10 + (text >> 8);
  return ((text & kPairs) * 0x000F424000000064 + ((text >> 16) & kPairs) * 0x0000271000000001) >> 32;
}

bool read_integer(const char* begin, const char* end, int64_t* out) {
  const bool negative = *begin == '-';
  begin += negative;
  const size_t size = size_t(end - begin);
  uint64_t value, wrong = (*begin == '0') & ((size > 1) | negative);
  if (size - 1 < 8) {
    const uint64_t text = digits_before(end, size);
    wrong |= no_digits(text);
    value = eight_digits(text);
  } else if (size - 9 < 8) {
    const uint64_t high = digits_before(end - 8, size - 8), low = digits_before(end, 8);
    wrong |= no_digits(high) | no_digits(low);
    value = eight_digits(high) * 100'000'000 + eight_digits(low);
  } else {
    return false;
  }
  *out = negative ? -int64_t(value) : int64_t(value);
  return wrong == 0;
}

/// Digits / 10^k is one correctly rounded division of two exact doubles (Clinger 1990).
bool read_real(const char* begin, const char* end, double* out) {
  static constexpr double kPowers[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8};
  const bool negative = *begin == '-';
  begin += negative;
  const size_t size = size_t(end - begin);
  const __m128i text = _mm_loadu_si128(reinterpret_cast<const __m128i*>(begin));
  const uint32_t points = uint32_t(_mm_movemask_epi8(_mm_cmpeq_epi8(text, _mm_set1_epi8('.'))));
  const size_t whole = size_t(__builtin_ctz(points | 0x10000)), part = size - whole - 1;
  if ((size > 16) | (whole - 1 >= 8) | (part - 1 >= 8)) return false;
  const uint64_t high = digits_before(begin + whole, whole), low = digits_before(end, part);
  const double digits = double(int64_t(eight_digits(high))) * kPowers[part] + double(int64_t(eight_digits(low)));  // exact: below 2^53
  const double value = digits / kPowers[part];
  *out = negative ? -value : value;
  return (no_digits(high) | no_digits(low)) == 0;
}

/// Reads rows with read(begin, end, &slot) until it says false.
template <class Read>
size_t read_rows(const CsvFields& fields, size_t row, Read&& read) {
  for (; row < fields.rows; ++row) {
    const uint32_t* const end_at = fields.ends + row * fields.width;
    const char *begin = fields.data + (end_at[-1] + 1u), *end = fields.data + *end_at;
    if (fields.last) end -= (end > begin) & (end[-1] == '\r');
    if (!read(begin, end, row)) break;
  }
  return row;
}

constexpr size_t kBatch = 16;

// Of kBatch fields the last eight bytes and the size: their numbers, and whether all are 1 to 8 digits without zeros in front. Digits
// come together as pairs, fours and eights. Written with vectors, because g++ 12 makes none of the plain loop (a sixth of the time of reading
// a file of mostly whole numbers was here).
#if defined(__AVX512BW__)
bool numbers_of(const uint64_t* text, const uint64_t* size, int64_t* numbers) {
  const __m512i one = _mm512_set1_epi64(1);
  __m512i odd = _mm512_setzero_si512();
  unsigned wrong = 0;
  for (size_t i = 0; i < kBatch; i += 8) {
    const __m512i sizes = _mm512_loadu_si512(size + i);
    const __m512i shift = _mm512_and_si512(_mm512_sub_epi64(_mm512_set1_epi64(64), _mm512_slli_epi64(sizes, 3)), _mm512_set1_epi64(63));
    const __m512i bytes = _mm512_xor_si512(_mm512_loadu_si512(text + i), _mm512_set1_epi64(int64_t(kEightZeros)));
    const __m512i digits = _mm512_and_si512(bytes, _mm512_sllv_epi64(_mm512_set1_epi64(-1), shift));
    const __m512i first = _mm512_and_si512(_mm512_srlv_epi64(digits, shift), _mm512_set1_epi64(0xFF));
    wrong |= _mm512_cmpgt_epu64_mask(_mm512_sub_epi64(sizes, one), _mm512_set1_epi64(7));
    wrong |= unsigned(_mm512_cmpgt_epi64_mask(sizes, one)) & unsigned(_mm512_testn_epi64_mask(first, first));
    odd = _mm512_or_si512(odd, _mm512_or_si512(digits, _mm512_add_epi8(digits, _mm512_set1_epi8(6))));
    const __m512i pairs = _mm512_maddubs_epi16(digits, _mm512_set1_epi16(0x010A));
    const __m512i fours = _mm512_madd_epi16(pairs, _mm512_set1_epi32(0x00010064));
    _mm512_storeu_si512(numbers + i, _mm512_add_epi64(_mm512_mul_epu32(fours, _mm512_set1_epi64(10'000)), _mm512_srli_epi64(fours, 32)));
  }
  return wrong == 0 && _mm512_test_epi8_mask(odd, _mm512_set1_epi8(char(0xF0))) == 0;
}
#elif defined(__AVX2__)
bool numbers_of(const uint64_t* text, const uint64_t* size, int64_t* numbers) {
  const __m256i one = _mm256_set1_epi64x(1);
  __m256i odd = _mm256_setzero_si256(), wrong = odd;
  for (size_t i = 0; i < kBatch; i += 4) {
    const __m256i sizes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(size + i));
    const __m256i shift = _mm256_and_si256(_mm256_sub_epi64(_mm256_set1_epi64x(64), _mm256_slli_epi64(sizes, 3)), _mm256_set1_epi64x(63));
    const __m256i bytes = _mm256_xor_si256(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(text + i)), _mm256_set1_epi64x(int64_t(kEightZeros)));
    const __m256i digits = _mm256_and_si256(bytes, _mm256_sllv_epi64(_mm256_set1_epi64x(-1), shift));
    const __m256i first = _mm256_and_si256(_mm256_srlv_epi64(digits, shift), _mm256_set1_epi64x(0xFF));
    const __m256i beyond = _mm256_or_si256(_mm256_cmpgt_epi64(sizes, _mm256_set1_epi64x(8)), _mm256_cmpgt_epi64(one, sizes));
    const __m256i zero_first = _mm256_and_si256(_mm256_cmpgt_epi64(sizes, one), _mm256_cmpeq_epi64(first, _mm256_setzero_si256()));
    wrong = _mm256_or_si256(wrong, _mm256_or_si256(beyond, zero_first));
    odd = _mm256_or_si256(odd, _mm256_or_si256(digits, _mm256_add_epi8(digits, _mm256_set1_epi8(6))));
    const __m256i pairs = _mm256_maddubs_epi16(digits, _mm256_set1_epi16(0x010A));
    const __m256i fours = _mm256_madd_epi16(pairs, _mm256_set1_epi32(0x00010064));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(numbers + i),
                        _mm256_add_epi64(_mm256_mul_epu32(fours, _mm256_set1_epi64x(10'000)), _mm256_srli_epi64(fours, 32)));
  }
  return _mm256_testz_si256(wrong, wrong) && _mm256_testz_si256(odd, _mm256_set1_epi8(char(0xF0)));
}
#else
bool numbers_of(const uint64_t* text, const uint64_t* size, int64_t* numbers) {
  uint64_t wrong = 0;
  for (size_t i = 0; i < kBatch; ++i) {
    const uint64_t shift = (64 - 8 * size[i]) & 63, digits = (text[i] ^ kEightZeros) & (~uint64_t{0} << shift);
    const uint64_t first = (digits >> shift) & 0xFF;
    wrong |= no_digits(digits) | uint64_t(size[i] - 1 >= 8) | (uint64_t(first == 0) & uint64_t(size[i] > 1));
    numbers[i] = int64_t(eight_digits(digits));
  }
  return wrong == 0;
}
#endif

/// Rows [row, row + kBatch) at once: their last eight bytes are gathered, and from there on everything is vectors. One by one they
/// take 5 ns a field. False: one of them is not 1 to 8 digits.
bool read_short_integers(const CsvFields& fields, size_t row, int64_t* slots) {
  uint64_t text[kBatch], size[kBatch];
  const uint32_t* end_at = fields.ends + row * fields.width;
  for (size_t i = 0; i < kBatch; ++i, end_at += fields.width) {
    const uint32_t begin = end_at[-1] + 1;
    uint32_t end = *end_at;
    if (fields.last) end -= (end > begin) & (fields.data[ptrdiff_t(end) - 1] == '\r');
    memcpy(&text[i], fields.data + ptrdiff_t(end) - 8, 8);
    size[i] = end - begin;
  }
  return numbers_of(text, size, slots + row);
}

size_t read_integers(const CsvFields& fields, size_t row, int64_t* slots, bool* negative) {
  constexpr size_t kOneByOne = 8 * kBatch;  // after a batch that failed
  int64_t sign = 0;
  CsvFields part = fields;
  while (row < fields.rows) {
    if (row + kBatch <= fields.rows && read_short_integers(fields, row, slots)) {
      row += kBatch;
      continue;
    }
    part.rows = row + kOneByOne < fields.rows ? row + kOneByOne : fields.rows;
    row = read_rows(part, row, [&](const char* begin, const char* end, size_t at) {
      int64_t value;
      if (!read_integer(begin, end, &value)) return false;
      sign |= value;
      slots[at] = value;
      return true;
    });
    if (row < part.rows) break;
  }
  *negative |= sign < 0;
  return row;
}

size_t read_reals(const CsvFields& fields, size_t first, int64_t* slots) {
  return read_rows(fields, first, [&](const char* begin, const char* end, size_t row) {
    double value;
    if (!read_real(begin, end, &value)) return false;
    slots[row] = __builtin_bit_cast(int64_t, value);
    return true;
  });
}

}  // namespace

extern const CsvKernels kCsvKernels;
const CsvKernels kCsvKernels = {count_block, scan_fields, read_integers, read_reals};

HAYATE_KERNELS_END
