// How a group-by is computed, decided from what one pass over the columns has shown: how keys are packed, which
// accumulators a group has and how wide they are.
//
// Keys. Every key column becomes a number from 0 to its span: value minus least value, or the place in the sorted
// dictionary of a text; missing comes last. The numbers stand side by side in one 64-bit word, more where they do not fit,
// first column on top: comparing words compares keys in the order of the output, and cutting them by their top bits cuts
// the output into ranges. Six columns of a ten-million-row table take 62 bits.
//
// State. A group is `state_words` words: its rows, then what the calls need, each once (mean and std share sum and
// count). All of it merges without order: whole numbers add, exact sums add (exact.h), extremes compare, first and last
// compare row numbers. Median, quantiles and distinct values need the rows themselves (`needs_rows`).
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "aggregate/calls.h"
#include "aggregate/exact.h"
#include "aggregate/ranges.h"
#include "exec/pool.h"
#include "hayate/table.h"
#include "io/chunks.h"

namespace hayate::aggregate {

/// One pass over all chunks; columns that are not wanted (an entry per column) are left alone. Texts that take more than
/// `names_bytes` are a budget Error.
Result<std::vector<ColumnRange>> find_ranges(io::ChunkReader& chunks, const std::vector<bool>& wanted, exec::Pool& pool, int64_t names_bytes,
                                             const exec::Cancellation& cancel);

/// A part of the packed key.
struct KeyField {
  size_t column = 0;
  uint64_t least = 0, missing_code = 0, greatest_code = 0;
  bool flag = false;  ///< 1 for missing, 0 else: where the values alone take 64 bits
  int word = 0, shift = 0, bits = 0;
};

enum class Op : uint8_t {
  rows,
  values,
  sum_whole,
  sum_unsigned,
  sum_real,
  squares_whole,
  squares_unsigned,
  squares_real,
  infinities,
  least,
  greatest,
  first,
  last
};

struct Accumulator {
  Op op = Op::rows;
  int input = -1;  ///< index of Plan::inputs
  int offset = 0, words = 1;
  int scale = 0;           ///< of sums of reals: the power of two that they are multiples of
  bool by_values = false;  ///< its input's values are gathered by group anyway: add_values() takes those of a group at once
};

/// What one call makes of a group's state.
struct Output {
  Call call;
  Dtype dtype = Dtype::int64;
  std::string zone;
  int rows = -1, sum = -1, squares = -1, infinities = -1, extreme = -1;  ///< accumulators; rows: of the values that count
};

struct Plan {
  std::vector<KeyField> key;
  int key_words = 1;
  uint64_t greatest_first_word = 0;
  std::vector<size_t> by;      ///< columns of the chunks
  std::vector<size_t> inputs;  ///< columns that calls read
  std::vector<Accumulator> accumulators;
  std::vector<Output> outputs;
  std::vector<uint64_t> empty_state;
  bool needs_rows = false, needs_row_numbers = false;
  bool any_missing = false;         ///< among the inputs
  std::vector<ColumnRange> ranges;  ///< of all columns of the chunks
  Table schema;                     ///< of the chunks
  int64_t rows = 0;

  size_t state_words() const { return empty_state.size(); }
  /// A row as the partitions hold it: key, inputs, masks of what is missing, row number.
  size_t mask_words() const { return any_missing ? (inputs.size() + 63) / 64 : 0; }
  size_t record_words() const { return size_t(key_words) + inputs.size() + mask_words() + needs_row_numbers; }
};

Plan make_plan(const Table& schema, std::vector<ColumnRange> ranges, std::span<const std::string> by, std::span<const Call> calls);

/// Rows as words: input i of row r is inputs[i][r * stride]; bit i % 64 of masks[i / 64][r * stride] says that it is missing.
struct Rows {
  std::vector<const uint64_t*> inputs, masks;
  const uint64_t* numbers = nullptr;
  size_t stride = 1, count = 0;
};

/// Whether a call needs all values of the input at once: median, quantile and distinct.
bool wants_values(const Plan& plan, size_t input);
/// Adds row r to the state at states + group[r] * state_words, but for what add_values() adds; all groups are below `num_groups`.
void update(const Plan& plan, const Rows& rows, const uint32_t* group, size_t num_groups, uint64_t* states);
/// Adds all values of a group's input, none missing, to its state.
void add_values(const Plan& plan, size_t input, std::span<const uint64_t> words, uint64_t* state);
/// Adds one group's state to another's.
void merge(const Plan& plan, const uint64_t* from, uint64_t* into);

}  // namespace hayate::aggregate
