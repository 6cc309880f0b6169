// bench_operators: what every operator, every function of TA-Lib and every indicator costs alone. Not a race: it has no peer and no
// answer; `hayate operators NAME` says what it found, and why where that is more than 2 ns a cell.
//
//   bench_operators DATA [NAME ...]     DATA as bench/talib_500/data.py makes it; names as "Kurt", "ta.CCI", "rsi"; none: all
//
// One thread, 500 symbols x 2,500 days of float32, default parameters (operators: their example, with N = 20 or less). `alone` is the
// operator's own pass as `hayate features --profile` counts it, `call` everything from bars to columns, both over the columns that come
// out; the best of five runs each.

#include "bench/feature_race.h"
#include "features/talib.h"
#include "features/talib_pages.h"
#include "hayate/indicators.h"

using namespace hayate;
using namespace hayate::bench;

namespace {

struct Subject {
  std::string name;
  std::string step;  ///< as operator_costs calls it; empty: all steps that are not reading or writing
  std::vector<NamedExpression> expressions;
};

std::string first_call(const kernels::ta::Entry& function) {
  const std::string example = talib_example(function);
  return function.num_outputs() > 1 ? example.substr(0, example.rfind('.')) : example;
}

/// The outputs of a function of TA-Lib, all of them.
Subject subject_of(const kernels::ta::Entry& function) {
  Subject subject{.name = fmt::format("ta.{}", function.name), .step = fmt::format("ta.{}", function.name), .expressions = {}};
  for (int o = 0; o < function.num_outputs(); ++o)
    subject.expressions.push_back(
        {function.outputs[o], first_call(function) + (function.num_outputs() > 1 ? fmt::format(".{}", function.outputs[o]) : "")});
  return subject;
}

std::vector<Subject> all_subjects() {
  std::vector<Subject> subjects;
  for (const Operator& op : operators()) {
    Subject subject{std::string(op.name), std::string(op.infix.empty() ? op.name : op.infix), {{"x", std::string(op.example)}}};
    const auto program = Program::compile(subject.expressions, kFields);                        // not of labels, nor with a group
    if (program.ok() && !program.value().has_stages()) subjects.push_back(std::move(subject));  // a stage is of a panel, not of a symbol
  }
  for (const std::string& name : talib_names()) subjects.push_back(subject_of(*find_talib(name)));
  for (const Indicator& indicator : indicators())
    subjects.push_back({std::string(indicator.name), "", indicator_features(indicator.name, {"bench"}).value()});
  return subjects;
}

struct Nanoseconds {
  double alone = 1e9, call = 1e9;
};

/// Whether the pass called `passes` ("Mean Std") holds operator `step`; all do but reading and writing when there is none.
bool counts(const std::string& passes, const std::string& step) {
  if (step.empty()) return passes != "read $columns" && passes != "write columns";
  return (" " + passes + " ").find(" " + step + " ") != std::string::npos;
}

Nanoseconds measure(const Subject& subject, const Columns& columns, exec::Pool& pool, float* out) {
  const Program program = compiled(subject.expressions);
  const double cells = double(kRows * subject.expressions.size());
  Nanoseconds best;
  for (int repeat = 0; repeat < 6; ++repeat) {
    std::vector<Workspace> spaces(1);
    spaces[0].measure();
    const Seconds spent = compute(program, columns, pool, spaces, out);
    if (repeat == 0) continue;  // touches the panel
    const Workspace* space = &spaces[0];
    double own = 0;
    const auto costs = operator_costs(program, {&space, 1});
    const auto is_own = [&](const OperatorCost& cost) { return counts(cost.name, subject.step); };
    const bool is_called_otherwise = std::none_of(costs.begin(), costs.end(), is_own);  // Med is a Quantile
    for (const OperatorCost& cost : costs)
      if (is_called_otherwise ? counts(cost.name, "") : is_own(cost)) own += cost.seconds;
    best.alone = std::min(best.alone, own * 1e9 / cells), best.call = std::min(best.call, spent.cpu * 1e9 / cells);
  }
  return best;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return std::fprintf(stderr, "usage: %s DATA [NAME ...]\n", argv[0]), 2;
  const Columns columns = read_bars(argv[1]);
  exec::Pool pool(1);
  float* out = panel_of(kRows * 8);
  fmt::print("{:<28} {:>10} {:>10}\n", "ns a cell", "alone", "call");
  for (const Subject& subject : all_subjects()) {
    const auto is_wanted = [&](const char* name) { return subject.name == name; };
    if (argc > 2 && std::none_of(argv + 2, argv + argc, is_wanted)) continue;
    const Nanoseconds cost = measure(subject, columns, pool, out);
    fmt::print("{:<28} {:>10.2f} {:>10.2f}{}\n", subject.name, cost.alone, cost.call, cost.alone > 2 ? "  above 2" : "");
    std::fflush(stdout);
  }
}
