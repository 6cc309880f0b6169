#include "eval/order.h"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

namespace hayate::eval {
namespace {

constexpr int kDigitBits = 11;  // 2,048 counters: 16 KB, half of a first-level cache
constexpr size_t kFewRows = 4096;

constexpr uint64_t kSignBit = uint64_t{1} << 63;

// Flipping the sign bit of positive doubles and all bits of negative ones makes their bits ascend like their values.
uint64_t ordered_key(double value) {
  const uint64_t bits = std::bit_cast<uint64_t>(value + 0.0);  // + 0.0 turns -0.0 into 0.0
  return bits & kSignBit ? ~bits : bits | kSignBit;
}

uint64_t ordered_key(int64_t value) { return uint64_t(value) ^ kSignBit; }

void radix_pass(const std::vector<KeyedRow>& from, std::vector<KeyedRow>& to, int shift) {
  constexpr uint64_t kMask = (uint64_t{1} << kDigitBits) - 1;
  std::array<size_t, size_t{1} << kDigitBits> place{};
  for (const KeyedRow& r : from) ++place[(r.key >> shift) & kMask];
  size_t total = 0;
  for (size_t& p : place) total += std::exchange(p, total);
  for (const KeyedRow& r : from) to[place[(r.key >> shift) & kMask]++] = r;
}

/// Bits in which the keys differ; digits without any need no pass (dates span 12 bits of 64).
uint64_t differing_bits(const std::vector<KeyedRow>& rows) {
  uint64_t bits = 0;
  for (const KeyedRow& r : rows) bits |= r.key ^ rows[0].key;
  return bits;
}

template <class T>
std::vector<KeyedRow> ordered(std::span<const T> values) {
  std::vector<KeyedRow> rows(values.size());
  for (size_t i = 0; i < values.size(); ++i) rows[i] = {ordered_key(values[i]), int64_t(i)};
  const auto before = [](const KeyedRow& a, const KeyedRow& b) { return a.key != b.key ? a.key < b.key : a.row < b.row; };
  if (std::is_sorted(rows.begin(), rows.end(), before)) return rows;
  if (rows.size() < kFewRows) {
    std::sort(rows.begin(), rows.end(), before);
    return rows;
  }
  std::vector<KeyedRow> other(rows.size());
  const uint64_t differing = differing_bits(rows);
  for (int shift = 0; shift < 64; shift += kDigitBits) {
    if (!((differing >> shift) & ((uint64_t{1} << kDigitBits) - 1))) continue;
    radix_pass(rows, other, shift);
    rows.swap(other);
  }
  return rows;
}

}  // namespace

std::vector<KeyedRow> order_rows(std::span<const double> values) { return ordered(values); }
std::vector<KeyedRow> order_rows(std::span<const int64_t> values) { return ordered(values); }

}  // namespace hayate::eval
