#include "pipeline/bench_compute.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>

#include "base/clock.h"
#include "base/json.h"
#include "base/random.h"
#include "base/strings.h"
#include "io/files.h"
#include "io/scratch_folder.h"
#include "kernels/norms.h"
#include "pipeline/bench_python.h"

namespace hayate::pipeline {
namespace {

constexpr int kRuns = 200;
constexpr double kSeconds = 1.0;

struct Matrix {
  int64_t rows = 0, columns = 0;
  std::vector<double> values;
};

/// As one writes it first: one sum, one value after the other. The order of additions is fixed, so no compiler makes vectors of it.
void naive_norms(const Matrix& m, int64_t begin, int64_t end, double* norms) {
  for (int64_t row = begin; row < end; ++row) {
    double total = 0;
    for (int64_t c = 0; c < m.columns; ++c) total += m.values[size_t(row * m.columns + c)] * m.values[size_t(row * m.columns + c)];
    norms[row] = std::sqrt(total);
  }
}

void vector_norms(const Matrix& m, int64_t begin, int64_t end, double* norms) {
  kernels::norm_kernels().row_norms(m.values.data() + begin * m.columns, end - begin, m.columns, norms + begin);
}

using RowsWork = void (*)(const Matrix&, int64_t begin, int64_t end, double* norms);

/// One task a worker: the rows cost the same, and waking a worker costs more than an uneven end.
void on_pool(RowsWork work, const Matrix& m, exec::Pool& pool, double* norms) {
  const int64_t parts = pool.workers();
  pool.run(parts, [&](int64_t part, int) { work(m, m.rows * part / parts, m.rows * (part + 1) / parts, norms); });
}

double largest_difference(const std::vector<double>& expected, const std::vector<double>& got) {
  if (expected.size() != got.size()) return std::numeric_limits<double>::infinity();
  double largest = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    const double apart = std::abs(expected[i] - got[i]) / std::max(expected[i], std::numeric_limits<double>::min());
    largest = apart <= largest ? largest : apart;  // NaN stays
  }
  return largest;
}

WayTime time_way(const char* name, const std::function<void()>& work) {
  work();
  std::vector<double> seconds;
  const double began = wall_seconds();
  while (seconds.empty() || (seconds.size() < kRuns && wall_seconds() - began < kSeconds)) {
    const double start = wall_seconds();
    work();
    seconds.push_back(wall_seconds() - start);
  }
  std::sort(seconds.begin(), seconds.end());
  return {name, seconds[0], seconds[seconds.size() / 2], int64_t(seconds.size()), 0};
}

Result<std::vector<double>> read_norms(const std::string& path) {
  HY_TRY(const Buffer bytes, io::read_file(path));
  std::vector<double> out(bytes.size / sizeof(double));
  if (!out.empty()) std::memcpy(out.data(), bytes.data, out.size() * sizeof(double));
  return out;
}

Result<void> time_peers(const Matrix& m, const std::vector<double>& expected, const std::string& python, int workers,
                        const exec::Cancellation& cancel, ComputeReport* report) {
  const io::ScratchFolder folder;
  if (folder.path.empty()) return Error{Kind::io, "no temporary folder can be made", "$TMPDIR", "point TMPDIR at a folder that can be written"};
  const std::string matrix = folder / "matrix.f64";
  HY_CHECK(io::write_file(matrix, {reinterpret_cast<const char*>(m.values.data()), m.values.size() * sizeof(double)}));
  JsonWriter job;
  job.object().key("folder").value(folder.path).key("matrix").value(matrix).key("rows").value(m.rows).key("columns").value(m.columns);
  job.key("workers").value(workers).key("runs").value(kRuns).key("enough").value(kSeconds).end();
  HY_TRY(const bool found, run_python(python, kComputeScript, folder.path, job.text(), cancel, [&](const std::vector<std::string>& line) {
           if (line.size() >= 3 && line[0] == "missing") report->missing.push_back(line[1] + ": " + line[2]);
           if (line.size() < 5 || line[0] != "result") return;
           const auto norms = read_norms(line[4]);
           report->ways.push_back({line[1], parse_number(line[2]).value_or(0), parse_number(line[3]).value_or(0), 0,
                                   largest_difference(expected, norms.ok() ? norms.value() : std::vector<double>{})});
         }));
  if (!found) report->missing.push_back(fmt::format("{}: no such Python, so NumPy and Numba are not timed", python));
  return {};
}

}  // namespace

Result<ComputeReport> time_row_norms(int64_t rows, int64_t columns, uint64_t seed, const std::string& python, exec::Pool& pool, exec::Steps& steps,
                                     const exec::Cancellation& cancel) {
  ComputeReport report{rows, columns, {}, {}};
  Matrix m{rows, columns, std::vector<double>(size_t(rows * columns))};
  const uint64_t key = random_key(seed, Stage::synth);
  for (size_t i = 0; i < m.values.size(); ++i) m.values[i] = random_unit(key, i) - 0.5;
  std::vector<double> expected(static_cast<size_t>(rows)), norms(static_cast<size_t>(rows));
  steps.begin("norms");
  naive_norms(m, 0, rows, expected.data());
  const auto add = [&](const char* name, const std::function<void()>& work) {
    std::fill(norms.begin(), norms.end(), 0.0);
    report.ways.push_back(time_way(name, work));
    report.ways.back().largest_difference = largest_difference(expected, norms);
  };
  add("naive loop", [&] { naive_norms(m, 0, rows, norms.data()); });
  add("vectorised", [&] { vector_norms(m, 0, rows, norms.data()); });
  add("parallel", [&] { on_pool(naive_norms, m, pool, norms.data()); });
  add("parallel + vectorised", [&] { on_pool(vector_norms, m, pool, norms.data()); });
  if (cancel.stopped()) return Error{Kind::interrupted, "interrupted", "bench", "run it again"};
  steps.begin("peers");
  HY_CHECK(time_peers(m, expected, python, pool.workers(), cancel, &report));
  steps.end();
  return report;
}

}  // namespace hayate::pipeline
