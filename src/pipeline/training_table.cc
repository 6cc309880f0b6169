#include "pipeline/training_table.h"

#include <fmt/format.h>

#include <algorithm>

namespace hayate::pipeline {
namespace {

/// Cells of the block of float32 that rows are handed out from, and the rows that a worker takes of it at a time.
constexpr int64_t kBlockCells = 1'000'000, kStretchRows = 1024;

int64_t block_rows(int64_t num_features) { return std::max(kStretchRows, kBlockCells / std::max<int64_t>(1, num_features)); }

Error changed_files(const std::string& where) { return input_error("the files have changed while they were read", where, "run it again"); }

/// The values of all rows of a table, columns `stride` apart.
Result<void> fill_columns(const Table& table, const std::vector<std::string>& names, const std::string& where, const Categories& categories,
                          exec::Pool* pool, float* out, int64_t stride) {
  std::vector<Result<void>> filled(names.size());
  exec::run_all(int64_t(names.size()), pool,
                [&](int64_t f) { filled[size_t(f)] = fill_floats(table, {names[size_t(f)]}, where, categories, out + f * stride, stride); });
  for (Result<void>& one : filled) HY_CHECK(std::move(one));
  return {};
}

/// The values of a column that are float32 as they stand, or nothing.
std::span<const float> floats_of(const Table& table, const std::string& name) {
  const Column* const column = table.find(name);
  return column && column->dtype == Dtype::float32 && !column->validity.data ? column->as<float>() : std::span<const float>();
}

/// Of a column-major block only the rows of which `kept` gives the numbers, ascending.
void keep_rows(std::span<const int32_t> kept, int64_t first, int64_t rows, std::vector<float>& block) {
  if (int64_t(kept.size()) == rows) return;
  const size_t features = block.size() / size_t(rows);
  size_t to = 0;  // never past what is still to be read
  for (size_t f = 0; f < features; ++f)
    for (const int32_t row : kept) block[to++] = block[f * size_t(rows) + size_t(row - first)];
  block.resize(to);
}

/// Error (usage): a feature that is named twice, or a column that is also the label, the first of `others`. Columns of numbers are read once, as
/// features or as something else.
Result<void> check_parts(const Table& schema, const std::vector<std::string>& asked, const std::vector<std::string>& others) {
  for (auto name = asked.begin(); name != asked.end(); ++name) {
    if (std::find(asked.begin(), name, *name) != name)
      return usage_error(fmt::format("feature '{}' is named twice", *name), "--features", "name every feature once");
    const auto other = std::find(others.begin(), others.end(), *name);
    if (other == others.end() || (other != others.begin() && !is_numeric(schema.find(*name)->dtype))) continue;
    return usage_error(other == others.begin() ? fmt::format("'{}' is the label, and a feature", *name)
                                               : fmt::format("'{}' is a feature, and has another part beside it", *name),
                       "--features", fmt::format("leave '{}' out of --features", *name));
  }
  if (const auto twice = std::find(others.begin() + 1, others.end(), others.front()); twice != others.end())
    return usage_error(fmt::format("'{}' is the label, and has another part beside it", *twice), "--label", "name another column for one of the two");
  return {};
}

}  // namespace

Result<TrainingTable> TrainingTable::open(std::span<const std::string> paths, const io::ReadOptions& reading, const std::vector<std::string>& asked,
                                          const std::vector<std::string>& others) {
  TrainingTable out;
  io::ChunkOptions options;
  options.read = reading;
  HY_TRY(out.chunks_, io::open_chunks(paths, options));
  HY_TRY(out.features_, feature_names(out.schema(), asked, others));
  HY_CHECK(check_parts(out.schema(), asked, others));
  out.pool_ = reading.pool;
  return out;
}

Result<Table> TrainingTable::read_rest() {
  std::vector<std::string> names;
  for (size_t i = 0; i < schema().num_columns(); ++i) {
    const bool feature = std::find(features_.begin(), features_.end(), schema().names[i]) != features_.end();
    if (!feature || !is_numeric(schema().columns[i].dtype)) names.push_back(schema().names[i]);
  }
  std::vector<Table> parts;
  std::vector<std::string> sources;
  const auto keep = [&](const Table& table) {
    Table part;
    for (const std::string& name : names) part.add(name, *table.find(name));
    parts.push_back(std::move(part)), sources.emplace_back("the table");
  };
  while (true) {
    HY_TRY(const auto chunk, chunks_->next());
    if (!chunk) break;
    keep(*chunk);
  }
  if (parts.empty()) keep(schema());
  return concatenate(parts, sources);
}

Result<std::vector<float>> TrainingTable::read_features(int64_t rows, const std::string& where, const Categories& categories) {
  std::vector<float> out(features_.size() * size_t(rows));
  for (int64_t row = 0;;) {
    HY_TRY(const auto chunk, chunks_->next());
    if (!chunk) break;
    if (chunk->num_rows() > rows - row) return changed_files(where);
    HY_CHECK(fill_columns(*chunk, features_, where, categories, pool_, out.data() + row, rows));
    row += chunk->num_rows();
  }
  chunks_.reset();
  return out;
}

Result<FeatureColumns> TrainingTable::read_columns(int64_t rows, const std::string& where, const Categories& categories) {
  FeatureColumns out;
  const Table* const whole = chunks_->whole();
  if (!whole || whole->num_rows() != rows) {
    HY_TRY(std::vector<float> values, read_features(rows, where, categories));
    const auto block = std::make_shared<const std::vector<float>>(std::move(values));
    for (size_t f = 0; f < features_.size(); ++f) out.columns.emplace_back(block->data() + f * size_t(rows), size_t(rows));
    out.held.push_back(block);
    return out;
  }
  out.columns.resize(features_.size()), out.held.resize(features_.size());
  std::vector<Result<void>> filled(features_.size());
  exec::run_all(int64_t(features_.size()), pool_, [&](int64_t i) {
    const auto f = size_t(i);
    if (const std::span<const float> floats = floats_of(*whole, features_[f]); !floats.empty()) {
      out.columns[f] = floats, out.held[f] = whole->find(features_[f])->values.owner;
      return;
    }
    auto own = std::make_shared<std::vector<float>>(size_t(rows));
    filled[f] = fill_floats(*whole, {features_[f]}, where, categories, own->data(), rows);
    out.columns[f] = *own, out.held[f] = std::move(own);
  });
  for (Result<void>& one : filled) HY_CHECK(std::move(one));
  chunks_.reset();
  return out;
}

int64_t TrainingTable::column_bytes(int64_t rows) const {
  const Table* const whole = chunks_->whole();
  const auto taken = [&](const std::string& name) { return !whole || floats_of(*whole, name).empty(); };
  return rows * int64_t(sizeof(float)) * std::count_if(features_.begin(), features_.end(), taken);
}

int64_t TrainingTable::row_block_bytes(int64_t num_features) { return block_rows(num_features) * num_features * int64_t(sizeof(float)); }

RowSource TrainingTable::feature_rows(const std::string& where, const Categories& categories, exec::Pool& pool, const exec::Cancellation& cancel,
                                      std::optional<Error>& failure) {
  RowSource source;
  source.num_features = int64_t(features_.size()), source.names = features_, source.workers = pool.workers();
  source.read = [this, &where, &categories, &pool, &cancel, &failure](std::span<const int32_t> rows, const RowSource::Take& take) {
    if (failure) return;
    if (const auto done = read_rows(rows, where, categories, pool, cancel, take); !done.ok()) failure = done.error();
  };
  return source;
}

Result<void> TrainingTable::read_rows(std::span<const int32_t> rows, const std::string& where, const Categories& categories, exec::Pool& pool,
                                      const exec::Cancellation& cancel, const RowSource::Take& take) {
  const int64_t features = int64_t(features_.size()), most = block_rows(features);
  std::vector<float> block;
  auto next = rows.begin();
  int64_t row = 0;  // of the files, the first of the part in hand
  while (!cancel.stopped()) {
    HY_TRY(const auto chunk, chunks_->next());
    if (!chunk) return next == rows.end() ? Result<void>() : changed_files(where);
    for (int64_t at = 0; at < chunk->num_rows() && !cancel.stopped(); at += most) {
      const int64_t count = std::min(most, chunk->num_rows() - at);
      const auto first = next;
      next = std::lower_bound(first, rows.end(), row + count);
      const std::span<const int32_t> wanted(first, next);
      row += count;
      if (wanted.empty()) continue;
      block.resize(features_.size() * size_t(count));
      HY_CHECK(fill_columns(slice(*chunk, at, count), features_, where, categories, &pool, block.data(), count));
      keep_rows(wanted, row - count, count, block);
      const auto stride = int64_t(wanted.size());
      pool.run((stride + kStretchRows - 1) / kStretchRows, [&](int64_t stretch, int worker) {
        const int64_t begin = stretch * kStretchRows;
        take(first - rows.begin() + begin, {block.data() + begin, std::min(kStretchRows, stride - begin), features, stride, {}}, worker);
      });
    }
  }
  return {};
}

}  // namespace hayate::pipeline
