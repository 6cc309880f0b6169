// Where to look next: the point of trial number t, as a function of the space, the seed, t and what earlier trials scored.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "tune/space.h"

namespace hayate::tune {

inline constexpr const char* kSamplers[] = {"random", "grid", "sobol", "tpe"};
enum class Sampler : uint8_t { random, grid, sobol, tpe };

/// A trial that has a point; `score` the higher the better, NaN while it is not known.
struct Tried {
  std::vector<double> point;  ///< in [0, 1) per dimension
  double score = 0;
};

/// Trials that a grid has; usage Error when a dimension has no end of values.
Result<int64_t> grid_size(const Space& space);
/// Usage Error when the sampler can't search this space: a grid over real numbers, Sobol points of more than 21 dimensions.
Result<void> check_sampler(const Space& space, Sampler sampler);

/// random: independent. grid: the last dimension fastest, over again past its end. sobol: the Sobol sequence (direction numbers
/// of Joe and Kuo 2008) under a random digital shift. tpe: 10 random points, then the best of 24 drawn where good trials are
/// dense and others are not (Bergstra et al. 2011; kernels over all dimensions together; trials without a score count as bad,
/// so that points sampled together differ).
std::vector<double> next_point(const Space& space, Sampler sampler, uint64_t seed, int64_t trial, std::span<const Tried> history);

}  // namespace hayate::tune
