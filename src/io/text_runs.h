// Texts of a column that come in parts (batches of an Arrow file, row groups of a Parquet file), which tasks read side by side: nobody knows where
// the texts of a part will stand before all parts are there. So each is read into a run of its own, with offsets that count from the run's first
// byte; then memory is taken for all of them, and runs go to their place, again side by side.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "hayate/table.h"

namespace hayate::io {

class TextRuns {
 public:
  explicit TextRuns(size_t parts) : runs_(parts) {}

  /// The bytes of a part, to be filled.
  std::vector<char>& bytes(size_t part) { return runs_[part].bytes; }

  /// When all parts are there: memory for their bytes, of which there are size() then. False: there is none.
  bool take_memory();
  int64_t size() const { return size_; }
  /// Brings a part to its place and makes its offsets count from the column's first byte. The run is empty afterwards.
  void place(size_t part, std::span<int64_t> offsets);

  /// All texts, when all parts are in their place.
  Buffer finish() const;

 private:
  struct Run {
    std::vector<char> bytes;
    int64_t base = 0;
  };

  std::vector<Run> runs_;
  int64_t size_ = 0;
  std::shared_ptr<uint8_t> all_;
};

}  // namespace hayate::io
