#include "hayate/learner.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "learn/boosting_params.h"
#include "learn/params.h"

namespace hayate {
namespace {

// In the order of LearnerParams.
constexpr std::array kLearners = {
    Learner{"forest", "random forest: the mean of trees on bootstrap samples", true, true, false},
    Learner{"boosting", "gradient boosting: the sum of trees that each correct the ones before", true, true, true},
    Learner{"linear", "least squares, ridge, lasso, elastic net", true, false, false},
    Learner{"logistic", "logistic regression of two or more classes", false, true, false},
};
static_assert(kLearners.size() == std::variant_size_v<LearnerParams>);

template <size_t... I>
LearnerParams defaults_of(size_t learner, std::index_sequence<I...>) {
  LearnerParams params;
  ((I == learner ? void(params.emplace<I>()) : void()), ...);
  return params;
}

}  // namespace

bool Learner::solves(Problem problem) const {
  return problem == Problem::regression ? regression : problem == Problem::classification ? classification : ranking;
}

std::span<const Learner> learners() { return kLearners; }

std::vector<ParamInfo> params_of(const Learner& learner) {
  LearnerParams params = defaults_of(size_t(&learner - kLearners.data()), std::make_index_sequence<kLearners.size()>());
  std::vector<ParamInfo> out;
  for (const Field& field : std::visit([](auto& p) { return fields_of(p); }, params)) {
    const std::string range = field.bounded ? fmt::format("{:g} to {:g}", field.least, field.most) : field.argument;
    out.push_back({field.name, field.text(), field.help, field.choices.empty() ? range : join(field.choices, "|")});
  }
  return out;
}

std::vector<std::string> learner_names() {
  std::vector<std::string> names;
  for (const Learner& learner : kLearners) names.emplace_back(learner.name);
  return names;
}

Result<const Learner*> find_learner(std::string_view name, const std::string& where) {
  for (const Learner& learner : kLearners)
    if (learner.name == name) return &learner;
  return unknown_name("learner", name, learner_names(), where);
}

Result<LearnerParams> learner_params(std::string_view learner, std::string_view text, const std::string& where) {
  HY_TRY(const Learner* found, find_learner(learner, where));
  LearnerParams params = defaults_of(size_t(found - kLearners.data()), std::make_index_sequence<kLearners.size()>());
  for (const std::string& pair : split(text, ',')) {
    const std::string_view trimmed = trim(pair);
    if (trimmed.empty()) continue;
    const size_t equals = trimmed.find('=');
    if (equals == std::string_view::npos) return usage_error(fmt::format("'{}' is not name=value", trimmed), where, "num_trees=50,max_depth=8");
    HY_CHECK(set_param(params, trim(trimmed.substr(0, equals)), trim(trimmed.substr(equals + 1)), where));
  }
  return params;
}

Result<void> set_param(LearnerParams& params, std::string_view name, std::string_view value, const std::string& where) {
  FieldList fields = std::visit([](auto& p) { return fields_of(p); }, params);
  Field* field = find_field(fields, name);
  if (!field) return unknown_name(fmt::format("{} parameter", learner_of(params).name), name, field_names(fields), where);
  const std::string before = field->text();
  if (Result<void> set = field->set(value, where, "params"); !set.ok()) {
    set.error().hint = fmt::format("{}={}", name, before);
    return set;
  }
  return std::visit([&](const auto& p) { return check_values(p, where); }, params);
}

std::string format_params(const LearnerParams& params) {
  LearnerParams copy = params;
  std::string out;
  for (const Field& field : std::visit([](auto& p) { return fields_of(p); }, copy))
    out += fmt::format("{}{}={}", out.empty() ? "" : ",", field.name, field.text());
  return out;
}

const Learner& learner_of(const LearnerParams& params) { return kLearners[params.index()]; }

Result<void> check_params(const LearnerParams& params, Problem problem, int64_t num_features) {
  const Learner& learner = learner_of(params);
  if (!learner.solves(problem))
    return usage_error(fmt::format("learner '{}' does not solve {} problems", learner.name, problem_name(problem)), "--learner",
                       "hayate train --help lists what each learner solves");
  return std::visit([&](const auto& p) { return check_shape(p, problem, num_features); }, params);
}

int64_t predictor_bytes(const LearnerParams& params, int64_t rows, int64_t num_features) {
  return std::visit([&](const auto& p) { return most_bytes(p, rows, num_features); }, params);
}

}  // namespace hayate
