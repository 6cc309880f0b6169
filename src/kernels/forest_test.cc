#include "kernels/forest.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <numeric>
#include <utility>
#include <vector>

#include "kernels/dispatch.h"
#include "kernels/forest_exact.h"

using namespace hayate::kernels;
using std::size_t;

namespace {

constexpr int kRows = 300;

/// A small generator of its own: kernels include nothing from above them.
struct Random {
  uint64_t state;
  uint32_t below(uint32_t bound) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return uint32_t((state >> 32) * bound >> 32);
  }
};

struct alignas(64) Line {
  uint8_t bytes[64];
};

/// Codes of `bins` bins; every third feature misses values, every seventh is constant.
struct Table {
  int num_features;
  int64_t stride = 320, row_stride;
  std::vector<uint8_t> codes, last_code, has_missing;
  std::vector<Line> places;
  std::vector<uint16_t> ranks, missing;
  bool narrow;

  Table(int bins, uint64_t seed, bool some_miss = true, int features = 23, int64_t bytes_a_row = 24)
      : num_features(features),
        row_stride(bytes_a_row),
        codes(size_t(stride * features + 64)),
        last_code(size_t(features)),
        has_missing(size_t(features)),
        places(size_t(row_stride * kRows / 64 + 2)),
        narrow(bins <= 64 && !some_miss) {
    Random random{seed};
    for (int f = 0; f < num_features; ++f) {
      last_code[f] = uint8_t(f % 7 == 6 ? 0 : bins - 1), has_missing[f] = some_miss && f % 3 == 0;
      for (int row = 0; row < kRows; ++row) {
        const bool is_missing = has_missing[f] && random.below(4) == 0;
        codes[f * stride + row] = uint8_t(is_missing ? 255 : random.below(last_code[f] + 1));
      }
    }
    forest_kernels().table_rows(codes.data(), stride, kRows, num_features, row_stride, places[0].bytes);
    for (int f = 0; f < num_features; ++f) missing.push_back(uint16_t(last_code[f] + 1));
    for (size_t i = 0; i < size_t(stride * num_features); ++i) ranks.push_back(codes[i] == 255 ? missing[i / size_t(stride)] : codes[i]);
  }
  RankColumns rank_view() const { return {ranks.data(), stride, missing.data(), has_missing.data()}; }
  CodeTable view() const { return {places[0].bytes, row_stride, last_code.data(), has_missing.data(), narrow}; }
};

/// Memory for a search of ranks, which has to be left as it was found.
struct Ranking {
  std::vector<uint64_t> sums = std::vector<uint64_t>(257), present = std::vector<uint64_t>(5), left = std::vector<uint64_t>(kRows + 16);
  std::vector<uint32_t> codes = std::vector<uint32_t>(kRows + 16);
  RankScratch view() { return {sums.data(), present.data(), left.data(), codes.data()}; }
  bool is_clean() const { return std::count(sums.begin(), sums.end(), 0u) == 257 && std::count(present.begin(), present.end(), 0u) == 5; }
};

template <class Record>
struct Node {
  std::vector<int32_t> rows;
  std::vector<Record> records;
  uint32_t count_bits = 0;
  Record total = 0;
  uint64_t min_count = 1;

  PackedNode<Record> view() const { return {rows.data(), records.data(), int64_t(rows.size()), count_bits, total, min_count}; }
};

template <class Record>
Node<Record> make_node(int num_rows, uint32_t label_bits, Random& random) {
  Node<Record> node;
  std::vector<uint32_t> counts, labels;
  uint32_t total_count = 0;
  for (int i = 0; i < num_rows; ++i) {
    node.rows.push_back(int32_t(random.below(kRows)));
    counts.push_back(1 + random.below(3)), labels.push_back(random.below(1u << label_bits));
    total_count += counts.back();
  }
  node.count_bits = uint32_t(std::bit_width(total_count));
  for (int i = 0; i < num_rows; ++i) node.records.push_back(Record(labels[i]) * counts[i] << node.count_bits | counts[i]);
  for (const Record record : node.records) node.total += record;
  node.min_count = random.below(2) ? 1 : 1 + random.below(total_count / 2);
  return node;
}

/// forest.h word by word: every feature, every cut, both ways, strictly better wins.
template <class Record, class Float, class Signed>
Split expected_split(const Table& table, const Node<Record>& node, const std::vector<uint16_t>& features) {
  Split best;
  const Record mask = (Record{1} << node.count_bits) - 1;
  for (const uint16_t feature : features)
    for (int cut = 0; cut <= table.last_code[feature]; ++cut)
      for (const bool missing_left : {false, true}) {
        Record left = 0;
        bool some_present = false;
        for (size_t i = 0; i < node.rows.size(); ++i) {
          const uint8_t code = table.codes[feature * table.stride + node.rows[i]];
          if (code <= cut || (code == 255 && missing_left)) left += node.records[i];
          some_present |= code <= cut;
        }
        if (!some_present) continue;
        const Record right = node.total - left, n_left = left & mask, n_right = right & mask;
        if (n_left < node.min_count || n_right < node.min_count) continue;
        const Float d = Float(Signed(n_right * (left >> node.count_bits) - n_left * (right >> node.count_bits)));
        const double gain = double(d * d / (Float(n_left) * Float(n_right)));
        if (gain > best.gain) best = {gain, feature, uint8_t(cut), missing_left};
      }
  return best;
}

void check_equal(const Split& got, const Split& expected) {
  REQUIRE(got.gain == expected.gain);
  if (expected.gain < 0) return;
  REQUIRE(got.feature == expected.feature);
  REQUIRE(got.cut == expected.cut);
  REQUIRE(got.missing_left == expected.missing_left);
}

/// Two tables, and what was picked of them, divide the rows of a node alike.
void check_equal_divisions(const ForestKernels& kernels, const std::array<CodeTable, 2>& tables, const std::array<PickedCodes, 2>& picked,
                           const Node<uint32_t>& node, const Split& split) {
  const Test test{split.feature, split.cut, split.missing_left};
  std::vector<int32_t> rows[2] = {node.rows, node.rows}, spare_rows(node.rows.size() + 16);
  std::vector<uint32_t> units[2] = {node.records, node.records}, spare_units(node.rows.size() + 16);
  Division found[2];
  for (size_t way : {0, 1})
    found[way] = kernels.divide_rows(tables[way], picked[way], test, Units::marked, int64_t(node.rows.size()), rows[way].data(), units[way].data(),
                                     spare_rows.data(), spare_units.data());
  REQUIRE(rows[0] == rows[1]);
  REQUIRE(units[0] == units[1]);
  REQUIRE(found[0].left == found[1].left);
  REQUIRE(found[0].mass.count == found[1].mass.count);
  REQUIRE(found[0].next_code == found[1].next_code);
  REQUIRE(found[0].mass.marked == found[1].mass.marked);
  REQUIRE(found[0].misses == found[1].misses);
}

/// What a search picked divides its rows as the table does.
void check_division(const ForestKernels& kernels, const CodeTable& table, const PickedCodes& picked, const Node<uint32_t>& node, const Split& split) {
  check_equal_divisions(kernels, {table, table}, {PickedCodes{picked.places}, picked}, node, split);
}

template <class Check>
void on_every_isa(Check check) {
  for (const Isa isa : {Isa::baseline, Isa::avx2, Isa::avx512}) {
    set_isa(isa);
    check(forest_kernels());
  }
  set_isa(detected_isa());
}

}  // namespace

TEST_CASE("best split: every way of looking finds the split of the definition, ties included") {
  Random random{1};
  struct Kind {
    int bins;
    bool some_miss;
    int num_features;
    int64_t row_stride;
  };
  std::vector<Line> picked_bytes(kPickedBytes / 64 + 16);
  for (const auto& [bins, some_miss, num_features, row_stride] : {Kind{1, true, 23, 24},
                                                                  {2, true, 23, 24},
                                                                  {3, false, 30, 32},
                                                                  {64, false, 30, 32},
                                                                  {64, false, 64, 64},
                                                                  {64, true, 60, 64},
                                                                  {64, false, 128, 128},
                                                                  {64, false, 250, 256},
                                                                  {65, false, 23, 32},
                                                                  {200, true, 23, 24},
                                                                  {255, true, 100, 128}}) {
    const Table table(bins, uint64_t(bins), some_miss, num_features, row_stride);
    for (int trial = 0; trial < 300; ++trial) {
      const int num_rows = trial % 3 == 0 ? 2 + int(random.below(4)) : 2 + int(random.below(trial % 2 ? 40 : 250));
      const uint32_t label_bits = trial % 4 == 0 ? 12 : 1;
      std::vector<uint16_t> features(1 + random.below(num_rows < 40 && trial % 5 == 0 ? 150 : 23));
      for (uint16_t& f : features) f = uint16_t(random.below(uint32_t(num_features)));
      CAPTURE(bins);
      CAPTURE(num_rows);
      const Node<uint32_t> narrow = make_node<uint32_t>(num_rows, label_bits, random);
      const Node<uint64_t> wide = make_node<uint64_t>(num_rows, 30, random);
      const Split expected32 = expected_split<uint32_t, float, int32_t>(table, narrow, features);
      const Split expected64 = expected_split<uint64_t, double, int64_t>(table, wide, features);
      on_every_isa([&](const ForestKernels& kernels) {
        Split best;
        PickedCodes picked{picked_bytes[0].bytes};
        kernels.best_split32(table.view(), narrow.view(), features.data(), int64_t(features.size()), picked, best);
        check_equal(best, expected32);
        if (best.gain >= 0) check_division(kernels, table.view(), picked, narrow, best);
        best = {};
        kernels.best_split64(table.view(), wide.view(), features.data(), int64_t(features.size()), best);
        check_equal(best, expected64);
        Ranking ranking;
        best = {};
        exact_kernels().best_split32(table.rank_view(), narrow.view(), features.data(), int64_t(features.size()), ranking.view(), best);
        check_equal(best, expected32);
        best = {};
        exact_kernels().best_split64(table.rank_view(), wide.view(), features.data(), int64_t(features.size()), ranking.view(), best);
        check_equal(best, expected64);
        REQUIRE(ranking.is_clean());
      });
    }
  }
}

TEST_CASE("a node of many rows: its columns say what its table says") {
  constexpr int64_t kLong = 20'480, kFeatures = 9, kStride = 16;
  Random random{3};
  for (const int bins : {5, 64, 70, 255})
    for (const bool some_miss : {false, true}) {
      std::vector<uint8_t> codes(size_t(kLong * kFeatures));
      for (uint8_t& code : codes) code = uint8_t(some_miss && random.below(5) == 0 ? 255 : random.below(uint32_t(bins)));
      const std::vector<uint8_t> last_code(kFeatures, uint8_t(bins - 1)), has_missing(kFeatures, some_miss);
      std::vector<Line> places(size_t(kLong * kStride / 64));
      forest_kernels().table_rows(codes.data(), kLong, kLong, kFeatures, kStride, places[0].bytes);
      CodeTable by_rows{places[0].bytes, kStride, last_code.data(), has_missing.data(), bins <= 64 && !some_miss};
      CodeTable by_columns = by_rows;
      by_columns.columns = codes.data(), by_columns.column_stride = by_columns.num_rows = kLong;
      Node<uint32_t> narrow;
      for (int32_t row = 0; row < kLong; ++row)
        if (row % 2 == 0 || codes[size_t(row)] > 3) narrow.rows.push_back(row);
      narrow.count_bits = 15;
      for (const int32_t row : narrow.rows) narrow.records.push_back(1 | uint32_t(codes[size_t(3 * kLong + row)] > random.below(80)) << 15);
      for (const uint32_t record : narrow.records) narrow.total += record;
      Node<uint64_t> wide{narrow.rows, {}, 32, 0, 1};
      for (const uint32_t record : narrow.records) wide.records.push_back(uint64_t{record >> 15} << 32 | 1), wide.total += wide.records.back();
      std::vector<Line> picked_bytes(kPickedBytes / 64 + 16);
      const std::vector<uint16_t> all = {8, 3, 1, 0, 7, 5, 2, 6, 4}, one = {3};
      on_every_isa([&](const ForestKernels& kernels) {
        for (const std::vector<uint16_t>& features : {all, one}) {
          Split best[2], best_wide[2];
          PickedCodes picked{picked_bytes[0].bytes};
          for (size_t way : {0, 1}) {
            const CodeTable& table = way ? by_columns : by_rows;
            kernels.best_split32(table, narrow.view(), features.data(), int64_t(features.size()), picked, best[way]);
            kernels.best_split64(table, wide.view(), features.data(), int64_t(features.size()), best_wide[way]);
          }
          REQUIRE(best[0].gain > 0);
          check_equal(best[1], best[0]);
          check_equal(best_wide[1], best_wide[0]);
          check_equal_divisions(kernels, {by_rows, by_columns}, {PickedCodes{}, PickedCodes{}}, narrow, best[0]);
        }
      });
    }
}

TEST_CASE("divide rows: stable on both sides, and what it says of the node is true") {
  const Table table(64, 5);
  Random random{2};
  for (int trial = 0; trial < 500; ++trial) {
    const int num_rows = 1 + int(random.below(trial % 2 ? 20 : 200)), feature = int(random.below(uint32_t(table.num_features)));
    const uint8_t cut = uint8_t(random.below(64));
    const bool missing_left = random.below(2);
    const Units form = trial % 3 == 0 ? Units::paired : Units::marked;
    std::vector<int32_t> rows;
    for (int i = 0; i < num_rows; ++i) rows.push_back(int32_t(random.below(form == Units::paired ? 200 : kRows)));
    const uint8_t* codes = table.codes.data() + feature * table.stride;
    std::vector<int32_t> expected;
    int64_t left = 0;
    int next = 255;
    bool misses = false;
    Mass mass{0, 0};
    for (const bool right : {false, true})
      for (const int32_t row : rows) {
        const bool goes_right = codes[row] == 255 ? !missing_left : codes[row] > cut;
        if (goes_right == right) expected.push_back(row), left += !right;
        if (goes_right && codes[row] < next) next = codes[row];
        misses |= codes[row] == 255;
        if (!goes_right && !right) mass.count += uint32_t(row), mass.marked += row % 2 ? uint32_t(row) : 0;
      }
    const Test test{uint16_t(feature), cut, missing_left};
    const auto check = [&](auto divide, int expected_next) {
      std::vector<int32_t> moved = rows, spare(rows.size() + 16);
      std::vector<uint32_t> units(rows.begin(), rows.end()), spare_units(rows.size() + 16);
      for (uint32_t& u : units) u = form == Units::paired ? u | (u % 2 ? u << kPairBits : 0) : u | (u % 2 ? kMark : 0);
      moved.push_back(-1), units.push_back(77);
      const Division found = divide(moved.data(), units.data(), spare.data(), spare_units.data());
      REQUIRE(found.left == left);
      REQUIRE(found.next_code == expected_next);
      REQUIRE(found.misses == misses);
      REQUIRE(moved.back() == -1);
      REQUIRE(units.back() == 77);
      moved.pop_back();
      REQUIRE(moved == expected);
      for (size_t i = 0; i < expected.size(); ++i) REQUIRE((units[i] & (form == Units::paired ? 0xFFFFu : ~kMark)) == uint32_t(expected[i]));
      REQUIRE(found.mass.count == mass.count);
      REQUIRE(found.mass.marked == mass.marked);
    };
    on_every_isa([&](const ForestKernels& kernels) {
      check([&](auto... to) { return kernels.divide_rows(table.view(), {}, test, form, num_rows, to...); }, next);
      check([&](auto... to) { return exact_kernels().divide_rows(table.rank_view(), test, form, num_rows, to...); },
            next == 255 ? table.missing[feature] : next);
    });
  }
}

TEST_CASE("drawn rows: kept in their order, marked with their class") {
  Random random{4};
  for (int num_rows = 0; num_rows < 100; ++num_rows) {
    std::vector<int32_t> rows, classes(kRows), expected;
    std::vector<uint32_t> counts, marks, expected_units;
    for (int32_t& c : classes) c = int32_t(random.below(2));
    Mass sums{0, 0};
    for (int i = 0; i < num_rows; ++i) {
      rows.push_back(int32_t(random.below(kRows))), counts.push_back(random.below(3));
      const bool marked = classes[size_t(rows.back())] == 1;
      marks.push_back(marked ? kMark : 0);
      if (counts.back() == 0) continue;
      expected.push_back(rows.back()), expected_units.push_back(counts.back() | (marked ? kMark : 0));
      sums.count += counts.back(), sums.marked += marked ? counts.back() : 0;
    }
    on_every_isa([&](const ForestKernels& kernels) {
      std::vector<int32_t> kept(rows.size() + 16);
      std::vector<uint32_t> units(rows.size() + 16);
      const Drawn with_marks = kernels.keep_drawn(rows.data(), counts.data(), marks.data(), num_rows, kept.data(), units.data());
      REQUIRE(with_marks.rows == int64_t(expected.size()));
      CHECK(with_marks.mass.count == sums.count);
      CHECK(with_marks.mass.marked == sums.marked);
      CHECK(std::equal(expected_units.begin(), expected_units.end(), units.begin()));
      const Drawn drawn = kernels.keep_drawn(rows.data(), counts.data(), nullptr, num_rows, kept.data(), units.data());
      const int64_t count = drawn.rows;
      REQUIRE(count == int64_t(expected.size()));
      CHECK(drawn.mass.count == sums.count);
      CHECK(drawn.mass.marked == 0);
      kept.resize(expected.size()), units.resize(expected.size());
      const Mass unmarked = kernels.mark_units(nullptr, kept.data(), count, units.data());
      const Mass marked = kernels.mark_units(classes.data(), kept.data(), count, units.data());
      CHECK(kept == expected);
      CHECK(units == expected_units);
      CHECK(unmarked.count == sums.count);
      CHECK(unmarked.marked == 0);
      CHECK(marked.count == sums.count);
      CHECK(marked.marked == sums.marked);
    });
  }
}

TEST_CASE("records: ranges, sums and packing") {
  Random random{3};
  std::vector<int64_t> fixed;
  for (int i = 0; i < kRows; ++i) fixed.push_back(int64_t(random.below(1u << 31)) << 20);
  for (int num_rows = 1; num_rows < 70; ++num_rows) {
    std::vector<int32_t> rows;
    std::vector<uint32_t> units;
    for (int i = 0; i < num_rows; ++i) rows.push_back(int32_t(random.below(kRows))), units.push_back(1 + random.below(5));
    LabelRange expected{0, fixed[rows[0]], fixed[rows[0]]};
    for (int i = 0; i < num_rows; ++i) {
      const int64_t label = fixed[rows[i]];
      expected.sum += label * units[i];
      expected.low = std::min(expected.low, label), expected.high = std::max(expected.high, label);
    }
    on_every_isa([&](const ForestKernels& kernels) {
      const LabelRange range = kernels.label_range(fixed.data(), rows.data(), units.data(), num_rows);
      CHECK(range.sum == expected.sum);
      CHECK(range.low == expected.low);
      CHECK(range.high == expected.high);
      std::vector<uint32_t> narrow(rows.size()), classes(rows.size());
      std::vector<uint64_t> wide(rows.size());
      const uint32_t total32 = kernels.number_records32(fixed.data(), range.low, 39, 9, rows.data(), units.data(), num_rows, narrow.data());
      const uint64_t total64 = kernels.number_records64(fixed.data(), range.low, 20, 9, rows.data(), units.data(), num_rows, wide.data());
      CHECK(total32 == std::accumulate(narrow.begin(), narrow.end(), uint32_t{0}));
      CHECK(total64 == std::accumulate(wide.begin(), wide.end(), uint64_t{0}));
      std::vector<uint32_t> marked = units;
      for (size_t i = 0; i < marked.size(); i += 2) marked[i] |= 0x80000000u;
      kernels.class_records32(marked.data(), 10, num_rows, classes.data());
      for (size_t i = 0; i < rows.size(); ++i) {
        CHECK(narrow[i] == (uint32_t((fixed[rows[i]] - range.low) >> 39) * units[i] << 9 | units[i]));
        CHECK(wide[i] == (uint64_t((fixed[rows[i]] - range.low) >> 20) * units[i] << 9 | units[i]));
        CHECK(classes[i] == (i % 2 == 0 ? units[i] << 10 | units[i] : units[i]));
      }
    });
  }
}
