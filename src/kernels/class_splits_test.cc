#include "kernels/class_splits.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "base/random.h"
#include "kernels/dispatch.h"

using namespace hayate;
using namespace hayate::kernels;

namespace {

constexpr uint16_t kNoCode = 0xFFFF;

struct Row {
  uint32_t class_id, weight;
  uint16_t code;  ///< kNoCode: missing
};

/// The definition: every cut of a present code, missing values right and then left, in float64 in the order of the classes.
ClassSplit by_definition(const std::vector<Row>& rows, uint32_t num_classes, uint32_t least, double beat) {
  ClassSplit best;
  best.gain = beat;
  std::vector<uint16_t> codes;
  for (const Row& row : rows)
    if (row.code != kNoCode) codes.push_back(row.code);
  std::sort(codes.begin(), codes.end());
  codes.erase(std::unique(codes.begin(), codes.end()), codes.end());
  const bool misses = std::any_of(rows.begin(), rows.end(), [](const Row& row) { return row.code == kNoCode; });
  for (const uint16_t cut : codes)
    for (const bool missing_left : {false, true}) {
      if (missing_left && !misses) continue;
      std::vector<double> left(num_classes), right(num_classes);
      double l = 0, r = 0;
      for (const Row& row : rows) {
        const bool goes = row.code == kNoCode ? missing_left : row.code <= cut;
        (goes ? left : right)[row.class_id] += row.weight;
        (goes ? l : r) += row.weight;
      }
      if (l < least || r < least) continue;
      double sum = 0;
      for (uint32_t k = 0; k < num_classes; ++k) {
        const double d = r * left[k] - l * right[k];
        sum += d * d;
      }
      if (sum / (l * r) > best.gain) best = {sum / (l * r), cut, missing_left};
    }
  return best;
}

std::vector<Row> random_rows(uint64_t key, uint32_t num_rows, uint32_t num_classes, uint32_t num_codes, uint32_t most_weight, bool misses) {
  std::vector<Row> rows;
  for (uint64_t i = 0; i < num_rows; ++i) {
    const bool missing = misses && random_below(key, 4 * i, 4) == 0;
    rows.push_back({random_below(key, 4 * i + 1, num_classes), 1 + random_below(key, 4 * i + 2, most_weight),
                    missing ? kNoCode : uint16_t(random_below(key, 4 * i + 3, num_codes))});
  }
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.class_id < b.class_id; });
  return rows;
}

/// The weight of each class that is there.
std::vector<uint32_t> totals_of(const std::vector<Row>& rows) {
  std::vector<uint32_t> totals;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (i == 0 || rows[i].class_id != rows[i - 1].class_id) totals.push_back(0);
    totals.back() += rows[i].weight;
  }
  return totals;
}

uint32_t sum_of(const std::vector<uint32_t>& totals) {
  uint32_t sum = 0;
  for (const uint32_t total : totals) sum += total;
  return sum;
}

ClassSplit few(const std::vector<Row>& rows, uint32_t least, double beat) {
  FewClasses node{};
  const std::vector<uint32_t> totals = totals_of(rows);
  node.num_rows = int32_t(rows.size()), node.num_classes = int32_t(totals.size()), node.total = sum_of(totals), node.least = least;
  alignas(64) int16_t codes[kFewClassRows];
  std::fill(std::begin(codes), std::end(codes), kMissingLane);
  bool misses = false;
  for (size_t i = 0, k = 0; i < rows.size(); ++i) {
    if (i > 0 && rows[i].class_id != rows[i - 1].class_id) ++k;
    node.weights[i] = uint16_t(rows[i].weight), node.ends[k] = uint8_t(i + 1);
    codes[i] = rows[i].code == kNoCode ? kMissingLane : lane_code(rows[i].code);
    misses |= rows[i].code == kNoCode;
  }
  for (size_t k = 0; k < totals.size(); ++k) node.totals[k] = uint16_t(totals[k]), node.squares += totals[k] * totals[k];
  ClassSplit best;
  best.gain = beat;
  class_kernels().split_few(node, codes, misses, best);
  return best;
}

ClassSplit bins(const std::vector<Row>& rows, int32_t num_codes, uint32_t least, double beat) {
  const std::vector<uint32_t> totals = totals_of(rows);
  const int64_t stride = (num_codes + 16) / 16 * 16;
  std::vector<uint32_t> room(totals.size() * size_t(stride) + 16), missing(totals.size());
  uint32_t* sums = room.data() + (16 - reinterpret_cast<uintptr_t>(room.data()) / 4 % 16) % 16;
  bool misses = false;
  for (size_t i = 0, k = 0; i < rows.size(); ++i) {
    if (i > 0 && rows[i].class_id != rows[i - 1].class_id) ++k;
    sums[int64_t(k) * stride + (rows[i].code == kNoCode ? num_codes : rows[i].code)] += rows[i].weight;
    if (rows[i].code == kNoCode) missing[k] += rows[i].weight, misses = true;
  }
  ClassSplit best;
  best.gain = beat;
  class_kernels().split_bins(
      {sums, stride, num_codes, int32_t(totals.size()), totals.data(), misses ? missing.data() : nullptr, sum_of(totals), least}, best);
  return best;
}

void check_same(const ClassSplit& found, const ClassSplit& expected) {
  REQUIRE(found.gain == expected.gain);
  REQUIRE(found.cut == expected.cut);
  REQUIRE(found.missing_left == expected.missing_left);
}

}  // namespace

TEST_CASE("class splits: few rows and bins find what the definition finds, to the last bit, on every instruction set") {
  const Isa before = active_isa();
  for (const Isa isa : {Isa::baseline, Isa::avx2, Isa::avx512}) {
    set_isa(isa);
    for (uint64_t round = 0; round < 600; ++round) {
      const uint64_t key = random_key(17, Stage::synth, round);
      const uint32_t num_rows = 1 + random_below(key, 1, kFewClassRows), num_classes = 2 + random_below(key, 2, 12);
      const uint32_t num_codes = 2 + random_below(key, 3, 70), most_weight = 1 + random_below(key, 4, 7), least = 1 + random_below(key, 5, 3);
      const std::vector<Row> rows = random_rows(key, num_rows, num_classes, num_codes, most_weight, round % 3 == 0);
      const double beat = round % 4 == 0 ? 0.5 * by_definition(rows, num_classes, least, -1).gain : round % 5 == 0 ? 0 : -1;
      const ClassSplit expected = by_definition(rows, num_classes, least, beat);
      check_same(bins(rows, int32_t(num_codes), least, beat), expected);
      if (sum_of(totals_of(rows)) <= kFewClassWeight) check_same(few(rows, least, beat), expected);
    }
  }
  set_isa(before);
}

TEST_CASE("class splits: bins of many rows, of weights past 16 bits, and up to 256 codes") {
  const Isa before = active_isa();
  for (const Isa isa : {Isa::baseline, Isa::avx2, Isa::avx512}) {
    set_isa(isa);
    for (uint64_t round = 0; round < 60; ++round) {
      const uint64_t key = random_key(18, Stage::synth, round);
      const uint32_t num_classes = 2 + random_below(key, 2, 20), num_codes = 2 + random_below(key, 3, 255);
      const uint32_t most_weight = round % 2 == 0 ? 3 : 1u << 18;
      const std::vector<Row> rows = random_rows(key, 500 + random_below(key, 1, 2000), num_classes, num_codes, most_weight, round % 3 == 0);
      const uint32_t least = 1 + random_below(key, 5, 40);
      check_same(bins(rows, int32_t(num_codes), least, -1), by_definition(rows, num_classes, least, -1));
    }
  }
  set_isa(before);
}
