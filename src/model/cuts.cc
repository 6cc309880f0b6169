// Codes of raw values.
#include <cassert>
#include <limits>

#include "hayate/model.h"
#include "kernels/forest_bins.h"

namespace hayate {

float Cuts::threshold(int64_t feature, uint32_t c) const {
  const std::span<const float> cuts = of(feature);
  return c < cuts.size() ? cuts[c] : std::numeric_limits<float>::infinity();
}

void code_values(std::span<const float> cuts, std::span<const float> values, uint8_t* codes) {
  assert(cuts.size() < kMissingCode);
  kernels::bin_kernels().code_values(cuts.data(), int64_t(cuts.size()), values.data(), int64_t(values.size()), codes);
}

void code_columns(const Cuts& cuts, const FloatColumns& raw, uint8_t* codes, int64_t stride) {
  assert(raw.num_features == cuts.num_features());
  for (int64_t feature = 0; feature < raw.num_features; ++feature)
    code_values(cuts.of(feature), {raw.column(feature), size_t(raw.num_rows)}, codes + feature * stride);
}

}  // namespace hayate
