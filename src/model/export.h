// What writers of other programs' files have in common.
#pragma once

#include <string>
#include <vector>

#include "hayate/model.h"

namespace hayate {

/// What a predictor without a calibration of its own would be. Platt's map of two classes is a logistic link with another scale and
/// start, so it goes into leaf values or coefficients. Error (usage): what no other format can say, isotonic maps or several classes.
Result<Predictor> with_calibration_folded(const Predictor& predictor, const std::string& where);

/// A split by categories as other programs write it: the categories of one side are listed, and any other value, known or
/// not or missing, goes to the other.
struct ListedCategories {
  std::vector<float> values;  ///< ascending
  bool listed_left;           ///< they go to the left child, else to the right one
};
ListedCategories listed_categories(const Forest& forest, int64_t t, uint32_t node);

}  // namespace hayate
