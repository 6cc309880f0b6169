#include <limits>

#include "features/compile.h"
#include "features/direct.h"
#include "hayate/features.h"

namespace hayate {

struct Program::Plan {
  Graph graph;
  Dtype dtype = Dtype::float32;
};

Result<Program> Program::compile(std::span<const NamedExpression> expressions, const std::vector<std::string>& fields,
                                 const CompileOptions& options) {
  HY_TRY(Graph graph, compile_graph(expressions, fields, options));
  Program program;
  program.plan_ = std::make_shared<const Plan>(Plan{std::move(graph), options.dtype});
  return program;
}

size_t Program::num_outputs() const { return plan_->graph.outputs.size(); }
const std::vector<std::string>& Program::names() const { return plan_->graph.output_names; }
const std::vector<std::string>& Program::fields() const { return plan_->graph.fields; }
Dtype Program::dtype() const { return plan_->dtype; }
int64_t Program::lookback(size_t i) const { return plan_->graph.extent(plan_->graph.outputs[i]).lookback; }

std::optional<int64_t> Program::reach() const {
  int64_t from = 0;
  for (int32_t output : plan_->graph.outputs) from = std::min(from, plan_->graph.extent(output).from);
  if (from == -Extent::kAll) return std::nullopt;
  return -from;
}

int64_t Program::look_ahead() const {
  int64_t to = 0;
  for (int32_t output : plan_->graph.outputs) to = std::max(to, plan_->graph.extent(output).to);
  return to;
}

Bars bars_of(const Program& program, const Panel& panel, size_t symbol) {
  Bars bars{.rows = size_t(panel.offsets[symbol + 1] - panel.offsets[symbol]), .series = {}};
  for (const std::string& name : program.fields()) bars.series.emplace_back(panel.series(panel.field(name), symbol));
  return bars;
}

struct Workspace::State {};
Workspace::Workspace() : state_(std::make_unique<State>()) {}
Workspace::~Workspace() = default;
Workspace::Workspace(Workspace&&) noexcept = default;
Workspace& Workspace::operator=(Workspace&&) noexcept = default;

namespace {

template <class T>
void evaluate_to(const Program& program, const Bars& bars, T* out, size_t stride) {
  std::vector<std::vector<double>> fields;
  for (const auto& series : bars.series) std::visit([&](const auto& values) { fields.emplace_back(values.begin(), values.end()); }, series);
  const auto columns = direct::evaluate(program.plan().graph, fields);
  for (size_t i = 0; i < columns.size(); ++i)
    for (size_t t = 0; t < bars.rows; ++t) out[i * stride + t] = program.dtype() == Dtype::float32 ? T(float(columns[i][t])) : T(columns[i][t]);
}

}  // namespace

void evaluate(const Program& program, const Bars& bars, Workspace&, float* out, size_t stride) { evaluate_to(program, bars, out, stride); }
void evaluate(const Program& program, const Bars& bars, Workspace&, double* out, size_t stride) { evaluate_to(program, bars, out, stride); }

}  // namespace hayate
