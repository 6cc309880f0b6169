// The catalog: one row an indicator. A row is text in the expression language, so whatever can be said of an expression can be
// said of an indicator: it is fused with the rest of a set, checked for looking ahead, updated a day at a time.
//
// Windows are those of ta.*: full ones, without a value before. Where TA-Lib has no function, the row combines some; sample
// deviations are its population ones times sqrt(n / (n - 1)), so that they too wait for a full window.
//
// Defaults are those of the indicator's author or of common charts; TA-Lib's own differ here and there (CCI 14, ADOSC's order).
#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"
#include "hayate/indicators.h"

namespace hayate {
namespace {

constexpr double kLongest = 100'000, kHuge = 1e9;

constexpr IndicatorParam rows(std::string_view name, double initial, double least = 2) { return {name, initial, least, kLongest}; }
constexpr IndicatorParam period(double initial, double least = 2) { return rows("period", initial, least); }
constexpr IndicatorParam real(std::string_view name, double initial, double least, double most) { return {name, initial, least, most, false}; }

constexpr std::string_view kRow = "a row with a NaN input is NaN; other rows do not notice";
constexpr std::string_view kShifted = "NaN where one of the rows that it compares is NaN";
constexpr std::string_view kWindow = "a NaN input is NaN in its own row and in the rows whose windows hold it";
constexpr std::string_view kPartial =
    "NaN rows are left out of their windows, which are partial at a symbol's start; a NaN row is NaN where it is read directly";
constexpr std::string_view kRecursive = "a NaN row is NaN; the indicator begins anew in the row after it, with its lookback";
constexpr std::string_view kCumulative = "a row with a NaN input is NaN and left out; the total goes on after it";

// clang-format off
constexpr Indicator kIndicators[] = {
    // ---- averages and lines on the scale of the price ------------------------------------------------------------------
    {"sma", "Simple moving average", "average", {period(20)}, {{"", "ta.SMA($close, timeperiod={period})"}},
     "mean of the last period closes", "period - 1", kWindow},
    {"ema", "Exponential moving average", "average", {period(20)}, {{"", "ta.EMA($close, timeperiod={period})"}},
     "e += 2 / (period + 1) * (close - e), begun with the mean of the first period closes", "period - 1", kRecursive},
    {"rma", "Wilder's smoothed moving average", "average", {period(14)}, {{"", "ta.RMA($close, timeperiod={period})"}},
     "e += 1 / period * (close - e), begun with the mean of the first period closes", "period - 1", kRecursive},
    {"wma", "Linearly weighted moving average", "average", {period(20)}, {{"", "ta.WMA($close, timeperiod={period})"}},
     "sum(w close) / sum(w), w = 1 for the oldest row to period for the newest", "period - 1", kWindow},
    {"dema", "Double exponential moving average", "average", {period(20)}, {{"", "ta.DEMA($close, timeperiod={period})"}},
     "2 ema - ema(ema)", "2 * (period - 1)", kRecursive},
    {"tema", "Triple exponential moving average", "average", {period(20)}, {{"", "ta.TEMA($close, timeperiod={period})"}},
     "3 ema - 3 ema(ema) + ema(ema(ema))", "3 * (period - 1)", kRecursive},
    {"t3", "Tillson's T3", "average", {period(5), real("factor", 0.7, 0, 1)}, {{"", "ta.T3($close, timeperiod={period}, vfactor={factor})"}},
     "the generalised double exponential average, (1 + factor) ema - factor ema(ema), taken three times", "6 * (period - 1)", kRecursive},
    {"trima", "Triangular moving average", "average", {period(20)}, {{"", "ta.TRIMA($close, timeperiod={period})"}},
     "mean of means over half the period each", "period - 1", kWindow},
    {"kama", "Kaufman adaptive moving average", "average", {period(10)}, {{"", "ta.KAMA($close, timeperiod={period})"}},
     "e += s^2 (close - e), s from 2/31 to 2/3 with the efficiency ratio of period rows", "period", kRecursive},
    {"hma", "Hull moving average", "average", {period(20)}, {{"", "ta.HMA($close, timeperiod={period})"}},
     "wma over sqrt(period) rows of 2 wma(period / 2) - wma(period)", "period + max(floor(sqrt(period)), 1) - 2", kWindow},
    {"zlema", "Zero-lag exponential moving average", "average", {period(20)}, {{"", "ta.ZLEMA($close, timeperiod={period})"}},
     "ema of 2 close - close (period - 1) / 2 rows ago", "period - 1 + floor((period - 1) / 2)", kRecursive},
    {"vwma", "Volume-weighted moving average", "average", {period(20)}, {{"", "ta.VWMA($close, $volume, timeperiod={period})"}},
     "sum(close volume) / sum(volume); NaN where no volume was traded", "period - 1", kWindow},
    {"mama", "MESA adaptive moving average", "average", {real("fast_limit", 0.5, 0.01, 0.99), real("slow_limit", 0.05, 0.01, 0.99)},
     {{"", "ta.MAMA($close, fastlimit={fast_limit}, slowlimit={slow_limit}).mama"},
      {"fama", "ta.MAMA($close, fastlimit={fast_limit}, slowlimit={slow_limit}).fama"}},
     "the weight is fast_limit over the turn of the Hilbert phase, at least slow_limit; fama follows at half the weight", "32", kRecursive},
    {"midpoint", "Middle of the closes", "average", {period(14)}, {{"", "ta.MIDPOINT($close, timeperiod={period})"}},
     "(highest close + lowest close) / 2", "period - 1", kWindow},
    {"midprice", "Middle of the range", "average", {period(14)}, {{"", "ta.MIDPRICE($high, $low, timeperiod={period})"}},
     "(highest high + lowest low) / 2", "period - 1", kWindow},
    {"linreg", "End of the least-squares line", "average", {period(14)}, {{"", "ta.LINEARREG($close, timeperiod={period})"}},
     "value of the line through period closes at the newest row", "period - 1", kWindow},
    {"tsf", "Time series forecast", "average", {period(14)}, {{"", "ta.TSF($close, timeperiod={period})"}},
     "value of the line through period closes one row ahead", "period - 1", kWindow},
    {"ht_trendline", "Instantaneous trendline", "average", {}, {{"", "ta.HT_TRENDLINE($close)"}},
     "mean over one dominant cycle of the Hilbert transform, smoothed", "63", kRecursive},
    {"vwap", "Volume-weighted average price", "average", {}, {{"", "ta.VWAP($high, $low, $close, $volume)"}},
     "sum(typical price * volume) / sum(volume) since the symbol's first bar", "0", kCumulative},
    {"rolling_vwap", "Volume-weighted average price of a window", "average", {period(20)},
     {{"", "ta.VWMA(ta.TYPPRICE($high, $low, $close), $volume, timeperiod={period})"}},
     "sum(typical price * volume) / sum(volume) of the last period rows", "period - 1", kWindow},

    // ---- bands, channels and stops -------------------------------------------------------------------------------------
    {"bbands", "Bollinger bands", "bands", {period(20), real("deviations", 2, 0, kHuge)},
     {{"upper", "ta.BBANDS($close, timeperiod={period}, nbdevup={deviations}, nbdevdn={deviations}, matype=0).upperband"},
      {"middle", "ta.BBANDS($close, timeperiod={period}, nbdevup={deviations}, nbdevdn={deviations}, matype=0).middleband"},
      {"lower", "ta.BBANDS($close, timeperiod={period}, nbdevup={deviations}, nbdevdn={deviations}, matype=0).lowerband"},
      {"width", "2*{deviations}*ta.STDDEV($close, timeperiod={period}, nbdev=1)/ta.SMA($close, timeperiod={period})"},
      {"position", "($close-ta.SMA($close, timeperiod={period}))/(2*{deviations}*ta.STDDEV($close, timeperiod={period}, nbdev=1))+0.5"}},
     "mean of the closes, and so many population deviations above and below; width = (upper - lower) / middle, "
     "position = (close - lower) / (upper - lower)", "period - 1", kWindow},
    {"keltner", "Keltner channels", "bands", {period(20), rows("atr_period", 10), real("multiplier", 2, 0, kHuge)},
     {{"upper", "ta.KC($high, $low, $close, timeperiod={period}, atrperiod={atr_period}, nbdev={multiplier}).upperband"},
      {"middle", "ta.KC($high, $low, $close, timeperiod={period}, atrperiod={atr_period}, nbdev={multiplier}).middleband"},
      {"lower", "ta.KC($high, $low, $close, timeperiod={period}, atrperiod={atr_period}, nbdev={multiplier}).lowerband"}},
     "ema of the typical price, and multiplier average true ranges above and below", "max(period - 1, atr_period)", kRecursive},
    {"donchian", "Donchian channels", "bands", {period(20)},
     {{"upper", "ta.DONCHIAN($high, $low, timeperiod={period}).upperband"},
      {"middle", "ta.DONCHIAN($high, $low, timeperiod={period}).middleband"},
      {"lower", "ta.DONCHIAN($high, $low, timeperiod={period}).lowerband"}},
     "highest high, lowest low, and their middle", "period - 1", kWindow},
    {"accbands", "Acceleration bands", "bands", {period(20)},
     {{"upper", "ta.ACCBANDS($high, $low, $close, timeperiod={period}).upperband"},
      {"middle", "ta.ACCBANDS($high, $low, $close, timeperiod={period}).middleband"},
      {"lower", "ta.ACCBANDS($high, $low, $close, timeperiod={period}).lowerband"}},
     "means of high (1 + 4 w), close and low (1 - 4 w), w = (high - low) / (high + low)", "period - 1", kWindow},
    {"ichimoku", "Ichimoku cloud", "bands", {rows("conversion", 9), rows("base", 26), rows("span", 52)},
     {{"conversion", "ta.MIDPRICE($high, $low, timeperiod={conversion})"},
      {"base", "ta.MIDPRICE($high, $low, timeperiod={base})"},
      {"span_a", "Ref(ta.MIDPRICE($high, $low, timeperiod={conversion})+ta.MIDPRICE($high, $low, timeperiod={base}), {base})/2"},
      {"span_b", "Ref(ta.MIDPRICE($high, $low, timeperiod={span}), {base})"}},
     "middles of the range; the two spans are those of base rows ago, as the chart shows them today. The lagging span is the close "
     "drawn into the past and is left out: it looks ahead", "max(max(conversion, base), span) - 1 + base", kWindow},
    {"psar", "Parabolic stop and reverse", "bands", {real("acceleration", 0.02, 0, kHuge), real("maximum", 0.2, 0, kHuge)},
     {{"", "ta.SAR($high, $low, acceleration={acceleration}, maximum={maximum})"}},
     "a stop that closes in on the extreme of the trend by a factor that grows with every new extreme", "1", kRecursive},
    {"supertrend", "Supertrend", "bands", {period(10), real("multiplier", 3, 0, kHuge)},
     {{"", "ta.SUPERTREND($high, $low, $close, timeperiod={period}, multiplier={multiplier}).supertrend"},
      {"direction", "ta.SUPERTREND($high, $low, $close, timeperiod={period}, multiplier={multiplier}).trend"}},
     "bands multiplier average true ranges around the middle of the bar, which only move towards the price; direction is 1 or -1, "
     "0 before the first value", "period", kRecursive},
    {"chandelier", "Chandelier exit", "bands", {period(22), real("multiplier", 3, 0, kHuge)},
     {{"long", "ta.MAX($high, timeperiod={period})-{multiplier}*ta.ATR($high, $low, $close, timeperiod={period})"},
      {"short", "ta.MIN($low, timeperiod={period})+{multiplier}*ta.ATR($high, $low, $close, timeperiod={period})"}},
     "highest high minus, lowest low plus multiplier average true ranges", "period", kRecursive},

    // ---- momentum ------------------------------------------------------------------------------------------------------
    {"rsi", "Relative strength index", "momentum", {period(14)}, {{"", "ta.RSI($close, timeperiod={period})"}},
     "100 gain / (gain + loss), Wilder's means of the steps up and down", "period", kRecursive},
    {"stoch_rsi", "Stochastic of RSI", "momentum", {period(14), rows("k", 14), rows("d", 3)},
     {{"k", "ta.STOCHRSI($close, timeperiod={period}, fastk_period={k}, fastd_period={d}, fastd_matype=0).fastk"},
      {"d", "ta.STOCHRSI($close, timeperiod={period}, fastk_period={k}, fastd_period={d}, fastd_matype=0).fastd"}},
     "where RSI stands in its own range of k rows, 0 to 100; d is its mean over d rows", "period + k + d - 2", kRecursive},
    {"macd", "Moving average convergence and divergence", "momentum", {rows("fast", 12), rows("slow", 26), rows("signal", 9)},
     {{"", "ta.MACD($close, fastperiod={fast}, slowperiod={slow}, signalperiod={signal}).macd"},
      {"signal", "ta.MACD($close, fastperiod={fast}, slowperiod={slow}, signalperiod={signal}).macdsignal"},
      {"hist", "ta.MACD($close, fastperiod={fast}, slowperiod={slow}, signalperiod={signal}).macdhist"}},
     "ema(fast) - ema(slow), its ema over signal rows, and the difference of the two", "max(fast, slow) + signal - 2", kRecursive},
    {"ppo", "Percentage price oscillator", "momentum", {rows("fast", 12), rows("slow", 26), rows("signal", 9)},
     {{"", "ta.PPO($close, fastperiod={fast}, slowperiod={slow}, matype=1)"},
      {"signal", "ta.EMA(ta.PPO($close, fastperiod={fast}, slowperiod={slow}, matype=1), timeperiod={signal})"},
      {"hist", "ta.PPO($close, fastperiod={fast}, slowperiod={slow}, matype=1)"
               "-ta.EMA(ta.PPO($close, fastperiod={fast}, slowperiod={slow}, matype=1), timeperiod={signal})"}},
     "MACD in percent of the slow average", "max(fast, slow) + signal - 2", kRecursive},
    {"apo", "Absolute price oscillator", "momentum", {rows("fast", 12), rows("slow", 26)},
     {{"", "ta.APO($close, fastperiod={fast}, slowperiod={slow}, matype=1)"}}, "ema(fast) - ema(slow)", "max(fast, slow) - 1", kRecursive},
    {"trix", "Rate of change of a triple exponential average", "momentum", {period(15)}, {{"", "ta.TRIX($close, timeperiod={period})"}},
     "change of ema(ema(ema)) over one row, in percent", "3 * (period - 1) + 1", kRecursive},
    {"tsi", "True strength index", "momentum", {rows("long", 25), rows("short", 13)},
     {{"", "ta.TSI($close, firstperiod={long}, secondperiod={short})"}},
     "100 ema(ema(step)) / ema(ema(|step|)), over long rows and then short ones", "long + short - 1", kRecursive},
    {"kst", "Know sure thing", "momentum", {rows("signal", 9)},
     {{"", "ta.SMA(ta.ROC($close, timeperiod=10), timeperiod=10)+2*ta.SMA(ta.ROC($close, timeperiod=15), timeperiod=10)"
           "+3*ta.SMA(ta.ROC($close, timeperiod=20), timeperiod=10)+4*ta.SMA(ta.ROC($close, timeperiod=30), timeperiod=15)"},
      {"signal", "ta.SMA(ta.SMA(ta.ROC($close, timeperiod=10), timeperiod=10)+2*ta.SMA(ta.ROC($close, timeperiod=15), timeperiod=10)"
                 "+3*ta.SMA(ta.ROC($close, timeperiod=20), timeperiod=10)+4*ta.SMA(ta.ROC($close, timeperiod=30), timeperiod=15), "
                 "timeperiod={signal})"}},
     "M. Pring's sum of smoothed rates of change over 10, 15, 20 and 30 rows, weighted 1 to 4", "43 + signal", kWindow},
    {"coppock", "Coppock curve", "momentum", {period(10), rows("long", 14), rows("short", 11)},
     {{"", "ta.COPPOCK($close, wmaperiod={period}, roc1period={long}, roc2period={short})"}},
     "wma of the sum of two rates of change", "max(long, short) + period - 1", kWindow},
    {"roc", "Rate of change", "momentum", {period(10, 1)}, {{"", "ta.ROC($close, timeperiod={period})"}},
     "100 (close / close period rows ago - 1)", "period", kWindow},
    {"mom", "Momentum", "momentum", {period(10, 1)}, {{"", "ta.MOM($close, timeperiod={period})"}},
     "close - close period rows ago", "period", kWindow},
    {"cmo", "Chande momentum oscillator", "momentum", {period(14)}, {{"", "ta.CMO($close, timeperiod={period})"}},
     "100 (gain - loss) / (gain + loss), Wilder's means of the steps up and down", "period", kRecursive},
    {"cci", "Commodity channel index", "momentum", {period(20)}, {{"", "ta.CCI($high, $low, $close, timeperiod={period})"}},
     "(typical price - its mean) / (0.015 mean distance from the mean)", "period - 1", kWindow},
    {"williams_r", "Williams' %R", "momentum", {period(14)}, {{"", "ta.WILLR($high, $low, $close, timeperiod={period})"}},
     "-100 (highest high - close) / (highest high - lowest low)", "period - 1", kWindow},
    {"stoch", "Slow stochastic", "momentum", {rows("k", 14), rows("smooth", 3), rows("d", 3)},
     {{"k", "ta.STOCH($high, $low, $close, fastk_period={k}, slowk_period={smooth}, slowk_matype=0, slowd_period={d}, slowd_matype=0).slowk"},
      {"d", "ta.STOCH($high, $low, $close, fastk_period={k}, slowk_period={smooth}, slowk_matype=0, slowd_period={d}, slowd_matype=0).slowd"}},
     "where the close stands in the range of k rows, 0 to 100: k is its mean over smooth rows, d the mean of k over d rows",
     "k + smooth + d - 3", kWindow},
    {"stoch_fast", "Fast stochastic", "momentum", {rows("k", 14), rows("d", 3)},
     {{"k", "ta.STOCHF($high, $low, $close, fastk_period={k}, fastd_period={d}, fastd_matype=0).fastk"},
      {"d", "ta.STOCHF($high, $low, $close, fastk_period={k}, fastd_period={d}, fastd_matype=0).fastd"}},
     "where the close stands in the range of k rows, 0 to 100; d is its mean over d rows", "k + d - 2", kWindow},
    {"kdj", "KDJ stochastic", "momentum", {period(9), rows("k", 3), rows("d", 3)},
     {{"k", "ta.KDJ($high, $low, $close, fastk_period={period}, slowk_period={k}, slowk_matype=13, slowd_period={d}, slowd_matype=13).k"},
      {"d", "ta.KDJ($high, $low, $close, fastk_period={period}, slowk_period={k}, slowk_matype=13, slowd_period={d}, slowd_matype=13).d"},
      {"j", "ta.KDJ($high, $low, $close, fastk_period={period}, slowk_period={k}, slowk_matype=13, slowd_period={d}, slowd_matype=13).j"}},
     "the slow stochastic by Wilder's means, and j = 3 k - 2 d", "period + k + d - 3", kRecursive},
    {"smi", "Stochastic momentum index", "momentum", {period(13), rows("short", 2), rows("long", 25), rows("signal", 9)},
     {{"", "ta.SMI($high, $low, $close, timeperiod={period}, fastperiod={short}, slowperiod={long}, signalperiod={signal}).smi"},
      {"signal", "ta.SMI($high, $low, $close, timeperiod={period}, fastperiod={short}, slowperiod={long}, signalperiod={signal}).smisignal"}},
     "distance from the middle of the range over half the range, both smoothed by two emas, in percent",
     "period + short + long + signal - 4", kRecursive},
    {"ultosc", "Ultimate oscillator", "momentum", {rows("short", 7), rows("middle", 14), rows("long", 28)},
     {{"", "ta.ULTOSC($high, $low, $close, timeperiod1={short}, timeperiod2={middle}, timeperiod3={long})"}},
     "shares of the true range below the close over three periods, weighted 4, 2, 1", "max(max(short, middle), long)", kWindow},
    {"ao", "Awesome oscillator", "momentum", {rows("fast", 5), rows("slow", 34)},
     {{"", "ta.AO($high, $low, fastperiod={fast}, slowperiod={slow})"}}, "difference of two means of the middle of the bar",
     "max(fast, slow) - 1", kWindow},
    {"ac", "Accelerator oscillator", "momentum", {rows("fast", 5), rows("slow", 34), rows("signal", 5)},
     {{"", "ta.AC($high, $low, fastperiod={fast}, slowperiod={slow}, signalperiod={signal})"}}, "the awesome oscillator minus its mean",
     "max(fast, slow) + signal - 2", kWindow},
    {"bop", "Balance of power", "momentum", {}, {{"", "ta.BOP($open, $high, $low, $close)"}}, "(close - open) / (high - low)", "0", kRow},
    {"imi", "Intraday momentum index", "momentum", {period(14)}, {{"", "ta.IMI($open, $close, timeperiod={period})"}},
     "100 (sum of close - open where it rose) / sum |close - open|", "period - 1", kWindow},
    {"qstick", "Q stick", "momentum", {period(10)}, {{"", "ta.QSTICK($open, $close, timeperiod={period})"}},
     "mean of close - open", "period - 1", kWindow},
    {"dpo", "Detrended price oscillator", "momentum", {period(20)}, {{"", "ta.DPO($close, timeperiod={period})"}},
     "close of period / 2 + 1 rows ago minus the mean", "max(period - 1, floor(period / 2) + 1)", kWindow},
    {"fosc", "Forecast oscillator", "momentum", {period(5)}, {{"", "ta.FOSC($close, timeperiod={period})"}},
     "distance of the close from where the line through the rows before pointed, in percent", "period", kWindow},
    {"elder_ray", "Elder ray", "momentum", {period(13)},
     {{"bull", "ta.ERI($high, $low, $close, timeperiod={period}).bullpower"}, {"bear", "ta.ERI($high, $low, $close, timeperiod={period}).bearpower"}},
     "high and low minus the ema of the close", "period - 1", kRecursive},
    {"returns", "Simple return", "momentum", {period(1, 1)}, {{"", "$close/Ref($close, {period})-1"}},
     "close / close period rows ago - 1", "period", kShifted},
    {"log_returns", "Logarithmic return", "momentum", {period(1, 1)}, {{"", "Log($close/Ref($close, {period}))"}},
     "ln(close / close period rows ago)", "period", kShifted},
    {"gap", "Opening gap", "momentum", {}, {{"", "$open/Ref($close, 1)-1"}}, "open / close of the row before - 1", "1", kShifted},

    // ---- trend ---------------------------------------------------------------------------------------------------------
    {"adx", "Average directional movement index", "trend", {period(14)},
     {{"", "ta.ADX($high, $low, $close, timeperiod={period})"},
      {"plus_di", "ta.PLUS_DI($high, $low, $close, timeperiod={period})"},
      {"minus_di", "ta.MINUS_DI($high, $low, $close, timeperiod={period})"}},
     "Wilder's mean of 100 |plus - minus| / (plus + minus); plus and minus are the smoothed directional movements over the true range",
     "2 * period - 1", kRecursive},
    {"adxr", "ADX rating", "trend", {period(14)}, {{"", "ta.ADXR($high, $low, $close, timeperiod={period})"}},
     "mean of ADX and ADX period - 1 rows ago", "3 * period - 2", kRecursive},
    {"dx", "Directional movement index", "trend", {period(14)}, {{"", "ta.DX($high, $low, $close, timeperiod={period})"}},
     "100 |plus - minus| / (plus + minus)", "period", kRecursive},
    {"aroon", "Aroon", "trend", {period(25)},
     {{"up", "ta.AROON($high, $low, timeperiod={period}).aroonup"}, {"down", "ta.AROON($high, $low, timeperiod={period}).aroondown"},
      {"osc", "ta.AROONOSC($high, $low, timeperiod={period})"}},
     "how long ago the extreme of period + 1 rows was: 100 when it is the newest, 0 when the oldest; osc = up - down", "period", kWindow},
    {"vortex", "Vortex", "trend", {period(14)},
     {{"plus", "ta.VORTEX($high, $low, $close, timeperiod={period}).plusvi"},
      {"minus", "ta.VORTEX($high, $low, $close, timeperiod={period}).minusvi"}},
     "sums of |high - low before| and |low - high before| over that of the true range", "period", kWindow},
    {"efficiency_ratio", "Kaufman efficiency ratio", "trend", {period(10)}, {{"", "ta.ER($close, timeperiod={period})"}},
     "|close - close period rows ago| / sum |steps|", "period", kWindow},
    {"vhf", "Vertical horizontal filter", "trend", {period(28)}, {{"", "ta.VHF($close, timeperiod={period})"}},
     "(highest close - lowest close) / sum |steps|", "period", kWindow},
    {"choppiness", "Choppiness index", "trend", {period(14)},
     {{"", "100*Log(ta.SUM(ta.TRANGE($high, $low, $close), timeperiod={period})"
           "/(ta.MAX($high, timeperiod={period})-ta.MIN($low, timeperiod={period})))/Log(If($close > 0, {period}, {period}))"}},
     "100 log(sum of true ranges / (highest high - lowest low)) / log(period); NaN or inf where nothing moved", "period", kWindow},
    {"linreg_slope", "Slope of the least-squares line", "trend", {period(14)}, {{"", "ta.LINEARREG_SLOPE($close, timeperiod={period})"}},
     "price per row", "period - 1", kWindow},
    {"linreg_angle", "Angle of the least-squares line", "trend", {period(14)}, {{"", "ta.LINEARREG_ANGLE($close, timeperiod={period})"}},
     "atan(slope) in degrees", "period - 1", kWindow},
    {"rsquare", "Fit of the least-squares line", "trend", {period(20, 3)}, {{"", "Rsquare($close, {period})"}},
     "squared correlation of the closes with their row number; NaN where their deviation is at most 2e-5", "1", kPartial},
    {"fractal", "Williams fractal", "trend", {rows("left", 2, 1), rows("right", 2, 1)},
     {{"high", "ta.FRACTAL($high, $low, leftbars={left}, rightbars={right}).swinghigh"},
      {"low", "ta.FRACTAL($high, $low, leftbars={left}, rightbars={right}).swinglow"}},
     "100 in the row that completes a swing, right rows after its extreme; else 0", "0", kWindow},
    {"ht_trendmode", "Trend or cycle by the Hilbert transform", "trend", {}, {{"", "ta.HT_TRENDMODE($close)"}}, "1 in a trend, 0 in a cycle", "0",
     kRecursive},

    // ---- volatility ----------------------------------------------------------------------------------------------------
    {"atr", "Average true range", "volatility", {period(14)}, {{"", "ta.ATR($high, $low, $close, timeperiod={period})"}},
     "Wilder's mean of the true range", "period", kRecursive},
    {"natr", "Average true range in percent", "volatility", {period(14)}, {{"", "ta.NATR($high, $low, $close, timeperiod={period})"}},
     "100 atr / close", "period", kRecursive},
    {"true_range", "True range", "volatility", {}, {{"", "ta.TRANGE($high, $low, $close)"}},
     "the largest of high - low, |high - close before|, |low - close before|", "1", kWindow},
    {"adr", "Average day range", "volatility", {period(14)}, {{"", "ta.ADR($high, $low, timeperiod={period})"}}, "mean of high - low",
     "period - 1", kWindow},
    {"stddev", "Standard deviation of the close", "volatility", {period(20)}, {{"", "ta.STDDEV($close, timeperiod={period}, nbdev=1)"}},
     "sqrt(mean((close - mean)^2)), the population's", "period - 1", kWindow},
    {"variance", "Variance of the close", "volatility", {period(20)}, {{"", "ta.VAR($close, timeperiod={period})"}},
     "mean((close - mean)^2), the population's", "period - 1", kWindow},
    {"avgdev", "Mean absolute deviation of the close", "volatility", {period(14)}, {{"", "ta.AVGDEV($close, timeperiod={period})"}},
     "mean |close - mean|", "period - 1", kWindow},
    {"volatility", "Historical volatility", "volatility", {period(20), rows("days", 252, 1)},
     {{"", "ta.STDDEV(Log($close/Ref($close, 1)), timeperiod={period}, nbdev=1)*({period}/({period}-1)*{days})**0.5"}},
     "sample deviation of the logarithmic returns, times sqrt(days); days = 1: per row", "period", kWindow},
    {"parkinson", "Parkinson volatility", "volatility", {period(20), rows("days", 252, 1)},
     {{"", "(ta.SMA(Power(Log($high/$low), 2), timeperiod={period})*({days}/2.772588722239781))**0.5"}},
     "sqrt(days mean(ln(high / low)^2) / (4 ln 2))", "period - 1", kWindow},
    {"garman_klass", "Garman-Klass volatility", "volatility", {period(20), rows("days", 252, 1)},
     {{"", "(ta.SMA(0.5*Power(Log($high/$low), 2)-0.3862943611198906*Power(Log($close/$open), 2), timeperiod={period})*{days})**0.5"}},
     "sqrt(days mean(ln(high / low)^2 / 2 - (2 ln 2 - 1) ln(close / open)^2))", "period - 1", kWindow},
    {"rogers_satchell", "Rogers-Satchell volatility", "volatility", {period(20), rows("days", 252, 1)},
     {{"", "(ta.SMA(Log($high/$close)*Log($high/$open)+Log($low/$close)*Log($low/$open), timeperiod={period})*{days})**0.5"}},
     "sqrt(days mean(ln(h/c) ln(h/o) + ln(l/c) ln(l/o)))", "period - 1", kWindow},
    {"yang_zhang", "Yang-Zhang volatility", "volatility", {period(20), rows("days", 252, 1)},
     {{"", "((ta.VAR(Log($open/Ref($close, 1)), timeperiod={period})+0.34/(1.34+({period}+1)/({period}-1))*ta.VAR(Log($close/$open), "
           "timeperiod={period}))*({period}/({period}-1)*{days})"
           "+(1-0.34/(1.34+({period}+1)/({period}-1)))*{days}*ta.SMA(Log($high/$close)*Log($high/$open)+Log($low/$close)*Log($low/$open), "
           "timeperiod={period}))**0.5"}},
     "sqrt(days (variance of ln(open / close before) + k variance of ln(close / open) + (1 - k) Rogers-Satchell)), "
     "k = 0.34 / (1.34 + (period + 1) / (period - 1))", "period", kWindow},
    {"ulcer", "Ulcer index", "volatility", {period(14)},
     {{"", "ta.SMA(Power(100*($close/ta.MAX($close, timeperiod={period})-1), 2), timeperiod={period})**0.5"}},
     "sqrt(mean(drawdown^2)), the drawdown from the highest close of period rows in percent", "2 * (period - 1)", kWindow},
    {"drawdown", "Drawdown", "volatility", {period(252)}, {{"", "$close/ta.MAX($close, timeperiod={period})-1"}},
     "close / highest close of period rows - 1", "period - 1", kWindow},
    {"mass_index", "Mass index", "volatility", {rows("ema", 9), period(25)},
     {{"", "ta.MASSI($high, $low, fastperiod={ema}, slowperiod={period})"}},
     "sum of ema(high - low) / ema(ema(high - low))", "2 * (ema - 1) + period - 1", kRecursive},
    {"chaikin_volatility", "Chaikin's volatility", "volatility", {rows("ema", 10), rows("change", 10, 1)},
     {{"", "ta.CVI($high, $low, timeperiod={ema}, rocperiod={change})"}}, "change of ema(high - low), in percent", "ema + change - 1", kRecursive},
    {"relative_volatility", "Relative volatility index", "volatility", {period(14), rows("deviation", 10)},
     {{"", "ta.RVI($close, timeperiod={period}, stddevperiod={deviation})"}},
     "the share of deviations on days that closed higher, 0 to 100", "period + deviation - 2", kRecursive},

    // ---- volume --------------------------------------------------------------------------------------------------------
    {"obv", "On-balance volume", "volume", {}, {{"", "ta.OBV($close, $volume)"}},
     "volume added on days that closed higher, subtracted on days that closed lower, since the symbol's first bar", "0", kCumulative},
    {"ad", "Accumulation and distribution", "volume", {}, {{"", "ta.AD($high, $low, $close, $volume)"}},
     "sum of volume (2 close - high - low) / (high - low) since the symbol's first bar", "0", kCumulative},
    {"adosc", "Chaikin oscillator", "volume", {rows("fast", 3), rows("slow", 10)},
     {{"", "ta.ADOSC($high, $low, $close, $volume, fastperiod={fast}, slowperiod={slow})"}}, "ema(fast) - ema(slow) of accumulation and distribution",
     "max(fast, slow) - 1", kCumulative},
    {"cmf", "Chaikin money flow", "volume", {period(20)}, {{"", "ta.CMF($high, $low, $close, $volume, timeperiod={period})"}},
     "sum of volume (2 close - high - low) / (high - low) over the sum of volume", "period - 1", kWindow},
    {"mfi", "Money flow index", "volume", {period(14)}, {{"", "ta.MFI($high, $low, $close, $volume, timeperiod={period})"}},
     "100 money of rising bars / money of rising and falling bars, money = typical price * volume", "period", kWindow},
    {"efi", "Elder's force index", "volume", {period(13)}, {{"", "ta.EFI($close, $volume, timeperiod={period})"}},
     "ema of (close - close before) volume", "period", kRecursive},
    {"eom", "Ease of movement", "volume", {period(14)},
     {{"", "ta.SMA((ta.MEDPRICE($high, $low)-Ref(ta.MEDPRICE($high, $low), 1))*($high-$low)/$volume*100000000, timeperiod={period})"}},
     "mean of (change of the middle of the bar) (high - low) / (volume / 1e8)", "period", kWindow},
    {"pvt", "Price volume trend", "volume", {}, {{"", "ta.PVT($close, $volume)"}}, "sum of volume times return since the symbol's first bar", "0",
     kCumulative},
    {"nvi", "Negative volume index", "volume", {}, {{"", "ta.NVI($close, $volume)"}}, "1000, moved by the return on days whose volume fell", "0",
     kCumulative},
    {"pvi", "Positive volume index", "volume", {}, {{"", "ta.PVI($close, $volume)"}}, "1000, moved by the return on days whose volume rose", "0",
     kCumulative},
    {"wad", "Williams' accumulation and distribution", "volume", {}, {{"", "ta.WAD($high, $low, $close)"}},
     "sum of close - true low on days up, minus true high - close on days down", "0", kCumulative},
    {"pvo", "Percentage volume oscillator", "volume", {rows("fast", 12), rows("slow", 26), rows("signal", 9)},
     {{"", "ta.PVO($volume, fastperiod={fast}, slowperiod={slow}, matype=1)"},
      {"signal", "ta.EMA(ta.PVO($volume, fastperiod={fast}, slowperiod={slow}, matype=1), timeperiod={signal})"},
      {"hist", "ta.PVO($volume, fastperiod={fast}, slowperiod={slow}, matype=1)"
               "-ta.EMA(ta.PVO($volume, fastperiod={fast}, slowperiod={slow}, matype=1), timeperiod={signal})"}},
     "PPO of the volume", "max(fast, slow) + signal - 2", kRecursive},
    {"rvol", "Relative volume", "volume", {period(20, 1)}, {{"", "ta.RVOL($volume, timeperiod={period})"}},
     "volume / mean volume of the period rows before", "period", kWindow},
    {"volume_sma", "Mean volume", "volume", {period(20)}, {{"", "ta.SMA($volume, timeperiod={period})"}},
     "mean of the volume", "period - 1", kWindow},
    {"volume_change", "Change of volume", "volume", {period(1, 1)}, {{"", "$volume/Ref($volume, {period})-1"}},
     "volume / volume period rows ago - 1; inf or NaN after a row without volume", "period", kShifted},
    {"dollar_volume", "Mean turnover", "volume", {period(20)}, {{"", "ta.SMA(ta.MULT($close, $volume), timeperiod={period})"}},
     "mean of close * volume", "period - 1", kWindow},
    {"amihud", "Amihud illiquidity", "volume", {period(20)},
     {{"", "ta.SMA(Abs($close/Ref($close, 1)-1)/ta.MULT($close, $volume)*1000000, timeperiod={period})"}},
     "mean of 1e6 |return| / (close * volume); inf where a row in the window has no volume", "period", kWindow},
    {"market_facilitation", "Market facilitation index", "volume", {}, {{"", "ta.MARKETFI($high, $low, $volume)"}},
     "(high - low) / volume", "0", kRow},
    {"price_volume_correlation", "Correlation of price and volume", "volume", {period(20)},
     {{"", "ta.CORREL($close, $volume, timeperiod={period})"}}, "Pearson's, 0 where either is constant", "period - 1", kWindow},

    // ---- price ---------------------------------------------------------------------------------------------------------
    {"typical_price", "Typical price", "price", {}, {{"", "ta.TYPPRICE($high, $low, $close)"}}, "(high + low + close) / 3", "0", kRow},
    {"median_price", "Middle of the bar", "price", {}, {{"", "ta.MEDPRICE($high, $low)"}}, "(high + low) / 2", "0", kRow},
    {"weighted_close", "Weighted close", "price", {}, {{"", "ta.WCLPRICE($high, $low, $close)"}}, "(high + low + 2 close) / 4", "0", kRow},
    {"average_price", "Average price", "price", {}, {{"", "ta.AVGPRICE($open, $high, $low, $close)"}}, "(open + high + low + close) / 4", "0", kRow},
    {"heikin_ashi", "Heikin-Ashi bars", "price", {},
     {{"open", "ta.HA($open, $high, $low, $close).haopen"}, {"high", "ta.HA($open, $high, $low, $close).hahigh"},
      {"low", "ta.HA($open, $high, $low, $close).halow"}, {"close", "ta.HA($open, $high, $low, $close).haclose"}},
     "close is the mean of the bar, open the middle of the body before, high and low hold both", "0", kRecursive},

    // ---- statistics ----------------------------------------------------------------------------------------------------
    {"zscore", "Standard score of the close", "statistic", {period(20)},
     {{"", "($close-ta.SMA($close, timeperiod={period}))/ta.STDDEV($close, timeperiod={period}, nbdev=1)"}},
     "(close - mean) / population deviation; NaN where nothing moved", "period - 1", kWindow},
    {"percent_rank", "Percent rank of the close", "statistic", {period(100)}, {{"", "ta.PERCENTRANK($close, timeperiod={period})"}},
     "how many of the period closes before are below this one, in percent", "period", kWindow},
    {"autocorrelation", "Autocorrelation of returns", "statistic", {period(20), rows("lag", 1, 1)},
     {{"", "ta.CORREL($close/Ref($close, 1)-1, Ref($close/Ref($close, 1)-1, {lag}), timeperiod={period})"}},
     "Pearson's correlation of the return with that of lag rows ago", "period + lag", kWindow},
    {"skewness", "Skewness of returns", "statistic", {period(20, 3)}, {{"", "Skew($close/Ref($close, 1)-1, {period})"}},
     "sample skewness of the returns", "3", kPartial},
    {"kurtosis", "Excess kurtosis of returns", "statistic", {period(20, 4)}, {{"", "Kurt($close/Ref($close, 1)-1, {period})"}},
     "sample excess kurtosis of the returns", "4", kPartial},

    // ---- cycles --------------------------------------------------------------------------------------------------------
    {"ht_dcperiod", "Dominant cycle period", "cycle", {}, {{"", "ta.HT_DCPERIOD($close)"}}, "rows, by Ehlers' Hilbert transform", "32", kRecursive},
    {"ht_dcphase", "Dominant cycle phase", "cycle", {}, {{"", "ta.HT_DCPHASE($close)"}}, "degrees, from -45 to 315", "63", kRecursive},
    {"ht_phasor", "Phasor of the cycle", "cycle", {},
     {{"in_phase", "ta.HT_PHASOR($close).inphase"}, {"quadrature", "ta.HT_PHASOR($close).quadrature"}}, "components of the Hilbert transform", "32",
     kRecursive},
    {"ht_sine", "Sine of the cycle", "cycle", {}, {{"", "ta.HT_SINE($close).sine"}, {"lead", "ta.HT_SINE($close).leadsine"}},
     "sine of the phase, and of the phase 45 degrees on", "63", kRecursive},
};
// clang-format on

/// A parameter's value as it stands in expressions and in column names: all digits, no exponent that holds a '+'.
std::string written(double value) {
  std::string out = format_plain(value);
  std::erase(out, '+');
  return out;
}

using Values = std::vector<double>;

/// The template with every {name} replaced.
std::string filled(std::string_view text, const Indicator& indicator, const Values& values) {
  std::string out;
  while (!text.empty()) {
    const size_t open = std::min(text.find('{'), text.size());
    out += text.substr(0, open);
    if (open == text.size()) break;
    const size_t close = text.find('}', open);
    const std::string_view name = text.substr(open + 1, close - open - 1);
    const auto params = params_of(indicator);
    const auto at = std::find_if(params.begin(), params.end(), [&](const IndicatorParam& param) { return param.name == name; });
    assert(at != params.end());
    out += written(values[size_t(at - params.begin())]);
    text.remove_prefix(close + 1);
  }
  return out;
}

std::string column_name(const Indicator& indicator, const Values& values, const IndicatorOutput& output) {
  std::string name(indicator.name);
  for (const double value : values) name += "_" + written(value);
  if (!output.name.empty()) name += fmt::format("_{}", output.name);
  return name;
}

/// A call as it was typed, against the catalog. Errors point into the text.
class Call {
 public:
  explicit Call(const Expression& expression) : expression_(expression) {}

  Result<std::vector<NamedExpression>> features() const {
    const ExpressionNode* node = &expression_.nodes.back();
    const ExpressionNode* attribute = nullptr;
    if (node->type == ExpressionNode::Type::attribute) attribute = node, node = &child(*node, 0);
    if (node->type != ExpressionNode::Type::call)
      return fail(*node, "not the call of an indicator", "such as rsi(period=14); hayate indicators lists all");
    HY_TRY(const Indicator* indicator, called(*node));
    HY_TRY(const Values values, values_of(*indicator, *node));
    std::vector<NamedExpression> out;
    for (const IndicatorOutput& output : outputs_of(*indicator))
      if (!attribute || attribute->name == output.name)
        out.push_back({column_name(*indicator, values, output), filled(output.expression, *indicator, values)});
    if (out.empty()) return unknown_output(*indicator, *attribute);
    return out;
  }

 private:
  const ExpressionNode& child(const ExpressionNode& node, size_t i) const { return expression_.nodes[size_t(node.children[i])]; }
  Error fail(const ExpressionNode& at, std::string what, std::string hint) const {
    return expression_.error(std::move(what), at.begin, at.end, std::move(hint));
  }
  Error fail_name(const ExpressionNode& at, const Error& unknown) const {
    return expression_.error(unknown.what, at.name_begin, at.name_begin + at.name.size(), unknown.hint);
  }

  Result<const Indicator*> called(const ExpressionNode& node) const {
    if (const Indicator* found = find_indicator(node.name)) return found;
    std::vector<std::string> names;
    for (const Indicator& indicator : indicators()) names.emplace_back(indicator.name);
    Error unknown = unknown_name("indicator", node.name, names, "");
    if (node.name.starts_with("ta.")) unknown.hint = "TA-Lib's functions stand in expressions: --expr 'x=" + node.name + "(...)'";
    if (unknown.hint.starts_with("one of")) unknown.hint += "; hayate indicators lists all";
    return fail_name(node, unknown);
  }

  Result<Values> values_of(const Indicator& indicator, const ExpressionNode& node) const {
    const auto params = params_of(indicator);
    const std::string hint = "write " + signature_of(indicator);
    Values values;
    std::vector<std::string> names;
    for (const IndicatorParam& param : params) values.push_back(param.initial), names.emplace_back(param.name);
    std::vector<bool> given(params.size(), false);
    for (size_t i = 0; i < node.children.size(); ++i) {
      size_t at = i;
      if (!node.keywords[i].empty()) {
        at = size_t(std::find(names.begin(), names.end(), node.keywords[i]) - names.begin());
        if (at == names.size()) return unknown_param(indicator, node, i, names, hint);
      } else if (i >= params.size()) {
        return fail(child(node, i), fmt::format("{} takes {} parameters, {} are given", indicator.name, params.size(), node.children.size()), hint);
      }
      if (given[at]) return fail(child(node, i), fmt::format("'{}' is given twice", names[at]), hint);
      given[at] = true;
      HY_TRY(values[at], value_of(params[at], indicator, child(node, i)));
    }
    return values;
  }

  Error unknown_param(const Indicator& indicator, const ExpressionNode& node, size_t i, const std::vector<std::string>& names,
                      const std::string& hint) const {
    if (names.empty()) return fail(child(node, i), fmt::format("{} takes no parameters", indicator.name), hint);
    const Error unknown = unknown_name(fmt::format("parameter of {}", indicator.name), node.keywords[i], names, "");
    return fail(child(node, i), unknown.what, unknown.hint.starts_with("one of") ? hint : unknown.hint + "; " + hint);
  }

  Result<double> value_of(const IndicatorParam& param, const Indicator& indicator, const ExpressionNode& node) const {
    const bool negative = node.type == ExpressionNode::Type::unary && node.name == "-";
    const ExpressionNode& number = negative ? child(node, 0) : node;
    const std::string such = fmt::format("such as {}={}", param.name, written(param.initial));
    if (number.type != ExpressionNode::Type::number) return fail(node, fmt::format("'{}' of {} is no number", param.name, indicator.name), such);
    const double value = negative ? -number.value : number.value;
    if (!(value >= param.least && value <= param.most))
      return fail(node, fmt::format("'{}' of {} must be between {} and {}", param.name, indicator.name, written(param.least), written(param.most)),
                  such);
    if (param.whole && value != double(int64_t(value)))
      return fail(node, fmt::format("'{}' of {} must be a whole number, not {}", param.name, indicator.name, format_shortest(value)), such);
    return value;
  }

  Error unknown_output(const Indicator& indicator, const ExpressionNode& attribute) const {
    std::vector<std::string> names;
    for (const IndicatorOutput& output : outputs_of(indicator))
      if (!output.name.empty()) names.emplace_back(output.name);
    if (names.empty())
      return fail_name(attribute, usage_error(fmt::format("{} has one output", indicator.name), "", "leave ." + attribute.name + " out"));
    return fail_name(attribute, unknown_name(fmt::format("output of {}", indicator.name), attribute.name, names, ""));
  }

  const Expression& expression_;
};

}  // namespace

std::span<const Indicator> indicators() { return kIndicators; }

const Indicator* find_indicator(std::string_view name) {
  for (const Indicator& indicator : kIndicators)
    if (indicator.name == name) return &indicator;
  return nullptr;
}

std::span<const IndicatorParam> params_of(const Indicator& indicator) {
  const auto end = std::find_if(std::begin(indicator.params), std::end(indicator.params), [](const auto& param) { return param.name.empty(); });
  return {std::begin(indicator.params), end};
}

std::span<const IndicatorOutput> outputs_of(const Indicator& indicator) {
  const auto end =
      std::find_if(std::begin(indicator.outputs), std::end(indicator.outputs), [](const auto& output) { return output.expression.empty(); });
  return {std::begin(indicator.outputs), end};
}

std::vector<std::string> inputs_of(const Indicator& indicator) {
  const auto in_name = [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; };
  std::vector<std::string> out;
  for (const IndicatorOutput& output : outputs_of(indicator))
    for (size_t at = output.expression.find('$'); at != std::string_view::npos; at = output.expression.find('$', at + 1)) {
      size_t end = at + 1;
      while (end < output.expression.size() && in_name(output.expression[end])) ++end;
      std::string name(output.expression.substr(at + 1, end - at - 1));
      if (std::find(out.begin(), out.end(), name) == out.end()) out.push_back(std::move(name));
    }
  return out;
}

std::string signature_of(const Indicator& indicator) {
  std::vector<std::string> params;
  for (const IndicatorParam& param : params_of(indicator)) params.push_back(fmt::format("{}={}", param.name, written(param.initial)));
  return fmt::format("{}({})", indicator.name, fmt::join(params, ", "));
}

Result<std::vector<NamedExpression>> indicator_features(std::string_view call, const TextPlace& place) {
  // Parentheses may be left out: "obv", "macd.signal".
  std::string text(trim(call));
  const size_t name = std::min(text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"), text.size());
  if (text.find('(') == std::string::npos && name > 0 && (name == text.size() || text[name] == '.')) text.insert(name, "()");
  HY_TRY(const Expression expression, parse_expression(Expression{.text = std::move(text), .source = place.line, .column = place.column}));
  HY_TRY(auto out, Call(expression).features());
  for (NamedExpression& named : out) named.place.line = place.line;
  return out;
}

}  // namespace hayate
