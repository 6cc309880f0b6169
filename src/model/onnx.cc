// An ONNX file of a forest is one TreeEnsembleRegressor, whose targets are the scores, and a few plain operators that turn
// scores into probabilities and a label. TreeEnsembleClassifier would hold all of that in one node, but how it treats two
// classes depends on signs and counts of its weights, and runtimes disagree. A linear model is a matrix product in double.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/strings.h"
#include "hayate/exchange.h"
#include "model/export.h"
#include "model/protobuf.h"

namespace hayate {
namespace {

// Numbers of fields and types in onnx.proto.
enum Type : int64_t { kFloat = 1, kInt64 = 7, kString = 8, kDouble = 11 };
enum AttributeKind : int64_t { kIsReal = 1, kIsNumber = 2, kIsText = 3, kIsReals = 6, kIsNumbers = 7, kIsTexts = 8 };

class Attributes {
 public:
  Attributes& number(std::string_view name, int64_t value) { return add(begin(name).number(3, value), kIsNumber); }
  Attributes& text(std::string_view name, std::string_view value) { return add(begin(name).bytes(4, value), kIsText); }
  Attributes& reals(std::string_view name, std::span<const float> values) { return add(begin(name).reals(7, values), kIsReals); }
  Attributes& numbers(std::string_view name, std::span<const int64_t> values) { return add(begin(name).numbers(8, values), kIsNumbers); }
  Attributes& texts(std::string_view name, std::span<const std::string> values) {
    ProtobufWriter attribute = begin(name);
    for (const std::string& value : values) attribute.bytes(9, value);
    return add(attribute, kIsTexts);
  }
  const std::vector<ProtobufWriter>& all() const { return all_; }

 private:
  static ProtobufWriter begin(std::string_view name) { return ProtobufWriter().bytes(1, name); }
  Attributes& add(ProtobufWriter attribute, AttributeKind kind) { return all_.push_back(attribute.number(20, kind)), *this; }

  std::vector<ProtobufWriter> all_;
};

/// The graph under construction: nodes in the order in which they can be computed.
class Graph {
 public:
  using Names = std::vector<std::string_view>;

  void node(std::string_view op, const Names& inputs, std::string_view output, const Attributes& attributes = {}, std::string_view domain = "") {
    ProtobufWriter node;
    for (const std::string_view input : inputs) node.bytes(1, input);
    node.bytes(2, output).bytes(3, output).bytes(4, op);
    for (const ProtobufWriter& attribute : attributes.all()) node.message(5, attribute);
    graph_.message(1, node.bytes(7, domain));
  }
  void constant(std::string_view name, Type type, const std::vector<int64_t>& shape, const void* data, size_t bytes) {
    graph_.message(5, tensor(name, type, shape).bytes(9, {static_cast<const char*>(data), bytes}));
  }
  void constant(std::string_view name, const std::vector<std::string>& texts) {
    ProtobufWriter out = tensor(name, kString, {int64_t(texts.size())});
    for (const std::string& text : texts) out.bytes(6, text);
    graph_.message(5, out);
  }
  void input(std::string_view name, Type type, int64_t width) { graph_.message(11, value(name, type, width)); }
  /// `width` 0: one value a row, without a second dimension.
  void output(std::string_view name, Type type, int64_t width) { graph_.message(12, value(name, type, width)); }
  const ProtobufWriter& message() const { return graph_; }

 private:
  static ProtobufWriter tensor(std::string_view name, Type type, const std::vector<int64_t>& shape) {
    ProtobufWriter out;
    for (const int64_t size : shape) out.number(1, size);
    return out.number(2, type).bytes(8, name);
  }
  static ProtobufWriter value(std::string_view name, Type type, int64_t width) {
    ProtobufWriter shape;
    shape.message(1, ProtobufWriter().bytes(2, "N"));
    if (width > 0) shape.message(1, ProtobufWriter().number(1, width));
    const ProtobufWriter tensor = ProtobufWriter().number(1, type).message(2, shape);
    return ProtobufWriter().bytes(1, name).message(2, ProtobufWriter().message(1, tensor));
  }

  ProtobufWriter graph_ = ProtobufWriter().bytes(2, "hayate");
};

/// The arrays of a TreeEnsembleRegressor.
struct TreeArrays {
  std::vector<int64_t> trees, nodes, features, yes, no, missing_yes, target_trees, target_nodes, targets;
  std::vector<std::string> modes;
  std::vector<float> cuts, weights;
};

void add_tree(const Forest& forest, int64_t t, TreeArrays& out) {
  const auto tree = forest.tree(t);
  const size_t width = size_t(forest.values_per_node());
  for (size_t at = 0; at < tree.size(); ++at) {
    const TreeNode& node = tree[at];
    const bool leaf = node.is_leaf();
    out.trees.push_back(t), out.nodes.push_back(int64_t(at)), out.features.push_back(node.feature);
    out.modes.emplace_back(leaf ? "LEAF" : "BRANCH_LEQ");
    out.cuts.push_back(leaf ? 0 : forest.threshold(t, uint32_t(at)));
    out.yes.push_back(leaf ? 0 : node.child()), out.no.push_back(leaf ? 0 : node.child() + 1);
    out.missing_yes.push_back(!leaf && node.missing_left());
    if (!leaf) continue;
    const double* values = forest.values.data() + (forest.tree_start[size_t(t)] + at) * width;
    for (size_t k = 0; k < width; ++k) {
      out.target_trees.push_back(t), out.target_nodes.push_back(int64_t(at));
      out.targets.push_back(forest.joined == Joined::sum ? t % forest.num_scores() : int64_t(k));
      out.weights.push_back(float(values[k]));
    }
  }
}

void add_scores(const Forest& forest, Graph& graph) {
  TreeArrays a;
  for (int64_t t = 0; t < forest.num_trees(); ++t) add_tree(forest, t, a);
  Attributes attributes;
  attributes.numbers("nodes_treeids", a.trees).numbers("nodes_nodeids", a.nodes).numbers("nodes_featureids", a.features);
  attributes.texts("nodes_modes", a.modes).reals("nodes_values", a.cuts).numbers("nodes_truenodeids", a.yes).numbers("nodes_falsenodeids", a.no);
  attributes.numbers("nodes_missing_value_tracks_true", a.missing_yes);
  attributes.numbers("target_treeids", a.target_trees).numbers("target_nodeids", a.target_nodes).numbers("target_ids", a.targets);
  attributes.reals("target_weights", a.weights).number("n_targets", forest.num_scores());
  attributes.text("aggregate_function", forest.joined == Joined::mean ? "AVERAGE" : "SUM").text("post_transform", "NONE");
  const std::vector<float> start(forest.start.begin(), forest.start.end());
  if (!start.empty()) attributes.reals("base_values", start);
  graph.node("TreeEnsembleRegressor", {"input"}, "scores", attributes, "ai.onnx.ml");
}

void add_scores(const Linear& linear, Graph& graph) {
  const size_t features = size_t(linear.num_features()), scores = size_t(linear.num_scores());
  std::vector<double> columns(features * scores);  // one column a score
  for (size_t k = 0; k < scores; ++k)
    for (size_t f = 0; f < features; ++f) columns[f * scores + k] = linear.coefficients[k * features + f];
  graph.constant("fill", kDouble, {1, int64_t(features)}, linear.fill.data(), features * sizeof(double));
  graph.constant("coefficients", kDouble, {int64_t(features), int64_t(scores)}, columns.data(), columns.size() * sizeof(double));
  graph.constant("intercepts", kDouble, {int64_t(scores)}, linear.intercepts.data(), scores * sizeof(double));
  graph.node("IsNaN", {"input"}, "missing");
  graph.node("Cast", {"input"}, "values", Attributes().number("to", kDouble));
  graph.node("Where", {"missing", "fill", "values"}, "filled");
  graph.node("MatMul", {"filled", "coefficients"}, "products");
  graph.node("Add", {"products", "intercepts"}, "scores_64");
  graph.node("Cast", {"scores_64"}, "scores", Attributes().number("to", kFloat));
}

std::string_view operator_of(Link link) {
  return link == Link::logistic ? "Sigmoid" : link == Link::softmax ? "Softmax" : link == Link::exponential ? "Exp" : "Identity";
}

void add_classes(const std::vector<std::string>& classes, Link link, Graph& graph) {
  const int64_t width = int64_t(classes.size());
  const bool one_score = width <= 2;
  graph.node(operator_of(link), {"scores"}, one_score ? "last" : "probabilities",
             link == Link::softmax ? Attributes().number("axis", 1) : Attributes());
  if (one_score) {
    const float one = 1;
    graph.constant("one", kFloat, {1}, &one, sizeof one);
    graph.node("Sub", {"one", "last"}, "first");
    graph.node("Concat", width == 2 ? Graph::Names{"first", "last"} : Graph::Names{"last"}, "probabilities", Attributes().number("axis", 1));
  }
  graph.node("ArgMax", {"probabilities"}, "place", Attributes().number("axis", 1).number("keepdims", 0));
  const bool whole = std::all_of(classes.begin(), classes.end(), [](const std::string& name) { return parse_integer(name).has_value(); });
  if (whole) {
    std::vector<int64_t> numbers;
    for (const std::string& name : classes) numbers.push_back(*parse_integer(name));
    graph.constant("classes", kInt64, {width}, numbers.data(), numbers.size() * sizeof(int64_t));
  } else {
    graph.constant("classes", classes);
  }
  graph.node("Gather", {"classes", "place"}, "label", Attributes().number("axis", 0));
  graph.output("label", whole ? kInt64 : kString, 0);
  graph.output("probabilities", kFloat, width);
}

ProtobufWriter opset(std::string_view domain, int64_t version) { return ProtobufWriter().bytes(1, domain).number(2, version); }

ProtobufWriter property(std::string_view name, std::string_view value) { return ProtobufWriter().bytes(1, name).bytes(2, value); }

}  // namespace

Result<std::string> to_onnx(const Model& model, std::string_view key) {
  HY_TRY(const Predictor* predictor, pick_predictor(model, key));
  if (std::holds_alternative<Blend>(*predictor))
    return usage_error("a blend of models cannot be exported to ONNX", "--to onnx", "train its best part alone: hayate model FILE names the parts");
  HY_CHECK(refuse_categories(*predictor, "--to onnx"));
  Graph graph;
  graph.input("input", kFloat, num_features(*predictor));
  const Forest* forest = std::get_if<Forest>(predictor);
  const Link link = forest ? forest->link : std::get<Linear>(*predictor).link;
  forest ? add_scores(*forest, graph) : add_scores(std::get<Linear>(*predictor), graph);
  if (model.problem == Problem::classification) {
    add_classes(model.classes, link, graph);
  } else {
    graph.node(operator_of(link), {"scores"}, "prediction");
    graph.output("prediction", kFloat, 1);
  }
  ProtobufWriter file;
  file.number(1, 8).bytes(2, "hayate").message(7, graph.message()).message(8, opset("", 18)).message(8, opset("ai.onnx.ml", 3));
  file.message(14, property("features", join(model.features, ","))).message(14, property("label", model.label));
  return file.text();
}

}  // namespace hayate
