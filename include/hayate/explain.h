// Why a model predicts what it predicts: SHAP values, the exact shares of the features in one prediction.
// Source: Lundberg et al., "From local explanations to global understanding with explainable AI for trees" (2020),
// algorithm 2 (path-dependent: a feature that is not known follows the training rows at each split).
#pragma once

#include <cstdint>
#include <span>

#include "hayate/error.h"
#include "hayate/model.h"

namespace hayate {

/// What SHAP values of a predictor add up to: one number for regression, ranking and two classes, else one per class.
/// Of a mean of trees it is the prediction itself (two classes: the probability of the second); of a sum, and of a linear
/// model, the score before the link; of a calibrated model what its maps read; of a blend the prediction.
int32_t num_explained(const Predictor& predictor);

/// SHAP values of every row: out[(row * num_explained + k) * (num_features + 1) + f] is the share of feature f, and the place
/// behind the last feature holds the mean over the training rows; together they add up to what is explained, to rounding.
/// A missing value goes where prediction sends it. Linear: coefficient x (value - training mean).
/// Time: trees x leaves x depth^2 a row. Errors (usage): a forest without covers (made before they were stored, or imported
/// from a format that lacks them); a blend with a part whose scores go through a link.
Result<void> shap_values(const Predictor& predictor, const FloatColumns& raw, std::span<double> out);

}  // namespace hayate
