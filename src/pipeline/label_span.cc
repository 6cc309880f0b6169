#include "pipeline/label_span.h"

#include <algorithm>
#include <map>

namespace hayate::pipeline {

std::vector<int64_t> label_ends(const Program& label, const Panel& panel) {
  std::vector<int64_t> ends(panel.times.size());
  for (size_t s = 0; s < panel.num_symbols(); ++s)
    for (int64_t row = panel.offsets[s]; row < panel.offsets[s + 1]; ++row)
      ends[size_t(row)] = panel.times[size_t(std::min(row + label.look_ahead(), panel.offsets[s + 1] - 1))];
  if (!label.has_cross_sections()) return ends;
  std::map<int64_t, int64_t> latest;  // by date
  for (size_t row = 0; row < ends.size(); ++row) {
    const auto [at, fresh] = latest.try_emplace(panel.times[row], ends[row]);
    at->second = std::max(at->second, ends[row]);
  }
  for (size_t row = 0; row < ends.size(); ++row) ends[row] = latest[panel.times[row]];
  return ends;
}

void drop_overlapping(std::vector<int32_t>& rows, std::span<const int64_t> times, std::span<const int64_t> ends, const Fold& fold,
                      std::span<const int64_t> dates) {
  std::erase_if(rows, [&](int32_t row) {
    return std::any_of(fold.test.begin(), fold.test.end(), [&](const DateRange& test) {
      return times[size_t(row)] <= dates[size_t(test.end - 1)] && ends[size_t(row)] >= dates[size_t(test.begin)];
    });
  });
}

}  // namespace hayate::pipeline
