// bench_predict DATA ANSWER THREADS REPEATS: our side of bench/predict/problem.toml, as a program that links the library.
#include "bench/forest/race.h"
#include "hayate/compiled.h"

using namespace hayate;
using bench::Seconds;

namespace {

constexpr int64_t kFeatures = 60, kSingle = 256;

/// Seconds of one call among `calls`, per repeat.
template <class Work>
void time_case(JsonWriter& json, const std::string& name, int repeats, double calls, Work work) {
  std::vector<Seconds> spent;
  for (int repeat = 0; repeat < repeats; ++repeat) {
    const Seconds begin = bench::now();
    work();
    const Seconds end = bench::now();
    spent.push_back({(end.wall - begin.wall) / calls, (end.cpu - begin.cpu) / calls});
  }
  json.key(name).object().key("wall_s").array();
  for (const Seconds& s : spent) json.value(s.wall);
  json.end().key("cpu_s").array();
  for (const Seconds& s : spent) json.value(s.cpu);
  json.end().end();
}

void write_last(const std::filesystem::path& file, const std::vector<double>& probabilities) {
  std::vector<float> last;
  for (size_t i = 1; i < probabilities.size(); i += 2) last.push_back(float(probabilities[i]));
  std::ofstream(file, std::ios::binary).write(reinterpret_cast<const char*>(last.data()), std::streamsize(last.size() * sizeof(float)));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) return std::fprintf(stderr, "usage: %s DATA ANSWER THREADS REPEATS\n", argv[0]), 2;
  const std::filesystem::path data = argv[1], answer = argv[2];
  const int repeats = std::atoi(argv[4]);
  const std::vector<float> rows = bench::read_floats(data / "rows_x.f32");
  const int64_t num_rows = int64_t(rows.size()) / kFeatures;
  std::vector<float> columns(rows.size());
  for (int64_t i = 0; i < num_rows; ++i)
    for (int64_t f = 0; f < kFeatures; ++f) columns[size_t(f * num_rows + i)] = rows[size_t(i * kFeatures + f)];
  JsonWriter json;
  json.object().key("version").value("0.1.0").key("cases").object();
  for (const std::string name : {"forest", "boosting"}) {
    const Model model = std::move(load_model((data / name / "model.hyt").string())).value();
    const CompiledForest compiled = CompiledForest::fastest(std::get<Forest>(model.predictors[0]));
    std::vector<double> singles(size_t(kSingle) * 2), all(size_t(num_rows) * 2);
    constexpr int kPasses = 16;  // 256 rows alone are sooner done than a clock is read well
    time_case(json, name + ", 1 row", repeats, double(kSingle) * kPasses, [&] {
      for (int64_t i = 0; i < kSingle * kPasses; ++i) {
        const size_t row = size_t(i % kSingle);
        compiled.predict_row(std::span(rows).subspan(row * size_t(kFeatures), size_t(kFeatures)), std::span(singles).subspan(row * 2, 2));
      }
    });
    time_case(json, name + ", 4096 rows", repeats, 1, [&] { compiled.predict({columns.data(), num_rows, kFeatures, num_rows}, all); });
    write_last(answer / (name + "_rows.f32"), singles);
    write_last(answer / (name + ".f32"), all);
  }
  fmt::print("{}\n", json.end().end().text());
  return 0;
}
