// bench_forest_regression DATA ANSWER THREADS REPEATS: our side of bench/forest_regression/problem.toml.
#include "bench/forest/race.h"

using namespace hayate;

int main(int argc, char** argv) {
  ForestParams params;
  params.num_trees = 50, params.max_depth = 8;
  return bench::race(argc, argv, params, Problem::regression);
}
