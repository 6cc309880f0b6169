#include "aggregate/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "aggregate/real_sums.h"
#include "base/strings.h"

namespace hayate::aggregate {
namespace {

void add_text(const Column& column, int64_t begin, int64_t count, ColumnRange* range, TextSet* names) {
  range->rows += count;
  add_texts(column, begin, count, names, [](int64_t, uint32_t) {}, [&](int64_t) { ++range->missing; });
}

/// Names that no row uses are in the set too: a dictionary is read, not its column.
void add_category(const Column& column, ColumnRange* range, TextSet* names) {
  range->rows += column.length;
  range->missing += column.count_nulls();
  for (int64_t i = 0; i < column.dictionary->length; ++i) names->add(column.dictionary->text(i));
}

struct WorkerRanges {
  std::vector<ColumnRange> ranges;
  std::vector<TextSet> names;
};

Error names_error(int64_t limit, int64_t needed) {
  // Below 0: what is in memory already is more than the limit.
  return {
      Kind::budget, fmt::format("the texts of the key columns take more than {}", format_bytes(std::max<int64_t>(limit, 0))), "aggregate",
      fmt::format("raise --memory-limit by {} for a start, or group by fewer text columns", format_bytes(5 * needed - std::min<int64_t>(limit, 0)))};
}

}  // namespace

Result<std::vector<ColumnRange>> find_ranges(io::ChunkReader& chunks, const std::vector<bool>& wanted, exec::Pool& pool, int64_t names_bytes,
                                             const exec::Cancellation& cancel) {
  const Table& schema = chunks.schema();
  const size_t columns = schema.num_columns();
  std::vector<WorkerRanges> workers(size_t(pool.workers()));
  for (WorkerRanges& worker : workers) worker.ranges.resize(columns), worker.names.resize(columns);
  while (true) {
    HY_TRY(const auto chunk, chunks.next());
    if (!chunk) break;
    const int64_t rows = chunk->num_rows(), blocks = (rows + kRangeRows - 1) / kRangeRows;
    pool.run(
        blocks,
        [&](int64_t block, int worker) {
          WorkerRanges& mine = workers[size_t(worker)];
          const int64_t begin = block * kRangeRows, count = std::min(kRangeRows, rows - begin);
          for (size_t c = 0; c < columns; ++c) {
            if (!wanted[c]) continue;
            const Column& column = chunk->columns[c];
            if (column.dtype == Dtype::text)
              add_text(column, begin, count, &mine.ranges[c], &mine.names[c]);
            else if (column.dtype != Dtype::category)
              add_values(column, begin, count, &mine.ranges[c]);
            else if (block == 0)
              add_category(column, &mine.ranges[c], &mine.names[c]);
          }
        },
        &cancel);
    if (cancel.stopped()) return Error{Kind::interrupted, "interrupted", "aggregate", "run it again"};
    int64_t memory = 0;
    for (const WorkerRanges& worker : workers)
      for (const TextSet& names : worker.names) memory += names.memory();
    if (memory > 0 && memory > names_bytes) return names_error(names_bytes, memory);
  }
  std::vector<ColumnRange> out = std::move(workers[0].ranges);
  for (size_t c = 0; c < columns; ++c) {
    TextSet names = std::move(workers[0].names[c]);
    for (size_t w = 1; w < workers.size(); ++w) {
      merge_range(workers[w].ranges[c], &out[c]);
      for (uint32_t i = 0; i < workers[w].names[c].size(); ++i) names.add(workers[w].names[c].text(i));
      workers[w].names[c] = {};
    }
    if (!wanted[c] || word_kind(schema.columns[c].dtype) != WordKind::text) continue;
    out[c].names = std::make_shared<const SortedNames>(std::move(names));
    if (schema.columns[c].dtype == Dtype::category) out[c].dictionary = out[c].names->column();
    out[c].least = 0;
    out[c].greatest = out[c].names->size() ? out[c].names->size() - 1 : 0;
  }
  return out;
}

namespace {

void add_key_field(size_t column, const ColumnRange& range, bool real, Plan* plan) {
  KeyField field;
  field.column = column;
  const auto key_of = [&](uint64_t word) { return real ? without_sign_of_zero(word) : word; };
  field.least = range.has_values() || range.names ? key_of(range.least) : 0;
  const uint64_t span = range.has_values() || range.names ? key_of(range.greatest) - field.least : 0;
  const bool values = range.has_values(), missing = range.missing > 0;
  if (values && missing && span == UINT64_MAX) {
    KeyField flag = field;
    flag.flag = true, flag.greatest_code = flag.missing_code = 1, flag.bits = 1;
    plan->key.push_back(flag);
    field.missing_code = 0, field.greatest_code = span;
  } else {
    field.missing_code = values ? span + 1 : 0;
    field.greatest_code = missing && values ? span + 1 : span;
  }
  field.bits = int(std::bit_width(field.greatest_code));
  plan->key.push_back(field);
}

/// Fields from the left, each whole in one word.
void place_fields(Plan* plan) {
  int word = 0, used = 0;
  size_t first = 0;
  const auto close = [&](size_t end) {
    for (size_t i = end, shift = 0; i-- > first;) plan->key[i].shift = int(shift), shift += size_t(plan->key[i].bits);
    first = end;
  };
  for (size_t i = 0; i < plan->key.size(); ++i) {
    if (used + plan->key[i].bits > 64) close(i), ++word, used = 0;
    plan->key[i].word = word;
    used += plan->key[i].bits;
  }
  close(plan->key.size());
  plan->key_words = word + 1;
  for (const KeyField& field : plan->key)
    if (field.word == 0 && field.bits > 0) plan->greatest_first_word |= field.greatest_code << field.shift;
}

/// Adds accumulators, each only once.
class AccumulatorList {
 public:
  explicit AccumulatorList(Plan* plan) : plan_(plan) { need(Op::rows, -1, 1); }

  int rows() const { return 0; }
  /// How many values of the input count: its own counter only when some are missing.
  int values(int input) { return range(input).missing > 0 ? need(Op::values, input, 1) : rows(); }
  int sum(int input) {
    switch (kind(input)) {
      case WordKind::real:
        return need(Op::sum_real, input, words_for(bits(input), plan_->rows, false), bits(input).low);
      case WordKind::unsigned_whole:
        return need(Op::sum_unsigned, input, 2);
      default:
        return need(Op::sum_whole, input, fits_one_word(input) ? 1 : 2);
    }
  }
  int squares(int input) {
    switch (kind(input)) {
      case WordKind::real:
        return need(Op::squares_real, input, words_for(bits(input), plan_->rows, true), bits(input).low);
      case WordKind::unsigned_whole:
        return need(Op::squares_unsigned, input, 3);
      default:
        return need(Op::squares_whole, input, words_for({0, int(std::bit_width(size_of(input)))}, plan_->rows, true));
    }
  }
  int infinities(int input) { return range(input).sizes.infinite ? need(Op::infinities, input, 1) : -1; }
  int need(Op op, int input, int words, int scale = 0) {
    auto& all = plan_->accumulators;
    for (size_t i = 0; i < all.size(); ++i)
      if (all[i].op == op && all[i].input == input) return int(i);
    all.push_back({op, input, int(plan_->empty_state.size()), words, scale});
    const uint64_t initial = op == Op::least || op == Op::first ? UINT64_MAX : 0;
    plan_->empty_state.insert(plan_->empty_state.end(), size_t(words), initial);
    return int(all.size()) - 1;
  }
  /// The greatest size of a whole number of the input.
  uint64_t size_of(int input) const {
    if (!range(input).has_values()) return 0;
    const int64_t least = whole_of(range(input).least), greatest = whole_of(range(input).greatest);
    const auto size = [](int64_t x) { return x < 0 ? 0 - uint64_t(x) : uint64_t(x); };
    return std::max(size(least), size(greatest));
  }
  bool fits_one_word(int input) const { return double(size_of(input)) * double(plan_->rows) < 9e18; }

 private:
  const ColumnRange& range(int input) const { return plan_->ranges[plan_->inputs[size_t(input)]]; }
  WordKind kind(int input) const { return word_kind(plan_->schema.columns[plan_->inputs[size_t(input)]].dtype); }
  BitRange bits(int input) const {
    const ColumnRange& r = range(input);
    return bits_between(std::bit_cast<double>(r.sizes.least), std::bit_cast<double>(r.sizes.greatest));
  }
  Plan* plan_;
};

int input_of(Plan* plan, size_t column) {
  const auto found = std::find(plan->inputs.begin(), plan->inputs.end(), column);
  if (found != plan->inputs.end()) return int(found - plan->inputs.begin());
  plan->inputs.push_back(column);
  return int(plan->inputs.size()) - 1;
}

Output plan_output(const Call& call, Plan* plan, AccumulatorList* list) {
  Output out;
  out.call = call, out.rows = list->rows();
  if (call.column.empty()) return out;
  const size_t at = size_t(plan->schema.find(call.column) - plan->schema.columns.data());
  const Column& column = plan->schema.columns[at];
  if (call.function == Function::count && plan->ranges[at].missing == 0) return out;
  const int input = input_of(plan, at);
  out.rows = list->values(input);
  switch (call.function) {
    case Function::count:
      break;
    case Function::std_dev:
    case Function::variance:
      out.squares = list->squares(input);
      [[fallthrough]];
    case Function::sum:
    case Function::mean:
      out.dtype = Dtype::float64;
      out.sum = list->sum(input);
      out.infinities = list->infinities(input);
      if (call.function == Function::sum && plan->accumulators[size_t(out.sum)].op == Op::sum_whole && list->fits_one_word(input))
        out.dtype = Dtype::int64;
      break;
    case Function::least:
    case Function::greatest:
      out.dtype = column.dtype, out.zone = column.zone;
      out.extreme = call.function == Function::least ? list->need(Op::least, input, 1) : list->need(Op::greatest, input, 1);
      break;
    case Function::first:
    case Function::last:
      out.dtype = column.dtype, out.zone = column.zone;
      out.extreme = call.function == Function::first ? list->need(Op::first, input, 2) : list->need(Op::last, input, 2);
      plan->needs_row_numbers = true;
      break;
    case Function::median:
    case Function::quantile:
      out.dtype = Dtype::float64;
      plan->needs_rows = true;
      break;
    case Function::distinct:
      plan->needs_rows = true;
      break;
  }
  return out;
}

}  // namespace

Plan make_plan(const Table& schema, std::vector<ColumnRange> ranges, std::span<const std::string> by, std::span<const Call> calls) {
  Plan plan;
  plan.schema = schema, plan.ranges = std::move(ranges);
  for (const ColumnRange& range : plan.ranges) plan.rows = std::max(plan.rows, range.rows);
  for (const std::string& name : by) {
    plan.by.push_back(size_t(schema.find(name) - schema.columns.data()));
    const size_t key = plan.by.back();
    add_key_field(key, plan.ranges[key], word_kind(plan.schema.columns[key].dtype) == WordKind::real, &plan);
  }
  place_fields(&plan);
  AccumulatorList list(&plan);
  for (const Call& call : calls) plan.outputs.push_back(plan_output(call, &plan, &list));
  for (const size_t input : plan.inputs) plan.any_missing |= plan.ranges[input].missing > 0;
  for (Accumulator& to : plan.accumulators)
    to.by_values = to.input >= 0 && to.op != Op::first && to.op != Op::last && wants_values(plan, size_t(to.input));
  return plan;
}

bool wants_values(const Plan& plan, size_t input) {
  return std::any_of(plan.outputs.begin(), plan.outputs.end(), [&](const Output& output) {
    const Function function = output.call.function;
    return (function == Function::median || function == Function::quantile || function == Function::distinct) &&
           plan.schema.names[plan.inputs[input]] == output.call.column;
  });
}

namespace {

template <class Add>
void each_row(const Plan& plan, const Rows& rows, const Accumulator& to, const uint32_t* group, uint64_t* states, Add&& add) {
  uint64_t* const base = states + to.offset;
  const size_t width = plan.state_words();
  const uint64_t* const words = to.input >= 0 ? rows.inputs[size_t(to.input)] : nullptr;
  if (to.input < 0) {
    for (size_t r = 0; r < rows.count; ++r) add(base + group[r] * width, uint64_t{0}, r);
  } else if (plan.ranges[plan.inputs[size_t(to.input)]].missing == 0) {
    for (size_t r = 0; r < rows.count; ++r) add(base + group[r] * width, words[r * rows.stride], r);
  } else {
    const uint64_t* const mask = rows.masks[size_t(to.input) / 64];
    const int bit = to.input % 64;
    for (size_t r = 0; r < rows.count; ++r)
      if (!(mask[r * rows.stride] >> bit & 1)) add(base + group[r] * width, words[r * rows.stride], r);
  }
}

bool is_infinite(uint64_t bits) { return (bits & ~kSignBit) == kInfinity; }

void add_real(uint64_t* state, const Accumulator& to, uint64_t word) {
  const uint64_t bits = double_bits_of(word);
  if (is_infinite(bits) || (bits & ~kSignBit) == 0) return;  // infinities are counted apart; zero has no lowest bit
  const DoubleParts value = parts_of(bits);
  add_shifted(state, to.words, value.mantissa, value.exponent - to.scale, value.negative);
}

/// The same for sums of two words, which is what nearly all columns need, without a branch; no infinities.
void add_real_to_two(uint64_t* state, int scale, uint64_t word) {
  const DoubleParts value = parts_of(double_bits_of(word));
  const Wide sign = value.negative ? ~Wide{0} : Wide{0};
  const Wide part = Wide(value.mantissa) << std::max(value.exponent - scale, 0);  // only zero lies below the scale
  const Wide sum = (Wide(state[1]) << 64 | state[0]) + ((part ^ sign) - sign);
  state[0] = uint64_t(sum), state[1] = uint64_t(sum >> 64);
}

void add_square(uint64_t* state, const Accumulator& to, uint64_t word) {
  const uint64_t bits = double_bits_of(word);
  if (is_infinite(bits) || (bits & ~kSignBit) == 0) return;
  const DoubleParts value = parts_of(bits);
  add_shifted(state, to.words, Wide(value.mantissa) * value.mantissa, 2 * (value.exponent - to.scale), false);
}

/// The same for three words, without a branch; no infinities. The value has 95 bits at most then: high * 2^64 + low.
void add_square_to_three(uint64_t* state, int scale, uint64_t word) {
  const DoubleParts value = parts_of(double_bits_of(word));
  const Wide size = Wide(value.mantissa) << std::max(value.exponent - scale, 0);  // only zero lies below the scale
  const uint64_t low = uint64_t(size), high = uint64_t(size >> 64);
  const Wide lower = Wide(low) * low, twice = (Wide(low) * high) << 1;
  const Wide first = Wide(state[0]) + uint64_t(lower);
  const Wide second = Wide(state[1]) + uint64_t(lower >> 64) + uint64_t(twice) + uint64_t(first >> 64);
  state[0] = uint64_t(first), state[1] = uint64_t(second);
  state[2] += uint64_t(second >> 64) + uint64_t(twice >> 64) + high * high;
}

Wide square(int64_t value) {
  const uint64_t size = value < 0 ? 0 - uint64_t(value) : uint64_t(value);
  return Wide(size) * size;
}

void add_whole(uint64_t* state, const Accumulator& to, int64_t value) {
  add_shifted(state, to.words, value < 0 ? 0 - uint64_t(value) : uint64_t(value), 0, value < 0);
}

}  // namespace

namespace {

/// Calls each(add) with what the accumulator does to a group's state for a value: add(state, word, row).
template <class Each>
void with_addition(const Plan& plan, const Rows& rows, const Accumulator& to, Each&& each) {
  switch (to.op) {
    case Op::rows:
    case Op::values:
      each([](uint64_t* state, uint64_t, size_t) { ++*state; });
      break;
    case Op::sum_whole:
      if (to.words == 1)
        each([](uint64_t* state, uint64_t word, size_t) { *state += word ^ kSignBit; });
      else
        each([&](uint64_t* state, uint64_t word, size_t) { add_whole(state, to, whole_of(word)); });
      break;
    case Op::sum_unsigned:
      each([&](uint64_t* state, uint64_t word, size_t) { add_shifted(state, to.words, word, 0, false); });
      break;
    case Op::sum_real:
      if (to.words == 2 && !plan.ranges[plan.inputs[size_t(to.input)]].sizes.infinite)
        each([scale = to.scale](uint64_t* state, uint64_t word, size_t) { add_real_to_two(state, scale, word); });
      else
        each([&](uint64_t* state, uint64_t word, size_t) { add_real(state, to, word); });
      break;
    case Op::squares_whole:
      each([&](uint64_t* state, uint64_t word, size_t) { add_shifted(state, to.words, square(whole_of(word)), 0, false); });
      break;
    case Op::squares_unsigned:
      each([&](uint64_t* state, uint64_t word, size_t) { add_shifted(state, to.words, Wide(word) * word, 0, false); });
      break;
    case Op::squares_real:
      if (to.words == 3 && !plan.ranges[plan.inputs[size_t(to.input)]].sizes.infinite)
        each([scale = to.scale](uint64_t* state, uint64_t word, size_t) { add_square_to_three(state, scale, word); });
      else
        each([&](uint64_t* state, uint64_t word, size_t) { add_square(state, to, word); });
      break;
    case Op::infinities:
      each([](uint64_t* state, uint64_t word, size_t) {
        const uint64_t bits = double_bits_of(word);
        if (is_infinite(bits)) *state |= bits & kSignBit ? 2 : 1;
      });
      break;
    case Op::least:
      each([](uint64_t* state, uint64_t word, size_t) { *state = std::min(*state, word); });
      break;
    case Op::greatest:
      each([](uint64_t* state, uint64_t word, size_t) { *state = std::max(*state, word); });
      break;
    case Op::first:
      each([&](uint64_t* state, uint64_t word, size_t r) {
        if (rows.numbers[r * rows.stride] < state[0]) state[0] = rows.numbers[r * rows.stride], state[1] = word;
      });
      break;
    case Op::last:
      each([&](uint64_t* state, uint64_t word, size_t r) {
        if (rows.numbers[r * rows.stride] >= state[0]) state[0] = rows.numbers[r * rows.stride], state[1] = word;
      });
      break;
  }
}

void update_strip(const Plan& plan, const Rows& rows, const uint32_t* group, uint64_t* states) {
  for (const Accumulator& to : plan.accumulators)
    if (!to.by_values) with_addition(plan, rows, to, [&](auto&& add) { each_row(plan, rows, to, group, states, add); });
}

}  // namespace

void update(const Plan& plan, const Rows& rows, const uint32_t* group, size_t num_groups, uint64_t* states) {
  // Where the states of all groups do not fit into the first-level cache: one accumulator after the other over rows so few that
  // theirs do, while those of the next rows come.
  constexpr size_t kStrip = 64, kFits = 24 * 1024;
  const size_t width = plan.state_words();
  if (num_groups * width * sizeof(uint64_t) <= kFits) return update_strip(plan, rows, group, states);
  Rows strip = rows;
  for (size_t begin = 0; begin < rows.count; begin += kStrip) {
    strip.count = std::min(kStrip, rows.count - begin);
    for (size_t i = 0; i < rows.inputs.size(); ++i) strip.inputs[i] = rows.inputs[i] + begin * rows.stride;
    for (size_t i = 0; i < rows.masks.size(); ++i) strip.masks[i] = rows.masks[i] + begin * rows.stride;
    if (rows.numbers) strip.numbers = rows.numbers + begin * rows.stride;
    const size_t next = std::min(rows.count, begin + 2 * kStrip);
    for (size_t r = begin + strip.count; r < next; ++r) __builtin_prefetch(states + group[r] * width, 1);
    update_strip(plan, strip, group + begin, states);
  }
}

namespace {

bool is_sum_of_reals(const Accumulator& to) { return to.op == Op::sum_real || to.op == Op::squares_real; }

/// Sums and squares of reals, when squares are wanted: three multiplications a value. Medians and deviations by group take a
/// third less so. False: they are not wanted, or too wide.
bool add_with_squares(const Plan& plan, size_t input, std::span<const uint64_t> words, uint64_t* state) {
  const auto wanted = [&](const Accumulator& to) { return to.by_values && size_t(to.input) == input && is_sum_of_reals(to); };
  const auto squares = std::find_if(plan.accumulators.begin(), plan.accumulators.end(),
                                    [&](const Accumulator& to) { return wanted(to) && to.op == Op::squares_real; });
  if (squares == plan.accumulators.end()) return false;
  const auto cut = cut_of(plan.ranges[plan.inputs[input]], squares->scale);
  if (!cut || !ValueSums::holds(*cut, words.size())) return false;
  ValueSums sums(*cut);
  sums.add(words);
  for (const Accumulator& to : plan.accumulators)
    if (wanted(to)) sums.put(to, state);
  return true;
}

}  // namespace

void add_values(const Plan& plan, size_t input, std::span<const uint64_t> words, uint64_t* state) {
  constexpr int kMost = 4;
  const bool has_sums = add_with_squares(plan, input, words, state);
  for (const Accumulator& to : plan.accumulators) {
    if (!to.by_values || size_t(to.input) != input || (has_sums && is_sum_of_reals(to))) continue;
    with_addition(plan, {}, to, [&](auto&& add) {
      uint64_t* const at = state + to.offset;
      if (to.words > kMost) {
        for (const uint64_t word : words) add(at, word, 0);
        return;
      }
      uint64_t own[kMost];  // stays in registers, where values do not wait for each other's stores
      std::copy_n(at, to.words, own);
      for (const uint64_t word : words) add(own, word, 0);
      std::copy_n(own, to.words, at);
    });
  }
}

void merge(const Plan& plan, const uint64_t* from, uint64_t* into) {
  for (const Accumulator& at : plan.accumulators) {
    const uint64_t* a = from + at.offset;
    uint64_t* b = into + at.offset;
    switch (at.op) {
      case Op::least:
        *b = std::min(*a, *b);
        break;
      case Op::greatest:
        *b = std::max(*a, *b);
        break;
      case Op::infinities:
        *b |= *a;
        break;
      case Op::first:
        if (a[0] < b[0]) b[0] = a[0], b[1] = a[1];
        break;
      case Op::last:
        if (a[0] >= b[0]) b[0] = a[0], b[1] = a[1];
        break;
      default:
        add_words(b, a, at.words);
    }
  }
}

}  // namespace hayate::aggregate
