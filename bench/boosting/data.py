"""data.py DATA: the four sets of bench/forest."""
import pathlib
import runpy

runpy.run_path(str(pathlib.Path(__file__).parents[1] / "forest/data.py"), run_name="__main__")
