// What the benchmarks of forests and of boosting share: read the cases, train once per repeat from floats in memory, write the answers and the seconds
// (bench/README.md says in which form). Words after the four arguments change a forest's parameters (bins=exact), or its workers (workers=2).
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "bench/seconds.h"
#include "exec/pool.h"
#include "hayate/boosting.h"
#include "hayate/forest.h"

namespace hayate::bench {

inline std::vector<float> read_floats(const std::filesystem::path& path) {
  std::vector<float> values(std::filesystem::file_size(path) / sizeof(float));
  std::ifstream(path, std::ios::binary).read(reinterpret_cast<char*>(values.data()), std::streamsize(values.size() * sizeof(float)));
  return values;
}

struct Case {
  std::string name;
  std::vector<float> train_x, train_y, test_x;
  int64_t num_rows, num_features, num_test_rows;
};

inline Case read_case(const std::filesystem::path& folder) {
  Case c{folder.filename(), read_floats(folder / "train_x.f32"), read_floats(folder / "train_y.f32"), read_floats(folder / "test_x.f32"), 0, 0, 0};
  c.num_rows = int64_t(c.train_y.size()), c.num_features = int64_t(c.train_x.size()) / c.num_rows;
  c.num_test_rows = int64_t(c.test_x.size()) / c.num_features;
  return c;
}

inline std::vector<Case> read_cases(const char* data) {
  std::vector<Case> cases;
  for (const auto& entry : std::filesystem::directory_iterator(data)) cases.push_back(read_case(entry.path()));
  std::sort(cases.begin(), cases.end(), [](const Case& a, const Case& b) { return std::pair(a.num_rows, a.name) < std::pair(b.num_rows, b.name); });
  return cases;
}

inline BinnedMatrix bin(const FloatColumns& values, std::span<const int32_t> rows, const ForestParams& params, exec::Pool* pool) {
  const int bins = max_bins(params);
  return std::move(bins ? bin_values(values, rows, bins, {}, Spread::ends, pool)
                        : exact_columns(std::make_shared<RankedMatrix>(rank_columns(values)), rows))
      .value();
}
inline BinnedMatrix bin(const FloatColumns& values, std::span<const int32_t> rows, const BoostingParams& params, exec::Pool* pool) {
  return std::move(bin_values(values, rows, int(params.bins), {}, Spread::even, pool)).value();
}
inline Result<Forest> train_on(const BinnedMatrix& matrix, std::span<const int32_t> rows, const Labels& labels, const ForestParams& params,
                               uint64_t seed, exec::Pool* pool) {
  return train_forest(matrix, rows, labels, {}, params, seed, 0, pool);
}
inline Result<Forest> train_on(const BinnedMatrix& matrix, std::span<const int32_t> rows, const Labels& labels, const BoostingParams& params,
                               uint64_t seed, exec::Pool* pool) {
  return train_boosting(matrix, rows, labels, {}, params, seed, 0, pool);
}

/// From floats in memory to a model: cuts, codes, trees.
template <class Params>
Forest train(const Case& c, const Labels& labels, const Params& params, uint64_t seed, exec::Pool* pool) {
  std::vector<int32_t> rows(static_cast<size_t>(c.num_rows));
  std::iota(rows.begin(), rows.end(), 0);
  const BinnedMatrix matrix = bin({c.train_x.data(), c.num_rows, c.num_features, c.num_rows}, rows, params, pool);
  return std::move(train_on(matrix, rows, labels, params, seed, pool)).value();
}

inline std::vector<float> answer(const Forest& forest, const Case& c) {
  std::vector<double> out(size_t(c.num_test_rows * forest.num_outputs()));
  predict(forest, {c.test_x.data(), c.num_test_rows, c.num_features, c.num_test_rows}, out);
  std::vector<float> last(static_cast<size_t>(c.num_test_rows));
  for (size_t i = 0; i < last.size(); ++i) last[i] = float(out[i * size_t(forest.num_outputs()) + size_t(forest.num_outputs()) - 1]);
  return last;
}

inline void write_seconds(const std::string& name, const std::vector<Seconds>& spent, JsonWriter& json) {
  json.key(name).object().key("wall_s").array();
  for (const Seconds& s : spent) json.value(s.wall);
  json.end().key("cpu_s").array();
  for (const Seconds& s : spent) json.value(s.cpu);
  json.end().end();
}

template <class Params>
void race_case(const Case& c, const Params& params, Problem problem, int repeats, exec::Pool* pool, const std::filesystem::path& folder,
               JsonWriter& json) {
  const std::vector<double> numbers(c.train_y.begin(), c.train_y.end());
  const std::vector<int32_t> classes(c.train_y.begin(), c.train_y.end());
  const Labels labels = problem == Problem::classification ? Labels::ids(classes, 2) : Labels::numbers(numbers);
  std::ofstream out(folder / (c.name + ".f32"), std::ios::binary);
  std::vector<Seconds> spent;
  train(c, labels, params, 0, pool);
  for (int seed = 0; seed < repeats; ++seed) {
    const Seconds begin = now();
    const Forest forest = train(c, labels, params, uint64_t(seed), pool);
    const Seconds end = now();
    spent.push_back({end.wall - begin.wall, end.cpu - begin.cpu});
    const std::vector<float> predicted = answer(forest, c);
    out.write(reinterpret_cast<const char*>(predicted.data()), std::streamsize(predicted.size() * sizeof(float)));
  }
  write_seconds(c.name, spent, json);
}

/// What `word` changes; true when it names workers or a parameter that races vary.
template <class Params>
bool take_word(const std::string& word, Params& params, int& threads) {
  const auto value = [&](const char* name) { return word.starts_with(name) ? word.c_str() + std::strlen(name) : nullptr; };
  if (const char* workers = value("workers=")) return threads = std::atoi(workers), true;
  if constexpr (requires { params.max_features; })
    if (const char* bins = value("bins=")) return params.bins = bins, true;
  return false;
}

/// Reads the arguments, calls race_all(data, params, repeats, pool, answer, json), prints what it wrote.
template <class Params, class RaceAll>
int run(int argc, char** argv, Params params, RaceAll race_all) {
  if (argc < 5) return std::fprintf(stderr, "usage: %s DATA ANSWER THREADS REPEATS [bins=N|exact] [workers=N]\n", argv[0]), 2;
  keep_freed_memory();  // as the command does
  int threads = std::atoi(argv[3]);
  for (int i = 5; i < argc; ++i)
    if (!take_word(argv[i], params, threads)) return std::fprintf(stderr, "%s: unknown word '%s'\n", argv[0], argv[i]), 2;
  const auto pool = threads > 1 ? std::make_unique<exec::Pool>(threads) : nullptr;
  JsonWriter json;
  json.object().key("version").value("0.1.0").key("cases").object();
  race_all(argv[1], params, std::atoi(argv[4]), pool.get(), argv[2], json);
  fmt::print("{}\n", json.end().end().text());
  return 0;
}

template <class Params>
int race(int argc, char** argv, const Params& given, Problem problem) {
  return run(argc, argv, given, [&](const char* data, Params params, int repeats, exec::Pool* pool, const char* folder, JsonWriter& json) {
    for (const Case& c : read_cases(data)) {
      if constexpr (requires { params.max_features; })
        if (const size_t place = c.name.find('_'); place != std::string::npos) params.max_features = c.name.substr(place + 1);
      race_case(c, params, problem, repeats, pool, folder, json);
    }
  });
}

}  // namespace hayate::bench
