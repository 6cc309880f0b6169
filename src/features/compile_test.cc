#include <doctest/doctest.h>

#include "hayate/features.h"

using namespace hayate;

namespace {

const std::vector<std::string> kFields = {"open", "high", "low", "close", "volume"};

Program compiled(std::string_view text, CompileOptions options = {}) {
  const NamedExpression named{"x", std::string(text)};
  auto program = Program::compile({&named, 1}, kFields, options);
  if (!program.ok()) FAIL(text, ": ", program.error().what);
  return std::move(program).value();
}

Error error_of(std::string_view text, CompileOptions options = {}) {
  const NamedExpression named{"x", std::string(text)};
  auto program = Program::compile({&named, 1}, kFields, options);
  if (program.ok()) FAIL(text, " compiles");
  return program.error();
}

bool says(std::string_view text, std::string_view part) {
  const Error error = error_of(text);
  CHECK(error.kind == Kind::usage);
  CHECK(error.where.find('^') != std::string::npos);
  return (error.what + "\n" + error.hint).find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("near names are proposed") {
  CHECK(says("Maen($close,5)", "'Mean'"));
  CHECK(says("mean($close,5)", "'Mean'"));
  CHECK(says("Mean($clsoe,5)", "'$close'"));
  CHECK(says("__import__('os')", "unknown operator"));
  CHECK(says("Rolling($close,5,'meen')", "'mean'"));
}

TEST_CASE("arguments are checked") {
  CHECK(says("Mean($close)", "needs 'N'"));
  CHECK(says("Mean($close,5,6)", "takes 2 arguments, 3 are given"));
  CHECK(says("Mean($close,M=5)", "no parameter 'M'"));
  CHECK(says("Mean($close,5,N=6)", "given twice"));
  CHECK(says("Sum(1,5)", "of a number"));
  CHECK(says("Add(1,2)", "of two numbers"));
  CHECK(says("Corr($close,1,5)", "two series"));
  CHECK(says("Mean($close,$open)", "is a series"));
  CHECK(says("'close'", "constant"));
  CHECK(says("'a'+$close", "a text"));
  CHECK(says("Mean('close',5)", "a text"));
  CHECK(says("Rolling($close,5,6)", "name of a function"));
  CHECK(says("1+2", "constant"));
  CHECK(says("$close.value", "one result"));
  CHECK(says("If(1,$close,$open)", "condition"));
  CHECK(compiled("Mean(feature=$close, N=5)").num_outputs() == 1);
  CHECK(compiled("Mean($close, 2*5)").reach() == 9);
}

TEST_CASE("windows are checked as qlib checks them") {
  for (const char* text :
       {"Mean($close,-5)", "Mean($close,5.0)", "Mean($close,5.5)", "Skew($close,2)", "Kurt($close,3)", "Corr($close,$open,0)", "Rank($close,0.5)",
        "EMA($close,-1)", "Ref($close,1.5)", "Quantile($close,5,1.5)", "Mean($close,1000000)", "Slope($close,0.1)", "Mean($close,1e400)"})
    CHECK_FALSE(error_of(text).what.empty());
  for (const char* text : {"Mean($close,0)", "Mean($close,0.1)", "Skew($close,3)", "Kurt($close,4)", "Kurt($close,0)", "EMA($close,1.5)",
                           "EMA($close,0.5)", "EMA($close,0)", "Quantile($close,5,1)", "Rolling($close,2,'skew')", "Med($close,0.2)"})
    CHECK(compiled(text).num_outputs() == 1);
}

TEST_CASE("conditions are numbers, but not every operator takes numbers for conditions") {
  for (const char* text : {"Mean($close>$open,5)", "If($close,1,0)", "($close>$open)+($high>$low)", "And($close>$open,1)", "Not($close>$open)",
                           "Not(If($close>$open,1,0))", "Rank($close>$open,5)", "Abs($close>$open)", "Log($close>$open)", "Ref($close>$open,1)",
                           "-($close>$open)", "$close*($close>$open)"})
    CHECK(compiled(text).num_outputs() == 1);
  CHECK(says("And($close,$open)", "takes conditions"));
  CHECK(says("$close & $open", "takes conditions"));
  CHECK(says("$close > $open & $high > $low", "parentheses"));
  CHECK(says("Not($close)", "takes conditions"));
  CHECK(says("($close>$open)-($high>$low)", "of two conditions"));
  CHECK(says("$close & ($close>$open)", "takes conditions"));
}

TEST_CASE("a feature that looks ahead is refused, a label is not") {
  for (const char* text : {"Ref($close,-1)", "Delta($close,-2)", "Mean(Ref($close,-1),5)", "Ref(Ref($close,-1),1)"}) {
    CHECK(says(text, "looks ahead"));
    compiled(text, {.allow_look_ahead = true});
  }
  CHECK(compiled("Ref($close,-2)/Ref($close,-1)-1", {.allow_look_ahead = true}).look_ahead() == 2);
  CHECK(compiled("Mean(Ref($close,-5),3)", {.allow_look_ahead = true}).look_ahead() == 5);
  CHECK(compiled("Mean($close,5)").look_ahead() == 0);
}

TEST_CASE("lookback is the rows without a value, reach the rows read") {
  struct Row {
    const char* text;
    int64_t lookback, reach;
  };
  for (const Row& row :
       {Row{"$close", 0, 0}, Row{"Ref($close,5)", 5, 5}, Row{"Mean($close,5)", 0, 4}, Row{"Std($close,20)", 1, 19}, Row{"Skew($close,20)", 2, 19},
        Row{"Mean(Ref($close,3),5)", 3, 7}, Row{"Std(Std($close,5),5)", 2, 8}, Row{"$close>Ref($close,1)", 0, 1}, Row{"$close-Ref($close,1)", 1, 1},
        Row{"Corr($close,Ref($volume,2),10)", 3, 11}, Row{"ta.SMA($close, timeperiod=5)", 4, 4}, Row{"ta.SMA(Ref($close,3), timeperiod=5)", 7, 7}}) {
    const Program program = compiled(row.text);
    CHECK_MESSAGE(program.lookback(0) == row.lookback, row.text);
    CHECK_MESSAGE(program.reach() == row.reach, row.text);
  }
  CHECK_FALSE(compiled("Mean($close,0)").reach().has_value());
  CHECK_FALSE(compiled("EMA($close,5)").reach().has_value());
  for (const char* text : {"ta.EMA($close)", "ta.OBV($close,$volume)", "ta.CDLDOJI($open,$high,$low,$close)", "ta.SMA($close, timeperiod=300)",
                           "ta.MA($close, timeperiod=5, matype=1)"})
    CHECK_FALSE(compiled(text).reach().has_value());
  CHECK(compiled("Std($close,1)").lookback(0) > 1'000'000);
}

TEST_CASE("vwap counts as a column where it can be made") {
  const NamedExpression vwap{"x", "$vwap/$close"};
  CHECK(Program::compile({&vwap, 1}, {"high", "low", "close"}).ok());
  CHECK_FALSE(Program::compile({&vwap, 1}, {"low", "close"}).ok());
  CHECK(compiled("$vwap").fields() == std::vector<std::string>{"vwap"});
}

TEST_CASE("feature sets are lists of expressions that compile") {
  std::vector<std::string> fields = kFields;
  for (const FeatureSet& set : feature_sets()) {
    const auto expressions = expressions_of(set);
    CHECK(int(expressions.size()) == set.num_features);
    const auto program = Program::compile(expressions, fields);
    REQUIRE(program.ok());
    CHECK(program.value().names()[0] == expressions[0].name);
    CHECK(program.value().look_ahead() == 0);
    if (set.name.starts_with("alpha")) CHECK(program.value().reach().value_or(-1) >= 59);
  }
  CHECK(feature_set("alpha185").error().hint.find("alpha158") != std::string::npos);
}

TEST_CASE("every operator of the table compiles from its example and is explained") {
  std::vector<std::string> fields = kFields;
  fields.emplace_back("sector");
  for (const Operator& op : operators()) {
    const NamedExpression named{"x", std::string(op.example)};
    const auto program = Program::compile({&named, 1}, fields, {.allow_look_ahead = op.summary.starts_with("Label")});
    CHECK_MESSAGE(program.ok(), op.name);
    CHECK(op.window.find("window") != std::string_view::npos);
    CHECK_FALSE(op.missing.empty());
    CHECK_FALSE(op.formula.empty());
    CHECK_FALSE(op.cost.empty());
    CHECK(op.signature.starts_with(op.name));
  }
  CHECK(find_operator("Mean") != nullptr);
  CHECK(find_operator("mean") == nullptr);
}

TEST_CASE("hostile sets are refused or done, in little time") {
  std::string chain = "$close";
  for (int i = 0; i < 4'000; ++i) chain += "+Ref($close," + std::to_string(i % 50 + 1) + ")";
  CHECK(compiled(chain).num_outputs() == 1);
  std::string nested = "$close";
  for (int i = 0; i < 150; ++i) nested = "Mean(" + nested + ",2)";
  CHECK(compiled(nested).reach() == 150);
}
