#include "features/lane_tiles.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <set>

#include "base/clock.h"
#include "features/stages.h"
#include "features/workspace.h"
#include "kernels/lane_order.h"

namespace hayate {

using kernels::Cell;
using kernels::kLanes;
using kernels::kLaneTileCells;
using kernels::kLaneTileRows;

namespace {

constexpr size_t kLineRows = 16;         // of float32
constexpr int64_t kLongestWindow = 256;  // sorted windows of 16 lanes stay in the second-level cache
constexpr double kFull = 0.7;            // of the cells that lanes compute: below that, symbols one by one are as fast
const double kMissing = -std::numeric_limits<double>::quiet_NaN();

// ---- What runs side by side ----------------------------------------------------------------------------------------

bool is_order(Op op) { return op == Op::quantile || op == Op::rank; }

bool suits_lanes(const Graph& graph, const GraphNode& n) {
  if (is_order(n.op)) return n.n >= 1 && n.n <= kLongestWindow && graph.node(n.in[0]).type != ValueType::boolean;
  if (n.op == Op::shift) return n.n >= 0 && n.n <= kLongestWindow;
  return n.op == Op::field || n.op == Op::constant || n.op == Op::cast || is_elementwise(n.op);
}

/// Whether an output is made of windows in order and of loops over rows alone, with at least one of the former.
bool is_for_lanes(const Graph& graph, int32_t output) {
  bool orders = false;
  std::vector<int32_t> stack = {output};
  std::set<int32_t> seen;
  while (!stack.empty()) {
    const int32_t i = stack.back();
    stack.pop_back();
    if (!seen.insert(i).second) continue;
    const GraphNode& n = graph.node(i);
    if (!suits_lanes(graph, n)) return false;
    orders |= is_order(n.op);
    for (const int32_t operand : n.in)
      if (operand >= 0) stack.push_back(operand);
  }
  return orders;
}

std::unique_ptr<const LaneSplit> make_split(const Program::Plan& plan) {
  auto split = std::make_unique<LaneSplit>();
  for (size_t i = 0; i < plan.asked.size(); ++i)
    (is_for_lanes(plan.graph, plan.asked[i]) ? split->lanes_columns : split->rest_columns).push_back(int32_t(i));
  if (split->lanes_columns.empty()) return nullptr;
  const auto part = [&](const std::vector<int32_t>& columns) {
    Graph graph = plan.graph;
    graph.outputs.clear(), graph.output_names.clear();
    for (const int32_t column : columns)
      graph.outputs.push_back(plan.asked[size_t(column)]), graph.output_names.push_back(plan.graph.output_names[size_t(column)]);
    return Program::of_stage({std::make_shared<const Program::Plan>(make_plan(std::move(graph), plan.dtype)), {}});
  };
  split->lanes = part(split->lanes_columns), split->rest = part(split->rest_columns);
  return split;
}

}  // namespace

LaneSplitOnce::LaneSplitOnce() = default;
LaneSplitOnce::~LaneSplitOnce() = default;

const LaneSplit* lane_split(const Program& program) {
  const Program::Plan& plan = program.plan();
  if (plan.dtype != Dtype::float32) return nullptr;
  std::call_once(plan.split_once->once, [&] { plan.split_once->split = make_split(plan); });
  return plan.split_once->split.get();
}

bool fills_lanes(std::span<const Bars> bars, size_t stride) {
  if (stride % kLineRows != 0) return false;
  size_t longest = 0, rows = 0;
  for (const Bars& symbol : bars) {
    longest = std::max(longest, symbol.rows), rows += symbol.rows;
    for (size_t f = 0; f < symbol.series.size(); ++f)
      if (symbol.series[f].index() != bars[0].series[f].index()) return false;
  }
  return longest >= size_t(kLaneTileRows) && double(rows) >= kFull * double(longest * size_t(kLanes));
}

namespace {

struct LaneFamily {
  kernels::LaneOrderTask task;
  std::vector<kernels::LaneOrderOutput> outputs;
  size_t state_at = 0;  ///< doubles
};

/// The newest rows of a series that later rows look back to: they stand before a tile's own while its slot is in use.
struct History {
  int32_t node = -1;
  size_t bytes = 0, at = 0;
};

}  // namespace

struct LaneTiles::Bound {
  Bound(const LaneSplit& split, size_t bound_stride)
      : columns(split.lanes_columns),
        program(split.lanes),
        plan(program.plan()),
        stride(bound_stride),
        elementwise(kernels::elementwise_kernels()),
        order(kernels::lane_order_kernels()),
        layout(plan, size_t(kLaneTileRows), size_t(kLanes)) {
    slots = memory.grow(layout.local_bytes + size_t(kLaneTileCells) * sizeof(float));
    narrow = reinterpret_cast<float*>(slots + layout.local_bytes);
    loops.assign(plan.steps.size(), RowLoop{});
    for (const StepGroup& group : plan.groups)
      for (int32_t s = group.first; s < group.last && group.kind == StepGroup::Kind::by_rows; ++s)
        loops[size_t(s)] = bind_loop(plan, plan.steps[size_t(s)], layout, elementwise);
    bind_families();
    size_t bytes = 0;
    for (size_t i = 0; i < plan.slot_before.size(); ++i) {
      if (plan.slot_before[i] == 0) continue;
      histories.push_back({int32_t(i), size_t(plan.slot_before[i] * kLanes) * width_of(plan.places[i].cell), bytes});
      bytes += histories.back().bytes;
    }
    history = history_memory.grow(bytes);
  }

  const GraphNode& node(int32_t i) const { return plan.graph.node(i); }
  char* at(int32_t i) const { return slots + layout.offset(plan.places[size_t(i)]); }
  int64_t column(int32_t output) const { return int64_t(size_t(columns[size_t(output)]) * stride); }

  kernels::LaneSink sink_of(const FamilyOutput& output) const {
    kernels::LaneSink sink;
    if (output.column >= 0) sink.column = column(output.column);
    if (output.scale >= 0 && node(output.scale).op == Op::constant)
      sink.number = node(output.scale).p;
    else if (output.scale >= 0)
      sink.scale = reinterpret_cast<const double*>(at(output.scale));
    if (output.place < 0) return sink;
    sink.inverse = output.inverts(), sink.offset = output.offset;
    sink.doubles = reinterpret_cast<double*>(at(output.place));
    return sink;
  }

  void bind_families() {
    families.resize(plan.families.size());
    size_t doubles = 0;
    for (size_t f = 0; f < families.size(); ++f) {
      const Family& family = plan.families[f];
      kernels::LaneOrderTask& task = families[f].task;
      task = {
          .series = {at(family.left), plan.places[size_t(family.left)].cell}, .ranks = family.kind == FamilyKind::ranks, .longest = family.longest};
      for (const FamilyOutput& output : family.outputs) families[f].outputs.push_back({node(output.node).n, node(output.node).p, sink_of(output)});
      task.outputs = families[f].outputs.data(), task.num_outputs = int32_t(families[f].outputs.size());
      families[f].state_at = doubles;
      doubles += (size_t(order.words(task)) + 7) / 8 * 8;
    }
    states = reinterpret_cast<double*>(state_memory.grow(doubles * sizeof(double)));
  }

  // ---- Tiles -------------------------------------------------------------------------------------------------------

  void begin_block(std::span<const Bars> block_bars, std::span<float* const> out) {
    bars = block_bars, rows = 0;
    for (size_t l = 0; l < bars.size(); ++l) {
      offsets[l] = reinterpret_cast<uintptr_t>(out[l]) % 64 / sizeof(float);
      rows = std::max(rows, offsets[l] + bars[l].rows);
    }
    for (const LaneFamily& family : families) order.begin(family.task, states + family.state_at);
    for (const History& h : histories) fill(history + h.at, h.bytes, plan.places[size_t(h.node)].cell);
  }

  static void fill(char* cells, size_t bytes, Cell cell) {
    if (cell == Cell::float32) std::fill_n(reinterpret_cast<float*>(cells), bytes / sizeof(float), float(kMissing));
    if (cell == Cell::float64) std::fill_n(reinterpret_cast<double*>(cells), bytes / sizeof(double), kMissing);
    if (cell == Cell::boolean) std::memset(cells, 0, bytes);
  }

  void begin_tile(int64_t row, std::span<float* const> out) {
    tile = {.row = row, .whole = bars.size() == size_t(kLanes)};
    for (size_t l = 0; l < bars.size(); ++l) {
      tile.first[l] = std::clamp<int64_t>(int64_t(offsets[l]) - row, 0, kLaneTileRows);
      tile.last[l] = std::clamp<int64_t>(int64_t(offsets[l] + bars[l].rows) - row, 0, kLaneTileRows);
      tile.whole &= tile.first[l] == 0 && tile.last[l] == kLaneTileRows;
      tile.out[l] = out[l] - offsets[l] + row;
    }
  }

  void read_field(const RowLoop& loop) const {
    const void* from[kLanes] = {};
    Cell stored = Cell::float32;
    for (size_t l = 0; l < bars.size(); ++l)
      std::visit(
          [&](const auto& values) {
            from[l] = values.data() + (tile.row - int64_t(offsets[l]));
            stored = sizeof(*values.data()) == 4 ? Cell::float32 : Cell::float64;
          },
          bars[l].series[size_t(loop.field)]);
    order.read(from, stored, loop.cell, tile, slots + loop.out);
  }

  void run_loop_of(const RowLoop& loop) const {
    switch (loop.kind) {
      case RowLoop::Kind::read:
        return read_field(loop);
      case RowLoop::Kind::column: {
        const char* cells = slots + loop.in[0].offset;
        if (loop.cell == Cell::float32) return order.store(reinterpret_cast<const float*>(cells), column(loop.column), tile);
        elementwise.convert(loop.cell, Cell::float32)(cells, narrow, kLaneTileCells);
        return order.store(narrow, column(loop.column), tile);
      }
      case RowLoop::Kind::narrow:
      case RowLoop::Kind::narrow_difference:
        run_narrow_loop(loop, slots, 0, 0, kLaneTileCells, narrow);
        return order.store(narrow, column(loop.column), tile);
      default:
        return run_loop(loop, slots, 0, 0, kLaneTileCells, elementwise);
    }
  }

  /// Calls take(node) with what a step makes.
  template <class Take>
  void for_places(const Step& step, const Take& take) const {
    if (step.kind == Step::Kind::node) take(step.node);
    if (step.kind != Step::Kind::family) return;
    for (const FamilyOutput& output : plan.families[size_t(step.family)].outputs)
      if (output.place >= 0) take(output.place);
  }

  /// Brings back the rows before the tile, or keeps the newest.
  void move_history(int32_t i, bool recall) const {
    const auto h = std::find_if(histories.begin(), histories.end(), [&](const History& known) { return known.node == i; });
    if (h == histories.end()) return;
    char* const first = at(i);
    if (recall)
      std::memcpy(first - h->bytes, history + h->at, h->bytes);
    else
      std::memcpy(history + h->at, first + size_t(kLaneTileCells) * width_of(plan.places[size_t(i)].cell) - h->bytes, h->bytes);
  }

  /// Rows before a lane begins are missing, whatever a loop made of them: a comparison makes a number of NaN.
  void forget_before(int32_t i) const {
    const Cell cell = plan.places[size_t(i)].cell;
    for (int64_t l = 0; l < kLanes; ++l)
      for (int64_t r = 0; r < tile.first[l]; ++r) fill(at(i) + (r * kLanes + l) * int64_t(width_of(cell)), width_of(cell), cell);
  }

  void run_step(size_t number) const {
    const Step& step = plan.steps[number];
    for_places(step, [&](int32_t i) { move_history(i, true); });
    if (step.kind == Step::Kind::family)
      order.run(families[size_t(step.family)].task, tile, states + families[size_t(step.family)].state_at);
    else
      run_loop_of(loops[number]);
    if (tile.row == 0) for_places(step, [&](int32_t i) { forget_before(i); });
    for_places(step, [&](int32_t i) { move_history(i, false); });
  }

  std::vector<int32_t> columns;  // of the whole program, by output
  Program program;
  const Program::Plan& plan;
  size_t stride;
  const kernels::ElementwiseKernels& elementwise;
  const kernels::LaneOrderKernels& order;
  SlotLayout layout;
  AlignedBytes memory, state_memory, history_memory;
  char *slots = nullptr, *history = nullptr;
  float* narrow = nullptr;  // a tile on its way into a column
  double* states = nullptr;
  std::vector<RowLoop> loops;        // by step of the plan
  std::vector<LaneFamily> families;  // by family of the plan
  std::vector<History> histories;

  // Of the block at hand.
  std::span<const Bars> bars;
  size_t rows = 0;
  size_t offsets[kLanes] = {};  // the row of the block at which a lane begins
  kernels::LaneTile tile;
};

LaneTiles::LaneTiles(const LaneSplit& split, size_t stride) : bound_(std::make_unique<Bound>(split, stride)) {}
LaneTiles::~LaneTiles() = default;
LaneTiles::LaneTiles(LaneTiles&&) noexcept = default;
LaneTiles& LaneTiles::operator=(LaneTiles&&) noexcept = default;

bool LaneTiles::is_for(const LaneSplit& split, size_t stride) const {
  return &bound_->plan == &split.lanes.plan() && bound_->stride == stride && &bound_->order == &kernels::lane_order_kernels();
}

void LaneTiles::run(std::span<const Bars> bars, std::span<float* const> out, Workspace::State& space) {
  Bound& b = *bound_;
  ProgramCost* const cost = space.cost_of(b.program);
  const double begin = cost ? wall_seconds() : 0;
  b.begin_block(bars, out);
  for (size_t row = 0; row < b.rows && !space.stopped(); row += size_t(kLaneTileRows)) {
    b.begin_tile(int64_t(row), out);
    uint64_t now = cost ? ticks() : 0;
    for (size_t s = 0; s < b.plan.steps.size(); ++s) {
      b.run_step(s);
      if (!cost) continue;
      const uint64_t end = ticks();
      cost->step_ticks[s] += end - now;
      now = end;
    }
  }
  b.order.fence();
  if (!cost) return;
  cost->seconds += wall_seconds() - begin;
  for (const Bars& symbol : bars) cost->rows += int64_t(symbol.rows);
}

}  // namespace hayate
