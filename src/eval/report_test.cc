#include "eval/report.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <numeric>
#include <string_view>

#include "base/random.h"
#include "eval/page_checks.h"

using namespace hayate;
using namespace hayate::eval;

namespace {

/// Everything that must be true of any report.
void check_report(const ReportData& data) {
  const std::string html = render_report(data);
  check_page(html);
  CHECK(html == render_report(data));
}

double mean_of(const std::vector<double>& values) { return std::accumulate(values.begin(), values.end(), 0.0) / double(values.size()); }

double sum_of_squares(const std::vector<double>& values) {
  const double mean = mean_of(values);
  double sum = 0;
  for (const double v : values) sum += (v - mean) * (v - mean);
  return sum;
}

double pearson(const std::vector<double>& x, const std::vector<double>& y) {
  const double mx = mean_of(x), my = mean_of(y);
  double xy = 0, xx = 0, yy = 0;
  for (size_t i = 0; i < x.size(); ++i) xy += (x[i] - mx) * (y[i] - my), xx += (x[i] - mx) * (x[i] - mx), yy += (y[i] - my) * (y[i] - my);
  return xy / std::sqrt(xx * yy);
}

/// A number from a bell curve (twelve uniforms, Irwin-Hall).
double bell(uint64_t key, uint64_t index) {
  double sum = -6;
  for (uint64_t i = 0; i < 12; ++i) sum += random_unit(key, index * 12 + i);
  return sum;
}

struct Story {
  std::vector<std::string> symbols;
  int dates = 2766, folds = 11, workers = 2;
  double skill = 0.01;  ///< correlation of prediction and label
};

/// A run as the pipeline would tell it: returns of symbols that move together, predicted with a given skill.
ReportData tell(const Story& story) {
  ReportData data;
  data.run_id = "20260105T093000-5f2ac91b", data.created = "2026-01-05 09:30";
  data.problem = "regression", data.scope = "symbol", data.error_metric = "RMSE", data.naive_forecast = "the mean label of the training rows";
  data.label = "Ref($close,-2)/Ref($close,-1)-1", data.label_horizon = 2;
  data.spec = {{"universe.input", "examples/prices/*.csv", "spec.toml"},
               {"universe.adjust", "adj_close", "spec.toml"},
               {"features.set", "alpha158", "spec.toml"},
               {"label.expression", data.label, "default"},
               {"split.method", "walk_forward", "default"},
               {"split.train_days", "500", "spec.toml"},
               {"split.test_days", "250", "spec.toml"},
               {"split.purge_days", "2", "label"},
               {"split.window", "rolling", "default"},
               {"model.learner", "forest", "spec.toml"},
               {"model.scope", "symbol", "spec.toml"},
               {"model.params.num_trees", "100", "spec.toml"},
               {"model.params.max_depth", "10", "default"},
               {"model.params.max_features", "1/3 of the features", "default"},
               {"model.seed", "42", "flag"}};
  data.spec_toml =
      "[universe]\ninput = \"examples/prices/*.csv\"\nadjust = \"adj_close\"\n\n[features]\nset = \"alpha158\"\n\n[label]\nexpression = "
      "\"Ref($close,-2)/Ref($close,-1)-1\"\n\n[split]\nmethod = \"walk_forward\"\ntrain_days = 500\ntest_days = 250\n\n[model]\nlearner = "
      "\"forest\"\nscope = \"symbol\"\nparams = { num_trees = 100, max_depth = 10 }\nseed = 42\n";
  data.spec_hash = "5f2ac91b7d3e08a6c4b1f09e2d7a6635";
  data.versions = {{"hayate", "0.1.0"}, {"Compiler", "g++ 12.2.0"}, {"Instruction set", "avx512"}, {"Arrow C++", "21.0.0"}};
  data.data.hash = "91c3a0de44f5b2071c8e6a9b03d7f512";

  const size_t num_symbols = story.symbols.size();
  const int rows_per_fold = story.dates / story.folds;
  const int32_t first_day = days_from_civil(2002, 3, 1);
  std::vector<std::vector<double>> predictions(num_symbols), labels(num_symbols);
  std::vector<std::pair<double, double>> pairs;
  double total = 0, naive_total = 0, hits = 0;
  for (int d = 0; d < story.dates; ++d) {
    const uint64_t key = random_key(7, Stage::synth, uint64_t(d));
    const double market = bell(key, 0);
    DateScore date{first_day + d * 7 / 5, int64_t(num_symbols), kUndefined, kUndefined, 0, 0};
    std::vector<double> p, y;
    for (size_t s = 0; s < num_symbols; ++s) {
      const double label = 0.012 * (0.6 * market + 0.8 * bell(key, 2 * s + 1));
      const double prediction = 0.0015 * (story.skill * label / 0.012 + std::sqrt(1 - story.skill * story.skill) * bell(key, 2 * s + 2));
      p.push_back(prediction), y.push_back(label);
      predictions[s].push_back(prediction), labels[s].push_back(label), pairs.emplace_back(prediction, label);
      date.squared_error += (label - prediction) * (label - prediction), date.naive_squared_error += label * label;
      hits += prediction * label > 0;
    }
    if (num_symbols >= 3) date.ic = pearson(p, y), date.rank_ic = date.ic * 0.95 + 0.02 * bell(key, 2 * num_symbols + 5);
    total += date.squared_error, naive_total += date.naive_squared_error;
    data.dates.push_back(date);
  }
  const double rows = double(num_symbols) * story.dates;
  std::vector<double> ics, rank_ics;
  for (const DateScore& d : data.dates) ics.push_back(d.ic), rank_ics.push_back(d.rank_ic);
  const auto ir = [](const std::vector<double>& v) { return mean_of(v) / std::sqrt(sum_of_squares(v) / double(v.size() - 1)); };
  data.universe = {int64_t(rows),     story.dates, std::sqrt(total / rows), std::sqrt(naive_total / rows), hits / rows, mean_of(ics), ir(ics),
                   mean_of(rank_ics), ir(rank_ics)};
  for (size_t s = 0; s < num_symbols; ++s) {
    SymbolScore score{story.symbols[s], story.dates, 0, 0, pearson(predictions[s], labels[s]), 0};
    for (int fold = 0; fold < story.folds; ++fold) {
      const int begin = fold * rows_per_fold, end = fold + 1 == story.folds ? story.dates : begin + rows_per_fold;
      double error = 0, naive = 0;
      for (int d = begin; d < end; ++d) {
        const double y = labels[s][size_t(d)], p = predictions[s][size_t(d)];
        error += (y - p) * (y - p), naive += y * y, score.hit_rate += (y * p > 0) / double(story.dates);
      }
      score.error += error, score.naive_error += naive;
      data.folds.push_back({fold, story.symbols[s], 500, end - begin, data.dates[size_t(begin)].time, data.dates[size_t(end - 1)].time,
                            std::sqrt(error / (end - begin)), std::sqrt(naive / (end - begin)), 0.02 * bell(s, uint64_t(fold))});
    }
    score.error = std::sqrt(score.error / story.dates), score.naive_error = std::sqrt(score.naive_error / story.dates);
    data.symbols.push_back(score);
    for (const int ahead : {0, 1})
      data.newest.push_back({story.symbols[s], first_day + story.dates * 7 / 5 + ahead, 0.0015 * bell(99, s * 2 + uint64_t(ahead))});
    data.data.files.push_back({"examples/prices/" + story.symbols[s] + ".csv", story.dates + 502, 66 * (story.dates + 502),
                               fmt::format("{:016x}{:016x}", random_bits(1, s), random_bits(2, s))});
  }
  data.data.rows = int64_t(num_symbols) * (story.dates + 502), data.data.symbols = int64_t(num_symbols), data.data.first_time = first_day - 703,
  data.data.last_time = first_day + story.dates * 7 / 5 + 1;

  std::sort(pairs.begin(), pairs.end());
  for (size_t b = 0; b < 10; ++b) {
    std::vector<double> p, y;
    for (size_t i = b * pairs.size() / 10; i < (b + 1) * pairs.size() / 10; ++i) p.push_back(pairs[i].first), y.push_back(pairs[i].second);
    data.buckets.push_back({int64_t(y.size()), mean_of(p), mean_of(y), std::sqrt(sum_of_squares(y) / double(y.size() * (y.size() - 1)))});
  }

  const char* kNames[] = {"STD", "VMA", "CORR", "KLEN", "WVMA", "BETA", "RSQR", "MAX", "LOW", "ROC", "RESI"};
  const int kWindows[] = {5, 10, 20, 30, 60};
  for (size_t i = 0; i < 158; ++i)
    data.features.push_back({fmt::format("{}{}_{}", kNames[i % 11], kWindows[i % 5], i), fmt::format("Std($close, {})/$close", kWindows[i % 5]),
                             std::exp(-double(i) / 40) * (0.7 + random_unit(3, i))});
  data.importance_note = fmt::format("Mean over the last fold's {} models", num_symbols);

  // Longest first over workers, as the scheduler does it.
  std::vector<double> free_at(size_t(story.workers), 0.02 * double(num_symbols) / story.workers);
  double cpu = 0;
  for (const char* step : {"compute", "bin", "train", "predict"})
    for (size_t s = 0; s < num_symbols; ++s)
      for (int fold = 0; fold < (std::string_view(step) == "compute" ? 1 : story.folds); ++fold) {
        const double base = std::string_view(step) == "train" ? 0.012 : std::string_view(step) == "compute" ? 0.02 : 0.002;
        const auto worker = std::min_element(free_at.begin(), free_at.end());
        const double length = base * (0.6 + 0.8 * random_unit(4, s * 64 + uint64_t(fold)));
        data.tasks.push_back({step, fmt::format("{} fold {}", story.symbols[s], fold), int(worker - free_at.begin()), *worker, *worker + length});
        *worker += length + 2e-5, cpu += length;
      }
  const double end = *std::max_element(free_at.begin(), free_at.end());
  const auto items = int64_t(num_symbols) * story.folds;
  data.steps = {{"read", 0.01 * double(num_symbols) / story.workers, 0.015 * double(num_symbols) / story.workers, data.data.rows, "rows"},
                {"check", 0.002 * double(num_symbols), 0.002 * double(num_symbols), int64_t(num_symbols), "symbols"},
                {"compute", end * 0.12, end * 0.12 * story.workers, data.data.rows * 158, "cells"},
                {"bin", end * 0.1, end * 0.1 * story.workers, items, "folds"},
                {"train", end * 0.7, end * 0.7 * story.workers, items, "models"},
                {"predict", end * 0.08, end * 0.08 * story.workers, int64_t(rows), "rows"},
                {"evaluate", 0.012, 0.012, int64_t(rows), "rows"},
                {"write", 0.03, 0.03, 5, "files"}};
  data.wall_s = end + 0.07, data.cpu_s = cpu + 0.1, data.workers = story.workers, data.peak_rss_bytes = 212'000'000,
  data.memory_limit_bytes = 2'000'000'000;
  data.reuse = {{"compute", 0, int64_t(num_symbols), "nothing stored for these bars"}, {"train", 0, items, "nothing stored for these bars"}};
  data.conventions = {{"hit_rate", "Share of rows whose prediction and label have the same sign; rows with a label of 0 are left out."}};
  return data;
}

ReportData small_universe() {
  ReportData data = tell({{"AAPL", "IBM", "MSFT", "sp500"}});
  data.warnings = {{"sp500", "gap", "no bar for 7 days", 678, "2001-09-17", "2001-09-10"},
                   {"AAPL", "jump", "close moved by -51.9 %, volume 14 times the median", 148, "2000-09-29", "25.75"},
                   {"AAPL", "split", "close halved while adj_close did not: looks like a split", 79, "2000-06-21", "55.63"},
                   {"IBM", "gap", "no bar for 7 days", 390, "2001-09-17", "2001-09-10"}};
  return data;
}

ReportData large_universe() {
  Story story{{}, 1000, 5, 2, 0.02};
  for (int s = 0; s < 500; ++s) story.symbols.push_back(std::to_string(1301 + 17 * s));
  ReportData data = tell(story);
  for (size_t i = 0; i < 3; ++i)
    data.failures.push_back(
        {fmt::format("BAD{}", i), i == 1 ? "high_low" : "duplicate", i == 1 ? "high is below low" : "the same date twice", 18, "2004-05-06", "12.5"});
  for (size_t i = 0; i < 20'000; ++i)
    data.warnings.push_back(
        {story.symbols[i % 500], i % 3 ? "gap" : "zero_volume", i % 3 ? "no bar for 9 days" : "no volume", int64_t(i), "2004-05-06", "0"});
  return data;
}

/// Every text from outside set to something that would run, break out of an attribute, or not end.
ReportData hostile_universe() {
  const std::string evil = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>\x01\xff&lt;";
  ReportData data = tell({{evil, "</td></table>", std::string(5000, 'A'), "日本たばこ産業株式会社", ""}, 60, 2, 2, 0.3});
  data.title = data.run_id = data.created = data.error_metric = data.naive_forecast = data.label = data.spec_toml = data.spec_hash =
      data.importance_note = evil;
  data.spec = {{evil, evil, evil}}, data.versions = {{evil, evil}}, data.conventions = {{"ic", evil}, {"more", evil}};
  data.data.hash = evil, data.data.files[0] = {evil, 1, 1, evil};
  data.features[0] = {evil, evil, 1e3}, data.steps[0].step = data.steps[0].unit = evil, data.tasks[0].step = data.tasks[0].key = evil;
  data.warnings = data.failures = {{evil, evil, evil, 3, evil, evil}}, data.reuse = {{evil, 1, 2, evil}};
  return data;
}

/// `HAYATE_SAMPLES=build/samples eval_test` leaves the reports there, to be looked at.
void keep_sample(const char* name, const ReportData& data) {
  if (const char* folder = std::getenv("HAYATE_SAMPLES")) std::ofstream(fmt::format("{}/{}.html", folder, name)) << render_report(data);
}

}  // namespace

TEST_CASE("report: a small universe") {
  const ReportData data = small_universe();
  keep_sample("small", data);
  check_report(data);
  const std::string html = render_report(data);
  for (const SymbolScore& s : data.symbols) CHECK(contains(html, "<th scope=\"row\" class=\"t\">" + s.symbol + "</th>"));
  for (const std::string_view part : {"Cumulative IC and rank IC", "Outcome by prediction decile", "Mean IC by year", "RMSE against naive, by fold",
                                      "Share of the total gain", "The other 138 features hold", "no bar for 7 days", "What each worker did",
                                      "5f2ac91b7d3e08a6c4b1f09e2d7a6635", "num_trees = 100", "rows with a label of 0 are left out"})
    CHECK_MESSAGE(contains(html, part), part);
  CHECK_FALSE(contains(html, "no data</text>"));
}

TEST_CASE("report: 500 symbols x 5 folds name every symbol, show the best and worst, and stay small") {
  const ReportData data = large_universe();
  keep_sample("large", data);
  check_report(data);
  const std::string html = render_report(data);
  for (const SymbolScore& s : data.symbols) CHECK(contains(html, "<th scope=\"row\" class=\"t\">" + s.symbol + "</th>"));
  CHECK(contains(html, "The 25 symbols with the smallest error ratio"));
  CHECK(contains(html, "19,800 more are not shown."));
  CHECK(contains(html, "3 symbols failed"));
  CHECK(html.size() < 1'000'000);
  MESSAGE("bytes of the report: " << html.size());
}

TEST_CASE("report: the verdict does not sell noise") {
  const auto sentence = [](int symbols, int dates, double skill) {
    Story story{{}, dates, 4, 2, skill};
    for (int s = 0; s < symbols; ++s) story.symbols.push_back(fmt::format("S{}", s));
    return verdict(tell(story));
  };
  CHECK(contains(sentence(20, 400, 0.0), "distinguishable from luck"));
  CHECK(contains(sentence(50, 1000, 0.1), "mean IC 0.0"));
  CHECK(contains(sentence(50, 1000, 0.1), "unlikely to be luck if no other specs were tried"));
  CHECK(contains(sentence(50, 1000, -0.1), "worse, and not by bad luck"));
  CHECK_FALSE(contains(sentence(2, 400, 0.0), "IC"));  // needs three symbols on a date
  CHECK(contains(sentence(1, 400, 0.0), "1 symbol, 400 out-of-sample dates: RMSE"));
  CHECK_FALSE(contains(sentence(5, 10, 0.5), "t = "));  // ten dates say nothing
  CHECK(verdict({}) == "No symbol has out-of-sample predictions.");
  ReportData failed;
  failed.failures = {{"A", "duplicate", "", 1, "", ""}, {"B", "text", "", 1, "", ""}};
  CHECK(verdict(failed) == "No symbol has out-of-sample predictions: 2 failures.");
  ReportData partly = small_universe();
  partly.failures = failed.failures;
  CHECK(verdict(partly).starts_with("4 of 6 symbols, 2,766 out-of-sample dates: RMSE "));
}

TEST_CASE("report: standard errors widen when labels overlap") {
  ReportData data = tell({{"A", "B", "C", "D"}, 800, 4, 2, 0.05});
  for (size_t i = 0; i + 1 < data.dates.size(); i += 2) data.dates[i + 1].ic = data.dates[i].ic;  // each IC twice: half as much to know
  const auto t_of = [&](int horizon) {
    data.label_horizon = horizon;
    const std::string text = verdict(data);
    const size_t at = text.rfind("t = ") + 4;
    return std::stod(text.substr(at));
  };
  CHECK(std::abs(t_of(10)) < std::abs(t_of(0)));
}

TEST_CASE("report: nothing at all is still a page") {
  keep_sample("empty", {});
  check_report({});
  CHECK(contains(render_report({}), "No symbol has out-of-sample predictions."));
}

TEST_CASE("report: all NaN is dashes and a plain word, not numbers") {
  ReportData data = small_universe();
  const double nan = kUndefined;
  data.universe.error = data.universe.naive_error = data.universe.hit_rate = data.universe.ic = data.universe.icir = data.universe.rank_ic =
      data.universe.rank_icir = nan;
  for (SymbolScore& s : data.symbols) s.error = s.naive_error = s.corr = s.hit_rate = nan;
  for (FoldScore& f : data.folds) f.error = f.naive_error = f.corr = nan;
  for (DateScore& d : data.dates) d.ic = d.rank_ic = d.squared_error = d.naive_squared_error = nan;
  for (Bucket& b : data.buckets) b.mean_prediction = b.mean_label = b.standard_error = nan;
  for (NewestPrediction& p : data.newest) p.prediction = nan;
  for (FeatureGain& f : data.features) f.gain = nan;
  for (StepTime& s : data.steps) s.wall_s = s.cpu_s = nan;
  for (TaskSpan& t : data.tasks) t.start_s = nan;
  data.wall_s = data.cpu_s = nan;
  keep_sample("nan", data);
  check_report(data);
  CHECK(contains(verdict(data), "no metric is defined"));
  CHECK(contains(render_report(data), "needs at least two"));
}

TEST_CASE("report: infinities and absurd sizes neither hang nor leak into the page") {
  ReportData data = small_universe();
  data.symbols[0].error = data.folds[0].error = data.dates[3].ic = data.dates[4].squared_error = data.buckets[0].mean_label = INFINITY;
  data.symbols[1].corr = data.dates[5].ic = data.features[0].gain = 1e300;
  data.dates[9].time = std::numeric_limits<int64_t>::max(), data.tasks[0].worker = -4, data.tasks[1].worker = 1'000'000, data.tasks[2].end_s = 1e200;
  check_report(data);
}

TEST_CASE("report: hostile text is inert everywhere") {
  const ReportData data = hostile_universe();
  keep_sample("hostile", data);
  check_report(data);
  const std::string html = render_report(data);
  CHECK_FALSE(contains(html, "<img"));
  CHECK_FALSE(contains(html, "\x01"));
  CHECK(contains(html, "日本たばこ産業株式会社"));
}

TEST_CASE("report: a pooled model, and minute bars") {
  ReportData data = tell({{"A", "B", "C"}, 300, 3, 2, 0.1});
  data.scope = "pooled", data.daily = false;
  const int64_t start = 1'700'000'000'000'000;
  for (size_t i = 0; i < data.dates.size(); ++i) data.dates[i].time = start + int64_t(i) * 60'000'000;
  data.folds.resize(3);
  for (size_t i = 0; i < 3; ++i)
    data.folds[i].symbol.clear(), data.folds[i].first_time = data.dates[i * 100].time, data.folds[i].last_time = data.dates[i * 100 + 99].time;
  for (NewestPrediction& p : data.newest) p.time = start + 18'000'000'000;
  data.data.first_time = start, data.data.last_time = start + 18'000'000'000;
  keep_sample("minutes", data);
  check_report(data);
  CHECK(contains(render_report(data), "2023-11-14 22:13"));
}
