// Math Operators and Math Transform: C's functions row by row, sums and extremes over windows.
#include <cmath>

#include "kernels/ta_series.h"
#include "kernels/ta_table.h"

HAYATE_TA_BEGIN
namespace {

template <double (*function)(double)>
void transform(const Call& call) {
  for (int64_t row = 0; row < call.rows; ++row) call.outputs[0][row] = function(call.inputs[0][row]);
}

double add(double a, double b) { return a + b; }
double subtract(double a, double b) { return a - b; }
double multiply(double a, double b) { return a * b; }
double divide(double a, double b) { return a / b; }

template <double (*function)(double, double)>
void combine(const Call& call) {
  for (int64_t row = 0; row < call.rows; ++row) call.outputs[0][row] = function(call.inputs[0][row], call.inputs[1][row]);
}

void sum(const Call& call) { sum(input(call, 0), whole(call, 0), call.outputs[0]); }
void largest(const Call& call) { largest(input(call, 0), whole(call, 0), call.outputs[0]); }
void smallest(const Call& call) { smallest(input(call, 0), whole(call, 0), call.outputs[0]); }
void extremes(const Call& call) {
  smallest(input(call, 0), whole(call, 0), call.outputs[0]);
  largest(input(call, 0), whole(call, 0), call.outputs[1]);
}

// Row of the extreme of each window. Among equals TA-Lib takes the newest as it comes, but the oldest when the one before left
// the window, so the row depends on more than the window. It looks through the whole window then; here the extreme itself
// says when to stop, and as the next look starts behind the row found, all looks together pass each row once. With missing
// values (`exact`) there is no such end.
template <class Better>
void rows_of_extremes(Series x, int64_t period, Better better, const double* extreme, double* out) {
  for (int64_t row = 0; row < period - 1 && row < x.rows; ++row) out[row] = 0;
  int64_t best = -1;
  for (int64_t row = period - 1; row < x.rows; ++row) {
    const int64_t oldest = row - period + 1;
    if (best < oldest) {
      best = oldest;
      for (int64_t i = oldest + 1; i <= row && (x.exact || x[best] != extreme[row]); ++i) {
        if (better(x[i], x[best])) best = i;
      }
    } else if (x[row] == x[best] || better(x[row], x[best])) {
      best = row;
    }
    out[row] = static_cast<double>(best);
  }
}

// Where no window holds an extreme twice the row is that of its only one; elsewhere it is followed from row to row. scratch: the oldest
// of equals.
void composed_rows(Series x, bool highest, int64_t period, double* oldest, double* out) {
  const int64_t begin = period - 1;
  for_strips(period, begin, x.rows, [&](int64_t first, int64_t rows) {
    strip_extreme_ages(x.values + first, highest, period, rows, out + first, oldest + first);
    int64_t equals = 0;
    for (int64_t row = first; row < first + rows; ++row) equals |= out[row] != oldest[row] ? 1 : 0;
    HAYATE_INDEPENDENT
    for (int64_t row = first; row < first + rows; ++row) {
      out[row] = static_cast<double>(row) - out[row];
      oldest[row] = static_cast<double>(row) - oldest[row];
    }
    for (int64_t row = first; equals != 0 && row < first + rows; ++row) {
      if (out[row] == oldest[row]) continue;
      const double before = row == begin ? -1 : out[row - 1];
      const bool left = before < static_cast<double>(row - period + 1), comes = out[row] == static_cast<double>(row);
      out[row] = left ? oldest[row] : comes ? out[row] : before;
    }
  });
  for (int64_t row = 0; row < begin && row < x.rows; ++row) out[row] = 0;
}

void rows_of_largest(const Call& call, double* out) {
  const Series x = input(call, 0);
  const int64_t period = whole(call, 0);
  if (is_composed(x, period)) {
    composed_rows(x, true, period, call.scratch[0], out);
    return;
  }
  largest(x, period, call.scratch[0]);
  rows_of_extremes(x, period, [](double a, double b) { return a > b; }, call.scratch[0], out);
}

void rows_of_smallest(const Call& call, double* out) {
  const Series x = input(call, 0);
  const int64_t period = whole(call, 0);
  if (is_composed(x, period)) {
    composed_rows(x, false, period, call.scratch[0], out);
    return;
  }
  smallest(x, period, call.scratch[0]);
  rows_of_extremes(x, period, [](double a, double b) { return a < b; }, call.scratch[0], out);
}

void row_of_largest(const Call& call) { rows_of_largest(call, call.outputs[0]); }
void row_of_smallest(const Call& call) { rows_of_smallest(call, call.outputs[0]); }
void rows_of_both(const Call& call) {
  rows_of_smallest(call, call.outputs[0]);
  rows_of_largest(call, call.outputs[1]);
}

constexpr const char *kOperators = "Math Operators", *kTransform = "Math Transform";

// clang-format off
constexpr Entry kFunctions[] = {
    {.name = "ADD", .group = kOperators, .title = "Sum of two series", .inputs = {"real0", "real1"}, .outputs = {"real"},
     .lookback = fixed_lookback<0>, .compute = combine<add>},
    {.name = "CUMSUM", .group = kOperators, .title = "Cumulative Sum", .inputs = {"real"}, .outputs = {"real"}, .cumulative = true,
     .lookback = fixed_lookback<0>, .lanes = LaneFunction::cumsum},
    {.name = "DIV", .group = kOperators, .title = "Quotient of two series", .inputs = {"real0", "real1"}, .outputs = {"real"},
     .lookback = fixed_lookback<0>, .compute = combine<divide>},
    {.name = "MAX", .group = kOperators, .title = "Highest value over a specified period", .inputs = {"real"}, .params = {period("timeperiod", 30, 2)},
     .outputs = {"real"}, .lookback = period_lookback<-1>, .compute = largest},
    {.name = "MAXINDEX", .group = kOperators, .title = "Index of highest value over a specified period", .inputs = {"real"},
     .params = {period("timeperiod", 30, 2)}, .outputs = {"integer"}, .whole_outputs = true, .row_numbers = true, .scratch = 1, .lookback = period_lookback<-1>,
     .compute = row_of_largest},
    {.name = "MIN", .group = kOperators, .title = "Lowest value over a specified period", .inputs = {"real"}, .params = {period("timeperiod", 30, 2)},
     .outputs = {"real"}, .lookback = period_lookback<-1>, .compute = smallest},
    {.name = "MININDEX", .group = kOperators, .title = "Index of lowest value over a specified period", .inputs = {"real"},
     .params = {period("timeperiod", 30, 2)}, .outputs = {"integer"}, .whole_outputs = true, .row_numbers = true, .scratch = 1, .lookback = period_lookback<-1>,
     .compute = row_of_smallest},
    {.name = "MINMAX", .group = kOperators, .title = "Lowest and highest values over a specified period", .inputs = {"real"},
     .params = {period("timeperiod", 30, 2)}, .outputs = {"min", "max"}, .lookback = period_lookback<-1>, .compute = extremes},
    {.name = "MINMAXINDEX", .group = kOperators, .title = "Indexes of lowest and highest values over a specified period", .inputs = {"real"},
     .params = {period("timeperiod", 30, 2)}, .outputs = {"minidx", "maxidx"}, .whole_outputs = true, .row_numbers = true, .scratch = 1, .lookback = period_lookback<-1>,
     .compute = rows_of_both},
    {.name = "MULT", .group = kOperators, .title = "Product of two series", .inputs = {"real0", "real1"}, .outputs = {"real"},
     .lookback = fixed_lookback<0>, .compute = combine<multiply>},
    {.name = "SUB", .group = kOperators, .title = "Difference of two series", .inputs = {"real0", "real1"}, .outputs = {"real"},
     .lookback = fixed_lookback<0>, .compute = combine<subtract>},
    {.name = "SUM", .group = kOperators, .title = "Summation", .inputs = {"real"}, .params = {period("timeperiod", 30, 2)}, .outputs = {"real"},
     .lookback = period_lookback<-1>, .compute = sum},

    {.name = "ACOS", .group = kTransform, .title = "Vector Trigonometric ACos", .inputs = {"real"}, .outputs = {"real"}, .lookback = fixed_lookback<0>,
     .compute = transform<std::acos>},
    {.name = "ASIN", .group = kTransform, .title = "Vector Trigonometric ASin", .inputs = {"real"}, .outputs = {"real"}, .lookback = fixed_lookback<0>,
     .compute = transform<std::asin>},
    {.name = "ATAN", .group = kTransform, .title = "Vector Trigonometric ATan", .inputs = {"real"}, .outputs = {"real"}, .lookback = fixed_lookback<0>,
     .compute = transform<std::atan>},
    {.name = "CEIL", .group = kTransform, .title = "Vector Ceil", .inputs = {"real"}, .outputs = {"real"}, .lookback = fixed_lookback<0>,
     .compute = transform<std::ceil>},
    {.name = "COS", .group = kTransform, .title = "Vector Trigonometric Cos", .inputs = {"real"}, .outputs = {"real"}, .lookback = fixed_lookback<0>,
     .compute = transform<std::cos>},
    {.name = "COSH", .group = kTransform, .title = "Vector Trigonometric Cosh", .inputs = {"real"}, .outputs = {"real"}, .lookback = fixed_lookback<0>,
     .compute = transform<std::cosh>},
    {.name = "EXP", .group = kTransform, .title = "Vector Arithmetic Exp", .inputs = {"real"}, .outputs = {"real"}, .lookback = fixed_lookback<0>,
     .compute = transform<std::exp>},
    {.name = "FLOOR", .group = kTransform, .title = "Vector Floor", .inputs = {"real"}, .outputs = {"real"}, .lookback = fixed_lookback<0>,
     .compute = transform<std::floor>},
    {.name = "LN", .group = kTransform, .title = "Vector Log Natural", .inputs = {"real"}, .outputs = {"real"}, .lookback = fixed_lookback<0>,
     .compute = transform<std::log>},
    {.name = "LOG10", .group = kTransform, .title = "Vector Log10", .inputs = {"real"}, .outputs = {"real"}, .lookback = fixed_lookback<0>,
     .compute = transform<std::log10>},
    {.name = "SIN", .group = kTransform, .title = "Vector Trigonometric Sin", .inputs = {"real"}, .outputs = {"real"}, .lookback = fixed_lookback<0>,
     .compute = transform<std::sin>},
    {.name = "SINH", .group = kTransform, .title = "Vector Trigonometric Sinh", .inputs = {"real"}, .outputs = {"real"}, .lookback = fixed_lookback<0>,
     .compute = transform<std::sinh>},
    {.name = "SQRT", .group = kTransform, .title = "Vector Square Root", .inputs = {"real"}, .outputs = {"real"}, .lookback = fixed_lookback<0>,
     .compute = transform<std::sqrt>},
    {.name = "TAN", .group = kTransform, .title = "Vector Trigonometric Tan", .inputs = {"real"}, .outputs = {"real"}, .lookback = fixed_lookback<0>,
     .compute = transform<std::tan>},
    {.name = "TANH", .group = kTransform, .title = "Vector Trigonometric Tanh", .inputs = {"real"}, .outputs = {"real"}, .lookback = fixed_lookback<0>,
     .compute = transform<std::tanh>},
};
// clang-format on

}  // namespace

extern const std::span<const Entry> kMathFunctions;
constexpr std::span<const Entry> kMathFunctions = kFunctions;

HAYATE_TA_END
