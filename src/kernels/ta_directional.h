// J. Welles Wilder's directional movement (New Concepts in Technical Trading Systems, 1978): how far a bar reaches beyond the
// one before, upwards or downwards, the larger of the two only; summed his way (sum - sum / period + newest) and set against
// the true range summed the same way.
#pragma once

#include "kernels/isa.h"
#include "kernels/ta.h"

HAYATE_TA_BEGIN

void adxr(const Call& call);

/// Lookbacks, from the period: DM period - 1, DI and DX period, ADX 2 period - 1, ADXR 3 period - 2.
int64_t dm_lookback(const double* params);
int64_t adx_lookback(const double* params);
int64_t adxr_lookback(const double* params);

HAYATE_TA_END
