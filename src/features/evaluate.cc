// Runs a plan for one symbol, or for a block of symbols when lanes are in it. Long series are done in tiles of rows, each with the rows
// before and after it that its values depend on: a value is the same to the byte wherever its tile begins.
#include <algorithm>
#include <memory>
#include <numeric>
#include <optional>
#include <utility>

#include "base/clock.h"
#include "features/evaluate_rows.h"
#include "features/run_plan.h"
#include "kernels/elementwise.h"
#include "kernels/lanes.h"

namespace hayate {

using kernels::StreamedColumn;

Workspace::Workspace() : state_(std::make_unique<State>()) {}
Workspace::~Workspace() = default;
Workspace::Workspace(Workspace&&) noexcept = default;
Workspace& Workspace::operator=(Workspace&&) noexcept = default;

uint64_t ticks() {
#if defined(__x86_64__)
  return __builtin_ia32_rdtsc();
#else
  return uint64_t(wall_seconds() * 1e9);
#endif
}

namespace {

constexpr size_t kTileRows = 16 * 1024;

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

/// Calls run(symbols, first) with what runs together: one tile of one symbol, or, in a program with lanes, all symbols that have rows;
/// `first` is the number of the first one.
template <class Function>
void for_each_run(const Program& program, std::span<const Bars> bars, const Function& run) {
  std::vector<RunSymbol> together;
  for (size_t s = 0; s < bars.size(); ++s) {
    for (const Tile& tile : tiles_of(program, bars[s].rows)) {
      together.push_back({.bars = &bars[s], .tile = tile});
      if (program.plan().has_lanes) continue;
      run(std::span(together), s);
      together.clear();
    }
  }
  if (!together.empty()) run(std::span(together), 0);
}

/// Runs the tiles of a symbol, or whole symbols side by side; begin(column, symbol, i, tile) says where the values of output i go.
template <class Begin>
void evaluate_columns(const Program& program, std::span<const Bars> bars, Workspace::State& space, const Begin& begin) {
  const size_t num_outputs = program.num_outputs();
  const auto run = [&](std::span<RunSymbol> symbols, size_t first) {
    space.columns.assign(num_outputs * symbols.size(), {});
    for (size_t s = 0; s < symbols.size(); ++s) {
      symbols[s].columns = space.columns.data() + s * num_outputs;
      for (size_t i = 0; i < num_outputs; ++i) begin(symbols[s].columns[i], first + s, i, symbols[s].tile);
    }
    run_plan(program, symbols, 0, space);
    kernels::elementwise_kernels().finish(space.columns.data(), int64_t(space.columns.size()));
  };
  for_each_run(program, bars, run);
}

/// Where a tile of a column of the caller goes.
void point_column(StreamedColumn& column, float* out, const Tile& tile) {
  column.out = out + tile.first;
  column.first = int64_t(tile.first - tile.begin), column.last = int64_t(tile.last - tile.begin);
  // The lines that this column shares with its neighbours are read before they are written; all others are not.
  __builtin_prefetch(column.out, 1), __builtin_prefetch(column.out + (tile.last - tile.first) - 1, 1);
}

void evaluate_float32(const Program& program, std::span<const Bars> bars, Workspace::State& space, std::span<float* const> out, size_t stride) {
  const LaneSplit* const split = fills_lanes(bars, stride) ? lane_split(program) : nullptr;
  if (!split) {
    evaluate_columns(program, bars, space, [&](StreamedColumn& column, size_t symbol, size_t i, const Tile& tile) {
      point_column(column, out[symbol] + i * stride, tile);
    });
    return;
  }
  if (!space.lane_tiles || !space.lane_tiles->is_for(*split, stride)) space.lane_tiles.emplace(*split, stride);
  space.lane_tiles->run(bars, out, space);
  if (split->rest_columns.empty()) return;
  evaluate_columns(split->rest, bars, space, [&](StreamedColumn& column, size_t symbol, size_t i, const Tile& tile) {
    point_column(column, out[symbol] + size_t(split->rest_columns[i]) * stride, tile);
  });
}

void evaluate_float64(const Program& program, std::span<const Bars> bars, Workspace::State& space, std::span<double* const> out, size_t stride) {
  for_each_run(program, bars, [&](std::span<RunSymbol> symbols, size_t first) {
    for (size_t s = 0; s < symbols.size(); ++s) symbols[s].out = out[first + s];
    run_plan(program, symbols, stride, space);
  });
}

/// Runs a program of the other width symbol by symbol into a block, and copies.
template <class From, class To, class Evaluate>
void evaluate_by_block(const Program& program, std::span<const Bars> bars, Workspace::State& space, std::span<To* const> out, size_t stride,
                       const Evaluate& evaluate) {
  for (size_t s = 0; s < bars.size(); ++s) {
    const size_t rows = bars[s].rows;
    From* const block = reinterpret_cast<From*>(space.block.grow(program.num_outputs() * rows * sizeof(From)));
    evaluate(program, bars.subspan(s, 1), space, std::span(&block, 1), rows);
    for (size_t i = 0; i < program.num_outputs(); ++i)
      for (size_t t = 0; t < rows; ++t) out[s][i * stride + t] = To(block[i * rows + t]);
  }
}

/// Calls take(bars, out) with at most kLanes symbols at a time, none without rows.
template <class To, class Take>
void for_each_block(std::span<const Bars> symbols, std::span<To* const> out, const Take& take) {
  std::vector<Bars> bars;
  std::vector<To*> to;
  for (size_t s = 0; s < symbols.size(); ++s) {
    if (symbols[s].rows > 0) bars.push_back(symbols[s]), to.push_back(out[s]);
    if (bars.empty() || (bars.size() < size_t(kernels::kLanes) && s + 1 < symbols.size())) continue;
    take(std::span<const Bars>(bars), std::span<To* const>(to));
    bars.clear(), to.clear();
  }
}

}  // namespace

void Workspace::measure() { state_->measures = true; }
void Workspace::stop_with(const exec::Cancellation* cancel) { state_->cancel = cancel; }

void Workspace::State::bind(const Program& program, size_t rows) {
  const Program::Plan& plan = program.plan();
  const SlotLayout wanted(plan, rows);
  const auto* active = &kernels::elementwise_kernels();
  if (bound && &bound->plan() == &plan && layout == wanted && kernels == active) return;
  bound = program, layout = wanted, kernels = active;
  loops.assign(plan.steps.size(), RowLoop{});
  for (const StepGroup& group : plan.groups)
    for (int32_t s = group.first; s < group.last && group.kind == StepGroup::Kind::by_rows; ++s)
      loops[size_t(s)] = bind_loop(plan, plan.steps[size_t(s)], layout, *kernels);
}

ProgramCost* Workspace::State::cost_of(const Program& program) {
  if (!measures) return nullptr;
  const auto known = std::find_if(costs.begin(), costs.end(), [&](const ProgramCost& cost) { return &cost.program.plan() == &program.plan(); });
  if (known != costs.end()) return &*known;
  costs.push_back({.program = program, .step_ticks = std::vector<uint64_t>(program.plan().steps.size(), 0)});
  return &costs.back();
}

namespace {

void add_costs(const Program& program, std::span<const Workspace* const> workspaces, std::vector<OperatorCost>& costs) {
  const Program::Plan& plan = program.plan();
  for (size_t s = 0; s < plan.steps.size(); ++s) {
    const std::string name = name_of_step(plan, plan.steps[s]);
    auto at = std::find_if(costs.begin(), costs.end(), [&](const OperatorCost& cost) { return cost.name == name; });
    if (at == costs.end()) at = costs.insert(at, OperatorCost{.name = name});
    for (const Workspace* workspace : workspaces) {
      for (const ProgramCost& cost : workspace->state().costs) {
        if (&cost.program.plan() != &plan) continue;
        const double all_ticks = double(std::max<uint64_t>(1, std::accumulate(cost.step_ticks.begin(), cost.step_ticks.end(), uint64_t(0))));
        at->cells += cost.rows * results_of_step(plan, plan.steps[s]);
        at->seconds += cost.seconds * double(cost.step_ticks[s]) / all_ticks;
      }
    }
  }
}

}  // namespace

std::vector<OperatorCost> operator_costs(const Program& program, std::span<const Workspace* const> workspaces) {
  std::vector<OperatorCost> costs;
  add_costs(program, workspaces, costs);
  if (const LaneSplit* split = lane_split(program))
    for (const Program* part : {&split->lanes, &split->rest}) add_costs(*part, workspaces, costs);
  std::erase_if(costs, [](const OperatorCost& cost) { return cost.cells == 0; });
  std::stable_sort(costs.begin(), costs.end(), [](const OperatorCost& a, const OperatorCost& b) { return a.seconds > b.seconds; });
  return costs;
}

void evaluate_block(const Program& program, std::span<const Bars> symbols, Workspace& workspace, std::span<float* const> out, size_t stride) {
  for_each_block(symbols, out, [&](std::span<const Bars> bars, std::span<float* const> to) {
    if (program.dtype() == Dtype::float32) return evaluate_float32(program, bars, workspace.state(), to, stride);
    evaluate_by_block<double>(program, bars, workspace.state(), to, stride, evaluate_float64);
  });
}

void evaluate_block(const Program& program, std::span<const Bars> symbols, Workspace& workspace, std::span<double* const> out, size_t stride) {
  for_each_block(symbols, out, [&](std::span<const Bars> bars, std::span<double* const> to) {
    if (program.dtype() == Dtype::float64) return evaluate_float64(program, bars, workspace.state(), to, stride);
    evaluate_by_block<float>(program, bars, workspace.state(), to, stride, evaluate_float32);
  });
}

void evaluate(const Program& program, const Bars& bars, Workspace& workspace, float* out, size_t stride) {
  evaluate_block(program, {&bars, 1}, workspace, std::span<float* const>(&out, 1), stride);
}

void evaluate(const Program& program, const Bars& bars, Workspace& workspace, double* out, size_t stride) {
  evaluate_block(program, {&bars, 1}, workspace, std::span<double* const>(&out, 1), stride);
}

std::vector<std::vector<size_t>> symbol_blocks(const Program& program, std::span<const int64_t> offsets, size_t workers) {
  if (offsets.empty()) return {};
  std::vector<size_t> order(offsets.size() - 1);
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return offsets[a + 1] - offsets[a] > offsets[b + 1] - offsets[b]; });
  const size_t lanes = size_t(kernels::kLanes);
  size_t together = program.plan().has_lanes ? std::clamp<size_t>(order.size() / std::max<size_t>(1, 2 * workers), 1, lanes) : 1;
  if (order.size() >= lanes * workers && lane_split(program)) together = lanes;
  std::vector<std::vector<size_t>> blocks;
  for (size_t s = 0; s < order.size(); s += together)
    blocks.emplace_back(order.begin() + ptrdiff_t(s), order.begin() + ptrdiff_t(std::min(order.size(), s + together)));
  return blocks;
}

void evaluate_rows(const Program& program, const Bars& bars, std::span<const int64_t> wanted, Workspace& workspace, const std::vector<float*>& out) {
  evaluate_columns(program, {&bars, 1}, workspace.state(), [&](StreamedColumn& column, size_t, size_t i, const Tile& tile) {
    const auto first = std::lower_bound(wanted.begin(), wanted.end(), int64_t(tile.first));
    const auto last = std::lower_bound(first, wanted.end(), int64_t(tile.last));
    column.out = out[i] + (first - wanted.begin());
    column.wanted = wanted.data() + (first - wanted.begin()), column.num_wanted = last - first, column.wanted_origin = int64_t(tile.begin);
  });
}

void evaluate_rows(const Program& program, const Bars& bars, std::span<const int64_t> wanted, Workspace& workspace, const std::vector<double*>& out) {
  Workspace::State& space = workspace.state();
  double* const block = reinterpret_cast<double*>(space.block.grow(program.num_outputs() * bars.rows * sizeof(double)));
  evaluate_float64(program, {&bars, 1}, space, std::span(&block, 1), bars.rows);
  for (size_t i = 0; i < program.num_outputs(); ++i)
    for (size_t k = 0; k < wanted.size(); ++k) out[i][k] = block[i * bars.rows + size_t(wanted[k])];
}

Bars part_of(const Bars& bars, int64_t begin, int64_t end) {
  Bars out{size_t(end - begin), {}};
  for (const auto& series : bars.series)
    std::visit([&](const auto& values) { out.series.emplace_back(values.subspan(size_t(begin), size_t(end - begin))); }, series);
  return out;
}

std::vector<std::pair<int64_t, int64_t>> row_morsels(const Program& program, int64_t rows) {
  constexpr int64_t kMorselRows = 16'384, kMostReach = kMorselRows / 8;
  const int64_t count = program.reach().value_or(kMostReach + 1) > kMostReach ? 1 : std::max<int64_t>(1, rows / kMorselRows);
  std::vector<std::pair<int64_t, int64_t>> out;
  for (int64_t i = 0; i < count; ++i) out.emplace_back(i * rows / count, (i + 1) * rows / count);
  return out;
}

namespace {

template <class T>
void evaluate_stretch(const Program& program, const Bars& bars, int64_t begin, int64_t end, Workspace& workspace, T* out, size_t stride) {
  const int64_t from = std::max<int64_t>(0, begin - *program.reach()), to = std::min(int64_t(bars.rows), end + program.look_ahead());
  std::vector<int64_t> wanted(size_t(end - begin));
  std::iota(wanted.begin(), wanted.end(), begin - from);
  std::vector<T*> columns;
  for (size_t i = 0; i < program.num_outputs(); ++i) columns.push_back(out + i * stride + begin);
  evaluate_rows(program, part_of(bars, from, to), wanted, workspace, columns);
}

}  // namespace

void evaluate_morsel(const Program& program, const Bars& bars, int64_t begin, int64_t end, Workspace& workspace, float* out, size_t stride) {
  evaluate_stretch(program, bars, begin, end, workspace, out, stride);
}

void evaluate_morsel(const Program& program, const Bars& bars, int64_t begin, int64_t end, Workspace& workspace, double* out, size_t stride) {
  evaluate_stretch(program, bars, begin, end, workspace, out, stride);
}

namespace {

/// The lanes of segments, and the new rows of every series.
struct SegmentRun {
  std::vector<RunSymbol> symbols;
  std::vector<Lane> lanes;
  std::vector<std::vector<int64_t>> wanted;  // by series

  SegmentRun(std::span<const Bars> series, std::span<const Segment> segments) : wanted(series.size()) {
    for (const Bars& bars : series) symbols.push_back({.bars = &bars, .tile = {0, bars.rows, 0, bars.rows}});
    for (const Segment& s : segments) {
      lanes.push_back({.symbol = s.series, .begin = s.begin, .first = s.first, .rows = s.end - s.first, .memory = s.memory});
      for (int64_t row = s.first; row < s.end; ++row) wanted[s.series].push_back(row);
    }
  }

  /// Steps write the columns of whole series, of which only new rows are stored; every lane has columns of its own.
  void point_columns(size_t num_outputs, const std::vector<float*>& out, std::vector<StreamedColumn>& columns) {
    columns.assign(num_outputs * (symbols.size() + lanes.size()), {});
    StreamedColumn* next = columns.data();
    int64_t at = 0;
    for (size_t s = 0; s < symbols.size(); ++s, next += num_outputs) {
      symbols[s].columns = next;
      for (size_t i = 0; i < num_outputs; ++i) {
        next[i].wanted = wanted[s].data(), next[i].num_wanted = out.empty() ? 0 : int64_t(wanted[s].size());
        next[i].out = out.empty() ? nullptr : out[i] + at;
      }
      at += int64_t(wanted[s].size());
    }
    at = 0;
    for (Lane& lane : lanes) {
      if (!out.empty()) lane.columns = next;
      for (size_t i = 0; i < num_outputs && !out.empty(); ++i) next[i].out = out[i] + at, next[i].last = lane.rows;
      next += num_outputs, at += lane.rows;
    }
  }
};

}  // namespace

void evaluate_segments(const Program& program, std::span<const Bars> series, std::span<const Segment> segments, Workspace& workspace,
                       const std::vector<float*>& out) {
  Workspace::State& space = workspace.state();
  SegmentRun segment_run(series, segments);
  // A series may be wanted in no row at all; then its list must not look like none.
  for (auto& rows : segment_run.wanted) rows.reserve(1);
  segment_run.point_columns(program.num_outputs(), out, space.columns);
  run_plan(program, segment_run.symbols, std::move(segment_run.lanes), 0, space);
  if (!out.empty()) kernels::elementwise_kernels().finish(space.columns.data(), int64_t(space.columns.size()));
}

void evaluate_segments(const Program& program, std::span<const Bars> series, std::span<const Segment> segments, Workspace& workspace,
                       const std::vector<double*>& out) {
  Workspace::State& space = workspace.state();
  SegmentRun segment_run(series, segments);
  size_t longest = 0;
  for (const Bars& bars : series) longest = std::max(longest, bars.rows);
  const size_t cells = program.num_outputs() * longest;
  double* const block = reinterpret_cast<double*>(space.block.grow(series.size() * cells * sizeof(double)));
  for (size_t s = 0; s < series.size(); ++s) segment_run.symbols[s].out = block + s * cells;
  run_plan(program, segment_run.symbols, std::move(segment_run.lanes), longest, space);
  for (size_t i = 0; i < out.size(); ++i) {
    double* to = out[i];
    for (size_t s = 0; s < series.size(); ++s)
      for (const int64_t row : segment_run.wanted[s]) *to++ = block[s * cells + i * longest + size_t(row)];
  }
}

}  // namespace hayate
