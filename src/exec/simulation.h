// A run of the scheduler on a simulated clock, disk and workers: everything that happens follows from one seed, so a day
// that went wrong can be played again. What is simulated: tasks of lognormal seconds and bytes that were guessed wrong,
// workers that crash, tasks that hang, run out of memory or are poison, a disk that takes time and fails, cores that are
// taken away and given back, and a coordinator that is killed and goes on from what the disk holds.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace hayate::exec {

/// What a day is made of. The chances are per attempt (or per write).
struct SimulationSpec {
  int tasks = 500, workers = 16;
  double sigma = 1;          ///< of log(seconds)
  double guess_error = 0.5;  ///< sd of log(guess / seconds)
  double bytes_limit = 0;    ///< in mean task sizes; 0: none
  double crash = 0, hang = 0, disk_error = 0;
  int poison = 0;  ///< tasks that always crash
  int coordinator_kills = 0;
  bool cores_change = false;
  bool learnt = true;  ///< the cost model knows these tasks from earlier runs
};

struct SimulationResult {
  std::string broken;  ///< the first promise that was broken; empty: none
  double makespan = 0, lower_bound = 0;
  double eta_error = 0;  ///< (predicted end after a tenth of the run) / end - 1
  int64_t done = 0, given_up = 0, attempts = 0;
};

SimulationResult simulate(const SimulationSpec& spec, uint64_t seed);
/// A day of any kind, its spec drawn from the seed too.
SimulationSpec any_day(uint64_t seed);

}  // namespace hayate::exec
