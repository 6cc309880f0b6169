// bench_alpha158_500: our side of problem.toml.
#include "bench/feature_race.h"

int main(int argc, char** argv) {
  return hayate::bench::race_features(argc, argv, hayate::expressions_of(*hayate::feature_set("alpha158").value()), true);
}
