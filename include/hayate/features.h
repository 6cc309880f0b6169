// Features: named sets of expressions, the table of operators, and Program, which compiles expressions into one graph with
// shared sub-expressions and evaluates it for one symbol at a time.
//
//   HY_TRY(const FeatureSet* set, feature_set("alpha158"));
//   HY_TRY(Program program, Program::compile(expressions_of(*set), panel.fields, {}));
//   add_vwap(panel, program.columns());
//   HY_CHECK(compute_stages(program, panel, pool, memory));  // cross-sections, triple barriers
//   Workspace workspace;                                     // one per worker
//   for (size_t s = 0; s < panel.num_symbols(); ++s)
//     evaluate(program, bars_of(program, panel, s), workspace, out + panel.offsets[s], panel.num_rows());
//
// or, faster where functions are recursive, evaluate_block() over symbol_blocks().
//
// Semantics are qlib's, quirks included: rolling operators are pandas rolling(N, min_periods=1); inputs are float32;
// element-wise operators stay float32 on float32 data, rolling ones compute in float64 and give float64. A value depends only
// on the rows inside its window, to the byte: not on where the series starts, what follows, which other expressions are
// computed, the instruction set, or the worker.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "hayate/error.h"
#include "hayate/expression.h"
#include "hayate/panel.h"
#include "hayate/table.h"

namespace hayate {

namespace exec {
class Cancellation;
class Pool;
}  // namespace exec

/// A named list of features. `expressions_of` builds the list; every entry is an expression, none is code.
struct FeatureSet {
  std::string_view name;         ///< "alpha158"
  std::string_view title;        ///< one line
  std::string_view description;  ///< source, families, fields read
  int num_features = 0;
};

std::span<const FeatureSet> feature_sets();
/// The set called `name`, or a usage error with the nearest name.
Result<const FeatureSet*> feature_set(std::string_view name, std::string where = "--set");
std::vector<NamedExpression> expressions_of(const FeatureSet& set);

/// One operator of the language, as `hayate operators NAME` shows it.
struct Operator {
  std::string_view name;       ///< "Mean"
  std::string_view signature;  ///< "Mean(feature, N)"
  std::string_view infix;      ///< "+" where the operator can also be written between its operands, else ""
  std::string_view summary;    ///< one line
  std::string_view formula;
  std::string_view window;   ///< what N means, partial windows, N = 0 and 0 < N < 1
  std::string_view missing;  ///< what NaN and inf do
  std::string_view quirk;    ///< where qlib surprises, or ""
  std::string_view cost;     ///< ns a cell of the operator alone, measured: float32, 2,500 rows, N = 20, one core, AVX-512
  std::string_view example;
};

std::span<const Operator> operators();
/// The operator called `name` (case matters), or nullptr.
const Operator* find_operator(std::string_view name);

struct CompileOptions {
  Dtype dtype = Dtype::float32;   ///< float32: qlib's arithmetic. float64: everything in double
  bool allow_look_ahead = false;  ///< labels look ahead; a feature that does is refused
  bool compat_talib = false;      ///< ta functions see NaN and all, as TA-Lib does; else a NaN touches its own windows
};

/// Expressions compiled together. Immutable; safe to share between threads.
class Program {
 public:
  /// Checks names, types and windows of every expression and builds the graph. `fields` are the columns that exist; `vwap`
  /// also counts as one when high, low and close do (see add_vwap). Errors (kind usage) name the expression and the place:
  /// unknown operator or field with the nearest name, wrong arguments, a window out of range, a negative Ref or Delta while
  /// look-ahead is not allowed ("... looks ahead ...").
  static Result<Program> compile(std::span<const NamedExpression> expressions, const std::vector<std::string>& fields,
                                 const CompileOptions& options = {});

  size_t num_outputs() const;
  const std::vector<std::string>& names() const;   ///< of the outputs, in the order given
  const std::vector<std::string>& fields() const;  ///< that evaluate() reads, without the $; the order of Bars::series
  /// The columns that the expressions name: those of fields() that compute_stages does not make, and what it makes them from.
  const std::vector<std::string>& columns() const;
  Dtype dtype() const;

  /// Leading rows of output `i` without a value when no input is missing: 5 for Ref($close,5), 1 for Std($close,20).
  int64_t lookback(size_t i) const;
  /// How many earlier rows a value may depend on, over all outputs: 4 for Mean($close,5). Nothing: all of them (N = 0, EMA).
  std::optional<int64_t> reach() const;
  std::optional<int64_t> reach(size_t i) const;
  /// Whether output `i` reaches back over all rows only through functions that go from row to row with a small state (EMA, ta.RSI): then a
  /// stream keeps that and not the rows.
  bool goes_on_from_state(size_t i) const;
  /// Rows after which it hardly matters to output `i` where a series begins: reach(i) where there is one; until the weight of the start
  /// has faded for EMA and what is recursive. Nothing: it always matters (N = 0, ta.OBV).
  std::optional<int64_t> settled(size_t i) const;
  /// How many later rows a value depends on: 2 for a label Ref($close,-2)/Ref($close,-1)-1; 0 for features.
  int64_t look_ahead() const;
  int64_t look_ahead(size_t i) const;

  /// Whether compute_stages has anything to do.
  bool has_stages() const { return !stages_->empty(); }
  /// Whether a value depends on the other symbols of the panel.
  bool has_cross_sections() const;

  struct Plan;
  const Plan& plan() const { return *plan_; }
  struct Stage;
  std::span<const Stage> stages() const;
  static Program of_stage(const Stage& stage);  ///< computes the inputs of its series

 private:
  std::shared_ptr<const Plan> plan_;
  std::shared_ptr<const std::vector<Stage>> stages_;
  std::shared_ptr<const std::vector<std::string>> columns_;
};

/// The series of one symbol: one span per Program::fields(), all of `rows` values, NaN where missing. Not owned.
struct Bars {
  size_t rows = 0;
  std::vector<std::variant<std::span<const double>, std::span<const float>>> series;
};

/// Computes what the program's expressions need of the panel as a whole, and adds it as fields of the panel: cross-sections (CSRank,
/// CSZScore, CSDemean, CSNeutralize, at any depth of an expression), values of another symbol (Mask) and triple barriers. The
/// panel must have columns(), on the rows that it is to be evaluated on. Does nothing when there are none, or when another program has
/// added the same. The result does not depend on the workers. Errors: it needs more than `room_bytes` (budget), a symbol that the
/// panel lacks (usage).
Result<void> compute_stages(const Program& program, Panel& panel, exec::Pool& pool, int64_t room_bytes);

/// Symbol `symbol` of `panel`, which must have every field of the program.
Bars bars_of(const Program& program, const Panel& panel, size_t symbol);

/// Buffers that evaluate() reuses from symbol to symbol. One per worker; grows to the largest symbol seen.
class Workspace {
 public:
  Workspace();
  ~Workspace();
  Workspace(Workspace&&) noexcept;
  Workspace& operator=(Workspace&&) noexcept;

  /// From now on evaluate() counts where its time goes (see operator_costs); about 3 % slower.
  void measure();
  /// From now on evaluate() returns early, its outputs only begun, once `cancel` says stop; null: never.
  void stop_with(const exec::Cancellation* cancel);

  struct State;
  State& state() { return *state_; }
  const State& state() const { return *state_; }

 private:
  std::unique_ptr<State> state_;
};

/// Computes every output for one symbol. Value of output i at row t goes to out[i * stride + t] (column-major; stride >= rows).
/// A float32 program gives the same values through either overload.
void evaluate(const Program& program, const Bars& bars, Workspace& workspace, float* out, size_t stride);
void evaluate(const Program& program, const Bars& bars, Workspace& workspace, double* out, size_t stride);

/// The same for several symbols; output i of symbol s at row t goes to out[s][i * stride + t]. Values are those of evaluate() to the byte.
/// Recursive functions (ta.EMA, ta.RSI, EMA, ...) take up to 16 symbols side by side in the time of one; symbols of one length suit best.
void evaluate_block(const Program& program, std::span<const Bars> symbols, Workspace& workspace, std::span<float* const> out, size_t stride);
void evaluate_block(const Program& program, std::span<const Bars> symbols, Workspace& workspace, std::span<double* const> out, size_t stride);
/// Symbols to hand to evaluate_block together, as numbers into offsets: symbol s has offsets[s + 1] - offsets[s] rows. Longest first, of
/// like length, few enough that all workers have something to do; one by one when the program gains nothing by blocks.
std::vector<std::vector<size_t>> symbol_blocks(const Program& program, std::span<const int64_t> offsets, size_t workers);

/// Where the time of evaluate() went.
struct OperatorCost {
  std::string name;    ///< "Rank", or "Mean Std Slope": operators that one pass computes together
  int64_t cells = 0;   ///< values computed, all columns and intermediate series of the pass
  double seconds = 0;  ///< of all workers
};
/// What workspaces under measure() spent on `program`, largest first. A workspace counts for one program only.
std::vector<OperatorCost> operator_costs(const Program& program, std::span<const Workspace* const> workspaces);

/// Adds vwap = (high + low + close) / 3 when `wanted` names it and the panel lacks it. True when it was added.
bool add_vwap(Panel& panel, std::span<const std::string> wanted);

/// The panel with a row for every time of any symbol between a symbol's first and last bar; new rows are NaN in every field.
Panel on_union_calendar(const Panel& panel);

/// Scales open, high, low and close (and vwap) by adj_close / close, volume by the inverse, in double. An error without adj_close or close.
Result<void> adjust_prices(Panel& panel);

}  // namespace hayate
