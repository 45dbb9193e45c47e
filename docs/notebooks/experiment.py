# %% [markdown]
# # An experiment, run and read
#
# Each script in `experiments/` is one method: its docstring says the paper, what it shows and how long it takes. It prints a table and
# writes the same numbers as JSON. This one is NEAT on XOR (Stanley & Miikkulainen 2002, section 4.1), twenty seeds of the paper's hundred.

# %%
import json
import subprocess
import sys
from pathlib import Path

root = next(folder for folder in (Path.cwd(), *Path.cwd().parents) if (folder / "experiments").is_dir())
command = [sys.executable, str(root / "experiments" / "xor.py"), "--seeds", "20", "--json", "xor.json"]
printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
print(*printed.splitlines()[-6:], sep="\n")  # the table; before it, the progress

# %% [markdown]
# The JSON has the paper's figures (`published`), ours (`ours`), and every single run.

# %%
report = json.loads(Path("xor.json").read_text())
for name, value in report["ours"].items():
    print(f"{name:18s} paper {report['published'][name]:9,.2f}   ours {value:9,.2f}")

# %%
import matplotlib.pyplot as plt
import pandas as pd

runs = pd.DataFrame(report["runs"])
figure, axes = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
axes[0].hist(runs["generations"], bins=10)
axes[0].set(xlabel="generations until XOR is solved", ylabel="seeds")
axes[1].scatter(runs["hidden"], runs["connections"], alpha=0.5)
axes[1].set(xlabel="hidden nodes of the winner", ylabel="its enabled connections")
axes[1].set_xticks(range(1, runs["hidden"].max() + 1));

# %% [markdown]
# The same as a search of your own data needs no script: `neuroevo search flowers.csv --target species`. Which method for which problem:
# the page "Choose".
