// The record of a search, one JSON object a line, appended and never rewritten: a killed search goes on from it. The lines are
// those of Optuna's journal storage (op codes of optuna.storages.journal, read with version 4): optuna.load_study and
// optuna-dashboard open the file as it is. A search replays itself: it makes the same events in the same order, those that are
// in the file already are not written again, and scores are taken from the file instead of training.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hayate/error.h"
#include "tune/space.h"

namespace hayate::tune {

enum class TrialState : uint8_t { running = 0, complete = 1, pruned = 2, failed = 3 };

class Journal {
 public:
  /// Opens or begins the journal of the study `identity` (a hash of all that decides its outcome, but for the number of trials). A torn last line is cut
  /// off. Errors: the journal of another study (usage), in use by another process (io), not writable (io).
  static Result<Journal> open(const std::string& path, const std::string& study_name, bool maximize, const std::string& identity);
  ~Journal();
  Journal(Journal&& other) noexcept;
  Journal& operator=(Journal&&) = delete;

  /// Lines that were there when it was opened.
  int64_t lines_found() const { return found_; }
  /// What a trial scored at a budget in the part of the file that was there, with the seconds it took.
  struct Known {
    double value = 0, seconds = 0;
    std::string failure;
  };
  std::optional<Known> known(int64_t trial, int64_t budget) const;
  /// How many trials were asked for, in the part of the file that was there: more each time that the search was made longer.
  const std::vector<int64_t>& asked_for() const { return asked_for_; }

  /// What follows is of a search of so many trials, all before included.
  Result<void> ask_for(int64_t trials);
  Result<void> begin_trial(int64_t trial, const Config& config, const Space& space);
  Result<void> score(int64_t trial, int64_t budget, const Known& known);
  /// `value` for a trial that is complete.
  Result<void> end_trial(int64_t trial, TrialState state, std::optional<double> value);

 private:
  Journal(int file, std::string path) : file_(file), path_(std::move(path)) {}
  Result<void> write(const std::string& line);
  Result<void> read_back(const std::string& identity);

  int file_ = -1;
  std::string path_;
  int64_t found_ = 0, written_ = 0;  ///< lines of the file, lines of this replay
  std::map<std::pair<int64_t, int64_t>, Known> known_;
  std::vector<int64_t> asked_for_;
};

}  // namespace hayate::tune
