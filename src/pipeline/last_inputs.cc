#include "pipeline/last_inputs.h"

#include <cstring>

namespace hayate::pipeline {
namespace {

/// What forgetting them would cost, for the order of eviction.
constexpr double kWorthSeconds = 60;

std::string name_of(const TaskTrace& task) { return task.step + " " + task.key; }

template <class T>
void put(std::string& out, const T& value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

template <class T>
bool take(std::string_view& from, T& value) {
  if (from.size() < sizeof value) return false;
  std::memcpy(&value, from.data(), sizeof value);
  from.remove_prefix(sizeof value);
  return true;
}

}  // namespace

LastInputs::LastInputs(const Plan& plan, cache::Store& store) : now_(task_inputs(plan)) {
  Hasher hasher;
  hasher.text("the inputs of the last run").text(plan.spec.model.scope);
  for (const std::string& input : plan.spec.universe.input) hasher.text(input);
  key_ = hasher.finish();
  const cache::Value value = store.get(key_);
  std::string_view left = value ? std::string_view(*value) : std::string_view();
  known_ = take(left, before_);
  for (uint64_t size = 0; take(left, size) && left.size() >= size + sizeof(Hash128);) {
    const std::string name(left.substr(0, size));
    left.remove_prefix(size);
    take(left, bars_[name]);
  }
}

std::string LastInputs::why_run(const TaskTrace& task) const {
  const auto bars = bars_.find(name_of(task));
  if (!known_ || bars == bars_.end()) return "";
  TaskInputs before = before_, now = now_;
  before.bars = bars->second, now.bars = task.input;
  const std::string changed = changed_inputs(before, now);
  return changed.empty() ? "its stored result is gone" : "changed since the last run: " + changed;
}

Result<void> LastInputs::write(const std::vector<TaskTrace>& tasks, cache::Store& store) const {
  std::string bytes;
  put(bytes, now_);
  for (const TaskTrace& task : tasks) {
    const std::string name = name_of(task);
    put(bytes, uint64_t(name.size()));
    bytes += name;
    put(bytes, task.input);
  }
  return store.put({key_, bytes, kWorthSeconds});
}

}  // namespace hayate::pipeline
