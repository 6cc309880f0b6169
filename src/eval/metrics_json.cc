#include "eval/metrics_json.h"

namespace hayate::eval {
namespace {

void write_values(JsonWriter& json, std::span<const MetricValue> metrics, const Evaluation* whole) {
  json.key("metrics").object();
  for (const MetricValue& m : metrics) {
    json.key(m.metric->name);
    if (m.metric->better == Better::neither && whole) {
      json.array();
      const size_t classes = whole->classes.size();
      for (size_t i = 0; i < classes; ++i) {
        json.array();
        for (size_t k = 0; k < classes; ++k) json.value(whole->confusion[i * classes + k]);
        json.end();
      }
      json.end();
    } else if (m.value) {
      json.value(*m.value);
    } else {
      json.null();
    }
  }
  json.end();
}

void write_conventions(JsonWriter& json, std::span<const MetricValue> metrics) {
  json.key("conventions").object();
  for (const MetricValue& m : metrics) {
    std::string text = m.metric->convention;
    if (!m.reason.empty()) text += ". Undefined here: " + m.reason;
    json.key(m.metric->name).value(text);
  }
  json.end();
}

}  // namespace

void write_metrics(JsonWriter& json, std::span<const MetricValue> metrics) {
  write_values(json, metrics, nullptr);
  write_conventions(json, metrics);
}

void write_evaluation(JsonWriter& json, const Evaluation& evaluation) {
  json.key("problem").value(problem_name(evaluation.problem));
  json.key("rows").value(evaluation.rows).key("rows_left_out").value(evaluation.rows_left_out);
  if (evaluation.problem == Problem::classification) {
    json.key("classes").array();
    for (const std::string& name : evaluation.classes) json.value(name);
    json.end();
  }
  write_values(json, evaluation.metrics, &evaluation);
  write_conventions(json, evaluation.metrics);
}

}  // namespace hayate::eval
