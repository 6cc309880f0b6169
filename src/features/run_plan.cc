#include "features/run_plan.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>

#include "base/clock.h"
#include "exec/pool.h"
#include "features/row_loops.h"
#include "kernels/elementwise.h"
#include "kernels/lanes.h"
#include "kernels/quantile.h"
#include "kernels/rank.h"
#include "kernels/recursive.h"

namespace hayate {

using kernels::Cell;
using kernels::Series;
using kernels::Sink;
using kernels::StreamedColumn;

namespace {

constexpr int64_t kBlockRows = 512;  // 2 or 4 KB a series: what neighbouring steps share stays in the first-level cache

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
      return kernels::Statistic::rsquare;
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

/// The tile of a series that lanes read or write.
constexpr size_t kLaneTile = size_t(kernels::kLanes * kernels::kLaneRows);

/// Rows that lanes put into a column at a time: of 16 columns in turn, runs of 32 rows take 0.56 ns a cell, of 256 rows 0.14.
constexpr int64_t kLaneStrip = 256, kStagedRows = 16 + kLaneStrip;

/// A tile of lanes is computed whole, however few symbols there are: with fewer, windows are done along the rows.
constexpr size_t kFewestLanes = 4;

/// One run of a plan over one tile of every symbol; more than one only in a plan with lanes.
class Run {
 public:
  /// Every symbol is a lane.
  Run(const Program& program, std::span<const RunSymbol> symbols, size_t stride, Workspace::State& space) : Run(program, symbols, {}, stride, space) {
    for (size_t s = 0; s < symbols.size() && plan_.has_lanes; ++s)
      all_lanes_.push_back({.symbol = s, .rows = int64_t(symbols[s].rows()), .columns = symbols[s].columns});
  }
  Run(const Program& program, std::span<const RunSymbol> symbols, std::vector<Lane> lanes, size_t stride, Workspace::State& space)
      : plan_(program.plan()),
        symbols_(symbols),
        all_lanes_(std::move(lanes)),
        stride_(stride),
        space_(space),
        elementwise_(kernels::elementwise_kernels()) {
    size_t longest = 0;
    for (const RunSymbol& symbol : symbols) longest = std::max(longest, symbol.rows());
    space.bind(program, longest);
    cost_ = space.cost_of(program);
    slots_ = space.slots.grow(space.layout.local_bytes + symbols.size() * space.layout.crossing_bytes);
  }

  void run() {
    const double begin = cost_ ? wall_seconds() : 0;
    for (size_t g = 0; g < plan_.groups.size() && !space_.stopped();) {
      if (plan_.groups[g].kind == StepGroup::Kind::lanes) {
        run_lanes(plan_.groups[g++]);
        continue;
      }
      size_t end = g;
      while (end < plan_.groups.size() && plan_.groups[end].kind != StepGroup::Kind::lanes) ++end;
      for (size_t symbol = 0; symbol < symbols_.size(); ++symbol) {
        begin_symbol(symbol);
        for (size_t k = g; k < end && !space_.stopped(); ++k) run_group(plan_.groups[k]);
      }
      g = end;
    }
    if (!cost_) return;
    cost_->seconds += wall_seconds() - begin;
    for (const RunSymbol& symbol : symbols_) cost_->rows += int64_t(symbol.rows());
  }

 private:
  /// What follows is about this symbol.
  void begin_symbol(size_t symbol) {
    symbol_ = symbol, rows_ = symbols_[symbol].rows();
    own_slots_ = ptrdiff_t(symbol * space_.layout.crossing_bytes);
  }
  const RunSymbol& symbol() const { return symbols_[symbol_]; }

  void run_group(const StepGroup& group) const {
    if (group.kind == StepGroup::Kind::by_rows)
      run_by_rows(group);
    else
      run_whole(group.first);
  }

  /// A step that needs the whole series.
  void run_whole(int32_t number) const {
    const Step& step = plan_.steps[size_t(number)];
    const uint64_t begin = cost_ ? ticks() : 0;
    if (step.kind == Step::Kind::family) {
      compute(plan_.families[size_t(step.family)]);
      for (const FamilyOutput& output : plan_.families[size_t(step.family)].outputs)
        if (output.place >= 0) pad(output.place);
    } else {
      copy_shifted(step.node);
      pad(step.node);
    }
    if (cost_) cost_->step_ticks[size_t(number)] += ticks() - begin;
  }

  void run_by_rows(const StepGroup& group) const {
    for (int32_t s = group.first; s < group.last; ++s)
      if (plan_.steps[size_t(s)].kind == Step::Kind::node) pad(plan_.steps[size_t(s)].node);
    for (int64_t begin = 0; begin < int64_t(rows_); begin += kBlockRows) {
      const int64_t rows = std::min(kBlockRows, int64_t(rows_) - begin);
      uint64_t now = cost_ ? ticks() : 0;
      for (int32_t s = group.first; s < group.last; ++s) {
        run(space_.loops[size_t(s)], begin, rows);
        if (!cost_) continue;
        const uint64_t end = ticks();
        cost_->step_ticks[size_t(s)] += end - now;
        now = end;
      }
    }
  }

  /// The values of a node: row 0 first.
  Series series(int32_t node) const { return {at(node), plan_.places[size_t(node)].cell}; }

  const GraphNode& node(int32_t i) const { return plan_.graph.node(i); }

  char* at(int32_t i) const {
    const Place& place = plan_.places[size_t(i)];
    return slots_ + space_.layout.offset(place) + (place.crosses ? own_slots_ : 0);
  }

  /// Fills the rows around a series that others read with NaN.
  void pad(int32_t i) const {
    const int64_t before = plan_.slot_before[size_t(i)], after = plan_.slot_after[size_t(i)], rows = int64_t(rows_);
    if (before == 0 && after == 0) return;
    if (plan_.places[size_t(i)].cell == Cell::float32) {
      float* values = reinterpret_cast<float*>(at(i));
      std::fill(values - before, values, float(kernels::kNaN));
      std::fill(values + rows, values + rows + after, float(kernels::kNaN));
    } else {
      double* values = reinterpret_cast<double*>(at(i));
      std::fill(values - before, values, kernels::kNaN);
      std::fill(values + rows, values + rows + after, kernels::kNaN);
    }
  }

  // ---- Row by row --------------------------------------------------------------------------------------------------

  /// A loop over rows [begin, begin + rows).
  void run(const RowLoop& loop, int64_t begin, int64_t rows) const {
    switch (loop.kind) {
      case RowLoop::Kind::read:
        return read_field(loop, begin, rows, slots_ + loop.out + (loop.out_crosses ? own_slots_ : 0) + begin * int64_t(width_of(loop.cell)));
      case RowLoop::Kind::column: {
        const RowSource& source = loop.in[0];
        return store_column(loop, slots_ + source.offset + (source.crosses ? own_slots_ : 0) + begin * int64_t(source.width), begin, rows);
      }
      case RowLoop::Kind::narrow:
      case RowLoop::Kind::narrow_difference: {
        alignas(64) float row[16 + kBlockRows];
        run_narrow_loop(loop, slots_, own_slots_, begin, rows, row + 16);
        return elementwise_.append_floats(symbol().columns[loop.column], begin, row + 16, rows);
      }
      default:
        return run_loop(loop, slots_, own_slots_, begin, rows, elementwise_);
    }
  }

  void read_field(const RowLoop& loop, int64_t begin, int64_t rows, char* out) const {
    std::visit(
        [&](const auto& span) {
          const auto* from = span.data() + symbol().tile.begin + begin;
          elementwise_.read({from, sizeof(*from) == 4 ? Cell::float32 : Cell::float64}, loop.cell, out, rows);
        },
        symbol().bars->series[size_t(loop.field)]);
  }

  void store_column(const RowLoop& loop, const char* values, int64_t begin, int64_t rows) const {
    if (!symbol().out) return elementwise_.append(symbol().columns[loop.column], {values, loop.cell}, begin, rows);
    const Tile& tile = symbol().tile;
    const int64_t skipped = int64_t(tile.first - tile.begin), wanted = int64_t(tile.last - tile.first);
    const int64_t lo = std::max(begin, skipped), hi = std::min(begin + rows, skipped + wanted);
    if (lo >= hi) return;
    double* to = symbol().out + size_t(loop.column) * stride_ + tile.first + (lo - skipped);
    elementwise_.convert(loop.cell, Cell::float64)(values + (lo - begin) * int64_t(width_of(loop.cell)), to, hi - lo);
  }

  void copy_shifted(int32_t i) const {
    const int64_t n = node(i).n, rows = int64_t(rows_), width = int64_t(width_of(plan_.places[size_t(i)].cell));
    const int64_t first = std::clamp<int64_t>(n, 0, rows), last = std::clamp<int64_t>(rows + n, 0, rows);
    const auto forget = [&](int64_t from, int64_t to) {
      if (width == 4) std::fill(reinterpret_cast<float*>(at(i)) + from, reinterpret_cast<float*>(at(i)) + to, float(kernels::kNaN));
      if (width == 8) std::fill(reinterpret_cast<double*>(at(i)) + from, reinterpret_cast<double*>(at(i)) + to, kernels::kNaN);
    };
    forget(0, first);
    if (first < last) std::memcpy(at(i) + first * width, at(node(i).in[0]) + (first - n) * width, size_t((last - first) * width));
    forget(std::max(first, last), rows);
  }

  // ---- Families ----------------------------------------------------------------------------------------------------

  double* scratch(int64_t doubles) const { return reinterpret_cast<double*>(space_.scratch.grow(size_t(doubles) * 8)); }

  Sink sink_of(const FamilyOutput& output) const {
    Sink sink;
    if (output.column >= 0) sink.column = &symbol().columns[output.column];
    if (output.scale >= 0 && node(output.scale).op == Op::constant)
      sink.number = node(output.scale).p;
    else if (output.scale >= 0)
      sink.scale = reinterpret_cast<const double*>(at(output.scale));
    if (output.place < 0) return sink;
    sink.inverse = output.inverts(), sink.offset = output.offset;
    if (plan_.places[size_t(output.place)].cell == Cell::float32) sink.floats = reinterpret_cast<float*>(at(output.place));
    if (plan_.places[size_t(output.place)].cell == Cell::float64) sink.doubles = reinterpret_cast<double*>(at(output.place));
    return sink;
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
      case FamilyKind::lanes:
        return;  // see run_lanes
      case FamilyKind::talib:
        return compute_talib(family);
    }
  }

  /// Results that are looked at again before they go where they belong.
  double* patched(size_t index, size_t count) const { return reinterpret_cast<double*>(space_.patched.grow(count * rows_ * 8)) + index * rows_; }
  void deliver(const FamilyOutput& output, const double* values) const {
    const Sink sink = sink_of(output);
    for (size_t t = 0; t < rows_ && sink.doubles; ++t) sink.doubles[t] = sink.inverse ? 1 / (values[t] + sink.offset) : values[t];
    if (!sink.column) return;
    float* row = reinterpret_cast<float*>(space_.row.grow(rows_ * 4));
    for (size_t t = 0; t < rows_; ++t) row[t] = float(values[t] * (sink.scale ? sink.scale[t] : sink.number));
    elementwise_.append(*sink.column, {row, Cell::float32}, 0, int64_t(rows_));
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
      std::fill(values + t, values + std::min(rows_, t + size_t(window)), kernels::kNaN);
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
      const bool narrow = correlation && output.column >= 0 && output.scale < 0;
      outputs.push_back(
          {correlation, narrow, output.link, correlation && !task.guarded ? Sink{.doubles = patched(o, family.outputs.size())} : sink_of(output)});
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
      if (deviation[t] <= 2e-5) values[t] = kernels::kNaN;
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
    kernels::QuantileTask task{.series = series(family.left), .rows = int64_t(rows_), .longest = family.longest};
    std::vector<kernels::QuantileOutput> outputs;
    for (const FamilyOutput& output : family.outputs) outputs.push_back({node(output.node).n, node(output.node).p, sink_of(output)});
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
      const kernels::RecursiveTask task{.series = series(family.left), .rows = int64_t(rows_), .window = n.n, .sink = sink_of(output)};
      double* space = scratch(recursive.scratch(task));
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

  // ---- Lanes -------------------------------------------------------------------------------------------------------

  /// Memory of the lanes of one group: a tile of every input, the tiles of one function's outputs, a row of floats per lane, states.
  struct LaneSpace {
    std::vector<LaneInput> inputs;
    std::vector<std::array<size_t, kMaxTalibInputs>> reads;  // by step of the group: the numbers of its inputs
    std::vector<kernels::LaneSeries> series;                 // by input, then lane
    std::vector<int8_t> missing;  // by input, of the tile at hand: 1 when it has a missing value, -1 when it was not gathered yet
    std::vector<double*> states;  // by step of the group
    std::vector<int64_t> before;  // by input: rows before a tile that stand before it
    std::vector<double*> input_tiles;
    double* output_tiles = nullptr;
    float* staging = nullptr;  // a strip of rows of every lane, per column
    size_t staged = 0;         // columns that have theirs

    float* next_staged() { return staging + staged++ * size_t(kernels::kLanes * kStagedRows); }

    double* output(size_t o) const { return output_tiles + o * kLaneTile; }
  };

  const Family& family_of(int32_t step) const { return plan_.families[size_t(plan_.steps[size_t(step)].family)]; }

  LaneSpace lane_space(const StepGroup& group) const {
    LaneSpace lanes;
    size_t state_doubles = 0, outputs = 0, columns = 0;
    std::vector<size_t> state_at;
    // What goes on from a state has its rows there.
    const bool goes_on = std::any_of(all_lanes_.begin(), all_lanes_.end(), [](const Lane& l) { return l.memory; });
    for (int32_t s = group.first; s < group.last; ++s) {
      const LaneCall& call = family_of(s).lanes;
      lanes.reads.emplace_back();
      for (size_t i = 0; i < call.inputs.size(); ++i) {
        const auto at = std::find(lanes.inputs.begin(), lanes.inputs.end(), call.inputs[i]);
        const size_t number = lanes.reads.back()[i] = size_t(at - lanes.inputs.begin());
        if (at == lanes.inputs.end()) lanes.inputs.push_back(call.inputs[i]), lanes.before.push_back(0);
        if (!goes_on)
          lanes.before[number] = std::max(lanes.before[number], kernels::lane_kernels().before(call.function, call.params.data(), int(i)));
      }
      state_at.push_back(state_doubles);
      state_doubles += size_t(kernels::lane_kernels().room(call.function, call.params.data()));
      outputs = std::max(outputs, size_t(call.num_outputs));
      for (const FamilyOutput& output : family_of(s).outputs) columns += output.column >= 0;
    }
    const size_t rows_before = size_t(std::accumulate(lanes.before.begin(), lanes.before.end(), int64_t{0}));
    const size_t tiles = (lanes.inputs.size() + outputs) * kLaneTile + rows_before * size_t(kernels::kLanes);
    double* const space = reinterpret_cast<double*>(
        space_.lanes.grow((tiles + state_doubles) * sizeof(double) + columns * kernels::kLanes * kStagedRows * sizeof(float)));
    lanes.output_tiles = space;
    double* next = space + outputs * kLaneTile;
    for (const int64_t before : lanes.before) {
      lanes.input_tiles.push_back(next + before * kernels::kLanes);
      next = lanes.input_tiles.back() + kLaneTile;
    }
    for (size_t at : state_at) lanes.states.push_back(space + tiles + at);
    lanes.staging = reinterpret_cast<float*>(space + tiles + state_doubles);
    return lanes;
  }

  void run_lanes(const StepGroup& group) {
    LaneSpace space = lane_space(group);
    along_rows_ = all_lanes_.size() < kFewestLanes && std::all_of(all_lanes_.begin(), all_lanes_.end(), [](const Lane& l) { return !l.memory; });
    if (along_rows_) run_along_rows(group);
    for (size_t first = 0; first < all_lanes_.size(); first += size_t(kernels::kLanes)) {
      lanes_ = std::span(all_lanes_).subspan(first, std::min(all_lanes_.size() - first, size_t(kernels::kLanes)));
      recall(group, space);
      find_lane_series(space);
      run_lane_rows(group, space);
      remember(group);
    }
    for (size_t symbol = 0; symbol < symbols_.size(); ++symbol) {
      begin_symbol(symbol);
      for_lane_places(group, [&](int32_t i) { pad(i); });
    }
  }

  bool is_left_out(int32_t step) const { return along_rows_ && family_of(step).lanes.along_rows >= 0; }

  /// What a group can do along the rows of each symbol.
  void run_along_rows(const StepGroup& group) {
    for (size_t s = 0; s < symbols_.size(); ++s) {
      begin_symbol(s);
      for (int32_t step = group.first; step < group.last; ++step) {
        const uint64_t begin = cost_ ? ticks() : 0;
        if (is_left_out(step)) compute_along_rows(family_of(step));
        if (cost_) cost_->step_ticks[size_t(step)] += ticks() - begin;
      }
    }
  }

  void compute_along_rows(const Family& family) const {
    const TalibCall& call = plan_.graph.talib_calls[size_t(family.lanes.along_rows)];
    const size_t num_inputs = family.lanes.inputs.size(), num_outputs = size_t(family.lanes.num_outputs);
    double* space = scratch(talib_scratch(call, int64_t(rows_)) + int64_t((num_inputs + num_outputs) * rows_));
    double *inputs[kMaxTalibInputs] = {}, *outputs[kMaxTalibInputs] = {};
    for (size_t i = 0; i < num_inputs; ++i) inputs[i] = std::exchange(space, space + rows_), read_wide(family.lanes.inputs[i], inputs[i]);
    for (size_t o = 0; o < num_outputs; ++o) outputs[o] = std::exchange(space, space + rows_);
    evaluate_talib(call, inputs, int64_t(rows_), space, outputs);
    for (const FamilyOutput& output : family.outputs) {
      const double* values = outputs[size_t(node(output.node).p)];
      if (output.place >= 0) std::copy_n(values, rows_, reinterpret_cast<double*>(at(output.place)));
      if (output.column >= 0) elementwise_.append(symbol().columns[output.column], {values, Cell::float64}, 0, int64_t(rows_));
    }
  }

  /// An input as float64; a field is rounded to its cell.
  void read_wide(const LaneInput& input, double* out) const {
    if (input.field < 0) {
      const Series x = series(input.node);
      return elementwise_.convert(x.cell, Cell::float64)(x.rows, out, int64_t(rows_));
    }
    char* const narrow = space_.row.grow(rows_ * width_of(input.cell));
    read_field({.cell = input.cell, .field = input.field}, 0, int64_t(rows_), narrow);
    elementwise_.convert(input.cell, Cell::float64)(narrow, out, int64_t(rows_));
  }

  template <class Take>
  void for_lane_places(const StepGroup& group, const Take& take) const {
    for (int32_t s = group.first; s < group.last; ++s)
      for (const FamilyOutput& output : family_of(s).outputs)
        if (output.place >= 0) take(output.place);
  }

  /// Makes the last rows of a tile those before the next one; a series has none before its first.
  static void keep_rows_before(const LaneSpace& space, int64_t rows) {
    for (size_t i = 0; i < space.inputs.size(); ++i) {
      const int64_t cells = space.before[i] * kernels::kLanes;
      double* const before = space.input_tiles[i] - cells;
      if (rows == 0)
        std::fill(before, before + cells, 0.0);
      else
        std::memmove(before, before + rows * kernels::kLanes, size_t(cells) * sizeof(double));
    }
  }

  /// Asks for the next rows while functions run: step `number` of `steps` for its part of all lanes of all inputs.
  void prefetch(const LaneSpace& space, size_t number, size_t steps, int64_t row, int64_t rows) const {
    const size_t all = space.series.size(), first = number * all / steps, last = (number + 1) * all / steps;
    kernels::lane_kernels().prefetch(space.series.data() + first, int64_t(last - first), row, rows);
  }

  /// Rows of the lanes at hand, strip by strip and tile by tile. A tile ends where a lane does that keeps its state.
  void run_lane_rows(const StepGroup& group, LaneSpace& space) {
    int64_t longest = 0;
    for (const Lane& lane : lanes_) longest = std::max(longest, lane.rows);
    keep_rows_before(space, 0);
    for (int64_t strip = 0; strip < longest; strip += kLaneStrip) {
      const int64_t end = std::min(longest, strip + kLaneStrip);
      for (int64_t row = strip, next = strip; row < end; row = next) {
        if (space_.stopped()) return;
        next = std::min(end, row + kernels::kLaneRows);
        for (const Lane& lane : lanes_)
          if (lane.memory && lane.rows > row) next = std::min(next, lane.rows);
        space.missing.assign(space.inputs.size(), -1);
        space.staged = 0;
        for (int32_t s = group.first; s < group.last; ++s) {
          if (is_left_out(s)) continue;
          const uint64_t begin = cost_ ? ticks() : 0;
          run_lane_tile(family_of(s), space, size_t(s - group.first), row, next - row);
          if (next < longest) prefetch(space, size_t(s - group.first), size_t(group.last - group.first), next, kernels::kLaneRows);
          if (cost_) cost_->step_ticks[size_t(s)] += ticks() - begin;
        }
        keep_states(group, space, next);
        keep_rows_before(space, next - row);
      }
      write_lane_columns(group, space, strip, end - strip);
    }
  }

  int32_t family_number(int32_t step) const { return plan_.steps[size_t(step)].family; }

  /// States, and what is kept of results, as the lanes at hand remember them. Lanes that are not there take the state of the first.
  void recall(const StepGroup& group, LaneSpace& space) {
    for (int32_t s = group.first; s < group.last; ++s) {
      const LaneCall& call = family_of(s).lanes;
      const int64_t at = plan_.keeping.state_at[size_t(family_number(s))];
      for (int64_t l = 0; l < kernels::kLanes; ++l) {
        const double* memory = lanes_[size_t(l) < lanes_.size() ? size_t(l) : 0].memory;
        kernels::lane_kernels().recall(call.function, call.params.data(), memory ? memory + at : nullptr, l, space.states[size_t(s - group.first)]);
      }
    }
    for_lane_places(group, [&](int32_t i) {
      for (const Lane& lane : lanes_) {
        if (lane.first == lane.begin) continue;
        begin_symbol(lane.symbol);
        double* values = reinterpret_cast<double*>(at(i));
        const int64_t kept = std::min(plan_.keeping.rows_of[size_t(i)], lane.first - lane.begin);
        std::fill(values + lane.begin, values + lane.first - kept, kernels::kNaN);
        const double* from = lane.memory + plan_.keeping.rows_at[size_t(i)] + plan_.keeping.rows_of[size_t(i)];
        std::copy(from - kept, from, values + lane.first - kept);
      }
    });
  }

  /// The states of lanes that end before row `row`.
  void keep_states(const StepGroup& group, const LaneSpace& space, int64_t row) {
    for (size_t l = 0; l < lanes_.size(); ++l) {
      if (!lanes_[l].memory || lanes_[l].rows != row) continue;
      for (int32_t s = group.first; s < group.last; ++s) {
        const LaneCall& call = family_of(s).lanes;
        double* const memory = lanes_[l].memory + plan_.keeping.state_at[size_t(family_number(s))];
        kernels::lane_kernels().keep(call.function, call.params.data(), space.states[size_t(s - group.first)], int64_t(l), memory);
      }
    }
  }

  /// The last rows of results, as many as later rows look back to; zeros where there are not so many.
  void remember(const StepGroup& group) {
    for_lane_places(group, [&](int32_t i) {
      const int64_t wanted = plan_.keeping.rows_of[size_t(i)];
      for (const Lane& lane : lanes_) {
        if (!lane.memory) continue;
        begin_symbol(lane.symbol);
        const double* end = reinterpret_cast<const double*>(at(i)) + lane.first + lane.rows;
        const int64_t kept = std::min(wanted, lane.first + lane.rows - lane.begin);
        double* to = lane.memory + plan_.keeping.rows_at[size_t(i)];
        std::fill(to, to + wanted - kept, 0.0);
        std::copy(end - kept, end, to + wanted - kept);
      }
    });
  }

  /// `number`: of the step in its group.
  void run_lane_tile(const Family& family, LaneSpace& space, size_t number, int64_t row, int64_t rows) {
    const LaneCall& call = family.lanes;
    const kernels::LaneKernels& kernels = kernels::lane_kernels();
    const int64_t num_lanes = int64_t(lanes_.size());
    const double* inputs[kMaxTalibInputs] = {};
    double* outputs[kMaxTalibInputs] = {};
    int64_t before[kMaxTalibInputs] = {};
    bool complete = true;
    for (size_t i = 0; i < call.inputs.size(); ++i) {
      const size_t input = space.reads[number][i];
      inputs[i] = space.input_tiles[input], before[i] = space.before[input];
      if (space.missing[input] < 0)
        space.missing[input] = kernels.gather(space.series.data() + input * size_t(kernels::kLanes), num_lanes, row, rows, space.input_tiles[input]);
      complete &= !space.missing[input];
    }
    for (size_t o = 0; o < size_t(call.num_outputs); ++o) outputs[o] = space.output(o);
    kernels.run({call.function, call.params.data(), inputs, outputs, rows, num_lanes, space.states[number], call.exact, complete, before});
    for (const FamilyOutput& output : family.outputs) {
      const GraphNode& n = node(output.node);
      const double* values = outputs[n.op == Op::talib ? size_t(n.p) : 0];
      if (output.column >= 0) kernels.scatter_floats(values, rows, space.next_staged() + 16 + row % kLaneStrip, kStagedRows);
      if (output.place >= 0) write_lane_place(output.place, values, row, rows);
    }
  }

  int64_t rows_left(size_t lane, int64_t row) const { return lanes_[lane].rows - row; }

  void find_lane_series(LaneSpace& space) {
    space.series.assign(space.inputs.size() * size_t(kernels::kLanes), {});
    for (size_t i = 0; i < space.inputs.size(); ++i)
      for (size_t l = 0; l < lanes_.size(); ++l) space.series[i * size_t(kernels::kLanes) + l] = lane_series(space.inputs[i], lanes_[l]);
  }

  kernels::LaneSeries lane_series(const LaneInput& input, const Lane& lane) {
    begin_symbol(lane.symbol);
    kernels::LaneSeries series{.stored = Cell::float64, .cell = input.cell, .rows = lane.rows};
    if (input.field < 0) {
      series.stored = plan_.places[size_t(input.node)].cell;
      series.values = at(input.node) + lane.first * int64_t(width_of(series.stored));
      return series;
    }
    std::visit(
        [&](const auto& span) {
          series.values = span.data() + symbol().tile.begin + lane.first;
          series.stored = sizeof(*span.data()) == 4 ? Cell::float32 : Cell::float64;
        },
        symbol().bars->series[size_t(input.field)]);
    return series;
  }

  void write_lane_columns(const StepGroup& group, LaneSpace& space, int64_t row, int64_t rows) {
    space.staged = 0;
    for (int32_t s = group.first; s < group.last; ++s) {
      if (is_left_out(s)) continue;
      const uint64_t begin = cost_ ? ticks() : 0;
      for (const FamilyOutput& output : family_of(s).outputs) {
        if (output.column < 0) continue;
        float* staging = space.next_staged() + 16;
        for (size_t l = 0; l < lanes_.size(); ++l, staging += kStagedRows)
          if (rows_left(l, row) > 0 && lanes_[l].columns)
            elementwise_.append_floats(lanes_[l].columns[output.column], row, staging, std::min(rows, rows_left(l, row)));
      }
      if (cost_) cost_->step_ticks[size_t(s)] += ticks() - begin;
    }
  }

  void write_lane_place(int32_t i, const double* values, int64_t row, int64_t rows) {
    double* out[kernels::kLanes] = {};
    for (size_t s = 0; s < lanes_.size(); ++s) {
      begin_symbol(lanes_[s].symbol);
      if (rows_left(s, row) > 0) out[s] = reinterpret_cast<double*>(at(i)) + lanes_[s].first + row;
    }
    kernels::lane_kernels().scatter(values, int64_t(lanes_.size()), rows, out);
  }

  const Program::Plan& plan_;
  std::span<const RunSymbol> symbols_;
  std::vector<Lane> all_lanes_;
  std::span<const Lane> lanes_;  // those at hand
  bool along_rows_ = false;      // what can be done so is, since there are few lanes
  size_t stride_;
  Workspace::State& space_;
  const kernels::ElementwiseKernels& elementwise_;
  ProgramCost* cost_ = nullptr;
  char* slots_ = nullptr;
  // Of the symbol at hand.
  size_t symbol_ = 0, rows_ = 0;
  ptrdiff_t own_slots_ = 0;
};

}  // namespace

void run_plan(const Program& program, std::span<const RunSymbol> symbols, size_t stride, Workspace::State& space) {
  Run(program, symbols, stride, space).run();
}

void run_plan(const Program& program, std::span<const RunSymbol> symbols, std::vector<Lane> lanes, size_t stride, Workspace::State& space) {
  Run(program, symbols, std::move(lanes), stride, space).run();
}

}  // namespace hayate
