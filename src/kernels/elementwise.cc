// One template per shape of loop; the tables at the end pick the instance.
#include "kernels/elementwise.h"

#include "kernels/transcendental.h"

HAYATE_KERNELS_BEGIN
namespace {

template <class T>
constexpr T kMissing = T(kNaN);

// ---- Operators on one value ---------------------------------------------------------------------------------------

struct Absolute {
  // 0 - x, so that -0 becomes 0; NaN compares false and stays as it is.
  template <class T>
  static T of(T x) {
    return x <= 0 ? T(0) - x : x;
  }
};
struct Sign {
  template <class T>
  static T of(T x) {
    return x > 0 ? T(1) : x < 0 ? T(-1) : x == 0 ? T(0) : x;
  }
};
struct Logarithm {
  template <class T>
  static T of(T x) {
    return logarithm(x);
  }
};
struct Complement {
  template <class T>
  static T of(T x) {
    return -x - 1;
  }
};
struct Add {
  template <class T>
  static T of(T x, T y) {
    return x + y;
  }
};
struct Subtract {
  template <class T>
  static T of(T x, T y) {
    return x - y;
  }
};
struct Multiply {
  template <class T>
  static T of(T x, T y) {
    return x * y;
  }
};
struct Divide {
  template <class T>
  static T of(T x, T y) {
    return x / y;
  }
};
struct Power {
  template <class T>
  static T of(T x, T y) {
    return power(x, y);
  }
};
/// x ^ 0.5, which is +0 for -0 and inf for -inf.
struct SquareRoot {
  template <class T>
  static T of(T x, T) {
    constexpr T kInfinity = T(__builtin_inf());
    return x == -kInfinity ? kInfinity : T(__builtin_sqrt(x + T(0)));
  }
};
struct Maximum {
  template <class T>
  static T of(T x, T y) {
    const T larger = x > y ? x : y;  // y when either is NaN
    return x == x ? larger : x;
  }
};
struct Minimum {
  template <class T>
  static T of(T x, T y) {
    const T smaller = x < y ? x : y;
    return x == x ? smaller : x;
  }
};
struct BitAnd {
  template <class T>
  static T of(T x, T y) {
    return T(int64_t(x) & int64_t(y));
  }
};
struct BitOr {
  template <class T>
  static T of(T x, T y) {
    return T(int64_t(x) | int64_t(y));
  }
};
struct Greater {
  template <class T>
  static uint8_t of(T x, T y) {
    return x > y;
  }
};
struct GreaterEqual {
  template <class T>
  static uint8_t of(T x, T y) {
    return x >= y;
  }
};
struct Less {
  template <class T>
  static uint8_t of(T x, T y) {
    return x < y;
  }
};
struct LessEqual {
  template <class T>
  static uint8_t of(T x, T y) {
    return x <= y;
  }
};
struct Equal {
  template <class T>
  static uint8_t of(T x, T y) {
    return x == y;
  }
};
struct NotEqual {
  template <class T>
  static uint8_t of(T x, T y) {
    return x != y;
  }
};

// ---- Loops ---------------------------------------------------------------------------------------------------------

template <class T, class Op>
void unary_loop(const void* in, void* out, int64_t rows) {
  const T* __restrict x = static_cast<const T*>(in);
  T* __restrict to = static_cast<T*>(out);
  for (int64_t i = 0; i < rows; ++i) to[i] = Op::of(x[i]);
}

template <class From, class To>
void convert_loop(const void* in, void* out, int64_t rows) {
  const From* __restrict x = static_cast<const From*>(in);
  To* __restrict to = static_cast<To*>(out);
  for (int64_t i = 0; i < rows; ++i) to[i] = To(x[i]);
}

/// An operand as the loop sees it.
template <class T, Shape kShape>
struct Reader;
template <class T>
struct Reader<T, Shape::float32> {
  const float* __restrict rows;
  explicit Reader(const Operand& o) : rows(static_cast<const float*>(o.rows)) {}
  T operator[](int64_t i) const { return T(rows[i]); }
};
template <class T>
struct Reader<T, Shape::float64> {
  const double* __restrict rows;
  explicit Reader(const Operand& o) : rows(static_cast<const double*>(o.rows)) {}
  T operator[](int64_t i) const { return T(rows[i]); }
};
template <class T>
struct Reader<T, Shape::number> {
  T number;
  explicit Reader(const Operand& o) : number(T(o.number)) {}
  T operator[](int64_t) const { return number; }
};

template <class T, Shape kLeft, Shape kRight, class Out, class Op>
void binary_loop(const Operand& left, const Operand& right, void* out, int64_t rows) {
  const Reader<T, kLeft> x(left);
  const Reader<T, kRight> y(right);
  Out* __restrict to = static_cast<Out*>(out);
  for (int64_t i = 0; i < rows; ++i) to[i] = Out(Op::template of<T>(x[i], y[i]));
}

/// The usual exponents are exact without logarithms.
template <class T, Shape kLeft, Shape kRight>
void power_loop(const Operand& left, const Operand& right, void* out, int64_t rows) {
  if constexpr (kRight == Shape::number) {
    if (right.number == 2) return binary_loop<T, kLeft, kLeft, T, Multiply>(left, left, out, rows);
    if (right.number == 0.5) return binary_loop<T, kLeft, kRight, T, SquareRoot>(left, right, out, rows);
  }
  binary_loop<T, kLeft, kRight, T, Power>(left, right, out, rows);
}
template <class T>
BinaryLoop power_of(Shape left, Shape right) {
  constexpr Shape kOwn = sizeof(T) == 4 ? Shape::float32 : Shape::float64;
  if (left == Shape::number) return power_loop<T, Shape::number, kOwn>;
  return right == Shape::number ? power_loop<T, kOwn, Shape::number> : power_loop<T, kOwn, kOwn>;
}

template <class Op, class T, class Out>
BinaryLoop same_shape(Shape left, Shape right) {
  constexpr Shape kOwn = sizeof(T) == 4 ? Shape::float32 : Shape::float64;
  if (left == kOwn && right == kOwn) return binary_loop<T, kOwn, kOwn, Out, Op>;
  if (left == kOwn && right == Shape::number) return binary_loop<T, kOwn, Shape::number, Out, Op>;
  if (left == Shape::number && right == kOwn) return binary_loop<T, Shape::number, kOwn, Out, Op>;
  return nullptr;
}

template <class Op, class Out>
BinaryLoop mixed_shape(Shape left, Shape right) {
  if (left == Shape::float32 && right == Shape::float32) return binary_loop<double, Shape::float32, Shape::float32, Out, Op>;
  if (left == Shape::float32 && right == Shape::float64) return binary_loop<double, Shape::float32, Shape::float64, Out, Op>;
  if (left == Shape::float64 && right == Shape::float32) return binary_loop<double, Shape::float64, Shape::float32, Out, Op>;
  if (left == Shape::float32 && right == Shape::number) return binary_loop<double, Shape::float32, Shape::number, Out, Op>;
  if (left == Shape::number && right == Shape::float32) return binary_loop<double, Shape::number, Shape::float32, Out, Op>;
  return same_shape<Op, double, Out>(left, right);
}

template <class Op>
BinaryLoop arithmetic(Cell type, Shape left, Shape right, Cell out) {
  if (type == Cell::float32) return same_shape<Op, float, float>(left, right);
  return out == Cell::float32 ? mixed_shape<Op, float>(left, right) : mixed_shape<Op, double>(left, right);
}

template <class Op>
BinaryLoop plain(Cell type, Shape left, Shape right) {
  return type == Cell::float32 ? same_shape<Op, float, float>(left, right) : same_shape<Op, double, double>(left, right);
}

template <class Op>
BinaryLoop comparison(Cell type, Shape left, Shape right) {
  return type == Cell::float32 ? same_shape<Op, float, uint8_t>(left, right) : same_shape<Op, double, uint8_t>(left, right);
}

BinaryLoop binary(Binary op, Cell type, Shape left, Shape right, Cell out) {
  switch (op) {
    case Binary::add:
      return arithmetic<Add>(type, left, right, out);
    case Binary::subtract:
      return arithmetic<Subtract>(type, left, right, out);
    case Binary::multiply:
      return arithmetic<Multiply>(type, left, right, out);
    case Binary::divide:
      return arithmetic<Divide>(type, left, right, out);
    case Binary::power:
      return type == Cell::float32 ? power_of<float>(left, right) : power_of<double>(left, right);
    case Binary::maximum:
      return plain<Maximum>(type, left, right);
    case Binary::minimum:
      return plain<Minimum>(type, left, right);
    case Binary::bit_and:
      return plain<BitAnd>(type, left, right);
    case Binary::bit_or:
      return plain<BitOr>(type, left, right);
    case Binary::greater:
      return comparison<Greater>(type, left, right);
    case Binary::greater_equal:
      return comparison<GreaterEqual>(type, left, right);
    case Binary::less:
      return comparison<Less>(type, left, right);
    case Binary::less_equal:
      return comparison<LessEqual>(type, left, right);
    case Binary::equal:
      return comparison<Equal>(type, left, right);
    case Binary::not_equal:
      return comparison<NotEqual>(type, left, right);
  }
  return nullptr;
}

template <Shape kLeft, Shape kRight, Shape kThird>
void scaled_difference_loop(const Operand& left, const Operand& right, const Operand& third, void* out, int64_t rows) {
  const Reader<double, kLeft> x(left);
  const Reader<double, kRight> y(right);
  const Reader<double, kThird> z(third);
  float* __restrict to = static_cast<float*>(out);
  for (int64_t i = 0; i < rows; ++i) to[i] = float((x[i] - y[i]) * z[i]);
}
template <Shape kLeft, Shape kRight>
DifferenceLoop scaled_difference_by(Shape third) {
  return third == Shape::number ? scaled_difference_loop<kLeft, kRight, Shape::number> : scaled_difference_loop<kLeft, kRight, Shape::float64>;
}
DifferenceLoop scaled_difference(Shape left, Shape right, Shape third) {
  if (left == Shape::float32)
    return right == Shape::float32 ? scaled_difference_by<Shape::float32, Shape::float32>(third)
                                   : scaled_difference_by<Shape::float32, Shape::float64>(third);
  return right == Shape::float32 ? scaled_difference_by<Shape::float64, Shape::float32>(third)
                                 : scaled_difference_by<Shape::float64, Shape::float64>(third);
}

template <Shape kLeft, Shape kRight>
void inverse_difference_loop(const Operand& left, const Operand& right, const Operand& third, void* out, int64_t rows) {
  const Reader<double, kLeft> x(left);
  const Reader<double, kRight> y(right);
  const double z = third.number;
  double* __restrict to = static_cast<double*>(out);
  for (int64_t i = 0; i < rows; ++i) to[i] = 1 / (x[i] - y[i] + z);
}
DifferenceLoop inverse_difference(Shape left, Shape right) {
  if (left == Shape::float32)
    return right == Shape::float32 ? inverse_difference_loop<Shape::float32, Shape::float32>
                                   : inverse_difference_loop<Shape::float32, Shape::float64>;
  return right == Shape::float32 ? inverse_difference_loop<Shape::float64, Shape::float32> : inverse_difference_loop<Shape::float64, Shape::float64>;
}

template <class Op>
UnaryLoop either_width(Cell cell) {
  return cell == Cell::float32 ? unary_loop<float, Op> : unary_loop<double, Op>;
}

UnaryLoop unary(Unary op, Cell cell) {
  switch (op) {
    case Unary::absolute:
      return either_width<Absolute>(cell);
    case Unary::sign:
      return either_width<Sign>(cell);
    case Unary::logarithm:
      return either_width<Logarithm>(cell);
    case Unary::complement:
      return either_width<Complement>(cell);
  }
  return nullptr;
}

template <class From>
UnaryLoop convert_from(Cell to) {
  return to == Cell::float32 ? convert_loop<From, float> : convert_loop<From, double>;
}

UnaryLoop convert(Cell from, Cell to) {
  if (from == Cell::boolean) return convert_from<uint8_t>(to);
  if (from == Cell::float32) return convert_from<float>(to);
  return convert_from<double>(to);
}

void both(const uint8_t* left, const uint8_t* right, uint8_t* __restrict out, int64_t rows) {
  for (int64_t i = 0; i < rows; ++i) out[i] = left[i] & right[i];
}
void either(const uint8_t* left, const uint8_t* right, uint8_t* __restrict out, int64_t rows) {
  for (int64_t i = 0; i < rows; ++i) out[i] = left[i] | right[i];
}
void invert(const uint8_t* in, uint8_t* __restrict out, int64_t rows) {
  for (int64_t i = 0; i < rows; ++i) out[i] = in[i] ^ 1;
}

template <class T>
void present_loop(const void* in, uint8_t* __restrict out, int64_t rows) {
  const T* __restrict x = static_cast<const T*>(in);
  for (int64_t i = 0; i < rows; ++i) out[i] = x[i] == x[i];
}
void present(const Series& in, uint8_t* out, int64_t rows) {
  if (in.cell == Cell::boolean) return present_loop<uint8_t>(in.rows, out, rows);
  if (in.cell == Cell::float32) return present_loop<float>(in.rows, out, rows);
  present_loop<double>(in.rows, out, rows);
}

template <class T, Shape kYes, Shape kNo>
void choose_loop(const uint8_t* __restrict condition, const Operand& yes, const Operand& no, void* out, int64_t rows) {
  const Reader<T, kYes> x(yes);
  const Reader<T, kNo> y(no);
  T* __restrict to = static_cast<T*>(out);
  for (int64_t i = 0; i < rows; ++i) to[i] = condition[i] ? x[i] : y[i];
}
template <class T, Shape kOwn>
void choose_of(const uint8_t* condition, const Operand& yes, const Operand& no, void* out, int64_t rows) {
  if (yes.rows && no.rows) return choose_loop<T, kOwn, kOwn>(condition, yes, no, out, rows);
  if (yes.rows) return choose_loop<T, kOwn, Shape::number>(condition, yes, no, out, rows);
  if (no.rows) return choose_loop<T, Shape::number, kOwn>(condition, yes, no, out, rows);
  choose_loop<T, Shape::number, Shape::number>(condition, yes, no, out, rows);
}
/// Of two conditions; a number beside one makes both numbers before they come here.
void choose_flags(const uint8_t* condition, const void* yes, const void* no, void* out, int64_t rows) {
  const auto* const x = static_cast<const uint8_t*>(yes);
  const auto* const y = static_cast<const uint8_t*>(no);
  auto* const to = static_cast<uint8_t*>(out);
  for (int64_t i = 0; i < rows; ++i) to[i] = condition[i] ? x[i] : y[i];
}
void choose(const uint8_t* condition, Cell cell, const Operand& yes, const Operand& no, void* out, int64_t rows) {
  if (cell == Cell::boolean) return choose_flags(condition, yes.rows, no.rows, out, rows);
  if (cell == Cell::float32) return choose_of<float, Shape::float32>(condition, yes, no, out, rows);
  choose_of<double, Shape::float64>(condition, yes, no, out, rows);
}

template <class T>
bool infinity_loop(const void* in, int64_t rows) {
  const T* __restrict x = static_cast<const T*>(in);
  int32_t found = 0;
  for (int64_t i = 0; i < rows; ++i) found |= (x[i] == x[i]) & !is_finite(x[i]) ? 1 : 0;
  return found != 0;
}
bool holds_infinity(const Series& in, int64_t rows) {
  if (in.cell == Cell::boolean) return false;
  return in.cell == Cell::float32 ? infinity_loop<float>(in.rows, rows) : infinity_loop<double>(in.rows, rows);
}

template <class T>
bool missing_loop(const void* in, int64_t rows) {
  const T* __restrict x = static_cast<const T*>(in);
  int64_t found = 0;
  for (int64_t i = 0; i < rows; ++i) found |= x[i] == x[i] ? 0 : 1;
  return found != 0;
}
bool holds_missing(const Series& in, int64_t rows) {
  if (in.cell == Cell::boolean) return false;
  return in.cell == Cell::float32 ? missing_loop<float>(in.rows, rows) : missing_loop<double>(in.rows, rows);
}

template <class X, class Y>
bool same_rows_loop(const void* left, const void* right, int64_t rows) {
  const X* __restrict x = static_cast<const X*>(left);
  const Y* __restrict y = static_cast<const Y*>(right);
  int32_t differ = 0;
  for (int64_t i = 0; i < rows; ++i) differ |= is_finite(double(x[i])) != is_finite(double(y[i])) ? 1 : 0;
  return differ == 0;
}
template <class X>
bool same_rows_as(const void* left, const Series& right, int64_t rows) {
  if (right.cell == Cell::boolean) return same_rows_loop<X, uint8_t>(left, right.rows, rows);
  if (right.cell == Cell::float32) return same_rows_loop<X, float>(left, right.rows, rows);
  return same_rows_loop<X, double>(left, right.rows, rows);
}
bool same_rows(const Series& left, const Series& right, int64_t rows) {
  if (left.cell == Cell::boolean) return same_rows_as<uint8_t>(left.rows, right, rows);
  if (left.cell == Cell::float32) return same_rows_as<float>(left.rows, right, rows);
  return same_rows_as<double>(left.rows, right, rows);
}

template <class From, class To>
void read_loop(const void* in, void* out, int64_t rows) {
  const From* __restrict x = static_cast<const From*>(in);
  To* __restrict to = static_cast<To*>(out);
  for (int64_t i = 0; i < rows; ++i) to[i] = x[i] == x[i] ? To(x[i]) : kMissing<To>;
}
void read(const Series& from, Cell cell, void* out, int64_t rows) {
  if (from.cell == Cell::float32 && cell == Cell::float32) return read_loop<float, float>(from.rows, out, rows);
  if (from.cell == Cell::float32) return read_loop<float, double>(from.rows, out, rows);
  if (cell == Cell::float32) return read_loop<double, float>(from.rows, out, rows);
  read_loop<double, double>(from.rows, out, rows);
}

void append_series(StreamedColumn& column, const Series& from, int64_t row, int64_t rows) {
  constexpr int64_t kStrip = 512;
  alignas(64) float staging[16 + kStrip];
  const UnaryLoop narrow = convert(from.cell, Cell::float32);
  const int64_t width = from.cell == Cell::boolean ? 1 : from.cell == Cell::float32 ? 4 : 8;
  for (int64_t done = 0; done < rows; done += kStrip) {
    const int64_t count = least(kStrip, rows - done);
    narrow(static_cast<const char*>(from.rows) + done * width, staging + 16, count);
    append(column, row + done, staging + 16, count);
  }
}

void append_floats(StreamedColumn& column, int64_t row, float* values, int64_t rows) { append(column, row, values, rows); }

void finish_columns(StreamedColumn* columns, int64_t num_columns) {
  for (int64_t i = 0; i < num_columns; ++i) finish(columns[i]);
#if defined(__SSE2__)
  _mm_sfence();
#endif
}

}  // namespace

extern const ElementwiseKernels kElementwiseKernels;
const ElementwiseKernels kElementwiseKernels = {
    unary,  binary,         scaled_difference, inverse_difference, convert, both,          either,        invert,        present,
    choose, holds_infinity, holds_missing,     same_rows,          read,    append_series, append_floats, finish_columns};

HAYATE_KERNELS_END
