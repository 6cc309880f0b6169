// A formula over the columns of a panel, in qlib's language: `Mean($close, 5) / $close - 1`. This header turns text into a
// tree with positions; what the names mean (operators, fields, types, windows) is checked by Program::compile in features.h.
//
// Grammar, loosest first, as in Python:
//   comparison   > >= < <= == !=      one per level: `a > b > c` is refused
//   bits         |   then ^   then &  (tighter than comparisons: write ($a > $b) & ($c > $d))
//   arithmetic   + -   then * /   then unary - +   then ** (right to left)
//   postfix      Name(...)   name.Name(...)   value.attribute
//   atoms        12  0.5  1e-12  'text'  $field  ( ... )
// Arguments are values or `name=value`; keyword arguments follow the positional ones.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "hayate/error.h"

namespace hayate {

/// Where a text was written: "features.txt:3", or the flag that took it.
struct TextPlace {
  std::string line;
  uint32_t column = 0;  ///< character of the line at which the text begins, from 1; 0: not known
};
/// The places of texts, by the text.
using TextPlaces = std::map<std::string, TextPlace, std::less<>>;

/// A column to be: `ma5` and `Mean($close,5)/$close`.
struct NamedExpression {
  std::string name, text;
  TextPlace place = {};  ///< of the text; errors name it, and the name alone where there is none
};

/// One node of a parsed expression; `begin` and `end` are bytes of Expression::text.
struct ExpressionNode {
  enum class Type : uint8_t {
    number,     ///< `value`; `integer` when written without a point or exponent
    text,       ///< 'mean': `name` is the text between the quotes
    field,      ///< $close: `name` is "close"
    call,       ///< Mean(...): `name` is "Mean", or "ta.MACD" for a call through a module; children are the arguments
    attribute,  ///< child.macdhist: `name` is "macdhist"; one child
    unary,      ///< `name` is "-" or "+"; one child
    binary,     ///< `name` is the operator as written; two children
  };
  Type type = Type::number;
  bool integer = false;
  double value = 0;
  std::string name = {};
  std::vector<int32_t> children = {};      ///< indices into Expression::nodes, always smaller than this node's own index
  std::vector<std::string> keywords = {};  ///< call: the keyword of each child, "" for positional ones
  uint32_t begin = 0, end = 0;             ///< the whole node in the text
  uint32_t name_begin = 0;                 ///< where `name` starts (a binary's operator sign, a call's name)
};

/// A parsed expression: children come before their parents, so one loop over `nodes` visits them in order of evaluation.
struct Expression {
  std::string text, source;
  std::vector<ExpressionNode> nodes = {};
  std::string lead = {};  ///< what errors show before the text: "ma5 = "
  uint32_t column = 0;    ///< of the text in the line that `source` names, from 1; 0: not known
  int32_t root() const { return int32_t(nodes.size()) - 1; }

  /// An error at bytes [begin, end) of the text: see expression_error().
  Error error(std::string what, size_t begin, size_t end, std::string hint) const;
};

/// Limits that keep hostile text an error: bytes of one expression, and how deep its parentheses and operators nest.
inline constexpr size_t kMaxExpressionBytes = 64 * 1024;
inline constexpr int kMaxExpressionDepth = 200;

/// Parses one expression. `source` names it in errors ("x", "features.txt:3"). Errors have kind usage, and a `where` of two
/// lines: `source: text`, and a caret under the place. Print the second line as far right as the first.
Result<Expression> parse_expression(std::string_view text, std::string source);
/// The same for an expression whose texts and column are set; errors name the place as "features.txt:3:7", with the column of the caret.
Result<Expression> parse_expression(Expression unparsed);
Result<Expression> parse_expression(const NamedExpression& named);

/// An error at bytes [begin, end) of an expression, in the same two-line form. Long texts are cut around the place.
Error expression_error(std::string what, std::string_view source, std::string_view text, size_t begin, size_t end, std::string hint);

/// Reads an expression file: `NAME = EXPRESSION` a line, `#` starts a comment, empty lines are skipped. A name is one to 200
/// letters, digits and `_ . -`, starting with a letter or `_`; `symbol`, `date` and `datetime` and names used twice are refused.
/// A byte order mark is skipped. Only the shape of the lines is checked here, not the expressions.
Result<std::vector<NamedExpression>> parse_expression_lines(std::string_view text, const std::string& source);

/// The same for one `NAME=EXPRESSION`, as --expr and --label take it.
Result<NamedExpression> parse_named_expression(std::string_view text, const TextPlace& place);

}  // namespace hayate
