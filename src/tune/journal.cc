#include "tune/journal.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstring>
#include <fstream>
#include <sstream>

#include "base/json.h"
#include "base/strings.h"
#include "io/json_reader.h"

namespace hayate::tune {
namespace {

// Optuna's op codes, version 4.
enum Op : int {
  create_study = 0,
  study_user_attr = 2,
  create_trial = 4,
  trial_param = 5,
  trial_state = 6,
  intermediate_value = 7,
  trial_user_attr = 8
};

constexpr const char* kWorker = "hayate";
constexpr const char *kIdentity = "hayate_search", *kAskedFor = "hayate_trials";  // user attributes of the study

Error refused(const std::string& path, const std::string& what) {
  return {Kind::io, fmt::format("{}: {}", what, std::strerror(errno)), path,
          "check that the folder exists, is yours and that the disk has room, or give another --output"};
}

std::string now() {
  const auto time = std::chrono::system_clock::now();
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count();
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06}", fmt::gmtime(std::chrono::system_clock::to_time_t(time)), micros % 1'000'000);
}

JsonWriter line_of(Op op) {
  JsonWriter json;
  json.object().key("op_code").value(int(op)).key("worker_id").value(kWorker);
  return json;
}

/// A choice as what it looks like: a number, true or false, or text.
void write_choice(JsonWriter& json, const std::string& text) {
  if (const auto whole = parse_integer(text))
    json.value(*whole);
  else if (const auto number = parse_number(text); number && std::isfinite(*number))
    json.value(*number);
  else if (text == "true" || text == "false")
    json.value(text == "true");
  else
    json.value(text);
}

/// Optuna's description of a distribution: JSON in a string.
std::string distribution_json(const Dimension& d) {
  JsonWriter json;
  const bool whole = d.kind == DistributionKind::whole;
  json.object().key("name").value(d.kind == DistributionKind::choice ? "CategoricalDistribution" : whole ? "IntDistribution" : "FloatDistribution");
  json.key("attributes").object();
  if (d.kind == DistributionKind::choice) {
    json.key("choices").array();
    for (const std::string& choice : d.choices) write_choice(json, choice);
    return json.end().end().end().text();
  }
  const double high = d.step > 0 && !d.logarithmic ? d.low + d.step * std::floor((d.high - d.low) / d.step + 1e-9) : d.high;
  json.key("log").value(d.logarithmic).key("low");
  whole ? json.value(int64_t(d.low)) : json.value(d.low);
  json.key("high");
  whole ? json.value(int64_t(high)) : json.value(high);
  json.key("step");
  if (whole)
    json.value(int64_t(d.step));
  else if (d.step > 0 && !d.logarithmic)
    json.value(d.step);
  else
    json.null();
  return json.end().end().text();
}

/// A choice is stored by its place, a number as it is.
double internal_value(const Dimension& d, const std::string& value) {
  if (d.kind != DistributionKind::choice) return parse_number(value).value_or(0);
  for (size_t i = 0; i < d.choices.size(); ++i)
    if (d.choices[i] == value) return double(i);
  return 0;
}

/// JSON has no NaN; Python's reader, for which this file is, takes one.
std::string number_text(double value) { return std::isnan(value) ? "NaN" : format_shortest(value); }

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

double number_at(const io::Json& json, std::string_view name, double missing) {
  const io::Json* found = json.find(name);
  return found ? found->number(missing) : missing;
}

std::string text_at(const io::Json& json, std::string_view name) {
  const io::Json* found = json.find(name);
  return found && found->text() ? *found->text() : "";
}

}  // namespace

Result<Journal> Journal::open(const std::string& path, const std::string& study_name, bool maximize, const std::string& identity) {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (file < 0) return refused(path, "the journal cannot be written");
  Journal journal(file, path);
  if (flock(file, LOCK_EX | LOCK_NB) != 0)
    return Error{Kind::io, "another process searches in this folder", path, "wait for it, or give another --output"};
  HY_CHECK(journal.read_back(identity));
  JsonWriter create = line_of(create_study);
  create.key("study_name").value(study_name).key("directions").array().value(maximize ? 2 : 1).end().end();
  HY_CHECK(journal.write(create.text()));
  JsonWriter attribute = line_of(study_user_attr);
  attribute.key("study_id").value(0).key("user_attr").object().key(kIdentity).value(identity).end().end();
  HY_CHECK(journal.write(attribute.text()));
  return journal;
}

Result<void> Journal::read_back(const std::string& identity) {
  const std::string text = read_text(path_);
  size_t begin = 0;
  std::string found_identity;
  for (size_t end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
    const std::string line = text.substr(begin, end - begin);
    if (line.find(fmt::format("\"worker_id\":\"{}\"", kWorker)) == std::string::npos) continue;  // a note made by another program
    ++found_;
    const auto json = io::parse_json(line, path_);
    if (!json.ok()) continue;  // an intermediate value that is NaN
    const io::Json* attributes = json.value().find("user_attr");
    if (!attributes || !attributes->object()) continue;
    if (attributes->find(kIdentity)) found_identity = text_at(*attributes, kIdentity);
    if (const io::Json* trials = attributes->find(kAskedFor)) asked_for_.push_back(int64_t(trials->number(0)));
    for (const auto& [name, value] : *attributes->object()) {
      if (!name.starts_with("budget_")) continue;
      const auto budget = parse_integer(std::string_view(name).substr(7));
      if (budget)
        known_[{int64_t(number_at(json.value(), "trial_id", -1)), *budget}] = {number_at(value, "value", std::nan("")),
                                                                               number_at(value, "seconds", 0), text_at(value, "failure")};
    }
  }
  // One line may stand there without its identity: killed between the two.
  if (found_ > 1 && found_identity != identity)
    return usage_error("this folder holds a search over other data, another space or other settings", path_,
                       "give another --output, or remove the folder");
  if (found_ == 0 && begin > 0) return usage_error("this journal is not one of hayate's", path_, "give another --output");
  if (begin < text.size() && ftruncate(file_, off_t(begin)) != 0) return refused(path_, "the journal cannot be written");
  return {};
}

Journal::~Journal() {
  if (file_ >= 0) ::close(file_);
}

Journal::Journal(Journal&& other) noexcept
    : file_(std::exchange(other.file_, -1)),
      path_(std::move(other.path_)),
      found_(other.found_),
      written_(other.written_),
      known_(std::move(other.known_)),
      asked_for_(std::move(other.asked_for_)) {}

std::optional<Journal::Known> Journal::known(int64_t trial, int64_t budget) const {
  const auto found = known_.find({trial, budget});
  return found == known_.end() ? std::nullopt : std::optional(found->second);
}

Result<void> Journal::ask_for(int64_t trials) {
  JsonWriter json = line_of(study_user_attr);
  json.key("study_id").value(0).key("user_attr").object().key(kAskedFor).value(trials).end().end();
  return write(json.text());
}

Result<void> Journal::begin_trial(int64_t trial, const Config& config, const Space& space) {
  JsonWriter begin = line_of(create_trial);
  begin.key("study_id").value(0).key("datetime_start").value(now()).end();
  HY_CHECK(write(begin.text()));
  for (const auto& [name, value] : config) {
    const Dimension& dimension = space.find(name);
    JsonWriter json = line_of(trial_param);
    json.key("trial_id").value(trial).key("param_name").value(name).key("param_value_internal").value(internal_value(dimension, value));
    json.key("distribution").value(distribution_json(dimension)).end();
    HY_CHECK(write(json.text()));
  }
  return {};
}

Result<void> Journal::score(int64_t trial, int64_t budget, const Known& known) {
  HY_CHECK(write(fmt::format(R"({{"op_code":{},"worker_id":"{}","trial_id":{},"step":{},"intermediate_value":{}}})", int(intermediate_value), kWorker,
                             trial, budget, number_text(known.value))));
  JsonWriter json = line_of(trial_user_attr);
  json.key("trial_id").value(trial).key("user_attr").object().key(fmt::format("budget_{}", budget));
  json.object().key("value").value(known.value).key("seconds").value(known.seconds).key("failure").value(known.failure).end().end().end();
  return write(json.text());
}

Result<void> Journal::end_trial(int64_t trial, TrialState state, std::optional<double> value) {
  JsonWriter json = line_of(trial_state);
  json.key("trial_id").value(trial).key("state").value(int(state)).key("values");
  if (value)
    json.array().value(*value).end();
  else
    json.null();
  json.key("datetime_complete").value(now()).end();
  return write(json.text());
}

Result<void> Journal::write(const std::string& line) {
  if (written_++ < found_) return {};
  const std::string bytes = line + "\n";
  std::string_view left = bytes;
  while (!left.empty()) {
    const ssize_t count = ::write(file_, left.data(), left.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return refused(path_, "the journal cannot be written");
    left.remove_prefix(size_t(count));
  }
  return {};
}

}  // namespace hayate::tune
