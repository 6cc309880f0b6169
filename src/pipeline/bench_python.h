// Other people's libraries timed beside ours: a small script is run by the Python that the user names, once, in a process of
// its own, and prints a line of tab-separated fields for everything that it measured or lacks. Nothing is installed, and
// a Python that is not there is no error: it is one more thing that is said to be missing.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "exec/pool.h"
#include "hayate/error.h"

namespace hayate::pipeline {

/// How often something is timed, here and in the script: up to kMostRuns times, until kEnoughSeconds have passed. The best counts.
inline constexpr int kMostRuns = 3;
inline constexpr double kEnoughSeconds = 1.0;

/// The lines that `script` printed when run by `python` with the argument `job` (a JSON file), each split at tabs and
/// handed to `told` when it comes. `folder` is the folder it works in. Lines are missing from where the script died. False: there is no such Python.
Result<bool> run_python(const std::string& python, const char* script, const std::string& folder, const std::string& job,
                        const exec::Cancellation& cancel, const std::function<void(const std::vector<std::string>&)>& told);

/// argv[1]: job.json as bench_formats.cc writes it. Prints "missing NAME WHY" and "result PROGRAM FORMAT SAVE LOAD BYTES
/// DIFFERENCES"; formats that a library does not offer give no line.
extern const char* const kFormatsScript;
/// argv[1]: job.json as bench_compute.cc writes it. Prints "missing NAME WHY" and "result PROGRAM BEST MEDIAN FILE", FILE
/// holding the norms as float64.
extern const char* const kComputeScript;

}  // namespace hayate::pipeline
