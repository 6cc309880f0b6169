#include "pipeline/task_result.h"

#include <cstring>

#include "base/strings.h"
#include "io/files.h"
#include "pipeline/spec.h"

namespace hayate::pipeline {
namespace {

template <class T>
void put(std::string& out, const std::vector<T>& values) {
  const uint64_t count = values.size();
  out.append(reinterpret_cast<const char*>(&count), sizeof count);
  out.append(reinterpret_cast<const char*>(values.data()), count * sizeof(T));
}

template <class T>
bool take(std::string_view& bytes, std::vector<T>& values) {
  uint64_t count = 0;
  if (bytes.size() < sizeof count) return false;
  std::memcpy(&count, bytes.data(), sizeof count);
  bytes.remove_prefix(sizeof count);
  if (count > bytes.size() / sizeof(T)) return false;
  values.resize(count);
  if (count > 0) std::memcpy(values.data(), bytes.data(), count * sizeof(T));
  bytes.remove_prefix(count * sizeof(T));
  return true;
}

}  // namespace

void serialize(const TaskResult& result, std::string& out) {
  out.clear();
  append_predictor(result.predictor, out);
  put(out, result.rows), put(out, result.fold), put(out, result.label), put(out, result.prediction), put(out, result.train_rows),
      put(out, result.fits);
  std::vector<double> values;
  std::vector<char> configs;  // a line each
  for (const TunedParams& tuned : result.tuned) {
    values.push_back(tuned.value);
    configs.insert(configs.end(), tuned.config.begin(), tuned.config.end());
    configs.push_back('\n');
  }
  put(out, values), put(out, configs);
}

Result<TaskResult> parse_task_result(std::string_view bytes) {
  TaskResult out;
  std::vector<double> values;
  std::vector<char> configs;
  auto predictor = take_predictor(bytes);
  const bool whole = predictor && take(bytes, out.rows) && take(bytes, out.fold) && take(bytes, out.label) && take(bytes, out.prediction) &&
                     take(bytes, out.train_rows) && take(bytes, out.fits) && take(bytes, values) && take(bytes, configs) && bytes.empty();
  const size_t rows = out.rows.size();
  if (!whole || out.fold.size() != rows || out.label.size() != rows || out.prediction.size() != rows)
    return input_error("a stored result does not hold together", "cache", "hayate cache clear");
  const std::vector<std::string> lines = split(std::string_view(configs.data(), configs.size()), '\n');
  if (lines.size() < values.size()) return input_error("a stored result does not hold together", "cache", "hayate cache clear");
  for (size_t i = 0; i < values.size(); ++i) out.tuned.push_back({lines[i], values[i]});
  out.predictor = std::move(*predictor);
  return out;
}

std::optional<TaskResult> reuse(cache::Store* store, const Hash128& key) {
  const cache::Value bytes = store ? store->get(key) : nullptr;
  if (!bytes) return std::nullopt;
  auto result = parse_task_result(*bytes);
  return result.ok() ? std::optional(std::move(result.value())) : std::nullopt;
}

const Hash128& program_hash() {
  static const Hash128 hash = [] {
    const auto read = io::hash_file("/proc/self/exe");
    return read.ok() ? read.value() : Hash128{};
  }();
  return hash;
}

namespace {

struct InputName {
  const char* name;
  Hash128 TaskInputs::* member;
};
constexpr InputName kInputs[] = {{"program", &TaskInputs::program}, {"features", &TaskInputs::features}, {"label", &TaskInputs::label},
                                 {"split", &TaskInputs::split},     {"model", &TaskInputs::model},       {"bars", &TaskInputs::bars}};

Hasher& add(Hasher& hasher, const Hash128& hash) { return hasher.number(hash.low).number(hash.high); }

}  // namespace

TaskInputs task_inputs(const Plan& plan) {
  TaskInputs out;
  out.program = program_hash();
  RunSpec spec = plan.spec;
  spec.advice = {};  // reads what training gave
  visit_sections(spec, [&](const std::string& section, auto& fields) {
    Hasher hasher;
    for (const Field& field : fields_of(fields)) hasher.text(field.name).text(field.text());
    if (section == "features")
      for (const NamedExpression& named : plan.expressions) hasher.text(named.name).text(named.text);
    if (section == "split") hasher.number(uint64_t(plan.purge_days));
    if (section == "universe") hasher = Hasher().text(spec.universe.adjust);
    // A section that has no hash of its own is one of the bars' or, when it is new, of the features'.
    Hash128& into = section == "label" ? out.label : section == "split" ? out.split : section == "model" ? out.model : out.features;
    add(hasher, into);
    into = hasher.finish();
  });
  return out;
}

Hash128 task_key(const TaskInputs& inputs, std::string_view step, std::string_view name) {
  Hasher hasher;
  for (const InputName& input : kInputs) add(hasher, inputs.*input.member);
  return hasher.text(step).text(name).finish();
}

std::string changed_inputs(const TaskInputs& before, const TaskInputs& now) {
  std::vector<std::string> names;
  for (const InputName& input : kInputs)
    if (!(before.*input.member == now.*input.member)) names.emplace_back(input.name);
  return join(names, ", ");
}

}  // namespace hayate::pipeline
