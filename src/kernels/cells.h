// How values are stored between kernels, and where results go. Shared by the kernels of features.
#pragma once

#include <cstdint>

namespace hayate::kernels {

// The one NaN: what x86 makes of 0/0, sign bit set. Inputs are brought to it, so which of two NaN operands survives an
// operation can't show in the bytes.
inline constexpr double kNaN = -__builtin_nan("");
inline constexpr float kNaN32 = -__builtin_nanf("");

/// The type of a stored series. Booleans are bytes 0 or 1.
enum class Cell : uint8_t { boolean, float32, float64 };

/// A series of one symbol.
struct Series {
  const void* rows = nullptr;
  Cell cell = Cell::float32;
};

/// A float32 column of the caller's panel. Rows arrive in order, in runs of any length; whole cache lines leave by
/// non-temporal stores (ordinary ones read every line of the panel before writing it: 0.19 s against 0.12 for Alpha158 of 500
/// symbols). The part of a line that is not full yet waits in `carry`.
struct StreamedColumn {
  float* out = nullptr;  ///< where row `first` goes
  int64_t first = 0;     ///< rows before this one are dropped
  int64_t last = 0;      ///< and rows from this one on
  int64_t written = 0;   ///< rows stored, `carry` not counted
  int32_t carried = 0;
  float carry[16] = {};  ///< the last `carried` of these
  /// When there is a choice of rows, only those are stored, one after the other from `out`: row wanted[k] - wanted_origin.
  const int64_t* wanted = nullptr;
  int64_t num_wanted = 0, wanted_origin = 0;
};

/// Where a kernel puts a result: a float64 series, a column (times the series `scale`, or times `number`), both, or a float32 series.
struct Sink {
  double* doubles = nullptr;
  float* floats = nullptr;
  StreamedColumn* column = nullptr;
  const double* scale = nullptr;  ///< columns only
  double number = 1;              ///< columns only
  /// The float64 series is 1 / (value + offset); there is no column then.
  bool inverse = false;
  double offset = 0;
};

}  // namespace hayate::kernels
