#include "model/forest_section.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstring>
#include <utility>

#include "model/bytes.h"
#include "model/coded_trees.h"

namespace hayate {
namespace {

/// How the weights of the rows that reached the nodes are kept.
enum class Covers : uint8_t {
  none = 0,
  numbers = 1,  ///< a float32 a node
  counts = 2,   ///< whole, and those of two children make up their parent's: in the stream of counts
};
/// How the nodes' values are kept.
enum class Values : uint8_t {
  numbers = 0,  ///< float64, values_per_node() a node
  leaves = 1,   ///< those of inner nodes are 0: a float64 a leaf
  counts = 2,   ///< shares of class 1: rows of class 1 over rows, in the stream of counts
};

struct ForestHeader {
  uint32_t problem;
  uint32_t num_classes;
  uint32_t joined, link;
  uint64_t num_start, num_features, num_cuts, num_trees, num_nodes, num_inner, num_sets;
  uint64_t count_bytes;  ///< of the stream of counts
  uint8_t covers, values;
  uint8_t feature_bytes, cut_bytes;  ///< 1 or 2 each, of every inner node
  uint8_t has_thresholds, has_categories;
  uint8_t zero[2];
};
static_assert(sizeof(ForestHeader) == 88);

constexpr uint64_t kMost = uint64_t{1} << 31;  // of everything that is counted

/// Bytes of a number that is at most `most`.
int bytes_for(uint32_t most) { return 1 + int(most >= 256) + 2 * int(most >= 65'536); }

/// An inner node, and the left one of its children, in the list of all nodes.
struct InnerNode {
  uint32_t at, left;
};

/// All of them, in order. Whether a node is a leaf is a coin's toss: what is written of a forest goes by this list, without a branch for a node.
std::vector<InnerNode> inner_nodes(const Forest& f) {
  std::vector<InnerNode> out((f.nodes.size() - size_t(f.num_trees())) / 2 + 1);  // and a place that a leaf may write
  size_t count = 0;
  for (int64_t t = 0; t < f.num_trees(); ++t)
    for (uint32_t begin = f.tree_start[size_t(t)], at = begin; at < f.tree_start[size_t(t) + 1]; ++at) {
      out[count] = {at, begin + f.nodes[at].child()};
      count += !f.nodes[at].is_leaf();
    }
  out.resize(count);
  return out;
}

// ---- what reached the nodes, as counts

/// Rows that reached a node, and those of class 1 among them.
struct Reached {
  uint32_t rows, marked;
};

/// Of every node on its own. False when they are no whole numbers; looked at once, at the end, so that divisions need not wait.
template <bool kShares>
bool count_nodes(const Forest& f, std::vector<Reached>& out) {
  bool whole = true;
  for (size_t at = 0; at < out.size(); ++at) {
    const double given = double(f.cover[at]), share = kShares ? f.values[at] : 0;
    const bool fits = given >= 1 && given < double(kMost) && share >= 0 && share <= 1;
    const double rows = fits ? given : 1, marked = fits ? share * rows + 0.5 : 0;
    out[at] = {uint32_t(int32_t(rows)), uint32_t(int32_t(marked))};
    whole &= fits & (double(int32_t(rows)) == rows) & !std::signbit(share);
    if (kShares) whole &= double(int32_t(marked)) / rows == share;
  }
  return whole;
}

/// Of every node, as long as they are whole numbers that add up; empty when they are not. `shares`: the nodes' values are shares of class 1.
std::vector<Reached> counts_of(const Forest& f, const std::vector<InnerNode>& inner, bool shares) {
  if (f.cover.size() != f.nodes.size()) return {};
  std::vector<Reached> out(f.nodes.size());
  if (!(shares ? count_nodes<true> : count_nodes<false>)(f, out)) return {};
  uint32_t apart = 0;
  for (const InnerNode& node : inner) {
    const Reached &own = out[node.at], &left = out[node.left], &right = out[node.left + 1];
    apart |= ((left.rows + right.rows) ^ own.rows) | ((left.marked + right.marked) ^ own.marked);
  }
  if (apart != 0) return {};
  return out;
}

/// Tree by tree: the root's counts in 4 bytes each, then of every inner node its left child's, each in the bytes that the node's own may need.
std::string count_stream(const Forest& f, const std::vector<InnerNode>& inner, const std::vector<Reached>& reached, bool shares) {
  std::string out((inner.size() + size_t(f.num_trees())) * sizeof(Reached), '\0');
  char* to = out.data();
  const auto put = [&](uint32_t count, int bytes) { std::memcpy(to, &count, sizeof count), to += bytes; };  // the next count covers what is too much
  size_t next = 0;
  for (int64_t t = 0; t < f.num_trees(); ++t) {
    const Reached& root = reached[f.tree_start[size_t(t)]];
    put(root.rows, 4);
    if (shares) put(root.marked, 4);
    for (; next < inner.size() && inner[next].at < f.tree_start[size_t(t) + 1]; ++next) {
      const Reached &own = reached[inner[next].at], &left = reached[inner[next].left];
      put(left.rows, bytes_for(own.rows));
      if (shares) put(left.marked, bytes_for(own.marked));
    }
  }
  out.resize(size_t(to - out.data()));
  return out;
}

/// Counts of a stream, behind which 4 more bytes may be read.
class CountReader {
 public:
  explicit CountReader(std::string_view stream) : at_(stream.data()), end_(stream.data() + stream.size()) {}

  /// One that is at most `most`, or says that it is.
  bool read(uint32_t most, uint32_t& count) {
    const int bytes = bytes_for(most);
    if (end_ - at_ < bytes) return false;
    std::memcpy(&count, at_, sizeof count);
    count &= ~uint32_t{0} >> (32 - 8 * bytes);
    at_ += bytes;
    return true;
  }
  bool empty() const { return at_ == end_; }

 private:
  const char *at_, *end_;
};

/// Covers, and with `shares` values, from counts below kMost that nobody has checked. No branch for a node: several go through one vector.
bool take_counts(const std::vector<Reached>& reached, bool shares, Forest& f) {
  f.cover.resize(reached.size()), f.values.resize(shares ? reached.size() : f.values.size());
  uint32_t bad = 0;  // in its highest bit
  for (size_t at = 0; at < reached.size(); ++at) {
    const auto [rows, marked] = reached[at];
    bad |= rows | (rows - 1) | marked | (rows - marked);
    f.cover[at] = float(int32_t(rows));
  }
  for (size_t at = 0; at < reached.size() && shares; ++at) f.values[at] = double(int32_t(reached[at].marked)) / double(int32_t(reached[at].rows));
  return bad < kMost;
}

/// Fills the covers, and the values when these are shares. Counts that don't add up wrap round, and are found out at the end.
bool read_counts(std::string_view stream, bool shares, const std::vector<InnerNode>& inner, Forest& f) {
  constexpr uint32_t kAny = ~uint32_t{0};
  CountReader counts(stream);
  std::vector<Reached> reached(f.nodes.size());
  bool holds = true;
  size_t next = 0;
  for (int64_t t = 0; t < f.num_trees(); ++t) {
    Reached& root = reached[f.tree_start[size_t(t)]];
    if (!counts.read(kAny, root.rows) || (shares && !counts.read(kAny, root.marked)) || root.rows >= kMost) return false;
    for (; next < inner.size() && inner[next].at < f.tree_start[size_t(t) + 1]; ++next) {
      const Reached own = reached[inner[next].at];
      Reached left{0, 0};
      if (!counts.read(own.rows, left.rows) || (shares && !counts.read(own.marked, left.marked))) return false;
      holds &= left.rows <= own.rows && left.marked <= own.marked;
      reached[inner[next].left] = left;
      reached[inner[next].left + 1] = {own.rows - left.rows, own.marked - left.marked};
    }
  }
  return holds && counts.empty() && take_counts(reached, shares, f);
}

// ---- nodes

/// A bit of every entry, `bit(i)` of entry i.
template <class Bit>
std::vector<uint8_t> bits_of(size_t count, Bit bit) {
  std::vector<uint8_t> out((count + 7) / 8);
  for (size_t at = 0; at < count; at += 8) {
    unsigned byte = 0;
    for (size_t i = 0; i < std::min<size_t>(8, count - at); ++i) byte |= unsigned(bit(at + i)) << i;
    out[at / 8] = uint8_t(byte);
  }
  return out;
}

bool bit_of(const std::vector<uint8_t>& bytes, size_t at) { return bytes[at / 8] >> at % 8 & 1; }
/// No bit is set behind the last entry, so that a forest has one form only.
bool ends_clean(const std::vector<uint8_t>& bytes, size_t count) { return count % 8 == 0 || bytes.back() >> count % 8 == 0; }

void put_numbers(std::string& out, const std::vector<uint16_t>& values, int bytes) {
  if (bytes == 2) return put_array(out, values);
  put_array(out, std::vector<uint8_t>(values.begin(), values.end()));
}
bool read_numbers(Bytes& bytes, uint64_t count, int width, std::vector<uint16_t>& out) {
  if (width == 2) return bytes.array(out, count);
  std::vector<uint8_t> narrow;
  if (!bytes.array(narrow, count)) return false;
  out.assign(narrow.begin(), narrow.end());
  return true;
}

/// Inner nodes apart: what the nodes are, and of the inner ones the tests.
struct Tests {
  std::vector<uint16_t> features, cuts;
  std::vector<float> thresholds;
  int feature_bytes = 1, cut_bytes = 1;
};

Tests tests_of(const Forest& f, const std::vector<InnerNode>& inner) {
  Tests out;
  out.features.resize(inner.size()), out.cuts.resize(inner.size()), out.thresholds.resize(f.thresholds.empty() ? 0 : inner.size());
  unsigned features = 0, cuts = 0;
  for (size_t i = 0; i < inner.size(); ++i) {
    const TreeNode& node = f.nodes[inner[i].at];
    features |= out.features[i] = node.feature, cuts |= out.cuts[i] = node.cut;
  }
  for (size_t i = 0; i < out.thresholds.size(); ++i) out.thresholds[i] = f.thresholds[inner[i].at];
  out.feature_bytes = features > 255 ? 2 : 1, out.cut_bytes = cuts > 255 ? 2 : 1;
  return out;
}

/// Which nodes are inner, and which of these send missing values left.
void put_shape(std::string& out, const Forest& f, const std::vector<InnerNode>& inner) {
  put_array(out, bits_of(f.nodes.size(), [&](size_t at) { return !f.nodes[at].is_leaf(); }));
  put_array(out, bits_of(inner.size(), [&](size_t i) { return f.nodes[inner[i].at].missing_left(); }));
}

/// The nodes of all trees: children stand in the order of their parents. No branch for a node, as in inner_nodes().
bool join_nodes(const std::vector<uint8_t>& inner, std::vector<uint8_t> missing_left, Tests tests, Forest& f) {
  size_t num_inner = 0;
  for (const uint8_t byte : inner) num_inner += size_t(std::popcount(byte));
  if (num_inner != tests.features.size()) return false;
  missing_left.push_back(0), tests.features.push_back(0), tests.cuts.push_back(0);  // what a leaf behind the last of them reads
  f.nodes.resize(f.tree_start.back());
  size_t test = 0;
  uint32_t bad = 0;
  for (int64_t t = 0; t < f.num_trees(); ++t) {
    const uint32_t begin = f.tree_start[size_t(t)], size = f.tree_start[size_t(t) + 1] - begin;
    uint32_t next = 1;
    for (uint32_t at = 0; at < size; ++at) {
      const uint32_t is_inner = bit_of(inner, begin + at), mask = 0 - is_inner;
      const uint32_t link = (next << 1 | uint32_t(bit_of(missing_left, test))) & mask, own = at << 1 & ~mask;
      f.nodes[begin + at] = {link | own, uint16_t(tests.features[test] & mask), uint16_t(tests.cuts[test] | ~mask)};
      bad |= is_inner & (uint32_t(next <= at) | uint32_t(next + 1 >= size) | uint32_t(f.nodes[begin + at].is_leaf()));
      next += 2 * is_inner, test += is_inner;
    }
    if (next != size) return false;
  }
  return bad == 0;
}

/// The thresholds of the nodes.
void spread_thresholds(const Tests& tests, const std::vector<InnerNode>& inner, Forest& f) {
  f.thresholds.assign(f.nodes.size(), 0.0f);
  for (size_t i = 0; i < inner.size(); ++i) f.thresholds[inner[i].at] = tests.thresholds[i];
}

/// What the file takes for granted, and every forest is.
[[maybe_unused]] bool in_order(const Forest& f) {
  for (int64_t t = 0; t < f.num_trees(); ++t) {
    uint32_t next = 1;
    for (const TreeNode& node : f.tree(t))
      if (!node.is_leaf() && std::exchange(next, next + 2) != node.child()) return false;
    if (next != f.tree(t).size()) return false;
  }
  return true;
}

/// Empty when inner nodes have values too.
std::vector<double> leaf_values(const Forest& f, const std::vector<InnerNode>& inner) {
  for (const InnerNode& node : inner)
    if (f.values[node.at] != 0 || std::signbit(f.values[node.at])) return {};
  std::vector<double> out(f.nodes.size() - inner.size() + 1);  // and a place that an inner node may write
  size_t count = 0;
  for (size_t at = 0; at < f.nodes.size(); ++at) out[count] = f.values[at], count += f.nodes[at].is_leaf();
  out.resize(count);
  return out;
}

void spread_leaves(const std::vector<double>& leaves, Forest& f) {
  f.values.assign(f.nodes.size(), 0.0);
  size_t leaf = 0;
  for (size_t at = 0; at < f.nodes.size(); ++at)
    if (f.nodes[at].is_leaf()) f.values[at] = leaves[leaf++];
}

// ---- what a forest must be

bool cuts_hold(const Forest& forest) {
  for (int64_t feature = 0; feature < forest.num_features(); ++feature) {
    const std::span<const float> own = forest.cuts.of(feature);
    if (own.size() >= kMissingCode && !forest.is_ranges(feature)) return false;
    for (size_t c = 0; c < own.size(); ++c)
      if (own[c] != own[c] || (c > 0 && !(own[c - 1] < own[c]))) return false;
  }
  return true;
}

bool test_holds(const Forest& forest, int64_t t, uint32_t at) {
  const TreeNode& node = forest.tree(t)[at];
  if (node.feature >= forest.num_features()) return false;
  if (forest.is_categorical(node.feature))
    return node.cut + forest.sets_of(node.feature) <= forest.set_start[size_t(t) + 1] - forest.set_start[size_t(t)];
  if (forest.thresholds.empty()) return node.cut <= forest.cuts.of(node.feature).size();
  const float threshold = forest.threshold(t, at);
  return node.cut == 0 && threshold == threshold;
}

bool tests_hold(const Forest& forest, const std::vector<InnerNode>& inner) {
  if (has_codes(forest)) {
    std::vector<uint32_t> num_codes;
    num_codes.reserve(size_t(forest.num_features()));
    for (int64_t f = 0; f < forest.num_features(); ++f) num_codes.push_back(uint32_t(forest.cuts.of(f).size()) + 1);
    return std::all_of(inner.begin(), inner.end(), [&](const InnerNode& at) {
      const TreeNode& node = forest.nodes[at.at];
      return node.feature < num_codes.size() && node.cut < num_codes[node.feature];
    });
  }
  for (int64_t t = 0; t < forest.num_trees(); ++t)
    for (uint32_t at = 0; at < forest.tree(t).size(); ++at)
      if (!forest.tree(t)[at].is_leaf() && !test_holds(forest, t, at)) return false;
  return true;
}

/// With thresholds only categories have cuts.
bool features_hold(const Forest& forest) {
  for (int64_t f = 0; f < forest.num_features(); ++f)
    if ((forest.is_categorical(f) && forest.categorical[size_t(f)] > 2) ||
        (!forest.is_categorical(f) && !forest.thresholds.empty() && !forest.cuts.of(f).empty()))
      return false;
  return true;
}

bool forest_holds(const Forest& forest, const std::vector<InnerNode>& inner) {
  if (forest.joined == Joined::mean) {
    if (forest.problem != Problem::regression && forest.problem != Problem::classification) return false;
    if ((forest.problem == Problem::classification) != (forest.num_classes > 0)) return false;
    if (forest.link != Link::identity || !forest.start.empty()) return false;
  } else if (forest.joined != Joined::sum || !problem_holds(forest.problem, forest.num_classes, forest.link, forest.start.size()) ||
             !all_finite(forest.start) || forest.num_trees() % forest.num_scores() != 0) {
    return false;
  }
  return cuts_hold(forest) && features_hold(forest) && tests_hold(forest, inner);
}

bool header_holds(const ForestHeader& h) {
  const uint64_t counts[] = {h.num_features, h.num_trees, h.num_nodes, h.num_inner, h.num_classes};
  return std::all_of(std::begin(counts), std::end(counts), [](uint64_t count) { return count < kMost; }) && h.num_trees >= 1 &&
         h.num_inner <= h.num_nodes && h.problem <= 2 && h.joined <= 1 && h.link <= 3 && h.covers <= 2 && h.values <= 2 &&
         (h.feature_bytes == 1 || h.feature_bytes == 2) && (h.cut_bytes == 1 || h.cut_bytes == 2) && h.has_thresholds <= 1 && h.has_categories <= 1 &&
         h.zero[0] == 0 && h.zero[1] == 0;
}

bool read_values(Bytes& bytes, const ForestHeader& h, Forest& f) {
  const size_t width = size_t(f.values_per_node());
  if (Values(h.values) == Values::counts)
    return f.problem == Problem::classification && f.joined == Joined::mean && f.num_classes == 2 && Covers(h.covers) == Covers::counts;
  if (Values(h.values) == Values::numbers) return bytes.array(f.values, h.num_nodes * width);
  std::vector<double> leaves;
  if (width != 1 || !bytes.array(leaves, h.num_nodes - h.num_inner)) return false;
  spread_leaves(leaves, f);
  return true;
}

}  // namespace

bool has_ranges(const Forest& forest) { return std::find(forest.categorical.begin(), forest.categorical.end(), 2) != forest.categorical.end(); }

bool all_finite(const std::vector<double>& values) {
  return std::all_of(values.begin(), values.end(), [](double x) { return std::isfinite(x); });
}

bool problem_holds(Problem problem, int32_t num_classes, Link link, size_t num_scores) {
  if (problem > Problem::ranking || (problem == Problem::classification) != (num_classes > 0)) return false;
  const size_t scores = num_classes > 2 ? size_t(num_classes) : 1;
  const bool fits = num_classes == 0   ? link == Link::identity || link == Link::exponential
                    : num_classes <= 2 ? link == Link::logistic
                                       : link == Link::softmax;
  return fits && num_scores == scores;
}

void put_forest(std::string& out, const Forest& f) {
  assert(in_order(f));
  const std::vector<InnerNode> inner = inner_nodes(f);
  const Tests tests = tests_of(f, inner);
  const bool may_share = f.problem == Problem::classification && f.joined == Joined::mean && f.num_classes == 2;
  std::vector<Reached> reached = may_share ? counts_of(f, inner, true) : std::vector<Reached>();
  const bool shares = !reached.empty();
  if (!shares) reached = counts_of(f, inner, false);
  const std::string counts = reached.empty() ? "" : count_stream(f, inner, reached, shares);
  const std::vector<double> leaves = shares || f.values_per_node() != 1 ? std::vector<double>() : leaf_values(f, inner);
  const ForestHeader header{.problem = uint32_t(f.problem),
                            .num_classes = uint32_t(f.num_classes),
                            .joined = uint32_t(f.joined),
                            .link = uint32_t(f.link),
                            .num_start = f.start.size(),
                            .num_features = uint64_t(f.num_features()),
                            .num_cuts = f.cuts.values.size(),
                            .num_trees = uint64_t(f.num_trees()),
                            .num_nodes = f.nodes.size(),
                            .num_inner = inner.size(),
                            .num_sets = f.sets.size(),
                            .count_bytes = counts.size(),
                            .covers = uint8_t(!reached.empty()  ? Covers::counts
                                              : f.cover.empty() ? Covers::none
                                                                : Covers::numbers),
                            .values = uint8_t(shares            ? Values::counts
                                              : !leaves.empty() ? Values::leaves
                                                                : Values::numbers),
                            .feature_bytes = uint8_t(tests.feature_bytes),
                            .cut_bytes = uint8_t(tests.cut_bytes),
                            .has_thresholds = !f.thresholds.empty(),
                            .has_categories = !f.categorical.empty(),
                            .zero = {}};
  put_value(out, header);
  put_array(out, f.start), put_array(out, f.cuts.start), put_array(out, f.cuts.values), put_array(out, f.tree_start);
  put_shape(out, f, inner);
  put_numbers(out, tests.features, tests.feature_bytes), put_numbers(out, tests.cuts, tests.cut_bytes);
  put_array(out, tests.thresholds);
  if (Covers(header.covers) == Covers::numbers) put_array(out, f.cover);
  if (Values(header.values) == Values::numbers) put_array(out, f.values);
  put_array(out, leaves), put_array(out, f.importance);
  put_array(out, f.categorical), put_array(out, f.set_start), put_array(out, f.sets);
  out += counts;
  out.resize(round_up(out.size(), 8));
}

bool read_forest(std::string_view section, Forest& forest) {
  Bytes bytes(section);
  ForestHeader h;
  if (!bytes.read(h) || !header_holds(h)) return false;
  forest.problem = Problem(uint8_t(h.problem)), forest.num_classes = int32_t(h.num_classes);
  forest.joined = Joined(uint8_t(h.joined)), forest.link = Link(uint8_t(h.link));
  if (!bytes.array(forest.start, h.num_start)) return false;
  if (!bytes.array(forest.cuts.start, h.num_features + 1) || !bytes.array(forest.cuts.values, h.num_cuts)) return false;
  if (!bytes.array(forest.tree_start, h.num_trees + 1)) return false;
  if (!ascends_from_zero(forest.cuts.start, h.num_cuts, 0u) || !ascends_from_zero(forest.tree_start, h.num_nodes, 1u)) return false;
  std::vector<uint8_t> inner, missing_left;
  if (!bytes.array(inner, (h.num_nodes + 7) / 8) || !bytes.array(missing_left, (h.num_inner + 7) / 8)) return false;
  if (!ends_clean(inner, h.num_nodes) || !ends_clean(missing_left, h.num_inner)) return false;
  Tests tests;
  if (!read_numbers(bytes, h.num_inner, h.feature_bytes, tests.features) || !read_numbers(bytes, h.num_inner, h.cut_bytes, tests.cuts)) return false;
  if (!bytes.array(tests.thresholds, h.has_thresholds * h.num_inner)) return false;
  if (!join_nodes(inner, std::move(missing_left), tests, forest)) return false;
  const std::vector<InnerNode> inner_list = inner_nodes(forest);
  if (h.has_thresholds) spread_thresholds(tests, inner_list, forest);
  if (Covers(h.covers) == Covers::numbers && !bytes.array(forest.cover, h.num_nodes)) return false;
  if (!read_values(bytes, h, forest) || !bytes.array(forest.importance, h.num_features)) return false;
  if (!bytes.array(forest.categorical, h.has_categories * h.num_features)) return false;
  if (!bytes.array(forest.set_start, h.has_categories * (h.num_trees + 1)) || !bytes.array(forest.sets, h.num_sets)) return false;
  if (h.has_categories ? !ascends_from_zero(forest.set_start, h.num_sets, 0u) : h.num_sets > 0) return false;
  std::vector<char> counts;
  if (!bytes.array(counts, h.count_bytes) || !bytes.empty() || (Covers(h.covers) != Covers::counts && h.count_bytes > 0)) return false;
  counts.resize(counts.size() + sizeof(uint32_t));
  const std::string_view stream(counts.data(), h.count_bytes);
  if (Covers(h.covers) == Covers::counts && !read_counts(stream, Values(h.values) == Values::counts, inner_list, forest)) return false;
  return forest_holds(forest, inner_list);
}

}  // namespace hayate
