#include "hayate/folds.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/strings.h"
#include "hayate/table.h"

namespace hayate {
namespace {

constexpr int64_t kMostChoices = 10'000;

Error too_few_dates(int64_t num_dates, int64_t needed, std::string_view what) {
  return input_error(fmt::format("{} dates, {} needs {}", num_dates, what, needed), "[split]", "give more dates, or ask for fewer days in [split]");
}

Error out_of_range(std::string_view field, double value, std::string_view range) {
  return usage_error(fmt::format("{} is {}, expected {}", field, format_shortest(value), range), fmt::format("[split] {}", field),
                     "see the guide on splits");
}

constexpr int64_t kMostDays = 1'000'000'000;  // sums of a few of these stay far from the end of int64

Result<void> check_at_least(std::string_view field, int64_t value, int64_t least) {
  if (value >= least && value <= kMostDays) return {};
  return out_of_range(field, double(value), fmt::format("{} to {}", least, kMostDays));
}

/// Appends a range, or lengthens the last one when they touch; an empty range is nothing.
void append(std::vector<DateRange>& ranges, DateRange r) {
  if (r.size() <= 0) return;
  if (!ranges.empty() && ranges.back().end == r.begin)
    ranges.back().end = r.end;
  else
    ranges.push_back(r);
}

/// All dates outside the tested ranges, less `purge` before each and `purge + embargo` after.
std::vector<DateRange> train_around(const std::vector<DateRange>& test, int64_t num_dates, int64_t purge, int64_t embargo) {
  std::vector<DateRange> train;
  int64_t begin = 0;
  for (const DateRange& t : test) {
    append(train, {begin, t.begin - purge});
    begin = t.end + purge + embargo;
  }
  append(train, {begin, num_dates});
  return train;
}

/// n over k, or kMostChoices + 1 when it is more than kMostChoices.
int64_t choices(int64_t n, int64_t k) {
  int64_t count = 1;
  for (int64_t i = 1; i <= std::min(k, n - k); ++i) {
    count = count * (n - i + 1) / i;
    if (count > kMostChoices) return kMostChoices + 1;
  }
  return count;
}

/// The next k of n numbers in lexicographic order; false after the last.
bool next_choice(std::vector<int64_t>& chosen, int64_t n) {
  const auto k = int64_t(chosen.size());
  for (int64_t i = k - 1; i >= 0; --i) {
    if (chosen[size_t(i)] == n - k + i) continue;
    ++chosen[size_t(i)];
    for (int64_t j = i + 1; j < k; ++j) chosen[size_t(j)] = chosen[size_t(j - 1)] + 1;
    return true;
  }
  return false;
}

int64_t holdout_size(int64_t num_dates, double fraction) {
  // 0.1 * 30 is 3.0000000000000004 in doubles; a share that is whole but for rounding takes no date more.
  return int64_t(std::ceil(double(num_dates) * fraction - 1e-9));
}

/// The first moment of a date in the unit of the dates; `empty` when no date is given.
Result<int64_t> moment(const std::string& date, bool daily, int64_t empty, const char* where) {
  if (date.empty()) return empty;
  int32_t days = 0;
  if (!parse_date(date, &days)) return usage_error(fmt::format("'{}' is no date", date), where, "write dates as 2020-01-31");
  return daily ? days : days * kMicrosecondsPerDay;
}

Result<std::vector<Fold>> holdout_of(const SplitSpec& split, std::span<const int64_t> dates, bool daily) {
  const auto num_dates = int64_t(dates.size());
  constexpr int64_t kEnd = std::numeric_limits<int64_t>::max() - kMicrosecondsPerDay;
  HY_TRY(const int64_t from, moment(split.test_from, daily, 0, "[split] test_from"));
  HY_TRY(const int64_t to, moment(split.test_to, daily, kEnd, "[split] test_to"));
  if (split.test_from.empty()) {
    if (!(split.test_fraction > 0 && split.test_fraction < 1))
      return out_of_range("test_fraction", split.test_fraction, "more than 0 and less than 1");
    return holdout(num_dates, {num_dates - holdout_size(num_dates, split.test_fraction), num_dates}, split.purge_days);
  }
  const int64_t begin = std::lower_bound(dates.begin(), dates.end(), from) - dates.begin();
  const int64_t end = std::lower_bound(dates.begin(), dates.end(), to + (daily ? 1 : kMicrosecondsPerDay)) - dates.begin();
  if (begin >= end)
    return input_error("no date lies in the test period", "[split] test_from",
                       fmt::format("{} dates are given; move test_from or test_to", num_dates));
  return holdout(num_dates, {begin, end}, split.purge_days);
}

Result<void> check_name(std::string_view what, std::string_view typed, std::span<const char* const> known) {
  const std::vector<std::string> names(known.begin(), known.end());
  if (std::find(names.begin(), names.end(), typed) != names.end()) return {};
  return unknown_name(what, typed, names, fmt::format("[split] {}", what));
}

Error broken_fold(size_t fold, std::string what) {
  return input_error(std::move(what), fmt::format("fold {}", fold), "this is a defect of the split: please report it");
}

Result<void> check_ranges(size_t fold, const char* side, const std::vector<DateRange>& ranges, int64_t num_dates) {
  if (ranges.empty()) return broken_fold(fold, fmt::format("{} has no dates", side));
  int64_t end = -1;
  for (const DateRange& r : ranges) {
    if (r.begin >= r.end) return broken_fold(fold, fmt::format("{} holds the empty range {} .. {}", side, r.begin, r.end));
    if (r.begin <= end) return broken_fold(fold, fmt::format("{} ranges meet at date {}", side, r.begin));
    if (r.begin < 0 || r.end > num_dates)
      return broken_fold(fold, fmt::format("{} range {} .. {} is outside 0 .. {}", side, r.begin, r.end, num_dates));
    end = r.end;
  }
  return {};
}

Result<void> check_distance(size_t fold, const Fold& f, int64_t purge, int64_t embargo) {
  for (const DateRange& train : f.train)
    for (const DateRange& test : f.test) {
      const bool before = train.end + purge <= test.begin, after = train.begin >= test.end + purge + embargo;
      if (!before && !after)
        return broken_fold(fold,
                           fmt::format("training dates {} .. {} see the test dates {} .. {}", train.begin, train.end - 1, test.begin, test.end - 1));
    }
  return {};
}

/// How often each date is tested: all equally often from the first to the last tested date.
Result<void> check_complete(std::span<const Fold> folds, int64_t num_dates) {
  std::vector<int64_t> tested(size_t(num_dates), 0);
  for (const Fold& f : folds)
    for (const DateRange& r : f.test)
      for (int64_t d = r.begin; d < r.end; ++d) ++tested[size_t(d)];
  const auto is_tested = [](int64_t count) { return count > 0; };
  const auto first = std::find_if(tested.begin(), tested.end(), is_tested);
  const auto last = std::find_if(tested.rbegin(), tested.rend(), is_tested).base();
  const auto odd = std::find_if(first, last, [&](int64_t count) { return count != *first; });
  if (odd == last) return {};
  return input_error(fmt::format("date {} is tested {} times, date {} {} times", odd - tested.begin(), *odd, first - tested.begin(), *first), "folds",
                     "this is a defect of the split: please report it");
}

}  // namespace

Result<std::vector<Fold>> walk_forward(int64_t num_dates, const WalkForward& split) {
  HY_CHECK(check_at_least("train_days", split.train_days, 1));
  HY_CHECK(check_at_least("test_days", split.test_days, 1));
  HY_CHECK(check_at_least("purge_days", split.purge_days, 0));
  const int64_t first = split.train_days + split.purge_days;
  if (num_dates <= first) return too_few_dates(num_dates, first + 1, "one fold of walk_forward");
  std::vector<Fold> folds;
  for (int64_t begin = first; begin < num_dates; begin += split.test_days) {
    const int64_t train_end = begin - split.purge_days;
    const DateRange train{split.expanding ? 0 : train_end - split.train_days, train_end};
    folds.push_back({{train}, {{begin, std::min(begin + split.test_days, num_dates)}}});
  }
  return folds;
}

Result<std::vector<Fold>> holdout(int64_t num_dates, DateRange test, int64_t purge_days) {
  HY_CHECK(check_at_least("purge_days", purge_days, 0));
  if (test.size() < 1) return too_few_dates(num_dates, purge_days + 2, "a holdout");
  const int64_t train_end = test.begin - purge_days;
  if (train_end < 1)
    return input_error(fmt::format("{} dates stand before the test, a holdout with purge_days {} needs {}", test.begin, purge_days, purge_days + 1),
                       "[split]", "begin the test later, or give earlier dates");
  return std::vector<Fold>{{{{0, train_end}}, {test}}};
}

Result<std::vector<Fold>> combinatorial_purged(int64_t num_dates, const CombinatorialPurged& split) {
  HY_CHECK(check_at_least("purge_days", split.purge_days, 0));
  HY_CHECK(check_at_least("embargo_days", split.embargo_days, 0));
  HY_CHECK(check_at_least("num_folds", split.num_folds, 2));
  if (split.num_test_folds < 1 || split.num_test_folds >= split.num_folds)
    return out_of_range("num_test_folds", double(split.num_test_folds), fmt::format("1 to num_folds - 1 = {}", split.num_folds - 1));
  if (choices(split.num_folds, split.num_test_folds) > kMostChoices)
    return usage_error(fmt::format("{} of {} parts can be chosen in more than {} ways", split.num_test_folds, split.num_folds, kMostChoices),
                       "[split] num_folds", "use fewer parts");
  const int64_t part = num_dates / split.num_folds;
  if (part < 1) return too_few_dates(num_dates, split.num_folds, "combinatorial_purged");
  std::vector<int64_t> chosen(size_t(split.num_test_folds), 0);
  for (size_t i = 0; i < chosen.size(); ++i) chosen[i] = int64_t(i);
  std::vector<Fold> folds;
  do {
    Fold fold;
    for (const int64_t c : chosen) append(fold.test, {c * part, c + 1 == split.num_folds ? num_dates : (c + 1) * part});
    fold.train = train_around(fold.test, num_dates, split.purge_days, split.embargo_days);
    if (fold.train.empty())
      return input_error(fmt::format("purge and embargo leave no training date when parts {} are tested", fmt::join(chosen, ", ")), "[split]",
                         "give more dates, fewer parts, or a shorter purge_days or embargo_days");
    folds.push_back(std::move(fold));
  } while (next_choice(chosen, split.num_folds));
  return folds;
}

Result<std::vector<Fold>> make_folds(const SplitSpec& split, std::span<const int64_t> dates, bool daily) {
  HY_CHECK(check_name("method", split.method, kSplitMethods));
  HY_CHECK(check_name("window", split.window, kSplitWindows));
  const auto num_dates = int64_t(dates.size());
  if (split.method == "walk_forward")
    return walk_forward(num_dates, {split.train_days, split.test_days, split.purge_days, split.window == "expanding"});
  if (split.method == "holdout") return holdout_of(split, dates, daily);
  return combinatorial_purged(num_dates, {split.num_folds, split.num_test_folds, split.purge_days, split.embargo_days});
}

int64_t dates_needed(const SplitSpec& split) {
  if (split.method == "walk_forward") return split.train_days + split.purge_days + 1;
  if (split.method == "holdout") return split.purge_days + 2;
  return split.num_folds;
}

Result<void> check_folds(std::span<const Fold> folds, int64_t num_dates, int64_t purge_days, int64_t embargo_days) {
  if (folds.empty()) return input_error("no folds", "folds", "this is a defect of the split: please report it");
  for (size_t i = 0; i < folds.size(); ++i) {
    HY_CHECK(check_ranges(i, "train", folds[i].train, num_dates));
    HY_CHECK(check_ranges(i, "test", folds[i].test, num_dates));
    HY_CHECK(check_distance(i, folds[i], purge_days, embargo_days));
  }
  return check_complete(folds, num_dates);
}

}  // namespace hayate
