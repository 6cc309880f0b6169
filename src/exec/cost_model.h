// What a task will take, learnt while tasks finish and kept for the next run.
//
// A task's work is a number the caller knows beforehand (cells to compute, say). Seconds are modelled as
//     log(seconds) = level + slope * (log(work) - centre) + spread * N(0, 1)
// fitted by least squares over the tasks that are finished, with what was learnt before as so many more observations.
// The slope matters: where guesses are off at random, the largest are the most overestimated, and a plain ratio of
// measured to guessed seconds is 28 % off for guesses of sd 0.5 (measured, 500 lognormal tasks; 0 % with the slope).
// Where nothing is known yet, more is believed of it: that guesses are off at random, guess = truth x noise. Then slope and spread follow from
// each other, spread^2 = slope (1 - slope) x the variance of log(work), which is known before the first task begins. With the
// order of first tasks in schedule.h it takes the share of first runs whose end is told within 15 % after a tenth from 90 to 94.6 % (a line of
// known slope and spread, of which the level alone is learnt: 97.2 %; 3,000 days).
// Tasks still running are observations too ("at least so long"): left out, the sample is of short tasks only. They enter
// by expectation (Tobit EM, a dozen rounds over as many numbers as there are workers).
#pragma once

#include <cstdint>
#include <span>

namespace hayate::exec {

/// What was learnt, as it is stored. `weight`: how many finished tasks stand behind it; 0: nothing was learnt.
struct CostFit {
  double level = 0, slope = 1, spread = 0.5, centre = 0;
  double weight = 0;

  /// Expected seconds of a task; of one that has run `elapsed` seconds already: in all.
  double seconds(double work, double elapsed = 0) const;
};

/// A task in hand.
struct Running {
  double work = 0, elapsed = 0;
};

class CostModel {
 public:
  /// `variance`: of log(work) over all tasks that will come; 0: not known.
  explicit CostModel(const CostFit& prior = {}, double variance = 0) : prior_(prior), variance_(variance) {}

  /// A task of this much work is finished. Zeros count as tiny.
  void observe(double work, double seconds);
  int64_t observed() const { return count_; }
  /// From everything observed, before and now.
  CostFit fit(std::span<const Running> running = {}) const;

 private:
  CostFit prior_;
  double variance_ = 0;
  // Sums over finished tasks of x = log(work) - prior centre and y = log(seconds).
  int64_t count_ = 0;
  double x_ = 0, xx_ = 0, y_ = 0, xy_ = 0, yy_ = 0;
};

}  // namespace hayate::exec
