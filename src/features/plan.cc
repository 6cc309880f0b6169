#include "features/plan.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/strings.h"

namespace hayate {
namespace {

using kernels::Cell;

Cell cell_of(ValueType type) {
  if (type == ValueType::boolean) return Cell::boolean;
  return type == ValueType::float32 ? Cell::float32 : Cell::float64;
}

/// Loops that read float32 operands in float64 arithmetic.
bool reads_float32(Op op) { return op == Op::add || op == Op::subtract || op == Op::multiply || op == Op::divide || op == Op::reciprocal; }

bool is_family(Op op) { return is_rolling(op) || op == Op::ewm || op == Op::expanding_ema || op == Op::first || op == Op::talib; }

/// What goes from row to row by a function of its own: the first value, and windows of all rows so far but those that are sorted.
kernels::LaneFunction lanes_of(const Graph& graph, const GraphNode& node) {
  using enum kernels::LaneFunction;
  if (node.op == Op::ewm) return ewm;
  if (node.op == Op::first) return first_value;
  if (node.op == Op::talib) return graph.talib_calls[size_t(node.n)].lanes();
  if (!is_rolling(node.op) || node.n != 0) return none;
  switch (node.op) {
    case Op::sum:
      return so_far_sum;
    case Op::mean:
      return graph.node(node.in[0]).type == ValueType::boolean ? so_far_share : so_far_mean;
    case Op::variance:
      return so_far_variance;
    case Op::deviation:
      return so_far_deviation;
    case Op::slope:
      return so_far_slope;
    case Op::rsquare:
      return so_far_rsquare;
    case Op::residual:
      return so_far_residual;
    case Op::weighted_mean:
      return so_far_weighted_mean;
    case Op::skewness:
      return so_far_skewness;
    case Op::kurtosis:
      return so_far_kurtosis;
    case Op::largest:
      return so_far_largest;
    case Op::smallest:
      return so_far_smallest;
    case Op::index_of_largest:
      return so_far_index_of_largest;
    case Op::index_of_smallest:
      return so_far_index_of_smallest;
    default:
      return none;
  }
}

FamilyKind kind_of(const Graph& graph, const GraphNode& node) {
  if (lanes_of(graph, node) != kernels::LaneFunction::none) return FamilyKind::lanes;
  switch (node.op) {
    case Op::sum:
      return FamilyKind::sums;
    case Op::mean:
      return graph.node(node.in[0]).type == ValueType::boolean ? FamilyKind::sums : FamilyKind::moments;
    case Op::skewness:
    case Op::kurtosis:
      return FamilyKind::shapes;
    case Op::correlation:
    case Op::covariance:
      return FamilyKind::comoments;
    case Op::largest:
    case Op::index_of_largest:
      return FamilyKind::largest;
    case Op::smallest:
    case Op::index_of_smallest:
      return FamilyKind::smallest;
    case Op::quantile:
      return FamilyKind::quantiles;
    case Op::rank:
      return FamilyKind::ranks;
    case Op::expanding_ema:
    case Op::absolute_deviation:
      return FamilyKind::recursive;
    case Op::talib:
      return FamilyKind::talib;
    default:
      return FamilyKind::moments;
  }
}

/// Extremes may stand in float32 places, see is_narrow_extreme.
bool finds_extremes(FamilyKind kind) { return kind == FamilyKind::largest || kind == FamilyKind::smallest; }

/// Families whose columns are made in float32, or of float32 extremes: what is also wanted as a series is another output.
bool apart_from_columns(FamilyKind kind) { return finds_extremes(kind) || kind == FamilyKind::comoments; }

/// Families that can multiply a result on its way into a column.
bool takes_scale(FamilyKind kind) { return kind < FamilyKind::recursive; }
bool writes_columns(FamilyKind kind) { return takes_scale(kind) || kind == FamilyKind::lanes; }

class Planner {
 public:
  Planner(Graph graph, Dtype dtype) {
    plan_.dtype = dtype;
    plan_.graph = std::move(graph);
    plan_.asked = plan_.graph.outputs;
    plan_.split_once = std::make_shared<LaneSplitOnce>();
  }

  Program::Plan make() {
    if (plan_.dtype == Dtype::float32) share_divisors();
    count_readers();
    gather_families();
    place_nodes();
    fold_differences();
    for (size_t i = 0; i < plan_.graph.outputs.size(); ++i) schedule_output(int32_t(i));
    order_phases();
    group_steps();
    find_crossing();
    assign_slots();
    find_keeping();
    return std::move(plan_);
  }

 private:
  Graph& graph() { return plan_.graph; }
  const Graph& graph() const { return plan_.graph; }
  const GraphNode& node(int32_t i) const { return plan_.graph.node(i); }
  size_t num_nodes() const { return plan_.graph.nodes().size(); }

  void share_divisors() {
    for (int32_t& output : graph().outputs) {
      const GraphNode root = node(output);
      if (root.op != Op::divide || root.type != ValueType::float64) continue;
      const GraphNode divisor = node(root.in[1]);
      int32_t factor;
      if (divisor.op == Op::constant)
        factor = graph().add({.op = Op::constant, .type = ValueType::float64, .p = 1 / divisor.p});
      else
        factor = graph().add({.op = Op::reciprocal, .type = ValueType::float64, .in = {root.in[1]}});
      output = graph().add({.op = Op::multiply, .type = ValueType::float64, .in = {root.in[0], factor}});
    }
  }

  /// Only nodes that an output needs are read; share_divisors leaves some that none does.
  void count_readers() {
    readers_.assign(num_nodes(), {});
    outputs_of_.assign(num_nodes(), 0);
    std::vector<bool> needed(num_nodes(), false);
    for (int32_t output : graph().outputs) needed[size_t(output)] = true, ++outputs_of_[size_t(output)];
    for (int32_t i = int32_t(num_nodes()) - 1; i >= 0; --i) {
      if (!needed[size_t(i)]) continue;
      for (int32_t operand : node(i).in) {
        if (operand < 0) continue;
        needed[size_t(operand)] = true;
        readers_[size_t(operand)].push_back(i);
      }
    }
    needed_ = std::move(needed);
  }

  // ---- Families ----------------------------------------------------------------------------------------------------

  /// Windows of the bars run in lanes where there are lanes anyway.
  bool joins_lanes(int32_t i) const {
    if (node(i).op != Op::talib || plan_.graph.talib_calls[size_t(node(i).n)].tiles() == kernels::LaneFunction::none) return false;
    return std::all_of(node(i).in.begin(), node(i).in.end(), [&](int32_t operand) { return operand < 0 || lane_input(operand).field >= 0; });
  }
  FamilyKind kind_of_needed(int32_t i, bool has_lanes) const {
    const FamilyKind kind = kind_of(graph(), node(i));
    return has_lanes && kind == FamilyKind::talib && joins_lanes(i) ? FamilyKind::lanes : kind;
  }

  void gather_families() {
    family_of_.assign(num_nodes(), -1);
    bool has_lanes = false;
    for (int32_t i = 0; i < int32_t(num_nodes()); ++i) has_lanes |= needed_[size_t(i)] && is_recursive(graph(), node(i));
    std::map<std::tuple<FamilyKind, int32_t, int32_t>, int32_t> known;
    for (int32_t i = 0; i < int32_t(num_nodes()); ++i) {
      if (!needed_[size_t(i)] || !is_family(node(i).op)) continue;
      const FamilyKind kind = kind_of_needed(i, has_lanes);
      // A recursive node is a family by itself; the outputs of one call of TA-Lib are one, numbered apart from nodes.
      const int32_t second = node(i).op == Op::talib                                      ? -2 - int32_t(node(i).n)
                             : kind == FamilyKind::recursive || kind == FamilyKind::lanes ? i
                                                                                          : node(i).in[1];
      const auto key = std::tuple(kind, node(i).in[0], second);
      const auto [at, fresh] = known.try_emplace(key, int32_t(plan_.families.size()));
      if (fresh) plan_.families.push_back({.kind = kind, .left = node(i).in[0], .right = node(i).in[1]});
      if (fresh && kind == FamilyKind::lanes) plan_.families.back().lanes = lane_call(node(i));
      family_of_[size_t(i)] = at->second;
    }
    std::vector<std::vector<int64_t>> windows(plan_.families.size());
    members_.resize(plan_.families.size());
    for (int32_t i = 0; i < int32_t(num_nodes()); ++i) {
      const int32_t f = family_of_[size_t(i)];
      if (f >= 0) windows[size_t(f)].push_back(node(i).n), members_[size_t(f)].push_back(i);
    }
    for (size_t f = 0; f < windows.size(); ++f) link_family(plan_.families[f], windows[f]);
    add_family_outputs();
  }

  LaneCall lane_call(const GraphNode& n) const {
    LaneCall call{.function = lanes_of(plan_.graph, n), .params = {n.p}, .inputs = {lane_input(n.in[0])}, .num_outputs = 1};
    if (n.op != Op::talib) return call;
    const TalibCall& talib = plan_.graph.talib_calls[size_t(n.n)];
    call = {.function = talib.lanes(), .params = talib.params, .exact = talib.exact, .num_outputs = talib.function->num_outputs()};
    if (call.function == kernels::LaneFunction::none) call.function = talib.tiles();
    if (call.function == talib.tiles()) call.along_rows = int32_t(n.n);
    for (int i = 0; i < talib.function->num_inputs(); ++i) call.inputs.push_back(lane_input(n.in[size_t(i)]));
    return call;
  }

  /// A field, widened or not, is read from the bars.
  LaneInput lane_input(int32_t i) const {
    const GraphNode& n = node(i);
    const bool widens = n.op == Op::cast && n.type == ValueType::float64;
    const GraphNode& source = widens ? node(n.in[0]) : n;
    if (source.op == Op::field) return {.field = int32_t(source.n), .cell = cell_of(source.type)};
    return {.node = i};
  }

  static void link_family(Family& family, const std::vector<int64_t>& windows) {
    family.longest = *std::max_element(windows.begin(), windows.end());
    if (family.kind <= FamilyKind::comoments) family.sums = sum_links(windows);
    if (family.kind == FamilyKind::largest || family.kind == FamilyKind::smallest) family.extremes = extremes_links(windows);
  }

  int32_t link_in(const Family& family, int64_t window) const {
    if (family.kind <= FamilyKind::comoments) return link_of(family.sums, window);
    return link_of(family.extremes, window);
  }

  /// The family node and the scale that an output is made of, when a family can write the column itself.
  struct Direct {
    int32_t made = -1, scale = -1;
  };

  Direct direct_column(size_t i) const {
    if (plan_.dtype != Dtype::float32) return {};
    const int32_t root = plan_.graph.outputs[i];
    const auto can_write = [&](int32_t n) { return family_of_[size_t(n)] >= 0 && takes_scale(plan_.families[size_t(family_of_[size_t(n)])].kind); };
    if (family_of_[size_t(root)] >= 0 && writes_columns(plan_.families[size_t(family_of_[size_t(root)])].kind)) return {root, -1};
    const GraphNode& product = node(root);
    if (product.op != Op::multiply || product.type != ValueType::float64) return {};
    if (node(product.in[1]).op != Op::reciprocal && node(product.in[1]).op != Op::constant) return {};
    if (!can_write(product.in[0]) || !readers_[size_t(root)].empty()) return {};
    // The scale must be there before the family runs.
    if (needs_family(product.in[1], family_of_[size_t(product.in[0])])) return {};
    return {product.in[0], product.in[1]};
  }

  /// Whether node `i` is made of results of family `f`, with the scales that families wait for already. True when that can't be
  /// said after a thousand nodes: then a pass more is made.
  bool needs_family(int32_t i, int32_t f) const {
    std::vector<int32_t> stack = {i};
    std::set<int32_t> seen;
    while (!stack.empty()) {
      const int32_t n = stack.back();
      stack.pop_back();
      if (!seen.insert(n).second) continue;
      if (family_of_[size_t(n)] == f || seen.size() > 1000) return true;
      for (int32_t operand : node(n).in)
        if (operand >= 0) stack.push_back(operand);
      if (family_of_[size_t(n)] >= 0)
        for (const FamilyOutput& output : plan_.families[size_t(family_of_[size_t(n)])].outputs)
          if (output.scale >= 0) stack.push_back(output.scale);
    }
    return false;
  }

  void add_family_outputs() {
    direct_.assign(graph().outputs.size(), {});
    for (size_t i = 0; i < graph().outputs.size(); ++i) {
      direct_[i] = direct_column(i);
      const auto [made, scale] = direct_[i];
      if (made < 0) continue;
      Family& family = plan_.families[size_t(family_of_[size_t(made)])];
      family.outputs.push_back({.node = made, .link = link_in(family, node(made).n), .column = int32_t(i), .scale = scale});
    }
    for (int32_t i = 0; i < int32_t(num_nodes()); ++i) {
      if (family_of_[size_t(i)] < 0 || !is_family(node(i).op) || !needs_place(i)) continue;
      Family& family = plan_.families[size_t(family_of_[size_t(i)])];
      if (const Inverse made = inverse_of(i); made.node >= 0) {
        family.outputs.push_back({.node = i, .link = link_in(family, node(i).n), .place = made.node, .offset = made.offset});
        members_[size_t(family_of_[size_t(i)])].push_back(made.node);
        family_of_[size_t(made.node)] = family_of_[size_t(i)];
        continue;
      }
      const auto with_column = std::find_if(family.outputs.begin(), family.outputs.end(), [&](const FamilyOutput& o) { return o.node == i; });
      if (with_column != family.outputs.end() && !apart_from_columns(family.kind))
        with_column->place = i;
      else
        family.outputs.push_back({.node = i, .link = link_in(family, node(i).n), .place = i});
    }
    for (Family& family : plan_.families)
      std::stable_sort(family.outputs.begin(), family.outputs.end(),
                       [&](const FamilyOutput& a, const FamilyOutput& b) { return order(a) < order(b); });
  }

  /// Ascending windows, all rows so far last; of one window, by operator.
  std::pair<int64_t, Op> order(const FamilyOutput& output) const {
    const GraphNode& n = node(output.node);
    return {n.n == 0 ? Extent::kAll : n.n, n.op};
  }

  /// 1 / (i + offset), when nothing else reads family node `i`.
  struct Inverse {
    int32_t node = -1;
    double offset = 0;
  };
  Inverse inverse_of(int32_t i) const {
    const FamilyKind kind = plan_.families[size_t(family_of_[size_t(i)])].kind;
    if (plan_.dtype != Dtype::float32 || !takes_scale(kind) || finds_extremes(kind)) return {};
    int32_t reader = only_reader(i);
    double offset = 0;
    if (reader >= 0 && is_offset(reader)) offset = node(node(reader).in[1]).p, reader = only_reader(reader);
    return reader >= 0 && node(reader).op == Op::reciprocal ? Inverse{reader, offset} : Inverse{};
  }
  /// x + number in float64.
  bool is_offset(int32_t i) const { return node(i).op == Op::add && node(i).type == ValueType::float64 && node(node(i).in[1]).op == Op::constant; }
  /// The node that reads `i`, once, when that is all that is done with it; otherwise -1.
  int32_t only_reader(int32_t i) const { return readers_[size_t(i)].size() == 1 && outputs_of_[size_t(i)] == 0 ? readers_[size_t(i)].front() : -1; }

  /// Whether the values of family node `i` are read by anything but columns that the family writes itself.
  bool needs_place(int32_t i) const {
    for (int32_t reader : readers_[size_t(i)])
      if (!is_written_product(reader)) return true;
    for (size_t o = 0; o < plan_.graph.outputs.size(); ++o)
      if (plan_.graph.outputs[o] == i && direct_[o].made < 0) return true;
    return false;
  }
  /// A product that is only there as columns which the family of its first factor writes.
  bool is_written_product(int32_t i) const {
    if (family_of_[size_t(i)] >= 0 || !readers_[size_t(i)].empty()) return false;
    bool any = false;
    for (size_t o = 0; o < plan_.graph.outputs.size(); ++o) {
      if (plan_.graph.outputs[o] != i) continue;
      if (direct_[o].made < 0) return false;
      any = true;
    }
    return any;
  }

  // ---- Places ------------------------------------------------------------------------------------------------------

  /// Whether every reader of `i` takes float32 where the type says float64.
  bool all_read_float32(int32_t i) const {
    return std::all_of(readers_[size_t(i)].begin(), readers_[size_t(i)].end(),
                       [&](int32_t r) { return reads_float32(node(r).op) || is_family(node(r).op); });
  }

  /// Whether several functions of TA-Lib read `i`: each would widen it for itself, at 0.3 ns a row.
  bool is_shared_widening(int32_t i) const {
    std::set<int32_t> functions;
    for (int32_t reader : readers_[size_t(i)]) {
      const int32_t f = family_of_[size_t(reader)];
      if (f >= 0 && plan_.families[size_t(f)].kind == FamilyKind::talib) functions.insert(f);
    }
    return functions.size() > 1;
  }

  /// Nodes that stand where another one does: shifts, and widenings that the readers do themselves.
  int32_t alias_of(int32_t i) const {
    const GraphNode& n = node(i);
    // A shift back of a shift forward has rows without a value at both ends, so it is a copy.
    if (n.op == Op::shift) return plan_.places[size_t(n.in[0])].shift * n.n >= 0 ? n.in[0] : -1;
    const bool widens = n.op == Op::cast && n.type == ValueType::float64 && node(n.in[0]).type == ValueType::float32;
    return widens && outputs_of_[size_t(i)] == 0 && all_read_float32(i) && !is_shared_widening(i) ? n.in[0] : -1;
  }

  void place_nodes() {
    plan_.places.assign(num_nodes(), {});
    plan_.slot_before.assign(num_nodes(), 0);
    plan_.slot_after.assign(num_nodes(), 0);
    root_.assign(num_nodes(), -1);
    for (int32_t i = 0; i < int32_t(num_nodes()); ++i) {
      Place& place = plan_.places[size_t(i)];
      root_[size_t(i)] = i;
      place.cell = cell_of(node(i).type);
      if (const int32_t source = alias_of(i); source >= 0) {
        place = plan_.places[size_t(source)];
        root_[size_t(i)] = root_[size_t(source)];
        if (node(i).op == Op::shift) place.shift += node(i).n;
      } else if (is_narrow_extreme(i)) {
        place.cell = Cell::float32;
      }
      const size_t root = size_t(root_[size_t(i)]);
      if (!needed_[size_t(i)]) continue;
      plan_.slot_before[root] = std::max(plan_.slot_before[root], place.shift);
      plan_.slot_after[root] = std::max(plan_.slot_after[root], -place.shift);
      plan_.pad_before = std::max(plan_.pad_before, place.shift);
      plan_.pad_after = std::max(plan_.pad_after, -place.shift);
    }
  }

  /// Extremes of float32 are float32 numbers, and positions are small.
  bool is_narrow_extreme(int32_t i) const {
    const int32_t f = family_of_[size_t(i)];
    if (f < 0 || (plan_.families[size_t(f)].kind != FamilyKind::largest && plan_.families[size_t(f)].kind != FamilyKind::smallest)) return false;
    return node(node(i).in[0]).type != ValueType::float64 && all_read_float32(i);
  }

  /// Differences that are only multiplied on their way into a column, (x - y) z, or inverted, 1 / (x - y + number), are computed there.
  void fold_differences() {
    plan_.folded.assign(num_nodes(), false);
    if (plan_.dtype != Dtype::float32) return;
    for (int32_t i = 0; i < int32_t(num_nodes()); ++i) {
      if (!needed_[size_t(i)] || !is_difference(i)) continue;
      const int32_t reader = only_reader(i);
      if (reader < 0) continue;
      if (node(reader).op == Op::multiply && is_narrowed(reader) && node(reader).in[0] == i && is_factor(node(reader).in[1])) {
        plan_.folded[size_t(i)] = true;
      } else if (is_offset(reader)) {
        const int32_t inverse = only_reader(reader);
        if (inverse < 0 || node(inverse).op != Op::reciprocal) continue;
        plan_.folded[size_t(i)] = plan_.folded[size_t(reader)] = true;
      }
    }
  }
  /// Of two series.
  bool is_difference(int32_t i) const {
    return node(i).op == Op::subtract && node(i).type == ValueType::float64 && node(node(i).in[0]).op != Op::constant &&
           node(node(i).in[1]).op != Op::constant;
  }
  bool is_factor(int32_t i) const { return node(i).op == Op::constant || plan_.places[size_t(i)].cell == Cell::float64; }

  /// Whether output node `i` is arithmetic that goes into its column as float32, without a place.
  bool is_narrowed(int32_t i) const {
    if (plan_.dtype != Dtype::float32 || !reads_float32(node(i).op) || !readers_[size_t(i)].empty() || outputs_of_[size_t(i)] != 1) return false;
    const auto output = std::find(plan_.graph.outputs.begin(), plan_.graph.outputs.end(), i) - plan_.graph.outputs.begin();
    return direct_[size_t(output)].made < 0;
  }

  // ---- Order -------------------------------------------------------------------------------------------------------

  /// Emits what `i` needs, then the step that computes it. An explicit stack: chains may be tens of thousands of nodes long.
  void schedule(int32_t wanted) {
    std::vector<int32_t> stack = {wanted};
    while (!stack.empty()) {
      const int32_t i = stack.back();
      const std::vector<int32_t> needs = needs_of(i);
      const size_t before = stack.size();
      if (!is_done(i))
        for (auto at = needs.rbegin(); at != needs.rend(); ++at)
          if (!is_done(*at)) stack.push_back(*at);
      if (stack.size() > before) continue;
      stack.pop_back();
      if (!is_done(i)) emit(i);
    }
  }

  std::vector<int32_t> needs_of(int32_t i) const {
    std::vector<int32_t> needs;
    const auto need = [&](int32_t n) {
      if (n >= 0 && node(n).op != Op::constant) needs.push_back(root_[size_t(n)]);
    };
    if (const int32_t f = family_of_[size_t(i)]; f >= 0) {
      for (int32_t operand : operands_of(f)) need(operand);
      for (const FamilyOutput& output : plan_.families[size_t(f)].outputs) need(output.scale);
    } else {
      for (int32_t operand : unfolded_operands(i)) need(operand);
    }
    return needs;
  }

  /// The operands of `i`; in the place of those that are computed with it, theirs.
  std::vector<int32_t> unfolded_operands(int32_t i) const {
    std::vector<int32_t> operands;
    for (int32_t operand : node(i).in) {
      if (operand < 0 || !plan_.folded[size_t(operand)]) {
        operands.push_back(operand);
        continue;
      }
      const std::vector<int32_t> inner = unfolded_operands(operand);
      operands.insert(operands.end(), inner.begin(), inner.end());
    }
    return operands;
  }

  bool is_done(int32_t i) const { return size_t(i) < done_.size() && done_[size_t(i)]; }

  void emit(int32_t i) {
    done_.resize(num_nodes(), false);
    const int32_t f = family_of_[size_t(i)];
    if (f < 0) {
      done_[size_t(i)] = true;
      plan_.steps.push_back({.kind = Step::Kind::node, .node = i});
      return;
    }
    for (int32_t member : members_[size_t(f)]) done_[size_t(member)] = true;
    plan_.steps.push_back({.kind = Step::Kind::family, .family = f});
  }

  void schedule_output(int32_t output) {
    const int32_t root = graph().outputs[size_t(output)];
    if (direct_[size_t(output)].made >= 0) return schedule(direct_[size_t(output)].made);
    if (!is_narrowed(root)) {
      schedule(root_[size_t(root)]);
      plan_.steps.push_back({.kind = Step::Kind::column, .node = root, .column = output});
      return;
    }
    for (int32_t need : needs_of(root)) schedule(need);
    plan_.steps.push_back({.kind = Step::Kind::narrow, .node = root, .column = output});
  }

  /// The nodes that a family reads.
  std::vector<int32_t> operands_of(int32_t f) const {
    const Family& family = plan_.families[size_t(f)];
    if (family.kind == FamilyKind::lanes) {
      std::vector<int32_t> operands;
      for (const LaneInput& input : family.lanes.inputs)
        if (input.node >= 0) operands.push_back(input.node);
      return operands;
    }
    if (family.kind != FamilyKind::talib) return {family.left, family.right};
    const GraphNode& member = node(members_[size_t(f)].front());
    return {std::begin(member.in), std::end(member.in)};
  }

  // ---- Slots -------------------------------------------------------------------------------------------------------

  std::vector<int32_t> reads_of(const Step& step) const {
    std::vector<int32_t> reads;
    if (step.kind == Step::Kind::column) return {step.node};
    if (step.kind == Step::Kind::family) {
      reads = operands_of(step.family);
      for (const FamilyOutput& output : plan_.families[size_t(step.family)].outputs) reads.push_back(output.scale);
    } else {
      reads = unfolded_operands(step.node);
    }
    std::erase_if(reads, [&](int32_t n) { return n < 0 || node(n).op == Op::constant; });
    return reads;
  }

  std::vector<int32_t> writes_of(const Step& step) const {
    if (step.kind == Step::Kind::node) return {step.node};
    std::vector<int32_t> writes;
    if (step.kind == Step::Kind::family)
      for (const FamilyOutput& output : plan_.families[size_t(step.family)].outputs)
        if (output.place >= 0) writes.push_back(output.place);
    return writes;
  }

  bool is_lanes(const Step& step) const { return step.kind == Step::Kind::family && plan_.families[size_t(step.family)].kind == FamilyKind::lanes; }

  /// Puts the steps of every phase together, its lanes last. A step that reads what lanes made is a phase later.
  void order_phases() {
    std::vector<int32_t> phase_of(num_nodes(), 0);
    std::vector<std::pair<int32_t, Step>> ordered;
    for (const Step& step : plan_.steps) {
      int32_t phase = 0;
      for (int32_t n : reads_of(step)) phase = std::max(phase, phase_of[size_t(root_[size_t(n)])]);
      for (int32_t n : writes_of(step)) phase_of[size_t(n)] = phase + is_lanes(step);
      plan_.has_lanes |= is_lanes(step);
      ordered.emplace_back(2 * phase + is_lanes(step), step);
    }
    std::stable_sort(ordered.begin(), ordered.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    plan_.steps.clear();
    for (const auto& [order, step] : ordered) plan_.steps.push_back(step), phases_.push_back(order / 2);
  }

  bool runs_by_rows(const Step& step) const {
    return step.kind != Step::Kind::family && (step.kind != Step::Kind::node || node(step.node).op != Op::shift);
  }

  /// A step that reads later rows than its own of what its group makes begins a new group.
  void group_steps() {
    std::vector<int32_t> made_in(num_nodes(), -1);
    for (size_t s = 0; s < plan_.steps.size(); ++s) {
      const Step& step = plan_.steps[s];
      const int32_t group = int32_t(plan_.groups.size()) - 1, phase = phases_[s];
      const auto kind = is_lanes(step) ? StepGroup::Kind::lanes : runs_by_rows(step) ? StepGroup::Kind::by_rows : StepGroup::Kind::whole;
      bool joins =
          kind != StepGroup::Kind::whole && group >= 0 && plan_.groups[size_t(group)].kind == kind && plan_.groups[size_t(group)].phase == phase;
      for (int32_t n : reads_of(step))
        if (plan_.places[size_t(n)].shift < 0 && made_in[size_t(root_[size_t(n)])] == group) joins = false;
      if (!joins) plan_.groups.push_back({.first = int32_t(s), .last = int32_t(s), .kind = kind, .phase = phase});
      plan_.groups.back().last = int32_t(s) + 1;
      for (int32_t n : writes_of(step)) made_in[size_t(n)] = int32_t(plan_.groups.size()) - 1;
    }
  }

  /// What lanes make or read, and what is read in a later phase than it is made in.
  void find_crossing() {
    std::vector<int32_t> made_in(num_nodes(), -1);
    for (const StepGroup& group : plan_.groups) {
      for (int32_t s = group.first; s < group.last; ++s) {
        const Step& step = plan_.steps[size_t(s)];
        for (int32_t n : reads_of(step)) {
          const size_t root = size_t(root_[size_t(n)]);
          if (is_lanes(step) || made_in[root] != group.phase) plan_.places[root].crosses = true;
        }
        for (int32_t n : writes_of(step)) {
          made_in[size_t(n)] = group.phase;
          if (is_lanes(step)) plan_.places[size_t(n)].crosses = true;
        }
      }
    }
  }

  /// A slot is free again after the last step that reads it; one whose rows are read with a shift, after the last step of that
  /// group, because the next block of rows needs them; lanes of a group take turns too. Slots of 1 byte a row are numbered first, those of 8 last.
  void assign_slots() {
    std::vector<size_t> last_read(num_nodes(), 0), group_end(plan_.steps.size());
    std::vector<bool> shifted(num_nodes(), false);
    for (const StepGroup& group : plan_.groups)
      for (int32_t s = group.first; s < group.last; ++s) group_end[size_t(s)] = size_t(group.last) - 1;
    for (size_t s = 0; s < plan_.steps.size(); ++s) {
      for (int32_t n : reads_of(plan_.steps[s])) {
        const size_t root = size_t(root_[size_t(n)]);
        last_read[root] = s;
        if (plan_.places[size_t(n)].shift != 0 || is_lanes(plan_.steps[s])) shifted[root] = true;
      }
    }
    std::vector<int32_t> free_slots[6];
    int32_t count[6] = {};
    const auto size_class = [&](int32_t n) { return size_t(plan_.places[size_t(n)].cell) + (plan_.places[size_t(n)].crosses ? 3 : 0); };
    std::vector<std::vector<int32_t>> ends(plan_.steps.size());
    for (size_t s = 0; s < plan_.steps.size(); ++s) {
      for (int32_t n : writes_of(plan_.steps[s])) {
        auto& free = free_slots[size_class(n)];
        if (free.empty()) free.push_back(count[size_class(n)]++);
        plan_.places[size_t(n)].slot = free.back();
        free.pop_back();
        const size_t last = std::max(last_read[size_t(n)], s);
        ends[shifted[size_t(n)] ? group_end[last] : last].push_back(n);
      }
      for (int32_t n : ends[s]) free_slots[size_class(n)].push_back(plan_.places[size_t(n)].slot);
    }
    plan_.local = {count[0], count[1], count[2]}, plan_.crossing = {count[3], count[4], count[5]};
    const int32_t base[6] = {0, count[0], count[0] + count[1], 0, count[3], count[3] + count[4]};
    for (size_t i = 0; i < num_nodes(); ++i)
      if (root_[i] == int32_t(i) && plan_.places[i].slot >= 0) plan_.places[i].slot += base[size_class(int32_t(i))];
    for (size_t i = 0; i < num_nodes(); ++i) {
      const Place& root = plan_.places[size_t(root_[i])];
      plan_.places[i].slot = root.slot, plan_.places[i].crosses = root.crosses;
    }
  }

  // ---- Keeping -----------------------------------------------------------------------------------------------------

  bool is_made_by_lanes(size_t i) const { return family_of_[i] >= 0 && plan_.families[size_t(family_of_[i])].kind == FamilyKind::lanes; }

  /// From the outputs back: how many rows before a new one each node is needed in. Lanes need their inputs in new rows only. The bars
  /// must go back as far as any of it, since all series of a run have the same rows.
  void find_keeping() {
    Keeping& keeping = plan_.keeping;
    std::vector<int64_t> back(num_nodes(), -1);
    for (int32_t output : graph().outputs) back[size_t(output)] = 0;
    for (size_t i = num_nodes(); i-- > 0;) {
      if (back[i] < 0) continue;
      const GraphNode& n = node(int32_t(i));
      const std::optional<int64_t> reach = is_made_by_lanes(i) ? 0 : graph().own_reach(n);
      if (!reach) keeping.possible = false;
      const int64_t operand_back = is_made_by_lanes(i) ? 0 : back[i] + reach.value_or(0);
      for (int32_t operand : n.in)
        if (operand >= 0) back[size_t(operand)] = std::max(back[size_t(operand)], operand_back);
      if (n.op == Op::field || is_made_by_lanes(i)) keeping.bars = std::max(keeping.bars, back[i]);
    }
    keeping.state_at.assign(plan_.families.size(), 0);
    keeping.rows_of.assign(num_nodes(), 0), keeping.rows_at.assign(num_nodes(), 0);
    for (size_t f = 0; f < plan_.families.size(); ++f) {
      const Family& family = plan_.families[f];
      if (family.kind != FamilyKind::lanes) continue;
      keeping.state_at[f] = keeping.doubles;
      keeping.doubles += kernels::lane_kernels().kept(family.lanes.function, family.lanes.params.data());
      for (int32_t member : members_[f]) {
        keeping.rows_of[size_t(member)] = back[size_t(member)], keeping.rows_at[size_t(member)] = keeping.doubles;
        keeping.doubles += back[size_t(member)];
      }
    }
  }

  Program::Plan plan_;
  std::vector<bool> needed_, done_;
  std::vector<Direct> direct_;  // by output
  std::vector<std::vector<int32_t>> readers_, members_;
  std::vector<int32_t> outputs_of_, family_of_, root_;
  std::vector<int32_t> phases_;  // by step
};

}  // namespace

bool is_recursive(const Graph& graph, const GraphNode& node) { return is_family(node.op) && kind_of(graph, node) == FamilyKind::lanes; }

namespace {

struct OpName {
  Op op;
  std::string_view name;
};

constexpr OpName kOpNames[] = {{Op::field, "read $columns"},
                               {Op::cast, "convert"},
                               {Op::shift, "Ref"},
                               {Op::first, "Ref"},
                               {Op::absolute, "Abs"},
                               {Op::sign, "Sign"},
                               {Op::logarithm, "Log"},
                               {Op::invert, "Not"},
                               {Op::complement, "Not"},
                               {Op::reciprocal, "/"},
                               {Op::is_present, "Count"},
                               {Op::add, "+"},
                               {Op::subtract, "-"},
                               {Op::multiply, "*"},
                               {Op::divide, "/"},
                               {Op::power, "**"},
                               {Op::maximum, "Greater"},
                               {Op::minimum, "Less"},
                               {Op::greater, ">"},
                               {Op::greater_equal, ">="},
                               {Op::less, "<"},
                               {Op::less_equal, "<="},
                               {Op::equal, "=="},
                               {Op::not_equal, "!="},
                               {Op::bit_and, "&"},
                               {Op::bit_or, "|"},
                               {Op::choose, "If"},
                               {Op::sum, "Sum"},
                               {Op::mean, "Mean"},
                               {Op::variance, "Var"},
                               {Op::deviation, "Std"},
                               {Op::largest, "Max"},
                               {Op::smallest, "Min"},
                               {Op::index_of_largest, "IdxMax"},
                               {Op::index_of_smallest, "IdxMin"},
                               {Op::rank, "Rank"},
                               {Op::quantile, "Quantile"},
                               {Op::skewness, "Skew"},
                               {Op::kurtosis, "Kurt"},
                               {Op::absolute_deviation, "Mad"},
                               {Op::slope, "Slope"},
                               {Op::rsquare, "Rsquare"},
                               {Op::residual, "Resi"},
                               {Op::weighted_mean, "WMA"},
                               {Op::correlation, "Corr"},
                               {Op::covariance, "Cov"},
                               {Op::ewm, "EMA"},
                               {Op::expanding_ema, "EMA"}};

std::string name_of(const Graph& graph, const GraphNode& node) {
  if (node.op == Op::talib) return "ta." + std::string(graph.talib_calls[size_t(node.n)].function->name);
  return std::string(std::find_if(std::begin(kOpNames), std::end(kOpNames), [&](const OpName& o) { return o.op == node.op; })->name);
}

}  // namespace

std::string name_of_step(const Program::Plan& plan, const Step& step) {
  if (step.kind == Step::Kind::column) return "write columns";
  if (step.kind != Step::Kind::family) return name_of(plan.graph, plan.graph.node(step.node));
  std::vector<std::string> names;
  for (const FamilyOutput& output : plan.families[size_t(step.family)].outputs) {
    std::string name = name_of(plan.graph, plan.graph.node(output.node));
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(std::move(name));
  }
  return join(names, " ");
}

int64_t results_of_step(const Program::Plan& plan, const Step& step) {
  return step.kind == Step::Kind::family ? int64_t(plan.families[size_t(step.family)].outputs.size()) : 1;
}

Program::Plan make_plan(Graph graph, Dtype dtype) { return Planner(std::move(graph), dtype).make(); }

}  // namespace hayate
