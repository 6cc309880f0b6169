// Which rows count: the language of --where and --having.
//
//   age > 35 and not (city = 'Paris' or city is null)        price * volume >= 1e6        date < '2024-03-01'
//
//   loosest first   or     and     not     = == != <> < <= > >=   is [not] null   [not] in (1, 2)     + -     * /     unary -
//   atoms           12  0.5  1e6  'text' ('' for a quote)  true  false  name  "any name"  (...)     in --having also count(), mean(x), ...
//
// Missing values (null, NaN) make a comparison neither true nor false, as in SQL: the row is dropped whether or not there
// is a `not` before it; `x is null` asks for them. Text is compared by bytes; a date or time with text that says one.
// Whole numbers are compared as such, so identifiers beyond 2^53 stay apart; beside a fraction, and in
// arithmetic, they are float64.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "aggregate/calls.h"
#include "hayate/error.h"
#include "hayate/table.h"

namespace hayate::aggregate {

struct ConditionNode {
  enum class Type : uint8_t {
    integer,
    unsigned_integer,
    real,
    text,
    boolean,
    column,
    either,
    both,
    negation,
    compare,
    null_test,
    membership,
    arithmetic,
    minus
  };
  Type type = Type::integer;
  char sign = 0;      ///< compare: = ! < l(<=) > g(>=); arithmetic: + - * /; null_test and membership: ! when negated
  int64_t whole = 0;  ///< of an unsigned_integer (2^63 and above) its bits
  double number = 0;
  std::string name;           ///< text, or of a column
  std::vector<int> children;  ///< smaller than the node's own index
  size_t begin = 0, end = 0;  ///< place in the text
};

class Condition {
 public:
  /// Errors are usage Errors with a caret under the place. `source` names the flag. `calls`: aggregates may stand for columns.
  static Result<Condition> parse(std::string_view text, std::string source, bool calls);

  /// The columns that are used, each once.
  std::vector<std::string> columns() const;
  /// The aggregates that are used; calls()[i].text is the column that `keep` looks for.
  std::vector<Call>& calls() { return calls_; }
  /// Gives the column of aggregate `call` another name.
  void rename(size_t call, const std::string& name);

  /// Names that are not among `names`, with a caret under the first of them.
  Result<void> check_names(std::span<const std::string> names) const;
  /// Unknown names (with the nearest one) and values of kinds that do not compare. Texts beside dates become dates.
  Result<void> check(const Table& schema);
  /// 1 for the rows [begin, begin + count) for which it is true. `table` has the schema that was checked.
  std::vector<uint8_t> keep(const Table& table, int64_t begin, int64_t count) const;

 private:
  friend class ConditionParser;
  std::string text_, source_;
  std::vector<ConditionNode> nodes_;
  std::vector<Call> calls_;
};

}  // namespace hayate::aggregate
