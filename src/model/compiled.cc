#include "hayate/compiled.h"

#include <cassert>
#include <limits>
#include <optional>

#include "model/layouts.h"

namespace hayate {

struct CompiledForest::Layouts {
  const Forest& forest;
  ForestCut cut;
  int exits = 0;
  std::optional<CodedTrees> coded;
  std::optional<KeyedTrees> keyed;
};

CompiledForest::CompiledForest(const Forest& forest, ForestCut cut, int exits) {
  auto layouts = std::make_unique<Layouts>(Layouts{forest, cut, exits, {}, {}});
  if (has_codes(forest)) layouts->coded.emplace(forest, cut, exits);
  if (layouts->coded && !layouts->coded->fits()) layouts->coded.reset();
  if (has_keys(forest)) layouts->keyed.emplace(forest, cut);
  layouts_ = std::move(layouts);
}
CompiledForest::~CompiledForest() = default;
CompiledForest::CompiledForest(CompiledForest&&) noexcept = default;

CompiledForest CompiledForest::fastest(const Forest& forest, ForestCut cut) {
  int best = kUsualExits;
  double least = std::numeric_limits<double>::infinity();
  for (const int exits : {0, kUsualExits, kMostExits}) {
    if (!has_codes(forest)) break;
    const CodedTrees coded(forest, cut, exits);
    const double seconds = coded.fits() ? coded.measure() : least;
    if (seconds < least) least = seconds, best = exits;
  }
  return CompiledForest(forest, cut, best);
}

int CompiledForest::exits() const { return layouts_->exits; }

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
  if (layouts_->keyed) return layouts_->keyed->predict_row(row.data(), 1, out);
  hayate::predict_row(layouts_->forest, row, out, layouts_->cut);
}

}  // namespace hayate
