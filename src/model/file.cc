// The bytes of a .hyt file; docs/formats/model.md is the manual. Header, directory, then one section of text and one per
// predictor, each with its own checksum over all bytes up to the next section: together they cover the file, so any flipped
// bit is found, and a reader of one key needs to check that key's bytes only. Sections start at multiples of 64 and their
// arrays at multiples of 8, so a mapped file can be used in place on a little-endian machine.
//
// Checksums guard against accidents. A file made by hand with right checksums still can't crash a reader: every count is
// held against the bytes that are there before it is used, and every link of a tree against the tree's size.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <memory>

#include "base/hash.h"
#include "hayate/model.h"

namespace hayate {
namespace {

static_assert(std::endian::native == std::endian::little, "the arrays of a .hyt file are little-endian");

// The first byte is no text, and a copy that treats the file as text changes the line ends: as PNG does it.
constexpr char kMagic[8] = {'\x89', 'H', 'Y', 'T', '\r', '\n', '\x1a', '\n'};
constexpr uint32_t kVersion = 1;
constexpr size_t kAlign = 64;

enum class SectionKind : uint32_t { text = 1, forest = 2, linear = 3, blend = 4, calibrated = 5 };

struct Header {
  char magic[8];
  uint32_t version;
  uint32_t num_sections;
  uint64_t file_size;
  uint64_t checksum;  ///< of the header with this field 0, then the directory up to the first section
};
struct Entry {
  uint32_t kind;
  uint32_t reserved;
  uint64_t offset;
  uint64_t size;      ///< without the zero bytes up to the next section
  uint64_t checksum;  ///< of all bytes up to the next section or the end
};
struct ForestHeader {
  uint32_t problem;
  uint32_t num_classes;
  uint32_t joined, link;
  uint64_t num_start, num_features, num_cuts, num_trees, num_nodes, num_covers;
  uint32_t has_thresholds, has_categories;
  uint64_t num_sets;
};
struct LinearHeader {
  uint32_t problem;
  uint32_t num_classes;
  uint64_t link, num_scores, num_features;
};
struct BlendHeader {
  uint32_t problem;
  uint32_t num_classes;
  uint64_t num_parts;
};
struct PartHeader {
  uint64_t kind, size;
};
struct CalibratedHeader {
  uint64_t method, num_maps, num_pairs;
};
static_assert(sizeof(Header) == 32 && sizeof(Entry) == 32 && sizeof(ForestHeader) == 80 && sizeof(LinearHeader) == 32);

size_t round_up(size_t size, size_t to) { return (size + to - 1) / to * to; }

// ---- writing

void put_text(std::string& out, std::string_view text) {
  const uint64_t size = text.size();
  out.append(reinterpret_cast<const char*>(&size), sizeof size).append(text);
}

void put_list(std::string& out, const std::vector<std::string>& list) {
  const uint64_t size = list.size();
  out.append(reinterpret_cast<const char*>(&size), sizeof size);
  for (const std::string& text : list) put_text(out, text);
}

std::string text_section(const Model& model) {
  std::string out;
  put_text(out, problem_name(model.problem));
  for (const std::string* text : {&model.learner, &model.label, &model.params, &model.key_column}) put_text(out, *text);
  for (const auto* list : {&model.features, &model.classes, &model.keys}) put_list(out, *list);
  std::vector<std::string> notes;
  for (const auto& [name, value] : model.notes) notes.push_back(name), notes.push_back(value);
  put_list(out, notes);
  return out;
}

template <class T>
void put_array(std::string& out, const std::vector<T>& values) {
  out.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
  out.resize(round_up(out.size(), 8));
}

void put_forest(std::string& out, const Forest& f) {
  const ForestHeader header{.problem = uint32_t(f.problem),
                            .num_classes = uint32_t(f.num_classes),
                            .joined = uint32_t(f.joined),
                            .link = uint32_t(f.link),
                            .num_start = f.start.size(),
                            .num_features = uint64_t(f.num_features()),
                            .num_cuts = f.cuts.values.size(),
                            .num_trees = uint64_t(f.num_trees()),
                            .num_nodes = f.nodes.size(),
                            .num_covers = f.cover.size(),
                            .has_thresholds = !f.thresholds.empty(),
                            .has_categories = !f.categorical.empty(),
                            .num_sets = f.sets.size()};
  out.reserve(out.size() + sizeof header + f.nodes.size() * 24 + f.values.size() * 8 + f.cuts.values.size() * 4 + f.importance.size() * 16);
  out.append(reinterpret_cast<const char*>(&header), sizeof header);
  put_array(out, f.start);
  put_array(out, f.cuts.start), put_array(out, f.cuts.values), put_array(out, f.tree_start);
  put_array(out, f.nodes), put_array(out, f.values), put_array(out, f.cover), put_array(out, f.importance);
  put_array(out, f.thresholds), put_array(out, f.categorical), put_array(out, f.set_start), put_array(out, f.sets);
}

void put_linear(std::string& out, const Linear& l) {
  const LinearHeader header{uint32_t(l.problem), uint32_t(l.num_classes), uint64_t(l.link), l.intercepts.size(), l.fill.size()};
  out.append(reinterpret_cast<const char*>(&header), sizeof header);
  put_array(out, l.intercepts), put_array(out, l.coefficients), put_array(out, l.fill);
}

SectionKind put_part(std::string& out, const Forest& forest) { return put_forest(out, forest), SectionKind::forest; }
SectionKind put_part(std::string& out, const Linear& linear) { return put_linear(out, linear), SectionKind::linear; }

/// A predictor within a section, with its kind and size before it.
template <class Part>
void put_inner(std::string& out, const Part& part) {
  std::string bytes;
  const SectionKind kind = put_part(bytes, part);
  const PartHeader own{uint64_t(kind), bytes.size()};
  out.append(reinterpret_cast<const char*>(&own), sizeof own).append(bytes);
}

/// A part, inside its calibration when it has one.
template <class Part>
SectionKind put_calibrated(std::string& out, const Part& part) {
  const Calibration& c = part.calibration;
  if (c.empty()) return put_part(out, part);
  const CalibratedHeader header{uint64_t(c.method), c.start.size() - 1, c.x.size()};
  out.append(reinterpret_cast<const char*>(&header), sizeof header);
  put_array(out, c.start), put_array(out, c.x), put_array(out, c.y);
  put_inner(out, part);
  return SectionKind::calibrated;
}

void put_blend(std::string& out, const Blend& blend) {
  const BlendHeader header{uint32_t(blend.problem), uint32_t(blend.num_classes), blend.parts.size()};
  out.append(reinterpret_cast<const char*>(&header), sizeof header);
  put_array(out, blend.weights);
  for (const auto& part : blend.parts) {
    std::string bytes;
    const SectionKind kind = std::visit([&](const auto& p) { return put_calibrated(bytes, p); }, part);
    const PartHeader own{uint64_t(kind), bytes.size()};
    out.append(reinterpret_cast<const char*>(&own), sizeof own).append(bytes);
  }
}

SectionKind put_predictor(std::string& out, const Predictor& predictor) {
  if (const Forest* forest = std::get_if<Forest>(&predictor)) return put_calibrated(out, *forest);
  if (const Linear* linear = std::get_if<Linear>(&predictor)) return put_calibrated(out, *linear);
  return put_blend(out, std::get<Blend>(predictor)), SectionKind::blend;
}

// ---- reading

/// What is left of a section. A read past its end fails and stays failed; nothing is allocated on the word of a count alone.
class Bytes {
 public:
  explicit Bytes(std::string_view bytes) : left_(bytes), size_(bytes.size()) {}

  template <class T>
  bool read(T& value) {
    if (left_.size() < sizeof(T)) return false;
    std::memcpy(&value, left_.data(), sizeof(T));
    left_.remove_prefix(sizeof(T));
    return true;
  }
  bool text(std::string& out) {
    uint64_t size = 0;
    if (!read(size) || size > left_.size()) return false;
    out = left_.substr(0, size);
    left_.remove_prefix(size);
    return true;
  }
  bool list(std::vector<std::string>& out) {
    uint64_t count = 0;
    if (!read(count) || count > left_.size() / sizeof(uint64_t)) return false;
    out.resize(count);
    for (std::string& entry : out)
      if (!text(entry)) return false;
    return true;
  }
  template <class T>
  bool array(std::vector<T>& out, uint64_t count) {
    if (count > left_.size() / sizeof(T)) return false;
    out.resize(count);
    if (count) std::memcpy(out.data(), left_.data(), count * sizeof(T));
    left_.remove_prefix(count * sizeof(T));
    const size_t padding = round_up(size_ - left_.size(), 8) - (size_ - left_.size());
    if (padding > left_.size()) return false;
    left_.remove_prefix(padding);
    return true;
  }
  bool bytes(std::string_view& out, uint64_t size) {
    if (size > left_.size()) return false;
    out = left_.substr(0, size);
    left_.remove_prefix(size);
    return true;
  }
  bool empty() const { return left_.empty(); }

 private:
  std::string_view left_;
  size_t size_;
};

template <class T>
bool ascends_from_zero(const std::vector<T>& starts, uint64_t end, T least_step) {
  if (starts.empty() || starts.front() != 0 || starts.back() != end) return false;
  for (size_t i = 1; i < starts.size(); ++i)
    if (starts[i] < starts[i - 1] || starts[i] - starts[i - 1] < least_step) return false;
  return true;
}

bool cuts_hold(const Cuts& cuts) {
  for (int64_t feature = 0; feature < cuts.num_features(); ++feature) {
    const std::span<const float> own = cuts.of(feature);
    if (own.size() >= kMissingCode) return false;
    for (size_t c = 0; c < own.size(); ++c)
      if (own[c] != own[c] || (c > 0 && !(own[c - 1] < own[c]))) return false;
  }
  return true;
}

bool test_holds(const Forest& forest, int64_t t, uint32_t at) {
  const TreeNode& node = forest.tree(t)[at];
  if (node.feature >= forest.num_features()) return false;
  if (forest.is_categorical(node.feature)) return node.cut < forest.set_start[size_t(t) + 1] - forest.set_start[size_t(t)];
  if (forest.thresholds.empty()) return node.cut <= forest.cuts.of(node.feature).size();
  const float threshold = forest.threshold(t, at);
  return node.cut == 0 && threshold == threshold;
}

bool tree_holds(const Forest& forest, int64_t t) {
  const std::span<const TreeNode> tree = forest.tree(t);
  for (uint32_t at = 0; at < tree.size(); ++at) {
    const TreeNode& node = tree[at];
    if (node.is_leaf()) {
      if (node.child() != at || node.missing_left() || node.feature != 0) return false;
    } else if (node.child() <= at || node.child() + 1 >= tree.size() || !test_holds(forest, t, at)) {
      return false;
    }
  }
  return true;
}

/// With thresholds only categories have cuts.
bool features_hold(const Forest& forest) {
  for (int64_t f = 0; f < forest.num_features(); ++f)
    if ((forest.is_categorical(f) && forest.categorical[size_t(f)] != 1) ||
        (!forest.is_categorical(f) && !forest.thresholds.empty() && !forest.cuts.of(f).empty()))
      return false;
  return true;
}

bool all_finite(const std::vector<double>& values) {
  return std::all_of(values.begin(), values.end(), [](double x) { return std::isfinite(x); });
}

/// The problem has the classes it needs, and the link the scores that it reads.
bool problem_holds(Problem problem, int32_t num_classes, Link link, size_t num_scores) {
  if (problem > Problem::ranking || (problem == Problem::classification) != (num_classes > 0)) return false;
  const size_t scores = num_classes > 2 ? size_t(num_classes) : 1;
  const bool fits = num_classes == 0   ? link == Link::identity || link == Link::exponential
                    : num_classes <= 2 ? link == Link::logistic
                                       : link == Link::softmax;
  return fits && num_scores == scores;
}

bool forest_holds(const Forest& forest) {
  if (forest.joined == Joined::mean) {
    if (forest.problem != Problem::regression && forest.problem != Problem::classification) return false;
    if ((forest.problem == Problem::classification) != (forest.num_classes > 0)) return false;
    if (forest.link != Link::identity || !forest.start.empty()) return false;
  } else if (forest.joined != Joined::sum || !problem_holds(forest.problem, forest.num_classes, forest.link, forest.start.size()) ||
             !all_finite(forest.start) || forest.num_trees() % forest.num_scores() != 0) {
    return false;
  }
  if (!cuts_hold(forest.cuts) || !features_hold(forest) || forest.num_trees() < 1) return false;
  for (int64_t t = 0; t < forest.num_trees(); ++t)
    if (!tree_holds(forest, t)) return false;
  return true;
}

bool read_forest(std::string_view section, Forest& forest) {
  Bytes bytes(section);
  ForestHeader header;
  constexpr uint64_t kMost = uint64_t{1} << 31;
  if (!bytes.read(header) || header.num_features >= kMost || header.num_trees >= kMost || header.num_nodes >= kMost || header.num_classes >= kMost ||
      header.joined > 1 || header.link > 3 || header.has_thresholds > 1 || header.has_categories > 1)
    return false;
  forest.problem = Problem(uint8_t(header.problem));
  forest.num_classes = int32_t(header.num_classes);
  if (uint32_t(forest.problem) != header.problem) return false;
  forest.joined = Joined(uint8_t(header.joined)), forest.link = Link(uint8_t(header.link));
  if (!bytes.array(forest.start, header.num_start)) return false;
  if (!bytes.array(forest.cuts.start, header.num_features + 1) || !bytes.array(forest.cuts.values, header.num_cuts)) return false;
  if (!bytes.array(forest.tree_start, header.num_trees + 1) || !bytes.array(forest.nodes, header.num_nodes)) return false;
  if (!bytes.array(forest.values, header.num_nodes * uint64_t(forest.values_per_node()))) return false;
  if ((header.num_covers != 0 && header.num_covers != header.num_nodes) || !bytes.array(forest.cover, header.num_covers)) return false;
  if (!bytes.array(forest.importance, header.num_features)) return false;
  if (!bytes.array(forest.thresholds, header.has_thresholds * header.num_nodes)) return false;
  if (!bytes.array(forest.categorical, header.has_categories * header.num_features)) return false;
  if (!bytes.array(forest.set_start, header.has_categories * (header.num_trees + 1)) || !bytes.array(forest.sets, header.num_sets)) return false;
  if (!bytes.empty() || (header.has_categories ? !ascends_from_zero(forest.set_start, header.num_sets, 0u) : header.num_sets > 0)) return false;
  return ascends_from_zero(forest.cuts.start, header.num_cuts, 0u) && ascends_from_zero(forest.tree_start, header.num_nodes, 1u) &&
         forest_holds(forest);
}

bool read_linear(std::string_view section, Linear& linear) {
  Bytes bytes(section);
  LinearHeader header;
  constexpr uint64_t kMost = uint64_t{1} << 31;
  if (!bytes.read(header) || header.num_features >= kMost || header.num_scores >= kMost || header.num_classes >= kMost || header.link > 3)
    return false;
  linear.problem = Problem(uint8_t(header.problem));
  linear.num_classes = int32_t(header.num_classes);
  linear.link = Link(uint8_t(header.link));
  if (uint32_t(linear.problem) != header.problem) return false;
  if (!bytes.array(linear.intercepts, header.num_scores) || !bytes.array(linear.coefficients, header.num_scores * header.num_features) ||
      !bytes.array(linear.fill, header.num_features) || !bytes.empty())
    return false;
  return problem_holds(linear.problem, linear.num_classes, linear.link, linear.intercepts.size()) && linear.problem != Problem::ranking &&
         linear.link != Link::exponential && all_finite(linear.intercepts) && all_finite(linear.coefficients) && all_finite(linear.fill);
}

bool maps_hold(const Calibration& c) {
  if (!all_finite(c.x) || !all_finite(c.y)) return false;
  for (size_t map = 0; map + 1 < c.start.size(); ++map)
    for (size_t i = c.start[map]; i < c.start[map + 1]; ++i) {
      const bool first = i == c.start[map];
      if (c.method == Calibration::Method::platt ? !first : c.y[i] < 0 || c.y[i] > 1) return false;
      if (!first && (!(c.x[i - 1] < c.x[i]) || c.y[i - 1] > c.y[i])) return false;
    }
  return true;
}

bool read_part(uint64_t kind, std::string_view bytes, std::vector<std::variant<Forest, Linear>>& out);

bool read_calibrated(std::string_view section, std::vector<std::variant<Forest, Linear>>& out) {
  Bytes bytes(section);
  CalibratedHeader header;
  PartHeader inner;
  std::string_view inner_bytes;
  Calibration c;
  if (!bytes.read(header) || header.method < 1 || header.method > 2 || header.num_maps == 0 || header.num_maps > section.size()) return false;
  c.method = Calibration::Method(uint8_t(header.method));
  if (!bytes.array(c.start, header.num_maps + 1) || !bytes.array(c.x, header.num_pairs) || !bytes.array(c.y, header.num_pairs)) return false;
  if (!ascends_from_zero(c.start, header.num_pairs, 1u) || !maps_hold(c)) return false;
  if (!bytes.read(inner) || !bytes.bytes(inner_bytes, inner.size) || !bytes.empty() || inner.kind > 3 || !read_part(inner.kind, inner_bytes, out))
    return false;
  return std::visit(
      [&](auto& part) {
        part.calibration = std::move(c);
        return part.problem == Problem::classification && part.calibration.start.size() == size_t(part.num_classes > 2 ? part.num_classes : 1) + 1;
      },
      out.back());
}

bool read_part(uint64_t kind, std::string_view bytes, std::vector<std::variant<Forest, Linear>>& out) {
  if (kind == uint64_t(SectionKind::calibrated)) return read_calibrated(bytes, out);
  if (kind == uint64_t(SectionKind::forest)) return read_forest(bytes, std::get<Forest>(out.emplace_back(Forest{})));
  return kind == uint64_t(SectionKind::linear) && read_linear(bytes, std::get<Linear>(out.emplace_back(Linear{})));
}

bool blend_holds(const Blend& blend) {
  const auto fits = [&blend](const auto& p) {
    return p.problem == blend.problem && p.num_classes == blend.num_classes && p.num_features() == blend.num_features();
  };
  return std::all_of(blend.weights.begin(), blend.weights.end(), [](double w) { return std::isfinite(w) && w > 0; }) &&
         std::all_of(blend.parts.begin(), blend.parts.end(), [&](const auto& part) { return std::visit(fits, part); });
}

bool read_blend(std::string_view section, Blend& blend) {
  Bytes bytes(section);
  BlendHeader header;
  if (!bytes.read(header) || header.num_parts == 0 || header.num_parts > section.size() / sizeof(PartHeader) || header.num_classes >= (1u << 31))
    return false;
  blend.problem = Problem(uint8_t(header.problem)), blend.num_classes = int32_t(header.num_classes);
  if (uint32_t(blend.problem) != header.problem || !bytes.array(blend.weights, header.num_parts)) return false;
  for (uint64_t part = 0; part < header.num_parts; ++part) {
    PartHeader own;
    std::string_view part_bytes;
    if (!bytes.read(own) || !bytes.bytes(part_bytes, own.size) || own.kind > 5 || !read_part(own.kind, part_bytes, blend.parts)) return false;
  }
  return bytes.empty() && blend_holds(blend);
}

bool read_predictor(SectionKind kind, std::string_view section, std::vector<Predictor>& out) {
  if (kind == SectionKind::blend) return read_blend(section, std::get<Blend>(out.emplace_back(Blend{})));
  std::vector<std::variant<Forest, Linear>> part;
  if (!read_part(uint64_t(kind), section, part)) return false;
  std::visit([&out](auto& p) { out.emplace_back(std::move(p)); }, part.back());
  return true;
}

bool read_text(std::string_view section, Model& model) {
  Bytes bytes(section);
  std::string problem;
  std::vector<std::string> notes;
  if (!bytes.text(problem)) return false;
  for (std::string* text : {&model.learner, &model.label, &model.params, &model.key_column})
    if (!bytes.text(*text)) return false;
  for (auto* list : {&model.features, &model.classes, &model.keys, &notes})
    if (!bytes.list(*list)) return false;
  if (!bytes.empty() || notes.size() % 2 != 0) return false;
  for (size_t i = 0; i < notes.size(); i += 2) model.notes.emplace_back(notes[i], notes[i + 1]);
  for (const Problem known : {Problem::regression, Problem::classification, Problem::ranking})
    if (problem == problem_name(known)) return model.problem = known, true;
  return false;
}

bool model_holds(const Model& model) {
  if (model.keys.size() != model.predictors.size() || (model.key_column.empty() && model.keys != std::vector<std::string>{""})) return false;
  for (size_t i = 1; i < model.keys.size(); ++i)
    if (!(model.keys[i - 1] < model.keys[i])) return false;
  return std::all_of(model.predictors.begin(), model.predictors.end(), [&model](const Predictor& predictor) {
    return std::visit(
        [&model](const auto& p) {
          return p.problem == model.problem && size_t(p.num_features()) == model.features.size() && size_t(p.num_classes) == model.classes.size();
        },
        predictor);
  });
}

constexpr const char* kAgain = "train the model again, or copy the file again from where it was made";

Error damaged(const std::string& where, std::string_view what) { return input_error(fmt::format("damaged model file: {}", what), where, kAgain); }

Result<Header> read_header(std::string_view bytes, const std::string& where) {
  Header header;
  if (bytes.size() < sizeof kMagic || std::memcmp(bytes.data(), kMagic, sizeof kMagic) != 0)
    return input_error("not a hayate model", where, "pass a .hyt file written by 'hayate train' or 'hayate run'");
  if (bytes.size() < sizeof header) return damaged(where, fmt::format("{} bytes, the header alone has {}", bytes.size(), sizeof header));
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.version != kVersion)
    return input_error(fmt::format("model file of version {}, this hayate reads version {}", header.version, kVersion), where,
                       "use the hayate that wrote it, or train the model again");
  if (header.file_size != bytes.size()) return damaged(where, fmt::format("{} bytes, {} were written", bytes.size(), header.file_size));
  return header;
}

/// Where the sections begin, by the number of entries before them.
size_t sections_begin(size_t num_sections) { return round_up(sizeof(Header) + num_sections * sizeof(Entry), kAlign); }

uint64_t directory_checksum(std::string_view begin, Header header) {
  header.checksum = 0;
  const std::string_view rest = begin.substr(sizeof header);
  const Hash128 hash = Hasher().bytes(&header, sizeof header).bytes(rest.data(), rest.size()).finish();
  return hash.low;
}

Result<std::vector<Entry>> read_directory(std::string_view bytes, const std::string& where) {
  HY_TRY(const Header header, read_header(bytes, where));
  if (header.num_sections == 0 || header.num_sections > bytes.size() / sizeof(Entry) || sections_begin(header.num_sections) > bytes.size())
    return damaged(where, fmt::format("{} sections in {} bytes", header.num_sections, bytes.size()));
  if (directory_checksum(bytes.substr(0, sections_begin(header.num_sections)), header) != header.checksum)
    return damaged(where, "the checksum of its directory does not match");
  std::vector<Entry> entries(header.num_sections);
  std::memcpy(entries.data(), bytes.data() + sizeof header, entries.size() * sizeof(Entry));
  uint64_t expected = sections_begin(entries.size());
  for (const Entry& entry : entries) {
    if (entry.offset != expected || entry.size > bytes.size() - expected) return damaged(where, "a section lies outside the file");
    expected = round_up(entry.offset + entry.size, kAlign);
    if (expected > bytes.size()) return damaged(where, "a section lies outside the file");
  }
  if (expected != bytes.size()) return damaged(where, "bytes after the last section");
  return entries;
}

}  // namespace

std::string serialize(const Model& model) {
  assert(model_holds(model));
  const size_t num_sections = model.predictors.size() + 1;
  std::vector<Entry> entries;
  std::string out(sections_begin(num_sections), '\0');
  const auto close_section = [&](SectionKind kind, size_t begin) {
    const size_t size = out.size() - begin;
    out.resize(round_up(out.size(), kAlign));
    entries.push_back({uint32_t(kind), 0, begin, size, checksum(out.data() + begin, out.size() - begin)});
  };
  size_t begin = out.size();
  out += text_section(model);
  close_section(SectionKind::text, begin);
  for (const Predictor& predictor : model.predictors) {
    begin = out.size();
    close_section(put_predictor(out, predictor), begin);
  }
  Header header{{}, kVersion, uint32_t(num_sections), out.size(), 0};
  std::memcpy(header.magic, kMagic, sizeof kMagic);
  std::memcpy(out.data() + sizeof header, entries.data(), entries.size() * sizeof(Entry));
  header.checksum = directory_checksum(std::string_view(out).substr(0, sections_begin(num_sections)), header);
  std::memcpy(out.data(), &header, sizeof header);
  return out;
}

Result<Model> parse_model(std::string_view bytes, const std::string& where) {
  HY_TRY(const std::vector<Entry> entries, read_directory(bytes, where));
  Model model;
  for (size_t i = 0; i < entries.size(); ++i) {
    const Entry& entry = entries[i];
    const size_t end = i + 1 < entries.size() ? entries[i + 1].offset : bytes.size();
    if (checksum(bytes.data() + entry.offset, end - entry.offset) != entry.checksum)
      return damaged(where, fmt::format("the checksum of section {} does not match", i));
    const SectionKind kind = SectionKind(entry.kind);
    if (i == 0 ? kind != SectionKind::text : kind < SectionKind::forest || kind > SectionKind::calibrated)
      return input_error(fmt::format("section {} is of kind {}, which this hayate does not know", i, entry.kind), where,
                         "use the hayate that wrote it");
    const std::string_view section = bytes.substr(entry.offset, entry.size);
    if (!(i == 0 ? read_text(section, model) : read_predictor(kind, section, model.predictors)))
      return damaged(where, fmt::format("section {} does not hold together", i));
  }
  if (!model_holds(model)) return damaged(where, "its predictors do not fit its names");
  return model;
}

void append_predictor(const Predictor& predictor, std::string& out) {
  const size_t begin = out.size();
  assert(begin % 8 == 0);
  out.resize(begin + sizeof(PartHeader));
  const SectionKind kind = put_predictor(out, predictor);
  const PartHeader own{uint64_t(kind), out.size() - begin - sizeof(PartHeader)};
  std::memcpy(out.data() + begin, &own, sizeof own);
}

std::optional<Predictor> take_predictor(std::string_view& bytes) {
  Bytes left(bytes);
  PartHeader own;
  std::string_view section;
  std::vector<Predictor> out;
  if (!left.read(own) || !left.bytes(section, own.size) || own.kind < uint64_t(SectionKind::forest) || own.kind > uint64_t(SectionKind::blend) ||
      !read_predictor(SectionKind(own.kind), section, out))
    return std::nullopt;
  bytes.remove_prefix(sizeof own + own.size);
  return std::move(out[0]);
}

Result<Model> load_model(const std::string& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), std::fclose);
  if (!file) return input_error("cannot open the model file", path, "check the path; 'hayate train --model FILE' writes one");
  std::string bytes;
  char block[1 << 16];
  size_t got = 0;
  while ((got = std::fread(block, 1, sizeof block, file.get())) > 0) bytes.append(block, got);
  if (std::ferror(file.get())) return Error{Kind::io, "cannot read the model file", path, "check the disk, or copy the file again"};
  return parse_model(bytes, path);
}

}  // namespace hayate
