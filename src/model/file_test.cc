#include <doctest/doctest.h>

#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <limits>

#include "base/hash.h"
#include "hayate/model.h"

using namespace hayate;

namespace {

Forest small_forest(double value) {
  Forest f;
  f.cuts.start = {0, 1, 3};
  f.cuts.values = {1.5f, -std::numeric_limits<float>::infinity(), 0.0f};
  f.nodes = {{2, 1, 2}, {2, 0, TreeNode::kLeafCut}, {4, 0, TreeNode::kLeafCut}};
  f.tree_start = {0, 3};
  f.values = {value, value - 1, value + 1};
  f.cover = {10, 6, 4};
  f.importance = {0, 1};
  return f;
}

Model one_model() {
  Model m;
  m.label = "y", m.params = "num_trees=1", m.features = {"a", "b"}, m.notes = {{"a", "Mean($close, 5)"}, {"", "\n"}};
  m.keys = {""}, m.predictors = {small_forest(1)};
  return m;
}

Model many_models() {
  Model m = one_model();
  m.key_column = "symbol", m.keys = {"6501", "7203", "AAPL"};
  m.predictors = {small_forest(1), small_forest(2), small_forest(3)};
  return m;
}

Model linear_model() {
  Model m = one_model();
  m.learner = "logistic", m.problem = Problem::classification, m.classes = {"no", "yes"};
  m.predictors = {Linear{Problem::classification, 2, Link::logistic, {0.5}, {1, -2}, {0, 3}}};
  return m;
}

Model boosted_model() {
  Model m = one_model();
  Forest f = small_forest(0.5);
  f.joined = Joined::sum, f.link = Link::exponential, f.start = {2};
  m.learner = "boosting", m.predictors = {f};
  return m;
}

/// Two trees of two classes on counted rows: shares that follow from counts of one and of two bytes.
Model counted_model() {
  Model m = one_model();
  Forest f = small_forest(0);
  f.problem = Problem::classification, f.num_classes = 2;
  f.nodes.insert(f.nodes.end(), {{3, 0, 0}, {2, 0, TreeNode::kLeafCut}, {6, 1, 1}, {6, 0, TreeNode::kLeafCut}, {8, 0, TreeNode::kLeafCut}});
  f.tree_start = {0, 3, 8};
  f.cover = {10, 6, 4, 1000, 700, 300, 1, 299};
  f.values = {0.5, 2.0 / 6, 0.75, 300.0 / 1000, 300.0 / 700, 0, 0, 0};
  m.problem = Problem::classification, m.classes = {"no", "yes"}, m.predictors = {f};
  return m;
}

/// The left split by a threshold of its own, the right one by categories 1 and 3 of -1, 1, 3.
Model category_model() {
  Model m = one_model();
  Forest f;
  f.cuts.start = {0, 0, 3};
  f.cuts.values = {-1, 1, 3};
  f.categorical = {0, 1};
  f.nodes = {{2, 0, 0}, {2, 0, TreeNode::kLeafCut}, {7, 1, 0}, {6, 0, TreeNode::kLeafCut}, {8, 0, TreeNode::kLeafCut}};
  f.tree_start = {0, 5};
  f.thresholds = {0.25f, 0, 0, 0, 0};
  f.sets.resize(1);
  f.sets[0].add(1), f.sets[0].add(2);
  f.set_start = {0, 1};
  f.values = {0, 1, 2, 3, 4};
  f.importance = {0.5, 0.5};
  m.predictors = {f};
  return m;
}

/// A mean of trees of two classes behind a step function, and a linear model of three behind sigmoids.
Model calibrated_forest() {
  Model m = one_model();
  Forest f = small_forest(0.5);
  f.problem = Problem::classification, f.num_classes = 2, f.values = {0.5, 0.25, 1};
  f.calibration = {Calibration::Method::isotonic, {0, 3}, {0, 0.25, 0.75}, {0.1, 0.1, 0.9}};
  m.problem = Problem::classification, m.classes = {"no", "yes"}, m.predictors = {f};
  return m;
}
Model calibrated_linear() {
  Model m = linear_model();
  Linear l{Problem::classification, 3, Link::softmax, {0, 1, 2}, {1, 0, 0, 1, -1, -1}, {0, 0}};
  l.calibration = {Calibration::Method::platt, {0, 1, 2, 3}, {-1, -2, -3}, {0, 0.5, 1}};
  m.classes = {"a", "b", "c"}, m.predictors = {l};
  return m;
}

bool refused(const std::string& bytes) {
  const Result<Model> result = parse_model(bytes, "m.hyt");
  return !result.ok() && result.error().kind == Kind::input && result.error().where == "m.hyt" && !result.error().hint.empty();
}

void check_damage(const std::string& bytes) {
  for (size_t at = 0; at < bytes.size(); ++at)
    for (int bit = 0; bit < 8; ++bit) {
      std::string flipped = bytes;
      flipped[at] = char(flipped[at] ^ (1 << bit));
      REQUIRE(refused(flipped));
    }
  for (size_t size = 0; size < bytes.size(); ++size) REQUIRE(refused(bytes.substr(0, size)));
  for (size_t at = 0; at <= bytes.size(); at += 7) {
    std::string longer = bytes;
    longer.insert(at, 1, '\0');
    REQUIRE(refused(longer));
    if (at < bytes.size()) REQUIRE(refused(std::string(bytes).erase(at, 1)));
  }
  REQUIRE(refused(bytes + bytes));
}

/// The file with `edit` applied to section `index` and its checksums made right again: what a hostile writer could do.
template <class Edit>
std::string forged(std::string bytes, size_t index, Edit edit) {
  uint64_t offset, size;
  std::memcpy(&offset, &bytes[32 + index * 32 + 8], 8);
  std::memcpy(&size, &bytes[32 + index * 32 + 16], 8);
  edit(bytes.data() + offset);
  const size_t end = (offset + size + 63) / 64 * 64;
  const uint64_t sum = checksum(&bytes[offset], end - offset), zero = 0;
  std::memcpy(&bytes[32 + index * 32 + 24], &sum, 8);
  uint64_t first;
  std::memcpy(&first, &bytes[32 + 8], 8);
  std::memcpy(&bytes[24], &zero, 8);
  const uint64_t directory = Hasher().bytes(bytes.data(), 32).bytes(bytes.data() + 32, first - 32).finish().low;
  std::memcpy(&bytes[24], &directory, 8);
  return bytes;
}

template <class T>
void put(char* at, T value) {
  std::memcpy(at, &value, sizeof value);
}

}  // namespace

TEST_CASE("model file: what is written is read, and the same model gives the same bytes") {
  for (const Model& model :
       {one_model(), many_models(), linear_model(), boosted_model(), counted_model(), category_model(), calibrated_forest(), calibrated_linear()}) {
    const std::string bytes = serialize(model);
    const Result<Model> back = parse_model(bytes, "m.hyt");
    REQUIRE(back.ok());
    CHECK(back.value() == model);
    CHECK(serialize(back.value()) == bytes);
  }
}

TEST_CASE("model file: what follows from counts takes no room, and what does not is kept as it is") {
  const auto section_size = [](const Model& model) {
    uint64_t size;
    std::memcpy(&size, &serialize(model)[32 + 32 + 16], 8);
    return size;
  };
  const auto read_back = [](const Model& model) { return parse_model(serialize(model), "m.hyt").value() == model; };
  const Model counted = counted_model();
  const auto changed = [&counted](auto edit) {
    Model model = counted;
    edit(std::get<Forest>(model.predictors[0]));
    return model;
  };
  CHECK(section_size(counted) == 88 + 16 + 16 + 16 + 8 + 8 + 8 + 8 + 16 + 32);
  const Model other_value = changed([](Forest& f) { f.values[1] = 0.25; }), no_share = changed([](Forest& f) { f.values[2] = -0.0; }),
              half_a_row = changed([](Forest& f) { f.cover[4] = 699.5f; }), lost_row = changed([](Forest& f) { f.cover[4] = 699; }),
              unknown = changed([](Forest& f) { f.cover.clear(); }), nothing = changed([](Forest& f) { f.cover.assign(8, 0); });
  for (const Model& model : {other_value, no_share, half_a_row, lost_row, unknown, nothing}) {
    CHECK(read_back(model));
    CHECK(section_size(model) > section_size(counted));
  }
  const Model large = changed([](Forest& f) {
    for (float& rows : f.cover) rows *= 1 << 20;
  });
  CHECK(read_back(large));
}

TEST_CASE("model file: predictors are unpacked one by one") {
  const Model many = many_models();
  const std::string path = "model_file_test.hyt";
  std::ofstream(path, std::ios::binary) << serialize(many);
  const auto file = ModelFile::open(path);
  REQUIRE(file.ok());
  CHECK(file.value().head().keys == many.keys);
  CHECK(file.value().head().predictors.empty());
  for (const size_t place : {2, 0, 1}) CHECK(file.value().predictor(place).value() == many.predictors[place]);
  CHECK(load_model(path).value() == many);
  std::string damaged = serialize(many);
  damaged.back() = 1;
  std::ofstream(path, std::ios::binary) << damaged;
  CHECK_FALSE(ModelFile::open(path).ok());
  std::remove(path.c_str());
}

TEST_CASE("model file: packed predictors make the same file") {
  Model head = many_models();
  std::vector<PackedPredictor> packed;
  for (const Predictor& predictor : head.predictors) packed.push_back(pack(predictor));
  head.predictors.clear();
  std::string bytes;
  CHECK(write_model(head, packed, [&bytes](std::string_view piece) { return bytes += piece, Result<void>(); }).ok());
  CHECK(bytes == serialize(many_models()));
  const auto full = [](std::string_view) -> Result<void> { return Error{Kind::io, "the disk is full", "m.hyt", ""}; };
  CHECK(write_model(head, packed, full).error().what == "the disk is full");
}

TEST_CASE("model file: keys find their forest") {
  const Model many = many_models(), one = one_model();
  CHECK(many.find("7203") == &many.predictors[1]);
  CHECK(many.find("7204") == nullptr);
  CHECK(one.find("anything") == &one.predictors[0]);
}

TEST_CASE("model file: a calibration is applied, held together, and goes with its model into a blend") {
  const Model forest = calibrated_forest(), linear = calibrated_linear();
  const float missing = std::numeric_limits<float>::quiet_NaN(), columns[] = {0, 0, 0, -1, missing, 0};  // missing goes right, to the share 1
  double two[6];
  predict(forest.predictors[0], {columns, 3, 2, 3}, two);
  for (const size_t row : {0, 1, 2}) {
    CHECK(two[2 * row + 1] == (row == 1 ? 0.9 : 0.1));
    CHECK(two[2 * row] == 1 - two[2 * row + 1]);
  }
  double three[3];
  const float one_row[] = {1, 2};
  predict(linear.predictors[0], {one_row, 1, 2, 1}, three);
  double sum = 0, expected[3];
  const double scores[] = {1, 3, -1}, slopes[] = {-1, -2, -3}, offsets[] = {0, 0.5, 1};
  for (const size_t k : {0, 1, 2}) sum += expected[k] = 1 / (1 + std::exp(slopes[k] * scores[k] + offsets[k]));
  for (const size_t k : {0, 1, 2}) CHECK(three[k] == doctest::Approx(expected[k] / sum).epsilon(1e-14));

  Model blend = forest;
  blend.predictors = {Blend{Problem::classification, 2, {1}, {std::get<Forest>(forest.predictors[0])}}};
  const auto back = parse_model(serialize(blend), "m.hyt");
  REQUIRE(back.ok());
  CHECK(back.value() == blend);

  const auto wrong = [](Model model, auto edit) {
    edit(std::get<Forest>(model.predictors[0]).calibration);
    return refused(serialize(model));
  };
  CHECK(wrong(forest, [](Calibration& c) { c.x[1] = 0; }));     // knots that do not ascend
  CHECK(wrong(forest, [](Calibration& c) { c.y[2] = 0.05; }));  // a map that falls
  CHECK(wrong(forest, [](Calibration& c) { c.y[2] = 1.5; }));   // no probability
  CHECK(wrong(forest, [](Calibration& c) { c.x[0] = std::nan(""); }));
  CHECK(wrong(forest, [](Calibration& c) { c.start = {0, 1, 3}; }));                    // two maps for two classes
  CHECK(wrong(forest, [](Calibration& c) { c.start = {0, 2}; }));                       // a knot of nobody
  CHECK(wrong(forest, [](Calibration& c) { c.method = Calibration::Method::platt; }));  // three pairs for a sigmoid
  CHECK(wrong(forest, [](Calibration& c) { c.method = Calibration::Method(7); }));
}

TEST_CASE("model file: every flipped bit, missing byte and added byte is refused") {
  Model model = many_models();
  model.predictors[1] = Linear{Problem::regression, 0, Link::identity, {0.5}, {1, -2}, {0, 3}};
  for (const std::string& bytes :
       {serialize(model), serialize(calibrated_forest()), serialize(counted_model()), serialize(category_model()), serialize(calibrated_linear())})
    check_damage(bytes);
}

TEST_CASE("model file: a file of another kind and a newer version say so") {
  CHECK(parse_model("PAR1....", "p.parquet").error().what == "not a hayate model");
  CHECK(parse_model("", "p.parquet").error().what == "not a hayate model");
  std::string newer = serialize(one_model());
  newer[8] = 3;
  CHECK(parse_model(newer, "m.hyt").error().what == "model file of version 3, this hayate reads version 2");
  CHECK(load_model("/nowhere/m.hyt").error().what == "cannot open the model file");
  CHECK_FALSE(load_model("/").ok());
}

TEST_CASE("model file: a forged section can't reach outside its bytes") {
  const std::string bytes = serialize(one_model());
  // Forest section: header of 88 bytes, cut_start 3 u32 (+4), cuts 3 f32 (+4), tree_start 2 u32, bits of nodes and of missing values (8 bytes each),
  // a feature and a cut (8 bytes each), values of 3 nodes, importance, counts: the root's rows, and in a byte those of its left child.
  const size_t cut_start = 88, cuts = 104, tree_start = 120, inner = 128, missing = 136, feature = 144, cut = 152, root = 160 + 3 * 8 + 2 * 8;
  REQUIRE(parse_model(forged(bytes, 1, [](char*) {}), "m.hyt").ok());
  const auto refused_with = [&](size_t at, auto value) { return refused(forged(bytes, 1, [&](char* section) { put(section + at, value); })); };
  CHECK(refused_with(0, uint32_t{2}));    // a problem that a mean of trees doesn't solve
  CHECK(refused_with(0, uint32_t{256}));  // the same number in one byte only
  CHECK(refused_with(4, uint32_t{2}));    // classes in a regression
  CHECK(refused_with(8, uint32_t{1}));    // a sum without its start
  CHECK(refused_with(8, uint32_t{2}));    // joined in no known way
  CHECK(refused_with(12, uint32_t{1}));   // a link for a mean
  CHECK(refused_with(12, uint32_t{4}));   // a link nobody knows
  CHECK(refused_with(16, uint64_t{1}));   // a start for a mean
  for (size_t at = 24; at < 64; at += 8)
    for (const uint64_t count : {uint64_t{0}, uint64_t{4}, uint64_t{1} << 31, uint64_t{1} << 61, ~uint64_t{0}}) CHECK(refused_with(at, count));
  CHECK(refused_with(64, uint64_t{1}));  // a set that belongs to no feature
  for (const uint64_t count : {uint64_t{0}, uint64_t{4}, uint64_t{6}, ~uint64_t{0}}) CHECK(refused_with(72, count));  // bytes of the counts
  CHECK(refused_with(80, uint8_t{1}));                                                                                // covers that aren't there
  CHECK(refused_with(80, uint8_t{3}));                                                                                // covers kept in no known way
  CHECK(refused_with(81, uint8_t{1}));              // values of leaves only, and bytes left over
  CHECK(refused_with(81, uint8_t{2}));              // shares of a class in a regression
  CHECK(refused_with(82, uint8_t{0}));              // features of no bytes
  CHECK(refused_with(84, uint8_t{2}));              // neither with nor without thresholds
  CHECK(refused_with(84, uint8_t{1}));              // thresholds that aren't there
  CHECK(refused_with(85, uint8_t{1}));              // categories that aren't there
  CHECK(refused_with(86, uint8_t{1}));              // not zero
  CHECK(refused_with(cut_start + 4, uint32_t{4}));  // cuts of a feature past the array
  CHECK(refused_with(cuts + 4, 1.0f));              // cuts that descend
  CHECK(refused_with(cuts + 4, std::numeric_limits<float>::quiet_NaN()));
  CHECK(refused_with(tree_start + 4, uint32_t{2}));  // a tree that ends early
  CHECK(refused_with(inner, uint8_t{0}));            // nodes that are nobody's children
  CHECK(refused_with(inner, uint8_t{2}));            // the same, and an inner node without a way to it
  CHECK(refused_with(inner, uint8_t{3}));            // more inner nodes than tests
  CHECK(refused_with(inner, uint8_t{9}));            // a node behind the last one
  CHECK(refused_with(missing, uint8_t{2}));          // an inner node behind the last one
  CHECK(refused_with(feature, uint8_t{2}));          // a feature that isn't there
  CHECK(refused_with(cut, uint8_t{3}));              // a cut that isn't there
  CHECK(refused_with(root, uint32_t{0}));            // a root that nothing reached
  CHECK(refused_with(root, uint32_t{1} << 31));
  CHECK(refused_with(root, uint32_t{5}));      // fewer rows than the left child has
  CHECK(refused_with(root, uint32_t{256}));    // a count that needs 2 bytes
  CHECK(refused_with(root + 4, uint8_t{10}));  // nothing left for the right child
  CHECK(refused_with(root + 4, uint8_t{0}));
  const std::string category = serialize(category_model());
  // Cuts 3 f32 (+4), tree_start at 120, 8 bytes each of bits, features and cuts, 2 thresholds, values of 5 nodes, importance, categorical, set_start.
  const size_t category_cuts = 152, thresholds = 160, categorical = thresholds + 8 + 5 * 8 + 2 * 8, set_start = categorical + 8;
  const auto category_refused_with = [&](size_t at, auto value) {
    return refused(forged(category, 1, [&](char* section) { put(section + at, value); }));
  };
  REQUIRE(parse_model(forged(category, 1, [](char*) {}), "m.hyt").ok());
  CHECK(category_refused_with(category_cuts, uint8_t{1}));      // a cut beside a threshold
  CHECK(category_refused_with(category_cuts + 1, uint8_t{1}));  // a set that isn't there
  CHECK(category_refused_with(thresholds, std::numeric_limits<float>::quiet_NaN()));
  CHECK(category_refused_with(categorical, uint8_t{2}));
  CHECK(category_refused_with(categorical + 1, uint8_t{0}));  // cuts beside thresholds
  CHECK(category_refused_with(set_start + 4, uint32_t{2}));
  const auto text_refused_with = [&](size_t at, uint64_t size) { return refused(forged(bytes, 0, [&](char* section) { put(section + at, size); })); };
  const std::string linear = serialize(linear_model());
  // Linear section: header of 32 bytes (problem, classes, link, scores, features), intercept, coefficients, fill.
  const auto linear_refused_with = [&](size_t at, auto value) {
    return refused(forged(linear, 1, [&](char* section) { put(section + at, value); }));
  };
  REQUIRE(parse_model(forged(linear, 1, [](char*) {}), "m.hyt").ok());
  CHECK(linear_refused_with(0, uint32_t{0}));
  CHECK(linear_refused_with(4, uint32_t{3}));
  CHECK(linear_refused_with(8, uint64_t{0}));
  for (const uint64_t count : {uint64_t{0}, uint64_t{2}, uint64_t{3}, uint64_t{1} << 62, ~uint64_t{0}}) {
    CHECK(linear_refused_with(16, count));
    if (count != 2) CHECK(linear_refused_with(24, count));
  }
  for (size_t at = 32; at < 72; at += 8) CHECK(linear_refused_with(at, std::numeric_limits<double>::quiet_NaN()));
  CHECK(text_refused_with(0, uint64_t{1} << 40));
  CHECK(text_refused_with(0, 3));
}

TEST_CASE("model file: ranges have a section of their own, as many sets as they take, and hold together") {
  Model model = category_model();
  Forest& f = std::get<Forest>(model.predictors[0]);
  f.cuts.start = {0, 0, 600}, f.cuts.values.resize(600);
  for (size_t i = 0; i < 600; ++i) f.cuts.values[i] = float(i);
  f.categorical = {0, 2};
  f.sets.assign(3, CategorySet()), f.set_start = {0, 3};
  for (const size_t code : {0, 255, 256, 511, 600}) f.sets[code / 256].add(uint8_t(code % 256));
  const std::string bytes = serialize(model);
  REQUIRE(parse_model(bytes, "m.hyt").ok());
  CHECK(parse_model(bytes, "m.hyt").value() == model);
  for (const float x : {-5.0f, 0.0f, 254.5f, 255.0f, 256.0f, 511.0f, 599.5f, 1e30f}) CHECK(f.goes_left(0, 2, x));
  for (const float x : {0.5f, 254.0f, 256.5f, 510.0f, 512.0f, 599.0f}) CHECK_FALSE(f.goes_left(0, 2, x));
  CHECK(f.goes_left(0, 2, std::numeric_limits<float>::quiet_NaN()) == f.nodes[2].missing_left());
  const size_t kind = 32 + 32;  // of section 1 in the directory
  const auto of_kind = [kind](std::string file, uint32_t number) {
    put(file.data() + kind, number);
    return forged(std::move(file), 1, [](char*) {});
  };
  CHECK(parse_model(of_kind(bytes, 6), "m.hyt").ok());
  CHECK(refused(of_kind(bytes, 2)));
  CHECK(refused(of_kind(bytes, 7)));
  CHECK(refused(of_kind(serialize(category_model()), 6)));
  const size_t cut = 88 + 3 * 4 + 4 + 600 * 4 + 8 + 8 + 8 + 8, categorical = cut + 8 + 8 + 5 * 8 + 2 * 8, set_start = categorical + 8;
  const auto refused_with = [&](size_t at, auto value) { return refused(forged(bytes, 1, [&](char* section) { put(section + at, value); })); };
  CHECK_FALSE(refused_with(cut + 1, uint8_t{0}));
  CHECK(refused_with(cut + 1, uint8_t{1}));  // its last set lies behind those of the tree
  CHECK(refused_with(categorical + 1, uint8_t{3}));
  CHECK(refused_with(set_start + 4, uint32_t{2}));
  for (size_t size = 0; size < bytes.size(); size += 97) CHECK(refused(bytes.substr(0, size)));
}

TEST_CASE("model file: a blend is written and read, predicts the weighted mean of its parts, and is held together") {
  Model model = linear_model();
  const Linear linear{Problem::classification, 2, Link::logistic, {0.5}, {1, -2}, {0, 3}};
  Linear other = linear;
  other.intercepts = {-1};
  model.predictors = {Blend{Problem::classification, 2, {3, 1}, {linear, other}}};
  const std::string bytes = serialize(model);
  const auto read = parse_model(bytes, "blend");
  REQUIRE(read.ok());
  CHECK(read.value() == model);
  const std::vector<float> values = {0.25f, -1, 2, 0};
  const FloatColumns raw{values.data(), 2, 2, 2};
  std::vector<double> blended(4), first(4), second(4);
  predict(read.value().predictors[0], raw, blended);
  predict(linear, raw, first), predict(other, raw, second);
  for (size_t i = 0; i < 4; ++i) CHECK(blended[i] == doctest::Approx(0.75 * first[i] + 0.25 * second[i]));
  for (size_t at = 0; at < bytes.size(); ++at) {
    std::string flipped = bytes;
    flipped[at] = char(flipped[at] ^ 4);
    CHECK_FALSE(parse_model(flipped, "blend").ok());
  }
  for (const auto& wrong : {Blend{Problem::classification, 2, {0, 1}, {linear, other}},
                            Blend{Problem::classification, 2, {1}, {Linear{Problem::regression, 0, Link::identity, {1}, {1, 2}, {0, 0}}}}}) {
    Model forged = model;
    forged.predictors = {wrong};
    CHECK_FALSE(parse_model(serialize(forged), "blend").ok());
  }
}
