// The only file that names instruction sets outside CMake.
#include "kernels/dispatch.h"

#include <cstdlib>
#include <cstring>
#include <initializer_list>

#include "kernels/boosting.h"
#include "kernels/class_splits.h"
#include "kernels/comoments.h"
#include "kernels/csv_cells.h"
#include "kernels/csv_numbers.h"
#include "kernels/csv_scan.h"
#include "kernels/elementwise.h"
#include "kernels/extremes.h"
#include "kernels/forest.h"
#include "kernels/forest_bins.h"
#include "kernels/forest_exact.h"
#include "kernels/gram.h"
#include "kernels/lane_order.h"
#include "kernels/lanes.h"
#include "kernels/leaves.h"
#include "kernels/moments.h"
#include "kernels/norms.h"
#include "kernels/quantile.h"
#include "kernels/rank.h"
#include "kernels/recursive.h"
#include "kernels/shortest_digits.h"
#include "kernels/ta.h"
#include "kernels/test_blocks.h"
#include "kernels/words.h"

namespace hayate::kernels {

// The tables that the copies of the kernels export.
#define HAYATE_TABLES(ISA)                                                                                                         \
  namespace ISA {                                                                                                                  \
  extern const BinKernels kBinKernels;                                                                                             \
  extern const BoostKernels kBoostKernels;                                                                                         \
  extern const ClassKernels kClassKernels;                                                                                         \
  extern const ComomentsKernels kComomentsKernels;                                                                                 \
  extern const CsvCellKernels kCsvCellKernels;                                                                                     \
  extern const CsvKernels kCsvKernels;                                                                                             \
  extern const CsvNumberKernels kCsvNumberKernels;                                                                                 \
  extern const ElementwiseKernels kElementwiseKernels;                                                                             \
  extern const ExactKernels kExactKernels;                                                                                         \
  extern const ExtremesKernels kExtremesKernels;                                                                                   \
  extern const ForestKernels kForestKernels;                                                                                       \
  extern const GramKernels kGramKernels;                                                                                           \
  extern const LaneOrderKernels kLaneOrderKernels;                                                                                 \
  extern const LaneKernels kLaneKernels;                                                                                           \
  extern const LeafKernels kLeafKernels;                                                                                           \
  extern const MomentsKernels kMomentsKernels;                                                                                     \
  extern const NormKernels kNormKernels;                                                                                           \
  extern const QuantileKernels kQuantileKernels;                                                                                   \
  extern const RankKernels kRankKernels;                                                                                           \
  extern const RecursiveKernels kRecursiveKernels;                                                                                 \
  extern const ShortestKernels kShortestKernels;                                                                                   \
  extern const TestBlockKernels kTestBlockKernels;                                                                                 \
  extern const WordKernels kWordKernels;                                                                                           \
  extern const std::span<const ta::Entry> kPatternFunctions;                                                                       \
  namespace talib {                                                                                                                \
  extern const std::span<const ta::Entry> kCycleFunctions, kMathFunctions, kMomentumFunctions, kOverlapFunctions, kPriceFunctions, \
      kStatisticFunctions, kVolatilityFunctions, kVolumeFunctions;                                                                 \
  }                                                                                                                                \
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

const BinKernels& bin_kernels() { return choose(baseline::kBinKernels, avx2::kBinKernels, avx512::kBinKernels); }
const BoostKernels& boost_kernels() { return choose(baseline::kBoostKernels, avx2::kBoostKernels, avx512::kBoostKernels); }
const ClassKernels& class_kernels() { return choose(baseline::kClassKernels, avx2::kClassKernels, avx512::kClassKernels); }
const ComomentsKernels& comoments_kernels() { return choose(baseline::kComomentsKernels, avx2::kComomentsKernels, avx512::kComomentsKernels); }
const CsvCellKernels& csv_cell_kernels() { return choose(baseline::kCsvCellKernels, avx2::kCsvCellKernels, avx512::kCsvCellKernels); }
const CsvKernels& csv_kernels() { return choose(baseline::kCsvKernels, avx2::kCsvKernels, avx512::kCsvKernels); }
const CsvNumberKernels& csv_number_kernels() { return choose(baseline::kCsvNumberKernels, avx2::kCsvNumberKernels, avx512::kCsvNumberKernels); }
const ElementwiseKernels& elementwise_kernels() {
  return choose(baseline::kElementwiseKernels, avx2::kElementwiseKernels, avx512::kElementwiseKernels);
}
const ExactKernels& exact_kernels() { return choose(baseline::kExactKernels, avx2::kExactKernels, avx512::kExactKernels); }
const ExtremesKernels& extremes_kernels() { return choose(baseline::kExtremesKernels, avx2::kExtremesKernels, avx512::kExtremesKernels); }
const MomentsKernels& moments_kernels() { return choose(baseline::kMomentsKernels, avx2::kMomentsKernels, avx512::kMomentsKernels); }
const NormKernels& norm_kernels() { return choose(baseline::kNormKernels, avx2::kNormKernels, avx512::kNormKernels); }
const QuantileKernels& quantile_kernels() { return choose(baseline::kQuantileKernels, avx2::kQuantileKernels, avx512::kQuantileKernels); }
const RankKernels& rank_kernels() { return choose(baseline::kRankKernels, avx2::kRankKernels, avx512::kRankKernels); }
const RecursiveKernels& recursive_kernels() { return choose(baseline::kRecursiveKernels, avx2::kRecursiveKernels, avx512::kRecursiveKernels); }
const ShortestKernels& shortest_kernels() { return choose(baseline::kShortestKernels, avx2::kShortestKernels, avx512::kShortestKernels); }
const LaneOrderKernels& lane_order_kernels() { return choose(baseline::kLaneOrderKernels, avx2::kLaneOrderKernels, avx512::kLaneOrderKernels); }
const LaneKernels& lane_kernels() { return choose(baseline::kLaneKernels, avx2::kLaneKernels, avx512::kLaneKernels); }
const TestBlockKernels& test_block_kernels() { return choose(baseline::kTestBlockKernels, avx2::kTestBlockKernels, avx512::kTestBlockKernels); }
const WordKernels& word_kernels() { return choose(baseline::kWordKernels, avx2::kWordKernels, avx512::kWordKernels); }
const GramKernels& gram_kernels() { return choose(baseline::kGramKernels, avx2::kGramKernels, avx512::kGramKernels); }
const LeafKernels& leaf_kernels() { return choose(baseline::kLeafKernels, avx2::kLeafKernels, avx512::kLeafKernels); }
const ForestKernels& forest_kernels() { return choose(baseline::kForestKernels, avx2::kForestKernels, avx512::kForestKernels); }

#define HAYATE_TA_GROUP(function, table) \
  std::span<const ta::Entry> ta::function() { return choose(baseline::talib::table, avx2::talib::table, avx512::talib::table); }
HAYATE_TA_GROUP(cycle_functions, kCycleFunctions)
HAYATE_TA_GROUP(math_functions, kMathFunctions)
HAYATE_TA_GROUP(momentum_functions, kMomentumFunctions)
HAYATE_TA_GROUP(overlap_functions, kOverlapFunctions)
HAYATE_TA_GROUP(price_functions, kPriceFunctions)
HAYATE_TA_GROUP(statistic_functions, kStatisticFunctions)
HAYATE_TA_GROUP(volatility_functions, kVolatilityFunctions)
HAYATE_TA_GROUP(volume_functions, kVolumeFunctions)
#undef HAYATE_TA_GROUP
std::span<const ta::Entry> ta::pattern_functions() { return choose(baseline::kPatternFunctions, avx2::kPatternFunctions, avx512::kPatternFunctions); }

}  // namespace hayate::kernels
