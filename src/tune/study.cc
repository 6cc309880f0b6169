#include "tune/study.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/strings.h"

namespace hayate::tune {
namespace {

// Trials that TPE draws before it looks at scores again. A number of the search, not of the machine: the outcome must not
// depend on workers.
constexpr int64_t kTpeWave = 4;

class Search {
 public:
  Search(const StudySpec& spec, Scorer& scorer, Journal* journal, exec::Steps& steps, const exec::Cancellation& cancel)
      : spec_(spec), scorer_(scorer), journal_(journal), steps_(steps), cancel_(cancel) {}

  Result<Study> run() {
    std::vector<int64_t> parts = journal_ ? journal_->asked_for() : std::vector<int64_t>();
    if (!parts.empty() && parts.back() > spec_.num_trials)
      return usage_error(fmt::format("this folder holds a search of {} trials already", parts.back()), "--trials",
                         fmt::format("--trials {} or more, or another --output", parts.back()));
    if (parts.empty() || parts.back() < spec_.num_trials) parts.push_back(spec_.num_trials);
    for (const int64_t trials : parts) HY_CHECK(run_to(trials));
    study_.models_trained = scorer_.models_trained();
    return std::move(study_);
  }

 private:
  /// The search up to so many trials. Those of an earlier part are over: what comes is compared with them, and promotes none of them.
  Result<void> run_to(int64_t trials) {
    if (journal_) HY_CHECK(journal_->ask_for(trials));
    while (int64_t(study_.trials.size()) < trials) {
      HY_TRY(std::vector<int64_t> active, begin_wave(trials));
      while (!active.empty()) {
        HY_CHECK(climb(active));
        active = promotions(spec_.schedule, climbs());
      }
    }
    return end_trials();
  }

  double sign() const { return spec_.scoring.metric->better == Better::lower ? -1 : 1; }

  /// What TPE looks at; the other samplers look at nothing, and copying every trial for each one would take seconds from 10,000 on.
  std::vector<Tried> history() const {
    std::vector<Tried> out;
    if (spec_.sampler != Sampler::tpe) return out;
    out.reserve(study_.trials.size());
    // A trial that was stopped early counts by what it had then.
    for (const Trial& trial : study_.trials) out.push_back({trial.point, sign() * trial.value()});
    return out;
  }

  Result<std::vector<int64_t>> begin_wave(int64_t trials) {
    const int64_t begun = int64_t(study_.trials.size()), left = trials - begun;
    wave_begins_ = begun;
    std::vector<int64_t> out;
    for (int64_t i = 0; i < (spec_.sampler == Sampler::tpe ? std::min(left, kTpeWave) : left); ++i) {
      Trial trial;
      trial.point = next_point(spec_.space, spec_.sampler, spec_.seed, begun + i, history());
      trial.config = spec_.space.at(trial.point);
      HY_TRY(trial.params, apply_config(trial.config, spec_.params, "--space"));
      trial.bracket = bracket_of(spec_.schedule, begun + i);
      if (journal_) HY_CHECK(journal_->begin_trial(begun + i, trial.config, spec_.space));
      study_.trials.push_back(std::move(trial));
      out.push_back(begun + i);
    }
    return out;
  }

  std::vector<Climb> climbs() const {
    std::vector<Climb> out;
    for (size_t t = 0; t < study_.trials.size(); ++t) {
      Climb climb{study_.trials[t].bracket, int64_t(t) >= wave_begins_, {}, study_.trials[t].state == TrialState::pruned};
      for (const double value : study_.trials[t].values) climb.scores.push_back(sign() * value);
      out.push_back(std::move(climb));
    }
    return out;
  }

  int64_t next_budget(const Trial& trial) const { return rungs_of(spec_.schedule, trial.bracket)[trial.values.size()]; }

  /// Scores the active trials on their next rung, or takes the scores from the journal.
  Result<void> climb(const std::vector<int64_t>& active) {
    std::vector<Request> requests;
    std::vector<Score> scores(active.size());
    std::vector<size_t> asked;
    for (size_t i = 0; i < active.size(); ++i) {
      const Trial& trial = study_.trials[size_t(active[i])];
      const int64_t budget = next_budget(trial);
      if (const auto known = journal_ ? journal_->known(active[i], budget) : std::nullopt) {
        scores[i] = {known->value, known->seconds, known->failure};
        continue;
      }
      requests.push_back({trial.params, double(budget) / double(spec_.schedule.max_t)});
      asked.push_back(i);
    }
    const std::vector<Score> answers = scorer_.score(requests, cancel_);
    if (cancel_.stopped()) return Error{Kind::interrupted, "interrupted", "tune", "the same command goes on from its journal"};
    for (size_t k = 0; k < asked.size(); ++k) scores[asked[k]] = answers[k];
    for (size_t i = 0; i < active.size(); ++i) HY_CHECK(note(active[i], scores[i]));
    return {};
  }

  Result<void> note(int64_t t, const Score& score) {
    Trial& trial = study_.trials[size_t(t)];
    const int64_t budget = next_budget(trial);
    trial.budgets.push_back(budget), trial.values.push_back(score.value), trial.seconds += score.seconds;
    if (journal_) HY_CHECK(journal_->score(t, budget, {score.value, score.seconds, score.failure}));
    if (std::isnan(score.value)) {
      trial.state = TrialState::failed, trial.stop_reason = score.failure;
      steps_.advance();
      if (journal_) HY_CHECK(journal_->end_trial(t, trial.state, std::nullopt));
    } else if (budget == spec_.schedule.max_t) {
      trial.state = TrialState::complete, trial.stop_reason = "max_t";
      steps_.advance();
      if (journal_) HY_CHECK(journal_->end_trial(t, trial.state, trial.value()));
    }
    return {};
  }

  /// What is still waiting was not promoted.
  Result<void> end_trials() {
    for (size_t t = 0; t < study_.trials.size(); ++t) {
      Trial& trial = study_.trials[t];
      if (trial.state == TrialState::running) {
        trial.state = TrialState::pruned;
        trial.stop_reason = fmt::format("not among those promoted from {}", trial.budget());
        steps_.advance();
        if (journal_) HY_CHECK(journal_->end_trial(int64_t(t), trial.state, trial.value()));
      }
      const bool better =
          trial.state == TrialState::complete && (!study_.best || sign() * trial.value() > sign() * study_.trials[*study_.best].value());
      if (better) study_.best = t;
    }
    return {};
  }

  const StudySpec& spec_;
  Scorer& scorer_;
  Journal* journal_;
  exec::Steps& steps_;
  const exec::Cancellation& cancel_;
  Study study_;
  int64_t wave_begins_ = 0;
};

}  // namespace

Result<LearnerParams> apply_config(const Config& config, LearnerParams params, const std::string& where) {
  for (const auto& [name, value] : config) HY_CHECK(set_param(params, name, value, where));
  return params;
}

Result<void> check_space(const Space& space, const LearnerParams& params, const std::string& where) {
  for (const Dimension& d : space.dimensions) {
    const auto taken = [&](const std::string& value) { return apply_config({{d.name, value}}, params, where); };
    if (d.kind == DistributionKind::real && d.step == 0) {
      const std::string inside = d.value_at(0.3);
      if (!taken(inside).ok() && taken(format_shortest(std::nearbyint(*parse_number(inside)))).ok())
        return usage_error(fmt::format("{} takes whole numbers, and {} has others too", d.name, d.text), where,
                           fmt::format("{}={}({},{})", d.name, d.logarithmic ? "logint" : "int", std::ceil(d.low), std::floor(d.high)));
    }
    std::vector<std::string> tried = d.choices;
    if (d.kind != DistributionKind::choice) tried = {d.value_at(0), d.step > 0 ? d.value_at(1 - 1e-12) : format_shortest(d.high)};
    for (const std::string& value : tried)
      if (auto applied = taken(value); !applied.ok()) return applied.error();
  }
  return {};
}

Scoring default_scoring(const StudySpec& spec, bool has_dates) {
  if (has_dates) return Scoring::walk_forward;
  const ForestParams* forest = std::get_if<ForestParams>(&spec.params);
  const bool searched = std::any_of(spec.space.dimensions.begin(), spec.space.dimensions.end(),
                                    [](const Dimension& d) { return d.name == "bootstrap" || d.name == "class_weight"; });
  // Weights by name may leave a class out, and with it rows that trees would otherwise draw.
  const bool by_name = forest && forest->class_weight.find(':') != std::string::npos;
  return forest && forest->bootstrap && !by_name && !searched ? Scoring::out_of_bag : Scoring::folds;
}

Result<Study> run_study(const StudySpec& spec, const Examples& examples, Journal* journal, exec::Pool& pool, exec::Steps& steps,
                        const exec::Cancellation& cancel) {
  HY_CHECK(check_schedule(spec.schedule));
  HY_CHECK(check_sampler(spec.space, spec.sampler));
  ScoringSpec scoring = spec.scoring;
  for (const int64_t budget : rungs_of(spec.schedule)) scoring.shares.push_back(double(budget) / double(spec.schedule.max_t));
  HY_TRY(const std::unique_ptr<Scorer> scorer, Scorer::make(examples, scoring, pool, cancel));
  steps.begin("train", spec.num_trials);
  HY_TRY(Study study, Search(spec, *scorer, journal, steps, cancel).run());
  steps.end();
  if (!study.best)
    return input_error("no trial has a score" + (study.trials.empty() ? "" : ": " + study.trials.front().stop_reason), "tune",
                       study.trials.empty() ? "--trials 20" : "other rows or features, another --metric or another --space");
  return study;
}

}  // namespace hayate::tune
