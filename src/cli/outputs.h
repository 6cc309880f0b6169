// What several commands do alike with what they read and write.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"
#include "hayate/panel.h"
#include "io/files.h"
#include "io/reader.h"

namespace hayate::cli {

/// Seconds and memory of this process so far, as --timings FILE has them; does nothing when `path` is empty.
Result<void> write_timings(const std::string& path, const std::vector<exec::StepRecord>& steps, int workers);

/// The kind that --format names, or nothing when it is empty.
Result<std::optional<io::FileKind>> asked_kind(const std::string& format);

/// The kind in which to write `output`: as its name says, for '-' as --to or else --format says, and as --to says for a name without a suffix
/// that is known. Nothing where the name says it. Usage Error: nobody says it, or --to beside a name that does.
Result<std::optional<io::FileKind>> kind_to_write(const std::string& output, const std::string& format, const std::string& to);

/// Refuses a --plot that is not called .svg, before any work.
Result<void> check_plot(const std::string& path);

struct TableReading;
/// Columns, types and CSV form as the flags ask for, checked before any file is looked at; kind, pool and memory are the command's.
Result<io::ReadOptions> reading_options(const TableReading& asked);
/// Remembers what JSON does not hold of rows that go to `output`, if that is JSON; say_roundings() says it.
void note_written(const Table& rows, const std::string& output, const std::optional<io::FileKind>& kind);
/// Says what the tables that were read with such options hold and no dtype does.
void say_roundings(const Console& console);
/// Says it when files that are not empty gave no rows: a header alone, or something that only looks like a table.
void say_no_rows(const Console& console, std::span<const std::string> paths, int64_t rows);

/// A few lines on stderr: how many findings of each kind, and the first ones.
void say_findings(const Console& console, const char* noun, const std::vector<Finding>& findings);

/// Says which features have so many categories that the rare ones count as missing.
void say_full_categories(const Console& console, const std::set<std::string>& features);

/// "a, b" as names; empty for an empty text.
std::vector<std::string> listed(const std::string& names);

/// Control characters as blanks: a name or value that keeps to its line.
std::string one_line(std::string text);
/// Characters of UTF-8.
size_t num_characters(std::string_view text);
/// `text` in a field of `width` places, by characters rather than bytes.
std::string padded(const std::string& text, size_t width);

}  // namespace hayate::cli
