#include "features/graph.h"

#include <algorithm>
#include <cmath>

namespace hayate {
namespace {

constexpr int64_t kAll = Extent::kAll;

int64_t plus(int64_t rows, int64_t more) { return rows == kAll || rows > kAll - more ? kAll : rows + more; }
int64_t back(int64_t from, int64_t rows) { return from == -kAll ? -kAll : from - rows; }

/// Values that a window needs before the operator has one of its own.
int64_t values_needed(Op op) {
  switch (op) {
    case Op::variance:
    case Op::deviation:
    case Op::slope:
    case Op::rsquare:
    case Op::residual:
    case Op::correlation:
    case Op::covariance:
      return 2;
    case Op::skewness:
      return 3;
    case Op::kurtosis:
      return 4;
    default:
      return 1;
  }
}

/// Rows in which the weight of the first one falls to a millionth; kAll for an alpha so small that no series is as long.
int64_t rows_to_fade(double alpha) {
  const double rows = std::ceil(std::log(1e-6) / std::log1p(-alpha));
  return rows < 1e18 ? int64_t(rows) : kAll;
}

/// Comparisons of NaN are false, not NaN.
bool swallows_missing(const GraphNode& node) { return node.type == ValueType::boolean && is_elementwise(node.op); }

Extent of_operands(const GraphNode& node, const std::vector<Extent>& extents) {
  Extent out;
  for (size_t i = 0; i < node.in.size(); ++i) {
    if (node.in[i] < 0) continue;
    const Extent& in = extents[size_t(node.in[i])];
    out.from = std::min(out.from, in.from), out.to = std::max(out.to, in.to);
    out.settled = std::max(out.settled, in.settled);
    if (node.op == Op::choose && i == 0) continue;
    out.lookback = std::max(out.lookback, in.lookback);
  }
  if (swallows_missing(node)) out.lookback = 0;
  return out;
}

}  // namespace

std::optional<int64_t> Graph::own_reach(const GraphNode& node) const {
  if (node.op == Op::shift) return std::max<int64_t>(node.n, 0);
  if (is_rolling(node.op)) return node.n == 0 ? std::nullopt : std::optional(node.n - 1);
  if (node.op == Op::field || node.op == Op::constant || node.op == Op::cast || is_elementwise(node.op)) return 0;
  if (node.op == Op::talib && talib_calls[size_t(node.n)].is_windowed()) return talib_calls[size_t(node.n)].lookback();
  return std::nullopt;
}

Extent Graph::extent_of(const GraphNode& node) const {
  if (node.op == Op::field) return size_t(node.n) < field_extents.size() ? field_extents[size_t(node.n)] : Extent{};
  Extent out = of_operands(node, extents_);
  if (node.op == Op::barrier_label || node.op == Op::barrier_touch) {
    out.to = plus(out.to, node.n);
  } else if (node.op == Op::of_symbol) {
    out.lookback = 0;  // the other symbol may have rows from before this one's first
  } else if (node.op == Op::shift) {
    out.from = node.n > 0 ? back(out.from, node.n) : out.from;
    out.settled = node.n > 0 ? plus(out.settled, node.n) : out.settled;
    out.to = std::max<int64_t>(out.to - node.n, 0);
    out.lookback = node.n > 0 ? plus(out.lookback, node.n) : out.lookback == kAll ? kAll : std::max<int64_t>(out.lookback + node.n, 0);
  } else if (node.op == Op::first) {
    out.from = -kAll, out.settled = kAll;
    if (out.lookback > 0) out.lookback = kAll;
  } else if (is_rolling(node.op)) {
    const int64_t needed = values_needed(node.op);
    out.from = node.n == 0 ? -kAll : back(out.from, node.n - 1);
    out.settled = node.n == 0 ? kAll : plus(out.settled, node.n - 1);
    out.lookback = node.n > 0 && node.n < needed ? kAll : plus(out.lookback, needed - 1);
  } else if (node.op == Op::ewm || node.op == Op::expanding_ema) {
    out.from = -kAll;
    out.settled = node.op == Op::ewm ? plus(out.settled, rows_to_fade(node.p)) : kAll;
  } else if (node.op == Op::talib) {
    return talib_extent(node, out);
  }
  return out;
}

/// Every earlier row, unless windows are all there is. The start of Wilder's smoothing has faded to 1e-6 after 14 periods or 7
/// lookbacks; SAR forgets at its first turn, which takes no given number of rows.
Extent Graph::talib_extent(const GraphNode& node, Extent inputs) const {
  const TalibCall& call = talib_calls[size_t(node.n)];
  const bool whole = call.function->is_whole(int(node.p));
  if (whole && call.exact) inputs.lookback = 0;
  if (!whole || inputs.lookback > 0) inputs.lookback = plus(inputs.lookback, call.lookback());
  inputs.from = call.is_windowed() ? back(inputs.from, call.lookback()) : -kAll;
  inputs.settled = call.function->cumulative || call.function->row_numbers
                       ? kAll
                       : plus(inputs.settled, call.lookback() * (call.fades() ? 20 : 1) + (call.fades() ? 250 : 0));
  return inputs;
}

int32_t Graph::add(const GraphNode& node) {
  const Key key{node.op, node.type, node.in, node.n, node.p};
  const auto [at, fresh] = seen_.try_emplace(key, int32_t(nodes_.size()));
  if (!fresh) return at->second;
  extents_.push_back(extent_of(node));
  nodes_.push_back(node);
  return at->second;
}

int64_t Graph::add_talib_call(const TalibCall& call, const std::vector<int32_t>& inputs) {
  const auto [at, fresh] = seen_calls_.try_emplace({call, inputs}, int64_t(talib_calls.size()));
  if (fresh) talib_calls.push_back(call);
  return at->second;
}

int64_t Graph::add_symbol(const std::string& name) {
  const auto at = std::find(symbols.begin(), symbols.end(), name);
  if (at != symbols.end()) return at - symbols.begin();
  symbols.push_back(name);
  return int64_t(symbols.size()) - 1;
}

}  // namespace hayate
