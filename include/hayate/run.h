// A run: from bars to a folder of predictions, a model, metrics and a report. The spec says what is computed and alone
// decides the bytes of predictions.parquet, model.hyt and metrics.json; how it is run (workers, memory, order) is not in it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hayate/error.h"
#include "hayate/expression.h"
#include "hayate/folds.h"

namespace hayate {

struct UniverseSpec {
  std::vector<std::string> input;  ///< files, folders or globs
  std::string adjust = "none";     ///< "adj_close": prices scaled by adj_close / close, volume by its inverse
};
struct FeaturesSpec {
  std::vector<std::string> set;          ///< "alpha158", ...; may be empty when there are others
  std::vector<std::string> indicators;   ///< "rsi(period=14)"
  std::vector<std::string> expressions;  ///< "ma5 = Mean($close,5)/$close"
  std::vector<std::string> processors;   ///< "cs_zscore", "robust_zscore", "winsorize(0.01)", "fillna(0)", in their order
  std::string fit = "train";             ///< rows that processors are fitted on: of the fold's training; "all": test rows too, which leaks
};
struct LabelSpec {
  std::string expression = "Ref($close,-2)/Ref($close,-1)-1";
  std::string normalize = "none";  ///< cs_zscore, cs_rank: over the symbols of each date
};
struct ModelSpec {
  std::string learner = "forest";
  std::string scope = "symbol";  ///< one model per symbol, or "pooled": one for the universe
  std::string params;            ///< "num_trees=100,max_depth=10"
  int64_t seed = 0;
  std::string problem = "regression";  ///< or "ranking": the order of the symbols of a date (scope pooled)
  double half_life = 0;                ///< days in which the weight of a training row halves; 0: never
};

struct AdviceSpec {
  std::string rule = "none";           ///< "rank": by the place of the newest prediction among the symbol's out-of-sample ones
  double buy = 70, sell = 30;          ///< scores, in percent
  double rsi_high = 80, rsi_low = 20;  ///< no BUY at or above, no SELL at or below
};

/// A search over the learner's params before every fold trains, on its training rows. No space: no search.
struct TuneSpec {
  std::vector<std::string> space;  ///< "num_trees=choice(50,100,200)", one a parameter
  int64_t trials = 20;
  std::string sampler = "random", scheduler = "none";
  int64_t grace_period = 10, reduction_factor = 2, max_t = 100;
  std::string metric;                  ///< what is compared; empty: rmse
  std::string score = "walk_forward";  ///< or "oob": rows that are compared on, all of them training rows of the fold
  int64_t folds = 5;                   ///< blocks of dates of walk_forward
};

struct RunSpec {
  UniverseSpec universe;
  FeaturesSpec features;
  LabelSpec label;
  SplitSpec split;  ///< purge_days -1: the label's own horizon
  ModelSpec model;
  TuneSpec tune;
  AdviceSpec advice;
  TextPlaces places;  ///< of features, processors and the label, for errors; no part of what is computed
};

}  // namespace hayate
