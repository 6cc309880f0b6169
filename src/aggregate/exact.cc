#include "aggregate/exact.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <optional>
#include <vector>

namespace hayate::aggregate {
namespace {

/// Makes the number positive; returns whether it was negative.
bool take_sign(std::vector<uint64_t>* words) {
  if (words->empty() || !(words->back() >> 63)) return false;
  uint64_t carry = 1;
  for (uint64_t& word : *words) {
    word = ~word + carry;
    carry = uint64_t(carry && word == 0);
  }
  return true;
}

/// out += value * factor.
void add_product(std::vector<uint64_t>* out, size_t at, const std::vector<uint64_t>& value, uint64_t factor) {
  uint64_t carry = 0;
  for (size_t i = 0; i < value.size() || carry; ++i) {
    assert(at + i < out->size());
    const Wide step = Wide(i < value.size() ? value[i] : 0) * factor + (*out)[at + i] + carry;
    (*out)[at + i] = uint64_t(step);
    carry = uint64_t(step >> 64);
  }
}

/// The double nearest to a positive whole number times 2^scale.
double positive_to_double(const std::vector<uint64_t>& words, int scale) {
  int top = int(words.size()) - 1;
  while (top >= 0 && words[size_t(top)] == 0) --top;
  if (top < 0) return 0;
  const int bits = 64 * top + 64 - std::countl_zero(words[size_t(top)]);
  const auto bit = [&](int at) { return at >= 0 && (words[size_t(at >> 6)] >> (at & 63) & 1); };
  // 53 bits, or fewer where the result has a smaller exponent than normal numbers.
  const int kept = std::min(53, bits + scale + 1074);
  if (kept < 0) return 0;
  const int cut = std::max(bits - kept, 0);
  uint64_t mantissa = 0;
  for (int at = bits - 1; at >= cut; --at) mantissa = mantissa << 1 | uint64_t(bit(at));
  bool below = false;
  for (int word = 0; word < (cut - 1) >> 6; ++word) below |= words[size_t(word)] != 0;
  for (int at = std::max(0, (cut - 1) & ~63); at < cut - 1; ++at) below |= bit(at);
  if (cut > 0 && bit(cut - 1) && (below || (mantissa & 1))) ++mantissa;
  return std::ldexp(double(mantissa), cut + scale);
}

std::vector<uint64_t> copy_of(const uint64_t* words, int count) { return {words, words + count}; }

/// The same for a number below 2^128 whose double has 53 bits. Its first 63 bits, the last one set where a bit is left behind them, round to a
/// double as all of it does.
std::optional<double> small_to_double(Wide size, int scale) {
  if (size == 0) return 0;
  const uint64_t high = uint64_t(size >> 64), low = uint64_t(size);
  const int zeros = high ? std::countl_zero(high) : 64 + std::countl_zero(low);
  const int exponent = scale + 65 - zeros;  // of the last of these bits
  if (exponent < -1000 || exponent > 900) return std::nullopt;
  const Wide aligned = size << zeros;
  const uint64_t first = uint64_t(aligned >> 65);
  const bool rest = (aligned << 63) != 0;
  return double(int64_t(first | uint64_t(rest))) * std::bit_cast<double>(uint64_t(exponent + 1023) << 52);
}

}  // namespace

BitRange bits_between(double least, double greatest) {
  if (greatest <= 0) return {0, 1};
  return {parts_of(std::bit_cast<uint64_t>(least)).exponent, parts_of(std::bit_cast<uint64_t>(greatest)).exponent + 53};
}

int words_for(BitRange range, int64_t rows, bool squares) {
  const int width = (squares ? 2 : 1) * (range.high - range.low) + int(std::bit_width(uint64_t(rows))) + 1;
  return (width + 63) / 64;
}

double to_double(const uint64_t* words, int count, int scale) {
  if (count <= 2) {
    const Wide high = count == 2 ? words[1] : words[0] >> 63 ? UINT64_MAX : 0;
    const Wide value = high << 64 | words[0];
    const bool below_zero = value >> 127 != 0;
    if (const auto size = small_to_double(below_zero ? -value : value, scale)) return below_zero ? -*size : *size;
  }
  std::vector<uint64_t> size = copy_of(words, count);
  const bool negative = take_sign(&size);
  const double out = positive_to_double(size, scale);
  return negative ? -out : out;
}

double mean_of(const uint64_t* sum, int count, int scale, int64_t rows) { return to_double(sum, count, scale) / double(rows); }

double variance_of(const uint64_t* sum, int sum_words, const uint64_t* squares, int square_words, int scale, int64_t rows) {
  assert(rows >= 2);
  std::vector<uint64_t> total = copy_of(sum, sum_words);
  take_sign(&total);
  const size_t room = size_t(std::max(2 * sum_words, square_words + 1) + 1);
  std::vector<uint64_t> left(room, 0), right(room, 0);
  add_product(&left, 0, copy_of(squares, square_words), uint64_t(rows));
  for (size_t i = 0; i < total.size(); ++i) add_product(&right, i, total, total[i]);
  uint64_t borrow = 0;
  for (size_t i = 0; i < room; ++i) {
    const uint64_t step = left[i] - right[i];
    const uint64_t less = uint64_t(left[i] < right[i]);
    left[i] = step - borrow;
    borrow = less | uint64_t(step < borrow);
  }
  assert(borrow == 0);  // Cauchy and Schwarz
  return positive_to_double(left, 2 * scale) / double(rows) / double(rows - 1);
}

}  // namespace hayate::aggregate
