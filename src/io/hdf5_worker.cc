// A worker process for one file: started from the same program, it limits its own memory and processor time before it
// opens the file, writes the table as Arrow IPC into a temporary file that the parent opened, and an Error as JSON to its
// standard output. Whatever happens in it (a crash, an endless loop, a request for a terabyte), the parent gets an Error.
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "base/json.h"
#include "base/strings.h"
#include "exec/process.h"
#include "io/chunk_formats.h"
#include "io/files.h"
#include "io/formats.h"
#include "io/hdf5.h"
#include "io/json_reader.h"

namespace hayate::io {
namespace {

constexpr double kMostSeconds = 600;
/// Of a worker that was killed from outside. Reading changes nothing, so it may be begun often; one that the system kills for its
/// memory has a limit of its own that makes it give up first.
constexpr int kRetries = 8;

/// Writes to a descriptor that somebody else opened.
class DescriptorSink final : public ByteSink {
 public:
  explicit DescriptorSink(int file) : file_(file) {}
  Result<void> write(const void* data, size_t size) override {
    for (size_t done = 0; done < size;) {
      const ssize_t put = ::write(file_, static_cast<const char*>(data) + done, size - done);
      if (put < 0 && errno == EINTR) continue;
      if (put <= 0)
        return Error{Kind::io, fmt::format("temporary data cannot be written: {}", std::strerror(errno)), "$TMPDIR", "free some space there"};
      done += size_t(put);
    }
    return {};
  }
  Result<void> publish() override { return {}; }

 private:
  int file_;
};

Result<void> work(const std::vector<std::string>& arguments, Roundings* roundings) {
  if (arguments.size() < 4) return usage_error("this command is for hayate itself", kHdf5Worker, "hayate --help lists the commands");
  const int file = int(parse_integer(arguments[0]).value_or(-1));
  // An earlier worker may have been killed in the middle of its answer.
  if (::ftruncate(file, 0) != 0 || ::lseek(file, 0, SEEK_SET) != 0)
    return Error{Kind::io, "the temporary file cannot be used", "$TMPDIR", "is it full?"};
  const std::string& path = arguments[3];
  HY_TRY(const auto encoder, arrow_encoder(std::make_unique<DescriptorSink>(file), path));  // first, so that Arrow's own 60 MB are not counted
  exec::limit_this_process(parse_integer(arguments[1]).value_or(0), kMostSeconds);
  bool begun = false;
  const auto write = [&](const Table& piece) -> Result<void> {
    if (!begun) HY_CHECK(encoder->begin(slice(piece, 0, 0)));
    begun = true;
    return encoder->write(piece);
  };
  HY_CHECK(parse_hdf5_pieces(path, {arguments.begin() + 4, arguments.end()}, parse_integer(arguments[2]).value_or(1), write, roundings));
  return encoder->finish();
}

Error lost(const std::string& path, std::string what) {
  return input_error(std::move(what), path, "the file may be damaged; write it again, or as Parquet: pandas.read_hdf(path).to_parquet(new_path)");
}

Error error_of(const std::string& said, const std::string& path) {
  const auto document = parse_json(said, path);
  const Json* error = document.ok() ? document.value().find("error") : nullptr;
  const auto field = [&](const char* name) {
    const Json* found = error ? error->find(name) : nullptr;
    return found && found->text() ? *found->text() : std::string();
  };
  if (!error) return lost(path, "the HDF5 library gave up on this file");
  Error out = lost(path, field("what"));
  for (const Kind kind : {Kind::usage, Kind::io, Kind::budget})
    if (field("kind") == kind_name(kind)) out.kind = kind;
  if (!field("where").empty()) out.where = field("where");
  if (!field("hint").empty()) out.hint = field("hint");
  return out;
}

/// What the worker said of values that it did not keep.
void tell_roundings(const std::string& said, const std::string& path, Roundings* roundings) {
  const auto document = parse_json(said, path);
  if (!document.ok() || !document.value().object()) return;  // more than was kept of it
  for (const auto& [column, first] : *document.value().object()) {
    const auto field = [&](const char* name) {
      const Json* found = first.find(name);
      return found && found->text() ? *found->text() : std::string();
    };
    roundings->add(column, path, {field("done"), field("value"), field("hint")});
  }
}

}  // namespace

int hdf5_worker(const std::vector<std::string>& arguments) {
  Result<void> done;
  Roundings roundings;
  try {
    done = work(arguments, &roundings);
  } catch (const std::bad_alloc&) {
    done = Error{Kind::budget, "reading needs more memory than --memory-limit", arguments.size() > 3 ? arguments[3] : "", "raise --memory-limit"};
  } catch (const std::exception& failure) {
    done = input_error(failure.what(), arguments.size() > 3 ? arguments[3] : "", "the file may be damaged; write it again");
  }
  JsonWriter json;
  if (done.ok()) {
    json.object();
    for (const auto& [column, first] : roundings.of(arguments[3]))
      json.key(column).object().key("done").value(first.done).key("value").value(first.value).key("hint").value(first.hint).end();
    std::fputs(json.end().text().c_str(), stdout);
    std::fflush(stdout);
    return 0;
  }
  json.object().key("error").object().key("kind").value(kind_name(done.error().kind)).key("what").value(done.error().what);
  json.key("where").value(done.error().where).key("hint").value(done.error().hint).end().end();
  std::fputs(json.text().c_str(), stdout);
  std::fflush(stdout);
  return 1;
}

namespace {

/// The table as an Arrow file without a name, made by a worker process in pieces of about `piece_bytes`.
Result<std::shared_ptr<const InputFile>> convert_in_worker(const std::string& path, const ReadOptions& options, int64_t limit_bytes,
                                                           int64_t piece_bytes) {
  HY_TRY(TemporaryFile made, TemporaryFile::create());
  const std::shared_ptr<const InputFile> file = InputFile::from_descriptor(made.release(), path);
  exec::ProcessOrder order;
  order.arguments = {kHdf5Worker, "3", std::to_string(limit_bytes), std::to_string(piece_bytes), path};
  order.arguments.insert(order.arguments.end(), options.columns.begin(), options.columns.end());
  order.file = file->descriptor(), order.retries = kRetries;
  order.most_seconds = options.timeout_seconds > 0 ? options.timeout_seconds : kMostSeconds;
  HY_TRY(const exec::ProcessEnd end, exec::run_process(order));
  if (end.ending == exec::Ending::timed_out || (end.ending == exec::Ending::crashed && end.code == SIGXCPU))
    return lost(path, fmt::format("the HDF5 library did not finish in {}", format_seconds(order.most_seconds)));
  if (end.ending == exec::Ending::crashed) return lost(path, fmt::format("the HDF5 library crashed on this file ({})", ::strsignal(end.code)));
  if (end.ending == exec::Ending::killed)
    return Error{Kind::io, fmt::format("reading was ended again and again from outside ({})", ::strsignal(end.code)), path,
                 "is the machine short of memory? lower --memory-limit or --workers"};
  if (end.code != 0) return error_of(end.output, path);
  if (options.roundings) tell_roundings(end.output, path, options.roundings.get());
  return file;
}

std::string path_of(const InputFile& file) { return fmt::format("/proc/self/fd/{}", file.descriptor()); }

/// The chunks of the converted file, which lives as long as they do.
class ConvertedChunks final : public ChunkReader {
 public:
  ConvertedChunks(std::shared_ptr<const InputFile> file, std::unique_ptr<ChunkReader> chunks) : file_(std::move(file)), chunks_(std::move(chunks)) {}
  const Table& schema() const override { return chunks_->schema(); }
  Result<std::optional<Table>> next() override { return chunks_->next(); }

 private:
  std::shared_ptr<const InputFile> file_;
  std::unique_ptr<ChunkReader> chunks_;
};

}  // namespace

Result<Table> read_hdf5(const std::string& path, const ReadOptions& options, int64_t limit_bytes) {
  HY_CHECK(check_readable(path));
  if (exec::worker_program().empty()) return parse_hdf5_file(path, options.columns, options.roundings.get());
  constexpr int64_t kPiece = int64_t{32} << 20;
  HY_TRY(const auto file, convert_in_worker(path, options, limit_bytes, kPiece));
  ReadOptions whole;
  whole.pool = options.pool;
  auto table = read_arrow(path_of(*file), whole, limit_bytes);
  if (!table.ok()) table.error().where = path;
  return table;
}

Result<std::unique_ptr<ChunkReader>> hdf5_chunks(const std::string& path, const ReadOptions& options, int64_t limit_bytes, size_t chunk_bytes) {
  HY_CHECK(check_readable(path));
  if (exec::worker_program().empty()) {
    HY_TRY(Table table, parse_hdf5_file(path, options.columns, options.roundings.get()));
    return chunks_of(std::move(table), 0);
  }
  HY_TRY(auto file, convert_in_worker(path, options, limit_bytes, int64_t(chunk_bytes)));
  ReadOptions whole;
  whole.steps = options.steps;
  auto chunks = arrow_chunks(path_of(*file), whole, limit_bytes);
  if (!chunks.ok()) return chunks.error().where = path, std::move(chunks.error());
  return std::unique_ptr<ChunkReader>(std::make_unique<ConvertedChunks>(std::move(file), std::move(chunks).value()));
}

}  // namespace hayate::io
