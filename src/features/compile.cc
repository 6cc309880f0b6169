#include "features/compile.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/strings.h"
#include "hayate/indicators.h"

namespace hayate {
namespace {

using Type = ExpressionNode::Type;

/// What a sub-expression is: a series in the graph, or a constant known now. `whole`: a series of whole numbers, which numpy
/// holds as int64 (If(c, 1, 0), condition + 1); here it is float64, but And, Or and Not accept it.
struct Value {
  enum class Kind { series, number, text, talib };  // talib: a call with several outputs, none chosen yet
  Kind kind = Kind::number;
  int32_t node = -1;
  ValueType type = ValueType::float64;
  bool whole = false;
  double number = 0;
  std::string text = {};
  int64_t talib_call = -1;  // of the graph, when the value is one
  int32_t touch = -1;       // of a triple barrier: the node of its second output
  std::vector<int32_t> talib_inputs = {};

  bool is_series() const { return kind == Kind::series; }
  bool is_condition() const { return is_series() && type == ValueType::boolean; }
};

struct RollingRow {
  std::string_view name, function;  // function: what Rolling(x, N, '...') calls it, or ""
  Op op;
  int64_t smallest_window;
  bool takes_fraction;  // 0 < N < 1 means ewm
};

constexpr RollingRow kRollingOperators[] = {
    {"Max", "max", Op::largest, 1, true},
    {"Min", "min", Op::smallest, 1, true},
    {"Sum", "sum", Op::sum, 1, true},
    {"Mean", "mean", Op::mean, 1, true},
    {"Std", "std", Op::deviation, 1, true},
    {"Var", "var", Op::variance, 1, true},
    {"Med", "median", Op::quantile, 1, true},
    {"Count", "count", Op::sum, 1, true},
    {"Skew", "skew", Op::skewness, 3, false},
    {"Kurt", "kurt", Op::kurtosis, 4, false},
    {"Mad", "", Op::absolute_deviation, 1, false},
    {"Slope", "", Op::slope, 1, false},
    {"Rsquare", "", Op::rsquare, 1, false},
    {"Resi", "", Op::residual, 1, false},
    {"Rank", "", Op::rank, 1, false},
    {"Quantile", "", Op::quantile, 1, false},
    {"WMA", "", Op::weighted_mean, 1, false},
    {"IdxMax", "", Op::index_of_largest, 1, false},
    {"IdxMin", "", Op::index_of_smallest, 1, false},
};

struct PairRow {
  std::string_view name, infix;
  Op op;
};

constexpr PairRow kPairOperators[] = {
    {"Add", "+", Op::add},           {"Sub", "-", Op::subtract},   {"Mul", "*", Op::multiply},   {"Div", "/", Op::divide},
    {"Power", "**", Op::power},      {"Greater", "", Op::maximum}, {"Less", "", Op::minimum},    {"Gt", ">", Op::greater},
    {"Ge", ">=", Op::greater_equal}, {"Lt", "<", Op::less},        {"Le", "<=", Op::less_equal}, {"Eq", "==", Op::equal},
    {"Ne", "!=", Op::not_equal},     {"And", "&", Op::bit_and},    {"Or", "|", Op::bit_or},
};

/// Names of the same operators in the formulas of others (WorldQuant's alphas, pandas), in small letters.
constexpr std::pair<std::string_view, std::string_view> kForeignNames[] = {
    {"delay", "Ref"},        {"shift", "Ref"},        {"diff", "Delta"},         {"ts_delta", "Delta"},
    {"ts_mean", "Mean"},     {"ts_sum", "Sum"},       {"ts_std", "Std"},         {"ts_stddev", "Std"},
    {"ts_max", "Max"},       {"ts_min", "Min"},       {"ts_rank", "Rank"},       {"tsrank", "Rank"},
    {"ts_argmax", "IdxMax"}, {"ts_argmin", "IdxMin"}, {"ts_corr", "Corr"},       {"correlation", "Corr"},
    {"covariance", "Cov"},   {"ts_cov", "Cov"},       {"median", "Med"},         {"ewm", "EMA"},
    {"cs_rank", "CSRank"},   {"zscore", "CSZScore"},  {"cs_zscore", "CSZScore"}, {"indneutralize", "CSNeutralize"},
    {"where", "If"},
};

constexpr std::pair<std::string_view, Op> kCrossSections[] = {
    {"CSRank", Op::cross_rank}, {"CSZScore", Op::cross_zscore}, {"CSDemean", Op::cross_demean}, {"CSNeutralize", Op::cross_neutralize}};

/// "Mean(feature, N)" -> {"feature", "N"}.
std::vector<std::string> parameters_of(const Operator& op) {
  const size_t open = op.signature.find('(');
  std::vector<std::string> names = split(op.signature.substr(open + 1, op.signature.size() - open - 2), ',');
  for (std::string& name : names) name = trim(name);
  return names;
}

class Compiler {
 public:
  Compiler(Graph& graph, const std::vector<std::string>& fields, const CompileOptions& options) : graph_(graph), fields_(fields), options_(options) {}

  Result<int32_t> compile(const Expression& expression) {
    expression_ = &expression;
    values_.clear();
    for (const ExpressionNode& node : expression.nodes) {
      HY_CHECK(outputs_chosen(node));
      HY_TRY(Value value, value_of(node));
      values_.push_back(std::move(value));
      if (graph_.nodes().size() > kMaxNodes)
        return fail(node, fmt::format("more than {} different steps", kMaxNodes), "compute the features in several calls");
    }
    const Value& root = values_.back();
    if (root.kind == Value::Kind::talib) return no_output_chosen(expression.nodes.back(), root);
    if (!root.is_series()) return fail(expression.nodes.back(), "the expression is a constant", "name a column, such as $close");
    return root.node;
  }

 private:
  Error fail(const ExpressionNode& at, std::string what, std::string hint) const {
    return expression_->error(std::move(what), at.begin, at.end, std::move(hint));
  }
  Error fail_name(const ExpressionNode& at, std::string what, std::string hint) const {
    return expression_->error(std::move(what), at.name_begin, at.name_begin + at.name.size(), std::move(hint));
  }
  const ExpressionNode& child(const ExpressionNode& node, size_t i) const { return expression_->nodes[size_t(node.children[i])]; }
  const Value& value(const ExpressionNode& node, size_t i) const { return values_[size_t(node.children[i])]; }

  static Value number(double value, bool whole) { return {.kind = Value::Kind::number, .whole = whole, .number = value}; }
  Value series(const GraphNode& node, bool whole = false) {
    return {.kind = Value::Kind::series, .node = graph_.add(node), .type = node.type, .whole = whole};
  }
  /// The type of raw columns and of arithmetic on them.
  ValueType raw() const { return options_.dtype == Dtype::float64 ? ValueType::float64 : ValueType::float32; }

  Result<Value> value_of(const ExpressionNode& node) {
    switch (node.type) {
      case Type::number:
        return number(node.value, node.integer);
      case Type::text:
        return Value{.kind = Value::Kind::text, .text = node.name};
      case Type::field:
        return field(node);
      case Type::unary:
        return signed_value(node);
      case Type::binary:
        return infix(node);
      case Type::call:
        return call(node);
      case Type::attribute:
        break;
    }
    if (value(node, 0).touch >= 0) return barrier_output(node, value(node, 0));
    return talib_output(node, value(node, 0));
  }

  Result<Value> field(const ExpressionNode& node) {
    int64_t index = -1;
    for (size_t i = 0; i < fields_.size(); ++i)
      if (fields_[i] == node.name) index = int64_t(i);
    if (index < 0) {
      std::vector<std::string> known;
      for (const std::string& name : fields_) known.push_back("$" + name);
      const Error unknown = unknown_name("column", "$" + node.name, known, "");
      return fail(node, unknown.what, unknown.hint);
    }
    return series({.op = Op::field, .type = raw(), .n = use_field(node.name)});
  }

  int64_t use_field(const std::string& name) {
    for (size_t i = 0; i < graph_.fields.size(); ++i)
      if (graph_.fields[i] == name) return int64_t(i);
    graph_.fields.push_back(name);
    return int64_t(graph_.fields.size()) - 1;
  }

  Result<Value> signed_value(const ExpressionNode& node) {
    Value operand = value(node, 0);
    if (operand.kind == Value::Kind::text) return fail(node, "a text has no sign", "texts stand for function names only: Rolling($close,5,'mean')");
    if (node.name == "+") return operand;
    if (!operand.is_series()) return number(-operand.number, operand.whole);
    return arithmetic(node, Op::multiply, operand, number(-1, true));
  }

  Result<Value> infix(const ExpressionNode& node) {
    if (node.name == "^") return fail_name(node, "'^' is not an operator of the language", "a power is written **; one of two conditions Ne(a, b)");
    for (const PairRow& row : kPairOperators)
      if (row.infix == node.name) return pair(node, row.op, value(node, 0), value(node, 1));
    return fail_name(node, fmt::format("unknown operator '{}'", node.name), "operators are + - * / ** > >= < <= == != & |");
  }

  Result<Value> pair(const ExpressionNode& node, Op op, const Value& left, const Value& right) {
    for (const Value* side : {&left, &right})
      if (side->kind == Value::Kind::text)
        return fail(node, "a text where a series or a number is expected", "texts stand for function names only: Rolling($close,5,'mean')");
    if (!left.is_series() && !right.is_series()) {
      if (node.type == Type::call) return fail(node, fmt::format("{} of two numbers", node.name), "give it at least one series, such as $close");
      return folded(node, op, left, right);
    }
    if (op == Op::bit_and || op == Op::bit_or) return logic(node, op, left, right);
    if (op >= Op::greater && op <= Op::not_equal) return comparison(op, left, right);
    return arithmetic(node, op, left, right);
  }

  Result<Value> folded(const ExpressionNode& node, Op op, const Value& left, const Value& right) {
    const double a = left.number, b = right.number;
    const bool whole = left.whole && right.whole;
    if (op == Op::add) return number(a + b, whole);
    if (op == Op::subtract) return number(a - b, whole);
    if (op == Op::multiply) return number(a * b, whole);
    if (op == Op::power) return number(std::pow(a, b), whole && b >= 0);
    if (op == Op::divide && b != 0) return number(a / b, false);
    if (op == Op::divide) return fail(node, "division of a number by zero", "change the divisor");
    return fail(node, fmt::format("'{}' of two numbers", node.name), "give it at least one series, such as $close");
  }

  static bool is_whole(const Value& v) { return v.whole || v.is_condition(); }

  /// numpy's promotion: float32 with a number stays float32 (numbers are weak), conditions and whole numbers with a
  /// fraction become float64, float32 with int64 becomes float64.
  ValueType common_type(const Value& left, const Value& right) const {
    if (left.is_series() && right.is_series()) {
      if (left.is_condition()) return right.type;
      if (right.is_condition()) return left.type;
      return left.type == right.type ? left.type : ValueType::float64;
    }
    const Value& one = left.is_series() ? left : right;
    return one.is_condition() ? ValueType::float64 : one.type;
  }

  /// The node of `v` as `type`: a cast, or a constant rounded to it.
  int32_t operand(const Value& v, ValueType type) {
    if (!v.is_series()) return graph_.add({.op = Op::constant, .type = type, .p = type == ValueType::float32 ? double(float(v.number)) : v.number});
    if (v.type == type) return v.node;
    return graph_.add({.op = Op::cast, .type = type, .in = {v.node}});
  }

  Result<Value> arithmetic(const ExpressionNode& node, Op op, const Value& left, const Value& right) {
    if (left.is_condition() && right.is_condition()) return arithmetic_of_conditions(node, op, left, right);
    const ValueType type = common_type(left, right);
    const bool whole = is_whole(left) && is_whole(right) && op != Op::divide;
    return series({.op = op, .type = type, .in = {operand(left, type), operand(right, type)}}, whole && type == ValueType::float64);
  }

  /// numpy: + and maximum are or, * and minimum are and; the others it refuses, as pandas does.
  Result<Value> arithmetic_of_conditions(const ExpressionNode& node, Op op, const Value& left, const Value& right) {
    if (op == Op::add || op == Op::maximum) return series({.op = Op::bit_or, .type = ValueType::boolean, .in = {left.node, right.node}});
    if (op == Op::multiply || op == Op::minimum) return series({.op = Op::bit_and, .type = ValueType::boolean, .in = {left.node, right.node}});
    const auto number_of = [&](size_t i) {
      const ExpressionNode& part = child(node, i);
      return fmt::format("If({}, 1, 0)", std::string_view(expression_->text).substr(part.begin, part.end - part.begin));
    };
    const bool is_sign = !std::isalpha(static_cast<unsigned char>(node.name.front()));
    return fail(node, fmt::format("'{}' of two conditions", node.name),
                is_sign ? fmt::format("make numbers of them first: {} {} {}", number_of(0), node.name, number_of(1))
                        : fmt::format("make numbers of them first: {}({}, {})", node.name, number_of(0), number_of(1)));
  }

  Result<Value> comparison(Op op, const Value& left, const Value& right) {
    ValueType type = common_type(left, right);
    if (type == ValueType::boolean) type = raw();
    return series({.op = op, .type = ValueType::boolean, .in = {operand(left, type), operand(right, type)}});
  }

  /// pandas: a condition makes conditions of what it meets, of numbers only as the first of the two; whole numbers stay numbers.
  Result<Value> logic(const ExpressionNode& node, Op op, const Value& left, const Value& right) {
    for (size_t i = 0; i < 2; ++i) {
      const Value& value = i == 0 ? left : right;
      if (is_whole(value) || (i == 1 && left.is_condition() && value.is_series())) continue;
      return fail(child(node, i), fmt::format("'{}' takes conditions, this is a {}", node.name, value.is_series() ? "series of numbers" : "fraction"),
                  "compare it first, each comparison in parentheses: ($close > $open) & ($volume > 0)");
    }
    if (!is_whole(right)) {
      const int32_t present = graph_.add({.op = Op::is_present, .type = ValueType::boolean, .in = {right.node}});
      const int32_t flag = graph_.add({.op = Op::bit_and, .type = ValueType::boolean, .in = {not_zero(right), present}});
      return series({.op = op, .type = ValueType::boolean, .in = {left.node, flag}});
    }
    const bool conditions = left.is_condition() && right.is_condition(), meet = left.is_condition() || right.is_condition();
    const ValueType type = conditions ? ValueType::boolean : ValueType::float64;
    const Value bits = series({.op = op, .type = type, .in = {operand(left, type), operand(right, type)}}, type == ValueType::float64);
    if (conditions || !meet) return bits;
    return Value{.kind = Value::Kind::series, .node = not_zero(bits), .type = ValueType::boolean};
  }

  /// Where a series of numbers is not 0; NaN is not.
  int32_t not_zero(const Value& x) {
    return graph_.add({.op = Op::not_equal, .type = ValueType::boolean, .in = {x.node, graph_.add({.op = Op::constant, .type = x.type})}});
  }

  Result<Value> call(const ExpressionNode& node) {
    if (node.name.starts_with("ta.")) return talib(node);
    const Operator* op = find_operator(node.name);
    if (!op) return unknown_operator(node);
    HY_TRY(std::vector<size_t> order, arguments(node, *op));
    const std::vector<std::string> names = parameters_of(*op);
    for (size_t i = 0; i < order.size(); ++i) {
      const bool wants_function = names[i] == "func", wants_text = wants_function || names[i] == "instrument";
      const Value& given = value(node, order[i]);
      if ((given.kind == Value::Kind::text) != wants_text)
        return fail(child(node, order[i]),
                    wants_function ? "expected the name of a function"
                    : wants_text   ? "expected the name of a symbol, in quotes"
                                   : "a text where a series or a number is expected",
                    fmt::format("write {}", op->signature));
    }
    const auto argument = [&](size_t i) -> const Value& { return value(node, order[i]); };
    const auto place = [&](size_t i) -> const ExpressionNode& { return child(node, order[i]); };
    for (const PairRow& row : kPairOperators)
      if (row.name == node.name) return pair(node, row.op, argument(0), argument(1));
    if (node.name == "If") return choose(node, argument(0), argument(1), argument(2));
    if (node.name == "ChangeInstrument") return of_symbol(node, argument(1), place(1), argument(0).text);
    if (!argument(0).is_series()) return fail(place(0), fmt::format("{} of a number", node.name), "give it a series, such as $close");
    if (node.name == "Mask") return of_symbol(node, argument(0), place(0), argument(1).text);
    if (node.name == "Ref" || node.name == "Delta") return shifted(node, argument(0), argument(1), place(1));
    if (node.name == "EMA") return ema(argument(0), argument(1), place(1));
    if (node.name == "Corr" || node.name == "Cov") return two_sided(node, argument(0), argument(1), place(1), argument(2), place(2));
    for (const auto& [name, op_of_panel] : kCrossSections)
      if (name == node.name)
        return order.size() > 1 ? cross_section(op_of_panel, argument(0), &argument(1), place(1))
                                : cross_section(op_of_panel, argument(0), nullptr, place(0));
    if (node.name == "ForwardReturn") return forward_return(node, argument(0), argument(1), place(1));
    if (node.name == "TripleBarrier") return triple_barrier(node, order);
    if (node.name == "Rolling") return named_rolling(argument(0), argument(1), place(1), argument(2), place(2));
    for (const RollingRow& row : kRollingOperators)
      if (row.name == node.name)
        return rolling(row, row.smallest_window, argument(0), argument(1), place(1), order.size() > 2 ? &argument(2) : nullptr,
                       place(order.size() - 1));
    return one_sided(node, argument(0));
  }

  Error unknown_operator(const ExpressionNode& node) const {
    const std::string typed = lower(node.name);
    const bool own = std::any_of(operators().begin(), operators().end(), [&](const Operator& op) { return lower(op.name) == typed; });
    const auto refuse = [&](const std::string& hint) { return fail_name(node, fmt::format("unknown operator '{}'", node.name), hint); };
    for (const auto& [foreign, name] : kForeignNames)
      if (!own && typed == foreign) return refuse(fmt::format("it is called {} here: hayate operators {}", name, name));
    if (const kernels::ta::Entry* function = own ? nullptr : find_talib("ta." + node.name)) return refuse("write " + talib_signature(*function));
    if (const Indicator* indicator = own ? nullptr : find_indicator(node.name))
      return refuse(fmt::format("an indicator: --indicator '{}'; its expressions: hayate indicators {}", signature_of(*indicator), node.name));
    std::vector<std::string> names;
    for (const Operator& op : operators()) names.emplace_back(op.name);
    const Error unknown = unknown_name("operator", node.name, names, "");
    return fail_name(node, unknown.what, unknown.hint + (unknown.hint.starts_with("one of") ? "; hayate operators lists all" : ""));
  }

  static constexpr size_t kNone = size_t(-1);

  /// For each parameter of the operator, which child of `node` it is.
  Result<std::vector<size_t>> arguments(const ExpressionNode& node, const Operator& op) const {
    const std::vector<std::string> names = parameters_of(op);
    std::vector<size_t> order(names.size(), kNone);
    for (size_t i = 0; i < node.children.size(); ++i) {
      size_t parameter = i;
      if (!node.keywords[i].empty()) {
        parameter = size_t(std::find(names.begin(), names.end(), node.keywords[i]) - names.begin());
        if (parameter == names.size())
          return fail(child(node, i), fmt::format("{} has no parameter '{}'", node.name, node.keywords[i]), fmt::format("write {}", op.signature));
        if (order[parameter] != kNone)
          return fail(child(node, i), fmt::format("'{}' is given twice", node.keywords[i]), fmt::format("write {}", op.signature));
      } else if (i >= names.size()) {
        return fail(child(node, i),
                    fmt::format("{} takes {} argument{}, {} are given", node.name, names.size(), names.size() == 1 ? "" : "s", node.children.size()),
                    fmt::format("write {}", op.signature));
      }
      order[parameter] = i;
    }
    for (size_t i = 0; i < names.size(); ++i)
      if (order[i] == kNone)
        return expression_->error(fmt::format("{} needs '{}'", node.name, names[i]), node.end - 1, node.end, fmt::format("write {}", op.signature));
    return order;
  }

  Result<Value> choose(const ExpressionNode& node, const Value& condition, const Value& yes, const Value& no) {
    if (!condition.is_series()) return fail(node, "the condition of If is a number", "give it a comparison, such as $close > $open");
    const int32_t test = condition.is_condition() ? condition.node : not_zero(condition);
    ValueType type = ValueType::float64;
    if (yes.is_series() || no.is_series()) type = common_type(yes, no);
    const bool whole = is_whole(yes) && is_whole(no) && type == ValueType::float64;
    return series({.op = Op::choose, .type = type, .in = {test, operand(yes, type), operand(no, type)}}, whole);
  }

  /// A whole number of rows; negative ones only where they mean something.
  Result<int64_t> rows(const Value& n, const ExpressionNode& place, std::string_view name, int64_t least, std::string_view what = "window") const {
    if (n.is_series()) return fail(place, fmt::format("the {} of {} is a series", what, name), "write a whole number of rows");
    if (!n.whole)
      return fail(place, fmt::format("the {} of {} must be a whole number, not {}", what, name, format_shortest(n.number)),
                  "write it without a point, such as 5");
    if (n.number < double(least))
      return fail(place, fmt::format("the {} of {} must be {} or more, not {}", what, name, least, format_shortest(n.number)),
                  least == 0 ? "0 means all rows so far" : "such as 5");
    if (std::abs(n.number) > double(kMaxWindow))
      return fail(place, fmt::format("a {} of {} rows; at most {}", what, format_shortest(n.number), kMaxWindow), "0 means all rows so far");
    return int64_t(n.number);
  }

  Result<void> may_look_ahead(const ExpressionNode& node, int64_t ahead) const {
    if (options_.allow_look_ahead) return {};
    return fail(node,
                fmt::format("{} looks ahead: its value is {} row{} in the future", expression_->text.substr(node.begin, node.end - node.begin), ahead,
                            ahead == 1 ? "" : "s"),
                "a feature may only use rows up to its own; a label may look ahead (--label)");
  }

  Result<Value> shifted(const ExpressionNode& node, const Value& x, const Value& n, const ExpressionNode& place) {
    HY_TRY(int64_t back, rows(n, place, node.name, -kMaxWindow));
    if (back < 0) HY_CHECK(may_look_ahead(node, -back));
    // A shifted condition has rows without a value, so it becomes a number.
    const ValueType type = x.is_condition() ? raw() : x.type;
    const int32_t source = operand(x, type);
    const Value shifted = back == 0 ? first_value(source, type) : series({.op = Op::shift, .type = type, .in = {source}, .n = back});
    if (node.name == "Ref") return shifted;
    return series({.op = Op::subtract, .type = type, .in = {source, shifted.node}});
  }

  /// In float64, as all that goes from row to row.
  Value first_value(int32_t source, ValueType type) {
    const auto cast_to = [&](int32_t x, ValueType from, ValueType to) {
      return from == to ? x : graph_.add({.op = Op::cast, .type = to, .in = {x}});
    };
    const int32_t first = graph_.add({.op = Op::first, .type = ValueType::float64, .in = {cast_to(source, type, ValueType::float64)}});
    const int32_t node = cast_to(first, ValueType::float64, type);
    return {.kind = Value::Kind::series, .node = node, .type = type};
  }

  Value ewm(const Value& x, double alpha) { return series({.op = Op::ewm, .type = ValueType::float64, .in = {x.node}, .p = alpha}); }

  Result<Value> ema(const Value& x, const Value& n, const ExpressionNode& place) {
    if (n.is_series()) return fail(place, "the span of EMA is a series", "write a number");
    if (n.number == 0) return series({.op = Op::expanding_ema, .type = ValueType::float64, .in = {x.node}});
    if (n.number > 0 && n.number < 1) return ewm(x, n.number);
    if (!(n.number >= 1) || std::isinf(n.number))
      return fail(place, fmt::format("the span of EMA must be 0 or more, not {}", format_shortest(n.number)), "such as 12");
    return ewm(x, 2 / (n.number + 1));
  }

  Result<Value> two_sided(const ExpressionNode& node, const Value& x, const Value& y, const ExpressionNode& y_place, const Value& n,
                          const ExpressionNode& place) {
    if (!y.is_series()) return fail(y_place, fmt::format("{} with a number", node.name), "give it two series");
    HY_TRY(int64_t window, rows(n, place, node.name, 1));
    return series({.op = node.name == "Corr" ? Op::correlation : Op::covariance, .type = ValueType::float64, .in = {x.node, y.node}, .n = window});
  }

  Result<Value> named_rolling(const Value& x, const Value& n, const ExpressionNode& place, const Value& function,
                              const ExpressionNode& function_place) {
    std::vector<std::string> known;
    for (const RollingRow& row : kRollingOperators) {
      if (row.function.empty()) continue;
      if (row.function == function.text) return rolling(row, 1, x, n, place, nullptr, place);
      known.emplace_back(row.function);
    }
    const Error unknown = unknown_name("function", function.text, known, "");
    return fail(function_place, unknown.what, unknown.hint);
  }

  Result<Value> rolling(const RollingRow& row, int64_t smallest, const Value& x, const Value& n, const ExpressionNode& place, const Value* score,
                        const ExpressionNode& score_place) {
    if (row.takes_fraction && !n.is_series() && n.number > 0 && n.number < 1) return ewm(x, n.number);
    HY_TRY(int64_t window, rows(n, place, row.name, 0));
    if (window != 0 && window < smallest)
      return fail(place, fmt::format("the window of {} must be 0, or {} or more, not {}", row.name, smallest, window), "0 means all rows so far");
    GraphNode node{.op = row.op,
                   .type = ValueType::float64,
                   .in = {orders_values(row.op) ? operand(x, x.is_condition() ? raw() : x.type) : x.node},
                   .n = window};
    if (row.name == "Med") node.p = 0.5;
    if (row.name == "Count") node.in[0] = graph_.add({.op = Op::is_present, .type = ValueType::boolean, .in = {x.node}});
    if (score) {
      if (score->is_series() || !(score->number >= 0 && score->number <= 1))
        return fail(score_place, "the quantile must be a number from 0 to 1", "such as 0.8");
      node.p = score->number;
    }
    return series(node);
  }

  /// Operators whose kernels compare values: conditions become numbers for them.
  static bool orders_values(Op op) {
    return op == Op::largest || op == Op::smallest || op == Op::index_of_largest || op == Op::index_of_smallest || op == Op::rank ||
           op == Op::quantile;
  }

  Result<Value> one_sided(const ExpressionNode& node, const Value& x) {
    if (node.name == "Not") {
      if (x.is_condition()) return series({.op = Op::invert, .type = ValueType::boolean, .in = {x.node}});
      if (x.whole) return series({.op = Op::complement, .type = ValueType::float64, .in = {x.node}}, true);
      return fail(child(node, 0), "'Not' takes conditions, this is a series of numbers", "compare it first: Not($close > $open)");
    }
    if (node.name == "Abs" && x.is_condition()) return x;
    // qlib's Sign goes through float32 whatever it is given.
    const ValueType type = x.is_condition() || node.name == "Sign" ? raw() : x.type;
    const Op op = node.name == "Abs" ? Op::absolute : node.name == "Sign" ? Op::sign : Op::logarithm;
    return series({.op = op, .type = type, .in = {operand(x, type)}}, x.whole && op == Op::absolute);
  }

  // ---- Over the panel ----------------------------------------------------------------------------------------------

  /// A condition as a number; anything else as it is.
  Value as_number(const Value& x) {
    if (!x.is_condition()) return x;
    return {.kind = Value::Kind::series, .node = operand(x, raw()), .type = raw()};
  }

  /// The column in double where the series is one: float32 would make one group of codes above 2^24.
  int32_t group_node(const Value& group) {
    const GraphNode source = graph_.node(group.node);
    if (source.op == Op::field) return graph_.add({.op = Op::field, .type = ValueType::float64, .n = source.n});
    return as_number(group).node;
  }

  Result<Value> cross_section(Op op, const Value& x, const Value* group, const ExpressionNode& group_place) {
    GraphNode node{.op = op, .type = ValueType::float64, .in = {as_number(x).node}};
    if (group) {
      if (!group->is_series()) return fail(group_place, "the group is a number", "give it a column of group codes, such as $sector");
      node.in[1] = group_node(*group);
    }
    return series(node);
  }

  Result<Value> of_symbol(const ExpressionNode& node, const Value& x, const ExpressionNode& place, const std::string& symbol) {
    if (!x.is_series()) return fail(place, fmt::format("{} of a number", node.name), "give it a series, such as $close");
    return series({.op = Op::of_symbol, .type = ValueType::float64, .in = {as_number(x).node}, .n = graph_.add_symbol(symbol)});
  }

  // ---- Labels ------------------------------------------------------------------------------------------------------

  Result<Value> forward_return(const ExpressionNode& node, const Value& x, const Value& horizon, const ExpressionNode& place) {
    HY_TRY(const int64_t ahead, rows(horizon, place, node.name, 1, "horizon"));
    HY_CHECK(may_look_ahead(node, ahead));
    const Value now = as_number(x), later = series({.op = Op::shift, .type = now.type, .in = {now.node}, .n = -ahead});
    HY_TRY(const Value ratio, arithmetic(node, Op::divide, later, now));
    return arithmetic(node, Op::subtract, ratio, number(1, true));
  }

  /// A multiplier of the volatility, as a constant of the graph.
  Result<int32_t> multiplier(const ExpressionNode& node, size_t child_index, const char* name) {
    const Value& given = value(node, child_index);
    if (given.is_series() || !(given.number > 0) || std::isinf(given.number))
      return fail(child(node, child_index), fmt::format("'{}' of {} must be a number above 0", name, node.name), "such as 2");
    return graph_.add({.op = Op::constant, .type = ValueType::float64, .p = given.number});
  }

  /// TripleBarrier(feature, horizon, window, up, down): the label, whose value knows the node of the touch.
  Result<Value> triple_barrier(const ExpressionNode& node, const std::vector<size_t>& order) {
    HY_TRY(const int64_t horizon, rows(value(node, order[1]), child(node, order[1]), node.name, 1, "horizon"));
    HY_TRY(const int64_t window, rows(value(node, order[2]), child(node, order[2]), node.name, 2));
    HY_TRY(const int32_t up, multiplier(node, order[3], "up"));
    HY_TRY(const int32_t down, multiplier(node, order[4], "down"));
    HY_CHECK(may_look_ahead(node, horizon));
    const Value x = as_number(value(node, order[0])), before = series({.op = Op::shift, .type = x.type, .in = {x.node}, .n = 1});
    HY_TRY(const Value ratio, arithmetic(node, Op::divide, x, before));
    HY_TRY(const Value change, arithmetic(node, Op::subtract, ratio, number(1, true)));
    const Value volatility = series({.op = Op::deviation, .type = ValueType::float64, .in = {change.node}, .n = window});
    GraphNode barrier{.op = Op::barrier_touch, .type = ValueType::float64, .in = {x.node, volatility.node, up, down}, .n = horizon};
    const int32_t touch = graph_.add(barrier);
    barrier.op = Op::barrier_label;
    Value out = series(barrier);
    out.touch = touch;
    return out;
  }

  Result<Value> barrier_output(const ExpressionNode& node, const Value& barrier) {
    if (node.name == "label") return barrier;
    if (node.name == "touch") return Value{.kind = Value::Kind::series, .node = barrier.touch, .type = ValueType::float64};
    const Error unknown = unknown_name("output of TripleBarrier", node.name, std::vector<std::string>{"label", "touch"}, "");
    return fail_name(node, unknown.what, unknown.hint);
  }

  // ---- TA-Lib ------------------------------------------------------------------------------------------------------

  Result<Value> talib(const ExpressionNode& node) {
    const kernels::ta::Entry* function = find_talib(node.name);
    if (!function) {
      const Error unknown = unknown_name("function", node.name, talib_names(), "");
      return fail_name(node, unknown.what, unknown.hint.starts_with("one of") ? "hayate operators lists all" : unknown.hint);
    }
    HY_TRY(std::vector<size_t> order, talib_arguments(node, *function));
    const size_t num_inputs = size_t(function->num_inputs());
    TalibCall call{.function = function, .params = {}, .exact = options_.compat_talib};
    std::vector<int32_t> inputs;
    for (size_t i = 0; i < num_inputs; ++i) {
      HY_TRY(int32_t input, talib_input(node, *function, i, order[i]));
      inputs.push_back(input);
    }
    for (size_t p = 0; p < size_t(function->num_params()); ++p) {
      HY_TRY(double param, talib_param(node, function->params[p], order[num_inputs + p]));
      call.params.push_back(param);
    }
    if (call.lookback() < 0)
      return fail(node, fmt::format("{} refuses these params together", node.name), fmt::format("see hayate operators {}", node.name));
    const Value out{.kind = Value::Kind::talib, .talib_call = graph_.add_talib_call(call, inputs), .talib_inputs = inputs};
    return function->num_outputs() == 1 ? talib_series(out, 0) : out;
  }

  /// For each input, then each param: which child of `node` it is, or kNone.
  Result<std::vector<size_t>> talib_arguments(const ExpressionNode& node, const kernels::ta::Entry& function) const {
    std::vector<std::string> names(function.inputs, function.inputs + function.num_inputs());
    for (int p = 0; p < function.num_params(); ++p) names.emplace_back(function.params[p].name);
    const std::string hint = "write " + talib_signature(function);
    std::vector<size_t> order(names.size(), kNone);
    for (size_t i = 0; i < node.children.size(); ++i) {
      size_t at = i;
      if (!node.keywords[i].empty()) {
        at = size_t(std::find(names.begin(), names.end(), node.keywords[i]) - names.begin());
        if (at == names.size()) {
          const Error unknown = unknown_name(node.name + " parameter", node.keywords[i], names, "");
          return fail(child(node, i), unknown.what, unknown.hint.starts_with("one of") ? hint : unknown.hint + "; " + hint);
        }
        if (order[at] != kNone) return fail(child(node, i), fmt::format("'{}' is given twice", node.keywords[i]), hint);
      } else if (i >= names.size()) {
        return fail(child(node, i),
                    fmt::format("{} takes {} argument{}, {} are given", node.name, names.size(), names.size() == 1 ? "" : "s", node.children.size()),
                    hint);
      }
      order[at] = i;
    }
    for (int i = 0; i < function.num_inputs(); ++i)
      if (order[size_t(i)] == kNone)
        return expression_->error(fmt::format("{} needs '{}'", node.name, names[size_t(i)]), node.end - 1, node.end, hint);
    return order;
  }

  /// Columns are read in double even where the program's arithmetic is float32: TA-Lib's is double.
  Result<int32_t> talib_input(const ExpressionNode& node, const kernels::ta::Entry& function, size_t input, size_t i) {
    const Value& given = value(node, i);
    if (!given.is_series())
      return fail(child(node, i),
                  fmt::format("'{}' of {} is a {}", function.inputs[input], node.name, given.kind == Value::Kind::text ? "text" : "number"),
                  "give it a series, such as $close");
    const GraphNode source = graph_.node(given.node);
    if (source.op == Op::field) return graph_.add({.op = Op::field, .type = ValueType::float64, .n = source.n});
    return operand(given, ValueType::float64);
  }

  Result<double> talib_param(const ExpressionNode& node, const kernels::ta::Param& param, size_t i) const {
    if (i == kNone) return param.initial;
    const Value& given = value(node, i);
    if (given.kind != Value::Kind::number)
      return fail(child(node, i), fmt::format("'{}' of {} is no number", param.name, node.name),
                  fmt::format("such as {}", format_shortest(param.initial)));
    if (param.whole && given.number != std::floor(given.number))
      return fail(child(node, i), fmt::format("'{}' of {} must be a whole number, not {}", param.name, node.name, format_shortest(given.number)),
                  fmt::format("such as {}", format_shortest(param.initial)));
    if (!(given.number >= param.least && given.number <= param.most))
      return fail(child(node, i),
                  fmt::format("'{}' of {} must be between {} and {}, not {}", param.name, node.name, format_plain(param.least),
                              format_plain(param.most), format_plain(given.number)),
                  fmt::format("such as {}", format_shortest(param.initial)));
    return given.number;
  }

  Value talib_series(const Value& call, int output) {
    GraphNode node{.op = Op::talib, .type = ValueType::float64, .n = call.talib_call, .p = double(output)};
    std::copy(call.talib_inputs.begin(), call.talib_inputs.end(), node.in.begin());
    Value out = series(node);
    out.talib_call = call.talib_call, out.talib_inputs = call.talib_inputs;
    return out;
  }

  Result<Value> talib_output(const ExpressionNode& node, const Value& call) {
    if (call.talib_call < 0) return fail_name(node, fmt::format("no output '{}': an operator has one result", node.name), "leave the attribute out");
    const kernels::ta::Entry& function = *graph_.talib_calls[size_t(call.talib_call)].function;
    std::vector<std::string> names;
    for (int o = 0; o < function.num_outputs(); ++o) {
      if (node.name == function.outputs[o]) return talib_series(call, o);
      names.emplace_back(function.outputs[o]);
    }
    const Error unknown = unknown_name(fmt::format("output of ta.{}", function.name), node.name, names, "");
    return fail_name(node, unknown.what, unknown.hint);
  }

  Error no_output_chosen(const ExpressionNode& at, const Value& call) const {
    const kernels::ta::Entry& function = *graph_.talib_calls[size_t(call.talib_call)].function;
    return fail(at, fmt::format("ta.{} has {} outputs", function.name, function.num_outputs()), talib_output_hint(function));
  }

  Result<void> outputs_chosen(const ExpressionNode& node) const {
    for (size_t i = 0; i < node.children.size() && node.type != Type::attribute; ++i)
      if (value(node, i).kind == Value::Kind::talib) return no_output_chosen(child(node, i), value(node, i));
    return {};
  }

  Graph& graph_;
  const std::vector<std::string>& fields_;
  const CompileOptions& options_;
  const Expression* expression_ = nullptr;
  std::vector<Value> values_;
};

bool has(const std::vector<std::string>& names, std::string_view name) { return std::find(names.begin(), names.end(), name) != names.end(); }

}  // namespace

Result<Graph> compile_graph(std::span<const NamedExpression> expressions, const std::vector<std::string>& fields, const CompileOptions& options) {
  Graph graph;
  std::vector<std::string> known = fields;
  if (!has(known, "vwap") && has(known, "high") && has(known, "low") && has(known, "close")) known.push_back("vwap");
  Compiler compiler(graph, known, options);
  for (const NamedExpression& named : expressions) {
    HY_TRY(Expression expression, parse_expression(named));
    HY_TRY(int32_t output, compiler.compile(expression));
    graph.outputs.push_back(output);
    graph.output_names.push_back(named.name);
  }
  return graph;
}

}  // namespace hayate
