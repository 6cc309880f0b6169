#include "kernels/ta_directional.h"

#include <cmath>

#include "kernels/ta_series.h"

HAYATE_TA_BEGIN

namespace {

/// Wilder's sums after each bar. The first period - 1 movements are added up; from then on a share of 1 / period is forgotten
/// with every bar.
struct DirectionalSums {
  double plus = 0, minus = 0, range = 0;

  double forgotten(double sum, int64_t row, int64_t period) const { return row < period ? sum : sum - sum / static_cast<double>(period); }

  void add_movement(Series high, Series low, int64_t row, int64_t period) {
    const double up = high[row] - high[row - 1], down = low[row - 1] - low[row];
    plus = forgotten(plus, row, period) + (up > 0 && up > down ? up : 0);
    minus = forgotten(minus, row, period) + (down > 0 && up < down ? down : 0);
  }

  void add(Series high, Series low, Series close, int64_t row, int64_t period) {
    add_movement(high, low, row, period);
    range = forgotten(range, row, period) + true_range_of(high[row], low[row], close[row - 1]);
  }

  /// 100 |DI+ - DI-| / (DI+ + DI-), or `otherwise` while nothing moved.
  double index(double otherwise) const {
    if (!(range > 0)) return otherwise;
    const double up = 100 * (plus / range), down = 100 * (minus / range);
    return up + down > 0 ? 100 * (std::fabs(down - up) / (up + down)) : otherwise;
  }
};

/// Wilder's mean of DX, begun with a plain mean; bars without movement leave it as it is.
Series directional_index_mean(const Call& call, double* out) {
  const Series high = input(call, 0), low = input(call, 1), close = input(call, 2);
  const int64_t period = whole(call, 0), first = adx_lookback(call.params);
  const double count = static_cast<double>(period);
  DirectionalSums sums;
  double total = 0, mean = 0;
  for (int64_t row = 1; row < call.rows; ++row) {
    sums.add(high, low, close, row, period);
    if (row < period) continue;
    if (row <= first) total += sums.index(0);
    if (row == first) mean = total / count;
    if (row > first) {
      const double index = sums.index(kNaN);
      if (!std::isnan(index)) mean = (mean * (count - 1) + index) / count;
    }
    out[row] = mean;
  }
  return begun(out, first, high);
}

}  // namespace

void adxr(const Call& call) {
  const Series mean = directional_index_mean(call, call.scratch[0]);
  const int64_t before = whole(call, 0) - 1, first = mean.begin + before;
  for (int64_t row = first; row < call.rows; ++row) call.outputs[0][row] = (mean[row] + mean[row - before]) / 2;
  begun(call.outputs[0], first, mean);
}

int64_t dm_lookback(const double* params) { return params[0] > 1 ? static_cast<int64_t>(params[0]) - 1 : 1; }
int64_t adx_lookback(const double* params) { return 2 * static_cast<int64_t>(params[0]) - 1; }
int64_t adxr_lookback(const double* params) { return 3 * static_cast<int64_t>(params[0]) - 2; }

HAYATE_TA_END
