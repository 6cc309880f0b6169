#include "pipeline/table_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "base/clock.h"
#include "base/hash.h"
#include "base/strings.h"
#include "hayate/calibration.h"
#include "hayate/features.h"
#include "hayate/learner.h"
#include "hayate/metrics.h"
#include "io/bars.h"
#include "io/reader.h"
#include "io/writer.h"
#include "pipeline/decay.h"
#include "pipeline/prepare.h"
#include "pipeline/scalers.h"
#include "pipeline/table_columns.h"
#include "pipeline/training_table.h"

namespace hayate::pipeline {
namespace {

/// Of a row that trains, beside its codes: its number and label, its weight, its date in numbers and as a group, each by row and by place.
constexpr int64_t kLabelBytes = 24, kWeightBytes = 8, kDateBytes = 24;

/// Why these rows cannot be learnt from, or nothing.
std::optional<Error> untrainable(const LabelColumn& label, const std::vector<int32_t>& rows, bool weighted, const std::string& where) {
  if (rows.empty())
    return weighted ? input_error("no row has a label and a weight above 0", where, "give rows whose label is not missing and that weigh something")
                    : input_error("no row has a label", where, "give rows whose label is not missing");
  const auto differs = [&](int32_t row) {
    return label.problem == Problem::classification ? label.classes[size_t(row)] != label.classes[size_t(rows[0])]
                                                    : label.numbers[size_t(row)] != label.numbers[size_t(rows[0])];
  };
  if (std::none_of(rows.begin(), rows.end(), differs))
    return input_error("the label has one value only: there is nothing to learn", where, "give rows with at least two different labels");
  return std::nullopt;
}

/// The class of the highest probability of every row, as a column of the classes' own kind: whole numbers, else text.
Column class_column(const std::vector<double>& probabilities, const std::vector<std::string>& classes) {
  const size_t width = classes.size(), rows = probabilities.size() / width;
  std::vector<int32_t> codes(rows);
  std::vector<uint8_t> valid((rows + 7) / 8, 0);
  bool missing = false;
  for (size_t row = 0; row < rows; ++row) {
    const auto first = probabilities.begin() + ptrdiff_t(row * width);
    codes[row] = int32_t(std::max_element(first, first + ptrdiff_t(width)) - first);
    if (std::isnan(*first))
      missing = true;
    else
      valid[row >> 3] = uint8_t(valid[row >> 3] | 1 << (row & 7));
  }
  const bool whole = std::all_of(classes.begin(), classes.end(), [](const std::string& name) { return parse_integer(name).has_value(); });
  Column column;
  if (whole) {
    std::vector<int64_t> values;
    for (const int32_t code : codes) values.push_back(*parse_integer(classes[size_t(code)]));
    column = make_column(std::move(values));
  } else {
    column = make_category_column(std::move(codes), classes);
  }
  if (missing) column.validity = make_buffer(std::move(valid));
  return column;
}

void add_answers(Table& table, const Model& model, const std::vector<double>& answers) {
  if (model.problem != Problem::classification) return table.add("prediction", make_column(answers));
  const size_t width = model.classes.size();
  table.add("prediction", class_column(answers, model.classes));
  for (size_t c = 0; c < width; ++c) {
    std::vector<double> column;
    for (size_t i = c; i < answers.size(); i += width) column.push_back(answers[i]);
    table.add("probability_" + model.classes[c], make_column(std::move(column)));
  }
}

struct KeyResult {
  std::optional<PackedPredictor> predictor;
  std::optional<Error> error;
  std::optional<OutOfBag> out_of_bag;
  std::set<std::string> full_categories = {};
};

/// What the rows weigh, and the dates they belong to.
struct RowInfo {
  std::vector<float> weights;   ///< empty: all 1
  std::vector<int32_t> groups;  ///< numbers of the dates, ascending; -1 where one is missing; empty without dates
  std::vector<double> days;     ///< with a half-life
  double half_life = 0;

  /// A row of weight 0 is as if it were not there: it shapes no bins either. A negative one has been refused.
  bool known(int32_t row) const {
    const float weight = weights.empty() ? 1.0f : weights[size_t(row)];
    return !std::isnan(weight) && weight != 0 && (groups.empty() || groups[size_t(row)] >= 0);
  }
};

Result<RowInfo> row_info(const Table& table, const TrainRequest& request) {
  RowInfo out;
  if (!request.weight.empty()) {
    HY_TRY(out.weights, weight_column(table, request.weight, request.input.front()));
  }
  if (request.half_life > 0 && request.by_date.empty())
    return usage_error("a half-life needs to know how old rows are", "--half-life", "name the column of dates: --by-date COL");
  if (request.by_date.empty()) return out;
  HY_TRY(const std::vector<double> order, date_order(table, request.by_date));
  std::vector<double> dates = order;
  std::erase_if(dates, [](double date) { return std::isnan(date); });
  std::sort(dates.begin(), dates.end());
  dates.erase(std::unique(dates.begin(), dates.end()), dates.end());
  for (const double date : order)
    out.groups.push_back(std::isnan(date) ? -1 : int32_t(std::lower_bound(dates.begin(), dates.end(), date) - dates.begin()));
  out.half_life = request.half_life;
  if (request.half_life > 0) {
    HY_TRY(out.days, date_days(table, request.by_date));
  }
  return out;
}

/// Params with which a forest says what its trees think of the rows they did not draw.
LearnerParams with_out_of_bag(LearnerParams params) {
  if (ForestParams* forest = std::get_if<ForestParams>(&params)) forest->oob_score |= forest->bootstrap;
  return params;
}

/// The rows of one key, which ascend, as a matrix of their own. Mostly they lie together.
std::unique_ptr<float[]> values_of(const FeatureColumns& all, const std::vector<int32_t>& rows) {
  const bool together = !rows.empty() && size_t(rows.back() - rows.front()) + 1 == rows.size();
  auto out = std::make_unique_for_overwrite<float[]>(rows.size() * all.columns.size());
  float* own = out.get();
  for (const std::span<const float> column : all.columns) {
    if (together)
      std::copy_n(column.begin() + rows.front(), rows.size(), own);
    else
      for (size_t i = 0; i < rows.size(); ++i) own[i] = column[size_t(rows[i])];
    own += rows.size();
  }
  return out;
}

/// Some rows in the place of all, of which `rows` ascend: what is written lies before what is still to be read.
std::vector<float> values_in_place(std::vector<float>&& all, int64_t num_rows, const std::vector<int32_t>& rows) {
  const size_t features = num_rows > 0 ? all.size() / size_t(num_rows) : 0;
  for (size_t f = 0, to = 0; f < features && rows.size() < size_t(num_rows); ++f)
    for (const int32_t row : rows) all[to++] = all[f * size_t(num_rows) + size_t(row)];
  all.resize(rows.size() * features);
  return std::move(all);
}

/// What the values of one key's rows are learnt for, by their place among its rows.
struct KeyLabels {
  std::vector<double> numbers;
  std::vector<int32_t> classes, groups;
  std::vector<float> weights;

  KeyLabels(const LabelColumn& label, const RowInfo& info, const std::vector<int32_t>& rows) {
    const std::vector<float> all = info.half_life > 0 ? decayed_weights(info.days, rows, info.half_life, info.weights) : info.weights;
    for (const int32_t row : rows) {
      if (label.problem != Problem::classification)
        numbers.push_back(label.numbers[size_t(row)]);
      else
        classes.push_back(label.classes[size_t(row)]);
      if (!all.empty()) weights.push_back(all[size_t(row)]);
      if (!info.groups.empty()) groups.push_back(info.groups[size_t(row)]);
    }
  }
  Labels labels(const LabelColumn& label) const {
    Labels out = label.problem == Problem::classification ? Labels::ids(classes, int32_t(label.class_names.size())) : Labels::numbers(numbers);
    out.problem = label.problem, out.groups = groups, out.class_names = label.class_names;
    return out;
  }
};

TrainKey train_key_of(uint64_t seed, const std::string& key) { return {seed, checksum(key.data(), key.size())}; }

KeyResult train_key(const float* values, const std::vector<std::string>& features, const LabelColumn& label, const RowInfo& info,
                    const LearnerParams& params, Calibration::Method calibration, uint64_t seed, const std::string& key,
                    const std::vector<int32_t>& rows, const Predictor* start, const std::string& where, exec::Pool* pool,
                    const exec::Cancellation& cancel) {
  if (auto why = untrainable(label, rows, !info.weights.empty(), where)) return {std::nullopt, *why, {}};
  const KeyLabels of_key(label, info, rows);
  std::vector<int32_t> every(rows.size());
  std::iota(every.begin(), every.end(), 0);
  const bool calibrated = calibration != Calibration::Method::none;
  const FloatColumns own{values, int64_t(rows.size()), int64_t(features.size()), int64_t(rows.size()), features};
  const auto trainer = make_trainer(calibrated ? with_out_of_bag(params) : params, own);
  if (const auto prepared = trainer->prepare(every); !prepared.ok()) return {std::nullopt, prepared.error(), {}};
  const Labels labels = of_key.labels(label);
  OutOfBag out_of_bag;
  const TrainKey train_key = train_key_of(seed, key);
  auto predictor = trainer->train(labels, of_key.weights, train_key, pool, &cancel, {start ? std::get_if<Forest>(start) : nullptr, &out_of_bag});
  if (!predictor.ok()) return {std::nullopt, predictor.error(), {}};
  if (calibrated) {
    auto maps = calibrate(calibration, params, own, labels, of_key.weights, train_key, out_of_bag, pool, &cancel);
    if (!maps.ok()) return {std::nullopt, maps.error(), {}};
    if (Forest* forest = std::get_if<Forest>(&predictor.value()))
      forest->calibration = std::move(maps.value());
    else
      std::get<Linear>(predictor.value()).calibration = std::move(maps.value());
    if (const ForestParams* forest = std::get_if<ForestParams>(&params); forest && !forest->oob_score) out_of_bag = {};
  }
  return {pack(predictor.value()), std::nullopt, out_of_bag.predictions.empty() ? std::nullopt : std::optional(std::move(out_of_bag)),
          full_categories(predictor.value(), features)};
}

/// The same model, of features that are read some rows at a time.
Result<Predictor> train_as_read(const RowSource& source, const std::optional<Error>& failure, const LabelColumn& label, const RowInfo& info,
                                const LearnerParams& params, uint64_t seed, const std::vector<int32_t>& rows, const std::string& where,
                                exec::Pool& pool, const exec::Cancellation& cancel) {
  if (auto why = untrainable(label, rows, !info.weights.empty(), where)) return *why;
  const KeyLabels of_rows(label, info, rows);
  auto matrix = bin_fold(params, label.problem, !of_rows.weights.empty(), source, rows);
  if (failure) return *failure;
  if (!matrix.ok()) return matrix.error();
  return train_on_codes(params, std::move(matrix).value(), of_rows.labels(label), of_rows.weights, train_key_of(seed, ""), &pool, &cancel);
}

/// The model that training goes on from, which must have learnt the same.
Result<std::optional<Model>> warm_start_model(const TrainRequest& request, const Model& asked) {
  if (request.warm_start.empty()) return std::optional<Model>();
  HY_TRY(Model start, load_model(request.warm_start));
  const auto differs = [&](const char* what) {
    return usage_error(fmt::format("the model to start from has other {}", what), "--warm-start " + request.warm_start,
                       "give the flags it was trained with, and more trees");
  };
  if (start.learner != asked.learner || start.problem != asked.problem) return differs("learner or problem");
  if (start.label != asked.label || start.key_column != asked.key_column) return differs("label or key");
  if (start.features != asked.features || start.classes != asked.classes || noted_categories(start) != noted_categories(asked))
    return differs("features, classes or categories");
  if (note(start, "seed") != note(asked, "seed")) return differs("seed");
  HY_TRY(LearnerParams before, learner_params(start.learner, start.params));
  HY_TRY(LearnerParams after, learner_params(asked.learner, asked.params));
  HY_CHECK(set_param(before, "num_trees", "1", "--warm-start"));
  HY_CHECK(set_param(after, "num_trees", "1", "--warm-start"));
  if (format_params(before) != format_params(after)) return differs("params beside num_trees");
  return std::optional<Model>(std::move(start));
}

struct KeyRows {
  std::string key;
  std::vector<int32_t> rows;
};

/// Adds what the keys' trees say of the rows that they did not draw: the score to the outcome and the notes, the predictions to
/// the file asked for, beside the input's columns that are no features.
Result<void> report_out_of_bag(const TrainRequest& request, const Table& table, const std::vector<KeyRows>& keys,
                               const std::vector<KeyResult>& results, Model& model, TrainOutcome& out) {
  if (std::none_of(results.begin(), results.end(), [](const KeyResult& of_key) { return of_key.out_of_bag.has_value(); })) {
    if (request.oob.empty()) return {};
    return usage_error("--oob writes out-of-bag predictions, which nobody asked for", "--oob", "--params oob_score=true");
  }
  const size_t width = model.problem == Problem::classification ? model.classes.size() : 1;
  std::vector<double> answers(size_t(table.num_rows()) * width, std::nan(""));
  double sum = 0;
  for (size_t i = 0; i < keys.size(); ++i) {
    if (!results[i].out_of_bag) continue;
    const OutOfBag& of_key = *results[i].out_of_bag;
    out.oob_rows += of_key.rows;
    if (of_key.rows > 0) sum += of_key.score * double(of_key.rows);
    model.notes.emplace_back(request.key.empty() ? "oob_score" : "oob_score " + keys[i].key, format_shortest(of_key.score));
    for (size_t row = 0; row < keys[i].rows.size(); ++row)
      std::copy_n(of_key.predictions.begin() + ptrdiff_t(row * width), width, answers.begin() + ptrdiff_t(size_t(keys[i].rows[row]) * width));
  }
  out.oob_score = sum / double(out.oob_rows);
  if (request.oob.empty()) return {};
  Table result;
  for (size_t i = 0; i < table.num_columns(); ++i)
    if (std::find(model.features.begin(), model.features.end(), table.names[i]) == model.features.end()) result.add(table.names[i], table.columns[i]);
  add_answers(result, model, answers);
  HY_CHECK(io::write_table(request.oob, result, request.kind));
  return {};
}

/// Bytes beside what is held now: features as float32, the models, and of each key in hand its own values, codes in two layouts,
/// and with exact thresholds its ranks and sorted order. At once as many keys as fit; Error (budget): not even the largest.
Result<int> training_workers(const TrainRequest& request, const LearnerParams& params, const TrainingTable& source, int64_t rows,
                             const std::map<std::string, std::vector<int32_t>>& groups) {
  const int64_t features = int64_t(source.features().size());
  int64_t largest = 0, models = 0;
  for (const auto& [key, of_key] : groups) {
    largest = std::max(largest, int64_t(of_key.size()));
    models += predictor_bytes(params, int64_t(of_key.size()), features);
  }
  const auto* const forest = std::get_if<ForestParams>(&params);
  const int64_t ranks = forest && max_bins(*forest) == 0 ? 4 + (largest < 65'536 ? 2 : 4) : 0, own = request.key.empty() ? 0 : 4;
  const int64_t each = largest * (features * (own + ranks + 2) + 160), read = own > 0 ? source.column_bytes(rows) : rows * features * 4;
  return workers_within(request.exec, "train", resident_bytes() + read + models, each, exec::worker_count(request.exec),
                        "name fewer columns with --features");
}

/// Error (usage): a share of a penalty that is 0, which would be least squares without a word.
Result<void> check_shares(const LearnerParams& params) {
  const auto shares_nothing = [](const auto& p) {
    if constexpr (requires { p.l1_ratio; })
      return p.l1_ratio > 0 && p.l2 == 0;
    else
      return false;
  };
  if (!std::visit(shares_nothing, params)) return {};
  return usage_error("l1_ratio lays a share of l2 on the sizes of the coefficients, and l2 is 0", "--params",
                     "l2=1,l1_ratio=0.5, or l1=1 for the lasso");
}

/// Whether features may be read some rows at a time: the learner sees codes alone, and nobody else wants values.
bool may_flow(const TrainRequest& request, const LearnerParams& params) {
  const auto* const forest = std::get_if<ForestParams>(&params);
  return request.key.empty() && request.warm_start.empty() && request.calibration == Calibration::Method::none && learns_from_codes(params) &&
         !(forest && forest->oob_score);
}

/// The same of features that become codes as they are read. First the codes stand beside what reading takes, which was seen when the other
/// columns were read, then beside what growing trees takes.
Result<int> flowing_workers(const TrainRequest& request, const LearnerParams& params, Problem problem, int64_t rows, int64_t features) {
  constexpr const char* kHint = "name fewer columns with --features";
  const bool weighted = !request.weight.empty() || request.half_life > 0;
  const CodeBytes codes = code_bytes(params, problem, weighted, rows, features);
  const int64_t stays = codes.codes + rows * (kLabelBytes + (request.weight.empty() ? 0 : kWeightBytes) + (request.by_date.empty() ? 0 : kDateBytes));
  const int64_t reading = std::max(resident_bytes(), peak_memory_bytes()) + stays + TrainingTable::row_block_bytes(features);
  HY_CHECK(check_memory("train", reading, exec::memory_limit_bytes(request.exec), kHint));
  const int64_t fixed = resident_bytes() + stays + predictor_bytes(params, rows, features);
  return workers_within(request.exec, "train", fixed, codes.per_worker, exec::worker_count(request.exec), kHint);
}

}  // namespace

Result<TrainOutcome> train_table(const TrainRequest& request, exec::Steps& steps, const exec::Cancellation& cancel) {
  HY_TRY(const LearnerParams params, learner_params(request.learner, request.params));
  HY_CHECK(check_shares(params));
  HY_TRY(const auto paths, io::expand_inputs(request.input));
  exec::Pool pool(exec::worker_count(request.exec));
  steps.begin("read", int64_t(paths.size()));
  const io::ReadOptions reading = reading_with(request.reading, request.kind, pool, exec::memory_limit_bytes(request.exec), &cancel);
  HY_TRY(TrainingTable source, TrainingTable::open(paths, reading, request.features, {request.label, request.weight, request.key, request.by_date}));
  HY_CHECK(source.schema().column(request.label, "--label"));
  HY_TRY(const Table table, source.read_rest());
  HY_TRY(const LabelColumn label, label_column(table, request.label, request.problem));
  Model model;
  model.features = source.features();
  if (model.features.empty())
    return input_error("no column is left to learn from", request.input.front(), "name the columns to learn from with --features a,b,c");
  HY_CHECK(check_params(params, label.problem, int64_t(model.features.size())));
  HY_CHECK(check_effects(params, label.problem));
  if (request.calibration != Calibration::Method::none && label.problem != Problem::classification)
    return usage_error(fmt::format("a {} has no probabilities to calibrate", problem_name(label.problem)), "--calibration",
                       "leave it out, or pass --problem classification");
  HY_TRY(const Categories categories, text_categories(source.schema(), table, params));
  HY_TRY(auto groups, rows_by_key(table, request.key, "--key"));
  const int64_t num_features = int64_t(model.features.size());
  Result<int> workers = training_workers(request, params, source, table.num_rows(), groups);
  const bool flows = !workers.ok() && may_flow(request, params);
  if (flows) workers = flowing_workers(request, params, label.problem, table.num_rows(), num_features);
  if (!workers.ok()) return workers.error();
  std::vector<float> values;  // without a key
  FeatureColumns columns;     // with one
  if (!request.key.empty()) {
    HY_TRY(columns, source.read_columns(table.num_rows(), request.input.front(), categories));
  } else if (!flows) {
    HY_TRY(values, source.read_features(table.num_rows(), request.input.front(), categories));
  }
  HY_TRY(const RowInfo info, row_info(table, request));

  TrainOutcome out;
  out.problem = label.problem, out.why = label.why, out.rows = table.num_rows(), out.features = int64_t(model.features.size());
  std::vector<KeyRows> keys;
  for (auto& [key, rows] : groups) {
    const size_t before = rows.size();
    std::erase_if(rows, [&](int32_t row) { return !label.known(row) || !info.known(row); });
    out.rows_left_out += int64_t(before - rows.size());
    keys.push_back({key, std::move(rows)});
  }
  model.problem = label.problem, model.learner = request.learner, model.label = request.label, model.classes = label.class_names;
  model.params = format_params(params), model.key_column = request.key;
  model.notes.emplace_back("seed", std::to_string(request.seed));
  note_categories(categories, model);
  if (request.calibration != Calibration::Method::none) model.notes.emplace_back("calibration", kCalibrationMethods[size_t(request.calibration)]);
  HY_TRY(const std::optional<Model> start, warm_start_model(request, model));
  std::vector<KeyResult> results(keys.size());
  steps.begin("train", int64_t(keys.size()));
  const std::string where = request.input.front();
  exec::Pool fewer(workers.value() < pool.workers() ? workers.value() : 1);
  exec::Pool& within = workers.value() < pool.workers() ? fewer : pool;
  const auto train = [&](size_t i, exec::Pool* trees) {
    const Predictor* from = start ? start->find(keys[i].key) : nullptr;
    const auto train_on = [&](const float* own) {
      results[i] = train_key(own, model.features, label, info, params, request.calibration, request.seed, keys[i].key, keys[i].rows, from, where,
                             trees, cancel);
    };
    if (request.key.empty())
      train_on(values_in_place(std::move(values), table.num_rows(), keys[i].rows).data());
    else
      train_on(values_of(columns, keys[i].rows).get());
  };
  if (flows) {
    std::optional<Error> failure;
    const RowSource rows = source.feature_rows(where, categories, within, cancel, failure);
    auto trained = train_as_read(rows, failure, label, info, params, request.seed, keys[0].rows, where, within, cancel);
    results[0] = trained.ok() ? KeyResult{pack(trained.value()), std::nullopt, {}, full_categories(trained.value(), model.features)}
                              : KeyResult{std::nullopt, trained.error(), {}};
  } else if (keys.size() == 1) {
    train(0, &pool);
  } else {
    std::vector<double> cost;
    for (const KeyRows& key : keys) cost.push_back(double(key.rows.size()));
    const auto one = [&](int64_t i, int) {
      train(size_t(i), nullptr);
      steps.advance();
    };
    within.run(exec::longest_first(cost), one, &cancel);
  }
  if (cancel.stopped()) return Error{Kind::interrupted, "interrupted", "train", "nothing was written; run the same command again"};

  std::vector<PackedPredictor> packed;
  for (size_t i = 0; i < keys.size(); ++i) {
    if (results[i].predictor) {
      model.keys.push_back(keys[i].key);
      packed.push_back(std::move(*results[i].predictor));
    } else if (request.key.empty() || results[i].error->kind == Kind::usage) {
      return *results[i].error;
    } else {
      out.failures.push_back({keys[i].key, "training", results[i].error->what, 0, "", ""});
    }
  }
  for (const KeyResult& of_key : results) out.full_categories.insert(of_key.full_categories.begin(), of_key.full_categories.end());
  if (packed.empty()) return input_error("no key could be trained", where, out.failures.empty() ? "give rows with a key" : out.failures[0].what);
  steps.begin("write", int64_t(packed.size()));
  HY_CHECK(report_out_of_bag(request, table, keys, results, model, out));
  HY_TRY(const auto file, io::AtomicFile::create(request.model));
  HY_CHECK(write_model(model, packed, [&file](std::string_view bytes) { return file->write(bytes.data(), bytes.size()); }));
  HY_CHECK(file->publish());
  steps.end();
  out.models = int64_t(packed.size());
  return out;
}

namespace {

constexpr size_t kPredictRows = 16'384;  // rows of one task

/// The values of some rows of a key, scaled as its model wants them.
std::vector<float> scaled_rows(const ModelScalers& scalers, const std::string& key, const FloatColumns& columns, std::span<const int32_t> rows) {
  std::vector<float> part(rows.size() * size_t(columns.num_features));
  for (int64_t f = 0; f < columns.num_features; ++f)
    for (size_t i = 0; i < rows.size(); ++i) part[size_t(f) * rows.size() + i] = columns.column(f)[rows[i]];
  scalers.apply(key, {part.data(), int64_t(rows.size()), columns.num_features, int64_t(rows.size())});
  return part;
}

using KeyGroups = std::map<std::string, std::vector<int32_t>>;

/// Predicts the rows of every key that has a model into `out`, a row's outputs side by side.
class KeyedPrediction {
 public:
  KeyedPrediction(const ModelFile& file, const ModelScalers& scalers, const FloatColumns& columns, ForestCut cut, std::vector<double>& out)
      : file_(file), scalers_(scalers), columns_(columns), cut_(cut), out_(out) {}

  /// Keys of few rows side by side, each unpacked by who predicts it; of a key of many rows some rows a task. Returns how many rows were
  /// predicted.
  Result<int64_t> run(const KeyGroups& groups, exec::Pool& pool) {
    std::vector<const KeyGroups::value_type*> small;
    int64_t rows = 0;
    for (const auto& group : groups) {
      if (!file_.head().place_of(group.first)) continue;
      rows += int64_t(group.second.size());
      if (group.second.size() <= kPredictRows)
        small.push_back(&group);
      else
        HY_CHECK(predict_large(group.first, group.second, pool));
    }
    std::vector<Result<void>> ends(small.size());
    pool.run(int64_t(small.size()), [&](int64_t i, int) { ends[size_t(i)] = predict_small(small[size_t(i)]->first, small[size_t(i)]->second); });
    for (const Result<void>& end : ends) HY_CHECK(end);
    return rows;
  }

 private:
  void predict_rows(const Predictor& predictor, const std::string& key, std::span<const int32_t> rows) const {
    const size_t outputs = size_t(num_outputs(predictor));
    const std::vector<float> part = scaled_rows(scalers_, key, columns_, rows);
    std::vector<double> answers(rows.size() * outputs);
    predict(predictor, {part.data(), int64_t(rows.size()), columns_.num_features, int64_t(rows.size())}, answers, cut_);
    for (size_t i = 0; i < rows.size(); ++i)
      std::copy_n(answers.begin() + ptrdiff_t(i * outputs), outputs, out_.begin() + ptrdiff_t(size_t(rows[i]) * outputs));
  }

  Result<void> predict_small(const std::string& key, std::span<const int32_t> rows) const {
    HY_TRY(const Predictor predictor, file_.predictor(*file_.head().place_of(key)));
    predict_rows(predictor, key, rows);
    return {};
  }

  Result<void> predict_large(const std::string& key, std::span<const int32_t> rows, exec::Pool& pool) const {
    HY_TRY(const Predictor predictor, file_.predictor(*file_.head().place_of(key)));
    pool.run(int64_t((rows.size() + kPredictRows - 1) / kPredictRows), [&](int64_t i, int) {
      const size_t begin = size_t(i) * kPredictRows;
      predict_rows(predictor, key, rows.subspan(begin, std::min(kPredictRows, rows.size() - begin)));
    });
    return {};
  }

  const ModelFile& file_;
  const ModelScalers& scalers_;
  const FloatColumns& columns_;
  ForestCut cut_;
  std::vector<double>& out_;
};

/// Columns leaf_<tree>: the leaf of every row, by its number in the tree; missing where a key has no model.
Result<void> add_leaves(Table& table, const ModelFile& file, const ModelScalers& scalers, const FloatColumns& columns, const KeyGroups& groups,
                        ForestCut cut) {
  std::vector<std::vector<double>> leaves;
  for (const auto& [key, rows] : groups) {
    const auto place = file.head().place_of(key);
    if (!place) continue;
    HY_TRY(const Predictor predictor, file.predictor(*place));
    const Forest* forest = std::get_if<Forest>(&predictor);
    if (!forest) return usage_error(fmt::format("learner '{}' has no leaves", file.head().learner), "--leaves", "leave --leaves out");
    const size_t trees = size_t(cut.num_trees > 0 ? std::min(cut.num_trees, forest->num_trees()) : forest->num_trees());
    const std::vector<float> part = scaled_rows(scalers, key, columns, rows);
    std::vector<uint32_t> reached(rows.size() * trees);
    apply(*forest, {part.data(), int64_t(rows.size()), columns.num_features, int64_t(rows.size())}, reached, {int64_t(trees), cut.max_depth});
    if (leaves.size() < trees) leaves.resize(trees, std::vector<double>(size_t(columns.num_rows), std::nan("")));
    for (size_t t = 0; t < trees; ++t)
      for (size_t i = 0; i < rows.size(); ++i) leaves[t][size_t(rows[i])] = reached[i * trees + t];
  }
  for (size_t t = 0; t < leaves.size(); ++t) table.add(fmt::format("leaf_{}", t), make_column(std::move(leaves[t])));
  return {};
}

}  // namespace

namespace {

/// Error (input): a table that lacks features of the model, or holds something else than it learnt.
Result<void> check_features(const Table& table, const Model& model, const std::string& where) {
  const Categories categories = noted_categories(model);
  std::vector<std::string> lacking;
  for (const std::string& name : model.features) {
    const auto found = std::find(table.names.begin(), table.names.end(), name);
    if (found == table.names.end()) {
      lacking.push_back(name);
      continue;
    }
    const Dtype dtype = table.columns[size_t(found - table.names.begin())].dtype;
    if (!categories.contains(name) && !is_numeric(dtype) && dtype != Dtype::boolean) {
      const bool text = dtype == Dtype::text || dtype == Dtype::category;
      return input_error(fmt::format("column '{}' holds {}, the model learnt numbers", name, dtype_name(dtype)), where,
                         text ? fmt::format("--types '{}=float64', where the texts are numbers", name) : "give the column as it was in training");
    }
  }
  if (lacking.empty()) return {};
  Error error = unknown_name("column", lacking.front(), table.names, where);
  constexpr size_t kShown = 5;
  const size_t shown = std::min(lacking.size(), kShown);
  error.what = fmt::format("the table lacks {} of the {} columns that the model learnt from: {}{}", lacking.size(), model.features.size(),
                           join(std::span(lacking).first(shown), ", "), shown < lacking.size() ? ", ..." : "");
  error.hint = error.hint.starts_with("did you mean") ? error.hint + " names are as in training, capitals too"
                                                      : "give them as in training; hayate model FILE lists them";
  return error;
}

/// What is lost beside columns of the same name in the table.
std::vector<std::string> replaced_columns(const Table& table, const Model& model) {
  std::vector<std::string> names;
  for (const std::string& name : table.names)
    if ((name == "prediction" || name.starts_with("probability_")) &&
        std::find(model.features.begin(), model.features.end(), name) == model.features.end())
      names.push_back(name);
  if (names.empty()) return {};
  return {fmt::format("{} of the table {} left out: the answers have such names", join(names, ", "), names.size() == 1 ? "is" : "are")};
}

}  // namespace

Result<PredictOutcome> predict_table(const PredictRequest& request, exec::Steps& steps, const exec::Cancellation& cancel) {
  HY_TRY(const ModelFile file, ModelFile::open(request.model));
  const Model& model = file.head();
  if ((request.cut.num_trees > 0 || request.cut.max_depth > 0) && (model.learner == "linear" || model.learner == "logistic"))
    return usage_error(fmt::format("a {} model has no trees to cut", model.learner), request.cut.num_trees > 0 ? "--num-trees" : "--max-depth",
                       "leave it out");
  HY_TRY(const ModelScalers scalers, ModelScalers::of(model, request.model));
  HY_TRY(const auto paths, io::expand_inputs(request.input));
  exec::Pool pool(exec::worker_count(request.exec));
  steps.begin("read", int64_t(paths.size()));
  HY_TRY(const Table table,
         io::read_tables(paths, reading_with(request.reading, request.kind, pool, exec::memory_limit_bytes(request.exec), &cancel)));
  const int64_t features = int64_t(model.features.size()), outputs = std::max<int64_t>(1, int64_t(model.classes.size()));
  const int64_t needed = resident_bytes() + table.num_rows() * (4 * features + 24 * outputs);
  if (const auto fits = workers_within(request.exec, "predict", needed, 0, 1, "predict parts of the table one after the other"); !fits.ok())
    return fits.error();
  HY_CHECK(check_features(table, model, request.input.front()));
  HY_TRY(const std::vector<float> values, float_columns(table, model.features, request.input.front(), noted_categories(model)));
  const FloatColumns columns{values.data(), table.num_rows(), features, table.num_rows(), {}};
  HY_TRY(const auto groups, rows_by_key(table, model.key_column, request.input.front()));

  steps.begin("predict", table.num_rows());
  PredictOutcome out;
  out.rows = table.num_rows(), out.messages = replaced_columns(table, model);
  const size_t width = model.problem == Problem::classification ? model.classes.size() : 1;
  std::vector<double> answers(size_t(table.num_rows()) * width, std::nan(""));
  HY_TRY(const int64_t answered, KeyedPrediction(file, scalers, columns, request.cut, answers).run(groups, pool));
  out.rows_without_model = out.rows - answered;
  if (cancel.stopped()) return Error{Kind::interrupted, "interrupted", "predict", "nothing was written; run the same command again"};

  steps.begin("write", table.num_rows());
  Table result;
  for (size_t i = 0; i < table.num_columns(); ++i) {
    const std::string& name = table.names[i];
    const bool is_feature = std::find(model.features.begin(), model.features.end(), name) != model.features.end();
    if (!is_feature && name != "prediction" && !name.starts_with("probability_")) result.add(name, table.columns[i]);
  }
  add_answers(result, model, answers);
  if (request.leaves) HY_CHECK(add_leaves(result, file, scalers, columns, groups, request.cut));
  HY_TRY(out.checksum, io::write_table(request.output, result, request.kind));
  steps.end();
  return out;
}

Result<PredictOutcome> predict_bars(const PredictRequest& request, exec::Steps& steps, const exec::Cancellation& cancel) {
  HY_TRY(const Model model, load_model(request.model + "/model.hyt"));
  HY_TRY(const ModelScalers scalers, ModelScalers::of(model, request.model, true));
  std::vector<NamedExpression> expressions;
  for (const std::string& name : model.features) expressions.push_back({name, note(model, "feature " + name)});
  HY_TRY(const auto paths, io::expand_inputs(request.input));
  exec::Pool pool(exec::worker_count(request.exec));
  steps.begin("read", int64_t(paths.size()));
  HY_TRY(io::BarsResult bars, io::read_bars(paths, pool));
  Panel& panel = bars.bars.panel;
  if (panel.num_symbols() == 0 && !bars.bars.failures.empty()) return nothing_left(bars.bars.failures);
  HY_TRY(const Program program, Program::compile(expressions, panel.fields, {}));
  PredictOutcome out;
  out.failures = bars.bars.failures, out.messages = bars.messages;
  if (program.has_cross_sections() || scalers.has_cross_sections()) {  // over the symbols that a run would take, as in training
    HY_TRY(CheckedBars checked, check_universe(std::move(bars.bars), note(model, "adjust")));
    panel = std::move(checked.panel), out.failures = std::move(checked.failures);
  }
  HY_TRY(const std::vector<std::string> said, prepare_bars(note(model, "adjust"), {&program}, panel, pool, request.exec));
  out.messages.insert(out.messages.end(), said.begin(), said.end());

  steps.begin("predict", int64_t(panel.num_symbols()));
  std::vector<double> answers(size_t(panel.num_rows()), std::nan(""));
  std::vector<int32_t> symbol(answers.size());
  std::vector<Workspace> spaces(static_cast<size_t>(pool.workers()));
  const int64_t features = int64_t(program.num_outputs()), all_rows = panel.num_rows();
  std::vector<float> whole(scalers.has_cross_sections() ? size_t(all_rows * features) : 0);
  pool.run(
      int64_t(panel.num_symbols()),
      [&](int64_t s, int worker) {
        const size_t begin = size_t(panel.offsets[size_t(s)]), rows = size_t(panel.offsets[size_t(s) + 1]) - begin;
        std::fill_n(symbol.begin() + ptrdiff_t(begin), rows, int32_t(s));
        steps.advance();
        const Predictor* predictor = model.find(panel.symbols[size_t(s)]);
        if (!predictor) return;
        const Bars series = bars_of(program, panel, size_t(s));
        if (!whole.empty()) return evaluate(program, series, spaces[size_t(worker)], whole.data() + begin, size_t(all_rows));
        std::vector<float> values(rows * size_t(features));
        evaluate(program, series, spaces[size_t(worker)], values.data(), rows);
        scalers.apply(panel.symbols[size_t(s)], {values.data(), int64_t(rows), features, int64_t(rows)});
        predict(*predictor, {values.data(), int64_t(rows), features, int64_t(rows)}, std::span(answers).subspan(begin, rows), request.cut);
      },
      &cancel);
  if (!whole.empty()) {  // one model
    scalers.apply("", {whole.data(), all_rows, features, all_rows}, panel.times);
    predict(model.predictors[0], {whole.data(), all_rows, features, all_rows}, answers, request.cut);
  }
  if (cancel.stopped()) return Error{Kind::interrupted, "interrupted", "predict", "nothing was written; run the same command again"};

  steps.begin("write", panel.num_rows());
  out.rows = panel.num_rows();
  out.rows_without_model = std::count_if(answers.begin(), answers.end(), [](double x) { return std::isnan(x); });
  Table table = key_columns(std::move(symbol), panel.symbols, panel.times, panel.daily, panel.zone);
  table.add("prediction", make_column(std::move(answers)));
  HY_TRY(out.checksum, io::write_table(request.output, table, request.kind));
  steps.end();
  return out;
}

}  // namespace hayate::pipeline
