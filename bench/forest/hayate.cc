// bench_forest DATA ANSWER THREADS REPEATS: our side of bench/forest/problem.toml.
#include "bench/forest/race.h"

using namespace hayate;

int main(int argc, char** argv) {
  ForestParams params;
  params.num_trees = 100, params.max_depth = 10;
  return bench::race(argc, argv, params, Problem::classification);
}
