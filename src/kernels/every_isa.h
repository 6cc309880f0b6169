// For tests: what holds on one instruction set has to hold on all.
#pragma once

#include "kernels/dispatch.h"

namespace hayate::kernels {

/// Calls check() with every instruction set of this machine active in turn.
template <class Check>
void on_every_isa(Check&& check) {
  const Isa before = active_isa();
  for (const Isa isa : {Isa::baseline, Isa::avx2, Isa::avx512})
    if (isa <= detected_isa()) set_isa(isa), check();
  set_isa(before);
}

}  // namespace hayate::kernels
