// One row of the table of lane functions (lanes.h).
#pragma once

#include "kernels/isa.h"
#include "kernels/lanes.h"
#include "kernels/vectors.h"

HAYATE_KERNELS_BEGIN

/// A series of a tile with `history` rows of the tiles before it: row r at at(state) + r * kLanes, r >= -history. Words are a history alone.
struct LaneTrack {
  int64_t begin, history;  ///< rows of kLanes doubles

  double* at(double* state) const { return state + (begin + history) * kLanes; }
};

/// What stands in a function's state, one behind the other. What is kept of a lane is the history of it all.
struct LaneLayout {
  static constexpr int kMostTracks = 192;
  int64_t rows = 0, kept = 0;  ///< rows: of kLanes doubles; kept: doubles of a lane
  int num_tracks = 0;
  LaneTrack tracks[kMostTracks];
  bool slides[kMostTracks];
  int8_t inputs[kMostTracks];  ///< the input that a track is a copy of; -1: none

  /// Begins with words.
  explicit LaneLayout(int64_t num_words) { add_words(num_words); }
  /// `count` numbers that the function hands to its next tile. The first is at state + begin * kLanes.
  LaneTrack add_words(int64_t count) { return append(count, 0, -1); }
  LaneTrack add(int64_t history) { return append(history, kLaneRows, -1); }
  /// Of an input as it is: not used where the task has those rows.
  LaneTrack add_input(int64_t history, int input) { return append(history, kLaneRows, input); }

 private:
  LaneTrack append(int64_t history, int64_t more, int input) {
    const LaneTrack track{rows, history};
    rows += history + more, kept += history;
    slides[num_tracks] = more > 0, inputs[num_tracks] = int8_t(input);
    return tracks[num_tracks++] = track;
  }
};

/// Whether rows of an input before the tile stand before it.
static inline bool has_before(const LaneTask& task, int input, int64_t rows) { return rows == 0 || (task.before && task.before[input] >= rows); }

struct LaneEntry {
  LaneLayout (*layout)(const double* params);
  void (*run)(const LaneTask&);
};

/// Makes the last rows of a tile, and what stood before them, the history of the next one.
static inline void slide_tracks(const LaneLayout& layout, const LaneTask& task) {
  for (int t = 0; t < layout.num_tracks; ++t) {
    if (!layout.slides[t] || (layout.inputs[t] >= 0 && has_before(task, layout.inputs[t], layout.tracks[t].history))) continue;
    double* const first = task.state + layout.tracks[t].begin * kLanes;
    memmove(first, first + task.rows * kLanes, size_t(layout.tracks[t].history * kLanes) * sizeof(double));
  }
}

/// A function that branches by what it reads, so that symbols can't run side by side: each lane in turn, row by row.
///
///   struct State { int64_t rows, gap; ... };   // all zeros before the first row; rows: complete rows of the run, this one included
///   static constexpr int kOutputs;             // of one input
///   static constexpr bool kWhole;              // outputs are whole numbers: 0 in the first rows of a series
///   static constexpr int64_t kLookback;
///   Function(const double* params, bool exact);
///   void step(State& state, double x, double* out) const;
template <class Function>
LaneLayout layout_alone(const double*) {
  static_assert(sizeof(typename Function::State) % sizeof(double) == 0);
  return LaneLayout(int64_t(sizeof(typename Function::State) / sizeof(double)));
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

/// Of the functions of lane_averages.cc, lane_bars.cc and lane_totals.cc, in the order of LaneFunction.
const LaneEntry& lane_entry_of_average(int number);
const LaneEntry& lane_entry_of_bars(int number);
const LaneEntry& lane_entry_of_total(int number);
/// Of the windows, which are in lane_windows.cc.
const LaneEntry& lane_entry_of_window(int number);
/// Of the functions of the Hilbert transform, which are in ta_cycle.cc.
const LaneEntry& lane_entry_of_cycle(int number);
/// Of the candle patterns, which are in ta_patterns.cc.
const LaneEntry& lane_entry_of_pattern(int pattern);

HAYATE_KERNELS_END
