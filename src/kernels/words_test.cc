#include "kernels/words.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/every_isa.h"

namespace hayate::kernels {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity(), kNaN = std::numeric_limits<double>::quiet_NaN();

TEST_CASE("values shifted into place are those of their words") {
  const std::vector<int16_t> narrow = {-300, 0, 7, 300, -1, 42, 299, -299, 100};
  const std::vector<uint64_t> wide = {5, UINT64_MAX, 9, uint64_t{1} << 63, 5, 6, 7, 8, 11};
  on_every_isa([&] {
    const WordKernels& kernels = word_kernels();
    std::vector<uint64_t> words(narrow.size()), into(narrow.size(), 1);
    kernels.whole(Element::int16, narrow.data(), int64_t(narrow.size()), words.data());
    kernels.add_shifted(Element::int16, narrow.data(), int64_t(narrow.size()), words[0], 3, into.data());
    for (size_t i = 0; i < narrow.size(); ++i) CHECK(into[i] == 1 + (uint64_t(narrow[i] + 300) << 3));
    std::fill(into.begin(), into.end(), 0);
    kernels.add_shifted(Element::uint64, wide.data(), int64_t(wide.size()), 5, 0, into.data());
    for (size_t i = 0; i < wide.size(); ++i) CHECK(into[i] == wide[i] - 5);
  });
}

TEST_CASE("a bit is set for every value, whatever the type") {
  std::vector<int8_t> narrow(150);
  std::vector<uint64_t> wide(150);
  for (size_t i = 0; i < narrow.size(); ++i) narrow[i] = int8_t(int(i * 7 % 40) - 20), wide[i] = (uint64_t{1} << 63) + i % 60;
  on_every_isa([&] {
    const WordKernels& kernels = word_kernels();
    for (const size_t count : {size_t{0}, size_t{1}, size_t{63}, size_t{64}, narrow.size()}) {
      std::vector<uint64_t> least(1), into(count + 1, 1);
      const int8_t lowest = -20;
      kernels.whole(Element::int8, &lowest, 1, least.data());
      kernels.set_bits(Element::int8, narrow.data(), int64_t(count), least[0], 5, into.data());
      for (size_t i = 0; i < count; ++i) CHECK(into[i] == (1 | uint64_t{1} << (narrow[i] + 25)));
      CHECK(into[count] == 1);
      std::fill(into.begin(), into.end(), 0);
      kernels.set_bits(Element::uint64, wide.data(), int64_t(count), uint64_t{1} << 63, 0, into.data());
      for (size_t i = 0; i < count; ++i) CHECK(into[i] == uint64_t{1} << (i % 60));
    }
  });
}

TEST_CASE("halves of floats, doubles and their words are the same, and together the value") {
  const std::vector<float> values = {1.5f, -2.25f, 0.0f, -0.0f, 1023.75f, -0.0625f, 3.0f, 1e-2f, -7.0f};
  const std::vector<double> doubles(values.begin(), values.end());
  on_every_isa([&] {
    const WordKernels& kernels = word_kernels();
    const size_t n = values.size();
    std::vector<uint64_t> words(n), low[3], high[3];
    std::vector<uint8_t> missing(n);
    kernels.real(Element::float64, doubles.data(), int64_t(n), words.data(), missing.data());
    const void* const from[3] = {values.data(), doubles.data(), words.data()};
    constexpr Element kElements[3] = {Element::float32, Element::float64, Element::word};
    constexpr int kScale = -60, kCut = 36;
    const Halving at = halving_at(kScale, kCut);
    for (int i = 0; i < 3; ++i) {
      low[i].resize(n), high[i].resize(n);
      kernels.halves(kElements[i], from[i], int64_t(n), at, low[i].data(), high[i].data());
    }
    CHECK(low[0] == low[1]);
    CHECK(low[0] == low[2]);
    CHECK(high[0] == high[1]);
    CHECK(high[0] == high[2]);
    for (size_t i = 0; i < n; ++i) {
      const int64_t lower = int64_t(low[0][i] - std::bit_cast<uint64_t>(at.low_zero)),
                    upper = int64_t(high[0][i] - std::bit_cast<uint64_t>(at.high_zero));
      CHECK(std::abs(lower) <= int64_t{1} << kCut);
      CHECK(std::ldexp(double(lower) + std::ldexp(double(upper), kCut), kScale) == doubles[i]);
    }
  });
}

TEST_CASE("halves lose no bit, from the least double on and with as many bits as they may have") {
  struct Place {
    int scale, cut;
  };
  for (const Place place : {Place{-1074, 1}, Place{-1074, 50}, Place{-1040, 33}, Place{920, 50}, Place{0, 27}, Place{-73, 40}}) {
    const double unit = std::ldexp(1.0, place.scale), most = std::ldexp(1.0, std::min(2 * place.cut, 1020 - place.scale) + place.scale);
    std::vector<double> values = {0, unit, -unit, most, -most, most / 2 + std::max(unit, most * 0x1p-53), -(most - std::max(unit, most * 0x1p-53))};
    for (int i = 1; i < 40; ++i) values.push_back(std::fmod(std::ldexp(1 + i * 0x0.123456789ABCDp0, place.scale + 52), most));
    std::erase_if(values, [&](double x) { return std::fmod(x, unit) != 0; });
    const Halving at = halving_at(place.scale, place.cut);
    on_every_isa([&] {
      std::vector<uint64_t> low(values.size()), high(values.size());
      word_kernels().halves(Element::float64, values.data(), int64_t(values.size()), at, low.data(), high.data());
      for (size_t i = 0; i < values.size(); ++i) {
        const int64_t lower = int64_t(low[i] - std::bit_cast<uint64_t>(at.low_zero)),
                      upper = int64_t(high[i] - std::bit_cast<uint64_t>(at.high_zero));
        CHECK(std::abs(lower) <= int64_t{1} << (place.cut - 1));
        CHECK(std::abs(upper) <= int64_t{1} << place.cut);
        CHECK(std::ldexp(double(upper), place.scale + place.cut) + std::ldexp(double(lower), place.scale) == values[i]);
      }
    });
  }
}

TEST_CASE("sums by a few keys are those of the halves, one by one") {
  const Halving at = halving_at(-60, 36);
  std::vector<double> values;
  std::vector<uint64_t> keys;
  for (int i = 0; i < 203; ++i) values.push_back(std::ldexp(double(i * 7919 % 1013 - 500), -8)), keys.push_back(uint64_t(i * 31 % 11));
  const std::vector<float> singles(values.begin(), values.end());
  on_every_isa([&] {
    const WordKernels& kernels = word_kernels();
    const int64_t n = int64_t(values.size());
    std::vector<uint64_t> words(values.size()), low(values.size()), high(values.size());
    std::vector<uint8_t> missing(values.size());
    kernels.real(Element::float64, values.data(), n, words.data(), missing.data());
    kernels.halves(Element::float64, values.data(), n, at, low.data(), high.data());
    for (const uint64_t first : {0, 4, 8}) {
      uint64_t expected[2][kFewKeys] = {};
      for (size_t i = 0; i < values.size(); ++i)
        if (keys[i] >= first && keys[i] < first + kFewKeys) expected[0][keys[i] - first] += low[i], expected[1][keys[i] - first] += high[i];
      uint64_t sums[kFewKeys] = {};
      kernels.sum_by_key(keys.data(), low.data(), n, first, sums);
      for (size_t k = 0; k < kFewKeys; ++k) CHECK(sums[k] == expected[0][k]);
      const auto check = [&](Element element, const void* from) {
        uint64_t lower[kFewKeys] = {}, upper[kFewKeys] = {};
        kernels.sum_halves_by_key(element, from, keys.data(), n, at, first, lower, upper);
        for (size_t k = 0; k < kFewKeys; ++k) {
          CHECK(lower[k] == expected[0][k]);
          CHECK(upper[k] == expected[1][k]);
        }
      };
      check(Element::float64, values.data());
      check(Element::float32, singles.data());
      check(Element::word, words.data());
    }
  });
}

TEST_CASE("ranges of reals: ends, sizes, what is missing") {
  const std::vector<std::vector<double>> cases = {{1.5, -2.25, 0, -0.0, 3, 1e-300, 7, 8, 9, 10},
                                                  {-5, -4, -3},
                                                  {kNaN, 0.0, kNaN},
                                                  {kNaN, -kNaN},
                                                  {kInfinity, 2, -0.5, 1, 1, 1, 1, 1, 4},
                                                  {-kInfinity, -kInfinity},
                                                  {5e-324, -1e308, kNaN, 1, 1, 1, 1, 1, 1},
                                                  {0.0}};
  on_every_isa([&] {
    const WordKernels& kernels = word_kernels();
    for (const auto& values : cases) {
      uint64_t least = UINT64_MAX, greatest = 0;
      SizeRange sizes, expected;
      std::vector<uint64_t> words(values.size());
      std::vector<uint8_t> missing(values.size());
      CHECK(kernels.real_range(Element::float64, values.data(), int64_t(values.size()), &least, &greatest, &sizes) ==
            kernels.real(Element::float64, values.data(), int64_t(values.size()), words.data(), missing.data()));
      uint64_t low = UINT64_MAX, high = 0;
      for (size_t i = 0; i < values.size(); ++i) {
        if (missing[i]) continue;
        low = std::min(low, words[i]), high = std::max(high, words[i]);
        const uint64_t size = std::bit_cast<uint64_t>(std::fabs(values[i]));
        expected.infinite |= std::isinf(values[i]);
        if (values[i] != 0 && std::isfinite(values[i]))
          expected.least = std::min(expected.least, size), expected.greatest = std::max(expected.greatest, size);
      }
      CHECK(least == low);
      CHECK(greatest == high);
      CHECK(sizes.least == expected.least);
      CHECK(sizes.greatest == expected.greatest);
      CHECK(sizes.infinite == expected.infinite);
    }
  });
}

TEST_CASE("narrowing says what float32 would lose") {
  struct Case {
    std::vector<double> values;
    bool exact, close, infinite;
    int64_t missing;
  };
  const double large = double(std::numeric_limits<float>::max());
  const Case cases[] = {
      {{0.5, -0.0, kInfinity, -kInfinity, large, 0x1p-149, 3, 4, 5, 6}, true, true, false, 0},
      {{0.1, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5}, false, true, false, 0},
      {{0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 1e300}, false, false, true, 0},
      {{1e-60, 0.5, 0.5}, false, false, false, 0},
      {{kNaN, 0.5, kNaN, 1, 2, 3, 4, 5, kNaN}, true, true, false, 3},
      {{std::nextafter(large, kInfinity)}, false, true, false, 0},
      {{large * (1 + 0x1p-24)}, false, false, true, 0},
  };
  on_every_isa([&] {
    const WordKernels& kernels = word_kernels();
    for (const Case& c : cases) {
      Narrowing seen;
      CHECK(kernels.narrowing(c.values.data(), int64_t(c.values.size()), 1e-6, 0, &seen) == c.missing);
      CHECK(seen.exact == c.exact);
      CHECK(seen.close == c.close);
      CHECK(seen.infinite == c.infinite);
    }
  });
}

}  // namespace
}  // namespace hayate::kernels
