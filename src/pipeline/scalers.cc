#include "pipeline/scalers.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "base/missing.h"
#include "base/strings.h"
#include "features/cross_section.h"

namespace hayate::pipeline {
namespace {

using Type = Scaler::Type;

constexpr double kRobustClip = 3;  // as qlib's RobustZScoreNorm

constexpr ScalerName kScalers[] = {
    {"cs_zscore", Type::cs_zscore, false, false, 0, 0, 0, "CSZScore of the feature: over the symbols of each date"},
    {"cs_rank", Type::cs_rank, false, false, 0, 0, 0, "CSRank of the feature: over the symbols of each date"},
    {"robust_zscore", Type::robust_zscore, false, true, 0, 0, 0,
     "(x - median) / (1.4826 median(|x - median|) + 1e-12), cut at -3 and 3; median of the training rows"},
    {"winsorize", Type::winsorize, true, true, 0.01, 0, 0.5, "cut at the quantiles q and 1 - q of the training rows"},
    {"fillna", Type::fillna, true, false, 0, -1e300, 1e300, "the value in place of NaN"},
};

const ScalerName& name_of(Type type) {
  return *std::find_if(std::begin(kScalers), std::end(kScalers), [&](const ScalerName& row) { return row.type == type; });
}

Error wrong_value(const ScalerName& row, const std::string& text, const std::string& where) {
  if (!row.has_value) return usage_error(fmt::format("{} takes no value: '{}'", row.name, text), where, row.name);
  return usage_error(fmt::format("'{}': the value must be a number from {} to {}", text, format_shortest(row.least), format_shortest(row.most)),
                     where, fmt::format("{}({})", row.name, format_shortest(row.initial)));
}

Result<Scaler> parse_scaler(const std::string& text, const std::string& where) {
  const std::string_view whole = trim(text);
  const size_t open = whole.find('(');
  const std::string name(trim(whole.substr(0, open)));
  std::vector<std::string> names;
  for (const ScalerName& row : kScalers) {
    names.emplace_back(row.name);
    if (row.name != name) continue;
    if (open == std::string_view::npos) return Scaler{row.type, row.initial};
    const auto value = whole.back() == ')' ? parse_number(trim(whole.substr(open + 1, whole.size() - open - 2))) : std::nullopt;
    if (!row.has_value || !value || !(*value >= row.least && *value <= row.most)) return wrong_value(row, text, where);
    return Scaler{row.type, *value};
  }
  return unknown_name("processor", name, names, where);
}

/// Values of a column at the rows listed that are numbers.
std::vector<double> values_at(std::span<const float> column, std::span<const int32_t> rows) {
  std::vector<double> values;
  values.reserve(rows.size());
  for (const int32_t row : rows)
    if (std::isfinite(column[size_t(row)])) values.push_back(double(column[size_t(row)]));
  return values;
}

/// Linear interpolation at position q (n - 1) of the values in order; NaN without values. Changes their order.
double quantile(std::vector<double>& values, double q) {
  if (values.empty()) return kNaN;
  const double position = q * double(values.size() - 1);
  const auto below = values.begin() + ptrdiff_t(position);
  std::nth_element(values.begin(), below, values.end());
  const double least_above = below + 1 == values.end() ? *below : *std::min_element(below + 1, values.end());
  return *below + (position - std::floor(position)) * (least_above - *below);
}

struct Fit {
  double first, second;
};

Fit fit(const Scaler& scaler, std::span<const float> column, std::span<const int32_t> rows) {
  std::vector<double> values = values_at(column, rows);
  if (scaler.type == Type::winsorize) {
    const double least = quantile(values, scaler.value);
    return {least, quantile(values, 1 - scaler.value)};
  }
  const double median = quantile(values, 0.5);
  for (double& x : values) x = std::abs(x - median);
  return {median, 1.4826 * quantile(values, 0.5) + 1e-12};
}

float scaled(const Scaler& scaler, Fit fit, float x) {
  if (scaler.type == Type::fillna) return std::isnan(x) ? float(scaler.value) : x;
  if (std::isnan(x) || std::isnan(fit.first)) return float(kNaN);
  if (scaler.type == Type::winsorize) return float(std::clamp(double(x), fit.first, fit.second));
  return float(std::clamp((double(x) - fit.first) / fit.second, -kRobustClip, kRobustClip));
}

bool is_fitted(const Scaler& scaler) { return name_of(scaler.type).fitted; }
bool is_cross_section(const Scaler& scaler) { return scaler.type == Type::cs_zscore || scaler.type == Type::cs_rank; }

/// Place of scaler `s`, feature `f` among the fits.
size_t place_of(std::span<const Scaler> scalers, size_t s, int64_t f, int64_t num_features) {
  return num_fits(scalers.first(s), num_features) + size_t(f) * 2;
}

void apply(const Scaler& scaler, Fit fit, std::span<float> column, const std::optional<DateRows>& dates) {
  if (is_cross_section(scaler)) {
    exec::Pool alone(1);  // features are what is shared out
    return cross_sections(scaler.type == Type::cs_rank ? CrossSection::rank : CrossSection::zscore, *dates, column, alone);
  }
  for (float& x : column) x = scaled(scaler, fit, x);
}

/// The rows of each date, where something needs them.
std::optional<DateRows> dates_for(std::span<const Scaler> scalers, std::span<const int64_t> times) {
  return has_cross_sections(scalers) ? std::optional<DateRows>(times) : std::nullopt;
}

}  // namespace

std::span<const ScalerName> scaler_names() { return kScalers; }

Result<ScalerList> parse_scalers(const std::vector<std::string>& texts, const std::string& where) {
  ScalerList out;
  for (const std::string& text : texts) {
    HY_TRY(const Scaler scaler, parse_scaler(text, where));
    (out.fitted.empty() && !is_fitted(scaler) ? out.expressions : out.fitted).push_back(scaler);
  }
  return out;
}

bool has_cross_sections(std::span<const Scaler> scalers) { return std::any_of(scalers.begin(), scalers.end(), is_cross_section); }

std::vector<std::string> scaler_texts(std::span<const Scaler> scalers) {
  std::vector<std::string> out;
  for (const Scaler& scaler : scalers) {
    const ScalerName& row = name_of(scaler.type);
    out.push_back(row.has_value ? fmt::format("{}({})", row.name, format_shortest(scaler.value)) : row.name);
  }
  return out;
}

std::string scaled_expression(std::span<const Scaler> scalers, std::string text) {
  for (const Scaler& scaler : scalers) {
    if (scaler.type == Type::cs_zscore) text = fmt::format("CSZScore({})", text);
    if (scaler.type == Type::cs_rank) text = fmt::format("CSRank({})", text);
    if (scaler.type == Type::fillna) text = fmt::format("If(({})==({}),{},{})", text, text, text, format_shortest(scaler.value));
  }
  return text;
}

size_t num_fits(std::span<const Scaler> scalers, int64_t num_features) {
  return size_t(std::count_if(scalers.begin(), scalers.end(), is_fitted)) * size_t(num_features) * 2;
}

std::vector<double> fit_scalers(std::span<const Scaler> scalers, const ScaledColumns& columns, std::span<const int32_t> rows, exec::Pool* pool,
                                std::span<const int64_t> times, const exec::Cancellation* cancel) {
  const std::optional<DateRows> dates = dates_for(scalers, times);
  std::vector<double> fits(num_fits(scalers, columns.num_features));
  const auto scale_feature = [&](int64_t f, int) {
    for (size_t s = 0; s < scalers.size() && !(cancel && cancel->stopped()); ++s) {
      Fit fitted{};
      if (is_fitted(scalers[s])) {
        fitted = fit(scalers[s], columns.column(f), rows);
        double* place = fits.data() + place_of(scalers, s, f, columns.num_features);
        place[0] = fitted.first, place[1] = fitted.second;
      }
      apply(scalers[s], fitted, columns.column(f), dates);
    }
  };
  if (pool)
    pool->run(columns.num_features, scale_feature);
  else
    for (int64_t f = 0; f < columns.num_features; ++f) scale_feature(f, 0);
  return fits;
}

void apply_scalers(std::span<const Scaler> scalers, std::span<const double> fits, const ScaledColumns& columns, std::span<const int64_t> times) {
  const std::optional<DateRows> dates = dates_for(scalers, times);
  for (int64_t f = 0; f < columns.num_features; ++f)
    for (size_t s = 0; s < scalers.size(); ++s) {
      const double* place = fits.data() + place_of(scalers, s, f, columns.num_features);
      apply(scalers[s], is_fitted(scalers[s]) ? Fit{place[0], place[1]} : Fit{}, columns.column(f), dates);
    }
}

namespace {

constexpr std::string_view kNote = "processors", kNoteOfKey = "processors of ";

Error damaged(const std::string& where) {
  return input_error("the notes on processors in this model are damaged", where, "make the model again: hayate run SPEC.toml");
}

}  // namespace

void note_scalers(std::span<const Scaler> scalers, std::span<const std::vector<double>> fits, Model& model) {
  if (scalers.empty()) return;
  model.notes.emplace_back(kNote, join(scaler_texts(scalers), ","));
  for (size_t k = 0; k < fits.size(); ++k) {
    std::vector<std::string> numbers;
    for (const double x : fits[k]) numbers.push_back(format_shortest(x));
    model.notes.emplace_back(std::string(kNoteOfKey) + model.keys[k], join(numbers, " "));
  }
}

Result<ModelScalers> ModelScalers::of(const Model& model, const std::string& where, bool whole_dates) {
  ModelScalers out;
  out.one_model_ = model.key_column.empty();
  for (const auto& [name, text] : model.notes) {
    if (name == kNote) {
      auto list = parse_scalers(split(text, ','), where);
      if (!list.ok()) return damaged(where);
      out.scalers_ = std::move(list.value().fitted);
    } else if (name.starts_with(kNoteOfKey)) {
      std::vector<double>& fits = out.fits_[name.substr(kNoteOfKey.size())];
      for (const std::string& word : text.empty() ? std::vector<std::string>() : split(text, ' ')) {
        const auto number = parse_number(word);
        if (!number) return damaged(where);
        fits.push_back(*number);
      }
    }
  }
  if (out.scalers_.empty()) return out;
  if (out.has_cross_sections() && !whole_dates)
    return usage_error("this model compares the symbols of a date after scaling, and rows of a table do not say which stand together", where,
                       "predict from bars: hayate predict --run DIR --input BARS --output FILE");
  for (const std::string& key : model.keys)
    if (!out.fits_.contains(key) || out.fits_[key].size() != num_fits(out.scalers_, int64_t(model.features.size()))) return damaged(where);
  return out;
}

void ModelScalers::apply(const std::string& key, const ScaledColumns& columns, std::span<const int64_t> times) const {
  if (!scalers_.empty()) apply_scalers(scalers_, fits_.at(one_model_ ? "" : key), columns, times);
}

}  // namespace hayate::pipeline
