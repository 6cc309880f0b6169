// For tests of ta functions: bars in the domain of every one of them, and a function run on them the way the language does.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "features/talib.h"

namespace hayate {

using TaSeries = std::vector<double>;

/// Inputs of a function by name.
struct TaBars {
  TaSeries open, high, low, close, volume, periods;

  TaSeries& series(std::string_view name) {
    return name == "open"      ? open
           : name == "high"    ? high
           : name == "low"     ? low
           : name == "volume"  ? volume
           : name == "real1"   ? volume
           : name == "periods" ? periods
                               : close;
  }
};

/// A random walk below 1 (so that arc sine has a value), without ties; `price` scales it.
inline TaBars ta_walk(size_t rows, uint64_t seed, double price = 0.5, double step = 0.01) {
  TaBars bars;
  double close = price;
  for (size_t t = 0; t < rows; ++t) {
    const auto unit = [&](uint64_t i) { return random_unit(seed, 6 * t + i); };
    const double open = close * (1 + step * (unit(0) - 0.5));
    close = open * (1 + 2 * step * (unit(1) - 0.5)) + 0.02 * step * (price - close);
    bars.open.push_back(open), bars.close.push_back(close);
    bars.high.push_back(std::fmax(open, close) * (1 + step * unit(2))), bars.low.push_back(std::fmin(open, close) * (1 - step * unit(3)));
    bars.volume.push_back(std::floor(1e6 * (0.1 + unit(4)))), bars.periods.push_back(2 + std::floor(28 * unit(5)));
  }
  return bars;
}

inline std::vector<const kernels::ta::Entry*> ta_functions() {
  std::vector<const kernels::ta::Entry*> out;
  for (const auto& group : kernels::ta::function_groups())
    for (const auto& entry : group) out.push_back(&entry);
  return out;
}

inline std::vector<double> ta_defaults(const kernels::ta::Entry& function) {
  std::vector<double> params;
  for (int i = 0; i < function.num_params(); ++i) params.push_back(function.params[i].initial);
  return params;
}

inline std::vector<TaSeries> ta_run(const kernels::ta::Entry& function, TaBars& bars, std::vector<double> params, bool exact = false) {
  const TalibCall call{&function, std::move(params), exact};
  const int64_t rows = int64_t(bars.close.size());
  std::vector<const double*> inputs;
  for (int i = 0; i < function.num_inputs(); ++i) inputs.push_back(bars.series(function.inputs[i]).data());
  std::vector<TaSeries> outputs(size_t(function.num_outputs()), TaSeries(size_t(rows), 12345.678));
  std::vector<double*> to;
  for (TaSeries& output : outputs) to.push_back(output.data());
  TaSeries scratch(size_t(talib_scratch(call, rows)));
  evaluate_talib(call, inputs.data(), rows, scratch.data(), to.data());
  return outputs;
}

}  // namespace hayate
