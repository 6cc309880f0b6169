// A forest laid out for prediction: what `predict` makes of one for many rows, and what a server keeps.
//
//   const CompiledForest compiled = CompiledForest::fastest(forest);   // at load: tries its kernels on this machine
//   compiled.predict_row(row, out);                                    // 100 trees in about a microsecond, no allocation
//
// Same bytes as predict() of the forest, whichever kernel answers.
#pragma once

#include <memory>
#include <span>

#include "hayate/model.h"

namespace hayate {

/// Immutable; may be used from any number of threads at once. The forest must outlive it.
class CompiledForest {
 public:
  static constexpr int kUsualExits = 32, kMostExits = 64, kBlocks = -1;

  /// By the way that is usually quickest. About 10 ns a node.
  explicit CompiledForest(const Forest& forest, ForestCut cut = {});
  /// By a way chosen. kBlocks: 31 tests at a time, for one row too (kernels/test_blocks.h). Else trees of at most 64 leaves are answered by bits, and of
  /// larger ones the upper part up to `exits` subtrees (1 .. 64), below which rows walk (kernels/leaves.h); 0: everything walks. Where a way can't be
  /// (kBlocks: a processor that can't permute bytes, tests of more than 256 features, more than 2,048 trees of which some are deeper than five levels
  /// and some have more than 32 leaves) the usual one is taken.
  CompiledForest(const Forest& forest, ForestCut cut, int exits);
  /// Times the ways there are, on rows of any codes and on one row, about a millisecond each, and takes the quickest.
  static CompiledForest fastest(const Forest& forest, ForestCut cut = {});
  ~CompiledForest();
  CompiledForest(CompiledForest&&) noexcept;

  /// As predict(), predict_codes() and predict_row() of the forest and the cut. A row of 1,024 features or fewer costs no allocation.
  void predict(const FloatColumns& raw, std::span<double> out) const;
  void predict_codes(const CodeColumns& codes, std::span<const int32_t> rows, std::span<double> out) const;
  void predict_row(std::span<const float> row, std::span<double> out) const;

  /// What many rows, and one row, are answered by: as in the constructor; one row walks (0) or goes by kBlocks.
  int exits() const;
  int exits_of_row() const;

 private:
  struct Layouts;
  explicit CompiledForest(std::unique_ptr<const Layouts> layouts);

  std::unique_ptr<const Layouts> layouts_;
};

}  // namespace hayate
