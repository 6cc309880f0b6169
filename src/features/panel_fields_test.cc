#include <doctest/doctest.h>

#include <cmath>

#include "hayate/features.h"

using namespace hayate;

namespace {

/// Two symbols: A on days 1 2 4, B on days 2 3.
Panel small_panel() {
  Panel panel;
  panel.symbols = {"A", "B"};
  panel.offsets = {0, 3, 5};
  panel.times = {1, 2, 4, 2, 3};
  panel.fields = {"high", "low", "close", "adj_close", "volume"};
  panel.values = {{3, 6, 9, 30, 60}, {1, 2, 3, 10, 20}, {2, 4, 6, 20, 40}, {1, 2, 6, 20, 40}, {100, 100, 100, 10, 10}};
  return panel;
}

}  // namespace

TEST_CASE("vwap is made when it is wanted and absent") {
  Panel panel = small_panel();
  const std::vector<std::string> wanted = {"close", "vwap"}, not_wanted = {"close"};
  CHECK_FALSE(add_vwap(panel, not_wanted));
  CHECK(panel.field("vwap") < 0);
  CHECK(add_vwap(panel, wanted));
  CHECK(panel.values[size_t(panel.field("vwap"))] == std::vector<double>{2, 4, 6, 20, 40});
  CHECK_FALSE(add_vwap(panel, wanted));
}

TEST_CASE("the union calendar adds rows between a symbol's first and last bar only") {
  const Panel panel = on_union_calendar(small_panel());
  CHECK(panel.offsets == std::vector<int64_t>{0, 4, 6});
  CHECK(panel.times == std::vector<int64_t>{1, 2, 3, 4, 2, 3});
  for (const auto& values : panel.values) CHECK(std::isnan(values[2]));
  CHECK(panel.values[2][3] == 6);
  CHECK(panel.values[2][4] == 20);
  CHECK(on_union_calendar(Panel{}).num_rows() == 0);
}

TEST_CASE("prices follow adj_close, volume the other way") {
  Panel panel = small_panel();
  REQUIRE(adjust_prices(panel).ok());
  CHECK(panel.values[2] == std::vector<double>{1, 2, 6, 20, 40});
  CHECK(panel.values[0] == std::vector<double>{1.5, 3, 9, 30, 60});
  CHECK(panel.values[4] == std::vector<double>{200, 200, 100, 10, 10});
  Panel bare;
  bare.fields = {"close"}, bare.values = {{}};
  CHECK(adjust_prices(bare).error().what.find("adj_close") != std::string::npos);
}
