// One row of the table of lane functions (lanes.h).
#pragma once

#include "kernels/isa.h"
#include "kernels/lanes.h"
#include "kernels/vectors.h"

HAYATE_KERNELS_BEGIN

struct LaneEntry {
  int64_t (*words)(const double* params);
  void (*run)(const LaneTask&);
};

/// A function that branches by what it reads, so that symbols can't run side by side: each lane in turn, row by row.
///
///   struct State { int64_t rows, gap; ... };   // all zeros before the first row; rows: complete rows of the run, this one included
///   static constexpr int kOutputs;             // of one input
///   static constexpr bool kWhole;              // outputs are whole numbers: 0 in the first rows of a series
///   static constexpr int64_t kLookback;
///   Function(const double* params, bool exact);
///   void step(State& state, double x, double* out) const;
template <class Function>
int64_t words_alone(const double*) {
  static_assert(sizeof(typename Function::State) % sizeof(double) == 0);
  return int64_t(sizeof(typename Function::State) / sizeof(double));
}

template <class Function>
void run_alone(const LaneTask& task) {
  using State = typename Function::State;
  constexpr int64_t kWords = int64_t(sizeof(State) / sizeof(double));
  const Function function(task.params, task.exact);
  for (int64_t lane = 0; lane < task.lanes; ++lane) {
    State state;
    double words[kWords];
    for (int64_t w = 0; w < kWords; ++w) words[w] = task.state[w * kLanes + lane];
    memcpy(&state, words, sizeof state);
    for (int64_t cell = lane; cell < task.rows * kLanes; cell += kLanes) {
      const double x = task.inputs[0][cell];
      const bool skipped = x != x && (!task.exact || state.rows == 0);
      double out[Function::kOutputs];
      if (skipped && !task.exact) state = State{}, state.gap = 1;
      if (!skipped) ++state.rows, function.step(state, x, out);
      const double nothing = Function::kWhole && (task.exact || state.gap == 0) ? 0 : kNaN;
      const bool has_value = !skipped && state.rows > Function::kLookback;
      for (int o = 0; o < Function::kOutputs; ++o) task.outputs[o][cell] = has_value ? out[o] : nothing;
    }
    memcpy(words, &state, sizeof state);
    for (int64_t w = 0; w < kWords; ++w) task.state[w * kLanes + lane] = words[w];
  }
}

/// Of the functions of the Hilbert transform, which are in ta_cycle.cc.
const LaneEntry& lane_entry_of_cycle(int number);
/// Of the candle patterns, which are in ta_patterns.cc.
const LaneEntry& lane_entry_of_pattern(int pattern);

HAYATE_KERNELS_END
