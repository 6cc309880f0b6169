#include "pipeline/advice.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace hayate;
using namespace hayate::pipeline;

namespace {

/// One symbol whose out-of-sample predictions are 1 .. rows and whose label has the sign of `sign(i)`, then a newest row.
struct Case {
  Forecast forecast;
  Panel panel;
};

template <class Sign>
Case one_symbol(int rows, double newest, Sign sign, double step) {
  Case out;
  out.forecast.symbols = {"7203"};
  std::vector<double> close;
  for (int i = 0; i <= rows; ++i) {
    out.forecast.symbol.push_back(0), out.forecast.fold.push_back(0), out.forecast.time.push_back(1000 + i);
    out.forecast.prediction.push_back(i < rows ? i + 1 : newest);
    out.forecast.label.push_back(i < rows ? sign(i) : std::nan(""));
    close.push_back(100 + (i % 2 == 0 ? 1.0 : 0.0) + step * i);
    out.panel.times.push_back(1000 + i);
  }
  out.panel.symbols = {"7203"}, out.panel.offsets = {0, rows + 1}, out.panel.fields = {"close"};
  out.panel.values = {close};
  return out;
}

Advice advised(const Case& c, const AdviceSpec& spec = {}) {
  const auto advice = advise(spec, c.forecast, c.panel);
  REQUIRE(advice.ok());
  REQUIRE(advice.value().size() == 1);
  return advice.value()[0];
}

const auto kUpAbove80 = [](int i) { return i >= 80 ? 0.01 : -0.01; };

}  // namespace

TEST_CASE("advice: the place of the newest prediction decides, the record gives the confidence") {
  const Advice buy = advised(one_symbol(100, 90, kUpAbove80, 0));
  CHECK(buy.action == Action::buy);
  CHECK(buy.score == doctest::Approx(89.5));            // 89 below, itself by half
  CHECK(buy.confidence == doctest::Approx(20.0 / 30));  // scores 70.5 .. 99.5, of which 80.5 and more went up
  CHECK(buy.time == 1100);
  const Advice sell = advised(one_symbol(100, 0, kUpAbove80, 0));
  CHECK(sell.action == Action::sell);
  CHECK(sell.score == 0);
  CHECK(sell.confidence == 1);
  const Advice hold = advised(one_symbol(100, 50, kUpAbove80, 0));
  CHECK(hold.action == Action::hold);
  CHECK(std::isnan(hold.confidence));
}

TEST_CASE("advice: nothing is bought when RSI is high, or sold when it is low") {
  const Advice high = advised(one_symbol(100, 101, kUpAbove80, 3));
  CHECK(high.rsi > 80);
  CHECK(high.action == Action::hold);
  CHECK(high.reason.find("RSI") != std::string::npos);
  const Advice low = advised(one_symbol(100, 0, kUpAbove80, -0.9));
  CHECK(low.rsi < 30);
  CHECK(advised(one_symbol(100, 0, kUpAbove80, -0.9), {"rank", 70, 30, 80, 30}).action == Action::hold);
}

TEST_CASE("advice: a short record advises nothing") {
  const Advice advice = advised(one_symbol(29, 90, kUpAbove80, 0));
  CHECK(advice.action == Action::hold);
  CHECK(std::isnan(advice.score));
  CHECK(advice.reason == "only 29 out-of-sample rows have a label, 30 are needed");
}
