#include "exec/steps.h"

#include "base/clock.h"

namespace hayate::exec {

void Steps::begin(const std::string& name, int64_t items) {
  end();
  name_ = name, items_ = items, done_ = 0, open_ = true;
  wall_begin_ = wall_seconds(), cpu_begin_ = cpu_seconds();
  if (listener_) listener_->step_began(name, items);
}

void Steps::advance(int64_t count) {
  const int64_t done = done_.fetch_add(count) + count;
  if (!listener_) return;
  const std::lock_guard lock(mutex_);
  listener_->step_advanced(done, items_);
}

void Steps::end() {
  if (!open_) return;
  open_ = false;
  records_.push_back({name_, wall_seconds() - wall_begin_, cpu_seconds() - cpu_begin_, items_ ? items_ : done_.load()});
  if (listener_) listener_->step_ended(records_.back());
}

}  // namespace hayate::exec
