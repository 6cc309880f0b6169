// What --agg asks for: `mean(price), quantile(price, 0.9), count()`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "hayate/error.h"
#include "hayate/table.h"

namespace hayate::aggregate {

enum class Function : uint8_t { count, sum, mean, std_dev, variance, least, greatest, median, quantile, first, last, distinct };

/// One row per function: names, help and checks walk it.
struct FunctionFacts {
  Function function;
  const char* name;
  const char* meaning;
  bool numbers_only;
};
inline constexpr FunctionFacts kFunctions[] = {
    {Function::count, "count", "count(): rows; count(x): values of x that are not missing", false},
    {Function::sum, "sum", "sum without rounding, rounded once; 0 without values", true},
    {Function::mean, "mean", "sum / number of values", true},
    {Function::std_dev, "std", "standard deviation, divisor n - 1", true},
    {Function::variance, "var", "variance, divisor n - 1", true},
    {Function::least, "min", "least value", false},
    {Function::greatest, "max", "greatest value", false},
    {Function::median, "median", "middle value, or the mean of the two in the middle", true},
    {Function::quantile, "quantile", "quantile(x, 0.9): linear between the two nearest values", true},
    {Function::first, "first", "first value in row order that is not missing", false},
    {Function::last, "last", "last value in row order that is not missing", false},
    {Function::distinct, "distinct", "number of different values", false},
};

struct Call {
  Function function = Function::count;
  std::string column;  ///< "": count() alone
  double q = 0.5;      ///< quantile
  std::string text;    ///< as typed, blanks around it cut: the name of the result

  bool same_as(const Call& other) const { return function == other.function && column == other.column && q == other.q; }
};

/// `count()`, `quantile(x, 0.9)`. A column with other characters than letters, digits and `_ .` may stand in double quotes.
/// `where` names the flag in errors.
Result<Call> parse_call(std::string_view text, const std::string& where);
/// Calls separated by commas outside parentheses. The same name twice is a usage Error.
Result<std::vector<Call>> parse_calls(std::string_view text, const std::string& where);
/// Unknown columns, and functions of numbers asked of text or dates, as usage Errors; a dtype is looked at where `schema`
/// has one.
Result<void> check_call(const Call& call, const Table& schema, const std::string& where);

}  // namespace hayate::aggregate
