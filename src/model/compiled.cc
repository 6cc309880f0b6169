#include "hayate/compiled.h"

#include <algorithm>
#include <cassert>
#include <limits>
#include <optional>

#include "base/clock.h"
#include "base/random.h"
#include "model/block_trees.h"
#include "model/layouts.h"
#include "model/unit_trees.h"

namespace hayate {

struct CompiledForest::Layouts {
  const Forest& forest;
  ForestCut cut;
  int exits = 0;
  std::shared_ptr<const CodedTrees> coded = nullptr;
  std::shared_ptr<const BlockTrees> blocks = nullptr;  ///< for one row; else keyed
  std::optional<KeyedTrees> keyed = {};

  void take(std::shared_ptr<const BlockTrees> trees) { exits = kBlocks, blocks = trees, coded = std::move(trees); }
  void take(std::shared_ptr<const UnitTrees> trees, int own) { exits = trees ? own : 0, coded = std::move(trees); }
};

CompiledForest::CompiledForest(std::unique_ptr<const Layouts> layouts) : layouts_(std::move(layouts)) {}
CompiledForest::~CompiledForest() = default;
CompiledForest::CompiledForest(CompiledForest&&) noexcept = default;

CompiledForest::CompiledForest(const Forest& forest, ForestCut cut) : CompiledForest(forest, cut, few_leaves(forest) ? kUsualExits : kBlocks) {}

CompiledForest::CompiledForest(const Forest& forest, ForestCut cut, int exits) {
  auto layouts = std::make_unique<Layouts>(Layouts{forest, cut});
  if (exits == kBlocks && has_codes(forest)) layouts->take(BlockTrees::make(forest, cut));
  if (!layouts->coded && has_codes(forest)) {
    const int own = exits == kBlocks ? kUsualExits : exits;
    layouts->take(UnitTrees::make(forest, cut, own), own);
  }
  if (!layouts->blocks && has_keys(forest)) layouts->keyed.emplace(forest, cut);
  layouts_ = std::move(layouts);
}

namespace {

/// Seconds of one row after the other: the best of three times.
template <class Trees>
double measure_rows(const Trees& trees, const Forest& forest) {
  constexpr size_t kRows = 32;
  const size_t features = size_t(forest.num_features());
  std::vector<float> rows(kRows * features);
  for (size_t i = 0; i < rows.size(); ++i) {
    const std::span<const float> cuts = forest.cuts.of(int64_t(i % features));
    if (!cuts.empty()) rows[i] = cuts[random_below(1, i, uint32_t(cuts.size()))];
  }
  std::vector<double> out(size_t(forest.num_outputs()));
  double best = std::numeric_limits<double>::infinity();
  for (int repeat = 0; repeat < 3; ++repeat) {
    const double begin = wall_seconds();
    for (size_t row = 0; row < kRows; ++row) trees.predict_row(rows.data() + row * features, 1, out);
    best = std::min(best, wall_seconds() - begin);
  }
  return best;
}

}  // namespace

CompiledForest CompiledForest::fastest(const Forest& forest, ForestCut cut) {
  if (!has_codes(forest)) return CompiledForest(forest, cut);
  auto layouts = std::make_unique<Layouts>(Layouts{forest, cut});
  double least = std::numeric_limits<double>::infinity();
  if (const std::shared_ptr<const BlockTrees> blocks = BlockTrees::make(forest, cut)) layouts->take(blocks), least = blocks->measure();
  for (const int exits : {0, kUsualExits, kMostExits}) {
    std::shared_ptr<const UnitTrees> units = UnitTrees::make(forest, cut, exits);
    const double seconds = units ? units->measure() : least;
    if (seconds < least) least = seconds, layouts->take(std::move(units), exits);
  }
  layouts->keyed.emplace(forest, cut);
  if (layouts->blocks && measure_rows(*layouts->keyed, forest) < measure_rows(*layouts->blocks, forest))
    layouts->blocks.reset();
  else if (layouts->blocks)
    layouts->keyed.reset();
  return CompiledForest(std::move(layouts));
}

int CompiledForest::exits() const { return layouts_->exits; }
int CompiledForest::exits_of_row() const { return layouts_->blocks ? kBlocks : 0; }

void CompiledForest::predict(const FloatColumns& raw, std::span<double> out) const {
  const Layouts& own = *layouts_;
  assert(raw.num_features == own.forest.num_features() && out.size() == size_t(raw.num_rows) * size_t(own.forest.num_outputs()));
  if (own.coded) return own.coded->predict(raw, out);
  if (!own.keyed) return hayate::predict(own.forest, raw, out, own.cut);
  const size_t outputs = size_t(own.forest.num_outputs());
  for (size_t i = 0; i < size_t(raw.num_rows); ++i) own.keyed->predict_row(raw.data + i, raw.stride, out.subspan(i * outputs, outputs));
}

void CompiledForest::predict_codes(const CodeColumns& codes, std::span<const int32_t> rows, std::span<double> out) const {
  if (layouts_->coded) return layouts_->coded->predict_codes(codes, rows, out);
  hayate::predict_codes(layouts_->forest, codes, rows, out, layouts_->cut);
}

void CompiledForest::predict_row(std::span<const float> row, std::span<double> out) const {
  if (layouts_->blocks) return layouts_->blocks->predict_row(row.data(), 1, out);
  if (layouts_->keyed) return layouts_->keyed->predict_row(row.data(), 1, out);
  hayate::predict_row(layouts_->forest, row, out, layouts_->cut);
}

}  // namespace hayate
