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
