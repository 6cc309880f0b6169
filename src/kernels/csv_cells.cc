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

/// A number that stands for a whole one below 2^52 in the lower bits of its own.
constexpr double kMagic = 0x1p52;
HAYATE_INLINE inline uint64_t whole_bits(double whole) { return __builtin_bit_cast(uint64_t, whole + kMagic) & ((uint64_t{1} << 52) - 1); }

int64_t decimals(const double* from, int64_t count, char behind, uint64_t* cells, uint8_t* sizes) {
  uint64_t low[kRows], high[kRows], size[kRows];
  int64_t others = 0;
  for (int64_t begin = 0; begin < count; begin += kRows) {
    const int64_t rows = least(kRows, count - begin);
    for (int64_t i = 0; i < rows; ++i) {
      const double x = from[begin + i];
      const bool in_range = ((x >= 1e-4) & (x < 999'999.0)) | (__builtin_bit_cast(uint64_t, x) == 0);
      const double value = in_range ? x : 0.0;
      // The nearest number of millionths: if it is what the text of the double says, it reads back as the same double.
      const double millionths = (value * 1e6 + kMagic) - kMagic;
      const double rounded = (value + kMagic) - kMagic, whole = rounded > value ? rounded - 1.0 : rounded;
      const bool fits = in_range & (millionths / 1e6 == value);
      const uint64_t before = whole_bits(whole), behind_point = fits ? whole_bits(millionths - whole * 1e6) : 0;
      const uint64_t whole_size = num_digits(before), fraction = eight_digits(100 * behind_point);
      const uint64_t kept = 1 + uint64_t(fraction >> 8 != 0) + uint64_t(fraction >> 16 != 0) + uint64_t(fraction >> 24 != 0) +
                            uint64_t(fraction >> 32 != 0) + uint64_t(fraction >> 40 != 0);
      const uint64_t mask = (uint64_t{1} << (8 * kept)) - 1;
      const uint64_t tail = ((fraction | kZeros) & mask) | uint64_t(uint8_t(behind)) << (8 * kept);
      const uint64_t place = 8 * whole_size + 8;  // 16 to 56 bits
      low[i] = (eight_digits(before) | kZeros) >> (64 - 8 * whole_size) | uint64_t('.') << (8 * whole_size) | tail << place;
      high[i] = tail >> (64 - place);
      size[i] = fits ? whole_size + kept + 2 : 0;
    }
    for (int64_t i = 0; i < rows; ++i) {
      cells[2 * (begin + i)] = low[i], cells[2 * (begin + i) + 1] = high[i];
      sizes[begin + i] = uint8_t(size[i]);
      others += size[i] == 0;
    }
  }
  return others;
}

}  // namespace

extern const CsvCellKernels kCsvCellKernels;
const CsvCellKernels kCsvCellKernels = {wholes, decimals};

HAYATE_KERNELS_END
