// The scripts, and the process that runs them.
#include "pipeline/bench_python.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "base/strings.h"
#include "io/files.h"

extern char** environ;

namespace hayate::pipeline {

const char* const kFormatsScript = R"python(
import importlib, json, os, sys, time

job = json.load(open(sys.argv[1]))
os.environ["POLARS_MAX_THREADS"] = str(job["workers"])


def say(*fields):
    print("\t".join(" ".join(str(f).split()) for f in fields), flush=True)


def load(name):
    try:
        return importlib.import_module(name)
    except Exception as e:
        say("missing", name, "not installed" if isinstance(e, ImportError) else e)


def best(work):
    least, began, runs = float("inf"), time.perf_counter(), 0
    while runs < job["runs"] and (runs == 0 or time.perf_counter() - began < job["enough"]):
        t = time.perf_counter()
        out = work()
        least = min(least, time.perf_counter() - t)
        runs += 1
    return least, out


def differences(rows, size):
    """Names of what is not in the loaded table as it was written; size(name, kind) is a sum of values or of bytes of text."""
    found = [] if rows == job["rows"] else [f"{rows} rows"]
    for c in job["columns"]:
        try:
            same = abs(size(c["name"], c["kind"]) - c["size"]) <= 1e-9 * max(abs(c["size"]), c["rough"])
        except Exception:
            same = False
        if not same:
            found.append(c["name"])
    return ", ".join(found)


def measure(program, formats, check):
    for name, (save, load_back) in formats.items():
        path = os.path.join(job["folder"], f"{program}.{name}")
        try:
            saved, _ = best(lambda: save(path))
            size = os.path.getsize(path)
            loaded, table = best(lambda: load_back(path))
            say("result", program, name, repr(saved), repr(loaded), size, check(table))
        except ImportError as e:
            say("missing", f"{program} {name}", str(e).split(".")[0])
        except Exception as e:
            say("missing", f"{program} {name}", f"{type(e).__name__}: {str(e)[:100]}")
        table = None
        if os.path.exists(path):
            os.remove(path)


def with_pandas(pd):
    import warnings
    warnings.simplefilter("ignore")
    frame = pd.read_parquet(job["table"])

    def size(f):
        return lambda name, kind: float(f[name].dropna().astype(str).str.encode("utf-8").str.len().sum() if kind == "text"
                                        else f[name].astype("float64").sum())
    formats = {
        "csv": (lambda p: frame.to_csv(p, index=False), pd.read_csv),
        "csv.zst": (lambda p: frame.to_csv(p, index=False, compression="zstd"), lambda p: pd.read_csv(p, compression="zstd")),
        "parquet": (lambda p: frame.to_parquet(p, index=False), pd.read_parquet),
        "parquet zstd": (lambda p: frame.to_parquet(p, index=False, compression="zstd"), pd.read_parquet),
        "feather": (frame.to_feather, pd.read_feather),
        "hdf5": (lambda p: frame.to_hdf(p, key="data", mode="w"), pd.read_hdf),
        "json": (lambda p: frame.to_json(p, orient="records"), lambda p: pd.read_json(p, orient="records")),
        "pickle": (lambda p: frame.to_pickle(p, compression=None), lambda p: pd.read_pickle(p, compression=None)),
    }
    measure("pandas", formats, lambda f: differences(len(f), size(f)))


def with_polars(pl):
    frame = pl.read_parquet(job["table"])

    def size(f):
        return lambda name, kind: float((f[name].cast(pl.String).str.len_bytes().cast(pl.Int64) if kind == "text"
                                         else f[name].cast(pl.Float64).fill_nan(None)).sum())
    def read_ipc(path):
        """Read, not mapped: a map is loaded when its values are."""
        try:
            return pl.read_ipc(path, memory_map=False)
        except TypeError:
            return pl.read_ipc(path)
    formats = {
        "csv": (frame.write_csv, pl.read_csv),
        "parquet": (lambda p: frame.write_parquet(p, compression="snappy"), pl.read_parquet),
        "parquet zstd": (lambda p: frame.write_parquet(p, compression="zstd"), pl.read_parquet),
        "feather": (frame.write_ipc, read_ipc),
        "json": (frame.write_json, pl.read_json),
    }
    measure("polars", formats, lambda f: differences(f.height, size(f)))


def with_duckdb(duckdb):
    db = duckdb.connect(config={"threads": job["workers"]})
    text = lambda s: "'" + s.replace("'", "''") + "'"
    quoted = lambda s: '"' + s.replace('"', '""') + '"'
    db.execute(f"CREATE TABLE source AS SELECT * FROM read_parquet({text(job['table'])})")

    def size(name, kind):
        value = f"strlen({quoted(name)}::VARCHAR)" if kind == "text" else f"CASE WHEN isnan({quoted(name)}::DOUBLE) THEN NULL ELSE {quoted(name)}::DOUBLE END"
        return float(db.execute(f"SELECT coalesce(sum({value}), 0) FROM loaded").fetchone()[0])

    def format_of(options, reader):
        return (lambda p: db.execute(f"COPY source TO {text(p)} ({options})"),
                lambda p: db.execute(f"CREATE OR REPLACE TABLE loaded AS SELECT * FROM {reader.format(text(p))}"))
    formats = {
        "csv": format_of("FORMAT csv, HEADER", "read_csv({})"),
        "csv.zst": format_of("FORMAT csv, HEADER, COMPRESSION zstd", "read_csv({}, compression='zstd')"),
        "parquet": format_of("FORMAT parquet, COMPRESSION snappy", "read_parquet({})"),
        "parquet zstd": format_of("FORMAT parquet, COMPRESSION zstd", "read_parquet({})"),
        "json": format_of("FORMAT json, ARRAY true", "read_json({})"),
    }
    measure("duckdb", formats, lambda _: differences(db.execute("SELECT count(*) FROM loaded").fetchone()[0], size))


for name, run in (("pandas", with_pandas), ("polars", with_polars), ("duckdb", with_duckdb)):
    module = load(name)
    if module:
        try:
            run(module)
        except Exception as e:
            say("missing", name, f"{type(e).__name__}: {str(e)[:100]}")
)python";

const char* const kComputeScript = R"python(
import array, json, os, statistics, sys, time

job = json.load(open(sys.argv[1]))
rows, columns = job["rows"], job["columns"]
os.environ["NUMBA_NUM_THREADS"] = str(job["workers"])


def say(*fields):
    print("\t".join(" ".join(str(f).split()) for f in fields), flush=True)


def measure(name, work, warm):
    out, seconds, began = work() if warm else None, [], time.perf_counter()
    while len(seconds) < job["runs"] and (not seconds or time.perf_counter() - began < job["enough"]):
        t = time.perf_counter()
        out = work()
        seconds.append(time.perf_counter() - t)
    path = os.path.join(job["folder"], f"norms{len(os.listdir(job['folder']))}")
    array.array("d", out).tofile(open(path, "wb"))
    say("result", name, repr(min(seconds)), repr(statistics.median(seconds)), path)


def plain():
    values = array.array("d")
    values.frombytes(open(job["matrix"], "rb").read())

    def norms():
        out = []
        for row in range(rows):
            total = 0.0
            for i in range(row * columns, (row + 1) * columns):
                total += values[i] * values[i]
            out.append(total ** 0.5)
        return out
    measure("Python loop", norms, False)


def with_numpy():
    import numpy as np
    matrix = np.fromfile(job["matrix"]).reshape(rows, columns)
    measure("NumPy linalg.norm", lambda: np.linalg.norm(matrix, axis=1), True)
    measure("NumPy einsum", lambda: np.sqrt(np.einsum("ij,ij->i", matrix, matrix)), True)


def with_numba():
    import numba
    import numpy as np
    matrix = np.fromfile(job["matrix"]).reshape(rows, columns)

    def norms(m):
        out = np.empty(m.shape[0])
        for i in numba.prange(m.shape[0]):
            total = 0.0
            for j in range(m.shape[1]):
                total += m[i, j] * m[i, j]
            out[i] = np.sqrt(total)
        return out
    one, all_cores = numba.njit(fastmath=True)(norms), numba.njit(parallel=True, fastmath=True)(norms)
    measure("Numba", lambda: one(matrix), True)
    measure("Numba parallel", lambda: all_cores(matrix), True)


for name, run in (("Python", plain), ("numpy", with_numpy), ("numba", with_numba)):
    try:
        run()
    except ImportError:
        say("missing", name, "not installed")
    except Exception as e:
        say("missing", name, f"{type(e).__name__}: {str(e)[:100]}")
)python";

namespace {

/// A child whose standard output is read here; ended when this is destroyed before it is.
class Child {
 public:
  ~Child() {
    if (process_ > 0) ::kill(process_, SIGKILL), ::waitpid(process_, nullptr, 0);
    if (output_ >= 0) ::close(output_);
  }

  bool start(const std::string& program, const std::string& script, const std::string& job) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return false;
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    std::string words[] = {program, script, job};
    char* argv[] = {words[0].data(), words[1].data(), words[2].data(), nullptr};
    const int code = ::posix_spawnp(&process_, program.c_str(), &actions, nullptr, argv, environ);
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    output_ = ends[0];
    if (code != 0) process_ = -1;
    return code == 0;
  }

  /// Adds what was printed to `text`; false at the end. Waits 0.1 s at most.
  bool read(std::string* text) {
    pollfd wait = {output_, POLLIN, 0};
    if (::poll(&wait, 1, 100) <= 0) return true;
    char piece[4096];
    const ssize_t got = ::read(output_, piece, sizeof piece);
    if (got > 0) text->append(piece, size_t(got));
    return got > 0 || (got < 0 && errno == EINTR);
  }

  int exit_status() {
    int status = 0;
    ::waitpid(process_, &status, 0);
    process_ = -1;
    return status;
  }

 private:
  pid_t process_ = -1;
  int output_ = -1;
};

}  // namespace

Result<bool> run_python(const std::string& python, const char* script, const std::string& folder, const std::string& job,
                        const exec::Cancellation& cancel, const std::function<void(const std::vector<std::string>&)>& told) {
  const std::string script_path = folder + "/peers.py", job_path = folder + "/job.json";
  HY_CHECK(io::write_file(script_path, script));
  HY_CHECK(io::write_file(job_path, job));
  Child child;
  if (!child.start(python, script_path, job_path)) return false;
  std::string text;
  for (bool more = true; more;) {
    if (cancel.stopped()) return Error{Kind::interrupted, "interrupted", "bench", "run it again"};
    more = child.read(&text);
    for (size_t end; (end = text.find('\n')) != std::string::npos; text.erase(0, end + 1)) told(split(text.substr(0, end), '\t'));
  }
  if (const int status = child.exit_status(); status != 0) told({"missing", python, "stopped before its end"});
  return true;
}

}  // namespace hayate::pipeline
