// bench_boosting DATA ANSWER THREADS REPEATS: our side of bench/boosting/problem.toml.
#include "bench/forest/race.h"

using namespace hayate;

int main(int argc, char** argv) { return bench::race(argc, argv, BoostingParams{}, Problem::classification); }
