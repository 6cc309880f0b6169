// The fewest digits that read back as a double.
#pragma once

#include <cstdint>

namespace hayate::io {

/// digits * 10^exponent, digits without zeros at their end.
struct Decimal {
  uint64_t digits;
  int exponent;
};

/// Of the shortest decimals that round to `value` (positive, finite) the nearest to it, as std::to_chars has it.
Decimal shortest_decimal(double value);

}  // namespace hayate::io
