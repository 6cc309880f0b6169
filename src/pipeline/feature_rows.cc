#include "pipeline/feature_rows.h"

#include <algorithm>
#include <memory>

#include "features/evaluate_rows.h"

namespace hayate::pipeline {
namespace {

/// Bars between two wanted rows, beyond what a value reads, that are gone through rather than begun anew.
constexpr int64_t kSmallGap = 32;

/// Cells that are handed out between two looks at whether to go on.
constexpr int64_t kCellsAtOnce = 1'000'000;

struct Space {
  Workspace workspace;
  std::vector<float> block;
  std::vector<int64_t> wanted;
  std::vector<float*> columns;
};

/// Values of bars wanted[from] .. wanted[to - 1] of one symbol.
void compute(const Program& program, const Bars& bars, size_t from, size_t to, Space& space) {
  const std::vector<int64_t>& wanted = space.wanted;
  const int64_t begin = std::max<int64_t>(0, wanted[from] - program.reach().value_or(wanted[from]));
  const int64_t end = std::min<int64_t>(int64_t(bars.rows), wanted[to - 1] + 1 + program.look_ahead());
  std::vector<int64_t> rows;
  for (size_t i = from; i < to; ++i) rows.push_back(wanted[i] - begin);
  for (size_t f = 0; f < space.columns.size(); ++f) space.columns[f] = space.block.data() + f * wanted.size() + from;
  evaluate_rows(program, part_of(bars, begin, end), rows, space.workspace, space.columns);
}

}  // namespace

RowSource feature_rows(const Program& program, const Panel& panel, exec::Pool& pool, const exec::Cancellation& cancel) {
  RowSource source;
  source.num_features = int64_t(program.num_outputs()), source.names = program.names(), source.workers = pool.workers();
  const auto spaces = std::make_shared<std::vector<Space>>(size_t(pool.workers()));
  source.read = [&program, &panel, &pool, &cancel, spaces](std::span<const int32_t> rows, const RowSource::Take& take) {
    pool.run(
        int64_t(panel.num_symbols()),
        [&](int64_t s, int worker) {
          Space& space = (*spaces)[size_t(worker)];
          const auto first = std::lower_bound(rows.begin(), rows.end(), panel.offsets[size_t(s)]);
          const auto last = std::lower_bound(first, rows.end(), panel.offsets[size_t(s) + 1]);
          if (first == last) return;
          space.wanted.clear();
          for (auto row = first; row != last; ++row) space.wanted.push_back(*row - panel.offsets[size_t(s)]);
          space.block.resize(std::max(space.block.size(), space.wanted.size() * program.num_outputs()));
          space.columns.resize(program.num_outputs());
          const Bars bars = bars_of(program, panel, size_t(s));
          space.workspace.stop_with(&cancel);
          for (size_t from = 0, to = 0; from < space.wanted.size(); from = to) {
            for (to = from + 1; to < space.wanted.size(); ++to)
              if (program.reach() && space.wanted[to] - space.wanted[to - 1] > *program.reach() + kSmallGap) break;
            compute(program, bars, from, to, space);
          }
          const int64_t count = int64_t(space.wanted.size()), features = int64_t(program.num_outputs());
          const int64_t step = std::max<int64_t>(1, kCellsAtOnce / features / 64) * 64;
          for (int64_t begin = 0; begin < count && !cancel.stopped(); begin += step)
            take(first - rows.begin() + begin, {space.block.data() + begin, std::min(step, count - begin), features, count}, worker);
        },
        &cancel);
  };
  return source;
}

}  // namespace hayate::pipeline
