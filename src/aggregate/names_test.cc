#include "aggregate/names.h"

#include <doctest/doctest.h>

#include <map>

#include "base/random.h"

namespace hayate::aggregate {
namespace {

/// A text of 0 to 40 bytes of a small alphabet with NUL in it, so that many differ only in size or in one byte.
std::string some_text(uint64_t key) {
  std::string out(size_t(random_unit(1, key) * 41), '\0');
  for (size_t i = 0; i < out.size(); ++i) out[i] = "ab\0\xff"[size_t(random_unit(2, key * 64 + i) * 4)];
  return out;
}

TEST_CASE("a set numbers texts of any size in order of arrival") {
  TextSet set;
  std::map<std::string, uint32_t> expected;
  for (uint64_t i = 0; i < 20'000; ++i) {
    const std::string text = some_text(i % 7'000);
    const auto [at, fresh] = expected.try_emplace(text, uint32_t(expected.size()));
    REQUIRE(set.add(text) == at->second);
  }
  CHECK(set.size() == expected.size());
  for (const auto& [text, number] : expected) {
    CHECK(set.text(number) == text);
    CHECK(set.find(text) == number);
    if (!expected.contains(text + "z")) CHECK(set.find(text + "z") == UINT32_MAX);
  }
}

Column column_of(int64_t rows, uint64_t names) {
  std::vector<std::string> texts;
  for (int64_t i = 0; i < rows; ++i) texts.push_back(some_text(uint64_t(random_unit(3, uint64_t(i)) * double(names))));
  return make_text_column(texts);
}

TEST_CASE("codes number texts in order of appearance, on any number of workers") {
  Column column = column_of(50'000, 900);
  std::vector<uint8_t> validity(50'000 / 8, 0xFF);
  for (int64_t row = 0; row < 50'000; row += 5) validity[size_t(row >> 3)] = uint8_t(validity[size_t(row >> 3)] & ~(1 << (row & 7)));
  column.validity = make_buffer(validity);
  for (const int workers : {1, 3}) {
    exec::Pool pool(workers);
    const auto codes = encode_text(column, 100'000, pool);
    REQUIRE(codes);
    int32_t next = 0;
    for (int64_t row = 0; row < column.length; ++row) {
      REQUIRE(codes->is_null(row) == column.is_null(row));
      REQUIRE(codes->text(row) == column.text(row));
      if (column.is_null(row)) continue;
      const int32_t code = codes->as<int32_t>()[size_t(row)];
      REQUIRE(code <= next);
      next += code == next;
    }
    CHECK(codes->dictionary->length == next);
    CHECK(!encode_text(column, size_t(next) - 1, pool));
  }
}

TEST_CASE("codes of nothing") {
  exec::Pool pool(2);
  CHECK(encode_text(make_text_column({}), 10, pool)->length == 0);
  Column nulls = make_text_column(std::vector<std::string>(3, ""));
  nulls.validity = make_buffer(std::vector<uint8_t>{0});
  const auto codes = encode_text(nulls, 10, pool);
  CHECK(codes->count_nulls() == 3);
  CHECK(codes->dictionary->length == 0);
}

}  // namespace
}  // namespace hayate::aggregate
