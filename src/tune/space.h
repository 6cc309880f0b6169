// The space that a search goes through: one distribution per parameter of a learner.
//
//   num_trees=choice(50,100,200)      one of the values, as they are typed
//   max_depth=int(2,16)               whole numbers, both ends included; int(2,16,2) in steps; logint(1,1000) even in the logarithm
//   max_depth=randint(2,17)           the same, the upper end excluded
//   max_samples=uniform(0.2,1)        numbers; quniform(0.2,1,0.1) rounded to steps
//   l2=loguniform(1e-3,1e3)           numbers, even in the logarithm; qloguniform(...,step)
//   num_leaves=int(8,64) if grow=leaf a parameter of those trials alone whose `grow` is leaf (or `if grow=leaf|both`)
//
// grid(...) is choice(...). Every distribution is a map from [0, 1) to a value, so that a sampler needs to know nothing of it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hayate/error.h"

namespace hayate::tune {

enum class DistributionKind : uint8_t { choice, whole, real };

struct Dimension {
  std::string name;
  std::string text;  ///< as typed, without the name
  DistributionKind kind = DistributionKind::choice;
  std::vector<std::string> choices;
  double low = 0, high = 0;  ///< both included for whole numbers
  double step = 0;           ///< 0: none
  bool logarithmic = false;
  std::string condition_name = {};  ///< empty: always there
  std::vector<std::string> condition_values = {};

  /// The value at `unit` in [0, 1), as it is typed.
  std::string value_at(double unit) const;
  /// Where a value stands: the middle of what value_at() maps to it.
  double unit_of(std::string_view value) const;
  /// How many values there are; nothing for real numbers without a step.
  std::optional<int64_t> count() const;
};

/// A parameter's name and value, for the dimensions that are there, in the order of the space.
using Config = std::vector<std::pair<std::string, std::string>>;

struct Space {
  std::vector<Dimension> dimensions;

  /// The configuration at a point, one number in [0, 1) per dimension.
  Config at(std::span<const double> point) const;
  const Dimension& find(std::string_view name) const;
};

/// One text per dimension, each NAME=DISTRIBUTION(...). Errors (usage): an unknown distribution with the nearest name, wrong
/// arguments, a name given twice, a condition on a parameter that does not stand before.
Result<Space> parse_space(std::span<const std::string> texts, const std::string& where);

}  // namespace hayate::tune
