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

/// Functions that go from row to row, alone and with windows around them.
std::vector<NamedExpression> recursive_features() {
  std::vector<std::string> texts = {"$close/EMA($close, 12)-1", "EMA($close, 12)/EMA($close, 26)-1", "Mean($volume, 0.1)/$volume",
                                    "Std(ta.RSI($close, timeperiod=14), 20)", "Max(ta.EMA($close, timeperiod=5), 60)/$close"};
  for (const int period : {5, 10, 20, 30, 60})
    for (const char* call : {"ta.EMA($close, timeperiod={})", "ta.DEMA($close, timeperiod={})", "ta.TEMA($close, timeperiod={})",
                             "ta.RSI($close, timeperiod={})", "ta.CMO($close, timeperiod={})", "ta.TRIX($close, timeperiod={})",
                             "ta.ATR($high, $low, $close, timeperiod={})", "ta.NATR($high, $low, $close, timeperiod={})",
                             "ta.ADX($high, $low, $close, timeperiod={})", "ta.PLUS_DI($high, $low, $close, timeperiod={})",
                             "ta.MINUS_DI($high, $low, $close, timeperiod={})", "ta.T3($close, timeperiod={}, vfactor=0.7)"})
      texts.push_back(fmt::format(fmt::runtime(call), period));
  for (const char* output : {"macd", "macdsignal", "macdhist"})
    texts.push_back(fmt::format("ta.MACD($close, fastperiod=12, slowperiod=26, signalperiod=9).{}", output));
  for (const char* text : {"ta.SAR($high, $low, acceleration=0.02, maximum=0.2)", "ta.OBV($close, $volume)", "ta.AD($high, $low, $close, $volume)",
                           "ta.ADOSC($high, $low, $close, $volume, fastperiod=3, slowperiod=10)",
                           "ta.SUPERTREND($high, $low, $close, timeperiod=10, multiplier=3).supertrend"})
    texts.push_back(text);
  std::vector<NamedExpression> out;
  for (const std::string& text : texts) out.push_back({fmt::format("f{}", out.size()), text});
  return out;
}

/// Seconds and the last day's features, with the state of a stream.
std::vector<Seconds> update(const std::vector<NamedExpression>& expressions, const Columns& columns, exec::Pool& pool, size_t repeats,
                            std::vector<float>& answer) {
  std::vector<Seconds> spent;
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
  return spent;
}

/// The same by computing all days.
std::vector<Seconds> batch(const std::vector<NamedExpression>& expressions, const Columns& columns, exec::Pool& pool, size_t repeats,
                           std::vector<float>& answer) {
  std::vector<Seconds> spent;
  const Program program = compiled(expressions);
  std::vector<Workspace> spaces(size_t(pool.workers()));
  const size_t features = expressions.size();
  float* out = panel_of(kRows * features);
  compute(program, columns, pool, spaces, out);
  for (size_t repeat = 0; repeat < repeats; ++repeat) spent.push_back(compute(program, columns, pool, spaces, out));
  answer.resize(features * kSymbols);
  for (size_t i = 0; i < features; ++i)
    for (size_t s = 0; s < kSymbols; ++s) answer[i * kSymbols + s] = out[i * kRows + s * kDays + kDays - 1];
  munmap(out, kRows * features * sizeof(float));
  return spent;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) return std::fprintf(stderr, "usage: %s DATA ANSWER THREADS REPEATS update|batch\n", argv[0]), 2;
  const Columns columns = read_bars(argv[1]);
  exec::Pool pool(std::atoi(argv[3]));
  const auto run = std::strcmp(argv[5], "update") == 0 ? update : batch;
  std::vector<Timing> cases;
  for (const auto& [name, expressions] :
       {std::pair{"alpha158", expressions_of(*feature_set("alpha158").value())}, std::pair{"recursive", recursive_features()}}) {
    std::vector<float> answer;
    cases.push_back({name, run(expressions, columns, pool, size_t(std::atoi(argv[4])), answer)});
    std::ofstream(std::filesystem::path(argv[2]) / fmt::format("{}.f32", name), std::ios::binary)
        .write(reinterpret_cast<const char*>(answer.data()), std::streamsize(answer.size() * sizeof(float)));
  }
  print_seconds(cases);
  return 0;
}
