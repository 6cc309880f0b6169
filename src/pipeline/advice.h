// [advice]: what the newest prediction of each symbol says, beside the record of such predictions: BUY, HOLD or SELL with
// confidence and reason. It reads a finished forecast and changes nothing of it.
#pragma once

#include <string>
#include <vector>

#include "hayate/panel.h"
#include "hayate/run.h"
#include "pipeline/forecast.h"

namespace hayate::pipeline {

enum class Action { buy, hold, sell };
const char* action_name(Action action);

struct Advice {
  std::string symbol;
  int64_t time = 0;  ///< of the newest predicted row
  double prediction = 0;
  double score = 0;  ///< share of the symbol's out-of-sample predictions below this one, ties by half, in percent; NaN: no record
  double rsi = 0;    ///< ta.RSI of 14 bars on that row; NaN where it is not known
  Action action = Action::hold;
  double confidence = 0;  ///< share of the out-of-sample rows with such a score whose label had the sign asked for; NaN for HOLD
  std::string reason;
};

/// One entry per symbol of the forecast, in its order. BUY: score >= buy and rsi < rsi_high; SELL: score <= sell and rsi > rsi_low; HOLD
/// otherwise, and while fewer than 30 out-of-sample rows have a label. An unknown rsi holds nobody back. The panel must have the
/// field close.
Result<std::vector<Advice>> advise(const AdviceSpec& spec, const Forecast& forecast, const Panel& panel);

/// [{"symbol", "date", "action", "confidence", "score", "prediction", "rsi", "reason"}, ...]
std::string advice_json(const std::vector<Advice>& advice, const Panel& panel);

}  // namespace hayate::pipeline
