// Math Operators and Math Transform: C's functions row by row, sums and extremes over windows.
#include <cmath>

#include "kernels/ta_series.h"

namespace hayate::kernels::ta {
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

void cumulative_sum(const Call& call) {
  double total = 0;
  for (int64_t row = 0; row < call.rows; ++row) call.outputs[0][row] = total += call.inputs[0][row];
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

void rows_of_largest(const Call& call, double* out) {
  largest(input(call, 0), whole(call, 0), call.scratch[0]);
  rows_of_extremes(input(call, 0), whole(call, 0), [](double a, double b) { return a > b; }, call.scratch[0], out);
}

void rows_of_smallest(const Call& call, double* out) {
  smallest(input(call, 0), whole(call, 0), call.scratch[0]);
  rows_of_extremes(input(call, 0), whole(call, 0), [](double a, double b) { return a < b; }, call.scratch[0], out);
}

void row_of_largest(const Call& call) { rows_of_largest(call, call.outputs[0]); }
void row_of_smallest(const Call& call) { rows_of_smallest(call, call.outputs[0]); }
void rows_of_both(const Call& call) {
  rows_of_smallest(call, call.outputs[0]);
  rows_of_largest(call, call.outputs[1]);
}

int64_t none(const double*) { return 0; }
int64_t window(const double* params) { return static_cast<int64_t>(params[0]) - 1; }

using Compute = void (*)(const Call&);

constexpr Entry two(const char* name, const char* title, Compute compute) {
  return {
      .name = name, .group = "Math Operators", .title = title, .inputs = {"high", "low"}, .outputs = {"real"}, .lookback = none, .compute = compute};
}

constexpr Entry windowed(const char* name, const char* title, Compute compute) {
  return {.name = name,
          .group = "Math Operators",
          .title = title,
          .inputs = {"close"},
          .params = {{"timeperiod", 30, 2, 100000}},
          .outputs = {"real"},
          .lookback = window,
          .compute = compute};
}

constexpr Entry with_outputs(Entry entry, const char* first, const char* second) {
  entry.outputs[0] = first, entry.outputs[1] = second;
  return entry;
}

constexpr Entry of_rows(Entry entry) {
  entry.whole_outputs = true, entry.scratch = 1;
  return entry;
}

constexpr Entry one(const char* name, const char* title, Compute compute) {
  return {.name = name, .group = "Math Transform", .title = title, .inputs = {"close"}, .outputs = {"real"}, .lookback = none, .compute = compute};
}

constexpr Entry kEntries[] = {
    two("ADD", "Vector Arithmetic Add", combine<add>),
    two("DIV", "Vector Arithmetic Div", combine<divide>),
    two("MULT", "Vector Arithmetic Mult", combine<multiply>),
    two("SUB", "Vector Arithmetic Subtraction", combine<subtract>),
    {.name = "CUMSUM",
     .group = "Math Operators",
     .title = "Cumulative Sum",
     .inputs = {"close"},
     .outputs = {"real"},
     .cumulative = true,
     .lookback = none,
     .compute = cumulative_sum},
    windowed("MAX", "Highest value over a specified period", largest),
    windowed("MIN", "Lowest value over a specified period", smallest),
    windowed("SUM", "Summation", sum),
    with_outputs(windowed("MINMAX", "Lowest and highest values over a specified period", extremes), "min", "max"),
    of_rows(with_outputs(windowed("MAXINDEX", "Index of highest value over a specified period", row_of_largest), "integer", nullptr)),
    of_rows(with_outputs(windowed("MININDEX", "Index of lowest value over a specified period", row_of_smallest), "integer", nullptr)),
    of_rows(with_outputs(windowed("MINMAXINDEX", "Indexes of lowest and highest values over a specified period", rows_of_both), "minidx", "maxidx")),

    one("ACOS", "Vector Trigonometric ACos", transform<std::acos>),
    one("ASIN", "Vector Trigonometric ASin", transform<std::asin>),
    one("ATAN", "Vector Trigonometric ATan", transform<std::atan>),
    one("CEIL", "Vector Ceil", transform<std::ceil>),
    one("COS", "Vector Trigonometric Cos", transform<std::cos>),
    one("COSH", "Vector Trigonometric Cosh", transform<std::cosh>),
    one("EXP", "Vector Arithmetic Exp", transform<std::exp>),
    one("FLOOR", "Vector Floor", transform<std::floor>),
    one("LN", "Vector Log Natural", transform<std::log>),
    one("LOG10", "Vector Log10", transform<std::log10>),
    one("SIN", "Vector Trigonometric Sin", transform<std::sin>),
    one("SINH", "Vector Trigonometric Sinh", transform<std::sinh>),
    one("SQRT", "Vector Square Root", transform<std::sqrt>),
    one("TAN", "Vector Trigonometric Tan", transform<std::tan>),
    one("TANH", "Vector Trigonometric Tanh", transform<std::tanh>),
};

}  // namespace

std::span<const Entry> math_functions() { return kEntries; }

}  // namespace hayate::kernels::ta
