// Columns that share rows: what is missing in one of them changes nothing for the others, and its fit is that of the rows it has.
#include "pipeline/later_fit.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "base/random.h"

using namespace hayate;
using namespace hayate::pipeline;

namespace {

constexpr size_t kRows = 700, kPast = 3, kLater = 2, kShared = kPast + kLater;

/// Rows of random numbers, and a column that follows from itself a row ago, the first past number and the first later one.
struct Table {
  std::vector<double> shared, own;  ///< own: of the row before, then of the row

  explicit Table(uint64_t symbol) {
    const uint64_t key = random_key(9, Stage::synth, symbol);
    double before = 0;
    for (size_t i = 0; i < kRows; ++i) {
      for (size_t j = 0; j < kShared; ++j) shared.push_back(10 * double(j) + random_unit(key, i * 100 + j));
      const double noise = random_unit(key, i * 100 + 50), value = 0.5 * before + shared[i * kShared] + shared[i * kShared + kPast] + noise;
      own.insert(own.end(), {before, value});
      before = value;
    }
  }
  /// The rows from `first` to `last` alone.
  Table part(size_t first, size_t last) const {
    Table out = *this;
    out.shared.assign(shared.begin() + ptrdiff_t(first * kShared), shared.begin() + ptrdiff_t(last * kShared));
    out.own.assign(own.begin() + ptrdiff_t(2 * first), own.begin() + ptrdiff_t(2 * last));
    return out;
  }
  Table with_missing(size_t first, size_t last) const {
    Table out = *this;
    for (size_t i = first; i < last; ++i) out.own[2 * i + i % 2] = std::numeric_limits<double>::quiet_NaN();
    return out;
  }
};

LaterShare share_of(const std::vector<Table>& tables) {
  LaterFit fit(kPast, 1, kLater);
  SharedRows shared(kShared);
  for (Table table : tables) {
    shared.assign(table.shared);
    fit.add(shared, table.own);
  }
  return fit.result();
}

}  // namespace

TEST_CASE("rows that a column lacks are left out of its fit, few or many of them") {
  const Table one(1), other(2);
  const LaterShare all = share_of({one, other});
  CHECK(all.rows == 2 * kRows);
  CHECK(all.share == doctest::Approx(0.5).epsilon(0.1));  // of two uniform numbers the later one
  for (const size_t kept : {650, 360, 340, 120}) {
    const LaterShare left_out = share_of({one.with_missing(kept, kRows), other}), alone = share_of({one.part(0, kept), other});
    CHECK(left_out.rows == kept + kRows);
    CHECK(left_out.rows == alone.rows);
    CHECK(left_out.share == doctest::Approx(alone.share).epsilon(1e-9));
  }
  CHECK(share_of({one.with_missing(99, kRows), other}).rows == kRows);  // too few to be a symbol
  Table constant = one;
  for (size_t i = 0; i < kRows; ++i) constant.shared[i * kShared + 1] = 7;
  CHECK(share_of({constant, other}).share == doctest::Approx(all.share).epsilon(0.01));
}
