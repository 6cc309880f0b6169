// What a worker keeps from one evaluation to the next (hayate/features.h): memory, and programs bound to it.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <vector>

#include "features/lane_tiles.h"
#include "features/row_loops.h"
#include "hayate/features.h"
#include "kernels/cells.h"

namespace hayate {

/// 64-byte aligned memory that only grows. What stands in it is lost when it does. It is not cleared: a small job touches few of its pages.
class AlignedBytes {
 public:
  char* grow(size_t bytes) {
    if (bytes + 64 > size_) size_ = bytes + 64, bytes_ = std::make_unique_for_overwrite<char[]>(size_);
    return bytes_.get() + (64 - reinterpret_cast<uintptr_t>(bytes_.get()) % 64) % 64;
  }

 private:
  std::unique_ptr<char[]> bytes_;
  size_t size_ = 0;
};

/// Where the time of one program went.
struct ProgramCost {
  Program program;
  std::vector<uint64_t> step_ticks;  // by step of its plan
  double seconds = 0;
  int64_t rows = 0;
};

struct Workspace::State {
  AlignedBytes slots, scratch, row, patched, deviation, block, lanes;
  std::vector<kernels::StreamedColumn> columns;  // by symbol of the block, then by output
  // The loops of the program and layout that ran last.
  std::optional<Program> bound;
  SlotLayout layout;
  const kernels::ElementwiseKernels* kernels = nullptr;
  std::vector<RowLoop> loops;  // by step of the plan; those of whole series are empty
  // What ran last over tiles of symbols side by side.
  std::optional<LaneTiles> lane_tiles;

  const exec::Cancellation* cancel = nullptr;
  bool stopped() const { return cancel && cancel->stopped(); }

  bool measures = false;
  std::list<ProgramCost> costs;

  void bind(const Program& program, size_t rows);
  /// The costs of a program; null when nobody measures.
  ProgramCost* cost_of(const Program& program);
};

/// A clock for steps that take a microsecond.
uint64_t ticks();

}  // namespace hayate
