// Our side of the races of feature programs: bars of 500 symbols x 2,500 days in memory to a panel of features in memory, which is
// reused from one repeat to the next.
//
//   int main(int argc, char** argv) { return race_features(argc, argv, expressions); }
//
// PROGRAM DATA ANSWER THREADS REPEATS, as bench/README.md says. With REPEATS 0 it prints on stderr instead where the time goes,
// operator by operator.
#pragma once

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "bench/seconds.h"
#include "exec/pool.h"
#include "hayate/features.h"

namespace hayate::bench {

inline constexpr size_t kSymbols = 500, kDays = 2500, kRows = kSymbols * kDays, kAnswered = 20;
inline const std::vector<std::string> kFields = {"open", "high", "low", "close", "volume", "vwap"};

using Columns = std::vector<std::vector<float>>;

inline Columns read_bars(const std::filesystem::path& folder) {
  Columns bars;
  for (const std::string& name : kFields) {
    bars.emplace_back(kRows);
    std::ifstream(folder / (name + ".f32"), std::ios::binary).read(reinterpret_cast<char*>(bars.back().data()), kRows * sizeof(float));
  }
  return bars;
}

inline Bars bars_of_symbol(const Program& program, const Columns& columns, size_t symbol) {
  Bars bars{.rows = kDays, .series = {}};
  for (const std::string& name : program.fields()) {
    const auto at = std::find(kFields.begin(), kFields.end(), name) - kFields.begin();
    bars.series.emplace_back(std::span<const float>(columns[size_t(at)]).subspan(symbol * kDays, kDays));
  }
  return bars;
}

/// All symbols into a column-major panel of kRows rows.
inline Seconds compute(const Program& program, const Columns& columns, exec::Pool& pool, std::vector<Workspace>& spaces, float* out) {
  const Seconds begin = now();
  std::vector<int64_t> offsets;
  for (size_t symbol = 0; symbol <= kSymbols; ++symbol) offsets.push_back(int64_t(symbol * kDays));
  const auto blocks = symbol_blocks(program, offsets, size_t(pool.workers()));
  pool.run(int64_t(blocks.size()), [&](int64_t number, int worker) {
    std::vector<Bars> bars;
    std::vector<float*> to;
    for (const size_t s : blocks[size_t(number)]) bars.push_back(bars_of_symbol(program, columns, s)), to.push_back(out + s * kDays);
    evaluate_block(program, bars, spaces[size_t(worker)], std::span<float* const>(to), kRows);
  });
  const Seconds end = now();
  return {end.wall - begin.wall, end.cpu - begin.cpu};
}

inline Program compiled(const std::vector<NamedExpression>& expressions) { return std::move(Program::compile(expressions, kFields)).value(); }

/// Where the time of one run goes, per operator.
inline void print_costs(const Program& program, const Columns& columns, exec::Pool& pool, std::vector<Workspace>& spaces, float* out) {
  compute(program, columns, pool, spaces, out);
  for (Workspace& space : spaces) space.measure();
  constexpr int kRepeats = 5;
  for (int repeat = 0; repeat < kRepeats; ++repeat) compute(program, columns, pool, spaces, out);
  std::vector<const Workspace*> measured;
  for (const Workspace& space : spaces) measured.push_back(&space);
  double total = 0;
  for (const OperatorCost& cost : operator_costs(program, measured)) {
    fmt::print(stderr, "{:<40} {:>10} cells {:6.2f} ns a cell {:8.2f} ms\n", cost.name, cost.cells / kRepeats,
               cost.seconds * 1e9 / double(cost.cells), cost.seconds * 1e3 / kRepeats);
    total += cost.seconds * 1e3 / kRepeats;
  }
  fmt::print(stderr, "{:<40} {:>40.2f} ms\n", "all", total);
}

/// What a case took, repeat by repeat.
struct Timing {
  std::string name;
  std::vector<Seconds> spent;
};

/// The line on stdout that a program ends with.
inline void print_seconds(const std::vector<Timing>& cases) {
  JsonWriter json;
  json.object().key("version").value("0.1.0").key("cases").object();
  for (const Timing& timing : cases) {
    json.key(timing.name).object().key("wall_s").array();
    for (const Seconds& s : timing.spent) json.value(s.wall);
    json.end().key("cpu_s").array();
    for (const Seconds& s : timing.spent) json.value(s.cpu);
    json.end().end();
  }
  fmt::print("{}\n", json.end().end().text());
}

inline float* panel_of(size_t cells) {
  void* memory = mmap(nullptr, cells * sizeof(float), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) std::abort();
  madvise(memory, cells * sizeof(float), MADV_HUGEPAGE);
  return static_cast<float*>(memory);
}

/// `with_gaps`: DATA has a folder `missing` of the same bars with rows missing, a case of its own; so are two workers and the first run.
inline int race_features(int argc, char** argv, const std::vector<NamedExpression>& expressions, bool with_gaps = false) {
  if (argc != 5) return std::fprintf(stderr, "usage: %s DATA ANSWER THREADS REPEATS\n", argv[0]), 2;
  const Columns columns = read_bars(argv[1]);
  exec::Pool pool(std::atoi(argv[3]));
  std::vector<Workspace> spaces(size_t(pool.workers()));
  float* out = panel_of(kRows * expressions.size());
  const int repeats = std::atoi(argv[4]);
  const Program program = compiled(expressions);
  if (repeats == 0) return print_costs(program, columns, pool, spaces, out), 0;

  const Seconds first = compute(program, columns, pool, spaces, out);  // touches the panel
  const auto time_repeats = [&](const std::string& name, const Columns& bars, exec::Pool& workers, std::vector<Workspace>& of_workers) {
    Timing timing{name, {}};
    for (int repeat = 0; repeat < repeats; ++repeat) timing.spent.push_back(compute(program, bars, workers, of_workers, out));
    return timing;
  };
  const auto time_case = [&](const std::string& name, const Columns& bars, const std::string& answer_name) {
    Timing timing = time_repeats(name, bars, pool, spaces);
    std::ofstream answer(std::filesystem::path(argv[2]) / answer_name, std::ios::binary);
    for (size_t i = 0; i < expressions.size(); ++i) answer.write(reinterpret_cast<const char*>(out + i * kRows), kAnswered * kDays * sizeof(float));
    return timing;
  };
  if (!with_gaps) return print_seconds({time_case("", columns, "features.f32")}), 0;
  const Columns gaps = read_bars(std::filesystem::path(argv[1]) / "missing");
  exec::Pool two(2);
  std::vector<Workspace> spaces_of_two(size_t(two.workers()));
  compute(program, columns, two, spaces_of_two, out);  // takes the memory of the workspaces
  print_seconds({time_case("no row missing", columns, "features.f32"),
                 time_case("0.1 % of the rows missing", gaps, "missing.f32"),
                 time_repeats("no row missing, two workers", columns, two, spaces_of_two),
                 {"no row missing, first run", {first}}});
  return 0;
}

}  // namespace hayate::bench
