#include "pipeline/later_window.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "kernels/gram.h"

namespace hayate::pipeline {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr int64_t kMostRows = 261, kAnyAhead = 20, kMostAhead = 130;
constexpr double kPrecision = 1e-5;  // of a value: a text of six digits
constexpr double kHidden = 0.02;
constexpr size_t kFewestTold = 20;  // rows that later ones change
constexpr size_t kComparedRows = 4'000;

// ---- What a window is made of, and what of it ----------------------------------------------------------------------------

struct Source {
  const char* field;
  enum class Of { value, returns, log_returns } of;
  const char* said;
};
constexpr Source kSources[] = {
    {"close", Source::Of::value, "$close"},
    {"open", Source::Of::value, "$open"},
    {"high", Source::Of::value, "$high"},
    {"low", Source::Of::value, "$low"},
    {"volume", Source::Of::value, "$volume"},
    {"vwap", Source::Of::value, "$vwap"},
    {"adj_close", Source::Of::value, "$adj_close"},
    {"close", Source::Of::returns, "the returns of $close"},
    {"close", Source::Of::log_returns, "the logarithmic returns of $close"},
};

constexpr Source kVolume = {"volume", Source::Of::value, "$volume"};

std::vector<double> values_of(const Panel& panel, const Source& source, size_t symbol) {
  const int field = panel.field(source.field);
  if (field < 0) return {};
  const std::span<const double> x = panel.series(field, symbol);
  std::vector<double> out(x.begin(), x.end());
  if (source.of == Source::Of::value) return out;
  for (size_t row = 0; row < x.size(); ++row)
    out[row] = row == 0 ? kNaN : source.of == Source::Of::returns ? x[row] / x[row - 1] - 1 : std::log(x[row] / x[row - 1]);
  return out;
}

/// Of the last row of the window, or of today's in the middle of it, where it matters.
enum Function : uint8_t {
  mean,
  median,
  highest,
  lowest,
  deviation,
  variance,
  skewness,
  rank,
  rank_today,
  below,
  below_today,
  score,
  score_today,
  place,
  place_today
};
constexpr struct {
  const char* said;
  bool any_scale;  ///< sums are means times a number; deviations a year's
} kFunctions[] = {
    {"the mean", true},
    {"the median", false},
    {"the highest", false},
    {"the lowest", false},
    {"the deviation", true},
    {"the variance", true},
    {"the skewness", true},
    {"the rank of the last", true},
    {"the rank of today's", true},
    {"the share below the last", true},
    {"the share below today's", true},
    {"the z-score of the last", true},
    {"the z-score of today's", true},
    {"the place of the last between lowest and highest", true},
    {"the place of today's between lowest and highest", true},
};
constexpr size_t kNumFunctions = std::size(kFunctions);
using FunctionValues = std::array<double, kNumFunctions>;

/// A window that grows backwards from its last row.
class BackwardWindow {
 public:
  BackwardWindow(double last, double today) : last_(last), today_(today) { sorted_.reserve(size_t(kMostRows)); }

  void add(double x) {
    const double step = x - last_;
    sum_ += step, squares_ += step * step, cubes_ += step * step * step;
    sorted_.insert(std::upper_bound(sorted_.begin(), sorted_.end(), x), x);
    is_finite_ &= std::isfinite(x);
  }
  size_t rows() const { return sorted_.size(); }
  bool is_finite() const { return is_finite_; }

  FunctionValues values() const {
    FunctionValues out;
    out.fill(kNaN);
    if (!is_finite_) return out;
    const auto n = double(rows());
    const double middle = sum_ / n, square = std::max(0.0, squares_ / n - middle * middle);
    out[mean] = last_ + middle;
    out[median] = (sorted_[(rows() - 1) / 2] + sorted_[rows() / 2]) / 2;
    out[lowest] = sorted_.front(), out[highest] = sorted_.back();
    if (rows() < 2) return out;
    out[variance] = square * n / (n - 1), out[deviation] = std::sqrt(out[variance]);
    if (rows() > 2 && square > 0) {
      const double cube = cubes_ / n - 3 * middle * squares_ / n + 2 * middle * middle * middle;
      out[skewness] = std::sqrt(n * (n - 1)) / (n - 2) * cube / (square * std::sqrt(square));
    }
    const auto rank_of = [&](double x, Function of_rank, Function of_share) {
      const auto [first, end] = std::equal_range(sorted_.begin(), sorted_.end(), x);
      out[of_share] = double(first - sorted_.begin()) / n;
      out[of_rank] = (double(first - sorted_.begin()) + double(end - sorted_.begin()) + 1) / 2 / n;
    };
    const double range = out[highest] - out[lowest];
    rank_of(last_, rank, below), rank_of(today_, rank_today, below_today);
    if (square > 0) out[score] = (last_ - out[mean]) / out[deviation], out[score_today] = (today_ - out[mean]) / out[deviation];
    if (range > 0) out[place] = (last_ - out[lowest]) / range, out[place_today] = (today_ - out[lowest]) / range;
    return out;
  }

 private:
  double last_, today_, sum_ = 0, squares_ = 0, cubes_ = 0;
  bool is_finite_ = true;
  std::vector<double> sorted_;
};

/// Of the window of `rows` rows that ends `ahead` rows after `row`; NaN where it does not lie in the series.
double value_of(std::span<const double> x, Function function, int64_t row, int64_t rows, int64_t ahead) {
  const int64_t last = row + ahead, first = last - rows + 1;
  if (rows < 1 || first < 0 || last >= int64_t(x.size())) return kNaN;
  BackwardWindow window(x[size_t(last)], x[size_t(row)]);
  for (int64_t at = last; at >= first; --at) window.add(x[size_t(at)]);
  return window.values()[function];
}

// ---- What a column is taken as -------------------------------------------------------------------------------------------

/// The window's value that a column stands for, and how far that is off where the column is off by one.
struct Form {
  const char* said;  ///< of the column and the base: the volume, of volumes, else the close
  double (*value)(double y, double base);
  double (*slope)(double y, double base);
};
constexpr Form kForms[] = {
    {"${0}", [](double y, double) { return y; }, [](double, double) { return 1.0; }},
    {"${0} * ${1}", [](double y, double c) { return y * c; }, [](double, double c) { return c; }},
    {"${1} / ${0}", [](double y, double c) { return c / y; }, [](double y, double c) { return c / (y * y); }},
    {"(1 + ${0}) * ${1}", [](double y, double c) { return c * (1 + y); }, [](double, double c) { return c; }},
    {"${1} / (1 + ${0})", [](double y, double c) { return c / (1 + y); }, [](double y, double c) { return c / ((1 + y) * (1 + y)); }},
    {"${1} - ${0}", [](double y, double c) { return c - y; }, [](double, double) { return 1.0; }},
    {"${1} + ${0}", [](double y, double c) { return c + y; }, [](double, double) { return 1.0; }},
    {"exp(${0})", [](double y, double) { return std::exp(y); }, [](double y, double) { return std::exp(y); }},
    {"exp(${0}) * ${1}", [](double y, double c) { return c * std::exp(y); }, [](double y, double c) { return c * std::exp(y); }},
    {"${1} / exp(${0})", [](double y, double c) { return c * std::exp(-y); }, [](double y, double c) { return c * std::exp(-y); }},
};

/// Half of the last digit of a column whose values have at most six digits behind the point, else 0.
double rounding_of(const std::vector<std::vector<double>>& column) {
  double unit = 1;
  for (int digits = 0; digits <= 6; ++digits, unit /= 10) {
    const auto is_round = [&](double y) { return !std::isfinite(y) || std::abs(y / unit - std::round(y / unit)) <= 1e-6; };
    if (std::all_of(column.begin(), column.end(), [&](const auto& values) { return std::all_of(values.begin(), values.end(), is_round); }))
      return digits == 0 ? 0 : unit / 2;  // whole numbers are counted, not rounded
  }
  return 0;
}

/// A column of the user's own, the closes beside it and the sources of windows, of the symbols that are compared.
struct Compared {
  std::vector<std::vector<double>> own, close, volume;
  std::vector<std::vector<std::vector<double>>> sources;  ///< [source][symbol]; empty where the panel has none
  double rounding = 0;
  size_t first_symbol = 0;  ///< of the panel

  const std::vector<double>& base(size_t source, size_t symbol) const {
    return std::string_view(kSources[source].field) == "volume" ? volume[symbol] : close[symbol];
  }
  double taken_as(const Form& form, size_t source, size_t symbol, int64_t row) const {
    return form.value(own[symbol][size_t(row)], base(source, symbol)[size_t(row)]);
  }
  /// How far the column may be off there by its last digit.
  double off(const Form& form, size_t source, size_t symbol, int64_t row) const {
    return rounding * std::abs(form.slope(own[symbol][size_t(row)], base(source, symbol)[size_t(row)]));
  }
  /// NaN where that hides what the column says: a volume less a deviation of returns is the volume. So does what is infinite, as exp of a price of 3,000.
  double tolerance(const Form& form, size_t source, size_t symbol, int64_t row) const {
    const double y = own[symbol][size_t(row)], slope = form.slope(y, base(source, symbol)[size_t(row)]);
    const double out = 2 * (kPrecision * std::abs(taken_as(form, source, symbol, row)) + off(form, source, symbol, row));
    return std::isfinite(out) && out <= kHidden * std::abs(y * slope) ? out : kNaN;
  }
};

Compared compared_of(const Panel& panel, const std::string& column) {
  const int field = panel.field(column), close = panel.field("close");
  std::vector<size_t> order(panel.num_symbols());
  std::vector<size_t> present(panel.num_symbols(), 0);
  for (size_t s = 0; s < panel.num_symbols(); ++s) {
    order[s] = s;
    for (const double y : panel.series(field, s)) present[s] += std::isfinite(y);
  }
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return present[a] > present[b]; });
  Compared out;
  out.first_symbol = order.front();
  out.sources.resize(std::size(kSources));
  size_t rows = 0;
  for (const size_t s : order) {
    if (rows >= kComparedRows) break;
    const auto newest = [](std::vector<double> values) {
      if (values.size() > kComparedRows) values.erase(values.begin(), values.end() - ptrdiff_t(kComparedRows));
      return values;
    };
    const auto own = panel.series(field, s), closes = panel.series(close, s);
    rows += own.size();
    out.own.push_back(newest({own.begin(), own.end()})), out.close.push_back(newest({closes.begin(), closes.end()}));
    out.volume.push_back(newest(values_of(panel, kVolume, s)));
    for (size_t i = 0; i < std::size(kSources); ++i)
      if (kSources[i].field != column) out.sources[i].push_back(newest(values_of(panel, kSources[i], s)));
  }
  out.rounding = rounding_of(out.own);
  return out;
}

// ---- Windows -------------------------------------------------------------------------------------------------------------

struct Candidate {
  size_t source = 0, form = 0;
  Function function = mean;
  int64_t rows = 0, ahead = 0;
  double scale = 1;
  size_t pairs = 0, equal = 0, told = 0;  ///< told: rows that later ones change

  bool holds() const { return pairs >= kFewestTold && double(equal) >= 0.999 * double(pairs); }
};

/// Counts the rows on which the candidate equals the column; stops where too many do not.
void count(const Compared& all, Candidate& c) {
  size_t most = 0;
  for (const auto& own : all.own) most += own.size();
  // Far from row to row: what holds a while (a highest price so far) is then left after a few rows.
  size_t step = most * 5 / 8 + 1;
  while (std::gcd(step, most) != 1) ++step;
  for (size_t i = 0, at = 0; i < most; ++i, at = (at + step) % most) {
    size_t s = 0, in_symbol = at;
    while (in_symbol >= all.own[s].size()) in_symbol -= all.own[s++].size();
    const std::vector<double>& x = all.sources[c.source][s];
    const auto row = int64_t(in_symbol);
    const double own = all.taken_as(kForms[c.form], c.source, s, row), tolerance = all.tolerance(kForms[c.form], c.source, s, row);
    if (!std::isfinite(own) || !std::isfinite(tolerance)) continue;
    const double with = c.scale * value_of(x, c.function, row, c.rows, c.ahead);
    if (!std::isfinite(with)) continue;
    ++c.pairs;
    if (!(std::abs(own - with) <= tolerance)) {
      if (1'000 * (c.pairs - c.equal) > most) return;
      continue;
    }
    ++c.equal;
    const double without = c.ahead == 0 ? with : c.scale * value_of(x, c.function, row, c.rows - c.ahead, 0);
    c.told += !(std::abs(with - without) <= 2 * tolerance);
  }
}

struct Window {
  int64_t ahead, rows;
};

/// Windows of any length that end up to 20 rows later; of those that end later the centred ones and the next rows.
const std::vector<Window>& windows() {
  static const std::vector<Window> all = [] {
    std::vector<Window> out;
    for (int64_t ahead = 0; ahead <= kAnyAhead; ++ahead)
      for (int64_t rows = 1; rows <= kMostRows; ++rows) out.push_back({ahead, rows});
    for (int64_t ahead = kAnyAhead + 1; ahead <= kMostAhead; ++ahead)
      for (const int64_t rows : {ahead, ahead + 1, 2 * ahead, 2 * ahead + 1, 2 * ahead + 2})
        if (rows <= kMostRows) out.push_back({ahead, rows});
    return out;
  }();
  return all;
}

/// Of each function, for each of windows().
using WindowTable = std::array<std::vector<double>, kNumFunctions>;

/// What each of windows() gives at one row of a source; NaN where it does not lie in the series.
WindowTable values_at(std::span<const double> x, int64_t row) {
  WindowTable out;
  for (auto& of_function : out) of_function.assign(windows().size(), kNaN);
  for (size_t i = 0; i < windows().size();) {
    const int64_t ahead = windows()[i].ahead, last = row + ahead;
    const bool lies = last < int64_t(x.size());
    BackwardWindow window(lies ? x[size_t(last)] : kNaN, x[size_t(row)]);
    for (; i < windows().size() && windows()[i].ahead == ahead; ++i) {
      const int64_t rows = windows()[i].rows;
      if (!lies || !window.is_finite() || last - rows + 1 < 0) continue;
      for (auto at = int64_t(window.rows()); at < rows; ++at) window.add(x[size_t(last - at)]);
      if (!window.is_finite()) continue;
      const FunctionValues values = window.values();
      for (size_t f = 0; f < kNumFunctions; ++f) out[f][i] = values[f];
    }
  }
  return out;
}

/// What a function of a source can stand in a column as: prices and volumes in every form, the rest as it is, deviations also over the price.
bool is_tried(const Source& source, Function function, size_t form) {
  if (form == 0) return true;
  if (source.of != Source::Of::value) return false;
  return function <= lowest || (function == deviation && form == 1);
}

constexpr size_t kProbes = 3;
using Probes = std::array<int64_t, kProbes>;

/// What windows of a source give at three rows of a symbol, the last ones that were asked for.
struct ProbeTables {
  size_t symbol = 0;
  Probes rows{-1, -1, -1};
  std::array<WindowTable, kProbes> values;

  void make(std::span<const double> x, size_t of_symbol, const Probes& at) {
    if (symbol == of_symbol && rows == at) return;
    symbol = of_symbol, rows = at;
    for (size_t p = 0; p < kProbes; ++p) values[p] = values_at(x, rows[p]);
  }
};

/// Three rows of the first symbol where the column has a value: the same for all columns that have one there. Empty: too few values.
std::optional<Probes> probes_of(const std::vector<double>& own) {
  std::vector<int64_t> present;
  for (size_t row = 0; row < own.size(); ++row)
    if (std::isfinite(own[row]) && own[row] != 0) present.push_back(int64_t(row));
  if (present.size() < kFewestTold) return std::nullopt;
  Probes same, out;
  for (size_t p = 0; p < kProbes; ++p) same[p] = int64_t(own.size() * (3 + p) / 8), out[p] = present[present.size() * (3 + p) / 8];
  const auto is_present = [&](int64_t row) { return std::binary_search(present.begin(), present.end(), row); };
  return std::all_of(same.begin(), same.end(), is_present) ? same : out;
}

/// Windows of a source that give the column at three rows of the first symbol.
std::vector<Candidate> candidates_of(const Compared& all, size_t source, ProbeTables& kept) {
  std::vector<Candidate> out;
  if (all.sources[source].empty() || all.sources[source].front().empty()) return out;
  const std::optional<Probes> rows = probes_of(all.own[0]);
  if (!rows) return out;
  kept.make(all.sources[source].front(), all.first_symbol, *rows);
  const auto& tables = kept.values;
  for (size_t form = 0; form < std::size(kForms); ++form) {
    double own[kProbes], tolerance[kProbes];
    for (size_t p = 0; p < kProbes; ++p)
      own[p] = all.taken_as(kForms[form], source, 0, (*rows)[p]), tolerance[p] = all.tolerance(kForms[form], source, 0, (*rows)[p]);
    for (size_t f = 0; f < kNumFunctions; ++f) {
      if (!is_tried(kSources[source], Function(f), form)) continue;
      for (size_t w = 0; w < windows().size(); ++w) {
        const double first = tables[0][f][w];
        const bool is_scaled = kFunctions[f].any_scale && form == 0 && first != 0 && std::abs(own[0] - first) > tolerance[0];
        // Nearly all windows end here, without a division.
        if (!(is_scaled ? std::abs(own[1] * first - own[0] * tables[1][f][w]) <= 1.001 * tolerance[1] * std::abs(first)
                        : std::abs(own[0] - first) <= tolerance[0]))
          continue;
        const double scale = is_scaled ? own[0] / first : 1;
        bool equal = true;
        for (size_t p = 0; p < kProbes && equal; ++p) equal = std::abs(own[p] - scale * tables[p][f][w]) <= tolerance[p];
        if (equal) out.push_back({source, form, Function(f), windows()[w].rows, windows()[w].ahead, scale});
      }
    }
  }
  return out;
}

std::string rows_text(int64_t rows) { return fmt::format("{} row{}", rows, rows == 1 ? "" : "s"); }

std::string subject_text(const std::string& column, const Form& form, const Source& source) {
  return fmt::format(fmt::runtime(form.said), column, std::string_view(source.field) == "volume" ? "volume" : "close");
}

std::string window_text(const std::string& column, const Candidate& c) {
  const int64_t before = c.rows - 1 - c.ahead;
  const std::string from = before > 0 ? rows_text(before) + " before" : before == 0 ? "today" : rows_text(-before) + " after";
  return fmt::format("{} is {} of {} over the window from {} to {} after its row{}, on {} of {} rows",
                     subject_text(column, kForms[c.form], kSources[c.source]), kFunctions[c.function].said, kSources[c.source].said, from,
                     rows_text(c.ahead), c.scale == 1 ? "" : fmt::format(", times {:.6g}", c.scale), c.equal, c.pairs);
}

// ---- Weights -------------------------------------------------------------------------------------------------------------

/// Rows of a window on each side; the past is tried over three times as many, so that a long honest window finds nothing to borrow later.
constexpr int64_t kSides[] = {30, 25, 20, 15, 12, 10, 7, 5, 3};
constexpr int64_t kPastSides = 3;
constexpr double kNothingLeft = 1e-6, kRoundedLeft = 3e-3, kLeastOpen = 1e-8;
constexpr size_t kFittedRows = 1'500;

/// Rows that have all of a window of so many rows on a side.
int64_t rows_within(const Compared& all, int64_t side) {
  int64_t rows = 0;
  for (const auto& own : all.own) rows += std::max<int64_t>(0, int64_t(own.size()) - (kPastSides + 1) * side);
  return rows;
}

/// What past and later rows of a source leave of a column in each of its forms, by least squares with one set of weights for all rows.
struct WeightFit {
  size_t rows = 0;
  std::array<double, std::size(kForms)> whole{}, after_past{}, after_all{}, rounding{};
};

WeightFit weight_fit(const Compared& all, size_t source, int64_t side) {
  const auto num_past = size_t(2 + kPastSides * side), num_weights = num_past + size_t(side), columns = num_weights + std::size(kForms);
  constexpr auto kGramRows = size_t(kernels::kTileRows);
  std::vector<double> lower(columns * columns, 0), one(columns), tile(columns * kGramRows, 0);
  WeightFit out;
  const auto add_tile = [&] {
    kernels::gram_kernels().add_products(tile.data(), int64_t(columns), tile.data(), int64_t(columns), true, lower.data(), int64_t(columns));
    std::fill(tile.begin(), tile.end(), 0.0);
  };
  for (size_t s = 0; s < all.own.size(); ++s) {
    const std::vector<double>& x = all.sources[source][s];
    double level = 0, present = 0;
    for (const double value : x)
      if (std::isfinite(value)) level += std::abs(value), present += 1;
    const double scale = kSources[source].of == Source::Of::value && level > 0 ? present / level : 1;  // symbols differ in level
    for (int64_t row = kPastSides * side; row + side < int64_t(x.size()) && out.rows < kFittedRows; ++row) {
      const auto step = [&](int64_t at) { return scale * (x[size_t(at)] - x[size_t(at - 1)]); };
      size_t n = 0;
      one[n++] = 1, one[n++] = scale * x[size_t(row)];
      for (int64_t k = 0; k < kPastSides * side; ++k) one[n++] = step(row - k);
      for (int64_t k = 1; k <= side; ++k) one[n++] = step(row + k);
      for (const Form& form : kForms) one[n++] = scale * all.taken_as(form, source, s, row);
      if (!std::all_of(one.begin(), one.begin() + ptrdiff_t(num_weights + 1), [](double v) { return std::isfinite(v); })) continue;
      for (size_t j = 0; j < columns; ++j) tile[j * kGramRows + out.rows % kGramRows] = one[j];
      if (++out.rows % kGramRows == 0) add_tile();
      for (size_t f = 0; f < std::size(kForms); ++f) {
        const double off = scale * all.off(kForms[f], source, s, row);
        out.rounding[f] += off * off / 3;
      }
    }
  }
  add_tile();
  std::vector<double> products(columns * columns);
  for (size_t j = 0; j < columns; ++j)
    for (size_t k = j; k < columns; ++k) products[j * columns + k] = lower[k * columns + j];
  const auto left_of = [&](size_t f) { return products[(num_weights + f) * columns + num_weights + f]; };
  for (size_t j = 0; j < num_weights; ++j) {
    const double own = products[j * columns + j];
    if (own > 1e-12 * double(out.rows)) {
      for (size_t r = j + 1; r < columns; ++r) {
        const double factor = products[j * columns + r] / own;
        if (factor == 0) continue;
        const size_t end = r < num_weights ? columns : r + 1;
        for (size_t k = r; k < end; ++k) products[r * columns + k] -= factor * products[j * columns + k];
      }
    }
    for (size_t f = 0; f < std::size(kForms); ++f) {
      if (j == 0) out.whole[f] = left_of(f);
      if (j + 1 == num_past) out.after_past[f] = left_of(f);
      if (j + 1 == num_weights) out.after_all[f] = left_of(f);
    }
  }
  return out;
}

/// Whether later rows with weights explain all that the past leaves open.
std::optional<std::string> later_weights(const Compared& all, const std::string& column, exec::Pool& pool) {
  const auto* side =
      std::find_if(std::begin(kSides), std::end(kSides), [&](int64_t k) { return 2 * rows_within(all, k) >= 5 * ((kPastSides + 1) * k + 2) + 40; });
  if (side == std::end(kSides)) return std::nullopt;
  std::array<std::optional<std::string>, std::size(kSources)> found;
  pool.run(int64_t(found.size()), [&](int64_t i, int) {
    // Where bars open at the last close, tomorrow's open is known today.
    if (all.sources[size_t(i)].empty() || all.sources[size_t(i)].front().empty() || std::string_view(kSources[i].field) == "open") return;
    const WeightFit fit = weight_fit(all, size_t(i), *side);
    if (2 * int64_t(fit.rows) < 4 * ((kPastSides + 1) * *side + 2)) return;
    for (size_t f = 0; f < std::size(kForms) && !found[size_t(i)]; ++f) {
      const double past = fit.after_past[f], most = std::min(kRoundedLeft * past, kNothingLeft * past + 2 * fit.rounding[f]);
      if (past > kLeastOpen * fit.whole[f] && fit.after_all[f] <= most)
        found[size_t(i)] = fmt::format(
            "{} is a sum of {} of rows up to {} after its row, with the same weights in each of {} rows: past rows leave {:.3g} % of its variance "
            "open, those after it nothing",
            subject_text(column, kForms[f], kSources[i]), kSources[i].said, rows_text(*side), fit.rows, 100 * past / fit.whole[f]);
    }
  });
  const auto first = std::find_if(found.begin(), found.end(), [](const auto& text) { return text.has_value(); });
  return first == found.end() ? std::nullopt : *first;
}

/// Compares at the precision that `all` has.
WindowVerdict verdict_of(const Compared& all, const std::string& column, std::span<ProbeTables> kept, exec::Pool& pool) {
  // Where bars open at the last close, a window of opens that ends a row later is one of closes that ends today. So windows of the past go first.
  std::array<std::optional<Candidate>, std::size(kSources)> past, later;
  pool.run(int64_t(std::size(kSources)), [&](int64_t i, int) {
    for (Candidate& c : candidates_of(all, size_t(i), kept[size_t(i)])) {
      auto& best = c.ahead == 0 ? past[size_t(i)] : later[size_t(i)];
      if (best) continue;
      count(all, c);
      if (c.holds() && (c.ahead == 0 || c.told >= kFewestTold)) best = c;
    }
  });
  const auto has = [](const auto& found) { return found.has_value(); };
  if (std::any_of(past.begin(), past.end(), has)) return {.later = std::nullopt, .past = true};
  if (const auto found = std::find_if(later.begin(), later.end(), has); found != later.end()) return {.later = window_text(column, **found)};
  return {.later = later_weights(all, column, pool)};
}

}  // namespace

struct LaterWindows::Kept {
  std::array<ProbeTables, std::size(kSources)> tables;
};

LaterWindows::LaterWindows(const Panel& panel, exec::Pool& pool) : panel_(panel), pool_(pool), kept_(std::make_unique<Kept>()) {}
LaterWindows::~LaterWindows() = default;

WindowVerdict LaterWindows::verdict(const std::string& column) {
  if (panel_.field(column) < 0 || panel_.field("close") < 0 || panel_.num_symbols() == 0) return {};
  Compared all = compared_of(panel_, column);
  // Ranks of five rows look rounded to a tenth: at first all digits are taken to be there.
  const double rounding = std::exchange(all.rounding, 0);
  WindowVerdict out = verdict_of(all, column, kept_->tables, pool_);
  if (rounding == 0 || out.later || out.past) return out;
  all.rounding = rounding;
  return verdict_of(all, column, kept_->tables, pool_);
}

}  // namespace hayate::pipeline
