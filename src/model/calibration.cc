// Probabilities from the scores of a classifier. Sources of the formulas: Platt 1999 (sigmoid), Zadrozny and Elkan 2002 (isotonic, and
// one map per class divided by their sum), as scikit-learn 1.9 has them in sklearn/calibration.py.
#include <algorithm>
#include <cassert>
#include <numeric>

#include "hayate/model.h"
#include "kernels/transcendental.h"

namespace hayate {
namespace {

/// Linear between the knots around `s`, and level beyond the ends.
double between_knots(std::span<const double> x, std::span<const double> y, double s) {
  if (s != s) return s;  // of a linear model: 0 * infinity
  if (s <= x.front()) return y.front();
  if (s >= x.back()) return y.back();
  const size_t right = size_t(std::upper_bound(x.begin(), x.end(), s) - x.begin()), left = right - 1;
  return (y[right] - y[left]) / (x[right] - x[left]) * (s - x[left]) + y[left];
}

double one_map(const Calibration& c, size_t map, double s) {
  const size_t first = c.start[map], count = c.start[map + 1] - first;
  if (c.method == Calibration::Method::platt) return 1.0 / (1.0 + kernels::baseline::exponential(c.x[first] * s + c.y[first], 0));
  return between_knots(std::span(c.x).subspan(first, count), std::span(c.y).subspan(first, count), s);
}

}  // namespace

void Calibration::apply(std::span<const double> in, std::span<double> out) const {
  const size_t maps = start.size() - 1;
  assert(in.size() == maps);
  if (maps == 1) {
    out.back() = one_map(*this, 0, in[0]);
    if (out.size() == 2) out[0] = 1.0 - out[1];
    return;
  }
  double sum = 0;
  for (size_t k = 0; k < maps; ++k) sum += out[k] = one_map(*this, k, in[k]);
  for (double& p : out) p = sum > 0 ? p / sum : 1.0 / double(maps);
}

std::vector<double> calibration_inputs(const Predictor& predictor, const FloatColumns& raw) {
  assert(!std::holds_alternative<Blend>(predictor));
  Predictor scores = predictor;  // whose link lets scores through: with two classes into the first column
  size_t one_score_at = 0;
  if (Forest* forest = std::get_if<Forest>(&scores))
    forest->link = Link::identity, one_score_at = forest->joined == Joined::mean ? 1 : 0;
  else
    std::get<Linear>(scores).link = Link::identity;
  const size_t outputs = size_t(num_outputs(predictor));
  std::vector<double> out(size_t(raw.num_rows) * outputs);
  predict(scores, raw, out);
  if (outputs > 2) return out;
  std::vector<double> one;
  for (size_t i = std::min(one_score_at, outputs - 1); i < out.size(); i += outputs) one.push_back(out[i]);
  return one;
}

}  // namespace hayate
