// TA-Lib's functions in the language: ta.NAME(inputs, params).output. The table of kernels says what there is; here calls are
// checked against it and run over one symbol.
//
// Missing values. A function sees runs of rows without a NaN in any of its inputs, each as a series of its own: a NaN touches the
// windows that hold it, and what is recursive begins anew after it, with its lookback. Functions that add up from the first
// row on (OBV, AD) leave the rows out instead and go on after them. Rows with a missing input are NaN, in whole-number
// outputs too, and there also the rows whose windows hold one; only the lookback of a series without gaps is 0.
// With `exact` the rows before the first one with all inputs are skipped (0 in whole-number outputs, as TA-Lib's Python
// package does), and the rest is one series, NaN and all.
#pragma once

#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hayate/error.h"
#include "kernels/ta.h"

namespace hayate {

inline constexpr int kMaxTalibInputs = 5;

/// A function with its params; what its inputs are is for the graph to say.
struct TalibCall {
  const kernels::ta::Entry* function = nullptr;
  std::vector<double> params;
  bool exact = false;

  auto operator<=>(const TalibCall&) const = default;
  int64_t lookback() const { return function->lookback(params.data()); }
  /// Whether a value is computed from its own row and the lookback() rows before it alone, to the byte.
  bool is_windowed() const;
  /// Whether the start of a series fades from later values: recursive functions, averages of a recursive matype.
  bool fades() const;
  /// The function of lanes that is needed, since values depend on where a series begins; none: there is none, or windows are all there is.
  kernels::LaneFunction lanes() const;
  /// The function of lanes that is put together from windows and averages; none: there is none.
  kernels::LaneFunction tiles() const;
};

/// The function of "ta.NAME" (or "NAME"), or nullptr.
const kernels::ta::Entry* find_talib(std::string_view name);
/// "ta.NAME" of all functions, in the table's order.
std::vector<std::string> talib_names();
/// "ta.RSI(real, timeperiod=14)"
std::string talib_signature(const kernels::ta::Entry& function);
/// "choose one: .macd, .macdsignal or .macdhist"
std::string talib_output_hint(const kernels::ta::Entry& function);

/// Doubles that evaluate_talib needs.
int64_t talib_scratch(const TalibCall& call, int64_t rows);
/// Computes all outputs over `rows` rows. inputs and outputs: one series each, in the table's order.
void evaluate_talib(const TalibCall& call, const double* const* inputs, int64_t rows, double* scratch, double* const* outputs);

}  // namespace hayate
