#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>

#include "base/random.h"
#include "pipeline/symbol_task.h"
#include "pipeline/trained.h"

using namespace hayate;
using namespace hayate::pipeline;

namespace {

constexpr int kRows = 420;

/// Symbols A, B, ... of random walks; the next return follows today's (close - open), so there is something to learn.
/// A symbol's bars depend on its name alone.
Panel walks(const std::string& names, int64_t first_day = 0, int rows = kRows) {
  Panel panel;
  panel.fields = {"open", "high", "low", "close", "volume", "vwap"};
  panel.values.resize(panel.fields.size());
  for (const char name : names) {
    const uint64_t key = random_key(7, Stage::synth, uint64_t(name));
    double close = 100, pull = 0;
    for (int i = 0; i < rows; ++i) {
      const double next = random_unit(key, uint64_t(3 * i)) - 0.5;
      close *= 1 + 0.02 * pull + 0.005 * (random_unit(key, uint64_t(3 * i + 1)) - 0.5);
      const double open = close * (1 - 0.01 * next);
      pull = next;
      const double row[] = {open,
                            std::max(open, close) * 1.001,
                            std::min(open, close) * 0.999,
                            close,
                            1e5 * (1 + random_unit(key, uint64_t(3 * i + 2))),
                            (open + close) / 2};
      for (size_t f = 0; f < 6; ++f) panel.values[f].push_back(row[f]);
      panel.times.push_back(first_day + i);
    }
    panel.symbols.emplace_back(1, name);
    panel.offsets.push_back(int64_t(panel.times.size()));
  }
  return panel;
}

Plan plan_for(const Panel& panel, const std::string& scope, const RunSpec* other = nullptr) {
  RunSpec spec = other ? *other : RunSpec();
  spec.universe.input = {"x.csv"};
  spec.features.set = {"alpha158"};
  spec.label.expression = "Ref($close,-1)/$close-1";
  spec.split.purge_days = -1, spec.model.scope = scope, spec.model.seed = 3;
  if (!other) spec.split.train_days = 200, spec.split.test_days = 100, spec.model.params = "num_trees=10,max_depth=5";
  auto plan = make_plan(spec);
  REQUIRE(plan.ok());
  REQUIRE(compile_plan(plan.value(), panel.fields).ok());
  return std::move(plan.value());
}

Trained train(const Panel& panel, const std::string& scope, int workers, double timeout = 0, cache::Store* store = nullptr,
              const RunSpec* spec = nullptr) {
  const Plan plan = plan_for(panel, scope, spec);
  exec::Pool pool(workers);
  exec::Steps steps;
  const exec::Cancellation cancel;
  const std::vector<Hash128> input(panel.num_symbols(), Hash128{uint64_t(panel.num_rows()), 1});
  const TrainJob job{plan, panel, input, pool, steps, cancel, timeout, 0, store};
  auto trained = scope == "pooled" ? train_pooled(job) : train_symbols(job);
  REQUIRE(trained.ok());
  return std::move(trained.value());
}

RunSpec pooled_spec(const std::string& params) {
  RunSpec spec;
  spec.split.train_days = 200, spec.split.test_days = 100, spec.model.params = "num_trees=10,max_depth=5" + params;
  return spec;
}

bool same(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

/// The rows of one symbol as (time, fold, label, prediction) are equal to the bit.
bool same_rows(const Forecast& a, const Forecast& b, const std::string& symbol) {
  const auto rows = [&](const Forecast& f) {
    std::vector<size_t> out;
    for (size_t i = 0; i < f.num_rows(); ++i)
      if (f.symbols[size_t(f.symbol[i])] == symbol) out.push_back(i);
    return out;
  };
  const auto left = rows(a), right = rows(b);
  if (left.size() != right.size() || left.empty()) return false;
  for (size_t i = 0; i < left.size(); ++i)
    if (a.time[left[i]] != b.time[right[i]] || a.fold[left[i]] != b.fold[right[i]] || !same(a.label[left[i]], b.label[right[i]]) ||
        !same(a.prediction[left[i]], b.prediction[right[i]]))
      return false;
  return true;
}

}  // namespace

TEST_CASE("train: every date from train + purge on is predicted once, the newest without a label too") {
  const Trained trained = train(walks("AB"), "symbol", 1);
  const Forecast& forecast = trained.forecast;
  REQUIRE(forecast.num_rows() == 2 * (kRows - 201));  // purge is the label's horizon: 1
  CHECK(forecast.time[0] == 201);
  CHECK(std::isnan(forecast.label[size_t(kRows) - 202]));
  CHECK(std::isfinite(forecast.prediction[size_t(kRows) - 202]));
  CHECK(forecast.fold[0] == 0);
  CHECK(forecast.fold[size_t(kRows) - 202] == 2);
  CHECK(trained.train_rows[0] == std::vector<int64_t>{200, 200, 200});
  CHECK(trained.num_models == 6);
}

TEST_CASE("train: what is written in today's bar is learnt") {
  for (const char* scope : {"symbol", "pooled"}) {
    const auto scores = score(train(walks("ABC"), scope, 1).forecast, false, std::vector<std::vector<int64_t>>(3, std::vector<int64_t>(3)));
    REQUIRE(scores.ok());
    CHECK(scores.value().summary.correlation > 0.7);
    CHECK(scores.value().summary.rmse < 0.8 * scores.value().summary.naive_rmse);
  }
}

TEST_CASE("train: workers change nothing, and a symbol does not see its neighbours") {
  const Trained one = train(walks("ABCD"), "symbol", 1), three = train(walks("ABCD"), "symbol", 3), fewer = train(walks("BD"), "symbol", 2);
  for (const char* symbol : {"A", "B", "C", "D"}) CHECK(same_rows(one.forecast, three.forecast, symbol));
  for (const char* symbol : {"B", "D"}) CHECK(same_rows(one.forecast, fewer.forecast, symbol));
  CHECK(one.predictors == three.predictors);
  const Trained pooled = train(walks("ABCD"), "pooled", 1), pooled3 = train(walks("ABCD"), "pooled", 3);
  for (const char* symbol : {"A", "D"}) CHECK(same_rows(pooled.forecast, pooled3.forecast, symbol));
  CHECK(pooled.predictors == pooled3.predictors);
}

TEST_CASE("train: cutting the future changes no earlier prediction") {
  const Panel whole = walks("A");
  Panel cut = whole;
  const size_t rows = 350;
  cut.times.resize(rows), cut.offsets[1] = int64_t(rows);
  for (auto& values : cut.values) values.resize(rows);
  const Forecast a = train(whole, "symbol", 1).forecast, b = train(cut, "symbol", 1).forecast;
  for (size_t i = 0; i + 1 < b.num_rows(); ++i) CHECK(a.prediction[i] == b.prediction[i]);
}

TEST_CASE("train: a symbol with too few dates fails alone and is told how many it needs") {
  Panel panel = walks("AB");
  Panel brief = walks("C");
  panel.symbols.push_back("C");
  for (size_t f = 0; f < panel.values.size(); ++f)
    panel.values[f].insert(panel.values[f].end(), brief.values[f].begin(), brief.values[f].begin() + 50);
  panel.times.insert(panel.times.end(), brief.times.begin(), brief.times.begin() + 50);
  panel.offsets.push_back(panel.offsets.back() + 50);
  const Trained trained = train(panel, "symbol", 2);
  REQUIRE(trained.failures.size() == 1);
  CHECK(trained.failures[0].symbol == "C");
  CHECK(trained.failures[0].what.find("202") != std::string::npos);
  CHECK(same_rows(trained.forecast, train(walks("AB"), "symbol", 1).forecast, "A"));
}

TEST_CASE("train: a task past its timeout is a failure of its symbol") {
  const Trained trained = train(walks("AB"), "symbol", 1, 1e-9);
  REQUIRE(trained.failures.size() == 2);
  CHECK(trained.failures[0].kind == "timeout");
}

TEST_CASE("train: stored results give the same forecast and models, and are used") {
  const auto folder = std::filesystem::temp_directory_path() / "hayate_train_store";
  for (const char* scope : {"symbol", "pooled"}) {
    std::filesystem::remove_all(folder);
    auto store = cache::Store::open(folder.string());
    REQUIRE(store.ok());
    const Trained plain = train(walks("ABC"), scope, 2), first = train(walks("ABC"), scope, 2, 0, &store.value());
    const Trained second = train(walks("ABC"), scope, 1, 0, &store.value());
    CHECK(store.value().use().hits == int64_t(second.tasks.size()));
    for (const TaskTrace& task : second.tasks) CHECK(task.reused);
    for (const TaskTrace& task : first.tasks) CHECK_FALSE(task.reused);
    for (const char* symbol : {"A", "B", "C"}) {
      CHECK(same_rows(plain.forecast, first.forecast, symbol));
      CHECK(same_rows(plain.forecast, second.forecast, symbol));
    }
    CHECK(plain.predictors == second.predictors);
    CHECK(plain.train_rows == second.train_rows);
    CHECK(plain.num_models == second.num_models);
  }
  std::filesystem::remove_all(folder);
}

TEST_CASE("train: features that flow into codes give what the whole table of them gives") {
  const Panel panel = walks("ABCDE");
  for (const char* params : {"", ",bins=255,bootstrap=false,max_samples=0.7", ",splitter=random", ",monotone=KMID:1"}) {
    CAPTURE(params);
    RunSpec spec = pooled_spec(params);
    const Trained flowed = train(panel, "pooled", 3, 0, nullptr, &spec);
    // winsorize(0) leaves training rows as they are and test rows in their bins, but wants the table.
    spec.features.processors = {"winsorize(0)"};
    const Trained whole = train(panel, "pooled", 1, 0, nullptr, &spec);
    REQUIRE(flowed.forecast.num_rows() == whole.forecast.num_rows());
    for (size_t i = 0; i < flowed.forecast.num_rows(); ++i) REQUIRE(same(flowed.forecast.prediction[i], whole.forecast.prediction[i]));
    CHECK(flowed.predictors == whole.predictors);
  }
}

TEST_CASE("train: a pooled run of many rows holds codes, not values") {
  RunSpec spec = pooled_spec("");
  const Panel panel = walks("ABCDEFGHIJ");
  const int64_t cells = panel.num_rows() * 158;
  CHECK(pooled_bytes(plan_for(panel, "pooled", &spec), panel).value().fixed < 2 * cells);
  spec.features.processors = {"winsorize(0)"};
  CHECK(pooled_bytes(plan_for(panel, "pooled", &spec), panel).value().fixed > 10 * cells);
}

TEST_CASE("train: a long symbol is done in pieces, which are stored one by one and change nothing") {
  const auto folder = std::filesystem::temp_directory_path() / "hayate_train_pieces";
  std::filesystem::remove_all(folder);
  const Panel panel = walks("A", 0, 5000);
  auto store = cache::Store::open(folder.string());
  REQUIRE(store.ok());
  const Trained first = train(panel, "symbol", 4, 0, &store.value());
  REQUIRE(first.tasks.size() >= 2);
  CHECK(first.tasks[0].key.starts_with("A folds 0-"));
  CHECK(int64_t(first.train_rows[0].size()) == first.num_models);

  // As after a kill: one piece is missing.
  std::string lost = first.tasks[1].result.hex();
  CHECK(std::filesystem::remove(folder / lost.substr(0, 2) / (lost.substr(2) + ".result")));
  auto again = cache::Store::open(folder.string());
  const Trained second = train(panel, "symbol", 1, 0, &again.value());
  REQUIRE(second.tasks.size() == first.tasks.size());
  for (size_t i = 0; i < second.tasks.size(); ++i) CHECK(second.tasks[i].reused == (i != 1));
  const Trained plain = train(panel, "symbol", 1);
  for (const Trained* other : {&first, &second}) {
    CHECK(same_rows(plain.forecast, other->forecast, "A"));
    CHECK(plain.predictors == other->predictors);
    CHECK(plain.train_rows == other->train_rows);
  }
  std::filesystem::remove_all(folder);
}

TEST_CASE("train: a symbol whose single folds are large is trained by all workers, to the same bytes") {
  const Panel panel = walks("A", 0, 7000);
  RunSpec spec;
  spec.split.train_days = 6000, spec.split.test_days = 1000, spec.model.params = "num_trees=300,max_depth=2";
  const Plan plan = plan_for(panel, "symbol", &spec);
  const auto folds = folds_of_symbol(plan, panel, 0, task_inputs(plan));
  REQUIRE(folds.ok());
  CHECK(folds.value().large);
  CHECK(folds.value().pieces.size() == folds.value().folds.size());
  const Trained one = train(panel, "symbol", 1, 0, nullptr, &spec), four = train(panel, "symbol", 4, 0, nullptr, &spec);
  CHECK(same_rows(one.forecast, four.forecast, "A"));
  CHECK(one.predictors == four.predictors);
}
