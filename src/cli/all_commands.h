// Options and function of every command; each function stands in a file of its own, the rows in commands.cc.
#pragma once

#include <string>
#include <vector>

#include "cli/command.h"
#include "hayate/learner.h"
#include "tune/objective.h"
#include "tune/sampler.h"
#include "tune/schedule.h"

namespace hayate::cli {

struct CompletionOptions {
  std::string shell;
};
template <class Visitor>
void visit_fields(CompletionOptions& o, Visitor&& field) {
  field("shell", o.shell, "whose script to print", Choices{{"bash", "zsh", "fish"}}, Required{}, Positional{});
}

struct DoctorOptions {};
template <class Visitor>
void visit_fields(DoctorOptions&, Visitor&&) {}

/// What every command says of the table that it reads; reading_options (outputs.h) turns it into what readers take.
struct TableReading {
  std::string columns, types, decimal, thousands, na, encoding = "utf-8";
};
template <class Visitor>
void visit_fields(TableReading& o, Visitor&& field) {
  field("columns", o.columns, "columns to read, in this order; default: all", Argument{"a,b"});
  field("types", o.types, "types of columns: bool int8 ... uint64 float32 float64 date timestamp text category; default: as the file has them",
        Argument{"'a=int64,b=text'"});
  field("decimal", o.decimal, "CSV: the decimal mark; default a point (and a comma in files separated by semicolons)", Choices{{".", ","}});
  field("thousands", o.thousands, "CSV: the mark between groups of three digits, one of , . ' _ and a blank; default: none", Argument{"MARK"});
  field("na", o.na, "CSV: words that mean missing, besides NA, null, NaN and the others of pandas", Argument{"'-,n.a.'"});
  field("encoding", o.encoding, "CSV: how characters are written", Choices{{"utf-8", "utf-16", "cp932"}});
}

struct RunOptions : ComputeOptions {
  std::string spec_file, run_dir, metrics_file;
  bool dry_run = false;
};
template <class Visitor>
void visit_fields(RunOptions& o, Visitor&& field) {
  field("spec_file", o.spec_file, "what to compute", Required{}, Positional{}, Argument{"SPEC.toml"});
  field("run_dir", o.run_dir, "folder of the results; default runs/<time>-<spec hash>", Argument{"DIR"});
  field("dry_run", o.dry_run, "read and check the bars, print what each step would take, compute nothing");
  field("metrics_file", o.metrics_file, "write the run's counters in the text format of Prometheus", Argument{"FILE"});
}

struct StatsOptions {
  std::string run_dir;
};
template <class Visitor>
void visit_fields(StatsOptions& o, Visitor&& field) {
  field("run_dir", o.run_dir, "folder of a run", Required{}, Positional{}, Argument{"DIR"});
}

struct ResumeOptions {
  std::string run_dir, metrics_file;
};
template <class Visitor>
void visit_fields(ResumeOptions& o, Visitor&& field) {
  field("run_dir", o.run_dir, "folder of an interrupted run", Required{}, Positional{}, Argument{"DIR"});
  field("metrics_file", o.metrics_file, "write the run's counters in the text format of Prometheus", Argument{"FILE"});
}

struct CacheOptions {
  std::string action, cache;
};
template <class Visitor>
void visit_fields(CacheOptions& o, Visitor&& field) {
  field("action", o.action, "stats: entries and bytes; clear: remove all entries", Required{}, Positional{}, Choices{{"stats", "clear"}});
  field("cache", o.cache, "the folder; default: the user's cache folder", Argument{"DIR"});
}

struct FeaturesOptions : ComputeOptions {
  std::vector<std::string> input, set, indicator, expr, label;
  std::string expr_file, output, format, compat = "none", dtype = "float32", calendar = "none", adjust = "none", update;
  bool profile = false;
};
template <class Visitor>
void visit_fields(FeaturesOptions& o, Visitor&& field) {
  field("input", o.input, "bars: files, folders or globs", Required{}, Argument{"PANEL"});
  field("set", o.set, "a feature set (hayate sets); what two sets share stands once", Argument{"NAME"});
  field("indicator", o.indicator, "an indicator with its parameters (hayate indicators)", Argument{"'rsi(period=14)'"});
  field("expr", o.expr, "one feature", Argument{"NAME=EXPR"});
  field("expr_file", o.expr_file, "features, one NAME = EXPRESSION a line, # comments", Argument{"FILE"});
  field("label", o.label, "a column that may look ahead, after the features", Argument{"NAME=EXPR"});
  field("output", o.output, "file to write; none: drop the result and print its checksum", Required{}, Argument{"FILE"});
  field("format", o.format, "format of '-' (standard input, standard output)", Choices{{"csv", "tsv", "parquet", "arrow", "jsonl", "json"}});
  field("compat", o.compat, "qlib: features may look ahead (with a warning), and --calendar union; talib: ta functions treat NaN as TA-Lib",
        Choices{{"none", "qlib", "talib"}});
  field("dtype", o.dtype, "type of the features and of the arithmetic", Choices{{"float32", "float64"}});
  field("calendar", o.calendar, "union: a date that a symbol lacks between its first and last bar is a row of NaN", Choices{{"none", "union"}});
  field("adjust", o.adjust, "scale prices for splits and dividends", Choices{{"none", "adj_close"}});
  field("update", o.update,
        "write only rows that this state has not seen, and keep it; made from all bars when there is none, holds all of them with --compat talib",
        Argument{"STATE"});
  field("profile", o.profile, "print where the time goes, operator by operator");
}

struct CheckOptions : ComputeOptions {
  std::string what, adjust = "none";
  std::vector<std::string> input;
};
template <class Visitor>
void visit_fields(CheckOptions& o, Visitor&& field) {
  field("what", o.what, "data: what is wrong with bars; leakage: whether a spec lets a model see what it could not have known", Required{},
        Positional{}, Choices{{"data", "leakage"}});
  field("input", o.input, "the spec of a run; data: or files of bars, folders, globs", Required{}, Positional{}, Argument{"SPEC.toml|FILES"});
  field("adjust", o.adjust, "data: prices will be scaled by adj_close, as [universe] adjust says in a spec", Choices{{"none", "adj_close"}});
}

struct TrainOptions : ComputeOptions {
  std::vector<std::string> input;
  TableReading reading;
  std::string label, features, learner, problem, params, weight, model, key, warm_start, oob, format, by_date, calibration = "none";
  int64_t seed = 0;
  double half_life = 0;
};
template <class Visitor>
void visit_fields(TrainOptions& o, Visitor&& field) {
  field("input", o.input, "table of features and label: files, folders or globs", Required{}, Argument{"TABLE"});
  field("label", o.label, "column to learn", Required{}, Argument{"COL"});
  field("features", o.features, "columns to learn from; default: every number column but label, weight, key and date", Argument{"a,b"});
  field("learner", o.learner, "what to train", Required{}, Choices{learner_names()});
  field("problem", o.problem, "default: regression for float labels, else classification; ranking orders the rows of a date",
        Choices{{"regression", "classification", "ranking"}});
  field("params", o.params, "parameters of the learner: num_trees=100,max_depth=10", Argument{"k=v,..."});
  field("weight", o.weight, "column of row weights", Argument{"COL"});
  field("by_date", o.by_date, "column of dates: what ranking ranks within, and early stopping holds out by", Argument{"COL"});
  field("half_life", o.half_life, "days of --by-date in which the weight of a row halves; 0: never", Range{0, 1e9}, Argument{"DAYS"});
  visit_fields(o.reading, field);
  field("format", o.format, "format of '-' (standard input, standard output)", Choices{{"csv", "tsv", "parquet", "arrow", "jsonl", "json"}});
  field("seed", o.seed, "seed of all random numbers", Range{0, 9.2e18}, Argument{"N"});
  field("model", o.model, "file to write", Required{}, Argument{"FILE"});
  field("key", o.key, "one model per value of this column", Argument{"COL"});
  field("warm_start", o.warm_start, "forest to go on from: same data, flags and params, more trees", Argument{"FILE"});
  field("calibration", o.calibration, "fit probabilities to rows left out of training: a sigmoid or a step function of the score",
        Choices{{"none", "platt", "isotonic"}});
  field("oob", o.oob, "file for the out-of-bag predictions of the training rows (params oob_score=true)", Argument{"FILE"});
}

struct PredictOptions : ComputeOptions {
  std::vector<std::string> input;
  TableReading reading;
  std::string model, run, output, format;
  int64_t num_trees = 0, max_depth = 0;
  bool leaves = false;
};
template <class Visitor>
void visit_fields(PredictOptions& o, Visitor&& field) {
  field("model", o.model, "model made by hayate train; its input is a table of features", Argument{"FILE"});
  field("run", o.run, "folder of a run; its input is bars", Argument{"DIR"});
  field("input", o.input, "table or bars: files, folders or globs", Required{}, Argument{"TABLE"});
  field("output", o.output, "file to write; none: drop the result and print its checksum", Required{}, Argument{"FILE"});
  visit_fields(o.reading, field);
  field("format", o.format, "format of '-' (standard input, standard output)", Choices{{"csv", "tsv", "parquet", "arrow", "jsonl", "json"}});
  field("num_trees", o.num_trees, "use the first N trees of a forest", Range{0, 1e6}, Argument{"N"});
  field("max_depth", o.max_depth, "cut the trees of a forest at this depth", Range{0, 1e6}, Argument{"N"});
  field("leaves", o.leaves, "add columns leaf_0, leaf_1, ...: the leaf that a row reaches in each tree");
}

struct ModelOptions {
  std::string file;
};
template <class Visitor>
void visit_fields(ModelOptions& o, Visitor&& field) {
  field("file", o.file, "model made by hayate train, run or import", Required{}, Positional{}, Argument{"FILE"});
}

struct ImportanceOptions : ComputeOptions {
  std::vector<std::string> input;
  TableReading reading;
  std::string model, label, method = "gain", metric, features, plot, output, format;
  int64_t repeats = 5, seed = 0, grid = 100;
  bool pair = false;
};
template <class Visitor>
void visit_fields(ImportanceOptions& o, Visitor&& field) {
  field("model", o.model, "model made by hayate train, run or import", Required{}, Argument{"FILE"});
  field("method", o.method,
        "gain: of the model alone; on a table: permutation: what a metric loses; shap: mean |SHAP value|; partial_dependence: how far the mean "
        "prediction moves",
        Choices{{"gain", "permutation", "shap", "partial_dependence"}});
  field("input", o.input, "table for all methods but gain: files, folders or globs", Argument{"TABLE"});
  field("label", o.label, "column that was to be predicted, for permutation", Argument{"COL"});
  field("metric", o.metric, "metric for permutation; default: roc_auc for two classes, log_loss for more, rmse for numbers", Argument{"NAME"});
  field("repeats", o.repeats, "permutations of each feature", Range{1, 1000}, Argument{"N"});
  field("seed", o.seed, "seed of the permutations", Range{0, 9.2e18}, Argument{"N"});
  field("features", o.features, "for partial_dependence: these features; default: all", Argument{"a,b"});
  field("pair", o.pair, "for partial_dependence: the two features together");
  field("grid", o.grid, "for partial_dependence: most values of a feature; fewer when it has fewer", Range{2, 10'000}, Argument{"N"});
  field("plot", o.plot, "chart to write: bars, or curves of partial_dependence", Argument{"FILE.svg"});
  field("output", o.output, "table to write: the SHAP values of every row, or the points of the curves", Argument{"FILE"});
  visit_fields(o.reading, field);
  field("format", o.format, "format of '-' (standard input, standard output)", Choices{{"csv", "tsv", "parquet", "arrow", "jsonl", "json"}});
}

struct ExportOptions {
  std::string model, to, output, key;
};
template <class Visitor>
void visit_fields(ExportOptions& o, Visitor&& field) {
  field("model", o.model, "model made by hayate train, run or import", Required{}, Argument{"FILE"});
  field("to", o.to, "format to write", Required{}, Choices{{"onnx", "lightgbm"}}, Argument{"FORMAT"});
  field("output", o.output, "file to write", Required{}, Argument{"FILE"});
  field("key", o.key, "which model, when the file holds one per key", Argument{"KEY"});
}

struct ImportOptions {
  std::string from, input, model;
};
template <class Visitor>
void visit_fields(ImportOptions& o, Visitor&& field) {
  field("from", o.from, "format to read: LightGBM's text, XGBoost's JSON", Required{}, Choices{{"lightgbm", "xgboost"}}, Argument{"FORMAT"});
  field("input", o.input, "file to read", Required{}, Argument{"FILE"});
  field("model", o.model, "file to write", Required{}, Argument{"FILE"});
}

struct EvaluateOptions {
  std::vector<std::string> input;
  TableReading reading;
  std::string label, prediction = "prediction", problem, weight, by_date, html, format;
  int64_t bootstrap = 0;
};
template <class Visitor>
void visit_fields(EvaluateOptions& o, Visitor&& field) {
  field("input", o.input, "table of labels and predictions: files, folders or globs", Required{}, Argument{"TABLE"});
  field("label", o.label, "column that was to be predicted", Required{}, Argument{"COL"});
  field("prediction", o.prediction, "column of predictions; probabilities are found as probability_<class>", Argument{"COL"});
  visit_fields(o.reading, field);
  field("format", o.format, "format of '-' (standard input, standard output)", Choices{{"csv", "tsv", "parquet", "arrow", "jsonl", "json"}});
  field("problem", o.problem, "default: regression for float labels, else classification", Choices{{"regression", "classification"}});
  field("weight", o.weight, "column of row weights", Argument{"COL"});
  field("by_date", o.by_date, "column of dates: IC and rank IC over the cross-section of each date", Argument{"COL"});
  field("bootstrap", o.bootstrap, "resamples of rows, or of whole dates, for 95 % intervals of the metrics; 0: none", Range{0, 100'000},
        Argument{"N"});
  field("html", o.html, "page to write: metrics with 95 % intervals, curves, errors; opens offline", Argument{"FILE.html"});
}

struct TuneOptions : ComputeOptions {
  std::vector<std::string> input, space;
  TableReading reading;
  std::string label, features, learner, problem, params, weight, format, by_date, output;
  std::string sampler = "random", scheduler = "none", metric, score = "auto";
  int64_t trials = 20, grace_period = 10, reduction_factor = 2, max_t = 100, folds = 5, purge_days = 0, seed = 0;
};
template <class Visitor>
void visit_fields(TuneOptions& o, Visitor&& field) {
  field("input", o.input, "table of features and label: files, folders or globs", Required{}, Argument{"TABLE"});
  field("label", o.label, "column to learn", Required{}, Argument{"COL"});
  field("learner", o.learner, "what to train", Required{}, Choices{learner_names()});
  field("space", o.space,
        "what to try for one parameter: choice(a,b), int(a,b), logint(a,b), randint(a,b), uniform(a,b), loguniform(a,b), quniform(a,b,step), "
        "qloguniform(a,b,step); after it: if OTHER=VALUE",
        Required{}, Argument{"NAME=choice(...)"});
  field("trials", o.trials, "how many points of the space are tried", Range{1, 1e6}, Argument{"N"});
  field("sampler", o.sampler, "how points are chosen", Choices{{std::begin(tune::kSamplers), std::end(tune::kSamplers)}});
  field("scheduler", o.scheduler, "who is stopped before its whole budget", Choices{{std::begin(tune::kSchedulers), std::end(tune::kSchedulers)}});
  field("grace_period", o.grace_period, "budget of the first rung", Range{1, 1e9}, Argument{"N"});
  field("reduction_factor", o.reduction_factor, "rungs grow by this, and one trial in so many passes", Range{2, 1e6}, Argument{"N"});
  field("max_t", o.max_t, "the whole budget: on a rung t a trial has t / max_t of its trees or rounds", Range{1, 1e9}, Argument{"N"});
  field("metric", o.metric, "what is compared (names of hayate evaluate); default accuracy, or rmse", Argument{"NAME"});
  field("score", o.score, "rows that are compared on; auto: walk_forward with --by-date, else oob for forests, else folds",
        Choices{{"auto", "oob", "folds", "walk_forward"}});
  field("folds", o.folds, "folds, or tested blocks of dates", Range{2, 1000}, Argument{"N"});
  field("by_date", o.by_date, "column of dates", Argument{"COL"});
  field("purge_days", o.purge_days, "dates left out between training and test: how far the label looks ahead", Range{0, 1e6}, Argument{"N"});
  field("features", o.features, "columns to learn from; default: every number column but label, weight and dates", Argument{"a,b"});
  field("problem", o.problem, "default: regression for float labels, else classification", Choices{{"regression", "classification"}});
  field("params", o.params, "parameters of the learner that are not searched", Argument{"k=v,..."});
  field("weight", o.weight, "column of row weights", Argument{"COL"});
  visit_fields(o.reading, field);
  field("format", o.format, "format of '-' (standard input, standard output)", Choices{{"csv", "tsv", "parquet", "arrow", "jsonl", "json"}});
  field("seed", o.seed, "seed of all random numbers", Range{0, 9.2e18}, Argument{"N"});
  field("output", o.output, "folder of trials.csv, best.json, journal.log and drawings; a search that stopped goes on there", Required{},
        Argument{"DIR"});
}

struct AutomlOptions : ComputeOptions {
  std::vector<std::string> input;
  TableReading reading;
  std::string label, objective, split = "0.8,0.1,0.1", features, problem, weight, by_date, format, model;
  Seconds budget{60};
  double at = 0;
  int64_t purge_days = 0, seed = 0;
};
template <class Visitor>
void visit_fields(AutomlOptions& o, Visitor&& field) {
  field("input", o.input, "table of features and label: files, folders or globs", Required{}, Argument{"TABLE"});
  field("label", o.label, "column to learn", Required{}, Argument{"COL"});
  std::vector<std::string> objectives;
  for (const tune::Objective& objective : tune::kObjectives) objectives.emplace_back(objective.name);
  field("objective", o.objective, "what is best; default maximize-au-roc, minimize-log-loss (three classes and more) or minimize-rmse",
        Choices{objectives});
  field("at", o.at, "the recall of maximize-precision-at-recall, the precision of maximize-recall-at-precision", Range{0, 1}, Argument{"0.9"});
  field("budget", o.budget, "seconds that all may take", Range{0.01, 1e7}, Argument{"60s"});
  field("split", o.split,
        "shares of the rows that train, validate and test (of the dates with --by-date), or a column that holds train, validate and test; "
        "candidates learn from the first two together and are compared on rows that they leave out: in turn, or one part of them where time is short",
        Argument{"0.8,0.1,0.1|COL"});
  field("by_date", o.by_date, "column of dates: tested on the last ones, validated on blocks of dates", Argument{"COL"});
  field("purge_days", o.purge_days, "dates left out between training and test: how far the label looks ahead", Range{0, 1e6}, Argument{"N"});
  field("features", o.features, "columns to learn from; default: every number column but label, weight, dates and split", Argument{"a,b"});
  field("problem", o.problem, "default: regression for float labels, else classification", Choices{{"regression", "classification"}});
  field("weight", o.weight, "column of row weights", Argument{"COL"});
  visit_fields(o.reading, field);
  field("format", o.format, "format of '-' (standard input, standard output)", Choices{{"csv", "tsv", "parquet", "arrow", "jsonl", "json"}});
  field("seed", o.seed, "seed of all random numbers", Range{0, 9.2e18}, Argument{"N"});
  field("model", o.model, "file to write; it holds a model from the first moments on, and a better one at the end", Required{}, Argument{"FILE"});
}

struct SynthOptions : ComputeOptions {
  std::vector<std::string> like;
  int64_t symbols = 500, days = 2500, seed = 1;
  std::string output, format;
};
template <class Visitor>
void visit_fields(SynthOptions& o, Visitor&& field) {
  field("like", o.like, "real bars to resample: files, folders or globs", Required{}, Argument{"FILES"});
  field("symbols", o.symbols, "how many symbols", Range{1, 1e6}, Argument{"N"});
  field("days", o.days, "how many dates", Range{2, 1e6}, Argument{"N"});
  field("seed", o.seed, "seed of all random numbers", Range{0, 9.2e18}, Argument{"N"});
  field("output", o.output, "file to write", Required{}, Argument{"FILE"});
  field("format", o.format, "format of '-' (standard input, standard output)", Choices{{"csv", "tsv", "parquet", "arrow", "jsonl", "json"}});
}

struct ConvertOptions : ComputeOptions {
  std::string in, out, format, to;
  TableReading reading;
};
template <class Visitor>
void visit_fields(ConvertOptions& o, Visitor&& field) {
  field("in", o.in, "file, folder (qlib's too) or glob to read; '-': standard input", Required{}, Positional{}, Argument{"IN"});
  field("out", o.out, "file to write; '-': standard output; none: drop the result and print its checksum", Required{}, Positional{}, Argument{"OUT"});
  visit_fields(o.reading, field);
  field("format", o.format, "format of '-' (standard input, standard output); qlib as --to qlib",
        Choices{{"csv", "tsv", "parquet", "arrow", "jsonl", "json", "qlib"}});
  field("to", o.to,
        "format of OUT where its name says none, or as '-' where it is another one: convert - - --format csv --to parquet; "
        "qlib: OUT is a new folder of .bin files",
        Choices{{"csv", "tsv", "parquet", "arrow", "jsonl", "json", "qlib"}});
}

struct AggregateOptions : ComputeOptions {
  std::vector<std::string> input;
  std::string by, agg, where, having, output, format, to;
  TableReading reading;
  int64_t chunk_rows = 0;
};
template <class Visitor>
void visit_fields(AggregateOptions& o, Visitor&& field) {
  field("input", o.input, "table: files, folders or globs", Required{}, Argument{"TABLE"});
  field("by", o.by, "key columns; none: the whole table is one group", Argument{"a,b"});
  field("agg", o.agg, "count() count(x) sum mean std var min max median quantile(x,0.9) first last distinct", Required{}, Argument{"CALLS"});
  field("where", o.where, "rows that count: x > 0 and not (city = 'Paris' or city is null)", Argument{"CONDITION"});
  field("having", o.having, "groups that are kept: count() > 100 and mean(x) < 5", Argument{"CONDITION"});
  visit_fields(o.reading, field);
  field("chunk_rows", o.chunk_rows, "most rows in hand at once; 0: chosen by memory", Range{0, 1e12}, Argument{"N"});
  field("output", o.output, "file to write; none: drop the result and print its checksum", Required{}, Argument{"FILE"});
  field("format", o.format, "format of '-' (standard input, standard output)", Choices{{"csv", "tsv", "parquet", "arrow", "jsonl", "json"}});
  field("to", o.to, "format of the output where --format says another one or its name says none",
        Choices{{"csv", "tsv", "parquet", "arrow", "jsonl", "json"}});
}

struct OptimizeOptions : ComputeOptions {
  std::vector<std::string> input;
  std::string output, mode = "lossless", plot, format, to;
  TableReading reading;
  double rtol = 1e-6, atol = 0;
  int64_t chunk_rows = 0;
};
template <class Visitor>
void visit_fields(OptimizeOptions& o, Visitor&& field) {
  field("input", o.input, "table: files, folders or globs", Required{}, Argument{"TABLE"});
  field("output", o.output, "file to write; none: only report", Required{}, Argument{"FILE"});
  field("mode", o.mode, "lossless: every value comes back; tolerance: within --rtol and --atol; compact: float32 and categories always",
        Choices{{"lossless", "tolerance", "compact"}});
  field("rtol", o.rtol, "mode tolerance: how far a value may be off, as a part of itself", Range{0, 1}, Argument{"X"});
  field("atol", o.atol, "mode tolerance: how far a value may be off besides", Range{0, 1e300}, Argument{"X"});
  field("plot", o.plot, "draw bytes before and after per column", Argument{"FILE.svg"});
  visit_fields(o.reading, field);
  field("chunk_rows", o.chunk_rows, "most rows in hand at once; 0: chosen by memory", Range{0, 1e12}, Argument{"N"});
  field("format", o.format, "format of '-' (standard input, standard output)", Choices{{"csv", "tsv", "parquet", "arrow", "jsonl", "json"}});
  field("to", o.to, "format of the output where --format says another one or its name says none",
        Choices{{"csv", "tsv", "parquet", "arrow", "jsonl", "json"}});
}

struct BenchOptions : ComputeOptions {
  std::string what, python = "python3", plot, html;
  std::vector<std::string> input;
  int64_t rows = 1'000'000;
};
template <class Visitor>
void visit_fields(BenchOptions& o, Visitor&& field) {
  field("what", o.what, "io: formats compared; compute: four ways of a row norm; memory: a table whole, optimised and in chunks", Required{},
        Positional{}, Choices{{"io", "compute", "memory"}});
  field("input", o.input, "io, memory: table: files, folders or globs; default: a generated one", Argument{"FILE"});
  field("rows", o.rows, "io, memory: rows of the generated table", Range{1, 1e9}, Argument{"N"});
  field("python", o.python, "io, compute: interpreter whose libraries are timed too, where it has them", Argument{"PYTHON"});
  field("plot", o.plot, "draw the bar charts", Argument{"FILE.svg"});
  field("html", o.html, "write table and charts as a page", Argument{"FILE.html"});
}

struct HeadOptions {
  std::string in, format;
  TableReading reading;
  Bytes memory_limit;
  int64_t rows = 10;
};
template <class Visitor>
void visit_fields(HeadOptions& o, Visitor&& field) {
  field("in", o.in, "file, folder or glob; '-': standard input", Required{}, Positional{}, Argument{"IN"});
  field("rows", o.rows, "how many rows", Range{0, 1e6}, Argument{"N"});
  visit_fields(o.reading, field);
  field("memory_limit", o.memory_limit, "peak memory of the process; 0: 80 % of what is granted", Range{0, 1e15}, Argument{"SIZE"});
  field("format", o.format, "format of '-' (standard input)", Choices{{"csv", "tsv", "parquet", "arrow", "jsonl", "json"}});
}

struct DescribeOptions : ComputeOptions {
  std::string in, format;
  TableReading reading;
};
template <class Visitor>
void visit_fields(DescribeOptions& o, Visitor&& field) {
  field("in", o.in, "file, folder or glob; '-': standard input", Required{}, Positional{}, Argument{"IN"});
  visit_fields(o.reading, field);
  field("format", o.format, "format of '-' (standard input)", Choices{{"csv", "tsv", "parquet", "arrow", "jsonl", "json"}});
}

struct SchemaOptions {
  std::string in, format;
  TableReading reading;
  Bytes memory_limit;
};
template <class Visitor>
void visit_fields(SchemaOptions& o, Visitor&& field) {
  field("in", o.in, "file, folder or glob; '-': standard input", Required{}, Positional{}, Argument{"IN"});
  visit_fields(o.reading, field);
  field("memory_limit", o.memory_limit, "peak memory of the process; 0: 80 % of what is granted", Range{0, 1e15}, Argument{"SIZE"});
  field("format", o.format, "format of '-' (standard input)", Choices{{"csv", "tsv", "parquet", "arrow", "jsonl", "json"}});
}

struct LookupOptions {
  std::string name;
};
template <class Visitor>
void visit_fields(LookupOptions& o, Visitor&& field) {
  field("name", o.name, "one entry in full", Positional{}, Argument{"NAME"});
}

Result<int> aggregate_command(AggregateOptions&, const Console&);
Result<int> automl_command(AutomlOptions&, const Console&);
Result<int> bench_command(BenchOptions&, const Console&);
Result<int> cache_command(CacheOptions&, const Console&);
Result<int> check_command(CheckOptions&, const Console&);
Result<int> completion_command(CompletionOptions&, const Console&);
Result<int> convert_command(ConvertOptions&, const Console&);
Result<int> describe_command(DescribeOptions&, const Console&);
Result<int> doctor_command(DoctorOptions&, const Console&);
Result<int> model_command(ModelOptions& options, const Console& console);
Result<int> importance_command(ImportanceOptions& options, const Console& console);
Result<int> export_command(ExportOptions& options, const Console& console);
Result<int> import_command(ImportOptions& options, const Console& console);
Result<int> evaluate_command(EvaluateOptions&, const Console&);
Result<int> explain_command(StatsOptions&, const Console&);
Result<int> features_command(FeaturesOptions&, const Console&);
Result<int> head_command(HeadOptions&, const Console&);
Result<int> indicators_command(LookupOptions&, const Console&);
Result<int> operators_command(LookupOptions&, const Console&);
Result<int> optimize_command(OptimizeOptions&, const Console&);
Result<int> predict_command(PredictOptions&, const Console&);
Result<int> resume_command(ResumeOptions&, const Console&);
Result<int> run_command(RunOptions&, const Console&);
Result<int> schema_command(SchemaOptions&, const Console&);
Result<int> sets_command(LookupOptions&, const Console&);
Result<int> stats_command(StatsOptions&, const Console&);
Result<int> synth_command(SynthOptions&, const Console&);
Result<int> train_command(TrainOptions&, const Console&);
Result<int> tune_command(TuneOptions&, const Console&);

}  // namespace hayate::cli
