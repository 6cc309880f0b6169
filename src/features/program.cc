#include <algorithm>
#include <cassert>

#include "features/compile.h"
#include "features/plan.h"
#include "features/stages.h"
#include "hayate/features.h"

namespace hayate {

Result<Program> Program::compile(std::span<const NamedExpression> expressions, const std::vector<std::string>& fields,
                                 const CompileOptions& options) {
  HY_TRY(Graph graph, compile_graph(expressions, fields, options));
  StagedGraph staged = split_stages(graph);
  std::vector<Stage> stages;
  for (StageGraph& stage : staged.stages)
    stages.push_back({std::make_shared<const Plan>(make_plan(std::move(stage.graph), Dtype::float64)), std::move(stage.series)});
  Program program;
  program.plan_ = std::make_shared<const Plan>(make_plan(std::move(staged.last), options.dtype));
  program.stages_ = std::make_shared<const std::vector<Stage>>(std::move(stages));
  program.columns_ = std::make_shared<const std::vector<std::string>>(std::move(graph.fields));
  return program;
}

Program Program::of_stage(const Stage& stage) {
  Program program;
  program.plan_ = stage.plan;
  program.stages_ = std::make_shared<const std::vector<Stage>>();
  program.columns_ = std::make_shared<const std::vector<std::string>>(stage.plan->graph.fields);
  return program;
}

std::span<const Program::Stage> Program::stages() const { return *stages_; }
const std::vector<std::string>& Program::columns() const { return *columns_; }
bool Program::has_cross_sections() const {
  for (const Stage& stage : *stages_)
    for (const StagedSeries& series : stage.series)
      if (is_cross_section(series.op)) return true;
  return false;
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

std::optional<int64_t> Program::reach(size_t i) const {
  const int64_t from = plan_->graph.extent(plan_->graph.outputs[i]).from;
  return from == -Extent::kAll ? std::nullopt : std::optional(-from);
}

bool Program::goes_on_from_state(size_t i) const {
  const Graph& graph = plan_->graph;
  std::vector<int32_t> stack = {graph.outputs[i]};
  std::vector<bool> seen(graph.nodes().size(), false);
  while (!stack.empty()) {
    const int32_t n = stack.back();
    stack.pop_back();
    if (seen[size_t(n)]) continue;
    seen[size_t(n)] = true;
    if (!is_recursive(graph, graph.node(n)) && !own_reach(graph.node(n))) return false;
    for (const int32_t operand : graph.node(n).in)
      if (operand >= 0) stack.push_back(operand);
  }
  return true;
}

std::optional<int64_t> Program::settled(size_t i) const {
  const int64_t rows = plan_->graph.extent(plan_->graph.outputs[i]).settled;
  return rows == Extent::kAll ? std::nullopt : std::optional(rows);
}

int64_t Program::look_ahead(size_t i) const { return plan_->graph.extent(plan_->graph.outputs[i]).to; }

int64_t Program::look_ahead() const {
  int64_t to = 0;
  for (int32_t output : plan_->graph.outputs) to = std::max(to, plan_->graph.extent(output).to);
  return to;
}

Bars bars_of(const Program& program, const Panel& panel, size_t symbol) {
  Bars bars{.rows = size_t(panel.offsets[symbol + 1] - panel.offsets[symbol]), .series = {}};
  for (const std::string& name : program.fields()) {
    assert(panel.field(name) >= 0 && "a column is missing, or compute_stages was not called");
    bars.series.emplace_back(panel.series(panel.field(name), symbol));
  }
  return bars;
}

}  // namespace hayate
