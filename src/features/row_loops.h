// Steps that treat every row by itself - arithmetic, comparisons, conditions, conversions, columns - bound to their loops and
// places, so that running one over a block of rows is an indirect call and a few additions.
//
// Neighbouring steps of this kind run together, block of rows by block: what one step makes is still in the first-level cache when
// the next one reads it (for Alpha158 these steps take 45 of 216 ms when each runs over the whole series).
#pragma once

#include <array>

#include "features/plan.h"
#include "kernels/elementwise.h"

namespace hayate {

/// Where slots lie in memory: those of 1 byte a row, then of 4, then of 8.
struct SlotLayout {
  SlotCounts local, crossing;
  size_t lanes = 1;                                         ///< cells of a row
  size_t rows = 0;                                          ///< that slots have room for
  size_t before = 0;                                        ///< cells before row 0
  size_t flag_bytes = 0, narrow_bytes = 0, wide_bytes = 0;  ///< of a slot
  size_t local_bytes = 0;                                   ///< what comes first: the slots that symbols use one after the other
  size_t crossing_bytes = 0;                                ///< then the slots of every symbol's own, so much each

  SlotLayout() = default;
  /// For `rows` rows of a series, or of `lanes` series side by side.
  SlotLayout(const Program::Plan& plan, size_t rows, size_t lanes = 1);
  bool operator==(const SlotLayout&) const = default;
  /// Bytes from the first slot to row 0 of a place; where it crosses, of the first symbol.
  ptrdiff_t offset(const Place& place) const;
};

size_t width_of(kernels::Cell cell);

/// An operand: a series, or a number.
struct RowSource {
  ptrdiff_t offset = 0;  ///< of row 0 from the first slot
  size_t width = 0;      ///< 0: a number
  double number = 0;
  kernels::Cell cell = kernels::Cell::float32;
  bool crosses = false;
};

struct RowLoop {
  enum class Kind : uint8_t { read, unary, binary, difference, both, either, invert, present, choose, column, narrow, narrow_difference };
  Kind kind = Kind::unary;
  kernels::Cell cell = kernels::Cell::float32;  ///< of the result; column: of the source
  int32_t field = -1, column = -1;
  kernels::UnaryLoop unary = nullptr;
  kernels::BinaryLoop binary = nullptr;
  kernels::DifferenceLoop difference = nullptr;
  std::array<RowSource, 3> in = {};
  ptrdiff_t out = 0;
  bool out_crosses = false;
};

/// Runs a loop over cells [begin, begin + cells) of its slots. Not those of the kinds that read or write columns.
void run_loop(const RowLoop& loop, char* slots, ptrdiff_t own_slots, int64_t begin, int64_t cells, const kernels::ElementwiseKernels& kernels);
/// One of the kinds narrow and narrow_difference, into `out`.
void run_narrow_loop(const RowLoop& loop, char* slots, ptrdiff_t own_slots, int64_t begin, int64_t cells, float* out);

/// The loop of a step for which runs_by_rows (plan.h) is true.
RowLoop bind_loop(const Program::Plan& plan, const Step& step, const SlotLayout& layout, const kernels::ElementwiseKernels& kernels);

}  // namespace hayate
