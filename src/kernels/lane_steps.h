// How the functions of lanes.h that go from row to row are written: each is a struct with
//
//   struct State { Pack rows; ... };   // rows: complete rows of the run, this one included; at most settled() + 1
//   template <bool kSettled> void step(State& state, const Pack* in, Pack* out) const;
//
// derived from Step, which says the rest. The state is all zeros before the first row. Almost every tile of 64 rows has no missing value and no
// lane that is still warming up: such a tile is done by step<true>, which has no counters and no conditions but the function's own; any other by
// step<false>. Both do the same operations in the same order, so where a tile begins can't show in the bytes.
//
// A function with kLooksBack also says how many rows of one value it keeps (`history`); step has a parameter more: past[0] is this row's value, to
// be set first, past[-k * kLanes] that of k rows before. Values from before the last missing row are never used.
//
// ns a row and symbol, 16 lanes, AVX-512 / AVX2 / baseline: EMA 0.17 / 0.27 / 0.52, MACD 0.33 / 0.42 / 0.85, RSI 0.36 / 0.46 / 0.94,
// ATR 0.34 / 0.33 / 0.64, ADX 0.9 / 1.27 / 2.6, SAR 0.83 / 1.67 / 4.3, OBV 0.17 / 0.34 / 0.48 (one symbol alone: 2 to 9). What limits: chains of
// 9 to 12 cycles a row in one pack (two with AVX2; EMA, RSI, ATR), divisions (ADX), 40 dependent operations (SAR), memory (the rest).
#pragma once

#include "kernels/lane_entry.h"
#include "kernels/packs.h"

HAYATE_KERNELS_BEGIN
namespace {

enum class Missing {
  begin_anew,  ///< a row with a missing input empties the state
  leave_out,   ///< and leaves it as it is
  own,         ///< the step sees it
};

template <int kIn, int kOut, Missing kTreats = Missing::begin_anew>
struct Step {
  static constexpr int kInputs = kIn, kOutputs = kOut;
  static constexpr Missing kMissing = kTreats;
  double lookback;  ///< rows of a run without a value (not where the step sees missing rows)

  explicit Step(double rows = 0) : lookback(rows) {}
  /// Rows after which every row is treated alike.
  double settled() const { return lookback + 1; }
};

template <class State>
constexpr int kWords = int(sizeof(State) / sizeof(Pack));

template <class State>
inline Pack& word(State& state, int w) {
  return reinterpret_cast<Pack*>(&state)[w];
}
template <class State>
inline const Pack& word(const State& state, int w) {
  return reinterpret_cast<const Pack*>(&state)[w];
}

template <class State>
inline State load_state(const double* from) {
  State state;
  for (int w = 0; w < kWords<State>; ++w) word(state, w) = load(from + w * kLanes);
  return state;
}

template <class State>
inline void store_state(const State& state, double* to) {
  for (int w = 0; w < kWords<State>; ++w) store(word(state, w), to + w * kLanes);
}

template <class State>
inline State select_state(const Mask& where, const State& a, const State& b) {
  State out;
  for (int w = 0; w < kWords<State>; ++w) word(out, w) = select(where, word(a, w), word(b, w));
  return out;
}

template <class Function>
inline void load_inputs(const LaneTask& task, int64_t cell, Pack* in) {
  for (int i = 0; i < Function::kInputs; ++i) in[i] = load(task.inputs[i] + cell);
}

template <class Function>
constexpr bool kLooksBack = requires { Function::kLooksBack; };

/// Where the values that a function looks back to stand.
template <class Function>
inline double* past_of(const Function& function, const LaneTask& task, int64_t lane) {
  if constexpr (kLooksBack<Function>) return LaneTrack{kWords<typename Function::State>, function.history}.at(task.state) + lane;
  return nullptr;
}

template <bool kSettled, class Function>
inline void step(const Function& function, typename Function::State& state, const Pack* in, Pack* out, double* past, int64_t offset) {
  if constexpr (kLooksBack<Function>)
    function.template step<kSettled>(state, in, out, past + offset);
  else
    function.template step<kSettled>(state, in, out);
}

/// No row is missing and no lane is warming up.
template <class Function>
void run_settled(const Function& function, const LaneTask& task, int64_t lane) {
  double* const past = past_of(function, task, lane);
  auto state = load_state<typename Function::State>(task.state + lane);
  for (int64_t cell = lane; cell < task.rows * kLanes; cell += kLanes) {
    Pack in[Function::kInputs], out[Function::kOutputs];
    load_inputs<Function>(task, cell, in);
    step<true>(function, state, in, out, past, cell - lane);
    for (int o = 0; o < Function::kOutputs; ++o) store(out[o], task.outputs[o] + cell);
  }
  store_state(state, task.state + lane);
}

template <class Function>
constexpr bool kHasWholeOutput = requires { Function::kWholeOutput; };

template <class Function>
void run_unsettled(const Function& function, const LaneTask& task, int64_t lane) {
  using State = typename Function::State;
  double* const past = past_of(function, task, lane);
  auto state = load_state<State>(task.state + lane);
  // What stands where a row has no value. Whole numbers are 0 in the first rows of a series, NaN in those behind a missing row.
  const auto nothing = [&](const State& before, const Mask& skipped, int output) -> Pack {
    if constexpr (kHasWholeOutput<Function>)
      if (output == Function::kWholeOutput) return task.exact ? Pack(0) : select(skipped | (before.gap > 0), kNaN, 0);
    return kNaN;
  };
  for (int64_t cell = lane; cell < task.rows * kLanes; cell += kLanes) {
    Pack in[Function::kInputs], out[Function::kOutputs];
    load_inputs<Function>(task, cell, in);
    Mask skipped = is_missing(in[0]);
    for (int i = 1; i < Function::kInputs; ++i) skipped = skipped | is_missing(in[i]);
    if (task.exact) skipped = skipped & (state.rows == 0);
    State next = state;
    next.rows = select(state.rows > function.settled(), state.rows, state.rows + 1);
    step<false>(function, next, in, out, past, cell - lane);
    const Mask empty = skipped | (next.rows <= function.lookback);
    for (int o = 0; o < Function::kOutputs; ++o) store(select(empty, nothing(state, skipped, o), out[o]), task.outputs[o] + cell);
    State emptied = {};
    if constexpr (kHasWholeOutput<Function>) emptied.gap = 1;
    state = select_state(skipped, Function::kMissing == Missing::leave_out ? state : emptied, next);
  }
  store_state(state, task.state + lane);
}

template <class Function>
LaneLayout layout_of([[maybe_unused]] const double* params) {
  LaneLayout layout(kWords<typename Function::State>);
  if constexpr (kLooksBack<Function>) layout.add(Function(params).history);
  return layout;
}

template <class Function>
void run_function(const LaneTask& task) {
  const Function function(task.params);
  for (int64_t lane = 0; lane < task.lanes; lane += kPackLanes) {
    if constexpr (Function::kMissing == Missing::own) {
      run_settled(function, task, lane);
    } else {
      if (task.complete && all(load(task.state + lane) > function.settled()))
        run_settled(function, task, lane);
      else
        run_unsettled(function, task, lane);
    }
  }
  if constexpr (kLooksBack<Function>) slide_tracks(layout_of<Function>(task.params), task);
}

template <class Function>
constexpr LaneEntry kEntry = {layout_of<Function>, run_function<Function>};

}  // namespace
HAYATE_KERNELS_END
