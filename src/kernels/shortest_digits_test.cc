#include "kernels/shortest_digits.h"

#include <doctest/doctest.h>

#include <charconv>
#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "kernels/every_isa.h"

namespace hayate::kernels {
namespace {

template <class Float>
std::string expected(Float value) {
  char text[400];
  std::string out(text, std::to_chars(text, text + sizeof text, std::fabs(value), std::chars_format::fixed).ptr);
  return out.find('.') == std::string::npos ? out + ".0" : out;
}

template <class Float, class Kernel>
void check(const std::vector<Float>& values, Float most, Kernel kernel_of) {
  on_every_isa([&] {
    const auto digits = std::make_unique<ShortestDigits>();
    size_t done = 0;
    for (size_t first = 0; first < values.size(); first += size_t(ShortestDigits::kRows)) {
      const int64_t count = int64_t(std::min(values.size() - first, size_t(ShortestDigits::kRows)));
      kernel_of(shortest_kernels())(values.data() + first, count, digits.get());
      for (int64_t i = 0; i < count; ++i) {
        const Float value = values[first + size_t(i)], size = std::fabs(value);
        int exponent = 0;
        const bool is_done = size >= Float(1e-4) && size < most && std::frexp(size, &exponent) != Float(0.5);
        REQUIRE((digits->count[i] > 0) == is_done);
        if (!is_done) continue;
        char text[64];
        REQUIRE(std::string(text, digits->put(i, text)) == expected(value));
        ++done;
      }
    }
    CHECK(done > values.size() / 2);
  });
}

/// Numbers of all sizes that are done and of some that are not, with few and with many digits, and neighbours of them.
template <class Float>
std::vector<Float> numbers(double least_power, double most_power) {
  std::vector<Float> out = {0,
                            Float(-0.0),
                            1,
                            Float(0.1),
                            Float(0.3),
                            Float(1e-4),
                            -7,
                            Float(1e15),
                            std::numeric_limits<Float>::denorm_min(),
                            std::numeric_limits<Float>::infinity(),
                            std::numeric_limits<Float>::quiet_NaN(),
                            std::numeric_limits<Float>::max()};
  for (uint64_t i = 0; i < 60'000; ++i) {
    const double size = std::pow(10.0, least_power + (most_power - least_power) * random_unit(1, i));
    const double step = std::pow(10.0, double(i % 17) - 8), value = (i % 2 ? 1 : -1) * size;
    out.push_back(Float(value));
    out.push_back(Float(std::round(value / step) * step));
    out.push_back(std::nextafter(out.back(), Float(i % 3 ? 0 : 1e30)));
  }
  for (int power = -20; power < 60; ++power)
    for (const double beside : {-1e300, 1e300}) out.push_back(std::nextafter(Float(std::ldexp(1.0, power)), Float(beside)));
  return out;
}

}  // namespace

TEST_CASE("the shortest digits of doubles are those of std::to_chars") {
  check<double>(numbers<double>(-4.2, 16.2), 1e16, [](const ShortestKernels& kernels) { return kernels.doubles; });
}

TEST_CASE("the shortest digits of floats are those of std::to_chars") {
  check<float>(numbers<float>(-4.2, 7.4), 0x1p24f, [](const ShortestKernels& kernels) { return kernels.floats; });
}

}  // namespace hayate::kernels
