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

template <class T>
int64_t real_range_of(const void* from, int64_t count, uint64_t* least, uint64_t* greatest, SizeRange* sizes) {
  const T* values = static_cast<const T*>(from);
  int64_t low = INT64_MAX, high = INT64_MIN, none = 0;
  uint64_t small = UINT64_MAX;  // the least size less 1: 0, which does not count, is beyond all others
  for (int64_t i = 0; i < count; ++i) {
    const double x = double(values[i]);
    const bool nan = x != x;
    const int64_t order = order_of(x);
    const int64_t not_less = nan ? INT64_MAX : order, not_more = nan ? INT64_MIN : order;
    low = not_less < low ? not_less : low;
    high = not_more > high ? not_more : high;
    const uint64_t size = (__builtin_bit_cast(uint64_t, x) & INT64_MAX) - 1;
    small = size < small ? size : small;
    none += nan;
  }
  if (none == count) return none;
  const uint64_t first = uint64_t(low) ^ kSign, last = uint64_t(high) ^ kSign;
  *least = first < *least ? first : *least;
  *greatest = last > *greatest ? last : *greatest;
  // Of the two ends one has the greatest size.
  const int64_t low_size = (low < 0 ? low ^ INT64_MAX : low) & INT64_MAX, high_size = (high < 0 ? high ^ INT64_MAX : high) & INT64_MAX;
  int64_t large = low_size > high_size ? low_size : high_size;
  if (large == kInfinity) sizes->infinite = true, large = int64_t(greatest_finite(values, count));
  if (small < uint64_t(kInfinity) - 1) sizes->least = small + 1 < sizes->least ? small + 1 : sizes->least;
  sizes->greatest = uint64_t(large) > sizes->greatest ? uint64_t(large) : sizes->greatest;
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

template <class T>
void add_shifted_of(const void* from, int64_t count, uint64_t least, int shift, uint64_t* into) {
  const T* values = static_cast<const T*>(from);
  constexpr uint64_t kTurn = T(-1) > T(0) && sizeof(T) == 8 ? 0 : kSign;
  const uint64_t base = least ^ kTurn;  // turning the sign bit of both leaves their difference
  for (int64_t i = 0; i < count; ++i) into[i] += (uint64_t(int64_t(values[i])) - base) << shift;
}

void add_shifted(Element element, const void* from, int64_t count, uint64_t least, int shift, uint64_t* into) {
  switch (element) {
    case Element::int8:
      return add_shifted_of<int8_t>(from, count, least, shift, into);
    case Element::int16:
      return add_shifted_of<int16_t>(from, count, least, shift, into);
    case Element::int32:
      return add_shifted_of<int32_t>(from, count, least, shift, into);
    case Element::int64:
      return add_shifted_of<int64_t>(from, count, least, shift, into);
    case Element::uint8:
      return add_shifted_of<uint8_t>(from, count, least, shift, into);
    case Element::uint16:
      return add_shifted_of<uint16_t>(from, count, least, shift, into);
    case Element::uint32:
      return add_shifted_of<uint32_t>(from, count, least, shift, into);
    default:
      return add_shifted_of<uint64_t>(from, count, least, shift, into);
  }
}

/// The bits of an element as float64.
HAYATE_INLINE inline uint64_t bits_of(double value) { return __builtin_bit_cast(uint64_t, value); }
HAYATE_INLINE inline uint64_t bits_of(float value) { return __builtin_bit_cast(uint64_t, double(value)); }
HAYATE_INLINE inline uint64_t bits_of(uint64_t word) { return word & kSign ? word ^ kSign : ~word; }

template <class T>
void halves_of(const void* from, int64_t count, int scale, int cut, uint64_t* low, uint64_t* high) {
  constexpr uint64_t kHidden = uint64_t{1} << 52;
  const T* values = static_cast<const T*>(from);
  const uint64_t below = (uint64_t{1} << cut) - 1;
  const int64_t step = cut;
  for (int64_t i = 0; i < count; ++i) {
    const uint64_t bits = bits_of(values[i]);
    const int64_t biased = int64_t(bits >> 52 & 0x7FF);
    const uint64_t mantissa = (bits & (kHidden - 1)) | (biased != 0 ? kHidden : 0);
    const int64_t exact = (biased != 0 ? biased : 1) - 1075 - scale;
    const int64_t shift = exact > 0 ? exact : 0;  // only zero lies below the scale
    const int64_t left = shift < 63 ? shift : 63, right = step - shift;
    const uint64_t upper = right >= 0 ? mantissa >> (right < 63 ? right : 63) : mantissa << (right > -63 ? -right : 63);
    const uint64_t lower = (mantissa << left) & below, sign = uint64_t(int64_t(bits) >> 63);
    low[i] = (lower ^ sign) - sign;
    high[i] = (upper ^ sign) - sign;
  }
}

void halves(Element element, const void* from, int64_t count, int scale, int cut, uint64_t* low, uint64_t* high) {
  if (element == Element::float32) return halves_of<float>(from, count, scale, cut, low, high);
  if (element == Element::float64) return halves_of<double>(from, count, scale, cut, low, high);
  halves_of<uint64_t>(from, count, scale, cut, low, high);
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
const WordKernels kWordKernels = {whole, real, whole_range, real_range, add_shifted, halves, narrowing};

HAYATE_KERNELS_END
