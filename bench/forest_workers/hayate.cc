// bench_forest_workers DATA ANSWER THREADS REPEATS workers=N: bench/forest_workers/problem.toml.
#include "bench/forest/race.h"

using namespace hayate;

int main(int argc, char** argv) {
  ForestParams params;
  params.num_trees = 20, params.max_depth = 10;
  return bench::race(argc, argv, params, Problem::classification);
}
