// bench_forest_large DATA ANSWER THREADS REPEATS [bins=255]: our side of bench/forest_large/problem.toml.
#include "bench/forest/race.h"

using namespace hayate;

int main(int argc, char** argv) {
  ForestParams params;
  params.num_trees = 20, params.max_depth = 10;
  return bench::race(argc, argv, params, Problem::classification);
}
