#include "learn/boost_watch.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "hayate/metrics.h"

namespace hayate::learn {
namespace {

constexpr int64_t kRowsAtOnce = 4096;

bool is_by_date(const BoostingParams& params) {
  const MetricInfo* metric = find_metric(params.metric);
  return metric && metric->group == MetricGroup::by_date;
}

Error nothing_left(size_t rows) {
  return input_error(fmt::format("{} rows are too few to hold some out for early stopping", rows), "training rows",
                     "early_stopping_rounds=0, or another validation_fraction");
}

}  // namespace

Result<std::vector<int32_t>> hold_out(const Labels& labels, const BoostingParams& params, std::vector<int32_t>& rows) {
  if (is_by_date(params) && labels.groups.empty())
    return input_error(fmt::format("metric {} needs a date for every row", params.metric), "metric", "name the column of dates: --by-date COL");
  std::vector<int32_t> held;
  const auto share = [&](size_t count) { return std::max<size_t>(1, size_t(std::llround(params.validation_fraction * double(count)))); };
  if (labels.groups.empty()) {
    const size_t count = share(rows.size());
    if (count >= rows.size()) return nothing_left(rows.size());
    held.assign(rows.end() - ptrdiff_t(count), rows.end());
    rows.resize(rows.size() - count);
    return held;
  }
  std::vector<int32_t> groups;
  for (const int32_t row : rows) groups.push_back(labels.groups[size_t(row)]);
  std::sort(groups.begin(), groups.end());
  groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
  const size_t count = share(groups.size());
  if (count >= groups.size()) return nothing_left(rows.size());
  const int32_t first = groups[groups.size() - count];
  for (const int32_t row : rows)
    if (labels.groups[size_t(row)] >= first) held.push_back(row);
  std::erase_if(rows, [&](int32_t row) { return labels.groups[size_t(row)] >= first; });
  return held;
}

Watch::Watch(const BinnedMatrix& matrix, std::span<const int32_t> rows, BoostTarget target, const Loss& trained, const BoostingParams& params,
             exec::Crew& crew, const exec::Cancellation* cancel)
    : params_(params),
      table_(matrix, rows, crew, cancel),
      target_(std::move(target)),
      link_(trained.link()),
      loss_(make_loss(target_, params_)),
      crew_(crew) {
  for (const double start : trained.start()) scores_.insert(scores_.end(), target_.num_rows(), start);
}

void Watch::add(int32_t k, const GrownTree& tree, std::span<const double> values) {
  const int64_t rows = int64_t(target_.num_rows());
  double* scores = scores_.data() + int64_t(k) * rows;
  crew_.run((rows + kRowsAtOnce - 1) / kRowsAtOnce, [&](int64_t i, int) {
    for (int64_t row = i * kRowsAtOnce; row < std::min(rows, (i + 1) * kRowsAtOnce); ++row)
      scores[row] += values[leaf_of(tree, table_, uint32_t(row))];
  });
}

/// From predictions in the scale of the labels, row by row.
double Watch::metric(const std::vector<double>& predictions) const {
  const size_t rows = target_.num_rows();
  const std::vector<double> weights(target_.weights.begin(), target_.weights.end());
  if (target_.problem == Problem::classification) {
    const size_t width = size_t(target_.num_classes);
    ClassPredictions input;
    std::vector<int32_t> predicted;
    std::vector<std::vector<double>> columns(width);
    for (size_t i = 0; i < rows; ++i) {
      const auto first = predictions.begin() + ptrdiff_t(i * width);
      predicted.push_back(int32_t(std::max_element(first, first + ptrdiff_t(width)) - first));
      for (size_t k = 0; k < width; ++k) columns[k].push_back(first[ptrdiff_t(k)]);
    }
    for (size_t k = 0; k < width; ++k) input.classes.push_back(std::to_string(k)), input.probability.emplace_back(columns[k]);
    input.label = target_.classes, input.prediction = predicted, input.weight = weights;
    const auto evaluation = evaluate_classification(input);
    return evaluation.ok() ? evaluation.value().value(params_.metric).value_or(std::nan("")) : std::nan("");
  }
  std::vector<double> labels = target_.numbers;
  for (double& label : labels) label = std::ldexp(label, target_.exponent);
  if (is_by_date(params_)) {
    const std::vector<int64_t> dates(target_.groups.begin(), target_.groups.end());
    for (const MetricValue& value : ic_metrics(ic_by_date(dates, labels, predictions)))
      if (value.metric->name == params_.metric) return value.value.value_or(std::nan(""));
    return std::nan("");
  }
  const auto evaluation = evaluate_regression(labels, predictions, weights);
  return evaluation.ok() ? evaluation.value().value(params_.metric).value_or(std::nan("")) : std::nan("");
}

double Watch::score() const {
  if (params_.metric == "auto") return -loss_->mean(scores_);
  const size_t rows = target_.num_rows(), num_scores = scores_.size() / rows;
  const size_t outputs = target_.problem == Problem::classification ? size_t(target_.num_classes) : 1;
  std::vector<double> predictions(rows * outputs), of_row(num_scores);
  for (size_t i = 0; i < rows; ++i) {
    for (size_t k = 0; k < num_scores; ++k) of_row[k] = loss_->unscaled_start(scores_[k * rows + i], target_.exponent);
    apply_link(link_, of_row, std::span(predictions).subspan(i * outputs, outputs));
  }
  const double value = metric(predictions);
  return find_metric(params_.metric)->better == Better::lower ? -value : value;
}

bool Watch::is_over(const Forest& forest) {
  ++rounds_;
  const double now = score();
  // The first round stands until something better comes, so that an undefined metric keeps at least that.
  if (rounds_ == 1 || now > best_) best_ = std::isnan(now) ? best_ : now, best_round_ = rounds_, best_importance_ = forest.importance;
  return rounds_ - best_round_ >= params_.early_stopping_rounds;
}

void Watch::keep_best(Forest& forest) const {
  const size_t trees = size_t(best_round_ * forest.num_scores()), nodes = forest.tree_start[trees];
  forest.tree_start.resize(trees + 1);
  forest.nodes.resize(nodes), forest.values.resize(nodes), forest.cover.resize(nodes);
  if (!forest.categorical.empty()) forest.set_start.resize(trees + 1), forest.sets.resize(forest.set_start[trees]);
  forest.importance = best_importance_;
}

}  // namespace hayate::learn
