#include "tune/schedule.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace hayate::tune {
namespace {

/// Trials with a score on rung `rung` of bracket `bracket`, best first, ties by number.
std::vector<int64_t> ranking(const std::vector<Climb>& climbs, int64_t bracket, size_t rung) {
  std::vector<int64_t> out;
  for (size_t t = 0; t < climbs.size(); ++t)
    if (climbs[t].bracket == bracket && climbs[t].scores.size() > rung && !std::isnan(climbs[t].scores[rung])) out.push_back(int64_t(t));
  std::sort(out.begin(), out.end(), [&](int64_t a, int64_t b) {
    const double left = climbs[size_t(a)].scores[rung], right = climbs[size_t(b)].scores[rung];
    return left != right ? left > right : a < b;
  });
  return out;
}

/// How many of `count` trials on a rung pass it.
size_t places(const ScheduleSpec& spec, const std::vector<Climb>& climbs, const std::vector<int64_t>& ranked, size_t rung) {
  const size_t count = ranked.size();
  if (spec.scheduler == Scheduler::none || count == 0) return count;
  if (spec.scheduler != Scheduler::median) return std::max<size_t>(1, count / size_t(spec.reduction_factor));
  if (count < 3) return count;
  const auto score = [&](size_t i) { return climbs[size_t(ranked[i])].scores[rung]; };
  const double median = (score((count - 1) / 2) + score(count / 2)) / 2;
  size_t passing = 0;
  while (passing < count && score(passing) >= median) ++passing;
  return passing;
}

}  // namespace

Result<void> check_schedule(const ScheduleSpec& spec) {
  if (spec.grace_period < 1 || spec.grace_period > spec.max_t)
    return usage_error(fmt::format("the grace period {} is not between 1 and {}", spec.grace_period, spec.max_t), "--grace-period",
                       fmt::format("--grace-period {}", std::max<int64_t>(1, spec.max_t / 10)));
  if (spec.reduction_factor < 2)
    return usage_error(fmt::format("reduction factor {}, expected 2 or more", spec.reduction_factor), "--reduction-factor", "--reduction-factor 2");
  return {};
}

std::vector<int64_t> rungs_of(const ScheduleSpec& spec, int64_t bracket) {
  std::vector<int64_t> out;
  if (spec.scheduler != Scheduler::none)
    for (int64_t t = spec.grace_period; t < spec.max_t; t *= spec.reduction_factor)
      if (bracket-- <= 0) out.push_back(t);
  out.push_back(spec.max_t);
  return out;
}

int64_t num_brackets(const ScheduleSpec& spec) {
  return spec.scheduler == Scheduler::hyperband ? int64_t(rungs_of({Scheduler::asha, spec.grace_period, spec.reduction_factor, spec.max_t}).size())
                                                : 1;
}

int64_t bracket_of(const ScheduleSpec& spec, int64_t trial) {
  const int64_t brackets = num_brackets(spec);
  // A bracket of s rungs begins with factor^(s - 1) trials for s of its share: each gets about the same budget in all.
  std::vector<double> share;
  for (int64_t b = 0; b < brackets; ++b) {
    const double rungs = double(brackets - b);
    share.push_back(std::pow(double(spec.reduction_factor), rungs - 1) / rungs);
  }
  const double sum = std::accumulate(share.begin(), share.end(), 0.0);
  // The bracket that is furthest behind its share is filled next.
  std::vector<int64_t> filled(size_t(brackets), 0);
  int64_t chosen = 0;
  for (int64_t t = 0; t <= trial; ++t) {
    chosen = 0;
    double most = -1;
    for (int64_t b = 0; b < brackets; ++b) {
      const double behind = share[size_t(b)] / sum * double(t + 1) - double(filled[size_t(b)]);
      if (behind > most + 1e-12) most = behind, chosen = b;
    }
    ++filled[size_t(chosen)];
  }
  return chosen;
}

std::vector<int64_t> promotions(const ScheduleSpec& spec, const std::vector<Climb>& climbs) {
  std::vector<int64_t> out;
  for (int64_t bracket = 0; bracket < num_brackets(spec); ++bracket) {
    const size_t last = rungs_of(spec, bracket).size() - 1;
    for (size_t rung = 0; rung < last; ++rung) {
      const std::vector<int64_t> ranked = ranking(climbs, bracket, rung);
      const size_t passing = places(spec, climbs, ranked, rung);
      for (size_t i = 0; i < passing; ++i) {
        const Climb& climb = climbs[size_t(ranked[i])];
        const bool waits_here = climb.scores.size() == rung + 1 && !climb.is_over;
        if (waits_here && (climb.in_wave || spec.scheduler == Scheduler::asha || spec.scheduler == Scheduler::hyperband)) out.push_back(ranked[i]);
      }
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace hayate::tune
