#include "pipeline/training_table.h"

#include <algorithm>

namespace hayate::pipeline {

Result<TrainingTable> TrainingTable::open(std::span<const std::string> paths, const io::ReadOptions& reading, const std::vector<std::string>& asked,
                                          const std::vector<std::string>& others) {
  TrainingTable out;
  io::ChunkOptions options;
  options.read = reading;
  HY_TRY(out.chunks_, io::open_chunks(paths, options));
  HY_TRY(out.features_, feature_names(out.schema(), asked, others));
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
    if (chunk->num_rows() > rows - row) return input_error("the files have changed while they were read", where, "run it again");
    HY_CHECK(fill_floats(*chunk, features_, where, categories, out.data() + row, rows));
    row += chunk->num_rows();
  }
  chunks_.reset();
  return out;
}

}  // namespace hayate::pipeline
