// Where the chunks of a CSV file begin and the fields in them end.
#include <algorithm>

#include "base/strings.h"
#include "io/csv_parser.h"

namespace hayate::io {

/// Bytes of the body: from memory, or from the file into the worker's buffer. Fewer than asked where the file was cut
/// since it was opened.
std::string_view CsvParser::piece(size_t begin, size_t size, CsvRows& rows) const {
  if (!file_) {
    const std::string_view data = bytes_.substr(body_begin_ + begin, size);
    rows.first_safe = begin == 0 ? data.data() + std::min(kCsvCopy, data.size()) : data.data();
    rows.last_safe = bytes_.data() + bytes_.size() - std::min(kCsvCopy, bytes_.size());
    return data;
  }
  rows.buffer.resize(std::max(rows.buffer.size(), size + 2 * kCsvSlack));
  const auto got = file_->read_at(int64_t(body_begin_ + begin), rows.buffer.data() + kCsvSlack, size);
  rows.first_safe = rows.buffer.data() + kCsvSlack, rows.last_safe = rows.first_safe + size;
  return {rows.first_safe, got.ok() ? got.value() : 0};
}

bool CsvParser::refuse(CsvChunk& chunk, const std::function<Error()>& why) const {
  if (file_ && !streamed_)
    chunk.malformed = true;
  else
    chunk.error = why();
  return false;
}

/// Chunks begin behind the first record end of each block. Block k starts inside quotes when an odd number of quotes
/// stands before it.
void CsvParser::cut_chunks() {
  const size_t step = block_bytes();
  const size_t num_blocks = (body_size_ + step - 1) / step;
  char last_byte = dialect_.newline;
  std::vector<kernels::CsvBlock> blocks(num_blocks);
  run(int64_t(num_blocks), [&](int64_t k, int worker) {
    const std::string_view block = piece(size_t(k) * step, std::min(step, body_size_ - size_t(k) * step), scratch_[size_t(worker)]);
    blocks[size_t(k)] = kernels::csv_kernels().count_block(block.data(), block.size(), dialect_.newline);
    if (size_t(k) + 1 == num_blocks && !block.empty()) last_byte = block.back();
  });

  chunks_.clear();
  int64_t newlines = 0;
  int inside = 0;
  for (size_t k = 0; k < num_blocks; ++k) {
    const int64_t first = blocks[k].first_newline[inside];
    if (k == 0 || first >= 0) {
      CsvChunk chunk;
      chunk.begin = k == 0 ? 0 : k * step + size_t(first) + 1;
      chunk.row = k == 0 ? 0 : newlines + 1;
      if (!chunks_.empty()) chunks_.back().end = chunk.begin, chunks_.back().room = chunk.row - chunks_.back().row;
      chunks_.push_back(std::move(chunk));
    }
    newlines += blocks[k].newlines[inside];
    inside ^= int(blocks[k].odd_quotes);
  }
  rows_ = newlines + (last_byte != dialect_.newline);
  if (!chunks_.empty()) chunks_.back().end = body_size_, chunks_.back().room = rows_ - chunks_.back().row;
  exact_ = inside != 0;
}

/// Whether one pass over the file may do: it is large, and its head has no quotes. Guesses the number of rows from those of the head.
bool CsvParser::may_be_one_pass(size_t step) {
  const std::string_view head = bytes_.substr(body_begin_), lines = head.substr(0, head.rfind(dialect_.newline) + 1);
  if (!file_ || body_size_ < 8 * step || lines.empty() || bytes_.find('"') != std::string_view::npos) return false;
  const double rows = double(std::count(lines.begin(), lines.end(), dialect_.newline));
  rows_ = int64_t(1.02 * rows * double(body_size_) / double(lines.size())) + 1000;
  chunks_ = std::vector<CsvChunk>((body_size_ + step - 1) / step);
  chunks_[0].end = lines.size(), chunks_[0].room = INT64_MAX;  // for a look at the types
  return true;
}

/// The rows of a chunk of a file without quotes: from behind the first newline in its block to the first one behind the block.
bool CsvParser::find_block(size_t block, size_t step, CsvRows& rows) {
  CsvChunk& chunk = chunks_[block];
  const size_t begin = block * step, rest = body_size_ - begin;
  for (size_t size = std::min(step + step / 16, rest);; size = std::min(2 * size, rest)) {
    if (size > 4 * step && int64_t(size) > options_.memory_limit_bytes / 16) return false;
    const std::string_view data = piece(begin, size, rows);
    if (data.size() != size) return false;
    const size_t first = block == 0 ? 0 : data.find(dialect_.newline) + 1;
    const size_t end = size < step ? size : data.find(dialect_.newline, step) + 1;
    if (size < rest && ((block > 0 && first == 0) || end == 0)) continue;  // a line longer than what was read
    const size_t to = end == 0 || size < step ? size : end, from = block > 0 && first == 0 ? to : first;
    chunk.begin = begin + from, chunk.end = begin + to, chunk.room = INT64_MAX;
    return scan_rows(chunk, rows, data.substr(from, to - from));
  }
}

/// Reads a file without counting its quotes and rows beforehand: a chunk learns where its rows stand from the one before, which was begun
/// earlier and needs to have found its rows for that, not read them. False: the guesses were wrong, and nothing was read.
bool CsvParser::in_one_pass(const std::function<void(CsvChunk& chunk, CsvRows& rows, int worker)>& read) {
  const size_t step = block_bytes();
  one_pass_ = true;
  std::vector<std::atomic<int64_t>> rows_before(chunks_.size() + 1);
  for (size_t k = 1; k <= chunks_.size(); ++k) rows_before[k] = -1;
  std::atomic<bool> failed = false;
  run(int64_t(chunks_.size()), [&](int64_t k, int worker) {
    CsvChunk& chunk = chunks_[size_t(k)];
    CsvRows& rows = scratch_[size_t(worker)];
    if (!failed && (stopped() || !find_block(size_t(k), step, rows))) failed = true;
    rows_before[size_t(k)].wait(-1);
    chunk.row = rows_before[size_t(k)], chunk.room = chunk.rows;
    if (chunk.row + chunk.rows > rows_) failed = true;
    rows_before[size_t(k) + 1] = chunk.row + chunk.rows;
    rows_before[size_t(k) + 1].notify_all();
    if (!failed) read(chunk, rows, worker);
  });
  one_pass_ = false;
  for (const CsvChunk& chunk : chunks_)
    if (failed || chunk.malformed || chunk.error) return false;
  rows_ = rows_before.back();
  return true;
}

/// The same by next_record, for files whose quotes do not follow the rules. A file is looked at through a window that
/// grows when a record does not end inside it.
Result<void> CsvParser::cut_chunks_exactly() {
  exact_ = true;
  chunks_.clear();
  rows_ = 0;
  std::vector<CsvField> fields;
  size_t window = file_ ? 4 * kCsvChunkBytes : body_size_;
  for (size_t begin = 0; begin < body_size_;) {
    const std::string_view data = piece(begin, std::min(window, body_size_ - begin), scratch_[0]);
    const bool whole = begin + data.size() >= body_size_;
    if (data.empty()) return changed_error();
    size_t at = 0, last = 0;
    for (CsvFault fault = CsvFault::none; at < data.size();) {
      last = at;
      fault = next_record(data, dialect_, &at, &fields);
      const bool cut = !whole && (fault == CsvFault::open_quote || at >= data.size() - 1);  // or one whose '\n' may follow
      if (cut) break;
      if (fault != CsvFault::none) return fault_error(fault, body_begin_ + begin + at);
      if (chunks_.empty() || begin + last - chunks_.back().begin >= kCsvChunkBytes) {
        CsvChunk chunk;
        chunk.begin = begin + last, chunk.row = rows_;
        chunks_.push_back(std::move(chunk));
      }
      chunks_.back().end = begin + at;
      ++chunks_.back().room;
      ++rows_;
      last = at;
    }
    if (last == 0) {
      if (int64_t(window) >= options_.memory_limit_bytes / 4) return fault_error(CsvFault::open_quote, body_begin_ + begin);
      window *= 2;
    }
    begin += last;
  }
  return {};
}

bool CsvParser::find_rows(CsvChunk& chunk, CsvRows& rows) {
  if (!fits(chunk)) return chunk.error = record_error(chunk), false;
  const std::string_view data = piece(chunk.begin, chunk.end - chunk.begin, rows);
  if (data.size() != chunk.end - chunk.begin) return chunk.malformed = true, false;  // the file was cut since it was opened
  return scan_rows(chunk, rows, data);
}

/// The rows of `data`, which are those of the chunk.
bool CsvParser::scan_rows(CsvChunk& chunk, CsvRows& rows, std::string_view data) {
  rows.data = data;
  const size_t offset = body_begin_ + chunk.begin;
  rows.make_room(data.size());
  kernels::CsvScan scan = kernels::csv_kernels().scan_fields(data.data(), data.size(), dialect_.separator, dialect_.newline, rows.ends);
  if (scan.malformed || (one_pass_ && scan.has_quotes)) return chunk.malformed = true, false;
  if (scan.has_nul) return refuse(chunk, [&] { return encoding_error(offset + data.find('\0')); });
  if (scan.has_high)
    if (const size_t bad = find_invalid_utf8(data); bad != std::string_view::npos) return refuse(chunk, [&] { return encoding_error(offset + bad); });
  if (!data.empty() && data.back() != dialect_.newline) {
    ++scan.num_rows;
    rows.ends[scan.num_ends++] = uint32_t(data.size());
  }
  return keep_rows(chunk, rows, scan.num_ends, scan.num_rows);
}

bool CsvParser::find_rows_exactly(CsvChunk& chunk, CsvRows& rows) {
  if (!fits(chunk)) return chunk.error = record_error(chunk), false;
  const std::string_view data = rows.data = piece(chunk.begin, chunk.end - chunk.begin, rows);
  if (data.size() != chunk.end - chunk.begin) return chunk.malformed = true, false;
  const size_t offset = body_begin_ + chunk.begin;
  if (const size_t nul = data.find('\0'); nul != std::string_view::npos) return chunk.error = encoding_error(offset + nul), false;
  if (const size_t bad = find_invalid_utf8(data); bad != std::string_view::npos) return chunk.error = encoding_error(offset + bad), false;
  rows.make_room(data.size());
  size_t count = 0, num_rows = 0;
  for (size_t at = 0; at < data.size();) {
    next_record(data, dialect_, &at, &rows.record);  // without fault: cut_chunks_exactly went here before
    for (size_t i = 0; i + 1 < rows.record.size(); ++i) rows.ends[count++] = uint32_t(rows.record[i].end);
    ++num_rows;
    rows.ends[count++] = uint32_t(at - (data[at - 1] == dialect_.newline));
  }
  return keep_rows(chunk, rows, count, num_rows);
}

/// Whether every `width`th end is that of a line and no other one is.
bool CsvParser::are_even(const CsvRows& rows, size_t num_ends, size_t num_rows) const {
  if (width_ == 1 || num_ends != num_rows * width_) return false;
  bool even = true;
  for (size_t at = width_ - 1; at < num_ends; at += width_) even &= rows.ends[at] == rows.data.size() || rows.data[rows.ends[at]] == dialect_.newline;
  return even;
}

/// Checks that every row has the header's width and drops blank lines.
bool CsvParser::keep_rows(CsvChunk& chunk, CsvRows& rows, size_t num_ends, size_t num_rows) {
  const std::string_view data = rows.data;
  rows.runs.clear();
  size_t kept = 0;
  if (are_even(rows, num_ends, num_rows)) {
    rows.runs.push_back({0, 0, kept = num_rows});
    num_ends = 0;
  }
  size_t start = 0;
  for (size_t i = 0; i < num_ends; ++i) {
    if (rows.ends[i] != data.size() && data[rows.ends[i]] != dialect_.newline) continue;
    const size_t fields = i - start + 1, begin = rows.ends[ptrdiff_t(start) - 1] + 1u;
    const bool blank = fields == 1 && is_blank(data.substr(begin, rows.ends[i] - begin));
    if (!blank && fields != width_) return refuse(chunk, [&] { return ragged_error(body_begin_ + chunk.begin + begin, fields); });
    if (!blank) {
      if (rows.runs.empty() || rows.runs.back().end + rows.runs.back().rows * width_ != start) rows.runs.push_back({kept, start, 0});
      ++rows.runs.back().rows;
      ++kept;
    }
    start = i + 1;
  }
  if (int64_t(kept) > chunk.room) return chunk.malformed = true, false;  // the file changed since it was counted
  chunk.rows = int64_t(kept);
  return true;
}

}  // namespace hayate::io
