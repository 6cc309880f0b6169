#include "pipeline/decay.h"

#include <doctest/doctest.h>

using namespace hayate::pipeline;

TEST_CASE("decay: half the weight per half-life, counted from the newest row that trains") {
  const std::vector<double> days = {0, 10, 20, 30, 99};
  const std::vector<int32_t> rows = {0, 1, 3};
  CHECK(decayed_weights(days, rows, 10) == std::vector<float>{0.125f, 0.25f, 0, 1, 0});
  CHECK(decayed_weights(days, rows, 10, std::vector<float>{2, 4, 1, 3, 1}) == std::vector<float>{0.25f, 1, 0, 3, 0});
  CHECK(decayed_weights(days, {}, 10) == std::vector<float>(5, 0));
  CHECK(days_of(std::vector<int64_t>{3 * 86'400'000'000, 43'200'000'000}, false) == std::vector<double>{3, 0.5});
  CHECK(days_of(std::vector<int64_t>{3, 4}, true) == std::vector<double>{3, 4});
}
