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

/// What parameters are called elsewhere (scikit-learn, LightGBM, XGBoost, CatBoost), and what to write here.
struct OtherName {
  const char *learner, *theirs, *here;
};
constexpr OtherName kOtherNames[] = {
    {"", "n_estimators", "num_trees"},
    {"", "num_iterations", "num_trees"},
    {"", "num_boost_round", "num_trees"},
    {"", "num_rounds", "num_trees"},
    {"", "iterations", "num_trees"},
    {"", "max_iter", "num_trees"},
    {"", "max_bin", "bins"},
    {"", "max_bins", "bins"},
    {"", "min_data_in_leaf", "min_samples_leaf"},
    {"", "min_child_samples", "min_samples_leaf"},
    {"", "monotone_constraints", "monotone"},
    {"", "monotonic_cst", "monotone"},
    {"", "categorical_feature", "categorical"},
    {"", "categorical_features", "categorical"},
    {"", "cat_features", "categorical"},
    {"", "random_state", "the flag --seed"},
    {"", "seed", "the flag --seed"},
    {"", "n_jobs", "the flag --workers"},
    {"", "num_threads", "the flag --workers"},
    {"", "nthread", "the flag --workers"},
    {"forest", "colsample_bynode", "max_features"},
    {"forest", "feature_fraction_bynode", "max_features"},
    {"forest", "subsample", "max_samples"},
    {"forest", "bagging_fraction", "max_samples"},
    {"forest", "num_leaves", "max_leaf_nodes"},
    {"forest", "loss", "criterion"},
    {"boosting", "eta", "learning_rate"},
    {"boosting", "max_leaf_nodes", "num_leaves"},
    {"boosting", "max_leaves", "num_leaves"},
    {"boosting", "min_sum_hessian_in_leaf", "min_child_weight"},
    {"boosting", "min_gain_to_split", "min_gain"},
    {"boosting", "min_split_gain", "min_gain"},
    {"boosting", "gamma", "min_gain"},
    {"boosting", "reg_alpha", "lambda_l1"},
    {"boosting", "reg_lambda", "lambda_l2"},
    {"boosting", "l2_regularization", "lambda_l2"},
    {"boosting", "l2_leaf_reg", "lambda_l2"},
    {"boosting", "subsample", "bagging_fraction"},
    {"boosting", "subsample_freq", "bagging_freq"},
    {"boosting", "colsample_bytree", "feature_fraction"},
    {"boosting", "max_features", "feature_fraction"},
    {"boosting", "early_stopping_round", "early_stopping_rounds"},
    {"boosting", "n_iter_no_change", "early_stopping_rounds"},
    {"boosting", "eval_metric", "metric"},
    {"boosting", "loss", "objective"},
    {"boosting", "criterion", "objective"},
    {"boosting", "quantile", "alpha"},
    {"boosting", "quantile_alpha", "alpha"},
    {"boosting", "huber_slope", "huber_delta"},
    {"boosting", "interaction_constraints", "interactions"},
    {"boosting", "interaction_cst", "interactions"},
    {"linear", "alpha", "l2 (ridge) or l1 (lasso)"},
    {"linear", "lambda", "l2 (ridge) or l1 (lasso)"},
    {"logistic", "C", "l2, which is 1 / C"},
    {"logistic", "alpha", "l2 or l1"},
};

/// A parameter that does nothing unless another one has a certain value, or the problem is a ranking.
struct Dependent {
  const char *name, *on;  ///< `on` empty: the problem
  enum class When : uint8_t { is, above, below, ranks } when;
  const char *value, *hint;

  bool works(std::string_view other, Problem problem) const {
    if (when == When::ranks) return problem == Problem::ranking;
    if (when == When::is) return other == value;
    const double number = parse_number(other).value_or(0), bound = parse_number(value).value_or(0);
    return when == When::above ? number > bound : number < bound;
  }
  /// "objective=quantile", "early_stopping_rounds above 0"
  std::string condition() const {
    if (when == When::ranks) return "--problem ranking";
    return when == When::is ? fmt::format("{}={}", on, value) : fmt::format("{} {} {}", on, when == When::above ? "above" : "below", value);
  }
};
constexpr Dependent kBoostingDependents[] = {
    {"alpha", "objective", Dependent::When::is, "quantile", "objective=quantile"},
    {"huber_delta", "objective", Dependent::When::is, "huber", "objective=huber"},
    {"metric", "early_stopping_rounds", Dependent::When::above, "0", "early_stopping_rounds=20"},
    {"validation_fraction", "early_stopping_rounds", Dependent::When::above, "0", "early_stopping_rounds=20"},
    {"bagging_freq", "bagging_fraction", Dependent::When::below, "1", "bagging_fraction=0.8"},
    {"truncation_level", "", Dependent::When::ranks, "", "--problem ranking"},
};

Error unknown_param(const Learner& learner, std::string_view name, const FieldList& fields, const std::string& where) {
  Error error = unknown_name(fmt::format("{} parameter", learner.name), name, field_names(fields), where);
  for (const OtherName& other : kOtherNames) {
    const bool flag = std::string_view(other.here).starts_with("the flag"), trees = learner.name == std::string_view("forest") || learner.ranking;
    const bool meant = *other.learner == 0 ? flag || trees : learner.name == std::string_view(other.learner);
    if (meant && name == other.theirs) error.hint = fmt::format("'{}' is {} here", name, other.here);
  }
  return error;
}

/// The learners that solve a problem, in words.
std::string solvers_of(Problem problem) {
  std::vector<std::string> names;
  for (const Learner& learner : kLearners)
    if (learner.solves(problem)) names.emplace_back(learner.name);
  return join(names, ", ");
}

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
  std::vector<std::string> given;
  for (const std::string& pair : split(text, ',')) {
    const std::string_view trimmed = trim(pair);
    if (trimmed.empty()) continue;
    const size_t equals = trimmed.find('=');
    if (equals == std::string_view::npos) return usage_error(fmt::format("'{}' is not name=value", trimmed), where, "num_trees=50,max_depth=8");
    const std::string name(trim(trimmed.substr(0, equals)));
    HY_CHECK(set_param(params, name, trim(trimmed.substr(equals + 1)), where));
    if (std::find(given.begin(), given.end(), name) != given.end())
      return usage_error(fmt::format("{} is given twice", name), where, fmt::format("one value for {}", name));
    given.push_back(name);
  }
  return params;
}

Result<void> set_param(LearnerParams& params, std::string_view name, std::string_view value, const std::string& where) {
  FieldList fields = std::visit([](auto& p) { return fields_of(p); }, params);
  Field* field = find_field(fields, name);
  if (!field) return unknown_param(learner_of(params), name, fields, where);
  const std::string before = field->text();
  if (Result<void> set = field->set(value, where, "params"); !set.ok()) {
    if (field->choices.empty()) set.error().hint = fmt::format("{}={}", name, before);
    if (field->help.ends_with("0 means no limit")) set.error().hint += "; 0 means no limit";
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
                       fmt::format("a learner that does ({}), or another --problem", solvers_of(problem)));
  return std::visit([&](const auto& p) { return check_shape(p, problem, num_features); }, params);
}

Result<void> check_effects(const LearnerParams& params, Problem problem, std::span<const std::string> varied, const std::string& where) {
  if (!std::holds_alternative<BoostingParams>(params)) return {};
  LearnerParams copy = params, defaults = BoostingParams{};
  FieldList fields = fields_of(std::get<BoostingParams>(copy)), initial = fields_of(std::get<BoostingParams>(defaults));
  const auto varies = [varied](std::string_view name) { return std::find(varied.begin(), varied.end(), name) != varied.end(); };
  for (const Dependent& dependent : kBoostingDependents) {
    const bool is_set = varies(dependent.name) || find_field(fields, dependent.name)->text() != find_field(initial, dependent.name)->text();
    const std::string other = *dependent.on ? find_field(fields, dependent.on)->text() : "";
    if (is_set && !varies(dependent.on) && !dependent.works(other, problem))
      return usage_error(fmt::format("{} does nothing here: it goes with {}", dependent.name, dependent.condition()), where,
                         fmt::format("{}, or leave {} out", dependent.hint, dependent.name));
  }
  return {};
}

int64_t predictor_bytes(const LearnerParams& params, int64_t rows, int64_t num_features) {
  return std::visit([&](const auto& p) { return most_bytes(p, rows, num_features); }, params);
}

}  // namespace hayate
