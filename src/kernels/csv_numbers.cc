#include "kernels/csv_numbers.h"

#include "kernels/word_vectors.h"

HAYATE_KERNELS_BEGIN

namespace {

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

constexpr double kPowers[16] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8};

/// Where the first point in 16 characters stands; 16: there is none.
size_t first_point(const char* begin) {
  const __m128i text = _mm_loadu_si128(reinterpret_cast<const __m128i*>(begin));
  const uint32_t points = uint32_t(_mm_movemask_epi8(_mm_cmpeq_epi8(text, _mm_set1_epi8('.'))));
  return size_t(__builtin_ctz(points | 0x10000));
}

/// Digits / 10^k is one correctly rounded division of two exact doubles (Clinger 1990).
bool read_real(const char* begin, const char* end, double* out) {
  const bool negative = *begin == '-';
  begin += negative;
  const size_t size = size_t(end - begin), whole = first_point(begin), part = size - whole - 1;
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

// ---- Many rows at once: what stands where is gathered, and from there on everything is vectors ---------------------

/// The last `size` of eight characters as digits from 0 to 9 each, those before as 0; `size` of more than 8 as any.
HAYATE_INLINE inline Words last_digits(Words text, Words size) { return (text ^ kEightZeros) & (~Words{} << ((64 - 8 * size) & 63)); }

/// Not 0 where one of them was no digit, or where they are not 1 to 8.
HAYATE_INLINE inline Words no_digits(Words digits, Words size) {
  return ((digits | (digits + 0x0606060606060606)) & 0xF0F0F0F0F0F0F0F0) | Words(Ints(size) < 1) | Words(Ints(size) > 8);
}

HAYATE_INLINE inline Words eight_digits(Words digits) {
#if defined(__AVX512BW__)
  const __m512i pairs = _mm512_maddubs_epi16(__m512i(digits), _mm512_set1_epi16(0x010A));
  const Words fours = Words(_mm512_madd_epi16(pairs, _mm512_set1_epi32(0x00010064)));
#elif defined(__AVX2__)
  const __m256i pairs = _mm256_maddubs_epi16(__m256i(digits), _mm256_set1_epi16(0x010A));
  const Words fours = Words(_mm256_madd_epi16(pairs, _mm256_set1_epi32(0x00010064)));
#else
  const Words tens = (digits << 3) + (digits << 1) + (digits >> 8), pairs = tens & 0x000000FF000000FF;
  const Words fours = (pairs << 6) + (pairs << 5) + (pairs << 2) + (tens >> 16 & 0x000000FF000000FF);
#endif
  return times(fours, 10'000) + (fours >> 32);
}

/// How many rows come before the first that is wrong.
size_t rows_read(const uint64_t* wrong) {
  uint64_t any = 0;
  for (size_t i = 0; i < kBatch; ++i) any |= wrong[i];
  if (any == 0) return kBatch;
  size_t rows = 0;
  while (wrong[rows] == 0) ++rows;
  return rows;
}

/// Rows [row, row + kBatch). One by one they take 5 ns a field. Returns how many of them are 1 to 8 digits without zeros in front, up to the first that
/// is not.
size_t read_short_integers(const CsvFields& fields, size_t row, int64_t* slots) {
  uint64_t text[kBatch], size[kBatch], wrong[kBatch];
  const uint32_t* end_at = fields.ends + row * fields.width;
  for (size_t i = 0; i < kBatch; ++i, end_at += fields.width) {
    const uint32_t begin = end_at[-1] + 1;
    uint32_t end = *end_at;
    if (fields.last) end -= (end > begin) & (fields.data[ptrdiff_t(end) - 1] == '\r');
    memcpy(&text[i], fields.data + ptrdiff_t(end) - 8, 8);
    size[i] = end - begin;
  }
  for (size_t i = 0; i < kBatch; i += size_t(kWordLanes)) {
    const Words sizes = load_words(size + i), shift = (64 - 8 * sizes) & 63, digits = last_digits(load_words(text + i), sizes);
    store_words(no_digits(digits, sizes) | (Words((digits >> shift & 0xFF) == 0) & Words(sizes != 1)), wrong + i);
    store_words(eight_digits(digits), slots + row + i);
  }
  return rows_read(wrong);
}

/// The same of reals as read_real takes them.
size_t read_short_reals(const CsvFields& fields, size_t row, int64_t* slots) {
  uint64_t high[kBatch], low[kBatch], whole[kBatch], part[kBatch], sign[kBatch], wrong[kBatch];
  double power[kBatch];
  const uint32_t* end_at = fields.ends + row * fields.width;
  for (size_t i = 0; i < kBatch; ++i, end_at += fields.width) {
    const char *begin = fields.data + (end_at[-1] + 1u), *end = fields.data + *end_at;
    if (fields.last) end -= (end > begin) & (end[-1] == '\r');
    const bool negative = *begin == '-';
    begin += negative;
    whole[i] = first_point(begin), part[i] = uint64_t(end - begin) - whole[i] - 1;
    memcpy(&high[i], begin + whole[i] - 8, 8);
    memcpy(&low[i], end - 8, 8);
    sign[i] = uint64_t(negative) << 63, power[i] = kPowers[part[i] & 15];
  }
  for (size_t i = 0; i < kBatch; i += size_t(kWordLanes)) {
    const Words wholes = load_words(whole + i), parts = load_words(part + i);
    const Words before = last_digits(load_words(high + i), wholes), behind = last_digits(load_words(low + i), parts);
    store_words(no_digits(before, wholes) | no_digits(behind, parts) | Words(Ints(wholes + parts) > 15), wrong + i);
    const Reals scale = Reals(load_words(power + i));
    const Reals value = (reals_of(eight_digits(before)) * scale + reals_of(eight_digits(behind))) / scale;
    store_words(Words(value) | load_words(sign + i), slots + row + i);
  }
  return rows_read(wrong);
}

/// Reads rows with batch(row), which says how many it read, else one by one with read(begin, end, row) until that says false. The first rows are read one by one:
/// where many are left to others, who call again behind each of them, batches would be in vain.
template <class Batch, class Read>
size_t read_column(const CsvFields& fields, size_t row, Batch&& batch, Read&& read) {
  CsvFields part = fields;
  for (size_t one_by_one = kBatch; row < fields.rows; one_by_one = 8 * kBatch) {
    part.rows = row + one_by_one < fields.rows ? row + one_by_one : fields.rows;
    row = read_rows(part, row, read);
    if (row < part.rows) break;
    for (size_t done = kBatch; done == kBatch && row + kBatch <= fields.rows; row += done) done = batch(row);
  }
  return row;
}

size_t read_integers(const CsvFields& fields, size_t first, int64_t* slots, bool* negative) {
  int64_t sign = 0;
  const auto batch = [&](size_t row) { return read_short_integers(fields, row, slots); };
  const size_t behind = read_column(fields, first, batch, [&](const char* begin, const char* end, size_t row) {
    int64_t value;
    if (!read_integer(begin, end, &value)) return false;
    sign |= value;
    slots[row] = value;
    return true;
  });
  *negative |= sign < 0;
  return behind;
}

size_t read_reals(const CsvFields& fields, size_t first, int64_t* slots) {
  const auto batch = [&](size_t row) { return read_short_reals(fields, row, slots); };
  return read_column(fields, first, batch, [&](const char* begin, const char* end, size_t row) {
    double value;
    if (!read_real(begin, end, &value)) return false;
    slots[row] = __builtin_bit_cast(int64_t, value);
    return true;
  });
}

}  // namespace

extern const CsvNumberKernels kCsvNumberKernels;
const CsvNumberKernels kCsvNumberKernels = {read_integers, read_reals};

HAYATE_KERNELS_END
