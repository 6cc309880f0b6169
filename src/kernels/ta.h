// TA-Lib's functions as pure loops over one series each, and the table that names them: formula, parameters, outputs and
// lookback as in TA-Lib 0.8. The expression language calls them as ta.NAME(...), the catalog of indicators is made of them.
//
// A function writes every row of every output: NaN for the first lookback rows (0 for whole-number outputs, as TA-Lib's).
// It never allocates; series that it needs in between are handed to it. Missing values are the caller's business: it calls
// a function on runs of rows without a NaN, so one NaN touches its own window only, and recursive functions begin anew
// after it. With `exact` set the whole series comes in one call, NaN and all, and every quirk of TA-Lib is kept.
#pragma once

#include <cstdint>
#include <span>

#include "kernels/lanes.h"

namespace hayate::kernels::ta {

/// Longer windows go from block to block of rows, see ta_series.h: their bytes depend on where the series begins. What tiles of lanes
/// (lane_windows.cc) keep of windows for 16 symbols are some three times as many rows.
inline constexpr int64_t kLongestComposed = 4096;
/// A stream computes longer windows from a state rather than from their rows, where there is one.
inline constexpr int64_t kLongestFromRows = 256;

struct Call {
  const double* const* inputs;  ///< inputs[i][row], in the order of Entry::inputs
  int64_t rows;
  const double* params;    ///< in the order of Entry::params; whole numbers as doubles
  double* const* outputs;  ///< outputs[i][row]
  double* const* scratch;  ///< Entry::scratch series of `rows` values, contents unspecified
  bool exact;              ///< TA-Lib's own arithmetic where it is known to lose digits; else the stable one
};

struct Param {
  const char* name;
  double initial, least, most;
  bool whole = true;
};

struct Entry {
  const char* name;   ///< "MACD"
  const char* group;  ///< "Momentum Indicators"
  const char* title;  ///< one line
  const char* inputs[5] = {};
  Param params[9] = {};
  const char* outputs[4] = {};
  bool whole_outputs = false;  ///< TA-Lib's integer outputs: candle patterns, indices
  int whole_output = -1;       ///< the one integer output among others
  bool recursive = false;      ///< early values depend on where the series starts, the less the later
  bool row_numbers = false;    ///< outputs are rows, counted from the first one given
  bool cumulative = false;     ///< adds up from the first row on: every value depends on where the series starts
  int scratch = 0;
  int64_t (*lookback)(const double* params) = nullptr;  ///< below 0: TA-Lib refuses these params together
  void (*compute)(const Call& call) = nullptr;
  /// Runs symbols side by side, and goes on from a state; not with `exact`, nor for periods above kLongestComposed. Has the
  /// bytes of `compute`.
  LaneFunction tiles = LaneFunction::none;
  LaneFunction lanes = LaneFunction::none;  ///< runs symbols side by side, instead of `compute`
  int lanes_matype = -1;                    ///< or only when this parameter asks for the exponential mean

  LaneFunction lanes_for(const double* values) const;  ///< with these parameters

  int num_inputs() const;
  int num_params() const;
  int num_outputs() const;
  bool is_whole(int output) const { return whole_outputs || output == whole_output; }
};

/// All rows of a run, by compute or in one lane, which needs lane_room doubles at `room`.
void compute(const Entry& entry, const Call& call, double* room);
int64_t lane_room(const Entry& entry, const double* params);

/// The functions of one source file each; all of them together are TA-Lib's 201.
std::span<const Entry> overlap_functions();
std::span<const Entry> momentum_functions();
std::span<const Entry> volume_functions();
std::span<const Entry> volatility_functions();
std::span<const Entry> price_functions();
std::span<const Entry> statistic_functions();
std::span<const Entry> math_functions();
std::span<const Entry> cycle_functions();
std::span<const Entry> pattern_functions();
/// All of the above, in that order, of the active instruction set.
std::span<const std::span<const Entry>> function_groups();

}  // namespace hayate::kernels::ta
