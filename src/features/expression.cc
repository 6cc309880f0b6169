// Text to tree: a tokenizer that looks one token ahead and a parser with one function per level of precedence.
// Nodes are appended when they are complete, so children stand before their parents and nothing that walks a tree needs
// recursion; only parentheses, calls, signs and ** make the parser itself recurse, and `Nesting` bounds that.
#include "hayate/expression.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/strings.h"

namespace hayate {
namespace {

using Type = ExpressionNode::Type;

enum class TokenType { number, text, field, name, sign, end, bad };

struct Token {
  TokenType type = TokenType::end;
  std::string_view text;  // a field without its $, a text without its quotes
  uint32_t begin = 0, end = 0;
};

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80); }
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

constexpr std::array<std::string_view, 28> kSigns = {"**", ">=", "<=", "==", "!=", "//", "<<", ">>", "&&", "||", "+", "-", "*", "/",
                                                     ">",  "<",  "&",  "|",  "^",  "(",  ")",  ",",  ".",  "=",  "~", "%", "[", "]"};

class Tokenizer {
 public:
  explicit Tokenizer(std::string_view text) : text_(text) {}

  Token next() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
    if (at_ == text_.size()) return token(TokenType::end, at_);
    const char c = text_[at_];
    if (is_digit(c) || (c == '.' && at_ + 1 < text_.size() && is_digit(text_[at_ + 1]))) return token(TokenType::number, end_of_number());
    if (is_letter(c)) return token(TokenType::name, end_of_name(at_));
    if (c == '$') return field();
    if (c == '\'' || c == '"') return quoted(c);
    for (std::string_view sign : kSigns)
      if (text_.substr(at_).starts_with(sign)) return token(TokenType::sign, at_ + sign.size());
    return token(TokenType::bad, at_ + 1);
  }

 private:
  Token token(TokenType type, size_t end) {
    const Token out{type, text_.substr(at_, end - at_), uint32_t(at_), uint32_t(end)};
    at_ = end;
    return out;
  }
  size_t end_of_name(size_t from) const {
    while (from < text_.size() && (is_letter(text_[from]) || is_digit(text_[from]))) ++from;
    return from;
  }
  size_t end_of_number() const {
    size_t i = at_;
    while (i < text_.size() && (is_digit(text_[i]) || text_[i] == '.')) ++i;
    if (i < text_.size() && (text_[i] == 'e' || text_[i] == 'E')) {
      size_t digits = i + 1 + (i + 1 < text_.size() && (text_[i + 1] == '+' || text_[i + 1] == '-'));
      if (digits < text_.size() && is_digit(text_[digits])) {
        for (i = digits; i < text_.size() && is_digit(text_[i]);) ++i;
      }
    }
    return end_of_name(i);  // "12x" is one bad number, not 12 and then x
  }
  Token field() {
    Token out = token(TokenType::field, end_of_name(at_ + 1));
    if (out.text.size() == 1)
      out.type = TokenType::bad;
    else
      out.text.remove_prefix(1);
    return out;
  }
  Token quoted(char quote) {
    const size_t close = text_.find(quote, at_ + 1);
    if (close == std::string_view::npos) return token(TokenType::bad, text_.size());
    Token out = token(TokenType::text, close + 1);
    out.text = out.text.substr(1, out.text.size() - 2);
    return out;
  }

  std::string_view text_;
  size_t at_ = 0;
};

/// Binary operators that bind left to right, loosest level first.
constexpr std::array<std::array<std::string_view, 6>, 6> kLevels = {{
    {">", ">=", "<", "<=", "==", "!="},
    {"|"},
    {"^"},
    {"&"},
    {"+", "-"},
    {"*", "/"},
}};

class Parser {
 public:
  explicit Parser(Expression tree) : tree_(std::move(tree)), tokens_(tree_.text), token_(tokens_.next()) {}

  Result<Expression> parse() {
    HY_TRY(int32_t root, binary(0));
    (void)root;
    if (token_.type != TokenType::end) return unexpected_rest();
    return std::move(tree_);
  }

 private:
  /// Counts how deep the parser is in parentheses, calls, signs and powers.
  struct Nesting {
    explicit Nesting(int& depth) : depth_(depth) { ++depth_; }
    ~Nesting() { --depth_; }
    int& depth_;
  };

  Error fail(std::string what, const Token& at, std::string hint) const { return tree_.error(std::move(what), at.begin, at.end, std::move(hint)); }

  void advance() { token_ = tokens_.next(); }
  bool sign(std::string_view text) const { return token_.type == TokenType::sign && token_.text == text; }

  int32_t add(ExpressionNode node) {
    tree_.nodes.push_back(std::move(node));
    return int32_t(tree_.nodes.size()) - 1;
  }
  ExpressionNode& at(int32_t index) { return tree_.nodes[size_t(index)]; }

  Result<int32_t> binary(size_t level) {
    if (level == kLevels.size()) return unary();
    HY_TRY(int32_t left, binary(level + 1));
    for (int compared = 0; token_.type == TokenType::sign; ++compared) {
      const auto& signs = kLevels[level];
      if (token_.text.empty() || std::find(signs.begin(), signs.end(), token_.text) == signs.end()) break;
      if (level == 0 && compared)
        return fail("a comparison of a comparison", token_,
                    "put each comparison in parentheses: ($a > $b) & ($c > $d); they bind looser than & and |");
      const Token op = token_;
      advance();
      HY_TRY(int32_t right, binary(level + 1));
      left = add({.type = Type::binary,
                  .name = std::string(op.text),
                  .children = {left, right},
                  .begin = at(left).begin,
                  .end = at(right).end,
                  .name_begin = op.begin});
    }
    return left;
  }

  Result<int32_t> unary() {
    if (!sign("-") && !sign("+")) return power();
    const Nesting nesting(depth_);
    if (depth_ > kMaxExpressionDepth) return too_deep();
    const Token op = token_;
    advance();
    HY_TRY(int32_t operand, unary());
    return add({.type = Type::unary,
                .name = std::string(op.text),
                .children = {operand},
                .begin = op.begin,
                .end = at(operand).end,
                .name_begin = op.begin});
  }

  Result<int32_t> power() {
    HY_TRY(int32_t base, postfix());
    if (!sign("**")) return base;
    const Nesting nesting(depth_);
    if (depth_ > kMaxExpressionDepth) return too_deep();
    const Token op = token_;
    advance();
    HY_TRY(int32_t exponent, unary());
    return add(
        {.type = Type::binary, .name = "**", .children = {base, exponent}, .begin = at(base).begin, .end = at(exponent).end, .name_begin = op.begin});
  }

  Result<int32_t> postfix() {
    HY_TRY(int32_t value, atom());
    while (sign(".")) {
      advance();
      if (token_.type != TokenType::name) return fail("expected the name of an output after '.'", token_, "such as ta.MACD($close).macdhist");
      value = add({.type = Type::attribute,
                   .name = std::string(token_.text),
                   .children = {value},
                   .begin = at(value).begin,
                   .end = token_.end,
                   .name_begin = token_.begin});
      advance();
    }
    return value;
  }

  Result<int32_t> atom() {
    const Token first = token_;
    switch (first.type) {
      case TokenType::number:
        return number();
      case TokenType::text:
        advance();
        return add({.type = Type::text, .name = std::string(first.text), .begin = first.begin, .end = first.end, .name_begin = first.begin});
      case TokenType::field:
        advance();
        return add({.type = Type::field, .name = std::string(first.text), .begin = first.begin, .end = first.end, .name_begin = first.begin});
      case TokenType::name:
        return named();
      case TokenType::sign:
        if (first.text == "(") return parenthesised();
        if (first.text == "~") return fail("'~' is not an operator of the language", first, "write Not(...)");
        break;
      case TokenType::end:
        return fail("the expression ends where a value is expected", first, "add a value: a number, $field, Operator(...) or ( ... )");
      case TokenType::bad:
        return bad_token();
    }
    return fail(fmt::format("expected a value, found '{}'", first.text), first, "a value is a number, $field, Operator(...) or ( ... )");
  }

  Result<int32_t> number() {
    const Token first = token_;
    const auto value = parse_number(first.text);
    if (!value) return fail(fmt::format("'{}' is not a number", first.text), first, "numbers look like 12, 0.5 or 1e-12");
    advance();
    const bool integer = first.text.find_first_of(".eE") == std::string_view::npos;
    return add({.type = Type::number, .integer = integer, .value = *value, .begin = first.begin, .end = first.end, .name_begin = first.begin});
  }

  Result<int32_t> parenthesised() {
    const Nesting nesting(depth_);
    if (depth_ > kMaxExpressionDepth) return too_deep();
    const Token open = token_;
    advance();
    HY_TRY(int32_t inner, binary(0));
    if (!sign(")")) return unclosed(open, "(");
    at(inner).begin = open.begin, at(inner).end = token_.end;
    advance();
    return inner;
  }

  /// Mean( ... ), ta.MACD( ... ). A name without a call means nothing.
  Result<int32_t> named() {
    const Token first = token_;
    std::string name(first.text);
    advance();
    if (name == "and" || name == "or" || name == "not")
      return fail(fmt::format("'{}' is not an operator of the language", name), first, "write (a) & (b), (a) | (b) or Not(a)");
    while (sign(".")) {
      advance();
      if (token_.type != TokenType::name) return fail(fmt::format("expected a function after '{}.'", name), token_, "such as ta.MACD($close)");
      name += '.';
      name += token_.text;
      advance();
    }
    if (!sign("("))
      return fail(fmt::format("'{}' stands alone", name), first, fmt::format("a column is written ${}, an operator {}(...)", name, name));
    return call(std::move(name), first);
  }

  Result<int32_t> call(std::string name, const Token& first) {
    const Nesting nesting(depth_);
    if (depth_ > kMaxExpressionDepth) return too_deep();
    ExpressionNode node{.type = Type::call, .name = std::move(name), .begin = first.begin, .name_begin = first.begin};
    advance();
    while (!sign(")")) {
      std::string keyword;
      const Token start = token_;
      HY_TRY(int32_t value, argument(keyword));
      if (keyword.empty() && !node.keywords.empty() && !node.keywords.back().empty())
        return fail("a positional argument after a keyword argument", start, "put arguments without a name first");
      node.children.push_back(value);
      node.keywords.push_back(std::move(keyword));
      if (sign(",")) {
        advance();
      } else if (!sign(")")) {
        return unclosed(first, node.name + "(");
      }
    }
    node.end = token_.end;
    advance();
    return add(std::move(node));
  }

  Result<int32_t> argument(std::string& keyword) {
    if (token_.type == TokenType::name) {
      Tokenizer ahead = tokens_;
      const Token next = ahead.next();
      if (next.type == TokenType::sign && next.text == "=") {
        keyword = token_.text;
        advance();
        advance();
      }
    }
    return binary(0);
  }

  Error too_deep() const {
    return fail(fmt::format("nested deeper than {} levels", kMaxExpressionDepth), token_, "compute parts of it as columns of their own");
  }
  Error bad_token() const {
    const char c = token_.text[0];
    if (c == '\'' || c == '"') return fail("a text without its closing quote", token_, fmt::format("add {} at its end", c));
    if (c == '$') return fail("expected a column name after '$'", token_, "such as $close");
    if (c == '!') return fail("'!' is not an operator of the language", token_, "write Not(...), such as Not($close > $open)");
    return fail("a character that means nothing here", token_, "names, numbers, $columns, 'text', + - * / ** > >= < <= == != & | and parentheses");
  }
  /// The place is where the ')' is missing; the hint names what it would close.
  Error unclosed(const Token& open, std::string_view what) const {
    if (token_.type == TokenType::bad) return bad_token();
    const std::string opened = fmt::format("'{}' of position {} is not closed", what, open.begin + 1);
    if (token_.type == TokenType::end) return fail(opened, token_, "add ')'");
    return fail(fmt::format("{}: found '{}'", opened, token_.text), token_, "put ',' or ')' here, or an operator");
  }
  Error unexpected_rest() const {
    if (token_.type == TokenType::bad) return bad_token();
    if (token_.type == TokenType::name && (token_.text == "and" || token_.text == "or"))
      return fail(fmt::format("'{}' is not an operator of the language", token_.text), token_, "write (a) & (b), (a) | (b)");
    if (sign(")")) return fail("a ')' that closes nothing", token_, "remove it, or add '(' before");
    if (sign("//") || sign("%") || sign("<<") || sign(">>") || sign("&&") || sign("||") || sign("="))
      return fail(fmt::format("'{}' is not an operator of the language", token_.text), token_, "operators are + - * / ** > >= < <= == != & |");
    return fail(fmt::format("expected an operator, found '{}'", token_.text), token_, "operators are + - * / ** > >= < <= == != & |");
  }

  Expression tree_;
  Tokenizer tokens_;  // of tree_.text
  Token token_;
  int depth_ = 0;
};

/// Replaces what would break a line or a terminal.
std::string printable(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (is_space(c)) c = ' ';
    if ((c >= 0 && c < ' ') || c == 0x7f) c = '?';
  }
  return out;
}

bool continues_character(char c) { return (c & 0xc0) == 0x80; }

size_t num_characters(std::string_view text) {
  return size_t(std::count_if(text.begin(), text.end(), [](char c) { return !continues_character(c); }));
}

constexpr size_t kShownAround = 60;  // bytes of a long expression shown on each side of the place

/// The place of byte `at` of a text: "features.txt:3:7".
std::string place_in(const TextPlace& place, std::string_view text, size_t at) {
  return place.column ? fmt::format("{}:{}", place.line, place.column + num_characters(text.substr(0, at))) : place.line;
}

bool is_column_name(std::string_view name) {
  if (name.empty() || name.size() > 200 || !is_letter(name[0])) return false;
  return std::all_of(name.begin(), name.end(), [](char c) { return is_letter(c) || is_digit(c) || c == '.' || c == '-'; });
}

}  // namespace

Error expression_error(std::string what, std::string_view source, std::string_view text, size_t begin, size_t end, std::string hint) {
  size_t from = 0, to = text.size();
  if (text.size() > 2 * kShownAround + 20) {
    from = begin > kShownAround ? begin - kShownAround : 0;
    to = std::min(text.size(), begin + kShownAround);
    while (from > 0 && continues_character(text[from])) --from;
    while (to < text.size() && continues_character(text[to])) ++to;
  }
  std::string where = source.empty() ? "" : fmt::format("{}: ", printable(source));
  if (from > 0) where += "...";
  size_t indent = num_characters(where) + num_characters(text.substr(from, begin - from));
  where += printable(text.substr(from, to - from));
  if (to < text.size()) where += "...";
  const size_t carets = std::max<size_t>(1, num_characters(text.substr(begin, std::min(end, to) - std::min(begin, to))));
  where += "\n" + std::string(indent, ' ') + std::string(carets, '^');
  return usage_error(std::move(what), std::move(where), std::move(hint));
}

Error Expression::error(std::string what, size_t begin, size_t end, std::string hint) const {
  const TextPlace place{source, column};
  return expression_error(std::move(what), place_in(place, text, begin), lead + text, lead.size() + begin, lead.size() + end, std::move(hint));
}

Result<Expression> parse_expression(Expression tree) {
  if (tree.text.size() > kMaxExpressionBytes)
    return tree.error(fmt::format("an expression of {} bytes; at most {} are read", tree.text.size(), kMaxExpressionBytes), 0, 0,
                      "compute parts of it as columns of their own");
  if (trim(tree.text).empty()) return tree.error("an empty expression", 0, 0, "write one, such as Mean($close,5)/$close");
  return Parser(std::move(tree)).parse();
}

Result<Expression> parse_expression(std::string_view text, std::string source) {
  return parse_expression(Expression{.text = std::string(text), .source = std::move(source)});
}

Result<Expression> parse_expression(const NamedExpression& named) {
  if (named.place.line.empty()) return parse_expression(named.text, named.name);
  return parse_expression(Expression{.text = named.text, .source = named.place.line, .lead = named.name + " = ", .column = named.place.column});
}

Result<NamedExpression> parse_named_expression(std::string_view text, const TextPlace& place) {
  const auto fail = [&](std::string what, size_t begin, size_t end, std::string hint) {
    return expression_error(std::move(what), place_in(place, text, begin), text, begin, end, std::move(hint));
  };
  const size_t equals = text.find('=');
  if (equals == std::string_view::npos || (equals + 1 < text.size() && text[equals + 1] == '='))
    return fail("expected NAME = EXPRESSION", 0, 0, "such as ma5 = Mean($close,5)/$close");
  NamedExpression out{std::string(trim(text.substr(0, equals))), std::string(trim(text.substr(equals + 1))), place};
  const size_t begin = text.find_first_not_of(" \t");
  if (!is_column_name(out.name))
    return fail(fmt::format("'{}' is not a name for a column", printable(out.name)), begin, equals,
                "start with a letter, then letters, digits, '_', '.' or '-'");
  if (out.name == "symbol" || out.name == "date" || out.name == "datetime")
    return fail(fmt::format("'{}' is the name of a key column", out.name), begin, begin + out.name.size(), "choose another name");
  if (out.text.empty()) return fail(fmt::format("'{}' has no expression", out.name), text.size(), text.size(), "write it after '='");
  const size_t from = size_t(trim(text.substr(equals + 1)).data() - text.data());
  if (place.column) out.place.column += uint32_t(num_characters(text.substr(0, from)));
  return out;
}

Result<std::vector<NamedExpression>> parse_expression_lines(std::string_view text, const std::string& source) {
  std::vector<NamedExpression> out;
  std::set<std::string> names;
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  int number = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view whole = text.substr(at, end - at);
    at = end + 1;
    ++number;
    const std::string_view line = trim(whole.substr(0, whole.find('#')));
    if (line.empty()) continue;
    const TextPlace place{fmt::format("{}:{}", source, number), 1 + uint32_t(line.data() - whole.data())};
    HY_TRY(NamedExpression named, parse_named_expression(line, place));
    if (!names.insert(named.name).second)
      return expression_error(fmt::format("the name '{}' is used twice", named.name), place_in(place, line, 0), line, 0, named.name.size(),
                              "give every column a name of its own");
    out.push_back(std::move(named));
  }
  return out;
}

}  // namespace hayate
