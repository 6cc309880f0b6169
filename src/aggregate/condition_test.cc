#include "aggregate/condition.h"

#include <doctest/doctest.h>

#include <cmath>

namespace hayate::aggregate {
namespace {

Table people() {
  Table table;
  table.add("age", make_column(std::vector<double>{30, NAN, 50, 60}));
  const std::string cities[] = {"Paris", "Rome", "", "it's"};
  Column city = make_text_column(cities);
  city.validity = make_buffer(std::vector<uint8_t>{0b1011});
  table.add("city", std::move(city));
  table.add("id", make_column(std::vector<int64_t>{9007199254740992, 9007199254740993, -1, 0}));
  int32_t day = days_from_civil(2024, 1, 5);
  table.add("day", make_date_column({day, day + 1, day + 2, day - 400}));
  Column hash = make_column(std::vector<int64_t>{-1, -2, INT64_MIN, 5});  // the bits of 2^64 - 1, 2^64 - 2, 2^63, 5
  hash.dtype = Dtype::uint64;
  table.add("hash", std::move(hash));
  table.add("edge", make_column(std::vector<int64_t>{INT64_MIN, INT64_MIN + 1, INT64_MAX, 5}));
  table.add("net worth", make_column(std::vector<int32_t>{1, 2, 3, 4}));
  table.add("5\" pipe", make_column(std::vector<int32_t>{5, 6, 7, 8}));
  return table;
}

/// Which rows are kept, as "1011"; or the error's first line.
std::string kept(const std::string& text) {
  const Table table = people();
  auto condition = Condition::parse(text, "--where", false);
  if (!condition.ok()) return condition.error().what;
  if (const auto checked = condition.value().check(table); !checked.ok()) return checked.error().what;
  std::string out;
  for (const uint8_t row : condition.value().keep(table, 0, table.num_rows())) out += row ? '1' : '0';
  return out;
}

TEST_CASE("conditions pick rows") {
  const std::pair<const char*, const char*> cases[] = {
      {"age > 30", "0011"},
      {"age >= 30 and age < 60", "1010"},
      {"not age > 30", "1000"},  // the row without age is in neither
      {"age is null", "0100"},
      {"age is not null", "1011"},
      {"city = 'Paris'", "1000"},
      {"city != 'Paris'", "0101"},
      {"city == 'it''s'", "0001"},
      {"city in ('Rome', 'Paris')", "1100"},
      {"city not in ('Rome')", "1001"},
      {"city is null or age > 55", "0011"},
      {"id = 9007199254740993", "0100"},
      {"id < 0", "0010"},
      {"hash = 18446744073709551615", "1000"},
      {"hash != 18446744073709551615", "0111"},
      {"hash > 9223372036854775808", "1100"},
      {"hash in (18446744073709551614, 5)", "0101"},
      {"hash > -1", "1111"},
      {"hash < 1.0e19", "0011"},
      {"hash = edge", "0001"},
      {"hash > edge", "1110"},
      {"hash / 2 > 2.4", "1111"},
      {"edge = -9223372036854775808", "1000"},
      {"edge = - -9223372036854775808", "0000"},
      {"edge < 9223372036854775808", "1111"},
      {"edge > -18446744073709551615", "1111"},
      {"day > '2024-01-05'", "0110"},
      {"day = '2024/01/05'", "1000"},
      {"\"net worth\" * 2 + 1 > 5", "0011"},
      {"`net worth` / 2 = 1.5", "0010"},
      {"\"5\"\" pipe\" > 6", "0011"},
      {"`5\" pipe` in (5, 8)", "1001"},
      {"-age = -30", "1000"},
      {"age - 10 > 2e1", "0011"},
      {"(age > 1 or city = 'x') and true", "1011"},
      {"1 < 2", "1111"},
      {"AGE IS NULL", "unknown column 'AGE'"},
      {"age > 'x'", "a number cannot be compared with text"},
      {"day > 'tomorrow'", "'tomorrow' is not a date"},
      {"age", "a number is not true or false"},
      {"age and city", "a number is not true or false"},
      {"city + 1 > 2", "text is not a number"},
      {"age > ", "the condition ends here"},
      {"age > 1 1", "more text behind the condition"},
      {"age = 'x", "the text is not closed"},
      {"(age > 1", "expected )"},
      {"mean(age) > 1", "no function 'mean' here"},
      {"", "an empty condition"},
  };
  for (const auto& [text, expected] : cases) {
    CAPTURE(text);
    CHECK(kept(text) == expected);
  }
}

TEST_CASE("an error points at its place") {
  auto condition = Condition::parse("age > 1 and aeg < 2", "--where", false);
  REQUIRE(condition.ok());
  const auto checked = condition.value().check(people());
  REQUIRE(!checked.ok());
  CHECK(checked.error().kind == Kind::usage);
  CHECK(checked.error().where == "--where: age > 1 and aeg < 2\n                     ^");
  CHECK(checked.error().hint.find("'age'") != std::string::npos);
}

TEST_CASE("what is written otherwise elsewhere is said as it is written here") {
  const auto hint = [](const std::string& text) {
    auto condition = Condition::parse(text, "--where", false);
    if (!condition.ok()) return condition.error().hint;
    const auto checked = condition.value().check(people());
    return checked.ok() ? std::string() : checked.error().hint;
  };
  CHECK(hint("age between 1 and 2") == "write x >= 1 and x <= 2");
  CHECK(hint("age > 1 && id > 1") == "write and");
  CHECK(hint("city LIKE 'R%'").starts_with("texts are compared whole"));
  CHECK(hint("id % 2 = 1").starts_with("there is no remainder"));
  CHECK(hint("age > 1)") == "a parenthesis is closed that was not opened");
  CHECK(hint("age > 1 id > 2") == "join conditions with and, or");
  CHECK(hint("city = null").starts_with("x is null"));
  CHECK(hint("city = Rome") == "a text goes in single quotes: 'Rome'");
  CHECK(hint("city in (\"Rome\")") == "a text goes in single quotes: 'Rome'");
  CHECK(hint("Rome = city").starts_with("one of: age, city"));
  CHECK(hint("day > 2024-01-05") == "a date or time goes in single quotes: '2024-01-05'");
}

TEST_CASE("hostile text is an error") {
  CHECK(kept(std::string(100'000, '(')) == "a condition of more than 64 KiB");
  CHECK(kept(std::string(10'000, '(')) == "more than 200 levels");
  std::string nots;
  for (int i = 0; i < 5000; ++i) nots += "not ";
  CHECK(kept(nots + "true") == "more than 200 levels");
  CHECK(kept(std::string(10'000, '-') + "1 > 0") == "more than 200 levels");
  CHECK(kept(std::string("\0age", 4)) == "this is not part of a condition");
}

TEST_CASE("aggregates stand in --having only") {
  auto condition = Condition::parse("count() > 2 and mean(age) < 5 or count() = 1", "--having", true);
  REQUIRE(condition.ok());
  CHECK(condition.value().calls().size() == 2);
  CHECK(condition.value().columns() == std::vector<std::string>{"count()", "mean(age)"});
  CHECK(!Condition::parse("nope(age) > 1", "--having", true).ok());
}

}  // namespace
}  // namespace hayate::aggregate
