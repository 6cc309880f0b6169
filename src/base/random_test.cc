#include "base/random.h"

#include <doctest/doctest.h>

#include <set>

using namespace hayate;

TEST_CASE("random: uniform to what 100,000 draws can show, and keyed") {
  const uint64_t key = random_key(42, Stage::bootstrap, 3, 5, 7);
  int64_t counts[10] = {};
  double sum = 0;
  for (uint64_t i = 0; i < 100'000; ++i) {
    ++counts[random_below(key, i, 10)];
    sum += random_unit(key, i);
  }
  for (const int64_t count : counts) CHECK(count == doctest::Approx(10'000).epsilon(0.04));
  CHECK(sum / 100'000 == doctest::Approx(0.5).epsilon(0.01));
}

TEST_CASE("random: another seed, stage, entity, tree or node is another stream") {
  std::set<uint64_t> keys;
  for (uint64_t a = 0; a < 4; ++a)
    for (uint64_t b = 0; b < 4; ++b)
      for (uint64_t c = 0; c < 4; ++c)
        for (uint64_t d = 0; d < 4; ++d) CHECK(keys.insert(random_key(a, Stage::features, b, c, d)).second);
  CHECK(random_key(1, Stage::features) != random_key(1, Stage::bootstrap));
}
