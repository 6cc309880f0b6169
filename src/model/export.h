// What writers of other programs' files have in common.
#pragma once

#include <string>
#include <vector>

#include "hayate/model.h"

namespace hayate {

/// What a predictor without a calibration of its own would be. Platt's map of two classes is a logistic link with another scale and
/// start, so it goes into leaf values or coefficients. `keeps_maps`: other maps stay, for a format that says them; else Error (usage).
Result<Predictor> with_calibration_folded(const Predictor& predictor, const std::string& where, bool keeps_maps);

/// A split by categories as other programs write it: the categories of one side are listed, and any other value, known or
/// not or missing, goes to the other.
struct ListedCategories {
  std::vector<float> values;  ///< ascending
  bool listed_left;           ///< they go to the left child, else to the right one
};
ListedCategories listed_categories(const Forest& forest, int64_t t, uint32_t node);
/// Of a node that tests ranges: the cuts behind which rows change sides, and where those go that lie up to the first one.
struct SideChanges {
  std::vector<float> cuts;
  bool begins_left = false;

  /// The side of what lies above the last cut.
  bool ends_left() const { return begins_left ^ (cuts.size() % 2 == 1); }
};
SideChanges side_changes(const Forest& forest, int64_t t, uint32_t node);

}  // namespace hayate
