// What writers of other programs' files have in common.
#pragma once

#include <string>

#include "hayate/model.h"

namespace hayate {

/// Error (usage): the trees test categories, which are written as thresholds nowhere.
inline Result<void> refuse_categories(const Predictor& predictor, const std::string& where) {
  const Forest* forest = std::get_if<Forest>(&predictor);
  if (!forest || forest->categorical.empty()) return {};
  return usage_error("this model splits by categories, which are not exported", where,
                     "train without categorical, the categories as columns of 0 and 1");
}

}  // namespace hayate
