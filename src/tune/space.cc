#include "tune/space.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/strings.h"

namespace hayate::tune {
namespace {

struct Form {
  const char* name;
  DistributionKind kind;
  bool logarithmic, stepped, upper_excluded;
  const char* example;
};
constexpr Form kForms[] = {
    {"choice", DistributionKind::choice, false, false, false, "choice(50,100,200)"},
    {"grid", DistributionKind::choice, false, false, false, "grid(50,100,200)"},
    {"int", DistributionKind::whole, false, false, false, "int(2,16)"},
    {"logint", DistributionKind::whole, true, false, false, "logint(1,1000)"},
    {"randint", DistributionKind::whole, false, false, true, "randint(2,17)"},
    {"uniform", DistributionKind::real, false, false, false, "uniform(0.2,1)"},
    {"loguniform", DistributionKind::real, true, false, false, "loguniform(0.001,1000)"},
    {"quniform", DistributionKind::real, false, true, false, "quniform(0.2,1,0.1)"},
    {"qloguniform", DistributionKind::real, true, true, false, "qloguniform(1,1000,1)"},
};

Result<const Form*> find_form(std::string_view name, const std::string& where) {
  std::vector<std::string> names;
  for (const Form& form : kForms) {
    if (name == form.name) return &form;
    names.emplace_back(form.name);
  }
  return unknown_name("distribution", name, names, where);
}

/// "name(a, b)" -> name and arguments.
struct Call {
  std::string name;
  std::vector<std::string> arguments;
};
Result<Call> parse_call(std::string_view text, const std::string& where) {
  const size_t open = text.find('(');
  if (open == std::string_view::npos || text.back() != ')')
    return usage_error(fmt::format("'{}' is no distribution", text), where,
                       "NAME=choice(50,100,200), int(2,16), uniform(0.2,1), loguniform(0.001,1000)");
  Call call{std::string(trim(text.substr(0, open))), {}};
  for (const std::string& argument : split(text.substr(open + 1, text.size() - open - 2), ',')) call.arguments.emplace_back(trim(argument));
  return call;
}

Error wrong_arguments(const Form& form, std::string_view text, const std::string& where, std::string_view why) {
  return usage_error(fmt::format("'{}': {}", text, why), where, form.example);
}

Result<void> set_choices(const Form& form, const Call& call, std::string_view text, const std::string& where, Dimension& out) {
  for (const std::string& value : call.arguments) {
    if (value.empty()) return wrong_arguments(form, text, where, "an empty value");
    if (std::find(out.choices.begin(), out.choices.end(), value) != out.choices.end())
      return wrong_arguments(form, text, where, fmt::format("'{}' is named twice", value));
    out.choices.push_back(value);
  }
  return {};
}

Result<void> set_range(const Form& form, const Call& call, std::string_view text, const std::string& where, Dimension& out) {
  const size_t least = form.stepped ? 3 : 2, most = form.stepped || form.name == std::string_view("int") ? 3 : 2;
  if (call.arguments.size() < least || call.arguments.size() > most)
    return wrong_arguments(form, text, where, fmt::format("{} numbers, expected {}", call.arguments.size(), least));
  std::vector<double> numbers;
  for (const std::string& argument : call.arguments) {
    const auto number = parse_number(argument);
    if (!number || !std::isfinite(*number)) return wrong_arguments(form, text, where, fmt::format("'{}' is not a number", argument));
    if (out.kind == DistributionKind::whole && *number != std::floor(*number))
      return wrong_arguments(form, text, where, fmt::format("'{}' is not a whole number", argument));
    numbers.push_back(*number);
  }
  out.low = numbers[0], out.high = numbers[1] - (form.upper_excluded ? 1 : 0), out.logarithmic = form.logarithmic;
  out.step = numbers.size() > 2 ? numbers[2] : out.kind == DistributionKind::whole ? 1 : 0;
  if (!(out.low <= out.high))
    return wrong_arguments(form, text, where, fmt::format("the first number is {} the second", form.upper_excluded ? "not below" : "above"));
  if (form.logarithmic && !(out.low > 0)) return wrong_arguments(form, text, where, "a logarithm needs numbers above 0");
  if (numbers.size() > 2 && !(out.step > 0)) return wrong_arguments(form, text, where, "a step is above 0");
  return {};
}

/// A value that the other parameter never has would leave this one out of every trial.
Result<void> check_condition(const Dimension& other, const Dimension& own, const std::string& where) {
  for (const std::string& value : own.condition_values)
    if (other.kind == DistributionKind::choice && std::find(other.choices.begin(), other.choices.end(), value) == other.choices.end())
      return unknown_name(fmt::format("value of '{}'", other.name), value, other.choices, where);
  return {};
}

/// "... if other=a|b" is cut off and becomes the condition.
Result<std::string_view> take_condition(std::string_view text, const Space& space, const std::string& where, Dimension& out) {
  const size_t at = text.find(" if ");
  if (at == std::string_view::npos) return text;
  const std::string_view condition = trim(text.substr(at + 4));
  const size_t equals = condition.find('=');
  if (equals == std::string_view::npos)
    return usage_error(fmt::format("'{}' is no condition", condition), where, "num_leaves=int(8,64) if grow=leaf");
  out.condition_name = trim(condition.substr(0, equals));
  for (const std::string& value : split(condition.substr(equals + 1), '|')) out.condition_values.emplace_back(trim(value));
  std::vector<std::string> known;
  for (const Dimension& dimension : space.dimensions) known.push_back(dimension.name);
  const auto other = std::find(known.begin(), known.end(), out.condition_name);
  if (known.empty())
    return usage_error(fmt::format("'{}' depends on '{}', which is not in the space before it", out.name, out.condition_name), where,
                       fmt::format("{}=choice(...) first", out.condition_name));
  if (other == known.end()) return unknown_name("parameter of the space before this one", out.condition_name, known, where);
  HY_CHECK(check_condition(space.dimensions[size_t(other - known.begin())], out, where));
  return trim(text.substr(0, at));
}

Result<Dimension> parse_dimension(std::string_view text, const Space& space, const std::string& where) {
  const size_t equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0)
    return usage_error(fmt::format("'{}' is not NAME=DISTRIBUTION", text), where, "num_trees=choice(50,100,200)");
  Dimension out;
  out.name = trim(text.substr(0, equals));
  for (const Dimension& other : space.dimensions)
    if (other.name == out.name) return usage_error(fmt::format("'{}' is named twice", out.name), where, "name every parameter once");
  HY_TRY(const std::string_view body, take_condition(trim(text.substr(equals + 1)), space, where, out));
  HY_TRY(const Call call, parse_call(body, where));
  HY_TRY(const Form* form, find_form(call.name, where));
  out.kind = form->kind, out.text = trim(text.substr(equals + 1));
  HY_CHECK(form->kind == DistributionKind::choice ? set_choices(*form, call, text, where, out) : set_range(*form, call, text, where, out));
  return out;
}

/// The values of a stepped range, or of whole numbers, are counted from 0.
int64_t num_steps(const Dimension& d) { return int64_t(std::floor((d.high - d.low) / d.step + 1e-9)) + 1; }

}  // namespace

std::optional<int64_t> Dimension::count() const {
  if (kind == DistributionKind::choice) return int64_t(choices.size());
  return step > 0 ? std::optional(num_steps(*this)) : std::nullopt;
}

namespace {

/// A number as it is typed. Among fractions 1 is 1.0: max_features=1 is one feature, and 1.0 all of them.
std::string text_of(const Dimension& d, double value) {
  const bool counts = d.step > 0 && d.step == std::floor(d.step) && d.low == std::floor(d.low);
  return format_shortest(value) + (!counts && value == std::floor(value) && std::abs(value) < 1e15 ? ".0" : "");
}

/// Text of a number counted in steps, without the last bits that multiplying by a step such as 0.1 leaves.
std::string stepped_text(const Dimension& d, double steps) { return text_of(d, *parse_number(fmt::format("{:.12g}", d.low + d.step * steps))); }

/// The ends of the axis that units are spread over. In the logarithm a stepped value stands for half a step on either side.
struct Axis {
  double from, to;
};
Axis axis_of(const Dimension& d) {
  if (!d.logarithmic) return {d.low, d.high};
  return {std::log(d.step > 0 ? std::max(d.low - d.step / 2, d.low / 2) : d.low), std::log(d.high + d.step / 2)};
}

}  // namespace

std::string Dimension::value_at(double unit) const {
  if (kind == DistributionKind::choice) return choices[std::min(size_t(unit * double(choices.size())), choices.size() - 1)];
  if (step > 0 && !logarithmic) return stepped_text(*this, double(std::min(int64_t(unit * double(num_steps(*this))), num_steps(*this) - 1)));
  const Axis axis = axis_of(*this);
  const double at = axis.from + unit * (axis.to - axis.from);
  const double value = std::clamp(logarithmic ? std::exp(at) : at, low, high);
  return step > 0 ? stepped_text(*this, std::min(std::nearbyint((value - low) / step), double(num_steps(*this) - 1))) : text_of(*this, value);
}

double Dimension::unit_of(std::string_view value) const {
  if (kind == DistributionKind::choice) {
    const auto place = std::find(choices.begin(), choices.end(), value);
    return (double(place - choices.begin()) + 0.5) / double(choices.size());
  }
  const double number = parse_number(value).value_or(low);
  if (step > 0 && !logarithmic) return (std::nearbyint((number - low) / step) + 0.5) / double(num_steps(*this));
  const Axis axis = axis_of(*this);
  if (!(axis.to > axis.from)) return 0.5;
  return std::clamp(((logarithmic ? std::log(number) : number) - axis.from) / (axis.to - axis.from), 0.0, 1 - 1e-12);
}

Config Space::at(std::span<const double> point) const {
  Config out;
  for (size_t i = 0; i < dimensions.size(); ++i) {
    const Dimension& d = dimensions[i];
    if (!d.condition_name.empty()) {
      const auto other = std::find_if(out.begin(), out.end(), [&](const auto& pair) { return pair.first == d.condition_name; });
      if (other == out.end() || std::find(d.condition_values.begin(), d.condition_values.end(), other->second) == d.condition_values.end()) continue;
    }
    out.emplace_back(d.name, d.value_at(point[i]));
  }
  return out;
}

const Dimension& Space::find(std::string_view name) const {
  return *std::find_if(dimensions.begin(), dimensions.end(), [&](const Dimension& d) { return d.name == name; });
}

Result<Space> parse_space(std::span<const std::string> texts, const std::string& where) {
  Space out;
  for (const std::string& text : texts) {
    HY_TRY(Dimension dimension, parse_dimension(trim(text), out, where));
    out.dimensions.push_back(std::move(dimension));
  }
  if (out.dimensions.empty()) return usage_error("the space is empty", where, "num_trees=choice(50,100,200)");
  return out;
}

}  // namespace hayate::tune
