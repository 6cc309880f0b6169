#include "kernels/ta_average.h"

#include <cmath>

#include "kernels/ta_formulas.h"
#include "kernels/ta_hilbert.h"

HAYATE_TA_BEGIN

namespace {

Series copied(Series x, double* out) {
  for (int64_t row = x.begin; row < x.rows; ++row) out[row] = x[row];
  return begun(out, x.begin, x);
}

int64_t floor_sqrt(int64_t n) {
  int64_t root = static_cast<int64_t>(std::sqrt(static_cast<double>(n)));
  while (root * root > n) --root;
  return root;
}

}  // namespace

int64_t hma_smoothing(int64_t period) { return floor_sqrt(period) > 1 ? floor_sqrt(period) : 1; }

Series dema(Series x, int64_t period, double* const* scratch, double* out) {
  const Series once = exponential_mean(x, period, scratch[0]);
  const Series twice = exponential_mean(once, period, out);
  for (int64_t row = twice.begin; row < x.rows; ++row) out[row] = 2 * once[row] - twice[row];
  return twice;
}

Series tema(Series x, int64_t period, double* const* scratch, double* out) {
  const Series once = exponential_mean(x, period, scratch[0]);
  const Series twice = exponential_mean(once, period, scratch[1]);
  const Series thrice = exponential_mean(twice, period, out);
  for (int64_t row = thrice.begin; row < x.rows; ++row) out[row] = thrice[row] + (3 * once[row] - 3 * twice[row]);
  return thrice;
}

Series trima(Series x, int64_t period, double* const* scratch, double* out) {
  return mean(mean(x, period / 2 + 1 - (period % 2 == 0), scratch[0]), period / 2 + 1, out);
}

Series kama(Series x, int64_t period, double* const* scratch, double* out) {
  constexpr double kFastest = 2.0 / (2 + 1), kSlowest = 2.0 / (30 + 1);
  const Series path = sum_of_moves(from(x, x.begin + 1), period, [x](int64_t row) { return std::fabs(x[row] - x[row - 1]); }, scratch[0]);
  double value = path.begin < x.rows ? x[path.begin - 1] : 0;
  for (int64_t row = path.begin; row < x.rows; ++row) {
    const double moved = x[row] - x[row - period];
    // The rest of a running sum may be less than the way that is left of it.
    const double least = x.exact ? std::fabs(moved) : moved;
    const double ratio = path[row] <= least || path[row] == 0 ? 1 : std::fabs(moved / path[row]);
    const double known = ratio == ratio ? ratio : kNaN;  // of infinite values: as kaufman_step has it
    const double weight = known * (kFastest - kSlowest) + kSlowest;
    out[row] = value += (x[row] - value) * (weight * weight);
  }
  return begun(out, path.begin, x);
}

Series t3(Series x, int64_t period, double factor, double* out) {
  const TillsonWeights weights(factor);
  const double weight = 2.0 / static_cast<double>(period + 1);
  // Mean k begins with the plain mean of the first `period` values of mean k - 1: it sums up until its own first row.
  double mean[7] = {};
  for (int64_t row = x.begin; row < x.rows; ++row) {
    mean[0] = x[row];
    for (int64_t k = 1; k <= 6; ++k) {
      const int64_t first = x.begin + k * (period - 1);
      if (row < first - (period - 1)) break;
      if (row > first) {
        mean[k] += weight * (mean[k - 1] - mean[k]);
      } else {
        mean[k] += mean[k - 1];
        if (row == first) mean[k] /= static_cast<double>(period);
      }
    }
    out[row] = weights.of_six * mean[6] + weights.of_five * mean[5] + weights.of_four * mean[4] + weights.of_three * mean[3];
  }
  return begun(out, x.begin + 6 * (period - 1), x);
}

Series hma(Series x, int64_t period, double* const* scratch, double* out) {
  const Series half = weighted_mean(x, period / 2 > 1 ? period / 2 : 1, scratch[0]);
  const Series full = weighted_mean(x, period, scratch[1]);
  for (int64_t row = full.begin; row < x.rows; ++row) scratch[1][row] = 2 * half[row] - full[row];
  return weighted_mean(full, hma_smoothing(period), out);
}

Series zlema(Series x, int64_t period, double* const* scratch, double* out) {
  const int64_t lag = (period - 1) / 2;
  for (int64_t row = x.begin + lag; row < x.rows; ++row) scratch[0][row] = x[row] + (x[row] - x[row - lag]);
  return exponential_mean(begun(scratch[0], x.begin + lag, x), period, out);
}

Series mama(Series x, double fast_limit, double slow_limit, double* out) {
  Mama mama;
  for (int64_t row = x.begin; row < x.rows; ++row) {
    mama.step(x[row], fast_limit, slow_limit, x.exact);
    out[row] = mama.value;
  }
  return begun(out, x.begin + Mama::kLookback, x);
}

Average average_type(double matype, Average otherwise) {
  const Average type = static_cast<Average>(matype);
  return type == Average::own_default ? otherwise : type;
}

int64_t average_lookback(int64_t period, Average type) {
  if (period <= 1) return 0;
  switch (type) {
    case Average::dema:
      return 2 * (period - 1);
    case Average::tema:
      return 3 * (period - 1);
    case Average::kama:
      return period;
    case Average::mama:
      return 32;
    case Average::t3:
      return 6 * (period - 1);
    case Average::hma:
      return period - 1 + hma_smoothing(period) - 1;
    case Average::none:
      return 0;
    case Average::zlema:
      return period - 1 + (period - 1) / 2;
    default:
      return period - 1;
  }
}

Series average(Series x, int64_t period, Average type, double* const* scratch, double* out) {
  if (period <= 1) return copied(x, out);
  switch (type) {
    case Average::sma:
    case Average::own_default:
      return mean(x, period, out);
    case Average::ema:
      return exponential_mean(x, period, out);
    case Average::wma:
      return weighted_mean(x, period, out);
    case Average::dema:
      return dema(x, period, scratch, out);
    case Average::tema:
      return tema(x, period, scratch, out);
    case Average::trima:
      return trima(x, period, scratch, out);
    case Average::kama:
      return kama(x, period, scratch, out);
    case Average::mama:
      return mama(x, 0.5, 0.05, out);
    case Average::t3:
      return t3(x, period, 0.7, out);
    case Average::hma:
      return hma(x, period, scratch, out);
    case Average::none:
      return copied(x, out);
    case Average::zlema:
      return zlema(x, period, scratch, out);
    case Average::rma:
      return wilder_mean(x, period, out);
  }
  return copied(x, out);
}

HAYATE_TA_END
