#include "hayate/binned.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "base/random.h"

using namespace hayate;

namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kTiny = std::numeric_limits<float>::denorm_min();
constexpr float kMost = std::numeric_limits<float>::max();

FloatColumns one_column(const std::vector<float>& values) { return {values.data(), int64_t(values.size()), 1, int64_t(values.size())}; }

std::vector<int32_t> all_rows(size_t count) {
  std::vector<int32_t> rows(count);
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

/// By ranks and by values, which must agree.
BinnedMatrix binned(const std::vector<float>& values, int bins, const std::vector<int32_t>& rows, Spread spread = Spread::even) {
  BinnedMatrix by_ranks = std::move(bin_columns(rank_columns(one_column(values)), rows, bins, {}, spread)).value();
  const BinnedMatrix by_values = std::move(bin_values(one_column(values), rows, bins, {}, spread)).value();
  REQUIRE(by_values.cuts == by_ranks.cuts);
  REQUIRE(by_values.has_missing == by_ranks.has_missing);
  REQUIRE(std::equal(values.begin(), values.end(), by_values.codes.data(),
                     [&, i = size_t{0}](float, uint8_t code) mutable { return code == by_ranks.codes.data()[i++]; }));
  return by_ranks;
}

/// Values of every kind: normal, tied, denormal, infinite, both zeros, missing; any bit pattern now and then.
std::vector<float> odd_values(size_t count, uint64_t seed) {
  const float special[] = {0.0f, -0.0f, kTiny, -kTiny, kInf, -kInf, kNaN, kMost, -kMost, 1.0f, std::nextafter(1.0f, 2.0f)};
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i) {
    const uint64_t bits = random_bits(seed, i);
    if (bits % 8 == 0)
      values[i] = special[(bits >> 8) % 11];
    else if (bits % 8 == 1)
      values[i] = std::bit_cast<float>(uint32_t(bits >> 32));
    else if (bits % 8 == 2)
      values[i] = float((bits >> 8) % 5);
    else
      values[i] = float(random_unit(seed + 1, i) - 0.5);
  }
  return values;
}

}  // namespace

TEST_CASE("ranks: dense, ordered, equal for equal values, missing last") {
  const std::vector<float> values = {2, kNaN, -0.0f, kInf, 0.0f, -kInf, 2, kTiny, -kNaN};
  const RankedMatrix ranked = rank_columns(one_column(values));
  const std::vector<uint16_t> expected = {3, 5, 1, 4, 1, 0, 3, 2, 5};
  CHECK(ranked.ranks16 == expected);
  CHECK(std::ranges::equal(ranked.values_of(0), std::vector<float>{-kInf, 0, kTiny, 2, kInf}));
  CHECK(!std::signbit(ranked.values_of(0)[1]));
}

TEST_CASE("ranks: 70,000 rows take 32 bits and agree with sorting") {
  std::vector<float> values = odd_values(70'000, 5);
  const RankedMatrix ranked = rank_columns(one_column(values));
  std::vector<float> sorted;
  for (const float x : values)
    if (x == x) sorted.push_back(x + 0.0f);
  std::sort(sorted.begin(), sorted.end());
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  REQUIRE(std::ranges::equal(ranked.values_of(0), sorted));
  REQUIRE(ranked.ranks16.empty());
  for (size_t row = 0; row < values.size(); ++row) {
    const size_t rank =
        values[row] == values[row] ? size_t(std::lower_bound(sorted.begin(), sorted.end(), values[row]) - sorted.begin()) : sorted.size();
    REQUIRE(ranked.ranks32[row] == rank);
  }
}

TEST_CASE("bins: codes from ranks equal codes of the raw values") {
  for (const size_t count : {1u, 2u, 3u, 64u, 65u, 1000u, 70'000u})
    for (const int bins : {2, 3, 64, 255}) {
      const std::vector<float> values = odd_values(count, count + size_t(bins));
      std::vector<int32_t> train;
      for (size_t row = 0; row < count; row += 1 + count % 3) train.push_back(int32_t(row));
      const BinnedMatrix matrix = binned(values, bins, train);
      const std::span<const float> cuts = matrix.cuts.of(0);
      REQUIRE(cuts.size() < size_t(bins));
      REQUIRE(std::is_sorted(cuts.begin(), cuts.end(), [](float a, float b) { return a <= b; }));
      std::vector<uint8_t> codes(count);
      code_values(cuts, values, codes.data());
      REQUIRE(std::equal(codes.begin(), codes.end(), matrix.codes.data()));
    }
}

TEST_CASE("bins: few distinct values get a cut in each gap, in the middle, rounded down") {
  const BinnedMatrix matrix = binned({1, 3, 3, 2, kNaN, 100}, 64, {0, 1, 2, 4, 5});
  CHECK(std::ranges::equal(matrix.cuts.of(0), std::vector<float>{2, 51.5}));
  CHECK(matrix.has_missing[0] == 1);
  const float next = std::nextafter(1.0f, 2.0f);
  CHECK(binned({1, next}, 64, {0, 1}).cuts.of(0)[0] == 1.0f);
  CHECK(binned({-kInf, 5}, 64, {0, 1}).cuts.of(0)[0] == -kInf);
  CHECK(binned({5, kInf}, 64, {0, 1}).cuts.of(0)[0] == kMost);
  CHECK(binned({-kInf, kInf}, 64, {0, 1}).cuts.of(0)[0] == 0.0f);
  CHECK(binned({-kMost, kMost}, 64, {0, 1}).cuts.of(0)[0] == 0.0f);
  CHECK(binned({0, kTiny}, 64, {0, 1}).cuts.of(0)[0] == 0.0f);
}

TEST_CASE("bins: many distinct values fill the bins evenly, heavy ones alone") {
  std::vector<float> values(1'500);
  for (size_t i = 0; i < values.size(); ++i) values[i] = float(random_unit(1, i));
  const auto sizes = [](const BinnedMatrix& matrix) {
    std::vector<int> count(matrix.cuts.of(0).size() + 1);
    for (int64_t row = 0; row < matrix.num_rows; ++row) ++count[matrix.codes.data()[row]];
    return count;
  };
  const std::vector<int> even = sizes(binned(values, 64, all_rows(values.size())));
  CHECK(even.size() == 64);
  for (const int size : even) CHECK(std::abs(size - 23) <= 1);
  for (size_t i = 0; i < values.size(); i += 2) values[i] = 0.5f;
  const std::vector<int> heavy = sizes(binned(values, 64, all_rows(values.size())));
  CHECK(heavy.size() == 64);
  CHECK(std::count_if(heavy.begin(), heavy.end(), [](int size) { return size > 200; }) == 1);
}

TEST_CASE("bins: spread towards the ends, they hold a row each there and most in the middle; codes and cuts are as sound") {
  std::vector<float> values(1'500);
  for (size_t i = 0; i < values.size(); ++i) values[i] = float(random_unit(1, i));
  const BinnedMatrix matrix = binned(values, 64, all_rows(values.size()), Spread::ends);
  std::vector<int> size(matrix.cuts.of(0).size() + 1);
  for (int64_t row = 0; row < matrix.num_rows; ++row) ++size[matrix.codes.data()[row]];
  // The last bins would hold less than a row each: some of them are left out.
  REQUIRE(size.size() >= 60);
  REQUIRE(size.size() <= 64);
  CHECK(size.front() == 1);
  CHECK(size.back() <= 2);
  for (const size_t bin : {31u, 32u}) CHECK(std::abs(size[bin] - 2 * 1'500 / 64) <= 3);
  for (size_t bin = 0; bin < 31; ++bin) CHECK(size[bin] <= size[bin + 1] + 1);
  for (size_t bin = 33; bin + 1 < size.size(); ++bin) CHECK(size[bin + 1] <= size[bin] + 1);
  for (const size_t count : {1u, 2u, 65u, 300u, 70'000u})
    for (const int bins : {2, 64, 255}) {
      const std::vector<float> odd = odd_values(count, count);
      const BinnedMatrix own = binned(odd, bins, all_rows(count), Spread::ends);
      REQUIRE(own.cuts.of(0).size() < size_t(bins));
      std::vector<uint8_t> codes(count);
      code_values(own.cuts.of(0), odd, codes.data());
      REQUIRE(std::equal(codes.begin(), codes.end(), own.codes.data()));
    }
}

TEST_CASE("bins: cuts stand in the gaps between clusters, wherever the rows would put them") {
  for (const size_t rows : {300u, 5'000u, 100'000u})
    for (const int bins : {4, 64, 255})
      for (const Spread spread : {Spread::even, Spread::ends})
        for (const double share : {0.13, 0.37, 0.5, 0.72}) {
          std::vector<float> values(rows);
          for (size_t i = 0; i < rows; ++i) values[i] = float(random_unit(1, i) + (random_unit(2, i) < share ? 0 : 100));
          const BinnedMatrix matrix = binned(values, bins, all_rows(rows), spread);
          const std::span<const float> cuts = matrix.cuts.of(0);
          REQUIRE(std::ranges::count_if(cuts, [](float cut) { return cut > 1 && cut < 100; }) == 1);
        }
}

TEST_CASE("bins: a sample places the cuts of long tables; few distinct values are all found") {
  std::vector<float> values(100'000);
  for (size_t i = 0; i < values.size(); ++i) values[i] = float(random_unit(1, i));
  const BinnedMatrix matrix = binned(values, 64, all_rows(values.size()));
  std::vector<int> count(64);
  for (int64_t row = 0; row < matrix.num_rows; ++row) ++count[matrix.codes.data()[row]];
  for (const int size : count) CHECK((size > 300 && size < 4000));
  for (size_t i = 0; i < values.size(); ++i) values[i] = i % 5000 == 77 ? float(10 + i) : float(i % 7);
  CHECK(binned(values, 64, all_rows(values.size())).cuts.of(0).size() == 26);
  values[99'999] = kNaN;
  CHECK(binned(values, 64, all_rows(values.size())).has_missing[0] == 1);
  CHECK(binned(values, 64, all_rows(99'999)).has_missing[0] == 0);
}

TEST_CASE("bins: columns do not disturb each other") {
  const int64_t rows = 130, features = 37, stride = 150;
  const std::vector<float> values = odd_values(size_t(stride * features), 3);
  const auto train = all_rows(100);
  const FloatColumns raw{values.data(), rows, features, stride};
  const BinnedMatrix by_values = std::move(bin_values(raw, train, 16)).value(),
                     by_ranks = std::move(bin_columns(rank_columns(raw), train, 16)).value();
  CHECK(by_values.cuts == by_ranks.cuts);
  for (int64_t f = 0; f < features; ++f) {
    const std::vector<float> own(raw.column(f), raw.column(f) + rows);
    const BinnedMatrix alone = binned(own, 16, train);
    REQUIRE(std::ranges::equal(by_values.cuts.of(f), alone.cuts.of(0)));
    REQUIRE(std::equal(alone.codes.data(), alone.codes.data() + rows, by_values.columns().column(f)));
    REQUIRE(std::equal(alone.codes.data(), alone.codes.data() + rows, by_ranks.columns().column(f)));
  }
}

TEST_CASE("bins: cuts come from the training rows alone") {
  std::vector<float> values = odd_values(500, 9);
  const std::vector<int32_t> train = all_rows(300);
  const Cuts before = binned(values, 64, train).cuts;
  for (size_t row = 300; row < 500; ++row) values[row] = 1e6f * float(row);
  CHECK(binned(values, 64, train).cuts == before);
}

TEST_CASE("bins: constant and all-missing columns have no cut") {
  CHECK(binned({7, 7, 7}, 64, {0, 1, 2}).cuts.of(0).empty());
  CHECK(binned({kNaN, kNaN}, 64, {0, 1}).cuts.of(0).empty());
  CHECK(binned({1, 2, kNaN}, 64, {2}).codes.data()[1] == 0);
}

TEST_CASE("bins: refusals") {
  const RankedMatrix ranked = rank_columns(one_column({1, 2}));
  CHECK(bin_columns(ranked, {}, 64).error().what == "no training rows");
  const int32_t rows[] = {0};
  CHECK(bin_columns(ranked, rows, 256).error().what == "bins must be between 2 and 255, not 256");
  CHECK(bin_columns(ranked, rows, 1).error().kind == Kind::usage);
}

namespace {

/// A table read in stretches of `step` rows, the last first, by three workers in turn.
RowSource read_in_steps(const FloatColumns& table, size_t step) {
  RowSource source;
  source.num_features = table.num_features, source.workers = 3;
  source.names.assign(table.names.begin(), table.names.end());
  source.read = [table, step](std::span<const int32_t> rows, const RowSource::Take& take) {
    const size_t pieces = (rows.size() + step - 1) / step;
    for (size_t piece = pieces; piece-- > 0;) {
      const auto part = rows.subspan(piece * step, std::min(step, rows.size() - piece * step));
      std::vector<float> block;
      for (int64_t f = 0; f < table.num_features; ++f)
        for (const int32_t row : part) block.push_back(table.column(f)[row]);
      take(int64_t(piece * step), {block.data(), int64_t(part.size()), table.num_features, int64_t(part.size())}, int(piece % 3));
    }
  };
  return source;
}

/// Features of every kind: odd ones, whole numbers of few values, all missing, one value, almost always zero.
std::vector<float> mixed_table(size_t rows) {
  std::vector<float> values = odd_values(rows, 1);
  for (size_t i = 0; i < rows; ++i) values.push_back(float(random_below(2, i, 7)));
  values.insert(values.end(), rows, kNaN);
  values.insert(values.end(), rows, 3.0f);
  for (size_t i = 0; i < rows; ++i) values.push_back(random_below(3, i, 40) == 0 ? float(random_unit(4, i)) : i % 2 ? 0.0f : -0.0f);
  return values;
}

}  // namespace

TEST_CASE("a table that is read in stretches gets the cuts and codes of the whole one") {
  for (const size_t rows : {size_t{5}, size_t{300}, size_t{1500}, size_t{9000}}) {
    const std::vector<float> values = mixed_table(rows);
    const FloatColumns table{values.data(), int64_t(rows), 5, int64_t(rows)};
    std::vector<int32_t> train;
    for (size_t i = 0; i < rows; ++i)
      if (random_below(9, i, 4) > 0 || i == 0) train.push_back(int32_t(i));
    for (const int bins : {2, 16, 64, 255})
      for (const bool categories : {false, true}) {
        const std::vector<uint8_t> roles = categories ? std::vector<uint8_t>{0, 1, 0, 0, 0} : std::vector<uint8_t>();
        const BinnedMatrix whole = std::move(bin_values(table, train, bins, roles)).value();
        for (const size_t step : {size_t{1}, size_t{37}, rows}) {
          CAPTURE(rows);
          CAPTURE(bins);
          CAPTURE(step);
          const BinnedMatrix binned = std::move(bin_rows(read_in_steps(table, step), train, bins, roles)).value();
          REQUIRE(binned.cuts == whole.cuts);
          REQUIRE(binned.has_missing == whole.has_missing);
          REQUIRE(binned.num_rows == int64_t(train.size()));
          for (int64_t f = 0; f < 5; ++f) {
            const uint8_t* codes = whole.columns().column(f);
            for (size_t i = 0; i < train.size(); ++i) REQUIRE(binned.columns().column(f)[i] == codes[train[i]]);
          }
        }
      }
  }
}

TEST_CASE("of too many categories the most frequent are known, and the others count as missing") {
  const size_t rows = 6000, features = 5;  // the other four are there because a table of stretches has five
  std::vector<float> values = mixed_table(rows);
  for (size_t i = 0; i < rows; ++i) values[rows + i] = float(random_below(8, i, 2) ? random_below(8, i + rows, 500) : random_below(8, i + rows, 20));
  const FloatColumns table{values.data(), int64_t(rows), int64_t(features), int64_t(rows)};
  std::map<float, int> times;
  std::vector<int32_t> train;
  for (size_t i = 0; i < rows; i += 2) train.push_back(int32_t(i)), ++times[values[rows + i]];
  REQUIRE(times.size() > size_t(kMaxCategories));
  const std::vector<uint8_t> roles = {0, 1, 0, 0, 0};
  const BinnedMatrix binned = std::move(bin_values(table, train, 64, roles)).value();
  const std::span<const float> known = binned.cuts.of(1);
  REQUIRE(int(known.size()) == kMaxCategories);
  CHECK(std::is_sorted(known.begin(), known.end()));
  const auto is_known = [&](float value) { return std::binary_search(known.begin(), known.end(), value); };
  for (const auto& [one, often] : times)
    for (const auto& [other, seldom] : times)
      if (is_known(one) && !is_known(other)) REQUIRE((often > seldom || (often == seldom && one < other)));
  CHECK(binned.has_missing[1] == 1);
  for (size_t i = 0; i < rows; ++i) REQUIRE((binned.columns().column(1)[i] == kMissingCode) == !is_known(values[rows + i]));
  const BinnedMatrix ranked = std::move(bin_columns(rank_columns(table), train, 64, roles)).value();
  const BinnedMatrix read = std::move(bin_rows(read_in_steps(table, 100), train, 64, roles)).value();
  CHECK(ranked.cuts == binned.cuts);
  CHECK(read.cuts == binned.cuts);
  CHECK(ranked.has_missing == binned.has_missing);
  CHECK(read.has_missing == binned.has_missing);
  const auto all = std::make_shared<const RankedMatrix>(rank_columns(table));
  const BinnedMatrix exact = std::move(exact_columns(all, train, roles)).value();
  CHECK(std::ranges::equal(exact.cuts.of(1), known));
  CHECK(exact.has_missing == binned.has_missing);
  CHECK(std::ranges::equal(exact.ranked->values_of(1), known));
  for (size_t i = 0; i < rows; ++i) {
    const uint8_t code = binned.columns().column(1)[i];
    REQUIRE(exact.ranked->ranks16[rows + i] == (code == kMissingCode ? known.size() : size_t(code)));
  }
  for (int64_t feature = 2; feature < 5; ++feature) REQUIRE(std::ranges::equal(exact.ranked->values_of(feature), all->values_of(feature)));
  CHECK(std::equal(all->ranks16.begin() + ptrdiff_t(2 * rows), all->ranks16.end(), exact.ranked->ranks16.begin() + ptrdiff_t(2 * rows)));
}

TEST_CASE("reading in stretches refuses what binning the whole table refuses") {
  const std::vector<float> values = mixed_table(300);
  const RowSource source = read_in_steps({values.data(), 300, 5, 300}, 100);
  CHECK(bin_rows(source, {}, 64).error().what == "no training rows");
  CHECK(bin_rows(source, all_rows(300), 1).error().kind == Kind::usage);
}
