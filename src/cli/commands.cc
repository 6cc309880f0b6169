// The command table.
#include <fmt/format.h>

#include <cstdio>

#include "cli/all_commands.h"
#include "kernels/dispatch.h"

namespace hayate::cli {

namespace {

constexpr Command kCommands[] = {
    {"run", "bars to features, models, predictions, metrics and a report: the whole plan of a spec",
     "hayate run examples/prices/run.toml\nhayate run examples/prices/run.toml --run-dir runs/first --workers 2 --memory-limit 2GB",
     make_invocation<RunOptions, run_command>},
    {"resume", "finish an interrupted run; what is finished is kept", "hayate resume runs/first", make_invocation<ResumeOptions, resume_command>},
    {"explain", "per task of a run: reused or run, and why", "hayate explain runs/first\nhayate explain runs/first --json",
     make_invocation<StatsOptions, explain_command>},
    {"stats", "counters, seconds and memory of a finished run", "hayate stats runs/first", make_invocation<StatsOptions, stats_command>},
    {"features", "compute features of bars into a table",
     "hayate features --input examples/prices --set alpha158 --output features.parquet\n"
     "hayate features --input examples/prices --indicator 'rsi(period=14)' --indicator 'macd(fast=12,slow=26,signal=9)' --output features.csv\n"
     "hayate features --input 'prices/*.csv' --expr 'ma5=Mean($close,5)/$close' --label 'LABEL0=Ref($close,-2)/Ref($close,-1)-1' --output "
     "features.csv",
     make_invocation<FeaturesOptions, features_command>},
    {"check",
     "find what is wrong with bars, and what lets a spec see the future; exit code 1 when something leaks or no symbol can be used, 3 when some "
     "can't",
     "hayate check data examples/prices\nhayate check leakage examples/prices/run.toml\nhayate check leakage examples/prices/run.toml --json",
     make_invocation<CheckOptions, check_command>},
    {"train", "train a model on a table",
     "hayate train --input features.parquet --label LABEL0 --learner forest --params num_trees=100,max_depth=8 --model forest.hyt",
     make_invocation<TrainOptions, train_command>},
    {"predict", "predict rows of a table, or new bars with the models of a run",
     "hayate predict --model forest.hyt --input features.parquet --output predictions.parquet\n"
     "hayate predict --run runs/first --input examples/prices --output predictions.parquet",
     make_invocation<PredictOptions, predict_command>},
    {"evaluate", "all metrics of predictions, with their conventions",
     "hayate evaluate --input predictions.parquet --label label --prediction prediction --by-date date",
     make_invocation<EvaluateOptions, evaluate_command>},
    {"importance", "what the features of a model count for: gain, permutation or SHAP",
     "hayate importance --model forest.hyt\n"
     "hayate importance --model forest.hyt --method permutation --input test.parquet --label LABEL0 --plot importance.svg",
     make_invocation<ImportanceOptions, importance_command>},
    {"model", "what is in a model file", "hayate model forest.hyt\nhayate model forest.hyt --json", make_invocation<ModelOptions, model_command>},
    {"export", "a model as ONNX or as LightGBM's text", "hayate export --model forest.hyt --to onnx --output forest.onnx",
     make_invocation<ExportOptions, export_command>},
    {"import", "a model of LightGBM or XGBoost as a model of hayate",
     "hayate import --from lightgbm --input model.txt --model model.hyt\nhayate import --from xgboost --input model.json --model model.hyt",
     make_invocation<ImportOptions, import_command>},
    {"tune", "search the parameters of a learner",
     "hayate tune --input features.parquet --label LABEL0 --learner forest --space 'num_trees=choice(50,100,200)' --space 'max_depth=int(4,16)' "
     "--trials 20 --scheduler asha --output tuned",
     make_invocation<TuneOptions, tune_command>},
    {"automl", "the best model of a table inside a budget of seconds",
     "hayate automl --input features.parquet --label LABEL0 --objective minimize-rmse --budget 60s --split 0.8,0.1,0.1 --model best.hyt",
     make_invocation<AutomlOptions, automl_command>},
    {"synth", "make a universe of symbols by block bootstrap of real bars",
     "hayate synth --like 'examples/prices/*.csv' --symbols 500 --days 2500 --seed 1 --output universe.parquet",
     make_invocation<SynthOptions, synth_command>},
    {"aggregate", "group-by of a table of any size within a memory limit",
     "hayate aggregate --input examples/prices/IBM.csv --agg 'count(),mean(close),std(close),median(volume)' --output stats.csv\n"
     "hayate aggregate --input bars.parquet --by symbol --agg 'max(close),quantile(volume,0.9)' --where \"date >= '2020-01-01'\" --having 'count() > "
     "100' --output by_symbol.parquet --memory-limit 1GB",
     make_invocation<AggregateOptions, aggregate_command>},
    {"optimize", "smaller dtypes for a table, with bytes before and after per column",
     "hayate optimize --input table.parquet --output small.parquet\n"
     "hayate optimize --input 'logs/*.csv' --mode compact --output small.feather --plot bytes.svg",
     make_invocation<OptimizeOptions, optimize_command>},
    {"convert", "a table from one format to another",
     "hayate convert bars.csv bars.parquet\nhayate convert 'prices/*.csv' - --columns date,close --format csv\n"
     "hayate convert - - --format csv --to parquet <bars.csv.gz >bars.parquet\n"
     "hayate convert bars.parquet qlib_data/ --to qlib\nhayate convert qlib_data bars.parquet",
     make_invocation<ConvertOptions, convert_command>},
    {"head", "the first rows of a table", "hayate head bars.parquet --rows 5", make_invocation<HeadOptions, head_command>},
    {"schema", "the columns of a table and their types", "hayate schema bars.parquet\nhayate schema bars.parquet --json",
     make_invocation<SchemaOptions, schema_command>},
    {"describe", "per column: missing, range, mean, quantiles, different values, the most frequent one, a histogram",
     "hayate describe examples/prices/IBM.csv\nhayate describe bars.parquet --columns close,volume --json",
     make_invocation<DescribeOptions, describe_command>},
    {"bench", "file formats, row norms and memory measured on this machine, beside Python's libraries where they are installed",
     "hayate bench io --rows 1000000 --plot formats.svg\nhayate bench io --input bars.parquet --python .venv/bin/python --html formats.html\n"
     "hayate bench compute\nhayate bench memory --input table.csv --json",
     make_invocation<BenchOptions, bench_command>},
    {"sets", "the feature sets, or the expressions of one", "hayate sets\nhayate sets alpha158", make_invocation<LookupOptions, sets_command>},
    {"indicators", "the catalog of indicators, or one in full", "hayate indicators\nhayate indicators macd\nhayate indicators --json",
     make_invocation<LookupOptions, indicators_command>},
    {"operators", "the operators of the expression language and TA-Lib's functions, or one in full",
     "hayate operators\nhayate operators Mean\nhayate operators ta.MACD", make_invocation<LookupOptions, operators_command>},
    {"cache", "look at or empty the folder of stored results", "hayate cache stats\nhayate cache clear --cache DIR",
     make_invocation<CacheOptions, cache_command>},
    {"doctor", "what was found on this machine and where each figure comes from", "hayate doctor\nhayate doctor --json",
     make_invocation<DoctorOptions, doctor_command>},
    {"completion", "print the completion script of a shell", "source <(hayate completion bash)",
     make_invocation<CompletionOptions, completion_command>},
};

}  // namespace

Result<int> completion_command(CompletionOptions& options, const Console& console) {
  console.print(completion_script(options.shell));
  return 0;
}

std::span<const Command> commands() { return kCommands; }

const Command* find_command(std::string_view name) {
  for (const Command& command : kCommands)
    if (name == command.name) return &command;
  return nullptr;
}

std::string version_text() { return fmt::format("hayate {} ({})", HAYATE_VERSION, kernels::isa_name(kernels::active_isa())); }

void Console::say(const std::string& message) const {
  if (!quiet) fmt::print(stderr, "{}\n", message);
}
void Console::print(const std::string& text) const { std::fwrite(text.data(), 1, text.size(), stdout); }

}  // namespace hayate::cli
