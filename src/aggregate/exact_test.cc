#include "aggregate/exact.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

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
