#include "tune/sampler.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "base/random.h"

namespace hayate::tune {
namespace {

constexpr int64_t kStarts = 10, kCandidates = 24;

std::vector<double> random_point(size_t dimensions, uint64_t seed, int64_t trial) {
  const uint64_t key = random_key(seed, Stage::search, uint64_t(trial));
  std::vector<double> out(dimensions);
  for (size_t i = 0; i < dimensions; ++i) out[i] = random_unit(key, i);
  return out;
}

std::vector<double> grid_point(const Space& space, int64_t trial) {
  std::vector<double> out(space.dimensions.size());
  for (size_t i = out.size(); i-- > 0;) {
    const int64_t count = *space.dimensions[i].count();
    out[i] = (double(trial % count) + 0.5) / double(count);
    trial /= count;
  }
  return out;
}

// ---- Sobol

/// Primitive polynomial (degree, inner coefficients) and first direction numbers of dimensions 2 to 21: new-joe-kuo-6.21201.
struct Direction {
  uint32_t degree, polynomial;
  std::array<uint32_t, 7> first;
};
constexpr Direction kDirections[] = {
    {1, 0, {1}},
    {2, 1, {1, 3}},
    {3, 1, {1, 3, 1}},
    {3, 2, {1, 1, 1}},
    {4, 1, {1, 1, 3, 3}},
    {4, 4, {1, 3, 5, 13}},
    {5, 2, {1, 1, 5, 5, 17}},
    {5, 4, {1, 1, 5, 5, 5}},
    {5, 7, {1, 1, 7, 11, 19}},
    {5, 11, {1, 1, 5, 1, 1}},
    {5, 13, {1, 1, 1, 3, 11}},
    {5, 14, {1, 3, 5, 5, 31}},
    {6, 1, {1, 3, 3, 9, 7, 49}},
    {6, 13, {1, 1, 1, 15, 21, 21}},
    {6, 16, {1, 3, 1, 13, 27, 49}},
    {6, 19, {1, 1, 1, 15, 7, 5}},
    {6, 22, {1, 3, 1, 15, 13, 25}},
    {6, 25, {1, 1, 5, 5, 19, 61}},
    {7, 1, {1, 3, 7, 11, 23, 15, 103}},
    {7, 4, {1, 3, 7, 13, 13, 15, 69}},
};
constexpr size_t kMostSobol = std::size(kDirections) + 1;

/// Direction number `bit` of a dimension, as 32 bits behind the point.
std::array<uint32_t, 32> directions_of(size_t dimension) {
  std::array<uint32_t, 32> v{};
  if (dimension == 0) {
    for (uint32_t bit = 0; bit < 32; ++bit) v[bit] = 1u << (31 - bit);
    return v;
  }
  const Direction& d = kDirections[dimension - 1];
  for (uint32_t bit = 0; bit < 32; ++bit) {
    if (bit < d.degree) {
      v[bit] = d.first[bit] << (31 - bit);
      continue;
    }
    v[bit] = v[bit - d.degree] ^ (v[bit - d.degree] >> d.degree);
    for (uint32_t k = 1; k < d.degree; ++k)
      if (d.polynomial >> (d.degree - 1 - k) & 1) v[bit] ^= v[bit - k];
  }
  return v;
}

std::vector<double> sobol_point(size_t dimensions, uint64_t seed, int64_t trial) {
  const uint64_t key = random_key(seed, Stage::search, ~uint64_t{0});
  const uint32_t gray = uint32_t(trial) ^ uint32_t(trial) >> 1;
  std::vector<double> out(dimensions);
  for (size_t i = 0; i < dimensions; ++i) {
    const auto v = directions_of(i);
    uint32_t x = uint32_t(random_bits(key, i) >> 32);
    for (uint32_t bit = 0; bit < 32; ++bit)
      if (gray >> bit & 1) x ^= v[bit];
    out[i] = (double(x) + 0.5) * 0x1p-32;
  }
  return out;
}

// ---- TPE

/// Standard normal distribution function.
double normal_below(double x) { return 0.5 * std::erfc(-x * 0.70710678118654752); }

/// A density over the unit cube: one kernel per trial, and the uniform density as one more. Numbers have a Gaussian cut off at
/// the cube, choices a share for the value seen and the rest for all.
class Density {
 public:
  Density(const Space& space, std::vector<const std::vector<double>*> points) : space_(space), points_(std::move(points)) {
    const double count = double(points_.size());
    sigma_ = std::max(0.2 * std::pow(std::max(count, 1.0), -1.0 / (double(space.dimensions.size()) + 4)), 1.0 / std::min(100.0, 1 + count));
    for (const auto* point : points_)
      for (const double center : *point) {
        const double inside = normal_below((1 - center) / sigma_) - normal_below(-center / sigma_);
        log_norms_.push_back(std::log(sigma_ * 2.5066282746310005 * inside));
      }
  }

  double log_at(const std::vector<double>& x) const {
    double most = 0;  // of the uniform kernel
    std::vector<double> logs = {0};
    for (size_t p = 0; p < points_.size(); ++p) {
      double sum = 0;
      for (size_t i = 0; i < x.size(); ++i) sum += log_kernel(i, (*points_[p])[i], x[i], log_norms_[p * x.size() + i]);
      logs.push_back(sum), most = std::max(most, sum);
    }
    double total = 0;
    for (const double log : logs) total += std::exp(log - most);
    return most + std::log(total / double(logs.size()));
  }

  /// Reads its random numbers from `key` at `index` on.
  std::vector<double> draw(uint64_t key, uint64_t index) const {
    const size_t kernel = size_t(random_unit(key, index++) * double(points_.size() + 1));
    std::vector<double> out(space_.dimensions.size());
    for (size_t i = 0; i < out.size(); ++i) {
      const double unit = random_unit(key, index++), other = random_unit(key, index++);
      out[i] = kernel == points_.size() ? unit : draw_kernel(i, (*points_[kernel])[i], unit, other);
    }
    return out;
  }

 private:
  bool is_choice(size_t i) const { return space_.dimensions[i].kind == DistributionKind::choice; }
  /// The share of a choice's kernel that lies on its own value, beside what all values get.
  double own_share() const { return double(points_.size() + 1) / double(points_.size() + 2); }
  size_t choice_at(size_t i, double x) const { return size_t(x * double(space_.dimensions[i].choices.size())); }

  double log_kernel(size_t i, double center, double x, double log_norm) const {
    if (is_choice(i)) {
      const double same = choice_at(i, center) == choice_at(i, x) ? own_share() * double(space_.dimensions[i].choices.size()) : 0;
      return std::log(same + 1 - own_share());
    }
    const double z = (x - center) / sigma_;
    return -0.5 * z * z - log_norm;
  }

  double draw_kernel(size_t i, double center, double unit, double other) const {
    if (is_choice(i)) return other < own_share() ? center : unit;
    // The inverse of the distribution function by bisection: 40 halvings give 1e-12.
    const double from = normal_below(-center / sigma_), to = normal_below((1 - center) / sigma_), goal = from + unit * (to - from);
    double low = 0, high = 1;
    for (int step = 0; step < 40; ++step) (normal_below(((low + high) / 2 - center) / sigma_) < goal ? low : high) = (low + high) / 2;
    return std::min(low, 1 - 1e-12);
  }

  const Space& space_;
  std::vector<const std::vector<double>*> points_;
  std::vector<double> log_norms_;  ///< of the kernel of each point in each dimension
  double sigma_;
};

std::vector<double> tpe_point(const Space& space, uint64_t seed, int64_t trial, std::span<const Tried> history) {
  std::vector<const Tried*> scored, others;
  for (const Tried& tried : history) (std::isnan(tried.score) ? others : scored).push_back(&tried);
  if (int64_t(scored.size()) < kStarts) return random_point(space.dimensions.size(), seed, trial);
  std::stable_sort(scored.begin(), scored.end(), [](const Tried* a, const Tried* b) { return a->score > b->score; });
  const size_t num_good = std::min<size_t>(25, (scored.size() + 9) / 10);
  std::vector<const std::vector<double>*> good, bad;
  for (size_t i = 0; i < scored.size(); ++i) (i < num_good ? good : bad).push_back(&scored[i]->point);
  for (const Tried* tried : others) bad.push_back(&tried->point);
  const Density dense(space, good), sparse(space, bad);
  const uint64_t key = random_key(seed, Stage::search, uint64_t(trial), 1);
  std::vector<double> best;
  double best_ratio = 0;
  for (int64_t candidate = 0; candidate < kCandidates; ++candidate) {
    std::vector<double> x = dense.draw(key, uint64_t(candidate) * (2 * space.dimensions.size() + 1));
    const double ratio = dense.log_at(x) - sparse.log_at(x);
    if (best.empty() || ratio > best_ratio) best = std::move(x), best_ratio = ratio;
  }
  return best;
}

}  // namespace

Result<int64_t> grid_size(const Space& space) {
  int64_t size = 1;
  for (const Dimension& d : space.dimensions) {
    const auto count = d.count();
    if (!count)
      return usage_error(fmt::format("a grid has no end over {}={}", d.name, d.text), "--sampler grid",
                         fmt::format("{}=choice(...) or quniform(low,high,step), or --sampler sobol", d.name));
    if (size > 1'000'000'000 / *count) return usage_error("the grid has more than 1,000,000,000 points", "--sampler grid", "--sampler random");
    size *= *count;
  }
  return size;
}

Result<void> check_sampler(const Space& space, Sampler sampler) {
  if (sampler == Sampler::grid) {
    const auto size = grid_size(space);
    return size.ok() ? Result<void>() : size.error();
  }
  if (sampler == Sampler::sobol && space.dimensions.size() > kMostSobol)
    return usage_error(fmt::format("{} parameters, Sobol points have at most {}", space.dimensions.size(), kMostSobol), "--sampler sobol",
                       "--sampler random");
  return {};
}

std::vector<double> next_point(const Space& space, Sampler sampler, uint64_t seed, int64_t trial, std::span<const Tried> history) {
  const size_t dimensions = space.dimensions.size();
  switch (sampler) {
    case Sampler::random:
      return random_point(dimensions, seed, trial);
    case Sampler::grid:
      return grid_point(space, trial);
    case Sampler::sobol:
      return sobol_point(dimensions, seed, trial);
    case Sampler::tpe:
      return tpe_point(space, seed, trial, history);
  }
  return {};
}

}  // namespace hayate::tune
