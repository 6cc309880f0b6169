#include "features/stages.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "base/hash.h"
#include "base/missing.h"
#include "base/strings.h"
#include "features/cross_section.h"
#include "features/plan.h"

namespace hayate {
namespace {

// ---- Splitting ---------------------------------------------------------------------------------------------------------

/// The stage that computes each node's inputs: 0 for a node without a staged one below it, one more after each.
std::vector<int32_t> levels_of(const Graph& graph) {
  std::vector<int32_t> levels;
  for (const GraphNode& node : graph.nodes()) {
    int32_t level = 0;
    for (const int32_t operand : node.in)
      if (operand >= 0) level = std::max(level, levels[size_t(operand)] + (is_staged(graph.node(operand).op) ? 1 : 0));
    levels.push_back(level);
  }
  return levels;
}

const char* operator_name(Op op) {
  switch (op) {
    case Op::cross_rank:
      return "CSRank";
    case Op::cross_zscore:
      return "CSZScore";
    case Op::cross_demean:
      return "CSDemean";
    case Op::cross_neutralize:
      return "CSNeutralize";
    case Op::of_symbol:
      return "Mask";
    case Op::barrier_label:
      return "TripleBarrier.label";
    default:
      return "TripleBarrier.touch";
  }
}

/// What each node computes, as a hash of the whole expression below it. No column can be called as the names made of it.
std::vector<Hash128> contents_of(const Graph& graph) {
  std::vector<Hash128> contents;
  for (const GraphNode& node : graph.nodes()) {
    Hasher hasher;
    hasher.number(uint64_t(node.op)).number(uint64_t(node.type)).bytes(&node.p, sizeof node.p);
    if (node.op == Op::field) {
      hasher.text(graph.fields[size_t(node.n)]);
    } else if (node.op == Op::of_symbol) {
      hasher.text(graph.symbols[size_t(node.n)]);
    } else if (node.op == Op::talib) {
      const TalibCall& call = graph.talib_calls[size_t(node.n)];
      hasher.text(call.function->name).bytes(call.params.data(), call.params.size() * sizeof(double)).number(call.exact);
    } else {
      hasher.number(uint64_t(node.n));
    }
    for (const int32_t operand : node.in)
      if (operand >= 0) hasher.number(contents[size_t(operand)].low).number(contents[size_t(operand)].high);
    contents.push_back(hasher.finish());
  }
  return contents;
}

class Splitter {
 public:
  explicit Splitter(const Graph& graph) : graph_(graph), levels_(levels_of(graph)), contents_(contents_of(graph)) {}

  StagedGraph split() {
    StagedGraph out;
    const std::vector<bool> needed = below(graph_.outputs, true);
    int32_t num_stages = 0;
    for (size_t i = 0; i < needed.size(); ++i)
      if (needed[i] && is_staged(node(i).op)) num_stages = std::max(num_stages, levels_[i] + 1);
    for (int32_t level = 0; level < num_stages; ++level) out.stages.push_back(stage(level, needed));
    out.last = num_stages == 0 ? graph_ : part(graph_.outputs);
    out.last.output_names = graph_.output_names;
    return out;
  }

 private:
  const GraphNode& node(size_t i) const { return graph_.nodes()[i]; }
  std::string field_of(size_t i) const { return fmt::format("{} {}", operator_name(node(i).op), contents_[i].hex()); }

  /// Marks what the wanted nodes are made of; `through`: also what staged nodes are made of.
  std::vector<bool> below(const std::vector<int32_t>& wanted, bool through) const {
    std::vector<bool> needed(graph_.nodes().size(), false);
    for (const int32_t i : wanted) needed[size_t(i)] = true;
    for (size_t i = needed.size(); i-- > 0;) {
      if (!needed[i] || (!through && is_staged(node(i).op))) continue;
      for (const int32_t operand : node(i).in)
        if (operand >= 0) needed[size_t(operand)] = true;
    }
    return needed;
  }

  StageGraph stage(int32_t level, const std::vector<bool>& needed) const {
    StageGraph out;
    std::vector<int32_t> wanted;
    const auto output = [&](int32_t operand) {
      const auto at = std::find(wanted.begin(), wanted.end(), operand);
      if (at != wanted.end()) return int32_t(at - wanted.begin());
      wanted.push_back(operand);
      return int32_t(wanted.size()) - 1;
    };
    for (size_t i = 0; i < needed.size(); ++i) {
      const GraphNode& n = node(i);
      if (!needed[i] || !is_staged(n.op) || levels_[i] != level) continue;
      StagedSeries series{.op = n.op, .left = output(n.in[0]), .field = field_of(i)};
      if (n.in[1] >= 0) series.right = output(n.in[1]);
      if (n.op == Op::of_symbol) series.symbol = graph_.symbols[size_t(n.n)];
      if (!is_cross_section(n.op)) series.horizon = n.n, series.up = node(size_t(n.in[2])).p, series.down = node(size_t(n.in[3])).p;
      out.series.push_back(std::move(series));
    }
    out.graph = part(wanted);
    for (size_t i = 0; i < wanted.size(); ++i) out.graph.output_names.push_back(std::to_string(i));
    return out;
  }

  /// The graph of the wanted nodes alone, staged nodes being fields.
  Graph part(const std::vector<int32_t>& wanted) const {
    Graph out;
    const std::vector<bool> needed = below(wanted, false);
    std::vector<int32_t> place(needed.size(), -1);
    // Columns first: extents belong to the fields after them.
    for (size_t i = 0; i < needed.size(); ++i)
      if (needed[i] && node(i).op == Op::field) use_field(out, graph_.fields[size_t(node(i).n)]);
    out.field_extents.resize(out.fields.size());
    for (size_t i = 0; i < needed.size(); ++i) {
      if (!needed[i]) continue;
      GraphNode copy = node(i);
      if (is_staged(copy.op)) {
        out.fields.push_back(field_of(i));
        out.field_extents.push_back(graph_.extent(int32_t(i)));
        copy = {.op = Op::field, .type = ValueType::float64, .n = int64_t(out.fields.size()) - 1};
      } else if (copy.op == Op::field) {
        copy.n = use_field(out, graph_.fields[size_t(copy.n)]);
      } else {
        std::vector<int32_t> inputs;
        for (int32_t& operand : copy.in)
          if (operand >= 0) inputs.push_back(operand = place[size_t(operand)]);
        if (copy.op == Op::talib) copy.n = out.add_talib_call(graph_.talib_calls[size_t(copy.n)], inputs);
      }
      place[i] = out.add(copy);
    }
    for (const int32_t i : wanted) out.outputs.push_back(place[size_t(i)]);
    return out;
  }

  static int64_t use_field(Graph& graph, const std::string& name) {
    const auto at = std::find(graph.fields.begin(), graph.fields.end(), name);
    if (at != graph.fields.end()) return at - graph.fields.begin();
    graph.fields.push_back(name);
    return int64_t(graph.fields.size()) - 1;
  }

  const Graph& graph_;
  std::vector<int32_t> levels_;
  std::vector<Hash128> contents_;
};

// ---- Computing ---------------------------------------------------------------------------------------------------------

using Columns = std::vector<std::vector<double>>;

/// The outputs of a stage's program for the whole panel.
Columns outputs_of(const Program& program, const Panel& panel, exec::Pool& pool) {
  Columns out(program.num_outputs(), std::vector<double>(panel.times.size()));
  std::vector<Workspace> spaces(size_t(pool.workers()));
  std::vector<std::vector<double>> blocks(size_t(pool.workers()));
  pool.run(int64_t(panel.num_symbols()), [&](int64_t s, int worker) {
    const Bars bars = bars_of(program, panel, size_t(s));
    std::vector<double>& block = blocks[size_t(worker)];
    block.resize(bars.rows * out.size());
    evaluate(program, bars, spaces[size_t(worker)], block.data(), bars.rows);
    for (size_t i = 0; i < out.size(); ++i)
      std::copy_n(block.begin() + ptrdiff_t(i * bars.rows), bars.rows, out[i].begin() + ptrdiff_t(panel.offsets[size_t(s)]));
  });
  return out;
}

/// For every row of the panel what `column` holds in the row of `symbol` at the same time; NaN where it has none.
std::vector<double> values_of_symbol(const std::string& symbol, std::span<const double> column, const Panel& panel, exec::Pool& pool) {
  const size_t other = size_t(std::find(panel.symbols.begin(), panel.symbols.end(), symbol) - panel.symbols.begin());
  const auto times = panel.series_times(other);
  const auto values = column.subspan(size_t(panel.offsets[other]), times.size());
  std::vector<double> out(column.size(), kNaN);
  pool.run(int64_t(panel.num_symbols()), [&](int64_t s, int) {
    size_t at = 0;
    for (int64_t row = panel.offsets[size_t(s)]; row < panel.offsets[size_t(s) + 1]; ++row) {
      while (at < times.size() && times[at] < panel.times[size_t(row)]) ++at;
      if (at < times.size() && times[at] == panel.times[size_t(row)]) out[size_t(row)] = values[at];
    }
  });
  return out;
}

void neutralize_dates(const DateRows& dates, std::span<const double> groups, std::span<double> column, exec::Pool& pool) {
  pool.run(int64_t(dates.num_dates()), [&](int64_t date, int) {
    const auto rows = dates.of(size_t(date));
    std::vector<double> values, of_group;
    for (const int64_t row : rows) values.push_back(column[size_t(row)]), of_group.push_back(groups[size_t(row)]);
    neutralize(values, of_group);
    for (size_t i = 0; i < rows.size(); ++i) column[size_t(rows[i])] = values[i];
  });
}

/// Label or touch of every row of one symbol.
std::vector<double> barriers(const StagedSeries& series, std::span<const double> x, std::span<const double> volatility) {
  std::vector<double> out(x.size(), kNaN);
  for (size_t t = 0; t + size_t(series.horizon) < x.size(); ++t) {
    if (!std::isfinite(x[t]) || !std::isfinite(volatility[t]) || volatility[t] == 0) continue;
    const int64_t touch = first_touch(x, t, x[t] * (1 + series.up * volatility[t]), x[t] * (1 - series.down * volatility[t]), series.horizon);
    const double label = touch > 0 ? 1 : touch < 0 ? -1 : 0;
    out[t] = series.op == Op::barrier_label ? label : touch == 0 ? double(series.horizon) : double(std::abs(touch));
  }
  return out;
}

std::vector<double> barrier_series(const StagedSeries& series, const Panel& panel, const Columns& outputs, exec::Pool& pool) {
  std::vector<double> out(panel.times.size());
  pool.run(int64_t(panel.num_symbols()), [&](int64_t s, int) {
    const size_t begin = size_t(panel.offsets[size_t(s)]), rows = size_t(panel.offsets[size_t(s) + 1]) - begin;
    const auto of_symbol = [&](int32_t output) { return std::span(outputs[size_t(output)]).subspan(begin, rows); };
    const auto values = barriers(series, of_symbol(series.left), of_symbol(series.right));
    std::copy(values.begin(), values.end(), out.begin() + ptrdiff_t(begin));
  });
  return out;
}

/// The field of one staged node. The last reader of an output takes it, the others copy it.
std::vector<double> series_of(const StagedSeries& series, bool last_reader, const Panel& panel, const DateRows& dates, Columns& outputs,
                              exec::Pool& pool) {
  if (!is_cross_section(series.op)) return barrier_series(series, panel, outputs, pool);
  std::vector<double>& input = outputs[size_t(series.left)];
  if (series.op == Op::of_symbol) return values_of_symbol(series.symbol, input, panel, pool);
  std::vector<double> column = last_reader ? std::move(input) : input;
  if (series.op == Op::cross_neutralize)
    neutralize_dates(dates, outputs[size_t(series.right)], column, pool);
  else
    cross_sections(series.op == Op::cross_rank     ? CrossSection::rank
                   : series.op == Op::cross_zscore ? CrossSection::zscore
                                                   : CrossSection::demean,
                   dates, std::span(column), pool);
  return column;
}

bool is_made(const Program::Stage& stage, const Panel& panel) {
  return std::all_of(stage.series.begin(), stage.series.end(), [&](const StagedSeries& series) { return panel.field(series.field) >= 0; });
}

bool reads(const StagedSeries& series, int32_t output) { return series.left == output || series.right == output; }

/// Bytes beside the panel when stages run one after the other: every series, the outputs of the widest stage, the rows of the dates.
int64_t stage_bytes(std::span<const Program::Stage> stages, int64_t rows) {
  size_t series = 0, widest = 0;
  for (const Program::Stage& stage : stages) {
    series += stage.series.size();
    widest = std::max(widest, stage.plan->graph.outputs.size());
  }
  return rows * int64_t(8 * (series + widest) + 24);
}

Error too_little_room(int64_t needed, int64_t room) {
  return Error{Kind::budget,
               fmt::format("cross-sections over the whole panel need {}, {} is left of the limit", format_bytes(needed),
                           format_bytes(std::max<int64_t>(room, 0))),
               "--memory-limit", "a higher --memory-limit, or fewer features with CS operators"};
}

/// Whether symbols of one date are taken together.
bool compares_symbols(std::span<const Program::Stage> stages) {
  return std::any_of(stages.begin(), stages.end(), [](const Program::Stage& stage) {
    return std::any_of(stage.series.begin(), stage.series.end(),
                       [](const StagedSeries& series) { return is_cross_section(series.op) && series.op != Op::of_symbol; });
  });
}

Result<void> check_symbols(std::span<const Program::Stage> stages, const Panel& panel) {
  for (const Program::Stage& stage : stages)
    for (const StagedSeries& series : stage.series)
      if (series.op == Op::of_symbol && std::find(panel.symbols.begin(), panel.symbols.end(), series.symbol) == panel.symbols.end())
        return unknown_name("symbol", series.symbol, panel.symbols, "the second argument of Mask, or the first of ChangeInstrument");
  return {};
}

}  // namespace

StagedGraph split_stages(const Graph& graph) { return Splitter(graph).split(); }

Result<void> compute_stages(const Program& program, Panel& panel, exec::Pool& pool, int64_t room_bytes) {
  if (program.stages().empty()) return {};
  HY_CHECK(check_symbols(program.stages(), panel));
  const int64_t needed = stage_bytes(program.stages(), panel.num_rows());
  if (needed > room_bytes) return too_little_room(needed, room_bytes);
  const DateRows dates(compares_symbols(program.stages()) ? std::span<const int64_t>(panel.times) : std::span<const int64_t>());
  std::set<std::string> passing;  // fields that only later stages may read
  for (const Program::Stage& stage : program.stages()) {
    if (is_made(stage, panel)) continue;
    Columns outputs = outputs_of(Program::of_stage(stage), panel, pool);
    for (size_t i = 0; i < stage.series.size(); ++i) {
      const StagedSeries& series = stage.series[i];
      if (panel.field(series.field) >= 0) continue;
      const bool last_reader =
          std::none_of(stage.series.begin() + ptrdiff_t(i) + 1, stage.series.end(), [&](const StagedSeries& s) { return reads(s, series.left); }) &&
          series.left != series.right;
      panel.values.push_back(series_of(series, last_reader, panel, dates, outputs, pool));
      panel.fields.push_back(series.field);
      passing.insert(series.field);
    }
  }
  for (const std::string& name : program.fields()) passing.erase(name);
  for (const std::string& name : passing) {
    const int field = panel.field(name);
    panel.fields.erase(panel.fields.begin() + field), panel.values.erase(panel.values.begin() + field);
  }
  return {};
}

}  // namespace hayate
