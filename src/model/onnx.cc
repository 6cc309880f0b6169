// An ONNX file of a forest is one TreeEnsembleRegressor, whose targets are the scores, and a few plain operators that turn
// scores into probabilities and a label. TreeEnsembleClassifier would hold all of that in one node, but how it treats two
// classes depends on signs and counts of its weights, and runtimes disagree. A linear model is a matrix product in double.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

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
  using Names = std::vector<std::string>;

  void node(std::string_view op, const Names& inputs, std::string_view output, const Attributes& attributes = {}, std::string_view domain = "") {
    ProtobufWriter node;
    for (const std::string& input : inputs) node.bytes(1, input);
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

void add_node(TreeArrays& out, int64_t t, int64_t at, int64_t feature, const char* mode, float cut, int64_t yes, int64_t no, bool missing_yes) {
  out.trees.push_back(t), out.nodes.push_back(at), out.features.push_back(feature), out.modes.emplace_back(mode);
  out.cuts.push_back(cut), out.yes.push_back(yes), out.no.push_back(no), out.missing_yes.push_back(missing_yes);
}

/// One comparison a listed category, each leading to the same child; `extra` numbers all but the first. The runtimes put such
/// chains together into one test of a set. onnxruntime (1.20 to 1.32) does so with two chains of a feature behind each other as well, wherever they
/// lead to: a test that is never true keeps them apart.
void add_category_test(const Forest& forest, int64_t t, uint32_t at, int64_t& extra, TreeArrays& out) {
  const TreeNode& node = forest.tree(t)[at];
  ListedCategories listed = listed_categories(forest, t, at);
  if (listed.values.empty()) listed.values.push_back(std::numeric_limits<float>::max());  // no value is listed, so none goes there
  const int64_t hit = node.child() + (listed.listed_left ? 0 : 1), other = node.child() + (listed.listed_left ? 1 : 0);
  const TreeNode& next = forest.tree(t)[size_t(other)];
  const bool apart = !next.is_leaf() && next.feature == node.feature;
  for (size_t i = 0; i < listed.values.size(); ++i) {
    const int64_t own = i == 0 ? int64_t(at) : extra++;
    add_node(out, t, own, node.feature, "BRANCH_EQ", listed.values[i], hit, apart || i + 1 < listed.values.size() ? extra : other, false);
  }
  if (apart) add_node(out, t, extra++, node.feature, "BRANCH_LT", -std::numeric_limits<float>::infinity(), hit, other, false);
}

/// One comparison a change of sides, from below. A missing value fails all of them, or is held true by the last one.
void add_range_test(const Forest& forest, int64_t t, uint32_t at, int64_t& extra, TreeArrays& out) {
  const TreeNode& node = forest.tree(t)[at];
  SideChanges sides = side_changes(forest, t, at);
  const bool ends_left = sides.ends_left();
  if (sides.cuts.empty()) {  // only missing values may go elsewhere
    add_node(out, t, at, node.feature, "BRANCH_LEQ", std::numeric_limits<float>::infinity(), node.child() + (ends_left ? 0 : 1),
             node.child() + (ends_left ? 1 : 0), node.missing_left() == ends_left);
    return;
  }
  bool left = sides.begins_left;
  for (size_t i = 0; i < sides.cuts.size(); ++i, left = !left) {
    const bool last = i + 1 == sides.cuts.size();
    const int64_t own = i == 0 ? int64_t(at) : extra++;
    add_node(out, t, own, node.feature, "BRANCH_LEQ", sides.cuts[i], node.child() + (left ? 0 : 1), last ? node.child() + (left ? 1 : 0) : extra,
             last && node.missing_left() == left);
  }
}

/// Leaf values in whole numbers that a runtime adds in float32 without rounding, whatever the order: `per_value` of them a value, each
/// 2^bits finer than the one before. Isotonic maps need it: they may rise from 0 to 1 in less than the rounding of a float32 sum.
struct WholeParts {
  int per_value = 1, bits = 0;
  double first_unit = 0;  ///< 0: values are written as float32, one a value

  double unit(int part) const { return std::ldexp(first_unit, -bits * part); }
};

WholeParts whole_parts(const Forest& forest) {
  constexpr int kFloatBits = 24, kValueBits = 53;
  WholeParts out;
  double largest = 0;
  for (const double value : forest.values) largest = std::max(largest, std::abs(value));
  const int sum_bits = int(std::bit_width(uint64_t(forest.num_trees())));
  out.bits = std::max(1, kFloatBits - sum_bits), out.per_value = (kValueBits + out.bits - 1) / out.bits;
  out.first_unit = std::ldexp(1.0, (largest > 0 ? std::ilogb(largest) + 1 : 0) - out.bits);
  return out;
}

void add_value(const WholeParts& parts, double value, std::vector<float>& out) {
  if (parts.first_unit == 0) return out.push_back(float(value));
  for (int part = 0; part < parts.per_value; ++part) {
    const double whole = std::nearbyint(value / parts.unit(part));
    out.push_back(float(whole));
    value -= whole * parts.unit(part);
  }
}

void add_tree(const Forest& forest, int64_t t, const WholeParts& parts, TreeArrays& out) {
  const auto tree = forest.tree(t);
  const size_t width = size_t(forest.values_per_node());
  int64_t extra = int64_t(tree.size());
  for (uint32_t at = 0; at < tree.size(); ++at) {
    const TreeNode& node = tree[at];
    if (!node.is_leaf()) {
      if (forest.is_ranges(node.feature))
        add_range_test(forest, t, at, extra, out);
      else if (forest.is_categorical(node.feature))
        add_category_test(forest, t, at, extra, out);
      else
        add_node(out, t, at, node.feature, "BRANCH_LEQ", forest.threshold(t, at), node.child(), node.child() + 1, node.missing_left());
      continue;
    }
    add_node(out, t, at, 0, "LEAF", 0, 0, 0, false);
    const double* values = forest.values.data() + (forest.tree_start[size_t(t)] + at) * width;
    for (size_t k = 0; k < width; ++k) {
      const int64_t score = forest.joined == Joined::sum ? t % forest.num_scores() : int64_t(k);
      for (int part = 0; part < parts.per_value; ++part) {
        out.target_trees.push_back(t), out.target_nodes.push_back(int64_t(at));
        out.targets.push_back(score * parts.per_value + part);
      }
      add_value(parts, values[k], out.weights);
    }
  }
}

/// Names of values in the graph; those of a part of a blend begin with its number.
using Prefix = std::string;

void add_ensemble(const Forest& forest, const WholeParts& parts, std::string_view aggregate, std::span<const float> start, const std::string& output,
                  Graph& graph) {
  TreeArrays a;
  for (int64_t t = 0; t < forest.num_trees(); ++t) add_tree(forest, t, parts, a);
  Attributes attributes;
  attributes.numbers("nodes_treeids", a.trees).numbers("nodes_nodeids", a.nodes).numbers("nodes_featureids", a.features);
  attributes.texts("nodes_modes", a.modes).reals("nodes_values", a.cuts).numbers("nodes_truenodeids", a.yes).numbers("nodes_falsenodeids", a.no);
  attributes.numbers("nodes_missing_value_tracks_true", a.missing_yes);
  attributes.numbers("target_treeids", a.target_trees).numbers("target_nodeids", a.target_nodes).numbers("target_ids", a.targets);
  attributes.reals("target_weights", a.weights).number("n_targets", forest.num_scores() * parts.per_value);
  attributes.text("aggregate_function", aggregate).text("post_transform", "NONE");
  if (!start.empty()) attributes.reals("base_values", start);
  graph.node("TreeEnsembleRegressor", {"input"}, output, attributes, "ai.onnx.ml");
}

void add_scores(const Forest& forest, const Prefix& prefix, Graph& graph) {
  const std::vector<float> start(forest.start.begin(), forest.start.end());
  add_ensemble(forest, {}, forest.joined == Joined::mean ? "AVERAGE" : "SUM", start, prefix + "scores", graph);
}

/// The scores in double: sums of whole numbers, which the matrix puts together and divides by the trees of a mean.
void add_scores_64(const Forest& forest, const Prefix& prefix, Graph& graph) {
  const WholeParts parts = whole_parts(forest);
  add_ensemble(forest, parts, "SUM", {}, prefix + "parts", graph);
  const int64_t scores = forest.num_scores(), rows = scores * parts.per_value;
  std::vector<double> units(size_t(rows * scores), 0.0), start(size_t(scores), 0.0);
  const double trees = forest.joined == Joined::mean ? double(forest.num_trees()) : 1.0;
  for (int64_t row = 0; row < rows; ++row) units[size_t(row * scores + row / parts.per_value)] = parts.unit(int(row % parts.per_value)) / trees;
  std::copy(forest.start.begin(), forest.start.end(), start.begin());
  graph.constant(prefix + "units", kDouble, {rows, scores}, units.data(), units.size() * sizeof(double));
  graph.constant(prefix + "start", kDouble, {scores}, start.data(), start.size() * sizeof(double));
  graph.node("Cast", {prefix + "parts"}, prefix + "parts_64", Attributes().number("to", kDouble));
  graph.node("MatMul", {prefix + "parts_64", prefix + "units"}, prefix + "sums");
  graph.node("Add", {prefix + "sums", prefix + "start"}, prefix + "scores_64");
}

void add_scores_64(const Linear& linear, const Prefix& prefix, Graph& graph) {
  const size_t features = size_t(linear.num_features()), scores = size_t(linear.num_scores());
  std::vector<double> columns(features * scores);  // one column a score
  for (size_t k = 0; k < scores; ++k)
    for (size_t f = 0; f < features; ++f) columns[f * scores + k] = linear.coefficients[k * features + f];
  const auto own = [&prefix](const char* name) { return prefix + name; };
  graph.constant(own("fill"), kDouble, {1, int64_t(features)}, linear.fill.data(), features * sizeof(double));
  graph.constant(own("coefficients"), kDouble, {int64_t(features), int64_t(scores)}, columns.data(), columns.size() * sizeof(double));
  graph.constant(own("intercepts"), kDouble, {int64_t(scores)}, linear.intercepts.data(), scores * sizeof(double));
  graph.node("IsNaN", {"input"}, own("missing"));
  graph.node("Cast", {"input"}, own("values"), Attributes().number("to", kDouble));
  graph.node("Where", {own("missing"), own("fill"), own("values")}, own("filled"));
  graph.node("MatMul", {own("filled"), own("coefficients")}, own("products"));
  graph.node("Add", {own("products"), own("intercepts")}, own("scores_64"));
}

void add_scores(const Linear& linear, const Prefix& prefix, Graph& graph) {
  add_scores_64(linear, prefix, graph);
  graph.node("Cast", {prefix + "scores_64"}, prefix + "scores", Attributes().number("to", kFloat));
}

std::string_view operator_of(Link link) {
  return link == Link::logistic ? "Sigmoid" : link == Link::softmax ? "Softmax" : link == Link::exponential ? "Exp" : "Identity";
}

/// Platt's maps of the scores of several classes.
void add_platt(const Calibration& c, const Prefix& prefix, const std::string& output, Graph& graph) {
  const auto own = [&prefix](const char* of) { return prefix + of; };
  const std::vector<int64_t> classes = {1, int64_t(c.x.size())};
  graph.constant(own("platt_x"), kDouble, classes, c.x.data(), c.x.size() * sizeof(double));
  graph.constant(own("platt_y"), kDouble, classes, c.y.data(), c.y.size() * sizeof(double));
  graph.node("Cast", {own("scores")}, own("platt_scores"), Attributes().number("to", kDouble));
  graph.node("Mul", {own("platt_scores"), own("platt_x")}, own("platt_products"));
  graph.node("Add", {own("platt_products"), own("platt_y")}, own("platt_sums"));
  graph.node("Neg", {own("platt_sums")}, own("platt_logits"));
  graph.node("Sigmoid", {own("platt_logits")}, output);
}

/// One isotonic map of one score, [N, 1]: the last knot that is not above it is found by halves, and a line begins there.
void add_knots(std::span<const double> x, std::span<const double> y, const std::string& input, const Prefix& prefix, const std::string& output,
               Graph& graph) {
  const auto own = [&prefix](std::string_view of) { return prefix + std::string(of); };
  const auto doubles = [&graph](const std::string& name, const std::vector<double>& values, std::vector<int64_t> shape) {
    graph.constant(name, kDouble, shape, values.data(), values.size() * sizeof(double));
  };
  const size_t places = std::bit_ceil(std::max<size_t>(2, x.size()));
  std::vector<double> knots(x.begin(), x.end()), heights(y.begin(), y.end()), slopes(places, 0.0);
  knots.resize(places, std::numeric_limits<double>::infinity()), heights.resize(places, 0.0);
  for (size_t i = 0; i + 1 < x.size(); ++i) slopes[i] = (y[i + 1] - y[i]) / (x[i + 1] - x[i]);
  doubles(own("knots"), knots, {int64_t(places)}), doubles(own("heights"), heights, {int64_t(places)}),
      doubles(own("slopes"), slopes, {int64_t(places)});
  doubles(own("lowest"), {x.front()}, {1}), doubles(own("highest"), {x.back()}, {1});
  graph.node("Max", {input, own("lowest")}, own("from_lowest"));
  graph.node("Min", {own("from_lowest"), own("highest")}, own("inside"));
  const int64_t zero = 0;
  std::string place = own("first_place");
  graph.constant(place, kInt64, {1, 1}, &zero, sizeof zero);
  for (int64_t step = int64_t(places) / 2; step > 0; step /= 2) {
    const auto at = [&](const char* of) { return fmt::format("{}{}_{}", prefix, of, step); };
    graph.constant(at("step"), kInt64, {1, 1}, &step, sizeof step);
    graph.node("Add", {place, at("step")}, at("tried"));
    graph.node("Gather", {own("knots"), at("tried")}, at("knot"), Attributes().number("axis", 0));
    graph.node("GreaterOrEqual", {own("inside"), at("knot")}, at("is_above"));
    graph.node("Where", {at("is_above"), at("tried"), place}, at("place"));
    place = at("place");
  }
  for (const char* of : {"knots", "heights", "slopes"})
    graph.node("Gather", {own(of), place}, fmt::format("{}own_{}", prefix, of), Attributes().number("axis", 0));
  graph.node("Sub", {own("inside"), own("own_knots")}, own("beyond"));
  graph.node("Mul", {own("beyond"), own("own_slopes")}, own("risen"));
  graph.node("Add", {own("risen"), own("own_heights")}, output);
}

void add_isotonic(const Calibration& c, const Prefix& prefix, const std::string& output, Graph& graph) {
  const size_t maps = c.start.size() - 1;
  Graph::Names mapped;
  for (size_t map = 0; map < maps; ++map) {
    const Prefix own = fmt::format("{}map{}_", prefix, map);
    const size_t first = c.start[map], count = c.start[map + 1] - first;
    std::string input = prefix + "scores_64";
    if (maps > 1) {
      const auto column = int64_t(map);
      graph.constant(own + "column", kInt64, {1}, &column, sizeof column);
      graph.node("Gather", {input, own + "column"}, own + "score", Attributes().number("axis", 1));
      input = own + "score";
    }
    mapped.push_back(maps > 1 ? own + "value" : output);
    add_knots(std::span(c.x).subspan(first, count), std::span(c.y).subspan(first, count), input, own, mapped.back(), graph);
  }
  if (maps > 1) graph.node("Concat", mapped, output, Attributes().number("axis", 1));
}

/// What the maps of a calibration say, divided by its sum where there is one a class.
void add_calibration(const Calibration& c, const Prefix& prefix, const std::string& name, Graph& graph) {
  const auto own = [&prefix](const char* of) { return prefix + of; };
  const size_t maps = c.start.size() - 1;
  c.method == Calibration::Method::platt ? add_platt(c, prefix, own("maps"), graph) : add_isotonic(c, prefix, own("maps"), graph);
  const Attributes to_float = Attributes().number("to", kFloat);
  if (maps == 1) return graph.node("Cast", {own("maps")}, name, to_float);
  const int64_t axis = 1;
  const double zero = 0, even = 1 / double(maps);  // where no map says more than 0
  graph.constant(own("zero"), kDouble, {1}, &zero, sizeof zero);
  graph.constant(own("even"), kDouble, {1}, &even, sizeof even);
  graph.constant(own("axis"), kInt64, {1}, &axis, sizeof axis);
  graph.node("ReduceSum", {own("maps"), own("axis")}, own("total"));
  graph.node("Div", {own("maps"), own("total")}, own("shares"));
  graph.node("Greater", {own("total"), own("zero")}, own("known"));
  graph.node("Where", {own("known"), own("shares"), own("even")}, own("calibrated"));
  graph.node("Cast", {own("calibrated")}, name, to_float);
}

/// What a part answers: a number, the probability of the last of two classes, or of every class.
template <class Part>
void add_answers(const Part& part, const Prefix& prefix, const std::string& name, Graph& graph) {
  if (part.calibration.method == Calibration::Method::isotonic) {
    add_scores_64(part, prefix, graph);
    return add_calibration(part.calibration, prefix, name, graph);
  }
  add_scores(part, prefix, graph);
  if (!part.calibration.empty()) return add_calibration(part.calibration, prefix, name, graph);
  graph.node(operator_of(part.link), {prefix + "scores"}, name, part.link == Link::softmax ? Attributes().number("axis", 1) : Attributes());
}

/// The weighted mean of the parts' answers.
void add_blend(const Blend& blend, const std::string& name, Graph& graph) {
  double all = 0;
  for (const double weight : blend.weights) all += weight;
  Graph::Names shares;
  for (size_t part = 0; part < blend.parts.size(); ++part) {
    const Prefix prefix = fmt::format("part{}_", part);
    std::visit([&](const auto& p) { add_answers(p, prefix, prefix + "answers", graph); }, blend.parts[part]);
    const float weight = float(blend.weights[part] / all);
    graph.constant(prefix + "weight", kFloat, {1}, &weight, sizeof weight);
    graph.node("Mul", {prefix + "answers", prefix + "weight"}, shares.emplace_back(prefix + "share"));
  }
  graph.node("Sum", shares, name);
}

void add_classes(const std::vector<std::string>& classes, Graph& graph) {
  const int64_t width = int64_t(classes.size());
  if (width <= 2) {
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
  HY_TRY(const Predictor folded, with_calibration_folded(*predictor, "--to onnx", true));
  const std::string answers = model.problem != Problem::classification ? "prediction" : model.classes.size() <= 2 ? "last" : "probabilities";
  Graph graph;
  graph.input("input", kFloat, num_features(folded));
  if (const Blend* blend = std::get_if<Blend>(&folded)) add_blend(*blend, answers, graph);
  if (const Forest* forest = std::get_if<Forest>(&folded)) add_answers(*forest, "", answers, graph);
  if (const Linear* linear = std::get_if<Linear>(&folded)) add_answers(*linear, "", answers, graph);
  if (model.problem == Problem::classification)
    add_classes(model.classes, graph);
  else
    graph.output("prediction", kFloat, 1);
  ProtobufWriter file;
  file.number(1, 8).bytes(2, "hayate").message(7, graph.message()).message(8, opset("", 18)).message(8, opset("ai.onnx.ml", 3));
  file.message(14, property("features", join(model.features, ","))).message(14, property("label", model.label));
  return file.text();
}

}  // namespace hayate
