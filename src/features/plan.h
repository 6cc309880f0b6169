// A graph made ready to run: an order of steps, a place for every series, and the windowed nodes gathered into families.
//
// A family is what one kernel computes in one pass: all sums, means, deviations and lines over the same series, whatever their
// windows; all extremes of it in one direction; its quantiles; its ranks; all correlations of the same pair. That, and shared
// sub-expressions, is where the speed of a set comes from; no feature has code of its own.
//
// One symbol at a time, a step does the whole series: a loop over rows that the compiler vectorises. Between steps, series lie
// in slots that are used again as soon as nobody reads them any more (2,500 bars are 10 or 20 KB a slot, so what is alive stays
// in the second-level cache). Ref costs nothing: it is its operand's slot, read n rows earlier, with NaN before the first row.
//
// Alpha158 of 500 symbols x 2,500 days takes 157 ms with AVX-512 and 178 with AVX2 (0.1 % of the rows missing: 197 and 212). Columns of
// quantiles and ranks run with a symbol in every lane of a vector (lane_tiles.h): a seventh of the time. The rest is shared evenly by kernels
// that are each near what their loads, stores, divisions and conversions cost: means, deviations and lines a quarter, correlations and sums
// with counts a sixth each, extremes a tenth; then arithmetic of rows and storing columns. Storing the 790 MB alone takes
// 16 to 30 ms, at 26 GB/s where the machine is slow; the kernels hide as much of it whether 1 line or 128 leave at a time.
// Tried without gain: strips of 24 to 256 KB in the kernels of windows (0 to 4 % slower: they are not waiting for the cache); all other
// windows side by side too (numbers in lane_tiles.h); roots of deviations and quotients of Rsquare and Corr in float32, which stand in the
// shadow of additions and conversions (deviations 6 % of their kernel, lines 0, Corr slower, because what float32 can't hold must be found).
// Nor with correlations, a fifth of it: roots and quotients in a loop behind that of the sums (a sixth slower; without any they would take a seventh
// less, without storing columns a fifth), vectors of 32 bytes (a tenth slower), gaps of 24 to 104 doubles between the arrays of a strip (0; strips
// of TA-Lib's functions, whose arrays lay 4 KB apart, gained a third by that, see ta_windows.h), and roots and quotients of correlations and
// deviations as three steps of Newton's method from a guess made of the exponent (0 beyond the noise). Nothing is left to share in Alpha158: five
// windows of SUMP, SUMN and SUMD are three families of sums, both quantiles read one sorted window, IMXD reads what IMAX and IMIN store.
//
// In a float32 program a quotient x / y of float64 that is a column itself becomes x * (1 / y): 1 / y is shared by all columns with
// the same divisor (Alpha158 divides 45 times by close), and the family that makes x multiplies on its way out. The difference is
// below 2 ulp of float64 before the rounding to float32. Where a divisor is a family's result plus a number, the family stores its
// inverse at once; a difference that is only multiplied or inverted has no series of its own.
//
// Recursive functions (kernels/lanes.h) run over a block of up to 16 symbols at once, each a lane. So the steps fall into phases: those
// before the lanes, symbol by symbol, the lanes, those that read what they made, and so on. What one phase leaves to another lies in
// slots that every symbol of the block has for itself; all other slots are used again by the next symbol. Lanes read the fields of the
// bars where they are, and write columns themselves. Functions of windows that read the bars join them (kernels/lane_windows.cc), which
// halves what they cost; for fewer than four symbols they, and what smooths them, are done along the rows, to the same bytes. A program without
// recursive functions has one phase, and a block of it is one symbol after the other.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "features/graph.h"
#include "features/windows.h"
#include "hayate/features.h"
#include "kernels/comoments.h"
#include "kernels/lanes.h"
#include "kernels/moments.h"

namespace hayate {

/// Where the values of a node are: row t at row t - shift of a slot.
struct Place {
  int32_t slot = -1;     ///< numbered by itself where `crosses`
  bool crosses = false;  ///< made in one phase and read in another: a slot of every symbol's own
  kernels::Cell cell = kernels::Cell::float32;
  int64_t shift = 0;
};

enum class FamilyKind : uint8_t { sums, moments, shapes, comoments, largest, smallest, quantiles, ranks, recursive, talib, lanes };

/// One result of a family: for a node's place, for a column (times `scale` if there is one), or for both.
struct FamilyOutput {
  int32_t node = -1;  ///< the graph node computed
  int32_t link = -1;
  int32_t column = -1;  ///< -1: none
  int32_t scale = -1;   ///< node, or a constant
  int32_t place = -1;   ///< the node whose place is written: `node`, or 1 / (node + offset); -1: none
  double offset = 0;

  bool inverts() const { return place >= 0 && place != node; }
};

/// What a lane function reads: a field of the bars, rounded to `cell`, or a node.
struct LaneInput {
  int32_t node = -1, field = -1;
  kernels::Cell cell = kernels::Cell::float64;
  bool operator==(const LaneInput&) const = default;
};

/// How a family of lanes is computed.
struct LaneCall {
  kernels::LaneFunction function = kernels::LaneFunction::none;
  std::vector<double> params = {};
  bool exact = false;
  std::vector<LaneInput> inputs = {};
  int num_outputs = 0;
  int32_t along_rows = -1;  ///< what evaluate_talib can do too: its number in Graph::talib_calls
};

struct Family {
  FamilyKind kind;
  int32_t left = -1, right = -1;  ///< nodes read
  std::vector<FamilyOutput> outputs = {};
  std::vector<kernels::WindowLink> sums = {};
  std::vector<kernels::ExtremesLink> extremes = {};
  int64_t longest = 0;
  LaneCall lanes = {};  ///< of the kind lanes
};

struct Step {
  enum class Kind : uint8_t {
    node,    ///< compute `node` into its place
    narrow,  ///< compute `node`, arithmetic of float64, into `column` as float32
    family,
    column,  ///< copy `node` to `column`
  };
  Kind kind;
  int32_t node = -1, family = -1, column = -1;
};

/// Steps [first, last): one that needs whole series, neighbours that treat every row by itself and run block by block of rows, or
/// lanes, which run over all symbols of a block.
struct StepGroup {
  enum class Kind : uint8_t { whole, by_rows, lanes };
  int32_t first = 0, last = 0;
  Kind kind = Kind::whole;
  int32_t phase = 0;
};

/// Slots of 1 byte a row come first, then those of 4, then those of 8.
struct SlotCounts {
  int32_t flags = 0, narrow = 0, wide = 0;
  bool operator==(const SlotCounts&) const = default;
};

/// What is to be kept of a symbol so that its next rows can be computed without those before: some rows of the bars, and of every
/// family of lanes its state after the last row, and the last rows of its results that windows and shifts look back to.
struct Keeping {
  bool possible = true;                   ///< not when anything but lanes looks back to the first row
  int64_t bars = 0;                       ///< rows
  int64_t doubles = 0;                    ///< of all families of lanes together
  std::vector<int64_t> state_at;          ///< by family: where its state begins, word by word
  std::vector<int64_t> rows_of, rows_at;  ///< by node: how many rows of a result of lanes, and where they begin
};

struct LaneSplit;

/// The split of a program (lane_tiles.h), made when the first block of symbols could use it.
struct LaneSplitOnce {
  std::once_flag once;
  std::unique_ptr<const LaneSplit> split;

  LaneSplitOnce();
  ~LaneSplitOnce();
};

struct Program::Plan {
  Graph graph;
  std::vector<int32_t> asked;  ///< the outputs as they were given; those of the graph may be other nodes of the same values
  Dtype dtype = Dtype::float32;
  std::vector<Place> places;  ///< by node
  std::vector<bool> folded;   ///< by node: computed by the loop of its only reader
  std::vector<Family> families;
  std::vector<Step> steps;
  std::vector<StepGroup> groups;  ///< all steps, in order
  /// Slots hold pad_before rows, the series and pad_after rows.
  SlotCounts local, crossing;
  bool has_lanes = false;
  std::shared_ptr<LaneSplitOnce> split_once;
  Keeping keeping;
  int64_t pad_before = 0, pad_after = 0;
  std::vector<int64_t> slot_before, slot_after;  ///< by node: rows around the series that are read, to be filled with NaN
};

/// Whether lanes compute a node.
bool is_recursive(const Graph& graph, const GraphNode& node);

/// The operators that a step computes as a user writes them ("Mean Std"), and how many series it makes.
std::string name_of_step(const Program::Plan& plan, const Step& step);
int64_t results_of_step(const Program::Plan& plan, const Step& step);

/// The plan of a compiled graph.
Program::Plan make_plan(Graph graph, Dtype dtype);

}  // namespace hayate
