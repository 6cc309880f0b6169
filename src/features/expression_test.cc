#include "hayate/expression.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace hayate;

namespace {

/// The tree with every operation in brackets: "(a + (b * c))".
std::string shape(const Expression& e, int32_t i) {
  const ExpressionNode& n = e.nodes[size_t(i)];
  std::string arguments;
  for (size_t k = 0; k < n.children.size(); ++k) {
    if (k > 0) arguments += ", ";
    if (k < n.keywords.size() && !n.keywords[k].empty()) arguments += n.keywords[k] + "=";
    arguments += shape(e, n.children[k]);
  }
  switch (n.type) {
    case ExpressionNode::Type::number:
      return fmt::format("{}{}", n.value, n.integer ? "i" : "");
    case ExpressionNode::Type::text:
      return "'" + n.name + "'";
    case ExpressionNode::Type::field:
      return "$" + n.name;
    case ExpressionNode::Type::call:
      return n.name + "(" + arguments + ")";
    case ExpressionNode::Type::attribute:
      return arguments + "." + n.name;
    case ExpressionNode::Type::unary:
      return "(" + n.name + arguments + ")";
    case ExpressionNode::Type::binary:
      return "(" + shape(e, n.children[0]) + " " + n.name + " " + shape(e, n.children[1]) + ")";
  }
  return "";
}

std::string shape(std::string_view text) {
  const auto parsed = parse_expression(text, "x");
  return parsed.ok() ? shape(parsed.value(), parsed.value().root()) : "error: " + parsed.error().what;
}

Error error_of(std::string_view text) {
  auto parsed = parse_expression(text, "x");
  REQUIRE_FALSE(parsed.ok());
  return parsed.error();
}

}  // namespace

TEST_CASE("operators bind as in Python") {
  CHECK(shape("1+2*3") == "(1i + (2i * 3i))");
  CHECK(shape("1-2-3") == "((1i - 2i) - 3i)");
  CHECK(shape("8/4/2") == "((8i / 4i) / 2i)");
  CHECK(shape("2**3**2") == "(2i ** (3i ** 2i))");
  CHECK(shape("-2**2") == "(-(2i ** 2i))");
  CHECK(shape("2**-1") == "(2i ** (-1i))");
  CHECK(shape("-$a*$b") == "((-$a) * $b)");
  CHECK(shape("$a+$b>$c") == "(($a + $b) > $c)");
  CHECK(shape("$a|$b^$c&$d+1") == "($a | ($b ^ ($c & ($d + 1i))))");
  CHECK(shape("($a>$b)&($c>$d)") == "(($a > $b) & ($c > $d))");
  CHECK(shape("$a & $b > $c") == "(($a & $b) > $c)");
}

TEST_CASE("numbers, texts, fields, calls and attributes") {
  CHECK(shape("1e-12") == "1e-12");
  CHECK(shape("5") == "5i");
  CHECK(shape("5.0") == "5");
  CHECK(shape(".5e+3") == "500");
  CHECK(shape("Rolling($close,5,'mean')") == "Rolling($close, 5i, 'mean')");
  CHECK(shape("Mean( $close , N = 5 )") == "Mean($close, N=5i)");
  CHECK(shape("ta.MACD($close, fastperiod=12).macdhist") == "ta.MACD($close, fastperiod=12i).macdhist");
  CHECK(shape("Now()") == "Now()");
  CHECK(shape("$終値/2") == "($終値 / 2i)");
}

TEST_CASE("positions are bytes of the text") {
  const auto parsed = parse_expression("1 + Mean($close, 5)", "x");
  REQUIRE(parsed.ok());
  const Expression& e = parsed.value();
  const ExpressionNode& call = e.nodes[size_t(e.nodes.back().children[1])];
  CHECK(e.text.substr(call.begin, call.end - call.begin) == "Mean($close, 5)");
  CHECK(e.text.substr(call.name_begin, call.name.size()) == "Mean");
  CHECK(e.nodes.back().name_begin == 2);
  for (size_t i = 0; i < e.nodes.size(); ++i)
    for (int32_t child : e.nodes[i].children) CHECK(size_t(child) < i);
}

TEST_CASE("an error shows the place") {
  const Error error = error_of("Mean($close");
  CHECK(error.kind == Kind::usage);
  CHECK(error.where == "x: Mean($close\n              ^");
  CHECK(error.hint == "add ')'");
  CHECK(error_of("Std($close,5 6)").where == "x: Std($close,5 6)\n                ^");
  CHECK(error_of("$終値 +").where == "x: $終値 +\n        ^");
}

TEST_CASE("what is not an expression says why") {
  CHECK(error_of("1/").what.find("ends where a value") != std::string::npos);
  CHECK(error_of("").what.find("empty") != std::string::npos);
  CHECK(error_of("close").hint.find("$close") != std::string::npos);
  CHECK(error_of("$a > $b > $c").hint.find("parentheses") != std::string::npos);
  CHECK(error_of("$a and $b").hint.find("&") != std::string::npos);
  CHECK(error_of("not $a").hint.find("Not(a)") != std::string::npos);
  CHECK(error_of("~$a").hint.find("Not") != std::string::npos);
  CHECK(error_of("$a)").what.find("closes nothing") != std::string::npos);
  CHECK(error_of("12x").what.find("not a number") != std::string::npos);
  CHECK(error_of("1.2.3").what.find("not a number") != std::string::npos);
  CHECK(error_of("1e999").what.find("not a number") != std::string::npos);
  CHECK(error_of("'open").what.find("closing quote") != std::string::npos);
  CHECK(error_of("$").what.find("column name") != std::string::npos);
  CHECK(error_of("Mean($close, N=5, 6)").what.find("positional") != std::string::npos);
  CHECK(error_of("$a // $b").what.find("'//'") != std::string::npos);
  CHECK(error_of("$a # $b").what.find("means nothing") != std::string::npos);
  CHECK(error_of("Mean(,5)").what.find("expected a value") != std::string::npos);
  CHECK(error_of("ta.($a)").what.find("ta.") != std::string::npos);
}

TEST_CASE("hostile text is an error, not a crash") {
  for (const char* piece : {"(", "-", "Mean(", "2**", "$a+(", "+", ")", "'", "$", "Mean($a,"}) {
    std::string text;
    while (text.size() < 60'000) text += piece;
    CHECK_FALSE(parse_expression(text, "x").ok());
  }
  CHECK(error_of(std::string(1'000'000, '(')).what.find("bytes") != std::string::npos);
  CHECK(error_of(std::string(100'000, '(')).hint.size() > 0);
  CHECK(error_of(std::string(60'000, '(')).where.size() < 400);
  CHECK_FALSE(parse_expression(std::string("$a\0$b", 5), "x").ok());
  // Wide is fine, deep is not.
  std::string sum = "$a";
  for (int i = 0; i < 10'000; ++i) sum += "+$a";
  CHECK(parse_expression(sum, "x").ok());
  for (int byte = 1; byte < 256; ++byte) (void)parse_expression(std::string("Mean($a") + char(byte) + "5)", "x").ok();
}

TEST_CASE("a long expression is cut around the place") {
  std::string text = "$a";
  for (int i = 0; i < 100; ++i) text += "+$a";
  const Error error = error_of(text + " ? $b");
  const size_t line = error.where.find('\n');
  CHECK(error.where.substr(0, line).find('?') == error.where.substr(line + 1).find('^'));
  CHECK(error.where.starts_with("x: ..."));
}

TEST_CASE("expression files") {
  const auto lines = parse_expression_lines("# mine\nma5 = Mean($close,5)/$close  # short\n\n  up=$close>$open\n", "f.txt");
  REQUIRE(lines.ok());
  REQUIRE(lines.value().size() == 2);
  CHECK(lines.value()[0].name == "ma5");
  CHECK(lines.value()[0].text == "Mean($close,5)/$close");
  CHECK(lines.value()[1].text == "$close>$open");
  CHECK(parse_expression_lines("", "f.txt").value().empty());

  const auto failure = [](std::string_view text) { return parse_expression_lines(text, "f.txt").error(); };
  CHECK(failure("a=1\nb=2\na=3\n").what == "the name 'a' is used twice");
  CHECK(failure("a=1\nb=2\na=3\n").where == "f.txt:3:1: a=3\n           ^");
  CHECK(failure("5x = $close").what.find("not a name") != std::string::npos);
  CHECK(failure("date = $close").what.find("key column") != std::string::npos);
  CHECK(failure("$close > $open").what.find("NAME = EXPRESSION") != std::string::npos);
  CHECK(failure("a == $open").what.find("NAME = EXPRESSION") != std::string::npos);
  CHECK(failure("a =").what.find("no expression") != std::string::npos);
  CHECK(failure(std::string(300, 'a') + "=1").what.find("not a name") != std::string::npos);
  CHECK(failure("\n  a = \n").where == "f.txt:2:6: a =\n              ^");
}

TEST_CASE("an expression of a file is said with its line, and with the column of the caret") {
  const auto lines = parse_expression_lines(
      "\xEF\xBB\xBF"
      "first = $close\r\n\t é1 =  Mean($é, 5) + ) # wrong\r\n",
      "f.txt");
  REQUIRE(lines.ok());
  CHECK(lines.value()[0].name == "first");
  CHECK(lines.value()[1].place.column == 9);
  CHECK(parse_expression(lines.value()[1]).error().where == "f.txt:2:23: é1 = Mean($é, 5) + )\n                               ^");
  const NamedExpression of_flag{"x", "$close +", {"--expr"}}, without{"x", "$close +"};
  CHECK(parse_expression(of_flag).error().where == "--expr: x = $close +\n                    ^");
  CHECK(parse_expression(without).error().where == "x: $close +\n           ^");
}
