// Operators that treat every row by itself: arithmetic, comparisons, conditions, and conversion between cells.
#pragma once

#include "kernels/cells.h"

namespace hayate::kernels {

enum class Unary : uint8_t { absolute, sign, logarithm, complement };
enum class Binary : uint8_t {
  add,
  subtract,
  multiply,
  divide,
  power,
  maximum,
  minimum,
  greater,
  greater_equal,
  less,
  less_equal,
  equal,
  not_equal,
  bit_and,
  bit_or
};

/// A series, or one number for all rows.
struct Operand {
  const void* rows = nullptr;
  double number = 0;
};

/// How a loop reads an operand.
enum class Shape : uint8_t { float32, float64, number };

using UnaryLoop = void (*)(const void* in, void* out, int64_t rows);
using BinaryLoop = void (*)(const Operand& left, const Operand& right, void* out, int64_t rows);
using DifferenceLoop = void (*)(const Operand& left, const Operand& right, const Operand& third, void* out, int64_t rows);

struct ElementwiseKernels {
  /// In and out are `cell`; arithmetic in that type. NaN in, NaN out.
  UnaryLoop (*unary)(Unary op, Cell cell);
  /// Arithmetic in `type`, which no operand exceeds. Arithmetic gives `out`: `type`, or float32 from float64; comparisons give
  /// booleans. Null where no such loop exists: mixed shapes are for add, subtract, multiply and divide.
  BinaryLoop (*binary)(Binary op, Cell type, Shape left, Shape right, Cell out);
  /// (left - right) third in float64, to float32; left and right are series, third is a number or of float64.
  DifferenceLoop (*scaled_difference)(Shape left, Shape right, Shape third);
  /// 1 / (left - right + third) in float64, of two series and a number.
  DifferenceLoop (*inverse_difference)(Shape left, Shape right);
  /// Between any two cells but to boolean.
  UnaryLoop (*convert)(Cell from, Cell to);
  void (*both)(const uint8_t* left, const uint8_t* right, uint8_t* out, int64_t rows);
  void (*either)(const uint8_t* left, const uint8_t* right, uint8_t* out, int64_t rows);
  void (*invert)(const uint8_t* in, uint8_t* out, int64_t rows);
  /// Not NaN. Booleans are always present.
  void (*present)(const Series& in, uint8_t* out, int64_t rows);
  /// condition ? yes : no, in `cell`, float32 or float64.
  void (*choose)(const uint8_t* condition, Cell cell, const Operand& yes, const Operand& no, void* out, int64_t rows);
  bool (*holds_infinity)(const Series& in, int64_t rows);
  bool (*holds_missing)(const Series& in, int64_t rows);  ///< NaN
  /// Whether the two series are finite in the same rows.
  bool (*same_rows)(const Series& left, const Series& right, int64_t rows);
  /// Reads a column of the caller; NaN becomes the one NaN (see vectors.h).
  void (*read)(const Series& from, Cell cell, void* out, int64_t rows);
  /// Appends to a column, row `row` first; then `finish` stores what is left and makes the stores visible to other threads.
  void (*append)(StreamedColumn& column, const Series& from, int64_t row, int64_t rows);
  /// The same for values that are float32 already; the 16 before them are scratch.
  void (*append_floats)(StreamedColumn& column, int64_t row, float* values, int64_t rows);
  void (*finish)(StreamedColumn* columns, int64_t num_columns);
};

const ElementwiseKernels& elementwise_kernels();

}  // namespace hayate::kernels
