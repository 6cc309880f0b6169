#include "pipeline/same_order.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "base/random.h"

using namespace hayate;
using namespace hayate::pipeline;

namespace {

using Rows = std::vector<std::pair<double, double>>;

/// Every pair, one by one.
OrderCount one_by_one(const Rows& rows) {
  OrderCount out;
  for (size_t i = 0; i < rows.size(); ++i)
    for (size_t j = i + 1; j < rows.size(); ++j) {
      const auto [a, x] = rows[i];
      const auto [b, y] = rows[j];
      if (!std::isfinite(a + x) || !std::isfinite(b + y) || a == b) continue;
      ++out.told;
      if (x == y) continue;
      ++out.comparable;
      out.against += (a < b) != (x < y);
    }
  return out;
}

}  // namespace

TEST_CASE("pairs are counted as one by one") {
  for (uint64_t key = 0; key < 40; ++key) {
    Rows rows;
    for (uint64_t i = 0; i < key * 3; ++i) {
      const double missing = random_below(key, 3 * i + 2, 9) == 0 ? std::numeric_limits<double>::quiet_NaN() : 0;
      rows.emplace_back(double(random_below(key, 3 * i, 12)), double(random_below(key, 3 * i + 1, 5)) + missing);
    }
    const OrderCount slow = one_by_one(rows), fast = count_order(rows);
    CHECK(fast.told == slow.told);
    CHECK(fast.comparable == slow.comparable);
    CHECK(fast.against == slow.against);
  }
}

TEST_CASE(
    "a rank, a sign and the reverse of an answer share its order, noise "
    "and rare events do not") {
  const auto share = [](auto value_of) {
    Rows rows;
    for (uint64_t i = 0; i < 300; ++i) {
      const double answer = random_unit(1, i) - 0.5;
      rows.emplace_back(answer, value_of(answer, i));
    }
    return count_order(rows).share();
  };
  CHECK(share([](double answer, uint64_t) { return std::exp(answer); }) == 1);
  CHECK(share([](double answer, uint64_t) { return answer > 0 ? 1.0 : 0.0; }) == 1);
  CHECK(share([](double answer, uint64_t) { return -std::round(answer * 5); }) == 1);
  CHECK(share([](double, uint64_t i) { return random_unit(2, i); }) < 0.6);
  CHECK(share([](double answer, uint64_t) { return answer > 0.49 ? 1.0 : 0.0; }) == 0);
  CHECK(share([](double, uint64_t) { return 1.0; }) == 0);
}
