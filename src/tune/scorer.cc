#include "tune/scorer.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <set>

#include "base/clock.h"
#include "base/hash.h"
#include "base/missing.h"
#include "base/random.h"
#include "eval/evaluation_rows.h"
#include "hayate/folds.h"

namespace hayate::tune {
namespace {

constexpr size_t kMostBytes = size_t{1} << 27;

int64_t* iterations_in(LearnerParams& params) {
  return std::visit(
      [](auto& p) -> int64_t* {
        if constexpr (requires { p.num_trees; }) return &p.num_trees;
        return nullptr;
      },
      params);
}

/// The depth, where a smaller one is a cut.
int64_t* prefix_depth_in(LearnerParams& params) {
  ForestParams* forest = std::get_if<ForestParams>(&params);
  const bool prunes = forest && (forest->max_leaf_nodes > 0 || forest->ccp_alpha > 0);  // by what stands below
  return forest && !prunes ? &forest->max_depth : nullptr;
}

/// The prefix depth, no limit being the greatest.
int64_t depth_of(const LearnerParams& params) {
  LearnerParams copy = params;
  const int64_t* depth = prefix_depth_in(copy);
  return !depth ? 0 : *depth == 0 ? std::numeric_limits<int64_t>::max() : *depth;
}

/// The one entity of a table without keys: what `hayate train` trains has the same random numbers.
uint64_t entity() { return checksum("", 0); }

}  // namespace

int64_t iterations_of(const LearnerParams& params) {
  LearnerParams copy = params;
  const int64_t* iterations = iterations_in(copy);
  return iterations ? *iterations : 0;
}

// ---- rows

namespace {

/// Calls task(begin, end) for stretches of the rows, until `cancel` says stop.
template <class Task>
void by_stretches(size_t rows, const exec::Cancellation& cancel, Task task) {
  constexpr size_t kRowsAtOnce = 65'536;  // well below a millisecond
  for (size_t begin = 0; begin < rows && !cancel.stopped(); begin += kRowsAtOnce) task(begin, std::min(rows, begin + kRowsAtOnce));
}

/// Rows class by class, those of a class in the order of random numbers: dealt to short lists by class and the first bits of the number, each
/// of which is sorted by itself. One sort of 60,000 rows took 7 ms, in which nobody looked whether to go on.
std::vector<int32_t> random_order(const Examples& examples, uint64_t key, const exec::Cancellation& cancel) {
  struct Drawn {
    uint64_t bits;
    int32_t row;
    auto operator<=>(const Drawn&) const = default;
  };
  constexpr size_t kListRows = 16;
  const size_t rows = size_t(examples.num_rows());
  const size_t classes = examples.ids.empty() ? 1 : 1 + size_t(*std::max_element(examples.ids.begin(), examples.ids.end()));
  const int shift = 64 - int(std::bit_width(std::max<size_t>(1, rows / kListRows / classes)));  // 63 for one list, after one bit more
  const size_t lists_of_class = size_t{1} << (63 - shift);
  const auto list_of = [&](size_t row, uint64_t bits) {
    return (examples.ids.empty() ? 0 : size_t(examples.ids[row])) * lists_of_class + size_t(bits >> 1 >> shift);
  };
  std::vector<size_t> begins(classes * lists_of_class + 1);
  by_stretches(rows, cancel, [&](size_t begin, size_t end) {
    for (size_t row = begin; row < end; ++row) ++begins[list_of(row, random_bits(key, row)) + 1];
  });
  std::partial_sum(begins.begin(), begins.end(), begins.begin());
  std::vector<Drawn> drawn(rows);
  std::vector<size_t> next(begins.begin(), begins.end() - 1);
  by_stretches(rows, cancel, [&](size_t begin, size_t end) {
    for (size_t row = begin; row < end; ++row) {
      const uint64_t bits = random_bits(key, row);
      drawn[next[list_of(row, bits)]++] = {bits, int32_t(row)};
    }
  });
  by_stretches(next.size(), cancel, [&](size_t begin, size_t end) {
    for (size_t list = begin; list < end; ++list) std::sort(drawn.begin() + ptrdiff_t(begins[list]), drawn.begin() + ptrdiff_t(begins[list + 1]));
  });
  std::vector<int32_t> order(rows);
  std::transform(drawn.begin(), drawn.end(), order.begin(), [](const Drawn& d) { return d.row; });
  return order;
}

/// Rows dealt to folds class by class in a random order, then put fold by fold.
std::vector<int32_t> shuffled_rows(const Examples& examples, const ScoringSpec& spec, const exec::Cancellation& cancel) {
  const std::vector<int32_t> order = random_order(examples, random_key(spec.seed, Stage::search, 0, 0, 1), cancel);
  std::vector<int32_t> out;
  out.reserve(order.size());
  for (size_t fold = 0; fold < size_t(spec.num_folds); ++fold)
    for (size_t i = fold; i < order.size(); i += size_t(spec.num_folds)) out.push_back(order[i]);
  return out;
}

template <class T>
std::vector<T> gather(const std::vector<T>& values, std::span<const int32_t> rows) {
  std::vector<T> out;
  if (values.empty()) return out;
  out.reserve(rows.size());
  for (const int32_t row : rows) out.push_back(values[size_t(row)]);
  return out;
}

}  // namespace

Examples select(const Examples& examples, std::span<const int32_t> rows, exec::Pool& pool, const exec::Cancellation& cancel,
                std::unique_ptr<float[]>& storage) {
  Examples out = examples;
  storage = std::make_unique_for_overwrite<float[]>(rows.size() * size_t(examples.values.num_features));
  const auto select_feature = [&](int64_t f, int) {
    float* const to = storage.get() + size_t(f) * rows.size();
    by_stretches(rows.size(), cancel, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) to[i] = examples.values.column(f)[rows[i]];
    });
  };
  pool.run(examples.values.num_features, select_feature, &cancel);
  out.values.data = storage.get(), out.values.stride = out.values.num_rows = int64_t(rows.size());
  out.numbers = gather(examples.numbers, rows), out.ids = gather(examples.ids, rows);
  out.weights = gather(examples.weights, rows), out.dates = gather(examples.dates, rows);
  return out;
}

namespace {

std::vector<int32_t> range(int64_t begin, int64_t end) {
  std::vector<int32_t> out(size_t(end - begin));
  std::iota(out.begin(), out.end(), int32_t(begin));
  return out;
}

Result<std::vector<RowFold>> walk_forward_folds(const Examples& examples, const ScoringSpec& spec) {
  std::vector<int64_t> dates = examples.dates;
  std::sort(dates.begin(), dates.end());
  dates.erase(std::unique(dates.begin(), dates.end()), dates.end());
  const int64_t num_dates = int64_t(dates.size()), block = num_dates / (spec.num_folds + 1);
  const int64_t first = num_dates - spec.num_folds * block;  // dates before the first tested block
  if (block < 1 || first <= spec.purge_days)
    return input_error(fmt::format("{} dates are too few for {} folds with {} dates purged", num_dates, spec.num_folds, spec.purge_days), "--by-date",
                       "fewer --folds, or fewer --purge-days");
  HY_TRY(const auto date_folds, walk_forward(num_dates, {first - spec.purge_days, block, spec.purge_days, true}));
  std::vector<RowFold> out(date_folds.size());
  for (int32_t row = 0; row < examples.num_rows(); ++row) {
    const int64_t at = std::lower_bound(dates.begin(), dates.end(), examples.dates[size_t(row)]) - dates.begin();
    const auto holds = [at](const std::vector<DateRange>& ranges) {
      return std::any_of(ranges.begin(), ranges.end(), [at](const DateRange& r) { return r.begin <= at && at < r.end; });
    };
    for (size_t f = 0; f < out.size(); ++f) {
      if (holds(date_folds[f].train)) out[f].train.push_back(row);
      if (holds(date_folds[f].test)) out[f].test.push_back(row);
    }
  }
  return out;
}

}  // namespace

Result<std::vector<RowFold>> make_row_folds(const Examples& examples, const ScoringSpec& spec) {
  const int64_t rows = examples.num_rows();
  if (spec.scoring == Scoring::out_of_bag) return std::vector<RowFold>{{range(0, rows), range(0, rows)}};
  if (spec.scoring == Scoring::walk_forward) return walk_forward_folds(examples, spec);
  if (rows < spec.num_folds) return input_error(fmt::format("{} rows are too few for {} folds", rows, spec.num_folds), "--folds", "fewer --folds");
  std::vector<RowFold> out;
  int64_t begin = 0;
  for (int64_t fold = 0; fold < spec.num_folds; ++fold) {
    const int64_t end = begin + (rows - fold + spec.num_folds - 1) / spec.num_folds;
    RowFold own{range(0, begin), range(begin, end)};
    const std::vector<int32_t> after = range(end, rows);
    own.train.insert(own.train.end(), after.begin(), after.end());
    out.push_back(std::move(own));
    begin = end;
  }
  return out;
}

// ---- metrics

namespace {

bool needs_probabilities(std::string_view metric) {
  return metric.starts_with("roc_auc") || metric == "average_precision" || metric == "log_loss" || metric == "brier";
}

/// What a metric reads of the predictions, in the form of evaluate_rows.
eval::EvaluationRows rows_to_evaluate(const Examples& examples, const MetricInfo& metric, std::span<const int32_t> rows,
                                      std::span<const double> predictions) {
  eval::EvaluationRows out;
  out.problem = examples.problem, out.classes = examples.classes;
  const std::vector<int32_t> list(rows.begin(), rows.end());
  if (!examples.weights.empty())
    for (const int32_t row : rows) out.weight.push_back(double(examples.weights[size_t(row)]));
  if (metric.group == MetricGroup::by_date) out.date = gather(examples.dates, list), out.date_unit = eval::DateUnit::number;
  if (examples.problem != Problem::classification) {
    out.label = gather(examples.numbers, list), out.prediction.assign(predictions.begin(), predictions.end());
    return out;
  }
  const size_t width = examples.classes.size();
  out.label_class = gather(examples.ids, list);
  for (size_t i = 0; i < rows.size(); ++i) {
    const auto own = predictions.subspan(i * width, width);
    out.predicted_class.push_back(std::isnan(own[0]) ? -1 : int32_t(std::max_element(own.begin(), own.end()) - own.begin()));
  }
  out.probability.resize(width);
  if (!needs_probabilities(metric.name) && metric.group != MetricGroup::by_date) return out;
  for (size_t k = 0; k < width; ++k)
    for (size_t i = k; i < predictions.size(); i += width) out.probability[k].push_back(predictions[i]);
  return out;
}

}  // namespace

double measure(const Examples& examples, const MetricInfo& metric, std::span<const int32_t> rows, std::span<const double> predictions) {
  const auto evaluation = eval::evaluate_rows(rows_to_evaluate(examples, metric, rows, predictions));
  return evaluation.ok() ? evaluation.value().value(metric.name).value_or(kNaN) : kNaN;
}

// ---- scoring

Result<std::unique_ptr<Scorer>> Scorer::make(Examples examples, const ScoringSpec& spec, exec::Pool& pool, const exec::Cancellation& cancel) {
  std::unique_ptr<Scorer> out(new Scorer(spec, pool));
  if (spec.scoring == Scoring::folds) out->order_ = shuffled_rows(examples, spec, cancel);
  out->examples_ = spec.scoring == Scoring::folds ? select(examples, out->order_, pool, cancel, out->shuffled_) : std::move(examples);
  HY_TRY(out->folds_, make_row_folds(out->examples_, spec));
  if (spec.only_last) out->folds_.erase(out->folds_.begin(), out->folds_.end() - 1);
  return out;
}

namespace {

/// A request with its prefix parameters taken out.
struct Parted {
  LearnerParams rest;
  int64_t iterations = 0, depth = 0;  ///< that the request reads; 0 for learners without; depth 0: no limit
};

Parted part(const Request& request) {
  Parted out{request.params};
  if (int64_t* iterations = iterations_in(out.rest)) {
    out.iterations = std::max<int64_t>(1, int64_t(std::ceil(double(*iterations) * request.share - 1e-9)));
    *iterations = 1;
  }
  if (int64_t* depth = prefix_depth_in(out.rest)) out.depth = std::exchange(*depth, 0);
  return out;
}

std::string key_of(const Parted& parted) { return fmt::format("{}|{}|{}", format_params(parted.rest), parted.iterations, parted.depth); }

}  // namespace

/// Requests that are cuts of one model.
struct Scorer::Group {
  std::string name;
  LearnerParams params;           ///< of the model: the most iterations and the greatest depth of its requests
  std::vector<std::string> keys;  ///< of the distinct requests
  std::vector<ForestCut> cuts;
  std::vector<double> sums;  ///< of the metric over the folds in which it is defined
  std::vector<int64_t> defined;
  double seconds = 0;
  int64_t trained = 0;
  std::string failure;
  std::set<std::string> seen;  ///< the keys

  /// One more read of the model, which grows as far as it needs.
  void add(const Parted& parted);
};

void Scorer::Group::add(const Parted& parted) {
  const std::string key = key_of(parted);
  if (!seen.insert(key).second) return;
  keys.push_back(key), cuts.push_back({parted.iterations, parted.depth});
  if (int64_t* iterations = iterations_in(params)) *iterations = std::max(*iterations, parted.iterations);
  if (int64_t* depth = prefix_depth_in(params))
    *depth = keys.size() == 1 ? parted.depth : *depth == 0 || parted.depth == 0 ? 0 : std::max(*depth, parted.depth);
}

std::vector<Scorer::Group> Scorer::groups_of(const std::vector<Request>& requests) const {
  std::vector<Group> out;
  std::vector<std::vector<const Request*>> members;
  for (const Request& request : requests) {
    const Parted parted = part(request);
    if (known_.contains(key_of(parted))) continue;
    const std::string name = fmt::format("{}|{}", learner_of(request.params).name, format_params(parted.rest));
    auto group = std::find_if(out.begin(), out.end(), [&](const Group& g) { return g.name == name; });
    if (group == out.end()) {
      group = out.insert(out.end(), Group{name, parted.rest, {}, {}, {}, {}, 0, 0, {}, {}});
      members.emplace_back();
    }
    group->add(parted);
    members[size_t(group - out.begin())].push_back(&request);
  }
  for (size_t g = 0; g < out.size(); ++g) {
    // Where several requests read one model, it is trained whole, and later rungs are read with this one.
    if (out[g].keys.size() > 1)
      for (const Request* request : members[g])
        for (const double share : spec_.shares) out[g].add(part({request->params, share}));
    out[g].sums.assign(out[g].keys.size(), 0.0), out[g].defined.assign(out[g].keys.size(), 0);
  }
  return out;
}

Result<const Trainer*> Scorer::trainer_for(const LearnerParams& params, size_t fold, const exec::Cancellation& cancel) {
  auto found = std::find_if(prepared_.begin(), prepared_.end(), [&](const Prepared& p) { return p.trainer->prepares_for(params); });
  if (found == prepared_.end()) found = prepared_.insert(prepared_.end(), Prepared{make_trainer(params, examples_.values)});
  found->trainer->stop_with(&cancel);
  if (found->fold != fold) {
    found->fold = ~size_t{0};
    HY_CHECK(found->trainer->prepare(folds_[fold].train));
    found->fold = fold;
  }
  return found->trainer.get();
}

Result<const Predictor*> Scorer::train_group(Group& group, size_t fold, const Trainer& trainer, exec::Pool* pool, const exec::Cancellation& cancel) {
  Kept& kept = kept_.at(group.name)[fold];
  const int64_t iterations = iterations_of(group.params), depth = depth_of(group.params);
  if (iterations > 0 && kept.iterations >= iterations && kept.depth >= depth) return &kept.predictor;
  // Trees of an earlier rung are the first ones of the next.
  const bool goes_on = kept.iterations > 0 && kept.depth == depth && std::holds_alternative<ForestParams>(group.params);
  const ForestExtras extras{goes_on ? &std::get<Forest>(kept.predictor) : nullptr, nullptr};
  HY_TRY(Predictor grown, trainer.train_as(group.params, examples_.labels(), examples_.weights, {spec_.seed, entity()}, pool, &cancel, extras));
  kept.predictor = std::move(grown);
  kept.iterations = iterations, kept.depth = depth;
  ++group.trained;
  return &kept.predictor;
}

std::vector<std::vector<double>> Scorer::predict_cuts(const LearnerParams& params, std::span<const ForestCut> cuts, size_t fold,
                                                      const Trainer& trainer, const Predictor& predictor, exec::Pool* pool,
                                                      const exec::Cancellation& cancel) const {
  const std::vector<int32_t>& rows = folds_[fold].test;
  if (const Forest* forest = std::get_if<Forest>(&predictor)) {
    const Draws* draws = spec_.scoring == Scoring::out_of_bag ? &draws_.at(std::get<ForestParams>(params).max_samples) : nullptr;
    return read_cuts(*forest, examples_.values, rows, cuts, draws, pool, cancel);
  }
  std::vector<double> out(rows.size() * size_t(num_outputs(predictor)));
  trainer.predict(predictor, rows, out);
  return std::vector<std::vector<double>>(cuts.size(), out);
}

void Scorer::score_group(Group& group, size_t fold, const Trainer& trainer, exec::Pool* pool, const exec::Cancellation& cancel) {
  const double began = wall_seconds();
  const auto predictor = train_group(group, fold, trainer, pool, cancel);
  if (!predictor.ok()) {
    group.failure = predictor.error().what;
    return;
  }
  // The predictions of as many cuts at once as fit into kMostBytes.
  const std::vector<int32_t>& rows = folds_[fold].test;
  const size_t bytes = rows.size() * size_t(num_outputs(*predictor.value())) * sizeof(double);
  const size_t together = std::max<size_t>(1, kMostBytes / std::max<size_t>(1, bytes));
  std::vector<double> values(group.cuts.size());
  for (size_t first = 0; first < values.size(); first += together) {
    const std::span<const ForestCut> cuts = std::span(group.cuts).subspan(first, std::min(together, values.size() - first));
    const auto predictions = predict_cuts(group.params, cuts, fold, trainer, *predictor.value(), pool, cancel);
    exec::run_all(int64_t(cuts.size()), pool, [&](int64_t i) {
      if (!cancel.stopped()) values[first + size_t(i)] = measure(examples_, *spec_.metric, rows, predictions[size_t(i)]);
    });
  }
  for (size_t i = 0; i < values.size(); ++i)
    if (!std::isnan(values[i])) group.sums[i] += values[i], ++group.defined[i];
  group.seconds += wall_seconds() - began;
}

void Scorer::draw_for(const ForestParams& params, int64_t trees, const exec::Cancellation& cancel) {
  const auto known = draws_.find(params.max_samples);
  if (known != draws_.end() && known->second.num_trees() >= trees) return;
  draws_.insert_or_assign(params.max_samples, Draws(folds_[0].train, examples_.num_rows(), params, spec_.seed, entity(), trees, &pool_, cancel));
  if (cancel.stopped()) draws_.erase(params.max_samples);  // some of them may be missing
}

void Scorer::score_fold(std::vector<Group>& groups, size_t fold, const exec::Cancellation& cancel) {
  std::vector<Group*> waiting;
  for (Group& group : groups)
    if (group.failure.empty()) waiting.push_back(&group);
  while (!waiting.empty() && !cancel.stopped()) {
    // Those that the same preparation serves, together.
    const auto trainer = trainer_for(waiting.front()->params, fold, cancel);
    std::vector<Group*> now, later;
    for (Group* group : waiting) {
      if (!trainer.ok() && group == waiting.front())
        group->failure = trainer.error().what;
      else if (trainer.ok() && trainer.value()->prepares_for(group->params))
        now.push_back(group);
      else
        later.push_back(group);
    }
    const bool many = int64_t(now.size()) >= 2 * pool_.workers();
    exec::run_all(int64_t(now.size()), many ? &pool_ : nullptr, [&](int64_t i) {
      if (!cancel.stopped()) score_group(*now[size_t(i)], fold, *trainer.value(), many ? nullptr : &pool_, cancel);
    });
    waiting = std::move(later);
  }
}

Result<Scorer::OutOfSample> Scorer::predict_all(const LearnerParams& params, const exec::Cancellation& cancel) {
  const size_t outputs = examples_.problem == Problem::classification ? examples_.classes.size() : 1;
  OutOfSample out{std::vector<double>(size_t(examples_.num_rows()) * outputs, kNaN)};
  const ForestCut whole{iterations_of(params), 0};
  if (spec_.scoring == Scoring::out_of_bag) draw_for(std::get<ForestParams>(params), whole.num_trees, cancel);
  for (size_t fold = 0; fold < folds_.size(); ++fold) {
    const double began = wall_seconds();
    HY_TRY(const Trainer* trainer, trainer_for(params, fold, cancel));
    HY_TRY(Predictor predictor, trainer->train_as(params, examples_.labels(), examples_.weights, {spec_.seed, entity()}, &pool_, &cancel));
    out.train_seconds = std::max(out.train_seconds, wall_seconds() - began);
    const auto predictions = predict_cuts(params, {&whole, 1}, fold, *trainer, predictor, &pool_, cancel);
    for (size_t i = 0; i < folds_[fold].test.size(); ++i) {
      const size_t row = size_t(folds_[fold].test[i]), place = order_.empty() ? row : size_t(order_[row]);
      std::copy_n(predictions[0].begin() + ptrdiff_t(i * outputs), outputs, out.predictions.begin() + ptrdiff_t(place * outputs));
    }
    out.last = std::move(predictor);
    if (cancel.stopped()) return Error{Kind::timeout, "the time is over", "tune", "a larger budget"};
  }
  ++models_trained_;
  return out;
}

std::vector<Score> Scorer::score(const std::vector<Request>& requests, const exec::Cancellation& cancel) {
  std::vector<Group> groups = groups_of(requests);
  std::erase_if(kept_,
                [&](const auto& kept) { return std::none_of(groups.begin(), groups.end(), [&](const Group& g) { return g.name == kept.first; }); });
  for (const Group& group : groups) kept_.try_emplace(group.name).first->second.resize(folds_.size());
  if (spec_.scoring == Scoring::out_of_bag)
    for (const Group& group : groups) draw_for(std::get<ForestParams>(group.params), iterations_of(group.params), cancel);
  for (size_t fold = 0; fold < folds_.size(); ++fold) score_fold(groups, fold, cancel);
  for (const Group& group : groups) {
    models_trained_ += group.trained;
    for (size_t i = 0; i < group.keys.size(); ++i) {
      const double value = group.defined[i] > 0 && group.failure.empty() ? group.sums[i] / double(group.defined[i]) : kNaN;
      const std::string why = !group.failure.empty() ? group.failure : std::isnan(value) ? fmt::format("{} is undefined", spec_.metric->name) : "";
      if (!cancel.stopped()) known_[group.keys[i]] = {value, group.seconds / double(group.keys.size()), why};
    }
  }
  std::vector<Score> out;
  for (const Request& request : requests) {
    const auto known = known_.find(key_of(part(request)));
    out.push_back(known == known_.end() ? Score{kNaN, 0, "stopped"} : known->second);
    if (known != known_.end()) known->second.seconds = 0;  // paid for
  }
  return out;
}

}  // namespace hayate::tune
