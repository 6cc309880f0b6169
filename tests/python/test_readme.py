"""The README is run as it stands."""
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_the_lines_of_the_readme_run(tmp_path):
    blocks = re.findall(r"^```sh\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    lines = "\n".join(block for block in blocks if "./dev" not in block)
    assert lines.count("hayate ") >= 5
    for name in ("build", "examples"):
        (tmp_path / name).symlink_to(ROOT / name)
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", lines], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "rmse" in done.stdout.lower()
