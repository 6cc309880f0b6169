// Models to and from other programs' files. Every function works on bytes; callers read and write files.
//
// | format   | export                                   | import                                       |
// |----------|------------------------------------------|----------------------------------------------|
// | onnx     | all predictors; opset 18, ai.onnx.ml 3    |                                              |
// | lightgbm | forests; text, version v4                 | text of LightGBM 2 .. 4                      |
// | xgboost  |                                          | JSON of gbtree and dart, XGBoost 1.6 .. 3    |
//
// What a format can't say is an Error that names it, never a model that predicts something else: linear trees of others, zero taken for
// missing, several targets. Categories are written: to ONNX as a chain of comparisons, to LightGBM as a set, where they
// must be whole numbers from 0 on. Splits by categories are read with their own rules for missing, negative, unknown and broken numbers, and
// with what pandas calls the categories where the file tells it: then a table's texts are looked up. Platt's calibration of two classes goes
// into the leaf values; that of more, and isotonic ones, into ONNX alone.
#pragma once

#include <string>
#include <string_view>

#include "hayate/error.h"
#include "hayate/model.h"

namespace hayate {

/// One input, float [N, F] with NaN for missing. Classification: outputs `label` (int64 when all class names are whole numbers,
/// else text) and `probabilities`, float [N, K]. Others: `prediction`, float [N, 1]. Leaf values are float32, so predictions
/// differ from ours by rounding, about 1e-7 of the values added. `key`: which of several models; empty when there is one.
/// Errors (usage): several models and no key, an unknown key with the nearest name.
Result<std::string> to_onnx(const Model& model, std::string_view key = "");

/// The text that LightGBM's Booster(model_file=...) reads; its raw doubles are ours. A mean of trees becomes `average_output` with no
/// objective, so that predict() gives our prediction (the probability of the second class; one column per class with three and
/// more); a sum keeps its objective. Errors (usage): a linear model; key as above.
Result<std::string> to_lightgbm(const Model& model, std::string_view key = "");

/// A model from LightGBM's text; `where` names the source in errors. Thresholds become float32, rounded down: for float32 values the
/// same rows go left.
Result<Model> from_lightgbm(std::string_view text, const std::string& where);

/// A model from XGBoost's JSON (Booster.save_model("m.json")). XGBoost adds float32 values in float32, so its answers differ from
/// ours by its rounding.
Result<Model> from_xgboost(std::string_view json, const std::string& where);

}  // namespace hayate
