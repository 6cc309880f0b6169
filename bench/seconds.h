// The two clocks that a race reads before and after what it times.
#pragma once

#include "base/clock.h"

namespace hayate::bench {

struct Seconds {
  double wall, cpu;
};

inline Seconds now() { return {wall_seconds(), cpu_seconds()}; }

}  // namespace hayate::bench
