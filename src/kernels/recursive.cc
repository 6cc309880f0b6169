// See recursive.h. Both do as many steps per row as there are rows in the window, kTogether rows at a time.
#include "kernels/recursive.h"

#include "kernels/strips.h"

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
  for (int64_t i = 0; i < task.rows; ++i) {
    out.present[i] = is_finite(out.values[i]) ? 1.0 : 0.0;
    out.values[i] = is_finite(out.values[i]) ? out.values[i] : 0.0;
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

void absolute_deviation(const RecursiveTask& task, double* scratch) {
  const Filled x = fill(task, scratch);
  for (int64_t begin = 0; begin < task.rows; begin += kTogether) {
    const int64_t ages = task.window == 0 ? begin + kTogether : task.window;
    const double* values = x.values + begin;
    const double* present = x.present + begin;
    double sum[kTogether] = {}, count[kTogether] = {}, mean[kTogether], deviations[kTogether] = {};
    for (int64_t age = 0; age < ages; ++age)
      for (int64_t i = 0; i < kTogether; ++i) sum[i] += values[i - age], count[i] += present[i - age];
    for (int64_t i = 0; i < kTogether; ++i) mean[i] = sum[i] / count[i];
    for (int64_t age = 0; age < ages; ++age)
      for (int64_t i = 0; i < kTogether; ++i) deviations[i] += present[i - age] != 0 ? __builtin_fabs(values[i - age] - mean[i]) : 0;
    for (int64_t i = 0; i < least(kTogether, task.rows - begin); ++i) task.sink.doubles[begin + i] = count[i] > 0 ? deviations[i] / count[i] : kNaN;
  }
}

}  // namespace

extern const RecursiveKernels kRecursiveKernels;
const RecursiveKernels kRecursiveKernels = {scratch, expanding_ema, absolute_deviation};

HAYATE_KERNELS_END
