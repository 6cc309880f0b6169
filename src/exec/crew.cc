#include "exec/crew.h"

#include <cassert>
#include <thread>

namespace hayate::exec {
namespace {

constexpr uint64_t kIndexMask = (uint64_t{1} << 24) - 1;

int64_t count_of(uint64_t ticket) { return int64_t(ticket >> 24 & kIndexMask); }
int64_t index_of(uint64_t ticket) { return int64_t(ticket & kIndexMask); }

/// One step of waiting: the core is given away only after some microseconds, for a batch is seldom further off.
class Patience {
 public:
  void wait() {
    if (++waited_ < 2'000)
      __builtin_ia32_pause();
    else
      std::this_thread::yield();
  }

 private:
  int waited_ = 0;
};

}  // namespace

void Crew::lead(const std::function<void()>& work) {
  if (workers() == 1) return work();
  closed_ = false;
  pool_->run(pool_->workers(), [&](int64_t place, int worker) {
    if (place > 0) return help(worker);
    leader_ = worker;
    work();
    closed_ = true;
  });
}

/// Does one task of the batch in hand, if any is left. `ticket` is what was seen of it.
bool Crew::take(uint64_t& ticket, int worker) {
  ticket = ticket_.load(std::memory_order_acquire);
  if (index_of(ticket) >= count_of(ticket) || !ticket_.compare_exchange_weak(ticket, ticket + 1, std::memory_order_acq_rel)) return false;
  (*task_.load(std::memory_order_relaxed))(index_of(ticket), worker);
  done_.fetch_add(1, std::memory_order_release);
  return true;
}

void Crew::help(int worker) {
  uint64_t ticket = 0;
  while (!closed_.load(std::memory_order_acquire))
    for (Patience patience; !take(ticket, worker) && !closed_.load(std::memory_order_acquire);) patience.wait();
}

void Crew::run(int64_t count, const Task& task) {
  assert(count <= int64_t(kIndexMask));
  if (workers() == 1 || count == 1) {
    for (int64_t i = 0; i < count; ++i) task(i, leader_);
    return;
  }
  task_.store(&task, std::memory_order_relaxed);
  done_.store(0, std::memory_order_relaxed);
  const uint64_t generation = (ticket_.load(std::memory_order_relaxed) >> 48) + 1;
  ticket_.store(generation << 48 | uint64_t(count) << 24, std::memory_order_release);
  uint64_t ticket = 0;
  do {
    while (take(ticket, leader_)) {
    }
  } while (index_of(ticket) < count_of(ticket));  // a claim may fail without a reason
  for (Patience patience; done_.load(std::memory_order_acquire) < count;) patience.wait();
}

}  // namespace hayate::exec
