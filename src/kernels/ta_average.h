// Moving averages: each kind as a function, and all of them by TA-Lib's number, as functions with a matype parameter take them.
//
// `scratch` is series of x.rows values. out must not be x. A period of 1 smooths nothing: every kind copies x.
#pragma once

#include "kernels/ta_series.h"

HAYATE_TA_BEGIN

/// 2 e1 - e2, with e1 the exponential mean of x and e2 that of e1. (P. Mulloy, 1994.) One scratch series.
Series dema(Series x, int64_t period, double* const* scratch, double* out);
/// 3 e1 - 3 e2 + e3. Two scratch series.
Series tema(Series x, int64_t period, double* const* scratch, double* out);
/// The mean of means over half the period each: weights rise to the middle and fall again. One scratch series.
Series trima(Series x, int64_t period, double* const* scratch, double* out);
/// Kaufman's adaptive average: the weight goes from (2/31)^2 to (2/3)^2 with the efficiency ratio |x - x[period]| / sum |steps|.
/// One scratch series.
Series kama(Series x, int64_t period, double* const* scratch, double* out);
/// Six exponential means in a row, weighted by powers of `factor`. (T. Tillson, 1998.)
Series t3(Series x, int64_t period, double factor, double* out);
/// Weighted mean over sqrt(period) rows of 2 WMA(period / 2) - WMA(period). (A. Hull.) Two scratch series.
Series hma(Series x, int64_t period, double* const* scratch, double* out);
/// The rows of its last mean: floor(sqrt(period)), at least 1.
int64_t hma_smoothing(int64_t period);
/// Exponential mean of 2 x - x[(period - 1) / 2 rows ago]. (J. Ehlers, R. Way.) One scratch series.
Series zlema(Series x, int64_t period, double* const* scratch, double* out);
/// Ehlers' MESA average: the weight is fast_limit over the turn of the phase, at least slow_limit.
Series mama(Series x, double fast_limit, double slow_limit, double* out);

enum class Average : uint8_t { sma, ema, wma, dema, tema, trima, kama, mama, t3, hma, none, own_default, zlema, rma };

/// A matype parameter: 0 to 13, as in Average. own_default: what the calling function says, `otherwise`.
Average average_type(double matype, Average otherwise = Average::sma);
/// Series that average() needs besides `out`.
inline constexpr int kAverageScratch = 2;
/// Rows between x.begin and the first value of average().
int64_t average_lookback(int64_t period, Average type);
/// A period of 1 copies x, whatever the type. mama takes its limits 0.5 and 0.05, t3 its factor 0.7. out must not be x.
Series average(Series x, int64_t period, Average type, double* const* scratch, double* out);

HAYATE_TA_END
