#include "pipeline/same_order.h"

#include <algorithm>
#include <cmath>

namespace hayate::pipeline {
namespace {

/// Pairs of equal neighbours' runs: n (n - 1) / 2 of each.
template <class Same>
int64_t tied_pairs(const std::vector<std::pair<double, double>>& sorted, const Same& same) {
  int64_t pairs = 0, run = 1;
  for (size_t i = 1; i < sorted.size(); ++i) {
    run = same(sorted[i - 1], sorted[i]) ? run + 1 : 1;
    pairs += run - 1;
  }
  return pairs;
}

/// Sorts values and counts the pairs that stood in falling order.
int64_t sort_counting(std::span<double> values, std::vector<double>& spare) {
  if (values.size() < 2) return 0;
  const size_t middle = values.size() / 2;
  const auto left = values.first(middle), right = values.subspan(middle);
  int64_t falling = sort_counting(left, spare) + sort_counting(right, spare);
  spare.clear();
  for (size_t l = 0, r = 0; l < left.size() || r < right.size();) {
    const bool take_right = l == left.size() || (r < right.size() && right[r] < left[l]);
    if (take_right) falling += int64_t(left.size() - l);
    spare.push_back(take_right ? right[r++] : left[l++]);
  }
  std::copy(spare.begin(), spare.end(), values.begin());
  return falling;
}

}  // namespace

double OrderCount::share() const {
  constexpr int64_t kFewest = 190;  // 20 rows, each with each
  if (comparable < kFewest || 5 * comparable < told) return 0;
  return double(std::max(against, comparable - against)) / double(comparable);
}

OrderCount count_order(std::vector<std::pair<double, double>>& rows) {
  std::erase_if(rows, [](const auto& row) { return !std::isfinite(row.first) || !std::isfinite(row.second); });
  const int64_t n = int64_t(rows.size());
  std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  const int64_t same_value = tied_pairs(rows, [](const auto& a, const auto& b) { return a.second == b.second; });
  std::sort(rows.begin(), rows.end());
  const int64_t same_answer = tied_pairs(rows, [](const auto& a, const auto& b) { return a.first == b.first; });
  const int64_t same_both = tied_pairs(rows, [](const auto& a, const auto& b) { return a == b; });
  std::vector<double> values, spare;
  for (const auto& row : rows) values.push_back(row.second);
  const int64_t told = n * (n - 1) / 2 - same_answer;
  return {told, told - same_value + same_both, sort_counting(values, spare)};
}

}  // namespace hayate::pipeline
