// Folds: which dates train and which are predicted. A fold never sees a symbol or a price: it is ranges of positions in
// a list of dates, [0, num_dates).
//
//   walk-forward, train 4, purge 1, test 3, 12 dates      combinatorial purged, 4 parts, 2 tested, purge 1, embargo 1
//   date  0 1 2 3 4 5 6 7 8 9 10 11                       date  0 1 2 3 4 5 6 7 8 9 10 11
//         T T T T . x x x                                       x x x x x x . . T T T  T
//               T T T T . x x x                                 x x x . . . x x x . .  T    (and four more)
//                     T T T T . x  x    <- kept, though short
//
// A label looks `purge` dates ahead, so a training row nearer than that to a test block would carry its answer; such
// rows are purged on both sides of a block. After a block, `embargo` more dates are dropped (what happened in the block
// is still in the features there). Lopez de Prado, Advances in Financial Machine Learning, 2018, chapters 7 and 12; the
// folds equal those of skfolio 0.x in tests/data/splits_reference.json.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "hayate/error.h"

namespace hayate {

/// Positions begin .. end - 1.
struct DateRange {
  int64_t begin = 0, end = 0;
  int64_t size() const { return end - begin; }
  bool operator==(const DateRange&) const = default;
};

/// Ranges are ascending, not empty, and do not touch (two test blocks side by side are one range).
struct Fold {
  std::vector<DateRange> train, test;
  bool operator==(const Fold&) const = default;
};

struct WalkForward {
  int64_t train_days = 500, test_days = 250, purge_days = 0;
  bool expanding = false;  ///< train from date 0 on, instead of on the last train_days dates
};
/// Test blocks tile the dates from train_days + purge_days on; the last one may be shorter. An embargo has no place here:
/// no date trains after its fold's test block. Error: fewer than train_days + purge_days + 1 dates; the number is named.
Result<std::vector<Fold>> walk_forward(int64_t num_dates, const WalkForward& split);

/// One fold: test is [test.begin, test.end), train everything before it, less purge_days.
Result<std::vector<Fold>> holdout(int64_t num_dates, DateRange test, int64_t purge_days);

struct CombinatorialPurged {
  int64_t num_folds = 6, num_test_folds = 2, purge_days = 0, embargo_days = 0;
};
/// The dates are cut into num_folds parts of num_dates / num_folds dates (the last takes the rest); each choice of
/// num_test_folds parts is tested once, in lexicographic order. Error: too few dates, or more than 10,000 choices.
Result<std::vector<Fold>> combinatorial_purged(int64_t num_dates, const CombinatorialPurged& split);

/// The [split] section of a run. A field that its method does not use is ignored by make_folds.
struct SplitSpec {
  std::string method = "walk_forward";  ///< walk_forward | holdout | combinatorial_purged
  int64_t train_days = 500, test_days = 250;
  int64_t purge_days = 0, embargo_days = 0;
  std::string window = "rolling";             ///< rolling | expanding
  double test_fraction = 0.2;                 ///< holdout: the last dates, rounded up; used when test_from is not given
  std::string test_from = {}, test_to = {};   ///< holdout: first and last date of the test (2020-01-31); empty: by fraction, to the end
  int64_t num_folds = 6, num_test_folds = 2;  ///< combinatorial_purged
};
inline constexpr const char* kSplitMethods[] = {"walk_forward", "holdout", "combinatorial_purged"};
inline constexpr const char* kSplitWindows[] = {"rolling", "expanding"};

/// Folds over `dates` (ascending, no two equal): days since 1970 when `daily`, else microseconds. Usage Errors: an unknown
/// method or window, a value out of range; input Error: too few dates, with the number needed.
Result<std::vector<Fold>> make_folds(const SplitSpec& split, std::span<const int64_t> dates, bool daily = true);

/// Dates that make_folds needs at least: what a symbol with fewer is told.
int64_t dates_needed(const SplitSpec& split);

/// What must be true of any folds: ranges sorted, disjoint, inside [0, num_dates); train and test not empty; the tested
/// dates of all folds together without a hole and each tested equally often; no training date within `purge_days` of a
/// test date, nor within purge_days + embargo_days after one. An input Error names the fold and the dates.
Result<void> check_folds(std::span<const Fold> folds, int64_t num_dates, int64_t purge_days, int64_t embargo_days = 0);

}  // namespace hayate
