#include "kernels/elementwise.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "base/random.h"
#include "kernels/dispatch.h"

using namespace hayate::kernels;

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
const Isa kIsas[] = {Isa::baseline, Isa::avx2, Isa::avx512};

struct EveryIsa {
  ~EveryIsa() { set_isa(detected_isa()); }
};

double ulps(double got, long double exact) {
  if (std::isnan(got) && std::isnan(exact)) return 0;
  if (got == double(exact)) return 0;
  const double unit = std::nextafter(std::abs(double(exact)), kInf) - std::abs(double(exact));
  return double(std::abs((long double)(got)-exact) / unit);
}

/// Numbers of every size, and those where logarithms and powers are hardest.
std::vector<double> numbers() {
  std::vector<double> out = {0.0,          -0.0,   1,        -1,      2,           0.5,         kInf,           -kInf,
                             std::nan(""), 5e-324, 2.2e-308, 1.7e308, 1 + 2.3e-16, 1 - 1.2e-16, std::sqrt(0.5), std::sqrt(2.0)};
  for (uint64_t i = 0; i < 20'000; ++i) out.push_back(std::ldexp(1 + hayate::random_unit(1, i), int(hayate::random_unit(2, i) * 2000) - 1000));
  for (uint64_t i = 0; i < 20'000; ++i) out.push_back(1 + (hayate::random_unit(3, i) - 0.5) * std::ldexp(1.0, -int(i % 50)));
  return out;
}

std::vector<double> logarithms(const std::vector<double>& x) {
  std::vector<double> out(x.size());
  elementwise_kernels().unary(Unary::logarithm, Cell::float64)(x.data(), out.data(), int64_t(x.size()));
  return out;
}

std::vector<double> powers(const std::vector<double>& x, const std::vector<double>& y) {
  std::vector<double> out(x.size());
  elementwise_kernels().binary(Binary::power, Cell::float64, Shape::float64, Shape::float64, Cell::float64)({x.data(), 0}, {y.data(), 0}, out.data(),
                                                                                                            int64_t(x.size()));
  return out;
}

bool same_bytes(const std::vector<double>& a, const std::vector<double>& b) {
  return std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0;
}

}  // namespace

TEST_CASE("logarithms are within an ulp and the same everywhere") {
  const EveryIsa restore;
  const std::vector<double> x = numbers();
  set_isa(Isa::baseline);
  const std::vector<double> first = logarithms(x);
  double worst = 0;
  for (size_t i = 0; i < x.size(); ++i) worst = std::max(worst, ulps(first[i], std::log((long double)(x[i]))));
  CHECK(worst < 1);
  for (Isa isa : kIsas) {
    set_isa(isa);
    CHECK(same_bytes(logarithms(x), first));
  }
}

TEST_CASE("the exponents 2 and 0.5 give what all exponents give, within an ulp") {
  const EveryIsa restore;
  std::vector<double> x = numbers();
  for (double base : {-2.0, -5e-324, -1e300}) x.push_back(base);
  for (Isa isa : kIsas) {
    set_isa(isa);
    for (const double exponent : {2.0, 0.5}) {
      CAPTURE(exponent);
      std::vector<double> got(x.size());
      const auto loop = elementwise_kernels().binary(Binary::power, Cell::float64, Shape::float64, Shape::number, Cell::float64);
      loop({x.data(), 0}, {nullptr, exponent}, got.data(), int64_t(x.size()));
      const std::vector<double> wanted = powers(x, std::vector<double>(x.size(), exponent));
      for (size_t i = 0; i < x.size(); ++i) {
        CAPTURE(x[i]);
        if (std::isnan(wanted[i]) || wanted[i] == 0 || std::isinf(wanted[i]))
          REQUIRE(((std::isnan(got[i]) && std::isnan(wanted[i])) || (got[i] == wanted[i] && std::signbit(got[i]) == std::signbit(wanted[i]))));
        else
          REQUIRE(std::abs(got[i] - wanted[i]) <= 2.3e-16 * std::abs(wanted[i]) + 5e-324);
      }
    }
  }
}

TEST_CASE("powers are within an ulp and the same everywhere") {
  const EveryIsa restore;
  std::vector<double> x, y;
  const std::vector<double> some = numbers();
  for (uint64_t i = 0; i < 60'000; ++i) {
    const double base = some[size_t(hayate::random_unit(4, i) * double(some.size()))];
    const double log = std::log2(std::abs(base));
    x.push_back(i % 5 == 0 ? -base : base);
    y.push_back(i % 3 == 0 ? std::round(hayate::random_unit(5, i) * 40 - 20) : (hayate::random_unit(5, i) - 0.5) * 2100 / (std::abs(log) + 1e-3));
  }
  for (double base : {0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5, kInf, -kInf, std::nan(""), 5e-324})
    for (double exponent : {0.0, -0.0, 1.0, -1.0, 2.0, 3.0, -3.0, 0.5, -0.5, kInf, -kInf, std::nan(""), 1e300, -1e300, 9007199254740993.0})
      x.push_back(base), y.push_back(exponent);
  set_isa(Isa::baseline);
  const std::vector<double> first = powers(x, y);
  double worst = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double error = ulps(first[i], std::pow((long double)(x[i]), (long double)(y[i])));
    CHECK_MESSAGE(error < 1, x[i], " ** ", y[i], " = ", first[i]);
    worst = std::max(worst, error);
  }
  for (Isa isa : kIsas) {
    set_isa(isa);
    CHECK(same_bytes(powers(x, y), first));
  }
}

TEST_CASE("a column takes runs of any length at any alignment") {
  const EveryIsa restore;
  std::vector<float> values(1000);
  for (size_t i = 0; i < values.size(); ++i) values[i] = float(i);
  for (Isa isa : kIsas) {
    set_isa(isa);
    for (size_t start = 0; start < 17; ++start) {
      std::vector<float> out(1100, -1);
      StreamedColumn column{.out = out.data() + 20 + start, .first = 37, .last = 981};
      for (int64_t row = 0, run = 1; row < 1000; row += run, run = run % 61 + 7)
        elementwise_kernels().append(column, {values.data() + row, Cell::float32}, row, std::min<int64_t>(run, 1000 - row));
      elementwise_kernels().finish(&column, 1);
      bool right = true;
      for (size_t i = 0; i < out.size(); ++i) {
        const int64_t row = int64_t(i) - 20 - int64_t(start) + 37;
        right &= out[i] == (row >= 37 && row < 981 ? float(row) : -1.0f);
      }
      CHECK(right);
    }
  }
}
