#include "hayate/learner.h"

#include <doctest/doctest.h>

#include "learn/tree_test_data.h"

using namespace hayate;

TEST_CASE("forest params: text to struct and back") {
  const auto params = learner_params("forest", "num_trees=50, max_depth=8,max_features=0.3");
  REQUIRE(params.ok());
  const ForestParams& forest = std::get<ForestParams>(params.value());
  CHECK(forest.num_trees == 50);
  CHECK(forest.max_depth == 8);
  CHECK(forest.max_features == "0.3");
  CHECK(format_params(params.value()) ==
        "num_trees=50,max_depth=8,max_features=0.3,min_samples_leaf=1,min_samples_split=2,bootstrap=true,max_samples=1,bins=64,criterion=auto,"
        "splitter=best,class_weight=none,max_leaf_nodes=0,min_impurity_decrease=0,ccp_alpha=0,monotone=,categorical=,interactions=,oob_score=false");
  CHECK(format_params(learner_params("forest", format_params(params.value())).value()) == format_params(params.value()));
  CHECK(format_params(learner_params("forest", "").value()) == format_params(ForestParams{}));
}

TEST_CASE("forest params: what is wrong, and what would be right") {
  const auto error = [](const char* text) { return learner_params("forest", text).error(); };
  CHECK(error("num_treees=5").what == "unknown forest parameter 'num_treees'");
  CHECK(error("num_treees=5").hint == "did you mean 'num_trees'?");
  CHECK(error("num_trees=0").what == "num_trees must be between 1 and 100000, not '0'");
  CHECK(error("num_trees=0").hint == "num_trees=100");
  CHECK(error("bins=256").what == "bins must be between 2 and 255, or exact, not '256'");
  CHECK(error("num_trees").what == "'num_trees' is not name=value");
  for (const char* text :
       {"max_features=sqr", "max_features=0", "max_features=-1", "max_features=1.5", "max_features=", "max_depth=x", "max_samples=0"}) {
    CAPTURE(text);
    CHECK(error(text).kind == Kind::usage);
  }
}

TEST_CASE("params: names from elsewhere, values given twice, values that have names") {
  const auto error = [](const char* learner, const char* text) { return learner_params(learner, text).error(); };
  CHECK(error("forest", "n_estimators=50").hint == "'n_estimators' is num_trees here");
  CHECK(error("boosting", "max_bin=50").hint == "'max_bin' is bins here");
  CHECK(error("boosting", "subsample=0.5").hint == "'subsample' is bagging_fraction here");
  CHECK(error("forest", "subsample=0.5").hint == "'subsample' is max_samples here");
  CHECK(error("forest", "random_state=1").hint == "'random_state' is the flag --seed here");
  CHECK(error("logistic", "C=1").hint == "'C' is l2, which is 1 / C here");
  CHECK(error("linear", "n_estimators=50").hint.starts_with("one of: l2"));
  CHECK(error("boosting", "objective=mae").hint == "one of: auto, squared_error, absolute_error, quantile, huber, poisson");
  CHECK(error("forest", "max_depth=None").hint == "max_depth=10; 0 means no limit");
  CHECK(error("boosting", "alpha=0.3,objective=quantile,alpha=0.4").what == "alpha is given twice");
}

TEST_CASE("params: what is no number is outside every range") {
  CHECK(learner_params("logistic", "l2=nan").error().what == "l2 must be between 0 and 1e+15, not 'nan'");
  CHECK(learner_params("boosting", "learning_rate=nan").error().kind == Kind::usage);
  CHECK(learner_params("forest", "max_samples=nan").error().kind == Kind::usage);
}

TEST_CASE("params: one that does nothing, as others are, is an error") {
  const auto check = [](const char* text, Problem problem, std::vector<std::string> varied = {}) {
    return check_effects(learner_params("boosting", text).value(), problem, varied);
  };
  const Problem numbers = Problem::regression;
  CHECK(check("alpha=0.9", numbers).error().what == "alpha does nothing here: it goes with objective=quantile");
  CHECK(check("alpha=0.9", numbers).error().hint == "objective=quantile, or leave alpha out");
  CHECK(check("metric=mae", numbers).error().what == "metric does nothing here: it goes with early_stopping_rounds above 0");
  for (const char* text :
       {"objective=huber,alpha=0.9", "objective=quantile,huber_delta=2", "validation_fraction=0.2", "bagging_freq=5", "truncation_level=5"}) {
    CAPTURE(text);
    CHECK(!check(text, numbers).ok());
  }
  for (const char* text : {"", "objective=quantile,alpha=0.9", "objective=huber,huber_delta=2",
                           "early_stopping_rounds=5,metric=mae,validation_fraction=0.2", "bagging_fraction=0.5,bagging_freq=5"}) {
    CAPTURE(text);
    CHECK(check(text, numbers).ok());
  }
  CHECK(check("truncation_level=5", Problem::ranking).ok());
  CHECK(!check("", numbers, {"alpha"}).ok());
  CHECK(check("", numbers, {"alpha", "objective"}).ok());
  CHECK(check("alpha=0.9", numbers, {"objective"}).ok());
}

TEST_CASE("learners: every one has its params, and an unknown one is an error") {
  for (const Learner& learner : learners()) {
    const auto params = learner_params(learner.name);
    REQUIRE(params.ok());
    CHECK(learner_of(params.value()).name == learner.name);
  }
  CHECK(learner_params("forrest").error().hint == "did you mean 'forest'?");
}

TEST_CASE("forest params: features tried at a node") {
  const auto count = [](const char* text, Problem problem, int64_t features) {
    ForestParams params;
    params.max_features = text;
    return features_per_node(params, problem, features).value();
  };
  CHECK(count("auto", Problem::classification, 60) == 7);
  CHECK(count("auto", Problem::regression, 158) == 52);
  CHECK(count("sqrt", Problem::regression, 158) == 12);
  CHECK(count("third", Problem::classification, 2) == 1);
  CHECK(count("all", Problem::classification, 158) == 158);
  CHECK(count("1", Problem::classification, 158) == 1);
  CHECK(count("1.0", Problem::classification, 158) == 158);
  CHECK(count("500", Problem::classification, 158) == 158);
  CHECK(count("0.001", Problem::classification, 158) == 1);
}

namespace {

/// A table read in stretches of 100 rows.
RowSource read_in_steps(const FloatColumns& table) {
  RowSource source;
  source.num_features = table.num_features;
  source.read = [table](std::span<const int32_t> rows, const RowSource::Take& take) {
    for (size_t first = 0; first < rows.size(); first += 100) {
      const auto part = rows.subspan(first, std::min<size_t>(100, rows.size() - first));
      std::vector<float> block;
      for (int64_t f = 0; f < table.num_features; ++f)
        for (const int32_t row : part) block.push_back(table.column(f)[row]);
      take(int64_t(first), {block.data(), int64_t(part.size()), table.num_features, int64_t(part.size())}, 0);
    }
  };
  return source;
}

}  // namespace

TEST_CASE("learning from codes of the training rows alone gives the model that learning from the table gives") {
  test::Data data = test::make_data(3000, 70, 5);
  test::sow_missing(data, 6);
  std::vector<int32_t> train;
  for (int32_t row = 0; row < 3000; ++row)
    if (row % 5 != 2) train.push_back(row);
  exec::Pool pool(2);
  for (const char* text :
       {"forest:num_trees=5,max_depth=6", "forest:num_trees=5,bins=255,bootstrap=false,max_samples=0.5", "forest:num_trees=3,splitter=random",
        "forest:num_trees=3,max_depth=3,oob_score=true", "forest:num_trees=3,monotone=0:1", "forest:num_trees=3,ccp_alpha=0.01",
        "boosting:num_trees=5,num_leaves=8", "boosting:num_trees=5,monotone=1:-1,max_depth=3", "boosting:num_trees=3,bins=255",
        "boosting:num_trees=4,bagging_fraction=0.5", "boosting:num_trees=4,early_stopping_rounds=2"})
    for (const bool weighted : {false, true}) {
      CAPTURE(text);
      CAPTURE(weighted);
      const std::string_view name = text;
      const LearnerParams params = learner_params(name.substr(0, name.find(':')), name.substr(name.find(':') + 1)).value();
      REQUIRE(learns_from_codes(params));
      std::vector<float> weights;
      for (size_t row = 0; row < 3000 && weighted; ++row) weights.push_back(float(random_unit(8, row)));
      const auto trainer = make_trainer(params, data.raw());
      REQUIRE(trainer->prepare(train).ok());
      const Predictor whole = std::move(trainer->train(Labels::numbers(data.y), weights, {3, 4}, &pool)).value();

      BinnedMatrix matrix = std::move(bin_fold(params, Problem::regression, weighted, read_in_steps(data.raw()), train)).value();
      std::vector<double> labels;
      std::vector<float> weights_of_rows;
      for (const int32_t row : train) {
        labels.push_back(data.y[size_t(row)]);
        if (weighted) weights_of_rows.push_back(weights[size_t(row)]);
      }
      REQUIRE(train_on_codes(params, std::move(matrix), Labels::numbers(labels), weights_of_rows, {3, 4}, &pool).value() == whole);
    }
}

TEST_CASE("learners that need the values themselves do not learn from codes") {
  CHECK_FALSE(learns_from_codes(learner_params("linear").value()));
  CHECK_FALSE(learns_from_codes(learner_params("logistic").value()));
  CHECK_FALSE(learns_from_codes(learner_params("forest", "bins=exact").value()));
}
