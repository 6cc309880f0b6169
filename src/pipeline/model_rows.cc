#include "pipeline/model_rows.h"

#include "pipeline/scalers.h"
#include "pipeline/table_columns.h"

namespace hayate::pipeline {

Result<ModelRows> model_rows(const Table& table, const Model& model, const std::string& where) {
  ModelRows out;
  HY_TRY(const ModelScalers scalers, ModelScalers::of(model, where));
  out.num_rows = table.num_rows(), out.num_features = int64_t(model.features.size());
  HY_TRY(out.values, float_columns(table, model.features, where, noted_categories(model)));
  HY_TRY(out.by_key, rows_by_key(table, model.key_column, where));
  for (const auto& [key, own] : out.by_key) {
    if (scalers.empty() || !model.find(key)) continue;
    std::vector<float> part = out.gather(own);
    scalers.apply(key, {part.data(), int64_t(own.size()), out.num_features, int64_t(own.size())});
    for (size_t f = 0; f < model.features.size(); ++f)
      for (size_t i = 0; i < own.size(); ++i) out.values[f * size_t(out.num_rows) + size_t(own[i])] = part[f * own.size() + i];
  }
  return out;
}

}  // namespace hayate::pipeline
