#!/usr/bin/env python3
"""Holds every #include against the layers of ARCHITECTURE.md: a folder includes folders on lower lines only, a neighbour on
its own line only where NEIGHBOURS says so. Usage: check_layers.py [ROOT]; prints FILE:LINE of each violation, exit 1 if any."""
import pathlib
import re
import sys

LAYERS = ["base", "kernels", "table", "io exec", "cache device", "model eval", "fetch features learn tune aggregate", "pipeline",
          "serve remote cloud", "cli python"]
NEIGHBOURS = {("io", "exec"), ("tune", "learn")}
PUBLIC = {"error": "base", "problem": "base", "table": "table", "panel": "table", "model": "model", "compiled": "model", "explain": "model", "exchange": "model",
          "metrics": "eval", "folds": "eval", "curves": "eval", "expression": "features", "features": "features", "indicators": "features",
          "stream": "features", "binned": "learn", "forest": "learn", "boosting": "learn", "linear": "learn", "learner": "learn",
          "calibration": "learn", "run": "pipeline"}
# Small headers whose functions are inlined away; check.py looks at the objects for symbols that the linker could take from the wrong copy.
KERNEL_HEADERS = {"array", "bit", "cassert", "cmath", "cstddef", "cstdint", "cstdlib", "cstring", "initializer_list", "limits", "span", "type_traits", "utility",
                  "immintrin.h"}
KERNEL_BASE = {"base/random.h"}   # constexpr functions of whole numbers alone

LINE = {folder: line for line, folders in enumerate(LAYERS) for folder in folders.split()}
INCLUDE = re.compile(r'\s*#\s*include\s*(["<])([^">]+)[">]')


def folder_of(path, root):
    """The folder of src/ that a file belongs to; a public header belongs to the folder that defines what it declares."""
    parts = path.relative_to(root).parts
    return {"src": parts[1], "include": PUBLIC.get(path.stem), "python": "python"}[parts[0]]


def complaint(folder, quote, name, is_test):
    """Why `folder` may not include `name`, or None."""
    top, _, rest = name.partition("/")
    if quote == "<":
        if top in ("arrow", "parquet") and folder != "io":
            return "Arrow's headers stay in src/io"
        return f"<{name}> is not a header for kernels" if folder == "kernels" and not is_test and name not in KERNEL_HEADERS else None
    target = PUBLIC.get(pathlib.Path(rest).stem) if top == "hayate" else top
    if target not in LINE:
        return f'"{name}" is in no layer: add it to tools/check_layers.py' if rest else f'write "folder/{name}"'
    if folder == "kernels" and name in KERNEL_BASE:
        return None
    if target == folder or (folder, target) in NEIGHBOURS or LINE[target] < LINE[folder] and (folder != "kernels" or is_test):
        return None
    return f"{folder} may not include {target}"


def violations(root):
    for path in sorted(p for top in ("src", "include", "python") for p in (root / top).rglob("*") if p.suffix in (".h", ".cc")):
        folder = folder_of(path, root)
        if folder not in LINE:
            yield f"{path.relative_to(root)}:1: {folder or 'this header'} is in no layer: add it to tools/check_layers.py"
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if (include := INCLUDE.match(line)) and (why := complaint(folder, *include.groups(), path.stem.endswith("_test"))):
                yield f"{path.relative_to(root)}:{number}: {why}"


if __name__ == "__main__":
    found = list(violations(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()))
    print("\n".join(found) if found else "layers: every include goes down")
    sys.exit(bool(found))
