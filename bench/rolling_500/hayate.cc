// bench_rolling_500: our side of problem.toml.
#include "bench/feature_race.h"

int main(int argc, char** argv) {
  std::vector<hayate::NamedExpression> expressions;
  for (const char* window : {"5", "10", "20", "30", "60"}) {
    const std::string w = window;
    expressions.push_back({"mean" + w, "Mean($close, " + w + ")"});
    expressions.push_back({"std" + w, "Std($close, " + w + ")"});
    expressions.push_back({"max" + w, "Max($close, " + w + ")"});
    expressions.push_back({"quantile" + w, "Quantile($close, " + w + ", 0.8)"});
  }
  return hayate::bench::race_features(argc, argv, expressions);
}
