#include "kernels/shortest_digits.h"

#include "kernels/word_vectors.h"

HAYATE_KERNELS_BEGIN

namespace {

constexpr int kBytes = kWordsBytes;
constexpr int64_t kLanes = kWordLanes, kRows = ShortestDigits::kRows;
static_assert(kRows % kLanes == 0);

typedef uint16_t Shorts __attribute__((vector_size(kBytes)));

/// The upper halves of the products of 16 bits each.
HAYATE_INLINE inline Shorts upper_of_product(Shorts a, uint16_t b) {
#if defined(__AVX512BW__)
  return Shorts(_mm512_mulhi_epu16(__m512i(a), _mm512_set1_epi16(int16_t(b))));
#elif defined(__AVX2__)
  return Shorts(_mm256_mulhi_epu16(__m256i(a), _mm256_set1_epi16(int16_t(b))));
#elif defined(__SSE2__)
  return Shorts(_mm_mulhi_epu16(__m128i(a), _mm_set1_epi16(int16_t(b))));
#else
  Shorts out;
  for (int i = 0; i < kBytes / 2; ++i) out[i] = uint16_t(uint32_t(a[i]) * b >> 16);
  return out;
#endif
}

/// The digits of numbers below 10^8, the first one in the lowest byte: halves of halves, by multiplications with 1/10,000, 1/100 and 1/10 that are
/// exact for numbers so small.
HAYATE_INLINE inline Words eight_digits(Words value) {
  const Words upper = times(value, 3'518'437'209) >> 45;
  const Shorts fours = Shorts(upper | (value - times(upper, 10'000)) << 32);
  const Shorts hundreds = upper_of_product(fours, 10'486) >> 4;
  const Shorts twos = Shorts(Words(hundreds) | Words(fours - hundreds * 100) << 16);
  const Shorts tens = twos * 103 >> 10;
  return Words(tens) | Words(twos - tens * 10) << 8;
}

/// Up to which of eight digits there are others than 0.
HAYATE_INLINE inline Words kept_digits(Words digits) {
  Words kept = (digits + 0x7F7F7F7F7F7F7F7F) >> 7 & 0x0101010101010101;  // which are
  kept |= kept >> 8;
  kept |= kept >> 16;
  kept |= kept >> 32;
  return times(kept + (kept >> 32), 0x01010101) >> 24 & 0xFF;
}

/// A number is c * 2^q. Times 10^n, n the least that makes its last bit worth one or more, it is c * power * 2^(shift - 65), power = 10^n brought
/// to 64 bits: exact, as n is at most 20.
template <class Float>
struct Format;
template <>
struct Format<double> {
  using Bits = uint64_t;
  static constexpr int kFraction = 52, kBias = 1075, kLeast = -66, kMost = 1;  // of q
  static constexpr double kFrom = 1e-4, kBelow = 1e16;
  static constexpr int64_t kDigits = 16;  // of c * 10^n, or one more
};
template <>
struct Format<float> {
  using Bits = uint32_t;
  static constexpr int kFraction = 23, kBias = 150, kLeast = -37, kMost = 0;
  static constexpr float kFrom = 1e-4f, kBelow = 0x1p24f;
  static constexpr int64_t kDigits = 8;  // or one more or less
};

/// n of a q, and the logarithm of 10^n to base 2, rounded down. Of words, or of one.
template <class Word>
HAYATE_INLINE constexpr Word power_of(Word one_less_q) {
  return (one_less_q * 78'913 + 183'230) >> 18;
}
template <class Word>
HAYATE_INLINE constexpr Word log_of_power(Word n) {
  return n * 1'741'647 >> 19;
}

/// power by q - kLeast.
template <class Float>
struct Powers {
  uint64_t of[Format<Float>::kMost - Format<Float>::kLeast + 1];
};
template <class Float>
constexpr Powers<Float> make_powers() {
  Powers<Float> out = {};
  for (int q = Format<Float>::kLeast; q <= Format<Float>::kMost; ++q) {
    unsigned __int128 power = 1;
    for (uint64_t n = power_of(uint64_t(1 - q)); n > 0; --n) power *= 10;
    const uint64_t log = log_of_power(power_of(uint64_t(1 - q)));
    out.of[q - Format<Float>::kLeast] = uint64_t(log <= 63 ? power << (63 - log) : power >> (log - 63));
  }
  return out;
}
template <class Float>
constexpr Powers<Float> kPowers = make_powers<Float>();

/// Numbers as c, with how they are scaled; of those that are not done, of another.
struct Parts {
  alignas(kBytes) uint64_t bits[kRows], c[kRows], at[kRows], power[kRows], shift[kRows], n[kRows], done[kRows];
};

template <class Float>
HAYATE_INLINE inline void take_apart(int64_t i, Parts* parts) {
  using F = Format<Float>;
  using Bits = typename F::Bits;
  constexpr uint64_t kFrom = __builtin_bit_cast(Bits, F::kFrom), kBelow = __builtin_bit_cast(Bits, F::kBelow);
  constexpr uint64_t kMask = (uint64_t{1} << F::kFraction) - 1, kSize = ~Bits{0} >> 1;
  const Words size = load_words(parts->bits + i) & kSize;
  const Words done = Words(Ints(size) >= int64_t(kFrom)) & Words(Ints(size) < int64_t(kBelow)) & Words((size & kMask) != 0);
  const Words taken = (size & done) | (kFrom & ~done), at = (taken >> F::kFraction) - uint64_t(F::kBias + F::kLeast);
  const Words n = power_of(uint64_t(1 - F::kLeast) - at);
  store_words((taken & kMask) | (kMask + 1), parts->c + i);
  store_words(at, parts->at + i);
  store_words(log_of_power(n) + at + uint64_t(F::kLeast + 1), parts->shift + i);
  store_words(n, parts->n + i);
  store_words(done, parts->done + i);
}

/// Decimals as upper * 10^8 + lower, lower of eight digits; of a float everything is in upper.
struct Halves {
  alignas(kBytes) uint64_t upper[kRows], lower[kRows];
};

template <class Float>
HAYATE_INLINE inline void shorten(const Parts& parts, int64_t i, Halves* out) {
  const Words c = load_words(parts.c + i), power = load_words(parts.power + i), shift = load_words(parts.shift + i);
  constexpr bool kDouble = sizeof(Float) == 8;
  constexpr uint64_t kLower = 0xFFFFFFFF, kEight = 100'000'000;
  // 4 * c * power << shift in two words, and half of what c + 1 adds.
  const Words factor = 4 * c << shift, power_high = power >> 32;
  const Words low_low = times(factor, power), low_high = times(factor, power_high);
  Words middle = (low_low >> 32) + (low_high & kLower), high = low_high >> 32;
  if constexpr (kDouble) {
    const Words factor_high = factor >> 32, high_low = times(factor_high, power);
    middle += high_low & kLower;
    high += times(factor_high, power_high) + (high_low >> 32);
  }
  high += middle >> 32;
  const Words low = (low_low & kLower) | middle << 32;
  const Words half_low = power << (shift + 1), half_high = power >> (63 - shift);
  const Words above_low = low + half_low, below_low = low - half_low;
  const Words above_high = high + half_high - Words(above_low < low), below_high = high - half_high + Words(low < half_low);
  // Rounded to odd. An end that reads back as an even neighbour is not in the interval.
  const Words odd = c & 1;
  const Ints at = Ints(high | (Words(low != 0) & 1)), above = Ints((above_high | (Words(above_low != 0) & 1)) - odd);
  const Ints below = Ints((below_high | (Words(below_low != 0) & 1)) + odd);

  const Ints s = at >> 2;
  Words upper = {}, lower = Words(s);
  if constexpr (kDouble) {
    // s / 10^8: in doubles, at most one too large.
    constexpr double kMagic = 0x1p52;
    const Words part = lower >> 8;
    upper = Words(reals_of(part) * (1 / 390625.0) + kMagic) - __builtin_bit_cast(uint64_t, kMagic);
    upper += Words(Ints(times(upper, 390625)) > Ints(part));
    lower -= times(upper, kEight);
  }
  const Words last = lower - 10 * (times(lower, 3'435'973'837) >> 35);
  const Ints ten = 4 * (s - Ints(last)), one = 4 * s;
  const Words lower_ten = Words(below <= ten), upper_ten = Words(ten + 40 <= above), is_ten = lower_ten ^ upper_ten;
  const Words lower_one = Words(below <= one), upper_one = Words(one + 4 <= above), is_one = lower_one ^ upper_one;
  const Words is_nearer = Words((at & 3) + (s & 1) > 2);  // to s + 1, or as near and that is even
  const Words by_one = ((is_one & upper_one) | (~is_one & is_nearer)) & 1;
  lower += (((upper_ten & 10) - last) & is_ten) | (by_one & ~is_ten);
  if constexpr (kDouble) {
    const Words carries = Words(Ints(lower) >= int64_t(kEight));
    store_words(upper - carries, out->upper + i);
    store_words(lower - (carries & kEight), out->lower + i);
  } else {
    store_words(lower, out->upper + i);
  }
}

constexpr uint64_t kZeros = 0x3030303030303030;  // eight of '0'

struct Texts {
  alignas(kBytes) uint64_t top[kRows], first[kRows], second[kRows];
};

template <class Float>
HAYATE_INLINE inline void write_digits(const Halves& halves, const Parts& parts, int64_t i, Texts* texts, ShortestDigits* out) {
  constexpr bool kDouble = sizeof(Float) == 8;
  const Words upper = load_words(halves.upper + i), top = times(upper, 1'441'151'881) >> 57, rest = upper - times(top, 100'000'000);
  const Words first = eight_digits(rest), second = kDouble ? eight_digits(load_words(halves.lower + i)) : Words{};
  const Words has_top = Words(top != 0) & 1, lacks_one = kDouble ? Words{} : Words(((first & 0xFF) | top) == 0) & 1;
  const Words in_second = kept_digits(second), none = Words(second == 0), kept = (kept_digits(first) & none) | ((in_second + 8) & ~none);
  store_words((top + '0') << 56, texts->top + i);
  store_words(first | kZeros, texts->first + i);
  store_words(second | kZeros, texts->second + i);
  store_words(8 - has_top + lacks_one, out->begin + i);
  store_words((kept + has_top - lacks_one) & load_words(parts.done + i), out->count + i);
  store_words(Format<Float>::kDigits + has_top - lacks_one - load_words(parts.n + i), out->point + i);
}

template <class Float>
void shortest_of(const Float* from, int64_t count, ShortestDigits* out) {
  Parts parts;
  Halves halves;
  Texts texts;
  for (int64_t i = 0; i < count; ++i) parts.bits[i] = __builtin_bit_cast(typename Format<Float>::Bits, from[i]);
  for (int64_t i = 0; i < count; i += kLanes) take_apart<Float>(i, &parts);
  for (int64_t i = 0; i < count; ++i) parts.power[i] = kPowers<Float>.of[parts.at[i]];
  for (int64_t i = 0; i < count; i += kLanes) shorten<Float>(parts, i, &halves);
  for (int64_t i = 0; i < count; i += kLanes) write_digits<Float>(halves, parts, i, &texts, out);
  for (int64_t i = 0; i < count; ++i) {
    char* const text = out->text + ShortestDigits::kRoom * i;  // word by word: put together in registers they would take longer
    memcpy(text, &texts.top[i], 8);
    memcpy(text + 8, &texts.first[i], 8);
    memcpy(text + 16, &texts.second[i], 8);
    memcpy(text + 24, &kZeros, 8);
  }
}

void doubles(const double* from, int64_t count, ShortestDigits* out) { shortest_of(from, count, out); }
void floats(const float* from, int64_t count, ShortestDigits* out) { shortest_of(from, count, out); }

}  // namespace

extern const ShortestKernels kShortestKernels;
const ShortestKernels kShortestKernels = {doubles, floats};

HAYATE_KERNELS_END
