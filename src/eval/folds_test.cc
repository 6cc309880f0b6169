#include "hayate/folds.h"

#include <doctest/doctest.h>

#include <fstream>
#include <map>
#include <numeric>
#include <sstream>

using namespace hayate;

namespace {

struct Split {
  std::string method;
  std::map<std::string, int64_t> params;
  std::vector<Fold> folds;
};

DateRange parse_range(const std::string& text) {
  const size_t dash = text.find('-');
  return {std::stoll(text.substr(0, dash)), std::stoll(text.substr(dash + 1))};
}

Fold parse_fold(const std::string& text) {
  Fold fold;
  std::vector<DateRange>* side = &fold.train;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    if (word == "|")
      side = &fold.test;
    else
      side->push_back(parse_range(word));
  }
  return fold;
}

std::vector<Split> read_splits() {
  std::ifstream file("tests/data/splits_reference.txt");
  REQUIRE_MESSAGE(file.good(), "tests run in the root of the repository");
  std::vector<Split> splits;
  for (std::string text; std::getline(file, text);) {
    if (text.empty() || text[0] == '#') continue;
    if (!text.starts_with("split ")) {
      splits.back().folds.push_back(parse_fold(text));
      continue;
    }
    std::istringstream words(text.substr(6));
    Split split;
    words >> split.method;
    for (std::string word; words >> word;) split.params[word.substr(0, word.find('='))] = std::stoll(word.substr(word.find('=') + 1));
    splits.push_back(std::move(split));
  }
  return splits;
}

std::vector<int64_t> days(int64_t count, int64_t first = 0) {
  std::vector<int64_t> out(static_cast<size_t>(count));
  std::iota(out.begin(), out.end(), first);
  return out;
}

void check(const std::vector<Fold>& folds, int64_t num_dates, int64_t purge, int64_t embargo = 0) {
  const Result<void> result = check_folds(folds, num_dates, purge, embargo);
  CHECK_MESSAGE(result.ok(), (result.ok() ? "" : result.error().where + ": " + result.error().what));
}

}  // namespace

TEST_CASE("folds: equal skfolio's WalkForward and CombinatorialPurgedCV") {
  int walks = 0, combinations = 0;
  for (Split& split : read_splits()) {
    auto& p = split.params;
    const int64_t purge = p["purged_size"];
    if (split.method == "WalkForward") {
      std::vector<Fold> folds = walk_forward(p["num_dates"], {p["train_size"], p["test_size"], purge, p["expand_train"] != 0}).value();
      check(folds, p["num_dates"], purge);
      // skfolio drops a last block that is not full unless it is told to reduce it.
      if (!p["reduce_test"] && folds.back().test[0].size() < p["test_size"]) folds.pop_back();
      CHECK(folds == split.folds);
      ++walks;
    } else {
      const std::vector<Fold> folds = combinatorial_purged(p["num_dates"], {p["n_folds"], p["n_test_folds"], purge, p["embargo_size"]}).value();
      check(folds, p["num_dates"], purge, p["embargo_size"]);
      CHECK(folds == split.folds);
      ++combinations;
    }
  }
  CHECK(walks == 5);
  CHECK(combinations == 5);
}

TEST_CASE("walk-forward: the first block starts at train + purge, the last one may be short") {
  const std::vector<Fold> folds = walk_forward(12, {.train_days = 4, .test_days = 3, .purge_days = 1}).value();
  CHECK(folds == std::vector<Fold>{{{{0, 4}}, {{5, 8}}}, {{{3, 7}}, {{8, 11}}}, {{{6, 10}}, {{11, 12}}}});
  CHECK(walk_forward(12, {.train_days = 4, .test_days = 3, .purge_days = 1, .expanding = true}).value()[2].train[0] == DateRange{0, 10});
}

TEST_CASE("walk-forward: properties over many sizes") {
  for (int64_t num_dates = 1; num_dates < 40; ++num_dates)
    for (const int64_t train : {1, 3, 10})
      for (const int64_t test : {1, 4, 50})
        for (const int64_t purge : {0, 2}) {
          const WalkForward split{train, test, purge, num_dates % 2 == 0};
          const Result<std::vector<Fold>> folds = walk_forward(num_dates, split);
          REQUIRE(folds.ok() == (num_dates > train + purge));
          if (!folds.ok()) continue;
          check(folds.value(), num_dates, purge);
          CHECK(folds.value().front().test[0].begin == train + purge);
          CHECK(folds.value().back().test[0].end == num_dates);
        }
}

TEST_CASE("folds: too few dates name the number that would do") {
  CHECK(walk_forward(502, {500, 250, 2}).error().what == "502 dates, one fold of walk_forward needs 503");
  CHECK(walk_forward(503, {500, 250, 2}).ok());
  CHECK(dates_needed({.purge_days = 2}) == 503);
  CHECK(combinatorial_purged(5, {.num_folds = 6}).error().what == "5 dates, combinatorial_purged needs 6");
  CHECK(make_folds({.method = "holdout"}, {}).error().what == "0 dates, a holdout needs 2");
  CHECK(make_folds({.method = "holdout", .purge_days = 3}, days(4)).error().what ==
        "3 dates stand before the test, a holdout with purge_days 3 needs 4");
  CHECK(make_folds({.method = "holdout", .purge_days = 3}, days(5)).ok());
}

TEST_CASE("folds: values out of range are usage errors") {
  for (const Result<std::vector<Fold>>& r :
       {walk_forward(100, {0, 1, 0}), walk_forward(100, {1, 0, 0}), walk_forward(100, {1, 1, -1}), walk_forward(100, {INT64_MAX, 1, 1}),
        combinatorial_purged(100, {1, 1}), combinatorial_purged(100, {4, 4}), combinatorial_purged(100, {4, 0}), combinatorial_purged(1000, {40, 20}),
        make_folds({.method = "kfold"}, days(10)), make_folds({.window = "sliding"}, days(10)),
        make_folds({.method = "holdout", .test_fraction = 1}, days(10))}) {
    REQUIRE(!r.ok());
    CHECK(r.error().kind == Kind::usage);
    CHECK(!r.error().hint.empty());
  }
}

TEST_CASE("folds: purge that leaves nothing to train on") {
  const Error error = combinatorial_purged(12, {.num_folds = 4, .num_test_folds = 2, .purge_days = 3}).error();
  CHECK(error.kind == Kind::input);
  CHECK(error.what == "purge and embargo leave no training date when parts 0, 2 are tested");
}

TEST_CASE("holdout: by fraction, by dates") {
  CHECK(make_folds({.method = "holdout", .purge_days = 2, .test_fraction = 0.25}, days(10)).value() == std::vector<Fold>{{{{0, 5}}, {{7, 10}}}});
  CHECK(make_folds({.method = "holdout", .test_fraction = 0.1}, days(30)).value()[0].test[0] == DateRange{27, 30});
  CHECK(make_folds({.method = "holdout", .test_from = "1970-04-16", .test_to = "1970-04-18"}, days(10, 100)).value() ==
        std::vector<Fold>{{{{0, 5}}, {{5, 8}}}});
  CHECK(make_folds({.method = "holdout", .test_from = "1970-07-20"}, days(10, 100)).error().what == "no date lies in the test period");
  CHECK(make_folds({.method = "holdout", .test_from = "soon"}, days(10, 100)).error().what == "'soon' is no date");
}

TEST_CASE("check_folds finds what it must find") {
  const auto broken = [](std::vector<Fold> folds, int64_t purge = 0) { return check_folds(folds, 20, purge).error().what; };
  CHECK(broken({}) == "no folds");
  CHECK(broken({{{}, {{5, 10}}}}) == "train has no dates");
  CHECK(broken({{{{0, 5}}, {{8, 8}}}}) == "test holds the empty range 8 .. 8");
  CHECK(broken({{{{0, 3}, {3, 5}}, {{8, 10}}}}) == "train ranges meet at date 3");
  CHECK(broken({{{{0, 5}}, {{8, 21}}}}) == "test range 8 .. 21 is outside 0 .. 20");
  CHECK(broken({{{{0, 9}}, {{8, 10}}}}) == "training dates 0 .. 8 see the test dates 8 .. 9");
  CHECK(broken({{{{0, 7}}, {{8, 10}}}}, 2) == "training dates 0 .. 6 see the test dates 8 .. 9");
  CHECK(broken({{{{11, 15}}, {{8, 10}}}}, 2) == "training dates 11 .. 14 see the test dates 8 .. 9");
  CHECK(broken({{{{0, 5}}, {{5, 8}}}, {{{0, 5}}, {{10, 12}}}}) == "date 8 is tested 0 times, date 5 1 times");
}
