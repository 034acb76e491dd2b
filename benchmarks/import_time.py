"""How much longer `import symgrad` takes than `import sympy`, in fresh processes, interleaved.

python benchmarks/import_time.py [--repeat 15]
"""

import argparse
import statistics
import subprocess
import sys
import time


def seconds(module: str) -> float:
    """One import in a process of its own, without the start of the interpreter."""
    code = f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return float(result.stdout)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=15)
    repeat = parser.parse_args().repeat
    seconds("symgrad")
    times: dict[str, list[float]] = {"sympy": [], "symgrad": []}
    for _ in range(repeat):
        for module, taken in times.items():
            taken.append(seconds(module))
            time.sleep(0.05)
    median = {module: statistics.median(taken) for module, taken in times.items()}
    for module, value in median.items():
        print(f"import {module:8} {value:.3f} s (median of {repeat})")
    print(f"ratio {median['symgrad'] / median['sympy']:.2f}")


if __name__ == "__main__":
    main()
