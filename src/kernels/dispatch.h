// The instruction set chosen at start: the best the processor has, lowered (never raised) by HAYATE_ISA=baseline|avx2|avx512.
#pragma once

namespace hayate::kernels {

enum class Isa { baseline = 0, avx2 = 1, avx512 = 2 };

const char* isa_name(Isa isa);
/// What the processor and the operating system offer.
Isa detected_isa();
/// What kernels run on: detected_isa(), or less when the environment asks for less or a test called set_isa().
Isa active_isa();
/// For tests: run the following kernels on `isa` (not above detected_isa()). Not thread safe.
void set_isa(Isa isa);

}  // namespace hayate::kernels
