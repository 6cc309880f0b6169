#include "features/talib.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/strings.h"
#include "kernels/elementwise.h"

namespace hayate {
namespace {

using kernels::ta::Entry;

constexpr int kMaxScratch = 16, kMaxOutputs = 4;

/// Series that a call needs beside its inputs and outputs; packed ones of functions that leave rows out.
int64_t series_scratch(const TalibCall& call) {
  const Entry& function = *call.function;
  return function.scratch + (function.cumulative ? function.num_inputs() + function.num_outputs() : 0);
}

/// One call of a function over one symbol.
class Evaluation {
 public:
  Evaluation(const TalibCall& call, const double* const* inputs, int64_t rows, double* scratch, double* const* outputs)
      : call_(call),
        function_(*call.function),
        num_inputs_(function_.num_inputs()),
        num_outputs_(function_.num_outputs()),
        inputs_(inputs),
        outputs_(outputs),
        rows_(rows),
        space_(scratch) {}

  void run() {
    if (call_.exact)
      whole_series();
    else if (function_.cumulative && next_missing(0) < rows_)
      present_rows();
    else
      runs();
  }

 private:
  bool is_missing(int64_t row) const {
    for (int i = 0; i < num_inputs_; ++i)
      if (std::isnan(inputs_[i][row])) return true;
    return false;
  }

  /// The first row from `row` on with a missing input, or rows_. Looks at 256 rows at a time: most series have none.
  int64_t next_missing(int64_t row) const {
    for (; row < rows_; row += kBlock) {
      const int64_t end = std::min(rows_, row + kBlock);
      bool found = false;
      for (int i = 0; i < num_inputs_; ++i) found |= elementwise_.holds_missing({inputs_[i] + row, kernels::Cell::float64}, end - row);
      for (int64_t at = row; found && at < end; ++at)
        if (is_missing(at)) return at;
    }
    return rows_;
  }

  void forget(int64_t row, bool whole_is_zero) const {
    for (int o = 0; o < num_outputs_; ++o) outputs_[o][row] = whole_is_zero && function_.is_whole(o) ? 0 : kernels::kNaN;
  }

  /// Rows [begin, begin + rows) of `from` to the same rows of the outputs.
  void compute(const double* const* from, double* const* to, int64_t begin, int64_t rows) const {
    const double* inputs[kMaxTalibInputs] = {};
    double *outputs[kMaxOutputs] = {}, *scratch[kMaxScratch] = {};
    for (int i = 0; i < num_inputs_; ++i) inputs[i] = from[i] + begin;
    for (int o = 0; o < num_outputs_; ++o) outputs[o] = to[o] + begin;
    for (int s = 0; s < function_.scratch; ++s) scratch[s] = space_ + s * rows_;
    kernels::ta::compute(function_, {inputs, rows, call_.params.data(), outputs, scratch, call_.exact}, space_ + series_scratch(call_) * rows_);
  }

  void runs() const {
    for (int64_t row = 0; row < rows_;) {
      const int64_t end = next_missing(row);
      if (end > row) compute(inputs_, outputs_, row, end - row);
      if (row > 0) mend_whole_outputs(row, end);
      for (row = end; row < rows_ && is_missing(row); ++row) forget(row, false);
    }
  }

  /// Whole-number outputs of a run behind a missing row: a function writes 0 where its windows would begin before the run, and counts
  /// rows from there.
  void mend_whole_outputs(int64_t begin, int64_t end) const {
    const int64_t first = std::min(end, begin + call_.lookback());
    for (int o = 0; o < num_outputs_; ++o) {
      if (!function_.is_whole(o)) continue;
      std::fill(outputs_[o] + begin, outputs_[o] + first, kernels::kNaN);
      if (!function_.row_numbers) continue;
      for (int64_t row = first; row < end; ++row) outputs_[o][row] += double(begin);
    }
  }

  /// Packs the present rows into scratch, computes, and spreads the results.
  void present_rows() const {
    double *packed_inputs[kMaxTalibInputs] = {}, *packed_outputs[kMaxOutputs] = {};
    for (int i = 0; i < num_inputs_; ++i) packed_inputs[i] = space_ + (function_.scratch + i) * rows_;
    for (int o = 0; o < num_outputs_; ++o) packed_outputs[o] = space_ + (function_.scratch + num_inputs_ + o) * rows_;
    int64_t present = 0;
    for (int64_t row = 0; row < rows_; ++row) {
      if (is_missing(row)) continue;
      for (int i = 0; i < num_inputs_; ++i) packed_inputs[i][present] = inputs_[i][row];
      ++present;
    }
    if (present > 0) compute(packed_inputs, packed_outputs, 0, present);
    for (int64_t row = rows_ - 1; row >= 0; --row) {
      if (is_missing(row)) {
        forget(row, false);
        continue;
      }
      --present;
      for (int o = 0; o < num_outputs_; ++o) outputs_[o][row] = packed_outputs[o][present];
    }
  }

  void whole_series() const {
    int64_t first = 0;
    for (; first < rows_ && is_missing(first); ++first) forget(first, true);
    if (first == rows_) return;
    compute(inputs_, outputs_, first, rows_ - first);
    if (!function_.row_numbers) return;
    for (int o = 0; o < num_outputs_; ++o)
      for (int64_t row = first + call_.lookback(); row < rows_; ++row) outputs_[o][row] += double(first);
  }

  static constexpr int64_t kBlock = 256;

  const kernels::ElementwiseKernels& elementwise_ = kernels::elementwise_kernels();
  const TalibCall& call_;
  const Entry& function_;
  int num_inputs_, num_outputs_;
  const double* const* inputs_;
  double* const* outputs_;
  int64_t rows_;
  double* space_;
};

}  // namespace

bool TalibCall::is_windowed() const {
  if (exact || function->recursive || function->cumulative || function->row_numbers) return false;
  // Candle patterns keep running totals, as TA-Lib does.
  if (std::string_view(function->name).starts_with("CDL")) return false;
  const auto longest = double(tiles() != kernels::LaneFunction::none ? kernels::ta::kLongestFromRows : kernels::ta::kLongestComposed);
  for (int i = 0; i < function->num_params(); ++i) {
    const kernels::ta::Param& param = function->params[i];
    if (!param.whole) continue;
    if (!std::string_view(param.name).ends_with("matype") && params[size_t(i)] > longest) return false;
  }
  return !fades();
}

bool TalibCall::fades() const {
  if (function->recursive) return true;
  for (int i = 0; i < function->num_params(); ++i) {
    constexpr double kWindowed[] = {0, 2, 5, 9, 10, 11};  // plain, weighted and triangular means, Hull's, none, and the function's own
    if (std::string_view(function->params[i].name).ends_with("matype") &&
        std::find(std::begin(kWindowed), std::end(kWindowed), params[size_t(i)]) == std::end(kWindowed))
      return true;
  }
  return false;
}

kernels::LaneFunction TalibCall::tiles() const {
  using kernels::LaneFunction;
  constexpr double kPlain = 0, kDefault = 11;  // see Average in kernels/ta_average.h
  if (exact) return LaneFunction::none;
  bool is_plain = true;
  for (int i = 0; i < function->num_params(); ++i) {
    const kernels::ta::Param& param = function->params[i];
    const double value = params[size_t(i)];
    if (std::string_view(param.name).ends_with("matype")) {
      is_plain &= value == kPlain || value == kDefault;
    } else if (param.whole && value > double(kernels::ta::kLongestComposed)) {
      return LaneFunction::none;
    }
  }
  return function->tiles == LaneFunction::bbands && !is_plain ? LaneFunction::bbands_any : function->tiles;
}

kernels::LaneFunction TalibCall::lanes() const {
  const kernels::LaneFunction by_steps = function->lanes_for(params.data());
  return by_steps == kernels::LaneFunction::none && !is_windowed() ? tiles() : by_steps;
}

const Entry* find_talib(std::string_view name) {
  if (name.starts_with("ta.")) name.remove_prefix(3);
  for (const auto& group : kernels::ta::function_groups())
    for (const Entry& entry : group)
      if (name == entry.name) return &entry;
  return nullptr;
}

std::vector<std::string> talib_names() {
  std::vector<std::string> names;
  for (const auto& group : kernels::ta::function_groups())
    for (const Entry& entry : group) names.push_back(fmt::format("ta.{}", entry.name));
  return names;
}

std::string talib_signature(const Entry& function) {
  std::vector<std::string> arguments(function.inputs, function.inputs + function.num_inputs());
  for (int i = 0; i < function.num_params(); ++i)
    arguments.push_back(fmt::format("{}={}", function.params[i].name, format_shortest(function.params[i].initial)));
  return fmt::format("ta.{}({})", function.name, fmt::join(arguments, ", "));
}

std::string talib_output_hint(const Entry& function) {
  const int count = function.num_outputs();
  std::string out = "choose one: ";
  for (int o = 0; o < count; ++o) out += fmt::format("{}.{}", o == 0 ? "" : o + 1 < count ? ", " : " or ", function.outputs[o]);
  return out;
}

int64_t talib_scratch(const TalibCall& call, int64_t rows) {
  const Entry& function = *call.function;
  return series_scratch(call) * rows + kernels::ta::lane_room(function, call.params.data());
}

void evaluate_talib(const TalibCall& call, const double* const* inputs, int64_t rows, double* scratch, double* const* outputs) {
  Evaluation(call, inputs, rows, scratch, outputs).run();
}

}  // namespace hayate
