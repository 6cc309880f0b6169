#include "io/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <set>

#include "base/folder_lock.h"
#include "base/strings.h"
#include "io/large_memory.h"
#include "io/partitions.h"
#include "io/qlib_folder.h"
#include "io/remote.h"

namespace hayate::io {
namespace fs = std::filesystem;
namespace {

constexpr size_t kPiece = size_t{1} << 20;

/// The row of kExtensions that `path` ends with; the longest one, so that ".csv.gz" is found before a later ".gz" would.
const Extension* extension_of(std::string_view path) {
  if (is_remote(path)) path = path.substr(0, path.find_first_of("?#"));
  const std::string name = lower(path);
  const Extension* found = nullptr;
  for (const Extension& e : kExtensions)
    if (name.ends_with(e.name) && (!found || e.name.size() > found->name.size())) found = &e;
  return found;
}

std::vector<std::string> extension_names() {
  std::vector<std::string> names;
  for (const Extension& e : kExtensions) names.emplace_back(e.name);
  return names;
}

std::string_view file_name(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

Error system_error(std::string doing, const std::string& path, int code) {
  const char* hint = "check the path and its permissions";
  if (code == ENOSPC || code == EDQUOT) hint = "free some space there, or write to another folder";
  if (code == EFBIG) hint = "raise the file size limit (ulimit -f), or write to another folder";
  if (code == EMFILE || code == ENFILE) hint = "raise the number of open files (ulimit -n)";
  if (code == EPIPE) hint = "the program that reads the output has ended";
  const Kind kind = code == ENOENT || code == EISDIR ? Kind::input : Kind::io;
  return {kind, fmt::format("{}: {}", doing, std::strerror(code)), path, hint};
}

/// Closes a descriptor when it goes out of scope.
struct Descriptor {
  int file = -1;
  explicit Descriptor(int opened) : file(opened) {}
  ~Descriptor() {
    if (file > 0) ::close(file);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
};

/// Opens for reading; a folder is an Error here rather than at the first read.
Result<int> open_to_read(const std::string& path) {
  if (path == "-") return STDIN_FILENO;
  struct stat status{};
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    if (errno == ENOENT) return input_error("no such file", path, "check the path; globs and folders are taken too");
    return system_error("cannot open", path, errno);
  }
  if (::fstat(file, &status) == 0 && S_ISDIR(status.st_mode)) {
    ::close(file);
    return input_error("this is a folder, expected a file", path, "name a file in it");
  }
  return file;
}

/// read(2) until something came, the end, or an error.
ssize_t read_some(int file, void* into, size_t size) {
  while (true) {
    const ssize_t got = ::read(file, into, size);
    if (got >= 0 || errno != EINTR) return got;
  }
}

/// write(2) until all is written; 0, or the error number.
int write_all(int file, const void* data, size_t size) {
  auto from = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t put = ::write(file, from, std::min(size, size_t{1} << 30));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return errno;
    from += put, size -= size_t(put);
  }
  return 0;
}

bool is_folder(const std::string& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

bool exists(const std::string& path) {
  std::error_code ignored;
  return path == "-" || fs::exists(path, ignored);
}

/// Files of a known format in `folder`, and in folders called key=value below it, as paths from there. `depth`: how far down; a link
/// to a folder above would go on for ever.
Result<void> list_folder(const std::string& folder, const std::string& below, int depth, std::vector<std::string>* found, bool* has_keys) {
  std::error_code code;
  for (fs::directory_iterator at(folder + below, code), end; !code && at != end; at.increment(code)) {
    std::error_code ignored;
    const std::string name = at->path().filename();
    if (!name.starts_with('.') && extension_of(name) && at->is_regular_file(ignored)) {
      found->push_back(below + "/" + name);
    } else if (is_partition_folder(name) && at->is_directory(ignored)) {
      if (depth == 0) return input_error("folders are nested too deeply", folder + below, "look for a link to a folder above");
      *has_keys = true;
      HY_CHECK(list_folder(folder, below + "/" + name, depth - 1, found, has_keys));
    }
  }
  if (code) return system_error("cannot list the folder", folder + below, code.value());
  return {};
}

Result<std::vector<std::string>> files_in(const std::string& folder) {
  constexpr int kDeepest = 16;
  std::string root = folder;
  while (root.size() > 1 && root.ends_with('/')) root.pop_back();
  std::vector<std::string> paths;
  bool has_keys = false;
  HY_CHECK(list_folder(root, "", kDeepest, &paths, &has_keys));
  for (std::string& path : paths) path = root + (has_keys ? "/." : "") + path;
  std::sort(paths.begin(), paths.end());  // a folder hands out names in any order
  if (paths.empty())
    return input_error("no readable file in the folder", folder,
                       fmt::format("files that are read end in {}; folders in it are read if they are called key=value, others by '{}/**'",
                                   join(extension_names(), " "), root));
  return paths;
}

std::vector<std::string> paths_matching(const std::string& pattern) {
  glob_t found{};
  const int code = ::glob(pattern.c_str(), GLOB_NOSORT | GLOB_BRACE, nullptr, &found);
  std::vector<std::string> paths;
  for (size_t i = 0; code == 0 && i < found.gl_pathc; ++i) paths.emplace_back(found.gl_pathv[i]);
  ::globfree(&found);
  return paths;
}

/// The name of a folder as a glob that only it matches.
std::string escaped(const std::string& path) {
  std::string out;
  for (const char c : path) {
    if (std::string_view("*?[]{},\\").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

/// Adds what matches `pattern`, in which a part `**` stands for any folders, one below the other, or none. glob() knows no such thing: it takes it
/// for `*`, and folders of another depth would be left out without a word.
void add_matching(const std::string& pattern, std::set<std::string>* paths) {
  const size_t at = ("/" + pattern + "/").find("/**/");
  if (at == std::string::npos) {
    for (std::string& path : paths_matching(pattern))
      if (!is_folder(path)) paths->insert(std::move(path));
    return;
  }
  const std::string before = pattern.substr(0, at), behind = at + 3 < pattern.size() ? pattern.substr(at + 3) : "*";
  add_matching(before + behind, paths);
  for (const std::string& top : before.empty() ? std::vector<std::string>{""} : paths_matching(before)) {
    std::error_code code;
    for (fs::recursive_directory_iterator folder(top.empty() ? "." : top, fs::directory_options::skip_permission_denied, code), end;
         !code && folder != end; folder.increment(code)) {
      std::error_code ignored;
      const std::string name = folder->path().filename();
      if (!folder->is_directory(ignored)) continue;
      if (name.starts_with('.'))
        folder.disable_recursion_pending();
      else
        add_matching(escaped(folder->path().string().substr(top.empty() ? 2 : 0)) + "/" + behind, paths);
    }
  }
}

Result<std::vector<std::string>> files_matching(const std::string& pattern) {
  std::set<std::string> found;
  add_matching(pattern, &found);
  const std::vector<std::string> paths(found.begin(), found.end());
  if (paths.empty()) return input_error("no file matches", pattern, "check the folder and the pattern; quote it so that the shell leaves it alone");
  return paths;
}

/// Takes a large file that will be replaced out of the page cache, as far as it is on the disk: the new one gets these pages, instead of others that
/// a virtual machine's host may have to find first (500 MB of CSV over a file of that size: 0.9 s of CPU in pages that were just in use, 1.8 to 2.4
/// in others). What the file holds stays until the new one is complete.
void give_up_pages(const std::string& path) {
  constexpr int64_t kLarge = int64_t{16} << 20;
  if (file_size(path).value_or(0) < kLarge) return;
  const Descriptor old(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (old.file >= 0) ::posix_fadvise(old.file, 0, 0, POSIX_FADV_DONTNEED);  // advice
}

/// Makes a rename in `folder` survive a power cut.
void sync_folder(const std::string& folder) {
  const Descriptor descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (descriptor.file >= 0) ::fsync(descriptor.file);  // some file systems refuse; the data itself is synced
}

/// What a file is called here whose extension is another; "": nothing is known of it.
std::string_view other_name(std::string_view extension) {
  constexpr std::pair<std::string_view, std::string_view> kOthers[] = {
      {".tab .psv .txt .dat", "call it .csv, whatever its separator"},
      {".ndjson .jsonlines", "call it .jsonl"},
      {".pq .parq", "call it .parquet"},
      {".ipc .arrows .ftr", "call it .arrow"},
      {".hdf .hdf5", "call it .h5"},
      {".xlsx .xls .ods", "save the sheet as CSV"},
      {".pkl .pickle", "write it from Python with DataFrame.to_parquet"},
      {".npz", "save the array alone with numpy.save, as .npy"},
      {".gz .zst", "of texts .csv and .tsv alone are read compressed; unpack it"},
      {".bz2 .xz .zip .lz4 .br .7z", "unpack it, or compress it with gzip or zstd"},
  };
  const std::string wanted = lower(extension);
  for (const auto& [extensions, hint] : kOthers)
    for (const std::string_view known : split(extensions, ' '))
      if (known == wanted) return hint;
  return "";
}

}  // namespace

Result<FileKind> kind_of(std::string_view path) {
  if (const Extension* found = extension_of(path)) return found->kind;
  const std::string_view name = file_name(path);
  const size_t dot = name.rfind('.');
  const std::string what =
      dot == std::string_view::npos ? std::string("a file name without an extension") : fmt::format("unknown file extension '{}'", name.substr(dot));
  const std::string_view other = dot == std::string_view::npos ? "" : other_name(name.substr(dot));
  return usage_error(what, std::string(path),
                     fmt::format("{}{}the known ones are {}", other, other.empty() ? "" : "; ", join(extension_names(), " ")));
}

Result<FileKind> kind_named(std::string_view name, std::string where) {
  std::vector<std::string> names;
  for (const Extension& e : kExtensions) {
    names.emplace_back(e.name.substr(1));
    if (lower(name) == names.back()) return e.kind;
  }
  return unknown_name("format", name, names, std::move(where));
}

Codec codec_of(const uint8_t* data, size_t size) {
  const std::string_view begin(reinterpret_cast<const char*>(data), size);
  return begin.starts_with("\x1F\x8B") ? Codec::gzip : begin.starts_with("\x28\xB5\x2F\xFD") ? Codec::zstd : Codec::none;
}

std::string stem(std::string_view path) {
  const std::string_view name = file_name(path);
  const Extension* found = extension_of(name);
  return std::string(found ? name.substr(0, name.size() - found->name.size()) : name);
}

Result<std::vector<std::string>> expand_input(const std::string& input) {
  if (is_remote(input)) return fetch(input);
  if (is_qlib_folder(input)) return std::vector<std::string>{input};
  if (is_folder(input)) return files_in(input);
  if (exists(input)) return std::vector<std::string>{input};  // before globs: a file may have [ in its name
  if (input.find_first_of("*?[{") != std::string::npos) return files_matching(input);
  return input_error("no such file", input, "check the path; globs and folders are taken too");
}

Error reading_stopped(const std::string& path) { return {Kind::interrupted, "interrupted while it was read", path, "run it again"}; }

Result<std::vector<std::string>> expand_inputs(std::span<const std::string> inputs) {
  std::vector<std::string> paths;
  for (const std::string& input : inputs) {
    HY_TRY(const std::vector<std::string> found, expand_input(input));
    paths.insert(paths.end(), found.begin(), found.end());
  }
  std::sort(paths.begin(), paths.end());
  paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
  return paths;
}

Result<void> check_readable(const std::string& path) {
  HY_TRY(const int file, open_to_read(path));
  const Descriptor closing(file);
  return {};
}

std::optional<int64_t> file_size(const std::string& path) {
  struct stat status{};
  if (path == "-" || ::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  return int64_t(status.st_size);
}

Result<Buffer> read_file(const std::string& path) {
  HY_TRY(const int file, open_to_read(path));
  const Descriptor closing(file);
  struct stat status{};
  const bool has_size = ::fstat(file, &status) == 0 && S_ISREG(status.st_mode);
  // Room for a byte more than the file has, so that its end shows without a second buffer; pipes grow by doubling.
  size_t capacity = has_size && status.st_size > 0 ? size_t(status.st_size) + 1 : kPiece, size = 0;
  std::shared_ptr<char> bytes = std::static_pointer_cast<char>(allocate_large(capacity));
  while (true) {
    if (!bytes)
      return Error{Kind::budget, fmt::format("no memory for {} of file", format_bytes(int64_t(capacity))), path,
                   "read fewer or smaller files at once"};
    const ssize_t got = read_some(file, bytes.get() + size, capacity - size);
    if (got < 0) return system_error("cannot read", path, errno);
    if (got == 0) break;
    size += size_t(got);
    if (size < capacity) continue;
    std::shared_ptr<char> larger = std::static_pointer_cast<char>(allocate_large(2 * capacity));
    if (larger) std::memcpy(larger.get(), bytes.get(), size);
    bytes = std::move(larger), capacity *= 2;
  }
  const auto data = reinterpret_cast<const uint8_t*>(bytes.get());
  return Buffer{std::move(bytes), data, size};
}

Result<std::shared_ptr<const InputFile>> InputFile::open(const std::string& path) {
  HY_TRY(const int file, open_to_read(path));
  struct stat status{};
  if (file == STDIN_FILENO || ::fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) {
    const Descriptor closing(file);
    return input_error("this is no regular file, and its format needs one", path, "write it to a file first");
  }
  return std::shared_ptr<const InputFile>(new InputFile(path, file, int64_t(status.st_size)));
}

std::shared_ptr<const InputFile> InputFile::from_descriptor(int file, std::string path) {
  struct stat status{};
  ::fstat(file, &status);
  return std::shared_ptr<const InputFile>(new InputFile(std::move(path), file, int64_t(status.st_size)));
}

InputFile::~InputFile() { ::close(file_); }

Result<size_t> InputFile::read_at(int64_t offset, void* into, size_t size) const {
  size_t done = 0;
  while (done < size) {
    const ssize_t got = ::pread(file_, static_cast<char*>(into) + done, size - done, offset + int64_t(done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error("cannot read", path_, errno);
    if (got == 0) break;
    done += size_t(got);
  }
  return done;
}

Result<TemporaryFile> TemporaryFile::create() {
  const char* named = std::getenv("TMPDIR");
  const std::string folder = named && *named ? named : "/tmp";
  int file = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (file < 0) {  // some file systems know no O_TMPFILE
    std::string name = folder + "/hayate-XXXXXX";
    file = ::mkostemp(name.data(), O_CLOEXEC);
    if (file >= 0) ::unlink(name.c_str());
  }
  if (file >= 0) return TemporaryFile(file, folder);
  Error error = system_error("no temporary file can be made", folder, errno);
  error.hint = "set TMPDIR to a folder that can be written to";
  return error;
}

TemporaryFile::TemporaryFile(TemporaryFile&& other) noexcept
    : file_(std::exchange(other.file_, -1)), folder_(std::move(other.folder_)), size_(other.size_.load()) {}

TemporaryFile::~TemporaryFile() {
  if (file_ >= 0) ::close(file_);
}

int TemporaryFile::release() { return std::exchange(file_, -1); }

Result<void> TemporaryFile::write_at(int64_t offset, const void* data, size_t size) {
  for (size_t done = 0; done < size;) {
    const ssize_t put = ::pwrite(file_, static_cast<const char*>(data) + done, size - done, offset + int64_t(done));
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) {
      Error error = system_error("cannot write temporary data", folder_, put < 0 ? errno : ENOSPC);
      error.hint = "free some space there, set TMPDIR to a folder with more, or raise --memory-limit";
      return error;
    }
    done += size_t(put);
  }
  return {};
}

Result<void> TemporaryFile::read_at(int64_t offset, void* into, size_t size) const {
  for (size_t done = 0; done < size;) {
    const ssize_t got = ::pread(file_, static_cast<char*>(into) + done, size - done, offset + int64_t(done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error("cannot read temporary data", folder_, errno);
    if (got == 0) return Error{Kind::io, "temporary data was cut off", folder_, "does another program empty this folder? set TMPDIR to another one"};
    done += size_t(got);
  }
  return {};
}

Result<std::string> take_stdin(size_t size) {
  std::string out(size, '\0');
  size_t done = 0;
  while (done < size) {
    const ssize_t got = read_some(STDIN_FILENO, out.data() + done, size - done);
    if (got < 0) return system_error("cannot read", "-", errno);
    if (got == 0) break;
    done += size_t(got);
  }
  out.resize(done);
  return out;
}

Result<void> read_pieces(const std::string& path, const std::function<Result<void>(const uint8_t*, size_t)>& visit) {
  HY_TRY(const int file, open_to_read(path));
  const Descriptor closing(file);
  const auto piece = std::make_unique_for_overwrite<uint8_t[]>(kPiece);  // of a small file, most of its pages are never touched
  while (true) {
    const ssize_t got = read_some(file, reinterpret_cast<char*>(piece.get()), kPiece);
    if (got < 0) return system_error("cannot read", path, errno);
    if (got == 0) return {};
    HY_CHECK(visit(piece.get(), size_t(got)));
  }
}

Result<Hash128> hash_file(const std::string& path) {
  Hasher hasher;
  HY_CHECK(read_pieces(path, [&](const uint8_t* data, size_t size) { return hasher.bytes(data, size), Result<void>(); }));
  return hasher.finish();
}

Result<std::unique_ptr<AtomicFile>> AtomicFile::create(const std::string& path) {
  std::unique_ptr<AtomicFile> out(new AtomicFile);
  std::error_code ignored;
  out->path_ = path;
  out->target_ = fs::is_symlink(path, ignored) ? fs::weakly_canonical(path, ignored).string() : path;
  const fs::path target(out->target_);
  const std::string folder = target.has_parent_path() ? target.parent_path().string() : ".";
  if (!target.has_filename() || is_folder(out->target_))
    return Error{Kind::io, "this is a folder, expected a file to write", path, "add a file name"};
  if (!is_folder(folder)) return Error{Kind::io, "the folder to write to does not exist", path, fmt::format("make it first: mkdir -p {}", folder)};

  if (fs::exists(target, ignored) && !fs::is_regular_file(target, ignored)) {
    out->file_ = ::open(out->target_.c_str(), O_WRONLY | O_CLOEXEC);
  } else {
    give_up_pages(out->target_);
    out->temporary_ = fmt::format("{}/.{}.{}.tmp", folder, target.filename().string(), unique_suffix());
    out->file_ = ::open(out->temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  }
  if (out->file_ >= 0) return out;
  const int code = errno;
  out->temporary_.clear();
  Error error = system_error("cannot write here", path, code);
  error.kind = Kind::io;
  return error;
}

AtomicFile::~AtomicFile() {
  if (file_ >= 0) ::close(file_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

Result<void> AtomicFile::write(const void* data, size_t size) {
  if (const int code = write_all(file_, data, size)) return system_error("cannot write", path_, code);
  // The disk begins while there is more to come, so that the sync at the end waits for little.
  constexpr int64_t kBehind = int64_t{8} << 20;
  written_ += int64_t(size);
  if (!temporary_.empty() && written_ - sent_ >= kBehind) {
    ::sync_file_range(file_, sent_, written_ - sent_, SYNC_FILE_RANGE_WRITE);  // advice: what fails here fails in fsync
    sent_ = written_;
  }
  return {};
}

Result<void> AtomicFile::publish() {
  const bool synced = temporary_.empty() || ::fsync(file_) == 0;  // never tried again: a second fsync may lie
  const int sync_code = errno;
  const bool closed = ::close(std::exchange(file_, -1)) == 0;
  if (!synced || !closed) return system_error("cannot write", path_, synced ? errno : sync_code);
  if (temporary_.empty()) return {};
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) return system_error("cannot rename the finished file", path_, errno);
  temporary_.clear();
  const fs::path folder = fs::path(target_).parent_path();
  sync_folder(folder.empty() ? "." : folder.string());
  return {};
}

Result<void> write_file(const std::string& path, std::string_view bytes) {
  HY_TRY(const std::unique_ptr<AtomicFile> file, AtomicFile::create(path));
  HY_CHECK(file->write(bytes.data(), bytes.size()));
  return file->publish();
}

namespace {
class StdoutSink final : public ByteSink {
 public:
  Result<void> write(const void* data, size_t size) override {
    if (const int code = write_all(STDOUT_FILENO, data, size)) return system_error("cannot write", "standard output", code);
    return {};
  }
  Result<void> publish() override { return {}; }
};
}  // namespace

std::unique_ptr<ByteSink> stdout_sink() { return std::make_unique<StdoutSink>(); }

}  // namespace hayate::io
