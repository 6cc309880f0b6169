// The pages of ta functions against the functions: lookback formulas, examples, and what a missing value does in TA-Lib's way.
#include "features/talib_pages.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "features/lookback_formula.h"
#include "features/ta_bars.h"
#include "hayate/features.h"

using namespace hayate;
using kernels::ta::Entry;

namespace {

double lookback_of(const Entry& function, const std::vector<double>& params) {
  std::map<std::string, double> values;
  for (int i = 0; i < function.num_params(); ++i) values[function.params[i].name] = params[size_t(i)];
  return LookbackFormula(talib_page(function).lookback, values).value();
}

/// Parameters at their defaults, one of them changed, that TA-Lib accepts.
std::vector<std::vector<double>> tried_params(const Entry& function) {
  std::vector<std::vector<double>> out = {ta_defaults(function)};
  for (int i = 0; i < function.num_params(); ++i) {
    const auto& param = function.params[i];
    const bool type = std::string_view(param.name).ends_with("matype");
    for (double value = param.least; param.whole && value <= (type ? param.most : param.least + 40); value += type ? 1 : 3) {
      std::vector<double> params = ta_defaults(function);
      params[size_t(i)] = value;
      if (function.lookback(params.data()) >= 0) out.push_back(std::move(params));
    }
  }
  return out;
}

/// The worst that a NaN in every input of one row does to any output, over rows, in TA-Lib's way.
ExactMissing seen(const Entry& function, TaBars& clean) {
  const std::vector<double> params = ta_defaults(function);
  const int64_t rows = int64_t(clean.close.size()), lookback = function.lookback(params.data());
  const auto wanted = ta_run(function, clean, params, true);
  ExactMissing worst = ExactMissing::hidden;
  for (int64_t row = 301; row < 1'000; row += 35) {
    TaBars bars = clean;
    for (TaSeries* series : {&bars.open, &bars.high, &bars.low, &bars.close, &bars.volume, &bars.periods})
      (*series)[size_t(row)] = std::numeric_limits<double>::quiet_NaN();
    const auto got = ta_run(function, bars, params, true);
    for (size_t o = 0; o < got.size(); ++o) {
      int64_t missing = -1, wrong = -1;
      for (int64_t t = row; t < rows; ++t) {
        const double x = got[o][size_t(t)], y = wanted[o][size_t(t)];
        if (std::isnan(x))
          missing = t;
        else if (!(std::fabs(x - y) <= 1e-9 * std::fabs(y)))
          wrong = t;
      }
      const ExactMissing here = missing >= rows - 100                       ? ExactMissing::missing_to_end
                                : wrong >= rows - 100                       ? ExactMissing::wrong_to_end
                                : std::max(missing, wrong) > row + lookback ? ExactMissing::for_a_while
                                : missing >= 0                              ? ExactMissing::own_windows
                                                                            : ExactMissing::hidden;
      worst = std::max(worst, here);
    }
  }
  return worst;
}

}  // namespace

TEST_CASE("every function has a page, and its formula of the lookback is the lookback") {
  CHECK(ta_functions().size() == 201);
  for (const Entry* function : ta_functions()) {
    CAPTURE(function->name);
    const TalibPage& page = talib_page(*function);
    CHECK(page.name == function->name);
    CHECK_FALSE(page.formula.empty());
    CHECK(page.nanoseconds > 0);
    const double initial = double(function->lookback(ta_defaults(*function).data()));
    for (const std::vector<double>& params : tried_params(*function))
      CHECK((page.lookback.empty() ? initial : lookback_of(*function, params)) == double(function->lookback(params.data())));
  }
}

TEST_CASE("every example compiles") {
  for (const Entry* function : ta_functions()) {
    const NamedExpression example{"x", talib_example(*function)};
    const auto program = Program::compile({&example, 1}, {"open", "high", "low", "close", "volume"});
    CHECK_MESSAGE(program.ok(), example.text);
    for (const std::string& text : {talib_window(*function), talib_missing(*function), talib_missing_exact(*function), talib_unstable(*function)})
      CHECK_FALSE(text.empty());
  }
}

TEST_CASE("what a missing value does with --compat talib is what the page says") {
  TaBars bars = ta_walk(2'500, 3);
  for (const Entry* function : ta_functions()) {
    if (std::string_view(function->name).starts_with("CDL")) continue;
    CAPTURE(function->name);
    CHECK(int(seen(*function, bars)) == int(talib_page(*function).exact));
  }
}

TEST_CASE("with --compat talib a candle pattern with means is never seen again after a missing row") {
  TaBars bars = ta_walk(2'500, 3);
  for (TaSeries* series : {&bars.open, &bars.high, &bars.low, &bars.close}) (*series)[300] = std::numeric_limits<double>::quiet_NaN();
  for (const Entry* function : kernels::ta::pattern_functions().empty() ? std::vector<const Entry*>() : ta_functions()) {
    if (!std::string_view(function->name).starts_with("CDL")) continue;
    CAPTURE(function->name);
    const auto out = ta_run(*function, bars, ta_defaults(*function), true)[0];
    const bool any = std::any_of(out.begin() + 330, out.end(), [](double x) { return x != 0; });
    const bool has_means = talib_page(*function).exact == ExactMissing::wrong_to_end;
    if (has_means) CHECK_FALSE(any);
    CHECK(std::none_of(out.begin(), out.end(), [](double x) { return std::isnan(x); }));
  }
}
