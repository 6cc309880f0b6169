#include "aggregate/condition.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/strings.h"
#include "io/csv_value.h"

namespace hayate::aggregate {

using Node = ConditionNode;
using Type = ConditionNode::Type;

namespace {

constexpr size_t kMaxBytes = 64 * 1024;
constexpr int kMaxDepth = 200;

Error place_error(std::string what, const std::string& source, const std::string& text, size_t at, std::string hint) {
  constexpr size_t kShown = 100;
  const size_t begin = at > kShown ? at - kShown : 0;
  std::string line = text.substr(begin, 2 * kShown);
  std::replace(line.begin(), line.end(), '\n', ' ');
  return usage_error(std::move(what), fmt::format("{}: {}\n{}^", source, line, std::string(source.size() + 2 + at - begin, ' ')), std::move(hint));
}

bool is_name_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || uint8_t(c) >= 0x80; }
bool is_name_part(char c) { return is_name_start(c) || is_digit(c) || c == '.'; }

}  // namespace

/// Recursive descent; every function leaves its node last in nodes_ and returns its index, or -1 at a fault.
class ConditionParser {
 public:
  ConditionParser(Condition& out, bool calls) : out_(out), text_(out.text_), with_calls_(calls) {}

  Result<void> parse() {
    if (text_.size() > kMaxBytes) return usage_error("a condition of more than 64 KiB", out_.source_, "select rows by fewer values");
    if (trim(text_).empty()) return usage_error("an empty condition", out_.source_, "such as 'price > 10 and volume > 0'");
    const int root = either(0);
    if (root >= 0) skip_blanks();
    if (root >= 0 && at_ < text_.size()) fail("more text behind the condition", hint_for_rest());
    if (error_) return std::move(*error_);
    return {};
  }

 private:
  void skip_blanks() { at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size()); }
  int fail(std::string what, std::string hint) {
    if (!error_) error_ = place_error(std::move(what), out_.source_, text_, at_, std::move(hint));
    return -1;
  }
  /// What other languages write there, as it is written here.
  const char* hint_for_rest() {
    constexpr std::pair<std::string_view, const char*> kOthers[] = {
        {"&", "write and"},
        {"|", "write or"},
        {"%", "there is no remainder here: + - * / alone"},
        {")", "a parenthesis is closed that was not opened"},
        {"between", "write x >= 1 and x <= 2"},
        {"like", "texts are compared whole: name = 'Rome', name in ('Rome', 'Oslo')"},
        {"ilike", "texts are compared whole: name = 'Rome', name in ('Rome', 'Oslo')"},
        {"isnull", "write x is null"},
        {"notnull", "write x is not null"},
    };
    const std::string rest = lower(std::string_view(text_).substr(at_));
    const std::string word = lower(peek_word());
    for (const auto& [other, hint] : kOthers)
      if (word.empty() ? rest.starts_with(other) : word == other) return hint;
    return "join conditions with and, or";
  }
  bool take(std::string_view sign) {
    skip_blanks();
    if (!std::string_view(text_).substr(at_).starts_with(sign)) return false;
    return at_ += sign.size(), true;
  }
  /// The next word in lower case, without stepping over it.
  std::string_view peek_word() {
    skip_blanks();
    size_t end = at_;
    while (end < text_.size() && is_name_part(text_[end])) ++end;
    return std::string_view(text_).substr(at_, end - at_);
  }
  bool take_word(std::string_view word) {
    if (lower(peek_word()) != word) return false;
    return at_ += word.size(), true;
  }
  int add(Type type, size_t begin, std::vector<int> children, char sign = 0) {
    Node node;
    node.type = type, node.begin = begin, node.end = at_, node.children = std::move(children), node.sign = sign;
    out_.nodes_.push_back(std::move(node));
    return int(out_.nodes_.size()) - 1;
  }

  int either(int depth) {
    const size_t begin = at_;
    int left = both(depth);
    while (left >= 0 && take_word("or")) {
      const int right = both(depth);
      left = right < 0 ? -1 : add(Type::either, begin, {left, right});
    }
    return left;
  }
  int both(int depth) {
    const size_t begin = at_;
    int left = negation(depth);
    while (left >= 0 && take_word("and")) {
      const int right = negation(depth);
      left = right < 0 ? -1 : add(Type::both, begin, {left, right});
    }
    return left;
  }
  int negation(int depth) {
    if (depth > kMaxDepth) return fail("more than 200 levels", "write it with fewer parentheses");
    const size_t begin = at_;
    if (!take_word("not")) return comparison(depth);
    const int child = negation(depth + 1);
    return child < 0 ? -1 : add(Type::negation, begin, {child});
  }

  int comparison(int depth) {
    skip_blanks();
    const size_t begin = at_;
    const int left = sum(depth);
    if (left < 0) return -1;
    if (take_word("is")) {
      const bool negated = take_word("not");
      if (!take_word("null")) return fail("expected null", "x is null, x is not null");
      return add(Type::null_test, begin, {left}, negated ? '!' : 0);
    }
    const size_t before = at_;
    const bool negated = take_word("not");
    if (take_word("in")) return membership(depth, begin, left, negated);
    if (negated) {
      at_ = before;
      return fail("expected in behind not", "x not in (1, 2)");
    }
    constexpr std::pair<const char*, char> kSigns[] = {{"==", '='}, {"!=", '!'}, {"<>", '!'}, {"<=", 'l'},
                                                       {">=", 'g'}, {"=", '='},  {"<", '<'},  {">", '>'}};
    for (const auto& [sign, code] : kSigns)
      if (take(sign)) {
        const int right = sum(depth);
        return right < 0 ? -1 : add(Type::compare, begin, {left, right}, code);
      }
    return left;
  }
  int membership(int depth, size_t begin, int left, bool negated) {
    std::vector<int> children = {left};
    if (!take("(")) return fail("expected ( behind in", "x in (1, 2)");
    do {
      const int value = sum(depth + 1);
      if (value < 0) return -1;
      children.push_back(value);
    } while (take(","));
    if (!take(")")) return fail("expected , or )", "x in (1, 2)");
    return add(Type::membership, begin, std::move(children), negated ? '!' : 0);
  }
  int sum(int depth) {
    skip_blanks();
    const size_t begin = at_;
    int left = product(depth);
    while (left >= 0) {
      const char sign = take("+") ? '+' : take("-") ? '-' : 0;
      if (!sign) break;
      const int right = product(depth);
      left = right < 0 ? -1 : add(Type::arithmetic, begin, {left, right}, sign);
    }
    return left;
  }
  int product(int depth) {
    skip_blanks();
    const size_t begin = at_;
    int left = unary(depth);
    while (left >= 0) {
      const char sign = take("*") ? '*' : take("/") ? '/' : 0;
      if (!sign) break;
      const int right = unary(depth);
      left = right < 0 ? -1 : add(Type::arithmetic, begin, {left, right}, sign);
    }
    return left;
  }
  int unary(int depth) {
    if (depth > kMaxDepth) return fail("more than 200 levels", "write it with fewer parentheses");
    skip_blanks();
    const size_t begin = at_;
    if (!take("-")) return atom(depth);
    const int child = unary(depth + 1);
    if (child < 0) return -1;
    Node& node = out_.nodes_[size_t(child)];
    if (node.type > Type::real) return add(Type::minus, begin, {child});
    negate(&node);
    node.begin = begin;
    return child;
  }
  /// A literal. -2^63 is an integer, what is below is real.
  static void negate(Node* node) {
    node->number = -node->number;
    if (node->type == Type::integer && node->whole == INT64_MIN)
      node->type = Type::unsigned_integer;
    else if (node->type == Type::integer)
      node->whole = -node->whole;
    else if (node->type == Type::unsigned_integer)
      node->type = node->whole == INT64_MIN ? Type::integer : Type::real;
  }

  int atom(int depth) {
    skip_blanks();
    if (at_ == text_.size()) return fail("the condition ends here", "a name, a number or 'text' is expected");
    const char c = text_[at_];
    if (take("(")) {
      const int inside = either(depth + 1);
      if (inside >= 0 && !take(")")) return fail("expected )", "close the parenthesis");
      return inside;
    }
    if (c == '\'') return quoted(Type::text);
    if (c == '"' || c == '`') return quoted(Type::column);
    if (is_digit(c) || (c == '.' && at_ + 1 < text_.size() && is_digit(text_[at_ + 1]))) return number();
    if (is_name_start(c)) return name();
    return fail("this is not part of a condition", "a name, a number or 'text' is expected");
  }
  /// What stands between two quotes, where a doubled one is one of its own; moves behind. Nothing: it is not closed.
  std::optional<std::string> between_quotes() {
    const char quote = text_[at_];
    std::string value;
    for (size_t i = at_ + 1; i < text_.size(); ++i) {
      if (text_[i] == quote && (++i == text_.size() || text_[i] != quote)) return at_ = i, value;
      value += text_[i];
    }
    return std::nullopt;
  }
  int quoted(Type type) {
    const size_t begin = at_;
    std::optional<std::string> value = between_quotes();
    if (!value && type == Type::text) return fail("the text is not closed", "close it with a single quote");
    if (!value) return fail("the name is not closed", "close it with the quote that it began with");
    const int node = add(type, begin, {});
    out_.nodes_.back().name = *std::move(value);
    return node;
  }
  int number() {
    const size_t begin = at_;
    while (at_ < text_.size() && (is_digit(text_[at_]) || text_[at_] == '.')) ++at_;
    if (at_ < text_.size() && (text_[at_] == 'e' || text_[at_] == 'E')) {
      size_t end = at_ + 1;
      end += end < text_.size() && (text_[end] == '+' || text_[end] == '-');
      if (end < text_.size() && is_digit(text_[end])) {
        at_ = end;
        while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
      }
    }
    const std::string_view digits = std::string_view(text_).substr(begin, at_ - begin);
    const auto whole = parse_integer(digits);
    const auto unsigned_whole = parse_unsigned(digits);
    const auto real = parse_number(digits);
    if (!real || (at_ < text_.size() && is_name_part(text_[at_])))
      return at_ = begin, fail("no number", "put text in single quotes, names that begin with a digit in double quotes");
    const int node = add(whole ? Type::integer : unsigned_whole ? Type::unsigned_integer : Type::real, begin, {});
    out_.nodes_.back().whole = int64_t(unsigned_whole.value_or(0)), out_.nodes_.back().number = *real;
    return node;
  }
  int name() {
    const size_t begin = at_;
    const std::string word(peek_word());
    at_ += word.size();
    const std::string folded = lower(word);
    if (folded == "true" || folded == "false") {
      const int node = add(Type::boolean, begin, {});
      out_.nodes_.back().whole = folded == "true";
      return node;
    }
    skip_blanks();
    if (at_ < text_.size() && text_[at_] == '(') return call(begin, word);
    if (folded == "null")
      return at_ = begin, fail("null is equal to nothing", "x is null, x is not null; a column of that name goes in double quotes");
    for (const std::string_view reserved : {"and", "or", "in", "is"})
      if (folded == reserved) return at_ = begin, fail(fmt::format("'{}' is not expected here", word), "a column of that name goes in double quotes");
    const int node = add(Type::column, begin, {});
    out_.nodes_.back().name = word;
    return node;
  }
  int call(size_t begin, const std::string& word) {
    if (!with_calls_) {
      at_ = begin;
      return fail(fmt::format("no function '{}' here", word), "conditions on aggregates go into --having");
    }
    const size_t end = text_.find(')', at_);
    if (end == std::string::npos) return fail("expected )", "close the parenthesis");
    at_ = end + 1;
    auto parsed = parse_call(std::string_view(text_).substr(begin, at_ - begin), out_.source_);
    if (!parsed.ok()) {
      if (!error_) error_ = std::move(parsed.error());
      return -1;
    }
    const int node = add(Type::column, begin, {});
    out_.nodes_.back().name = parsed.value().text;
    const auto known = std::find_if(out_.calls_.begin(), out_.calls_.end(), [&](const Call& other) { return other.text == parsed.value().text; });
    if (known == out_.calls_.end()) out_.calls_.push_back(std::move(parsed).value());
    return node;
  }

  Condition& out_;
  const std::string& text_;
  bool with_calls_;
  size_t at_ = 0;
  std::optional<Error> error_;
};

Result<Condition> Condition::parse(std::string_view text, std::string source, bool calls) {
  Condition out;
  out.text_ = text, out.source_ = std::move(source);
  HY_CHECK(ConditionParser(out, calls).parse());
  return out;
}

std::vector<std::string> Condition::columns() const {
  std::vector<std::string> names;
  for (const Node& node : nodes_)
    if (node.type == Type::column && std::find(names.begin(), names.end(), node.name) == names.end()) names.push_back(node.name);
  return names;
}

void Condition::rename(size_t call, const std::string& name) {
  for (Node& node : nodes_)
    if (node.type == Type::column && node.name == calls_[call].text) node.name = name;
  calls_[call].text = name;
}

namespace {

enum class Sort : uint8_t { truth, whole, unsigned_whole, real, text, date, timestamp };

const char* sort_name(Sort sort) {
  constexpr const char* kNames[] = {"true or false", "a number", "a number", "a number", "text", "a date", "a time"};
  return kNames[size_t(sort)];
}

Sort sort_of(Dtype dtype) {
  switch (dtype) {
    case Dtype::boolean:
      return Sort::truth;
    case Dtype::uint64:
      return Sort::unsigned_whole;
    case Dtype::float32:
    case Dtype::float64:
      return Sort::real;
    case Dtype::text:
    case Dtype::category:
      return Sort::text;
    case Dtype::date:
      return Sort::date;
    case Dtype::timestamp:
      return Sort::timestamp;
    default:
      return Sort::whole;
  }
}

bool is_number(Sort sort) { return sort == Sort::whole || sort == Sort::unsigned_whole || sort == Sort::real; }

/// A text beside a date or time becomes one; false when it says none.
bool become_time(Node* node, Sort wanted) {
  const io::CsvValue value = io::read_value(node->name, {});
  const bool is_date = value.seen == io::kSeenDate, is_time = value.seen == io::kSeenTime || value.seen == io::kSeenZonedTime;
  if (!is_date && !(is_time && wanted == Sort::timestamp)) return false;
  node->type = Type::integer;
  node->whole = wanted == Sort::timestamp && is_date ? value.integer * 86'400'000'000 : value.integer;
  return true;
}

}  // namespace

Result<void> Condition::check_names(std::span<const std::string> names) const {
  for (size_t i = 0; i < nodes_.size(); ++i) {
    const Node& node = nodes_[i];
    if (node.type != Type::column || std::find(names.begin(), names.end(), node.name) != names.end()) continue;
    Error error = unknown_name("column", node.name, names, source_);
    // Beside a column that is known, it is mostly a text without its quotes.
    const bool is_value = std::any_of(nodes_.begin(), nodes_.end(), [&](const Node& parent) {
      if (parent.type != Type::compare && parent.type != Type::membership) return false;
      const Node& left = nodes_[size_t(parent.children[0])];
      return left.type == Type::column && std::find(names.begin(), names.end(), left.name) != names.end() &&
             std::find(parent.children.begin() + 1, parent.children.end(), int(i)) != parent.children.end();
    });
    if (is_value && !error.hint.starts_with("did")) error.hint = fmt::format("a text goes in single quotes: '{}'", node.name);
    return place_error(error.what, source_, text_, node.begin, error.hint);
  }
  return {};
}

Result<void> Condition::check(const Table& schema) {
  HY_CHECK(check_names(schema.names));
  std::vector<Sort> sorts(nodes_.size());
  const auto fault = [&](const Node& node, std::string what, std::string hint) {
    return place_error(std::move(what), source_, text_, node.begin, std::move(hint));
  };
  const auto agree = [&](int a, int b) -> Result<void> {
    for (const auto& [text, time] : {std::pair(a, b), std::pair(b, a)}) {
      const Sort wanted = sorts[size_t(time)];
      if (nodes_[size_t(text)].type != Type::text || (wanted != Sort::date && wanted != Sort::timestamp)) continue;
      if (!become_time(&nodes_[size_t(text)], wanted))
        return fault(nodes_[size_t(text)], fmt::format("'{}' is not {}", nodes_[size_t(text)].name, sort_name(wanted)), "such as '2024-01-05'");
      sorts[size_t(text)] = wanted;
    }
    const Sort left = sorts[size_t(a)], right = sorts[size_t(b)];
    if (left == right || (is_number(left) && is_number(right))) return {};
    const bool times = left == Sort::date || left == Sort::timestamp || right == Sort::date || right == Sort::timestamp;
    return fault(nodes_[size_t(b)], fmt::format("{} cannot be compared with {}", sort_name(left), sort_name(right)),
                 right == Sort::text || left == Sort::text ? "text goes in single quotes, numbers and names do not"
                 : times                                   ? "a date or time goes in single quotes: '2024-01-05'"
                                                           : "compare values of one kind");
  };
  for (size_t i = 0; i < nodes_.size(); ++i) {
    Node& node = nodes_[i];
    const auto child = [&](size_t k) { return sorts[size_t(node.children[k])]; };
    switch (node.type) {
      case Type::integer:
        sorts[i] = Sort::whole;
        break;
      case Type::unsigned_integer:
        sorts[i] = Sort::unsigned_whole;
        break;
      case Type::real:
        sorts[i] = Sort::real;
        break;
      case Type::text:
        sorts[i] = Sort::text;
        break;
      case Type::boolean:
        sorts[i] = Sort::truth;
        break;
      case Type::column: {
        sorts[i] = sort_of(schema.find(node.name)->dtype);
        break;
      }
      case Type::either:
      case Type::both:
      case Type::negation:
        for (size_t k = 0; k < node.children.size(); ++k)
          if (child(k) != Sort::truth)
            return fault(nodes_[size_t(node.children[k])], fmt::format("{} is not true or false", sort_name(child(k))),
                         "write a comparison, such as x > 0");
        sorts[i] = Sort::truth;
        break;
      case Type::compare:
      case Type::membership:
        for (size_t k = 1; k < node.children.size(); ++k) HY_CHECK(agree(node.children[0], node.children[k]));
        sorts[i] = Sort::truth;
        break;
      case Type::null_test:
        sorts[i] = Sort::truth;
        break;
      case Type::arithmetic:
      case Type::minus: {
        for (size_t k = 0; k < node.children.size(); ++k) {
          if (!is_number(child(k)))
            return fault(nodes_[size_t(node.children[k])], fmt::format("{} is not a number", sort_name(child(k))),
                         "only numbers are added and multiplied");
        }
        sorts[i] = Sort::real;
        break;
      }
    }
  }
  if (sorts.back() != Sort::truth)
    return fault(nodes_.back(), fmt::format("{} is not true or false", sort_name(sorts.back())), "write a comparison, such as x > 0");
  return {};
}

namespace {

/// Holds any int64 and any uint64.
using Integer = __int128;

/// The values of one node: `size` is 1 for a constant. truth, date and timestamp are whole numbers too; unsigned ones are held by their bits.
struct Values {
  Sort sort = Sort::whole;
  std::vector<int64_t> whole;
  std::vector<double> real;
  std::vector<std::string_view> text;
  std::vector<uint8_t> known;

  size_t size() const { return known.size(); }
  size_t at(size_t row) const { return known.size() == 1 ? 0 : row; }
  double number(size_t row) const {
    return sort == Sort::real ? real[at(row)] : sort == Sort::unsigned_whole ? double(uint64_t(whole[at(row)])) : double(whole[at(row)]);
  }
  Integer integer(size_t row) const { return sort == Sort::unsigned_whole ? Integer(uint64_t(whole[at(row)])) : Integer(whole[at(row)]); }
};

Values constant(Sort sort, int64_t whole, double real, std::string_view text) {
  Values out;
  out.sort = sort, out.known = {1};
  if (sort == Sort::real)
    out.real = {real};
  else if (sort == Sort::text)
    out.text = {text};
  else
    out.whole = {whole};
  return out;
}

template <class T>
void copy_whole(const Column& column, int64_t begin, int64_t count, Values* out) {
  const std::span<const T> from = column.as<T>().subspan(size_t(begin), size_t(count));
  out->whole.assign(from.begin(), from.end());
}

Values column_values(const Column& column, int64_t begin, int64_t count) {
  Values out;
  out.sort = sort_of(column.dtype);
  out.known.resize(size_t(count), 1);
  if (column.validity.data)
    for (int64_t i = 0; i < count; ++i) out.known[size_t(i)] = !column.is_null(begin + i);
  if (out.sort == Sort::text) {
    for (int64_t i = 0; i < count; ++i) out.text.push_back(column.text(begin + i));
    return out;
  }
  if (out.sort == Sort::real) {
    for (int64_t i = 0; i < count; ++i) {
      const size_t row = size_t(begin + i);
      const double value = column.dtype == Dtype::float32 ? double(column.as<float>()[row]) : column.as<double>()[row];
      out.real.push_back(value);
      out.known[size_t(i)] &= uint8_t(!std::isnan(value));
    }
    return out;
  }
  switch (column.dtype) {
    case Dtype::boolean:
      for (int64_t i = begin; i < begin + count; ++i) out.whole.push_back(column.values.data[i >> 3] >> (i & 7) & 1);
      break;
    case Dtype::int8:
      copy_whole<int8_t>(column, begin, count, &out);
      break;
    case Dtype::int16:
      copy_whole<int16_t>(column, begin, count, &out);
      break;
    case Dtype::uint8:
      copy_whole<uint8_t>(column, begin, count, &out);
      break;
    case Dtype::uint16:
      copy_whole<uint16_t>(column, begin, count, &out);
      break;
    case Dtype::uint32:
      copy_whole<uint32_t>(column, begin, count, &out);
      break;
    case Dtype::uint64:
      copy_whole<uint64_t>(column, begin, count, &out);
      break;
    case Dtype::int32:
    case Dtype::date:
      copy_whole<int32_t>(column, begin, count, &out);
      break;
    default:
      copy_whole<int64_t>(column, begin, count, &out);
  }
  return out;
}

template <class T>
bool holds(char sign, const T& a, const T& b) {
  switch (sign) {
    case '=':
      return a == b;
    case '!':
      return !(a == b);
    case '<':
      return a < b;
    case 'l':
      return !(b < a);
    case '>':
      return b < a;
    default:
      return !(a < b);
  }
}

/// out[i] = sign holds for a[i], b[i]; unknown where either is.
Values compare(char sign, const Values& a, const Values& b) {
  Values out;
  out.sort = Sort::truth;
  const size_t rows = std::max(a.size(), b.size());
  out.whole.resize(rows), out.known.resize(rows);
  for (size_t i = 0; i < rows; ++i) {
    out.known[i] = a.known[a.at(i)] & b.known[b.at(i)];
    if (a.sort == Sort::text)
      out.whole[i] = holds(sign, a.text[a.at(i)], b.text[b.at(i)]);
    else if (a.sort == Sort::real || b.sort == Sort::real)
      out.whole[i] = holds(sign, a.number(i), b.number(i));
    else if (a.sort == Sort::unsigned_whole || b.sort == Sort::unsigned_whole)
      out.whole[i] = holds(sign, a.integer(i), b.integer(i));
    else
      out.whole[i] = holds(sign, a.whole[a.at(i)], b.whole[b.at(i)]);
  }
  return out;
}

Values compute(char sign, const Values& a, const Values& b) {
  Values out;
  out.sort = Sort::real;
  const size_t rows = std::max(a.size(), b.size());
  out.known.resize(rows);
  for (size_t i = 0; i < rows; ++i) {
    const double x = a.number(i), y = b.number(i);
    out.real.push_back(sign == '+' ? x + y : sign == '-' ? x - y : sign == '*' ? x * y : x / y);
    out.known[i] = a.known[a.at(i)] & b.known[b.at(i)] & uint8_t(!std::isnan(out.real.back()));
  }
  return out;
}

/// Three values: true, false, unknown. `or` is true when either is, whatever the other; `and` false likewise.
Values join(bool either, const Values& a, const Values& b) {
  Values out;
  out.sort = Sort::truth;
  const size_t rows = std::max(a.size(), b.size());
  out.whole.resize(rows), out.known.resize(rows);
  for (size_t i = 0; i < rows; ++i) {
    const bool a_known = a.known[a.at(i)], b_known = b.known[b.at(i)], x = a.whole[a.at(i)] != 0, y = b.whole[b.at(i)] != 0;
    const bool decided = (a_known && x == either) || (b_known && y == either);
    out.known[i] = decided || (a_known && b_known);
    out.whole[i] = decided ? either : !either;
  }
  return out;
}

}  // namespace

std::vector<uint8_t> Condition::keep(const Table& table, int64_t begin, int64_t count) const {
  std::vector<Values> values(nodes_.size());
  for (size_t i = 0; i < nodes_.size(); ++i) {
    const Node& node = nodes_[i];
    Values& out = values[i];
    const auto child = [&](size_t k) -> Values& { return values[size_t(node.children[k])]; };
    switch (node.type) {
      case Type::integer:
        out = constant(Sort::whole, node.whole, 0, {});
        break;
      case Type::unsigned_integer:
        out = constant(Sort::unsigned_whole, node.whole, 0, {});
        break;
      case Type::real:
        out = constant(Sort::real, 0, node.number, {});
        break;
      case Type::text:
        out = constant(Sort::text, 0, 0, node.name);
        break;
      case Type::boolean:
        out = constant(Sort::truth, node.whole, 0, {});
        break;
      case Type::column:
        out = column_values(*table.find(node.name), begin, count);
        break;
      case Type::either:
      case Type::both:
        out = join(node.type == Type::either, child(0), child(1));
        break;
      case Type::negation:
        out = std::move(child(0));
        for (int64_t& truth : out.whole) truth = !truth;
        break;
      case Type::compare:
        out = compare(node.sign, child(0), child(1));
        break;
      case Type::null_test:
        out.sort = Sort::truth;
        for (const uint8_t known : child(0).known) out.whole.push_back((node.sign == '!') == (known != 0));
        out.known.assign(out.whole.size(), 1);
        break;
      case Type::membership:
        out = compare('=', child(0), child(1));
        for (size_t k = 2; k < node.children.size(); ++k) out = join(true, out, compare('=', child(0), child(k)));
        if (node.sign == '!')
          for (int64_t& truth : out.whole) truth = !truth;
        break;
      case Type::arithmetic:
        out = compute(node.sign, child(0), child(1));
        break;
      case Type::minus:
        out = compute('-', constant(Sort::whole, 0, 0, {}), child(0));
        break;
    }
  }
  const Values& root = values.back();
  std::vector<uint8_t> out(static_cast<size_t>(count));
  for (size_t i = 0; i < out.size(); ++i) out[i] = root.known[root.at(i)] && root.whole[root.at(i)];
  return out;
}

}  // namespace hayate::aggregate
