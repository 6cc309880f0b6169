#include "aggregate/select.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "aggregate/words.h"
#include "base/random.h"

namespace hayate::aggregate {
namespace {

/// The two values of every rank (of some ranks, where there are many) against a sort; the range may be wider than the values.
void check_ranks(const std::vector<uint64_t>& values, uint64_t slack = 0) {
  std::vector<uint64_t> sorted = values;
  std::sort(sorted.begin(), sorted.end());
  const uint64_t least = sorted.front() - std::min(sorted.front(), slack), greatest = sorted.back() + std::min(UINT64_MAX - sorted.back(), slack);
  for (size_t i = 0; i <= 97; ++i) {
    const size_t rank = i * (values.size() - 1) / 97;
    std::vector<uint64_t> any_order = values;
    const Neighbours found = select(any_order, rank, least, greatest);
    CHECK(found.at == sorted[rank]);
    CHECK(found.above == sorted[std::min(rank + 1, values.size() - 1)]);
    std::sort(any_order.begin(), any_order.end());
    CHECK(any_order == sorted);  // reordered, and all still there
  }
}

std::vector<uint64_t> some_words(size_t count, double (*value)(uint64_t)) {
  std::vector<uint64_t> out(count);
  for (size_t i = 0; i < count; ++i) out[i] = word_of(value(i));
  return out;
}

TEST_CASE("every rank of values of many shapes, and the one above it") {
  for (const size_t count : {1, 2, 3, 47, 48, 49, 50, 257, 1000, 5000}) {
    check_ranks(some_words(count, [](uint64_t i) { return random_unit(1, i) * 100; }));
    check_ranks(some_words(count, [](uint64_t i) { return random_unit(2, i) - 0.5; }));
    check_ranks(some_words(count, [](uint64_t i) { return double(int(random_unit(3, i) * 5)); }));  // many equal ones
    check_ranks(some_words(count, [](uint64_t i) { return i % 3 == 0 ? 1e300 : 1 + double(i); }));  // one far away
    check_ranks(some_words(count, [](uint64_t i) { return 1 + double(i % 700) * 0x1p-52; }));       // side by side
    check_ranks(some_words(count, [](uint64_t) { return 7.0; }));
    check_ranks(some_words(count, [](uint64_t i) { return double(i); }), uint64_t{1} << 60);  // in order, in a wide range
  }
  check_ranks({0, UINT64_MAX, 5, UINT64_MAX, 0, 1, uint64_t{1} << 63});
  std::vector<uint64_t> powers;
  for (int i = 0; i < 200; ++i) powers.push_back(uint64_t{1} << (i % 64));
  check_ranks(powers);
}

}  // namespace
}  // namespace hayate::aggregate
