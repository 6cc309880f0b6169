// bench_one_more_day: our side of problem.toml. The argument after REPEATS: `update`, the new rows alone, or `batch`, all rows again.
#include <cstring>

#include "bench/feature_race.h"
#include "hayate/stream.h"

using namespace hayate;
using namespace hayate::bench;

namespace {

/// Days [from, to) of all symbols.
Panel panel_of_days(const Columns& columns, size_t from, size_t to) {
  Panel panel;
  panel.fields = kFields, panel.values.resize(kFields.size());
  for (size_t s = 0; s < kSymbols; ++s) {
    panel.symbols.push_back(fmt::format("S{:03}", s));
    for (size_t t = from; t < to; ++t) panel.times.push_back(int64_t(15000 + t));
    for (size_t f = 0; f < kFields.size(); ++f)
      panel.values[f].insert(panel.values[f].end(), columns[f].begin() + ptrdiff_t(s * kDays + from), columns[f].begin() + ptrdiff_t(s * kDays + to));
    panel.offsets.push_back(int64_t(panel.times.size()));
  }
  return panel;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) return std::fprintf(stderr, "usage: %s DATA ANSWER THREADS REPEATS update|batch\n", argv[0]), 2;
  const Columns columns = read_bars(argv[1]);
  const auto expressions = expressions_of(*feature_set("alpha158").value());
  exec::Pool pool(std::atoi(argv[3]));
  const size_t repeats = size_t(std::atoi(argv[4])), features = expressions.size();
  std::vector<Seconds> spent;
  std::vector<float> answer(features * kSymbols);
  if (std::strcmp(argv[5], "update") == 0) {
    Stream stream = std::move(Stream::create({expressions, kFields, {}}).value());
    if (!stream.take(panel_of_days(columns, 0, kDays - repeats), pool).ok()) std::abort();
    for (size_t day = kDays - repeats; day < kDays; ++day) {
      const Panel bars = panel_of_days(columns, day, day + 1);
      const Seconds begin = now();
      const auto rows = stream.update(bars, pool);
      const Seconds end = now();
      if (!rows.ok()) std::abort();
      spent.push_back({end.wall - begin.wall, end.cpu - begin.cpu});
      answer = rows.value().floats;
    }
  } else {
    const Program program = compiled(expressions);
    std::vector<Workspace> spaces(size_t(pool.workers()));
    float* out = panel_of(kRows * features);
    compute(program, columns, pool, spaces, out);
    for (size_t repeat = 0; repeat < repeats; ++repeat) spent.push_back(compute(program, columns, pool, spaces, out));
    for (size_t i = 0; i < features; ++i)
      for (size_t s = 0; s < kSymbols; ++s) answer[i * kSymbols + s] = out[i * kRows + s * kDays + kDays - 1];
  }
  print_seconds(spent);
  std::ofstream(std::filesystem::path(argv[2]) / "features.f32", std::ios::binary)
      .write(reinterpret_cast<const char*>(answer.data()), std::streamsize(answer.size() * sizeof(float)));
  return 0;
}
