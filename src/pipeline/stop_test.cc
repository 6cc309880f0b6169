// What works for long stops soon: a thread that is told to stop returns within 10 ms of its own CPU time (a wall clock would count
// what other programs take).
#include <doctest/doctest.h>
#include <pthread.h>
#include <time.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <functional>
#include <optional>
#include <thread>

#include "aggregate/aggregate.h"
#include "base/clock.h"
#include "base/random.h"
#include "hayate/binned.h"
#include "hayate/boosting.h"
#include "hayate/features.h"
#include "hayate/forest.h"
#include "hayate/learner.h"
#include "tune/study.h"

using namespace hayate;

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr double kMost = 0.5;  // what a sanitizer watches is ten and more times slower
#else
constexpr double kMost = 0.010;
#endif

/// CPU seconds that `work` takes to return after it was told to stop, `after` seconds of wall time into it; nothing when it was
/// over before.
std::optional<double> seconds_to_stop(double after, const std::function<void(const exec::Cancellation&)>& work) {
  exec::Cancellation cancel;
  clockid_t clock{};
  REQUIRE(pthread_getcpuclockid(pthread_self(), &clock) == 0);
  const auto used = [clock] {
    timespec now{};
    clock_gettime(clock, &now);
    return double(now.tv_sec) + 1e-9 * double(now.tv_nsec);
  };
  std::atomic<bool> over = false;
  double stopped_at = -1;
  std::thread stopper([&] {
    std::this_thread::sleep_for(std::chrono::duration<double>(after));
    if (over) return;
    stopped_at = used();
    cancel.stop();
  });
  work(cancel);
  const double end = used();
  over = true;
  stopper.join();
  return stopped_at < 0 || stopped_at > end ? std::nullopt : std::optional(end - stopped_at);
}

void check_stops(const std::function<void(const exec::Cancellation&)>& work) {
  double most = 0;
  int caught = 0;
  for (const double after : {0.001, 0.005, 0.02, 0.03, 0.05, 0.08}) {
    // The best of six, if so many are needed: beside other programs on the same core the same work takes twice the CPU time.
    std::optional<double> seconds;
    for (int attempt = 0; attempt < 6 && seconds.value_or(1) >= kMost / 2; ++attempt)
      if (const auto taken = seconds_to_stop(after, work)) seconds = std::min(*taken, seconds.value_or(*taken));
    if (seconds) ++caught, most = std::max(most, *seconds);
  }
  MESSAGE("at most ", 1e3 * most, " ms, stopped ", caught, " times");
  CHECK(caught > 0);
  CHECK(most < kMost);
}

struct Numbers {
  int64_t rows, features;
  std::vector<float> values;
  std::vector<double> labels;
  std::vector<int32_t> all;

  Numbers(int64_t num_rows, int64_t num_features) : rows(num_rows), features(num_features) {
    const uint64_t key = random_key(5, Stage::synth, 1);
    for (int64_t i = 0; i < rows * features; ++i) values.push_back(float(random_unit(key, uint64_t(i))));
    for (int64_t row = 0; row < rows; ++row) {
      labels.push_back(values[size_t(row)] + values[size_t(rows + row)] * random_unit(key + 1, uint64_t(row)));
      all.push_back(int32_t(row));
    }
  }
  FloatColumns columns() const { return {values.data(), rows, features, rows, {}}; }
};

}  // namespace

TEST_CASE("stop: a forest, in the middle of a tree") {
  const Numbers data(60'000, 40);
  const auto matrix = bin_values(data.columns(), data.all);
  REQUIRE(matrix.ok());
  for (const char* criterion : {"squared_error", "absolute_error"}) {
    ForestParams params;
    params.num_trees = 1000, params.max_depth = 0, params.criterion = criterion;
    check_stops([&](const exec::Cancellation& cancel) {
      const auto trained = train_forest(matrix.value(), data.all, Labels::numbers(data.labels), {}, params, 1, 1, nullptr, &cancel);
      CHECK_FALSE(trained.ok());
      CHECK(trained.error().kind == Kind::interrupted);
    });
  }
}

TEST_CASE("stop: boosting, in the middle of a tree") {
  const Numbers data(60'000, 40);
  const auto matrix = bin_values(data.columns(), data.all);
  REQUIRE(matrix.ok());
  BoostingParams params;
  params.num_trees = 10'000, params.num_leaves = 4000;
  check_stops([&](const exec::Cancellation& cancel) {
    const auto trained = train_boosting(matrix.value(), data.all, Labels::numbers(data.labels), {}, params, 1, 1, nullptr, &cancel);
    CHECK_FALSE(trained.ok());
    CHECK(trained.error().kind == Kind::interrupted);
  });
}

TEST_CASE("stop: features of a long series, in tiles and whole") {
  const int64_t rows = 300'000;
  const uint64_t key = random_key(7, Stage::synth, 1);
  Panel panel;
  panel.fields = {"open", "high", "low", "close", "volume", "vwap"};
  panel.values.resize(panel.fields.size());
  for (int64_t row = 0; row < rows; ++row) {
    const double close = 100 + 10 * random_unit(key, uint64_t(row));
    const double bar[] = {close, close + 1, close - 1, close, 1e6, close};
    for (size_t f = 0; f < 6; ++f) panel.values[f].push_back(bar[f]);
    panel.times.push_back(row);
  }
  panel.symbols = {"A"}, panel.offsets = {0, rows};
  std::vector<NamedExpression> whole;
  for (int n = 2; n < 60; ++n) whole.push_back({"e" + std::to_string(n), "EMA($close, " + std::to_string(n) + ")/Mean($volume, 0)"});
  for (const auto& expressions : {expressions_of(*feature_set("alpha158").value()), whole}) {
    const auto program = Program::compile(expressions, panel.fields);
    REQUIRE(program.ok());
    std::vector<float> out(program.value().num_outputs() * size_t(rows));
    Workspace space;
    const auto compute = [&](const exec::Cancellation* cancel) {
      space.stop_with(cancel);
      evaluate(program.value(), bars_of(program.value(), panel, 0), space, out.data(), size_t(rows));
    };
    compute(nullptr);  // so that memory is there
    check_stops([&](const exec::Cancellation& cancel) { compute(&cancel); });
  }
}

TEST_CASE("stop: a group-by over many groups") {
  const int64_t rows = 2'000'000;
  const uint64_t draws = random_key(9, Stage::synth, 1);
  std::vector<int64_t> groups(static_cast<size_t>(rows));
  std::vector<double> x(groups.size());
  for (size_t row = 0; row < groups.size(); ++row) groups[row] = int64_t(random_bits(draws, row) >> 40), x[row] = double(row);
  Table table;
  table.add("g", make_column(groups));
  table.add("x", make_column(x));
  exec::Pool pool(1);
  exec::Steps steps;
  check_stops([&](const exec::Cancellation& cancel) {
    const auto chunks = io::chunks_of(table, 100'000);
    auto spec = aggregate::parse_spec("g", "mean(x),median(x)", "", "");
    REQUIRE(spec.ok());
    (void)aggregate::aggregate(*chunks, std::move(spec.value()), pool, 2'000'000'000, steps, cancel, [](const Table&) { return Result<void>(); });
  });
}

TEST_CASE("stop: cuts, ranks and codes of a long table") {
  const Numbers data(300'000, 60);
  for (const char* bins : {"bins=64", "bins=exact"}) {
    const auto params = learner_params("forest", std::string("num_trees=2,max_depth=4,") + bins);
    REQUIRE(params.ok());
    check_stops([&](const exec::Cancellation& cancel) {
      const auto trainer = make_trainer(params.value(), data.columns());
      trainer->stop_with(&cancel);
      const auto prepared = trainer->prepare(data.all);
      CHECK((prepared.ok() || prepared.error().kind == Kind::interrupted));
    });
  }
}

TEST_CASE("stop: predictions of many rows by many trees") {
  const Numbers data(200'000, 20);
  for (const char* learner : {"forest", "boosting"}) {
    const auto params = learner_params(learner, "num_trees=20,max_depth=4");
    REQUIRE(params.ok());
    const auto trainer = make_trainer(params.value(), data.columns());
    REQUIRE(trainer->prepare(data.all).ok());
    const auto few = trainer->train(Labels::numbers(data.labels), {}, {1, 1});
    REQUIRE(few.ok());
    Forest many = std::get<Forest>(few.value());  // the same trees again and again
    const size_t trees = size_t(many.num_trees()), nodes = many.nodes.size();
    for (size_t copy = 1; copy < 20; ++copy) {
      for (size_t node = 0; node < nodes; ++node) many.nodes.push_back(many.nodes[node]), many.values.push_back(many.values[node]);
      for (size_t tree = 1; tree <= trees; ++tree) many.tree_start.push_back(many.tree_start[tree] + uint32_t(copy * nodes));
    }
    std::vector<double> out(data.all.size());
    check_stops([&](const exec::Cancellation& cancel) {
      trainer->stop_with(&cancel);
      trainer->predict(many, data.all, out);
    });
  }
}

TEST_CASE("stop: least squares, with and without a penalty, and logistic regression") {
  const Numbers data(100'000, 120);
  std::vector<int32_t> classes;
  for (const double label : data.labels) classes.push_back(label > 1);
  const std::pair<const char*, const char*> learners[] = {{"linear", ""}, {"linear", "l1=1"}, {"logistic", ""}};
  for (const auto& [learner, text] : learners) {
    const auto params = learner_params(learner, text);
    REQUIRE(params.ok());
    const bool of_classes = std::string_view(learner) == "logistic";
    check_stops([&](const exec::Cancellation& cancel) {
      const auto trainer = make_trainer(params.value(), data.columns());
      REQUIRE(trainer->prepare(data.all).ok());
      (void)trainer->train(of_classes ? Labels::ids(classes, 2) : Labels::numbers(data.labels), {}, {1, 1}, nullptr, &cancel);
    });
  }
}

TEST_CASE("stop: a search") {
  const Numbers data(60'000, 40);
  tune::Examples examples;
  examples.values = data.columns(), examples.numbers = data.labels;
  for (int64_t row = 0; row < data.rows; ++row) examples.dates.push_back(row / 40);
  struct Case {
    const char *learner, *params, *space, *metric;
    tune::Scoring scoring;
  };
  const Case cases[] = {{"forest", "num_trees=50", "max_depth=int(2,12)", "rmse", tune::Scoring::out_of_bag},
                        {"forest", "num_trees=5,bins=exact", "min_samples_leaf=int(1,50)", "rank_ic", tune::Scoring::walk_forward},
                        {"boosting", "", "learning_rate=loguniform(0.01,0.3)", "r2", tune::Scoring::folds},
                        {"linear", "", "l2=loguniform(1e-3,1e3)", "mae", tune::Scoring::walk_forward}};
  for (const Case& c : cases) {
    tune::StudySpec spec;
    spec.params = learner_params(c.learner, c.params).value(), spec.space = tune::parse_space(std::vector<std::string>{c.space}, "").value();
    spec.scoring = {c.scoring, 3, 2, find_metric(c.metric), 1};
    exec::Pool pool(1);
    CAPTURE(std::string(c.learner));
    check_stops([&](const exec::Cancellation& cancel) {
      exec::Steps steps;
      (void)tune::run_study(spec, examples, nullptr, pool, steps, cancel);
    });
  }
}
