#include "exec/steps.h"

#include <algorithm>

#include "base/clock.h"

namespace hayate::exec {

void Steps::begin(const std::string& name, int64_t items) {
  end();
  name_ = name, items_ = items, done_ = 0, reused_ = 0, read_ = 0, ends_at_ = 0, open_ = true;
  wall_begin_ = wall_seconds(), cpu_begin_ = cpu_seconds();
  if (listener_) listener_->step_began(name, items);
}

void Steps::advance(int64_t count, int64_t reused) {
  done_ += count, reused_ += reused;
  tell();
}

void Steps::read(int64_t count) {
  read_ += count;
  tell();
}

void Steps::tell() {
  if (!listener_) return;
  StepProgress progress;
  progress.done = done_, progress.reused = reused_, progress.bytes_done = read_, progress.bytes = read_ > 0 ? input_.load() : 0;
  const double ends_at = ends_at_;
  progress.items = items_, progress.seconds_left = ends_at > 0 ? std::max(0.0, ends_at - wall_seconds()) : -1;
  const std::lock_guard lock(mutex_);
  listener_->step_advanced(progress);
}

void Steps::expect(double seconds_left) { ends_at_ = wall_seconds() + seconds_left; }

void Steps::close(const StepRecord& record) {
  const auto same = std::find_if(records_.begin(), records_.end(), [&](const StepRecord& r) { return r.name == record.name; });
  if (same == records_.end())
    records_.push_back(record);
  else
    same->wall_seconds += record.wall_seconds, same->cpu_seconds += record.cpu_seconds, same->items += record.items, same->bytes += record.bytes;
  if (listener_) listener_->step_ended(record);
}

void Steps::end() {
  if (!open_) return;
  open_ = false;
  close({name_, wall_seconds() - wall_begin_, cpu_seconds() - cpu_begin_, items_ ? items_ : done_.load(), read_});
}

void Steps::end_as(const std::vector<StepShare>& parts) {
  const double wall = wall_seconds() - wall_begin_, cpu = cpu_seconds() - cpu_begin_;
  double total = 0;
  for (const StepShare& part : parts) total += part.seconds;
  open_ = false;
  for (const StepShare& part : parts) {
    const double share = total > 0 ? part.seconds / total : 1.0 / double(parts.size());
    close({part.name, wall * share, cpu * share, part.items});
  }
}

}  // namespace hayate::exec
