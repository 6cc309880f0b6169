// The table of operators. `signature` is also what Program::compile checks arguments against: the parameter names decide what
// is accepted (N is a window, qscore a number, func and instrument a text, everything else a series or a number).
#include "hayate/features.h"

namespace hayate {
namespace {

constexpr std::string_view kNoWindow = "no window: every row by itself";
// Their windows of all rows so far have no small state that the next row could go on from.
constexpr std::string_view kSorted =
    "window of the last N rows, this one included; at a symbol's start the rows there are. N = 0: all rows so far, so `--update` keeps every bar";
constexpr std::string_view kRolling = "window of the last N rows, this one included; at a symbol's start the rows there are. N = 0: all rows so far";
constexpr std::string_view kRollingEwm =
    "window of the last N rows, this one included; at a symbol's start the rows there are. N = 0: all rows so far. 0 < N < 1: no window but the "
    "exponentially weighted mean with alpha = N";
constexpr std::string_view kSkipped = "NaN and inf are skipped; a window without a value is NaN";
constexpr std::string_view kTwoValues = "NaN and inf are skipped; fewer than two values are NaN";
constexpr std::string_view kPropagates = "NaN in, NaN out";
constexpr std::string_view kCompares = "a comparison with NaN is false (0); Ne is true";
constexpr std::string_view kLine = "NaN is skipped; one value is NaN; inf makes its windows NaN (qlib: every later row)";
constexpr std::string_view kEwmQuirk = "0 < N < 1 gives the exponentially weighted mean whatever the operator is called";

constexpr std::string_view kOneDate =
    "no window: the symbols of the panel that have a row at this date and time, all of them; another universe gives other values";
constexpr std::string_view kAheadMissing = "NaN in, NaN out; the last rows of a symbol, which lack the rows ahead, are NaN";

constexpr std::string_view kOtherMissing =
    "NaN in, NaN out; NaN where that symbol has no row at this time. A symbol that the bars do not hold is refused";
constexpr std::string_view kOtherQuirk =
    "what stands inside runs over that symbol's own rows, what stands around it over the rows of the symbol in hand (qlib: still over the other's)";
constexpr std::string_view kOtherCost = "15 ns a cell: the feature is computed for all symbols, and the rows of each are looked up by time";

constexpr Operator kOperators[] = {
    {"Ref", "Ref(feature, N)", "", "The value N rows ago", "x[t - N]",
     "no window: one row, N back. N = 0: the symbol's first value. N < 0 looks ahead: for labels only", "NaN where there is no such row",
     "N = 0 is not the row itself but the first one", "under 0.1 ns a cell: its operand, read N rows earlier", "Ref($close, 5) / $close"},
    {"Max", "Max(feature, N)", "", "Largest value", "max(x[t-N+1..t])", kRollingEwm, kSkipped, kEwmQuirk, "1.2 ns a cell", "Max($high, 20) / $close"},
    {"Min", "Min(feature, N)", "", "Smallest value", "min(x[t-N+1..t])", kRollingEwm, kSkipped, kEwmQuirk, "1.3 ns a cell", "Min($low, 20) / $close"},
    {"Sum", "Sum(feature, N)", "", "Sum", "sum(x[t-N+1..t])", kRollingEwm, kSkipped, kEwmQuirk, "1.6 ns a cell",
     "Sum(Greater($close-Ref($close,1),0), 20)"},
    {"Mean", "Mean(feature, N)", "", "Arithmetic mean", "sum(x) / n, n values present", kRollingEwm, kSkipped, kEwmQuirk, "1.9 ns a cell",
     "Mean($close, 20) / $close"},
    {"Std", "Std(feature, N)", "", "Sample standard deviation", "sqrt(sum((x - mean)^2) / (n - 1))", kRollingEwm, kTwoValues, kEwmQuirk,
     "3.0 ns a cell: two sums a window, relative to its newest value, and a square root in double", "Std($close, 20) / $close"},
    {"Var", "Var(feature, N)", "", "Sample variance", "sum((x - mean)^2) / (n - 1)", kRollingEwm, kTwoValues, kEwmQuirk,
     "2.5 ns a cell: two sums a window, relative to its newest value", "Var($close, 20)"},
    {"Skew", "Skew(feature, N)", "", "Sample skewness", "sqrt(n (n-1)) / (n-2) * m3 / m2^1.5, mk = mean((x - mean)^k)",
     "window of the last N >= 3 rows, or all rows so far with N = 0", "NaN and inf are skipped; fewer than three values are NaN",
     "0 where all values are equal; NaN where m2 <= 1e-14, so tiny prices have none",
     "4.5 ns a cell: four sums a window, two square roots and three divisions in double", "Skew($close/Ref($close,1)-1, 20)"},
    {"Kurt", "Kurt(feature, N)", "", "Sample excess kurtosis", "((n^2 - 1) m4 / m2^2 - 3 (n-1)^2) / ((n-2)(n-3)), mk = mean((x - mean)^k)",
     "window of the last N >= 4 rows, or all rows so far with N = 0", "NaN and inf are skipped; fewer than four values are NaN",
     "-3 where all values are equal; NaN where m2 <= 1e-14, so tiny prices have none",
     "5.7 ns a cell: five sums a window and three divisions in double", "Kurt($close/Ref($close,1)-1, 20)"},
    {"Med", "Med(feature, N)", "", "Median", "the middle value, or the mean of the two in the middle", kRollingEwm, kSkipped,
     "0 < N < 1 gives the exponentially weighted mean whatever the operator is called; with N = 0 `--update` keeps every bar",
     "4.3 ns a cell: a sorted window, 5 operations for each of its rows; grows with N, 60 ns at N = 250", "Med($close, 20)"},
    {"Mad", "Mad(feature, N)", "", "Mean absolute deviation", "mean(|x - mean(x)|)", kSorted, kSkipped,
     "the mean of deviations from the mean, not the median of those from the median",
     "5.6 ns a cell: 4 operations for every row of the window; grows with N", "Mad($close, 20)"},
    {"Slope", "Slope(feature, N)", "", "Slope of the least-squares line through the values, per row",
     "(n Sxy - Sx Sy) / (n Sxx - Sx^2), x counts rows", kRolling, kLine, "a NaN row still has a slope: that of the values around it",
     "3.0 ns a cell: three sums a window, relative to its newest value", "Slope($close, 20) / $close"},
    {"Rsquare", "Rsquare(feature, N)", "", "Squared correlation of the values with their row number",
     "(n Sxy - Sx Sy)^2 / ((n Sxx - Sx^2)(n Syy - Sy^2))", kRolling, kLine,
     "NaN where the window's Std is at most 2e-5, an absolute figure: prices below about 1e-3 have none. Not with N = 0",
     "3.5 ns a cell: three sums a window, relative to its newest value, and two divisions in double", "Rsquare($close, 20)"},
    {"Resi", "Resi(feature, N)", "", "Distance of this row's value from the least-squares line", "x[t] - (intercept + slope * row)", kRolling,
     "NaN is skipped; a NaN row and one value are NaN; inf makes its windows NaN (qlib: every later row)", "",
     "3.2 ns a cell: three sums a window, relative to its newest value", "Resi($close, 20) / $close"},
    {"Rank", "Rank(feature, N)", "", "Rank of this row's value in its window, as a share", "(values below + (values equal + 1) / 2) / n", kSorted,
     "NaN and inf are skipped; a NaN row is NaN", "", "3.1 ns a cell: 4 operations for every row of the window; grows with N, 20 ns at N = 250",
     "Rank($close, 20)"},
    {"Quantile", "Quantile(feature, N, qscore)", "", "Quantile with linear interpolation",
     "the value at position qscore * (n - 1) of the sorted window", kSorted, kSkipped, "",
     "4.3 ns a cell: a sorted window, 5 operations for each of its rows, once for all quantiles of a series and window; grows with N, 60 ns at N = "
     "250",
     "Quantile($close, 20, 0.8) / $close"},
    {"Count", "Count(feature, N)", "", "Number of values that are not NaN", "sum(x is not NaN)", kRollingEwm,
     "NaN counts 0, inf counts 1; a window without a value is 0", kEwmQuirk, "0.3 ns a cell", "Count($close, 20)"},
    {"EMA", "EMA(feature, N)", "", "Exponential moving average", "sum(w x) / sum(w), w = (1 - alpha)^age, alpha = 2 / (N + 1)",
     "no window: all rows so far with falling weights. N is the span and may be a fraction >= 1; 0 < N < 1 is alpha itself; N = 0: span = number of "
     "rows so far, anew for each row, for which `--update` keeps every bar",
     "a NaN row repeats the last value and still ages the weights; NaN before the first value",
     "the weights are normalised (pandas adjust=True), unlike TA-Lib's recursion",
     "2.1 ns a cell: every row waits for a division in the row before; symbols run side by side. N = 0 grows with the rows, 120 ns over 2,500",
     "EMA($close, 12) / $close"},
    {"WMA", "WMA(feature, N)", "", "Weighted mean, newest heaviest", "sum(w x) / n, w = 1..m / sum(1..m), m rows in the window", kRolling, kSkipped,
     "divided by the number of values on top of normalised weights: about Mean / N. Kept as qlib has it",
     "3.5 ns a cell: three sums a window, relative to its newest value, and two divisions in double", "WMA($close, 20)"},
    {"Corr", "Corr(feature_left, feature_right, N)", "", "Pearson correlation of two series", "Cov(x, y) / sqrt(Var(x) Var(y))",
     "window of the last N >= 1 rows; at a symbol's start the rows there are",
     "rows where either side is NaN or inf are skipped; fewer than two pairs are NaN",
     "NaN where the Std of either side is at most 2e-5, an absolute figure. N = 0 is refused",
     "5.8 ns a cell: five sums a window, relative to its newest pair, a square root and a division in double", "Corr($close, Log($volume+1), 20)"},
    {"Cov", "Cov(feature_left, feature_right, N)", "", "Sample covariance of two series", "sum((x - mean x)(y - mean y)) / (n - 1)",
     "window of the last N >= 1 rows; at a symbol's start the rows there are",
     "rows where either side is NaN or inf are skipped; fewer than two pairs are NaN", "N = 0 is refused",
     "4.2 ns a cell: three sums a window, relative to its newest pair", "Cov($close, $volume, 20)"},
    {"Delta", "Delta(feature, N)", "", "Change over N rows", "x[t] - x[t - N]",
     "no window: two rows. N = 0: the change since the symbol's first row. N < 0 looks ahead: for labels only", kPropagates, "", "0.1 ns a cell",
     "Delta($close, 5)"},
    {"Abs", "Abs(feature)", "", "Absolute value", "|x|", kNoWindow, kPropagates, "", "0.1 ns a cell", "Abs($close - $open)"},
    {"Sign", "Sign(feature)", "", "-1, 0 or 1", "x < 0 ? -1 : x > 0 ? 1 : 0", kNoWindow, kPropagates, "", "0.1 ns a cell", "Sign($close - $open)"},
    {"Log", "Log(feature)", "", "Natural logarithm", "ln(x)", kNoWindow, "NaN in, NaN out; below 0 NaN; 0 gives -inf", "", "1.6 ns a cell",
     "Log($volume + 1)"},
    {"Power", "Power(feature_left, feature_right)", "**", "Power", "x ^ y", kNoWindow,
     "NaN in, NaN out; x^0 = 1 and 1^y = 1 even for NaN; a negative x to a fraction is NaN",
     "of two conditions it is refused, as in pandas: make numbers of them with If(condition, 1, 0)",
     "0.4 ns a cell with the exponents 2 and 0.5, else 47: logarithm and exponential in twice the digits of a double", "Power($close, 2)"},
    {"Add", "Add(feature_left, feature_right)", "+", "Sum of two", "x + y", kNoWindow, kPropagates, "of two conditions it is Or, as in numpy",
     "0.1 ns a cell", "$close + $open"},
    {"Sub", "Sub(feature_left, feature_right)", "-", "Difference", "x - y", kNoWindow, kPropagates,
     "of two conditions it is refused, as in numpy: make numbers of them with If(condition, 1, 0)", "0.1 ns a cell", "$close - $open"},
    {"Mul", "Mul(feature_left, feature_right)", "*", "Product", "x * y", kNoWindow, kPropagates, "of two conditions it is And, as in numpy",
     "0.1 ns a cell", "$close * $volume"},
    {"Div", "Div(feature_left, feature_right)", "/", "Quotient", "x / y", kNoWindow, "NaN in, NaN out; x / 0 is inf with the sign of x, 0 / 0 NaN",
     "of two conditions it is refused, as in pandas: make numbers of them with If(condition, 1, 0)", "0.1 ns a cell", "$close / $open"},
    {"Greater", "Greater(feature_left, feature_right)", "", "The larger of two", "max(x, y)", kNoWindow, "NaN where either side is",
     "not a comparison: that is Gt", "0.1 ns a cell", "Greater($open, $close)"},
    {"Less", "Less(feature_left, feature_right)", "", "The smaller of two", "min(x, y)", kNoWindow, "NaN where either side is",
     "not a comparison: that is Lt", "0.1 ns a cell", "Less($open, $close)"},
    {"And", "And(feature_left, feature_right)", "&", "Both conditions", "x and y", kNoWindow, "conditions are never NaN",
     "takes conditions and whole numbers, as the second also a series, true where it is present and not 0; with a condition on either side the bits "
     "of a whole number make a condition; & binds tighter than >",
     "0.1 ns a cell", "($close > $open) & ($volume > 0)"},
    {"Or", "Or(feature_left, feature_right)", "|", "Either condition", "x or y", kNoWindow, "conditions are never NaN",
     "takes conditions and whole numbers, as the second also a series, true where it is present and not 0; with a condition on either side the bits "
     "of a whole number make a condition; | binds tighter than >",
     "0.1 ns a cell", "($close > $open) | ($high > $open)"},
    {"Not", "Not(feature)", "", "The opposite of a condition", "not x", kNoWindow, "conditions are never NaN",
     "takes conditions and whole numbers only", "0.1 ns a cell", "Not($close > $open)"},
    {"Gt", "Gt(feature_left, feature_right)", ">", "Greater than", "x > y", kNoWindow, kCompares, "", "0.1 ns a cell", "$close > Ref($close, 1)"},
    {"Ge", "Ge(feature_left, feature_right)", ">=", "Greater than or equal", "x >= y", kNoWindow, kCompares, "", "0.1 ns a cell", "$close >= $open"},
    {"Lt", "Lt(feature_left, feature_right)", "<", "Less than", "x < y", kNoWindow, kCompares, "", "0.1 ns a cell", "$close < Ref($close, 1)"},
    {"Le", "Le(feature_left, feature_right)", "<=", "Less than or equal", "x <= y", kNoWindow, kCompares, "", "0.1 ns a cell", "$close <= $open"},
    {"Eq", "Eq(feature_left, feature_right)", "==", "Equal", "x = y", kNoWindow, kCompares, "", "0.1 ns a cell", "$volume == 0"},
    {"Ne", "Ne(feature_left, feature_right)", "!=", "Not equal", "x != y", kNoWindow, kCompares, "NaN != NaN is true", "0.1 ns a cell",
     "$close != Ref($close, 1)"},
    {"IdxMax", "IdxMax(feature, N)", "", "Position of the largest value in its window, the oldest row being 1", "argmax(x[t-N+1..t]) + 1", kRolling,
     "a window without a value is NaN", "a NaN or inf inside the window wins: its position comes back. The first of equal values wins",
     "1.9 ns a cell", "IdxMax($high, 20) / 20"},
    {"IdxMin", "IdxMin(feature, N)", "", "Position of the smallest value in its window, the oldest row being 1", "argmin(x[t-N+1..t]) + 1", kRolling,
     "a window without a value is NaN", "a NaN or inf inside the window wins: its position comes back. The first of equal values wins",
     "2.0 ns a cell", "IdxMin($low, 20) / 20"},
    {"If", "If(condition, feature_left, feature_right)", "", "One of two values", "condition is not 0 ? x : y", kNoWindow,
     "a NaN condition takes the first value", "NaN is true, as in numpy", "0.5 ns a cell", "If($close > $open, $volume, 0)"},
    {"Rolling", "Rolling(feature, N, func)", "", "The rolling operator called func",
     "func is 'mean', 'sum', 'std', 'var', 'min', 'max', 'median', 'skew', 'kurt' or 'count'", kRollingEwm, "as the operator called",
     "Skew and Kurt called this way take any N", "that of the operator called", "Rolling($close, 5, 'mean')"},
    {"Mask", "Mask(feature, instrument)", "", "The value of another symbol at the same time", "x of that symbol at this row's date and time",
     kNoWindow, kOtherMissing, kOtherQuirk, kOtherCost, "$close/Ref($close, 1) - Mask($close/Ref($close, 1), 'SPY')"},
    {"ChangeInstrument", "ChangeInstrument(instrument, feature)", "", "Mask, with its arguments the other way round",
     "x of that symbol at this row's date and time", kNoWindow, kOtherMissing, kOtherQuirk, kOtherCost,
     "Corr($close/Ref($close, 1), ChangeInstrument('SPY', $close/Ref($close, 1)), 20)"},
    {"CSRank", "CSRank(feature)", "", "Rank among the symbols of the same date, as a share",
     "(values below + (values equal + 1) / 2) / n, n symbols with a value (pandas rank(pct=True))", kOneDate,
     "symbols without a value are left out, and NaN themselves; fewer than two symbols are NaN; inf is ordered", "",
     "100 ns a cell, over 500 symbols: the values of every date are gathered and sorted", "CSRank($close/Ref($close, 20) - 1)"},
    {"CSZScore", "CSZScore(feature)", "", "Distance from the mean of the date in its standard deviations", "(x - mean) / std, n - 1 in the std",
     kOneDate, "symbols with NaN or inf are left out, and NaN themselves; fewer than two symbols are NaN, and so are values that are all equal", "",
     "75 ns a cell, over 500 symbols: the values of every date are gathered from all symbols and put back", "CSZScore($close/Ref($close, 20) - 1)"},
    {"CSDemean", "CSDemean(feature)", "", "Distance from the mean of the date", "x - mean", kOneDate,
     "symbols with NaN or inf are left out, and NaN themselves; fewer than two symbols are NaN", "",
     "70 ns a cell, over 500 symbols: the values of every date are gathered from all symbols and put back", "CSDemean($close/Ref($close, 1) - 1)"},
    {"CSNeutralize", "CSNeutralize(feature, group)", "", "Distance from the mean of the symbol's group on the date",
     "x - mean of the symbols whose group is equal", kOneDate,
     "symbols with NaN or inf in the feature or NaN in the group are left out, and NaN themselves; a group of fewer than two symbols is NaN",
     "groups are numbers: a column of codes, or an expression",
     "110 ns a cell, over 500 symbols: the values of every date are gathered and sorted by group",
     "CSNeutralize($close/Ref($close, 20) - 1, $sector)"},
    {"ForwardReturn", "ForwardReturn(feature, horizon)", "", "Label: return over the next rows", "x[t + horizon] / x[t] - 1",
     "no window: one row, horizon >= 1 ahead: for labels only. Folds purge by it", kAheadMissing, "", "0.1 ns a cell",
     "ForwardReturn($close, horizon=5)"},
    {"TripleBarrier", "TripleBarrier(feature, horizon, window, up, down)", "",
     "Label: which barrier is touched first, 1 the upper, -1 the lower, 0 none within the horizon. With .touch: rows until the touch, horizon when "
     "none",
     "first k in 1..horizon with x[t+k] >= x[t] (1 + up s): 1; with x[t+k] <= x[t] (1 - down s): -1; s = Std(x / Ref(x, 1) - 1, window) at t",
     "volatility over the last window >= 2 rows; looks horizon >= 1 rows ahead, whatever is touched when: for labels only. Folds purge by it",
     "NaN where x or s is, where s is 0, and in the last horizon rows of a symbol; NaN rows ahead are passed over",
     "after Lopez de Prado, Advances in Financial Machine Learning, 2018, chapter 3, with a rolling volatility",
     "40 ns a cell: every row looks ahead until a barrier is touched; grows with the horizon",
     "TripleBarrier($close, horizon=10, window=20, up=2, down=2)"},
};

}  // namespace

std::span<const Operator> operators() { return kOperators; }

const Operator* find_operator(std::string_view name) {
  for (const Operator& op : kOperators)
    if (op.name == name) return &op;
  return nullptr;
}

}  // namespace hayate
