// The rows of a table as a model reads them.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "hayate/error.h"
#include "hayate/model.h"
#include "hayate/table.h"

namespace hayate::pipeline {

/// The features, scaled as in training, column-major, and the rows of each key.
struct ModelRows {
  std::vector<float> values;
  int64_t num_rows = 0, num_features = 0;
  std::map<std::string, std::vector<int32_t>> by_key;

  /// The rows listed, column-major.
  std::vector<float> gather(std::span<const int32_t> rows) const {
    std::vector<float> out(rows.size() * size_t(num_features));
    for (size_t f = 0; f < size_t(num_features); ++f)
      for (size_t i = 0; i < rows.size(); ++i) out[f * rows.size() + i] = values[f * size_t(num_rows) + size_t(rows[i])];
    return out;
  }
};

Result<ModelRows> model_rows(const Table& table, const Model& model, const std::string& where);

}  // namespace hayate::pipeline
