#include "pipeline/automl.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "base/clock.h"
#include "base/hash.h"
#include "base/random.h"
#include "base/strings.h"
#include "exec/pool.h"
#include "io/writer.h"
#include "pipeline/learning_table.h"
#include "tune/sampler.h"
#include "tune/study.h"

namespace hayate::pipeline {
namespace {

/// What is tried for each learner: fixed params, and a space around its defaults. The cheap ones come first, of trees a few first: in a
/// budget that is too small for more they are what is left.
struct LearnerPlan {
  const char* learner;
  const char* params;
  std::initializer_list<const char*> space;
  const char* first = nullptr;  ///< other params for the first of its candidates
};
const LearnerPlan kPlans[] = {
    {"linear", "l2=1", {"l2=loguniform(0.0001,100000)", "l1_ratio=choice(0,0.5)"}},
    {"logistic", "l2=1", {"l2=loguniform(0.0001,100000)"}},
    {"forest",
     "num_trees=200,max_depth=14",
     {"max_features=choice(sqrt,0.2,0.4,0.7,all)", "min_samples_leaf=logint(1,64)", "max_depth=int(5,20)", "max_samples=quniform(0.3,1,0.1)"},
     "num_trees=30,max_depth=10"},
    {"boosting",
     "num_trees=150,learning_rate=0.07",
     {"learning_rate=loguniform(0.02,0.3)", "num_trees=logint(40,400)", "num_leaves=logint(6,96)", "min_samples_leaf=logint(2,100)"},
     "num_trees=40,learning_rate=0.2"},
};

constexpr size_t kMostKept = 20, kMostBlended = 12;  ///< candidates whose predictions are kept; that may be in the blend
constexpr int kBlendRounds = 20;
constexpr int64_t kBlendRows = 20'000;
constexpr int64_t kPatience = 60;  ///< candidates without a better one after which the search ends
constexpr int64_t kPilotRows = 1500, kPilotGrowth = 4;
constexpr int kPilotTrees = 30;
constexpr double kPilotShare = 0.1;     ///< of the budget, for a first model of more rows
constexpr double kDefaultsShare = 0.5;  ///< of what is left after it, for the defaults of all learners
constexpr double kBoostingShare = 0.4;  ///< of what is left after it, for those of boosting where one fold is tested
constexpr double kSampleShare = 0.2;    ///< of what is left after it, for the defaults where they learn from a sample
constexpr double kOthersShare = 0.25;   ///< of what is free, for a candidate of a learner that does not lead, where one fold is tested
constexpr double kReportShare = 0.15;   ///< of what is left after it, for the report
constexpr int64_t kLeastSample = 3 * kPilotRows;
constexpr double kWriteShare = 0.1;                  ///< of the time, for writing the best model so far
constexpr int64_t kTimedRows = 4096;                 ///< test rows that say what the report will take
constexpr size_t kLikelyParts = 5, kLeastParts = 2;  ///< of the final model, as far as its training is planned; where one fold is tested
constexpr double kMargin = 1.25;                     ///< what is planned for work, in what it took before
constexpr int64_t kFewestTrees = 40;                 ///< that a model of all rows has in place of more; then it has fewer rows

// ---- rows

struct Split {
  std::vector<int32_t> train, test;
};

Result<std::vector<double>> split_shares(const std::string& text) {
  std::vector<double> shares;
  for (const std::string& part : split(text, ',')) {
    const auto share = parse_number(trim(part));
    if (!share || !(*share >= 0 && *share <= 1))
      return usage_error(fmt::format("'{}' is no share between 0 and 1", trim(part)), "--split", "--split 0.8,0.1,0.1");
    shares.push_back(*share);
  }
  if (shares.size() != 3 || std::abs(shares[0] + shares[1] + shares[2] - 1) > 1e-9 || !(shares[0] > 0))
    return usage_error("a split has three shares (train, validate, test) that add up to 1", "--split", "--split 0.8,0.1,0.1");
  return shares;
}

/// A column's name, or "" when the split is shares.
std::string split_column(const std::string& split) { return split.find(',') == std::string::npos ? split : ""; }

Result<Split> split_by_column(const LearningTable& table) {
  Split out;
  for (int32_t row = 0; row < table.examples.num_rows(); ++row) {
    const std::string part = lower(table.split[size_t(row)]);
    if (part == "test")
      out.test.push_back(row);
    else if (part == "train" || part == "training" || part == "validate" || part == "validation")
      out.train.push_back(row);
    else
      return input_error(fmt::format("'{}' is no part of a split", table.split[size_t(row)]), "--split", "the column holds train, validate or test");
  }
  return out;
}

/// The last share of the dates, less those purged before it; or rows at random, class by class.
Split split_by_shares(const LearningTable& table, const AutomlRequest& request, double test_share) {
  const tune::Examples& e = table.examples;
  Split out;
  if (!e.dates.empty()) {
    std::vector<int64_t> dates = e.dates;
    std::sort(dates.begin(), dates.end());
    dates.erase(std::unique(dates.begin(), dates.end()), dates.end());
    const int64_t first = int64_t(std::llround(double(dates.size()) * (1 - test_share)));
    for (int32_t row = 0; row < e.num_rows(); ++row) {
      const int64_t at = std::lower_bound(dates.begin(), dates.end(), e.dates[size_t(row)]) - dates.begin();
      if (at >= first) out.test.push_back(row);
      if (at < first - request.purge_days) out.train.push_back(row);
    }
    return out;
  }
  const uint64_t key = random_key(request.seed, Stage::search, 0, 0, 2);
  const auto class_of = [&e](int32_t row) { return e.ids.empty() ? size_t{0} : size_t(e.ids[size_t(row)]); };
  std::vector<std::vector<uint64_t>> by_class(std::max<size_t>(1, e.classes.size()));
  for (int32_t row = 0; row < e.num_rows(); ++row) by_class[class_of(row)].push_back(random_bits(key, uint64_t(row)));
  // Tested are the rows of a class whose numbers are below that of the first one which is not.
  std::vector<uint64_t> first_trained;
  for (std::vector<uint64_t>& numbers : by_class) {
    const auto tested = ptrdiff_t(std::llround(double(numbers.size()) * test_share));
    std::nth_element(numbers.begin(), numbers.begin() + tested, numbers.end());
    first_trained.push_back(tested < ptrdiff_t(numbers.size()) ? numbers[size_t(tested)] : UINT64_MAX);
  }
  for (int32_t row = 0; row < e.num_rows(); ++row)
    (random_bits(key, uint64_t(row)) < first_trained[class_of(row)] ? out.test : out.train).push_back(row);
  return out;
}

// ---- the search

/// A learner with its space and what was tried of it.
struct Contestant {
  const LearnerPlan* plan;
  LearnerParams params;
  tune::Space space;
  std::vector<tune::Tried> history;
  double best = -INFINITY;      ///< reward
  double seconds_per_tree = 0;  ///< the most among its candidates; one without trees counts as one
  bool failed = false;
};

struct Tried {
  Candidate candidate;
  LearnerParams params;
  double reward = 0, train_seconds = 0;
  std::vector<double> predictions;      ///< out of sample, of the tested rows; empty once it is not among the best
  std::optional<Predictor> model = {};  ///< of the best, when it came with its score, and of what the file holds
  bool is_whole = false;                ///< `model` has learnt from the tested rows, too
  double all_seconds = 0;               ///< of training it on all rows, once that is known
  std::string trained = {};             ///< params of `model` where they are not those that were scored

  const std::string& trained_params() const { return trained.empty() ? candidate.params : trained; }

  /// Seconds until there is a model; until there is one of all rows that were learnt from.
  double model_seconds() const { return model ? 0 : train_seconds; }
  double whole_seconds() const { return model && is_whole ? 0 : train_seconds; }
};

/// Seconds of training on so many rows: trees cost something however few there are.
struct Pace {
  double fixed = 0, a_row = 1e-9;

  double of(double rows) const { return fixed + a_row * rows; }
  /// Another measurement, after one of fewer rows (0: of none, then half of it is taken for fixed).
  void add(double fewer, double took, double rows, double seconds) {
    const double on_average = seconds / rows;
    a_row = fewer > 0 && fewer < rows ? std::clamp((seconds - took) / (rows - fewer), 0.25 * on_average, on_average) : 0.5 * on_average;
    fixed = seconds - a_row * rows;
  }
};

/// Linear learners would take the numbers of texts for amounts, so they do not enter where a feature is text.
bool takes_categories(const LearnerParams& params) {
  return std::visit([](const auto& p) { return requires { p.categorical; }; }, params);
}

/// `params` with some of them set otherwise: "name=value,name=value".
Result<LearnerParams> with_params(LearnerParams params, std::string_view others) {
  for (const std::string& other : split(others, ',')) {
    const size_t equals = other.find('=');
    HY_CHECK(set_param(params, other.substr(0, equals), other.substr(equals + 1), "automl"));
  }
  return params;
}

/// What a model says of rows, as the evaluation takes it.
class Said {
 public:
  Said(const Predictor& model, const tune::Examples& rows)
      : rows_(rows), outputs_(rows.problem == Problem::classification ? rows.classes.size() : 1), weights_(rows.weights.begin(), rows.weights.end()) {
    predictions_.resize(size_t(rows.num_rows()) * outputs_);
    predict(model, rows.values, predictions_);
    predicted_.resize(size_t(rows.num_rows()));
    probability_.resize(outputs_);
    for (size_t i = 0; i < predicted_.size(); ++i) {
      const auto own = std::span(predictions_).subspan(i * outputs_, outputs_);
      predicted_[i] = int32_t(std::max_element(own.begin(), own.end()) - own.begin());
      for (size_t k = 0; k < outputs_; ++k) probability_[k].push_back(own[k]);
    }
  }

  Result<Evaluation> evaluate() const {
    return is_classes() ? evaluate_classification(classes()) : evaluate_regression(rows_.numbers, predictions_, weights_);
  }
  Result<std::vector<MetricInterval>> intervals(const Bootstrap& bootstrap, exec::Pool& pool) const {
    return is_classes() ? bootstrap_classification(classes(), bootstrap, pool)
                        : bootstrap_regression(rows_.numbers, predictions_, weights_, bootstrap, pool);
  }

 private:
  bool is_classes() const { return rows_.problem == Problem::classification; }
  ClassPredictions classes() const { return {rows_.classes, rows_.ids, predicted_, {probability_.begin(), probability_.end()}, weights_}; }

  const tune::Examples& rows_;
  size_t outputs_;
  std::vector<double> predictions_, weights_;
  std::vector<int32_t> predicted_;
  std::vector<std::vector<double>> probability_;
};

class Automl {
 public:
  Automl(const AutomlRequest& request, const LearningTable& table, double began, exec::Pool& pool, exec::Steps& steps,
         const exec::Cancellation& cancel)
      : request_(request), table_(table), began_(began), pool_(pool), steps_(steps), cancel_(cancel) {}

  Result<AutomlOutcome> run() {
    HY_CHECK(split_rows());
    HY_CHECK(write_pilot());
    HY_CHECK(time_report());
    steps_.begin("search");
    HY_CHECK(prepare());
    HY_CHECK(try_defaults());
    if (is_sampled() && !cancel_.stopped())
      out_.stopped = "what is left is for training on all rows";
    else
      HY_CHECK(search());
    HY_CHECK(check_interrupted());  // who asks to stop waits for no report
    HY_CHECK(finish());
    HY_CHECK(report());
    HY_CHECK(check_interrupted());
    out_.seconds = elapsed();
    return std::move(out_);
  }

 private:
  Result<void> check_interrupted() const {
    if (!cancel_.stopped()) return {};
    return Error{Kind::interrupted, "interrupted", "automl", fmt::format("{} holds the best model written so far", request_.model)};
  }

  /// The text features as params name them.
  std::string categorical() const {
    std::vector<std::string> names;
    for (const auto& [name, texts] : table_.categories) names.push_back(name);
    return join(names, ";");
  }

  double elapsed() const { return wall_seconds() - began_; }
  double left() const { return request_.budget_seconds - elapsed(); }

  /// The objective, and which rows train and which test.
  Result<void> split_rows() {
    const tune::Examples& all = table_.examples;
    HY_TRY(out_.objective, tune::find_objective(request_.objective, all.problem, all.classes.size(), request_.at));
    if (request_.at != 0 && !out_.objective->needs_at)
      return usage_error(fmt::format("{} has no threshold to reach", out_.objective->name), "--at",
                         all.problem == Problem::classification ? "--objective maximize-precision-at-recall, or leave it out" : "leave it out");
    if (request_.purge_days > 0 && all.dates.empty())
      return usage_error("dates are purged before those that are tested, and rows have none", "--purge-days", "--by-date COLUMN, or leave it out");
    const double lowest = all.numbers.empty() ? 0 : *std::min_element(all.numbers.begin(), all.numbers.end());
    if (std::string_view(out_.objective->metric) == "rmsle" && lowest <= -1)
      return input_error(fmt::format("{} takes logarithms of 1 + label, and a label is {}", out_.objective->name, format_shortest(lowest)),
                         "--objective", "minimize-rmse or minimize-mae");
    if (split_column(request_.split).empty()) {
      HY_TRY(const auto shares, split_shares(request_.split));
      rows_ = split_by_shares(table_, request_, shares[2]);
    } else {
      HY_TRY(rows_, split_by_column(table_));
    }
    if (rows_.train.size() < 10)
      return input_error(fmt::format("{} rows are left to train on", rows_.train.size()), "--split", "give more rows, or a larger share to train");
    out_.problem = all.problem, out_.why = table_.why, out_.rows_left_out = table_.rows_left_out;
    out_.train_rows = int64_t(rows_.train.size());
    return {};
  }

  /// Candidates learn from a part of the rows: of all of them they would not end in time.
  bool is_sampled() const { return out_.searched_rows < out_.train_rows; }

  /// How candidates are scored: as many rows as the defaults of all learners end for in time, all of them by folds or else by one.
  struct Extent {
    int64_t rows = 0;
    bool one_fold = false;
  };

  /// By what the first models took. The defaults of boosting are five times its first model (40 trees, 150 trees), in five folds 19 times; those
  /// of forests ten times theirs, whose trees are not as deep.
  Extent plan_search() const {
    const double trees = forest_row_seconds_, rows = double(out_.train_rows), time = std::max(0.0, left());
    if (19 * boosting_pace_.of(rows) + 10 * trees * rows <= kDefaultsShare * time || out_.train_rows <= 2 * kLeastSample)
      return {out_.train_rows, false};
    if (5 * boosting_pace_.of(rows) <= kBoostingShare * time) return {out_.train_rows, true};
    const double in_time = std::max(0.0, kSampleShare * time - 5 * boosting_pace_.fixed) / (5 * boosting_pace_.a_row + trees);
    return {std::min(out_.train_rows, std::max({kLeastSample, out_.pilot_rows / 2, int64_t(std::min(in_time, 1e12))})), true};
  }

  /// What a model of boosting learns a tree for, each round.
  double num_scores() const { return table_.examples.classes.size() > 2 ? double(table_.examples.classes.size()) : 1; }

  /// Each step-th of some rows; with dates, all rows of each step-th date.
  std::vector<int32_t> thin(const std::vector<int32_t>& rows, int64_t wanted) const {
    const int64_t step = (int64_t(rows.size()) + wanted - 1) / std::max<int64_t>(1, wanted);
    if (step <= 1) return rows;
    std::vector<int32_t> out;
    const std::vector<int64_t>& row_dates = table_.examples.dates;
    if (row_dates.empty()) {
      for (size_t i = 0; i < rows.size(); i += size_t(step)) out.push_back(rows[i]);
      return out;
    }
    std::vector<int64_t> dates;
    dates.reserve(rows.size());
    for (const int32_t row : rows) dates.push_back(row_dates[size_t(row)]);
    std::sort(dates.begin(), dates.end());
    dates.erase(std::unique(dates.begin(), dates.end()), dates.end());
    for (const int32_t row : rows)
      if ((std::lower_bound(dates.begin(), dates.end(), row_dates[size_t(row)]) - dates.begin()) % step == 0) out.push_back(row);
    return out;
  }

  /// Rows that are tested: as many as the report has time for.
  void choose_test_rows() {
    const double once = predict_seconds_ + measure_seconds_, allowed = std::max(0.0, kReportShare * left());
    const auto all = int64_t(rows_.test.size());
    std::vector<int32_t> rows = rows_.test;
    if (once > allowed && all > 2 * kTimedRows) rows = thin(rows, std::max(kTimedRows, int64_t(double(all) * allowed / once)));
    const double share = double(rows.size()) / double(std::max<int64_t>(1, all));
    predict_seconds_ *= share, measure_seconds_ *= share;
    test_ = tune::select(table_.examples, rows, pool_, cancel_, test_values_);
    out_.test_rows = test_.num_rows(), out_.test_rows_left_out = all - out_.test_rows;
  }

  /// What candidates learn from and are scored on.
  Result<void> prepare() {
    choose_test_rows();
    const double began = wall_seconds();
    const Extent search = plan_search();
    one_fold_ = search.one_fold;
    train_ =
        tune::select(table_.examples, search.rows < out_.train_rows ? thin(rows_.train, search.rows) : rows_.train, pool_, cancel_, train_values_);
    out_.searched_rows = train_.num_rows();
    select_seconds_ = wall_seconds() - began;
    kept_back_ = is_sampled() ? (1 - 2 * kSampleShare) * std::max(0.0, left()) : 0;
    tune::ScoringSpec scoring{
        train_.dates.empty() ? tune::Scoring::folds : tune::Scoring::walk_forward, 5, request_.purge_days, nullptr, request_.seed, one_fold_};
    HY_TRY(folds_, tune::Scorer::make(train_, scoring, pool_, cancel_));
    if (train_.dates.empty() && !one_fold_) {
      scoring.scoring = tune::Scoring::out_of_bag;
      HY_TRY(bags_, tune::Scorer::make(train_, scoring, pool_, cancel_));
    }
    for (const LearnerPlan& plan : kPlans) {
      const auto known = find_learner(plan.learner, "automl");
      if (!known.ok() || !known.value()->solves(train_.problem)) continue;
      Contestant own{&plan, {}, {}, {}};
      HY_TRY(own.params, learner_params(plan.learner, plan.params));
      if (!table_.categories.empty()) {
        if (!takes_categories(own.params)) continue;
        HY_CHECK(set_param(own.params, "categorical", categorical(), "automl"));
      }
      const std::vector<std::string> texts(plan.space.begin(), plan.space.end());
      HY_TRY(own.space, tune::parse_space(texts, plan.learner));
      contestants_.push_back(std::move(own));
    }
    return {};
  }

  // ---- models on files

  Result<Predictor> train_whole(const LearnerParams& params, const tune::Examples& examples, const exec::Cancellation& cancel) {
    const auto trainer = make_trainer(params, examples.values);
    std::vector<int32_t> rows(size_t(examples.num_rows()));
    std::iota(rows.begin(), rows.end(), 0);
    HY_CHECK(trainer->prepare(rows));
    return trainer->train(examples.labels(), examples.weights, {request_.seed, checksum("", 0)}, &pool_, &cancel);
  }

  Result<void> write_model(Predictor predictor, const std::string& learner, const std::string& params) {
    Model model;
    model.problem = table_.examples.problem, model.learner = learner, model.label = request_.label, model.params = params;
    model.features = table_.features, model.classes = table_.examples.classes, model.keys = {""};
    model.notes = {{"objective", out_.objective->name}};
    note_categories(table_.categories, model);
    model.predictors.push_back(std::move(predictor));
    const double began = wall_seconds();
    HY_CHECK(io::write_file(request_.model, serialize(model)));
    longest_write_ = std::max(longest_write_, wall_seconds() - began);
    final_ = std::move(model.predictors.front());
    out_.full_categories = full_categories(final_, table_.features);
    return {};
  }

  /// A small forest on a few rows: milliseconds, whatever the table. Then boosting on more and more rows, as far as a small share of the budget
  /// goes: where the table is so large that no candidate ends in time, it is the model, and what it took says how many rows candidates learn from.
  Result<void> write_pilot() {
    steps_.begin("first model");
    HY_TRY(const FirstModel forest, train_first("forest", fmt::format("num_trees={},max_depth=8", kPilotTrees), kPilotRows, cancel_));
    forest_row_seconds_ = forest.seconds / forest.rows;
    out_.first_model_seconds = elapsed();
    boosting_pace_.a_row = num_scores() * forest_row_seconds_;  // where the forest has learnt from all rows
    const double allowed = kPilotShare * request_.budget_seconds;
    double rows = 0, seconds = 0;  // of the one before
    for (int64_t most = kPilotRows; rows < double(out_.train_rows) && out_.pilot_rows < out_.train_rows; most *= kPilotGrowth) {
      if (rows > 0 && boosting_pace_.of(double(most)) > allowed) break;
      const auto grown = train_first("boosting", plan_of("boosting").first, most, exec::Cancellation(cancel_, allowed));
      if (!grown.ok() && grown.error().kind != Kind::timeout && grown.error().kind != Kind::interrupted) return grown.error();
      if (!grown.ok()) {
        if (rows == 0) boosting_pace_.a_row = allowed / kPilotRows;  // or more
        break;
      }
      boosting_pace_.add(rows, seconds, grown.value().rows, grown.value().seconds);
      rows = grown.value().rows, seconds = grown.value().seconds;
    }
    return {};
  }

  static const LearnerPlan& plan_of(std::string_view learner) {
    return *std::find_if(std::begin(kPlans), std::end(kPlans), [learner](const LearnerPlan& plan) { return plan.learner == learner; });
  }

  struct FirstModel {
    double rows = 0, seconds = 0;  ///< of training
  };

  /// A model of so many rows or up to twice as many; in the file when no other has learnt from as many.
  Result<FirstModel> train_first(const std::string& learner, const std::string& params_text, int64_t most, const exec::Cancellation& cancel) {
    std::vector<int32_t> rows;
    const size_t step = std::max<size_t>(1, rows_.train.size() / size_t(most));
    for (size_t i = 0; i < rows_.train.size(); i += step) rows.push_back(rows_.train[i]);
    std::unique_ptr<float[]> storage;
    const tune::Examples few = tune::select(table_.examples, rows, pool_, cancel, storage);
    HY_TRY(LearnerParams params, learner_params(learner, params_text));
    if (!table_.categories.empty()) HY_CHECK(set_param(params, "categorical", categorical(), "automl"));
    const double began = wall_seconds();
    HY_TRY(Predictor predictor, train_whole(params, few, cancel));
    const FirstModel out{double(rows.size()), std::max(wall_seconds() - began, 1e-6)};
    if (int64_t(rows.size()) > out_.pilot_rows) {
      HY_CHECK(write_model(std::move(predictor), learner, format_params(params)));
      out_.pilot_learner = learner, out_.pilot_rows = int64_t(rows.size());
    }
    return out;
  }

  /// The best candidate so far, in the file: always with `at_once`, else when that takes a small share of the time since it was last done.
  Result<void> keep_best(bool at_once) {
    const auto leader = best_place();
    if (!leader || leader == written_ || cancel_.stopped()) return {};
    Tried& tried = tried_[*leader];
    const double free = left() - reserve();
    if (1.5 * tried.model_seconds() + longest_write_ > free) return {};
    if (!at_once && tried.model_seconds() + write_seconds_ > kWriteShare * (elapsed() - written_at_)) return {};
    if (!tried.model) {
      auto predictor = train_whole(tried.params, train_, exec::Cancellation(cancel_, free));
      if (!predictor.ok()) return {};
      tried.model = std::move(predictor.value()), tried.is_whole = true;
    }
    const double began = wall_seconds();
    HY_CHECK(write_model(*tried.model, tried.candidate.learner, tried.candidate.params));
    write_seconds_ = wall_seconds() - began, written_at_ = elapsed(), written_ = leader;
    forget_models();
    return {};
  }

  // ---- candidates

  /// The best candidates: what the final model is likely to be made of.
  std::vector<const Tried*> likely_parts() const {
    std::vector<const Tried*> best;
    best.reserve(tried_.size());
    for (const Tried& tried : tried_) best.push_back(&tried);
    std::stable_sort(best.begin(), best.end(), [](const Tried* a, const Tried* b) { return a->reward > b->reward; });
    best.resize(std::min(best.size(), one_fold_ ? kLeastParts : kLikelyParts));
    return best;
  }

  /// Times the report on a few of the test rows, with the first model.
  Result<void> time_report() {
    const size_t few = std::min(rows_.test.size(), size_t(kTimedRows));
    if (few == 0) return {};
    const std::vector<int32_t> rows(rows_.test.begin(), rows_.test.begin() + ptrdiff_t(few));
    std::unique_ptr<float[]> storage;
    const tune::Examples timed = tune::select(table_.examples, rows, pool_, cancel_, storage);
    const double began = wall_seconds(), times = double(rows_.test.size()) / double(few);
    const Said said(final_, timed);
    predict_seconds_ = (wall_seconds() - began) * times;
    (void)said.evaluate();  // where it fails, the report says so
    measure_seconds_ = (wall_seconds() - began) * times - predict_seconds_;
    return {};
  }

  /// Seconds from the trained parts of the final model to the end, without intervals.
  double report_seconds() const {
    double models = 0;  // of as many trees as the first one
    for (const Tried* part : likely_parts()) models += double(std::max<int64_t>(1, tune::iterations_of(part->params))) / kPilotTrees;
    return longest_write_ + predict_seconds_ * std::max(1.0, models) + measure_seconds_;
  }

  /// Seconds to keep back: for training what is likely to be blended, and for the report.
  double reserve() const {
    double training = 0;
    for (const Tried* part : likely_parts()) training += part->whole_seconds();
    return 1.5 * training + std::max(0.06 * request_.budget_seconds, 2 * report_seconds()) + kept_back_;
  }

  /// Tries one configuration when the plan has time for it, and gives it up after `share` of that. True: it was tried.
  Result<bool> attempt(Contestant& own, const LearnerParams& params, const std::vector<double>* point, double share = 1) {
    const double free = share * (left() - reserve() - reward_seconds_), trees = double(std::max<int64_t>(1, tune::iterations_of(params)));
    if (free <= 0 || kMargin * own.seconds_per_tree * trees > free) return false;
    const double began = wall_seconds();
    const exec::Cancellation deadline(cancel_, free);
    tune::Scorer& scorer = bags_ && std::holds_alternative<ForestParams>(params) ? *bags_ : *folds_;
    auto answer = scorer.predict_all(params, deadline);
    const double seconds = wall_seconds() - began;
    own.seconds_per_tree = std::max(own.seconds_per_tree, seconds / trees);
    if (!answer.ok()) {
      own.failed = answer.error().kind != Kind::timeout && answer.error().kind != Kind::interrupted;
      if (own.failed) failure_ = answer.error();
      return false;
    }
    Tried tried{
        {own.plan->learner, format_params(params), 0, seconds, 0}, params, 0, answer.value().train_seconds, std::move(answer.value().predictions)};
    tried.is_whole = &scorer == bags_.get();
    if (tried.is_whole || one_fold_) tried.model = std::move(answer.value().last);
    std::vector<int32_t> rows(size_t(train_.num_rows()));
    std::iota(rows.begin(), rows.end(), 0);
    const double answered = wall_seconds();
    tried.reward = tune::reward(*out_.objective, request_.at, train_, rows, tried.predictions);
    reward_seconds_ = std::max(reward_seconds_, wall_seconds() - answered);
    if (point) own.history.push_back({*point, tried.reward});
    if (std::isnan(tried.reward)) {
      failure_ = input_error(fmt::format("{} is undefined of what a {} predicts", out_.objective->name, own.plan->learner), "--objective",
                             "another objective, or a label of smaller numbers");
      own.failed = own.best == -INFINITY;
      return true;
    }
    tried.candidate.value = sign() * tried.reward;
    own.best = std::max(own.best, tried.reward);
    tried_.push_back(std::move(tried));
    forget_predictions();
    forget_models();
    HY_CHECK(keep_best(false));
    steps_.advance();
    return true;
  }

  bool was_tried(const LearnerParams& params) const {
    return std::any_of(tried_.begin(), tried_.end(), [&](const Tried& tried) { return format_params(tried.params) == format_params(params); });
  }

  double sign() const { return maximizes(*out_.objective) ? 1 : -1; }

  /// Predictions of all but the best candidates are let go.
  void forget_predictions() {
    std::vector<size_t> order(tried_.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return tried_[a].reward > tried_[b].reward; });
    for (size_t i = kMostKept; i < order.size(); ++i) tried_[order[i]].predictions = {};
  }

  /// Models are kept of the best candidate and of the one in the file.
  void forget_models() {
    const auto leader = best_place();
    for (size_t i = 0; i < tried_.size(); ++i)
      if (leader != i && written_ != i) tried_[i].model.reset();
  }

  std::optional<size_t> best_place() const {
    std::optional<size_t> out;
    for (size_t i = 0; i < tried_.size(); ++i)
      if (!out || tried_[i].reward > tried_[*out].reward) out = i;
    return out;
  }

  Result<void> try_defaults() {
    size_t waiting = contestants_.size();
    // In short time forests come last, whose trees take several times as long, unless boosting learns a tree for each of many classes.
    const LearnerPlan* last =
        &plan_of(boosting_pace_.of(double(out_.train_rows)) > 4 * forest_row_seconds_ * double(out_.train_rows) ? "boosting" : "forest");
    if (one_fold_) std::stable_partition(contestants_.begin(), contestants_.end(), [last](const Contestant& own) { return own.plan != last; });
    for (Contestant& own : contestants_) {
      HY_TRY(const LearnerParams params, own.plan->first ? with_params(own.params, own.plan->first) : own.params);
      HY_CHECK(attempt(own, params, nullptr, 1 / double(waiting--)));  // one that takes too long leaves the others their part
      if (one_fold_ && own.plan->first && waiting > 0) HY_CHECK(attempt(own, own.params, nullptr, is_sampled() ? kDefaultsShare : 1));
    }
    for (Contestant& own : contestants_)
      if (own.plan->first && !was_tried(own.params)) HY_CHECK(attempt(own, own.params, nullptr, share_of(own)));
    HY_CHECK(keep_best(true));
    if (tried_.empty() && failure_ && std::all_of(contestants_.begin(), contestants_.end(), [](const Contestant& own) { return own.failed; }))
      return *failure_;
    return {};
  }

  Contestant& leader() {
    return *std::max_element(contestants_.begin(), contestants_.end(), [](const Contestant& a, const Contestant& b) { return a.best < b.best; });
  }

  /// Of the free time, for a candidate: where time is so short that one fold is tested, learners that do not lead take a part.
  double share_of(const Contestant& own) { return one_fold_ && &own != &leader() ? kOthersShare : 1; }

  /// Every other candidate is of the learner that leads, the rest go round.
  Result<void> search() {
    int64_t turn = 0, since_better = 0, refused = 0;
    while (!cancel_.stopped() && since_better < kPatience && refused < int64_t(2 * contestants_.size())) {
      Contestant& own = turn % 2 == 0 ? leader() : contestants_[size_t(turn / 2) % contestants_.size()];
      ++turn;
      const double before = leader().best;
      bool done = false;
      if (!own.failed) {
        const std::vector<double> point =
            tune::next_point(own.space, tune::Sampler::tpe, request_.seed + uint64_t(own.plan - kPlans), int64_t(own.history.size()), own.history);
        HY_TRY(const LearnerParams params, tune::apply_config(own.space.at(point), own.params, own.plan->learner));
        HY_TRY(done, attempt(own, params, &point, share_of(own)));
      }
      refused = done ? 0 : refused + 1;
      if (done) since_better = own.best > before ? 0 : since_better + 1;
    }
    out_.stopped = cancel_.stopped()           ? "interrupted"
                   : since_better >= kPatience ? fmt::format("nothing better in {} candidates", kPatience)
                                               : "no candidate more would end inside the budget";
    return {};
  }

  // ---- the final model

  void choose_weights() {
    std::vector<Tried*> kept;
    for (Tried& tried : tried_)
      if (!tried.predictions.empty()) kept.push_back(&tried);
    std::stable_sort(kept.begin(), kept.end(), [](const Tried* a, const Tried* b) { return a->reward > b->reward; });
    if (kept.size() > kMostBlended) kept.resize(kMostBlended);
    // A sample of the rows is enough to weigh a dozen models.
    const size_t outputs = train_.problem == Problem::classification ? train_.classes.size() : 1;
    std::vector<int32_t> tested, rows;
    for (int32_t row = 0; row < train_.num_rows(); ++row)
      if (!kept.empty() && !std::isnan(kept.front()->predictions[size_t(row) * outputs])) tested.push_back(row);
    const size_t step = std::max<size_t>(1, tested.size() / size_t(kBlendRows));
    for (size_t i = 0; i < tested.size(); i += step) rows.push_back(tested[i]);
    std::unique_ptr<float[]> storage;
    const tune::Examples sample = tune::select(train_, rows, pool_, exec::Cancellation(), storage);
    std::vector<std::vector<double>> sampled;
    for (const Tried* tried : kept) {
      sampled.emplace_back();
      for (const int32_t row : rows)
        for (size_t k = 0; k < outputs; ++k) sampled.back().push_back(tried->predictions[size_t(row) * outputs + k]);
    }
    const std::vector<std::span<const double>> views(sampled.begin(), sampled.end());
    const exec::Cancellation deadline(cancel_, std::max(0.02 * request_.budget_seconds, 1e-3));
    const std::vector<double> weights = tune::blend_weights(*out_.objective, request_.at, sample, views, kBlendRounds, deadline);
    const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
    for (size_t i = 0; i < kept.size(); ++i) kept[i]->candidate.weight = sum > 0 ? weights[i] / sum : i == 0 ? 1 : 0;
  }

  /// The file keeps the model that stands there, and the leaderboard says so.
  void keep_what_is_written() {
    for (size_t i = 0; i < tried_.size(); ++i) tried_[i].candidate.weight = written_ == i ? 1 : 0;
  }

  void fill_leaderboard() {
    for (const Tried& tried : tried_) out_.leaderboard.push_back(tried.candidate);
    std::stable_sort(out_.leaderboard.begin(), out_.leaderboard.end(),
                     [&](const Candidate& a, const Candidate& b) { return sign() * a.value > sign() * b.value; });
  }

  /// What is left for training parts of the final model.
  double time_to_train() const { return left() - std::max(0.03 * request_.budget_seconds, 1.5 * report_seconds()); }

  /// Fewer trees of a learner for `share` of the time, of boosting with a greater rate; no less than a few.
  static LearnerParams with_fewer_trees(LearnerParams params, double share) {
    const auto shorten = [share](auto& p) {
      if constexpr (requires { p.num_trees; }) {
        const int64_t trees = std::min(p.num_trees, std::max(kFewestTrees, int64_t(double(p.num_trees) * share)));
        if constexpr (requires { p.learning_rate; })
          p.learning_rate = std::max(p.learning_rate, std::min(0.2, p.learning_rate * double(p.num_trees) / double(trees)));
        p.num_trees = trees;
      }
    };
    std::visit(shorten, params);
    return params;
  }

  static double trees_of(const LearnerParams& params) { return double(std::max<int64_t>(1, tune::iterations_of(params))); }

  /// What a part that learnt from a sample learns from all rows: boosting of a few trees, which is what the sample had time for, has them all.
  const LearnerParams& params_on_all(const Tried& part) const {
    for (const Contestant& own : contestants_)
      if (own.plan == &plan_of("boosting") && part.candidate.learner == own.plan->learner && trees_of(part.params) < trees_of(own.params))
        return own.params;
    return part.params;
  }

  /// Trains a part on as many of all rows as `allowed` seconds are enough for, with fewer trees where it must; true: done.
  bool train_in(Tried& part, double seconds_on_all, double allowed) {
    const LearnerParams all = params_on_all(part), params = with_fewer_trees(all, allowed / seconds_on_all);
    const auto rows = int64_t(double(out_.train_rows) * std::min(1.0, allowed / seconds_on_all * trees_of(all) / trees_of(params)));
    if (2 * rows < 3 * out_.searched_rows) return false;
    const exec::Cancellation deadline(cancel_, time_to_train());
    if (whole_.num_rows() < rows) whole_ = tune::select(table_.examples, thin(rows_.train, rows), pool_, deadline, whole_values_);
    if (deadline.stopped()) return whole_ = {}, false;
    const double began = wall_seconds();
    auto trained = train_whole(params, whole_, deadline);
    if (!trained.ok() || deadline.stopped()) return false;
    part.model = std::move(trained.value()), part.is_whole = true, part.trained = format_params(params);
    part.all_seconds = (wall_seconds() - began) * trees_of(all) / trees_of(params) * double(out_.train_rows) / double(whole_.num_rows());
    return true;
  }

  /// Seconds until a candidate that learnt from a sample has learnt from all rows.
  double seconds_on_all(const Tried& part) const {
    const double times = double(out_.train_rows) / double(out_.searched_rows);
    return part.train_seconds * trees_of(params_on_all(part)) / trees_of(part.params) * times +
           (whole_.num_rows() == out_.train_rows ? 0 : select_seconds_ * times);
  }

  /// Of a candidate that learnt from a sample: the model of all rows. The first of them takes what it can get in the time there is: what it
  /// took of a sample says too much, so few trees come first where it says that all are too many, and then as many as these say.
  bool train_on_all(Tried& part, bool is_first) {
    const double expected = kMargin * seconds_on_all(part), time = time_to_train();
    if (!is_first || expected <= time) return expected <= time && train_in(part, expected, time);
    const LearnerParams all = params_on_all(part), few = with_fewer_trees(all, 0);
    if (!train_in(part, expected, std::min(time, expected * trees_of(few) / trees_of(all)))) return false;
    const double share = time_to_train() / (kMargin * part.all_seconds);
    if (trees_of(with_fewer_trees(all, share)) >= 1.5 * trees_of(few)) train_in(part, kMargin * part.all_seconds, time_to_train());
    return true;
  }

  /// Trains the parts on all training rows, the heaviest first; parts that time does not allow are left out. When what remains are
  /// parts that are each worse than the candidate in the file, that stays.
  Result<void> finish() {
    steps_.begin("final model");
    out_.only_pilot = tried_.empty();
    if (tried_.empty()) return {};
    choose_weights();
    std::vector<Tried*> parts;
    for (Tried& tried : tried_)
      if (tried.candidate.weight > 0) parts.push_back(&tried);
    std::stable_sort(parts.begin(), parts.end(), [](const Tried* a, const Tried* b) { return a->candidate.weight > b->candidate.weight; });
    Blend blend{train_.problem, int32_t(train_.classes.size()), {}, {}};
    std::vector<std::string> texts;
    double best_part = -INFINITY;
    bool some_left_out = false, some_on_all = false;
    for (Tried* part : parts) {
      const bool on_all = is_sampled() && !cancel_.stopped() && train_on_all(*part, part == parts.front());
      // Beside a model of all rows those of a sample take away more than they give.
      if (some_on_all && !on_all) part->model.reset();
      some_on_all = some_on_all || on_all;
      if (!some_on_all && !(part->model && part->is_whole) && !cancel_.stopped() && kMargin * part->train_seconds <= time_to_train()) {
        auto trained = train_whole(part->params, train_, exec::Cancellation(cancel_, time_to_train()));
        if (trained.ok()) part->model = std::move(trained.value()), part->is_whole = true;
      }
      if (!part->model) {
        part->candidate.weight = 0, some_left_out = true;
        continue;
      }
      best_part = std::max(best_part, part->reward);
      Predictor predictor = std::move(*std::exchange(part->model, std::nullopt));
      if (Forest* forest = std::get_if<Forest>(&predictor))
        blend.parts.emplace_back(std::move(*forest));
      else
        blend.parts.emplace_back(std::move(std::get<Linear>(predictor)));
      blend.weights.push_back(part->candidate.weight);
      texts.push_back(fmt::format("{:.2f} {} {}", part->candidate.weight, part->candidate.learner, part->trained_params()));
    }
    const bool file_is_better = some_left_out && !some_on_all && written_ && tried_[*written_].reward > best_part;
    out_.only_pilot = blend.parts.empty() && !written_;
    blend.parts.empty() || file_is_better ? keep_what_is_written() : rescale_weights();
    fill_leaderboard();
    if (blend.parts.empty() || file_is_better) return {};
    if (blend.parts.size() > 1) return write_model(std::move(blend), "blend", join(texts, "; "));
    Predictor only = std::visit([](auto& p) { return Predictor(std::move(p)); }, blend.parts.front());
    const Tried& part = **std::find_if(parts.begin(), parts.end(), [](const Tried* t) { return t->candidate.weight > 0; });
    return write_model(std::move(only), part.candidate.learner, part.trained_params());
  }

  void rescale_weights() {
    double sum = 0;
    for (const Tried& tried : tried_) sum += tried.candidate.weight;
    for (Tried& tried : tried_) tried.candidate.weight = sum > 0 ? tried.candidate.weight / sum : 0;
  }

  // ---- the report

  Result<void> report() {
    steps_.begin("report");
    const Said said(final_, test_);
    const double began = wall_seconds();
    HY_TRY(out_.test, said.evaluate());
    // As many resamples as half of what is left allows, at most 200; the end of the budget stops them.
    const double once = std::max(wall_seconds() - began, 1e-6), allowed = left() - 1.5 * once;
    const int resamples = int(std::clamp(0.5 * allowed * pool_.workers() / once, 0.0, 200.0));
    if (resamples >= kLeastResamples && test_.num_rows() > 0) {
      const exec::Cancellation deadline(cancel_, allowed);
      auto intervals = said.intervals({resamples, 0.95, request_.seed, test_.dates, &deadline}, pool_);
      if (intervals.ok())
        out_.intervals = std::move(intervals.value());
      else if (intervals.error().kind != Kind::timeout && intervals.error().kind != Kind::interrupted)
        return intervals.error();
    }
    steps_.end();
    return {};
  }

  const AutomlRequest& request_;
  const LearningTable& table_;
  double began_;
  exec::Pool& pool_;
  exec::Steps& steps_;
  const exec::Cancellation& cancel_;
  Split rows_;
  tune::Examples train_, test_, whole_;  ///< that candidates learn from; that are tested; all that train, once a candidate of a sample asks
  std::unique_ptr<float[]> train_values_, test_values_, whole_values_;
  std::unique_ptr<tune::Scorer> folds_, bags_;  ///< bags_: for forests; null when rows have dates, or one fold is tested
  bool one_fold_ = false;                       ///< candidates learn once, and are scored on one fold
  std::vector<Contestant> contestants_;
  std::vector<Tried> tried_;
  std::optional<Error> failure_;
  Predictor final_;                ///< what the model file holds
  std::optional<size_t> written_;  ///< the candidate in it; nothing: the first model
  double written_at_ = 0, write_seconds_ = 0;
  double longest_write_ = 0, predict_seconds_ = 0, measure_seconds_ = 0;  ///< of a model file; of the test rows, with the first model
  double forest_row_seconds_ = 0;                                         ///< of training the first model, a row
  Pace boosting_pace_;                                                    ///< of the first models of boosting
  double select_seconds_ = 0, kept_back_ = 0;                             ///< of copying the rows to learn from; for training on all rows
  double reward_seconds_ = 0;                                             ///< the most that a score took
  AutomlOutcome out_;
};

Error over_while_reading(const AutomlRequest& request, double seconds) {
  const double enough = std::max(1.0, std::ceil(10 * seconds));
  return {Kind::budget, fmt::format("the budget of {} was over before the table was read", format_seconds(request.budget_seconds)),
          fmt::format("{}: {}", "--budget", request.input.front()),
          fmt::format("--budget {:.0f}s, or fewer rows or columns (--features a,b)", enough)};
}

}  // namespace

Result<AutomlOutcome> automl_table(const AutomlRequest& request, exec::Steps& steps, const exec::Cancellation& cancel) {
  const double began = wall_seconds();
  if (split_column(request.split).empty()) {
    if (const auto shares = split_shares(request.split); !shares.ok()) return shares.error();
  }
  exec::Pool pool(exec::worker_count(request.exec));
  const exec::Cancellation deadline(cancel, request.budget_seconds);
  const LearningSource source{request.input,    request.label,
                              request.features, request.weight,
                              request.by_date,  split_column(request.split),
                              request.problem,  request.kind,
                              request.reading,  {},
                              &deadline};
  auto read = read_learning_table(source, pool, steps, exec::memory_limit_bytes(request.exec));
  if (deadline.stopped() && !cancel.stopped()) return over_while_reading(request, wall_seconds() - began);
  HY_TRY(const LearningTable table, std::move(read));
  return Automl(request, table, began, pool, steps, cancel).run();
}

}  // namespace hayate::pipeline
