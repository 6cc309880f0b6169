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
  static constexpr int kUsualExits = 32, kMostExits = 64;

  /// Trees of at most 64 leaves are answered by bits, and of larger ones the upper part up to `exits` subtrees (1 .. 64), below
  /// which rows walk (kernels/leaves.h). 0: everything walks. About 10 ns a node.
  explicit CompiledForest(const Forest& forest, ForestCut cut = {}, int exits = kUsualExits);
  /// Times the ways there are on rows of any codes, about a millisecond each, and takes the quickest.
  static CompiledForest fastest(const Forest& forest, ForestCut cut = {});
  ~CompiledForest();
  CompiledForest(CompiledForest&&) noexcept;

  /// As predict(), predict_codes() and predict_row() of the forest and the cut. A row of 1,024 features or fewer costs no allocation.
  void predict(const FloatColumns& raw, std::span<double> out) const;
  void predict_codes(const CodeColumns& codes, std::span<const int32_t> rows, std::span<double> out) const;
  void predict_row(std::span<const float> row, std::span<double> out) const;

  /// What was chosen: 0 walks, 1 .. 64 as in the constructor.
  int exits() const;

 private:
  struct Layouts;
  std::unique_ptr<const Layouts> layouts_;
};

}  // namespace hayate
