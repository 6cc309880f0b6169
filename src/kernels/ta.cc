#include "kernels/ta.h"

#include <array>
#include <cstring>

#include "kernels/dispatch.h"

namespace hayate::kernels::ta {

namespace {

template <class Item, class Name>
int count_named(const Item& items, Name name) {
  int count = 0;
  for (const auto& item : items) count += name(item) != nullptr;
  return count;
}

constexpr auto kItself = [](const char* name) { return name; };

}  // namespace

int Entry::num_inputs() const { return count_named(inputs, kItself); }
int Entry::num_outputs() const { return count_named(outputs, kItself); }
int Entry::num_params() const {
  return count_named(params, [](const Param& param) { return param.name; });
}

namespace {

constexpr int kMostInputs = 4, kMostOutputs = 4;

/// Tile by tile, with all other lanes empty.
void compute_in_lane(const Entry& entry, const Call& call, double* state) {
  const LaneKernels& kernels = lane_kernels();
  alignas(64) double tiles[kMostInputs + kMostOutputs][kLaneRows * kLanes] = {};
  std::memset(state, 0, size_t(lane_room(entry, call.params)) * sizeof(double));
  const double* inputs[kMostInputs];
  double* outputs[kMostOutputs];
  for (int i = 0; i < kMostInputs; ++i) inputs[i] = tiles[i];
  for (int o = 0; o < kMostOutputs; ++o) outputs[o] = tiles[kMostInputs + o];
  for (int64_t row = 0; row < call.rows; row += kLaneRows) {
    const int64_t rows = call.rows - row < kLaneRows ? call.rows - row : kLaneRows;
    bool missing = false;
    for (int i = 0; i < entry.num_inputs(); ++i) {
      const LaneSeries series{.values = call.inputs[i], .rows = call.rows};
      missing |= kernels.gather(&series, 1, row, rows, tiles[i]);
    }
    kernels.run({entry.lanes, call.params, inputs, outputs, rows, 1, state, call.exact, !missing});
    for (int o = 0; o < entry.num_outputs(); ++o) {
      double* const out = call.outputs[o] + row;
      kernels.scatter(outputs[o], 1, rows, &out);
    }
  }
}

}  // namespace

int64_t lane_room(const Entry& entry, const double* params) {
  const LaneFunction function = entry.lanes_for(params);
  return function == LaneFunction::none ? 0 : lane_kernels().room(function, params);
}

void compute(const Entry& entry, const Call& call, double* room) {
  if (entry.lanes_for(call.params) == LaneFunction::none)
    entry.compute(call);
  else
    compute_in_lane(entry, call, room);
}

LaneFunction Entry::lanes_for(const double* values) const {
  constexpr double kExponential = 1, kDefault = 11;  // see Average in ta_average.h
  if (lanes_matype >= 0 && values[lanes_matype] != kExponential && values[lanes_matype] != kDefault) return LaneFunction::none;
  return lanes;
}

namespace {

using Groups = std::array<std::span<const Entry>, 9>;

Groups groups_of_active_isa() {
  return {overlap_functions(),   momentum_functions(), volume_functions(), volatility_functions(), price_functions(),
          statistic_functions(), math_functions(),     cycle_functions(),  pattern_functions()};
}

/// Made when they are first asked for, which is while `isa` is the active one.
template <Isa isa>
const Groups& groups_of() {
  static const Groups groups = groups_of_active_isa();
  return groups;
}

}  // namespace

std::span<const std::span<const Entry>> function_groups() {
  switch (active_isa()) {
    case Isa::avx512:
      return groups_of<Isa::avx512>();
    case Isa::avx2:
      return groups_of<Isa::avx2>();
    default:
      return groups_of<Isa::baseline>();
  }
}

}  // namespace hayate::kernels::ta
