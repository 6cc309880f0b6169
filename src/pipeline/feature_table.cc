#include "pipeline/feature_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/clock.h"
#include "base/strings.h"
#include "features/evaluate_rows.h"
#include "hayate/stream.h"
#include "io/bars.h"
#include "io/writer.h"
#include "pipeline/prepare.h"

namespace hayate::pipeline {
namespace {

/// One column of a batch that symbols write their rows into, of float or double.
struct Block {
  std::vector<float> floats;
  std::vector<double> doubles;
  size_t stride = 0;  ///< from one column to the next: whole lines, so that a symbol's columns all begin at the same place in one

  void resize(size_t rows, size_t columns, bool wide) {
    stride = (rows + 15) / 16 * 16;
    wide ? doubles.resize(stride * columns) : floats.resize(stride * columns);
  }
  /// Symbols first + i of the panel, i in `symbols`, of a batch that begins with symbol `first`.
  void compute(const Program& program, const Panel& panel, size_t first, const std::vector<size_t>& symbols, Workspace& space) {
    if (program.num_outputs() == 0) return;
    std::vector<Bars> bars;
    std::vector<float*> to_floats;
    std::vector<double*> to_doubles;
    for (const size_t i : symbols) {
      const size_t row = size_t(panel.offsets[first + i] - panel.offsets[first]);
      bars.push_back(bars_of(program, panel, first + i));
      to_floats.push_back(floats.data() + row), to_doubles.push_back(doubles.data() + row);
    }
    if (program.dtype() == Dtype::float64)
      evaluate_block(program, bars, space, std::span<double* const>(to_doubles), stride);
    else
      evaluate_block(program, bars, space, std::span<float* const>(to_floats), stride);
  }
  /// Rows [begin, end) of one symbol alone.
  void compute_morsel(const Program& program, const Panel& panel, size_t first, size_t symbol, std::pair<int64_t, int64_t> morsel, Workspace& space) {
    const size_t row = size_t(panel.offsets[first + symbol] - panel.offsets[first]);
    const Bars bars = bars_of(program, panel, first + symbol);
    if (program.dtype() == Dtype::float64)
      evaluate_morsel(program, bars, morsel.first, morsel.second, space, doubles.data() + row, stride);
    else
      evaluate_morsel(program, bars, morsel.first, morsel.second, space, floats.data() + row, stride);
  }
  Column column(size_t number, size_t rows) const {
    if (!doubles.empty())
      return make_column(std::vector<double>(doubles.begin() + ptrdiff_t(number * stride), doubles.begin() + ptrdiff_t(number * stride + rows)));
    return make_column(std::vector<float>(floats.begin() + ptrdiff_t(number * stride), floats.begin() + ptrdiff_t(number * stride + rows)));
  }
};

struct BatchSpace {
  Workspace features, labels;
};

/// What one worker computes at once: the features of some symbols, or of one long symbol a stretch of rows; the labels of `labelled`.
struct BatchPiece {
  std::vector<size_t> symbols, labelled;
  std::optional<std::pair<int64_t, int64_t>> morsel;
};

std::vector<BatchPiece> batch_pieces(const Program& features, std::span<const int64_t> offsets, size_t workers) {
  std::vector<BatchPiece> out;
  for (std::vector<size_t>& symbols : symbol_blocks(features, offsets, workers)) {
    const auto morsels = row_morsels(features, offsets[symbols[0] + 1] - offsets[symbols[0]]);
    if (workers == 1 || symbols.size() > 1 || morsels.size() == 1) {
      out.push_back({symbols, symbols, {}});
      continue;
    }
    for (const auto& morsel : morsels) out.push_back({symbols, morsel.first == 0 ? symbols : std::vector<size_t>(), morsel});
  }
  return out;
}

Table batch_table(const Panel& panel, size_t first, size_t last, const Program& features, const Program& labels, exec::Pool& pool,
                  std::vector<BatchSpace>& spaces, const exec::Cancellation& cancel) {
  const size_t begin = size_t(panel.offsets[first]), rows = size_t(panel.offsets[last]) - begin;
  Block feature_block, label_block;
  feature_block.resize(rows, features.num_outputs(), features.dtype() == Dtype::float64);
  label_block.resize(rows, labels.num_outputs(), labels.dtype() == Dtype::float64);
  std::vector<int32_t> codes(rows);
  for (size_t s = first; s < last; ++s)
    std::fill_n(codes.begin() + (panel.offsets[s] - panel.offsets[first]), panel.offsets[s + 1] - panel.offsets[s], int32_t(s - first));
  const auto pieces = batch_pieces(features, std::span(panel.offsets).subspan(first, last - first + 1), size_t(pool.workers()));
  pool.run(
      int64_t(pieces.size()),
      [&](int64_t p, int worker) {
        const BatchPiece& piece = pieces[size_t(p)];
        BatchSpace& space = spaces[size_t(worker)];
        if (piece.morsel)
          feature_block.compute_morsel(features, panel, first, piece.symbols[0], *piece.morsel, space.features);
        else
          feature_block.compute(features, panel, first, piece.symbols, space.features);
        if (!piece.labelled.empty()) label_block.compute(labels, panel, first, piece.labelled, space.labels);
      },
      &cancel);
  const auto symbols = std::span(panel.symbols).subspan(first, last - first);
  Table table = key_columns(std::move(codes), symbols, std::span(panel.times).subspan(begin, rows), panel.daily, panel.zone);
  for (size_t i = 0; i < features.num_outputs(); ++i) table.add(features.names()[i], feature_block.column(i, rows));
  for (size_t i = 0; i < labels.num_outputs(); ++i) table.add(labels.names()[i], label_block.column(i, rows));
  return table;
}

/// First symbol after the batch that begins at `first`: at most `symbols` of them, and at most `rows` rows beyond one symbol.
size_t batch_end(const Panel& panel, size_t first, size_t symbols, int64_t rows) {
  size_t last = first + 1;
  while (last < panel.num_symbols() && last - first < symbols && panel.offsets[last + 1] - panel.offsets[first] <= rows) ++last;
  return last;
}

StreamSpec stream_spec(const FeatureRequest& request, const std::vector<std::string>& fields) {
  return {request.features, fields, {.dtype = request.dtype, .compat_talib = request.compat_talib}, request.adjust};
}

/// One column of stream rows.
template <class T>
Column column_of(const std::vector<T>& values, size_t number, size_t rows) {
  return make_column(std::vector<T>(values.begin() + ptrdiff_t(number * rows), values.begin() + ptrdiff_t((number + 1) * rows)));
}

/// The rows that the state in request.state has not seen.
Result<void> write_new_rows(const FeatureRequest& request, const Panel& panel, exec::Pool& pool, exec::Steps& steps, FeatureOutcome& outcome) {
  HY_TRY(const Buffer bytes, io::read_file(request.state));
  HY_TRY(Stream stream, Stream::open({reinterpret_cast<const char*>(bytes.data), bytes.size}, stream_spec(request, panel.fields), request.state));
  steps.begin("compute");
  HY_TRY(const StreamRows rows, stream.update(panel, pool));
  steps.begin("write", int64_t(rows.rows()));
  Table table = key_columns(rows.symbol, panel.symbols, rows.times, panel.daily, panel.zone);
  for (size_t i = 0; i < stream.names().size(); ++i)
    table.add(stream.names()[i], rows.doubles.empty() ? column_of(rows.floats, i, rows.rows()) : column_of(rows.doubles, i, rows.rows()));
  HY_TRY(io::TableWriter writer, io::TableWriter::open(request.output, request.kind, false, &pool));
  HY_CHECK(writer.append(table));
  HY_CHECK(writer.finish());
  HY_CHECK(io::write_file(request.state, stream.state()));
  steps.end();
  outcome.rows = table.num_rows(), outcome.symbols = int64_t(panel.num_symbols());
  outcome.checksum = writer.checksum();
  outcome.messages.push_back(fmt::format("{}: {} new rows; it has seen {} symbols", request.state, outcome.rows, stream.num_symbols()));
  return {};
}

/// A state that has seen the whole panel.
Result<void> write_first_state(const FeatureRequest& request, const Panel& panel, exec::Pool& pool) {
  HY_TRY(Stream stream, Stream::create(stream_spec(request, panel.fields)));
  HY_CHECK(stream.take(panel, pool));
  return io::write_file(request.state, stream.state());
}

}  // namespace

Result<FeatureOutcome> write_features(const FeatureRequest& request, exec::Steps& steps, const exec::Cancellation& cancel) {
  FeatureOutcome outcome;
  HY_TRY(const auto paths, io::expand_inputs(request.input));
  exec::Pool pool(exec::worker_count(request.exec));
  steps.begin("read", int64_t(paths.size()));
  HY_TRY(io::BarsResult bars, io::read_bars(paths, pool, reading_limits(request.exec, &cancel)));
  Panel panel = std::move(bars.bars.panel);
  outcome.messages.insert(outcome.messages.end(), bars.messages.begin(), bars.messages.end());
  outcome.failures = std::move(bars.bars.failures), outcome.warnings = std::move(bars.bars.warnings);
  if (panel.num_symbols() == 0 && !outcome.failures.empty()) return nothing_left(outcome.failures);
  HY_TRY(const Program features,
         Program::compile(request.features, panel.fields, {request.dtype, request.features_may_look_ahead, request.compat_talib}));
  HY_TRY(const Program labels, Program::compile(request.labels, panel.fields, {request.dtype, true, request.compat_talib}));
  if (panel.num_symbols() == 0)
    return input_error("no symbol has a usable bar", request.input.front(),
                       outcome.failures.empty() ? "give files with rows" : outcome.failures.front().what);
  if (features.look_ahead() > 0) outcome.messages.emplace_back("warning: a feature looks ahead; it knows what the label asks");
  if (request.union_calendar) panel = on_union_calendar(panel);
  steps.begin("compute");
  HY_TRY(const std::vector<std::string> said, prepare_bars(request.adjust, {&features, &labels}, panel, pool, request.exec));
  outcome.messages.insert(outcome.messages.end(), said.begin(), said.end());
  if (!request.state.empty()) {
    if (std::filesystem::exists(request.state)) {
      HY_CHECK(write_new_rows(request, panel, pool, steps, outcome));
      return outcome;
    }
    HY_CHECK(Stream::create(stream_spec(request, panel.fields)));
  }

  const int64_t row_bytes =
      int64_t(features.num_outputs() + labels.num_outputs()) * int64_t(dtype_width(request.dtype)) * 3 + 64;  // block, column, encoded
  const int64_t room = exec::memory_limit_bytes(request.exec) - resident_bytes() - (io::kRowGroup * row_bytes / 3) * 2;
  int64_t longest = 0;
  for (size_t s = 0; s < panel.num_symbols(); ++s) longest = std::max(longest, panel.offsets[s + 1] - panel.offsets[s]);
  if (longest * row_bytes > room)
    return Error{Kind::budget,
                 fmt::format("the step compute needs {} beside the bars, {} is left of the limit", format_bytes(longest * row_bytes),
                             format_bytes(std::max<int64_t>(room, 0))),
                 "--memory-limit",
                 fmt::format("--memory-limit {}MB would do, or fewer features",
                             (exec::memory_limit_bytes(request.exec) - room + longest * row_bytes) / 1'000'000 + 1)};
  const size_t batch_symbols = request.exec.batch_symbols > 0 ? size_t(request.exec.batch_symbols) : panel.num_symbols();
  const int64_t batch_rows = std::min<int64_t>(room / row_bytes, 2 * io::kRowGroup);

  HY_TRY(io::TableWriter writer, io::TableWriter::open(request.output, request.kind, false, &pool));
  std::vector<BatchSpace> spaces(static_cast<size_t>(pool.workers()));
  for (BatchSpace& space : spaces) space.features.stop_with(&cancel), space.labels.stop_with(&cancel);
  for (BatchSpace& space : spaces)
    if (request.profile) space.features.measure();
  double compute_seconds = 0, write_seconds = 0;
  steps.begin("compute", panel.num_rows());
  for (size_t first = 0; first < panel.num_symbols();) {
    if (cancel.stopped()) return Error{Kind::interrupted, "interrupted", request.output, "nothing was written; run the same command again"};
    const size_t last = batch_end(panel, first, batch_symbols, batch_rows);
    const double begin = wall_seconds();
    const Table table = batch_table(panel, first, last, features, labels, pool, spaces, cancel);
    if (cancel.stopped()) continue;
    const double computed = wall_seconds();
    HY_CHECK(writer.append(table));
    compute_seconds += computed - begin, write_seconds += wall_seconds() - computed;
    steps.advance(table.num_rows());
    first = last;
  }
  const double begin = wall_seconds();
  HY_CHECK(writer.finish());
  if (!request.state.empty()) HY_CHECK(write_first_state(request, panel, pool));
  write_seconds += wall_seconds() - begin;
  steps.end_as({{"compute", compute_seconds, panel.num_rows()}, {"write", write_seconds, panel.num_rows()}});
  outcome.rows = panel.num_rows(), outcome.symbols = int64_t(panel.num_symbols());
  outcome.checksum = writer.checksum();
  std::vector<const Workspace*> measured;
  for (const BatchSpace& space : spaces) measured.push_back(&space.features);
  if (request.profile) outcome.costs = operator_costs(features, measured);
  return outcome;
}

}  // namespace hayate::pipeline
