#include "pipeline/advice.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/json.h"
#include "hayate/features.h"

namespace hayate::pipeline {
namespace {

constexpr size_t kFewestRows = 30;
constexpr const char* kRsi = "ta.RSI($close, timeperiod=14)";

/// Out-of-sample rows of one symbol that have a label, by ascending prediction.
struct Record {
  std::vector<std::pair<double, double>> rows;  ///< prediction, label

  double score(double prediction) const {
    const auto below = std::lower_bound(rows.begin(), rows.end(), prediction, [](const auto& row, double x) { return row.first < x; });
    const auto above = std::upper_bound(below, rows.end(), prediction, [](double x, const auto& row) { return x < row.first; });
    return 100 * (double(below - rows.begin()) + 0.5 * double(above - below)) / double(rows.size());
  }
};

Record record_of(const Forecast& forecast, size_t begin, size_t end) {
  Record out;
  for (size_t row = begin; row < end; ++row)
    if (std::isfinite(forecast.label[row]) && std::isfinite(forecast.prediction[row]))
      out.rows.emplace_back(forecast.prediction[row], forecast.label[row]);
  std::sort(out.rows.begin(), out.rows.end());
  return out;
}

/// Of the rows whose score reached the threshold: how many there were, and how often the label had the sign asked for.
struct Hits {
  size_t rows = 0, right = 0;
};
Hits hits_of(const Record& record, bool up, double threshold) {
  Hits out;
  for (const auto& [prediction, label] : record.rows) {
    const double score = record.score(prediction);
    if (up ? score < threshold : score > threshold) continue;
    ++out.rows;
    out.right += up ? label > 0 : label < 0;
  }
  return out;
}

/// RSI of every row of a symbol.
std::vector<double> rsi_of(const Program& program, const Panel& panel, size_t symbol, Workspace& workspace) {
  const Bars bars = bars_of(program, panel, symbol);
  std::vector<double> out(bars.rows);
  evaluate(program, bars, workspace, out.data(), bars.rows);
  return out;
}

void decide(const AdviceSpec& spec, const Record& record, Advice& out) {
  if (record.rows.size() < kFewestRows) {
    out.score = out.confidence = std::nan("");
    out.reason = fmt::format("only {} out-of-sample rows have a label, {} are needed", record.rows.size(), kFewestRows);
    return;
  }
  out.score = record.score(out.prediction);
  const bool up = out.score >= spec.buy, down = out.score <= spec.sell;
  out.confidence = std::nan("");
  const std::string place = fmt::format("the prediction is above {:.0f} % of {} out-of-sample ones", out.score, record.rows.size());
  if (!up && !down) {
    out.reason = fmt::format("{}: between {} and {}", place, spec.sell, spec.buy);
  } else if ((up && out.rsi >= spec.rsi_high) || (down && out.rsi <= spec.rsi_low)) {
    out.reason = fmt::format("{}, but RSI is {:.0f}: {}", place, out.rsi, up ? "bought too much already" : "sold too much already");
  } else {
    const Hits hits = hits_of(record, up, up ? spec.buy : spec.sell);
    out.action = up ? Action::buy : Action::sell;
    out.confidence = hits.rows > 0 ? double(hits.right) / double(hits.rows) : std::nan("");
    out.reason = fmt::format("{}; the label was {} in {} of {} such cases", place, up ? "above zero" : "below zero", hits.right, hits.rows);
  }
}

}  // namespace

const char* action_name(Action action) { return action == Action::buy ? "BUY" : action == Action::sell ? "SELL" : "HOLD"; }

Result<std::vector<Advice>> advise(const AdviceSpec& spec, const Forecast& forecast, const Panel& panel) {
  const NamedExpression rsi{"rsi", kRsi};
  HY_TRY(const Program program, Program::compile(std::span(&rsi, 1), panel.fields, {.dtype = Dtype::float64}));
  Workspace workspace;
  std::vector<Advice> out;
  for (size_t begin = 0, end = 0; begin < forecast.num_rows(); begin = end) {
    while (end < forecast.num_rows() && forecast.symbol[end] == forecast.symbol[begin]) ++end;
    Advice advice;
    advice.symbol = forecast.symbols[size_t(forecast.symbol[begin])];
    advice.time = forecast.time[end - 1], advice.prediction = forecast.prediction[end - 1];
    const size_t s = size_t(std::lower_bound(panel.symbols.begin(), panel.symbols.end(), advice.symbol) - panel.symbols.begin());
    const auto times = panel.series_times(s);
    const std::vector<double> series = rsi_of(program, panel, s, workspace);
    advice.rsi = series[size_t(std::lower_bound(times.begin(), times.end(), advice.time) - times.begin())];
    decide(spec, record_of(forecast, begin, end), advice);
    out.push_back(std::move(advice));
  }
  return out;
}

std::string advice_json(const std::vector<Advice>& advice, const Panel& panel) {
  JsonWriter json(2);
  json.array();
  for (const Advice& a : advice) {
    json.object()
        .key("symbol")
        .value(a.symbol)
        .key(panel.daily ? "date" : "datetime")
        .value(panel.daily ? format_date(int32_t(a.time)) : format_timestamp(a.time, panel.zone));
    json.key("action").value(action_name(a.action)).key("confidence").value(a.confidence).key("score").value(a.score);
    json.key("prediction").value(a.prediction).key("rsi").value(a.rsi).key("reason").value(a.reason).end();
  }
  return json.end().text() + "\n";
}

}  // namespace hayate::pipeline
