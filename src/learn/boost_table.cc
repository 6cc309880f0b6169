#include <algorithm>
#include <numeric>

#include "learn/boost_tree.h"
#include "learn/stopped.h"

namespace hayate::learn {
namespace {

bool are_all(std::span<const int32_t> rows, int64_t num_rows) {
  if (int64_t(rows.size()) != num_rows) return false;
  for (size_t i = 0; i < rows.size(); ++i)
    if (rows[i] != int32_t(i)) return false;
  return true;
}

/// Places of one feature's histogram: a multiple of 64, or 64 bins and one place for missing values.
int32_t slots_of(const BoostTable& table, int32_t feature) {
  const int32_t bins = table.last_code(feature) + 1, places = bins + (table.has_missing(feature) ? 1 : 0);
  return places <= 64 ? 64 : bins <= 64 ? 72 : places <= 128 ? 128 : 256;
}

/// A tile without its places yet.
Tile plan_tile(const BoostTable& table, std::span<const int32_t> features) {
  Tile tile;
  tile.codes.width = int32_t(features.size() + 3) / 4 * 4;
  tile.codes.row_bytes = tile.codes.width <= 16 ? 16 : 32;
  tile.codes.slots = 64;
  for (const int32_t feature : features) {
    tile.codes.slots = std::max(tile.codes.slots, slots_of(table, feature));
    tile.features.push_back({feature, table.last_code(feature), table.has_missing(feature)});
  }
  tile.storage = AlignedBytes::unfilled(size_t(tile.codes.row_bytes * table.num_rows()));  // fill_tile() writes all of it
  tile.codes.places = tile.storage.data();
  return tile;
}

void fill_rows(const BoostTable& table, Tile& tile, int64_t begin, int64_t end) {
  std::vector<const uint8_t*> columns;
  for (const kernels::BoostFeature& feature : tile.features) columns.push_back(table.column(feature.number) + begin);
  kernels::boost_kernels().fill_tile(columns.data(), int32_t(columns.size()), end - begin, tile.codes.slots, tile.codes.row_bytes,
                                     tile.storage.data() + begin * tile.codes.row_bytes);
}

}  // namespace

BoostTable::BoostTable(const BinnedMatrix& matrix, std::span<const int32_t> rows, exec::Crew& crew, const exec::Cancellation* cancel)
    : num_rows_(int64_t(rows.size())) {
  const bool all = are_all(rows, matrix.num_rows);
  categorical_ = matrix.categorical;
  const int64_t stride = (num_rows_ + 63) / 64 * 64;
  if (!all) own_ = AlignedBytes(size_t(stride * matrix.num_features));
  for (int64_t f = 0; f < matrix.num_features; ++f) {
    last_code_.push_back(uint8_t(matrix.cuts.of(f).size()));
    has_missing_.push_back(matrix.has_missing[size_t(f)]);
    const uint8_t* codes = matrix.columns().column(f);
    columns_.push_back(all ? codes : own_.data() + f * stride);
  }
  if (all) return;
  crew.run(matrix.num_features, [&](int64_t f, int) {
    if (stopped(cancel)) return;
    const uint8_t* codes = matrix.columns().column(f);
    for (int64_t i = 0; i < num_rows_; ++i) own_.data()[f * stride + i] = codes[rows[size_t(i)]];
  });
}

uint32_t leaf_of(const GrownTree& tree, const BoostTable& table, uint32_t row) {
  uint32_t at = 0;
  while (!tree.nodes[at].is_leaf()) {
    const TreeNode& node = tree.nodes[at];
    const uint8_t code = table.column(node.feature)[row];
    const bool left = code == kMissingCode                 ? node.missing_left()
                      : table.is_categorical(node.feature) ? tree.sets[node.cut].has(code)
                                                           : code <= node.cut;
    at = node.child() + (left ? 0 : 1);
  }
  return at;
}

namespace {

/// The features of each tile. Features of one value are left out.
std::vector<std::vector<int32_t>> features_by_tile(const BoostTable& table, std::span<const int32_t> features) {
  std::vector<int32_t> useful;
  for (const int32_t feature : features)
    if (table.last_code(feature) > 0 || table.has_missing(feature)) useful.push_back(feature);
  // Features with as many places stand together; a stable order keeps the rest as it is.
  std::stable_sort(useful.begin(), useful.end(), [&](int32_t a, int32_t b) { return slots_of(table, a) < slots_of(table, b); });
  const size_t count = (useful.size() + kernels::kTileWidth - 1) / kernels::kTileWidth;
  std::vector<std::vector<int32_t>> out;
  for (size_t t = 0; t < count; ++t)
    out.emplace_back(useful.begin() + ptrdiff_t(useful.size() * t / count), useful.begin() + ptrdiff_t(useful.size() * (t + 1) / count));
  return out;
}

/// Calls task(tile, begin, end) for stretches of the rows of `tiles` tiles, until `cancel` says stop.
template <class Task>
void by_pieces(int64_t rows, int64_t tiles, exec::Crew& crew, const exec::Cancellation* cancel, Task task) {
  constexpr int64_t kRowsAtOnce = 16'384;
  const int64_t pieces = (rows + kRowsAtOnce - 1) / kRowsAtOnce;
  crew.run(tiles * pieces, [&](int64_t i, int) {
    if (!stopped(cancel)) task(i / pieces, i % pieces * kRowsAtOnce, std::min(rows, (i % pieces + 1) * kRowsAtOnce));
  });
}

}  // namespace

TileSet make_tiles(const BoostTable& table, std::span<const int32_t> features, exec::Crew& crew, const exec::Cancellation* cancel) {
  TileSet set;
  for (const std::vector<int32_t>& own : features_by_tile(table, features)) set.tiles.push_back(plan_tile(table, own));
  by_pieces(table.num_rows(), int64_t(set.tiles.size()), crew, cancel,
            [&](int64_t t, int64_t begin, int64_t end) { fill_rows(table, set.tiles[size_t(t)], begin, end); });
  for (Tile& tile : set.tiles) tile.offset = set.words, set.words += tile.words();
  return set;
}

void move_to_tiles(BoostTable& table, BinnedMatrix& matrix, exec::Crew& crew, const exec::Cancellation* cancel, TileSet& set) {
  std::vector<int32_t> every(size_t(table.num_features()));
  std::iota(every.begin(), every.end(), 0);
  for (const std::vector<int32_t>& own : features_by_tile(table, every)) {
    set.tiles.push_back(plan_tile(table, own));
    Tile& tile = set.tiles.back();
    by_pieces(table.num_rows(), 1, crew, cancel, [&](int64_t, int64_t begin, int64_t end) {
      fill_rows(table, tile, begin, end);
      for (const int32_t feature : own) matrix.codes.release(size_t(feature * matrix.stride + begin), size_t(end - begin));
    });
    table.hand_over(matrix, tile);
    set.tiles.back().offset = set.words, set.words += set.tiles.back().words();
  }
}

void BoostTable::hand_over(BinnedMatrix& matrix, const Tile& tile) {
  places_.resize(columns_.size());
  for (size_t k = 0; k < tile.features.size(); ++k) {
    const size_t feature = size_t(tile.features[k].number);
    places_[feature] = {tile.codes.places + k, tile.codes.row_bytes, tile.codes.slots};
    columns_[feature] = nullptr;
    matrix.codes.release(feature * size_t(matrix.stride), size_t(matrix.stride));
  }
}

const uint8_t* BoostTable::codes(int64_t feature, std::span<const uint32_t> rows, uint8_t* scratch) const {
  if (columns_[size_t(feature)]) return columns_[size_t(feature)];
  const Place& place = places_[size_t(feature)];
  const int32_t missing = has_missing(feature) ? kernels::missing_place(place.slots) : -1;
  for (const uint32_t row : rows) {
    const uint8_t at = place.first[place.row_bytes * int64_t{row}];
    scratch[row] = at == missing ? kMissingCode : kernels::boost_place(at);  // which is its own inverse
  }
  return scratch;
}

}  // namespace hayate::learn
