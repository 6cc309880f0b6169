// Time and memory as the operating system counts them for this process.
#pragma once

#include <cstdint>
#include <string>

namespace hayate {

double wall_seconds();        ///< steady clock; only differences mean something
double cpu_seconds();         ///< user + system time of all threads so far
double thread_cpu_seconds();  ///< user + system time of the calling thread so far
int64_t peak_memory_bytes();  ///< peak resident set so far
int64_t resident_bytes();     ///< resident set now
/// From now on blocks up to 4 MB stay with the process when they are freed: thousands of models need the same few, one after the other, and
/// by default every block above 128 KB gets its pages anew (4 % of training a forest of 2,000 rows).
void keep_freed_memory();
std::string timestamp_now();  ///< "20260105T093000", local time: names of run folders

}  // namespace hayate
