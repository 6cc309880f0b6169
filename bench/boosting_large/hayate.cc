// bench_boosting_large DATA ANSWER THREADS REPEATS: our side of bench/boosting_large/problem.toml.
#include "bench/forest/race.h"

using namespace hayate;

int main(int argc, char** argv) {
  BoostingParams params;
  params.num_trees = 30;
  return bench::race(argc, argv, params, Problem::classification);
}
