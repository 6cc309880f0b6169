#include "pipeline/run_records.h"

#include <fmt/format.h>

#include <filesystem>
#include <map>

#include "base/folder_lock.h"
#include "base/json.h"
#include "pipeline/manifest.h"
#include "pipeline/spec.h"
#include "pipeline/task_result.h"

namespace hayate::pipeline {
namespace {

constexpr const char* kReused = "bars, expressions, params and program are those of a stored result";
constexpr const char* kRun = "no stored result for these bars, expressions, params and program";

/// Records of one kind, parsed. A record that is no JSON is a defect of ours and is passed over.
std::vector<io::Json> records_called(const std::vector<std::string>& records, const std::string& kind) {
  std::vector<io::Json> out;
  for (const std::string& text : records) {
    auto json = io::parse_json(text, "manifest");
    const io::Json* name = json.ok() ? json.value().find("record") : nullptr;
    if (name && name->text() && *name->text() == kind) out.push_back(std::move(json.value()));
  }
  return out;
}

std::string text_of(const io::Json& json, std::string_view name) {
  const io::Json* member = json.find(name);
  return member && member->text() ? *member->text() : "";
}

std::string hash_of_all(const std::vector<Hash128>& hashes) {
  Hasher all;
  for (const Hash128& hash : hashes) all.number(hash.low).number(hash.high);
  return all.finish().hex();
}

/// Every counter of a run under its name in JSON; visit(name, member).
template <class Stats, class Visitor>
void visit_stats(Stats& s, Visitor&& visit) {
  visit("symbols", s.symbols), visit("failed", s.failed), visit("rows", s.rows), visit("models", s.models);
  visit("wall_s", s.wall_seconds), visit("cpu_s", s.cpu_seconds), visit("peak_rss_bytes", s.peak_memory_bytes), visit("workers", s.workers);
  visit("cache_hits", s.cache_hits), visit("cache_misses", s.cache_misses), visit("cache_damaged", s.cache_damaged);
  visit("attempts", s.attempts), visit("queue_s", s.queue_seconds), visit("longest_queue_s", s.longest_queue_seconds);
  visit("fewest_workers", s.fewest_workers), visit("memory_limit_bytes", s.memory_limit_bytes);
  visit("cpu_pool_wall_s", s.cpu_pool.wall_seconds), visit("cpu_pool_busy_s", s.cpu_pool.busy_seconds);
  visit("io_workers", s.io_workers), visit("io_pool_wall_s", s.io_pool.wall_seconds), visit("io_pool_busy_s", s.io_pool.busy_seconds);
}

}  // namespace

std::string first_record(const RunRequest& request) {
  std::error_code ignored;
  JsonWriter json;
  json.object().key("record").value("run").key("hayate").value(request.version).key("program").value(program_hash().hex());
  json.key("spec_hash").value(spec_hash(request.spec)).key("spec").value(spec_toml(request.spec));
  json.key("folder").value(std::filesystem::current_path(ignored).string()).key("exec").object();
  exec::ExecConfig exec = request.exec;
  for (const Field& field : fields_of(exec)) json.key(field.name).value(field.text());
  return json.end().end().text();
}

std::string inputs_record(const std::vector<Hash128>& hashes) {
  return fmt::format("{{\"record\":\"inputs\",\"hash\":\"{}\"}}", hash_of_all(hashes));
}

std::string task_record(const TaskTrace& task, const std::string& reason) {
  JsonWriter json;
  json.object().key("record").value("task").key("step").value(task.step).key("key").value(task.key);
  json.key("state").value(task.reused ? "reused" : "run").key("result").value(task.result.hex());
  if (!reason.empty()) json.key("reason").value(reason);
  return json.end().text();
}

std::string end_record(const RunStats& stats) { return "{\"record\":\"end\",\"stats\":" + stats_json(stats) + "}"; }

std::string stats_json(const RunStats& stats) {
  JsonWriter json;
  json.object();
  visit_stats(stats, [&](const char* name, const auto& value) { json.key(name).value(value); });
  return json.key("speed_up").value(stats.speed_up()).end().text();
}

Result<void> check_inputs(const std::string& run_dir, const std::vector<Hash128>& hashes) {
  HY_TRY(const auto records, read_manifest(run_dir));
  const auto before = records_called(records, "inputs");
  if (before.empty() || text_of(before[0], "hash") == hash_of_all(hashes)) return {};
  return input_error("the bars are not those that this run began with", run_dir, "run the spec again with another --run-dir");
}

std::string own_store(const std::string& run_dir) { return run_dir + "/tasks"; }

void tidy_run_folder(const std::string& run_dir) {
  std::error_code ignored;
  std::filesystem::remove_all(own_store(run_dir), ignored);
  remove_unfinished(run_dir);
}

Result<std::optional<RunRequest>> read_request(const std::string& run_dir) {
  HY_TRY(const auto records, read_manifest(run_dir));
  const auto first = records_called(records, "run");
  if (first.empty()) return input_error("the manifest of this run is damaged", run_dir + "/manifest", "run the spec again with another --run-dir");
  if (!records_called(records, "end").empty()) {
    if (const FolderLock lock = FolderLock::take(run_dir)) tidy_run_folder(run_dir);
    return std::optional<RunRequest>();
  }
  if (text_of(first[0], "program") != program_hash().hex())
    return input_error(fmt::format("this run was begun by another build ({})", text_of(first[0], "hayate")), run_dir,
                       "finish it with that build, or run the spec again with another --run-dir");
  RunRequest request;
  HY_TRY(request.spec, parse_run_spec(text_of(first[0], "spec"), run_dir + "/manifest", nullptr));
  if (const io::Json* settings = first[0].find("exec"))
    for (Field& field : fields_of(request.exec))
      if (const std::string text = text_of(*settings, field.name); text != field.text()) HY_CHECK(field.set(text, run_dir + "/manifest", "manifest"));
  request.run_dir = run_dir;
  request.folder = text_of(first[0], "folder");
  request.resume = true;
  return std::optional(std::move(request));
}

Result<std::vector<TaskRecord>> read_tasks(const std::string& run_dir) {
  HY_TRY(const auto records, read_manifest(run_dir));
  std::vector<TaskRecord> out;
  std::map<std::string, size_t> place;
  for (const io::Json& json : records_called(records, "task")) {
    TaskRecord task{text_of(json, "step"), text_of(json, "key"), text_of(json, "state"), text_of(json, "reason")};
    if (task.reason.empty()) task.reason = task.state == "reused" ? kReused : kRun;
    // A resumed run tells of a task again: the last word counts.
    const auto [at, fresh] = place.try_emplace(task.step + " " + task.key, out.size());
    if (fresh)
      out.push_back(std::move(task));
    else
      out[at->second] = std::move(task);
  }
  return out;
}

Result<RunStats> read_stats(const std::string& run_dir) {
  HY_TRY(const auto records, read_manifest(run_dir));
  if (!records.empty()) {
    HY_TRY(const io::Json last, io::parse_json(records.back(), run_dir + "/manifest"));
    if (const io::Json* counters = last.find("stats")) {
      RunStats stats;
      visit_stats(stats, [&](const char* name, auto& value) {
        const io::Json* member = counters->find(name);
        if (member) value = std::decay_t<decltype(value)>(member->number(0));
      });
      return stats;
    }
  }
  return input_error("this run did not finish", run_dir, fmt::format("hayate resume {}", run_dir));
}

}  // namespace hayate::pipeline
