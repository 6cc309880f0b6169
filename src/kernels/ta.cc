#include "kernels/ta.h"

#include <array>

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
  static const std::array groups = {overlap_functions(),   momentum_functions(), volume_functions(), volatility_functions(), price_functions(),
                                    statistic_functions(), math_functions(),     cycle_functions(),  pattern_functions()};
  return groups;
}

}  // namespace hayate::kernels::ta
