#include "kernels/csv_cells.h"

#include "kernels/vectors.h"

HAYATE_KERNELS_BEGIN

namespace {

constexpr int64_t kRows = 256;  // of one round: what stands between its loops stays in the first-level cache
constexpr uint64_t kZeros = 0x3030303030303030;

/// The digits of a number below 10^8, the first one in the lowest byte.
HAYATE_INLINE inline uint64_t eight_digits(uint64_t value) {
  const uint64_t upper = value * 3'518'437'209 >> 45;  // value / 10,000
  const uint64_t fours = upper | (value - 10'000 * upper) << 32;
  const uint64_t hundreds = (fours * 10'486 >> 20) & 0x0000007F0000007F;
  const uint64_t twos = hundreds | (fours - 100 * hundreds) << 16;
  const uint64_t tens = (twos * 103 >> 10) & 0x000F000F000F000F;
  return tens | (twos - 10 * tens) << 8;
}

/// Digits of a number below 10^7.
HAYATE_INLINE inline uint64_t num_digits(uint64_t value) {
  return 1 + uint64_t(value >= 10) + uint64_t(value >= 100) + uint64_t(value >= 1000) + uint64_t(value >= 10'000) + uint64_t(value >= 100'000) +
         uint64_t(value >= 1'000'000);
}

template <class T>
bool are_small(const T* values, int64_t count) {
  constexpr uint64_t kBeyond = 10'000'000;
  uint64_t beyond = 0;
  for (int64_t i = 0; i < count; ++i) beyond |= uint64_t(int64_t(values[i])) >= kBeyond ? 1 : 0;
  return beyond == 0;
}

template <class T>
bool wholes_of(const void* from, int64_t count, char behind, uint64_t* cells, uint8_t* sizes) {
  const T* values = static_cast<const T*>(from);
  if (!are_small(values, count)) return false;
  uint64_t text[kRows], digits[kRows];
  for (int64_t begin = 0; begin < count; begin += kRows) {
    const int64_t rows = least(kRows, count - begin);
    for (int64_t i = 0; i < rows; ++i) {
      const uint64_t value = uint64_t(values[begin + i]), size = num_digits(value);
      text[i] = (eight_digits(value) | kZeros) >> (64 - 8 * size) | uint64_t(uint8_t(behind)) << (8 * size);
      digits[i] = size;
    }
    for (int64_t i = 0; i < rows; ++i) cells[2 * (begin + i)] = text[i], sizes[begin + i] = uint8_t(digits[i] + 1);
  }
  return true;
}

bool wholes(Element element, const void* from, int64_t count, char behind, uint64_t* cells, uint8_t* sizes) {
  switch (element) {
    case Element::int8:
      return wholes_of<int8_t>(from, count, behind, cells, sizes);
    case Element::int16:
      return wholes_of<int16_t>(from, count, behind, cells, sizes);
    case Element::int32:
      return wholes_of<int32_t>(from, count, behind, cells, sizes);
    case Element::int64:
      return wholes_of<int64_t>(from, count, behind, cells, sizes);
    case Element::uint8:
      return wholes_of<uint8_t>(from, count, behind, cells, sizes);
    case Element::uint16:
      return wholes_of<uint16_t>(from, count, behind, cells, sizes);
    case Element::uint32:
      return wholes_of<uint32_t>(from, count, behind, cells, sizes);
    case Element::uint64:
      return wholes_of<uint64_t>(from, count, behind, cells, sizes);
    default:
      return false;
  }
}

/// Added to a whole number below 2^52, it leaves that in the lower bits.
constexpr double kMagic = 0x1p52;

/// The digits before and behind the point of doubles, as the bits of numbers that kMagic was added to; of one that is left to others, behind
/// is that of -1.
struct Halves {
  uint64_t before[kRows], behind[kRows];
};
constexpr uint64_t kOther = __builtin_bit_cast(uint64_t, kMagic - 1.0), kNothing = __builtin_bit_cast(uint64_t, kMagic);

void cut_at_point(const double* from, int64_t rows, Halves* out) {
  for (int64_t i = 0; i < rows; ++i) {
    const double x = from[i];
    // The nearest number of millionths: if that reads back as the same double, its digits are the shortest text.
    const double millionths = (x * 1e6 + kMagic) - kMagic, rounded = (x + kMagic) - kMagic, whole = rounded > x ? rounded - 1.0 : rounded;
    const double behind = millionths - whole * 1e6;
    const double in_range = x < 999'999.0 ? behind : -1.0, exact = millionths / 1e6 == x ? in_range : -1.0;
    out->before[i] = __builtin_bit_cast(uint64_t, whole + kMagic);
    out->behind[i] = __builtin_bit_cast(uint64_t, (x >= 1e-4 ? exact : -1.0) + kMagic);
  }
  for (int64_t i = 0; i < rows; ++i)
    if (__builtin_bit_cast(uint64_t, from[i]) == 0) out->behind[i] = kNothing;  // 0, not -0
}

void put_together(const Halves& halves, int64_t rows, char last, uint64_t* low, uint64_t* high, uint64_t* size) {
  const uint64_t last_for_zero = uint64_t(uint8_t(last) ^ '0');
  for (int64_t i = 0; i < rows; ++i) {
    const uint64_t any = halves.before[i] & 0xFFFFF, before = any < 999'999 ? any : 999'999;  // of others whatever
    const uint64_t behind = halves.behind[i] & 0xFFFFF;
    const uint64_t whole_size = num_digits(before), fraction = eight_digits(100 * behind);
    const uint64_t kept = 1 + uint64_t(fraction >> 8 != 0) + uint64_t(fraction >> 16 != 0) + uint64_t(fraction >> 24 != 0) +
                          uint64_t(fraction >> 32 != 0) + uint64_t(fraction >> 40 != 0);
    // From the point on; what stands behind the last character does not count. ('.' << place would keep g++ 12 from making vectors.)
    const uint64_t tail = ((fraction | kZeros) ^ last_for_zero << (8 * kept)) << 8 | '.', place = 8 * whole_size;
    low[i] = (eight_digits(before) | kZeros) >> (64 - place) | tail << place;
    high[i] = tail >> (64 - place);
    size[i] = whole_size + kept + 2;
  }
}

int64_t decimals(const double* from, int64_t count, char behind, uint64_t* cells, uint8_t* sizes) {
  Halves halves;
  uint64_t low[kRows], high[kRows], size[kRows];
  int64_t others = 0;
  for (int64_t begin = 0; begin < count; begin += kRows) {
    const int64_t rows = least(kRows, count - begin);
    cut_at_point(from + begin, rows, &halves);
    put_together(halves, rows, behind, low, high, size);
    for (int64_t i = 0; i < rows; ++i) {
      const bool other = halves.behind[i] == kOther;
      cells[2 * (begin + i)] = low[i], cells[2 * (begin + i) + 1] = high[i];
      sizes[begin + i] = other ? 0 : uint8_t(size[i]);
      others += other;
    }
  }
  return others;
}

}  // namespace

extern const CsvCellKernels kCsvCellKernels;
const CsvCellKernels kCsvCellKernels = {wholes, decimals};

HAYATE_KERNELS_END
