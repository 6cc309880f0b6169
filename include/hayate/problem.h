// What kind of question a label asks.
#pragma once

#include <cstdint>

namespace hayate {

/// Values stand in model files: append, never renumber.
enum class Problem : uint8_t { regression = 0, classification = 1, ranking = 2 };

constexpr const char* problem_name(Problem problem) {
  switch (problem) {
    case Problem::regression:
      return "regression";
    case Problem::classification:
      return "classification";
    case Problem::ranking:
      return "ranking";
  }
  return "unknown";
}

}  // namespace hayate
