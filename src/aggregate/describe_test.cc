#include "aggregate/describe.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "base/random.h"

namespace hayate::aggregate {
namespace {

TableSummary summary_of(const Table& table, int64_t chunk_rows, int workers) {
  const auto chunks = io::chunks_of(table, chunk_rows);
  exec::Pool pool(workers);
  exec::Steps steps;
  return describe(*chunks, pool, steps, {}).value();
}

TEST_CASE("figures of a column") {
  Table table;
  table.add("x", make_column(std::vector<double>{4, 1, NAN, 3, 2, 2}));
  table.add("t", make_text_column(std::vector<std::string>{"b", "a", "b", "a", "c", "é"}));
  table.add("d", make_date_column({0, 1, 2, 3, 4, 5}));
  const TableSummary summary = summary_of(table, 4, 2);
  CHECK(summary.rows == 6);
  const ColumnSummary &x = summary.columns[0], &t = summary.columns[1], &d = summary.columns[2];
  CHECK(x.missing == 1);
  CHECK(x.distinct == 4);
  CHECK(*x.mean == 2.4);
  CHECK(*x.std_dev == doctest::Approx(1.140175425099138).epsilon(1e-15));
  CHECK(x.quantiles[2] == 2);
  CHECK(x.quantiles[0] == doctest::Approx(1.2));
  CHECK(*x.frequent == "2.0");
  CHECK(x.frequent_rows == 2);
  CHECK(x.extremes.text(1) == "4.0");
  CHECK(t.quantiles.empty());
  CHECK(*t.frequent == "a");  // as often as b, and before it
  CHECK(t.extremes.text(1) == "é");
  CHECK(d.quantiles[2] == 2.5);
  CHECK(!d.mean);
}

TEST_CASE("quantiles are exact and chunks do not show") {
  for (uint64_t seed = 0; seed < 5; ++seed) {
    std::vector<double> values;
    for (uint64_t i = 0; i < 20'001; ++i)
      values.push_back(std::ldexp(double(int64_t(random_bits(random_key(seed, Stage::synth), i))), int(seed) * 10 - 80));
    Table table;
    table.add("x", make_column(values));
    const ColumnSummary a = summary_of(table, 777, 3).columns[0], b = summary_of(table, 0, 1).columns[0];
    CHECK(a.quantiles == b.quantiles);
    CHECK(*a.mean == *b.mean);
    CHECK(*a.std_dev == *b.std_dev);
    CHECK(a.histogram == b.histogram);
    std::sort(values.begin(), values.end());
    CHECK(a.quantiles[2] == values[10'000]);
    CHECK(a.quantiles[1] == values[5'000]);
  }
}

TEST_CASE("many different values are estimated, the same way every time") {
  std::vector<int64_t> values(300'000);
  for (size_t i = 0; i < values.size(); ++i) values[i] = int64_t(i) * 1000003;
  Table table;
  table.add("x", make_column(std::move(values)));
  const ColumnSummary a = summary_of(table, 1000, 2).columns[0], b = summary_of(table, 0, 1).columns[0];
  CHECK(!a.distinct_is_exact);
  CHECK(!a.frequent);
  CHECK(a.distinct == b.distinct);
  CHECK(std::abs(double(a.distinct) / 300'000 - 1) < 0.05);
}

TEST_CASE("texts that are too many are estimated as those of a category are, and never as more than there are") {
  std::vector<std::string> texts;
  for (int i = 0; i < 150'000; ++i) texts.push_back(i % 3 ? std::to_string(i) : "a longer text, number " + std::to_string(i));
  Table table;
  table.add("x", make_text_column(texts));
  const ColumnSummary a = summary_of(table, 1000, 2).columns[0], b = summary_of(table, 0, 1).columns[0];
  CHECK(!a.distinct_is_exact);
  CHECK(a.distinct == b.distinct);
  CHECK(a.distinct <= 150'000);
  CHECK(a.distinct > 140'000);
  CHECK(a.extremes.text(0) == "1");
  CHECK(a.extremes.text(1) == "a longer text, number 99999");
}

TEST_CASE("whole numbers of any size have an exact mean and deviation") {
  const int64_t least = std::numeric_limits<int64_t>::min(), greatest = std::numeric_limits<int64_t>::max();
  Table table;
  table.add("i", make_column(std::vector<int64_t>{least, least, greatest, greatest, 5}));
  Column all;
  all.dtype = Dtype::uint64, all.length = 5, all.values = make_buffer(std::vector<uint64_t>{UINT64_MAX, UINT64_MAX, UINT64_MAX, 0, 0});
  table.add("u", std::move(all));
  const TableSummary summary = summary_of(table, 2, 2);
  CHECK(*summary.columns[0].mean == 3.0 / 5);
  CHECK(*summary.columns[0].std_dev == doctest::Approx(9223372036854775808.0).epsilon(1e-15));
  CHECK(*summary.columns[1].mean == doctest::Approx(18446744073709551615.0 * 0.6).epsilon(1e-15));
  CHECK(*summary.columns[1].std_dev == doctest::Approx(18446744073709551615.0 * std::sqrt(0.3)).epsilon(1e-15));
}

TEST_CASE("columns without values") {
  Table table;
  table.add("x", make_column(std::vector<double>{NAN, NAN}));
  const ColumnSummary x = summary_of(table, 0, 1).columns[0];
  CHECK(x.missing == 2);
  CHECK(x.distinct == 0);
  CHECK(!x.mean);
  CHECK(x.extremes.length == 0);
  CHECK(blocks_of({0, 1, 8}) == " ▁█");
}

}  // namespace
}  // namespace hayate::aggregate
