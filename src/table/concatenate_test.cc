#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "hayate/panel.h"
#include "hayate/table.h"

using namespace hayate;

namespace {
Column nulls(Dtype dtype, int64_t rows) {
  Column column = dtype == Dtype::text ? make_text_column(std::vector<std::string>(size_t(rows))) : make_column(std::vector<double>(size_t(rows)));
  column.validity = make_buffer(std::vector<uint8_t>(size_t(rows + 7) / 8, 0));
  return column;
}
Column joined(std::vector<Column> parts) {
  Column out;
  REQUIRE(concatenate(parts, &out));
  return out;
}
}  // namespace

TEST_CASE("widen: the narrowest dtype that holds both, the same either way round") {
  struct Row {
    Dtype a, b, out;
  };
  using enum Dtype;
  for (const Row& row : {Row{int8, int32, int32}, Row{uint8, int8, int16}, Row{uint16, int8, int32}, Row{uint32, int64, int64},
                         Row{uint64, int8, float64}, Row{int64, float32, float64}, Row{float32, float64, float64}, Row{date, timestamp, timestamp},
                         Row{text, category, text}, Row{boolean, boolean, boolean}}) {
    Dtype out;
    REQUIRE(widen(row.a, row.b, &out));
    CHECK(out == row.out);
    REQUIRE(widen(row.b, row.a, &out));
    CHECK(out == row.out);
  }
  Dtype out;
  for (const auto& [a, b] : {std::pair{boolean, int8}, {text, int64}, {date, int32}, {timestamp, float64}, {category, date}})
    CHECK_FALSE(widen(a, b, &out));
}

TEST_CASE("concatenate: numbers widen, nulls stay, a column without values takes the other's type") {
  Column small = make_column(std::vector<int32_t>{1, 2, 3});
  small.validity = make_buffer(std::vector<uint8_t>{0b101});
  const Column all = joined({small, make_column(std::vector<double>{0.5}), nulls(Dtype::float64, 2)});
  CHECK(all.dtype == Dtype::float64);
  CHECK(all.length == 6);
  CHECK(all.number(0) == 1);
  CHECK(all.is_null(1));
  CHECK(std::isnan(all.as<double>()[1]));
  CHECK(all.number(3) == 0.5);
  CHECK(all.count_nulls() == 3);
  const std::vector<std::string> words = {"x", "yy"};
  const Column text = joined({nulls(Dtype::float64, 3), make_text_column(words)});
  CHECK(text.dtype == Dtype::text);
  CHECK(text.is_null(2));
  CHECK(text.text(4) == "yy");
  const Column when = joined({make_date_column({1}), make_timestamp_column({5}, "UTC")});
  CHECK(when.dtype == Dtype::timestamp);
  CHECK(when.as<int64_t>()[0] == 86'400'000'000);
  CHECK(when.zone == "UTC");
  Column out;
  CHECK_FALSE(concatenate(std::vector<Column>{make_timestamp_column({5}, ""), make_timestamp_column({5}, "UTC")}, &out));
}

TEST_CASE("concatenate: bits at odd places, and a slice of every cut gives the whole back") {
  Column bits;
  bits.dtype = Dtype::boolean;
  bits.length = 21;
  bits.values = make_buffer(std::vector<uint8_t>{0b10110101, 0b01101001, 0b00010110});
  bits.validity = make_buffer(std::vector<uint8_t>{0b11110111, 0b11111110, 0b00011111});
  const std::vector<std::string> words = {"a", "", "ccc", "dd", "e"};
  const Column text = make_text_column(words);
  for (int64_t cut = 0; cut <= 21; ++cut) {
    const Column back = joined({slice(bits, 0, cut), slice(bits, cut, 21 - cut)});
    REQUIRE(back.length == 21);
    for (int64_t row = 0; row < 21; ++row) {
      CHECK(back.is_null(row) == bits.is_null(row));
      if (!bits.is_null(row)) CHECK(back.number(row) == bits.number(row));
    }
  }
  for (int64_t cut = 0; cut <= 5; ++cut) {
    const Column back = joined({slice(text, 0, cut), slice(text, cut, 5 - cut)});
    for (int64_t row = 0; row < 5; ++row) CHECK(back.text(row) == words[size_t(row)]);
  }
}

TEST_CASE("concatenate: categories of different dictionaries keep their names") {
  const std::vector<std::string> first = {"low", "high", "low"}, second = {"mid", "low"};
  const Column both = joined({make_category_column({0, 1, 2}, first), make_category_column({0, 1}, second)});
  CHECK(both.dtype == Dtype::category);
  CHECK(both.dictionary->length == 3);
  const char* expected[] = {"low", "high", "low", "mid", "low"};
  for (int64_t row = 0; row < 5; ++row) CHECK(both.text(row) == expected[row]);
}

TEST_CASE("concatenate: tables match columns by name and say which file differs") {
  Table a, b, c;
  a.add("x", make_column(std::vector<int32_t>{1}));
  a.add("y", make_column(std::vector<int32_t>{2}));
  b.add("y", make_column(std::vector<int64_t>{4}));
  b.add("x", make_column(std::vector<int32_t>{3}));
  c.add("x", make_text_column(std::vector<std::string>{"many"}));
  c.add("y", make_column(std::vector<int32_t>{2}));
  const std::vector<std::string> sources = {"a.csv", "b.csv"};
  const auto both = concatenate(std::vector<Table>{a, b}, sources);
  REQUIRE(both.ok());
  CHECK(both.value().names == std::vector<std::string>{"x", "y"});
  CHECK(both.value().columns[1].dtype == Dtype::int64);
  CHECK(both.value().columns[0].number(1) == 3);
  const auto mixed = concatenate(std::vector<Table>{a, c}, sources);
  REQUIRE_FALSE(mixed.ok());
  CHECK(mixed.error().what == "column 'x' is text here and int32 in the files before it");
  CHECK(mixed.error().where == "b.csv");
  a.add("z", make_column(std::vector<int32_t>{2}));
  CHECK(concatenate(std::vector<Table>{a, b}, sources).error().what == "no column 'z', which a.csv has");
  CHECK(concatenate(std::vector<Table>{b, a}, sources).error().what == "column 'z' is not in a.csv");
}

namespace {
PanelResult part(std::string symbol, std::vector<int64_t> times, std::vector<std::string> fields, double base, bool daily = true) {
  PanelResult out;
  out.panel.daily = daily;
  out.panel.symbols = {std::move(symbol)};
  out.panel.offsets = {0, int64_t(times.size())};
  for (const std::string& field : fields) {
    out.panel.fields.push_back(field);
    out.panel.values.emplace_back();
    for (const int64_t time : times) out.panel.values.back().push_back(base + double(time));
  }
  out.panel.times = std::move(times);
  return out;
}
}  // namespace

TEST_CASE("merge panels: a symbol over three files, fields united, in any order of the parts") {
  for (int order = 0; order < 3; ++order) {
    std::vector<PanelResult> parts = {part("B", {5, 6}, {"open", "close"}, 0), part("A", {1, 4, 9}, {"close"}, 100),
                                      part("A", {2, 3}, {"close", "volume"}, 200)};
    std::rotate(parts.begin(), parts.begin() + order, parts.end());
    const PanelResult merged = merge_panels(std::move(parts));
    const Panel& panel = merged.panel;
    CHECK(panel.symbols == std::vector<std::string>{"A", "B"});
    CHECK(panel.fields == std::vector<std::string>{"close", "open", "volume"});
    CHECK(panel.times == std::vector<int64_t>{1, 2, 3, 4, 9, 5, 6});
    CHECK(panel.values[0] == std::vector<double>{101, 202, 203, 104, 109, 5, 6});
    CHECK(std::isnan(panel.values[1][0]));
    CHECK(panel.values[1][5] == 5);
    CHECK(panel.values[2][1] == 202);
    CHECK(merged.failures.empty());
  }
}

TEST_CASE("merge panels: the same date in two files and daily among intraday fail that symbol alone") {
  std::vector<PanelResult> parts = {part("A", {1, 2}, {"close"}, 0), part("B", {1}, {"close"}, 0), part("A", {2, 3}, {"close"}, 0),
                                    part("C", {1}, {"close", "odd"}, 0, false)};
  const PanelResult merged = merge_panels(std::move(parts));
  CHECK(merged.panel.symbols == std::vector<std::string>{"B"});
  CHECK(merged.panel.times == std::vector<int64_t>{1});
  CHECK(merged.panel.fields == std::vector<std::string>{"close"});
  REQUIRE(merged.failures.size() == 2);
  CHECK(merged.failures[0].kind == "duplicate");
  CHECK(merged.failures[0].row == 3);
  CHECK(merged.failures[0].time == "1970-01-03");
  CHECK(merged.failures[1].kind == "mixed");
  CHECK(merged.failures[1].symbol == "C");
}
