#include "hayate/panel.h"

#include <doctest/doctest.h>

using namespace hayate;

namespace {
Table bars(std::vector<std::string> symbols, std::vector<std::string> dates, std::vector<double> close) {
  Table table;
  table.add("symbol", make_text_column(symbols));
  table.add("date", make_text_column(dates));
  table.add("close", make_column(std::move(close)));
  return table;
}
}  // namespace

TEST_CASE("panel: rows in any order are sorted by symbol and date, and said so") {
  const auto result = make_panel(bars({"B", "A", "B", "A"}, {"2024-01-02", "2024-01-02", "2024-01-01", "2024-01-03"}, {4, 1, 3, 2}), "x.csv");
  REQUIRE(result.ok());
  const Panel& panel = result.value().panel;
  CHECK(panel.symbols == std::vector<std::string>{"A", "B"});
  CHECK(panel.offsets == std::vector<int64_t>{0, 2, 4});
  CHECK(panel.values[0] == std::vector<double>{1, 2, 3, 4});
  REQUIRE(result.value().warnings.size() == 1);
  CHECK(result.value().warnings[0].symbol == "B");
}

TEST_CASE("panel: a date twice fails that symbol alone") {
  const auto result = make_panel(bars({"A", "A", "B"}, {"2024-01-02", "2024-01-02", "2024-01-01"}, {1, 2, 3}), "x.csv");
  REQUIRE(result.ok());
  CHECK(result.value().panel.symbols == std::vector<std::string>{"B"});
  REQUIRE(result.value().failures.size() == 1);
  CHECK(result.value().failures[0].kind == "duplicate");
  CHECK(result.value().failures[0].row == 2);
}

TEST_CASE("panel: text in a number column fails that symbol; numbers as text are read") {
  Table table;
  const std::vector<std::string> symbols = {"A", "A", "B"}, dates = {"20240101", "20240102", "20240101"}, close = {"1.5", "2", "many"};
  table.add("symbol", make_text_column(symbols));
  table.add("date", make_text_column(dates));
  table.add("close", make_text_column(close));
  const auto result = make_panel(table, "x.csv");
  REQUIRE(result.ok());
  CHECK(result.value().panel.values[0] == std::vector<double>{1.5, 2});
  CHECK(result.value().failures[0].value == "many");
}

TEST_CASE("panel: missing columns and no rows") {
  Table table = bars({"A"}, {"2024-01-01"}, {1});
  table.names[0] = "ticker";
  CHECK(make_panel(table, "x.csv").error().what == "no column 'symbol'");
  const auto empty = make_panel(bars({}, {}, {}), "x.csv");
  REQUIRE(empty.ok());
  CHECK(empty.value().panel.num_symbols() == 0);
  CHECK(make_panel(bars({"A"}, {"yesterday"}, {1}), "x.csv").error().where == "x.csv: row 1");
}
