"""compare.py DATA EXPECTED ANSWER: as bench/boosting."""
import pathlib
import runpy

runpy.run_path(str(pathlib.Path(__file__).parents[1] / "boosting/compare.py"), run_name="__main__")
