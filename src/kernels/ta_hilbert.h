// The measuring part of Ehlers' Hilbert transform functions, shared by HT_DCPERIOD, HT_DCPHASE, HT_PHASOR, HT_SINE,
// HT_TRENDMODE, HT_TRENDLINE and MAMA: J. Ehlers, "Rocket Science for Traders" (2001), chapters 6 and 7, with TA-Lib's
// constants. One bar goes through
//   smooth     4-bar weighted mean of the price
//   detrender  H(smooth),  quadrature  H(detrender),  in_phase  detrender three bars ago
//   I2, Q2     in_phase - H(quadrature), quadrature + H(in_phase), smoothed by 0.2
//   period     the turn of the phasor (I2, Q2) from one bar to the next, 360 / atan(Im / Re) bars, held within 0.67 and 1.5
//              of the one before and within 6 and 50, smoothed by 0.2; smooth_period smooths once more by 0.33
// with H(x) = (0.0962 x[0] + 0.5769 x[2] - 0.5769 x[4] - 0.0962 x[6]) (0.075 period + 0.54).
//
// TA-Lib keeps separate rings for even and odd bars; the lags and the order of the sums are the same, so are the bytes.
#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/isa.h"

HAYATE_TA_BEGIN
namespace {

/// The state after the last price given to step(): all zeros before the first one.
struct Hilbert {
  double in_phase = 0, quadrature = 0;
  double period = 0, smooth_period = 0;

  /// `warm_up`: TA-Lib's number of prices that only fill the weighted mean, 12 for functions with lookback 32, 37 for those with 63.
  /// `exact`: as TA-Lib, the weighted mean is a running sum, which never forgets the rounding of a price once far away.
  void step(double price, int64_t warm_up, bool exact) {
    const double mean = exact ? running_mean(price) : direct_mean(price);
    ++bars_;
    if (bars_ <= warm_up) return;
    smooth_[bars_ & 63] = mean;
    const double gain = 0.075 * period + 0.54;
    detrender_[bars_ & 63] = transform(smooth_, 0) * gain;
    quadrature = quadrature_[bars_ & 63] = transform(detrender_, 0) * gain;
    in_phase = lag(detrender_, 3);
    const double i2 = 0.2 * (in_phase - transform(quadrature_, 0) * gain) + 0.8 * i2_;
    const double q2 = 0.2 * (quadrature + transform(detrender_, 3) * gain) + 0.8 * q2_;
    measure(i2, q2);
  }

  /// The smoothed price of `bars_ago` bars before, at most 50; 0 within the warm-up.
  double smooth(int64_t bars_ago = 0) const { return lag(smooth_, bars_ago); }

 private:
  double lag(const double* ring, int64_t bars_ago) const { return ring[(bars_ - bars_ago) & 63]; }

  double transform(const double* ring, int64_t bars_ago) const {
    constexpr double kOuter = 0.0962, kInner = 0.5769;
    return kOuter * lag(ring, bars_ago) - kOuter * lag(ring, bars_ago + 6) - kInner * lag(ring, bars_ago + 4) + kInner * lag(ring, bars_ago + 2);
  }

  double direct_mean(double price) {
    const double mean = (price * 4 + prices_[0] * 3 + prices_[1] * 2 + prices_[2]) * 0.1;
    prices_[2] = prices_[1], prices_[1] = prices_[0], prices_[0] = price;
    return mean;
  }

  double running_mean(double price) {
    const double weight = bars_ < 3 ? static_cast<double>(bars_ + 1) : 4;
    plain_sum_ = plain_sum_ + price - prices_[3];
    weighted_sum_ += price * weight;
    prices_[3] = prices_[2], prices_[2] = prices_[1], prices_[1] = prices_[0], prices_[0] = price;
    const double mean = weighted_sum_ * 0.1;
    if (bars_ >= 3) weighted_sum_ -= plain_sum_;
    return mean;
  }

  void measure(double i2, double q2) {
    re_ = 0.2 * (i2 * i2_ + q2 * q2_) + 0.8 * re_;
    im_ = 0.2 * (i2 * q2_ - q2 * i2_) + 0.8 * im_;
    i2_ = i2, q2_ = q2;
    const double before = period, degrees = 45.0 / std::atan(1.0);
    if (im_ != 0 && re_ != 0) period = 360.0 / (std::atan(im_ / re_) * degrees);
    if (period > 1.5 * before) period = 1.5 * before;
    if (period < 0.67 * before) period = 0.67 * before;
    period = period < 6 ? 6 : period > 50 ? 50 : period;
    period = 0.2 * period + 0.8 * before;
    smooth_period = 0.33 * period + 0.67 * smooth_period;
  }

  int64_t bars_ = 0;
  double prices_[4] = {};  // newest first
  double plain_sum_ = 0, weighted_sum_ = 0;
  double smooth_[64] = {}, detrender_[64] = {}, quadrature_[64] = {};
  double i2_ = 0, q2_ = 0, re_ = 0, im_ = 0;
};

/// MESA adaptive average and the one that follows it. (J. Ehlers, 2001.)
struct Mama {
  static constexpr int64_t kLookback = 32, kWarmUp = 12;

  Hilbert hilbert;
  int64_t rows = 0;
  double phase = 0, value = 0, follower = 0;

  void step(double price, double fast_limit, double slow_limit, bool exact) {
    hilbert.step(price, kWarmUp, exact);
    if (++rows <= kWarmUp) return;
    const double degrees = 45.0 / std::atan(1.0), before = phase;
    phase = hilbert.in_phase != 0 ? std::atan(hilbert.quadrature / hilbert.in_phase) * degrees : 0;
    const double turn = before - phase;
    double weight = fast_limit;
    if (turn > 1) weight = fast_limit / turn < slow_limit ? slow_limit : fast_limit / turn;
    value = weight * price + (1 - weight) * value;
    follower = 0.5 * weight * value + (1 - 0.5 * weight) * follower;
  }
};

}  // namespace
HAYATE_TA_END
