#include "exec/cost_model.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

namespace hayate::exec {
namespace {

constexpr double kTiny = 1e-9;
/// An earlier run speaks with at most this voice: a machine that became slower is noticed within as many tasks.
constexpr double kMostWeight = 200;
/// The slope and the spread are held near what was believed by as many observations.
constexpr double kSlopeWeight = 4, kSpreadWeight = 4;
constexpr int kRounds = 12;
/// As so many observations speaks the belief that guesses are off at random.
constexpr double kNoiseWeight = 60;

double log_of(double value) { return std::log(std::max(value, kTiny)); }
/// Upper tail of the normal distribution.
double tail(double z) { return 0.5 * std::erfc(z / std::numbers::sqrt2); }
/// E[N | N > z].
double mean_above(double z) {
  const double above = tail(z);
  return above > 1e-12 ? std::exp(-0.5 * z * z) / (std::sqrt(2 * std::numbers::pi) * above) : z + 1 / z;
}

struct Sums {
  double n = 0, x = 0, xx = 0, y = 0, xy = 0, yy = 0;
  void add(double at, double value, double variance) { n += 1, x += at, xx += at * at, y += value, xy += at * value, yy += value * value + variance; }
};

/// The larger slope whose noise, s (1 - s) of the variance, is the spread.
double slope_of_noise(double spread, double variance) { return 0.5 + 0.5 * std::sqrt(std::max(0.0, 1 - 4 * spread * spread / variance)); }

/// The least-squares line over the sums and what was believed before; `slopes`: of the slope, as a sum of squares.
CostFit line_through(const Sums& sums, const CostFit& prior, double weight, double slopes) {
  const double n = sums.n + weight, xx = sums.xx + slopes;
  const double y = sums.y + weight * prior.level, xy = sums.xy + slopes * prior.slope;
  const double determinant = n * xx - sums.x * sums.x;
  CostFit out = prior;
  if (n <= 0) return out;
  out.level = determinant > 1e-9 * n * xx ? (xx * y - sums.x * xy) / determinant : y / n;
  out.slope = determinant > 1e-9 * n * xx ? (n * xy - sums.x * y) / determinant : prior.slope;
  const double a = out.level, b = out.slope;
  const double squares = sums.yy - 2 * a * sums.y - 2 * b * sums.xy + sums.n * a * a + 2 * a * b * sums.x + b * b * sums.xx;
  const double believed = weight + kSpreadWeight;
  out.spread = std::sqrt((std::max(squares, 0.0) + believed * prior.spread * prior.spread) / (sums.n + believed));
  return out;
}

}  // namespace

double CostFit::seconds(double work, double elapsed) const {
  const double mean = level + slope * (log_of(work) - centre);
  const double expected = std::exp(mean + 0.5 * spread * spread);
  if (elapsed <= 0) return expected;
  // E[t | t > elapsed] of a lognormal.
  const double z = (log_of(elapsed) - mean) / spread, above = tail(z);
  return above > 1e-12 ? std::max(elapsed, expected * tail(z - spread) / above) : 1.1 * elapsed;
}

void CostModel::observe(double work, double seconds) {
  const double x = log_of(work) - prior_.centre, y = log_of(seconds);
  ++count_, x_ += x, xx_ += x * x, y_ += y, xy_ += x * y, yy_ += y * y;
}

CostFit CostModel::fit(std::span<const Running> running) const {
  const double weight = std::min(prior_.weight, kMostWeight);
  CostFit out = prior_;
  if (count_ == 0 && prior_.weight == 0) return out;
  Sums finished{double(count_), x_, xx_, y_, xy_, yy_};
  if (weight == 0) {  // nothing is known: centre on what was seen, so that slope and level do not pull on each other
    const double c = x_ / double(count_), n = double(count_);
    finished = {n, 0, std::max(xx_ - n * c * c, 0.0), y_, xy_ - c * y_, yy_};
    out.centre += c;
  }
  CostFit base = out;
  const bool noisy = weight == 0 && kNoiseWeight * variance_ > kSlopeWeight;
  const double slopes = noisy ? kNoiseWeight * variance_ : kSlopeWeight + 1.25 * weight;
  out = line_through(finished, base, weight, slopes);
  for (int round = 0; round < kRounds && (noisy || !running.empty()); ++round) {
    Sums sums = finished;
    if (noisy) base.slope = slope_of_noise(out.spread, variance_);
    for (const Running& task : running) {
      const double x = log_of(task.work) - base.centre, mean = out.level + out.slope * x;
      const double z = (log_of(task.elapsed) - mean) / out.spread, m = mean_above(z);
      sums.add(x, mean + out.spread * m, out.spread * out.spread * std::max(0.0, 1 - m * (m - z)));
    }
    out = line_through(sums, base, weight, slopes);
  }
  out.weight = weight + double(count_);
  return out;
}

}  // namespace hayate::exec
