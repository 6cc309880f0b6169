// The steps of a command (read, compute, bin, train, predict, write, ...): what takes how long, told while it happens.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

namespace hayate::exec {

struct StepRecord {
  std::string name;
  double wall_seconds = 0, cpu_seconds = 0;
  int64_t items = 0;
  int64_t bytes = 0;  ///< of inputs that were gone through piece by piece
};

/// How far a step is.
struct StepProgress {
  int64_t done = 0, items = 0;
  int64_t reused = 0;                 ///< of the done: nothing was computed
  int64_t bytes_done = 0, bytes = 0;  ///< of inputs that are gone through piece by piece; 0: there are none
  double seconds_left = -1;           ///< expected; below 0: nobody knows
};

/// Told of progress; calls come from any worker, one at a time.
class StepListener {
 public:
  virtual ~StepListener() = default;
  virtual void step_began(const std::string& name, int64_t items) = 0;
  virtual void step_advanced(const StepProgress& progress) = 0;
  virtual void step_ended(const StepRecord& record) = 0;
};

/// A part of a step that several things were done in at once, and the seconds that were measured for it.
struct StepShare {
  std::string name;
  double seconds = 0;
  int64_t items = 0;
};

class Steps {
 public:
  /// `listener` may be null and must outlive this.
  explicit Steps(StepListener* listener = nullptr) : listener_(listener) {}

  /// Begins a step, which ends the one before it. `items` 0: not known.
  void begin(const std::string& name, int64_t items = 0);
  /// `count` more items are done, `reused` of them without work. Any thread.
  void advance(int64_t count = 1, int64_t reused = 0);
  /// Every step from now on goes through `count` bytes of input more, and tells of them by read().
  void add_input(int64_t count) { input_ += count; }
  /// So many bytes more of the inputs were read in this step. Any thread.
  void read(int64_t count);
  /// The open step is expected to end in so many seconds. Any thread.
  void expect(double seconds_left);
  void end();
  /// Ends the open step as the parts it was made of: its wall and CPU seconds are shared out in proportion to theirs.
  void end_as(const std::vector<StepShare>& parts);
  /// One record per name, in the order of their first end.
  const std::vector<StepRecord>& records() const { return records_; }

 private:
  void close(const StepRecord& record);
  void tell();
  StepListener* listener_;
  std::vector<StepRecord> records_;
  std::mutex mutex_;
  std::string name_;
  int64_t items_ = 0;
  std::atomic<int64_t> done_{0}, reused_{0}, read_{0}, input_{0};
  std::atomic<double> ends_at_{0};  ///< wall_seconds(); 0: not known
  double wall_begin_ = 0, cpu_begin_ = 0;
  bool open_ = false;
};

}  // namespace hayate::exec
