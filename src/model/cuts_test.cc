#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "hayate/model.h"

using namespace hayate;

namespace {
constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kTiny = std::numeric_limits<float>::denorm_min();
}  // namespace

TEST_CASE("cuts: the code of x is the number of cuts below x, for every count of cuts") {
  for (size_t count = 0; count < 255; ++count) {
    std::vector<float> cuts, values = {-kInf, kInf, -0.0f, 0.0f, kTiny, -kTiny, std::numeric_limits<float>::max()};
    for (size_t c = 0; c < count; ++c) cuts.push_back(float(c) * 0.5f - 10);
    for (const float cut : cuts)
      for (const float x : {cut, std::nextafter(cut, kInf), std::nextafter(cut, -kInf)}) values.push_back(x);
    std::vector<uint8_t> codes(values.size());
    code_values(cuts, values, codes.data());
    for (size_t i = 0; i < values.size(); ++i) {
      size_t below = 0;
      for (const float cut : cuts) below += cut < values[i];
      REQUIRE(codes[i] == below);
    }
  }
}

TEST_CASE("cuts: missing has its own code; -0.0 is 0.0") {
  const float cuts[] = {-kTiny, 0.0f, kTiny};
  const float values[] = {kNaN, -kNaN, -0.0f, 0.0f, kTiny, -kTiny, 1e-30f};
  uint8_t codes[7];
  code_values(cuts, values, codes);
  const uint8_t expected[] = {kMissingCode, kMissingCode, 1, 1, 2, 0, 3};
  for (size_t i = 0; i < 7; ++i) CHECK(codes[i] == expected[i]);
}

TEST_CASE("cuts: past the last cut everything present goes left") {
  Cuts cuts;
  cuts.start = {0, 2, 2};
  cuts.values = {1.0f, 2.0f};
  CHECK(cuts.threshold(0, 1) == 2.0f);
  CHECK(cuts.threshold(0, 2) == kInf);
  CHECK(cuts.threshold(1, 0) == kInf);
}
