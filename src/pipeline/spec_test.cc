#include "pipeline/spec.h"

#include <doctest/doctest.h>

using namespace hayate;
using namespace hayate::pipeline;

namespace {
constexpr const char* kSpec = R"([universe]
input = "prices/*.csv"
[features]
set = "alpha158"
expressions = ["ma5 = Mean($close,5)/$close"]
[split]
train_days = 400
[model]
params = { num_trees = 50, max_features = "sqrt" }
seed = 42
[exec]
workers = 3
memory_limit = "2GB"
)";
}

TEST_CASE("spec: every key lands in its field, and the text reads back to the same spec") {
  exec::ExecConfig exec;
  const auto spec = parse_run_spec(kSpec, "run.toml", &exec);
  REQUIRE(spec.ok());
  CHECK(spec.value().universe.input == std::vector<std::string>{"prices/*.csv"});
  CHECK(spec.value().split.train_days == 400);
  CHECK(spec.value().split.test_days == 250);
  CHECK(spec.value().model.params == "max_features=sqrt,num_trees=50");
  CHECK(exec.workers == 3);
  CHECK(exec.memory_limit.value == 2'000'000'000);
  const auto again = parse_run_spec(spec_toml(spec.value()), "again", nullptr);
  REQUIRE(again.ok());
  CHECK(spec_toml(again.value()) == spec_toml(spec.value()));
  CHECK(spec_hash(again.value()) == spec_hash(spec.value()));
}

TEST_CASE("spec: a flag is stronger than [exec]") {
  exec::ExecConfig exec;
  exec.workers = 1;
  REQUIRE(parse_run_spec(kSpec, "run.toml", &exec).ok());
  CHECK(exec.workers == 1);
}

TEST_CASE("spec: wrong names, values and shapes say where and what to try") {
  const auto error = [](const std::string& text) {
    const auto spec = parse_run_spec(text, "bad.toml", nullptr);
    REQUIRE(!spec.ok());
    CHECK(spec.error().kind == Kind::usage);
    CHECK(spec.error().where.starts_with("bad.toml"));
    return spec.error();
  };
  CHECK(error("[universe]\ninput = \"x.csv\"\n[modle]\nlearner = \"forest\"\n").hint == "did you mean 'model'?");
  CHECK(error("[universe]\ninptu = \"x.csv\"\n").hint == "did you mean 'input'?");
  CHECK(error("[universe]\ninput = \"x\"\n[split]\ntrain_days = \"many\"\n").where == "bad.toml:4");
  CHECK(error("[universe]\ninput = \"x\"\n[split]\ntrain_days = 0\n").what == "train_days must be between 1 and 1000000, not '0'");
  CHECK(error("[features]\nset = \"alpha158\"\n").what == "[universe] input is missing");
  CHECK(error("[universe]\ninput = \"x\"\n").what == "no features are asked for");
  CHECK(error("[universe\n").what.starts_with("this is not TOML"));
  CHECK(error("input = \"x\"\n").what == "a setting stands above the first section");
  CHECK(error("[universe]\ninput = \"x\"\n[modle]\n").hint == "did you mean 'model'?");
}
