// LightGBM's text of a model: `name=value` lines, a section for the whole and one per tree. In a tree inner nodes are numbered from
// 0 and leaves from 0; a child >= 0 is an inner node, a child < 0 is leaf ~child. Source: LightGBM 4, src/io/tree.cpp and
// src/boosting/gbdt_model_text.cpp.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>

#include "base/strings.h"
#include "hayate/exchange.h"
#include "model/export.h"
#include "model/import_trees.h"

namespace hayate {
namespace {

// Bits of decision_type.
constexpr int kCategorical = 1, kDefaultLeft = 2, kMissingShift = 2, kMissingZero = 1, kMissingNaN = 2;

// ---- writing

/// A tree by LightGBM's numbers: inner nodes and leaves apart, both in the order in which they stand in ours.
struct Numbered {
  std::vector<uint32_t> inner, leaves;
  std::vector<int32_t> number;  ///< by our index; leaves as ~number
};

Numbered number_nodes(std::span<const TreeNode> tree) {
  Numbered out;
  for (uint32_t at = 0; at < tree.size(); ++at) {
    auto& list = tree[at].is_leaf() ? out.leaves : out.inner;
    out.number.push_back(tree[at].is_leaf() ? ~int32_t(list.size()) : int32_t(list.size()));
    list.push_back(at);
  }
  return out;
}

template <class Value>
std::string list(const std::vector<uint32_t>& nodes, Value value) {
  std::string out;
  for (const uint32_t at : nodes) fmt::format_to(std::back_inserter(out), "{}{}", out.empty() ? "" : " ", value(at));
  return out;
}

std::string join_numbers(const std::vector<uint32_t>& numbers) {
  return list(numbers, [](uint32_t number) { return number; });
}

/// The splits of a tree by categories: a bit for each listed one, in words of 32.
struct CategoryTests {
  std::map<uint32_t, uint32_t> number;  ///< by node
  std::map<uint32_t, bool> right;       ///< by node: the listed ones go right
  std::vector<uint32_t> begin = {0}, words;

  bool has(uint32_t at) const { return number.count(at) > 0; }
  bool turned(uint32_t at) const { return has(at) && right.at(at); }
};

/// The whole numbers of ranges that LightGBM can tell.
ListedCategories listed_numbers(const Forest& forest, int64_t t, uint32_t at) {
  const SideChanges sides = side_changes(forest, t, at);
  ListedCategories out{{}, !sides.begins_left};
  for (size_t i = 0; i + 1 < sides.cuts.size(); i += 2)
    for (double number = std::floor(sides.cuts[i]) + 1; number <= double(sides.cuts[i + 1]); ++number)
      if (number >= 0) out.values.push_back(float(number));
  return out;
}

CategoryTests category_tests(const Forest& forest, int64_t t, const Numbered& nodes) {
  CategoryTests out;
  for (const uint32_t at : nodes.inner) {
    if (!forest.is_categorical(forest.tree(t)[at].feature)) continue;
    const ListedCategories listed = forest.is_ranges(forest.tree(t)[at].feature) ? listed_numbers(forest, t, at) : listed_categories(forest, t, at);
    const size_t first = out.words.size();
    out.words.resize(first + (listed.values.empty() ? 1 : size_t(listed.values.back()) / 32 + 1), 0);
    for (const float value : listed.values) out.words[first + size_t(value) / 32] |= 1u << (size_t(value) % 32);
    out.number.emplace(at, uint32_t(out.number.size())), out.right.emplace(at, !listed.listed_left);
    out.begin.push_back(uint32_t(out.words.size()));
  }
  return out;
}

constexpr float kMostCategory = 99'999;

/// Error (usage): ranges of other numbers than 0 to 99999, or missing values that do not go where unknown ones do.
Result<void> check_ranges(const Forest& forest, int64_t t, uint32_t at) {
  const SideChanges sides = side_changes(forest, t, at);
  for (const float cut : sides.cuts)
    if (const float number = std::floor(cut) + 1; cut != -1 && (number < 0 || number > kMostCategory + 1 || cut != std::nextafter(number, -1.0f)))
      return usage_error(fmt::format("a split of categories at {}, and LightGBM's are whole numbers from 0 to 99999", cut), "--to lightgbm",
                         "--to onnx");
  if (sides.begins_left != sides.ends_left() || sides.begins_left != forest.tree(t)[at].missing_left())
    return usage_error("missing values and unknown categories go different ways, which LightGBM does not tell apart", "--to lightgbm", "--to onnx");
  return {};
}

/// Error (usage): categories that are no whole numbers from 0 on, which is all that LightGBM knows.
Result<void> check_categories(const Forest& forest) {
  for (int64_t t = 0; t < forest.num_trees(); ++t)
    for (uint32_t at = 0; at < forest.tree(t).size(); ++at)
      if (const TreeNode& node = forest.tree(t)[at]; !node.is_leaf() && forest.is_ranges(node.feature)) HY_CHECK(check_ranges(forest, t, at));
  for (int64_t f = 0; f < forest.num_features(); ++f)
    for (const float value : forest.is_categorical(f) && !forest.is_ranges(f) ? forest.cuts.of(f) : std::span<const float>())
      if (!(value >= 0 && value <= kMostCategory && value == std::floor(value)))
        return usage_error(fmt::format("a category is {}, and LightGBM's are whole numbers from 0 to 99999", value), "--to lightgbm",
                           "number the categories, or --to onnx");
  return {};
}

/// What weights of rows are multiplied with to become counts: 1 for whole ones, else a power of two that keeps their shares to nine digits, by which
/// SHAP values go.
double count_scale(const Forest& forest) {
  if (std::all_of(forest.cover.begin(), forest.cover.end(), [](float weight) { return weight == std::floor(weight); })) return 1;
  return std::ldexp(1.0, 29 - std::ilogb(*std::max_element(forest.cover.begin(), forest.cover.end())));
}

/// The largest double that is at most `cut` as a float32. LightGBM compares doubles: written as it is, a cut would send those that lie
/// closely above it right, and they go left here.
double last_below(float cut) {
  const float next = std::nextafter(cut, std::numeric_limits<float>::infinity());
  if (!std::isfinite(cut) || !std::isfinite(next)) return cut;
  const double middle = (double(cut) + double(next)) / 2;
  return float(middle) == cut ? middle : std::nextafter(middle, double(cut));  // the middle goes to the even one of both
}

/// `value(node)`: what a leaf answers.
template <class Value>
std::string tree_text(const Forest& forest, int64_t t, size_t number, double scale, Value value) {
  const auto tree = forest.tree(t);
  const Numbered nodes = number_nodes(tree);
  const size_t first = forest.tree_start[size_t(t)];
  const auto cover = [&](uint32_t at) { return forest.cover.empty() ? 0.0 : double(forest.cover[first + at]); };
  const auto rows = [&](uint32_t at) { return int64_t(std::llround(cover(at) * scale)); };
  const auto zero = [](uint32_t) { return 0; };
  const CategoryTests tests = category_tests(forest, t, nodes);
  // A split whose listed categories go right is written the other way round.
  const auto child = [&](uint32_t at, uint32_t side) { return nodes.number[tree[at].child() + (tests.turned(at) ? 1 - side : side)]; };
  std::string out = fmt::format("Tree={}\nnum_leaves={}\nnum_cat={}\n", number, nodes.leaves.size(), tests.number.size());
  const auto line = [&](const char* name, const std::string& text) { out += fmt::format("{}={}\n", name, text); };
  line("split_feature", list(nodes.inner, [&](uint32_t at) { return tree[at].feature; }));
  line("split_gain", list(nodes.inner, zero));
  line("threshold",
       list(nodes.inner, [&](uint32_t at) { return tests.has(at) ? double(tests.number.at(at)) : last_below(forest.threshold(t, at)); }));
  line("decision_type", list(nodes.inner, [&](uint32_t at) {
         return kMissingNaN << kMissingShift | (tests.has(at) ? kCategorical : tree[at].missing_left() ? kDefaultLeft : 0);
       }));
  line("left_child", list(nodes.inner, [&](uint32_t at) { return child(at, 0); }));
  line("right_child", list(nodes.inner, [&](uint32_t at) { return child(at, 1); }));
  line("leaf_value", list(nodes.leaves, value));
  line("leaf_weight", list(nodes.leaves, cover));
  line("leaf_count", list(nodes.leaves, rows));
  line("internal_value", list(nodes.inner, zero));
  line("internal_weight", list(nodes.inner, cover));
  line("internal_count", list(nodes.inner, rows));
  if (!tests.number.empty()) line("cat_boundaries", join_numbers(tests.begin)), line("cat_threshold", join_numbers(tests.words));
  return out + "is_linear=0\nshrinkage=1\n\n\n";
}

std::vector<std::string> tree_texts(const Forest& forest) {
  std::vector<std::string> out;
  const size_t width = size_t(forest.values_per_node()), scores = size_t(forest.num_scores());
  const double scale = count_scale(forest);
  for (int64_t t = 0; t < forest.num_trees(); ++t) {
    const double* values = forest.values.data() + forest.tree_start[size_t(t)] * width;
    // LightGBM keeps no start: the first round carries it.
    const double start = forest.joined == Joined::sum && size_t(t) < scores ? forest.start[size_t(t)] : 0;
    for (size_t k = 0; k < width; ++k)
      out.push_back(tree_text(forest, t, out.size(), scale, [&](uint32_t at) { return values[at * width + k] + start; }));
  }
  return out;
}

std::string objective_line(const Forest& forest) {
  if (forest.joined == Joined::mean) return "average_output\n";
  if (forest.link == Link::logistic) return "objective=binary sigmoid:1\n";
  if (forest.link == Link::softmax) return fmt::format("objective=multiclass num_class:{}\n", forest.num_classes);
  if (forest.link == Link::exponential) return "objective=poisson\n";
  return forest.problem == Problem::ranking ? "objective=lambdarank\n" : "objective=regression\n";
}

/// Names without what LightGBM reads as the end of one.
std::string feature_line(const std::vector<std::string>& names) {
  std::string out;
  for (std::string name : names) {
    std::replace_if(
        name.begin(), name.end(), [](char c) { return uint8_t(c) <= ' ' || c == '=' || c == ',' || c == ':' || c == '"' || c == '[' || c == ']'; },
        '_');
    out += (out.empty() ? "" : " ") + name;
  }
  return out;
}

// ---- reading

using Lines = std::map<std::string, std::string, std::less<>>;

Error unreadable(const std::string& where, std::string what,
                 std::string hint = "write it again with Booster.save_model(); LightGBM 2 to 4 are read") {
  return input_error("LightGBM model: " + std::move(what), where, std::move(hint));
}

template <class T>
bool numbers(const Lines& lines, std::string_view name, size_t count, std::vector<T>& out) {
  const auto line = lines.find(name);
  if (line == lines.end()) return false;
  const char *at = line->second.data(), *const end = at + line->second.size();
  while (at < end) {
    T value{};
    const auto [next, problem] = std::from_chars(at, end, value);
    if (problem != std::errc()) return false;
    out.push_back(value);
    at = next;
    while (at < end && *at == ' ') ++at;
  }
  return out.size() == count;
}

/// Counts of rows or weights at the nodes; nothing when the file does not tell.
void read_covers(const Lines& lines, size_t inner, std::vector<double>& out) {
  std::vector<double> leaf, node;
  if (!numbers(lines, "leaf_count", inner + 1, leaf) || !numbers(lines, "internal_count", inner, node)) return;
  out = std::move(node);
  out.insert(out.end(), leaf.begin(), leaf.end());
}

/// The whole numbers whose bits are set, in words of 32, as what goes left. False: one has no float32 of its own.
bool read_set(std::span<const uint32_t> words, ImportedSet& out) {
  for (size_t begin = 0, end = 0; begin < words.size() * 32; begin = end + 1) {
    const auto has = [&words](size_t number) { return number < words.size() * 32 && (words[number / 32] >> number % 32 & 1); };
    while (begin < words.size() * 32 && !has(begin)) begin += begin % 32 == 0 && words[begin / 32] == 0 ? 32 : 1;
    for (end = begin; has(end);) ++end;
    if (end > kMostCategories) return false;
    if (begin < end) add_to_set(out, uint32_t(begin), uint32_t(end), true);
  }
  return true;
}

/// The sets of categories of a tree. Digits are cut off, those of values above -1 too; a missing, negative or unknown value goes right.
Result<std::vector<ImportedSet>> read_sets(const Lines& lines, const std::string& where) {
  std::vector<ImportedSet> out;
  std::vector<int64_t> num_cat, begin;
  std::vector<uint32_t> words;
  if (!lines.count("num_cat")) return out;
  if (!numbers(lines, "num_cat", 1, num_cat) || num_cat[0] < 0) return unreadable(where, "num_cat is no count");
  if (num_cat[0] == 0) return out;
  if (!numbers(lines, "cat_boundaries", size_t(num_cat[0]) + 1, begin))
    return unreadable(where, fmt::format("{} splits by categories without their cat_boundaries", num_cat[0]));
  if (begin[0] != 0 || !std::is_sorted(begin.begin(), begin.end()) || !numbers(lines, "cat_threshold", size_t(begin.back()), words))
    return unreadable(where, "cat_boundaries that do not fit cat_threshold");
  for (size_t i = 0; i + 1 < begin.size(); ++i)
    if (!read_set(std::span(words).subspan(size_t(begin[i]), size_t(begin[i + 1] - begin[i])), out.emplace_back()))
      return unreadable(where, fmt::format("a category above {}, which float32 does not tell from its neighbours", kMostCategories - 1),
                        "number the categories from 0 and train it again");
  return out;
}

Result<ImportedTree> read_tree(const Lines& lines, int64_t features, double scale, const std::string& where) {
  ImportedTree tree;
  std::vector<int64_t> num_leaves, split;
  std::vector<int32_t> left, right, decision;
  std::vector<double> thresholds, leaf_values;
  if (!numbers(lines, "num_leaves", 1, num_leaves) || num_leaves[0] < 1 || !numbers(lines, "leaf_value", size_t(num_leaves[0]), leaf_values))
    return unreadable(where, "a tree without its leaves");
  const auto linear = lines.find("is_linear");
  if (linear != lines.end() && linear->second != "0")
    return unreadable(where, "trees with linear leaves have no place in a hayate model", "train it with linear_tree=false");
  const size_t inner = size_t(num_leaves[0]) - 1;
  if (inner > 0 && (!numbers(lines, "split_feature", inner, split) || !numbers(lines, "threshold", inner, thresholds) ||
                    !numbers(lines, "decision_type", inner, decision) || !numbers(lines, "left_child", inner, left) ||
                    !numbers(lines, "right_child", inner, right)))
    return unreadable(where, "a tree whose lists have different lengths");
  const auto place = [&](int32_t child) { return child >= 0 ? uint32_t(child) : uint32_t(inner) + uint32_t(~child); };
  tree.nodes.resize(inner + leaf_values.size());
  HY_TRY(tree.sets, read_sets(lines, where));
  for (size_t i = 0; i < inner; ++i) {
    const int missing = decision[i] >> kMissingShift & 3;
    if (split[i] < 0 || split[i] >= features) return unreadable(where, fmt::format("a split of feature {} of {}", split[i], features));
    if (decision[i] & kCategorical) {
      if (!(thresholds[i] >= 0 && thresholds[i] < double(tree.sets.size())))
        return unreadable(where, fmt::format("a split by set {} of {} sets of categories", thresholds[i], tree.sets.size()));
      tree.nodes[i] = {int32_t(split[i]), 0, false, place(left[i]), place(right[i]), 0, int32_t(thresholds[i])};
      continue;
    }
    if (missing == kMissingZero)
      return unreadable(where, "zero stands for missing (zero_as_missing), which hayate does not do",
                        "train it with zero_as_missing=false, and NaN for missing values");
    // Without missing values in training LightGBM takes NaN for 0.
    const bool missing_left = missing == kMissingNaN ? (decision[i] & kDefaultLeft) != 0 : 0 <= thresholds[i];
    tree.nodes[i] = {int32_t(split[i]), float_at_most(thresholds[i]), missing_left, place(left[i]), place(right[i])};
  }
  for (size_t i = 0; i < leaf_values.size(); ++i) tree.nodes[inner + i].value = leaf_values[i] * scale;
  read_covers(lines, inner, tree.cover);
  return tree;
}

/// The text cut into its sections: the header, and one a tree.
std::vector<Lines> sections_of(std::string_view text) {
  std::vector<Lines> out(1);
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trim(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line == "end of trees") break;
    const size_t equals = line.find('=');
    const std::string name(line.substr(0, equals));
    if (name == "Tree") out.emplace_back();
    out.back()[name] = equals == std::string_view::npos ? "" : std::string(line.substr(equals + 1));
  }
  return out;
}

/// Which features are categories: as the parameters behind the trees say, or as their values' summaries do.
std::vector<size_t> categorical_features(std::string_view text, const Lines& header) {
  std::vector<size_t> out;
  constexpr std::string_view kParameter = "\n[categorical_feature: ";
  if (const size_t at = text.rfind(kParameter); at != std::string_view::npos) {
    const std::string_view rest = text.substr(at + kParameter.size());
    for (const std::string& number : split(rest.substr(0, rest.find(']')), ','))
      if (const auto feature = parse_integer(trim(number)); feature && *feature >= 0) out.push_back(size_t(*feature));
    std::sort(out.begin(), out.end());
    return out;
  }
  const auto infos = header.find("feature_infos");
  const std::vector<std::string> each = infos == header.end() ? std::vector<std::string>() : split(infos->second, ' ');
  for (size_t f = 0; f < each.size(); ++f)
    if (!each[f].empty() && each[f] != "none" && each[f][0] != '[') out.push_back(f);
  return out;
}

/// What pandas called the categories whose numbers the trees test, by feature; empty when there is no such thing. The file lists those of each
/// column without its name. Error (input): they are numbers themselves, and columns and lists do not match, so that a table's would be misread.
Result<std::vector<std::vector<std::string>>> pandas_categories(std::string_view text, const Lines& header, size_t features,
                                                                const std::string& where) {
  std::vector<std::vector<std::string>> out;
  constexpr std::string_view kLine = "\npandas_categorical:";
  const size_t at = text.rfind(kLine);
  if (at == std::string_view::npos) return out;
  const std::string_view rest = text.substr(at + kLine.size());
  HY_TRY(const io::Json lists, io::parse_json(rest.substr(0, rest.find('\n')), where));
  if (!lists.array() || lists.array()->empty()) return out;
  const std::vector<size_t> columns = categorical_features(text, header);
  const bool fits = columns.size() == lists.array()->size() && columns.back() < features;
  out.resize(fits ? features : 0);
  for (size_t i = 0; i < lists.array()->size(); ++i) {
    const io::Json::Array* const list = (*lists.array())[i].array();
    if (!list) return unreadable(where, "pandas_categorical holds no lists");
    for (const io::Json& category : *list) {
      if (fits)
        out[columns[i]].push_back(category_name(category));
      else if (!category.text())
        return unreadable(where,
                          fmt::format("pandas' categories of {} columns for {} categorical features: which of them are called {} is not told",
                                      lists.array()->size(), columns.size(), category_name(category)),
                          "train it with the categories' numbers (column.cat.codes), or with texts as categories");
    }
  }
  return out;
}

struct Objective {
  Problem problem = Problem::regression;
  Link link = Link::identity;
  double scale = 1;  ///< of the scores
};

Result<Objective> objective_of(const std::string& text, const std::string& where) {
  const std::vector<std::string> words = split(text, ' ');
  const std::string& name = words[0];
  const auto is_any = [&name](std::initializer_list<const char*> names) { return std::find(names.begin(), names.end(), name) != names.end(); };
  if (name == "binary") {
    Objective out{Problem::classification, Link::logistic, 1};
    for (const std::string& word : words)
      if (word.starts_with("sigmoid:")) out.scale = parse_number(word.substr(8)).value_or(1);
    return out;
  }
  if (name == "multiclass") return Objective{Problem::classification, Link::softmax, 1};
  if (is_any({"poisson", "gamma", "tweedie"})) return Objective{Problem::regression, Link::exponential, 1};
  if (is_any({"lambdarank", "rank_xendcg"})) return Objective{Problem::ranking, Link::identity, 1};
  if (is_any({"", "regression", "regression_l1", "huber", "fair", "quantile", "mape", "custom"}) && text.find("sqrt") == std::string::npos)
    return Objective{};
  return unreadable(
      where, fmt::format("objective '{}' turns scores into answers in a way hayate does not know", text),
      "objectives that are read: regression (without reg_sqrt), regression_l1, huber, fair, quantile, mape, poisson, gamma, tweedie, binary, "
      "multiclass, lambdarank, rank_xendcg");
}

}  // namespace

Result<std::string> to_lightgbm(const Model& model, std::string_view key) {
  HY_TRY(const Predictor* predictor, pick_predictor(model, key));
  if (!std::holds_alternative<Forest>(*predictor))
    return usage_error("LightGBM's format holds trees alone, this model holds something else", "--to lightgbm", "--to onnx");
  HY_TRY(const Predictor folded, with_calibration_folded(*predictor, "--to lightgbm", false));
  const Forest* forest = &std::get<Forest>(folded);
  HY_CHECK(check_categories(*forest));
  const std::vector<std::string> trees = tree_texts(*forest);
  std::string sizes, infos;
  for (const std::string& tree : trees) sizes += fmt::format("{}{}", sizes.empty() ? "" : " ", tree.size());
  for (size_t f = 0; f < model.features.size(); ++f) infos += f == 0 ? "[-1e+308:1e+308]" : " [-1e+308:1e+308]";
  std::string out = fmt::format("tree\nversion=v4\nnum_class={0}\nnum_tree_per_iteration={0}\nlabel_index=0\nmax_feature_idx={1}\n",
                                forest->num_scores(), forest->num_features() - 1);
  out += objective_line(*forest);
  out += fmt::format("feature_names={}\nfeature_infos={}\ntree_sizes={}\n\n", feature_line(model.features), infos, sizes);
  for (const std::string& tree : trees) out += tree;
  return out + "end of trees\n\nfeature_importances:\n\nparameters:\nend of parameters\n\npandas_categorical:null\n";
}

Result<Model> from_lightgbm(std::string_view text, const std::string& where) {
  const std::vector<Lines> sections = sections_of(text);
  const Lines& header = sections[0];
  const auto value = [&header](const char* name) { return header.count(name) ? header.at(name) : std::string(); };
  if (!header.count("tree") || !header.count("feature_names")) return unreadable(where, "it does not begin as one");
  HY_TRY(const Objective objective, objective_of(value("objective"), where));
  ImportedForest forest;
  forest.problem = objective.problem, forest.link = objective.link;
  forest.features = split(value("feature_names"), ' ');
  const int64_t scores = parse_integer(value("num_tree_per_iteration")).value_or(1);
  const int64_t trees = int64_t(sections.size()) - 1;
  if (scores < 1 || trees < 1 || trees % scores != 0) return unreadable(where, fmt::format("{} trees for {} scores", trees, scores));
  const bool two_scores = scores == 2 && objective.link == Link::softmax;
  forest.start.assign(two_scores ? 1 : size_t(scores), 0);
  if (objective.problem == Problem::classification) forest.num_classes = objective.link == Link::softmax ? int32_t(scores) : 2;
  HY_TRY(forest.categories, pandas_categories(text, header, forest.features.size(), where));
  const double scale = header.count("average_output") ? objective.scale / double(trees / scores) : objective.scale;
  for (size_t t = 1; t < sections.size(); ++t) {
    HY_TRY(ImportedTree tree, read_tree(sections[t], int64_t(forest.features.size()), scale, where));
    if (two_scores) add_to_second(tree, int64_t(t - 1) % 2 == 1);
    forest.trees.push_back(std::move(tree));
  }
  if (two_scores) forest.link = Link::logistic;
  return model_of(std::move(forest), "lightgbm", where);
}

}  // namespace hayate
