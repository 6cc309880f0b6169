// See recursive.h. Both do as many steps per row as there are rows in the window, kTogether rows at a time.
#include "kernels/recursive.h"

#include "kernels/strips.h"
#include "kernels/ta_windows.h"

HAYATE_KERNELS_BEGIN
namespace {

constexpr int64_t kTogether = 32;

int64_t history_of(const RecursiveTask& task) { return most(kTogether, round_up(task.window)); }
int64_t scratch(const RecursiveTask& task) { return 2 * (history_of(task) + task.rows + kTogether) + 32; }

/// All rows with missing ones 0, and which are present; rows before and after the series are missing.
struct Filled {
  double* values;
  double* present;
};

Filled fill(const RecursiveTask& task, double* scratch) {
  const int64_t history = history_of(task), room = history + round_up(task.rows) + kTogether;
  memset(scratch, 0, size_t(2 * room) * sizeof(double));
  const Filled out{scratch + history, scratch + room + history};
  widen(task.series, 0, task.rows, out.values);
  double* __restrict values = out.values;
  double* __restrict present = out.present;
  for (int64_t i = 0; i < task.rows; ++i) {
    present[i] = is_finite(values[i]) ? 1.0 : 0.0;
    values[i] = is_finite(values[i]) ? values[i] : 0.0;
  }
  return out;
}

void expanding_ema(const RecursiveTask& task, double* scratch) {
  const Filled x = fill(task, scratch);
  double values = 0;
  for (int64_t begin = 0; begin < task.rows; begin += kTogether) {
    double decay[kTogether], sum[kTogether] = {}, weights[kTogether] = {};
    for (int64_t i = 0; i < kTogether; ++i) decay[i] = 1 - 2 / (double(begin + i) + 2);
    for (int64_t j = 0; j < begin; ++j)
      for (int64_t i = 0; i < kTogether; ++i) sum[i] = sum[i] * decay[i] + x.values[j], weights[i] = weights[i] * decay[i] + 1;
    for (int64_t i = 0; i < least(kTogether, task.rows - begin); ++i) {
      for (int64_t j = begin; j <= begin + i; ++j) sum[i] = sum[i] * decay[i] + x.values[j], weights[i] = weights[i] * decay[i] + 1;
      values += x.present[begin + i];
      task.sink.doubles[begin + i] = values > 0 ? sum[i] / weights[i] : kNaN;
    }
  }
}

/// Sums of the last `window` rows of a series, for rows [begin, begin + rows). Writes kTogether more.
void window_sums(const double* series, int64_t window, int64_t begin, int64_t rows, double* __restrict sums) {
  if (window > 0 && window <= talib::kStripRows) return talib::strip_sums(series + begin, window, rows, sums);
  for (int64_t at = 0; at < rows; at += kTogether) {
    const int64_t ages = window == 0 ? begin + at + kTogether : window;
    double total[kTogether] = {};
    for (int64_t age = 0; age < ages; ++age)
      for (int64_t i = 0; i < kTogether; ++i) total[i] += series[begin + at + i - age];
    for (int64_t i = 0; i < kTogether; ++i) sums[at + i] = total[i];
  }
}

/// The distances of kTogether rows from their means. A row without a value adds 0, so windows that are full give the same bytes
/// either way.
template <bool kFull>
void sum_distances(const double* values, const double* present, const double* mean, int64_t ages, double* __restrict out) {
  double sums[kTogether] = {};
  for (int64_t age = 0; age < ages; ++age)
    for (int64_t i = 0; i < kTogether; ++i) {
      const double distance = __builtin_fabs(values[i - age] - mean[i]);
      sums[i] += kFull || present[i - age] != 0 ? distance : 0;
    }
  for (int64_t i = 0; i < kTogether; ++i) out[i] = sums[i];
}

/// Below this share of the mean, the mean's own rounding shows in the distances from it: one unit of its last place is 3e-11 of them there.
constexpr double kFlat = 0x1p-17;

/// The mean distance of one window whose distances are small beside its mean: what is left of the mean after rounding comes from the distances.
double flat_deviation(const double* newest, const double* present, double mean, int64_t ages, double count) {
  double rest = 0, sum = 0;
  for (int64_t age = 0; age < ages; ++age) rest += present[-age] != 0 ? newest[-age] - mean : 0;
  rest /= count;
  for (int64_t age = 0; age < ages; ++age) sum += present[-age] != 0 ? __builtin_fabs(newest[-age] - mean - rest) : 0;
  return sum / count;
}

void absolute_deviation(const RecursiveTask& task, double* scratch) {
  const Filled x = fill(task, scratch);
  for (int64_t begin = 0; begin < task.rows; begin += talib::kStripRows) {
    const int64_t rows = least(talib::kStripRows, task.rows - begin);
    double mean[talib::kStripRows + kTogether] = {}, count[talib::kStripRows + kTogether] = {}, distances[talib::kStripRows + kTogether];
    window_sums(x.values, task.window, begin, rows, mean);
    window_sums(x.present, task.window, begin, rows, count);
    for (int64_t i = 0; i < rows; ++i) mean[i] = mean[i] / count[i];
    for (int64_t at = 0; at < rows; at += kTogether) {
      const int64_t ages = task.window == 0 ? begin + at + kTogether : task.window;
      const double *values = x.values + begin + at, *present = x.present + begin + at;
      bool full = at + kTogether <= rows && task.window > 0;
      for (int64_t i = at; i < at + kTogether; ++i) full &= count[i] == double(task.window);
      if (full)
        sum_distances<true>(values, present, mean + at, ages, distances + at);
      else
        sum_distances<false>(values, present, mean + at, ages, distances + at);
    }
    double* __restrict out = task.sink.doubles + begin;
    int64_t flat = 0;
    for (int64_t i = 0; i < rows; ++i) {
      const double deviation = distances[i] / count[i];
      out[i] = count[i] > 0 ? deviation : kNaN;
      flat += deviation < __builtin_fabs(mean[i]) * kFlat ? 1 : 0;
    }
    for (int64_t i = 0; i < rows && flat > 0; ++i)
      if (out[i] > 0 && out[i] < __builtin_fabs(mean[i]) * kFlat)
        out[i] = flat_deviation(x.values + begin + i, x.present + begin + i, mean[i], task.window == 0 ? begin + i + 1 : task.window, count[i]);
  }
}

}  // namespace

extern const RecursiveKernels kRecursiveKernels;
const RecursiveKernels kRecursiveKernels = {scratch, expanding_ema, absolute_deviation};

HAYATE_KERNELS_END
