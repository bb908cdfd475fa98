"""SciPy reads the variable once, so it is set before anything imports SciPy."""

import os

# Else scikit-learn skips check_array_api_input, which NumPy input passes as well.
os.environ.setdefault("SCIPY_ARRAY_API", "1")
