// Expressions that look across the panel: CSRank(Mean($close,5)) ranks symbols against each other, Mean(CSRank($close),5) goes on
// with the result, CSRank(Mean(CSRank($close),5)) does both; Mask($close,'SPY') reads another symbol. A plan runs one symbol from its first row to its last and never sees
// another, so such a graph is cut into stages at its staged nodes:
//
//   CSRank(Mean(CSZScore($close),5)) / $open      stage 0   program  $close           series  z = CSZScore(.)
//                                                 stage 1   program  Mean(z,5)        series  r = CSRank(.)
//                                                 last      program  r / $open
//
// A stage is a program of its own, run for every symbol in double, and the series that are made of its outputs over the whole
// panel. These become fields of the panel, and later programs read them as they read a column. So the evaluator and
// everything that calls it (tasks, batches, predictions) know nothing of stages: the fields are there before they begin.
//
// A field is named by the hash of the sub-expression that it stands for, so that features and labels share what they have in
// common. It carries the sub-expression's extent: look-ahead, reach and lookback of the last program are those of the
// whole expression.
//
// Cost: 8 bytes a row for every staged node that is alive, 16 a row for the rows of each date. Cross-sections are taken date by
// date, symbols in the panel's order; dates are shared out to the workers. A CSRank of 500 symbols x 2,500 bars takes about 0.07 s on one.
#pragma once

#include <string>
#include <vector>

#include "features/graph.h"
#include "hayate/features.h"

namespace hayate {

/// One staged node: a field to be made from outputs of its stage's program.
struct StagedSeries {
  Op op = Op::cross_rank;
  int32_t left = -1, right = -1;  ///< outputs
  int64_t horizon = 0;            ///< of a barrier
  double up = 0, down = 0;
  std::string symbol = {};  ///< whose values Mask takes
  std::string field;
};

struct StageGraph {
  Graph graph;
  std::vector<StagedSeries> series;
};

/// `graph` cut at its staged nodes: the stages in their order, then what is left, which has the outputs of `graph`.
struct StagedGraph {
  std::vector<StageGraph> stages;
  Graph last;
};
StagedGraph split_stages(const Graph& graph);

struct Program::Stage {
  std::shared_ptr<const Plan> plan;
  std::vector<StagedSeries> series;
};

}  // namespace hayate
