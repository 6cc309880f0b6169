// Codes of raw values: a branchless search over the cuts of one feature.
#include <cassert>
#include <limits>

#include "hayate/model.h"

namespace hayate {

float Cuts::threshold(int64_t feature, uint32_t c) const {
  const std::span<const float> cuts = of(feature);
  return c < cuts.size() ? cuts[c] : std::numeric_limits<float>::infinity();
}

namespace {

/// The number of cuts below x. Halves a window of fixed sizes, so the only data dependence is one conditional add a step.
uint8_t code_of(std::span<const float> cuts, float x) {
  if (x != x) return kMissingCode;
  const float* base = cuts.data();
  size_t left = cuts.size();
  while (left > 1) {
    const size_t half = left / 2;
    base += base[half - 1] < x ? half : 0;
    left -= half;
  }
  return uint8_t(size_t(base - cuts.data()) + (left == 1 && *base < x ? 1 : 0));
}

}  // namespace

void code_values(std::span<const float> cuts, std::span<const float> values, uint8_t* codes) {
  assert(cuts.size() < kMissingCode);
  for (size_t i = 0; i < values.size(); ++i) codes[i] = code_of(cuts, values[i]);
}

void code_columns(const Cuts& cuts, const FloatColumns& raw, uint8_t* codes, int64_t stride) {
  assert(raw.num_features == cuts.num_features());
  for (int64_t feature = 0; feature < raw.num_features; ++feature)
    code_values(cuts.of(feature), {raw.column(feature), size_t(raw.num_rows)}, codes + feature * stride);
}

}  // namespace hayate
