#include "kernels/words.h"

#include "kernels/vectors.h"

HAYATE_KERNELS_BEGIN

namespace {

constexpr uint64_t kSign = uint64_t{1} << 63;
constexpr int64_t kInfinity = int64_t{0x7FF} << 52;

template <class T>
void whole_of(const void* from, int64_t count, uint64_t* words) {
  const T* values = static_cast<const T*>(from);
  for (int64_t i = 0; i < count; ++i) words[i] = uint64_t(int64_t(values[i])) ^ kSign;
}

template <class T>
void range_of(const void* from, int64_t count, uint64_t* least, uint64_t* greatest) {
  if (count == 0) return;
  const T* values = static_cast<const T*>(from);
  T low = values[0], high = values[0];
  for (int64_t i = 1; i < count; ++i) {
    low = values[i] < low ? values[i] : low;
    high = values[i] > high ? values[i] : high;
  }
  const uint64_t sign = T(-1) > T(0) && sizeof(T) == 8 ? 0 : kSign;
  const uint64_t first = uint64_t(int64_t(low)) ^ sign, last = uint64_t(int64_t(high)) ^ sign;
  *least = first < *least ? first : *least;
  *greatest = last > *greatest ? last : *greatest;
}

/// The value as a signed whole number of the same order.
int64_t order_of(double x) {
  const int64_t bits = __builtin_bit_cast(int64_t, x);
  return bits ^ ((bits >> 63) & INT64_MAX);
}

template <class T>
int64_t real_of(const void* from, int64_t count, uint64_t* words, uint8_t* missing) {
  const T* values = static_cast<const T*>(from);
  int64_t none = 0;
  for (int64_t i = 0; i < count; ++i) {
    const double x = double(values[i]);
    const bool nan = x != x;
    words[i] = nan ? 0 : uint64_t(order_of(x)) ^ kSign;
    none += nan;
  }
  if (none == 0) {
    memset(missing, 0, size_t(count));
    return 0;
  }
  for (int64_t i = 0; i < count; ++i) missing[i] = values[i] != values[i];
  return none;
}

/// The greatest size of values that are neither infinite nor NaN.
template <class T>
uint64_t greatest_finite(const T* values, int64_t count) {
  int64_t large = 0;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t size = __builtin_bit_cast(int64_t, double(values[i])) & INT64_MAX, finite = size < kInfinity ? size : 0;
    large = finite > large ? finite : large;
  }
  return uint64_t(large);
}

#if defined(__AVX512F__)
constexpr int64_t kVectorBytes = 64;
#else
constexpr int64_t kVectorBytes = kShortVector;
#endif
constexpr int64_t kLanes = kVectorBytes / int64_t(sizeof(double));
typedef double Reals __attribute__((vector_size(kVectorBytes)));
typedef int64_t Masks __attribute__((vector_size(kVectorBytes)));
typedef float Singles __attribute__((vector_size(kVectorBytes / 2)));

HAYATE_INLINE inline Reals load(const double* from) {
  Reals out;
  memcpy(&out, from, sizeof out);
  return out;
}
HAYATE_INLINE inline Reals load(const float* from) {
  Singles out;
  memcpy(&out, from, sizeof out);
  return __builtin_convertvector(out, Reals);
}

/// Ends and least size of values, lane by lane. The loop over them as it would be written for one value (words of order, selects) is not made of
/// vectors by g++ 12, and took more than twice as long.
struct RealEnds {
  static constexpr double kBeyond = __builtin_inf();
  Reals low = Reals{} + kBeyond, high = Reals{} - kBeyond, small = Reals{} + kBeyond;
  Masks missing = {};

  HAYATE_INLINE void add(Reals x) {
    const Reals size = Reals(Masks(x) & INT64_MAX), counted = size > 0 ? size : Reals{} + kBeyond;
    low = x < low ? x : low;  // NaN is on neither side
    high = x > high ? x : high;
    small = counted < small ? counted : small;
    missing -= Masks(x != x);
  }
};

/// Whether a zero with these bits is among the values.
template <class T>
bool has_zero(const T* values, int64_t count, uint64_t bits) {
  bool any = false;
  for (int64_t i = 0; i < count; ++i) any |= __builtin_bit_cast(uint64_t, double(values[i])) == bits;
  return any;
}

template <class T>
int64_t real_range_of(const void* from, int64_t count, uint64_t* least, uint64_t* greatest, SizeRange* sizes) {
  const T* values = static_cast<const T*>(from);
  RealEnds ends;
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) ends.add(load(values + i));
  T rest[kLanes];
  for (int64_t lane = 0; lane < kLanes; ++lane) rest[lane] = i + lane < count ? values[i + lane] : T(__builtin_nan(""));
  ends.add(load(rest));
  double low = RealEnds::kBeyond, high = -low, small = low;
  int64_t none = count - i - kLanes;  // NaN that stand for no value
  for (int64_t lane = 0; lane < kLanes; ++lane) {
    low = ends.low[lane] < low ? ends.low[lane] : low;
    high = ends.high[lane] > high ? ends.high[lane] : high;
    small = ends.small[lane] < small ? ends.small[lane] : small;
    none += ends.missing[lane];
  }
  if (none == count) return none;
  // The two zeros are equal, but not as words.
  if (low == 0) low = has_zero(values, count, kSign) ? -0.0 : 0.0;
  if (high == 0) high = has_zero(values, count, 0) ? 0.0 : -0.0;
  const uint64_t first = uint64_t(order_of(low)) ^ kSign, last = uint64_t(order_of(high)) ^ kSign;
  *least = first < *least ? first : *least;
  *greatest = last > *greatest ? last : *greatest;
  // Of the two ends one has the greatest size.
  const double low_size = __builtin_fabs(low), high_size = __builtin_fabs(high);
  uint64_t large = __builtin_bit_cast(uint64_t, low_size > high_size ? low_size : high_size);
  if (large == uint64_t(kInfinity)) sizes->infinite = true, large = greatest_finite(values, count);
  const uint64_t little = __builtin_bit_cast(uint64_t, small);
  if (little < uint64_t(kInfinity)) sizes->least = little < sizes->least ? little : sizes->least;
  sizes->greatest = large > sizes->greatest ? large : sizes->greatest;
  return none;
}

void whole(Element element, const void* from, int64_t count, uint64_t* words) {
  switch (element) {
    case Element::int8:
      return whole_of<int8_t>(from, count, words);
    case Element::int16:
      return whole_of<int16_t>(from, count, words);
    case Element::int32:
      return whole_of<int32_t>(from, count, words);
    case Element::int64:
      return whole_of<int64_t>(from, count, words);
    case Element::uint8:
      return whole_of<uint8_t>(from, count, words);
    case Element::uint16:
      return whole_of<uint16_t>(from, count, words);
    case Element::uint32:
      return whole_of<uint32_t>(from, count, words);
    default:
      memcpy(words, from, size_t(count) * sizeof(uint64_t));
  }
}

void whole_range(Element element, const void* from, int64_t count, uint64_t* least, uint64_t* greatest) {
  switch (element) {
    case Element::int8:
      return range_of<int8_t>(from, count, least, greatest);
    case Element::int16:
      return range_of<int16_t>(from, count, least, greatest);
    case Element::int32:
      return range_of<int32_t>(from, count, least, greatest);
    case Element::int64:
      return range_of<int64_t>(from, count, least, greatest);
    case Element::uint8:
      return range_of<uint8_t>(from, count, least, greatest);
    case Element::uint16:
      return range_of<uint16_t>(from, count, least, greatest);
    case Element::uint32:
      return range_of<uint32_t>(from, count, least, greatest);
    default:
      return range_of<uint64_t>(from, count, least, greatest);
  }
}

int64_t real(Element element, const void* from, int64_t count, uint64_t* words, uint8_t* missing) {
  return element == Element::float32 ? real_of<float>(from, count, words, missing) : real_of<double>(from, count, words, missing);
}

int64_t real_range(Element element, const void* from, int64_t count, uint64_t* least, uint64_t* greatest, SizeRange* sizes) {
  return element == Element::float32 ? real_range_of<float>(from, count, least, greatest, sizes)
                                     : real_range_of<double>(from, count, least, greatest, sizes);
}

/// Calls loop(value_of) for an integer array, where value_of(i) is the word of value i less `least`.
template <class Loop>
HAYATE_INLINE inline void with_differences(Element element, const void* from, uint64_t least, const Loop& loop) {
  const auto of = [&]<class T>(T) HAYATE_INLINE {
    const T* values = static_cast<const T*>(from);
    constexpr uint64_t kTurn = T(-1) > T(0) && sizeof(T) == 8 ? 0 : kSign;
    const uint64_t base = least ^ kTurn;  // turning the sign bit of both leaves their difference
    loop([=](int64_t i) HAYATE_INLINE { return uint64_t(int64_t(values[i])) - base; });
  };
  switch (element) {
    case Element::int8:
      return of(int8_t{});
    case Element::int16:
      return of(int16_t{});
    case Element::int32:
      return of(int32_t{});
    case Element::int64:
      return of(int64_t{});
    case Element::uint8:
      return of(uint8_t{});
    case Element::uint16:
      return of(uint16_t{});
    case Element::uint32:
      return of(uint32_t{});
    default:
      return of(uint64_t{});
  }
}

void add_shifted(Element element, const void* from, int64_t count, uint64_t least, int shift, uint64_t* into) {
  with_differences(element, from, least, [=](const auto& value_of) HAYATE_INLINE {
    HAYATE_INDEPENDENT
    for (int64_t i = 0; i < count; ++i) into[i] += value_of(i) << shift;
  });
}

HAYATE_INLINE inline double real_of_element(double value) { return value; }
HAYATE_INLINE inline double real_of_element(float value) { return double(value); }
HAYATE_INLINE inline double real_of_element(uint64_t word) { return __builtin_bit_cast(double, word& kSign ? word ^ kSign : ~word); }

template <class T>
void halves_of(const void* from, int64_t count, Halving at, uint64_t* low, uint64_t* high) {
  const T* values = static_cast<const T*>(from);
  HAYATE_INDEPENDENT
  for (int64_t i = 0; i < count; ++i) {
    const double x = real_of_element(values[i]), upper = x + at.high_zero, lower = (x - (upper - at.high_zero)) + at.low_zero;
    high[i] = __builtin_bit_cast(uint64_t, upper);
    low[i] = __builtin_bit_cast(uint64_t, lower);
  }
}

void halves(Element element, const void* from, int64_t count, Halving at, uint64_t* low, uint64_t* high) {
  if (element == Element::float32) return halves_of<float>(from, count, at, low, high);
  if (element == Element::float64) return halves_of<double>(from, count, at, low, high);
  halves_of<uint64_t>(from, count, at, low, high);
}

typedef uint64_t Words __attribute__((vector_size(kVectorBytes)));

HAYATE_INLINE inline Words load_words(const uint64_t* from) {
  Words out;
  memcpy(&out, from, sizeof out);
  return out;
}

HAYATE_INLINE inline void store_words(uint64_t* to, Words words) { memcpy(to, &words, sizeof words); }

/// Numbers first, bits behind: compilers make no vectors of shifts by what has just been widened.
void set_bits(Element element, const void* from, int64_t count, uint64_t least, int shift, uint64_t* into) {
  with_differences(element, from, least, [=](const auto& value_of) HAYATE_INLINE {
    constexpr int64_t kBlock = 64, kWords = kVectorBytes / 8;
    const uint64_t offset = uint64_t(shift);
    int64_t i = 0;
    for (; i + kBlock <= count; i += kBlock) {
      uint64_t at[kBlock];
      for (int64_t k = 0; k < kBlock; ++k) at[k] = value_of(i + k) + offset;
      for (int64_t k = 0; k < kBlock; k += kWords) store_words(into + i + k, load_words(into + i + k) | (Words{} + 1) << (load_words(at + k) & 63));
    }
    for (; i < count; ++i) into[i] |= uint64_t{1} << ((value_of(i) + offset) & 63);
  });
}
HAYATE_INLINE inline Reals load(const uint64_t* from) {
  const Words words = load_words(from);
  return Reals((words & kSign) != 0 ? words ^ kSign : ~words);
}

/// Sums of kFewKeys keys, lane by lane.
struct KeyedSums {
  Words sums[kFewKeys] = {};

  HAYATE_INLINE void add(Words words, const Masks* of_key) {
    for (int64_t k = 0; k < kFewKeys; ++k) sums[k] += words & Words(of_key[k]);
  }
  HAYATE_INLINE void add_to(uint64_t* totals) const {
    for (int64_t k = 0; k < kFewKeys; ++k)
      for (int64_t lane = 0; lane < kLanes; ++lane) totals[k] += sums[k][lane];
  }
};

HAYATE_INLINE inline void masks_of_keys(Words keys, uint64_t first_key, Masks* out) {
  for (int64_t k = 0; k < kFewKeys; ++k) out[k] = Masks(keys == first_key + uint64_t(k));
}

void sum_by_key(const uint64_t* keys, const uint64_t* words, int64_t count, uint64_t first_key, uint64_t* sums) {
  KeyedSums all;
  Masks of_key[kFewKeys];
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    masks_of_keys(load_words(keys + i), first_key, of_key);
    all.add(load_words(words + i), of_key);
  }
  all.add_to(sums);
  for (; i < count; ++i)
    if (keys[i] - first_key < uint64_t(kFewKeys)) sums[keys[i] - first_key] += words[i];
}

template <class T>
void sum_halves_of(const void* from, const uint64_t* keys, int64_t count, Halving at, uint64_t first_key, uint64_t* low, uint64_t* high) {
  const T* values = static_cast<const T*>(from);
  KeyedSums lower, upper;
  Masks of_key[kFewKeys];
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    masks_of_keys(load_words(keys + i), first_key, of_key);
    const Reals x = load(values + i), above = x + at.high_zero, below = (x - (above - at.high_zero)) + at.low_zero;
    upper.add(Words(above), of_key);
    lower.add(Words(below), of_key);
  }
  lower.add_to(low), upper.add_to(high);
  for (; i < count; ++i) {
    if (keys[i] - first_key >= uint64_t(kFewKeys)) continue;
    const double x = real_of_element(values[i]), above = x + at.high_zero, below = (x - (above - at.high_zero)) + at.low_zero;
    low[keys[i] - first_key] += __builtin_bit_cast(uint64_t, below), high[keys[i] - first_key] += __builtin_bit_cast(uint64_t, above);
  }
}

void sum_halves_by_key(Element element, const void* from, const uint64_t* keys, int64_t count, Halving at, uint64_t first_key, uint64_t* low,
                       uint64_t* high) {
  if (element == Element::float32) return sum_halves_of<float>(from, keys, count, at, first_key, low, high);
  if (element == Element::float64) return sum_halves_of<double>(from, keys, count, at, first_key, low, high);
  sum_halves_of<uint64_t>(from, keys, count, at, first_key, low, high);
}

int64_t narrowing(const double* from, int64_t count, double rtol, double atol, Narrowing* seen) {
  int64_t differing = 0, far = 0, beyond = 0, none = 0;
  for (int64_t i = 0; i < count; ++i) {
    const double x = from[i], back = double(float(x));
    differing |= __builtin_bit_cast(int64_t, x) ^ __builtin_bit_cast(int64_t, back);
    none += x != x;
    const bool near = (x == back) | (x != x) | (__builtin_fabs(back - x) <= atol + rtol * __builtin_fabs(x));
    const bool over = (__builtin_fabs(back) == __builtin_inf()) & (x != back);
    far |= near ? 0 : 1;
    beyond |= over ? 1 : 0;
  }
  seen->exact &= differing == 0, seen->close &= far == 0, seen->infinite |= beyond != 0;
  return none;
}

}  // namespace

extern const WordKernels kWordKernels;
const WordKernels kWordKernels = {whole, real, whole_range, real_range, add_shifted, set_bits, halves, sum_by_key, sum_halves_by_key, narrowing};

HAYATE_KERNELS_END
