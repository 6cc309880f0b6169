#include "hayate/table.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace hayate;

TEST_CASE("table: dates there and back, over leap years and centuries") {
  CHECK(days_from_civil(1970, 1, 1) == 0);
  for (int32_t day = -200'000; day <= 200'000; day += 13) {
    int32_t back = 0;
    REQUIRE(parse_date(format_date(day), &back));
    REQUIRE(back == day);
  }
  int32_t day = 0;
  CHECK(parse_date("20240229", &day));
  CHECK(format_date(day) == "2024-02-29");
  CHECK(parse_date("2024/01/05", &day));
  for (const char* bad : {"2023-02-29", "2024-13-01", "2024-1-05", "2024-01/05", "", "abcdefgh", "2024-01-00"}) CHECK_FALSE(parse_date(bad, &day));
  CHECK(format_timestamp(-1, "") == "1969-12-31T23:59:59.999999");
  CHECK(format_timestamp(3'600'000'000, "UTC") == "1970-01-01T01:00:00Z");
}

TEST_CASE("table: slices of every kind of column") {
  const std::vector<std::string> words = {"a", "", "ccc", "dd"};
  const Column text = make_text_column(words);
  const Column part = slice(text, 1, 3);
  CHECK(part.text(0) == "");
  CHECK(part.text(1) == "ccc");
  CHECK(part.text(2) == "dd");
  const Column category = slice(make_category_column({2, 0, 3}, words), 1, 2);
  CHECK(category.text(1) == "dd");
  CHECK(slice(make_column(std::vector<double>{1, 2, 3}), 2, 1).number(0) == 3);
  Column bits;
  bits.dtype = Dtype::boolean;
  bits.length = 10;
  bits.values = make_buffer(std::vector<uint8_t>{0b10000001, 0b10});
  bits.validity = make_buffer(std::vector<uint8_t>{0xFF, 0b01});
  const Column tail = slice(bits, 7, 3);
  CHECK(tail.number(0) == 1);
  CHECK(tail.number(1) == 0);
  CHECK(std::isnan(tail.number(2)));
  CHECK(tail.count_nulls() == 1);
}

TEST_CASE("table: an unknown column names the nearest") {
  Table table;
  table.add("close", make_column(std::vector<double>{1}));
  CHECK(table.column("clsoe", "--label").error().hint == "did you mean 'close'?");
}
