#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "hayate/metrics.h"

using namespace hayate;

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

Table table_of(Column label, Column prediction) {
  Table table;
  table.add("y", std::move(label));
  table.add("prediction", std::move(prediction));
  return table;
}

const EvaluateSpec kSpec = {.label = "y", .prediction = "prediction", .weight = "", .by_date = "", .problem = std::nullopt};

EvaluateSpec with(Problem problem) {
  EvaluateSpec spec = kSpec;
  spec.problem = problem;
  return spec;
}

Column text(std::vector<std::string> values) { return make_text_column(values); }
Column ints(std::vector<int64_t> values) { return make_column(std::move(values)); }
Column floats(std::vector<double> values) { return make_column(std::move(values)); }

}  // namespace

TEST_CASE("evaluate: unknown columns are usage errors with the nearest name") {
  const Table table = table_of(ints({0, 1}), ints({0, 1}));
  EvaluateSpec spec = kSpec;
  spec.prediction = "predicton";
  const Error error = evaluate_table(table, spec).error();
  CHECK(error.kind == Kind::usage);
  CHECK(error.where == "--prediction");
  CHECK(error.hint.find("prediction") != std::string::npos);
  spec = kSpec, spec.by_date = "day";
  CHECK(evaluate_table(table, spec).error().where == "--by-date");
}

TEST_CASE("evaluate: text classes, one of them predicted only") {
  const Evaluation e = evaluate_table(table_of(text({"up", "down", "up", ""}), text({"up", "flat", "down", "up"})), kSpec).value();
  CHECK(e.problem == Problem::classification);
  CHECK(e.classes == std::vector<std::string>{"down", "flat", "up"});
  CHECK(e.confusion == std::vector<double>{0, 1, 0, 0, 0, 0, 1, 0, 1});
  CHECK(e.rows_left_out == 1);
}

TEST_CASE("evaluate: numbers name the same class in every type, and sort by value") {
  const Evaluation e = evaluate_table(table_of(ints({10, 9, 10}), floats({10, 9, 9})), kSpec).value();
  CHECK(e.classes == std::vector<std::string>{"9", "10"});
  CHECK(e.value("accuracy") == doctest::Approx(2.0 / 3));
  CHECK(class_name(floats({100000}), 0) == "100000");
  CHECK(class_name(floats({-0.0}), 0) == "0");
  CHECK(class_name(floats({0.5}), 0) == "0.5");
  CHECK(class_name(floats({kNaN}), 0) == "");
  CHECK(class_names(text({"b", "a", "b"})) == std::vector<std::string>{"a", "b"});
}

TEST_CASE("class codes are the places of the classes, -1 for a missing one, however far apart whole numbers lie") {
  const auto same = [](const ClassCodes& found, const std::vector<std::string>& names, const std::vector<int32_t>& codes) {
    CHECK(found.names == names);
    CHECK(found.codes == codes);
  };
  same(class_codes(ints({10, -9, 10, 0})), {"-9", "0", "10"}, {2, 0, 2, 1});
  same(class_codes(ints({1'000'000'000, -9, 1'000'000'000})), {"-9", "1000000000"}, {1, 0, 1});
  same(class_codes(floats({0.5, kNaN, 0.25, -0.0})), {"0", "0.25", "0.5"}, {2, -1, 1, 0});
  same(class_codes(text({"b", "", "a", "b"})), {"a", "b"}, {1, -1, 0, 1});
  same(class_codes(ints({})), {}, {});
  Column some = ints({3, 7, 5});
  some.validity = make_buffer(std::vector<uint8_t>{0b101});
  same(class_codes(some), {"3", "5"}, {0, -1, 1});
  some.validity = make_buffer(std::vector<uint8_t>{0});
  same(class_codes(some), {}, {-1, -1, -1});
}

TEST_CASE("integers with few different values are classes, near to each other or not") {
  const auto distinct = [](std::vector<int64_t> values) { return infer_problem(ints(std::move(values)), "y").value(); };
  CHECK(distinct({5, 5, 900'000, -3}).why.ends_with("3 different integers"));
  CHECK(distinct({7, 7}).why.ends_with("1 different integer"));
  std::vector<int64_t> near, far;
  for (int64_t i = 0; i <= kMaxIntegerClasses; ++i) near.push_back(i), far.push_back(i * 1'000'000);
  CHECK(distinct(near).problem == Problem::regression);
  CHECK(distinct(far).problem == Problem::regression);
  near.pop_back(), far.pop_back();
  CHECK(distinct(near).problem == Problem::classification);
  CHECK(distinct(far).problem == Problem::classification);
}

TEST_CASE("evaluate: all zeros is still a question of 0 and 1") {
  const Evaluation e = evaluate_table(table_of(ints({0, 0}), ints({0, 0})), kSpec).value();
  CHECK(e.classes == std::vector<std::string>{"0", "1"});
  CHECK(e.value("precision") == 0.0);
}

TEST_CASE("evaluate: probabilities are found by the name of their class") {
  Table table = table_of(ints({0, 1, 1, 0}), ints({0, 1, 0, 0}));
  table.add("probability_1", floats({0.1, 0.9, 0.4, 0.3}));
  const double auc = evaluate_table(table, kSpec).value().value("roc_auc").value();
  CHECK(auc == 1.0);
  table.names[2] = "probability_0";
  CHECK(evaluate_table(table, kSpec).value().value("roc_auc") == 0.0);
  table.names[2] = "probability_yes";
  CHECK(!evaluate_table(table, kSpec).value().value("roc_auc"));
  table = table_of(ints({0, 1}), ints({0, 1}));
  table.add("probability_1", text({"a", "b"}));
  CHECK(evaluate_table(table, kSpec).error().what == "column 'probability_1' holds text, expected numbers");
}

TEST_CASE("evaluate: a probability given as the prediction is refused with what to do") {
  const Error error = evaluate_table(table_of(ints({0, 1}), floats({0.2, 0.7})), kSpec).error();
  CHECK(error.what == "column 'prediction' holds 0.2, which is no class of 'y'");
  CHECK(error.where == "row 1");
}

TEST_CASE("evaluate: text where numbers are needed, and too many classes") {
  CHECK(evaluate_table(table_of(text({"a"}), text({"b"})), with(Problem::regression)).error().what == "column 'y' holds text, expected numbers");
  std::vector<int64_t> many(2000);
  for (size_t i = 0; i < many.size(); ++i) many[i] = int64_t(i);
  CHECK(evaluate_table(table_of(ints(many), ints(many)), with(Problem::classification)).error().what.find("2000 classes") != std::string::npos);
}

TEST_CASE("evaluate: by date, as dates, times or text") {
  Table table = table_of(floats({1, 2, 3, 1, 2, 3}), floats({1, 2, 3, 3, 2, 1}));
  table.add("day", make_date_column({7, 7, 7, 9, 9, 9}));
  table.add("time", make_timestamp_column({5, 5, 5, 6, 6, 6}, ""));
  table.add("name", text({"d1", "d1", "d1", "d2", "d2", "d2"}));
  EvaluateSpec spec = kSpec;
  for (const char* by : {"day", "time", "name"}) {
    spec.by_date = by;
    const Evaluation e = evaluate_table(table, spec).value();
    CHECK(e.value("ic") == doctest::Approx(0));
    CHECK(e.value("rank_icir") == doctest::Approx(0));
  }
}

TEST_CASE("evaluate: by date for two classes compares the probability with the outcome") {
  Table table = table_of(ints({0, 1, 1, 0}), ints({0, 1, 0, 0}));
  table.add("day", ints({1, 1, 2, 2}));
  EvaluateSpec spec = kSpec;
  spec.by_date = "day";
  CHECK(!evaluate_table(table, spec).value().value("ic"));
  table.add("probability_0", floats({0.9, 0.1, 0.6, 0.7}));
  CHECK(evaluate_table(table, spec).value().value("ic") == doctest::Approx(1));
}

TEST_CASE("evaluate: weights count rows, a table without rows has no values") {
  Table table = table_of(floats({1, 2}), floats({1, 4}));
  table.add("w", floats({3, 1}));
  EvaluateSpec spec = kSpec;
  spec.weight = "w";
  CHECK(evaluate_table(table, spec).value().value("mae") == 0.5);
  const Evaluation numbers = evaluate_table(table_of(floats({}), floats({})), kSpec).value();
  for (const MetricValue& m : numbers.metrics) CHECK(m.reason == "no rows");
  const Evaluation codes = evaluate_table(table_of(ints({}), ints({})), kSpec).value();
  for (const MetricValue& m : codes.metrics) CHECK(!m.value);
}
