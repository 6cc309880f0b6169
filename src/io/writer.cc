// Rows wait until more than a group of them is there; then the first row_group_rows(), fewer of long texts, go to the encoder as one table,
// whatever calls they came in. The last group goes out in finish().
//
// A category's dictionary may differ between calls (a batch of symbols brings its own names), so codes are renumbered
// into one dictionary for the file, names in order of arrival. A group carries that dictionary only up to the highest
// code used so far: how many names are known beyond it depends on how far the caller is ahead. The last group carries
// all names. So the bytes stay a function of the rows, and a category without rows survives too.
#include "io/writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "io/cell_text.h"
#include "io/compressed_sink.h"
#include "io/encoders.h"
#include "io/hdf5.h"
#include "io/remote.h"

namespace hayate::io {
namespace {

/// The dictionary of one category column over all calls.
class FileDictionary {
 public:
  /// The column with codes of this dictionary; which names it holds is said by names_for.
  Column renumber(const Column& column) {
    if (column.dictionary != known_) {
      place_.clear();
      for (int64_t i = 0; i < column.dictionary->length; ++i) {
        const std::string name(column.dictionary->text(i));
        const auto [at, fresh] = code_of_.try_emplace(name, int32_t(names_.size()));
        if (fresh) names_.push_back(name);
        place_.push_back(at->second);
      }
      known_ = column.dictionary;
      same_ = true;
      for (size_t i = 0; i < place_.size(); ++i) same_ &= place_[i] == int32_t(i);
    }
    Column out = column;
    out.dictionary = pending_;
    if (same_) return out;
    std::vector<int32_t> codes(size_t(column.length), 0);
    for (int64_t row = 0; row < column.length; ++row)
      if (!column.is_null(row)) codes[size_t(row)] = place_[size_t(column.as<int32_t>()[size_t(row)])];
    out.values = make_buffer(std::move(codes));
    return out;
  }

  /// Names up to the highest code that `column` or an earlier one uses; `last`: all names.
  std::shared_ptr<const Column> names_for(const Column& column, bool last) {
    for (int64_t row = 0; row < column.length; ++row)
      if (!column.is_null(row)) used_ = std::max(used_, size_t(column.as<int32_t>()[size_t(row)]) + 1);
    const size_t count = last ? names_.size() : used_;
    if (!made_ || size_t(made_->length) != count) made_ = std::make_shared<const Column>(make_text_column(std::span(names_).first(count)));
    return made_;
  }

 private:
  std::unordered_map<std::string, int32_t> code_of_;
  std::vector<std::string> names_;
  std::shared_ptr<const Column> known_;  // whose places are in place_
  std::vector<int32_t> place_;
  bool same_ = true;
  size_t used_ = 0;
  std::shared_ptr<const Column> made_;
  // Stands in all columns that wait: one and the same, so that joining them leaves the codes alone.
  std::shared_ptr<const Column> pending_ = std::make_shared<const Column>(make_text_column({}));
};

/// "none": a hash per column of its values, and one of the places without a value.
class ChecksumEncoder final : public Encoder {
 public:
  explicit ChecksumEncoder(Hash128* result) : result_(result) {}

  Result<void> begin(const Table& schema) override {
    schema_ = schema;
    values_.resize(schema.num_columns());
    missing_.resize(schema.num_columns());
    return {};
  }

  Result<void> write(const Table& group) override {
    for (size_t c = 0; c < group.num_columns(); ++c)
      for (int64_t row = 0; row < group.num_rows(); ++row) add(group.columns[c], row, c);
    rows_ += group.num_rows();
    return {};
  }

  bool takes_any_rows() const override { return true; }

  Result<void> finish() override {
    Hasher all;
    all.number(uint64_t(rows_));
    for (size_t c = 0; c < values_.size(); ++c) {
      all.text(schema_.names[c]).text(dtype_name(schema_.columns[c].dtype)).text(schema_.columns[c].zone);
      for (const Hash128& hash : {values_[c].finish(), missing_[c].finish()}) all.number(hash.low).number(hash.high);
    }
    *result_ = all.finish();
    return {};
  }

 private:
  void add(const Column& column, int64_t row, size_t c) {
    if (is_missing_cell(column, row)) {
      missing_[c].number(uint64_t(rows_ + row));
    } else if (column.dtype == Dtype::text || column.dtype == Dtype::category) {
      values_[c].text(column.text(row));
    } else if (column.dtype == Dtype::float32 || column.dtype == Dtype::float64) {
      values_[c].bytes(column.values.data + size_t(row) * dtype_width(column.dtype), dtype_width(column.dtype));
    } else {
      values_[c].number(uint64_t(integer_cell(column, row)));
    }
  }

  Hash128* result_;
  Table schema_;
  std::vector<Hasher> values_, missing_;
  int64_t rows_ = 0;
};

Result<std::unique_ptr<Encoder>> make_encoder(const std::string& path, const FileKind& kind, exec::Pool* pool, const std::string& statistics) {
  std::unique_ptr<ByteSink> sink;
  if (path == "-") {
    sink = stdout_sink();
  } else if (is_remote(path)) {
    HY_TRY(sink, remote_sink(path));
  } else {
    HY_TRY(sink, AtomicFile::create(path));
  }
  HY_TRY(sink, compressed_sink(std::move(sink), kind.codec));
  switch (kind.format) {
    case Format::parquet:
      return parquet_encoder(std::move(sink), path, kind.pages, statistics, pool);
    case Format::arrow:
      return arrow_encoder(std::move(sink), path, statistics);
    case Format::json:
    case Format::jsonl:
      return json_encoder(std::move(sink), kind.format == Format::jsonl, pool);
    case Format::npy:
      return npy_encoder(std::move(sink), path);
    case Format::hdf5:
      return hdf5_encoder(std::move(sink), path);
    default:
      return csv_encoder(std::move(sink), pool, kind.separator ? kind.separator : ',');
  }
}

}  // namespace

std::unique_ptr<Encoder> checksum_encoder(Hash128* result) { return std::make_unique<ChecksumEncoder>(result); }

int64_t row_group_rows(const Table& schema) {
  constexpr int64_t kMost = int64_t{48} << 20, kLeast = 256;  // bytes of fixed-width values and offsets; rows
  constexpr int64_t kTextBytes = 16;                          // of an offset and a short text
  int64_t bytes = 1;
  for (const Column& column : schema.columns)
    bytes += column.dtype == Dtype::text ? kTextBytes : std::max<int64_t>(1, int64_t(dtype_width(column.dtype)));
  return std::clamp(kMost / bytes, kLeast, kRowGroup);
}

struct TableWriter::State {
  std::string path;
  std::unique_ptr<Encoder> encoder;
  Hash128 checksum;
  Table schema;  // of the first append, without rows
  std::vector<FileDictionary> dictionaries;
  std::vector<Table> pending;
  int64_t taken_rows = 0;  // of the first of them: they went out with a group
  int64_t pending_rows = 0, rows = 0, group_rows = 0;
  bool narrow = false;

  Result<void> check_schema(const Table& table);
  Result<void> write_group(int64_t count, bool last);
  Table take_pending(int64_t count);
  int64_t next_group() const;
};

namespace {

/// Bytes of the texts of some rows.
int64_t text_bytes(const Table& table, int64_t begin, int64_t rows) {
  int64_t bytes = 0;
  for (const Column& column : table.columns)
    if (column.dtype == Dtype::text && rows > 0) {
      const auto* const offsets = reinterpret_cast<const int64_t*>(column.offsets.data);
      bytes += offsets[begin + rows] - offsets[begin];
    }
  return bytes;
}

}  // namespace

/// How many of the pending rows are the next group: group_rows, or those whose texts take 16 MiB (one row, if it is longer). 0: it is not whole yet.
int64_t TableWriter::State::next_group() const {
  constexpr int64_t kMostText = int64_t{16} << 20;
  int64_t count = 0, text = 0;
  for (size_t i = 0; i < pending.size() && count < group_rows; ++i) {
    const int64_t begin = i == 0 ? taken_rows : 0, rows_here = std::min(group_rows - count, pending[i].num_rows() - begin);
    const int64_t text_here = text_bytes(pending[i], begin, rows_here);
    if (text + text_here > kMostText) {
      int64_t fit = 0, beyond = rows_here;  // rows whose texts fit, and do not
      while (beyond - fit > 1) {
        const int64_t middle = (fit + beyond) / 2;
        (text + text_bytes(pending[i], begin, middle) > kMostText ? beyond : fit) = middle;
      }
      return std::max<int64_t>(count + fit, 1) < pending_rows ? std::max<int64_t>(count + fit, 1) : 0;
    }
    count += rows_here, text += text_here;
  }
  return count == group_rows && pending_rows > group_rows ? group_rows : 0;
}

/// The next `count` pending rows as one table. What is left of a table stays as it is: cutting it anew for every group would copy the
/// offsets of long texts again and again.
Table TableWriter::State::take_pending(int64_t count) {
  std::vector<Table> taken;
  size_t used = 0;
  while (count > 0) {
    const Table& front = pending[used];
    const int64_t rows_here = std::min(count, front.num_rows() - taken_rows);
    taken.push_back(rows_here == front.num_rows() ? front : slice(front, taken_rows, rows_here));
    taken_rows += rows_here, count -= rows_here;
    if (taken_rows == front.num_rows()) ++used, taken_rows = 0;
  }
  pending.erase(pending.begin(), pending.begin() + std::ptrdiff_t(used));
  if (taken.size() == 1) return std::move(taken[0]);
  Table out;
  for (size_t c = 0; c < taken[0].num_columns(); ++c) {
    std::vector<Column> parts;
    parts.reserve(taken.size());
    for (const Table& table : taken) parts.push_back(table.columns[c]);
    Column joined;
    [[maybe_unused]] const bool same_types = concatenate(parts, &joined);
    assert(same_types);
    out.add(taken[0].names[c], std::move(joined));
  }
  return out;
}

Result<void> TableWriter::State::check_schema(const Table& table) {
  if (schema.columns.empty()) {
    if (table.columns.empty()) return Error{Kind::input, "a table without columns cannot be written", path, "choose at least one column"};
    schema = slice(table, 0, 0);
    group_rows = row_group_rows(schema);
    if (!narrow)
      for (Column& column : schema.columns) column.file_width = 0;
    dictionaries.resize(table.num_columns());
    return encoder->begin(schema);
  }
  assert(table.names == schema.names);
  for (size_t c = 0; c < table.num_columns(); ++c)
    assert(table.columns[c].dtype == schema.columns[c].dtype && table.columns[c].zone == schema.columns[c].zone);
  return {};
}

/// Whether the codes or offsets of a column fit the width that they have in the file.
static bool fits_width(const Column& column) {
  if (column.dtype == Dtype::text) return column.file_width != 4 || column.values.size <= INT32_MAX;
  if (column.dtype != Dtype::category || column.file_width == 0 || column.file_width == 4) return true;
  return column.dictionary->length <= (column.file_width == 1 ? 128 : 32768);
}

Result<void> TableWriter::State::write_group(int64_t count, bool last) {
  Table group = count > 0 ? take_pending(count) : schema;
  pending_rows -= count;
  for (size_t c = 0; c < group.num_columns(); ++c) {
    Column& column = group.columns[c];
    if (column.dtype == Dtype::category) column.dictionary = dictionaries[c].names_for(column, last);
    column.file_width = schema.columns[c].file_width;
    if (!fits_width(column))
      return input_error(fmt::format("column '{}' has more text than its type holds", group.names[c]), path,
                         "did the input change while it was read?");
  }
  return encoder->write(group);
}

TableWriter::TableWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
TableWriter::TableWriter(TableWriter&&) noexcept = default;
TableWriter& TableWriter::operator=(TableWriter&&) noexcept = default;
TableWriter::~TableWriter() = default;

Result<TableWriter> TableWriter::open(const std::string& path, std::optional<FileKind> kind, bool narrow, exec::Pool* pool,
                                      const std::string& statistics) {
  auto state = std::make_unique<State>();
  state->path = path, state->narrow = narrow;
  if (path == "none") {
    state->encoder = checksum_encoder(&state->checksum);
    return TableWriter(std::move(state));
  }
  if (!kind) {
    if (path == "-") return usage_error("standard output has no name to tell its format", "-", "say it with --format, such as --format csv");
    HY_TRY(kind, kind_of(path));
  }
  HY_TRY(state->encoder, make_encoder(path, *kind, pool, statistics));
  return TableWriter(std::move(state));
}

Result<void> TableWriter::append(const Table& rows) {
  State& state = *state_;
  HY_CHECK(state.check_schema(rows));
  Table renumbered = rows;
  for (size_t c = 0; c < rows.num_columns(); ++c)
    if (rows.columns[c].dtype == Dtype::category) renumbered.columns[c] = state.dictionaries[c].renumber(rows.columns[c]);
  if (rows.num_rows() > 0) state.pending.push_back(std::move(renumbered));
  state.pending_rows += rows.num_rows();
  state.rows += rows.num_rows();
  if (state.encoder->takes_any_rows()) return state.pending_rows > 0 ? state.write_group(state.pending_rows, true) : Result<void>();
  while (const int64_t count = state.next_group()) HY_CHECK(state.write_group(count, false));
  return {};
}

Result<void> TableWriter::finish() {
  assert(!state_->schema.columns.empty());
  HY_CHECK(state_->write_group(state_->pending_rows, true));
  return state_->encoder->finish();
}

int64_t TableWriter::num_rows() const { return state_->rows; }
Hash128 TableWriter::checksum() const { return state_->checksum; }

Result<Hash128> write_table(const std::string& path, const Table& table, std::optional<FileKind> kind, exec::Pool* pool) {
  HY_TRY(TableWriter writer, TableWriter::open(path, kind, false, pool));
  HY_CHECK(writer.append(table));
  HY_CHECK(writer.finish());
  return writer.checksum();
}

}  // namespace hayate::io
