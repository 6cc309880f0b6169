// One kernel source, compiled once per instruction set. CMake compiles every file of HAYATE_KERNELS three times with
// HAYATE_ISA set to `baseline` (x86-64), `avx2` (x86-64-v3) and `avx512` (x86-64-v4, 512-bit vectors); each copy lives
// in its own namespace and exports one constant table of function pointers. dispatch.cc alone chooses between them.
//
// Rules for kernel sources, which keep the three copies from sharing code at link time and the bytes equal:
// no standard containers or algorithms (their inline functions are weak symbols: the linker may keep the AVX-512 copy
// for everybody), everything else static or in the namespace below, -ffp-contract=off, fixed order of operations.
#pragma once

#ifndef HAYATE_ISA
#define HAYATE_ISA baseline
#endif

#define HAYATE_KERNELS_BEGIN namespace hayate::kernels::HAYATE_ISA {
#define HAYATE_KERNELS_END }

// TA-Lib's functions have a namespace of their own in it.
#define HAYATE_TA_BEGIN                          \
  namespace hayate::kernels::ta {}               \
  namespace hayate::kernels::HAYATE_ISA::talib { \
  using namespace hayate::kernels::ta;
#define HAYATE_TA_END }
