// The rows to compute are laid one symbol after the other, each behind the rows that its windows reach back to, and evaluated as
// one long series of which only the new rows are stored: a value does not depend on what stands before its window, so the
// neighbour's rows can't show, and a day of 500 symbols needs no 500 calls. Symbols with less history than that are evaluated alone.
//
// Features are computed in up to three parts, since each has the same bytes alone and in a set: those of finite reach; those that are
// recursive, for which every symbol keeps the states of its lanes (Keeping in plan.h) instead of its rows; and those that need
// every row, which are computed over all of them again.
#include "hayate/stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <map>

#include "base/hash.h"
#include "exec/pool.h"
#include "features/evaluate_rows.h"
#include "features/plan.h"

namespace hayate {
namespace {

constexpr char kMagic[8] = {'h', 'y', 't', 's', 't', 'r', 'm', '3'};
constexpr size_t kJoinedRows = 8 * 1024;  // of one long series: its slots stay in the second-level cache

/// What is kept of a symbol.
struct Seen {
  int64_t last_time = 0;
  std::vector<uint32_t> rows;                // a hash of every row seen, oldest first
  std::vector<std::vector<double>> history;  // by field of the stream: its last rows
  std::vector<double> memory;                // of the recursive part
};

uint64_t mixed(uint64_t x) {
  x = (x ^ (x >> 32)) * 0xd6e8feb86659fd93u;
  x = (x ^ (x >> 32)) * 0xd6e8feb86659fd93u;
  return x ^ (x >> 32);
}

/// Any NaN is the same missing value.
uint64_t bits_of(double value) { return value == value ? std::bit_cast<uint64_t>(value) : 1; }

enum class PartKind : uint8_t { bounded, recursive, whole };

/// Outputs [0, n) of the stream that one program computes, and where they stand in the stream's list.
struct Part {
  PartKind kind;
  Program program;
  std::vector<size_t> outputs;
  std::vector<size_t> fields;  // of the stream, by field of the program

  /// Rows before the new ones that it needs, of `known`.
  size_t rows_before(size_t known) const {
    if (kind == PartKind::whole) return known;
    return std::min(known, size_t(kind == PartKind::bounded ? *program.reach() : program.plan().keeping.bars));
  }
};

/// New rows of one symbol of the panel that was given.
struct Fresh {
  size_t symbol;  // of the panel
  Seen* seen;     // nullptr: the first rows of this symbol
  int64_t first;  // row of the panel
  int64_t rows;
  int64_t at;                  // row of the result
  std::vector<double> memory;  // of the recursive part: before these rows, then after them
};

/// Neighbours that are computed together: in one series, or each in its own.
struct FreshGroup {
  size_t first, count;
  bool is_joined;
};

}  // namespace

struct Stream::State {
  StreamSpec spec;
  std::vector<std::string> names, fields;
  std::vector<Part> parts;
  int64_t reach = 0;       // rows kept, unless all are
  int64_t memory = 0;      // doubles kept for the recursive part
  bool keeps_all = false;  // some feature depends on every earlier row
  bool daily = true, empty = true;
  std::string zone;
  std::map<std::string, Seen, std::less<>> symbols;
  std::vector<Workspace> spaces;

  Result<void> compile();
  Hash128 spec_hash() const;
  Result<std::vector<Fresh>> check(const Panel& bars);
  Result<std::vector<int>> columns_of(const Panel& bars) const;
  StreamRows evaluate(const Panel& bars, const std::vector<int>& columns, std::vector<Fresh>& fresh, exec::Pool& pool);
  void recall(std::vector<Fresh>& fresh) const;
  std::vector<FreshGroup> groups_of(const std::vector<Fresh>& fresh, int workers) const;
  void run_groups(const Panel& bars, const std::vector<int>& columns, std::vector<Fresh>& fresh, exec::Pool& pool, StreamRows* out);
  void keep(const Panel& bars, const std::vector<int>& columns, std::vector<Fresh>& fresh);
  bool read(std::string_view bytes);
};

Result<void> Stream::State::compile() {
  spec.options.allow_look_ahead = false;
  HY_TRY(const Program all, Program::compile(spec.features, spec.fields, spec.options));
  if (all.has_stages())
    return usage_error("a feature looks at other symbols (CSRank, Mask and their kind), and a stream takes symbols one by one", "the features",
                       "leave it out, or compute all bars at once");
  names = all.names(), fields = all.fields();
  std::vector<NamedExpression> lists[3];
  std::vector<size_t> outputs[3];
  for (size_t i = 0; i < spec.features.size(); ++i) {
    const PartKind kind = all.reach(i) ? PartKind::bounded : all.goes_on_from_state(i) ? PartKind::recursive : PartKind::whole;
    lists[size_t(kind)].push_back(spec.features[i]), outputs[size_t(kind)].push_back(i);
    keeps_all |= kind == PartKind::whole;
  }
  for (size_t k = 0; k < 3; ++k) {
    if (lists[k].empty()) continue;
    HY_TRY(Program program, Program::compile(lists[k], spec.fields, spec.options));
    std::vector<size_t> used;
    for (const std::string& name : program.fields()) used.push_back(size_t(std::find(fields.begin(), fields.end(), name) - fields.begin()));
    parts.push_back({PartKind(k), std::move(program), std::move(outputs[k]), std::move(used)});
    const Part& part = parts.back();
    if (part.kind != PartKind::whole) reach = std::max(reach, int64_t(part.rows_before(std::numeric_limits<size_t>::max())));
    if (part.kind == PartKind::recursive) memory = part.program.plan().keeping.doubles;
  }
  return {};
}

Hash128 Stream::State::spec_hash() const {
  Hasher hasher;
  for (const NamedExpression& feature : spec.features) hasher.text(feature.name).text(feature.text);
  for (const std::string& field : fields) hasher.text(field);
  return hasher.number(uint64_t(spec.options.dtype)).number(spec.options.compat_talib).text(spec.bars).number(uint64_t(memory)).finish();
}

// ---- Rows ----------------------------------------------------------------------------------------------------------

namespace {

std::string time_text(const Panel& bars, int64_t time) { return bars.daily ? format_date(int32_t(time)) : format_timestamp(time, bars.zone); }

uint32_t hash_of_row(const Panel& bars, const std::vector<int>& columns, int64_t row) {
  uint64_t hash = mixed(uint64_t(bars.times[size_t(row)]));
  for (int column : columns) hash = mixed(hash ^ bits_of(bars.values[size_t(column)][size_t(row)]));
  return uint32_t(hash);
}

/// Holds the rows [first, last) of the panel, up to the last one seen, against those that were seen.
Result<void> check_seen_rows(const Panel& bars, const std::vector<int>& columns, size_t symbol, int64_t first, int64_t last, const Seen& seen) {
  const int64_t given = last - first, known = int64_t(seen.rows.size());
  const std::string& name = bars.symbols[symbol];
  const std::string hint = "delete the state to compute all bars again";
  if (given > known)
    return input_error(fmt::format("the state has seen {} bars of {} up to {}, {} are given", known, name, time_text(bars, seen.last_time), given),
                       fmt::format("{} {}", name, time_text(bars, bars.times[size_t(first)])), hint);
  for (int64_t i = 0; i < given; ++i) {
    if (hash_of_row(bars, columns, first + i) == seen.rows[size_t(known - given + i)]) continue;
    return input_error(
        fmt::format("the bars of {} do not continue those of the state: one that is not after the last seen ({}) is new or has changed", name,
                    time_text(bars, seen.last_time)),
        fmt::format("{} {}", name, time_text(bars, bars.times[size_t(first + i)])), hint);
  }
  return {};
}

}  // namespace

Result<std::vector<int>> Stream::State::columns_of(const Panel& bars) const {
  std::vector<int> columns;
  for (const std::string& field : fields) {
    columns.push_back(bars.field(field));
    if (columns.back() < 0)
      return input_error(fmt::format("the bars have no column '{}'", field), "the bars given", "give the columns that the state was made with");
  }
  if (!empty && (bars.daily != daily || (!daily && bars.zone != zone)))
    return input_error(fmt::format("the bars are {}, those of the state {}", bars.daily ? "daily" : "intraday", daily ? "daily" : "intraday"),
                       "the bars given", "give bars of the same kind and time zone");
  return columns;
}

Result<std::vector<Fresh>> Stream::State::check(const Panel& bars) {
  HY_TRY(const std::vector<int> columns, columns_of(bars));
  std::vector<Fresh> fresh;
  int64_t at = 0;
  for (size_t s = 0; s < bars.num_symbols(); ++s) {
    const auto known = symbols.find(bars.symbols[s]);
    int64_t first = bars.offsets[s];
    if (known != symbols.end()) {
      const auto times = bars.series_times(s);
      first += std::upper_bound(times.begin(), times.end(), known->second.last_time) - times.begin();
      HY_CHECK(check_seen_rows(bars, columns, s, bars.offsets[s], first, known->second));
    }
    const int64_t rows = bars.offsets[s + 1] - first;
    if (rows == 0) continue;
    fresh.push_back({s, known == symbols.end() ? nullptr : &known->second, first, rows, at, {}});
    at += rows;
  }
  return fresh;
}

void Stream::State::keep(const Panel& bars, const std::vector<int>& columns, std::vector<Fresh>& fresh) {
  for (Fresh& f : fresh) {
    Seen& seen = f.seen ? *f.seen : symbols[bars.symbols[f.symbol]];
    seen.memory = std::move(f.memory);
    seen.history.resize(fields.size());
    seen.last_time = bars.times[size_t(f.first + f.rows - 1)];
    for (int64_t row = f.first; row < f.first + f.rows; ++row) seen.rows.push_back(hash_of_row(bars, columns, row));
    for (size_t i = 0; i < fields.size(); ++i) {
      std::vector<double>& history = seen.history[i];
      const double* from = bars.values[size_t(columns[i])].data() + f.first;
      const size_t fresh_kept = keeps_all ? size_t(f.rows) : size_t(std::min(f.rows, reach));
      const size_t old_kept = keeps_all ? history.size() : std::min(history.size(), size_t(reach) - fresh_kept);
      history.erase(history.begin(), history.end() - ptrdiff_t(old_kept));
      history.insert(history.end(), from + (size_t(f.rows) - fresh_kept), from + f.rows);
    }
  }
  if (!fresh.empty()) empty = false, daily = bars.daily, zone = bars.zone;
}

// ---- Values --------------------------------------------------------------------------------------------------------

namespace {

/// Where the values of each output of a part begin.
template <class T>
std::vector<T*> columns_at(const Part& part, std::vector<T>& values, size_t rows, int64_t at) {
  std::vector<T*> out;
  for (size_t output : part.outputs) out.push_back(values.data() + output * rows + size_t(at));
  return out;
}

/// Series put together from pieces, by field of a part.
struct Joined {
  std::vector<std::vector<double>> series;
  std::vector<int64_t> wanted;  // the new rows

  Joined(const Part& part, size_t rows) : series(part.fields.size()) {
    for (auto& values : series) values.reserve(rows);
  }

  void add(const Part& part, const Panel& bars, const std::vector<int>& columns, const Fresh& fresh, size_t before) {
    const int64_t begin = series.empty() ? 0 : int64_t(series[0].size() + before);
    for (int64_t i = 0; i < fresh.rows; ++i) wanted.push_back(begin + i);
    for (size_t f = 0; f < part.fields.size(); ++f) {
      if (before > 0) {
        const std::vector<double>& history = fresh.seen->history[part.fields[f]];
        series[f].insert(series[f].end(), history.end() - ptrdiff_t(before), history.end());
      }
      const double* from = bars.values[size_t(columns[part.fields[f]])].data() + fresh.first;
      series[f].insert(series[f].end(), from, from + fresh.rows);
    }
  }
  Bars bars() const {
    Bars out{.rows = series.empty() ? 0 : series[0].size(), .series = {}};
    for (const auto& values : series) out.series.emplace_back(std::span<const double>(values));
    return out;
  }
};

/// The rows that one part computes at a time: of several symbols one after the other, or of each by itself.
struct PartRun {
  std::vector<Joined> series;
  std::vector<Bars> bars;
  std::vector<Segment> segments;

  PartRun(const Part& part, const Panel& panel, const std::vector<int>& columns, std::span<Fresh> group, bool is_joined) {
    const auto rows_before = [&](const Fresh& fresh) { return part.rows_before(fresh.seen ? fresh.seen->history.front().size() : 0); };
    size_t rows = 0;
    for (const Fresh& fresh : group) rows += rows_before(fresh) + size_t(fresh.rows);
    for (Fresh& fresh : group) {
      const size_t before = rows_before(fresh);
      if (series.empty() || !is_joined) series.emplace_back(part, is_joined ? rows : before + size_t(fresh.rows));
      Joined& joined = series.back();
      const auto begin = int64_t(joined.series.empty() ? 0 : joined.series[0].size()), first = begin + int64_t(before);
      joined.add(part, panel, columns, fresh, before);
      segments.push_back({series.size() - 1, begin, first, first + fresh.rows, fresh.memory.data()});
    }
    for (const Joined& joined : series) bars.push_back(joined.bars());
  }
};

/// Values of the group's rows; `to` are the columns of the part's outputs from its first row on.
template <class T>
void compute_part(const Part& part, const PartRun& run, Workspace& space, std::vector<T*> to) {
  if (part.kind == PartKind::recursive) return evaluate_segments(part.program, run.bars, run.segments, space, to);
  for (size_t s = 0; s < run.series.size(); ++s) {
    evaluate_rows(part.program, run.bars[s], run.series[s].wanted, space, to);
    for (T*& column : to) column += run.series[s].wanted.size();
  }
}

}  // namespace

void Stream::State::recall(std::vector<Fresh>& fresh) const {
  for (Fresh& f : fresh) {
    if (f.seen)
      f.memory = f.seen->memory;
    else
      f.memory.assign(size_t(memory), 0.0);
  }
}

/// Symbols that have the rows before their new ones that any window needs can stand in one series; any other is alone, beside as many
/// others as there are lanes.
std::vector<FreshGroup> Stream::State::groups_of(const std::vector<Fresh>& fresh, int workers) const {
  const auto stands_alone = [&](const Fresh& f) { return !f.seen || int64_t(f.seen->rows.size()) < reach || size_t(f.rows) > kJoinedRows / 8; };
  const size_t together = memory > 0 ? std::clamp<size_t>(fresh.size() / size_t(2 * workers), 1, size_t(kernels::kLanes)) : 1;
  std::vector<FreshGroup> groups;
  size_t rows = 0;
  for (size_t i = 0; i < fresh.size(); ++i) {
    const bool joins = !stands_alone(fresh[i]);
    const bool fits = !groups.empty() && groups.back().is_joined == joins && (joins ? rows < kJoinedRows : groups.back().count < together);
    if (!fits) groups.push_back({i, 0, joins}), rows = 0;
    ++groups.back().count;
    rows += size_t(reach + fresh[i].rows);
  }
  return groups;
}

/// Brings the memory of `fresh` to its last rows, and gives the values of its rows when `out` is there.
void Stream::State::run_groups(const Panel& bars, const std::vector<int>& columns, std::vector<Fresh>& fresh, exec::Pool& pool, StreamRows* out) {
  recall(fresh);
  const std::vector<FreshGroup> groups = groups_of(fresh, pool.workers());
  while (spaces.size() < parts.size() * size_t(pool.workers())) spaces.emplace_back();
  pool.run(int64_t(groups.size()), [&](int64_t g, int worker) {
    const FreshGroup& group = groups[size_t(g)];
    const std::span<Fresh> together = std::span(fresh).subspan(group.first, group.count);
    for (size_t p = 0; p < parts.size(); ++p) {
      const Part& part = parts[p];
      if (!out && part.kind != PartKind::recursive) continue;
      // Those that need every row of a symbol can't follow another one's.
      const PartRun run(part, bars, columns, together, group.is_joined && part.kind != PartKind::whole);
      Workspace& space = spaces[size_t(worker) * parts.size() + p];
      const int64_t at = together.front().at;
      if (part.program.dtype() == Dtype::float64)
        compute_part(part, run, space, out ? columns_at(part, out->doubles, out->rows(), at) : std::vector<double*>());
      else
        compute_part(part, run, space, out ? columns_at(part, out->floats, out->rows(), at) : std::vector<float*>());
    }
  });
}

StreamRows Stream::State::evaluate(const Panel& bars, const std::vector<int>& columns, std::vector<Fresh>& fresh, exec::Pool& pool) {
  StreamRows out;
  for (const Fresh& f : fresh) {
    out.symbol.insert(out.symbol.end(), size_t(f.rows), int32_t(f.symbol));
    out.times.insert(out.times.end(), bars.times.begin() + f.first, bars.times.begin() + f.first + f.rows);
  }
  if (spec.options.dtype == Dtype::float64)
    out.doubles.resize(out.rows() * names.size());
  else
    out.floats.resize(out.rows() * names.size());
  run_groups(bars, columns, fresh, pool, &out);
  return out;
}

// ---- State as bytes ------------------------------------------------------------------------------------------------

namespace {

void put(std::string& out, uint64_t number) { out.append(reinterpret_cast<const char*>(&number), sizeof number); }
void put(std::string& out, std::string_view text) { put(out, uint64_t(text.size())), out.append(text); }
template <class T>
void put(std::string& out, const std::vector<T>& values) {
  put(out, uint64_t(values.size()));
  out.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

bool get(std::string_view& bytes, void* to, size_t size) {
  if (bytes.size() < size) return false;
  if (size > 0) std::memcpy(to, bytes.data(), size);
  bytes.remove_prefix(size);
  return true;
}
bool get(std::string_view& bytes, uint64_t& number) { return get(bytes, &number, sizeof number); }
bool get(std::string_view& bytes, std::string& text) {
  uint64_t size = 0;
  if (!get(bytes, size) || size > bytes.size()) return false;
  text.resize(size);
  return get(bytes, text.data(), size);
}
template <class T>
bool get(std::string_view& bytes, std::vector<T>& values) {
  uint64_t count = 0;
  if (!get(bytes, count) || count > bytes.size() / sizeof(T)) return false;
  values.resize(count);
  return get(bytes, values.data(), count * sizeof(T));
}

}  // namespace

bool Stream::State::read(std::string_view bytes) {
  uint64_t is_daily = 0, num_symbols = 0;
  if (!get(bytes, is_daily) || !get(bytes, zone) || !get(bytes, num_symbols)) return false;
  daily = is_daily != 0;
  for (uint64_t s = 0; s < num_symbols; ++s) {
    std::string name;
    Seen seen;
    uint64_t last_time = 0;
    if (!get(bytes, name) || !get(bytes, last_time) || !get(bytes, seen.rows) || seen.rows.empty()) return false;
    seen.last_time = int64_t(last_time);
    seen.history.resize(fields.size());
    const size_t kept = keeps_all ? seen.rows.size() : std::min(seen.rows.size(), size_t(reach));
    for (auto& history : seen.history)
      if (!get(bytes, history) || history.size() != kept) return false;
    if (!get(bytes, seen.memory) || seen.memory.size() != size_t(memory)) return false;
    symbols.emplace(std::move(name), std::move(seen));
  }
  empty = symbols.empty();
  return bytes.empty() && symbols.size() == num_symbols;
}

std::string Stream::state() const {
  std::string body;
  const Hash128 spec = state_->spec_hash();
  put(body, spec.low), put(body, spec.high);
  put(body, uint64_t(state_->daily)), put(body, std::string_view(state_->zone)), put(body, uint64_t(state_->symbols.size()));
  for (const auto& [name, seen] : state_->symbols) {
    put(body, std::string_view(name)), put(body, uint64_t(seen.last_time)), put(body, seen.rows);
    for (const auto& history : seen.history) put(body, history);
    put(body, seen.memory);
  }
  std::string out(kMagic, sizeof kMagic);
  put(out, uint64_t(body.size())), put(out, checksum(body.data(), body.size()));
  return out + body;
}

Result<Stream> Stream::open(std::string_view bytes, StreamSpec spec, const std::string& where) {
  const std::string again = "delete it to compute all bars again";
  char magic[sizeof kMagic];
  uint64_t size = 0, sum = 0, low = 0, high = 0;
  if (!get(bytes, magic, sizeof magic) || std::memcmp(magic, kMagic, sizeof kMagic - 1) != 0)
    return input_error("not a state of hayate features --update", where, "give the file that an earlier --update wrote, or a new name");
  if (magic[sizeof kMagic - 1] != kMagic[sizeof kMagic - 1])
    return input_error(fmt::format("a state of version {}, this hayate reads version {}", magic[sizeof kMagic - 1], kMagic[sizeof kMagic - 1]), where,
                       again);
  if (!get(bytes, size) || !get(bytes, sum) || bytes.size() != size || checksum(bytes.data(), bytes.size()) != sum)
    return input_error("a damaged state: its checksum does not match", where, again);
  HY_TRY(Stream stream, create(std::move(spec)));
  if (!get(bytes, low) || !get(bytes, high) || Hash128{low, high} != stream.state_->spec_hash())
    return input_error("the state belongs to other features, columns or options", where,
                       "repeat the features and options that it was made with, or give another file to --update");
  if (!stream.state_->read(bytes)) return input_error("a damaged state: it is not as it was written", where, again);
  return stream;
}

// ---- The stream ----------------------------------------------------------------------------------------------------

Stream::Stream(std::unique_ptr<State> state) : state_(std::move(state)) {}
Stream::Stream(Stream&&) noexcept = default;
Stream& Stream::operator=(Stream&&) noexcept = default;
Stream::~Stream() = default;

Result<Stream> Stream::create(StreamSpec spec) {
  auto state = std::make_unique<State>();
  state->spec = std::move(spec);
  HY_CHECK(state->compile());
  return Stream(std::move(state));
}

Result<StreamRows> Stream::peek(const Panel& bars, exec::Pool& pool) {
  HY_TRY(auto fresh, state_->check(bars));
  HY_TRY(const auto columns, state_->columns_of(bars));
  return state_->evaluate(bars, columns, fresh, pool);
}

Result<StreamRows> Stream::update(const Panel& bars, exec::Pool& pool) {
  HY_TRY(auto fresh, state_->check(bars));
  HY_TRY(const auto columns, state_->columns_of(bars));
  StreamRows rows = state_->evaluate(bars, columns, fresh, pool);
  state_->keep(bars, columns, fresh);
  return rows;
}

Result<void> Stream::take(const Panel& bars, exec::Pool& pool) {
  HY_TRY(auto fresh, state_->check(bars));
  HY_TRY(const auto columns, state_->columns_of(bars));
  if (state_->memory > 0) state_->run_groups(bars, columns, fresh, pool, nullptr);
  state_->keep(bars, columns, fresh);
  return {};
}

const std::vector<std::string>& Stream::names() const { return state_->names; }
const std::vector<std::string>& Stream::fields() const { return state_->fields; }
size_t Stream::num_symbols() const { return state_->symbols.size(); }

}  // namespace hayate
