#include "kernels/ta.h"

#include <array>
#include <mutex>

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

constexpr int kMostInputs = 4, kMostOutputs = 3, kMostWords = 16;

/// Tile by tile, with all other lanes empty.
void compute_in_lane(const Entry& entry, const Call& call) {
  const LaneKernels& kernels = lane_kernels();
  alignas(64) double tiles[kMostInputs + kMostOutputs][kLaneRows * kLanes] = {}, state[kMostWords * kLanes] = {};
  const double* inputs[kMostInputs];
  double* outputs[kMostOutputs];
  for (int i = 0; i < kMostInputs; ++i) inputs[i] = tiles[i];
  for (int o = 0; o < kMostOutputs; ++o) outputs[o] = tiles[kMostInputs + o];
  for (int64_t row = 0; row < call.rows; row += kLaneRows) {
    const int64_t rows = call.rows - row < kLaneRows ? call.rows - row : kLaneRows;
    bool missing = false;
    for (int i = 0; i < entry.num_inputs(); ++i) {
      const LaneSeries series{.values = call.inputs[i] + row, .rows = rows};
      missing |= kernels.gather(&series, 1, rows, tiles[i]);
    }
    kernels.run({entry.lanes, call.params, inputs, outputs, rows, 1, state, call.exact, !missing});
    for (int o = 0; o < entry.num_outputs(); ++o) {
      double* const out = call.outputs[o] + row;
      kernels.scatter(outputs[o], 1, rows, &out);
    }
  }
}

}  // namespace

void compute(const Entry& entry, const Call& call) {
  if (entry.lanes == LaneFunction::none)
    entry.compute(call);
  else
    compute_in_lane(entry, call);
}

std::span<const std::span<const Entry>> function_groups() {
  static std::array<std::array<std::span<const Entry>, 9>, 3> groups;  // by instruction set
  static std::array<std::once_flag, 3> made;
  const size_t isa = size_t(active_isa());
  std::call_once(made[isa], [isa] {
    groups[isa] = {overlap_functions(),   momentum_functions(), volume_functions(), volatility_functions(), price_functions(),
                   statistic_functions(), math_functions(),     cycle_functions(),  pattern_functions()};
  });
  return groups[isa];
}

}  // namespace hayate::kernels::ta
