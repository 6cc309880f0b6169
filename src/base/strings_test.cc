#include "base/strings.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace hayate;

TEST_CASE("strings: near names") {
  const std::vector<std::string> names = {"roc", "rsi", "alpha158", "--input"};
  CHECK(nearest_name("rcoc", names) == "roc");
  CHECK(nearest_name("alpha185", names) == "alpha158");
  CHECK(nearest_name("--inptu", names) == "--input");
  CHECK(nearest_name("zzzzzz", names).empty());
  const std::vector<std::string> letters = {"a", "B", "cd"};
  CHECK(nearest_name("x", letters).empty());
  CHECK(nearest_name("b", letters) == "B");
  CHECK(edit_distance("ab", "ba") == 1);
}

TEST_CASE("strings: sizes and durations") {
  CHECK(parse_bytes("2GB") == 2'000'000'000);
  CHECK(parse_bytes("1.5 KiB") == 1536);
  CHECK(!parse_bytes("GB"));
  CHECK(!parse_bytes("-1"));
  CHECK(parse_seconds("200ms") == 0.2);
  CHECK(!parse_seconds("soon"));
  CHECK(format_bytes(999) == "999 B");
  CHECK(format_bytes(1'234'567) == "1.2 MB");
  CHECK(format_bytes(256'000'000) == "256 MB");
  CHECK(format_seconds(125) == "2 min 05 s");
  CHECK(format_seconds(0.0123) == "12 ms");
}

TEST_CASE("strings: whole numbers only") {
  CHECK(parse_number("1e3") == 1000.0);
  CHECK(!parse_number("12x"));
  CHECK(!parse_number(""));
  CHECK(parse_integer("+7") == 7);
  CHECK(!parse_integer("7.0"));
}

TEST_CASE("plain numbers show all digits of whole ones") {
  CHECK(format_plain(100'000) == "100000");
  CHECK(format_plain(-3) == "-3");
  CHECK(format_plain(0.02) == "0.02");
  CHECK(format_plain(3e37) == "3e+37");
  CHECK(format_plain(std::nan("")) == "nan");
}
