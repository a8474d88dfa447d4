import sys
from pathlib import Path

# Behind what is installed, so that the tests still see the installed package.
sys.path.append(str(Path(__file__).parents[2]))
