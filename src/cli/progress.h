// The progress line on stderr: redrawn in place on a terminal, a line per step otherwise.
#pragma once

#include <string>

#include "exec/steps.h"

namespace hayate::cli {

class ProgressLine : public exec::StepListener {
 public:
  /// `redraw`: stderr is a terminal.
  explicit ProgressLine(bool redraw) : redraw_(redraw) {}
  ~ProgressLine() override { clear(); }

  void step_began(const std::string& name, int64_t items) override;
  void step_advanced(const exec::StepProgress& progress) override;
  void step_ended(const exec::StepRecord& record) override;

 private:
  void clear();

  bool redraw_;
  std::string name_;
  double began_ = 0, drawn_ = 0;
  bool visible_ = false;
};

}  // namespace hayate::cli
