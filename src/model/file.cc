// The bytes of a .hyt file; docs/formats/model.md is the manual. Header, directory, then one section of text and one per
// predictor, each with its own checksum over all bytes up to the next section: together they cover the file, so any flipped
// bit is found. A file is mapped, and of many predictors those are unpacked whose keys are asked for.
//
// Checksums guard against accidents. A file made by hand with right checksums still can't crash a reader: every count is
// held against the bytes that are there before it is used, and every link of a tree against the tree's size.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstring>
#include <memory>

#include "base/hash.h"
#include "hayate/model.h"
#include "model/bytes.h"
#include "model/forest_section.h"

namespace hayate {
namespace {

static_assert(std::endian::native == std::endian::little, "the arrays of a .hyt file are little-endian");

// The first byte is no text, and a copy that treats the file as text changes the line ends: as PNG does it.
constexpr char kMagic[8] = {'\x89', 'H', 'Y', 'T', '\r', '\n', '\x1a', '\n'};
constexpr uint32_t kVersion = 2;
constexpr size_t kAlign = 64;

enum class SectionKind : uint32_t { text = 1, forest = 2, linear = 3, blend = 4, calibrated = 5, ranges = 6 };

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
static_assert(sizeof(Header) == 32 && sizeof(Entry) == 32 && sizeof(LinearHeader) == 32);

// ---- writing

void put_text(std::string& out, std::string_view text) {
  put_value(out, uint64_t{text.size()});
  out.append(text);
}

void put_list(std::string& out, const std::vector<std::string>& list) {
  put_value(out, uint64_t{list.size()});
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

void put_linear(std::string& out, const Linear& l) {
  const LinearHeader header{uint32_t(l.problem), uint32_t(l.num_classes), uint64_t(l.link), l.intercepts.size(), l.fill.size()};
  put_value(out, header);
  put_array(out, l.intercepts), put_array(out, l.coefficients), put_array(out, l.fill);
}

SectionKind put_part(std::string& out, const Forest& forest) {
  return put_forest(out, forest), has_ranges(forest) ? SectionKind::ranges : SectionKind::forest;
}
SectionKind put_part(std::string& out, const Linear& linear) { return put_linear(out, linear), SectionKind::linear; }

/// A predictor within a section, with its kind and size before it.
template <class Part>
void put_inner(std::string& out, const Part& part) {
  std::string bytes;
  const SectionKind kind = put_part(bytes, part);
  const PartHeader own{uint64_t(kind), bytes.size()};
  put_value(out, own);
  out.append(bytes);
}

/// A part, inside its calibration when it has one.
template <class Part>
SectionKind put_calibrated(std::string& out, const Part& part) {
  const Calibration& c = part.calibration;
  if (c.empty()) return put_part(out, part);
  const CalibratedHeader header{uint64_t(c.method), c.start.size() - 1, c.x.size()};
  put_value(out, header);
  put_array(out, c.start), put_array(out, c.x), put_array(out, c.y);
  put_inner(out, part);
  return SectionKind::calibrated;
}

void put_blend(std::string& out, const Blend& blend) {
  const BlendHeader header{uint32_t(blend.problem), uint32_t(blend.num_classes), blend.parts.size()};
  put_value(out, header);
  put_array(out, blend.weights);
  for (const auto& part : blend.parts) {
    std::string bytes;
    const SectionKind kind = std::visit([&](const auto& p) { return put_calibrated(bytes, p); }, part);
    const PartHeader own{uint64_t(kind), bytes.size()};
    put_value(out, own);
    out.append(bytes);
  }
}

SectionKind put_predictor(std::string& out, const Predictor& predictor) {
  if (const Forest* forest = std::get_if<Forest>(&predictor)) return put_calibrated(out, *forest);
  if (const Linear* linear = std::get_if<Linear>(&predictor)) return put_calibrated(out, *linear);
  return put_blend(out, std::get<Blend>(predictor)), SectionKind::blend;
}

// ---- reading

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
  if (!bytes.read(inner) || !bytes.bytes(inner_bytes, inner.size) || !bytes.empty() || inner.kind == uint64_t(SectionKind::calibrated) ||
      !read_part(inner.kind, inner_bytes, out))
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
  if (kind == uint64_t(SectionKind::forest) || kind == uint64_t(SectionKind::ranges)) {
    Forest& forest = std::get<Forest>(out.emplace_back(Forest{}));
    return read_forest(bytes, forest) && has_ranges(forest) == (kind == uint64_t(SectionKind::ranges));
  }
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
    if (!bytes.read(own) || !bytes.bytes(part_bytes, own.size) || !read_part(own.kind, part_bytes, blend.parts)) return false;
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

bool keys_hold(const Model& model, size_t num_predictors) {
  if (model.keys.size() != num_predictors || (model.key_column.empty() && model.keys != std::vector<std::string>{""})) return false;
  for (size_t i = 1; i < model.keys.size(); ++i)
    if (!(model.keys[i - 1] < model.keys[i])) return false;
  return true;
}

bool predictor_fits(const Model& model, const Predictor& predictor) {
  return std::visit(
      [&model](const auto& p) {
        return p.problem == model.problem && size_t(p.num_features()) == model.features.size() && size_t(p.num_classes) == model.classes.size();
      },
      predictor);
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

/// The text of a file, and that what follows are as many predictors as it has keys.
Result<Model> read_head(std::string_view bytes, const std::vector<Entry>& entries, const std::string& where) {
  for (size_t i = 0; i < entries.size(); ++i) {
    const Entry& entry = entries[i];
    const size_t end = i + 1 < entries.size() ? entries[i + 1].offset : bytes.size();
    if (checksum(bytes.data() + entry.offset, end - entry.offset) != entry.checksum)
      return damaged(where, fmt::format("the checksum of section {} does not match", i));
    const SectionKind kind = SectionKind(entry.kind);
    if (i == 0 ? kind != SectionKind::text : kind < SectionKind::forest || kind > SectionKind::ranges)
      return input_error(fmt::format("section {} is of kind {}, which this hayate does not know", i, entry.kind), where,
                         "use the hayate that wrote it");
  }
  Model head;
  if (!read_text(bytes.substr(entries[0].offset, entries[0].size), head)) return damaged(where, "section 0 does not hold together");
  if (!keys_hold(head, entries.size() - 1)) return damaged(where, "its predictors do not fit its names");
  return head;
}

Result<Predictor> read_entry(std::string_view bytes, const Entry& entry, size_t i, const Model& head, const std::string& where) {
  std::vector<Predictor> out;
  if (!read_predictor(SectionKind(entry.kind), bytes.substr(entry.offset, entry.size), out))
    return damaged(where, fmt::format("section {} does not hold together", i));
  if (!predictor_fits(head, out[0])) return damaged(where, "its predictors do not fit its names");
  return std::move(out[0]);
}

/// A section with the zero bytes behind it.
PackedPredictor closed(SectionKind kind, std::string bytes) {
  const size_t size = bytes.size();
  bytes.resize(round_up(size, kAlign));
  bytes.shrink_to_fit();
  const uint64_t sum = checksum(bytes.data(), bytes.size());
  return {uint32_t(kind), size, sum, std::move(bytes)};
}

}  // namespace

PackedPredictor pack(const Predictor& predictor) {
  std::string bytes;
  const SectionKind kind = put_predictor(bytes, predictor);
  return closed(kind, std::move(bytes));
}

Result<void> write_model(const Model& head, std::span<const PackedPredictor> predictors, const std::function<Result<void>(std::string_view)>& write) {
  assert(keys_hold(head, predictors.size()));
  const PackedPredictor text = closed(SectionKind::text, text_section(head));
  std::vector<Entry> entries;
  const size_t num_sections = predictors.size() + 1;
  size_t at = sections_begin(num_sections);
  const auto add = [&](const PackedPredictor& section) {
    entries.push_back({section.kind, 0, at, section.size, section.checksum});
    at += section.bytes.size();
  };
  add(text);
  for (const PackedPredictor& section : predictors) add(section);
  Header header{{}, kVersion, uint32_t(num_sections), at, 0};
  std::memcpy(header.magic, kMagic, sizeof kMagic);
  std::string begin(sections_begin(num_sections), '\0');
  std::memcpy(begin.data() + sizeof header, entries.data(), entries.size() * sizeof(Entry));
  header.checksum = directory_checksum(begin, header);
  std::memcpy(begin.data(), &header, sizeof header);
  HY_CHECK(write(begin));
  HY_CHECK(write(text.bytes));
  for (const PackedPredictor& section : predictors) HY_CHECK(write(section.bytes));
  return {};
}

std::string serialize(const Model& model) {
  std::vector<PackedPredictor> packed;
  for (const Predictor& predictor : model.predictors) packed.push_back(pack(predictor));
  std::string out;
  const auto write = [&out](std::string_view bytes) -> Result<void> { return out.append(bytes), Result<void>(); };
  [[maybe_unused]] const bool written = write_model(model, packed, write).ok();
  assert(written);
  return out;
}

Result<Model> parse_model(std::string_view bytes, const std::string& where) {
  HY_TRY(const std::vector<Entry> entries, read_directory(bytes, where));
  HY_TRY(Model model, read_head(bytes, entries, where));
  for (size_t i = 1; i < entries.size(); ++i) {
    HY_TRY(Predictor predictor, read_entry(bytes, entries[i], i, model, where));
    model.predictors.push_back(std::move(predictor));
  }
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
  if (!left.read(own) || !left.bytes(section, own.size) || own.kind < uint64_t(SectionKind::forest) || own.kind > uint64_t(SectionKind::ranges) ||
      !read_predictor(SectionKind(own.kind), section, out))
    return std::nullopt;
  bytes.remove_prefix(sizeof own + own.size);
  return std::move(out[0]);
}

namespace {

/// The bytes of a file where the system keeps them, for as long as this lives: files of models are replaced, never changed in place. What is
/// no file (a pipe) is read into memory.
class MappedFile {
 public:
  static Result<std::unique_ptr<MappedFile>> open(const std::string& path) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return input_error("cannot open the model file", path, "check the path; 'hayate train --model FILE' writes one");
    std::unique_ptr<MappedFile> out(new MappedFile);
    const bool whole = out->map(file) || out->read(file);
    ::close(file);
    if (!whole) return Error{Kind::io, "cannot read the model file", path, "check the disk, or copy the file again"};
    return out;
  }
  ~MappedFile() {
    if (mapped_) ::munmap(mapped_, size_);
  }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::string_view bytes() const { return mapped_ ? std::string_view(static_cast<const char*>(mapped_), size_) : std::string_view(read_); }

 private:
  MappedFile() = default;

  bool map(int file) {
    struct stat about{};
    if (::fstat(file, &about) != 0 || !S_ISREG(about.st_mode) || about.st_size == 0) return false;
    size_ = size_t(about.st_size);
    void* const bytes = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file, 0);
    mapped_ = bytes == MAP_FAILED ? nullptr : bytes;
    return mapped_ != nullptr;
  }
  bool read(int file) {
    char block[1 << 16];
    ssize_t got = 0;
    while ((got = ::read(file, block, sizeof block)) > 0) read_.append(block, size_t(got));
    return got == 0;
  }

  void* mapped_ = nullptr;
  size_t size_ = 0;
  std::string read_;
};

}  // namespace

struct ModelFile::State {
  std::string path;
  std::unique_ptr<MappedFile> file;
  std::vector<Entry> entries;
  Model head;
};

ModelFile::ModelFile(std::unique_ptr<State> state) : state_(std::move(state)) {}
ModelFile::ModelFile(ModelFile&&) noexcept = default;
ModelFile& ModelFile::operator=(ModelFile&&) noexcept = default;
ModelFile::~ModelFile() = default;

Result<ModelFile> ModelFile::open(const std::string& path) {
  auto state = std::make_unique<State>();
  state->path = path;
  HY_TRY(state->file, MappedFile::open(path));
  HY_TRY(state->entries, read_directory(state->file->bytes(), path));
  HY_TRY(state->head, read_head(state->file->bytes(), state->entries, path));
  return ModelFile(std::move(state));
}

const Model& ModelFile::head() const { return state_->head; }

Result<Predictor> ModelFile::predictor(size_t place) const {
  return read_entry(state_->file->bytes(), state_->entries[place + 1], place + 1, state_->head, state_->path);
}

Result<Model> load_model(const std::string& path) {
  HY_TRY(const std::unique_ptr<MappedFile> file, MappedFile::open(path));
  return parse_model(file->bytes(), path);
}

}  // namespace hayate
