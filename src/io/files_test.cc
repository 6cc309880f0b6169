#include "io/files.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "io/scratch_folder.h"

using namespace hayate;
using namespace hayate::io;
namespace fs = std::filesystem;

namespace {
void touch(const std::string& path) { std::ofstream(path) << "x"; }
std::string content(const std::string& path) {
  const auto bytes = read_file(path);
  REQUIRE(bytes.ok());
  return {reinterpret_cast<const char*>(bytes.value().data), bytes.value().size};
}
size_t files_in(const std::string& folder) { return size_t(std::distance(fs::directory_iterator(folder), fs::directory_iterator())); }
}  // namespace

TEST_CASE("files: the kind and the stem of a name") {
  CHECK(kind_of("a/b.CSV.gz").value().codec == Codec::gzip);
  CHECK(kind_of("b.csv.zst").value().codec == Codec::zstd);
  CHECK(kind_of("x.feather").value().format == Format::arrow);
  CHECK(kind_of("x.zstd.parquet").value().pages == Codec::zstd);
  CHECK(kind_of("x.parquet").value().pages == Codec::none);
  CHECK(kind_of("x.tsv.gz").value().separator == '\t');
  CHECK(kind_of("x.csv").value().separator == 0);
  CHECK(stem("prices/x.zstd.parquet") == "x");
  CHECK(stem("prices/x.tsv.gz") == "x");
  CHECK(kind_of("x.xlsx").error().what == "unknown file extension '.xlsx'");
  CHECK(kind_of("x.xlsx").error().hint.find(".parquet") != std::string::npos);
  CHECK(kind_of("README").error().what == "a file name without an extension");
  CHECK(kind_named("jsonl", "--format").value().format == Format::jsonl);
  CHECK(kind_named("parqet", "--format").error().hint == "did you mean 'parquet'?");
  CHECK(stem("prices/BRK.B.csv.gz") == "BRK.B");
  CHECK(stem("7203.T.parquet") == "7203.T");
  CHECK(stem("notes.txt") == "notes.txt");
}

TEST_CASE("files: a file, a glob, a folder and all of them become sorted paths, each once") {
  const ScratchFolder folder;
  for (const char* name : {"b.csv", "a.csv", "c.parquet", ".hidden.csv", "notes.txt", "d[1].csv"}) touch(folder / name);
  fs::create_directory(folder / "sub.csv");
  CHECK(expand_input(folder / "*.csv").value().size() == 3);
  CHECK(expand_input(folder.path).value().size() == 4);
  CHECK(expand_input(folder / "d[1].csv").value() == std::vector<std::string>{folder / "d[1].csv"});
  CHECK(expand_input(folder / "{a,c}.*").value().size() == 2);
  {  // in the order of their names, in whatever order they were made
    const ScratchFolder shuffled;
    std::vector<std::string> names;
    for (const char* name : {"z", "b", "y", "a", "x", "c", "w", "d"}) {
      names.push_back(shuffled / (std::string(name) + ".csv"));
      REQUIRE(write_file(names.back(), "a\n1\n").ok());
    }
    std::sort(names.begin(), names.end());
    CHECK(expand_input(shuffled.path).value() == names);
    CHECK(expand_input(shuffled / "*.csv").value() == names);
  }
  {  // ** stands for folders of any depth
    const ScratchFolder deep;
    const std::vector<std::string> names = {deep / "a.csv", deep / "of[1]/b.csv", deep / "of[1]/below/c.csv"};
    fs::create_directories(deep / "of[1]/below"), fs::create_directories(deep / ".hidden");
    for (const std::string& name : names) touch(name);
    touch(deep / ".hidden/d.csv");
    const auto sorted = [](std::vector<std::string> paths) { return std::sort(paths.begin(), paths.end()), paths; };
    CHECK(expand_input(deep / "**/*.csv").value() == sorted(names));
    CHECK(expand_input(deep / "**").value() == sorted(names));
    CHECK(expand_input(deep / "**/below/*.csv").value() == std::vector<std::string>{names[2]});
    CHECK(expand_input(deep / "o*/**/?.csv").value() == sorted({names[1], names[2]}));
    CHECK_FALSE(expand_input(deep / "**/no.csv").ok());
  }
  const auto all = expand_inputs(std::vector<std::string>{folder / "c.parquet", folder / "*.csv", folder / "a.csv"});
  REQUIRE(all.ok());
  CHECK(all.value() == std::vector<std::string>{folder / "a.csv", folder / "b.csv", folder / "c.parquet", folder / "d[1].csv"});
  fs::create_directory(folder / "empty");
  for (const char* missing : {"no.csv", "no*.csv", "empty", "no/such/file.csv"}) {
    const auto result = expand_input(folder / missing);
    REQUIRE_FALSE(result.ok());
    CHECK(result.error().kind == Kind::input);
    CHECK(result.error().where == folder / missing);
    CHECK_FALSE(result.error().hint.empty());
  }
}

TEST_CASE("files: whole files are read and hashed; a pipe too") {
  const ScratchFolder folder;
  const std::string text(3'000'001, 'q');
  REQUIRE(write_file(folder / "x", text).ok());
  CHECK(content(folder / "x") == text);
  CHECK(hash_file(folder / "x").value() == hash_bytes(text.data(), text.size()));
  CHECK(content("/proc/self/status").find("Pid:") != std::string::npos);
  CHECK(read_file(folder / "y").error().kind == Kind::input);
  CHECK(read_file(folder.path).error().what == "this is a folder, expected a file");
  CHECK(hash_file(folder.path).error().kind == Kind::input);
}

TEST_CASE("files: an output appears complete or not at all") {
  const ScratchFolder folder;
  touch(folder / "old");
  {
    auto file = AtomicFile::create(folder / "old");
    REQUIRE(file.ok());
    REQUIRE(file.value()->write("new", 3).ok());
    CHECK(content(folder / "old") == "x");
  }
  CHECK(content(folder / "old") == "x");
  CHECK(files_in(folder.path) == 1);
  REQUIRE(write_file(folder / "old", "new").ok());
  CHECK(content(folder / "old") == "new");
  fs::create_symlink(folder / "old", folder / "link");
  REQUIRE(write_file(folder / "link", "through").ok());
  CHECK(content(folder / "old") == "through");
  CHECK(fs::is_symlink(folder / "link"));
  REQUIRE(write_file("/dev/null", "gone").ok());
  CHECK(fs::is_character_file("/dev/null"));
}

TEST_CASE("files: a large file that is to be replaced keeps its bytes until it is, also in what is not on the disk yet") {
  const ScratchFolder folder;
  const std::string path = folder / "large";
  std::string bytes(size_t{17} << 20, 'a');
  for (size_t i = 0; i < bytes.size(); i += 97) bytes[i] = char('a' + i % 26);
  std::ofstream(path) << bytes;  // nobody syncs it
  {
    auto file = AtomicFile::create(path);
    REQUIRE(file.ok());
    REQUIRE(file.value()->write("new", 3).ok());
    CHECK(content(path) == bytes);
  }
  CHECK(content(path) == bytes);
  REQUIRE(write_file(path, "new").ok());
  CHECK(content(path) == "new");
}

TEST_CASE("files: what cannot be written is an error with three lines, and leaves nothing behind") {
  const ScratchFolder folder;
  const auto check = [](const Result<void>& result, const char* what) {
    REQUIRE_FALSE(result.ok());
    CHECK(result.error().kind == Kind::io);
    CHECK(result.error().what.find(what) != std::string::npos);
    CHECK_FALSE(result.error().where.empty());
    CHECK_FALSE(result.error().hint.empty());
  };
  check(write_file("/proc/nope/x.parquet", "x"), "does not exist");
  check(write_file("/proc/x.parquet", "x"), "cannot write here");
  check(write_file(folder.path, "x"), "folder");
  check(write_file(folder / "new/", "x"), "folder");
  check(write_file("/dev/full", "x"), "No space left");

  ::signal(SIGXFSZ, SIG_IGN);
  rlimit old{};
  ::getrlimit(RLIMIT_FSIZE, &old);
  const rlimit small{1000, old.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &small);
  const auto result = write_file(folder / "big", std::string(5000, 'x'));
  ::setrlimit(RLIMIT_FSIZE, &old);
  check(result, "File too large");
  CHECK(files_in(folder.path) == 0);
}
