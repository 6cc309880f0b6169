#include "aggregate/partitions.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "io/large_memory.h"

namespace hayate::aggregate {
namespace {
constexpr size_t kPage = size_t{2} << 20, kSlab = 8 * kPage;
constexpr size_t kReadWords = size_t{1} << 17;  // 1 MiB
}  // namespace

uint64_t* BlockStore::take() {
  const std::lock_guard lock(mutex_);
  if (free_.empty()) {
    const size_t block = block_words_ * 8, size = (std::max(kSlab, block) + kPage - 1) / kPage * kPage;
    std::shared_ptr<void> slab = io::reserve_large(size);
    if (!slab) return nullptr;
    for (size_t at = size / block * block; at >= block; at -= block) free_.push_back(static_cast<uint64_t*>(slab.get()) + (at - block) / 8);
    slabs_.push_back(std::move(slab));
  }
  uint64_t* block = free_.back();
  free_.pop_back();
  ++in_use_;
  return block;
}

void BlockStore::give_back(uint64_t* block) {
  const std::lock_guard lock(mutex_);
  free_.push_back(block);
  --in_use_;
}

Cut cut_range(int word, uint64_t base, uint64_t span, size_t wanted) {
  Cut cut;
  cut.word = word, cut.base = base;
  const int bits = int(std::bit_width(span));
  cut.shift = std::max(0, bits - int(std::bit_width(wanted - 1)));
  if (cut.shift > 63) cut.shift = 63;
  cut.count = size_t(span >> cut.shift) + 1;
  return cut;
}

Partitions::Partitions(size_t record_words, Cut cut, int workers, BlockStore* blocks, std::optional<io::TemporaryFile>* spill)
    : record_words_(record_words),
      cut_(cut),
      workers_(workers),
      blocks_(blocks),
      file_(spill),
      tails_(size_t(workers) * cut.count),
      extents_(cut.count) {}

Partitions::~Partitions() {
  for (size_t partition = 0; partition < cut_.count; ++partition) clear(partition);
}

bool Partitions::extend(int, Tail* tail) {
  if (tail->begin) tail->full.push_back({tail->begin, size_t(tail->at - tail->begin)});
  tail->begin = tail->at = blocks_->take();
  if (!tail->begin) return tail->end = nullptr, false;
  tail->end = tail->begin + blocks_->block_words() / record_words_ * record_words_;
  return true;
}

/// kWords 0: as many as a record has.
template <size_t kWords>
bool Partitions::scatter(int worker, const uint64_t* const* columns, size_t count) {
  const size_t words = kWords ? kWords : record_words_;
  Tail* const tails = tails_.data() + size_t(worker) * cut_.count;
  const uint64_t* const keys = columns[cut_.word];
  for (size_t r = 0; r < count; ++r) {
    Tail& tail = tails[size_t((keys[r] - cut_.base) >> cut_.shift)];
    if (tail.at == tail.end && !extend(worker, &tail)) return false;
    for (size_t i = 0; i < words; ++i) tail.at[i] = columns[i][r];
    tail.at += words;
    __builtin_prefetch(tail.at + 8, 1);  // the next line: a fifth of all that finding medians by group took was waiting for it
  }
  return true;
}

bool Partitions::add(int worker, std::span<const uint64_t* const> columns, size_t count) {
  switch (record_words_) {
    case 1:
      return scatter<1>(worker, columns.data(), count);
    case 2:
      return scatter<2>(worker, columns.data(), count);
    case 3:
      return scatter<3>(worker, columns.data(), count);
    default:
      return scatter<0>(worker, columns.data(), count);
  }
}

template <class Visit>
void Partitions::each_block(size_t partition, Visit&& visit) const {
  for (int worker = 0; worker < workers_; ++worker) {
    const Tail& tail = tails_[size_t(worker) * cut_.count + partition];
    for (const Block& block : tail.full) visit(block.begin, block.words);
    if (tail.begin && tail.at > tail.begin) visit(tail.begin, size_t(tail.at - tail.begin));
  }
}

int64_t Partitions::rows(size_t partition) const {
  size_t words = 0;
  for (const Extent& extent : extents_[partition]) words += extent.words;
  each_block(partition, [&](const uint64_t*, size_t size) { words += size; });
  return int64_t(words / record_words_);
}

void Partitions::clear(size_t partition) {
  for (int worker = 0; worker < workers_; ++worker) {
    Tail& tail = tails_[size_t(worker) * cut_.count + partition];
    for (const Block& block : tail.full) blocks_->give_back(block.begin);
    if (tail.begin) blocks_->give_back(tail.begin);
    tail = {};
  }
}

Result<void> Partitions::spill_partition(size_t partition) {
  size_t words = 0;
  each_block(partition, [&](const uint64_t*, size_t size) { words += size; });
  if (words == 0) return {};
  const int64_t offset = (*file_)->reserve(int64_t(words * 8));
  int64_t at = offset;
  Result<void> written;
  each_block(partition, [&](const uint64_t* begin, size_t size) {
    if (written.ok()) written = (*file_)->write_at(at, begin, size * 8);
    at += int64_t(size * 8);
  });
  if (written.ok()) extents_[partition].push_back({offset, words});
  clear(partition);
  return written;
}

Result<void> Partitions::spill(exec::Pool& pool) {
  if (!*file_) {
    HY_TRY(io::TemporaryFile made, io::TemporaryFile::create());
    file_->emplace(std::move(made));
  }
  const int64_t before = (*file_)->size();
  std::vector<Result<void>> results(cut_.count);
  pool.run(int64_t(cut_.count), [&](int64_t p, int) { results[size_t(p)] = spill_partition(size_t(p)); });
  spilled_ += (*file_)->size() - before;
  for (Result<void>& result : results)
    if (!result.ok()) return std::move(result);
  return {};
}

Result<void> Partitions::visit(size_t partition, std::vector<uint64_t>* buffer, const std::function<void(std::span<const uint64_t>)>& visit) const {
  const size_t step = std::max(kReadWords / record_words_, size_t{1}) * record_words_;
  for (const Extent& extent : extents_[partition]) {
    buffer->resize(std::max(buffer->size(), std::min(step, extent.words)));
    for (size_t at = 0; at < extent.words; at += step) {
      const size_t words = std::min(step, extent.words - at);
      HY_CHECK((*file_)->read_at(extent.offset + int64_t(at * 8), buffer->data(), words * 8));
      visit({buffer->data(), words});
    }
  }
  each_block(partition, [&](const uint64_t* begin, size_t size) { visit({begin, size}); });
  return {};
}

}  // namespace hayate::aggregate
