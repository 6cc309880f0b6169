#!/usr/bin/env python3
"""Writes docs/reference/ from the tables that the program itself works with: python3 tools/make_reference.py [HAYATE] [FOLDER].

A page is what `hayate indicators --json`, `operators --json`, `sets --json` and `train --help` say. Run it after a change of a table; a test
compares the pages with the program.
"""
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
MADE = "<!-- made by tools/make_reference.py from the tables in the program; do not edit -->\n\n"


def asked(hayate, *argv):
    return json.loads(subprocess.run([hayate, *argv, "--json"], check=True, capture_output=True, text=True).stdout)


def plain(value):
    return f"{value:g}" if abs(value) >= 1e15 or value != int(value) else str(int(value))


def cell(text):
    return text.replace("|", "\\|")


def params_line(params):
    if not params:
        return "none"
    return "; ".join(f"`{p['name']}` = {plain(p['default'])} ({'whole, ' if p['type'] == 'integer' else ''}{plain(p['min'])} to {plain(p['max'])})" for p in params)


def indicators_page(entries):
    out = f"# Indicators\n\n{MADE}"
    out += (
        f"{len(entries)} formulas known by name: `hayate features --indicator 'rsi(period=14)'`, or `indicators = [\"rsi(period=14)\"]` under `[features]` of a run.\n"
        "Each is expressions in the language, made of the same kernels as `ta.*` and qlib's operators. Parameters may be left out, given in order or by name;\n"
        "`macd(fast=5).signal` takes one output alone.\n\n"
        "A column is named by the indicator, the value of every parameter in the order below, and the output unless it is the main one: `rsi_14`, `macd_12_26_9`,\n"
        "`macd_12_26_9_signal`, `psar_0.02_0.2`. Lookbacks are rows without a value at the start of a symbol.\n"
    )
    groups = {}
    for entry in entries:
        groups.setdefault(entry["group"], []).append(entry)
    for group, members in groups.items():
        out += f"\n## {group.capitalize()}\n"
        for e in members:
            out += f"\n### {e['name']}: {e['title']}\n\n{e['formula']}\n\n"
            out += f"- parameters: {params_line(e['params'])}\n- reads {', '.join(e['inputs'])}\n"
            out += f"- lookback: {e['lookback']['formula']}" + ("" if e["lookback"]["formula"].isdigit() else f" = {e['lookback']['default']}") + "\n"
            out += f"- missing: {e['missing']}\n"
            out += "".join(f"- `{o['column']} = {o['expression']}`\n" for o in e["outputs"])
    return out


def operators_page(entries):
    out = f"# Operators\n\n{MADE}"
    out += (
        "qlib's language with qlib's semantics, quirks included: `Mean($close, 5) / $close`. Costs are nanoseconds a cell of the operator alone, measured by\n"
        "bench_operators over 500 x 2,500 rows of float32 with N = 20 on one core with AVX-512, and why where they are above 2; in a set, what features share is computed once. TA-Lib's functions are in [talib.md](talib.md).\n"
    )
    for e in entries:
        out += f"\n## {e['signature']}\n\n{e['summary']}" + (f"; also written `a {e['infix']} b`" if e["infix"] else "") + ".\n\n"
        for key in ("formula", "window", "missing", "quirk", "cost"):
            out += f"- {key}: {e[key] or 'none'}\n"
        out += f"- example: `{e['example']}`\n"
    return out


def talib_page(entries):
    out = f"# TA-Lib's functions\n\n{MADE}"
    out += (
        f"All {len(entries)} functions of TA-Lib 0.8 as `ta.NAME(inputs, params).output`, with its values on finite input. A parameter of type `matype` is an average: 0 SMA, 1 EMA,\n"
        "2 WMA, 3 DEMA, 4 TEMA, 5 TRIMA, 6 KAMA, 7 MAMA, 8 T3, 9 HMA, 10 none, 11 the function's own default, 12 ZLEMA, 13 RMA. `average(period, type)` in a lookback\n"
        "is that of such an average: period - 1, but 2 (period - 1) for DEMA, 3 (period - 1) for TEMA, 6 (period - 1) for T3, period for KAMA, 32 for MAMA, 0 for none,\n"
        "period + sqrt(period) - 2 for HMA, 3/2 (period - 1) for ZLEMA, both rounded down, and 0 for a period of 1. Costs as in [operators.md](operators.md), a value of each output.\n"
        "`missing` is what a NaN does by default, `missing with --compat talib` what it does in TA-Lib. Where inputs are 0 or stand still for a whole window, some of TA-Lib's\n"
        "values are what rounding left in its running sums (VWMA and RVOL of days without volume, CMF; MAMA and HT_ of a price that does not move); those too are given with\n"
        "`--compat talib`, and by default what the formula says (0 / 0 is NaN).\n"
    )
    groups = {}
    for entry in entries:
        groups.setdefault(entry["group"], []).append(entry)
    for group, members in groups.items():
        out += f"\n## {group}\n"
        for e in members:
            lookback = e["lookback"]["formula"] + f" = {e['lookback']['default']}" if e["lookback"]["formula"] else e["lookback"]["default"]
            out += f"\n### {e['name']}: {e['summary']}\n\n{e['formula']}\n\n"
            out += f"- inputs: {', '.join(e['inputs'])}\n- parameters: {params_line(e['params'])}\n"
            out += f"- outputs: {', '.join(o['name'] + (' (whole)' if o['type'] == 'integer' else '') for o in e['outputs'])}\n"
            out += f"- lookback: {lookback}\n- window: {e['window']}\n- missing: {e['missing']}\n- missing with `--compat talib`: {e['missing_compat_talib']}\n"
            out += f"- unstable period: {e['unstable']}\n- cost: {e['cost']}\n- example: `{e['example']}`\n"
    return out


def sets_page(sets):
    out = f"# Feature sets\n\n{MADE}`hayate features --set NAME`, or `set = \"NAME\"` under `[features]` of a run. Of several sets (`--set A --set B`, `set = [\"A\", \"B\"]`) columns " \
          "stand one set behind the other; what two sets share, under one name, stands once.\n"
    for e in sets:
        out += f"\n## {e['name']}: {e['title']}\n\n{e['description']}.\n\n| feature | expression |\n|---|---|\n"
        shown = e["features"] if len(e["features"]) <= 40 else e["features"][:12]
        out += "".join(f"| {f['name']} | `{cell(f['expression'])}` |\n" for f in shown)
        if len(shown) < len(e["features"]):
            out += f"\nand {len(e['features']) - len(shown)} more: `hayate sets {e['name']}`.\n"
    return out


def learners_page(help_text):
    """From `hayate train --help`, whose paragraphs on learners begin with `--params of --learner NAME: what (problems)`."""
    out = f"# Learners and their parameters\n\n{MADE}"
    out += (
        "`hayate train --learner NAME --params name=value,...`, or `params = { name = value }` under `[model]` of a run. `hayate tune` searches over the same names.\n"
    )
    for paragraph in help_text.split("\n\n"):
        title, *lines = paragraph.strip("\n").split("\n")
        if not title.startswith("--params of --learner "):
            continue
        name, what = title.removeprefix("--params of --learner ").split(": ", 1)
        out += f"\n## {name}\n\n{what[0].upper()}{what[1:]}.\n\n| parameter | default | what it does | values |\n|---|---|---|---|\n"
        for line in lines:
            param, said = line.strip().split("  ", 1)
            key, value = param.split("=", 1)
            said, _, values = said.strip().removesuffix("]").partition(" [")
            out += f"| `{key}` | {f'`{value}`' if value else ''} | {cell(said)} | {cell(values)} |\n"
    return out


def pages(hayate):
    """{file name: text} of every page."""
    operators = asked(hayate, "operators")
    sets = [asked(hayate, "sets", s["name"]) for s in asked(hayate, "sets")]
    return {
        "indicators.md": indicators_page(asked(hayate, "indicators")),
        "operators.md": operators_page([o for o in operators if not o["name"].startswith("ta.")]),
        "talib.md": talib_page([o for o in operators if o["name"].startswith("ta.")]),
        "sets.md": sets_page(sets),
        "learners.md": learners_page(subprocess.run([hayate, "train", "--help"], check=True, capture_output=True, text=True).stdout),
    }


if __name__ == "__main__":
    hayate = sys.argv[1] if len(sys.argv) > 1 else ROOT / "build/release/hayate"
    folder = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else ROOT / "docs/reference"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages(hayate).items():
        (folder / name).write_text(text)
        print(folder / name)
