#include "pipeline/spec.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "pipeline/plan.h"

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

TEST_CASE("spec: one feature set or an array of them; one keeps the text that it had alone") {
  const auto sets = [](const std::string& value) {
    const auto spec =
        parse_run_spec(fmt::format("[universe]\ninput = \"x\"\n[features]\nset = {}\nindicators = [\"obv\"]\n", value), "a.toml", nullptr);
    REQUIRE(spec.ok());
    const auto again = parse_run_spec(spec_toml(spec.value()), "again", nullptr);
    REQUIRE(again.ok());
    CHECK(again.value().features.set == spec.value().features.set);
    CHECK(spec_toml(spec.value()).find(fmt::format("\nset = {}\n", value)) != std::string::npos);
    return spec.value().features.set;
  };
  CHECK(sets("\"alpha158\"") == std::vector<std::string>{"alpha158"});
  CHECK(sets("[\"alpha158\", \"daytrade21\"]") == std::vector<std::string>{"alpha158", "daytrade21"});
  CHECK(sets("\"\"").empty());
}

TEST_CASE("features: sets stand one behind the other, what two of them share once, and another feature of a name is refused") {
  const auto names = [](const FeatureSources& sources) {
    const auto features = list_features(sources, "--set", "--indicator", "--expr");
    REQUIRE(features.ok());
    std::vector<std::string> out;
    for (const NamedExpression& feature : features.value()) out.push_back(feature.name);
    return out;
  };
  const auto a = names({.set = {"alpha158"}}), b = names({.set = {"daytrade21"}}), both = names({.set = {"alpha158", "daytrade21"}});
  REQUIRE(both.size() == a.size() + b.size());
  CHECK(std::equal(a.begin(), a.end(), both.begin()));
  CHECK(std::equal(b.begin(), b.end(), both.begin() + ptrdiff_t(a.size())));
  CHECK(names({.set = {"alpha158", "alpha360"}}).size() == 158 + 360 - 4);  // OPEN0 HIGH0 LOW0 VWAP0
  CHECK(names({.set = {"alpha158", "alpha158"}, .expressions = {"ROC5=Ref($close, 5)/$close"}}) == a);
  const auto error = [](const FeatureSources& sources) {
    const auto features = list_features(sources, "--set", "--indicator", "--expr");
    REQUIRE(!features.ok());
    return features.error();
  };
  const Error other = error({.set = {"alpha158"}, .expressions = {"ROC5=$close"}});
  CHECK(other.what == "two features are called 'ROC5'");
  CHECK(other.where == "Ref($close, 5)/$close of the set alpha158, and --expr: $close");
  CHECK(error({.expressions = {"x=$close", "x=$close"}}).what == "two features are called 'x'");
  CHECK(error({.set = {"alpha158", "alpha185"}}).hint == "did you mean 'alpha158'?");
  CHECK(error({.set = {"my.set"}}).hint.ends_with("features in a file are given by --expr-file my.set"));
}

TEST_CASE("spec: what is wrong with a feature, a processor or the label is said with line and column") {
  const auto where = [](const std::string& features) {
    const auto spec = parse_run_spec("[universe]\ninput = \"x\"\n" + features, "my.toml", nullptr);
    REQUIRE(spec.ok());
    auto plan = make_plan(spec.value());
    if (!plan.ok()) return plan.error().where;
    return compile_plan(plan.value(), {"open", "close"}).error().where;
  };
  const auto line = [&](const std::string& features) { return where(features).substr(0, where(features).find('\n')); };
  CHECK(where("[features]\nexpressions = [\n  \"é = $close\",\n  \"b = Mean($clsoe, 5)\",\n]\n") ==
        "my.toml:6:13: b = Mean($clsoe, 5)\n                       ^^^^^^");
  CHECK(line("[features]\nexpressions = [\"é = $close\", 'b = Mean($close 5)']\n") == "my.toml:4:47: b = Mean($close 5)");
  CHECK(line("[features]\nexpressions = ['b']\n") == "my.toml:4:17: b");
  CHECK(line("[features]\nexpressions = [\"\"\"\nb = Mean($clsoe, 5)\"\"\"]\n") == "my.toml:4: b = Mean($clsoe, 5)");
  CHECK(line("[features]\nexpressions = ['b = $clsoe']\nprocessors = ['cs_rank']\n") == "my.toml:4: b = CSRank($clsoe)");
  CHECK(line("[features]\nexpressions = ['b = $close']\nprocessors = ['fillna(0)',\n 'cs_rnk']\n") == "my.toml:6");
  CHECK(line("[features]\nset = ['alpha158',\n 'alpha185']\n") == "my.toml:5");
  CHECK(line("[features]\nindicators = [\n 'rsi(7)', 'rsi(perod=7)']\n") == "my.toml:5:23: rsi(perod=7)");
  CHECK(line("[features]\nindicators = [\n 'atr(7)']\n") == "my.toml:5: atr_7 = ta.ATR($high, $low, $close, timeperiod=7)");
  CHECK(line("[features]\nexpressions = ['b = $close']\n[label]\nexpression = 'Ref($clsoe, -2)'\n") == "my.toml:6:19: label = Ref($clsoe, -2)");
  CHECK(line("[features]\nexpressions = ['b = $close',\n 'b = $open']\n") == "my.toml:4: $close, and my.toml:5: $open");
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
