// The graph that expressions compile to: every node is one series, and equal sub-expressions are one node. qlib's names and
// coercions are gone here: types are explicit (casts are nodes), Delta is a subtraction, Count a sum, Med a quantile.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "features/talib.h"

namespace hayate {

enum class ValueType : uint8_t { boolean, float32, float64 };

enum class Op : uint8_t {
  field,     ///< `n` is the index of the field
  constant,  ///< `p` in `type`; an operand of element-wise nodes only
  cast,      ///< to `type`
  shift,     ///< the value n rows ago; n < 0 looks ahead
  first,     ///< the symbol's first value
  // Element-wise; operands have one type. Comparisons and logic give boolean, the others the operands' type.
  absolute,
  sign,
  logarithm,
  invert,      ///< !x
  complement,  ///< -x - 1: ~ of a whole number
  reciprocal,  ///< 1 / x: never written by a user, see plan.h
  is_present,  ///< x is not NaN
  add,
  subtract,
  multiply,
  divide,
  power,
  maximum,
  minimum,
  greater,
  greater_equal,
  less,
  less_equal,
  equal,
  not_equal,
  bit_and,  ///< of booleans, or of whole numbers held as float64
  bit_or,
  choose,  ///< in[0] ? in[1] : in[2]
  // Over the last n rows (n = 0: all so far); the result is float64.
  sum,
  mean,
  variance,
  deviation,
  largest,
  smallest,
  index_of_largest,
  index_of_smallest,
  rank,
  quantile,  ///< p in [0, 1]
  skewness,
  kurtosis,
  absolute_deviation,
  slope,
  rsquare,
  residual,
  weighted_mean,
  correlation,
  covariance,
  // All rows so far.
  ewm,            ///< p is alpha
  expanding_ema,  ///< span = rows so far
  talib,          ///< output `p` of Graph::talib_calls[n]
  // Over the whole panel: computed between stages (stages.h), never inside a plan. The result is float64.
  cross_rank,
  cross_zscore,
  cross_demean,
  cross_neutralize,  ///< in[1] is the group
  of_symbol,         ///< in[0] of the symbol Graph::symbols[n], at the same time
  barrier_label,     ///< triple barrier of in[0] over the next n rows; in[1] is its volatility, in[2] and in[3] the multipliers
  barrier_touch,     ///< rows until its first touch
};

inline constexpr bool is_rolling(Op op) { return op >= Op::sum && op <= Op::covariance; }
inline constexpr bool is_elementwise(Op op) { return op >= Op::absolute && op <= Op::choose; }
inline constexpr bool is_staged(Op op) { return op >= Op::cross_rank; }
/// Reads other symbols.
inline constexpr bool is_cross_section(Op op) { return op >= Op::cross_rank && op <= Op::of_symbol; }

/// The nodes that a node reads; -1 where there is none.
struct Operands : std::array<int32_t, kMaxTalibInputs> {
  Operands() { fill(-1); }
  /// A plain array would hold node 0 in the places that are not given.
  Operands(std::initializer_list<int32_t> given) : Operands() { std::copy(given.begin(), given.end(), begin()); }
};

struct GraphNode {
  Op op = Op::field;
  ValueType type = ValueType::float32;
  Operands in = {};
  int64_t n = 0;
  double p = 0;
};

/// Rows around t that the value at t depends on: t + from .. t + to. And how many leading rows have no value.
struct Extent {
  static constexpr int64_t kAll = std::numeric_limits<int64_t>::max();
  int64_t from = 0, to = 0;  ///< from = -kAll: every earlier row
  int64_t lookback = 0;      ///< kAll: no row ever has a value
  int64_t settled = 0;       ///< rows after which it hardly matters where the series begins; kAll: it always does
};

class Graph {
 public:
  /// The index of this node, or of the equal one that exists. Operands must exist.
  int32_t add(const GraphNode& node);
  /// The index in talib_calls of this call over these inputs, or of the equal one that exists.
  int64_t add_talib_call(const TalibCall& call, const std::vector<int32_t>& inputs);
  /// The index in symbols of this name.
  int64_t add_symbol(const std::string& name);

  const std::vector<GraphNode>& nodes() const { return nodes_; }
  const GraphNode& node(int32_t index) const { return nodes_[size_t(index)]; }
  const Extent& extent(int32_t index) const { return extents_[size_t(index)]; }
  /// Rows before its own that a node reads of its operands; nothing: all of them.
  std::optional<int64_t> own_reach(const GraphNode& node) const;

  std::vector<int32_t> outputs;
  std::vector<std::string> output_names;
  std::vector<std::string> fields;
  /// Of the fields that stand for a staged node: what that depends on. Fewer than fields: the others are columns as they are.
  std::vector<Extent> field_extents;
  std::vector<TalibCall> talib_calls;
  std::vector<std::string> symbols;  ///< that of_symbol names

 private:
  using Key = std::tuple<Op, ValueType, std::array<int32_t, kMaxTalibInputs>, int64_t, double>;
  Extent extent_of(const GraphNode& node) const;
  Extent talib_extent(const GraphNode& node, Extent inputs) const;

  std::vector<GraphNode> nodes_;
  std::vector<Extent> extents_;
  std::map<Key, int32_t> seen_;
  std::map<std::pair<TalibCall, std::vector<int32_t>>, int64_t> seen_calls_;
};

}  // namespace hayate
