// Fits probabilities to what a classifier says of rows that it has not learnt from.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "hayate/learner.h"

namespace hayate {

/// none, platt, isotonic
constexpr std::string_view kCalibrationMethods[] = {"none", "platt", "isotonic"};
/// Error (usage): another word.
Result<Calibration::Method> calibration_method(std::string_view word, const std::string& where);

/// The maps for `inputs` (calibration_inputs()) of rows of known class. Weights may be empty; rows of weight 0 and inputs that are NaN
/// do not count. Equal to scikit-learn's to 1e-9: Platt with the smoothed targets (n + 1) / (n + 2) and 1 / (n + 2), by Newton's
/// method to the minimum; isotonic by pooling adjacent violators, inputs nearer than 1e-12 first put together.
/// Error (input): a class (with two classes either) has no row.
Result<Calibration> fit_calibration(Calibration::Method method, std::span<const double> inputs, std::span<const int32_t> classes, int32_t num_classes,
                                    std::span<const float> weights);

/// The calibration of a model trained on all rows of `values`. What is calibrated was said of rows that the model saying it had not
/// learnt from: the trees of a forest that did not draw the row (`out_of_bag`, when it has predictions), else models of the same
/// params on five parts of the rows, each left out once, the classes spread evenly over the parts. Rows with groups (dates) are
/// cut in six spans of dates, and a model of all before answers for each but the first.
Result<Calibration> calibrate(Calibration::Method method, const LearnerParams& params, const FloatColumns& values, const Labels& labels,
                              std::span<const float> weights, TrainKey key, const OutOfBag& out_of_bag, exec::Pool* pool,
                              const exec::Cancellation* cancel);

}  // namespace hayate
