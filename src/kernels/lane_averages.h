// Exponential means of lanes, for all that smooths with them.
#pragma once

#include "kernels/lane_steps.h"

HAYATE_KERNELS_BEGIN
namespace {

/// An exponential mean that begins with the plain mean of its first `period` values; until then it is their sum. A period of 1 copies.
struct Exponential {
  double period, weight;
  bool copies = period == 1;

  explicit Exponential(double rows) : period(rows), weight(2 / (rows + 1)) {}
  Exponential(double rows, double of_newest) : period(rows), weight(of_newest) {}

  /// Takes value `number`, from 1; below 1 there is none yet.
  template <bool kSettled>
  Pack next(const Pack& mean, const Pack& x, const Pack& number) const {
    const Pack moved = copies ? x : (x - mean) * weight + mean;
    if constexpr (kSettled) return moved;
    const Pack sum = mean + x;
    return select(number > period, moved, select(number == period, sum / period, select(number < 1, 0, sum)));
  }
};

/// Kaufman's average goes on: the weight is from (2/31)^2 to (2/3)^2 with the efficiency ratio |moved| / path.
inline Pack kaufman_step(const Pack& value, const Pack& x, const Pack& moved, const Pack& path) {
  constexpr double kFastest = 2.0 / (2 + 1), kSlowest = 2.0 / (30 + 1);
  const Pack ratio = select((path <= moved) | (path == 0), 1, absolute(moved / path));
  // Of infinite values: the one NaN, whose sign no product can show.
  const Pack weight = select(is_missing(ratio), kNaN, ratio * (kFastest - kSlowest) + kSlowest);
  return value + (x - value) * (weight * weight);
}

/// Wilder's means of the steps up and of the steps down.
struct Gains : Step<1, 1> {
  struct State {
    Pack rows, before, gain, loss;
  };
  double period, part;

  explicit Gains(const double* params) : Step(params[0]), period(params[0]), part(1 / period) {}

  template <bool kSettled>
  void add(State& s, const Pack& x) const {
    const Pack step = x - s.before;
    const Mask falls = step < 0;
    const Pack up = select(falls, 0, step), down = select(falls, -step, 0);
    s.before = x;
    // The product with 1 / period as in TA-Lib: where a price stands still, STOCHRSI shows the last bit.
    const Pack gain = (s.gain * (period - 1) + up) * part, loss = (s.loss * (period - 1) + down) * part;
    if constexpr (kSettled) {
      s.gain = gain, s.loss = loss;
    } else {
      const Mask first = s.rows == 1, begins = s.rows == period + 1, moves = s.rows > period + 1;
      const Pack gains = select(first, 0, s.gain + up), losses = select(first, 0, s.loss + down);
      s.gain = select(moves, gain, select(begins, gains * part, gains));
      s.loss = select(moves, loss, select(begins, losses * part, losses));
    }
  }
};

/// part / all, 0 where `all` is not above 0.
inline Pack share(const Pack& part, const Pack& all) { return select(all > 0, part / all, 0); }

}  // namespace
HAYATE_KERNELS_END
