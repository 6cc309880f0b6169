"""compare.py DATA EXPECTED ANSWER: mean AUC over the repeats, which may be one standard error below that of EXPECTED. See problem.toml, tolerance."""
import sys

from forest.compare import main, standard_error

sys.exit(main(standard_error))
