// bench_forest_real DATA ANSWER THREADS REPEATS [bins=N|exact]: our side of bench/forest_real/problem.toml.
#include "bench/forest/race.h"

using namespace hayate;

namespace {

/// A set in columns, and the rows of each fold.
struct Set {
  std::string name;
  std::vector<float> x, y, fold;
  int num_classes = 0, depth = 0;

  explicit Set(const std::filesystem::path& folder)
      : name(folder.filename()),
        x(bench::read_floats(folder / "x.f32")),
        y(bench::read_floats(folder / "y.f32")),
        fold(bench::read_floats(folder / "fold.f32")) {
    const std::vector<float> about = bench::read_floats(folder / "about.f32");
    num_classes = int(about[0]), depth = int(about[1]);
  }
  int64_t num_rows() const { return int64_t(y.size()); }
  FloatColumns columns() const { return {x.data(), num_rows(), int64_t(x.size() / y.size()), num_rows()}; }
  int last_fold() const { return int(*std::max_element(fold.begin(), fold.end())); }
  std::vector<int32_t> rows(int of_fold, bool inside) const {
    std::vector<int32_t> rows;
    for (size_t row = 0; row < fold.size(); ++row)
      if ((int(fold[row]) == of_fold) == inside) rows.push_back(int32_t(row));
    return rows;
  }
};

/// The values of some rows, column by column.
std::vector<float> part_of(const Set& set, const std::vector<int32_t>& rows) {
  std::vector<float> part;
  const FloatColumns all = set.columns();
  for (int64_t f = 0; f < all.num_features; ++f)
    for (const int32_t row : rows) part.push_back(all.column(f)[row]);
  return part;
}

/// Trains on all rows but those of one fold and writes what it says of these; returns the seconds of the training.
bench::Seconds train_fold(const Set& set, int fold, const ForestParams& params, uint64_t seed, exec::Pool* pool, std::vector<float>& answers) {
  const std::vector<int32_t> train_rows = set.rows(fold, false), test_rows = set.rows(fold, true);
  const std::vector<float> x = part_of(set, train_rows), test = part_of(set, test_rows);
  std::vector<double> numbers;
  std::vector<int32_t> classes, all(train_rows.size());
  for (const int32_t row : train_rows) numbers.push_back(double(set.y[size_t(row)])), classes.push_back(int32_t(set.y[size_t(row)]));
  std::iota(all.begin(), all.end(), 0);
  const int64_t features = set.columns().num_features, rows = int64_t(all.size()), asked = int64_t(test_rows.size());
  const Labels labels = set.num_classes ? Labels::ids(classes, set.num_classes) : Labels::numbers(numbers);
  const bench::Seconds begin = bench::now();
  const BinnedMatrix matrix = bench::bin({x.data(), rows, features, rows}, all, params, pool);
  const Forest forest = std::move(train_forest(matrix, all, labels, {}, params, seed, 0, pool)).value();
  const bench::Seconds end = bench::now();
  const size_t outputs = size_t(forest.num_outputs()), kept = set.num_classes > 2 ? outputs : 1;
  std::vector<double> out(test_rows.size() * outputs);
  predict(forest, {test.data(), asked, features, asked}, out);
  for (size_t i = 0; i < test_rows.size(); ++i)
    for (size_t k = 0; k < kept; ++k) answers[size_t(test_rows[i]) * kept + k] = float(out[i * outputs + outputs - kept + k]);
  return {end.wall - begin.wall, end.cpu - begin.cpu};
}

void race_set(const Set& set, ForestParams params, int repeats, exec::Pool* pool, const std::filesystem::path& folder, JsonWriter& json) {
  params.num_trees = 100, params.max_depth = set.depth, params.max_features = "sqrt";
  const size_t width = set.num_classes > 2 ? size_t(set.num_classes) : 1;
  std::ofstream out(folder / (set.name + ".f32"), std::ios::binary);
  std::vector<bench::Seconds> spent;
  for (int seed = 0; seed < repeats; ++seed) {
    std::vector<float> answers(set.y.size() * width), kept;
    bench::Seconds sum{0, 0};
    for (int fold = 0; fold <= set.last_fold(); ++fold) {
      const bench::Seconds own = train_fold(set, fold, params, uint64_t(seed), pool, answers);
      sum.wall += own.wall, sum.cpu += own.cpu;
    }
    for (size_t row = 0; row < set.y.size(); ++row)
      if (set.fold[row] >= 0) kept.insert(kept.end(), answers.begin() + ptrdiff_t(row * width), answers.begin() + ptrdiff_t((row + 1) * width));
    out.write(reinterpret_cast<const char*>(kept.data()), std::streamsize(kept.size() * sizeof(float)));
    spent.push_back(sum);
  }
  bench::write_seconds(set.name, spent, json);
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run(argc, argv, ForestParams{},
                    [](const char* data, const ForestParams& params, int repeats, exec::Pool* pool, const char* answer, JsonWriter& json) {
                      std::vector<std::filesystem::path> folders;
                      for (const auto& entry : std::filesystem::directory_iterator(data)) folders.push_back(entry.path());
                      std::sort(folders.begin(), folders.end());
                      for (const std::filesystem::path& folder : folders) race_set(Set(folder), params, repeats, pool, answer, json);
                    });
}
