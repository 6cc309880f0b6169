#include "kernels/csv_cells.h"

#include <doctest/doctest.h>

#include <charconv>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "base/random.h"
#include "kernels/every_isa.h"

namespace hayate::kernels {
namespace {

std::string cell(const std::vector<uint64_t>& cells, const std::vector<uint8_t>& sizes, size_t i) {
  return {reinterpret_cast<const char*>(&cells[2 * i]), sizes[i]};
}

TEST_CASE("whole numbers of up to seven digits") {
  std::vector<int64_t> values = {0, 9, 10, 99, 100, 999, 1000, 9999, 10'000, 99'999, 100'000, 999'999, 1'000'000, 9'999'999};
  for (uint64_t i = 0; i < 5'000; ++i) values.push_back(int64_t(random_unit(1, i) * std::pow(10.0, 1 + double(i % 7))));
  on_every_isa([&] {
    const CsvCellKernels& kernels = csv_cell_kernels();
    std::vector<uint64_t> cells(2 * values.size());
    std::vector<uint8_t> sizes(values.size());
    REQUIRE(kernels.wholes(Element::int64, values.data(), int64_t(values.size()), ';', cells.data(), sizes.data()));
    for (size_t i = 0; i < values.size(); ++i) REQUIRE(cell(cells, sizes, i) == std::to_string(values[i]) + ";");
    const int16_t narrow[] = {7, 32'000, 0}, negative[] = {7, -1};
    REQUIRE(kernels.wholes(Element::int16, narrow, 3, '\n', cells.data(), sizes.data()));
    CHECK(cell(cells, sizes, 1) == "32000\n");
    CHECK(!kernels.wholes(Element::int16, negative, 2, ',', cells.data(), sizes.data()));
    const uint64_t beyond[] = {10'000'000}, huge[] = {UINT64_MAX};
    CHECK(!kernels.wholes(Element::uint64, beyond, 1, ',', cells.data(), sizes.data()));
    CHECK(!kernels.wholes(Element::uint64, huge, 1, ',', cells.data(), sizes.data()));
  });
}

TEST_CASE("decimals are the shortest text of their double, or left to others") {
  std::vector<double> values = {0,         1,       0.5,  0.1,  0.000001, 0.0001,   999'998.999999, 999'999,   1e6,    123'456.789012,
                                0.1 + 0.2, 1.0 / 3, -1.5, -0.0, NAN,      INFINITY, 1e300,          99'999.95, 2.5e-5, 0.1234567};
  for (uint64_t i = 0; i < 20'000; ++i)
    values.push_back(std::round(random_unit(2, i) * std::pow(10.0, double(i % 12))) / std::pow(10.0, double(i % 7)));
  for (uint64_t i = 0; i < 2'000; ++i) values.push_back(std::nextafter(values[20 + i], i % 2 ? 0 : 1e9));
  std::string first;
  on_every_isa([&] {
    const CsvCellKernels& kernels = csv_cell_kernels();
    std::vector<uint64_t> cells(2 * values.size());
    std::vector<uint8_t> sizes(values.size());
    int64_t others = kernels.decimals(values.data(), int64_t(values.size()), ',', cells.data(), sizes.data());
    std::string all;
    for (size_t i = 0; i < values.size(); ++i) {
      all += cell(cells, sizes, i) + "|";
      if (sizes[i] == 0) {
        --others;
        continue;
      }
      char shortest[64];
      std::string expected(shortest, std::to_chars(shortest, shortest + sizeof shortest, values[i], std::chars_format::fixed).ptr);
      if (expected.find('.') == std::string::npos) expected += ".0";
      REQUIRE(cell(cells, sizes, i) == expected + ",");
    }
    CHECK(others == 0);
    CHECK(sizes[0] == 4);
    CHECK(sizes[6] == 14);
    CHECK(sizes[13] == 0);  // -0
    if (first.empty()) first = all;
    CHECK(all == first);
  });
}

}  // namespace
}  // namespace hayate::kernels
