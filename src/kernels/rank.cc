// See rank.h. A missing row has the last key: it is above every value, so "above" counts it and the number of values is taken
// from counts of their own.
#include "kernels/rank.h"

#include "kernels/keys.h"
#include "kernels/strips.h"

HAYATE_KERNELS_BEGIN
namespace {

constexpr int64_t kStrip = 256;
constexpr int64_t kTogether = 64;  // rows whose counts stay in registers

int64_t history_of(const RankTask& task) { return round_up(task.longest + 1); }

int64_t scratch(const RankTask& task) {
  const int64_t keys = task.rows + 2 * kStrip + history_of(task);  // all rows: windows without an end look back to the first
  return 2 * (keys + 64) + 2 * kStrip + 64;
}

template <class Float>
struct Work {
  using K = Key<Float>;
  const RankTask* task;
  K* keys;           // of every row; rows before the series are missing
  int32_t* present;  // values present up to and with this row, over the whole series
  float* staging;
};

template <class Float>
void lay_out(Work<Float>& w, double* scratch) {
  using K = Key<Float>;
  const int64_t history = history_of(*w.task), rows = w.task->rows, room = rows + kStrip + history;
  Carver carver{scratch, kStrip};
  w.staging = carver.staging();
  w.keys = reinterpret_cast<K*>(carver.next) + history;
  w.present = reinterpret_cast<int32_t*>(carver.next + room) + history;
  const Float* __restrict from = static_cast<const Float*>(w.task->series.rows);
  for (int64_t i = -history; i < 0; ++i) w.keys[i] = kLastKey<K>, w.present[i] = 0;
  for (int64_t i = 0; i < rows; ++i) w.keys[i] = key_of(from[i], kLastKey<K>);
  for (int64_t i = rows; i < rows + kTogether; ++i) w.keys[i] = kLastKey<K>;
  int32_t present = 0;
  for (int64_t i = 0; i < rows; ++i) w.present[i] = present += w.keys[i] != kLastKey<K>;
}

/// Adds, for each of kTogether rows, (values below) - (values above) among ages [from, to).
template <class K>
void count(const K* newest, int64_t from, int64_t to, K* __restrict balance) {
  typedef K Lanes __attribute__((vector_size(kShortVector), aligned(sizeof(K)), may_alias));
  constexpr int64_t kLanes = kShortVector / int64_t(sizeof(K)), kVectors = 4;
  for (int64_t row = 0; row < kTogether; row += kLanes * kVectors) {
    const Lanes* now = reinterpret_cast<const Lanes*>(newest + row);
    Lanes* sums = reinterpret_cast<Lanes*>(balance + row);
    const Lanes now0 = now[0], now1 = now[1], now2 = now[2], now3 = now[3];
    Lanes sum0 = sums[0], sum1 = sums[1], sum2 = sums[2], sum3 = sums[3];
    for (int64_t age = from; age < to; ++age) {
      const Lanes* old = reinterpret_cast<const Lanes*>(newest + row - age);
      const Lanes old0 = old[0], old1 = old[1], old2 = old[2], old3 = old[3];
      sum0 += (old0 > now0) - (now0 > old0);  // a true comparison is -1
      sum1 += (old1 > now1) - (now1 > old1);
      sum2 += (old2 > now2) - (now2 > old2);
      sum3 += (old3 > now3) - (now3 > old3);
    }
    sums[0] = sum0, sums[1] = sum1, sums[2] = sum2, sums[3] = sum3;
  }
}

/// With b = below - above and a window of w rows: below + (values not above) = b + w - 1. For a column the quotient is float32 at once:
/// of whole numbers below 2^24 it is the same.
template <class Float>
void emit(const Work<Float>& w, const RankOutput& output, int64_t begin, int64_t rows, const Key<Float>* balance) {
  using K = Key<Float>;
  const K* keys = w.keys + begin;
  const int32_t* present = w.present + begin;
  const int64_t window = output.window;
  const K both = K(window) + 1;
  if (is_plain_column(output.sink) && window < 1 << 22) {
    store(output.sink, w.staging, begin, {0, rows}, [=](int64_t i) HAYATE_INLINE {
      const float rank = float(int32_t(balance[i] + both)) / float(2 * (present[i] - present[i - window]));
      return keys[i] == kLastKey<K> ? kNaN32 : rank;
    });
    return;
  }
  store(output.sink, w.staging, begin, {0, rows}, [=](int64_t i) HAYATE_INLINE {
    const double rank = double(int32_t(balance[i] + both)) / double(2 * (present[i] - present[i - window]));
    return keys[i] == kLastKey<K> ? kNaN : rank;
  });
}

template <class Float>
void emit_expanding(const Work<Float>& w, const RankOutput& output, int64_t begin, int64_t rows) {
  using K = Key<Float>;
  for (int64_t i = begin; i < begin + rows; ++i) {
    int32_t below = 0, level = 0;
    const K now = w.keys[i];
    for (int64_t j = 0; j <= i; ++j) below += w.keys[j] < now, level += w.keys[j] == now;
    const double rank = double(2 * below + level + 1) / double(2 * w.present[i]);
    store(output.sink, w.staging, i, {0, 1}, [=](int64_t) { return now == kLastKey<K> ? kNaN : rank; });
  }
}

template <class Float>
void compute(const RankTask& task, double* scratch) {
  Work<Float> w{};
  w.task = &task;
  lay_out(w, scratch);
  for (int64_t begin = 0; begin < task.rows; begin += kTogether) {
    alignas(64) Key<Float> balance[kTogether] = {};
    const int64_t rows = least(kTogether, task.rows - begin);
    int64_t counted = 1;
    for (int32_t o = 0; o < task.num_outputs; ++o) {
      const RankOutput& output = task.outputs[o];
      if (output.window == 0) {
        emit_expanding(w, output, begin, rows);
        continue;
      }
      count(w.keys + begin, counted, output.window, balance);
      counted = most(counted, output.window);
      emit(w, output, begin, rows, balance);
    }
  }
}

void compute_any(const RankTask& task, double* scratch) {
  if (task.series.cell == Cell::float32) return compute<float>(task, scratch);
  compute<double>(task, scratch);
}

}  // namespace

extern const RankKernels kRankKernels;
const RankKernels kRankKernels = {scratch, compute_any};

HAYATE_KERNELS_END
