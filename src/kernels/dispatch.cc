// The only file that names instruction sets outside CMake.
#include "kernels/dispatch.h"

#include <cstdlib>
#include <cstring>
#include <initializer_list>

#include "kernels/csv_scan.h"
#include "kernels/forest.h"

namespace hayate::kernels {

// The tables that the copies of the kernels export.
#define HAYATE_TABLES(ISA)                   \
  namespace ISA {                            \
  extern const ForestKernels kForestKernels; \
  extern const CsvKernels kCsvKernels;       \
  }
HAYATE_TABLES(baseline)
HAYATE_TABLES(avx2)
HAYATE_TABLES(avx512)
#undef HAYATE_TABLES

namespace {

Isa chosen_at_start() {
  const Isa best = detected_isa();
  const char* wanted = std::getenv("HAYATE_ISA");
  if (!wanted) return best;
  for (Isa isa : {Isa::baseline, Isa::avx2, Isa::avx512})
    if (std::strcmp(wanted, isa_name(isa)) == 0) return isa < best ? isa : best;
  return best;
}

Isa& current() {
  static Isa isa = chosen_at_start();
  return isa;
}

template <class Table>
const Table& choose(const Table& baseline, const Table& avx2, const Table& avx512) {
  return current() == Isa::avx512 ? avx512 : current() == Isa::avx2 ? avx2 : baseline;
}

}  // namespace

const char* isa_name(Isa isa) {
  switch (isa) {
    case Isa::baseline:
      return "baseline";
    case Isa::avx2:
      return "avx2";
    case Isa::avx512:
      return "avx512";
  }
  return "unknown";
}

Isa detected_isa() {
  __builtin_cpu_init();
  if (__builtin_cpu_supports("x86-64-v4")) return Isa::avx512;
  if (__builtin_cpu_supports("x86-64-v3")) return Isa::avx2;
  return Isa::baseline;
}

Isa active_isa() { return current(); }
void set_isa(Isa isa) { current() = isa < detected_isa() ? isa : detected_isa(); }

const CsvKernels& csv_kernels() { return choose(baseline::kCsvKernels, avx2::kCsvKernels, avx512::kCsvKernels); }
const ForestKernels& forest_kernels() { return choose(baseline::kForestKernels, avx2::kForestKernels, avx512::kForestKernels); }

}  // namespace hayate::kernels
