// The vector instructions of the processor by name.
#pragma once

#include <immintrin.h>

#if !defined(__clang__)
// g++ 12 warns inside its own AVX-512 header, which starts from a value that it never uses.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
