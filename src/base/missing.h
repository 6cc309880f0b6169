// A missing float64.
#pragma once

#include <limits>

namespace hayate {

inline constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

}  // namespace hayate
