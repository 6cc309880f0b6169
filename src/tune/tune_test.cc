#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "base/random.h"
#include "base/strings.h"
#include "tune/outcome.h"
#include "tune/study.h"

using namespace hayate;
using namespace hayate::tune;

namespace {

Space space_of(const std::vector<std::string>& texts) {
  auto space = parse_space(texts, "--space");
  REQUIRE(space.ok());
  return space.value();
}

Error space_error(const std::vector<std::string>& texts) {
  auto space = parse_space(texts, "--space");
  REQUIRE_FALSE(space.ok());
  return space.error();
}

/// Two classes: the sign of a product and a sum of features, with noise.
struct Problem2 {
  std::vector<float> values;
  Examples examples;

  explicit Problem2(int64_t rows, int64_t features = 6, uint64_t seed = 1) {
    for (int64_t i = 0; i < rows * features; ++i) values.push_back(float(random_unit(seed, uint64_t(i))) - 0.5f);
    examples.values = {values.data(), rows, features, rows};
    examples.problem = Problem::classification, examples.classes = {"0", "1"};
    for (size_t row = 0; row < size_t(rows); ++row) {
      const double x = values[row], y = values[size_t(rows) + row];
      examples.ids.push_back(4 * x * y + 0.5 * x + 0.6 * (random_unit(seed + 1, row) - 0.5) > 0);
      examples.dates.push_back(int64_t(row / 10));
    }
  }
};

StudySpec forest_spec(const std::vector<std::string>& space, const char* metric = "accuracy") {
  StudySpec spec;
  spec.params = learner_params("forest", "num_trees=40").value();
  spec.space = space_of(space);
  spec.scoring = {Scoring::out_of_bag, 5, 0, find_metric(metric), 1};
  spec.num_trials = 12, spec.seed = 1;
  return spec;
}

Study run(const StudySpec& spec, const Examples& examples, int workers = 1, Journal* journal = nullptr) {
  exec::Pool pool(workers);
  exec::Steps steps;
  auto study = run_study(spec, examples, journal, pool, steps, exec::Cancellation());
  REQUIRE_MESSAGE(study.ok(), study.error().what);
  return std::move(study.value());
}

std::string table_text(const StudySpec& spec, const Study& study) {
  const Table table = trials_table(spec, study);
  std::string out;
  for (size_t c = 0; c < table.num_columns(); ++c) {
    if (table.names[c] == "time_total_s") continue;
    for (int64_t row = 0; row < table.num_rows(); ++row)
      out += table.columns[c].dtype == Dtype::text ? std::string(table.columns[c].text(row)) : format_shortest(table.columns[c].number(row));
  }
  return out;
}

}  // namespace

TEST_CASE("space: every distribution stays inside its ends and reaches them") {
  const Space space =
      space_of({"a=choice(x, 2,third)", "b=int(3,9)", "c=randint(3,9)", "d=uniform(-1,2.5)", "e=loguniform(1e-3,1e3)", "f=quniform(0,1,0.25)",
                "g=logint(1,1000)", "h=int(2,11,3)", "i=qloguniform(1,100,1)", "j=grid(1,2)", "k=quniform(0.3,1,0.1)"});
  const auto values = [&](const char* name) {
    std::set<std::string> out;
    for (int i = 0; i < 4000; ++i) out.insert(space.find(name).value_at(double(i) / 4000));
    return out;
  };
  CHECK(values("a") == std::set<std::string>{"x", "2", "third"});
  CHECK(values("b") == std::set<std::string>{"3", "4", "5", "6", "7", "8", "9"});
  CHECK(values("c") == std::set<std::string>{"3", "4", "5", "6", "7", "8"});
  CHECK(values("f") == std::set<std::string>{"0.0", "0.25", "0.5", "0.75", "1.0"});
  CHECK(values("k") == std::set<std::string>{"0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9", "1.0"});
  CHECK(values("h") == std::set<std::string>{"2", "5", "8", "11"});
  CHECK(space.find("d").value_at(0) == "-1.0");
  CHECK(space.find("e").value_at(0.5) == "1.0");
  for (const Dimension& d : space.dimensions)
    for (const std::string& value : values(d.name.c_str())) {
      CAPTURE(d.name);
      if (d.kind != DistributionKind::choice) CHECK((*parse_number(value) >= d.low && *parse_number(value) <= d.high));
      CHECK(d.unit_of(value) >= 0);
      CHECK(d.unit_of(value) < 1);
      if (d.kind != DistributionKind::real) CHECK(d.value_at(d.unit_of(value)) == value);
    }
}

TEST_CASE("space: a condition takes a parameter out") {
  const Space space = space_of({"grow=choice(leaf,depth)", "num_leaves=int(8,64) if grow=leaf"});
  const std::vector<double> leaf = {0.1, 0.5}, depth = {0.9, 0.5};
  CHECK(space.at(leaf).size() == 2);
  CHECK(space.at(depth).size() == 1);
}

TEST_CASE("space: what is wrong, and what would be right") {
  CHECK(space_error({"a=choise(1,2)"}).hint == "did you mean 'choice'?");
  CHECK(space_error({"a"}).what == "'a' is not NAME=DISTRIBUTION");
  CHECK(space_error({"a=int(1,x)"}).what == "'a=int(1,x)': 'x' is not a number");
  CHECK(space_error({"a=int(5,1)"}).kind == Kind::usage);
  CHECK(space_error({"a=int(1.5,2)"}).kind == Kind::usage);
  CHECK(space_error({"a=loguniform(0,1)"}).kind == Kind::usage);
  CHECK(space_error({"a=uniform(1)"}).kind == Kind::usage);
  CHECK(space_error({"a=choice(1,1)"}).kind == Kind::usage);
  CHECK(space_error({"a=choice()"}).kind == Kind::usage);
  CHECK(space_error({"a=choice(1)", "a=choice(2)"}).kind == Kind::usage);
  CHECK(space_error({"a=choice(1) if b=2"}).kind == Kind::usage);
  CHECK(space_error({}).kind == Kind::usage);
  const LearnerParams forest = learner_params("forest").value();
  CHECK(check_space(space_of({"num_treees=choice(5)"}), forest, "--space").error().hint == "did you mean 'num_trees'?");
  CHECK_FALSE(check_space(space_of({"num_trees=int(0,5)"}), forest, "--space").ok());
}

TEST_CASE("samplers: a grid visits every point once, Sobol points fill every half and quarter") {
  const Space grid = space_of({"a=choice(1,2,3)", "b=int(1,4)"});
  CHECK(grid_size(grid).value() == 12);
  std::set<std::string> seen;
  for (int64_t t = 0; t < 12; ++t) {
    const Config config = grid.at(next_point(grid, Sampler::grid, 0, t, {}));
    seen.insert(config[0].second + "/" + config[1].second);
  }
  CHECK(seen.size() == 12);
  CHECK_FALSE(grid_size(space_of({"a=uniform(0,1)"})).ok());
  std::vector<std::string> texts(21);
  for (size_t d = 0; d < 21; ++d) texts[d] = "p" + std::to_string(d) + "=uniform(0,1)";
  const Space wide = space_of(texts);
  for (size_t d = 0; d < 21; ++d) {
    std::vector<int> cells(64, 0);
    for (int64_t t = 0; t < 64; ++t) ++cells[size_t(next_point(wide, Sampler::sobol, 7, t, {})[d] * 64)];
    CHECK(cells == std::vector<int>(64, 1));  // each 64th of the axis holds one of 64 points
  }
  texts.push_back("p21=uniform(0,1)");
  CHECK_FALSE(check_sampler(space_of(texts), Sampler::sobol).ok());
}

TEST_CASE("samplers: TPE gathers where trials are good") {
  const Space space = space_of({"x=uniform(0,1)", "c=choice(a,b,d)", "y=uniform(0,1)"});
  std::vector<Tried> history;
  for (int64_t t = 0; t < 60; ++t) {
    std::vector<double> point = next_point(space, Sampler::tpe, 3, t, history);
    const double miss = (point[0] - 0.3) * (point[0] - 0.3) + (space.dimensions[1].value_at(point[1]) == "b" ? 0 : 0.3);
    history.push_back({point, -miss});
  }
  int near = 0, chosen = 0;
  for (size_t t = 30; t < 60; ++t)
    near += std::abs(history[t].point[0] - 0.3) < 0.15, chosen += space.dimensions[1].value_at(history[t].point[1]) == "b";
  CHECK(near > 18);    // 9 of 30 by chance
  CHECK(chosen > 18);  // 10 of 30 by chance
}

TEST_CASE("schedules: ascending and descending scores stop the same number, whatever came first") {
  const ScheduleSpec spec{Scheduler::asha, 10, 2, 100};
  CHECK(rungs_of(spec) == std::vector<int64_t>{10, 20, 40, 80, 100});
  std::vector<Climb> up, down;
  for (int t = 0; t < 8; ++t) up.push_back({0, true, {double(t)}}), down.push_back({0, true, {double(-t)}});
  CHECK(promotions(spec, up) == std::vector<int64_t>{4, 5, 6, 7});
  CHECK(promotions(spec, down) == std::vector<int64_t>{0, 1, 2, 3});
  std::vector<Climb> ties(4, Climb{0, true, {1.0}});
  ties[0].scores = {std::nan("")};
  CHECK(promotions(spec, ties) == std::vector<int64_t>{1});
}

TEST_CASE("schedules: promotion brings a paused trial back, stopping does not") {
  // A wave of four, two promoted; then four bad ones come: 8 on the rung have 4 places, and the third and fourth are back in.
  std::vector<Climb> climbs = {{0, false, {9, 9}}, {0, false, {8, 8}}, {0, false, {7}}, {0, false, {6}}};
  for (int t = 0; t < 4; ++t) climbs.push_back({0, true, {double(t)}});
  CHECK(promotions({Scheduler::asha, 10, 2, 20}, climbs) == std::vector<int64_t>{2, 3});
  CHECK(promotions({Scheduler::asha_stopping, 10, 2, 20}, climbs).empty());
}

TEST_CASE("schedules: median, hyperband, none") {
  std::vector<Climb> climbs(5);
  for (size_t t = 0; t < 5; ++t) climbs[t].scores = {double(t)};
  CHECK(promotions({Scheduler::median, 10, 2, 100}, climbs) == std::vector<int64_t>{2, 3, 4});
  CHECK(rungs_of({Scheduler::none, 10, 2, 100}) == std::vector<int64_t>{100});
  const ScheduleSpec hyperband{Scheduler::hyperband, 1, 3, 81};
  CHECK(num_brackets(hyperband) == 5);
  CHECK(rungs_of(hyperband, 3) == std::vector<int64_t>{27, 81});
  std::vector<int> filled(5, 0);
  for (int64_t t = 0; t < 143; ++t) ++filled[size_t(bracket_of(hyperband, t))];
  CHECK(filled[0] > filled[1]);
  CHECK(filled[4] >= 3);
  CHECK_FALSE(check_schedule({Scheduler::asha, 200, 2, 100}).ok());
}

TEST_CASE("reads: every cut of one forest is the forest that training gives, row by row out of the bag too") {
  const Problem2 data(700);
  exec::Pool pool(3);
  const exec::Cancellation never;
  const Examples& e = data.examples;
  std::vector<int32_t> rows(700);
  for (size_t i = 0; i < 700; ++i) rows[i] = int32_t(i);
  const auto trained = [&](const char* learner, const std::string& params) {
    const auto trainer = make_trainer(learner_params(learner, params).value(), e.values);
    REQUIRE(trainer->prepare(rows).ok());
    return std::get<Forest>(trainer->train(e.labels(), {}, {5, 9}).value());
  };
  const Forest big = trained("forest", "num_trees=30,max_depth=9");
  const std::vector<ForestCut> cuts = {{30, 9}, {10, 4}, {20, 9}, {10, 2}, {30, 0}};
  for (const Forest& forest : {big, trained("forest", "num_trees=30,bins=exact"), trained("boosting", "num_trees=30,num_leaves=7")}) {
    const auto reads = read_cuts(forest, e.values, rows, cuts, nullptr, &pool, never);
    for (size_t c = 0; c < cuts.size(); ++c) {
      std::vector<double> expected(1400);
      predict(forest, e.values, expected, cuts[c]);
      CHECK(reads[c] == expected);
    }
  }
  const Draws draws(rows, 700, ForestParams{}, 5, 9, 30, &pool, never);
  const auto own = read_cuts(big, e.values, rows, cuts, &draws, nullptr, never);
  for (const int32_t row : {0, 17, 699}) {
    double sum = 0, count = 0;
    for (int64_t t = 0; t < 10; ++t) {
      if (draws.drew(t, row)) continue;
      Forest one = big;  // tree t alone
      one.nodes.assign(big.tree(t).begin(), big.tree(t).end());
      one.values.assign(big.values.begin() + big.tree_start[size_t(t)], big.values.begin() + big.tree_start[size_t(t) + 1]);
      one.tree_start = {0, uint32_t(one.nodes.size())};
      std::vector<float> values(size_t(e.values.num_features));
      for (int64_t f = 0; f < e.values.num_features; ++f) values[size_t(f)] = e.values.column(f)[row];
      std::vector<double> p(2);
      predict_row(one, values, p, {1, 4});
      sum += p[1], ++count;
    }
    if (count > 0) CHECK(own[1][size_t(row) * 2 + 1] == doctest::Approx(sum / count));
  }
}

TEST_CASE("a study: prefix parameters cost one forest, and the outcome is the same for any number of workers") {
  const Problem2 data(900);
  for (const char* metric : {"accuracy", "roc_auc", "log_loss"}) {
    StudySpec spec = forest_spec({"num_trees=choice(10,20,40)", "max_depth=choice(2,4,8)"}, metric);
    spec.schedule = {Scheduler::asha, 10, 2, 100};
    const Study one = run(spec, data.examples);
    CHECK(one.models_trained == 1);
    CHECK(one.trials.size() == 12);
    CHECK(table_text(spec, one) == table_text(spec, run(spec, data.examples, 5)));
    CHECK(one.trials[*one.best].state == TrialState::complete);
  }
}

TEST_CASE("a study: a score does not depend on what else is tried") {
  const Problem2 data(500);
  const StudySpec whole = forest_spec({"num_trees=choice(10,20,40)", "max_depth=choice(2,4,8)", "min_samples_leaf=choice(1,20)"});
  const Study study = run(whole, data.examples);
  for (const size_t t : {size_t{0}, size_t{7}}) {
    StudySpec alone = forest_spec({"bins=choice(64)"});
    alone.params = study.trials[t].params, alone.num_trials = 1;
    CHECK(run(alone, data.examples).trials[0].value() == study.trials[t].value());
  }
}

TEST_CASE("a study: folds and walk-forward, linear learners, failures") {
  Problem2 data(600);
  StudySpec spec = forest_spec({"l2=loguniform(0.01,1000)"}, "log_loss");
  spec.params = learner_params("logistic").value();
  for (const Scoring scoring : {Scoring::folds, Scoring::walk_forward}) {
    spec.scoring.scoring = scoring;
    const Study one = run(spec, data.examples), three = run(spec, data.examples, 3);
    CHECK(table_text(spec, one) == table_text(spec, three));
    for (const Trial& trial : one.trials) CHECK(trial.value() < 0.75);
  }
  spec.scoring.metric = find_metric("rank_ic");
  CHECK(std::isfinite(run(spec, data.examples).trials[0].value()));
  data.values[5] = INFINITY;
  exec::Pool pool(1);
  exec::Steps steps;
  const auto failed = run_study(spec, data.examples, nullptr, pool, steps, exec::Cancellation());
  CHECK_FALSE(failed.ok());
  CHECK(failed.error().what.find("infinite") != std::string::npos);
}

TEST_CASE("folds: walk-forward trains on earlier dates alone, less those purged; shuffled ones tile the rows") {
  const Problem2 data(500);
  ScoringSpec spec{Scoring::walk_forward, 4, 3, find_metric("accuracy"), 1};
  const auto walks = make_row_folds(data.examples, spec).value();
  CHECK(walks.size() == 4);
  for (const RowFold& fold : walks) CHECK(data.examples.dates[size_t(fold.train.back())] + 3 < data.examples.dates[size_t(fold.test.front())]);
  spec.scoring = Scoring::folds;
  std::vector<int32_t> tested;
  const auto folds = make_row_folds(data.examples, spec).value();
  for (const RowFold& fold : folds) {
    CHECK(fold.train.size() + fold.test.size() == 500);
    tested.insert(tested.end(), fold.test.begin(), fold.test.end());
  }
  CHECK(tested.size() == 500);
  spec.num_folds = 600;
  CHECK_FALSE(make_row_folds(data.examples, spec).ok());
}

TEST_CASE("journal: a search killed anywhere goes on to the same outcome without training again what is known") {
  const Problem2 data(400);
  StudySpec spec = forest_spec({"max_depth=int(2,9)", "min_samples_leaf=logint(1,50)"});
  spec.schedule = {Scheduler::asha, 20, 2, 100}, spec.sampler = Sampler::tpe, spec.num_trials = 20;
  const std::filesystem::path folder = std::filesystem::temp_directory_path() / "hayate_tune_journal";
  std::filesystem::create_directories(folder);
  const std::string path = (folder / "journal.log").string();
  std::filesystem::remove(path);
  const auto search = [&] {
    auto journal = Journal::open(path, "test", true, "id");
    REQUIRE(journal.ok());
    return run(spec, data.examples, 2, &journal.value());
  };
  const std::string whole = table_text(spec, search());
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  const std::string journal = text.str();
  const auto lines = [](const std::string& t) { return std::count(t.begin(), t.end(), '\n'); };
  for (const double share : {0.0, 0.02, 0.3, 0.51, 0.8, 1.0}) {
    CAPTURE(share);
    std::ofstream(path, std::ios::binary | std::ios::trunc) << journal.substr(0, size_t(double(journal.size()) * share));
    CHECK(table_text(spec, search()) == whole);
    std::ifstream again(path, std::ios::binary);
    std::stringstream after;
    after << again.rdbuf();
    CHECK(lines(after.str()) == lines(journal));
  }
  CHECK(search().models_trained == 0);
  CHECK_FALSE(Journal::open(path, "test", true, "another").ok());
  std::ofstream(path, std::ios::trunc) << "something else\n";
  CHECK_FALSE(Journal::open(path, "test", true, "id").ok());
  std::filesystem::remove_all(folder);
}

TEST_CASE("journal: a search is made longer, and killed anywhere in it") {
  const Problem2 data(400);
  const std::filesystem::path folder = std::filesystem::temp_directory_path() / "hayate_tune_longer";
  std::filesystem::create_directories(folder);
  const std::string path = (folder / "journal.log").string();
  for (const Scheduler scheduler : {Scheduler::none, Scheduler::asha, Scheduler::asha_stopping, Scheduler::hyperband, Scheduler::median}) {
    for (const Sampler sampler : {Sampler::random, Sampler::tpe}) {
      CAPTURE(int(scheduler));
      CAPTURE(int(sampler));
      std::filesystem::remove(path);
      StudySpec spec = forest_spec({"max_depth=int(2,9)", "min_samples_leaf=logint(1,50)"});
      spec.schedule = {scheduler, 20, 2, 100}, spec.sampler = sampler;
      const auto search = [&](int64_t trials) {
        auto journal = Journal::open(path, "test", true, "id");
        REQUIRE(journal.ok());
        spec.num_trials = trials;
        return run(spec, data.examples, 2, &journal.value());
      };
      const Study first = search(8);
      const Study longer = search(20);
      REQUIRE(longer.trials.size() == 20);
      for (size_t t = 0; t < first.trials.size(); ++t) {
        CHECK(longer.trials[t].state == first.trials[t].state);
        CHECK(longer.trials[t].values == first.trials[t].values);
      }
      const std::string whole = table_text(spec, longer);
      if (scheduler == Scheduler::none && sampler == Sampler::random) CHECK(whole == table_text(spec, run(spec, data.examples)));
      std::ifstream in(path, std::ios::binary);
      std::stringstream text;
      text << in.rdbuf();
      const std::string journal = text.str(), second = "\"hayate_trials\":20";
      REQUIRE(journal.find(second) != std::string::npos);
      for (const double share : {0.0, 0.4, 0.99}) {
        const size_t begin = journal.find(second) + second.size() + 2;
        std::ofstream(path, std::ios::binary | std::ios::trunc) << journal.substr(0, begin + size_t(double(journal.size() - begin) * share));
        CHECK(table_text(spec, search(20)) == whole);
      }
      CHECK(search(20).models_trained == 0);
      auto shorter = Journal::open(path, "test", true, "id");
      exec::Pool pool(1);
      exec::Steps steps;
      spec.num_trials = 10;
      CHECK(run_study(spec, data.examples, &shorter.value(), pool, steps, exec::Cancellation()).error().kind == Kind::usage);
    }
  }
  std::filesystem::remove_all(folder);
}

TEST_CASE("outcome: the table names what was tried, drawings are whole, importance sees what counts") {
  const Problem2 data(600);
  StudySpec spec = forest_spec({"max_depth=int(1,9)", "bins=choice(63,64)"});
  const Study study = run(spec, data.examples);
  const Table table = trials_table(spec, study);
  CHECK(table.names == std::vector<std::string>{"trial_id", "config/max_depth", "config/bins", "accuracy", "training_iteration", "rung", "seed",
                                                "time_total_s", "status", "stop_reason"});
  CHECK(table.num_rows() == 12);
  const auto importance = importance_of(spec, study);
  REQUIRE(importance.size() == 2);
  CHECK(importance[0].first == "max_depth");
  CHECK(importance[0].second + importance[1].second == doctest::Approx(1));
  for (const auto& [name, svg] : drawings(spec, study)) {
    CAPTURE(name);
    CHECK(svg.starts_with("<svg"));
    CHECK(svg.find("no data") == std::string::npos);
  }
}
