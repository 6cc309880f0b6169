#include <algorithm>

#include "features/compile.h"
#include "features/plan.h"
#include "hayate/features.h"

namespace hayate {

Result<Program> Program::compile(std::span<const NamedExpression> expressions, const std::vector<std::string>& fields,
                                 const CompileOptions& options) {
  HY_TRY(Graph graph, compile_graph(expressions, fields, options));
  Program program;
  program.plan_ = std::make_shared<const Plan>(make_plan(std::move(graph), options.dtype));
  return program;
}

size_t Program::num_outputs() const { return plan_->graph.outputs.size(); }
const std::vector<std::string>& Program::names() const { return plan_->graph.output_names; }
const std::vector<std::string>& Program::fields() const { return plan_->graph.fields; }
Dtype Program::dtype() const { return plan_->dtype; }
int64_t Program::lookback(size_t i) const { return plan_->graph.extent(plan_->graph.outputs[i]).lookback; }

std::optional<int64_t> Program::reach_of(size_t i) const {
  const int64_t from = plan_->graph.extent(plan_->graph.outputs[i]).from;
  if (from == -Extent::kAll) return std::nullopt;
  return -from;
}

std::optional<int64_t> Program::reach() const {
  int64_t reach = 0;
  for (size_t i = 0; i < num_outputs(); ++i) {
    const std::optional<int64_t> one = reach_of(i);
    if (!one) return std::nullopt;
    reach = std::max(reach, *one);
  }
  return reach;
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

}  // namespace hayate
