#include "pipeline/decay.h"

#include <algorithm>
#include <limits>

#include "kernels/transcendental.h"

namespace hayate::pipeline {

std::vector<float> decayed_weights(std::span<const double> days, std::span<const int32_t> rows, double half_life, std::span<const float> weights) {
  double newest = -std::numeric_limits<double>::infinity();
  for (const int32_t row : rows) newest = std::max(newest, days[size_t(row)]);
  std::vector<float> out(days.size(), 0.0f);
  for (const int32_t row : rows) {
    const double share = kernels::baseline::power(0.5, (newest - days[size_t(row)]) / half_life);
    out[size_t(row)] = float(share * (weights.empty() ? 1.0 : double(weights[size_t(row)])));
  }
  return out;
}

std::vector<double> days_of(std::span<const int64_t> times, bool daily) {
  constexpr double kMicrosecondsOfDay = 86'400e6;
  std::vector<double> days;
  for (const int64_t time : times) days.push_back(daily ? double(time) : double(time) / kMicrosecondsOfDay);
  return days;
}

}  // namespace hayate::pipeline
