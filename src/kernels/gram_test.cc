#include "kernels/gram.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "base/random.h"
#include "kernels/every_isa.h"

using namespace hayate;
using namespace hayate::kernels;

namespace {

std::vector<double> random_tile(int64_t features, uint64_t seed) {
  std::vector<double> tile(size_t(features * kTileRows));
  for (size_t i = 0; i < tile.size(); ++i) tile[i] = random_unit(seed, i) - 0.5;
  return tile;
}

}  // namespace

TEST_CASE("gram: products equal plain sums, and have the same bytes wherever they stand and on every instruction set") {
  std::vector<std::vector<double>> seen;
  on_every_isa([&] {
    for (const int64_t features : {1, 2, 5, 8, 11}) {
      const std::vector<double> a = random_tile(features, 1), b = random_tile(features, 2);
      std::vector<double> all(size_t(features * features)), lower(all.size());
      gram_kernels().add_products(a.data(), features, b.data(), features, false, all.data(), features);
      gram_kernels().add_products(a.data(), features, b.data(), features, true, lower.data(), features);
      for (int64_t i = 0; i < features; ++i)
        for (int64_t j = 0; j < features; ++j) {
          double plain = 0;
          for (int64_t row = 0; row < kTileRows; ++row) plain += a[size_t(i * kTileRows + row)] * b[size_t(j * kTileRows + row)];
          const size_t at = size_t(i * features + j);
          CHECK(all[at] == doctest::Approx(plain).epsilon(1e-12));
          CHECK(lower[at] == (j <= i ? all[at] : 0.0));
        }
      seen.push_back(all);
    }
  });
  for (size_t i = 5; i < seen.size(); ++i) CHECK(seen[i] == seen[i - 5]);
}

TEST_CASE("gram: a tile is scaled, its missing and absent rows are 0, infinities are told") {
  on_every_isa([&] {
    const float nan = std::nanf("");
    const std::vector<float> column = {1, 2, nan, 4, std::numeric_limits<float>::infinity()};
    const std::vector<int32_t> rows = {3, 2, 0, 3};
    std::vector<double> tile(kTileRows, 7.0), out(kTileRows, 1.0);
    CHECK_FALSE(gram_kernels().load_tile(column.data(), rows.data(), 4, 1.0, 2.0, tile.data()));
    CHECK(std::vector<double>(tile.begin(), tile.begin() + 5) == std::vector<double>{6, 0, 0, 6, 0});
    const std::vector<int32_t> infinite = {4};
    const double factor = -0.5;
    gram_kernels().add_scaled(tile.data(), 1, &factor, out.data());
    CHECK(out[0] == -2);
    CHECK(out[1] == 1);
    CHECK(gram_kernels().load_tile(column.data(), infinite.data(), 1, 0, 1, tile.data()));
  });
}
