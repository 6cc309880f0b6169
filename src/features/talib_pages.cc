#include "features/talib_pages.h"

#include <fmt/format.h>

#include <cassert>

#include "base/strings.h"
#include "features/talib.h"

namespace hayate {
namespace {

using kernels::ta::Entry;

// In the order of names. Candles are measured as TA-Lib does: long, short, doji, near, far and equal against the mean of the 5 or 10
// bars before; a pattern is 100 when it is bullish and -100 when bearish.
constexpr TalibPage kPages[] = {
    {"AC", "AO minus its mean over signalperiod rows", "max(fastperiod, slowperiod) + signalperiod - 2", false, ExactMissing::missing_to_end, 3.9},
    {"ACCBANDS", "means of high (1 + 4 w), close and low (1 - 4 w), w = (high - low) / (high + low)", "timeperiod - 1", false,
     ExactMissing::missing_to_end, 1.4},
    {"ACOS", "arc cosine, radians; NaN outside -1 to 1", "", false, ExactMissing::own_windows, 6.5},
    {"AD", "sum of volume (2 close - high - low) / (high - low), 0 for a bar without height", "", false, ExactMissing::wrong_to_end, 2.8},
    {"ADD", "real0 + real1", "", false, ExactMissing::own_windows, 0.5},
    {"ADOSC", "fast - slow exponential mean of AD, both begun with its first value", "max(fastperiod, slowperiod) - 1", false,
     ExactMissing::for_a_while, 2.7},
    {"ADR", "mean of high - low", "timeperiod - 1", false, ExactMissing::missing_to_end, 1.5},
    {"ADX", "Wilder's mean of DX", "2 * timeperiod - 1", true, ExactMissing::wrong_to_end, 11},
    {"ADXR", "(ADX + ADX timeperiod - 1 rows ago) / 2", "3 * timeperiod - 2", false, ExactMissing::wrong_to_end, 17},
    {"AO", "mean of (high + low) / 2 over fastperiod rows minus that over slowperiod rows", "max(fastperiod, slowperiod) - 1", false,
     ExactMissing::missing_to_end, 2.9},
    {"APO", "average(fastperiod) - average(slowperiod), both of type matype", "average(max(fastperiod, slowperiod), matype)", false,
     ExactMissing::missing_to_end, 5.7},
    {"AROON", "100 (timeperiod - rows since the extreme) / timeperiod, over timeperiod + 1 rows", "timeperiod", false, ExactMissing::hidden, 5.6},
    {"AROONOSC", "aroonup - aroondown", "timeperiod", false, ExactMissing::hidden, 11},
    {"ASIN", "arc sine, radians; NaN outside -1 to 1", "", false, ExactMissing::own_windows, 6.2},
    {"ATAN", "arc tangent, radians", "", false, ExactMissing::own_windows, 8.6},
    {"ATR", "Wilder's mean of TRANGE; timeperiod = 1: TRANGE itself", "timeperiod", true, ExactMissing::missing_to_end, 6.4},
    {"AVGDEV", "mean |real - mean|", "timeperiod - 1", false, ExactMissing::own_windows, 2.9},
    {"AVGPRICE", "(open + high + low + close) / 4", "", false, ExactMissing::own_windows, 0.8},
    {"BBANDS", "an average of type matype, nbdevup population deviations above it and nbdevdn below",
     "max(average(timeperiod, matype), timeperiod - 1)", false, ExactMissing::missing_to_end, 1.3},
    {"BETA", "slope of real1's relative changes over real0's, of timeperiod changes; 0 where real0 stands still", "timeperiod", false,
     ExactMissing::for_a_while, 2.9},
    {"BOP", "(close - open) / (high - low), 0 where the bar has no height", "", false, ExactMissing::own_windows, 1.1},
    {"CCI", "(t - mean t) / (0.015 mean |t - mean t|), t = (high + low + close) / 3; 0 where all are equal", "timeperiod - 1", false,
     ExactMissing::own_windows, 4.8},
    {"CDL2CROWS", "a long white bar; a black one whose body lies above it; a black one that opens in the second body and closes in the first", "",
     false, ExactMissing::wrong_to_end, 2.2},
    {"CDL3BLACKCROWS", "after a white bar three black ones without lower shadows, each opening in the body before and closing lower", "", false,
     ExactMissing::wrong_to_end, 4.6},
    {"CDL3INSIDE", "a short body inside a long one, then a bar of the other color that closes beyond the first open", "", false,
     ExactMissing::wrong_to_end, 2.8},
    {"CDL3LINESTRIKE", "three bars of one color that step on, then one of the other color that takes all three back", "", false,
     ExactMissing::wrong_to_end, 4.0},
    {"CDL3OUTSIDE", "a body that engulfs the one before, then a close further on", "", false, ExactMissing::hidden, 1.1},
    {"CDL3STARSINSOUTH", "three black bars, each smaller and inside the one before: a long one with a long lower shadow, a shorter one, a marubozu",
     "", false, ExactMissing::wrong_to_end, 11},
    {"CDL3WHITESOLDIERS", "three white bars of like size without upper shadows, each opening in or near the body before and closing higher", "",
     false, ExactMissing::wrong_to_end, 17},
    {"CDLABANDONEDBABY", "a long bar, a doji with a gap on both sides, a bar of the other color that closes penetration of the body back", "", false,
     ExactMissing::wrong_to_end, 4.3},
    {"CDLADVANCEBLOCK", "three white bars closing higher that weaken: shorter bodies or longer upper shadows", "", false, ExactMissing::wrong_to_end,
     19},
    {"CDLBELTHOLD", "a long bar that opens at its extreme", "", false, ExactMissing::wrong_to_end, 3.2},
    {"CDLBREAKAWAY", "a long bar, a gap, two more bars on, then one of the other color that closes in the gap", "", false, ExactMissing::wrong_to_end,
     3.1},
    {"CDLCLOSINGMARUBOZU", "a long bar that closes at its extreme", "", false, ExactMissing::wrong_to_end, 3.2},
    {"CDLCONCEALBABYSWALL", "two black marubozus, a black bar that opens below and reaches up into them, a black bar that engulfs it", "", false,
     ExactMissing::wrong_to_end, 5.8},
    {"CDLCOUNTERATTACK", "two long bars of opposite color with equal closes", "", false, ExactMissing::wrong_to_end, 4.3},
    {"CDLDARKCLOUDCOVER", "a long white bar, then a black one that opens above its high and closes penetration of the body back", "", false,
     ExactMissing::wrong_to_end, 2.2},
    {"CDLDOJI", "open and close about equal", "", false, ExactMissing::wrong_to_end, 1.8},
    {"CDLDOJISTAR", "a long bar, then a doji with a gap between the bodies", "", false, ExactMissing::wrong_to_end, 2.7},
    {"CDLDRAGONFLYDOJI", "a doji with a lower shadow and none above", "", false, ExactMissing::wrong_to_end, 2.8},
    {"CDLENGULFING", "a body that engulfs the one before of the other color; 80 where one end is equal", "", false, ExactMissing::hidden, 1.1},
    {"CDLEVENINGDOJISTAR", "a long white bar, a doji above it, a black bar that closes penetration of the body back", "", false,
     ExactMissing::wrong_to_end, 4.0},
    {"CDLEVENINGSTAR", "a long white bar, a short body above it, a black bar that closes penetration of the body back", "", false,
     ExactMissing::wrong_to_end, 4.4},
    {"CDLGAPSIDESIDEWHITE", "two white bars of like size and equal opens beyond a gap", "", false, ExactMissing::wrong_to_end, 3.1},
    {"CDLGRAVESTONEDOJI", "a doji with an upper shadow and none below", "", false, ExactMissing::wrong_to_end, 2.8},
    {"CDLHAMMER", "a short body near the low before, with a long lower shadow and none above", "", false, ExactMissing::wrong_to_end, 4.6},
    {"CDLHANGINGMAN", "a short body near the high before, with a long lower shadow and none above", "", false, ExactMissing::wrong_to_end, 4.6},
    {"CDLHARAMI", "a short body inside the long one before; 80 where one end is equal", "", false, ExactMissing::wrong_to_end, 2.7},
    {"CDLHARAMICROSS", "a doji inside the long body before; 80 where one end is equal", "", false, ExactMissing::wrong_to_end, 2.9},
    {"CDLHIGHWAVE", "a short body between very long shadows", "", false, ExactMissing::wrong_to_end, 1.9},
    {"CDLHIKKAKE",
     "an inside bar, then a bar with lower high and low (bullish) or higher ones (bearish); 200 where a close within three rows confirms", "", false,
     ExactMissing::hidden, 3.4},
    {"CDLHIKKAKEMOD", "two inside bars, the first closing near its low or high, then as CDLHIKKAKE", "", false, ExactMissing::wrong_to_end, 3.9},
    {"CDLHOMINGPIGEON", "a short black body inside a long black one", "", false, ExactMissing::wrong_to_end, 2.5},
    {"CDLIDENTICAL3CROWS", "three black bars without lower shadows, each opening at the close before", "", false, ExactMissing::wrong_to_end, 12},
    {"CDLINNECK", "a long black bar, then a white one that opens below its low and closes at or just above its close", "", false,
     ExactMissing::wrong_to_end, 2.7},
    {"CDLINVERTEDHAMMER", "a short body below a gap, with a long upper shadow and none below", "", false, ExactMissing::wrong_to_end, 3.1},
    {"CDLKICKING", "two marubozus of opposite color with a gap between", "", false, ExactMissing::wrong_to_end, 7.6},
    {"CDLKICKINGBYLENGTH", "CDLKICKING with the sign of the longer one", "", false, ExactMissing::wrong_to_end, 7.9},
    {"CDLLADDERBOTTOM", "three black bars stepping down, a black one with an upper shadow, a white one that closes above its high", "", false,
     ExactMissing::wrong_to_end, 2.9},
    {"CDLLONGLEGGEDDOJI", "a doji with a long shadow", "", false, ExactMissing::wrong_to_end, 2.1},
    {"CDLLONGLINE", "a long body with short shadows", "", false, ExactMissing::wrong_to_end, 3.6},
    {"CDLMARUBOZU", "a long body without shadows", "", false, ExactMissing::wrong_to_end, 3.1},
    {"CDLMATCHINGLOW", "two black bars with equal closes", "", false, ExactMissing::wrong_to_end, 2.0},
    {"CDLMATHOLD", "a long white bar, a gap up, three short bars that hold above penetration of its body, a white bar that closes above them", "",
     false, ExactMissing::wrong_to_end, 6.9},
    {"CDLMORNINGDOJISTAR", "a long black bar, a doji below it, a white bar that closes penetration of the body back", "", false,
     ExactMissing::wrong_to_end, 4.1},
    {"CDLMORNINGSTAR", "a long black bar, a short body below it, a white bar that closes penetration of the body back", "", false,
     ExactMissing::wrong_to_end, 4.3},
    {"CDLONNECK", "a long black bar, then a white one that opens below its low and closes at it", "", false, ExactMissing::wrong_to_end, 2.7},
    {"CDLPIERCING", "a long black bar, then a long white one that opens below its low and closes above the middle of its body", "", false,
     ExactMissing::wrong_to_end, 2.8},
    {"CDLRICKSHAWMAN", "a doji in the middle of two long shadows", "", false, ExactMissing::wrong_to_end, 4.7},
    {"CDLRISEFALL3METHODS", "a long bar, three short ones against it within its range, a long bar that goes on", "", false,
     ExactMissing::wrong_to_end, 9.1},
    {"CDLSEPARATINGLINES", "two bars of opposite color with equal opens, the second long and opening at its extreme", "", false,
     ExactMissing::wrong_to_end, 5.0},
    {"CDLSHOOTINGSTAR", "a short body above a gap, with a long upper shadow and none below", "", false, ExactMissing::wrong_to_end, 3.1},
    {"CDLSHORTLINE", "a short body with short shadows", "", false, ExactMissing::wrong_to_end, 3.3},
    {"CDLSPINNINGTOP", "a short body with shadows longer than it", "", false, ExactMissing::wrong_to_end, 1.9},
    {"CDLSTALLEDPATTERN", "two long white bars, then a short one that opens near the second close", "", false, ExactMissing::wrong_to_end, 11},
    {"CDLSTICKSANDWICH", "a black bar, a white one above its close, a black one with the first one's close", "", false, ExactMissing::wrong_to_end,
     2.1},
    {"CDLTAKURI", "a doji with a very long lower shadow and none above", "", false, ExactMissing::wrong_to_end, 3.0},
    {"CDLTASUKIGAP", "two bars with a gap between, then one of the other color and like size that closes in the gap", "", false,
     ExactMissing::wrong_to_end, 2.6},
    {"CDLTHRUSTING", "a long black bar, then a white one that opens below its low and closes in its body, below the middle", "", false,
     ExactMissing::wrong_to_end, 2.7},
    {"CDLTRISTAR", "three dojis, the middle one beyond a gap", "", false, ExactMissing::wrong_to_end, 2.3},
    {"CDLUNIQUE3RIVER", "a long black bar, a black one that closes higher with a lower low, a short white one that opens above that low", "", false,
     ExactMissing::wrong_to_end, 2.9},
    {"CDLUPSIDEGAP2CROWS", "a long white bar, a short black body above a gap, a black one that engulfs it and closes above the first", "", false,
     ExactMissing::wrong_to_end, 2.7},
    {"CDLXSIDEGAP3METHODS", "two bars of one color with a gap between, then one of the other color that closes it", "", false, ExactMissing::hidden,
     1.3},
    {"CEIL", "smallest whole number not below real", "", false, ExactMissing::own_windows, 0.3},
    {"CMF", "sum of volume (2 close - high - low) / (high - low), over sum(volume); 0 without volume", "timeperiod - 1", false,
     ExactMissing::wrong_to_end, 2.4},
    {"CMO", "100 (gain - loss) / (gain + loss), Wilder's means of the steps up and down; 0 where nothing moved", "timeperiod", true,
     ExactMissing::wrong_to_end, 3.8},
    {"CMOU", "100 (gain - loss) / (gain + loss), sums of the steps up and down; 0 where nothing moved", "timeperiod", false, ExactMissing::hidden,
     2.4},
    {"COPPOCK", "WMA(wmaperiod) of ROC(roc1period) + ROC(roc2period)", "max(roc1period, roc2period) + wmaperiod - 1", false,
     ExactMissing::for_a_while, 4.3},
    {"CORREL", "Pearson's correlation; 0 where either side is constant", "timeperiod - 1", false, ExactMissing::for_a_while, 14},
    {"COS", "cosine of radians", "", false, ExactMissing::own_windows, 17},
    {"COSH", "hyperbolic cosine", "", false, ExactMissing::own_windows, 6.6},
    {"CUMSUM", "sum of all rows so far", "", false, ExactMissing::missing_to_end, 1.1},
    {"CVI", "change in percent over rocperiod rows of EMA(timeperiod) of high - low", "timeperiod + rocperiod - 1", false,
     ExactMissing::missing_to_end, 3.4},
    {"DEMA", "2 e1 - e2, e1 = EMA(real), e2 = EMA(e1)", "2 * (timeperiod - 1)", false, ExactMissing::missing_to_end, 5.5},
    {"DIV", "real0 / real1", "", false, ExactMissing::own_windows, 0.6},
    {"DONCHIAN", "highest high, lowest low, and the middle of the two", "timeperiod - 1", false, ExactMissing::own_windows, 0.9},
    {"DPO", "real timeperiod / 2 + 1 rows ago minus the mean", "max(timeperiod - 1, floor(timeperiod / 2) + 1)", false, ExactMissing::missing_to_end,
     1.8},
    {"DX", "100 |PLUS_DI - MINUS_DI| / (PLUS_DI + MINUS_DI)", "timeperiod", true, ExactMissing::wrong_to_end, 14},
    {"EFI", "EMA of (close - close before) volume", "timeperiod", false, ExactMissing::missing_to_end, 3.1},
    {"EMA", "e += 2 / (timeperiod + 1) (real - e), begun with the mean of the first timeperiod values", "timeperiod - 1", true,
     ExactMissing::missing_to_end, 2.0},
    {"ER", "|real - real timeperiod rows ago| / sum |steps|; 1 where nothing moved", "timeperiod", false, ExactMissing::missing_to_end, 1.4},
    {"ERI", "bullpower = high - EMA(close), bearpower = low - EMA(close)", "timeperiod - 1", false, ExactMissing::missing_to_end, 1.8},
    {"EXP", "e ^ real", "", false, ExactMissing::own_windows, 5.4},
    {"FLOOR", "largest whole number not above real", "", false, ExactMissing::own_windows, 0.2},
    {"FOSC", "100 (real - forecast) / real, the forecast from the line through the timeperiod rows before", "timeperiod", false,
     ExactMissing::for_a_while, 1.8},
    {"FRACTAL", "100 in the row rightbars after a high above (a low below) those of leftbars rows before and rightbars rows after it, else 0",
     "leftbars + rightbars", false, ExactMissing::hidden, 1.1},
    {"HA",
     "haclose = (open + high + low + close) / 4, haopen = (haopen + haclose of the row before) / 2, hahigh and halow the extremes of the bar and "
     "both",
     "", true, ExactMissing::missing_to_end, 1.2},
    {"HMA", "WMA over sqrt(timeperiod) rows of 2 WMA(timeperiod / 2) - WMA(timeperiod)", "average(timeperiod, 9)", false, ExactMissing::for_a_while,
     7.3},
    {"HT_DCPERIOD", "period in rows of the dominant cycle, by the phase turn of Ehlers' Hilbert transform, smoothed", "", true,
     ExactMissing::missing_to_end, 48},
    {"HT_DCPHASE", "phase in degrees, -45 to 315, of the smoothed price's Fourier component of one cycle", "", true, ExactMissing::missing_to_end,
     84},
    {"HT_PHASOR", "in-phase and quadrature component of the Hilbert transform", "", true, ExactMissing::missing_to_end, 24},
    {"HT_SINE", "sine of HT_DCPHASE, and of it plus 45 degrees", "", true, ExactMissing::missing_to_end, 62},
    {"HT_TRENDLINE", "mean over one dominant cycle of Ehlers' Hilbert transform, smoothed with weights 4, 3, 2, 1 over 10", "", true,
     ExactMissing::wrong_to_end, 92},
    {"HT_TRENDMODE",
     "1 in a trend, 0 in a cycle: since sine and lead sine crossed, or while the phase moves as the cycle's period says; a price 1.5 % from the "
     "trendline is a trend",
     "", true, ExactMissing::wrong_to_end, 206},
    {"IMI", "100 gain / (gain + loss), sums of close - open where it rose and of open - close where not; 50 where nothing moved", "timeperiod - 1",
     false, ExactMissing::own_windows, 2.5},
    {"KAMA", "e += s^2 (real - e), s from 2/31 to 2/3 with the efficiency ratio of timeperiod rows", "average(timeperiod, 6)", true,
     ExactMissing::missing_to_end, 5.5},
    {"KC", "EMA of the typical price, nbdev ATR(atrperiod) above and below", "max(timeperiod - 1, atrperiod)", false, ExactMissing::missing_to_end,
     3.0},
    {"KDJ", "STOCH with Wilder's means, and j = 3 k - 2 d",
     "fastk_period - 1 + average(slowk_period, slowk_matype, 13) + average(slowd_period, slowd_matype, 13)", false, ExactMissing::missing_to_end,
     1.8},
    {"LINEARREG", "value of the least-squares line at the newest row", "timeperiod - 1", false, ExactMissing::for_a_while, 1.8},
    {"LINEARREG_ANGLE", "atan of the line's slope, in degrees", "timeperiod - 1", false, ExactMissing::for_a_while, 11},
    {"LINEARREG_INTERCEPT", "value of the line at the oldest row", "timeperiod - 1", false, ExactMissing::for_a_while, 1.9},
    {"LINEARREG_SLOPE", "slope of the line, per row", "timeperiod - 1", false, ExactMissing::for_a_while, 1.8},
    {"LN", "natural logarithm; -inf at 0, NaN below", "", false, ExactMissing::own_windows, 4.7},
    {"LOG10", "logarithm of base 10; -inf at 0, NaN below", "", false, ExactMissing::own_windows, 7.0},
    {"MA", "the average of type matype", "average(timeperiod, matype)", false, ExactMissing::missing_to_end, 1.6},
    {"MACD", "macd = EMA(fastperiod) - EMA(slowperiod), macdsignal = EMA(signalperiod) of it, macdhist = macd - macdsignal",
     "max(fastperiod, slowperiod) + signalperiod - 2", false, ExactMissing::missing_to_end, 1.1},
    {"MACDEXT", "MACD with averages of any type",
     "max(average(fastperiod, fastmatype), average(slowperiod, slowmatype)) + average(signalperiod, signalmatype)", false,
     ExactMissing::missing_to_end, 1.3},
    {"MACDFIX", "MACD of 12 and 26 rows with the weights 0.15 and 0.075", "24 + signalperiod", false, ExactMissing::missing_to_end, 1.1},
    {"MAMA", "e += w (real - e), w = fastlimit over the turn of the Hilbert phase in degrees, at least slowlimit; fama follows mama with w / 2", "",
     true, ExactMissing::missing_to_end, 43},
    {"MARKETFI", "(high - low) / volume, 0 without volume", "", false, ExactMissing::own_windows, 0.7},
    {"MASSI", "sum over slowperiod rows of EMA(high - low) / EMA(EMA(high - low)), both over fastperiod rows",
     "2 * (fastperiod - 1) + slowperiod - 1", false, ExactMissing::missing_to_end, 3.1},
    {"MAVP", "the average of type matype over as many rows as periods says, held within minperiod and maxperiod", "average(maxperiod, matype)", false,
     ExactMissing::missing_to_end, 35},
    {"MAX", "largest of the last timeperiod values", "timeperiod - 1", false, ExactMissing::hidden, 1.1},
    {"MAXINDEX", "row of the largest of the last timeperiod values, counted from 0 at the symbol's first", "timeperiod - 1", false,
     ExactMissing::hidden, 16},
    {"MEDPRICE", "(high + low) / 2", "", false, ExactMissing::own_windows, 0.5},
    {"MFI", "100 inflow / (inflow + outflow), sums of typical price * volume of bars whose typical price rose and fell", "timeperiod", false,
     ExactMissing::missing_to_end, 3.3},
    {"MIDPOINT", "(largest + smallest) / 2", "timeperiod - 1", false, ExactMissing::hidden, 1.8},
    {"MIDPRICE", "(highest high + lowest low) / 2", "timeperiod - 1", false, ExactMissing::hidden, 2.0},
    {"MIN", "smallest of the last timeperiod values", "timeperiod - 1", false, ExactMissing::hidden, 1.1},
    {"MININDEX", "row of the smallest of the last timeperiod values, counted from 0 at the symbol's first", "timeperiod - 1", false,
     ExactMissing::hidden, 13},
    {"MINMAX", "smallest and largest of the last timeperiod values", "timeperiod - 1", false, ExactMissing::hidden, 1.0},
    {"MINMAXINDEX", "rows of the smallest and largest of the last timeperiod values, counted from 0 at the symbol's first", "timeperiod - 1", false,
     ExactMissing::hidden, 13},
    {"MINUS_DI", "100 smoothed minus movement / smoothed true range, sums in which 1 / timeperiod decays a row; timeperiod = 1: of the bar itself",
     "timeperiod", true, ExactMissing::wrong_to_end, 10},
    {"MINUS_DM", "sum of max(low before - low, 0) where it exceeds high - high before; 1 / timeperiod decays a row", "max(timeperiod - 1, 1)", true,
     ExactMissing::for_a_while, 4.9},
    {"MOM", "real - real timeperiod rows ago", "timeperiod", false, ExactMissing::own_windows, 0.3},
    {"MULT", "real0 real1", "", false, ExactMissing::own_windows, 0.5},
    {"NATR", "100 ATR / close; timeperiod = 1: TRANGE itself", "timeperiod", true, ExactMissing::missing_to_end, 6.5},
    {"NVI", "1000 at first; moved by the relative change of close on days whose volume fell", "", false, ExactMissing::wrong_to_end, 5.2},
    {"OBV", "sum of volume, with the sign of the change of real; the first row's is added", "", false, ExactMissing::wrong_to_end, 4.3},
    {"PERCENTILE", "the smallest value that percentile percent of the window do not exceed", "timeperiod - 1", false, ExactMissing::for_a_while, 46},
    {"PERCENTRANK", "how many of the timeperiod values before are below this one, in percent", "timeperiod", false, ExactMissing::hidden, 6.5},
    {"PLUS_DI", "100 smoothed plus movement / smoothed true range, sums in which 1 / timeperiod decays a row; timeperiod = 1: of the bar itself",
     "timeperiod", true, ExactMissing::wrong_to_end, 6.9},
    {"PLUS_DM", "sum of max(high - high before, 0) where it exceeds low before - low; 1 / timeperiod decays a row", "max(timeperiod - 1, 1)", true,
     ExactMissing::for_a_while, 4.5},
    {"PPO", "100 (average(fastperiod) - average(slowperiod)) / average(slowperiod), both of type matype",
     "average(max(fastperiod, slowperiod), matype)", false, ExactMissing::missing_to_end, 5.5},
    {"PVI", "1000 at first; moved by the relative change of close on days whose volume rose", "", false, ExactMissing::wrong_to_end, 5.2},
    {"PVO", "100 (average(fastperiod) - average(slowperiod)) / average(slowperiod), both of type matype",
     "average(max(fastperiod, slowperiod), matype)", false, ExactMissing::missing_to_end, 5.6},
    {"PVT", "sum of volume times the relative change of close", "", false, ExactMissing::missing_to_end, 1.8},
    {"QSTICK", "mean of close - open", "timeperiod - 1", false, ExactMissing::missing_to_end, 1.4},
    {"RMA", "e += 1 / timeperiod (real - e), begun with the mean of the first timeperiod values", "timeperiod - 1", true,
     ExactMissing::missing_to_end, 2.8},
    {"ROC", "100 (real / real timeperiod rows ago - 1), 0 where that is 0", "timeperiod", false, ExactMissing::own_windows, 0.5},
    {"ROCP", "(real - real timeperiod rows ago) / real timeperiod rows ago, 0 where that is 0", "timeperiod", false, ExactMissing::own_windows, 0.5},
    {"ROCR", "real / real timeperiod rows ago, 0 where that is 0", "timeperiod", false, ExactMissing::own_windows, 0.5},
    {"ROCR100", "100 real / real timeperiod rows ago, 0 where that is 0", "timeperiod", false, ExactMissing::own_windows, 0.5},
    {"RSI", "100 gain / (gain + loss), Wilder's means of the steps up and down; 0 where nothing moved", "timeperiod", true,
     ExactMissing::wrong_to_end, 1.6},
    {"RVI", "100 up / (up + down), Wilder's means of STDDEV(stddevperiod) on days that closed higher and lower; 50 where nothing moved",
     "timeperiod + stddevperiod - 2", true, ExactMissing::missing_to_end, 3.5},
    {"RVOL", "volume / mean of the timeperiod volumes before", "timeperiod", false, ExactMissing::missing_to_end, 1.5},
    {"SAR",
     "stop += factor (extreme point - stop), never into the last two bars; the factor grows by acceleration with every new extreme, up to maximum; a "
     "bar that crosses the stop reverses it",
     "", false, ExactMissing::for_a_while, 9.2},
    {"SAREXT",
     "SAR with factors of its own for rising and falling trends, a start value (0: chosen as SAR does, above 0 rising, below 0 falling) and an "
     "offset on reversal; stops of falling trends are negative",
     "", false, ExactMissing::for_a_while, 6.1},
    {"SIN", "sine of radians", "", false, ExactMissing::own_windows, 19},
    {"SINH", "hyperbolic sine", "", false, ExactMissing::own_windows, 7.2},
    {"SMA", "mean of the last timeperiod values", "timeperiod - 1", false, ExactMissing::missing_to_end, 1.5},
    {"SMI",
     "100 d / (s / 2), d = close - middle of the range of timeperiod rows, s = the range, both smoothed by EMA(slowperiod) and EMA(fastperiod); "
     "smisignal = EMA(signalperiod)",
     "timeperiod + fastperiod + slowperiod + signalperiod - 4", false, ExactMissing::missing_to_end, 3},
    {"SQRT", "square root; NaN below 0", "", false, ExactMissing::own_windows, 0.7},
    {"STDDEV", "nbdev sqrt(mean((real - mean)^2)), the population's", "timeperiod - 1", false, ExactMissing::for_a_while, 1.5},
    {"STOCH", "slowk = average(slowk_period) of 100 (close - lowest low) / (highest high - lowest low), slowd = average(slowd_period) of slowk",
     "fastk_period - 1 + average(slowk_period, slowk_matype) + average(slowd_period, slowd_matype)", false, ExactMissing::missing_to_end, 1.4},
    {"STOCHF", "fastk = 100 (close - lowest low) / (highest high - lowest low), fastd = average(fastd_period) of it",
     "fastk_period - 1 + average(fastd_period, fastd_matype)", false, ExactMissing::missing_to_end, 1.1},
    {"STOCHRSI", "STOCHF of RSI(timeperiod)", "timeperiod + fastk_period - 1 + average(fastd_period, fastd_matype)", false,
     ExactMissing::wrong_to_end, 1.8},
    {"SUB", "real0 - real1", "", false, ExactMissing::own_windows, 0.5},
    {"SUM", "sum of the last timeperiod values", "timeperiod - 1", false, ExactMissing::missing_to_end, 1.1},
    {"SUPERTREND",
     "bands multiplier ATR(timeperiod) around the middle of the bar that only move towards the price; the trend turns where a close crosses its band",
     "timeperiod", false, ExactMissing::missing_to_end, 7.3},
    {"T3", "(1 + vfactor) EMA - vfactor EMA(EMA), taken three times", "6 * (timeperiod - 1)", true, ExactMissing::missing_to_end, 9.6},
    {"TAN", "tangent of radians", "", false, ExactMissing::own_windows, 23},
    {"TANH", "hyperbolic tangent", "", false, ExactMissing::own_windows, 4.2},
    {"TEMA", "3 e1 - 3 e2 + e3, e1 = EMA(real), e2 = EMA(e1), e3 = EMA(e2)", "3 * (timeperiod - 1)", false, ExactMissing::missing_to_end, 11},
    {"TRANGE", "max(high - low, |high - close before|, |low - close before|)", "", false, ExactMissing::own_windows, 0.7},
    {"TRIMA", "mean of means over half the period each", "timeperiod - 1", false, ExactMissing::missing_to_end, 2.4},
    {"TRIX", "change in percent over one row of EMA(EMA(EMA(real)))", "3 * (timeperiod - 1) + 1", false, ExactMissing::missing_to_end, 8.0},
    {"TSF", "value of the line one row ahead", "timeperiod - 1", false, ExactMissing::for_a_while, 2.0},
    {"TSI", "100 EMA(EMA(step)) / EMA(EMA(|step|)), over firstperiod and then secondperiod rows", "firstperiod + secondperiod - 1", false,
     ExactMissing::wrong_to_end, 11},
    {"TYPPRICE", "(high + low + close) / 3", "", false, ExactMissing::own_windows, 0.7},
    {"ULTOSC", "100 (4 a + 2 b + c) / 7, each the sum of close - min(low, close before) over the sum of the true range, a over the shortest period",
     "max(max(timeperiod1, timeperiod2), timeperiod3)", false, ExactMissing::wrong_to_end, 6.7},
    {"VAR", "mean((real - mean)^2), the population's; nbdev does nothing", "timeperiod - 1", false, ExactMissing::for_a_while, 0.9},
    {"VHF", "(largest - smallest) / sum |steps|", "timeperiod", false, ExactMissing::hidden, 3.0},
    {"VORTEX", "sum |high - low before| and sum |low - high before|, over the sum of the true range", "timeperiod", false, ExactMissing::wrong_to_end,
     1.7},
    {"VWAP", "sum(typical price * volume) / sum(volume) since the first row, 0 without volume", "", false, ExactMissing::wrong_to_end, 3.5},
    {"VWMA", "sum(real volume) / sum(volume)", "timeperiod - 1", false, ExactMissing::missing_to_end, 3.0},
    {"WAD", "sum of close - min(low, close before) on days up, of close - max(high, close before) on days down", "", false,
     ExactMissing::wrong_to_end, 6.8},
    {"WCLPRICE", "(high + low + 2 close) / 4", "", false, ExactMissing::own_windows, 0.7},
    {"WILLR", "-100 (highest high - close) / (highest high - lowest low), 0 where these are equal", "timeperiod - 1", false,
     ExactMissing::own_windows, 1.9},
    {"WMA", "sum(w real) / sum(w), w = 1 for the oldest row to timeperiod for the newest", "timeperiod - 1", false, ExactMissing::for_a_while, 3.7},
    {"ZLEMA", "EMA of 2 real - real (timeperiod - 1) / 2 rows ago", "average(timeperiod, 12)", false, ExactMissing::missing_to_end, 3.0},
};

bool is_candle(const Entry& function) { return std::string_view(function.name).starts_with("CDL"); }

/// Whether any parameter is a type of average: some of those are recursive.
bool takes_average_type(const Entry& function) {
  for (int i = 0; i < function.num_params(); ++i)
    if (std::string_view(function.params[i].name).ends_with("matype")) return true;
  return false;
}

/// How the rows after a missing one are called that have no value either.
std::string rows_after(const Entry& function) {
  if (!talib_page(function).lookback.empty()) return "and so are the rows of the lookback after it";
  const int64_t rows = talib_lookback(function);
  if (rows == 1) return "and so is the row after it";
  return fmt::format("and so are the {} rows after it", rows);
}

struct CostReason {
  std::string_view name, reason;
};

// Where it is not what talib_memory() says.
constexpr CostReason kCostReasons[] = {
    {"ACOS", "the C library's function, value by value"},
    {"ASIN", "the C library's function, value by value"},
    {"ATAN", "the C library's function, value by value"},
    {"COS", "the C library's function, value by value"},
    {"COSH", "the C library's function, value by value"},
    {"EXP", "the C library's function, value by value"},
    {"LN", "the C library's function, value by value"},
    {"LOG10", "the C library's function, value by value"},
    {"SIN", "the C library's function, value by value"},
    {"SINH", "the C library's function, value by value"},
    {"TAN", "the C library's function, value by value"},
    {"TANH", "the C library's function, value by value"},
    {"LINEARREG_ANGLE", "an arc tangent of the C library for every value"},
    {"AVGDEV", "4 operations for every row of the window"},
    {"CCI", "4 operations for every row of the window, and 4 divisions"},
    {"PERCENTILE", "a sorted window, into which every row is inserted"},
    {"PERCENTRANK", "a comparison for every row of the window"},
    {"MAVP", "an average for every different period among the rows"},
    {"FRACTAL", "a comparison for every row of the swing"},
    {"CORREL", "five sums a window, a square root and four divisions"},
    {"MASSI", "two means from row to row, a division and a window, one after the other"},
    {"RVI", "a deviation, two means from row to row and a division"},
    {"SMI", "the extremes of two series, five means from row to row and a division"},
    {"BETA", "two divisions for the returns, five sums a window and a division"},
};

constexpr std::string_view kZeroes = "; a whole number is 0 in the first rows of a symbol, as in TA-Lib";

}  // namespace

const TalibPage& talib_page(const Entry& function) {
  for (const TalibPage& page : kPages)
    if (page.name == function.name) return page;
  assert(false);
  return kPages[0];
}

int64_t talib_lookback(const Entry& function) {
  double params[sizeof(Entry::params) / sizeof(Entry::params[0])] = {};
  for (int i = 0; i < function.num_params(); ++i) params[i] = function.params[i].initial;
  return function.lookback(params);
}

std::string_view talib_memory(const Entry& function) {
  if (function.cumulative) return "cumulative";
  if (function.recursive) return "recursive";
  return talib_lookback(function) == 0 && talib_page(function).lookback.empty() ? "row" : "window";
}

std::string talib_window(const Entry& function) {
  const std::string_view memory = talib_memory(function);
  std::string out;
  if (memory == "row") return "no window: every row by itself";
  if (memory == "cumulative") return "all rows from the symbol's first one on, so values compare only with each other";
  if (memory == "recursive") return "all rows so far, with weights that fall; the first value after the lookback";
  if (is_candle(function))
    return fmt::format("the bars of the pattern, and those before it that its means are of, {} in all", talib_lookback(function) + 1);
  out = "this row and the lookback's rows before it, full ones only";
  if (takes_average_type(function)) out += "; with a matype of 1, 3, 4, 6, 7, 8, 12 or 13 all rows so far";
  if (function.name == std::string_view("MAVP")) out += ", for which `--update` keeps every bar";
  return out;
}

std::string talib_missing(const Entry& function) {
  const std::string_view memory = talib_memory(function);
  std::string out = "a row with a NaN input is NaN";
  if (memory == "row") return out + "; other rows do not notice";
  if (memory == "cumulative") return out + " and left out; the total goes on after it";
  if (talib_lookback(function) > 0) out += ", " + rows_after(function);
  if (memory == "window")
    out += ", whose windows hold it; later rows do not notice";
  else
    out += ": the function begins anew behind it, as on a series that starts there";
  for (int o = 0; o < function.num_outputs(); ++o)
    if (function.is_whole(o)) return out + std::string(kZeroes);
  return out;
}

std::string talib_missing_exact(const Entry& function) {
  const std::string begin = "rows before the first with all inputs are left out";
  if (is_candle(function) && talib_page(function).exact == ExactMissing::wrong_to_end)
    return begin + "; from a later NaN on its means are NaN and compare as false: no pattern is seen again";
  switch (talib_page(function).exact) {
    case ExactMissing::hidden:
      return begin + "; a later NaN compares as false: no NaN comes out, and what its windows say may be wrong";
    case ExactMissing::own_windows:
      return begin + "; a later NaN touches the windows that hold it";
    case ExactMissing::for_a_while:
      return begin + "; a later NaN stays, or leaves wrong values, for some rows beyond its windows, until sums are begun anew or it is forgotten";
    case ExactMissing::wrong_to_end:
      return begin + "; a later NaN does not come out, but all values from its row on are other ones than without it";
    case ExactMissing::missing_to_end:
      return begin + "; a later NaN makes everything from its row on NaN";
  }
  return begin;
}

std::string talib_unstable(const Entry& function) {
  const std::string listed = talib_page(function).unstable ? "yes, as TA-Lib lists it, with a length of 0" : "no";
  if (function.cumulative) return listed + ": values depend on where the series starts, for ever";
  if (function.recursive)
    return (talib_page(function).unstable ? listed : "not listed by TA-Lib") +
           std::string(": early values depend on where the series starts, the less the later");
  return listed;
}

std::string_view talib_cost_reason(const Entry& function) {
  for (const CostReason& row : kCostReasons)
    if (row.name == function.name) return row.reason;
  if (is_candle(function)) return "running totals rounded as TA-Lib's, each waiting for the row before, and conditions on several bars";
  if (function.cumulative) return "a total from row to row: one addition waits for the one before";
  if (function.recursive) return "every row waits for the one before";
  return "several series are made and read again: sums or extremes of windows, and divisions";
}

std::string talib_cost(const Entry& function) {
  const double nanoseconds = talib_page(function).nanoseconds;
  return fmt::format("{} ns a cell{}{}", nanoseconds, nanoseconds > 2 ? ": " : "", nanoseconds > 2 ? talib_cost_reason(function) : "");
}

std::string talib_example(const Entry& function) {
  std::vector<std::string> arguments;
  for (int i = 0; i < function.num_inputs(); ++i) {
    const std::string_view input = function.inputs[i];
    const std::string_view field = input == "real" || input == "real0" ? "close" : input == "real1" ? "volume" : input;
    arguments.push_back(input == "periods" ? std::string("IdxMax($close, 20)") : fmt::format("${}", field));
  }
  for (int i = 0; i < function.num_params(); ++i)
    arguments.push_back(fmt::format("{}={}", function.params[i].name, format_plain(function.params[i].initial)));
  const std::string output = function.num_outputs() > 1 ? fmt::format(".{}", function.outputs[0]) : "";
  return fmt::format("ta.{}({}){}", function.name, fmt::join(arguments, ", "), output);
}

}  // namespace hayate
