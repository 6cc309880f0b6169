// bench_boosting_real DATA ANSWER THREADS REPEATS: our side of bench/boosting_real/problem.toml.
#include "bench/forest/race.h"

using namespace hayate;

int main(int argc, char** argv) { return bench::race(argc, argv, BoostingParams{}, Problem::classification); }
