#include "aggregate/shrink.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "io/cell_text.h"

namespace hayate::aggregate {
namespace {

ShrinkPlan plan_of(const Table& table, ShrinkOptions options = {}, int64_t chunk_rows = 3) {
  const auto chunks = io::chunks_of(table, chunk_rows);
  exec::Pool pool(2);
  exec::Steps steps;
  return plan_shrink(*chunks, options, pool, int64_t{1} << 30, steps, {}).value();
}

Dtype shrunk(Column column, ShrinkMode mode = ShrinkMode::lossless) {
  Table table;
  table.add("x", std::move(column));
  return plan_of(table, {mode}).columns[0].after;
}

Column whole(std::vector<int64_t> values) { return make_column(std::move(values)); }

TEST_CASE("integers take the narrowest type that holds them all") {
  CHECK(shrunk(whole({-128, 127})) == Dtype::int8);
  CHECK(shrunk(whole({0, 128})) == Dtype::uint8);
  CHECK(shrunk(whole({-1, 128})) == Dtype::int16);
  CHECK(shrunk(whole({0, 65535})) == Dtype::uint16);
  CHECK(shrunk(whole({0, 4294967295})) == Dtype::uint32);
  CHECK(shrunk(whole({0, 4294967296})) == Dtype::int64);
  CHECK(shrunk(whole({-2147483648, 2147483647})) == Dtype::int32);
  CHECK(shrunk(whole({0, 200}), ShrinkMode::compact) == Dtype::int16);
  CHECK(shrunk(whole({0, 3000000000}), ShrinkMode::compact) == Dtype::int64);
  CHECK(shrunk(make_column(std::vector<int32_t>{70000})) == Dtype::int32);
}

TEST_CASE("floats stay where float32 would change a bit") {
  CHECK(shrunk(make_column(std::vector<double>{0.5, -0.0, NAN, INFINITY})) == Dtype::float32);
  CHECK(shrunk(make_column(std::vector<double>{0.1})) == Dtype::float64);
  CHECK(shrunk(make_column(std::vector<double>{0.1}), ShrinkMode::tolerance) == Dtype::float32);
  CHECK(shrunk(make_column(std::vector<double>{0.1, 1e300}), ShrinkMode::tolerance) == Dtype::float64);
  CHECK(shrunk(make_column(std::vector<double>{0.1, 1e300}), ShrinkMode::compact) == Dtype::float32);
}

TEST_CASE("text becomes a category where that takes fewer bytes") {
  std::vector<std::string> few, many;
  for (int i = 0; i < 300; ++i) few.push_back(i % 2 ? "x" : "y"), many.push_back("id" + std::to_string(i));
  CHECK(shrunk(make_text_column(few)) == Dtype::category);
  CHECK(shrunk(make_text_column(many)) == Dtype::text);
  Table table;
  table.add("few", make_text_column(few));
  const ShrinkPlan plan = plan_of(table);
  CHECK(plan.columns[0].file_width == 1);
  CHECK(plan.columns[0].bytes_before == 301 * 8 + 300);
  CHECK(plan.columns[0].bytes_after == 300 + 3 * 8 + 2);
  CHECK(!plan.columns[0].lossy);
}

TEST_CASE("every value comes back, nulls too, and a changed file is an error, never a wrap") {
  Table table;
  Column numbers = whole({1, 2, 3, 250, 5, 6, 7, 8, 9});
  numbers.validity = make_buffer(std::vector<uint8_t>{0b11110111, 1});
  table.add("n", std::move(numbers));
  table.add("x", make_column(std::vector<double>{0.5, NAN, 2, 3, 4, 5, 6, 7, 8}));
  table.add("t", make_text_column(std::vector<std::string>{"a", "a", "a", "b", "b", "b", "a", "a", "a"}));
  const ShrinkPlan plan = plan_of(table);
  CHECK(plan.columns[0].after == Dtype::int8);  // 250 stands under a null
  exec::Pool pool(2);
  const auto small = shrink(table, plan, pool);
  REQUIRE(small.ok());
  for (size_t c = 0; c < 3; ++c)
    for (int64_t row = 0; row < 9; ++row) {
      const Column &before = table.columns[c], &after = small.value().columns[c];
      CHECK(before.is_null(row) == after.is_null(row));
      if (c == 2)
        CHECK(before.text(row) == after.text(row));
      else if (!io::is_missing_cell(before, row))
        CHECK(before.number(row) == after.number(row));
    }
  Table changed = table;
  changed.columns[0] = whole({1, 2, 3, 300, 5, 6, 7, 8, 9});
  CHECK(!shrink(changed, plan, pool).ok());
}

}  // namespace
}  // namespace hayate::aggregate
