// Runs a plan for one symbol. Long series are done in tiles of rows, each with the rows before and after it that its values
// depend on: a value is the same to the byte wherever its tile begins.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "features/plan.h"
#include "kernels/elementwise.h"
#include "kernels/rank.h"
#include "kernels/recursive.h"

namespace hayate {

using kernels::Cell;
using kernels::Series;
using kernels::Sink;
using kernels::StreamedColumn;

/// 64-byte aligned memory that only grows.
class AlignedBytes {
 public:
  char* grow(size_t bytes) {
    if (bytes + 64 > bytes_.size()) bytes_.resize(bytes + 64);
    return bytes_.data() + (64 - reinterpret_cast<uintptr_t>(bytes_.data()) % 64) % 64;
  }

 private:
  std::vector<char> bytes_;
};

struct Workspace::State {
  AlignedBytes slots, scratch, row, patched, deviation, block;
  std::vector<StreamedColumn> columns;
};

Workspace::Workspace() : state_(std::make_unique<State>()) {}
Workspace::~Workspace() = default;
Workspace::Workspace(Workspace&&) noexcept = default;
Workspace& Workspace::operator=(Workspace&&) noexcept = default;

namespace {

constexpr size_t kTileRows = 16 * 1024;
const double kNaN = -std::numeric_limits<double>::quiet_NaN();  // the one NaN, see kernels/vectors.h

size_t width_of(Cell cell) { return cell == Cell::boolean ? 1 : cell == Cell::float32 ? 4 : 8; }

kernels::Binary binary_of(Op op) {
  switch (op) {
    case Op::add:
      return kernels::Binary::add;
    case Op::subtract:
      return kernels::Binary::subtract;
    case Op::multiply:
      return kernels::Binary::multiply;
    case Op::reciprocal:
    case Op::divide:
      return kernels::Binary::divide;
    case Op::power:
      return kernels::Binary::power;
    case Op::maximum:
      return kernels::Binary::maximum;
    case Op::minimum:
      return kernels::Binary::minimum;
    case Op::greater:
      return kernels::Binary::greater;
    case Op::greater_equal:
      return kernels::Binary::greater_equal;
    case Op::less:
      return kernels::Binary::less;
    case Op::less_equal:
      return kernels::Binary::less_equal;
    case Op::equal:
      return kernels::Binary::equal;
    case Op::not_equal:
      return kernels::Binary::not_equal;
    case Op::bit_and:
      return kernels::Binary::bit_and;
    default:
      return kernels::Binary::bit_or;
  }
}

kernels::Statistic statistic_of(const Graph& graph, const GraphNode& node) {
  switch (node.op) {
    case Op::sum:
      return kernels::Statistic::sum;
    case Op::mean:
      return graph.node(node.in[0]).type == ValueType::boolean ? kernels::Statistic::share : kernels::Statistic::mean;
    case Op::variance:
      return kernels::Statistic::variance;
    case Op::deviation:
      return kernels::Statistic::deviation;
    case Op::slope:
      return kernels::Statistic::slope;
    case Op::rsquare:
      return node.n == 0 ? kernels::Statistic::rsquare_any : kernels::Statistic::rsquare;
    case Op::residual:
      return kernels::Statistic::residual;
    case Op::weighted_mean:
      return kernels::Statistic::weighted_mean;
    case Op::skewness:
      return kernels::Statistic::skewness;
    default:
      return kernels::Statistic::kurtosis;
  }
}

bool is_line(Op op) { return op == Op::slope || op == Op::rsquare || op == Op::residual; }

/// Rows [first, last) of a series are computed from its rows [begin, end).
struct Tile {
  size_t first, last, begin, end;
};

/// One run of a plan over one tile. Results go to the columns of `space`, or, in a float64 program, to `out`.
class Run {
 public:
  Run(const Program::Plan& plan, const Bars& bars, const Tile& tile, double* out, size_t stride, Workspace::State& space)
      : plan_(plan),
        bars_(bars),
        tile_(tile),
        out_(out),
        stride_(stride),
        rows_(tile.end - tile.begin),
        space_(space),
        elementwise_(kernels::elementwise_kernels()) {
    const size_t rows = rows_;
    before_ = (size_t(plan.pad_before) + 15) / 16 * 16;
    // An odd number of lines, so that the same row of two slots does not fall on the same set of the cache.
    const size_t padded = (before_ + rows + size_t(plan.pad_after) + 31) / 16 * 16 | 16;
    narrow_bytes_ = padded * 4, wide_bytes_ = padded * 8;
    slots_ = space.slots.grow(size_t(plan.num_narrow) * narrow_bytes_ + size_t(plan.num_slots - plan.num_narrow) * wide_bytes_ + 64);
  }

  void run() {
    for (const Step& step : plan_.steps) {
      switch (step.kind) {
        case Step::Kind::node:
          compute(step.node);
          pad(step.node);
          break;
        case Step::Kind::narrow:
          narrow(step.node, step.column);
          break;
        case Step::Kind::column:
          store_column(step.node, step.column);
          break;
        case Step::Kind::family:
          compute(plan_.families[size_t(step.family)]);
          for (const FamilyOutput& output : plan_.families[size_t(step.family)].outputs)
            if (output.column < 0) pad(output.node);
          break;
      }
    }
  }

 private:
  /// The values of a node: row 0 first.
  Series series(int32_t node) const { return {at(node), plan_.places[size_t(node)].cell}; }

  const GraphNode& node(int32_t i) const { return plan_.graph.node(i); }

  char* at(int32_t i) const {
    const Place& place = plan_.places[size_t(i)];
    const size_t slot = size_t(place.slot), narrow = size_t(plan_.num_narrow);
    char* base = slots_ + (slot < narrow ? slot * narrow_bytes_ : narrow * narrow_bytes_ + (slot - narrow) * wide_bytes_);
    return base + (int64_t(before_) - place.shift) * int64_t(width_of(place.cell));
  }

  void store_column(int32_t i, int32_t column) const {
    if (!out_) return elementwise_.append(space_.columns[size_t(column)], series(i), 0, int64_t(rows_));
    const size_t skipped = tile_.first - tile_.begin;
    const char* from = at(i) + skipped * width_of(series(i).cell);
    elementwise_.convert(series(i).cell, Cell::float64)(from, out_ + size_t(column) * stride_ + tile_.first, int64_t(tile_.last - tile_.first));
  }

  /// Fills the rows around a series that others read with NaN.
  void pad(int32_t i) const {
    const int64_t before = plan_.slot_before[size_t(i)], after = plan_.slot_after[size_t(i)], rows = int64_t(rows_);
    if (before == 0 && after == 0) return;
    if (plan_.places[size_t(i)].cell == Cell::float32) {
      float* values = reinterpret_cast<float*>(at(i));
      std::fill(values - before, values, float(kNaN));
      std::fill(values + rows, values + rows + after, float(kNaN));
    } else {
      double* values = reinterpret_cast<double*>(at(i));
      std::fill(values - before, values, kNaN);
      std::fill(values + rows, values + rows + after, kNaN);
    }
  }

  // ---- Element-wise ------------------------------------------------------------------------------------------------

  bool is_number(int32_t i) const { return node(i).op == Op::constant; }
  kernels::Operand operand(int32_t i) const { return is_number(i) ? kernels::Operand{nullptr, node(i).p} : kernels::Operand{at(i), 0}; }
  kernels::Shape shape(int32_t i) const {
    if (is_number(i)) return kernels::Shape::number;
    return plan_.places[size_t(i)].cell == Cell::float32 ? kernels::Shape::float32 : kernels::Shape::float64;
  }

  /// The cell that an element-wise node computes in: that of its operands, or float64 when it says so.
  Cell arithmetic_cell(const GraphNode& n) const {
    const int32_t operand_type = n.type == ValueType::boolean ? int32_t(node(n.in[0]).type) : int32_t(n.type);
    return ValueType(operand_type) == ValueType::float32 ? Cell::float32 : Cell::float64;
  }

  void compute_binary(int32_t i, Cell out_cell, void* out) const {
    const GraphNode& n = node(i);
    const Cell cell = arithmetic_cell(n);
    if (n.op == Op::reciprocal) {
      const kernels::Operand one{nullptr, 1};
      elementwise_.binary(kernels::Binary::divide, cell, kernels::Shape::number, shape(n.in[0]), out_cell)(one, operand(n.in[0]), out,
                                                                                                           int64_t(rows_));
    } else {
      elementwise_.binary(binary_of(n.op), cell, shape(n.in[0]), shape(n.in[1]), out_cell)(operand(n.in[0]), operand(n.in[1]), out, int64_t(rows_));
    }
  }

  void compute(int32_t i) const {
    const GraphNode& n = node(i);
    const Cell cell = plan_.places[size_t(i)].cell;
    const int64_t rows = int64_t(rows_);
    char* out = at(i);
    uint8_t* flags = reinterpret_cast<uint8_t*>(out);
    const auto booleans = [&](int operand) { return reinterpret_cast<const uint8_t*>(at(n.in[operand])); };
    switch (n.op) {
      case Op::field:
        return std::visit(
            [&](const auto& span) {
              const auto* from = span.data() + tile_.begin;
              elementwise_.read({from, sizeof(*from) == 4 ? Cell::float32 : Cell::float64}, cell, out, rows);
            },
            bars_.series[size_t(n.n)]);
      case Op::cast:
        return elementwise_.convert(plan_.places[size_t(n.in[0])].cell, cell)(at(n.in[0]), out, rows);
      case Op::shift:
        return copy_shifted(i);
      case Op::first:
        return elementwise_.repeat_first(cell, at(n.in[0]), out, rows);
      case Op::absolute:
        return elementwise_.unary(kernels::Unary::absolute, cell)(at(n.in[0]), out, rows);
      case Op::sign:
        return elementwise_.unary(kernels::Unary::sign, cell)(at(n.in[0]), out, rows);
      case Op::logarithm:
        return elementwise_.unary(kernels::Unary::logarithm, cell)(at(n.in[0]), out, rows);
      case Op::complement:
        return elementwise_.unary(kernels::Unary::complement, cell)(at(n.in[0]), out, rows);
      case Op::invert:
        return elementwise_.invert(booleans(0), flags, rows);
      case Op::is_present:
        return elementwise_.present(series(n.in[0]), flags, rows);
      case Op::choose:
        return elementwise_.choose(booleans(0), cell, operand(n.in[1]), operand(n.in[2]), out, rows);
      case Op::bit_and:
        if (n.type == ValueType::boolean) return elementwise_.both(booleans(0), booleans(1), flags, rows);
        return compute_binary(i, cell, out);
      case Op::bit_or:
        if (n.type == ValueType::boolean) return elementwise_.either(booleans(0), booleans(1), flags, rows);
        return compute_binary(i, cell, out);
      default:
        return compute_binary(i, cell, out);
    }
  }

  void copy_shifted(int32_t i) const {
    const int64_t n = node(i).n, rows = int64_t(rows_), width = int64_t(width_of(plan_.places[size_t(i)].cell));
    const int64_t first = std::clamp<int64_t>(n, 0, rows), last = std::clamp<int64_t>(rows + n, 0, rows);
    const auto forget = [&](int64_t from, int64_t to) {
      if (width == 4) std::fill(reinterpret_cast<float*>(at(i)) + from, reinterpret_cast<float*>(at(i)) + to, float(kNaN));
      if (width == 8) std::fill(reinterpret_cast<double*>(at(i)) + from, reinterpret_cast<double*>(at(i)) + to, kNaN);
    };
    forget(0, first);
    if (first < last) std::memcpy(at(i) + first * width, at(node(i).in[0]) + (first - n) * width, size_t((last - first) * width));
    forget(std::max(first, last), rows);
  }

  /// Float64 arithmetic straight to float32: the rounding of the column, one pass earlier.
  void narrow(int32_t i, int32_t column) const {
    float* row = reinterpret_cast<float*>(space_.row.grow(rows_ * 4));
    compute_binary(i, Cell::float32, row);
    elementwise_.append(space_.columns[size_t(column)], {row, Cell::float32}, 0, int64_t(rows_));
  }

  // ---- Families ----------------------------------------------------------------------------------------------------

  double* scratch(int64_t doubles) const { return reinterpret_cast<double*>(space_.scratch.grow(size_t(doubles) * 8)); }

  Sink sink_of(const FamilyOutput& output) const {
    if (output.column >= 0)
      return {.column = &space_.columns[size_t(output.column)],
              .scale = output.scale < 0 ? nullptr : reinterpret_cast<const double*>(at(output.scale))};
    if (plan_.places[size_t(output.node)].cell == Cell::float32) return {.floats = reinterpret_cast<float*>(at(output.node))};
    return {.doubles = reinterpret_cast<double*>(at(output.node))};
  }

  void compute(const Family& family) const {
    switch (family.kind) {
      case FamilyKind::sums:
      case FamilyKind::moments:
      case FamilyKind::shapes:
        return compute_moments(family);
      case FamilyKind::comoments:
        return compute_comoments(family);
      case FamilyKind::largest:
      case FamilyKind::smallest:
        return compute_extremes(family);
      case FamilyKind::quantiles:
        return compute_quantiles(family);
      case FamilyKind::ranks:
        return compute_ranks(family);
      case FamilyKind::recursive:
        return compute_recursive(family);
      case FamilyKind::talib:
        return compute_talib(family);
    }
  }

  /// Results that are looked at again before they go where they belong.
  double* patched(size_t index, size_t count) const { return reinterpret_cast<double*>(space_.patched.grow(count * rows_ * 8)) + index * rows_; }
  void deliver(const FamilyOutput& output, const double* values) const {
    const Sink sink = sink_of(output);
    if (sink.doubles) {
      std::copy_n(values, rows_, sink.doubles);
    } else {
      float* row = reinterpret_cast<float*>(space_.row.grow(rows_ * 4));
      for (size_t t = 0; t < rows_; ++t) row[t] = float(sink.scale ? values[t] * sink.scale[t] : values[t]);
      elementwise_.append(*sink.column, {row, Cell::float32}, 0, int64_t(rows_));
    }
  }

  void compute_moments(const Family& family) const {
    kernels::MomentsTask task{.series = series(family.left), .rows = int64_t(rows_), .plain = family.kind == FamilyKind::sums};
    const bool patches = family.kind == FamilyKind::moments && elementwise_.holds_infinity(task.series, task.rows);
    std::vector<kernels::MomentsOutput> outputs;
    for (size_t o = 0; o < family.outputs.size(); ++o) {
      const FamilyOutput& output = family.outputs[o];
      const GraphNode& n = node(output.node);
      task.squares |= n.op != Op::mean && n.op != Op::sum;
      task.ages |= is_line(n.op) || n.op == Op::weighted_mean;
      task.cubes |= n.op == Op::skewness || n.op == Op::kurtosis;
      const Sink sink = patches && is_line(n.op) ? Sink{.doubles = patched(o, family.outputs.size())} : sink_of(output);
      outputs.push_back({statistic_of(plan_.graph, n), output.link, sink});
    }
    task.links = family.sums.data(), task.num_links = int32_t(family.sums.size());
    task.outputs = outputs.data(), task.num_outputs = int32_t(outputs.size());
    for (const auto& link : family.sums) task.longest = std::max(task.longest, link.window);
    const auto& moments = kernels::moments_kernels();
    moments.compute(task, scratch(moments.scratch(task)));
    for (size_t o = 0; patches && o < family.outputs.size(); ++o) {
      if (!is_line(node(family.outputs[o].node).op)) continue;
      double* values = patched(o, family.outputs.size());
      forget_windows_with_infinity(task.series, node(family.outputs[o].node).n, values);
      deliver(family.outputs[o], values);
    }
  }

  /// A line through an infinite value has neither slope nor residual.
  void forget_windows_with_infinity(const Series& x, int64_t window, double* values) const {
    for (size_t t = 0; t < rows_; ++t) {
      const double value = x.cell == Cell::float32 ? double(static_cast<const float*>(x.rows)[t]) : static_cast<const double*>(x.rows)[t];
      if (!std::isinf(value)) continue;
      const size_t end = window == 0 ? rows_ : std::min(rows_, t + size_t(window));
      std::fill(values + t, values + end, kNaN);
    }
  }

  void compute_comoments(const Family& family) const {
    kernels::ComomentsTask task{.left = series(family.left), .right = series(family.right), .rows = int64_t(rows_)};
    // qlib looks at the deviation of each side by itself, which is that of the pairs when both have the same rows.
    task.guarded = elementwise_.same_rows(task.left, task.right, task.rows);
    std::vector<kernels::ComomentsOutput> outputs;
    for (size_t o = 0; o < family.outputs.size(); ++o) {
      const FamilyOutput& output = family.outputs[o];
      const bool correlation = node(output.node).op == Op::correlation;
      task.squares |= correlation;
      outputs.push_back(
          {correlation, output.link, correlation && !task.guarded ? Sink{.doubles = patched(o, family.outputs.size())} : sink_of(output)});
    }
    task.links = family.sums.data(), task.num_links = int32_t(family.sums.size());
    task.outputs = outputs.data(), task.num_outputs = int32_t(outputs.size());
    for (const auto& link : family.sums) task.longest = std::max(task.longest, link.window);
    const auto& comoments = kernels::comoments_kernels();
    comoments.compute(task, scratch(comoments.scratch(task)));
    for (size_t o = 0; !task.guarded && o < family.outputs.size(); ++o) {
      if (!outputs[o].correlation) continue;
      double* values = patched(o, family.outputs.size());
      for (const Series& side : {task.left, task.right}) forget_constant_windows(side, family.outputs[o].link, family, values);
      deliver(family.outputs[o], values);
    }
  }

  void forget_constant_windows(const Series& side, int32_t link, const Family& family, double* values) const {
    double* deviation = reinterpret_cast<double*>(space_.deviation.grow(rows_ * 8));
    const kernels::MomentsOutput output{kernels::Statistic::deviation, link, {.doubles = deviation}};
    kernels::MomentsTask task{.series = side,
                              .rows = int64_t(rows_),
                              .squares = true,
                              .links = family.sums.data(),
                              .num_links = link + 1,
                              .outputs = &output,
                              .num_outputs = 1};
    for (int32_t k = 0; k <= link; ++k) task.longest = std::max(task.longest, family.sums[size_t(k)].window);
    const auto& moments = kernels::moments_kernels();
    moments.compute(task, scratch(moments.scratch(task)));
    for (size_t t = 0; t < rows_; ++t)
      if (deviation[t] <= 2e-5) values[t] = kNaN;
  }

  void compute_extremes(const Family& family) const {
    kernels::ExtremesTask task{.series = series(family.left), .rows = int64_t(rows_), .largest = family.kind == FamilyKind::largest};
    std::vector<kernels::ExtremesOutput> outputs;
    for (const FamilyOutput& output : family.outputs) {
      const Op op = node(output.node).op;
      const bool position = op == Op::index_of_largest || op == Op::index_of_smallest;
      task.positions |= position;
      outputs.push_back({position, output.link, sink_of(output)});
    }
    task.links = family.extremes.data(), task.num_links = int32_t(family.extremes.size());
    task.outputs = outputs.data(), task.num_outputs = int32_t(outputs.size());
    for (const auto& link : family.extremes) task.longest = std::max(task.longest, link.window);
    const auto& extremes = kernels::extremes_kernels();
    extremes.compute(task, scratch(extremes.scratch(task)));
  }

  void compute_quantiles(const Family& family) const {
    kernels::QuantileTask task{.series = series(family.left), .rows = int64_t(rows_)};
    std::vector<kernels::QuantileOutput> outputs;
    for (const FamilyOutput& output : family.outputs) outputs.push_back({node(output.node).n, output.link, node(output.node).p, sink_of(output)});
    task.links = family.sorted.links.data(), task.num_links = int32_t(family.sorted.links.size());
    task.outputs = outputs.data(), task.num_outputs = int32_t(outputs.size());
    const auto& quantiles = kernels::quantile_kernels();
    quantiles.compute(task, scratch(quantiles.scratch(task)));
  }

  void compute_ranks(const Family& family) const {
    kernels::RankTask task{.series = series(family.left), .rows = int64_t(rows_), .longest = family.longest};
    std::vector<kernels::RankOutput> outputs;
    for (const FamilyOutput& output : family.outputs) outputs.push_back({node(output.node).n, sink_of(output)});
    task.outputs = outputs.data(), task.num_outputs = int32_t(outputs.size());
    const auto& ranks = kernels::rank_kernels();
    ranks.compute(task, scratch(ranks.scratch(task)));
  }

  void compute_recursive(const Family& family) const {
    for (const FamilyOutput& output : family.outputs) {
      const GraphNode& n = node(output.node);
      const auto& recursive = kernels::recursive_kernels();
      const kernels::RecursiveTask task{.series = series(family.left), .rows = int64_t(rows_), .alpha = n.p, .window = n.n, .sink = sink_of(output)};
      double* space = scratch(recursive.scratch(task));
      if (n.op == Op::ewm) recursive.ewm(task, space);
      if (n.op == Op::expanding_ema) recursive.expanding_ema(task, space);
      if (n.op == Op::absolute_deviation) recursive.absolute_deviation(task, space);
    }
  }

  /// The function writes all its outputs; those that nobody wants go to scratch. Float32 inputs are widened there too.
  void compute_talib(const Family& family) const {
    const GraphNode& n = node(family.outputs.front().node);
    const TalibCall& call = plan_.graph.talib_calls[size_t(n.n)];
    const int num_inputs = call.function->num_inputs(), num_outputs = call.function->num_outputs();
    double* space = scratch(talib_scratch(call, int64_t(rows_)) + (num_inputs + num_outputs) * int64_t(rows_));
    const auto next_series = [&] { return std::exchange(space, space + rows_); };
    std::vector<const double*> inputs;
    for (int i = 0; i < num_inputs; ++i) {
      const Series x = series(n.in[i]);
      if (x.cell == Cell::float64) {
        inputs.push_back(static_cast<const double*>(x.rows));
      } else {
        double* wide = next_series();
        elementwise_.convert(x.cell, Cell::float64)(x.rows, wide, int64_t(rows_));
        inputs.push_back(wide);
      }
    }
    std::vector<double*> outputs(size_t(num_outputs), nullptr);
    for (const FamilyOutput& output : family.outputs) outputs[size_t(node(output.node).p)] = reinterpret_cast<double*>(at(output.node));
    for (double*& out : outputs)
      if (!out) out = next_series();
    evaluate_talib(call, inputs.data(), int64_t(rows_), space, outputs.data());
  }

  const Program::Plan& plan_;
  const Bars& bars_;
  Tile tile_;
  double* out_;
  size_t stride_, rows_;
  Workspace::State& space_;
  const kernels::ElementwiseKernels& elementwise_;
  char* slots_ = nullptr;
  size_t before_ = 0, narrow_bytes_ = 0, wide_bytes_ = 0;
};

std::vector<Tile> tiles_of(const Program& program, size_t rows) {
  const std::optional<int64_t> reach = program.reach();
  if (rows <= kTileRows || !reach || size_t(*reach) > kTileRows || size_t(program.look_ahead()) > kTileRows) return {{0, rows, 0, rows}};
  std::vector<Tile> tiles;
  for (size_t first = 0; first < rows; first += kTileRows) {
    const size_t last = std::min(rows, first + kTileRows);
    tiles.push_back({first, last, first - std::min(first, size_t(*reach)), std::min(rows, last + size_t(program.look_ahead()))});
  }
  return tiles;
}

void evaluate_float32(const Program& program, const Bars& bars, Workspace::State& space, float* out, size_t stride) {
  for (const Tile& tile : tiles_of(program, bars.rows)) {
    space.columns.assign(program.num_outputs(), {});
    for (size_t i = 0; i < program.num_outputs(); ++i) {
      StreamedColumn& column = space.columns[i];
      column.out = out + i * stride + tile.first;
      column.first = int64_t(tile.first - tile.begin), column.last = int64_t(tile.last - tile.begin);
    }
    Run(program.plan(), bars, tile, nullptr, 0, space).run();
    kernels::elementwise_kernels().finish(space.columns.data(), int64_t(space.columns.size()));
  }
}

void evaluate_float64(const Program& program, const Bars& bars, Workspace::State& space, double* out, size_t stride) {
  for (const Tile& tile : tiles_of(program, bars.rows)) Run(program.plan(), bars, tile, out, stride, space).run();
}

/// Runs a program of the other width into a block, and copies.
template <class From, class To, class Evaluate>
void evaluate_by_block(const Program& program, const Bars& bars, Workspace::State& space, To* out, size_t stride, const Evaluate& evaluate) {
  From* block = reinterpret_cast<From*>(space.block.grow(program.num_outputs() * bars.rows * sizeof(From)));
  evaluate(program, bars, space, block, bars.rows);
  for (size_t i = 0; i < program.num_outputs(); ++i)
    for (size_t t = 0; t < bars.rows; ++t) out[i * stride + t] = To(block[i * bars.rows + t]);
}

}  // namespace

void evaluate(const Program& program, const Bars& bars, Workspace& workspace, float* out, size_t stride) {
  if (bars.rows == 0) return;
  if (program.dtype() == Dtype::float32) return evaluate_float32(program, bars, workspace.state(), out, stride);
  evaluate_by_block<double>(program, bars, workspace.state(), out, stride, evaluate_float64);
}

void evaluate(const Program& program, const Bars& bars, Workspace& workspace, double* out, size_t stride) {
  if (bars.rows == 0) return;
  if (program.dtype() == Dtype::float64) return evaluate_float64(program, bars, workspace.state(), out, stride);
  evaluate_by_block<float>(program, bars, workspace.state(), out, stride, evaluate_float32);
}

}  // namespace hayate
