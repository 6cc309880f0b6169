#include "eval/order.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "base/random.h"

using namespace hayate;
using eval::KeyedRow;
using eval::order_rows;

namespace {

/// Rows by std::stable_sort: what every length and every mix of values must equal.
template <class T>
std::vector<int64_t> expected(const std::vector<T>& values) {
  std::vector<int64_t> rows(values.size());
  std::iota(rows.begin(), rows.end(), 0);
  std::stable_sort(rows.begin(), rows.end(), [&](int64_t a, int64_t b) { return values[size_t(a)] < values[size_t(b)]; });
  return rows;
}

template <class T>
std::vector<int64_t> rows_of(const std::vector<T>& values) {
  std::vector<int64_t> rows;
  for (const KeyedRow& r : order_rows(std::span<const T>(values))) rows.push_back(r.row);
  return rows;
}

}  // namespace

TEST_CASE("order: doubles of every size and sign, ties in row order, short and long") {
  constexpr double kSpecial[] = {
      0.0, -0.0, 1e-320, -1e-320, 1e308, -1e308, std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()};
  for (const size_t size : {size_t{0}, size_t{1}, size_t{100}, size_t{4095}, size_t{4096}, size_t{20000}}) {
    std::vector<double> values;
    for (uint64_t i = 0; i < size; ++i) values.push_back(i % 7 == 0 ? kSpecial[random_below(1, i, 8)] : double(random_below(2, i, 1000)) - 500.0);
    CHECK(rows_of(values) == expected(values));
  }
}

TEST_CASE("order: whole numbers from both ends of the range") {
  std::vector<int64_t> values;
  for (uint64_t i = 0; i < 10000; ++i) values.push_back(int64_t(random_bits(3, i)) >> (i % 60));
  values.push_back(std::numeric_limits<int64_t>::min());
  values.push_back(std::numeric_limits<int64_t>::max());
  CHECK(rows_of(values) == expected(values));
}

TEST_CASE("order: runs of equal keys") {
  const std::vector<double> values = {2, 1, 2, 3, -0.0, 0.0};
  std::vector<size_t> sizes;
  eval::for_each_tie(order_rows(values), [&](size_t begin, size_t end) { sizes.push_back(end - begin); });
  CHECK(sizes == std::vector<size_t>{2, 1, 2, 1});
}
