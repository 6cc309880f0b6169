// Thousands of simulated days (src/exec/simulation.h): schedule_soak [--seeds N] [--sim-seed N]
//
// What can be known of the end after a tenth of 500 lognormal tasks (sigma 1, guesses off by sd 0.5) on 16 workers:
// - Costs known from earlier runs. Told the true slope, level and spread of log(seconds) over log(guess), the best estimate is within 15 % for
//   99 of 100 seeds. In the others one task is longer than all the rest is wide (over 51 times the median, the chance of which is 1 in 50 days)
//   and its own guess, off by sd 0.45, is all that anybody knows of the end.
// - First run. A tenth of the run is 82 seconds of work, in which some 75 tasks end, so their level is known to 6 %, and what is left is
//   another 3 % off by chance. Told the true slope and spread, so that only the level has to be learnt, the estimate is within 15 % for
//   97.2 of 100 seeds (of 3,000): what an estimator that has to learn those too can be held against. Ours is for 94.6.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "exec/simulation.h"

using namespace hayate::exec;

namespace {

bool play(uint64_t seed, bool tell) {
  const SimulationSpec spec = any_day(seed);
  const SimulationResult day = simulate(spec, seed);
  if (tell || !day.broken.empty())
    fmt::print("seed {}: {} tasks on {} workers, {} done, {} given up, {} attempts, {:.1f} s: {}\n", seed, spec.tasks, spec.workers, day.done,
               day.given_up, day.attempts, day.makespan, day.broken.empty() ? "no promise broken" : "BROKEN: " + day.broken);
  return day.broken.empty();
}

/// The claims about length: 500 lognormal tasks on 16 workers, guesses off by sd 0.5.
bool lengths(uint64_t seeds, bool learnt) {
  std::vector<double> ratio, eta;
  SimulationSpec spec;
  spec.learnt = learnt;
  for (uint64_t seed = 0; seed < seeds; ++seed) {
    const SimulationResult day = simulate(spec, seed);
    ratio.push_back(day.makespan / day.lower_bound), eta.push_back(std::abs(day.eta_error));
  }
  double mean = 0, close = 0;
  for (size_t i = 0; i < ratio.size(); ++i) mean += ratio[i] / double(seeds), close += (eta[i] < 0.15) / double(seeds);
  std::sort(ratio.begin(), ratio.end());
  fmt::print("{}: makespan / lower bound {:.4f} on average, {:.4f} at worst of 95 %; end told within 15 % after a tenth: {:.1f} %\n",
             learnt ? "costs known from earlier runs" : "first run", mean, ratio[ratio.size() * 95 / 100], 100 * close);
  return mean <= 1.01 && close >= (learnt ? 0.98 : 0.93);
}

}  // namespace

int main(int argc, char** argv) {
  uint64_t seeds = 10'000;
  for (int i = 1; i + 1 < argc; i += 2) {
    const uint64_t value = std::strtoull(argv[i + 1], nullptr, 10);
    if (std::string_view(argv[i]) == "--sim-seed") return play(value, true) ? 0 : 1;
    if (std::string_view(argv[i]) == "--seeds") seeds = value;
  }
  uint64_t kept = 0;
  for (uint64_t seed = 0; seed < seeds; ++seed) kept += play(seed, false);
  fmt::print("{} of {} days kept every promise\n", kept, seeds);
  const bool known = lengths(std::max<uint64_t>(seeds / 10, 1), true), first = lengths(std::max<uint64_t>(seeds / 10, 1), false);
  return kept == seeds && known && first ? 0 : 1;
}
