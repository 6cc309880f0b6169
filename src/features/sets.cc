// Feature sets are lists of expressions and of indicators of the catalog. qlib's are generated from families: an operator text
// with {d} for the window. Their order and names are those of microsoft/qlib (qlib/contrib/data/loader.py, Alpha158DL and
// Alpha360DL), the texts its texts.
#include <fmt/format.h>

#include <array>

#include "base/strings.h"
#include "hayate/features.h"
#include "hayate/indicators.h"

namespace hayate {
namespace {

struct SetPart {
  std::string_view name, text;
};

constexpr SetPart kBars[] = {
    {"KMID", "($close-$open)/$open"},
    {"KLEN", "($high-$low)/$open"},
    {"KMID2", "($close-$open)/($high-$low+1e-12)"},
    {"KUP", "($high-Greater($open, $close))/$open"},
    {"KUP2", "($high-Greater($open, $close))/($high-$low+1e-12)"},
    {"KLOW", "(Less($open, $close)-$low)/$open"},
    {"KLOW2", "(Less($open, $close)-$low)/($high-$low+1e-12)"},
    {"KSFT", "(2*$close-$high-$low)/$open"},
    {"KSFT2", "(2*$close-$high-$low)/($high-$low+1e-12)"},
    {"OPEN0", "$open/$close"},
    {"HIGH0", "$high/$close"},
    {"LOW0", "$low/$close"},
    {"VWAP0", "$vwap/$close"},
};

constexpr SetPart kRollingParts[] = {
    {"ROC", "Ref($close, {d})/$close"},
    {"MA", "Mean($close, {d})/$close"},
    {"STD", "Std($close, {d})/$close"},
    {"BETA", "Slope($close, {d})/$close"},
    {"RSQR", "Rsquare($close, {d})"},
    {"RESI", "Resi($close, {d})/$close"},
    {"MAX", "Max($high, {d})/$close"},
    {"MIN", "Min($low, {d})/$close"},
    {"QTLU", "Quantile($close, {d}, 0.8)/$close"},
    {"QTLD", "Quantile($close, {d}, 0.2)/$close"},
    {"RANK", "Rank($close, {d})"},
    {"RSV", "($close-Min($low, {d}))/(Max($high, {d})-Min($low, {d})+1e-12)"},
    {"IMAX", "IdxMax($high, {d})/{d}"},
    {"IMIN", "IdxMin($low, {d})/{d}"},
    {"IMXD", "(IdxMax($high, {d})-IdxMin($low, {d}))/{d}"},
    {"CORR", "Corr($close, Log($volume+1), {d})"},
    {"CORD", "Corr($close/Ref($close,1), Log($volume/Ref($volume, 1)+1), {d})"},
    {"CNTP", "Mean($close>Ref($close, 1), {d})"},
    {"CNTN", "Mean($close<Ref($close, 1), {d})"},
    {"CNTD", "Mean($close>Ref($close, 1), {d})-Mean($close<Ref($close, 1), {d})"},
    {"SUMP", "Sum(Greater($close-Ref($close, 1), 0), {d})/(Sum(Abs($close-Ref($close, 1)), {d})+1e-12)"},
    {"SUMN", "Sum(Greater(Ref($close, 1)-$close, 0), {d})/(Sum(Abs($close-Ref($close, 1)), {d})+1e-12)"},
    {"SUMD",
     "(Sum(Greater($close-Ref($close, 1), 0), {d})-Sum(Greater(Ref($close, 1)-$close, 0), {d}))/(Sum(Abs($close-Ref($close, 1)), {d})+1e-12)"},
    {"VMA", "Mean($volume, {d})/($volume+1e-12)"},
    {"VSTD", "Std($volume, {d})/($volume+1e-12)"},
    {"WVMA", "Std(Abs($close/Ref($close, 1)-1)*$volume, {d})/(Mean(Abs($close/Ref($close, 1)-1)*$volume, {d})+1e-12)"},
    {"VSUMP", "Sum(Greater($volume-Ref($volume, 1), 0), {d})/(Sum(Abs($volume-Ref($volume, 1)), {d})+1e-12)"},
    {"VSUMN", "Sum(Greater(Ref($volume, 1)-$volume, 0), {d})/(Sum(Abs($volume-Ref($volume, 1)), {d})+1e-12)"},
    {"VSUMD",
     "(Sum(Greater($volume-Ref($volume, 1), 0), {d})-Sum(Greater(Ref($volume, 1)-$volume, 0), {d}))/(Sum(Abs($volume-Ref($volume, 1)), {d})+1e-12)"},
};

constexpr int kWindows[] = {5, 10, 20, 30, 60};

std::vector<NamedExpression> alpha158() {
  std::vector<NamedExpression> out;
  for (const SetPart& bar : kBars) out.push_back({std::string(bar.name), std::string(bar.text)});
  for (const SetPart& family : kRollingParts)
    for (int window : kWindows)
      out.push_back({fmt::format("{}{}", family.name, window), fmt::format(fmt::runtime(family.text), fmt::arg("d", window))});
  return out;
}

constexpr SetPart kHistories[] = {
    {"CLOSE", "Ref($close, {i})/$close"}, {"OPEN", "Ref($open, {i})/$close"}, {"HIGH", "Ref($high, {i})/$close"},
    {"LOW", "Ref($low, {i})/$close"},     {"VWAP", "Ref($vwap, {i})/$close"}, {"VOLUME", "Ref($volume, {i})/($volume+1e-12)"},
};
constexpr SetPart kNow[] = {
    {"CLOSE0", "$close/$close"}, {"OPEN0", "$open/$close"}, {"HIGH0", "$high/$close"},
    {"LOW0", "$low/$close"},     {"VWAP0", "$vwap/$close"}, {"VOLUME0", "$volume/($volume+1e-12)"},
};
static_assert(std::size(kHistories) == std::size(kNow));

std::vector<NamedExpression> alpha360() {
  std::vector<NamedExpression> out;
  for (size_t f = 0; f < std::size(kHistories); ++f) {
    for (int back = 59; back >= 1; --back)
      out.push_back({fmt::format("{}{}", kHistories[f].name, back), fmt::format(fmt::runtime(kHistories[f].text), fmt::arg("i", back))});
    out.push_back({std::string(kNow[f].name), std::string(kNow[f].text)});
  }
  return out;
}

constexpr std::string_view kEssential[] = {
    "sma(period=20)",      "ema(period=12)", "ema(period=26)",  "rsi(period=14)",    "macd(12, 26, 9)",   "bbands(20, 2).upper",
    "bbands(20, 2).lower", "adx(14)",        "cci(period=20)",  "williams_r(14)",    "stoch(14, 3, 3).k", "obv",
    "cmf(period=20)",      "mfi(period=14)", "psar(0.02, 0.2)", "supertrend(10, 3)",
};

/// The first column of each call: the main output, or the one that the call chooses.
std::vector<NamedExpression> essential16() {
  std::vector<NamedExpression> out;
  for (const std::string_view call : kEssential) {
    auto columns = indicator_features(call, {});
    assert(columns.ok());
    out.push_back(std::move(columns.value().front()));
  }
  return out;
}

constexpr SetPart kDayTrading[] = {
    {"return_1", "$close/Ref($close, 1)-1"},
    {"return_5", "$close/Ref($close, 5)-1"},
    {"return_20", "$close/Ref($close, 20)-1"},
    {"volume_change_1", "$volume/Ref($volume, 1)-1"},
    {"range", "($high-$low)/$close"},
    {"rsi_14", "ta.RSI($close, timeperiod=14)"},
    {"rsi_below_30", "ta.RSI($close, timeperiod=14) < 30"},
    {"rsi_above_70", "ta.RSI($close, timeperiod=14) > 70"},
    {"macd_12_26_9", "ta.MACD($close, fastperiod=12, slowperiod=26, signalperiod=9).macd"},
    {"macd_sign", "Sign(ta.MACD($close, fastperiod=12, slowperiod=26, signalperiod=9).macd)"},
    {"close_to_sma_20", "$close/ta.SMA($close, timeperiod=20)"},
    {"bbands_position_20", "($close-ta.SMA($close, timeperiod=20))/(4*ta.STDDEV($close, timeperiod=20, nbdev=1))+0.5"},
    {"bbands_squeeze_20", "4*ta.STDDEV($close, timeperiod=20, nbdev=1)/ta.SMA($close, timeperiod=20)"},
    {"volatility_5", "Std($close/Ref($close, 1)-1, 5)"},
    {"volatility_20", "Std($close/Ref($close, 1)-1, 20)"},
    {"adx_14", "ta.ADX($high, $low, $close, timeperiod=14)"},
    {"adx_above_25", "ta.ADX($high, $low, $close, timeperiod=14) > 25"},
    {"cci_20", "ta.CCI($high, $low, $close, timeperiod=20)"},
    {"williams_r_14", "ta.WILLR($high, $low, $close, timeperiod=14)"},
    {"obv_change_5", "Delta(ta.OBV($close, $volume), 5)"},
    {"mfi_14", "ta.MFI($high, $low, $close, $volume, timeperiod=14)"},
};

std::vector<NamedExpression> daytrade21() {
  std::vector<NamedExpression> out;
  for (const SetPart& feature : kDayTrading) out.push_back({std::string(feature.name), std::string(feature.text)});
  return out;
}

struct Row {
  FeatureSet set;
  std::vector<NamedExpression> (*expressions)();
};

constexpr Row kRows[] = {
    {{"alpha158", "qlib's Alpha158",
      "9 shapes of the bar, 4 prices, and 29 rolling families over windows of 5, 10, 20, 30 and 60 rows; reads open, high, low, close, volume and "
      "vwap",
      158},
     alpha158},
    {{"alpha360", "qlib's Alpha360",
      "close, open, high, low, vwap of the last 60 rows over today's close, and volume over today's volume; reads open, high, low, close, volume and "
      "vwap",
      360},
     alpha360},
    {{"essential16", "16 indicators that most charts have",
      "averages, RSI, MACD, Bollinger bands, ADX, CCI, Williams' %R, stochastic, four of volume, two stops, as in hayate indicators; on the scale of "
      "the price or the volume, so best for one model per symbol; obv counts from a symbol's first bar, so train and predict with bars that begin "
      "with the same one (hayate check leakage says so); reads high, low, close and volume",
      std::size(kEssential)},
     essential16},
    {{"daytrade21", "21 features for trading within days",
      "returns, volatility, and indicators with their usual thresholds as flags (1 or 0, 0 before the first value). bbands_position is 0 at the "
      "lower "
      "and 1 at the upper band, bbands_squeeze the distance of the bands over their middle; reads high, low, close and volume",
      std::size(kDayTrading)},
     daytrade21},
};

constexpr auto kSets = [] {
  std::array<FeatureSet, std::size(kRows)> sets{};
  for (size_t i = 0; i < sets.size(); ++i) sets[i] = kRows[i].set;
  return sets;
}();

}  // namespace

std::span<const FeatureSet> feature_sets() { return kSets; }

Result<const FeatureSet*> feature_set(std::string_view name, std::string where) {
  std::vector<std::string> names;
  for (const FeatureSet& set : kSets) {
    if (set.name == name) return &set;
    names.emplace_back(set.name);
  }
  if (name.find_first_of("./\\") != std::string_view::npos)
    return usage_error(fmt::format("unknown feature set '{}'", name), std::move(where),
                       fmt::format("one of: {}; features in a file are given by --expr-file {}", join(names, ", "), name));
  return unknown_name("feature set", name, names, std::move(where));
}

std::vector<NamedExpression> expressions_of(const FeatureSet& set) {
  for (const Row& row : kRows)
    if (row.set.name == set.name) return row.expressions();
  return {};
}

}  // namespace hayate
