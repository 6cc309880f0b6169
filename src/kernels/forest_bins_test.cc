#include "kernels/forest_bins.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/dispatch.h"

using namespace hayate::kernels;
using std::size_t;

namespace {

/// Any bit pattern, ties, both zeros, infinities and NaN.
std::vector<float> odd_values(size_t count, uint64_t state) {
  const float special[] = {0.0f,          -0.0f,         std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
                           std::nanf(""), -std::nanf("")};
  std::vector<float> values(count);
  for (float& value : values) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    const uint32_t bits = uint32_t(state >> 32);
    value = bits % 5 == 0   ? special[bits / 5 % 6]
            : bits % 5 == 1 ? float(bits / 5 % 9)
            : bits % 5 == 2 ? std::bit_cast<float>(bits)
                            : float(bits) * 1e-9f;
  }
  return values;
}

template <class Check>
void on_every_isa(Check check) {
  for (const Isa isa : {Isa::baseline, Isa::avx2, Isa::avx512}) {
    set_isa(isa);
    check(bin_kernels());
  }
  set_isa(detected_isa());
}

}  // namespace

TEST_CASE("sort columns: as std::sort, missing last, for every number of rows and columns") {
  for (const int64_t num_rows : {1, 2, 3, 15, 16, 17, 31, 32, 33, 63, 65, 100, 127, 129, 255, 256, 257, 500, 513, 1000, 1024, 1537, 2048})
    for (const int64_t num_columns : {1, 5, 16}) {
      const int64_t stride = num_rows * 2 + 3;
      const std::vector<float> values = odd_values(size_t(stride * num_columns), uint64_t(num_rows));
      std::vector<int32_t> rows;
      for (int64_t i = 0; i < num_rows; ++i) rows.push_back(int32_t((i * 7) % (2 * num_rows)));
      on_every_isa([&](const BinKernels& kernels) {
        std::vector<SortedRow> sorted(static_cast<size_t>(num_rows));
        const SortedCounts counts = kernels.sort_columns(values.data(), stride, num_columns, rows.data(), num_rows, sorted.data());
        for (int64_t c = 0; c < num_columns; ++c) {
          std::vector<float> expected;
          for (const int32_t row : rows)
            if (const float x = values[size_t(c * stride + row)]; x == x) expected.push_back(x + 0.0f);
          std::sort(expected.begin(), expected.end());
          REQUIRE(counts.present[c] == int32_t(expected.size()));
          auto distinct = expected;
          REQUIRE(counts.distinct[c] == std::unique(distinct.begin(), distinct.end()) - distinct.begin());
          for (int64_t i = 0; i < num_rows; ++i) {
            const float got = sorted[size_t(i)].of[c];
            if (i < int64_t(expected.size()))
              REQUIRE(std::bit_cast<uint32_t>(got) == std::bit_cast<uint32_t>(expected[size_t(i)]));
            else
              REQUIRE(std::isnan(got));
          }
        }
      });
    }
}

TEST_CASE("code values: the number of cuts below, for every number of cuts") {
  const std::vector<float> values = odd_values(333, 7);
  for (size_t num_cuts = 0; num_cuts < 255; ++num_cuts) {
    std::vector<float> cuts = odd_values(num_cuts * 6 + 50, num_cuts);
    std::erase_if(cuts, [](float x) { return std::isnan(x); });
    std::sort(cuts.begin(), cuts.end());
    cuts.erase(std::unique(cuts.begin(), cuts.end()), cuts.end());
    cuts.resize(std::min(cuts.size(), num_cuts));
    on_every_isa([&](const BinKernels& kernels) {
      for (const size_t count : {values.size(), size_t{5}}) {
        std::vector<uint8_t> codes(count + 1, 77);
        kernels.code_values(cuts.data(), int64_t(cuts.size()), values.data(), int64_t(count), codes.data());
        for (size_t i = 0; i < count; ++i) {
          const auto below = std::count_if(cuts.begin(), cuts.end(), [&](float cut) { return cut < values[i]; });
          REQUIRE(codes[i] == (std::isnan(values[i]) ? 255 : below));
        }
        REQUIRE(codes.back() == 77);
      }
    });
  }
}
