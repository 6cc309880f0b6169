#include "aggregate/exact.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

#include "aggregate/real_sums.h"
#include "base/random.h"

namespace hayate::aggregate {
namespace {

struct Sums {
  std::vector<uint64_t> sum, squares;
  int scale = 0;

  explicit Sums(const std::vector<double>& values) {
    double least = INFINITY, greatest = 0;
    for (const double x : values)
      if (x != 0) least = std::min(least, std::fabs(x)), greatest = std::max(greatest, std::fabs(x));
    const BitRange range = bits_between(least, greatest);
    scale = range.low;
    sum.assign(size_t(words_for(range, int64_t(values.size()), false)), 0);
    squares.assign(size_t(words_for(range, int64_t(values.size()), true)), 0);
    for (const double x : values) add(x);
  }
  void add(double x) {
    if (x == 0) return;
    const DoubleParts parts = parts_of(std::bit_cast<uint64_t>(x));
    add_shifted(sum.data(), int(sum.size()), parts.mantissa, parts.exponent - scale, parts.negative);
    add_shifted(squares.data(), int(squares.size()), Wide(parts.mantissa) * parts.mantissa, 2 * (parts.exponent - scale), false);
  }
  double total() const { return to_double(sum.data(), int(sum.size()), scale); }
  double variance(int64_t rows) const { return variance_of(sum.data(), int(sum.size()), squares.data(), int(squares.size()), scale, rows); }
};

TEST_CASE("a sum is the nearest double to the true sum") {
  CHECK(Sums({0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1}).total() == 1.0);
  CHECK(Sums({1e308, 1, -1e308}).total() == 1.0);
  CHECK(Sums({1e16, 1, 1e-300, -1e16}).total() == 1.0);
  CHECK(Sums({9007199254740992.0, 1}).total() == 9007199254740992.0);        // a tie: to even
  CHECK(Sums({9007199254740992.0, 1, 1e-9}).total() == 9007199254740994.0);  // just above it
  CHECK(Sums({-9007199254740992.0, -1, -1e-9}).total() == -9007199254740994.0);
  CHECK(Sums({5e-324, 5e-324}).total() == 1e-323);
  CHECK(Sums({1.7976931348623157e308, 1.7976931348623157e308}).total() == INFINITY);
}

TEST_CASE("one word, two and three give the same double, at and beside ties") {
  for (uint64_t i = 0; i < 20'000; ++i) {
    const uint64_t bits = random_bits(random_key(7, Stage::synth), i), more = random_bits(random_key(8, Stage::synth), i);
    uint64_t words[3] = {bits >> (more & 63), 0, 0};
    const bool wide = more >> 8 & 1, is_near_tie = more >> 9 & 1;
    if (wide) words[1] = more >> (1 + bits % 63);
    if (is_near_tie) words[0] = (words[0] & ~uint64_t{0x7FF}) | (0x3FF + (more >> 10 & 3));
    if (wide && is_near_tie) words[0] = (words[1] & 1) << 63 | (more >> 10 & 1);
    if (more >> 12 & 1) {  // below zero
      const Wide value = -(Wide(words[1]) << 64 | words[0]);
      words[0] = uint64_t(value), words[1] = uint64_t(value >> 64), words[2] = value != 0 ? UINT64_MAX : 0;
    }
    const int scale = int(more >> 20 & 511) - 256;
    CHECK(to_double(words, 2, scale) == to_double(words, 3, scale));
  }
}

TEST_CASE("sums of halves are the sums of values and of their squares") {
  for (uint64_t seed = 0; seed < 60; ++seed) {
    const int range = 1 + int(seed) / 2;
    const bool negative = seed % 2;
    std::vector<double> values;
    for (uint64_t i = 0; i < 1 + seed * 17; ++i) {
      const uint64_t bits = random_bits(random_key(seed, Stage::synth), i);
      values.push_back(i % 50 == 49 ? 0.0 : std::ldexp(double(bits >> 11) * (negative && bits & 1 ? -1 : 1), int(bits % uint64_t(range)) - 60));
    }
    const Sums wanted(values);
    ColumnRange seen;
    std::vector<uint64_t> words;
    for (const double x : values) words.push_back(word_of(x));
    kernels::word_kernels().real_range(kernels::Element::float64, values.data(), int64_t(values.size()), &seen.least, &seen.greatest, &seen.sizes);
    const auto cut = cut_of(seen, wanted.scale);
    REQUIRE(cut);
    ValueSums sums(*cut);
    sums.add(words);
    std::vector<uint64_t> state(wanted.sum.size() + wanted.squares.size(), 0);
    sums.put({Op::sum_real, 0, 0, int(wanted.sum.size()), wanted.scale}, state.data());
    sums.put({Op::squares_real, 0, int(wanted.sum.size()), int(wanted.squares.size()), wanted.scale}, state.data());
    CHECK(std::equal(wanted.sum.begin(), wanted.sum.end(), state.begin()));
    CHECK(std::equal(wanted.squares.begin(), wanted.squares.end(), state.begin() + std::ptrdiff_t(wanted.sum.size())));
  }
}

TEST_CASE("the order of values does not show, whatever their sizes") {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    std::vector<double> values;
    const int range = int(seed) * 20;
    for (uint64_t i = 0; i < 200; ++i) {
      const uint64_t bits = random_bits(random_key(seed, Stage::synth), i);
      values.push_back(std::ldexp(double(int64_t(bits)), -63 + (range ? int(bits % uint64_t(range)) - range / 2 : 0)));
    }
    const double forward = Sums(values).total(), spread = Sums(values).variance(200);
    std::reverse(values.begin(), values.end());
    CHECK(Sums(values).total() == forward);
    std::sort(values.begin(), values.end());
    CHECK(Sums(values).total() == forward);
    CHECK(Sums(values).variance(200) == spread);
  }
}

TEST_CASE("a variance does not cancel") {
  CHECK(Sums({1e9, 1e9 + 1, 1e9 + 2}).variance(3) == 1.0);
  CHECK(Sums({1e15, 1e15 + 1, 1e15 + 2}).variance(3) == 1.0);
  CHECK(Sums({7.5, 7.5, 7.5}).variance(3) == 0.0);
  CHECK(Sums({-3, 3}).variance(2) == 18.0);
}

}  // namespace
}  // namespace hayate::aggregate
