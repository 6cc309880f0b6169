// The catalog against itself: every row compiles, means what its lookback says, and is called as its signature says.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/random.h"
#include "features/lookback_formula.h"
#include "hayate/features.h"
#include "hayate/indicators.h"

using namespace hayate;

namespace {

const std::vector<std::string> kFields = {"open", "high", "low", "close", "volume"};

std::vector<NamedExpression> columns(std::string_view call) {
  auto out = indicator_features(call, {"--indicator"});
  if (!out.ok()) FAIL(call, ": ", out.error().what);
  return std::move(out).value();
}

Error error_of(std::string_view call) {
  const auto out = indicator_features(call, {"--indicator"});
  if (out.ok()) FAIL(call, " is a call");
  return out.error();
}

std::vector<std::string> names_of(std::string_view call) {
  std::vector<std::string> names;
  for (const NamedExpression& column : columns(call)) names.push_back(column.name);
  return names;
}

std::vector<std::vector<double>> bars(size_t rows) {
  std::vector<std::vector<double>> out(5, std::vector<double>(rows));
  double close = 50;
  for (size_t t = 0; t < rows; ++t) {
    const auto unit = [&](uint64_t i) { return random_unit(11, 5 * t + i); };
    const double open = close * (0.995 + 0.01 * unit(0));
    close = open * (0.98 + 0.04 * unit(1));
    out[0][t] = open, out[1][t] = std::max(open, close) * (1.001 + 0.01 * unit(2)), out[2][t] = std::min(open, close) * (0.999 - 0.01 * unit(3));
    out[3][t] = close, out[4][t] = std::floor(1e6 * (0.1 + unit(4)));
  }
  return out;
}

std::vector<std::vector<double>> evaluated(const std::vector<NamedExpression>& expressions, const std::vector<std::vector<double>>& series) {
  const auto program = Program::compile(expressions, kFields, {.dtype = Dtype::float64});
  REQUIRE(program.ok());
  const size_t rows = series[0].size();
  Bars input{.rows = rows, .series = {}};
  for (const std::string& name : program.value().fields())
    input.series.emplace_back(std::span(series[size_t(std::find(kFields.begin(), kFields.end(), name) - kFields.begin())]));
  std::vector<double> out(expressions.size() * rows);
  Workspace workspace;
  evaluate(program.value(), input, workspace, out.data(), rows);
  std::vector<std::vector<double>> split;
  for (size_t i = 0; i < expressions.size(); ++i) split.emplace_back(out.begin() + ptrdiff_t(i * rows), out.begin() + ptrdiff_t((i + 1) * rows));
  return split;
}

/// The call with one parameter at `value`, the others at their defaults.
std::string call_with(const Indicator& indicator, const IndicatorParam& param, double value) {
  return fmt::format("{}({}={})", indicator.name, param.name, value);
}

int64_t lookback(const std::vector<NamedExpression>& expressions) {
  const auto program = Program::compile(expressions, kFields);
  REQUIRE_MESSAGE(program.ok(), expressions[0].text, ": ", program.error().what);
  int64_t rows = 0;
  for (size_t i = 0; i < expressions.size(); ++i) rows = std::max(rows, program.value().lookback(i));
  return rows;
}

double formula(const Indicator& indicator, std::string_view changed = "", double value = 0) {
  std::map<std::string, double> values;
  for (const IndicatorParam& param : params_of(indicator)) values[std::string(param.name)] = param.name == changed ? value : param.initial;
  return LookbackFormula(indicator.lookback, values).value();
}

}  // namespace

TEST_CASE("columns are named by the indicator, its parameters and the output") {
  CHECK(names_of("rsi(period=14)") == std::vector<std::string>{"rsi_14"});
  CHECK(names_of("rsi") == std::vector<std::string>{"rsi_14"});
  CHECK(names_of("rsi(21)") == std::vector<std::string>{"rsi_21"});
  CHECK(names_of("macd(fast=12,slow=26,signal=9)") == std::vector<std::string>{"macd_12_26_9", "macd_12_26_9_signal", "macd_12_26_9_hist"});
  CHECK(names_of("macd(5, signal=3)")[1] == "macd_5_26_3_signal");
  CHECK(names_of("macd.hist") == std::vector<std::string>{"macd_12_26_9_hist"});
  CHECK(names_of("bbands(20, 2.5).lower") == std::vector<std::string>{"bbands_20_2.5_lower"});
  CHECK(names_of("psar()") == std::vector<std::string>{"psar_0.02_0.2"});
  CHECK(names_of(" obv ") == std::vector<std::string>{"obv"});
  CHECK(columns("rsi(period=14)")[0].text == "ta.RSI($close, timeperiod=14)");
}

TEST_CASE("a wrong call says what is wrong, shows where, and proposes") {
  struct Row {
    const char *call, *what, *hint;
  };
  for (const Row& row :
       {Row{"rsj(14)", "unknown indicator 'rsj'", "'rsi'"}, Row{"ris", "unknown indicator 'ris'", "'rsi'"},
        Row{"rsi(perod=14)", "unknown parameter of rsi 'perod'", "'period'"}, Row{"rsi(period=1)", "between 2 and 100000", "period=14"},
        Row{"rsi(period=14.5)", "whole number", "period=14"}, Row{"rsi(period=-14)", "between 2 and", ""},
        Row{"rsi(14, 3)", "takes 1 parameters, 2", "rsi(period=14)"}, Row{"rsi(14, period=15)", "given twice", ""},
        Row{"rsi($close)", "no number", ""}, Row{"macd.signl", "unknown output of macd 'signl'", "'signal'"}, Row{"rsi(14).value", "one output", ""},
        Row{"obv(3)", "takes 0 parameters", "obv()"}, Row{"obv(n=3)", "takes no parameters", "obv()"}, Row{"rsi(14", "not closed", "')'"},
        Row{"ta.RSI($close)", "unknown indicator 'ta.RSI'", "--expr"}, Row{"$close", "not the call", ""}, Row{"rsi(period=1e300)", "between", ""},
        Row{"1+2", "not the call", ""}}) {
    const Error error = error_of(row.call);
    CAPTURE(row.call);
    CHECK(error.kind == Kind::usage);
    CHECK_MESSAGE(error.what.find(row.what) != std::string::npos, error.what);
    CHECK_MESSAGE(error.hint.find(row.hint) != std::string::npos, error.hint);
    CHECK(error.where.find('^') != std::string::npos);
  }
  CHECK_FALSE(error_of("").what.empty());
}

TEST_CASE("rows are complete, names unique, and every output compiles over its own inputs") {
  std::set<std::string> names;
  for (const Indicator& indicator : indicators()) {
    CAPTURE(indicator.name);
    CHECK(names.insert(std::string(indicator.name)).second);
    for (const std::string_view text : {indicator.title, indicator.group, indicator.formula, indicator.lookback, indicator.missing})
      CHECK_FALSE(text.empty());
    const auto all = columns(indicator.name);
    CHECK(all.size() == outputs_of(indicator).size());
    const auto program = Program::compile(all, inputs_of(indicator));
    REQUIRE_MESSAGE(program.ok(), program.error().what);
    CHECK(program.value().look_ahead() == 0);
    CHECK(program.value().fields().size() == inputs_of(indicator).size());
    CHECK(names_of(signature_of(indicator)) == names_of(indicator.name));
    for (const NamedExpression& column : all) CHECK(column.text.find('{') == std::string::npos);
  }
  CHECK(indicators().size() > 90);
}

TEST_CASE("lookbacks are what their formulas say, for any parameters") {
  for (const Indicator& indicator : indicators()) {
    CAPTURE(indicator.name);
    CHECK(formula(indicator) == double(lookback(columns(indicator.name))));
    for (const IndicatorParam& param : params_of(indicator))
      for (double value : {param.least, param.least + 1, param.whole ? 7.0 : param.initial, param.whole ? 60.0 : param.initial}) {
        if (value < param.least || value > param.most || (!param.whole && value != param.initial)) continue;
        CAPTURE(param.name);
        CAPTURE(value);
        CHECK(formula(indicator, param.name, value) == double(lookback(columns(call_with(indicator, param, value)))));
      }
  }
}

TEST_CASE("values begin where the lookback says, and are there from then on") {
  const auto series = bars(400);
  for (const Indicator& indicator : indicators()) {
    CAPTURE(indicator.name);
    const auto all = columns(indicator.name);
    const auto program = Program::compile(all, kFields);
    const auto values = evaluated(all, series);
    for (size_t i = 0; i < all.size(); ++i) {
      CAPTURE(all[i].name);
      for (int64_t t = 0; t < 400; ++t) {
        CAPTURE(t);
        REQUIRE(std::isfinite(values[i][size_t(t)]) == (t >= program.value().lookback(i)));
      }
    }
  }
}

TEST_CASE("combined indicators equal their definitions") {
  const auto series = bars(120);
  const auto &open = series[0], &high = series[1], &low = series[2], &close = series[3];
  const auto last = [&](std::string_view call) { return evaluated(columns(call), series)[0].back(); };
  const size_t end = 120;
  const auto mean = [&](size_t rows, auto value) {
    double sum = 0;
    for (size_t t = end - rows; t < end; ++t) sum += value(t);
    return sum / double(rows);
  };
  const auto sample_variance = [&](size_t rows, auto value) {
    const double centre = mean(rows, value);
    return mean(rows, [&](size_t t) { return (value(t) - centre) * (value(t) - centre); }) * double(rows) / double(rows - 1);
  };
  const auto near = [](double value) { return doctest::Approx(value).epsilon(1e-9); };
  const auto log_return = [&](size_t t) { return std::log(close[t] / close[t - 1]); };
  const auto satchell = [&](size_t t) {
    return std::log(high[t] / close[t]) * std::log(high[t] / open[t]) + std::log(low[t] / close[t]) * std::log(low[t] / open[t]);
  };
  CHECK(last("volatility(20, 252)") == near(std::sqrt(252 * sample_variance(20, log_return))));
  CHECK(last("parkinson(10, 1)") == near(std::sqrt(mean(10, [&](size_t t) { return std::pow(std::log(high[t] / low[t]), 2); }) / (4 * std::log(2)))));
  CHECK(last("garman_klass(10, 1)") == near(std::sqrt(mean(10, [&](size_t t) {
          return std::pow(std::log(high[t] / low[t]), 2) / 2 - (2 * std::log(2) - 1) * std::pow(std::log(close[t] / open[t]), 2);
        }))));
  CHECK(last("rogers_satchell(10, 252)") == near(std::sqrt(252 * mean(10, satchell))));
  const double k = 0.34 / (1.34 + 11.0 / 9.0);
  const double overnight = sample_variance(10, [&](size_t t) { return std::log(open[t] / close[t - 1]); });
  const double within = sample_variance(10, [&](size_t t) { return std::log(close[t] / open[t]); });
  CHECK(last("yang_zhang(10, 252)") == near(std::sqrt(252 * (overnight + k * within + (1 - k) * mean(10, satchell)))));
  const auto true_range = [&](size_t t) { return std::max(high[t], close[t - 1]) - std::min(low[t], close[t - 1]); };
  const double span = *std::max_element(high.end() - 14, high.end()) - *std::min_element(low.end() - 14, low.end());
  CHECK(last("choppiness(14)") == near(100 * std::log10(14 * mean(14, true_range) / span) / std::log10(14)));
  const auto drawdown = [&](size_t t) {
    return 100 * (close[t] / *std::max_element(close.begin() + ptrdiff_t(t) - 13, close.begin() + ptrdiff_t(t) + 1) - 1);
  };
  CHECK(last("ulcer(14)") == near(std::sqrt(mean(14, [&](size_t t) { return drawdown(t) * drawdown(t); }))));
  CHECK(last("drawdown(14)") == near(drawdown(end - 1) / 100));
  const auto bands = evaluated(columns("bbands(20, 2)"), series);
  CHECK(bands[3].back() == near((bands[0].back() - bands[2].back()) / bands[1].back()));
  CHECK(bands[4].back() == near((close.back() - bands[2].back()) / (bands[0].back() - bands[2].back())));
  const auto cloud = evaluated(columns("ichimoku(9, 26, 52)"), series);
  CHECK(cloud[2].back() == near((cloud[0][end - 27] + cloud[1][end - 27]) / 2));
}

TEST_CASE("sets made of indicators") {
  const auto essential = expressions_of(*feature_set("essential16").value());
  CHECK(essential.size() == 16);
  CHECK(essential[0].name == "sma_20");
  CHECK(essential[5].name == "bbands_20_2_upper");
  CHECK(essential[10].name == "stoch_14_3_3_k");
  const auto daytrade = expressions_of(*feature_set("daytrade21").value());
  CHECK(daytrade.size() == 21);
  const auto values = evaluated(daytrade, bars(200));
  for (size_t i = 0; i < daytrade.size(); ++i) {
    const bool flag = daytrade[i].name.find("below") != std::string::npos || daytrade[i].name.find("above") != std::string::npos;
    for (size_t t = 40; t < 200; ++t) CHECK((std::isfinite(values[i][t]) && (!flag || values[i][t] == 0 || values[i][t] == 1)));
  }
}
