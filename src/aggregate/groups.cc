#include "aggregate/groups.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <new>
#include <numeric>
#include <optional>
#include <utility>

#include "aggregate/select.h"
#include "io/large_memory.h"

namespace hayate::aggregate {
namespace {

/// At least `size` entries, whatever they hold.
template <class T>
void make_room(std::vector<T>* out, size_t size) {
  if (out->size() < size) out->resize(size);
}

/// Digits of 11 bits from the lowest that differs to the highest. 20,000 keys of 53 bits: 1.6 ms with std::sort, 0.4 so. The sorted ones are in
/// what is returned: `keyed`, or `other`.
std::span<KeyedWord> sort_by_key(std::span<KeyedWord> keyed, std::vector<KeyedWord>* other) {
  constexpr int kDigit = 11;
  if (keyed.size() < 256) {
    std::sort(keyed.begin(), keyed.end(), [](const KeyedWord& a, const KeyedWord& b) { return a.key < b.key; });
    return keyed;
  }
  uint64_t ones = 0, zeros = 0;
  for (const KeyedWord& item : keyed) ones |= item.key, zeros |= ~item.key;
  const uint64_t differing = ones & zeros;
  if (differing == 0) return keyed;
  make_room(other, keyed.size());
  std::span<KeyedWord> free = std::span(*other).first(keyed.size());
  for (int shift = std::countr_zero(differing); shift < 64 - std::countl_zero(differing); shift += kDigit) {
    uint32_t next[(1 << kDigit) + 1] = {};
    const auto digit = [shift](uint64_t key) { return size_t(key >> shift) & ((1 << kDigit) - 1); };
    for (const KeyedWord& item : keyed) ++next[digit(item.key) + 1];
    for (size_t i = 0; i < (1 << kDigit); ++i) next[i + 1] += next[i];
    for (const KeyedWord& item : keyed) free[next[digit(item.key)]++] = item;
    std::swap(keyed, free);
  }
  return keyed;
}

/// The same, of keys from `least` to `least + span`, by one scatter over that range and an insertion sort of what meets in a bucket; nothing where
/// keys crowd in few of them.
std::optional<std::span<KeyedWord>> sort_by_range(std::span<const KeyedWord> keyed, uint64_t least, uint64_t span, FinishingMemory* memory) {
  constexpr uint32_t kCrowd = 32;
  if (keyed.size() < 256) return std::nullopt;
  const int shift = std::max(0, int(std::bit_width(span)) - int(std::bit_width(keyed.size())));
  const size_t buckets = size_t(span >> shift) + 1;
  std::vector<uint32_t>& next = memory->places;
  next.assign(buckets + 1, 0);
  for (const KeyedWord& item : keyed) ++next[size_t((item.key - least) >> shift) + 1];
  if (*std::max_element(next.begin(), next.end()) > kCrowd) return std::nullopt;
  std::partial_sum(next.begin(), next.end(), next.begin());
  make_room(&memory->other, keyed.size());
  const std::span<KeyedWord> sorted = std::span(memory->other).first(keyed.size());
  for (const KeyedWord& item : keyed) sorted[next[size_t((item.key - least) >> shift)]++] = item;
  for (size_t i = 1; i < sorted.size(); ++i) {
    const KeyedWord moved = sorted[i];
    size_t at = i;
    for (; at > 0 && moved.key < sorted[at - 1].key; --at) sorted[at] = sorted[at - 1];
    sorted[at] = moved;
  }
  return sorted;
}

/// Numbers groups by their key: by a hash table, or directly where the keys of a partition are close together.
class GroupTable {
 public:
  GroupTable(int key_words, uint64_t base, uint64_t span, int64_t rows) : key_words_(size_t(key_words)), base_(base) {
    direct_ = key_words == 1 && span < uint64_t(std::max<int64_t>(4 * rows, 4096)) && span < (uint64_t{1} << 31);
    slots_.assign(direct_ ? size_t(span) + 1 : std::bit_ceil(size_t(std::clamp<int64_t>(rows, 1024, 32'768))), kNone);
  }

  uint32_t number(const uint64_t* key) {
    if (direct_) {
      uint32_t& slot = slots_[size_t(key[0] - base_)];
      if (slot == kNone) slot = add(key);
      return slot;
    }
    if (2 * (size() + 1) > slots_.size()) grow();
    uint32_t& slot = slots_[slot_of(key)];
    if (slot == kNone) slot = add(key);
    return slot;
  }

  size_t size() const { return keys_.size() / key_words_; }
  const uint64_t* key(uint32_t group) const { return keys_.data() + group * key_words_; }

  /// Group numbers in the order of their keys.
  std::vector<uint32_t> sorted() const {
    std::vector<uint32_t> order;
    if (direct_) {
      for (const uint32_t slot : slots_)
        if (slot != kNone) order.push_back(slot);
      return order;
    }
    order.resize(size());
    std::iota(order.begin(), order.end(), 0);
    if (key_words_ == 1) {
      std::vector<KeyedWord> groups(size()), other;
      for (uint32_t i = 0; i < size(); ++i) groups[i] = {keys_[i], i};
      const std::span<const KeyedWord> sorted = sort_by_key(groups, &other);
      for (uint32_t i = 0; i < size(); ++i) order[i] = uint32_t(sorted[i].word);
    } else {
      std::sort(order.begin(), order.end(),
                [&](uint32_t a, uint32_t b) { return std::lexicographical_compare(key(a), key(a) + key_words_, key(b), key(b) + key_words_); });
    }
    return order;
  }

 private:
  static constexpr uint32_t kNone = UINT32_MAX;

  uint32_t add(const uint64_t* key) {
    keys_.insert(keys_.end(), key, key + key_words_);
    return uint32_t(size() - 1);
  }
  size_t slot_of(const uint64_t* wanted) const {
    uint64_t hash = 0;
    for (size_t i = 0; i < key_words_; ++i) hash = (std::rotl(hash, 23) ^ wanted[i]) * 0x9E3779B97F4A7C15ull;
    const size_t mask = slots_.size() - 1;
    for (size_t at = size_t(hash >> 20) & mask;; at = (at + 1) & mask)
      if (slots_[at] == kNone || std::equal(wanted, wanted + key_words_, key(slots_[at]))) return at;
  }
  void grow() {
    slots_.assign(2 * slots_.size(), kNone);
    for (uint32_t group = 0; group < size(); ++group) slots_[slot_of(key(group))] = group;
  }

  size_t key_words_;
  uint64_t base_;
  bool direct_;
  std::vector<uint32_t> slots_;
  std::vector<uint64_t> keys_;
};

/// Inputs of records as the update loops want them.
Rows rows_of(const Plan& plan, std::span<const uint64_t> records) {
  Rows rows;
  const size_t width = plan.record_words();
  const uint64_t* at = records.data() + plan.key_words;
  for (size_t i = 0; i < plan.inputs.size(); ++i) rows.inputs.push_back(at++);
  for (size_t i = 0; i < plan.mask_words(); ++i) rows.masks.push_back(at++);
  rows.numbers = plan.needs_row_numbers ? at : nullptr;
  rows.stride = width, rows.count = records.size() / width;
  return rows;
}

double between(uint64_t low, uint64_t high, double part, WordKind kind) {
  const auto number = [&](uint64_t word) {
    return kind == WordKind::real ? double_of(word) : kind == WordKind::unsigned_whole ? double(word) : double(whole_of(word));
  };
  const double a = number(low), b = number(high);
  if (part == 0 || a == b) return a;
  if (part == 0.5) return std::isinf(a + b) && std::isfinite(a) && std::isfinite(b) ? a / 2 + b / 2 : (a + b) / 2;
  return part < 0.5 ? a + (b - a) * part : b - (b - a) * (1 - part);
}

/// The quantile of values in any order, which it reorders; all are in the range of their column.
double quantile_of(std::span<uint64_t> values, double q, WordKind kind, const ColumnRange& range) {
  const double place = q * double(values.size() - 1);
  const size_t below = std::min(size_t(place), values.size() - 1);
  const Neighbours found = select(values, below, range.least, range.greatest);
  const double part = place - double(below);
  return between(found.at, part > 0 ? found.above : found.at, part, kind);
}

/// Sorts the values, and changes none: quantiles may be asked for next.
int64_t distinct_of(std::span<uint64_t> values, WordKind kind) {
  std::sort(values.begin(), values.end());  // -0 beside 0
  const auto same = [kind](uint64_t a, uint64_t b) {
    return a == b || (kind == WordKind::real && without_sign_of_zero(a) == without_sign_of_zero(b));
  };
  int64_t count = !values.empty();
  for (size_t i = 1; i < values.size(); ++i) count += !same(values[i], values[i - 1]);
  return count;
}

/// An array whose entries are all written by whoever asked for it.
template <class T, class Value>
Buffer array_of(AnswerMemory& memory, size_t rows, Value&& value) {
  const std::shared_ptr<T> owner = std::static_pointer_cast<T>(memory.take(rows * sizeof(T)));
  T* const out = owner.get();
  for (size_t row = 0; row < rows; ++row) out[row] = value(row);
  return {owner, reinterpret_cast<const uint8_t*>(out), rows * sizeof(T)};
}

template <class Is>
Buffer bits_of(size_t rows, Is&& is) {
  std::vector<uint8_t> out((rows + 7) / 8, 0);
  for (size_t row = 0; row < rows; ++row) out[row >> 3] = uint8_t(out[row >> 3] | int(is(row)) << (row & 7));
  return make_buffer(std::move(out));
}

/// What rows of a column are missing; none as long as nobody says so.
class Missing {
 public:
  explicit Missing(size_t rows) : rows_(rows) {}
  void set(size_t row) {
    if (missing_.empty()) missing_.resize(rows_);
    missing_[row] = 1;
  }
  bool any() const { return !missing_.empty(); }
  bool operator[](size_t row) const { return any() && missing_[row]; }
  Buffer validity() const {
    return any() ? bits_of(rows_, [&](size_t row) { return !missing_[row]; }) : Buffer();
  }

 private:
  size_t rows_;
  std::vector<uint8_t> missing_;
};

/// Words as whole numbers of their type; missing ones are 0.
template <class T, class Word>
Buffer wholes_of(AnswerMemory& memory, size_t rows, const Missing& missing, Word&& word) {
  if (!missing.any()) return array_of<T>(memory, rows, [&](size_t row) { return T(whole_of(word(row))); });
  return array_of<T>(memory, rows, [&](size_t row) { return missing[row] ? T{} : T(whole_of(word(row))); });
}

template <class T, class Word>
Buffer reals_of(AnswerMemory& memory, size_t rows, const Missing& missing, Word&& word) {
  return array_of<T>(memory, rows, [&](size_t row) { return missing[row] ? T(NAN) : T(double_of(word(row))); });
}

template <class Word>
void add_names(size_t rows, const Missing& missing, const SortedNames& names, Word&& word, Column* out) {
  std::vector<int64_t> offsets = {0};
  offsets.reserve(rows + 1);
  std::vector<char> bytes;
  for (size_t row = 0; row < rows; ++row) {
    if (!missing[row]) {
      const std::string_view name = names.text(uint32_t(word(row)));
      bytes.insert(bytes.end(), name.begin(), name.end());
    }
    offsets.push_back(int64_t(bytes.size()));
  }
  out->values = make_buffer(std::move(bytes));
  out->offsets = make_buffer(std::move(offsets));
}

/// Words as a column of the dtype that they came from; `range` is that of their column (of names: where these are).
template <class Word>
Column column_of(AnswerMemory& memory, Dtype dtype, const std::string& zone, const ColumnRange* range, size_t rows, const Missing& missing,
                 Word&& word) {
  Column out;
  out.dtype = dtype, out.zone = zone, out.length = int64_t(rows), out.validity = missing.validity();
  switch (dtype) {
    case Dtype::boolean:
      out.values = bits_of(rows, [&](size_t row) { return !missing[row] && whole_of(word(row)) != 0; });
      break;
    case Dtype::int8:
      out.values = wholes_of<int8_t>(memory, rows, missing, word);
      break;
    case Dtype::int16:
      out.values = wholes_of<int16_t>(memory, rows, missing, word);
      break;
    case Dtype::int32:
    case Dtype::date:
      out.values = wholes_of<int32_t>(memory, rows, missing, word);
      break;
    case Dtype::int64:
    case Dtype::timestamp:
      out.values = wholes_of<int64_t>(memory, rows, missing, word);
      break;
    case Dtype::uint8:
      out.values = wholes_of<uint8_t>(memory, rows, missing, word);
      break;
    case Dtype::uint16:
      out.values = wholes_of<uint16_t>(memory, rows, missing, word);
      break;
    case Dtype::uint32:
      out.values = wholes_of<uint32_t>(memory, rows, missing, word);
      break;
    case Dtype::uint64:
      out.values = array_of<uint64_t>(memory, rows, [&](size_t row) { return missing[row] ? 0 : word(row); });
      break;
    case Dtype::float32:
      out.values = reals_of<float>(memory, rows, missing, word);
      break;
    case Dtype::float64:
      out.values = reals_of<double>(memory, rows, missing, word);
      break;
    case Dtype::text:
      add_names(rows, missing, *range->names, word, &out);
      break;
    case Dtype::category:
      out.values = array_of<int32_t>(memory, rows, [&](size_t row) { return missing[row] ? 0 : int32_t(word(row)); });
      out.dictionary = range->dictionary;
      break;
  }
  return out;
}

/// Numbers, of which NaN is missing.
template <class Number>
Column column_of_reals(AnswerMemory& memory, size_t rows, Number&& number) {
  Missing missing(rows);
  Column out;
  out.dtype = Dtype::float64, out.length = int64_t(rows);
  out.values = array_of<double>(memory, rows, [&](size_t row) {
    const double value = number(row);
    return std::isnan(value) ? missing.set(row), NAN : value;
  });
  out.validity = missing.validity();
  return out;
}

/// The groups of one table of answers, in the order of their keys.
struct Answer {
  size_t rows = 0;
  std::span<const uint64_t> keys, states;        // row i: keys[i * key_words ...], states[i * state_words ...]
  std::span<const uint32_t> order;               // number of row i's group in `values`
  std::vector<GroupedValues>* values = nullptr;  // by input, where rows were needed
  AnswerMemory* memory = nullptr;
};

Column key_column(const Plan& plan, size_t by, const Answer& answer) {
  const ColumnRange& range = plan.ranges[by];
  const Column& like = plan.schema.columns[by];
  const size_t width = size_t(plan.key_words);
  Missing missing(answer.rows);
  const KeyField* values = nullptr;
  const auto codes_of = [&](const KeyField& field) {
    const uint64_t mask = field.bits == 0 ? 0 : field.bits == 64 ? UINT64_MAX : (uint64_t{1} << field.bits) - 1;
    return [keys = answer.keys.data() + field.word, width, shift = field.shift & 63, mask](size_t i) { return keys[i * width] >> shift & mask; };
  };
  for (const KeyField& field : plan.key) {
    if (field.column != by) continue;
    const bool can_miss = field.flag || (range.missing > 0 && field.greatest_code == field.missing_code);
    const uint64_t code = field.flag ? 1 : field.missing_code;
    for (size_t i = 0; can_miss && i < answer.rows; ++i)
      if (codes_of(field)(i) == code) missing.set(i);
    if (!field.flag) values = &field;
  }
  const auto code = codes_of(*values);
  return column_of(*answer.memory, like.dtype, like.zone, &range, answer.rows, missing,
                   [&, least = values->least](size_t i) { return code(i) + least; });
}

double number_of(const Plan& plan, const Output& output, const uint64_t* state, int64_t rows) {
  const Accumulator& sum = plan.accumulators[size_t(output.sum)];
  const uint64_t* words = state + sum.offset;
  const Function function = output.call.function;
  if (const uint64_t seen = output.infinities < 0 ? 0 : state[plan.accumulators[size_t(output.infinities)].offset]) {
    if (function == Function::std_dev || function == Function::variance || seen == 3) return NAN;
    return seen == 1 ? INFINITY : -INFINITY;
  }
  if (function == Function::sum) return to_double(words, sum.words, sum.scale);
  if (function == Function::mean) return mean_of(words, sum.words, sum.scale, rows);
  const Accumulator& squares = plan.accumulators[size_t(output.squares)];
  const double variance = variance_of(words, sum.words, state + squares.offset, squares.words, sum.scale, rows);
  return function == Function::variance ? variance : std::sqrt(variance);
}

Column output_column(const Plan& plan, const Output& output, const Answer& answer) {
  const Function function = output.call.function;
  const size_t column = output.call.column.empty() ? 0 : size_t(plan.schema.find(output.call.column) - plan.schema.columns.data());
  const ColumnRange* range = output.call.column.empty() ? nullptr : &plan.ranges[column];
  const auto found = std::find(plan.inputs.begin(), plan.inputs.end(), column);
  const size_t input = size_t(found - plan.inputs.begin());
  const WordKind kind = output.call.column.empty() ? WordKind::whole : word_kind(plan.schema.columns[column].dtype);
  const size_t width = plan.state_words(), rows = answer.rows;
  const auto place = [&](int accumulator) { return accumulator < 0 ? 0 : size_t(plan.accumulators[size_t(accumulator)].offset); };
  const size_t rows_at = place(output.rows), sum_at = place(output.sum), extreme_at = place(output.extreme);
  const auto state = [&](size_t i) { return answer.states.data() + i * width; };
  const auto count = [&](size_t i) { return int64_t(state(i)[rows_at]); };  // rows of the group that count
  const auto values = [&](size_t i) { return (*answer.values)[input].group(answer.order[i]); };
  const auto whole_numbers = [&](auto&& number) {
    return column_of(*answer.memory, output.dtype, output.zone, range, rows, Missing(rows), [&](size_t i) { return word_of(int64_t(number(i))); });
  };
  switch (function) {
    case Function::count:
      return whole_numbers(count);
    case Function::distinct:
      return whole_numbers([&](size_t i) { return distinct_of(values(i), kind); });
    case Function::median:
    case Function::quantile:
      return column_of_reals(*answer.memory, rows,
                             [&](size_t i) { return count(i) == 0 ? NAN : quantile_of(values(i), output.call.q, kind, *range); });
    case Function::sum:
      if (output.dtype == Dtype::int64) return whole_numbers([&](size_t i) { return state(i)[sum_at]; });
      return column_of_reals(*answer.memory, rows, [&](size_t i) { return number_of(plan, output, state(i), count(i)); });
    case Function::mean:
    case Function::std_dev:
    case Function::variance: {
      const int64_t least = function == Function::mean ? 1 : 2;
      return column_of_reals(*answer.memory, rows, [&](size_t i) { return count(i) < least ? NAN : number_of(plan, output, state(i), count(i)); });
    }
    case Function::least:
    case Function::greatest:
    case Function::first:
    case Function::last:
      break;
  }
  const size_t at = extreme_at + (function == Function::first || function == Function::last);
  Missing missing(rows);
  for (size_t i = 0; i < rows; ++i)
    if (count(i) == 0) missing.set(i);
  return column_of(*answer.memory, output.dtype, output.zone, range, rows, missing, [&](size_t i) { return state(i)[at]; });
}

Table table_of(const Plan& plan, const Answer& answer) {
  Table out;
  for (const size_t by : plan.by) out.add(plan.schema.names[by], key_column(plan, by, answer));
  for (const Output& output : plan.outputs) out.add(output.call.text, output_column(plan, output, answer));
  return out;
}

/// Second pass over the rows: the values of the inputs whose calls need them all, sorted by group. `memory` has the group of each row, in the order
/// of visit().
Result<void> gather_values(const Plan& plan, const Partitions& partitions, size_t partition, size_t num_groups, FinishingMemory* memory) {
  memory->values.resize(plan.inputs.size());
  std::vector<size_t> next;
  for (size_t input = 0; input < plan.inputs.size(); ++input) {
    if (!wants_values(plan, input)) continue;
    GroupedValues& grouped = memory->values[input];
    const bool masked = plan.ranges[plan.inputs[input]].missing > 0;
    next.assign(num_groups + 1, 0);
    const auto each = [&](auto&& visit) {
      const uint32_t* group = memory->group.data();
      return partitions.visit(partition, &memory->buffer, [&](std::span<const uint64_t> records) {
        const Rows rows = rows_of(plan, records);
        const uint64_t* const words = rows.inputs[input];
        for (size_t r = 0; r < rows.count; ++r)
          if (!masked || !(rows.masks[input / 64][r * rows.stride] >> (input % 64) & 1)) visit(group[r], words[r * rows.stride]);
        group += rows.count;
      });
    };
    HY_CHECK(each([&](uint32_t g, uint64_t) { ++next[g + 1]; }));
    for (size_t g = 0; g < num_groups; ++g) next[g + 1] += next[g];
    grouped.ends.assign(next.begin() + 1, next.end());
    make_room(&grouped.values, next[num_groups]);
    HY_CHECK(each([&, values = grouped.values.data(), next = next.data()](uint32_t g, uint64_t word) { values[next[g]++] = word; }));
  }
  return {};
}

/// Whether few of the first rows of a partition share a key.
bool mostly_different(const Plan& plan, std::span<const uint64_t> records) {
  constexpr size_t kSample = 256;
  std::vector<uint64_t> keys;
  for (size_t at = 0; at < records.size() && keys.size() < kSample; at += plan.record_words()) keys.push_back(records[at]);
  std::sort(keys.begin(), keys.end());
  return keys.size() >= kSample && size_t(std::unique(keys.begin(), keys.end()) - keys.begin()) > kSample / 10 * 9;
}

/// The rows of a partition as key and what follows it: the rest of the record where that is one word, else the record's number in `memory->records`.
/// Nothing when many of them share a key.
Result<std::span<KeyedWord>> keyed_rows(const Plan& plan, const Partitions& partitions, size_t partition, FinishingMemory* memory) {
  const size_t width = plan.record_words(), rows = size_t(partitions.rows(partition));
  std::optional<bool> different;
  size_t row = 0;
  HY_CHECK(partitions.visit(partition, &memory->buffer, [&](std::span<const uint64_t> part) {
    if (!different) {
      different = mostly_different(plan, part);
      if (*different) make_room(&memory->keyed, rows), make_room(&memory->records, width != 2 ? rows * width : 0);
    }
    if (!*different) return;
    if (width != 2) std::copy(part.begin(), part.end(), memory->records.data() + row * width);
    for (size_t at = 0; at < part.size(); at += width, ++row) memory->keyed[row] = {part[at], width == 2 ? part[at + 1] : row};
  }));
  return std::span(memory->keyed).first(row);
}

/// As the states of groups without rows.
void clear_states(const Plan& plan, std::span<uint64_t> states) {
  std::copy(plan.empty_state.begin(), plan.empty_state.end(), states.begin());
  for (size_t done = plan.state_words(); done < states.size(); done *= 2)
    std::copy_n(states.begin(), std::min(done, states.size() - done), states.begin() + std::ptrdiff_t(done));
}

/// The records of sorted rows, one behind the other.
std::span<const uint64_t> records_of(const Plan& plan, std::span<const KeyedWord> sorted, FinishingMemory* memory) {
  const size_t width = plan.record_words();
  if (width == 2) return {&sorted.data()->key, 2 * sorted.size()};
  make_room(&memory->buffer, sorted.size() * width);
  for (size_t i = 0; i < sorted.size(); ++i) std::copy_n(memory->records.data() + sorted[i].word * width, width, memory->buffer.data() + i * width);
  return std::span(memory->buffer).first(sorted.size() * width);
}

/// The answer of a partition in which hardly two rows have the same key: rows are sorted by it, so that groups and their states come in the order
/// of the answer: no hash table, and nothing is looked up in no order but a row's record. Keys are between `base` and `base + span`.
Answer sorted_answer(const Plan& plan, std::span<KeyedWord> keyed, uint64_t base, uint64_t span, FinishingMemory* memory) {
  const auto by_range = sort_by_range(keyed, base, span, memory);
  const std::span<const KeyedWord> sorted = by_range ? *by_range : sort_by_key(keyed, &memory->other);
  make_room(&memory->group, sorted.size()), make_room(&memory->keys, sorted.size());
  size_t groups = 0;
  uint64_t* const keys = memory->keys.data();
  uint64_t before = ~sorted[0].key;
  for (size_t r = 0; r < sorted.size(); ++r) {
    const uint64_t key = sorted[r].key;
    groups += key != before;
    keys[groups - 1] = before = key, memory->group[r] = uint32_t(groups - 1);
  }
  make_room(&memory->states, groups * plan.state_words());
  clear_states(plan, std::span(memory->states).first(groups * plan.state_words()));
  update(plan, rows_of(plan, records_of(plan, sorted, memory)), memory->group.data(), groups, memory->states.data());
  Answer answer;
  answer.rows = groups, answer.memory = &memory->answers;
  answer.keys = std::span(memory->keys).first(groups), answer.states = std::span(memory->states).first(groups * plan.state_words());
  return answer;
}

}  // namespace

std::shared_ptr<void> AnswerMemory::take(size_t bytes) {
  constexpr size_t kPiece = size_t{4} << 20, kAlign = 64;
  const size_t needed = (std::max<size_t>(bytes, 1) + kAlign - 1) / kAlign * kAlign;
  if (needed > kPiece / 4 || needed < kPiece / 1024) {  // one that fills a piece, or wastes one
    std::shared_ptr<void> own = io::allocate_large(needed);
    if (!own) throw std::bad_alloc();
    return own;
  }
  if (!piece_ || used_ + needed > kPiece) {
    piece_ = io::reserve_large(kPiece), used_ = 0;
    if (!piece_) throw std::bad_alloc();
  }
  void* const at = static_cast<char*>(piece_.get()) + std::exchange(used_, used_ + needed);
  return {piece_, at};
}

int64_t finishing_bytes(const Plan& plan, int64_t rows, int64_t groups) {
  const size_t by_rows = plan.needs_rows ? 4 + 8 * plan.inputs.size() : 0;
  return rows * int64_t(8 * plan.record_words() + 32 + by_rows) +
         groups * int64_t(8 * (2 * size_t(plan.key_words) + 2 * plan.state_words() + plan.outputs.size())) + (int64_t{2} << 20);
}

namespace {

/// Groups numbered by a table of their keys, in the order in which they come.
Result<Table> hashed_answer(const Plan& plan, const Partitions& partitions, size_t partition, uint64_t base, uint64_t span, FinishingMemory* memory) {
  GroupTable table(plan.key_words, base, span, partitions.rows(partition));
  const size_t width = plan.record_words(), state_words = plan.state_words();
  std::vector<uint64_t> states;
  std::vector<uint32_t>& group = memory->group;
  size_t done = 0;  // rows whose groups are to be kept
  HY_CHECK(partitions.visit(partition, &memory->buffer, [&](std::span<const uint64_t> records) {
    constexpr size_t kStep = 2048;  // rows whose group numbers stay in the first-level cache
    for (size_t begin = 0; begin < records.size(); begin += kStep * width) {
      const auto part = records.subspan(begin, std::min(kStep * width, records.size() - begin));
      const Rows rows = rows_of(plan, part);
      make_room(&group, done + rows.count);
      uint32_t* const here = group.data() + done;
      for (size_t r = 0; r < rows.count; ++r) here[r] = table.number(part.data() + r * width);
      while (states.size() < table.size() * state_words) states.insert(states.end(), plan.empty_state.begin(), plan.empty_state.end());
      update(plan, rows, here, table.size(), states.data());
      if (plan.needs_rows) done += rows.count;
    }
  }));
  if (plan.key.empty() && table.size() == 0) {  // all rows are one group, none too
    constexpr uint64_t kWhole[1] = {};
    table.number(kWhole);
    states = plan.empty_state;
  }
  if (plan.needs_rows) {
    HY_CHECK(gather_values(plan, partitions, partition, table.size(), memory));
    for (size_t input = 0; input < plan.inputs.size(); ++input)
      for (uint32_t g = 0; g < table.size() && wants_values(plan, input); ++g)
        add_values(plan, input, memory->values[input].group(g), states.data() + g * state_words);
  }
  Answer answer;
  answer.memory = &memory->answers;
  memory->order = table.sorted();
  answer.rows = memory->order.size(), answer.order = memory->order, answer.values = &memory->values;
  const size_t key_words = size_t(plan.key_words);
  make_room(&memory->keys, answer.rows * key_words), make_room(&memory->states, answer.rows * state_words);
  for (size_t i = 0; i < answer.rows; ++i) {
    std::copy_n(table.key(answer.order[i]), key_words, memory->keys.data() + i * key_words);
    std::copy_n(states.data() + answer.order[i] * state_words, state_words, memory->states.data() + i * state_words);
  }
  answer.keys = std::span(memory->keys).first(answer.rows * key_words), answer.states = std::span(memory->states).first(answer.rows * state_words);
  return table_of(plan, answer);
}

}  // namespace

Result<Table> finish_partition(const Plan& plan, const Partitions& partitions, size_t partition, FinishingMemory* memory) {
  const int64_t num_rows = partitions.rows(partition);
  const Cut& cut = partitions.cut();
  const uint64_t base = cut.base + (uint64_t(partition) << cut.shift), span = cut.shift == 0 ? 0 : (uint64_t{1} << cut.shift) - 1;
  if (plan.key_words == 1 && !plan.needs_rows && span >= uint64_t(std::max<int64_t>(4 * num_rows, 4096)) && num_rows < UINT32_MAX) {
    HY_TRY(const std::span<KeyedWord> keyed, keyed_rows(plan, partitions, partition, memory));
    if (!keyed.empty()) return table_of(plan, sorted_answer(plan, keyed, base, span, memory));
  }
  return hashed_answer(plan, partitions, partition, base, cut.word == 0 ? span : UINT64_MAX, memory);
}

Table finish_dense(const Plan& plan, const std::vector<uint64_t>& states) {
  std::vector<uint64_t> keys, used;
  const size_t width = plan.state_words();
  for (size_t g = 0; g * width < states.size(); ++g) {
    if (states[g * width] == 0 && !plan.key.empty()) continue;
    keys.push_back(g);
    used.insert(used.end(), states.begin() + std::ptrdiff_t(g * width), states.begin() + std::ptrdiff_t((g + 1) * width));
  }
  AnswerMemory memory;
  Answer answer;
  answer.rows = keys.size(), answer.keys = keys, answer.states = used, answer.memory = &memory;
  return table_of(plan, answer);
}

}  // namespace hayate::aggregate
