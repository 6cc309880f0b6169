#include "hayate/learner.h"

#include <doctest/doctest.h>

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
        "splitter=best,class_weight=none,max_leaf_nodes=0,min_impurity_decrease=0,ccp_alpha=0,monotone=,categorical=,oob_score=false");
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
