#include "features/cross_section.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/missing.h"

namespace hayate {
namespace {

constexpr size_t kDatesPerTask = 64;

struct Placed {
  double value;
  size_t at;
};

/// Values that are there, with their places; `finite`: inf is not.
std::vector<Placed> present(std::span<const double> values, bool finite) {
  std::vector<Placed> out;
  for (size_t i = 0; i < values.size(); ++i)
    if (finite ? std::isfinite(values[i]) : !std::isnan(values[i])) out.push_back({values[i], i});
  return out;
}

void rank(std::span<double> values) {
  std::vector<Placed> sorted = present(values, false);
  std::fill(values.begin(), values.end(), kNaN);
  if (sorted.size() < 2) return;
  std::sort(sorted.begin(), sorted.end(), [](const Placed& a, const Placed& b) { return a.value < b.value; });
  for (size_t first = 0, last = 0; first < sorted.size(); first = last) {
    while (last < sorted.size() && sorted[last].value == sorted[first].value) ++last;
    // Places first + 1 .. last are shared by equal values.
    const double share = (double(first) + double(last - first + 1) / 2) / double(sorted.size());
    for (size_t i = first; i < last; ++i) values[sorted[i].at] = share;
  }
}

double mean_of(std::span<const Placed> group) {
  double sum = 0;
  for (const Placed& p : group) sum += p.value;
  const double mean = sum / double(group.size());
  double rest = 0;
  for (const Placed& p : group) rest += p.value - mean;
  return mean + rest / double(group.size());
}

/// Writes value - mean of the group to the places of its values, or NaN when it is one value.
void demean(std::span<const Placed> group, std::span<double> values) {
  if (group.size() < 2) return;
  const double mean = mean_of(group);
  for (const Placed& p : group) values[p.at] = p.value - mean;
}

void zscore(std::span<const Placed> group, std::span<double> values) {
  const bool equal = std::all_of(group.begin(), group.end(), [&](const Placed& p) { return p.value == group[0].value; });
  if (group.size() < 2 || equal) return;
  const double mean = mean_of(group);
  double squares = 0;
  for (const Placed& p : group) squares += (p.value - mean) * (p.value - mean);
  const double deviation = std::sqrt(squares / double(group.size() - 1));
  for (const Placed& p : group) values[p.at] = (p.value - mean) / deviation;
}

}  // namespace

DateRows::DateRows(std::span<const int64_t> times) : dates(times.begin(), times.end()) {
  std::sort(dates.begin(), dates.end());
  dates.erase(std::unique(dates.begin(), dates.end()), dates.end());
  std::vector<int32_t> date_of(times.size());
  start.assign(dates.size() + 1, 0);
  for (size_t row = 0; row < times.size(); ++row) {
    date_of[row] = int32_t(std::lower_bound(dates.begin(), dates.end(), times[row]) - dates.begin());
    ++start[size_t(date_of[row]) + 1];
  }
  for (size_t d = 0; d < dates.size(); ++d) start[d + 1] += start[d];
  std::vector<int64_t> next(start.begin(), start.end() - 1);
  rows.resize(times.size());
  for (size_t row = 0; row < times.size(); ++row) rows[size_t(next[size_t(date_of[row])]++)] = int64_t(row);
}

void cross_section(CrossSection kind, std::span<double> values) {
  if (kind == CrossSection::rank) return rank(values);
  const std::vector<Placed> all = present(values, true);
  std::fill(values.begin(), values.end(), kNaN);
  kind == CrossSection::zscore ? zscore(all, values) : demean(all, values);
}

void neutralize(std::span<double> values, std::span<const double> groups) {
  std::vector<Placed> all = present(values, true);
  std::erase_if(all, [&](const Placed& p) { return std::isnan(groups[p.at]); });
  std::fill(values.begin(), values.end(), kNaN);
  // By group, and in a group in the order given, so that sums are taken in that order.
  std::stable_sort(all.begin(), all.end(), [&](const Placed& a, const Placed& b) { return groups[a.at] < groups[b.at]; });
  for (size_t first = 0, last = 0; first < all.size(); first = last) {
    while (last < all.size() && groups[all[last].at] == groups[all[first].at]) ++last;
    demean(std::span(all).subspan(first, last - first), values);
  }
}

template <class T>
void cross_sections(CrossSection kind, const DateRows& dates, std::span<T> column, exec::Pool& pool) {
  pool.run(int64_t((dates.num_dates() + kDatesPerTask - 1) / kDatesPerTask), [&](int64_t task, int) {
    std::vector<double> values;
    const size_t first = size_t(task) * kDatesPerTask;
    for (size_t date = first; date < std::min(first + kDatesPerTask, dates.num_dates()); ++date) {
      const auto rows = dates.of(date);
      values.resize(rows.size());
      for (size_t i = 0; i < rows.size(); ++i) values[i] = double(column[size_t(rows[i])]);
      cross_section(kind, values);
      for (size_t i = 0; i < rows.size(); ++i) column[size_t(rows[i])] = T(values[i]);
    }
  });
}
template void cross_sections(CrossSection, const DateRows&, std::span<float>, exec::Pool&);
template void cross_sections(CrossSection, const DateRows&, std::span<double>, exec::Pool&);

int64_t first_touch(std::span<const double> x, size_t t, double upper, double lower, int64_t horizon) {
  for (int64_t k = 1; k <= horizon; ++k) {
    if (x[t + size_t(k)] >= upper) return k;
    if (x[t + size_t(k)] <= lower) return -k;
  }
  return 0;
}

}  // namespace hayate
