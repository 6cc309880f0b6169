// The catalog of indicators: formulas known by name, with parameters that have defaults and ranges. An entry is expressions in
// hayate's language, never code, so it is made of the same kernels as ta.* and qlib's operators, and can be read:
//
//   indicator_features("rsi(period=14)", {"--indicator"})        rsi_14 = ta.RSI($close, timeperiod=14)
//   indicator_features("bbands(20, deviations=2)", ...)          bbands_20_2_upper = ..., bbands_20_2_middle = ..., ...
//   indicator_features("macd(fast=12, slow=26).signal", ...)     macd_12_26_9_signal = ...
//
// How columns are named: the indicator, then the value of every parameter in the catalog's order, defaults included, then the
// output unless it is the main one; joined by '_'. Numbers are written in full: psar_0.02_0.2.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hayate/error.h"
#include "hayate/expression.h"

namespace hayate {

struct IndicatorParam {
  std::string_view name;
  double initial = 0, least = 0, most = 0;
  bool whole = true;
};

struct IndicatorOutput {
  std::string_view name;        ///< "" for the main one
  std::string_view expression;  ///< "ta.RSI($close, timeperiod={period})"
};

struct Indicator {
  static constexpr int kMaxParams = 4, kMaxOutputs = 6;

  std::string_view name;                      ///< "rsi"
  std::string_view title;                     ///< "Relative strength index"
  std::string_view group;                     ///< "momentum"
  IndicatorParam params[kMaxParams] = {};     ///< those with a name, see params_of()
  IndicatorOutput outputs[kMaxOutputs] = {};  ///< those with an expression, see outputs_of()
  std::string_view formula;                   ///< for people; windows are rows
  std::string_view lookback;                  ///< leading rows until every output has a value, a formula of the parameters
  std::string_view missing;                   ///< what NaN does
};

std::span<const Indicator> indicators();
/// The indicator called `name`, or nullptr.
const Indicator* find_indicator(std::string_view name);
std::span<const IndicatorParam> params_of(const Indicator& indicator);
std::span<const IndicatorOutput> outputs_of(const Indicator& indicator);
/// The fields that its outputs read, without the $, in the order of first use.
std::vector<std::string> inputs_of(const Indicator& indicator);
/// "rsi(period=14)": how it is called, with its defaults.
std::string signature_of(const Indicator& indicator);

/// The columns that one call gives: "rsi", "rsi(14)", "rsi(period=14)", and "macd(fast=12).signal" for one output alone.
/// Usage errors show the place in the text: unknown names with the nearest one, values out of range. `place` says where it was written.
Result<std::vector<NamedExpression>> indicator_features(std::string_view call, const TextPlace& place);

}  // namespace hayate
