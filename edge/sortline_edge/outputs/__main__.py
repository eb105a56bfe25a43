"""`python -m sortline_edge.outputs`, started by `ProcessOutputs` with the connection as its standard input."""

import sys

from sortline_edge.outputs.process import main

if __name__ == "__main__":
    sys.exit(main())
