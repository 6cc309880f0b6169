#include "aggregate/aggregate.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>

#include "aggregate/groups.h"
#include "aggregate/lanes.h"
#include "aggregate/partitions.h"
#include "aggregate/plan.h"
#include "aggregate/statistics.h"
#include "base/strings.h"

namespace hayate::aggregate {
namespace {

constexpr int64_t kBlock = 4096;                       // rows that a worker turns into words at once
constexpr int64_t kStrip = 512;                        // rows that it adds to lanes at once: all that it makes of them stays in the first-level cache
constexpr size_t kMostCodes = size_t{1} << 16;         // different texts up to which a column in memory becomes codes
constexpr int64_t kStep = int64_t{1} << 18;            // rows between two looks at the memory
constexpr int64_t kDenseBytes = int64_t{8} << 20;      // of states, for each worker: about what its caches hold
constexpr int64_t kPartitionBytes = int64_t{1} << 19;  // so that a partition's states stay in the second-level cache
constexpr size_t kMostPartitions = 512;

void add_name(const std::string& name, std::vector<std::string>* names) {
  if (std::find(names->begin(), names->end(), name) == names->end()) names->push_back(name);
}

/// A worker's words of one block of rows.
struct Scratch {
  std::vector<uint64_t> words, keys, masks, numbers, values;
  std::vector<const uint64_t*> record;  // the columns of a record
  std::vector<uint8_t> missing, kept;
  std::vector<uint32_t> group;
  std::vector<uint64_t> parts, sums;  // of lanes
  int64_t rows_in_sums = 0;
  std::vector<ColumnRange> seen;  // of the columns whose ranges are claimed
};

class Aggregation {
 public:
  /// `claimed`: an entry for each column, whether its range in the plan was only said to be so.
  Aggregation(const Plan& plan, const Spec& spec, std::vector<bool> claimed, exec::Pool& pool, int64_t memory_bytes)
      : plan_(plan),
        spec_(spec),
        claimed_(std::move(claimed)),
        names_seen_(claimed_.size()),
        pool_(pool),
        memory_(memory_bytes),
        blocks_(std::max<size_t>(2048, 8 * plan.record_words())),
        scratch_(size_t(pool.workers())) {
    for (size_t c = 0; c < claimed_.size(); ++c)
      if (claimed_[c]) claims_.push_back(c);
    for (const size_t c : claims_)
      if (plan.ranges[c].names) names_seen_[c].assign(plan.ranges[c].names->size(), 0);
    for (Scratch& scratch : scratch_) scratch.seen.resize(claimed_.size());
    const uint64_t slots = plan.key_words == 1 ? plan.greatest_first_word + 1 : 0;
    const double bytes = double(slots) * double(plan.state_words()) * 8;
    dense_ = !plan.needs_rows && slots > 0 && (slots == 1 || bytes <= double(std::min(kDenseBytes, memory_ / 4 / pool.workers())));
    if (dense_) {
      for (int w = 0; w < pool.workers(); ++w) dense_states_.push_back(empty_states(size_t(slots)));
      lanes_ = plan_lanes(plan, size_t(slots));
      for (Scratch& scratch : scratch_)
        if (lanes_) scratch.sums.assign(size_t(slots) * lanes_->words, 0);
    } else {
      const double total = double(plan.rows) * double(plan.record_words()) * 8;
      const size_t wanted = std::clamp<size_t>(std::bit_ceil(size_t(total / double(kPartitionBytes)) + 1), 1, kMostPartitions);
      partitions_.emplace(plan.record_words(), cut_range(0, 0, plan.greatest_first_word, wanted), pool.workers(), &blocks_, &file_);
    }
  }

  Result<void> add(const Table& chunk, int64_t first_row, const exec::Cancellation& cancel);
  Result<Outcome> finish(const std::function<Result<void>(const Table&)>& sink, const exec::Cancellation& cancel);
  /// A row did not keep to what was claimed: nothing that was added counts.
  bool is_refuted() const { return refuted_; }
  /// The same at the end, for what only all rows together tell.
  bool is_borne_out(int64_t rows) const;

 private:
  bool keeps_to_claims(const Table& chunk, int64_t begin, int64_t count, Scratch* scratch) const;
  bool find_places(const Table& chunk, std::vector<std::vector<uint32_t>>* places);
  /// For what is kept of rows until they are finished, and again for what finishes them.
  int64_t room() const { return memory_ / 5 * 2; }
  std::vector<uint64_t> empty_states(size_t count) const {
    std::vector<uint64_t> out;
    out.reserve(count * plan_.state_words());
    for (size_t i = 0; i < count; ++i) out.insert(out.end(), plan_.empty_state.begin(), plan_.empty_state.end());
    return out;
  }
  bool is_plain(const Table& chunk) const;
  void add_plain_rows(const Table& chunk, const std::vector<std::vector<uint32_t>>& places, int64_t begin, int64_t count, int worker);
  void add_to_lanes(Scratch& scratch, std::span<const LaneInput> inputs, const uint64_t* keys, size_t rows, int worker);
  void unpack_lanes(Scratch& scratch, int worker);
  bool add_block(const Table& chunk, const std::vector<std::vector<uint32_t>>& places, int64_t begin, int64_t count, int64_t first_row, int worker);
  void read_column(const Table& chunk, const std::vector<std::vector<uint32_t>>& places, size_t column, int64_t begin, int64_t count, uint64_t* words,
                   uint8_t* missing) const;
  size_t keep_rows(const Table& chunk, int64_t begin, int64_t count, Scratch* scratch) const;
  Result<void> finish_all(const Partitions& partitions, int depth, const std::function<Result<void>(const Table&)>& sink,
                          const exec::Cancellation& cancel, const std::function<void(size_t)>& done);
  Result<void> split(const Partitions& partitions, size_t partition, int depth, const std::function<Result<void>(const Table&)>& sink,
                     const exec::Cancellation& cancel);

  const Plan& plan_;
  const Spec& spec_;
  const std::vector<bool> claimed_;
  std::vector<size_t> claims_;                    // columns
  std::vector<std::vector<uint8_t>> names_seen_;  // of the names of a claimed category, by place: in a dictionary of the file
  std::vector<int64_t> missing_names_ = std::vector<int64_t>(claimed_.size());
  std::atomic<bool> refuted_{false};
  exec::Pool& pool_;
  int64_t memory_;
  bool dense_ = false;
  std::vector<std::vector<uint64_t>> dense_states_;
  std::optional<Lanes> lanes_;
  std::optional<io::TemporaryFile> file_;
  BlockStore blocks_;
  std::optional<Partitions> partitions_;
  std::vector<Scratch> scratch_;
  std::vector<FinishingMemory> finishing_ = std::vector<FinishingMemory>(size_t(pool_.workers()));
  int64_t spilled_ = 0;
};

void Aggregation::read_column(const Table& chunk, const std::vector<std::vector<uint32_t>>& places, size_t c, int64_t begin, int64_t count,
                              uint64_t* words, uint8_t* missing) const {
  const Column& column = chunk.columns[c];
  if (column.dtype != Dtype::text && column.dtype != Dtype::category) {
    read_words(column, begin, count, words, missing);
    return;
  }
  if (column.dtype == Dtype::category && !column.validity.data) {
    std::memset(missing, 0, size_t(count));
    const int32_t* const codes = column.as<int32_t>().data() + begin;
    const uint32_t* const place = places[c].data();
    for (int64_t i = 0; i < count; ++i) words[i] = place[codes[i]];
    return;
  }
  for (int64_t i = 0; i < count; ++i) {
    missing[i] = column.is_null(begin + i);
    if (missing[i])
      words[i] = 0;
    else
      words[i] = column.dtype == Dtype::category ? places[c][size_t(column.as<int32_t>()[size_t(begin + i)])]
                                                 : plan_.ranges[c].names->place_of(column.text(begin + i));
  }
}

/// Moves the rows for which --where is true to the front of all arrays; returns how many.
size_t Aggregation::keep_rows(const Table& chunk, int64_t begin, int64_t count, Scratch* s) const {
  if (!spec_.where) return size_t(count);
  s->kept = spec_.where->keep(chunk, begin, count);
  size_t kept = 0;
  for (size_t i = 0; i < size_t(count); ++i) {
    for (int w = 0; w < plan_.key_words; ++w) s->keys[size_t(w) * kBlock + kept] = s->keys[size_t(w) * kBlock + i];
    for (size_t k = 0; k < plan_.inputs.size(); ++k) s->words[k * kBlock + kept] = s->words[k * kBlock + i];
    for (size_t m = 0; m < plan_.mask_words(); ++m) s->masks[m * kBlock + kept] = s->masks[m * kBlock + i];
    s->numbers[kept] = s->numbers[i];
    kept += s->kept[i];
  }
  return kept;
}

void Aggregation::add_to_lanes(Scratch& s, std::span<const LaneInput> inputs, const uint64_t* keys, size_t rows, int worker) {
  if (s.rows_in_sums + int64_t(rows) > lanes_->most_rows) unpack_lanes(s, worker);
  s.rows_in_sums += int64_t(rows);
  add_rows(*lanes_, inputs, keys, rows, dense_states_[0].size() / plan_.state_words(), &s.parts, s.sums.data());
}

/// Whether rows can go straight from the columns into lanes: nothing is missing and no condition has to be looked at.
bool Aggregation::is_plain(const Table& chunk) const {
  if (!lanes_ || spec_.where) return false;
  const auto plain = [&](size_t c) {
    return !chunk.columns[c].validity.data && plan_.ranges[c].missing == 0 && chunk.columns[c].dtype != Dtype::boolean;
  };
  return std::all_of(plan_.key.begin(), plan_.key.end(), [&](const KeyField& field) { return plain(field.column); }) &&
         std::all_of(plan_.inputs.begin(), plan_.inputs.end(),
                     [&](size_t c) { return plain(c) && word_kind(chunk.columns[c].dtype) != WordKind::text; });
}

void Aggregation::add_plain_rows(const Table& chunk, const std::vector<std::vector<uint32_t>>& places, int64_t begin, int64_t count, int worker) {
  Scratch& s = scratch_[size_t(worker)];
  uint64_t keys[kStrip];
  std::vector<LaneInput> inputs(plan_.inputs.size());
  for (int64_t at = begin; at < begin + count; at += kStrip) {
    const int64_t rows = std::min(kStrip, begin + count - at);
    std::fill_n(keys, rows, uint64_t{0});
    for (const KeyField& field : plan_.key) {
      const Column& column = chunk.columns[field.column];
      const int shift = field.shift & 63;
      if (column.dtype == Dtype::category) {
        const int32_t* const codes = column.as<int32_t>().data() + at;
        const uint32_t* const place = places[field.column].data();
        for (int64_t i = 0; i < rows; ++i) keys[i] += uint64_t(place[codes[i]]) << shift;
      } else if (column.dtype == Dtype::text) {
        const SortedNames& names = *plan_.ranges[field.column].names;
        for (int64_t i = 0; i < rows; ++i) keys[i] += uint64_t(names.place_of(column.text(at + i))) << shift;
      } else if (word_kind(column.dtype) == WordKind::real) {
        s.values.resize(kBlock), s.missing.resize(kBlock);
        read_words(column, at, rows, s.values.data(), s.missing.data());
        for (int64_t i = 0; i < rows; ++i) s.values[size_t(i)] = without_sign_of_zero(s.values[size_t(i)]);
        kernels::word_kernels().add_shifted(kernels::Element::uint64, s.values.data(), rows, field.least, shift, keys);
      } else {
        kernels::word_kernels().add_shifted(element_of(column.dtype), rows_at(column, at), rows, field.least, shift, keys);
      }
    }
    for (size_t k = 0; k < inputs.size(); ++k) {
      const Column& column = chunk.columns[plan_.inputs[k]];
      inputs[k] = {element_of(column.dtype), rows_at(column, at)};
    }
    add_to_lanes(s, inputs, keys, size_t(rows), worker);
  }
}

void Aggregation::unpack_lanes(Scratch& s, int worker) {
  if (s.rows_in_sums == 0) return;
  std::vector<uint64_t>& states = dense_states_[size_t(worker)];
  unpack(*lanes_, plan_, states.size() / plan_.state_words(), s.sums.data(), states.data());
  s.rows_in_sums = 0;
}

bool Aggregation::add_block(const Table& chunk, const std::vector<std::vector<uint32_t>>& places, int64_t begin, int64_t count, int64_t first_row,
                            int worker) {
  Scratch& s = scratch_[size_t(worker)];
  s.keys.assign(size_t(plan_.key_words) * kBlock, 0);
  s.masks.assign(plan_.mask_words() * kBlock, 0);
  s.words.resize(std::max<size_t>(plan_.inputs.size(), 1) * kBlock);
  s.missing.resize(kBlock), s.numbers.resize(kBlock), s.group.resize(kBlock), s.values.resize(kBlock), s.record.clear();
  size_t read = SIZE_MAX;
  for (const KeyField& field : plan_.key) {
    if (field.column != read) {
      read_column(chunk, places, field.column, begin, count, s.values.data(), s.missing.data());
      if (word_kind(chunk.columns[field.column].dtype) == WordKind::real)
        for (size_t i = 0; i < size_t(count); ++i) s.values[i] = without_sign_of_zero(s.values[i]);
    }
    read = field.column;
    uint64_t* keys = s.keys.data() + size_t(field.word) * kBlock;
    const int shift = field.shift & 63;
    if (plan_.ranges[field.column].missing == 0) {
      kernels::word_kernels().add_shifted(kernels::Element::uint64, s.values.data(), count, field.least, shift, keys);
      continue;
    }
    for (size_t i = 0; i < size_t(count); ++i) {
      const uint64_t code = s.missing[i] ? field.missing_code : field.flag ? 0 : s.values[i] - field.least;
      keys[i] |= code << shift;
    }
  }
  for (size_t k = 0; k < plan_.inputs.size(); ++k) {
    read_column(chunk, places, plan_.inputs[k], begin, count, s.words.data() + k * kBlock, s.missing.data());
    if (plan_.ranges[plan_.inputs[k]].missing == 0) continue;
    uint64_t* mask = s.masks.data() + k / 64 * kBlock;
    for (size_t i = 0; i < size_t(count); ++i) mask[i] |= uint64_t(s.missing[i]) << (k % 64);
  }
  for (int64_t i = 0; plan_.needs_row_numbers && i < count; ++i) s.numbers[size_t(i)] = uint64_t(first_row + begin + i + 1);
  const size_t kept = keep_rows(chunk, begin, count, &s);
  if (lanes_) {
    std::vector<LaneInput> inputs;
    for (size_t k = 0; k < plan_.inputs.size(); ++k) {
      const bool real = word_kind(chunk.columns[plan_.inputs[k]].dtype) == WordKind::real;
      inputs.push_back({real ? kernels::Element::word : kernels::Element::uint64, s.words.data() + k * kBlock});
    }
    return add_to_lanes(s, inputs, s.keys.data(), kept, worker), true;
  }
  if (dense_) {
    Rows rows;
    for (size_t k = 0; k < plan_.inputs.size(); ++k) rows.inputs.push_back(s.words.data() + k * kBlock);
    for (size_t m = 0; m < plan_.mask_words(); ++m) rows.masks.push_back(s.masks.data() + m * kBlock);
    rows.numbers = s.numbers.data(), rows.count = kept;
    for (size_t i = 0; i < kept; ++i) s.group[i] = uint32_t(s.keys[i]);
    std::vector<uint64_t>& states = dense_states_[size_t(worker)];
    update(plan_, rows, s.group.data(), states.size() / plan_.state_words(), states.data());
    return true;
  }
  for (int w = 0; w < plan_.key_words; ++w) s.record.push_back(s.keys.data() + size_t(w) * kBlock);
  for (size_t k = 0; k < plan_.inputs.size(); ++k) s.record.push_back(s.words.data() + k * kBlock);
  for (size_t m = 0; m < plan_.mask_words(); ++m) s.record.push_back(s.masks.data() + m * kBlock);
  if (plan_.needs_row_numbers) s.record.push_back(s.numbers.data());
  return partitions_->add(worker, s.record, kept);
}

/// What is held already varies from run to run, and readers take larger chunks where there is more memory.
int64_t with_margin(int64_t bytes) { return bytes + bytes / 5 + (int64_t{3} << 20); }

Error memory_error() { return {Kind::budget, "no memory for the rows of groups", "aggregate", "lower --memory-limit, so that rows go to disk"}; }

/// The places of a chunk's own dictionaries, looked up once a name rather than once a row. False: one of them was not claimed.
bool Aggregation::find_places(const Table& chunk, std::vector<std::vector<uint32_t>>* places) {
  places->resize(chunk.num_columns());
  for (size_t c = 0; c < chunk.num_columns(); ++c) {
    const Column& column = chunk.columns[c];
    if (column.dtype != Dtype::category || !plan_.ranges[c].names) continue;
    for (int64_t i = 0; i < column.dictionary->length; ++i) {
      const auto place = plan_.ranges[c].names->find(column.dictionary->text(i));
      if (!place) return false;
      (*places)[c].push_back(*place);
      if (claimed_[c]) names_seen_[c][*place] = 1;
    }
    if (!claimed_[c]) continue;
    const int64_t missing = column.count_nulls();
    missing_names_[c] += missing;
    if (missing > 0 && plan_.ranges[c].missing == 0) return false;
  }
  return true;
}

/// Looks at the rows as find_ranges would have, before they are used.
bool Aggregation::keeps_to_claims(const Table& chunk, int64_t begin, int64_t count, Scratch* s) const {
  for (const size_t c : claims_) {
    if (plan_.ranges[c].names) continue;
    ColumnRange block;
    add_values(chunk.columns[c], begin, count, &block);
    if (!lies_within(block, plan_.ranges[c])) return false;
    merge_range(block, &s->seen[c]);
  }
  return true;
}

bool Aggregation::is_borne_out(int64_t rows) const {
  if (refuted_) return false;
  for (const size_t c : claims_) {
    const ColumnRange& claim = plan_.ranges[c];
    if (claim.rows != rows) return false;
    if (claim.names) {
      if (missing_names_[c] != claim.missing || std::find(names_seen_[c].begin(), names_seen_[c].end(), 0) != names_seen_[c].end()) return false;
      continue;
    }
    ColumnRange seen;
    for (const Scratch& scratch : scratch_) merge_range(scratch.seen[c], &seen);
    if (!same_range(seen, claim)) return false;
  }
  return true;
}

Result<void> Aggregation::add(const Table& chunk, int64_t first_row, const exec::Cancellation& cancel) {
  std::vector<std::vector<uint32_t>> places;
  if (!find_places(chunk, &places)) return refuted_ = true, Result<void>();
  const bool plain = is_plain(chunk);
  std::atomic<bool> no_memory = false;
  for (int64_t step = 0, rows; step < chunk.num_rows(); step += rows) {
    rows = std::min(dense_ ? INT64_MAX : kStep, chunk.num_rows() - step);
    pool_.run((rows + kBlock - 1) / kBlock,
              [&](int64_t block, int worker) {
                const int64_t begin = step + block * kBlock, count = std::min(kBlock, step + rows - begin);
                if (refuted_ || !keeps_to_claims(chunk, begin, count, &scratch_[size_t(worker)])) return void(refuted_ = true);
                if (plain) return add_plain_rows(chunk, places, begin, count, worker);
                if (!add_block(chunk, places, begin, count, first_row, worker)) no_memory = true;
              },
              &cancel);
    if (cancel.stopped()) return Error{Kind::interrupted, "interrupted", "aggregate", "run it again"};
    if (no_memory) return memory_error();
    if (!dense_ && blocks_.bytes() > room()) HY_CHECK(partitions_->spill(pool_));
  }
  return {};
}

/// Rows of the answer that --having keeps, without the columns that only it asked for.
class Having {
 public:
  Having(const Spec& spec, size_t shown) : spec_(spec), shown_(shown) {}

  Table apply(Table table) const {
    if (spec_.having && table.num_rows() > 0) {
      const std::vector<uint8_t> keep = spec_.having->keep(table, 0, table.num_rows());
      std::vector<int64_t> rows;
      for (size_t i = 0; i < keep.size(); ++i)
        if (keep[i]) rows.push_back(int64_t(i));
      table = take(table, rows);
    }
    table.names.resize(shown_), table.columns.resize(shown_);
    return table;
  }

 private:
  const Spec& spec_;
  size_t shown_;
};

/// Splits a partition that does not fit the memory by the bits below, found by a look at its keys.
Result<void> Aggregation::split(const Partitions& partitions, size_t partition, int depth, const std::function<Result<void>(const Table&)>& sink,
                                const exec::Cancellation& cancel) {
  const int64_t rows = partitions.rows(partition);
  std::vector<uint64_t> least(size_t(plan_.key_words), UINT64_MAX), greatest(size_t(plan_.key_words), 0), buffer;
  const size_t width = plan_.record_words();
  HY_CHECK(partitions.visit(partition, &buffer, [&](std::span<const uint64_t> records) {
    for (size_t at = 0; at < records.size(); at += width)
      for (size_t w = 0; w < least.size(); ++w) least[w] = std::min(least[w], records[at + w]), greatest[w] = std::max(greatest[w], records[at + w]);
  }));
  size_t word = 0;
  while (word < least.size() && least[word] == greatest[word]) ++word;
  if (word == least.size()) {
    const int64_t needed = finishing_bytes(plan_, rows, 1);
    if (needed > room())
      return Error{Kind::budget, fmt::format("one group has {} rows, and median, quantile and distinct need all of them at once", rows), "aggregate",
                   fmt::format("raise --memory-limit by {}", format_bytes(with_margin((needed - room()) / 2 * 5)))};
    HY_TRY(const Table table, finish_partition(plan_, partitions, partition, &finishing_[0]));
    return sink(table);
  }
  Partitions parts(width, cut_range(int(word), least[word], greatest[word] - least[word], 64), 1, &blocks_, &file_);
  bool no_memory = false;
  Result<void> spilled;
  HY_CHECK(partitions.visit(partition, &buffer, [&](std::span<const uint64_t> records) {
    for (size_t at = 0; at < records.size(); at += width) no_memory |= !parts.add(0, records.data() + at);
    if (spilled.ok() && blocks_.bytes() > room()) spilled = parts.spill(pool_);
  }));
  HY_CHECK(std::move(spilled));
  if (no_memory) return memory_error();
  HY_CHECK(parts.spill(pool_));
  spilled_ += parts.spilled_bytes();
  return finish_all(parts, depth + 1, sink, cancel, [](size_t) {});
}

/// Partitions in order, as many at once as fit the memory.
Result<void> Aggregation::finish_all(const Partitions& partitions, int depth, const std::function<Result<void>(const Table&)>& sink,
                                     const exec::Cancellation& cancel, const std::function<void(size_t)>& done) {
  for (size_t p = 0; p < partitions.cut().count && !cancel.stopped();) {
    std::vector<size_t> wave;
    int64_t bytes = 0;
    for (; p < partitions.cut().count && wave.size() < size_t(4 * pool_.workers()); ++p) {
      const int64_t rows = partitions.rows(p), needed = rows ? finishing_bytes(plan_, rows, rows) : 0;
      if (!wave.empty() && bytes + needed > room()) break;
      if (rows) wave.push_back(p), bytes += needed;
    }
    if (wave.size() == 1 && bytes > room() && partitions.rows(wave[0]) > 1) {
      HY_CHECK(split(partitions, wave[0], depth, sink, cancel));
      done(wave[0]);
      continue;
    }
    std::vector<Result<Table>> tables(wave.size(), Result<Table>(Table{}));
    pool_.run(
        int64_t(wave.size()),
        [&](int64_t i, int worker) { tables[size_t(i)] = finish_partition(plan_, partitions, wave[size_t(i)], &finishing_[size_t(worker)]); },
        &cancel);
    if (cancel.stopped()) break;  // some of them were not begun
    for (size_t i = 0; i < wave.size(); ++i) {
      HY_TRY(Table table, std::move(tables[i]));
      done(wave[i]);
      HY_CHECK(sink(table));
    }
  }
  if (cancel.stopped()) return Error{Kind::interrupted, "interrupted", "aggregate", "run it again"};
  return {};
}

Result<Outcome> Aggregation::finish(const std::function<Result<void>(const Table&)>& sink, const exec::Cancellation& cancel) {
  Outcome out;
  if (dense_) {
    for (size_t w = 0; lanes_ && w < scratch_.size(); ++w) unpack_lanes(scratch_[w], int(w));
    for (size_t w = 1; w < dense_states_.size(); ++w)
      for (size_t at = 0; at < dense_states_[0].size(); at += plan_.state_words()) merge(plan_, &dense_states_[w][at], &dense_states_[0][at]);
    HY_CHECK(sink(finish_dense(plan_, dense_states_[0])));
    return out;
  }
  if (plan_.key.empty() && partitions_->rows(0) == 0) {
    HY_TRY(const Table table, finish_partition(plan_, *partitions_, 0, &finishing_[0]));
    HY_CHECK(sink(table));
  }
  HY_CHECK(finish_all(*partitions_, 0, sink, cancel, [&](size_t p) { partitions_->clear(p); }));
  out.partitions = int64_t(partitions_->cut().count);
  out.spilled_bytes = partitions_->spilled_bytes() + spilled_;
  return out;
}

/// A table in memory whose texts are codes by now: each is looked up once, not in every pass.
class CodedTable final : public io::ChunkReader {
 public:
  CodedTable(Table schema, Table table) : schema_(std::move(schema)), table_(std::move(table)) {}
  const Table& schema() const override { return schema_; }
  Result<std::optional<Table>> next() override {
    given_ = !given_ && table_.num_rows() > 0;
    return given_ ? std::optional(table_) : std::optional<Table>();
  }

 private:
  Table schema_, table_;
  bool given_ = false;
};

/// The table with codes for the texts that are wanted, as long as these take at most `bytes`, which get less by what they do; nothing when
/// there are none.
std::unique_ptr<CodedTable> coded(const Table& schema, const Table& table, const std::vector<bool>& wanted, exec::Pool& pool, int64_t* bytes) {
  Table out = table;
  bool any = false;
  for (size_t c = 0; c < table.num_columns(); ++c) {
    const int64_t needed = table.num_rows() * int64_t(sizeof(int32_t));
    if (!wanted[c] || table.columns[c].dtype != Dtype::text || needed > *bytes) continue;
    auto codes = encode_text(table.columns[c], std::min(kMostCodes, size_t(table.num_rows()) / 4), pool);
    if (!codes) continue;
    out.columns[c] = std::move(*codes);
    *bytes -= needed;
    any = true;
  }
  return any ? std::make_unique<CodedTable>(schema, std::move(out)) : nullptr;
}

/// The answer without rows.
Table empty_answer(const Plan& plan) {
  const Partitions none(plan.record_words(), Cut{}, 1, nullptr, nullptr);
  FinishingMemory memory;
  return take(finish_partition(plan, none, 0, &memory).value(), {});
}

/// Ranges of the columns that are wanted: as known, or found.
Result<std::vector<ColumnRange>> ranges_of(io::ChunkReader& chunks, const std::vector<bool>& wanted,
                                           const std::vector<std::optional<ColumnRange>>& known, exec::Pool& pool, int64_t names_bytes,
                                           const exec::Cancellation& cancel) {
  std::vector<bool> unknown = wanted;
  for (size_t c = 0; c < wanted.size(); ++c) unknown[c] = wanted[c] && !known[c];
  std::vector<ColumnRange> ranges(wanted.size());
  const bool all_known = std::none_of(unknown.begin(), unknown.end(), [](bool is) { return is; });
  const bool any_known = std::any_of(known.begin(), known.end(), [](const auto& range) { return range.has_value(); });
  if (!all_known || !any_known) {
    HY_TRY(ranges, find_ranges(chunks, unknown, pool, names_bytes, cancel));
  }
  for (size_t c = 0; c < known.size(); ++c)
    if (known[c]) ranges[c] = *known[c];
  return ranges;
}

/// All of it, with `known` ranges; nothing, and nothing handed to `sink`, when the rows do not bear them out. Then the next pass over `chunks` begins
/// with the first of them.
Result<std::optional<Outcome>> aggregate_with(io::ChunkReader& chunks, const Table& schema, const Spec& spec, size_t shown,
                                              const std::vector<bool>& wanted, const std::vector<std::optional<ColumnRange>>& known, exec::Pool& pool,
                                              int64_t memory_bytes, exec::Steps& steps, const exec::Cancellation& cancel,
                                              const std::function<Result<void>(const Table&)>& sink) {
  HY_TRY(std::vector<ColumnRange> ranges, ranges_of(chunks, wanted, known, pool, memory_bytes / 4, cancel));
  const Plan plan = make_plan(schema, std::move(ranges), spec.by, spec.calls);
  const Table answer = empty_answer(plan);
  Spec named = spec;  // a condition notes where its columns are
  if (named.having) HY_CHECK(named.having->check(answer));

  int64_t names = 0;
  for (const ColumnRange& range : plan.ranges) names += range.names ? range.names->memory() : 0;
  const int64_t memory = memory_bytes - names;
  constexpr int64_t kLeast = int64_t{16} << 20;
  if (memory < kLeast)
    return Error{Kind::budget, fmt::format("{} are left for the groups", format_bytes(std::max<int64_t>(memory, 0))), "aggregate",
                 fmt::format("raise --memory-limit by {}", format_bytes(with_margin(kLeast - memory)))};

  steps.begin("aggregate", plan.rows);
  std::vector<bool> claimed(known.size());
  for (size_t c = 0; c < known.size(); ++c) claimed[c] = known[c].has_value();
  Aggregation aggregation(plan, named, std::move(claimed), pool, memory);
  Outcome out;
  while (true) {
    HY_TRY(const auto chunk, chunks.next());
    if (!chunk) break;
    if (!aggregation.is_refuted()) HY_CHECK(aggregation.add(*chunk, out.rows, cancel));
    out.rows += chunk->num_rows();
    steps.advance(chunk->num_rows());
  }
  if (!aggregation.is_borne_out(out.rows)) return std::optional<Outcome>();
  steps.begin("write");
  const Having having(named, shown);
  int64_t groups = 0;
  const auto filtered = [&](const Table& table) -> Result<void> {
    const Table rows = having.apply(table);
    groups += rows.num_rows();
    return sink(rows);
  };
  HY_CHECK(filtered(answer));
  HY_TRY(const Outcome finished, aggregation.finish(filtered, cancel));
  out.groups = groups, out.spilled_bytes = finished.spilled_bytes, out.partitions = finished.partitions;
  out.used_statistics = std::any_of(known.begin(), known.end(), [](const auto& range) { return range.has_value(); });
  return std::optional(out);
}

}  // namespace

Result<Spec> parse_spec(const std::string& by, const std::string& calls, const std::string& where, const std::string& having) {
  Spec spec;
  if (!trim(by).empty())
    for (const std::string& name : split(by, ',')) {
      const std::string trimmed(trim(name));
      if (trimmed.empty()) return usage_error("a key without a name", "--by " + by, "such as --by symbol,year");
      if (std::find(spec.by.begin(), spec.by.end(), trimmed) != spec.by.end())
        return usage_error(fmt::format("'{}' is asked for twice", trimmed), "--by " + by, "leave one of them out");
      spec.by.push_back(trimmed);
    }
  HY_TRY(spec.calls, parse_calls(calls, "--agg"));
  if (!where.empty()) {
    HY_TRY(Condition condition, Condition::parse(where, "--where", false));
    spec.where = std::move(condition);
  }
  if (!having.empty()) {
    HY_TRY(Condition condition, Condition::parse(having, "--having", true));
    spec.having = std::move(condition);
  }
  return spec;
}

Result<std::vector<std::string>> columns_read(const Spec& spec, const std::vector<std::string>& columns) {
  std::vector<std::string> names;
  const auto known = [&](const std::string& name, const std::string& where) -> Result<void> {
    if (!columns.empty() && std::find(columns.begin(), columns.end(), name) == columns.end()) return unknown_name("column", name, columns, where);
    add_name(name, &names);
    return {};
  };
  for (const std::string& name : spec.by) HY_CHECK(known(name, "--by " + name));
  for (const Call& call : spec.calls)
    if (!call.column.empty()) HY_CHECK(known(call.column, "--agg " + call.text));
  if (spec.where) {
    if (!columns.empty()) HY_CHECK(spec.where->check_names(columns));
    for (const std::string& name : spec.where->columns()) add_name(name, &names);
  }
  if (spec.having) {
    Condition having = *spec.having;
    for (const Call& call : having.calls())
      if (!call.column.empty()) HY_CHECK(known(call.column, "--having " + call.text));
  }
  return names;
}

Result<Outcome> aggregate(io::ChunkReader& source, Spec spec, exec::Pool& pool, int64_t memory_bytes, exec::Steps& steps,
                          const exec::Cancellation& cancel, const std::function<Result<void>(const Table&)>& sink) {
  const Table schema = source.schema();
  for (const std::string& name : spec.by) HY_CHECK(schema.column(name, "--by " + name));
  for (const Call& call : spec.calls) HY_CHECK(check_call(call, schema, "--agg"));
  if (spec.where) HY_CHECK(spec.where->check(schema));
  const size_t shown = spec.by.size() + spec.calls.size();
  if (spec.having) {
    std::vector<Call>& calls = spec.having->calls();
    for (size_t i = 0; i < calls.size(); ++i) {
      HY_CHECK(check_call(calls[i], schema, "--having"));
      const auto same = std::find_if(spec.calls.begin(), spec.calls.end(), [&](const Call& call) { return call.same_as(calls[i]); });
      if (same != spec.calls.end())
        spec.having->rename(i, same->text);
      else
        spec.calls.push_back(calls[i]);
    }
  }

  std::vector<bool> wanted(schema.num_columns(), false);
  for (const std::string& name : spec.by) wanted[size_t(schema.find(name) - schema.columns.data())] = true;
  for (const Call& call : spec.calls)
    if (!call.column.empty()) wanted[size_t(schema.find(call.column) - schema.columns.data())] = true;
  steps.begin("ranges");
  int64_t for_codes = memory_bytes / 8;
  const auto codes = source.whole() ? coded(schema, *source.whole(), wanted, pool, &for_codes) : nullptr;
  memory_bytes -= memory_bytes / 8 - for_codes;
  io::ChunkReader& chunks = codes ? *codes : source;
  // What is believed until the rows say otherwise; of other columns everything is looked at.
  std::vector<std::optional<ColumnRange>> known = read_statistics(spec.statistics, schema);
  for (size_t c = 0; c < known.size(); ++c)
    if (!wanted[c]) known[c].reset();
  HY_TRY(std::optional<Outcome> out, aggregate_with(chunks, schema, spec, shown, wanted, known, pool, memory_bytes, steps, cancel, sink));
  if (!out) {
    std::fill(known.begin(), known.end(), std::nullopt);
    steps.begin("ranges");
    HY_TRY(out, aggregate_with(chunks, schema, spec, shown, wanted, known, pool, memory_bytes, steps, cancel, sink));
  }
  if (!out) return input_error("the table changed while it was read", "aggregate", "run it again when nobody writes to its files");
  return std::move(*out);
}

}  // namespace hayate::aggregate
